"""What tests on real servers share: services as processes, those who speak to them, and those who listen.

Everything waits on a condition with a deadline; nothing sleeps and hopes.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import aio_pika
import httpx
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue
from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel
from pymongo import MongoClient

from deploy.local.state import PORTS, port_is_free
from deploy.local.world import World
from shared.contracts.catalogue import BY_NAME, TYPES
from shared.contracts.envelope import ADMINISTRATOR, CONTACTS, CONTENT_TYPE, EVENTS, INTAKE, format_sequence
from tests.samples import LEVELS, MEDAN, REGIONS

PROJECT = Path(__file__).parents[1]

Json = dict[str, Any]

PATIENCE_SECONDS = 120
"""Until a condition is given up. It says nothing of how fast anything is: other tests use the machine too."""


async def until(condition: Callable[[], Any], seconds: float = PATIENCE_SECONDS, what: str = "the condition") -> Any:
    """Wait for a condition (plain or awaitable) to become true; its value is returned."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if isinstance(value, Awaitable):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come true in {seconds} s")
        await asyncio.sleep(0.02)


def free_port() -> int:
    """One that no outgoing connection can take before a server listens there, or while it is started again."""
    return next(port for port in random.SystemRandom().sample(PORTS, len(PORTS)) if port_is_free(port))


def http_client() -> httpx.AsyncClient:
    """For plain HTTP on this machine. It reads no authorities: that takes 20 ms, and whoever waits asks often."""
    return httpx.AsyncClient(timeout=5, trust_env=False, verify=False)


