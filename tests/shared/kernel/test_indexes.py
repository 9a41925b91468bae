"""Every query has an index: what the server itself wrote down of the queries that it was really asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from services.aid import store as aid
from services.notify import store as notify
from services.registry import store as registry
from shared.kernel import depths
from shared.kernel.depths import Depths
from shared.kernel.held import HELD
from shared.kernel.keys import KeyFileError, Keyring
from shared.kernel.lease import Lease
from shared.kernel.state import AtMost, ById, ByKey, ByTag, Collection, Count, Due, Lookup, Outdated, Page, WorkingSet
from shared.kernel.store import Store
from tests.shared.kernel.toy import (
    ADMINISTRATOR,
    COLLECTIONS,
    DATABASE,
    MEMBERS,
    NOW,
    THINGS,
    Member,
    Thing,
    Toy,
    delivery,
    put,
)

pytestmark = pytest.mark.servers

PROFILE = "system.profile"


@asynccontextmanager
async def watched(toy: Toy) -> AsyncIterator[list[dict[str, Any]]]:
    """What the server did for the toy's database meanwhile, as its profiler saw it; filled when the context ends."""
    database = toy.mongo.client[DATABASE]
    did: list[dict[str, Any]] = []
    await database[PROFILE].drop()
    await database.command("profile", 2)
    try:
        yield did
    finally:
        await database.command("profile", 0)
        found = await database[PROFILE].find({}).to_list(None)
        did += [one for one in found if not one["ns"].endswith(PROFILE)]
        await database[PROFILE].drop()


def scans(did: Iterable[dict[str, Any]]) -> list[tuple[str, str, Any]]:
    """Queries that went through a whole collection."""
    return [(one["op"], one["ns"], one["command"]) for one in did if "COLLSCAN" in one.get("planSummary", "")]


def planned(did: Iterable[dict[str, Any]]) -> set[str]:
    """The collections in which something was searched, changed or deleted by a plan."""
    return {one["ns"].split(".", 1)[1] for one in did if "planSummary" in one}


async def load(store: Store, toy: Toy, *lookups: Lookup) -> WorkingSet:
    working = WorkingSet()
    async with toy.mongo.transaction() as session:
        await store.load(lookups, working, {}, session)
    return working


async def test_the_profiler_tells_a_scan(toy: Toy) -> None:
    """That the tests below can fail."""
    async with watched(toy) as did:
        await toy.mongo.collection("things").find({"s.value": 1}).to_list(None)
    assert [namespace for _, namespace, _ in scans(did)] == [f"{DATABASE}.things"]


async def test_the_life_of_a_message_scans_nothing(toy: Toy) -> None:
    """Decided, repeated, reused, held, behind another, tried again, requeued, discarded, published: all by index."""
    toy.behaviour.broken.add("bad")
    lease = Lease(toy.mongo, "workers", "one")
    await lease.ensure()
    async with watched(toy) as did:
        await toy.process(put("t", "m-1"), put("bad", "m-2"), put("bad", "m-3"))
        await toy.process(put("t", "m-1"), put("t", "m-1", value=2), delivery("toy.member.join", {"name": "a"}, "m-4"))
        toy.behaviour.broken.clear()
        await toy.retry(NOW + timedelta(hours=1))
        await toy.process(put("u", "m-5", "raising"), delivery("toy.thing.put", {}, "m-6", None))
        for position, held in enumerate(await toy.held()):
            verb = ("requeue", "discard")[position % 2]
            await toy.ask(f"toy.held.{verb}", {"held_id": held.held_id, "reason": "-"}, held.held_id, ADMINISTRATOR)
        await toy.ask("toy.held.request", {"state": "parked"}, "m-7", ADMINISTRATOR)
        unsent = await toy.outbox.unsent()
        await toy.outbox.left_by_others(unsent)
        await toy.outbox.older(unsent)
        await toy.outbox.delete(one.id for one in unsent)
        assert await lease.acquire()
        await lease.release()
    assert planned(did) == {"things", "members", "held", "inbox", "outbox", "guards", "leases"}
    assert scans(did) == []


