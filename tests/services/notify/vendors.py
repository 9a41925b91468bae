"""Stand-ins for the vendors: real HTTP servers on loopback, by the vendors' documents, that can be made to misbehave.

They offer what the vendors document and no more: no idempotency key, no question about a message by an id of ours. Each
keeps a ledger of what it has accepted, which is what a person's phone would have shown. What they find wrong with a
request they refuse, as the vendors do.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import uvicorn

from services.notify.template import _FOLDER
from tests.support import free_port

TOKEN, SECRET, VERIFY = "an access token", "an app secret", "a verify token"
NUMBER_ID, ACCOUNT, AUTH = "106540352242922", "AC00000000000000000000000000000001", "an auth token"
USERKEY, PASSKEY = "a userkey", "a passkey"
RECEIPTS_URL = "https://notify.example/webhooks/twilio"
MAX_SECONDS = 30.0

Json = dict[str, Any]


@dataclass(frozen=True)
class Accepted:
    """A message that a vendor has taken: whom it goes to, what they read, and the handle it was given with."""

    vendor: str
    to: str
    text: str
    handle: str | None


@dataclass(frozen=True)
class Behaviour:
    """How to treat one request: wait, refuse with a code, take it, and then say so, say something else, or nothing."""

    wait: float = 0.0
    gate: asyncio.Event | None = None
    """Wait for this too."""
    refuse: int | None = None
    status: int = 400
    answer: tuple[int, bytes, str] | None = None
    """Instead of the truth; the message is taken all the same, unless ``takes`` is false."""
    takes: bool = True
    hang: bool = False
    """Take it, and never answer."""
    drop: bool = False
    """Close the connection in the middle of the answer."""


WELL = Behaviour()


class Vendors:
    """All three behind one address. ``behave`` says how to treat the n-th request (from 0)."""

    def __init__(self, behave: Callable[[int], Behaviour] = lambda _: WELL) -> None:
        self.behave = behave
        self.port = free_port()
        self.ledger: list[Accepted] = []
        self.requests = 0
        self.under_way = 0
        """Requests that have come and are not answered yet."""
        self.connections: set[tuple[str, int]] = set()
        self.seen: list[Json] = []
        config = uvicorn.Config(
            self._serve, host="127.0.0.1", port=self.port, log_config=None, lifespan="off", interface="asgi3"
        )
        self._server = uvicorn.Server(config)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._server.serve())
        while not self._server.started:
            await asyncio.sleep(0.01)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = self._server.force_exit = True
        await self._task

    def by_message(self) -> Counter[str]:
        """How often each message of ours was taken, by the handles."""
        return Counter(one.handle.rpartition(".")[0] for one in self.ledger if one.handle)

    # --- HTTP ------------------------------------------------------------------------------------------------------

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            part = await receive()
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        self.connections.add(tuple(scope["client"]))
        how, self.requests = self.how(scope["path"]), self.requests + 1
        self.under_way += 1
        try:
            await self._treat(scope, body, how, send)
        finally:
            self.under_way -= 1

    def how(self, path: str) -> Behaviour:
        """How to treat the request that has come."""
        return self.behave(self.requests)

    async def _treat(self, scope: Any, body: bytes, how: Behaviour, send: Any) -> None:
        await asyncio.sleep(how.wait)
        if how.gate is not None:
            await how.gate.wait()
        status, answer, kind = self._answer(scope, body, how)
        if how.hang:
            await asyncio.sleep(MAX_SECONDS)
        if how.answer is not None:
            status, answer, kind = how.answer
        headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if not how.drop:
            await send({"type": "http.response.body", "body": answer})

    def _answer(self, scope: Any, body: bytes, how: Behaviour) -> tuple[int, bytes, str]:
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        path = scope["path"]
        if path == f"/v23.0/{NUMBER_ID}/messages":
            status, answer = self._whatsapp(headers, json.loads(body), how)
        elif path == f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json":
            status, answer = self._twilio(headers, dict(parse_qsl(body.decode())), how)
        elif path == "/reguler/api/sendsms/":
            status, answer = self._zenziva(dict(parse_qsl(body.decode())), how)
        else:
            status, answer = 404, {}
        return status, json.dumps(answer).encode(), "application/json"

    def _take(self, how: Behaviour, accepted: Accepted) -> str:
        if how.takes:
            self.ledger.append(accepted)
        return hashlib.sha256(f"{len(self.ledger)}".encode()).hexdigest()[:32]

    # --- WhatsApp Cloud API ----------------------------------------------------------------------------------------

    def _whatsapp(self, headers: Json, told: Json, how: Behaviour) -> tuple[int, Json]:
        self.seen.append(told)
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, _graph_error(190, "Error validating access token")
        if how.refuse is not None:
            return how.status, _graph_error(how.refuse, "refused")
        wrong = _wrong_template(told)
        if wrong:
            return 400, _graph_error(wrong, "template")
        text = " | ".join(one["text"] for one in told["template"]["components"][0]["parameters"])
        id_ = self._take(how, Accepted("whatsapp", f"+{told['to']}", text, told.get("biz_opaque_callback_data")))
        return 200, {
            "messaging_product": "whatsapp",
            "contacts": [{"input": told["to"], "wa_id": told["to"]}],
            "messages": [{"id": f"wamid.{id_}", "message_status": "accepted"}],
        }

    # --- Twilio ----------------------------------------------------------------------------------------------------

    def _twilio(self, headers: Json, told: Json, how: Behaviour) -> tuple[int, Json]:
        self.seen.append(told)
        login = base64.b64encode(f"{ACCOUNT}:{AUTH}".encode()).decode()
        if headers.get("authorization") != f"Basic {login}":
            return 401, {"code": 20003, "message": "Authenticate", "status": 401}
        if how.refuse is not None:
            return how.status, {"code": how.refuse, "message": "refused", "status": how.status}
        if not re.fullmatch(r"\+[0-9]{8,15}", told.get("To", "")):
            return 400, {"code": 21211, "message": "Invalid 'To' Phone Number", "status": 400}
        back = parse_qs(urlsplit(told.get("StatusCallback", "")).query)
        id_ = self._take(how, Accepted("twilio", told["To"], told["Body"], back.get("handle", [None])[0]))
        return 201, {"sid": f"SM{id_}", "status": "queued", "error_code": None, "to": told["To"]}

    # --- Zenziva ---------------------------------------------------------------------------------------------------

    def _zenziva(self, told: Json, how: Behaviour) -> tuple[int, Json]:
        self.seen.append(told)
        if (told.get("userkey"), told.get("passkey")) != (USERKEY, PASSKEY) or how.refuse is not None:
            return 200, {"messageId": 0, "to": told.get("to"), "status": str(how.refuse or 5), "text": "Gagal"}
        id_ = self._take(how, Accepted("zenziva", told["to"], told["message"], None))
        return 200, {"messageId": id_[:8], "to": told["to"], "status": "1", "text": "Success"}


def _graph_error(code: int, text: str) -> Json:
    return {"error": {"message": f"(#{code}) {text}", "type": "OAuthException", "code": code, "fbtrace_id": "A"}}


def _wrong_template(told: Json) -> int | None:
    """The error that Meta gives for a template that is not approved, or filled in wrongly."""
    template = told["template"]
    approved = {"programme_eligible_v2": "programme_eligible_id_v2"}.get(template["name"])
    if approved is None or template["language"]["code"] != "id":
        return 132001
    words = (_FOLDER / f"{approved}.whatsapp.txt").read_text()
    parameters = [one["text"] for one in template["components"][0]["parameters"]]
    if len(parameters) != len(set(re.findall(r"\{\{(\d+)\}\}", words))):
        return 132000
    return 132018 if any(re.search(r"[\n\t]| {5}", one) for one in parameters) else None


# --- what the vendors send us -----------------------------------------------------------------------------------------


def meta_body(*statuses: Json, messages: tuple[Json, ...] = ()) -> bytes:
    """A webhook of the field ``messages`` as Meta documents it."""
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": NUMBER_ID},
        **({"statuses": list(statuses)} if statuses else {}),
        **({"messages": list(messages)} if messages else {}),
    }
    entry = {"id": "102290129340398", "changes": [{"value": value, "field": "messages"}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def meta_status(status: str, handle: str | None, code: int | None = None, id_: str = "wamid.x") -> Json:
    told: Json = {"id": id_, "status": status, "timestamp": "1750857384", "recipient_id": "6281100001234"}
    if handle is not None:
        told["biz_opaque_callback_data"] = handle
    if code is not None:
        told["errors"] = [{"code": code, "title": "refused", "message": "refused", "error_data": {"details": "-"}}]
    elif status != "failed":
        told["pricing"] = {"billable": True, "pricing_model": "PMP", "category": "marketing"}
    return told


def meta_text(words: str, number: str) -> Json:
    return {"from": number.removeprefix("+"), "id": "wamid.y", "type": "text", "text": {"body": words}}


def meta_signature(body: bytes, secret: str = SECRET) -> str:
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


async def tell(port: int, body: bytes, signature: str | None = None) -> int:
    """Meta tells notify; the status of the answer."""
    headers = {"x-hub-signature-256": meta_signature(body) if signature is None else signature}
    return await _posted(f"http://127.0.0.1:{port}/webhooks/whatsapp", body, headers)


async def _posted(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        return (await client.post(url, content=body, headers=headers)).status_code


def twilio_signature(query: str, fields: Mapping[str, str], token: str = AUTH) -> str:
    """By Twilio's documents: over the address as it knows it, query included, and the fields by their names."""
    address = f"{RECEIPTS_URL}?{query}" if query else RECEIPTS_URL
    signed = address + "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


