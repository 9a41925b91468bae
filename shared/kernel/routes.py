"""Which message goes to which decision.

A route is two pure functions. ``needs`` names what the decision will look at; it is asked again, with what has been
found so far, until it asks for nothing new (a business first, then its owner). ``decide`` decides one message; that the
kernel gathers hundreds of them into one query and one transaction is not its business.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from shared.contracts.authority import matches
from shared.contracts.envelope import Received
from shared.decision import Decision
from shared.kernel.state import Lookup, WorkingSet

Needs = Callable[[Received[Any], WorkingSet], Iterable[Lookup]]
Decide = Callable[[Received[Any], WorkingSet, datetime], Decision]


@dataclass(frozen=True, slots=True)
class Route:
    pattern: str
    needs: Needs
    decide: Decide


class Run(Protocol):
    """Decides and commits one step of a worker: the same unit of work as for messages, without a message."""

    async def __call__(self, needs: Needs, decide: Decide) -> Decision: ...


Step = Callable[[Run], Awaitable[bool]]
Finish = Callable[[Run], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Worker:
    """Something a clock starts, in one process of the service at a time. ``step`` says whether there is more to do;
    when there is not, it is called again after ``every`` seconds, or, if ``nudged``, as soon as the service has changed
    something. One that is ``patient`` takes only one step in ``every`` seconds while messages wait: those who have
    asked are served before what nobody waits for, and it still gets on. ``finish`` ends what a step has left under way,
    when the service stops in order or has lost the lease; it begins nothing."""

    name: str
    step: Step
    every: float = 1.0
    nudged: bool = True
    patient: bool = False
    finish: Finish | None = None


def stepping(needs: Needs, decide: Decide) -> Step:
    """A step that only decides: it goes on as long as there is something to change."""

    async def step(run: Run) -> bool:
        decision = await run(needs, decide)
        return bool(decision.changes or decision.removals)

    return step


@dataclass(slots=True)
class Routes:
    """All routes of a service: exact keys first, then patterns (``registry.business.*``) in the order given."""

    _exact: dict[str, Route] = field(default_factory=dict)
    _patterns: list[Route] = field(default_factory=list)

    @classmethod
    def of(cls, *parts: Routes) -> Routes:
        """All of these together. Raises ``ValueError`` for a type that two of them take."""
        whole = cls()
        for part in parts:
            if twice := whole._exact.keys() & part._exact.keys():
                raise ValueError(f"two routes for {sorted(twice)}")
            whole._exact |= part._exact
            whole._patterns += part._patterns
        return whole

    def on(self, pattern: str, needs: Needs) -> Callable[[Decide], Decide]:
        def register(decide: Decide) -> Decide:
            route = Route(pattern, needs, decide)
            if "*" in pattern or "#" in pattern:
                self._patterns.append(route)
            else:
                self._exact[pattern] = route
            return decide

        return register

    def each(self, around: Callable[[Decide], Decide]) -> Routes:
        """The same routes, with something around every decision."""

        def wrapped(one: Route) -> Route:
            return replace(one, decide=around(one.decide))

        exact = {pattern: wrapped(one) for pattern, one in self._exact.items()}
        return Routes(exact, [wrapped(one) for one in self._patterns])

    def find(self, key: str) -> Route | None:
        """The route for a message type's short name, or None: a reader leaves alone what it does not know."""
        return self._exact.get(key) or next((route for route in self._patterns if matches(route.pattern, key)), None)
