"""Censuses: opened by an official, visits recorded as they come, over when the last day has passed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from services.registry import census as censuses
from services.registry.business import Business
from services.registry.census import Census, Visit
from services.registry.handlers.calendar import Calendar
from services.registry.problems import problem
from services.registry.store import BUSINESSES, CENSUSES, VISITS, businesses_in
from shared.agencies import authority_needs, check_authority
from shared.contracts.authority import official_id
from shared.contracts.envelope import Received
from shared.contracts.registry.censuses import CensusOpen, CensusRecord, CensusRequest
from shared.decision import Decision, reject
from shared.kernel.routes import Routes
from shared.kernel.state import ById, Lookup, Page, WorkingSet
from shared.reference import region as regions

routes = Routes()


def _open_needs(message: Received[CensusOpen], _: WorkingSet) -> Iterable[Lookup]:
    return authority_needs(message)


@routes.on("registry.census.open", _open_needs)
def open_census(message: Received[CensusOpen], state: WorkingSet, now: datetime) -> Decision:
    if problems := check_authority(message, state, now, message.data.region, "data.region"):
        return reject(*problems)
    return censuses.opened(message, regions.local_date(now, message.data.region))


def _record_needs(message: Received[CensusRecord], _: WorkingSet) -> Iterable[Lookup]:
    return [
        *authority_needs(message),
        ById(CENSUSES, message.data.census_id),
        ById(BUSINESSES, message.data.business_id, guard=False),
        _visit(message.data.census_id, message.data.business_id),
    ]


def _visit(census_id: str, business_id: str) -> ById[Visit]:
    return ById(VISITS, censuses.visit_id(census_id, business_id))


@routes.on("registry.census.record", _record_needs)
def record_visit(message: Received[CensusRecord], state: WorkingSet, now: datetime) -> Decision:
    known = state.get(ById(CENSUSES, message.data.census_id))
    region = known.region if known is not None else None
    if problems := check_authority(message, state, now, region, "data.census_id"):
        return reject(*problems)
    if known is None:
        return reject(problem("census.not_found", "data.census_id"))
    business = state.get(ById(BUSINESSES, message.data.business_id, guard=False))
    if business is None:
        return reject(problem("business.not_found", "data.business_id"))
    handle = message.data.enumerator
    enumerator = official_id(message.account, handle) if handle is not None else None
    before = state.get(_visit(known.census_id, business.business_id))
    return censuses.visited(known, business, before, message, enumerator)


# --- the clock --------------------------------------------------------------------------------------------------------


calendar = Calendar("censuses", CENSUSES, lambda one, _: censuses.over(one))

# --- how far it is ----------------------------------------------------------------------------------------------------


def _request_needs(message: Received[CensusRequest], state: WorkingSet) -> Iterator[Lookup]:
    census = ById(CENSUSES, message.data.census_id, guard=False)
    yield from (*authority_needs(message), census)
    known = None if state.missing([census]) else state.get(census)
    if known is None:
        return
    page = _page(message, known)
    yield page
    if not state.missing([page]):
        yield from (_looked_up(known, business) for business in state.all(page))


def _page(message: Received[CensusRequest], census: Census) -> Page[Business]:
    # One more than is looked at, to know whether there is a next page.
    return businesses_in(census.region, message.data.after, message.data.limit + 1)


def _looked_up(census: Census, business: Business) -> ById[Visit]:
    return ById(VISITS, censuses.visit_id(census.census_id, business.business_id), guard=False)


@routes.on("registry.census.request", _request_needs)
def answer_census(message: Received[CensusRequest], state: WorkingSet, now: datetime) -> Decision:
    """How far it is, and whom nobody has visited. A page is of businesses looked at, so it may hold few, or none, and
    still have a next."""
    known = state.get(ById(CENSUSES, message.data.census_id, guard=False))
    region = known.region if known is not None else None
    if problems := check_authority(message, state, now, region, "data.census_id"):
        return reject(*problems)
    if known is None:
        return reject(problem("census.not_found", "data.census_id"))
    page = state.all(_page(message, known))
    looked_at = page[: message.data.limit]
    here = (one for one in looked_at if not one.gone and regions.within(one.region, known.region))
    missing = [one for one in here if state.get(_looked_up(known, one)) is None]
    return Decision(
        answer={
            "census": censuses.public(known).model_dump(mode="json"),
            "never_visited": [
                {"business_id": one.business_id, "name": one.name, "region": one.region} for one in missing
            ],
        },
        next=looked_at[-1].business_id if len(page) > len(looked_at) else None,
    )
