"""NIB, NPWP and KBLI."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.id import npwp as second_opinion

from shared.reference import Invalid, kbli, nib, npwp
from tests.shared.reference import generate
from tests.shared.reference.strategies import nibs, niks, randoms


@given(nibs)
def test_a_nib_is_returned_as_it_is(number: str) -> None:
    """No check digit is known, so there is nothing to derive (sources §2)."""
    assert nib.parse(number) == number
    assert nib.clean(f" '{number} ") == number


def test_the_contracts_example_nib_is_taken() -> None:
    """1234567890123 counts up and is the example that integrators will send first."""
    assert nib.parse("1234567890123") == "1234567890123"


@given(randoms)
def test_an_old_npwp_becomes_the_new_one(rng: Random) -> None:
    """PMK 112/2022: the entity's 15 digits with a 0 before them."""
    old = generate.npwp(rng)
    read = npwp.parse(old)
    assert (read.number, read.kind, read.notes) == (f"0{old}", "legacy", ())
    assert npwp.parse(read.number).kind == "entity"


@given(niks)
def test_a_persons_npwp_is_the_nik(number: str) -> None:
    """PMK 112/2022 for residents; it is personal data as the NIK is."""
    read = npwp.parse(number)
    assert (read.number, read.kind) == (number, "nik")
    assert number not in repr(read)


@given(st.integers(1, 10**15 - 1).map(lambda value: f"{value:015d}"))
def test_python_stdnum_agrees_on_check_digits(number: str) -> None:
    """Where it says wrong, we say odd: the rule is known to us second-hand only."""
    try:
        read = npwp.parse(number)
    except Invalid as problem:
        assert problem.code == "npwp.placeholder"  # noqa: PT017
    else:
        assert second_opinion.is_valid(number) == (not read.notes)


def test_the_printed_form_is_cleaned() -> None:
    """As it stands on the card."""
    assert npwp.clean("01.312.166.0-091.000") == "013121660091000"


def test_a_known_kbli_code_has_its_title() -> None:
    """The contract's example: crisps are manufacturing."""
    read = kbli.parse("10794", "2020")
    assert (read.title, read.category, read.notes) == ("Industri Kerupuk, Keripik, Peyek dan Sejenisnya", "C", ())


@pytest.mark.parametrize("version", kbli.VERSIONS)
def test_a_code_that_we_do_not_have_is_taken_in_every_edition(version: str) -> None:
    """There are 1,790 codes in 2020 alone and the editions overlap (sources §0): only OSS knows them all."""
    read = kbli.parse("10795", version)
    assert read.title is None
    assert [note.code for note in read.notes] == ["kbli.unknown"]


@pytest.mark.parametrize(
    ("code", "letter"),
    [("01122", "A"), ("10710", "C"), ("47711", "G"), ("56102", "I"), ("96200", "S"), ("99000", "U"), ("04000", None)],
)
def test_the_category_follows_from_the_division(code: str, letter: str | None) -> None:
    """Whether a business is industry (IKM) is read off category C (sources §2)."""
    assert kbli.category(code, "2020") == letter


def test_the_2025_edition_has_other_categories() -> None:
    """Twenty-two, A–V (Peraturan BPS 7/2025): the letters of 2020 would be wrong."""
    assert kbli.category("10794", "2025") is None


def test_every_row_of_the_table_is_a_code_with_a_category() -> None:
    """The list is edited by hand."""
    titles = kbli._titles("2020")
    assert len(titles) > 40
    assert all(kbli.parse(code, "2020").category for code in titles)
    assert list(titles) == sorted(titles)
