"""Agencies and officials: who is made known, and who asks who is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from services.registry import agency as agencies
from services.registry.problems import problem
from shared.agencies import (
    AGENCIES,
    OFFICIALS,
    AgencyRecord,
    OfficialRecord,
    agency_lookup,
    authority_needs,
    check_authority,
    register_question,
)
from shared.contracts.authority import official_id
from shared.contracts.envelope import ADMINISTRATOR, Received
from shared.contracts.problem import Problem
from shared.contracts.registry.agencies import AgencyRegister, AgencyRegistered, OfficialRegister, OfficialRegistered
from shared.decision import Decision, Fact, reject
from shared.kernel.routes import Routes
from shared.kernel.state import ById, Lookup, WorkingSet

routes = Routes()
register_question(routes, "registry.agency.request")


def _agency_needs(message: Received[AgencyRegister], _: WorkingSet) -> Iterable[Lookup]:
    return [*authority_needs(message), ById(AGENCIES, message.data.agency)]


@routes.on("registry.agency.register", _agency_needs)
def register_agency(message: Received[AgencyRegister], state: WorkingSet, now: datetime) -> Decision:
    if problems := check_authority(message, state, now, None, None) or agencies.check_agency(message.data):
        return reject(*problems)
    known, wanted = state.get(ById(AGENCIES, message.data.agency)), agencies.agency_state(message.data)
    warnings = agencies.agency_warnings(message.data)
    if known is not None and known.published() == wanted:
        return Decision(result=_agency_result(known, "unchanged"), warnings=warnings)
    record = AgencyRecord(**wanted.model_dump(), sequence=known.sequence + 1 if known else 1)
    event = AgencyRegistered(agency=wanted)
    fact = Fact("registry.agency.registered", record.agency, record.region, record.sequence, event)
    result = _agency_result(record, "updated" if known else "created")
    return Decision(changes=[record], facts=[fact], result=result, warnings=warnings)


def _agency_result(record: AgencyRecord, outcome: str) -> dict[str, Any]:
    return {"agency": record.agency, "sequence": record.sequence, "outcome": outcome}


def _official_needs(message: Received[OfficialRegister], _: WorkingSet) -> Iterable[Lookup]:
    agency = message.data.agency or message.account
    official = ById(OFFICIALS, official_id(agency, message.data.official))
    return [*authority_needs(message), agency_lookup(agency), official]


@routes.on("registry.official.register", _official_needs)
def register_official(message: Received[OfficialRegister], state: WorkingSet, now: datetime) -> Decision:
    if problems := _may_register_official(message, state, now) or agencies.check_term(message.data):
        return reject(*problems)
    agency = state.get(agency_lookup(message.data.agency or message.account))
    if agency is None:
        return reject(problem("agency.unknown", "data.agency"))
    wanted = agencies.official_state(agency.agency, message.data)
    known = state.get(ById(OFFICIALS, wanted.official_id))
    if known is not None and known.published() == wanted:
        return Decision(result=_official_result(known, "unchanged"))
    record = OfficialRecord(**wanted.model_dump(), sequence=known.sequence + 1 if known else 1)
    event = OfficialRegistered(official=wanted)
    fact = Fact("registry.official.registered", record.official_id, agency.region, record.sequence, event)
    result = _official_result(record, "updated" if known else "created")
    return Decision(changes=[record], facts=[fact], result=result)


def _may_register_official(message: Received[OfficialRegister], state: WorkingSet, now: datetime) -> list[Problem]:
    authority = [] if message.account == ADMINISTRATOR else check_authority(message, state, now, None, None)
    return authority or agencies.check_speaker(message.account, message.data)


def _official_result(record: OfficialRecord, outcome: str) -> dict[str, Any]:
    return {"official_id": record.official_id, "sequence": record.sequence, "outcome": outcome}
