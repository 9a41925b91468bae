"""How figures are kept: every change of what exists leaves a movement, and a clock folds movements into figures.

A movement is written in the transaction of the change, so none is lost and none counts twice; it touches nothing that
another transaction writes. Figures are kept for each region from the village to the nation, one document each with all
its one-way breakdowns, and a copy of it for each day before the last on which it changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.registry.business import Business
from services.registry.cooperative import FIGURES, FORMING, SHOWN_OUTCOMES, Cooperative
from shared.reference import kbli
from shared.reference import region as regions

UNTOLD = "tidak_dirinci"
TOTAL, REGION, QUALIFIER, INDICATOR = "total", "region", "qualifier", "indicator"
BY: Mapping[str, tuple[str, ...]] = {
    "businesses": (REGION, "status", "scale", "role", "sector"),
    "cooperatives": (
        REGION,
        "status",
        "jenis",
        "kelompok",
        "form",
        "sektor",
        "health",
        "rat",
        "cooperative_number",
        INDICATOR,
    ),
}


Cell = tuple[str, str, int, int]
"""A dimension, a word in it, how many things, how many workers or members (or, under the name of a sum, how much)."""


class Counted(BaseModel):
    """What one thing counts for: where, under which words, how many workers or members it has, and what else of it is
    summed, each a figure under a name and a year."""

    model_config = ConfigDict(frozen=True)

    region: str
    words: Mapping[str, str]
    amount: int
    sums: tuple[tuple[str, str, int], ...] = ()

    @property
    def cells(self) -> Iterator[Cell]:
        """All it counts in, but for the region."""
        yield from ((name, word, 1, self.amount) for name, word in ((TOTAL, ""), *self.words.items()))
        yield from ((name, year, 1, amount) for name, year, amount in self.sums)


class Movement(BaseModel):
    """One change of what exists. Its id is the thing's and its sequence, so a rerun makes the same one."""

    model_config = ConfigDict(frozen=True)

    movement_id: str
    of: str
    at: AwareDatetime
    before: Counted | None = None
    after: Counted | None = None


def of_business(one: Business | None) -> Counted | None:
    """A business that exists, merged and closed ones being none."""
    if one is None or one.gone:
        return None
    sector = kbli.category(one.kbli.code, one.kbli.version) if one.kbli is not None else None
    words = {"status": one.status, "scale": one.scale, "role": one.role, "sector": sector}
    return Counted(region=one.region, words=_told(words), amount=one.workers or 0)


def of_cooperative(one: Cooperative | None) -> Counted | None:
    """A cooperative that exists: founded and not dissolved."""
    if one is None or one.ended or one.status == FORMING:
        return None
    riil = {None: None, True: "riil", False: "simpan_pinjam"}[one.sektor_riil]
    words: dict[str, str | None] = {
        "status": one.status,
        "jenis": one.jenis,
        "kelompok": one.kelompok,
        "form": one.form,
        "sektor": riil,
        "health": one.health.health_class if one.health is not None else None,
        "rat": str(one.rats[-1].book_year) if one.rats else None,
        "cooperative_number": "ada" if one.cooperative_number is not None else None,
    }
    # The office's own figure stands before our list, which may hold only the founders.
    if one.members is not None:
        return _with_members(one, words, one.members.count, one.members.qualifier)
    listed = one.listed_members
    return _with_members(one, words, listed or 0, "exact" if listed is not None else None)


def _with_members(one: Cooperative, words: Mapping[str, str | None], members: int, qualifier: str | None) -> Counted:
    told = _told({**words, QUALIFIER: qualifier})
    return Counted(region=one.region, words=told, amount=members, sums=tuple(_outcomes(one)))


def _outcomes(one: Cooperative) -> Iterator[tuple[str, str, int]]:
    """What it has brought about, by year (S0-12, S2-10)."""
    for outcome in one.outcomes[-SHOWN_OUTCOMES:]:
        for name in FIGURES:
            if (amount := getattr(outcome, name)) is not None:
                yield name, str(outcome.year), amount


def _told(words: Mapping[str, str | None]) -> dict[str, str]:
    return {name: word or UNTOLD for name, word in words.items()}


def moved(before: Business | Cooperative | None, after: Business | Cooperative, now: datetime) -> Movement | None:
    """What a change of one thing means for the figures; nothing, if it counts as it did."""
    if isinstance(after, Business):
        of, id_ = "businesses", after.business_id
        old, new = of_business(before if isinstance(before, Business) else None), of_business(after)
    else:
        of, id_ = "cooperatives", after.cooperative_id
        old, new = of_cooperative(before if isinstance(before, Cooperative) else None), of_cooperative(after)
    if old == new:
        return None
    return Movement(movement_id=f"{id_}:{after.sequence}", of=of, at=now, before=old, after=new)


# --- figures ----------------------------------------------------------------------------------------------------------


class Figures(BaseModel):
    """All figures of one region as of the end of ``day``, the last on which they changed."""

    model_config = ConfigDict(frozen=True)

    of: str
    region: str
    day: date
    cells: tuple[Cell, ...] = ()

    @property
    def figures_id(self) -> str:
        return figures_id(self.of, self.region)

    def by(self, dimension: str) -> dict[str, tuple[int, int]]:
        return {word: (count, amount) for name, word, count, amount in self.cells if name == dimension}

    @property
    def total(self) -> tuple[int, int]:
        return self.by(TOTAL).get("", (0, 0))


class PastFigures(Figures):
    """The same as of an earlier day, never changed again. The id counts days backwards, so that the first one found
    after a day's own is the latest before it."""

    @property
    def past_id(self) -> str:
        return f"{self.figures_id}/{_backwards(self.day):08d}"


def figures_id(of: str, region: str) -> str:
    return f"{of}/{region}"


def _backwards(day: date) -> int:
    return 99_999_999 - (day.year * 10_000 + day.month * 100 + day.day)


def just_before(of: str, region: str, day: date) -> str:
    """Where to look for the latest past figures that are not after a day."""
    return f"{figures_id(of, region)}/{_backwards(day) - 1:08d}"


def places(movement: Movement) -> dict[str, None]:
    """The regions whose figures a movement changes."""
    both = (one for one in (movement.before, movement.after) if one is not None)
    return {place: None for one in both for place in regions.ancestry(one.region)}


@dataclass(frozen=True, slots=True)
class Folded:
    figures: Sequence[Figures]
    past: Sequence[PastFigures]


def folded(known: Iterable[Figures], movements: Iterable[Movement]) -> Folded:
    """The figures after these movements, taken in the order of their time, and what they were at the end of each day
    before. Days are of the capital's clock, one for all; a movement that comes late counts on the last day there is."""
    books = {one.figures_id: _Book.of(one) for one in known}
    past: list[PastFigures] = []
    for movement in sorted(movements, key=lambda one: (one.at, one.movement_id)):
        day = regions.local_date(movement.at, regions.NATION)
        for region in places(movement):
            book = books.setdefault(figures_id(movement.of, region), _Book(movement.of, region, day, {}))
            if book.day < day:
                past.append(PastFigures(**book.closed()))
                book.day = day
            book.count(movement)
    return Folded([Figures(**book.closed()) for book in books.values()], past)


@dataclass(slots=True)
class _Book:
    """Figures that are being counted on."""

    of_what: str
    region: str
    day: date
    cells: dict[tuple[str, str], list[int]]

    @classmethod
    def of(cls, one: Figures) -> _Book:
        return cls(one.of, one.region, one.day, {(name, word): [count, sum_] for name, word, count, sum_ in one.cells})

    def count(self, movement: Movement) -> None:
        for sign, one in ((-1, movement.before), (1, movement.after)):
            if one is None or not regions.within(one.region, self.region):
                continue
            for name, word, count, amount in (*one.cells, (REGION, _child(one.region, self.region), 1, one.amount)):
                figure = self.cells.setdefault((name, word), [0, 0])
                figure[0] += sign * count
                figure[1] += sign * amount

    def closed(self) -> dict[str, Any]:
        cells = ((*cell, *figure) for cell, figure in sorted(self.cells.items()) if any(figure))
        return {"of": self.of_what, "region": self.region, "day": self.day, "cells": tuple(cells)}


def _child(region: str, above: str) -> str:
    """The part of a region in which another lies, or that nothing more is known."""
    way = regions.ancestry(region)
    place = way.index(above) + 1
    return way[place] if place < len(way) else UNTOLD
