"""What a scraper sees of an outage: that is when somebody looks.

These tests stop servers, so they have their own.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.local.processes import Processes
from deploy.local.servers import LocalServers
from deploy.local.world import World
from shared.decision import Decision
from shared.kernel import metrics as counting
from shared.kernel import topology
from shared.kernel.routes import Run, Worker
from tests.shared.kernel.shop import Shop, answered, new_keys, open_shop, put
from tests.shared.kernel.toy import MEDAN, Account, changed, in_catalogue
from tests.support import Party, Scraped, ServiceProcess, until

pytestmark = pytest.mark.servers

SCRAPE_SECONDS = 5
"""How long a scraper waits, by the example in deploy/watch."""
LOOKED_UP = ("binaan_outbox_entries", "binaan_outbox_oldest_seconds", "binaan_held_messages")


class Clock:
    """A worker that has something to tell when it is told to."""

    def __init__(self) -> None:
        self.due = False

    async def step(self, run: Run) -> bool:
        if self.due:
            account = Account(account_id="clock", balance=0)
            await run(lambda *_: (), lambda *_: Decision(facts=[changed(account)]))
            self.due = False
        return False


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def shop(own_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> AsyncIterator[Shop]:
    """Looks anew at every scrape, at the broker too."""
    monkeypatch.setattr(counting, "_FRESH_SECONDS", -1)
    monkeypatch.setattr(topology, "_FRESH_SECONDS", -1)
    monkeypatch.setattr(Shop, "workers", (Worker("clock", clock.step, every=0.1),))
    with in_catalogue():
        async with open_shop(own_world, new_keys(tmp_path / "keys.json")) as made:
            yield made


async def _in_thread(work: Callable[[], Any]) -> None:
    await asyncio.get_running_loop().run_in_executor(None, work)


async def test_the_outbox_is_seen_to_fill_while_the_broker_is_gone_and_to_empty_when_it_is_back(
    local: LocalServers, own_world: World, shop: Shop, clock: Clock
) -> None:
    """What a clock does goes on without the broker; what came of it waits, and how long it has is the one number that
    says that nobody is told anything."""
    await _in_thread(local.rabbitmq.stop)
    clock.due = True
    try:
        found = await until(lambda: _waits(shop, 1), what="the outbox fills")
        assert found.get("binaan_outbox_entries") == 1
        later = await until(lambda: _waits(shop, found.get("binaan_outbox_oldest_seconds") + 1), what="its age rises")
        assert later.get("binaan_outbox_entries") == 1
        assert later.get("binaan_dependency_up", dependency="rabbitmq") == 0
        assert later.get("binaan_dependency_up", dependency="mongodb") == 1
        assert later.get("binaan_queue_bound") is None
    finally:
        await _in_thread(local.rabbitmq.start)
        await _in_thread(local.rabbitmq.wait)
    empty = await until(lambda: _empty(shop), what="the outbox empties")
    assert empty.get("binaan_outbox_oldest_seconds") == 0
    assert empty.get("binaan_published_total", exchange="binaan.events") == 1
    async with Party(own_world, MEDAN) as medan:
        await answered(medan, [await put(medan, 1)])


async def _waits(shop: Shop, seconds: float) -> Scraped | None:
    found = await shop.metrics()
    return found if (found.get("binaan_outbox_oldest_seconds") or 0) >= seconds else None


async def _empty(shop: Shop) -> Scraped | None:
    found = await shop.metrics()
    back = found.get("binaan_dependency_up", dependency="rabbitmq") == 1
    return found if back and found.get("binaan_outbox_entries") == 0 else None


async def _scraped(service: ServiceProcess) -> Scraped:
    started = time.monotonic()
    found = await service.metrics()
    assert time.monotonic() - started < SCRAPE_SECONDS
    return found


async def _gone(service: ServiceProcess) -> Scraped | None:
    found = await _scraped(service)
    return found if found.get("binaan_dependency_up", dependency="mongodb") == 0 else None


async def _back(service: ServiceProcess) -> bool:
    found = await _scraped(service)
    return all(found.get(name) is not None for name in LOOKED_UP)


@pytest.mark.parametrize("how", ["killed", "paused"])
async def test_without_the_database_the_scrape_answers_in_time_with_all_the_rest(
    local: LocalServers, own_root: Path, own_world: World, tmp_path: Path, how: str
) -> None:
    """An old depth of the outbox would look as if all were well, and no answer at all as if the service were dead. One
    that hangs (SIGSTOP) is the harder case: connections stay open."""
    async with ServiceProcess(own_world, "registry", tmp_path) as registry:
        await until(lambda: _back(registry), what="all known")
        pid = Processes(own_root).pid("mongodb")
        assert pid is not None
        os.kill(pid, signal.SIGKILL if how == "killed" else signal.SIGSTOP)
        try:
            found = await until(lambda: _gone(registry), what="the database said to be gone")
            found = await until(lambda: _unknown(registry), what="what was known of it forgotten")
            assert found.get("binaan_dependency_up", dependency="rabbitmq") == 1
            assert found.get("binaan_queue_bound", queue="registry.intake") == 1
            assert found.get("process_resident_memory_bytes")
            assert set(LOOKED_UP) <= found.names
        finally:
            if how == "paused":
                os.kill(pid, signal.SIGCONT)
            else:
                await _in_thread(local.mongodb.start)
                await _in_thread(local.mongodb.wait)
        await until(lambda: _back(registry), what="all known again")


async def _unknown(service: ServiceProcess) -> Scraped | None:
    found = await _scraped(service)
    return found if all(found.get(name) is None for name in LOOKED_UP) else None
