"""``python -m tests.faults.delivery``: notify killed over and over while its providers refuse, stall and answer late.

One owner for each message. The stand-in for the vendors keeps the ledger: what each phone has shown, whatever was
answered about it. When all is quiet every message must stand once in that ledger, or have failed with a reason, or be
uncertain. A kill counts only while the stand-in holds requests of the victim that it has not answered.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import httpx
from pymongo import MongoClient

from deploy.local.servers import LocalServers
from deploy.local.world import World
from services.notify.message import message_id
from tests.faults.crew import Victim
from tests.services.notify.tellers import Tellers
from tests.services.notify.vendors import (
    WELL,
    Accepted,
    Behaviour,
    Vendors,
    meta_body,
    meta_status,
    provider_file,
    tell,
    tell_twilio,
    until_nobody_sleeps,
)
from tests.support import History, Json, until

PROGRAMME = "campaign"
LIMIT_SECONDS = 2.0
"""How long notify waits for an answer."""
STALL_SECONDS = 6.0
"""How long all vendors answer nobody in time, once in a campaign."""
AT_ONCE = 20
_OVER: frozenset[str] = frozenset({"sent", "delivered", "read", "failed", "uncertain"})
_HTML = (200, b"<html>maintenance</html>", "text/html")
_REFUSALS: Mapping[str, tuple[int, ...]] = {
    "whatsapp": (131026, 131026, 131026, 130429, 131049, 131050, 132015, 131008),
    "twilio": (21610, 21211, 20429, 30001),
    "zenziva": (6, 89),
}


def moods(rng: Random, vendor: str) -> Behaviour:
    """Five in six are treated well, some of them slowly, the others each in a way of their own."""
    code = rng.choice(_REFUSALS[vendor])
    slow = Behaviour(wait=rng.uniform(0, 0.5))
    ways = [
        Behaviour(refuse=code),
        Behaviour(refuse=code),
        Behaviour(hang=True),  # taken, and never answered
        Behaviour(wait=rng.uniform(0, LIMIT_SECONDS / 2), drop=True),  # taken, and half an answer
        Behaviour(takes=False, drop=True),
        Behaviour(answer=_HTML),
        Behaviour(answer=(500, b"oops", "text/plain"), takes=rng.random() < 0.5),
        Behaviour(answer=(429, b"slow down", "text/plain"), takes=False),
    ]
    return rng.choice([WELL, WELL, WELL, slow, slow, rng.choice(ways)])


class Moody(Vendors):
    """Vendors of many moods, who tell by webhook what became of most of what they took: late, doubled, in any order,
    again and again until it is heard. ``shown`` counts by number what phones have shown."""

    def __init__(self, seed: int, stalls_at: int) -> None:
        super().__init__()
        self._rng, self._stalls_at, self._stalls_until = Random(f"{seed}/moods"), stalls_at, 0.0
        self.shown: Counter[str] = Counter()
        self.receipts: list[asyncio.Task[None]] = []
        self.refused_receipts: Counter[int] = Counter()
        self.told: Victim | None = None

    def how(self, path: str) -> Behaviour:
        if self.requests == self._stalls_at:
            self._stalls_until = time.monotonic() + STALL_SECONDS
        if time.monotonic() < self._stalls_until:
            return Behaviour(wait=2 * LIMIT_SECONDS)  # taken after nobody waits for it any more
        vendor = "twilio" if "Accounts" in path else "zenziva" if "reguler" in path else "whatsapp"
        return moods(self._rng, vendor)

    def _take(self, how: Behaviour, accepted: Accepted) -> str:
        if how.takes:
            statuses, code = self._fate(accepted.vendor)
            self.shown[number_of(accepted.to)] += code is None
            if statuses and accepted.handle:
                told = self._tell_of(accepted.vendor, accepted.handle, statuses, code)
                self.receipts.append(asyncio.create_task(told))
        return super()._take(how, accepted)

    def _fate(self, vendor: str) -> tuple[list[str], int | None]:
        """The statuses that will be told, and why it is shown on no phone."""
        if vendor == "zenziva" or self._rng.random() < 0.15:
            return [], None
        if self._rng.random() < 0.1:
            return ["failed"], self._rng.choice((131026, 131049, 131008) if vendor == "whatsapp" else (30003, 30006))
        statuses = self._rng.choice((["delivered"], ["sent", "delivered"], ["sent", "delivered", "read"]))
        told = [*statuses, *self._rng.sample(statuses, self._rng.randint(0, len(statuses)))]
        self._rng.shuffle(told)
        return told, None

    async def _tell_of(self, vendor: str, handle: str, statuses: list[str], code: int | None) -> None:
        await asyncio.sleep(self._rng.uniform(0, 2 * LIMIT_SECONDS))  # some before the answer, some after
        for status in statuses:
            while (answer := await self._told(vendor, handle, status, code)) != httpx.codes.OK:
                if answer not in (0, httpx.codes.SERVICE_UNAVAILABLE):
                    self.refused_receipts[answer] += 1
                await asyncio.sleep(0.2)  # as a vendor does: later again

    async def _told(self, vendor: str, handle: str, status: str, code: int | None) -> int:
        if self.told is None:
            return 0
        try:
            if vendor == "whatsapp":
                return await tell(self.told.port, meta_body(meta_status(status, handle, code)))
            fields = {"MessageSid": "SM1", "MessageStatus": "undelivered" if code else status}
            return await tell_twilio(self.told.port, handle, **fields, **({"ErrorCode": str(code)} if code else {}))
        except httpx.HTTPError:
            return 0


def _providers(url: str) -> Json:
    """Two of each channel: while one of them rests the other carries on."""
    file = provider_file(url, seconds=LIMIT_SECONDS, slow_seconds=LIMIT_SECONDS, most_at_once=AT_ONCE)
    whatsapp = file["providers"][0]
    return {**file, "providers": [whatsapp, {**whatsapp, "name": "meta-too", "weight": 2}, *file["providers"][1:]]}


def number_of(written: str) -> str:
    """A number as contacts have it; Zenziva is given it with a zero."""
    return f"+62{written[1:]}" if written.startswith("0") else written


def phone_of(owner: int) -> str:
    return f"+62811{owner + 1:08d}"


@dataclass
class Campaign:
    """``messages`` owners told by one notify, killed ``kills`` times on the way."""

    seed: int
    messages: int
    kills: int
    say: Callable[[str], None] = lambda _: None
    killed: int = 0
    held_when_killed: list[int] = field(default_factory=list)

    async def run(self, world: World, root: Path) -> Outcome:
        """From the first event to the last receipt; nothing of it is left running."""
        rng = Random(self.seed)
        vendors = Moody(self.seed, stalls_at=rng.randrange(self.messages // 2))
        async with vendors, Tellers(world) as tellers:
            victim = self._victim(world, root, vendors)
            try:
                await victim.start()
                telling = asyncio.create_task(self._tell(tellers))
                for number in range(self.kills):
                    await self._kill(victim, vendors, rng, number)
                await telling
                await self._rest(world, victim, vendors)
                assert victim.stop() == 0, f"notify must end by itself when told to: {victim.log}"
            finally:
                victim.kill()
            return await self._outcome(world, vendors, victim)

    def _victim(self, world: World, root: Path, vendors: Moody) -> Victim:
        root.mkdir(parents=True, exist_ok=True)
        providers = root / "providers.json"
        providers.write_text(json.dumps(_providers(vendors.url)))
        victim = Victim(world, "notify", root, 0, BINAAN_PROVIDERS_FILE=str(providers))
        victim.control["clock_offset"] = until_nobody_sleeps()
        vendors.told = victim
        return victim

    async def _tell(self, tellers: Tellers) -> None:
        """All that is known of every owner, in windows; every eligibility comes twice."""
        await tellers.agency()
        await tellers.programme(PROGRAMME)
        for start in range(0, self.messages, AT_ONCE):
            owners = range(start, min(start + AT_ONCE, self.messages))
            await asyncio.gather(*(_tell_of(tellers, one) for one in owners))

    async def _kill(self, victim: Victim, vendors: Moody, rng: Random, number: int) -> None:
        """Kill in the middle of requests, after so many that the kills are spread over the campaign."""
        wanted = max(vendors.requests + 1, self.messages * number // (self.kills + 1))
        await until(lambda: vendors.requests >= wanted, 600, "more requests")
        while True:
            await asyncio.sleep(rng.uniform(0, 0.3))  # not a wait for anything: the moment is the fault
            await until(lambda: vendors.under_way, 120, "a request under way")
            victim.kill()
            if vendors.under_way:
                break
            self._again(victim)  # it had just been answered: this one does not count
        self.killed += 1
        self.held_when_killed.append(vendors.under_way)
        self._again(victim)
        self.say(f"kill {self.killed}: {vendors.under_way} requests under way, {vendors.requests} made so far")

    @staticmethod
    def _again(victim: Victim) -> None:
        victim.control.begin()
        victim.launch()

    async def _rest(self, world: World, victim: Victim, vendors: Moody) -> None:
        """Until all is settled and every receipt is heard. What must wait, for a pause or for Meta's cap of a day,
        comes due by the clock that the victim goes by."""
        await until(lambda: self._is_quiet(world, victim, vendors), 900, "all messages settled")

    async def _is_quiet(self, world: World, victim: Victim, vendors: Moody) -> bool:
        if victim.exit_code is not None:
            raise RuntimeError(f"notify has ended: {victim.log}")
        await asyncio.sleep(0.2)
        with MongoClient[Json](world.mongo_url_of("notify")) as client:
            database = client[world.databases["notify"]]
            waiting = list(database["messages"].find({"s.state": {"$nin": list(_OVER)}}, {"s.state": 1, "due": 1}))
            if not waiting:
                settled = database["messages"].count_documents({}) == self.messages
                return settled and all(one.done() for one in vendors.receipts) and not database["outbox"].find_one()
        self._pass_time(victim, waiting)
        return False

    @staticmethod
    def _pass_time(victim: Victim, waiting: list[Json]) -> None:
        """Put the clock forward to when the first of those is due that wait for nothing else."""
        now = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=victim.control["clock_offset"])
        if all(one["s"]["state"] == "queued" and one["due"] > now for one in waiting):
            ahead = min(one["due"] for one in waiting) - now
            victim.control["clock_offset"] += ahead.total_seconds()

    async def _outcome(self, world: World, vendors: Moody, victim: Victim) -> Outcome:
        with MongoClient[Json](world.mongo_url_of("notify")) as client:
            database = client[world.databases["notify"]]
            messages = {one["_id"]: one["s"] for one in database["messages"].find()}
            held = database["held"].count_documents({})
        async with History(world) as history:
            wanted = sum(one["sequence"] for one in messages.values())
            await until(lambda: _events(history) >= wanted, 60, "the whole history")
        return Outcome(self, vendors, messages, history, held, victim.log.read_text(errors="replace"))


def _events(history: History) -> int:
    return sum(len(history.of_type(f"notify.message.{state}")) for state in ("queued", *_OVER))


async def _tell_of(tellers: Tellers, owner: int) -> None:
    await asyncio.gather(
        tellers.contact(f"o{owner}", phone=phone_of(owner)),
        tellers.business(f"b{owner}", f"o{owner}"),
        tellers.eligibility(PROGRAMME, f"b{owner}"),
    )


@dataclass(frozen=True)
class Outcome:
    """What a campaign has left: what phones have shown, the messages as they stand, and the history."""

    campaign: Campaign
    vendors: Moody
    messages: Mapping[str, Json]
    history: History
    held: int
    log: str

    @property
    def states(self) -> Counter[str]:
        return Counter(str(one["state"]) for one in self.messages.values())

    def shown(self, state: str) -> int:
        """How many messages in a state a phone has shown."""
        return sum(self.vendors.shown[phone] for _, phone, one in self._each() if one and one["state"] == state)

    def _each(self) -> Iterator[tuple[str, str, Json | None]]:
        for owner in range(self.campaign.messages):
            id_ = message_id(PROGRAMME, f"o{owner}")
            yield id_, phone_of(owner), self.messages.get(id_)

    def wrong(self) -> list[str]:
        """What does not balance, in words."""
        found = [line for one in self._each() for line in self._of_one(*one)]
        if len(self.messages) != self.campaign.messages:
            found.append(f"{len(self.messages)} messages for {self.campaign.messages} owners")
        if self.held:
            found.append(f"{self.held} messages of others are held")
        if self.vendors.refused_receipts:
            found.append(f"receipts were refused: {dict(self.vendors.refused_receipts)}")
        if "a worker failed" in self.log:
            found.append("a worker failed")
        if any(phone_of(owner)[1:] in self.log for owner in range(self.campaign.messages)):
            found.append("a number is in the log")
        return [*found, *self._untold()]

    def _of_one(self, id_: str, phone: str, message: Json | None) -> Iterator[str]:
        shown = self.vendors.shown[phone]
        if message is None:
            yield f"{id_} is lost"
            return
        state, reason = message["state"], message["reason"]
        if shown > 1:
            yield f"{id_} was shown {shown} times"
        if state not in _OVER:
            yield f"{id_} has come to no end: {state}"
        if state in {"sent", "delivered", "read"} and shown == 0:
            yield f"{id_} is called {state} and no phone has shown it"
        if state == "failed" and (shown or not reason):
            yield f"{id_} has failed ({reason}), and {shown} phones have shown it"
        if state == "uncertain" and not reason:
            yield f"{id_} is uncertain and does not say why"

    def _untold(self) -> Iterator[str]:
        """Every message's events: in numbers without gaps, ending where it stands."""
        subjects = self.history.by_subject()
        for id_, message in self.messages.items():
            events = subjects.get(id_, [])
            if [int(one["sequence"]) for one in events] != list(range(1, message["sequence"] + 1)):
                yield f"{id_} has events {[one['sequence'] for one in events]} for {message['sequence']}"
            elif events[-1]["data"]["message"]["state"] != message["state"]:
                yield f"{id_} is {message['state']} and was told to be {events[-1]['data']['message']['state']}"

    def report(self) -> str:
        reasons = Counter(str(one["reason"]) for one in self.messages.values() if one["state"] == "failed")
        unsure = Counter(str(one["reason"]) for one in self.messages.values() if one["state"] == "uncertain")
        return "\n".join(
            [
                f"{self.campaign.killed} kills, with requests under way: {self.campaign.held_when_killed}",
                f"{self.vendors.requests} requests, {len(self.vendors.ledger)} taken",
                f"{dict(self.states)}",
                f"failed: {dict(reasons)}",
                f"uncertain: {dict(unsure)}; phones have shown {self.shown('uncertain')} of them",
            ]
        )


async def run(campaign: Campaign, root: Path) -> Outcome:
    """A campaign on servers of its own."""
    servers = LocalServers(root)
    try:
        await asyncio.get_running_loop().run_in_executor(None, servers.start)
        return await campaign.run(servers.urls.world("delivery"), root / "notify")
    finally:
        servers.kill()


def main() -> int:
    """Exit code 0 when the ledger balances, 1 when not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # told to stop, it stops its servers as with Ctrl-C
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # that answers break off is the purpose
    print(f"seed {given.seed}: {given.kills} kills over {given.messages} messages")
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:7.0f} s  {line}", flush=True)

    root = Path(tempfile.mkdtemp(prefix="binaan-delivery-"))
    try:
        outcome = asyncio.run(run(Campaign(given.seed, given.messages, given.kills, say), root))
    except KeyboardInterrupt:
        print("interrupted; everything is stopped")
        return 130
    finally:
        shutil.rmtree(root, ignore_errors=True)
    wrong = outcome.wrong()
    say("all is quiet")
    print(outcome.report())
    print("\n".join(wrong) if wrong else "The ledger balances: each once, failed with a reason, or uncertain.")
    print(f"seed {given.seed}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
