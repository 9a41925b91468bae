"""An office that speaks to a running Binaan, as much of one as a measurement needs."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self, cast

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from aiormq import Channel
from pamqp.commands import Basic

from benchmarks.reports import ACCOUNT, REGION
from deploy.local.world import World
from shared.contracts.catalogue import TYPES
from shared.contracts.envelope import ADMINISTRATOR, CONTENT_TYPE, INTAKE

Json = dict[str, Any]
REPLY_SECONDS = 60
PROGRAMME: Json = {
    "name": "Pelatihan kemasan dan digitalisasi",
    "kind": "training",
    "aid_form": "kegiatan",
    "topic": "packaging_digital",
    "agency": ACCOUNT,
    "region": REGION,
    "fiscal_year": 2026,
    "budget": [{"source": "apbd", "version": "murni", "pagu": 150_000_000}],
    "unit_cost": 1_500_000,
    "quota": 100,
    "announce": "on_eligible",
    "beneficiary": "business",
    "criteria": [{"type": "status_is", "value": "binaan"}, {"type": "scale_in", "values": ["mikro", "kecil"]}],
}
DECREE = {"number": "SK-12/2026", "date": "2026-02-01"}


class Office:
    """An account's way in, and the replies it is given."""

    def __init__(self, account: str, channel: Channel) -> None:
        self._account, self._channel = account, channel
        self._replies: dict[str, asyncio.Future[Json]] = {}

    @classmethod
    @asynccontextmanager
    async def of(cls, world: World, account: str = ACCOUNT) -> AsyncIterator[Self]:
        async with await aio_pika.connect(world.amqp_url_of(account)) as connection:
            sending = await connection.channel(publisher_confirms=True)
            office = cls(account, cast(Channel, await sending.get_underlay_channel()))
            reading = await connection.channel()
            await reading.set_qos(500)
            queue = await reading.get_queue(f"{account}.replies", ensure=False)
            await queue.consume(office._take)
            yield office

    async def _take(self, message: AbstractIncomingMessage) -> None:
        await message.ack()
        reply = json.loads(message.body)["data"]
        waiting = self._replies.pop(reply["intake_id"], None)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)

    async def send(self, key: str, data: Json, *, id_: str | None = None, **attributes: Any) -> str:
        """One message through the door; returns its id when the broker has confirmed it."""
        id_ = id_ or str(uuid.uuid4())
        envelope = {
            "specversion": "1.0",
            "id": id_,
            "source": f"/agency/{self._account}",
            "type": TYPES[key].name,
            "data": data,
            **attributes,
        }
        await self.publish(key, json.dumps(envelope).encode(), id_)
        return id_

    async def publish(self, key: str, body: bytes, id_: str) -> None:
        properties = Basic.Properties(content_type=CONTENT_TYPE, delivery_mode=2, message_id=id_, user_id=self._account)
        await self._channel.basic_publish(body, exchange=INTAKE, routing_key=key, properties=properties, wait=False)

    async def ask(self, key: str, data: Json, **attributes: Any) -> Json:
        """Send and wait for the payload of the reply."""
        id_ = str(uuid.uuid4())
        answer = self.expect(id_)
        await self.send(key, data, id_=id_, **attributes)
        return await asyncio.wait_for(answer, REPLY_SECONDS)

    def expect(self, id_: str) -> asyncio.Future[Json]:
        """The reply to a message that is about to be sent."""
        self._replies[id_] = asyncio.get_running_loop().create_future()
        return self._replies[id_]


async def open_for_business(world: World) -> None:
    """An agency with its head, known to all services, and a programme that every new binaan is judged for."""
    async with Office.of(world, ADMINISTRATOR) as administrator:
        agency = {"agency": ACCOUNT, "name": "Dinas Koperasi dan UKM", "level": "kabkota", "region": REGION}
        permitted = ["registry.business.*", "aid.programme.*"]
        await accepted(administrator.ask("registry.agency.register", {**agency, "permitted": permitted}))
        official = {"agency": ACCOUNT, "official": "kadis", "role": "kadis", "valid_from": "2020-01-01"}
        await accepted(administrator.ask("registry.official.register", official))
    async with Office.of(world) as office:
        deadline = time.monotonic() + REPLY_SECONDS
        while "problems" in (reply := await office.ask("aid.programme.open", PROGRAMME, actor="kadis")):
            if time.monotonic() > deadline:
                raise RuntimeError(f"aid opens no programme: {reply['problems']}")
            await asyncio.sleep(0.1)  # aid has not yet heard of the agency


async def accepted(asking: Any) -> Json:
    """The result of a message that must be accepted."""
    reply = await asyncio.wait_for(asking, REPLY_SECONDS)
    if "result" not in reply:
        raise RuntimeError(f"refused: {reply}")
    return dict(reply["result"])
