"""The vendors' own ways, over real HTTP: what is asked of them, and what each answer is taken to mean."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from services.notify.provider import Form, Outcome, Outgoing
from services.notify.settings import Providers, _line
from services.notify.switchboard import Line
from tests.services.notify import vendors
from tests.services.notify.samples import NOW, PHONE
from tests.services.notify.vendors import WELL, Behaviour, Vendors
from tests.support import free_port

FORM = Form("programme_eligible_v2", "id", "MARKETING", ("Contoh", "Keripik", "Pelatihan", "Dinas", "100", "Cara: -"))
CHANNEL = {"meta": "whatsapp", "twilio": "sms", "zenziva": "sms"}


@pytest.fixture
async def standing() -> AsyncIterator[Vendors]:
    async with Vendors() as them:
        yield them


def line(name: str, url: str, **changes: Any) -> Line:
    told = Providers.model_validate(vendors.provider_file(url, **changes))
    return next(_line(one) for one in told.providers if one.name == name)


async def send(name: str, url: str, **changes: Any) -> Outcome:
    out = Outgoing("m-1", NOW, CHANNEL[name], PHONE, "Yth. Contoh", 3, FORM if name == "meta" else None)
    (outcome,) = await line(name, url, **changes).provider.send([out])
    return outcome


@pytest.mark.parametrize("name", list(CHANNEL))
async def test_what_a_vendor_has_acknowledged_is_sent(standing: Vendors, name: str) -> None:
    """And goes to the number it was meant for, with the handle by which a receipt finds its way back."""
    outcome = await send(name, standing.url)
    assert (outcome.message_id, outcome.state, outcome.attempt) == ("m-1", "sent", 3)
    (taken,) = standing.ledger
    assert taken.to in {PHONE, PHONE.replace("+62", "0")}
    assert taken.handle == (None if name == "zenziva" else "m-1.3")


@pytest.mark.parametrize(
    ("name", "code", "state", "reason", "consequence"),
    [
        ("meta", 131026, "failed", "whatsapp_131026", "other_channel"),
        ("meta", 131049, "failed", "whatsapp_131049", "capped"),
        ("meta", 131050, "failed", "whatsapp_131050", "stopped"),
        ("meta", 130429, "failed", "whatsapp_130429", "later"),
        ("meta", 131056, "failed", "whatsapp_131056", "later"),
        ("meta", 132015, "failed", "whatsapp_132015", "template"),
        ("meta", 132999, "failed", "whatsapp_132999", "template"),
        ("meta", 190, "failed", "whatsapp_190", "provider"),
        ("meta", 131008, "failed", "whatsapp_131008", "never"),
        ("twilio", 21610, "failed", "twilio_21610", "stopped"),
        ("twilio", 21211, "failed", "twilio_21211", "never"),
        ("zenziva", 5, "failed", "zenziva_status_5", "provider"),
        ("zenziva", 99, "failed", "zenziva_status_99", "provider"),
        ("zenziva", 77, "failed", "zenziva_status_77", "provider"),
        ("zenziva", 6, "failed", "zenziva_status_6", "never"),
    ],
)
async def test_a_refusal_means_what_the_table_says(
    standing: Vendors, name: str, code: int, state: str, reason: str, consequence: str
) -> None:
    """By the vendor's code alone: its words may change, and may repeat a number."""
    standing.behave = lambda _: Behaviour(refuse=code)
    outcome = await send(name, standing.url)
    assert (outcome.state, outcome.reason, outcome.consequence) == (state, reason, consequence)
    assert standing.ledger == []


@pytest.mark.parametrize("name", list(CHANNEL))
@pytest.mark.parametrize(
    "answer",
    [
        (200, b"<html>maintenance</html>", "text/html"),
        (200, b"", "application/json"),
        (200, b"[]", "application/json"),
        (200, b'{"messages": []}', "application/json"),
        (201, b"{}", "application/json"),
        (500, b"oops", "text/plain"),
        (502, b"", "text/html"),
        (504, b"{}", "application/json"),
        (302, b"", "text/html"),
    ],
)
async def test_an_answer_that_says_nothing_leaves_it_uncertain(
    standing: Vendors, name: str, answer: tuple[int, bytes, str]
) -> None:
    """Issue 7: 200 with HTML or nothing. The message was taken, as the ledger shows; to send again would double it."""
    standing.behave = lambda _: Behaviour(answer=answer)
    outcome = await send(name, standing.url)
    assert outcome.state == "uncertain"
    assert len(standing.ledger) == 1


async def test_an_error_inside_a_200_is_a_refusal(standing: Vendors) -> None:
    """Gateways in between have been seen to do so."""
    standing.behave = lambda _: Behaviour(refuse=131026, status=200)
    assert (await send("meta", standing.url)).consequence == "other_channel"


@pytest.mark.parametrize("code", [131026, 131000, 132015, 190])
async def test_an_error_of_their_servers_does_not_promise_that_nothing_was_sent(standing: Vendors, code: int) -> None:
    """500 and a code: it may have gone, so it is never sent again by itself."""
    standing.behave = lambda _: Behaviour(refuse=code, status=500)
    assert (await send("meta", standing.url)).state == "uncertain"


