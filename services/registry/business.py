"""Businesses: what is known of each, what state it is in, and what the world sees of it.

Reports say what a business is (name, place, trade, figures); officials decide where it stands: terdata →
terverifikasi → binaan → mandiri, nonaktif or tutup from any of them, and back to terdata. Both end in the whole public
state, published with the next sequence. Figures of its finances and its address stay here, encrypted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.registry import initials, scale
from services.registry.observation import Seen
from services.registry.problems import problem
from shared.contracts.problem import Problem
from shared.contracts.registry.businesses import (
    BusinessChange,
    BusinessEvent,
    BusinessState,
    Decree,
    PublishedDecree,
    PublishedKbli,
    ReportedBusiness,
    ScaleBasis,
)
from shared.decision import Cause, Decision, Fact, reject
from shared.reference import region as regions

OBSERVED = tuple(name for name in ReportedBusiness.model_fields if name not in {"business_id", "agency_ref"})
"""Fields that reports tell, the newest observation of each standing. The reference is one for each account."""
NOT_PUBLIC = ("address", "annual_sales", "capital", "agency_refs", "told_name")
SEALED = frozenset({*NOT_PUBLIC, "seen", "status_note", "formerly"})
"""Encrypted together at rest; the references too, because an office may use a NIK as its own number for a business."""
_SELDOM = frozenset({"possible_duplicates", "absorbed"})
GRADED = ("terverifikasi", "binaan", "mandiri")
"""States of a business that an official has verified."""


class Sales(BaseModel):
    """Annual sales in rupiah and the year they are of."""

    model_config = ConfigDict(frozen=True)

    year: int
    amount: int


class Former(BaseModel):
    """What a record went by before it was merged with another."""

    model_config = ConfigDict(frozen=True)

    name: str
    nib: str | None = None
    agency_refs: Mapping[str, str] = {}


class Comparing(BaseModel):
    """When to look for others that may be this business, and on whose account."""

    model_config = ConfigDict(frozen=True)

    due: AwareDatetime
    cause: Cause


class Business(BaseModel):
    model_config = ConfigDict(frozen=True)

    business_id: str
    owner_id: str
    agency: str
    """The account that recorded it."""
    name: str
    """As the world reads it: with its owner's name shown by initials."""
    told_name: str | None = None
    """As it was told, where that is known."""
    region: str
    nib: str | None = None
    legal_form: str | None = None
    role: str | None = None
    kbli: PublishedKbli | None = None
    workers: int | None = None
    started_on: date | None = None
    needs: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    address: str | None = None
    annual_sales: Sales | None = None
    capital: int | None = None
    agency_refs: Mapping[str, str] = {}
    """By account, its own number for this business."""
    seen: Mapping[str, Seen] = {}
    """By field, the observation that stands."""
    scale: str | None = None
    scale_basis: ScaleBasis | None = None
    graded: str | None = None
    """The scale by annual sales when the business was last verified or moved: what *naik kelas* is measured against."""
    status: str = "terdata"
    status_since: date
    status_note: str | None = None
    mentor: str | None = None
    recorded_on: date
    possible_duplicates: tuple[str, ...] = ()
    distinct_from: tuple[str, ...] = ()
    """Declared to be others, however alike."""
    merged_into: str | None = None
    absorbed: tuple[str, ...] = ()
    formerly: tuple[Former, ...] = ()
    """What it is recognised by besides, since it was merged."""
    comparing: Comparing | None = None
    compared: Mapping[str, bool] = {}
    """By the tag of each block in which it was last compared, whether the block was small enough to say something."""
    place: str | None = None
    """Keyed token of the owner's phone with the address, as of when it was last compared."""
    claims: tuple[str, ...] = ()
    """Keys by which reports recognise this business and no other."""
    sequence: int = 0

    @property
    def known_as(self) -> str:
        """The name that it is recognised by."""
        return self.told_name or self.name

    @property
    def gone(self) -> bool:
        """Whether it is no business any more: closed for good, or part of another record."""
        return self.status in _ENDED

    def __repr__(self) -> str:
        # The generated one would put sales and addresses into every traceback and log.
        return f"Business(business_id={self.business_id!r})"

    __str__ = __repr__


# --- scale, and what a report makes public ----------------------------------------------------------------------------


def scaled(business: Business, today: date) -> Business:
    """The business with its scale by the law of ``today``, the date where it is."""
    derived = scale.derive(_sales_figure(business), _capital_figure(business), today)
    name, basis = (derived.name, derived.basis) if derived is not None else (None, None)
    return business.model_copy(update={"scale": name, "scale_basis": basis})


def _sales_figure(business: Business) -> scale.Figure | None:
    sales = business.annual_sales
    return scale.Figure(sales.year, sales.amount) if sales is not None else None


