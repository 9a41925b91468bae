"""What is counted, and how it is asked for.

The guarantee of this file: no label and no value comes from what a stranger wrote. Labels are queues, exchanges,
workers, dependencies and states that we have named ourselves, and types of the catalogue; whatever else there is counts
as ``unknown``, so the number of series has a bound that nobody outside can move.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from aio_pika.abc import AbstractIncomingMessage
from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.contracts.catalogue import TYPES, MessageType
from shared.contracts.envelope import CONTACTS, EVENTS, REPLIES
from shared.kernel.codec import Outgoing
from shared.kernel.dependency import Dependency
from shared.kernel.depths import Depths
from shared.kernel.health import Page
from shared.kernel.topology import Bindings

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""The one that every Prometheus reads."""
RETRIED = "held"
"""Stands for a queue where a message is tried again from among the held ones."""
UNKNOWN = "unknown"
OUTCOMES = ("accepted", "rejected", "answered", "event", "held", "repeated", "ignored", "discarded")
_EXCHANGES = (EVENTS, CONTACTS, REPLIES)
_DELIVERY_LIMIT = 1000
"""The broker's own; a header that says more was not written by it."""
_PEAK_SECONDS = 300.0
_ASK_SECONDS = 2.0
_FRESH_SECONDS = 5.0

_MESSAGES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_SHORT = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1)
_LONG = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each counter, to say when this process began


class Handled(Protocol):
    """A message of which it is known what came of it."""

    @property
    def outcome(self) -> str: ...


class Metrics:
    """One service's counters, in a registry of their own: two services in one process do not meet."""

    def __init__(self, queues: Sequence[str] = (), workers: Iterable[str] = ()) -> None:
        self.registry = made = CollectorRegistry()
        ProcessCollector(registry=made)
        GCCollector(registry=made)
        self._messages = Counter(
            "binaan_messages",
            "Messages by what came of them, counted when committed.",
            ("queue", "outcome"),
            registry=made,
        )
        self._batches = Histogram(
            "binaan_batch_messages", "Messages decided together.", ("queue",), buckets=_MESSAGES, registry=made
        )
        self._redeliveries = Counter(
            "binaan_redeliveries", "Deliveries that the broker says it made before.", ("queue",), registry=made
        )
        self._decide = Histogram(
            "binaan_decide_seconds",
            "Time to decide one message when all it looks at is loaded; reruns count again.",
            ("type",),
            buckets=_SHORT,
            registry=made,
        )
        self._commit = Histogram(
            "binaan_commit_seconds",
            "Time from the last decision of a transaction to its commit.",
            buckets=_LONG,
            registry=made,
        )
        self._transaction = Histogram(
            "binaan_transaction_seconds",
            "A whole committed transaction, loading included.",
            buckets=_LONG,
            registry=made,
        )
        self._conflicts = Counter(
            "binaan_conflicts", "Transactions run again because another one was in the way.", registry=made
        )
        self._published = Counter(
            "binaan_published", "Messages that the broker has confirmed.", ("exchange",), registry=made
        )
        self._publish = Histogram(
            "binaan_publish_seconds", "Publishing one batch, up to its last confirm.", buckets=_LONG, registry=made
        )
        self._failures = Counter(
            "binaan_worker_failures", "Steps of a worker that failed by a bug.", ("worker",), registry=made
        )
        self._doors: Counter | None = None
        self._peaks = {queue: _Peak() for queue in queues}
        self._begin(queues, workers)

    def _begin(self, queues: Sequence[str], workers: Iterable[str]) -> None:
        """All that can happen stands at 0 from the start, or the first time it happens would not be seen as a rise."""
        for queue in (*queues, RETRIED):
            for outcome in OUTCOMES:
                self._messages.labels(queue, outcome)
        for queue in queues:
            self._batches.labels(queue)
            self._redeliveries.labels(queue)
        for exchange in _EXCHANGES:
            self._published.labels(exchange)
        for worker in workers:
            self._failures.labels(worker)

    # --- messages --------------------------------------------------------------------------------------------------

    def arrived(self, queue: str, deliveries: Sequence[AbstractIncomingMessage]) -> None:
        """A batch was taken from a queue."""
        self._batches.labels(queue).observe(len(deliveries))
        again = [_times_delivered(one) for one in deliveries if one.redelivered]
        if again:
            self._redeliveries.labels(queue).inc(len(again))
            self._peaks.setdefault(queue, _Peak()).saw(max(again))

    def handled(self, queue: str, items: Sequence[Handled]) -> None:
        """What came of a batch that is committed."""
        for outcome, number in Tally(item.outcome for item in items).items():
            self._messages.labels(queue, outcome).inc(number)

    def decided(self, kind: MessageType | None, started: float) -> None:
        name = kind.key if kind is not None and kind.key in TYPES else UNKNOWN
        self._decide.labels(name).observe(time.perf_counter() - started)

    def stopwatch(self) -> Stopwatch:
        return Stopwatch(self._commit, self._transaction)

    def conflicted(self) -> None:
        self._conflicts.inc()

    def failed(self, worker: str) -> None:
        self._failures.labels(worker).inc()

    def opened(self, paths: Iterable[str]) -> None:
        """A service has these doors; one without any has nothing to show of them."""
        self._doors = Counter(
            "binaan_door_answers",
            "What was answered to those who came over HTTP with something to tell.",
            ("path", "status"),
            registry=self.registry,
        )
        for path in paths:
            for status in (200, 403, 408, 413, 503):
                self._doors.labels(path, str(status))

    def answered(self, path: str, status: int) -> None:
        """At a door of ours: 403 is what was not signed as it should be, a forgery or a secret that has changed."""
        if self._doors is not None:
            self._doors.labels(path, str(status)).inc()

    # --- publishing ------------------------------------------------------------------------------------------------

    def publishing(self) -> AbstractContextManager[Any]:
        return self._publish.time()

    def published(self, outgoing: Sequence[Outgoing], confirmed: Iterable[str]) -> None:
        """Count what was confirmed of what was sent."""
        known = set(confirmed)
        for exchange, number in Tally(one.exchange for one in outgoing if one.id in known).items():
            self._published.labels(exchange).inc(number)

    def peaks(self) -> dict[str, int]:
        """Queue → how often the most stubborn message of the last minutes has been delivered."""
        return {queue: peak.highest() for queue, peak in self._peaks.items()}


