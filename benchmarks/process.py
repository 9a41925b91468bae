"""A contestant as a process: started, looked at from outside, and stopped as an operator would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

PROJECT = Path(__file__).parents[1]
_TICKS = os.sysconf("SC_CLK_TCK")


class Child:
    """`python -m module`, with its output in a log. Leaving the block ends it for certain."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._arguments, self._environment, self.log = arguments, environment, log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self._arguments],
                cwd=PROJECT,
                env={**os.environ, **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the benchmark, which then stops its children itself
            )
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("not started")
        return self._process.pid

    def check(self) -> None:
        """Raise with the end of its log if it has ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError(f"{self._arguments[0]} has ended:\n{self.log.read_text()[-3000:]}")

    def stop(self, seconds: float = 30) -> None:
        """SIGTERM, and SIGKILL for what does not listen, helpers included."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        for pid in self._family():
            os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def cpu_seconds(self) -> float:
        """Processor time used so far by the process and its living helpers."""
        return sum(cpu_seconds(pid) for pid in self._family())

    def peak_mebibytes(self) -> float:
        """The most memory that it, and each of its helpers, has ever held resident."""
        return sum(peak_mebibytes(pid) for pid in self._family())

    def _family(self) -> list[int]:
        """All living processes of the session that was made for it."""
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _session(pid) == self.pid]


def cpu_seconds(pid: int) -> float:
    """User and system time of one process; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def peak_mebibytes(pid: int) -> float:
    """The kernel's own record of a process's largest resident set (VmHWM)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _session(pid: int) -> int:
    """The session of a living process; a zombie has none that matters."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in "ZX" else int(fields[3])
