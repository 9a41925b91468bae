"""What a run stands on: servers, a world for each measurement, messages put in, messages counted.

Nothing here is seen by a contestant: it finds a virtual host as `deploy` makes it, with a full queue.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
import shutil
import socket
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self, cast

import aio_pika
from aio_pika.abc import AbstractChannel
from aiormq import Channel
from pamqp.commands import Basic

from benchmarks.process import PROJECT, cpu_seconds
from benchmarks.reports import ACCOUNT, KEY
from deploy.local.processes import Processes
from deploy.local.servers import LocalServers, Servers
from deploy.local.state import State
from deploy.local.world import World
from deploy.rabbitmq.accounts import Account
from shared.contracts.envelope import CONTENT_TYPE, INTAKE
from shared.kernel.outbox import WINDOW

ROOT = PROJECT / ".local" / "bench"
GIVEN = ("BINAAN_AMQP_URL", "BINAAN_MONGO_URL", "BINAAN_MANAGEMENT_URL")
ACCOUNTS = (Account(ACCOUNT), Account("kemenumkm", events_bindings=("aid.eligibility.#",)))
REPLIES, ASSESSED = f"{ACCOUNT}.replies", "kemenumkm.events"


@dataclass(frozen=True)
class Ground:
    """Running servers. ``processes`` when this run has started them, and so may look at them."""

    servers: Servers
    processes: Processes | None

    @classmethod
    @contextmanager
    def raised(cls) -> Iterator[Self]:
        """The servers given by URL, or private ones that are gone when the block is left, data and all."""
        given = [os.environ[name] for name in GIVEN if os.environ.get(name)]
        if len(given) == len(GIVEN):
            yield cls(Servers(*given), None)
            return
        root = ROOT / "servers"
        with State(root).lock(5):
            local = LocalServers(root)
            try:
                yield cls(local.start(), Processes(root))
            finally:
                local.kill()
                for folder in ("rabbitmq", "mongodb"):
                    shutil.rmtree(root / folder, ignore_errors=True)

    @contextmanager
    def world(self, name: str, accounts: tuple[Account, ...] = ACCOUNTS) -> Iterator[World]:
        """A virtual host and databases that nothing has touched."""
        made = self.servers.world(f"bench_{name}", accounts)
        try:
            yield made
        finally:
            made.remove()

    def server_cpu_seconds(self) -> dict[str, float]:
        """Processor time of each server's main process so far; empty when they are not ours to look at."""
        if self.processes is None:
            return {}
        pids = {name: self.processes.pid(name) for name in ("rabbitmq", "mongodb")}
        return {name: cpu_seconds(pid) for name, pid in pids.items() if pid is not None}


def key_file(folder: Path) -> Path:
    """Keys for one run's services and for seeding what they will read."""
    path = folder / "keys.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        key = base64.b64encode(secrets.token_bytes(32)).decode()
        path.write_text(json.dumps({"current": "k1", "keys": {"k1": key}}))
        path.chmod(0o600)
    return path


async def preload(world: World, reports: Iterable[tuple[str, bytes]]) -> None:
    """Put (id, body) reports into registry's queue through the door, confirmed in windows."""
    async with await aio_pika.connect(world.amqp_url_of(ACCOUNT)) as connection:
        channel = await connection.channel(publisher_confirms=True)
        underlay = cast(Channel, await channel.get_underlay_channel())
        waiting = list(reports)
        for start in range(0, len(waiting), WINDOW):
            await asyncio.gather(*(_put(underlay, *one) for one in waiting[start : start + WINDOW]))


async def _put(channel: Channel, id_: str, body: bytes) -> None:
    properties = Basic.Properties(content_type=CONTENT_TYPE, delivery_mode=2, message_id=id_, user_id=ACCOUNT)
    await channel.basic_publish(body, exchange=INTAKE, routing_key=KEY, properties=properties, wait=False)


class Counter:
    """How many messages wait in a queue, asked of the broker again and again as the administrator."""

    def __init__(self, channel: AbstractChannel) -> None:
        self._channel = channel

    @classmethod
    @asynccontextmanager
    async def of(cls, world: World) -> AsyncIterator[Self]:
        async with await aio_pika.connect(world.amqp_url) as connection:
            yield cls(await connection.channel())

    async def ready(self, queue: str) -> int:
        found = await self._channel.declare_queue(queue, passive=True)
        return found.declaration_result.message_count or 0

    async def reached(self, queue: str, count: int) -> bool:
        return await self.ready(queue) >= count

    async def fewer(self, queue: str, count: int) -> bool:
        return await self.ready(queue) < count

    async def consumers(self, queue: str) -> int:
        """How many consume it."""
        found = await self._channel.declare_queue(queue, passive=True)
        return found.declaration_result.consumer_count or 0


def free_port() -> int:
    """One that nobody listens on, this instant."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
