"""Statistics: how many businesses and cooperatives there are, by what, as of a day, beside others' figures."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared.contracts.fields import Count, Day, Payload, Public, PublicText, Published, Region
from shared.contracts.registry.cooperatives import Qualifier

Of = Literal["businesses", "cooperatives"]
By = Literal[
    "region",
    "status",
    "scale",
    "role",
    "sector",
    "jenis",
    "kelompok",
    "form",
    "sektor",
    "health",
    "rat",
    "cooperative_number",
    "indicator",
]
"""Businesses by region, status, scale, role and sector (KBLI category); cooperatives by region, status, jenis,
kelompok, form, sektor (riil or simpan pinjam), health, the book year of the last RAT, whether they have a cooperative
number, and by indicator: what a *provinsi penggerak koperasi* is measured by (S3-01)."""


class OutsideFigure(Payload):
    """Somebody else's figure for the same, with its source (S2-14: BPS, "sekitar 40.000")."""

    value: Public[Annotated[Count, Field(gt=0)]]
    qualifier: Public[Qualifier] = "exact"
    source: Public[PublicText]
    as_of: Public[Day | None] = None


class StatisticsRequest(Payload):
    """How many are there in a region (the asker's own, if none is said), as of the end of a day (today)?"""

    of: Public[Of]
    region: Public[Region | None] = None
    as_of: Public[Day | None] = None
    by: Public[By | None] = None
    outside: Public[OutsideFigure | None] = None


class StatisticsPublish(StatisticsRequest):
    """The same as an event for everybody, by an official's word."""


class PublishedOutside(Published):
    value: Public[int]
    qualifier: Public[str]
    source: Public[str]
    as_of: Public[Day | None] = None


class Row(Published):
    """One part of a breakdown; ``suppressed`` where figures are left out so that nobody is found by them."""

    key: Public[str]
    name: Public[str | None] = None
    count: Public[int | None] = None
    share: Public[float | None] = None
    """Of the total count, in percent."""
    members: Public[int | None] = None
    members_share: Public[float | None] = None
    workers: Public[int | None] = None
    value: Public[int | float | None] = None
    """Of an indicator, in its unit; ``count`` is of how many cooperatives that figure comes."""
    unit: Public[str | None] = None
    qualifier: Public[str | None] = None
    target: Public[float | None] = None
    due: Public[Day | None] = None
    """The day by which the target is to be met."""
    met: Public[bool | None] = None
    suppressed: Public[bool] = False


class StatisticsState(Published):
    statistics_id: Public[str]
    of: Public[str]
    region: Public[str]
    region_name: Public[str]
    as_of: Public[Day]
    by: Public[str | None] = None
    count: Public[int | None] = None
    members: Public[int | None] = None
    members_qualifier: Public[str | None] = None
    workers: Public[int | None] = None
    suppressed: Public[bool] = False
    rows: Public[tuple[Row, ...]] = ()
    """The largest first; ``tidak_dirinci`` is what the breakdown does not say more about."""
    outside: Public[PublishedOutside | None] = None
    coverage: Public[float | None] = None
    """The count in percent of the outside figure."""


class StatisticsChange(Published):
    as_of_before: Public[Day | None] = None


class StatisticsEvent(Published):
    statistics: Public[StatisticsState]
    change: Public[StatisticsChange] = StatisticsChange()
