"""The envelope: one CloudEvents 1.0 event in structured JSON mode, on every exchange."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel

from shared.decision import Cause

CONTENT_TYPE = "application/cloudevents+json"
MAX_MESSAGE_BYTES = 1024 * 1024
MAX_ID_LENGTH = 128
CLOCK_TOLERANCE_SECONDS = 300
"""How far an observation may lie ahead of our clock before it is refused."""

INTAKE = "binaan.intake"
REPLIES = "binaan.replies"
EVENTS = "binaan.events"
CONTACTS = "binaan.contacts"
ADMINISTRATOR = "binaan"

NO_CAUSE = Cause(correlation_id="", causation_id="")

R = TypeVar("R")
M_co = TypeVar("M_co", bound=BaseModel, covariant=True)


class DeriveId(Protocol):
    """Makes the id of a new thing out of the message's own identity, so that a rerun makes the same one."""

    def __call__(self, kind: str, *parts: str) -> str: ...


class Token(Protocol):
    """Makes a keyed token, equal for equal values, of something that must not be stored as it is (a NIK)."""

    def __call__(self, kind: str, value: str) -> str: ...


class Tokens(Protocol):
    """All tokens that were ever made of a value with the keys there still are; the one made today comes first."""

    def __call__(self, kind: str, value: str) -> tuple[str, ...]: ...


class Copy(Protocol):
    """What a reader keeps of a thing: its state as of one of its events."""

    @property
    def sequence(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Received(Generic[M_co]):
    """A message that has been read and checked. ``account`` is whom the broker vouched for, never what it claims.

    ``data`` is the validated payload. ``time`` is the sender's observation time (aware), absent where nothing is
    observed; ``received_at`` is our own clock, the same ``now`` that the decision gets. ``actor`` is the official's
    handle on intake; on events it is already the opaque id. ``sequence`` is set
    on events only.
    """

    account: str
    id: str
    type: str
    data: M_co
    new_id: DeriveId
    token: Token
    received_at: datetime
    all_tokens: Tokens | None = None
    time: datetime | None = None
    subject: str | None = None
    actor: str | None = None
    region: str | None = None
    sequence: int = 0
    cause: Cause = NO_CAUSE
    """What facts that stem from this message carry on."""
    _derived: dict[object, tuple[tuple[object, ...], Any]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def tokens(self, kind: str, value: str) -> tuple[str, ...]:
        """What is stored under a token of this value stands under one of these: keys change, and what was stored before
        is brought over step by step. ``token`` is the first of them."""
        return self.all_tokens(kind, value) if self.all_tokens is not None else (self.token(kind, value),)

    def once(self, derive: Callable[..., R], *given: object) -> R:
        """``derive(self, *given)``, a pure function, reckoned once for this message as long as it is asked for these
        very objects: what a decision will look at is asked several times before it is taken. Only the last is kept."""
        before, found = self._derived.get(derive, ((derive,), None))
        if len(before) != len(given) or any(one is not other for one, other in zip(before, given, strict=True)):
            found = derive(self, *given)
            self._derived[derive] = given, found
        result: R = found
        return result

    def is_news_to(self, known: Copy | None) -> bool:
        """Level, not edge: an event counts only if its ``sequence`` is higher than that of the copy ("Events carry
        state" in the contract), so late, doubled and swapped events end in the same state."""
        return known is None or self.sequence > known.sequence


def format_sequence(sequence: int) -> str:
    """As a decimal string padded to 20 digits, so that text order is number order."""
    return f"{sequence:020d}"
