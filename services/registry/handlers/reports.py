"""Reports: what an agency tells of a business and its owner."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from pydantic import BaseModel

from services.registry import identity, many
from services.registry import owner as owners
from services.registry import report as reports
from services.registry.business import Business
from services.registry.handlers.persons import person_lookups
from services.registry.matching import Person
from services.registry.owner import Owner
from services.registry.problems import problem
from services.registry.report import Found, Name, Report
from services.registry.store import BUSINESSES, OWNERS, businesses_of, collection_of
from shared.agencies import (
    agency_lookup,
    authority_needs,
    check_authority,
)
from shared.contracts.door import ahead_of_clock
from shared.contracts.envelope import Received
from shared.contracts.problem import Problem
from shared.contracts.registry.businesses import BusinessReport, BusinessReportMany, UnreadRow
from shared.decision import Decision, Fact, reject
from shared.kernel.routes import Routes
from shared.kernel.state import ById, ByKey, Lookup, NotLoadedError, WorkingSet
from shared.reference import region as regions

routes = Routes()


def _report_needs(message: Received[BusinessReport], state: WorkingSet) -> Iterable[Lookup]:
    """First what the report names, then what its owner has of that name; when that has found a business, its owner, who
    turns out to be the same owner, and the names it may claim after this report."""
    report = message.once(reports.read)
    first: list[Lookup] = [
        *authority_needs(message),
        *_lookups(report.names),
        *message.once(_by_number, report),
        *_lookups(message.once(_of_new_owner)),
    ]
    if state.missing(first):
        return first
    names = _names(message, state)
    more: list[Lookup] = [*first, *_lookups(names), *_named_lookups(message, state), *_asked_about(message, state)]
    known = None if state.missing(more) else _known(message, names, state)
    if known is not None:
        more += [ById(OWNERS, known.owner_id), *_lookups(message.once(_names_after, known, known.owner_id))]
    return more if state.missing(more) else [*more, *_whose_needs(message, known, state)]


def _whose_needs(message: Received[BusinessReport], known: Business | None, state: WorkingSet) -> Iterable[Lookup]:
    """Records that have been joined or will be, and the names that a business may claim with its other owner."""
    record = state.get(ById(OWNERS, known.owner_id)) if known is not None else None
    if record is not None and record.joined_into is not None:
        yield ById(OWNERS, record.joined_into)
        if state.missing([ById(OWNERS, record.joined_into)]):
            return
    whose = _whose(message.once(reports.read), message, known, state)
    yield from (ById(OWNERS, id_) for other in whose.joining for id_ in other.joined)
    owner_id = whose.owner.owner_id if whose.owner is not None else message.new_id("owner")
    if known is not None and owner_id != known.owner_id:
        yield from _lookups(message.once(_names_after, known, owner_id))
    if whose.owner is not None and (known is None or _renames(message, whose)):
        yield businesses_of(whose.owner.owner_id)


def _renames(message: Received[BusinessReport], whose: identity.Ownership) -> bool:
    """Whether a report may change the owner's name, which the names of all its businesses follow: it tells another
    than is known, or a record that has another is joined."""
    name = whose.owner.name if whose.owner is not None else None
    return bool(whose.joining) or bool(message.once(reports.read).owner.get("name", name) != name)


def _others(
    message: Received[BusinessReport], known: Business | None, whose: identity.Ownership, state: WorkingSet
) -> Sequence[Business]:
    """The owner's businesses, where they count: how many there are, where it is one more; which, where the owner's name
    changes. Of an owner whom a row above has just made known by this number, only what is at hand."""
    if whose.owner is None:
        return ()
    theirs = businesses_of(whose.owner.owner_id)
    if _renames(message, whose) or (known is None and not state.missing([theirs])):
        return state.all(theirs)
    return ()


def _records(whose: identity.Ownership, state: WorkingSet) -> dict[str, Owner]:
    """Those that were joined before with whoever is joined now."""
    found = (state.get(ById(OWNERS, id_)) for other in whose.joining for id_ in other.joined)
    return {one.owner_id: one for one in found if one is not None}


def _lookups(names: Iterable[Name]) -> Iterable[Lookup]:
    return (ByKey(BUSINESSES, key) for name in names for key in name)


def _by_number(message: Received[BusinessReport], report: Report) -> list[ByKey[Owner]]:
    numbers = report.numbers.items()
    return [
        ByKey(OWNERS, owners.key(kind, token)) for kind, number in numbers for token in message.tokens(kind, number)
    ]


def _asked_about(message: Received[BusinessReport], state: WorkingSet) -> list[ById[Person]]:
    """Whoever was asked about before being recorded: nobody, where the NIK has an owner."""
    report = message.once(reports.read)
    number = report.numbers.get("nik")
    if number is None or _with_number(message, report, state):
        return []
    return list(person_lookups(message, number))


def _of_owner(message: Received[BusinessReport], owner_id: str) -> tuple[Name, ...]:
    return tuple(reports.by_owner(message.data.business.name, owner_id, message))


def _of_new_owner(message: Received[BusinessReport]) -> tuple[Name, ...]:
    """What a business of an owner who is not known yet will claim."""
    return _of_owner(message, message.new_id("owner"))


def _names(message: Received[BusinessReport], state: WorkingSet) -> tuple[Name, ...]:
    """All that the business may be recognised by: what the report names, and what its owner has of that name."""
    report = message.once(reports.read)
    of_owners = (message.once(_of_owner, owner.owner_id) for owner in _with_number(message, report, state))
    return (*report.names, *(name for names in of_owners for name in names))


def _names_after(message: Received[BusinessReport], known: Business, owner_id: str) -> tuple[Name, ...]:
    """What a business may claim after this report, as the owner's."""
    after = reports.observed(known, message.once(reports.read), message.received_at.date())
    return reports.candidate_names(after.model_copy(update={"owner_id": owner_id}), message)


