"""The toy as a whole service in the test's own process, on a real broker and a real database."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from deploy.local.world import World
from shared.kernel.routes import Worker
from shared.kernel.service import Service
from shared.kernel.settings import Settings
from tests.shared.kernel.toy import COLLECTIONS, SERVICE, Behaviour
from tests.support import Party, Scraped, until


class Shop:
    """The service in this process, and what a test wants to know of it."""

    workers: tuple[Worker, ...] = ()

    def __init__(self, world: World, key_file: Path, queues: Sequence[str] = ("intake",)) -> None:
        self.world, self.behaviour = world, Behaviour()
        settings = Settings(
            amqp_url=world.amqp_url,
            mongo_url=world.mongo_url,
            mongo_database=f"{world.name}_toy",
            key_file=key_file,
            management_url=world.management_url,
        )
        routes = self.behaviour.routes
        self.service = Service(
            SERVICE, settings, routes=routes, collections=COLLECTIONS, workers=self.workers, queues=queues
        )
        self.consumer = self.service._consumers[0]

    @property
    def arrived(self) -> int:
        return len(self.consumer._inflight) + len(self.consumer._batcher)

    async def database(self, collection: str) -> int:
        found = self.service._mongo.client[f"{self.world.name}_toy"][collection]
        count: int = await found.count_documents({})
        return count

    async def about(self, *path: str) -> Any:
        """What the broker's management API says."""

        def ask() -> Any:
            with self.world.management() as management:
                return management.get(*path)

        return await asyncio.to_thread(ask)

    async def metrics(self) -> Scraped:
        """What a scraper reads of it now."""
        status, _, body = await self.service.health.pages["/metrics"]()
        assert status == 200
        return Scraped(body.decode())


@asynccontextmanager
async def open_shop(world: World, key_file: Path, queues: Sequence[str] = ("intake",)) -> AsyncIterator[Shop]:
    """A working service with nothing in its queues and its database before, and nothing left of it after."""
    for kind in queues:
        provide(world, kind)
    shop = Shop(world, key_file, queues)
    await shop.service._mongo.client.drop_database(f"{world.name}_toy")
    try:
        await shop.service.start()
        yield shop
        if shop.service.health.working:
            await shop.service.stop()
    finally:
        with world.management() as management:
            for kind in queues:
                management.delete("queues", world.vhost, f"{SERVICE}.{kind}")


def provide(world: World, kind: str) -> None:
    """The toy's queue of one kind, bound as those of the services are."""
    with world.management() as management:
        body = {"durable": True, "auto_delete": False, "arguments": {"x-queue-type": "quorum"}}
        management.put("queues", world.vhost, f"{SERVICE}.{kind}", body=body)
        bind(world, kind)


def bind(world: World, kind: str) -> None:
    with world.management() as management:
        binding = {"routing_key": f"{SERVICE}.#", "arguments": {}}
        management.post("bindings", world.vhost, "e", f"binaan.{kind}", "q", f"{SERVICE}.{kind}", body=binding)


def unbind(world: World, kind: str) -> None:
    with world.management() as management:
        management.delete("bindings", world.vhost, "e", f"binaan.{kind}", "q", f"{SERVICE}.{kind}", f"{SERVICE}.%23")


def new_keys(path: Path) -> Path:
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    path.write_text(json.dumps({"current": "k1", "keys": {"k1": key}}))
    return path


async def put(party: Party, number: int, **more: Any) -> str:
    """Send one thing; its intake id."""
    data = {"thing_id": more.pop("thing_id", f"t-{number}"), "value": number}
    return await party.send("toy.thing.put", data, id_=more.pop("id_", f"{uuid.uuid4()}"), **more)


async def answered(party: Party, ids: Sequence[str]) -> None:
    await until(lambda: all(party.replies[id_] for id_ in ids), what="all replies")
