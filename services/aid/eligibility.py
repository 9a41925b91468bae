"""Who may be served: the answer of one programme for one beneficiary.

**The rule.** Every business that is known is assessed for every open programme whose region covers it, whatever its
status, and again whenever its copy changes, also for programmes that it has left the region of. That is more than
"when a business becomes binaan it is checked against every open programme that could serve it" and exactly "every known
beneficiary in its region is assessed" (contract, "The main chain"), and it is the only rule under which it does not
matter whether the business or the programme came first: the answer is a function of the newest state of both. To keep
that cheap to listen to, an event is made only where the answer is new or has changed.

Where a business has never been in a programme's region while the programme was open there is no answer, which means
the same as the "no" of one that has left it. Once a programme is closed its answers stay as they are.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from services.aid.business import Business
from services.aid.criteria import active, all_of, assessed
from services.aid.programme import Programme
from shared.contracts.aid import (
    AssessedCriterion,
    EligibilityChange,
    EligibilityEvent,
    EligibilityState,
    RegionWithin,
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


def eligibility_id(programme_id: str, beneficiary_id: str) -> str:
    """A UUIDv5 of programme and beneficiary (contract, "The main chain"): the same wherever it is made."""
    try:
        namespace = uuid.UUID(programme_id)
    except ValueError:
        namespace = uuid.uuid5(uuid.NAMESPACE_URL, f"urn:binaan:programme:{programme_id}")
    return str(uuid.uuid5(namespace, beneficiary_id))


def assess(
    business: Business,
    programmes: Iterable[Programme],
    before: Mapping[str, Eligibility],
    cause: Cause | None = None,
) -> Assessed:
    """Judge a business for open programmes. ``before`` holds its answers so far by programme; ``cause`` is given
    where a clock asks and not a message."""
    found = Assessed()
    for programme in programmes:
        if programme.status == "open":
            found += _assess_one(business, programme, before.get(programme.programme_id), cause)
    return found


def _assess_one(business: Business, programme: Programme, before: Eligibility | None, cause: Cause | None) -> Assessed:
    after = _judged(business, programme, before.sequence + 1 if before else 1)
    if before is not None and _answer(before) == _answer(after):
        return Assessed()
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


def _judged(business: Business, programme: Programme, sequence: int) -> Eligibility:
    criteria = _criteria(business, programme)
    return Eligibility(
        eligibility_id=eligibility_id(programme.programme_id, business.business_id),
        sequence=sequence,
        programme_id=programme.programme_id,
        programme_kind=programme.kind,
        beneficiary_id=business.business_id,
        region=business.state.region,
        verdict=all_of(_verdicts(criteria)),
        criteria=criteria,
        prior_interventions=business.prior_interventions,
        assessed_from=business.sequence,
    )


def _criteria(business: Business, programme: Programme) -> tuple[AssessedCriterion, ...]:
    """Two that hold for every programme, then the programme's own, in its order."""
    own_region = RegionWithin(type="region_within", value=programme.region)
    return (
        assessed(own_region, business),
        active(business),
        *(assessed(one, business) for one in programme.criteria),
    )


_VERDICTS: Mapping[str, Verdict] = {"eligible": "eligible", "ineligible": "ineligible", "waiting": "waiting"}


def _verdicts(criteria: Iterable[AssessedCriterion]) -> list[Verdict]:
    return [_VERDICTS[one.verdict] for one in criteria]


def _answer(eligibility: Eligibility) -> tuple[object, ...]:
    """What a reader would act on; the words follow from it, and a reworded sentence is no news."""
    return (
        eligibility.verdict,
        tuple((one.code, one.verdict) for one in eligibility.criteria),
        eligibility.prior_interventions,
    )
