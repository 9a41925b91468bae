"""Events of businesses: the copy is kept, and judged again for what it concerns."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from services.aid import store
from services.aid.business import Business, Told, told
from services.aid.candidate import Candidate
from services.aid.eligibility import Assessed, assess
from services.aid.handlers.recipients import person_needs, recipient_of
from shared.contracts.envelope import Received
from shared.contracts.registry.businesses import BusinessEvent, BusinessState
from shared.decision import Cause, Decision
from shared.kernel.routes import Routes
from shared.kernel.state import Lookup, WorkingSet
from shared.reference import region as regions

routes = Routes()


def _business_needs(message: Received[BusinessEvent], state: WorkingSet) -> Iterable[Lookup]:
    business = message.data.business
    yield store.business(business.business_id)
    yield from reassessment_needs(business, state)


@routes.on("registry.business.*", _business_needs)
def keep_business(message: Received[BusinessEvent], state: WorkingSet, now: datetime) -> Decision:
    known = state.get(store.business(message.data.business.business_id))
    copy = told(known, Told(message.data.business, message.sequence, message.cause), now)
    if copy is None:
        return Decision()
    found = reassessed(copy, state, now)
    return Decision(changes=[copy, *found.changes], facts=found.facts)


def reassessment_needs(business: BusinessState, state: WorkingSet) -> Iterable[Lookup]:
    answers = store.answers_for(business.business_id)
    yield from store.open_programmes_for(business.region)
    yield answers
    yield from candidate_needs(business, state)
    if not state.missing([answers]):
        yield from (store.programme_as_it_stands(one.programme_id) for one in state.all(answers))


def candidate_needs(business: BusinessState, state: WorkingSet) -> Iterable[Lookup]:
    """What is judged with a business."""
    yield store.standing_as_it_is(business.owner_id)
    yield from person_needs(business.owner_id, state, guard=False)


def candidate_of(copy: Business, state: WorkingSet, now: datetime) -> Candidate:
    return Candidate(
        copy=copy,
        on=regions.local_date(now, copy.state.region),
        standing=state.get(store.standing_as_it_is(copy.state.owner_id)),
        recipient=recipient_of(copy.state.owner_id, state, guard=False),
    )


def reassessed(copy: Business, state: WorkingSet, now: datetime, cause: Cause | None = None) -> Assessed:
    """Judged for the open programmes that cover it now, and for those it has an answer of: it may have moved away."""
    answers = {one.programme_id: one for one in state.all(store.answers_for(copy.business_id))}
    covering = [one for lookup in store.open_programmes_for(copy.state.region) for one in state.all(lookup)]
    before = [state.get(store.programme_as_it_stands(programme_id)) for programme_id in answers]
    programmes = {one.programme_id: one for one in (*covering, *before) if one is not None}
    return assess(candidate_of(copy, state, now), programmes.values(), answers, cause)
