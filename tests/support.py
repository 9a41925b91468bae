"""What tests on real servers share: services as processes, a party that speaks the contract, and the history read back.

Everything waits on a condition with a deadline; nothing sleeps and hopes.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Self

import aio_pika
import httpx
from aio_pika.abc import AbstractIncomingMessage, AbstractRobustConnection

from deploy.local.world import World

PROJECT = Path(__file__).parents[1]
CONTENT_TYPE = "application/cloudevents+json"


async def until(condition: Callable[[], Any], seconds: float = 30, what: str = "the condition") -> Any:
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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class ServiceProcess:
    """One replica of a service in a world, as a process that can be killed."""

    def __init__(self, world: World, service: str, root: Path, **environment: str) -> None:
        self.world, self.service, self.root = world, service, root
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        root.mkdir(parents=True, exist_ok=True)
        self.log = root / f"{service}-{self.port}.log"

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
                [sys.executable, "-m", f"services.{self.service}"], cwd=PROJECT, env=environment, stdout=log, stderr=log
            )
        return self

    async def start(self) -> Self:
        """Start the process and wait until it says it is ready."""
        self.launch()
        await self.ready()
        return self

    async def ready(self, seconds: float = 30) -> None:
        await until(self.is_ready, seconds, f"{self.service} ready (see {self.log})")

    async def is_ready(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"{self.service} has ended: {self.log.read_text()[-2000:]}")
        return (await self.get("/readyz"))[0] == httpx.codes.OK

    async def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON body; status 0 while nobody listens."""
        try:
            async with httpx.AsyncClient(timeout=5) as client:
                response = await client.get(f"http://127.0.0.1:{self.port}{path}")
        except httpx.HTTPError:
            return 0, None
        return response.status_code, response.json()

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

    def stop(self, seconds: float = 30) -> int:
        """As an operator would; the exit code."""
        if self._process is None:
            raise RuntimeError("not started")
        self._process.terminate()
        return self._process.wait(seconds)

    def logged(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


class Party:
    """An account that sends intake messages and keeps every reply it was given, byte for byte."""

    def __init__(self, world: World, account: str) -> None:
        self.world, self.account = world, account
        self.replies: dict[str | None, list[bytes]] = defaultdict(list)
        self.properties: list[AbstractIncomingMessage] = []
        self._connection: AbstractRobustConnection | None = None

    async def __aenter__(self) -> Self:
        self._connection = await aio_pika.connect_robust(self.world.amqp_url_of(self.account))
        self._channel = await self._connection.channel()
        self._intake = await self._channel.get_exchange("binaan.intake", ensure=False)
        queue = await self._channel.get_queue(f"{self.account}.replies", ensure=False)
        await queue.consume(self._keep)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def _keep(self, message: AbstractIncomingMessage) -> None:
        await message.ack()
        self.properties.append(message)
        self.replies[json.loads(message.body)["data"]["intake_id"]].append(message.body)

    def body(self, key: str, data: Any, id_: str, **attributes: Any) -> bytes:
        """A CloudEvent in structured mode; an attribute given as ``...`` is left out."""
        envelope = {
            "specversion": "1.0",
            "id": id_,
            "source": f"/agency/{self.account}",
            "type": f"id.binaan.{key}.v1",
            "data": data,
            **attributes,
        }
        return json.dumps({name: value for name, value in envelope.items() if value is not ...}).encode()

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

    async def reply_to(self, id_: str | None, seconds: float = 30, count: int = 1) -> dict[str, Any]:
        """The ``count``-th reply to a message, as a dictionary."""
        await until(lambda: len(self.replies[id_]) >= count, seconds, f"reply {count} to {id_}")
        answer: dict[str, Any] = json.loads(self.replies[id_][count - 1])
        return answer

    async def ask(self, key: str, data: Any, *, id_: str | None = None, **attributes: Any) -> dict[str, Any]:
        """Send one message and wait for its reply."""
        return await self.reply_to(await self.send(key, data, id_=id_, **attributes))


async def register(world: World, accounts: Iterable[str] = ("dinkop-medan",), region: str = "12.71") -> None:
    """Make accounts known as agencies with the officials ``kabid`` and ``kadis``, through the door."""
    async with Party(world, "binaan") as administrator:
        for account in accounts:
            agency = {
                "agency": account,
                "name": f"Dinas {account}",
                "level": "kabkota",
                "region": region,
                "permitted": ["registry.business.*", "registry.official.register", "aid.programme.*"],
            }
            await administrator.ask("registry.agency.register", agency)
            for role in ("kabid", "kadis"):
                official = {"agency": account, "official": role, "role": role, "valid_from": "2020-01-01"}
                await administrator.ask("registry.official.register", official)


class History:
    """All that ``binaan.history`` holds, read as the administrator from the first message on."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.events: list[dict[str, Any]] = []
        self.keys: list[str] = []

    async def __aenter__(self) -> Self:
        self._connection = await aio_pika.connect_robust(self.world.amqp_url)
        channel = await self._connection.channel()
        await channel.set_qos(500)
        queue = await channel.get_queue("binaan.history", ensure=False)
        await queue.consume(self._keep, arguments={"x-stream-offset": "first"})
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()

    async def _keep(self, message: AbstractIncomingMessage) -> None:
        self.events.append(json.loads(message.body))
        self.keys.append(message.routing_key or "")
        await message.ack()

    def of_type(self, key: str) -> list[dict[str, Any]]:
        """Distinct events of a type, in the order first seen."""
        found = {event["id"]: event for event in self.events if event["type"] == f"id.binaan.{key}.v1"}
        return list(found.values())

    def by_subject(self) -> dict[str, list[dict[str, Any]]]:
        """Distinct events by subject, in the order of their sequence."""
        subjects: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
        for event in self.events:
            subjects[event["subject"]][event["id"]] = event
        return {
            subject: sorted(events.values(), key=lambda event: str(event["sequence"]))
            for subject, events in subjects.items()
        }
