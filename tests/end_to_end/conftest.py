"""One Binaan for each module of end-to-end tests, with two agencies registered, and the parties who speak to it."""

from collections.abc import AsyncIterator
from itertools import count

import pytest

from deploy.local.world import World
from tests.end_to_end.stage import Person, Stage, Witness
from tests.samples import MEDAN, SIANTAR
from tests.support import History, Party, known_to, register

_SEEDS = count(1)


@pytest.fixture(scope="module")
async def stage(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """registry, aid and notify, running; `dinkop-medan` and `dinkop-siantar` with the officials kabid and kadis."""
    made = Stage(world, tmp_path_factory.mktemp("stage"))
    try:
        await made.start()
        await register(world, (MEDAN, SIANTAR))
        yield made
        assert made.stop() == [0, 0, 0]
    finally:
        made.kill()


@pytest.fixture(scope="module")
async def administrator(stage: Stage) -> AsyncIterator[Party]:
    async with Party(stage.world, "binaan") as party:
        await known_to(party, "aid", (MEDAN, SIANTAR))
        yield party


@pytest.fixture(scope="module")
async def medan(stage: Stage, administrator: Party) -> AsyncIterator[Party]:
    async with Party(stage.world, MEDAN) as party:
        yield party


@pytest.fixture(scope="module")
async def siantar(stage: Stage, administrator: Party) -> AsyncIterator[Party]:
    async with Party(stage.world, SIANTAR) as party:
        yield party


@pytest.fixture(scope="module")
async def history(stage: Stage) -> AsyncIterator[History]:
    async with History(stage.world) as made:
        yield made


@pytest.fixture
def person() -> Person:
    """An owner and a business that no other test has."""
    return Person(next(_SEEDS))


@pytest.fixture(scope="module")
async def witness(medan: Party, history: History) -> Witness:
    """A business of Medan that is known."""
    return await Witness(medan, history, Person(900_001)).made()


@pytest.fixture(scope="module")
async def designated(medan: Party, history: History) -> Witness:
    """A business of Medan that is binaan already."""
    made = await Witness(medan, history, Person(900_002)).made()
    await made.lead_to_binaan()
    return made
