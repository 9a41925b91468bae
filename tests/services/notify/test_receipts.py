"""Receipts: whose they are, what they say, and that their order and number make no difference."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify import receipt, webhooks
from services.notify.message import RANK, Message
from services.notify.provider import Outcome, split_handle
from services.notify.receipt import read_meta, read_twilio, signed_by_meta, signed_by_twilio
from services.notify.sending import Sender
from services.notify.store import CONTACTS, STRAYS
from services.notify.switchboard import Line, Switchboard
from shared.decision import Decision
from shared.kernel.doors import BODIES_AT_ONCE, MAX_BYTES, Doors, Request
from shared.kernel.routes import Decide, Needs
from shared.kernel.state import ById, WorkingSet
from tests.services.notify import samples
from tests.services.notify.memory import Memory
from tests.services.notify.samples import NOW, PHONE
from tests.services.notify.vendors import SECRET, VERIFY, meta_body, meta_signature, meta_status, meta_text

# --- signatures -------------------------------------------------------------------------------------------------------

TWILIO_URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
TWILIO_BODY = b"CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212"
TWILIO_SIGNATURE = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
"""As Twilio's documents and libraries publish it, for the auth token 12345."""
META = (
    ("secret", b"test", "0329a06b62cd16b33eb6792be8c60b158d89a2ee3a876fce9a881ebb488c0914"),
    # GitHub's published vector for the same header.
    (
        "It's a Secret to Everybody",
        b"Hello, World!",
        "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    ),
)


@pytest.mark.parametrize(("secret", "body", "digest"), META)
def test_published_signatures_of_metas_kind_verify(secret: str, body: bytes, digest: str) -> None:
    """Show 1, and one flipped bit of the body, the digest or the secret does not."""
    assert signed_by_meta(body, f"sha256={digest}", secret)
    for at in range(len(body)):
        flipped = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        assert not signed_by_meta(flipped, f"sha256={digest}", secret)
    assert not signed_by_meta(body, f"sha256={digest[:-1]}{'0' if digest[-1] != '0' else '1'}", secret)
    assert not signed_by_meta(body, digest, secret)
    assert not signed_by_meta(body, f"sha256={digest}", secret + "x")
    assert not signed_by_meta(body, None, secret)
    assert not signed_by_meta(body, "", secret)


def test_twilios_published_signature_verifies() -> None:
    """Show 1: over the address with its query, and the fields by name; not over anything else."""
    assert signed_by_twilio(TWILIO_URL, TWILIO_BODY, TWILIO_SIGNATURE, "12345")
    swapped = b"&".join(reversed(TWILIO_BODY.split(b"&")))
    assert signed_by_twilio(TWILIO_URL, swapped, TWILIO_SIGNATURE, "12345"), "the order of fields does not matter"
    assert not signed_by_twilio(TWILIO_URL.replace("foo=1", "foo=2"), TWILIO_BODY, TWILIO_SIGNATURE, "12345")
    assert not signed_by_twilio(TWILIO_URL, TWILIO_BODY.replace(b"1234&", b"1235&"), TWILIO_SIGNATURE, "12345")
    assert not signed_by_twilio(TWILIO_URL, TWILIO_BODY, TWILIO_SIGNATURE, "12346")
    assert not signed_by_twilio(TWILIO_URL, TWILIO_BODY, None, "12345")


# --- what they say ----------------------------------------------------------------------------------------------------


def sent_message(memory: Memory) -> Message:
    """A message as it stands when Meta has taken it."""
    memory.tell("registry.contact.changed", samples.contact(), 1)
    memory.tell("registry.business.designated", samples.business(), 3)
    memory.tell("aid.programme.opened", samples.programme(), 1)
    memory.tell("registry.agency.registered", samples.agency(), 1)
    memory.tell("aid.eligibility.assessed", samples.eligibility(), 1)
    memory.review()
    asyncio.run(memory.send(Taking()))
    (message,) = memory.messages
    assert message.state == "sent"
    return message


class Taking(samples.Ledger):
    """A vendor: what it has taken is sent, and no more is known."""

    name = "meta"

    async def send(self, messages: Any) -> list[Outcome]:
        return [Outcome(one.message_id, "sent", attempt=one.attempt) for one in await self._take(messages)]

    async def _take(self, messages: Any) -> Any:
        self.taken += messages
        return messages

    async def ask(self, message_ids: Any) -> list[Outcome]:
        return [Outcome(one, "uncertain", "interrupted") for one in message_ids]


async def hear(memory: Memory, *bodies: bytes) -> None:
    for body in bodies:
        said = read_meta(body)
        assert said is not None
        await webhooks.Gathering().commit(said, memory.run)


SEQUENCES = [("sent", "delivered", "read"), ("sent", "failed"), ("sent", "delivered", "failed"), ("sent", "read")]


@pytest.mark.parametrize("sequence", SEQUENCES, ids="-".join)
def test_every_order_and_repetition_of_statuses_ends_the_same(sequence: tuple[str, ...]) -> None:
    """Show 1. A late ``sent`` never overwrites ``delivered``; nothing is told twice, and numbers have no gaps."""
    ends = set()
    doubled = set(permutations((*sequence, *sequence)))
    for order in (*permutations(sequence), *sorted(doubled)[:120]):
        memory = Memory(NOW)
        handle = f"{sent_message(memory).message_id}.1"
        code = {"failed": 131000 + 8}
        asyncio.run(hear(memory, *(meta_body(meta_status(one, handle, code.get(one))) for one in order)))
        told = memory.told()
        assert len(told) == len(set(told)) or told.count("sent") == 2, told
        ends.add(memory.messages[0].state)
    assert ends == {max(sequence, key=RANK.__getitem__)}


@given(st.lists(st.sampled_from(["sent", "delivered", "read", "failed"]), min_size=1, max_size=8))
def test_any_history_of_statuses_is_as_good_as_the_furthest(statuses: list[str]) -> None:
    """Whatever a vendor says, how often it says it: the furthest that was said is where the message stands."""
    memory = Memory(NOW)
    handle = f"{sent_message(memory).message_id}.1"
    asyncio.run(
        hear(memory, meta_body(*(meta_status(one, handle, 131008 if one == "failed" else None) for one in statuses)))
    )
    assert memory.messages[0].state == max((*statuses, "sent"), key=RANK.__getitem__)


def test_a_hundred_statuses_come_in_one_webhook() -> None:
    """Issue 7, bad input: each is heard, in one unit of work."""
    memory = Memory(NOW)
    handle = f"{sent_message(memory).message_id}.1"
    statuses = [meta_status("delivered", handle), *(meta_status("read", f"unknown-{n}.1") for n in range(99))]
    asyncio.run(hear(memory, meta_body(*statuses)))
    assert memory.messages[0].state == "delivered"
    assert len(memory.all(STRAYS)) == 99


def test_a_receipt_for_nothing_we_know_is_kept_once() -> None:
    """Not dropped: somebody may have to explain it. A repetition is the same one, and no number is kept of it."""
    memory = Memory(NOW)
    body = meta_body(meta_status("sent", None, id_="wamid.HBgNNjI4MTE="), meta_status("sent", "others/1"))
    asyncio.run(hear(memory, body, body))
    strays = memory.all(STRAYS)
    assert len(strays) == 2
    assert "HBgNNjI4MTE" not in json.dumps([one.model_dump(mode="json") for one in strays])


def test_an_uncertain_message_is_matched_by_a_later_receipt() -> None:
    """The vendor had taken it after all: the handle that it gives back says which attempt at which message."""
    memory = Memory(NOW)
    message = sent_message(memory)
    doubtful = message.model_copy(update={"state": "uncertain"})
    memory.stored["messages"][message.message_id] = doubtful
    asyncio.run(hear(memory, meta_body(meta_status("delivered", f"{message.message_id}.1"))))
    assert memory.messages[0].state == "delivered"


@pytest.mark.parametrize(
    ("code", "state", "via"),
    [(131026, "sent", "sms"), (131008, "failed", None), (132015, "failed", None), (131050, "failed", None)],
)
def test_a_refusal_by_receipt_leads_where_the_table_says(code: int, state: str, via: str | None) -> None:
    """Not on WhatsApp: SMS. A template that is paused, a person who has stopped: it fails, and nothing more goes."""
    memory, taking = Memory(NOW), Taking()
    message = sent_message(memory)
    asyncio.run(hear(memory, meta_body(meta_status("failed", f"{message.message_id}.1", code))))
    asyncio.run(memory.send(taking))
    (message,) = memory.messages
    assert message.state == state
    assert [one.channel for one in taking.taken] == ([via] if via else [])


@pytest.mark.parametrize(
    ("code", "rooms", "said"), [(131042, 0, ["whatsapp_131042"]), (132015, 50, ["whatsapp_132015"]), (131048, 0, [])]
)
async def test_a_refusal_by_receipt_rests_the_line_and_is_told_to_operators_once(
    code: int, rooms: int, said: list[str]
) -> None:
    """Meta answers 200 and says afterwards that payment is not in order: as good as if it had said so at once."""
    memory, alarms = Memory(NOW), []
    message = await asyncio.to_thread(sent_message, memory)
    board = Switchboard([Line(Taking(), frozenset({"whatsapp"}), most_at_once=50)], time.monotonic)
    sender = Sender(board, alarm=lambda provider, reason: alarms.append(f"{provider} {reason}"))
    gathering = webhooks.Gathering(sender.heed)
    outcomes = read_meta(meta_body(meta_status("failed", f"{message.message_id}.1", code))) or []
    await gathering.commit(outcomes, memory.run)
    await gathering.commit(outcomes, memory.run)
    assert board.room("whatsapp") == rooms
    assert alarms == [f"meta {one}" for one in said]


async def test_a_provider_that_refuses_by_receipt_is_asked_again_later_each_time_until_it_is_too_late() -> None:
    """131042 after each 200: nothing is hammered, no attempt is used up, and what may be kept a week ends in a week."""
    memory, taking = Memory(NOW), Taking()
    message, waits = await asyncio.to_thread(sent_message, memory), []
    for attempt in range(1, 11):
        await hear(memory, meta_body(meta_status("failed", f"{message.message_id}.{attempt}", 131042)))
        due = memory.messages[0].due_at
        assert due is not None
        waits.append((due - memory.now).total_seconds())
        memory.now = due
        await memory.send(taking)
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    memory.now = NOW + timedelta(hours=168)
    await hear(memory, meta_body(meta_status("failed", f"{message.message_id}.11", 131042)))
    memory.now += timedelta(hours=1)
    await memory.send(taking)
    assert (memory.messages[0].state, memory.messages[0].reason) == ("expired", "not_sent_in_time")


def test_metas_cap_means_not_again_for_a_day() -> None:
    """131049: Meta does not deliver more marketing to this person now; we do not press."""
    memory, taking = Memory(NOW), Taking()
    message = sent_message(memory)
    asyncio.run(hear(memory, meta_body(meta_status("failed", f"{message.message_id}.1", 131049))))
    memory.now += timedelta(hours=23, minutes=59)
    asyncio.run(memory.send(taking))
    assert taking.taken == []
    memory.now += timedelta(minutes=1)
    asyncio.run(memory.send(taking))
    assert [one.attempt for one in taking.taken] == [2]


def test_a_late_delivery_of_the_first_way_ends_the_second() -> None:
    """``failed`` of one phone and then ``delivered`` of the other: it has arrived, so no SMS goes."""
    memory, taking = Memory(NOW), Taking()
    handle = f"{sent_message(memory).message_id}.1"
    asyncio.run(hear(memory, meta_body(meta_status("failed", handle, 131026))))
    asyncio.run(hear(memory, meta_body(meta_status("delivered", handle))))
    asyncio.run(memory.send(taking))
    assert taking.taken == []
    assert memory.messages[0].state == "delivered"


# --- STOP -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["STOP", "berhenti", " Berhenti. ", "stop!"])
def test_stop_is_heard_at_once_and_told_to_registry_once(words: str) -> None:
    """Also for what is queued, by every channel; registry is told by its own door, and a repetition tells nothing."""
    memory, taking = Memory(NOW), Taking()
    sent_message(memory)
    memory.tell("aid.programme.opened", samples.programme("other"), 1)
    memory.tell("aid.eligibility.assessed", samples.eligibility("other"), 1)
    body = meta_body(messages=(meta_text(words, PHONE),))
    asyncio.run(hear(memory, body, body))
    asyncio.run(memory.send(taking))
    assert taking.taken == []
    withdrawn = [one for one in memory.facts if one.type == "registry.consent.withdraw"]
    assert [one.data.model_dump(include={"owner_id", "channels"}) for one in withdrawn] == [
        {"owner_id": "owner", "channels": ("whatsapp", "sms")}
    ]
    assert [one.reason for one in memory.messages if one.programme_id == "other"] == ["stopped"]


def test_a_contact_on_its_way_does_not_undo_a_stop_and_registrys_own_word_does() -> None:
    """What the owner said stands until registry's record agrees; a consent that is given later counts again."""
    memory = Memory(NOW)
    sent_message(memory)
    asyncio.run(hear(memory, meta_body(messages=(meta_text("STOP", PHONE),))))
    memory.tell("registry.contact.changed", samples.contact(name="Lain"), 2)
    assert memory.get(CONTACTS, "owner").stopped == ("whatsapp", "sms")
    memory.tell("registry.contact.changed", samples.contact(whatsapp=False, sms=False), 3)
    assert memory.get(CONTACTS, "owner").stopped == ()


@pytest.mark.parametrize("words", ["jangan berhenti ya", "stop by", "", "ok"])
def test_other_words_withdraw_nothing(words: str) -> None:
    """Only the word by itself: who asks us not to stop is not silenced."""
    assert read_meta(meta_body(messages=(meta_text(words, PHONE),))) == []


def test_twilio_says_statuses_and_words() -> None:
    """A form each; the handle comes back in the address."""
    body = b"MessageSid=SM1&MessageStatus=undelivered&ErrorCode=30006&To=%2B628"
    (outcome,) = read_twilio(body, "m-1.2")
    assert outcome == Outcome("m-1", "failed", "twilio_30006", "never", 2)
    (word,) = read_twilio(b"MessageSid=SM2&SmsStatus=received&Body=BERHENTI&From=%2B6281100001234", None)
    assert word == receipt.Word(PHONE, "sms")
    assert read_twilio(b"MessageSid=SM1&MessageStatus=queued", "m-1.2") == []


_WORDS = [
    "entry",
    "changes",
    "value",
    "field",
    "statuses",
    "messages",
    "status",
    "errors",
    "code",
    "text",
    "body",
    "from",
    "type",
]
_JSON = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(_WORDS), inner),
)


