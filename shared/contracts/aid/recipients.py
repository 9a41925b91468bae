"""What a beneficiary has been given by anybody, and who has never been given anything."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from shared.contracts.aid.exclusions import PersonName
from shared.contracts.fields import Count, Identifier, Payload, Public, Region
from shared.reference.invalid import Invalid


class Beneficiary(Payload):
    """Who is meant: a business, or a person by ``owner_id`` or by the token of ``registry.person.match``."""

    business_id: Public[Identifier | None] = None
    person: Public[PersonName | None] = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.business_id is None) == (self.person is None):
            raise Invalid(
                "beneficiary.one_of",
                "Sebut penerima dengan business_id atau dengan person (owner_id atau token), salah satu saja.",
                "Name the beneficiary by business_id or by person (owner_id or token), one of them.",
            )
        return self


class RecipientRequest(Beneficiary):
    """What has this beneficiary had, from anybody?"""

    after: Public[Identifier | None] = None
    limit: Public[Annotated[Count, Field(gt=0, le=200)]] = 100


class NeverServedRequest(Payload):
    """Who in this region, the asker's own if none is named, has never been given anything by anybody (S1-24)?"""

    region: Public[Region | None] = None
    after: Public[Identifier | None] = None
    limit: Public[Annotated[Count, Field(gt=0, le=500)]] = 500
