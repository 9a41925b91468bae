"""Cooperatives and regions, certificates, prior aid and the calendar: who is assessed, on what, and when again."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.aid.business import Business
from services.aid.candidate import Candidate
from services.aid.criteria import judge, months_after, turns_on
from services.aid.recipient import Recipient, with_intervention
from services.aid.store import ELIGIBILITIES
from shared.contracts.registry.businesses import BusinessState
from shared.contracts.registry.cooperatives import CooperativeEvent
from shared.contracts.registry.products import CertificateEvent
from tests.samples import programme
from tests.services.aid.interventions import intervention
from tests.services.aid.memory import Memory, business
from tests.services.aid.test_criteria import criterion

TODAY = date(2026, 3, 2)


@pytest.fixture
def aid() -> Memory:
    memory = Memory()
    memory.know_agency()
    memory.know_agency("dinkop-sumut", "12")
    return memory


HEALTH = {
    "health_class": "sehat",
    "book_year": 2025,
    "assessed_on": "2026-02-01",
    "assessor": "official",
    "valid_until": "2026-12-31",
}


def hear_of(memory: Memory, sequence: int = 1, **facts: Any) -> None:
    """What registry tells of a cooperative."""
    state = {
        "cooperative_id": "koperasi-1",
        "agency": "dinkop-medan",
        "name": "Koperasi Maju",
        "form": "primer",
        "region": "12.71.01.1001",
        "membership_area": "12.71",
        "supervision": "kabkota",
        "status": "aktif",
        "status_since": "2020-01-01",
        "recorded_on": "2020-01-01",
        **facts,
    }
    event = CooperativeEvent.model_validate({"cooperative": state})
    memory.hear("registry.cooperative.updated", event, sequence)


def certificate(memory: Memory, sequence: int = 1, **facts: Any) -> None:
    about = {"certificate_id": "c", "business_id": "business-1", "kind": "halal", "number": "1", "status": "valid"}
    event = CertificateEvent.model_validate({"certificate": {**about, **facts}})
    memory.hear("registry.certificate.recorded", event, sequence)


def verdicts(memory: Memory) -> dict[str, str]:
    return {one.beneficiary_id: one.verdict for one in memory.all(ELIGIBILITIES)}


def said(memory: Memory, code: str) -> str:
    (answer,) = memory.all(ELIGIBILITIES)
    return next(one.text_id for one in answer.criteria if one.code == code)


# --- who is assessed --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["cooperative", "programme"])
def test_only_a_really_healthy_cooperative_is_eligible(aid: Memory, first: str) -> None:
    """S1-13: "koperasi yang benar-benar sehat" is the class SEHAT, valid on the day, and no other."""
    fields: dict[str, Any] = {
        "beneficiary": "cooperative",
        "announce": "never",
        "criteria": [{"type": "health_is", "values": ["sehat"]}],
    }
    if first == "programme":
        aid.open(**fields)
        aid.work()
    hear_of(aid)
    aid.hear_of(business(status="binaan"), 1)
    if first == "cooperative":
        aid.open(**fields)
        aid.work()
    assert verdicts(aid) == {"koperasi-1": "waiting"}
    hear_of(aid, 2, health={**HEALTH, "health_class": "cukup_sehat"})
    assert verdicts(aid) == {"koperasi-1": "ineligible"}
    hear_of(aid, 3, health=HEALTH)
    assert verdicts(aid) == {"koperasi-1": "eligible"}
    assert said(aid, "region_within") == "Koperasi berada di Kota Medan."
    aid.later(days=310)
    aid.work()
    assert verdicts(aid) == {"koperasi-1": "waiting"}


def test_a_cooperative_that_is_no_more_receives_nothing(aid: Memory) -> None:
    aid.open(beneficiary="cooperative_board", announce="never", criteria=[])
    hear_of(aid)
    hear_of(aid, 2, status="dibubarkan")
    assert verdicts(aid) == {"koperasi-1": "ineligible"}
    assert said(aid, "cooperative_active") == "Koperasi sudah dibubarkan atau batal dibentuk."


def test_aid_for_regions_is_assessed_for_each_of_them(aid: Memory) -> None:
    """S3-11: "bantuan kepada kabupaten/kota"."""
    fields = programme(agency="dinkop-sumut", region="12", kind="regional_aid", beneficiary="region", criteria=[])
    decision = aid.send("aid.programme.open", {**fields, "announce": "never"}, "dinkop-sumut")
    assert not decision.problems
    aid.work()
    found = verdicts(aid)
    assert len(found) == 33
    assert found["12.71"] == "eligible"


def test_what_says_nothing_about_who_receives_is_refused_at_the_opening(aid: Memory) -> None:
    """It would wait for ever; where it stands is said, however deep."""
    inner = {"type": "any", "criteria": [{"type": "never_received"}, {"type": "status_is", "value": "binaan"}]}
    fields = programme(beneficiary="cooperative", announce="never", criteria=[{"type": "not", "criterion": inner}])
    refused = aid.send("aid.programme.open", fields).problems
    assert [(one.code, one.field) for one in refused] == [
        ("criteria.not_applicable", "data.criteria.0.criterion.criteria.1")
    ]
    announced = aid.send("aid.programme.open", programme(beneficiary="cooperative", criteria=[])).problems
    assert [(one.code, one.field) for one in announced] == [("programme.announce", "data.announce")]


# --- certificates -----------------------------------------------------------------------------------------------------

HALAL = [{"type": "certificate_held", "values": ["halal"]}]


@pytest.mark.parametrize("first", ["certificate", "business"])
def test_a_certificate_counts_while_it_is_valid(aid: Memory, first: str) -> None:
    """S1-14; whichever of the two is heard of first, and without a word when its last day is over."""
    aid.open(criteria=HALAL)
    aid.work()
    if first == "business":
        aid.hear_of(business(), 1)
        assert verdicts(aid) == {"business-1": "ineligible"}
    certificate(aid, expires_on="2026-03-10")
    aid.hear_of(business(), 1)
    assert verdicts(aid) == {"business-1": "eligible"}
    aid.later(days=8)
    aid.work()
    assert verdicts(aid) == {"business-1": "eligible"}
    aid.later(days=1)
    aid.work()
    assert verdicts(aid) == {"business-1": "ineligible"}
    certificate(aid, 3, expires_on="2030-03-10")
    certificate(aid, 2, expires_on="2026-03-10", status="expired")
    assert verdicts(aid) == {"business-1": "eligible"}


# --- the calendar -----------------------------------------------------------------------------------------------------


def test_an_age_is_reached_without_anybody_saying_so(aid: Memory) -> None:
    aid.open(criteria=[{"type": "age_at_least", "months": 12}])
    aid.work()
    aid.hear_of(business(), 1)
    assert verdicts(aid) == {"business-1": "waiting"}
    aid.hear_of(business(started_on="2025-04-01"), 2)
    assert verdicts(aid) == {"business-1": "ineligible"}
    told = len(aid.facts)
    aid.now = datetime(2026, 3, 31, 16, 59, tzinfo=UTC)
    aid.work()
    assert len(aid.facts) == told
    aid.now = datetime(2026, 3, 31, 17, 0, tzinfo=UTC)
    aid.work()
    assert verdicts(aid) == {"business-1": "eligible"}
    assert aid.told("aid.eligibility.assessed")[-1].cause is None
    assert [one.again_on for one in aid.all(ELIGIBILITIES)] == [None]


def test_a_closed_programme_is_looked_at_no_more(aid: Memory) -> None:
    programme_id = aid.open(criteria=[{"type": "age_at_least", "months": 12}])
    aid.hear_of(business(started_on="2025-04-01"), 1)
    aid.close(programme_id)
    aid.later(days=60)
    aid.work()
    assert verdicts(aid) == {"business-1": "ineligible"}
    assert [one.again_on for one in aid.all(ELIGIBILITIES)] == [None]


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [("2025-12-31", 2, "2026-02-28"), ("2024-01-31", 1, "2024-02-29"), ("2025-05-15", 24, "2027-05-15")],
)
def test_months_are_those_of_the_calendar(day: str, months: int, expected: str) -> None:
    assert months_after(date.fromisoformat(day), months).isoformat() == expected


# --- prior aid --------------------------------------------------------------------------------------------------------


def served(**fields: Any) -> Candidate:
    """A business whose owner was given something."""
    state = BusinessState.model_validate(business())
    recipient = with_intervention(Recipient(recipient_id=state.owner_id), intervention("i", **fields))
    copy = Business(business_id=state.business_id, sequence=1, state=state)
    return Candidate(copy=copy, on=TODAY, recipient=recipient)


@pytest.mark.parametrize(
    ("asked", "verdict"),
    [
        ({}, "ineligible"),
        ({"count": 1}, "eligible"),
        ({"kinds": ["equipment"]}, "ineligible"),
        ({"kinds": ["training"]}, "eligible"),
        ({"agencies": ["dinkop-medan"]}, "ineligible"),
        ({"agencies": ["dinsos-medan"]}, "eligible"),
        ({"months": 24}, "ineligible"),
        ({"months": 12}, "eligible"),
    ],
)
def test_prior_aid_counts_by_kind_agency_and_window(asked: dict[str, Any], verdict: str) -> None:
    """S1-09, S1-24: what was given on 15 January of last year."""
    candidate = served(kind="equipment", agency="dinkop-medan", on=date(2025, 1, 15), stage="handed_over")
    assert judge(criterion({"type": "prior_aid_at_most", **asked}), candidate) == verdict


def test_what_was_given_counts_no_more_when_its_window_is_over() -> None:
    candidate = served(kind="equipment", agency="dinkop-medan", on=date(2025, 1, 15), stage="handed_over")
    asked = criterion({"type": "prior_aid_at_most", "months": 24})
    assert turns_on([asked], candidate) == date(2027, 1, 15)


def test_what_is_only_planned_does_not_count() -> None:
    planned = served(kind="equipment", agency="dinkop-medan", on=date(2025, 1, 15), stage="planned")
    assert judge(criterion({"type": "prior_aid_at_most"}), planned) == "eligible"
