"""What is told and asked of owners by themselves: what they agree to, who they are, who has read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from services.registry import access, duplicate, erasure
from services.registry import business as businesses
from services.registry import consent as consents
from services.registry import owner as owners
from services.registry import report as reports
from services.registry.access import Access
from services.registry.business import Business
from services.registry.consent import WITHDRAWN, Agreement
from services.registry.handlers import naming
from services.registry.observation import Seen
from services.registry.owner import Owner
from services.registry.problems import problem
from services.registry.store import BUSINESSES, OWNERS, accesses_of, businesses_of
from shared.agencies import agency_lookup, authority_needs, check_authority
from shared.contracts.envelope import ADMINISTRATOR, Received
from shared.contracts.problem import Problem
from shared.contracts.registry.businesses import BusinessChange
from shared.contracts.registry.owners import AccessRequest, ConsentRecord, ConsentWithdraw, OwnerErase, OwnerRequest
from shared.decision import Decision, Fact, reject
from shared.kernel import held as holding
from shared.kernel.held import HeldMessage
from shared.kernel.routes import Routes, Worker, stepping
from shared.kernel.state import ById, ByKey, ByTag, Due, Lookup, Page, WorkingSet
from shared.reference import region as regions

routes = Routes()

HEARS_REFUSALS = "notify"
"""Our service that people answer: a STOP from a phone is the owner's own word, and needs no agency to repeat it."""


# --- who may speak for an owner ---------------------------------------------------------------------------------------


def owner_needs(message: Received[Any], state: WorkingSet) -> Iterable[Lookup]:
    """The owner, and the businesses that say where the owner is."""
    return [*authority_needs(message), *follow_needs(message.data.owner_id, state)]


def follow_needs(owner_id: str, state: WorkingSet, *, guard: bool = True) -> Iterator[Lookup]:
    """A record, and the one that it turned out to be. Businesses that are still on their way count for it as well."""
    lookup = ById(OWNERS, owner_id, guard)
    yield lookup
    yield businesses_of(owner_id)
    record = None if state.missing([lookup]) else state.get(lookup)
    if record is not None and record.joined_into is not None:
        remaining = ById(OWNERS, record.joined_into, guard)
        yield remaining
        yield businesses_of(record.joined_into)
        record = None if state.missing([remaining]) else state.get(remaining)
    if record is not None:
        yield from (businesses_of(id_) for id_ in record.joined)


def followed(owner_id: str, state: WorkingSet, *, guard: bool = True) -> Owner | None:
    """The owner of this id, or the one that it was joined with: an id that others keep stays good."""
    record = state.get(ById(OWNERS, owner_id, guard))
    if record is None or record.joined_into is None:
        return record
    return state.get(ById(OWNERS, record.joined_into, guard))


def region_of(owner_id: str, message: Received[Any], state: WorkingSet, *, guard: bool = True) -> str:
    """Where the owner is, as far as it concerns the sender: in a place of the sender's, if a business lies there."""
    record = state.get(ById(OWNERS, owner_id, guard))
    ids = {owner_id, record.joined_into or owner_id} if record is not None else {owner_id}
    places = sorted(one.region for id_ in ids for one in state.all(businesses_of(id_)))
    agency = state.get(agency_lookup(message.account))
    own = (place for place in places if agency is not None and regions.within(place, agency.region))
    return next(own, places[0] if places else regions.NATION)


def sure_region_of(owner_id: str, message: Received[Any], state: WorkingSet, *, guard: bool = True) -> str:
    """Where the owner is, as far as the sender may be told of the person, correct or erase. A business that the sender
    has only reported does not make it so, if the owner has others elsewhere: anybody can report anything of a NIK
    (docs/decisions/0142)."""
    owner = followed(owner_id, state, guard=guard)
    ids = {owner_id, *_ids(owner)} if owner is not None else {owner_id}
    found = sorted((one for id_ in ids for one in state.all(businesses_of(id_))), key=lambda one: one.region)
    agency = state.get(agency_lookup(message.account))
    near = [one for one in found if agency is not None and regions.within(one.region, agency.region)]
    elsewhere = [one for one in found if agency is None or not regions.within(one.region, agency.region)]
    sure = [one for one in near if not elsewhere or one.status in businesses.GRADED]
    return next((one.region for one in (*sure, *elsewhere)), regions.NATION)


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
    known = followed(message.data.owner_id, state)
    if known is None:
        return reject(problem("owner.not_found", "data.owner_id"))
    if known.erased:
        return reject(problem("owner.erased", "data.owner_id"))
    if problems := naming.held({"id": message.id}, known):
        return reject(*problems)
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
        yield from follow_needs(owner_id, state, guard=False)


