"""That something is gone is said once, and everybody who waits goes on when it is back."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from shared.kernel import dependency
from shared.kernel.dependency import Dependency
from tests.support import until


class Server:
    """Something that answers, or does not."""

    def __init__(self) -> None:
        self.up, self.asked = True, 0

    async def probe(self) -> None:
        self.asked += 1
        if not self.up:
            raise ConnectionError("mongodb://binaan:secret@10.0.0.1")


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def one(server: Server, monkeypatch: pytest.MonkeyPatch) -> Dependency:
    monkeypatch.setattr(dependency, "_PROBE_SECONDS", 0.01)
    return Dependency("mongodb", server.probe)


async def test_a_loss_is_said_once_and_the_return_once(server: Server, one: Dependency) -> None:
    """Ten noticing it a hundred times is one line in the log, without the address that the error names."""
    server.up = False
    with capture_logs() as said:
        for _ in range(100):
            assert not await one.check()
            one.lost(ConnectionError("secret"))
        assert one.gone_for > 0
        server.up = True
        assert await one.check()
        assert await one.check()
    assert [line["log_level"] for line in said] == ["warning", "info"]
    assert "secret" not in str(said)
    assert one.gone_for == 0


async def test_all_who_wait_go_on_when_it_is_back_and_ask_one_at_a_time(server: Server, one: Dependency) -> None:
    """A server that comes back must not be met by a crowd of probes."""
    server.up = False
    one.lost(ConnectionError())
    waiting = [asyncio.create_task(one.back()) for _ in range(50)]
    await until(lambda: server.asked >= 3)
    assert not any(task.done() for task in waiting)
    server.up, server.asked = True, 0
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting)
    assert server.asked == 1


async def test_nobody_waits_for_what_is_there(server: Server, one: Dependency) -> None:
    """``back`` asks nothing; ``back_after_check`` asks once, as a service does that has just been started."""
    await one.back()
    assert server.asked == 0
    await one.back_after_check()
    assert server.asked == 1


async def test_a_probe_that_never_answers_is_a_loss(one: Dependency, monkeypatch: pytest.MonkeyPatch) -> None:
    """A paused server accepts connections and says nothing."""

    async def hang() -> None:
        await asyncio.Event().wait()

    hanging = Dependency("mongodb", hang)
    monkeypatch.setattr(asyncio, "timeout", lambda _: _TIMEOUT(0.01))
    assert not await hanging.check()
    assert hanging.gone_for > 0


_TIMEOUT = asyncio.timeout
