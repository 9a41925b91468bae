"""What was committed is published at least once, each subject in the order of its sequence; on a real broker."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage
from pymongo.errors import AutoReconnect
from structlog.testing import capture_logs

from deploy.local.world import World
from shared.contracts.envelope import NO_CAUSE
from shared.kernel import mongo as mongo_module
from shared.kernel import outbox as outboxes
from shared.kernel.codec import Outgoing
from shared.kernel.outbox import Outbox, Publisher, Relay
from shared.kernel.unit_of_work import GoneError
from tests.shared.kernel.toy import ADMINISTRATOR, MEDAN, NOW, Account, Toy, changed, delivery, transfer
from tests.support import until

pytestmark = pytest.mark.servers


def told(toy: Toy, account_id: str, sequence: int) -> Outgoing:
    """The event of one sequence of one account."""
    return toy.codec.write(changed(Account(account_id=account_id, balance=0, sequence=sequence)), NO_CAUSE, NOW)


async def commit(toy: Toy, outgoing: Sequence[Outgoing], outbox: Outbox | None = None) -> Sequence[Outgoing]:
    """As a unit of work would."""
    async with toy.mongo.transaction() as session:
        await (outbox or toy.outbox).insert(outgoing, session)
    return outgoing


async def publisher(world: World, name: str = "toy@test/1") -> Publisher:
    made = Publisher(world.amqp_url, name)
    await made.connect()
    return made


@pytest.fixture
async def connected(world: World) -> AsyncIterator[Publisher]:
    made = await publisher(world)
    yield made
    await made.close()


@pytest.fixture
def relay(toy: Toy, connected: Publisher) -> Relay:
    return Relay(toy.outbox, connected)


class Reader:
    """A queue of its own, bound to events, and all that has arrived there in order."""

    def __init__(self) -> None:
        self.messages: list[AbstractIncomingMessage] = []

    @property
    def sequences(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for message in self.messages:
            event = json.loads(message.body)
            if "sequence" in event:  # a reply has none
                found[event["subject"]].append(int(event["sequence"]))
        return found

    async def gets(self, number: int) -> list[AbstractIncomingMessage]:
        await until(lambda: len(self.messages) >= number, what=f"{number} messages")
        return self.messages


@pytest.fixture
async def channel(world: World) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
    connection = await aio_pika.connect(world.amqp_url)
    yield await connection.channel()
    await connection.close()


@pytest.fixture
async def reader(channel: aio_pika.abc.AbstractChannel) -> Reader:
    reader, queue = Reader(), await channel.declare_queue(exclusive=True)
    for exchange in ("binaan.events", "binaan.contacts", "binaan.replies"):
        await queue.bind(exchange, "#")

    async def keep(message: AbstractIncomingMessage) -> None:
        reader.messages.append(message)

    await queue.consume(keep, no_ack=True)
    return reader


@asynccontextmanager
async def obstacle(channel: aio_pika.abc.AbstractChannel, key: str) -> AsyncIterator[None]:
    """A queue that takes nothing: whatever has this key is not confirmed for as long as the context lasts."""
    full: dict[str, Any] = {"x-max-length": 0, "x-overflow": "reject-publish"}
    queue = await channel.declare_queue(exclusive=True, arguments=full)
    await queue.bind("binaan.events", key)
    try:
        yield
    finally:
        await queue.delete(if_empty=False)


def stopping(toy: Toy, account_id: str) -> Callable[[int], Outgoing]:
    """The events of an account in a place of its own, so that its key can be obstructed alone."""

    def make(sequence: int) -> Outgoing:
        fact = changed(Account(account_id=account_id, balance=0, sequence=sequence))
        moved = type(fact)(fact.type, fact.subject, "14.03", fact.sequence, fact.data)
        return toy.codec.write(moved, NO_CAUSE, NOW)

    return make


# --- order and confirms -----------------------------------------------------------------------------------------------


async def test_thousands_of_events_arrive_in_the_order_of_each_subject(toy: Toy, relay: Relay, reader: Reader) -> None:
    """In normal running a subject's events arrive in order, once, and are forgotten when they are confirmed."""
    sequences = dict.fromkeys((f"a-{number}" for number in range(30)), 0)
    for batch in range(30):
        outgoing = []
        for position in range(100):
            name = f"a-{(position * 7 + batch) % 30}"
            sequences[name] += 1
            outgoing.append(told(toy, name, sequences[name]))
        await relay.send(await commit(toy, outgoing))
    await reader.gets(3000)
    assert reader.sequences == {name: list(range(1, last + 1)) for name, last in sequences.items()}
    assert await toy.count("outbox") == 0


