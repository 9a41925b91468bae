"""Owners without a number, and with one later; legal entities; records that turn out to be of one owner."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import pytest

from services.registry.business import Business
from services.registry.handlers import owners as handling
from services.registry.handlers.owners import MOVED_AT_ONCE
from services.registry.store import ACCESSES, BUSINESSES, OWNERS
from tests.services.registry.memory import MEDAN, NIB, NIK, OTHER_NIK, PHONE, SEEN, Registry, codes, person, trade
from tests.shared.reference import generate

LATER = SEEN + timedelta(days=1)
NPWP, OTHER_NPWP = (generate.npwp(Random(seed), digits=16) for seed in (1, 2))
OTHER_NIB = generate.nib(Random(5))


@pytest.fixture
def registry() -> Registry:
    return Registry()


def nameless(**fields: Any) -> dict[str, Any]:
    """An owner as an office tells of one whose NIK it does not have."""
    return {"name": "Ibu Tanpa NIK", **fields}


def entity(**fields: Any) -> dict[str, Any]:
    return {"name": "Koperasi Contoh", "legal_form": "koperasi", **fields}


def of(registry: Registry, name: str) -> Business:
    (found,) = (one for one in registry.businesses() if one.name == name)
    return found


# --- without a number -------------------------------------------------------------------------------------------------


def test_an_owner_is_recorded_without_a_nik_and_the_office_is_told(registry: Registry) -> None:
    """S1-22: recording comes first; the NIK may come later."""
    decision = registry.report(trade(agency_ref="A-1"), nameless())
    assert [(one.code, one.field) for one in decision.warnings] == [("owner.provisional", "data.owner.nik")]
    assert registry.owner().provisional
    assert registry.told() == ["contact.changed", "business.recorded"]


def test_without_anything_to_find_it_by_the_office_is_told_that_too(registry: Registry) -> None:
    decision = registry.report(trade(), nameless())
    assert [one.code for one in decision.warnings] == ["owner.provisional", "business.not_recognisable"]


def test_a_provisional_owner_is_found_by_its_business(registry: Registry) -> None:
    """By the office's own number, or by NIB and name."""
    registry.report(trade(agency_ref="A-1", nib=NIB), nameless())
    registry.report({"agency_ref": "A-1"}, {"phone": PHONE}, time=LATER)
    registry.report(trade(nib=NIB), {"name": "Ibu Bernama"}, time=LATER)
    assert (registry.owner().name, registry.owner().phone) == ("Ibu Bernama", PHONE)


def test_a_nik_that_nobody_has_makes_the_owner_real(registry: Registry) -> None:
    """The id stays, so that whoever has kept it still knows whose business it is; the public learns no NIK."""
    registry.report(trade(agency_ref="A-1"), nameless())
    before = registry.owner()
    registry.report({"agency_ref": "A-1"}, {"nik": NIK}, time=LATER)
    after = registry.owner()
    assert (after.owner_id, after.nik, after.provisional) == (before.owner_id, NIK, False)
    identified = registry.facts[-1].data.model_dump(mode="json")["owner"]
    assert identified == {"owner_id": after.owner_id, "identified": True, "joined_into": None, "erased": None}
    registry.report(trade(name="Lain"), {"nik": NIK, "name": "Ibu"}, time=LATER)
    assert of(registry, "Lain").owner_id == after.owner_id


def test_a_nik_that_somebody_has_joins_the_two(registry: Registry) -> None:
    """The business goes to the owner with the NIK; of the other record nothing but its id is left, and notify is told
    to forget it."""
    registry.report(trade(name="Laundry Kilat"), person())
    registry.report(trade(agency_ref="A-1"), nameless(phone=generate.phone(Random(9))))
    first, second = of(registry, "Laundry Kilat").owner_id, of(registry, "Keripik Ubi Mekar").owner_id
    registry.facts.clear()
    registry.report({"agency_ref": "A-1"}, {"nik": NIK}, time=LATER)
    assert {one.owner_id for one in registry.businesses()} == {first}
    left = registry.owner_by_id(second)
    assert (left.joined_into, left.name, left.phone, left.tokens, left.seen) == (first, None, None, {}, {})
    told = {fact.type: fact.data.model_dump(mode="json") for fact in registry.facts}
    assert told["registry.contact.erased"]["contact"]["owner_id"] == second
    left_over = {"owner_id": second, "identified": False, "joined_into": first, "erased": None}
    assert told["registry.owner.joined"]["owner"] == left_over
    assert told["registry.business.updated"]["change"]["fields"] == ["owner_id"]


