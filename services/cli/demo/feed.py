"""The demo's ear: the history, read by the ministry's account from its first event on and then as it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from services.cli.connection import Address
from services.cli.demo.screen import Screen
from services.cli.demo.view import View
from services.cli.events import history
from services.cli.exits import no_reply

PATIENCE_SECONDS = 30.0
"""How long to wait while no event comes at all."""
_LOOK_EVERY_SECONDS = 0.05


class Feed:
    """Keeps the view, shows what comes once it is `live`, and wakes who waits for something to come about."""

    def __init__(self, view: View, screen: Screen) -> None:
        self.live = False
        self._view = view
        self._screen = screen
        self._came = asyncio.Event()

    async def read(self, address: Address) -> None:
        """Without end. Raises `CliError` 3."""
        async with aclosing(history(address, "first")) as events:
            async for event in events:
                if self._view.take(event, now_running=self.live) and self.live:
                    self._screen.event(event, self._view)
                self._came.set()

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until the view is so. Raises `CliError` 4 when nothing has come for a while."""
        while not condition():
            self._came.clear()
            await asyncio.sleep(_LOOK_EVERY_SECONDS)  # so that thousands of events do not mean thousands of looks
            try:
                await asyncio.wait_for(self._came.wait(), PATIENCE_SECONDS)
            except TimeoutError:
                raise no_reply(
                    f"Nothing has happened for {PATIENCE_SECONDS:.0f} s, and still {what}. "
                    "`binaan stack status` and `binaan stack logs` may say why."
                ) from None
