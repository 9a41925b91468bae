"""Replicas at work on the same things end as if one had done it all: nothing lost, nothing relied on that changed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from random import Random
from typing import Any

import orjson
import pytest

from shared.contracts.envelope import EVENTS
from shared.decision import Decision
from shared.kernel.codec import Delivery, Outgoing
from shared.kernel.state import ById, WorkingSet
from shared.kernel.store import Changes, Store, Versions
from tests.shared.kernel.toy import (
    ACCOUNTS,
    NOW,
    Account,
    BugError,
    Driver,
    Duty,
    Toy,
    changed,
    delivery,
    replies,
    toys,
    transfer,
    verdicts,
)
from tests.support import until

pytestmark = pytest.mark.servers


# --- no update is lost ------------------------------------------------------------------------------------------------


async def work_off(toy: Toy, messages: Sequence[Delivery], size: int) -> list[Outgoing]:
    """Batch after batch, as a consumer does."""
    outgoing: list[Outgoing] = []
    for start in range(0, len(messages), size):
        outgoing += await toy.process(*messages[start : start + size])
    return outgoing


async def test_two_replicas_on_the_same_accounts_lose_no_update(on_either_driver: list[Toy]) -> None:
    """Hundreds of transfers among a few accounts, each sent to both replicas: every balance is exact to the rupiah."""
    random = Random(20260302)
    names = [f"a-{number}" for number in range(12)]
    await on_either_driver[0].put_states(*(Account(account_id=name, balance=100) for name in names))
    amounts: dict[str, tuple[str, str, int]] = {}
    for number in range(240):
        source, target = random.sample(names, 2)
        amounts[f"m-{number}"] = source, target, random.randint(1, 60)
    messages = [transfer(*about, id_) for id_, about in amounts.items()]
    sent = await asyncio.gather(
        work_off(on_either_driver[0], messages, 7), work_off(on_either_driver[1], list(reversed(messages)), 11)
    )
    answered = [verdicts(one) for one in sent]
    assert answered[0].keys() == answered[1].keys() == amounts.keys()
    assert {id_: bodies[0] for id_, bodies in replies(sent[0]).items()} == {
        id_: bodies[0] for id_, bodies in replies(sent[1]).items()
    }
    expected = Counter(dict.fromkeys(names, 100))
    for id_, (source, target, amount) in amounts.items():
        if answered[0][id_][0] == "accepted":
            expected[source] -= amount
            expected[target] += amount
    balances = await on_either_driver[0].balances()
    assert balances == dict(expected)
    assert min(balances.values()) >= 0
    assert {verb for verb, _ in answered[0].values()} == {"accepted", "rejected"}
    assert await on_either_driver[0].count("inbox") == len(amounts)
    assert_no_gaps([one for one in (*sent[0], *sent[1]) if one.exchange == EVENTS], names)


def assert_no_gaps(events: Sequence[Outgoing], names: Sequence[str]) -> None:
    """Each subject's sequences count 2, 3, 4 … (1 was before), each once, and each state is that of its sequence."""
    distinct = {one.id: one for one in events}.values()  # a replica also sends what the other has not sent yet
    for name in names:
        mine = sorted((one for one in distinct if one.subject == name), key=lambda one: one.sequence)
        assert [one.sequence for one in mine] == list(range(2, len(mine) + 2))


async def test_four_batches_at_once_in_one_process_lose_no_update(toy: Toy) -> None:
    """Three queues and the workers of one service share a unit of work."""
    await toy.put_states(Account(account_id="bank", balance=1000), Account(account_id="till", balance=0))
    batches = [[transfer("bank", "till", 1, f"m-{batch}-{number}") for number in range(40)] for batch in range(4)]
    await asyncio.gather(*(work_off(toy, batch, 5) for batch in batches))
    assert await toy.balances() == {"bank": 840, "till": 160}


# --- what was relied on -----------------------------------------------------------------------------------------------


class Meeting(Store):
    """A store whose first write waits until the other replica's is about to be written too: both have decided on
    the same snapshot, which is the moment at which they can go wrong."""

    meet: asyncio.Barrier | None = None

    async def write(self, changes: Changes, versions: Versions, session: Any) -> None:
        barrier, self.meet = self.meet, None
        if barrier is not None:
            await barrier.wait()
        await super().write(changes, versions, session)


class Careless(Meeting):
    """Writes what changed, and guards nothing of what was relied on."""

    async def write(self, changes: Changes, versions: Versions, session: Any) -> None:
        changes.relied_on = set()
        await super().write(changes, versions, session)

    async def _guard(self, names: set[str], session: Any) -> None:
        return


