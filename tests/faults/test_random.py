"""Killed at random, cut off, paused and set wrong: a short run of what ``make soak`` does at length."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from tests.faults.soak import Soak, run

pytestmark = [pytest.mark.servers, pytest.mark.timeout(1200)]


async def test_the_books_balance_after_random_kills_and_faults(tmp_path: Path) -> None:
    """Whatever order the seed makes of it; a failure names the seed."""
    seed = secrets.randbelow(10**6)
    faults = ["connections cut", "database paused", "clock jumps", "replica paused"]
    soak = Soak(seed, kills=5, deliveries=1000, faults=faults, say=print)
    crew, _, wrong = await run(soak, tmp_path)
    assert wrong == [], f"seed {seed}"
    assert sum(crew.kills.values()) >= soak.kills
