"""Dates of offices and instants of RFC 3339."""

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.reference import Invalid, dates

DAYS = st.dates(date(1900, 1, 1), date(2200, 12, 31))
MONTHS = (
    *("Januari", "Februari", "Maret", "April", "Mei", "Juni"),
    *("Juli", "Agustus", "September", "Oktober", "November", "Desember"),
)
ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(DAYS)
def test_every_office_spelling_is_the_same_day(day: date) -> None:
    """Day first, with slashes, dashes, dots or the month's name; ISO from software."""
    spellings = (
        f"{day:%d/%m/%Y}",
        f"{day.day}-{day.month}-{day.year}",
        f"{day.day}.{day.month}.{day.year}",
        f"{day.day} {MONTHS[day.month - 1]} {day.year}",
        f"{day.day:02d} {MONTHS[day.month - 1][:3].upper()} {day.year}",
        f"{day:%d/%m/%Y} 00:00:00",
        f"{day.isoformat()} 00:00:00",
        f" '{day.isoformat()}",
        day.isoformat(),
    )
    assert {dates.parse(text) for text in spellings} == {day}
    assert dates.parse_iso(day.isoformat()) == day


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("05/01/2026", date(2026, 1, 5)),
        ("1-3-2019", date(2019, 3, 1)),
        ("24 Agt 2022", date(2022, 8, 24)),
        ("5 Nopember 2020", date(2020, 11, 5)),
        ("1 Pebruari 2021", date(2021, 2, 1)),
        ("5-Aug-2022", date(2022, 8, 5)),
        ("2026/01/05", date(2026, 1, 5)),
    ],
)
def test_the_day_comes_first_and_old_spellings_are_known(text: str, day: date) -> None:
    """The fifth of January, never the first of May."""
    assert dates.parse(text) == day


@pytest.mark.parametrize("text", ["29/02/2025", "31 April 2026", "2026-13-01", "00/01/2026", "01/25/2026"])
def test_a_day_that_does_not_exist_is_refused(text: str) -> None:
    """An American date shows itself as a month of 25."""
    with pytest.raises(Invalid, match=r"date\.impossible"):
        dates.parse(text)


@pytest.mark.parametrize("text", ["2026-1-5", "05/01/2026", "20260105", "2026-01-05T00:00:00Z", " 2026-01-05"])
def test_the_wire_takes_iso_only(text: str) -> None:
    """Contract, "The envelope": dates YYYY-MM-DD."""
    with pytest.raises(Invalid, match=r"date\.format"):
        dates.parse_iso(text)


@given(DAYS, st.times(), ZONES)
def test_an_instant_survives_being_written(day: date, clock: time, zone: timezone) -> None:
    """And can always be turned into UTC, which overflows at the ends of Python's calendar."""
    instant = datetime.combine(day, clock, zone)
    read = dates.parse_time(instant.isoformat())
    assert read == instant
    assert read.utcoffset() == instant.utcoffset()
    assert read.astimezone(UTC) == instant


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-05T09:30:00Z",
        "2026-01-05t09:30:00z",
        "2026-01-05 09:30:00+00:00",
        "2026-01-05T16:30:00.000+07:00",
        "2026-01-05T09:30:00.000000000Z",
        "2026-01-05T09:30:00-00:00",
    ],
)
def test_all_of_rfc_3339_is_read(text: str) -> None:
    """Small letters, a blank for T, nanoseconds of Go and Java."""
    assert dates.parse_time(text) == datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-05",
        "20260105T093000Z",
        "2026-W02-1T09:30:00Z",
        "2026-01-05T09:30Z",
        "2026-01-05T09:30:00+0700",
        "2026-01-05T09:30:00+07",
        "2026-01-05T09:30:00+24:00",
        "2026-01-05T09:30:00,5Z",
        "2026-02-30T09:30:00Z",
        "2026-01-05T25:00:00Z",
        "2026-01-05T09:30:00Z\n",
        "1767584400",
        "",
    ],
)
def test_what_python_would_take_and_rfc_3339_does_not_is_refused(text: str) -> None:
    """Other languages' readers of our events must be able to read what we pass on."""
    with pytest.raises(Invalid, match=r"time\.format"):
        dates.parse_time(text)


def test_the_zone_must_be_said() -> None:
    """Indonesia has three; a time without one is three times."""
    with pytest.raises(Invalid, match=r"time\.zone_missing"):
        dates.parse_time("2026-01-05T09:30:00.5")
