"""Counting and tracing at the two places where something happens: a batch is handled, a batch is published.

The guarantee of this file: watching changes nothing but the trace that a message carries on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from aio_pika.abc import AbstractIncomingMessage

from shared.kernel.codec import Outgoing
from shared.kernel.metrics import Metrics
from shared.kernel.outbox import Publisher, PublishInterruptedError
from shared.kernel.tracing import Tracing
from shared.kernel.unit_of_work import Item


class Watch:
    """What a service tells of itself while it works."""

    def __init__(self, metrics: Metrics, tracing: Tracing) -> None:
        self.metrics, self.tracing = metrics, tracing

    def arrived(self, queue: str, deliveries: Sequence[AbstractIncomingMessage]) -> None:
        self.metrics.arrived(queue, deliveries)

    @contextmanager
    def handling(self, queue: str, items: Sequence[Item]) -> Iterator[None]:
        """While a batch is decided and committed. What did not get that far is not counted."""
        with self.tracing.processing(queue, items):
            yield
        self.metrics.handled(queue, items)

    async def close(self) -> None:
        await self.tracing.close()


class WatchedPublisher(Publisher):
    """A publisher whose confirms are counted and timed."""

    def __init__(self, amqp_url: str, name: str, watch: Watch) -> None:
        super().__init__(amqp_url, name)
        self._watch = watch

    async def publish(self, outgoing: Sequence[Outgoing]) -> list[str]:
        with self._watch.metrics.publishing(), self._watch.tracing.publishing(outgoing) as confirmed:
            try:
                confirmed.extend(await super().publish(outgoing))
            except PublishInterruptedError as error:
                confirmed.extend(error.confirmed)
                raise
            finally:
                self._watch.metrics.published(outgoing, confirmed)
        return confirmed
