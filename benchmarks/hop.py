"""One hop, many messages: how fast does a contestant empty a full queue?

The queue is filled before a contestant is started. The clock starts when the broker has handed out the first message
and stops when every output of every message lies in a queue that is bound as in real life, so nothing a contestant
says about itself is believed. That it has acknowledged everything is checked after it has been told to stop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aio_pika

from benchmarks import reports
from benchmarks.contestants import celery_peer
from benchmarks.contestants.settings import Output, Settings
from benchmarks.ground import REPLIES, ROOT, Counter, Ground, preload
from benchmarks.process import Child
from benchmarks.seeding import Seeder
from deploy.local.world import World
from shared.contracts.envelope import CONTACTS, EVENTS
from shared.contracts.envelope import REPLIES as REPLY_EXCHANGE
from shared.kernel.consumer import PREFETCH
from shared.kernel.outbox import WINDOW

QUEUE = "registry.intake"
BEHIND = {REPLY_EXCHANGE: REPLIES, EVENTS: "aid.events", CONTACTS: "notify.contacts"}
"""Exchange → the queue where a hop's messages on it can be counted."""
POLL_SECONDS = 0.02
LONGEST_SECONDS = 180


@dataclass(frozen=True)
class Measured:
    """One contestant, once: ``seconds`` for ``messages`` inputs, and the processor time its process used for them."""

    messages: int
    seconds: float
    cpu_seconds: float
    server_cpu_seconds: Mapping[str, float]

    @property
    def rate(self) -> float:
        """Inputs a second."""
        return self.messages / self.seconds

    def as_json(self) -> dict[str, float]:
        servers = {f"{name}_cpu_ms": 1000 * used / self.messages for name, used in self.server_cpu_seconds.items()}
        return {
            "messages": self.messages,
            "seconds": self.seconds,
            "rate": self.rate,
            "cpu_ms": 1000 * self.cpu_seconds / self.messages,
            **servers,
        }


async def clock(  # noqa: PLR0917
    ground: Ground, world: World, children: Sequence[Child], messages: int, wanted: Mapping[str, int], full: str = QUEUE
) -> Measured:
    """Watch started processes from the first message that leaves ``full`` until as many as wanted lie in each queue."""
    async with Counter.of(world) as counter:
        await _until(children, partial(counter.fewer, full, messages), 0.002)
        started, cpu, servers = time.monotonic(), _cpu_seconds(children), ground.server_cpu_seconds()
        for queue, count in wanted.items():
            await _until(children, partial(counter.reached, queue, count), POLL_SECONDS)
        seconds, used = time.monotonic() - started, _cpu_seconds(children) - cpu
        after = ground.server_cpu_seconds()
    return Measured(messages, seconds, used, {name: after[name] - servers[name] for name in servers})


async def _until(children: Sequence[Child], condition: Callable[[], Awaitable[bool]], pause: float) -> None:
    """Ask again and again, as long as all processes live."""
    async with asyncio.timeout(LONGEST_SECONDS):
        while not await condition():
            for child in children:
                child.check()
            await asyncio.sleep(pause)


def _cpu_seconds(children: Sequence[Child]) -> float:
    return sum(child.cpu_seconds() for child in children)


async def nothing_left(world: World, queue: str = QUEUE) -> None:
    """What was taken and not acknowledged is back in the queue when its consumer is gone."""
    async with Counter.of(world) as counter:
        if left := await counter.ready(queue):
            raise RuntimeError(f"{left} messages were not acknowledged")


