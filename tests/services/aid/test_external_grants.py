"""What other offices give by themselves: told once, told late, taken back, and found where it overlaps."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.aid.recipient import served
from services.aid.store import ELIGIBILITIES, EXTERNAL_GRANTS, OVERLAPS, RECIPIENTS
from shared.contracts.registry.cooperatives import CooperativeEvent
from shared.contracts.registry.owners import OwnerEvent
from shared.contracts.registry.persons import PersonEvent
from shared.decision import Decision
from tests.samples import MEDAN
from tests.services.aid.memory import NOW, Memory, business
from tests.shared.contracts.test_golden import GOLDEN, message

OPD, SUMUT, SIANTAR = "dinsos-medan", "diskop-sumut", "dinkop-siantar"
OWNER, OTHER = "00000000-0000-8000-8000-00000000000a", "00000000-0000-8000-8000-00000000000b"
TOKEN = "k1.0123456789abcdef0123456789abcdef"
COOPERATIVE: dict[str, Any] = message(GOLDEN / "registry.cooperative.recorded.v1.json")["data"]["cooperative"]


@pytest.fixture
def memory() -> Memory:
    """Medan, another office of Medan, Siantar and the province; one owner with a business in either city."""
    found = Memory()
    found.know_agency(MEDAN)
    found.know_agency(SIANTAR, "12.72")
    found.know_agency(OPD, level="opd")
    found.know_agency(SUMUT, "12", level="province")
    found.hear_of(business("stall", owner_id=OWNER), 1)
    found.hear_of(business("kitchen", owner_id=OWNER, region="12.72.01.1001"), 1)
    found.hear_of(business("other", owner_id=OTHER), 1)
    found.facts.clear()
    return found


def told(**changes: Any) -> dict[str, Any]:
    """An office has approved a machine for a business."""
    known = {"reference": "BA-1/2026", "business_id": "stall", "kind": "equipment", "purpose": "packaging"}
    return {**known, "stage": "approved", "on": "2026-02-20", "value": 5_000_000, **changes}


def report(memory: Memory, account: str = OPD, *, ago: int = 0, **changes: Any) -> Decision:
    about = {"time": NOW - timedelta(days=ago)}
    return memory.send("aid.external_grant.report", told(**changes), account, None, **about)


def withdraw(memory: Memory, account: str = OPD, *, ago: int = 0, reference: str = "BA-1/2026") -> Decision:
    data = {"reference": reference, "reason": "Salah catat"}
    return memory.send("aid.external_grant.withdraw", data, account, None, time=NOW - timedelta(days=ago))


def resolve(memory: Memory, account: str = MEDAN, **changes: Any) -> Decision:
    (known,) = memory.all(OVERLAPS)
    data = {"overlap_id": known.overlap_id, "resolution": "complementary", "reason": "Nota dinas 7", **changes}
    return memory.send("aid.overlap.resolve", data, account)


def codes(decision: Decision) -> list[str]:
    return [one.code for one in decision.problems or decision.warnings]


def matched(memory: Memory, token: str, owner_id: str, sequence: int = 1) -> None:
    event = {"person": {"token": token, "owner_id": owner_id}}
    memory.hear("registry.person.matched", PersonEvent.model_validate(event), sequence)


def joined(memory: Memory, owner_id: str, into: str, sequence: int = 1) -> None:
    event = {"owner": {"owner_id": owner_id, "identified": True, "joined_into": into}}
    memory.hear("registry.owner.joined", OwnerEvent.model_validate(event), sequence)


def given(memory: Memory, person: str) -> int:
    found = {one.recipient_id: one for one in memory.all(RECIPIENTS)}
    one = found.get(person)
    while one is not None and one.joined_into is not None:
        one = found.get(one.joined_into)
    return served(one)


# --- reports ----------------------------------------------------------------------------------------------------------


def test_what_an_office_reports_is_known_of_the_person_and_told_to_everybody(memory: Memory) -> None:
    """S1-23: other offices' aid stands in the same history."""
    result = report(memory).result
    assert result["outcome"] == "created"
    assert given(memory, OWNER) == 1
    (fact,) = memory.facts
    assert (fact.type, fact.region, fact.sequence) == ("aid.external_grant.reported", "12.71.01.1001", 1)
    state = fact.data.model_dump(mode="json")["external_grant"]
    assert (state["owner_id"], state["agency"], state["stage"]) == (OWNER, OPD, "approved")


