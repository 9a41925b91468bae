"""Censuses of businesses (*pendataan ulang*, S1-20): targets by kelurahan, one verdict for each business, progress.

A visit says what an enumerator has seen. That a business has moved or closed is then told by a report or decided by an
official, as at any other time: a census has no way of its own into the register.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.registry.business import Business
from services.registry.counting import UNTOLD
from services.registry.observation import Seen
from services.registry.problems import problem
from shared.contracts.envelope import Received
from shared.contracts.problem import Problem
from shared.contracts.registry.censuses import (
    CensusChange,
    CensusEvent,
    CensusOpen,
    CensusPart,
    CensusRecord,
    CensusState,
)
from shared.decision import Cause, Decision, Fact, reject
from shared.reference import region as regions

RUNNING, OVER = "berjalan", "selesai"


class Visit(BaseModel):
    """What was found of one business in one census, as the newest observation has it."""

    model_config = ConfigDict(frozen=True)

    census_id: str
    business_id: str
    verdict: str
    part: str
    enumerator: str | None = None
    """An opaque id."""
    workers: int | None = None
    by: Seen

    @property
    def figures(self) -> Mapping[str, int]:
        """What it counts for, by the names of ``CensusPart``."""
        told = {"workers": self.workers, "workers_told": 1} if self.workers is not None else {}
        return {self.verdict: 1, **told}

    @property
    def visit_id(self) -> str:
        return visit_id(self.census_id, self.business_id)


def visit_id(census_id: str, business_id: str) -> str:
    return f"{census_id}:{business_id}"


class Census(BaseModel):
    model_config = ConfigDict(frozen=True)

    census_id: str
    agency: str
    name: str
    region: str
    deadline: date
    targets: Mapping[str, int]
    """By part of the region."""
    counts: Mapping[str, Mapping[str, int]] = {}
    """By part, by verdict, with the sum of workers and how many visits told of them."""
    status: str = RUNNING
    opened_on: date
    cause: Cause
    sequence: int = 0


def due(one: Census) -> datetime | None:
    """When its last day has passed, where it is."""
    if one.status != RUNNING:
        return None
    return datetime.combine(one.deadline + timedelta(days=1), time(), regions.timezone(one.region))


def opened(message: Received[CensusOpen], today: date) -> Decision:
    told = message.data
    if problems := _check(told, today):
        return reject(*problems)
    one = Census(
        census_id=message.new_id("census"),
        agency=message.account,
        name=told.name,
        region=told.region,
        deadline=told.deadline,
        targets={target.region: target.target for target in told.targets},
        opened_on=today,
        cause=message.cause,
    )
    after, facts = announced(one, "opened", CensusChange())
    return Decision(changes=[after], facts=facts, result=result(after, "opened"))


def _check(told: CensusOpen, today: date) -> list[Problem]:
    problems = [problem("census.deadline_past", "data.deadline")] if told.deadline < today else []
    seen: list[str] = []
    for place, target in enumerate(told.targets):
        if not regions.within(target.region, told.region):
            problems.append(problem("census.elsewhere", f"data.targets.{place}.region"))
        if any(regions.within(target.region, one) or regions.within(one, target.region) for one in seen):
            problems.append(problem("census.target_twice", f"data.targets.{place}.region"))
        seen.append(target.region)
    return problems


def visited(
    one: Census, business: Business, known: Visit | None, message: Received[CensusRecord], enumerator: str | None
) -> Decision:
    """A visit is recorded; of two of one business the newer observation stands, whatever came first."""
    if one.status != RUNNING:
        return reject(problem("census.over", "data.census_id"))
    if not regions.within(business.region, one.region):
        return reject(problem("census.elsewhere", "data.business_id"))
    if message.data.verdict == "closed" and message.data.workers:
        return reject(problem("census.workers_of_closed", "data.workers"))
    by = Seen(at=message.time or message.received_at, intake_id=message.id, account=message.account)
    if known is not None and known.by.order >= by.order:
        return Decision(result=result(one, "unchanged"))
    visit = Visit(
        census_id=one.census_id,
        business_id=business.business_id,
        verdict=message.data.verdict,
        part=_part(one, business.region),
        enumerator=enumerator,
        workers=message.data.workers,
        by=by,
    )
    return Decision(changes=[_counted(one, known, visit), visit], result=result(one, "recorded"))


def _part(one: Census, region: str) -> str:
    return next((part for part in one.targets if regions.within(region, part)), UNTOLD)


def _counted(one: Census, before: Visit | None, after: Visit) -> Census:
    counts = {part: dict(figures) for part, figures in one.counts.items()}
    for sign, visit in ((1, after),) if before is None else ((-1, before), (1, after)):
        figures = counts.setdefault(visit.part, {})
        for name, value in visit.figures.items():
            figures[name] = figures.get(name, 0) + sign * value
    return one.model_copy(update={"counts": counts})


def over(one: Census) -> tuple[Census, list[Fact]]:
    """Its last day has passed: whoever was not visited, was not."""
    change = CensusChange(status_before=one.status)
    return announced(one.model_copy(update={"status": OVER}), "closed", change)


def public(one: Census) -> CensusState:
    parts = tuple(
        CensusPart(region=part, target=one.targets.get(part, 0), **one.counts.get(part, {}))
        for part in dict.fromkeys((*one.targets, *one.counts))
    )
    return CensusState(
        **{name: getattr(one, name) for name in CensusState.model_fields if name in Census.model_fields},
        target=sum(one.targets.values()),
        visited=sum(part.found + part.moved + part.closed + part.new for part in parts),
        workers=sum(part.workers for part in parts),
        workers_told=sum(part.workers_told for part in parts),
        parts=parts,
    )


def announced(one: Census, what: str, change: CensusChange) -> tuple[Census, list[Fact]]:
    numbered = one.model_copy(update={"sequence": one.sequence + 1})
    event = CensusEvent(census=public(numbered), change=change)
    return numbered, [Fact(f"registry.census.{what}", numbered.census_id, numbered.region, numbered.sequence, event)]


def result(one: Census, outcome: str) -> dict[str, Any]:
    return {"census_id": one.census_id, "sequence": one.sequence, "outcome": outcome}
