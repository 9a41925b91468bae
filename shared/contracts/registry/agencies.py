"""Agencies and their officials: who may speak, and who decides."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared.contracts.fields import (
    Account,
    Day,
    Handle,
    Payload,
    Public,
    PublicText,
    Published,
    Region,
    Text,
)

AgencyLevel = Literal["kabkota", "province", "ministry", "opd", "bank"]
OfficialRole = Literal["kadis", "kabid", "petugas"]


class AgencyRegister(Payload):
    """The administrator makes an account of the broker known as an agency (S0-03: every region names its own)."""

    agency: Public[Account]
    name: Public[PublicText]
    level: Public[AgencyLevel]
    region: Public[Region]
    permitted: Public[Annotated[tuple[Text, ...], Field(min_length=1, max_length=50)]]
    """Routing keys of the intake types it may send, ``*`` and ``#`` as in a binding: ``registry.business.*``."""


class OfficialRegister(Payload):
    """An agency names one of its officials; an acting head (Plt.) has an end date (S0-03, S4-10)."""

    agency: Public[Account | None] = None
    official: Public[Handle]
    role: Public[OfficialRole]
    unit: Public[PublicText | None] = None
    acting: Public[bool] = False
    valid_from: Public[Day]
    valid_until: Public[Day | None] = None


class AgencyState(Published):
    agency: Public[str]
    name: Public[str]
    level: Public[str]
    region: Public[str]
    permitted: Public[tuple[str, ...]]
    status: Public[str]


class OfficialState(Published):
    official_id: Public[str]
    agency: Public[str]
    role: Public[str]
    unit: Public[str | None] = None
    acting: Public[bool]
    valid_from: Public[Day]
    valid_until: Public[Day | None] = None


class NoChange(Published):
    """The event adds nothing to the state it carries."""


class AgencyRegistered(Published):
    agency: Public[AgencyState]
    change: Public[NoChange] = NoChange()


class OfficialRegistered(Published):
    official: Public[OfficialState]
    change: Public[NoChange] = NoChange()
