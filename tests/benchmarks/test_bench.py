"""The benchmark runs, every part of it, and leaves its figures where others look for them. No time is asserted."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import ground
from benchmarks.results import Results, Target
from benchmarks.seeding import Seeder
from deploy.local.servers import Servers
from deploy.local.world import World
from tests.support import PROJECT

SMALL = ("--quick", "--messages", "60", "--samples", "5", "--stored", "100,300")
RATIOS = (
    "registry_hop_to_aio_pika_floor",
    "registry_hop_to_faststream_floor",
    "registry_known_hop_to_faststream_floor",
    "registry_hop_to_per_message_peer",
    "registry_hop_to_celery",
    "chain_latency_to_bare",
)
CONTESTANTS = {
    *(f"{floor}_floor_{reports}" for floor in ("aio_pika", "faststream") for reports in ("new", "known")),
    *("registry_new", "registry_known", "per_message_peer", "celery", "chain", "notify", "notify_floor"),
}


@pytest.fixture(scope="module")
async def figures(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the smallest run writes, on the servers of the tests."""
    output = tmp_path_factory.mktemp("bench") / "bench.json"
    given = dict(zip(ground.GIVEN, (servers.amqp_url, servers.mongo_url, servers.management_url), strict=True))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks", *SMALL, "--output", str(output)),
        cwd=PROJECT,
        env={**os.environ, **given},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0, printed.decode()
    found: dict[str, Any] = json.loads(output.read_text())
    return {**found, "printed": printed.decode()}


@pytest.mark.servers
async def test_every_figure_that_others_look_for_is_there_and_positive(figures: dict[str, Any]) -> None:
    assert {name for name in RATIOS if figures["ratios"][name] > 0} == set(RATIOS)
    assert figures["chain_latency_ms"]["p50"] > 0
    assert figures["chain_latency_ms"]["p99"] >= figures["chain_latency_ms"]["p50"]
    assert figures["growth"]["ratios"]["cost_per_message"] > 0
    assert all(cost["documents_examined"] > 0 for one in figures["growth"]["rounds"] for cost in one.values())
    assert figures["peak_memory_mib"].keys() == {"registry", "aid", "notify"}


@pytest.mark.servers
async def test_each_round_is_kept_whole(figures: dict[str, Any]) -> None:
    """Ratios are made within a round, so whoever doubts them needs every round."""
    assert [set(one) for one in figures["rounds"]] == [CONTESTANTS]
    assert all(one["rate"] > 0 and one["cpu_ms"] >= 0 for one in figures["rounds"][0].values())


@pytest.mark.servers
async def test_floors_send_what_the_hop_sends(figures: dict[str, Any]) -> None:
    """An event and a reply for each report, and a contact for an owner nobody has heard of."""
    exchanges = {name: {one["exchange"] for one in each} for name, each in figures["outputs"].items()}
    assert exchanges["known"] == {"binaan.events", "binaan.replies"}
    assert exchanges["new"] == {*exchanges["known"], "binaan.contacts"}
    assert all(one["size"] > 0 for each in figures["outputs"].values() for one in each)


@pytest.mark.servers
async def test_the_table_says_of_each_target_whether_it_was_met(figures: dict[str, Any]) -> None:
    for target in figures["targets"]:
        mark = "met   " if target["met"] else "MISSED"
        assert f"{mark}  {target['what']}" in figures["printed"]


@pytest.mark.servers
async def test_seeded_businesses_are_what_registry_would_have_stored(world: World, tmp_path: Path) -> None:
    """The quick way to make a million must not make easier ones."""
    seeder = Seeder(world, ground.key_file(tmp_path))
    for number in (0, 1, 4_711, 9_999, 10_000, 999_999):
        quick = [aggregate.model_dump() for aggregate in seeder.likely(number)]
        assert quick == [aggregate.model_dump() for aggregate in seeder.decided(number)]


@pytest.mark.parametrize(("found", "at_least", "met"), [(0.8, True, True), (0.79, True, False), (1.6, False, False)])
def test_a_missed_target_is_called_missed(found: float, *, at_least: bool, met: bool) -> None:
    assert Target("ratio", found, 0.8 if at_least else 1.5, at_least).met is met


def test_a_part_that_was_not_run_promises_nothing() -> None:
    assert Results({}).targets() == []
