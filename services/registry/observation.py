"""Who told what when: the rule by which several reports of one thing become one state.

Per field the newest observation wins, equal times by the higher intake id (contract, "The main chain" 1). So the
end state does not depend on the order in which reports arrive, and last year's list, sent today, overwrites nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict


class Seen(BaseModel):
    """One observation: its time by the observer's clock, the intake message that told of it, and the account.

    ``firm``: the person's own word (a consent withdrawn, a correction asked for), which stands against a report of the
    same instant.
    """

    model_config = ConfigDict(frozen=True)

    at: datetime
    intake_id: str
    account: str
    firm: bool = False

    @property
    def order(self) -> tuple[datetime, bool, str, str]:
        """The higher one stands. The account only settles what would otherwise hang on arrival."""
        return self.at, self.firm, self.intake_id, self.account


@dataclass(frozen=True, slots=True)
class Merged:
    """The fields that an observation wins, and who has told each field after it."""

    won: Mapping[str, Any]
    seen: Mapping[str, Seen]


def merge(seen: Mapping[str, Seen], told: Mapping[str, Any], by: Seen) -> Merged:
    """Hold what was told against what was told before. An emptied field is told like any other, as None."""
    mine = by.order
    won = {field: value for field, value in told.items() if (before := seen.get(field)) is None or mine > before.order}
    return Merged(won, {**seen, **dict.fromkeys(won, by)})


def newer(seen: Mapping[str, Seen], than: Mapping[str, Seen]) -> dict[str, Seen]:
    """The observations that stand against those of another record of the same thing."""
    return {field: one for field, one in seen.items() if field not in than or one.order > than[field].order}
