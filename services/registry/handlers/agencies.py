"""Agencies and officials: who is made known, who is stopped, and who asks who is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from services.registry import agency as agencies
from services.registry.problems import problem, required
from shared.agencies import (
    AGENCIES,
    OFFICIALS,
    AgencyRecord,
    OfficialRecord,
    agency_lookup,
    authority_needs,
    check_asker,
    check_authority,
    register_question,
)
from shared.contracts.authority import ACTIVE, SUSPENDED, check_region, in_office, official_id
from shared.contracts.envelope import ADMINISTRATOR, Received
from shared.contracts.problem import Problem
from shared.contracts.registry.agencies import (
    AgencyChange,
    AgencyEvent,
    AgencyRegister,
    AgencyReinstate,
    AgencyState,
    AgencySuspend,
    OfficialChange,
    OfficialEnd,
    OfficialEvent,
    OfficialRegister,
    OfficialRequest,
)
from shared.decision import Decision, Fact, reject
from shared.kernel.routes import Routes
from shared.kernel.state import ById, Lookup, Page, WorkingSet
from shared.reference import region as regions

routes = Routes()
register_question(routes, "registry.agency.request")


# --- agencies ---------------------------------------------------------------------------------------------------------


def _agency_needs(
    message: Received[AgencyRegister | AgencySuspend | AgencyReinstate], _: WorkingSet
) -> Iterable[Lookup]:
    return [*authority_needs(message), ById(AGENCIES, message.data.agency)]


@routes.on("registry.agency.register", _agency_needs)
def register_agency(message: Received[AgencyRegister], state: WorkingSet, now: datetime) -> Decision:
    if problems := check_authority(message, state, now, None, None) or agencies.check_agency(message.data):
        return reject(*problems)
    known = state.get(ById(AGENCIES, message.data.agency))
    wanted = agencies.agency_state(message.data, known)
    warnings = agencies.agency_warnings(message.data, wanted)
    if known is not None and known.published() == wanted:
        return Decision(result=_agency_result(known, "unchanged"), warnings=warnings)
    outcome = "updated" if known else "created"
    decision = _agency_told("registered", known, wanted, AgencyChange(), outcome)
    return replace(decision, warnings=warnings)


@routes.on("registry.agency.suspend", _agency_needs)
def suspend_agency(message: Received[AgencySuspend], state: WorkingSet, now: datetime) -> Decision:
    return _moved(message, state, now, SUSPENDED, "suspended")


@routes.on("registry.agency.reinstate", _agency_needs)
def reinstate_agency(message: Received[AgencyReinstate], state: WorkingSet, now: datetime) -> Decision:
    return _moved(message, state, now, ACTIVE, "reinstated")


def _moved(
    message: Received[AgencySuspend] | Received[AgencyReinstate],
    state: WorkingSet,
    now: datetime,
    status: str,
    verb: str,
) -> Decision:
    if problems := check_authority(message, state, now, None, None):
        return reject(*problems)
    known = state.get(ById(AGENCIES, message.data.agency))
    if known is None:
        return reject(problem("agency.unknown", "data.agency"))
    if known.status == status:
        return Decision(result=_agency_result(known, "unchanged"))
    change = AgencyChange(status_before=known.status, reason=message.data.reason)
    return _agency_told(verb, known, known.published().model_copy(update={"status": status}), change, verb)


def _agency_told(
    verb: str,
    known: AgencyRecord | None,
    wanted: AgencyState,
    change: AgencyChange,
    outcome: str,
) -> Decision:
    record = AgencyRecord(**wanted.model_dump(), sequence=known.sequence + 1 if known else 1)
    event = AgencyEvent(agency=wanted, change=change)
    fact = Fact(f"registry.agency.{verb}", record.agency, record.region, record.sequence, event)
    return Decision([record], facts=[fact], result=_agency_result(record, outcome))


def _agency_result(record: AgencyRecord, outcome: str) -> dict[str, Any]:
    return {"agency": record.agency, "sequence": record.sequence, "outcome": outcome}


# --- officials --------------------------------------------------------------------------------------------------------


def _official_needs(message: Received[OfficialRegister | OfficialEnd], _: WorkingSet) -> Iterable[Lookup]:
    agency = message.data.agency or message.account
    official = ById(OFFICIALS, official_id(agency, message.data.official))
    return [*authority_needs(message), agency_lookup(agency), official]


@routes.on("registry.official.register", _official_needs)
def register_official(message: Received[OfficialRegister], state: WorkingSet, now: datetime) -> Decision:
    if problems := _may_speak(message, state, now) or agencies.check_term(message.data):
        return reject(*problems)
    agency = state.get(agency_lookup(message.data.agency or message.account))
    if agency is None:
        return reject(problem("agency.unknown", "data.agency"))
    wanted = agencies.official_state(agency.agency, message.data)
    known = state.get(ById(OFFICIALS, wanted.official_id))
    if known is not None and known.published() == wanted:
        return Decision(result=_official_result(known, "unchanged"))
    event = OfficialEvent(official=wanted)
    record = _official_record(message, known, event)
    return _official_decided("registered", record, event, agency.region, "updated" if known else "created")


@routes.on("registry.official.end", _official_needs)
def end_official(message: Received[OfficialEnd], state: WorkingSet, now: datetime) -> Decision:
    if problems := _may_speak(message, state, now):
        return reject(*problems)
    agency = state.get(agency_lookup(message.data.agency or message.account))
    if agency is None:
        return reject(problem("agency.unknown", "data.agency"))
    known = state.get(ById(OFFICIALS, official_id(agency.agency, message.data.official)))
    if known is None:
        return reject(problem("official.unknown", "data.official"))
    before, today = known.published(), regions.local_date(now, agency.region)
    if problems := agencies.check_end(before, message.data.last_day, today):
        return reject(*problems)
    wanted = agencies.ended_state(before, message.data.last_day, today)
    if wanted == before:
        return Decision(result=_official_result(known, "unchanged"))
    event = OfficialEvent(official=wanted, change=OfficialChange(valid_until_before=before.valid_until))
    return _official_decided("ended", _official_record(message, known, event), event, agency.region, "ended")


def _may_speak(
    message: Received[OfficialRegister] | Received[OfficialEnd], state: WorkingSet, now: datetime
) -> list[Problem]:
    return check_asker(message, state, now) or agencies.check_speaker(message.account, message.data)


def _official_record(
    message: Received[OfficialRegister] | Received[OfficialEnd], known: OfficialRecord | None, event: OfficialEvent
) -> OfficialRecord:
    """The record of what is told: with the agency's own word for the official, which is not told."""
    sequence = known.sequence + 1 if known else 1
    return OfficialRecord(**event.official.model_dump(), sequence=sequence, handle=message.data.official)


