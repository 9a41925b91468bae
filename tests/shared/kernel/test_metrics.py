"""What a service counts, on real servers: exact numbers, a bound for the number of series, and nothing personal."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aio_pika
import pytest

from deploy.local.world import World
from shared.contracts.catalogue import TYPES
from shared.contracts.envelope import CONTENT_TYPE
from shared.kernel import metrics as counting
from shared.kernel import topology
from shared.kernel.metrics import OUTCOMES, Metrics
from shared.kernel.routes import Run, Worker
from tests.shared.kernel.shop import Shop, answered, bind, new_keys, open_shop, provide, put, unbind
from tests.shared.kernel.toy import MEDAN
from tests.support import Party, Scraped, until

pytestmark = pytest.mark.servers

QUEUE = "toy.intake"
NIK, PHONE, NAME, OWN_ID = "1271994107900001", "081200001234", "Victor Harahap", "berkas-walikota-17"


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_keys(tmp_path_factory.mktemp("toy") / "keys.json")


@pytest.fixture
async def shop(world: World, key_file: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    """Looks anew at every scrape."""
    monkeypatch.setattr(counting, "_FRESH_SECONDS", -1)
    async with open_shop(world, key_file) as made:
        yield made


@pytest.fixture
async def medan(world: World) -> AsyncIterator[Party]:
    async with Party(world, MEDAN) as party:
        yield party


async def outcomes(shop: Shop) -> dict[str, float]:
    return (await shop.metrics()).by("binaan_messages_total", "outcome", queue=QUEUE)


async def send_unknown(party: Party, number: int) -> list[str]:
    """Messages of as many types that nobody knows."""
    ids = [str(uuid.uuid4()) for _ in range(number)]
    for id_ in ids:
        key = f"toy.unknown.t{id_.replace('-', '')}"
        await party.publish(key, party.body(key, {}, id_), message_id=id_)
    return ids


# --- exact numbers ----------------------------------------------------------------------------------------------------


async def test_a_known_load_is_counted_exactly(shop: Shop, medan: Party) -> None:
    """Throughput that is only nearly right cannot be balanced against anything."""
    shop.behaviour.broken.add("bad")
    accepted = [await put(medan, number) for number in range(30)]
    refused = [await medan.send("toy.thing.put", {"thing_id": 5}, id_=str(uuid.uuid4())) for _ in range(7)]
    unknown = await send_unknown(medan, 4)
    held = [await put(medan, number, thing_id="bad") for number in range(3)]
    await answered(medan, [*accepted, *refused, *unknown])
    await medan.publish("toy.thing.put", medan.body("toy.thing.put", {"thing_id": "t-0", "value": 0}, accepted[0]))
    await medan.reply_to(accepted[0], count=2)
    await answered(medan, [await put(medan, 99)])

    async def all_there() -> bool:
        return sum((await outcomes(shop)).values()) == 46

    await until(all_there, what="all counted")
    found = await shop.metrics()
    assert found.by("binaan_messages_total", "outcome", queue=QUEUE) == {
        "accepted": 31,
        "rejected": 11,
        "held": 3,
        "repeated": 1,
    }
    assert found.get("binaan_batch_messages_sum", queue=QUEUE) == 46
    assert found.by("binaan_held_messages", "state") == {"retrying": 3, "unreadable": 4}
    decided = found.by("binaan_decide_seconds_count", "type")
    assert decided["unknown"] == 4
    assert decided["toy.thing.put"] >= 42
    assert (found.get("binaan_transaction_seconds_count") or 0) > 0
    shop.behaviour.broken.clear()
    await answered(medan, held)
    await until(lambda: settled(shop), what="nothing held, nothing unsent")
    found = await shop.metrics()
    assert found.by("binaan_messages_total", "outcome", queue="held")["accepted"] == 3
    assert found.by("binaan_published_total", "exchange") == {"binaan.replies": 31 + 11 + 1 + 3}
    assert (found.get("binaan_publish_seconds_count") or 0) > 0


async def settled(shop: Shop) -> bool:
    found = await shop.metrics()
    return found.get("binaan_held_messages", state="retrying") == 0 and found.get("binaan_outbox_entries") == 0


async def test_what_is_published_counts_by_its_exchange_and_answers_by_their_kind(shop: Shop, world: World) -> None:
    """Events reach the world, replies a single office; who asks a question is not told that something was accepted."""
    async with Party(world, "binaan") as administrator:
        await administrator.ask("toy.account.open", {"account_id": "a"})
        await administrator.ask("toy.held.request", {})
    await until(lambda: settled(shop))
    found = await shop.metrics()
    assert found.by("binaan_published_total", "exchange") == {"binaan.replies": 2, "binaan.events": 1}
    assert found.by("binaan_messages_total", "outcome", queue=QUEUE) == {"accepted": 1, "answered": 1}


async def test_everything_stands_at_0_before_it_happens_for_the_first_time(shop: Shop) -> None:
    """A counter that appears as 1 has not risen, for an alarm that looks at how much it has."""
    found = await shop.metrics()
    for outcome in OUTCOMES:
        assert found.get("binaan_messages_total", queue=QUEUE, outcome=outcome) == 0
    assert found.get("binaan_worker_failures_total", worker="sweeper") == 0
    assert found.get("binaan_redeliveries_total", queue=QUEUE) == 0
    assert found.by("binaan_dependency_up", "dependency") == {"mongodb": 1, "rabbitmq": 1}
    assert found.get("process_resident_memory_bytes")


async def test_two_services_in_one_process_count_for_themselves(
    shop: Shop, world: World, key_file: Path, medan: Party
) -> None:
    """A registry that belongs to the process would add them up, or refuse the second one."""
    other = Shop(world, key_file)
    await answered(medan, [await put(medan, 1)])
    await until(lambda: outcomes(shop))
    assert await outcomes(shop) == {"accepted": 1}
    assert await outcomes(other) == {}


async def test_a_worker_that_fails_is_counted(world: World, key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It tries again for ever and harms nobody, so only counting shows that something is not done."""

    async def fail(_: Run) -> bool:
        raise ValueError(NIK)

    monkeypatch.setattr(Shop, "workers", (Worker("failing", fail, every=0.01),))
    async with open_shop(world, key_file) as made:

        async def failed() -> bool:
            return ((await made.metrics()).get("binaan_worker_failures_total", worker="failing") or 0) >= 2

        await until(failed)


