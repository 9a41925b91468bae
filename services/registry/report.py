"""Reports on businesses: how one is read, which business it is about, what is wrong with it, what it changes.

A report is an upsert of whatever an agency knows; what it does not name stays as it is (contract, "The main chain" 1).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.registry import business as businesses
from services.registry import identity, initials, matching, reference
from services.registry import owner as owners
from services.registry.business import NOT_PUBLIC, OBSERVED, Business, Former, Sales
from services.registry.identity import Ownership
from services.registry.matching import Person
from services.registry.observation import Seen, merge, ranks_of
from services.registry.owner import Moving, Owner
from services.registry.problems import problem, required
from shared.contracts.envelope import Received
from shared.contracts.problem import Problem
from shared.contracts.registry.businesses import (
    CLEARABLE,
    BusinessReport,
    PublishedKbli,
    ReportedBusiness,
)
from shared.contracts.registry.owners import CLEARABLE_OWNER, ReportedOwner
from shared.decision import Decision, reject

_EMPTY: Mapping[str, Any] = {"needs": (), "channels": ()}
"""What an emptied field holds, where that is not None."""

# --- reading a report -------------------------------------------------------------------------------------------------


Name = tuple[str, ...]
"""One name to recognise a business by: as a claim by today's token, and then by those of older keys that are held."""


@dataclass(frozen=True, slots=True)
class Report:
    """What one message tells, sorted: by field, None where it empties one."""

    by: Seen
    business: Mapping[str, Any]
    owner: Mapping[str, Any]
    numbers: Mapping[str, str]
    """By kind, the numbers that say who the owner is."""
    names: tuple[Name, ...]
    """What the business may be recognised by, the surest first; by its owner's id besides, when that is known."""


def read(message: Received[BusinessReport]) -> Report:
    """Sort a report into fields, the owner's tokens and the names of recognition."""
    told, person = message.data.business, message.data.owner
    cleared = _cleared(message.data.clear)
    ref = {message.account: told.agency_ref} if told.agency_ref is not None else {}
    return Report(
        by=Seen(at=message.time or message.received_at, intake_id=message.id, account=message.account),
        business=_told_fields(told, cleared["business"], message.account),
        owner=owners.told_fields(person, cleared["owner"]),
        numbers=identity.told_numbers(person),
        names=(*_by_ref(ref, message), *_by_nib(told.name, told.nib, message)),
    )


def _cleared(paths: Sequence[str]) -> dict[str, frozenset[str]]:
    clearable = {"business": CLEARABLE, "owner": CLEARABLE_OWNER}
    return {part: frozenset(name for name in names if f"{part}.{name}" in paths) for part, names in clearable.items()}


def _told_fields(told: ReportedBusiness, cleared: frozenset[str], account: str) -> dict[str, Any]:
    fields: dict[str, Any] = {name: _EMPTY.get(name) for name in cleared}
    fields |= {name: getattr(told, name) for name in OBSERVED if getattr(told, name) is not None}
    if told.agency_ref is not None:
        fields[_ref_field(account)] = told.agency_ref
    if told.kbli is not None:
        fields["kbli"] = PublishedKbli(code=told.kbli.code, version=told.kbli.version)
    if told.annual_sales is not None:
        fields["annual_sales"] = Sales(year=told.annual_sales.year, amount=told.annual_sales.amount)
    return fields


def _ref_field(account: str) -> str:
    return f"agency_ref:{account}"


# --- recognition ------------------------------------------------------------------------------------------------------


def normalised(name: str) -> str:
    """A trade name as it is compared: letters and digits, one blank between words, no case, one form of each letter.

    A name of nothing but signs is compared as it stands.
    """
    plain = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(re.findall(r"[^\W_]+", plain)) or plain.strip()


def candidate_names(business: Business, message: Received[Any]) -> tuple[Name, ...]:
    """Every name that the business would be recognised by, had no other claimed it before; also what it went by before
    it was merged."""
    present = Former(name=business.known_as, nib=business.nib, agency_refs=business.agency_refs)
    names = (name for one in (present, *business.formerly) for name in _names_of(one, business.owner_id, message))
    return tuple(dict.fromkeys(names))


