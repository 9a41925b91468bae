"""The same sample in two orders, doubled, through the door of a running registry: what it answers then is the same."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from deploy.local.world import World
from tests.samples import KALTIM, MEDAN, SIANTAR
from tests.services.registry.memory import PERMITTED, SEEN, person, trade
from tests.shared.reference import generate
from tests.support import Json, Party, ServiceProcess

pytestmark = pytest.mark.servers

LEVELS = {MEDAN: ("kabkota", "12.71"), SIANTAR: ("province", "12"), KALTIM: ("ministry", "00")}
"""Three offices that may all speak of Medan, under the accounts that the local stack has."""


@pytest.fixture(scope="module")
async def offices(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Party]]:
    async with ServiceProcess(world, "registry", tmp_path_factory.mktemp("registry")):
        async with Party(world, "binaan") as administrator:
            for account, (level, region) in LEVELS.items():
                about = {"agency": account, "name": account, "level": level, "region": region}
                await administrator.accepted("registry.agency.register", {**about, "permitted": PERMITTED})
        async with Party(world, MEDAN) as medan, Party(world, SIANTAR) as siantar, Party(world, KALTIM) as kaltim:
            yield {MEDAN: medan, SIANTAR: siantar, KALTIM: kaltim}


def sample(seed: int) -> list[tuple[str, Json, str]]:
    """Account, report and time of forty reports on three businesses; another seed is of other people."""
    rng = Random(4)
    people = generate.distinct(lambda one: generate.nik(one, regency="12.71"), Random(seed), 3)
    told = []
    for _ in range(40):
        which, account = rng.randrange(3), rng.choice(list(LEVELS))
        fields: dict[str, Any] = {
            "workers": rng.randrange(9),
            "role": rng.choice(["ikm", "ukm"]),
            "needs": rng.sample(["equipment", "training", "capital"], 2),
            "address": f"Jalan Contoh {rng.randrange(5)}",
            "annual_sales": {"year": 2025, "amount": rng.choice([1, 3_000_000_000])},
        }
        some = {name: fields[name] for name in rng.sample(list(fields), 3)}
        business = trade(name=f"Usaha Sampel {which}", agency_ref=f"{account}-{seed}-{which}", **some)
        time = SEEN + timedelta(days=rng.randrange(-300, 30))
        told.append((account, {"owner": person(nik=people[which]), "business": business}, time.isoformat()))
    return told


async def told(offices: dict[str, Party], seed: int, order: list[int]) -> list[Json]:
    """The register of a sample after its reports have come in an order, each as often as it stands there."""
    reports, ids = sample(seed), set[str]()
    for place in order:
        account, report, time = reports[place]
        reply = await offices[account].ask("registry.business.report", report, id_=f"s{seed}-{place:02d}", time=time)
        ids.add(reply["data"]["result"]["business_id"])
    reply = await offices[MEDAN].ask("registry.business.request", {"business_ids": sorted(ids), "detail": "full"})
    hidden = {"business_id", "owner_id", "agency", "possible_duplicates"}
    return sorted(
        (
            {
                "business": {name: value for name, value in one["business"].items() if name not in hidden},
                "detail": {name: value for name, value in one["detail"].items() if name != "agency_refs"},
                "refs": sorted(one["detail"]["agency_refs"]),
            }
            for one in reply["data"]["answer"]
        ),
        key=lambda one: json.dumps(one, sort_keys=True),
    )


async def test_any_order_and_any_repetition_end_in_one_register_on_servers(offices: dict[str, Party]) -> None:
    """Issue 4, show 1, through RabbitMQ and MongoDB: late, shuffled and doubled."""
    shuffled = [*range(40), *range(0, 40, 3)]
    Random(9).shuffle(shuffled)
    in_order, otherwise = await told(offices, 1, list(range(40))), await told(offices, 2, shuffled)
    assert len(in_order) == 3
    assert otherwise == in_order
