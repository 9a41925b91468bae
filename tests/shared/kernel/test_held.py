"""A message that fails because of us harms no neighbour, is kept sealed and in order, and is tried again."""

from __future__ import annotations

import base64
import secrets
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from shared.contracts import catalogue
from shared.contracts.envelope import CONTENT_TYPE, EVENTS, INTAKE
from shared.kernel.codec import Delivery
from shared.kernel.held import HELD, RETRY_AFTER, HeldMessage
from shared.kernel.state import ById
from tests.shared.kernel.toy import (
    ADMINISTRATOR,
    MEDAN,
    NOW,
    Toy,
    delivery,
    event,
    put,
    replies,
    verdict,
    verdicts,
)

pytestmark = pytest.mark.servers

SECRET = "3171999999999999"
LATER = NOW + timedelta(days=1)


async def only_held(toy: Toy) -> HeldMessage:
    (held,) = await toy.held()
    return held


async def order_of(toy: Toy, thing_id: str) -> Any:
    thing = await toy.thing(thing_id)
    return None if thing is None else (thing.value, thing.times)


# --- one message that fails -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["raising", "raising in needs", "unasked", "untold", "huge", "beyond 64 bits"])
async def test_a_message_that_fails_is_held_and_its_neighbours_are_not(toy: Toy, how: str) -> None:
    """Also when it only fails as it is written: then it is searched for by halving the batch."""
    batch = [put(f"t-{number}", f"m-{number}") for number in range(100)]
    batch[37] = put("bad", "m-bad", how, value=SECRET)
    outgoing = await toy.process(*batch)
    assert verdicts(outgoing).keys() == {f"m-{number}" for number in range(100) if number != 37}
    assert await toy.count("things") == 99
    held = await only_held(toy)
    assert (held.state, held.attempts, held.account, held.type) == ("retrying", 1, MEDAN, "id.binaan.toy.thing.put.v1")
    assert await toy.count("inbox") == 99
    assert toy.unit_of_work.attempts < 30


async def test_what_is_held_is_sealed_and_its_error_and_log_repeat_no_value(toy: Toy) -> None:
    """The body may hold a NIK, and the text of an error often repeats it."""
    with capture_logs() as said:
        await toy.process(put(SECRET, "m-1", "raising", secret=SECRET, value=[SECRET]))
    (stored,) = await toy.raw("held")
    stored.pop("tags"), stored["s"].pop("lanes")  # the id of the thing, as its own collection has it
    body = (await only_held(toy)).delivery.body
    assert SECRET in base64.b64decode(body).decode()
    assert SECRET not in repr(stored)
    assert body not in repr(stored)
    assert SECRET not in repr(said)
    assert said[0]["error"] == stored["s"]["error"]["error"] == "BugError"
    assert "toy.py" in stored["s"]["error"]["at"][-1]
    assert SECRET in (await only_held(toy)).reopened().body.decode()


async def test_a_type_without_a_route_is_our_bug_and_is_held(toy: Toy) -> None:
    """It stands in the catalogue, so the sender has done nothing wrong."""
    await toy.process(delivery("toy.nobody.knows", {"thing_id": "t"}, "m-1"))
    assert (await only_held(toy)).state == "retrying"


async def test_a_copy_of_what_is_held_is_not_held_twice(toy: Toy) -> None:
    """Neither in the same batch nor later."""
    await toy.process(put("t", "m-1", "raising"), put("t", "m-1", "raising"))
    assert await toy.process(put("t", "m-1", "raising")) == []
    assert (await only_held(toy)).attempts == 1


@pytest.mark.parametrize("together", [True, False])
async def test_other_content_under_the_id_of_what_is_held_is_refused(toy: Toy, together: bool) -> None:
    """Not dropped as if it were a copy: it is told ``id.reused``, each time alike, and the held one keeps its place."""
    toy.behaviour.broken.add("t")
    first, other = put("t", "m-1", value=1), put("t", "m-1", value=2)
    outgoing = await toy.process(first, other) if together else [*await toy.process(first), *await toy.process(other)]
    assert verdicts(outgoing) == {"m-1": ("rejected", ["id.reused"])}
    assert replies(await toy.process(other, other)) == replies(outgoing)
    toy.behaviour.broken.clear()
    assert verdicts(await toy.retry(LATER))["m-1"][0] == "accepted"
    assert await order_of(toy, "t") == (1, 1)


