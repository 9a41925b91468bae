"""Owners: the people behind businesses. Here, and nowhere else, a NIK, a name and a number are kept.

An owner is recognised by a keyed token of a number; ``owner_id`` is random and says nothing but which businesses have
one owner. notify learns how to reach an owner from ``registry.contact.changed``, which has a sequence of its own.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.registry import consent as consents
from services.registry.consent import CHANNELS, WITHDRAWN, Agreement
from services.registry.matching import Person
from services.registry.observation import Seen, merge
from services.registry.problems import problem, required
from shared.contracts.envelope import Token
from shared.contracts.problem import Problem, from_invalid
from shared.contracts.registry.owners import (
    Contact,
    ContactConsent,
    ContactEvent,
    ContactMembership,
    OwnerChange,
    OwnerEvent,
    OwnerState,
    ReportedOwner,
)
from shared.decision import Cause, Fact
from shared.reference import nik, npwp, phone

NUMBERS = ("nik", "npwp", "nib")
"""By what an owner is recognised, the surest first: a person by NIK, a legal entity by NPWP or NIB."""
OBSERVED = ("name", "phone", "language", "legal_form", *CHANNELS)
"""Fields that reports tell and may change."""
SEALED = frozenset({*NUMBERS, "formerly", *OBSERVED, "seen"})
"""Encrypted together at rest. So is ``seen``, because an office may use a NIK as the id of its messages."""


_NO_CHANGE = OwnerChange()


class Moving(BaseModel):
    """That businesses are to be taken over by the owner they were joined with, from when on, and on whose account."""

    model_config = ConfigDict(frozen=True)

    due: AwareDatetime
    cause: Cause


class Membership(BaseModel):
    """That the owner is a member of a cooperative, and as what."""

    model_config = ConfigDict(frozen=True)

    cooperative_id: str
    role: str


class Owner(BaseModel):
    """A person or a legal entity, ``provisional`` without a number; or, with ``joined_into``, what is left of a record
    that turned out to be of another owner: its id, which others have seen, and nothing of the person."""

    model_config = ConfigDict(frozen=True)

    owner_id: str
    tokens: Mapping[str, str] = {}
    """By kind of number, its keyed token."""
    nik: str | None = None
    npwp: str | None = None
    nib: str | None = None
    formerly: tuple[str, ...] = ()
    """Numbers that were recorded here by mistake, and have been corrected."""
    name: str | None = None
    legal_form: str | None = None
    phone: str | None = None
    language: str = "id"
    whatsapp: Agreement = WITHDRAWN
    sms: Agreement = WITHDRAWN
    seen: Mapping[str, Seen] = {}
    joined: tuple[str, ...] = ()
    """Records that were joined with this one."""
    cooperatives: tuple[Membership, ...] = ()
    """By their ids. notify is told, so that members can be reminded (S4-13); the world is not."""
    asked_as: tuple[str, ...] = ()
    """Tokens under which the person was asked about before being recorded."""
    joined_into: str | None = None
    moving: Moving | None = None
    erased: bool = False
    """Nothing is known of the person any more, by the person's own wish."""
    sequence: int = 0
    """Of the contact."""
    told: int = 0
    """The sequence of what the public is told: whether it is known by a number, and which record is which."""

    @property
    def numbers(self) -> dict[str, str]:
        return {kind: number for kind in NUMBERS if (number := getattr(self, kind)) is not None}

    @property
    def provisional(self) -> bool:
        return not self.tokens

    @property
    def consent(self) -> ContactConsent:
        """As notify is told."""
        return consents.published((("whatsapp", self.whatsapp), ("sms", self.sms)))

    def __repr__(self) -> str:
        # The generated one would put a person into every traceback and log.
        return f"Owner(owner_id={self.owner_id!r})"

    __str__ = __repr__


def personal_name(owner: Owner | None) -> str | None:
    """The name of a person; a legal entity's is nobody's."""
    entity = owner is None or owner.legal_form is not None or any(kind in owner.numbers for kind in ("npwp", "nib"))
    return None if owner is None or entity else owner.name


def key(kind: str, token: str) -> str:
    """The claim by which one number has one owner."""
    return f"{kind}:{token}"


def rekeyed(owner: Owner, token: Token) -> Owner:
    """The owner under tokens of today."""
    return numbered(owner, {}, token)


def numbered(owner: Owner, numbers: Mapping[str, str], token: Token) -> Owner:
    """The owner with these numbers, besides those it has or instead of them."""
    now = {**owner.numbers, **numbers}
    tokens = {kind: token(kind, number) for kind, number in now.items()}
    return owner.model_copy(update={**now, "tokens": tokens})


def told_fields(told: ReportedOwner | None, cleared: frozenset[str]) -> dict[str, Any]:
    """What a report says of the owner, by field; None where it empties one."""
    if told is None:
        return dict.fromkeys(cleared)
    plain = {
        name: value
        for name in ("name", "phone", "language", "legal_form")
        if (value := getattr(told, name)) is not None
    }
    agreed = consents.told_fields(told.consent) if told.consent is not None else {}
    return {**dict.fromkeys(cleared), **plain, **agreed}


