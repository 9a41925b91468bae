"""Real servers for tests: given by the environment, or containers, or private processes on this machine.

`servers` are shared by one pytest run; a test that changes something takes a `world` (one for its module) or makes
its own with `servers.world(...)`. Two runs side by side never meet, also on the same servers.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.servers import LocalServers, Servers
from deploy.local.world import World
from tests.containers import containers

GIVEN = ("BINAAN_AMQP_URL", "BINAAN_MONGO_URL", "BINAAN_MANAGEMENT_URL")


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """A running RabbitMQ and MongoDB, with the administrator's URLs."""
    given = [os.environ.get(name) for name in GIVEN]
    if any(given):
        yield Servers(*_all_given(given))
        return
    with containers() as started:
        if started:
            yield started
            return
    yield from _local(tmp_path_factory.mktemp("servers"))


@pytest.fixture(scope="module")
def world(servers: Servers, request: pytest.FixtureRequest) -> Iterator[World]:
    """A virtual host and databases for one test module."""
    made = servers.world(request.module.__name__.rpartition(".")[2])
    yield made
    made.remove()


def _all_given(given: list[str | None]) -> list[str]:
    if not all(given):
        pytest.exit(f"set all of {', '.join(GIVEN)} or none", returncode=3)
    return [url for url in given if url]


def _local(root: Path) -> Iterator[Servers]:
    local = LocalServers(root)
    try:
        yield local.start()
    finally:
        local.kill()
