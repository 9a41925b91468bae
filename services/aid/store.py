"""What aid keeps, in which collections, and under which names it is found again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time
from typing import Any

from services.aid import ledger
from services.aid.assessment import PAGE, Assessment
from services.aid.business import Business, places
from services.aid.certificate import Certificates
from services.aid.cooperative import Cooperative
from services.aid.eligibility import Eligibility, eligibility_id
from services.aid.exclusion import Standing
from services.aid.external_grant import ExternalGrant
from services.aid.grant import Grant
from services.aid.items import Item
from services.aid.ledger import Account, Entry
from services.aid.overlap import Overlap
from services.aid.programme import Programme, overdue_at
from services.aid.recipient import Recipient
from services.aid.stock import Stock
from shared.agencies import AGENCIES, OFFICIALS
from shared.kernel.state import ById, ByKey, ByTag, Collection, Due, Page
from shared.reference import region as regions


def _open_in(programme: Programme) -> Iterable[str]:
    return (f"open:{programme.region}",) if programme.status == "open" else ()


def _told_to(overlap: Overlap) -> Iterable[str]:
    """Its agencies, and every region that either side lies in."""
    around = {place for one in overlap.sides for place in places(one.region)}
    return [f"{overlap.status}:{one}" for one in (*overlap.agencies, *sorted(around))]


def _again_at(eligibility: Eligibility) -> datetime | None:
    """The first instant, in the beneficiary's region, of the day on which the answer may be another."""
    day = eligibility.again_on
    return datetime.combine(day, time(), regions.timezone(eligibility.region)) if day is not None else None


RANKS = 4
"""Of those who may be served: with no intervention, one, two, and more."""


def rank_of(eligibility: Eligibility) -> int:
    """Never served comes first (S1-24)."""
    return min(eligibility.prior_interventions, RANKS - 1)


BUSINESSES: Collection[Business] = Collection(
    name="businesses",
    model=Business,
    id_of=lambda one: one.business_id,
    tags=lambda one: [*(f"in:{place}" for place in places(one.state.region)), f"owner:{one.state.owner_id}"],
    due=lambda one: one.settling.due if one.settling else None,
)
COOPERATIVES: Collection[Cooperative] = Collection(
    name="cooperatives",
    model=Cooperative,
    id_of=lambda one: one.cooperative_id,
    tags=lambda one: [f"in:{place}" for place in places(one.state.region)],
    due=lambda one: one.settling.due if one.settling else None,
)
CERTIFICATES: Collection[Certificates] = Collection(
    name="certificates", model=Certificates, id_of=lambda one: one.business_id
)
ITEMS: Collection[Item] = Collection(
    name="items", model=Item, id_of=lambda one: one.item, tags=lambda _: ("all",), reference=True
)
PROGRAMMES: Collection[Programme] = Collection(
    name="programmes",
    model=Programme,
    id_of=lambda one: one.programme_id,
    tags=lambda one: [*_open_in(one), *(f"in:{place}" for place in places(one.region))],
    due=overdue_at,
)
ELIGIBILITIES: Collection[Eligibility] = Collection(
    name="eligibilities",
    model=Eligibility,
    id_of=lambda one: one.eligibility_id,
    tags=lambda one: (f"of:{one.beneficiary_id}", f"for:{one.programme_id}:{one.verdict}:{rank_of(one)}"),
    due=_again_at,
)
ASSESSMENTS: Collection[Assessment] = Collection(
    name="assessments", model=Assessment, id_of=lambda one: one.programme_id, due=lambda one: one.due
)
RECIPIENTS: Collection[Recipient] = Collection(
    name="recipients",
    model=Recipient,
    id_of=lambda one: one.recipient_id,
    due=lambda one: one.following.due if one.following else None,
)
ACCOUNTS: Collection[Account] = Collection(
    name="accounts",
    model=Account,
    id_of=lambda one: one.budget_id,
    tags=lambda one: (
        f"of:{one.agency}:{one.fiscal_year}",
        *(f"in:{place}:{one.fiscal_year}" for place in places(one.region)),
    ),
    due=ledger.due,
)
ENTRIES: Collection[Entry] = Collection(
    name="entries", model=Entry, id_of=lambda one: one.entry_id, tags=lambda one: (f"of:{one.budget_id}",)
)
GRANTS: Collection[Grant] = Collection(
    name="grants",
    model=Grant,
    id_of=lambda one: one.grant_id,
    tags=lambda one: (
        f"programme:{one.programme_id}",
        f"to:{one.beneficiary_id}",
        *(f"in:{place}" for place in places(one.region)),
    ),
)
STOCKS: Collection[Stock] = Collection(
    name="stocks", model=Stock, id_of=lambda one: one.stock_id, tags=lambda one: (f"of:{one.agency}",)
)
STANDINGS: Collection[Standing] = Collection(
    name="standings",
    model=Standing,
    id_of=lambda one: one.person_id,
    keys=lambda one: one.ids,
    sealed=frozenset({"answers"}),
)
EXTERNAL_GRANTS: Collection[ExternalGrant] = Collection(
    name="external_grants", model=ExternalGrant, id_of=lambda one: one.external_grant_id
)
OVERLAPS: Collection[Overlap] = Collection(
    name="overlaps", model=Overlap, id_of=lambda one: one.overlap_id, tags=_told_to
)
FOLLOWED_AT_ONCE = 50
"""People in one transaction, with all businesses of each."""
COLLECTIONS: tuple[Collection[Any], ...] = (
    BUSINESSES,
    COOPERATIVES,
    CERTIFICATES,
    ITEMS,
    PROGRAMMES,
    ELIGIBILITIES,
    ASSESSMENTS,
    RECIPIENTS,
    ACCOUNTS,
    ENTRIES,
    GRANTS,
    STOCKS,
    STANDINGS,
    EXTERNAL_GRANTS,
    OVERLAPS,
    AGENCIES,
    OFFICIALS,
)


