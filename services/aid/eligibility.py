"""Who may be served: the answer of one programme for one beneficiary.

**The rule.** Every beneficiary that is known (business, cooperative or kab/kota: ``candidate.population``) is assessed
for every open programme whose region covers it, whatever its status, and again whenever its copy changes, also for
programmes that it has left the region of. That is more than "when a business becomes binaan it is checked against every
open programme that could serve it" and exactly "every known beneficiary in its region is assessed" (contract, "The main
chain"), and it is the only rule under which it does not matter whether the business or the programme came first: the
answer is a function of the newest state of both. To keep that cheap to listen to, an event is made only where the
answer is new or has changed. Where the calendar alone can change it, it says when (``again_on``).

Where a business has never been in a programme's region while the programme was open there is no answer, which means
the same as the "no" of one that has left it. Once a programme is closed its answers stay as they are.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.aid.candidate import Candidate, Population
from services.aid.criteria import all_of, judge, judge_active, turns_on
from services.aid.exclusion import verdict_on
from services.aid.programme import Programme
from services.aid.wording import ADMINISTRATIVE, active_code, assessed, assessed_active, assessed_administrative
from shared.contracts.aid.criteria import RegionWithin
from shared.contracts.aid.eligibilities import (
    AssessedCriterion,
    EligibilityChange,
    EligibilityEvent,
    EligibilityState,
    Verdict,
)
from shared.contracts.envelope import format_sequence
from shared.decision import Cause, Fact


class Eligibility(BaseModel):
    """The answer as last published. ``assessed_from`` is the sequence of the business event that it was judged on;
    later events of the business that did not change the answer leave it."""

    model_config = ConfigDict(frozen=True)

    eligibility_id: str
    sequence: int
    programme_id: str
    programme_kind: str
    beneficiary_id: str
    region: str
    verdict: Verdict
    criteria: tuple[AssessedCriterion, ...]
    prior_interventions: int
    assessed_from: int
    again_on: date | None = None
    """The next day, in the beneficiary's region, on which the answer may be another though nothing is told."""

    def published(self) -> EligibilityState:
        return EligibilityState(
            eligibility_id=self.eligibility_id,
            programme_id=self.programme_id,
            programme_kind=self.programme_kind,
            beneficiary_id=self.beneficiary_id,
            verdict=self.verdict,
            eligible=self.verdict == "eligible",
            criteria=self.criteria,
            prior_interventions=self.prior_interventions,
            assessed_from_sequence=format_sequence(self.assessed_from),
        )


@dataclass(frozen=True, slots=True)
class Assessed:
    """Answers that are new or have changed, and the facts that tell them."""

    changes: tuple[Eligibility, ...] = ()
    facts: tuple[Fact, ...] = ()

    def __add__(self, other: Assessed) -> Assessed:
        return Assessed(self.changes + other.changes, self.facts + other.facts)


@dataclass(frozen=True, slots=True)
class Judged:
    """What a programme says of a candidate today; ``prior_interventions`` ranks it (S1-24: none comes first)."""

    verdict: Verdict
    criteria: tuple[AssessedCriterion, ...]
    prior_interventions: int


def eligibility_id(programme_id: str, beneficiary_id: str) -> str:
    """A UUIDv5 of programme and beneficiary (contract, "The main chain"): the same wherever it is made."""
    try:
        namespace = uuid.UUID(programme_id)
    except ValueError:
        namespace = uuid.uuid5(uuid.NAMESPACE_URL, f"urn:binaan:programme:{programme_id}")
    return str(uuid.uuid5(namespace, beneficiary_id))


# --- judging ----------------------------------------------------------------------------------------------------------


def judge_now(candidate: Candidate, programme: Programme) -> Judged:
    """Judge anew: for an approval or a hand-over, which look at what is known at that moment and rely on no answer that
    was published before. What it was given must be guarded by the decision."""
    marks = _marks(candidate, programme)
    worded = _worded(marks, programme, candidate.population)
    return Judged(all_of(verdict for _, verdict in marks), worded, candidate.prior_interventions)


Marks = tuple[tuple[str, Verdict], ...]
"""The code of each criterion and what became of it, in the order in which they are told."""
_REGION = "region_within"


