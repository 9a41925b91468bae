"""A planted NIK, number, name and address, typed wherever somebody may type, are found nowhere but where they belong.

Every place is searched as it is: raw BSON, whole messages, pages and logs. Then the person is erased, and everything is
searched again within a minute, with what is sealed opened as well.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import bson
import httpx
import pytest
from pymongo import MongoClient

from shared.contracts.catalogue import TYPES, Kind
from shared.contracts.envelope import CONTACTS, EVENTS
from shared.kernel.keys import Keyring
from tests.end_to_end.stage import Person, Stage, Tap, in_queue, now, programme
from tests.samples import DECREE, MEDAN
from tests.support import History, Json, Party, known_to, until

pytestmark = pytest.mark.servers

WITHIN_SECONDS = 60
_QUEUES = ("registry.intake", "aid.intake", "aid.events", "notify.events", "notify.contacts")


class Planted(Person):
    """A person whose every datum is one that nothing else in the world holds."""

    def __init__(self) -> None:
        super().__init__(771_001)
        self.name = "Zubaidah Khoirunnisa"
        self.address = "Gang Zamrud Delima Nomor 9137"
        self.trade_name = "UD Zubaidah Khoirunnisa"
        self.ref = self.nik  # some offices number businesses so

    @property
    def spellings(self) -> tuple[str, ...]:
        """As people type them."""
        nik, local = self.nik, "0" + self.phone.removeprefix("+62")
        name = self.name
        return (
            nik,
            " ".join((nik[:6], nik[6:12], nik[12:])),
            ".".join((nik[:4], nik[4:8], nik[8:12], nik[12:])),
            self.phone,
            local,
            f"{local[:4]}-{local[4:8]}-{local[8:]}",
            f"hp {local}",
            name,
            name.upper(),
            " ".join(reversed(name.split())),
            name.replace(" ", "  "),
            name.replace(" ", "_"),
            "_".join((local[:4], local[4:8], local[8:])),
            "_".join((nik[:6], nik[6:12], nik[12:])),
            name.replace(" ", ""),
        )

    @property
    def traces(self) -> tuple[bytes, ...]:
        """What is searched for, without case: any one of these gives the person away."""
        texts = {*self.spellings, *self.secrets, "zubaidah", "khoirunnisa", "zamrud"}
        return tuple(text.lower().encode() for text in texts)


def found_in(person: Planted, where: str, raw: bytes) -> list[str]:
    """Which of the person's data stand there."""
    plain = raw.lower()
    return [f"{trace.decode()} in {where}" for trace in person.traces if trace in plain]


# --- the places -------------------------------------------------------------------------------------------------------


def raw_documents(stage: Stage) -> Iterator[tuple[str, str, bytes, Json]]:
    """Service, collection, raw BSON and document of everything there is in any database, indexes' names included."""
    for service, database in stage.world.databases.items():
        with MongoClient[Any](stage.world.mongo_url) as client:
            for name in client[database].list_collection_names():
                for document in client[database][name].find():
                    yield service, name, bson.encode(document), document


def opened_documents(stage: Stage) -> Iterator[tuple[str, bytes]]:
    """The same with what is sealed opened: what whoever has the keys can read."""
    rings = {service: Keyring.load(stage.root / f"{service}.keys.json") for service in stage.world.databases}
    for service, name, raw, document in raw_documents(stage):
        context = document["_id"].hex() if isinstance(document["_id"], bytes) else document["_id"]
        sealed = [document[part] for part in ("x", "reply", "body") if isinstance(document.get(part), bytes)]
        opened = [rings[service].open(one, f"{name}/{context}") for one in sealed if "k" in document]
        yield f"{service}.{name}, opened", b"".join((raw, *opened))


async def pages(stage: Stage) -> list[tuple[str, bytes]]:
    """What anybody on the inner network can ask a service for."""
    found = []
    async with httpx.AsyncClient(timeout=10) as client:
        for service, process in stage.services.items():
            for path in ("/metrics", "/readyz", "/healthz", "/docs", "/docs/asyncapi.json"):
                answer = await client.get(f"http://127.0.0.1:{process.port}{path}")
                found.append((f"{service}{path}", answer.content))
    return found


