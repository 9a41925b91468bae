"""The work that an opened programme leaves to do: assess every known business of its region, a page at a time.

The work is a state of its own, made in the transaction that opens the programme, with a cursor that moves on in the
transaction that records a page of answers. So it survives a restart at any point, no page is lost and none is told
twice. Each page puts the work behind that of other programmes: a national one does not hold up a city's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.aid.candidate import Candidate, Population
from services.aid.eligibility import Assessed, Eligibility, assess, eligibility_id
from services.aid.programme import Programme
from shared.decision import Cause, Decision

PAGE = 250
"""Businesses in one transaction: with their guards and events about 750 document writes, of the 2,000 of a batch."""


class Assessment(BaseModel):
    """How far those of a programme's region have been assessed: up to ``cursor`` by id. ``due`` is None when there is
    nothing left to do. The facts carry the cause of the programme's opening."""

    model_config = ConfigDict(frozen=True)

    programme_id: str
    region: str
    population: Population = "business"
    cursor: str = ""
    due: AwareDatetime | None
    cause: Cause


def start(programme: Programme, cause: Cause, now: datetime) -> Assessment:
    return Assessment(
        programme_id=programme.programme_id,
        region=programme.region,
        population=programme.population,
        due=now,
        cause=cause,
    )


def stop(assessment: Assessment | None) -> list[Assessment]:
    """The work of a programme that has closed, as a change; nothing where it is done."""
    if assessment is None or assessment.due is None:
        return []
    return [assessment.model_copy(update={"due": None})]


def step(
    assessment: Assessment,
    programme: Programme | None,
    page: Sequence[Candidate],
    before: Mapping[str, Eligibility],
    now: datetime,
) -> Decision:
    """Assess one page. ``before`` holds the answers so far by ``eligibility_id``. The last page is the one that is not
    full."""
    if programme is None or programme.status != "open":
        return Decision(changes=stop(assessment))
    found = Assessed()
    for candidate in page:
        found += _assess(candidate, programme, before, assessment.cause)
    return Decision(changes=[*found.changes, _advanced(assessment, page, now)], facts=found.facts)


def _assess(candidate: Candidate, programme: Programme, before: Mapping[str, Eligibility], cause: Cause) -> Assessed:
    known = before.get(eligibility_id(programme.programme_id, candidate.beneficiary_id))
    return assess(candidate, [programme], {programme.programme_id: known} if known else {}, cause)


def _advanced(assessment: Assessment, page: Sequence[Candidate], now: datetime) -> Assessment:
    if len(page) < PAGE:
        return assessment.model_copy(update={"due": None})
    return assessment.model_copy(update={"cursor": page[-1].beneficiary_id, "due": now})
