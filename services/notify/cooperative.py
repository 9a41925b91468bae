"""Cooperatives whose members are to be reminded: a copy of each from its public events, and one yearly meeting of it.

Who the members are comes with their contacts, by the door that only notify reads (S4-12, S4-13).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

from shared.contracts.registry.cooperatives import CooperativeState
from shared.decision import Cause
from shared.reference import region as regions

AT_WORK = frozenset({"aktif", "berisiko", "tidak_aktif"})
"""Statuses in which a cooperative owes its meeting (RAT)."""


class Cooperative(BaseModel):
    """What its members are told of it. ``remind_of`` is the last day for the RAT that they are to be reminded of, by
    the event of id ``told_by``; ``review_after`` and ``review_at`` say how far its members are done, as of a programme.
    """

    model_config = ConfigDict(frozen=True)

    cooperative_id: str
    name: str
    agency: str
    region: str
    status: str
    recorded_on: date
    rat_due: date | None = None
    sequence: int
    remind_of: date | None = None
    told_by: str | None = None
    cause: Cause | None = None
    review_after: str | None = None
    review_at: datetime | None = None

    def reminded(self, day: date, told_by: str, cause: Cause, now: datetime) -> Cooperative:
        """With its members to be reminded of the RAT that is due by a day; the same if they are, or were, already."""
        if self.remind_of is not None and day <= self.remind_of:
            return self
        reminding = {"remind_of": day, "told_by": told_by, "cause": cause, "review_after": "", "review_at": now}
        return self.model_copy(update=reminding)

    def reviewed(self, until: str | None) -> Cooperative:
        """Done up to this member, or altogether (None)."""
        return self.model_copy(update={"review_after": until, "review_at": self.review_at if until else None})


def cooperative_of(told: CooperativeState, sequence: int, known: Cooperative | None) -> Cooperative:
    """The copy to keep, which remembers what its members are to be reminded of."""
    fresh = Cooperative(
        cooperative_id=told.cooperative_id,
        name=told.name,
        agency=told.agency,
        region=told.region,
        status=told.status,
        recorded_on=told.recorded_on,
        rat_due=told.rat_due,
        sequence=sequence,
    )
    if known is None:
        return fresh
    kept = ("remind_of", "told_by", "cause", "review_after", "review_at")
    return fresh.model_copy(update={name: getattr(known, name) for name in kept})


@dataclass(frozen=True, slots=True)
class Meeting:
    """The RAT of a cooperative that is due by a day: a reminder is about it, as an invitation is about a programme."""

    cooperative: Cooperative
    due: date

    @property
    def agency(self) -> str:
        return self.cooperative.agency

    @property
    def region(self) -> str:
        return self.cooperative.region

    @property
    def last_day(self) -> date:
        return self.due

    @property
    def book_year(self) -> int:
        """The year whose books it is about: a RAT is held in the year after (UU 25/1992 art. 26)."""
        return self.due.year - 1

    @property
    def withdrawn(self) -> str | None:
        """Why nobody is to be reminded any more."""
        if self.cooperative.status not in AT_WORK:
            return "cooperative_ended"
        return None if self.cooperative.rat_due == self.due else "rat_held"

    def is_over(self, now: datetime) -> bool:
        return regions.local_date(now, self.region) > self.due
