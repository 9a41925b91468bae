"""Run aid: ``python -m services.aid``."""

from __future__ import annotations

from shared.kernel.service import main

from services.aid.app import build

main(build)
