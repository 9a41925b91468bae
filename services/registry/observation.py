"""Who told what when: the rule by which several reports of one thing become one state.

Per field the newest observation wins, equal times by the higher intake id (contract, "The main chain" 1). So the
end state does not depend on the order in which reports arrive, and last year's list, sent today, overwrites nothing.
Some sources stand above others for some fields, whatever is newer: OSS gives out the NIB and knows under which KBLI.
Which account is such a source, for which field and since when, is a dated table (``sources.csv``).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib import resources
from typing import Any

from pydantic import BaseModel, ConfigDict


class Seen(BaseModel):
    """One observation: its time by the observer's clock, the intake message that told of it, and the account.

    ``firm``: the person's own word (a consent withdrawn, a correction asked for), which stands against a report of the
    same instant. ``rank``: of its source for this field, by the table as it was when this was observed.
    """

    model_config = ConfigDict(frozen=True)

    at: datetime
    intake_id: str
    account: str
    firm: bool = False
    rank: int = 0

    @property
    def order(self) -> tuple[int, datetime, bool, str, str]:
        """The higher one stands. The account only settles what would otherwise hang on arrival."""
        return self.rank, self.at, self.firm, self.intake_id, self.account


@dataclass(frozen=True, slots=True)
class Merged:
    """The fields that an observation wins, and who has told each field after it."""

    won: Mapping[str, Any]
    seen: Mapping[str, Seen]


def merge(
    seen: Mapping[str, Seen], told: Mapping[str, Any], by: Seen, ranks: Mapping[str, int] | None = None
) -> Merged:
    """Hold what was told against what was told before. An emptied field is told like any other, as None. ``ranks`` are
    of who tells it, by field."""
    mine = {field: by.model_copy(update={"rank": rank}) for field, rank in (ranks or {}).items()}
    told_by = {field: mine.get(field, by) for field in told}
    stands = newer(told_by, seen)
    return Merged({field: value for field, value in told.items() if field in stands}, {**seen, **stands})


def newer(seen: Mapping[str, Seen], than: Mapping[str, Seen]) -> dict[str, Seen]:
    """The observations that stand against those of another record of the same thing."""
    return {field: one for field, one in seen.items() if field not in than or one.order > than[field].order}


# --- whose word stands above others' ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    """From a day on, an account whose word on a field stands above that of accounts of a lower rank (others: 0)."""

    valid_from: date
    account: str
    field: str
    rank: int


def ranks_of(by: Seen) -> dict[str, int]:
    """The rank of an observer for each field, by the table in force when it was observed; the newest row counts."""
    day = by.at.astimezone(UTC).date()
    rows = (one for one in _sources() if one.account == by.account and one.valid_from <= day)
    return {one.field: one.rank for one in sorted(rows, key=lambda one: one.valid_from)}


@cache
def _sources() -> tuple[Source, ...]:
    with resources.files(__package__).joinpath("sources.csv").open(encoding="utf-8") as rows:
        return tuple(
            Source(date.fromisoformat(row["valid_from"]), row["account"], row["field"], int(row["rank"]))
            for row in csv.DictReader(rows)
        )
