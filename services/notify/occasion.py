"""Which events cause which template, to whom: ``occasions.csv``, which officials can read and change.

``category`` is ``service`` (about something the person has asked for or owes) or ``offer`` (anything else: an
invitation to apply is one unless policy says otherwise). ``priority`` is ``urgent``, ``normal`` or ``campaign``.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources

PRIORITIES = ("urgent", "normal", "campaign")
"""In this order they are sent."""
PROGRAMME_ELIGIBLE = "programme_eligible"
RAT_DUE = "rat_due"
SEVERAL_ELIGIBLE = "programmes_eligible"
"""A digest: several invitations to one owner in one message."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """One reason to tell somebody, as it holds from a day on."""

    valid_from: date
    occasion: str
    event: str
    when: str
    template: str
    to: str
    category: str
    priority: str


def occasion_on(name: str, day: date) -> Occasion:
    """The row in force on a day. Raises ``LookupError`` where there is none."""
    in_force = [one for one in occasions() if one.occasion == name and one.valid_from <= day]
    if not in_force:
        raise LookupError(f"occasions.csv has no row for {name}")
    return max(in_force, key=lambda one: one.valid_from)


@cache
def occasions() -> tuple[Occasion, ...]:
    """All rows, in the order of the table."""
    with resources.files(__package__).joinpath("occasions.csv").open(encoding="utf-8") as rows:
        return tuple(Occasion(date.fromisoformat(row.pop("valid_from")), **row) for row in csv.DictReader(rows))
