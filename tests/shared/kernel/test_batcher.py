"""Messages leave in the order of delivery, and nothing is acknowledged before all that came before it is settled."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from aio_pika.abc import AbstractIncomingMessage
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.envelope import MAX_MESSAGE_BYTES
from shared.kernel.batcher import MAX_BYTES, MAX_MESSAGES, Arrival, Batcher


@dataclass(eq=False)
class Channel:
    """What of a channel the batcher looks at, and what the broker was told on it."""

    is_closed: bool = False
    acknowledged: list[int] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)


@dataclass(eq=False)
class Delivered:
    """A delivery; the point here is arithmetic on its tag."""

    channel: Channel
    delivery_tag: int | None
    body: bytes = b"{}"

    async def ack(self, multiple: bool = False) -> None:
        if self.channel.is_closed:
            raise ConnectionError
        assert multiple
        self.channel.acknowledged.append(cast(int, self.delivery_tag))

    async def nack(self, multiple: bool = False, requeue: bool = True) -> None:
        if self.channel.is_closed:
            raise ConnectionError
        assert requeue
        assert not multiple
        self.channel.returned.append(cast(int, self.delivery_tag))


def arrive(batcher: Batcher, channel: Channel, *tags: int, body: bytes = b"{}") -> list[Arrival]:
    return [batcher.arrive(cast(AbstractIncomingMessage, Delivered(channel, tag, body))) for tag in tags]


def tags(batch: Sequence[Arrival]) -> list[int]:
    return [arrival.tag for arrival in batch]


async def test_what_has_gathered_leaves_in_order_as_one_batch() -> None:
    """A batch is whatever gathered while the one before was being committed."""
    batcher, channel = Batcher(), Channel()
    arrive(batcher, channel, 1, 2, 3)
    assert tags(await batcher.next()) == [1, 2, 3]
    assert len(batcher) == 0


async def test_an_idle_batcher_waits_and_a_single_message_waits_for_nobody() -> None:
    """No time limit gathers: the first arrival is a batch."""
    batcher, channel = Batcher(), Channel()
    waiting = asyncio.create_task(batcher.next())
    await asyncio.sleep(0)
    assert not waiting.done()
    arrive(batcher, channel, 1)
    assert tags(await waiting) == [1]


async def test_a_batch_is_closed_at_its_number_of_messages() -> None:
    """256 messages; the rest is the next batch, in order."""
    batcher, channel = Batcher(), Channel()
    arrive(batcher, channel, *range(1, MAX_MESSAGES + 11))
    assert tags(await batcher.next()) == list(range(1, MAX_MESSAGES + 1))
    assert tags(await batcher.next()) == list(range(MAX_MESSAGES + 1, MAX_MESSAGES + 11))


async def test_a_batch_is_closed_at_its_number_of_bytes() -> None:
    """4 MiB: messages of the largest size allowed, four of which fill a batch."""
    batcher, channel = Batcher(), Channel()
    arrive(batcher, channel, 1, 2, 3, 4, 5, body=b"x" * (MAX_BYTES // 4))
    assert [tags(await batcher.next()) for _ in range(2)] == [[1, 2, 3, 4], [5]]


async def test_of_a_body_that_is_too_large_no_more_is_held_than_shows_it() -> None:
    """The broker hands over five hundred at once; fifteen MiB of each would be the end of the process."""
    batcher, channel = Batcher(), Channel()
    arrive(batcher, channel, 1, body=b"x" * (MAX_BYTES * 3))
    (arrival,) = await batcher.next()
    assert arrival.size == MAX_MESSAGE_BYTES + 1


async def test_many_are_acknowledged_with_one() -> None:
    """One ``multiple`` acknowledgement for a batch, and every handler that stands for it goes on."""
    batcher, channel = Batcher(), Channel()
    arrivals = arrive(batcher, channel, 1, 2, 3)
    await batcher.settle(await batcher.next())
    assert channel.acknowledged == [3]
    assert all(arrival.settled.done() for arrival in arrivals)


async def test_a_hole_at_the_start_holds_back_the_acknowledgement() -> None:
    """Tag 1 never reached us: settling 2 and 3 with ``multiple`` would settle it unseen, and lose it."""
    batcher, channel = Batcher(), Channel()
    late = arrive(batcher, channel, 2, 3)
    await batcher.settle(late)
    assert channel.acknowledged == []
    assert all(arrival.settled.done() for arrival in late)
    await batcher.settle(arrive(batcher, channel, 1))
    assert channel.acknowledged == [3]


@given(st.data())
async def test_never_beyond_what_is_settled_and_never_behind_in_the_end(data: st.DataObject) -> None:
    """Whatever the order in which pieces are settled: every acknowledgement covers settled tags only, each once."""
    number = data.draw(st.integers(1, 30))
    batcher, channel = Batcher(), Channel()
    waiting = data.draw(st.permutations(arrive(batcher, channel, *range(1, number + 1))))
    settled: set[int] = set()
    while waiting:
        size = data.draw(st.integers(1, len(waiting)))
        piece, waiting = waiting[:size], waiting[size:]
        before = list(channel.acknowledged)
        settled |= set(tags(piece))
        await batcher.settle(piece)
        for tag in channel.acknowledged[len(before) :]:
            assert set(range(1, tag + 1)) <= settled
    assert channel.acknowledged == sorted(set(channel.acknowledged))
    assert channel.acknowledged[-1] == number


async def test_a_replaced_channel_counts_anew() -> None:
    """After a reconnect tags start at 1 again, and the old channel's must not be mixed with them."""
    batcher, old, new = Batcher(), Channel(), Channel()
    arrive(batcher, old, 1, 2)
    before = await batcher.next()
    old.is_closed = True
    arrive(batcher, new, 1, 2, 3)
    await batcher.settle(before)
    await batcher.settle(await batcher.next())
    assert (old.acknowledged, new.acknowledged) == ([], [3])


