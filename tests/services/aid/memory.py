"""aid without a broker or a database (``tests.memory``), told of businesses as registry tells it.

With ``delay`` a decision is taken now and committed later, as in another process: on what has been seen now, and again
from the start if anything it writes or guards has been written or guarded in the meantime. Nothing else is protected,
neither what was looked up without a guard nor what was not there when a page was read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel

from services.aid.handlers import routes, workers
from services.aid.store import COLLECTIONS
from shared.contracts.registry.businesses import BusinessEvent
from shared.decision import Decision, Fact
from shared.kernel.state import ById, ByKey, Lookup, WorkingSet
from tests import samples
from tests.memory import ServiceInMemory, Task
from tests.samples import MEDAN

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


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


Place = tuple[str, str]
"""Collection, and an id or ``key:`` with a key."""


@dataclass
class Pending:
    """A decision that has been taken and not committed yet."""

    memory: Memory
    task: Task
    working: WorkingSet = field(default_factory=WorkingSet)
    decision: Decision = field(default_factory=Decision)
    _touches: frozenset[Place] = frozenset()
    _snapshot: int = 0

    def take(self) -> None:
        self.working = self.memory.load([self.task])
        self.decision = self.memory.decision_on(self.task, self.working)
        guarded = {place for one in self.working.used if one.guard for place in _places(one, self.working)}
        written = {place for change in self.decision.changes for place in self.memory.places_of(change)}
        self._touches, self._snapshot = frozenset(guarded | written), self.memory.commits

    def commit(self) -> Decision:
        while any(self.memory.touched.get(place, 0) > self._snapshot for place in self._touches):
            self.take()
        if self.decision.changes:
            self.memory.touch(self._touches)
            self.memory.commit(self.decision, self.working)
        return self.decision


class Memory(ServiceInMemory):
    """One aid service."""

    def __init__(self) -> None:
        super().__init__("aid", routes, COLLECTIONS, NOW)
        self.delay = False
        self.pending: list[Pending] = []
        self.commits = 0
        self.touched: dict[Place, int] = {}

    # --- telling it things ---

    def know_agency(self, agency: str = MEDAN, region: str = "12.71", **about: Any) -> None:
        """An agency with the officials of the local stack, ``kadis`` and ``kabid``."""
        self.hear("registry.agency.registered", samples.agency(agency, region=region, **about), 1)
        for role in ("kadis", "kabid"):
            self.hear("registry.official.registered", samples.official(agency, role), 1)

    def hear_of(self, state: dict[str, Any], sequence: int, kind: str = "registry.business.updated") -> Decision:
        """An event of registry about a business."""
        return self.hear(kind, BusinessEvent.model_validate({"business": state}), sequence)

    def hear(self, kind: str, data: BaseModel, sequence: int) -> Decision:
        return self.handle(self.message("registry", kind, data, sequence=sequence))

    def send(
        self, kind: str, data: dict[str, Any], account: str = MEDAN, actor: str | None = "kadis", **about: Any
    ) -> Decision:
        """An intake message, as an agency's own system sends it."""
        return self.handle(self.message(account, kind, data, actor=actor, **about))

    def open(self, account: str = MEDAN, **fields: Any) -> str:
        """Open a programme that is in order; its id."""
        decision = self.send("aid.programme.open", samples.programme(agency=account, **fields), account)
        assert not decision.problems
        return str(decision.result["programme_id"])

    def close(self, programme_id: str, account: str = MEDAN) -> None:
        assert not self.send("aid.programme.close", {"programme_id": programme_id}, account).problems

    def work(self, steps: int = 1_000_000) -> int:
        """Let the workers go on until they have nothing left to do, at most so many steps; how many they took."""
        for done in range(steps):
            if not any(_finished(worker.step(self.run)) for worker in workers):
                return done
        return steps

    def later(self, **time: int) -> None:
        self.now += timedelta(**time)

    def told(self, kind: str) -> list[Fact]:
        return [fact for fact in self.facts if fact.type == kind]

    # --- committing later ---

    def perform(self, task: Task) -> Decision:
        one = Pending(self, task)
        one.take()
        if self.delay:
            self.pending.append(one)
            return one.decision
        return one.commit()

    def commit_oldest(self) -> None:
        if self.pending:
            self.pending.pop(0).commit()

    def touch(self, places: Iterable[Place]) -> None:
        self.commits += 1
        self.touched.update(dict.fromkeys(places, self.commits))

    def places_of(self, change: BaseModel) -> list[Place]:
        """What a change writes: the thing, and the names by which it is found from now on."""
        collection = self.collection_of(change)
        names = (collection.id_of(change), *(f"key:{key}" for key in collection.keys(change)))
        return [(collection.name, name) for name in names]


def _places(lookup: Lookup, working: WorkingSet) -> list[Place]:
    """What a guard protects: what was found and, for an id or a key, that there is none."""
    absent = [lookup.id] if isinstance(lookup, ById) else [f"key:{lookup.key}"] if isinstance(lookup, ByKey) else []
    found = working.found(lookup) or absent
    return [(lookup.collection.name, id_) for id_ in found]


def _finished(coroutine: Any) -> object:
    """Run to the end what never waits for anything."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("a step in memory has nothing to wait for")
