"""How large a business is by law: mikro, kecil, menengah, or besar, which is recorded and not served.

The bounds are dated policy, not code: ``scale.csv`` beside this file has a row for each law, criterion and first day
of validity, in whole rupiah, each bound inclusive ("sampai dengan paling banyak"). UU 20/2008 measured net worth
where PP 7/2021 measures working capital; those are different things, so capital has no bounds before 2021.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources

from shared.contracts.registry.businesses import ScaleBasis

SCALES = ("mikro", "kecil", "menengah", "besar")
BY_SALES = "annual_sales"
BY_CAPITAL = "capital"


@dataclass(frozen=True, slots=True)
class Figure:
    """An amount in rupiah and the year it is of."""

    year: int
    amount: int


@dataclass(frozen=True, slots=True)
class Scale:
    """A derived scale and what it was derived from."""

    name: str
    basis: ScaleBasis


@dataclass(frozen=True, slots=True)
class Policy:
    """The inclusive upper bounds, in rupiah, of mikro, kecil and menengah by one criterion."""

    valid_from: date
    criterion: str
    bounds: tuple[int, int, int]
    source: str

    def scale_of(self, amount: int) -> str:
        within = (name for name, bound in zip(SCALES, self.bounds, strict=False) if amount <= bound)
        return next(within, "besar")


def derive(sales: Figure | None, capital: Figure | None, on: date) -> Scale | None:
    """The scale by the law in force ``on`` a day; None when nothing is known to derive it from.

    By annual sales where they are known, else by capital: PP 7/2021 art. 35(2) has capital for new businesses, which
    are those that have no year of sales yet.
    """
    for criterion, figure in ((BY_SALES, sales), (BY_CAPITAL, capital)):
        policy = policy_on(criterion, on)
        if figure is not None and policy is not None:
            return Scale(policy.scale_of(figure.amount), ScaleBasis(criterion=criterion, year=figure.year))
    return None


def steps_up(before: str, after: str) -> int:
    """How many scales ``after`` lies above ``before``; negative when below."""
    return SCALES.index(after) - SCALES.index(before)


def policy_on(criterion: str, on: date) -> Policy | None:
    """The bounds in force on a day, or None where the law had none for this criterion."""
    in_force = [one for one in _policies() if one.criterion == criterion and one.valid_from <= on]
    return max(in_force, key=lambda one: one.valid_from, default=None)


@cache
def _policies() -> tuple[Policy, ...]:
    with resources.files(__package__).joinpath("scale.csv").open(encoding="utf-8") as rows:
        return tuple(
            Policy(
                valid_from=date.fromisoformat(row["valid_from"]),
                criterion=row["criterion"],
                bounds=(int(row["mikro"]), int(row["kecil"]), int(row["menengah"])),
                source=row["source"],
            )
            for row in csv.DictReader(rows)
        )
