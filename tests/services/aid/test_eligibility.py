"""Who may be served: when businesses and programmes meet, and what is told of it."""

from __future__ import annotations

import json
import uuid
from copy import deepcopy
from itertools import permutations
from typing import Any

import pytest

from services.aid import assessment
from services.aid.eligibility import eligibility_id
from services.aid.recipient import Recipient, to_follow, with_intervention
from services.aid.store import ASSESSMENTS, BUSINESSES, ELIGIBILITIES
from shared.contracts.aid.eligibilities import EligibilityEvent
from shared.contracts.authority import official_id
from shared.contracts.catalogue import TYPES, data_classes
from shared.contracts.envelope import NO_CAUSE
from shared.contracts.fields import DataClass
from shared.contracts.registry.businesses import BusinessEvent
from shared.decision import Fact
from tests.samples import MEDAN
from tests.services.aid.interventions import intervention
from tests.services.aid.memory import Memory, business


@pytest.fixture
def aid() -> Memory:
    memory = Memory()
    memory.know_agency()
    memory.know_agency("dinkop-sumut", "12")
    return memory


def assessed(memory: Memory) -> list[EligibilityEvent]:
    return [fact.data for fact in memory.told("aid.eligibility.assessed") if isinstance(fact.data, EligibilityEvent)]


def verdicts(memory: Memory) -> list[str]:
    return [event.eligibility.verdict for event in assessed(memory)]


# --- the main chain ---------------------------------------------------------------------------------------------------


def test_a_business_that_becomes_binaan_is_checked_against_what_is_open(aid: Memory) -> None:
    """Contract, step 4: the programme was there first."""
    programme_id = aid.open(criteria=[{"type": "status_is", "value": "binaan"}, {"type": "never_received"}])
    aid.work()
    aid.hear_of(business(status="terverifikasi"), 2)
    aid.hear_of(business(status="binaan"), 3, "registry.business.designated")
    before, after = aid.told("aid.eligibility.assessed")
    assert (before.sequence, after.sequence) == (1, 2)
    assert isinstance(after.data, EligibilityEvent)
    assert after.data.change.verdict_before == "ineligible"
    assert after.data.eligibility.model_dump(mode="json") == {
        "eligibility_id": after.subject,
        "programme_id": programme_id,
        "programme_kind": "training",
        "beneficiary_id": "business-1",
        "verdict": "eligible",
        "eligible": True,
        "criteria": [
            {
                "code": "region_within",
                "verdict": "eligible",
                "text_id": "Usaha berada di Kota Medan.",
                "text_en": "The business is in Kota Medan.",
            },
            {
                "code": "business_active",
                "verdict": "eligible",
                "text_id": "Usaha masih aktif.",
                "text_en": "The business is active.",
            },
            {
                "code": "status_is",
                "verdict": "eligible",
                "text_id": "Usaha berstatus binaan.",
                "text_en": "The business has the status binaan.",
            },
            {
                "code": "never_received",
                "verdict": "eligible",
                "text_id": "Usaha belum pernah menerima bantuan atau pelatihan.",
                "text_en": "The business has never received aid or training.",
            },
        ],
        "prior_interventions": 0,
        "assessed_from_sequence": "00000000000000000003",
    }
    assert after.region == "12.71.01.1001"


def test_an_opened_programme_assesses_everybody_in_its_region(aid: Memory) -> None:
    """Contract, "aid.programme.open": the businesses were there first; those elsewhere are none of its business."""
    aid.hear_of(business("inside", status="binaan"), 3)
    aid.hear_of(business("inside-not-binaan"), 1)
    aid.hear_of(business("outside", status="binaan", region="12.72.01.1001"), 3)
    aid.open()
    assert not assessed(aid)
    aid.work()
    answers = {event.eligibility.beneficiary_id: event.eligibility.verdict for event in assessed(aid)}
    assert answers == {"inside": "eligible", "inside-not-binaan": "ineligible"}


def test_a_programme_of_the_province_reaches_the_village(aid: Memory) -> None:
    """S3-06: both levels may serve the same business, and each gives its own answer."""
    aid.hear_of(business(status="binaan"), 3)
    city = aid.open()
    province = aid.open("dinkop-sumut", region="12")
    aid.work()
    aid.hear_of(business("later", status="binaan"), 3)
    answered = {(event.eligibility.programme_id, event.eligibility.beneficiary_id) for event in assessed(aid)}
    assert answered == {(made, whom) for made in (city, province) for whom in ("business-1", "later")}


