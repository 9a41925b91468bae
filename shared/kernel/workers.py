"""What a clock starts.

The guarantee of this file: of all replicas one runs the workers, a worker that fails is tried again later and harms no
other, and all of them wait while the database is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import structlog

from shared.kernel import failpoints
from shared.kernel.dependency import Dependency
from shared.kernel.lease import LEASE_SECONDS, Lease
from shared.kernel.log import describe
from shared.kernel.metrics import Metrics
from shared.kernel.mongo import is_gone
from shared.kernel.routes import Run, Worker
from shared.kernel.unit_of_work import GoneError

_RENEW_SECONDS = LEASE_SECONDS / 4
_NUDGE_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 30.0
_FINISH_SECONDS = 15.0

log = structlog.get_logger()


class Workers:
    """Runs the workers of a service for as long as this process holds the lease."""

    def __init__(  # noqa: PLR0917 - its parts, made once
        self,
        lease: Lease,
        database: Dependency,
        run: Run,
        workers: Sequence[Worker],
        metrics: Metrics | None = None,
        pressed: Callable[[], bool] = lambda: False,
    ) -> None:
        """``pressed`` says whether messages wait for this process."""
        self._lease, self._database, self._run, self._workers = lease, database, run, workers
        self._metrics, self._pressed = metrics or Metrics(), pressed
        self._nudges = {worker.name: asyncio.Event() for worker in workers}
        self._repeating: list[asyncio.Task[None]] = []
        self._finished = False
        self._ending = asyncio.Lock()

    def nudge(self) -> None:
        """Something has changed: those who wait for changes look now rather than later."""
        for worker in self._workers:
            if worker.nudged:
                self._nudges[worker.name].set()

    async def run(self) -> None:
        """Hold the lease whenever it is free; work while it is held. Until cancelled."""
        try:
            while True:
                if not self._finished and await self._acquire():
                    await self._hold()
                # Whoever has the lease now knows less of what was under way here than this process does.
                await self._end_what_is_under_way()
                await asyncio.sleep(_RENEW_SECONDS)
        finally:
            await self._give_up()

    async def _acquire(self) -> bool:
        try:
            return await self._lease.acquire()
        except Exception as error:
            if not is_gone(error):
                raise
            self._database.lost(error)
            await self._database.back()
            return False

    async def _hold(self) -> None:
        tasks = [asyncio.create_task(self._repeat(worker), name=worker.name) for worker in self._workers]
        self._repeating = tasks
        try:
            while await self._acquire():  # noqa: ASYNC110 - the lease is the database's; there is no event to wait for
                await asyncio.sleep(_RENEW_SECONDS)
        finally:
            await end(tasks)
            self._repeating = []

    async def finish(self) -> None:
        """Begin nothing more, and let each worker end what it has under way, with the lease or without: to begin
        something takes the lease, to say what became of it does not."""
        self._finished = True
        await end(self._repeating)
        await self._end_what_is_under_way()

    async def _end_what_is_under_way(self) -> None:
        async with self._ending:
            for worker in self._workers:
                if worker.finish is not None:
                    try:
                        async with asyncio.timeout(_FINISH_SECONDS):
                            await worker.finish(self._run)
                    except Exception as error:  # noqa: BLE001 - what is left is found by the next process
                        log.warning("a worker was not finished", worker=worker.name, **describe(error))

    async def _give_up(self) -> None:
        try:
            async with asyncio.timeout(2):
                await self._lease.release()
        except Exception as error:  # noqa: BLE001 - it runs out by itself
            log.info("the lease was not released", error=type(error).__name__)

    async def _repeat(self, worker: Worker) -> None:
        pause = worker.every
        while True:
            if worker.patient and self._pressed():
                await asyncio.sleep(worker.every)
            nudge = self._nudges[worker.name]
            nudge.clear()
            try:
                more = await worker.step(self._run)
                pause = worker.every
            except Exception as error:  # noqa: BLE001 - a bug in one worker must not end the others
                if isinstance(error, GoneError) or is_gone(error):
                    self._database.lost(error.__cause__ or error)
                    await self._database.back()
                    continue
                self._metrics.failed(worker.name)
                log.error("a worker failed and will try again", worker=worker.name, **describe(error))
                more, pause = False, min(_LONGEST_PAUSE_SECONDS, pause * 2)
                await asyncio.sleep(pause)
            if more:
                await failpoints.reached("between_steps")
                continue
            await _wait(nudge, pause)


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel until it is done: on Python 3.11 ``asyncio.wait_for``, which the driver uses, swallows a cancellation
    that comes when its answer is already there, and the task goes on as if nothing had been said."""
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=1)


async def _wait(nudge: asyncio.Event, seconds: float) -> None:
    """Until nudged or over. A little pause after a nudge lets a burst of changes be looked at together."""
    try:
        async with asyncio.timeout(seconds):
            await nudge.wait()
    except TimeoutError:
        return
    await asyncio.sleep(_NUDGE_PAUSE_SECONDS)
