"""How a service is, over HTTP: ``/healthz`` (is the process alive) and ``/readyz`` (can it work, and if not, why).

What else there is to read of a service adds a page of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson

from shared.kernel.dependency import Dependency
from shared.kernel.topology import Bindings

Page = tuple[int, str, bytes]
"""Status, content type and body."""


class Health:
    """A small ASGI application; ``working`` is set by the service between start and stop, ``pages`` may be added to."""

    def __init__(self, dependencies: Sequence[Dependency], bindings: Bindings) -> None:
        self._dependencies, self._bindings = dependencies, bindings
        self.working = False
        self.pages: dict[str, Callable[[], Awaitable[Page]]] = {"/healthz": self._alive, "/readyz": self._ready}

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        status, content_type, body = await self.pages.get(scope["path"], _nothing)()
        headers = [(b"content-type", content_type.encode()), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _alive(self) -> Page:
        return json_page(200, {"alive": True})

    async def _ready(self) -> Page:
        state = await self.state()
        return json_page(200 if state["ready"] else 503, state)

    async def state(self) -> dict[str, Any]:
        """What is there and what is not, in words for an operator."""
        gone = {one.name: "ok" if not one.gone_for else f"gone for {one.gone_for:.0f} s" for one in self._dependencies}
        queues = await self._bindings.states()
        ready = (
            self.working
            and all(one == "ok" for one in gone.values())
            and all(state in {"bound", "unchecked"} for state in queues.values())
        )
        return {"ready": ready, "working": self.working, **gone, "queues": queues}


async def _nothing() -> Page:
    return json_page(404, {"error": "not found"})


def json_page(status: int, body: Any) -> Page:
    return status, "application/json", orjson.dumps(body)
