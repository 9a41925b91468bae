"""What becomes of a programme: proposed, started, paused, resumed, amended, overdue; its items, and who asks for it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.aid.candidate import Candidate
from services.aid.eligibility import judge_now
from services.aid.store import ASSESSMENTS, BUSINESSES, ELIGIBILITIES, PROGRAMMES
from shared.contracts.aid.programmes import ProgrammeEvent
from shared.decision import Decision
from tests import samples
from tests.samples import MEDAN, programme
from tests.services.aid.memory import Memory, business


@pytest.fixture
def aid() -> Memory:
    memory = Memory()
    memory.know_agency()
    memory.know_agency("dinkop-siantar", "12.72")
    permitted = ("aid.programme.*", "aid.item.register")
    for account, region in ((MEDAN, "12.71"), ("dinkop-siantar", "12.72")):
        memory.hear("registry.agency.registered", samples.agency(account, region=region, permitted=permitted), 2)
    return memory


def refused(decision: Decision) -> list[tuple[str, str | None]]:
    return [(one.code, one.field) for one in decision.problems]


def propose(memory: Memory, actor: str = "kabid", **fields: Any) -> str:
    decision = memory.send("aid.programme.propose", programme(**fields), actor=actor)
    assert not decision.problems
    return str(decision.result["programme_id"])


def tell(memory: Memory, verb: str, programme_id: str, **data: Any) -> Decision:
    return memory.send(f"aid.programme.{verb}", {"programme_id": programme_id, **data})


def verdicts(memory: Memory) -> dict[str, str]:
    return {one.beneficiary_id: one.verdict for one in memory.all(ELIGIBILITIES)}


# --- draft → open → paused → closed -----------------------------------------------------------------------------------


def test_a_draft_assesses_nobody_until_another_official_starts_it(aid: Memory) -> None:
    """S2-02, S2-07: the bidang prepares, the head opens."""
    aid.hear_of(business(status="binaan"), 1)
    programme_id = propose(aid)
    aid.work()
    assert not aid.all(ELIGIBILITIES)
    assert not aid.all(ASSESSMENTS)
    assert not tell(aid, "start", programme_id).problems
    aid.work()
    assert verdicts(aid) == {"business-1": "eligible"}
    assert [fact.type for fact in aid.facts if fact.type.startswith("aid.programme")] == [
        "aid.programme.proposed",
        "aid.programme.opened",
    ]


def test_a_draft_takes_no_money_and_its_start_does(aid: Memory) -> None:
    """The lines of the budget come into being when the programme opens."""
    programme_id = propose(aid)
    assert not aid.told("aid.budget.allotted")
    tell(aid, "start", programme_id)
    assert len(aid.told("aid.budget.allotted")) == 1


def test_who_has_proposed_a_programme_does_not_start_it(aid: Memory) -> None:
    """Maker and checker are two people, also where the head has prepared it."""
    programme_id = propose(aid, actor="kadis")
    assert refused(tell(aid, "start", programme_id)) == [("programme.maker", "actor")]


def test_a_paused_programme_judges_nobody_and_catches_up(aid: Memory) -> None:
    """What was told meanwhile counts from the moment it is resumed."""
    programme_id = aid.open()
    aid.hear_of(business(), 1)
    tell(aid, "pause", programme_id, reason="Menunggu P-APBD")
    aid.hear_of(business(status="binaan"), 2)
    aid.later(seconds=5)
    aid.work()
    assert verdicts(aid) == {"business-1": "ineligible"}
    tell(aid, "resume", programme_id)
    aid.work()
    assert verdicts(aid) == {"business-1": "eligible"}


@pytest.mark.parametrize(
    ("done", "verb", "about"),
    [
        ((), "resume", {}),
        ((), "start", {}),
        (("pause",), "pause", {"reason": "lagi"}),
        (("close",), "amend", {"reason": "x", "quota": 3}),
        (("close",), "resume", {}),
    ],
)
def test_what_does_not_go_with_the_status_is_refused(
    aid: Memory, done: tuple[str, ...], verb: str, about: dict[str, Any]
) -> None:
    programme_id = aid.open()
    for one in done:
        tell(aid, one, programme_id, reason="x")
    assert refused(tell(aid, verb, programme_id, **about)) == [("programme.status", "data.programme_id")]


def test_nobody_moves_the_programme_of_another_agency(aid: Memory) -> None:
    memory_id = aid.open()
    decision = aid.send("aid.programme.pause", {"programme_id": memory_id, "reason": "x"}, "dinkop-siantar")
    assert refused(decision) == [("authority.region", "data.programme_id")]


# --- amendments -------------------------------------------------------------------------------------------------------


def test_an_amendment_says_what_changed_and_keeps_what_was(aid: Memory) -> None:
    programme_id = aid.open(apply_until="2026-06-30")
    decision = tell(aid, "amend", programme_id, reason="Kuota ditambah", quota=90, clear=["apply_until"])
    (fact,) = decision.facts
    assert isinstance(fact.data, ProgrammeEvent)
    assert (fact.data.change.fields, fact.data.change.reason) == (("quota", "apply_until"), "Kuota ditambah")
    assert (fact.data.programme.quota, fact.data.programme.apply_until, fact.sequence) == (90, None, 2)
    answer = aid.send("aid.programme.request", {"programme_id": programme_id}, actor=None).answer
    assert [(step["what"], step.get("fields", [])) for step in answer[0]["history"]] == [
        ("opened", []),
        ("amended", ["quota", "apply_until"]),
    ]


def test_other_criteria_judge_everybody_anew(aid: Memory) -> None:
    aid.hear_of(business(), 1)
    programme_id = aid.open()
    aid.work()
    tell(aid, "amend", programme_id, reason="Diperluas", criteria=[])
    aid.work()
    assert verdicts(aid) == {"business-1": "eligible"}


@pytest.mark.parametrize(
    ("about", "problem"),
    [
        ({"quota": 100}, ("programme.amended_nothing", "data")),
        ({"quota": 5, "clear": ["budget"]}, ("programme.clear_unknown", "data.clear")),
        ({"apply_until": "2026-01-01"}, ("programme.apply_until_past", "data.apply_until")),
        ({"items": [{"item": "pesawat", "quantity": 1}]}, ("programme.item_unknown", "data.items.0.item")),
    ],
)
def test_an_amendment_that_is_none_or_wrong_is_refused(
    aid: Memory, about: dict[str, Any], problem: tuple[str, str]
) -> None:
    assert refused(tell(aid, "amend", aid.open(), reason="x", **about)) == [problem]


def test_an_offer_is_not_amended_below_what_is_committed(aid: Memory) -> None:
    """The programme's own line of the ledger says how much that is."""
    programme_id = aid.open(unit_cost=1_000_000, quota=100)
    ((id_, account),) = aid.stored["accounts"].items()
    aid.stored["accounts"][id_] = account.model_copy(update={"committed": 7_000_000, "realised": 3_000_000})
    below = tell(aid, "amend", programme_id, reason="x", quota=9)
    assert refused(below) == [("programme.below_committed", "data.quota")]
    assert not tell(aid, "amend", programme_id, reason="x", quota=10).problems


