"""Which message goes to which decision. The pieces of an invitation come in any order; the last one completes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from services.notify import audience, contact, questions
from services.notify.audience import Business
from services.notify.contact import Contact
from services.notify.cooperative import Cooperative, Meeting, cooperative_of
from services.notify.desk import (
    Desk,
    cooperative_needs,
    follow_needs,
    former_needs,
    matter_needs,
    matter_of,
    member_needs,
    message_needs,
)
from services.notify.message import Matter, Message, reminder_id
from services.notify.problems import problem
from services.notify.store import (
    BUSINESSES,
    CONTACTS,
    COOPERATIVES,
    ELIGIBILITIES,
    MESSAGES,
    PROGRAMME,
    PROGRAMMES,
    UNCERTAIN,
    campaign,
    counts_of,
    eligibilities_of,
    line_of,
    members_of,
    messages_to,
    programmes_of,
    told_about,
)
from shared.agencies import AGENCIES, AgencyRecord, agency_lookup, check_asker
from shared.contracts.aid.eligibilities import EligibilityEvent
from shared.contracts.aid.programmes import ProgrammeEvent
from shared.contracts.authority import check_administrator
from shared.contracts.envelope import ADMINISTRATOR, Received
from shared.contracts.notify import CampaignRequest, MessageRequest, TemplateRequest
from shared.contracts.registry.agencies import AgencyEvent
from shared.contracts.registry.businesses import BusinessEvent
from shared.contracts.registry.cooperatives import CooperativeEvent
from shared.contracts.registry.owners import ContactEvent
from shared.decision import Decision, reject
from shared.kernel import held as holding
from shared.kernel.routes import Routes
from shared.kernel.state import ById, Due, Lookup, Page, WorkingSet
from shared.reference import region as regions

routes = Routes()

REVIEWED_AT_ONCE = 200
"""Eligibilities of one step: each may change a message and tell two facts, and a transaction stays short."""

# --- contacts ---------------------------------------------------------------------------------------------------------


def _contact_needs(message: Received[ContactEvent], state: WorkingSet) -> Iterator[Lookup]:
    owner_id = message.data.contact.owner_id
    yield ById(CONTACTS, owner_id)
    for lookup in _cooperatives_of(message):
        yield lookup
        cooperative = None if state.missing([lookup]) else state.get(lookup)
        if cooperative is not None and cooperative.remind_of is not None:
            yield ById(MESSAGES, reminder_id(cooperative.cooperative_id, cooperative.remind_of, owner_id))
            yield from cooperative_needs(state, cooperative.cooperative_id)
    yield messages_to(owner_id)
    if not state.missing([messages_to(owner_id)]):
        for one in state.all(messages_to(owner_id)):
            yield from matter_needs(state, one)


def _cooperatives_of(message: Received[ContactEvent]) -> list[ById[Cooperative]]:
    """Guarded: a RAT that falls due in this moment must find the member, or the member the RAT."""
    return [ById(COOPERATIVES, one.cooperative_id) for one in message.data.contact.cooperatives or ()]


@routes.on("registry.contact.changed", _contact_needs)
def contact_changed(message: Received[ContactEvent], state: WorkingSet, now: datetime) -> Decision:
    """Who can be reached now is told at once; who cannot be any more is not told."""
    return _keep_contact(message, state, now, erased=False)


def _erased_needs(message: Received[ContactEvent], state: WorkingSet) -> Iterator[Lookup]:
    """In no lane: an older contact of the owner that is held here, by a bug of ours, must not hold this one up."""
    owner_id = message.data.contact.owner_id
    yield ById(CONTACTS, owner_id, guard=False)
    yield holding.about(CONTACTS, owner_id)
    yield messages_to(owner_id)
    if not state.missing([messages_to(owner_id)]):
        for one in state.all(messages_to(owner_id)):
            yield from matter_needs(state, one)


@routes.on("registry.contact.erased", _erased_needs)
def contact_erased(message: Received[ContactEvent], state: WorkingSet, now: datetime) -> Decision:
    """Name and number go, also from what is held, and whatever has not been sent is withdrawn (UU PDP art. 42–44)."""
    held = state.all(holding.about(CONTACTS, message.data.contact.owner_id))
    discarded = [holding.given_up("notify", one, "contact_erased") for one in held]
    kept = _keep_contact(message, state, now, erased=True)
    return replace(kept, removals=[*kept.removals, *held], facts=[*kept.facts, *discarded])


def _keep_contact(message: Received[ContactEvent], state: WorkingSet, now: datetime, *, erased: bool) -> Decision:
    told = message.data.contact
    known = state.get(ById(CONTACTS, told.owner_id, guard=not erased))
    if not message.is_news_to(known):
        return Decision()
    line = line_of(message.token, told.phone) if told.phone else None
    copy = contact.copy_of(told, message.sequence, erased=erased, known=known, line=line)
    desk = Desk(state, now, contact=copy)
    desk.keep(copy)
    for one in state.all(messages_to(told.owner_id)):
        desk.settle(one, matter_of(state, one))
    for lookup in () if copy.erased else _cooperatives_of(message):
        cooperative = state.get(lookup)
        if cooperative is not None and cooperative.remind_of is not None:
            desk.remind(copy, _meeting(cooperative))
    return desk.decision()


# --- businesses -------------------------------------------------------------------------------------------------------


def _business_needs(message: Received[BusinessEvent], state: WorkingSet) -> Iterator[Lookup]:
    told = message.data.business
    yield ById(BUSINESSES, told.business_id)
    if state.missing([ById(BUSINESSES, told.business_id)]):
        return
    owners = _owners_to_visit(state.get(ById(BUSINESSES, told.business_id)), told.owner_id)
    if not owners:
        return
    yield eligibilities_of(told.business_id)
    if not state.missing([eligibilities_of(told.business_id)]):
        known = state.get(ById(BUSINESSES, told.business_id))
        for one in state.all(eligibilities_of(told.business_id)):
            for owner_id in owners:
                yield from message_needs(state, one.programme_id, owner_id)
            if known is not None:
                yield from former_needs(one.programme_id, known)


def _owners_to_visit(known: Business | None, owner_id: str) -> tuple[str, ...]:
    """Whose messages may change: nobody's while a business stays with its owner."""
    if known is None:
        return (owner_id,)
    return () if known.owner_id == owner_id else (known.owner_id, owner_id)


