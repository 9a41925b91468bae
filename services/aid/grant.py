"""A grant: one beneficiary's share of a programme, from the draft to what became of it.

``draft → submitted → verified → decided`` (by decree, SK) ``→ agreed`` (NPHD, where the form asks for it) ``→ handed
over`` (by minutes, BAST, in one or several instalments) ``→ reported → monitored``; ``rejected`` and ``cancelled`` are
ends. Whoever made it checks it at no step. Its money is reserved when it is verified, committed when it is decided,
realised when it is handed over, and what is not needed is released (``ledger``). Whether the beneficiary may have it is
judged anew at the decision and at each hand-over, by who calls (``handlers.grants``).

Goods worth a fifth of what was approved have been handed out before: what came is held against what was approved, and
what is missing stays visible (``short``). Money is whole rupiah; days are those of the place of the grant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import ConfigDict

from services.aid.business import Business
from services.aid.candidate import Beneficiary, Place, Population, beneficiary_id, person_of
from services.aid.cooperative import Cooperative
from services.aid.forms import LEGAL_BODY, PERSON, REGION, Form, recipient_kind
from services.aid.ledger import lines_of
from services.aid.problems import problem
from services.aid.programme import Programme
from services.aid.recipient import Intervention, Stage
from shared.contracts.aid.grants import (
    Document,
    Endorsement,
    GrantAgree,
    GrantChange,
    GrantDecide,
    GrantEvent,
    GrantHandOver,
    GrantMonitor,
    GrantPropose,
    GrantReport,
    GrantState,
    HandOver,
    Item,
    PublishedDocument,
    PublishedItem,
    Shortfall,
    Visit,
)
from shared.contracts.problem import Problem
from shared.contracts.registry.businesses import Decree, PublishedDecree
from shared.decision import Fact

DRAFT, SUBMITTED, VERIFIED, DECIDED, AGREED = "draft", "submitted", "verified", "decided", "agreed"
PARTLY, HANDED_OVER, REPORTED, MONITORED = "partly_handed_over", "handed_over", "reported", "monitored"
REJECTED, CANCELLED = "rejected", "cancelled"

_FROM: Mapping[str, frozenset[str]] = {
    "submit": frozenset({DRAFT}),
    "verify": frozenset({SUBMITTED}),
    "endorse": frozenset({SUBMITTED, VERIFIED}),
    "decide": frozenset({VERIFIED}),
    "agree": frozenset({DECIDED}),
    "hand_over": frozenset({DECIDED, AGREED, PARTLY}),
    "report": frozenset({HANDED_OVER}),
    "monitor": frozenset({HANDED_OVER, REPORTED, MONITORED}),
    "reject": frozenset({SUBMITTED, VERIFIED}),
    "cancel": frozenset({DRAFT, SUBMITTED, VERIFIED, DECIDED, AGREED, PARTLY}),
}
"""At which status a step may be taken."""
_CHECKS = frozenset({"verify", "endorse", "decide"})
"""Steps of a checker, who is not the maker."""
OVER = frozenset({HANDED_OVER, REPORTED, MONITORED})
"""What was handed over whole, or as far as it came."""


class Grant(GrantState):
    """A grant's public state, which is all there is of it, and the sequence of the event that carries it.

    ``purpose`` is the topic of its programme, by which overlaps are told apart; ``population`` says among whom the
    beneficiary is found."""

    model_config = ConfigDict(frozen=True)

    sequence: int = 0
    purpose: str | None = None
    population: Population = "business"

    def published(self) -> GrantState:
        return GrantState(**{name: getattr(self, name) for name in GrantState.model_fields})

    @property
    def remaining(self) -> int:
        """What was approved and has not come yet."""
        return self.value - self.delivered

    @property
    def held(self) -> str | None:
        """In which balance of the ledger the rest of its money stands; None where nothing is claimed for it."""
        if self.status == VERIFIED:
            return "reserved"
        return "committed" if self.status in {DECIDED, AGREED, PARTLY} else None


@dataclass(frozen=True, slots=True)
class Step:
    """Something an official does about a grant: ``by`` is an opaque id, ``on`` the day in the grant's region."""

    what: str
    by: str
    on: date
    documents: Sequence[Document] = ()


def told(grant: Grant, what: str, change: GrantChange) -> tuple[Grant, Fact]:
    """The grant with its next number, and the event that tells of it."""
    numbered = grant.model_copy(update={"sequence": grant.sequence + 1})
    event = GrantEvent(grant=numbered.published(), change=change)
    return numbered, Fact(f"aid.grant.{what}", numbered.grant_id, numbered.region, numbered.sequence, event)


def result(grant: Grant, outcome: str) -> dict[str, Any]:
    return {"grant_id": grant.grant_id, "sequence": grant.sequence, "outcome": outcome, "status": grant.status}


