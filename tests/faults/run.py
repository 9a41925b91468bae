"""One run: a crew, an agency that reports and decides, and the books at the end; broken, or quiet to compare with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.local.world import World
from tests.faults.books import Books, opened, rest
from tests.faults.crew import Crew
from tests.faults.load import Agency, Load
from tests.samples import MEDAN
from tests.support import Party, known_to, register

Story = Callable[[Load], Awaitable[None]]


@asynccontextmanager
async def crew_of(world: World, root: Path, replicas: int = 2, without: str = "") -> AsyncIterator[Crew]:
    """Both replicas of all services, with an agency registered; none of them is left running. ``without``: a mutant."""
    crew = Crew(world, root, replicas, without)
    try:
        await crew.start()
        await register(world)
        async with Party(world, "binaan") as administrator:
            await known_to(administrator, "aid", (MEDAN,))
        yield crew
    finally:
        crew.slay()


async def told(crew: Crew, seed: int, story: Story, *, copies: int = 2, patience: float = 180) -> Books:
    """Tell a story to a crew, wait until all is quiet, stop everybody as an operator would; the books."""
    async with Agency(crew.world) as agency:
        load = Load(agency, seed, copies=copies, patience=patience)
        await story(load)
        crew.set_clocks_right()
        await rest(crew, patience)
        books = await opened(crew, agency, load)
    crew.bury()
    codes = await crew.stop()
    assert not any(codes.values()), f"a service must end by itself when told to: {codes}"
    return books


async def quiet(world: World, root: Path, story: Story) -> Books:
    """The same story, told once, to one replica of each, and nothing breaks."""
    async with crew_of(world, root, replicas=1) as crew:
        return await told(crew, 0, story, copies=1)
