"""Grants: each step decided on the grant, its money, its goods and its beneficiary together.

At a decision and at a hand-over the beneficiary is judged anew, on guarded copies of everything it is judged by: what
is accepted before stops it, and of two offices that give to one person in one instant one is taken again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.aid import grant as grants
from services.aid import ledger, overlap, stock, store
from services.aid.business import Business
from services.aid.candidate import Beneficiary, Candidate, Place, Population
from services.aid.criteria import singles
from services.aid.eligibility import Judged, judge_now
from services.aid.forms import Form, form_on
from services.aid.grant import Grant, Step
from services.aid.handlers.recipients import person_needs, recipient_needs, recipient_of, recorded
from services.aid.ledger import Account, Posted
from services.aid.problems import problem
from services.aid.programme import Programme
from services.aid.recipient import GIVEN, Recipient
from services.aid.stock import Stock
from shared.agencies import agency_lookup, authority_needs, check_authority
from shared.contracts.aid.criteria import CertificateHeld
from shared.contracts.aid.grants import (
    GrantAgree,
    GrantChange,
    GrantEndorse,
    GrantMonitor,
    GrantPropose,
    GrantReport,
    GrantRequest,
)
from shared.contracts.authority import official_id
from shared.contracts.envelope import Received
from shared.contracts.problem import Problem
from shared.decision import Decision, Fact, reject
from shared.kernel.routes import Routes
from shared.kernel.state import ById, Lookup, Page, WorkingSet
from shared.reference import region as regions

routes = Routes()

# --- the draft --------------------------------------------------------------------------------------------------------


def _propose_needs(message: Received[GrantPropose], state: WorkingSet) -> Iterator[Lookup]:
    lookup = store.programme_as_it_stands(message.data.programme_id)
    yield from authority_needs(message)
    yield lookup
    yield store.grant(message.new_id("grant"))
    programme = None if state.missing([lookup]) else state.get(lookup)
    if programme is not None:
        yield from _copies(programme.population, message.data.beneficiary_id, guard=False)


def _copies(population: Population, id_: str, *, guard: bool) -> list[ById[Any]]:
    """Where the copy of a beneficiary is; a region is its code, and needs none."""
    if population == "region":
        return []
    return [ById(store.BUSINESSES if population == "business" else store.COOPERATIVES, id_, guard=guard)]


def _beneficiary(population: Population, id_: str, state: WorkingSet, *, guard: bool) -> Beneficiary | None:
    if population == "region":
        return Place(id_) if regions.is_known_regency(id_) else None
    (lookup,) = _copies(population, id_, guard=guard)
    found: Beneficiary | None = state.get(lookup)
    return found


@routes.on("aid.grant.propose", _propose_needs)
def propose(message: Received[GrantPropose], state: WorkingSet, now: datetime) -> Decision:
    data = message.data
    programme = state.get(store.programme_as_it_stands(data.programme_id))
    found = _beneficiary(programme.population, data.beneficiary_id, state, guard=False) if programme else None
    region = grants.region_of(found) if found else None
    if problems := check_authority(message, state, now, region, "data.beneficiary_id"):
        return reject(*problems)
    if known := state.get(store.grant(message.new_id("grant"))):
        return Decision(result=grants.result(known, "unchanged"))
    if programme is None:
        return reject(problem("grant.programme_unknown", "data.programme_id"))
    if found is None:
        return reject(problem("grant.beneficiary_unknown", "data.beneficiary_id"))
    return _proposed(message, programme, found, now)


def _proposed(
    message: Received[GrantPropose], programme: Programme, beneficiary: Beneficiary, now: datetime
) -> Decision:
    data, step = message.data, _step(message, "propose", grants.region_of(beneficiary), now)
    problems = list(grants.against_proposal(data, programme, beneficiary, form_on(programme.aid_form, step.on)))
    if programme.agency != message.account:
        problems.append(problem("grant.agency_differs", "data.programme_id"))
    if problems:
        return reject(*problems)
    draft = grants.proposed(data, programme, beneficiary, message.new_id("grant"), step)
    after, fact = grants.told(draft, "proposed", GrantChange())
    above = [problem("grant.above_unit_cost", "data.value")] if after.value > programme.unit_cost else []
    return Decision(changes=[after], facts=[fact], result=grants.result(after, "proposed"), warnings=above)


def _step(message: Received[Any], what: str, region: str, now: datetime) -> Step:
    by = official_id(message.account, message.actor or "")
    return Step(what, by, regions.local_date(now, region), getattr(message.data, "documents", ()))


# --- what every later step looks at -----------------------------------------------------------------------------------


def _step_needs(message: Received[Any], state: WorkingSet) -> Iterator[Lookup]:
    lookup = store.grant(message.data.grant_id)
    yield from authority_needs(message)
    yield lookup
    grant = None if state.missing([lookup]) else state.get(lookup)
    if grant is not None:
        yield from _around(grant, state)


def _around(grant: Grant, state: WorkingSet) -> Iterator[Lookup]:
    """Its money, its goods, and what its beneficiary has been given."""
    yield store.account(grant.budget_id)
    yield from (_stock(grant, item) for item in grants.from_stock(grant))
    yield from recipient_needs(grant.recipient_id, grant.grant_id, state)


def _stock(grant: Grant, item: str) -> ById[Stock]:
    return store.stock(stock.stock_id(grant.agency, item))


def _judged_needs(message: Received[Any], state: WorkingSet) -> Iterator[Lookup]:
    """Besides, all by which the beneficiary is judged."""
    yield from _step_needs(message, state)
    lookup = store.grant(message.data.grant_id)
    grant = None if state.missing([lookup]) else state.get(lookup)
    if grant is None:
        return
    programme, copies = store.programme(grant.programme_id), _copies(grant.population, grant.beneficiary_id, guard=True)
    yield programme
    yield from copies
    for copy in [] if state.missing(copies) else map(state.get, copies):
        if isinstance(copy, Business) and copy.state.merged_into is not None:
            yield store.business(copy.state.merged_into)
    if not state.missing([programme]) and _asks_for_certificates(grant, state.get(programme)):
        yield store.certificates(grant.beneficiary_id)
    way = list(person_needs(grant.recipient_id, state))
    yield from way
    if not state.missing(way):
        person = recipient_of(grant.recipient_id, state)
        yield store.standing(person.recipient_id)


# --- deciding a step --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Steps:
    """A step on a grant that may be taken, and all that is decided with it."""

    message: Received[Any]
    state: WorkingSet
    now: datetime
    grant: Grant
    step: Step

    @property
    def form(self) -> Form:
        return form_on(self.grant.aid_form, self.step.on)

    @property
    def account(self) -> Account:
        found = self.state.get(store.account(self.grant.budget_id))
        if found is None:
            raise LookupError("a grant without a budget line")
        return found

    def done(
        self,
        after: Grant,
        what: str,
        change: GrantChange | None = None,
        money: Posted | None = None,
        warnings: Sequence[Problem] = (),
    ) -> Decision:
        """The grant, its money, its goods and what its beneficiary has been given, in one decision."""
        after, fact = grants.told(after, what, change or GrantChange(status_before=self.grant.status))
        goods = list(self._goods(after))
        if any(one is None for one in goods):
            return reject(problem("stock.short", "data.grant_id"))
        given = self._given(after)
        return Decision(
            changes=[after, *(money.changes if money else ()), *(one[0] for one in goods if one), *given.changes],
            facts=[fact, *(money.facts if money else ()), *(one[1] for one in goods if one), *given.facts],
            result=grants.result(after, what),
            warnings=[*warnings, *given.warnings],
        )

    def _goods(self, after: Grant) -> Iterator[tuple[Stock, Fact] | None]:
        """What moves in the stock; None where there is not enough."""
        for item in grants.from_stock(after):
            promised = grants.promised(after, item) - grants.promised(self.grant, item)
            out = grants.handed_out(after, item) - grants.handed_out(self.grant, item)
            known = self.state.get(_stock(after, item))
            if not promised and not out:
                continue
            fits = known is not None and stock.affords(known, promised, out)
            yield stock.moved(known, promised, out, after.grant_id) if known is not None and fits else None

    def _given(self, after: Grant) -> _Given:
        """What other offices see of it, where that has changed."""
        before, now = (grants.intervention(one) for one in (self.grant, after))
        if now is None or before == now:
            return _Given()
        recipient = recipient_of(self.grant.recipient_id, self.state)
        found = recorded(recipient, now, self.state, self.message.cause, self.now)
        soft = [overlap.warning_of(one, "data.grant_id") for one in found.conflicts if now.stage != "cancelled"]
        return _Given(found.changes, found.facts, soft)

    # --- money ---

    def release(self) -> Posted | None:
        """What is still held for it, given back; None where nothing is."""
        held = self.grant.held
        if held is None:
            return None
        return Posted(self.account).release(self.grant.grant_id, self.grant.remaining, held, self.step.on)


@dataclass(frozen=True, slots=True)
class _Given:
    changes: Sequence[Any] = ()
    facts: Sequence[Fact] = ()
    warnings: Sequence[Problem] = ()


def _on(what: str, needs: Callable[..., Iterable[Lookup]]) -> Callable[[Callable[[Steps], Decision]], Any]:
    """A step, once it is sure that it may be taken at all."""

    def register(decide: Callable[[Steps], Decision]) -> Callable[[Steps], Decision]:
        @routes.on(f"aid.grant.{what}", needs)
        def take(message: Received[Any], state: WorkingSet, now: datetime) -> Decision:
            grant = state.get(store.grant(message.data.grant_id))
            region = grant.region if grant else None
            if problems := check_authority(message, state, now, region, "data.grant_id"):
                return reject(*problems)
            if grant is None:
                return reject(problem("grant.unknown", "data.grant_id"))
            if grant.agency != message.account:
                return reject(problem("grant.agency_differs", "data.grant_id"))
            step = _step(message, what, grant.region, now)
            if problems := list(grants.against_step(grant, step)):
                return reject(*problems)
            return decide(Steps(message, state, now, grant, step))

        return decide

    return register


# --- the steps --------------------------------------------------------------------------------------------------------


@_on("submit", _step_needs)
def submit(steps: Steps) -> Decision:
    after = grants.moved(steps.grant, grants.SUBMITTED, steps.step, submitted_by=steps.step.by)
    return steps.done(after, "submitted")


@_on("verify", _step_needs)
def verify(steps: Steps) -> Decision:
    """Its money is reserved, if there is any."""
    grant, account, on = steps.grant, steps.account, steps.step.on
    if on.year > grant.fiscal_year:
        return reject(problem("grant.year_over", "data.grant_id"))
    if not ledger.affords(account, grant.value):
        return reject(problem("budget.exhausted", "data.grant_id"))
    after = grants.moved(grant, grants.VERIFIED, steps.step, verified_by=steps.step.by)
    return steps.done(after, "verified", money=Posted(account).reserve(grant.grant_id, grant.value, on))


@_on("endorse", _step_needs)
def endorse(steps: Steps) -> Decision:
    data: GrantEndorse = steps.message.data
    return steps.done(grants.endorsed(steps.grant, data.legal_basis, steps.step), "endorsed")


@_on("decide", _judged_needs)
def decide(steps: Steps) -> Decision:
    grant, data = steps.grant, steps.message.data
    problems = [
        *grants.against_decision(grant, data, steps.form, steps.step, hibah_last_year=_had_hibah(steps)),
        *_unfit(steps),
    ]
    if problems:
        return reject(*problems)
    money = Posted(steps.account).commit(grant.grant_id, grant.value, steps.step.on)
    return steps.done(grants.decided(grant, data, steps.step), "decided", money=money)


def _had_hibah(steps: Steps) -> bool:
    """Whether the beneficiary had the same form of aid in the year before, from us or from anybody who has told."""
    person = recipient_of(steps.grant.recipient_id, steps.state)
    year = steps.grant.fiscal_year - 1
    return any(
        one.form == steps.grant.aid_form and one.fiscal_year == year and one.stage in GIVEN
        for one in person.interventions
    )


@_on("agree", _step_needs)
def agree(steps: Steps) -> Decision:
    data: GrantAgree = steps.message.data
    if problems := list(grants.against_agreement(steps.grant, data, steps.form, steps.step)):
        return reject(*problems)
    return steps.done(grants.agreed(steps.grant, data, steps.step), "agreed")


@_on("hand_over", _judged_needs)
def hand_over(steps: Steps) -> Decision:
    """An instalment, or all of it; what is not needed in the end is released."""
    grant, data, on = steps.grant, steps.message.data, steps.step.on
    problems = [*grants.against_hand_over(grant, data, steps.form, steps.step), *_unfit(steps)]
    if problems:
        return reject(*problems)
    after, change = grants.handed_over(grant, data, steps.step)
    paid = after.delivered - grant.delivered
    money = Posted(steps.account).realise(grant.grant_id, len(after.hand_overs), paid, on)
    if after.short:
        money = money.release(grant.grant_id, after.short, ledger.COMMITTED, on)
    short = [problem("grant.delivered_short", "data.items" if data.items else "data.value")] if after.short else []
    return steps.done(after, "handed_over", change, money, short)


@_on("report", _step_needs)
def report(steps: Steps) -> Decision:
    data: GrantReport = steps.message.data
    if problems := list(grants.against_day(data.reported_on, steps.grant, steps.step, "data.reported_on")):
        return reject(*problems)
    return steps.done(grants.reported(steps.grant, data, steps.step), "reported")


@_on("monitor", _step_needs)
def monitor(steps: Steps) -> Decision:
    data: GrantMonitor = steps.message.data
    if problems := list(grants.against_day(data.visited_on, steps.grant, steps.step, "data.visited_on")):
        return reject(*problems)
    return steps.done(grants.monitored(steps.grant, data, steps.step), "monitored")


@_on("reject", _step_needs)
def reject_(steps: Steps) -> Decision:
    after = grants.moved(steps.grant, grants.REJECTED, steps.step, reason=steps.message.data.reason)
    return steps.done(after, "rejected", money=steps.release())


@_on("cancel", _step_needs)
def cancel(steps: Steps) -> Decision:
    """Given up: what has come stays with the beneficiary, the rest of the money is released."""
    after = grants.moved(steps.grant, grants.CANCELLED, steps.step, reason=steps.message.data.reason)
    return steps.done(after, "cancelled", money=steps.release())


# --- whether the beneficiary may have it ------------------------------------------------------------------------------


def _unfit(steps: Steps) -> Iterator[Problem]:
    """Why the beneficiary may not have it now: ``grant.ineligible``, ``grant.waiting``, ``grant.programme_paused``, or
    an overlap with what somebody else has decided."""
    grant, state = steps.grant, steps.state
    programme = state.get(store.programme(grant.programme_id))
    beneficiary = _standing(grant, state)
    if programme is None or beneficiary is None:
        raise LookupError("a grant without a programme or a beneficiary")
    if programme.status not in {"open", "closed"}:
        yield problem("grant.programme_paused", "data.grant_id")
    person = recipient_of(grant.recipient_id, state)
    standing = state.get(store.standing(person.recipient_id))
    certified = _asks_for_certificates(grant, programme)
    certificates = state.get(store.certificates(grant.beneficiary_id)) if certified else None
    candidate = Candidate(beneficiary, steps.step.on, standing, _apart_from(grant, person), certificates)
    judged = judge_now(candidate, programme)
    if judged.verdict != "eligible":
        yield _said(judged)
    against = overlap.conflicts(person, grants.as_decided(grant, steps.step.on))
    yield from (overlap.problem_of(one, "data.grant_id") for one in overlap.blocking(against))


def _apart_from(grant: Grant, person: Recipient) -> Recipient:
    """The person without what this grant itself gives, which is no prior aid."""
    others = tuple(one for one in person.interventions if one.intervention_id != grant.grant_id)
    return person.model_copy(update={"interventions": others})


def _standing(grant: Grant, state: WorkingSet) -> Beneficiary | None:
    """The record that lives on, if the beneficiary's was merged."""
    known = _beneficiary(grant.population, grant.beneficiary_id, state, guard=True)
    if not isinstance(known, Business) or known.state.merged_into is None:
        return known
    return state.get(store.business(known.state.merged_into))


