"""Consent to messages by WhatsApp and SMS: who agreed when, on what proof, and which of several words counts.

Each channel is agreed to and withdrawn by itself (UU PDP 27/2022 art. 22–24, 40). Of two words the newest stands, and
a withdrawal where both are of one instant. A consent is of the day it was given and not of the day it is told: an
office's list that is sent again every month must not bring back what its owner has withdrawn since.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.registry.observation import Seen
from shared.contracts.registry.owners import Consent, ContactConsent, Proof
from shared.reference import region as regions

CHANNELS = ("whatsapp", "sms")


class KeptProof(BaseModel):
    """What kind of proof there is, and the office's own reference to where it lies (UU PDP art. 24)."""

    model_config = ConfigDict(frozen=True)

    kind: str
    reference: str


class Agreement(BaseModel):
    """The owner's last word on one channel; without one there is no consent."""

    model_config = ConfigDict(frozen=True)

    given: bool = False
    given_on: date | None = None
    proof: KeptProof | None = None


WITHDRAWN = Agreement()


def told_fields(told: Consent) -> dict[str, Agreement]:
    """What a report says of each channel: of a channel that it does not name, that there is no consent."""
    agreed = agreement(told.given_on, told.proof)
    return {channel: agreed if getattr(told, channel) else WITHDRAWN for channel in CHANNELS}


def agreement(given_on: date | None, proof: Proof | None) -> Agreement:
    kept = KeptProof(kind=proof.kind, reference=proof.reference) if proof is not None else None
    return Agreement(given=True, given_on=given_on, proof=kept)


def since(field: str, value: Any, by: Seen) -> Seen:
    """The observation that a told field counts as: that of its message, but for a consent no later than the end of the
    day it was given (by the clock of western Indonesia, as the register knows no place of the person's own)."""
    if field not in CHANNELS or value.given_on is None:
        return by
    end = datetime.combine(value.given_on + timedelta(days=1), time(), regions.timezone(regions.NATION))
    return by.model_copy(update={"at": min(by.at, end)})


def published(by_channel: Iterable[tuple[str, Agreement]]) -> ContactConsent:
    """As notify is told. Its one date is that of the latest consent that stands."""
    given = {channel: one.given_on for channel, one in by_channel if one.given}
    dates = [day for day in given.values() if day is not None]
    return ContactConsent(**dict.fromkeys(given, True), given_on=max(dates, default=None))
