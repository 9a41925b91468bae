"""Figures of a register of real size, on a real database: read from what is kept ready, and equal to a recount."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from deploy.local.world import World
from services.registry import counting
from services.registry.business import Business
from services.registry.cooperative import Cooperative
from services.registry.counting import Figures, Movement
from services.registry.store import FIGURES
from shared.contracts.registry.businesses import PublishedKbli
from shared.reference import region as regions
from tests.samples import KALTIM, MEDAN
from tests.services.registry.test_forgetting import Kernel, answer_in
from tests.services.registry.test_statistics import kaltim

pytestmark = pytest.mark.servers

MANY, STEP = 100_000, 5_000
AT = datetime(2026, 3, 1, 3, tzinfo=UTC)
STATUSES, SCALES, ROLES = ("terdata", "binaan", "tutup"), ("mikro", "kecil", None), ("ikm", "ukm", None)


def businesses() -> Iterator[Business]:
    """Of all kelurahan of Medan; every third has closed."""
    places, kbli = regions.below("12.71", "village"), PublishedKbli(code="10794", version="2020")
    for number in range(MANY):
        yield Business(
            business_id=f"b-{number:06d}",
            owner_id=f"o-{number:06d}",
            agency=MEDAN,
            name="Usaha Contoh",
            status_since=AT.date(),
            recorded_on=AT.date(),
            region=places[number % len(places)],
            status=STATUSES[number % 3],
            scale=SCALES[number % 5 % 3],
            role=ROLES[number % 7 % 3],
            kbli=kbli if number % 2 else None,
            workers=number % 4,
            sequence=1,
        )


def folded(ones: Iterable[Business | Cooperative]) -> list[Figures]:
    """The figures, folded in steps as the clock folds them."""
    movements = (one for each in ones if (one := counting.moved(None, each, AT)) is not None)
    kept: dict[str, Figures] = {}
    while step := list(islice(movements, STEP)):
        kept |= {one.figures_id: one for one in counting.folded(_touched(kept, step), step).figures}
    return list(kept.values())


def _touched(kept: dict[str, Figures], step: list[Movement]) -> list[Figures]:
    ids = {counting.figures_id(one.of, place) for one in step for place in counting.places(one)}
    return [kept[id_] for id_ in ids if id_ in kept]


def plain(one: Business) -> dict[str, Any]:
    """A document of the register, with what is counted of it."""
    state = {"region": one.region, "status": one.status, "scale": one.scale, "role": one.role, "workers": one.workers}
    return {"_id": one.business_id, "v": 1, "g": 0, "s": state}


@pytest.fixture(scope="module")
async def kernel(world: World) -> AsyncIterator[Kernel]:
    """registry over 100,000 businesses and 6,111 cooperatives."""
    made, ones, kaltims = Kernel(world), list(businesses()), kaltim()
    await made.empty()
    await made.prepare(["registry.statistics.*"])
    province = {"agency": KALTIM, "name": "Dinas", "level": "province", "region": "64"}
    told = {**province, "permitted": ["registry.statistics.*"]}
    await made.send("registry.agency.register", told, account="binaan")
    figures = [made.store._encode(FIGURES, one, 1) for one in (*folded(ones), *folded(kaltims))]
    await made.mongo.collection("figures").insert_many(figures)
    await made.mongo.collection("businesses").insert_many(map(plain, ones), ordered=False)
    of_kaltim = [{"_id": one.cooperative_id, "v": 1, "g": 0, "s": one.model_dump(mode="json")} for one in kaltims]
    await made.mongo.collection("cooperatives").insert_many(of_kaltim)
    yield made
    await made.empty()
    await made.mongo.close()


async def asked(world: World, kernel: Kernel, account: str = MEDAN, **about: Any) -> tuple[Any, dict[str, int]]:
    """The answer to a question, and how many documents of each collection the server examined for it."""
    database = world.databases["registry"]
    async with AsyncMongoClient[dict[str, Any]](world.mongo_url) as client:
        profile = client[database]["system.profile"]
        await profile.drop()
        await client[database].command("profile", 2)
        answer = answer_in(await kernel.send("registry.statistics.request", about, account=account))
        await client[database].command("profile", 0)
        seen = await profile.find({"docsExamined": {"$exists": True}}).to_list(None)
        await profile.drop()
    examined: dict[str, int] = {}
    for one in seen:
        name = str(one["ns"]).removeprefix(f"{database}.")
        examined[name] = examined.get(name, 0) + int(one["docsExamined"])
    return answer, {name: count for name, count in examined.items() if count}


async def recount(kernel: Kernel, collection: str, by: str, amount: str, **match: Any) -> dict[str, tuple[int, int]]:
    """All things looked at one by one, by the database itself."""
    group = {"_id": f"$s.{by}", "count": {"$sum": 1}, "amount": {"$sum": f"$s.{amount}"}}
    cursor = await kernel.mongo.collection(collection).aggregate([{"$match": match}, {"$group": group}])
    return {one["_id"] or counting.UNTOLD: (one["count"], one["amount"]) for one in await cursor.to_list(None)}


@pytest.mark.parametrize("by", ["status", "scale", "role"])
async def test_a_hundred_thousand_businesses_are_told_of_from_three_documents(
    world: World, kernel: Kernel, by: str
) -> None:
    """Medan's own figures and those of the regions above it, from which they could be reckoned; not one business."""
    answer, examined = await asked(world, kernel, of="businesses", by=by)
    assert {row["key"]: (row["count"], row["workers"]) for row in answer["rows"]} == await recount(
        kernel, "businesses", by, "workers", **{"s.status": {"$ne": "tutup"}}
    )
    assert examined == {"figures": 3, "agencies": 1}


async def test_a_table_of_all_kelurahan_takes_no_more(world: World, kernel: Kernel) -> None:
    answer, examined = await asked(world, kernel, of="businesses", by="region")
    places = await recount(kernel, "businesses", "region", "workers", **{"s.status": {"$ne": "tutup"}})
    districts: dict[str, int] = {}
    for village, (count, _) in places.items():
        districts[village[:8]] = districts.get(village[:8], 0) + count
    assert {row["key"]: row["count"] for row in answer["rows"]} == districts
    assert examined == {"figures": 3, "agencies": 1}


@pytest.mark.parametrize("by", ["kelompok", "indicator"])
async def test_six_thousand_cooperatives_are_told_of_from_two_documents(world: World, kernel: Kernel, by: str) -> None:
    """S3-08 to S3-10, S3-01: the province's figures and the nation's."""
    answer, examined = await asked(world, kernel, KALTIM, of="cooperatives", by=by)
    assert (answer["count"], answer["members"]) == (6111, 436_068)
    rows = {row["key"]: row for row in answer["rows"]}
    if by == "kelompok":
        counted = await recount(kernel, "cooperatives", by, "members.count")
        assert {key: (row["count"], row["members"]) for key, row in rows.items()} == counted
    else:
        assert rows["anggota_per_koperasi"]["value"] == 71.36
    assert examined == {"figures": 2, "agencies": 1}
