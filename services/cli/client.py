"""The door: publish intake messages and be told what became of each, as any other system would.

One replies queue may serve several programs of one account, and reading a queue takes its messages away. So a reply
that belongs to another program is handed back, after a pause that grows each time (otherwise it would come round
again at once, for ever) and is never quite the same (or two programs could swap each other's replies in step), and at
the end everything that is still held goes back at once. A reply is acknowledged only when it is known here; a program
that dies before asks again with the same id and is given the same reply.

Waiting is not endless: `patience` seconds without any confirm or reply end it, and what was sent stays safe with the
broker.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from asyncio import TimerHandle
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import aio_pika
from aio_pika.abc import (
    AbstractChannel,
    AbstractConnection,
    AbstractExchange,
    AbstractIncomingMessage,
    AbstractQueue,
    DeliveryMode,
)
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, ChannelNotFoundEntity, DeliveryError

from services.cli.connection import Address, connected
from services.cli.exits import CliError, no_reply, unreachable
from shared.contracts.catalogue import TYPES
from shared.contracts.envelope import CONTENT_TYPE, INTAKE

CONFIRM_WINDOW = 64
"""Publishes under way at once: enough to hide the way to the broker and back."""
IN_FLIGHT = 512
"""Messages without a reply at once: two of a service's batches, so that it never waits for us."""
PATIENCE_SECONDS = 60.0
FIRST_PAUSE_SECONDS = 0.05
PAUSE_GROWTH = 1.5
LONGEST_PAUSE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Intake:
    """One message to send. `key` is the type's short name; `raw` replaces the whole body, for what is meant wrong."""

    id: str
    key: str
    data: Any = None
    time: str | None = None
    subject: str | None = None
    actor: str | None = None
    raw: bytes | None = None

    def body(self, account: str) -> bytes:
        """The CloudEvent in structured mode, absent attributes left out."""
        if self.raw is not None:
            return self.raw
        attributes = {
            "specversion": "1.0",
            "id": self.id,
            "source": f"/agency/{account}",
            "type": type_name(self.key),
            "time": self.time,
            "subject": self.subject,
            "actor": self.actor,
            "datacontenttype": "application/json",
            "data": self.data,
        }
        present = {name: value for name, value in attributes.items() if value is not None}
        return json.dumps(present, ensure_ascii=False, separators=(",", ":")).encode()


def type_name(key: str) -> str:
    """The full type name of a short one; an unknown one is taken as a first version."""
    return TYPES[key].name if key in TYPES else f"id.binaan.{key}.v1"


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a message: `accepted`, `rejected` or `answered`, with the reply's data."""

    verb: str
    data: Mapping[str, Any]
    envelope: Mapping[str, Any]

    @property
    def rejected(self) -> bool:
        return self.verb == "rejected"

    @property
    def result(self) -> Mapping[str, Any]:
        return self.data.get("result") or {}

    @property
    def problems(self) -> list[Mapping[str, Any]]:
        return list(self.data.get("problems") or self.data.get("warnings") or ())

    def texts(self) -> str:
        """The reasons in English, for the terminal."""
        return " ".join(str(one.get("text_en") or one.get("code")) for one in self.problems)


