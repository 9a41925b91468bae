"""Of all replicas one runs the workers, by the server's clock; a worker that fails harms no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from shared.decision import Decision
from shared.kernel import lease as leases
from shared.kernel import workers as work
from shared.kernel.dependency import Dependency
from shared.kernel.lease import Lease
from shared.kernel.routes import Decide, Needs, Run, Worker
from shared.kernel.unit_of_work import GoneError
from shared.kernel.workers import Workers
from tests.shared.kernel.toy import Toy
from tests.support import until

pytestmark = pytest.mark.servers


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease of one second, renewed four times within it."""
    monkeypatch.setattr(leases, "LEASE_SECONDS", 1)
    monkeypatch.setattr(work, "_RENEW_SECONDS", 0.25)


async def lease(toy: Toy, holder: str) -> Lease:
    made = Lease(toy.mongo, "workers", holder)
    await made.ensure()
    return made


# --- the lease --------------------------------------------------------------------------------------------------------


async def test_one_holds_it_and_keeps_it_and_no_other_gets_it(on_either_driver: list[Toy]) -> None:
    """Also when both ask at the same time, many times over."""
    first, second = await lease(on_either_driver[0], "first"), await lease(on_either_driver[1], "second")
    got = [await asyncio.gather(first.acquire(), second.acquire()) for _ in range(20)]
    assert {tuple(one) for one in got} in ({(True, False)}, {(False, True)})


async def test_it_runs_out_by_the_clock_of_the_server(toy: Toy) -> None:
    """The replicas' own clocks may be wrong; only one clock decides, and it is written in the lease."""
    one = await lease(toy, "one")
    before = await now(toy)
    assert await one.acquire()
    after = await now(toy)
    (stored,) = await toy.raw("leases")
    seconds = timedelta(seconds=leases.LEASE_SECONDS)
    tick = timedelta(milliseconds=20)
    assert before + seconds - tick <= stored["until"] <= after + seconds + tick


async def test_one_who_died_is_replaced_when_its_time_is_over_and_not_before(pair: list[Toy], short: None) -> None:
    """It does not renew any more; the other asks all the while."""
    dead, heir = await lease(pair[0], "dead"), await lease(pair[1], "heir")
    assert await dead.acquire()
    taken = (await pair[0].raw("leases"))[0]["until"]
    assert not await heir.acquire()
    await until(heir.acquire, 5)
    assert await now(pair[0]) >= taken
    assert not await dead.acquire()


async def test_one_that_ends_too_late_was_given_before_the_clock_was_set_back(pair: list[Toy]) -> None:
    """Else a server whose clock was an hour ahead would leave the workers of a dead replica to nobody for an hour."""
    dead, heir = await lease(pair[0], "dead"), await lease(pair[1], "heir")
    assert await dead.acquire()
    late = {"$set": {"until": await now(pair[0]) + timedelta(hours=1)}}
    await pair[0].mongo.collection("leases").update_one({"_id": "workers"}, late)
    assert await heir.acquire()


async def test_one_that_was_given_a_moment_after_the_asking_began_is_respected(pair: list[Toy]) -> None:
    """Two ask at once; the second waits for the first one's write, and its own instant is then the older one."""
    holder, late = await lease(pair[0], "holder"), await lease(pair[1], "late")
    assert await holder.acquire()
    younger = {"$set": {"until": await now(pair[0]) + timedelta(seconds=leases.LEASE_SECONDS + 2)}}
    await pair[0].mongo.collection("leases").update_one({"_id": "workers"}, younger)
    assert not await late.acquire()


async def test_released_it_is_free_at_once_and_only_its_holder_can_release_it(pair: list[Toy]) -> None:
    """A replica that stops in order lets the next one begin without a wait."""
    first, second = await lease(pair[0], "first"), await lease(pair[1], "second")
    assert await first.acquire()
    await second.release()
    assert not await second.acquire()
    await first.release()
    assert await second.acquire()


async def test_making_it_again_does_not_take_it_away(pair: list[Toy]) -> None:
    """Every replica makes it at its start."""
    first = await lease(pair[0], "first")
    assert await first.acquire()
    second = await lease(pair[1], "second")
    assert not await second.acquire()


# --- the workers ------------------------------------------------------------------------------------------------------


async def no_run(needs: Needs, decide: Decide) -> Decision:
    raise NotImplementedError


class Hand:
    """A worker that says when it works, and for whom."""

    def __init__(self, name: str, log: list[tuple[str, str]]) -> None:
        self.name, self.log, self.steps = name, log, 0
        self.more = 0

    async def step(self, _: Run) -> bool:
        self.log.append((self.name, "in"))
        try:
            self.steps += 1
            await asyncio.sleep(0.01)
        finally:
            self.log.append((self.name, "out"))
        self.more -= 1
        return self.more > 0


