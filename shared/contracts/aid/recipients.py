"""What a beneficiary has been given by anybody, and who has never been given anything."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from shared.contracts.aid.exclusions import PersonName
from shared.contracts.fields import Count, Identifier, Payload, Public, Region
from shared.reference.invalid import Invalid


class Beneficiary(Payload):
    """Who is meant: a business, a cooperative, or a person by ``owner_id`` or by the token of
    ``registry.person.match``."""

    business_id: Public[Identifier | None] = None
    cooperative_id: Public[Identifier | None] = None
    person: Public[PersonName | None] = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if sum(one is not None for one in (self.business_id, self.cooperative_id, self.person)) != 1:
            raise Invalid(
                "beneficiary.one_of",
                "Sebut penerima dengan salah satu: business_id, cooperative_id, atau person (owner_id atau token).",
                "Name the beneficiary by one of business_id, cooperative_id and person (owner_id or token).",
            )
        return self

    @property
    def named_by(self) -> str:
        """The field that says who it is."""
        return next(one for one in ("business_id", "cooperative_id", "person") if getattr(self, one) is not None)


class RecipientRequest(Beneficiary):
    """What has this beneficiary had, from anybody?"""

    after: Public[Identifier | None] = None
    limit: Public[Annotated[Count, Field(gt=0, le=200)]] = 100


class NeverServedRequest(Payload):
    """Who in this region, the asker's own if none is named, has never been given anything by anybody (S1-24)?"""

    region: Public[Region | None] = None
    after: Public[Identifier | None] = None
    limit: Public[Annotated[Count, Field(gt=0, le=500)]] = 500
