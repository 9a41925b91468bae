"""What notify is told by its environment besides what every service is told."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, field_validator

from services.notify.policy import Policy
from services.notify.provider import Provider
from services.notify.spool import LocalProvider
from services.notify.switchboard import Bucket, Line, Switchboard
from services.notify.vendors import HttpProvider, Twilio, Vendor, WhatsAppCloud, Zenziva
from shared.kernel.settings import Settings

_AHEAD_SECONDS = 0.2
"""How long a message may have been claimed before its provider's limit lets it go: longer than a claim and a record
take. What dies meanwhile with the process was not sent, and nobody knows."""

Secret = Annotated[SecretStr, Field(min_length=8)]
"""What signs or lets in; an empty one would let in everybody."""


class _Entry(BaseModel):
    """What every provider in the file may say. ``per_second`` is its limit, ``seconds`` how long an answer may take,
    ``slow_seconds`` from when on it counts as not well."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
    base_url: str
    weight: Annotated[int, Field(ge=1, le=1000)] = 1
    per_second: Annotated[float, Field(gt=0, le=10_000)] = 10.0
    most_at_once: Annotated[int, Field(ge=1, le=500)] = 50
    seconds: Annotated[float, Field(gt=0, le=120)] = 10.0
    slow_seconds: Annotated[float, Field(gt=0, le=120)] = 5.0


class WhatsAppEntry(_Entry):
    """``app_secret`` signs the webhooks, ``verify_token`` is what was entered when they were subscribed to."""

    kind: Literal["whatsapp"]
    base_url: str = "https://graph.facebook.com"
    version: str = "v23.0"
    phone_number_id: str
    access_token: Secret
    app_secret: Secret
    verify_token: Secret


class TwilioEntry(_Entry):
    """``sender`` is a number or a messaging service (``MG…``); ``receipts_url`` is how Twilio reaches
    ``/webhooks/twilio`` from outside, exactly as it will sign it."""

    kind: Literal["twilio"]
    base_url: str = "https://api.twilio.com"
    account_sid: str
    auth_token: Secret
    sender: str
    receipts_url: str | None = None


class ZenzivaEntry(_Entry):
    kind: Literal["zenziva"]
    base_url: str = "https://console.zenziva.net"
    userkey: Secret
    passkey: Secret


Entry = Annotated[WhatsAppEntry | TwilioEntry | ZenzivaEntry, Field(discriminator="kind")]


class Providers(BaseModel):
    """The file of providers. With ``only_to`` (numbers in E.164) messages to anybody else are withdrawn: a test.
    ``digest_minutes`` is for a trial that shall not wait so long as the policy says; 0 sends every message by itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    providers: tuple[Entry, ...]
    only_to: tuple[str, ...] | None = None
    digest_minutes: Annotated[float, Field(ge=0, le=1440)] | None = None

    @field_validator("providers")
    @classmethod
    def _names_differ(cls, providers: tuple[Entry, ...]) -> tuple[Entry, ...]:
        """By its name a provider is asked for what a crash has left, and paused when it refuses."""
        names = [one.name for one in providers]
        if len(names) != len(set(names)):
            raise ValueError("two providers have one name")
        return providers


class NotifySettings(Settings):
    """``BINAAN_SPOOL_FILE`` is where the provider ``local`` writes messages; it holds names and numbers.

    ``BINAAN_PROVIDERS_FILE``, JSON and as secret as a key file, names the providers that really send; without it there
    is only ``local``, and nothing leaves.
    """

    spool_file: Path
    providers_file: Path | None = None

    def providers(self) -> Providers:
        """What the file says. Raises ``OSError`` or pydantic's ``ValidationError``, which shows no value."""
        if self.providers_file is None:
            return Providers(providers=())
        return TypeAdapter(Providers).validate_python(json.loads(self.providers_file.read_text(encoding="utf-8")))


def switchboard(providers: Providers, spool_file: Path, policy: Policy) -> Switchboard:
    """All lines, as the file says; ``local`` for both channels where it names none."""
    lines = [_line(one) for one in providers.providers]
    if not lines:
        both = frozenset({"whatsapp", "sms"})
        lines = [Line(LocalProvider(spool_file), both, most_at_once=200, wakes=False, serial=True)]
    if not providers.providers:
        return Switchboard(lines, time.monotonic)
    digest = policy.digest if providers.digest_minutes is None else timedelta(minutes=providers.digest_minutes)
    return Switchboard(lines, time.monotonic, policy.recipient_seconds, digest.total_seconds())


def _line(entry: WhatsAppEntry | TwilioEntry | ZenzivaEntry) -> Line:
    provider: Provider = HttpProvider(entry.name, _vendor(entry), entry.base_url, entry.seconds, entry.most_at_once)
    return Line(
        provider,
        frozenset({"whatsapp" if entry.kind == "whatsapp" else "sms"}),
        weight=entry.weight,
        most_at_once=entry.most_at_once,
        slow_seconds=entry.slow_seconds,
        bucket=Bucket(entry.per_second, max(1.0, entry.per_second * _AHEAD_SECONDS)),
    )


def _vendor(entry: WhatsAppEntry | TwilioEntry | ZenzivaEntry) -> Vendor:
    match entry:
        case WhatsAppEntry():
            return WhatsAppCloud(entry.phone_number_id, entry.access_token.get_secret_value(), entry.version)
        case TwilioEntry():
            token = entry.auth_token.get_secret_value()
            return Twilio(entry.account_sid, token, entry.sender, entry.receipts_url)
        case ZenzivaEntry():
            return Zenziva(entry.userkey.get_secret_value(), entry.passkey.get_secret_value())