@pytest.fixture
async def meeting(mongo_url: str, driver: Driver) -> AsyncIterator[list[Toy]]:
    async with toys(mongo_url, 2, driver, Meeting) as two:
        yield two


@pytest.fixture
async def careless(mongo_url: str) -> AsyncIterator[list[Toy]]:
    async with toys(mongo_url, 2, store=Careless) as two:
        yield two


async def at_once(replicas: list[Toy], first: Delivery, second: Delivery) -> list[str]:
    """Both decided on the state as it was before either; the verbs of the answers, sorted."""
    barrier = asyncio.Barrier(2)
    for one in replicas:
        assert isinstance(one.store, Meeting)
        one.store.meet = barrier
    async with asyncio.timeout(30):
        sent = await asyncio.gather(replicas[0].process(first), replicas[1].process(second))
    return sorted(verb for one in sent for verb, _ in verdicts(one).values())


def leave(leaving: str, staying: str) -> Delivery:
    return delivery("toy.duty.leave", {"leaving": leaving, "staying": staying}, f"{leaving} leaves")


def open_unless(account_id: str, unless: str) -> Delivery:
    return delivery("toy.account.open", {"account_id": account_id, "unless": unless}, f"open {account_id}")


def join_unless(name: str, unless: str) -> Delivery:
    return delivery("toy.member.join", {"name": name, "unless": unless}, f"join {name}")


async def both_leave(replicas: list[Toy]) -> list[str]:
    """Each may leave as long as the other stays."""
    await replicas[0].put_states(Duty(duty_id="ana", on=True), Duty(duty_id="budi", on=True))
    return await at_once(replicas, leave("ana", "budi"), leave("budi", "ana"))


async def both_open(replicas: list[Toy]) -> list[str]:
    """Each account may be opened unless the other one exists."""
    return await at_once(replicas, open_unless("a", "b"), open_unless("b", "a"))


async def both_join(replicas: list[Toy]) -> list[str]:
    """Each name may be taken unless the other one is."""
    return await at_once(replicas, join_unless("a", "b"), join_unless("b", "a"))


RACES = {"what the other changes": both_leave, "an id being absent": both_open, "a key being absent": both_join}


@pytest.mark.parametrize("race", RACES.values(), ids=list(RACES))
async def test_no_two_decisions_each_rely_on_what_the_other_changes(meeting: list[Toy], race: Any) -> None:
    """Snapshots allow write skew; guards do not. One of the two is decided again, and refused."""
    assert await race(meeting) == ["accepted", "rejected"]
    assert await meeting[0].count("guards") == 0


@pytest.mark.parametrize("race", RACES.values(), ids=list(RACES))
async def test_without_guards_they_would(careless: list[Toy], race: Any) -> None:
    """That the test above can fail: with the guards taken out, both are accepted."""
    assert await race(careless) == ["accepted", "accepted"]


async def test_two_who_take_the_same_name_are_one_and_a_refusal(meeting: list[Toy]) -> None:
    """The unique index is the last word: its violation is a conflict, and deciding again finds the name taken."""
    first, second = (delivery("toy.member.join", {"name": "ana"}, f"m-{number}") for number in (1, 2))
    assert await at_once(meeting, first, second) == ["accepted", "rejected"]


async def test_two_copies_at_two_replicas_have_one_effect(meeting: list[Toy]) -> None:
    """A redelivery may reach another replica while the first is still at work: one of them finds it answered."""
    await meeting[0].put_states(Account(account_id="a", balance=10), Account(account_id="b", balance=0))
    message = transfer("a", "b", 4, "m-1")
    assert await at_once(meeting, message, message) == ["accepted", "accepted"]
    assert await meeting[0].balances() == {"a": 6, "b": 4}
    assert await meeting[0].count("outbox") == 3


async def test_two_copies_that_change_nothing_have_one_answer(meeting: list[Toy]) -> None:
    """Refusals conflict in nothing but the inbox, and must still be the same bytes."""
    message = transfer("nobody", "no one", 4, "m-1")
    assert await at_once(meeting, message, message) == ["rejected", "rejected"]
    assert len(await meeting[0].raw("outbox")) == 1


async def test_two_copies_that_both_fail_are_held_once(meeting: list[Toy]) -> None:
    """Held by either replica, it is one message."""
    message = delivery("toy.thing.put", {"thing_id": "t", "how": "raising"}, "m-1")
    assert await at_once(meeting, message, message) == []
    assert len(await meeting[0].held()) == 1


