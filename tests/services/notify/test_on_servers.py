"""notify as others see it: a process on real servers, told through RabbitMQ, its events and its spool read back."""

from __future__ import annotations

import asyncio
import fcntl
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pymongo import MongoClient

from deploy.local.world import World
from services.notify.message import message_id, reminder_id
from services.notify.provider import Outgoing
from services.notify.spool import Spool
from tests.services.notify import samples
from tests.services.notify.tellers import Tellers
from tests.support import PATIENCE_SECONDS, History, Json, ServiceProcess, kept_by, until

pytestmark = pytest.mark.servers

AFTER_A_KILL = 150.0
"""Seconds. The transaction of a killed process holds what it has written until the database ends it: 60 s at first."""


class Books:
    """The events of messages and the lines of the spool, side by side."""

    def __init__(self, history: History, spool: Path) -> None:
        self._history, self._spool = history, spool

    def states(self, programme: str, owner: str) -> list[str]:
        """The public states of one message, in order; the numbers behind them have no gaps."""
        events = self.events(programme, owner)
        assert [int(one["sequence"]) for one in events] == list(range(1, len(events) + 1))
        return [one["data"]["message"]["state"] for one in events]

    def events(self, programme: str, owner: str) -> list[Json]:
        return self._history.by_subject().get(message_id(programme, owner), [])

    def spooled(self) -> Counter[str]:
        """How often each message stands in the spool."""
        if not self._spool.exists():
            return Counter()
        return Counter(one["message_id"] for one in self._lines())

    def text(self, programme: str, owner: str) -> str:
        return next(str(one["text"]) for one in self._lines() if one["message_id"] == message_id(programme, owner))

    def _lines(self) -> list[Json]:
        """Those that are whole: one that is being written, or was torn, is not there."""
        return [found for line in self._spool.read_bytes().split(b"\n") if (found := _json(line))]

    async def until_states(self, programme: str, owner: str, *states: str, seconds: float = PATIENCE_SECONDS) -> None:
        await until(lambda: self.states(programme, owner) == list(states), seconds, f"{owner} {states}")


def _json(line: bytes) -> Json | None:
    try:
        found: Json = json.loads(line)
    except ValueError:
        return None
    return found


@pytest.fixture(scope="module")
async def notify(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServiceProcess]:
    async with ServiceProcess(world, "notify", tmp_path_factory.mktemp("notify")) as process:
        yield process
    logged = process.log.read_text()
    assert "a worker failed" not in logged
    assert "a message is held" not in logged
    for secret in (samples.NAME, samples.PHONE):
        assert secret not in logged


@pytest.fixture
async def tellers(world: World) -> AsyncIterator[Tellers]:
    async with Tellers(world) as tellers:
        await tellers.agency()
        yield tellers


@pytest.fixture
async def books(world: World, notify: ServiceProcess) -> AsyncIterator[Books]:
    async with History(world) as history:
        yield Books(history, notify.root / "spool.jsonl")


async def test_an_owner_of_five_businesses_is_told_once(tellers: Tellers, books: Books) -> None:
    """The main chain, 5: one message, one chain, three events, and the words the owner reads."""
    await tellers.programme("five")
    await tellers.contact("o-five")
    for number in range(5):
        await tellers.business(f"five-{number}", "o-five")
        await tellers.eligibility("five", f"five-{number}")
    await books.until_states("five", "o-five", "queued", "sent", "delivered")
    events = books.events("five", "o-five")
    first = events[0]["data"]["message"]
    assert {one["correlationid"] for one in events} == {f"chain/five/{first['beneficiary_id']}"}
    assert first["caused_by"] == events[0]["causationid"] == f"five/{first['beneficiary_id']}#1"
    assert events[-1]["data"]["message"] == {
        **first,
        "state": "delivered",
        "channel": "whatsapp",
        "provider": "local",
    } | {"attempt": 1}
    assert {one["region"] for one in events} == {"12.71.01.1001"}
    assert books.text("five", "o-five").startswith(f"Yth. Bapak/Ibu {samples.NAME}, usaha ")
    assert samples.NAME not in json.dumps(events)
    assert samples.PHONE not in json.dumps(events)
    assert books.spooled()[message_id("five", "o-five")] == 1


