"""What is shown of figures: a breakdown whose parts add up, with nobody to be found in it, beside others' figures.

Small cells are left out, and so many others with them that none can be reckoned from the total (complementary
disclosure). What is protected are persons: of businesses their number, since each has an owner; of cooperatives, which
are public bodies, the number of members.
"""

from __future__ import annotations

import csv
import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.registry import indicators
from services.registry.counting import INDICATOR, QUALIFIER, REGION, UNTOLD, Figures
from shared.contracts.registry.statistics import (
    OutsideFigure,
    PublishedOutside,
    Row,
    StatisticsChange,
    StatisticsEvent,
    StatisticsState,
)
from shared.decision import Fact
from shared.reference import region as regions

_STATISTICS = uuid.UUID("0f1a1c55-9d0c-5d6e-8a43-2f6f4b0c7e21")


@cache
def _rules() -> tuple[tuple[date, int], ...]:
    with resources.files(__package__).joinpath("statistics.csv").open(encoding="utf-8") as rows:
        return tuple(sorted((date.fromisoformat(row["valid_from"]), int(row["value"])) for row in csv.DictReader(rows)))


def smallest_cell(on: date) -> int:
    """The fewest that are shown, by the policy of a day; of a day before the first, the first."""
    dated = _rules()
    return next((value for since, value in reversed(dated) if since <= on), dated[0][1])


# --- nobody is found --------------------------------------------------------------------------------------------------


def hidden(parts: Mapping[str, int], smallest: int) -> frozenset[str]:
    """The parts to leave out: those that are too small, and with them the next larger, until at least two are left out
    and they are together large enough to say nothing."""
    ranked = sorted((size, name) for name, size in parts.items() if size)
    small = [name for size, name in ranked if size < smallest]
    if not small:
        return frozenset()
    count = len(small)
    while count < len(ranked) and (count < 2 or sum(size for size, _ in ranked[:count]) < smallest):
        count += 1
    return frozenset(name for _, name in ranked[:count])


def _protected(of: str, figure: tuple[int, int]) -> int:
    return figure[0] if of == "businesses" else figure[1]


def hidden_in(figures: Figures, dimension: str, smallest: int) -> frozenset[str]:
    """What is left out of one breakdown of a region; all of it, if the whole is too small."""
    parts = {word: _protected(figures.of, figure) for word, figure in figures.by(dimension).items()}
    if 0 < _protected(figures.of, figures.total) < smallest:
        return frozenset(word for word, size in parts.items() if size)
    return hidden(parts, smallest)


def is_hidden(figures: Figures, above: Sequence[Figures], smallest: int) -> bool:
    """Whether a region's own total is left out: being too small, or being a part that is left out above it, from whose
    total it could otherwise be reckoned."""
    if 0 < _protected(figures.of, figures.total) < smallest:
        return True
    way = (*regions.ancestry(figures.region),)
    return any(way[way.index(one.region) + 1] in hidden_in(one, REGION, smallest) for one in above)


# --- what is shown ----------------------------------------------------------------------------------------------------


def statistics_id(of: str, region: str, by: str | None) -> str:
    """One subject for each table: a UUIDv5 of public words."""
    return str(uuid.uuid5(_STATISTICS, f"{of}/{region}/{by or ''}"))


def state(
    figures: Figures, above: Sequence[Figures], by: str | None, as_of: date, outside: OutsideFigure | None
) -> StatisticsState:
    """The table of a region by one dimension, as of a day."""
    smallest = smallest_cell(as_of)
    secret = is_hidden(figures, above, smallest)
    count, amount = figures.total
    shown = figures.of == "cooperatives" or not secret
    covered = outside is not None and shown
    qualifier = _qualifier(figures) if figures.of == "cooperatives" and not secret else None
    return StatisticsState(
        statistics_id=statistics_id(figures.of, figures.region, by),
        of=figures.of,
        region=figures.region,
        region_name=regions.parse(figures.region).name,
        as_of=as_of,
        by=by,
        count=count if shown else None,
        **_amount(figures.of, None if secret else amount),
        members_qualifier=qualifier,
        suppressed=secret,
        rows=_breakdown(figures, by, as_of, qualifier, secret=secret),
        outside=PublishedOutside(**outside.model_dump(include=set(PublishedOutside.model_fields))) if outside else None,
        coverage=_percent(count, outside.value) if covered and outside is not None else None,
    )


def _amount(of: str, amount: int | None) -> dict[str, Any]:
    return {"members": amount} if of == "cooperatives" else {"workers": amount}


def _breakdown(
    figures: Figures, by: str | None, as_of: date, qualifier: str | None, *, secret: bool
) -> tuple[Row, ...]:
    if by is None:
        return ()
    if by == INDICATOR:
        return indicators.rows(figures, as_of, qualifier=qualifier, secret=secret)
    smallest = smallest_cell(as_of)
    left_out = hidden_in(figures, by, smallest)
    parts = sorted(figures.by(by).items(), key=lambda one: (one[0] == UNTOLD, -one[1][0], one[0]))
    return tuple(_row(figures, by, word, figure, secret=secret or word in left_out) for word, figure in parts)


def _row(figures: Figures, by: str, word: str, figure: tuple[int, int], *, secret: bool) -> Row:
    (count, amount), (whole, whole_amount) = figure, figures.total
    shown = figures.of == "cooperatives" or not secret
    members = figures.of == "cooperatives" and not secret
    return Row(
        key=word,
        name=regions.parse(word).name if by == REGION and word != UNTOLD else None,
        count=count if shown else None,
        share=_percent(count, whole) if shown else None,
        **_amount(figures.of, None if secret else amount),
        members_share=_percent(amount, whole_amount) if members else None,
        suppressed=secret,
    )


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 2) if whole else None


def _qualifier(figures: Figures) -> str | None:
    """How exact a sum of members is: as its least exact part, and more than it says where some have not told."""
    told = {word for word, (count, _) in figures.by(QUALIFIER).items() if count}
    if not told - {UNTOLD}:
        return None
    if told <= {"exact"}:
        return "exact"
    if told <= {"exact", "lebih_dari", UNTOLD}:
        return "lebih_dari"
    return "kurang_dari" if told <= {"exact", "kurang_dari"} else "sekitar"


# --- published --------------------------------------------------------------------------------------------------------


class Publication(BaseModel):
    """A table that has been published, and how often."""

    model_config = ConfigDict(frozen=True)

    statistics_id: str
    as_of: date
    sequence: int


def published(known: Publication | None, told: StatisticsState) -> tuple[Publication, Fact]:
    """The table as an event, the next of its subject."""
    sequence = known.sequence + 1 if known is not None else 1
    one = Publication(statistics_id=told.statistics_id, as_of=told.as_of, sequence=sequence)
    change = StatisticsChange(as_of_before=known.as_of if known is not None else None)
    event = StatisticsEvent(statistics=told, change=change)
    return one, Fact("registry.statistics.published", told.statistics_id, told.region, sequence, event)
