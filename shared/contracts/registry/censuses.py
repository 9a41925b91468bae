"""Censuses of businesses (*pendataan ulang*): who goes where, whom they found, and who was never visited (S1-20)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared.contracts.fields import (
    BusinessRegion,
    Count,
    Day,
    Handle,
    Identifier,
    Payload,
    Public,
    PublicText,
    Published,
)

Verdict = Literal["found", "moved", "closed", "new"]


class CensusTarget(Payload):
    """How many businesses are to be visited in a kelurahan or another part of the region."""

    region: Public[BusinessRegion]
    target: Public[Annotated[Count, Field(gt=0)]]


class CensusOpen(Payload):
    name: Public[PublicText]
    region: Public[BusinessRegion]
    deadline: Public[Day]
    """The last day on which somebody is visited."""
    targets: Public[Annotated[tuple[CensusTarget, ...], Field(min_length=1, max_length=300)]]


class CensusRecord(Payload):
    """What an enumerator found of a business. What follows from it, reports and officials say."""

    census_id: Public[Identifier]
    business_id: Public[Identifier]
    verdict: Public[Verdict]
    enumerator: Public[Handle | None] = None
    workers: Public[Count | None] = None
    """How many people live from it, as the visit found (S4-05); of a closed one none are told."""


class CensusRequest(Payload):
    """How far is a census, and which businesses of its region has nobody visited?"""

    census_id: Public[Identifier]
    after: Public[Identifier | None] = None
    limit: Public[Annotated[Count, Field(gt=0, le=100)]] = 50


class CensusPart(Published):
    """How far a census is in one part of its region; ``tidak_dirinci`` is what lies in none."""

    region: Public[str]
    target: Public[int]
    found: Public[int] = 0
    moved: Public[int] = 0
    closed: Public[int] = 0
    new: Public[int] = 0
    workers: Public[int] = 0
    """Of all businesses whose visit told of workers, and how many businesses those are: the mean is of these."""
    workers_told: Public[int] = 0


class CensusState(Published):
    census_id: Public[str]
    agency: Public[str]
    name: Public[str]
    region: Public[str]
    deadline: Public[Day]
    target: Public[int]
    visited: Public[int]
    workers: Public[int] = 0
    workers_told: Public[int] = 0
    parts: Public[tuple[CensusPart, ...]]
    status: Public[str]
    opened_on: Public[Day]


class CensusChange(Published):
    status_before: Public[str | None] = None


class CensusEvent(Published):
    census: Public[CensusState]
    change: Public[CensusChange] = CensusChange()
