"""Who may be served, ranked, and why: criterion by criterion, with the fact and where it came from."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from services.aid.recipient import Recipient, with_intervention
from services.aid.store import BUSINESSES
from shared.contracts.envelope import format_sequence
from shared.decision import Decision
from tests import samples
from tests.samples import MEDAN
from tests.services.aid.interventions import intervention
from tests.services.aid.memory import Memory, business
from tests.services.aid.test_exclusion import BANK, tell


@pytest.fixture
def aid() -> Memory:
    memory = Memory()
    memory.know_agency()
    memory.know_agency("dinkop-sumut", "12")
    permitted = ("aid.programme.*", "aid.eligibility.request")
    for account, region in ((MEDAN, "12.71"), ("dinkop-sumut", "12")):
        memory.hear("registry.agency.registered", samples.agency(account, region=region, permitted=permitted), 2)
    bank = samples.agency(BANK, level="bank", permitted=("aid.exclusion.report",))
    memory.hear("registry.agency.registered", bank, 1)
    return memory


def ask(memory: Memory, account: str = MEDAN, **about: Any) -> Decision:
    return memory.send("aid.eligibility.request", about, account, actor=None)


def why(memory: Memory, programme_id: str, account: str = MEDAN) -> dict[str, Any]:
    (answer,) = ask(memory, account, programme_id=programme_id, beneficiary_id="business-1").answer
    assert isinstance(answer, dict)
    return answer


def give(memory: Memory, owner_id: str, count: int = 1) -> None:
    """What has been given to an owner, as the history of the person holds it."""
    recipient = Recipient(recipient_id=owner_id)
    for number in range(count):
        one = intervention(f"{owner_id}-{number}", owner_id, kind="training", on=date(2025, 5, 1), stage="handed_over")
        recipient = with_intervention(recipient, one)
    memory.stored["recipients"][owner_id] = recipient


# --- why --------------------------------------------------------------------------------------------------------------


def test_each_criterion_comes_with_its_fact_and_the_event_that_told_it(aid: Memory) -> None:
    """For an official, an auditor and the applicant (S1-24)."""
    criteria = [{"type": "status_is", "value": "binaan"}, {"type": "prior_aid_at_most"}]
    programme_id = aid.open(criteria=criteria)
    give(aid, "owner-of-business-1")
    aid.hear_of(business(status="binaan"), 7)
    found = why(aid, programme_id)
    region, active, status, prior = found["criteria"]
    event = {"subject": "business-1", "sequence": format_sequence(7)}
    assert region["facts"] == [{"fact": "region", "value": "12.71.01.1001", **event}]
    assert active["code"] == "business_active"
    assert status["facts"][0] == {"fact": "status", "value": "binaan", **event}
    assert status["text_id"] == "Usaha berstatus binaan."
    assert prior["verdict"] == found["verdict"] == "ineligible"
    assert [one["intervention_id"] for one in prior["facts"]] == ["owner-of-business-1-0"]
    assert found["published"]["eligibility"]["verdict"] == "ineligible"


def test_a_reversed_answer_shows_what_turned_it(aid: Memory) -> None:
    programme_id = aid.open()
    aid.hear_of(business(), 1)
    assert why(aid, programme_id)["verdict"] == "ineligible"
    aid.hear_of(business(status="binaan"), 2)
    found = why(aid, programme_id)
    assert found["verdict"] == "eligible"
    assert found["criteria"][2]["facts"][0]["sequence"] == format_sequence(2)
    assert found["published"]["sequence"] == format_sequence(2)


def test_composed_criteria_show_every_fact_within(aid: Memory) -> None:
    maker = {"type": "role_is", "value": "ikm"}
    inner = [{"type": "scale_in", "values": ["mikro"]}, {"type": "not", "criterion": maker}]
    programme_id = aid.open(criteria=[{"type": "any", "criteria": inner}])
    aid.hear_of(business(scale="kecil", role="ukm"), 1)
    facts = why(aid, programme_id)["criteria"][2]["facts"]
    assert {one["fact"]: one["value"] for one in facts} == {"scale": "kecil", "scale_basis": None, "role": "ukm"}


def test_only_the_deciding_agency_is_told_which_check_it_was(aid: Memory) -> None:
    """UU PDP 27/2022 art. 4: credit is financial data; the province sees that something is in the way, and no more."""
    programme_id = aid.open(criteria=[], required_checks=["kur"])
    aid.hear_of(business(), 1)
    tell(aid, "kur", True)
    full, public = why(aid, programme_id), why(aid, programme_id, "dinkop-sumut")
    check = full["criteria"][-1]["checks"][0]
    assert (check["check"], check["verdict"], check["answers"][0]["agency"]) == ("kur", "ineligible", BANK)
    assert "intake_id" in check["answers"][0]
    assert public["criteria"][-1]["verdict"] == "ineligible"
    assert "checks" not in public["criteria"][-1]
    mine = ask(aid, programme_id=programme_id, beneficiary_id="business-1")
    theirs = ask(aid, "dinkop-sumut", programme_id=programme_id, beneficiary_id="business-1")
    assert (mine.persons, theirs.persons) == (("owner-of-business-1",), ())


def test_an_answer_is_given_for_who_was_not_assessed_yet(aid: Memory) -> None:
    """A programme that was opened a moment ago has not come to everybody; the reasons are there already."""
    aid.hear_of(business(status="binaan"), 1)
    found = why(aid, aid.open())
    assert (found["verdict"], found["published"]) == ("eligible", None)


@pytest.mark.parametrize(
    ("about", "problem"),
    [
        ({"programme_id": "none", "beneficiary_id": "business-1"}, ("programme.unknown", "data.programme_id")),
        ({"programme_id": "none"}, ("programme.unknown", "data.programme_id")),
        ({"beneficiary_id": "nobody"}, ("beneficiary.unknown", "data.beneficiary_id")),
    ],
)
def test_what_is_not_known_is_said_to_be_so(aid: Memory, about: dict[str, str], problem: tuple[str, str]) -> None:
    about = {"programme_id": aid.open(), **about}
    (found,) = ask(aid, **about).problems
    assert (found.code, found.field) == problem


def test_nobody_asks_about_a_beneficiary_elsewhere(aid: Memory) -> None:
    province = aid.open("dinkop-sumut", region="12")
    aid.hear_of(business(region="12.72.01.1001"), 1)
    (found,) = ask(aid, programme_id=province, beneficiary_id="business-1").problems
    assert (found.code, found.field) == ("authority.region", "data.beneficiary_id")


# --- who --------------------------------------------------------------------------------------------------------------


def test_who_was_never_served_comes_first_page_by_page(aid: Memory) -> None:
    """S1-24: "sementara masih banyak yang belum pernah mendapatkan"."""
    served = {"a": 2, "b": 0, "c": 1, "d": 0, "e": 7, "f": 3}
    for one, count in served.items():
        if count:
            give(aid, f"owner-of-{one}", count)
        aid.hear_of(business(one, status="binaan"), 1)
    aid.hear_of(business("not-binaan"), 1)
    programme_id = aid.open()
    aid.work()
    shown: list[str] = []
    after: str | None = None
    for _ in range(4):
        page = ask(aid, programme_id=programme_id, limit=2, **({"after": after} if after else {}))
        shown += [one["eligibility"]["beneficiary_id"] for one in page.answer]
        after = page.next
        if after is None:
            break
    assert after is None
    assert set(shown[:2]) == {"b", "d"}
    assert shown[2:4] == ["c", "a"]
    assert sorted(shown) == sorted(served)
    others = ask(aid, programme_id=programme_id, verdict="ineligible")
    assert [one["eligibility"]["beneficiary_id"] for one in others.answer] == ["not-binaan"]


def test_a_beneficiary_is_told_of_every_programme_that_has_looked_at_it(aid: Memory) -> None:
    aid.open()
    aid.open("dinkop-sumut", region="12", criteria=[])
    aid.hear_of(business(), 1)
    found = ask(aid, beneficiary_id="business-1")
    assert sorted(one["eligibility"]["verdict"] for one in found.answer) == ["eligible", "ineligible"]
    assert len(aid.all(BUSINESSES)) == 1
