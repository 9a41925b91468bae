"""Hours, pauses, tables: what an office may change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from services.notify import occasion, sms, template
from services.notify.policy import policy_on
from services.notify.questions import previews, sample
from services.notify.refusal import consequence_of
from tests.support import PROJECT

POLICY = policy_on(date(2026, 3, 2))
ZONES = {"12.71": 7, "64.72": 8, "91.03": 9}
"""Medan (WIB), Samarinda (WITA), Jayapura (WIT), and their hours ahead of UTC."""


@pytest.mark.parametrize(("region", "hours"), ZONES.items())
@pytest.mark.parametrize("clock", range(24))
def test_nobody_is_written_to_at_night_where_they_are(region: str, hours: int, clock: int) -> None:
    """20:00-08:00 by the recipient's own clock; what is quiet ends at 08:00 there, and what is not is not moved."""
    there = datetime(2026, 3, 2, clock, 30, tzinfo=UTC)
    allowed = POLICY.allowed(there - timedelta(hours=hours), region)
    local = (allowed + timedelta(hours=hours)).astimezone(UTC)
    if 8 <= clock < 20:
        assert local == there
    else:
        assert (local.hour, local.minute) == (8, 0)
        assert timedelta(0) < local - there <= timedelta(hours=12)


def test_the_bounds_of_the_night() -> None:
    """20:00:00 is night, 08:00:00 is not, in Medan."""
    assert POLICY.allowed(datetime(2026, 3, 2, 12, 59, 59, tzinfo=UTC), "12.71").hour == 12
    assert POLICY.allowed(datetime(2026, 3, 2, 13, 0, tzinfo=UTC), "12.71") == datetime(2026, 3, 3, 1, 0, tzinfo=UTC)
    morning = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)
    assert POLICY.allowed(morning, "12.71") == morning


def test_pauses_grow_and_have_an_end() -> None:
    """A provider that says "later" is asked ever more seldom."""
    pauses = [POLICY.backoff(attempt) for attempt in range(1, 12)]
    assert pauses[0] == timedelta(seconds=30)
    assert pauses == sorted(pauses)
    assert pauses[-1] == POLICY.longest_pause


def test_a_day_before_all_rows_has_no_policy() -> None:
    """A mistake of ours is loud."""
    with pytest.raises(KeyError):
        policy_on(date(2019, 12, 31))
    with pytest.raises(LookupError):
        occasion.occasion_on("programme_eligible", date(2019, 12, 31))


def test_every_occasion_has_its_template_and_a_known_priority_and_category() -> None:
    """The table is edited by hand."""
    for one in occasion.occasions():
        assert one.template in template.names()
        assert one.priority in occasion.PRIORITIES
        assert one.category in {"service", "offer"}


def test_officials_read_the_table_that_is_in_force() -> None:
    """docs/offices/messages.md has a row for every occasion, with its event and category, and the hours of policy."""
    page = (PROJECT / "docs" / "offices" / "messages.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    words = {"offer": "tawaran", "service": "layanan"}
    said = {(row.split("`")[1], row.split("`")[3], row.split("|")[4].strip()) for row in rows}
    assert said == {(one.template, one.event, words[one.category]) for one in occasion.occasions()}
    hours = f"pukul {POLICY.quiet_from:%H.%M} dan {POLICY.quiet_until:%H.%M}"
    minutes = f"{POLICY.digest.seconds // 60} menit"
    assert (hours in page, minutes in page) == (True, True)


@pytest.mark.parametrize("name", [one for one in template.names() if template.form(one, sample(one))])
def test_whatsapp_says_the_same_as_sms(name: str) -> None:
    """The approved words with the parameters put in are the text, word for word."""
    form = template.form(name, sample(name))
    assert form is not None
    assert template.filled(name, form.parameters) == template.render(name, sample(name)).rstrip("\n")


def test_a_preview_says_how_a_message_reads_and_what_causes_it() -> None:
    """What `binaan notify preview` shows."""
    (shown,) = previews("programme_eligible_id_v2", date(2026, 3, 2))
    assert shown["whatsapp"]["text"] == shown["text"].rstrip("\n")
    assert shown["whatsapp"]["category"] == "MARKETING"
    assert shown["sms"]["encoding"] == "GSM-7"
    assert [one["event"] for one in shown["causes"]] == ["aid.eligibility.assessed"]
    assert list(previews("no such", date(2026, 3, 2))) == []


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments"),
    [
        ("", "GSM-7", 0, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3),
        ("ā" * 70, "UCS-2", 70, 1),
        ("ā" * 71, "UCS-2", 71, 2),
        ("ā" * 134, "UCS-2", 134, 2),
        ("ā" * 135, "UCS-2", 135, 3),
        ("😀" * 35, "UCS-2", 70, 1),
        ("😀" * 36, "UCS-2", 72, 2),
        ("😀" * 67, "UCS-2", 134, 3),
    ],
)
def test_how_many_sms_a_text_takes(text: str, encoding: str, units: int, segments: int) -> None:
    """160/153 and 70/67 (3GPP TS 23.038); a character of two places is not cut in two."""
    assert sms.measure(text) == sms.Length(encoding, units, segments)


def test_codes_that_are_not_listed() -> None:
    """Meta adds codes: a family is known by its number, and what nobody knows is final rather than asked again."""
    assert consequence_of("whatsapp", "132777") == "template"
    assert consequence_of("whatsapp", "210") == "provider"
    assert consequence_of("whatsapp", "999999") == "never"
    assert consequence_of("twilio", "132000") == "never"
