"""What businesses make and resell, and who makes what a reseller sells."""

from typing import Any

import pytest

from services.registry.store import PRODUCTS
from tests.services.registry.memory import KALTIM, MEDAN, OTHER_NIK, SEEN, SIANTAR, Registry, codes, person, trade

PRODUCT = "registry.product.report"


@pytest.fixture
def registry() -> Registry:
    return Registry()


def told(registry: Registry, business_id: str, account: str = MEDAN, **fields: Any) -> Any:
    about = {"time": fields.pop("time", SEEN)}
    return registry.send(PRODUCT, {"business_id": business_id, "name": "Keripik Balado", **fields}, account, **about)


def test_a_product_is_recorded_and_kept_up_to_date(registry: Registry) -> None:
    """By its name among its business's; the newest observation of each field stands."""
    maker = registry.recorded(role="ikm")
    first = told(registry, maker, category="makanan", channels=["shopee"])
    again = told(registry, maker, name="KERIPIK  balado", channels=["shopee", "indomaret"], time=SEEN.replace(day=9))
    late = told(registry, maker, category="lain", time=SEEN.replace(day=1))
    assert [one.result["outcome"] for one in (first, again, late)] == ["created", "updated", "unchanged"]
    (product,) = registry.all(PRODUCTS)
    assert (product.category, product.channels) == ("makanan", ("shopee", "indomaret"))
    assert registry.told()[-2:] == ["product.recorded", "product.updated"]


def test_a_reseller_names_who_makes_it_wherever_that_is(registry: Registry) -> None:
    """S0-10: an UKM resells what an IKM produces; the IKM may be in another province."""
    maker = str(registry.report(trade(region="64.72", role="ikm"), person(nik=OTHER_NIK), KALTIM).result["business_id"])
    seller = registry.recorded(name="Toko Oleh-Oleh", role="ukm")
    decision = told(registry, seller, supplied_by=maker)
    assert (decision.warnings, registry.all(PRODUCTS)[0].supplied_by) == ([], maker)
    assert registry.facts[-1].data.model_dump()["product"]["supplied_by"] == maker
    other = registry.recorded(name="Toko Lain", role="ukm")
    assert [one.code for one in told(registry, seller, supplied_by=other).warnings] == ["product.supplier_role"]


def test_links_that_make_no_sense_are_refused(registry: Registry) -> None:
    maker = registry.recorded()
    assert codes(told(registry, maker, supplied_by=maker)) == [("product.supplied_by_itself", "data.supplied_by")]
    assert codes(told(registry, maker, supplied_by="nothing")) == [("product.supplier_unknown", "data.supplied_by")]
    assert codes(told(registry, "nothing")) == [("business.not_found", "data.business_id")]
    assert codes(told(registry, maker, SIANTAR)) == [("authority.region", "data.business_id")]
    assert codes(told(registry, maker, category="x", clear=["category"])) == [("clear.also_given", "data.clear")]
    assert codes(told(registry, maker, clear=["name"])) == [("clear.unknown_field", "data.clear")]
    assert registry.all(PRODUCTS) == []


def test_a_channel_that_the_table_does_not_hold_is_kept_and_warned_of(registry: Registry) -> None:
    """S1-15: "dan lain-lain"."""
    decision = told(registry, registry.recorded(), channels=["shopee", "warung_pojok"])
    assert [(one.code, one.field) for one in decision.warnings] == [("channel.unknown", "data.channels.1")]
    assert registry.all(PRODUCTS)[0].channels == ("shopee", "warung_pojok")


def test_a_field_is_emptied_by_name(registry: Registry) -> None:
    maker = registry.recorded()
    told(registry, maker, category="makanan", channels=["shopee"])
    told(registry, maker, clear=["category", "channels"], time=SEEN.replace(day=9))
    assert [(one.category, one.channels) for one in registry.all(PRODUCTS)] == [(None, ())]


def test_after_a_merge_products_stand_with_the_business_that_lives_on(registry: Registry) -> None:
    """Two of one name become one that knows the newest of either; a report of the old business lands there."""
    keep, double = registry.recorded(name="Usaha A"), registry.recorded(name="Usaha AA")
    told(registry, keep, category="makanan")
    told(registry, double, category="oleh_oleh", time=SEEN.replace(day=9))
    told(registry, double, name="Sambal")
    merge = {"keep": keep, "absorb": double, "reason": "Satu usaha"}
    registry.accept("registry.business.merge", merge, actor="kadis")
    standing = [one for one in registry.all(PRODUCTS) if one.merged_into is None]
    assert {(one.name, one.business_id, one.category) for one in standing} == {
        ("Keripik Balado", keep, "oleh_oleh"),
        ("Sambal", keep, None),
    }
    again = told(registry, double, channels=["bazar"], time=SEEN.replace(day=12))
    assert again.result["product_id"] in {one.product_id for one in standing}