# --- redeliveries -----------------------------------------------------------------------------------------------------


async def test_redeliveries_are_counted_and_a_header_that_a_stranger_wrote_is_not_believed(
    world: World, key_file: Path, medan: Party
) -> None:
    """A crash loop shows as the same message coming again and again; a forged header must not ring that bell, and must
    not bring a number of its own choice into what is shown."""
    provide(world, "intake")
    forged: dict[str, Any] = {"x-delivery-count": int(PHONE), "x-acquired-count": int(PHONE)}
    ids = await send_with(medan, forged, 5)
    await take_and_crash(world, 5)
    async with open_shop(world, key_file) as shop:
        await answered(medan, [*ids, *await send_with(medan, forged, 3)])
        await until(lambda: counted(shop, 8))
        found = await shop.metrics()
    assert found.get("binaan_redeliveries_total", queue=QUEUE) == 5
    assert 1 <= (found.get("binaan_delivery_count", queue=QUEUE) or 0) <= 1000
    assert PHONE.lstrip("0") not in found.text


async def send_with(party: Party, headers: dict[str, Any], number: int) -> list[str]:
    ids = [str(uuid.uuid4()) for _ in range(number)]
    for id_ in ids:
        await party.publish("toy.thing.put", party.body("toy.thing.put", {"thing_id": id_}, id_), headers=headers)
    return ids


async def take_and_crash(world: World, number: int) -> None:
    """Hold so many deliveries, and die with them."""
    taken: list[Any] = []

    async def keep(message: Any) -> None:
        taken.append(message)

    connection = await aio_pika.connect(world.amqp_url)
    try:
        queue = await (await connection.channel()).get_queue(QUEUE, ensure=False)
        await queue.consume(keep)
        await until(lambda: len(taken) == number)
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 1),
        ({"x-delivery-count": 50}, 50),
        ({"x-delivery-count": 3, "x-acquired-count": 70}, 70),
        ({"x-delivery-count": 10**9}, 1000),
        ({"x-delivery-count": "50", "x-acquired-count": -4}, 1),
    ],
)
def test_the_highest_count_of_deliveries_is_what_the_broker_can_have_written(
    headers: dict[str, Any], expected: int
) -> None:
    """Before RabbitMQ 4 one header counts, from then on another; both have the queue's own limit."""
    made = Metrics([QUEUE])
    first = SimpleNamespace(redelivered=False, headers={"x-delivery-count": 900})
    made.arrived(QUEUE, [first, SimpleNamespace(redelivered=True, headers=headers)])  # type: ignore[list-item]
    assert made.peaks() == {QUEUE: expected}


def test_an_alarm_over_redeliveries_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """The highest number ever seen would ring until the next restart."""
    now = [1000.0]
    monkeypatch.setattr(counting, "time", SimpleNamespace(monotonic=lambda: now[0]))
    peak = counting._Peak()
    peak.saw(60)
    now[0] += 400
    assert peak.highest() == 60
    now[0] += 400
    assert peak.highest() == 0


# --- what a stranger cannot do ----------------------------------------------------------------------------------------


async def test_types_that_nobody_knows_make_no_series(shop: Shop, medan: Party) -> None:
    """Each series costs memory here and at the scraper; whoever may send could fill both."""
    await answered(medan, [*await send_unknown(medan, 1), await put(medan, 1)])
    before = (await shop.metrics()).series
    await answered(medan, await send_unknown(medan, 200))
    found = await shop.metrics()
    assert found.series == before
    assert found.get("binaan_messages_total", queue=QUEUE, outcome="rejected") == 201
    assert found.get("binaan_decide_seconds_count", type="unknown") == 201


