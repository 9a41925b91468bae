"""Businesses: what is reported and decided of them, and what the world sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PlainValidator, ValidationError, model_validator

from shared.contracts.fields import (
    BusinessRegion,
    Count,
    Day,
    Handle,
    Identifier,
    Instant,
    KbliCode,
    KbliVersion,
    LongText,
    Nib,
    Payload,
    Personal,
    Public,
    PublicText,
    Published,
    Region,
    Rupiah,
    Slug,
    Specific,
    Text,
    Year,
)
from shared.contracts.problem import Problem, from_validation
from shared.contracts.registry.owners import OwnerForm, ReportedOwner

LegalForm = Literal["perseorangan", OwnerForm]
Role = Literal["ikm", "ukm"]
"""IKM makes things, UKM resells them (S0-10); apart from scale, which is derived."""


class Kbli(Payload):
    """A code means something only with the version of the classification (KBLI 2020, KBLI 2025 …)."""

    code: Public[KbliCode]
    version: Public[KbliVersion]


class AnnualSales(Payload):
    year: Public[Year]
    amount: Specific[Rupiah]


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


Slugs = Annotated[tuple[Slug, ...], Field(max_length=30), AfterValidator(_distinct)]


class ReportedBusiness(Payload):
    business_id: Public[Identifier | None] = None
    """Of a business that Binaan has told of; then nothing else need be known to recognise it."""
    agency_ref: Public[Annotated[Text, Field(max_length=80)] | None] = None
    name: Public[PublicText | None] = None
    nib: Public[Nib | None] = None
    legal_form: Public[LegalForm | None] = None
    region: Public[BusinessRegion | None] = None
    address: Personal[LongText | None] = None
    role: Public[Role | None] = None
    kbli: Public[Kbli | None] = None
    annual_sales: Specific[AnnualSales | None] = None
    capital: Specific[Rupiah | None] = None
    """Modal usaha without land and business building (PP 7/2021 art. 35(3))."""
    workers: Public[Count | None] = None
    started_on: Public[Day | None] = None
    needs: Public[Slugs | None] = None
    channels: Public[Slugs | None] = None


CLEARABLE = frozenset(
    {
        "nib",
        "legal_form",
        "address",
        "role",
        "kbli",
        "annual_sales",
        "capital",
        "workers",
        "started_on",
        "needs",
        "channels",
    }
)
"""Business fields that may be emptied; a business cannot be without name and region."""


class BusinessReport(Payload):
    """All that an agency knows of a business and its owner; whatever is absent is left as it is."""

    owner: Personal[ReportedOwner | None] = None
    business: Public[ReportedBusiness]
    clear: Public[Annotated[tuple[Text, ...], Field(max_length=30)]] = ()
    """Paths of fields to empty: ``nib`` or ``business.nib``, ``owner.phone``."""

    @model_validator(mode="before")
    @classmethod
    def _gather_clear(cls, data: Any) -> Any:
        """``clear`` may stand beside the fields it names or at the top; inside it is one list of paths."""
        if not isinstance(data, dict):
            return data
        top = data.get("clear") or []
        if not isinstance(top, list):
            return data
        gathered = [name if "." in str(name) else f"business.{name}" for name in top]
        result = dict(data)
        for part in ("business", "owner"):
            inner = data.get(part)
            if isinstance(inner, dict) and isinstance(inner.get("clear"), list):
                gathered += [f"{part}.{name}" for name in inner["clear"]]
                result[part] = {key: value for key, value in inner.items() if key != "clear"}
        if gathered:
            result["clear"] = gathered
        return result


class ReportRow(BusinessReport):
    """One report among many; without a ``time`` of its own it was observed when the message says."""

    time: Public[Instant | None] = None


@dataclass(frozen=True, slots=True)
class UnreadRow:
    """A row that cannot be read, and why; fields are paths within the row."""

    problems: tuple[Problem, ...]


def _row(value: Any) -> ReportRow | UnreadRow:
    """Each row is read for itself: one that is wrong is no reason to refuse the others."""
    try:
        return ReportRow.model_validate(value)
    except ValidationError as error:
        return UnreadRow(tuple(from_validation(error, value, "")))


MAX_ROWS = 500
Row = Annotated[ReportRow | UnreadRow, PlainValidator(_row, json_schema_input_type=ReportRow)]


class BusinessReportMany(Payload):
    """Many reports in one message, each accepted or refused for itself, decided in the order in which they stand."""

    reports: Personal[Annotated[tuple[Row, ...], Field(min_length=1, max_length=MAX_ROWS)]]


# --- decisions on businesses --------------------------------------------------------------------------------------


class Decree(Payload):
    """A decision on paper (SK) that stands behind an act."""

    number: Public[PublicText]
    date: Public[Day]


class BusinessVerify(Payload):
    business_id: Public[Identifier]
    method: Public[Slug | None] = None
    note: Personal[LongText | None] = None


class BusinessDesignate(Payload):
    business_id: Public[Identifier]
    decree: Public[Decree]
    mentor: Public[Handle | None] = None


class BusinessRelease(Payload):
    business_id: Public[Identifier]
    decree: Public[Decree | None] = None
    note: Personal[LongText | None] = None


class BusinessDeactivate(Payload):
    business_id: Public[Identifier]
    reason: Public[Slug | None] = None
    note: Personal[LongText | None] = None


class BusinessReactivate(Payload):
    business_id: Public[Identifier]
    note: Personal[LongText | None] = None


class BusinessWithdraw(Payload):
    """A business leaves guidance at its own wish; it can be designated again."""

    business_id: Public[Identifier]
    reason: Public[Slug | None] = None
    note: Personal[LongText | None] = None


class BusinessClose(Payload):
    """A business has ceased for good; ``reactivate`` takes back what was a mistake."""

    business_id: Public[Identifier]
    reason: Public[Slug]
    note: Personal[LongText | None] = None


class BusinessMerge(Payload):
    """Two records are one business: ``keep`` lives on with what both knew, ``absorb`` points to it."""

    keep: Public[Identifier]
    absorb: Public[Identifier]
    reason: Public[PublicText]


class BusinessDeclareDistinct(Payload):
    """Two businesses that look alike are two, and are not suspected again."""

    business_id: Public[Identifier]
    other_id: Public[Identifier]
    reason: Public[PublicText | None] = None


# --- questions about businesses -----------------------------------------------------------------------------------

Status = Literal["terdata", "terverifikasi", "binaan", "mandiri", "nonaktif", "tutup", "digabung"]


class BusinessRequest(Payload):
    """Which businesses are known: these ones, or those of a region, which is the asker's own unless it says another.

    ``full`` adds what is not public, with who told each field and when; it is recorded whose data was read.
    """

    business_ids: Public[Annotated[tuple[Identifier, ...], Field(max_length=200)] | None] = None
    region: Public[Region | None] = None
    status: Public[Status | None] = None
    suspected: Public[bool] = False
    """Only those that may be recorded twice."""
    detail: Public[Literal["public", "full"]] = "public"
    purpose: Public[Slug | None] = None
    after: Public[Identifier | None] = None
    limit: Public[Annotated[Count, Field(gt=0, le=200)]] = 100


# --- what has happened to businesses ------------------------------------------------------------------------------


class PublishedKbli(Published):
    code: Public[str]
    version: Public[str]


class PublishedDecree(Published):
    number: Public[str]
    date: Public[Day]


class ScaleBasis(Published):
    criterion: Public[str]
    year: Public[int]


class BusinessState(Published):
    """The whole public state of a business; figures of its finances never leave registry, only the scale."""

    business_id: Public[str]
    owner_id: Public[str]
    name: Public[str]
    nib: Public[str | None] = None
    region: Public[str]
    agency: Public[str]
    legal_form: Public[str | None] = None
    role: Public[str | None] = None
    scale: Public[str | None] = None
    scale_basis: Public[ScaleBasis | None] = None
    kbli: Public[PublishedKbli | None] = None
    workers: Public[int | None] = None
    started_on: Public[Day | None] = None
    status: Public[str]
    status_since: Public[Day]
    mentor: Public[str | None] = None
    needs: Public[tuple[str, ...]] = ()
    channels: Public[tuple[str, ...]] = ()
    recorded_on: Public[Day]
    possible_duplicates: Public[tuple[str, ...] | None] = None
    """Businesses that may be this one: for officials to merge or to declare distinct."""
    merged_into: Public[str | None] = None
    absorbed: Public[tuple[str, ...] | None] = None
    """All records that have been merged into this one, also by way of others."""


class Likeness(Published):
    """Why another business may be this one: ``same_owner``, ``same_nib``, ``same_place``."""

    business_id: Public[str]
    signs: Public[tuple[str, ...]]


class BusinessChange(Published):
    """What one event adds: which public fields changed, what was before, the paper behind it."""

    fields: Public[tuple[str, ...] | None] = None
    status_before: Public[str | None] = None
    scale_before: Public[str | None] = None
    method: Public[str | None] = None
    decree: Public[PublishedDecree | None] = None
    reason: Public[str | None] = None
    suspected: Public[tuple[Likeness, ...] | None] = None
    distinct_from: Public[str | None] = None


class BusinessEvent(Published):
    business: Public[BusinessState]
    change: Public[BusinessChange] = BusinessChange()
