"""How an owner can be reached, as registry tells it: the only personal data that notify keeps.

It comes by a door of its own (``binaan.contacts``), is stored sealed, and an erasure leaves a tombstone without any of
it, so that a late message cannot bring it back (UU PDP 27/2022 art. 42–44).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pydantic import BaseModel, ConfigDict

from shared.contracts.registry import owners
from shared.reference import phone
from shared.reference.invalid import Invalid

SEALED = frozenset({"name", "phone", "language", "consent"})
"""The fields of ``Contact`` that are about a person."""


class Consent(BaseModel):
    """What the owner has agreed to, and when; without a record there is no consent (UU PDP art. 22–24)."""

    model_config = ConfigDict(frozen=True)

    whatsapp: bool = False
    sms: bool = False
    given_on: date | None = None


class Contact(BaseModel):
    """The copy of an owner's contact as of ``sequence``; ``erased`` marks a tombstone."""

    model_config = ConfigDict(frozen=True)

    owner_id: str
    sequence: int
    name: str | None = None
    phone: str | None = None
    language: str = "id"
    consent: Consent = Consent()
    erased: bool = False


@dataclass(frozen=True, slots=True)
class Reach:
    """By which channel an invitation may go, or why by none. Exactly one of the two is set."""

    channel: str | None = None
    reason: str | None = None


def copy_of(told: owners.Contact, sequence: int, *, erased: bool) -> Contact:
    """The copy to keep. Whatever an erasure may still carry of a person is left out."""
    if erased or told.erased:
        return Contact(owner_id=told.owner_id, sequence=sequence, erased=True)
    return Contact(
        owner_id=told.owner_id,
        sequence=sequence,
        name=told.name,
        phone=told.phone,
        language=told.language,
        consent=Consent.model_validate(told.consent.model_dump()),
    )


def reach(contact: Contact) -> Reach:
    """The channel for an invitation to apply, which nobody has asked for: only with recorded consent.

    WhatsApp by the vendor's rule for every category; SMS because an invitation is an offer and not a service message
    (Permenkominfo 21/2013 art. 21, now 9/2017). WhatsApp goes first, it shows who is writing.
    """
    if contact.erased:
        return Reach(reason="contact_erased")
    if not contact.phone:
        return Reach(reason="no_phone")
    if not _is_mobile(contact.phone):
        return Reach(reason="no_mobile_phone")
    if contact.consent.whatsapp:
        return Reach(channel="whatsapp")
    if contact.consent.sms:
        return Reach(channel="sms")
    return Reach(reason="no_consent")


def _is_mobile(number: str) -> bool:
    try:
        return phone.parse(number).mobile
    except Invalid:
        return False  # registry has checked it by the rules of its day; a number that fails ours cannot be dialled
