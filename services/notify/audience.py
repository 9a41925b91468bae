"""Whom there is reason to tell, and of what: copies of businesses, programmes and eligibilities from others' events.

A copy is whole state as of a sequence; what is not newer is ignored. The pieces of one invitation come by different
queues in any order, so each is kept until the others are there.
"""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

from shared.contracts.aid.eligibilities import EligibilityState
from shared.contracts.aid.programmes import ProgrammeState
from shared.contracts.registry.businesses import BusinessState
from shared.decision import Cause
from shared.reference import region as regions

ANNOUNCED = "on_eligible"
OPEN = "open"


class Business(BaseModel):
    """Whose it is and how the owner knows it; both are public. ``formerly`` are the records of its owner that it was
    under before they were joined."""

    model_config = ConfigDict(frozen=True)

    business_id: str
    owner_id: str
    name: str
    region: str
    recorded_on: date
    sequence: int
    formerly: tuple[str, ...] = ()


class Programme(BaseModel):
    """What owners are invited to.

    ``review_after`` is set while what is known of its eligibilities must be looked through again, because the
    programme has come, changed or closed: all up to that eligibility id are done. It is done in steps that survive a
    restart, as there may be tens of thousands.
    """

    model_config = ConfigDict(frozen=True)

    programme_id: str
    name: str
    kind: str
    agency: str
    region: str
    quota: int
    announce: str
    how_to_apply: str | None = None
    apply_until: date | None = None
    status: str
    sequence: int
    review_after: str | None = None
    review_at: datetime | None = None

    @property
    def inviting(self) -> bool:
        """Whether those who are eligible are to be told, its last day aside."""
        return self.status == OPEN and self.announce == ANNOUNCED

    @property
    def withdrawn(self) -> str | None:
        """Why nobody is to be told any more."""
        return None if self.inviting else "programme_closed"

    @property
    def last_day(self) -> date | None:
        return self.apply_until

    def is_over(self, now: datetime) -> bool:
        """Whether the last day to apply has passed where the programme is."""
        return self.apply_until is not None and regions.local_date(now, self.region) > self.apply_until

    def to_review(self, now: datetime) -> Programme:
        return self.model_copy(update={"review_after": "", "review_at": now})

    def reviewed(self, until: str | None) -> Programme:
        """Done up to this eligibility, or altogether (None)."""
        return self.model_copy(update={"review_after": until, "review_at": self.review_at if until else None})


class Eligibility(BaseModel):
    """The answer for one beneficiary and one programme, and the event it came by, where the chain began."""

    model_config = ConfigDict(frozen=True)

    eligibility_id: str
    programme_id: str
    beneficiary_id: str
    eligible: bool
    event_id: str
    cause: Cause
    sequence: int


def business_of(told: BusinessState, sequence: int, known: Business | None = None) -> Business:
    """The copy to keep, which remembers the owners of the one ``known`` before."""
    before = (*known.formerly, known.owner_id) if known is not None else ()
    return Business(
        business_id=told.business_id,
        owner_id=told.owner_id,
        name=told.name,
        region=told.region,
        recorded_on=told.recorded_on,
        sequence=sequence,
        formerly=tuple(one for one in dict.fromkeys(before) if one != told.owner_id),
    )


def programme_of(told: ProgrammeState, sequence: int, now: datetime) -> Programme:
    """A programme as told, with all its eligibilities to be looked through."""
    return Programme(
        programme_id=told.programme_id,
        name=told.name,
        kind=told.kind,
        agency=told.agency,
        region=told.region,
        quota=told.quota,
        announce=told.announce,
        how_to_apply=told.how_to_apply,
        apply_until=told.apply_until,
        status=told.status,
        sequence=sequence,
    ).to_review(now)


def eligibility_of(told: EligibilityState, sequence: int, event_id: str, cause: Cause) -> Eligibility:
    return Eligibility(
        eligibility_id=told.eligibility_id,
        programme_id=told.programme_id,
        beneficiary_id=told.beneficiary_id,
        eligible=told.eligible,
        event_id=event_id,
        cause=cause,
        sequence=sequence,
    )
