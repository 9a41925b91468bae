"""The floor of telling: a subscriber of the body, one POST of a WhatsApp message, a publish for each output, an
acknowledgement. Connections, limits and the HTTP client are those of notify."""

from __future__ import annotations

import asyncio

import httpx

from benchmarks.contestants.faststream_floor import broker, exchange, publish, subscriber
from benchmarks.contestants.running import run
from benchmarks.contestants.settings import load

_MESSAGE = {
    "messaging_product": "whatsapp",
    "recipient_type": "individual",
    "to": "6281100001234",
    "type": "template",
    "template": {
        "name": "programme_eligible_v2",
        "language": {"code": "id"},
        "components": [{"type": "body", "parameters": [{"type": "text", "text": "Contoh Tidak Nyata"}] * 6}],
    },
    "biz_opaque_callback_data": "00000000-0000-5000-8000-000000000000.1",
}


async def main(stop: asyncio.Event) -> None:
    settings = load()
    consuming, publishing = broker(settings), broker(settings)
    outputs = [(exchange(output.exchange), output, output.body()) for output in settings.outputs]
    at_once = asyncio.Semaphore(settings.concurrency)
    limits = httpx.Limits(max_connections=settings.concurrency, max_keepalive_connections=settings.concurrency)

    async with httpx.AsyncClient(limits=limits, trust_env=False, timeout=10) as http:

        async def handle(_: bytes) -> None:
            async with at_once:
                response = await http.post(
                    settings.post_url, json=_MESSAGE, headers={"Authorization": "Bearer a secret of nobody"}
                )
                response.raise_for_status().json()
                for to, output, body in outputs:
                    await publish(publishing, to, output.key, output.type, body)

        subscriber(consuming, settings)(handle)
        await publishing.start()
        await consuming.start()
        await stop.wait()
        await consuming.stop()
        await publishing.stop()


if __name__ == "__main__":
    run(main)
