"""Owners: what is reported of them, and how to reach them."""

from __future__ import annotations

from typing import Literal

from shared.contracts.fields import (
    Day,
    Nik,
    Payload,
    Personal,
    Phone,
    Public,
    Published,
    Text,
)


class Consent(Payload):
    """Which messages a person has agreed to, and when (UU PDP art. 22–24)."""

    whatsapp: Personal[bool] = False
    sms: Personal[bool] = False
    given_on: Personal[Day | None] = None


class ReportedOwner(Payload):
    nik: Personal[Nik | None] = None
    name: Personal[Text | None] = None
    phone: Personal[Phone | None] = None
    consent: Personal[Consent | None] = None
    language: Personal[Literal["id", "en"] | None] = None


# --- contacts (exchange binaan.contacts: notify alone) --------------------------------------------------------------


CLEARABLE_OWNER = frozenset({"phone"})


class ContactConsent(Published):
    whatsapp: Personal[bool] = False
    sms: Personal[bool] = False
    given_on: Personal[Day | None] = None


class Contact(Published):
    owner_id: Public[str]
    name: Personal[str | None] = None
    phone: Personal[str | None] = None
    language: Personal[str] = "id"
    consent: Personal[ContactConsent] = ContactConsent()
    erased: Public[bool] = False


class ContactEvent(Published):
    contact: Personal[Contact]
