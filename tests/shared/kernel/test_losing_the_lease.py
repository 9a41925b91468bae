"""What was under way when the lease was lost is ended and written down: to say what became of it takes no lease."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from shared.decision import Decision
from shared.kernel import workers as work
from shared.kernel.dependency import Dependency
from shared.kernel.lease import Lease
from shared.kernel.routes import Decide, Needs, Run, Worker
from shared.kernel.workers import Workers
from tests.support import until


class Turns:
    """A lease that is there or with somebody else, as the test says."""

    def __init__(self) -> None:
        self.mine = True

    async def acquire(self) -> bool:
        return self.mine

    async def release(self) -> None:
        self.mine = False


class Caller:
    """A worker that leaves a call under way with every step, and knows its answer when it is told to."""

    def __init__(self) -> None:
        self.begun, self.recorded = 0, 0
        self.fails = 0

    async def step(self, _: Run) -> bool:
        self.begun += 1
        return False

    async def finish(self, _: Run) -> None:
        if self.begun > self.recorded and self.fails:
            self.fails -= 1
            raise ConnectionError
        self.recorded = self.begun


async def _nothing(needs: Needs, decide: Decide) -> Decision:
    return Decision()


async def _there() -> None:
    return None


def standing(lease: Turns, caller: Caller) -> Workers:
    worker = Worker("w", caller.step, every=0.01, finish=caller.finish)
    return Workers(cast(Lease, lease), Dependency("mongodb", _there), _nothing, [worker])


@pytest.mark.parametrize("fails", [0, 2])
async def test_answers_that_are_known_are_written_down_when_the_lease_is_lost(
    monkeypatch: pytest.MonkeyPatch, fails: int
) -> None:
    """Also when the database is gone for a moment, which is often why the lease was lost; and nothing more begins."""
    monkeypatch.setattr(work, "_RENEW_SECONDS", 0.01)
    lease, caller = Turns(), Caller()
    caller.fails = fails
    task = asyncio.create_task(standing(lease, caller).run())
    await until(lambda: caller.begun >= 3)
    assert caller.recorded == 0
    lease.mine = False
    await until(lambda: caller.recorded > 0)
    assert caller.recorded == caller.begun
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_stop_after_the_lease_was_lost_still_ends_what_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may come before the loss has been noticed, or right after it."""
    monkeypatch.setattr(work, "_RENEW_SECONDS", 0.01)
    lease, caller = Turns(), Caller()
    caller.fails = 1
    workers = standing(lease, caller)
    task = asyncio.create_task(workers.run())
    await until(lambda: caller.begun >= 1)
    monkeypatch.setattr(work, "_RENEW_SECONDS", 60)
    lease.mine = False
    await until(lambda: caller.fails == 0)
    await workers.finish()
    assert caller.recorded == caller.begun
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
