"""Any order, any repetition, any crash: the same owners are told the same things once.

Histories are generated: owners with several businesses, programmes that open and close, eligibilities that come and
go, contacts and consents that change, a business that changes hands. They are delivered swapped and doubled, and what
comes of it is compared with the run in which everything came in order and once.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from services.notify import handlers
from services.notify.message import NEXT
from shared.contracts.notify import MessageEvent
from tests.services.notify import samples
from tests.services.notify.memory import CrashError, Memory
from tests.services.notify.samples import NOW, Ledger

OWNERS, BUSINESSES, PROGRAMMES = ("o1", "o2"), ("b1", "b2", "b3"), ("p1", "p2")
PHONES = {"o1": "+6281100000011", "o2": "+6281100000022"}
NAMES = {"o1": "Contoh Pertama", "o2": "Contoh Kedua"}


@dataclass(frozen=True)
class Told:
    key: str
    data: BaseModel
    sequence: int


@st.composite
def histories(draw: st.DrawFn) -> list[Told]:
    """Every subject's events with their sequences, in the order in which they happened."""
    told = [Told("registry.agency.registered", samples.agency(), 1)]
    for owner in OWNERS:
        told += [draw(_contacts(owner, sequence)) for sequence in range(1, draw(st.integers(0, 3)) + 1)]
    for number, business in enumerate(BUSINESSES):
        for sequence in range(1, draw(st.integers(0, 2)) + 1):
            event = samples.business(business, draw(st.sampled_from(OWNERS)), recorded_on=date(2026, 1, 9 - number))
            told.append(Told("registry.business.updated", event, sequence))
    for programme in PROGRAMMES:
        announce = draw(st.sampled_from(["on_eligible", "on_eligible", "never"]))
        states = draw(st.sampled_from([(), ("open",), ("open", "closed")]))
        for sequence, status in enumerate(states, 1):
            key = "aid.programme.opened" if status == "open" else "aid.programme.closed"
            told.append(Told(key, samples.programme(programme, status=status, announce=announce), sequence))
        for business in BUSINESSES:
            for sequence, eligible in enumerate(draw(st.lists(st.booleans(), max_size=3)), 1):
                event_of = samples.eligibility(programme, business, eligible=eligible)
                told.append(Told("aid.eligibility.assessed", event_of, sequence))
    return told


@st.composite
def _contacts(draw: st.DrawFn, owner: str, sequence: int) -> Told:
    changes: dict[str, Any] = {"phone": draw(st.sampled_from([PHONES[owner], PHONES[owner], None]))}
    changes |= {"whatsapp": draw(st.booleans()), "sms": draw(st.booleans()), "name": NAMES[owner]}
    key = draw(st.sampled_from(["registry.contact.changed"] * 5 + ["registry.contact.erased"]))
    return Told(key, samples.contact(owner, **changes), sequence)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[Told], list[Told]]:
    """A history, and the same swapped and with repetitions."""
    history = draw(histories())
    doubled = [*history, *draw(st.lists(st.sampled_from(history), max_size=8))]
    return history, draw(st.permutations(doubled))


def _deliver(memory: Memory, events: list[Told]) -> None:
    for number, one in enumerate(events):
        memory.tell(one.key, one.data, one.sequence, f"event-{number}", f"chain-{number}")


def _texts(ledger: Ledger) -> list[tuple[str, str, str, str]]:
    return sorted((one.message_id, one.channel, one.to, one.text) for one in ledger.taken)


def _check_books(memory: Memory, ledger: Ledger) -> None:
    """Sequences without gaps, moves that are allowed, nothing personal, one message each, and all that went is told."""
    by_subject: dict[str, list[Any]] = defaultdict(list)
    for fact in memory.facts:
        by_subject[fact.subject].append(fact)
    for facts in by_subject.values():
        assert [fact.sequence for fact in facts] == list(range(1, len(facts) + 1))
        states = [fact.data.message.state for fact in facts]
        assert states[0] == "queued"
        befores = [fact.data.change.state_before for fact in facts]
        assert befores == [None, *states[:-1]]
        for before, after in pairwise(states):
            assert after in NEXT[before] | (NEXT["sending"] if before == "queued" else frozenset())
    published = json.dumps([fact.data.model_dump(mode="json") for fact in memory.facts])
    for secret in (*PHONES.values(), *NAMES.values()):
        assert secret not in published
    ids = [one.message_id for one in ledger.taken]
    assert len(ids) == len(set(ids))
    delivered = [f.subject for f in memory.facts if isinstance(f.data, MessageEvent) and f.type.endswith("delivered")]
    assert sorted(delivered) == sorted(ids)
    assert {one.sequence for one in memory.messages if one.message_id not in by_subject} == set()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(deliveries())
def test_any_order_and_repetition_tells_the_same_owners_the_same(deliveries: tuple[list[Told], list[Told]]) -> None:
    """Doubled, late and swapped deliveries end as a perfect run does: same messages, same numbers, same words."""
    ends = []
    for events in deliveries:
        memory, ledger = Memory(NOW), Ledger()
        _deliver(memory, events)
        memory.review()
        asyncio.run(memory.send(ledger))
        _check_books(memory, ledger)
        ends.append(_texts(ledger))
    assert ends[0] == ends[1]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(deliveries(), st.data())
def test_sending_and_crashing_at_any_moment_keeps_the_books(
    deliveries: tuple[list[Told], list[Told]], data: st.DataObject
) -> None:
    """Between any two deliveries the sender may run, die at any commit, and come back; a day later all is settled."""
    memory, ledger = Memory(NOW), Ledger()
    for one in deliveries[1]:
        memory.tell(one.key, one.data, one.sequence)
        if data.draw(st.booleans()):
            memory.review()
        memory.crash_at_commit = data.draw(st.sampled_from([None, 0, 1, 2]))
        with suppress(CrashError):
            asyncio.run(memory.send(ledger))
        memory.crash_at_commit = None
        memory.now += timedelta(seconds=data.draw(st.integers(0, 3600)))
    memory.review()
    memory.now += timedelta(hours=25)
    asyncio.run(memory.send(ledger))
    _check_books(memory, ledger)
    assert {one.state for one in memory.messages} <= {"delivered", "suppressed", "expired"}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(deliveries(), st.integers(1, 3))
def test_how_many_are_reviewed_at_once_makes_no_difference(
    deliveries: tuple[list[Told], list[Told]], at_once: int
) -> None:
    """Steps are for the length of a transaction, never for what comes of it."""
    ends = []
    whole = handlers.REVIEWED_AT_ONCE
    try:
        for handlers.REVIEWED_AT_ONCE in (whole, at_once):
            memory, ledger = Memory(NOW), Ledger()
            _deliver(memory, deliveries[1])
            memory.review()
            asyncio.run(memory.send(ledger))
            ends.append(_texts(ledger))
    finally:
        handlers.REVIEWED_AT_ONCE = whole
    assert ends[0] == ends[1]
