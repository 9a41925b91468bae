"""Who is eligible for what, criterion by criterion."""

from __future__ import annotations

from typing import Literal

from shared.contracts.fields import Public, Published

Verdict = Literal["eligible", "ineligible", "waiting"]


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
