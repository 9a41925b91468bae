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

CHANNELS = ("whatsapp", "sms")
SEALED = frozenset({"name", "phone", "language", "consent", "cooperatives"})
"""The fields of ``Contact`` that are about a person."""


class Consent(BaseModel):
    """What the owner has agreed to, and when; without a record there is no consent (UU PDP art. 22–24)."""

    model_config = ConfigDict(frozen=True)

    whatsapp: bool = False
    sms: bool = False
    given_on: date | None = None


class Membership(BaseModel):
    """A cooperative that the owner is a member of, and as what: ``pengurus``, ``pengawas`` or ``anggota``."""

    model_config = ConfigDict(frozen=True)

    cooperative_id: str
    role: str


class Contact(BaseModel):
    """The copy of an owner's contact as of ``sequence``; ``erased`` marks a tombstone.

    ``line`` is a keyed token of the number, by which somebody who writes to us is found. ``stopped`` are the channels
    that the owner has refused to us, until registry's own record says so; ``refusals`` counts what registry was told.
    """

    model_config = ConfigDict(frozen=True)

    owner_id: str
    sequence: int
    name: str | None = None
    phone: str | None = None
    language: str = "id"
    consent: Consent = Consent()
    cooperatives: tuple[Membership, ...] = ()
    line: str | None = None
    stopped: tuple[str, ...] = ()
    refusals: int = 0
    erased: bool = False

    def role_in(self, cooperative_id: str) -> str | None:
        """What the owner is in a cooperative; None for who is no member."""
        return next((one.role for one in self.cooperatives if one.cooperative_id == cooperative_id), None)

    def refuse(self, channels: tuple[str, ...]) -> Contact:
        """The owner wants nothing more by these channels; the same contact where that is known already."""
        stopped = tuple(one for one in CHANNELS if one in {*self.stopped, *channels})
        if self.erased or stopped == self.stopped:
            return self
        return self.model_copy(update={"stopped": stopped, "refusals": self.refusals + 1})


@dataclass(frozen=True, slots=True)
class Reach:
    """By which channels a message may go, the first one first, or why by none. Exactly one of the two is set."""

    channels: tuple[str, ...] = ()
    reason: str | None = None


def copy_of(
    told: owners.Contact, sequence: int, *, erased: bool, known: Contact | None = None, line: str | None = None
) -> Contact:
    """The copy to keep. Whatever an erasure may still carry of a person is left out.

    What the owner has refused to us holds until registry's record agrees: a contact that was on its way when the
    refusal came must not undo it.
    """
    refusals = known.refusals if known is not None else 0
    if erased or told.erased:
        return Contact(owner_id=told.owner_id, sequence=sequence, refusals=refusals, erased=True)
    agreed = {"whatsapp": told.consent.whatsapp, "sms": told.consent.sms}
    return Contact(
        owner_id=told.owner_id,
        sequence=sequence,
        name=told.name,
        phone=told.phone,
        language=told.language,
        consent=Consent.model_validate(told.consent.model_dump()),
        cooperatives=tuple(Membership.model_validate(one.model_dump()) for one in told.cooperatives or ()),
        line=line,
        stopped=tuple(one for one in (known.stopped if known is not None else ()) if agreed[one]),
        refusals=refusals,
    )


def reach(contact: Contact, category: str = "offer") -> Reach:
    """The channels for a message of a category.

    WhatsApp only with recorded consent, by the vendor's rule for every category. SMS for what is a ``service`` unless
    the owner has refused, for an ``offer``, which nobody has asked for, only with consent (Permenkominfo 21/2013
    art. 21, now 9/2017). WhatsApp goes first, it shows who is writing.
    """
    if contact.erased:
        return Reach(reason="contact_erased")
    if not contact.phone:
        return Reach(reason="no_phone")
    if not _is_mobile(contact.phone):
        return Reach(reason="no_mobile_phone")
    agreed = {"whatsapp": contact.consent.whatsapp, "sms": contact.consent.sms}
    if category == "service":
        agreed["sms"] |= contact.consent.given_on is None  # nobody has asked the owner yet: not refused
    channels = tuple(one for one in CHANNELS if agreed[one] and one not in contact.stopped)
    return Reach(channels) if channels else Reach(reason="stopped" if contact.stopped else "no_consent")


def _is_mobile(number: str) -> bool:
    try:
        return phone.parse(number).mobile
    except Invalid:
        return False  # registry has checked it by the rules of its day; a number that fails ours cannot be dialled
