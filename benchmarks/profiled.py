"""registry as it always runs, with a sampler in it: `profiling` starts it and reads what it has written.

The kernel's timer of processor time interrupts it; what is on the stack then has used that time. Unlike a tracing
profiler this makes nothing dearer, and a machine that others use as well changes nothing but the number of samples.
Time in a compiled function counts for the Python function that called it.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from pathlib import Path
from types import FrameType

from services.registry.app import build
from shared.kernel.service import main

FILE = "BENCHMARK_PROFILE_FILE"
EVERY_SECONDS = 0.001
"""Asked for; the kernel's clock may tick less often."""


class Sampler:
    """Counts functions: ``own`` at the top of the stack, ``total`` anywhere on it."""

    def __init__(self) -> None:
        self.own: Counter[str] = Counter()
        self.total: Counter[str] = Counter()

    def start(self) -> None:
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, EVERY_SECONDS, EVERY_SECONDS)

    def _sample(self, _: int, frame: FrameType | None) -> None:
        names = []
        while frame is not None:
            code = frame.f_code
            names.append(f"{code.co_filename}:{code.co_qualname}")
            frame = frame.f_back
        self.own[names[0]] += 1
        self.total.update(set(names))

    def write(self, file: Path) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        used = time.process_time()
        file.write_text(json.dumps({"cpu_seconds": used, "own": self.own, "total": self.total}))


def profile() -> None:
    """Begins when everything is imported; ends with the service."""
    sampler = Sampler()
    sampler.start()
    try:
        main(build)
    finally:
        sampler.write(Path(os.environ[FILE]))


if __name__ == "__main__":
    profile()