@given(st.binary(max_size=200), _JSON)
def test_no_body_is_ever_an_exception(body: bytes, value: Any) -> None:
    """Whoever has the secret is Meta, and Meta may change what it sends."""
    read_meta(body)
    read_twilio(body, None)
    read_meta(json.dumps({"object": "x", "entry": value}).encode())
    read_meta(json.dumps({"entry": [{"changes": [{"field": "messages", "value": value}]}]}).encode())


@pytest.mark.parametrize("handle", ["", ".", "m.", ".1", "m.x", "m.-1", "x" * 65 + ".1", "m.99999"])
def test_a_handle_that_is_none_of_ours_names_nothing(handle: str) -> None:
    """It comes from outside, though signed."""
    assert split_handle(handle) is None


# --- the door ---------------------------------------------------------------------------------------------------------


class Counted(list[str]):
    def __call__(self, what: str) -> None:
        self.append(what)


def door(counted: Counted) -> Any:
    return webhooks.whatsapp([(SECRET, VERIFY)], webhooks.Gathering(), counted)


async def test_metas_challenge_is_given_back_only_for_our_token() -> None:
    """Asked once, when the address is entered in Meta's console."""
    open_ = b"hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token="
    right = await door(Counted()).answer(Request("GET", webhooks.WHATSAPP, open_ + b"a+verify+token"), None)
    assert (right.status, right.body) == (200, b"1158201444")
    wrong = await door(Counted()).answer(Request("GET", webhooks.WHATSAPP, open_ + b"another"), None)
    assert (wrong.status, wrong.body.count(b"1158201444")) == (403, 0)


