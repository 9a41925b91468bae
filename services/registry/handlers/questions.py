"""Questions about businesses, their products and certificates: answered a page at a time, to whom they concern."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel

from services.registry import access
from services.registry import business as businesses
from services.registry import certificate as certificates
from services.registry import product as products
from services.registry.business import Business
from services.registry.handlers.products import business_needs, living
from services.registry.problems import problem
from services.registry.store import BUSINESSES, CERTIFICATES, PRODUCTS
from shared.agencies import agency_lookup, authority_needs, check_authority
from shared.contracts.envelope import Received
from shared.contracts.problem import Problem
from shared.contracts.registry.businesses import BusinessRequest
from shared.contracts.registry.products import OfBusinessRequest
from shared.decision import Decision, reject
from shared.kernel.routes import Routes
from shared.kernel.state import ById, Collection, Lookup, Page, WorkingSet
from shared.reference import region as regions

routes = Routes()
S = TypeVar("S", bound=BaseModel)

FULL_AT_ONCE = 50
"""Businesses with all that is known of them in one answer, which must stay below 1 MiB."""

# --- businesses -------------------------------------------------------------------------------------------------------


def _request_needs(message: Received[BusinessRequest], state: WorkingSet) -> Iterable[Lookup]:
    authority = authority_needs(message)
    yield from authority
    if message.data.business_ids is not None:
        yield from (ById(BUSINESSES, id_, guard=False) for id_ in _asked(message))
    elif not state.missing(authority) and (region := _region(message, state)) != regions.NATION:
        yield _page(message, region)


def _asked(message: Received[BusinessRequest]) -> list[str]:
    ids = sorted({id_ for id_ in message.data.business_ids or () if id_ > (message.data.after or "")})
    return ids[: _limit(message)]


def _limit(message: Received[BusinessRequest]) -> int:
    return min(message.data.limit, FULL_AT_ONCE) if message.data.detail == "full" else message.data.limit


def _region(message: Received[BusinessRequest], state: WorkingSet) -> str:
    agency = state.get(agency_lookup(message.account))
    return message.data.region or (agency.region if agency is not None else regions.NATION)


def _page(message: Received[BusinessRequest], region: str) -> Page[Business]:
    """By kab/kota or province: what lies deeper is picked out of its page."""
    asked = message.data
    tag = businesses.of_region(regions.regency_or_above(region), status=asked.status, suspected=asked.suspected)
    return Page(BUSINESSES, tag, after=asked.after or "", limit=_limit(message), guard=False)


@routes.on("registry.business.request", _request_needs)
def answer_businesses(message: Received[BusinessRequest], state: WorkingSet, now: datetime) -> Decision:
    """What lies in the asker's region; whose data was read is recorded in the transaction of the answer."""
    region = _region(message, state)
    if problems := _may_ask(message, state, now, region):
        return reject(*problems)
    found, following = _found(message, state, region)
    full = message.data.detail == "full"
    read = [one.owner_id for one in found] if full else []
    if full:
        _rely_on(found, state)
    return Decision(
        changes=access.recorded(message, read, message.data.purpose, now),
        answer=[businesses.described(one, full=full) for one in found],
        next=following,
        persons=sorted(set(read)),
    )


def _rely_on(found: Iterable[Business], state: WorkingSet) -> None:
    """An erasure changes each business of the person, so that of an erasure and an answer that holds the person's data
    one sees the other. They are not guarded when they are looked up: a question waits behind nothing that is held."""
    for one in found:
        state.get(ById(BUSINESSES, one.business_id))


def _may_ask(message: Received[BusinessRequest], state: WorkingSet, now: datetime, region: str) -> list[Problem]:
    named = message.data.business_ids is None or message.data.region is not None
    problems = check_authority(message, state, now, region if named else None, "data.region")
    if problems or message.data.business_ids is not None or region != regions.NATION:
        return problems
    return [problem("request.region_too_wide", "data.region")]


def _found(message: Received[BusinessRequest], state: WorkingSet, region: str) -> tuple[list[Business], str | None]:
    if message.data.business_ids is not None:
        asked = _asked(message)
        more = len({id_ for id_ in message.data.business_ids if id_ > (message.data.after or "")}) > len(asked)
        known = [state.get(ById(BUSINESSES, id_, guard=False)) for id_ in asked]
        following = asked[-1] if more else None
        page = [one for one in known if one is not None and _fits(one, message)]
    else:
        page = state.all(_page(message, region))
        following = page[-1].business_id if len(page) == _limit(message) else None
        page = [one for one in page if _fits(one, message)]
    return [one for one in page if regions.within(one.region, region)], following


def _fits(business: Business, message: Received[BusinessRequest]) -> bool:
    asked = message.data
    return asked.status in {None, business.status} and (not asked.suspected or bool(business.possible_duplicates))


# --- what a business has ----------------------------------------------------------------------------------------------


def _of_business_needs(
    message: Received[OfBusinessRequest], state: WorkingSet, collection: Collection[S]
) -> Iterable[Lookup]:
    yield from authority_needs(message)
    lookups = list(business_needs(message.data.business_id, state, guard=False))
    yield from lookups
    business = None if state.missing(lookups) else living(message.data.business_id, state, guard=False)
    if business is not None:
        yield _of_business(business, message, collection)


def _of_business(business: Business, message: Received[OfBusinessRequest], collection: Collection[S]) -> Page[S]:
    tag, asked = products.of_business(business.business_id), message.data
    return Page(collection, tag, after=asked.after or "", limit=asked.limit, guard=False)


def _have(
    message: Received[OfBusinessRequest], state: WorkingSet, now: datetime, collection: Collection[S]
) -> tuple[Sequence[S], list[Problem]]:
    business = living(message.data.business_id, state, guard=False)
    region = business.region if business is not None else None
    if problems := check_authority(message, state, now, region, "data.business_id"):
        return [], problems
    if business is None:
        return [], [problem("business.not_found", "data.business_id")]
    return state.all(_of_business(business, message, collection)), []


def _answered(found: Sequence[S], states: Iterable[BaseModel], message: Received[Any], key: str) -> Decision:
    following = str(getattr(found[-1], key)) if len(found) == message.data.limit else None
    return Decision(answer=[one.model_dump(mode="json", exclude_none=True) for one in states], next=following)


@routes.on("registry.product.request", lambda message, state: _of_business_needs(message, state, PRODUCTS))
def answer_products(message: Received[OfBusinessRequest], state: WorkingSet, now: datetime) -> Decision:
    found, problems = _have(message, state, now, PRODUCTS)
    return reject(*problems) if problems else _answered(found, map(products.public, found), message, "product_id")


@routes.on("registry.certificate.request", lambda message, state: _of_business_needs(message, state, CERTIFICATES))
def answer_certificates(message: Received[OfBusinessRequest], state: WorkingSet, now: datetime) -> Decision:
    found, problems = _have(message, state, now, CERTIFICATES)
    states = map(certificates.public, found)
    return reject(*problems) if problems else _answered(found, states, message, "certificate_id")
