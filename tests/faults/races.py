"""``python -m tests.faults.races``: two offices approve the same for one person in one instant, a thousand times.

Each person has a business in either city. Both offices have proposed and verified a grant of one kind and purpose, each
to the business in its own city; then both decrees are sent at once, to two replicas that take them side by side. One of
the two must win, the other must be refused for the overlap, and either office must hear of it by its own queue, which
is bound to its own region alone (S1-24, S3-06).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import shutil
import signal
import statistics
import sys
import tempfile
import time
import urllib.request
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from pathlib import Path

from deploy.local.servers import LocalServers
from deploy.local.world import World
from services.aid.recipient import pair_id
from shared.contracts.registry.businesses import BusinessEvent
from tests import samples
from tests.samples import MEDAN, REGIONS, SIANTAR
from tests.services.aid.memory import business
from tests.support import Json, Party, Reader, ServiceProcess, Teller, known_to, until

OFFICES = (MEDAN, SIANTAR)
ROLES = ("petugas", "kabid", "kadis")
AT_ONCE = 20
"""People who are raced for at the same time."""
MILLISECOND = 0.001
_DECREE = {"number": "SK-12/2026", "date": "2026-01-05"}
_PAPERS = [{"kind": "usulan", "location": "ARSIP/usulan"}]
PATIENCE = 120.0


def person(number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"person {number}"))


def business_of(number: int, office: str) -> str:
    return f"{office}-{number:05d}"


@dataclass
class Races:
    """What came of them: ``apart`` are the seconds between the two decrees of a pair, ``wrong`` what must not be.

    There are races until ``count`` of them were within a millisecond, which a busy machine does not always manage.
    """

    count: int
    say: Callable[[str], None]
    won: Counter[str] = field(default_factory=Counter)
    apart: list[float] = field(default_factory=list)
    conflicts: int = 0
    """How often a replica has had to decide a batch again."""
    wrong: list[str] = field(default_factory=list)

    @property
    def people(self) -> int:
        """So many are there to be raced for."""
        return 2 * self.count + AT_ONCE

    @property
    def within(self) -> int:
        return sum(1 for one in self.apart if one <= MILLISECOND)


async def run(races: Races, world: World, root: Path) -> None:
    async with AsyncExitStack() as stack:
        replicas = [await stack.enter_async_context(ServiceProcess(world, "aid", root)) for _ in range(2)]
        for office in OFFICES:
            world.add_account(office, events_bindings=[f"#.{REGIONS[office]}"])
        registry = await stack.enter_async_context(Teller(world, "registry"))
        parties = {one: await stack.enter_async_context(Party(world, one)) for one in (*OFFICES, "binaan")}
        heard = {one: await stack.enter_async_context(Reader(world, one, f"{one}.events")) for one in OFFICES}
        await _known(races, registry, parties["binaan"])
        programmes = {one: await _opened(races, parties[one], one) for one in OFFICES}
        races.say("both offices are ready")
        pairs: dict[int, dict[str, str]] = {}
        people = takewhile(lambda _: races.within < races.count, range(races.people))
        await _each(people, lambda number: _race(races, number, parties, programmes, pairs))
        await _told(races, pairs, heard)
        await _each(pairs, lambda number: _had(races, number, parties[MEDAN]))
        if races.within < races.count:
            races.wrong.append(f"only {races.within} races were within a millisecond")
        races.conflicts = sum(map(_conflicts, replicas))


async def _each(numbers: Iterable[int], one: Callable[[int], Awaitable[None]]) -> None:
    waiting = iter(numbers)

    async def worker() -> None:
        for number in waiting:
            await one(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(worker())


async def _known(races: Races, registry: Teller, administrator: Party) -> None:
    for office in OFFICES:
        region = REGIONS[office]
        await registry.tell("registry.agency.registered", samples.agency(office, region=region), office, region=region)
        for role in ROLES:
            official = samples.official(office, role)
            await registry.tell("registry.official.registered", official, official.official.official_id, region=region)
    for start in range(0, races.people, 100):
        told = [(number, one) for number in range(start, min(start + 100, races.people)) for one in OFFICES]
        await asyncio.gather(*(_business(registry, *one) for one in told))
    await known_to(administrator, "aid", OFFICES, officials=len(ROLES))


async def _business(registry: Teller, number: int, office: str) -> None:
    id_, region = business_of(number, office), f"{REGIONS[office]}.01.1001"
    state = business(id_, owner_id=person(number), region=region, agency=office, status="binaan")
    event = BusinessEvent.model_validate({"business": state})
    await registry.tell("registry.business.designated", event, id_, region=region)


async def _opened(races: Races, party: Party, office: str) -> str:
    """Returns when the office's businesses are there: what it opens now finds them."""
    goods = {"kind": "equipment", "aid_form": "barang_diserahkan", "topic": "gerobak", "unit_cost": 1_500_000}
    money = {"budget": [{"source": "apbd", "pagu": 1_500_000 * races.people}], "quota": races.people}
    data = samples.programme(agency=office, region=REGIONS[office], criteria=[], announce="never", **goods, **money)
    return str((await party.accepted("aid.programme.open", data, actor="kadis"))["programme_id"])