def business(business_id: str) -> ById[Business]:
    return ById(BUSINESSES, business_id)


def cooperative(cooperative_id: str) -> ById[Cooperative]:
    return ById(COOPERATIVES, cooperative_id)


def certificates(business_id: str) -> ById[Certificates]:
    return ById(CERTIFICATES, business_id)


def certificates_as_they_are(business_id: str) -> ById[Certificates]:
    """For an assessment; not guarded, for the reason given at ``standing_as_it_is``."""
    return ById(CERTIFICATES, business_id, guard=False)


def item(name: str) -> ById[Item]:
    """As reference data: whoever plans with an item that is registered in that instant is told to do it again."""
    return ById(ITEMS, name, guard=False)


def own_item(name: str) -> ById[Item]:
    """The item that is to be changed."""
    return ById(ITEMS, name)


def programme(programme_id: str) -> ById[Programme]:
    return ById(PROGRAMMES, programme_id)


def assessment_of(programme_id: str) -> ById[Assessment]:
    return ById(ASSESSMENTS, programme_id)


def programme_as_it_stands(programme_id: str) -> ById[Programme]:
    """For a decision about a business. Not guarded, for the reason given at ``open_programmes_for``."""
    return ById(PROGRAMMES, programme_id, guard=False)


def open_programmes_for(region: str) -> list[ByTag[Programme]]:
    """The open programmes whose region covers a business in ``region``.

    Not guarded, or every business event would wait for every other. A programme that opens at the same moment is not
    missed. Where the business was in its region before, the programme's work list reads and guards it, so either the
    decision about the business sees the programme, or the two conflict and one is taken again; where it was not, it is
    ``settling``. A programme that closes at the same moment was open when the decision was taken.
    """
    return [ByTag(PROGRAMMES, f"open:{place}", guard=False) for place in places(region)]


def answers_for(business_id: str) -> ByTag[Eligibility]:
    """All answers about a business. Not guarded: whoever writes one changes or guards the business itself."""
    return ByTag(ELIGIBILITIES, f"of:{business_id}", guard=False)


def answer(programme_id: str, business_id: str) -> ById[Eligibility]:
    """One answer; not guarded, as ``answers_for``."""
    return ById(ELIGIBILITIES, eligibility_id(programme_id, business_id), guard=False)


def ranked(programme_id: str, verdict: str, rank: int, *, after: str, limit: int) -> Page[Eligibility]:
    """The answers of one rank, for those who ask; not guarded."""
    return Page(ELIGIBILITIES, f"for:{programme_id}:{verdict}:{rank}", after=after, limit=limit, guard=False)