def test_the_id_of_an_answer_is_made_from_programme_and_beneficiary() -> None:
    """Contract, step 4: a UUIDv5, so that an integrator can make it too."""
    programme_id = "0192f0c1-2d3e-7000-8000-000000000001"
    expected = uuid.uuid5(uuid.UUID(programme_id), "business-1")
    assert eligibility_id(programme_id, "business-1") == str(expected)
    assert uuid.UUID(eligibility_id("not-a-uuid", "business-1")).version == 5


# --- only what is new -------------------------------------------------------------------------------------------------


def test_an_answer_that_stays_the_same_is_not_told_again(aid: Memory) -> None:
    """A report on 40,000 businesses must not make 40,000 events for every programme."""
    aid.open()
    aid.work()
    aid.hear_of(business(status="binaan"), 3)
    aid.hear_of(business(status="binaan", channels=["shopee"], name="Nama Baru"), 4)
    (only,) = assessed(aid)
    assert only.eligibility.assessed_from_sequence.endswith("3")
    assert [one.sequence for one in aid.all(BUSINESSES)] == [4]


def test_another_reason_for_the_same_verdict_is_told(aid: Memory) -> None:
    """An applicant who has mended one of two things should see one left."""
    aid.open(criteria=[{"type": "status_is", "value": "binaan"}, {"type": "scale_in", "values": ["mikro"]}])
    aid.work()
    aid.hear_of(business(scale="kecil"), 1)
    aid.hear_of(business(scale="mikro"), 2)
    first, second = (
        {one.code: one.verdict for one in event.eligibility.criteria if one.code in {"status_is", "scale_in"}}
        for event in assessed(aid)
    )
    assert verdicts(aid) == ["ineligible", "ineligible"]
    assert (first["scale_in"], second["scale_in"]) == ("ineligible", "eligible")


def test_an_unknown_fact_makes_the_answer_wait(aid: Memory) -> None:
    """Contract, step 4: waiting is neither yes nor no; the fact's arrival decides."""
    aid.open(criteria=[{"type": "scale_in", "values": ["mikro"]}])
    aid.work()
    aid.hear_of(business(), 1)
    aid.hear_of(business(scale="mikro"), 2)
    assert verdicts(aid) == ["waiting", "eligible"]
    assert [event.eligibility.eligible for event in assessed(aid)] == [False, True]


def test_stale_and_doubled_events_change_nothing(aid: Memory) -> None:
    """Contract, "Events carry state": only a higher sequence counts."""
    aid.open()
    aid.work()
    aid.hear_of(business(status="binaan"), 3)
    before = (deepcopy(aid.stored), len(aid.facts))
    assert not aid.hear_of(business(status="binaan"), 3).changes
    assert not aid.hear_of(business(status="terdata"), 1).changes
    assert (aid.stored, len(aid.facts)) == before


def test_what_registry_learns_to_say_later_is_no_trouble(aid: Memory) -> None:
    """Readers ignore members and values that they do not know."""
    aid.open()
    aid.work()
    state = {**business(status="diarsipkan", scale="ultra_mikro", legal_form="bentuk_baru"), "member_of_tomorrow": 1}
    aid.hear("registry.business.updated", BusinessEvent.model_validate({"business": state}), 1)
    assert verdicts(aid) == ["ineligible"]


# --- leaving ----------------------------------------------------------------------------------------------------------


def test_an_inactive_business_is_never_eligible(aid: Memory) -> None:
    """Also where the programme has no criteria at all; and it is once it is back."""
    aid.open(criteria=[])
    aid.work()
    aid.hear_of(business(), 1)
    aid.hear_of(business(status="nonaktif"), 2, "registry.business.deactivated")
    aid.hear_of(business(), 3, "registry.business.reactivated")
    assert verdicts(aid) == ["eligible", "ineligible", "eligible"]
    assert [one.code for one in assessed(aid)[1].eligibility.criteria if one.verdict == "ineligible"] == [
        "business_active"
    ]


def test_a_business_that_moves_away_loses_its_eligibility_and_regains_it(aid: Memory) -> None:
    """notify withdraws what has not been sent yet, so the loss must be told."""
    aid.open(criteria=[])
    aid.work()
    aid.hear_of(business(region="12.71.01.1001"), 1)
    aid.hear_of(business(region="12.72.01.1001"), 2)
    aid.hear_of(business(region="12.71.02"), 3)
    assert verdicts(aid) == ["eligible", "ineligible", "eligible"]
    assert [fact.region for fact in aid.told("aid.eligibility.assessed")] == [
        "12.71.01.1001",
        "12.72.01.1001",
        "12.71.02",
    ]


