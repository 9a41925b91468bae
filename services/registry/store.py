"""What registry keeps, how it is found, and what of it is encrypted."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from services.registry import (
    business,
    census,
    certificate,
    cooperative,
    drive,
    duplicate,
    membership,
    owner,
    product,
    report,
)
from services.registry.access import Access
from services.registry.business import Business
from services.registry.census import Census, Visit
from services.registry.certificate import Certificate
from services.registry.cooperative import Cooperative
from services.registry.counting import Figures, Movement, PastFigures
from services.registry.drive import Drive
from services.registry.matching import Person, Usage
from services.registry.membership import Member
from services.registry.owner import Owner
from services.registry.product import Product
from services.registry.statistics import Publication
from shared.agencies import AGENCIES, OFFICIALS
from shared.contracts.envelope import Received
from shared.kernel.state import ById, ByTag, Collection, Page, WorkingSet
from shared.reference import region as regions

OWNERS: Collection[Owner] = Collection(
    name="owners",
    model=Owner,
    id_of=lambda one: one.owner_id,
    keys=lambda one: tuple(owner.key(kind, token) for kind, token in one.tokens.items()),
    due=lambda one: one.moving.due if one.moving is not None else None,
    sealed=owner.SEALED,
    rekeyed=lambda one, message, _: owner.rekeyed(one, message.token),
)


def _rekeyed(one: Business, message: Received[Any], state: WorkingSet) -> Business:
    """What it claims, and where its owner is reached, under tokens of today."""
    found = state.get(ById(OWNERS, one.owner_id))
    phone = found.phone if found is not None and one.place is not None else None
    claimed = report.reclaimed(one, message)
    return duplicate.placed(claimed, duplicate.place_of(one, phone, message))


BUSINESSES: Collection[Business] = Collection(
    name="businesses",
    model=Business,
    id_of=lambda one: one.business_id,
    keys=lambda one: one.claims,
    tags=lambda one: (*duplicate.tags(one), *business.places(one)),
    due=lambda one: one.comparing.due if one.comparing is not None else None,
    sealed=business.SEALED,
    rekeyed=_rekeyed,
    rekey_needs=lambda one: (ById(OWNERS, one.owner_id),),
)
ACCESSES: Collection[Access] = Collection(
    name="accesses",
    model=Access,
    id_of=lambda one: one.access_id,
    tags=lambda one: tuple(f"of:{owner_id}" for owner_id in one.owner_ids),
)
PRODUCTS: Collection[Product] = Collection(
    name="products",
    model=Product,
    id_of=lambda one: one.product_id,
    keys=product.keys,
    tags=product.tags,
    sealed=product.SEALED,
)
CERTIFICATES: Collection[Certificate] = Collection(
    name="certificates",
    model=Certificate,
    id_of=lambda one: one.certificate_id,
    keys=lambda one: (certificate.key(one.kind, one.number),),
    tags=lambda one: (product.of_business(one.business_id),),
    due=lambda one: one.due,
    sealed=certificate.SEALED,
)
PERSONS: Collection[Person] = Collection(name="persons", model=Person, id_of=lambda one: one.token)
USAGE: Collection[Usage] = Collection(name="usage", model=Usage, id_of=lambda one: one.account)


def within(region: str) -> str:
    """The tag of what lies in a region."""
    return f"in:{region}"


def _cooperative_tags(one: Cooperative) -> tuple[str, ...]:
    places = [within(place) for place in regions.ancestry(one.region)]
    drives = (f"drive:{one.drive_id}",) if one.drive_id is not None else ()
    return (*places, *(f"{place}|{one.status}" for place in places), *drives)


COOPERATIVES: Collection[Cooperative] = Collection(
    name="cooperatives",
    model=Cooperative,
    id_of=lambda one: one.cooperative_id,
    keys=cooperative.claims,
    tags=_cooperative_tags,
    due=lambda one: one.look_again,
)
MEMBERS: Collection[Member] = Collection(
    name="members", model=Member, id_of=lambda one: one.member_id, tags=membership.tags
)
DRIVES: Collection[Drive] = Collection(name="drives", model=Drive, id_of=lambda one: one.drive_id, due=drive.due)
CENSUSES: Collection[Census] = Collection(
    name="censuses", model=Census, id_of=lambda one: one.census_id, due=census.due
)
VISITS: Collection[Visit] = Collection(name="visits", model=Visit, id_of=lambda one: one.visit_id)
MOVEMENTS: Collection[Movement] = Collection(
    name="movements", model=Movement, id_of=lambda one: one.movement_id, due=lambda one: one.at
)
FIGURES: Collection[Figures] = Collection(name="figures", model=Figures, id_of=lambda one: one.figures_id)
PAST_FIGURES: Collection[PastFigures] = Collection(
    name="past_figures", model=PastFigures, id_of=lambda one: one.past_id, tags=lambda one: (one.figures_id,)
)
PUBLICATIONS: Collection[Publication] = Collection(
    name="publications", model=Publication, id_of=lambda one: one.statistics_id
)
COLLECTIONS: tuple[Collection[Any], ...] = (
    AGENCIES,
    OFFICIALS,
    OWNERS,
    BUSINESSES,
    PRODUCTS,
    CERTIFICATES,
    ACCESSES,
    PERSONS,
    USAGE,
    COOPERATIVES,
    MEMBERS,
    DRIVES,
    CENSUSES,
    VISITS,
    MOVEMENTS,
    FIGURES,
    PAST_FIGURES,
    PUBLICATIONS,
)
_BY_MODEL = {collection.model: collection for collection in COLLECTIONS}


def collection_of(aggregate: BaseModel) -> Collection[Any]:
    """Where an aggregate belongs."""
    return _BY_MODEL[type(aggregate)]


def businesses_of(owner_id: str) -> ByTag[Business]:
    """An owner's businesses, to know where the owner is. Not guarded: that one comes or goes meanwhile changes nothing
    about what an agency was allowed when it asked."""
    return ByTag(BUSINESSES, duplicate.of_owner(owner_id), guard=False)


def accesses_of(owner_id: str, after: str | None, limit: int) -> Page[Access]:
    """The next answers about an owner, the oldest first."""
    return Page(ACCESSES, f"of:{owner_id}", after=after or "", limit=limit, guard=False)


def businesses_in(region: str, after: str | None, limit: int) -> Page[Business]:
    """The next businesses of a kab/kota, by id."""
    tag = business.of_region(regions.regency_or_above(region))
    return Page(BUSINESSES, tag, after=after or "", limit=limit, guard=False)


def cooperatives_in(region: str, status: str | None, after: str | None, limit: int) -> Page[Cooperative]:
    """The next cooperatives whose seat lies in a region, by id; of one status, or of any."""
    tag = within(region) if status is None else f"{within(region)}|{status}"
    return Page(COOPERATIVES, tag, after=after or "", limit=limit, guard=False)


def members_of(cooperative_id: str, after: str | None, limit: int) -> Page[Member]:
    """The next members of a cooperative by list, by id."""
    return Page(MEMBERS, membership.of_cooperative(cooperative_id), after=after or "", limit=limit, guard=False)


def of_drive(drive_id: str, after: str | None, limit: int) -> Page[Cooperative]:
    return Page(COOPERATIVES, f"drive:{drive_id}", after=after or "", limit=limit, guard=False)
