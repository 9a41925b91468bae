"""What an erasure takes out of what is stored beside the collections: unsent messages, stored answers, what is held.

The kernel on a real database, and nobody who publishes: so what is committed waits.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from deploy.local.world import World
from services.registry.handlers import routes
from services.registry.store import COLLECTIONS
from shared.contracts.envelope import CONTACTS, CONTENT_TYPE, INTAKE
from shared.kernel import held as holding
from shared.kernel.codec import Codec, Delivery, Outgoing
from shared.kernel.held import HELD
from shared.kernel.inbox import Inbox
from shared.kernel.keys import Keyring
from shared.kernel.mongo import Mongo
from shared.kernel.outbox import Outbox
from shared.kernel.routes import Routes
from shared.kernel.store import Store
from shared.kernel.unit_of_work import Item, UnitOfWork
from tests.samples import MEDAN
from tests.services.registry.memory import NIK, PHONE, person, trade
from tests.support import intake

pytestmark = pytest.mark.servers

NAME, ADDRESS = "Siti Aminah", "Jalan Contoh 77"
SECRETS = (NIK, PHONE, PHONE.removeprefix("+62"), NAME, "Aminah", ADDRESS)
WHO = ["registry.business.*", "registry.owner.*", "registry.official.register"]


class Kernel:
    """registry's decisions on a database of its own; ``broken`` makes its next reports fail, as a bug of ours would."""

    def __init__(self, world: World, keyring: Keyring | None = None) -> None:
        self.keyring, self._database = keyring or Keyring("k1", {"k1": b"k" * 32}), world.databases["registry"]
        self.mongo = Mongo(world.mongo_url_of("registry"), world.databases["registry"])
        self.codec = Codec("registry", self.keyring)
        self.store = Store(self.mongo, self.keyring, [*COLLECTIONS, HELD])
        self.outbox, self.inbox = Outbox(self.mongo, self.keyring, "test"), Inbox(self.mongo, self.keyring)
        self.routes = Routes.of(routes)
        holding.register(self.routes, "registry")
        self.unit = UnitOfWork(self.mongo, self.keyring, self.store, self.outbox, self.inbox, self.codec, self.routes)
        self.now = datetime.now(UTC)
        self._count = 0

    async def empty(self) -> None:
        database = self.mongo.client[self._database]
        for name in await database.list_collection_names():
            await database[name].delete_many({})

    async def prepare(self, permitted: Sequence[str] = WHO) -> None:
        for part in (self.store, self.outbox, self.inbox):
            await part.ensure()
        agency = {"agency": MEDAN, "name": "Dinas", "level": "kabkota", "region": "12.71", "permitted": permitted}
        official = {"agency": MEDAN, "official": "kadis", "role": "kadis", "valid_from": "2020-01-01"}
        await self.send("registry.agency.register", agency, account="binaan")
        await self.send("registry.official.register", official, account="binaan")

    def delivery(self, key: str, data: Any, account: str = MEDAN, **about: Any) -> Delivery:
        self._count += 1
        id_ = about.pop("id_", f"forgetting-{self._count}")
        return Delivery(INTAKE, key, intake(account, key, data, id_, **about), account, id_, CONTENT_TYPE)

    async def send(self, key: str, data: Any, **about: Any) -> list[Outgoing]:
        return await self.unit.process([Item(self.codec.read(self.delivery(key, data, **about), self.now))])

    async def batch(self, deliveries: Sequence[Delivery]) -> list[Outgoing]:
        return await self.unit.process([Item(self.codec.read(one, self.now)) for one in deliveries])

    async def opened(self) -> str:
        """All that the database holds, sealed parts opened, as text."""
        found = []
        for name in [*(one.name for one in self.store._collections.values()), "outbox", "inbox"]:
            for document in await self.mongo.collection(name).find({}).to_list(None):
                context = document["_id"].hex() if name == "inbox" else document["_id"]
                for part in ("x", "reply", "body"):
                    if part in document and document.get("exchange") != "binaan.events":
                        document[part] = self.keyring.open(document[part], f"{name}/{context}")
                found.append(repr(document))
        return "\n".join(found)


@pytest.fixture
async def kernel(world: World) -> AsyncIterator[Kernel]:
    made = Kernel(world)
    await made.empty()
    await made.prepare()
    yield made
    await made.mongo.close()


def report(**business: Any) -> dict[str, Any]:
    told = trade(**{"name": "UD Siti Aminah", "address": ADDRESS, "agency_ref": "A-1", **business})
    return {"owner": person(name=NAME), "business": told}


