"""``python -m tests.faults.mutate [NAME …]``: takes the kernel's guarantees away one at a time and kills as ever.

A guarantee whose absence the books do not notice is one that the fault tests do not test. Exit code 1 if there is one.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.faults.mutants import MUTANTS
from tests.faults.soak import Soak, run

SEED = 3
FAULTS = ["connections cut", "connections cut", "broker killed"]
PLAN = ["registry:before_publish", "registry:sweeping", "registry:published", "aid:committed", "notify:before_commit"]


BY_TESTS = {
    "no_guards": "tests/shared/kernel/test_conflicts.py",
    "others_overtaken": "tests/shared/kernel/test_relay.py",
    "no_doubt": "tests/shared/kernel/test_relay.py",
    "sent_again": "tests/faults/test_delivery.py",
}
"""Whose absence shows only where two things meet within milliseconds, or at a provider: the tests of that."""


def noticed_by(tests: str, mutant: str) -> str | None:
    """The last line of a test run that fails without it; None if it passes."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.faults.mutated", tests]
    environment = {**os.environ, "BINAAN_TEST_WITHOUT": mutant}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    last = done.stdout.splitlines()[-1]
    return last if done.returncode == pytest.ExitCode.TESTS_FAILED and "error" not in last else None


async def notice(mutant: str, root: Path) -> str | None:
    """What gave it away; None if nothing did."""
    if mutant in BY_TESTS:
        return await asyncio.to_thread(noticed_by, BY_TESTS[mutant], mutant)
    soak = Soak(SEED, kills=8, deliveries=3000, faults=FAULTS, plan=PLAN, programmes=20)
    try:
        _, _, wrong = await run(soak, root, patience=45, without=mutant)
    except (TimeoutError, AssertionError, ExceptionGroup) as error:
        # A reply or an event that never comes: who waits for it gives up.
        return f"{type(error).__name__}: {error}"
    return wrong[0] if wrong else None


def main(names: list[str]) -> int:
    for library in ("aio_pika", "aiormq"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # told to stop, it stops its servers as with Ctrl-C
    unnoticed = 0
    for name in ("", *(names or MUTANTS)):
        with tempfile.TemporaryDirectory(prefix="binaan-mutant-", ignore_cleanup_errors=True) as root:
            found = asyncio.run(notice(name, Path(root)))
        if not name:
            if found:
                print(f"The kernel as it is does not pass: {found}")
                return 2
            print("the kernel as it is  passes", flush=True)
            continue
        unnoticed += found is None
        print(f"{name:20} {'noticed: ' + found[:160] if found else 'NOT NOTICED'}", flush=True)
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
