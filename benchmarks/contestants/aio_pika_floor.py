"""Floor (a): bare aio-pika takes a message, publishes what a hop publishes, awaits the confirms, acknowledges.

Written as fast as aio-pika allows: windows of publishes awaited together, frames not drained one by one, and one
acknowledgement for all that a window has answered.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import cast

import aio_pika
import uuid_utils
from aio_pika.abc import AbstractIncomingMessage
from aiormq import Channel
from pamqp.commands import Basic

from benchmarks.contestants.running import run
from benchmarks.contestants.settings import Output, load
from shared.contracts.envelope import CONTENT_TYPE


async def main(stop: asyncio.Event) -> None:
    settings = load()
    outputs = [(output, output.body()) for output in settings.outputs]
    inputs_at_once = max(1, settings.window // len(outputs))
    arrived: deque[AbstractIncomingMessage] = deque()
    waiting = asyncio.Event()

    async def take(message: AbstractIncomingMessage) -> None:
        arrived.append(message)
        waiting.set()

    async def relay(channel: Channel) -> None:
        while True:
            await waiting.wait()
            taken = [arrived.popleft() for _ in range(min(inputs_at_once, len(arrived)))]
            if not arrived:
                waiting.clear()
            await asyncio.gather(*(publish(channel, *output) for _ in taken for output in outputs))
            await taken[-1].ack(multiple=True)

    publishing = await aio_pika.connect(settings.amqp_url)
    consuming = await aio_pika.connect(settings.amqp_url)
    async with publishing, consuming:
        publisher = cast(Channel, await (await publishing.channel(publisher_confirms=True)).get_underlay_channel())
        channel = await consuming.channel(publisher_confirms=False)
        await channel.set_qos(settings.prefetch)
        relaying = asyncio.create_task(relay(publisher))
        await (await channel.get_queue(settings.queue, ensure=False)).consume(take)
        await until(stop, relaying)


async def publish(channel: Channel, output: Output, body: bytes) -> None:
    properties = Basic.Properties(
        content_type=CONTENT_TYPE, delivery_mode=2, message_id=str(uuid_utils.uuid7()), message_type=output.type
    )
    await channel.basic_publish(
        body, exchange=output.exchange, routing_key=output.key, properties=properties, wait=False
    )


async def until(stop: asyncio.Event, *parts: asyncio.Task[None]) -> None:
    """Until told to stop, or until a part fails."""
    stopping = asyncio.create_task(stop.wait())
    done: Iterable[asyncio.Task[object]]
    done, _ = await asyncio.wait([stopping, *parts], return_when=asyncio.FIRST_COMPLETED)
    for task in parts:
        if task in done:
            task.result()
        task.cancel()


if __name__ == "__main__":
    run(main)
