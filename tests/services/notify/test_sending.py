"""The sender with real HTTP behind it, in a service in memory: what misbehaving vendors and crashes leave."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.notify.sending import Sender
from services.notify.settings import Providers, _line
from services.notify.switchboard import Switchboard
from tests.services.notify import samples, vendors
from tests.services.notify.memory import CrashError, Memory
from tests.services.notify.samples import NOW
from tests.services.notify.vendors import WELL, Behaviour, Vendors
from tests.support import PATIENCE_SECONDS, free_port

BOTH = frozenset({"whatsapp", "sms"})


@pytest.fixture
async def standing() -> AsyncIterator[Vendors]:
    async with Vendors() as them:
        yield them


def board(url: str, *names: str, **changes: Any) -> Switchboard:
    told = Providers.model_validate(vendors.provider_file(url, **changes))
    return Switchboard([_line(one) for one in told.providers if not names or one.name in names], time.monotonic)


def told(owners: int = 1, now: datetime = NOW, **programme: Any) -> Memory:
    """A service in which so many owners are to be told."""
    memory = Memory(now)
    memory.tell("registry.agency.registered", samples.agency(), 1)
    memory.tell("aid.programme.opened", samples.programme(**programme), 1)
    for number in range(owners):
        tell_owner(memory, number)
    return memory


def tell_owner(memory: Memory, number: int, programme: str = "programme", **about: Any) -> None:
    owner, business, number = f"o{number}", f"b{number}", number + 1
    phone = f"+62811{number:08d}"
    memory.tell("registry.contact.changed", samples.contact(owner, phone=phone), 1)
    memory.tell("registry.business.designated", samples.business(business, owner, **about), 1)
    memory.tell("aid.eligibility.assessed", samples.eligibility(programme, business), 1)


def states(memory: Memory) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in memory.messages:
        found[one.state] = found.get(one.state, 0) + 1
    return found


async def test_whatsapp_goes_first_with_its_form(standing: Vendors) -> None:
    """The approved template with its parameters; the vendor's stand-in refuses any other."""
    memory = told()
    await memory.send_by(board(standing.url))
    assert states(memory) == {"sent": 1}
    (taken,) = standing.ledger
    assert taken.vendor == "whatsapp"
    assert samples.NAME in taken.text
    assert taken.handle == memory.messages[0].message_id + ".1"


async def test_sms_where_whatsapp_cannot_reach(standing: Vendors) -> None:
    """131026 in the answer itself: the next channel at once, in a second attempt."""
    standing.behave = lambda n: Behaviour(refuse=131026) if n == 0 else WELL
    memory = told()
    await memory.send_by(board(standing.url))
    assert [one.vendor for one in standing.ledger] in (["twilio"], ["zenziva"])
    assert memory.messages[0].attempt == 2
    assert memory.told() == ["queued", "sent"]


async def test_nobody_to_fall_back_to_is_a_failure_with_the_vendors_code(standing: Vendors) -> None:
    """No consent for SMS: it could not be delivered, and that is what is said."""
    standing.behave = lambda _: Behaviour(refuse=131026)
    memory = Memory(NOW)
    for key, data in (
        ("registry.agency.registered", samples.agency()),
        ("aid.programme.opened", samples.programme()),
        ("registry.contact.changed", samples.contact(sms=False)),
        ("registry.business.designated", samples.business()),
        ("aid.eligibility.assessed", samples.eligibility()),
    ):
        memory.tell(key, data, 1)
    await memory.send_by(board(standing.url))
    assert (memory.messages[0].state, memory.messages[0].reason) == ("failed", "whatsapp_131026")
    assert memory.told() == ["queued", "failed"]


@pytest.mark.parametrize("how", [Behaviour(hang=True), Behaviour(answer=(200, b"<html>", "text/html"))])
async def test_what_cannot_be_known_is_never_sent_again(standing: Vendors, how: Behaviour) -> None:
    """Days later, and after a restart: the vendor's ledger shows it once."""
    standing.behave = lambda _: how
    memory = told()
    await memory.send_by(board(standing.url))
    assert states(memory) == {"uncertain": 1}
    standing.behave = lambda _: WELL
    memory.now += timedelta(days=3)
    await memory.send_by(board(standing.url))
    assert len(standing.ledger) == 1
    assert memory.told() == ["queued", "uncertain"]


