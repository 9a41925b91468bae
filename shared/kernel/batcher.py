"""Gathering what is in flight.

The guarantee of this file: messages leave in the order in which the broker delivered them, and are acknowledged only
when everything delivered before them on the same channel is settled too (one ``multiple`` for many).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import AMQPError
from aiormq.abc import AbstractChannel

from shared.contracts.envelope import MAX_MESSAGE_BYTES
from shared.kernel.codec import Reading

MAX_MESSAGES = 256
MAX_BYTES = 4 * 1024 * 1024


@dataclass(slots=True, eq=False)
class Arrival:
    """One delivery and the promise that it will be settled."""

    raw: AbstractIncomingMessage
    channel: AbstractChannel
    tag: int
    reading: Reading | None = None
    """What it says, where somebody has read it already."""
    settled: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def size(self) -> int:
        return len(self.raw.body)


class Batcher:
    """One queue's arrivals. A batch is whatever has gathered while the one before was being committed: under load it
    grows by itself, and a single message on an idle system waits for nobody."""

    def __init__(self) -> None:
        self._waiting: deque[Arrival] = deque()
        self._arrived = asyncio.Event()
        self._watermarks: dict[AbstractChannel, _Watermark] = {}

    def arrive(self, raw: AbstractIncomingMessage) -> Arrival:
        """Take in a delivery. Called in the parser hook, which FastStream enters in the order of delivery."""
        if raw.delivery_tag is None:
            raise ValueError("consumed without acknowledgements")
        # Enough to see that it is too large; what is more would only be held in memory, up to the prefetch.
        raw.body = raw.body[: MAX_MESSAGE_BYTES + 1]  # type: ignore[misc]  # its class declares slots for others
        arrival = Arrival(raw, raw.channel, raw.delivery_tag)
        self._waiting.append(arrival)
        self._arrived.set()
        return arrival

    def __len__(self) -> int:
        return len(self._waiting)

    async def next(self) -> list[Arrival]:
        """Wait for at least one arrival; then take all there are, up to the limits of a batch."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        batch = [self._waiting.popleft()]
        size = batch[0].size
        while self._waiting and len(batch) < MAX_MESSAGES and size + self._waiting[0].size <= MAX_BYTES:
            batch.append(self._waiting.popleft())
            size += batch[-1].size
        return sorted(batch, key=lambda arrival: arrival.tag) if _one_channel(batch) else batch

    async def at(self, position: int) -> Arrival:
        """The one at this place among those that wait for the next batch, once it is there; nobody may take any
        meanwhile."""
        while position >= len(self._waiting):
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting[position]

    async def settle(self, batch: Sequence[Arrival]) -> None:
        """Acknowledge what is committed. A channel that is gone needs none: the broker delivers again, and the inbox
        or the sequence recognises it."""
        for arrival in batch:
            self._watermark(arrival).done(arrival)
        for mark in {id(mark): mark for mark in map(self._watermark, batch)}.values():
            await mark.acknowledge()
        for arrival in batch:
            _resolve(arrival)

    async def give_back(self, batch: Sequence[Arrival]) -> None:
        """Return deliveries to the queue, those still waiting here included, and forget them."""
        for arrival in [*batch, *self._waiting]:
            # When the channel is gone the broker has them back already.
            with suppress(AMQPError, ConnectionError, RuntimeError):
                await arrival.raw.nack(requeue=True)
            _resolve(arrival)
        self._waiting.clear()

    def _watermark(self, arrival: Arrival) -> _Watermark:
        mark = self._watermarks.get(arrival.channel)
        if mark is None:
            closed = [channel for channel in self._watermarks if channel.is_closed]
            for channel in closed:
                del self._watermarks[channel]
            mark = self._watermarks[arrival.channel] = _Watermark()
        return mark


class _Watermark:
    """Delivery tags of one channel count 1, 2, 3 …; ``multiple`` settles all up to one, so none below may be open.

    It starts at the first tag of the channel, not at the first one seen: a delivery that never reached us must hold
    back the acknowledgement, not be settled by it.
    """

    def __init__(self) -> None:
        self._up_to, self._told = 0, 0
        self._done: dict[int, Arrival] = {}
        self._last: Arrival | None = None

    def done(self, arrival: Arrival) -> None:
        self._done[arrival.tag] = arrival
        while self._up_to + 1 in self._done:
            self._up_to += 1
            self._last = self._done.pop(self._up_to)

    async def acknowledge(self) -> None:
        if self._last is None or self._up_to == self._told:
            return
        try:
            await self._last.raw.ack(multiple=True)
        except (AMQPError, ConnectionError, RuntimeError):
            return
        self._told = self._up_to


def _one_channel(batch: Sequence[Arrival]) -> bool:
    return all(arrival.channel is batch[0].channel for arrival in batch)


def _resolve(arrival: Arrival) -> None:
    if not arrival.settled.done():
        arrival.settled.set_result(None)
