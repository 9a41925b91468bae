"""Traces as a collector receives them: the real exporter talks to a server of the test's own over the loopback."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from deploy.local.world import World
from shared.contracts.envelope import NO_CAUSE
from shared.kernel import tracing
from shared.kernel.tracing import Tracing
from shared.kernel.unit_of_work import Item
from tests.shared.kernel.shop import Shop, answered, new_keys, open_shop, put
from tests.shared.kernel.toy import MEDAN, NOW, Toy, delivery
from tests.support import Json, Party, Reader, until

pytestmark = pytest.mark.servers

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{CALLER}-01"
NIK, PHONE, NAME = "1271994107900001", "081200001234", "Victor Harahap"


@dataclass
class Collector:
    """An OTLP/HTTP collector; ``raw`` is what was sent, byte for byte."""

    address: str
    raw: list[bytes] = field(default_factory=list)

    def spans(self, name: str) -> list[Span]:
        """Those of a name, in the order in which they began."""
        requests = (ExportTraceServiceRequest.FromString(one) for one in self.raw)
        found = [
            span
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
            if span.name == name
        ]
        return sorted(found, key=lambda span: span.start_time_unix_nano)

    async def gets(self, name: str, number: int = 1) -> list[Span]:
        found: list[Span] = await until(
            lambda: self.spans(name) if len(self.spans(name)) >= number else [], 20, f"{number} of {name}"
        )
        return found


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """Running, and asked for by OpenTelemetry's own variables."""
    made = Collector("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            made.raw.append(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
            assert self.path == "/v1/traces"
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made.address)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_keys(tmp_path_factory.mktemp("toy") / "keys.json")


@pytest.fixture
async def shop(world: World, key_file: Path, collector: Collector) -> AsyncIterator[Shop]:
    """A service that reads its own events as well, and traces."""
    async with open_shop(world, key_file, ("intake", "events")) as made:
        yield made


@pytest.fixture
async def medan(world: World) -> AsyncIterator[Party]:
    async with Party(world, MEDAN) as party:
        yield party


@pytest.fixture
async def ministry(world: World) -> AsyncIterator[Reader]:
    async with Reader(world, "kemenumkm", "kemenumkm.events") as reader:
        yield reader


def attributes(span: Span) -> dict[str, Any]:
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


def ids(traceparent: str) -> tuple[str, str]:
    _, trace, span, flags = traceparent.split("-")
    assert flags == "01"
    return trace, span


async def event_about(reader: Reader, subject: str) -> Json:
    (event,) = await reader.about(subject, 1)
    return event


# --- one chain --------------------------------------------------------------------------------------------------------


async def test_a_chain_is_one_trace_from_the_sender_through_the_outbox_to_the_reader(
    shop: Shop, medan: Party, ministry: Reader, collector: Collector
) -> None:
    """Who follows a message across services needs each step to name the one before, also where the outbox lies between
    them, and the sender's own span at the top."""
    await medan.ask("toy.account.open", {"account_id": "one"}, id_="chain-1", traceparent=TRACEPARENT)
    event = await event_about(ministry, "one")
    (decided,) = await collector.gets("toy.account.open process")
    (published,) = await collector.gets("toy.account.changed send")
    (read,) = await collector.gets("toy.account.changed process")
    assert {one.trace_id.hex() for one in (decided, published, read)} == {TRACE}
    assert decided.parent_span_id.hex() == CALLER
    assert ids(event["traceparent"]) == (TRACE, decided.span_id.hex())
    assert published.parent_span_id == read.parent_span_id == decided.span_id
    assert (decided.kind, published.kind, read.kind) == (
        Span.SPAN_KIND_CONSUMER,
        Span.SPAN_KIND_PRODUCER,
        Span.SPAN_KIND_CONSUMER,
    )
    assert decided.start_time_unix_nano <= published.start_time_unix_nano <= read.end_time_unix_nano