def test_of_joined_histories_the_newest_word_on_each_thing_stands(registry: Registry) -> None:
    """What was told of the provisional one is not lost: its consent and its number count by when they were told."""
    newer, stop = generate.phone(Random(9)), {"whatsapp": False}
    registry.report(trade(name="Laundry Kilat"), person(consent={"whatsapp": True}))
    registry.report(trade(agency_ref="A-1"), nameless(phone=newer, consent=stop), time=LATER)
    registry.report({"agency_ref": "A-1"}, {"nik": NIK}, time=SEEN - timedelta(days=3))
    owner = registry.owner_of(NIK)
    assert (owner.name, owner.phone, owner.whatsapp.given) == ("Ibu Tanpa NIK", newer, False)


def test_what_names_the_joined_record_reaches_the_owner(registry: Registry) -> None:
    """A STOP that notify hears with the old id, a question, and the answer to who has read it."""
    registry.report(trade(name="Laundry Kilat"), person(consent={"whatsapp": True, "given_on": "2026-01-05"}))
    registry.report(trade(agency_ref="A-1"), nameless())
    old = of(registry, "Keripik Ubi Mekar").owner_id
    registry.send("registry.owner.request", {"owner_ids": [old], "purpose": "before"})
    registry.report({"agency_ref": "A-1"}, {"nik": NIK}, time=LATER)
    registry.send("registry.consent.withdraw", {"owner_id": old, "channels": ["whatsapp"]}, "notify", time=LATER)
    assert not registry.owner_of(NIK).whatsapp.given
    registry.now += timedelta(seconds=1)
    (answer,) = registry.send("registry.owner.request", {"owner_ids": [old], "purpose": "after"}).answer
    new = registry.owner_of(NIK).owner_id
    assert (answer["owner_id"], answer["joined_into"], answer["nik"]) == (old, new, NIK)
    assert registry.all(ACCESSES)[-1].owner_ids == (new,)
    for owner_id in (old, new):
        read = registry.send("registry.access.request", {"owner_id": owner_id}).answer
        assert [one["purpose"] for one in read] == ["before", "after"]


def test_another_nik_of_a_known_owner_is_refused_still(registry: Registry) -> None:
    registry.report(trade(agency_ref="A-1"), person())
    decision = registry.report({"agency_ref": "A-1"}, {"nik": OTHER_NIK}, time=LATER)
    assert codes(decision) == [("business.owner_differs", "data.owner.nik")]


# --- legal entities ---------------------------------------------------------------------------------------------------


def test_a_legal_entity_is_known_by_its_tax_number_or_its_nib(registry: Registry) -> None:
    """A cooperative has no NIK; either number finds it once it is known by both."""
    registry.report(trade(), entity(npwp=NPWP, nib=NIB))
    registry.report(trade(name="Cabang"), entity(nib=NIB))
    registry.report(trade(name="Gudang"), entity(npwp=NPWP[1:]))
    owner = registry.owner()
    assert (owner.npwp, owner.nib, owner.nik, owner.legal_form) == (NPWP, NIB, None, "koperasi")
    assert {one.owner_id for one in registry.businesses()} == {owner.owner_id}


