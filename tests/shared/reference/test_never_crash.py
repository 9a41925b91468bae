"""Whatever an office or a stranger sends, a reference value answers `Invalid` and nothing else."""

from collections.abc import Callable

import pytest
from hypothesis import given

from shared.reference import Invalid, dates, kbli, nib, nik, npwp, personal, phone, region, rupiah
from tests.shared.reference.strategies import texts

PARSERS: dict[str, Callable[[str], object]] = {
    "nik": nik.parse,
    "nib": nib.parse,
    "npwp": npwp.parse,
    "phone": phone.parse,
    "region": region.parse,
    "region by name": region.find,
    "region zone": region.zone,
    "region above": region.regency_or_above,
    "kbli": lambda text: kbli.parse(text, "2020"),
    "kbli version": lambda text: kbli.parse("10794", text),
    "rupiah": rupiah.parse,
    "date": dates.parse,
    "iso date": dates.parse_iso,
    "time": dates.parse_time,
}
TOTAL: dict[str, Callable[[str], object]] = {
    "nik": nik.clean,
    "nib": nib.clean,
    "npwp": npwp.clean,
    "phone": phone.clean,
    "region": region.clean,
    "kbli category": lambda text: kbli.category(text, "2020"),
    "known district": region.is_known_district,
    "personal": personal.find_personal,
    "personal in ids": lambda text: personal.find_personal(text, strict_region=True),
}


@pytest.mark.parametrize("name", PARSERS)
def test_any_text_is_read_or_refused(name: str) -> None:
    """An exception of any other kind would make a stranger's text our bug and hold the message."""

    @given(texts)
    def refuses(text: str) -> None:
        try:
            PARSERS[name](text)
        except Invalid as problem:
            assert "." in problem.code  # noqa: PT017 - that it is refused is allowed, not demanded

    refuses()


@pytest.mark.parametrize("name", TOTAL)
def test_what_promises_never_to_raise_does_not(name: str) -> None:
    """Cleaning and looking are done before anybody has said that the text is any good."""

    @given(texts)
    def answers(text: str) -> None:
        TOTAL[name](text)

    answers()


def test_a_number_of_a_million_digits_is_refused_in_passing() -> None:
    """Python gives up on very long numbers with an error of its own, and some patterns would take for ever."""
    for parse in PARSERS.values():
        with pytest.raises(Invalid):
            parse("9" * 1_000_000)
    assert personal.find_personal("9" * 1_000_000) is None
