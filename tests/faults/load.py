"""What is sent while things break: every message twice, independent ones in any order, dependent ones after the reply
they depend on. The same seed sends the same messages, so that a quiet run can be held against a broken one."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, Self

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractExchange
from aio_pika.exceptions import AMQPError

from deploy.local.world import World
from shared.contracts.catalogue import BY_NAME
from shared.contracts.envelope import CONTENT_TYPE, INTAKE
from tests.samples import DECREE, MEDAN, programme
from tests.shared.reference import generate
from tests.support import Json, Reader, Seen, intake

OPEN_FILES = 300
"""Businesses whose story is being told at the same time."""
IN_WORDS = ("Pemilik Contoh", "Jalan Contoh Nomor")
"""How every name and every address begins."""
_PATIENCE_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Message:
    """One intake message. ``accepted`` is what must come of it; ``needs_id``: the id of the business goes in first."""

    id: str
    key: str
    data: Json
    accepted: bool = True
    needs_id: bool = False
    attributes: Json = field(default_factory=dict)


class Owner:
    """Values of nobody. Every seventh owner has three businesses, so that decisions meet."""

    def __init__(self, number: int) -> None:
        rng = Random(number)
        self.nik = generate.nik(rng, regency="12.71")
        self.phone = generate.phone(rng)
        self.name, self.address = (f"{words} {number}" for words in IN_WORDS)

    @property
    def numbers(self) -> tuple[str, ...]:
        """The NIK, and the phone number as it may be written."""
        subscriber = self.phone.removeprefix("+62")
        return self.nik, subscriber, f"62{subscriber}", f"0{subscriber}"

    def told(self) -> Json:
        consent = {"whatsapp": True, "sms": True, "given_on": "2026-01-05"}
        return {"nik": self.nik, "name": self.name, "phone": self.phone, "consent": consent}


def owner_of(number: int) -> Owner:
    return Owner(number - number % 7 if number % 7 < 3 else number)


def story(number: int) -> list[list[Message]]:
    """What is told of one business, in stages: within a stage in any order, a stage after the one before it."""
    decided = [*_verification(number), *_designation(number), *_departure(number), *_return(number)]
    return [_reports(number), *([one] for one in decided)]


def _reports(number: int) -> list[Message]:
    """The business as it was and as it is now: the newer wins, whichever comes first. Some are wrong."""
    owner = owner_of(number)
    trade = {"agency_ref": f"R-{number}", "name": f"Usaha Contoh {number}", "region": "12.71.01.1001"}
    older = {**trade, "capital": 5_000_000, "needs": ["equipment"], "workers": 1}
    newer = {
        **trade,
        "annual_sales": {"year": 2025, "amount": 180_000_000 * (1 + number % 30)},
        "workers": 2 + number % 5,
        "address": owner.address,
    }
    messages = [
        _report(f"old-{number}", {"owner": owner.told(), "business": older}, "2026-01-05T09:00:00+07:00"),
        _report(f"new-{number}", {"owner": owner.told(), "business": newer}, "2026-03-05T09:00:00+07:00"),
    ]
    if number % 11 == 0:
        wrong = {"owner": {**owner.told(), "nik": "0" * 16}, "business": {**older, "agency_ref": f"W-{number}"}}
        messages.append(_report(f"wrong-{number}", wrong, "2026-01-05T09:00:00+07:00", accepted=False))
    return messages


def _report(id_: str, data: Json, time: str, *, accepted: bool = True) -> Message:
    return Message(id_, "registry.business.report", data, accepted, attributes={"time": time})


def _decision(verb: str, number: int, actor: str, **data: Any) -> Message:
    return Message(f"{verb}-{number}", f"registry.business.{verb}", data, needs_id=True, attributes={"actor": actor})


def _verification(number: int) -> Iterator[Message]:
    if number % 4:
        yield _decision("verify", number, "kabid")


def _designation(number: int) -> Iterator[Message]:
    if is_designated(number):
        yield _decision("designate", number, "kadis", decree=DECREE)


def is_designated(number: int) -> bool:
    return number % 4 > 1


def leaves(number: int) -> bool:
    """What becomes of it after its designation, so that its owner may be told or not, as it happens."""
    return is_designated(number) and number % 5 == 0


def _departure(number: int) -> Iterator[Message]:
    if leaves(number):
        verb = "release" if number % 2 else "deactivate"
        yield _decision(verb, number, "kadis", **({"reason": "closed"} if verb == "deactivate" else {}))


def _return(number: int) -> Iterator[Message]:
    if leaves(number) and not number % 2 and number % 3 == 0:
        yield _decision("reactivate", number, "kadis")


class Agency(Reader):
    """An agency's system that gets over anything: it connects again by itself, and is woken by each reply."""

    def __init__(self, world: World, account: str = MEDAN) -> None:
        super().__init__(world, account, f"{account}.replies")
        self.account = account
        self.replies: dict[str | None, list[bytes]] = defaultdict(list)
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._intake: AbstractExchange | None = None

    async def __aenter__(self) -> Self:
        self._life = asyncio.create_task(self._live())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._life.cancel()
        with suppress(asyncio.CancelledError):
            await self._life

    async def _live(self) -> None:
        """Connected, and again whenever that is over."""
        while True:
            with suppress(AMQPError, ConnectionError, RuntimeError, TimeoutError):
                async with await aio_pika.connect(self.world.amqp_url_of(self.account), timeout=10) as connection:
                    await self._serve(connection)
            self._intake = None
            await asyncio.sleep(0.5)

    async def _serve(self, connection: AbstractConnection) -> None:
        closed = asyncio.Event()
        connection.close_callbacks.add(lambda *_: closed.set())
        channel = await connection.channel()
        channel.close_callbacks.add(lambda *_: closed.set())
        await channel.set_qos(500)
        await (await channel.get_queue(self._queue, ensure=False)).consume(self._keep)
        self._intake = await channel.get_exchange(INTAKE, ensure=False)
        await closed.wait()

    async def publish(self, key: str, body: bytes, id_: str) -> None:
        """Raises while it is not connected."""
        if self._intake is None:
            raise ConnectionError("not connected")
        message = aio_pika.Message(
            body,
            content_type=CONTENT_TYPE,
            user_id=self.account,
            message_id=id_,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        await self._intake.publish(message, key)

    def take(self, seen: Seen) -> None:
        id_ = seen.body["data"]["intake_id"]
        self.replies[id_].append(seen.wire.body)
        if id_ in self._waiting:
            self._waiting.pop(id_).set_result(None)

    async def answer(self, id_: str, seconds: float) -> Json:
        """What the first reply says; it is what the catalogue says it is."""
        if id_ not in self.replies:
            waiting = self._waiting.setdefault(id_, asyncio.get_running_loop().create_future())
            async with asyncio.timeout(seconds):
                await asyncio.shield(waiting)
        reply = json.loads(self.replies[id_][0])
        BY_NAME[reply["type"]].model.model_validate(reply["data"])
        return dict(reply["data"])


class Load:
    """Sends as one agency. ``copies`` of each message; ``sent`` are the messages by id."""

    def __init__(self, agency: Agency, seed: int, *, copies: int = 2, patience: float = 180) -> None:
        self._agency, self._seed, self._rng, self._copies = agency, seed, Random(seed), copies
        self._patience = patience
        self.sent: dict[str, Message] = {}
        self.businesses = 0
        self.deliveries = 0
        self._later: list[tuple[str, bytes, str]] = []

    # --- sending ----------------------------------------------------------------------------------------------------

    async def tell(self, count: int) -> None:
        """The stories of so many more businesses."""
        numbers = iter(range(self.businesses + 1, self.businesses + count + 1))
        self.businesses += count
        async with asyncio.TaskGroup() as group:
            for _ in range(OPEN_FILES):
                group.create_task(self._tell_some(numbers))
        while self._later:
            await self._send_late()

    async def _tell_some(self, numbers: Iterator[int]) -> None:
        for number in numbers:
            business_id = None
            for stage in story(number):
                Random(f"{self._seed}/{number}").shuffle(stage)
                replies = await self._all_of(stage, business_id)
                business_id = business_id or next(
                    (reply["result"]["business_id"] for reply in replies if "result" in reply), None
                )

    async def _all_of(self, stage: list[Message], business_id: str | None) -> list[Json]:
        for message in stage:
            await self.send(message, business_id)
        return [await self._reply(message) for message in stage]

    async def send(self, message: Message, business_id: str | None = None) -> None:
        """Now, and once more some time later."""
        data = {**message.data, "business_id": business_id} if message.needs_id else message.data
        body = intake(self._agency.account, message.key, data, message.id, **message.attributes)
        self.sent[message.id] = message
        await self._deliver(message.key, body, message.id)
        self._later += [(message.key, body, message.id)] * (self._copies - 1)
        if len(self._later) > OPEN_FILES:
            await self._send_late()

    async def _send_late(self) -> None:
        place = self._rng.randrange(len(self._later))
        self._later[place], self._later[-1] = self._later[-1], self._later[place]
        await self._deliver(*self._later.pop())

    async def _deliver(self, key: str, body: bytes, id_: str) -> None:
        """Until the broker has confirmed it: while it is away, again and again, which may double it once more."""
        self.deliveries += 1
        while True:
            with suppress(AMQPError, ConnectionError, RuntimeError, TimeoutError):
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await self._agency.publish(key, body, id_)
                return
            await asyncio.sleep(0.2)

    async def _reply(self, message: Message) -> Json:
        data = await self._agency.answer(message.id, self._patience)
        if ("result" in data) != message.accepted:
            raise AssertionError(f"{message.id}: {json.dumps(data)}")
        return data

    async def open_programme(self, name: str, **changes: Any) -> str:
        """Open one, twice; its id."""
        criteria = [{"type": "status_is", "value": "binaan"}, {"type": "scale_in", "values": ["mikro", "kecil"]}]
        data = programme(name=name, **{"criteria": criteria, "announce": "never", **changes})
        message = Message(f"open-{name}", "aid.programme.open", data, attributes={"actor": "kadis"})
        await self.send(message)
        return str((await self._reply(message))["result"]["programme_id"])

    async def close_programme(self, name: str, programme_id: str) -> None:
        data = {"programme_id": programme_id, "reason": "selesai"}
        message = Message(f"close-{name}", "aid.programme.close", data, attributes={"actor": "kadis"})
        await self.send(message)
        await self._reply(message)