async def test_a_broken_event_of_ours_is_kept_and_tried_again(toy: Toy) -> None:
    """Events have no reply; nothing that was delivered is lost because of a bug of ours."""
    toy.behaviour.broken.add("a")
    assert await toy.process(event("a", 7, 1, "e-1"), event("b", 8, 1, "e-2")) == []
    assert await order_of(toy, "b") == (8, 1)
    toy.behaviour.broken.clear()
    await toy.retry(LATER)
    assert await order_of(toy, "a") == (7, 1)
    assert await toy.held() == []


# --- order ------------------------------------------------------------------------------------------------------------


async def test_later_messages_about_the_same_thing_wait_in_order_and_others_pass(toy: Toy) -> None:
    """An answer that skips a message about the same thing would be wrong; one about another thing is not late."""
    toy.behaviour.broken.add("t")
    outgoing = await toy.process(put("t", "m-1", value=1), put("other", "m-2"), put("t", "m-3", value=3))
    toy.behaviour.broken.clear()
    outgoing += await toy.process(put("t", "m-4", value=4), put("other", "m-5"))
    assert verdicts(outgoing).keys() == {"m-2", "m-5"}
    assert [orjson.loads(one.reopened().body)["id"] for one in await toy.held()] == ["m-1", "m-3", "m-4"]
    assert [one.attempts for one in await toy.held()] == [1, 0, 0]
    done = await toy.retry(LATER)
    assert [verdict(bodies[0])[1]["times"] for bodies in replies(done).values()] == [1, 2, 3]
    assert list(replies(done)) == ["m-1", "m-3", "m-4"]
    assert await order_of(toy, "t") == (4, 3)
    assert await toy.held() == []


async def test_while_the_first_still_fails_those_behind_it_wait(toy: Toy) -> None:
    """They are not tried in its place, and use up none of their own tries."""
    toy.behaviour.broken.add("t")
    await toy.process(put("t", "m-1"), put("t", "m-2"))
    toy.behaviour.decided.clear()
    for hour in range(3):
        await toy.retry(LATER + timedelta(hours=hour))
    assert toy.behaviour.decided == {"m-1": 3}
    assert [one.attempts for one in await toy.held()] == [4, 0]
    assert {one.state for one in await toy.held()} == {"retrying"}


async def test_a_message_that_touches_two_things_waits_behind_either(toy: Toy) -> None:
    """Whatever it looks up under a guard is a lane; reference data is not."""
    toy.behaviour.broken.add("t")
    await toy.process(put("t", "m-1"))
    assert (await only_held(toy)).lanes == ("things:t",)
    opened = delivery("toy.account.open", {"account_id": "t"}, "m-2")
    assert verdicts(await toy.process(opened))["m-2"][0] == "accepted"


# --- the schedule -----------------------------------------------------------------------------------------------------


async def test_it_is_tried_again_after_1_s_5_s_30_s_and_5_min_and_then_parked(toy: Toy) -> None:
    """Four tries after the first one; then an operator must look."""
    assert [wait.total_seconds() for wait in RETRY_AFTER] == [1, 5, 30, 300]
    toy.behaviour.broken.add("t")
    await toy.process(put("t", "m-1"))
    now, waits = NOW, []
    while (held := await only_held(toy)).due is not None:
        assert held.state == "retrying"
        assert await toy.retry(held.due - timedelta(milliseconds=1)) == []
        assert (await only_held(toy)).attempts == held.attempts
        waits.append((held.due - now).total_seconds())
        now = held.due
        await toy.retry(now)
    assert waits == [1, 5, 30, 300]
    assert (held.state, held.attempts, toy.behaviour.decided["m-1"]) == ("parked", 5, 5)
    assert await toy.retry(LATER) == []


async def test_when_the_bug_is_gone_the_message_is_answered_as_any_other(toy: Toy) -> None:
    """One reply, one effect, and a repetition is recognised."""
    toy.behaviour.broken.add("t")
    assert await toy.process(put("t", "m-1", value=1)) == []
    toy.behaviour.broken.clear()
    done = await toy.retry(LATER)
    assert verdicts(done) == {"m-1": ("accepted", {"thing_id": "t", "times": 1})}
    assert replies(await toy.process(put("t", "m-1", value=1))) == replies(done)
    assert await toy.held() == []


# --- the operator -----------------------------------------------------------------------------------------------------


async def park(toy: Toy, thing_id: str = "t") -> HeldMessage:
    toy.behaviour.broken.add(thing_id)
    await toy.process(put(thing_id, f"m-{thing_id}", value=SECRET))
    for hour in range(len(RETRY_AFTER)):
        await toy.retry(NOW + timedelta(hours=hour + 1))
    toy.behaviour.broken.clear()
    (held,) = [one for one in await toy.held() if one.state == "parked"]
    return held


