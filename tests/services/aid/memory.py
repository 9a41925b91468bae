"""aid without a broker or a database: the same routes, lookups and decisions over states kept in memory.

It does what the kernel promises and nothing more: looks up what a route asks for until it asks for nothing new, stores
what a decision changes the way it is stored for real (as JSON), and numbers nothing itself, so that a gap in a sequence
is the decision's fault and is found here.

With ``delay`` a decision is taken now and committed later, as in another process: on what has been seen now, and again
from the start if anything it writes or guards has been written or guarded in the meantime. Nothing else is protected,
neither what was looked up without a guard nor what was not there when a page was read.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pydantic import BaseModel

from services.aid.handlers import routes, workers
from services.aid.store import COLLECTIONS
from shared.contracts.authority import official_id
from shared.contracts.catalogue import TYPES
from shared.contracts.envelope import Received
from shared.contracts.registry import AgencyRegistered, AgencyState, BusinessEvent, OfficialRegistered, OfficialState
from shared.decision import Cause, Decision, Fact
from shared.kernel.routes import Decide, Needs
from shared.kernel.state import ById, ByKey, ByTag, Collection, Due, Lookup, Page, S, WorkingSet

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
MEDAN = "dinkop-medan"


def business(business_id: str = "business-1", **facts: Any) -> dict[str, Any]:
    """The public state of a business as registry tells it."""
    return {
        "business_id": business_id,
        "owner_id": f"owner-of-{business_id}",
        "name": "Keripik Ubi Mekar",
        "region": "12.71.01.1001",
        "agency": MEDAN,
        "status": "terdata",
        "status_since": "2026-01-05",
        "recorded_on": "2026-01-05",
        **facts,
    }


def programme(**fields: Any) -> dict[str, Any]:
    """What an official of Medan sends to open a programme."""
    return {
        "name": "Pelatihan kemasan dan digitalisasi",
        "kind": "training",
        "aid_form": "kegiatan",
        "topic": "packaging_digital",
        "agency": MEDAN,
        "region": "12.71",
        "fiscal_year": 2026,
        "budget": [{"source": "apbd", "version": "murni", "pagu": 150_000_000}],
        "unit_cost": 1_500_000,
        "quota": 100,
        "announce": "on_eligible",
        "beneficiary": "business",
        "criteria": [{"type": "status_is", "value": "binaan"}],
        **fields,
    }


class Nothing(BaseModel):
    """What a clock says."""


Place = tuple[str, str]
"""Collection and id."""


@dataclass
class Pending:
    """A decision that has been taken and not committed yet."""

    memory: Memory
    message: Received[Any]
    needs: Needs
    decide: Decide
    decision: Decision = field(default_factory=Decision)
    _touches: frozenset[Place] = frozenset()
    _snapshot: int = 0

    def take(self) -> None:
        memory, working = self.memory, WorkingSet()
        while missing := working.missing(list(self.needs(self.message, working))):
            for lookup in missing:
                memory.look_up(working, lookup)
        working.used.clear()
        self.decision = self.decide(self.message, working, self.message.received_at)
        guarded = {place for lookup in working.used if lookup.guard for place in _places(lookup, working)}
        written = {_place(change) for change in self.decision.changes}
        self._touches, self._snapshot = frozenset(guarded | written), memory.commits

    def commit(self) -> Decision:
        while any(self.memory.touched.get(place, 0) > self._snapshot for place in self._touches):
            self.take()
        if self.decision.changes:
            self.memory.commit(self.decision, self._touches)
        return self.decision


@dataclass
class Memory:
    """One aid service. ``facts`` is everything it has told, in order."""

    stored: dict[str, dict[str, BaseModel]] = field(
        default_factory=lambda: {collection.name: {} for collection in COLLECTIONS}
    )
    facts: list[Fact] = field(default_factory=list)
    now: datetime = NOW
    delay: bool = False
    pending: list[Pending] = field(default_factory=list)
    commits: int = 0
    touched: dict[Place, int] = field(default_factory=dict)
    _ids: int = 0

    # --- telling it things ---

    def know_agency(self, agency: str = MEDAN, region: str = "12.71", *permitted: str) -> None:
        """An agency with the officials of the local stack, ``kadis`` and ``kabid``."""
        patterns = permitted or ("registry.business.*", "aid.programme.*")
        state = AgencyState(
            agency=agency, name=agency, level="kabkota", region=region, permitted=patterns, status="active"
        )
        self.hear("registry.agency.registered", AgencyRegistered(agency=state), 1)
        for role in ("kadis", "kabid"):
            self._know_official(agency, role)

    def _know_official(self, agency: str, role: str) -> None:
        known = OfficialState(
            official_id=official_id(agency, role), agency=agency, role=role, acting=False, valid_from=date(2020, 1, 1)
        )
        self.hear("registry.official.registered", OfficialRegistered(official=known), 1)

    def hear_of(self, state: dict[str, Any], sequence: int, kind: str = "registry.business.updated") -> Decision:
        """An event of registry about a business."""
        return self.hear(kind, BusinessEvent.model_validate({"business": state}), sequence)

    def hear(self, kind: str, data: BaseModel, sequence: int) -> Decision:
        return self._handle(self._message("registry", kind, data, sequence=sequence, actor=None))

    def send(
        self, kind: str, data: dict[str, Any], account: str = MEDAN, actor: str | None = "kadis", **about: Any
    ) -> Decision:
        """An intake message, as an agency's own system sends it."""
        payload = TYPES[kind].model.model_validate(data)
        return self._handle(self._message(account, kind, payload, actor=actor, **about))

    def open(self, account: str = MEDAN, **fields: Any) -> str:
        """Open a programme that is in order; its id."""
        decision = self.send("aid.programme.open", programme(agency=account, **fields), account)
        assert not decision.problems
        return str(decision.result["programme_id"])

    def close(self, programme_id: str, account: str = MEDAN) -> None:
        assert not self.send("aid.programme.close", {"programme_id": programme_id}, account).problems

    def work(self, steps: int = 1_000_000) -> int:
        """Let the workers go on until they have nothing left to do, at most so many steps; how many they took."""
        for done in range(steps):
            if not any(self._step(worker.step) for worker in workers):
                return done
        return steps

    def later(self, **time: int) -> None:
        self.now += timedelta(**time)

    # --- what it has ---

    def all(self, collection: Collection[S]) -> list[S]:
        return [one for one in self.stored[collection.name].values() if isinstance(one, collection.model)]

    def told(self, kind: str) -> list[Fact]:
        return [fact for fact in self.facts if fact.type == kind]

    # --- what the kernel does ---

    def _message(self, account: str, kind: str, data: BaseModel, **about: Any) -> Received[Any]:
        self._ids += 1
        id_ = f"message-{self._ids}"
        return Received(
            **{
                "account": account,
                "id": id_,
                "type": kind,
                "data": data,
                "new_id": lambda *parts: str(uuid.uuid5(uuid.NAMESPACE_OID, "/".join((account, id_, *parts)))),
                "token": lambda *_: "token",
                "received_at": self.now,
                "cause": Cause(correlation_id=id_, causation_id=id_, actor=about.get("actor")),
                **about,
            }
        )

    def _handle(self, message: Received[Any]) -> Decision:
        route = routes.find(message.type)
        assert route is not None, f"nobody handles {message.type}"
        return self._decide(message, route.needs, route.decide)

    def _step(self, step: Any) -> bool:
        async def run(needs: Needs, decide: Decide) -> Decision:
            return self._decide(self._message("aid", "aid.clock.tick", Nothing(), actor=None), needs, decide)

        return bool(_finished(step(run)))

    def _decide(self, message: Received[Any], needs: Needs, decide: Decide) -> Decision:
        one = Pending(self, message, needs, decide)
        one.take()
        if self.delay:
            self.pending.append(one)
            return one.decision
        return one.commit()

    def commit_oldest(self) -> None:
        if self.pending:
            self.pending.pop(0).commit()

    def commit(self, decision: Decision, touches: Iterable[Place]) -> None:
        self.commits += 1
        self.touched.update(dict.fromkeys(touches, self.commits))
        for change in decision.changes:
            self._store(change)
        self.facts += decision.facts

    def look_up(self, working: WorkingSet, lookup: Lookup) -> None:
        collection = lookup.collection
        found = [one for one in self.stored[collection.name].values() if _matches(lookup, one)]
        found.sort(key=lambda one: (collection.due(one), collection.id_of(one)) if isinstance(lookup, Due) else ())
        if isinstance(lookup, Page):
            found.sort(key=collection.id_of)
        if isinstance(lookup, Page | Due):
            found = found[: lookup.limit]
        for one in found:
            working.add(collection, one)
        working.loaded(lookup, [collection.id_of(one) for one in found])

    def _store(self, change: BaseModel) -> None:
        collection = _collection(change)
        kept = type(change).model_validate(change.model_dump(mode="json"))
        assert kept == change, "what is stored is not what comes back"
        self.stored[collection.name][collection.id_of(change)] = kept


def _collection(change: BaseModel) -> Collection[Any]:
    return next(one for one in COLLECTIONS if type(change) is one.model)


def _place(change: BaseModel) -> Place:
    collection = _collection(change)
    return collection.name, collection.id_of(change)


def _places(lookup: Lookup, working: WorkingSet) -> list[Place]:
    """What a guard protects: what was found and, for an id, that there is none."""
    found = working.found(lookup) or ([lookup.id] if isinstance(lookup, ById) else [])
    return [(lookup.collection.name, id_) for id_ in found]


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
        case Due():
            due = collection.due(one)
            return due is not None and due <= lookup.until


def _finished(coroutine: Any) -> object:
    """Run to the end what never waits for anything."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("a step in memory has nothing to wait for")
