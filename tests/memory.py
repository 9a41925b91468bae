"""A service without a broker or a database: its own routes, lookups and decisions, over states kept in memory.

It does what the kernel promises and nothing more. It looks up what is asked for, in as many rounds as the kernel takes;
the decisions of a batch see what the earlier ones have left; no two things claim one key; what a decision changes is
stored as JSON and read back. It numbers nothing itself: every fact that comes out is held against the catalogue and
the sequence of its subject, so that each test of a service tests those too.
"""

from __future__ import annotations

import hashlib
import uuid
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from shared.contracts.authority import official_id
from shared.contracts.catalogue import TYPES
from shared.contracts.envelope import NO_CAUSE, Received
from shared.decision import Cause, Decision, Fact
from shared.kernel.codec import Tick
from shared.kernel.routes import Decide, Needs, Routes
from shared.kernel.state import (
    AtMost,
    ById,
    ByKey,
    ByTag,
    Collection,
    Count,
    Due,
    Lookup,
    NotLoadedError,
    Outdated,
    Page,
    S,
    WorkingSet,
)
from shared.kernel.unit_of_work import _ROUNDS, ask


@dataclass(frozen=True)
class Task:
    """A message, or a worker's step, that is to be decided."""

    message: Received[Any]
    needs: Needs
    decide: Decide


class ServiceInMemory:
    """One service. ``now`` is its clock, ``stored`` what it keeps by collection and id, ``facts`` all that it told."""

    def __init__(self, service: str, routes: Routes, collections: Sequence[Collection[Any]], now: datetime) -> None:
        self.now = now
        self.stored: dict[str, Kept] = {collection.name: Kept(collection) for collection in collections}
        self.facts: list[Fact] = []
        self.token_keys = ["a key"]
        """What tokens are found by; new ones are made with the first."""
        self._service, self._routes = service, routes
        self._by_model = {collection.model: collection for collection in collections}
        self._sequences: dict[tuple[str, str], int] = {}
        self._ids = 0

    def all(self, collection: Collection[S]) -> list[S]:
        return [one for one in self.stored[collection.name].values() if isinstance(one, collection.model)]

    # --- what comes in ---

    def message(self, account: str, kind: str, data: BaseModel | Mapping[str, Any], **about: Any) -> Received[Any]:
        """A message as it comes off the wire; ``about`` are its other attributes."""
        sent = data.model_dump(mode="json") if isinstance(data, BaseModel) else data
        return self._received(account, kind, TYPES[kind].model.model_validate(sent), **about)

    def tick(self) -> Received[Any]:
        """What a worker decides on."""
        return self._received(self._service, f"{self._service}.clock.tick", Tick(), time=self.now, cause=NO_CAUSE)

    def _received(self, account: str, kind: str, data: BaseModel, **about: Any) -> Received[Any]:
        self._ids += 1
        id_, actor = about.pop("id", f"message-{self._ids:04d}"), about.get("actor")
        cause = Cause(correlation_id=id_, causation_id=id_, actor=official_id(account, actor) if actor else None)
        defaults = {
            "new_id": lambda *parts: str(uuid.uuid5(uuid.NAMESPACE_OID, "/".join((account, id_, *parts)))),
            "token": lambda *parts: self._tokens(*parts)[0],
            "all_tokens": self._tokens,
            "received_at": self.now,
            "cause": cause,
        }
        return Received(account=account, id=id_, type=kind, data=data, **{**defaults, **about})

    def _tokens(self, *parts: str) -> tuple[str, ...]:
        return tuple(hashlib.sha256("/".join((key, *parts)).encode()).hexdigest() for key in self.token_keys)

    # --- what is done about it ---

    def handle(self, message: Received[Any]) -> Decision:
        return self.perform(self.task(message))

    async def run(self, needs: Needs, decide: Decide) -> Decision:
        """One step of a worker."""
        return self.perform(Task(self.tick(), needs, decide))

    def task(self, message: Received[Any]) -> Task:
        route = self._routes.find(message.type)
        assert route is not None, f"nobody handles {message.type}"
        return Task(message, route.needs, route.decide)

    def perform(self, task: Task) -> Decision:
        """One unit of work with one decision."""
        (decision,) = self._transact([task])
        return decision

    def batch(self, messages: Iterable[Received[Any]]) -> list[Decision]:
        """Decide messages together, as they arrived; one that an earlier one has made ask for more begins anew."""
        tasks = [self.task(message) for message in messages]
        decisions: list[Decision] = []
        while len(decisions) < len(tasks):
            decisions += self._transact(tasks[len(decisions) :])
        return decisions

    def _transact(self, tasks: Sequence[Task]) -> list[Decision]:
        working = self.load(tasks)
        decisions: list[Decision] = []
        for task in tasks:
            try:
                decision = self.decision_on(task, working)
            except NotLoadedError:
                if not decisions:
                    raise
                break
            self.commit(decision, working)
            decisions.append(decision)
        return decisions

    def load(self, tasks: Iterable[Task]) -> WorkingSet:
        """What these will look at, as it stands now."""
        working, asking = WorkingSet(), list(tasks)
        for _ in range(_ROUNDS):
            wanted = {one for task in asking for one in working.missing(ask(task.needs, task.message, working))}
            if not wanted:
                break
            for lookup in wanted:
                self._look_up(working, lookup)
        return working

    @staticmethod
    def decision_on(task: Task, working: WorkingSet) -> Decision:
        working.used.clear()
        decision = task.decide(task.message, working, task.message.received_at)
        moved = decision.changes or decision.removals or decision.facts
        assert not (decision.problems and moved), "a refusal changes nothing"
        return decision

    def commit(self, decision: Decision, working: WorkingSet) -> None:
        for change in decision.changes:
            working.put(self.collection_of(change), self._store(change))
        for gone in decision.removals:
            collection = self.collection_of(gone)
            working.remove(collection, gone)
            del self.stored[collection.name][collection.id_of(gone)]
        for change in decision.changes:
            self._check_claims(change)
        for fact in decision.facts:
            self._tell(fact)

    def collection_of(self, aggregate: BaseModel) -> Collection[Any]:
        return self._by_model[type(aggregate)]

    # --- how it is kept ---

    def _look_up(self, working: WorkingSet, lookup: Lookup) -> None:
        collection = lookup.collection
        found = self.stored[collection.name].ids(lookup)
        if isinstance(lookup, Count):
            working.counted(lookup, len(found))
            return
        for id_ in found:
            working.add(collection, self.stored[collection.name][id_])
        working.loaded(lookup, found)

    def _store(self, change: BaseModel) -> BaseModel:
        collection, kept = self.collection_of(change), type(change).model_validate(change.model_dump(mode="json"))
        assert kept == change, "what is stored is not what comes back"
        self.stored[collection.name][collection.id_of(kept)] = kept
        return kept

    def _check_claims(self, change: BaseModel) -> None:
        collection = self.collection_of(change)
        for key in collection.keys(change):
            assert len(self.stored[collection.name].ids(ByKey(collection, key))) == 1, (
                "a unique index would refuse this"
            )

    def _tell(self, fact: Fact) -> None:
        kind = TYPES[fact.type]
        assert kind.model.model_validate(fact.data.model_dump(mode="json")) == fact.data
        line = (fact.subject, kind.exchange)
        assert fact.sequence == self._sequences.get(line, 0) + 1, "a sequence has a gap"
        self._sequences[line] = fact.sequence
        self.facts.append(fact)


