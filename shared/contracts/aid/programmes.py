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
Beneficiary = Literal["business", "owner", "cooperative", "cooperative_member", "cooperative_board", "region"]
"""Who receives (S3-11, S4-12). Who is assessed is the business for the first two, the cooperative for the next three,
and each kab/kota for a region."""
Funder = Literal["kabkota", "province", "pusat", "swasta", "bank"]
"""At which level the money comes from (S3-14, S4-02); the budget lines say from which source."""
Status = Literal["draft", "open", "paused", "closed"]


def distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Each once, in the order given."""
    return tuple(dict.fromkeys(values))


class BudgetLine(Payload):
    source: Public[Literal["apbd", "apbn", "csr", "bank"]]
    version: Public[Literal["murni", "perubahan"]] = "murni"
    line: Public[Reference | None] = None
    """The code of the budget line, if the programme shares one; else it has a line of its own."""
    pagu: Public[Annotated[Rupiah, Field(gt=0)]]


class PlannedItem(Payload):
    """So many of a standard item (S3-12, S3-13)."""

    item: Public[Slug]
    quantity: Public[Annotated[Count, Field(gt=0)]]


Criteria = Annotated[tuple[Criterion, ...], Field(max_length=20)]
Checks = Annotated[tuple[CheckName, ...], Field(max_length=20), AfterValidator(distinct)]
Items = Annotated[tuple[PlannedItem, ...], Field(max_length=50)]


def _not_too_deep(data: Any) -> Any:
    criteria = data.get("criteria") if isinstance(data, dict) else None
    if isinstance(criteria, list) and any(depth_of(one) > MAX_DEPTH for one in criteria):
        raise Invalid(
            "criteria.too_deep",
            f"Kriteria bersarang lebih dari {MAX_DEPTH} tingkat; sederhanakan.",
            f"Criteria are nested more than {MAX_DEPTH} deep; simplify them.",
        )
    return data


class ProgrammeOpen(Payload):
    """A programme, opened at once."""

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
    beneficiary: Public[Beneficiary] = "business"
    funder: Public[Funder | None] = None
    items: Public[Items] = ()
    criteria: Public[Criteria] = ()
    required_checks: Public[Checks] = ()
    """What must be known about a person before anything is approved; until it is, the verdict is ``waiting``."""
    priority: Public[bool] = False
    """S1-05: a programme that the head of the region has made a priority."""
    planned_start: Public[Day | None] = None
    """When it is to begin (S2-07)."""
    apply_until: Public[Day | None] = None
    how_to_apply: Public[PublicText | None] = None
    """Where and how to apply, for the message to owners: a place, not a person's number."""

    _depth = model_validator(mode="before")(_not_too_deep)


class ProgrammePropose(ProgrammeOpen):
    """A programme in draft: prepared by one official, for another to start (S2-02, S2-07)."""


class ProgrammeStart(Payload):
    programme_id: Public[Identifier]


class ProgrammePause(Payload):
    programme_id: Public[Identifier]
    reason: Public[PublicText]


class ProgrammeResume(Payload):
    programme_id: Public[Identifier]


CLEARABLE_PROGRAMME = frozenset({"funder", "planned_start", "apply_until", "how_to_apply"})


class ProgrammeAmend(Payload):
    """What is different from now on; whatever is absent stays. Money is changed by its budget line."""

    programme_id: Public[Identifier]
    reason: Public[PublicText]
    name: Public[PublicText | None] = None
    unit_cost: Public[Rupiah | None] = None
    quota: Public[Annotated[Count, Field(gt=0)] | None] = None
    announce: Public[Announce | None] = None
    funder: Public[Funder | None] = None
    items: Public[Items | None] = None
    criteria: Public[Criteria | None] = None
    required_checks: Public[Checks | None] = None
    priority: Public[bool | None] = None
    planned_start: Public[Day | None] = None
    apply_until: Public[Day | None] = None
    how_to_apply: Public[PublicText | None] = None
    clear: Public[Annotated[tuple[Slug, ...], Field(max_length=10)]] = ()
    """Fields to empty: ``funder``, ``planned_start``, ``apply_until``, ``how_to_apply``."""

    _depth = model_validator(mode="before")(_not_too_deep)


class ProgrammeRequest(Payload):
    """Which programmes are there: this one, with its history, or those of a region, the asker's own unless it says
    another."""

    programme_id: Public[Identifier | None] = None
    region: Public[Region | None] = None
    fiscal_year: Public[Year | None] = None
    status: Public[Status | None] = None
    after: Public[Identifier | None] = None
    limit: Public[Annotated[Count, Field(gt=0, le=100)]] = 50


class ProgrammeClose(Payload):
    programme_id: Public[Identifier]
    reason: Public[PublicText | None] = None


class ItemRegister(Payload):
    """An item that programmes hand out and the list does not hold yet."""

    item: Public[Slug]
    name: Public[PublicText]
    unit: Public[Slug] = "unit"


class ItemState(Published):
    item: Public[str]
    name: Public[str]
    unit: Public[str]
    agency: Public[str]


class ItemChange(Published):
    """What one event adds: nothing so far."""


class ItemEvent(Published):
    item: Public[ItemState]
    change: Public[ItemChange] = ItemChange()


class PublishedItem(Published):
    item: Public[str]
    quantity: Public[int]


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
    funder: Public[str | None] = None
    items: Public[tuple[PublishedItem, ...] | None] = None
    priority: Public[bool | None] = None
    planned_start: Public[Day | None] = None
    apply_until: Public[Day | None] = None
    how_to_apply: Public[str | None] = None
    status: Public[str]


class ProgrammeChange(Published):
    """What one event adds: ``fields`` are those that were amended."""

    fields: Public[tuple[str, ...] | None] = None
    status_before: Public[str | None] = None
    reason: Public[str | None] = None


class ProgrammeEvent(Published):
    programme: Public[ProgrammeState]
    change: Public[ProgrammeChange] = ProgrammeChange()
