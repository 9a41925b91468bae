"""What registry would have stored, had it been told before: made by its own decisions, written in its own shape.

The service's own store encodes it, personal fields sealed; only the insert is in bulk and without guards, or a million
businesses would take half an hour.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pymongo import MongoClient
from pymongo.write_concern import WriteConcern

from benchmarks.reports import ACCOUNT, KEY, REGION, body, data, intake_id
from deploy.local.world import World
from services.registry import business as businesses
from services.registry.business import Business, Sales
from services.registry.handlers import routes
from services.registry.observation import Seen
from services.registry.owner import Owner
from services.registry.report import candidate_names
from services.registry.store import COLLECTIONS
from shared.agencies import AGENCIES, AgencyRecord
from shared.contracts.envelope import CONTENT_TYPE, INTAKE, Received
from shared.contracts.registry.businesses import PublishedKbli
from shared.kernel.codec import Codec, Delivery
from shared.kernel.keys import Keyring
from shared.kernel.mongo import Document, Mongo
from shared.kernel.state import WorkingSet
from shared.kernel.store import Store
from shared.kernel.unit_of_work import ask
from shared.reference import phone

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
            waiting += self.likely(number)
            if len(waiting) >= _AT_ONCE:
                self._insert(waiting)
                waiting = []
        self._insert(waiting)

    def decided(self, number: int) -> list[BaseModel]:
        """The owner and the business that registry's decision on the first report with this number makes, when the
        clocks have looked: nothing alike was found, and what is counted is counted."""
        received, route = self._read(number), routes.find(KEY)
        if route is None:
            raise AssertionError("registry takes no reports")
        working = WorkingSet()
        working.add(AGENCIES, AGENCY)
        while missing := working.missing(ask(route.needs, received, working)):
            for lookup in missing:
                working.loaded(lookup, ())
        changes = route.decide(received, working, received.received_at).changes
        made = [one for one in changes if isinstance(one, Owner | Business)]
        return [one.model_copy(update={"comparing": None}) if isinstance(one, Business) else one for one in made]

    def _read(self, number: int) -> Received[Any]:
        delivery = Delivery(INTAKE, KEY, body(number), ACCOUNT, intake_id(number), CONTENT_TYPE)
        received = self._codec.read(delivery, datetime.now(UTC)).received
        if received is None:
            raise AssertionError("the benchmark's own report is not valid")
        return received

    def likely(self, number: int) -> list[BaseModel]:
        """The same as ``decided``, a few times faster: another business's aggregates with this one's values."""
        told, (owner_id, business_id) = data(number), self.ids(number)
        told_owner, told_business = told["owner"], told["business"]
        owner, business, token_of = self._template
        token = self._keyring.token("nik", told_owner["nik"])
        person = owner.model_copy(
            update={
                **{name: told_owner[name] for name in ("nik", "name")},
                "phone": phone.parse(told_owner["phone"]).e164,
                "owner_id": owner_id,
                "tokens": {"nik": token},
                "seen": _seen(owner.seen, number),
            }
        )
        plain = {name: told_business[name] for name in ("name", "nib", "region", "address", "workers")}
        plain["told_name"] = plain["name"]
        made = business.model_copy(
            update={
                **plain,
                "kbli": PublishedKbli(**told_business["kbli"]),
                "annual_sales": Sales(**told_business["annual_sales"]),
                "agency_refs": {ACCOUNT: told_business["agency_ref"]},
                "business_id": business_id,
                "owner_id": owner_id,
                "seen": _seen(business.seen, number),
            }
        )
        scaled = businesses.scaled(made, made.recorded_on)
        return [
            person,
            scaled.model_copy(update={"claims": tuple(name[0] for name in candidate_names(scaled, token_of))}),
        ]

    @cached_property
    def _template(self) -> tuple[Owner, Business, Received[Any]]:
        owner, business = self.decided(0)
        if not isinstance(owner, Owner) or not isinstance(business, Business):
            raise AssertionError("a first report makes an owner and a business")
        return owner, business, self._read(0)

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


def _seen(seen: Mapping[str, Seen], number: int) -> dict[str, Seen]:
    return {field: one.model_copy(update={"intake_id": intake_id(number)}) for field, one in seen.items()}