# --- the draft --------------------------------------------------------------------------------------------------------


def proposed(data: GrantPropose, programme: Programme, beneficiary: Beneficiary, grant_id: str, step: Step) -> Grant:
    """A draft that is in order (``against_proposal``)."""
    grant = Grant(
        grant_id=grant_id,
        programme_id=programme.programme_id,
        programme_kind=programme.kind,
        aid_form=programme.aid_form,
        purpose=programme.topic,
        agency=programme.agency,
        region=region_of(beneficiary),
        fiscal_year=programme.fiscal_year,
        budget_id=data.budget_id or _lines(programme)[0],
        beneficiary_id=beneficiary_id(beneficiary),
        recipient_id=person_of(beneficiary),
        population=programme.population,
        value=value_of(data, programme),
        items=_items(data.items),
        instalments=data.instalments,
        status=DRAFT,
        status_since=step.on,
        proposed_by=step.by,
    )
    return _with_documents(grant, step)


def against_proposal(
    data: GrantPropose, programme: Programme, beneficiary: Beneficiary, form: Form
) -> Iterator[Problem]:
    """Problems: ``grant.programme_not_open``, ``grant.form_recipient``, ``grant.budget_choice``,
    ``grant.budget_differs``, ``grant.value_differs``, ``grant.value_zero``."""
    if programme.status != "open":
        yield problem("grant.programme_not_open", "data.programme_id")
    if _kind_of(beneficiary) not in form.recipients:
        yield problem("grant.form_recipient", "data.beneficiary_id")
    lines = _lines(programme)
    if data.budget_id is None and len(lines) > 1:
        yield problem("grant.budget_choice", "data.budget_id")
    if data.budget_id is not None and data.budget_id not in lines:
        yield problem("grant.budget_differs", "data.budget_id")
    if data.value is not None and data.items and data.value != _worth(data.items):
        yield problem("grant.value_differs", "data.value")
    if not value_of(data, programme) and programme.unit_cost:
        yield problem("grant.value_zero", "data.value")


def region_of(beneficiary: Beneficiary) -> str:
    return beneficiary.region if isinstance(beneficiary, Place) else beneficiary.state.region


def _kind_of(beneficiary: Beneficiary) -> str:
    """Which kind of recipient it is before the law; a cooperative has legal standing once its act of founding has."""
    match beneficiary:
        case Business():
            return recipient_kind(beneficiary.state.legal_form)
        case Cooperative():
            return LEGAL_BODY if beneficiary.state.legal is not None else PERSON
        case Place():
            return REGION


def _lines(programme: Programme) -> list[str]:
    """The budget lines that a programme is paid from."""
    return [one.budget_id for one in lines_of(programme, programme.programme_id)]


def value_of(data: GrantPropose, programme: Programme) -> int:
    """Whole rupiah: what its items are worth, else what it says, else what one costs by the programme."""
    if data.items:
        return _worth(data.items)
    return programme.unit_cost if data.value is None else data.value


def _worth(items: Iterable[Item | PublishedItem]) -> int:
    return sum(one.quantity * one.unit_value for one in items)


def _items(items: Iterable[Item]) -> tuple[PublishedItem, ...]:
    return tuple(PublishedItem(**{name: getattr(one, name) for name in PublishedItem.model_fields}) for one in items)


# --- steps ------------------------------------------------------------------------------------------------------------


def against_step(grant: Grant, step: Step) -> Iterator[Problem]:
    """What any step asks: that it follows, and that no maker checks.

    Problems: ``grant.already_handed_over``, ``grant.not_decided``, ``grant.status``, ``grant.maker_checks``.
    """
    if grant.status not in _FROM[step.what]:
        yield problem(_out_of_order(grant, step), "data.grant_id")
    if step.what in _CHECKS and step.by in {grant.proposed_by, grant.submitted_by}:
        yield problem("grant.maker_checks", "actor")


def _out_of_order(grant: Grant, step: Step) -> str:
    if step.what != "hand_over" or grant.status in {REJECTED, CANCELLED}:
        return "grant.status"
    return "grant.already_handed_over" if grant.status in OVER else "grant.not_decided"


def moved(grant: Grant, status: str, step: Step, **changes: Any) -> Grant:
    """At another status, with the papers of the step."""
    after = grant.model_copy(update={"status": status, "status_since": step.on, **changes})
    return _with_documents(after, step)


def _with_documents(grant: Grant, step: Step) -> Grant:
    added = tuple(
        PublishedDocument(kind=one.kind, number=one.number, sha256=one.sha256, location=one.location, step=step.what)
        for one in step.documents
    )
    return grant.model_copy(update={"documents": (*grant.documents, *added)})


