"""Agencies and their officials, as every service keeps them to know who may do what.

registry owns them; the other services keep copies from its events. Both check authority here, against what they have
themselves, so no decision waits for another service.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from shared.contracts.authority import (
    WITHIN,
    check_actor,
    check_administrator,
    check_agency,
    check_region,
    official_id,
    reach_of,
)
from shared.contracts.catalogue import TYPES
from shared.contracts.common import AgencyRequest
from shared.contracts.envelope import ADMINISTRATOR, Received
from shared.contracts.problem import Problem
from shared.contracts.registry.agencies import AgencyEvent, AgencyState, OfficialEvent, OfficialState
from shared.decision import Decision, reject
from shared.kernel.routes import Routes
from shared.kernel.state import ById, ByTag, Collection, Lookup, Page, WorkingSet
from shared.reference import region as regions


class AgencyRecord(AgencyState):
    """An agency's public state, and the sequence of the event that carries it."""

    sequence: int

    def published(self) -> AgencyState:
        return AgencyState.model_validate(self.model_dump())


class OfficialRecord(OfficialState):
    """An official's public state, and the sequence of the event that carries it.

    ``handle`` is the agency's own word for the official. registry alone keeps it, to say it to that agency again.
    """

    sequence: int
    handle: str | None = None

    def published(self) -> OfficialState:
        return OfficialState.model_validate(self.model_dump())


EVERY_AGENCY = "every"


def agencies_within(region: str) -> str:
    """The tag of all agencies of a region and of what lies within."""
    return EVERY_AGENCY if region == regions.NATION else f"within {region}"


def _agency_tags(agency: AgencyRecord) -> set[str]:
    words = agency.region.split(".")
    return {EVERY_AGENCY, *(agencies_within(".".join(words[:end])) for end in range(1, len(words) + 1))}


AGENCIES: Collection[AgencyRecord] = Collection(
    name="agencies",
    model=AgencyRecord,
    id_of=lambda one: one.agency,
    tags=_agency_tags,
    reference=True,
)
OFFICIALS: Collection[OfficialRecord] = Collection(
    name="officials",
    model=OfficialRecord,
    id_of=lambda one: one.official_id,
    tags=lambda one: (one.agency,),
    reference=True,
)


def agency_lookup(account: str) -> ById[AgencyRecord]:
    """The agency as reference data: a decision is in order if the sender was permitted when it was taken."""
    return ById(AGENCIES, account, guard=False)


def official_lookup(agency: str, handle: str) -> ById[OfficialRecord]:
    """The official as reference data, as ``agency_lookup``."""
    return ById(OFFICIALS, official_id(agency, handle), guard=False)


# --- authority ------------------------------------------------------------------------------------------------------


def authority_needs(message: Received[Any]) -> list[Lookup]:
    """What ``check_authority`` will look at."""
    needs: list[Lookup] = [agency_lookup(message.account)]
    if message.actor is not None:
        needs.append(official_lookup(message.account, message.actor))
    return needs


def check_authority(
    message: Received[Any], state: WorkingSet, now: datetime, region: str | None, field: str | None
) -> list[Problem]:
    """May this account, and the official it names, say this about this region now? No problems means yes.

    ``region`` is a Kemendagri code, None where the message is about no place; ``field`` is where the sender named it.
    An administrator-only type asks for nothing but the administrator; otherwise the agency must be known, active and
    permitted, the region its own or within (S3-06), and for a decision the official in office today, in the agency's
    own zone, with a role that covers it (S0-03, S1-07).
    """
    if TYPES[message.type].administrator:
        return check_administrator(message.account, ADMINISTRATOR)
    agency = state.get(agency_lookup(message.account))
    problems = check_agency(agency, message.type)
    if agency is None or problems:
        return problems
    if region is not None:
        problems += check_region(agency, message.type, region, field)
    if TYPES[message.type].decision:
        problems += _check_official(message, state, now, agency)
    return problems


def check_asker(message: Received[Any], state: WorkingSet, now: datetime) -> list[Problem]:
    """As ``check_authority`` for what is about no place, which the administrator may send as well."""
    return [] if message.account == ADMINISTRATOR else check_authority(message, state, now, None, None)


