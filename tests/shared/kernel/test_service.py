"""A whole service around the toy domain, on real servers: what FastStream and strangers do to it if they are let."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from faststream.rabbit import RabbitBroker
from pamqp.commands import Basic

from deploy.local.world import World
from shared.contracts.envelope import CONTENT_TYPE
from shared.kernel import consumer as consumers
from shared.kernel.consumer import PREFETCH
from tests.shared.kernel.shop import Shop, answered, new_keys, provide, put
from tests.shared.kernel.toy import MEDAN, SERVICE
from tests.support import PROJECT, Party, until

pytestmark = pytest.mark.servers

QUEUE = f"{SERVICE}.intake"


@pytest.fixture(scope="module")
def queue(world: World) -> None:
    provide(world, "intake")


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_keys(tmp_path_factory.mktemp("toy") / "keys.json")


@pytest.fixture
async def idle(world: World, queue: None, key_file: Path) -> AsyncIterator[Shop]:
    """A service that has not been started yet."""
    shop = Shop(world, key_file)
    yield shop
    if shop.service.health.working:
        await shop.service.stop()
    with world.management() as management:
        management.delete("queues", world.vhost, QUEUE, "contents")


@pytest.fixture
async def shop(idle: Shop) -> Shop:
    await idle.service.start()
    return idle


@pytest.fixture
async def medan(world: World) -> AsyncIterator[Party]:
    async with Party(world, MEDAN) as party:
        yield party


async def put_many(party: Party, number: int) -> list[str]:
    return [id_ for start in range(0, number, 100) for id_ in await _hundred(party, start, number)]


async def _hundred(party: Party, start: int, number: int) -> list[str]:
    return await asyncio.gather(*(put(party, one) for one in range(start, min(start + 100, number))))


# --- FastStream's traps -----------------------------------------------------------------------------------------------


async def test_messages_are_decided_in_the_order_in_which_they_were_sent(shop: Shop, medan: Party) -> None:
    """A handler with anything but the body is entered out of order; the parser hook is not."""
    ids = await put_many(medan, 1200)
    await answered(medan, ids)
    assert list(shop.behaviour.decided) == ids
    assert set(shop.behaviour.decided.values()) == {1}
    assert {len(medan.replies[id_]) for id_ in ids} == {1}


async def test_prefetch_is_really_limited_while_a_batch_is_stuck(
    shop: Shop, medan: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FastStream forgets a subscriber's own channel when its queue was declared before, and prefetch with it."""
    go, process = asyncio.Event(), shop.service._unit_of_work.process

    async def wait(*given: Any) -> Any:
        await go.wait()
        return await process(*given)

    monkeypatch.setattr(shop.service._unit_of_work, "process", wait)
    ids = await put_many(medan, PREFETCH + 300)
    await until(lambda: shop.arrived >= PREFETCH)

    async def consuming() -> list[dict[str, Any]]:
        return [one for one in await shop.about("consumers", shop.world.vhost) if one["queue"]["name"] == QUEUE]

    (consumer,) = await until(consuming, what="statistics of the consumer")
    assert (consumer["prefetch_count"], consumer["ack_required"]) == (PREFETCH, True)
    assert shop.arrived == PREFETCH
    go.set()
    await answered(medan, ids)
    assert set(shop.behaviour.decided.values()) == {1}