# --- our hop ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hop:
    """registry in a world of its own; with ``known`` it has heard of every business before."""

    ground: Ground
    keys: Path
    messages: int
    known: bool

    @property
    def name(self) -> str:
        return "registry_known" if self.known else "registry_new"

    async def measure(self, outputs: Sequence[Output]) -> Measured:
        with self.ground.world(self.name) as world:
            await self.prepare(world)
            with registry(world, self.keys) as child:
                measured = await clock(self.ground, world, [child], self.messages, wanted(outputs, self.messages))
            await nothing_left(world)
        return measured

    async def outputs(self) -> list[Output]:
        """What one input makes registry publish, taken from the queues behind a run."""
        with self.ground.world(self.name) as world:
            await self.prepare(world)
            with registry(world, self.keys) as child:
                await clock(self.ground, world, [child], self.messages, {REPLIES: self.messages})
            return await published(world, self.messages)

    async def prepare(self, world: World) -> None:
        """Agency, businesses if they are to be known, and the reports in the queue."""
        seeder = Seeder(world, self.keys)
        await seeder.indexes()
        seeder.agency()
        if self.known:
            seeder.businesses(range(self.messages))
        generation = int(self.known)
        numbers = range(self.messages)
        await preload(world, ((reports.intake_id(n, generation), reports.body(n, generation)) for n in numbers))


def wanted(outputs: Sequence[Output], messages: int) -> dict[str, int]:
    return {BEHIND[output.exchange]: messages for output in outputs}


def registry(world: World, keys: Path, module: str = "services.registry", **environment: str) -> Child:
    return service(world, "registry", keys, module, environment=environment)


def service(
    world: World, name: str, keys: Path, module: str, *, port: int = 0, environment: Mapping[str, str]
) -> Child:
    """One of our services as it is always started; port 0 lets the kernel choose one for its health."""
    given = world.service_env(name, http_port=port, key_file=keys)
    return Child((module,), {**given, **environment}, ROOT / "log" / f"{name}.log")


async def published(world: World, messages: int) -> list[Output]:
    """One output for each exchange that got a message for every input, of the size that is in the middle."""
    found = []
    async with await aio_pika.connect(world.amqp_url) as connection:
        channel = await connection.channel()
        for exchange, queue in BEHIND.items():
            waiting = await channel.declare_queue(queue, passive=True)
            count = waiting.declaration_result.message_count or 0
            if count not in {0, messages}:
                raise RuntimeError(f"{count} messages on {exchange} for {messages} inputs")
            taken = [await waiting.get(no_ack=True) for _ in range(min(count, 100))]
            taken.sort(key=lambda one: one.body_size)
            if taken:
                middle = taken[len(taken) // 2]
                key, kind = middle.routing_key or "", middle.type or ""
                found.append(Output(exchange=exchange, key=key, type=kind, size=len(middle.body)))
    return found


# --- those it is held against -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rival:
    """A contestant that is not ours, with the same queue, bindings, prefetch and window."""

    ground: Ground
    keys: Path
    name: str
    module: Sequence[str]
    messages: int
    concurrency: int = 1
    pool: str = ""

    async def measure(self, outputs: Sequence[Output]) -> Measured:
        with self.ground.world(self.name) as world:
            seeder = Seeder(world, self.keys)
            await seeder.indexes()
            seeder.agency()
            await self.fill(world)
            with self.start(world, outputs) as child:
                measured = await clock(self.ground, world, [child], self.messages, wanted(outputs, self.messages))
            await nothing_left(world)
        return measured

    async def fill(self, world: World) -> None:
        await preload(world, ((reports.intake_id(n), reports.body(n)) for n in range(self.messages)))

    def start(self, world: World, outputs: Sequence[Output]) -> Child:
        settings = Settings(
            amqp_url=self.amqp_url(world),
            queue=QUEUE,
            prefetch=PREFETCH,
            window=WINDOW,
            outputs=tuple(outputs),
            mongo_url=world.mongo_url_of("registry"),
            mongo_database=world.databases["registry"],
            key_file=self.keys,
            concurrency=self.concurrency,
            pool=self.pool,
        )
        return Child(self.module, settings.as_environment(), ROOT / "log" / f"{self.name}.log")

    def amqp_url(self, world: World) -> str:
        return world.amqp_url_of("registry")


@dataclass(frozen=True)
class CeleryRival(Rival):
    """Celery: its messages are in its own format, and a worker declares a queue for itself, as the administrator."""

    async def fill(self, world: World) -> None:
        bodies = [reports.body(n) for n in range(self.messages)]
        await asyncio.to_thread(celery_peer.send, world.amqp_url, QUEUE, bodies)

    def amqp_url(self, world: World) -> str:
        return world.amqp_url
