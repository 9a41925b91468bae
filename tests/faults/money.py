"""``python -m tests.faults.money``: four processes give away the last rupiah at once, and are killed at it.

Payments of 1, 2 … N rupiah are asked of one budget line, twice as many as it can pay for (its ceiling is their sum: of
1,002 payments 502,503), each by a grant of its own that goes from the draft to its end. Every message is sent twice,
the copy at any later time; processes are killed at random while they work. All the while, and at the end, the books
must hold: claims never above the ceiling, balances the sum of the entries, no grant without an entry and no entry
without a grant.
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
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.read_concern import ReadConcern

from deploy.local.servers import LocalServers
from deploy.local.world import World
from shared.contracts.registry.businesses import BusinessEvent
from tests import samples
from tests.end_to_end.stage import in_queue
from tests.faults.books import _ToTheEnd as ToTheEnd
from tests.faults.crew import Crew
from tests.faults.load import Agency, Load, Message
from tests.samples import MEDAN, programme
from tests.services.aid.memory import business
from tests.support import Json, Party, Teller, known_to, until

PROCESSES = 4
AT_ONCE = 60
"""Grants whose messages are under way at the same time."""
_BALANCES = ("reserved", "committed", "realised")
_PAPER = {"number": "SK-12/2026", "date": "2026-01-05"}
_OPEN: Json = {
    "kind": "capital",
    "aid_form": "barang_diserahkan",
    "topic": None,
    "unit_cost": 10**9,
    "criteria": [],
    "announce": "never",
}


# --- what is asked ----------------------------------------------------------------------------------------------------


@dataclass
class Payments:
    """Two grants of each value, for two people: one half is paid from the line in the end, the other half competes."""

    load: Load
    agency: Agency
    payments: int
    year: int
    patience: float
    refused: dict[str, int] = field(default_factory=dict)
    """Grants that the line could not pay for, with what they asked for."""
    grants: dict[str, int] = field(default_factory=dict)
    """Grants whose money was reserved."""

    async def told(self, id_: str, key: str, data: Json, actor: str) -> Json:
        """One message, twice; what its first reply says."""
        message = Message(id_, key, data, attributes={"actor": actor})
        await self.load.send(message)
        return await self.agency.answer(id_, self.patience)

    async def accepted(self, id_: str, key: str, data: Json, actor: str) -> Json:
        said = await self.told(id_, key, data, actor)
        if "result" not in said:
            raise AssertionError(f"{id_}: {said}")
        return dict(said["result"])

    async def apply(self, programmes: list[str]) -> None:
        """Every payment is asked for by each programme, in any order, as many at once as the agency manages."""
        asked = [(which, value) for which in range(len(programmes)) for value in range(1, self.payments + 1)]
        Random(0).shuffle(asked)
        await self._each(asked, lambda one: self._ask(programmes[one[0]], *one))

    async def _ask(self, programme_id: str, which: int, value: int) -> None:
        name = f"{which}-{value}"
        data = {"programme_id": programme_id, "beneficiary_id": person(which, value), "value": value}
        data |= {"documents": [{"kind": "usulan", "location": f"ARSIP/{name}"}]}
        grant_id = (await self.accepted(f"propose-{name}", "aid.grant.propose", data, "petugas"))["grant_id"]
        await self.accepted(f"submit-{name}", "aid.grant.submit", {"grant_id": grant_id}, "petugas")
        said = await self.told(f"verify-{name}", "aid.grant.verify", {"grant_id": grant_id}, "kabid")
        if "result" in said:
            self.grants[grant_id] = value
        else:
            assert [one["code"] for one in said["problems"]] == ["budget.exhausted"], said
            self.refused[grant_id] = value

    async def pay(self, cancelled: int) -> None:
        """What was reserved is decided and handed over, but for the payments of one value, which are given up."""
        await self._each(list(self.grants.items()), lambda one: self._pay(*one, give_up=one[1] == cancelled))

    async def _pay(self, grant_id: str, value: int, *, give_up: bool) -> None:
        data = {"grant_id": grant_id}
        paper = {**_PAPER, "date": f"{self.year}-01-05"}
        await self.accepted(f"decide-{grant_id}", "aid.grant.decide", {**data, "decree": paper}, "kadis")
        if give_up:
            await self.accepted(f"cancel-{grant_id}", "aid.grant.cancel", {**data, "reason": "batal"}, "kadis")
            return
        handed = {**data, "receipt": {**paper, "number": f"BAST-{value}"}, "signer_role": "pemilik"}
        await self.accepted(f"hand-{grant_id}", "aid.grant.hand_over", handed, "petugas")

    @staticmethod
    async def _each(asked: list[Any], tell: Callable[[Any], Any]) -> None:
        waiting = iter(asked)

        async def some() -> None:
            for one in waiting:
                await tell(one)

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(some())


def person(which: int, value: int) -> str:
    return f"usaha-{which}-{value:05d}"


# --- what must be true at every moment --------------------------------------------------------------------------------


class Auditor:
    """Looks at the ledger over and over, each time at one moment of it; ``looks`` counts, ``wrong`` says what."""

    def __init__(self, world: World) -> None:
        self._client: AsyncMongoClient[Json] = AsyncMongoClient(world.mongo_url)
        self._database = self._client[world.databases["aid"]]
        self.looks, self.wrong = 0, list[str]()

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        watch = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch

    async def close(self) -> None:
        await self._client.close()

    async def _watch(self) -> None:
        while not self.wrong:
            await self.look()
            await asyncio.sleep(0.2)  # not a wait for anything: how often it looks

    async def look(self) -> None:
        """All accounts, entries and grants as of one moment."""
        async with (
            self._client.start_session() as session,
            await session.start_transaction(read_concern=ReadConcern("snapshot")),
        ):
            found = {
                name: [one["s"] async for one in self._database[name].find({}, session=session)]
                for name in ("accounts", "entries", "grants")
            }
        self.looks += 1
        self.wrong += audit(**found)


def audit(accounts: list[Json], entries: list[Json], grants: list[Json]) -> Iterator[str]:
    """What is wrong with the books of one moment, reckoned here and not with the ledger's own means."""
    by_line, by_grant = defaultdict(list), defaultdict(list)
    for one in entries:
        by_line[one["budget_id"]].append(one)
        if one["grant_id"] is not None:
            by_grant[one["grant_id"]].append(one["kind"])
    for account in accounts:
        if sum(account[name] for name in _BALANCES) > account["pagu"]:
            yield f"more than there is: {account}"
        if (sums := _sums(by_line[account["budget_id"]])) != {name: account[name] for name in sums}:
            yield f"balances {account} are not the sum {sums}"
    known = {one["grant_id"]: one for one in grants}
    yield from (f"entries of no grant: {one}" for one in by_grant.keys() - known.keys())
    for grant_id, grant in known.items():
        if Counter(by_grant[grant_id]) != Counter(_of(grant)):
            yield f"{grant_id} is {grant['status']} and has {by_grant[grant_id]}"


