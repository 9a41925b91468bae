"""A dependency that comes and goes.

The guarantee of this file: that something is gone is said once in the log and all the while in ``/readyz``, and
everybody who waits for it goes on by itself when it is back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

_PROBE_SECONDS = 0.5

log = structlog.get_logger()


class Dependency:
    """Something we need, with a probe that raises while it is gone."""

    def __init__(self, name: str, probe: Callable[[], Awaitable[None]]) -> None:
        self.name, self._probe = name, probe
        self._gone_since: float | None = None
        self._probing = asyncio.Lock()

    @property
    def gone_for(self) -> float:
        """Seconds since it was lost; 0 while it is there."""
        return 0.0 if self._gone_since is None else time.monotonic() - self._gone_since

    def lost(self, error: BaseException | None) -> None:
        """Somebody has noticed; only the first one says so."""
        if self._gone_since is None:
            self._gone_since = time.monotonic()
            log.warning("a dependency is gone; waiting for it", dependency=self.name, error=type(error).__name__)

    async def check(self) -> bool:
        """Probe it now."""
        try:
            async with asyncio.timeout(5):
                await self._probe()
        except Exception as error:  # noqa: BLE001 - whatever it is, the dependency does not answer
            self.lost(error)
            return False
        self.found()
        return True

    async def back(self) -> None:
        """Wait until it answers again."""
        while True:
            async with self._probing:
                if self._gone_since is None or await self.check():
                    return
            await asyncio.sleep(_PROBE_SECONDS)

    async def back_after_check(self) -> None:
        """Probe it at least once, and wait until it answers."""
        if not await self.check():
            await self.back()

    def found(self) -> None:
        """It answers; if it was gone, that is said."""
        if self._gone_since is not None:
            log.info("a dependency is back", dependency=self.name, gone_for_seconds=round(self.gone_for, 1))
            self._gone_since = None
