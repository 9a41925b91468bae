"""Clocks of the calendar: what a day brings for things of which nobody speaks, once for each however seldom they look.

A thing keeps the instant at which something comes about for it (the ``due`` of its collection). What comes about is of
the calendar and not of the look, so after a downtime there is one event for it; it is traced to the last message about
the thing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Generic, TypeVar

from services.registry.census import Census
from services.registry.cooperative import Cooperative
from services.registry.drive import Drive
from services.registry.handlers.statistics import counted
from shared.contracts.envelope import Received
from shared.decision import Decision, Fact
from shared.kernel.routes import Worker, stepping
from shared.kernel.state import Collection, Due, Lookup, WorkingSet
from shared.reference import region as regions

LOOKED_AT_ONCE = 100
"""Things of one step: on the first of July there may be thousands."""


T = TypeVar("T", Cooperative, Drive, Census)
Passed = Callable[[T, date], tuple[T, Sequence[Fact]]]
"""What a day brings for one thing: the thing after it, and what is told of that. The day is of its own region."""


@dataclass(frozen=True, slots=True)
class Calendar(Generic[T]):
    """The clock of one collection."""

    name: str
    collection: Collection[T]
    passed: Passed[T]

    def needs(self, message: Received[Any], _: WorkingSet) -> Iterable[Lookup]:
        return [self._due(message.received_at)]

    def decide(self, message: Received[Any], state: WorkingSet, now: datetime) -> Decision:
        return counted(self._look)(message, state, now)

    def _look(self, _: Received[Any], state: WorkingSet, now: datetime) -> Decision:
        changes: list[T] = []
        told: list[Fact] = []
        for one in state.all(self._due(now)):
            after, facts = self.passed(one, regions.local_date(now, one.region))
            changes.append(after)
            told += (replace(fact, cause=one.cause) for fact in facts)
        return Decision(changes=changes, facts=told)

    def _due(self, now: datetime) -> Due[T]:
        return Due(self.collection, until=now, limit=LOOKED_AT_ONCE)

    def worker(self) -> Worker:
        return Worker(self.name, stepping(self.needs, self.decide), every=60.0, nudged=False)
