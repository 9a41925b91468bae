"""The price of a message when a thousand, a hundred thousand or a million businesses are stored.

Each size is a world of its own, seeded before anything is measured; then they are measured in turn. Half of the reports
are on businesses that are stored, at random, half on new ones, which are deleted again.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import aio_pika
from pymongo import MongoClient

from benchmarks import reports
from benchmarks.ground import REPLIES, Ground, preload
from benchmarks.hop import BEHIND, Measured, clock, nothing_left, registry
from benchmarks.seeding import Seeder
from deploy.local.world import World

_CHUNK = 20_000
_FIRST_NEW = 5_000_000
Say = Callable[[str], None]


@dataclass(frozen=True)
class Cost:
    """One measurement: the hop, and what MongoDB looked at for each message."""

    hop: Measured
    documents_examined: float
    keys_examined: float

    def as_json(self) -> dict[str, float]:
        return {
            **self.hop.as_json(),
            "documents_examined": self.documents_examined,
            "keys_examined": self.keys_examined,
        }


async def measure(
    ground: Ground, keys: Path, sizes: Sequence[int], *, messages: int, rounds: int, say: Say
) -> list[dict[int, Cost]]:
    """One entry a round, by size."""
    with ExitStack() as stack:
        worlds = {size: stack.enter_context(ground.world(f"stored_{size}")) for size in sizes}
        for size, world in worlds.items():
            await _fill(world, keys, size, say)
        found: list[dict[int, Cost]] = []
        for number in range(rounds):
            found.append({})
            for size, world in worlds.items():
                cost = found[-1][size] = await _Stored(ground, keys, world, size).measure(number, messages)
                say(
                    f"  round {number + 1}  {size:>9,} stored  {cost.hop.rate:6.0f}/s  "
                    f"{cost.documents_examined:.2f} documents examined a message"
                )
    return found


async def _fill(world: World, keys: Path, size: int, say: Say) -> None:
    """Businesses first, indexes when they are there, which is much faster and ends in the same."""
    seeder = Seeder(world, keys)
    if size <= _CHUNK:
        seeder.businesses(range(size))
    else:
        await _fill_side_by_side(world, keys, size, say)
    await seeder.indexes()
    seeder.agency()


async def _fill_side_by_side(world: World, keys: Path, size: int, say: Say) -> None:
    """By two processes, in chunks."""
    chunks = [range(start, min(start + _CHUNK, size)) for start in range(0, size, _CHUNK)]
    spawn = multiprocessing.get_context("spawn")  # a fork would share connections and the event loop
    pool = ProcessPoolExecutor(max_workers=2, mp_context=spawn, initializer=_leave_interrupts_to_the_parent)
    try:
        loop = asyncio.get_running_loop()
        waiting = [loop.run_in_executor(pool, _seed, world, keys, chunk) for chunk in chunks]
        for number, one in enumerate(asyncio.as_completed(waiting), start=1):
            await one
            if number % 10 == 0 or number == len(chunks):
                say(f"  {min(number * _CHUNK, size):>9,} of {size:,} businesses stored")
    finally:
        pool.shutdown(cancel_futures=True)


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _seed(world: World, keys: Path, numbers: Iterable[int]) -> None:
    Seeder(world, keys).businesses(numbers)


@dataclass(frozen=True)
class _Stored:
    """A world that holds so many businesses, and is left as it was found."""

    ground: Ground
    keys: Path
    world: World
    size: int

    async def measure(self, number: int, messages: int) -> Cost:
        """``number`` is the round's: each tells of the known businesses anew."""
        told = self._reports(number, messages)
        await self._empty_queues()
        await preload(self.world, ((reports.intake_id(*one), reports.body(*one)) for one in told))
        before = self._examined()
        with registry(self.world, self.keys) as child:
            hop = await clock(self.ground, self.world, [child], messages, {REPLIES: messages})
            after = self._examined()
        await nothing_left(self.world)
        self._forget(told)
        documents, keys = ((after[name] - before[name]) / messages for name in ("scannedObjects", "scanned"))
        return Cost(hop, documents, keys)

    def _reports(self, number: int, messages: int) -> list[tuple[int, int]]:
        """(business, generation): known and new ones in turn."""
        known = Random(self.size + number).sample(range(self.size), min(messages // 2, self.size))
        new = range(_FIRST_NEW, _FIRST_NEW + messages - len(known))
        pairs = [*((one, number + 1) for one in known), *((one, 0) for one in new)]
        Random(number).shuffle(pairs)
        return pairs

    def _forget(self, told: Iterable[tuple[int, int]]) -> None:
        """What the new ones made, and that they were answered."""
        seeder = Seeder(self.world, self.keys)
        made = [seeder.ids(number) for number, generation in told if not generation]
        with MongoClient[dict[str, Any]](self.world.mongo_url_of("registry")) as client:
            database = client[self.world.databases["registry"]]
            database["owners"].delete_many({"_id": {"$in": [owner for owner, _ in made]}})
            database["businesses"].delete_many({"_id": {"$in": [business for _, business in made]}})
            database["inbox"].delete_many({})

    def _examined(self) -> dict[str, int]:
        """How much MongoDB's queries have looked at since it was started."""
        with MongoClient[dict[str, Any]](self.world.mongo_url) as client:
            found: dict[str, int] = client.admin.command("serverStatus")["metrics"]["queryExecutor"]
        return found

    async def _empty_queues(self) -> None:
        async with await aio_pika.connect(self.world.amqp_url) as connection:
            channel = await connection.channel()
            for queue in BEHIND.values():
                await (await channel.get_queue(queue, ensure=False)).purge()
