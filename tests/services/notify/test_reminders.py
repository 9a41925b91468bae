"""Board and members of a cooperative are reminded of its yearly meeting (S4-12, S4-13): once, and only as long as it
has not been held."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import permutations
from typing import Any

import pytest

from services.notify import handlers
from services.notify.message import reminder_id
from services.notify.store import COOPERATIVES
from shared.contracts.notify import MessageEvent
from tests import samples as agencies
from tests.services.notify import samples
from tests.services.notify.memory import Memory
from tests.services.notify.samples import Ledger

MAY = datetime(2026, 5, 1, 3, 0, tzinfo=UTC)
DUE = date(2026, 6, 30)


@pytest.fixture
def memory() -> Memory:
    memory = Memory(MAY)
    memory.tell("registry.agency.registered", samples.agency(), 1)
    return memory


def member(memory: Memory, owner: str, role: str | None = "anggota", sequence: int = 1, **about: Any) -> None:
    """What registry tells of a person who is a member; with None, of one who is not."""
    cooperatives = None if role is None else ({"cooperative_id": "coop", "role": role},)
    phone = about.pop("phone", f"+628110000{sum(map(ord, owner)):04d}")
    told = samples.contact(owner, phone=phone, cooperatives=cooperatives, name=f"Contoh {owner}", **about)
    memory.tell("registry.contact.changed", told, sequence)


def due(memory: Memory, sequence: int = 2, **changes: Any) -> None:
    memory.tell("registry.cooperative.rat_due", samples.cooperative(**changes), sequence, event_id=f"due-{sequence}")


def reasons(memory: Memory) -> list[tuple[str, str | None]]:
    told = [fact.data for fact in memory.facts if isinstance(fact.data, MessageEvent)]
    return [(one.message.state, one.change.reason) for one in told]


async def test_each_member_is_reminded_in_the_words_for_his_or_her_role(memory: Memory) -> None:
    """The board is to hold the meeting and report it, a member to come."""
    ledger = Ledger()
    member(memory, "board", "pengurus")
    member(memory, "member")
    member(memory, "stranger", None)
    due(memory)
    memory.remind()
    await memory.send(ledger)
    texts = {one.message_id: one.text for one in ledger.taken}
    assert texts.keys() == {reminder_id("coop", DUE, one) for one in ("board", "member")}
    board, other = (texts[reminder_id("coop", DUE, one)] for one in ("board", "member"))
    assert "pengurus Koperasi Maju Bersama" in board
    assert f"laporkan hasilnya kepada {samples.AGENCY_NAME}" in board
    assert "tahun buku 2025" in board
    assert "30 Juni 2026" in other
    assert "Mohon hadir" in other
    told = [fact.data.message for fact in memory.facts if isinstance(fact.data, MessageEvent)]
    assert {(one.beneficiary_id, one.caused_by) for one in told} == {("coop", "due-2")}


async def test_the_same_meeting_is_told_of_once_and_the_next_one_again(memory: Memory) -> None:
    """Doubled and late events change nothing; next year is another meeting."""
    ledger = Ledger()
    member(memory, "member")
    for sequence in (2, 2, 3):
        due(memory, sequence)
        memory.remind()
        await memory.send(ledger)
    assert len(ledger.taken) == 1
    memory.now = datetime(2027, 5, 1, 3, 0, tzinfo=UTC)
    due(memory, 5, rat_due=date(2027, 6, 30))
    memory.remind()
    await memory.send(ledger)
    assert len(ledger.taken) == 2


async def test_a_meeting_that_was_held_meanwhile_is_not_reminded_of(memory: Memory) -> None:
    """It is queued in the quiet hours, and recorded before they end."""
    ledger = Ledger()
    member(memory, "member")
    due(memory)
    memory.remind()
    held = samples.cooperative(rat_due=date(2027, 6, 30))
    memory.tell("registry.cooperative.rat_recorded", held, 3)
    await memory.send(ledger)
    assert ledger.taken == []
    assert reasons(memory) == [("queued", None), ("suppressed", "rat_held")]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"role": None}, "membership_ended"),
        ({"phone": None}, "no_phone"),
        ({"sms": False, "whatsapp": False}, "no_consent"),
    ],
)
async def test_who_leaves_or_refuses_is_not_reminded(memory: Memory, changes: dict[str, Any], reason: str) -> None:
    """Whatever changes before it is sent, and back again if it does."""
    ledger = Ledger()
    member(memory, "member")
    due(memory)
    memory.remind()
    member(memory, "member", sequence=2, **changes)
    await memory.send(ledger)
    assert (ledger.taken, reasons(memory)[-1]) == ([], ("suppressed", reason))
    member(memory, "member", sequence=3)
    await memory.send(ledger)
    assert len(ledger.taken) == 1


async def test_a_reminder_is_a_service_and_goes_by_sms_to_whom_nobody_has_asked(memory: Memory) -> None:
    """About something the person is part of: SMS unless refused; WhatsApp only with recorded consent."""
    ledger = Ledger()
    member(memory, "member", consent={"whatsapp": False, "sms": False, "given_on": None})
    due(memory)
    memory.remind()
    await memory.send(ledger)
    assert [one.channel for one in ledger.taken] == ["sms"]


async def test_an_erased_member_is_not_reminded(memory: Memory) -> None:
    ledger = Ledger()
    member(memory, "member")
    due(memory)
    memory.remind()
    memory.tell("registry.contact.erased", samples.contact("member", name=None, phone=None, erased=True), 2)
    await memory.send(ledger)
    assert (ledger.taken, reasons(memory)[-1]) == ([], ("suppressed", "contact_erased"))


async def test_after_the_last_day_nobody_is_reminded(memory: Memory) -> None:
    """A service that was down for two months says nothing that is no longer of use."""
    member(memory, "member")
    due(memory)
    memory.now = datetime(2026, 7, 1, 3, 0, tzinfo=UTC)
    memory.remind()
    assert memory.messages == []


async def test_pieces_in_any_order_end_in_the_same_reminder() -> None:
    """The event that a newer one has overtaken still reminds; whether there is reason is looked at when it is sent."""
    news: dict[str, Callable[[Memory], Any]] = {
        "known": lambda memory: memory.tell("registry.cooperative.recorded", samples.cooperative(), 1),
        "due": due,
        "updated": lambda memory: memory.tell("registry.cooperative.updated", samples.cooperative(), 3),
    }
    for order in permutations(news):
        memory, ledger = Memory(MAY), Ledger()
        memory.tell("registry.agency.registered", samples.agency(), 1)
        member(memory, "member")
        for one in order:
            news[one](memory)
        memory.remind()
        await memory.send(ledger)
        assert len(ledger.taken) == 1, order


async def test_who_is_found_to_be_a_member_after_the_event_is_reminded_too(memory: Memory) -> None:
    """Contacts come by another queue than events, and an office may list a member while the meeting is still due."""
    ledger = Ledger()
    due(memory)
    memory.remind()
    member(memory, "member")
    await memory.send(ledger)
    member(memory, "member", "pengurus", sequence=2)
    await memory.send(ledger)
    assert len(ledger.taken) == 1
    memory.now = datetime(2026, 7, 1, 3, 0, tzinfo=UTC)
    member(memory, "late")
    assert len(memory.messages) == 1


async def test_many_members_are_reminded_in_steps(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands in one transaction would be none."""
    monkeypatch.setattr(handlers, "REVIEWED_AT_ONCE", 2)
    for number in range(5):
        member(memory, f"m{number}", phone=f"+6281100000{number:03d}")
    due(memory)
    memory.remind()
    assert len(memory.messages) == 5
    assert memory.all(COOPERATIVES)[0].review_at is None


def test_the_agency_that_keeps_the_cooperative_sees_what_became_of_the_reminders(memory: Memory) -> None:
    """By the cooperative, and nobody else's."""
    for account in (agencies.MEDAN, agencies.SIANTAR):
        told = agencies.agency(account, permitted=("notify.message.request",))
        memory.tell("registry.agency.registered", told, 2)
    member(memory, "member")
    due(memory)
    memory.remind()
    asked = {
        account: memory.handle(memory.message(account, "notify.message.request", {"beneficiary_id": "coop"})).answer
        for account in (agencies.MEDAN, agencies.SIANTAR)
    }
    assert [one["template"] for one in asked[agencies.MEDAN]] == ["rat_due_id_v1"]
    assert asked[agencies.SIANTAR] == []
