"""What others may tell a service over HTTP: only what they cannot be asked to say over AMQP, such as receipts.

The guarantee of this file: what comes in by a door is decided and committed by the same unit of work as a message,
and is answered only afterwards; a body is read up to its bound and no further, so many at a time, and none of somebody
who does not even claim to have signed it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from shared.kernel.log import describe
from shared.kernel.mongo import is_gone
from shared.kernel.routes import Run
from shared.kernel.unit_of_work import GoneError

MAX_BYTES = 3 * 1024 * 1024
"""What is larger is refused unread. Meta, the largest of those who come here, sends up to 3 MB."""
READ_SECONDS = 10.0
BODIES_AT_ONCE = 32
"""Held in memory and worked on at a time; whoever comes meanwhile waits, or is told to come again."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Request:
    """What came: ``query`` and ``body`` are the raw bytes, which signatures are made over; header names are in lower
    case. It may hold personal data and is never logged."""

    method: str
    path: str
    query: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def __repr__(self) -> str:
        return f"Request(method={self.method!r}, path={self.path!r})"


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Door:
    """``answer`` answers a request. What it changes, it changes with ``run``, and what that raises it lets pass.

    ``signature`` is the header (in lower case) without which nothing is read of what is posted; ``max_bytes`` is how
    large that may be.
    """

    answer: Callable[[Request, Run], Awaitable[Response]]
    signature: str | None = None
    max_bytes: int = MAX_BYTES


class _TooLargeError(Exception):
    pass


class Doors:
    """A small ASGI application in front of a service's doors, each at a path of its own."""

    def __init__(
        self,
        doors: Mapping[str, Door],
        run: Run,
        is_open: Callable[[], bool],
        count: Callable[[str, int], None] = lambda _path, _status: None,
    ) -> None:
        self._doors, self._run, self._is_open, self._count = doors, run, is_open, count
        self._places = asyncio.Semaphore(BODIES_AT_ONCE)

    def serves(self, path: str) -> bool:
        return path in self._doors

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        response = await self._answer(scope, receive)
        self._count(scope["path"], response.status)
        kind = (b"content-type", response.content_type.encode())
        headers = [kind, (b"content-length", b"%d" % len(response.body)), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})

    async def _answer(self, scope: Any, receive: Any) -> Response:
        if not self._is_open():
            return Response(503, b"Try again later.\n")
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        door = self._doors[scope["path"]]
        if scope["method"] == "POST" and door.signature is not None and not headers.get(door.signature):
            return Response(403, b"The signature is missing or wrong.\n")
        try:
            await asyncio.wait_for(self._places.acquire(), READ_SECONDS)
        except TimeoutError:
            return Response(503, b"Try again later.\n")
        try:
            return await self._read_and_answer(door, scope, headers, receive)
        finally:
            self._places.release()

    async def _read_and_answer(self, door: Door, scope: Any, headers: Mapping[str, str], receive: Any) -> Response:
        try:
            async with asyncio.timeout(READ_SECONDS):
                body = await _body(headers, receive, door.max_bytes) if scope["method"] == "POST" else b""
        except _TooLargeError:
            return Response(413, b"Too large.\n")
        except TimeoutError:
            return Response(408, b"Too slow.\n")
        request = Request(scope["method"], scope["path"], scope.get("query_string", b""), headers, body)
        try:
            return await door.answer(request, self._run)
        except Exception as error:  # noqa: BLE001 - whoever came may come again; nothing is committed
            if not (isinstance(error, GoneError) or is_gone(error)):
                log.error("a door failed", path=request.path, **describe(error))
                return Response(500, b"Try again later.\n")
            return Response(503, b"Try again later.\n")


async def _body(headers: Mapping[str, str], receive: Any, max_bytes: int) -> bytes:
    said = headers.get("content-length", "0")
    if said.isdigit() and (len(said) > 12 or int(said) > max_bytes):
        raise _TooLargeError
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise TimeoutError
        part = message.get("body", b"")
        size, more = size + len(part), message.get("more_body", False)
        if size > max_bytes:
            raise _TooLargeError
        parts.append(part)
    return b"".join(parts)
