"""Agencies and their officials: who may speak, and who decides."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared.contracts.fields import (
    Account,
    Count,
    Day,
    Handle,
    Identifier,
    Payload,
    Public,
    PublicText,
    Published,
    Region,
)

AgencyLevel = Literal["kabkota", "province", "ministry", "opd", "bank"]
OfficialRole = Literal["kadis", "kabid", "petugas"]


class AgencyRegister(Payload):
    """The administrator makes an account of the broker known as an agency (S0-03: every region names its own)."""

    agency: Public[Account]
    name: Public[PublicText]
    level: Public[AgencyLevel]
    region: Public[Region]
    permitted: Public[Annotated[tuple[PublicText, ...], Field(min_length=1, max_length=50)]]
    """Routing keys of the intake types it may send, ``*`` and ``#`` as in a binding: ``registry.business.*``."""


class AgencySuspend(Payload):
    """The administrator stops an agency: from here on it is heard in nothing, until it is reinstated."""

    agency: Public[Account]
    reason: Public[PublicText]


class AgencyReinstate(Payload):
    """The administrator lets a suspended agency speak again. Registering it anew does not."""

    agency: Public[Account]
    reason: Public[PublicText | None] = None


class OfficialRegister(Payload):
    """An agency names one of its officials; an acting head (Plt.) has an end date (S0-03, S4-10)."""

    agency: Public[Account | None] = None
    official: Public[Handle]
    role: Public[OfficialRole]
    unit: Public[PublicText | None] = None
    acting: Public[bool] = False
    valid_from: Public[Day]
    valid_until: Public[Day | None] = None


class OfficialEnd(Payload):
    """The term of an official ends: with ``last_day``, a day in office still, or at once where none is given."""

    agency: Public[Account | None] = None
    official: Public[Handle]
    last_day: Public[Day | None] = None


class OfficialRequest(Payload):
    """Which officials has an agency? An agency asks for itself, or as the table of authority lets it for others."""

    agency: Public[Account | None] = None
    after: Public[Identifier | None] = None
    limit: Public[Annotated[Count, Field(gt=0, le=500)]] = 100


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
    """The last day in office, by the clock of the agency's region."""
    status: Public[str | None] = None
    """``ended`` where a term was ended at once, in the middle of a day that its dates would still allow."""


class AgencyChange(Published):
    """What was before, and why it changed; nothing where an agency was registered."""

    status_before: Public[str | None] = None
    reason: Public[str | None] = None


class OfficialChange(Published):
    """What the last day was before a term was ended; nothing where an official was registered."""

    valid_until_before: Public[Day | None] = None


class AgencyEvent(Published):
    agency: Public[AgencyState]
    change: Public[AgencyChange] = AgencyChange()


class OfficialEvent(Published):
    official: Public[OfficialState]
    change: Public[OfficialChange] = OfficialChange()
