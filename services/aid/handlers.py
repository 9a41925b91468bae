"""Which message goes to which decision, and what each decision looks at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.aid import assessment, store
from services.aid.business import Business, Told, settled, told
from services.aid.eligibility import Assessed, Eligibility, assess
from services.aid.programme import Programme, already_open, close_programme, open_programme
from shared.agencies import authority_needs, check_authority, register_copies, register_question
from shared.contracts.aid import ProgrammeClose, ProgrammeOpen
from shared.contracts.envelope import Received
from shared.contracts.registry.businesses import BusinessEvent
from shared.decision import Cause, Decision, reject
from shared.kernel.routes import Routes, Run, Worker, stepping
from shared.kernel.state import Lookup, WorkingSet
from shared.reference import region as regions

routes = Routes()
register_copies(routes)
register_question(routes, "aid.agency.request")


# --- businesses -------------------------------------------------------------------------------------------------------


def _business_needs(message: Received[BusinessEvent], state: WorkingSet) -> Iterable[Lookup]:
    business = message.data.business
    yield store.business(business.business_id)
    yield from map(store.business, business.absorbed or ())
    yield from _reassessment_needs(business.business_id, business.region, state)


@routes.on("registry.business.*", _business_needs)
def keep_business(message: Received[BusinessEvent], state: WorkingSet, now: datetime) -> Decision:
    known = state.get(store.business(message.data.business.business_id))
    absorbed = [state.get(store.business(id_)) for id_ in message.data.business.absorbed or ()]
    event = Told(message.data.business, message.sequence, message.cause)
    copy = told(known, event, [one for one in absorbed if one is not None], now)
    if copy is None:
        return Decision()
    found = _reassessed(copy, state)
    return Decision(changes=[copy, *found.changes], facts=found.facts)


def _reassessment_needs(business_id: str, region: str, state: WorkingSet) -> Iterable[Lookup]:
    answers = store.answers_for(business_id)
    yield from store.open_programmes_for(region)
    yield answers
    if not state.missing([answers]):
        yield from (store.programme_as_it_stands(one.programme_id) for one in state.all(answers))


def _reassessed(copy: Business, state: WorkingSet, cause: Cause | None = None) -> Assessed:
    """Judged for the open programmes that cover it now, and for those it has an answer of: it may have moved away."""
    answers = {one.programme_id: one for one in state.all(store.answers_for(copy.business_id))}
    covering = [one for lookup in store.open_programmes_for(copy.state.region) for one in state.all(lookup)]
    before = [state.get(store.programme_as_it_stands(programme_id)) for programme_id in answers]
    programmes = {one.programme_id: one for one in (*covering, *before) if one is not None}
    return assess(copy, programmes.values(), answers, cause)


def _settling_needs(message: Received[Any], state: WorkingSet) -> Iterable[Lookup]:
    due = store.businesses_due(message.received_at)
    yield due
    for copy in [] if state.missing([due]) else state.all(due):
        yield from _reassessment_needs(copy.business_id, copy.state.region, state)


def _settle(_: Received[Any], state: WorkingSet, now: datetime) -> Decision:
    """The second look at businesses that have appeared in a region (``business.Business.settling``)."""
    copies = state.all(store.businesses_due(now))
    found = Assessed()
    for copy in copies:
        found += _reassessed(copy, state, copy.settling.cause if copy.settling else None)
    return Decision(changes=[*map(settled, copies), *found.changes], facts=found.facts)


# --- programmes -------------------------------------------------------------------------------------------------------


def _open_needs(message: Received[ProgrammeOpen], _: WorkingSet) -> Iterable[Lookup]:
    return [*authority_needs(message), store.programme(message.new_id("programme"))]


@routes.on("aid.programme.open", _open_needs)
def open_(message: Received[ProgrammeOpen], state: WorkingSet, now: datetime) -> Decision:
    data = message.data
    if problems := check_authority(message, state, now, data.region, "data.region"):
        return reject(*problems)
    if known := state.get(store.programme(message.new_id("programme"))):
        return already_open(known)
    today = regions.local_date(now, data.region)
    decision = open_programme(data, message.account, message.new_id("programme"), today)
    work = [assessment.start(one, message.cause, now) for one in decision.changes if isinstance(one, Programme)]
    return replace(decision, changes=[*decision.changes, *work])


def _close_needs(message: Received[ProgrammeClose], _: WorkingSet) -> Iterable[Lookup]:
    yield from authority_needs(message)
    yield store.programme(message.data.programme_id)
    yield store.assessment_of(message.data.programme_id)


@routes.on("aid.programme.close", _close_needs)
def close(message: Received[ProgrammeClose], state: WorkingSet, now: datetime) -> Decision:
    programme = state.get(store.programme(message.data.programme_id))
    region = programme.region if programme else None
    if problems := check_authority(message, state, now, region, "data.programme_id"):
        return reject(*problems)
    decision = close_programme(programme, message.data, message.account)
    work = assessment.stop(state.get(store.assessment_of(message.data.programme_id))) if decision.changes else []
    return replace(decision, changes=[*decision.changes, *work])


# --- the work of an opened programme ----------------------------------------------------------------------------------


def _work_needs(message: Received[Any], state: WorkingSet) -> Iterable[Lookup]:
    due = store.assessments_due(message.received_at)
    yield due
    for work in [] if state.missing([due]) else state.all(due):
        page = store.next_businesses(work)
        yield store.programme(work.programme_id)
        yield page
        for one in [] if state.missing([page]) else state.all(page):
            yield store.answer(work.programme_id, one.business_id)


def _work(_: Received[Any], state: WorkingSet, now: datetime) -> Decision:
    for work in state.all(store.assessments_due(now)):
        page = state.all(store.next_businesses(work))
        programme = state.get(store.programme(work.programme_id))
        return assessment.step(work, programme, page, _answers(work, page, state), now)
    return Decision()


def _answers(work: assessment.Assessment, page: Iterable[Business], state: WorkingSet) -> dict[str, Eligibility]:
    found = (state.get(store.answer(work.programme_id, one.business_id)) for one in page)
    return {one.eligibility_id: one for one in found if one is not None}


_STEPS = (stepping(_work_needs, _work), stepping(_settling_needs, _settle))


async def _step(run: Run) -> bool:
    """One after the other: both guard businesses, and side by side they would only make each other begin again."""
    return any([await step(run) for step in _STEPS])


workers = (Worker("assessments", _step),)