class Scene:
    """What has been said and heard."""

    def __init__(self, stage: Stage, history: History, tap: Tap, medan: Party, siantar: Party, admin: Party) -> None:
        self.stage, self.history, self.tap = stage, history, tap
        self.medan, self.siantar, self.admin = medan, siantar, admin
        self.person = Planted()
        self.owner_id = self.business_id = self.other_id = ""

    async def quiet(self) -> None:
        """Until nothing is under way."""

        async def empty() -> bool:
            if await in_queue(self.stage.world, *_QUEUES):
                return False
            return not [1 for _, name, _, _ in raw_documents(self.stage) if name == "outbox"]

        await until(empty, what="nothing under way")

    async def outside(self) -> list[str]:
        """What stands in places where nobody's data may ever stand."""
        await self.quiet()
        person, found = self.person, list[str]()
        for event in self.history.events:
            found += found_in(person, f"the history ({event['type']})", json.dumps(event, ensure_ascii=False).encode())
        for seen in self.tap.seen:
            if seen.exchange == EVENTS:
                found += found_in(person, f"an event on the wire ({seen.body['type']})", bytes(seen.wire.body))
                found += found_in(person, "its properties", f"{seen.wire.headers} {seen.wire.routing_key}".encode())
        for other in (self.siantar, self.admin):
            for bodies in other.replies.values():
                found += [one for body in bodies for one in found_in(person, f"a reply to {other.account}", body)]
        found += found_in(person, "a log", self.stage.logged().encode())
        for page, content in await pages(self.stage):
            found += found_in(person, page, content)
        for service, name, raw, _ in raw_documents(self.stage):
            found += found_in(person, f"the database of {service}, {name}", raw)
        return sorted(set(found))


@pytest.fixture(scope="module")
async def scene(
    stage: Stage, history: History, medan: Party, siantar: Party, administrator: Party
) -> AsyncIterator[Scene]:
    """The person is reported, led to binaan, invited, and typed into everything that takes a text."""
    async with Tap(stage.world) as tap:
        made = Scene(stage, history, tap, medan, siantar, administrator)
        await administrator.accepted("registry.agency.register", _agency())
        person = made.person
        told = person.report(agency_ref=person.nik)
        result = await medan.accepted("registry.business.report", told, time=now())
        made.owner_id, made.business_id = result["owner_id"], result["business_id"]
        other = {"owner": told["owner"], "business": {"name": "Laundry Kilat", "region": "12.71.01.1001"}}
        made.other_id = (await medan.accepted("registry.business.report", other, time=now()))["business_id"]
        about = {"business_id": made.business_id}
        note = f"{person.name}, {person.phone}, NIK {person.nik}, {person.address}"
        await medan.accepted("registry.business.verify", {**about, "note": note}, actor="kadis")
        await known_to(administrator, "aid", [MEDAN])
        await medan.accepted("aid.programme.open", programme(), actor="kadis")
        await medan.accepted("registry.business.designate", {**about, "decree": DECREE}, actor="kadis")
        await until(lambda: [one for one in stage.told() if one["to"] == person.phone], what="the invitation")
        yield made


def _agency() -> Json:
    return {
        "agency": MEDAN,
        "name": f"Dinas {MEDAN}",
        "level": "kabkota",
        "region": "12.71",
        "permitted": ["registry.#", "aid.#"],
    }


# --- free text --------------------------------------------------------------------------------------------------------


def texts_of(scene: Scene, text: str) -> Iterator[tuple[str, Mapping[str, Any], dict[str, Any]]]:
    """Every intake type of registry that takes a text which is published or may be repeated, with the text in it."""
    slug = "".join(char if char.isalnum() else "_" for char in text.lower()).strip("_")[:40]
    slug = slug if slug[:1].isalpha() else f"hp_{slug}"[:40]
    about, decree = {"business_id": scene.business_id}, {"number": f"SK {text}", "date": "2026-02-01"}
    report = scene.person.report(agency_ref=scene.person.nik)
    for field, value in (("needs", [slug]), ("channels", [slug])):
        told = {**report, "business": {**report["business"], field: value}}
        yield "registry.business.report", told, {"time": now()}
    if any(
        char.isdigit() for char in text
    ):  # an id is repeated to its sender, and a member's name, unless it is a number
        yield "registry.business.report", report, {"time": now(), "id_": f"{slug}-1"}
        yield "registry.business.report", {**report, slug: 1}, {"time": now()}
    yield "registry.business.report", {**report, "clear": [text]}, {"time": now()}
    yield "registry.business.verify", {**about, "method": slug}, {"actor": "kadis"}
    for verb in ("designate", "release"):
        yield f"registry.business.{verb}", {**about, "decree": decree}, {"actor": "kadis"}
    for verb in ("deactivate", "withdraw", "close"):
        yield f"registry.business.{verb}", {**about, "reason": slug}, {"actor": "kadis"}
    yield "registry.product.report", {**about, "name": f"Keripik {text}"}, {"time": now()}
    paper = {**about, "kind": "merek", "number": "IDM000771001"}
    yield "registry.certificate.report", {**paper, "issuer": f"Balai {text}"}, {"time": now()}
    other = {"reason": f"Sama dengan {text}"}
    yield "registry.business.merge", {"keep": scene.business_id, "absorb": scene.other_id, **other}, {"actor": "kadis"}
    pair = {**about, "other_id": scene.other_id}
    yield "registry.business.declare_distinct", {**pair, **other}, {"actor": "kadis"}
    row = {**report, "business": {**report["business"], "needs": [slug]}}
    yield "registry.business.report_many", {"reports": [row]}, {"time": now()}
    yield "registry.owner.erase", {"owner_id": scene.owner_id, "reason": slug}, {"actor": "kadis"}
    yield "registry.business.verify", {**about, "note": text}, {"actor": slug}
    yield "registry.business.verify", {"business_id": text}, {"actor": "kadis"}