class Scraped:
    """What ``/metrics`` said at one time."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families = list(text_string_to_metric_families(text))
        self.samples = [sample for family in self.families for sample in family.samples]

    @property
    def names(self) -> set[str]:
        """All names that may be asked for; those of a family that has no sample yet too."""
        parts = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "summary": ("", "_count", "_sum")}
        return {f"{family.name}{part}" for family in self.families for part in parts.get(family.type, ("",))} | {
            sample.name for sample in self.samples
        }

    @property
    def series(self) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
        return {(sample.name, tuple(sorted(sample.labels.items()))) for sample in self.samples}

    def get(self, name: str, **labels: str) -> float | None:
        """The sum of the samples that have these labels; None if there is none."""
        found = [one.value for one in self.samples if one.name == name and labels.items() <= one.labels.items()]
        return sum(found) if found else None

    def by(self, name: str, label: str, **labels: str) -> dict[str, float]:
        """Those that are not 0, by a label."""
        return {
            one.labels[label]: one.value
            for one in self.samples
            if one.name == name and labels.items() <= one.labels.items() and one.value
        }


DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()
"""Before a command: a run that is killed, or has no time to tidy up, leaves no service behind."""


class ServiceProcess:
    """One replica of a service in a world, as a process that can be killed."""

    def __init__(self, world: World, service: str, root: Path, **environment: str) -> None:
        self.world, self.service, self.root = world, service, root
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        root.mkdir(parents=True, exist_ok=True)
        self.log = root / f"{service}-{self.port}.log"

    async def __aenter__(self) -> Self:
        try:
            return await self.start()
        except BaseException:
            self.kill()
            raise

    async def __aexit__(self, failed: type[BaseException] | None, *_: object) -> None:
        try:
            assert failed or self.stop() == 0, f"{self.service} must end by itself when told to"
        finally:
            self.kill()

    def _key_file(self) -> Path:
        path = self.root / f"{self.service}.keys.json"
        if not path.exists():
            key = base64.b64encode(secrets.token_bytes(32)).decode()
            path.write_text(json.dumps({"current": "k1", "keys": {"k1": key}}))
        return path

    def launch(self) -> Self:
        """Start the process; does not wait."""
        environment = {
            **os.environ,
            **self.world.service_env(self.service, http_port=self.port, key_file=self._key_file()),
            "BINAAN_SPOOL_FILE": str(self.root / "spool.jsonl"),
            **self._environment,
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*DIES_WITH_US, sys.executable, "-m", *self.module()],
                cwd=PROJECT,
                env=environment,
                stdout=log,
                stderr=log,
            )
        return self

    def module(self) -> list[str]:
        """What Python runs, with its arguments."""
        return [f"services.{self.service}"]

    @property
    def exit_code(self) -> int | None:
        """None as long as it runs."""
        return None if self._process is None else self._process.poll()

    async def start(self) -> Self:
        """Start the process and wait until it says it is ready."""
        self.launch()
        await self.ready()
        return self

    async def ready(self, seconds: float = PATIENCE_SECONDS) -> None:
        await until(self.is_ready, seconds, f"{self.service} ready (see {self.log})")

    async def is_ready(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"{self.service} has ended: {self.log.read_text()[-2000:]}")
        return (await self.get("/readyz"))[0] == httpx.codes.OK

    async def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON body; status 0 while nobody listens."""
        try:
            async with http_client() as client:
                response = await client.get(f"http://127.0.0.1:{self.port}{path}")
        except httpx.HTTPError:
            return 0, None
        return response.status_code, response.json()

    async def metrics(self) -> Scraped:
        """What a scraper reads, within the time that it gives."""
        async with http_client() as client:
            response = await client.get(f"http://127.0.0.1:{self.port}/metrics")
        assert response.status_code == httpx.codes.OK
        return Scraped(response.text)

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("not started")
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """As a crash would: no goodbye."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def stop(self, seconds: float = PATIENCE_SECONDS) -> int:
        """As an operator would; the exit code."""
        if self._process is None:
            raise RuntimeError("not started")
        self._process.terminate()
        return self._process.wait(seconds)

    def logged(self) -> list[Json]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


@dataclass(frozen=True)
class Seen:
    """A message as it went over the wire, and its body read."""

    wire: AbstractIncomingMessage
    body: Json

    @property
    def exchange(self) -> str:
        return self.wire.exchange or ""


class Reader:
    """Takes whole messages, properties and all, from a queue that an account may read."""

    arguments: Json | None = None

    def __init__(self, world: World, account: str, queue: str) -> None:
        self.world, self.account, self._queue = world, account, queue
        self.seen: list[Seen] = []

    async def __aenter__(self) -> Self:
        self._connection = await aio_pika.connect_robust(self.world.amqp_url_of(self.account))
        self._channel = await self._connection.channel()
        await self._channel.set_qos(500)
        await (await self._queue_of(self._channel)).consume(self._keep, arguments=self.arguments)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()

    async def _queue_of(self, channel: AbstractChannel) -> AbstractQueue:
        return await channel.get_queue(self._queue, ensure=False)

    async def _keep(self, message: AbstractIncomingMessage) -> None:
        await message.ack()
        self.take(Seen(message, json.loads(message.body)))

    def take(self, seen: Seen) -> None:
        self.seen.append(seen)

    def of(self, key: str, **attributes: Any) -> list[Seen]:
        """Messages of a type, in the order of arrival, that have these attributes."""
        return [
            one
            for one in self.seen
            if one.body["type"] == f"id.binaan.{key}.v1"
            and all(one.body.get(name) == value for name, value in attributes.items())
        ]

    async def about(self, subject: str, count: int, seconds: float = PATIENCE_SECONDS) -> list[Json]:
        """The first messages about a thing, in the order of arrival; waits until there are so many."""

        def arrived() -> list[Json]:
            found = [one.body for one in self.seen if one.body.get("subject") == subject]
            return found[:count] if len(found) >= count else []

        messages: list[Json] = await until(arrived, seconds, f"{count} messages about {subject}")
        return messages


class History(Reader):
    """All that ``binaan.history`` holds, read as the administrator from the first message on."""

    arguments = {"x-stream-offset": "first"}  # noqa: RUF012

    def __init__(self, world: World) -> None:
        super().__init__(world, ADMINISTRATOR, "binaan.history")
        self.events: list[Json] = []

    def take(self, seen: Seen) -> None:
        self.events.append(seen.body)

    def of_type(self, key: str) -> list[Json]:
        """Distinct events of a type, in the order first seen."""
        found = {event["id"]: event for event in self.events if event["type"] == f"id.binaan.{key}.v1"}
        return list(found.values())

    def by_subject(self) -> dict[str, list[Json]]:
        """Distinct events by subject, in the order of their sequence."""
        subjects: dict[str, dict[str, Json]] = defaultdict(dict)
        for event in self.events:
            subjects[event["subject"]][event["id"]] = event
        return {
            subject: sorted(events.values(), key=lambda event: str(event["sequence"]))
            for subject, events in subjects.items()
        }


def intake(account: str, key: str, data: Any, id_: str, **attributes: Any) -> bytes:
    """A CloudEvent in structured mode; an attribute given as ``...`` is left out."""
    envelope = {
        "specversion": "1.0",
        "id": id_,
        "source": f"/agency/{account}",
        "type": f"id.binaan.{key}.v1",
        "data": data,
        **attributes,
    }
    return json.dumps({name: value for name, value in envelope.items() if value is not ...}).encode()


class Party(Reader):
    """An account that sends intake messages and keeps every reply it was given, byte for byte."""

    def __init__(self, world: World, account: str) -> None:
        super().__init__(world, account, f"{account}.replies")
        self.replies: dict[str | None, list[bytes]] = defaultdict(list)
        self._answered: dict[str | None, asyncio.Event] = defaultdict(asyncio.Event)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._intake = await self._channel.get_exchange(INTAKE, ensure=False)
        return self

    def take(self, seen: Seen) -> None:
        super().take(seen)
        id_ = seen.body["data"]["intake_id"]
        self.replies[id_].append(seen.wire.body)
        self._answered[id_].set()

    @property
    def properties(self) -> list[AbstractIncomingMessage]:
        return [one.wire for one in self.seen]

    def body(self, key: str, data: Any, id_: str, **attributes: Any) -> bytes:
        return intake(self.account, key, data, id_, **attributes)

    async def publish(self, key: str, body: bytes, **properties: Any) -> None:
        """Bytes through the door as they are; properties given as None are not set."""
        given = {
            "content_type": CONTENT_TYPE,
            "user_id": self.account,
            "delivery_mode": aio_pika.DeliveryMode.PERSISTENT,
            **properties,
        }
        message = aio_pika.Message(body, **given)
        await self._intake.publish(message, key)

    async def send(self, key: str, data: Any, *, id_: str | None = None, **attributes: Any) -> str:
        """Send one message; its id is returned, not yet its reply."""
        id_ = id_ or str(uuid.uuid4())
        await self.publish(key, self.body(key, data, id_, **attributes), message_id=id_)
        return id_

    async def reply_to(self, id_: str | None, seconds: float = PATIENCE_SECONDS, count: int = 1) -> Json:
        """The ``count``-th reply to a message, as a dictionary; it is what the catalogue says it is."""
        try:
            async with asyncio.timeout(seconds):
                while len(self.replies[id_]) < count:
                    self._answered[id_].clear()
                    await self._answered[id_].wait()
        except TimeoutError as error:
            raise TimeoutError(f"reply {count} to {id_} did not come in {seconds} s") from error
        answer: Json = json.loads(self.replies[id_][count - 1])
        BY_NAME[answer["type"]].model.model_validate(answer["data"])
        return answer

    async def ask(self, key: str, data: Any, *, id_: str | None = None, **attributes: Any) -> Json:
        """Send one message and wait for its reply."""
        return await self.reply_to(await self.send(key, data, id_=id_, **attributes))

    async def accepted(self, key: str, data: Any, *, id_: str | None = None, **attributes: Any) -> Json:
        """The result of a message that must be accepted."""
        payload = (await self.ask(key, data, id_=id_, **attributes))["data"]
        assert "result" in payload, payload
        return dict(payload["result"])

    async def refused(self, key: str, data: Any, *, id_: str | None = None, **attributes: Any) -> list[str]:
        """The codes for which a message is refused."""
        payload = (await self.ask(key, data, id_=id_, **attributes))["data"]
        return [one["code"] for one in payload["problems"]]


class Teller:
    """One of our services, as far as the others can tell: it publishes what has happened, confirmed."""

    def __init__(self, world: World, service: str) -> None:
        self._url, self._service = world.amqp_url_of(service), service

    async def __aenter__(self) -> Self:
        self._connection = await aio_pika.connect(self._url)
        channel = await self._connection.channel()
        self._exchanges = {name: await channel.get_exchange(name, ensure=False) for name in (EVENTS, CONTACTS)}
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()

    async def tell(
        self, key: str, data: BaseModel, subject: str, sequence: int = 1, *, region: str = "12.71", times: int = 1
    ) -> None:
        """One event, ``times`` over; its id and the id of its chain are made from what it is about."""
        kind = TYPES[key]
        envelope = {
            "specversion": "1.0",
            "id": f"{subject}#{sequence}",
            "source": f"/binaan/{self._service}",
            "type": kind.name,
            "time": "2026-03-02T03:00:00Z",
            "subject": subject,
            "partitionkey": subject,
            "sequence": format_sequence(sequence),
            "correlationid": f"chain/{subject}",
            "causationid": f"cause/{subject}",
            "region": region,
            "data": data.model_dump(mode="json"),
        }
        message = aio_pika.Message(
            json.dumps(envelope).encode(),
            content_type=CONTENT_TYPE,
            user_id=self._service,
            message_id=f"{subject}#{sequence}",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        exchange = self._exchanges[kind.exchange]
        await asyncio.gather(*(exchange.publish(message, f"{key}.{region[:5]}") for _ in range(times)))


async def register(world: World, accounts: Sequence[str] = (MEDAN,)) -> None:
    """Make accounts known as agencies with the officials ``kabid`` and ``kadis``, through the door."""
    async with Party(world, ADMINISTRATOR) as administrator:
        for account in accounts:
            agency = {
                "agency": account,
                "name": f"Dinas {account}",
                "level": LEVELS[account],
                "region": REGIONS[account],
                "permitted": [
                    "registry.business.*",
                    "registry.product.*",
                    "registry.certificate.*",
                    "registry.cooperative.*",
                    "registry.drive.*",
                    "registry.statistics.*",
                    "registry.official.register",
                    "aid.programme.*",
                    "aid.budget.*",
                    "aid.grant.*",
                    "aid.stock.*",
                    "aid.external_grant.*",
                    "aid.overlap.*",
                    "aid.*.request",
                ],
            }
            await administrator.accepted("registry.agency.register", agency)
            for role in ("kabid", "kadis"):
                official = {"agency": account, "official": role, "role": role, "valid_from": "2020-01-01"}
                await administrator.accepted("registry.official.register", official)


async def known_to(administrator: Party, service: str, agencies: Sequence[str], officials: int = 2) -> None:
    """Wait until a service has its copy of the agencies and of so many officials of each."""

    async def has_copies() -> bool:
        reply = await administrator.ask(f"{service}.agency.request", {})
        found = {one["agency"]: len(one["officials"]) for one in reply["data"]["answer"]}
        return all(found.get(agency, 0) >= officials for agency in agencies)

    await until(has_copies, what=f"{service} knows {', '.join(agencies)}")


def kept_by(world: World, service: str) -> str:
    """Everything in a service's database, as text."""
    with MongoClient[Json](world.mongo_url_of(service)) as client:
        database = client[world.databases[service]]
        return "".join(
            repr(document) for name in database.list_collection_names() for document in database[name].find()
        )
