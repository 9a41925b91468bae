"""Who may ask who an owner is, and that the owner can ask who did."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import pytest

from services.registry.store import ACCESSES
from shared.contracts.authority import official_id
from tests.services.registry.memory import KALTIM, MEDAN, NIK, OTHER_NIK, PHONE, SIANTAR, Registry, codes, person, trade
from tests.shared.reference import generate

ASK, WHO = "registry.owner.request", "registry.access.request"


@pytest.fixture
def registry() -> Registry:
    """Two owners: one in Medan, one with a business in Medan and one in Siantar, both verified."""
    registry = Registry()
    registry.report(trade(), person())
    laundry = registry.report(trade(name="Laundry Kilat"), person(nik=OTHER_NIK, name="Orang Lain"))
    branch = registry.report(trade(name="Cabang", region="12.72"), person(nik=OTHER_NIK), SIANTAR)
    assert not registry.decide("verify", laundry.result["business_id"]).problems
    assert not registry.decide("verify", branch.result["business_id"], SIANTAR).problems
    return registry


def owner_id(registry: Registry, nik: str) -> str:
    return registry.owner_of(nik).owner_id


def ask(registry: Registry, account: str = MEDAN, **data: Any) -> Any:
    decision = registry.send(ASK, {"purpose": "field_visit", **data}, account, actor="kabid")
    assert not decision.problems
    return decision.answer


def test_an_agency_learns_who_owns_a_business_in_its_region(registry: Registry) -> None:
    business = next(one for one in registry.businesses() if one.name == "Keripik Ubi Mekar")
    (answer,) = ask(registry, business_id=business.business_id)
    assert (answer["nik"], answer["name"], answer["phone"]) == (NIK, "Pemilik Contoh", PHONE)
    (access,) = registry.all(ACCESSES)
    assert (access.account, access.official) == (MEDAN, official_id(MEDAN, "kabid"))
    assert (access.owner_ids, access.purpose, access.at) == ((business.owner_id,), "field_visit", registry.now)


def test_of_an_owner_elsewhere_it_learns_that_there_is_one_and_nothing_is_recorded(registry: Registry) -> None:
    """S3-06: an agency speaks for its own region; a business there is what makes a person its concern."""
    answer = ask(registry, KALTIM, owner_ids=[owner_id(registry, NIK)])
    assert answer == [{"owner_id": owner_id(registry, NIK), "identified": True}]
    assert registry.all(ACCESSES) == []


def test_one_answer_tells_some_owners_whole_and_others_not(registry: Registry) -> None:
    """Siantar has one of the two; who is not there at all is left out."""
    ids = [owner_id(registry, NIK), owner_id(registry, OTHER_NIK), "nobody"]
    whole = {one["owner_id"]: "nik" in one for one in ask(registry, SIANTAR, owner_ids=ids)}
    assert whole == {ids[0]: False, ids[1]: True}
    assert [one.owner_ids for one in registry.all(ACCESSES)] == [(ids[1],)]


def test_pages_join_to_the_whole(registry: Registry) -> None:
    ids = [one.owner_id for one in registry.owners()]
    first = registry.send(ASK, {"owner_ids": ids, "limit": 1, "purpose": "field_visit"})
    second = registry.send(ASK, {"owner_ids": ids, "limit": 1, "purpose": "field_visit", "after": first.next})
    assert [one["owner_id"] for one in (*first.answer, *second.answer)] == sorted(ids)
    assert second.next is None


def test_an_owner_learns_who_has_read_what_and_not_of_whom_else(registry: Registry) -> None:
    """UU PDP art. 32: in the order of time, in pages."""
    ids = [owner_id(registry, NIK), owner_id(registry, OTHER_NIK)]
    for number in range(3):
        ask(registry, owner_ids=ids, purpose=f"visit_{number}")
        registry.now += timedelta(seconds=1)
    ask(registry, SIANTAR, owner_ids=ids)
    first = registry.send(WHO, {"owner_id": ids[1], "limit": 3})
    second = registry.send(WHO, {"owner_id": ids[1], "limit": 3, "after": first.next})
    told = [*first.answer, *second.answer]
    assert [one["purpose"] for one in told] == ["visit_0", "visit_1", "visit_2", "field_visit"]
    assert [one["account"] for one in told] == [MEDAN, MEDAN, MEDAN, SIANTAR]
    assert ids[0] not in str(told)
    assert second.next is None


def test_only_an_agency_where_the_owner_is_may_ask_for_the_owner(registry: Registry) -> None:
    about = {"owner_id": owner_id(registry, NIK)}
    assert codes(registry.send(WHO, about, SIANTAR)) == [("authority.region", "data.owner_id")]
    assert codes(registry.send(ASK, {"purpose": "x", "owner_ids": []}, "stranger")) == [
        ("authority.agency_unknown", "source")
    ]


def test_a_business_that_is_only_reported_opens_nobody_who_is_elsewhere(registry: Registry) -> None:
    """Whoever has a NIK could report a business of it at home, and read, correct or erase a person elsewhere."""
    someone = owner_id(registry, NIK)
    made_up = registry.report(trade(name="Pancing", region="64.72.01"), {"nik": NIK, "name": "X"}, KALTIM)
    assert made_up.result["owner_id"] == someone
    assert ask(registry, KALTIM, owner_ids=[someone]) == [{"owner_id": someone, "identified": True}]
    about = {"owner_id": someone}
    for kind, told in (("correct", {"name": "Nama Lain"}), ("erase", {"reason": "permintaan_pemilik"})):
        refused = registry.send(f"registry.owner.{kind}", {**about, **told}, KALTIM, actor="kadis")
        assert codes(refused) == [("authority.region", "data.owner_id")]
    assert not registry.decide("verify", made_up.result["business_id"], KALTIM).problems
    assert ask(registry, KALTIM, owner_ids=[someone])[0]["nik"] == NIK


def test_an_answer_that_tells_a_person_relies_on_the_owner_as_read(registry: Registry) -> None:
    """An erasure that is committed meanwhile makes it begin again: or a stored answer would hold who was erased. What
    tells nobody relies on nobody."""
    data = {"purpose": "field_visit", "owner_ids": [owner_id(registry, NIK), owner_id(registry, OTHER_NIK)]}
    task = registry.task(registry.message(SIANTAR, ASK, data))
    working = registry.load([task])
    registry.decision_on(task, working)
    relied_on = {id_ for lookup in working.used if lookup.guard for id_ in working.found(lookup)}
    assert relied_on & set(data["owner_ids"]) == {owner_id(registry, OTHER_NIK)}


def test_businesses_that_are_still_on_their_way_say_where_the_owner_is(registry: Registry) -> None:
    """Records are joined at once, businesses follow: meanwhile the owner is not only where the other record was."""
    npwp, nib = generate.npwp(Random(1), digits=16), generate.nib(Random(5))
    entity = {"name": "Koperasi Contoh", "legal_form": "koperasi"}
    registry.report(trade(name="Toko"), {**entity, "nib": nib, "phone": PHONE})
    registry.report(trade(name="Kios", region="64.72.01"), {**entity, "npwp": npwp}, KALTIM)
    registry.report(trade(name="Gudang", region="64.72.01"), {**entity, "npwp": npwp, "nib": nib}, KALTIM)
    someone = registry.owner_of_number(npwp).owner_id
    assert ask(registry, KALTIM, owner_ids=[someone]) == [{"owner_id": someone, "identified": True}]
    registry.work()
    assert ask(registry, KALTIM, owner_ids=[someone]) == [{"owner_id": someone, "identified": True}]