@routes.on("registry.business.*", _business_needs)
def business_told(message: Received[BusinessEvent], state: WorkingSet, now: datetime) -> Decision:
    """Keep whose business it is; eligibilities that came before it are followed now."""
    told = message.data.business
    known = state.get(ById(BUSINESSES, told.business_id))
    if not message.is_news_to(known):
        return Decision()
    copy = audience.business_of(told, message.sequence, known)
    desk = Desk(state, now)
    desk.keep(copy)
    if _owners_to_visit(known, copy.owner_id):
        for one in state.all(eligibilities_of(copy.business_id)):
            programme = PROGRAMME.get(state, one.programme_id)
            if known is not None:
                desk.forget(one, known.owner_id, programme)
            desk.follow(one, copy, programme)
    return desk.decision()


# --- programmes and agencies ------------------------------------------------------------------------------------------


def _programme_needs(message: Received[ProgrammeEvent], _: WorkingSet) -> Iterator[Lookup]:
    yield ById(PROGRAMMES, message.data.programme.programme_id)


@routes.on("aid.programme.*", _programme_needs)
def programme_told(message: Received[ProgrammeEvent], state: WorkingSet, now: datetime) -> Decision:
    """Keep what owners are invited to; the worker looks through its eligibilities, which may be many."""
    told = message.data.programme
    if not message.is_news_to(state.get(ById(PROGRAMMES, told.programme_id))):
        return Decision()
    return Decision(changes=[audience.programme_of(told, message.sequence, now)])


def _agency_needs(message: Received[AgencyEvent], state: WorkingSet) -> Iterator[Lookup]:
    lookup = ById(AGENCIES, message.data.agency.agency)
    yield lookup
    if not state.missing([lookup]) and state.get(lookup) is None:
        yield programmes_of(message.data.agency.agency)


@routes.on("registry.agency.*", _agency_needs)
def agency_told(message: Received[AgencyEvent], state: WorkingSet, now: datetime) -> Decision:
    """Keep an agency's name; messages that have waited for it are looked through."""
    told = message.data.agency
    known = state.get(ById(AGENCIES, told.agency))
    if not message.is_news_to(known):
        return Decision()
    waiting = [] if known is not None else state.all(programmes_of(told.agency))
    copy = AgencyRecord(**told.model_dump(), sequence=message.sequence)
    return Decision(changes=[copy, *(one.to_review(now) for one in waiting)])


