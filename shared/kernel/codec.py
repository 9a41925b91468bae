"""Bytes to messages and back.

The guarantee of this file: whatever arrives becomes one of three things, and never an exception: a checked message, a
refusal that says why, or something that is none of our business.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
import uuid_utils
from pydantic import BaseModel, ValidationError

from shared.contracts import authority, door
from shared.contracts.catalogue import BY_NAME, TYPES, Kind, MessageType
from shared.contracts.common import Accepted, Answered, Rejected
from shared.contracts.envelope import INTAKE, REPLIES, Received, format_sequence
from shared.contracts.problem import Problem, from_validation, problem
from shared.decision import Cause, Decision, Fact
from shared.kernel.keys import Keyring
from shared.reference import dates
from shared.reference import region as regions

_TRACEPARENT = re.compile(r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")


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
    about: tuple[str, ...] = ()
    """Whose personal data an answer holds."""


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
                all_tokens=self._keyring.tokens,
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
        reading = Reading(delivery, now, intake_id=door.named(delivery.message_id))
        envelope = self._open(reading)
        if envelope is not None:
            self._check_envelope(reading, envelope)
        if any(one.code in door.KEPT for one in reading.problems):
            reading.intake_id = door.named(delivery.message_id) or reading.intake_id
            reading.keep = True
        self._identify(reading, envelope)
        if envelope is not None and not reading.problems:
            self._check_data(reading, envelope)
        return reading

    def _open(self, reading: Reading) -> dict[str, Any] | None:
        """The envelope as a dictionary without nulls, or None with the reason in ``problems``."""
        delivery = reading.delivery
        try:
            if delivery.account is None:
                raise door.UnreadableError("envelope.user_id")
            return door.open_envelope(delivery.body, delivery.content_type, binary_mode=delivery.binary_mode)
        except door.UnreadableError as error:
            reading.problems.append(problem(error.code, None, *door.UNREADABLE[error.code]))
            return None

    def _check_envelope(self, reading: Reading, envelope: dict[str, Any]) -> None:
        delivery = reading.delivery
        reading.intake_id = door.readable_id(envelope) or reading.intake_id
        reading.type, wrong_type = door.find_type(envelope, self._service, delivery.routing_key)
        reading.problems += [
            *door.attribute_problems(envelope),
            *door.source_problems(envelope, delivery.account or ""),
            *wrong_type,
        ]
        if reading.type is not None:
            reading.problems += door.time_problems(reading.type, envelope.get("time"), reading.read_at)

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

    def _check_data(self, reading: Reading, envelope: dict[str, Any]) -> None:
        kind, account, intake_id = reading.type, reading.delivery.account, envelope["id"]
        if kind is None or account is None:
            raise AssertionError("a message without problems has a type and an account")
        try:
            data = kind.model.model_validate(envelope["data"])
        except ValidationError as error:
            reading.problems = from_validation(error, envelope["data"], "data")
            return
        reading.warnings = list(door.unknown_members(data, "data"))
        actor = envelope.get("actor")
        traceparent = envelope.get("traceparent")
        reading.received = Received(
            account=account,
            id=intake_id,
            type=kind.key,
            data=data,
            new_id=self._ids(account, intake_id),
            token=self._keyring.token,
            all_tokens=self._keyring.tokens,
            received_at=reading.read_at,
            time=dates.parse_time(envelope["time"]) if "time" in envelope else None,
            subject=door.named(envelope.get("subject")),
            actor=actor,
            region=envelope.get("region"),
            cause=Cause(
                correlation_id=intake_id,
                causation_id=intake_id,
                traceparent=traceparent
                if isinstance(traceparent, str) and _TRACEPARENT.fullmatch(traceparent)
                else None,
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
            all_tokens=self._keyring.tokens,
            received_at=now,
            time=now,
        )

    def _ids(self, *origin: str) -> Any:
        return lambda kind, *parts: self._keyring.new_id(*origin, kind, *parts)

    # --- writing ---------------------------------------------------------------------------------------------------

    def write(self, fact: Fact, cause: Cause, now: datetime) -> Outgoing:
        """An event or a contact. For what a clock starts, the chain begins with the event itself.

        A fact of an intake type is something that we tell another service: it goes through its door as anybody's does.
        """
        kind, id_ = TYPES[fact.type], new_message_id()
        cause = fact.cause or cause
        correlation = cause.correlation_id or id_
        if kind.kind is Kind.INTAKE:
            traced = {"traceparent": cause.traceparent} if cause.traceparent else {}
            body = self._encode(kind, id_, now, fact.data, **traced)
            return Outgoing(id_, kind.exchange, kind.key, kind.name, fact.subject, 0, "00", correlation, now, body)
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
        warnings = (*reading.warnings, *decision.warnings)[: door.MAX_PROBLEMS]
        if decision.problems:
            problems = tuple(decision.problems)[: door.MAX_PROBLEMS]
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
        persons = tuple(decision.persons) if verb == "answered" else ()
        return Outgoing(id_, REPLIES, f"{account}.{verb}", kind.name, id_, 0, "00", correlation, now, body, persons)

    def stored_reply(self, body: bytes, account: str, about: tuple[str, ...] = ()) -> Outgoing:
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
            about,
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


def saying(body: bytes, data: Any) -> bytes:
    """A message of ours that says ``data`` instead, everything else being the same."""
    return orjson.dumps({**orjson.loads(body), "data": data}, default=_plain)


def without_answer(body: bytes) -> bytes:
    """An answer that held personal data, and says only that they were erased."""
    return saying(body, {**orjson.loads(body)["data"], "answer": {"erased": True}, "next": None})


def _plain(model: BaseModel) -> Any:
    return model.model_dump(mode="json", exclude_none=True)


def _is_trace(value: Any) -> bool:
    return isinstance(value, str) and _TRACEPARENT.fullmatch(value) is not None