def cooperative_as_it_is(cooperative_id: str) -> ById[Cooperative]:
    """For those who ask; not guarded."""
    return ById(COOPERATIVES, cooperative_id, guard=False)


def standing(person: str) -> ByKey[Standing]:
    """What is known of a person, under whatever id: guarded, for a decision that pays or changes it."""
    return ByKey(STANDINGS, person)


def standing_as_it_is(person: str) -> ByKey[Standing]:
    """What is known of a person, for an assessment. Not guarded: whoever changes it reads and guards the businesses of
    that person and judges them in the same transaction, so one of the two is taken again; a business that it could not
    see yet is ``settling``."""
    return ByKey(STANDINGS, person, guard=False)


def businesses_of(person: str) -> ByTag[Business]:
    """The businesses of an owner, each of them guarded."""
    return ByTag(BUSINESSES, f"owner:{person}")


def eligibilities_due(now: datetime) -> Due[Eligibility]:
    """Answers that the calendar may have changed, as many as one transaction takes."""
    return Due(ELIGIBILITIES, until=now, limit=PAGE)


def programmes_due(now: datetime) -> Due[Programme]:
    """Drafts that should have begun."""
    return Due(PROGRAMMES, until=now, limit=100)


def cooperatives_due(now: datetime) -> Due[Cooperative]:
    return Due(COOPERATIVES, until=now, limit=PAGE)


def assessments_due(now: datetime) -> Due[Assessment]:
    """The work that has waited longest."""
    return Due(ASSESSMENTS, until=now, limit=1)


def businesses_due(now: datetime) -> Due[Business]:
    """Businesses that are settling, as many as one transaction takes."""
    return Due(BUSINESSES, until=now, limit=PAGE)


def next_businesses(work: Assessment) -> Page[Business]:
    """The page of businesses that an assessment has come to, each of them guarded."""
    return Page(BUSINESSES, f"in:{work.region}", after=work.cursor, limit=PAGE)


def next_cooperatives(work: Assessment) -> Page[Cooperative]:
    return Page(COOPERATIVES, f"in:{work.region}", after=work.cursor, limit=PAGE)


def account(budget_id: str) -> ById[Account]:
    """A budget line, guarded: what is decided on what is left is decided again when it has moved meanwhile."""
    return ById(ACCOUNTS, budget_id)


def grant(grant_id: str) -> ById[Grant]:
    return ById(GRANTS, grant_id)


def stock(stock_id: str) -> ById[Stock]:
    return ById(STOCKS, stock_id)


def business_as_it_is(business_id: str) -> ById[Business]:
    """Who owns a business. Not guarded: an owner changes only where the id of the old one leads to the new one."""
    return ById(BUSINESSES, business_id, guard=False)


def businesses_as_they_are(owner_id: str) -> ByTag[Business]:
    return ByTag(BUSINESSES, f"owner:{owner_id}", guard=False)


def businesses_in(region: str, *, after: str, limit: int) -> Page[Business]:
    """For a question: not guarded."""
    return Page(BUSINESSES, f"in:{region}", after=after, limit=limit, guard=False)


# --- what people have been given --------------------------------------------------------------------------------------


def recipient(person_id: str, *, guard: bool = True) -> ById[Recipient]:
    """What is kept under an id of a person; it may say that the person is elsewhere. Without a guard for an assessment:
    whoever changes it has the businesses of the person judged again in a later transaction."""
    return ById(RECIPIENTS, person_id, guard=guard)


def recipients_due(now: datetime) -> Due[Recipient]:
    """Those of whom something else is known and whose businesses are to be judged again."""
    return Due(RECIPIENTS, until=now, limit=FOLLOWED_AT_ONCE)


def external_grant(external_grant_id: str) -> ById[ExternalGrant]:
    return ById(EXTERNAL_GRANTS, external_grant_id)


def overlap(overlap_id: str) -> ById[Overlap]:
    return ById(OVERLAPS, overlap_id)


def overlap_as_it_is(overlap_id: str) -> ById[Overlap]:
    """Not guarded: it changes only together with the person of whom it is, who is guarded."""
    return ById(OVERLAPS, overlap_id, guard=False)


def overlaps_told(status: str, where: str, *, after: str, limit: int) -> Page[Overlap]:
    """Those of an agency or of a region in one state, by id."""
    return Page(OVERLAPS, f"{status}:{where}", after=after, limit=limit, guard=False)