def _check_official(message: Received[Any], state: WorkingSet, now: datetime, agency: AgencyRecord) -> list[Problem]:
    official = None if message.actor is None else state.get(official_lookup(message.account, message.actor))
    today = regions.local_date(now, agency.region)
    return check_actor(agency.level, official, message.actor, message.type, today)


# --- copies from registry's events ------------------------------------------------------------------------------------


def register_copies(routes: Routes) -> None:
    """Keep copies of agencies and officials: level, not edge, so late and doubled events change nothing."""

    def agency_needs(message: Received[AgencyEvent], _: WorkingSet) -> Iterable[Lookup]:
        return [ById(AGENCIES, message.data.agency.agency)]

    @routes.on("registry.agency.*", agency_needs)
    def keep_agency(message: Received[AgencyEvent], state: WorkingSet, _: datetime) -> Decision:
        told = message.data.agency
        if not message.is_news_to(state.get(ById(AGENCIES, told.agency))):
            return Decision()
        return Decision(changes=[AgencyRecord(**told.model_dump(), sequence=message.sequence)])

    def official_needs(message: Received[OfficialEvent], _: WorkingSet) -> Iterable[Lookup]:
        return [ById(OFFICIALS, message.data.official.official_id)]

    @routes.on("registry.official.*", official_needs)
    def keep_official(message: Received[OfficialEvent], state: WorkingSet, _: datetime) -> Decision:
        told = message.data.official
        if not message.is_news_to(state.get(ById(OFFICIALS, told.official_id))):
            return Decision()
        return Decision(changes=[OfficialRecord(**told.model_dump(), sequence=message.sequence)])


# --- the question who is known ----------------------------------------------------------------------------------------


def register_question(routes: Routes, key: str) -> None:
    """Answer ``key`` (``aid.agency.request``): which agencies and officials are known here, as of which sequence.

    An operator compares the services' answers to see whether a copy has caught up. An agency that may ask sees itself
    and, where the table lets it reach further, those within its region (S3-06).
    """

    def needs(message: Received[AgencyRequest], state: WorkingSet) -> Iterable[Lookup]:
        first = authority_needs(message)
        yield from first
        if state.missing(first):
            return
        seen = _seen(message, state)
        yield seen
        if not state.missing([seen]):
            yield from (_officials_of(agency) for agency in _found(seen, state)[: message.data.limit])

    @routes.on(key, needs)
    def answer(message: Received[AgencyRequest], state: WorkingSet, now: datetime) -> Decision:
        if problems := check_asker(message, state, now):
            return reject(*problems)
        found = _found(_seen(message, state), state)
        shown = found[: message.data.limit]
        return Decision(
            answer=[_described(agency, state.all(_officials_of(agency))) for agency in shown],
            next=shown[-1].agency if len(found) > len(shown) else None,
        )


def _seen(message: Received[AgencyRequest], state: WorkingSet) -> Page[AgencyRecord] | ById[AgencyRecord]:
    """What the sender may see of the agencies."""
    if message.account == ADMINISTRATOR:
        return _page(message, EVERY_AGENCY)
    agency = state.get(agency_lookup(message.account))
    if agency is not None and reach_of(agency.level, message.type) == WITHIN:
        return _page(message, agencies_within(agency.region))
    return agency_lookup(message.account)


def _page(message: Received[AgencyRequest], tag: str) -> Page[AgencyRecord]:
    # One more than asked for, to know whether there is a next page.
    return Page(AGENCIES, tag, after=message.data.after or "", limit=message.data.limit + 1, guard=False)


def _found(seen: Page[AgencyRecord] | ById[AgencyRecord], state: WorkingSet) -> list[AgencyRecord]:
    if isinstance(seen, Page):
        return state.all(seen)
    agency = state.get(seen)
    return [] if agency is None else [agency]


def _officials_of(agency: AgencyRecord) -> ByTag[OfficialRecord]:
    return ByTag(OFFICIALS, agency.agency, guard=False)


def _described(agency: AgencyRecord, officials: Sequence[OfficialRecord]) -> dict[str, Any]:
    ordered = sorted(officials, key=lambda one: one.official_id)
    shown = [one.model_dump(mode="json", exclude={"handle"}) for one in ordered]
    return {**agency.model_dump(mode="json"), "officials": shown}
