"""Named places at which a test may stop, delay or kill the process.

The guarantee of this file: unless a test has armed it, from inside the process, nothing happens here. No setting and
no environment variable can.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

Point = Literal[
    "gathered",  # a batch is taken, nothing is decided yet
    "before_commit",  # all is written in the transaction
    "committed",  # and not acknowledged
    "acknowledged",  # and perhaps not published
    "before_publish",
    "published",  # confirmed, and not deleted from the outbox
    "deleted",
    "sweeping",  # the sweeper has confirmed what a crash had left, and not deleted it
    "between_steps",  # of a worker that has more to do
]
Handler = Callable[[Point, int], Awaitable[None]]

_handler: Handler | None = None


def arm(handler: Handler) -> None:
    """Call ``handler(point, messages)`` at every point from now on."""
    global _handler  # noqa: PLW0603 - one process, one handler
    _handler = handler


async def reached(point: Point, messages: int = 0) -> None:
    if _handler is not None:
        await _handler(point, messages)
