"""The stand-in for a WhatsApp provider: takes every message at once, answers as Meta documents, and counts them."""

from __future__ import annotations

import json
import os
from typing import Any

import uvicorn

_JSON, _TEXT = [(b"content-type", b"application/json")], [(b"content-type", b"text/plain")]


class Vendor:
    """An ASGI application. ``GET /taken`` says how many it was given."""

    def __init__(self) -> None:
        self._taken = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "GET":
            headers, body = _TEXT, b"%d" % self._taken
        else:
            await _read(receive)
            self._taken += 1
            told = {"messaging_product": "whatsapp", "messages": [{"id": f"wamid.{self._taken:032d}"}]}
            headers, body = _JSON, json.dumps(told).encode()
        length = (b"content-length", b"%d" % len(body))
        await send({"type": "http.response.start", "status": 200, "headers": [*headers, length]})
        await send({"type": "http.response.body", "body": body})


async def _read(receive: Any) -> None:
    while (await receive()).get("more_body"):
        pass


if __name__ == "__main__":
    uvicorn.run(
        Vendor(),
        host="127.0.0.1",
        port=int(os.environ["BENCHMARK_VENDOR_PORT"]),
        lifespan="off",
        log_config=None,
        access_log=False,
        interface="asgi3",
    )