async def _race(
    races: Races, number: int, parties: dict[str, Party], programmes: dict[str, str], pairs: dict[int, dict[str, str]]
) -> None:
    grants = {one: await _verified(parties[one], programmes[one], business_of(number, one)) for one in OFFICES}
    pairs[number] = grants
    order = OFFICES if number % 2 else OFFICES[::-1]
    bodies = {one: _decree(parties[one], grants[one]) for one in order}
    sent: list[float] = []

    async def decide(office: str) -> Json:
        party, id_ = parties[office], grants[office]
        sent.append(time.perf_counter())
        await party.publish("aid.grant.decide", bodies[office], message_id=id_)
        return dict((await party.reply_to(id_, PATIENCE))["data"])

    replies = dict(zip(order, await asyncio.gather(*map(decide, order)), strict=True))
    races.apart.append(max(sent) - min(sent))
    races.wrong += [f"{number}: {one}" for one in _outcome(races, replies)]


def _decree(party: Party, grant_id: str) -> bytes:
    return party.body("aid.grant.decide", {"grant_id": grant_id, "decree": _DECREE}, grant_id, actor="kadis")


async def _verified(party: Party, programme_id: str, beneficiary_id: str) -> str:
    proposal = {"programme_id": programme_id, "beneficiary_id": beneficiary_id, "documents": _PAPERS}
    grant_id = str((await _taken(party, "propose", proposal, "petugas"))["grant_id"])
    await _taken(party, "submit", {"grant_id": grant_id}, "petugas")
    await _taken(party, "verify", {"grant_id": grant_id}, "kabid")
    return grant_id


async def _taken(party: Party, step: str, data: Json, actor: str) -> Json:
    id_ = await party.send(f"aid.grant.{step}", data, actor=actor)
    said = (await party.reply_to(id_, PATIENCE))["data"]
    if "result" not in said:
        raise AssertionError(f"{step}: {said}")
    return dict(said["result"])


def _outcome(races: Races, replies: dict[str, Json]) -> Iterator[str]:
    winners = [office for office, said in replies.items() if "result" in said]
    refused = [[one["code"] for one in said["problems"]] for said in replies.values() if "problems" in said]
    races.won.update(winners)
    if len(winners) != 1:
        yield f"{len(winners)} offices have won"
    if refused != [["overlap.blocked"]]:
        yield f"refused for {refused}"


async def _told(races: Races, pairs: dict[int, dict[str, str]], heard: dict[str, Reader]) -> None:
    """Either office has heard by its own queue that one of the two is approved and the other is not."""
    overlaps = {pair_id(*grants.values()): number for number, grants in pairs.items()}
    for office, reader in heard.items():
        try:
            await until(partial(_all_hard, reader, overlaps), PATIENCE, "all overlaps")
        except TimeoutError:
            missing = overlaps.keys() - _hard(reader).keys()
            races.wrong.append(f"{office} has not heard of {len(missing)} of {len(overlaps)}")
        for id_, state in _hard(reader).items():
            stages = sorted(one["stage"] for one in state["sides"])
            if set(state["agencies"]) != set(OFFICES) or stages != ["approved", "planned"]:
                races.wrong.append(f"{overlaps.get(id_)}: {office} heard {state}")


def _all_hard(reader: Reader, overlaps: Iterable[str]) -> bool:
    return set(overlaps) <= _hard(reader).keys()


def _hard(reader: Reader) -> dict[str, Json]:
    """The overlaps that an office has heard of as hard, by id."""
    told = (one.body for one in reader.of("aid.overlap.detected"))
    return {one["subject"]: one["data"]["overlap"] for one in told if one["data"]["overlap"]["hard"]}


async def _had(races: Races, number: int, party: Party) -> None:
    answer = (await party.ask("aid.recipient.request", {"business_id": business_of(number, MEDAN)}))["data"]["answer"]
    if answer["served"] != 1:
        races.wrong.append(f"{number} was given {answer['served']} times")


def _conflicts(replica: ServiceProcess) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{replica.port}/metrics", timeout=10) as page:
        lines = page.read().decode().splitlines()
    return int(sum(float(one.rpartition(" ")[2]) for one in lines if one.startswith(_CONFLICTS)))


_CONFLICTS = "binaan_conflicts_total "


# --- by hand ----------------------------------------------------------------------------------------------------------


def main() -> int:
    """Exit code 0 when one has won each time and both were told, 1 when not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--races", type=int, default=1000)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # told to stop, it stops its servers as with Ctrl-C
    for library in ("aio_pika", "aiormq"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    began = time.monotonic()
    races = Races(given.races, lambda line: print(f"{time.monotonic() - began:7.0f} s  {line}", flush=True))
    root = Path(tempfile.mkdtemp(prefix="binaan-races-"))
    servers = LocalServers(root)
    try:
        servers.start()
        asyncio.run(run(races, servers.urls.world("races"), root / "aid"))
    finally:
        servers.kill()
        shutil.rmtree(root, ignore_errors=True)
    print(summary(races))
    return 1 if races.wrong else 0


def summary(races: Races) -> str:
    apart = sorted(races.apart)
    won = json.dumps(dict(sorted(races.won.items())))
    lines = [
        f"{len(apart)} people, won by {won}, batches decided again {races.conflicts}",
        f"decrees apart: median {statistics.median(apart) * 1e6:.0f} µs, {races.within} of {len(apart)} within 1 ms",
        *races.wrong[:20],
    ]
    verdict = "one office won each time, and both were told" if not races.wrong else f"{len(races.wrong)} wrong"
    return "\n".join([*lines, verdict])


if __name__ == "__main__":
    sys.exit(main())