def _names_of(one: Former, owner_id: str, message: Received[Any]) -> Iterable[Name]:
    yield from _by_ref(one.agency_refs, message)
    yield from _by_nib(one.name, one.nib, message)
    yield from by_owner(one.name, owner_id, message)


def _by_ref(refs: Mapping[str, str], message: Received[Any]) -> Iterable[Name]:
    return (
        _named(message, f"ref:{account}|", "agency_ref", f"{account}|{ref}") for account, ref in sorted(refs.items())
    )


def _by_nib(name: str | None, nib: str | None, message: Received[Any]) -> Iterable[Name]:
    """By NIB *and* name, since one NIB covers all of an owner's businesses."""
    if name is not None and nib is not None:
        yield _named(message, "nib:", "business_nib", f"{nib}|{normalised(name)}")


def by_owner(name: str | None, owner_id: str, message: Received[Any]) -> Iterable[Name]:
    """By its name among the businesses of its owner, who was recognised by a number."""
    if name is not None:
        yield _named(message, "own:", "business_of", f"{owner_id}|{normalised(name)}")


def _named(message: Received[Any], prefix: str, kind: str, value: str) -> Name:
    """As keyed tokens: a reference may be a person's number, and a trade name often is its owner's."""
    return tuple(f"{prefix}{token}" for token in message.tokens(kind, value))


def reclaimed(business: Business, message: Received[Any]) -> Business:
    """The business with what it claims under tokens of today."""
    held = set(business.claims)
    claims = tuple(name[0] for name in candidate_names(business, message) if not held.isdisjoint(name))
    return business.model_copy(update={"claims": claims})


# --- what may be wrong with a report ----------------------------------------------------------------------------------


def check(data: BusinessReport, report: Report, found: Found, today: date) -> list[Problem]:
    """Everything that is wrong with a report, at once; ``today`` is the date where the business is."""
    return [
        *_missing(data, found),
        *_other_owner(found),
        *_one_too_many(found, today),
        *_unclearable(data),
        *_in_future(data.business, today),
        *_naming(data.owner, report, found.whose.owner),
        *owners.check(data.owner, today),
    ]


def _missing(data: BusinessReport, found: Found) -> list[Problem]:
    """A business that is not known yet needs a name and a place, and somebody's name where the owner has no number."""
    if found.business is not None:
        return []
    owner, business = data.owner, data.business
    given = {
        "data.owner.name": owner and owner.name,
        "data.business.name": business.name,
        "data.business.region": business.region,
    }
    return required(*(field for field, value in given.items() if value is None))


def _other_owner(found: Found) -> list[Problem]:
    differs = found.whose.differs
    return [problem("business.owner_differs", f"data.owner.{differs}")] if differs is not None else []


def _one_too_many(found: Found, today: date) -> list[Problem]:
    full = found.business is None and owners.full(len(found.others), today)
    return [problem("owner.too_many_businesses", "data.owner")] if full else []


def _unclearable(data: BusinessReport) -> list[Problem]:
    allowed = {f"business.{name}" for name in CLEARABLE} | {f"owner.{name}" for name in CLEARABLE_OWNER}
    problems = []
    if not allowed.issuperset(data.clear):
        problems.append(problem("clear.unknown_field", "data.clear"))
    if any(_given(data, path) for path in allowed.intersection(data.clear)):
        problems.append(problem("clear.also_given", "data.clear"))
    return problems


def _given(data: BusinessReport, path: str) -> bool:
    part, name = path.split(".", 1)
    return getattr(getattr(data, part), name, None) is not None


def _in_future(told: ReportedBusiness, today: date) -> list[Problem]:
    problems = []
    if told.started_on is not None and told.started_on > today:
        problems.append(problem("business.started_in_future", "data.business.started_on"))
    if told.annual_sales is not None and told.annual_sales.year > today.year:
        problems.append(problem("sales.year_in_future", "data.business.annual_sales.year"))
    return problems


