"""Values that an office may change, each with the day it holds from and where it comes from: ``policy.csv``."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from importlib import resources

from shared.reference import region as regions


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds on one day. ``quiet_from`` to ``quiet_until``, where the recipient is, nobody is written to."""

    quiet_from: time
    quiet_until: time
    wait: timedelta
    keep: timedelta
    attempts: int
    pause: timedelta
    longest_pause: timedelta
    capped: timedelta
    recipient_seconds: float
    urgent_days: int
    digest: timedelta
    digest_parts: int
    bodies: timedelta
    strays: timedelta

    def backoff(self, attempt: int) -> timedelta:
        """How long to wait after attempt number ``attempt`` (1, 2 …) was told to come later."""
        doubled: int = 2 ** min(max(attempt - 1, 0), 20)
        return min(self.longest_pause, self.pause * doubled)

    def allowed(self, instant: datetime, region: str) -> datetime:
        """The instant itself, or the end of the quiet hours it falls into, by the clock of the region (WIB, WITA, WIT).

        Raises ``Invalid`` for a region that does not exist.
        """
        local = instant.astimezone(regions.timezone(region))
        if not self._is_quiet(local.time()):
            return instant
        tomorrow = self.quiet_from > self.quiet_until and local.time() >= self.quiet_from
        day = local.date() + timedelta(days=1) if tomorrow else local.date()
        return datetime.combine(day, self.quiet_until, local.tzinfo)

    def _is_quiet(self, clock: time) -> bool:
        if self.quiet_from <= self.quiet_until:
            return self.quiet_from <= clock < self.quiet_until
        return clock >= self.quiet_from or clock < self.quiet_until


@cache
def policy_on(day: date) -> Policy:
    """What holds on a day. Raises ``KeyError`` for a day before the first row of a value."""
    value = {name: max(rows)[1] for name, rows in _in_force(day).items()}
    return Policy(
        quiet_from=time.fromisoformat(value["quiet_from"]),
        quiet_until=time.fromisoformat(value["quiet_until"]),
        wait=timedelta(hours=int(value["wait_hours"])),
        keep=timedelta(hours=int(value["keep_hours"])),
        attempts=int(value["attempts"]),
        pause=timedelta(seconds=int(value["pause_seconds"])),
        longest_pause=timedelta(seconds=int(value["longest_pause_seconds"])),
        capped=timedelta(hours=int(value["capped_hours"])),
        recipient_seconds=float(value["recipient_seconds"]),
        urgent_days=int(value["urgent_days"]),
        digest=timedelta(minutes=int(value["digest_minutes"])),
        digest_parts=int(value["digest_parts"]),
        bodies=timedelta(days=int(value["body_days"])),
        strays=timedelta(days=int(value["stray_days"])),
    )


def _in_force(day: date) -> dict[str, list[tuple[date, str]]]:
    found: dict[str, list[tuple[date, str]]] = {}
    for valid_from, name, value in _rows():
        if valid_from <= day:
            found.setdefault(name, []).append((valid_from, value))
    return found


@cache
def _rows() -> tuple[tuple[date, str, str], ...]:
    with resources.files(__package__).joinpath("policy.csv").open(encoding="utf-8") as rows:
        return tuple((date.fromisoformat(row["valid_from"]), row["name"], row["value"]) for row in csv.DictReader(rows))
