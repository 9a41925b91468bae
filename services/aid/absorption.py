"""How far a budget line has been used up (*serapan*): realised money by its ceiling, and where that will end.

Offices are told off for money that is left over at the end of the year (S0-17, S1-06), so a line that lags behind is
told of while there are months left. By when it should have come how far is dated policy: ``absorption.csv`` has a row
for the end of each month that is looked at.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources

MONTHS = 12


@dataclass(frozen=True, slots=True)
class Target:
    """At the end of ``month`` at least ``percent`` of the ceiling is to be realised."""

    valid_from: date
    month: int
    percent: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is left of a year. ``realised_by_year_end`` is None while no month of it is over: there is no pace yet.

    ``needed_each_month`` is what would have to be realised in each of ``months_left`` to use up the ceiling; the month
    that has begun counts as left (on 1 September four months are: S1-06). Money is whole rupiah.
    """

    months_left: int
    percent: float
    realised_by_year_end: int | None
    percent_by_year_end: float | None
    needed_each_month: int | None


def forecast(pagu: int, by_month: Sequence[int], fiscal_year: int, on: date) -> Forecast:
    """How a line stands on a day, and how its year ends if it goes on as in the months that are over."""
    months_over = min(MONTHS, max(0, (on.year - fiscal_year) * MONTHS + on.month - 1))
    months_left = MONTHS - months_over
    realised = sum(by_month)
    ending = _at_this_pace(pagu, by_month, months_over)
    return Forecast(
        months_left=months_left,
        percent=percent(realised, pagu),
        realised_by_year_end=ending,
        percent_by_year_end=None if ending is None else percent(ending, pagu),
        needed_each_month=-(-(pagu - realised) // months_left) if months_left else None,
    )


def _at_this_pace(pagu: int, by_month: Sequence[int], months_over: int) -> int | None:
    if not months_over:
        return None
    before, since = sum(by_month[:months_over]), by_month[months_over:]
    pace = before // months_over
    # The month that has begun may have brought more than the pace already.
    return min(pagu, before + sum(max(pace, one) for one in since))


def percent(realised: int, pagu: int) -> float:
    """With one decimal; a line without a ceiling has used up all of it."""
    return round(100 * realised / pagu, 1) if pagu else 100.0


def reached(realised: int, pagu: int, wanted: int) -> bool:
    """Whether so many percent are realised, in whole numbers."""
    return realised * 100 >= wanted * pagu


def first_look(fiscal_year: int, on: date) -> date | None:
    """The first day after ``on`` on which a line of a year is to be looked at: the day after a month of the table."""
    days = [_day_after(fiscal_year, one.month) for one in _in_force(fiscal_year)]
    return min((day for day in days if day > on), default=None)


def target_on(fiscal_year: int, on: date) -> Target | None:
    """The latest target that was due by the beginning of a day."""
    due = [one for one in _in_force(fiscal_year) if _day_after(fiscal_year, one.month) <= on]
    return max(due, key=lambda one: one.month, default=None)


def _day_after(fiscal_year: int, month: int) -> date:
    return date(fiscal_year, month + 1, 1) if month < MONTHS else date(fiscal_year + 1, 1, 1)


def _in_force(fiscal_year: int) -> list[Target]:
    """The rows of the newest table that the year began under."""
    rows = [one for one in _targets() if one.valid_from <= date(fiscal_year, 1, 1)]
    newest = max((one.valid_from for one in rows), default=None)
    return [one for one in rows if one.valid_from == newest]


@cache
def _targets() -> tuple[Target, ...]:
    with resources.files(__package__).joinpath("absorption.csv").open(encoding="utf-8") as rows:
        return tuple(
            Target(date.fromisoformat(row["valid_from"]), int(row["month"]), int(row["percent"]))
            for row in csv.DictReader(rows)
        )
