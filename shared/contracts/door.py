"""What the door demands of an intake message before anyone looks at what it says (contract, "The envelope").

Everything here is pure: bytes or an envelope in, problems with stable codes out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import orjson
from pydantic import BaseModel

from shared.contracts.catalogue import BY_NAME, SERVICES, Kind, MessageType
from shared.contracts.envelope import CLOCK_TOLERANCE_SECONDS, CONTENT_TYPE, MAX_ID_LENGTH, MAX_MESSAGE_BYTES
from shared.contracts.problem import Problem, from_invalid, problem
from shared.reference import dates, personal
from shared.reference import region as regions
from shared.reference.invalid import Invalid

_HANDLE = re.compile(r"^[a-z][a-z0-9.-]{1,39}$")
_MAX_DEPTH = 64
"""How deep a message may be nested: far above what any type needs, far below what the interpreter's stack bears."""

UNREADABLE: Mapping[str, tuple[str, str]] = {
    "envelope.user_id": ("Pesan tanpa user_id tidak dapat dibalas.", "A message without user_id cannot be answered."),
    "envelope.too_large": (
        "Pesan lebih besar dari 1 MiB; bagi menjadi beberapa pesan.",
        "The message is larger than 1 MiB; split it.",
    ),
    "envelope.binary_mode": (
        "Kirim CloudEvents dalam structured mode: seluruh amplop di dalam badan pesan.",
        "Send CloudEvents in structured mode: the whole envelope in the body.",
    ),
    "envelope.content_type": (
        f"Jenis isi (content_type) harus {CONTENT_TYPE}.",
        f"content_type must be {CONTENT_TYPE}.",
    ),
    "envelope.not_json": ("Badan pesan bukan JSON yang sah.", "The body is not valid JSON."),
    "envelope.not_object": ("Badan pesan harus satu objek JSON.", "The body must be one JSON object."),
    "envelope.too_deep": (
        f"Isi pesan bersarang lebih dari {_MAX_DEPTH} tingkat; sederhanakan isi yang bersarang itu.",
        f"The message is nested more than {_MAX_DEPTH} deep; simplify it.",
    ),
}
"""Why there is no envelope to look at."""
KEPT = UNREADABLE.keys() | {
    "envelope.specversion",
    "envelope.id",
    "envelope.type",
    "envelope.data",
    "envelope.unknown_type",
    "envelope.key_mismatch",
}
"""What cannot be read as a message at all is kept as well as refused; it is known by its bytes, not by its id."""
_BINARY_MODE = ("cloudevents:", "cloudevents_", "ce-", "ce_")
MAX_PROBLEMS = 100
_MAX_PATH = 200
"""A reply names this many places, each so long at most, or it would outgrow what a message may be."""


def is_binary_mode(headers: Mapping[str, Any]) -> bool:
    """CloudEvents in binary mode carry their attributes in headers."""
    return any(name.lower().startswith(_BINARY_MODE) for name in headers)


class UnreadableError(ValueError):
    """There is no envelope to look at; ``code`` is one of ``UNREADABLE``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def open_envelope(body: bytes, content_type: str | None, *, binary_mode: bool) -> dict[str, Any]:
    """The envelope, without its nulls. Raises ``UnreadableError``."""
    if len(body) > MAX_MESSAGE_BYTES:
        raise UnreadableError("envelope.too_large")
    if binary_mode:
        raise UnreadableError("envelope.binary_mode")
    if (content_type or "").split(";", 1)[0].strip().lower() != CONTENT_TYPE:
        raise UnreadableError("envelope.content_type")
    try:
        envelope = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise UnreadableError("envelope.not_json") from None
    if not isinstance(envelope, dict):
        raise UnreadableError("envelope.not_object")
    opened: dict[str, Any] = without_nulls(envelope)
    return opened


def find_type(envelope: Mapping[str, Any], service: str, routing_key: str) -> tuple[MessageType | None, list[Problem]]:
    """The type that an envelope names, if this service takes it and it came by its own routing key."""
    name = envelope.get("type")
    if not isinstance(name, str):
        return None, []
    known = BY_NAME.get(name)
    if known is None or known.kind is not Kind.INTAKE or known.service != service:
        unknown = problem(
            "envelope.unknown_type",
            "type",
            "Jenis pesan (type) ini tidak dikenal layanan ini; lihat daftar jenis pada kontrak.",
            "This service does not know this type; see the list of types in the contract.",
        )
        return None, [unknown]
    if known.key != routing_key:
        mismatch = problem(
            "envelope.key_mismatch",
            "type",
            "Kunci rute (routing key) tidak sama dengan jenis pesan (type).",
            "The routing key and the type do not agree.",
        )
        return None, [mismatch]
    return known, []


def source_problems(envelope: Mapping[str, Any], account: str) -> Iterator[Problem]:
    """``source`` names the sender's own account; our services may also speak as what they are."""
    allowed = {f"/agency/{account}", *([f"/binaan/{account}"] if account in SERVICES else [])}
    if isinstance(envelope.get("source"), str) and envelope["source"] not in allowed:
        yield problem(
            "envelope.source_mismatch",
            "source",
            "source harus menyebut akun pengirim sendiri: /agency/<akun>.",
            "source must name the sender's own account: /agency/<account>.",
        )


