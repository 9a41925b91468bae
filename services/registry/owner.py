"""Owners: the people behind businesses. Here, and nowhere else, a NIK, a name and a number are kept.

An owner is recognised by a keyed token of the NIK; ``owner_id`` is random and says nothing but which businesses have
one owner. notify learns how to reach an owner from ``registry.contact.changed``, which has a sequence of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.registry import consent as consents
from services.registry.consent import CHANNELS, WITHDRAWN, Agreement
from services.registry.observation import Seen, merge
from services.registry.problems import problem
from shared.contracts.problem import Problem, from_invalid
from shared.contracts.registry.owners import Contact, ContactConsent, ContactEvent, ReportedOwner
from shared.decision import Fact
from shared.reference import nik, phone

OBSERVED = ("name", "phone", "language", *CHANNELS)
"""Fields that reports tell and may change; the NIK is what the owner is recognised by."""
SEALED = frozenset({"nik", *OBSERVED, "seen"})
"""Encrypted together at rest. So is ``seen``, because an office may use a NIK as the id of its messages."""


class Owner(BaseModel):
    model_config = ConfigDict(frozen=True)

    owner_id: str
    token: str
    nik: str
    name: str
    phone: str | None = None
    language: str = "id"
    whatsapp: Agreement = WITHDRAWN
    sms: Agreement = WITHDRAWN
    seen: Mapping[str, Seen] = {}
    sequence: int = 0
    """Of the contact, which is the only thing the world is told of an owner."""

    @property
    def consent(self) -> ContactConsent:
        """As notify is told."""
        return consents.published((("whatsapp", self.whatsapp), ("sms", self.sms)))

    def __repr__(self) -> str:
        # The generated one would put a person into every traceback and log.
        return f"Owner(owner_id={self.owner_id!r})"

    __str__ = __repr__


def key(token: str) -> str:
    """The claim by which one NIK has one owner."""
    return f"nik:{token}"


def rekeyed(owner: Owner, token: str) -> Owner:
    """The owner under a token of today."""
    return owner.model_copy(update={"token": token})


def told_fields(told: ReportedOwner | None, cleared: frozenset[str]) -> dict[str, Any]:
    """What a report says of the owner, by field; None where it empties one."""
    if told is None:
        return dict.fromkeys(cleared)
    plain = {name: value for name in ("name", "phone", "language") if (value := getattr(told, name)) is not None}
    agreed = consents.told_fields(told.consent) if told.consent is not None else {}
    return {**dict.fromkeys(cleared), **plain, **agreed}


def recorded(owner_id: str, token: str, nik_number: str, told: Mapping[str, Any], by: Seen) -> Owner:
    """An owner seen for the first time; ``told`` holds at least the name."""
    blank = Owner(owner_id=owner_id, token=token, nik=nik_number, name=told["name"])
    return observed(blank, told, by)


def observed(owner: Owner, told: Mapping[str, Any], by: Seen) -> Owner:
    """The owner after what somebody has told."""
    for field, value in told.items():
        merged = merge(owner.seen, {field: value}, consents.since(field, value, by))
        owner = owner.model_copy(update={**merged.won, "seen": merged.seen}) if merged.won else owner
    return owner


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
    )


def described(owner: Owner, *, whole: bool) -> dict[str, Any]:
    """As an agency is told: with all that is known of the person, or only that there is such an owner."""
    public = {"owner_id": owner.owner_id}
    if not whole:
        return public
    return {**public, **owner.model_dump(mode="json", include={"nik", *OBSERVED})}


def unheard(told: Mapping[str, Any], by: Seen, after: Owner, field: str) -> list[Problem]:
    """A warning where a consent is told that the owner has withdrawn since it was given: not a late report, whose
    sender knows that it is late, but a new one with an old consent."""
    given = [channel for channel in CHANNELS if channel in told and told[channel].given]
    refused = [one for one in given if not getattr(after, one).given and by.at > after.seen[one].at]
    return [problem("consent.withdrawn_since", field)] if refused else []


def check(told: ReportedOwner | None, today: date) -> list[Problem]:
    """What is wrong with what is said of the owner; ``today`` is the date where the business is."""
    given_on = told.consent.given_on if told is not None and told.consent is not None else None
    if given_on is not None and given_on > today:
        return [problem("consent.given_in_future", "data.owner.consent.given_on")]
    return []


def warnings(told: ReportedOwner | None) -> list[Problem]:
    """What is taken and somebody should look at: a NIK from a region that is no more, a new mobile prefix."""
    notes = []
    if told is not None and told.nik is not None:
        notes += [from_invalid(note, "data.owner.nik") for note in nik.parse(told.nik).notes]
    if told is not None and told.phone is not None:
        notes += [from_invalid(note, "data.owner.phone") for note in phone.parse(told.phone).notes]
    return notes
