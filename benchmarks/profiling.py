"""Where the time of a registry hop goes: `python -m benchmarks --profile`."""

from __future__ import annotations

import json
import sysconfig
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ground import ROOT, Ground
from benchmarks.hop import Hop, Measured, clock, nothing_left, registry, wanted
from benchmarks.process import PROJECT
from benchmarks.profiled import FILE

_TOP = 25
_PARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("database driver (pymongo, bson)", ("/pymongo/", "/bson/")),
    ("broker: FastStream", ("/faststream/", "/fast_depends/")),
    ("broker: aio-pika, aiormq, pamqp", ("/aio_pika/", "/aiormq/", "/pamqp/", "/kernel/wire")),
    ("broker: outbox and publisher", ("/kernel/outbox",)),
    ("pydantic", ("/pydantic/",)),
    ("contracts", ("/shared/contracts/",)),
    ("reference values", ("/shared/reference/", "/lokal/")),
    ("decisions", ("/services/registry/", "/shared/agencies", "/shared/decision")),
    ("kernel: codec", ("/kernel/codec",)),
    ("kernel: keys (sealing, tokens)", ("/kernel/keys", "/cryptography/")),
    ("kernel: working set and store", ("/kernel/state", "/kernel/store")),
    ("kernel: unit of work", ("/kernel/unit_of_work",)),
    ("kernel: the rest", ("/shared/kernel/",)),
    ("logging (structlog)", ("/structlog/", "/logging/")),
    ("event loop (asyncio, uvloop, streams)", ("/asyncio/", "uvloop", "/contextlib", "/_weakrefset")),
)
"""Whose own time a function's is, by the first mark that its place contains."""
_PLACES = (sysconfig.get_paths()["purelib"], sysconfig.get_paths()["stdlib"], str(PROJECT))


@dataclass(frozen=True)
class Profile:
    """Samples of one run, and the same run without the sampler."""

    own: Mapping[str, int]
    total: Mapping[str, int]
    under: Measured
    without: Measured

    @property
    def cpu_ms(self) -> float:
        """Processor time of one message without the sampler."""
        return 1000 * self.without.cpu_seconds / self.without.messages


async def profile(ground: Ground, keys: Path, messages: int, *, known: bool) -> Profile:
    """The registry hop with the sampler in it, and once more without."""
    hop = Hop(ground, keys, messages, known)
    outputs = await Hop(ground, keys, 60, known).outputs()
    without = await hop.measure(outputs)
    file = ROOT / f"{hop.name}.samples.json"
    with ground.world(hop.name) as world:
        await hop.prepare(world)
        with registry(world, keys, "benchmarks.profiled", **{FILE: str(file)}) as child:
            under = await clock(ground, world, [child], messages, wanted(outputs, messages))
        await nothing_left(world)
    found = json.loads(file.read_text())
    return Profile(found["own"], found["total"], under, without)


def report(profile: Profile) -> str:
    """Shares by part, then the functions that take most: with all they call, and in themselves."""
    parts: dict[str, int] = defaultdict(int)
    for name, count in profile.own.items():
        parts[_part(name)] += count
    return "\n".join(
        (
            f"{profile.cpu_ms:.3f} ms of processor time a message in the service's process "
            f"({profile.without.messages} messages, {profile.without.rate:.0f} a second; with the sampler "
            f"{profile.under.rate:.0f} a second, {sum(profile.own.values())} samples)",
            *_table("Own time by part", parts, profile),
            *_table("Functions with all they call", profile.total, profile),
            *_table("Functions in themselves", profile.own, profile),
        )
    )


def _table(title: str, counts: Mapping[str, int], profile: Profile) -> list[str]:
    samples = sum(profile.own.values())
    highest = sorted(counts.items(), key=lambda one: -one[1])[:_TOP]
    rows = [
        f"  {100 * count / samples:5.1f} %  {profile.cpu_ms * count / samples:6.3f} ms  {_short(name)}"
        for name, count in highest
    ]
    return ["", title, *rows]


def _part(name: str) -> str:
    return next((part for part, marks in _PARTS if any(mark in name for mark in marks)), "other")


def _short(name: str) -> str:
    """Without the folders that only this machine has."""
    for place in _PLACES:
        name = name.removeprefix(f"{place}/")
    return name
