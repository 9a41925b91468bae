"""Programmes: proposed, opened, amended, paused, resumed, closed and asked for; and the items that they hand out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.aid import assessment, items, ledger, store
from services.aid import programme as programmes
from services.aid.handlers import budgets
from services.aid.programme import Act, Programme
from shared.agencies import agency_lookup, authority_needs, check_authority
from shared.contracts.aid.programmes import (
    ItemRegister,
    ProgrammeAmend,
    ProgrammeClose,
    ProgrammeOpen,
    ProgrammePause,
    ProgrammePropose,
    ProgrammeRequest,
    ProgrammeResume,
    ProgrammeStart,
)
from shared.contracts.envelope import Received
from shared.contracts.problem import Problem
from shared.decision import Decision, reject
from shared.kernel.routes import Routes
from shared.kernel.state import Lookup, Page, WorkingSet
from shared.reference import region as regions

routes = Routes()


def _act(message: Received[Any], region: str, now: datetime) -> Act:
    return Act(message.account, message.cause.actor, regions.local_date(now, region))


# --- a new one --------------------------------------------------------------------------------------------------------


def _open_needs(message: Received[ProgrammeOpen], _: WorkingSet) -> Iterable[Lookup]:
    programme_id = message.new_id("programme")
    yield from authority_needs(message)
    yield store.programme(programme_id)
    yield from (store.item(one.item) for one in message.data.items)
    yield from budgets.lines_needed(message.data, programme_id)


@routes.on("aid.programme.open", _open_needs)
def open_(message: Received[ProgrammeOpen], state: WorkingSet, now: datetime) -> Decision:
    decision = _made(message, state, now)
    return budgets.allotting(decision, message, message.data, state) if decision.changes else decision


@routes.on("aid.programme.propose", _open_needs)
def propose(message: Received[ProgrammePropose], state: WorkingSet, now: datetime) -> Decision:
    """A draft takes no money yet, and nobody is assessed for it."""
    return _made(message, state, now)


def _made(message: Received[Any], state: WorkingSet, now: datetime) -> Decision:
    data, programme_id = message.data, message.new_id("programme")
    if problems := check_authority(message, state, now, data.region, "data.region"):
        return reject(*problems)
    if known := state.get(store.programme(programme_id)):
        return programmes.already_open(known)
    known_items = _registered((one.item for one in data.items), state)
    decision = programmes.open_programme(data, programme_id, _act(message, data.region, now), known_items)
    return _with_work(decision, message, now)


def _registered(names: Iterable[str], state: WorkingSet) -> set[str]:
    return {name for name in names if state.get(store.item(name)) is not None}


def _with_work(decision: Decision, message: Received[Any], now: datetime) -> Decision:
    """Everybody in the region of a programme that is open now is to be assessed, from the first."""
    work = [
        assessment.start(one, message.cause, now)
        for one in decision.changes
        if isinstance(one, Programme) and one.status == "open"
    ]
    return replace(decision, changes=[*decision.changes, *work])


# --- what becomes of it -----------------------------------------------------------------------------------------------


def _known_needs(message: Received[Any], state: WorkingSet) -> Iterator[Lookup]:
    yield from authority_needs(message)
    yield store.programme(message.data.programme_id)
    yield store.assessment_of(message.data.programme_id)


def _with_lines_needs(message: Received[Any], state: WorkingSet) -> Iterator[Lookup]:
    yield from _known_needs(message, state)
    lookup = store.programme(message.data.programme_id)
    known = None if state.missing([lookup]) else state.get(lookup)
    if known is not None:
        yield from budgets.lines_needed(known, known.programme_id)


def _meant(message: Received[Any], state: WorkingSet, now: datetime) -> tuple[Programme | None, Act, list[Problem]]:
    """The programme that is meant, who acts, and why not, if so."""
    known = state.get(store.programme(message.data.programme_id))
    region = known.region if known else None
    problems = check_authority(message, state, now, region, "data.programme_id")
    return known, _act(message, region or regions.NATION, now), problems


@routes.on("aid.programme.start", _with_lines_needs)
def start(message: Received[ProgrammeStart], state: WorkingSet, now: datetime) -> Decision:
    known, act, problems = _meant(message, state, now)
    if problems:
        return reject(*problems)
    decision = _with_work(programmes.start_programme(known, act), message, now)
    return decision if known is None or not decision.changes else budgets.allotting(decision, message, known, state)


@routes.on("aid.programme.pause", _known_needs)
def pause(message: Received[ProgrammePause], state: WorkingSet, now: datetime) -> Decision:
    known, act, problems = _meant(message, state, now)
    if problems:
        return reject(*problems)
    return _stopped(programmes.pause_programme(known, message.data, act), message, state)


@routes.on("aid.programme.resume", _known_needs)
def resume(message: Received[ProgrammeResume], state: WorkingSet, now: datetime) -> Decision:
    known, act, problems = _meant(message, state, now)
    if problems:
        return reject(*problems)
    return _with_work(programmes.resume_programme(known, act), message, now)


@routes.on("aid.programme.close", _known_needs)
def close(message: Received[ProgrammeClose], state: WorkingSet, now: datetime) -> Decision:
    known, act, problems = _meant(message, state, now)
    if problems:
        return reject(*problems)
    return _stopped(programmes.close_programme(known, message.data, act), message, state)


def _stopped(decision: Decision, message: Received[Any], state: WorkingSet) -> Decision:
    work = assessment.stop(state.get(store.assessment_of(message.data.programme_id))) if decision.changes else []
    return replace(decision, changes=[*decision.changes, *work])


def _amend_needs(message: Received[ProgrammeAmend], state: WorkingSet) -> Iterator[Lookup]:
    yield from _with_lines_needs(message, state)
    yield from (store.item(one.item) for one in message.data.items or ())


@routes.on("aid.programme.amend", _amend_needs)
def amend(message: Received[ProgrammeAmend], state: WorkingSet, now: datetime) -> Decision:
    """Where it is amended whom it serves, everybody is assessed anew."""
    known, act, problems = _meant(message, state, now)
    if problems:
        return reject(*problems)
    known_items = _registered((one.item for one in message.data.items or ()), state)
    committed = _committed(known, state) if known is not None else 0
    decision = programmes.amend_programme(known, message.data, act, known_items, committed)
    again = message.data.criteria is not None or message.data.required_checks is not None
    return _with_work(decision, message, now) if again else decision


def _committed(programme: Programme, state: WorkingSet) -> int:
    """Of the lines that are the programme's own; what others pay from as well says nothing about it."""
    lines = ledger.lines_of(programme, programme.programme_id)
    own = (state.get(store.account(one.budget_id)) for one in lines if one.line == programme.programme_id)
    return sum(account.committed + account.realised for account in own if account is not None)


