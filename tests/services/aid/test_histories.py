"""Level, not edge: whatever the order in which businesses and programmes become known, the answers end the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.aid.business import Business
from services.aid.candidate import Candidate
from services.aid.criteria import all_of, judge
from services.aid.programme import Programme
from services.aid.store import BUSINESSES, ELIGIBILITIES, PROGRAMMES
from shared.contracts.aid.eligibilities import EligibilityEvent
from shared.reference import region as regions
from tests.services.aid.memory import NOW, Memory, business

BUSINESS_IDS = ("a", "b", "c", "d", "e")
STATES = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["terdata", "terverifikasi", "binaan", "nonaktif"]),
        "region": st.sampled_from(["12.71.01.1001", "12.71.02", "12.72.01.1001"]),
        "scale": st.sampled_from([None, "mikro", "besar"]),
    }
)
CRITERIA: st.SearchStrategy[list[dict[str, Any]]] = st.sampled_from(
    [
        [],
        [{"type": "status_is", "value": "binaan"}],
        [{"type": "scale_in", "values": ["mikro"]}],
        [{"type": "not", "criterion": {"type": "scale_in", "values": ["mikro"]}}, {"type": "never_received"}],
    ]
)
Offer = tuple[str, list[dict[str, Any]]]
"""Region and criteria of a programme."""
OFFERS: st.SearchStrategy[Offer] = st.tuples(st.sampled_from(["12", "12.71", "12.71.01", "12.72"]), CRITERIA)


@dataclass(frozen=True)
class Act:
    """One thing that happens: ``tell`` an event, ``open`` or ``close`` a programme, ``work`` one step, or ``commit``
    what another process has decided a while ago (``delayed``)."""

    kind: str
    which: int | str = 0
    sequence: int = 0
    delayed: bool = False


@dataclass(frozen=True)
class History:
    states: dict[str, list[dict[str, Any]]]
    programmes: list[Offer]
    acts: tuple[list[Act], list[Act]]
    """Two orders of the same: what stands in both is in both as often."""

    def run(self, acts: list[Act]) -> Memory:
        memory = Memory()
        memory.know_agency("dinkop-sumut", "12")
        opened: dict[int | str, str] = {}
        for act in acts:
            memory.later(seconds=1)
            memory.delay = act.delayed
            self._act(memory, act, opened)
        memory.delay = False
        while memory.pending:
            memory.commit_oldest()
        memory.later(seconds=10)
        memory.work()
        return memory

    def _act(self, memory: Memory, act: Act, opened: dict[int | str, str]) -> None:
        if act.kind == "tell":
            state = self.states[str(act.which)][act.sequence - 1]
            memory.hear_of(business(str(act.which), **state), act.sequence)
        elif act.kind == "open":
            region, criteria = self.programmes[int(act.which)]
            opened[act.which] = memory.open("dinkop-sumut", name=f"{act.which}", region=region, criteria=criteria)
        elif act.kind == "close" and opened.get(act.which) in memory.stored[PROGRAMMES.name]:
            memory.close(opened[act.which], "dinkop-sumut")
        elif act.kind == "work":
            memory.work(1)
        elif act.kind == "commit":
            memory.commit_oldest()


@st.composite
def histories(draw: st.DrawFn, *, closing: bool = False, delays: bool = True) -> History:
    states = {one: draw(st.lists(STATES, min_size=1, max_size=3)) for one in BUSINESS_IDS}
    programmes = draw(st.lists(OFFERS, max_size=3))
    acts = [Act("tell", one, sequence) for one, known in states.items() for sequence in range(1, len(known) + 1)]
    acts += draw(st.lists(st.sampled_from(acts), max_size=5))
    acts += [Act("open", number) for number in range(len(programmes))]
    acts += [Act("work")] * draw(st.integers(0, 6))
    if closing:
        acts += [Act("close", number) for number in range(len(programmes)) if draw(st.booleans())]
    if delays:
        acts = [replace(act, delayed=draw(st.booleans())) for act in acts]
        acts += [Act("commit")] * sum(act.delayed for act in acts)
    return History(states, programmes, (draw(st.permutations(acts)), draw(st.permutations(acts))))


@pytest.fixture(autouse=True, scope="module")
def small_pages() -> Iterator[None]:
    """Two businesses a page, so that the work of a programme is interrupted by everything else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.aid.assessment.PAGE", 2)
        patch.setattr("services.aid.store.PAGE", 2)
        yield


def wanted(known: Business, programme: Programme) -> str:
    """What the newest states say, worked out without any history."""
    served = known.state.status != "nonaktif" and known.state.scale != "besar"
    candidate = Candidate(copy=known, on=NOW.date())
    own = all_of(judge(one, candidate) for one in programme.criteria)
    return own if served and regions.within(known.state.region, programme.region) else "ineligible"


def answers(memory: Memory) -> dict[tuple[str, str], str]:
    names = {one.programme_id: one.name for one in memory.all(PROGRAMMES)}
    return {(names[one.programme_id], one.beneficiary_id): one.verdict for one in memory.all(ELIGIBILITIES)}


@settings(max_examples=150, deadline=None)
@given(histories())
def test_every_business_ends_with_the_answer_that_its_newest_state_deserves(history: History) -> None:
    """Late, doubled and swapped events, programmes opened before, between and after: design, idea 3."""
    memory = history.run(history.acts[0])
    found = answers(memory)
    for programme in memory.all(PROGRAMMES):
        for known in memory.all(BUSINESSES):
            answer = found.pop((programme.name, known.business_id), None)
            if answer is None:
                # Never in the region while the programme was open: no answer means no.
                assert not regions.within(known.state.region, programme.region)
            else:
                assert answer == wanted(known, programme)
    assert not found


@settings(max_examples=100, deadline=None)
@given(histories())
def test_two_orders_of_the_same_history_end_in_the_same_answers(history: History) -> None:
    """No answer and "no, it has left the region" are the same to everybody who asks who may be served."""
    first, second = (answers(history.run(acts)) for acts in history.acts)
    for pair in first.keys() | second.keys():
        assert first.get(pair, "ineligible") == second.get(pair, "ineligible")


@settings(max_examples=100, deadline=None)
@given(histories(closing=True))
def test_every_subject_is_numbered_without_gaps_and_ends_where_it_was_last_told(history: History) -> None:
    """Contract: 1, 2, 3 … for one subject; the newest event is the stored state; each event is news."""
    memory = history.run(history.acts[0])
    numbers: dict[str, list[int]] = {}
    last: dict[str, Any] = {}
    for fact in memory.facts:
        numbers.setdefault(fact.subject, []).append(fact.sequence)
        assert last.get(fact.subject) != fact.data, "told twice"
        last[fact.subject] = fact.data
    assert all(told == list(range(1, len(told) + 1)) for told in numbers.values())
    for one in memory.all(ELIGIBILITIES):
        assert last[one.eligibility_id].eligibility == one.published()
        assert one.sequence == len(numbers[one.eligibility_id])
    for programme in memory.all(PROGRAMMES):
        assert last[programme.programme_id].programme == programme.published()


@settings(max_examples=100, deadline=None)
@given(histories(closing=True, delays=False))
def test_after_a_programme_has_closed_nothing_more_is_told_of_it(history: History) -> None:
    """Not by a business event that comes later, and not by what was left of its work."""
    closed: set[str] = set()
    for fact in history.run(history.acts[0]).facts:
        if fact.type == "aid.programme.closed":
            closed.add(fact.subject)
        if isinstance(fact.data, EligibilityEvent):
            assert fact.data.eligibility.programme_id not in closed
