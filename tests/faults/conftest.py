"""Servers that one module may stop, pause and start as it likes, and a world on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.servers import LocalServers
from deploy.local.world import World


@pytest.fixture(scope="module")
def own_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def local(own_root: Path) -> Iterator[LocalServers]:
    servers = LocalServers(own_root)
    try:
        servers.start()
        yield servers
    finally:
        servers.kill()


@pytest.fixture(scope="module")
def own_world(local: LocalServers) -> World:
    return local.urls.world("own")
