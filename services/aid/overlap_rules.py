"""Which interventions should not stand together: the policy matrix, as data (S1-24, S3-06).

``overlaps.csv`` beside this file has a row for each two kinds, from its first day of validity: within so many months,
for the same purpose or another, ``block``, ``warn`` or ``allow``. Of the rows that apply the strictest counts; what no
row speaks of is allowed. A purpose that is not known counts as the same: nobody can show that it is another one.

What a pair is depends on the two interventions and the policy of the later day alone, so it does not matter who
reported first.
"""

from __future__ import annotations

import csv
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources

from services.aid.recipient import Intervention

_STRICT = ("allow", "warn", "block")


@dataclass(frozen=True, slots=True)
class Rule:
    """What the matrix says of two kinds, as of ``valid_from``: for interventions of the ``same`` purpose, of ``other``
    purposes, or of ``any``, that lie less than so many calendar ``months`` apart."""

    valid_from: date
    kinds: frozenset[str]
    purpose: str
    months: int
    verdict: str
    source: str
    text_id: str
    text_en: str

    def speaks_of(self, one: Intervention, other: Intervention) -> bool:
        return self.purpose in ("any", _purposes(one, other)) and _apart(one.on, other.on, self.months)


def rule_for(one: Intervention, other: Intervention) -> Rule | None:
    """The strictest row in force on the later of the two days that speaks of this pair; None where none does."""
    kinds = frozenset({one.kind, other.kind})
    speaking = [rule for rule in _in_force(kinds, max(one.on, other.on)) if rule.speaks_of(one, other)]
    return max(speaking, key=lambda rule: _STRICT.index(rule.verdict), default=None)


def _in_force(kinds: frozenset[str], on: date) -> Iterable[Rule]:
    """Of several rows for the same kinds and purpose the latest that is in force."""
    rules = (rule for rule in _rules() if rule.kinds == kinds and rule.valid_from <= on)
    return {rule.purpose: rule for rule in sorted(rules, key=lambda rule: rule.valid_from)}.values()


@cache
def _rules() -> tuple[Rule, ...]:
    with resources.files(__package__).joinpath("overlaps.csv").open(encoding="utf-8") as rows:
        return tuple(
            Rule(
                valid_from=date.fromisoformat(row["valid_from"]),
                kinds=frozenset({row["kind"], row["other_kind"]}),
                purpose=row["purpose"],
                months=int(row["months"]),
                verdict=row["verdict"],
                source=row["source"],
                text_id=row["text_id"],
                text_en=row["text_en"],
            )
            for row in csv.DictReader(rows)
        )


def _purposes(one: Intervention, other: Intervention) -> str:
    known = one.purpose is not None and other.purpose is not None
    return "other" if known and one.purpose != other.purpose else "same"


def _apart(one: date, other: date, months: int) -> bool:
    """Whether two days lie less than so many calendar months apart: what was given on 31 January is a month old on the
    last of February."""
    earlier, later = sorted((one, other))
    year, month = divmod(earlier.year * 12 + earlier.month - 1 + months, 12)
    return (later.year, later.month, later.day) < (year, month + 1, min(earlier.day, monthrange(year, month + 1)[1]))
