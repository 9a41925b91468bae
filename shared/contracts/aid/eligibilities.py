"""Who is eligible for what, criterion by criterion."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from shared.contracts.fields import Count, Identifier, Payload, Public, Published
from shared.reference.invalid import Invalid

Verdict = Literal["eligible", "ineligible", "waiting"]


class EligibilityRequest(Payload):
    """Who may be served by a programme, those whom nobody has served first; what a beneficiary may have; or, with both,
    why: each criterion with the fact it was judged on and the event that fact came from."""

    programme_id: Public[Identifier | None] = None
    beneficiary_id: Public[Identifier | None] = None
    verdict: Public[Verdict] = "eligible"
    """Of a programme: those with this verdict."""
    after: Public[Identifier | None] = None
    limit: Public[Annotated[Count, Field(gt=0, le=100)]] = 50

    @model_validator(mode="after")
    def _something(self) -> EligibilityRequest:
        if self.programme_id is None and self.beneficiary_id is None:
            raise Invalid(
                "eligibility.which",
                "Isi programme_id, beneficiary_id, atau keduanya.",
                "Give programme_id, beneficiary_id or both.",
            )
        return self


class AssessedCriterion(Published):
    """One criterion and what became of it, in words for an official, an auditor and the applicant."""

    code: Public[str]
    verdict: Public[str]
    text_id: Public[str]
    text_en: Public[str]


class EligibilityState(Published):
    eligibility_id: Public[str]
    programme_id: Public[str]
    programme_kind: Public[str]
    beneficiary_id: Public[str]
    verdict: Public[str]
    eligible: Public[bool]
    criteria: Public[tuple[AssessedCriterion, ...]]
    prior_interventions: Public[int]
    assessed_from_sequence: Public[str]


class EligibilityChange(Published):
    verdict_before: Public[str | None] = None


class EligibilityEvent(Published):
    eligibility: Public[EligibilityState]
    change: Public[EligibilityChange] = EligibilityChange()
