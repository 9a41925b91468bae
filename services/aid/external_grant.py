"""What other offices have given or plan to give by themselves, as they tell it (S1-23): of each the newest word stands.

A grant is known by the office and its own number for it. Told of twice it is one; told of late it changes nothing that
was told of later; withdrawn it is no more, unless it is told of again after that.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.aid.problems import problem
from services.aid.recipient import Intervention
from shared.contracts.aid.external_grants import (
    ExternalGrantChange,
    ExternalGrantEvent,
    ExternalGrantReport,
    ExternalGrantState,
)
from shared.contracts.problem import Problem
from shared.decision import Fact

_GRANTS = uuid.UUID("5d0f7a9e-7a35-5c55-8a41-7c1c8d2a6f19")

Stage = Literal["planned", "approved", "handed_over", "withdrawn"]


class ExternalGrant(BaseModel):
    """A grant of another office. ``person_id`` is the id under which the beneficiary was named, or the owner of the
    business; ``seen`` when the office said so, and ``seen_in`` in which message; ``value`` whole rupiah."""

    model_config = ConfigDict(frozen=True)

    external_grant_id: str
    sequence: int = 0
    agency: str
    reference: str
    person_id: str
    business_id: str | None = None
    cooperative_id: str | None = None
    owner_id: str | None = None
    region: str
    kind: str
    purpose: str | None = None
    stage: Stage
    on: date
    fiscal_year: int
    value: int | None = None
    seen: AwareDatetime
    seen_in: str

    @property
    def age(self) -> tuple[datetime, str]:
        """The newest observation stands, of one instant that with the higher id."""
        return self.seen, self.seen_in

    def published(self) -> ExternalGrantState:
        return ExternalGrantState.model_validate(self.model_dump())

    def intervention(self) -> Intervention:
        return Intervention(
            intervention_id=self.external_grant_id,
            person_id=self.person_id,
            origin="external",
            agency=self.agency,
            kind=self.kind,
            purpose=self.purpose,
            business_id=self.business_id,
            cooperative_id=self.cooperative_id,
            region=self.region,
            fiscal_year=self.fiscal_year,
            on=self.on,
            stage="cancelled" if self.stage == "withdrawn" else self.stage,
            value=self.value or 0,
        )


def grant_id(agency: str, reference: str) -> str:
    """A UUIDv5 of public names: the office and its own number."""
    return str(uuid.uuid5(_GRANTS, f"{agency}/{reference}"))


def refused(data: ExternalGrantReport, today: date) -> list[Problem]:
    """What was done cannot be of tomorrow, and nobody plans further than the next fiscal year. ``today`` is where the
    beneficiary is."""
    if data.stage != "planned" and data.on > today:
        return [problem("external_grant.in_future", "data.on")]
    if data.on.year > today.year + 1:
        return [problem("external_grant.too_far_ahead", "data.on")]
    return []


def reported(data: ExternalGrantReport, **about: Any) -> ExternalGrant:
    """As it is told; ``about`` says who told it, when, and of whom."""
    return ExternalGrant(
        reference=data.reference,
        business_id=data.business_id,
        cooperative_id=data.cooperative_id,
        kind=data.kind,
        purpose=data.purpose,
        stage=data.stage,
        on=data.on,
        fiscal_year=data.fiscal_year or data.on.year,
        value=data.value,
        **about,
    )


def told(
    before: ExternalGrant | None, after: ExternalGrant, reason: str | None = None
) -> tuple[ExternalGrant, list[Fact]]:
    """The grant as it stands after one more word, and what is told of it: nothing where the public sees nothing new."""
    if before is not None and before.published() == after.published():
        return after.model_copy(update={"sequence": before.sequence}), []
    numbered = after.model_copy(update={"sequence": (before.sequence if before is not None else 0) + 1})
    change = ExternalGrantChange(stage_before=before.stage if before is not None else None, reason=reason)
    fact = Fact(
        type=f"aid.external_grant.{'withdrawn' if after.stage == 'withdrawn' else 'reported'}",
        subject=after.external_grant_id,
        region=after.region,
        sequence=numbered.sequence,
        data=ExternalGrantEvent(external_grant=numbered.published(), change=change),
    )
    return numbered, [fact]
