"""The whole chain: from reports in registry's queue to as many `aid.eligibility.assessed` in an integrator's queue,
with all three services running; and what memory each of them has needed by then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks import reports
from benchmarks.contestants.settings import Output
from benchmarks.ground import ASSESSED, ROOT, Ground, free_port, preload
from benchmarks.hop import Measured, clock, nothing_left, service
from benchmarks.office import open_for_business
from benchmarks.process import Child
from deploy.local.world import World

SERVICES = ("registry", "aid", "notify")
_READY_SECONDS = 60


class Services:
    """The three services of one world as processes."""

    def __init__(self, world: World, keys: Path) -> None:
        self._world, self._keys, self._stack = world, keys, ExitStack()
        self.children: dict[str, Child] = {}

    @classmethod
    @asynccontextmanager
    async def running(cls, world: World, keys: Path) -> AsyncIterator[Services]:
        services = cls(world, keys)
        with services._stack:
            await asyncio.gather(*map(services.start, SERVICES))
            yield services

    async def start(self, name: str) -> None:
        """Start one and wait until it says that it is ready."""
        spool = {"BINAAN_SPOOL_FILE": str(ROOT / "spool" / f"{self._world.name}.jsonl")}
        port = free_port()
        child = service(self._world, name, self._keys, f"services.{name}", port=port, environment=spool)
        self.children[name] = self._stack.enter_context(child)
        async with asyncio.timeout(_READY_SECONDS), httpx.AsyncClient(trust_env=False) as client:
            while not await _is_ready(client, port):
                child.check()
                await asyncio.sleep(0.05)

    def launch(self, name: str) -> Child:
        """Start one and do not wait."""
        child = service(self._world, name, self._keys, f"services.{name}", environment={})
        self.children[name] = self._stack.enter_context(child)
        return child


async def _is_ready(client: httpx.AsyncClient, port: int) -> bool:
    try:
        return (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


@dataclass
class Chain:
    """``peaks`` grows with each measurement: MiB by service."""

    ground: Ground
    keys: Path
    messages: int
    peaks: dict[str, list[float]] = field(default_factory=dict)
    name: str = "chain"

    async def measure(self, _: Sequence[Output] = ()) -> Measured:
        with self.ground.world(self.name) as world:
            async with Services.running(world, self.keys) as services:
                await open_for_business(world)
                services.children["registry"].stop()
                numbers = range(self.messages)
                await preload(world, ((reports.intake_id(n), reports.body(n)) for n in numbers))
                services.launch("registry")
                children = list(services.children.values())
                measured = await clock(self.ground, world, children, self.messages, {ASSESSED: self.messages})
                for name, child in services.children.items():
                    self.peaks.setdefault(name, []).append(child.peak_mebibytes())
            await nothing_left(world)
        return measured