def _sums(entries: list[Json]) -> Json:
    sums = dict.fromkeys((*_BALANCES, "pagu"), 0)
    for one in entries:
        for name, amount in ((one["taken_from"], -one["amount"]), (one["put_into"], one["amount"])):
            if name in _BALANCES:
                sums[name] += amount
        sums["pagu"] += one["amount"] if one["taken_from"] == "pagu" else 0
    return sums


def _of(grant: Json) -> Iterator[str]:
    """Which entries a grant has, by what has been done about it."""
    if grant["verified_by"]:
        yield "reserve"
    if grant["decided_by"]:
        yield "commit"
    yield from ["realise"] * len(grant["hand_overs"])
    if grant["status"] in {"cancelled", "rejected"} and grant["verified_by"]:
        yield "release"


# --- a run ------------------------------------------------------------------------------------------------------------


@dataclass
class Run:
    """How much, and what has come of it."""

    seed: int
    payments: int
    kills: int
    cancelled: int
    say: Callable[[str], None] = lambda _: None
    paid: int = 0
    looks: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)
    counted: int = 0
    deliveries: int = 0
    reserved: int = 0
    refused: int = 0

    @property
    def pagu(self) -> int:
        return self.payments * (self.payments + 1) // 2


async def give(run: Run, world: World, root: Path, patience: float = 240) -> None:
    """Everything that is asked, broken on the way, and the books at the end."""
    began = time.monotonic()
    crew = Crew(world, root, PROCESSES, services=("aid",))
    try:
        await crew.start()
        year = await _told_who_is_there(world, run.payments)
        auditor = Auditor(world)
        async with Agency(world) as agency, auditor.watching():
            load = Load(agency, run.seed, patience=patience)
            told = Payments(load, agency, run.payments, year, patience)
            killing = asyncio.create_task(_kill(crew, run, Random(f"{run.seed}/kills")))
            try:
                await _tell(run, told)
                await load.tell(0)  # the copies that are still to come
                await killing
            finally:
                killing.cancel()
                with suppress(asyncio.CancelledError):
                    await killing
            await until(lambda: _is_quiet(crew), patience, "quiet after the kills")
        await auditor.look()
        run.wrong += [*auditor.wrong, *await _history(world), *_replies(load, agency)]
        run.looks, run.counted, run.deliveries = auditor.looks, sum(crew.kills.values()), load.deliveries
        await auditor.close()
        codes = await crew.stop()
        run.wrong += [f"{name} ended with {code}" for name, code in codes.items() if code]
    finally:
        crew.slay()
        run.seconds = time.monotonic() - began