class Door:
    """A connection that sends intake messages of one account and receives their replies. Made by `opened`."""

    def __init__(self, account: str, channel: AbstractChannel, exchange: AbstractExchange, patience: float) -> None:
        self.account = account
        self.confirmed = 0
        self.answered = 0
        self._channel = channel
        self._exchange = exchange
        self._patience = patience
        self._last_progress = time.monotonic()
        self._unconfirmed = asyncio.Semaphore(CONFIRM_WINDOW)
        self._waiting: dict[str, Intake] = {}
        self._open = 0  # sent, and its reply not yet given to who asked
        self._known: set[str] = set()
        self._arrivals: asyncio.Queue[tuple[Intake, Reply] | CliError] = asyncio.Queue()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._strangers: Counter[str] = Counter()
        self._pauses: dict[int, TimerHandle] = {}

    # -- asking ----------------------------------------------------------------------------------------------------

    async def ask(self, intake: Intake) -> Reply:
        """Send one message and wait for its reply. Raises `CliError` 3 or 4."""
        async for _, reply in self.converse([intake]):
            if reply is not None:
                return reply
        raise self.unanswered()

    async def converse(
        self, intakes: Iterable[Intake], in_flight: int = IN_FLIGHT
    ) -> AsyncIterator[tuple[Intake, Reply | None]]:
        """Send messages, at most `in_flight` at a time, and yield each with its reply as it comes, in any order.

        Those that nobody answers are yielded last, with None; what was not sent by then is left in `intakes`, where
        that is an iterator. Ids must differ. Raises `CliError` 3.
        """
        source = iter(intakes)
        self._last_progress = time.monotonic()
        while await self._fill(source, in_flight):
            arrival = await self._next()
            if arrival is None:
                break
            yield arrival
        left, self._waiting, self._open = self._waiting, {}, 0
        for intake in left.values():
            yield intake, None

    def unanswered(self) -> CliError:
        """Why it may be that no reply has come."""
        held = f" {len(self._pauses)} replies of other programs stand before it." if self._pauses else ""
        return no_reply(
            f"No reply within {self._patience:.0f} s. What was confirmed is safe with the broker and will be handled; "
            f"sending the same again does it only once.{held}"
        )

    async def _fill(self, source: Iterator[Intake], in_flight: int) -> bool:
        """Start sending up to the bound; False when all has been sent and answered."""
        while self._open < in_flight and (intake := next(source, None)) is not None:
            self._waiting[intake.id] = intake
            self._open += 1
            self._start(self._publish(intake))
            await asyncio.sleep(0)  # let it go out while the next one is made
        return self._open > 0

    async def _next(self) -> tuple[Intake, Reply] | None:
        """The next reply, or None when patience has run out since anything last went on."""
        arrival: tuple[Intake, Reply] | CliError | None = None
        while arrival is None:
            left = self._last_progress + self._patience - time.monotonic()
            if left <= 0:
                return None
            with suppress(TimeoutError):
                arrival = await asyncio.wait_for(self._arrivals.get(), left)
        if isinstance(arrival, CliError):
            raise arrival
        self._last_progress = time.monotonic()
        self._open -= 1
        self.answered += 1
        return arrival

    async def _publish(self, intake: Intake) -> None:
        message = aio_pika.Message(
            intake.body(self.account),
            content_type=CONTENT_TYPE,
            delivery_mode=DeliveryMode.PERSISTENT,
            message_id=intake.id,
            user_id=self.account,
        )
        async with self._unconfirmed:
            try:
                await self._exchange.publish(message, routing_key=intake.key, mandatory=True)
            except (AMQPError, ChannelInvalidStateError, OSError) as error:
                self.fail(_not_published(self.account, error))
            else:
                self.confirmed += 1
                self._last_progress = time.monotonic()

    def fail(self, error: CliError) -> None:
        """End whoever waits here with an error."""
        self._arrivals.put_nowait(error)

    # -- replies ---------------------------------------------------------------------------------------------------

    async def take(self, message: AbstractIncomingMessage) -> None:
        """Settle one message of the replies queue: ours is kept, a repetition dropped, a stranger's handed back."""
        reply = read_reply(message.body)
        intake_id = str(reply.data.get("intake_id")) if reply else ""
        intake = self._waiting.pop(intake_id, None)
        if reply is not None and intake is not None:
            self._known.add(intake_id)
            self._arrivals.put_nowait((intake, reply))
        if intake_id in self._known:
            await message.ack()
        else:
            self._hand_back_later(message)

    def _hand_back_later(self, message: AbstractIncomingMessage) -> None:
        name = str(message.message_id)
        pause = min(FIRST_PAUSE_SECONDS * PAUSE_GROWTH ** self._strangers[name], LONGEST_PAUSE_SECONDS)
        self._strangers[name] += 1
        tag = message.delivery_tag or 0
        self._pauses[tag] = asyncio.get_running_loop().call_later(
            pause * random.uniform(0.5, 1.5),  # noqa: S311 - nobody has anything to guess here
            self._hand_back,
            tag,
            message,
        )

    def _hand_back(self, tag: int, message: AbstractIncomingMessage) -> None:
        self._pauses.pop(tag, None)
        self._start(message.nack(requeue=True))

    def _start(self, work: Any) -> None:
        task: asyncio.Task[Any] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # a message that cannot be handed back goes back when the channel closes

    def stop(self) -> None:
        """Nothing more is sent or handed back from here on."""
        for pause in self._pauses.values():
            pause.cancel()
        for task in tuple(self._tasks):
            task.cancel()