async def test_an_operator_sees_what_is_held_without_its_content(toy: Toy) -> None:
    """The list names where and why, by page and by state; whoever may see the message has other means."""
    parked = await park(toy)
    await toy.process(put("u", "m-u", "raising"), put("v", "m-v", "raising"))
    _, answer = await toy.ask("toy.held.request", {"limit": 2}, "q-1", ADMINISTRATOR)
    rest = await toy.ask("toy.held.request", {"limit": 2, "after": answer["next"]}, "q-2", ADMINISTRATOR)
    found = answer["answer"]["held"] + rest[1]["answer"]["held"]
    assert [one["state"] for one in found] == ["parked", "retrying", "retrying"]
    assert SECRET not in str(found)
    of_state = await toy.ask("toy.held.request", {"state": "parked"}, "q-3", ADMINISTRATOR)
    assert [one["held_id"] for one in of_state[1]["answer"]["held"]] == [parked.held_id]
    by_id = await toy.ask("toy.held.request", {"held_id": parked.held_id}, "q-4", ADMINISTRATOR)
    assert by_id[1]["answer"]["held"] == of_state[1]["answer"]["held"]
    unknown = await toy.ask("toy.held.request", {"held_id": "?"}, "q-5", ADMINISTRATOR)
    assert unknown == ("rejected", ["held.not_found"])


@pytest.mark.parametrize("key", ["toy.held.request", "toy.held.requeue", "toy.held.discard"])
async def test_only_the_administrator_may_look_at_or_decide_on_what_is_held(toy: Toy, key: str) -> None:
    """An agency that could discard would make other agencies' messages disappear."""
    parked = await park(toy)
    about = {"held_id": parked.held_id, "reason": "-"}
    assert await toy.ask(key, about, "q-1", MEDAN) == ("rejected", ["authority.administrator_only"])
    assert await only_held(toy) == parked


async def test_requeued_it_is_tried_at_once_with_all_its_tries_and_on_the_audit_trail(toy: Toy) -> None:
    """``requeued`` is an event with the operator's reason; the message itself is then handled as ever."""
    parked = await park(toy)
    sent = await toy.process(
        delivery("toy.held.requeue", {"held_id": parked.held_id, "reason": "fixed"}, "q-1", ADMINISTRATOR)
    )
    told = orjson.loads(sent[0].body)
    assert told["type"] == "id.binaan.toy.held.requeued.v1"
    assert (told["subject"], int(told["sequence"])) == (parked.held_id, 1)
    assert told["data"]["change"] == {"reason": "fixed"}
    assert told["data"]["held"] == {"held_id": parked.held_id, "state": "retrying", "account": MEDAN}
    assert verdicts(sent)["q-1"][1]["outcome"] == "requeued"
    held = await only_held(toy)
    assert (held.due, held.attempts) == (NOW, 0)
    assert verdicts(await toy.retry(NOW))["m-t"][0] == "accepted"


async def test_discarded_it_is_gone_and_those_behind_it_go_on(toy: Toy) -> None:
    """``discarded`` says so on the audit trail, and needs a reason; its sender is told too: every message has one
    reply, and the same message sent again does not take effect after all."""
    parked = await park(toy)
    await toy.process(put("t", "m-2", value=2))
    without_reason = await toy.ask("toy.held.discard", {"held_id": parked.held_id}, "q-1", ADMINISTRATOR)
    assert without_reason == ("rejected", ["field.required"])
    sent = await toy.process(
        delivery("toy.held.discard", {"held_id": parked.held_id, "reason": "test data"}, "q-2", ADMINISTRATOR)
    )
    assert sent[0].type == "id.binaan.toy.held.discarded.v1"
    assert verdicts(sent)["q-2"][1]["outcome"] == "discarded"
    assert verdicts(sent)["m-t"][0] == "rejected"
    assert verdicts(await toy.process(put("t", "m-t", value=SECRET)))["m-t"] == verdicts(sent)["m-t"]
    done = await toy.retry(LATER)
    assert list(verdicts(done)) == ["m-2"]
    assert await toy.held() == []
    again = await toy.ask("toy.held.discard", {"held_id": parked.held_id, "reason": "-"}, "q-3", ADMINISTRATOR)
    assert again == ("rejected", ["held.not_found"])


