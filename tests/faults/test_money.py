"""The last rupiah, asked for by many at once while processes die: a short run of what ``make soak-money`` does."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from deploy.local.world import World
from tests.faults.money import Run, give

pytestmark = [pytest.mark.servers, pytest.mark.timeout(420)]


async def test_four_processes_never_give_more_than_there_is(world: World, tmp_path: Path) -> None:
    """Issue 6, Show 2: killed at random, every message twice and in any order; a failure names the seed."""
    run = Run(secrets.randbelow(10**6), payments=40, kills=4, cancelled=39, say=print)
    await give(run, world, tmp_path)
    assert run.wrong == [], f"seed {run.seed}"
    assert run.counted >= run.kills
    assert run.refused
    assert run.looks > 5
