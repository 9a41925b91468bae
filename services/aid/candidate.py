"""Who is judged, with everything that is known for it: the one thing that criteria look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from services.aid.business import Business
from services.aid.certificate import Certificates
from services.aid.cooperative import Cooperative
from services.aid.exclusion import Standing
from services.aid.recipient import Intervention, Recipient, served
from shared.contracts.registry.businesses import BusinessState
from shared.contracts.registry.cooperatives import CooperativeState

Population = Literal["business", "cooperative", "region"]
"""Who is assessed for a programme."""


def population(beneficiary: str) -> Population:
    """Who is assessed for those who receive: an owner by a business, members and board by their cooperative."""
    if beneficiary == "region":
        return "region"
    return "cooperative" if beneficiary.startswith("cooperative") else "business"


@dataclass(frozen=True, slots=True)
class Place:
    """A kab/kota that receives aid itself (S3-11)."""

    region: str


Beneficiary = Business | Cooperative | Place


def beneficiary_id(copy: Beneficiary) -> str:
    match copy:
        case Business():
            return copy.business_id
        case Cooperative():
            return copy.cooperative_id
        case Place():
            return copy.region


def person_of(copy: Beneficiary) -> str:
    """Under which id facts and interventions are kept: a business's owner, a cooperative, a region."""
    return copy.state.owner_id if isinstance(copy, Business) else beneficiary_id(copy)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A beneficiary as last heard of, what is known of the person, and the day in its region on which it is judged."""

    copy: Beneficiary
    on: date
    standing: Standing | None = None
    recipient: Recipient | None = None
    certificates: Certificates | None = None

    @property
    def beneficiary_id(self) -> str:
        return beneficiary_id(self.copy)

    @property
    def population(self) -> Population:
        match self.copy:
            case Business():
                return "business"
            case Cooperative():
                return "cooperative"
            case Place():
                return "region"

    @property
    def region(self) -> str:
        return self.copy.region if isinstance(self.copy, Place) else self.copy.state.region

    @property
    def sequence(self) -> int:
        """Of the event by which the beneficiary is known; of a region there is none."""
        return 0 if isinstance(self.copy, Place) else self.copy.sequence

    @property
    def business(self) -> BusinessState | None:
        return self.copy.state if isinstance(self.copy, Business) else None

    @property
    def cooperative(self) -> CooperativeState | None:
        return self.copy.state if isinstance(self.copy, Cooperative) else None

    @property
    def interventions(self) -> tuple[Intervention, ...]:
        return self.recipient.interventions if self.recipient is not None else ()

    @property
    def prior_interventions(self) -> int:
        """What the person has received from anybody, by whichever business (S1-24)."""
        return served(self.recipient)