async def test_a_forged_webhook_changes_nothing_and_is_counted() -> None:
    """No signature, a wrong one, an altered body."""
    memory, counted = Memory(NOW), Counted()
    body = meta_body(meta_status("read", "m.1"))
    for headers, sent in (({}, body), ({"x-hub-signature-256": meta_signature(body)}, body.replace(b"read", b"sent"))):
        answer = await door(counted).answer(Request("POST", webhooks.WHATSAPP, b"", headers, sent), memory.run)
        assert answer.status == 403
    assert counted == ["forged", "forged"]
    assert memory.all(STRAYS) == []


async def test_what_is_not_committed_is_not_answered_with_200() -> None:
    """The vendor then comes again."""

    async def failing(*_: object) -> Any:
        raise RuntimeError("no")

    body = meta_body(meta_status("read", "m.1"))
    headers = [(b"x-hub-signature-256", meta_signature(body).encode())]
    answer = await _through(body, headers, failing)
    assert answer == 500


async def test_a_body_of_five_megabytes_is_refused_unread() -> None:
    """413, whether it says so beforehand or not."""

    async def never(*_: object) -> Any:
        raise AssertionError

    big = b"x" * (MAX_BYTES + 1)
    signed = (b"x-hub-signature-256", b"sha256=0")
    assert await _through(big, [signed, (b"content-length", b"5000000")], never) == 413
    assert await _through(big, [signed], never) == 413


