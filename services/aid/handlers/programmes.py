"""Opening and closing programmes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from services.aid import assessment, store
from services.aid.handlers import budgets
from services.aid.programme import Programme, already_open, close_programme, open_programme
from shared.agencies import authority_needs, check_authority
from shared.contracts.aid.programmes import ProgrammeClose, ProgrammeOpen
from shared.contracts.envelope import Received
from shared.decision import Decision, reject
from shared.kernel.routes import Routes
from shared.kernel.state import Lookup, WorkingSet
from shared.reference import region as regions

routes = Routes()


def _open_needs(message: Received[ProgrammeOpen], _: WorkingSet) -> Iterable[Lookup]:
    programme_id = message.new_id("programme")
    return [*authority_needs(message), store.programme(programme_id), *budgets.lines_needed(message, programme_id)]


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
    return budgets.allotting(replace(decision, changes=[*decision.changes, *work]), message, state, today)


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
