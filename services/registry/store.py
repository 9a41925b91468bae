"""What registry keeps, how it is found, and what of it is encrypted."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from services.registry import business, certificate, duplicate, owner, product, report
from services.registry.access import Access
from services.registry.business import Business
from services.registry.certificate import Certificate
from services.registry.matching import Person, Usage
from services.registry.owner import Owner
from services.registry.product import Product
from shared.agencies import AGENCIES, OFFICIALS
from shared.contracts.envelope import Received
from shared.kernel.state import ById, ByTag, Collection, Page, WorkingSet

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
    return claimed.model_copy(update={"place": duplicate.place_of(one, phone, message)})


BUSINESSES: Collection[Business] = Collection(
    name="businesses",
    model=Business,
    id_of=lambda one: one.business_id,
    keys=lambda one: one.claims,
    tags=lambda one: (*duplicate.blocks(one).values(), *business.places(one)),
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
