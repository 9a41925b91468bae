"""Where a message has been: W3C traces from intake to the last event it causes, through the outbox.

The guarantee of this file: a trace says what happened to which message, and of people and of what they wrote nothing.
Without an address to send traces to, nothing is made, and the ``traceparent`` that a message brings is carried on as it
is. With one, what a message causes carries the span that caused it, and that span's parent is what the message brought.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import structlog

from shared.contracts.envelope import CONTACTS, EVENTS
from shared.kernel.codec import Outgoing, Reading

if TYPE_CHECKING:  # loaded only by who traces: it costs a fifth of a second and some megabytes
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

    from shared.kernel.unit_of_work import Item

_ADDRESSES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_GOODBYE_SECONDS = 5

log = structlog.get_logger()


def wanted(environment: Mapping[str, str]) -> bool:
    """Whether OpenTelemetry's own variables ask for traces."""
    disabled = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    exporter = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    addressed = any(environment.get(name, "").strip() for name in _ADDRESSES)
    return addressed and not disabled and exporter in {"", "otlp"}


class Tracing:
    """Makes the spans of one service, or none."""

    def __init__(self, spans: Spans | None = None) -> None:
        self._spans = spans

    @classmethod
    def from_environment(cls, service: str, instance: str) -> Tracing:
        return cls(Spans(service, instance) if wanted(os.environ) else None)

    @contextmanager
    def processing(self, queue: str, items: Sequence[Item]) -> Iterator[None]:
        """A span for each message of a batch: from when it is read until it is committed. From here on what it causes
        carries this span, also when the transaction is run again or its cause is kept for later."""
        if self._spans is None:
            yield
            return
        begun = [self._spans.begin(queue, item) for item in items]
        done = False
        try:
            yield
            done = True
        finally:
            for span, item in zip(begun, items, strict=True):
                self._spans.end(span, item.outcome if done else "interrupted")

    @contextmanager
    def publishing(self, outgoing: Sequence[Outgoing]) -> Iterator[list[str]]:
        """A span for each event that is confirmed while the context lasts, and put into the list that is given."""
        confirmed: list[str] = []
        started = time.time_ns()
        try:
            yield confirmed
        finally:
            if self._spans is not None:
                known = set(confirmed)
                for one in outgoing:
                    if one.id in known and one.exchange in {EVENTS, CONTACTS}:
                        self._spans.published(one, started)

    async def close(self) -> None:
        """Send what is left, for a few seconds at most: no thread of the loop's, which would be waited for."""
        if self._spans is None:
            return
        closing = threading.Thread(target=self._spans.close, daemon=True)
        closing.start()
        until = time.monotonic() + _GOODBYE_SECONDS
        while closing.is_alive() and time.monotonic() < until:  # noqa: ASYNC110 - a thread sets no event of the loop
            await asyncio.sleep(0.02)
        if closing.is_alive():
            log.info("some traces were not sent")


class Spans:
    """Real spans, sent in the background by the exporter that OpenTelemetry's variables describe."""

    def __init__(self, service: str, instance: str) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        self._ids = _ids()
        about = {SERVICE_NAME: service, "service.namespace": "binaan", "service.instance.id": instance}
        # Not the process's global one: two services in one process do not meet, and nobody waits for it at the exit.
        self._provider: TracerProvider = TracerProvider(
            resource=Resource.create(about), id_generator=self._ids, shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("binaan")

    def begin(self, queue: str, item: Item) -> Span:
        from opentelemetry.trace import SpanKind  # noqa: PLC0415

        reading = item.reading
        name = reading.type.key if reading.type is not None else "unknown"
        given = reading.received.cause.traceparent if reading.received is not None else None
        # A chain that nobody has begun begins here. Its id is made from the message's identity, so that a message that
        # comes again, or is tried again after it was held, is found in one trace.
        with self._ids.beginning(int.from_bytes(reading.identity[:16], "big")):
            span = self._tracer.start_span(
                f"{name} process", _parent(given), SpanKind.CONSUMER, _about(queue, reading, name)
            )
        _carry_on(reading, _traceparent(span))
        return span

    def end(self, span: Span, outcome: str) -> None:
        from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415

        span.set_attribute("binaan.outcome", outcome)
        if outcome in {"held", "interrupted"}:
            span.set_status(Status(StatusCode.ERROR, outcome))
        span.end()

    def published(self, one: Outgoing, started: int) -> None:
        from opentelemetry.trace import SpanKind  # noqa: PLC0415

        carried = orjson.loads(one.body).get("traceparent")
        if carried is None:
            return  # a clock has begun this chain, and nobody follows it
        about = _messaging("send", f"{one.exchange}:{one.key}", one.id, one.correlation_id)
        name = f"{one.type.removeprefix('id.binaan.').rsplit('.', 1)[0]} send"
        span = self._tracer.start_span(
            name, _parent(carried), SpanKind.PRODUCER, about | {"binaan.subject": one.subject}, start_time=started
        )
        span.end()

    def close(self) -> None:
        self._provider.shutdown()


def _ids() -> Any:
    """Random ids, but for a trace that begins with a message."""
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator  # noqa: PLC0415

    class Ids(RandomIdGenerator):
        _next = 0

        @contextmanager
        def beginning(self, trace_id: int) -> Iterator[None]:
            self._next = trace_id
            try:
                yield
            finally:
                self._next = 0

        def generate_trace_id(self) -> int:
            return self._next or super().generate_trace_id()

    return Ids()


def _parent(traceparent: str | None) -> Context:
    """What a message has brought; nothing where that is no trace."""
    from opentelemetry.context import Context  # noqa: PLC0415
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    carrier = {"traceparent": traceparent} if isinstance(traceparent, str) else {}
    return TraceContextTextMapPropagator().extract(carrier, Context())


def _traceparent(span: Span) -> str:
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 1:02x}"


def _carry_on(reading: Reading, traceparent: str) -> None:
    if reading.received is not None:
        cause = reading.received.cause.model_copy(update={"traceparent": traceparent})
        reading.received = replace(reading.received, cause=cause)


def _about(queue: str, reading: Reading, type_: str) -> dict[str, str | int]:
    """Of a message that was refused as a whole, not even the id: it may hold a number that must not be repeated. The
    routing key is left out, and the subject on intake: a stranger wrote them."""
    received = reading.received
    about = _messaging(
        "process",
        f"{reading.delivery.exchange}:{queue}",
        received.id if received is not None else None,
        received.cause.correlation_id if received is not None else None,
    )
    about |= {"binaan.type": type_, "messaging.message.body.size": len(reading.delivery.body)}
    if received is not None and received.subject is not None and not reading.is_intake:
        about["binaan.subject"] = received.subject
    return about


def _messaging(operation: str, destination: str, id_: str | None, correlation_id: str | None) -> dict[str, str | int]:
    """By OpenTelemetry's conventions for messaging."""
    about: dict[str, str | int] = {
        "messaging.system": "rabbitmq",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": destination,
    }
    if id_ is not None:
        about["messaging.message.id"] = id_
    if correlation_id:
        about["messaging.message.conversation_id"] = correlation_id
    return about
