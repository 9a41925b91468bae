"""Bytes to messages and back.

The guarantee of this file: whatever arrives becomes one of three things, and never an exception: a checked message, a
refusal that says why, or something that is none of our business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Any

import orjson
import uuid_utils
from pydantic import BaseModel, ValidationError

from shared.contracts import authority
from shared.contracts.catalogue import BY_NAME, SERVICES, TYPES, Kind, MessageType
from shared.contracts.common import Accepted, Answered, Rejected
from shared.contracts.envelope import (
    CLOCK_TOLERANCE_SECONDS,
    CONTENT_TYPE,
    INTAKE,
    MAX_ID_LENGTH,
    MAX_MESSAGE_BYTES,
    REPLIES,
    Received,
    format_sequence,
)
from shared.contracts.problem import Problem, from_invalid, from_validation, problem
from shared.decision import Cause, Decision, Fact
from shared.kernel.keys import Keyring
from shared.reference import dates, personal
from shared.reference import region as regions
from shared.reference.invalid import Invalid

_TRACEPARENT = re.compile(r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")
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
_KEPT = UNREADABLE.keys() | {
    "envelope.specversion",
    "envelope.id",
    "envelope.type",
    "envelope.data",
    "envelope.unknown_type",
    "envelope.key_mismatch",
}
"""What cannot be read as a message at all is kept as well as refused; it is known by its bytes, not by its id."""
_BINARY_MODE = ("cloudevents:", "cloudevents_", "ce-", "ce_")
_MAX_PROBLEMS = 100
_MAX_PATH = 200
"""A reply names this many places, each so long at most, or it would outgrow what a message may be."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the broker handed over, or what was held of it: enough to read the message again."""

    exchange: str
    routing_key: str
    body: bytes
    account: str | None = None
    message_id: str | None = None
    content_type: str | None = None
    binary_mode: bool = False


@dataclass(slots=True)
class Reading:
    """What became of a delivery. ``identity`` recognises a repetition, ``digest`` other content under the same id.

    With ``ignored`` there is nothing to do; with ``problems`` the sender is told; with ``keep`` the message is stored
    among the held ones as ``unreadable``.
    """

    delivery: Delivery
    read_at: datetime
    identity: bytes = b""
    digest: bytes = b""
    type: MessageType | None = None
    received: Received[Any] | None = None
    intake_id: str | None = None
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    keep: bool = False
    ignored: bool = False

    @property
    def is_intake(self) -> bool:
        return self.delivery.exchange == INTAKE


class Tick(BaseModel):
    """What a worker is given instead of a payload: nothing."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message ready for the wire. ``subject`` and ``sequence`` order it; ``sealed`` is how the outbox keeps it."""

    id: str
    exchange: str
    key: str
    type: str
    subject: str
    sequence: int
    region: str
    correlation_id: str
    at: datetime
    body: bytes


def new_message_id() -> str:
    """UUIDv7: ordered by time, so that an outbox read by id is read in the order it was written."""
    return str(uuid_utils.uuid7())