def test_after_closing_answers_stay_as_they_are(aid: Memory) -> None:
    """They are the record of who could have been served while the programme was open."""
    programme_id = aid.open()
    aid.work()
    aid.hear_of(business(status="binaan"), 3)
    aid.close(programme_id)
    aid.hear_of(business(status="mandiri"), 4, "registry.business.released")
    aid.hear_of(business("newcomer", status="binaan"), 3)
    assert verdicts(aid) == ["eligible"]
    assert [one.verdict for one in aid.all(ELIGIBILITIES)] == ["eligible"]


# --- the work of an opened programme ----------------------------------------------------------------------------------


def test_a_large_region_is_worked_through_page_by_page(aid: Memory) -> None:
    """No transaction grows with the region, and each page is told once."""
    for number in range(assessment.PAGE * 2 + 1):
        aid.hear_of(business(f"business-{number:04d}", status="binaan"), 3)
    aid.open()
    assert aid.work(1) == 1
    assert len(assessed(aid)) == assessment.PAGE
    assert aid.work() == 2
    assert (
        len({event.eligibility.beneficiary_id for event in assessed(aid)})
        == len(assessed(aid))
        == assessment.PAGE * 2 + 1
    )
    assert [one.due for one in aid.all(ASSESSMENTS)] == [None]


def test_a_region_of_exactly_one_page_is_finished_too(aid: Memory) -> None:
    """A full page does not say whether there is another: the next, empty one does."""
    for number in range(assessment.PAGE):
        aid.hear_of(business(f"business-{number:04d}"), 1)
    aid.open()
    assert aid.work() == 2
    assert len(assessed(aid)) == assessment.PAGE


