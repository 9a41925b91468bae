"""Questions about businesses: to whom they concern, a page at a time, and with a record of who has read what."""

from random import Random
from typing import Any

import pytest

from services.registry.store import ACCESSES
from shared.reference.personal import find_personal
from tests.services.registry.memory import KALTIM, MEDAN, NIB, SEEN, SIANTAR, Registry, codes, person, trade
from tests.shared.reference import generate

REQUEST = "registry.business.request"


@pytest.fixture
def registry() -> Registry:
    return Registry()


def ask(registry: Registry, account: str = MEDAN, **asked: Any) -> Any:
    return registry.send(REQUEST, asked, account)


def names(decision: Any) -> list[str]:
    return [one["business"]["name"] for one in decision.answer]


def test_the_public_state_is_answered_as_of_the_last_event(registry: Registry) -> None:
    """What a subscriber would know, for one who has not heard the events."""
    business_id = registry.recorded(nib=NIB, address="Jalan Contoh 1", annual_sales={"year": 2025, "amount": 1000})
    registry.brought_to("binaan", business_id)
    (answer,) = ask(registry, business_ids=[business_id, "nothing"]).answer
    event = registry.facts[-1]
    assert answer == {
        "business": event.data.model_dump(mode="json", exclude_none=True)["business"],
        "sequence": event.sequence,
    }
    assert registry.all(ACCESSES) == []


def test_a_full_answer_says_who_told_what_and_is_recorded(registry: Registry) -> None:
    """UU PDP art. 32: the owner can be told who has read the address and the figures."""
    registry.recorded(agency_ref="A-1", address="Jalan Contoh 1", annual_sales={"year": 2025, "amount": 1000})
    (answer,) = ask(registry, detail="full", purpose="field_visit").answer
    assert answer["detail"] == {
        "address": "Jalan Contoh 1",
        "annual_sales": {"year": 2025, "amount": 1000},
        "agency_refs": {MEDAN: "A-1"},
        "told_name": "Keripik Ubi Mekar",
        "told": {**answer["detail"]["told"], "address": {"at": SEEN.isoformat(), "account": MEDAN}},
    }
    (access,) = registry.all(ACCESSES)
    assert (access.account, access.purpose, access.owner_ids) == (MEDAN, "field_visit", (registry.owner().owner_id,))


@pytest.mark.parametrize("by_id", [True, False])
def test_a_full_answer_can_be_forgotten_and_conflicts_with_an_erasure(registry: Registry, by_id: bool) -> None:
    """It says whom it is about, and relies on the businesses, which an erasure changes; a public one does neither."""
    business_id = registry.recorded(address="Jalan Contoh 1")
    asked = {"business_ids": [business_id]} if by_id else {}
    for detail, persons in ({"detail": "full", "purpose": "field_visit"}, [registry.owner().owner_id]), ({}, []):
        task = registry.task(registry.message(MEDAN, REQUEST, {**asked, **detail}))
        working = registry.load([task])
        assert list(registry.decision_on(task, working).persons) == persons
        relied_on = {id_ for lookup in working.used if lookup.guard for id_ in working.found(lookup)}
        assert (business_id in relied_on) == bool(detail)


def test_a_region_is_read_page_by_page(registry: Registry) -> None:
    """Every business once, whatever the page; a status or a kecamatan picks some."""
    rng = Random(11)
    for number in range(7):
        region = "12.71.01.1001" if number % 2 else "12.71.02"
        registry.report(trade(name=f"Usaha {number}", region=region), person(nik=generate.nik(rng, regency="12.71")))
    seen, after = list[str](), None
    while True:
        page = ask(registry, limit=3, **({"after": after} if after else {}))
        seen += names(page)
        after = page.next
        if after is None:
            break
    assert sorted(seen) == [f"Usaha {number}" for number in range(7)]
    assert sorted(names(ask(registry, region="12.71.01"))) == ["Usaha 1", "Usaha 3", "Usaha 5"]
    first = ask(registry).answer[0]["business"]
    registry.brought_to("binaan", first["business_id"])
    assert names(ask(registry, status="binaan")) == [first["name"]]
    assert first["name"] not in names(ask(registry, status="terdata"))


def test_what_may_be_recorded_twice_is_listed(registry: Registry) -> None:
    """The work list of the official who merges."""
    for name in ("Keripik Ubi", "Kripik Ubi", "Laundry"):
        registry.recorded(name=name)
    registry.compared()
    assert sorted(names(ask(registry, suspected=True))) == ["Keripik Ubi", "Kripik Ubi"]


def test_an_agency_sees_its_region_and_a_province_all_below_it(registry: Registry) -> None:
    """S3-06. What lies elsewhere is not answered, also not by its id."""
    ids = [
        str(registry.report(trade(name=region, region=region), person(), account).result["business_id"])
        for region, account in (("12.71", MEDAN), ("12.72", SIANTAR), ("64.72", KALTIM), ("64.07", KALTIM))
    ]
    assert names(ask(registry)) == ["12.71"]
    assert names(ask(registry, business_ids=ids)) == ["12.71"]
    assert sorted(names(ask(registry, KALTIM))) == ["64.07", "64.72"]
    assert codes(ask(registry, region="12.72")) == [("authority.region", "data.region")]
    assert codes(ask(registry, SIANTAR, region="12.71", detail="full")) == [("authority.region", "data.region")]
    assert registry.all(ACCESSES) == []


def test_the_nation_is_asked_for_by_province(registry: Registry) -> None:
    """A ministry would have every business of the country in one list."""
    ministry = {"agency": "kemenumkm", "name": "Kementerian UMKM", "level": "ministry", "region": "00"}
    registry.accept("registry.agency.register", {**ministry, "permitted": ["registry.business.*"]}, "binaan")
    registry.recorded()
    assert codes(ask(registry, "kemenumkm")) == [("request.region_too_wide", "data.region")]
    assert names(ask(registry, "kemenumkm", region="12")) == ["Keripik Ubi Mekar"]


def test_a_public_answer_names_nobody(registry: Registry) -> None:
    registry.recorded(address="Jalan Contoh 1", annual_sales={"year": 2025, "amount": 60_000_000})
    wire = repr(ask(registry).answer)
    assert find_personal(wire) is None
    assert not any(secret in wire for secret in ("Jalan", "Pemilik", "60000000"))


def test_what_a_business_has_is_answered_also_by_an_old_id(registry: Registry) -> None:
    keep, double = registry.recorded(name="Usaha A"), registry.recorded(name="Usaha AA")
    registry.accept("registry.product.report", {"business_id": double, "name": "Sambal"}, time=SEEN)
    paper = {"business_id": double, "kind": "halal", "number": "ID12110000012340120"}
    registry.accept("registry.certificate.report", paper, time=SEEN)
    registry.accept("registry.business.merge", {"keep": keep, "absorb": double, "reason": "x"}, actor="kadis")
    for business_id in (keep, double):
        (product,) = registry.send("registry.product.request", {"business_id": business_id}).answer
        (certificate,) = registry.send("registry.certificate.request", {"business_id": business_id}).answer
        assert (product["name"], product["business_id"]) == ("Sambal", keep)
        assert (certificate["kind"], certificate["business_id"]) == ("halal", keep)
    nobody = registry.send("registry.product.request", {"business_id": "nothing"})
    assert codes(nobody) == [("business.not_found", "data.business_id")]
    assert codes(registry.send("registry.product.request", {"business_id": keep}, SIANTAR)) == [
        ("authority.region", "data.business_id")
    ]
