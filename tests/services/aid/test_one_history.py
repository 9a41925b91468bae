"""Nothing slips through: whatever comes when, late and twice, a person has one history and every overlap is found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.aid.overlap import pairs
from services.aid.recipient import Recipient, served
from services.aid.store import BUSINESSES, ELIGIBILITIES, OVERLAPS, RECIPIENTS
from shared.contracts.registry.owners import OwnerEvent
from shared.contracts.registry.persons import PersonEvent
from tests.services.aid.memory import NOW, Memory, business
from tests.services.aid.test_recipient import registers

OFFICES = ("dinkop-medan", "dinsos-medan", "diskop-sumut")
IDS = {f"owner-{number}": f"00000000-0000-8000-8000-00000000000{number}" for number in range(5)}
IDS |= {f"token-{number}": f"k1.{number}0000000000000000000000000000000" for number in range(2)}
OWNERS = [id_ for name, id_ in IDS.items() if name.startswith("owner")]


@dataclass(frozen=True)
class Act:
    """``report`` of an office, ``lead`` of an id as registry tells it, with the business of an owner that was joined,
    one step of ``work``, or ``commit`` of what another process has decided (``delayed``)."""

    kind: str
    data: tuple[Any, ...] = ()
    delayed: bool = False


REPORTS = st.builds(
    lambda *data: Act("report", data),
    st.sampled_from(OFFICES),
    st.sampled_from(sorted(IDS.values())),
    st.sampled_from(["equipment", "training"]),
    st.sampled_from(["planned", "approved", "handed_over"]),
)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Act], list[Act]]:
    """Two orders of the same; each report is of a grant of its own, told of up to three times in different stages."""
    told: list[Act] = []
    for number, one in enumerate(draw(st.lists(REPORTS, min_size=1, max_size=6))):
        office, person, kind, stage = one.data
        stages = [stage, *draw(st.lists(st.sampled_from(["planned", "approved"]), max_size=2))]
        told += [Act("report", (office, person, kind, each, f"BA-{number}", age)) for age, each in enumerate(stages)]
    register = draw(registers())
    told += [Act("lead", (IDS[id_], IDS[to], sequence)) for id_, to, sequence in register]
    told += [Act("move", (IDS[id_], IDS[to], sequence)) for id_, to, sequence in register if id_.startswith("owner")]
    told += draw(st.lists(st.sampled_from(told), max_size=4))
    told += [Act("work")] * draw(st.integers(0, 4))
    told = [replace(act, delayed=draw(st.booleans())) for act in told]
    told += [Act("commit")] * sum(act.delayed for act in told)
    return draw(st.permutations(told)), draw(st.permutations(told))


def run(acts: list[Act]) -> Memory:
    memory = Memory()
    memory.know_agency("dinkop-medan")
    memory.know_agency("dinsos-medan", level="opd")
    memory.know_agency("diskop-sumut", "12", level="province")
    for owner in OWNERS:
        memory.hear_of(business(f"business-of-{owner}", owner_id=owner), 1)
    memory.open("diskop-sumut", region="12", criteria=[{"type": "never_received"}])
    for act in acts:
        memory.later(seconds=1)
        memory.delay = act.delayed
        _act(memory, act)
    memory.delay = False
    while memory.pending:
        memory.commit_oldest()
    memory.later(seconds=10)
    memory.work()
    return memory


def _act(memory: Memory, act: Act) -> None:
    match act.kind, act.data:
        case "report", (office, person, kind, stage, reference, age):
            data = {"person": person, "reference": reference, "kind": kind, "stage": stage, "on": "2026-02-20"}
            time = NOW - timedelta(days=10 - age)
            memory.send("aid.external_grant.report", data, office, None, time=time, id=f"{reference}-{age}")
        case "lead", (id_, to, sequence):
            memory.hear(*_told(id_, to), sequence)
            if id_ in OWNERS:
                memory.hear_of(business(f"business-of-{id_}", owner_id=to), sequence + 1)
        case "work", _:
            memory.work(1)
        case "commit", _:
            memory.commit_oldest()


def _told(id_: str, to: str) -> tuple[str, Any]:
    if id_.startswith("k1."):
        return "registry.person.matched", PersonEvent.model_validate({"person": {"token": id_, "owner_id": to}})
    event = {"owner": {"owner_id": id_, "identified": True, "joined_into": to}}
    return "registry.owner.joined", OwnerEvent.model_validate(event)


def people(memory: Memory) -> dict[str, Recipient]:
    """By every id the one that stands."""
    kept = {one.recipient_id: one for one in memory.all(RECIPIENTS)}

    def standing(id_: str) -> Recipient:
        one = kept.get(id_) or Recipient(recipient_id=id_)
        return one if one.joined_into is None else standing(one.joined_into)

    return {id_: standing(id_) for id_ in IDS.values()}


def history(memory: Memory) -> Mapping[str, Any]:
    """What everybody has been given, what overlaps, and what is answered: without what counts words and commits."""
    return {
        "people": {id_: (one.recipient_id, one.interventions) for id_, one in people(memory).items()},
        "overlaps": {one.overlap_id: (one.hard, one.sides) for one in memory.all(OVERLAPS) if one.status == "open"},
        "answers": {one.beneficiary_id: one.verdict for one in memory.all(ELIGIBILITIES)},
    }


@settings(max_examples=80, deadline=None)
@given(histories())
def test_any_order_of_the_same_ends_in_the_same_histories(orders: tuple[list[Act], list[Act]]) -> None:
    """Reports of several offices in several stages, tokens that become owners, records that are joined, businesses that
    follow, in processes side by side: S1-24, design, idea 3."""
    first, second = (history(run(acts)) for acts in orders)
    assert first == second


@settings(max_examples=80, deadline=None)
@given(histories())
def test_every_pair_that_stands_against_each_other_is_told_of_and_nothing_else(
    orders: tuple[list[Act], list[Act]],
) -> None:
    """An overlap is open exactly as long as its cause is there, and its last event says how it stands."""
    memory = run(orders[0])
    stands = {one.recipient_id: one for one in people(memory).values()}
    expected = {pair.overlap_id: pair for one in stands.values() for pair in pairs(one)}
    known = {one.overlap_id: one for one in memory.all(OVERLAPS)}
    assert {id_ for id_, one in known.items() if one.status == "open"} == expected.keys()
    last = {fact.subject: fact for fact in memory.facts if fact.type.startswith("aid.overlap.")}
    for id_, one in known.items():
        assert last[id_].data.model_dump()["overlap"] == one.published().model_dump()
        assert last[id_].sequence == one.sequence
    assert all(known[id_].hard is pair.hard for id_, pair in expected.items())


@settings(max_examples=60, deadline=None)
@given(histories())
def test_never_served_is_said_of_who_was_never_given_anything(orders: tuple[list[Act], list[Act]]) -> None:
    """Of every business of a person, however the person came to be known as one."""
    memory = run(orders[0])
    by_id = people(memory)
    verdicts = {one.beneficiary_id: one.verdict for one in memory.all(ELIGIBILITIES)}
    for one in memory.all(BUSINESSES):
        received = served(by_id[one.state.owner_id])
        assert verdicts[one.business_id] == ("ineligible" if received else "eligible")