def observed(owner: Owner, told: Mapping[str, Any], by: Seen) -> Owner:
    """The owner after what somebody has told."""
    for field, value in told.items():
        merged = merge(owner.seen, {field: value}, consents.since(field, value, by))
        owner = owner.model_copy(update={**merged.won, "seen": merged.seen}) if merged.won else owner
    return owner


def joined(owner: Owner, other: Owner) -> Owner:
    """The owner with the history of another record of it: of each field, what was observed last."""
    numbers = {kind: getattr(owner, kind) or getattr(other, kind) for kind in NUMBERS}
    newer = {
        field: seen
        for field, seen in other.seen.items()
        if field not in owner.seen or seen.order > owner.seen[field].order
    }
    return owner.model_copy(
        update={
            **numbers,
            "tokens": {**other.tokens, **owner.tokens},
            "formerly": tuple(dict.fromkeys((*owner.formerly, *other.formerly))),
            **{field: getattr(other, field) for field in newer},
            "seen": {**owner.seen, **newer},
            "asked_as": tuple(dict.fromkeys((*owner.asked_as, *other.asked_as))),
            "cooperatives": _by_id((*other.cooperatives, *owner.cooperatives)),
            "joined": tuple(dict.fromkeys((*owner.joined, other.owner_id, *other.joined))),
        }
    )


def member_of(owner: Owner, cooperative_id: str, role: str | None) -> Owner:
    """The owner as a member of a cooperative in a role; with None, as none any more."""
    others = tuple(one for one in owner.cooperatives if one.cooperative_id != cooperative_id)
    now = () if role is None else (Membership(cooperative_id=cooperative_id, role=role),)
    return owner.model_copy(update={"cooperatives": _by_id((*others, *now))})


def _by_id(memberships: Iterable[Membership]) -> tuple[Membership, ...]:
    """Each cooperative once, as it was said last."""
    by_id = {one.cooperative_id: one for one in memberships}
    return tuple(by_id[id_] for id_ in sorted(by_id))


def differs(before: Owner | None, after: Owner) -> bool:
    """Whether anything but the times of observation has changed."""
    return before is None or _contact(before) != _contact(after)


def announced(before: Owner | None, after: Owner, region: str) -> tuple[Owner, list[Fact]]:
    """The owner with its next sequence and the new contact, if it is new or has changed. An owner without a number
    has a contact too, so that notify knows that there is nobody to reach rather than waiting."""
    if not differs(before, after):
        return after, []
    numbered = after.model_copy(update={"sequence": after.sequence + 1})
    contact = ContactEvent(contact=_contact(numbered))
    fact = Fact("registry.contact.changed", numbered.owner_id, region, numbered.sequence, contact)
    return numbered, [fact]


def _contact(owner: Owner) -> Contact:
    return Contact(
        owner_id=owner.owner_id,
        name=owner.name,
        phone=owner.phone,
        language=owner.language,
        consent=owner.consent,
        cooperatives=tuple(
            ContactMembership(cooperative_id=one.cooperative_id, role=one.role) for one in owner.cooperatives
        )
        or None,
    )


def identified(before: Owner | None, after: Owner, region: str) -> tuple[Owner, list[Fact]]:
    """What the public is told when a provisional owner has become known by a number: that, and no number."""
    if before is None or not before.provisional or after.provisional:
        return after, []
    return _told(after, "identified", region)


def withdrawn(owner: Owner, into: str, region: str, moving: Moving | None) -> tuple[Owner, list[Fact]]:
    """What is left of a record that has been joined with another: nothing of the person. notify forgets it, the public
    is told which record it is now; its businesses follow."""
    left = Owner(
        owner_id=owner.owner_id,
        joined_into=into,
        moving=moving,
        sequence=owner.sequence + (owner.joined_into is None),
        told=owner.told,
    )
    told, facts = _told(left, "joined", region)
    if owner.joined_into is not None:
        return told, facts
    gone = ContactEvent(contact=Contact(owner_id=owner.owner_id, erased=True))
    return told, [Fact("registry.contact.erased", owner.owner_id, region, left.sequence, gone), *facts]


def erased(owner: Owner, region: str, reason: str) -> tuple[Owner, list[Fact]]:
    """What is left of a person who is erased: the id, and which records were the same. notify forgets the contact, the
    public is told that the id is nobody's now."""
    left = Owner(
        owner_id=owner.owner_id,
        joined=owner.joined,
        erased=True,
        sequence=owner.sequence + 1,
        told=owner.told,
    )
    gone = ContactEvent(contact=Contact(owner_id=owner.owner_id, erased=True))
    contact = Fact("registry.contact.erased", owner.owner_id, region, left.sequence, gone)
    told, facts = _told(left, "erased", region, OwnerChange(reason=reason))
    return told, [contact, *facts]


