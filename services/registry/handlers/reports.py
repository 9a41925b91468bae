"""Reports: what an agency tells of a business and its owner."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from services.registry import owner as owners
from services.registry import report as reports
from services.registry.business import Business
from services.registry.owner import Owner
from services.registry.report import Found, Report
from services.registry.store import BUSINESSES, OWNERS
from shared.agencies import (
    agency_lookup,
    authority_needs,
    check_authority,
)
from shared.contracts.envelope import Received
from shared.contracts.problem import Problem
from shared.contracts.registry.businesses import (
    BusinessReport,
)
from shared.decision import Decision, reject
from shared.kernel.routes import Routes
from shared.kernel.state import ById, ByKey, Lookup, WorkingSet
from shared.reference import region as regions

routes = Routes()


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
