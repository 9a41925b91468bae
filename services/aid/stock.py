"""Goods that an agency has in stock, counted: what came in, what is promised to decided grants, what was handed out.

Never is more handed out than there is, nor more promised; what a count of the shelves finds missing stays visible.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from pydantic import ConfigDict

from shared.contracts.aid.grants import PublishedDocument, StockChange, StockEvent, StockState
from shared.decision import Fact

_STOCKS = uuid.UUID("8a5f3c0b-4b0e-5d6f-9d53-1f6a7c2f9e60")


def stock_id(agency: str, item: str) -> str:
    """A UUIDv5 of public names."""
    return str(uuid.uuid5(_STOCKS, f"{agency}/{item}"))


class Stock(StockState):
    """One item of one agency. ``on_hand`` is ``received - handed_out - missing``."""

    model_config = ConfigDict(frozen=True)

    sequence: int = 0

    @property
    def free(self) -> int:
        """What is promised to nobody."""
        return self.on_hand - self.promised

    def published(self) -> StockState:
        return StockState(**{name: getattr(self, name) for name in StockState.model_fields})


def empty(agency: str, region: str, item: str) -> Stock:
    return Stock(
        stock_id=stock_id(agency, item),
        agency=agency,
        region=region,
        item=item,
        on_hand=0,
        promised=0,
        received=0,
        handed_out=0,
        missing=0,
    )


def received(stock: Stock, quantity: int, documents: Sequence[PublishedDocument]) -> tuple[Stock, Fact]:
    after = stock.model_copy(update={"on_hand": stock.on_hand + quantity, "received": stock.received + quantity})
    return _told(after, "received", StockChange(quantity=quantity, documents=tuple(documents)))


def counted(stock: Stock, quantity: int, reason: str) -> tuple[Stock, Fact]:
    """So many were found. What is missing was promised perhaps: then a hand-over will be refused until more comes."""
    gone = stock.on_hand - quantity
    after = stock.model_copy(update={"on_hand": quantity, "missing": stock.missing + gone})
    return _told(after, "counted", StockChange(quantity=quantity, reason=reason))


def affords(stock: Stock, promised: int, handed_out: int) -> bool:
    """Whether so many more can be promised and so many handed out."""
    after_hand, after_promise = stock.on_hand - handed_out, stock.promised + promised
    return after_hand >= 0 and (promised <= 0 or after_promise <= after_hand)


def moved(stock: Stock, promised: int, handed_out: int, grant_id: str) -> tuple[Stock, Fact]:
    """After a grant has been decided, handed over or given up (``promised`` goes up and down). Raises ``ValueError``
    for what the stock does not have: whoever calls has asked (``affords``)."""
    if not affords(stock, promised, handed_out):
        raise ValueError("more goods than there are")
    after = stock.model_copy(
        update={
            "on_hand": stock.on_hand - handed_out,
            "handed_out": stock.handed_out + handed_out,
            "promised": stock.promised + promised,
        }
    )
    return _told(after, "moved", StockChange(quantity=handed_out, grant_id=grant_id))


def _told(stock: Stock, what: str, change: StockChange) -> tuple[Stock, Fact]:
    numbered = stock.model_copy(update={"sequence": stock.sequence + 1})
    event = StockEvent(stock=numbered.published(), change=change)
    return numbered, Fact(f"aid.stock.{what}", numbered.stock_id, numbered.region, numbered.sequence, event)


def result(stock: Stock, outcome: str) -> dict[str, Any]:
    return {"stock_id": stock.stock_id, "sequence": stock.sequence, "outcome": outcome, "on_hand": stock.on_hand}