async def _tell(run: Run, told: Payments) -> None:
    """First all ask for the money at once; then what was reserved is paid out."""
    line = {"source": "apbd", "line": "2.17.05", "pagu": run.pagu}
    programmes = [await _open(told, name, line) for name in ("Modal A", "Modal B")]
    await told.apply(programmes)
    reserved = sum(told.grants.values())
    run.reserved, run.refused = len(told.grants), len(told.refused)
    run.say(f"{reserved} of {run.pagu} rupiah reserved by {len(told.grants)} grants, {len(told.refused)} refused")
    if reserved > run.pagu:
        run.wrong.append(f"{reserved} reserved")
    if told.refused and run.pagu - reserved >= min(told.refused.values()):
        run.wrong.append(f"{run.pagu - reserved} rupiah are left, and {min(told.refused.values())} were refused")
    await told.pay(run.cancelled)
    run.paid = sum(value for value in told.grants.values() if value != run.cancelled)


async def _open(told: Payments, name: str, line: Json) -> str:
    data = programme(name=name, fiscal_year=told.year, budget=[line], **_OPEN)
    return str((await told.accepted(f"open-{name}", "aid.programme.open", data, "kadis"))["programme_id"])


async def _told_who_is_there(world: World, payments: int) -> int:
    """What registry would tell: the agency with its three officials, and the businesses; the year there is now."""
    agency = samples.agency(MEDAN)
    async with Teller(world, "registry") as registry:
        await registry.tell("registry.agency.registered", agency, MEDAN)
        for role in ("petugas", "kabid", "kadis"):
            official = samples.official(MEDAN, role)
            await registry.tell("registry.official.registered", official, official.official.official_id)
        people = [person(which, value) for which in range(2) for value in range(1, payments + 1)]
        for start in range(0, len(people), 200):
            await asyncio.gather(*(_tell_of(registry, one) for one in people[start : start + 200]))
        async with Party(world, "binaan") as administrator:
            await known_to(administrator, "aid", (MEDAN,), officials=3)
    await until(lambda: _nothing_waits(world, "aid.events"), 120, "the businesses are known")
    return time.gmtime().tm_year


