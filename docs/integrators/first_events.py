"""Read Binaan's events with nothing but aio-pika.

On a local stack:  eval "$(binaan stack env)" && python docs/integrators/first_events.py
Elsewhere BINAAN_AMQP_URL holds your own account, and the queue is called after it.
"""

import asyncio
import json
import os

import aio_pika

WANTED = {"id.binaan.registry.business.designated.v1", "id.binaan.aid.eligibility.assessed.v1"}


async def main() -> None:
    async with await aio_pika.connect(os.environ["BINAAN_AMQP_URL"]) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=100)
        queue = await channel.get_queue("kemenumkm.events", ensure=False)
        async with queue.iterator() as messages:
            async for message in messages:
                event = json.loads(message.body)
                if event["type"] in WANTED:
                    print(event["type"], event["subject"], event["sequence"], json.dumps(event["data"]), flush=True)
                await message.ack()  # only now: what you have not dealt with comes again


asyncio.run(main())
