"""The work that an opened programme leaves to do, the second look at businesses that have arrived, and the look at
those of a person whose history has changed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from services.aid import assessment, store
from services.aid.business import Business, settled
from services.aid.eligibility import Assessed, Eligibility
from services.aid.handlers.businesses import candidate_needs, candidate_of, reassessed, reassessment_needs
from services.aid.recipient import followed
from shared.contracts.envelope import Received
from shared.decision import Decision
from shared.kernel.routes import Run, Worker, stepping
from shared.kernel.state import Lookup, WorkingSet


def _settling_needs(message: Received[Any], state: WorkingSet) -> Iterable[Lookup]:
    due = store.businesses_due(message.received_at)
    yield due
    for copy in [] if state.missing([due]) else state.all(due):
        yield from reassessment_needs(copy.state, state)


def _settle(_: Received[Any], state: WorkingSet, now: datetime) -> Decision:
    """The second look at businesses that have appeared in a region (``business.Business.settling``)."""
    copies = state.all(store.businesses_due(now))
    found = Assessed()
    for copy in copies:
        found += reassessed(copy, state, now, copy.settling.cause if copy.settling else None)
    return Decision(changes=[*map(settled, copies), *found.changes], facts=found.facts)


def _work_needs(message: Received[Any], state: WorkingSet) -> Iterable[Lookup]:
    due = store.assessments_due(message.received_at)
    yield due
    for work in [] if state.missing([due]) else state.all(due):
        page = store.next_businesses(work)
        yield store.programme(work.programme_id)
        yield page
        for one in [] if state.missing([page]) else state.all(page):
            yield store.answer(work.programme_id, one.business_id)
            yield from candidate_needs(one.state, state)


def _work(_: Received[Any], state: WorkingSet, now: datetime) -> Decision:
    for work in state.all(store.assessments_due(now)):
        page = state.all(store.next_businesses(work))
        programme = state.get(store.programme(work.programme_id))
        candidates = [candidate_of(one, state, now) for one in page]
        return assessment.step(work, programme, candidates, _answers(work, page, state), now)
    return Decision()


def _answers(work: assessment.Assessment, page: Iterable[Business], state: WorkingSet) -> dict[str, Eligibility]:
    found = (state.get(store.answer(work.programme_id, one.business_id)) for one in page)
    return {one.eligibility_id: one for one in found if one is not None}


def _following_needs(message: Received[Any], state: WorkingSet) -> Iterable[Lookup]:
    due = store.recipients_due(message.received_at)
    yield due
    for one in [] if state.missing([due]) else state.all(due):
        for owner_id in one.ids:
            businesses = store.businesses_of(owner_id)
            yield businesses
            for copy in [] if state.missing([businesses]) else state.all(businesses):
                yield from reassessment_needs(copy.state, state)


def _follow(_: Received[Any], state: WorkingSet, now: datetime) -> Decision:
    """Something else is known of what a person has been given: every business of the person is judged again. A later
    transaction than the one that wrote it, so a business that this one cannot see yet will see that."""
    people = state.all(store.recipients_due(now))
    found = Assessed()
    for one in people:
        for copy in (copy for owner_id in one.ids for copy in state.all(store.businesses_of(owner_id))):
            found += reassessed(copy, state, now, one.following.cause if one.following else None)
    return Decision(changes=[*map(followed, people), *found.changes], facts=found.facts)


_STEPS = (
    stepping(_work_needs, _work),
    stepping(_settling_needs, _settle),
    stepping(_following_needs, _follow),
)


async def _step(run: Run) -> bool:
    """One after the other: all guard businesses, and side by side they would only make each other begin again."""
    return any([await step(run) for step in _STEPS])


worker = Worker("assessments", _step)