def read_reply(body: bytes) -> Reply | None:
    """A reply as it stands on the wire, or None for what is none: the queue is ours, yet a reader never falls over."""
    try:
        envelope = json.loads(body)
        verb = envelope["type"].split(".")[-2]
        data = envelope["data"]
        data["intake_id"]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None
    return Reply(verb, data, envelope)


@asynccontextmanager
async def opened(address: Address, patience: float = PATIENCE_SECONDS) -> AsyncIterator[Door]:
    """A door for one account. Raises `CliError` 3 when the broker or the account's queue is not there."""
    async with connected(address) as connection:
        publishing = await connection.channel(on_return_raises=True)
        exchange = await publishing.get_exchange(INTAKE, ensure=False)
        receiving = await connection.channel()
        door = Door(address.account, receiving, exchange, patience)
        _watch(connection, door, address)
        tag = await _consume(receiving, door)
        try:
            yield door
        finally:
            door.stop()
            await _hand_back_all(receiving, tag)


async def pending_replies(address: Address) -> AsyncGenerator[Reply]:
    """The replies that are waiting now, each taken away as it is yielded. Raises `CliError` 3."""
    async with connected(address) as connection:
        channel = await connection.channel(publisher_confirms=False)
        name = f"{address.account}.replies"
        queue = await channel.get_queue(name, ensure=False)
        while message := await _taken(queue, address.account, name):
            if reply := read_reply(message.body):
                yield reply
            await message.ack()


async def _taken(queue: AbstractQueue, account: str, name: str) -> AbstractIncomingMessage | None:
    try:
        return await queue.get(fail=False)
    except AMQPError as error:
        raise _not_readable(account, name, error) from None


def _watch(connection: AbstractConnection, door: Door, address: Address) -> None:
    connection.close_callbacks.add(lambda *_: door.fail(_gone(address.where)))


async def _consume(channel: AbstractChannel, door: Door) -> str:
    # No prefetch limit: behind a limit, replies of others would keep ours from ever being seen.
    name = f"{door.account}.replies"
    queue = await channel.get_queue(name, ensure=False)
    try:
        return await queue.consume(door.take)
    except (ChannelNotFoundEntity, AMQPError) as error:
        raise _not_readable(door.account, name, error) from None


async def _hand_back_all(channel: AbstractChannel, tag: str) -> None:
    """First stop receiving, or what goes back comes again. If the broker is gone, it has them back already."""
    with suppress(AMQPError, ChannelInvalidStateError, OSError, TimeoutError):
        async with asyncio.timeout(5):
            underlay = await channel.get_underlay_channel()
            await underlay.basic_cancel(tag)
            await underlay.basic_nack(0, multiple=True, requeue=True)
            await channel.close()


def _not_readable(account: str, queue: str, error: Exception) -> CliError:
    if isinstance(error, ChannelNotFoundEntity):
        return unreachable(f"There is no queue {queue}: the account {account} has not been made on this broker.")
    return unreachable(f"{account} may not read {queue} on this broker.")


def _not_published(account: str, error: Exception) -> CliError:
    if isinstance(error, DeliveryError):
        return unreachable("The broker did not take the message; it is short of room. Try again later.")
    if "ACCESS_REFUSED" in str(error):
        return unreachable(f"{account} may not send messages on this broker.")
    return unreachable("The connection to the broker broke while sending. Running the same command again is safe.")


def _gone(where: str) -> CliError:
    return unreachable(f"The broker at {where} went away. Running the same command again is safe.")