def _naming(told: ReportedOwner | None, report: Report, owner: Owner | None) -> list[Problem]:
    """Public text other than the business's own name must not hold the owner's, told now or known."""
    names = {told.name if told is not None and told.legal_form is None else None, owners.personal_name(owner)}
    texts: dict[str, Sequence[str]] = {
        "id": (report.by.intake_id,),
        **{f"data.business.{field}": report.business.get(field) or () for field in ("needs", "channels")},
    }
    return [
        problem("text.owner_name", field)
        for field, given in texts.items()
        if any(initials.holds(text, name) for text in given for name in names)
    ]


def warnings(data: BusinessReport) -> list[Problem]:
    """What is taken and somebody should look at. A KBLI code without a title is not among it: our table of titles is
    far from whole, and a warning on most honest reports would teach offices to read none."""
    told = data.business
    return [
        *owners.warnings(data.owner),
        *reference.unknown_needs(told.needs or (), "data.business.needs"),
        *reference.unknown_channels(told.channels or (), "data.business.channels"),
    ]


def _outranked(report: Report, business: Business) -> list[Problem]:
    """What was told and does not stand, though it may be newer: a source above the sender's says otherwise."""
    ranks = ranks_of(report.by)
    return [
        problem("report.outranked", f"data.business.{field}")
        for field, value in report.business.items()
        if field in OBSERVED
        and (seen := business.seen.get(field)) is not None
        and seen.rank > ranks.get(field, 0)
        and getattr(business, field) != value
    ]


