"""What officials decide of businesses."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from services.registry import business as businesses
from services.registry import owner as owners
from services.registry.business import Papers
from services.registry.problems import problem
from services.registry.store import BUSINESSES, OWNERS
from shared.agencies import (
    authority_needs,
    check_authority,
)
from shared.contracts.authority import official_id
from shared.contracts.envelope import Received
from shared.contracts.registry.businesses import (
    BusinessChange,
    BusinessClose,
    BusinessDeactivate,
    BusinessDesignate,
    BusinessReactivate,
    BusinessRelease,
    BusinessVerify,
    BusinessWithdraw,
)
from shared.decision import Decision, reject
from shared.kernel.routes import Routes
from shared.kernel.state import ById, Lookup, WorkingSet
from shared.reference import region as regions

routes = Routes()


Step = (
    BusinessVerify
    | BusinessDesignate
    | BusinessRelease
    | BusinessWithdraw
    | BusinessDeactivate
    | BusinessClose
    | BusinessReactivate
)


def _step_needs(message: Received[Step], state: WorkingSet) -> Iterable[Lookup]:
    business = ById(BUSINESSES, message.data.business_id)
    yield from (*authority_needs(message), business)
    known = None if state.missing([business]) else state.get(business)
    if known is not None:
        yield ById(OWNERS, known.owner_id, guard=False)


@routes.on("registry.business.verify", _step_needs)
def verify(message: Received[BusinessVerify], state: WorkingSet, now: datetime) -> Decision:
    change = BusinessChange(method=message.data.method)
    return _decided(message, state, now, businesses.VERIFY, Papers(change, note=message.data.note))


@routes.on("registry.business.designate", _step_needs)
def designate(message: Received[BusinessDesignate], state: WorkingSet, now: datetime) -> Decision:
    mentor = official_id(message.account, message.data.mentor) if message.data.mentor is not None else None
    papers = Papers(decree=message.data.decree, mentor=mentor)
    return _decided(message, state, now, businesses.DESIGNATE, papers)


@routes.on("registry.business.release", _step_needs)
def release(message: Received[BusinessRelease], state: WorkingSet, now: datetime) -> Decision:
    papers = Papers(decree=message.data.decree, note=message.data.note)
    return _decided(message, state, now, businesses.RELEASE, papers)


@routes.on("registry.business.deactivate", _step_needs)
def deactivate(message: Received[BusinessDeactivate], state: WorkingSet, now: datetime) -> Decision:
    change = BusinessChange(reason=message.data.reason)
    return _decided(message, state, now, businesses.DEACTIVATE, Papers(change, note=message.data.note))


@routes.on("registry.business.reactivate", _step_needs)
def reactivate(message: Received[BusinessReactivate], state: WorkingSet, now: datetime) -> Decision:
    return _decided(message, state, now, businesses.REACTIVATE, Papers(note=message.data.note))


@routes.on("registry.business.withdraw", _step_needs)
def withdraw(message: Received[BusinessWithdraw], state: WorkingSet, now: datetime) -> Decision:
    change = BusinessChange(reason=message.data.reason)
    return _decided(message, state, now, businesses.WITHDRAW, Papers(change, note=message.data.note))


@routes.on("registry.business.close", _step_needs)
def close(message: Received[BusinessClose], state: WorkingSet, now: datetime) -> Decision:
    change = BusinessChange(reason=message.data.reason)
    return _decided(message, state, now, businesses.CLOSE, Papers(change, note=message.data.note))


def _decided(
    message: Received[Any], state: WorkingSet, now: datetime, step: businesses.Step, papers: Papers
) -> Decision:
    """An official's decision, taken if the agency, the official and the state of the business allow it."""
    known = state.get(ById(BUSINESSES, message.data.business_id))
    region = known.region if known is not None else None
    if problems := check_authority(message, state, now, region, "data.business_id"):
        return reject(*problems)
    if known is None:
        return reject(problem("business.not_found", "data.business_id"))
    owner = state.get(ById(OWNERS, known.owner_id, guard=False))
    if problems := businesses.naming(papers, message.id, owners.personal_name(owner)):
        return reject(*problems)
    return businesses.decide(known, step, papers, regions.local_date(now, known.region))
