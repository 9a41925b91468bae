"""One message as the administrator or an agency, or a question page after page, for commands that show the answer."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from typing import Any

from services.cli.client import Intake, Reply, opened
from services.cli.connection import find
from services.cli.exits import CliError, Exit


def tell(account: str, key: str, data: Mapping[str, Any], patience: float, actor: str | None = None) -> Reply:
    """Send one message, by an official if one is named, and give back its reply. Raises ``CliError``: 1 refused, 3
    unreachable, 4 no reply."""

    async def ask() -> Reply:
        async with opened(find(account), patience) as door:
            return await door.ask(_intake(key, data, actor))

    return _accepted(asyncio.run(ask()))


def collect(account: str, key: str, data: Mapping[str, Any], patience: float) -> list[dict[str, Any]]:
    """All that is answered to a question by a list, whatever the number of its pages. Errors as ``tell``."""
    return [one for page in pages(account, key, data, patience) for one in page]


def pages(account: str, key: str, data: Mapping[str, Any], patience: float) -> list[Any]:
    """The answer to a question, page by page. Errors as ``tell``."""

    async def ask() -> list[Any]:
        found: list[Any] = []
        page: Mapping[str, Any] | None = data
        async with opened(find(account), patience) as door:
            while page is not None:
                reply = _accepted(await door.ask(_intake(key, page)))
                found.append(reply.data["answer"])
                page = {**data, "after": reply.data["next"]} if reply.data.get("next") else None
        return found

    return asyncio.run(ask())


def _intake(key: str, data: Mapping[str, Any], actor: str | None = None) -> Intake:
    return Intake(str(uuid.uuid4()), key, data, actor=actor)


def _accepted(reply: Reply) -> Reply:
    if reply.rejected:
        raise CliError(Exit.REFUSED, reply.texts())
    return reply
