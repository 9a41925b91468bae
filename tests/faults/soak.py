"""``python -m tests.faults.soak``: many kills and every fault over many messages, then the books.

Everything random comes from the seed, which is printed: ``--seed`` tells the same messages and plans the same faults
(the instants at which processes do things are the machine's).
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random

from deploy.local.servers import LocalServers
from tests.faults.books import Books, balance
from tests.faults.chaos import FAULTS, Chaos
from tests.faults.control import POINTS
from tests.faults.crew import SERVICES, Crew
from tests.faults.load import Load
from tests.faults.run import crew_of, quiet, told
from tests.support import until

CHUNK = 500
"""Businesses told between two looks at whether it is enough."""


@dataclass
class Soak:
    """How much of each, and what has come of it. ``faults`` are planned by name."""

    seed: int
    kills: int
    deliveries: int
    faults: list[str]
    plan: list[str] = field(default_factory=list)
    """Points at which somebody is to die: ``service:point``."""
    programmes: int = 8
    """Opened in the middle, each of which assesses everybody there is."""
    say: Callable[[str], None] = lambda _: None
    done: Counter[str] = field(default_factory=Counter)
    businesses: list[int] = field(default_factory=list)
    """Told before each programme was opened."""

    async def story(self, load: Load, crew: Crew, chaos: Chaos) -> None:
        """Told on and on until all that is planned has happened."""
        breaking = asyncio.create_task(self._break(load, crew, chaos))
        try:
            await load.open_programme("Program 0", announce="on_eligible")
            while load.deliveries < self.deliveries or not breaking.done():
                if breaking.done():
                    await breaking
                # At the same time, so that programmes open while businesses change.
                chunk = CHUNK if self.deliveries > 20 * CHUNK else CHUNK // 10
                await asyncio.gather(load.tell(chunk), self._programmes(load))
            await breaking
        finally:
            breaking.cancel()
            with suppress(asyncio.CancelledError):
                await breaking

    async def _programmes(self, load: Load) -> None:
        """Some are opened in the middle, and of those every second one is closed again."""
        opened = len(self.businesses)
        if opened < self.programmes and opened < load.deliveries * self.programmes / self.deliveries:
            self.businesses.append(load.businesses)
            await self._programme(load, len(self.businesses))

    @staticmethod
    async def _programme(load: Load, number: int) -> None:
        id_ = await load.open_programme(f"Program {number}")
        if number % 2 == 0:
            await load.close_programme(f"Program {number}", id_)

    async def again(self, load: Load, total: int) -> None:
        """The same, for the quiet run."""
        await load.open_programme("Program 0", announce="on_eligible")
        for number, businesses in enumerate(self.businesses, start=1):
            await load.tell(businesses - load.businesses)
            await self._programme(load, number)
        await load.tell(total - load.businesses)

    async def _break(self, load: Load, crew: Crew, chaos: Chaos) -> None:
        """Kills and faults spread evenly over the messages, in an order that the seed decides."""
        rng = Random(f"{self.seed}/plan")
        plan = [*["kill"] * self.kills, *self.faults, *self.plan]
        rng.shuffle(plan)
        for number, what in enumerate(plan):
            due = self.deliveries * 0.9 * number / len(plan)
            await until(partial(_has_sent, load, due), 3600, "more messages")
            await self._one(what, crew, chaos, rng)
            self.done[what.partition(":")[0] if what in {"kill", *self.faults} else "point"] += 1
            self.say(f"{load.deliveries:7} messages  {sum(crew.kills.values()):4} kills  {what}")

    @staticmethod
    async def _one(what: str, crew: Crew, chaos: Chaos, rng: Random) -> None:
        if what == "kill":
            await crew.kill_anyone(rng, 120)
        elif what in FAULTS:
            await chaos.happen(what)
        else:
            service, _, point = what.partition(":")
            place = next(one for one in POINTS if one == point)
            if place == "sweeping":
                await crew.kill_mid_sweep(service)
            else:
                await crew.kill_at(service, place, rng.randint(1, 3), 120)


def _has_sent(load: Load, deliveries: float) -> bool:
    return load.deliveries >= deliveries


def every_point() -> list[str]:
    """Of every service; only aid has steps that go on."""
    return [f"{one}:{point}" for one in SERVICES for point in POINTS if point != "between_steps" or one == "aid"]


async def run(soak: Soak, root: Path, patience: float = 600, without: str = "") -> tuple[Crew, Books, list[str]]:
    """The broken run and the quiet one, on servers of their own; what is wrong with the books."""
    servers = LocalServers(root)
    try:
        await asyncio.get_running_loop().run_in_executor(None, servers.start)
        world = servers.urls.world("soak")
        async with crew_of(world, root / "broken", without=without) as crew:
            chaos = Chaos(root, servers, world, crew, Random(f"{soak.seed}/chaos"))
            broken = await told(crew, soak.seed, lambda load: soak.story(load, crew, chaos), patience=patience)
        soak.say("the same messages to one replica of each, quietly")
        total = broken.load.businesses
        undisturbed = await quiet(servers.urls.world("quiet"), root / "quiet", lambda load: soak.again(load, total))
        return crew, broken, [*balance(broken, undisturbed), *(f"quiet run: {one}" for one in balance(undisturbed))]
    finally:
        servers.kill()


def main() -> int:
    """Exit code 0 when the books balance, 1 when not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument(
        "--messages", type=int, default=100_000, help="deliveries to the door; each message comes twice"
    )
    parser.add_argument("--each-fault", type=int, default=2, help="how often each fault of the servers happens")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # told to stop, it stops its servers as with Ctrl-C
    for library in ("aio_pika", "aiormq"):
        logging.getLogger(library).setLevel(logging.CRITICAL)  # that connections break is the purpose
    print(f"seed {given.seed}: {given.kills} kills over {given.messages} messages")
    began = time.monotonic()
    faults = [name for name in FAULTS for _ in range(given.each_fault)]

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:7.0f} s  {line}", flush=True)

    soak = Soak(given.seed, given.kills, given.messages, faults, every_point(), say=say)
    root = Path(tempfile.mkdtemp(prefix="binaan-soak-"))
    try:
        crew, broken, wrong = asyncio.run(run(soak, root))
        report(soak, crew, broken, wrong)
    except KeyboardInterrupt:
        print("interrupted; everything is stopped")
        return 130
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return 1 if wrong else 0


def report(soak: Soak, crew: Crew, broken: Books, wrong: list[str]) -> None:
    """What happened, in figures, and the verdict."""
    load = broken.load
    print(f"\n{load.deliveries} deliveries of {len(load.sent)} messages about {load.businesses} businesses")
    print(f"{len(broken.history.events)} events in the history, {len(broken.told)} messages to owners")
    print(f"{sum(crew.kills.values())} counted kills: {dict(sorted(crew.kills.items()))}")
    print(f"died at: {dict(sorted(crew.died_at.items()))}")
    print(f"faults: { {name: count for name, count in sorted(soak.done.items()) if name != 'kill'} }")
    print("\n".join(wrong) if wrong else "The books balance: nothing lost, nothing twice.")
    print(f"seed {soak.seed}")


if __name__ == "__main__":
    sys.exit(main())
