"""What offices have said of their cooperatives and figures, through the door of a running registry (S0, S2, S3)."""

import asyncio
import json
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest

from deploy.local.world import World
from shared.contracts.catalogue import BY_NAME
from shared.reference.personal import find_personal
from tests.samples import BENGKALIS, KALTIM, SIANTAR
from tests.services.registry.memory import person
from tests.shared.reference import generate
from tests.support import Json, Party, Reader, ServiceProcess, register, until

pytestmark = pytest.mark.servers

OBSERVED = "2026-01-05T09:30:00+07:00"
FORM, FOUND = "registry.cooperative.form", "registry.cooperative.found"
STATISTICS = "registry.statistics.request"


@pytest.fixture(scope="module", autouse=True)
async def service(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServiceProcess]:
    async with ServiceProcess(world, "registry", tmp_path_factory.mktemp("cooperatives")) as process:
        await register(world, (SIANTAR, KALTIM, BENGKALIS))
        yield process


async def figures(party: Party, **about: Any) -> Json:
    return dict((await party.ask(STATISTICS, about))["data"]["answer"])


async def counted(party: Party, count: int, **about: Any) -> Json:
    """The figures, when the worker has counted all of it."""

    async def there() -> Json | None:
        answer = await figures(party, **about)
        return answer if answer.get("count") == count else None

    answer: Json = await until(there, what=f"a count of {count}")
    return answer


async def test_siantar_forms_six_cooperatives_of_nine(world: World) -> None:
    """S0-01, S0-05, S0-07: 600 businesses are inventoried, 54 of them (9 %) found six cooperatives of sektor riil."""
    rng = Random(600)
    niks = generate.distinct(lambda one: generate.nik(one, regency="12.72"), rng, 600)
    rows = [
        {"owner": person(nik=nik), "business": {"name": f"Usaha {nik[-5:]}", "region": "12.72.01", "role": role}}
        for nik, role in zip(niks, ["ikm", "ukm"] * 300, strict=True)
    ]
    drive = {"name": "Enam koperasi", "region": "12.72", "target_cooperatives": 6, "members_each": 9}
    async with Party(world, SIANTAR) as siantar, Reader(world, "kemenumkm", "kemenumkm.events") as events:
        reported: list[Json] = []
        for start in (0, 300):
            many = {"reports": rows[start : start + 300]}
            reported += (await siantar.accepted("registry.business.report_many", many, time=OBSERVED))["reports"]
        assert {one["outcome"] for one in reported} == {"created"}
        opened = await siantar.accepted("registry.drive.open", drive | {"deadline": "2099-12-31"}, actor="kadis")
        for number in range(6):
            about = {"name": f"Koperasi Riil {number}", "region": "12.72.01", "jenis": "produsen"}
            id_ = (await siantar.accepted(FORM, about | {"drive_id": opened["drive_id"]}))["cooperative_id"]
            nine = reported[number * 9 : number * 9 + 9]
            founders = [{"owner_id": one["owner_id"], "business_id": one["business_id"]} for one in nine]
            legal = {"number": f"AHU-{number}", "date": "2026-02-20"}
            told = {"cooperative_id": id_, "founded_on": "2026-02-10", "legal": legal, "founders": founders}
            assert await siantar.refused(FOUND, told | {"founders": founders[:8]}, actor="kadis") == [
                "founders.too_few_primer"
            ]
            assert (await siantar.accepted(FOUND, told, actor="kadis"))["outcome"] == "founded"
        chain = await events.about(opened["drive_id"], 13)
        assert chain[-1]["type"] == "id.binaan.registry.drive.achieved.v1"
        businesses = await counted(siantar, 600, of="businesses", by="role")
        cooperatives = await counted(siantar, 6, of="cooperatives", by="sektor")
    assert [(row["key"], row["count"]) for row in businesses["rows"]] == [("ikm", 300), ("ukm", 300)]
    (riil,) = cooperatives["rows"]
    assert (riil["key"], riil["count"], riil["members"], 100 * 54 / 600) == ("riil", 6, 54, 9)
    for one in events.seen:
        BY_NAME[one.body["type"]].model.model_validate(one.body["data"])
        assert find_personal(json.dumps(one.body["data"])) is None


KELOMPOK = {"ksu": 3097, "karyawan": 447, "pegawai_negeri": 421, "lainnya": 385, None: 1761}
SAMARINDA, ALL_MEMBERS = 106_002, 436_068
ELSEWHERE = ("64.01", "64.02", "64.03", "64.07", "64.08", "64.09", "64.71", "64.74")


def kaltim() -> list[Json]:
    """6,111 cooperatives, 1,000 of them in Samarinda with 106,002 members."""
    kinds = [kind for kind, count in KELOMPOK.items() for _ in range(count)]
    Random(6111).shuffle(kinds)
    return [_one(number, kind) for number, kind in enumerate(kinds)]


