"""Phone numbers in all the ways in which offices write them."""

from random import Random

import pytest
from hypothesis import given
from lokal.phone import parse_phone as second_opinion

from shared.reference import Invalid, phone
from tests.shared.reference import generate
from tests.shared.reference.strategies import phones, randoms


@given(randoms)
def test_every_spelling_is_the_same_number(rng: Random) -> None:
    """One owner, one contact, however four offices wrote it."""
    number = generate.phone(rng)
    read = phone.parse(generate.written_phone(rng, number))
    assert (read.e164, read.mobile, read.notes) == (number, True, ())
    assert read.operator is not None


@given(phones)
def test_lokal_agrees(number: str) -> None:
    """The operator table is theirs; this holds it to it."""
    theirs = second_opinion(number)
    read = phone.parse(number)
    assert (read.e164, read.operator) == (theirs.e164, theirs.operator)


@given(phones)
def test_reading_twice_changes_nothing(number: str) -> None:
    """E.164 is a fixed point."""
    assert phone.parse(phone.parse(number).e164).e164 == number


@pytest.mark.parametrize("text", ["(061) 4521234", "0622-21234", "+62 541 733333", "0800 1 234567"])
def test_a_landline_is_taken_and_cannot_be_written_to(text: str) -> None:
    """The owner gave it; messages need a mobile number."""
    read = phone.parse(text)
    assert (read.mobile, read.operator, read.notes) == (False, None, ())


@pytest.mark.parametrize("text", ["0112345678", "00812345678", "021", "62", "+62", "", "-", "112"])
def test_what_is_no_subscriber_number_is_refused(text: str) -> None:
    """Carrier codes, the way abroad, emergency numbers, nothing."""
    with pytest.raises(Invalid):
        phone.parse(text)


def test_the_contracts_example_number_is_taken() -> None:
    """+62 812 3456 7890 counts up and is the first one that integrators will send."""
    assert phone.parse("+6281200000001").operator == "Telkomsel"


@pytest.mark.parametrize(
    ("cell", "e164"),
    [
        ("81200001234", "+6281200001234"),
        ("'081200001234", "+6281200001234"),
        ("6281200001234.0", "+6281200001234"),
        (" +62 812 0000 1234\u200e", "+6281200001234"),
        ("(0812) 0000-1234", "+6281200001234"),
    ],
)
def test_what_a_spreadsheet_has_done_is_undone(cell: str, e164: str) -> None:
    """A number column eats the 0; an apostrophe keeps it; WhatsApp's copies carry an invisible mark."""
    assert phone.parse(phone.clean(cell)).e164 == e164


def test_a_phone_does_not_show_itself() -> None:
    """A traceback or a log prints `repr`."""
    assert "0000" not in repr(phone.parse("+6281200001234"))
