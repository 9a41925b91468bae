"""Events of businesses and their certificates: the copy is kept, and judged again for what it concerns."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from services.aid import certificate, store
from services.aid.business import Told, told
from services.aid.handlers.judging import reassessed, reassessment_needs, whom
from shared.contracts.envelope import Received
from shared.contracts.registry.businesses import BusinessEvent
from shared.contracts.registry.products import CertificateEvent
from shared.decision import Decision
from shared.kernel.routes import Routes
from shared.kernel.state import Lookup, WorkingSet

routes = Routes()


def _business_needs(message: Received[BusinessEvent], state: WorkingSet) -> Iterable[Lookup]:
    business = message.data.business
    yield store.business(business.business_id)
    yield from reassessment_needs(whom(business), state)


@routes.on("registry.business.*", _business_needs)
def keep_business(message: Received[BusinessEvent], state: WorkingSet, now: datetime) -> Decision:
    known = state.get(store.business(message.data.business.business_id))
    copy = told(known, Told(message.data.business, message.sequence, message.cause), now)
    if copy is None:
        return Decision()
    found = reassessed(copy, state, now)
    return Decision(changes=[copy, *found.changes], facts=found.facts)


def _certificate_needs(message: Received[CertificateEvent], state: WorkingSet) -> Iterable[Lookup]:
    business_id = message.data.certificate.business_id
    business = store.business(business_id)
    yield store.certificates(business_id)
    yield business
    known = None if state.missing([business]) else state.get(business)
    if known is not None:
        yield from reassessment_needs(whom(known), state)


@routes.on("registry.certificate.*", _certificate_needs)
def keep_certificate(message: Received[CertificateEvent], state: WorkingSet, now: datetime) -> Decision:
    """A certificate may be heard of before its business; it is looked up when the business is judged."""
    told_of = message.data.certificate
    held = certificate.told(state.get(store.certificates(told_of.business_id)), told_of, message.sequence)
    if held is None:
        return Decision()
    after = state.draft()
    after.put(store.CERTIFICATES, held)
    business = state.get(store.business(told_of.business_id))
    if business is None:
        return Decision(changes=[held])
    found = reassessed(business, after, now)
    return Decision(changes=[held, *found.changes], facts=found.facts)