def _capital_figure(business: Business) -> scale.Figure | None:
    """Capital is of the year in which it was observed, where the business is."""
    if business.capital is None:
        return None
    observed_on = regions.local_date(business.seen["capital"].at, business.region)
    return scale.Figure(observed_on.year, business.capital)


def by_sales(business: Business) -> str | None:
    """The scale if it is by annual sales; scales by sales and by capital cannot be compared."""
    basis = business.scale_basis
    return business.scale if basis is not None and basis.criterion == scale.BY_SALES else None


def reported(before: Business | None, after: Business) -> tuple[Business, list[Fact]]:
    """What the world is told of a report: the public state if it changed, and besides if its grade moved."""
    if before is None:
        return announced(after, "recorded", BusinessChange())
    fields = changed_fields(before, after)
    if not fields:
        return after, []
    current, facts = announced(after, "updated", BusinessChange(fields=fields))
    graded, moves = _graded(current)
    return graded, [*facts, *moves]


def changed_fields(before: Business, after: Business) -> tuple[str, ...]:
    """The public fields in which two states differ."""
    return tuple(name for name in BusinessState.model_fields if _shown(name, before) != _shown(name, after))


def _graded(business: Business) -> tuple[Business, list[Fact]]:
    """*Naik kelas* (S1-02): the scale of a verified business by its sales against what it last was by its sales."""
    grade = by_sales(business)
    if business.status not in GRADED or grade is None or grade == business.graded:
        return business, []
    before, after = business.graded, business.model_copy(update={"graded": grade})
    if before is None:
        return after, []
    what = "scale_raised" if scale.steps_up(before, grade) > 0 else "scale_lowered"
    return announced(after, what, BusinessChange(scale_before=before))


# --- others that may be the same --------------------------------------------------------------------------------------

_LIKENESS = ("name", "nib", "address", "owner_id")


def to_compare(business: Business, cause: Cause, now: datetime) -> Business:
    """The business with a look at its likes due (``duplicate``)."""
    return business.model_copy(update={"comparing": Comparing(due=now, cause=cause)})


def compared_anew(before: Business | None, after: Business, cause: Cause, now: datetime, *, moved: bool) -> Business:
    """With a look due if what likeness rests on has changed; ``moved`` says that the owner's phone has."""
    if before is not None and not moved and all(getattr(before, name) == getattr(after, name) for name in _LIKENESS):
        return after
    return to_compare(after, cause, now)


# --- what officials decide --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """One move between states: what it leads to, how the event is called, and why it is refused from where."""

    participle: str
    leads_to: str
    refused: Mapping[str, str]


_ENDED = {"tutup": "business.closed", "digabung": "business.merged"}
_NOT_BINAAN = dict.fromkeys(("terdata", "terverifikasi", "mandiri", "nonaktif"), "business.not_binaan") | _ENDED

VERIFY = Step(
    "verified",
    "terverifikasi",
    {
        "terverifikasi": "business.already_verified",
        "binaan": "business.already_verified",
        "mandiri": "business.already_verified",
        "nonaktif": "business.inactive",
        **_ENDED,
    },
)
DESIGNATE = Step(
    "designated",
    "binaan",
    {
        "terdata": "business.not_verified",
        "binaan": "business.already_binaan",
        "mandiri": "business.already_mandiri",
        "nonaktif": "business.inactive",
        **_ENDED,
    },
)
RELEASE = Step("released", "mandiri", _NOT_BINAAN)
WITHDRAW = Step("withdrawn", "terverifikasi", _NOT_BINAAN)
"""Still as it was verified, so that it can be designated again."""
DEACTIVATE = Step("deactivated", "nonaktif", {"nonaktif": "business.already_inactive", **_ENDED})
CLOSE = Step("closed", "tutup", _ENDED)
REACTIVATE = Step(
    "reactivated",
    "terdata",
    dict.fromkeys(("terdata", "terverifikasi", "binaan", "mandiri"), "business.not_inactive")
    | {"digabung": "business.merged"},
)


@dataclass(frozen=True, slots=True)
class Papers:
    """What an official says with a decision: what the world is told of it, what stays here, and the mentor's id."""

    change: BusinessChange = field(default_factory=BusinessChange)
    decree: Decree | None = None
    note: str | None = None
    mentor: str | None = None


def decide(business: Business, step: Step, papers: Papers, today: date) -> Decision:
    """Take a step, the official's authority having been checked; ``today`` is the date where the business is."""
    if problems := _check(business, step, papers.decree, today):
        return reject(*problems)
    after, facts = _moved(business, step, papers, today)
    return Decision(
        changes=[after], facts=facts, result=result(after, step.participle), warnings=_warnings(business, step)
    )


