"""Vendors call a running notify over HTTP: what they say comes out as events, and a STOP reaches a running registry.

The clocks of both services are set to an hour at which nobody sleeps.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from deploy.local.world import World
from services.notify.message import message_id
from shared.kernel.doors import MAX_BYTES
from tests.end_to_end.stage import Person, Tap, now
from tests.faults.crew import Victim
from tests.samples import MEDAN
from tests.services.notify.tellers import Tellers
from tests.services.notify.vendors import (
    VERIFY,
    Vendors,
    meta_body,
    meta_signature,
    meta_status,
    meta_text,
    provider_file,
    tell,
    tell_twilio,
    until_nobody_sleeps,
)
from tests.support import History, Json, Party, register, until

pytestmark = pytest.mark.servers


class Scene:
    """registry and notify as processes, the vendors' stand-in, and those who tell and look."""

    def __init__(self, world: World, root: Path) -> None:
        self.world, self._root = world, root
        self.vendors = Vendors()
        self.history, self.tap = History(world), Tap(world)
        self.tellers, self.medan = Tellers(world), Party(world, MEDAN)
        self.people: list[Person] = []

    async def begin(self, stack: AsyncExitStack) -> None:
        await stack.enter_async_context(self.vendors)
        file = provider_file(self.vendors.url, seconds=10.0, slow_seconds=5.0)
        file["providers"].pop()  # Zenziva tells nothing afterwards
        self._root.mkdir(exist_ok=True)
        providers = self._root / "providers.json"
        providers.write_text(json.dumps(file))
        self.registry = Victim(self.world, "registry", self._root, 0)
        self.notify = Victim(self.world, "notify", self._root, 0, BINAAN_PROVIDERS_FILE=str(providers))
        for victim in (self.registry, self.notify):
            victim.control["clock_offset"] = until_nobody_sleeps()
            victim.launch()
            stack.callback(victim.kill)
        for victim in (self.registry, self.notify):
            await victim.ready(90)
        for one in (self.history, self.tap, self.tellers, self.medan):
            await stack.enter_async_context(one)
        await register(self.world)

    async def owner(self, **consent: bool) -> Json:
        """Somebody whose business registry has recorded; the result of the report."""
        person = Person(70_000 + len(self.people))
        self.people.append(person)
        report = person.report()
        report["owner"]["consent"].update(consent)
        return {**await self.medan.accepted("registry.business.report", report, time=now()), "phone": person.phone}

    async def invite(self, owner: Json, programme: str) -> str:
        """The owner's business is eligible; the id of the message."""
        await self.tellers.programme(programme)
        await self.tellers.eligibility(programme, owner["business_id"])
        return message_id(programme, owner["owner_id"])

    async def sent(self, message: str) -> str:
        """The handle with which a vendor has taken a message, once the events say so."""
        await self.until_states(message, "queued", "sent")
        return next(one.handle for one in self.vendors.ledger if one.handle and one.handle.startswith(message))

    def states(self, message: str) -> list[str]:
        events = self.history.by_subject().get(message, [])
        assert [int(one["sequence"]) for one in events] == list(range(1, len(events) + 1))
        return [one["data"]["message"]["state"] for one in events]

    async def until_states(self, message: str, *states: str) -> None:
        await until(lambda: self.states(message) == list(states), 60, f"{message} {states}")

    def stored(self, collection: str, **query: Any) -> list[Json]:
        with MongoClient[Json](self.world.mongo_url_of("notify")) as client:
            return list(client[self.world.databases["notify"]][collection].find(query))


