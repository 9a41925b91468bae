"""How a service is, over HTTP: ``/healthz`` (is the process alive) and ``/readyz`` (can it work, and if not, why)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from shared.kernel.dependency import Dependency
from shared.kernel.topology import Bindings


class Health:
    """A small ASGI application; ``working`` is set by the service between start and stop."""

    def __init__(self, dependencies: Sequence[Dependency], bindings: Bindings) -> None:
        self._dependencies, self._bindings = dependencies, bindings
        self.working = False

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        status, body = await self._answer(scope["path"])
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": orjson.dumps(body)})

    async def _answer(self, path: str) -> tuple[int, dict[str, Any]]:
        if path == "/healthz":
            return 200, {"alive": True}
        if path == "/readyz":
            state = await self.state()
            return 200 if state["ready"] else 503, state
        return 404, {"error": "not found"}

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