@routes.on("registry.owner.request", _request_needs)
def answer_owners(message: Received[OwnerRequest], state: WorkingSet, now: datetime) -> Decision:
    """Whose business lies in the asker's region is told whole, and that is recorded; of others only that they exist."""
    if problems := check_authority(message, state, now, None, None):
        return reject(*problems)
    wanted = _wanted(message, state)
    page = wanted[: message.data.limit]
    found = {id_: one for id_ in page if (one := followed(id_, state, guard=False)) is not None}
    near = [id_ for id_ in found if _is_near(id_, message, state)]
    for id_ in near:
        followed(id_, state)  # Guarded: an answer about who is erased meanwhile would be stored behind the erasure.
    return Decision(
        changes=access.recorded(message, (found[id_].owner_id for id_ in near), message.data.purpose, now),
        answer=[owners.described(one, asked_as=id_, whole=id_ in near) for id_, one in found.items()],
        next=page[-1] if len(wanted) > len(page) else None,
        persons=sorted({found[id_].owner_id for id_ in near}),
    )


def _is_near(owner_id: str, message: Received[Any], state: WorkingSet) -> bool:
    region = sure_region_of(owner_id, message, state, guard=False)
    agency = state.get(agency_lookup(message.account))
    return agency is not None and regions.within(region, agency.region)


def _access_needs(message: Received[AccessRequest], state: WorkingSet) -> Iterable[Lookup]:
    yield from owner_needs(message, state)
    lookup = ById(OWNERS, message.data.owner_id)
    if not state.missing([lookup]):
        record = state.get(lookup)
        if record is None or not state.missing([ById(OWNERS, record.joined_into or record.owner_id)]):
            yield from _access_pages(message, state)


@routes.on("registry.access.request", _access_needs)
def answer_accesses(message: Received[AccessRequest], state: WorkingSet, now: datetime) -> Decision:
    """All that was answered about an owner, also as another record, or before the owner was recorded."""
    owner_id = message.data.owner_id
    if problems := check_authority(message, state, now, region_of(owner_id, message, state), "data.owner_id"):
        return reject(*problems)
    if followed(owner_id, state) is None:
        return reject(problem("owner.not_found", "data.owner_id"))
    found = {one.access_id: one for page in _access_pages(message, state) for one in state.all(page)}
    shown = sorted(found)[: message.data.limit]
    return Decision(
        answer=[access.described(found[id_]) for id_ in shown], next=shown[-1] if len(found) > len(shown) else None
    )


def _access_pages(message: Received[AccessRequest], state: WorkingSet) -> list[Page[Access]]:
    """Of each of its ids one more than asked for, to know whether there is a next page."""
    owner = followed(message.data.owner_id, state)
    ids = (owner.owner_id, *owner.joined, *owner.asked_as) if owner is not None else ()
    return [accesses_of(id_, message.data.after, message.data.limit + 1) for id_ in ids]


# --- erasure ----------------------------------------------------------------------------------------------------------


def _erase_needs(message: Received[OwnerErase], state: WorkingSet) -> Iterator[Lookup]:
    """The person, all the person's businesses, and what is held about any of them. Nothing of it makes the message wait
    behind what is held: a bug of ours must not keep a person's data. What is changed is guarded by its version."""
    yield from authority_needs(message)
    yield from follow_needs(message.data.owner_id, state, guard=False)
    if state.missing(follow_needs(message.data.owner_id, state, guard=False)):
        return
    owner = followed(message.data.owner_id, state, guard=False)
    if owner is not None:
        yield from (businesses_of(id_) for id_ in _ids(owner))
        yield from _held_about(owner, message, state)


def _ids(owner: Owner) -> tuple[str, ...]:
    """All under which an owner's businesses may still stand."""
    return (owner.owner_id, *owner.joined)


def _held_about(owner: Owner, message: Received[Any], state: WorkingSet) -> list[ByTag[HeldMessage]]:
    found = [businesses_of(id_) for id_ in _ids(owner)]
    of_owner = [] if state.missing(found) else [one.business_id for each in found for one in state.all(each)]
    tokens = [
        owners.key(kind, token) for kind, number in owner.numbers.items() for token in message.tokens(kind, number)
    ]
    return [
        *(holding.about(OWNERS, name) for name in (*_ids(owner), *tokens)),
        *(holding.about(BUSINESSES, id_) for id_ in of_owner),
    ]