# --- cooperatives -----------------------------------------------------------------------------------------------------


def _cooperative_needs(message: Received[CooperativeEvent], _: WorkingSet) -> Iterator[Lookup]:
    yield ById(COOPERATIVES, message.data.cooperative.cooperative_id)


@routes.on("registry.cooperative.*", _cooperative_needs)
def cooperative_told(message: Received[CooperativeEvent], state: WorkingSet, now: datetime) -> Decision:
    """Keep what members are told of; when a RAT is due the worker looks through the members, who may be thousands. The
    reminder is taken also from an event that a newer one has overtaken: whether it still holds is looked at then."""
    told = message.data.cooperative
    known = state.get(ById(COOPERATIVES, told.cooperative_id))
    copy = cooperative_of(told, message.sequence, known) if message.is_news_to(known) else known
    if copy is not None and message.type == "registry.cooperative.rat_due" and told.rat_due is not None:
        copy = copy.reminded(told.rat_due, message.id, message.cause, now)
    return Decision() if copy is None or copy == known else Decision(changes=[copy])


# --- eligibility ------------------------------------------------------------------------------------------------------


def _eligibility_needs(message: Received[EligibilityEvent], state: WorkingSet) -> Iterator[Lookup]:
    told = message.data.eligibility
    yield ById(ELIGIBILITIES, told.eligibility_id)
    yield from follow_needs(state, told.programme_id, told.beneficiary_id)


@routes.on("aid.eligibility.assessed", _eligibility_needs)
def eligibility_assessed(message: Received[EligibilityEvent], state: WorkingSet, now: datetime) -> Decision:
    """Keep the answer, and tell the owner or withdraw what has not been sent."""
    told = message.data.eligibility
    if not message.is_news_to(state.get(ById(ELIGIBILITIES, told.eligibility_id))):
        return Decision()
    copy = audience.eligibility_of(told, message.sequence, message.id, message.cause)
    desk = Desk(state, now)
    desk.keep(copy)
    business = state.get(ById(BUSINESSES, told.beneficiary_id))
    desk.follow(copy, business, PROGRAMME.get(state, told.programme_id))
    return desk.decision()


# --- questions --------------------------------------------------------------------------------------------------------


def _asked_for(message: Received[MessageRequest]) -> Page[Message]:
    asked = message.data
    if asked.beneficiary_id is not None:
        tag = told_about(asked.beneficiary_id)
    elif asked.programme_id is not None:
        tag = campaign(asked.programme_id, asked.state)
    else:
        everywhere = asked.region in {None, regions.NATION}
        tag = UNCERTAIN if everywhere else f"{UNCERTAIN}:{regions.regency_or_above(str(asked.region))}"
    # One more than asked for, to know whether there is a next page.
    return Page(MESSAGES, tag, after=asked.after or "", limit=asked.limit + 1, guard=False)


def _message_request_needs(message: Received[MessageRequest], state: WorkingSet) -> Iterator[Lookup]:
    page = _asked_for(message)
    yield from (agency_lookup(message.account), page)
    for one in () if state.missing([page]) else state.all(page):
        yield from matter_needs(state, one)


@routes.on("notify.message.request", _message_request_needs)
def messages_asked_for(message: Received[MessageRequest], state: WorkingSet, now: datetime) -> Decision:
    """What has become of messages: to an agency only those about its own programmes, to our administrator all."""
    if problems := check_asker(message, state, now):
        return reject(*problems)
    found = state.all(_asked_for(message))
    listed = found[: message.data.limit]
    after = listed[-1].message_id if len(found) > len(listed) else None
    told = (one for one in listed if _may_be_told(message.account, matter_of(state, one)))
    return Decision(answer=[questions.shown(one) for one in told], next=after)


def _may_be_told(account: str, matter: Matter | None) -> bool:
    return account == ADMINISTRATOR or (matter is not None and matter.agency == account)


def _campaign_needs(message: Received[CampaignRequest], _: WorkingSet) -> Iterator[Lookup]:
    programme_id = message.data.programme_id
    yield from (agency_lookup(message.account), ById(PROGRAMMES, programme_id, guard=False))
    yield from counts_of(programme_id).values()