async def test_a_vendor_that_cannot_be_reached_does_not_use_up_the_message(standing: Vendors) -> None:
    """Nothing has left: it goes when the vendor is there again."""
    memory = told()
    await memory.send_by(board(f"http://127.0.0.1:{free_port()}"))
    assert states(memory) == {"queued": 1}
    memory.now += timedelta(minutes=1)
    await memory.send_by(board(standing.url))
    assert states(memory) == {"sent": 1}
    assert len(standing.ledger) == 1


@pytest.mark.parametrize("code", [130429, 190])
async def test_a_provider_that_is_not_well_is_waited_for_longer_each_time(standing: Vendors, code: int) -> None:
    """A throttle or an expired token is no message's fault: it uses up no attempts, and ends when it is too old."""
    standing.behave = lambda _: Behaviour(refuse=code)
    memory, waits = told(), []
    for _ in range(9):
        await memory.send_by(board(standing.url, "meta"))
        due = memory.messages[0].due_at
        assert due is not None
        waits.append((due - memory.now).total_seconds())
        memory.now = due
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    memory.now = NOW + timedelta(hours=167)
    await memory.send_by(board(standing.url, "meta"))
    assert states(memory) == {"queued": 1}
    memory.now = NOW + timedelta(hours=168)
    await memory.send_by(board(standing.url, "meta"))
    assert (memory.messages[0].state, memory.messages[0].reason) == ("expired", "not_sent_in_time")
    assert standing.ledger == []


async def test_an_outage_does_not_use_up_the_attempts(standing: Vendors) -> None:
    """An hour without the provider; then the phone is found not to be on WhatsApp, and SMS still goes."""
    memory = told()
    for _ in range(10):
        await memory.send_by(board(f"http://127.0.0.1:{free_port()}"))
        memory.now += timedelta(minutes=6)
    standing.behave = lambda n: Behaviour(refuse=131026) if n == 0 else WELL
    await memory.send_by(board(standing.url))
    assert states(memory) == {"sent": 1}


async def test_one_that_refuses_message_after_message_is_left_alone(standing: Vendors) -> None:
    """Whatever the code: hundreds of final refusals in a row are the provider's fault, and somebody must hear of it."""
    standing.behave = lambda _: Behaviour(refuse=131008)
    memory, alarms = told(60), []
    sender = Sender(
        board(standing.url, "meta", most_at_once=5), alarm=lambda provider, code: alarms.append((provider, code))
    )
    begun = time.monotonic()
    while not alarms or time.monotonic() - begun < 3:
        await sender.step(memory.run)
    assert states(memory)["failed"] < 35
    assert alarms == [("meta", "whatsapp_131008")]


async def test_a_template_that_is_paused_fails_at_once_with_an_alarm(standing: Vendors) -> None:
    """132015: to ask again would be refused again; somebody must mend it."""
    standing.behave = lambda _: Behaviour(refuse=132015)
    memory, alarms = told(3), []
    await memory.send_by(board(standing.url), alarm=lambda provider, code: alarms.append((provider, code)))
    assert states(memory) == {"failed": 3}
    assert set(alarms) == {("meta", "whatsapp_132015")}


async def test_a_provider_that_refuses_us_is_left_and_the_other_takes_over(standing: Vendors) -> None:
    """An expired token is no message's fault: none fails for it."""
    file = vendors.provider_file(standing.url)
    file["providers"][1]["auth_token"] = "one that has expired"
    entries = Providers.model_validate(file).providers
    two = Switchboard([_line(entries[1]), _line(entries[2])], time.monotonic)
    memory, alarms = Memory(NOW), []
    memory.tell("registry.agency.registered", samples.agency(), 1)
    memory.tell("aid.programme.opened", samples.programme(), 1)
    for number in range(10):
        memory.tell("registry.contact.changed", samples.contact(f"o{number}", whatsapp=False), 1)
        memory.tell("registry.business.designated", samples.business(f"b{number}", f"o{number}"), 1)
        memory.tell("aid.eligibility.assessed", samples.eligibility(business_id=f"b{number}"), 1)
    await memory.send_by(two, alarm=lambda provider, code: alarms.append(code))
    memory.now += timedelta(minutes=1)
    await memory.send_by(two, alarm=lambda provider, code: alarms.append(code))
    assert states(memory) == {"sent": 10}
    assert {one.vendor for one in standing.ledger} == {"zenziva"}
    assert set(alarms) == {"twilio_20003"}


