"""One queue, from delivery to acknowledgement.

The guarantee of this file: a delivery is acknowledged only after what came of it is committed. While the database is
gone, what is held waits where it is, and back-pressure does the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import structlog
from aio_pika.abc import AbstractIncomingMessage
from faststream import AckPolicy
from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitQueue
from faststream.rabbit.message import RabbitMessage

from shared.contracts.door import is_binary_mode
from shared.kernel import failpoints
from shared.kernel.batcher import MAX_MESSAGES, Arrival, Batcher
from shared.kernel.codec import Codec, Delivery, Reading
from shared.kernel.dependency import Dependency
from shared.kernel.unit_of_work import Committed, GoneError, Item, UnitOfWork
from shared.kernel.watch import Watch
from shared.kernel.wire import install

PREFETCH = 2 * MAX_MESSAGES
_AHEAD_BYTES = 1024 * MAX_MESSAGES

Clock = Callable[[], Any]

log = structlog.get_logger()


class Consumer:
    """Reads one queue of one exchange and keeps at most one batch in flight."""

    def __init__(
        self,
        queue: str,
        exchange: str,
        *,
        codec: Codec,
        unit_of_work: UnitOfWork,
        database: Dependency,
        committed: Committed,
        clock: Clock,
        watch: Watch,
    ) -> None:
        self.queue, self.exchange = queue, exchange
        self._codec, self._unit_of_work, self._database = codec, unit_of_work, database
        self._committed, self._clock, self._watch = committed, clock, watch
        self._batcher = Batcher()
        self._inflight: list[Arrival] = []

    def attach(self, broker: RabbitBroker) -> None:
        """Subscribe. The body is all the handler takes: with anything injected, FastStream enters it out of order.

        A channel of its own, so that delivery tags count this queue's messages and nothing else. ``no_reply``, or
        FastStream would publish the handler's result to whatever ``reply_to`` a stranger wrote.
        """
        install()
        subscriber = broker.subscriber(
            RabbitQueue(self.queue, queue_type=QueueType.QUORUM, declare=False),
            channel=Channel(prefetch_count=PREFETCH, publisher_confirms=False),
            parser=self._parse,
            decoder=_arrival,
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
        )
        subscriber(_settled)
        # Deliveries that come between ``basic.consume`` and the end of ``start`` would be ignored, and never settled.
        subscriber.running = True

    async def _parse(self, raw: AbstractIncomingMessage, _original: Any) -> RabbitMessage:
        """Take the place in the queue here: the parser is entered in the order of delivery."""
        arrival = self._batcher.arrive(raw)
        return RabbitMessage(raw_message=raw, body=arrival, correlation_id="", message_id="")  # type: ignore[arg-type]

    async def run(self) -> None:
        """Handle batches until cancelled."""
        while True:
            self._inflight = await self._batcher.next()
            await failpoints.reached("gathered", len(self._inflight))
            items = [Item(self._read(arrival)) for arrival in self._inflight]
            self._watch.arrived(self.queue, [arrival.raw for arrival in self._inflight])
            ahead = asyncio.create_task(self._read_ahead(), name="read ahead")
            try:
                with self._watch.handling(self.queue, items):
                    await self._process(items)
            finally:
                ahead.cancel()
            await failpoints.reached("committed", len(self._inflight))
            await self._batcher.settle(self._inflight)
            await failpoints.reached("acknowledged", len(self._inflight))
            self._inflight = []

    def _read(self, arrival: Arrival) -> Reading:
        return arrival.reading or self._codec.read(self._delivery(arrival.raw), self._clock())

    async def _read_ahead(self) -> None:
        """Read what waits while the database has a batch: the processor has nothing better to do then. Not more than
        makes a batch of ordinary messages, for what is read takes many times the memory of its bytes."""
        size = 0
        for position in count():
            arrival = await self._batcher.at(position)
            size += arrival.size
            if size > _AHEAD_BYTES:
                return
            arrival.reading = self._read(arrival)
            await asyncio.sleep(0)  # the database's answer goes first

    async def _process(self, items: Sequence[Item]) -> None:
        """Wait in place for as long as the database is gone. A rerun is safe: what was committed, though nobody said
        so, is recognised.

        What is committed is queued at once, so that what a worker commits after it is published after it.
        """
        while True:
            try:
                await self._unit_of_work.process(items, self._committed)
            except GoneError as error:
                items = items[error.done :]
                self._database.lost(error.__cause__)
                await self._database.back()
            else:
                return

    @property
    def waiting(self) -> int:
        """Messages that have come and are in no batch yet."""
        return len(self._batcher)

    async def give_back(self) -> None:
        """Return everything to the queue: the database is away for longer than a delivery may stay open."""
        await self._batcher.give_back(self._inflight)

    def _delivery(self, raw: AbstractIncomingMessage) -> Delivery:
        return Delivery(
            exchange=self.exchange,
            routing_key=raw.routing_key or "",
            body=raw.body,
            account=raw.user_id or None,
            message_id=raw.message_id or None,
            content_type=raw.content_type,
            binary_mode=is_binary_mode(raw.headers),
        )


async def _arrival(message: RabbitMessage) -> Any:
    return message.body


async def _settled(arrival: Any) -> None:
    """FastStream counts the handlers that run, and waits for them when it stops: so does the work they stand for."""
    await arrival.settled