def answer_in(outgoing: Sequence[Outgoing]) -> Any:
    (reply,) = [orjson.loads(one.body)["data"] for one in outgoing if one.exchange == "binaan.replies"]
    return reply.get("result") or reply.get("answer") or reply


async def test_after_an_erasure_nothing_that_is_stored_holds_the_person(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one transaction: collections, an unsent contact, an answer unsent and stored, and a message that is held."""
    time = kernel.now.isoformat()
    owner_id = answer_in(await kernel.send("registry.business.report", report(), time=time))["owner_id"]
    question = {"owner_ids": [owner_id], "purpose": "field_visit"}
    asked = await kernel.send("registry.owner.request", question, id_="asked")
    assert answer_in(asked)[0]["nik"] == NIK
    whole = {"detail": "full", "purpose": "field_visit"}
    businesses = await kernel.send("registry.business.request", whole, id_="asked-of-businesses")
    assert answer_in(businesses)[0]["detail"]["address"] == ADDRESS
    with monkeypatch.context() as patch:
        patch.setattr("services.registry.report.decide", _bug)
        await kernel.send("registry.business.report", report(workers=3), time=time, id_="held")
    assert await kernel.mongo.collection("held").count_documents({}) == 1
    before = await kernel.opened()
    assert all(secret in before for secret in SECRETS)

    erase = {"owner_id": owner_id, "reason": "permintaan_pemilik"}
    told = await kernel.send("registry.owner.erase", erase, actor="kadis")
    after = await kernel.opened()
    assert [secret for secret in SECRETS if secret in after] == []
    assert await kernel.mongo.collection("held").count_documents({}) == 0
    assert [orjson.loads(one.body)["data"]["problems"][0]["code"] for one in told if one.key.endswith("rejected")] == [
        "held.discarded"
    ]
    unsent = await kernel.outbox.unsent()
    contacts = [one for one in unsent if one.exchange == CONTACTS]
    assert [one.sequence for one in contacts] == [1, 2]
    assert {bool(orjson.loads(one.body)["data"]["contact"]["erased"]) for one in contacts} == {True}

    again = await kernel.send("registry.owner.request", question, id_="asked")
    assert answer_in(again) == {"erased": True}
    assert [one.id for one in again] == [one.id for one in asked if one.key.endswith("answered")]
    assert answer_in(await kernel.send("registry.business.request", whole, id_="asked-of-businesses")) == {
        "erased": True
    }


async def test_an_erasure_in_one_batch_with_what_it_erases_leaves_nothing(kernel: Kernel) -> None:
    """Reported, asked and erased within a millisecond: the later message sees what the earlier ones have said."""
    time = kernel.now.isoformat()
    first = kernel.delivery("registry.business.report", report(), time=time)
    received = kernel.codec.read(first, kernel.now).received
    assert received is not None
    owner_id = received.new_id("owner")
    question = {"owner_ids": [owner_id], "purpose": "field_visit"}
    erase = {"owner_id": owner_id, "reason": "permintaan_pemilik"}
    await kernel.batch(
        [
            first,
            kernel.delivery("registry.owner.request", question),
            kernel.delivery("registry.owner.erase", erase, actor="kadis"),
        ]
    )
    found = await kernel.opened()
    assert [secret for secret in SECRETS if secret in found] == []
    assert '"erased":true' in found


async def test_an_erasure_does_not_wait_behind_what_is_held_about_the_person(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parked for an operator who is on holiday: a bug of ours is no reason to keep a person's data."""
    time = kernel.now.isoformat()
    result = answer_in(await kernel.send("registry.business.report", report(), time=time))
    with monkeypatch.context() as patch:
        patch.setattr("services.registry.business.decide", _bug)
        verify = {"business_id": result["business_id"], "note": f"Ibu {NAME} ada di tempat"}
        await kernel.send("registry.business.verify", verify, actor="kadis")
    await kernel.send("registry.business.report", report(workers=5), time=time)
    assert await kernel.mongo.collection("held").count_documents({}) == 2
    kernel.now += timedelta(seconds=1)
    erase = {"owner_id": result["owner_id"], "reason": "permintaan_pemilik"}
    told = await kernel.send("registry.owner.erase", erase, actor="kadis")
    assert "erased" in str([orjson.loads(one.body)["data"].get("result") for one in told])
    found = await kernel.opened()
    assert [secret for secret in SECRETS if secret in found] == []


def _bug(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError
