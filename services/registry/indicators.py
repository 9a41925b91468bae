"""Indicators of cooperatives: what a region is measured by, as the ministry measures a *provinsi penggerak koperasi*.

The criteria of that award (Permenneg KUKM 03/2007, 06/2009) were not found, so what is measured, and what is aimed at
by which day of the year (S3-01: *pada akhir tahun ini*), is a table: ``indicators.csv`` beside this file. A row may be
of one region and what lies in it, and stands above one for all; of two the one of the later day stands. An indicator
is a figure that is kept ready, or one in proportion to another: nothing is counted for it.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources

from services.registry.counting import TOTAL, Figures
from shared.contracts.registry.statistics import Row
from shared.reference import region as regions

PER_CENT = "persen"


@dataclass(frozen=True, slots=True)
class Term:
    """``count status=aktif``: how many things, or (``sum``) how much of what is summed, in one cell of the figures.
    The word ``last_year`` is the year before that of the day asked for, the last whose books are closed."""

    measure: str
    dimension: str
    word: str

    @classmethod
    def parse(cls, text: str) -> Term:
        measure, _, cell = text.partition(" ")
        dimension, _, word = cell.partition("=")
        return cls(measure, dimension, word)

    @property
    def of_members(self) -> bool:
        """Whether it tells how many persons there are."""
        return self.measure == "sum" and self.dimension == TOTAL

    def figure(self, figures: Figures, as_of: date) -> tuple[int, int]:
        """Of how many things it is, and how much."""
        word = str(as_of.year - 1) if self.word == "last_year" else self.word
        count, amount = figures.by(self.dimension).get(word, (0, 0))
        return count, count if self.measure == "count" else amount


@dataclass(frozen=True, slots=True)
class Indicator:
    """One row of the table. ``due`` is a day of the year (12-31)."""

    valid_from: date
    region: str
    key: str
    name: str
    term: Term
    per: Term | None
    unit: str
    target: float | None
    due: str

    @property
    def order(self) -> tuple[int, date]:
        """Of two rows for one indicator, the higher stands."""
        return len(regions.ancestry(self.region)), self.valid_from

    def deadline(self, as_of: date) -> date | None:
        return date.fromisoformat(f"{as_of.year}-{self.due}") if self.due else None


@cache
def _table() -> tuple[Indicator, ...]:
    with resources.files(__package__).joinpath("indicators.csv").open(encoding="utf-8") as rows:
        return tuple(_parsed(row) for row in csv.DictReader(rows))


def _parsed(row: Mapping[str, str]) -> Indicator:
    return Indicator(
        valid_from=date.fromisoformat(row["valid_from"]),
        region=row["region"] or regions.NATION,
        key=row["indicator"],
        name=row["name"],
        term=Term.parse(row["figure"]),
        per=Term.parse(row["per"]) if row["per"] else None,
        unit=row["unit"],
        target=float(row["target"]) if row["target"] else None,
        due=row["due"],
    )


def in_force(table: tuple[Indicator, ...], region: str, on: date) -> list[Indicator]:
    """What a region is measured by on a day, in the order of the table."""
    standing: dict[str, Indicator] = {}
    for one in table:
        if one.valid_from <= on and regions.within(region, one.region):
            before = standing.get(one.key)
            standing[one.key] = one if before is None or one.order >= before.order else before
    return list(standing.values())


def rows(figures: Figures, as_of: date, *, qualifier: str | None, secret: bool) -> tuple[Row, ...]:
    """The indicators of a region; ``qualifier`` is that of its members, who are not told of where they are secret."""
    found = in_force(_table(), figures.region, as_of)
    return tuple(_row(one, figures, as_of, qualifier, secret=secret) for one in found)


def _row(one: Indicator, figures: Figures, as_of: date, qualifier: str | None, *, secret: bool) -> Row:
    of, amount = one.term.figure(figures, as_of)
    hidden = secret and any(term is not None and term.of_members for term in (one.term, one.per))
    value = None if hidden else _in_proportion(one, amount, figures, as_of)
    return Row(
        key=one.key,
        name=one.name,
        count=of,
        value=value,
        unit=one.unit,
        qualifier=qualifier if one.term.of_members else _told_by(one.term, of, figures),
        target=one.target,
        due=one.deadline(as_of),
        met=value >= one.target if value is not None and one.target is not None else None,
        suppressed=hidden,
    )


def _in_proportion(one: Indicator, amount: int, figures: Figures, as_of: date) -> float | int | None:
    if one.per is None:
        return amount
    _, whole = one.per.figure(figures, as_of)
    return round((100 if one.unit == PER_CENT else 1) * amount / whole, 2) if whole else None


def _told_by(term: Term, of: int, figures: Figures) -> str:
    """A sum that not all have told of is as it came from those who have."""
    return "exact" if term.measure == "count" or of == figures.total[0] else "sekitar"
