"""Killed once at every named point of a message's life, two replicas of each service: the books balance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from deploy.local.servers import Servers
from shared.kernel.failpoints import Point
from tests.faults.books import Books, balance
from tests.faults.control import POINTS
from tests.faults.crew import Crew
from tests.faults.load import Load
from tests.faults.run import crew_of, quiet, told

pytestmark = [pytest.mark.servers, pytest.mark.timeout(1200)]

TOUR: tuple[tuple[str, Point, int], ...] = (
    ("registry", "gathered", 2),
    ("registry", "before_commit", 3),
    ("registry", "committed", 1),
    ("registry", "acknowledged", 2),
    ("registry", "sweeping", 1),
    ("registry", "published", 2),
    ("registry", "deleted", 1),
    ("aid", "before_commit", 2),
    ("aid", "published", 1),
    ("notify", "committed", 1),
    ("notify", "before_commit", 3),
)
"""Service, point, and at the how many-th time. Who is to die in a sweep dies before a publish first; ``between_steps``
comes with the programme that makes the steps."""
KNOWN = 260
"""More businesses than an assessment takes in one step."""
AT_A_TIME = 15


@dataclass
class Tour:
    """A crew that is led from point to point while an agency goes on telling."""

    crew: Crew
    businesses: int = 0

    async def story(self, load: Load) -> None:
        await load.open_programme("Pelatihan", announce="on_eligible")
        await load.tell(KNOWN)
        for service, point, hits in TOUR:
            await self._die(load, service, point, hits)
        dying = asyncio.create_task(self.crew.kill_at("aid", "between_steps"))
        await load.open_programme("Pameran")
        await dying
        self.businesses = load.businesses

    async def _die(self, load: Load, service: str, point: Point, hits: int) -> None:
        """More is told until somebody has died."""
        mid_sweep = point == "sweeping"
        death = self.crew.kill_mid_sweep(service) if mid_sweep else self.crew.kill_at(service, point, hits)
        dying = asyncio.create_task(death)
        while not dying.done():
            await load.tell(AT_A_TIME)
        await dying

    async def again(self, load: Load) -> None:
        """The same messages, for the quiet run."""
        await load.open_programme("Pelatihan", announce="on_eligible")
        await load.tell(self.businesses)
        await load.open_programme("Pameran")


@pytest.fixture(scope="module")
async def runs(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Crew, Books, Books]]:
    """The broken run and the quiet one."""
    broken_world, quiet_world = servers.world("failpoints"), servers.world("quiet")
    async with crew_of(broken_world, tmp_path_factory.mktemp("broken")) as crew:
        tour = Tour(crew)
        broken = await told(crew, 1, tour.story)
    undisturbed = await quiet(quiet_world, tmp_path_factory.mktemp("quiet"), tour.again)
    yield crew, broken, undisturbed
    broken_world.remove()
    quiet_world.remove()


async def test_somebody_has_died_at_every_point(runs: tuple[Crew, Books, Books]) -> None:
    """A point that nobody came to proves nothing."""
    crew, _, _ = runs
    assert {*crew.died_at} == {*POINTS}


async def test_the_books_balance(runs: tuple[Crew, Books, Books]) -> None:
    """Nothing lost, nothing twice, nothing personal where it must not be, and the state of a quiet run."""
    _, broken, undisturbed = runs
    assert balance(broken, undisturbed) == []
    assert balance(undisturbed) == []