def _asks_for_certificates(grant: Grant, programme: Programme | None) -> bool:
    if programme is None or grant.population != "business":
        return False
    return any(isinstance(one, CertificateHeld) for one in singles(programme.criteria))


def _said(judged: Judged) -> Problem:
    """The sentences of the criteria that stand in the way."""
    found = problem(f"grant.{judged.verdict}", "data.grant_id")
    failed = [one for one in judged.criteria if one.verdict == judged.verdict]
    return found.model_copy(
        update={
            "text_id": " ".join((found.text_id, *(one.text_id for one in failed))),
            "text_en": " ".join((found.text_en, *(one.text_en for one in failed))),
        }
    )


# --- which grants are there -------------------------------------------------------------------------------------------


def _request_needs(message: Received[GrantRequest], state: WorkingSet) -> Iterator[Lookup]:
    data = message.data
    yield from authority_needs(message)
    if data.grant_id is not None:
        yield ById(store.GRANTS, data.grant_id, guard=False)
    elif not state.missing([agency_lookup(message.account)]):
        yield _page(message, state)


def _page(message: Received[GrantRequest], state: WorkingSet) -> Page[Grant]:
    # One more than is looked at, to know whether there is a next page.
    data = message.data
    if data.beneficiary_id is not None:
        tag = f"to:{data.beneficiary_id}"
    elif data.programme_id is not None:
        tag = f"programme:{data.programme_id}"
    else:
        tag = f"in:{_asked_region(message, state)}"
    return Page(store.GRANTS, tag, after=data.after or "", limit=data.limit + 1, guard=False)


def _asked_region(message: Received[GrantRequest], state: WorkingSet) -> str:
    agency = state.get(agency_lookup(message.account))
    return message.data.region or (agency.region if agency else regions.NATION)


@routes.on("aid.grant.request", _request_needs)
def answer(message: Received[GrantRequest], state: WorkingSet, now: datetime) -> Decision:
    """Grants of the asker's region. A page is of grants looked at, so it may hold few, or none, and still have a
    next."""
    data = message.data
    if problems := check_authority(message, state, now, data.region, "data.region"):
        return reject(*problems)
    home = _asked_region(message, state)
    if data.grant_id is not None:
        known = state.get(ById(store.GRANTS, data.grant_id, guard=False))
        found, looked_at = [known] if known else [], [known] if known else []
    else:
        found = state.all(_page(message, state))
        looked_at = found[: data.limit]
    shown = [one for one in looked_at if data.status in {None, one.status} and regions.within(one.region, home)]
    return Decision(
        answer=[{"grant": one.published().model_dump(mode="json"), "sequence": one.sequence} for one in shown],
        next=looked_at[-1].grant_id if len(found) > len(looked_at) else None,
    )