async def test_pieces_in_the_wrong_order_and_consent_that_comes_late(tellers: Tellers, books: Books) -> None:
    """Eligibility first, programme last; no consent yet; then consent, and it goes."""
    await tellers.eligibility("late", "b-late")
    await tellers.contact("o-late", whatsapp=False, sms=False)
    await tellers.business("b-late", "o-late")
    await tellers.programme("late")
    await books.until_states("late", "o-late", "queued", "suppressed")
    assert books.events("late", "o-late")[1]["data"]["change"] == {"state_before": "queued", "reason": "no_consent"}
    await tellers.contact("o-late", 2, whatsapp=False)
    await books.until_states("late", "o-late", "queued", "suppressed", "queued", "sent", "delivered")


async def test_unsent_messages_are_withdrawn(tellers: Tellers, books: Books) -> None:
    """Lost eligibility and a closed programme, while both wait for a contact; it comes too late."""
    await tellers.programme("gone")
    await tellers.programme("shut")
    await tellers.business("b-gone", "o-gone")
    for programme in ("gone", "shut"):
        await tellers.eligibility(programme, "b-gone")
        await books.until_states(programme, "o-gone", "queued")
    await tellers.eligibility("gone", "b-gone", 2, eligible=False)
    await tellers.programme("shut", 2, status="closed")
    for programme, reason in (("gone", "eligibility_lost"), ("shut", "programme_closed")):
        await books.until_states(programme, "o-gone", "queued", "suppressed")
        assert books.events(programme, "o-gone")[1]["data"]["change"]["reason"] == reason
    await tellers.programme("other")
    await tellers.eligibility("other", "b-gone")
    await tellers.contact("o-gone")
    await books.until_states("other", "o-gone", "queued", "sent", "delivered")
    assert {message_id(one, "o-gone") for one in ("gone", "shut", "other")} & books.spooled().keys() == {
        message_id("other", "o-gone")
    }


async def test_the_database_holds_no_name_and_no_number(
    world: World, tellers: Tellers, books: Books, notify: ServiceProcess
) -> None:
    """Contacts lie sealed; copies, messages, outbox and inbox have nothing personal in them."""
    await tellers.programme("sealed")
    await tellers.contact("o-sealed")
    await tellers.business("b-sealed", "o-sealed")
    await tellers.eligibility("sealed", "b-sealed")
    await books.until_states("sealed", "o-sealed", "queued", "sent", "delivered")
    everything = kept_by(world, "notify")
    assert "o-sealed" in everything
    assert samples.NAME not in everything
    assert samples.PHONE not in everything


# --- crashes ----------------------------------------------------------------------------------------------------------


@contextmanager
def _spool_locked(path: Path) -> Iterator[None]:
    """Keep the service from writing, as a slow disk would: it stands between its claim and its record."""
    path.touch()
    with path.open("rb") as spool:
        fcntl.flock(spool, fcntl.LOCK_EX)
        yield


