"""Which message goes to which decision, and what each needs to look at."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from services.registry import agency as agencies
from services.registry import business as businesses
from services.registry import owner as owners
from services.registry import report as reports
from services.registry.business import Business, Papers
from services.registry.owner import Owner
from services.registry.problems import problem
from services.registry.report import Found, Report
from services.registry.store import BUSINESSES, OWNERS
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
from shared.contracts.registry import (
    AgencyRegister,
    AgencyRegistered,
    BusinessChange,
    BusinessDeactivate,
    BusinessDesignate,
    BusinessReactivate,
    BusinessRelease,
    BusinessReport,
    BusinessVerify,
    OfficialRegister,
    OfficialRegistered,
)
from shared.decision import Decision, Fact, reject
from shared.kernel.routes import Routes
from shared.kernel.state import ById, ByKey, Lookup, WorkingSet
from shared.reference import region as regions

routes = Routes()
register_question(routes, "registry.agency.request")


# --- agencies and officials -------------------------------------------------------------------------------------------


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


# --- reports ----------------------------------------------------------------------------------------------------------


def _report_needs(message: Received[BusinessReport], state: WorkingSet) -> Iterable[Lookup]:
    """First the keys; when they have found a business, its owner and the keys it may claim after this report."""
    report = message.once(reports.read)
    first: list[Lookup] = [*authority_needs(message), *(ByKey(BUSINESSES, key) for key in report.keys)]
    if report.token is not None:
        first.append(ByKey(OWNERS, owners.key(report.token)))
    known = None if state.missing(first) else _recognised(report, state)
    if known is None:
        return first
    claims = (ByKey(BUSINESSES, key) for key in message.once(_claims_after, known))
    return [*first, ById(OWNERS, known.owner_id), *claims]


def _claims_after(message: Received[BusinessReport], known: Business) -> tuple[str, ...]:
    """The keys that a business may claim after this report."""
    after = reports.observed(known, message.once(reports.read), message.received_at.date())
    return reports.candidate_keys(after, message)


@routes.on("registry.business.report", _report_needs)
def report_business(message: Received[BusinessReport], state: WorkingSet, now: datetime) -> Decision:
    report = message.once(reports.read)
    known = _recognised(report, state)
    if problems := _may_report(message, state, now, known):
        return reject(*problems)
    owner, today = _owner_of(report, known, state), _today_there(message, known, state, now)
    found = Found(known, owner, lambda key: state.get(ByKey(BUSINESSES, key)))
    return reports.decide(message, report, found, today)


def _recognised(report: Report, state: WorkingSet) -> Business | None:
    """The business by the surest key that finds one."""
    found = (state.get(ByKey(BUSINESSES, key)) for key in report.keys)
    return next((business for business in found if business is not None), None)


def _may_report(
    message: Received[BusinessReport], state: WorkingSet, now: datetime, known: Business | None
) -> list[Problem]:
    """Both the place told and the place recorded must be the agency's: nobody takes a business over by its NIB."""
    problems = check_authority(message, state, now, message.data.business.region, "data.business.region")
    if problems or known is None:
        return problems
    return check_authority(message, state, now, known.region, "data.business")


def _owner_of(report: Report, known: Business | None, state: WorkingSet) -> Owner | None:
    if known is not None:
        return state.get(ById(OWNERS, known.owner_id))
    return state.get(ByKey(OWNERS, owners.key(report.token))) if report.token is not None else None


def _today_there(message: Received[BusinessReport], known: Business | None, state: WorkingSet, now: datetime) -> date:
    """The date where the business is; where that is not said, by the agency's own clock."""
    agency = state.get(agency_lookup(message.account))
    recorded = known or agency
    return regions.local_date(now, message.data.business.region or (recorded.region if recorded else regions.NATION))


# --- decisions of officials -------------------------------------------------------------------------------------------

Step = BusinessVerify | BusinessDesignate | BusinessRelease | BusinessDeactivate | BusinessReactivate


def _step_needs(message: Received[Step], _: WorkingSet) -> Iterable[Lookup]:
    return [*authority_needs(message), ById(BUSINESSES, message.data.business_id)]


@routes.on("registry.business.verify", _step_needs)
def verify(message: Received[BusinessVerify], state: WorkingSet, now: datetime) -> Decision:
    change = BusinessChange(method=message.data.method)
    return _decided(message, state, now, businesses.VERIFY, Papers(change, note=message.data.note))


@routes.on("registry.business.designate", _step_needs)
def designate(message: Received[BusinessDesignate], state: WorkingSet, now: datetime) -> Decision:
    mentor = official_id(message.account, message.data.mentor) if message.data.mentor is not None else None
    papers = Papers(decree=message.data.decree, mentor=mentor)
    return _decided(message, state, now, businesses.DESIGNATE, papers)


@routes.on("registry.business.release", _step_needs)
def release(message: Received[BusinessRelease], state: WorkingSet, now: datetime) -> Decision:
    papers = Papers(decree=message.data.decree, note=message.data.note)
    return _decided(message, state, now, businesses.RELEASE, papers)


@routes.on("registry.business.deactivate", _step_needs)
def deactivate(message: Received[BusinessDeactivate], state: WorkingSet, now: datetime) -> Decision:
    change = BusinessChange(reason=message.data.reason)
    return _decided(message, state, now, businesses.DEACTIVATE, Papers(change, note=message.data.note))


@routes.on("registry.business.reactivate", _step_needs)
def reactivate(message: Received[BusinessReactivate], state: WorkingSet, now: datetime) -> Decision:
    return _decided(message, state, now, businesses.REACTIVATE, Papers(note=message.data.note))


def _decided(
    message: Received[Any], state: WorkingSet, now: datetime, step: businesses.Step, papers: Papers
) -> Decision:
    """An official's decision, taken if the agency, the official and the state of the business allow it."""
    known = state.get(ById(BUSINESSES, message.data.business_id))
    region = known.region if known is not None else None
    if problems := check_authority(message, state, now, region, "data.business_id"):
        return reject(*problems)
    if known is None:
        return reject(problem("business.not_found", "data.business_id"))
    return businesses.decide(known, step, papers, regions.local_date(now, known.region))
