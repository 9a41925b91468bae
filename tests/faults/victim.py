"""``python -m tests.faults.victim SERVICE CONTROL_FILE``: a service that says what it holds, and dies where it is told.

It is the service itself, started as always; only the failpoints are armed, and its clock can be set wrong. With
``BINAAN_TEST_WITHOUT`` it runs without one of its guarantees (``mutants``), to see whether anybody notices.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import random
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import uuid_utils

from shared.kernel import failpoints, service
from shared.kernel.failpoints import Point
from tests.faults.control import Control
from tests.faults.mutants import MUTANTS

DAWDLES, LONGEST_DAWDLE_SECONDS = 0.1, 0.3
"""How often a transaction is held open before its commit, and for how long: so decisions meet that seldom do."""


class Watch:
    """Keeps the books of one process in its control file."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._rng = random.Random()
        self._acknowledged = asyncio.Event()

    async def __call__(self, point: Point, messages: int) -> None:
        self._count(point, messages)
        if point == "before_commit" and self._rng.random() < DAWDLES:
            await asyncio.sleep(self._rng.uniform(0, LONGEST_DAWDLE_SECONDS))  # the fault: others overtake it here
        if self._control.dies(point):
            if point == "before_publish":
                # The acknowledgement of these very messages is still to come: die between the two.
                self._acknowledged.clear()
                while not self._acknowledged.is_set() and self._control.is_armed_at(point):
                    await asyncio.sleep(0.005)
                if not self._control.is_armed_at(point):
                    return  # another one has died there; nobody may hang here, nor die later
            self._control.dying(point)
            os.kill(os.getpid(), signal.SIGKILL)

    def _count(self, point: Point, messages: int) -> None:
        match point:
            case "gathered":
                self._control.add("inflight", messages)
            case "committed":
                self._control.add("commits", 1)
            case "acknowledged":
                self._control.add("inflight", -messages)
                self._acknowledged.set()


def set_clock(control: Control) -> None:
    """The process's clock and its ids, which are made of the time, go by what the control file says."""

    def now() -> float:
        return time.time() + control["clock_offset"]

    right = uuid_utils.uuid7
    service.utc_now = lambda: datetime.fromtimestamp(now(), UTC)
    uuid_utils.uuid7 = lambda *, nanoseconds=None: right(nanoseconds=nanoseconds or int(now() * 1e9))


def main(name: str, control_file: str) -> None:
    control = Control(Path(control_file))
    failpoints.arm(Watch(control))
    set_clock(control)
    if mutant := os.environ.get("BINAAN_TEST_WITHOUT"):
        MUTANTS[mutant]()
    service.main(importlib.import_module(f"services.{name}.app").build)


if __name__ == "__main__":
    main(*sys.argv[1:])