def without_nulls(value: Any, deeper: int = _MAX_DEPTH) -> Any:
    """``null`` means absent; Java clients send it for every field they do not fill. Raises ``UnreadableError``."""
    if not deeper:
        raise UnreadableError("envelope.too_deep")
    if isinstance(value, dict):
        return {name: without_nulls(inner, deeper - 1) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [without_nulls(inner, deeper - 1) for inner in value]
    return value


def attribute_problems(envelope: dict[str, Any]) -> Iterator[Problem]:
    wrong = {
        "specversion": envelope.get("specversion") != "1.0",
        "id": not _text(envelope.get("id")) or not envelope["id"].isprintable(),
        "source": not _text(envelope.get("source"), 256),
        "type": not _text(envelope.get("type"), 256),
        "data": not isinstance(envelope.get("data"), dict),
        "subject": "subject" in envelope and not _text(envelope["subject"]),
        "actor": "actor" in envelope
        and not (isinstance(envelope["actor"], str) and _HANDLE.fullmatch(envelope["actor"])),
        "time": "time" in envelope and not isinstance(envelope["time"], str),
    }
    for name, is_wrong in wrong.items():
        if is_wrong:
            text_id = f"Amplop tidak memuat {name} yang sah; lihat contoh pada kontrak."
            yield problem(f"envelope.{name}", name, text_id, f"The envelope has no valid {name}.")
    if isinstance(envelope.get("id"), str) and _personal_id(envelope["id"]):
        yield problem(
            "envelope.id_personal",
            "id",
            "id pesan ikut dipublikasikan dan tidak boleh memuat NIK atau nomor telepon.",
            "The id is published along the chain and must not hold a NIK or a phone number.",
        )
    if "region" in envelope:
        yield from _region_problems(envelope["region"])


def _region_problems(code: Any) -> Iterator[Problem]:
    try:
        regions.parse(code if isinstance(code, str) else "")
    except Invalid as error:
        yield from_invalid(error, "region")


def time_problems(kind: MessageType, text: Any, now: datetime) -> Iterator[Problem]:
    if text is None:
        if kind.observed:
            yield problem(
                "time.required",
                "time",
                "Laporan harus menyebut kapan keadaan itu diamati (time).",
                "A report must say when the state was observed (time).",
            )
        return
    try:
        yield from ahead_of_clock(dates.parse_time(text), now, "time")
    except Invalid as error:
        yield from_invalid(error, "time")
    except TypeError:
        return  # said already by the attribute check


def ahead_of_clock(observed: datetime, now: datetime, field: str) -> Iterator[Problem]:
    """An observation of tomorrow would win over every true one until then."""
    if observed > now + timedelta(seconds=CLOCK_TOLERANCE_SECONDS):
        yield problem(
            "time.in_future",
            field,
            "Waktu pengamatan berada di masa depan; periksa jam dan tanggal.",
            "The time of observation lies in the future; check the clock.",
        )


def _is_handle(value: Any) -> bool:
    return isinstance(value, str) and _HANDLE.fullmatch(value) is not None


def _text(value: Any, longest: int = MAX_ID_LENGTH) -> bool:
    return isinstance(value, str) and 0 < len(value) <= longest


def readable_id(envelope: Mapping[str, Any]) -> str | None:
    """The id as a reply may name it."""
    id_ = envelope.get("id")
    return id_ if isinstance(id_, str) and _text(id_) and not _personal_id(id_) else None


def named(message_id: str | None) -> str | None:
    """The AMQP message id as a reply may name it: it would stand in the outbox in the clear."""
    return None if message_id is None or _personal_id(message_id) else message_id


def _personal_id(text: str) -> bool:
    return personal.find_personal(text, strict_region=True) is not None


def _unknown_members(model: BaseModel, path: str) -> Iterator[str]:
    for name in model.model_extra or ():
        # A sender's own name for a member may be as long as a message, or somebody's number.
        yield path if personal.find_personal(name) else f"{path}.{name}"[:_MAX_PATH]
    for name in model.model_fields_set:
        inner = getattr(model, name, None)
        if isinstance(inner, BaseModel):
            yield from _unknown_members(inner, f"{path}.{name}")
        elif isinstance(inner, tuple):
            for position, one in enumerate(inner):
                if isinstance(one, BaseModel):
                    yield from _unknown_members(one, f"{path}.{name}.{position}")


def unknown_members(model: BaseModel, path: str) -> Iterable[Problem]:
    """A warning for each member that the contract does not name, up to what a reply can hold."""
    return (problem("field.unknown", unknown) for unknown in islice(_unknown_members(model, path), MAX_PROBLEMS))
