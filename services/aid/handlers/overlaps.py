"""Overlaps: which there are, and what officials decide about them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from services.aid import overlap, store
from services.aid.handlers.recipients import person_needs, recipient_of
from services.aid.overlap import Overlap
from services.aid.problems import problem
from shared.agencies import authority_needs, check_authority
from shared.contracts.aid.overlaps import OverlapRequest, OverlapResolution, OverlapResolve
from shared.contracts.envelope import Received
from shared.contracts.problem import Problem
from shared.decision import Decision, reject
from shared.kernel.routes import Routes
from shared.kernel.state import Lookup, Page, WorkingSet
from shared.reference import region as regions

routes = Routes()


def _resolve_needs(message: Received[OverlapResolve], state: WorkingSet) -> Iterable[Lookup]:
    lookup = store.overlap(message.data.overlap_id)
    yield from authority_needs(message)
    yield lookup
    known = None if state.missing([lookup]) else state.get(lookup)
    if known is not None:
        yield from person_needs(known.sides[0].person_id, state)


@routes.on("aid.overlap.resolve", _resolve_needs)
def resolve(message: Received[OverlapResolve], state: WorkingSet, now: datetime) -> Decision:
    """Settled by an official of one of the two offices, or of one that both lie within (S3-06)."""
    known = state.get(store.overlap(message.data.overlap_id))
    problems = _refused(message, known, state, now)
    if known is None or problems:
        return reject(*problems)
    if known.resolution is not None and known.resolution.resolution == message.data.resolution:
        return Decision(result=_result(known, "unchanged"))
    resolution = OverlapResolution(
        resolution=message.data.resolution,
        agency=message.account,
        reason=message.data.reason,
        on=regions.local_date(now, known.regions[0]),
    )
    recipient = recipient_of(known.sides[0].person_id, state)
    written = overlap.resolved(known, resolution, recipient, message.cause, now)
    (after,) = written.overlaps
    return Decision(changes=written.changes, facts=written.facts, result=_result(after, "resolved"))


def _refused(
    message: Received[OverlapResolve], known: Overlap | None, state: WorkingSet, now: datetime
) -> list[Problem]:
    field = "data.overlap_id"
    mine = [] if known is None else [one.region for one in known.sides if one.agency == message.account]
    places: list[str | None] = [*(mine or (known.regions if known is not None else ()))]
    for place in places or [None]:
        if problems := check_authority(message, state, now, place, field):
            return problems
    if known is None:
        return [problem("overlap.unknown", field)]
    if known.status == "cleared":
        return [problem("overlap.cleared", field)]
    if overlap.own_interest(known, message.account):
        return [problem("overlap.own_interest", field)]
    return []


def _result(known: Overlap, outcome: str) -> dict[str, str | int]:
    return {"overlap_id": known.overlap_id, "sequence": known.sequence, "outcome": outcome}


def _request_needs(message: Received[OverlapRequest], _: WorkingSet) -> Iterable[Lookup]:
    return [*authority_needs(message), _page(message)]


def _page(message: Received[Any]) -> Page[Overlap]:
    asked: OverlapRequest = message.data
    return store.overlaps_told(
        asked.status, asked.region or message.account, after=asked.after or "", limit=asked.limit
    )


@routes.on("aid.overlap.request", _request_needs)
def answer_overlaps(message: Received[OverlapRequest], state: WorkingSet, now: datetime) -> Decision:
    """The asker's own wherever they are, or all that touch a region of its own."""
    if problems := check_authority(message, state, now, message.data.region, "data.region"):
        return reject(*problems)
    found = state.all(_page(message))
    return Decision(
        answer=[one.published().model_dump(mode="json", exclude_none=True) for one in found],
        next=found[-1].overlap_id if len(found) == message.data.limit else None,
    )