def _one(number: int, kind: str | None) -> Json:
    in_town = number < 1000
    whole, place, of = (SAMARINDA, number, 1000) if in_town else (ALL_MEMBERS - SAMARINDA, number - 1000, 5111)
    members = whole // of + (place < whole % of)
    told = {
        "agency_ref": f"K-{number:05d}",
        "name": f"Koperasi {number}",
        "region": "64.72" if in_town else ELSEWHERE[number % len(ELSEWHERE)],
        "legal": {"number": f"{number}/BH/XVI", "date": "2001-01-01"},
        "members": {"count": members, "as_of": "2012-12-31", "source": "Disperindagkop Kaltim"},
    }
    return {"cooperative": told | ({"kelompok": kind} if kind else {})}


async def test_kalimantan_timur_has_the_figures_it_told_the_press(world: World) -> None:
    """S3-08 to S3-10: 6,111 cooperatives, 4,350 of them in the kinds that are named, 436,068 members, 24.31 % of them
    in Samarinda, 71.36 a cooperative (S3-01: what the province is measured by); and an official publishes it."""
    async with Party(world, KALTIM) as office, Reader(world, "kemenumkm", "kemenumkm.events") as events:
        gate = asyncio.Semaphore(200)

        async def report(told: Json) -> None:
            async with gate:
                result = await office.accepted("registry.cooperative.report", told, time=OBSERVED)
            assert result["outcome"] == "created"

        await asyncio.gather(*(report(told) for told in kaltim()))
        by_kind = await counted(office, 6111, of="cooperatives", by="kelompok")
        by_place = await figures(office, of="cooperatives", by="region")
        outside = {"value": 6111, "source": "Disperindagkop Kaltim", "as_of": "2012-12-31"}
        told = {"of": "cooperatives", "by": "kelompok", "outside": outside}
        published = await office.accepted("registry.statistics.publish", told, actor="kadis")
        (event,) = await events.about(published["statistics_id"], 1)
        measured = await figures(office, of="cooperatives", by="indicator")
    assert by_kind["members"] == ALL_MEMBERS
    assert {row["key"]: (row["count"], row["share"]) for row in by_kind["rows"]} == {
        "ksu": (3097, 50.68),
        "karyawan": (447, 7.31),
        "pegawai_negeri": (421, 6.89),
        "lainnya": (385, 6.3),
        "tidak_dirinci": (1761, 28.82),
    }
    samarinda = next(row for row in by_place["rows"] if row["key"] == "64.72")
    assert (samarinda["members"], samarinda["members_share"]) == (SAMARINDA, 24.31)
    indicators = {row["key"]: row["value"] for row in measured["rows"]}
    assert (indicators["koperasi"], indicators["anggota_per_koperasi"]) == (6111, 71.36)
    state = event["data"]["statistics"]
    assert (state["count"], state["coverage"], len(state["rows"])) == (6111, 100.0, 5)


def bengkalis() -> list[Json]:
    """350 cooperatives that the office holds to be active, with 29 or 30 members each."""
    return [
        {
            "cooperative": {
                "agency_ref": f"B-{number:03d}",
                "name": f"Koperasi Bengkalis {number}",
                "region": BENGKALIS_DISTRICTS[number % len(BENGKALIS_DISTRICTS)],
                "legal": {"number": f"{number}/BH/IV", "date": "2005-01-01"},
                "standing": "aktif",
                "members": {
                    "count": 29 + number % 2,
                    "qualifier": "lebih_dari",
                    "source": "Diskop UKM Bengkalis",
                    "as_of": "2020-01-27",
                },
            }
        }
        for number in range(350)
    ]


BENGKALIS_DISTRICTS = ("14.03.01", "14.03.02", "14.03.09")


async def test_bengkalis_knows_its_active_cooperatives_and_how_much_of_the_census_it_has(world: World) -> None:
    """S2-08, S2-14: 350 active cooperatives with *lebih dari* 10,000 members; of the *sekitar* 40,000 businesses that
    BPS counts, its register has 500."""
    niks = generate.distinct(lambda one: generate.nik(one, regency="14.03"), Random(40_000), 500)
    rows = [{"owner": person(nik=nik), "business": {"name": f"Usaha {nik[-5:]}", "region": "14.03.01"}} for nik in niks]
    outside = {"value": 40_000, "qualifier": "sekitar", "source": "BPS", "as_of": "2020-01-27"}
    async with Party(world, BENGKALIS) as office:
        await office.accepted("registry.business.report_many", {"reports": rows}, time=OBSERVED)
        tellings = (office.accepted("registry.cooperative.report", told, time=OBSERVED) for told in bengkalis())
        assert {one["status"] for one in await asyncio.gather(*tellings)} == {"aktif"}
        by_status = await counted(office, 350, of="cooperatives", by="status")
        answer = await counted(office, 500, of="businesses", outside=outside)
    assert [(row["key"], row["count"]) for row in by_status["rows"]] == [("aktif", 350)]
    assert (by_status["members"], by_status["members_qualifier"]) == (10_325, "lebih_dari")
    assert (answer["coverage"], answer["outside"]) == (1.25, outside)
