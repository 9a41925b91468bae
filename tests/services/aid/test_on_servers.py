"""aid as others see it: processes on real servers, spoken to and listened to through RabbitMQ only."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Self

import pytest

from deploy.local.world import World
from shared.contracts.catalogue import BY_NAME
from shared.contracts.envelope import format_sequence
from shared.contracts.registry.businesses import BusinessEvent
from shared.contracts.registry.persons import PersonEvent
from tests import samples
from tests.samples import KALTIM, MEDAN, REGIONS, SIANTAR
from tests.services.aid.memory import business
from tests.support import Json, Party, Reader, Seen, ServiceProcess, Teller, known_to, until

pytestmark = pytest.mark.servers

RECOVERY_SECONDS = 200.0
"""After a kill: the workers' lease runs out (10 s), and what the dead process had begun to write stays locked until
MongoDB gives the transaction up (transactionLifetimeLimitSeconds, 60 s unless set, looked at every half of that)."""


# --- who is there -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
async def service(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServiceProcess]:
    async with ServiceProcess(world, "aid", tmp_path_factory.mktemp("aid")) as process:
        yield process


class Feed(Reader):
    """Everything of aid that a ministry's integrator has read so far, validated against the catalogue."""

    def __init__(self, world: World) -> None:
        super().__init__(world, "kemenumkm", "kemenumkm.events")
        self.answers: dict[str, list[Json]] = defaultdict(list)
        """By programme."""
        self.answered: dict[str, set[str]] = defaultdict(set)
        """Programme → beneficiaries."""
        self.wrong: list[Exception] = []

    def take(self, seen: Seen) -> None:
        super().take(seen)
        kind, data = BY_NAME[seen.body["type"]], seen.body["data"]
        try:
            kind.model.model_validate(data)
        except ValueError as error:
            self.wrong.append(error)
        if kind.key == "aid.eligibility.assessed":
            self.answers[data["eligibility"]["programme_id"]].append(seen.body)
            self.answered[data["eligibility"]["programme_id"]].add(data["eligibility"]["beneficiary_id"])


class Wire:
    """registry, the agencies, the administrator and an integrator, each on a connection of its own."""

    def __init__(self, world: World) -> None:
        self.registry, self.feed = Teller(world, "registry"), Feed(world)
        self.parties = {account: Party(world, account) for account in (*REGIONS, "binaan")}
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        everybody: list[Teller | Reader] = [self.registry, self.feed, *self.parties.values()]
        for one in everybody:
            await self._open.enter_async_context(one)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def tell(self, state: Json, sequence: int = 3, kind: str = "registry.business.designated") -> None:
        """What registry tells of a business, which has just become binaan unless it says otherwise."""
        data = BusinessEvent.model_validate({"business": state})
        await self.registry.tell(kind, data, state["business_id"], sequence, region=state["region"])

    async def tell_all(self, states: list[Json]) -> None:
        for start in range(0, len(states), 200):
            await asyncio.gather(*(self.tell(state) for state in states[start : start + 200]))

    async def know(self, account: str) -> None:
        """An agency and its head; returns when aid knows them, and so everything that registry told before."""
        head, region = samples.official(account), REGIONS[account]
        agency = samples.agency(account, region=region)
        await self.registry.tell("registry.agency.registered", agency, account, region=region)
        await self.registry.tell("registry.official.registered", head, head.official.official_id, region=region)
        await known_to(self.parties["binaan"], "aid", [account], officials=1)

    async def open_programme(self, account: str, **fields: Any) -> str:
        data = samples.programme(agency=account, region=REGIONS[account], **fields)
        result = await self.parties[account].accepted("aid.programme.open", data, actor="kadis")
        assert result["outcome"] == "opened"
        return str(result["programme_id"])

    async def close_programme(self, account: str, programme_id: str) -> None:
        """Close it, and wait until that is told: whatever a worker still had to say has been said before."""
        about = {"programme_id": programme_id}
        await self.parties[account].accepted("aid.programme.close", about, actor="kadis")
        await until(lambda: self.feed.of("aid.programme.closed", subject=programme_id), what="told that it is closed")

    async def until_answered(self, programme_id: str, count: int) -> None:
        answered = self.feed.answered[programme_id]
        await until(lambda: len(answered) == count, RECOVERY_SECONDS, f"{count} businesses answered")


@pytest.fixture(scope="module")
async def wire(world: World, service: ServiceProcess) -> AsyncIterator[Wire]:
    async with Wire(world) as made:
        yield made
    assert not made.feed.wrong


def many(count: int, region: str) -> list[Json]:
    return [business(f"{region}-{number:05d}", status="binaan", region=region) for number in range(count)]


def numbers(answers: Iterable[Json]) -> dict[str, dict[int, set[str]]]:
    """Subject → sequence → the ids it came under."""
    found: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for one in answers:
        found[one["subject"]][int(one["sequence"])].add(one["id"])
    return found


# --- the tests --------------------------------------------------------------------------------------------------------


