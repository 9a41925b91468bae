"""``python -m benchmarks``: the project, its floor and its peers, in one run.

    python -m benchmarks                                        everything, half an hour on two busy processors
    python -m benchmarks --quick                                everything, small
    python -m benchmarks --only hop --rounds 3 --messages 2000  a part of it
    python -m benchmarks --profile                              where the time of a registry hop goes

Starts private servers unless BINAAN_AMQP_URL, BINAAN_MONGO_URL and BINAAN_MANAGEMENT_URL name some. Prints a table and
writes `.local/bench.json`.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import growth, latency, profiling
from benchmarks.contest import NEW, TOLD, Contest, Entry
from benchmarks.contestants.settings import Output
from benchmarks.ground import ROOT, Ground, key_file
from benchmarks.process import PROJECT
from benchmarks.reports import body
from benchmarks.results import Results
from shared.kernel.consumer import PREFETCH
from shared.kernel.outbox import WINDOW

PARTS = ("hop", "peers", "chain", "notify", "latency", "growth")
_STORED = (1_000, 100_000, 1_000_000)
_STORED_QUICK = (200, 2_000)


@dataclass(frozen=True)
class Options:
    """What to run, and how much of it."""

    parts: frozenset[str]
    rounds: int
    messages: int
    samples: int
    stored: tuple[int, ...]
    choose: bool
    output: Path
    profile: bool

    def configuration(self) -> dict[str, Any]:
        return {
            "parts": " ".join(part for part in PARTS if part in self.parts),
            "rounds": self.rounds,
            "messages": self.messages,
            "message_bytes": len(body(0)),
            "processes": "one for each contestant, one for each service of the chain",
            "queue": "quorum, messages persistent",
            "prefetch": PREFETCH,
            "confirm_window": WINDOW,
            "event_loop": "uvloop, but for Celery",
            "latency_samples": self.samples,
            "stored": " ".join(map(str, self.stored)),
        }


def options(arguments: Sequence[str] | None = None) -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", choices=PARTS, help="this part; may be given again")
    parser.add_argument("--rounds", type=int, help="5, with --quick 1")
    parser.add_argument("--messages", type=int, help="a contestant and round: 2000, with --quick 200")
    parser.add_argument("--samples", type=int, help="of the latency: 250, with --quick 20")
    parser.add_argument("--stored", help="businesses, for the part growth: 1000,100000,1000000, with --quick 200,2000")
    parser.add_argument("--quick", action="store_true", help="everything, small: shows that it works, not how fast")
    parser.add_argument("--profile", action="store_true", help="instead: where the time of a registry hop goes")
    parser.add_argument("--output", type=Path, default=PROJECT / ".local" / "bench.json")
    given = parser.parse_args(arguments)
    stored = _STORED_QUICK if given.quick else _STORED
    return Options(
        parts=frozenset(given.only or PARTS),
        rounds=given.rounds or (1 if given.quick else 5),
        messages=given.messages or (200 if given.quick else 2000),
        samples=given.samples or (20 if given.quick else 250),
        stored=tuple(map(int, given.stored.split(","))) if given.stored else stored,
        choose=not given.quick,
        output=given.output,
        profile=given.profile,
    )


def say(text: str) -> None:
    print(text, flush=True)


async def run(chosen: Options, ground: Ground) -> Results:
    """All parts that were asked for, one after the other."""
    keys = key_file(ROOT)
    results = Results(chosen.configuration())
    if chosen.parts & {"hop", "peers", "chain", "notify"}:
        await _contest(chosen, ground, keys, results)
    if "latency" in chosen.parts:
        say("One message on an idle system …")
        results.latencies = await latency.measure(ground, keys, chosen.samples)
    if "growth" in chosen.parts:
        say("Businesses stored …")
        messages = max(100, chosen.messages // 2)
        results.growth = await growth.measure(
            ground, keys, chosen.stored, messages=messages, rounds=min(3, chosen.rounds), say=say
        )
    return results


async def _contest(chosen: Options, ground: Ground, keys: Path, results: Results) -> None:
    contest = Contest(ground, keys, chosen.messages, say)
    entries: list[Entry] = []
    outputs: dict[str, list[Output]] = {}
    if chosen.parts & {"hop", "peers", "chain"}:
        say("What one report makes registry publish …")
        outputs |= await contest.outputs()
        # Ratios to the hop need the hop, whichever part was asked for.
        entries += [one for one in contest.hops() if "hop" in chosen.parts or one.name == "registry_new"]
    if "peers" in chosen.parts:
        peers = await contest.peers(outputs[NEW], choose=chosen.choose)
        results.configuration |= {peer.name: peer.about for peer in peers}
        entries += peers
    if "notify" in chosen.parts:
        say("What one eligibility makes notify publish …")
        telling, outputs[TOLD] = await contest.telling()
        entries += telling
    results.outputs = outputs
    chain = contest.chain()
    if "chain" in chosen.parts:
        entries.append(Entry("chain", chain))
    say(f"{chosen.rounds} rounds of {len(entries)} …")
    results.rounds = await contest.rounds(entries, outputs, chosen.rounds)
    results.peaks = chain.peaks


async def show_profile(chosen: Options, ground: Ground) -> None:
    for known in (False, True):
        say(f"\n=== Reports on {'known' if known else 'new'} businesses")
        say(profiling.report(await profiling.profile(ground, key_file(ROOT), chosen.messages, known=known)))


def main() -> int:
    chosen = options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does, with everything stopped
    signal.signal(signal.SIGINT, signal.default_int_handler)
    started = time.monotonic()
    try:
        with Ground.raised() as ground:
            if chosen.profile:
                uvloop.run(show_profile(chosen, ground))
                return 0
            results = uvloop.run(run(chosen, ground))
    except KeyboardInterrupt:
        say("Interrupted; what was started is stopped.")
        return 130
    results.configuration["took_seconds"] = round(time.monotonic() - started)
    say(f"\n{results.table()}")
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    chosen.output.write_text(json.dumps(results.as_json(), indent=1) + "\n")
    say(f"\nWritten to {chosen.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
