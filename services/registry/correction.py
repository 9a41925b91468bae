"""Corrections that a person asks for: name, number of the telephone, language, and the number they are known by.

An official decides (UU PDP 27/2022 art. 30). A correction is the person's own word of the moment it was made: reports
of before do not undo it, also those that come later; a report observed afterwards is news. A wrong NIK is remembered,
so that an old list that still has it finds its owner by the business, and is told; if the right one has an owner
already, the two records are joined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from services.registry import business as businesses
from services.registry import identity, matching
from services.registry import owner as owners
from services.registry.business import Business
from services.registry.matching import Person
from services.registry.observation import Seen
from services.registry.owner import NUMBERS, Moving, Owner
from services.registry.problems import problem, required
from shared.contracts.envelope import Received
from shared.contracts.problem import Problem
from shared.contracts.registry.owners import OwnerCorrect
from shared.decision import Decision, Fact, reject
from shared.reference import npwp

_PLAIN = ("name", "phone", "language", "legal_form")


@dataclass(frozen=True, slots=True)
class Found:
    """What there is about a correction: the owner, whoever has the right numbers, records that were joined with these,
    who was asked about under the right NIK, and all businesses whose public name may change."""

    owner: Owner
    numbered: Sequence[Owner]
    records: Mapping[str, Owner]
    asked_about: Sequence[Person]
    businesses: Sequence[Business]
    region: str


def numbers(told: OwnerCorrect) -> dict[str, str]:
    """The right numbers, by kind."""
    return {kind: number for kind in NUMBERS if (number := getattr(told, kind)) is not None}


def new_numbers(told: OwnerCorrect, owner: Owner) -> dict[str, str]:
    """Those that are not recorded."""
    return {kind: number for kind, number in numbers(told).items() if owner.numbers.get(kind) != number}


def check(told: OwnerCorrect, owner: Owner, numbered: Sequence[Owner]) -> list[Problem]:
    """What is wrong: nothing named, a person made an entity or the other way round, or numbers of several owners."""
    right = numbers(told)
    if not right and not _plain(told):
        return required("data.name")
    entity = told.legal_form is not None or any(kind in {**right, **owner.numbers} for kind in ("npwp", "nib"))
    if entity and ("nik" in right or "nik" in owner.numbers):
        return [problem("owner.person_or_entity", "data.nik" if "nik" in right else "data")]
    if told.npwp is not None and npwp.parse(told.npwp).kind == "nik":
        return [problem("owner.npwp_of_a_person", "data.npwp")]
    differs = identity.settle(right, _freed(owner, right), numbered).differs
    return [problem("owner.numbers_differ", f"data.{differs}")] if differs is not None else []


def _plain(told: OwnerCorrect) -> dict[str, Any]:
    return {name: value for name in _PLAIN if (value := getattr(told, name)) is not None}


def _freed(owner: Owner, right: Mapping[str, str]) -> Owner:
    """The owner without the numbers that were wrong; they are remembered."""
    wrong = {kind: number for kind, number in owner.numbers.items() if right.get(kind, number) != number}
    if not wrong:
        return owner
    tokens = {kind: token for kind, token in owner.tokens.items() if kind not in wrong}
    formerly = tuple(dict.fromkeys((*owner.formerly, *wrong.values())))
    return owner.model_copy(update={**dict.fromkeys(wrong), "tokens": tokens, "formerly": formerly})


def decide(message: Received[OwnerCorrect], found: Found) -> Decision:
    """What a correction does, its authority having been checked."""
    told, before = message.data, found.owner
    if problems := check(told, before, found.numbered):
        return reject(*problems)
    right = numbers(told)
    whose = identity.settle(right, _freed(before, right), found.numbered)
    kept = whose.owner or before
    person = _after(message, whose)
    known = before if kept.owner_id == before.owner_id else kept
    outcome = "joined" if whose.joining else "corrected" if _differs(known, person) else "unchanged"
    person, contacts = owners.announced(known, person, found.region)
    person, identified = owners.identified(known, person, found.region)
    persons, recognised = matching.recognised(found.asked_about, person.owner_id, found.region)
    person = owners.asked_as(person, persons)
    moving = Moving(due=message.received_at, cause=message.cause)
    left, withdrawals = owners.left(whose.joining, person.owner_id, found.records, found.region, moving)
    moved = known.phone != person.phone or bool(whose.joining)
    following, events = _following(found.businesses, person, message, moved=moved)
    return Decision(
        changes=[person, *left, *persons, *following],
        facts=[*contacts, *identified, *recognised, *withdrawals, *events],
        result={"owner_id": person.owner_id, "outcome": outcome},
    )


def _after(message: Received[OwnerCorrect], whose: identity.Ownership) -> Owner:
    if whose.owner is None:
        raise AssertionError("there is an owner to correct")
    person = whose.owner
    for other in whose.joining:
        person = owners.joined(person, other)
    if new := new_numbers(message.data, person):
        person = owners.numbered(person, new, message.token)
    at = message.time or message.received_at
    by = Seen(at=at, intake_id=message.id, account=message.account, firm=True)
    return owners.observed(person, _plain(message.data), by)


def persons(told: OwnerCorrect, found: Found) -> list[Owner]:
    """Whose names the person has, had and will have: as recorded in each of the records, and as told now."""
    known = [found.owner, *found.numbered]
    return [*known, *(one.model_copy(update=_plain(told)) for one in known)]


def _differs(before: Owner, after: Owner) -> bool:
    """Whether anything but the times of observation has changed."""
    return before.model_copy(update={"seen": {}}) != after.model_copy(update={"seen": {}})


def _following(
    mine: Sequence[Business], person: Owner, message: Received[OwnerCorrect], *, moved: bool
) -> tuple[list[BaseModel], list[Fact]]:
    """The owner's businesses whose public name shows the owner's by initials; all, to be compared anew, where the
    owner's phone has ``moved``."""
    changed, facts = list[BaseModel](), list[Fact]()
    name = owners.personal_name(person)
    for one in mine:
        after = businesses.named(one, name)
        after = businesses.to_compare(after, message.cause, message.received_at) if moved else after
        if one.owner_id == person.owner_id and after is not one:
            told, events = businesses.reported(one, after)
            changed.append(told)
            facts += events
    return changed, facts