def _official_decided(verb: str, record: OfficialRecord, event: OfficialEvent, region: str, outcome: str) -> Decision:
    fact = Fact(f"registry.official.{verb}", record.official_id, region, record.sequence, event)
    return Decision([record], facts=[fact], result=_official_result(record, outcome))


def _official_result(record: OfficialRecord, outcome: str) -> dict[str, Any]:
    return {"official_id": record.official_id, "sequence": record.sequence, "outcome": outcome}


# --- the question who decides in an agency ----------------------------------------------------------------------------


def _officials_needs(message: Received[OfficialRequest], _: WorkingSet) -> Iterable[Lookup]:
    return [*authority_needs(message), agency_lookup(message.data.agency or message.account), _page(message)]


@routes.on("registry.official.request", _officials_needs)
def officials(message: Received[OfficialRequest], state: WorkingSet, now: datetime) -> Decision:
    agency = state.get(agency_lookup(message.data.agency or message.account))
    if problems := _may_ask(message, state, now, agency):
        return reject(*problems)
    if agency is None:
        return reject(problem("agency.unknown", "data.agency"))
    found = state.all(_page(message))
    shown, today = found[: message.data.limit], regions.local_date(now, agency.region)
    return Decision(
        answer=[_described(one, today) for one in shown],
        next=shown[-1].official_id if len(found) > len(shown) else None,
    )


def _may_ask(
    message: Received[OfficialRequest], state: WorkingSet, now: datetime, asked: AgencyRecord | None
) -> list[Problem]:
    """The administrator says whose; an agency asks for its own, and for those of its region if the table lets it."""
    if message.account == ADMINISTRATOR:
        return required("data.agency") if message.data.agency is None else []
    problems = check_asker(message, state, now)
    asker = state.get(agency_lookup(message.account))
    if problems or asker is None or message.data.agency in {None, message.account}:
        return problems
    return check_region(asker, message.type, asked.region if asked else regions.NATION, "data.agency")


def _page(message: Received[OfficialRequest]) -> Page[OfficialRecord]:
    agency, after = message.data.agency or message.account, message.data.after or ""
    return Page(OFFICIALS, agency, after=after, limit=message.data.limit + 1, guard=False)


def _described(official: OfficialRecord, today: date) -> dict[str, Any]:
    """With the agency's own word for the official, and whether the term covers today."""
    return {**official.model_dump(mode="json"), "in_office": in_office(official, today)}
