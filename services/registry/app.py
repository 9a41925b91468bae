"""registry's front door: who exists, and in what state."""

from __future__ import annotations

from services.registry.handlers import routes, workers
from services.registry.store import COLLECTIONS
from shared.kernel.service import Service
from shared.kernel.settings import Settings


def build(settings: Settings) -> Service:
    return Service("registry", settings, routes=routes, collections=COLLECTIONS, workers=workers)