def left(
    joining: Iterable[Owner], into: str, records: Mapping[str, Owner], region: str, moving: Moving
) -> tuple[list[Owner], list[Fact]]:
    """What is left of records that turned out to be of one owner, and of those that were joined with them before."""
    kept, facts = list[Owner](), list[Fact]()
    for other in joining:
        earlier = [records[id_] for id_ in other.joined if id_ in records]
        for one, following in ((other, moving), *((one, one.moving) for one in earlier)):
            after, told = withdrawn(one, into, region, following)
            kept.append(after)
            facts += told
    return kept, facts


def asked_as(owner: Owner, persons: Iterable[Person]) -> Owner:
    """The owner, with the tokens under which the person was asked about before being recorded."""
    tokens = tuple(one.token for one in persons)
    return owner.model_copy(update={"asked_as": (*owner.asked_as, *tokens)}) if tokens else owner


def _told(owner: Owner, what: str, region: str, change: OwnerChange = _NO_CHANGE) -> tuple[Owner, list[Fact]]:
    counted = owner.model_copy(update={"told": owner.told + 1})
    state = OwnerState(
        owner_id=owner.owner_id,
        identified=not owner.provisional,
        joined_into=owner.joined_into,
        erased=owner.erased or None,
    )
    event = OwnerEvent(owner=state, change=change)
    fact = Fact(f"registry.owner.{what}", owner.owner_id, region, counted.told, event)
    return counted, [fact]


def described(owner: Owner, *, asked_as: str, whole: bool) -> dict[str, Any]:
    """As an agency is told: with all that is known of the person, or only that there is such an owner. ``asked_as`` is
    the id asked about, which may be of a record that was joined with this one since."""
    public: dict[str, Any] = {"owner_id": asked_as, "identified": not owner.provisional}
    if asked_as != owner.owner_id:
        public["joined_into"] = owner.owner_id
    return {**public, **owner.model_dump(mode="json", include={*NUMBERS, *OBSERVED})} if whole else public


def full(businesses: int, today: date) -> bool:
    """Whether so many businesses of one owner are as many as there can be, by the policy of a day: more are a sheet in
    whose every row one number stands, and a change of the owner's name would change them all."""
    in_force = sorted(one for one in _most_businesses() if one[0] <= today)
    return bool(in_force) and businesses >= in_force[-1][1]


@cache
def _most_businesses() -> tuple[tuple[date, int], ...]:
    with resources.files(__package__).joinpath("owners.csv").open(encoding="utf-8") as rows:
        return tuple(
            (date.fromisoformat(row["valid_from"]), int(row["most_businesses"])) for row in csv.DictReader(rows)
        )


def unheard(told: Mapping[str, Any], by: Seen, after: Owner, field: str) -> list[Problem]:
    """A warning where a consent is told that the owner has withdrawn since it was given: not a late report, whose
    sender knows that it is late, but a new one with an old consent."""
    given = [channel for channel in CHANNELS if channel in told and told[channel].given]
    refused = [one for one in given if not getattr(after, one).given and by.at > after.seen[one].at]
    return [problem("consent.withdrawn_since", field)] if refused else []


def check(told: ReportedOwner | None, today: date) -> list[Problem]:
    """What is wrong with what is said of the owner; ``today`` is the date where the business is."""
    if told is None:
        return []
    given_on = told.consent.given_on if told.consent is not None else None
    late = given_on is not None and given_on > today
    return [
        *([problem("consent.given_in_future", "data.owner.consent.given_on")] if late else []),
        *_check_entity(told),
    ]


def _check_entity(told: ReportedOwner) -> list[Problem]:
    """A legal entity has a legal form and no NIK; a tax number that is a NIK is a person's (PMK 112/2022)."""
    entity = (told.npwp, told.nib, told.legal_form)
    problems = []
    if told.nik is not None and any(one is not None for one in entity):
        problems.append(problem("owner.person_or_entity", "data.owner.nik"))
    elif any(entity) and told.legal_form is None:
        problems += required("data.owner.legal_form")
    if told.npwp is not None and npwp.parse(told.npwp).kind == "nik":
        problems.append(problem("owner.npwp_of_a_person", "data.owner.npwp"))
    return problems


def warnings(told: ReportedOwner | None) -> list[Problem]:
    """What is taken and somebody should look at: a NIK from a region that is no more, a new mobile prefix, a tax number
    with a wrong check digit."""
    parsers: Mapping[str, Callable[[str], Any]] = {"nik": nik.parse, "phone": phone.parse, "npwp": npwp.parse}
    given = {name: value for name in parsers if told is not None and (value := getattr(told, name)) is not None}
    return [
        from_invalid(note, f"data.owner.{name}") for name, value in given.items() for note in parsers[name](value).notes
    ]
