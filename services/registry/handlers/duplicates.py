"""Records that may be one business: the clock that looks for them, and what officials decide of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.registry import business as businesses
from services.registry import duplicate
from services.registry.business import Business
from services.registry.certificate import Certificate
from services.registry.duplicate import Pair, Policy
from services.registry.handlers import naming
from services.registry.problems import problem
from services.registry.product import Product, of_business
from services.registry.store import BUSINESSES, CERTIFICATES, OWNERS, PRODUCTS
from shared.agencies import authority_needs, check_authority
from shared.contracts.envelope import Received
from shared.contracts.problem import Problem
from shared.contracts.registry.businesses import BusinessDeclareDistinct, BusinessMerge
from shared.decision import Decision, reject
from shared.kernel.routes import Routes, Worker, stepping
from shared.kernel.state import AtMost, ById, Due, Lookup, Page, WorkingSet
from shared.reference import region as regions

routes = Routes()

COMPARED_AT_ONCE = 50
"""Businesses of one step: each has up to three blocks to read, all of them in one command."""

MOVED_AT_ONCE = 200
"""Products of either, and certificates, that a merge looks at in its one transaction: fewer than this."""

# --- the clock --------------------------------------------------------------------------------------------------------


def compare_needs(message: Received[Any], state: WorkingSet) -> Iterator[Lookup]:
    due = _due(message.received_at)
    yield due
    found = () if state.missing([due]) else state.all(due)
    yield from (ById(OWNERS, business.owner_id, guard=False) for business in found)
    yield from (ById(BUSINESSES, other) for business in found for other in business.possible_duplicates)
    if state.missing([ById(OWNERS, business.owner_id, guard=False) for business in found]):
        return
    blocks = [_members(tag, message.received_at) for tag in _blocks(found, message, state)]
    yield from blocks
    if not state.missing(blocks):
        yield from _too_large(found, message, state)


def _due(now: datetime) -> Due[Business]:
    return Due(BUSINESSES, until=now, limit=COMPARED_AT_ONCE)


def _placed(business: Business, message: Received[Any], state: WorkingSet) -> Business:
    """The business with the token of where its owner is reached now."""
    owner = state.get(ById(OWNERS, business.owner_id, guard=False))
    place = duplicate.place_of(business, owner.phone if owner is not None else None, message)
    return business if place == business.place else business.model_copy(update={"place": place})


def _blocks(due: Sequence[Business], message: Received[Any], state: WorkingSet) -> list[str]:
    """The tags of all blocks in which these are, and in which they were when they were last compared."""
    return sorted({tag for one in due for tag in (*_in(_placed(one, message, state)), *_in(one), *one.compared)})


def _in(business: Business) -> Iterable[str]:
    return duplicate.blocks(business).values()


def _members(tag: str, now: datetime) -> AtMost[Business]:
    """One more than may be in a block, and those that this step may take out of it. Not guarded: whoever changes what
    these rest on is looked at in turn."""
    return AtMost(BUSINESSES, tag, limit=duplicate.most(tag, _policies(now)) + 1 + COMPARED_AT_ONCE)


def _too_large(due: Sequence[Business], message: Received[Any], state: WorkingSet) -> list[AtMost[Business]]:
    """Those who were flagged in a block before it grew too large: not more than were in it then."""
    small = _small(due, message, state)
    large = (_members(tag, message.received_at) for tag, says in small.items() if not says)
    return [replace(one, tag=duplicate.by_flag(one.tag)) for one in large]


def _small(due: Sequence[Business], message: Received[Any], state: WorkingSet) -> dict[str, bool]:
    members = {tag: state.all(_members(tag, message.received_at)) for tag in _blocks(due, message, state)}
    now = [_placed(one, message, state) for one in due]
    return duplicate.small(now, members, _policies(message.received_at))


def _policies(now: datetime) -> Mapping[str, Policy]:
    return duplicate.policies_on(regions.local_date(now, regions.NATION))


def compare(message: Received[Any], state: WorkingSet, now: datetime) -> Decision:
    stored = state.all(_due(now))
    due, small = [_placed(one, message, state) for one in stored], _small(stored, message, state)
    blocks = {tag: state.all(_members(tag, now)) for tag in small}
    flagged = (ById(BUSINESSES, other) for one in due for other in one.possible_duplicates)
    others = {one.business_id: one for tag, found in blocks.items() if small[tag] for one in found}
    others |= {one.business_id: one for lookup in flagged if (one := state.get(lookup)) is not None}
    reached = [*others.values(), *(one for found in blocks.values() for one in found)]
    reached += [one for lookup in _too_large(stored, message, state) for one in state.all(lookup)]
    again = _crossed(due, reached, small, now) | _moved(due, reached, message, state)
    decision = duplicate.flagged(due, (others | again).values(), small, _policies(now))
    changed = {one.business_id for one in decision.changes if isinstance(one, Business)}
    return replace(decision, changes=[*decision.changes, *(again[id_] for id_ in again.keys() - changed)])


def _crossed(
    due: Sequence[Business], reached: Iterable[Business], small: Mapping[str, bool], now: datetime
) -> dict[str, Business]:
    """Others in a block that these have made too large or small enough: they are looked at next."""
    mine = {one.business_id for one in due}
    causes = [one.comparing.cause for one in due if one.comparing is not None]
    return {
        one.business_id: businesses.to_compare(one, causes[0], now)
        for one in reached
        if one.business_id not in mine and one.comparing is None and duplicate.crossed(one, small)
    }


def _moved(
    due: Iterable[Business], others: Iterable[Business], message: Received[Any], state: WorkingSet
) -> dict[str, Business]:
    """Others of the same owners whose place is as of an older number: they are looked at next."""
    causes = {one.owner_id: one.comparing.cause for one in due if one.comparing is not None}
    mine = {one.business_id for one in due}
    return {
        one.business_id: businesses.to_compare(one, causes[one.owner_id], message.received_at)
        for one in others
        if one.business_id not in mine
        and one.owner_id in causes
        and one.comparing is None
        and _placed(one, message, state).place != one.place
    }


compare_worker = Worker("duplicates", stepping(compare_needs, compare), patient=True)

# --- officials --------------------------------------------------------------------------------------------------------


def _merge_needs(message: Received[BusinessMerge], state: WorkingSet) -> Iterable[Lookup]:
    absorb = ById(BUSINESSES, message.data.absorb)
    yield from (*authority_needs(message), ById(BUSINESSES, message.data.keep), absorb)
    known = None if state.missing([absorb]) else state.get(absorb)
    for other in (*known.possible_duplicates, *known.absorbed) if known is not None else ():
        yield ById(BUSINESSES, other)
    yield from naming.owners_needs((message.data.keep, message.data.absorb), state)
    yield from (_products(message.data.absorb), _certificates(message.data.absorb), _products(message.data.keep))


def _all(ids: Iterable[str], state: WorkingSet) -> list[Business]:
    return [one for id_ in ids if (one := state.get(ById(BUSINESSES, id_))) is not None]


def _products(business_id: str) -> Page[Product]:
    return Page(PRODUCTS, of_business(business_id), limit=MOVED_AT_ONCE)


def _certificates(business_id: str) -> Page[Certificate]:
    return Page(CERTIFICATES, of_business(business_id), limit=MOVED_AT_ONCE)


@routes.on("registry.business.merge", _merge_needs)
def merge(message: Received[BusinessMerge], state: WorkingSet, now: datetime) -> Decision:
    named = {"data.keep": message.data.keep, "data.absorb": message.data.absorb}
    found, problems = _pair(message, state, now, named)
    if problems:
        return reject(*problems)
    keep, absorb = found
    if problems := naming.problems({"id": message.id, "data.reason": message.data.reason}, state, keep, absorb):
        return reject(*problems)
    likes, older = _all(absorb.possible_duplicates, state), _all(absorb.absorbed, state)
    theirs, papers = state.all(_products(absorb.business_id)), state.all(_certificates(absorb.business_id))
    own = state.all(_products(keep.business_id))
    # Of more there would be some that nobody has looked at, and one of them may be the same product.
    if max(len(theirs), len(papers), len(own)) == MOVED_AT_ONCE:
        return reject(problem("business.merge_too_much", "data.absorb"))
    pair = Pair(keep, absorb, likes, older, theirs, papers, own)
    return duplicate.merge(pair, message.data.reason, message, now)


def _distinct_needs(message: Received[BusinessDeclareDistinct], state: WorkingSet) -> Iterable[Lookup]:
    pair = (message.data.business_id, message.data.other_id)
    return [*authority_needs(message), *(ById(BUSINESSES, id_) for id_ in pair), *naming.owners_needs(pair, state)]


@routes.on("registry.business.declare_distinct", _distinct_needs)
def declare_distinct(message: Received[BusinessDeclareDistinct], state: WorkingSet, now: datetime) -> Decision:
    named = {"data.business_id": message.data.business_id, "data.other_id": message.data.other_id}
    found, problems = _pair(message, state, now, named)
    if problems:
        return reject(*problems)
    one, other = found
    if problems := naming.problems({"id": message.id, "data.reason": message.data.reason}, state, one, other):
        return reject(*problems)
    return duplicate.declare_distinct(one, other, message.data.reason)


def _pair(
    message: Received[Any], state: WorkingSet, now: datetime, named: Mapping[str, str]
) -> tuple[list[Business], list[Problem]]:
    """The two businesses, by the fields that name them; both must be there, and be the agency's."""
    found = {field: state.get(ById(BUSINESSES, id_)) for field, id_ in named.items()}
    for field, business in found.items():
        if problems := check_authority(message, state, now, business.region if business else None, field):
            return [], problems
    return [one for one in found.values() if one is not None], duplicate.check_pair(found)
