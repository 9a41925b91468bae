"""The vendors that really send, each spoken to as its documents say: WhatsApp Cloud API, Twilio, Zenziva.

The guarantee of this file: ``sent`` is said only of what a vendor has acknowledged, ``failed`` and ``unsent`` only of
what it has certainly not taken; whatever else comes back, or does not, is ``uncertain``. None of the three offers an
idempotency key, so nothing is ever asked twice here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol
from urllib.parse import urlencode

import httpx

from services.notify.provider import Outcome, Outgoing
from services.notify.refusal import consequence_of

_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
"""Errors before the first byte of a request was written."""


class Vendor(Protocol):
    """How one vendor is asked to send one message, and what its answer says."""

    kind: str

    def request(self, message: Outgoing) -> Mapping[str, Any]:
        """The arguments of a POST: ``url`` (below the base address), ``json`` or ``data``, ``headers``, ``auth``."""
        ...

    def verdict(self, status: int, body: Any) -> tuple[Literal["sent", "failed", "uncertain"], str | None]:
        """What an answer says, and the code of a refusal. ``body`` is None where it is not JSON."""
        ...


class HttpProvider:
    """One vendor at one base address, with connections kept open and a time limit on each call."""

    at_once = 1

    def __init__(self, name: str, vendor: Vendor, base_url: str, seconds: float, most_at_once: int) -> None:
        self.name, self._vendor = name, vendor
        self._http = httpx.AsyncClient(
            base_url=base_url,
            timeout=httpx.Timeout(seconds, connect=min(seconds, 5.0), pool=None),
            limits=httpx.Limits(max_connections=most_at_once, max_keepalive_connections=most_at_once),
            trust_env=False,  # a proxy in the environment must not see numbers and texts
            follow_redirects=False,
        )

    async def send(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        return [await self._send(one) for one in messages]

    async def ask(self, message_ids: Sequence[str]) -> list[Outcome]:
        """None of them can be asked by an id of ours; a receipt may yet tell."""
        return [Outcome(one, "uncertain", "interrupted") for one in message_ids]

    async def _send(self, message: Outgoing) -> Outcome:
        try:
            response = await self._http.post(**self._vendor.request(message))
        except _NEVER_LEFT:
            return Outcome(message.message_id, "unsent", "unreachable", attempt=message.attempt)
        except httpx.TimeoutException:
            return Outcome(message.message_id, "uncertain", "timeout", attempt=message.attempt)
        except httpx.HTTPError:
            return Outcome(message.message_id, "uncertain", "connection_lost", attempt=message.attempt)
        return self._read(message, response)

    def _read(self, message: Outgoing, response: httpx.Response) -> Outcome:
        state, code = self._vendor.verdict(response.status_code, _json(response))
        if state == "failed":
            kind, code = self._vendor.kind, code or f"http_{response.status_code}"
            consequence = (
                "later" if response.status_code == httpx.codes.TOO_MANY_REQUESTS else consequence_of(kind, code)
            )
            return Outcome(message.message_id, "failed", f"{kind}_{code}", consequence, message.attempt)
        return Outcome(message.message_id, state, code, attempt=message.attempt)


class WhatsAppCloud:
    """``POST /<version>/<phone number id>/messages``, a template message each; errors are known by ``error.code``."""

    kind = "whatsapp"
    _not_sent = frozenset({4, 80007, 130429, 131056})
    """Limits: what Meta says by these was not taken, whatever the status. Another code in an error of its own servers
    does not promise that."""

    def __init__(self, phone_number_id: str, access_token: str, version: str = "v23.0") -> None:
        self._path, self._token = f"/{version}/{phone_number_id}/messages", access_token

    def request(self, message: Outgoing) -> Mapping[str, Any]:
        if message.form is None:
            raise ValueError("a WhatsApp message needs an approved template")
        parameters = [{"type": "text", "text": one} for one in message.form.parameters]
        body = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": message.to.removeprefix("+"),
            "type": "template",
            "template": {
                "name": message.form.name,
                "language": {"code": message.form.language},
                "components": [{"type": "body", "parameters": parameters}],
            },
            "biz_opaque_callback_data": message.handle,
        }
        return {"url": self._path, "json": body, "headers": {"Authorization": f"Bearer {self._token}"}}

    def verdict(self, status: int, body: Any) -> tuple[Literal["sent", "failed", "uncertain"], str | None]:
        error = body.get("error") if isinstance(body, dict) else None
        code = error.get("code") if isinstance(error, dict) else None
        if isinstance(code, int) and (status < httpx.codes.INTERNAL_SERVER_ERROR or code in self._not_sent):
            return "failed", str(code)
        if status == httpx.codes.OK and _has_id(body):
            return "sent", None
        return _unclear(status)


class Twilio:
    """``POST /2010-04-01/Accounts/<sid>/Messages.json``, a form; receipts go to an address of ours with the handle."""

    kind = "twilio"

    def __init__(self, account_sid: str, auth_token: str, sender: str, receipts_url: str | None) -> None:
        self._path = f"/2010-04-01/Accounts/{account_sid}/Messages.json"
        self._login, self._sender, self._receipts_url = (account_sid, auth_token), sender, receipts_url

    def request(self, message: Outgoing) -> Mapping[str, Any]:
        service = self._sender.startswith("MG")
        data = {
            "To": message.to,
            "MessagingServiceSid" if service else "From": self._sender,
            "Body": message.text,
        }
        if self._receipts_url is not None:
            data["StatusCallback"] = f"{self._receipts_url}?{urlencode({'handle': message.handle})}"
        return {"url": self._path, "data": data, "auth": self._login}

    def verdict(self, status: int, body: Any) -> tuple[Literal["sent", "failed", "uncertain"], str | None]:
        if status == httpx.codes.CREATED and isinstance(body, dict) and body.get("sid"):
            if body.get("status") in {"failed", "undelivered"}:
                return "failed", str(body.get("error_code") or body["status"])
            return "sent", None
        if 400 <= status < 500 and isinstance(body, dict) and isinstance(body.get("code"), int):
            return "failed", str(body["code"])
        return _unclear(status)


class Zenziva:
    """``POST /reguler/api/sendsms/``, a form; ``status`` 1 in the answer means taken. It documents no receipts."""

    kind = "zenziva"

    def __init__(self, userkey: str, passkey: str) -> None:
        self._userkey, self._passkey = userkey, passkey

    def request(self, message: Outgoing) -> Mapping[str, Any]:
        number = f"0{message.to.removeprefix('+62')}" if message.to.startswith("+62") else message.to
        data = {"userkey": self._userkey, "passkey": self._passkey, "to": number, "message": message.text}
        return {"url": "/reguler/api/sendsms/", "data": data}

    def verdict(self, status: int, body: Any) -> tuple[Literal["sent", "failed", "uncertain"], str | None]:
        said = str(body["status"]) if isinstance(body, dict) and "status" in body else None
        if status < 300 and said == "1":
            return "sent", None
        # Its refusals have no codes of their own that are documented; the status is all there is.
        if status < 300 and said is not None and said.isdigit() and len(said) <= 3:
            return "failed", f"status_{said}"
        return _unclear(status)


def _unclear(status: int) -> tuple[Literal["failed", "uncertain"], str]:
    """A refusal that says so by its number alone is one; what promises success and shows none, or a gateway's word for
    somebody else's silence, is not."""
    refused = 400 <= status < 500 and status != httpx.codes.REQUEST_TIMEOUT
    return ("failed", f"http_{status}") if refused else ("uncertain", f"http_{status}")


def _has_id(body: Any) -> bool:
    found = body.get("messages") if isinstance(body, dict) else None
    return isinstance(found, list) and bool(found) and isinstance(found[0], dict) and bool(found[0].get("id"))


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None