@routes.on("registry.business.report", _report_needs)
def report_business(message: Received[BusinessReport], state: WorkingSet, now: datetime) -> Decision:
    report = message.once(reports.read)
    known = _known(message, _names(message, state), state)
    if problems := _may_report(message, state, now, known):
        return reject(*problems)
    whose = _whose(report, message, known, state)
    found = Found(
        known,
        whose,
        holder=lambda key: state.get(ByKey(BUSINESSES, key)),
        records=_records(whose, state),
        others=_others(message, known, whose, state),
        asked_about=[one for lookup in _asked_about(message, state) if (one := state.get(lookup)) is not None],
    )
    return reports.decide(message, report, found, _today_there(message, known, state, now))


def _named_lookups(message: Received[BusinessReport], state: WorkingSet) -> Iterable[Lookup]:
    """The business that the report names by its id, and the one that it was merged into."""
    named = message.data.business.business_id
    if named is not None:
        yield ById(BUSINESSES, named)
        record = None if state.missing([ById(BUSINESSES, named)]) else state.get(ById(BUSINESSES, named))
        if record is not None and record.merged_into is not None:
            yield ById(BUSINESSES, record.merged_into)


def _known(message: Received[BusinessReport], names: Iterable[Name], state: WorkingSet) -> Business | None:
    """The business that the report is about: the one it names, else the one it is recognised to be."""
    named = message.data.business.business_id
    if named is None:
        return _recognised(names, state)
    record = state.get(ById(BUSINESSES, named))
    if record is None or record.merged_into is None:
        return record
    return state.get(ById(BUSINESSES, record.merged_into))


def _recognised(names: Iterable[Name], state: WorkingSet) -> Business | None:
    """The business by the surest name that finds one."""
    found = (state.get(ByKey(BUSINESSES, key)) for name in names for key in name)
    return next((business for business in found if business is not None), None)