async def test_a_vendor_that_hangs_holds_up_nobody_else(standing: Vendors) -> None:
    """Claims and answers go side by side: others go out while the first is still awaited."""
    answers = asyncio.Event()
    standing.behave = lambda n: Behaviour(gate=answers) if n == 0 else WELL
    memory = told(50)
    sender = Sender(board(standing.url, seconds=100.0))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(standing.ledger) < 49:
            await sender.step(memory.run)
    answers.set()
    await sender.finish(memory.run)
    assert states(memory) == {"sent": 50}


async def test_a_stop_in_order_leaves_nothing_uncertain(standing: Vendors) -> None:
    """What is under way is waited for and written down."""
    standing.behave = lambda _: Behaviour(wait=2.0)
    memory = told(20)
    sender = Sender(board(standing.url, seconds=20.0))
    while states(memory).get("queued"):
        await sender.step(memory.run)
    assert states(memory)["sending"] > 0
    await sender.finish(memory.run)
    assert states(memory) == {"sent": 20}


@pytest.mark.parametrize("commits", [0, 1, 2, 3, 5])
async def test_a_crash_at_any_commit_sends_nothing_twice(standing: Vendors, commits: int) -> None:
    """Before the claim it goes later; after it, nobody knows, and it is uncertain unless a receipt tells."""
    memory = told(10)
    memory.crash_at_commit = commits
    sender = Sender(board(standing.url))
    with pytest.raises(CrashError):
        await _for_ever(sender, memory)
    for call in list(sender._calls):  # a process that dies takes its calls along
        call.cancel()
    memory.crash_at_commit = None
    await memory.send_by(board(standing.url))
    assert sum(states(memory).values()) == 10
    assert states(memory).keys() <= {"sent", "uncertain"}
    assert max(standing.by_message().values(), default=0) <= 1
    taken = set(standing.by_message())
    assert taken >= {one.message_id for one in memory.messages if one.state == "sent"}


async def _for_ever(sender: Sender, memory: Memory) -> None:
    while True:
        await sender.step(memory.run)


async def test_in_a_test_only_guests_are_written_to(standing: Vendors) -> None:
    """Nothing leaves but to the list; the others are suppressed, and it is said why."""
    memory = told(3)
    await memory.send_by(board(standing.url), only_to=["+6281100000002"])
    assert [one.to for one in standing.ledger] == ["+6281100000002"]
    assert sorted((one.state, one.reason) for one in memory.messages) == [
        ("sent", None),
        ("suppressed", "test_mode"),
        ("suppressed", "test_mode"),
    ]


async def test_a_number_shared_by_a_family_gets_one_message_in_six_seconds(standing: Vendors) -> None:
    """Many owners share a phone; Meta limits what goes to one number."""
    memory = Memory(NOW)
    memory.tell("registry.agency.registered", samples.agency(), 1)
    memory.tell("aid.programme.opened", samples.programme(), 1)
    for number in range(2):
        memory.tell("registry.contact.changed", samples.contact(f"o{number}"), 1)
        memory.tell("registry.business.designated", samples.business(f"b{number}", f"o{number}"), 1)
        memory.tell("aid.eligibility.assessed", samples.eligibility(business_id=f"b{number}"), 1)
    lines = board(standing.url, "meta")._lines
    clock = [0.0]
    paced = Switchboard(lines, lambda: clock[0], recipient_seconds=6)
    clock[0] = 1.0
    await memory.send_by(paced)
    assert states(memory) == {"sent": 1, "queued": 1}
    clock[0], memory.now = 7.0, NOW + timedelta(seconds=6)
    await memory.send_by(paced)
    assert states(memory) == {"sent": 2}
