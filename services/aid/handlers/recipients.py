"""Who stands for a person, what is written into that person's history, and what an agency is told of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.aid import overlap, store
from services.aid.business import Business
from services.aid.overlap import Overlap, Recorded, conflicts_open, possible
from services.aid.problems import problem
from services.aid.recipient import Intervention, Recipient, is_token, served
from shared.agencies import agency_lookup, authority_needs, check_authority
from shared.contracts.aid.recipients import Beneficiary, NeverServedRequest, RecipientRequest
from shared.contracts.envelope import Received
from shared.contracts.problem import Problem
from shared.decision import Cause, Decision, reject
from shared.kernel.routes import Routes
from shared.kernel.state import Lookup, Page, WorkingSet
from shared.reference import region as regions

routes = Routes()


# --- a person, by whatever id -----------------------------------------------------------------------------------------


def person_needs(person_id: str, state: WorkingSet, *, guard: bool = True) -> Iterator[Lookup]:
    """All documents on the way from an id of a person to the one that stands."""
    lookup = store.recipient(person_id, guard=guard)
    yield lookup
    known = None if state.missing([lookup]) else state.get(lookup)
    if known is not None and known.joined_into is not None:
        yield from person_needs(known.joined_into, state, guard=guard)


def recipient_of(person_id: str, state: WorkingSet, *, guard: bool = True) -> Recipient:
    """Who stands for a person; nobody has given anything to one who is not known."""
    known = state.get(store.recipient(person_id, guard=guard))
    if known is None:
        return Recipient(recipient_id=person_id)
    return known if known.joined_into is None else recipient_of(known.joined_into, state, guard=guard)


# --- writing ----------------------------------------------------------------------------------------------------------


def recipient_needs(person_id: str, intervention_id: str, state: WorkingSet) -> Iterator[Lookup]:
    """What ``recorded`` looks at: the person, guarded, and what is known of overlaps of this intervention."""
    way = list(person_needs(person_id, state))
    yield from way
    if not state.missing(way):
        others = [one.intervention_id for one in recipient_of(person_id, state).interventions]
        yield from map(store.overlap_as_it_is, possible([intervention_id], others))


def recorded(
    recipient: Recipient, intervention: Intervention, state: WorkingSet, cause: Cause, now: datetime
) -> Recorded:
    """Put an intervention into the history of the person that ``recipient_of`` has found."""
    others = [one.intervention_id for one in recipient.interventions]
    return overlap.recorded(
        recipient, intervention, overlaps_of(possible([intervention.intervention_id], others), state), cause, now
    )


def overlaps_of(ids: Iterable[str], state: WorkingSet) -> dict[str, Overlap]:
    found = (state.get(store.overlap_as_it_is(id_)) for id_ in ids)
    return {one.overlap_id: one for one in found if one is not None}


# --- a beneficiary, as an agency names one ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Named:
    """Whom an agency means. ``field`` is where it said so, ``region`` where that is; a person who is not recorded is
    where the agency is."""

    person_id: str
    field: str
    region: str


def named_needs(message: Received[Any], data: Beneficiary, state: WorkingSet) -> Iterator[Lookup]:
    """The business, the cooperative, or the person with all businesses there are."""
    yield agency_lookup(message.account)
    if data.cooperative_id is not None:
        yield store.cooperative_as_it_is(data.cooperative_id)
        yield from person_needs(data.cooperative_id, state)
    if data.business_id is not None:
        lookup = store.business_as_it_is(data.business_id)
        yield lookup
        known = None if state.missing([lookup]) else state.get(lookup)
        if known is not None:
            yield from person_needs(known.state.owner_id, state)
    if data.person is not None:
        way = list(person_needs(data.person, state))
        yield from way
        ids = [data.person] if state.missing(way) else recipient_of(data.person, state).ids
        yield from map(store.businesses_as_they_are, ids)


def named(
    message: Received[Any], data: Beneficiary, state: WorkingSet, now: datetime
) -> tuple[Named | None, list[Problem]]:
    """Whom an agency means, if it is known and the agency's concern. A token is that of whoever asked registry for it,
    wherever the person is recorded meanwhile: what is told under it is taken from the agency, where the agency is."""
    field, found = f"data.{data.named_by}", _named(message, data, state)
    if problems := check_authority(message, state, now, found.region if found else None, field):
        return None, problems
    if found is None:
        return None, [problem(_UNKNOWN[data.named_by], field)]
    return found, []


_UNKNOWN = {"business_id": "business.unknown", "cooperative_id": "cooperative.unknown", "person": "person.unknown"}


def _named(message: Received[Any], data: Beneficiary, state: WorkingSet) -> Named | None:
    if data.business_id is not None:
        business = state.get(store.business_as_it_is(data.business_id))
        return Named(business.state.owner_id, "data.business_id", business.state.region) if business else None
    if data.cooperative_id is not None:
        known = state.get(store.cooperative_as_it_is(data.cooperative_id))
        return Named(known.cooperative_id, "data.cooperative_id", known.state.region) if known else None
    if is_token(person := data.person or ""):
        return Named(person, "data.person", _home(message, state))
    return _owner(person, message, state)


def _home(message: Received[Any], state: WorkingSet) -> str:
    agency = state.get(agency_lookup(message.account))
    return agency.region if agency is not None else regions.NATION


def _owner(person: str, message: Received[Any], state: WorkingSet) -> Named | None:
    """Where the person has a business: in the agency's region, if there is one."""
    home, ids = _home(message, state), recipient_of(person, state).ids
    places = sorted(one.state.region for id_ in ids for one in state.all(store.businesses_as_they_are(id_)))
    near = next((place for place in places if regions.within(place, home)), None)
    return Named(person, "data.person", near or places[0]) if places else None