async def test_messages_are_persistent_and_carry_what_routers_need(toy: Toy, relay: Relay, reader: Reader) -> None:
    """The AMQP properties repeat the envelope; a transient message would be lost with the broker."""
    outgoing = await toy.process(
        delivery("toy.account.open", {"account_id": "a"}, "m-1", traceparent=f"00-{'a' * 32}-{'b' * 16}-01")
    )
    before = datetime.now(UTC).replace(microsecond=0)
    await relay.send(outgoing)
    event, reply = sorted(await reader.gets(2), key=lambda one: one.exchange or "")
    for message, exchange, key, region in (
        (event, "binaan.events", "toy.account.changed.12.71", "12.71"),
        (reply, "binaan.replies", f"{MEDAN}.accepted", "00"),
    ):
        envelope = json.loads(message.body)
        assert (message.exchange, message.routing_key, message.headers["region"]) == (exchange, key, region)
        assert message.content_type == "application/cloudevents+json"
        assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
        assert (message.message_id, message.type) == (envelope["id"], envelope["type"])
        assert message.correlation_id == "m-1"
        assert message.reply_to is None
        assert message.app_id
        assert message.timestamp is not None
        assert message.timestamp == datetime.fromisoformat(envelope["time"]).replace(microsecond=0)
        assert message.timestamp <= before
    told_event = json.loads(event.body)
    assert told_event["traceparent"] == f"00-{'a' * 32}-{'b' * 16}-01"
    assert (told_event["partitionkey"], told_event["region"], told_event["sequence"]) == ("a", "12.71", f"{1:020d}")


# --- an obstacle ------------------------------------------------------------------------------------------------------


async def test_a_subject_stops_at_a_negative_confirm_while_others_go(
    toy: Toy, relay: Relay, reader: Reader, channel: aio_pika.abc.AbstractChannel
) -> None:
    """And goes on in order when the obstacle is gone; what had slipped through behind it is told again after it."""
    stopped = stopping(toy, "stopped")
    outgoing = [one for number in range(1, 201) for one in (told(toy, "free", number), stopped(number))]
    async with obstacle(channel, "toy.account.changed.14.03"):
        with capture_logs() as said:
            await relay.send(await commit(toy, outgoing))
        assert {one["subject"] for one in await toy.raw("outbox")} == {"stopped"}
        assert await toy.count("outbox") == 200
        await until(lambda: len(reader.sequences["free"]) == 200)
        await relay.sweep()
        assert await toy.count("outbox") == 200
    while await toy.count("outbox"):
        await relay.sweep()
    await until(lambda: reader.sequences["stopped"][-200:] == list(range(1, 201)))
    assert reader.sequences["free"] == list(range(1, 201))
    assert said == []


class Watched(Publisher):
    """Knows what it has tried to publish, window by window."""

    def __init__(self, amqp_url: str) -> None:
        super().__init__(amqp_url, "toy@test/watched")
        self.windows: list[set[str]] = []

    async def _window(self, window: Sequence[Outgoing]) -> list[BaseException | None]:
        self.windows.append({one.subject for one in window})
        return await super()._window(window)


async def test_a_stopped_subject_is_not_tried_again_in_the_windows_that_follow(
    toy: Toy, world: World, channel: aio_pika.abc.AbstractChannel
) -> None:
    """Else a younger event could get through in the moment in which the obstacle goes."""
    watched, stopped = Watched(world.amqp_url), stopping(toy, "stopped")
    await watched.connect()
    outgoing = [one for number in range(1, 201) for one in (told(toy, "free", number), stopped(number))]
    try:
        async with obstacle(channel, "toy.account.changed.14.03"):
            confirmed = await watched.publish(outgoing)
    finally:
        await watched.close()
    assert confirmed == [one.id for one in outgoing if one.subject == "free"]
    assert watched.windows[0] == {"free", "stopped"}
    assert all(window == {"free"} for window in watched.windows[1:])
    assert len(watched.windows) == 7


async def test_a_younger_event_waits_for_the_older_one_that_was_not_confirmed(
    toy: Toy, relay: Relay, reader: Reader, channel: aio_pika.abc.AbstractChannel
) -> None:
    """Also when other subjects have been published in between: a publisher sends what is older first."""
    stopped = stopping(toy, "stopped")
    async with obstacle(channel, "toy.account.changed.14.03"):
        await relay.send(await commit(toy, [stopped(1)]))
        await relay.send(await commit(toy, [told(toy, "free", 1)]))
        reader.messages.clear()
    await relay.send(await commit(toy, [told(toy, "free", 2)]))
    await relay.send(await commit(toy, [stopped(2)]))
    await until(lambda: reader.sequences["stopped"] == [1, 2])
    assert await toy.count("outbox") == 0


