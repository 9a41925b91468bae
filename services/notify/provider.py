"""What it takes to send: the small interface that every provider fits, the spool on a laptop and HTTP ones alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message ready to go. It holds personal data: it is never stored or logged by us.

    ``channel`` is ``whatsapp`` or ``sms``, ``to`` an E.164 number, ``at`` the instant (aware) of the attempt.
    """

    message_id: str
    at: datetime
    channel: str
    to: str
    text: str

    def __repr__(self) -> str:
        return f"Outgoing(message_id={self.message_id!r}, channel={self.channel!r})"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message: ``sent`` is taken by the provider, ``delivered`` is with the owner, ``failed`` will
    never be, ``uncertain`` cannot be known. ``reason`` is a code, never the provider's words, which may repeat a
    number."""

    message_id: str
    state: Literal["sent", "delivered", "failed", "uncertain"]
    reason: str | None = None


class Provider(Protocol):
    """Sends messages. An error raised means that nobody knows which were taken: they will be asked for."""

    @property
    def name(self) -> str:
        """As it stands in events."""
        ...

    async def send(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        """Send them; one outcome each."""
        ...

    async def ask(self, message_ids: Sequence[str]) -> list[Outcome]:
        """What became of messages that may have been sent before a crash; one that was never taken has no outcome.

        A provider that cannot be asked answers ``uncertain``.
        """
        ...