# --- late -------------------------------------------------------------------------------------------------------------


def test_a_draft_that_should_have_begun_is_told_once(aid: Memory) -> None:
    """S2-07: "akan segera mungkin dapat dilaksanakan"; by the calendar of its region."""
    propose(aid, planned_start="2026-03-03")
    aid.later(hours=30)
    aid.work()
    assert not aid.told("aid.programme.overdue")
    aid.later(hours=15)
    aid.work()
    aid.later(days=3)
    aid.work()
    assert len(aid.told("aid.programme.overdue")) == 1


def test_a_later_start_is_watched_anew(aid: Memory) -> None:
    programme_id = propose(aid, planned_start="2026-03-03")
    aid.later(days=3)
    aid.work()
    tell(aid, "amend", programme_id, reason="Diundur", planned_start="2026-04-01")
    aid.work()
    assert len(aid.told("aid.programme.overdue")) == 1
    aid.later(days=40)
    aid.work()
    assert len(aid.told("aid.programme.overdue")) == 2


# --- items ------------------------------------------------------------------------------------------------------------


def test_an_item_is_registered_once_and_then_known_to_all(aid: Memory) -> None:
    """S3-13: "dan lain-lain"."""
    items = [{"item": "gerobak_pkl", "quantity": 2}, {"item": "oven", "quantity": 1}]
    wanted = programme(agency="dinkop-siantar", region="12.72", items=items)
    unknown = aid.send("aid.programme.open", wanted, "dinkop-siantar")
    assert refused(unknown) == [("programme.item_unknown", "data.items.1.item")]
    about = {"item": "oven", "name": "Oven listrik"}
    assert aid.send("aid.item.register", about, actor=None).result["outcome"] == "registered"
    assert not aid.send("aid.programme.open", wanted, "dinkop-siantar").problems
    assert aid.send("aid.item.register", about, actor=None).result["outcome"] == "unchanged"
    of_another = aid.send("aid.item.register", about, "dinkop-siantar", actor=None)
    assert refused(of_another) == [("item.of_another", "data.item")]
    standard = aid.send("aid.item.register", {"item": "gerobak_pkl", "name": "x"}, actor=None)
    assert refused(standard) == [("item.standard", "data.item")]


