"""Cooperatives: what is reported, formed, founded and decided of them, and the clock of their yearly meetings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from services.registry import cooperative as cooperatives
from services.registry import drive as drives
from services.registry import membership
from services.registry import owner as owners
from services.registry.cooperative import Cooperative
from services.registry.drive import Drive
from services.registry.handlers.calendar import Calendar
from services.registry.membership import Known, Member
from services.registry.problems import problem, required
from services.registry.store import (
    BUSINESSES,
    COOPERATIVES,
    DRIVES,
    MEMBERS,
    OWNERS,
    cooperatives_in,
    members_of,
    of_drive,
)
from shared.agencies import agency_lookup, authority_needs, check_authority
from shared.contracts.authority import official_id
from shared.contracts.envelope import Received
from shared.contracts.problem import Problem
from shared.contracts.registry.cooperatives import (
    CooperativeAssess,
    CooperativeDissolve,
    CooperativeEnroll,
    CooperativeForm,
    CooperativeFound,
    CooperativeRecordRat,
    CooperativeReport,
    CooperativeReportOutcome,
    CooperativeRequest,
    CooperativeResign,
    Founder,
)
from shared.decision import Decision, reject
from shared.kernel.routes import Routes
from shared.kernel.state import ById, ByKey, Lookup, Page, WorkingSet
from shared.reference import region as regions

routes = Routes()

# --- reports ----------------------------------------------------------------------------------------------------------


def _report_needs(message: Received[CooperativeReport], _: WorkingSet) -> Iterable[Lookup]:
    return [*authority_needs(message), *_named(message)]


def _named(message: Received[CooperativeReport]) -> list[ById[Cooperative] | ByKey[Cooperative]]:
    """Where the cooperative of a report is looked for, the surest first."""
    told = message.data.cooperative
    by_id = [ById(COOPERATIVES, told.cooperative_id)] if told.cooperative_id is not None else []
    return [*by_id, *(ByKey(COOPERATIVES, key) for key in cooperatives.names_of(told, message.account))]


@routes.on("registry.cooperative.report", _report_needs)
def report_cooperative(message: Received[CooperativeReport], state: WorkingSet, now: datetime) -> Decision:
    told = message.data.cooperative
    found = [one for lookup in _named(message) if (one := state.get(lookup)) is not None]
    known = found[0] if found else None
    problems = check_authority(message, state, now, told.region, "data.cooperative.region")
    if known is not None and not problems:
        problems = check_authority(message, state, now, known.region, "data.cooperative")
    if problems:
        return reject(*problems)
    if told.cooperative_id is not None and state.get(ById(COOPERATIVES, told.cooperative_id)) is None:
        return reject(problem("cooperative.not_found", "data.cooperative.cooperative_id"))
    return cooperatives.report(message, known, found[1:], _today_there(message, known, state, now))


def _today_there(
    message: Received[CooperativeReport], known: Cooperative | None, state: WorkingSet, now: datetime
) -> date:
    """The date where the cooperative is; where that is not said, by the agency's own clock."""
    agency = state.get(agency_lookup(message.account))
    recorded = known or agency
    region = message.data.cooperative.region or (recorded.region if recorded is not None else regions.NATION)
    return regions.local_date(now, region)


# --- formed -----------------------------------------------------------------------------------------------------------


def _form_needs(message: Received[CooperativeForm], _: WorkingSet) -> Iterable[Lookup]:
    yield from authority_needs(message)
    if message.data.drive_id is not None:
        yield ById(DRIVES, message.data.drive_id)


@routes.on("registry.cooperative.form", _form_needs)
def form(message: Received[CooperativeForm], state: WorkingSet, now: datetime) -> Decision:
    if problems := check_authority(message, state, now, message.data.region, "data.region"):
        return reject(*problems)
    drive = None if message.data.drive_id is None else state.get(ById(DRIVES, message.data.drive_id))
    if message.data.drive_id is not None and drive is None:
        return reject(problem("drive.not_found", "data.drive_id"))
    if drive is not None and not regions.within(message.data.region, drive.region):
        return reject(problem("drive.elsewhere", "data.drive_id"))
    return _driven(cooperatives.form(message, regions.local_date(now, message.data.region)), None, drive)


def _driven(decision: Decision, before: Cooperative | None, drive: Drive | None) -> Decision:
    """The same, and what it means for the drive that the cooperative is part of."""
    after = next((one for one in decision.changes if isinstance(one, Cooperative)), None)
    if after is None or drive is None:
        return decision
    moved, facts = drives.counted(drive, before, after)
    if not facts:
        return decision
    return replace(decision, changes=[*decision.changes, moved], facts=[*decision.facts, *facts])