async def test_a_business_that_becomes_binaan_is_assessed_for_what_is_open(wire: Wire) -> None:
    """Contract, step 4, as an integrator reads it; one chain by correlation id."""
    await wire.know(MEDAN)
    programme_id = await wire.open_programme(MEDAN)
    state = business("chain-1", status="terverifikasi")
    await wire.tell(state, 2, "registry.business.verified")
    await wire.tell({**state, "status": "binaan"})
    answers = wire.feed.answers[programme_id]
    await until(lambda: len(answers) == 2, what="two answers")
    first, second = answers
    assert first["subject"] == second["subject"] == second["partitionkey"]
    assert [one["sequence"] for one in (first, second)] == [format_sequence(1), format_sequence(2)]
    assert [one["data"]["eligibility"]["verdict"] for one in (first, second)] == ["ineligible", "eligible"]
    assert (second["correlationid"], second["causationid"]) == ("chain/chain-1", "chain-1#3")
    assert second["data"]["eligibility"]["assessed_from_sequence"] == format_sequence(3)
    assert second["region"] == state["region"]


async def test_a_fact_under_a_token_finds_its_person_and_only_the_deciding_agency_is_told_which(wire: Wire) -> None:
    """S1-24, UU PDP 27/2022 art. 4: told before anybody knows whom it is about, sealed, one criterion on events."""
    await wire.know(MEDAN)
    permitted = ("registry.business.*", "aid.programme.*", "aid.eligibility.request", "aid.exclusion.report")
    agency = samples.agency(MEDAN, region=REGIONS[MEDAN], permitted=permitted)
    await wire.registry.tell("registry.agency.registered", agency, MEDAN, 2, region=REGIONS[MEDAN])
    medan = wire.parties[MEDAN]
    programme_id = await wire.open_programme(MEDAN, criteria=[], required_checks=["death"])
    await wire.tell(business("checked-1", owner_id="owner-of-checked-1", region="12.71.01.1001"), 1)
    answers = wire.feed.answers[programme_id]

    def last() -> list[str]:
        told = [one for one in answers if one["data"]["eligibility"]["beneficiary_id"] == "checked-1"]
        return [one["data"]["eligibility"]["verdict"] for one in told]

    await until(lambda: last() == ["waiting"], what="the check is awaited")
    fact = {"person": "k1.token-of-checked-1", "check": "death", "value": True, "observed_on": "2026-03-01"}
    time = "2026-03-02T09:00:00+07:00"
    await medan.accepted("aid.exclusion.report", {"source": "dukcapil", "facts": [fact]}, time=time)
    person = {"token": fact["person"], "owner_id": "owner-of-checked-1"}
    matched = PersonEvent.model_validate({"person": person})
    await wire.registry.tell("registry.person.matched", matched, str(fact["person"]), region="12.71")
    await until(lambda: last() == ["waiting", "ineligible"], what="the fact has found its person")
    assert "death" not in json.dumps(answers)
    about = {"programme_id": programme_id, "beneficiary_id": "checked-1"}
    reply = await medan.ask("aid.eligibility.request", about)
    (found,) = reply["data"]["answer"]
    (check,) = found["criteria"][-1]["checks"]
    assert (check["check"], check["verdict"], check["answers"][0]["source"]) == ("death", "ineligible", "dukcapil")
    await wire.close_programme(MEDAN, programme_id)


async def test_what_an_official_may_not_do_is_refused(wire: Wire) -> None:
    """The reply says why; nothing is told."""
    await wire.know(MEDAN)
    medan = wire.parties[MEDAN]
    data = samples.programme(region="12.72", apply_until="2020-01-01")
    reply = await medan.ask("aid.programme.open", data, actor="kadis")
    assert [(one["code"], one["field"]) for one in reply["data"]["problems"]] == [("authority.region", "data.region")]
    about = {"programme_id": "never-opened"}
    assert await medan.refused("aid.programme.close", about, actor="kadis") == ["programme.unknown"]


async def test_a_kill_in_the_middle_of_a_large_region_loses_nothing_and_numbers_nothing_twice(
    wire: Wire, service: ServiceProcess
) -> None:
    """Issue 2, build 5: a large region in steps that survive a restart. The kill counts only if work was left."""
    states = many(2000, "12.72.01.1001")
    await wire.tell_all(states)
    await wire.know(SIANTAR)
    programme_id = await wire.open_programme(SIANTAR)
    answered = wire.feed.answered[programme_id]
    await until(partial(bool, answered), what="the first answers")
    service.kill()
    assert len(answered) < len(states), "the work was done before the kill"
    await service.start()
    await wire.until_answered(programme_id, len(states))
    await wire.close_programme(SIANTAR, programme_id)
    for told in numbers(wire.feed.answers[programme_id]).values():
        assert {sequence: len(ids) for sequence, ids in told.items()} == {1: 1}
    assert {one["data"]["eligibility"]["verdict"] for one in wire.feed.answers[programme_id]} == {"eligible"}


async def test_no_business_is_missed_by_a_programme_that_opens_during_an_import(
    wire: Wire, world: World, service: ServiceProcess
) -> None:
    """Two replicas: one may be writing businesses that the other's page of the work list cannot see."""
    async with ServiceProcess(world, "aid", service.root):
        await wire.know(KALTIM)
        states = many(1000, "64.72.01.1001")
        importing = asyncio.create_task(wire.tell_all(states))
        opened = [await wire.open_programme(KALTIM, criteria=[]) for _ in range(3)]
        await importing
        for programme_id in opened:
            await wire.until_answered(programme_id, len(states))
            assert all(set(told) == {1} for told in numbers(wire.feed.answers[programme_id]).values())
