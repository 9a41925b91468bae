"""The front door of aid: who may receive what, from which money, and never twice."""

from __future__ import annotations

from services.aid.handlers import routes, workers
from services.aid.store import COLLECTIONS
from shared.kernel.service import Service
from shared.kernel.settings import Settings


def build(settings: Settings) -> Service:
    return Service(
        "aid", settings, routes=routes, collections=COLLECTIONS, workers=workers, queues=("intake", "events")
    )
