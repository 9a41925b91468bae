"""Statistics: what leaves a movement, the clock that folds them, and the questions answered from what it keeps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from services.registry import counting, statistics
from services.registry.business import Business
from services.registry.cooperative import Cooperative
from services.registry.counting import BY, Figures, Movement
from services.registry.problems import problem
from services.registry.statistics import Publication
from services.registry.store import FIGURES, MOVEMENTS, PAST_FIGURES, PUBLICATIONS, collection_of
from shared.agencies import agency_lookup, authority_needs, check_authority
from shared.contracts.envelope import Received
from shared.contracts.problem import Problem
from shared.contracts.registry.statistics import StatisticsPublish, StatisticsRequest, StatisticsState
from shared.decision import Decision, reject
from shared.kernel.routes import Decide, Routes, Worker, stepping
from shared.kernel.state import ById, Due, Lookup, Page, WorkingSet
from shared.reference import region as regions

routes = Routes()

FOLDED_AT_ONCE = 500

# --- what leaves a movement -------------------------------------------------------------------------------------------


def counted(decide: Decide) -> Decide:
    """The same decision, with a movement for each business and cooperative that counts otherwise after it. All routes
    go through here, so that nobody has to remember."""

    def decide_and_count(message: Received[Any], state: WorkingSet, now: datetime) -> Decision:
        decision = decide(message, state, now)
        movements = [one for one in (_moved(change, state, now) for change in decision.changes) if one is not None]
        return replace(decision, changes=[*decision.changes, *movements]) if movements else decision

    return decide_and_count


def _moved(change: Any, state: WorkingSet, now: datetime) -> Movement | None:
    if not isinstance(change, Business | Cooperative):
        return None
    collection = collection_of(change)
    lookup = ById(collection, collection.id_of(change))
    return counting.moved(state.get(lookup) if state.found(lookup) else None, change, now)


# --- the clock --------------------------------------------------------------------------------------------------------


def _due(now: datetime) -> Due[Movement]:
    return Due(MOVEMENTS, until=now, limit=FOLDED_AT_ONCE)


def fold_needs(message: Received[Any], state: WorkingSet) -> Iterator[Lookup]:
    due = _due(message.received_at)
    yield due
    if not state.missing([due]):
        yield from _touched(state.all(due))


def _touched(movements: Iterable[Movement]) -> list[ById[Figures]]:
    ids = {counting.figures_id(one.of, place): None for one in movements for place in counting.places(one)}
    return [ById(FIGURES, id_) for id_ in ids]


def fold(message: Received[Any], state: WorkingSet, now: datetime) -> Decision:
    movements = state.all(_due(now))
    known = [one for lookup in _touched(movements) if (one := state.get(lookup)) is not None]
    after = counting.folded(known, movements)
    return Decision(changes=[*after.figures, *after.past], removals=movements)


# Not nudged: movements of a second together write each figure once, and figures may lag by as much.
fold_worker = Worker("figures", stepping(fold_needs, fold), every=1.0, nudged=False, patient=True)

# --- questions --------------------------------------------------------------------------------------------------------


def _region(message: Received[StatisticsRequest], state: WorkingSet) -> str | None:
    agency = agency_lookup(message.account)
    own = None if state.missing([agency]) else state.get(agency)
    return message.data.region or (own.region if own is not None else None)


def _as_of(message: Received[StatisticsRequest]) -> date:
    return message.data.as_of or regions.local_date(message.received_at, regions.NATION)


def _request_needs(message: Received[StatisticsRequest], state: WorkingSet) -> Iterator[Lookup]:
    yield from authority_needs(message)
    region = _region(message, state)
    for place in regions.ancestry(region) if region is not None else ():
        yield _latest(message, place)
        yield _before(message, place)


def _latest(message: Received[StatisticsRequest], place: str) -> ById[Figures]:
    return ById(FIGURES, counting.figures_id(message.data.of, place), guard=False)


def _before(message: Received[StatisticsRequest], place: str) -> Page[Any]:
    """The one document that says what was, if the latest is of a later day."""
    of = message.data.of
    after = counting.just_before(of, place, _as_of(message))
    return Page(PAST_FIGURES, counting.figures_id(of, place), after=after, limit=1, guard=False)


def _figures(message: Received[StatisticsRequest], state: WorkingSet, place: str) -> tuple[Figures | None, bool]:
    """A region's figures as of the day asked for, and whether there are any at all, of whatever day."""
    latest = state.get(_latest(message, place))
    if latest is None or latest.day <= _as_of(message):
        return latest, latest is not None
    past = state.all(_before(message, place))
    return (past[0] if past else None), True


def _is_own(place: str, message: Received[StatisticsRequest], state: WorkingSet) -> bool:
    """Whether the asker could ask for this region too, and reckon one answer from another. What an office is answered
    about the whole of its region is not left out for its neighbours' sake."""
    agency = state.get(agency_lookup(message.account))
    return agency is not None and regions.within(place, agency.region)


def _answer(
    message: Received[StatisticsRequest], state: WorkingSet, now: datetime, *, public: bool
) -> tuple[StatisticsState | None, list[Problem]]:
    """The table asked for; ``public`` if it is for everybody, who may see the tables of all regions above as well."""
    told, region, as_of = message.data, _region(message, state), _as_of(message)
    if problems := check_authority(message, state, now, region, "data.region"):
        return None, problems
    if told.by is not None and told.by not in BY[told.of]:
        return None, [problem("statistics.by", "data.by")]
    if as_of > regions.local_date(now, regions.NATION):
        return None, [problem("statistics.as_of_in_future", "data.as_of")]
    place = region or regions.NATION
    figures, any_day = _figures(message, state, place)
    if figures is None and any_day:
        return None, [problem("statistics.before_first_record", "data.as_of")]
    figures = figures or Figures(of=told.of, region=place, day=as_of)
    way = regions.ancestry(place)[:-1]
    seen = way if public else [higher for higher in way if _is_own(higher, message, state)]
    above = [one for higher in seen if (one := _figures(message, state, higher)[0]) is not None]
    return statistics.state(figures, above, told.by, as_of, told.outside), []


@routes.on("registry.statistics.request", _request_needs)
def answer_statistics(message: Received[StatisticsRequest], state: WorkingSet, now: datetime) -> Decision:
    found, problems = _answer(message, state, now, public=False)
    return Decision(answer=found.model_dump(mode="json", exclude_none=True)) if found is not None else reject(*problems)


def _publish_needs(message: Received[StatisticsPublish], state: WorkingSet) -> Iterator[Lookup]:
    yield from _request_needs(message, state)
    region = _region(message, state)
    if region is not None:
        yield _publication(message, region)


def _publication(message: Received[StatisticsPublish], region: str) -> ById[Publication]:
    return ById(PUBLICATIONS, statistics.statistics_id(message.data.of, region, message.data.by))


@routes.on("registry.statistics.publish", _publish_needs)
def publish_statistics(message: Received[StatisticsPublish], state: WorkingSet, now: datetime) -> Decision:
    found, problems = _answer(message, state, now, public=True)
    if found is None:
        return reject(*problems)
    one, fact = statistics.published(state.get(_publication(message, found.region)), found)
    result = {"statistics_id": one.statistics_id, "sequence": one.sequence, "outcome": "published"}
    return Decision(changes=[one], facts=[fact], result=result)
