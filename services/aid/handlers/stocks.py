"""Goods in stock: received, counted, asked for. Grants take them out (``grants``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from services.aid import stock, store
from services.aid.problems import problem
from services.aid.stock import Stock
from shared.agencies import agency_lookup, authority_needs, check_authority
from shared.contracts.aid.grants import Document, PublishedDocument, StockCount, StockReceive, StockRequest
from shared.contracts.envelope import Received
from shared.decision import Decision, reject
from shared.kernel.routes import Routes
from shared.kernel.state import ById, Lookup, Page, WorkingSet
from shared.reference import region as regions

routes = Routes()


def _needs(message: Received[Any], _: WorkingSet) -> Iterable[Lookup]:
    return [*authority_needs(message), _own(message)]


def _own(message: Received[Any]) -> ById[Stock]:
    return store.stock(stock.stock_id(message.account, message.data.item))


def _home(agency: str, state: WorkingSet) -> str:
    known = state.get(agency_lookup(agency))
    return known.region if known is not None else regions.NATION


@routes.on("aid.stock.receive", _needs)
def receive(message: Received[StockReceive], state: WorkingSet, now: datetime) -> Decision:
    data, region = message.data, _home(message.account, state)
    if problems := check_authority(message, state, now, region, "data.item"):
        return reject(*problems)
    known = state.get(_own(message)) or stock.empty(message.account, region, data.item)
    after, fact = stock.received(known, data.quantity, [_published(one) for one in data.documents])
    return Decision(changes=[after], facts=[fact], result=stock.result(after, "received"))


def _published(document: Document) -> PublishedDocument:
    return PublishedDocument(
        kind=document.kind,
        number=document.number,
        sha256=document.sha256,
        location=document.location,
        step="receive",
    )


@routes.on("aid.stock.count", _needs)
def count(message: Received[StockCount], state: WorkingSet, now: datetime) -> Decision:
    data = message.data
    if problems := check_authority(message, state, now, _home(message.account, state), "data.item"):
        return reject(*problems)
    known = state.get(_own(message))
    if known is None:
        return reject(problem("stock.unknown", "data.item"))
    after, fact = stock.counted(known, data.quantity, data.reason)
    return Decision(changes=[after], facts=[fact], result=stock.result(after, "counted"))


def _request_needs(message: Received[StockRequest], state: WorkingSet) -> Iterator[Lookup]:
    yield from authority_needs(message)
    yield agency_lookup(_asked(message))
    yield _page(message)


def _asked(message: Received[StockRequest]) -> str:
    return message.data.agency or message.account


def _page(message: Received[StockRequest]) -> Page[Stock]:
    # One more than asked for, to know whether there is a next page.
    after, limit = message.data.after or "", message.data.limit + 1
    return Page(store.STOCKS, f"of:{_asked(message)}", after=after, limit=limit, guard=False)


@routes.on("aid.stock.request", _request_needs)
def answer(message: Received[StockRequest], state: WorkingSet, now: datetime) -> Decision:
    region = _home(_asked(message), state)
    if problems := check_authority(message, state, now, region, "data.agency"):
        return reject(*problems)
    found, limit = state.all(_page(message)), message.data.limit
    return Decision(
        answer=[{"stock": one.published().model_dump(mode="json"), "sequence": one.sequence} for one in found[:limit]],
        next=found[limit - 1].stock_id if len(found) > limit else None,
    )
