"""Whatever arrives becomes a checked message, a refusal that says why, or nothing of ours; and never an exception."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.authority import official_id
from shared.contracts.catalogue import BY_NAME, SERVICES
from shared.contracts.common import Accepted
from shared.contracts.envelope import CONTACTS, CONTENT_TYPE, EVENTS, INTAKE, NO_CAUSE
from shared.contracts.problem import problem
from shared.decision import Cause, Decision, Fact, reject
from shared.kernel.codec import Codec, Delivery, Reading, new_message_id
from shared.kernel.keys import Keyring
from tests.shared.kernel.toy import MEDAN, NOW, SERVICE, Account, changed, delivery, envelope, event, put

RING = Keyring("k1", {"k1": b"k" * 32})
CODEC = Codec(SERVICE, RING)
TRACE = f"00-{'a' * 32}-{'b' * 16}-01"


def read(sent: Delivery) -> Reading:
    return CODEC.read(sent, NOW)


def codes(sent: Delivery) -> list[tuple[str, str | None]]:
    return [(one.code, one.field) for one in read(sent).problems]


def raw(body: bytes, key: str = "toy.thing.put", **properties: Any) -> Delivery:
    return replace(Delivery(INTAKE, key, body, MEDAN, "amqp-1", CONTENT_TYPE), **properties)


def with_(key: str = "toy.thing.put", without: str | None = None, **attributes: Any) -> Delivery:
    """A message that is in order but for these attributes."""
    whole = {**envelope(key, {"thing_id": "t"}, "m-1"), **attributes}
    return raw(orjson.dumps({name: value for name, value in whole.items() if name != without}), key)


# --- what is in order -------------------------------------------------------------------------------------------------


def test_a_message_in_order_is_read_with_all_that_it_says() -> None:
    """Who speaks is what the broker vouched for; what it causes carries its id, its trace and its official on."""
    reading = read(
        with_(time="2026-03-02T09:30:00+07:00", subject="thing", actor="kadis", region="12.71", traceparent=TRACE)
    )
    received = reading.received
    assert received is not None
    assert (reading.problems, reading.warnings, reading.keep, reading.intake_id) == ([], [], False, "m-1")
    assert (received.account, received.id, received.type) == (MEDAN, "m-1", "toy.thing.put")
    assert (received.subject, received.actor, received.region) == ("thing", "kadis", "12.71")
    assert received.time == datetime(2026, 3, 2, 2, 30, tzinfo=UTC)
    assert received.received_at == NOW
    assert received.cause == Cause(
        correlation_id="m-1", causation_id="m-1", traceparent=TRACE, actor=official_id(MEDAN, "kadis")
    )


@pytest.mark.parametrize(
    "content_type", [CONTENT_TYPE, f"{CONTENT_TYPE}; charset=utf-8", "Application/CloudEvents+JSON ;charset=UTF-8"]
)
def test_content_types_may_have_parameters_and_capitals(content_type: str) -> None:
    """As media types may (RFC 9110 §8.3.1)."""
    assert read(replace(put("t", "m-1"), content_type=content_type)).received is not None


def test_null_means_absent_everywhere() -> None:
    """Java clients send null for every field they do not fill, also in the envelope and in lists."""
    data = {"thing_id": "t", "secret": None, "value": {"a": None, "b": [1, None, {"c": None}]}}
    reading = read(with_(data=data, subject=None, time=None, actor=None, region=None, datacontenttype=None))
    assert (reading.problems, reading.warnings) == ([], [])
    assert reading.received is not None
    assert reading.received.data.value == {"b": [1, None, {}]}
    assert "secret" not in reading.received.data.model_fields_set


def test_unknown_members_are_taken_with_a_warning_that_says_where() -> None:
    """In the payload, at any depth; attributes of the envelope may be extensions of CloudEvents, and are left alone."""
    reading = read(with_(data={"thing_id": "t", "colour": "red"}, myextension="1"))
    assert reading.received is not None
    assert [(one.code, one.field) for one in reading.warnings] == [("field.unknown", "data.colour")]


def test_an_unknown_member_with_a_number_of_a_person_for_its_name_is_not_named() -> None:
    """No problem repeats a value, also where a sender has put it on the left side."""
    (warning,) = read(with_(data={"thing_id": "t", "1271994107900001": "x"})).warnings
    assert warning.field == "data"


@pytest.mark.parametrize("trace", ["00-x", 7, "", TRACE + "\n", {"a": 1}])
def test_a_trace_that_is_none_is_dropped_not_refused(trace: Any) -> None:
    """It is a courtesy; nothing may fail for it, and nothing of a stranger's making is carried on."""
    received = read(with_(traceparent=trace)).received
    assert received is not None
    assert received.cause.traceparent is None