async def test_killed_between_claim_and_record_each_owner_is_told_once(
    world: World, tellers: Tellers, books: Books, notify: ServiceProcess
) -> None:
    """kill -9 while 60 messages are claimed; a third had reached the spool and one was torn in the middle of it."""
    owners = [f"o-kill-{number}" for number in range(60)]
    await tellers.programme("kill")
    for owner in owners:
        await tellers.business(f"b-{owner}", owner)
        await tellers.contact(owner)
    spool = notify.root / "spool.jsonl"
    with _spool_locked(spool):
        for owner in owners:
            await tellers.eligibility("kill", f"b-{owner}")
        for owner in owners:
            await books.until_states("kill", owner, "queued")
        claimed = await until(lambda: _claimed(world), what="a claim")
        notify.kill()
    written = [Outgoing(one, samples.NOW, "whatsapp", samples.PHONE, "Yth.") for one in sorted(claimed)]
    Spool(spool).append(written[: len(written) // 3])
    with spool.open("ab") as file:
        file.write(json.dumps({"message_id": written[-1].message_id}).encode()[:-9])
    await notify.start()
    for owner in owners:
        await books.until_states("kill", owner, "queued", "sent", "delivered", seconds=AFTER_A_KILL)
    ids = {message_id("kill", owner) for owner in owners}
    assert claimed <= ids
    assert {one: count for one, count in books.spooled().items() if one in ids} == dict.fromkeys(ids, 1)


def _claimed(world: World) -> set[str]:
    with MongoClient[Json](world.mongo_url_of("notify")) as client:
        found = client[world.databases["notify"]]["messages"].find({"tags": "sending"})
        return {str(one["_id"]) for one in found}


@pytest.mark.timeout(600)
async def test_killed_at_random_while_sending_each_owner_is_told_once(
    tellers: Tellers, books: Books, notify: ServiceProcess
) -> None:
    """300 owners, every eligibility twice, killed at moments drawn from a printed seed while it holds work."""
    seed = int(time.time())
    print(f"seed {seed}")  # noqa: T201
    drawn = random.Random(seed)
    owners = [f"o-random-{number}" for number in range(300)]
    await tellers.programme("random")
    for owner in owners:
        await asyncio.gather(tellers.contact(owner), tellers.business(f"b-{owner}", owner))
    telling = asyncio.create_task(_tell_all(tellers, owners))
    ids = {message_id("random", owner) for owner in owners}
    kills = 0
    while kills < 2:
        await until(_has_grown(books, ids), AFTER_A_KILL, "progress")
        await asyncio.sleep(drawn.uniform(0, 0.05))
        if len(ids & books.spooled().keys()) == len(ids):
            break
        notify.kill()
        kills += 1
        await notify.start()
    await telling
    for owner in owners:
        await books.until_states("random", owner, "queued", "sent", "delivered", seconds=AFTER_A_KILL)
    assert kills, "it was through before it could be killed: the test has shown nothing"
    assert {one: count for one, count in books.spooled().items() if one in ids} == dict.fromkeys(ids, 1)


def _has_grown(books: Books, ids: set[str]) -> Callable[[], bool]:
    before = len(ids & books.spooled().keys())
    return lambda: len(ids & books.spooled().keys()) > before


async def _tell_all(tellers: Tellers, owners: list[str]) -> None:
    for start in range(0, len(owners), 20):
        await asyncio.gather(*(tellers.eligibility("random", f"b-{owner}") for owner in owners[start : start + 20]))


async def test_a_member_of_a_cooperative_is_reminded_of_its_meeting_once(tellers: Tellers, books: Books) -> None:
    """S4-13, by the queues as they are bound: the cooperative by its public event, its members by their contacts."""
    due = date(datetime.now(UTC).year + 1, 6, 30)
    await tellers.contact("o-board", cooperatives=({"cooperative_id": "coop", "role": "pengurus"},))
    await tellers.tell("registry.cooperative.rat_due", samples.cooperative(rat_due=due), "coop", 2, times=2)
    reminder = reminder_id("coop", due, "o-board")
    await until(lambda: books.spooled()[reminder] > 0, 30, "the reminder")
    await tellers.tell("registry.cooperative.rat_due", samples.cooperative(rat_due=due), "coop", 3)
    await tellers.contact("o-member", cooperatives=({"cooperative_id": "coop", "role": "anggota"},))
    await until(lambda: books.spooled()[reminder_id("coop", due, "o-member")] == 1, 30, "a late member's reminder")
    assert books.spooled()[reminder] == 1