def _marks(candidate: Candidate, programme: Programme) -> Marks:
    """Two that hold for every programme, then the programme's own, in its order, then what is known of the person."""
    active = judge_active(candidate)
    checked = verdict_on(candidate.standing, programme.required_checks, candidate.on)
    return (
        (_REGION, judge(_own_region(programme.region), candidate)),
        *(((active_code(candidate.population), active),) if active is not None else ()),
        *((one.type, judge(one, candidate)) for one in programme.criteria),
        *(((ADMINISTRATIVE, checked),) if checked is not None else ()),
    )


def _worded(marks: Marks, programme: Programme, of: Population) -> tuple[AssessedCriterion, ...]:
    found: list[AssessedCriterion] = []
    own = iter(programme.criteria)
    for place, (code, verdict) in enumerate(marks):
        if place == 0:
            found.append(assessed(_own_region(programme.region), verdict, of))
        elif code == active_code(of):
            found.append(assessed_active(verdict, of))
        elif code == ADMINISTRATIVE:
            found.append(assessed_administrative(verdict))
        else:
            found.append(assessed(next(own), verdict, of))
    return tuple(found)


@lru_cache(maxsize=1024)
def _own_region(region: str) -> RegionWithin:
    return RegionWithin(type="region_within", value=region)


# --- telling ----------------------------------------------------------------------------------------------------------


def assess(
    candidate: Candidate,
    programmes: Iterable[Programme],
    before: Mapping[str, Eligibility],
    cause: Cause | None = None,
) -> Assessed:
    """Judge a candidate for open programmes. ``before`` holds its answers so far by programme; ``cause`` is given
    where a clock asks and not a message."""
    found = Assessed()
    for programme in programmes:
        if programme.status == "open" and programme.population == candidate.population:
            found += _assess_one(candidate, programme, before.get(programme.programme_id), cause)
    return found


def _assess_one(
    candidate: Candidate, programme: Programme, before: Eligibility | None, cause: Cause | None
) -> Assessed:
    marks = _marks(candidate, programme)
    if before is not None and _is_as_before(before, candidate, marks):
        return _looked_at(before, turns_on(programme.criteria, candidate))
    after = _answer(candidate, programme, marks, before.sequence + 1 if before else 1)
    fact = Fact(
        type="aid.eligibility.assessed",
        subject=after.eligibility_id,
        region=after.region,
        sequence=after.sequence,
        data=EligibilityEvent(
            eligibility=after.published(), change=EligibilityChange(verdict_before=before.verdict if before else None)
        ),
        cause=cause,
    )
    return Assessed((after,), (fact,))


def _looked_at(before: Eligibility, again_on: date | None) -> Assessed:
    """Nothing to tell; but the day on which to look again may be another."""
    if before.again_on == again_on:
        return Assessed()
    return Assessed((before.model_copy(update={"again_on": again_on}),))


def told(eligibility: Eligibility) -> dict[str, Any]:
    """An answer for those who ask: as it was last published, with its place among the events."""
    state = eligibility.published().model_dump(mode="json", exclude_none=True)
    return {"eligibility": state, "sequence": format_sequence(eligibility.sequence)}


def let_be(eligibility: Eligibility) -> Eligibility:
    """No day is looked at any more: the programme is not open."""
    return eligibility.model_copy(update={"again_on": None})


def _is_as_before(before: Eligibility, candidate: Candidate, marks: Marks) -> bool:
    """Whether a reader would act as before. The words follow from the verdicts, so they are only made for news."""
    then = tuple((one.code, one.verdict) for one in before.criteria)
    return marks == then and before.prior_interventions == candidate.prior_interventions


def _answer(candidate: Candidate, programme: Programme, marks: Marks, sequence: int) -> Eligibility:
    return Eligibility(
        eligibility_id=eligibility_id(programme.programme_id, candidate.beneficiary_id),
        sequence=sequence,
        programme_id=programme.programme_id,
        programme_kind=programme.kind,
        beneficiary_id=candidate.beneficiary_id,
        region=candidate.region,
        verdict=all_of(verdict for _, verdict in marks),
        criteria=_worded(marks, programme, candidate.population),
        prior_interventions=candidate.prior_interventions,
        assessed_from=candidate.sequence,
        again_on=turns_on(programme.criteria, candidate),
    )
