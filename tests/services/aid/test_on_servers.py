"""aid as others see it: processes on real servers, spoken to and listened to through RabbitMQ only."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
import socket
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import aio_pika
import httpx
import pytest

from deploy.local.processes import wait_until
from deploy.local.world import World
from shared.contracts.authority import official_id
from shared.contracts.catalogue import BY_NAME
from shared.contracts.envelope import CONTENT_TYPE, EVENTS, INTAKE, format_sequence
from tests.samples import MEDAN, programme
from tests.services.aid.memory import business

pytestmark = pytest.mark.servers

SECONDS = 60.0
RECOVERY_SECONDS = 200.0
"""After a kill: the workers' lease runs out (10 s), and what the dead process had begun to write stays locked until
MongoDB gives the transaction up (transactionLifetimeLimitSeconds, 60 s unless set, looked at every half of that)."""
SIANTAR, KALTIM = "dinkop-siantar", "disperindagkop-kaltim"
REGIONS = {MEDAN: "12.71", SIANTAR: "12.72", KALTIM: "64"}


# --- the service ------------------------------------------------------------------------------------------------------


class Processes:
    """``python -m services.aid``, as many as a test wants."""

    def __init__(self, world: World, folder: Path) -> None:
        self._world, self._folder = world, folder
        self._running: list[subprocess.Popen[bytes]] = []
        self._keys = folder / "keys.json"
        key = base64.b64encode(secrets.token_bytes(32)).decode()
        self._keys.write_text(json.dumps({"current": "k1", "keys": {"k1": key}}))
        self.log = folder / "log"

    def start(self) -> subprocess.Popen[bytes]:
        port = _free_port()
        settings = self._world.service_env("aid", http_port=port, key_file=self._keys)
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "services.aid"],
                env={"PATH": os.environ["PATH"], **settings},
                stdout=log,
                stderr=log,
            )
        self._running.append(process)
        ready = f"http://127.0.0.1:{port}/readyz"
        assert wait_until(lambda: self._is_ready(ready, process), SECONDS), self.log.read_text()
        return process

    def stop(self) -> None:
        for process in self._running:
            process.terminate()
        for process in self._running:
            process.wait(SECONDS)

    def kill(self) -> None:
        for process in self._running:
            process.kill()
            process.wait()

    def _is_ready(self, url: str, process: subprocess.Popen[bytes]) -> bool:
        assert process.poll() is None, self.log.read_text()
        try:
            return httpx.get(url, trust_env=False).is_success
        except httpx.TransportError:
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def processes(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    made = Processes(world, tmp_path_factory.mktemp("aid"))
    try:
        made.start()
        yield made
        made.stop()
    finally:
        made.kill()


# --- the others -------------------------------------------------------------------------------------------------------


class Feed:
    """Everything of aid that a ministry's integrator has read so far, validated against the catalogue."""

    def __init__(self) -> None:
        self.answers: dict[str, list[dict[str, Any]]] = defaultdict(list)
        """By programme."""
        self.answered: dict[str, set[str]] = defaultdict(set)
        """Programme → beneficiaries."""
        self.closed: set[str] = set()
        self._arrived = asyncio.Event()

    def take(self, body: bytes) -> None:
        envelope = json.loads(body)
        kind = BY_NAME[envelope["type"]]
        kind.model.model_validate(envelope["data"])
        if kind.key == "aid.programme.closed":
            self.closed.add(envelope["subject"])
        if kind.key == "aid.eligibility.assessed":
            eligibility = envelope["data"]["eligibility"]
            self.answers[eligibility["programme_id"]].append(envelope)
            self.answered[eligibility["programme_id"]].add(eligibility["beneficiary_id"])
        self._arrived.set()

    async def until(self, condition: Callable[[], bool], seconds: float = SECONDS) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                self._arrived.clear()
                await self._arrived.wait()