async def test_of_one_who_has_not_signed_nothing_is_read() -> None:
    """Anybody in the world can come; to take their megabytes apart would hold up who has signed. It is counted."""
    counted: list[tuple[str, int]] = []
    doors = Doors({webhooks.WHATSAPP: door(Counted())}, _nothing, lambda: True, lambda *what: counted.append(what))
    assert await _asked(doors, webhooks.WHATSAPP, [], _unread) == 403
    assert await _asked(doors, webhooks.WHATSAPP, [(b"x-hub-signature-256", b"")], _unread) == 403
    assert counted == [(webhooks.WHATSAPP, 403)] * 2


async def test_twilios_door_takes_no_more_than_twilio_sends() -> None:
    """Its form is taken apart before it is known whose it is, so it may not be large."""
    there = webhooks.twilio([("12345", "https://x/webhooks/twilio")], webhooks.Gathering(), Counted())
    doors = Doors({webhooks.TWILIO: there}, _nothing, lambda: True)
    for size, status in ((64 * 1024, 403), (64 * 1024 + 1, 413)):

        async def receive(size: int = size) -> Any:
            return {"type": "http.request", "body": b"x" * size}

        assert await _asked(doors, webhooks.TWILIO, [(b"x-twilio-signature", b"forged")], receive) == status


