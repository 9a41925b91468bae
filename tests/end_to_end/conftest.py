"""One Binaan for each module of end-to-end tests, with two agencies registered, and the parties who speak to it."""

import shutil
import subprocess
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest

from deploy.local.world import World
from tests.end_to_end.stage import Person, Stage, Witness
from tests.samples import MEDAN, SIANTAR
from tests.support import History, Party, known_to, register

NODE = Path(__file__).parent / "node"
_SEEDS = count(1)
_UNREACHABLE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ECONNRESET", "E401")


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


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which other people's npm packages are installed, in the versions of the lock."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("node")
    shutil.copytree(NODE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("the npm registry did not answer")
    if done.returncode and any(code in done.stderr for code in _UNREACHABLE):
        pytest.skip("the npm registry cannot be reached")
    assert done.returncode == 0, done.stderr
    return folder
