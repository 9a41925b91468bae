"""Who asks whether people are known here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from services.registry import access, matching
from services.registry import owner as owners
from services.registry.matching import Asked, Person, Usage
from services.registry.owner import Owner
from services.registry.problems import problem
from services.registry.store import OWNERS, PERSONS, USAGE
from shared.agencies import agency_lookup, authority_needs, check_authority
from shared.contracts.envelope import Received
from shared.contracts.problem import Problem
from shared.contracts.registry.persons import PersonMatch
from shared.decision import Decision, reject
from shared.kernel.routes import Routes
from shared.kernel.state import ById, ByKey, Lookup, WorkingSet

routes = Routes()


def _match_needs(message: Received[PersonMatch], state: WorkingSet) -> Iterable[Lookup]:
    """Who asks, and how much; only who may is looked anything up for."""
    yield from authority_needs(message)
    yield _usage(message)
    if state.missing([*authority_needs(message), _usage(message)]):
        return
    if _counted(message, state, message.received_at)[1] or _not_permitted(message, state, message.received_at):
        return
    for asked in message.once(matching.read):
        if asked.number is not None:
            yield from _owner_lookups(message, asked.number)
            yield from person_lookups(message, asked.number)


def _usage(message: Received[Any]) -> ById[Usage]:
    return ById(USAGE, message.account)


def _owner_lookups(message: Received[Any], number: str) -> Iterator[ByKey[Owner]]:
    return (ByKey(OWNERS, owners.key("nik", token)) for token in message.tokens("nik", number))


def person_lookups(message: Received[Any], number: str) -> Iterator[ById[Person]]:
    """Not guarded: whoever records this person, and whoever asks about them, both write the guard of their NIK."""
    return (ById(PERSONS, token, guard=False) for token in matching.tokens(message, number))


@routes.on("registry.person.match", _match_needs)
def match(message: Received[PersonMatch], state: WorkingSet, now: datetime) -> Decision:
    if problems := _not_permitted(message, state, now):
        return reject(*problems)
    usage, problems = _counted(message, state, now)
    if problems:
        return reject(*problems)
    asked = message.once(matching.read)
    numbers = dict.fromkeys(one.number for one in asked if one.number is not None)
    known = {number: owner for number in numbers if (owner := _owner(message, number, state)) is not None}
    persons = {number: _person(message, number, state) for number in numbers if number not in known}
    ids = (*(one.owner_id for one in known.values()), *(one.token for one in persons.values()))
    changes: list[BaseModel] = [usage, *persons.values(), *access.recorded(message, ids, message.data.purpose, now)]
    matches = [_told(one, known, persons) for one in asked]
    return Decision(changes=changes, result={"outcome": "matched", "matches": matches})


def _not_permitted(message: Received[PersonMatch], state: WorkingSet, now: datetime) -> list[Problem]:
    """A right of its own: no pattern gives it by the way, the registration must name it."""
    if problems := check_authority(message, state, now, None, None):
        return problems
    agency = state.get(agency_lookup(message.account))
    named = agency is not None and message.type in agency.permitted
    return [] if named else [problem("match.not_permitted", "type")]


def _counted(message: Received[PersonMatch], state: WorkingSet, now: datetime) -> tuple[Usage, list[Problem]]:
    before = state.get(_usage(message)) or Usage(account=message.account)
    after = matching.counted(before, len(message.data.niks), now)
    return after, matching.too_much(after, now)


def _owner(message: Received[Any], number: str, state: WorkingSet) -> Owner | None:
    found = (state.get(lookup) for lookup in _owner_lookups(message, number))
    return next((one for one in found if one is not None), None)


def _person(message: Received[Any], number: str, state: WorkingSet) -> Person:
    found = [one for lookup in person_lookups(message, number) if (one := state.get(lookup)) is not None]
    return matching.asked_about(found, matching.tokens(message, number)[0])


def _told(asked: Asked, known: Mapping[str, Owner], persons: Mapping[str, Person]) -> dict[str, Any]:
    if asked.number is None:
        return {"problem": asked.problem.model_dump() if asked.problem is not None else None}
    owner = known.get(asked.number)
    return {"owner_id": owner.owner_id} if owner is not None else {"token": persons[asked.number].token}
