"""Products: what a business makes or resells, where it is listed, and who makes what a reseller sells (S0-10).

A product is known by its business and its name. Each field has who told it and when, like those of the business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.registry import reference
from services.registry.business import Business
from services.registry.observation import Seen, merge, newer
from services.registry.problems import problem
from services.registry.report import normalised
from shared.contracts.problem import Problem
from shared.contracts.registry.products import (
    PRODUCT_CLEARABLE,
    ProductChange,
    ProductEvent,
    ProductReport,
    ProductState,
)
from shared.decision import Fact

OBSERVED = ("name", "category", "channels", "supplied_by", "discontinued")
SEALED = frozenset({"seen"})
_EMPTY: Mapping[str, Any] = {"channels": ()}


class Product(BaseModel):
    model_config = ConfigDict(frozen=True)

    product_id: str
    business_id: str
    name: str
    category: str | None = None
    channels: tuple[str, ...] = ()
    supplied_by: str | None = None
    discontinued: bool = False
    merged_into: str | None = None
    recorded_on: date
    seen: Mapping[str, Seen] = {}
    sequence: int = 0


def keys(product: Product) -> tuple[str, ...]:
    return () if product.merged_into is not None else (key(product.business_id, product.name),)


def key(business_id: str, name: str) -> str:
    """The claim by which a business has one product of a name."""
    return f"of:{business_id}|{normalised(name)}"


def tags(product: Product) -> tuple[str, ...]:
    return () if product.merged_into is not None else (of_business(product.business_id),)


def of_business(business_id: str) -> str:
    return f"business:{business_id}"


# --- what is told -----------------------------------------------------------------------------------------------------


def told_fields(told: ProductReport) -> dict[str, Any]:
    cleared = {name: _EMPTY.get(name) for name in PRODUCT_CLEARABLE & set(told.clear)}
    return cleared | {name: value for name in OBSERVED if (value := getattr(told, name)) is not None}


def check(told: ProductReport, business: Business, supplier: Business | None) -> list[Problem]:
    """A link leads from one business to another that is known; it may lie in any region."""
    problems = []
    if not PRODUCT_CLEARABLE.issuperset(told.clear):
        problems.append(problem("clear.unknown_field", "data.clear"))
    elif any(getattr(told, name) is not None for name in told.clear):
        problems.append(problem("clear.also_given", "data.clear"))
    if told.supplied_by is not None and supplier is None:
        problems.append(problem("product.supplier_unknown", "data.supplied_by"))
    if supplier is not None and supplier.business_id == business.business_id:
        problems.append(problem("product.supplied_by_itself", "data.supplied_by"))
    return problems


def warnings(told: ProductReport, supplier: Business | None) -> list[Problem]:
    unknown = reference.unknown_channels(told.channels or (), "data.channels")
    resold = supplier is not None and supplier.role != "ikm"
    return [*unknown, *([problem("product.supplier_role", "data.supplied_by")] if resold else [])]


def recorded(product_id: str, business_id: str, told: Mapping[str, Any], by: Seen, today: date) -> Product:
    blank = Product(product_id=product_id, business_id=business_id, name=told["name"], recorded_on=today)
    return observed(blank, told, by)


def observed(product: Product, told: Mapping[str, Any], by: Seen) -> Product:
    merged = merge(product.seen, told, by)
    return product.model_copy(update={**merged.won, "seen": merged.seen}) if merged.won else product


# --- what the world sees ----------------------------------------------------------------------------------------------


def public(product: Product) -> ProductState:
    state = {name: getattr(product, name) for name in ProductState.model_fields}
    return ProductState(**state | {"channels": product.channels or None})


def announced(before: Product | None, after: Product, region: str) -> tuple[Product, list[Fact]]:
    """The product with its next sequence and its event, if anything public has changed."""
    fields = changed_fields(before, after)
    if before is not None and not fields:
        return after, []
    numbered = after.model_copy(update={"sequence": after.sequence + 1})
    change = ProductChange(fields=fields if before is not None else None)
    event = ProductEvent(product=public(numbered), change=change)
    what = "updated" if before is not None else "recorded"
    return numbered, [Fact(f"registry.product.{what}", numbered.product_id, region, numbered.sequence, event)]


def changed_fields(before: Product | None, after: Product) -> tuple[str, ...]:
    if before is None:
        return OBSERVED
    old, new = public(before), public(after)
    return tuple(name for name in ProductState.model_fields if getattr(old, name) != getattr(new, name))


# --- when two businesses turn out to be one ---------------------------------------------------------------------------


def moved(
    theirs: Iterable[Product], mine: Iterable[Product], business_id: str, region: str
) -> list[tuple[Product, list[Fact]]]:
    """The products of the business that goes, at the one that lives on; two of one name become one, which knows the
    newest of either."""
    own = {normalised(one.name): one for one in mine}
    moves = []
    for product in theirs:
        twin = own.get(normalised(product.name))
        pairs = [(product, product.model_copy(update={"business_id": business_id}))]
        if twin is not None:
            gone = product.model_copy(update={"business_id": business_id, "merged_into": twin.product_id})
            pairs = [(product, gone), (twin, _united(twin, product))]
        moves += [announced(before, after, region) for before, after in pairs]
    return moves


def _united(twin: Product, other: Product) -> Product:
    seen = newer(other.seen, twin.seen)
    return twin.model_copy(update={**{name: getattr(other, name) for name in seen}, "seen": {**twin.seen, **seen}})