# --- who asks ---------------------------------------------------------------------------------------------------------


def test_programmes_are_listed_page_by_page_and_drafts_of_others_are_not(aid: Memory) -> None:
    ids = sorted([aid.open(), aid.open(fiscal_year=2027), propose(aid)])
    first = aid.send("aid.programme.request", {"limit": 2}, actor=None)
    rest = aid.send("aid.programme.request", {"after": first.next}, actor=None)
    assert [one["programme"]["programme_id"] for one in (*first.answer, *rest.answer)] == ids
    assert rest.next is None
    open_now = aid.send("aid.programme.request", {"status": "open", "fiscal_year": 2026}, actor=None)
    assert len(open_now.answer) == 1
    draft = next(one.programme_id for one in aid.all(PROGRAMMES) if one.status == "draft")
    hidden = aid.send("aid.programme.request", {"programme_id": draft}, "dinkop-siantar", actor=None)
    assert refused(hidden) == [("programme.unknown", "data.programme_id")]


# --- in any order -----------------------------------------------------------------------------------------------------

CRITERIA: list[list[dict[str, Any]]] = [[], [{"type": "status_is", "value": "binaan"}], [{"type": "never_received"}]]
MOVES = st.one_of(
    st.tuples(st.just("tell"), st.sampled_from(["a", "b"]), st.sampled_from(["terdata", "binaan", "nonaktif"])),
    st.tuples(st.sampled_from(["pause", "resume", "work", "commit"])),
    st.tuples(st.just("amend"), st.integers(0, len(CRITERIA) - 1)),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(MOVES, st.booleans()), max_size=12))
def test_whatever_is_done_to_a_programme_everybody_ends_with_the_answer_that_is_deserved(
    history: list[tuple[tuple[Any, ...], bool]],
) -> None:
    """Paused, amended and resumed between, before and beside the events of businesses, some committed late."""
    memory = Memory()
    memory.know_agency()
    programme_id = memory.open(criteria=[])
    told: Counter[str] = Counter()
    for (what, *about), late in history:
        memory.later(seconds=1)
        memory.delay = late and what == "tell"
        if what == "tell":
            told[about[0]] += 1
            memory.hear_of(business(about[0], status=about[1]), told[about[0]])
        elif what == "amend":
            tell(memory, "amend", programme_id, reason="x", criteria=CRITERIA[about[0]])
        elif what == "work":
            memory.work(1)
        elif what == "commit":
            memory.commit_oldest()
        else:
            tell(memory, what, programme_id, reason="x")
    memory.delay = False
    while memory.pending:
        memory.commit_oldest()
    tell(memory, "resume", programme_id)
    memory.later(seconds=10)
    memory.work()
    (now,) = memory.all(PROGRAMMES)
    deserved = {
        one.business_id: judge_now(Candidate(copy=one, on=memory.now.date()), now).verdict
        for one in memory.all(BUSINESSES)
    }
    assert verdicts(memory) == deserved
