"""What registry would have stored, had it been told before: made by its own decisions, written in its own shape.

Agencies and a few thousand businesses go through the kernel's store as a service's would. A million would take it half
an hour (guards, majority, versions), so many are encoded by the same store and inserted in bulk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pymongo import MongoClient
from pymongo.write_concern import WriteConcern

from benchmarks.reports import ACCOUNT, KEY, REGION, body, intake_id
from deploy.local.world import World
from services.registry.handlers import routes
from services.registry.store import COLLECTIONS
from shared.agencies import AGENCIES, AgencyRecord
from shared.contracts.envelope import CONTENT_TYPE, INTAKE
from shared.kernel.codec import Codec, Delivery
from shared.kernel.keys import Keyring
from shared.kernel.mongo import Document, Mongo
from shared.kernel.state import WorkingSet
from shared.kernel.store import Store
from shared.kernel.unit_of_work import ask

AGENCY = AgencyRecord(
    agency=ACCOUNT,
    name="Dinas Koperasi dan UKM",
    level="kabkota",
    region=REGION,
    permitted=("registry.business.*", "registry.official.register", "aid.programme.*"),
    status="active",
    sequence=1,
)
_AT_ONCE = 2000


class Seeder:
    """Knows what registry makes of a report on a business that it has never heard of."""

    def __init__(self, world: World, keys: Path) -> None:
        self._keyring = Keyring.load(keys)
        self._codec = Codec("registry", self._keyring)
        self._url, self._database = world.mongo_url_of("registry"), world.databases["registry"]
        self._mongo = Mongo(self._url, self._database)
        self._store = Store(self._mongo, self._keyring, COLLECTIONS)

    async def indexes(self) -> None:
        """As registry makes them when it starts."""
        await self._store.ensure()

    def agency(self) -> None:
        self._insert([AGENCY])

    def businesses(self, numbers: Iterable[int]) -> None:
        """One owner and one business for each number."""
        waiting: list[BaseModel] = []
        for number in numbers:
            waiting += self.decided(number)
            if len(waiting) >= _AT_ONCE:
                self._insert(waiting)
                waiting = []
        self._insert(waiting)

    def decided(self, number: int) -> list[BaseModel]:
        """The aggregates that registry's decision on the first report with this number changes."""
        now = datetime.now(UTC)
        delivery = Delivery(INTAKE, KEY, body(number), ACCOUNT, intake_id(number), CONTENT_TYPE)
        received = self._codec.read(delivery, now).received
        route = routes.find(KEY)
        if received is None or route is None:
            raise AssertionError("the benchmark's own report is not valid")
        working = WorkingSet()
        working.add(AGENCIES, AGENCY)
        for lookup in ask(route.needs, received, working):
            working.loaded(lookup, ())
        return list(route.decide(received, working, now).changes)

    def ids(self, number: int, generation: int = 0) -> tuple[str, str]:
        """Of the owner and the business that the report with this number makes when both are new."""
        intake = intake_id(number, generation)
        return self._keyring.new_id(ACCOUNT, intake, "owner"), self._keyring.new_id(ACCOUNT, intake, "business")

    def _insert(self, aggregates: Iterable[BaseModel]) -> None:
        grouped: dict[str, list[Document]] = {}
        for name, document in self._documents(aggregates):
            grouped.setdefault(name, []).append(document)
        with MongoClient[Document](self._url) as client:
            for name, documents in grouped.items():
                collection = client[self._database].get_collection(name, write_concern=WriteConcern(1))
                collection.insert_many(documents, ordered=False)

    def _documents(self, aggregates: Iterable[BaseModel]) -> Iterator[tuple[str, Document]]:
        for aggregate in aggregates:
            collection: Any = self._store.collection_of(aggregate)
            yield collection.name, self._store._encode(collection, aggregate, 1)
