"""Read Binaan's events with nothing but aio-pika.

`binaan integrator add` prints BINAAN_ACCOUNT and BINAAN_AMQP_URL, and this program. On a local stack, as its ministry:
eval "$(binaan stack env)" && python docs/integrators/first_events.py
"""

import asyncio
import json
import os

import aio_pika

ACCOUNT = os.environ.get("BINAAN_ACCOUNT", "kemenumkm")


async def main() -> None:
    async with await aio_pika.connect(os.environ["BINAAN_AMQP_URL"]) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=100)
        queue = await channel.get_queue(f"{ACCOUNT}.events", ensure=False)
        async with queue.iterator() as messages:
            async for message in messages:
                event = json.loads(message.body)
                print(event["type"], event["subject"], event["sequence"], json.dumps(event["data"]), flush=True)
                await message.ack()  # only now: what you have not dealt with comes again


asyncio.run(main())
