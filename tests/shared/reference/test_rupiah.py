"""Rupiah in office spellings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.reference import Invalid, rupiah

amounts = st.integers(0, rupiah.LARGEST)


@given(amounts)
def test_what_is_printed_can_be_read(amount: int) -> None:
    """Round trip through the official spelling."""
    assert rupiah.parse(rupiah.format_rupiah(amount)) == amount


@given(amounts, st.sampled_from(["Rp {}", "Rp. {},-", "{},00", "IDR {}", "{}.-", " '{} ", "rp{},=", "{}"]))
def test_every_office_spelling_is_the_same_amount(amount: int, spelling: str) -> None:
    """Receipts, decrees and sheets differ."""
    grouped = f"{amount:,}".replace(",", ".")
    assert rupiah.parse(spelling.format(grouped)) == amount
    assert rupiah.parse(spelling.format(amount)) == amount


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("6.111", 6111),
        ("10.000", 10_000),
        ("Rp 180.000.000", 180_000_000),
        ("180.000.000,00", 180_000_000),
        ("180000000.0", 180_000_000),
        ("180,000,000", 180_000_000),
        ("180,000.00", 180_000),
        ("0", 0),
        ("-0", 0),
    ],
)
def test_a_dot_is_for_thousands(text: str, amount: int) -> None:
    """S3-08 "6.111 unit", S2-08 "10.000 orang"; English only where it can be nothing else."""
    assert rupiah.parse(text) == amount


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("180,000", "rupiah.ambiguous"),
        ("1.234,567", "rupiah.fractional"),
        ("0.500", "rupiah.fractional"),
        ("180.5", "rupiah.fractional"),
        ("(5.000)", "rupiah.negative"),
        ("- Rp5.000", "rupiah.negative"),
        ("5.000)", "rupiah.format"),
        ("18.00.000", "rupiah.format"),
        ("Rp", "rupiah.format"),
        ("", "rupiah.format"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(text: str, code: str) -> None:
    """A budget wrong by a thousand is worse than a question."""
    with pytest.raises(Invalid, match=code):
        rupiah.parse(text)


def test_less_than_zero_is_printed_before_the_sign() -> None:
    """PUEBI."""
    assert rupiah.format_rupiah(-5000) == "-Rp5.000"
