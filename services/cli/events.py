"""Events as they come: the stream `binaan.history`, read without taking anything away from anybody.

A subscriber's queue `<account>.events` belongs to the subscriber's own program; reading it here would take its events
away. The stream can be read by many, from its first message or from now on.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, ChannelNotFoundEntity

from services.cli.connection import Address, connected
from services.cli.exits import CliError, unreachable
from shared.contracts.authority import matches
from shared.reference import region as regions

HISTORY = "binaan.history"
_PREFETCH = 200  # a stream hands out nothing without a bound, and at most this much at once

Offset = Literal["first", "next"]


@dataclass(frozen=True, slots=True)
class Event:
    """One event, as it stands on the wire. `key` is its type's short name."""

    envelope: Mapping[str, Any]

    @property
    def key(self) -> str:
        return str(self.envelope.get("type", "")).removeprefix("id.binaan.").rpartition(".v")[0]

    @property
    def region(self) -> str:
        return str(self.envelope.get("region", ""))

    @property
    def data(self) -> Mapping[str, Any]:
        found = self.envelope.get("data")
        return found if isinstance(found, Mapping) else {}

    def is_wanted(self, pattern: str, region: str | None) -> bool:
        """Whether its type matches a pattern (`registry.business.*`) and it lies in a region."""
        return matches(pattern, self.key) and (region is None or regions.within(self.region, region))


async def history(address: Address, offset: Offset, listening: asyncio.Event | None = None) -> AsyncGenerator[Event]:
    """Every public event from the first one on, or those that come from now on, without end.

    `listening` is set once nothing can be missed any more. Raises `CliError` 3.
    """
    arrivals: asyncio.Queue[Event | CliError] = asyncio.Queue()
    gone = unreachable(f"The broker at {address.where} went away.")
    async with connected(address) as connection:
        connection.close_callbacks.add(lambda *_: arrivals.put_nowait(gone))
        channel = await connection.channel(publisher_confirms=False)
        await channel.set_qos(prefetch_count=_PREFETCH)
        await _consume(channel, address, offset, arrivals)
        if listening is not None:
            listening.set()
        while not isinstance(arrival := await arrivals.get(), CliError):
            yield arrival
        raise arrival


async def _consume(
    channel: AbstractChannel, address: Address, offset: Offset, arrivals: asyncio.Queue[Event | CliError]
) -> None:
    async def keep(message: AbstractIncomingMessage) -> None:
        await message.ack()
        if event := read_event(message.body):
            arrivals.put_nowait(event)

    queue = await channel.get_queue(HISTORY, ensure=False)
    try:
        await queue.consume(keep, arguments={"x-stream-offset": offset})
    except ChannelNotFoundEntity:
        raise unreachable(f"There is no {HISTORY} on this broker.") from None
    except AMQPError:
        raise unreachable(f"{address.account} may not read {HISTORY}; accounts that see all events may.") from None


def read_event(body: bytes) -> Event | None:
    """An event, or None for what is none: a reader never falls over."""
    try:
        envelope = json.loads(body)
    except ValueError:
        return None
    return Event(envelope) if isinstance(envelope, dict) and "type" in envelope else None
