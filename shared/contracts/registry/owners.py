"""Owners: what is reported of them, and how to reach them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared.contracts.fields import (
    Count,
    Day,
    Identifier,
    Nib,
    Nik,
    Npwp,
    Payload,
    Personal,
    Phone,
    Public,
    Published,
    Reference,
    Slug,
    Text,
)


class Proof(Payload):
    """What shows that a person has agreed (UU PDP art. 24): the kind of proof, and where the office keeps it."""

    kind: Personal[Literal["paper_form", "online_form", "message", "recording"]]
    reference: Personal[Reference]


class Consent(Payload):
    """Which messages a person has agreed to, and when (UU PDP art. 22–24)."""

    whatsapp: Personal[bool] = False
    sms: Personal[bool] = False
    given_on: Personal[Day | None] = None
    proof: Personal[Proof | None] = None


OwnerForm = Literal[
    "pt_perorangan",
    "pt",
    "cv",
    "firma",
    "persekutuan_perdata",
    "koperasi",
    "yayasan",
    "bumdes",
    "lainnya",
]


class ReportedOwner(Payload):
    """A person, known by NIK; or a legal entity, known by NPWP or NIB, which names its legal form. Without a number the
    owner is provisional: known by the business alone, until a later report brings one."""

    nik: Personal[Nik | None] = None
    legal_form: Personal[OwnerForm | None] = None
    npwp: Personal[Npwp | None] = None
    nib: Personal[Nib | None] = None
    name: Personal[Text | None] = None
    phone: Personal[Phone | None] = None
    consent: Personal[Consent | None] = None
    language: Personal[Literal["id", "en"] | None] = None


# --- consent by itself ----------------------------------------------------------------------------------------------

Channels = Annotated[tuple[Literal["whatsapp", "sms"], ...], Field(min_length=1, max_length=2)]


class ConsentRecord(Payload):
    """A person has agreed to messages by these channels (UU PDP art. 22–24); channels not named stay as they are."""

    owner_id: Public[Identifier]
    channels: Personal[Channels]
    given_on: Personal[Day]
    proof: Personal[Proof]


class ConsentWithdraw(Payload):
    """A person does not agree any more: as easy as agreeing, so without date, proof or reason (UU PDP art. 40)."""

    owner_id: Public[Identifier]
    channels: Personal[Channels]


# --- questions ------------------------------------------------------------------------------------------------------

Limit = Annotated[Count, Field(gt=0, le=100)]


class OwnerRequest(Payload):
    """Who are these owners, or who owns this business? Answered with what the asker may know; every answer with
    personal data in it is recorded together with ``purpose``, which says what it is wanted for."""

    owner_ids: Public[Annotated[tuple[Identifier, ...], Field(max_length=100)]] = ()
    business_id: Public[Identifier | None] = None
    purpose: Public[Slug]
    after: Public[Identifier | None] = None
    limit: Public[Limit] = 50


class AccessRequest(Payload):
    """Who has read the data of this owner? An office asks on the owner's behalf (UU PDP art. 32)."""

    owner_id: Public[Identifier]
    after: Public[Identifier | None] = None
    limit: Public[Limit] = 50


# --- erasure --------------------------------------------------------------------------------------------------------


class OwnerErase(Payload):
    """Erase all that is known of a person (UU PDP art. 42–44); the reason is a code, since a sentence names people."""

    owner_id: Public[Identifier]
    reason: Public[Slug]


# --- correction -----------------------------------------------------------------------------------------------------


class OwnerCorrect(Payload):
    """What an owner asks to have put right (UU PDP art. 30); what is absent stays as it is."""

    owner_id: Public[Identifier]
    name: Personal[Text | None] = None
    phone: Personal[Phone | None] = None
    language: Personal[Literal["id", "en"] | None] = None
    nik: Personal[Nik | None] = None
    legal_form: Personal[OwnerForm | None] = None
    npwp: Personal[Npwp | None] = None
    nib: Personal[Nib | None] = None


# --- what has happened to owners ------------------------------------------------------------------------------------


class OwnerState(Published):
    """All that the public may know of an owner: whether it is known by a number (and not which), and, where a record
    turned out to be of another owner, which one that is. Of one who was erased the id is all that is left."""

    owner_id: Public[str]
    identified: Public[bool]
    joined_into: Public[str | None] = None
    erased: Public[bool | None] = None


class OwnerChange(Published):
    """What one event adds: why an owner was erased."""

    reason: Public[str | None] = None


class OwnerEvent(Published):
    owner: Public[OwnerState]
    change: Public[OwnerChange] = OwnerChange()


# --- contacts (exchange binaan.contacts: notify alone) --------------------------------------------------------------


CLEARABLE_OWNER = frozenset({"phone"})


class ContactConsent(Published):
    whatsapp: Personal[bool] = False
    sms: Personal[bool] = False
    given_on: Personal[Day | None] = None


class ContactMembership(Published):
    """A cooperative that the person is a member of; its events name nobody."""

    cooperative_id: Personal[str]
    role: Personal[str]
    """``pengurus``, ``pengawas`` or ``anggota``."""


class Contact(Published):
    owner_id: Public[str]
    name: Personal[str | None] = None
    phone: Personal[str | None] = None
    language: Personal[str] = "id"
    consent: Personal[ContactConsent] = ContactConsent()
    cooperatives: Personal[tuple[ContactMembership, ...] | None] = None
    erased: Public[bool] = False


class ContactEvent(Published):
    contact: Personal[Contact]