def numbers_of(text: str) -> Iterator[tuple[str, Mapping[str, Any], dict[str, Any]]]:
    """Types that are about no owner, where a number is refused by its form: in texts, words, references and handles."""
    slug, handle = (f"hp{mark}{''.join(one if one.isalnum() else mark for one in text)}" for mark in ("_", "-"))
    head = {"actor": "kadis"}
    yield "registry.official.register", {"official": "kasi", "role": "petugas", "unit": text, **_TERM}, {}
    yield "registry.official.register", {"official": handle, "role": "petugas", **_TERM}, {}
    yield "registry.official.end", {"official": handle}, {}
    yield "aid.programme.open", programme(name=f"Pelatihan {text}"), head
    yield "aid.programme.open", programme(how_to_apply=f"Hubungi {text}"), head
    yield from _of_cooperatives(text, slug)
    yield "registry.drive.open", {**_DRIVE, "name": f"Gerakan {text}"}, head
    yield "registry.census.open", {**_CENSUS, "name": f"Pendataan {text}"}, head
    visit = {"census_id": "c-1", "business_id": "b-1", "verdict": "found", "enumerator": handle}
    yield "registry.census.record", visit, {"time": now()}
    outside = {"value": 40_000, "source": f"BPS {text}"}
    yield "registry.statistics.publish", {"of": "businesses", "outside": outside}, head
    yield "registry.statistics.request", {"of": "businesses", "outside": outside}, {}


def _of_cooperatives(text: str, slug: str) -> Iterator[tuple[str, Mapping[str, Any], dict[str, Any]]]:
    whole = {"name": "Koperasi Contoh", "region": "12.71", "jenis": "jasa", "agency_ref": "K-1"}
    members = {"count": 20, "source": text, "as_of": "2026-01-31"}
    legal = {"number": f"AHU {text}", "date": "2020-01-01"}
    told = {"name": f"Koperasi {text}", "kelompok": slug, "members": members, "legal": legal, "agency_ref": text}
    for field, value in {**told, "cooperative_number": text}.items():
        yield "registry.cooperative.report", {"cooperative": {**whole, field: value}}, {"time": now()}
    about, head = {"cooperative_id": "k-1"}, {"actor": "kadis"}
    yield "registry.cooperative.form", {"name": f"Koperasi {text}", "region": "12.71", "jenis": "jasa"}, {}
    founders = [{"owner_id": f"o-{number}"} for number in range(9)]
    yield (
        "registry.cooperative.found",
        {**about, "founded_on": "2026-01-31", "legal": legal, "founders": founders},
        head,
    )
    rat = {"book_year": 2025, "held_on": "2026-01-31", "minutes": text}
    yield "registry.cooperative.record_rat", {**about, **rat}, head
    yield "registry.cooperative.dissolve", {**about, "reason": slug}, head
    decree = {"number": f"SK {text}", "date": "2026-02-01"}
    yield "registry.cooperative.dissolve", {**about, "reason": "bangkrut", "decree": decree}, head