class Wire:
    """registry, the agencies, the administrator and an integrator, each on a connection of its own."""

    def __init__(self, world: World) -> None:
        self._world, self._open = world, AsyncExitStack()
        self._exchanges: dict[str, aio_pika.abc.AbstractExchange] = {}
        self._replies: dict[str, asyncio.Queue[bytes]] = {}
        self.feed = Feed()

    async def open(self) -> None:
        await self._speaker("registry", EVENTS)
        for account in (*REGIONS, "binaan"):
            channel = await self._speaker(account, INTAKE)
            self._replies[account] = asyncio.Queue()
            await self._read(channel, f"{account}.replies", self._replies[account].put_nowait)
        channel = await self._channel("kemenumkm")
        await self._read(channel, "kemenumkm.events", self.feed.take)

    async def close(self) -> None:
        await self._open.aclose()

    async def tell(self, kind: str, thing: str, state: dict[str, Any], subject: str, sequence: int) -> None:
        """Publish an event as registry does."""
        id_ = f"{subject}-{sequence}"
        envelope = {
            "specversion": "1.0",
            "id": id_,
            "source": "/binaan/registry",
            "type": f"id.binaan.{kind}.v1",
            "time": "2026-01-05T02:30:00Z",
            "subject": subject,
            "partitionkey": subject,
            "sequence": format_sequence(sequence),
            "region": state.get("region", "00"),
            "correlationid": f"chain-{subject}",
            "causationid": f"chain-{subject}",
            "data": {thing: state, "change": {}},
        }
        await self._publish("registry", f"{kind}.{state.get('region', '00')[:5]}", envelope)

    async def tell_of(self, states: Iterable[dict[str, Any]], sequence: int = 3) -> None:
        """Businesses that have just become binaan."""
        kind = "registry.business.designated"
        waiting = [self.tell(kind, "business", state, state["business_id"], sequence) for state in states]
        for start in range(0, len(waiting), 200):
            await asyncio.gather(*waiting[start : start + 200])

    async def know(self, agency: str, region: str) -> None:
        """An agency and its head; returns when aid knows them, and so everything that registry told before."""
        permitted = ["aid.programme.*"]
        about = {"agency": agency, "name": agency, "level": "kabkota", "region": region, "permitted": permitted}
        await self.tell("registry.agency.registered", "agency", {**about, "status": "active"}, agency, 1)
        head = official_id(agency, "kadis")
        named = {"official_id": head, "agency": agency, "role": "kadis", "acting": False, "valid_from": "2020-01-01"}
        await self.tell("registry.official.registered", "official", named, head, 1)
        async with asyncio.timeout(SECONDS):
            while head not in await self._known_officials():
                pass

    async def _known_officials(self) -> set[str]:
        reply = await self.ask("aid.agency.request", {}, "binaan")
        return {one["official_id"] for agency in reply["answer"] for one in agency["officials"]}

    async def ask(self, kind: str, data: dict[str, Any], account: str, **attributes: Any) -> dict[str, Any]:
        """Send one intake message, and the payload of its reply."""
        id_ = f"{account}-{secrets.token_hex(6)}"
        envelope = {
            "specversion": "1.0",
            "id": id_,
            "source": f"/agency/{account}",
            "type": f"id.binaan.{kind}.v1",
            "data": data,
            **attributes,
        }
        await self._publish(account, kind, envelope)
        async with asyncio.timeout(SECONDS):
            payload = json.loads(await self._replies[account].get())["data"]
        assert payload["intake_id"] == id_
        return dict(payload)

    async def open_programme(self, account: str, **fields: Any) -> str:
        data = programme(agency=account, region=REGIONS[account], **fields)
        payload = await self.ask("aid.programme.open", data, account, actor="kadis")
        assert payload.get("result", payload)["outcome"] == "opened"
        return str(payload["result"]["programme_id"])

    async def _publish(self, account: str, key: str, envelope: dict[str, Any]) -> None:
        message = aio_pika.Message(
            json.dumps(envelope).encode(),
            content_type=CONTENT_TYPE,
            user_id=account,
            message_id=envelope["id"],
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        await self._exchanges[account].publish(message, key)

    async def _speaker(self, account: str, exchange: str) -> aio_pika.abc.AbstractChannel:
        channel = await self._channel(account)
        self._exchanges[account] = await channel.get_exchange(exchange, ensure=False)
        return channel

    async def _channel(self, account: str) -> aio_pika.abc.AbstractChannel:
        connection = await self._open.enter_async_context(await aio_pika.connect(self._world.amqp_url_of(account)))
        return await connection.channel()

    @staticmethod
    async def _read(channel: aio_pika.abc.AbstractChannel, name: str, take: Callable[[bytes], None]) -> None:
        queue = await channel.get_queue(name, ensure=False)

        async def taken(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            take(message.body)

        await queue.consume(taken, no_ack=True)


@pytest.fixture
async def wire(world: World, processes: Processes) -> AsyncIterator[Wire]:
    made = Wire(world)
    await made.open()
    yield made
    await made.close()


def many(count: int, region: str) -> list[dict[str, Any]]:
    return [business(f"{region}-{number:05d}", status="binaan", region=region) for number in range(count)]


def numbers(answers: Iterable[dict[str, Any]]) -> dict[str, dict[int, set[str]]]:
    """Subject → sequence → the ids it came under."""
    found: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for one in answers:
        found[one["subject"]][int(one["sequence"])].add(one["id"])
    return found


# --- the tests --------------------------------------------------------------------------------------------------------


async def test_a_business_that_becomes_binaan_is_assessed_for_what_is_open(wire: Wire) -> None:
    """Contract, step 4, as an integrator reads it; one chain by correlation id."""
    await wire.know(MEDAN, "12.71")
    programme_id = await wire.open_programme(MEDAN)
    state = business("chain-1", status="terverifikasi")
    await wire.tell("registry.business.verified", "business", state, "chain-1", 2)
    await wire.tell_of([{**state, "status": "binaan"}])
    await wire.feed.until(lambda: len(wire.feed.answers[programme_id]) == 2)
    first, second = wire.feed.answers[programme_id]
    assert first["subject"] == second["subject"] == second["partitionkey"]
    assert [one["sequence"] for one in (first, second)] == [format_sequence(1), format_sequence(2)]
    assert [one["data"]["eligibility"]["verdict"] for one in (first, second)] == ["ineligible", "eligible"]
    assert (second["correlationid"], second["causationid"]) == ("chain-chain-1", "chain-1-3")
    assert second["data"]["eligibility"]["assessed_from_sequence"] == format_sequence(3)
    assert second["region"] == state["region"]


async def test_what_an_official_may_not_do_is_refused(wire: Wire) -> None:
    """The reply says why; nothing is told."""
    await wire.know(MEDAN, "12.71")
    data = programme(region="12.72", apply_until="2020-01-01")
    payload = await wire.ask("aid.programme.open", data, MEDAN, actor="kadis")
    assert [(one["code"], one["field"]) for one in payload["problems"]] == [("authority.region", "data.region")]
    payload = await wire.ask("aid.programme.close", {"programme_id": "never-opened"}, MEDAN, actor="kadis")
    assert [one["code"] for one in payload["problems"]] == ["programme.unknown"]


async def test_a_kill_in_the_middle_of_a_large_region_loses_nothing_and_numbers_nothing_twice(
    wire: Wire, processes: Processes
) -> None:
    """Issue 2, build 5: a large region in steps that survive a restart. The kill counts only if work was left."""
    states = many(2000, "12.72.01.1001")
    await wire.tell_of(states)
    await wire.know(SIANTAR, "12.72")
    programme_id = await wire.open_programme(SIANTAR)
    await wire.feed.until(lambda: bool(wire.feed.answered[programme_id]))
    processes.kill()
    assert len(wire.feed.answered[programme_id]) < len(states), "the work was done before the kill"
    processes.start()
    await wire.feed.until(partial(_all_are_answered, wire, programme_id, len(states)), RECOVERY_SECONDS)
    await _close(wire, programme_id, SIANTAR)
    for told in numbers(wire.feed.answers[programme_id]).values():
        assert {sequence: len(ids) for sequence, ids in told.items()} == {1: 1}
    assert {one["data"]["eligibility"]["verdict"] for one in wire.feed.answers[programme_id]} == {"eligible"}


async def test_no_business_is_missed_by_a_programme_that_opens_during_an_import(
    wire: Wire, processes: Processes
) -> None:
    """Two replicas: one may be writing businesses that the other's page of the work list cannot see."""
    processes.start()
    await wire.know(KALTIM, "64")
    states = many(1000, "64.72.01.1001")
    importing = asyncio.create_task(wire.tell_of(states))
    opened = [await wire.open_programme(KALTIM, criteria=[]) for _ in range(3)]
    await importing
    for programme_id in opened:
        await wire.feed.until(partial(_all_are_answered, wire, programme_id, len(states)), RECOVERY_SECONDS)
        assert all(set(told) == {1} for told in numbers(wire.feed.answers[programme_id]).values())


def _all_are_answered(wire: Wire, programme_id: str, count: int) -> bool:
    return len(wire.feed.answered[programme_id]) == count


async def _close(wire: Wire, programme_id: str, account: str) -> None:
    """Close it, and wait until that is told: whatever a worker still had to say has been said before."""
    await wire.ask("aid.programme.close", {"programme_id": programme_id}, account, actor="kadis")
    await wire.feed.until(lambda: programme_id in wire.feed.closed)
