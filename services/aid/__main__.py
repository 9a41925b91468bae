"""Run aid: ``python -m services.aid``."""

from __future__ import annotations

from services.aid.app import build
from shared.kernel.service import main

main(build)
