"""Overlaps between what offices give to one person: told of to both, and settled by an official."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared.contracts.fields import Count, Day, Identifier, Payload, Public, PublicText, Published, Region

Resolution = Literal["complementary", "same_grant"]
"""They may stand together; or one grant was told of twice."""


class OverlapResolve(Payload):
    """An official has talked to the other office. What is given up is not settled here but cancelled or withdrawn."""

    overlap_id: Public[Identifier]
    resolution: Public[Resolution]
    reason: Public[PublicText]


class OverlapRequest(Payload):
    """Which overlaps are there: the asker's own, or all that touch a region."""

    status: Public[Literal["open", "resolved", "cleared"]] = "open"
    region: Public[Region | None] = None
    after: Public[Identifier | None] = None
    limit: Public[Annotated[Count, Field(gt=0, le=200)]] = 100


# --- what is told -----------------------------------------------------------------------------------------------------


class OverlapSide(Published):
    """One of the two: a grant of ours or what another office has reported, as it stands."""

    intervention_id: Public[str]
    origin: Public[str]
    agency: Public[str]
    programme_id: Public[str | None] = None
    kind: Public[str]
    purpose: Public[str | None] = None
    business_id: Public[str | None] = None
    cooperative_id: Public[str | None] = None
    region: Public[str]
    fiscal_year: Public[int]
    on: Public[Day]
    stage: Public[str]


class OverlapResolution(Published):
    """What an official has found, of which agency, and when."""

    resolution: Public[str]
    agency: Public[str]
    reason: Public[str]
    on: Public[Day]


class OverlapState(Published):
    """``hard`` once one of the two is approved; ``status`` is ``cleared`` when one of them was given up."""

    overlap_id: Public[str]
    status: Public[str]
    verdict: Public[str]
    hard: Public[bool]
    agencies: Public[tuple[str, ...]]
    sides: Public[tuple[OverlapSide, ...]]
    source: Public[str]
    text_id: Public[str]
    text_en: Public[str]
    resolution: Public[OverlapResolution | None] = None


class OverlapChange(Published):
    status_before: Public[str | None] = None
    hard_before: Public[bool | None] = None


class OverlapEvent(Published):
    overlap: Public[OverlapState]
    change: Public[OverlapChange] = OverlapChange()
