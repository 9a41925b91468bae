"""Every code that `shared.reference` can give, with a value that gives it, and what its texts must not do."""

import ast
import pickle
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from shared.reference import Invalid, dates, kbli, nib, nik, npwp, phone, region, rupiah

TODAY = date(2026, 1, 5)

# code → what is called, and with what. The value comes first.
ERRORS: dict[str, tuple[Callable[..., object], tuple[str, ...]]] = {
    "nik.length": (nik.parse, ("127199410790001",)),
    "nik.not_digits": (nik.parse, ("12719941O7900001",)),
    "nik.scientific": (nik.parse, ("1,27199E+15",)),
    "nik.placeholder": (nik.parse, ("1271994107900000",)),
    "nik.invalid_date": (nik.parse, ("1271993002900001",)),
    "nib.length": (nib.parse, ("123456789012",)),
    "nib.not_digits": (nib.parse, ("123456789012X",)),
    "nib.scientific": (nib.parse, ("1.23457E+12",)),
    "nib.placeholder": (nib.parse, ("0000000000000",)),
    "npwp.length": (npwp.parse, ("0131216600910",)),
    "npwp.not_digits": (npwp.parse, ("01312166009100X",)),
    "npwp.scientific": (npwp.parse, ("1.31E+13",)),
    "npwp.placeholder": (npwp.parse, ("000000000000000",)),
    "npwp.not_a_nik": (npwp.parse, ("1271993002900001",)),
    "phone.format": (phone.parse, ("081200001234/081200005678",)),
    "phone.scientific": (phone.parse, ("6.28120E+12",)),
    "phone.not_indonesian": (phone.parse, ("+60123456789",)),
    "phone.too_short": (phone.parse, ("0812 0000",)),
    "phone.too_long": (phone.parse, ("0812 0000 1234 56",)),
    "phone.placeholder": (phone.parse, ("0812 0000 0000",)),
    "region.format": (region.parse, ("33.1",)),
    "region.unknown": (region.parse, ("12.99",)),
    "region.not_found": (region.find, ("Atlantis",)),
    "region.ambiguous": (region.find, ("Bandung",)),
    "kbli.format": (kbli.parse, ("1079", "2020")),
    "kbli.version": (kbli.parse, ("10794", "2019")),
    "rupiah.format": (rupiah.parse, ("180 juta",)),
    "rupiah.scientific": (rupiah.parse, ("1,8E+08",)),
    "rupiah.negative": (rupiah.parse, ("-5.000",)),
    "rupiah.ambiguous": (rupiah.parse, ("6,111",)),
    "rupiah.fractional": (rupiah.parse, ("180.000,50",)),
    "rupiah.too_large": (rupiah.parse, ("180.000.000.000.000.000",)),
    "date.format": (dates.parse, ("kemarin",)),
    "date.serial": (dates.parse, ("46027",)),
    "date.short_year": (dates.parse, ("05/01/26",)),
    "date.impossible": (dates.parse, ("01/25/2026",)),
    "date.out_of_range": (dates.parse, ("05/01/0026",)),
    "time.format": (dates.parse_time, ("2026-W01-1T09:30:00Z",)),
    "time.zone_missing": (dates.parse_time, ("2026-01-05T09:30:00",)),
    "time.out_of_range": (dates.parse_time, ("0001-01-01T00:00:00Z",)),
}

NOTES: dict[str, tuple[Callable[..., nik.Nik | npwp.Npwp | phone.Phone | kbli.Kbli], tuple[str, ...]]] = {
    "nik.unknown_region": (nik.parse, ("1499994107900001",)),
    "npwp.check_digit": (npwp.parse, ("013121661091000",)),
    "phone.unknown_prefix": (phone.parse, ("084000001234",)),
    "kbli.unknown": (kbli.parse, ("10795", "2020")),
}


@pytest.mark.parametrize("code", ERRORS)
def test_a_wrong_value_gives_its_code_and_is_not_repeated(code: str) -> None:
    """Problems go into replies, logs and held messages: no value may stand there (contract, "Replies")."""
    call, arguments = ERRORS[code]
    with pytest.raises(Invalid) as caught:
        call(*arguments)
    assert caught.value.code == code
    _assert_speaks(caught.value.text_id, caught.value.text_en, arguments[0])
    assert arguments[0] not in str(caught.value)


@pytest.mark.parametrize("code", NOTES)
def test_an_odd_value_is_taken_with_a_note(code: str) -> None:
    """What may be right is never refused: old region codes and new prefixes exist (sources §2, §6)."""
    call, arguments = NOTES[code]
    (note,) = call(*arguments).notes
    assert note.code == code
    _assert_speaks(note.text_id, note.text_en, arguments[0])


def test_every_code_in_the_source_has_an_example_here() -> None:
    """Codes are part of the public contract; one that nothing tests is one that nobody has seen."""
    assert _codes_in_the_source() == ERRORS.keys() | NOTES.keys()


def test_an_error_survives_pickling() -> None:
    """Worker processes hand errors back by pickle; all three texts must arrive."""
    error = pickle.loads(pickle.dumps(Invalid("a.b", "salah", "wrong")))
    assert (error.code, error.text_id, error.text_en) == ("a.b", "salah", "wrong")


def _assert_speaks(text_id: str, text_en: str, value: str) -> None:
    for text in (text_id, text_en):
        assert text.endswith(".")
        assert value not in text


def _codes_in_the_source() -> set[str]:
    source = Path(nik.__file__).parent
    calls = (node for path in source.glob("*.py") for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    return {
        node.args[0].value
        for node in calls
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("Invalid", "Note")
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }
