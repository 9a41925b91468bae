"""`binaan verify` and `binaan designate`: officials decide by one list, the sheet that an import has given back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.cli.client import Intake
from services.cli.headings import Row
from services.cli.ledger import Ledger, key_of_decision
from services.cli.rounds import Message

REQUIRED = (("id",),)


@dataclass(slots=True)
class Decider:
    """Makes the decision on each row that has an id, on the first `limit` of them if there is a limit.

    `occasion` tells apart decisions that say the same. A decree does that by itself; a verification says nothing, and
    after a business has been inactive the answer to the first one must not stand for the second.
    """

    ledger: Ledger
    account: str
    verb: str
    actor: str
    data: Mapping[str, Any]
    limit: int | None = None
    occasion: str = ""
    _businesses: set[str] = field(default_factory=set)

    def prepare(self, row: Row) -> Message | None:
        business = row.cells["id"]
        if not business or (self._full and business not in self._businesses):
            return None
        self._businesses.add(business)
        key = key_of_decision(self.account, self.verb, business, self.actor, self.occasion, *_flat(self.data))
        data = {"business_id": business, **self.data}
        intake_id = self.ledger.intake_id(key, self.verb)
        return Message(key, self.verb, Intake(intake_id, f"registry.business.{self.verb}", data, actor=self.actor))

    @property
    def _full(self) -> bool:
        return self.limit is not None and len(self._businesses) >= self.limit


def _flat(data: Mapping[str, Any]) -> list[str]:
    """Every name and value of the decision, those of the decree included."""
    found: list[str] = []
    for name, value in sorted(data.items()):
        found += [name, *(_flat(value) if isinstance(value, Mapping) else [str(value)])]
    return found
