"""What the law and offices ask of cooperatives in figures, and the calendar that follows from it.

The figures are dated policy (``cooperative.csv`` beside this file, each with its source): founders, months for the
RAT, years without one until a cooperative counts as inactive. ``kelompok.csv`` names the groupings known so far; it is
a table because offices have 47 of them (S3-08), not the five kinds of the law.
"""

from __future__ import annotations

import calendar
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib import resources

DAY = timedelta(days=1)
AKTIF, BERISIKO, TIDAK_AKTIF = "aktif", "berisiko", "tidak_aktif"


@dataclass(frozen=True, slots=True)
class Rule:
    valid_from: date
    name: str
    value: int


def rule(name: str, on: date) -> int:
    """The figure in force on a day; of a day before the first of them, the first."""
    dated = [one for one in _rules() if one.name == name]
    in_force = [one for one in dated if one.valid_from <= on]
    return (in_force[-1] if in_force else dated[0]).value


@cache
def _rules() -> tuple[Rule, ...]:
    with resources.files(__package__).joinpath("cooperative.csv").open(encoding="utf-8") as rows:
        found = (
            Rule(date.fromisoformat(row["valid_from"]), row["rule"], int(row["value"])) for row in csv.DictReader(rows)
        )
        return tuple(sorted(found, key=lambda one: one.valid_from))


@cache
def kelompok() -> frozenset[str]:
    """The groupings that the table names; an office may use others."""
    with resources.files(__package__).joinpath("kelompok.csv").open(encoding="utf-8") as rows:
        return frozenset(row["kelompok"] for row in csv.DictReader(rows))


# --- the calendar -----------------------------------------------------------------------------------------------------


def rat_deadline(book_year: int) -> date:
    """The last day for the RAT about a book year, which closes on 31 December (UU 25/1992 art. 26)."""
    month = rule("rat_months", date(book_year, 12, 31))
    year, month = book_year + 1 + (month - 1) // 12, (month - 1) % 12 + 1
    return date(year, month, calendar.monthrange(year, month)[1])


def first_counted(day: date) -> int:
    """The first book year whose RAT is still to come on a day: what fell due before is not held against whom an office
    has only then told of, or vouched for."""
    return day.year - 1 if rat_deadline(day.year - 1) >= day else day.year


def missed_years(held: int, today: date) -> int:
    """How many RAT in a row have been missed, when ``held`` is the last book year that counts as done."""
    newest = today.year - 1 if rat_deadline(today.year - 1) < today else today.year - 2
    return max(0, newest - held)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a cooperative stands by the calendar, since when, and when to look again (None: never by itself)."""

    status: str
    since: date | None
    missed: int
    look_again: date | None


def standing(held: int, today: date) -> Standing:
    """By the number of years without RAT: none aktif, some berisiko, as many as the policy says tidak aktif."""
    missed = missed_years(held, today)
    limit = rule("rat_missed_years_inactive", today)
    if missed >= limit:
        return Standing(TIDAK_AKTIF, rat_deadline(held + limit) + DAY, missed, None)
    after_next = rat_deadline(held + missed + 1) + DAY
    if missed:
        return Standing(BERISIKO, rat_deadline(held + 1) + DAY, missed, after_next)
    return Standing(AKTIF, None, 0, after_next)


def reminder_day(book_year: int) -> date:
    """The day on which a cooperative is reminded of the RAT about a book year (S4-13)."""
    deadline = rat_deadline(book_year)
    return deadline - DAY * rule("rat_reminder_days", deadline)


def fallen(before: int, after: int, on: date) -> bool:
    """Whether a count has fallen so far that somebody should look."""
    return after < before and (before - after) * 100 >= before * rule("members_fall_percent", on)


def twice(ids: Sequence[str]) -> list[int]:
    """The places at which something stands again."""
    seen: set[str] = set()
    return [place for place, one in enumerate(ids) if one in seen or seen.add(one)]  # type: ignore[func-returns-value]
