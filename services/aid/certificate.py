"""aid's copy of a business's certificates, as of registry's events: which kinds it holds, and until when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from pydantic import BaseModel, ConfigDict

from shared.contracts.registry.products import CertificateState


class Certificate(BaseModel):
    """A certificate as last heard of. ``expires_on`` is the last day it is valid, None where it has none."""

    model_config = ConfigDict(frozen=True)

    sequence: int
    kind: str
    expires_on: date | None = None
    expired: bool = False

    def valid(self, on: date) -> bool:
        return not self.expired and (self.expires_on is None or self.expires_on >= on)


class Certificates(BaseModel):
    """All certificates of one business, by their id."""

    model_config = ConfigDict(frozen=True)

    business_id: str
    by_id: Mapping[str, Certificate] = {}

    def of(self, kinds: tuple[str, ...]) -> list[Certificate]:
        return [one for one in self.by_id.values() if one.kind in kinds]


def told(known: Certificates | None, state: CertificateState, sequence: int) -> Certificates | None:
    """What a business holds after an event, or None where that is as new already."""
    held = known or Certificates(business_id=state.business_id)
    before = held.by_id.get(state.certificate_id)
    if before is not None and sequence <= before.sequence:
        return None
    now = Certificate(
        sequence=sequence, kind=state.kind, expires_on=state.expires_on, expired=state.status == "expired"
    )
    return held.model_copy(update={"by_id": dict(sorted({**held.by_id, state.certificate_id: now}.items()))})