async def test_spans_say_by_the_conventions_what_was_done(
    shop: Shop, medan: Party, ministry: Reader, collector: Collector
) -> None:
    """So that any tool that knows messaging shows them as such."""
    await medan.ask("toy.account.open", {"account_id": "said"}, id_="said-1")
    event = await event_about(ministry, "said")
    (decided,) = await collector.gets("toy.account.open process")
    (published,) = await collector.gets("toy.account.changed send")
    (read,) = await collector.gets("toy.account.changed process")
    common = {"messaging.system": "rabbitmq", "messaging.message.conversation_id": "said-1"}
    assert (
        attributes(decided).items()
        >= {
            **common,
            "messaging.operation.type": "process",
            "messaging.destination.name": "binaan.intake:toy.intake",
            "messaging.message.id": "said-1",
            "binaan.type": "toy.account.open",
            "binaan.outcome": "accepted",
        }.items()
    )
    assert (
        attributes(published).items()
        >= {
            **common,
            "messaging.operation.type": "send",
            "messaging.destination.name": "binaan.events:toy.account.changed.12.71",
            "messaging.message.id": event["id"],
            "binaan.subject": "said",
        }.items()
    )
    assert (
        attributes(read).items()
        >= {
            **common,
            "messaging.destination.name": "binaan.events:toy.events",
            "messaging.message.id": event["id"],
            "binaan.subject": "said",
            "binaan.outcome": "event",
        }.items()
    )


async def test_where_nobody_has_begun_a_trace_one_begins_and_is_carried_on(
    shop: Shop, medan: Party, ministry: Reader, collector: Collector
) -> None:
    """Most offices' systems know nothing of traces; their messages are followed all the same, each in its own. What is
    no trace counts as none."""
    await medan.ask("toy.account.open", {"account_id": "two"}, id_="none-1")
    await medan.ask("toy.account.open", {"account_id": "three"}, id_="none-2", traceparent="00-not-a-trace")
    events = [await event_about(ministry, subject) for subject in ("two", "three")]
    decided = await collector.gets("toy.account.open process", 2)
    assert [one.parent_span_id for one in decided] == [b"", b""]
    assert len({one.trace_id for one in decided}) == 2
    for event, span in zip(events, decided, strict=True):
        assert ids(event["traceparent"]) == (span.trace_id.hex(), span.span_id.hex())


async def test_a_message_that_comes_again_has_the_same_answer_and_is_found_in_the_same_trace(
    shop: Shop, medan: Party, collector: Collector
) -> None:
    """Each span is new, but an answer is repeated byte for byte; who asks why a message came twice sees both times."""
    for count in (1, 2):
        await medan.send("toy.account.open", {"account_id": "again"}, id_="again-1")
        await medan.reply_to("again-1", count=count)
    assert len(set(medan.replies["again-1"])) == 1
    assert "traceparent" not in json.loads(medan.replies["again-1"][0])
    first, second = await collector.gets("toy.account.open process", 2)
    assert first.trace_id == second.trace_id
    assert first.span_id != second.span_id
    assert [attributes(one)["binaan.outcome"] for one in (first, second)] == ["accepted", "repeated"]


async def test_a_message_that_is_held_is_followed_until_it_is_done(
    shop: Shop, medan: Party, collector: Collector
) -> None:
    """A failure shows as one, and what comes of it later is in the same trace, though no sender has begun it."""
    shop.behaviour.broken.add("bad")
    id_ = await put(medan, 1, thing_id="bad")
    await collector.gets("toy.thing.put process")
    shop.behaviour.broken.clear()
    await answered(medan, [id_])
    found = await until(lambda: done(collector), what="the span of the try that succeeded")
    assert len({one.trace_id for one in found}) == 1
    assert [attributes(one)["binaan.outcome"] for one in (found[0], found[-1])] == ["held", "accepted"]
    assert (found[0].status.code, found[-1].status.code) == (Status.STATUS_CODE_ERROR, Status.STATUS_CODE_UNSET)
    assert attributes(found[-1])["messaging.destination.name"] == "binaan.intake:held"


