"""One message on an idle system: from an official's designation to `aid.eligibility.assessed` at an integrator, and
the same way through two bare aio-pika processes that only consume, publish confirmed and acknowledge.

Both stand ready all the time and are asked in turn, so that whatever else the machine does meets both alike.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from benchmarks import reports
from benchmarks.chain import Services
from benchmarks.contestants.settings import Output, Settings
from benchmarks.ground import ASSESSED, ROOT, Counter, Ground
from benchmarks.hop import QUEUE
from benchmarks.office import DECREE, Json, Office, accepted, open_for_business
from benchmarks.process import Child
from deploy.local.world import World
from shared.contracts.catalogue import TYPES
from shared.contracts.envelope import EVENTS
from shared.kernel.consumer import PREFETCH
from shared.kernel.outbox import WINDOW

DESIGNATE, DESIGNATED, ELIGIBILITY = (
    "registry.business.designate",
    "registry.business.designated",
    "aid.eligibility.assessed",
)
_PAUSE_SECONDS = 0.05
_WARM_UP = 10
_LONGEST_SECONDS = 30


@dataclass(frozen=True)
class Latencies:
    """Milliseconds, in the order measured."""

    chain: list[float]
    bare: list[float]


async def measure(ground: Ground, keys: Path, samples: int) -> Latencies:
    """``samples`` of each, in turn."""
    with ground.world("latency") as world, ground.world("latency_bare") as bare:
        async with Services.running(world, keys), bare_chain(bare) as bare_office:
            await open_for_business(world)
            async with Office.of(world) as office:
                verified = await _verified(office, samples + _WARM_UP)
                async with Integrator.of(world) as integrator, Integrator.of(bare) as bare_integrator:
                    found = await _in_turn((office, integrator), (bare_office, bare_integrator), verified)
    return Latencies(found.chain[_WARM_UP:], found.bare[_WARM_UP:])


async def _in_turn(
    ours: tuple[Office, Integrator], bare: tuple[Office, Integrator], businesses: Sequence[str]
) -> Latencies:
    """Each business designated once, here and there."""
    await _quiet(ours[1])
    found = Latencies([], [])
    for number, business in enumerate(businesses):
        data = {"business_id": business, "decree": DECREE}
        found.chain.append(await _one(*ours, f"tetap-{number}", data))
        found.bare.append(await _one(*bare, f"tetap-{number}", data))
    return found


async def _one(office: Office, integrator: Integrator, id_: str, data: Json) -> float:
    """Milliseconds from just before the publish until the integrator has the message."""
    await asyncio.sleep(_PAUSE_SECONDS)
    arrival = integrator.next()
    started = time.perf_counter()
    await office.send(DESIGNATE, data, id_=id_, actor="kadis")
    return 1000 * (await asyncio.wait_for(arrival, _LONGEST_SECONDS) - started)


async def _verified(office: Office, count: int) -> list[str]:
    """Businesses that an official has verified and may designate."""
    found = []
    for number in range(count):
        id_ = reports.intake_id(number)
        reply = office.expect(id_)
        await office.publish(reports.KEY, reports.body(number), id_)
        found.append(reply)
    businesses = [(await accepted(reply))["business_id"] for reply in found]
    for business in businesses:
        await accepted(office.ask("registry.business.verify", {"business_id": business}, actor="kadis"))
    return businesses


async def _quiet(integrator: Integrator, seconds: float = 1.0) -> None:
    """Until nothing has arrived for a while."""
    while True:
        try:
            await asyncio.wait_for(integrator.next(), seconds)
        except TimeoutError:
            return


class Integrator:
    """Who has subscribed to what is eligible."""

    def __init__(self) -> None:
        self._next: asyncio.Future[float] | None = None

    @classmethod
    @asynccontextmanager
    async def of(cls, world: World) -> AsyncIterator[Self]:
        integrator = cls()
        async with await aio_pika.connect(world.amqp_url) as connection:
            channel = await connection.channel()
            await channel.set_qos(100)
            await (await channel.get_queue(ASSESSED, ensure=False)).consume(integrator._take)
            yield integrator

    def next(self) -> asyncio.Future[float]:
        """When the next message arrives, by ``time.perf_counter``."""
        self._next = asyncio.get_running_loop().create_future()
        return self._next

    async def _take(self, message: AbstractIncomingMessage) -> None:
        if self._next is not None and not self._next.done():
            self._next.set_result(time.perf_counter())
        await message.ack()


@asynccontextmanager
async def bare_chain(world: World) -> AsyncIterator[Office]:
    """Two processes, a hop each, and an office that speaks to the first."""
    first = Output(exchange=EVENTS, key=f"{DESIGNATED}.{reports.REGION}", type=TYPES[DESIGNATED].name, size=1200)
    second = Output(exchange=EVENTS, key=f"{ELIGIBILITY}.{reports.REGION}", type=TYPES[ELIGIBILITY].name, size=1200)
    with ExitStack() as stack:
        for account, queue, output in (("registry", QUEUE, first), ("aid", "aid.events", second)):
            settings = Settings(
                amqp_url=world.amqp_url_of(account), queue=queue, prefetch=PREFETCH, window=WINDOW, outputs=(output,)
            )
            log = ROOT / "log" / "bare_chain.log"
            module = ("benchmarks.contestants.aio_pika_floor",)
            stack.enter_context(Child(module, settings.as_environment(), log))
        await _consumed(world, QUEUE, "aid.events")
        async with Office.of(world) as office:
            yield office


async def _consumed(world: World, *queues: str) -> None:
    """Until each queue has a consumer."""
    async with Counter.of(world) as counter, asyncio.timeout(_LONGEST_SECONDS):
        for queue in queues:
            while not await counter.consumers(queue):  # noqa: ASYNC110 - the broker tells nobody
                await asyncio.sleep(0.05)