@asynccontextmanager
async def running(
    toy: Toy, holder: str, workers: Sequence[Worker], pressed: Callable[[], bool] = lambda: False
) -> AsyncIterator[Workers]:
    made = Workers(await lease(toy, holder), Dependency("mongodb", toy.mongo.ping), no_run, workers, pressed=pressed)
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_two_replicas_never_work_at_once_and_the_second_takes_over(pair: list[Toy], short: None) -> None:
    """Ten handovers, each by an orderly stop of whoever works."""
    log: list[tuple[str, str]] = []
    hands = [Hand(f"replica {number}", log) for number in range(10)]
    contexts = [
        running(pair[number % 2], hand.name, [Worker("w", hand.step, every=0.01)]) for number, hand in enumerate(hands)
    ]
    await contexts[0].__aenter__()
    for number in range(1, 10):
        await until(lambda number=number: hands[number - 1].steps >= 3)  # type: ignore[misc]
        await contexts[number].__aenter__()
        await contexts[number - 1].__aexit__(None, None, None)
    await until(lambda: hands[9].steps >= 3)
    await contexts[9].__aexit__(None, None, None)
    assert_never_at_once(log)
    order = list(dict.fromkeys(name for name, _ in log))
    assert order == [hand.name for hand in hands]


def assert_never_at_once(log: Sequence[tuple[str, str]]) -> None:
    for (name, _), (following, what) in zip(log[::2], log[1::2], strict=True):
        assert (following, what) == (name, "out")


async def test_one_who_loses_the_lease_stops_working(pair: list[Toy], short: None) -> None:
    """It hung for longer than its lease, and somebody else has taken it: on waking it must not go on."""
    log: list[tuple[str, str]] = []
    hand = Hand("hung", log)
    async with running(pair[0], "hung", [Worker("w", hand.step, every=0.01)]):
        await until(lambda: hand.steps >= 1)
        taken = {"$set": {"holder": "other", "until": (await now(pair[0])) + timedelta(seconds=1)}}
        await pair[0].mongo.collection("leases").update_one({"_id": "workers"}, taken)
        await until(lambda: not working())
        steps = hand.steps
        await asyncio.sleep(0.1)
        assert hand.steps == steps


def working() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name() == "w"]


async def now(toy: Toy) -> Any:
    """By the server's clock."""
    return (await toy.mongo.client["admin"].command("serverStatus"))["localTime"].replace(tzinfo=UTC)


async def test_a_worker_goes_on_while_there_is_more_and_then_waits_until_nudged(toy: Toy, short: None) -> None:
    """A large region is worked off without pauses; an idle worker costs nothing; a change wakes it."""
    log: list[tuple[str, str]] = []
    nudged, other = Hand("nudged", log), Hand("other", log)
    nudged.more = 5
    workers = [Worker("w", nudged.step, every=60), Worker("w", other.step, every=60, nudged=False)]
    async with running(toy, "one", workers[:1]) as made:
        await until(lambda: nudged.steps == 5)
        await asyncio.sleep(0.1)
        assert nudged.steps == 5
        made.nudge()
        await until(lambda: nudged.steps == 6)
    async with running(toy, "one", workers[1:]) as made:
        await until(lambda: other.steps == 1)
        made.nudge()
        await asyncio.sleep(0.1)
        assert other.steps == 1


async def test_a_patient_worker_gives_way_to_messages_that_wait_and_still_gets_on(toy: Toy, short: None) -> None:
    """What nobody waits for must not take the time of those who do; nor may it stand still for as long as they come."""
    pressed, log = [True], list[tuple[str, str]]()
    patient, other = Hand("patient", log), Hand("other", log)
    patient.more = other.more = 10_000
    workers = [Worker("w", patient.step, every=0.2, patient=True), Worker("w", other.step, every=0.2)]
    async with running(toy, "one", workers, pressed=lambda: pressed[0]):
        await until(lambda: patient.steps == 2)
        assert other.steps >= 5 * patient.steps
        pressed[0] = False
        before = patient.steps, other.steps
        await until(lambda: patient.steps >= before[0] + 20)
        assert other.steps - before[1] <= 5 * (patient.steps - before[0])


async def test_a_worker_that_fails_is_tried_again_and_harms_no_other(toy: Toy, short: None) -> None:
    """It is said with the place of the error and none of its values."""
    calls: list[int] = []

    async def failing(_: Run) -> bool:
        calls.append(1)
        raise ValueError("3171999999999999")

    hand = Hand("healthy", [])
    workers = [Worker("failing", failing, every=0.01), Worker("w", hand.step, every=0.01)]
    with capture_logs() as said:
        async with running(toy, "one", workers):
            await until(lambda: len(calls) >= 3 and hand.steps >= 3)
    assert {(line["worker"], line["error"]) for line in said} == {("failing", "ValueError")}
    assert "3171999999999999" not in str(said)


async def test_while_the_database_is_gone_the_workers_wait(
    toy: Toy, short: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not counted as their failure; when it is back they go on."""
    hand = Hand("patient", [])
    gone = True

    async def step(run: Run) -> bool:
        if gone:
            raise GoneError from ConnectionError()
        return await hand.step(run)

    async def ping() -> None:
        if gone:
            raise ConnectionError

    monkeypatch.setattr("shared.kernel.dependency._PROBE_SECONDS", 0.01)
    monkeypatch.setattr(toy.mongo, "ping", ping)
    with capture_logs() as said:
        async with running(toy, "one", [Worker("w", step, every=0.01)]):
            await until(lambda: said)
            gone = False
            await until(lambda: hand.steps >= 1)
    assert [line["event"][:28] for line in said] == ["a dependency is gone; waitin", "a dependency is back"]
