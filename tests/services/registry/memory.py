"""registry without a broker or a database: the same routes, lookups and decisions over states kept in memory.

It does what the kernel promises and nothing more: looks up what a route asks for until it asks for nothing new, lets
no two things claim one key, and stores what a decision changes as JSON and reads it back. Every event that comes out is
held against the catalogue and the sequence of its subject, so that each test also tests those.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

from pydantic import BaseModel

from services.registry.business import Business
from services.registry.handlers import routes
from services.registry.owner import Owner
from services.registry.store import BUSINESSES, COLLECTIONS, OWNERS
from shared.contracts.catalogue import TYPES
from shared.contracts.envelope import Received
from shared.decision import Cause, Decision, Fact
from shared.kernel.state import ById, ByKey, ByTag, Collection, Lookup, Page, WorkingSet
from tests.shared.reference import generate

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
MEDAN, SIANTAR, KALTIM = "dinkop-medan", "dinkop-siantar", "disperindagkop-kaltim"
PERMITTED = ["registry.business.*", "registry.official.register", "aid.programme.*"]
SEEN = datetime(2026, 1, 5, 2, 30, tzinfo=UTC)

NIK = generate.nik(Random(1), regency="12.71")
OTHER_NIK = generate.nik(Random(2), regency="12.71")
PHONE = generate.phone(Random(3))
NIB = generate.nib(Random(4))


def person(**fields: Any) -> dict[str, Any]:
    """An owner as an agency tells of one."""
    return {"nik": NIK, "name": "Pemilik Contoh", "phone": PHONE, **fields}


def trade(**fields: Any) -> dict[str, Any]:
    """A business as an agency tells of one: the least that it can be recorded with."""
    return {"name": "Keripik Ubi Mekar", "region": "12.71.01.1001", **fields}


@dataclass
class Registry:
    """One registry service with the agencies of the local stack. ``facts`` is everything it has told, in order."""

    stored: dict[str, dict[str, BaseModel]] = field(
        default_factory=lambda: {collection.name: {} for collection in COLLECTIONS}
    )
    facts: list[Fact] = field(default_factory=list)
    now: datetime = NOW
    _ids: int = 0
    _sequences: dict[tuple[str, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for agency, region in ((MEDAN, "12.71"), (SIANTAR, "12.72"), (KALTIM, "64")):
            self.know_agency(agency, region)
        self.facts.clear()

    # --- telling it things ---

    def know_agency(self, agency: str, region: str) -> None:
        """An agency with the officials ``kabid`` and ``kadis``."""
        about = {"agency": agency, "name": agency, "level": "kabkota", "region": region, "permitted": PERMITTED}
        self.accept("registry.agency.register", about, "binaan")
        for role in ("kabid", "kadis"):
            named = {"agency": agency, "official": role, "role": role, "valid_from": "2020-01-01"}
            self.accept("registry.official.register", named, "binaan")

    def send(self, kind: str, data: Mapping[str, Any], account: str = MEDAN, **about: Any) -> Decision:
        """An intake message, as an agency's own system sends it."""
        return self.batch([self.message(kind, data, account, **about)])[0]

    def accept(self, kind: str, data: Mapping[str, Any], account: str = MEDAN, **about: Any) -> Mapping[str, Any]:
        """The result of a message that must be accepted."""
        decision = self.send(kind, data, account, **about)
        assert not decision.problems, decision.problems
        return decision.result

    def report(
        self,
        business: Mapping[str, Any],
        owner: Mapping[str, Any] | None = None,
        account: str = MEDAN,
        clear: Sequence[str] = (),
        **about: Any,
    ) -> Decision:
        """A report; without an owner part where none is given."""
        return self.batch([self.report_message(business, owner, account, clear, **about)])[0]

    def recorded(self, account: str = MEDAN, **fields: Any) -> str:
        """Record a business; its id."""
        decision = self.report(trade(**fields), person(), account)
        assert not decision.problems, decision.problems
        return str(decision.result["business_id"])

    def decide(self, verb: str, business_id: str, account: str = MEDAN, actor: str = "kadis", **data: Any) -> Decision:
        """An official's decision on a business."""
        return self.send(f"registry.business.{verb}", {"business_id": business_id, **data}, account, actor=actor)

    def brought_to(self, status: str, business_id: str) -> None:
        """Lead a recorded business to a state, step by step."""
        decree = {"decree": {"number": "SK-12/2026", "date": "2026-02-01"}}
        steps: dict[str, list[tuple[str, dict[str, Any]]]] = {"terdata": [], "nonaktif": [("deactivate", {})]}
        steps["terverifikasi"] = [("verify", {})]
        steps["binaan"] = [*steps["terverifikasi"], ("designate", decree)]
        steps["mandiri"] = [*steps["binaan"], ("release", {})]
        for verb, data in steps[status]:
            assert not self.decide(verb, business_id, **data).problems

    # --- what it has ---

    def all(self, collection: Collection[Any]) -> list[Any]:
        return list(self.stored[collection.name].values())

    def business(self, business_id: str | None = None) -> Business:
        """One business, or the only one."""
        found = [one for one in self.all(BUSINESSES) if business_id in {None, one.business_id}]
        assert len(found) == 1
        return Business.model_validate(found[0])

    def owner(self) -> Owner:
        """The only owner."""
        (found,) = self.all(OWNERS)
        return Owner.model_validate(found)

    def told(self) -> list[str]:
        """The last words of all types told, in order: ``business.recorded``."""
        return [fact.type.removeprefix("registry.") for fact in self.facts]

    # --- what the kernel does ---

    def report_message(
        self,
        business: Mapping[str, Any],
        owner: Mapping[str, Any] | None = None,
        account: str = MEDAN,
        clear: Sequence[str] = (),
        **about: Any,
    ) -> Received[Any]:
        data: dict[str, Any] = {"business": business}
        if owner is not None:
            data["owner"] = owner
        if clear:
            data["clear"] = list(clear)
        return self.message("registry.business.report", data, account, **{"time": SEEN, **about})

    def message(self, kind: str, data: Mapping[str, Any], account: str = MEDAN, **about: Any) -> Received[Any]:
        self._ids += 1
        id_ = about.pop("id", f"message-{self._ids:04d}")
        return Received(
            **{
                "account": account,
                "id": id_,
                "type": kind,
                "data": TYPES[kind].model.model_validate(data),
                "new_id": lambda *parts: str(uuid.uuid5(uuid.NAMESPACE_OID, "/".join((account, id_, *parts)))),
                "token": lambda *parts: hashlib.sha256("/".join(("a key", *parts)).encode()).hexdigest(),
                "received_at": self.now,
                "cause": Cause(correlation_id=id_, causation_id=id_),
                **about,
            }
        )

    def batch(self, messages: Iterable[Received[Any]]) -> list[Decision]:
        """Decide several messages on one working set, as they arrived."""
        working = WorkingSet()
        return [self._decide(message, working) for message in messages]

    def _decide(self, message: Received[Any], working: WorkingSet) -> Decision:
        route = routes.find(message.type)
        assert route is not None, f"nobody handles {message.type}"
        while missing := working.missing(list(route.needs(message, working))):
            for lookup in missing:
                self._look_up(working, lookup)
        decision = route.decide(message, working, self.now)
        assert not decision.problems or not (decision.changes or decision.facts), "a refusal changes nothing"
        for change in decision.changes:
            working.put(_collection_of(change), self._store(change))
        for fact in decision.facts:
            self._tell(fact)
        return decision

    def _look_up(self, working: WorkingSet, lookup: Lookup) -> None:
        collection = lookup.collection
        found = sorted((one for one in self.all(collection) if _matches(lookup, one)), key=collection.id_of)
        found = found[: lookup.limit] if isinstance(lookup, Page) else found
        for one in found:
            working.add(collection, one)
        working.loaded(lookup, [collection.id_of(one) for one in found])

    def _store(self, change: BaseModel) -> BaseModel:
        collection, kept = _collection_of(change), type(change).model_validate(change.model_dump(mode="json"))
        assert kept == change, "what is stored is not what comes back"
        mine, others = collection.id_of(kept), self.stored[collection.name].items()
        taken = {key for id_, other in others if id_ != mine for key in collection.keys(other)}
        assert taken.isdisjoint(collection.keys(kept)), "a unique index would refuse this"
        self.stored[collection.name][mine] = kept
        return kept

    def _tell(self, fact: Fact) -> None:
        kind = TYPES[fact.type]
        assert kind.model.model_validate(fact.data.model_dump(mode="json")) == fact.data
        line = (fact.subject, kind.exchange)
        assert fact.sequence == self._sequences.get(line, 0) + 1, "a sequence has a gap"
        self._sequences[line] = fact.sequence
        self.facts.append(fact)


def _collection_of(change: BaseModel) -> Collection[Any]:
    return next(one for one in COLLECTIONS if type(change) is one.model)


def _matches(lookup: Lookup, one: BaseModel) -> bool:
    collection = lookup.collection
    match lookup:
        case ById():
            return collection.id_of(one) == lookup.id
        case ByKey():
            return lookup.key in collection.keys(one)
        case ByTag():
            return lookup.tag in collection.tags(one)
        case Page():
            return lookup.tag in collection.tags(one) and collection.id_of(one) > lookup.after
    raise AssertionError("registry asks for nothing by the clock")


def codes(decision: Decision) -> list[tuple[str, str | None]]:
    """What was refused, and where."""
    return [(problem.code, problem.field) for problem in decision.problems]