def test_a_small_programme_does_not_wait_for_a_large_one(aid: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page each in turn: a province with 40,000 businesses does not hold up a city's training."""
    monkeypatch.setattr("services.aid.assessment.PAGE", 2)
    monkeypatch.setattr("services.aid.store.PAGE", 2)
    aid.hear_of(business("in-the-city"), 1)
    for number in range(10):
        aid.hear_of(business(f"business-{number}", region="12.72.01.1001"), 1)
    aid.open("dinkop-sumut", region="12")
    city = aid.open()
    for _ in range(3):
        aid.later(microseconds=1)
        aid.work(1)
    assert [event.eligibility.beneficiary_id for event in assessed(aid) if event.eligibility.programme_id == city] == [
        "in-the-city"
    ]
    assert len(assessed(aid)) <= 5


def test_answers_found_by_the_clock_carry_the_cause_of_the_opening(aid: Memory) -> None:
    """One chain from the official's message to the text the owner gets, the official's opaque id included."""
    aid.hear_of(business(), 1)
    aid.open()
    (opened,) = aid.told("aid.programme.opened")
    aid.work()
    (fact,) = aid.told("aid.eligibility.assessed")
    assert opened.cause is None
    assert fact.cause is not None
    assert fact.cause.correlation_id == fact.cause.causation_id == _last_sent(aid)
    assert fact.cause.actor == official_id(MEDAN, "kadis")


def _last_sent(memory: Memory) -> str:
    return memory.all(ASSESSMENTS)[0].cause.correlation_id


def test_answers_to_a_business_event_carry_that_events_cause(aid: Memory) -> None:
    """The kernel takes the message's own where a fact names none."""
    aid.open()
    aid.work()
    aid.hear_of(business(), 1)
    (fact,) = aid.told("aid.eligibility.assessed")
    assert fact.cause is None


# --- at the same moment -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [[], [business(region="12.72.01.1001")]], ids=["new", "moving in"])
def test_a_business_that_appears_while_a_programme_opens_is_not_missed(
    aid: Memory, before: list[dict[str, Any]]
) -> None:
    """The decision about the business began before the programme was there, and was committed after its work list had
    passed: neither has seen the other, and no guard can tell them."""
    for known in before:
        aid.hear_of(known, 1)
        aid.later(seconds=2)
        aid.work()
    aid.delay = True
    aid.hear_of(business(status="binaan"), 3)
    aid.delay = False
    programme_id = aid.open()
    aid.work()
    aid.commit_oldest()
    assert not assessed(aid)
    aid.later(seconds=2)
    aid.work()
    (only,) = assessed(aid)
    assert (only.eligibility.programme_id, only.eligibility.verdict) == (programme_id, "eligible")
    (fact,) = aid.told("aid.eligibility.assessed")
    assert fact.cause is not None


def test_a_business_is_looked_at_a_second_time_once(aid: Memory) -> None:
    """And without a word, where nothing was missed."""
    aid.open()
    aid.work()
    aid.hear_of(business(), 1)
    told = len(aid.facts)
    aid.later(seconds=2)
    assert aid.work() == 1
    assert aid.work() == 0
    assert [one.settling for one in aid.all(BUSINESSES)] == [None]
    aid.hear_of(business(status="binaan"), 2)
    aid.later(seconds=2)
    assert aid.work() == 0
    assert len(aid.facts) == told + 1


# --- what the public sees ---------------------------------------------------------------------------------------------


def test_every_event_is_of_the_catalogue_and_public_in_every_field(aid: Memory) -> None:
    """UU PDP 27/2022: nothing in an event but what has been thought about and found public."""
    programme_id = aid.open(criteria=[{"type": "any", "criteria": [{"type": "never_received"}]}], topic=None)
    aid.hear_of(business(status="binaan"), 3)
    aid.close(programme_id)
    assert {fact.type for fact in aid.facts} == {
        "aid.programme.opened",
        "aid.programme.closed",
        "aid.budget.allotted",
        "aid.eligibility.assessed",
    }
    for fact in aid.facts:
        assert isinstance(fact.data, TYPES[fact.type].model)
        classes = data_classes(type(fact.data))
        assert set(classes.values()) == {DataClass.PUBLIC}
        assert set(_paths(json.loads(fact.data.model_dump_json()))) <= set(classes) | _inside_criteria(fact)
        assert fact.subject == _subject(fact)


def _paths(value: Any, prefix: str = "") -> list[str]:
    if isinstance(value, list):
        return [path for one in value for path in _paths(one, prefix)]
    if not isinstance(value, dict):
        return [prefix]
    return [path for name, one in value.items() for path in _paths(one, f"{prefix}.{name}" if prefix else name)]


def _inside_criteria(fact: Fact) -> set[str]:
    """Criteria of a programme are published as they were sent, known members only."""
    inner = {"type", "criteria.type", "criteria"}
    return {f"programme.criteria.{path}" for path in inner} if fact.type.startswith("aid.programme.") else set()


def _subject(fact: Fact) -> str:
    data = json.loads(fact.data.model_dump_json())
    name = fact.type.split(".")[1]
    return str(data[name][f"{name}_id"])


def test_a_large_business_is_recorded_and_not_served() -> None:
    """PP 7/2021 art. 35: above menengah is no UMKM; a programme without criteria must not serve it either."""
    memory = Memory()
    memory.know_agency()
    memory.open(criteria=[])
    memory.hear_of(business(scale="besar", status="binaan"), 1)
    (answer,) = memory.all(ELIGIBILITIES)
    assert (answer.verdict, answer.criteria[1].code) == ("ineligible", "business_active")


# --- what ends a business, and what unites two ------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["nonaktif", "tutup", "digabung"])
def test_who_is_no_more_receives_nothing(aid: Memory, status: str) -> None:
    """Closed, or a double record of another: whatever a programme asks for."""
    aid.open(criteria=[])
    aid.work()
    aid.hear_of(business(status="binaan"), 1)
    aid.hear_of(business(status=status), 2)
    assert verdicts(aid) == ["eligible", "ineligible"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_who_was_served_under_a_double_record_has_been_served(aid: Memory, order: tuple[int, ...]) -> None:
    """S1-24: a person has one history, also after a merge, however the events come."""
    aid.open(criteria=[{"type": "never_received"}])
    aid.work()
    aid.hear_of(business(business_id="business-2", owner_id="owner-a"), 1)
    served = with_intervention(Recipient(recipient_id="owner-a"), intervention(business_id="business-2"))
    aid.stored["recipients"]["owner-a"] = to_follow(Recipient(recipient_id="owner-a"), served, NO_CAUSE, aid.now)
    one = {"owner_id": "owner-a"}
    events = [
        (business(**one), 1, "registry.business.recorded"),
        (business(absorbed=["business-2"], **one), 2, "registry.business.updated"),
        (
            business(business_id="business-2", status="digabung", merged_into="business-1", **one),
            2,
            "registry.business.merged",
        ),
    ]
    for number in order:
        aid.hear_of(*events[number])
    aid.work()
    last = {event.eligibility.beneficiary_id: event.eligibility for event in assessed(aid)}
    assert {id_: one.verdict for id_, one in last.items()} == dict.fromkeys(("business-1", "business-2"), "ineligible")
    assert last["business-1"].prior_interventions == 1
