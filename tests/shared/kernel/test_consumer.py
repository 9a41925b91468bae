"""What waits is read while the database has a batch: once, in order, and not more than makes a batch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, cast

from aio_pika.abc import AbstractIncomingMessage

from shared.contracts.envelope import INTAKE
from shared.kernel.codec import Codec, Delivery, Reading
from shared.kernel.consumer import _AHEAD_BYTES, Consumer
from shared.kernel.dependency import Dependency
from shared.kernel.unit_of_work import Item, UnitOfWork
from shared.kernel.watch import Watch
from tests.support import until


@dataclass(eq=False)
class Channel:
    is_closed: bool = False


@dataclass(eq=False)
class Delivered:
    """A delivery, as far as it is looked at here."""

    delivery_tag: int
    body: bytes
    channel: Channel
    routing_key = "toy.thing.put"
    user_id = message_id = content_type = None
    headers: dict[str, Any] = field(default_factory=dict)

    async def ack(self, multiple: bool = False) -> None:
        """To nobody."""


@dataclass
class Bench:
    """A consumer whose database has each batch until it is let go; what was read of what, and decided, in order."""

    read: list[bytes] = field(default_factory=list)
    decided: list[list[bytes]] = field(default_factory=list)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    channel: Channel = field(default_factory=Channel)
    tags: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.consumer = Consumer(
            "toy.intake",
            INTAKE,
            codec=cast(Codec, _Reads(self)),
            unit_of_work=cast(UnitOfWork, _Decides(self)),
            database=cast(Dependency, None),
            committed=cast(Any, None),
            clock=lambda: datetime.now(UTC),
            watch=cast(Watch, _Looks()),
        )

    async def arrive(self, *bodies: bytes) -> None:
        for body in bodies:
            raw = cast(AbstractIncomingMessage, Delivered(next(self.tags), body, self.channel))
            await self.consumer._parse(raw, None)


@dataclass
class _Reads:
    bench: Bench

    def read(self, delivery: Delivery, now: datetime) -> Reading:
        self.bench.read.append(delivery.body)
        return Reading(delivery, now)


@dataclass
class _Decides:
    bench: Bench

    async def process(self, items: Sequence[Item], _: Any) -> None:
        self.bench.decided.append([item.reading.delivery.body for item in items])
        await self.bench.let_go.wait()


class _Looks:
    def arrived(self, *_: Any) -> None:
        """Seen by nobody."""

    def handling(self, *_: Any) -> Any:
        return nullcontext()


@asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[None]:
    task = asyncio.create_task(bench.consumer.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_waits_is_read_while_the_database_has_a_batch_and_not_again() -> None:
    """The processor has nothing better to do then; reading is a fifth of what a message costs it."""
    bench = Bench()
    async with running(bench):
        await bench.arrive(b"1")
        await until(lambda: bench.decided == [[b"1"]])
        await bench.arrive(b"2", b"3")
        await until(lambda: bench.read == [b"1", b"2", b"3"])
        assert bench.decided == [[b"1"]]
        bench.let_go.set()
        await until(lambda: bench.decided == [[b"1"], [b"2", b"3"]])
    assert bench.read == [b"1", b"2", b"3"]


async def test_no_more_is_read_ahead_than_makes_a_batch_of_ordinary_messages() -> None:
    """A message of many reports takes many times its bytes once it is read; it waits for its turn as it came."""
    bench, large = Bench(), b"3" * _AHEAD_BYTES
    async with running(bench):
        await bench.arrive(b"1")
        await until(lambda: bench.decided == [[b"1"]])
        await bench.arrive(b"2", large, b"4")
        await until(lambda: b"2" in bench.read and not _reading_ahead())
        assert bench.read == [b"1", b"2"]
        bench.let_go.set()
        await until(lambda: bench.decided == [[b"1"], [b"2", large, b"4"]])


def _reading_ahead() -> bool:
    return any(task.get_name() == "read ahead" for task in asyncio.all_tasks())