# --- which are there? -------------------------------------------------------------------------------------------------


def _request_needs(message: Received[ProgrammeRequest], state: WorkingSet) -> Iterable[Lookup]:
    yield from authority_needs(message)
    if message.data.programme_id is not None:
        yield store.programme_as_it_stands(message.data.programme_id)
    elif not state.missing([agency_lookup(message.account)]):
        yield _page(message, state)


def _page(message: Received[ProgrammeRequest], state: WorkingSet) -> Page[Programme]:
    # One more than asked for, to know whether there is a next page.
    after, limit = message.data.after or "", message.data.limit + 1
    return Page(store.PROGRAMMES, f"in:{_region(message, state)}", after=after, limit=limit, guard=False)


def _region(message: Received[ProgrammeRequest], state: WorkingSet) -> str:
    agency = state.get(agency_lookup(message.account))
    return message.data.region or (agency.region if agency is not None else regions.NATION)


@routes.on("aid.programme.request", _request_needs)
def request(message: Received[ProgrammeRequest], state: WorkingSet, now: datetime) -> Decision:
    """The programmes of a region, or one with its history. What an agency does is public, whoever asks; the drafts of
    others are not."""
    if message.data.programme_id is not None:
        return _one(message, state, now)
    if problems := check_authority(message, state, now, _region(message, state), "data.region"):
        return reject(*problems)
    found = state.all(_page(message, state))
    shown = found[: message.data.limit]
    return Decision(
        answer=[programmes.stated(one) for one in shown if _wanted(one, message)],
        next=shown[-1].programme_id if len(found) > len(shown) else None,
    )


def _wanted(one: Programme, message: Received[ProgrammeRequest]) -> bool:
    data = message.data
    if one.status == "draft" and one.agency != message.account:
        return False
    return (data.status in {None, one.status}) and (data.fiscal_year in {None, one.fiscal_year})


def _one(message: Received[ProgrammeRequest], state: WorkingSet, now: datetime) -> Decision:
    if problems := check_authority(message, state, now, None, None):
        return reject(*problems)
    known = state.get(store.programme_as_it_stands(message.data.programme_id or ""))
    if known is None or (known.status == "draft" and known.agency != message.account):
        return reject(programmes.unknown())
    return Decision(answer=[programmes.described(known)])


# --- items ------------------------------------------------------------------------------------------------------------


def _item_needs(message: Received[ItemRegister], _: WorkingSet) -> Iterable[Lookup]:
    return [*authority_needs(message), store.own_item(message.data.item)]


@routes.on("aid.item.register", _item_needs)
def register_item(message: Received[ItemRegister], state: WorkingSet, now: datetime) -> Decision:
    if problems := check_authority(message, state, now, None, None):
        return reject(*problems)
    agency = state.get(agency_lookup(message.account))
    region = agency.region if agency is not None else regions.NATION
    return items.register(message.data, state.get(store.own_item(message.data.item)), message.account, region)