def of_the_administrator(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What `binaan` says of agencies."""
    yield "registry.agency.register", {**_agency(), "name": f"Dinas {text}"}
    yield "registry.agency.register", {**_agency(), "permitted": ["registry.#", text]}
    yield "registry.agency.suspend", {"agency": "dinkop-siantar", "reason": text}
    yield "registry.agency.reinstate", {"agency": "dinkop-siantar", "reason": text}


_TERM = {"valid_from": "2020-01-01"}
_DRIVE = {"region": "12.71", "target_cooperatives": 6, "members_each": 9, "deadline": "2030-12-31"}
_CENSUS = {"region": "12.71", "deadline": "2030-12-31", "targets": [{"region": "12.71.01.1001", "target": 1}]}


async def test_what_is_planted_and_typed_everywhere_stands_nowhere_it_should_not(scene: Scene) -> None:
    """In every spelling, into every text of every type; through held and unreadable messages as well."""
    sent = []
    for text in scene.person.spellings:
        cases = list(texts_of(scene, text))
        number = any(char.isdigit() for char in text)
        cases += numbers_of(text) if number else []
        for key, data, attributes in cases:
            sent.append(await scene.medan.send(key, data, **attributes))
        for key, about in of_the_administrator(text) if number else ():
            await scene.admin.ask(key, about)
    await scene.medan.publish(
        "registry.business.report", json.dumps({"nik": scene.person.nik, "name": scene.person.name}).encode()
    )
    await until(lambda: all(scene.medan.replies[id_] or _hidden(id_) for id_ in sent), 120, "every reply")
    await scene.admin.ask("registry.held.request", {})
    assert await scene.outside() == []


def _hidden(id_: str) -> bool:
    """Whether an id is one that a reply does not repeat."""
    return sum(char.isdigit() for char in id_) >= 9


async def test_the_search_would_have_found_it(scene: Scene) -> None:
    """Where the data belong they are, sealed; and a search of what is opened finds them."""
    found = {where for where, raw in opened_documents(scene.stage) if found_in(scene.person, where, raw)}
    assert {"registry.owners, opened", "registry.businesses, opened", "notify.contacts, opened"} <= found
    assert [seen for seen in scene.tap.seen if seen.exchange == CONTACTS and scene.person.phone in str(seen.body)]


async def test_another_agency_is_told_nothing_of_the_person(scene: Scene) -> None:
    """It asks by every id that it can have seen in an event."""
    question = {"owner_ids": [scene.owner_id], "purpose": "field_visit"}
    await scene.siantar.ask("registry.owner.request", question)
    await scene.siantar.ask("registry.access.request", {"owner_id": scene.owner_id})
    await scene.siantar.ask("registry.business.verify", {"business_id": scene.business_id}, actor="kadis")
    assert await scene.outside() == []


async def test_erased_on_request_everywhere_within_a_minute(scene: Scene) -> None:
    """From collections, outbox, inbox and held messages of all services, read with the keys; and it stays so."""
    asked = {"owner_ids": [scene.owner_id], "purpose": "field_visit"}
    await scene.medan.ask("registry.owner.request", asked, id_="who-is-it")
    for _, one in await _unreadable(scene):
        await scene.admin.accepted("registry.held.discard", {"held_id": one, "reason": "tidak terbaca"})
    began = time.monotonic()
    erase = {"owner_id": scene.owner_id, "reason": "permintaan_pemilik"}
    result = await scene.medan.accepted("registry.owner.erase", erase, actor="kadis")
    assert result["outcome"] == "erased"

    def left() -> list[str]:
        return sorted(
            {one for where, raw in opened_documents(scene.stage) for one in found_in(scene.person, where, raw)}
        )

    await until(lambda: not left(), WITHIN_SECONDS, "everything erased")
    assert time.monotonic() - began < WITHIN_SECONDS
    assert await scene.outside() == []
    await scene.medan.send("registry.owner.request", asked, id_="who-is-it")
    again = await scene.medan.reply_to("who-is-it", count=2)
    assert again["data"]["answer"] == {"erased": True}
    assert left() == []


async def _unreadable(scene: Scene) -> list[tuple[str, str]]:
    reply = await scene.admin.ask("registry.held.request", {"state": "unreadable"})
    return [(one["state"], one["held_id"]) for one in reply["data"]["answer"]["held"]]


def test_every_intake_type_of_registry_that_takes_a_public_text_is_among_those_tried(scene: Scene) -> None:
    """A type that comes later and takes one must be tried as well, or be said here why not."""
    tried = {key for key, _, _ in (*texts_of(scene, "x"), *numbers_of("x"))}
    asking = {key for key, one in TYPES.items() if one.kind is Kind.INTAKE and (one.question or one.administrator)}
    without_text = {"registry.consent.record", "registry.consent.withdraw", "registry.business.reactivate"}
    without_text |= {"registry.person.match", "registry.owner.correct"}
    without_text |= {f"registry.cooperative.{verb}" for verb in ("enroll", "resign", "assess", "report_outcome")}
    elsewhere = {key for key in TYPES if key.startswith(("aid.", "notify."))}  # texts of agencies about themselves
    intakes = {key for key, one in TYPES.items() if one.kind is Kind.INTAKE}
    assert intakes - tried - asking - without_text - elsewhere == set(), "try these too"