@pytest.fixture(scope="module")
async def scene(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    made = Scene(world, tmp_path_factory.mktemp("webhooks"))
    async with AsyncExitStack() as stack:
        await made.begin(stack)
        yield made
        assert [made.notify.stop(), made.registry.stop()] == [0, 0]
    logged = made.notify.log.read_text()
    assert "a door failed" not in logged
    assert not any(secret in logged for person in made.people for secret in person.secrets)


async def test_what_meta_tells_becomes_events_once_and_only_with_its_signature(scene: Scene) -> None:
    """Forged, altered or unsigned: 403, and nothing changes. Told again, late or in another order: nothing new."""
    message = await scene.invite(await scene.owner(), "meta")
    handle = await scene.sent(message)
    delivered, read = (meta_body(meta_status(one, handle)) for one in ("delivered", "read"))
    port = scene.notify.port
    assert await tell(port, delivered, meta_signature(delivered, "another secret")) == 403
    assert await tell(port, read, meta_signature(delivered)) == 403
    assert await tell(port, delivered, "") == 403
    assert await tell(port, delivered) == 200
    await scene.until_states(message, "queued", "sent", "delivered")
    assert await tell(port, read) == 200
    await scene.until_states(message, "queued", "sent", "delivered", "read")
    for again in (delivered, read, meta_body(meta_status("sent", handle))):
        assert await tell(port, again) == 200
    assert scene.stored("messages", _id=message)[0]["s"]["sequence"] == 4


async def test_a_hundred_statuses_come_at_once_and_unknown_ones_are_kept(scene: Scene) -> None:
    """None is dropped: what is ours is heard, what is nobody's is kept once, however often it comes."""
    message = await scene.invite(await scene.owner(), "hundred")
    handle = await scene.sent(message)
    before = len(scene.stored("strays"))
    others = [meta_status("read", f"nobody-{number}.1") for number in range(99)]
    body = meta_body(*others[:50], meta_status("delivered", handle), *others[50:])
    for _ in range(2):
        assert await tell(scene.notify.port, body) == 200
    await scene.until_states(message, "queued", "sent", "delivered")
    assert len(scene.stored("strays")) - before == 99
    counted = [one["number"] for one in scene.notify.logged() if one["event"].startswith("receipts name no message")]
    assert counted == [99], "said once, for those that were news"


async def test_what_is_too_large_is_refused_and_the_door_stays_open(scene: Scene) -> None:
    """5 MB, though well signed; the next one comes through. Meta's challenge is answered to who knows the word."""
    port = scene.notify.port
    large = meta_body(meta_text("x" * 5_000_000, "+6281100001234"))
    assert len(large) > MAX_BYTES
    with suppress(httpx.WriteError):  # it is hung up on while it is still talking
        assert await tell(port, large) == 413
    assert await tell(port, meta_body()) == 200
    url = f"http://127.0.0.1:{port}/webhooks/whatsapp"
    async with httpx.AsyncClient(trust_env=False) as client:
        asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": VERIFY}
        assert (await client.get(url, params=asked)).text == "1158201444"
        assert (await client.get(url, params={**asked, "hub.verify_token": "a guess"})).status_code == 403


async def test_what_twilio_tells_becomes_events_only_with_its_signature(scene: Scene) -> None:
    """An SMS to somebody who does not want WhatsApp; the handle in the address is signed too."""
    message = await scene.invite(await scene.owner(whatsapp=False), "twilio")
    handle = await scene.sent(message)
    port, told = scene.notify.port, {"MessageSid": "SM1", "MessageStatus": "delivered"}
    assert await tell_twilio(port, handle, "bm90IGEgc2lnbmF0dXJl", **told) == 403
    assert await tell_twilio(port, handle, "", **told) == 403
    assert await tell_twilio(port, handle, MessageSid="SM1", MessageStatus="queued") == 200
    for _ in range(2):
        assert await tell_twilio(port, handle, **told) == 200
    await scene.until_states(message, "queued", "sent", "delivered")
    (event,) = (one for one in scene.history.by_subject()[message] if one["data"]["message"]["state"] == "delivered")
    assert event["data"]["message"]["channel"] == "sms"


async def test_a_stop_withdraws_consent_in_the_register_and_nothing_more_goes(scene: Scene) -> None:
    """The owner writes BERHENTI: registry has it on record, tells it as a contact, and the next message is withheld."""
    owner = await scene.owner()
    await scene.sent(await scene.invite(owner, "before"))
    words = meta_body(messages=(meta_text("Berhenti", owner["phone"]),))
    for _ in range(2):
        assert await tell(scene.notify.port, words) == 200

    def withdrawn() -> list[Json]:
        contacts = [one.body for one in scene.tap.of("registry.contact.changed", subject=owner["owner_id"])]
        return [one for one in contacts if not any(one["data"]["contact"]["consent"][by] for by in ("whatsapp", "sms"))]

    (contact,) = await until(withdrawn, 60, "a contact without consent")
    asked = [
        one.body
        for one in scene.tap.of("registry.consent.withdraw")
        if one.body["data"]["owner_id"] == owner["owner_id"]
    ]
    assert len(asked) == 1, "registry is told once, however often the owner says it"
    assert asked[0]["source"] == "/binaan/notify"
    message = await scene.invite(owner, "after")
    await scene.until_states(message, "queued", "suppressed")
    (event,) = (one for one in scene.history.by_subject()[message] if one["type"].endswith("suppressed.v1"))
    assert event["data"]["change"]["reason"] in {"stopped", "no_consent"}
    assert int(contact["sequence"]) > 1
    assert [one.to for one in scene.vendors.ledger].count(owner["phone"]) == 1
