"""What officials correct of owners."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from services.registry import correction
from services.registry import owner as owners
from services.registry.handlers import naming
from services.registry.handlers.owners import follow_needs, followed, sure_region_of
from services.registry.handlers.persons import person_lookups
from services.registry.owner import Owner
from services.registry.problems import problem
from services.registry.store import OWNERS, businesses_of
from shared.agencies import authority_needs, check_authority
from shared.contracts.envelope import Received
from shared.contracts.registry.owners import OwnerCorrect
from shared.decision import Decision, reject
from shared.kernel.routes import Routes
from shared.kernel.state import ById, ByKey, Lookup, WorkingSet

routes = Routes()


def _correct_needs(message: Received[OwnerCorrect], state: WorkingSet) -> Iterable[Lookup]:
    """The owner and whoever has the right number, the records they were joined with, and their businesses."""
    first = [*authority_needs(message), *_by_number(message), *follow_needs(message.data.owner_id, state)]
    yield from first
    if state.missing(first):
        return
    owner = followed(message.data.owner_id, state)
    if owner is None:
        return
    numbered = _numbered(message, state)
    for one in {owner.owner_id: owner, **{one.owner_id: one for one in numbered}}.values():
        yield businesses_of(one.owner_id)
        yield from (ById(OWNERS, id_) for id_ in one.joined)
    if message.data.nik is not None and not numbered:
        yield from person_lookups(message, message.data.nik)


def _by_number(message: Received[OwnerCorrect]) -> Iterator[ByKey[Owner]]:
    for kind, number in correction.numbers(message.data).items():
        yield from (ByKey(OWNERS, owners.key(kind, token)) for token in message.tokens(kind, number))


def _numbered(message: Received[OwnerCorrect], state: WorkingSet) -> list[Owner]:
    found = (state.get(lookup) for lookup in _by_number(message))
    return [one for one in found if one is not None]


@routes.on("registry.owner.correct", _correct_needs)
def correct(message: Received[OwnerCorrect], state: WorkingSet, now: datetime) -> Decision:
    region = sure_region_of(message.data.owner_id, message, state)
    if problems := check_authority(message, state, now, region, "data.owner_id"):
        return reject(*problems)
    owner = followed(message.data.owner_id, state)
    if owner is None:
        return reject(problem("owner.not_found", "data.owner_id"))
    if owner.erased:
        return reject(problem("owner.erased", "data.owner_id"))
    found = _found(message, state, owner, region)
    if problems := naming.held({"id": message.id}, *correction.persons(message.data, found)):
        return reject(*problems)
    return correction.decide(message, found)


def _found(message: Received[OwnerCorrect], state: WorkingSet, owner: Owner, region: str) -> correction.Found:
    numbered = _numbered(message, state)
    all_of = {owner.owner_id: owner, **{one.owner_id: one for one in numbered}}
    joined = (state.get(ById(OWNERS, id_)) for one in all_of.values() for id_ in one.joined)
    nik = message.data.nik if not numbered else None
    asked = (state.get(lookup) for lookup in person_lookups(message, nik)) if nik is not None else ()
    return correction.Found(
        owner=owner,
        numbered=numbered,
        records={one.owner_id: one for one in joined if one is not None},
        asked_about=[one for one in asked if one is not None],
        businesses=[one for id_ in all_of for one in state.all(businesses_of(id_))],
        region=region,
    )