# --- what is refused --------------------------------------------------------------------------------------------------

KEPT: Mapping[str, tuple[Delivery, tuple[str, str | None]]] = {
    "no account": (replace(with_(), account=None), ("envelope.user_id", None)),
    "too large": (with_(padding="x" * 1024 * 1024), ("envelope.too_large", None)),
    "binary mode": (replace(with_(), binary_mode=True), ("envelope.binary_mode", None)),
    "another content type": (replace(with_(), content_type="application/json"), ("envelope.content_type", None)),
    "no content type": (replace(with_(), content_type=None), ("envelope.content_type", None)),
    "not JSON": (raw(b"{'a': 1}"), ("envelope.not_json", None)),
    "nothing": (raw(b""), ("envelope.not_json", None)),
    "Latin-1": (raw('{"id": "é"}'.encode("latin-1")), ("envelope.not_json", None)),
    "a byte order mark": (raw(b"\xef\xbb\xbf" + with_().body), ("envelope.not_json", None)),
    "a list": (raw(b"[]"), ("envelope.not_object", None)),
    "null": (raw(b"null"), ("envelope.not_object", None)),
    "too deep": (raw(b'{"data":' + b"[" * 500 + b"]" * 500 + b"}"), ("envelope.too_deep", None)),
    "another specversion": (with_(specversion="0.3"), ("envelope.specversion", "specversion")),
    "a number as specversion": (with_(specversion=1.0), ("envelope.specversion", "specversion")),
    "no id": (with_(without="id"), ("envelope.id", "id")),
    "an empty id": (with_(id=""), ("envelope.id", "id")),
    "a number as id": (with_(id=7), ("envelope.id", "id")),
    "an id of 129 characters": (with_(id="x" * 129), ("envelope.id", "id")),
    "no type": (with_(without="type"), ("envelope.type", "type")),
    "a list as type": (with_(type=["id.binaan.toy.thing.put.v1"]), ("envelope.type", "type")),
    "no data": (with_(without="data"), ("envelope.data", "data")),
    "text as data": (with_(data="{}"), ("envelope.data", "data")),
    "an unknown type": (with_(type="id.binaan.toy.thing.put.v2"), ("envelope.unknown_type", "type")),
    "an event": (with_("toy.account.changed"), ("envelope.unknown_type", "type")),
    "a type of another service": (with_("registry.business.report"), ("envelope.unknown_type", "type")),
    "key and type apart": (replace(with_(), routing_key="toy.thing.report"), ("envelope.key_mismatch", "type")),
    "a key in capitals": (replace(with_(), routing_key="toy.thing.PUT"), ("envelope.key_mismatch", "type")),
}


@pytest.mark.parametrize(("sent", "expected"), KEPT.values(), ids=list(KEPT))
def test_what_is_no_message_is_refused_and_kept(sent: Delivery, expected: tuple[str, str | None]) -> None:
    """It is answered by the AMQP message id, and known again by its bytes, since its id cannot be trusted."""
    reading = read(sent)
    assert [(one.code, one.field) for one in reading.problems] == [expected]
    assert (reading.keep, reading.received, reading.intake_id) == (True, None, "amqp-1")
    assert reading.identity == read(sent).identity
    assert reading.identity != read(replace(sent, body=sent.body + b" ")).identity
    assert reading.identity != read(replace(sent, message_id="amqp-2")).identity


