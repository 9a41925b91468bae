"""``python -m tests.services.notify.campaign``: a campaign of 40,000 in simulated time, over all of notify's own code.

Handlers, sender, switchboard, lanes and limits are the real ones; the service is in memory, the provider is a sleep,
and the event loop's clock jumps to the next thing that happens. The campaign begins shortly before 20:00 in Medan,
where most owners are, so it meets the night in all three zones and goes on in the morning, zone by zone.
"""

from __future__ import annotations

import argparse
import asyncio
import selectors
import sys
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

from services.notify.message import message_id
from services.notify.policy import policy_on
from services.notify.provider import Outcome, Outgoing
from services.notify.sending import Sender
from services.notify.store import MESSAGES
from services.notify.switchboard import Bucket, Line, Switchboard
from shared.decision import Decision
from shared.kernel.routes import Decide, Needs
from shared.kernel.state import Due
from shared.reference import region as regions
from tests.services.notify import samples
from tests.services.notify.memory import Memory

WINDOW_SECONDS = 5
"""Over which a limit is looked at."""
NIGHT = datetime(2026, 3, 2, 13, 0, tzinfo=UTC)
"""20:00 in Medan."""
SHARES: Mapping[str, float] = {"12.71.01.1001": 0.6, "64.72.01.1001": 0.25, "91.03.01.1001": 0.15}
"""Medan (WIB), Samarinda (WITA), Jayapura (WIT), and how many of the owners are there."""
LAST = NIGHT + timedelta(days=7)
CAMPAIGN, URGENT = "campaign", "urgent"


class _Jumping(selectors.SelectSelector):
    """Waits for nothing: where others would wait, the clock is put forward."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("everybody waits for somebody else")
            self.now += timeout
        return ready


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop in which a night passes as fast as nothing happens in it."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


class Simulated(Memory):
    """notify in memory, by the clock of the loop; what is committed takes some milliseconds."""

    def __init__(self, begins: datetime, rng: Random) -> None:
        self._rng, self._loop, self._begins = rng, asyncio.get_running_loop(), begins
        super().__init__(begins)
        self.nudge = asyncio.Event()

    @property
    def now(self) -> datetime:
        return self._begins + timedelta(seconds=self._loop.time())

    @now.setter
    def now(self, _: datetime) -> None:
        """It is the loop's."""

    async def run(self, needs: Needs, decide: Decide) -> Decision:
        decision = await super().run(needs, decide)
        await asyncio.sleep(self._rng.uniform(0.003, 0.03))
        return decision

    def waiting(self) -> bool:
        """Whether any message has not been handed over."""
        return self.next_due() is not None

    def next_due(self) -> datetime | None:
        ids = self.stored[MESSAGES.name].ids(Due(MESSAGES, until=LAST, limit=1))
        return self.get(MESSAGES, ids[0]).due_at if ids else None

    def tell_owner(self, number: int, programme: str, region: str) -> None:
        """That an owner exists, can be reached, has a business and is eligible."""
        owner, business = f"o{number}", f"b{number}"
        self.tell("registry.contact.changed", samples.contact(owner, phone=f"+62811{number + 1:08d}"), 1)
        self.tell("registry.business.designated", samples.business(business, owner, region=region), 1)
        self.tell("aid.eligibility.assessed", samples.eligibility(programme, business), 1)
        self.nudge.set()