async def test_what_another_process_has_left_unsent_goes_first(toy: Toy, relay: Relay, reader: Reader) -> None:
    """It died between its commit and its publish; the thing is changed again before the sweeper comes by."""
    dead = Outbox(toy.mongo, toy.keyring, writer="toy@test/dead")
    await commit(toy, [told(toy, "a", 1), told(toy, "a", 2), told(toy, "b", 1)], dead)
    third = await commit(toy, [told(toy, "a", 3)])
    await relay.send([*await toy.outbox.left_by_others(third), *third])
    await reader.gets(3)
    assert reader.sequences == {"a": [1, 2, 3]}
    assert {one["subject"] for one in await toy.raw("outbox")} == {"b"}


async def test_after_a_commit_without_an_answer_what_is_older_goes_first(
    toy: Toy, relay: Relay, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server committed, the answer was lost, and the thing is changed again before the sweeper comes by."""
    opened = [delivery("toy.account.open", {"account_id": one, "balance": 9}, f"m-{one}") for one in ("a", "b")]
    await relay.send(await toy.process(*opened))
    committed = mongo_module._commit

    async def lost(session: Any) -> None:
        await committed(session)
        raise AutoReconnect

    monkeypatch.setattr(mongo_module, "_commit", lost)
    with pytest.raises(GoneError):
        await toy.process(transfer("a", "b", 5, "m-1"))
    monkeypatch.undo()
    await relay.send(await toy.process(transfer("b", "a", 7, "m-2")))
    await reader.gets(9)
    assert reader.sequences == {"a": [1, 2, 3], "b": [1, 2, 3]}


async def test_what_a_cancelled_worker_has_committed_goes_first(toy: Toy, relay: Relay, reader: Reader) -> None:
    """It was to be sent directly, and then was not: no later event of the same thing overtakes it, and the sweeper
    no longer waits for who will not come."""
    first = await commit(toy, [told(toy, "a", 1), told(toy, "b", 1)])
    relay.expect(first)
    relay.forget(first)
    await relay.send(await commit(toy, [told(toy, "a", 2)]))
    await reader.gets(2)
    assert reader.sequences == {"a": [1, 2]}
    while await toy.count("outbox"):
        await relay.sweep()
    assert reader.sequences == {"a": [1, 2], "b": [1]}


# --- the sweeper ------------------------------------------------------------------------------------------------------


async def test_the_sweeper_sends_exactly_what_is_left_in_order(toy: Toy, relay: Relay, reader: Reader) -> None:
    """What it sees for the second time nobody is at work on; what is confirmed it does not send again."""
    await relay.send(await commit(toy, [told(toy, "sent", number) for number in range(1, 51)]))
    await commit(toy, [told(toy, f"left-{number % 5}", number // 5 + 1) for number in range(100)])
    assert await relay.sweep() is False
    await commit(toy, [told(toy, "young", 1)])
    assert await relay.sweep() is True
    await reader.gets(150)
    assert {one["subject"] for one in await toy.raw("outbox")} == {"young"}
    await relay.sweep()
    await reader.gets(151)
    assert await toy.count("outbox") == 0
    assert await relay.sweep() is False
    assert reader.sequences == {
        "sent": list(range(1, 51)),
        **{f"left-{number}": list(range(1, 21)) for number in range(5)},
        "young": [1],
    }


async def test_the_sweeper_leaves_alone_what_will_be_sent_directly(toy: Toy, relay: Relay, reader: Reader) -> None:
    """Committed batches may wait for their turn longer than the sweeper does; it must not send them a second time."""
    waiting = await commit(toy, [told(toy, "a", 1), told(toy, "a", 2)])
    relay.expect(waiting)
    assert [await relay.sweep() for _ in range(3)] == [False, False, False]
    await relay.send(waiting)
    await reader.gets(2)
    assert reader.sequences == {"a": [1, 2]}
    assert await toy.count("outbox") == 0


async def test_the_sweeper_alone_is_enough(toy: Toy, relay: Relay, reader: Reader) -> None:
    """The direct publish after a commit is only for speed: events, replies and all."""
    for number in range(40):
        await toy.process(delivery("toy.account.open", {"account_id": f"a-{number}"}, f"m-{number}"))
    while await toy.count("outbox"):
        await relay.sweep()
    messages = await reader.gets(80)
    assert len({message.message_id for message in messages}) == len(messages) == 80


async def test_a_stopped_subject_does_not_make_the_sweeper_run_in_circles(
    toy: Toy, relay: Relay, channel: aio_pika.abc.AbstractChannel
) -> None:
    """Nothing was confirmed, so there is no reason to try again at once."""
    await commit(toy, [stopping(toy, "stopped")(1)])
    async with obstacle(channel, "toy.account.changed.14.03"):
        assert [await relay.sweep() for _ in range(4)] == [False] * 4
    assert await relay.sweep() is True


async def test_many_stopped_entries_do_not_keep_the_sweeper_from_others(
    toy: Toy, relay: Relay, reader: Reader, channel: aio_pika.abc.AbstractChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes through the whole outbox, page by page, before it begins again."""
    monkeypatch.setattr(outboxes, "_SWEEP", 10)
    first, last = stopping(toy, "aaa"), stopping(toy, "zzz")
    free = [told(toy, f"m-{number}", sequence) for number in range(7) for sequence in (1, 2, 3)]
    await commit(toy, [*(one(number) for number in range(1, 26) for one in (first, last)), *free])
    async with obstacle(channel, "toy.account.changed.14.03"):
        for _ in range(5 * 4):  # passes, each of four pages
            await relay.sweep()
        assert {one["subject"] for one in await toy.raw("outbox")} == {"aaa", "zzz"}
        assert {name: reader.sequences[name] for name in reader.sequences if name[0] == "m"} == {
            f"m-{number}": [1, 2, 3] for number in range(7)
        }
    while await toy.count("outbox"):
        await relay.sweep()
    for name in ("aaa", "zzz"):
        await until(lambda name=name: reader.sequences[name][-25:] == list(range(1, 26)))  # type: ignore[misc]


# --- a broker that goes -----------------------------------------------------------------------------------------------


async def cut(world: World, name: str) -> None:
    """End a connection from the broker's side, as a restart or a network would."""

    def connections() -> list[str]:
        with world.management() as management:
            found = management.get("vhosts", world.vhost, "connections")
        return [
            one["name"]
            for one in found
            if one.get("client_properties", {}).get("connection_name") == f"{name} publisher"
        ]

    async def listed() -> list[str]:
        return await asyncio.to_thread(connections)

    for connection in await until(listed):
        with world.management() as management:
            management.delete("connections", connection)


async def test_a_connection_cut_in_the_middle_loses_nothing(toy: Toy, world: World, reader: Reader) -> None:
    """What was not confirmed is sent again by whoever comes first, the next commit or the sweeper, in order."""
    name = "toy@test/cut"
    cuttable = await publisher(world, name)
    relay, sequences = Relay(toy.outbox, cuttable), 0
    try:
        cutting = asyncio.create_task(cut(world, name))
        while sequences < 3000 or not cutting.done():
            outgoing = [told(toy, "a", sequences + number) for number in range(1, 101)]
            sequences += 100
            await relay.send(await commit(toy, outgoing))
        await cutting
        await until(lambda: cuttable.connected)
        while await toy.count("outbox"):
            await relay.sweep()
        await until(lambda: set(reader.sequences["a"]) == set(range(1, sequences + 1)))
    finally:
        await cuttable.close()
    assert_in_order_but_for_repetitions(reader.sequences["a"])
    ids = {message.message_id for message in reader.messages}
    assert len(ids) == sequences


def assert_in_order_but_for_repetitions(sequences: Sequence[int]) -> None:
    """What is new is always the next one; what is old was told before."""
    newest = 0
    for sequence in sequences:
        assert sequence <= newest + 1
        newest = max(newest, sequence)


async def test_without_a_broker_sending_and_sweeping_fail_quietly(toy: Toy, world: World, reader: Reader) -> None:
    """That the broker is gone is said elsewhere, once; here nothing may raise, and nothing is forgotten."""
    never = Publisher(world.amqp_url, "toy@test/never")
    relay = Relay(toy.outbox, never)
    await relay.send(await commit(toy, [told(toy, "a", 1)]))
    assert [await relay.sweep() for _ in range(3)] == [False, False, False]
    assert await toy.count("outbox") == 1
    await never.connect()
    try:
        assert await relay.sweep() is True
        await reader.gets(1)
    finally:
        await never.close()


async def test_an_id_of_128_characters_fits_into_the_properties(toy: Toy, relay: Relay, reader: Reader) -> None:
    """128 characters may be 512 bytes; an AMQP property holds 255, and a publish that cannot be encoded never ends."""
    id_ = "é" * 128
    outgoing = await toy.process(delivery("toy.account.open", {"account_id": "a"}, id_))
    await relay.send(outgoing)
    reply = next(one for one in await reader.gets(2) if one.exchange == "binaan.replies")
    assert json.loads(reply.body)["data"]["intake_id"] == id_
    assert reply.correlation_id is not None
    assert id_.startswith(reply.correlation_id)


async def test_a_failed_publish_names_the_kind_of_error_only(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text of an error may hold what was being published."""

    class Broken:
        async def publish(self, _: Any) -> list[str]:
            raise ValueError(ADMINISTRATOR)

    relay = Relay(toy.outbox, cast(Publisher, Broken()))
    with capture_logs() as said:
        await relay.send(await commit(toy, [told(toy, "a", 1)]))
    assert [line["error"] for line in said] == ["ValueError"]
    assert ADMINISTRATOR not in str(said)