# --- one cooperative --------------------------------------------------------------------------------------------------


def _one_needs(message: Received[Any], state: WorkingSet) -> Iterator[Lookup]:
    """The cooperative, and the drive that it is part of."""
    lookup = ById(COOPERATIVES, message.data.cooperative_id)
    yield from (*authority_needs(message), lookup)
    known = None if state.missing([lookup]) else state.get(lookup)
    if known is not None and known.drive_id is not None:
        yield ById(DRIVES, known.drive_id)


def _one(message: Received[Any], state: WorkingSet, now: datetime) -> tuple[Cooperative | None, list[Problem]]:
    """The cooperative that a message is about, if the sender is of the level that supervises it: by the area of its
    members (Permenkop 9/2020), so a kab/kota decides nothing about one of several kab/kota (S4-15)."""
    known = state.get(ById(COOPERATIVES, message.data.cooperative_id))
    area = known.area if known is not None else None
    if problems := check_authority(message, state, now, area, "data.cooperative_id"):
        return None, problems
    return known, [] if known is not None else [problem("cooperative.not_found", "data.cooperative_id")]


def _drive_of(one: Cooperative, state: WorkingSet) -> Drive | None:
    return None if one.drive_id is None else state.get(ById(DRIVES, one.drive_id))


@routes.on("registry.cooperative.record_rat", _one_needs)
def record_rat(message: Received[CooperativeRecordRat], state: WorkingSet, now: datetime) -> Decision:
    known, problems = _one(message, state, now)
    if known is None:
        return reject(*problems)
    return cooperatives.record_rat(known, message, regions.local_date(now, known.region))


@routes.on("registry.cooperative.assess", _one_needs)
def assess(message: Received[CooperativeAssess], state: WorkingSet, now: datetime) -> Decision:
    known, problems = _one(message, state, now)
    if known is None:
        return reject(*problems)
    assessor = official_id(message.account, message.actor or "")
    return cooperatives.assess(known, message, assessor, regions.local_date(now, known.region))


@routes.on("registry.cooperative.report_outcome", _one_needs)
def report_outcome(message: Received[CooperativeReportOutcome], state: WorkingSet, now: datetime) -> Decision:
    known, problems = _one(message, state, now)
    if known is None:
        return reject(*problems)
    return cooperatives.report_outcome(known, message, regions.local_date(now, known.region))


@routes.on("registry.cooperative.dissolve", _one_needs)
def dissolve(message: Received[CooperativeDissolve], state: WorkingSet, now: datetime) -> Decision:
    known, problems = _one(message, state, now)
    if known is None:
        return reject(*problems)
    decision = cooperatives.dissolve(known, message, regions.local_date(now, known.region))
    return _driven(decision, known, _drive_of(known, state))


# --- members ----------------------------------------------------------------------------------------------------------


def _members_needs(message: Received[Any], state: WorkingSet) -> Iterator[Lookup]:
    yield from _one_needs(message, state)
    told = _told(message)
    yield from (ById(OWNERS, one.owner_id, guard=False) for one in told if one.owner_id is not None)
    yield from (ById(BUSINESSES, one.business_id, guard=False) for one in told if one.business_id is not None)
    yield from (ById(COOPERATIVES, one.cooperative_id) for one in told if one.cooperative_id is not None)
    owners = [ById(OWNERS, one.owner_id, guard=False) for one in told if one.owner_id is not None]
    if not state.missing(owners):
        known = _known(message, state, loaded=True)
        for holder in (holder for one in told for holder in known.holders(one)):
            yield from (_membership(message, holder), ById(OWNERS, holder, guard=False))


def _told(message: Received[Any]) -> Sequence[Founder]:
    told: Sequence[Founder] = (
        message.data.founders if isinstance(message.data, CooperativeFound) else message.data.members
    )
    return told


def _membership(message: Received[Any], holder_id: str) -> ById[Member]:
    return ById(MEMBERS, membership.member_id(message.data.cooperative_id, holder_id))


def _memberships(message: Received[Any], known: Known, told: Sequence[Founder], state: WorkingSet) -> list[Member]:
    """As what those named are members already, each once."""
    holders = dict.fromkeys(holder for one in told for holder in known.holders(one))
    found = (state.get(_membership(message, holder)) for holder in holders)
    return [one for one in found if one is not None]