async def test_nothing_that_was_sent_is_in_what_is_shown(shop: Shop, medan: Party) -> None:
    """Whoever may scrape is not whoever may know: no number, no name, no id that an office chose."""
    shop.behaviour.broken.add(NAME)
    planted = {"thing_id": NAME, "value": NIK, "secret": PHONE}
    await medan.send("toy.thing.put", planted, id_=OWN_ID)
    shown = [
        await medan.send("toy.thing.put", {"thing_id": f"{NAME} 2", "value": NIK}, id_=f"{OWN_ID}-2", subject=NAME),
        await medan.send("toy.thing.put", {"thing_id": 1, NIK: PHONE}, id_=f"{OWN_ID}-3"),
    ]
    key = f"toy.{NIK}.{PHONE}"
    await medan.publish(key, medan.body(key, planted, f"{OWN_ID}-4"), message_id=OWN_ID, content_type=CONTENT_TYPE)
    await answered(medan, [*shown, OWN_ID])  # what nobody can read is answered by the id of its delivery
    await until(lambda: counted(shop, 4))
    text = (await shop.metrics()).text
    for secret in (NIK, PHONE, PHONE.lstrip("0"), NAME, "Victor", OWN_ID, MEDAN):
        assert secret not in text
    assert "toy.thing.put" in text


async def counted(shop: Shop, number: int) -> bool:
    return sum((await outcomes(shop)).values()) == number


# --- what is looked up ------------------------------------------------------------------------------------------------


async def test_a_lost_binding_and_a_lost_queue_show(shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages are confirmed and never arrive: nothing else here would ever change."""
    monkeypatch.setattr(topology, "_FRESH_SECONDS", -1)

    async def bound() -> float | None:
        return (await shop.metrics()).get("binaan_queue_bound", queue=QUEUE)

    assert await bound() == 1
    await asyncio.to_thread(unbind, world, "intake")
    assert await bound() == 0
    await asyncio.to_thread(bind, world, "intake")
    assert await bound() == 1


async def test_where_the_bindings_cannot_be_asked_for_nothing_is_said_of_them(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0 would ring a bell for nothing, 1 would be a lie."""
    monkeypatch.setattr(shop.service._bindings, "_url", None)
    assert (await shop.metrics()).by("binaan_queue_bound", "queue") == {}
    assert "binaan_queue_bound" in (await shop.metrics()).names


async def test_a_repeated_reply_does_not_look_as_old_as_it_is(shop: Shop, medan: Party) -> None:
    """It keeps the id of its first time, perhaps of last month, and has only now been put into the outbox again."""
    id_ = await put(medan, 1)
    await answered(medan, [id_])
    await until(lambda: settled(shop))
    await asyncio.sleep(1.2)
    await shop.service._publisher.close()
    await medan.publish("toy.thing.put", medan.body("toy.thing.put", {"thing_id": "t-1", "value": 1}, id_))

    async def waiting() -> Scraped | None:
        found = await shop.metrics()
        return found if found.get("binaan_outbox_entries") == 1 else None

    found = await until(waiting)
    assert found.get("binaan_outbox_oldest_seconds") == 0
    await put(medan, 2)
    await asyncio.sleep(1.2)
    assert 1 <= ((await shop.metrics()).get("binaan_outbox_oldest_seconds") or 0) < 30


async def test_however_often_it_is_scraped_the_database_is_asked_seldom(
    world: World, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever can reach the port could otherwise load the database with it."""
    async with open_shop(world, key_file) as made:
        depths: Any = made.service.health.pages["/metrics"].__self__._depths  # type: ignore[attr-defined]
        looks, look = 0, depths.look

        async def count() -> Any:
            nonlocal looks
            looks += 1
            return await look()

        monkeypatch.setattr(depths, "look", count)
        for _ in range(10):
            await asyncio.gather(*(made.metrics() for _ in range(10)))
        assert looks == 1


def test_labels_are_ours() -> None:
    """A type that is in no catalogue is ``unknown``, whoever it comes from."""
    made, known = Metrics([QUEUE]), TYPES["registry.business.report"]
    for kind in (None, known, replace(known, key=NIK)):
        made.decided(kind, 0)
    assert labels(made, "binaan_decide_seconds_count", "type") == {"unknown", known.key}


def test_what_doors_answer_is_counted_from_0_on_and_only_where_there_are_doors() -> None:
    """403 is a forgery or a secret that has changed: the first one must show as a rise."""
    made = Metrics([QUEUE])
    assert "binaan_door_answers" not in {one.name for one in made.registry.collect()}
    made.opened(["/webhooks/x"])
    forged = {"path": "/webhooks/x", "status": "403"}
    assert made.registry.get_sample_value("binaan_door_answers_total", forged) == 0
    made.answered("/webhooks/x", 403)
    assert made.registry.get_sample_value("binaan_door_answers_total", forged) == 1


def labels(metrics: Metrics, name: str, label: str) -> set[str]:
    families: Iterable[Any] = metrics.registry.collect()
    return {one.labels[label] for family in families for one in family.samples if one.name == name}