REFUSED: Mapping[str, tuple[Delivery, tuple[str, str | None]]] = {
    "no source": (with_(without="source"), ("envelope.source", "source")),
    "a number as source": (with_(source=7), ("envelope.source", "source")),
    "another's source": (with_(source="/agency/dinkop-siantar"), ("envelope.source_mismatch", "source")),
    "ours as source": (with_(source="/binaan/registry"), ("envelope.source_mismatch", "source")),
    "more after the account": (with_(source=f"/agency/{MEDAN}/x"), ("envelope.source_mismatch", "source")),
    "an empty subject": (with_(subject=""), ("envelope.subject", "subject")),
    "a subject of 129 characters": (with_(subject="x" * 129), ("envelope.subject", "subject")),
    "a number as subject": (with_(subject=7), ("envelope.subject", "subject")),
    "an actor with spaces": (with_(actor="Ibu Contoh"), ("envelope.actor", "actor")),
    "an actor and a line": (with_(actor="kadis\n"), ("envelope.actor", "actor")),
    "a list as actor": (with_(actor=["kadis"]), ("envelope.actor", "actor")),
    "a NIK as id": (with_(id="1271994107900001"), ("envelope.id_personal", "id")),
    "a phone number in the id": (with_(id="lapor-081200000001"), ("envelope.id_personal", "id")),
    "an unknown region": (with_(region="99.99"), ("region.unknown", "region")),
    "a number as region": (with_(region=12.71), ("region.format", "region")),
    "no time where it must be": (with_("toy.thing.report"), ("time.required", "time")),
    "a time without a zone": (with_(time="2026-03-02T09:30:00"), ("time.zone_missing", "time")),
    "no time at all": (with_(time="yesterday"), ("time.format", "time")),
    "a number as time": (with_(time=1772443800), ("envelope.time", "time")),
    "a time in 2099": (with_(time="2099-01-01T00:00:00Z"), ("time.in_future", "time")),
    "five minutes and a second ahead": (
        with_(time=(NOW + timedelta(seconds=301)).isoformat()),
        ("time.in_future", "time"),
    ),
    "a missing field": (with_(data={}), ("field.required", "data.thing_id")),
    "a wrong value": (with_(data={"thing_id": "t", "how": "badly"}), ("field.not_allowed", "data.how")),
}


@pytest.mark.parametrize(("sent", "expected"), REFUSED.values(), ids=list(REFUSED))
def test_what_is_a_message_but_not_in_order_is_refused_and_not_kept(
    sent: Delivery, expected: tuple[str, str | None]
) -> None:
    """It has an id, so its refusal is its answer, and the same id with better content is ``id.reused``."""
    assert codes(sent) == [expected]
    reading = read(sent)
    assert (reading.keep, reading.received) == (False, None)
    assert reading.intake_id == ("amqp-1" if expected[0] == "envelope.id_personal" else "m-1")


def test_several_things_wrong_are_said_together() -> None:
    """A clerk should not have to send ten times to hear ten reasons."""
    assert codes(with_("toy.thing.report", source=7, actor=7, region="99")) == [
        ("envelope.source", "source"),
        ("envelope.actor", "actor"),
        ("region.unknown", "region"),
        ("time.required", "time"),
    ]


def test_five_minutes_ahead_is_a_clock_that_is_not_quite_right() -> None:
    """Refused only if more than five minutes ahead, in whatever zone it is written."""
    ahead = (NOW + timedelta(seconds=300)).astimezone(timezone(timedelta(hours=9)))
    assert codes(with_(time=ahead.isoformat())) == []


def test_our_own_services_may_speak_by_their_own_source() -> None:
    """``/binaan/aid`` is what aid's messages say; nobody else may say it."""
    own = {name: replace(with_(source=f"/binaan/{name}"), account=name) for name in SERVICES}
    assert all(codes(sent) == [] for sent in own.values())
    assert codes(replace(own["aid"], account="notify")) == [("envelope.source_mismatch", "source")]


# --- the same message -------------------------------------------------------------------------------------------------


def test_the_same_content_has_one_digest_however_it_is_written() -> None:
    """Key order, white space, nulls and a trace of its own: a resend is the same message."""
    first = read(with_())
    content = envelope("toy.thing.put", {"thing_id": "t", "secret": None}, "m-1", traceparent=TRACE, subject=None)
    for body in (
        json.dumps(content, indent=3),
        json.dumps(dict(reversed(content.items()))),
        json.dumps(content) + "\n",
    ):
        again = read(raw(body.encode()))
        assert (again.identity, again.digest) == (first.identity, first.digest)


@pytest.mark.parametrize("change", [{"data": {"thing_id": "u"}}, {"subject": "s"}, {"time": "2026-03-02T09:30:00Z"}])
def test_other_content_has_another_digest_under_the_same_identity(change: dict[str, Any]) -> None:
    """What tells a repetition from a reused id."""
    first, other = read(with_()), read(with_(**change))
    assert first.identity == other.identity
    assert first.digest != other.digest


def test_identity_is_the_account_and_the_id_and_not_guessable() -> None:
    """It is kept for 90 days, and an id may hold anything: stored is a keyed token of it."""
    first = read(with_())
    elsewhere = read(delivery("toy.thing.put", {"thing_id": "t"}, "m-1", "dinkop-siantar"))
    other_key = Codec(SERVICE, Keyring("k1", {"k1": b"o" * 32})).read(with_(), NOW)
    assert len({first.identity, elsewhere.identity, other_key.identity, read(with_(id="m-2")).identity}) == 4
    assert read(replace(with_(), message_id="another", routing_key="toy.thing.put")).identity == first.identity


