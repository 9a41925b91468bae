"""What aid is told and what it tells: programmes and who is eligible for them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from shared.contracts.fields import (
    Account,
    Count,
    Day,
    Identifier,
    Payload,
    Public,
    PublicText,
    Published,
    Region,
    Rupiah,
    Slug,
    Year,
)
from shared.reference.invalid import Invalid

ProgrammeKind = Literal[
    "training",
    "equipment",
    "capital",
    "credit_referral",
    "marketing",
    "licensing",
    "mentoring",
    "cooperative_strengthening",
    "regional_aid",
]
AidForm = Literal["hibah", "bansos", "barang_diserahkan", "kegiatan", "rujukan"]
"""Decides the papers and who may receive (Permendagri 77/2020; UU 23/2014 art. 298(5))."""
Announce = Literal["on_eligible", "on_invited", "never"]
Verdict = Literal["eligible", "ineligible", "waiting"]


# --- criteria: data, typed and composable ---------------------------------------------------------------------------


class StatusIs(Payload):
    type: Public[Literal["status_is"]]
    value: Public[Literal["terdata", "terverifikasi", "binaan", "mandiri", "nonaktif"]]


class ScaleIn(Payload):
    type: Public[Literal["scale_in"]]
    values: Public[Annotated[tuple[Literal["mikro", "kecil", "menengah"], ...], Field(min_length=1)]]


class RoleIs(Payload):
    type: Public[Literal["role_is"]]
    value: Public[Literal["ikm", "ukm"]]


class KbliIn(Payload):
    """Codes of one version, or their first digits; a code of another version is unknown, not false."""

    type: Public[Literal["kbli_in"]]
    values: Public[
        Annotated[tuple[Annotated[str, Field(pattern=r"^[0-9]{2,5}$")], ...], Field(min_length=1, max_length=500)]
    ]
    version: Public[Literal["2015", "2017", "2020", "2025"]] = "2020"


class RegionWithin(Payload):
    type: Public[Literal["region_within"]]
    value: Public[Region]


class NeedIs(Payload):
    type: Public[Literal["need_is"]]
    value: Public[Slug]


class NeverReceived(Payload):
    """S1-24: those who never received anything."""

    type: Public[Literal["never_received"]]


class AllOf(Payload):
    type: Public[Literal["all"]]
    criteria: Public[Annotated[tuple[Criterion, ...], Field(min_length=1, max_length=20)]]


class AnyOf(Payload):
    type: Public[Literal["any"]]
    criteria: Public[Annotated[tuple[Criterion, ...], Field(min_length=1, max_length=20)]]


class Not(Payload):
    type: Public[Literal["not"]]
    criterion: Public[Criterion]


Criterion = Annotated[
    StatusIs | ScaleIn | RoleIs | KbliIn | RegionWithin | NeedIs | NeverReceived | AllOf | AnyOf | Not,
    Field(discriminator="type"),
]
MAX_DEPTH = 6


def depth_of(criterion: Any) -> int:
    """How deep raw criteria are nested; read before pydantic recurses into what a stranger sent."""
    deepest, stack = 0, [(criterion, 1)]
    while stack:
        here, depth = stack.pop()
        deepest = max(deepest, depth)
        if depth > MAX_DEPTH or not isinstance(here, dict):
            continue
        inner = here.get("criteria")
        stack += [(child, depth + 1) for child in inner] if isinstance(inner, list) else []
        if "criterion" in here:
            stack.append((here["criterion"], depth + 1))
    return deepest


# --- programmes -----------------------------------------------------------------------------------------------------


class BudgetLine(Payload):
    source: Public[Literal["apbd", "apbn", "csr", "bank"]]
    version: Public[Literal["murni", "perubahan"]] = "murni"
    pagu: Public[Annotated[Rupiah, Field(gt=0)]]


class ProgrammeOpen(Payload):
    name: Public[PublicText]
    kind: Public[ProgrammeKind]
    aid_form: Public[AidForm]
    topic: Public[Slug | None] = None
    agency: Public[Account]
    region: Public[Region]
    fiscal_year: Public[Year]
    budget: Public[Annotated[tuple[BudgetLine, ...], Field(min_length=1, max_length=20)]]
    unit_cost: Public[Rupiah]
    quota: Public[Annotated[Count, Field(gt=0)]]
    announce: Public[Announce] = "never"
    beneficiary: Public[Literal["business"]] = "business"
    criteria: Public[Annotated[tuple[Criterion, ...], Field(max_length=20)]] = ()
    apply_until: Public[Day | None] = None
    how_to_apply: Public[PublicText | None] = None
    """Where and how to apply, for the message to owners: a place, not a person's number."""

    @model_validator(mode="before")
    @classmethod
    def _not_too_deep(cls, data: Any) -> Any:
        criteria = data.get("criteria") if isinstance(data, dict) else None
        if isinstance(criteria, list) and any(depth_of(one) > MAX_DEPTH for one in criteria):
            raise Invalid(
                "criteria.too_deep",
                f"Kriteria bersarang lebih dari {MAX_DEPTH} tingkat; sederhanakan.",
                f"Criteria are nested more than {MAX_DEPTH} deep; simplify them.",
            )
        return data


class ProgrammeClose(Payload):
    programme_id: Public[Identifier]
    reason: Public[PublicText | None] = None


class PublishedBudgetLine(Published):
    source: Public[str]
    version: Public[str]
    pagu: Public[int]


class ProgrammeState(Published):
    programme_id: Public[str]
    name: Public[str]
    kind: Public[str]
    aid_form: Public[str]
    topic: Public[str | None] = None
    agency: Public[str]
    region: Public[str]
    fiscal_year: Public[int]
    budget: Public[tuple[PublishedBudgetLine, ...]]
    unit_cost: Public[int]
    quota: Public[int]
    announce: Public[str]
    beneficiary: Public[str]
    criteria: Public[tuple[dict[str, Any], ...]]
    apply_until: Public[Day | None] = None
    how_to_apply: Public[str | None] = None
    status: Public[str]


class ProgrammeChange(Published):
    status_before: Public[str | None] = None
    reason: Public[str | None] = None


class ProgrammeEvent(Published):
    programme: Public[ProgrammeState]
    change: Public[ProgrammeChange] = ProgrammeChange()


# --- eligibility ----------------------------------------------------------------------------------------------------


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


AllOf.model_rebuild()
AnyOf.model_rebuild()
Not.model_rebuild()
ProgrammeOpen.model_rebuild()
