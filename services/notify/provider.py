"""What it takes to send: the small interface that every provider fits, the spool on a laptop and HTTP ones alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from services.notify.refusal import Consequence

ARRIVED: tuple[Literal["sent"], Literal["delivered"], Literal["read"]] = ("sent", "delivered", "read")
"""What a provider says of a message that is on its way, the furthest last."""


@dataclass(frozen=True, slots=True)
class Form:
    """A message as WhatsApp wants it: the name, language and category of an approved template, and its parameters."""

    name: str
    language: str
    category: str
    parameters: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message ready to go. It holds personal data: it is never stored or logged by us.

    ``channel`` is ``whatsapp`` or ``sms``, ``to`` an E.164 number, ``at`` the instant (aware) of the attempt, and
    ``attempt`` its number, from 1 on.
    """

    message_id: str
    at: datetime
    channel: str
    to: str
    text: str
    attempt: int = 1
    form: Form | None = None

    @property
    def handle(self) -> str:
        """What a provider is asked to hand back with every receipt: which attempt at which message."""
        return f"{self.message_id}.{self.attempt}"

    def __repr__(self) -> str:
        return f"Outgoing(message_id={self.message_id!r}, channel={self.channel!r})"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message: ``sent`` is taken by the provider, ``delivered`` is with the owner, who has ``read``
    it; ``failed`` will never be by this attempt; ``uncertain`` cannot be known; ``unsent`` has certainly never reached
    the provider. ``reason`` is a code, never the provider's words, which may repeat a number.

    ``attempt`` is the number of the attempt it is about, the last one if absent.
    """

    message_id: str
    state: Literal["sent", "delivered", "read", "failed", "uncertain", "unsent"]
    reason: str | None = None
    consequence: Consequence = "never"
    attempt: int | None = None


class Provider(Protocol):
    """Sends messages. An error raised means that nobody knows which were taken: they will be asked for."""

    @property
    def name(self) -> str:
        """As it stands in events."""
        ...

    @property
    def at_once(self) -> int:
        """How many messages one call may send."""
        ...

    async def send(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        """Send them; one outcome each."""
        ...

    async def ask(self, message_ids: Sequence[str]) -> list[Outcome]:
        """What became of messages that may have been sent before a crash; one that was never taken has no outcome.

        A provider that cannot be asked answers ``uncertain``.
        """
        ...


def split_handle(handle: str) -> tuple[str, int] | None:
    """The message and the attempt of a handle that has come back; None for what is none of ours."""
    message_id, _, number = handle.rpartition(".")
    if not message_id or not number.isdigit() or len(number) > 4 or len(message_id) > 64:
        return None
    return message_id, int(number)