def endorsed(grant: Grant, legal_basis: str, step: Step) -> Grant:
    endorsement = Endorsement(by=step.by, legal_basis=legal_basis, on=step.on)
    return moved(grant, grant.status, step, endorsement=endorsement, status_since=grant.status_since)


# --- the decision -----------------------------------------------------------------------------------------------------


def against_decision(
    grant: Grant, data: GrantDecide, form: Form, step: Step, *, hibah_last_year: bool
) -> Iterator[Problem]:
    """Problems: ``decree.date_in_future``, ``grant.year_over``, ``grant.paper_missing``, ``grant.consecutive_hibah``
    (again in the next year only with a legal basis and a second approver, Permendagri 77/2020),
    ``grant.endorser_decides``."""
    if data.decree.date > step.on:
        yield problem("decree.date_in_future", "data.decree.date")
    if step.on.year > grant.fiscal_year:
        yield problem("grant.year_over", "data.grant_id")
    if form.papers - {one.kind for one in grant.documents} - {one.kind for one in data.documents}:
        yield problem("grant.paper_missing", "data.documents")
    if form.not_consecutive and hibah_last_year:
        if grant.endorsement is None:
            yield problem("grant.consecutive_hibah", "data.grant_id")
        elif grant.endorsement.by == step.by:
            yield problem("grant.endorser_decides", "actor")


def decided(grant: Grant, data: GrantDecide, step: Step) -> Grant:
    return moved(grant, DECIDED, step, decided_by=step.by, decree=_paper(data.decree))


def against_agreement(grant: Grant, data: GrantAgree, form: Form, step: Step) -> Iterator[Problem]:
    """Problems: ``grant.agreement_not_needed``, ``grant.date_in_future``, ``grant.before_decree``."""
    if not form.agreement:
        yield problem("grant.agreement_not_needed", "data.grant_id")
    yield from _against_date(grant, data.agreement, step, "data.agreement.date")


def agreed(grant: Grant, data: GrantAgree, step: Step) -> Grant:
    return moved(grant, AGREED, step, agreement=_paper(data.agreement))


def _paper(decree: Decree) -> PublishedDecree:
    return PublishedDecree(number=decree.number, date=decree.date)


def _against_date(grant: Grant, paper: Decree, step: Step, field: str) -> Iterator[Problem]:
    if paper.date > step.on:
        yield problem("grant.date_in_future", field)
    if grant.decree is not None and paper.date < grant.decree.date:
        yield problem("grant.before_decree", field)


# --- the hand-over ----------------------------------------------------------------------------------------------------


def against_hand_over(grant: Grant, data: GrantHandOver, form: Form, step: Step) -> Iterator[Problem]:
    """Problems: ``grant.agreement_missing``, ``grant.date_in_future``, ``grant.before_decree``, ``grant.year_over``,
    ``grant.item_not_approved``, ``grant.more_than_approved``, ``grant.value_differs``."""
    if form.agreement and grant.agreement is None:
        yield problem("grant.agreement_missing", "data.grant_id")
    yield from _against_date(grant, data.receipt, step, "data.receipt.date")
    if {step.on.year, data.receipt.date.year} != {grant.fiscal_year}:
        yield problem("grant.year_over", "data.receipt.date")
    yield from _against_goods(grant, data)
    if data.value is not None and data.items and data.value != _worth(data.items):
        yield problem("grant.value_differs", "data.value")
    elif handed_value(grant, data) > grant.remaining:
        yield problem("grant.more_than_approved", "data.items" if data.items else "data.value")


def _against_goods(grant: Grant, data: GrantHandOver) -> Iterator[Problem]:
    approved, handed = {one.item: one for one in grant.items}, _handed(grant.hand_overs)
    for place, one in enumerate(data.items):
        if one.item not in approved:
            yield problem("grant.item_not_approved", f"data.items.{place}.item")
        elif handed.get(one.item, 0) + one.quantity > approved[one.item].quantity:
            yield problem("grant.more_than_approved", f"data.items.{place}.quantity")
    if grant.items and not data.items and data.value is not None:
        # Goods are handed over as goods: a bare sum would hide how many came, and of what worth.
        yield problem("grant.items_missing", "data.items")


