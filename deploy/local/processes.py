"""Processes that outlive the command that started them, and are found again and stopped for certain.

Every process gets a mark in its environment, `<root>#<name>`, which its children inherit. Who is ours is then read
from `/proc`, not guessed from a number in a file: a pid used again after a power cut is nobody's, and a helper process
whose parent was killed is still found. The pid files in `<root>/run` are for people and for a quick first look.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

MARK = "BINAAN_STACK_PROCESS"
LOG_LIMIT_BYTES = 5 * 1024 * 1024
POLL_SECONDS = 0.05
EXEC_SECONDS = 0.25
KERNEL_THREAD = 0x00200000  # PF_KTHREAD of the kernel's sched.h


class LocalError(Exception):
    """Something on this machine keeps the servers from running; the text says what, and shows the log's end."""


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Ask again and again until the condition holds (True) or the time is over (False)."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def tail(path: Path, lines: int = 15, width: int = 300) -> str:
    """The last lines of a log, each cut to a width a person can read."""
    if not path.exists():
        return "(no log)"
    text = path.read_bytes()[-64 * 1024 :].decode(errors="replace")
    return "\n".join("    " + line[:width] for line in text.splitlines()[-lines:]) or "(empty log)"


def roots_in_use() -> set[Path]:
    """The roots of all marked processes of this machine that we may look at."""
    found = set()
    for entry in os.listdir("/proc"):
        mark = _environment(entry).get(MARK, "") if entry.isdigit() else ""
        if mark:
            found.add(Path(mark.rpartition("#")[0]))
    return found


class Processes:
    """The processes of one root directory, by name."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._children: list[subprocess.Popen[bytes]] = []

    def log(self, name: str) -> Path:
        return self._root / "log" / f"{name}.log"

    def start(self, name: str, argv: Sequence[str], env: Mapping[str, str]) -> None:
        """Start a process in its own session, its output in the log. `argv` must end up in exec, not in a fork."""
        log = self.log(name)
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
            log.replace(log.with_suffix(".log.1"))
        with log.open("ab") as output:
            child = subprocess.Popen(
                argv,
                cwd=self._root,
                env={**env, MARK: self._mark(name)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._children.append(child)
        self._write_pid(name, child.pid)

    def pid(self, name: str) -> int | None:
        """The main process of that name, or None when it does not run."""
        try:
            written = int(self._pid_file(name).read_text())
        except (OSError, ValueError):
            written = 0
        if written and self._is_ours(written, name):
            return written
        leaders = [pid for pid in self.pids(name) if _session(pid) == pid]
        if not leaders:
            return None
        self._write_pid(name, leaders[0])
        return leaders[0]

    def pids(self, name: str | None = None) -> list[int]:
        """All living processes with that name's mark, helpers included; without a name, all of this root."""
        everyone = (int(entry) for entry in os.listdir("/proc") if entry.isdigit())
        return [pid for pid in everyone if self._is_ours(pid, name)]

    def stop(self, *names: str, seconds: float = 20.0) -> None:
        """Ask the main processes to end, wait for all, then kill what is left. Nothing of these names runs then."""
        for name in names:
            main = self.pid(name)
            for pid in [main] if main else self.pids(name):
                self._signal(pid, name, signal.SIGTERM)
        wait_until(lambda: not any(map(self._alive, names)), seconds)
        self.kill(*names)

    def kill(self, *names: str) -> None:
        """SIGKILL to everything of these names."""
        for name in names:
            if not wait_until(partial(self._killed, name), 10.0):
                raise LocalError(f"{name} does not die (pids {self.pids(name)})")
            self._pid_file(name).unlink(missing_ok=True)

    def environment(self, name: str) -> dict[str, str]:
        """The environment a running process was started with; empty when it does not run."""
        pid = self.pid(name)
        return _environment(pid) if pid else {}

    def _killed(self, name: str) -> bool:
        for pid in self._alive(name):
            self._signal(pid, name, signal.SIGKILL)
        return not self._alive(name)

    def _alive(self, name: str) -> list[int]:
        for child in self._children:
            child.poll()  # our own dead children would otherwise stay as zombies
        return self.pids(name)

    def _mark(self, name: str) -> str:
        return f"{self._root}#{name}"

    def _is_ours(self, pid: int, name: str | None) -> bool:
        """Whether a living process carries the mark. A zombie has no environment any more and counts as gone."""
        mark = _environment(pid).get(MARK, "")
        return mark == self._mark(name) if name else mark.startswith(f"{self._root}#")

    def _signal(self, pid: int, name: str, signum: signal.Signals) -> None:
        """Signal through a pidfd, so that the process checked is the process hit."""
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            if self._is_ours(pid, name):
                signal.pidfd_send_signal(descriptor, signum)
        except ProcessLookupError:
            return
        finally:
            os.close(descriptor)

    def _pid_file(self, name: str) -> Path:
        return self._root / "run" / f"{name}.pid"

    def _write_pid(self, name: str, pid: int) -> None:
        self._pid_file(name).parent.mkdir(parents=True, exist_ok=True)
        self._pid_file(name).write_text(f"{pid}\n")


def _environment(pid: int | str) -> dict[str, str]:
    """What a process was started with; empty for one that is gone, that is a zombie, or that is not ours to see.

    In the instant of an exec a living process has no environment yet: it is asked again, or it would count as gone.
    """
    deadline = time.monotonic() + EXEC_SECONDS
    try:
        while not (content := Path(f"/proc/{pid}/environ").read_bytes()) and _lives(pid):
            if time.monotonic() > deadline:
                break  # it was started without any environment
            time.sleep(0.001)
    except OSError:
        return {}
    return dict(entry.split("=", 1) for entry in content.decode(errors="replace").split("\0") if "=" in entry)


def _lives(pid: int | str) -> bool:
    """Whether that is neither a zombie nor a thread of the kernel's own."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    state, flags = fields[0], int(fields[6])
    return state not in "ZX" and not flags & KERNEL_THREAD


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0
