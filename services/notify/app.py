"""The front door of notify: who is told, by which message, and what became of it."""

from __future__ import annotations

import json

import structlog
from pydantic import ValidationError

from services.notify import webhooks
from services.notify.handlers import remind, remind_needs, review, review_needs, routes
from services.notify.policy import policy_on
from services.notify.retention import EVERY_SECONDS, Retention
from services.notify.sending import Sender
from services.notify.settings import NotifySettings, Providers, TwilioEntry, WhatsAppEntry, switchboard
from services.notify.spool import Spool
from services.notify.store import COLLECTIONS
from shared.kernel.doors import Door
from shared.kernel.keys import KeyFileError
from shared.kernel.routes import Worker, stepping
from shared.kernel.service import Service, utc_now
from shared.kernel.settings import Settings

log = structlog.get_logger()


def build(settings: Settings) -> Service:
    """notify as a service. Raises pydantic's ``ValidationError`` when its own settings are not there."""
    own = settings if isinstance(settings, NotifySettings) else NotifySettings()
    providers = _providers(own)
    sender = Sender(
        switchboard(providers, own.spool_file, policy_on(utc_now().date())), providers.only_to, alarm=_alarm
    )
    return Service(
        "notify",
        settings,
        routes=routes,
        collections=COLLECTIONS,
        queues=("intake", "events", "contacts"),
        workers=(
            Worker("review", stepping(review_needs, review)),
            Worker("reminders", stepping(remind_needs, remind)),
            Worker("sending", sender.step, finish=sender.finish),
            Worker("retention", Retention(Spool(own.spool_file)).step, every=EVERY_SECONDS, nudged=False),
        ),
        doors=_doors(providers, sender),
    )


def _providers(own: NotifySettings) -> Providers:
    try:
        return own.providers()
    except (OSError, ValueError) as error:
        if isinstance(error, ValidationError):
            raise
        reason = "is not JSON" if isinstance(error, json.JSONDecodeError) else "cannot be read"
        raise KeyFileError(f"the file of providers {reason}") from None


def _doors(providers: Providers, sender: Sender) -> dict[str, Door]:
    gathering, doors = webhooks.Gathering(sender.heed, _strays), dict[str, Door]()
    meta = [one for one in providers.providers if isinstance(one, WhatsAppEntry)]
    if meta:
        secrets = [(one.app_secret.get_secret_value(), one.verify_token.get_secret_value()) for one in meta]
        doors[webhooks.WHATSAPP] = webhooks.whatsapp(secrets, gathering, _counted)
    accounts = [
        (one.auth_token.get_secret_value(), one.receipts_url)
        for one in providers.providers
        if isinstance(one, TwilioEntry) and one.receipts_url is not None
    ]
    if accounts:
        doors[webhooks.TWILIO] = webhooks.twilio(accounts, gathering, _counted)
    return doors


def _counted(what: str) -> None:
    if what == "forged":
        log.warning("a webhook without a good signature was refused")


def _strays(number: int) -> None:
    """What they say is kept in ``strays``: another system that uses the same account, or messages that are lost."""
    log.warning("receipts name no message of ours and are kept", number=number)


def _alarm(provider: str, code: str) -> None:
    """Somebody must mend it: the code says what (``refusals.csv``)."""
    log.error("a provider refuses what only an operator can mend", provider=provider, code=code)
