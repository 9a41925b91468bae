"""The front door of notify: who is told, by which message, and what became of it."""

from __future__ import annotations

from services.notify.handlers import review, review_needs, routes
from services.notify.sending import Sender
from services.notify.settings import NotifySettings
from services.notify.spool import LocalProvider
from services.notify.store import COLLECTIONS
from shared.kernel.routes import Worker, stepping
from shared.kernel.service import Service
from shared.kernel.settings import Settings


def build(settings: Settings) -> Service:
    """notify as a service. Raises pydantic's ``ValidationError`` when its own settings are not there."""
    own = settings if isinstance(settings, NotifySettings) else NotifySettings()
    return Service(
        "notify",
        settings,
        routes=routes,
        collections=COLLECTIONS,
        queues=("intake", "events", "contacts"),
        workers=(
            Worker("review", stepping(review_needs, review)),
            Worker("sending", Sender(LocalProvider(own.spool_file)).step),
        ),
    )