class Kept(dict[str, BaseModel]):
    """What one collection holds, by id; found by names and instants as the indexes of a database find it, so that what
    a decision costs does not depend on how much there is."""

    def __init__(self, collection: Collection[Any]) -> None:
        super().__init__()
        self._collection = collection
        self._named: dict[str, list[str]] = defaultdict(list)
        self._due: dict[str | None, list[tuple[datetime, str]]] = defaultdict(list)

    def __setitem__(self, id_: str, one: BaseModel) -> None:
        if id_ in self:
            self._unname(id_)
        super().__setitem__(id_, one)
        for name in self._names(one):
            insort(self._named[name], id_)
        for place in self._times(id_, one):
            insort(self._due[place[0]], place[1])

    def __delitem__(self, id_: str) -> None:
        self._unname(id_)
        super().__delitem__(id_)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, BaseModel]:
        return deepcopy(dict(self), memo)

    def _unname(self, id_: str) -> None:
        one = self[id_]
        for name in self._names(one):
            del self._named[name][bisect_left(self._named[name], id_)]
        for tag, due in self._times(id_, one):
            del self._due[tag][bisect_left(self._due[tag], due)]

    def _names(self, one: BaseModel) -> set[str]:
        keys, tags = self._collection.keys(one), self._collection.tags(one)
        return {*(f"key {each}" for each in keys), *(f"tag {each}" for each in tags)}

    def _times(self, id_: str, one: BaseModel) -> Iterator[tuple[str | None, tuple[datetime, str]]]:
        due = self._collection.due(one)
        if due is not None:
            yield from ((tag, (due, id_)) for tag in {None, *self._collection.tags(one)})

    def ids(self, lookup: Lookup) -> list[str]:
        """What a lookup finds: by id, but what is due by its time."""
        match lookup:
            case ById():
                return [lookup.id] if lookup.id in self else []
            case ByKey():
                return list(self._named.get(f"key {lookup.key}", ()))
            case ByTag() | Count():
                return list(self._named.get(f"tag {lookup.tag}", ()))
            case AtMost():
                return self._named.get(f"tag {lookup.tag}", [])[: lookup.limit]
            case Page():
                named = self._named.get(f"tag {lookup.tag}", [])
                start = bisect_right(named, lookup.after)
                return named[start : start + lookup.limit]
            case Due():
                due = self._due.get(lookup.tag, [])
                return [id_ for _, id_ in due[: min(lookup.limit, bisect_right(due, lookup.until, key=_instant))]]
            case Outdated():
                return []  # nothing is stored under a key here


def _instant(place: tuple[datetime, str]) -> datetime:
    return place[0]
