"""A dependency goes away and comes back: it is said, nothing is lost, and nobody has to do anything.

These tests stop servers, so they have their own.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.local.processes import Processes
from deploy.local.servers import LocalServers
from deploy.local.world import World
from tests.support import Party, ServiceProcess, register, until

pytestmark = pytest.mark.servers

REPORT = {
    "owner": {"nik": "1271994107900001", "name": "Pemilik Contoh"},
    "business": {"agency_ref": "R-1", "name": "Usaha Contoh", "region": "12.71.01.1001"},
}
OBSERVED = {"time": "2026-01-05T09:30:00+07:00"}


@pytest.fixture
async def registry(own_world: World, tmp_path: Path) -> AsyncIterator[ServiceProcess]:
    process = await ServiceProcess(own_world, "registry", tmp_path).start()
    yield process
    process.kill()


async def _in_thread(work: Callable[[], Any]) -> None:
    """Starting a server takes seconds; the clients of this test go on meanwhile."""
    await asyncio.get_running_loop().run_in_executor(None, work)


async def _says_gone(service: ServiceProcess, dependency: str) -> dict[str, Any] | None:
    status, body = await service.get("/readyz")
    return body if status == 503 and body[dependency].startswith("gone") else None


def _times_logged(service: ServiceProcess, event: str, dependency: str) -> int:
    return sum(one["event"] == event and one.get("dependency") == dependency for one in service.logged())


async def _lost_and_found(
    service: ServiceProcess, dependency: str, lose: Callable[[], Awaitable[None]], find: Callable[[], Awaitable[None]]
) -> None:
    """What every outage looks like from outside: not ready while it lasts, alive all the while, said once."""
    await lose()
    await until(lambda: _says_gone(service, dependency), what=f"{dependency} said to be gone")
    assert (await service.get("/healthz"))[0] == 200
    await find()
    await service.ready()
    assert _times_logged(service, "a dependency is gone; waiting for it", dependency) == 1
    assert _times_logged(service, "a dependency is back", dependency) == 1


async def test_a_dead_database_is_waited_for_with_what_is_held(
    local: LocalServers, own_world: World, registry: ServiceProcess
) -> None:
    """A message that arrives while MongoDB is dead is answered when it is back, once."""
    await register(own_world)
    async with Party(own_world, "dinkop-medan") as agency:

        async def lose() -> None:
            local.mongodb.kill()
            await agency.send("registry.business.report", REPORT, id_="while-dead", **OBSERVED)

        async def find() -> None:
            assert not agency.replies["while-dead"]
            await _in_thread(local.mongodb.start)
            await _in_thread(local.mongodb.wait)

        await _lost_and_found(registry, "mongodb", lose, find)
        reply = await agency.reply_to("while-dead")
        assert reply["data"]["result"]["outcome"] == "created"


async def test_a_paused_database_is_waited_for_too(own_root: Path, own_world: World, registry: ServiceProcess) -> None:
    """A server that hangs (SIGSTOP) is worse than a dead one: connections stay open and nothing answers."""
    await register(own_world)
    pid = Processes(own_root).pid("mongodb")
    assert pid is not None
    async with Party(own_world, "dinkop-medan") as agency:

        async def lose() -> None:
            os.kill(pid, signal.SIGSTOP)
            await agency.send("registry.business.report", REPORT, id_="while-paused", **OBSERVED)

        async def find() -> None:
            os.kill(pid, signal.SIGCONT)

        try:
            await _lost_and_found(registry, "mongodb", lose, find)
        finally:
            os.kill(pid, signal.SIGCONT)
        assert (await agency.reply_to("while-paused", 60))["data"]["result"]["outcome"] in {"created", "unchanged"}


async def test_a_broker_that_restarts_finds_its_consumers_again(
    local: LocalServers, own_world: World, registry: ServiceProcess
) -> None:
    """RabbitMQ is restarted: the service reconnects, consumes and publishes again by itself."""
    await register(own_world)

    async def lose() -> None:
        await _in_thread(local.rabbitmq.stop)

    async def find() -> None:
        await _in_thread(local.rabbitmq.start)
        await _in_thread(local.rabbitmq.wait)

    await _lost_and_found(registry, "rabbitmq", lose, find)
    async with Party(own_world, "dinkop-medan") as agency:
        reply = await agency.ask("registry.business.report", REPORT, **OBSERVED)
        assert reply["data"]["result"]["outcome"] in {"created", "unchanged"}


async def test_a_lost_binding_is_noticed(own_world: World, registry: ServiceProcess) -> None:
    """A publish is confirmed as soon as any queue has it; only asking shows that ours gets nothing any more."""
    own, queue = own_world.vhost, "registry.intake"
    with own_world.management() as management:
        path = ("bindings", own, "e", "binaan.intake", "q", queue)
        (binding,) = management.get(*path)
        management.delete(*path, binding["properties_key"])
        try:
            status, body = await until(lambda: _unbound(registry, queue), what="the lost binding said")
            assert (status, body["queues"][queue]) == (503, "unbound")
        finally:
            management.post(*path, body={"routing_key": binding["routing_key"]})
    await registry.ready()


async def _unbound(service: ServiceProcess, queue: str) -> tuple[int, Any] | None:
    status, body = await service.get("/readyz")
    return (status, body) if body and body["queues"][queue] == "unbound" else None


async def test_a_service_may_be_started_before_what_it_needs(
    local: LocalServers, own_world: World, tmp_path: Path
) -> None:
    """On a cluster nothing starts in order: alive at once, ready when the others are there."""
    await _in_thread(local.stop)
    process = ServiceProcess(own_world, "registry", tmp_path).launch()
    try:
        await until(lambda: _says_gone(process, "mongodb"), what="not ready")
        assert (await process.get("/healthz"))[0] == 200
        await _in_thread(local.start)
        await process.ready()
    finally:
        process.kill()
        await _in_thread(local.start)
