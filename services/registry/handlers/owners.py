"""What is told and asked of owners by themselves: what they agree to, who they are, who has read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from services.registry import access
from services.registry import consent as consents
from services.registry import owner as owners
from services.registry.access import Access
from services.registry.consent import WITHDRAWN, Agreement
from services.registry.observation import Seen
from services.registry.problems import problem
from services.registry.store import BUSINESSES, OWNERS, accesses_of, businesses_of
from shared.agencies import agency_lookup, authority_needs, check_authority
from shared.contracts.envelope import Received
from shared.contracts.problem import Problem
from shared.contracts.registry.owners import AccessRequest, ConsentRecord, ConsentWithdraw, OwnerRequest
from shared.decision import Decision, reject
from shared.kernel.routes import Routes
from shared.kernel.state import ById, Lookup, Page, WorkingSet
from shared.reference import region as regions

routes = Routes()

HEARS_REFUSALS = "notify"
"""Our service that people answer: a STOP from a phone is the owner's own word, and needs no agency to repeat it."""


# --- who may speak for an owner ---------------------------------------------------------------------------------------


def owner_needs(message: Received[Any], _: WorkingSet) -> Iterable[Lookup]:
    """The owner, and the businesses that say where the owner is."""
    owner_id = message.data.owner_id
    return [*authority_needs(message), ById(OWNERS, owner_id), businesses_of(owner_id)]


def region_of(owner_id: str, message: Received[Any], state: WorkingSet) -> str:
    """Where the owner is, as far as it concerns the sender: in a place of the sender's, if a business lies there."""
    places = sorted(one.region for one in state.all(businesses_of(owner_id)))
    agency = state.get(agency_lookup(message.account))
    own = (place for place in places if agency is not None and regions.within(place, agency.region))
    return next(own, places[0] if places else regions.NATION)


# --- consent ----------------------------------------------------------------------------------------------------------


@routes.on("registry.consent.record", owner_needs)
def record_consent(message: Received[ConsentRecord], state: WorkingSet, now: datetime) -> Decision:
    region = region_of(message.data.owner_id, message, state)
    if problems := check_authority(message, state, now, region, "data.owner_id"):
        return reject(*problems)
    if message.data.given_on > regions.local_date(now, region):
        return reject(problem("consent.given_in_future", "data.given_on"))
    agreed = consents.agreement(message.data.given_on, message.data.proof)
    return _agreed(message, state, agreed, region, "recorded")


@routes.on("registry.consent.withdraw", owner_needs)
def withdraw_consent(message: Received[ConsentWithdraw], state: WorkingSet, now: datetime) -> Decision:
    region = region_of(message.data.owner_id, message, state)
    if problems := _may_withdraw(message, state, now, region):
        return reject(*problems)
    return _agreed(message, state, WITHDRAWN, region, "withdrawn")


def _may_withdraw(message: Received[Any], state: WorkingSet, now: datetime, region: str) -> list[Problem]:
    if message.account == HEARS_REFUSALS:
        return []
    return check_authority(message, state, now, region, "data.owner_id")


def _agreed(
    message: Received[ConsentRecord] | Received[ConsentWithdraw],
    state: WorkingSet,
    word: Agreement,
    region: str,
    outcome: str,
) -> Decision:
    known = state.get(ById(OWNERS, message.data.owner_id))
    if known is None:
        return reject(problem("owner.not_found", "data.owner_id"))
    told: Mapping[str, Agreement] = dict.fromkeys(message.data.channels, word)
    by = Seen(
        at=message.time or message.received_at, intake_id=message.id, account=message.account, firm=not word.given
    )
    heard = owners.observed(known, told, by)
    after, facts = owners.announced(known, heard, region)
    return Decision(
        changes=[after] if after is not known else [],
        facts=facts,
        result={"owner_id": known.owner_id, "outcome": outcome if facts else "unchanged"},
        warnings=owners.unheard(told, by, heard, "data.channels"),
    )


# --- questions --------------------------------------------------------------------------------------------------------


def _wanted(message: Received[OwnerRequest], state: WorkingSet) -> list[str]:
    """The owners asked about, in the order of their ids, from where the page begins."""
    ids = set(message.data.owner_ids)
    if message.data.business_id is not None:
        business = state.get(ById(BUSINESSES, message.data.business_id, guard=False))
        ids |= {business.owner_id} if business is not None else set()
    return sorted(one for one in ids if one > (message.data.after or ""))


def _request_needs(message: Received[OwnerRequest], state: WorkingSet) -> Iterable[Lookup]:
    yield from authority_needs(message)
    if message.data.business_id is not None:
        lookup = ById(BUSINESSES, message.data.business_id, guard=False)
        yield lookup
        if state.missing([lookup]):
            return
    for owner_id in _wanted(message, state)[: message.data.limit]:
        yield ById(OWNERS, owner_id, guard=False)
        yield businesses_of(owner_id)


@routes.on("registry.owner.request", _request_needs)
def answer_owners(message: Received[OwnerRequest], state: WorkingSet, now: datetime) -> Decision:
    """Whose business lies in the asker's region is told whole, and that is recorded; of others only that they exist."""
    if problems := check_authority(message, state, now, None, None):
        return reject(*problems)
    wanted = _wanted(message, state)
    page = wanted[: message.data.limit]
    found = [one for owner_id in page if (one := state.get(ById(OWNERS, owner_id, guard=False))) is not None]
    near = {one.owner_id for one in found if _is_near(one.owner_id, message, state)}
    return Decision(
        changes=access.recorded(message, sorted(near), message.data.purpose, now),
        answer=[owners.described(one, whole=one.owner_id in near) for one in found],
        next=page[-1] if len(wanted) > len(page) else None,
    )


def _is_near(owner_id: str, message: Received[Any], state: WorkingSet) -> bool:
    region = region_of(owner_id, message, state)
    agency = state.get(agency_lookup(message.account))
    return agency is not None and regions.within(region, agency.region)


def _access_needs(message: Received[AccessRequest], state: WorkingSet) -> Iterable[Lookup]:
    return [*owner_needs(message, state), _access_page(message)]


@routes.on("registry.access.request", _access_needs)
def answer_accesses(message: Received[AccessRequest], state: WorkingSet, now: datetime) -> Decision:
    owner_id = message.data.owner_id
    if problems := check_authority(message, state, now, region_of(owner_id, message, state), "data.owner_id"):
        return reject(*problems)
    if state.get(ById(OWNERS, owner_id)) is None:
        return reject(problem("owner.not_found", "data.owner_id"))
    found = state.all(_access_page(message))
    shown = found[: message.data.limit]
    return Decision(
        answer=[access.described(one) for one in shown],
        next=shown[-1].access_id if len(found) > len(shown) else None,
    )


def _access_page(message: Received[AccessRequest]) -> Page[Access]:
    # One more than asked for, to know whether there is a next page.
    return accesses_of(message.data.owner_id, message.data.after, message.data.limit + 1)
