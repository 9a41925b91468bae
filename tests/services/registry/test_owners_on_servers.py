"""Owners as others see them, with two replicas of registry at work: what must hold whoever is first."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import date
from random import Random
from typing import Any

import pytest

from deploy.local.world import World
from services.registry.matching import limits_on
from tests.samples import MEDAN, SIANTAR
from tests.services.registry.memory import NIK, OTHER_NIK, PHONE, person, trade
from tests.shared.reference import generate
from tests.support import Party, Reader, ServiceProcess, kept_by, register

pytestmark = pytest.mark.servers

REPORT, MATCH, ASK = "registry.business.report", "registry.person.match", "registry.owner.request"
OBSERVED, LATER = "2026-01-05T09:30:00+07:00", "2026-01-06T09:30:00+07:00"


@pytest.fixture(scope="module", autouse=True)
async def replicas(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[list[ServiceProcess]]:
    """Two processes at one queue and one database, with one key file."""
    root = tmp_path_factory.mktemp("owners")
    async with ServiceProcess(world, "registry", root) as one, ServiceProcess(world, "registry", root) as other:
        await register(world, (MEDAN, SIANTAR))
        async with Party(world, "binaan") as administrator:
            about = {"agency": MEDAN, "name": "Dinas Medan", "level": "kabkota", "region": "12.71"}
            permitted = ["registry.business.*", "registry.owner.*", "registry.access.request", MATCH]
            await administrator.accepted("registry.agency.register", {**about, "permitted": permitted})
        yield [one, other]
    for process in (one, other):
        for value in (NIK, OTHER_NIK, PHONE, "Pemilik Contoh"):
            assert value not in process.log.read_text()


@pytest.fixture(scope="module")
async def medan(world: World, replicas: Any) -> AsyncIterator[Party]:
    async with Party(world, MEDAN) as party:
        yield party


async def test_records_joined_at_once_end_in_one_owner(world: World, medan: Party) -> None:
    """Twenty businesses recorded without a NIK; then all twenty reports that bring it, over two replicas at once: one
    of them makes an owner of its record, the others join, and every business ends with that one owner."""
    names = [f"Usaha Bersama {number}" for number in range(20)]
    for number, name in enumerate(names):
        told = {"owner": {"name": "Pemilik Contoh"}, "business": trade(name=name, agency_ref=f"S-{number}")}
        await medan.accepted(REPORT, told, time=OBSERVED)
    sent = [
        await medan.send(
            REPORT, {"owner": {"nik": NIK}, "business": {"agency_ref": f"S-{number}", "name": name}}, time=LATER
        )
        for number, name in enumerate(names)
    ]
    results = [(await medan.reply_to(id_))["data"]["result"] for id_ in sent]
    (matched,) = (await medan.accepted(MATCH, {"niks": [NIK]}))["matches"]
    ids = sorted({one["owner_id"] for one in results})
    async with Reader(world, "kemenumkm", "kemenumkm.events") as events:
        for one in results:
            (*_, last) = await events.about(one["business_id"], one["sequence"])
            assert last["data"]["business"]["owner_id"] == one["owner_id"]
    answers = (await medan.ask(ASK, {"owner_ids": ids, "purpose": "test"}))["data"]["answer"]
    assert {one.get("joined_into", one["owner_id"]) for one in answers} == {matched["owner_id"]}
    assert all(one["nik"] == NIK for one in answers)


async def test_what_is_asked_while_the_person_is_recorded_is_joined_or_answered(world: World, medan: Party) -> None:
    """Nobody falls between: either the question finds the owner, or an event joins its token with the owner."""
    people = generate.distinct(lambda rng: generate.nik(rng, regency="12.71"), Random(11), 20)
    pairs = []
    for number, nik in enumerate(people):
        told = {"owner": person(nik=nik), "business": trade(name=f"Usaha Sendiri {number}")}
        first = await medan.send(MATCH, {"niks": [nik]})
        pairs.append((first, await medan.send(REPORT, told, time=OBSERVED)))
    async with Reader(world, "kemenumkm", "kemenumkm.events") as events:
        for asked, told_id in pairs:
            (found,) = (await medan.reply_to(asked))["data"]["result"]["matches"]
            owner_id = (await medan.reply_to(told_id))["data"]["result"]["owner_id"]
            if "token" in found:
                (matched,) = await events.about(found["token"], 1)
                assert matched["data"]["person"] == {"token": found["token"], "owner_id": owner_id}
            else:
                assert found == {"owner_id": owner_id}


async def test_the_measure_holds_over_two_replicas_and_others_are_served(world: World, medan: Party) -> None:
    """A thousand questions in a burst, taken by two processes: no more than the measure of the minutes they fell in is
    answered, the rest is clearly refused, and another agency's report in the middle of it is taken."""
    sent = [await medan.send(MATCH, {"niks": [OTHER_NIK]}) for _ in range(500)]
    async with Party(world, SIANTAR) as siantar:
        told = {"owner": person(nik=OTHER_NIK), "business": trade(name="Usaha Lain", region="12.72")}
        await siantar.accepted(REPORT, told, time=OBSERVED)
    sent += [await medan.send(MATCH, {"niks": [OTHER_NIK]}) for _ in range(500)]
    replies = [await medan.reply_to(id_) for id_ in sent]
    refused = [one["data"] for one in replies if one["type"].endswith("rejected.v1")]
    minutes = {one["time"][:16] for one in replies}
    most = limits_on(date.fromisoformat(replies[0]["time"][:10]))["minute", "questions"].most
    assert 0 < len(replies) - len(refused) <= most * len(minutes)
    assert {problem["code"] for one in refused for problem in one["problems"]} == {"match.too_many"}


async def test_who_reads_a_person_is_on_record_and_the_database_names_nobody(world: World, medan: Party) -> None:
    """The record is there as soon as the answer is; owners, persons, usage and accesses hold no NIK in the clear."""
    nik = generate.nik(Random(12), regency="12.71")
    told = {"owner": person(nik=nik), "business": trade(name="Kopi Tercatat", agency_ref="R-1")}
    owner_id = (await medan.accepted(REPORT, told, time=LATER))["owner_id"]
    (answer,) = (await medan.ask(ASK, {"owner_ids": [owner_id], "purpose": "field_visit"}))["data"]["answer"]
    assert answer["nik"] == nik
    (access,) = (await medan.ask("registry.access.request", {"owner_id": owner_id}))["data"]["answer"]
    assert (access["account"], access["purpose"]) == (MEDAN, "field_visit")
    stored = kept_by(world, "registry")
    assert not any(secret in stored for secret in (NIK, OTHER_NIK, nik, PHONE, "Pemilik Contoh"))
    assert "Kopi Tercatat" in json.dumps(stored, ensure_ascii=False)