async def tell_twilio(port: int, handle: str | None, signature: str | None = None, **fields: str) -> int:
    """Twilio tells notify, at the address that it was given with the message; the status of the answer."""
    query = urlencode({"handle": handle}) if handle else ""
    headers = {
        "x-twilio-signature": twilio_signature(query, fields) if signature is None else signature,
        "content-type": "application/x-www-form-urlencoded",
    }
    url = f"http://127.0.0.1:{port}/webhooks/twilio{'?' + query if query else ''}"
    return await _posted(url, urlencode(fields).encode(), headers)


def provider_file(url: str, **changes: Any) -> Json:
    """The file of providers for these stand-ins: WhatsApp, and SMS by Twilio and Zenziva."""
    common = {"base_url": url, "seconds": 1.0, "slow_seconds": 0.8, "per_second": 1000, **changes}
    return {
        "providers": [
            {
                "kind": "whatsapp",
                "name": "meta",
                "phone_number_id": NUMBER_ID,
                "access_token": TOKEN,
                "app_secret": SECRET,
                "verify_token": VERIFY,
                **common,
            },
            {
                "kind": "twilio",
                "name": "twilio",
                "account_sid": ACCOUNT,
                "auth_token": AUTH,
                "sender": "+15005550006",
                "receipts_url": RECEIPTS_URL,
                **common,
            },
            {"kind": "zenziva", "name": "zenziva", "userkey": USERKEY, "passkey": PASSKEY, **common},
        ],
        "digest_minutes": 0,
    }


def until_nobody_sleeps() -> float:
    """Seconds to the next time that it is 10:00 in Medan and 12:00 in Jayapura: a service whose clock is so far ahead
    has no quiet hours, at whatever hour a test runs."""
    now = datetime.now(UTC)
    opens = now.replace(hour=3, minute=0, second=0, microsecond=0)
    return (opens - now) % timedelta(days=1) / timedelta(seconds=1)
