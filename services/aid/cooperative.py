"""aid's copy of a cooperative: what registry has told in public, as of which event. Level, not edge."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from services.aid.business import SETTLING, Settling
from shared.contracts.registry.cooperatives import CooperativeState
from shared.decision import Cause


class Cooperative(BaseModel):
    """A cooperative as last heard of; ``settling`` as of a business."""

    model_config = ConfigDict(frozen=True)

    cooperative_id: str
    sequence: int
    state: CooperativeState
    settling: Settling | None = None


def told(
    known: Cooperative | None, state: CooperativeState, sequence: int, cause: Cause, now: datetime
) -> Cooperative | None:
    """The copy after an event, or None where the copy is as new already."""
    settling = Settling(due=now + SETTLING, cause=cause)
    if known is None:
        return Cooperative(cooperative_id=state.cooperative_id, sequence=sequence, state=state, settling=settling)
    if sequence <= known.sequence:
        return None
    moved = state.region != known.state.region
    return known.model_copy(
        update={"sequence": sequence, "state": state, "settling": settling if moved else known.settling}
    )


def settled(cooperative: Cooperative) -> Cooperative:
    """The copy after the second look."""
    return cooperative.model_copy(update={"settling": None})
