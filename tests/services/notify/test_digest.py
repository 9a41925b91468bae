"""Several invitations to one owner in one message: within a window, without what was withdrawn, and once each."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notify.message import message_id
from services.notify.policy import policy_on
from services.notify.provider import Outcome, Outgoing
from services.notify.refusal import consequence_of
from services.notify.sending import recording, recording_needs
from services.notify.switchboard import Line, Switchboard
from services.notify.template import LONGEST
from shared.contracts.notify import MessageEvent
from tests.memory import Task
from tests.services.notify import samples
from tests.services.notify.memory import CrashError, Memory
from tests.services.notify.samples import NOW

WINDOW = policy_on(NOW.date()).digest


class Vendor:
    """Takes everything and can be asked for nothing, as the vendors that really send."""

    name, at_once = "vendor", 1

    def __init__(self) -> None:
        self.taken: list[Outgoing] = []
        self.refuses: str | None = None
        """The code with which it answers all that is to go by WhatsApp."""

    async def send(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        return [self._one(one) for one in messages]

    def _one(self, message: Outgoing) -> Outcome:
        if self.refuses is not None and message.channel == "whatsapp":
            consequence = consequence_of("whatsapp", self.refuses)
            return Outcome(message.message_id, "failed", self.refuses, consequence, message.attempt)
        self.taken.append(message)
        return Outcome(message.message_id, "sent", attempt=message.attempt)

    async def ask(self, message_ids: Sequence[str]) -> list[Outcome]:
        return [Outcome(one, "uncertain", "interrupted") for one in message_ids]


class Forgetful(Vendor):
    """Has never seen what a crash has left."""

    async def ask(self, message_ids: Sequence[str]) -> list[Outcome]:
        return []


@pytest.fixture
def memory() -> Memory:
    memory = Memory(NOW)
    memory.tell("registry.agency.registered", samples.agency(), 1)
    memory.tell("registry.contact.changed", samples.contact(), 1)
    return memory


def invited(memory: Memory, programme: str, business: str = "business", **changes: Any) -> None:
    memory.tell("aid.programme.opened", samples.programme(programme, **changes), 1)
    memory.tell("registry.business.designated", samples.business(business), 1)
    memory.tell("aid.eligibility.assessed", samples.eligibility(programme, business), 1)


async def send(memory: Memory, vendor: Vendor, ahead: timedelta = WINDOW) -> None:
    memory.now += ahead
    channels = frozenset({"whatsapp", "sms"})
    board = Switchboard([Line(vendor, channels)], time.monotonic, digest_seconds=WINDOW.total_seconds())
    await memory.send_by(board)


def receive(memory: Memory, outgoing: Outgoing, state: Any, reason: str | None = None) -> None:
    consequence = consequence_of("whatsapp", reason or "")
    outcomes = [Outcome(outgoing.message_id, state, reason, consequence, outgoing.attempt)]
    memory.perform(Task(memory.tick(), recording_needs(outcomes), recording(outcomes)))


def states(memory: Memory) -> dict[str, str]:
    return {one.matter_id: one.state for one in memory.messages}


async def test_what_comes_within_the_window_is_one_message(memory: Memory) -> None:
    """Issue 7: several eligibilities within a window, one message; what becomes of it is true of each programme."""
    vendor = Vendor()
    invited(memory, "p1", apply_until=date(2026, 4, 1))
    await send(memory, vendor, timedelta(minutes=5))
    assert vendor.taken == []
    invited(memory, "p2", "other")
    invited(memory, "p2", "business")
    await send(memory, vendor)
    (sent,) = vendor.taken
    assert "memenuhi syarat 2 program" in sent.text
    assert "Pelatihan p1 dari Dinas" in sent.text
    assert "paling lambat 1 April 2026" in sent.text
    assert "Pelatihan p2" in sent.text
    assert "Keripik business dan Keripik other" in sent.text
    assert sent.form is not None
    assert (sent.form.name, len(sent.form.parameters)) == ("programmes_eligible_v1", 3)
    receive(memory, sent, "read")
    assert states(memory) == {"p1": "read", "p2": "read"}
    told = [fact.data.message for fact in memory.facts if isinstance(fact.data, MessageEvent)]
    assert {one.template for one in told if one.state == "read"} == {"programmes_eligible_id_v1"}
    assert Counter(one.state for one in told) == {"queued": 2, "sent": 2, "delivered": 2, "read": 2}


async def test_what_is_withdrawn_within_the_window_falls_out(memory: Memory) -> None:
    """A closed programme and a lost eligibility are not told of; what is left is an invitation by itself."""
    vendor = Vendor()
    for programme in ("p1", "p2", "p3"):
        invited(memory, programme)
    memory.tell("aid.programme.closed", samples.programme("p2", status="closed"), 2)
    memory.tell("aid.eligibility.assessed", samples.eligibility("p3", eligible=False), 2)
    await send(memory, vendor)
    (sent,) = vendor.taken
    assert sent.text.count("Pelatihan") == 1
    assert "Pelatihan p1" in sent.text
    assert states(memory) == {"p1": "sent", "p2": "suppressed", "p3": "suppressed"}


async def test_nothing_urgent_waits_and_it_takes_along_what_does(memory: Memory) -> None:
    """A last day that is today leaves no quarter of an hour to lose."""
    vendor = Vendor()
    invited(memory, "later")
    invited(memory, "today", apply_until=NOW.date())
    await send(memory, vendor, timedelta(0))
    (sent,) = vendor.taken
    assert sent.message_id == message_id("today", "owner")
    assert "Pelatihan later" in sent.text


async def test_owners_are_not_mixed(memory: Memory) -> None:
    """One message is to one person."""
    vendor = Vendor()
    memory.tell("registry.contact.changed", samples.contact("other", phone="+6281100009999"), 1)
    memory.tell("registry.business.designated", samples.business("theirs", "other"), 1)
    invited(memory, "p1")
    memory.tell("aid.eligibility.assessed", samples.eligibility("p1", "theirs"), 1)
    await send(memory, vendor)
    assert {one.to for one in vendor.taken} == {samples.PHONE, "+6281100009999"}


async def test_a_refusal_is_one_of_all_that_went_together(memory: Memory) -> None:
    """Not on WhatsApp: both go by SMS, again in one."""
    vendor = Vendor()
    vendor.refuses = "131026"
    invited(memory, "p1")
    invited(memory, "p2")
    await send(memory, vendor)
    (sent,) = vendor.taken
    assert (sent.channel, sent.attempt) == ("sms", 2)
    assert "2 program" in sent.text
    receive(memory, sent, "delivered")
    assert states(memory) == {"p1": "delivered", "p2": "delivered"}


async def test_what_a_crash_has_left_and_nobody_has_seen_goes_once(memory: Memory) -> None:
    """Killed between claim and record; the provider says that it has none of it."""
    vendor = Forgetful()
    for programme in ("p1", "p2", "p3"):
        invited(memory, programme)
    memory.crash_at_commit = 1
    with pytest.raises(CrashError):
        await send(memory, vendor)
    memory.crash_at_commit = None
    vendor.taken.clear()
    await send(memory, vendor, timedelta(0))
    (sent,) = vendor.taken
    assert "3 program" in sent.text
    assert states(memory) == {"p1": "sent", "p2": "sent", "p3": "sent"}


async def test_an_uncertain_digest_is_matched_by_a_later_receipt(memory: Memory) -> None:
    """The handle that the vendor gives back is the one of the lead, for all its parts."""
    vendor = Vendor()
    invited(memory, "p1")
    invited(memory, "p2")
    memory.crash_at_commit = 1
    with pytest.raises(CrashError):
        await send(memory, vendor)
    memory.crash_at_commit = None
    await send(memory, vendor, timedelta(0))
    assert states(memory) == {"p1": "uncertain", "p2": "uncertain"}
    receive(memory, vendor.taken[0], "delivered")
    assert states(memory) == {"p1": "delivered", "p2": "delivered"}


async def test_a_message_tells_of_so_many_programmes_and_the_next_one_of_the_rest(memory: Memory) -> None:
    """By policy, and never more than a template of Meta holds."""
    vendor = Vendor()
    for number in range(6):
        invited(memory, f"p{number}")
    await send(memory, vendor)
    assert [one.text.count("Pelatihan p") for one in vendor.taken] == [4, 2]
    assert set(states(memory).values()) == {"sent"}


async def test_a_message_that_would_be_too_long_tells_of_fewer(memory: Memory) -> None:
    """Meta fails what is longer than 1,024 characters (132005), all of it."""
    vendor = Vendor()
    for number in range(3):
        invited(memory, f"p{number}", name=f"Pelatihan {number} " + "kemasan " * 30)
    await send(memory, vendor)
    assert [one.text.count("cara mendaftar") or 1 for one in vendor.taken] == [2, 1]
    assert max(len(one.text) for one in vendor.taken) <= LONGEST
    assert set(states(memory).values()) == {"sent"}


async def test_one_that_cannot_be_written_harms_no_other(memory: Memory) -> None:
    """A line break in a name fails its own message."""
    vendor = Vendor()
    invited(memory, "p1")
    invited(memory, "p2", name="Pelatihan\nTransfer")
    await send(memory, vendor)
    (sent,) = vendor.taken
    assert "Transfer" not in sent.text
    assert states(memory) == {"p1": "sent", "p2": "failed"}


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(["sent", "delivered", "read", "uncertain"]), max_size=5), st.integers(2, 4))
def test_parts_end_as_their_message_does_in_any_order(outcomes: list[str], number: int) -> None:
    """Receipts that come doubled or swapped leave all that went together in one state."""
    memory, vendor = Memory(NOW), Vendor()
    memory.tell("registry.agency.registered", samples.agency(), 1)
    memory.tell("registry.contact.changed", samples.contact(), 1)
    for each in range(number):
        invited(memory, f"p{each}")
    asyncio.run(send(memory, vendor))
    for outcome in outcomes:
        receive(memory, vendor.taken[0], outcome)
    assert len(set(states(memory).values())) == 1
