"""aid's copy of a business: what registry has told in public, as of which event.

Level, not edge: the copy is replaced by whatever is newer, so late, doubled and swapped events end in the same copy.
Values stay open strings, since registry may come to know a status or a scale that this service does not know yet.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from shared.contracts.registry import BusinessState
from shared.reference import region as regions


class Business(BaseModel):
    """A business as last heard of. ``sequence`` is that of the event; ``prior_interventions`` counts the grants,
    trainings and referrals that this service has recorded for it (none before grants exist)."""

    model_config = ConfigDict(frozen=True)

    business_id: str
    sequence: int
    prior_interventions: int = 0
    state: BusinessState


def told(known: Business | None, state: BusinessState, sequence: int) -> Business | None:
    """The copy after an event, or None where the copy is as new already (contract, "Events carry state")."""
    if known is None:
        return Business(business_id=state.business_id, sequence=sequence, state=state)
    if sequence <= known.sequence:
        return None
    return known.model_copy(update={"sequence": sequence, "state": state})


def places(region: str) -> tuple[str, ...]:
    """The regions that a code lies in, the nation first: ``12.71.01`` → ``00``, ``12``, ``12.71``, ``12.71.01``."""
    if region == regions.NATION:
        return (regions.NATION,)
    parts = region.split(".")
    return (regions.NATION, *(".".join(parts[:length]) for length in range(1, len(parts) + 1)))