def _with_number(message: Received[BusinessReport], report: Report, state: WorkingSet) -> list[Owner]:
    found = (state.get(lookup) for lookup in message.once(_by_number, report))
    return [owner for owner in found if owner is not None]


def _may_report(
    message: Received[BusinessReport], state: WorkingSet, now: datetime, known: Business | None
) -> list[Problem]:
    """Both the place told and the place recorded must be the agency's: nobody takes a business over by its NIB."""
    problems = check_authority(message, state, now, message.data.business.region, "data.business.region")
    if problems or known is None:
        return problems or _named_nobody(message)
    return check_authority(message, state, now, known.region, "data.business") or _forgotten(message, known, state)


def _named_nobody(message: Received[BusinessReport]) -> list[Problem]:
    named = message.data.business.business_id
    return [problem("business.not_found", "data.business.business_id")] if named is not None else []


def _forgotten(message: Received[BusinessReport], known: Business, state: WorkingSet) -> list[Problem]:
    """Nothing recognises the business of who was erased, and its id may not either: it would lead from the person of
    before to the one who is reported now (docs/decisions/0141)."""
    owner = state.get(ById(OWNERS, known.owner_id)) if message.data.business.business_id is not None else None
    return [problem("owner.erased", "data.business.business_id")] if owner is not None and owner.erased else []


def _whose(
    report: Report, message: Received[BusinessReport], known: Business | None, state: WorkingSet
) -> identity.Ownership:
    record = state.get(ById(OWNERS, known.owner_id)) if known is not None else None
    if record is not None and record.joined_into is not None:
        record = state.get(ById(OWNERS, record.joined_into))
    if record is not None and record.erased:
        record = None  # An id that is nobody's now is not told of anybody again.
    return identity.settle(report.numbers, record, _with_number(message, report, state))


def _today_there(message: Received[BusinessReport], known: Business | None, state: WorkingSet, now: datetime) -> date:
    """The date where the business is; where that is not said, by the agency's own clock."""
    agency = state.get(agency_lookup(message.account))
    recorded = known or agency
    return regions.local_date(now, message.data.business.region or (recorded.region if recorded else regions.NATION))


# --- many in one message ----------------------------------------------------------------------------------------------


def _many_needs(message: Received[BusinessReportMany], state: WorkingSet) -> Iterable[Lookup]:
    yield from authority_needs(message)
    for row in message.once(many.rows):
        if not isinstance(row, UnreadRow):
            yield from _report_needs(row, state)
            if row.data.owner is not None:
                # A later row may spell the name of an owner whom this one brings differently.
                yield businesses_of(row.new_id("owner"))


@routes.on("registry.business.report_many", _many_needs)
def report_many(message: Received[BusinessReportMany], state: WorkingSet, now: datetime) -> Decision:
    if problems := check_authority(message, state, now, None, None):
        return reject(*problems)
    draft, decisions, facts = state.draft(), list[Decision](), list[Fact]()
    changes: dict[tuple[str, str], BaseModel] = {}
    for row in message.once(many.rows):
        decision = _row_decision(row, state, draft, now)
        for after in decision.changes:
            collection = collection_of(after)
            draft.put(collection, after)
            changes[collection.name, collection.id_of(after)] = after
        facts += decision.facts
        decisions.append(decision)
    result = {"outcome": "reported", "reports": many.verdicts(decisions)}
    return Decision(changes=tuple(changes.values()), facts=facts, result=result)


def _row_decision(row: many.Row, state: WorkingSet, draft: WorkingSet, now: datetime) -> Decision:
    if isinstance(row, UnreadRow):
        return reject(*row.problems)
    if problems := list(ahead_of_clock(row.time or now, now, "time")):
        return reject(*problems)
    try:
        return report_business(row, draft, now)
    except NotLoadedError:
        if state.missing(_report_needs(row, state)):
            raise
        # What the rows before it have made of this business goes by names that nobody has looked up.
        return reject(problem("report.same_business_again", "data.business"))
