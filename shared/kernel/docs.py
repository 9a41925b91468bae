"""What a service sends and receives, over HTTP: ``/docs`` to read, ``/docs/asyncapi.json`` for programs.

The guarantee of this file: nothing can be published from here, and a reader's browser asks nobody else for anything.
Only GET and HEAD are answered; the page has no script and no form, and its policy forbids both.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import orjson

from shared.contracts.asyncapi import of_service
from shared.contracts.page import page

PAGE = "/docs"
DOCUMENT = "/docs/asyncapi.json"
_POLICY = b"default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'"
_HEADERS = [
    (b"cache-control", b"no-cache"),
    (b"content-security-policy", _POLICY),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]


class Docs:
    """A small ASGI application. What it serves is made when somebody first asks: most processes are never asked."""

    def __init__(self, service: str) -> None:
        self._service = service

    @staticmethod
    def serves(path: str) -> bool:
        return path in {PAGE, DOCUMENT}

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            await _answer(send, 405, b"text/plain", b"Only GET and HEAD.\n", [(b"allow", b"GET, HEAD")])
            return
        kind, body = self._bodies[scope["path"]]
        await _answer(send, 200, kind, body, [], empty=scope["method"] == "HEAD")

    @cached_property
    def _bodies(self) -> Mapping[str, tuple[bytes, bytes]]:
        document = of_service(self._service)
        return {
            # The address of the document is relative, so that it holds behind a proxy too.
            PAGE: (b"text/html; charset=utf-8", page(document, DOCUMENT.removeprefix("/")).encode()),
            DOCUMENT: (b"application/vnd.aai.asyncapi+json;version=3.0.0", orjson.dumps(document)),
        }


async def _answer(
    send: Any, status: int, kind: bytes, body: bytes, headers: list[tuple[bytes, bytes]], *, empty: bool = False
) -> None:
    described = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": [*described, *_HEADERS, *headers]})
    await send({"type": "http.response.body", "body": b"" if empty else body})