async def test_many_who_rely_on_one_another_leave_no_guard_behind(pair: list[Toy]) -> None:
    """A circle of sixty names, each to be taken only if the next is free, by two replicas in opposite directions."""
    messages = [join_unless(f"n-{number}", f"n-{(number + 1) % 60}") for number in range(60)]
    sent = await asyncio.gather(work_off(pair[0], messages, 6), work_off(pair[1], list(reversed(messages)), 5))
    assert verdicts(sent[0]) == verdicts(sent[1])
    taken = {int(one["s"]["name"][2:]) for one in await pair[0].raw("members")}
    accepted = {id_ for id_, (verb, _) in verdicts(sent[0]).items() if verb == "accepted"}
    assert len(accepted) == len(taken)
    free = set(range(60)) - taken
    # In whatever order it went: a refused name has its next one taken, and somebody came first.
    assert all((number + 1) % 60 in taken for number in free)
    assert free
    assert await pair[0].count("guards") == 0


# --- deciding again ---------------------------------------------------------------------------------------------------


class AbandonError(Exception):
    """Ends a transaction without a commit."""


async def test_a_transient_error_of_the_database_reruns_with_the_same_ids(on_either_driver: list[Toy]) -> None:
    """A real write conflict: another transaction holds the account. What is decided again makes the same things."""
    toy, other = on_either_driver
    await toy.put_states(Account(account_id="b", balance=0))
    opening = delivery("toy.account.open", {"account_id": "a", "unless": "x"}, "m-1")
    working: list[asyncio.Task[list[Outgoing]]] = []

    async def hold_the_guard() -> None:
        async with other.mongo.transaction() as session:
            await other.mongo.collection("guards").insert_one({"_id": "accounts:id:x"}, session=session)
            working.append(asyncio.create_task(toy.process(opening)))
            await until(lambda: toy.behaviour.decided["m-1"] >= 3)
            raise AbandonError

    with pytest.raises(AbandonError):
        await hold_the_guard()
    assert verdicts(await working[0])["m-1"][0] == "accepted"
    assert len(toy.behaviour.ids_made) >= 3
    assert len(set(toy.behaviour.ids_made)) == 1
    assert await toy.count("outbox") == 2


async def test_a_worker_step_is_decided_again_on_a_conflict(pair: list[Toy]) -> None:
    """Workers share the unit of work: a step that meets a message's change is decided on the new state."""
    first, second = pair
    await first.put_states(Account(account_id="a", balance=10), Account(account_id="b", balance=0))
    seen: list[int] = []
    write = first.store.write

    def decide(_: Any, state: WorkingSet, __: Any) -> Decision:
        account = state.get(ById(ACCOUNTS, "a"))
        assert account is not None
        seen.append(account.balance)
        return Decision(changes=[account.model_copy(update={"balance": account.balance * 2})])

    async def write_after_the_other(changes: Changes, versions: Versions, session: Any) -> None:
        if len(seen) == 1:
            await second.process(transfer("a", "b", 4, "m-1"))
        await write(changes, versions, session)

    first.store.write = write_after_the_other  # type: ignore[method-assign]
    await first.unit_of_work.run(lambda *_: [ById(ACCOUNTS, "a")], decide, lambda: NOW)
    assert seen == [10, 6]
    assert await first.balances() == {"a": 12, "b": 4}


async def test_a_worker_that_fails_changes_nothing_and_says_so(toy: Toy) -> None:
    """Its error goes to the workers' own retry, not into the held messages."""
    await toy.put_states(Account(account_id="a", balance=10))

    def decide(*_: Any) -> Decision:
        raise BugError

    with pytest.raises(BugError):
        await toy.unit_of_work.run(lambda *_: [ById(ACCOUNTS, "a")], decide, lambda: NOW)
    assert await toy.balances() == {"a": 10}
    assert await toy.held() == []


async def test_what_a_clock_starts_begins_a_chain_of_its_own(toy: Toy) -> None:
    """For what a clock starts, the correlation id is the event's own id."""
    account = Account(account_id="a", balance=10)
    _, (sent,) = await toy.unit_of_work.run(
        lambda *_: [ById(ACCOUNTS, "a")], lambda *_: Decision(changes=[account], facts=[changed(account)]), lambda: NOW
    )
    told = orjson.loads(sent.body)
    assert told["correlationid"] == told["causationid"] == told["id"] == sent.id
    assert await toy.count("outbox") == 1