async def _tell_of(registry: Teller, business_id: str) -> None:
    state = business(business_id, status="binaan", scale="mikro")
    await registry.tell("registry.business.designated", BusinessEvent.model_validate({"business": state}), business_id)


async def _nothing_waits(world: World, *queues: str) -> bool:
    return not await in_queue(world, *queues)


async def _kill(crew: Crew, run: Run, rng: Random) -> None:
    """So many, one after the other, whenever something was committed since the last."""
    for number in range(run.kills):
        await crew.kill_anyone(rng, 180)
        run.say(f"kill {number + 1}: {sum(crew.kills.values())} count")


async def _is_quiet(crew: Crew) -> bool:
    crew.bury()
    if not crew.idle or await in_queue(crew.world, "aid.intake", "aid.events", f"{MEDAN}.replies"):
        return False
    async with AsyncMongoClient[Json](crew.world.mongo_url) as client:
        return await client[crew.world.databases["aid"]]["outbox"].find_one() is None


async def _history(world: World) -> list[str]:
    """The line as everybody was told of it: without gaps, never above its ceiling, each event the sum of the entries
    before it, and the last one what there is."""
    async with ToTheEnd(world) as history:
        await history.mark()
        await until(lambda: history.ended, 120, "the end of the history")
    async with AsyncMongoClient[Json](world.mongo_url) as client:
        kept = {one["_id"]: one["s"] async for one in client[world.databases["aid"]]["accounts"].find({})}
    found = {subject: events for subject, events in history.by_subject().items() if subject in kept}
    wrong = [f"nothing was told of {one}" for one in kept.keys() - found.keys()]
    for subject, events in found.items():
        wrong += _told_of(events, kept[subject])
    return wrong


def _told_of(events: list[Json], kept: Json) -> Iterator[str]:
    if [int(one["sequence"]) for one in events] != list(range(1, kept["sequence"] + 1)):
        yield "the events of the line have gaps or doubles"
    entries: list[Json] = []
    for one in events:
        state, entry = one["data"]["budget"], one["data"]["change"].get("entry")
        entries += [entry] if entry else []
        sums = _sums(entries)
        if sums != {name: state[name] for name in sums}:
            yield f"event {one['sequence']} says {state} where the entries say {sums}"
        if sum(state[name] for name in _BALANCES) > state["pagu"]:
            yield f"event {one['sequence']} is above the ceiling"
    if any(events[-1]["data"]["budget"][name] != kept[name] for name in (*_BALANCES, "pagu", "released")):
        yield "the last event is not what there is"


def _replies(load: Load, agency: Agency) -> Iterator[str]:
    """One reply to each message, of equal bytes however often it was sent."""
    for id_ in load.sent:
        if (different := len(set(agency.replies[id_]))) != 1:
            yield f"{id_} has {different} different replies"


# --- by hand ----------------------------------------------------------------------------------------------------------


def main() -> int:
    """Exit code 0 when the books hold, 1 when not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--payments", type=int, default=1002)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # told to stop, it stops its servers as with Ctrl-C
    for library in ("aio_pika", "aiormq"):
        logging.getLogger(library).setLevel(logging.CRITICAL)  # that connections break is the purpose
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:7.0f} s  {line}", flush=True)

    run = Run(given.seed, given.payments, given.kills, cancelled=given.payments - 1, say=say)
    root = Path(tempfile.mkdtemp(prefix="binaan-money-"))
    servers = LocalServers(root)
    try:
        servers.start()
        asyncio.run(give(run, servers.urls.world("money"), root / "aid", patience=900))
    finally:
        servers.kill()
        shutil.rmtree(root, ignore_errors=True)
    print(f"{run.deliveries} deliveries, {run.counted} counted kills, the books looked at {run.looks} times")
    print(f"{run.paid} rupiah paid of {run.pagu}, {run.reserved} grants, {run.refused} refused")
    print("\n".join(run.wrong) if run.wrong else "The ledger adds up, and no rupiah was given twice.")
    print(f"seed {run.seed}")
    return 1 if run.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
