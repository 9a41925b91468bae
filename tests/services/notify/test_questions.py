"""What is told of messages, and to whom: states and ways, never a number, a name or a text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests import samples as agencies
from tests.services.notify import samples
from tests.services.notify.memory import Memory
from tests.services.notify.samples import NOW, Ledger

ASKING = ("notify.message.request", "notify.campaign.request")


@pytest.fixture
def memory() -> Memory:
    """Two agencies with a programme each, and an owner with a business who is to be told of both."""
    memory = Memory(NOW)
    for number, account in enumerate((agencies.MEDAN, agencies.SIANTAR)):
        memory.tell("registry.agency.registered", agencies.agency(account, permitted=ASKING), 1)
        programme = samples.programme(f"p{number}", agency=account)
        memory.tell("aid.programme.opened", programme, 1)
    memory.tell("registry.contact.changed", samples.contact(), 1)
    memory.tell("registry.business.designated", samples.business(), 1)
    for number in range(2):
        memory.tell("aid.eligibility.assessed", samples.eligibility(f"p{number}"), 1)
    return memory


def asked(memory: Memory, account: str, key: str = "notify.message.request", **data: Any) -> Any:
    decision = memory.handle(memory.message(account, key, data))
    return [one.code for one in decision.problems] or decision.answer


async def test_an_official_sees_what_has_become_of_a_message_and_when(memory: Memory) -> None:
    """Issue 7: ``binaan notify history BENEFICIARY``. Each step with its way, in the order in which it came."""
    await memory.send(Ledger())
    (told,) = asked(memory, agencies.MEDAN, beneficiary_id="business")
    assert (told["programme_id"], told["state"], told["channel"]) == ("p0", "delivered", "whatsapp")
    assert [(one["state"], one.get("channel")) for one in told["history"]] == [
        ("queued", None),
        ("sent", "whatsapp"),
        ("delivered", "whatsapp"),
    ]
    assert {one["at"] for one in told["history"]} == {NOW.isoformat().replace("+00:00", "Z")}


async def test_nothing_that_is_told_names_a_person_a_number_or_a_text(memory: Memory) -> None:
    """Issue 7: states with reasons, never number or text."""
    await memory.send(Ledger())
    answers = [
        asked(memory, "binaan", beneficiary_id="business"),
        asked(memory, "binaan", "notify.campaign.request", programme_id="p0"),
    ]
    said = json.dumps(answers)
    assert [one for one in (samples.NAME, samples.PHONE, samples.PHONE[1:], "Yth.") if one in said] == []


def test_an_agency_is_told_of_its_own_programmes_and_the_administrator_of_all(memory: Memory) -> None:
    """Whom another office invites to what is that office's business."""
    about = {account: asked(memory, account, beneficiary_id="business") for account in (agencies.MEDAN, "binaan")}
    assert [one["programme_id"] for one in about[agencies.MEDAN]] == ["p0"]
    assert {one["programme_id"] for one in about["binaan"]} == {"p0", "p1"}
    assert asked(memory, agencies.MEDAN, programme_id="p1", state="queued") == []
    assert asked(memory, agencies.MEDAN, "notify.campaign.request", programme_id="p1") == ["programme.of_another"]


@pytest.mark.parametrize("key", ASKING)
def test_who_may_not_ask_is_told_so(memory: Memory, key: str) -> None:
    """One that is not known, and one that was not permitted."""
    data = {"programme_id": "p0"}
    memory.tell("registry.agency.registered", agencies.agency(agencies.KALTIM, permitted=("aid.#",)), 1)
    assert asked(memory, "stranger-here", key, **data) == ["authority.agency_unknown"]
    assert asked(memory, agencies.KALTIM, key, **data) == ["authority.type_not_permitted"]


async def test_a_campaign_counts_its_owners_by_where_they_stand(memory: Memory) -> None:
    """Issue 7: progress. One is told, one cannot be reached, and one waits; the figures add up."""
    memory.review()
    await memory.send(Ledger())
    for number, about in enumerate(({"phone": None}, None)):
        owner, business = f"o{number}", f"b{number}"
        memory.tell("registry.business.designated", samples.business(business, owner), 1)
        if about is not None:
            memory.tell("registry.contact.changed", samples.contact(owner, **about), 1)
        memory.tell("aid.eligibility.assessed", samples.eligibility("p0", business), 1)
    told = asked(memory, agencies.MEDAN, "notify.campaign.request", programme_id="p0")
    assert told["states"] == {"queued": 1, "suppressed": 1, "delivered": 1}
    assert (told["total"], told["looking"], told["programme"]) == (3, False, "Pelatihan p0")
    (unreached,) = asked(memory, agencies.MEDAN, programme_id="p0", state="suppressed")
    assert (unreached["beneficiary_id"], unreached["reason"]) == ("b0", "no_phone")


def test_a_programme_that_has_not_come_here_is_said_to_be_unknown(memory: Memory) -> None:
    """Its event may be on its way: asking again is the remedy."""
    assert asked(memory, "binaan", "notify.campaign.request", programme_id="p9") == ["programme.not_known_yet"]


def test_a_list_comes_in_pages(memory: Memory) -> None:
    """A campaign has tens of thousands."""
    for number in range(5):
        memory.tell("registry.business.designated", samples.business(f"b{number}", f"o{number}"), 1)
        memory.tell("aid.eligibility.assessed", samples.eligibility("p0", f"b{number}"), 1)
    found: list[str] = []
    after: str | None = None
    for _ in range(3):
        data = {"programme_id": "p0", "state": "queued", "limit": 2, **({"after": after} if after else {})}
        decision = memory.handle(memory.message(agencies.MEDAN, "notify.message.request", data))
        found += [one["message_id"] for one in decision.answer]
        after = decision.next
    assert after is None
    assert len(found) == len(set(found)) == 6
