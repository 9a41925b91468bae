"""Killed in the middle, told everything twice: afterwards the books balance.

Every service is killed once (SIGKILL) while it holds work of 500 reports and the decisions that follow them, each
message sent twice. What must be true afterwards is what docs/contract.md and README.md promise in words.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from deploy.local.world import World
from tests.end_to_end.stage import SERVICES, Stage
from tests.samples import DECREE, MEDAN, programme
from tests.shared.reference import generate
from tests.support import History, Party, known_to, register, until

pytestmark = pytest.mark.servers

BUSINESSES, DESIGNATED = 500, 120


@dataclass
class Run:
    """What was sent, and to whom it happened."""

    stage: Stage
    agency: Party
    history: History
    sent: list[str] = field(default_factory=list)

    async def twice(self, key: str, data: dict[str, Any], id_: str, **attributes: Any) -> None:
        self.sent.append(id_)
        for _ in range(2):
            await self.agency.send(key, data, id_=id_, **attributes)

    async def kill_and_restart(self, service: str) -> None:
        self.stage.services[service].kill()
        await self.stage.services[service].start()


@pytest.fixture(scope="module")
async def run(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Run]:
    """The whole story, killed three times; the tests look at what is left."""
    stage = Stage(world, tmp_path_factory.mktemp("kill"))
    try:
        await stage.start()
        await register(world)
        async with Party(world, MEDAN) as agency, History(world) as history:
            story = Run(stage, agency, history)
            await _tell(story)
            await _rest(story)
            yield story
        assert stage.stop() == [0, 0, 0], "a service must end by itself when told to"
    finally:
        stage.kill()


async def _tell(run: Run) -> None:
    async with Party(run.stage.world, "binaan") as administrator:
        await known_to(administrator, "aid", (MEDAN,))
    await run.agency.accepted("aid.programme.open", programme(), actor="kadis")
    await asyncio.gather(_report_all(run), _kill_when_half_done(run))
    await asyncio.gather(_designate_some(run), _kill_the_readers(run))


async def _report_all(run: Run) -> None:
    rng = random.Random(20260101)
    for number in range(BUSINESSES):
        await run.twice("registry.business.report", _report(rng, number), f"report-{number}", time=_time(number))


def _time(number: int) -> str:
    return f"2026-01-05T09:{number // 60 % 60:02}:{number % 60:02}+07:00"


def _report(rng: random.Random, number: int) -> dict[str, Any]:
    consent = {"whatsapp": True, "sms": True, "given_on": "2026-01-05"}
    owner = {"nik": generate.nik(rng), "name": f"Pemilik {number}", "phone": generate.phone(rng), "consent": consent}
    trade = {"agency_ref": f"R-{number}", "name": f"Usaha {number}", "region": "12.71.01.1001", "capital": 5_000_000}
    return {"owner": owner, "business": trade}


def _replied(run: Run, prefix: str) -> list[str]:
    return [id_ for id_ in run.sent if id_.startswith(prefix) and run.agency.replies[id_]]


async def _kill_when_half_done(run: Run) -> None:
    await until(lambda: len(_replied(run, "report-")) > BUSINESSES // 4, what="a quarter of the replies")
    assert len(_replied(run, "report-")) < BUSINESSES, "nothing was left to be killed in"
    await run.kill_and_restart("registry")


async def _designate_some(run: Run) -> None:
    await until(lambda: len(_replied(run, "report-")) == BUSINESSES, what="all replies")
    for number in range(DESIGNATED):
        reply = await run.agency.reply_to(f"report-{number}")
        business = {"business_id": reply["data"]["result"]["business_id"]}
        await run.twice("registry.business.verify", business, f"verify-{number}", actor="kabid")
        # Sent behind the verification without waiting for its reply: one queue keeps the order of one sender.
        await run.twice(
            "registry.business.designate", {**business, "decree": DECREE}, f"designate-{number}", actor="kadis"
        )


async def _kill_the_readers(run: Run) -> None:
    def eligible() -> int:
        assessed = run.history.of_type("aid.eligibility.assessed")
        return sum(one["data"]["eligibility"]["eligible"] for one in assessed)

    await until(lambda: 10 < eligible() < DESIGNATED, what="some are eligible")
    await run.kill_and_restart("aid")
    await until(lambda: run.history.of_type("notify.message.queued"), what="somebody is to be told")
    await run.kill_and_restart("notify")


async def _rest(run: Run) -> None:
    """Until nothing moves any more: all replies are there and every outbox is empty."""
    everything = BUSINESSES + 2 * DESIGNATED
    await until(lambda: len(_replied(run, "")) == everything, what="a reply for each message")
    delivered = lambda: len(run.history.of_type("notify.message.delivered")) == DESIGNATED  # noqa: E731
    await until(delivered, what="a message for each owner")
    await until(lambda: _outboxes_are_empty(run.stage.world), what="the outboxes empty")


async def _outboxes_are_empty(world: World) -> bool:
    client: AsyncMongoClient[dict[str, Any]]
    async with AsyncMongoClient(world.mongo_url) as client:
        return not any([await client[name]["outbox"].count_documents({}) for name in world.databases.values()])


async def _documents(world: World, service: str, collection: str) -> list[dict[str, Any]]:
    client: AsyncMongoClient[dict[str, Any]]
    async with AsyncMongoClient(world.mongo_url) as client:
        return await client[world.databases[service]][collection].find({}).to_list(None)


async def test_every_message_is_answered_and_every_repetition_with_the_same_bytes(run: Run) -> None:
    """The contract: one reply for each intake message, the same id and the same bytes however often it comes."""
    assert Counter(run.sent).most_common(1)[0][1] == 1
    for id_ in run.sent:
        assert len(set(run.agency.replies[id_])) == 1, id_
    outcomes = Counter(json.loads(run.agency.replies[id_][0])["data"]["result"]["outcome"] for id_ in run.sent)
    assert outcomes == {"created": BUSINESSES, "verified": DESIGNATED, "designated": DESIGNATED}


async def test_state_is_what_was_reported_and_decided_exactly_once(run: Run) -> None:
    """Nothing lost, nothing twice: one business and one owner for each report, designated once."""
    businesses = [one["s"] for one in await _documents(run.stage.world, "registry", "businesses")]
    assert len(businesses) == BUSINESSES
    assert len(await _documents(run.stage.world, "registry", "owners")) == BUSINESSES
    assert Counter(one["status"] for one in businesses) == {"binaan": DESIGNATED, "terdata": BUSINESSES - DESIGNATED}
    assert {one["sequence"] for one in businesses if one["status"] == "binaan"} == {3}
    assert len(await _documents(run.stage.world, "registry", "inbox")) == len(run.sent) + _registrations(run)
    for service in SERVICES:
        assert await _documents(run.stage.world, service, "held") == []


def _registrations(run: Run) -> int:
    """The inbox also remembers how the agency and its two officials were registered."""
    return len(run.history.of_type("registry.agency.registered")) + len(
        run.history.of_type("registry.official.registered")
    )


async def test_every_sequence_is_without_gaps_and_ends_with_the_state_kept(run: Run) -> None:
    """A reader that has all events has the state: sequences count 1, 2, 3 … and the last one says what is true."""
    told = run.history.by_subject()
    for subject, events in told.items():
        assert [int(one["sequence"]) for one in events] == list(range(1, len(events) + 1)), subject
    stored = {one["_id"]: one["s"] for one in await _documents(run.stage.world, "registry", "businesses")}
    last = {id_: told[id_][-1] for id_ in stored}
    for id_, event in last.items():
        assert event["data"]["business"]["status"] == stored[id_]["status"]
        assert int(event["sequence"]) == stored[id_]["sequence"]


async def test_readers_end_with_the_same_state_as_the_register(run: Run) -> None:
    """aid judged every business by its last state, and notify has told each owner once (spool: once each)."""
    copies = {one["_id"]: one["s"] for one in await _documents(run.stage.world, "aid", "businesses")}
    assert len(copies) == BUSINESSES
    verdicts = Counter(one["s"]["verdict"] for one in await _documents(run.stage.world, "aid", "eligibilities"))
    assert verdicts == {"eligible": DESIGNATED, "ineligible": BUSINESSES - DESIGNATED}
    told = [json.loads(line)["message_id"] for line in run.stage.spool.read_text().splitlines()]
    assert len(told) == len(set(told)) == DESIGNATED


async def test_no_event_names_a_person(run: Run) -> None:
    """UU PDP: events are public; a NIK, a phone number or an owner's name in one is a breach."""
    rng = random.Random(20260101)
    private = {value for n in range(BUSINESSES) for value in _personal(_report(rng, n)["owner"])}
    text = "\n".join(json.dumps(event) for event in run.history.events)
    assert [value for value in private if value in text] == []


def _personal(owner: dict[str, Any]) -> list[str]:
    return [owner["nik"], owner["phone"].removeprefix("+62"), f'"{owner["name"]}"']