def test_a_rerun_makes_the_same_ids_and_another_message_others() -> None:
    """Ids of things come from the message's own identity, never from a dice inside a transaction."""
    first, again, other = read(with_()).received, read(with_()).received, read(with_(id="m-2")).received
    assert first is not None
    assert again is not None
    assert other is not None
    assert first.new_id("thing") == again.new_id("thing")
    assert len({first.new_id("thing"), first.new_id("owner"), first.new_id("thing", "2"), other.new_id("thing")}) == 4


# --- our own events ---------------------------------------------------------------------------------------------------


def test_an_event_of_ours_is_read_with_its_sequence_and_its_chain() -> None:
    """What stems from it names it as its cause and keeps the correlation."""
    fact = changed(Account(account_id="a", balance=7, sequence=12))
    cause = Cause(correlation_id="m-1", causation_id="m-1", traceparent=TRACE, actor="official")
    sent = CODEC.write(fact, cause, NOW)
    received = read(Delivery(EVENTS, sent.key, sent.body, None, sent.id)).received
    assert received is not None
    assert (received.account, received.type, received.subject, received.sequence) == (
        SERVICE,
        "toy.account.changed",
        "a",
        12,
    )
    assert received.data.account.balance == 7
    assert received.cause == Cause(correlation_id="m-1", causation_id=sent.id, traceparent=TRACE, actor="official")


def test_an_event_of_a_type_that_nobody_here_knows_is_left_alone() -> None:
    """A newer service may publish more than this one understands."""
    body = orjson.loads(event("a", 1, 1, "e-1").body) | {"type": "id.binaan.toy.account.painted.v1"}
    reading = read(Delivery(EVENTS, "toy.account.painted.00", orjson.dumps(body)))
    assert (reading.ignored, reading.keep, reading.received) == (True, False, None)


@pytest.mark.parametrize(
    "broken", [b"", b"[]", b"{}", b'{"type": []}', b'{"type": "id.binaan.toy.account.changed.v1"}']
)
def test_a_broken_event_is_kept(broken: bytes) -> None:
    """It is a bug of ours, and nothing that was delivered is lost because of one."""
    reading = read(Delivery(EVENTS, "toy.account.changed.00", broken))
    assert (reading.keep, reading.ignored, reading.received, reading.problems) == (True, False, None, [])
    assert reading.identity


# --- whatever arrives -------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
ATTRIBUTES = (
    *("specversion", "id", "source", "type", "time", "data", "subject", "actor", "region", "traceparent"),
    *("sequence", "correlationid", "causationid"),
)
TYPES = sorted(BY_NAME)
EXCHANGES = st.sampled_from((INTAKE, EVENTS, CONTACTS))
TEXTS = st.none() | st.text(max_size=12)


@given(st.binary(max_size=400), EXCHANGES, TEXTS, TEXTS, TEXTS, st.booleans())
def test_no_bytes_make_reading_raise(
    body: bytes, exchange: str, account: str | None, message_id: str | None, content_type: str | None, binary: bool
) -> None:
    """An exception here would end the consumer, and come again with the same message."""
    for kind in (content_type, CONTENT_TYPE):
        reading = read(Delivery(exchange, "toy.thing.put", body, account, message_id, kind, binary))
        assert reading.received is not None or reading.problems or reading.keep or reading.ignored


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(ATTRIBUTES, JSON)), EXCHANGES, st.sampled_from(TYPES))
def test_no_json_makes_reading_raise(attributes: dict[str, Any], exchange: str, name: str) -> None:
    """Each attribute missing or anything at all, under a type that is known, so that all of it is looked at."""
    key = BY_NAME[name].key
    whole = {"specversion": "1.0", "id": "m-1", "source": f"/agency/{MEDAN}", "type": name, "data": {}, **attributes}
    body = json.dumps(whole).encode()
    service = Codec(BY_NAME[name].service, RING)
    reading = service.read(Delivery(exchange, key, body, MEDAN, None, CONTENT_TYPE), NOW)
    assert reading.received is not None or reading.problems or reading.keep or reading.ignored
    if exchange == INTAKE:
        reply = service.reply(reading, reject(*reading.problems) if reading.problems else Decision(), NOW)
        assert reply is not None
        assert json.loads(reply.body)["type"].startswith(f"id.binaan.{BY_NAME[name].service}.reply.")


