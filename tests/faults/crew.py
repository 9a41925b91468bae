"""Two replicas of every service, each of which can be killed, paused, set wrong, and counted when it dies at work."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

from deploy.local.world import World
from shared.kernel.failpoints import Point
from tests.faults.control import Control
from tests.support import ServiceProcess, until

SERVICES = ("registry", "aid", "notify")
REPLICAS = 2


class Victim(ServiceProcess):
    """One replica, with the file in which it says what it holds."""

    def __init__(self, world: World, service: str, root: Path, number: int, **environment: str) -> None:
        super().__init__(world, service, root, **environment)
        self._file = root / f"{service}-{number}.control"
        self.control = Control(self._file)
        self.name = f"{service}-{number}"

    def module(self) -> list[str]:
        return ["tests.faults.victim", self.service, str(self._file)]


class Crew:
    """``kills`` counts by victim those that died holding work, after something was committed since the last death."""

    def __init__(
        self,
        world: World,
        root: Path,
        replicas: int = REPLICAS,
        without: str = "",
        services: Sequence[str] = SERVICES,
    ) -> None:
        self.world, self.root = world, root
        self.victims = [
            Victim(world, service, root, number, BINAAN_TEST_WITHOUT=without)
            for service in services
            for number in range(replicas)
        ]
        self.kills: Counter[str] = Counter()
        self.died_at: Counter[str] = Counter()
        self._commits_at_last_kill = 0
        self._commits_of_the_dead = 0

    async def start(self) -> None:
        for victim in self.victims:
            victim.launch()
        for victim in self.victims:
            await victim.ready(90)

    def of(self, service: str) -> list[Victim]:
        return [victim for victim in self.victims if victim.service == service]

    @property
    def commits(self) -> int:
        """Batches committed by all, the dead included."""
        return self._commits_of_the_dead + sum(int(victim.control["commits"]) for victim in self.victims)

    @property
    def idle(self) -> bool:
        """Nobody holds anything."""
        return not any(victim.control.holds_work for victim in self.victims)

    # --- killing ----------------------------------------------------------------------------------------------------

    async def kill(self, victim: Victim) -> bool:
        """SIGKILL, if it holds work; start it again at once. Whether the kill counts."""
        if not victim.control.holds_work or victim.exit_code is not None:
            return False
        victim.kill()
        return self._buried(victim)

    async def kill_at(self, service: str, point: Point, hits: int = 1, seconds: float = 60) -> None:
        """Let whichever replica comes there first die at a point; it is started again by then."""
        self.bury()
        replicas = self.of(service)
        for victim in replicas:
            victim.control.arm(point, hits)
        try:
            await until(lambda: self._died(replicas, point, hits), seconds, f"{service} at {point}")
        finally:
            for victim in replicas:
                victim.control.arm(None)
        self.bury()

    def _died(self, replicas: list[Victim], point: Point, hits: int) -> bool:
        """Whether one has died at this point. One that was on its way to die at the point before is started again."""
        dead = [victim for victim in replicas if victim.exit_code is not None]
        there = any(victim.control.died_at == point for victim in dead)
        for victim in dead:
            self._buried(victim)
            victim.control.arm(None if there else point, hits)
        return there

    async def kill_mid_sweep(self, service: str, tries: int = 5) -> None:
        """Let one die and leave something unsent, and another while it sends that. What is left may also be sent by
        whoever decides on the same thing next: then once more."""
        for _ in range(tries):
            await self.kill_at(service, "before_publish")
            with suppress(TimeoutError):
                await self.kill_at(service, "sweeping", seconds=25)  # a lease has to run out first
                return
        raise TimeoutError(f"{service} has swept nothing")

    def bury(self) -> None:
        """Start again who has died at a point: also one who did so in the moment in which it was told not to."""
        for victim in self.victims:
            if victim.exit_code is not None:
                self._buried(victim)

    def _buried(self, victim: Victim) -> bool:
        """Count a death, and start the victim again."""
        assert victim.exit_code == -signal.SIGKILL, f"{victim.name} died by itself: {victim.log}"
        point = victim.control.died_at
        counts = point is not None or (victim.control.holds_work and self.commits > self._commits_at_last_kill)
        if counts:
            self.kills[victim.name] += 1
            self.died_at[point or "anywhere"] += 1
            self._commits_at_last_kill = self.commits
        self._commits_of_the_dead += int(victim.control["commits"])
        victim.control.begin()
        victim.launch()
        return counts

    async def kill_anyone(self, rng: Random, seconds: float = 60) -> None:
        """Kill a random replica at a random moment of its work, after something was committed since the last."""
        self.bury()
        await until(lambda: self.commits > self._commits_at_last_kill, seconds, "something committed")
        killed = False
        while not killed:
            victim = rng.choice(self.victims)
            await asyncio.sleep(rng.uniform(0, 0.2))  # not a wait for anything: the moment is the fault
            with suppress(TimeoutError):  # it may have nothing to do: another one then
                await until(lambda: victim.control.holds_work, 2, f"{victim.name} at work")  # noqa: B023
                killed = await self.kill(victim)

    def set_clocks_right(self) -> None:
        for victim in self.victims:
            victim.control["clock_offset"] = 0.0

    async def stop(self) -> dict[str, int]:
        """As an operator would, when all are there: one that has only just been started again cannot hear it yet. The
        exit codes by name."""
        for victim in self.victims:
            await victim.ready(90)
        return {victim.name: victim.stop(60) for victim in self.victims}

    def slay(self) -> None:
        """All, whatever they do."""
        for victim in self.victims:
            victim.kill()

    def logs(self) -> str:
        return "".join(victim.log.read_text(errors="replace") for victim in self.victims)
