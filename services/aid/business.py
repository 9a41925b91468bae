"""aid's copy of a business: what registry has told in public, as of which event.

Level, not edge: the copy is replaced by whatever is newer, so late, doubled and swapped events end in the same copy.
Values stay open strings, since registry may come to know a status or a scale that this service does not know yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.contracts.registry.businesses import BusinessState
from shared.decision import Cause
from shared.reference import region as regions

SETTLING = timedelta(seconds=2)
"""Until a new arrival is looked at again: long enough for what an office reports in one go, nothing depends on it."""

_INACTIVE = frozenset({"nonaktif", "tutup", "digabung"})


class Settling(BaseModel):
    """When to look once more at what is open for a business, and on whose account."""

    model_config = ConfigDict(frozen=True)

    due: AwareDatetime
    cause: Cause


class Business(BaseModel):
    """A business as last heard of. ``sequence`` is that of the event.

    ``settling`` is set when a business has appeared in a region, or with an owner. A programme that opens in that very
    moment can miss it: the decision about the business did not see the programme yet, and the programme's work list has
    passed the place where the business will stand. One more look, in a transaction that begins after the business is
    there, meets every such programme; one that opens after that look finds the business in its region. The same holds
    for a fact about its owner that is told in that very moment.
    """

    model_config = ConfigDict(frozen=True)

    business_id: str
    sequence: int
    state: BusinessState
    settling: Settling | None = None

    @property
    def is_active(self) -> bool:
        """Whether it can be served: one that is ``nonaktif``, ``tutup`` or ``digabung`` (a double record) receives
        nothing, nor does one that is ``besar``, which is recorded and not served (PP 7/2021 art. 35: above menengah is
        no UMKM)."""
        return self.state.status not in _INACTIVE and self.state.scale != "besar"


@dataclass(frozen=True, slots=True)
class Told:
    """An event of a business: its state, its place among the events, what caused it."""

    state: BusinessState
    sequence: int
    cause: Cause


def told(known: Business | None, event: Told, now: datetime) -> Business | None:
    """The copy after an event, or None where the copy is as new already (contract, "Events carry state")."""
    settling, state, sequence = Settling(due=now + SETTLING, cause=event.cause), event.state, event.sequence
    if known is None:
        return Business(business_id=state.business_id, sequence=sequence, state=state, settling=settling)
    if sequence <= known.sequence:
        return None
    # An event that finds the business where it was may stand in one transaction with the one that brought it there, so
    # it does not count as the second look.
    moved = (state.region, state.owner_id) != (known.state.region, known.state.owner_id)
    return known.model_copy(
        update={"sequence": sequence, "state": state, "settling": settling if moved else known.settling}
    )


def settled(business: Business) -> Business:
    """The copy after the second look."""
    return business.model_copy(update={"settling": None})


def places(region: str) -> tuple[str, ...]:
    """The regions that a code lies in, the nation first: ``12.71.01`` → ``00``, ``12``, ``12.71``, ``12.71.01``."""
    if region == regions.NATION:
        return (regions.NATION,)
    parts = region.split(".")
    return (regions.NATION, *(".".join(parts[:length]) for length in range(1, len(parts) + 1)))
