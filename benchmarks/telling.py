"""notify telling owners: eligibilities in its queue, a WhatsApp message each, and what it publishes of them.

The floor consumes the same queue, makes one POST of the same size to the same stand-in, and publishes the same. Both
are clocked as hops are, to the last event of a message in a reader's queue; the stand-in counts what it was given.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

import aio_pika
import httpx
from aiormq import Channel
from pamqp.commands import Basic
from pymongo import MongoClient

from benchmarks.contestants.settings import Output, Settings
from benchmarks.ground import ACCOUNTS, ROOT, Ground, free_port
from benchmarks.hop import Measured, clock, nothing_left, service
from benchmarks.process import Child
from benchmarks.reports import ACCOUNT, VILLAGES
from benchmarks.seeding import AGENCY
from deploy.local.world import World
from deploy.rabbitmq.accounts import Account
from services.notify.audience import Business, Programme
from services.notify.contact import Consent, Contact
from services.notify.store import COLLECTIONS
from shared.contracts.aid.eligibilities import EligibilityEvent, EligibilityState
from shared.contracts.catalogue import TYPES
from shared.contracts.envelope import CONTENT_TYPE, EVENTS, format_sequence
from shared.kernel.consumer import PREFETCH
from shared.kernel.keys import Keyring
from shared.kernel.mongo import Document, Mongo
from shared.kernel.outbox import WINDOW
from shared.kernel.store import Store

QUEUE, TOLD = "notify.events", "kemenkeu.events"
READER = Account("kemenkeu", events_bindings=("notify.message.#",))
KEY = "aid.eligibility.assessed"
PROGRAMME = "pelatihan"
AT_ONCE = 100
"""Requests to the provider at a time, of both."""
NUMBER_ID, SECRET = "106540352242922", "a secret of nobody"
_READY_SECONDS = 60


@dataclass(frozen=True)
class _Contestant:
    """A world in which notify knows everybody, eligibilities in its queue, and a vendor that takes what it is given."""

    ground: Ground
    keys: Path
    messages: int

    @property
    def name(self) -> str:
        raise NotImplementedError

    def start(self, world: World, vendor: str, outputs: Sequence[Output]) -> Child:
        raise NotImplementedError

    async def measure(self, outputs: Sequence[Output]) -> Measured:
        async with self._prepared() as (world, vendor):
            with self.start(world, vendor, outputs) as child:
                measured = await self._clocked(world, child)
            await nothing_left(world, QUEUE)
            await _all_taken(vendor, self.messages)
        return measured

    @asynccontextmanager
    async def _prepared(self) -> AsyncIterator[tuple[World, str]]:
        with self.ground.world(self.name, (*ACCOUNTS, READER)) as world, _vendor() as (vendor, process):
            await _seed(world, self.keys, self.messages)
            await _preload(world, self.messages)
            await _until_taken(vendor, process, 0)
            yield world, vendor

    async def _clocked(self, world: World, child: Child) -> Measured:
        return await clock(self.ground, world, [child], self.messages, {TOLD: 2 * self.messages}, QUEUE)


@dataclass(frozen=True)
class Telling(_Contestant):
    """notify itself, at an hour at which nobody sleeps."""

    name: str = "notify"

    def start(self, world: World, vendor: str, outputs: Sequence[Output]) -> Child:
        file = ROOT / "providers.json"
        file.write_text(json.dumps(_providers(vendor)))
        environment = {"BINAAN_PROVIDERS_FILE": str(file), "BINAAN_SPOOL_FILE": str(ROOT / "spool" / "none.jsonl")}
        return service(world, "notify", self.keys, "benchmarks.by_day", environment=environment)

    async def outputs(self) -> list[Output]:
        """What one message makes notify publish, taken from the queue behind a run: ``queued`` and ``sent``."""
        async with self._prepared() as (world, vendor):
            with self.start(world, vendor, ()) as child:
                await self._clocked(world, child)
            return await _published(world, self.messages)


@dataclass(frozen=True)
class Floor(_Contestant):
    """FastStream and httpx, and nothing between them."""

    name: str = "notify_floor"

    def start(self, world: World, vendor: str, outputs: Sequence[Output]) -> Child:
        settings = Settings(
            amqp_url=world.amqp_url_of("notify"),
            queue=QUEUE,
            prefetch=PREFETCH,
            window=WINDOW,
            outputs=tuple(outputs),
            concurrency=AT_ONCE,
            post_url=f"{vendor}/v23.0/{NUMBER_ID}/messages",
        )
        module = ("benchmarks.contestants.telling_floor",)
        return Child(module, settings.as_environment(), ROOT / "log" / "notify_floor.log")


# --- the vendor -------------------------------------------------------------------------------------------------------


@contextmanager
def _vendor() -> Iterator[tuple[str, Child]]:
    port = free_port()
    environment = {"BENCHMARK_VENDOR_PORT": str(port)}
    with Child(("benchmarks.contestants.vendor",), environment, ROOT / "log" / "vendor.log") as child:
        yield f"http://127.0.0.1:{port}", child


async def _taken(vendor: str) -> int:
    async with httpx.AsyncClient(trust_env=False) as client:
        return int((await client.get(f"{vendor}/taken")).text)


async def _until_taken(vendor: str, process: Child, count: int) -> None:
    async with asyncio.timeout(_READY_SECONDS):
        while True:
            process.check()
            try:
                if await _taken(vendor) >= count:
                    return
            except httpx.HTTPError:
                await asyncio.sleep(0.05)


async def _all_taken(vendor: str, messages: int) -> None:
    if (taken := await _taken(vendor)) != messages:
        raise RuntimeError(f"the provider was given {taken} messages instead of {messages}")


def _providers(vendor: str) -> dict[str, Any]:
    secrets = dict.fromkeys(("access_token", "app_secret", "verify_token"), SECRET)
    limits = {"per_second": 10_000, "most_at_once": AT_ONCE}
    return {
        "providers": [
            {"kind": "whatsapp", "name": "meta", "base_url": vendor, "phone_number_id": NUMBER_ID, **secrets, **limits}
        ],
        "digest_minutes": 0,
    }


# --- what notify knows ------------------------------------------------------------------------------------------------


async def _seed(world: World, keys: Path, messages: int) -> None:
    """The agency, the programme, and as many owners with a business as there will be messages, as notify keeps them."""
    keyring = Keyring.load(keys)
    url, database = world.mongo_url_of("notify"), world.databases["notify"]
    store = Store(Mongo(url, database), keyring, COLLECTIONS)
    await store.ensure()
    documents: dict[str, list[Document]] = defaultdict(list)
    for one in (AGENCY, _programme(), *_owners(keyring, messages)):
        collection: Any = store.collection_of(one)
        documents[collection.name].append(store._encode(collection, one, 1))
    with MongoClient[Document](url) as client:
        for name, each in documents.items():
            client[database][name].insert_many(each, ordered=False)


def _programme() -> Programme:
    about = {"name": "Pelatihan kemasan dan digitalisasi", "kind": "training", "agency": ACCOUNT, "region": "12.71"}
    told = {"programme_id": PROGRAMME, "quota": 100, "announce": "on_eligible", "status": "open", "sequence": 1}
    return Programme.model_validate({**about, **told})


def _owners(keyring: Keyring, messages: int) -> Iterator[Contact | Business]:
    consent = Consent(whatsapp=True, sms=True, given_on=date(2026, 1, 5))
    for number in range(messages):
        phone = f"+62811{number + 1:08d}"
        contact = Contact(owner_id=f"o{number}", sequence=1, name="Contoh Tidak Nyata", phone=phone, consent=consent)
        yield contact.model_copy(update={"line": keyring.token("line", phone)})
        yield Business(
            business_id=f"b{number}",
            owner_id=f"o{number}",
            name=f"Keripik Contoh {number}",
            region=VILLAGES[number % len(VILLAGES)],
            recorded_on=date(2026, 1, 5),
            sequence=1,
        )


async def _preload(world: World, messages: int) -> None:
    """Eligibilities as aid tells them, confirmed in windows."""
    async with await aio_pika.connect(world.amqp_url_of("aid")) as connection:
        channel = await connection.channel(publisher_confirms=True)
        underlay = cast(Channel, await channel.get_underlay_channel())
        for start in range(0, messages, WINDOW):
            numbers = range(start, min(start + WINDOW, messages))
            await asyncio.gather(*(_put(underlay, number) for number in numbers))


async def _put(channel: Channel, number: int) -> None:
    subject = f"{PROGRAMME}/b{number}"
    properties = Basic.Properties(
        content_type=CONTENT_TYPE,
        delivery_mode=2,
        message_id=f"{subject}#1",
        user_id="aid",
        message_type=TYPES[KEY].name,
    )
    await channel.basic_publish(
        _body(number, subject), exchange=EVENTS, routing_key=f"{KEY}.12.71", properties=properties, wait=False
    )


def _body(number: int, subject: str) -> bytes:
    state = EligibilityState(
        eligibility_id=subject,
        programme_id=PROGRAMME,
        programme_kind="training",
        beneficiary_id=f"b{number}",
        verdict="eligible",
        eligible=True,
        criteria=(),
        prior_interventions=0,
        assessed_from_sequence=format_sequence(1),
    )
    envelope = {
        "specversion": "1.0",
        "id": f"{subject}#1",
        "source": "/binaan/aid",
        "type": TYPES[KEY].name,
        "time": datetime.now(UTC).isoformat(),
        "subject": subject,
        "partitionkey": subject,
        "sequence": format_sequence(1),
        "correlationid": subject,
        "causationid": subject,
        "region": "12.71",
        "data": EligibilityEvent(eligibility=state).model_dump(mode="json"),
    }
    return json.dumps(envelope).encode()


async def _published(world: World, messages: int) -> list[Output]:
    """One output of each type, of the size that is in the middle."""
    found: dict[str, list[Output]] = defaultdict(list)
    async with await aio_pika.connect(world.amqp_url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(TOLD, passive=True)
        for _ in range(2 * messages):
            one = await queue.get(no_ack=True)
            output = Output(exchange=EVENTS, key=one.routing_key or "", type=one.type or "", size=len(one.body))
            found[output.type].append(output)
    if {len(each) for each in found.values()} != {messages} or len(found) != 2:
        raise RuntimeError(f"{ {name: len(each) for name, each in found.items()} } published of {messages} messages")
    return [sorted(each, key=lambda one: one.size)[messages // 2] for each in found.values()]