async def test_what_a_copy_has_answered_can_be_discarded(toy: Toy) -> None:
    """It failed before it was known what it is about, so its copy, after the repair, did not wait behind it."""
    await toy.process(put("t", "m-1", "raising in needs"))
    held = await only_held(toy)
    toy.behaviour.repaired = True
    sent = await toy.process(put("t", "m-1", "raising in needs"))
    assert verdicts(sent)["m-1"][0] == "accepted"
    about = {"held_id": held.held_id, "reason": "-"}
    discarded = await toy.process(delivery("toy.held.discard", about, "q-1", ADMINISTRATOR))
    assert {id_: verb for id_, (verb, _) in verdicts(discarded).items()} == {"q-1": "accepted"}
    assert await toy.held() == []


async def test_a_message_discarded_while_it_is_being_tried_again_stays_discarded(toy: Toy) -> None:
    """The try has read it before the operator's decision and comes to commit after it."""
    toy.behaviour.broken.add("t")
    await toy.process(put("t", "m-1"))
    held = await only_held(toy)
    await toy.ask("toy.held.discard", {"held_id": held.held_id, "reason": "-"}, "q-1", ADMINISTRATOR)
    toy.behaviour.broken.clear()
    (item,) = toy.items([held.reopened()], LATER)
    item.held_id = held.held_id
    assert await toy.unit_of_work.process([item]) == []
    assert await toy.thing("t") is None


# --- what cannot be read ----------------------------------------------------------------------------------------------

UNREADABLE = {
    "not JSON": (Delivery(INTAKE, "toy.thing.put", b"{?", MEDAN, "amqp-1", CONTENT_TYPE), "envelope.not_json"),
    "key and type apart": (
        Delivery(INTAKE, "toy.thing.get", put("t", "m-1").body, MEDAN, "amqp-1", CONTENT_TYPE),
        "envelope.key_mismatch",
    ),
    "nobody's": (Delivery(INTAKE, "toy.thing.put", b"{}", None, "amqp-1", CONTENT_TYPE), "envelope.user_id"),
    "15 MiB": (
        Delivery(INTAKE, "toy.thing.put", secrets.token_bytes(15 * 1024 * 1024), MEDAN, "amqp-1", CONTENT_TYPE),
        "envelope.too_large",
    ),
    "a broken event": (
        Delivery(EVENTS, "toy.account.changed.00", b'{"type": "id.binaan.toy.account.changed.v1"}'),
        None,
    ),
}


async def requeue(toy: Toy, held: HeldMessage, now: datetime = NOW) -> None:
    id_ = f"requeue {secrets.token_hex(4)}"
    about = {"held_id": held.held_id}
    assert (await toy.ask("toy.held.requeue", about, id_, ADMINISTRATOR, now))[0] == "accepted"


@pytest.mark.parametrize(("message", "code"), UNREADABLE.values(), ids=list(UNREADABLE))
async def test_what_cannot_be_read_is_refused_once_and_kept_also_when_requeued(
    toy: Toy, message: Delivery, code: str | None
) -> None:
    """Nothing is dropped: an operator who tries it too early must find it again, and it must not be tried for ever."""
    sent = await toy.process(message, message)
    told = [("rejected", [code])] if code and message.account else []
    # A large one and its copy are two transactions: then the copy is answered again, byte for byte.
    assert [verdict(body) for body in dict.fromkeys(one.body for one in sent)] == told
    first = await only_held(toy)
    assert (first.state, first.due, first.reasons) == ("unreadable", None, (code,) if code else ())
    for attempt in (1, 2):
        await requeue(toy, await only_held(toy))
        assert await toy.retry(NOW) == []
        held = await only_held(toy)
        assert (held.state, held.due, held.attempts) == ("unreadable", None, 1)
        assert (held.reasons, held.delivery, held.sequence) == (first.reasons, first.delivery, attempt)
    assert [verdict(one.body) for one in await toy.process(message)] == told


def arrives_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """The type that the message has is not known (yet)."""
    monkeypatch.delitem(catalogue.BY_NAME, "id.binaan.toy.thing.put.v1")