def _known(message: Received[Any], state: WorkingSet, *, loaded: bool = False) -> Known:
    """Those whom a message names. Persons and businesses are not guarded: that one is closed the minute after changes
    nothing about a founding."""
    told = _told(message)
    owners = (state.get(ById(OWNERS, one.owner_id, guard=False)) for one in told if one.owner_id is not None)
    by_owner = {one.owner_id: one for one in owners if one is not None}
    cooperative_ids = [one.cooperative_id for one in told if one.cooperative_id is not None]
    if loaded and state.missing([ById(COOPERATIVES, id_) for id_ in cooperative_ids]):
        return Known(by_owner, {}, {})
    found = (state.get(ById(COOPERATIVES, id_)) for id_ in cooperative_ids)
    by_cooperative = {one.cooperative_id: one for one in found if one is not None}
    if loaded:
        return Known(by_owner, {}, by_cooperative)
    businesses = (state.get(ById(BUSINESSES, one.business_id, guard=False)) for one in told if one.business_id)
    return Known(by_owner, {one.business_id: one for one in businesses if one is not None}, by_cooperative)


def _found_needs(message: Received[CooperativeFound], state: WorkingSet) -> Iterator[Lookup]:
    yield from _members_needs(message, state)
    yield _legal_lookup(message)


def _legal_lookup(message: Received[CooperativeFound]) -> ByKey[Cooperative]:
    return ByKey(COOPERATIVES, cooperatives.legal_key(message.data.legal))


@routes.on("registry.cooperative.found", _found_needs)
def found(message: Received[CooperativeFound], state: WorkingSet, now: datetime) -> Decision:
    one, problems = _one(message, state, now)
    if one is None:
        return reject(*problems)
    known, today = _known(message, state), regions.local_date(now, one.region)
    problems = cooperatives.check_founding(one, message.data, today)
    problems += membership.check(one, message.data.founders, known, "data.founders")
    other = state.get(_legal_lookup(message))
    if other is not None:
        problems.append(problem("cooperative.number_taken", "data.legal.number"))
    if problems:
        return reject(*problems)
    members = membership.members(one, message.data.founders, known, founder=True)
    before = _memberships(message, known, message.data.founders, state)
    listed = (one.listed_members or 0) + len(members) - len(before)
    decision = cooperatives.found(one, message, listed, today)
    ids = {member.member_id for member in members}
    gone = [member for member in before if member.member_id not in ids]
    decision = _with_contacts(decision, one, state, _roles(members))
    decision = replace(decision, changes=[*decision.changes, *members], removals=gone)
    return _driven(decision, one, _drive_of(one, state))


@routes.on("registry.cooperative.enroll", _members_needs)
def enroll(message: Received[CooperativeEnroll], state: WorkingSet, now: datetime) -> Decision:
    one, problems = _one(message, state, now)
    if one is None:
        return reject(*problems)
    if one.ended:
        return reject(problem("cooperative.dissolved", "data.cooperative_id"))
    known = _known(message, state)
    if problems := membership.check(one, message.data.members, known, "data.members"):
        return reject(*problems)
    told = [member for member in message.data.members if not _memberships(message, known, [member], state)]
    new = membership.members(one, told, known, founder=False)
    moved = _in_other_roles(message, known, state)
    decision = cooperatives.listing(one, message, (one.listed_members or 0) + len(new), "enrolled")
    if moved and not new:
        decision = replace(decision, result=cooperatives.result(one, "updated"))
    decision = _with_contacts(decision, one, state, _roles([*new, *moved]))
    return replace(decision, changes=[*decision.changes, *new, *moved])


def _in_other_roles(message: Received[Any], known: Known, state: WorkingSet) -> list[Member]:
    """Members who are named again, with another role than they had."""
    found = [
        one.model_copy(update={"role": member.role})
        for member in _told(message)
        if member.role is not None
        for one in _memberships(message, known, [member], state)
        if one.role != member.role
    ]
    return list({one.member_id: one for one in found}.values())


def _roles(members: Iterable[Member]) -> dict[str, str | None]:
    return {one.holder_id: one.role for one in members}