def every_lookup(collection: Collection[Any]) -> list[Lookup]:
    return [
        ById(collection, "a"),
        ById(collection, "b"),
        ByKey(collection, "a"),
        ByTag(collection, "a"),
        Page(collection, "a", after="a"),
        AtMost(collection, "a", limit=2),
        AtMost(collection, "b", limit=2),
        Count(collection, "a"),
        Due(collection, until=NOW),
        *([Outdated(collection)] if collection.protected else []),
    ]


SERVICES: dict[str, tuple[Collection[Any], ...]] = {
    "registry": registry.COLLECTIONS,
    "aid": aid.COLLECTIONS,
    "notify": notify.COLLECTIONS,
    "toy": COLLECTIONS,
}


@pytest.mark.parametrize(("service", "collections"), SERVICES.items(), ids=list(SERVICES))
async def test_every_lookup_in_every_collection_of_a_service_has_an_index(
    toy: Toy, service: str, collections: tuple[Collection[Any], ...]
) -> None:
    """Each by itself, and all of one collection in one query, as a batch asks for them."""
    store = Store(toy.mongo, toy.keyring, [*collections, HELD])
    await store.ensure()
    async with watched(toy) as did:
        for collection in (*collections, HELD):
            for lookup in every_lookup(collection):
                await load(store, toy, lookup)
            await load(store, toy, *every_lookup(collection))
        async with toy.mongo.transaction() as session:
            await store.oldest_by_tag(HELD, {"lane:a", "lane:b"}, session)
            await store.any_tagged(HELD, "all")
    assert planned(did) == {collection.name for collection in (*collections, HELD)}, service
    assert scans(did) == []


async def test_a_page_of_a_large_set_reads_that_page_only_and_sorts_nothing(toy: Toy) -> None:
    """A region has tens of thousands of businesses: a step through them must not cost more the further it is."""
    few = [Member(member_id=f"{number:05d}", name=f"{number}", circle="few") for number in range(0, 3000, 3)]
    many = [Member(member_id=f"{number:05d}", name=f"{number}") for number in range(3000) if number % 3]
    await toy.put_states(*few, *many)
    async with watched(toy) as did:
        page = Page(MEMBERS, "circle:few", after="01500", limit=50)
        found = (await load(toy.store, toy, page)).all(page)
    assert [one.member_id for one in found] == [f"{number:05d}" for number in range(1503, 1653, 3)]
    (query,) = [one for one in did if one["op"] == "query"]
    assert query["docsExamined"] <= 51
    assert not query.get("hasSortStage")


async def test_many_bounded_sets_are_read_in_one_command_each_to_its_own_bound(toy: Toy) -> None:
    """The clock that looks for double records reads three blocks of each business, and one may hold half a regency."""
    many = [Member(member_id=f"m{number}", name=f"m{number}", circle="many") for number in range(1500)]
    few = [Member(member_id=f"f{number}", name=f"f{number}", circle="few") for number in range(3)]
    await toy.put_states(*many, *few)
    lookups = [
        AtMost(MEMBERS, f"circle:{circle}", limit=20) for circle in ("many", "few", "none", *map(str, range(147)))
    ]
    async with watched(toy) as did:
        working = await load(toy.store, toy, *lookups)
    assert [len(working.all(one)) for one in lookups[:3]] == [20, 3, 0]
    assert {one.circle for one in working.all(lookups[0])} == {"many"}
    assert scans(did) == []
    assert sum(one.get("docsExamined", 0) for one in did) <= 2 * 25
    assert len([one for one in did if one["op"] == "command" and "aggregate" in one["command"]]) == 1


async def test_a_count_is_a_figure_and_loads_nothing(toy: Toy) -> None:
    """A campaign has tens of thousands of messages; how many stand where is asked every second."""
    many = [Member(member_id=f"m{number}", name=f"m{number}", circle="many") for number in range(1500)]
    await toy.put_states(*many, Member(member_id="one", name="one", circle="few"))
    lookups = [Count(MEMBERS, f"circle:{circle}") for circle in ("many", "few", "none")]
    async with watched(toy) as did:
        working = await load(toy.store, toy, *lookups)
    assert [working.count(one) for one in lookups] == [1500, 1, 0]
    assert working.of(MEMBERS) == []
    assert scans(did) == []


