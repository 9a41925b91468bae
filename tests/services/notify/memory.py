"""notify without a broker or a database (``tests.memory``), whose workers can be made to die at a commit."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from services.notify.handlers import remind, remind_needs, review, review_needs, routes
from services.notify.message import Message
from services.notify.provider import Provider
from services.notify.sending import Sender
from services.notify.store import COLLECTIONS, MESSAGES
from services.notify.switchboard import Line, Switchboard
from shared.decision import Cause, Decision
from shared.kernel.held import HELD
from shared.kernel.routes import Decide, Needs
from shared.kernel.state import Collection
from tests.memory import ServiceInMemory, Task


class CrashError(Exception):
    """The process dies here."""


class Memory(ServiceInMemory):
    """One notify service."""

    def __init__(self, now: datetime) -> None:
        super().__init__("notify", routes, (*COLLECTIONS, HELD), now)
        self.crash_at_commit: int | None = None
        """How many more units of work of a worker succeed before one dies."""

    def tell(self, key: str, data: BaseModel, sequence: int, event_id: str = "event", chain: str = "chain") -> Decision:
        """Hand in one event as it comes off the wire."""
        cause = Cause(correlation_id=chain, causation_id=event_id)
        return self.handle(self.message("registry", key, data, id=event_id, sequence=sequence, cause=cause))

    def review(self) -> None:
        """Let the worker look through all programmes that wait for it."""
        while self.perform(Task(self.tick(), review_needs, review)).changes:
            pass

    def remind(self) -> None:
        """Let the worker look through the members of all cooperatives that wait for it."""
        while self.perform(Task(self.tick(), remind_needs, remind)).changes:
            pass

    async def send(self, provider: Provider) -> None:
        """Let a new process's sender work until there is nothing due."""
        channels = frozenset({"whatsapp", "sms"})
        board = Switchboard([Line(provider, channels, most_at_once=200, wakes=False)], time.monotonic)
        await self.send_by(board)

    async def send_by(self, board: Switchboard, **about: Any) -> None:
        """The same with all its lines."""
        sender = Sender(board, **about)
        while await sender.step(self.run):
            pass

    async def run(self, needs: Needs, decide: Decide) -> Decision:
        if self.crash_at_commit is not None:
            if self.crash_at_commit == 0:
                raise CrashError
            self.crash_at_commit -= 1
        return await super().run(needs, decide)

    @property
    def messages(self) -> list[Message]:
        return self.all(MESSAGES)

    def told(self) -> list[str]:
        """The facts by their last word, in order: ``queued``, ``sent`` …"""
        return [fact.type.rpartition(".")[2] for fact in self.facts]

    def get(self, collection: Collection[Any], id_: str) -> Any:
        return self.stored[collection.name].get(id_)