def _handed(hand_overs: Iterable[HandOver]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in (item for each in hand_overs for item in each.items):
        found[one.item] = found.get(one.item, 0) + one.quantity
    return found


def handed_value(grant: Grant, data: GrantHandOver) -> int:
    """Whole rupiah: the worth of the goods, else what it says, else all that is left."""
    if goods := _goods(grant, data):
        return _worth(goods)
    return grant.remaining if data.value is None else data.value


def _goods(grant: Grant, data: GrantHandOver) -> tuple[PublishedItem, ...]:
    """What it names; where it names nothing, all that was approved and has not come."""
    if data.items:
        return _items(data.items)
    handed = _handed(grant.hand_overs)
    left = ((one, one.quantity - handed.get(one.item, 0)) for one in grant.items)
    return tuple(one.model_copy(update={"quantity": quantity}) for one, quantity in left if quantity)


def handed_over(grant: Grant, data: GrantHandOver, step: Step) -> tuple[Grant, GrantChange]:
    """After one more instalment; the last one says what never came."""
    hand_over = HandOver(
        receipt=_paper(data.receipt),
        signer_role=data.signer_role,
        value=handed_value(grant, data),
        items=_goods(grant, data),
        by=step.by,
    )
    hand_overs, delivered = (*grant.hand_overs, hand_over), grant.delivered + hand_over.value
    last = data.final or len(hand_overs) >= grant.instalments or delivered == grant.value
    changes: dict[str, Any] = {"hand_overs": hand_overs, "delivered": delivered}
    if not last:
        return moved(grant, PARTLY, step, **changes), GrantChange(status_before=grant.status)
    short = grant.value - delivered
    after = moved(grant, HANDED_OVER, step, **changes, short=short)
    return after, GrantChange(status_before=grant.status, shortfall=_shortfall(after) if short else None)


def _shortfall(grant: Grant) -> Shortfall:
    percent = 100 * grant.delivered // grant.value
    return Shortfall(approved=grant.value, delivered=grant.delivered, percent=percent)


# --- afterwards -------------------------------------------------------------------------------------------------------


def against_day(day: date, grant: Grant, step: Step, field: str) -> Iterator[Problem]:
    """A report or a visit is after the hand-over and not of tomorrow: ``grant.date_in_future``,
    ``grant.before_hand_over``."""
    if day > step.on:
        yield problem("grant.date_in_future", field)
    if grant.hand_overs and day < grant.hand_overs[-1].receipt.date:
        yield problem("grant.before_hand_over", field)


def reported(grant: Grant, data: GrantReport, step: Step) -> Grant:
    return moved(grant, REPORTED, step, reported_on=data.reported_on)


def monitored(grant: Grant, data: GrantMonitor, step: Step) -> Grant:
    visit = Visit(visited_on=data.visited_on, finding=data.finding, by=step.by)
    return moved(grant, MONITORED, step, visits=(*grant.visits, visit))


# --- goods from stock -------------------------------------------------------------------------------------------------


def from_stock(grant: Grant) -> Iterator[str]:
    """The items that come from the agency's stock."""
    return (one.item for one in grant.items if one.from_stock)


def promised(grant: Grant, item: str) -> int:
    """How many of an item are decided for it and have not come yet."""
    if grant.held != "committed":
        return 0
    return sum(one.quantity for one in grant.items if one.item == item) - _handed(grant.hand_overs).get(item, 0)


def handed_out(grant: Grant, item: str) -> int:
    return _handed(grant.hand_overs).get(item, 0)


# --- what others see of it --------------------------------------------------------------------------------------------

_STAGES: Mapping[str, Stage] = {
    SUBMITTED: "planned",
    VERIFIED: "planned",
    DECIDED: "approved",
    AGREED: "approved",
    PARTLY: "approved",
    HANDED_OVER: "handed_over",
    REPORTED: "handed_over",
    MONITORED: "handed_over",
    REJECTED: "cancelled",
    CANCELLED: "cancelled",
}


def intervention(grant: Grant) -> Intervention | None:
    """What it is for its beneficiary, in the eyes of other offices; of a draft nothing."""
    stage = _STAGES.get(grant.status)
    if stage is None:
        return None
    # What came before it was given up has come.
    return _intervention(grant, "handed_over" if grant.status == CANCELLED and grant.delivered else stage)


def as_decided(grant: Grant, on: date) -> Intervention:
    """What it would be if it were decided on a day; what it is, if it was."""
    decided = grant if grant.decree is not None else grant.model_copy(update={"status_since": on})
    return _intervention(decided, "approved")


def _intervention(grant: Grant, stage: Stage) -> Intervention:
    return Intervention(
        intervention_id=grant.grant_id,
        person_id=grant.recipient_id,
        origin="grant",
        agency=grant.agency,
        programme_id=grant.programme_id,
        kind=grant.programme_kind,
        form=grant.aid_form,
        purpose=grant.purpose,
        business_id=grant.beneficiary_id if grant.population == "business" else None,
        cooperative_id=grant.beneficiary_id if grant.population == "cooperative" else None,
        region=grant.region,
        fiscal_year=grant.fiscal_year,
        on=_day_of(grant),
        stage=stage,
        value=grant.delivered if stage == "handed_over" else grant.value,
    )


def _day_of(grant: Grant) -> date:
    """By which day it is held against others: that of the last hand-over, else of the decree, else of its status."""
    if grant.hand_overs:
        return grant.hand_overs[-1].receipt.date
    return grant.decree.date if grant.decree else grant.status_since
