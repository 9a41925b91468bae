"""Two records of one owner are joined in registry: notify ends alike in whatever order it hears of it."""

from __future__ import annotations

import asyncio
from itertools import permutations
from typing import Any

import pytest
from pydantic import BaseModel

from services.notify.store import CONTACTS
from shared.contracts.registry.owners import Contact, ContactEvent
from tests.services.notify import samples
from tests.services.notify.memory import Memory
from tests.services.notify.samples import NOW, Ledger
from tests.services.notify.test_receipts import Taking

GONE = ContactEvent(contact=Contact(owner_id="record", erased=True))
HEARD: tuple[tuple[str, BaseModel, int], ...] = (
    ("registry.contact.changed", samples.contact("record"), 1),
    ("registry.contact.erased", GONE, 2),
    ("registry.contact.changed", samples.contact("owner"), 2),
    ("registry.business.recorded", samples.business("b1", "record"), 1),
    ("registry.business.updated", samples.business("b1", "owner"), 2),
    ("aid.eligibility.assessed", samples.eligibility(business_id="b1"), 1),
)


def end_state(order: tuple[tuple[str, BaseModel, int], ...]) -> Any:
    memory = Memory(NOW)
    memory.tell("registry.agency.registered", samples.agency(), 1)
    memory.tell("aid.programme.opened", samples.programme(), 1)
    for key, data, sequence in order:
        memory.tell(key, data, sequence)
    memory.review()
    contacts = {one.owner_id: (one.sequence, one.phone, one.erased) for one in memory.all(CONTACTS)}
    open_messages = {one.owner_id: one.state for one in memory.messages if one.state == "queued"}
    return contacts, open_messages


def test_the_owner_is_told_and_the_record_forgotten_in_any_order() -> None:
    """Contacts and events come by different queues: all 720 orders end with one message to the owner that there is,
    and without a number of the record that is not."""
    expected = {"record": (2, None, True), "owner": (2, samples.PHONE, False)}, {"owner": "queued"}
    for order in permutations(HEARD):
        assert end_state(order) == expected, [f"{key} {sequence}" for key, _, sequence in order]


JOINED: tuple[tuple[str, BaseModel, int], ...] = (
    ("registry.contact.erased", GONE, 2),
    ("registry.contact.changed", samples.contact("owner"), 2),
    ("registry.business.updated", samples.business("b1", "owner"), 2),
    ("aid.eligibility.assessed", samples.eligibility(business_id="b1", eligible=False), 2),
    ("aid.eligibility.assessed", samples.eligibility(business_id="b1"), 3),
)


def told_the_record(provider: Ledger) -> Memory:
    memory = Memory(NOW)
    memory.tell("registry.agency.registered", samples.agency(), 1)
    memory.tell("aid.programme.opened", samples.programme(), 1)
    for key, data, sequence in HEARD:
        if sequence == 1:
            memory.tell(key, data, sequence)
    asyncio.run(memory.send(provider))
    return memory


@pytest.mark.parametrize("provider", [Ledger, Taking])
@pytest.mark.parametrize("own", [False, True])
def test_who_was_told_under_one_record_is_not_told_again_under_the_other(provider: Any, own: bool) -> None:
    """Join after delivery (or after it was taken, or while nobody knows): one person, one programme, one message, in
    every order of the events, also where an own business of the owner is eligible, and with the workers in between."""
    for order in permutations(JOINED):
        ledger = provider()
        memory = told_the_record(ledger)
        assert len(ledger.taken) == 1
        for key, data, sequence in order:
            memory.tell(key, data, sequence)
            memory.review()
        if own:
            memory.tell("registry.business.recorded", samples.business("b2", "owner"), 1)
            memory.tell("aid.eligibility.assessed", samples.eligibility(business_id="b2"), 1)
        memory.tell("registry.contact.changed", samples.contact("owner", name="Lain"), 3)
        memory.review()
        asyncio.run(memory.send(ledger))
        assert len(ledger.taken) == 1, [f"{key} {sequence}" for key, _, sequence in order]
        (second,) = (one for one in memory.messages if one.owner_id == "owner")
        assert (second.state, second.reason) == ("suppressed", "told_already")


def test_who_was_joined_twice_is_not_told_twice() -> None:
    """What was sent to the first record is remembered by the last."""
    ledger = Ledger()
    memory = told_the_record(ledger)
    memory.tell("registry.business.updated", samples.business("b1", "owner"), 2)
    memory.tell("registry.business.updated", samples.business("b1", "last"), 3)
    memory.tell("registry.contact.changed", samples.contact("last"), 1)
    asyncio.run(memory.send(ledger))
    assert len(ledger.taken) == 1


def test_one_who_was_not_reached_under_the_record_is_told_under_the_other() -> None:
    """A number was missing; the joined owner has one."""
    memory = Memory(NOW)
    memory.tell("registry.agency.registered", samples.agency(), 1)
    memory.tell("aid.programme.opened", samples.programme(), 1)
    memory.tell("registry.contact.changed", samples.contact("record", phone=None), 1)
    memory.tell("registry.business.recorded", samples.business("b1", "record"), 1)
    memory.tell("aid.eligibility.assessed", samples.eligibility(business_id="b1"), 1)
    ledger = Ledger()
    asyncio.run(memory.send(ledger))
    for key, data, sequence in JOINED:
        memory.tell(key, data, sequence)
    asyncio.run(memory.send(ledger))
    assert [one.to for one in ledger.taken] == [samples.PHONE]
