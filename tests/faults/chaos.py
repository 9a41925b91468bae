"""What else breaks: servers stopped and started, killed, paused, out of disk; connections cut; clocks that jump.

Each fault is over when its coroutine returns; nothing is left broken.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

from deploy.local.processes import Processes
from deploy.local.servers import LocalServers
from deploy.local.world import World
from tests.faults.crew import Crew
from tests.support import until

FAULTS = (
    "broker restarted",
    "broker killed",
    "broker paused",
    "broker out of disk",
    "connections cut",
    "database killed",
    "database paused",
    "replica paused",
    "clock jumps",
)
WRONG_BY_SECONDS = (-3600.0, -60.0, 0.0, 20.0, 45.0)
NO_SPACE_BYTES = 10**15
"""A limit that no disk of this world keeps free: the broker then takes nothing from anybody."""


async def in_thread(work: Callable[[], Any]) -> None:
    """Starting a server takes seconds; whoever else is here goes on meanwhile."""
    await asyncio.get_running_loop().run_in_executor(None, work)


class Chaos:
    """Breaks the servers under one root, and what the crew on them relies on."""

    def __init__(self, root: Path, servers: LocalServers, world: World, crew: Crew, rng: Random) -> None:
        self._servers, self._world, self._crew, self._rng = servers, world, crew, rng
        self._processes = Processes(root)

    async def happen(self, fault: str) -> None:
        """One of ``FAULTS``, from its beginning to its end."""
        match fault:
            case "broker paused":
                await self._paused("rabbitmq")
            case "database paused":
                await self._paused("mongodb")
            case _:
                await getattr(self, fault.replace(" ", "_"))()

    async def broker_restarted(self) -> None:
        await in_thread(self._servers.rabbitmq.stop)
        await self._broker_starts()

    async def broker_killed(self) -> None:
        await in_thread(self._servers.rabbitmq.kill)
        await self._broker_starts()

    async def _broker_starts(self) -> None:
        await in_thread(self._servers.rabbitmq.start)
        await in_thread(self._servers.rabbitmq.wait)

    async def database_killed(self) -> None:
        await in_thread(self._servers.mongodb.kill)
        await in_thread(self._servers.mongodb.start)
        await in_thread(self._servers.mongodb.wait)

    async def broker_out_of_disk(self) -> None:
        """The alarm blocks whoever publishes, ours and theirs; it ends with the space that comes back."""
        async with self._disk_limit(NO_SPACE_BYTES):
            await until(self._has_alarm, what="the disk alarm")
            await asyncio.sleep(self._rng.uniform(1, 4))  # the length of the fault, not a wait for anything

    @asynccontextmanager
    async def _disk_limit(self, limit: int) -> AsyncIterator[None]:
        await in_thread(lambda: self._servers.rabbitmq.control("set_disk_free_limit", str(limit)))
        try:
            yield
        finally:
            await in_thread(lambda: self._servers.rabbitmq.control("set_disk_free_limit", "200MB"))

    def _has_alarm(self) -> bool:
        with self._world.management() as management:
            return any(node["disk_free_alarm"] for node in management.get("nodes"))

    async def connections_cut(self) -> None:
        """As a firewall that has been restarted would: all of this virtual host at once."""

        def cut() -> None:
            with self._world.management() as management:
                for one in management.get("vhosts", self._world.vhost, "connections"):
                    management.delete("connections", one["name"])

        await in_thread(cut)

    async def _paused(self, server: str) -> None:
        pid = self._processes.pid(server)
        if pid is None:
            raise RuntimeError(f"{server} does not run")
        await self._stopped(pid)

    async def replica_paused(self) -> None:
        """Longer than a lease lasts: another replica takes the workers over, and this one wakes up in the middle."""
        await self._stopped(self._rng.choice(self._crew.victims).pid, longest=14)

    async def _stopped(self, pid: int, longest: float = 6) -> None:
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(self._rng.uniform(1, longest))  # the length of the fault
        finally:
            os.kill(pid, signal.SIGCONT)

    async def clock_jumps(self) -> None:
        """One replica's clock is wrong from now on: an hour slow, or so far ahead that what it puts off still comes."""
        self._rng.choice(self._crew.victims).control["clock_offset"] = self._rng.choice(WRONG_BY_SECONDS)
