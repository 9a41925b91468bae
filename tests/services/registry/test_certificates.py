"""Certificates: what their numbers must be, and what the clock tells of their last days."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.certificate import Certificate
from services.registry.handlers.products import look, look_needs
from services.registry.store import CERTIFICATES
from tests.memory import Task
from tests.services.registry.memory import SEEN, Registry, codes

CERTIFICATE = "registry.certificate.report"
PIRT = {"kind": "pirt", "number": "2061271010001-26", "issued_on": "2021-06-01", "expires_on": "2026-06-30"}
LAST = date(2026, 6, 30)


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def business_id(registry: Registry) -> str:
    return registry.recorded()


def told(registry: Registry, business_id: str, **fields: Any) -> Any:
    time = fields.pop("time", SEEN)
    return registry.send(CERTIFICATE, {"business_id": business_id, **PIRT, **fields}, time=time)


def on(registry: Registry, day: date) -> list[tuple[str, int | None]]:
    """What is told by the clock when it is noon there on a day."""
    registry.now = datetime(day.year, day.month, day.day, 5, tzinfo=UTC)
    before = len(registry.facts)
    while registry.perform(Task(registry.tick(), look_needs, look)).changes:
        pass
    return [
        (fact.type.rsplit(".", 1)[-1], fact.data.model_dump()["change"]["notice"]) for fact in registry.facts[before:]
    ]


def certificate(registry: Registry) -> Certificate:
    (found,) = registry.all(CERTIFICATES)
    return found


# --- what is reported -------------------------------------------------------------------------------------------------


def test_a_certificate_is_recorded_once_and_kept_up_to_date(registry: Registry, business_id: str) -> None:
    """However its number is written."""
    first = told(registry, business_id)
    again = told(
        registry, business_id, number="P-IRT 206127101000126", issuer="Dinas Kesehatan", time=SEEN.replace(day=9)
    )
    late = told(registry, business_id, issuer="Lain", time=SEEN.replace(day=1))
    assert [one.result["outcome"] for one in (first, again, late)] == ["created", "updated", "unchanged"]
    assert first.result["certificate_id"] == again.result["certificate_id"]
    assert certificate(registry).issuer == "Dinas Kesehatan"


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"number": "20612710100"}, ("certificate.pirt_number", "data.number")),
        ({"number": "ABC1271010001-26"}, ("certificate.pirt_number", "data.number")),
        ({"expires_on": "2020-01-01"}, ("certificate.expires_before_issued", "data.expires_on")),
        ({"issued_on": "2026-05-01"}, ("certificate.issued_in_future", "data.issued_on")),
        ({"issuer": "x", "clear": ["issuer"]}, ("clear.also_given", "data.clear")),
        ({"clear": ["number"]}, ("clear.unknown_field", "data.clear")),
        ({"business_id": "nothing"}, ("business.not_found", "data.business_id")),
    ],
)
def test_what_cannot_be_is_refused(
    registry: Registry, business_id: str, fields: dict[str, Any], problem: tuple[str, str]
) -> None:
    assert codes(told(registry, fields.pop("business_id", business_id), **fields)) == [problem]
    assert registry.all(CERTIFICATES) == []


def test_one_number_is_one_certificate(registry: Registry, business_id: str) -> None:
    """Of another business it is refused, unless the two turn out to be one."""
    told(registry, business_id)
    other = registry.recorded(name="Laundry")
    assert codes(told(registry, other)) == [("certificate.other_business", "data.number")]
    merge = {"keep": other, "absorb": business_id, "reason": "Satu usaha"}
    registry.accept("registry.business.merge", merge, actor="kadis")
    assert certificate(registry).business_id == other
    assert told(registry, business_id, issuer="Dinas", time=SEEN.replace(day=9)).result["outcome"] == "updated"
    assert certificate(registry).business_id == other


def test_what_may_be_wrong_is_taken_with_a_warning(registry: Registry, business_id: str) -> None:
    other_year = told(registry, business_id, number="2061271010001-27")
    assert [(one.code, one.field) for one in other_year.warnings] == [("certificate.pirt_year", "data.expires_on")]
    unheard = told(registry, business_id, kind="izin_edar", number="MD 123")
    assert [(one.code, one.field) for one in unheard.warnings] == [("certificate.kind_unknown", "data.kind")]
    assert len(registry.all(CERTIFICATES)) == 2


# --- the clock --------------------------------------------------------------------------------------------------------


def test_the_last_days_are_told_at_90_30_and_7_days_and_once_when_it_is_over(
    registry: Registry, business_id: str
) -> None:
    """Day by day: three notices and an end, each once."""
    told(registry, business_id)
    days = [LAST - timedelta(days=91 - number) for number in range(100)]
    said = {(LAST - day).days: what for day in days for what in on(registry, day)}
    assert said == {90: ("expiring", 90), 30: ("expiring", 30), 7: ("expiring", 7), -1: ("expired", None)}
    assert (certificate(registry).status, certificate(registry).due) == ("expired", None)


def test_after_a_downtime_only_the_step_it_has_come_to_is_told(registry: Registry, business_id: str) -> None:
    """Three messages at once about one certificate would help nobody."""
    told(registry, business_id)
    assert on(registry, LAST - timedelta(days=5)) == [("expiring", 7)]
    assert on(registry, LAST) == []
    assert on(registry, LAST + timedelta(days=400)) == [("expired", None)]


def test_it_is_valid_through_its_last_day_by_the_calendar_of_its_place(registry: Registry, business_id: str) -> None:
    """WIB is seven hours ahead: at 16:59 UTC it is still the last day, at 17:00 it is over."""
    told(registry, business_id)
    on(registry, LAST)
    for minute, over in ((datetime(2026, 6, 30, 16, 59, tzinfo=UTC), 0), (datetime(2026, 6, 30, 17, 0, tzinfo=UTC), 1)):
        registry.now = minute
        assert len(registry.perform(Task(registry.tick(), look_needs, look)).facts) == over


def test_a_renewed_certificate_is_not_told_of_any_more(registry: Registry, business_id: str) -> None:
    """Of a P-IRT the last two digits change with it; its own last days are told in their time."""
    told(registry, business_id)
    assert on(registry, LAST - timedelta(days=30)) == [("expiring", 30)]
    renewed = told(registry, business_id, number="2061271010001-31", expires_on="2031-06-30", time=registry.now)
    assert renewed.result["outcome"] == "updated"
    assert (certificate(registry).status, certificate(registry).number) == ("valid", "2061271010001-31")
    assert on(registry, LAST + timedelta(days=1)) == []
    assert on(registry, date(2031, 6, 23)) == [("expiring", 7)]


def test_an_old_certificate_is_recorded_as_over_without_a_word(registry: Registry, business_id: str) -> None:
    """An archive of ten years must not be told as if it had happened today."""
    told(registry, business_id, issued_on="2010-01-01", expires_on="2015-01-01", number="206127101000115")
    assert certificate(registry).status == "expired"
    assert on(registry, LAST) == []


def test_of_a_business_that_is_no_more_nothing_is_told_until_it_is_back(registry: Registry, business_id: str) -> None:
    told(registry, business_id)
    registry.decide("deactivate", business_id)
    assert on(registry, LAST - timedelta(days=30)) == []
    registry.decide("reactivate", business_id)
    assert on(registry, LAST - timedelta(days=20)) == [("expiring", 30)]


@given(st.lists(st.integers(-5, 200), min_size=1, max_size=12).map(sorted))
def test_however_seldom_the_clock_looks_each_step_is_told_at_most_once_and_the_end_always(days: list[int]) -> None:
    registry = Registry()
    told(registry, registry.recorded())
    said = [what for left in reversed(days) for what in on(registry, LAST - timedelta(days=left))]
    said += on(registry, LAST + timedelta(days=10))
    notices = [notice for _, notice in said if notice is not None]
    assert notices == sorted(set(notices), reverse=True)
    assert [what for what, _ in said].count("expired") == 1
