"""Products and certificates: what an agency tells of them, and the clock that sees certificates end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from services.registry import certificate as certificates
from services.registry import product as products
from services.registry.business import Business
from services.registry.certificate import Certificate
from services.registry.handlers import naming
from services.registry.observation import Seen
from services.registry.problems import problem
from services.registry.store import BUSINESSES, CERTIFICATES, PRODUCTS
from shared.agencies import authority_needs, check_authority
from shared.contracts.envelope import Received
from shared.contracts.problem import Problem
from shared.contracts.registry.products import CertificateReport, ProductReport
from shared.decision import Decision, Fact, reject
from shared.kernel.routes import Routes, Worker, stepping
from shared.kernel.state import ById, ByKey, Due, Lookup, WorkingSet
from shared.reference import region as regions

routes = Routes()

LOOKED_AT_ONCE = 200
"""Certificates of one step of the clock."""

# --- whose it is ------------------------------------------------------------------------------------------------------


def business_needs(business_id: str, state: WorkingSet, *, guard: bool = True) -> Iterator[Lookup]:
    """The business, and the one that lives on where it was merged into another."""
    here: str | None = business_id
    while here is not None:
        lookup = ById(BUSINESSES, here, guard=guard)
        yield lookup
        found = None if state.missing([lookup]) else state.get(lookup)
        here = found.merged_into if found is not None else None


def living(business_id: str, state: WorkingSet, *, guard: bool = True) -> Business | None:
    """The business, or the one that it was merged into."""
    found = state.get(ById(BUSINESSES, business_id, guard=guard))
    while found is not None and found.merged_into is not None:
        found = state.get(ById(BUSINESSES, found.merged_into, guard=guard))
    return found


def _there(business_id: str, state: WorkingSet) -> Business | None:
    """The business that lives on, or None as long as it has not been looked up."""
    return None if state.missing(business_needs(business_id, state)) else living(business_id, state)


def _may_tell(message: Received[Any], state: WorkingSet, now: datetime, business: Business | None) -> list[Problem]:
    if problems := check_authority(message, state, now, business.region if business else None, "data.business_id"):
        return problems
    return [problem("business.not_found", "data.business_id")] if business is None else []


def _by(message: Received[Any]) -> Seen:
    return Seen(at=message.time or message.received_at, intake_id=message.id, account=message.account)


# --- products ---------------------------------------------------------------------------------------------------------


def _product_needs(message: Received[ProductReport], state: WorkingSet) -> Iterable[Lookup]:
    told = message.data
    yield from authority_needs(message)
    yield from business_needs(told.business_id, state)
    if told.supplied_by is not None:
        yield from business_needs(told.supplied_by, state)
    if (business := _there(told.business_id, state)) is not None:
        yield from naming.owner_needs(business)
        yield ByKey(PRODUCTS, products.key(business.business_id, told.name))


@routes.on("registry.product.report", _product_needs)
def report_product(message: Received[ProductReport], state: WorkingSet, now: datetime) -> Decision:
    told, business = message.data, living(message.data.business_id, state)
    if problems := _may_tell(message, state, now, business):
        return reject(*problems)
    if business is None:
        raise AssertionError("a report without problems is about a business")
    texts = {"id": message.id, "data.name": told.name, "data.category": told.category}
    if problems := naming.problems(texts, state, business):
        return reject(*problems)
    supplier = living(told.supplied_by, state) if told.supplied_by is not None else None
    if problems := products.check(told, business, supplier):
        return reject(*problems)
    fields = products.told_fields(told) | ({"supplied_by": supplier.business_id} if supplier is not None else {})
    known = state.get(ByKey(PRODUCTS, products.key(business.business_id, told.name)))
    today = regions.local_date(now, business.region)
    after = (
        products.observed(known, fields, _by(message))
        if known is not None
        else products.recorded(message.new_id("product"), business.business_id, fields, _by(message), today)
    )
    after, facts = products.announced(known, after, business.region)
    result = {"product_id": after.product_id, "sequence": after.sequence, "outcome": _outcome(known, facts)}
    return Decision(
        changes=[after] if after is not known else [],
        facts=facts,
        result=result,
        warnings=products.warnings(told, supplier),
    )


def _outcome(known: object, facts: Iterable[Fact]) -> str:
    if known is None:
        return "created"
    return "updated" if facts else "unchanged"


# --- certificates -----------------------------------------------------------------------------------------------------


def _certificate_needs(message: Received[CertificateReport], state: WorkingSet) -> Iterable[Lookup]:
    yield from authority_needs(message)
    yield from business_needs(message.data.business_id, state)
    yield from naming.owner_needs(_there(message.data.business_id, state))
    lookup = _certificate(message.data)
    yield lookup
    known = None if state.missing([lookup]) else state.get(lookup)
    if known is not None:
        yield from business_needs(known.business_id, state)


def _certificate(told: CertificateReport) -> ByKey[Certificate]:
    return ByKey(CERTIFICATES, certificates.key(told.kind, told.number))


@routes.on("registry.certificate.report", _certificate_needs)
def report_certificate(message: Received[CertificateReport], state: WorkingSet, now: datetime) -> Decision:
    told, business = message.data, living(message.data.business_id, state)
    known = state.get(_certificate(told))
    if problems := _may_tell(message, state, now, business):
        return reject(*problems)
    if business is None:
        raise AssertionError("a report without problems is about a business")
    texts = {"id": message.id, "data.number": told.number, "data.issuer": told.issuer}
    if problems := naming.problems(texts, state, business):
        return reject(*problems)
    holder = living(known.business_id, state) if known is not None else None
    if holder is not None and holder.business_id != business.business_id:
        return reject(problem("certificate.other_business", "data.number"))
    today = regions.local_date(now, business.region)
    if problems := certificates.check(told, known, today):
        return reject(*problems)
    blank = Certificate(
        certificate_id=message.new_id("certificate"),
        business_id=business.business_id,
        region=business.region,
        kind=told.kind,
        number=told.number,
        cause=message.cause,
    )
    after = certificates.observed(known, blank, certificates.told_fields(told), _by(message), now)
    after, facts = certificates.reported(known, after)
    result = {"certificate_id": after.certificate_id, "sequence": after.sequence, "outcome": _outcome(known, facts)}
    return Decision(
        changes=[after] if after is not known else [],
        facts=facts,
        result=result,
        warnings=certificates.warnings(told, today),
    )


# --- the clock --------------------------------------------------------------------------------------------------------


def look_needs(message: Received[Any], state: WorkingSet) -> Iterator[Lookup]:
    due = _due(message.received_at)
    yield due
    for one in () if state.missing([due]) else state.all(due):
        yield ById(BUSINESSES, one.business_id, guard=False)


def _due(now: datetime) -> Due[Certificate]:
    return Due(CERTIFICATES, until=now, limit=LOOKED_AT_ONCE)


def look(_: Received[Any], state: WorkingSet, now: datetime) -> Decision:
    looked = [
        certificates.looked_at(one, state.get(ById(BUSINESSES, one.business_id, guard=False)), now)
        for one in state.all(_due(now))
    ]
    return Decision(changes=[after for after, _ in looked], facts=[fact for _, facts in looked for fact in facts])


certificate_worker = Worker("certificates", stepping(look_needs, look), every=60.0, nudged=False)