class Stopwatch:
    """Runs with one transaction; what is not committed is not counted."""

    def __init__(self, commit: Histogram, transaction: Histogram) -> None:
        self._commit, self._transaction = commit, transaction
        self._started = self._decided = time.perf_counter()

    def decided(self) -> None:
        self._decided = time.perf_counter()

    def committed(self) -> None:
        now = time.perf_counter()
        self._commit.observe(now - self._decided)
        self._transaction.observe(now - self._started)


class _Peak:
    """The highest number of the last five to ten minutes: an alarm must end when its reason has."""

    def __init__(self) -> None:
        self._before, self._now, self._since = 0, 0, time.monotonic()

    def saw(self, number: int) -> None:
        self._turn()
        self._now = max(self._now, number)

    def highest(self) -> int:
        self._turn()
        return max(self._before, self._now)

    def _turn(self) -> None:
        passed = time.monotonic() - self._since
        if passed > _PEAK_SECONDS:
            self._before = self._now if passed <= 2 * _PEAK_SECONDS else 0
            self._now, self._since = 0, time.monotonic()


def _times_delivered(raw: AbstractIncomingMessage) -> int:
    """How often before, by the broker's headers: RabbitMQ 4 counts with ``x-acquired-count`` also what was given back.

    Only looked at where the broker says that it delivers again, and bounded by the broker's own limit: a publisher may
    write such a header itself.
    """
    counts = [raw.headers.get(name) for name in ("x-delivery-count", "x-acquired-count")]
    return max((min(one, _DELIVERY_LIMIT) for one in counts if isinstance(one, int) and one > 0), default=1)


# --- what is asked at a scrape ----------------------------------------------------------------------------------------


