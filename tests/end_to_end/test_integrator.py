"""An integrator who has never met us: ten lines of a client, and the CloudEvents packages others already use."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.rabbitmq import RabbitMQMessage, from_rabbitmq
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from tests.end_to_end.conftest import NODE
from tests.end_to_end.stage import Person, Stage, Tap, now, programme
from tests.samples import DECREE
from tests.support import PROJECT, Json, Party, Seen, until

pytestmark = pytest.mark.servers

CLIENT = PROJECT / "docs" / "integrators" / "first_events.py"
DESIGNATED = "id.binaan.registry.business.designated.v1"
ASSESSED = "id.binaan.aid.eligibility.assessed.v1"


@pytest.fixture(scope="module")
async def tap(stage: Stage, medan: Party) -> AsyncIterator[Tap]:
    """All that is published from here on."""
    async with Tap(stage.world) as made:
        yield made


@pytest.fixture(scope="module")
async def events(stage: Stage, medan: Party, tap: Tap) -> list[Seen]:
    """The events of one business from its report to the message to its owner."""
    opened = await medan.ask("aid.programme.open", programme(), actor="kadis", traceparent=_trace())
    assert "result" in opened["data"]
    await lead_to_binaan(medan, Person(1))
    await until(lambda: tap.of("notify.message.delivered"), what="the owner was told")
    return [one for one in tap.seen if one.exchange == "binaan.events"]


def _trace() -> str:
    return "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def lead_to_binaan(medan: Party, person: Person) -> str:
    """A business is reported, verified and designated; its id."""
    reply = await medan.ask("registry.business.report", person.report(), time=now())
    about = {"business_id": reply["data"]["result"]["business_id"]}
    await medan.ask("registry.business.verify", about, actor="kabid")
    await medan.ask("registry.business.designate", {**about, "decree": DECREE}, actor="kadis")
    return str(about["business_id"])


# --- the ten-line client ----------------------------------------------------------------------------------------------


async def test_the_client_of_ten_lines_prints_the_first_events(stage: Stage, medan: Party, events: list[Seen]) -> None:
    """With nothing but aio-pika: what happens, among it who became binaan, and for what they are eligible."""
    environment = {**os.environ, "BINAAN_AMQP_URL": stage.world.amqp_url_of("kemenumkm")}
    client = await asyncio.create_subprocess_exec(
        sys.executable, str(CLIENT), env=environment, stdout=PIPE, stderr=PIPE
    )
    try:
        business_id = await lead_to_binaan(medan, Person(2))
        printed = await asyncio.wait_for(_until_printed(client, business_id), 60)
    finally:
        client.terminate()
        await client.wait()
    designated, assessed = printed
    assert designated[0] == DESIGNATED
    assert designated[1]["business"]["business_id"] == business_id
    assert assessed[0] == ASSESSED
    assert assessed[1]["eligibility"]["eligible"] is True


async def _until_printed(client: asyncio.subprocess.Process, business_id: str) -> list[tuple[str, Json]]:
    """Of all that it prints, the lines on this business that say it is binaan, and that it is eligible."""
    found: list[tuple[str, Json]] = []
    assert client.stdout is not None
    while len(found) < 2:
        line = (await client.stdout.readline()).decode()
        if not line:
            assert client.stderr is not None
            raise AssertionError((await client.stderr.read()).decode())
        type_, _, _, data = line.split(" ", 3)
        wanted = type_ == DESIGNATED or (type_ == ASSESSED and json.loads(data)["eligibility"]["eligible"])
        if wanted and business_id in data:
            found.append((type_, json.loads(data)))
    return found


def test_the_client_uses_nothing_but_aio_pika() -> None:
    """What stands in the guide is what runs; and it stays ten lines that do something."""
    lines = CLIENT.read_text().split('"""')[-1].splitlines()
    imported = {line.split()[1] for line in lines if line.startswith(("import ", "from "))}
    assert imported == {"asyncio", "json", "os", "aio_pika"}
    body = [line for line in lines if line.strip() and not line.startswith(("import ", "asyncio.run", "async def"))]
    assert len(body) <= 12


# --- other people's packages ------------------------------------------------------------------------------------------


def test_the_cloudevents_package_of_pypi_reads_every_event(events: list[Seen]) -> None:
    """By its RabbitMQ binding, which finds the mode by the content type."""
    assert len({one.body["type"] for one in events}) >= 7
    for one in events:
        wire = RabbitMQMessage(headers={}, content_type=one.wire.content_type, body=one.wire.body)
        event = from_rabbitmq(wire, JSONFormat(), CloudEvent)
        assert event.get_type() == one.body["type"]
        assert event.get_id() == one.body["id"] == one.wire.message_id
        assert event.get_time() == datetime.fromisoformat(one.body["time"])
        assert event.get_subject() == one.body["subject"]
        assert event.get_dataschema() == f"urn:binaan:schema:{one.body['type']}"
        assert event.get_extension("sequence") == one.body["sequence"]
        assert event.get_extension("partitionkey") == one.body["subject"]
        assert event.get_data() == one.body["data"]


def test_the_cloudevents_package_of_npm_reads_every_event(events: list[Seen], node: Path) -> None:
    """Portals are written in JavaScript more often than in Python."""
    given = json.dumps([{"contentType": one.wire.content_type, "body": one.wire.body.decode()} for one in events])
    done = subprocess.run(
        ["node", "read.mjs"], cwd=node, input=given, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    understood: list[Json] = json.loads(done.stdout)
    assert [_without_time(one) for one in understood] == [_without_time(one.body) for one in events]
    assert [_to_milliseconds(one) for one in understood] == [_to_milliseconds(one.body) for one in events]


def _without_time(event: Json) -> Json:
    return {name: value for name, value in event.items() if name != "time"}


def _to_milliseconds(event: Json) -> Any:
    """JavaScript's own clock has no microseconds."""
    return int(datetime.fromisoformat(event["time"]).timestamp() * 1000)


def test_the_lock_names_no_registry() -> None:
    """It must install wherever npm is pointed to, and say nothing of where it was made."""
    lock = json.loads((NODE / "package-lock.json").read_text())
    assert [name for name, one in lock["packages"].items() if name and "integrity" not in one] == []
    assert "resolved" not in (NODE / "package-lock.json").read_text()
    assert "://" not in json.dumps([{**one, "funding": None} for one in lock["packages"].values()])