def _with_contacts(
    decision: Decision, one: Cooperative, state: WorkingSet, roles: Mapping[str, str | None]
) -> Decision:
    """The decision, and notify told of each person who is a member now, in another role, or (None) no more. Only notify
    is: by the door of contacts, so that members can be reminded of what their cooperative owes (S4-13)."""
    changes, facts = [*decision.changes], [*decision.facts]
    for holder, role in roles.items():
        owner = state.get(ById(OWNERS, holder, guard=False)) if one.form == "primer" else None
        if owner is not None and not owner.erased and owner.joined_into is None:
            after = owners.member_of(owner, one.cooperative_id, role)
            told, news = owners.announced(owner, after, one.region)
            changes += [told] if news else []
            facts += news
    return replace(decision, changes=changes, facts=facts)


@routes.on("registry.cooperative.resign", _members_needs)
def resign(message: Received[CooperativeResign], state: WorkingSet, now: datetime) -> Decision:
    one, problems = _one(message, state, now)
    if one is None:
        return reject(*problems)
    known = _known(message, state)
    gone = _memberships(message, known, message.data.members, state)
    decision = cooperatives.listing(one, message, (one.listed_members or 0) - len(gone), "resigned")
    decision = _with_contacts(
        decision, one, state, {each: None for told in _told(message) for each in known.holders(told)}
    )
    return replace(decision, removals=gone)


# --- the clock --------------------------------------------------------------------------------------------------------


calendar = Calendar("cooperatives", COOPERATIVES, cooperatives.passed)

# --- questions --------------------------------------------------------------------------------------------------------


def _request_needs(message: Received[CooperativeRequest], state: WorkingSet) -> Iterator[Lookup]:
    yield from authority_needs(message)
    lookup = _asked(message, state)
    if lookup is not None:
        yield lookup
    if (members := _members_of(message)) is not None:
        yield members


def _members_of(message: Received[CooperativeRequest]) -> Page[Member] | None:
    told = message.data
    if told.detail is None or told.cooperative_id is None:
        return None
    return members_of(told.cooperative_id, told.after, told.limit + 1)


def _asked(message: Received[CooperativeRequest], state: WorkingSet) -> ById[Cooperative] | Page[Cooperative] | None:
    """What a question is about: one cooperative, those of a drive, else those of a region, by default one's own."""
    told, more = message.data, message.data.limit + 1
    if told.cooperative_id is not None:
        return ById(COOPERATIVES, told.cooperative_id, guard=False)
    if told.drive_id is not None:
        return of_drive(told.drive_id, told.after, more)
    agency_of = agency_lookup(message.account)
    agency = None if state.missing([agency_of]) else state.get(agency_of)
    region = told.region or (agency.region if agency is not None else None)
    return None if region is None else cooperatives_in(region, told.status, told.after, more)


@routes.on("registry.cooperative.request", _request_needs)
def answer_cooperatives(message: Received[CooperativeRequest], state: WorkingSet, now: datetime) -> Decision:
    """Their public state: what the events say, so anybody may ask who may send the question at all."""
    if problems := check_authority(message, state, now, None, None):
        return reject(*problems)
    if message.data.detail is not None:
        return _answer_members(message, state, now)
    asked = _asked(message, state)
    if asked is None:
        return Decision(answer=[])
    if isinstance(asked, ById):
        known = state.get(asked)
        return Decision(answer=[_described(known)] if known is not None else [])
    page = state.all(asked)
    shown = page[: message.data.limit]
    return Decision(
        answer=[_described(one) for one in shown],
        next=shown[-1].cooperative_id if len(page) > len(shown) else None,
    )


def _answer_members(message: Received[CooperativeRequest], state: WorkingSet, now: datetime) -> Decision:
    """Who is a member is nobody's business but of those who supervise it."""
    asked = _members_of(message)
    if asked is None or message.data.cooperative_id is None:
        return reject(*required("data.cooperative_id"))
    known = state.get(ById(COOPERATIVES, message.data.cooperative_id, guard=False))
    area = known.area if known is not None else None
    if problems := check_authority(message, state, now, area, "data.cooperative_id"):
        return reject(*problems)
    if known is None:
        return reject(problem("cooperative.not_found", "data.cooperative_id"))
    page = state.all(asked)
    shown = page[: message.data.limit]
    holder = "cooperative_id" if known.form == "sekunder" else "owner_id"
    return Decision(
        answer=[{holder: one.holder_id, "business_id": one.business_id, "founder": one.founder} for one in shown],
        next=shown[-1].member_id if len(page) > len(shown) else None,
    )


def _described(one: Cooperative) -> dict[str, Any]:
    return {**cooperatives.public(one).model_dump(mode="json", exclude_none=True), "sequence": one.sequence}