@pytest.mark.parametrize("code", [4, 80007, 130429, 131056])
async def test_a_limit_is_a_limit_whatever_the_status(standing: Vendors, code: int) -> None:
    """By these codes Meta says that it has not taken the message."""
    standing.behave = lambda _: Behaviour(refuse=code, status=503)
    outcome = await send("meta", standing.url)
    assert (outcome.state, outcome.consequence) == ("failed", "later")


@pytest.mark.parametrize("name", list(CHANNEL))
@pytest.mark.parametrize("status", [401, 402, 403, 404])
async def test_a_door_that_is_shut_is_the_providers_and_no_messages_fault(
    standing: Vendors, name: str, status: int
) -> None:
    """A gateway that knows no code of the vendor's: else the whole campaign would fail, message by message."""
    standing.behave = lambda _: Behaviour(takes=False, answer=(status, b"<html>no</html>", "text/html"))
    outcome = await send(name, standing.url)
    assert (outcome.state, outcome.consequence) == ("failed", "provider")


@pytest.mark.parametrize("name", list(CHANNEL))
async def test_too_many_requests_is_later_whatever_the_body(standing: Vendors, name: str) -> None:
    """A rate limit in front of the API answers in words of its own."""
    standing.behave = lambda _: Behaviour(takes=False, answer=(429, b"slow down", "text/plain"))
    outcome = await send(name, standing.url)
    assert (outcome.state, outcome.consequence) == ("failed", "later")


@pytest.mark.parametrize("name", list(CHANNEL))
async def test_a_vendor_that_takes_it_and_hangs_leaves_it_uncertain(standing: Vendors, name: str) -> None:
    """The time limit ends the wait; nobody knows, and nobody guesses."""
    standing.behave = lambda _: Behaviour(hang=True)
    outcome = await send(name, standing.url, seconds=0.3)
    assert (outcome.state, outcome.reason) == ("uncertain", "timeout")
    assert len(standing.ledger) == 1


@pytest.mark.parametrize("name", list(CHANNEL))
async def test_a_vendor_that_cannot_be_reached_was_sent_nothing(name: str) -> None:
    """No byte has left, so another provider may take it."""
    outcome = await send(name, f"http://127.0.0.1:{free_port()}")
    assert (outcome.state, outcome.reason) == ("unsent", "unreachable")


async def test_connections_are_kept_open(standing: Vendors) -> None:
    """A new handshake for each message would cost more than the message."""
    meta = line("meta", standing.url)
    for number in range(20):
        await meta.provider.send([Outgoing(f"m-{number}", NOW, "whatsapp", PHONE, "-", 1, FORM)])
    assert len(standing.ledger) == 20
    assert len(standing.connections) == 1


async def test_the_request_is_as_meta_documents_it(standing: Vendors) -> None:
    """A template message; the words themselves are Meta's copy of the approved template."""
    await send("meta", standing.url)
    (told,) = standing.seen
    assert told["type"] == "template"
    assert told["to"] == PHONE.removeprefix("+")
    assert told["template"]["language"] == {"code": "id"}
    assert [one["text"] for one in told["template"]["components"][0]["parameters"]] == list(FORM.parameters)


async def test_what_was_interrupted_cannot_be_asked_for(standing: Vendors) -> None:
    """None of the three knows an id of ours; a receipt may yet tell."""
    for name in CHANNEL:
        (outcome,) = await line(name, standing.url).provider.ask(["m-1"])
        assert outcome.state == "uncertain"
    assert standing.requests == 0


def test_no_secret_shows_in_what_is_printed() -> None:
    """A file of providers is an argument of calls, and may be in a traceback."""
    told = Providers.model_validate(vendors.provider_file("http://x"))
    for secret in (vendors.TOKEN, vendors.SECRET, vendors.AUTH, vendors.PASSKEY):
        assert secret not in repr(told)


def test_two_providers_of_one_name_are_refused() -> None:
    """After a crash the wrong one would be asked."""
    file = vendors.provider_file("http://x")
    file["providers"][2]["name"] = "twilio"
    with pytest.raises(ValidationError, match="two providers have one name"):
        Providers.model_validate(file)


@pytest.mark.parametrize(
    ("at", "secret"),
    [(0, "access_token"), (0, "app_secret"), (0, "verify_token"), (1, "auth_token"), (2, "userkey"), (2, "passkey")],
)
def test_a_secret_that_is_none_is_refused(at: int, secret: str) -> None:
    """Whoever guesses an empty secret can sign receipts."""
    file = vendors.provider_file("http://x")
    file["providers"][at][secret] = ""
    with pytest.raises(ValidationError, match=secret):
        Providers.model_validate(file)


async def test_the_stand_in_refuses_what_is_not_as_documented(standing: Vendors) -> None:
    """That the tests above can fail."""
    few = Outgoing("m-1", NOW, "whatsapp", PHONE, "-", 1, Form(FORM.name, "id", "MARKETING", ("one",)))
    (outcome,) = await line("meta", standing.url).provider.send([few])
    assert outcome.reason == "whatsapp_132000"
    async with httpx.AsyncClient(trust_env=False) as client:
        wrong = await client.post(f"{standing.url}/v23.0/{vendors.NUMBER_ID}/messages", json={})
    assert wrong.status_code == 401
    assert WELL.takes