async def test_what_arrives_before_the_subscriber_says_that_it_runs_is_taken(
    idle: Shop, medan: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FastStream ignores deliveries between ``basic.consume`` and the end of its start: they would never be settled."""
    ids = await put_many(medan, 50)
    consume: Any = aio_pika.RobustQueue.consume

    async def answer_late(self: Any, *args: Any, **kwargs: Any) -> Any:
        tag = await consume(self, *args, **kwargs)
        if self.name == QUEUE:
            await until(lambda: idle.arrived == len(ids), what="deliveries before the end of the start")
        return tag

    monkeypatch.setattr(aio_pika.RobustQueue, "consume", answer_late)
    await idle.service.start()
    await answered(medan, ids)


async def test_reply_to_is_ignored(shop: Shop, medan: Party) -> None:
    """Replies go to the account that the broker vouched for, never to an address that a stranger wrote."""
    connection = await aio_pika.connect(shop.world.amqp_url)
    try:
        channel = await connection.channel()
        bait = await channel.declare_queue("bait", exclusive=True)
        id_ = str(uuid.uuid4())
        body = medan.body("toy.thing.put", {"thing_id": "t"}, id_)
        await medan.publish("toy.thing.put", body, reply_to="bait", correlation_id="mine")
        reply = await medan.reply_to(id_)
        assert reply["correlationid"] == id_
        await answered(medan, await put_many(medan, 20))
        assert await bait.get(fail=False) is None
    finally:
        await connection.close()


async def test_publishing_and_consuming_have_connections_of_their_own_and_confirms_where_they_count(
    shop: Shop, medan: Party
) -> None:
    """RabbitMQ throttles a connection that publishes; acknowledgements must not wait behind that."""
    await answered(medan, await put_many(medan, 20))

    async def channels() -> list[dict[str, Any]]:
        # The broker shows what was published, and even whose a channel is, some seconds later.
        found: list[dict[str, Any]] = await shop.about("vhosts", shop.world.vhost, "channels")
        ours = [one for one in found if one["connection_details"] and one["user"] == "binaan"]
        seen = any(published(one) >= 20 for one in ours) and any(one["prefetch_count"] for one in ours)
        return ours if seen else []

    ours = await until(channels, what="statistics of both channels")
    publishing = {one["connection_details"]["name"] for one in ours if published(one)}
    consuming = {one["connection_details"]["name"] for one in ours if one["prefetch_count"] == PREFETCH}
    assert (len(publishing), len(consuming)) == (1, 1)
    assert publishing.isdisjoint(consuming)
    confirming = {one["connection_details"]["name"] for one in ours if one["confirm"]}
    assert publishing <= confirming


def published(channel: dict[str, Any]) -> int:
    return int(channel.get("message_stats", {}).get("publish", 0))


# --- properties that a stranger wrote ---------------------------------------------------------------------------------


class Raw(Basic.Properties):
    """Properties as no library would write them: in what was encoded, bytes are put in the place of others."""

    swaps: tuple[tuple[bytes, bytes], ...] = ()

    def marshal(self) -> bytes:
        encoded: bytes = super().marshal()
        for before, after in self.swaps:
            assert len(before) == len(after)
            assert before in encoded
            encoded = encoded.replace(before, after)
        return encoded


MARK, LATIN = b"@@@@@@@@", b"caf\xe9\xff\xfe\xfd\xfc"
INSTANT = datetime(2001, 2, 3, tzinfo=UTC)
ENCODED_INSTANT = int(INSTANT.timestamp()).to_bytes(8, "big")
Change = Callable[[Raw], None]


def text_in(name: str) -> Change:
    def change(properties: Raw) -> None:
        setattr(properties, name, MARK.decode())
        properties.swaps = ((MARK, LATIN),)

    return change


def instant_of(value: int) -> Change:
    def change(properties: Raw) -> None:
        properties.timestamp = INSTANT
        properties.swaps = ((ENCODED_INSTANT, value.to_bytes(8, "big")),)

    return change


def headers(**values: Any) -> Change:
    def change(properties: Raw) -> None:
        properties.headers = values
        encoded = Basic.Properties(headers=values).marshal()
        properties.swaps = tuple(
            (mark, raw) for mark, raw in ((MARK, LATIN), (ENCODED_INSTANT, b"\xff" * 8)) if mark in encoded
        )

    return change


def nested(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = {}
    for _ in range(depth):
        inner = {"a": inner}
    return inner


def number_in(name: str, value: int) -> Change:
    return lambda properties: setattr(properties, name, value)


STRANGE: dict[str, Change] = {
    **{
        f"text that is not UTF-8 in {name}": text_in(name)
        for name in ("message_id", "correlation_id", "content_encoding", "message_type", "app_id", "reply_to")
    },
    "milliseconds for seconds": instant_of(1_767_600_000_000),
    "nanoseconds for seconds": instant_of(1_767_600_000_000_000_000),
    "the greatest instant": instant_of(2**64 - 1),
    "a header that is not UTF-8": headers(x=MARK.decode()),
    "a header's name that is not UTF-8": headers(**{MARK.decode(): "x"}),
    "an instant beyond the calendar in a header": headers(x=INSTANT),
    "deep headers": headers(x=nested(400)),
    "priority 255": number_in("priority", 255),
}


@pytest.mark.parametrize("change", STRANGE.values(), ids=list(STRANGE))
async def test_no_property_that_the_broker_lets_through_stops_the_queue(
    shop: Shop, medan: Party, change: Change
) -> None:
    """The decoder of the AMQP library raises for some: the connection would end, and begin again with the same message.
    The message itself is in order, so it is handled; what follows it is handled too, and nothing stays unacknowledged.
    """
    id_ = str(uuid.uuid4())
    properties = Raw(content_type=CONTENT_TYPE, user_id=MEDAN, delivery_mode=2, message_id=id_)
    change(properties)
    body = medan.body("toy.thing.put", {"thing_id": "t"}, id_)
    channel: Any = await medan._channel.get_underlay_channel()
    await channel.basic_publish(body, exchange="binaan.intake", routing_key="toy.thing.put", properties=properties)
    following = await put_many(medan, 3)
    await answered(medan, [id_, *following])
    assert json.loads(medan.replies[id_][0])["type"] == "id.binaan.toy.reply.accepted.v1"
    assert shop.arrived == 0
    await shop.service.stop()
    assert await left_in_queue(shop) == 0


async def left_in_queue(shop: Shop) -> int:
    connection = await aio_pika.connect(shop.world.amqp_url)
    try:
        channel = await connection.channel()
        queue = await channel.declare_queue(QUEUE, passive=True)
        return queue.declaration_result.message_count or 0
    finally:
        await connection.close()


# --- life -------------------------------------------------------------------------------------------------------------


async def test_a_stop_in_the_middle_finishes_what_it_holds_and_leaves_the_rest(shop: Shop, medan: Party) -> None:
    """Nothing half done: what was taken is answered and published, what was not is in the queue for the next one."""
    sending = asyncio.create_task(put_many(medan, 2000))
    await until(lambda: sum(shop.behaviour.decided.values()) >= 300)
    await shop.service.stop()
    ids = await sending
    left = await until(lambda: left_in_queue(shop))
    decided = len(shop.behaviour.decided)
    assert left == len(ids) - decided
    await until(lambda: sum(1 for id_ in ids if medan.replies[id_]) == decided)
    assert set(shop.behaviour.decided.values()) == {1}


async def test_a_held_message_is_tried_again_by_the_service_itself(shop: Shop, medan: Party) -> None:
    """The worker looks every second, and the reply goes the way of all replies."""
    shop.behaviour.broken.add("bad")
    first = await put(medan, 1, thing_id="bad")
    second = await put(medan, 2, thing_id="bad")
    await answered(medan, [await put(medan, 3)])
    await until(lambda: shop.behaviour.decided[first] >= 2, what="a second try")
    assert not medan.replies[first]
    shop.behaviour.broken.clear()
    await answered(medan, [first, second])
    assert shop.behaviour.decided[second] == 1
    assert json.loads(medan.replies[second][0])["data"]["result"]["times"] == 2
    assert await shop.database("held") == 0


async def test_a_replica_that_starts_again_under_the_same_name_is_another_writer(
    idle: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a container the host and the process id are the same again; what the one before left unsent is not its own."""
    again = Shop(idle.world, idle.service.settings.key_file)
    assert again.service._instance == idle.service._instance
    assert again.service._outbox._writer != idle.service._outbox._writer


async def test_the_subscriber_is_as_the_platform_demands(idle: Shop) -> None:
    """Manual acknowledgements, no reply by FastStream, its queue not declared, and a channel that is its own."""
    broker = RabbitBroker(idle.world.amqp_url, logger=None)
    idle.consumer.attach(broker)
    (subscriber,) = broker.subscribers
    assert subscriber.running
    assert subscriber.channel.prefetch_count == consumers.PREFETCH  # type: ignore[attr-defined]
    assert not subscriber.queue.declare  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("given", "missing"),
    [({}, "BINAAN_AMQP_URL"), ({"AMQP_URL": "amqp://x", "MONGO_URL": "mongodb://x"}, "BINAAN_KEY_FILE")],
)
def test_what_is_missing_in_the_environment_is_named_and_ends_with_78(given: dict[str, str], missing: str) -> None:
    """Whoever starts it wrongly reads which variable it is, not a traceback with what was given."""
    environment = {"PATH": os.environ["PATH"], **{f"BINAAN_{name}": value for name, value in given.items()}}
    command = [sys.executable, "-m", "services.registry"]
    ended = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    (line,) = ended.stderr.splitlines()
    assert ended.returncode == 78
    assert missing in json.loads(line)["reason"]
    assert "://x" not in line
