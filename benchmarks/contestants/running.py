"""An asynchronous contestant from its start until SIGTERM, on uvloop like the services."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop


def run(main: Callable[[asyncio.Event], Awaitable[Any]]) -> None:
    """``main`` is given an event that is set when it should end."""

    async def until_told() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await main(stop)

    uvloop.run(until_told())
