"""What programmes hand out: standard items by a table beside this file, and those that agencies have added.

The table is not closed (S3-13: "dan lain-lain"): what it does not hold is registered once and known to all.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from importlib import resources

from pydantic import BaseModel, ConfigDict

from services.aid.problems import problem
from shared.contracts.aid.programmes import ItemEvent, ItemRegister, ItemState
from shared.decision import Decision, Fact, reject


class Item(BaseModel):
    """An item that an agency has added. ``unit`` is what it is counted in."""

    model_config = ConfigDict(frozen=True)

    item: str
    sequence: int
    name: str
    unit: str
    agency: str

    def published(self) -> ItemState:
        return ItemState(item=self.item, name=self.name, unit=self.unit, agency=self.agency)


def _read() -> Mapping[str, Mapping[str, str]]:
    with resources.files(__package__).joinpath("items.csv").open(encoding="utf-8") as lines:
        return {row["item"]: row for row in csv.DictReader(lines)}


STANDARD = _read()
"""By item: its ``name`` and ``unit``."""


def register(data: ItemRegister, known: Item | None, account: str, region: str) -> Decision:
    """Add an item, or put its name right. Problems: ``item.standard``, ``item.of_another``."""
    if data.item in STANDARD:
        return reject(problem("item.standard", "data.item"))
    if known is not None and known.agency != account:
        return reject(problem("item.of_another", "data.item"))
    sequence = known.sequence + 1 if known is not None else 1
    after = Item(item=data.item, sequence=sequence, name=data.name, unit=data.unit, agency=account)
    if known is not None and after.published() == known.published():
        return Decision(result={"item": data.item, "sequence": known.sequence, "outcome": "unchanged"})
    fact = Fact(
        type="aid.item.registered",
        subject=data.item,
        region=region,
        sequence=sequence,
        data=ItemEvent(item=after.published()),
    )
    result = {"item": data.item, "sequence": sequence, "outcome": "registered"}
    return Decision(changes=[after], facts=[fact], result=result)
