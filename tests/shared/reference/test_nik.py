"""NIK: structure, birth date, century, what spreadsheets do to it."""

from datetime import date
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.id import nik as second_opinion

from shared.reference import Invalid, nik
from tests.shared.reference import generate
from tests.shared.reference.strategies import niks, randoms

TODAY = date(2026, 1, 5)


def test_a_womans_day_is_forty_more() -> None:
    """The example of the contract: 41 07 90 is a woman born on the first of July 1990 (sources §5)."""
    read = nik.parse("1271994107900001", today=TODAY)
    assert (read.region, read.born, read.sex, read.notes) == ("12.71", date(1990, 7, 1), "P", ())


@given(randoms, st.dates(date(1927, 1, 1), date(2026, 1, 5)), st.sampled_from("LP"), st.integers(1, 9999))
def test_what_was_put_in_comes_out(rng: Random, born: date, sex: str, serial: int) -> None:
    """Round trip over everyone younger than a hundred."""
    number = generate.nik(rng, regency="64.72", born=born, sex="P" if sex == "P" else "L", serial=serial)
    read = nik.parse(number, today=TODAY)
    assert (read.number, read.region, read.born, read.sex) == (number, "64.72", born, sex)


@given(niks)
def test_python_stdnum_agrees_on_good_numbers(number: str) -> None:
    """A second opinion that we did not write."""
    assert second_opinion.is_valid(number)
    assert second_opinion.get_birth_date(number).strftime("%d%m%y") == nik.parse(number, today=TODAY).born.strftime(
        "%d%m%y"
    )


@given(st.integers(0, 71), st.integers(0, 13), st.integers(0, 99), st.integers(1, 9999))
def test_python_stdnum_agrees_on_which_dates_exist(day: int, month: int, year: int, serial: int) -> None:
    """Up to 71, the last day of a woman; above that stdnum takes 81 for 1, and we do not."""
    number = f"127199{day:02d}{month:02d}{year:02d}{serial:04d}"
    assert second_opinion.is_valid(number) == _is_valid(number)


@pytest.mark.parametrize(
    ("number", "ours", "theirs", "why"),
    [
        ("9901994107900001", True, False, "a region of before a split is worth a warning, and no reason to refuse"),
        ("1271 9941 0790 0001", False, True, "on the wire there are digits and nothing else"),
        ("1271998107900001", False, True, "81 is no day: forty is added once"),
        ("1271994107900000", False, True, "a serial begins at 0001"),
        ("1111111111111111", False, True, "one digit, over and over, is a filler"),
    ],
)
def test_where_we_and_python_stdnum_differ_we_mean_to(number: str, ours: bool, theirs: bool, why: str) -> None:
    """All the differences there are; on everything else the generated numbers above agree."""
    assert (_is_valid(number), second_opinion.is_valid(number)) == (ours, theirs), why


@pytest.mark.parametrize("day", [0, 32, 40, 72, 81, 99])
def test_a_day_that_is_none_is_refused(day: int) -> None:
    """Day plus forty has gaps on both sides."""
    assert not _is_valid(f"127199{day:02d}01900001")


def test_a_leap_day_exists_only_in_leap_years() -> None:
    """290201 is impossible; 290200 is 2000, which was one."""
    assert not _is_valid("1271992902010001")
    assert nik.parse("1271992902000001", today=TODAY).born == date(2000, 2, 29)


@pytest.mark.parametrize(
    ("digits", "born"),
    [("050126", date(2026, 1, 5)), ("060126", date(1926, 1, 6)), ("311299", date(1999, 12, 31))],
)
def test_the_century_is_the_latest_that_is_not_in_the_future(digits: str, born: date) -> None:
    """A baby of today may have a NIK; tomorrow's is a hundred years old."""
    assert nik.parse(f"127199{digits}0001", today=TODAY).born == born


@pytest.mark.parametrize(
    "number",
    ["0" * 16, "1" * 16, "1234567890123456", "0123456789012345", "9876543210987654", "1271994107900000"],
)
def test_what_people_type_to_get_past_a_field_is_a_placeholder(number: str) -> None:
    """The audit found such numbers paid out; a serial begins at 0001 (sources §2)."""
    with pytest.raises(Invalid, match=r"nik\.placeholder"):
        nik.parse(number)


@pytest.mark.parametrize(
    "text", [" 1271994107900001", "1271994107900001\n", "'1271994107900001", "1271 9941 0790 0001"]
)
def test_the_wire_takes_digits_only(text: str) -> None:
    """A system sends what it means; only a spreadsheet is forgiven, by `clean`."""
    with pytest.raises(Invalid, match=r"nik\.length"):
        nik.parse(text)
    assert nik.clean(text) == "1271994107900001"


def test_digits_of_other_scripts_are_none() -> None:
    """Python's own notion of a digit would let Arabic and Devanagari ones through."""
    with pytest.raises(Invalid, match=r"nik\.not_digits"):
        nik.parse("١" + "271994107900001")


@pytest.mark.parametrize("text", ["1.271E+15", "1,27E+15", " 1.27199410790000E+15 ", "1271994107900000.0"])
def test_what_excel_has_rounded_is_named_and_not_guessed(text: str) -> None:
    """Excel keeps 15 digits: the sixteenth is gone, and with it one person in ten would become another."""
    with pytest.raises(Invalid, match=r"nik\.scientific"):
        nik.parse(nik.clean(text))


def test_a_point_zero_that_lost_nothing_is_taken_off() -> None:
    """Other tools export whole numbers with .0 and all their digits."""
    assert nik.clean("1271994107900001.0") == "1271994107900001"


def test_a_nik_does_not_show_itself() -> None:
    """A traceback or a log prints `repr`."""
    assert "1271994107900001" not in repr(nik.parse("1271994107900001"))
    assert "1990" not in repr(nik.parse("1271994107900001"))


def _is_valid(number: str) -> bool:
    try:
        nik.parse(number, today=TODAY)
    except Invalid:
        return False
    return True
