"""State, outbox and inbox of a batch change together or not at all, and a repeated message changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from pymongo.errors import ConnectionFailure

from shared.kernel.codec import Outgoing
from shared.kernel.inbox import Answered, Inbox
from shared.kernel.outbox import Outbox
from shared.kernel.state import ById, ByKey
from shared.kernel.store import Changes, Store, Versions
from shared.kernel.unit_of_work import GoneError, Item
from tests.shared.kernel.toy import (
    ACCOUNTS,
    MEMBERS,
    Account,
    Toy,
    delivery,
    put,
    replies,
    transfer,
    verdict,
    verdicts,
)

pytestmark = pytest.mark.servers


class CrashError(Exception):
    """The process would die here."""


async def test_what_changed_what_is_told_and_what_was_answered_are_committed_together(
    on_either_driver: list[Toy],
) -> None:
    """The second idea of the design: one transaction of state, outbox and inbox."""
    toy = on_either_driver[0]
    await toy.put_states(Account(account_id="a", balance=10), Account(account_id="b", balance=0))
    outgoing = await toy.process(transfer("a", "b", 4, "m-1"))
    assert await toy.balances() == {"a": 6, "b": 4}
    assert {one["_id"] for one in await toy.raw("outbox")} == {one.id for one in outgoing}
    assert [one.type for one in outgoing] == [
        "id.binaan.toy.account.changed.v1",
        "id.binaan.toy.account.changed.v1",
        "id.binaan.toy.reply.accepted.v1",
    ]
    assert await toy.count("inbox") == 1


@pytest.mark.parametrize("part", ["store", "outbox", "inbox"])
async def test_a_crash_before_the_commit_leaves_nothing_behind(
    on_either_driver: list[Toy], part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever part was written last: state without its event, or an answer without its effect, must not exist."""
    toy = on_either_driver[0]
    await toy.put_states(Account(account_id="a", balance=10), Account(account_id="b", balance=0))

    async def write(self: Store, changes: Changes, versions: Versions, session: Any) -> None:
        await _WRITE(self, changes, versions, session)
        raise CrashError

    async def insert(self: Outbox, outgoing: Sequence[Outgoing], session: Any) -> None:
        await _INSERT(self, outgoing, session)
        raise CrashError

    async def remember(self: Inbox, answers: dict[bytes, Answered], now: Any, session: Any) -> None:
        await _REMEMBER(self, answers, now, session)
        raise CrashError

    owner, name, crashing = {
        "store": (Store, "write", write),
        "outbox": (Outbox, "insert", insert),
        "inbox": (Inbox, "remember", remember),
    }[part]
    monkeypatch.setattr(owner, name, crashing)
    with pytest.raises(CrashError):
        await toy.unit_of_work._attempt(toy.items([transfer("a", "b", 4, "m-1")]), None)
    assert await toy.balances() == {"a": 10, "b": 0}
    assert (await toy.count("outbox"), await toy.count("inbox"), await toy.count("guards")) == (0, 0, 0)


_WRITE, _INSERT, _REMEMBER = Store.write, Outbox.insert, Inbox.remember


async def test_copies_in_one_batch_are_one_message(on_either_driver: list[Toy]) -> None:
    """The broker may deliver twice within a batch; there is one effect and one reply."""
    toy = on_either_driver[0]
    await toy.put_states(Account(account_id="a", balance=10), Account(account_id="b", balance=0))
    message = transfer("a", "b", 4, "m-1")
    outgoing = await toy.process(message, transfer("a", "b", 1, "m-2"), message, message)
    assert await toy.balances() == {"a": 5, "b": 5}
    assert {id_: len(bodies) for id_, bodies in replies(outgoing).items()} == {"m-1": 1, "m-2": 1}
    assert await toy.count("outbox") == len(outgoing) == 6