# --- the decision -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """What there is about a report: the business it was recognised to be about, whose it is, who claims a key, records
    that owners were joined with, and whether the person was asked about before."""

    business: Business | None
    whose: Ownership
    holder: Callable[[str], Business | None]
    records: Mapping[str, Owner]
    others: Sequence[Business] = ()
    """The owner's businesses, where a report changes the owner's name or brings one more."""
    asked_about: Sequence[Person] = ()


def decide(message: Received[BusinessReport], report: Report, found: Found, today: date) -> Decision:
    """What a report does, its authority having been checked; ``today`` is the date where the business is."""
    known, owner = found.business, found.whose.owner
    if problems := check(message.data, report, found, today):
        return reject(*problems)
    person = _owner_after(message, report, found.whose)
    business = _business_after(message, report, known, person, today)
    business = businesses.named(business, owners.personal_name(person))
    business = claiming(business, candidate_names(business, message), found.holder)
    moved = owner is not None and (owner.phone != person.phone or bool(found.whose.joining))
    business = businesses.compared_anew(known, business, message.cause, message.received_at, moved=moved)
    outcome = _outcome(known, business, owner, person)
    notes = _notes(message.data, report, found, person)
    person, contacts = owners.announced(owner, person, business.region)
    person, told = owners.identified(owner, person, business.region)
    persons, recognised = matching.recognised(found.asked_about, person.owner_id, business.region)
    person = owners.asked_as(person, persons)
    moving = Moving(due=message.received_at, cause=message.cause)
    left, withdrawals = owners.left(found.whose.joining, person.owner_id, found.records, business.region, moving)
    business, events = businesses.reported(known, business)
    name = owners.personal_name(person)
    renamed = [businesses.reported(one, businesses.named(one, name)) for one in _others(found, business, person)]
    return Decision(
        changes=[
            *(after for before, after in ((owner, person), (known, business)) if after is not before),
            *left,
            *persons,
            *(after for after, _ in renamed),
        ],
        facts=[
            *contacts,
            *told,
            *recognised,
            *withdrawals,
            *events,
            *(fact for _, facts in renamed for fact in facts),
        ],
        result=businesses.result(business, outcome),
        warnings=[*warnings(message.data), *_shortened(report, business), *_outranked(report, business), *notes],
    )


def _others(found: Found, business: Business, person: Owner) -> Iterable[Business]:
    """The owner's other businesses whose public name changes with the owner's."""
    name = owners.personal_name(person)
    by_name = sorted(found.others, key=lambda one: (one.known_as, one.business_id))  # however they were found
    others = (one for one in by_name if one.business_id != business.business_id)
    return (one for one in others if businesses.named(one, name) is not one)


def _shortened(report: Report, business: Business) -> list[Problem]:
    if report.business.get("name") == business.known_as != business.name:
        return [problem("business.name_initials", "data.business.name")]
    return []


def _owner_after(message: Received[BusinessReport], report: Report, whose: Ownership) -> Owner:
    person = whose.owner or Owner(owner_id=message.new_id("owner"))
    for other in whose.joining:
        person = owners.joined(person, other)
    if new := identity.newly_told(person, report.numbers):
        person = owners.numbered(person, new, message.token)
    return owners.observed(person, report.owner, report.by)


def _notes(data: BusinessReport, report: Report, found: Found, person: Owner) -> list[Problem]:
    """What is taken and the office should know: an old consent, a number that was corrected, an owner or a business
    that the next report will not find."""
    notes = owners.unheard(report.owner, report.by, person, "data.owner.consent")
    records = (found.whose.owner, *found.whose.joining)
    kinds = identity.corrected_since(records, report.numbers)
    notes += [problem("owner.number_corrected", f"data.owner.{kind}") for kind in kinds]
    if found.business is None and person.provisional:
        notes.append(problem("owner.provisional", "data.owner.nik"))
        if not report.names:
            notes.append(problem("business.not_recognisable", "data.business.agency_ref"))
    return notes


def _business_after(
    message: Received[BusinessReport], report: Report, known: Business | None, owner: Owner, today: date
) -> Business:
    if known is None:
        return recorded(message.new_id("business"), owner, report, today)
    after = observed(known, report, today)
    return after if after.owner_id == owner.owner_id else after.model_copy(update={"owner_id": owner.owner_id})


def claiming(business: Business, names: Iterable[Name], holder: Callable[[str], Business | None]) -> Business:
    """The business with every name that no other claims. Two that have come to be named alike both stay; reports that
    name only what they have in common go to the one that was so named first. What has been merged claims nothing: the
    one that lives on is recognised by its names."""

    def is_free(name: Name) -> bool:
        return all((holder(key) or business).business_id == business.business_id for key in name)

    free = () if business.merged_into is not None else tuple(name[0] for name in names if is_free(name))
    return business if free == business.claims else business.model_copy(update={"claims": free})


def _outcome(known: Business | None, business: Business, owner: Owner | None, person: Owner) -> str:
    if known is None:
        return "created"
    return "updated" if differs(known, business) or owners.differs(owner, person) else "unchanged"


# --- what a report makes of a business --------------------------------------------------------------------------------


def recorded(business_id: str, owner: Owner, report: Report, today: date) -> Business:
    """A business seen for the first time; the report has been checked to hold its name and region."""
    blank = Business(
        business_id=business_id,
        owner_id=owner.owner_id,
        agency=report.by.account,
        name=report.business["name"],
        region=report.business["region"],
        status_since=today,
        recorded_on=today,
    )
    return observed(blank, report, today)


def observed(business: Business, report: Report, today: date) -> Business:
    """The business after a report, with its scale by the law of ``today``; its claims are for who can look them up."""
    merged = merge(business.seen, report.business, report.by, ranks_of(report.by))
    if not merged.won:
        return business
    fields = {field: value for field, value in merged.won.items() if field in OBSERVED}
    fields |= {"told_name": fields["name"]} if "name" in fields else {}
    ref = merged.won.get(_ref_field(report.by.account))
    refs = {**business.agency_refs, report.by.account: ref} if ref is not None else business.agency_refs
    return businesses.scaled(business.model_copy(update={**fields, "agency_refs": refs, "seen": merged.seen}), today)


def differs(before: Business, after: Business) -> bool:
    """Whether anything that a report tells has changed, public or not."""
    if businesses.changed_fields(before, after):
        return True
    return any(getattr(before, name) != getattr(after, name) for name in NOT_PUBLIC)
