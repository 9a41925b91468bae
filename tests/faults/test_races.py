"""Two offices approve the same for one person in one instant: a short run of what ``make races`` does."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.world import World
from tests.faults.races import Races, run

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]


async def test_one_office_wins_and_both_are_told(world: World, tmp_path: Path) -> None:
    """Issue 6, Show 3: guards, not luck, through two replicas; each office listens to its own region alone."""
    races = Races(20, say=print)
    await run(races, world, tmp_path)
    assert races.wrong == []
    assert races.won.total() == len(races.apart) >= races.count