async def test_what_is_due_is_read_oldest_first_without_looking_at_the_rest(toy: Toy) -> None:
    """Every second, by every service: it must cost nothing when thousands wait for later."""
    due = [Thing(thing_id=f"due {minute}", due=NOW - timedelta(minutes=minute)) for minute in range(20)]
    later = [Thing(thing_id=f"later {minute}", due=NOW + timedelta(minutes=minute + 1)) for minute in range(1500)]
    never = [Thing(thing_id=f"never {number}") for number in range(1500)]
    await toy.put_states(*later, *never, *due)
    async with watched(toy) as did:
        lookup = Due(THINGS, until=NOW, limit=10)
        found = (await load(toy.store, toy, lookup)).all(lookup)
    assert [one.thing_id for one in found] == [f"due {minute}" for minute in range(19, 9, -1)]
    (query,) = [one for one in did if one["op"] == "query"]
    assert query["docsExamined"] <= 11
    assert not query.get("hasSortStage")


async def test_a_rotation_of_keys_looks_along_indexes(toy: Toy) -> None:
    """Among millions of replies it must find the few that are still under the older key, and that there are none."""
    await toy.process(*(put(f"t-{number}", f"m-{number}", secret="s") for number in range(30)))
    keyring = Keyring("k2", {"k1": b"o" * 32, "k2": b"n" * 32}, ids=b"i" * 64)
    other = Toy(toy.url, DATABASE, keyring=keyring)
    async with watched(toy) as did:
        await other.rekeying.check()
        assert (await other.rekeying.left())["inbox"] == 30
        with pytest.raises(KeyFileError, match="altered"):  # it is another k1
            await other.inbox.reseal(10)
        await load(other.store, other, *(Outdated(one) for one in other.store.protected if one is not THINGS))
    await other.mongo.close()
    assert planned(did) == {"things", "held", "inbox", "outbox"}
    assert scans(did) == []


async def test_the_sweeper_reads_its_page_in_the_order_of_the_index(toy: Toy) -> None:
    """After an outage of the broker the outbox is long; sorting it in memory would fail at 100 MB."""
    await toy.process(*(put(f"t-{number}", f"m-{number}") for number in range(300)))
    async with watched(toy) as did:
        assert len(await toy.outbox.unsent()) == 300
    assert not any(one.get("hasSortStage") for one in did)


async def test_how_much_waits_is_counted_along_an_index_and_no_further_than_needed(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scraper asks every few seconds, and most of all when there is much."""
    monkeypatch.setattr(depths, "COUNT_AT_MOST", 50)
    toy.behaviour.broken.add("bad")
    await toy.process(*(put(f"t-{number}", f"m-{number}") for number in range(120)))
    await toy.process(*(put("bad", f"h-{number}") for number in range(3)))
    async with watched(toy) as did:
        found = await Depths(toy.mongo, toy.rekeying).look()
    assert (found.entries, found.held) == (50, {"retrying": 3, "parked": 0, "unreadable": 0})
    assert found.oldest_seconds > 0
    assert planned(did) == {"outbox", "held"}
    assert scans(did) == []
    assert all(one.get("docsExamined", 0) <= 1 and one["keysExamined"] <= 51 for one in did if "planSummary" in one)
    assert not any(one.get("hasSortStage") for one in did)


async def test_all_that_a_transaction_writes_to_is_there_before_the_first_one(toy: Toy) -> None:
    """A collection made within a transaction locks out all others until it ends."""
    database = toy.mongo.client[f"{DATABASE}_new"]
    try:
        fresh = Toy(toy.url, f"{DATABASE}_new", keyring=toy.keyring)
        await fresh.ensure()
        await fresh.mongo.close()
        made = set(await database.list_collection_names())
        assert made == {one.name for one in COLLECTIONS} | {"held", "inbox", "outbox", "guards"}
    finally:
        await toy.mongo.client.drop_database(f"{DATABASE}_new")
