"""What must exist at the broker for us to hear anything.

The guarantee of this file: a queue that has lost its bindings is noticed. A confirmed publish does not prove that our
own queue got it, since the history is bound to everything.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from urllib.parse import quote, unquote, urlsplit

import httpx

_FRESH_SECONDS = 15


class Bindings:
    """Asks RabbitMQ's management API, at most every quarter of a minute, whether each queue is there and bound."""

    def __init__(self, management_url: str | None, amqp_url: str, queues: Sequence[str]) -> None:
        self._queues, self._url = queues, management_url
        parts = urlsplit(amqp_url)
        self._virtual_host = quote(unquote(parts.path[1:]) or "/", safe="")
        self._login = (unquote(parts.username or ""), unquote(parts.password or ""))
        self._authorities = httpx.create_ssl_context(trust_env=False)  # reading them holds the event loop up for 20 ms
        self._looked_at, self._found = 0.0, dict.fromkeys(queues, "unchecked")

    async def states(self) -> dict[str, str]:
        """Queue → ``bound``, ``unbound``, ``missing``, or ``unchecked`` where the management API cannot be asked."""
        if self._url is not None and time.monotonic() - self._looked_at > _FRESH_SECONDS:
            self._looked_at = time.monotonic()
            async with httpx.AsyncClient(
                base_url=self._url, auth=self._login, timeout=3, trust_env=False, verify=self._authorities
            ) as client:
                self._found = {queue: await self._state(client, queue) for queue in self._queues}
        return self._found

    async def _state(self, client: httpx.AsyncClient, queue: str) -> str:
        try:
            response = await client.get(f"/api/queues/{self._virtual_host}/{quote(queue, safe='')}/bindings")
        except httpx.HTTPError:
            return "unchecked"
        if response.status_code == httpx.codes.NOT_FOUND:
            return "missing"
        if response.status_code != httpx.codes.OK:
            return "unchecked"
        # Every queue is bound to the default exchange (source ""); that one brings us nothing.
        return "bound" if any(binding["source"] for binding in response.json()) else "unbound"
