"""The whole of Binaan in a world of its own, and those who look at it from outside, for tests through AMQP only."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Self

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractQueue

from deploy.local.world import World
from shared.contracts.envelope import ADMINISTRATOR, CONTACTS, EVENTS, INTAKE, REPLIES
from tests import samples
from tests.samples import DECREE
from tests.shared.reference import generate
from tests.support import History, Json, Party, Reader, ServiceProcess, until

EXCHANGES = (INTAKE, REPLIES, EVENTS, CONTACTS)
SERVICES = ("registry", "aid", "notify")
VILLAGE = "12.71.01.1001"


def now() -> str:
    return datetime.now(UTC).isoformat()


class Stage:
    """The three services as processes, each stopped as an operator would."""

    def __init__(self, world: World, root: Path) -> None:
        self.world, self.root = world, root
        self.services = {service: ServiceProcess(world, service, root) for service in SERVICES}

    async def start(self) -> Self:
        for process in self.services.values():
            process.launch()
        for process in self.services.values():
            await process.ready()
        return self

    def stop(self) -> list[int]:
        """Their exit codes."""
        return [process.stop() for process in self.services.values()]

    def kill(self) -> None:
        for process in self.services.values():
            process.kill()

    def logged(self) -> str:
        """All that the services have written to their logs."""
        return "".join(process.log.read_text() for process in self.services.values())

    @property
    def spool(self) -> Path:
        return self.root / "spool.jsonl"

    @contextmanager
    def nothing_sent(self) -> Iterator[None]:
        """As long as this lasts the provider takes nothing: what it is handed waits."""
        with self.spool.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def told(self) -> list[Json]:
        """The messages that owners have been sent."""
        return [json.loads(line) for line in self.spool.read_text().splitlines()] if self.spool.exists() else []


class Tap(Reader):
    """The administrator's copy of everything that is published on the four exchanges from now on."""

    def __init__(self, world: World) -> None:
        super().__init__(world, ADMINISTRATOR, "")

    async def _queue_of(self, channel: AbstractChannel) -> AbstractQueue:
        queue = await channel.declare_queue(exclusive=True)
        for exchange in EXCHANGES:
            await queue.bind(exchange, "#")
        return queue


class Person:
    """The values of one owner and one business; they belong to nobody, and no two seeds share any of them."""

    def __init__(self, seed: int) -> None:
        rng = Random(seed)
        self.nik = generate.nik(rng, regency="12.71")
        self.phone = generate.phone(rng)
        self.name = f"Pemilik Contoh {seed}"
        self.address = f"Jalan Contoh Nomor {seed}"
        self.nib = generate.nib(rng)
        self.ref = f"UMKM-{seed}"
        self.trade_name = f"Keripik Uji {seed}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must stand in no event, no log and no error."""
        return self.nik, self.phone, self.phone.removeprefix("+62"), self.name, self.address

    def report(self, **business: Any) -> Json:
        """What an agency tells of this business; ``business`` adds or replaces fields of it."""
        return {
            "owner": {
                "nik": self.nik,
                "name": self.name,
                "phone": self.phone,
                "consent": {"whatsapp": True, "sms": True, "given_on": "2026-01-05"},
            },
            "business": {
                "agency_ref": self.ref,
                "name": self.trade_name,
                "nib": self.nib,
                "legal_form": "perseorangan",
                "region": VILLAGE,
                "address": self.address,
                "role": "ikm",
                "kbli": {"code": "10794", "version": "2020"},
                "annual_sales": {"year": 2025, "amount": 180_000_000},
                "capital": 25_000_000,
                "needs": ["equipment", "packaging_training"],
                "channels": ["shopee", "bazar"],
                **business,
            },
        }


def programme(**changes: Any) -> Json:
    """A training for businesses that are binaan and small, announced to their owners."""
    criteria = [{"type": "status_is", "value": "binaan"}, {"type": "scale_in", "values": ["mikro", "kecil"]}]
    return samples.programme(**{"criteria": criteria, **changes})


class Witness:
    """A business that is known, and is told of again after something that must have had no effect.

    Messages of one queue are decided in order and their events sent in order. So when the next report's event has
    come, with the next sequence and the state as before, nothing was done in between and nothing is still to come.
    """

    def __init__(self, party: Party, history: History, person: Person) -> None:
        self._party, self._history, self.person = party, history, person
        self._workers = 1
        self.state: Json = {}
        self.sequence = 0

    @property
    def business_id(self) -> str:
        return str(self.state["business_id"])

    async def made(self) -> Self:
        await self._tell(self.person.report(workers=self._workers))
        return self

    async def lead_to_binaan(self) -> None:
        about = {"business_id": self.business_id}
        await self._party.ask("registry.business.verify", about, actor="kadis")
        await self._party.ask("registry.business.designate", {**about, "decree": DECREE}, actor="kadis")
        self.sequence += 2
        self._workers += 1
        await self._tell({"business": {"agency_ref": self.person.ref, "workers": self._workers}})

    async def saw_nothing(self, of: str | None = None) -> None:
        """Nothing has happened to this business since the last look, and no event stems from message ``of``."""
        before = dict(self.state)
        self._workers += 1
        await self._tell({"business": {"agency_ref": self.person.ref, "workers": self._workers}})
        assert {**self.state, "workers": None} == {**before, "workers": None}
        if of is not None:
            assert not [event for event in self._history.events if of in (event["correlationid"], event["causationid"])]

    async def _tell(self, data: Json) -> None:
        id_ = await self._party.send("registry.business.report", data, time=now())
        event = await until(lambda: self._event_of(id_), what="the witness's event")
        expected = self.sequence + 1
        # What it sees is where it goes on from: one unwanted change is one test's failure.
        self.sequence, self.state = int(event["sequence"]), event["data"]["business"]
        assert self.sequence == expected, "something else has happened to the witness"

    def _event_of(self, correlation: str) -> Json | None:
        found = (event for event in reversed(self._history.events) if event["correlationid"] == correlation)
        return next(found, None)


async def in_queue(world: World, *queues: str) -> int:
    """How many messages wait in these queues."""
    async with await aio_pika.connect(world.amqp_url) as connection:
        channel = await connection.channel()
        found = [await channel.get_queue(queue) for queue in queues]
        return sum(one.declaration_result.message_count or 0 for one in found)