def _check(business: Business, step: Step, decree: Decree | None, today: date) -> list[Problem]:
    problems = []
    if business.status in step.refused:
        problems.append(problem(step.refused[business.status], "data.business_id"))
    if decree is not None and decree.date > today:
        problems.append(problem("decree.date_in_future", "data.decree.date"))
    return problems


def _moved(business: Business, step: Step, papers: Papers, today: date) -> tuple[Business, list[Fact]]:
    """The business after a step. With a decree its state begins on the decree's date; a mentor lasts as long as
    the guidance."""
    since = papers.decree.date if papers.decree is not None else today
    after = business.model_copy(
        update={
            "status": step.leads_to,
            "status_since": since,
            "status_note": papers.note,
            "mentor": papers.mentor,
            "graded": _grade_after(business, step),
        }
    )
    change = papers.change.model_copy(update={"status_before": business.status, "decree": _paper(papers.decree)})
    return announced(after, step.participle, change)


def _grade_after(business: Business, step: Step) -> str | None:
    """Verifying takes the scale as it stands for what later moves are measured against; inactive has none."""
    if step.leads_to not in GRADED:
        return None
    return by_sales(business) if step is VERIFY else business.graded


def _paper(decree: Decree | None) -> PublishedDecree | None:
    return PublishedDecree(number=decree.number, date=decree.date) if decree is not None else None


def _warnings(business: Business, step: Step) -> list[Problem]:
    """PP 7/2021 art. 35: above menengah is not served; whom an official guides all the same is the official's act."""
    return [problem("business.besar", "data.business_id")] if step is DESIGNATE and business.scale == "besar" else []


def naming(papers: Papers, intake_id: str, person: str | None) -> list[Problem]:
    """What of an official's decision will be published and holds the owner's name."""
    texts = {
        "id": intake_id,
        "data.decree.number": papers.decree.number if papers.decree is not None else None,
        "data.method": papers.change.method,
        "data.reason": papers.change.reason,
    }
    held = (field for field, text in texts.items() if text is not None and initials.holds(text, person))
    return [problem("text.owner_name", field) for field in held]


def named(business: Business, person: str | None) -> Business:
    """The business with the name that the world may read, its owner's name being what it is now."""
    shown = initials.initialled(business.known_as, person)
    return business if shown == business.name else business.model_copy(update={"name": shown})


# --- where it is looked for, and what an agency is answered -----------------------------------------------------------


def of_region(region: str, *, status: str | None = None, suspected: bool = False) -> str:
    """The tag of all businesses of a province or kab/kota, of all of one status there, or of all that are suspected to
    be recorded twice."""
    what = "|suspected" if suspected else f"|{status}" if status is not None else ""
    return f"in:{region}{what}"


def places(business: Business) -> tuple[str, ...]:
    """All tags of ``of_region`` that a business carries."""
    around = (regions.regency_or_above(business.region), business.region[:2])
    found = [tag for place in around for tag in (of_region(place), of_region(place, status=business.status))]
    suspected = [of_region(place, suspected=True) for place in around] if business.possible_duplicates else []
    return (*found, *suspected)


def described(business: Business, *, full: bool) -> dict[str, Any]:
    """A business as an agency is told of it on request; ``full`` also with what is not public, and with who told each
    field and when."""
    state = public(business).model_dump(mode="json", exclude_none=True)
    answer: dict[str, Any] = {"business": state, "sequence": business.sequence}
    if full:
        private = business.model_dump(mode="json", include=set(NOT_PUBLIC), exclude_none=True)
        told = {name: {"at": one.at.isoformat(), "account": one.account} for name, one in business.seen.items()}
        answer["detail"] = {**private, "told": told}
    return answer


# --- what the world sees ----------------------------------------------------------------------------------------------


def public(business: Business) -> BusinessState:
    """The whole public state: fields of the same name, without lists that seldom hold anything while they do not."""
    # Not validated again: the fields are of the same types, and were validated when they came in.
    return BusinessState.model_construct(**{name: _shown(name, business) for name in BusinessState.model_fields})


def _shown(field: str, business: Business) -> Any:
    value = getattr(business, field)
    return value or None if field in _SELDOM else value


def announced(business: Business, what: str, change: BusinessChange) -> tuple[Business, list[Fact]]:
    """The business with its next sequence, and the event that carries its whole public state under that number."""
    numbered = business.model_copy(update={"sequence": business.sequence + 1})
    event = BusinessEvent(business=public(numbered), change=change)
    return numbered, [
        Fact(f"registry.business.{what}", numbered.business_id, numbered.region, numbered.sequence, event)
    ]


def result(business: Business, outcome: str) -> dict[str, Any]:
    """What the sender is told of an accepted message."""
    return {
        "business_id": business.business_id,
        "owner_id": business.owner_id,
        "sequence": business.sequence,
        "outcome": outcome,
    }