class _Asked(Collector):
    """Gauges that were looked up for this scrape. What could not be found out is absent: an old number would lie."""

    _FAMILIES: Mapping[str, tuple[str, tuple[str, ...]]] = {
        "binaan_outbox_entries": ("What is committed and not yet confirmed by the broker, up to 100,000.", ()),
        "binaan_outbox_oldest_seconds": ("Age of the oldest entry of the outbox; 0 when it is empty.", ()),
        "binaan_held_messages": ("Messages that could not be handled, up to 100,000 a state.", ("state",)),
        "binaan_older_key_documents": ("What depends on an older key, up to 100,000 a collection.", ("collection",)),
        "binaan_delivery_count": ("Deliveries of the most often delivered message of the last minutes.", ("queue",)),
        "binaan_queue_bound": ("1: the queue is there and bound; 0: it is not. Absent where unchecked.", ("queue",)),
        "binaan_dependency_up": ("1: it answers; 0: it is gone.", ("dependency",)),
    }

    def __init__(self) -> None:
        self._values: dict[str, dict[str, float]] = {}

    def put(self, name: str, values: Mapping[str, float] | None) -> None:
        """Label value → number; None for what is not known."""
        self._values[name] = dict(values or {})

    def collect(self) -> Iterator[Metric]:
        for name, (help_, labels) in self._FAMILIES.items():
            family = GaugeMetricFamily(name, help_, labels=labels)
            for label, value in self._values.get(name, {}).items():
                family.add_metric([label] if labels else [], value)
            yield family


class Exposition:
    """``/metrics``. However often it is asked, the database is looked at every five seconds at most; and it answers
    within seconds whatever is gone."""

    def __init__(
        self, metrics: Metrics, depths: Depths, dependencies: tuple[Dependency, Dependency], bindings: Bindings
    ) -> None:
        self._metrics, self._depths, self._bindings = metrics, depths, bindings
        self._database, self._broker = dependencies
        self._asked = _Asked()
        metrics.registry.register(self._asked)
        self._looking: asyncio.Task[None] | None = None
        self._looked_at = float("-inf")

    async def page(self) -> Page:
        """The page that a scraper reads."""
        await self._look()
        self._asked.put("binaan_delivery_count", self._metrics.peaks())
        up = {one.name: float(not one.gone_for) for one in (self._database, self._broker)}
        self._asked.put("binaan_dependency_up", up)
        return 200, CONTENT_TYPE, generate_latest(self._metrics.registry)

    async def _look(self) -> None:
        """One look for all who ask meanwhile. What takes longer than a scrape may wait goes on for the next one."""
        if self._looking is None and time.monotonic() - self._looked_at > _FRESH_SECONDS:
            self._looking = asyncio.create_task(self._look_once(), name="look for metrics")
        if self._looking is not None:
            await asyncio.wait([self._looking], timeout=_ASK_SECONDS + 0.5)

    async def _look_once(self) -> None:
        try:
            await asyncio.gather(self._look_at_database(), self._look_at_queues())
        finally:
            self._looking, self._looked_at = None, time.monotonic()

    async def _look_at_database(self) -> None:
        found = None
        if not self._database.gone_for:
            try:
                async with asyncio.timeout(_ASK_SECONDS):
                    found = await self._depths.look()
            except Exception:  # noqa: BLE001 - that it is gone is said elsewhere; here it is not known how deep it is
                found = None
        self._asked.put("binaan_outbox_entries", None if found is None else {"": found.entries})
        self._asked.put("binaan_outbox_oldest_seconds", None if found is None else {"": found.oldest_seconds})
        self._asked.put("binaan_held_messages", None if found is None else found.held)
        self._asked.put("binaan_older_key_documents", None if found is None else found.outdated)

    async def _look_at_queues(self) -> None:
        try:
            states = await self._bindings.states()
        except Exception:  # noqa: BLE001 - the same
            states = {}
        bound = {queue: float(state == "bound") for queue, state in states.items() if state != "unchecked"}
        self._asked.put("binaan_queue_bound", bound)
