"""registry as others see it: a process on real servers, spoken to through RabbitMQ only."""

import json
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest

from deploy.local.world import World
from shared.contracts.catalogue import BY_NAME
from tests.samples import DECREE, MEDAN, SIANTAR
from tests.services.registry.memory import NIB, NIK, OTHER_NIK, PHONE, person, trade
from tests.shared.reference import generate
from tests.support import Json, Party, Reader, ServiceProcess, kept_by, register

pytestmark = pytest.mark.servers

REPORT, VERIFY, DESIGNATE = "registry.business.report", "registry.business.verify", "registry.business.designate"
MANY = "registry.business.report_many"
OBSERVED = "2026-01-05T09:30:00+07:00"


# --- who is there -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
async def service(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServiceProcess]:
    """A running ``python -m services.registry`` that knows the agencies; at its end it has named nobody."""
    async with ServiceProcess(world, "registry", tmp_path_factory.mktemp("registry")) as process:
        await register(world, (MEDAN, SIANTAR))
        yield process
    log = process.log.read_text()
    assert '"stopped"' in log.splitlines()[-1]
    for value in (NIK, OTHER_NIK, PHONE, "Pemilik Contoh", "Jalan Contoh"):
        assert value not in log


@pytest.fixture(scope="module")
async def medan(world: World, service: ServiceProcess) -> AsyncIterator[Party]:
    async with Party(world, MEDAN) as party:
        yield party


@pytest.fixture(scope="module")
async def events(world: World, service: ServiceProcess) -> AsyncIterator[Reader]:
    """What a ministry's integrator reads; all of it is what the catalogue says it is."""
    async with Reader(world, "kemenumkm", "kemenumkm.events") as reader:
        yield reader
    for one in reader.seen:
        BY_NAME[one.body["type"]].model.model_validate(one.body["data"])


def told(business: Json, **owner: Any) -> Json:
    """A report of a business; unless ``owner`` says otherwise of the person whose businesses these all are."""
    return {"owner": person(**owner), "business": business}


async def recorded(party: Party, name: str, id_: str | None = None) -> str:
    """Report a business that is in order; its id."""
    result = await party.accepted(REPORT, told(trade(name=name)), id_=id_, time=OBSERVED)
    return str(result["business_id"])


# --- the tests --------------------------------------------------------------------------------------------------------


