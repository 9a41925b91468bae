"""Who takes part, in which order, and the rounds: everybody once, then everybody again.

What else the machine does meets neighbours in a round alike, so only ratios within a round are worth anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from benchmarks.chain import Chain
from benchmarks.contestants.settings import Output
from benchmarks.ground import Ground
from benchmarks.hop import CeleryRival, Hop, Measured, Rival
from benchmarks.telling import Floor, Telling

Say = Callable[[str], None]
R = TypeVar("R", bound=Rival)
NEW, KNOWN, TOLD = "new", "known", "told"
_SAMPLE = 60
_PASSES = 2
_FEWER = 5
"""A transaction for each message takes about so many times longer: those get so many times fewer messages."""


class Contestant(Protocol):
    async def measure(self, outputs: Sequence[Output]) -> Measured: ...


@dataclass(frozen=True)
class Entry:
    """A contestant under the name it has in the table, and whose outputs it makes."""

    name: str
    contestant: Contestant
    outputs: str = NEW
    about: str = ""


@dataclass
class Contest:
    """All rounds of one run."""

    ground: Ground
    keys: Path
    messages: int
    say: Say

    async def outputs(self) -> dict[str, list[Output]]:
        """What one report makes registry publish, counted from a run of its own."""
        hops = {NEW: Hop(self.ground, self.keys, _SAMPLE, False), KNOWN: Hop(self.ground, self.keys, _SAMPLE, True)}
        return {name: await hop.outputs() for name, hop in hops.items()}

    def hops(self) -> list[Entry]:
        """Floors and our hop, for businesses that are new and for those that are known."""
        return [
            self._floor("aio_pika", NEW),
            self._floor("faststream", NEW),
            Entry("registry_new", Hop(self.ground, self.keys, self.messages, False), NEW),
            self._floor("aio_pika", KNOWN),
            self._floor("faststream", KNOWN),
            Entry("registry_known", Hop(self.ground, self.keys, self.messages, True), KNOWN),
        ]

    def _floor(self, what: str, outputs: str) -> Entry:
        module = (f"benchmarks.contestants.{what}_floor",)
        return Entry(
            f"{what}_floor_{outputs}", Rival(self.ground, self.keys, f"{what}_floor", module, self.messages), outputs
        )

    async def peers(self, outputs: Sequence[Output], *, choose: bool) -> list[Entry]:
        """The peers, each as it turned out best in a trial; without ``choose`` as it usually does."""
        few = max(50, self.messages // _FEWER)
        faststream = Rival(
            self.ground, self.keys, "faststream_peer", ("benchmarks.contestants.faststream_peer",), few, 16
        )
        celery = CeleryRival(
            self.ground, self.keys, "celery_peer", ("benchmarks.contestants.celery_peer",), few, 16, "threads"
        )
        if choose:
            faststream = await self._best(
                [replace(faststream, concurrency=count) for count in (8, 16, 32, 64)], outputs
            )
            threads = [replace(celery, concurrency=count) for count in (8, 16, 32)]
            celery = await self._best([replace(celery, concurrency=1, pool="prefork"), *threads], outputs)
        return [
            Entry("per_message_peer", faststream, NEW, f"{faststream.concurrency} handlers side by side"),
            Entry("celery", celery, NEW, f"--pool={celery.pool} --concurrency={celery.concurrency}"),
        ]

    async def _best(self, rivals: Sequence[R], outputs: Sequence[Output]) -> R:
        """The one with the highest rate in two passes: what else the machine does can only make one slower."""
        rates = dict.fromkeys(range(len(rivals)), 0.0)
        for _ in range(_PASSES):
            for number, rival in enumerate(rivals):
                rate = (await rival.measure(outputs)).rate
                rates[number] = max(rates[number], rate)
                self.say(f"  trial    {rival.name:20} {rival.pool:8} {rival.concurrency:2}  {rate:6.0f}/s")
        return rivals[max(rates, key=lambda number: rates[number])]

    async def telling(self) -> tuple[list[Entry], list[Output]]:
        """notify and its floor, and what one message makes notify publish."""
        outputs = await Telling(self.ground, self.keys, _SAMPLE).outputs()
        both = (Floor(self.ground, self.keys, self.messages), Telling(self.ground, self.keys, self.messages))
        return [Entry(one.name, one, TOLD) for one in both], outputs

    def chain(self) -> Chain:
        return Chain(self.ground, self.keys, self.messages)

    async def rounds(
        self, entries: Sequence[Entry], outputs: dict[str, list[Output]], count: int
    ) -> list[dict[str, Measured]]:
        found: list[dict[str, Measured]] = []
        for number in range(count):
            found.append({})
            for entry in entries:
                measured = await entry.contestant.measure(outputs[entry.outputs])
                found[-1][entry.name] = measured
                self.say(
                    f"  round {number + 1}  {entry.name:24} {measured.rate:6.0f}/s  "
                    f"{1000 * measured.cpu_seconds / measured.messages:5.2f} ms of processor time a message"
                )
        return found


def as_json(rounds: Sequence[dict[str, Measured]]) -> list[dict[str, Any]]:
    return [{name: measured.as_json() for name, measured in one.items()} for one in rounds]
