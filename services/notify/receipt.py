"""What vendors tell us by webhook: whether it is theirs, and what it says. Pure; nothing is changed here.

The guarantee of this file: nothing is read out of a body whose signature has not been found good over its raw bytes,
and whatever a body holds, what comes out is a list of outcomes, refusals and strays, never an exception.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict

from services.notify.provider import Outcome, split_handle
from services.notify.refusal import consequence_of
from shared.reference import phone
from shared.reference.invalid import Invalid

STOP_WORDS = frozenset({"stop", "berhenti", "stopall", "unsubscribe"})
_META: Mapping[str, str] = {"sent": "sent", "delivered": "delivered", "read": "read", "failed": "failed"}
_TWILIO: Mapping[str, str] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "failed": "failed",
    "undelivered": "failed",
}
_NO_NEWS = frozenset({"accepted", "scheduled", "queued", "sending", "deleted", "warning"})


class Stray(BaseModel):
    """A receipt for a message that we do not know: kept, since somebody may have to explain it. ``stray_id`` is made
    from what it says, so a repetition is the same."""

    model_config = ConfigDict(frozen=True)

    stray_id: str
    kind: str
    status: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Word:
    """Somebody has written that they want nothing more. ``number`` is E.164, and personal."""

    number: str
    channel: str

    def __repr__(self) -> str:
        return f"Word(channel={self.channel!r})"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A receipt that names no message of ours. ``mark`` tells it from others."""

    mark: str
    status: str


Said = Outcome | Word | Unknown


# --- signatures -------------------------------------------------------------------------------------------------------


def signed_by_meta(body: bytes, header: str | None, secret: str) -> bool:
    """``X-Hub-Signature-256``: ``sha256=`` and the HMAC-SHA256 of the raw bytes, in hexadecimal digits."""
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return header is not None and hmac.compare_digest(expected.encode(), header.encode())


def signed_by_twilio(url: str, body: bytes, header: str | None, token: str) -> bool:
    """``X-Twilio-Signature``: HMAC-SHA1 over the address as Twilio knows it, query included, and then every field of
    the form, name and value, in the order of the names; a repeated value of one name counts once."""
    fields = sorted(set(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)))
    signed = url + "".join(name + value for name, value in fields)
    expected = base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest())
    return header is not None and hmac.compare_digest(expected, header.encode())


# --- WhatsApp ---------------------------------------------------------------------------------------------------------


def read_meta(body: bytes) -> list[Said] | None:
    """All that one webhook says, of up to hundreds of messages; None for what is no JSON object."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    values = [
        change.get("value")
        for entry in _dicts(told.get("entry"))
        for change in _dicts(entry.get("changes"))
        if change.get("field") == "messages"
    ]
    said: list[Said] = []
    for value in values:
        if isinstance(value, dict):
            said += [one for status in _dicts(value.get("statuses")) if (one := _meta_status(status))]
            said += [word for message in _dicts(value.get("messages")) if (word := _meta_word(message))]
    return said


def _meta_status(told: Mapping[str, Any]) -> Outcome | Unknown | None:
    status = str(told.get("status"))
    if status not in _META:
        return None
    handle = told.get("biz_opaque_callback_data")
    codes = [str(one["code"]) for one in _dicts(told.get("errors")) if isinstance(one.get("code"), int)]
    return _status("whatsapp", handle, str(told.get("id")), _META[status], codes[0] if codes else None)


def _meta_word(told: Mapping[str, Any]) -> Word | None:
    text = told.get("text") if told.get("type") == "text" else told.get("button")
    words = (text.get("body") or text.get("text")) if isinstance(text, dict) else None
    return _word(words, told.get("from"), "whatsapp")


# --- Twilio -----------------------------------------------------------------------------------------------------------


def read_twilio(body: bytes, handle: str | None) -> list[Said]:
    """What one callback says: a status of ours, by the handle in its address, or a text somebody has sent us."""
    fields = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    status = fields.get("MessageStatus") or fields.get("SmsStatus") or ""
    if fields.get("Body") is not None and status in {"", "received"}:
        word = _word(fields["Body"], fields.get("From"), "sms")
        return [word] if word else []
    if status not in _TWILIO or status in _NO_NEWS:
        return []
    return [_status("twilio", handle, fields.get("MessageSid", ""), _TWILIO[status], fields.get("ErrorCode"))]


# --- both -------------------------------------------------------------------------------------------------------------


def _status(kind: str, handle: Any, id_: str, status: str, code: str | None) -> Outcome | Unknown:
    ours = split_handle(handle) if isinstance(handle, str) else None
    if ours is None:
        return Unknown(mark=f"{kind}/{id_}/{status}", status=status)
    code = code if code is not None and code.isdigit() and len(code) <= 8 else None
    failed = status == "failed"
    return Outcome(
        message_id=ours[0],
        state=cast(Literal["sent", "delivered", "read", "failed"], status),
        reason=f"{kind}_{code or 'unknown'}" if failed else None,
        consequence=consequence_of(kind, code or "") if failed else "never",
        attempt=ours[1],
    )


def _word(words: Any, number: Any, channel: str) -> Word | None:
    if not isinstance(words, str) or not isinstance(number, str):
        return None
    if words.strip().strip(".!").casefold() not in STOP_WORDS:
        return None
    try:
        return Word(phone.parse(number if number.startswith("+") else f"+{number}").e164, channel)
    except Invalid:
        return None


def _dicts(value: Any) -> Iterator[Mapping[str, Any]]:
    """The objects in what ought to be a list of objects."""
    return (one for one in (value if isinstance(value, list) else ()) if isinstance(one, dict))


def outcomes_in(said: Sequence[Said]) -> list[Outcome]:
    return [one for one in said if isinstance(one, Outcome)]
