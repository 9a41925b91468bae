"""What is looked at when somebody is judged, whoever it is and for whatever reason.

Nothing of it is guarded but the beneficiary itself. Whoever changes what is looked at here (facts about a person, what
the person was given, certificates) guards the beneficiaries that it concerns and has them judged again, so one of two
that meet is taken again; a beneficiary that could not be seen yet is ``settling``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from services.aid import store
from services.aid.business import Business
from services.aid.candidate import Beneficiary, Candidate, Place, Population
from services.aid.cooperative import Cooperative
from services.aid.criteria import singles
from services.aid.eligibility import Assessed, Eligibility, assess
from services.aid.handlers.recipients import person_needs, recipient_of
from services.aid.programme import Programme
from shared.contracts.aid.criteria import CertificateHeld
from shared.contracts.registry.businesses import BusinessState
from shared.contracts.registry.cooperatives import CooperativeState
from shared.decision import Cause
from shared.kernel.state import Lookup, WorkingSet
from shared.reference import region as regions


@dataclass(frozen=True, slots=True)
class Whom:
    """A beneficiary by its names: before its copy is there, they are known from the event."""

    id: str
    person: str
    region: str
    population: Population


def whom(known: Beneficiary | BusinessState | CooperativeState) -> Whom:
    match known:
        case Business() | Cooperative():
            return whom(known.state)
        case BusinessState():
            return Whom(known.business_id, known.owner_id, known.region, "business")
        case CooperativeState():
            return Whom(known.cooperative_id, known.cooperative_id, known.region, "cooperative")
        case Place():
            return Whom(known.region, known.region, known.region, "region")


# --- a candidate ------------------------------------------------------------------------------------------------------


def candidate_needs(one: Whom, programmes: Iterable[Programme], state: WorkingSet) -> Iterator[Lookup]:
    """What is judged with a beneficiary, for these programmes."""
    yield store.standing_as_it_is(one.person)
    yield from person_needs(one.person, state, guard=False)
    if one.population == "business" and _ask_for_certificates(programmes):
        yield store.certificates_as_they_are(one.id)


def candidate_of(copy: Beneficiary, programmes: Iterable[Programme], state: WorkingSet, now: datetime) -> Candidate:
    one = whom(copy)
    certified = one.population == "business" and _ask_for_certificates(programmes)
    return Candidate(
        copy=copy,
        on=regions.local_date(now, one.region),
        standing=state.get(store.standing_as_it_is(one.person)),
        recipient=recipient_of(one.person, state, guard=False),
        certificates=state.get(store.certificates_as_they_are(one.id)) if certified else None,
    )


def _ask_for_certificates(programmes: Iterable[Programme]) -> bool:
    return any(isinstance(one, CertificateHeld) for programme in programmes for one in singles(programme.criteria))


# --- judging again ----------------------------------------------------------------------------------------------------


def reassessment_needs(one: Whom, state: WorkingSet) -> Iterable[Lookup]:
    """What ``reassessed`` looks at."""
    answers, covering = store.answers_for(one.id), store.open_programmes_for(one.region)
    yield from covering
    yield answers
    before = [] if state.missing([answers]) else state.all(answers)
    yield from (store.programme_as_it_stands(answer.programme_id) for answer in before)
    programmes = [] if state.missing(covering) else [each for lookup in covering for each in state.all(lookup)]
    yield from candidate_needs(one, [*programmes, *_found(before, state)], state)


def _found(answers: Iterable[Eligibility], state: WorkingSet) -> Iterator[Programme]:
    for lookup in (store.programme_as_it_stands(answer.programme_id) for answer in answers):
        known = None if state.missing([lookup]) else state.get(lookup)
        if known is not None:
            yield known


def reassessed(copy: Beneficiary, state: WorkingSet, now: datetime, cause: Cause | None = None) -> Assessed:
    """Judged for the open programmes that cover it now, and for those it has an answer of: it may have moved away."""
    one = whom(copy)
    answers = {answer.programme_id: answer for answer in state.all(store.answers_for(one.id))}
    covering = [each for lookup in store.open_programmes_for(one.region) for each in state.all(lookup)]
    before = [state.get(store.programme_as_it_stands(programme_id)) for programme_id in answers]
    programmes = {each.programme_id: each for each in (*covering, *before) if each is not None}
    candidate = candidate_of(copy, programmes.values(), state, now)
    return assess(candidate, programmes.values(), answers, cause)


# --- of a person ------------------------------------------------------------------------------------------------------


def reassessment_of_person_needs(person: str, state: WorkingSet) -> Iterator[Lookup]:
    """What ``reassessed`` looks at for every beneficiary that is judged by what is known of a person."""
    found = (store.businesses_of(person), store.cooperative(person))
    yield from found
    if not state.missing(found):
        for one in beneficiaries_of([person], state):
            yield from reassessment_needs(whom(one), state)


def beneficiaries_of(persons: Iterable[str], state: WorkingSet) -> list[Business | Cooperative]:
    """The businesses of these owners, and those of them that are cooperatives; each of them guarded."""
    copies: dict[str, Business | Cooperative] = {}
    for person in persons:
        copies |= {one.business_id: one for one in state.all(store.businesses_of(person))}
        if (cooperative := state.get(store.cooperative(person))) is not None:
            copies[person] = cooperative
    return [copies[id_] for id_ in sorted(copies)]
