"""Two records of one owner are joined in registry: notify ends alike in whatever order it hears of it."""

from __future__ import annotations

from itertools import permutations
from typing import Any

from pydantic import BaseModel

from services.notify.store import CONTACTS
from shared.contracts.registry.owners import Contact, ContactEvent
from tests.services.notify import samples
from tests.services.notify.memory import Memory
from tests.services.notify.samples import NOW

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