async def test_a_batch_across_two_channels_keeps_the_order_of_arrival() -> None:
    """Sorting by tag would put the first of the new channel before the last of the old one."""
    batcher, old, new = Batcher(), Channel(), Channel()
    arrive(batcher, old, 7, 8)
    arrive(batcher, new, 1, 2)
    batch = await batcher.next()
    assert tags(batch) == [7, 8, 1, 2]
    await batcher.settle(batch)
    assert (old.acknowledged, new.acknowledged) == ([], [2])


async def test_closed_channels_are_forgotten() -> None:
    """A process that reconnects for months must not keep every channel it ever had."""
    batcher = Batcher()
    for _ in range(50):
        channel = Channel()
        await batcher.settle(arrive(batcher, channel, 1))
        channel.is_closed = True
    assert len(batcher._watermarks) <= 2


async def test_an_acknowledgement_that_failed_is_made_good_by_the_next_one() -> None:
    """A broken acknowledgement must not be counted as told."""
    batcher, channel = Batcher(), Channel()
    first, second = arrive(batcher, channel, 1, 2)
    channel.is_closed = True
    await batcher.settle([first])
    channel.is_closed = False
    await batcher.settle([second])
    assert channel.acknowledged == [2]


async def test_what_is_given_back_goes_back_whole_and_is_forgotten() -> None:
    """What is held and what still waits: all of it, each once, and every handler ends."""
    batcher, channel = Batcher(), Channel()
    arrivals = arrive(batcher, channel, 1, 2)
    inflight = await batcher.next()
    arrivals += arrive(batcher, channel, 3)
    await batcher.give_back(inflight)
    assert sorted(channel.returned) == [1, 2, 3]
    assert len(batcher) == 0
    assert all(arrival.settled.done() for arrival in arrivals)


async def test_giving_back_to_a_channel_that_is_gone_is_no_error() -> None:
    """The broker has them back already."""
    batcher, channel = Batcher(), Channel(is_closed=True)
    arrivals: list[Any] = arrive(batcher, channel, 1, 2)
    await batcher.give_back([])
    assert all(arrival.settled.done() for arrival in arrivals)
