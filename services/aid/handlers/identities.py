"""Which ids are one person, as registry tells it, in any order: a token that became an owner, records that were joined.

What is known under either is then known of the one that stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.aid import store
from services.aid.handlers import exclusions
from services.aid.handlers.recipients import overlaps_of, person_needs, recipient_of
from services.aid.overlap import possible, reviewed
from services.aid.recipient import Recipient, led, to_follow
from shared.contracts.envelope import Received
from shared.contracts.registry.owners import OwnerEvent
from shared.contracts.registry.persons import PersonEvent
from shared.decision import Decision
from shared.kernel.routes import Routes
from shared.kernel.state import Lookup, WorkingSet

routes = Routes()


def _matched_needs(message: Received[PersonEvent], state: WorkingSet) -> Iterable[Lookup]:
    return _leading_needs(message.data.person.token, message.data.person.owner_id, state)


@routes.on("registry.person.matched", _matched_needs)
def keep_matched(message: Received[PersonEvent], state: WorkingSet, now: datetime) -> Decision:
    """Somebody who was not recorded is an owner now."""
    return _lead(message.data.person.token, message.data.person.owner_id, message, state, now)


def _owner_needs(message: Received[OwnerEvent], state: WorkingSet) -> Iterable[Lookup]:
    owner = message.data.owner
    if owner.joined_into is not None:
        return _leading_needs(owner.owner_id, owner.joined_into, state)
    return exclusions.erasing_needs(owner.owner_id, state) if owner.erased else ()


@routes.on("registry.owner.*", _owner_needs)
def keep_owner(message: Received[OwnerEvent], state: WorkingSet, now: datetime) -> Decision:
    """A record turned out to be of another owner. Of an owner who is erased what others have said goes; what was given
    stays, under an id that is nobody's name (UU PDP 27/2022 art. 42–44; docs/decisions/0141)."""
    owner = message.data.owner
    if owner.joined_into is not None:
        return _lead(owner.owner_id, owner.joined_into, message, state, now)
    return exclusions.erased(owner.owner_id, state, now) if owner.erased else Decision()


def _leading_needs(id_: str, to: str, state: WorkingSet) -> Iterator[Lookup]:
    yield from exclusions.leading_needs(id_, to, state)
    ways = [*person_needs(id_, state), *person_needs(to, state)]
    yield from ways
    if not state.missing(ways):
        yield from map(store.overlap_as_it_is, _scope(recipient_of(id_, state), recipient_of(to, state)))


def _scope(*people: Recipient) -> set[str]:
    """Every pair that can come to stand together, or apart."""
    ids = [one.intervention_id for person in people for one in person.interventions]
    return possible(ids, ids)


def _lead(id_: str, to: str, message: Received[Any], state: WorkingSet, now: datetime) -> Decision:
    said = exclusions.leads(id_, to, message.sequence, state, now)
    given = _given(id_, to, message, state, now)
    return replace(said, changes=[*said.changes, *given.changes], facts=[*said.facts, *given.facts])


def _given(id_: str, to: str, message: Received[Any], state: WorkingSet, now: datetime) -> Decision:
    """Two histories are one, or a part of one turns out to be another's; the businesses are judged again for it in a
    later step (``Recipient.following``)."""
    known = state.get(store.recipient(id_)) or Recipient(recipient_id=id_)
    if message.sequence <= known.heard:
        return Decision()
    standing, target = recipient_of(id_, state), recipient_of(to, state)
    leading, before, after = led(known, to, message.sequence, standing, target)
    # One of the three may be another of them, which is then the same.
    people = {leading.recipient_id: leading}
    if before.recipient_id != leading.recipient_id:
        people[before.recipient_id] = to_follow(standing, before, message.cause, now)
    people[after.recipient_id] = to_follow(target, after, message.cause, now)
    scope = _scope(standing, target)
    overlaps, facts = reviewed(people.values(), scope, overlaps_of(scope, state))
    return Decision(changes=[*people.values(), *overlaps], facts=facts)