async def test_a_repeated_message_gets_the_same_bytes_and_changes_nothing(on_either_driver: list[Toy]) -> None:
    """Repetition is recognised by every replica, and answered with the same id and the same bytes."""
    first, second = on_either_driver
    await first.put_states(Account(account_id="a", balance=10), Account(account_id="b", balance=0))
    sent = await first.process(transfer("a", "b", 4, "m-1"))
    again = await second.process(transfer("a", "b", 4, "m-1"), transfer("b", "a", 100, "m-2"))
    assert await first.balances() == {"a": 6, "b": 4}
    assert replies(again)["m-1"] == replies(sent)["m-1"]
    assert verdicts(again)["m-2"] == ("rejected", ["account.too_little"])
    once_more = await first.process(transfer("b", "a", 100, "m-2"))
    assert replies(once_more)["m-2"] == replies(again)["m-2"]
    assert len(once_more) == 1
    assert await first.count("outbox") == len(sent) + 1


async def test_the_same_content_written_otherwise_is_the_same_message(toy: Toy) -> None:
    """A resend comes with another order of members, other white space and a trace of its own."""
    await toy.put_states(Account(account_id="a", balance=10), Account(account_id="b", balance=0))
    await toy.process(transfer("a", "b", 4, "m-1"))
    message = transfer("a", "b", 4, "m-1")
    parsed = orjson.loads(message.body) | {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01", "subject": None}
    body = orjson.dumps(dict(reversed(parsed.items())), option=orjson.OPT_INDENT_2)
    again = await toy.process(
        type(message)(message.exchange, message.routing_key, body, message.account, "x", message.content_type)
    )
    assert verdicts(again)["m-1"][0] == "accepted"
    assert await toy.balances() == {"a": 6, "b": 4}


async def test_ids_belong_to_their_account(toy: Toy) -> None:
    """Identity is (user_id, id): two agencies may both count from 1."""
    for account in ("dinkop-medan", "dinkop-siantar"):
        message = delivery("toy.account.open", {"account_id": account, "balance": 1}, "1", account)
        assert verdicts(await toy.process(message))["1"][0] == "accepted"
    assert await toy.count("accounts") == 2


# --- the same id with other content -----------------------------------------------------------------------------------


async def test_an_id_used_again_for_other_content_is_refused_with_the_same_bytes_each_time(toy: Toy) -> None:
    """The pair (user_id, id) with other content is rejected, repeatedly alike, and the first answer stands."""
    first = await toy.process(put("t", "m-1", value=1))
    refused = await toy.process(put("t", "m-1", value=2))
    assert verdicts(refused)["m-1"] == ("rejected", ["id.reused"])
    assert replies(await toy.process(put("t", "m-1", value=2)))["m-1"] == replies(refused)["m-1"]
    third = await toy.process(put("t", "m-1", value=3))
    assert verdicts(third)["m-1"] == ("rejected", ["id.reused"])
    assert replies(third)["m-1"] != replies(refused)["m-1"]
    assert replies(await toy.process(put("t", "m-1", value=1)))["m-1"] == replies(first)["m-1"]
    thing = await toy.thing("t")
    assert thing is not None
    assert (thing.value, thing.times) == (1, 1)


async def test_an_id_used_twice_within_one_batch_is_refused(toy: Toy) -> None:
    """What is recognised across batches is recognised within one."""
    outgoing = await toy.process(put("t", "m-1", value=1), put("t", "m-1", value=2), put("t", "m-1", value=2))
    assert [verdict(body)[0] for body in replies(outgoing)["m-1"]] == ["accepted", "rejected"]
    again = await toy.process(put("t", "m-1", value=2), put("t", "m-1", value=1))
    assert sorted(replies(again)["m-1"]) == sorted(replies(outgoing)["m-1"])
    assert await toy.count("outbox") == 2


async def test_a_reply_that_can_no_longer_be_opened_is_not_answered_otherwise(toy: Toy) -> None:
    """A key was taken out of the key file too early: the copy is held, not decided a second time, and others pass."""
    await toy.put_states(Account(account_id="a", balance=10), Account(account_id="b", balance=0))
    await toy.process(transfer("a", "b", 4, "m-1"))
    key = next(iter(await toy.raw("inbox")))["_id"]
    other = toy.keyring.seal(b"{}", "somewhere else")
    await toy.mongo.collection("inbox").update_one({"_id": key}, {"$set": {"reply": other}})
    outgoing = await toy.process(transfer("a", "b", 4, "m-1"), put("t", "m-2"))
    assert verdicts(outgoing).keys() == {"m-2"}
    assert await toy.balances() == {"a": 6, "b": 4}
    (held,) = await toy.held()
    assert held.state == "retrying"


async def test_what_was_committed_before_the_database_went_is_told(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch takes two transactions, and the database goes between them: what the first one told is not forgotten,
    and its messages are not counted as repeated when the rest is tried again."""
    monkeypatch.setattr("shared.kernel.unit_of_work.MAX_WRITES", 2)
    attempt = toy.unit_of_work._attempt

    async def going(items: Sequence[Item], broken: Exception | None) -> tuple[int, list[Outgoing]]:
        if len(items) == 1:
            raise ConnectionFailure
        return await attempt(items, broken)

    monkeypatch.setattr(toy.unit_of_work, "_attempt", going)
    told: list[Outgoing] = []

    async def committed(outgoing: Sequence[Outgoing]) -> None:
        told.extend(outgoing)

    with pytest.raises(GoneError) as gone:
        await toy.unit_of_work.process(toy.items([put("t-1", "m-1"), put("t-2", "m-2")]), committed)
    assert gone.value.done == 1
    assert verdicts(told).keys() == {"m-1"}


# --- one batch, as if one after the other -----------------------------------------------------------------------------


async def test_a_message_sees_what_earlier_ones_of_its_batch_have_done(toy: Toy) -> None:
    """Decisions are taken in order of arrival against the state as earlier ones have left it."""
    outgoing = await toy.process(
        delivery("toy.account.open", {"account_id": "a", "balance": 3}, "m-1"),
        delivery("toy.account.open", {"account_id": "b"}, "m-2"),
        transfer("a", "b", 2, "m-3"),
        transfer("a", "b", 2, "m-4"),
        transfer("b", "a", 2, "m-5"),
        transfer("a", "b", 3, "m-6"),
    )
    assert [verb for verb, _ in verdicts(outgoing).values()] == ["accepted"] * 3 + ["rejected"] + ["accepted"] * 2
    assert await toy.balances() == {"a": 0, "b": 3}


async def test_one_refusal_harms_no_neighbour(toy: Toy) -> None:
    """One that refuses is answered, and the others of the batch are as if it had not been there."""
    outgoing = await toy.process(
        put("t-1", "m-1"),
        delivery("toy.thing.put", {"how": "?"}, "m-2"),
        transfer("x", "y", 1, "m-3"),
        put("t-2", "m-4"),
    )
    assert [verb for verb, _ in verdicts(outgoing).values()] == ["accepted", "rejected", "rejected", "accepted"]
    assert await toy.count("things") == 2


async def test_a_name_given_up_may_be_taken_in_the_same_batch(toy: Toy) -> None:
    """The unique index must not see the taker before the giver."""
    joined = await toy.process(*(delivery("toy.member.join", {"name": name}, name) for name in ("a", "b", "c")))
    ids = {id_: result["member_id"] for id_, (_, result) in verdicts(joined).items()}
    outgoing = await toy.process(
        delivery("toy.member.rename", {"member_id": ids["a"], "name": "d"}, "m-1"),
        delivery("toy.member.rename", {"member_id": ids["b"], "name": "a"}, "m-2"),
        delivery("toy.member.join", {"name": "b"}, "m-3"),
        delivery("toy.member.leave", {"member_id": ids["c"]}, "m-4"),
        delivery("toy.member.join", {"name": "c"}, "m-5"),
    )
    assert {verb for verb, _ in verdicts(outgoing).values()} == {"accepted"}
    assert toy.unit_of_work.attempts == 2
    names = {one["s"]["name"]: one["_id"] for one in await toy.raw("members")}
    assert names.keys() == {"a", "b", "c", "d"}
    assert (names["d"], names["a"]) == (ids["a"], ids["b"])
    assert await toy.get(ByKey(MEMBERS, "name:c")) != ids["c"]


async def test_a_name_is_given_up_before_it_is_claimed_by_one_who_was_there_first(toy: Toy) -> None:
    """The one who takes the name in the end was made earlier in the batch than the one who gives it up was changed."""
    await toy.process(delivery("toy.member.join", {"name": "wanted"}, "m-1"))
    giver = toy.keyring.new_id("dinkop-medan", "m-1", "member")
    taker = toy.keyring.new_id("dinkop-medan", "m-2", "member")
    outgoing = await toy.process(
        delivery("toy.member.join", {"name": "another"}, "m-2"),
        delivery("toy.member.rename", {"member_id": giver, "name": "a third"}, "m-3"),
        delivery("toy.member.rename", {"member_id": taker, "name": "wanted"}, "m-4"),
    )
    assert {verb for verb, _ in verdicts(outgoing).values()} == {"accepted"}
    assert toy.unit_of_work.attempts == 2
    assert {one["s"]["name"]: one["_id"] for one in await toy.raw("members")} == {"a third": giver, "wanted": taker}


async def test_what_comes_and_goes_within_a_batch_is_never_written(toy: Toy) -> None:
    """A deletion of what was never stored must not look like a conflict."""
    join = delivery("toy.member.join", {"name": "a"}, "m-1")
    member_id = toy.keyring.new_id("dinkop-medan", "m-1", "member")
    outgoing = await toy.process(join, delivery("toy.member.leave", {"member_id": member_id}, "m-2"))
    assert {verb for verb, _ in verdicts(outgoing).values()} == {"accepted"}
    assert toy.unit_of_work.attempts == 1
    assert await toy.count("members") == 0


async def test_more_writes_than_a_transaction_should_hold_are_split(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction stays short. Each of these messages writes two documents: a thing, and the guard of its name."""
    monkeypatch.setattr("shared.kernel.unit_of_work.MAX_WRITES", 40)
    outgoing = await toy.process(*(put(f"t-{number}", f"m-{number}") for number in range(100)))
    assert len(verdicts(outgoing)) == await toy.count("things") == await toy.count("inbox") == 100
    assert toy.unit_of_work.attempts == 5


async def test_more_than_two_thousand_writes_all_arrive(toy: Toy) -> None:
    """The same with the real limit."""
    outgoing = await toy.process(*(put(f"t-{number}", f"m-{number}") for number in range(1100)))
    assert len(verdicts(outgoing)) == await toy.count("things") == 1100
    assert toy.unit_of_work.attempts == 2


async def test_what_is_sealed_is_not_readable_in_the_database(toy: Toy) -> None:
    """Personal fields are one encrypted blob; replies and contacts in the outbox, and replies in the inbox, too."""
    await toy.process(put("t", "m-rahasia-id", secret="rahasia sekali", value="terbuka"))
    stored = repr([await toy.raw(name) for name in ("things", "inbox", "outbox")])
    assert "terbuka" in stored
    assert "rahasia sekali" not in stored
    thing = await toy.thing("t")
    assert thing is not None
    assert thing.secret == "rahasia sekali"


async def test_an_account_that_is_not_vouched_for_gets_no_reply_and_changes_nothing(toy: Toy) -> None:
    """Without user_id a message is only kept."""
    message = delivery("toy.thing.put", {"thing_id": "t"}, "m-1", None)
    assert await toy.process(message, message) == []
    (held,) = await toy.held()
    assert (held.state, held.account, held.reasons) == ("unreadable", None, ("envelope.user_id",))
    assert await toy.get(ById(ACCOUNTS, "t")) is None