async def test_what_has_become_readable_is_handled_as_any_message(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A type that a newer release knows: requeued after the upgrade, the message has its effect and its reply."""
    with monkeypatch.context() as before:
        arrives_too_early(before)
        assert verdicts(await toy.process(put("t", "m-1", value=1))) == {
            "amqp-m-1": ("rejected", ["envelope.unknown_type"])
        }
    await requeue(toy, await only_held(toy))
    done = await toy.retry(NOW)
    assert verdicts(done) == {"m-1": ("accepted", {"thing_id": "t", "times": 1})}
    assert await toy.held() == []
    assert replies(await toy.process(put("t", "m-1", value=1))) == replies(done)
    assert await order_of(toy, "t") == (1, 1)


async def test_what_has_become_readable_and_was_sent_again_meanwhile_is_done_once(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender did not wait for the operator: the requeued copy is a repetition, other content is ``id.reused``."""
    with monkeypatch.context() as before:
        arrives_too_early(before)
        await toy.process(put("t", "m-1", value=1), put("t", "m-2", value=2))
    sent = await toy.process(put("t", "m-1", value=1), put("t", "m-2", value="other"))
    for held in await toy.held():
        await requeue(toy, held)
    done = await toy.retry(NOW)
    assert replies(done)["m-1"] == replies(sent)["m-1"]
    assert verdicts(done)["m-2"] == ("rejected", ["id.reused"])
    assert await toy.held() == []
    assert await order_of(toy, "t") == ("other", 2)


async def becomes_readable_and_fails(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message about ``t`` is kept because it comes too early, and requeued when it can be read but not handled."""
    with monkeypatch.context() as before:
        arrives_too_early(before)
        await toy.process(put("t", "m-1", value=1))
    toy.behaviour.broken.add("t")
    await requeue(toy, await only_held(toy))


async def test_what_was_sent_again_meanwhile_can_be_discarded(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kept as unreadable it is only a copy by now; its sender has its reply and gets no other one."""
    with monkeypatch.context() as before:
        arrives_too_early(before)
        await toy.process(put("t", "m-1", value=1))
    await toy.process(put("t", "m-1", value=1))
    held = await only_held(toy)
    about = {"held_id": held.held_id, "reason": "-"}
    sent = await toy.process(delivery("toy.held.discard", about, "q-1", ADMINISTRATOR))
    assert {id_: verb for id_, (verb, _) in verdicts(sent).items()} == {"q-1": "accepted"}
    assert await toy.held() == []
    assert await order_of(toy, "t") == (1, 1)


async def test_what_has_become_readable_and_fails_is_known_by_what_it_is(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From then on copies of it are recognised, and later messages about the same thing queue behind it."""
    await becomes_readable_and_fails(toy, monkeypatch)
    await toy.retry(NOW)
    assert await toy.process(put("t", "m-1", value=1), put("t", "m-2", value=2)) == []
    first, second = await toy.held()
    assert (first.type, first.state, first.lanes) == ("id.binaan.toy.thing.put.v1", "retrying", ("things:t",))
    assert second.lanes == ("things:t",)
    toy.behaviour.broken.clear()
    assert list(verdicts(await toy.retry(LATER))) == ["m-1", "m-2"]
    assert await order_of(toy, "t") == (2, 2)


async def test_what_has_become_readable_gives_way_to_a_copy_that_is_held(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two held messages may not be the same one, or no transaction could ever write them."""
    await becomes_readable_and_fails(toy, monkeypatch)
    await toy.process(put("t", "m-1", value=1))
    assert len(await toy.held()) == 2
    await toy.retry(LATER)
    held = await only_held(toy)
    assert held.type == "id.binaan.toy.thing.put.v1"
    toy.behaviour.broken.clear()
    assert list(verdicts(await toy.retry(LATER + timedelta(hours=1)))) == ["m-1"]
    assert await order_of(toy, "t") == (1, 1)


async def test_what_can_no_longer_be_read_is_told_and_kept(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Held for a bug, and then the type is gone: its sender has had no answer yet, gets one now, and only one."""
    toy.behaviour.broken.add("t")
    await toy.process(put("t", "m-1"))
    arrives_too_early(monkeypatch)
    told = await toy.retry(LATER)
    assert verdicts(told) == {"amqp-m-1": ("rejected", ["envelope.unknown_type"])}
    held = await only_held(toy)
    assert (held.state, held.due) == ("unreadable", None)
    await requeue(toy, held)
    assert await toy.retry(LATER) == []
    assert (await only_held(toy)).state == "unreadable"


async def test_a_held_message_that_is_no_longer_in_order_is_refused_and_let_go(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its payload is refused by a stricter release: that is an answer, so there is nothing to hold any more."""
    toy.behaviour.broken.add("t")
    await toy.process(put("t", "m-1", secret="s"))
    held = await only_held(toy)
    body = orjson.loads(held.reopened().body)
    monkeypatch.setattr(
        HeldMessage, "reopened", lambda _: delivery("toy.thing.put", body["data"] | {"how": "?"}, "m-1")
    )
    assert verdicts(await toy.retry(LATER)) == {"m-1": ("rejected", ["field.not_allowed"])}
    assert await toy.get(ById(HELD, held.held_id)) is None