def test_a_grant_to_somebody_who_is_not_recorded_names_nobody_on_events(memory: Memory) -> None:
    """The token is between the office and us."""
    assert not report(memory, business_id=None, person=TOKEN).problems
    assert TOKEN not in memory.facts[0].data.model_dump_json()
    assert given(memory, TOKEN) == 1


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"business_id": "nobody"}, "business.unknown"),
        ({"business_id": None, "person": "00000000-0000-8000-8000-0000000000ff"}, "person.unknown"),
        ({"on": "2027-01-05"}, "external_grant.in_future"),
        ({"stage": "planned", "on": "2028-01-05"}, "external_grant.too_far_ahead"),
        ({"business_id": "kitchen"}, "authority.region"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(memory: Memory, changes: dict[str, Any], problem: str) -> None:
    """An unknown business, dated next year, of another city: said so, and nothing is lost or changed."""
    assert codes(report(memory, **changes)) == [problem]
    assert not memory.facts
    assert not memory.all(EXTERNAL_GRANTS)


def test_a_plan_for_the_next_fiscal_year_is_taken(memory: Memory) -> None:
    """Offices plan a year ahead (S2-02)."""
    assert report(memory, stage="planned", on="2027-04-01").result["outcome"] == "created"
    assert given(memory, OWNER) == 0


def test_a_grant_that_is_reported_twice_is_one(memory: Memory) -> None:
    """By the office's own number for it, whichever way the person is named."""
    report(memory)
    again = report(memory)
    assert (again.result["outcome"], codes(again)) == ("unchanged", ["external_grant.known"])
    assert len(memory.facts) == 1
    assert given(memory, OWNER) == 1
    assert codes(report(memory, business_id="other")) == ["external_grant.other_beneficiary"]


def test_a_late_report_does_not_undo_a_newer_one(memory: Memory) -> None:
    """Of each grant the newest word stands, in whatever order they arrive."""
    report(memory, stage="handed_over")
    late = report(memory, stage="planned", ago=3)
    assert (late.result["outcome"], codes(late)) == ("unchanged", ["external_grant.outdated"])
    assert memory.all(EXTERNAL_GRANTS)[0].stage == "handed_over"


def test_a_grant_that_was_withdrawn_was_not_given(memory: Memory) -> None:
    """Reported twice, then withdrawn: it counts for nothing; told of again after that, it counts."""
    report(memory, ago=3)
    report(memory, ago=2)
    assert withdraw(memory, ago=1).result["outcome"] == "withdrawn"
    assert given(memory, OWNER) == 0
    assert [fact.type for fact in memory.facts] == ["aid.external_grant.reported", "aid.external_grant.withdrawn"]
    assert codes(report(memory, ago=2)) == ["external_grant.outdated"]
    assert given(memory, OWNER) == 0
    report(memory)
    assert given(memory, OWNER) == 1


def test_only_what_an_office_has_told_itself_can_it_take_back(memory: Memory) -> None:
    """The number is the office's own."""
    report(memory)
    assert codes(withdraw(memory, MEDAN)) == ["external_grant.unknown"]


def test_what_a_cooperative_is_given_is_known_of_the_cooperative(memory: Memory) -> None:
    """S1-13, S3-06: a city and the province may strengthen one cooperative twice."""
    id_ = COOPERATIVE["cooperative_id"]
    told_of = {"business_id": None, "cooperative_id": id_, "kind": "cooperative_strengthening"}
    assert codes(report(memory, **told_of)) == ["cooperative.unknown"]
    state = {**COOPERATIVE, "region": "12.71.01.1001"}
    event = CooperativeEvent.model_validate({"cooperative": state})
    memory.hear("registry.cooperative.recorded", event, 1)
    memory.facts.clear()
    assert not report(memory, **told_of).problems
    assert codes(report(memory, SUMUT, reference="S-1", **told_of)) == ["overlap.found"]
    assert given(memory, id_) == 2
    state = memory.facts[0].data.model_dump(mode="json", exclude_none=True)["external_grant"]
    assert (state["cooperative_id"], "owner_id" in state, "business_id" in state) == (id_, False, False)
    assert ask(memory, "aid.recipient.request", cooperative_id=id_).answer["served"] == 2


# --- overlaps ---------------------------------------------------------------------------------------------------------


def test_two_offices_that_give_the_same_are_both_told_by_the_events_of_their_regions(memory: Memory) -> None:
    """One person with two businesses in two cities: each office hears of it where it listens (S1-24, S3-06)."""
    report(memory, SIANTAR, business_id="kitchen", reference="S-1")
    decision = report(memory)
    assert codes(decision) == ["overlap.found"]
    facts = memory.told("aid.overlap.detected")
    assert [(one.region, one.sequence) for one in facts] == [("12.71", 1), ("12.72", 2)]
    state = facts[0].data.model_dump(mode="json")["overlap"]
    assert set(state["agencies"]) == {OPD, SIANTAR}
    assert (state["status"], state["verdict"], state["hard"]) == ("open", "block", True)


def test_a_conflict_is_soft_until_the_other_is_approved(memory: Memory) -> None:
    """Told of while both are plans, and told again when one is decided."""
    report(memory, MEDAN, reference="M-1", stage="planned")
    report(memory, stage="planned", ago=1)
    report(memory)
    hard = [one.data.model_dump(mode="json")["overlap"]["hard"] for one in memory.told("aid.overlap.detected")]
    assert hard == [False, True]


def test_the_flag_goes_when_its_cause_goes_and_comes_back_with_it(memory: Memory) -> None:
    """Nobody has to clear what is no more."""
    report(memory, MEDAN, reference="M-1")
    report(memory, ago=2)
    withdraw(memory, ago=1)
    (fact,) = memory.told("aid.overlap.resolved")
    state = fact.data.model_dump(mode="json")["overlap"]
    assert (state["status"], state.get("resolution"), fact.sequence) == ("cleared", None, 2)
    assert codes(resolve(memory)) == ["overlap.cleared"]
    report(memory)
    assert memory.all(OVERLAPS)[0].status == "open"
    assert [one.sequence for one in memory.told("aid.overlap.detected")] == [1, 3]


def test_an_official_settles_an_overlap_for_both(memory: Memory) -> None:
    """The resolution is an event with who, why and when; told twice it is one."""
    report(memory, MEDAN, reference="M-1")
    report(memory)
    assert resolve(memory).result["outcome"] == "resolved"
    assert resolve(memory).result["outcome"] == "unchanged"
    (fact,) = memory.told("aid.overlap.resolved")
    state = fact.data.model_dump(mode="json")["overlap"]
    assert state["resolution"] == {
        "resolution": "complementary",
        "agency": MEDAN,
        "reason": "Nota dinas 7",
        "on": "2026-03-02",
    }
    assert given(memory, OWNER) == 2


def test_one_grant_that_two_offices_told_of_counts_once(memory: Memory) -> None:
    """The other office's list and ours may name the same machine."""
    report(memory, MEDAN, reference="M-1")
    report(memory)
    resolve(memory, resolution="same_grant")
    assert given(memory, OWNER) == 1


@pytest.mark.parametrize(
    ("account", "problem"), [(SIANTAR, "authority.region"), (OPD, "authority.level"), (MEDAN, "overlap.own_interest")]
)
def test_who_has_no_say_in_an_overlap_does_not_settle_it(memory: Memory, account: str, problem: str) -> None:
    """Not another city, not who decides nothing, and not the office whose own grant it stops."""
    report(memory, MEDAN, reference="M-1", stage="planned")
    report(memory)
    assert codes(resolve(memory, account)) == [problem]


def test_a_province_settles_what_lies_within_it(memory: Memory) -> None:
    """S3-06: both levels answer for it."""
    report(memory, MEDAN, reference="M-1", stage="planned")
    report(memory)
    assert resolve(memory, SUMUT).result["outcome"] == "resolved"


# --- who is who -------------------------------------------------------------------------------------------------------


def test_what_was_given_to_a_token_is_given_to_the_owner_it_becomes(memory: Memory) -> None:
    """And what overlaps is found in that moment, whichever was known first."""
    report(memory, business_id=None, person=TOKEN)
    report(memory, MEDAN, reference="M-1")
    assert not memory.told("aid.overlap.detected")
    matched(memory, TOKEN, OWNER)
    matched(memory, TOKEN, OWNER)
    assert given(memory, OWNER) == given(memory, TOKEN) == 2
    assert len(memory.told("aid.overlap.detected")) == 1
    report(memory, MEDAN, reference="M-2", business_id=None, person=TOKEN)
    assert given(memory, OWNER) == 3


def test_records_that_are_joined_have_one_history(memory: Memory) -> None:
    """A second record, with a new number, does not let anybody through."""
    report(memory, MEDAN, reference="M-1")
    report(memory, business_id="other")
    joined(memory, OTHER, OWNER)
    assert given(memory, OTHER) == given(memory, OWNER) == 2
    assert [one.status for one in memory.all(OVERLAPS)] == ["open"]


def test_a_token_that_turns_out_to_be_somebody_else_takes_its_overlap_along(memory: Memory) -> None:
    """A flag goes when its cause goes: here, that the two were taken for one person."""
    report(memory, business_id=None, person=TOKEN)
    report(memory, MEDAN, reference="M-1")
    matched(memory, TOKEN, OWNER)
    matched(memory, TOKEN, OTHER, 2)
    assert (given(memory, OWNER), given(memory, OTHER)) == (1, 1)
    assert [one.status for one in memory.all(OVERLAPS)] == ["cleared"]


# --- questions --------------------------------------------------------------------------------------------------------


def ask(memory: Memory, kind: str, account: str = MEDAN, **data: Any) -> Decision:
    return memory.send(kind, data, account, None)


def test_an_office_asks_what_a_beneficiary_has_had_from_anybody(memory: Memory) -> None:
    """By any of the person's businesses or ids, a page at a time."""
    report(memory)
    report(memory, SIANTAR, business_id="kitchen", reference="S-1", kind="training")
    answer = ask(memory, "aid.recipient.request", OPD, business_id="stall").answer
    assert answer["served"] == 2
    assert {one["agency"] for one in answer["interventions"]} == {OPD, SIANTAR}
    assert answer["overlaps"] == []
    first = ask(memory, "aid.recipient.request", person=OWNER, limit=1)
    rest = ask(memory, "aid.recipient.request", person=OWNER, limit=1, after=first.next)
    assert rest.next is None
    assert [*first.answer["interventions"], *rest.answer["interventions"]] == answer["interventions"]
    assert codes(ask(memory, "aid.recipient.request", business_id="kitchen")) == ["authority.region"]


def test_an_office_asks_for_its_overlaps_and_those_of_its_region(memory: Memory) -> None:
    """Both offices find it, and who oversees them."""
    report(memory, SIANTAR, business_id="kitchen", reference="S-1")
    report(memory)
    for account, where in ((OPD, {}), (SIANTAR, {}), (MEDAN, {"region": "12.71"}), (SUMUT, {"region": "12"})):
        assert len(ask(memory, "aid.overlap.request", account, **where).answer) == 1
    assert ask(memory, "aid.overlap.request", MEDAN).answer == []
    assert ask(memory, "aid.overlap.request", OPD, status="cleared").answer == []


# --- who is served first ----------------------------------------------------------------------------------------------


def test_what_a_person_is_given_changes_the_answers_about_every_business_of_the_person(memory: Memory) -> None:
    """S1-24: never served is said of a person; a token that becomes an owner, and a withdrawal, change it too."""
    memory.know_agency(SUMUT, "12", level="province")
    memory.open(SUMUT, region="12", criteria=[{"type": "never_received"}])
    memory.work()

    def verdicts() -> dict[str, str]:
        memory.work()
        return {one.beneficiary_id: one.verdict for one in memory.all(ELIGIBILITIES)}

    never = dict.fromkeys(("stall", "kitchen", "other"), "eligible")
    assert verdicts() == never
    report(memory, ago=2)
    assert verdicts() == {**never, "stall": "ineligible", "kitchen": "ineligible"}
    withdraw(memory, ago=1)
    assert verdicts() == never
    report(memory, reference="BA-2", business_id=None, person=TOKEN)
    assert verdicts() == never
    matched(memory, TOKEN, OTHER)
    assert verdicts() == {**never, "other": "ineligible"}
    joined(memory, OTHER, OWNER)
    assert verdicts() == dict.fromkeys(never, "ineligible")
    assert memory.told("aid.eligibility.assessed")[-1].data.model_dump()["eligibility"]["prior_interventions"] == 1


def test_an_office_asks_who_was_never_given_anything(memory: Memory) -> None:
    """S1-24: the list of those who come first; who is no more or was served by anybody is not on it."""
    memory.hear_of(business("closed", owner_id="nobody", status="tutup"), 1)
    report(memory, SIANTAR, business_id="kitchen", reference="S-1")
    answer = ask(memory, "aid.never_served.request")
    assert [one["business_id"] for one in answer.answer] == ["other"]
    first = ask(memory, "aid.never_served.request", limit=1)
    assert (first.answer, first.next) == ([], "closed")
    assert codes(ask(memory, "aid.never_served.request", region="12.72")) == ["authority.region"]
