"""Who is judged, with everything that is known for it: the one thing that criteria look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from services.aid.business import Business
from services.aid.exclusion import Standing
from services.aid.recipient import Recipient, served


@dataclass(frozen=True, slots=True)
class Candidate:
    """A business as last heard of, what is known of its owner and what the owner has been given, and the day, in its
    region, on which it is judged."""

    copy: Business
    on: date
    standing: Standing | None = None
    recipient: Recipient | None = None

    @property
    def beneficiary_id(self) -> str:
        return self.copy.business_id

    @property
    def region(self) -> str:
        return self.copy.state.region

    @property
    def prior_interventions(self) -> int:
        """Of the person, by whichever business or from whomever."""
        return served(self.recipient)
