"""Real servers for tests: given by the environment, or containers, or private processes on this machine.

`servers` are shared by one pytest run; a test that changes something takes a `world` (one for its module) or makes
its own with `servers.world(...)`. Two runs side by side never meet, also on the same servers.
"""

import fcntl
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import HealthCheck, settings

from deploy.local.processes import roots_in_use
from deploy.local.servers import LocalServers, Servers
from deploy.local.world import World
from tests.containers import containers

GIVEN = ("BINAAN_AMQP_URL", "BINAAN_MONGO_URL", "BINAAN_MANAGEMENT_URL")

# A busy machine is slow, and that is no failure: no generated test is timed.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

SESSION = "session"
"""A file that a run holds locked as long as it lives."""


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
    _kill_abandoned()
    local = LocalServers(root)
    with (root / SESSION).open("w") as session:
        fcntl.flock(session, fcntl.LOCK_EX)
        try:
            yield local.start()
        finally:
            local.kill()


def _kill_abandoned() -> None:
    """End the servers of runs that were killed: the kernel has freed their lock."""
    for root in roots_in_use():
        if not (root / SESSION).exists():
            continue
        with (root / SESSION).open() as session:
            try:
                fcntl.flock(session, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            LocalServers(root).kill()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two for each processor: most of the time a test on servers waits for them."""
    return min(2 * (os.cpu_count() or 1), 8)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules on servers first: what takes long must not be begun when nothing else is left to run beside it."""
    on_servers = {item.path for item in items if "servers" in getattr(item, "fixturenames", ())}
    on_servers |= {item.path for item in items if item.get_closest_marker("servers")}
    items.sort(key=lambda item: item.path not in on_servers)


def pytest_configure(config: pytest.Config) -> None:
    """A run that is asked to end (a closed terminal, a cancelled job) stops its servers as with Ctrl-C."""
    if config.pluginmanager.hasplugin("xdist"):
        from xdist.workermanage import NodeManager

        NodeManager.EXIT_TIMEOUT = 30  # a process of the tests that has servers to stop may need more than 10 s
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # not under nohup, which ignores a closed terminal
            signal.signal(number, _interrupt)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # Started in the background by a script. Whatever is started from here would ignore Ctrl-C too, unlike anywhere.
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