@given(JSON)
def test_no_payload_makes_reading_raise(data: Any) -> None:
    """The same for what stands in ``data`` of every intake type."""
    for name in TYPES:
        if BY_NAME[name].kind == "intake":
            whole = {**envelope(BY_NAME[name].key, data, "m-1"), "time": "2026-03-02T09:30:00Z"}
            sent = raw(json.dumps(whole).encode(), BY_NAME[name].key)
            reading = Codec(BY_NAME[name].service, RING).read(sent, NOW)
            assert (reading.received is None) == bool(reading.problems)


# --- writing ----------------------------------------------------------------------------------------------------------


def test_ids_of_our_messages_are_uuid_7_and_in_order() -> None:
    """Ordered by time, so that held messages and pages of the history read by id are in the order of their making."""
    made = [new_message_id() for _ in range(1000)]
    assert made == sorted(made)
    assert len(set(made)) == 1000
    parsed = uuid.UUID(made[0])
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    seconds = (parsed.int >> 80) / 1000
    assert abs(datetime.fromtimestamp(seconds, UTC) - datetime.now(UTC)) < timedelta(minutes=1)


def test_an_event_says_all_that_the_envelope_demands() -> None:
    """Every attribute of the contract, absent ones left out instead of null, times in UTC."""
    fact = changed(Account(account_id="a", balance=7, sequence=3))
    half_past_nine = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    sent = CODEC.write(fact, Cause(correlation_id="m-1", causation_id="c"), half_past_nine)
    assert orjson.loads(sent.body) == {
        "specversion": "1.0",
        "id": sent.id,
        "source": "/binaan/toy",
        "type": "id.binaan.toy.account.changed.v1",
        "time": "2026-03-02T09:30:00Z",
        "subject": "a",
        "sequence": "00000000000000000003",
        "partitionkey": "a",
        "region": "12.71",
        "correlationid": "m-1",
        "causationid": "c",
        "datacontenttype": "application/json",
        "dataschema": "urn:binaan:schema:id.binaan.toy.account.changed.v1",
        "data": {"account": {"account_id": "a", "balance": 7}},
    }
    assert (sent.exchange, sent.key, sent.sequence) == (EVENTS, "toy.account.changed.12.71", 3)


@pytest.mark.parametrize(
    ("region", "cut"),
    [("12.71.01.1001", "12.71"), ("12.71.01", "12.71"), ("12.71", "12.71"), ("64", "64"), ("00", "00")],
)
def test_the_routing_key_is_cut_to_the_regency(region: str, cut: str) -> None:
    """``registry.business.designated.12.71``; the envelope keeps the whole code."""
    fact = changed(Account(account_id="a", balance=7))
    sent = CODEC.write(Fact(fact.type, fact.subject, region, 1, fact.data), NO_CAUSE, NOW)
    assert (sent.key, sent.region) == (f"toy.account.changed.{cut}", cut)
    assert orjson.loads(sent.body)["region"] == region


def test_a_reply_is_read_back_as_it_was_sent() -> None:
    """What the inbox keeps are its bytes: from them comes the same message, to the same account."""
    reading = read(with_())
    sent = CODEC.reply(reading, Decision(result={"thing_id": "t"}, warnings=[problem("field.unknown", "data.x")]), NOW)
    assert sent is not None
    told = orjson.loads(sent.body)
    accepted = Accepted.model_validate(told["data"])
    assert (accepted.intake_id, accepted.intake_type) == ("m-1", "id.binaan.toy.thing.put.v1")
    assert accepted.result == {"thing_id": "t"}
    assert [one.field for one in accepted.warnings] == ["data.x"]
    assert sent.key == f"{MEDAN}.accepted"
    assert CODEC.stored_reply(sent.body, MEDAN) == sent


def test_who_is_not_vouched_for_gets_no_reply() -> None:
    """There is nobody to send it to."""
    assert CODEC.reply(read(replace(with_(), account=None)), reject(), NOW) is None


def test_a_reply_stays_within_what_a_message_may_be() -> None:
    """A sender with ten thousand mistakes is told a hundred of them."""
    reading = read(with_())
    problems = [problem("field.type", f"data.rows.{number}.{'x' * 60}") for number in range(10_000)]
    sent = CODEC.reply(reading, reject(*problems), NOW)
    assert sent is not None
    assert len(orjson.loads(sent.body)["data"]["problems"]) == 100