@routes.on("notify.campaign.request", _campaign_needs)
def campaign_asked_for(message: Received[CampaignRequest], state: WorkingSet, now: datetime) -> Decision:
    """How far the telling about a programme has come: told to the agency that runs it, and to our administrator."""
    if problems := check_asker(message, state, now):
        return reject(*problems)
    programme = state.get(ById(PROGRAMMES, message.data.programme_id, guard=False))
    if programme is None:
        return reject(problem("programme.not_known_yet", "data.programme_id"))
    if not _may_be_told(message.account, programme):
        return reject(problem("programme.of_another", "data.programme_id"))
    counts = {name: state.count(one) for name, one in counts_of(programme.programme_id).items()}
    return Decision(answer=questions.progress(programme, counts))


def _nothing_needed(message: Received[TemplateRequest], state: WorkingSet) -> Iterator[Lookup]:
    yield from ()


@routes.on("notify.template.request", _nothing_needed)
def templates(message: Received[TemplateRequest], state: WorkingSet, now: datetime) -> Decision:
    """How our messages read, with invented values. Only our own administrator may ask."""
    if problems := check_administrator(message.account, ADMINISTRATOR):
        return reject(*problems)
    found = list(questions.previews(message.data.template, now.date()))
    return Decision(answer=found) if found else reject(problem("template.unknown", "data.template"))


# --- the worker that looks through a programme ------------------------------------------------------------------------


def review_needs(message: Received[Any], state: WorkingSet) -> Iterator[Lookup]:
    """The next eligibilities of the programme that has waited longest."""
    due = Due(PROGRAMMES, until=message.received_at, limit=1, guard=False)
    yield due
    for programme in () if state.missing([due]) else state.all(due):
        page = _page(programme)
        yield page
        for one in () if state.missing([page]) else state.all(page):
            yield from follow_needs(state, one.programme_id, one.beneficiary_id)


def review(_: Received[Any], state: WorkingSet, now: datetime) -> Decision:
    """Follow one page of eligibilities, the first recorded business first, and remember how far it is done."""
    desk = Desk(state, now)
    for programme in state.all(Due(PROGRAMMES, until=now, limit=1, guard=False)):
        found = state.all(_page(programme))
        known = [(one, business) for one in found if (business := state.get(ById(BUSINESSES, one.beneficiary_id)))]
        for one, business in sorted(known, key=lambda each: (each[1].recorded_on, each[1].business_id)):
            desk.follow(one, business, programme)
        last = found[-1].eligibility_id if len(found) == REVIEWED_AT_ONCE else None
        desk.keep(programme.reviewed(last))
    return desk.decision()


def _page(programme: audience.Programme) -> Page[audience.Eligibility]:
    # Unguarded: who adds or changes an eligibility meanwhile sees this programme, and meets us at the owner's message.
    tag, after = f"prog:{programme.programme_id}", programme.review_after or ""
    return Page(ELIGIBILITIES, tag, after=after, limit=REVIEWED_AT_ONCE, guard=False)


# --- the worker that looks through the members of a cooperative -------------------------------------------------------


def remind_needs(message: Received[Any], state: WorkingSet) -> Iterator[Lookup]:
    """The next members of the cooperative that has waited longest."""
    due = Due(COOPERATIVES, until=message.received_at, limit=1)
    yield due
    for cooperative in () if state.missing([due]) else state.all(due):
        page = _members(cooperative)
        yield page
        for member in () if state.missing([page]) else state.all(page):
            yield from member_needs(state, _meeting(cooperative), member)


def remind(_: Received[Any], state: WorkingSet, now: datetime) -> Decision:
    """Tell one page of members that the RAT is due, and remember how far it is done (S4-13)."""
    desk = Desk(state, now)
    for cooperative in state.all(Due(COOPERATIVES, until=now, limit=1)):
        found = state.all(_members(cooperative))
        for member in found:
            desk.remind(member, _meeting(cooperative))
        last = found[-1].owner_id if len(found) == REVIEWED_AT_ONCE else None
        desk.keep(cooperative.reviewed(last))
    return desk.decision()


def _members(cooperative: Cooperative) -> Page[Contact]:
    tag, after = members_of(cooperative.cooperative_id), cooperative.review_after or ""
    return Page(CONTACTS, tag, after=after, limit=REVIEWED_AT_ONCE, guard=False)


def _meeting(cooperative: Cooperative) -> Meeting:
    return Meeting(cooperative, cooperative.remind_of or date.max)