class Vendor:
    """Takes some tenths of a second, and remembers when each message came to it."""

    name, at_once = "meta", 1

    def __init__(self, now: Callable[[], datetime], rng: Random) -> None:
        self._now, self._rng = now, rng
        self.came: list[tuple[datetime, str]] = []

    async def send(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        self.came += [(self._now(), one.message_id) for one in messages]
        await asyncio.sleep(self._rng.uniform(0.1, 0.5))
        return [Outcome(one.message_id, "sent", attempt=one.attempt) for one in messages]

    async def ask(self, message_ids: Sequence[str]) -> list[Outcome]:
        raise AssertionError("nothing was interrupted")


@dataclass
class Campaign:
    """``messages`` owners, and ``urgent`` more while it runs, each at a random moment of it."""

    seed: int
    messages: int
    urgent: int
    per_second: float = 80.0
    regions: dict[str, str] = field(default_factory=dict)
    """Message → region."""
    told: dict[str, datetime] = field(default_factory=dict)
    """Urgent message → when there was reason to send it."""

    async def run(self) -> Outcomes:
        rng = Random(self.seed)
        before_night = timedelta(seconds=0.3 * self.messages / self.per_second)
        memory = Simulated(NIGHT - before_night, rng)
        vendor = Vendor(lambda: memory.now, rng)
        self._open(memory, rng)
        bucket = Bucket(self.per_second, self.per_second / 5)
        line = Line(vendor, frozenset({"whatsapp", "sms"}), most_at_once=100, bucket=bucket)
        board = Switchboard([line], asyncio.get_running_loop().time, policy_on(NIGHT.date()).recipient_seconds)
        hurrying = asyncio.create_task(self._hurry(memory, rng))
        sender = Sender(board)
        while not hurrying.done() or memory.waiting():
            if not await sender.step(memory.run):
                await _until_nudged(memory)
        await sender.finish(memory.run)
        await hurrying
        return Outcomes(self, vendor.came, Counter(one.state for one in memory.messages))

    def _open(self, memory: Simulated, rng: Random) -> None:
        memory.tell("registry.agency.registered", samples.agency(), 1)
        memory.tell("aid.programme.opened", samples.programme(CAMPAIGN), 1)
        # Its last day is so near, this evening and tomorrow morning, that it goes before all others.
        last = NIGHT.date() + timedelta(days=1)
        memory.tell("aid.programme.opened", samples.programme(URGENT, apply_until=last), 1)
        for number in range(self.messages):
            self._tell(memory, number, CAMPAIGN, rng)

    def _tell(self, memory: Simulated, number: int, programme: str, rng: Random, **where: Any) -> str:
        region = where.get("region") or rng.choices(list(SHARES), list(SHARES.values()))[0]
        id_ = message_id(programme, f"o{number}")
        self.regions[id_] = region
        memory.tell_owner(number, programme, region)
        return id_

    async def _hurry(self, memory: Simulated, rng: Random) -> None:
        """One half in the evening and one in the morning of each zone, while the campaign is under way there."""
        medan, *others = SHARES
        lengths = {one: share * self.messages / self.per_second for one, share in SHARES.items()}
        policy = policy_on(NIGHT.date())
        morning = {one: policy.allowed(NIGHT + timedelta(hours=2), one) for one in SHARES}
        plan = [
            (NIGHT - timedelta(seconds=rng.uniform(12, lengths[medan] / 2)), medan) for _ in range(self.urgent // 2)
        ]
        for number in range(self.urgent - len(plan)):
            region = (medan, *others)[number % len(SHARES)]
            length = lengths[region] / (2 if region == medan else 1)
            plan.append((morning[region] + timedelta(seconds=rng.uniform(1, length)), region))
        for number, (when, region) in enumerate(sorted(plan)):
            await asyncio.sleep((when - memory.now).total_seconds())
            id_ = self._tell(memory, self.messages + number, URGENT, rng, region=region)
            self.told[id_] = memory.now


async def _until_nudged(memory: Simulated) -> None:
    """As a worker waits: a second, or until something has changed. Through a night in which nothing is due at once."""
    due = memory.next_due()
    seconds = 1.0 if due is None else max(1.0, (due - memory.now).total_seconds())
    memory.nudge.clear()
    try:
        async with asyncio.timeout(seconds):
            await memory.nudge.wait()
    except TimeoutError:
        return


@dataclass(frozen=True)
class Outcomes:
    """When each message came to the provider, and how the messages stand."""

    campaign: Campaign
    came: Sequence[tuple[datetime, str]]
    states: Counter[str]

    @property
    def busiest(self) -> float:
        """Messages a second in the busiest window."""
        times = [when.timestamp() for when, _ in self.came]
        counts = (bisect_left(times, one + WINDOW_SECONDS) - number for number, one in enumerate(times))
        return max(counts) / WINDOW_SECONDS

    @property
    def sustained(self) -> list[float]:
        """Messages a second of each stretch in which the campaign was under way."""
        times = [when.timestamp() for when, _ in self.came]
        starts = [0, *(n for n in range(1, len(times)) if times[n] - times[n - 1] > 60), len(times)]
        stretches = [times[first:last] for first, last in pairwise(starts)]
        return [(len(one) - 1) / (one[-1] - one[0]) for one in stretches]

    @property
    def waits(self) -> list[float]:
        """Seconds from the reason to send an urgent message to the provider."""
        return [
            (when - self.campaign.told[id_]).total_seconds() for when, id_ in self.came if id_ in self.campaign.told
        ]

    @property
    def at_night(self) -> list[str]:
        """Local times of those that came in quiet hours, where their owner is."""
        clocks = (when.astimezone(regions.timezone(self.campaign.regions[id_])) for when, id_ in self.came)
        return [clock.isoformat() for clock in clocks if not 8 <= clock.hour < 20]

    def wrong(self) -> list[str]:
        """What was not kept, in words."""
        wanted, limit = self.campaign.messages + self.campaign.urgent, self.campaign.per_second
        found = Counter(id_ for _, id_ in self.came)
        checks = {
            f"{len(found)} of {wanted} messages came": len(found) == wanted,
            f"one came {max(found.values())} times": max(found.values()) == 1,
            f"they stand so: {dict(self.states)}": self.states == {"sent": wanted},
            f"{self.busiest:.2f}/s in {WINDOW_SECONDS} s": self.busiest <= 1.01 * limit,
            f"only {min(self.sustained):.2f}/s": min(self.sustained) >= 0.99 * limit,
            f"an urgent one waited {max(self.waits):.2f} s": max(self.waits) <= 2,
            f"{len(self.at_night)} at night: {self.at_night[:2]}": not self.at_night,
        }
        return [what for what, kept in checks.items() if not kept]

    def report(self) -> str:
        waits = sorted(self.waits)
        return "\n".join(
            [
                f"{len(self.came)} messages from {self.came[0][0]} to {self.came[-1][0]}",
                f"busiest {WINDOW_SECONDS} s: {self.busiest:.2f}/s; stretches: "
                + " ".join(f"{one:.2f}/s" for one in self.sustained),
                f"{len(waits)} urgent, seconds: median {waits[len(waits) // 2]:.2f}, longest {waits[-1]:.2f}",
                f"at night, where the owner is: {len(self.at_night)}",
            ]
        )


def run(campaign: Campaign) -> Outcomes:
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(campaign.run())


def main() -> int:
    """Exit code 0 when all was kept, 1 when not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=40_000)
    parser.add_argument("--urgent", type=int, default=60)
    parser.add_argument("--per-second", type=float, default=80.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    began = time.monotonic()
    outcomes = run(Campaign(given.seed, given.messages, given.urgent, given.per_second))
    wrong = outcomes.wrong()
    print(outcomes.report())
    print("\n".join(wrong) if wrong else "All limits are kept.")
    print(f"in {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
