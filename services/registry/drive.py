"""Drives: an office means to bring about so many cooperatives of so many businesses each by a day (S0-01, S0-02)."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.registry.cooperative import FORMING, GIVEN_UP, Cooperative
from services.registry.problems import problem
from shared.contracts.envelope import Received
from shared.contracts.registry.cooperatives import DriveChange, DriveEvent, DriveOpen, DriveState
from shared.decision import Cause, Decision, Fact, reject
from shared.reference import region as regions

RUNNING, ACHIEVED, LAPSED = "berjalan", "tercapai", "lewat"


class Drive(BaseModel):
    model_config = ConfigDict(frozen=True)

    drive_id: str
    agency: str
    name: str
    region: str
    target_cooperatives: int
    members_each: int
    deadline: date
    forming: int = 0
    founded: int = 0
    status: str = RUNNING
    opened_on: date
    cause: Cause
    sequence: int = 0


def due(one: Drive) -> datetime | None:
    """When its deadline has passed, where it is."""
    if one.status != RUNNING:
        return None
    return datetime.combine(one.deadline + timedelta(days=1), time(), regions.timezone(one.region))


def opened(message: Received[DriveOpen], today: date) -> Decision:
    told = message.data
    if told.deadline < today:
        return reject(problem("drive.deadline_past", "data.deadline"))
    one = Drive(
        drive_id=message.new_id("drive"),
        agency=message.account,
        **told.model_dump(include=set(DriveOpen.model_fields)),
        opened_on=today,
        cause=message.cause,
    )
    after, facts = announced(one, "opened", DriveChange())
    return Decision(changes=[after], facts=facts, result=result(after, "opened"))


def counted(one: Drive, before: Cooperative | None, after: Cooperative) -> tuple[Drive, list[Fact]]:
    """The drive after one of its cooperatives has moved on."""
    forming = _forming(after) - _forming(before)
    founded = _founded(after) - _founded(before)
    if not forming and not founded:
        return one, []
    moved = one.model_copy(update={"forming": one.forming + forming, "founded": one.founded + founded})
    met = moved.founded >= moved.target_cooperatives
    change = DriveChange(cooperative_id=after.cooperative_id)
    if met and one.status != ACHIEVED:
        change = change.model_copy(update={"status_before": one.status})
        return announced(moved.model_copy(update={"status": ACHIEVED}), "achieved", change)
    return announced(moved, "progressed", change)


def _forming(one: Cooperative | None) -> int:
    return int(one is not None and one.status == FORMING)


def _founded(one: Cooperative | None) -> int:
    """What was founded counts for good: that it was dissolved later is another story."""
    return int(one is not None and one.status not in {FORMING, GIVEN_UP})


def lapsed(one: Drive) -> tuple[Drive, list[Fact]]:
    """The deadline has passed and the target was not met."""
    change = DriveChange(status_before=one.status)
    return announced(one.model_copy(update={"status": LAPSED}), "lapsed", change)


def public(one: Drive) -> DriveState:
    return DriveState(**{name: getattr(one, name) for name in DriveState.model_fields})


def announced(one: Drive, what: str, change: DriveChange) -> tuple[Drive, list[Fact]]:
    numbered = one.model_copy(update={"sequence": one.sequence + 1})
    event = DriveEvent(drive=public(numbered), change=change)
    return numbered, [Fact(f"registry.drive.{what}", numbered.drive_id, numbered.region, numbered.sequence, event)]


def result(one: Drive, outcome: str) -> dict[str, Any]:
    return {"drive_id": one.drive_id, "sequence": one.sequence, "outcome": outcome}