async def test_a_report_is_recorded_told_and_answered(world: World, medan: Party, events: Reader) -> None:
    """The main chain, 1: one event for the public, one contact for notify, one reply for the sender."""
    result = await medan.accepted(
        REPORT,
        told(trade(nib=NIB, agency_ref="A-1", address="Jalan Contoh 1")),
        id_="medan-2026-000123",
        time=OBSERVED,
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
    assert (result["sequence"], result["outcome"]) == (1, "created")
    (recorded,) = await events.about(result["business_id"], 1)
    async with Reader(world, "binaan", "notify.contacts") as contacts:
        (contact,) = await contacts.about(result["owner_id"], 1)
    assert (recorded["type"], recorded["sequence"], recorded["region"]) == (
        "id.binaan.registry.business.recorded.v1",
        f"{1:020d}",
        "12.71.01.1001",
    )
    assert recorded["correlationid"] == recorded["causationid"] == "medan-2026-000123"
    assert recorded["traceparent"].startswith("00-0af7651916cd43dd8448eb211c80319c-")
    assert contact["data"]["contact"]["phone"] == PHONE
    assert not any(secret in json.dumps(recorded) for secret in (NIK, PHONE, "Pemilik", "Jalan"))


async def test_officials_lead_a_business_to_binaan_by_an_opaque_name(medan: Party, events: Reader) -> None:
    """The main chain, 2 and 3; each event carries its state, its number, and an official nobody can name."""
    business_id = await recorded(medan, "Batik Tulis")
    about = {"business_id": business_id}
    assert await medan.refused(DESIGNATE, {**about, "decree": DECREE}, actor="kadis") == ["business.not_verified"]
    assert await medan.refused(VERIFY, about, actor="petugas") == ["actor.unknown"]
    await medan.accepted(VERIFY, about, actor="kabid")
    designated = await medan.accepted(DESIGNATE, {**about, "decree": DECREE}, actor="kadis")
    assert designated == {**designated, "outcome": "designated", "sequence": 3}
    chain = await events.about(business_id, 3)
    assert [one["type"].split(".")[4] for one in chain] == ["recorded", "verified", "designated"]
    assert [int(one["sequence"]) for one in chain] == [1, 2, 3]
    assert chain[2]["data"]["business"]["status"] == "binaan"
    assert chain[2]["data"]["change"]["decree"] == DECREE
    assert "kadis" not in json.dumps(chain)
    assert chain[2]["actor"] != chain[1]["actor"]


async def test_a_message_sent_twice_is_done_once_and_answered_alike(medan: Party, events: Reader) -> None:
    """Identity is (account, id): the same pair again gets the same bytes and changes nothing."""
    report = told(trade(name="Warung Dua Kali"))
    business_id = await recorded(medan, "Warung Dua Kali", id_="twice-1")
    await medan.send(REPORT, report, id_="twice-1", time=OBSERVED)
    await medan.reply_to("twice-1", count=2)
    first, second = medan.replies["twice-1"]
    assert first == second
    again = await medan.accepted(REPORT, report, time=OBSERVED)
    assert (again["business_id"], again["outcome"]) == (business_id, "unchanged")
    await medan.accepted(VERIFY, {"business_id": business_id}, actor="kadis")
    assert [int(one["sequence"]) for one in await events.about(business_id, 2)] == [1, 2]


async def test_copies_on_the_heels_of_a_message_are_that_message(medan: Party, events: Reader) -> None:
    """Copies within a batch get one reply, later ones the same again: how many come is not promised, which is."""
    report = told(trade(name="Warung Bertubi"))
    for _ in range(5):
        await medan.send(REPORT, report, id_="heels-1", time=OBSERVED)
    await recorded(medan, "Warung Akhir")
    assert len(set(medan.replies["heels-1"])) == 1
    business_id = (await medan.reply_to("heels-1"))["data"]["result"]["business_id"]
    await medan.accepted(VERIFY, {"business_id": business_id}, actor="kadis")
    assert [int(one["sequence"]) for one in await events.about(business_id, 2)] == [1, 2]


async def test_an_id_used_again_for_other_content_is_refused(medan: Party) -> None:
    """Whoever counts ids anew learns of it, rather than losing a message."""
    await recorded(medan, "Warung Satu", id_="reused-1")
    await medan.send(REPORT, told(trade(name="Warung Lain")), id_="reused-1", time=OBSERVED)
    payload = (await medan.reply_to("reused-1", count=2))["data"]
    assert [one["code"] for one in payload["problems"]] == ["id.reused"]


async def test_reports_of_one_person_at_once_make_one_owner(medan: Party) -> None:
    """Many in flight, in one batch or several: one NIK is one owner, and each gets its own reply (S1-24)."""
    reports = [told(trade(name=f"Usaha {number}"), nik=OTHER_NIK) for number in range(40)]
    sent = [await medan.send(REPORT, report, time=OBSERVED) for report in reports]
    results = [(await medan.reply_to(id_))["data"]["result"] for id_ in sent]
    assert len({one["owner_id"] for one in results}) == 1
    assert len({one["business_id"] for one in results}) == 40


async def test_what_is_wrong_is_said_with_its_place_and_without_its_value(medan: Party) -> None:
    """A NIK with a birth date that does not exist, and a place that does not either, both at once."""
    wrong = f"{NIK[:6]}310299{NIK[12:]}"
    reply = await medan.ask(REPORT, told(trade(region="99.99"), nik=wrong), time=OBSERVED)
    assert {(one["code"], one["field"]) for one in reply["data"]["problems"]} == {
        ("nik.invalid_date", "data.owner.nik"),
        ("region.unknown", "data.business.region"),
    }
    assert wrong not in json.dumps(reply)


async def test_another_agency_learns_nothing_of_a_business(world: World, medan: Party) -> None:
    about = {"business_id": await recorded(medan, "Roti Bakar"), "decree": DECREE}
    async with Party(world, SIANTAR) as siantar:
        assert await siantar.refused(DESIGNATE, about, actor="kadis") == ["authority.region"]


async def test_the_administrator_can_ask_who_is_known(world: World) -> None:
    """What ``binaan`` compares with aid's answer to see that its copy has caught up."""
    async with Party(world, "binaan") as administrator:
        reply = await administrator.ask("registry.agency.request", {})
    known = [(one["agency"], len(one["officials"])) for one in reply["data"]["answer"]]
    assert known == [(MEDAN, 2), (SIANTAR, 2)]


async def test_the_database_names_nobody(medan: Party, world: World) -> None:
    """Owners' personal fields, addresses and figures lie encrypted; keys are tokens (UU PDP)."""
    business = trade(name="Kopi Rahasia", address="Jalan Contoh 1", agency_ref=NIK, capital=123_456_789)
    await medan.accepted(REPORT, told(business), time=OBSERVED)
    stored = kept_by(world, "registry")
    assert "Kopi Rahasia" in stored
    for secret in (NIK, PHONE, "Pemilik Contoh", "Jalan Contoh", "123456789"):
        assert secret not in stored


async def test_five_hundred_reports_come_in_one_message(medan: Party, events: Reader) -> None:
    """A sheet of an office: each row a business, an event and a verdict, and the same answer however often it comes."""
    rng = Random(500)
    rows = [
        {"owner": person(nik=generate.nik(rng, regency="12.71")), "business": trade(name=f"Usaha Massal {number}")}
        for number in range(499)
    ]
    result = await medan.accepted(MANY, {"reports": [*rows, {"business": {}}]}, id_="many-1", time=OBSERVED)
    assert [one["outcome"] for one in result["reports"]] == [*["created"] * 499, "rejected"]
    ids = [one["business_id"] for one in result["reports"][:-1]]
    for business_id in (ids[0], ids[498]):
        ((event),) = await events.about(business_id, 1)
        assert event["correlationid"] == "many-1"
    await medan.send(MANY, {"reports": [*rows, {"business": {}}]}, id_="many-1", time=OBSERVED)
    await medan.reply_to("many-1", count=2)
    assert medan.replies["many-1"][0] == medan.replies["many-1"][1]
    again = await medan.accepted(MANY, {"reports": rows}, time=OBSERVED)
    assert [one["business_id"] for one in again["reports"]] == ids
    assert {one["outcome"] for one in again["reports"]} == {"unchanged"}
