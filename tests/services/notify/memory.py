"""Runs notify's routes and workers on plain dictionaries: the same decisions, without a broker or a database.

It keeps the kernel's promises that the decisions build on: one unit of work at a time, everything looked up before it
is decided on, states stored as JSON and read back, and facts told only when a unit of work has been committed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from services.notify.handlers import review, review_needs, routes
from services.notify.message import Message
from services.notify.provider import Provider
from services.notify.sending import Sender
from services.notify.store import COLLECTIONS, MESSAGES
from shared.contracts.catalogue import TYPES
from shared.contracts.envelope import Received
from shared.decision import Cause, Decision, Fact
from shared.kernel.routes import Decide, Needs
from shared.kernel.state import ById, ByKey, ByTag, Collection, Lookup, Page, WorkingSet


class CrashError(Exception):
    """The process dies here."""


class Memory:
    """A notify with everything in memory. ``now`` is its clock."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.facts: list[Fact] = []
        self.crash_at_commit: int | None = None
        """How many more units of work of a worker succeed before one dies."""
        self._stored: dict[str, dict[str, BaseModel]] = defaultdict(dict)

    # --- what a test does ---------------------------------------------------------------------------------------------

    def tell(self, key: str, data: BaseModel, sequence: int, event_id: str = "event", chain: str = "chain") -> Decision:
        """Hand in one event as it comes off the wire."""
        on_wire = TYPES[key].model.model_validate(data.model_dump(mode="json"))
        cause = Cause(correlation_id=chain, causation_id=event_id)
        route = routes.find(key)
        assert route is not None, key
        return self._run(route.needs, route.decide, self._received(key, on_wire, sequence, event_id, cause))

    def review(self) -> None:
        """Let the worker look through all programmes that wait for it."""
        while self._run(review_needs, review, self._tick()).changes:
            pass

    async def send(self, provider: Provider) -> None:
        """Let the sender work until there is nothing due."""
        while await Sender(provider).step(self.run):
            pass

    async def run(self, needs: Needs, decide: Decide) -> Decision:
        """One unit of work of a worker."""
        if self.crash_at_commit is not None:
            if self.crash_at_commit == 0:
                raise CrashError
            self.crash_at_commit -= 1
        return self._run(needs, decide, self._tick())

    @property
    def messages(self) -> list[Message]:
        return [one for one in self._stored[MESSAGES.name].values() if isinstance(one, Message)]

    def told(self) -> list[str]:
        """The facts by their last word, in order: ``queued``, ``sent`` …"""
        return [fact.type.rpartition(".")[2] for fact in self.facts]

    def get(self, collection: Collection[Any], id_: str) -> Any:
        return self._stored[collection.name].get(id_)

    # --- how it is done -----------------------------------------------------------------------------------------------

    def _tick(self) -> Received[Any]:
        return self._received("worker", None, 0, "tick", Cause(correlation_id="", causation_id=""))

    def _received(self, key: str, data: Any, sequence: int, event_id: str, cause: Cause) -> Received[Any]:
        return Received(
            account="registry",
            id=event_id,
            type=key,
            data=data,
            new_id=lambda kind, *parts: "/".join((kind, *parts)),
            token=lambda kind, value: kind,
            received_at=self.now,
            sequence=sequence,
            cause=cause,
        )

    def _run(self, needs: Needs, decide: Decide, message: Received[Any]) -> Decision:
        state = WorkingSet()
        while missing := state.missing(list(needs(message, state))):
            for lookup in missing:
                self._load(state, lookup)
        decision = decide(message, state, self.now)
        self._commit(decision)
        return decision

    def _load(self, state: WorkingSet, lookup: Lookup) -> None:
        found = list(self._find(lookup))
        for one in found:
            state.add(lookup.collection, one)
        state.loaded(lookup, [lookup.collection.id_of(one) for one in found])

    def _find(self, lookup: Lookup) -> Iterable[BaseModel]:
        collection = lookup.collection
        everything = sorted(self._stored[collection.name].values(), key=collection.id_of)
        if isinstance(lookup, ById):
            return [one for one in everything if collection.id_of(one) == lookup.id]
        if isinstance(lookup, ByKey):
            return [one for one in everything if lookup.key in collection.keys(one)]
        if isinstance(lookup, ByTag | Page):
            tagged = [one for one in everything if lookup.tag in collection.tags(one)]
            if isinstance(lookup, ByTag):
                return tagged
            return [one for one in tagged if collection.id_of(one) > lookup.after][: lookup.limit]
        due = [(at, one) for one in everything if (at := collection.due(one)) is not None and at <= lookup.until]
        return [one for _, one in sorted(due, key=lambda pair: pair[0])][: lookup.limit]

    def _commit(self, decision: Decision) -> None:
        by_model: dict[type[BaseModel], Collection[Any]] = {one.model: one for one in COLLECTIONS}
        ids = set()
        for change in decision.changes:
            collection = by_model[type(change)]
            id_ = collection.id_of(change)
            assert (collection.name, id_) not in ids, "one change for each aggregate"
            ids.add((collection.name, id_))
            self._stored[collection.name][id_] = collection.model.model_validate(change.model_dump(mode="json"))
        self.facts += decision.facts