def done(collector: Collector) -> list[Span]:
    found = collector.spans("toy.thing.put process")
    return found if any(attributes(one)["binaan.outcome"] == "accepted" for one in found) else []


async def test_nothing_personal_and_nothing_a_stranger_chose_is_sent_to_the_collector(
    shop: Shop, medan: Party, collector: Collector
) -> None:
    """Traces go to a system of others. An id that passed the door may be said, as in logs; one that was refused for
    the number in it may not, nor may a routing key, a subject or the name of a type that a stranger wrote."""
    shop.behaviour.broken.add(NAME)
    held = {"thing_id": NAME, "value": NIK, "secret": PHONE}
    await medan.send("toy.thing.put", held, id_="held-1", subject=NAME)
    await medan.send("toy.thing.put", {"thing_id": 1, NIK: PHONE}, id_="refused-1")
    refused = {"message_id": "refused-2"}
    await medan.publish("toy.thing.put", medan.body("toy.thing.put", held, f"berkas-{NIK}"), **refused)
    key = f"toy.{NIK}.{PHONE}"
    await medan.publish(key, medan.body(key, held, "refused-3"), message_id="refused-3")
    await answered(medan, ["refused-1", "refused-2", "refused-3"])
    await collector.gets("toy.thing.put process", 3)
    await collector.gets("unknown process")
    sent = b"".join(collector.raw)
    assert b"held-1" in sent
    for secret in (NIK, PHONE, PHONE.lstrip("0"), NAME, "Victor"):
        assert secret.encode() not in sent


# --- whether there are traces -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "TRUE"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_opentelemetrys_own_variables_say_whether_there_are_traces(environment: dict[str, str], expected: bool) -> None:
    """Who runs other programmes with traces knows them already."""
    assert tracing.wanted(environment) == expected


async def test_without_an_address_what_a_message_brings_is_carried_on_as_it_is(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No span is made, and none is claimed to exist."""
    for name in tracing._ADDRESSES:
        monkeypatch.delenv(name, raising=False)
    made = Tracing.from_environment("toy", "toy@test")
    assert made._spans is None
    for given in (TRACEPARENT, None):
        more = {"traceparent": given} if given else {}
        item = Item(toy.codec.read(delivery("toy.thing.put", {"thing_id": "t"}, "m", **more), NOW))
        before = item.reading.received
        with made.processing("toy.intake", [item]):
            assert item.reading.received is before
        assert before is not None
        assert before.cause != NO_CAUSE
        assert before.cause.traceparent == given


async def test_a_collector_that_hangs_stops_neither_the_work_nor_the_end(
    world: World, key_file: Path, monkeypatch: pytest.MonkeyPatch, medan: Party
) -> None:
    """Watching is never a reason to do less. One that takes the connection and says nothing is worse than one that is
    gone."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr(tracing, "_GOODBYE_SECONDS", 1)
        async with open_shop(world, key_file) as shop:
            await answered(medan, [await put(medan, number) for number in range(20)])
            async with asyncio.timeout(8):
                await shop.service.stop()


async def test_a_trace_that_the_sender_does_not_sample_is_not_sent_but_carried_on(
    shop: Shop, medan: Party, ministry: Reader, collector: Collector
) -> None:
    """The sender decides what a trace may cost; the chain stays whole."""
    about = {"account_id": f"unsampled-{uuid.uuid4()}"}
    await medan.ask("toy.account.open", about, traceparent=f"00-{TRACE}-{CALLER}-00")
    event = await event_about(ministry, about["account_id"])
    assert event["traceparent"].startswith(f"00-{TRACE}-")
    assert event["traceparent"].endswith("-00")
    await medan.ask("toy.account.open", {"account_id": "sampled"}, id_="sampled")
    (sampled,) = await collector.gets("toy.account.open process")
    assert attributes(sampled)["messaging.message.id"] == "sampled"
