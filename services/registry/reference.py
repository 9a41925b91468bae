"""What businesses need and where they sell: words that are known, by tables beside this file.

The tables are not closed (S1-15, S1-16: "dan lain-lain"): a word that they do not hold is kept and warned of, and a row
more makes it known.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources

from services.registry.problems import problem
from shared.contracts.problem import Problem


def unknown_needs(needs: Iterable[str], field: str) -> list[Problem]:
    return _unknown("needs", "need.unknown", needs, field)


def unknown_channels(channels: Iterable[str], field: str) -> list[Problem]:
    return _unknown("channels", "channel.unknown", channels, field)


def _unknown(table: str, code: str, words: Iterable[str], field: str) -> list[Problem]:
    return [problem(code, f"{field}.{place}") for place, word in enumerate(words) if word not in rows(table)]


@cache
def rows(table: str) -> Mapping[str, Mapping[str, str]]:
    """A table by its codes; of a channel, ``where`` is ``offline``, ``online`` or ``modern_retail``."""
    with resources.files(__package__).joinpath(f"{table}.csv").open(encoding="utf-8") as lines:
        return {row["code"]: row for row in csv.DictReader(lines)}
