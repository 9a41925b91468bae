"""Which provider takes the next message: by weight, by health, and never faster than it may be.

The guarantee of this file: a provider and a person are never sent more than their limit, and a provider that errs or
is slow is left alone for a while, tried with single messages, and used again when it is well.

What it knows it has seen itself, in this process: it begins with an empty bucket and no opinion. Time is what
``time.monotonic`` says, so a clock that jumps moves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from services.notify.provider import Provider

SICK_AFTER = 5
"""Errors or slow answers in a row."""
REFUSED_IN_A_ROW = 20
"""So many final refusals one after another are not twenty people's bad numbers."""
REST_SECONDS = 5.0
LONGEST_REST_SECONDS = 300.0


@dataclass(slots=True)
class Bucket:
    """A provider's limit: ``rate`` messages a second, evenly; nothing is saved up. ``ahead`` messages at most are given
    their instants before these have come, so that a transaction is worth its cost and no instant passes unused."""

    rate: float
    ahead: float
    free_at: float = 0.0
    """The first instant that nobody has."""

    def begin(self, now: float) -> None:
        """As if all that may be given ahead were gone: ten restarts in a second do not send ten bursts."""
        self.free_at = now + self.ahead / self.rate

    def room(self, now: float) -> int:
        """How many may be given an instant now."""
        self.free_at = max(self.free_at, now)
        return int((now - self.free_at) * self.rate + self.ahead + 1e-6)

    def take(self) -> float:
        """The instant of one more."""
        at = self.free_at
        self.free_at += 1 / self.rate
        return at

    def give_back(self, number: int) -> None:
        """The last ``number`` were not sent after all."""
        self.free_at -= number / self.rate


@dataclass(slots=True)
class Line:
    """A provider as it is used: what it may carry, what it carries now, how it has been doing."""

    provider: Provider
    channels: frozenset[str]
    weight: int = 1
    most_at_once: int = 50
    slow_seconds: float = 5.0
    wakes: bool = True
    """Whether somebody's phone rings: the spool's does not, and keeps no quiet hours."""
    serial: bool = False
    """Whether it takes one call at a time, as a file does: what comes meanwhile is not claimed, and may yet change."""
    bucket: Bucket | None = None
    busy: int = 0
    calls: int = 0
    errors: int = 0
    refused: int = 0
    rests: int = 0
    rests_until: float = 0.0
    used: float = field(default=0.0)
    """What it has carried, divided by its weight: the one that has carried least is next."""
    goes_at: float = 0.0
    """The instant, by the clock of the switchboard, at which the message taken last may go."""

    def room(self, now: float) -> int:
        if now < self.rests_until or (self.serial and self.calls):
            return 0
        free = (1 if self.errors >= SICK_AFTER else self.most_at_once) - self.busy
        return max(0, free if self.bucket is None else min(free, self.bucket.room(now)))


class Switchboard:
    """All lines there are. ``clock`` gives seconds that only grow. One person gets a message in ``recipient_seconds``;
    what comes for one owner within ``digest_seconds`` goes in one message (0: each by itself)."""

    def __init__(
        self,
        lines: Sequence[Line],
        clock: Callable[[], float],
        recipient_seconds: float = 0.0,
        digest_seconds: float = 0.0,
    ) -> None:
        self._lines, self.clock, self.digest_seconds = lines, clock, digest_seconds
        self._recipient_seconds = recipient_seconds
        self._written_to: dict[str, float] = {}
        for line in lines:
            if line.bucket is not None:
                line.bucket.begin(clock())

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(one for one in ("whatsapp", "sms") if any(one in line.channels for line in self._lines))

    def room(self, channel: str) -> int:
        """How many messages may go by this channel now."""
        now = self.clock()
        return sum(line.room(now) for line in self._lines if channel in line.channels)

    def opens_in(self) -> float:
        """Seconds until the first line may carry one more, those aside that wait for their answers."""
        now = self.clock()
        return min((max(0.0, line.rests_until - now) for line in self._lines), default=0.0)

    def wakes(self, channel: str) -> bool:
        return any(line.wakes for line in self._lines if channel in line.channels)

    def take(self, channel: str) -> Line | None:
        """The line for one message, which is counted as under way from here on; None where there is no room."""
        now = self.clock()
        able = [line for line in self._lines if channel in line.channels and line.room(now) > 0]
        if not able:
            return None
        line = min(able, key=lambda one: (one.used + 1 / one.weight, one.provider.name))
        line.used += 1 / line.weight
        line.busy += 1
        line.goes_at = now if line.bucket is None else line.bucket.take()
        return line

    def give_back(self, line: Line, number: int = 1) -> None:
        """What was taken was not sent after all: the claim was not committed."""
        line.busy -= number
        line.used -= number / line.weight
        if line.bucket is not None:
            line.bucket.give_back(number)

    def began(self, line: Line) -> None:
        """A call has begun with what was taken for it."""
        line.calls += 1

    def ended(self, line: Line, seconds: float, number: int = 1, *, well: bool) -> None:
        """A call has ended; slow counts as not well."""
        line.busy -= number
        line.calls -= 1
        if well and seconds <= line.slow_seconds:
            if line.rests:  # it does not get all that the others have carried meanwhile
                others = [one.used for one in self._lines if one is not line and one.channels & line.channels]
                line.used = max(line.used, min(others, default=0.0))
            line.errors = line.rests = 0
            return
        line.errors += 1
        if line.errors >= SICK_AFTER:
            self._rest(line)

    def rest(self, line: Line) -> None:
        """It has said itself that it cannot be used, or not now."""
        line.errors = max(line.errors, SICK_AFTER)
        self._rest(line)

    def _rest(self, line: Line) -> None:
        now = self.clock()
        if now >= line.rests_until:  # those that were under way together are one lesson, not many
            line.rests_until = now + min(LONGEST_REST_SECONDS, REST_SECONDS * 2**line.rests)
            line.rests = min(line.rests + 1, 16)

    def line_of(self, name: str | None) -> Line | None:
        return next((line for line in self._lines if line.provider.name == name), None)

    # --- people ----------------------------------------------------------------------------------------------------

    def must_wait(self, recipient: str) -> float:
        """Seconds until this person may be written to again."""
        last = self._written_to.get(recipient)
        return 0.0 if last is None else max(0.0, last + self._recipient_seconds - self.clock())

    def unwritten(self, recipient: str) -> None:
        """It was not sent after all."""
        self._written_to.pop(recipient, None)

    def wrote_to(self, recipient: str) -> None:
        now = self.clock()
        if len(self._written_to) > 10_000:
            fresh = now - self._recipient_seconds
            self._written_to = {who: when for who, when in self._written_to.items() if when > fresh}
        self._written_to[recipient] = now