def test_two_records_of_an_entity_are_joined_by_a_report_with_both_numbers(registry: Registry) -> None:
    """The one with the tax number remains; businesses that the report does not name follow in steps."""
    registry.report(trade(name="Toko"), entity(nib=NIB))
    registry.report(trade(name="Gudang"), entity(npwp=NPWP))
    registry.report(trade(name="Kantor"), entity(npwp=NPWP, nib=NIB))
    registry.work()
    kept = registry.owner_of_number(NPWP)
    assert {one.owner_id for one in registry.businesses()} == {kept.owner_id}
    assert len(kept.joined) == 1


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        (person(npwp=NPWP), ("owner.person_or_entity", "data.owner.nik")),
        (person(legal_form="pt"), ("owner.person_or_entity", "data.owner.nik")),
        ({"name": "PT Contoh", "npwp": NPWP}, ("field.required", "data.owner.legal_form")),
        (entity(npwp=NIK), ("owner.npwp_of_a_person", "data.owner.npwp")),
    ],
)
def test_a_person_is_no_entity_and_an_entity_no_person(
    registry: Registry, owner: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert codes(registry.report(trade(), owner)) == [expected]


def test_a_business_of_a_person_is_not_an_entitys(registry: Registry) -> None:
    """Nor the other way round: who takes over a business is for an official to say, not for a number."""
    registry.report(trade(agency_ref="A-1"), person())
    refused = registry.report({"agency_ref": "A-1"}, entity(npwp=NPWP), time=LATER)
    assert codes(refused) == [("business.owner_differs", "data.owner.npwp")]
    other = registry.report(trade(agency_ref="A-1"), entity(npwp=OTHER_NPWP), time=LATER)
    assert codes(other) == [("business.owner_differs", "data.owner.npwp")]


# --- many businesses follow in steps ----------------------------------------------------------------------------------


def test_many_businesses_follow_in_steps_and_are_found_meanwhile(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report about one that has not been moved yet finds it, moves it, and tells it once."""
    monkeypatch.setattr(handling, "MOVED_AT_ONCE", 40)
    for number in range(45):
        registry.report(trade(name=f"Toko {number}", agency_ref=f"T-{number}"), entity(nib=NIB))
    registry.report(trade(name="Gudang"), entity(npwp=NPWP))
    registry.report(trade(name="Kantor"), entity(npwp=NPWP, nib=NIB))
    registry.report({"agency_ref": "T-7", "workers": 7}, time=LATER)
    owner = registry.owner_of_number(NPWP)
    assert of(registry, "Toko 7").owner_id == owner.owner_id
    registry.work()
    assert {one.owner_id for one in registry.businesses()} == {owner.owner_id}
    assert all(one.moving is None for one in registry.owners())
    moves = [
        fact.subject
        for fact in registry.facts
        if fact.type == "registry.business.updated" and "owner_id" in (fact.data.model_dump()["change"]["fields"] or ())
    ]
    assert len(moves) == len(set(moves)) == 45
    again = registry.report(trade(name="Toko 3", agency_ref=None), entity(npwp=NPWP), time=LATER, account=MEDAN)
    assert again.result["outcome"] == "unchanged"


def test_records_are_joined_with_what_they_were_joined_with_before(registry: Registry) -> None:
    """The first id leads to the last owner at once, however often records were joined."""
    registry.report(trade(name="Warung", agency_ref="A-1"), nameless())
    first = of(registry, "Warung").owner_id
    registry.report(trade(name="Toko"), entity(nib=NIB))
    registry.report({"agency_ref": "A-1"}, entity(nib=NIB), time=LATER)
    registry.report(trade(name="Gudang"), entity(npwp=NPWP))
    registry.report(trade(name="Kantor"), entity(npwp=NPWP, nib=NIB))
    registry.work()
    owner = registry.owner_of_number(NPWP)
    assert registry.owner_by_id(first).joined_into == owner.owner_id
    assert {one.owner_id for one in registry.businesses()} == {owner.owner_id}


def joined(registry: Registry) -> None:
    """Let the owner of ``NIK`` turn out to be the one of another; a clock will take the businesses over."""
    registry.report(trade(name="Warung Lain"), person(nik=OTHER_NIK))
    registry.accept(
        "registry.owner.correct", {"owner_id": registry.owner_of(NIK).owner_id, "nik": OTHER_NIK}, actor="kadis"
    )


def test_two_of_one_name_that_follow_in_one_step_do_not_claim_it_both(registry: Registry) -> None:
    """The index would refuse the step, and every step after it: no owner's businesses would ever follow again."""
    registry.recorded(name="Keripik", agency_ref="A-1")
    registry.recorded(name="Kopi", agency_ref="A-2")
    registry.report({"agency_ref": "A-2", "name": "Keripik"}, time=LATER)
    joined(registry)
    registry.work()
    assert {one.owner_id for one in registry.businesses()} == {registry.owner_of(OTHER_NIK).owner_id}
    assert all(one.moving is None for one in registry.owners())
    found = {registry.report({"agency_ref": f"A-{n}"}, time=LATER).result["business_id"] for n in (1, 2)}
    assert len(found) == 2


@pytest.mark.parametrize("at_once", [1, MOVED_AT_ONCE])
@pytest.mark.parametrize("kept", [0, 1])
def test_what_was_merged_follows_and_is_recognised_by_nothing(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, kept: int, at_once: int
) -> None:
    """In whichever order the two come: a report of either name is of the one that lives on."""
    monkeypatch.setattr(handling, "MOVED_AT_ONCE", at_once)
    ids = sorted(registry.recorded(name=name, agency_ref=name[0]) for name in ("Keripik Ubi Mekar", "Opak Ubi Mekar"))
    keep, absorb = ids[kept], ids[1 - kept]
    names = [registry.business(id_).name for id_ in ids]
    pair = {"keep": keep, "absorb": absorb, "reason": "dua kali"}
    registry.accept("registry.business.merge", pair, actor="kadis")
    joined(registry)
    registry.work()
    assert registry.business(absorb).claims == ()
    for name in names:
        report = registry.report(trade(name=name, workers=7), person(nik=OTHER_NIK), time=LATER)
        assert report.result["business_id"] == keep


def erased_while_joined(registry: Registry) -> str:
    """A joined owner who is erased before the clock has taken the businesses over; the owner's id."""
    registry.report(trade(name="Keripik", nib=NIB, agency_ref="A-1"), person())
    joined(registry)
    owner_id = registry.owner_of(OTHER_NIK).owner_id
    registry.accept("registry.owner.erase", {"owner_id": owner_id, "reason": "permintaan_pemilik"}, actor="kadis")
    registry.work()
    return owner_id


def test_who_is_erased_while_businesses_follow_stays_erased(registry: Registry) -> None:
    """The businesses come over and are recognised by nothing, so that the next list does not find the person."""
    owner_id = erased_while_joined(registry)
    assert {(one.owner_id, one.claims) for one in registry.businesses()} == {(owner_id, ())}
    again = registry.report(trade(name="Keripik", nib=NIB), person(nik=OTHER_NIK), time=LATER)
    assert (again.result["outcome"], again.result["owner_id"] == owner_id) == ("created", False)
    left = registry.owner_by_id(owner_id)
    assert (left.erased, left.nik, left.tokens, left.phone) == (True, None, {}, None)


@pytest.mark.parametrize("owner", [person(), nameless(phone=PHONE), None])
def test_a_report_that_finds_a_business_of_who_was_erased_tells_nothing_of_that_person(
    registry: Registry, owner: dict[str, Any] | None
) -> None:
    """However the business came by a name again, it is a new owner's."""
    owner_id = erased_while_joined(registry)
    found = next(one for one in registry.businesses() if one.nib == NIB)
    claims = tuple(
        f"ref:{MEDAN}|{token}"
        for token in registry.message(MEDAN, "registry.business.report", {"business": {"agency_ref": "A-1"}}).tokens(
            "agency_ref", f"{MEDAN}|A-1"
        )
    )
    registry.stored[BUSINESSES.name][found.business_id] = found.model_copy(update={"claims": claims})
    before = registry.stored[OWNERS.name][owner_id]
    report = registry.report(trade(name="Opak", agency_ref="A-1"), owner, time=LATER)
    assert registry.stored[OWNERS.name][owner_id] == before
    assert report.problems or report.result["owner_id"] != owner_id
