"""registry as others see it: a process on real servers, spoken to through RabbitMQ only."""

import asyncio
import base64
import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aio_pika
import httpx
import pytest
from pymongo import MongoClient

from deploy.local.processes import wait_until
from deploy.local.world import World
from shared.contracts.catalogue import BY_NAME
from shared.contracts.envelope import CONTENT_TYPE, INTAKE
from tests.services.registry.memory import MEDAN, NIB, NIK, OTHER_NIK, PERMITTED, PHONE, SIANTAR, person, trade

pytestmark = pytest.mark.servers

SECONDS = 30.0
DECREE = {"number": "SK-12/2026", "date": "2026-02-01"}


# --- the service ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def service(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running ``python -m services.registry``; the address of its health doors."""
    folder = tmp_path_factory.mktemp("registry")
    keys = folder / "keys.json"
    keys.write_text(json.dumps({"current": "k1", "keys": {"k1": base64.b64encode(secrets.token_bytes(32)).decode()}}))
    port = _free_port()
    environment = {"PATH": os.environ["PATH"], **world.service_env("registry", http_port=port, key_file=keys)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "services.registry"], env=environment, stdout=log, stderr=log)
    try:
        ready = f"http://127.0.0.1:{port}/readyz"
        assert wait_until(lambda: _is_ready(ready, process, folder / "log"), SECONDS), (folder / "log").read_text()
        yield f"http://127.0.0.1:{port}"
        process.terminate()
        process.wait(SECONDS)
        _assert_stopped_and_named_nobody((folder / "log").read_text())
    finally:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_ready(url: str, process: "subprocess.Popen[bytes]", log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.TransportError:
        return False


def _assert_stopped_and_named_nobody(log: str) -> None:
    assert '"stopped"' in log.splitlines()[-1]
    for value in (NIK, OTHER_NIK, PHONE, "Pemilik Contoh", "Jalan Contoh"):
        assert value not in log


# --- the others -------------------------------------------------------------------------------------------------------


class Account:
    """An account on the wire: it sends to the intake and reads its own replies."""

    def __init__(self, name: str, exchange: aio_pika.abc.AbstractExchange, replies: "asyncio.Queue[bytes]") -> None:
        self.name, self._exchange, self._replies = name, exchange, replies
        self._sent, self._run = 0, secrets.token_hex(4)

    async def send(self, kind: str, data: dict[str, Any], **attributes: Any) -> str:
        """Publish one message, confirmed; its id."""
        self._sent += 1
        body = {
            "specversion": "1.0",
            "id": f"{self._run}-{self._sent}",
            "source": f"/agency/{self.name}",
            "type": f"id.binaan.{kind}.v1",
            "time": "2026-01-05T09:30:00+07:00",
            "data": data,
            **attributes,
        }
        message = aio_pika.Message(
            json.dumps(body).encode(),
            content_type=CONTENT_TYPE,
            user_id=self.name,
            message_id=body["id"],
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        await self._exchange.publish(message, kind)
        return str(body["id"])

    async def reply(self) -> bytes:
        async with asyncio.timeout(SECONDS):
            return await self._replies.get()

    async def ask(self, kind: str, data: dict[str, Any], **attributes: Any) -> dict[str, Any]:
        """Send, and the payload of the reply; another message's may be delivered again in between."""
        id_ = await self.send(kind, data, **attributes)
        while (payload := _payload(await self.reply()))["intake_id"] != id_:
            pass
        return payload

    async def accepted(self, kind: str, data: dict[str, Any], **attributes: Any) -> dict[str, Any]:
        payload = await self.ask(kind, data, **attributes)
        assert "result" in payload, payload
        return dict(payload["result"])

    async def refused(self, kind: str, data: dict[str, Any], **attributes: Any) -> list[str]:
        payload = await self.ask(kind, data, **attributes)
        return [one["code"] for one in payload["problems"]]


def _payload(body: bytes) -> dict[str, Any]:
    """The payload of a message that is what the catalogue says it is."""
    envelope = json.loads(body)
    BY_NAME[envelope["type"]].model.model_validate(envelope["data"])
    return dict(envelope["data"])


class Wire:
    """The connections of one test."""

    def __init__(self, world: World) -> None:
        self._world, self._open = world, AsyncExitStack()
        self._accounts: dict[str, Account] = {}

    async def close(self) -> None:
        await self._open.aclose()

    async def account(self, name: str) -> Account:
        """One reader for each account: two would share its replies between them."""
        if name not in self._accounts:
            channel = await self._channel(self._world.amqp_url_of(name))
            exchange = await channel.get_exchange(INTAKE, ensure=False)
            self._accounts[name] = Account(name, exchange, await self._reading(channel, f"{name}.replies"))
        return self._accounts[name]

    async def reading(self, queue: str) -> "asyncio.Queue[bytes]":
        """What arrives in a queue, as administrator."""
        return await self._reading(await self._channel(self._world.amqp_url), queue)

    async def _channel(self, url: str) -> aio_pika.abc.AbstractChannel:
        connection = await self._open.enter_async_context(await aio_pika.connect(url))
        return await connection.channel()

    @staticmethod
    async def _reading(channel: aio_pika.abc.AbstractChannel, name: str) -> "asyncio.Queue[bytes]":
        arrived: asyncio.Queue[bytes] = asyncio.Queue()
        queue = await channel.get_queue(name, ensure=False)

        async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            arrived.put_nowait(message.body)

        await queue.consume(take, no_ack=True)
        return arrived


@pytest.fixture
async def wire(world: World, service: str) -> AsyncIterator[Wire]:
    """Connections of the test, with the demo's agencies registered."""
    wire = Wire(world)
    administrator = await wire.account("binaan")
    for agency, region in ((MEDAN, "12.71"), (SIANTAR, "12.72")):
        about = {"agency": agency, "name": agency, "level": "kabkota", "region": region, "permitted": PERMITTED}
        await administrator.accepted("registry.agency.register", about)
        for role in ("kabid", "kadis"):
            named = {"agency": agency, "official": role, "role": role, "valid_from": "2020-01-01"}
            await administrator.accepted("registry.official.register", named)
    yield wire
    await wire.close()


async def _events_of(arrived: "asyncio.Queue[bytes]", subject: str, count: int) -> list[dict[str, Any]]:
    """The first events of a subject, in the order in which they arrived."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(SECONDS):
        while len(found) < count:
            envelope = json.loads(await arrived.get())
            if envelope.get("subject") == subject:
                found.append(envelope)
    return found


# --- the tests --------------------------------------------------------------------------------------------------------


async def test_a_report_is_recorded_told_and_answered(wire: Wire) -> None:
    """The main chain, 1: one event for the public, one contact for notify, one reply for the sender."""
    medan = await wire.account(MEDAN)
    events, contacts = await wire.reading("kemenumkm.events"), await wire.reading("notify.contacts")
    result = await medan.accepted(
        "registry.business.report",
        {"owner": person(), "business": trade(nib=NIB, agency_ref="A-1", address="Jalan Contoh 1")},
        id="medan-2026-000123",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
    assert (result["sequence"], result["outcome"]) == (1, "created")
    (recorded,) = await _events_of(events, result["business_id"], 1)
    (contact,) = await _events_of(contacts, result["owner_id"], 1)
    assert (recorded["type"], recorded["sequence"], recorded["region"]) == (
        "id.binaan.registry.business.recorded.v1",
        f"{1:020d}",
        "12.71.01.1001",
    )
    assert recorded["correlationid"] == recorded["causationid"] == "medan-2026-000123"
    assert recorded["traceparent"].startswith("00-0af7651916cd43dd8448eb211c80319c-")
    assert contact["data"]["contact"]["phone"] == PHONE
    assert not any(secret in json.dumps(recorded) for secret in (NIK, PHONE, "Pemilik", "Jalan"))


async def test_officials_lead_a_business_to_binaan_by_an_opaque_name(wire: Wire) -> None:
    """The main chain, 2 and 3; each event carries its state, its number, and an official nobody can name."""
    medan, events = await wire.account(MEDAN), await wire.reading("kemenumkm.events")
    report = {"owner": person(), "business": trade(name="Batik Tulis")}
    business_id = (await medan.accepted("registry.business.report", report))["business_id"]
    about = {"business_id": business_id}
    assert await medan.refused("registry.business.designate", {**about, "decree": DECREE}, actor="kadis") == [
        "business.not_verified"
    ]
    assert await medan.refused("registry.business.verify", about, actor="petugas") == ["actor.unknown"]
    await medan.accepted("registry.business.verify", about, actor="kabid")
    designated = await medan.accepted("registry.business.designate", {**about, "decree": DECREE}, actor="kadis")
    assert designated == {**designated, "outcome": "designated", "sequence": 3}
    chain = await _events_of(events, business_id, 3)
    assert [one["type"].split(".")[4] for one in chain] == ["recorded", "verified", "designated"]
    assert [int(one["sequence"]) for one in chain] == [1, 2, 3]
    assert chain[2]["data"]["business"]["status"] == "binaan"
    assert chain[2]["data"]["change"]["decree"] == DECREE
    assert "kadis" not in json.dumps(chain)
    assert chain[2]["actor"] != chain[1]["actor"]


async def test_a_message_sent_twice_is_done_once_and_answered_alike(wire: Wire) -> None:
    """Identity is (account, id): the same pair again gets the same bytes and changes nothing."""
    medan, events = await wire.account(MEDAN), await wire.reading("kemenumkm.events")
    report = {"owner": person(), "business": trade(name="Warung Dua Kali")}
    await medan.send("registry.business.report", report, id="twice-1")
    first = await medan.reply()
    await medan.send("registry.business.report", report, id="twice-1")
    assert await medan.reply() == first
    business_id = _payload(first)["result"]["business_id"]
    again = await medan.accepted("registry.business.report", report)
    assert (again["business_id"], again["outcome"]) == (business_id, "unchanged")
    await medan.accepted("registry.business.verify", {"business_id": business_id}, actor="kadis")
    assert [int(one["sequence"]) for one in await _events_of(events, business_id, 2)] == [1, 2]


async def test_copies_on_the_heels_of_a_message_are_that_message(wire: Wire) -> None:
    """Copies within a batch get one reply, later ones the same again: how many come is not promised, which is."""
    medan, events = await wire.account(MEDAN), await wire.reading("kemenumkm.events")
    report = {"owner": person(), "business": trade(name="Warung Bertubi")}
    for _ in range(5):
        await medan.send("registry.business.report", report, id="heels-1")
    last = await medan.send("registry.business.report", {"owner": person(), "business": trade(name="Warung Akhir")})
    replies = [await medan.reply()]
    while _payload(replies[-1])["intake_id"] != last:
        replies.append(await medan.reply())
    assert len(set(replies[:-1])) == 1
    business_id = _payload(replies[0])["result"]["business_id"]
    await medan.accepted("registry.business.verify", {"business_id": business_id}, actor="kadis")
    assert [int(one["sequence"]) for one in await _events_of(events, business_id, 2)] == [1, 2]


async def test_an_id_used_again_for_other_content_is_refused(wire: Wire) -> None:
    """Whoever counts ids anew learns of it, rather than losing a message."""
    medan = await wire.account(MEDAN)
    report = {"owner": person(), "business": trade(name="Warung Satu")}
    await medan.accepted("registry.business.report", report, id="reused-1")
    other = {"owner": person(), "business": trade(name="Warung Lain")}
    assert await medan.refused("registry.business.report", other, id="reused-1") == ["id.reused"]


async def test_reports_of_one_person_at_once_make_one_owner(wire: Wire) -> None:
    """Many in flight, in one batch or several: one NIK is one owner, and each gets its own reply (S1-24)."""
    medan = await wire.account(MEDAN)
    for number in range(40):
        owner = person(nik=OTHER_NIK)
        await medan.send("registry.business.report", {"owner": owner, "business": trade(name=f"Usaha {number}")})
    results = [_payload(await medan.reply())["result"] for _ in range(40)]
    assert len({one["owner_id"] for one in results}) == 1
    assert len({one["business_id"] for one in results}) == 40


async def test_what_is_wrong_is_said_with_its_place_and_without_its_value(wire: Wire) -> None:
    """A NIK with a birth date that does not exist, and a place that does not either, both at once."""
    medan = await wire.account(MEDAN)
    wrong = f"{NIK[:6]}310299{NIK[12:]}"
    payload = await medan.ask(
        "registry.business.report", {"owner": person(nik=wrong), "business": trade(region="99.99")}
    )
    assert {(one["code"], one["field"]) for one in payload["problems"]} == {
        ("nik.invalid_date", "data.owner.nik"),
        ("region.unknown", "data.business.region"),
    }
    assert wrong not in json.dumps(payload)


async def test_another_agency_learns_nothing_of_a_business(wire: Wire) -> None:
    medan, siantar = await wire.account(MEDAN), await wire.account(SIANTAR)
    report = {"owner": person(), "business": trade(name="Roti Bakar")}
    business_id = (await medan.accepted("registry.business.report", report))["business_id"]
    about = {"business_id": business_id, "decree": DECREE}
    assert await siantar.refused("registry.business.designate", about, actor="kadis") == ["authority.region"]


async def test_the_administrator_can_ask_who_is_known(wire: Wire) -> None:
    """What ``binaan`` compares with aid's answer to see that its copy has caught up."""
    administrator = await wire.account("binaan")
    payload = await administrator.ask("registry.agency.request", {})
    assert [(one["agency"], len(one["officials"])) for one in payload["answer"]] == [(MEDAN, 2), (SIANTAR, 2)]


async def test_the_database_names_nobody(wire: Wire, world: World) -> None:
    """Owners' personal fields, addresses and figures lie encrypted; keys are tokens (UU PDP)."""
    medan = await wire.account(MEDAN)
    business = trade(name="Kopi Rahasia", address="Jalan Contoh 1", agency_ref=NIK, capital=123_456_789)
    await medan.accepted("registry.business.report", {"owner": person(), "business": business})
    with MongoClient[dict[str, Any]](world.mongo_url_of("registry")) as client:
        database = client[world.databases["registry"]]
        stored = "".join(
            repr(document) for name in database.list_collection_names() for document in database[name].find()
        )
    assert "Kopi Rahasia" in stored
    for secret in (NIK, PHONE, "Pemilik Contoh", "Jalan Contoh", "123456789"):
        assert secret not in stored
