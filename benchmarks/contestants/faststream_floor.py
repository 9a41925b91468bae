"""Floor (b): the same with FastStream and nothing else: a subscriber of the body, a publish for each output, an
acknowledgement when the handler returns. As many messages are published side by side as the window allows."""

from __future__ import annotations

import asyncio
from typing import Any

import uuid_utils
from faststream import AckPolicy
from faststream.rabbit import Channel, ExchangeType, QueueType, RabbitBroker, RabbitExchange, RabbitQueue
from faststream.rabbit.message import RabbitMessage

from benchmarks.contestants.running import run
from benchmarks.contestants.settings import Settings, load
from shared.contracts.envelope import CONTENT_TYPE


async def main(stop: asyncio.Event) -> None:
    settings = load()
    consuming, publishing = broker(settings), broker(settings)
    subscriber(consuming, settings)(relay(settings, publishing))
    await publishing.start()
    await consuming.start()
    await stop.wait()
    await consuming.stop()
    await publishing.stop()


def broker(settings: Settings) -> RabbitBroker:
    """Without what costs and is not needed: log lines, injection of dependencies."""
    return RabbitBroker(settings.amqp_url, logger=None, apply_types=False)


def subscriber(consuming: RabbitBroker, settings: Settings) -> Any:
    return consuming.subscriber(
        RabbitQueue(settings.queue, queue_type=QueueType.QUORUM, declare=False),
        channel=Channel(prefetch_count=settings.prefetch, publisher_confirms=False),
        ack_policy=AckPolicy.NACK_ON_ERROR,
        decoder=_body,
        no_reply=True,
    )


def exchange(name: str) -> RabbitExchange:
    return RabbitExchange(name, type=ExchangeType.TOPIC, declare=False)


def relay(settings: Settings, publishing: RabbitBroker) -> Any:
    """One output after the other: measured faster than all at once, which only makes more tasks."""
    outputs = [(exchange(output.exchange), output, output.body()) for output in settings.outputs]
    window = asyncio.Semaphore(settings.window)

    async def handle(_: bytes) -> None:
        async with window:
            for to, output, body in outputs:
                await publish(publishing, to, output.key, output.type, body)

    return handle


async def publish(publishing: RabbitBroker, to: RabbitExchange, key: str, type_: str, body: bytes) -> None:
    """Persistent; returns when the broker has confirmed."""
    await publishing.publish(
        body,
        exchange=to,
        routing_key=key,
        persist=True,
        mandatory=False,
        content_type=CONTENT_TYPE,
        message_id=str(uuid_utils.uuid7()),
        message_type=type_,
    )


async def _body(message: RabbitMessage) -> Any:
    return message.body


if __name__ == "__main__":
    run(main)