# --- what has this beneficiary had? -----------------------------------------------------------------------------------


def _request_needs(message: Received[RecipientRequest], state: WorkingSet) -> Iterable[Lookup]:
    yield from authority_needs(message)
    yield from named_needs(message, message.data, state)


@routes.on("aid.recipient.request", _request_needs)
def answer_recipient(message: Received[RecipientRequest], state: WorkingSet, now: datetime) -> Decision:
    """Everything that anybody has given or plans for the person (S1-23), and what of it stands against each other."""
    found, problems = named(message, message.data, state, now)
    if found is not None and is_token(found.person_id):
        problems = _elsewhere(found.person_id, message, state, now)
    if found is None or problems:
        return reject(*problems)
    recipient, asked = recipient_of(found.person_id, state), message.data
    rest = [one for one in recipient.interventions if one.intervention_id > (asked.after or "")]
    page = rest[: asked.limit]
    return Decision(
        answer={
            "served": served(recipient),
            "interventions": [one.model_dump(mode="json", exclude={"person_id"}, exclude_none=True) for one in page],
            "overlaps": [
                {"overlap_id": one.overlap_id, "verdict": one.rule.verdict, "hard": one.hard}
                for one in conflicts_open(recipient)
            ],
        },
        next=page[-1].intervention_id if len(rest) > len(page) else None,
    )


def _elsewhere(token: str, message: Received[Any], state: WorkingSet, now: datetime) -> list[Problem]:
    """Of somebody who is recorded meanwhile, only an agency in whose region that is is told."""
    owner = _owner(token, message, state)
    return check_authority(message, state, now, owner.region, "data.person") if owner is not None else []


# --- who has never been given anything? -------------------------------------------------------------------------------


def _never_served_needs(message: Received[NeverServedRequest], state: WorkingSet) -> Iterable[Lookup]:
    authority = authority_needs(message)
    yield from authority
    page = None if state.missing(authority) else _businesses(message, state)
    if page is not None:
        yield page
        for one in [] if state.missing([page]) else state.all(page):
            yield from person_needs(one.state.owner_id, state, guard=False)


def _businesses(message: Received[NeverServedRequest], state: WorkingSet) -> Page[Business]:
    return store.businesses_in(_where(message, state), after=message.data.after or "", limit=message.data.limit)


def _where(message: Received[NeverServedRequest], state: WorkingSet) -> str:
    agency = state.get(agency_lookup(message.account))
    return message.data.region or (agency.region if agency is not None else regions.NATION)


@routes.on("aid.never_served.request", _never_served_needs)
def answer_never_served(message: Received[NeverServedRequest], state: WorkingSet, now: datetime) -> Decision:
    """S1-24: *masih banyak yang sama sekali belum pernah mendapatkan*. A page looks at ``limit`` businesses and names
    those of them that are active and whose owner nobody has given anything, so it may hold few and not be the last."""
    if problems := check_authority(message, state, now, _where(message, state), "data.region"):
        return reject(*problems)
    page = state.all(_businesses(message, state))
    return Decision(
        answer=[_described(one) for one in page if one.is_active and not _served(one, state)],
        next=page[-1].business_id if len(page) == message.data.limit else None,
    )


def _served(business: Business, state: WorkingSet) -> int:
    return served(recipient_of(business.state.owner_id, state, guard=False))


def _described(business: Business) -> dict[str, Any]:
    return business.state.model_dump(mode="json", include=_SHOWN, exclude_none=True)


_SHOWN = {"business_id", "owner_id", "name", "region", "status", "scale", "role", "needs", "recorded_on"}
