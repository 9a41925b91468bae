"""An asynchronous contestant from its start until SIGTERM, on uvloop like the services."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

from shared.kernel.runtime import collect_seldom


def run(main: Callable[[asyncio.Event], Awaitable[Any]]) -> None:
    """``main`` is given an event that is set when it should end. All collect garbage as seldom as the services."""
    collect_seldom()

    async def until_told() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await main(stop)

    uvloop.run(until_told())