@routes.on("registry.owner.erase", _erase_needs)
def erase(message: Received[OwnerErase], state: WorkingSet, now: datetime) -> Decision:
    """Erase a person, by the head of an agency in whose region one of the person's businesses lies, or by `binaan`."""
    region = sure_region_of(message.data.owner_id, message, state, guard=False)
    if problems := _may_erase(message, state, now, region):
        return reject(*problems)
    known = followed(message.data.owner_id, state, guard=False)
    if known is None:
        return reject(problem("owner.not_found", "data.owner_id"))
    if known.erased:
        return Decision(result=erasure.result_again(known))
    if problems := naming.held({"id": message.id, "data.reason": message.data.reason}, known):
        return reject(*problems)
    of_owner = [one for id_ in _ids(known) for one in state.all(businesses_of(id_))]
    decision = erasure.decide(known, of_owner, message)
    held = {one.held_id: one for each in _held_about(known, message, state) for one in state.all(each)}
    discarded = [holding.given_up("registry", one, message.data.reason) for one in held.values()]
    return replace(decision, removals=list(held.values()), facts=[*decision.facts, *discarded])


def _may_erase(message: Received[OwnerErase], state: WorkingSet, now: datetime, region: str) -> list[Problem]:
    return [] if message.account == ADMINISTRATOR else check_authority(message, state, now, region, "data.owner_id")


# --- records that turned out to be of one owner -----------------------------------------------------------------------

MOVED_AT_ONCE = 100
"""Businesses of one step: a transaction stays short however many an owner has."""


def moving_needs(message: Received[Any], state: WorkingSet) -> Iterator[Lookup]:
    due = _moving(message.received_at)
    yield due
    for record in () if state.missing([due]) else state.all(due):
        page = _left(record)
        yield page
        yield _remaining(record)
        for one in () if state.missing([page]) else state.all(page):
            yield from (ByKey(BUSINESSES, key) for name in _names_with(one, record, message) for key in name)


def _moving(now: datetime) -> Due[Owner]:
    return Due(OWNERS, until=now, limit=1)


def _remaining(record: Owner) -> ById[Owner]:
    """The owner that a record has been joined with. Guarded: one that is erased meanwhile is not given names again."""
    return ById(OWNERS, record.joined_into or "")


def _left(record: Owner) -> Page[Business]:
    return Page(BUSINESSES, duplicate.of_owner(record.owner_id), limit=MOVED_AT_ONCE)


def _names_with(one: Business, record: Owner, message: Received[Any]) -> tuple[reports.Name, ...]:
    return reports.candidate_names(_taken_over(one, record), message)


def _taken_over(one: Business, record: Owner) -> Business:
    return one.model_copy(update={"owner_id": record.joined_into})


def move(message: Received[Any], state: WorkingSet, now: datetime) -> Decision:
    """Take the next businesses over to the owner with whom the record was joined: reports find it there already, the
    public learns it now. Nobody gives a business to a record that is joined, so the last page is the last."""
    draft, changes, facts = state.draft(), list[BaseModel](), list[Fact]()
    for record in state.all(_moving(now)):
        if record.moving is None:
            continue
        page, cause = state.all(_left(record)), record.moving.cause
        remaining = state.get(_remaining(record))
        name = owners.personal_name(remaining)
        for one in page:
            after = _taken_over(one, record)
            if remaining is not None and not remaining.erased:
                # Those before it in this step have claimed names already.
                names = _names_with(one, record, message)
                after = reports.claiming(after, names, lambda key: draft.get(ByKey(BUSINESSES, key)))
            after = businesses.compared_anew(one, businesses.named(after, name), cause, now, moved=True)
            fields = businesses.changed_fields(one, after)
            moved, told = businesses.announced(after, "updated", BusinessChange(fields=fields))
            draft.put(BUSINESSES, moved)
            changes.append(moved)
            facts += [replace(fact, cause=cause) for fact in told]
        if len(page) < MOVED_AT_ONCE:
            changes.append(record.model_copy(update={"moving": None}))
    return Decision(changes=changes, facts=facts)


moving_worker = Worker("owners", stepping(moving_needs, move))