class Codec:
    """Reads what arrives for one service and writes what it sends."""

    def __init__(self, service: str, keyring: Keyring) -> None:
        self._service, self._keyring = service, keyring

    # --- reading ---------------------------------------------------------------------------------------------------

    def read(self, delivery: Delivery, now: datetime) -> Reading:
        """Never raises, whatever the bytes are."""
        return self._read_intake(delivery, now) if delivery.exchange == INTAKE else self._read_event(delivery, now)

    def _read_event(self, delivery: Delivery, now: datetime) -> Reading:
        """Our own messages: a type nobody here knows is left alone, a broken one is a bug of ours and raises later."""
        reading = Reading(delivery, now)
        try:
            envelope = orjson.loads(delivery.body)
            reading.type = BY_NAME.get(envelope["type"])
            if reading.type is None:
                reading.ignored = True
                return reading
            reading.received = Received(
                account=envelope["source"].rsplit("/", 1)[-1],
                id=envelope["id"],
                type=reading.type.key,
                data=reading.type.model.model_validate(envelope["data"]),
                new_id=self._ids(envelope["source"], envelope["id"]),
                token=self._keyring.token,
                received_at=now,
                time=dates.parse_time(envelope["time"]),
                subject=envelope["subject"],
                actor=envelope.get("actor"),
                region=envelope.get("region"),
                sequence=int(envelope["sequence"]),
                cause=Cause(
                    correlation_id=envelope["correlationid"],
                    causation_id=envelope["id"],
                    traceparent=envelope.get("traceparent"),
                    actor=envelope.get("actor"),
                ),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            reading.keep = True
        reading.identity = self._keyring.digest("event", delivery.body)
        return reading

    def _read_intake(self, delivery: Delivery, now: datetime) -> Reading:
        reading = Reading(delivery, now, intake_id=_named(delivery.message_id))
        envelope = self._open(reading)
        if envelope is not None:
            self._check_envelope(reading, envelope, now)
        if any(one.code in _KEPT for one in reading.problems):
            reading.intake_id = _named(delivery.message_id) or reading.intake_id
            reading.keep = True
        self._identify(reading, envelope)
        if envelope is not None and not reading.problems:
            self._check_data(reading, envelope, now)
        return reading

    def _open(self, reading: Reading) -> dict[str, Any] | None:
        """The envelope as a dictionary without nulls, or None with the reason in ``problems``."""
        try:
            return _opened(reading.delivery)
        except _UnreadableError as error:
            reading.problems.append(problem(error.code, None, *UNREADABLE[error.code]))
            return None

    def _check_envelope(self, reading: Reading, envelope: dict[str, Any], now: datetime) -> None:
        account = reading.delivery.account
        reading.problems += _attribute_problems(envelope)
        if _text(envelope.get("id")) and not _personal_id(envelope["id"]):
            reading.intake_id = envelope["id"]
        allowed = {f"/agency/{account}", f"/binaan/{account}"} if account in SERVICES else {f"/agency/{account}"}
        if isinstance(envelope.get("source"), str) and envelope["source"] not in allowed:
            reading.problems.append(
                problem(
                    "envelope.source_mismatch",
                    "source",
                    "source harus menyebut akun pengirim sendiri: /agency/<akun>.",
                    "source must name the sender's own account: /agency/<account>.",
                )
            )
        if isinstance(envelope.get("type"), str):
            self._check_type(reading, envelope["type"])
        if reading.type is not None:
            reading.problems += _time_problems(reading.type, envelope.get("time"), now)

    def _check_type(self, reading: Reading, name: str) -> None:
        known = BY_NAME.get(name)
        if known is None or known.kind is not Kind.INTAKE or known.service != self._service:
            reading.problems.append(
                problem(
                    "envelope.unknown_type",
                    "type",
                    "Jenis pesan (type) ini tidak dikenal layanan ini; lihat daftar jenis pada kontrak.",
                    "This service does not know this type; see the list of types in the contract.",
                )
            )
        elif known.key != reading.delivery.routing_key:
            reading.problems.append(
                problem(
                    "envelope.key_mismatch",
                    "type",
                    "Kunci rute (routing key) tidak sama dengan jenis pesan (type).",
                    "The routing key and the type do not agree.",
                )
            )
        else:
            reading.type = known

    def _identify(self, reading: Reading, envelope: dict[str, Any] | None) -> None:
        """A readable message is its account and id; an unreadable one is its bytes, so that a redelivery is known."""
        account = reading.delivery.account or ""
        if envelope is None or reading.keep:
            stamp = f"{account}\0{reading.delivery.routing_key}\0{reading.delivery.message_id or ''}\0".encode()
            reading.identity = self._keyring.digest("unreadable", stamp + reading.delivery.body)
            return
        content = {name: value for name, value in envelope.items() if name not in {"traceparent", "tracestate"}}
        reading.identity = self._keyring.digest("intake", f"{account}\0{envelope.get('id')}".encode())
        reading.digest = self._keyring.digest("content", orjson.dumps(content, option=orjson.OPT_SORT_KEYS))

    def _check_data(self, reading: Reading, envelope: dict[str, Any], now: datetime) -> None:
        kind, account, intake_id = reading.type, reading.delivery.account, envelope["id"]
        if kind is None or account is None:
            raise AssertionError("a message without problems has a type and an account")
        try:
            data = kind.model.model_validate(envelope["data"])
        except ValidationError as error:
            reading.problems = from_validation(error, envelope["data"], "data")
            return
        unknown = islice(_unknown_members(data, "data"), _MAX_PROBLEMS)
        reading.warnings = [problem("field.unknown", path) for path in unknown]
        actor = envelope.get("actor")
        traceparent = envelope.get("traceparent")
        reading.received = Received(
            account=account,
            id=intake_id,
            type=kind.key,
            data=data,
            new_id=self._ids(account, intake_id),
            token=self._keyring.token,
            received_at=now,
            time=dates.parse_time(envelope["time"]) if "time" in envelope else None,
            subject=_named(envelope.get("subject")),
            actor=actor,
            region=envelope.get("region"),
            cause=Cause(
                correlation_id=intake_id,
                causation_id=intake_id,
                traceparent=traceparent if isinstance(traceparent, str) and _TRACEPARENT.match(traceparent) else None,
                actor=authority.official_id(account, actor) if actor else None,
            ),
        )

    def tick(self, now: datetime) -> Received[Any]:
        """What a worker decides on: no message, only the time. Facts name a cause of their own, or this very step."""
        id_ = new_message_id()
        return Received(
            account=self._service,
            id=id_,
            type=f"{self._service}.clock.tick",
            data=Tick(),
            new_id=self._ids(self._service, id_),
            token=self._keyring.token,
            received_at=now,
            time=now,
        )

    def _ids(self, *origin: str) -> Any:
        return lambda kind, *parts: self._keyring.new_id(*origin, kind, *parts)

    # --- writing ---------------------------------------------------------------------------------------------------

    def write(self, fact: Fact, cause: Cause, now: datetime) -> Outgoing:
        """An event or a contact. For what a clock starts, the chain begins with the event itself."""
        kind, id_ = TYPES[fact.type], new_message_id()
        cause = fact.cause or cause
        correlation = cause.correlation_id or id_
        body = self._encode(
            kind,
            id_,
            now,
            fact.data,
            subject=fact.subject,
            sequence=format_sequence(fact.sequence),
            partitionkey=fact.subject,
            region=fact.region,
            correlationid=correlation,
            causationid=cause.causation_id or id_,
            **({"traceparent": cause.traceparent} if cause.traceparent else {}),
            **({"actor": cause.actor} if cause.actor else {}),
        )
        cut = regions.regency_or_above(fact.region)
        return Outgoing(
            id_, kind.exchange, f"{kind.key}.{cut}", kind.name, fact.subject, fact.sequence, cut, correlation, now, body
        )

    def reply(self, reading: Reading, decision: Decision, now: datetime) -> Outgoing | None:
        """The one reply to an intake message, or None where the broker vouched for nobody."""
        account = reading.delivery.account
        if account is None:
            return None
        known = reading.type.name if reading.type else None
        about: dict[str, Any] = {"intake_id": reading.intake_id, "intake_type": known}
        warnings = (*reading.warnings, *decision.warnings)[:_MAX_PROBLEMS]
        if decision.problems:
            problems = tuple(decision.problems)[:_MAX_PROBLEMS]
            verb, data = "rejected", Rejected(**about, problems=problems).model_dump(mode="json")
        elif reading.type is not None and reading.type.question:
            verb, data = (
                "answered",
                Answered(**about, answer=decision.answer, next=decision.next).model_dump(mode="json"),
            )
        else:
            accepted = Accepted(**about, result=dict(decision.result), warnings=warnings)
            verb, data = "accepted", accepted.model_dump(mode="json")
        kind, id_ = TYPES[f"{self._service}.reply.{verb}"], new_message_id()
        correlation = reading.intake_id or id_
        subject = {"subject": reading.intake_id} if reading.intake_id else {}
        body = self._encode(kind, id_, now, data, correlationid=correlation, causationid=correlation, **subject)
        return Outgoing(id_, REPLIES, f"{account}.{verb}", kind.name, id_, 0, "00", correlation, now, body)

    def stored_reply(self, body: bytes, account: str) -> Outgoing:
        """The reply as it was first sent, byte for byte."""
        envelope = orjson.loads(body)
        verb = envelope["type"].rsplit(".", 2)[1]
        return Outgoing(
            envelope["id"],
            REPLIES,
            f"{account}.{verb}",
            envelope["type"],
            envelope["id"],
            0,
            "00",
            envelope["correlationid"],
            dates.parse_time(envelope["time"]),
            body,
        )

    def _encode(self, kind: MessageType, id_: str, now: datetime, data: Any, **attributes: Any) -> bytes:
        if isinstance(data, BaseModel):
            data = orjson.Fragment(data.__pydantic_serializer__.to_json(data, exclude_none=True))
        return orjson.dumps(
            {
                "specversion": "1.0",
                "id": id_,
                "source": f"/binaan/{self._service}",
                "type": kind.name,
                "time": now,
                **attributes,
                "datacontenttype": "application/json",
                "dataschema": kind.schema_id,
                "data": data,
            },
            option=orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC,
        )


def is_binary_mode(headers: Mapping[str, Any]) -> bool:
    """CloudEvents in binary mode carry their attributes in headers."""
    return any(name.lower().startswith(_BINARY_MODE) for name in headers)


class _UnreadableError(ValueError):
    """There is no envelope to look at; ``code`` is one of ``UNREADABLE``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def _opened(delivery: Delivery) -> dict[str, Any]:
    """The envelope. Raises ``_UnreadableError``."""
    media_type = (delivery.content_type or "").split(";", 1)[0].strip().lower()
    if delivery.account is None:
        raise _UnreadableError("envelope.user_id")
    if len(delivery.body) > MAX_MESSAGE_BYTES:
        raise _UnreadableError("envelope.too_large")
    if delivery.binary_mode:
        raise _UnreadableError("envelope.binary_mode")
    if media_type != CONTENT_TYPE:
        raise _UnreadableError("envelope.content_type")
    try:
        envelope = orjson.loads(delivery.body)
    except orjson.JSONDecodeError:
        raise _UnreadableError("envelope.not_json") from None
    if not isinstance(envelope, dict):
        raise _UnreadableError("envelope.not_object")
    opened: dict[str, Any] = without_nulls(envelope)
    return opened


def without_nulls(value: Any, deeper: int = _MAX_DEPTH) -> Any:
    """``null`` means absent; Java clients send it for every field they do not fill. Raises ``_UnreadableError``."""
    if not deeper:
        raise _UnreadableError("envelope.too_deep")
    if isinstance(value, dict):
        return {name: without_nulls(inner, deeper - 1) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [without_nulls(inner, deeper - 1) for inner in value]
    return value


@lru_cache(maxsize=64)
def _attribute_texts(name: str) -> tuple[str, str]:
    return f"Amplop tidak memuat {name} yang sah; lihat contoh pada kontrak.", f"The envelope has no valid {name}."


def _attribute_problems(envelope: dict[str, Any]) -> Iterator[Problem]:
    wrong = {
        "specversion": envelope.get("specversion") != "1.0",
        "id": not _text(envelope.get("id")),
        "source": not _text(envelope.get("source"), 256),
        "type": not _text(envelope.get("type"), 256),
        "data": not isinstance(envelope.get("data"), dict),
        "subject": "subject" in envelope and not _text(envelope["subject"]),
        "actor": "actor" in envelope and not (isinstance(envelope["actor"], str) and _HANDLE.match(envelope["actor"])),
        "time": "time" in envelope and not isinstance(envelope["time"], str),
    }
    for name, is_wrong in wrong.items():
        if is_wrong:
            yield problem(f"envelope.{name}", name, *_attribute_texts(name))
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


def _time_problems(kind: MessageType, text: Any, now: datetime) -> Iterator[Problem]:
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
        if dates.parse_time(text) > now + timedelta(seconds=CLOCK_TOLERANCE_SECONDS):
            yield problem(
                "time.in_future",
                "time",
                "Waktu pengamatan berada di masa depan; periksa jam dan tanggal.",
                "The time of observation lies in the future; check the clock.",
            )
    except Invalid as error:
        yield from_invalid(error, "time")
    except TypeError:
        return  # said already by the attribute check


def _text(value: Any, longest: int = MAX_ID_LENGTH) -> bool:
    return isinstance(value, str) and 0 < len(value) <= longest


def _named(message_id: str | None) -> str | None:
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
