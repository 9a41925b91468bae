"""The work that an opened programme leaves to do, the second look at who has arrived, the look at those
of a person whose history has changed, and what the calendar brings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from services.aid import assessment, business, cooperative, store
from services.aid.assessment import PAGE, Assessment
from services.aid.business import Business
from services.aid.candidate import Beneficiary, Place, beneficiary_id
from services.aid.cooperative import Cooperative
from services.aid.eligibility import Assessed, Eligibility, assess, let_be
from services.aid.handlers.judging import (
    beneficiaries_of,
    candidate_needs,
    candidate_of,
    reassessed,
    reassessment_needs,
    reassessment_of_person_needs,
    whom,
)
from services.aid.programme import Programme, overdue
from services.aid.recipient import followed
from shared.contracts.envelope import Received
from shared.decision import Decision
from shared.kernel.routes import Run, Worker, stepping
from shared.kernel.state import Lookup, WorkingSet
from shared.reference import region as regions

# --- the second look --------------------------------------------------------------------------------------------------


def _settling_needs(message: Received[Any], state: WorkingSet) -> Iterable[Lookup]:
    due = (store.businesses_due(message.received_at), store.cooperatives_due(message.received_at))
    yield from due
    if not state.missing(due):
        for copy in _arrived(message.received_at, state):
            yield from reassessment_needs(whom(copy), state)


def _arrived(now: datetime, state: WorkingSet) -> list[Business | Cooperative]:
    return [*state.all(store.businesses_due(now)), *state.all(store.cooperatives_due(now))]


def _settle(_: Received[Any], state: WorkingSet, now: datetime) -> Decision:
    """The second look at who has appeared in a region (``business.Business.settling``)."""
    copies = _arrived(now, state)
    found = Assessed()
    for copy in copies:
        found += reassessed(copy, state, now, copy.settling.cause if copy.settling else None)
    return Decision(changes=[*map(_settled, copies), *found.changes], facts=found.facts)


def _settled(copy: Business | Cooperative) -> Business | Cooperative:
    return business.settled(copy) if isinstance(copy, Business) else cooperative.settled(copy)


# --- an opened programme ----------------------------------------------------------------------------------------------


def _work_needs(message: Received[Any], state: WorkingSet) -> Iterable[Lookup]:
    due = store.assessments_due(message.received_at)
    yield due
    for work in [] if state.missing([due]) else state.all(due):
        first = [store.programme(work.programme_id), *_page_needs(work)]
        yield from first
        if not state.missing(first):
            programme = state.get(store.programme(work.programme_id))
            for one in _page(work, state):
                yield store.answer(work.programme_id, beneficiary_id(one))
                yield from candidate_needs(whom(one), [programme] if programme else [], state)


def _page_needs(work: Assessment) -> list[Lookup]:
    match work.population:
        case "business":
            return [store.next_businesses(work)]
        case "cooperative":
            return [store.next_cooperatives(work)]
        case "region":
            return []


def _page(work: Assessment, state: WorkingSet) -> Sequence[Beneficiary]:
    match work.population:
        case "business":
            return state.all(store.next_businesses(work))
        case "cooperative":
            return state.all(store.next_cooperatives(work))
        case "region":
            inside = regions.below(work.region, "regency") or (work.region,)
            return [Place(code) for code in inside if code > work.cursor][:PAGE]


def _work(_: Received[Any], state: WorkingSet, now: datetime) -> Decision:
    for work in state.all(store.assessments_due(now)):
        page = _page(work, state)
        programme = state.get(store.programme(work.programme_id))
        candidates = [candidate_of(one, [programme] if programme else [], state, now) for one in page]
        return assessment.step(work, programme, candidates, _answers(work, page, state), now)
    return Decision()


def _answers(work: Assessment, page: Iterable[Beneficiary], state: WorkingSet) -> dict[str, Eligibility]:
    found = (state.get(store.answer(work.programme_id, beneficiary_id(one))) for one in page)
    return {one.eligibility_id: one for one in found if one is not None}


# --- what a person has been given -------------------------------------------------------------------------------------


def _following_needs(message: Received[Any], state: WorkingSet) -> Iterable[Lookup]:
    due = store.recipients_due(message.received_at)
    yield due
    for one in [] if state.missing([due]) else state.all(due):
        for person in one.ids:
            yield from reassessment_of_person_needs(person, state)


def _follow(_: Received[Any], state: WorkingSet, now: datetime) -> Decision:
    """Something else is known of what a person has been given: every business of the person is judged again, or the
    cooperative. A later transaction than the one that wrote it, so one that this cannot see yet will see that."""
    people = state.all(store.recipients_due(now))
    found = Assessed()
    for one in people:
        for copy in beneficiaries_of(one.ids, state):
            found += reassessed(copy, state, now, one.following.cause if one.following else None)
    return Decision(changes=[*map(followed, people), *found.changes], facts=found.facts)


# --- the calendar -----------------------------------------------------------------------------------------------------


def _again_needs(message: Received[Any], state: WorkingSet) -> Iterable[Lookup]:
    due = store.eligibilities_due(message.received_at)
    yield due
    for answer in [] if state.missing([due]) else state.all(due):
        yield from _programme_needs(answer, state)


def _programme_needs(answer: Eligibility, state: WorkingSet) -> Iterator[Lookup]:
    lookup = store.programme_as_it_stands(answer.programme_id)
    yield lookup
    programme = None if state.missing([lookup]) else state.get(lookup)
    if programme is None or programme.status != "open":
        return
    copy = _copy_needs(answer, programme)
    yield from copy
    known = None if state.missing(copy) else _copy(answer, programme, state)
    if known is not None:
        yield from candidate_needs(whom(known), [programme], state)


def _copy_needs(answer: Eligibility, programme: Programme) -> list[Lookup]:
    match programme.population:
        case "business":
            return [store.business(answer.beneficiary_id)]
        case "cooperative":
            return [store.cooperative(answer.beneficiary_id)]
        case "region":
            return []


def _copy(answer: Eligibility, programme: Programme, state: WorkingSet) -> Beneficiary | None:
    match programme.population:
        case "business":
            return state.get(store.business(answer.beneficiary_id))
        case "cooperative":
            return state.get(store.cooperative(answer.beneficiary_id))
        case "region":
            return Place(answer.beneficiary_id)


def _look_again(_: Received[Any], state: WorkingSet, now: datetime) -> Decision:
    """Nothing was told, and a day has come on which an answer may be another."""
    found = Assessed()
    for answer in state.all(store.eligibilities_due(now)):
        again = _judged_again(answer, state, now)
        found += again if again.changes else Assessed((let_be(answer),))
    return Decision(changes=found.changes, facts=found.facts)


def _judged_again(answer: Eligibility, state: WorkingSet, now: datetime) -> Assessed:
    programme = state.get(store.programme_as_it_stands(answer.programme_id))
    if programme is None or programme.status != "open":
        return Assessed()
    copy = _copy(answer, programme, state)
    if copy is None:
        return Assessed()
    candidate = candidate_of(copy, [programme], state, now)
    return assess(candidate, [programme], {programme.programme_id: answer})


def _overdue_needs(message: Received[Any], _: WorkingSet) -> Iterable[Lookup]:
    yield store.programmes_due(message.received_at)


def _tell_overdue(_: Received[Any], state: WorkingSet, now: datetime) -> Decision:
    """Drafts that should have begun (S2-07)."""
    late = [overdue(one) for one in state.all(store.programmes_due(now))]
    return Decision(changes=[programme for programme, _ in late], facts=[fact for _, fact in late])


_STEPS = (
    stepping(_work_needs, _work),
    stepping(_settling_needs, _settle),
    stepping(_following_needs, _follow),
)
_OF_THE_DAY = (stepping(_again_needs, _look_again), stepping(_overdue_needs, _tell_overdue))


async def _step(run: Run) -> bool:
    """One after the other: they guard the same beneficiaries, and side by side they would only make each other begin
    again."""
    return any([await step(run) for step in _STEPS])


async def _step_of_the_day(run: Run) -> bool:
    return any([await step(run) for step in _OF_THE_DAY])


worker = Worker("assessments", _step)
calendar = Worker("calendar", _step_of_the_day, every=30.0, nudged=False)
"""What a new day brings is in no hurry, and no change of the service brings it nearer."""
