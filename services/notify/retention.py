"""What is kept for how long: texts and numbers go after the policy's days, that a message was delivered stays.

notify's own database holds no text and no number of what it has sent; the spool of the provider ``local`` does.
Receipts that belong to nothing are given up as well, when nobody will ask about them any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from services.notify.policy import policy_on
from services.notify.spool import Spool
from services.notify.store import STRAYS
from shared.contracts.envelope import Received
from shared.decision import Decision
from shared.kernel.routes import Run
from shared.kernel.state import Due, Lookup, WorkingSet

EVERY_SECONDS = 3600.0
_AT_ONCE = 500


class Retention:
    """The worker's step."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    async def step(self, run: Run) -> bool:
        """Raises ``OSError`` where the spool cannot be written."""
        decision = await run(strays_needs, give_up_strays)
        await asyncio.to_thread(self._spool.forget, decision.answer)
        return bool(decision.removals)


def _old(now: datetime) -> Due[Any]:
    return Due(STRAYS, until=now, limit=_AT_ONCE)


def strays_needs(message: Received[Any], _: WorkingSet) -> Iterator[Lookup]:
    yield _old(message.received_at)


def give_up_strays(_: Received[Any], state: WorkingSet, now: datetime) -> Decision:
    """Remove the strays whose days are over; the answer is the instant before which texts and numbers go."""
    return Decision(removals=state.all(_old(now)), answer=now - policy_on(now.date()).bodies)
