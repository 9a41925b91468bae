"""Drives to form cooperatives: opened by an official, counted as cooperatives come, over when their day has passed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from services.registry import drive as drives
from services.registry import membership
from services.registry.business import Business
from services.registry.drive import Drive
from services.registry.handlers.calendar import Calendar
from services.registry.problems import problem
from services.registry.store import DRIVES, MEMBERS, businesses_in
from shared.agencies import authority_needs, check_authority
from shared.contracts.envelope import Received
from shared.contracts.registry.cooperatives import DriveOpen, DriveRequest
from shared.decision import Decision, reject
from shared.kernel.routes import Routes
from shared.kernel.state import ById, ByTag, Lookup, Page, WorkingSet
from shared.reference import region as regions

routes = Routes()


def _open_needs(message: Received[DriveOpen], _: WorkingSet) -> Iterable[Lookup]:
    return authority_needs(message)


@routes.on("registry.drive.open", _open_needs)
def open_drive(message: Received[DriveOpen], state: WorkingSet, now: datetime) -> Decision:
    if problems := check_authority(message, state, now, message.data.region, "data.region"):
        return reject(*problems)
    return drives.opened(message, regions.local_date(now, message.data.region))


# --- the clock --------------------------------------------------------------------------------------------------------


calendar = Calendar("drives", DRIVES, lambda one, _: drives.lapsed(one))

# --- how far it is ----------------------------------------------------------------------------------------------------


def _request_needs(message: Received[DriveRequest], state: WorkingSet) -> Iterator[Lookup]:
    drive = ById(DRIVES, message.data.drive_id, guard=False)
    yield from (*authority_needs(message), drive)
    known = None if state.missing([drive]) else state.get(drive)
    if known is None:
        return
    page = _page(message, known)
    yield page
    if not state.missing([page]):
        yield from (_memberships(business) for business in state.all(page))


def _page(message: Received[DriveRequest], drive: Drive) -> Page[Business]:
    # One more than is looked at, to know whether there is a next page.
    return businesses_in(drive.region, message.data.after, message.data.limit + 1)


def _memberships(business: Business) -> ByTag[Any]:
    return ByTag(MEMBERS, membership.as_business(business.business_id), guard=False)


@routes.on("registry.drive.request", _request_needs)
def answer_drive(message: Received[DriveRequest], state: WorkingSet, now: datetime) -> Decision:
    """The drive, and the businesses of its region that belong to no cooperative yet (S0-06), by their ids. A page
    is of businesses looked at, so it may hold few of them, or none, and still have a next."""
    known = state.get(ById(DRIVES, message.data.drive_id, guard=False))
    region = known.region if known is not None else None
    if problems := check_authority(message, state, now, region, "data.drive_id"):
        return reject(*problems)
    if known is None:
        return reject(problem("drive.not_found", "data.drive_id"))
    page = state.all(_page(message, known))
    looked_at = page[: message.data.limit]
    here = (one for one in looked_at if not one.gone and regions.within(one.region, known.region))
    loose = [one for one in here if not state.all(_memberships(one))]
    return Decision(
        answer={
            "drive": drives.public(known).model_dump(mode="json"),
            "without_cooperative": [
                {"business_id": one.business_id, "name": one.name, "region": one.region} for one in loose
            ],
        },
        next=looked_at[-1].business_id if len(page) > len(looked_at) else None,
    )
