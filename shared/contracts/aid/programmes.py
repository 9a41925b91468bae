"""Programmes of aid and training, as they are opened and told of."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from shared.contracts.aid.criteria import MAX_DEPTH, Criterion, depth_of
from shared.contracts.aid.exclusions import CheckName
from shared.contracts.fields import (
    Account,
    Count,
    Day,
    Identifier,
    Payload,
    Public,
    PublicText,
    Published,
    Reference,
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


def distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Each once, in the order given."""
    return tuple(dict.fromkeys(values))


class BudgetLine(Payload):
    source: Public[Literal["apbd", "apbn", "csr", "bank"]]
    version: Public[Literal["murni", "perubahan"]] = "murni"
    line: Public[Reference | None] = None
    """The code of the budget line, if the programme shares one; else it has a line of its own."""
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
    required_checks: Public[Annotated[tuple[CheckName, ...], Field(max_length=20), AfterValidator(distinct)]] = ()
    """What must be known about a person before anything is approved; until it is, the verdict is ``waiting``."""
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
    line: Public[str | None] = None
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
    required_checks: Public[tuple[str, ...] | None] = None
    apply_until: Public[Day | None] = None
    how_to_apply: Public[str | None] = None
    status: Public[str]


class ProgrammeChange(Published):
    status_before: Public[str | None] = None
    reason: Public[str | None] = None


class ProgrammeEvent(Published):
    programme: Public[ProgrammeState]
    change: Public[ProgrammeChange] = ProgrammeChange()