async def test_so_many_bodies_are_held_at_a_time_and_the_next_one_waits_its_turn() -> None:
    """Or a hundred who send three megabytes each would fill the memory."""
    reading, ready = [0], asyncio.Event()

    async def slow() -> Any:
        reading[0] += 1
        await ready.wait()
        return {"type": "http.request", "body": b"{}"}

    doors = Doors({webhooks.WHATSAPP: door(Counted())}, _nothing, lambda: True)
    signed = [(b"x-hub-signature-256", b"sha256=0")]
    calls = [asyncio.create_task(_asked(doors, webhooks.WHATSAPP, signed, slow)) for _ in range(BODIES_AT_ONCE + 5)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert reading == [BODIES_AT_ONCE]
    ready.set()
    assert await asyncio.gather(*calls) == [403] * (BODIES_AT_ONCE + 5)
    assert reading == [BODIES_AT_ONCE + 5]


async def _nothing(needs: Needs, decide: Decide) -> Decision:
    raise AssertionError


async def _unread() -> Any:
    raise AssertionError


async def test_the_door_is_shut_while_the_service_does_not_work() -> None:
    """503 before it has started and while it stops."""
    assert await _through(b"{}", [], None, is_open=False) == 503


async def _through(body: bytes, headers: list[Any], run: Any, *, is_open: bool = True) -> int:
    doors = Doors({webhooks.WHATSAPP: door(Counted())}, run, lambda: is_open)

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    return await _asked(doors, webhooks.WHATSAPP, headers, receive)


async def _asked(doors: Doors, path: str, headers: list[Any], receive: Any) -> int:
    status: list[int] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            status.append(message["status"])

    scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "query_string": b""}
    await doors(scope, receive, send)
    return status[0]


async def test_receipts_that_come_together_are_committed_together_and_a_bad_one_harms_no_neighbour() -> None:
    """Code per receipt, cost per batch; who sends what cannot be taken is the only one who must come again."""
    memory, gathering = Memory(NOW), webhooks.Gathering()
    commits: list[int] = []

    async def run(needs: Any, decide: Any) -> Any:
        await asyncio.sleep(0)
        wanted = [one.id for one in needs(memory.tick(), WorkingSet()) if isinstance(one, ById)]
        if "m-7" in wanted:
            raise RuntimeError
        commits.append(len(wanted))
        return await memory.run(needs, decide)

    async def come(number: int) -> None:
        said = read_meta(meta_body(meta_status("sent", f"m-{number}.1")))
        await gathering.commit(said or [], run)

    await asyncio.gather(*(come(number) for number in range(100, 150)))
    assert len(commits) <= 3
    results = await asyncio.gather(*(come(number) for number in range(10)), return_exceptions=True)
    assert [number for number, one in enumerate(results) if one is not None] == [7]
    assert len(memory.all(STRAYS)) == 59
