"""Records that may be one business: flagged on both sides, never merged by themselves; people tell apart or merge."""

from datetime import date, timedelta
from itertools import combinations
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.registry import duplicate
from services.registry.duplicate import Policy
from services.registry.handlers import duplicates
from services.registry.handlers.duplicates import MOVED_AT_ONCE
from services.registry.store import BUSINESSES
from tests.memory import Task
from tests.services.registry.memory import (
    KALTIM,
    NIB,
    NIK,
    OTHER_NIK,
    PHONE,
    SEEN,
    SIANTAR,
    Registry,
    codes,
    person,
    trade,
)
from tests.shared.reference import generate

SURVIVOR, DOUBLE = "Keripik Ubi Mekar", "Kripik Ubi Mekar"
REASON = "Satu usaha tercatat dua kali"


@pytest.fixture
def registry() -> Registry:
    return Registry()


def two(registry: Registry, first: dict[str, Any] | None = None, second: dict[str, Any] | None = None) -> list[str]:
    """Two records of one owner with names alike."""
    ids = [
        registry.recorded(name=SURVIVOR, agency_ref="A-1", **(first or {})),
        registry.recorded(name=DOUBLE, agency_ref="A-2", **(second or {})),
    ]
    registry.compared()
    return ids


def merge(registry: Registry, keep: str, absorb: str, **about: Any) -> Any:
    return registry.send(
        "registry.business.merge", {"keep": keep, "absorb": absorb, "reason": REASON}, actor="kadis", **about
    )


# --- flagged ----------------------------------------------------------------------------------------------------------


def test_names_alike_of_one_owner_are_flagged_on_both_sides_and_not_merged(registry: Registry) -> None:
    """S1-24, *jangan sampai tumpang tindih*: two records would receive twice. Each event names the other's id."""
    keep, double = two(registry)
    assert registry.business(keep).possible_duplicates == (double,)
    assert registry.business(double).possible_duplicates == (keep,)
    told = [fact for fact in registry.facts if fact.type == "registry.business.duplicate_suspected"]
    assert {fact.subject for fact in told} == {keep, double}
    assert [like["signs"] for fact in told for like in fact.data.model_dump()["change"]["suspected"]] == [
        ("same_owner",),
        ("same_owner",),
    ]
    assert told[0].cause is not None
    assert len(registry.all(BUSINESSES)) == 2


def test_other_names_of_one_owner_are_two_businesses(registry: Registry) -> None:
    """One owner, several businesses, under one NIB and at one address."""
    registry.recorded(name="Keripik Ubi Mekar", nib=NIB, address="Jalan Contoh 1")
    registry.recorded(name="Laundry Kilat", nib=NIB, address="Jalan Contoh 1")
    registry.compared()
    assert [one.possible_duplicates for one in registry.all(BUSINESSES)] == [(), ()]


def test_one_nib_or_one_phone_and_address_of_two_owners_are_flagged(registry: Registry) -> None:
    """Two offices have recorded husband and wife; the phone alone says nothing (domain §6: families share one)."""
    reports = [
        (trade(name="Warung A", address="Jl. Contoh No. 1"), person()),
        (trade(name="Toko B", address="jl contoh no 1"), person(nik=OTHER_NIK)),
        (trade(name="Kios C", address="Jalan Lain 9"), person(nik=OTHER_NIK)),
        (trade(name="Batik Tulis", nib=NIB), person(nik=OTHER_NIK, phone=None)),
        (trade(name="Batik Tulis 2", nib=NIB), person(nik=generate.nik(Random(9), regency="12.71"), phone=None)),
    ]
    ids = [str(registry.report(business, owner).result["business_id"]) for business, owner in reports]
    registry.compared()
    flags = {
        ids.index(one.business_id): [ids.index(id_) for id_ in one.possible_duplicates]
        for one in registry.all(BUSINESSES)
    }
    assert flags == {0: [1], 1: [0], 2: [], 3: [4], 4: [3]}


def test_the_flag_goes_when_the_likeness_does(registry: Registry) -> None:
    """It follows from the state: a name that was mistyped is mended, and both sides are told."""
    keep, double = two(registry)
    registry.report({"agency_ref": "A-2", "name": "Laundry Kilat"}, time=SEEN.replace(day=9))
    registry.compared()
    assert [one.possible_duplicates for one in registry.all(BUSINESSES)] == [(), ()]
    assert registry.told()[-1] == "business.updated"
    assert {fact.subject for fact in registry.facts[-2:]} == {keep, double}


def test_an_owners_new_number_is_compared_for_all_of_the_owners_businesses(registry: Registry) -> None:
    """The number comes with a report of one business and stands for the other too."""
    other = person(nik=OTHER_NIK, phone=generate.phone(Random(77)))
    registry.report(trade(name="Warung A", address="Jalan Contoh 1"), person())
    registry.report(trade(name="Toko B", address="Jalan Contoh 1", agency_ref="B"), other)
    registry.report(trade(name="Kios C", agency_ref="C"), other)
    registry.compared()
    assert not any(one.possible_duplicates for one in registry.all(BUSINESSES))
    registry.report({"agency_ref": "C"}, {"phone": PHONE}, time=SEEN.replace(day=9))
    registry.compared()
    assert sorted(one.name for one in registry.all(BUSINESSES) if one.possible_duplicates) == ["Toko B", "Warung A"]


def neighbours(registry: Registry, phone: str | None) -> str:
    """Two owners' businesses at one address, the second with this phone; the second's owner."""
    registry.report(trade(name="Warung A", address="Jl. Contoh No. 1"), person())
    other = person(nik=OTHER_NIK, phone=phone)
    owner_id = registry.report(trade(name="Toko B", address="jl contoh no 1"), other).result["owner_id"]
    registry.compared()
    return str(owner_id)


def flags(registry: Registry) -> list[int]:
    return [len(one.possible_duplicates) for one in registry.businesses()]


def test_a_number_that_is_corrected_is_compared_too(registry: Registry) -> None:
    """It came from the owner and not with a report; what is alike now is alike all the same, and what was no longer."""
    about = {"owner_id": neighbours(registry, generate.phone(Random(77)))}
    assert flags(registry) == [0, 0]
    for phone, expected in ((PHONE, [1, 1]), (generate.phone(Random(78)), [0, 0])):
        registry.now += timedelta(minutes=1)
        registry.accept("registry.owner.correct", {**about, "phone": phone}, actor="kadis")
        registry.compared()
        assert flags(registry) == expected


def test_a_number_that_comes_by_joining_records_is_compared_too(registry: Registry) -> None:
    """Of the owner that remains, who may have had none before."""
    neighbours(registry, None)
    nik = generate.nik(Random(9), regency="12.71")
    twin = registry.report(trade(name="Kios C", region="12.71"), person(nik=nik)).result["owner_id"]
    registry.compared()
    assert flags(registry) == [0, 0, 0]
    registry.accept("registry.owner.correct", {"owner_id": twin, "nik": OTHER_NIK}, actor="kadis")
    registry.compared()
    assert flags(registry) == [1, 1, 0]


def test_a_flag_of_phone_and_address_goes_with_the_person(registry: Registry) -> None:
    """It would say, on both sides and in public, that who was erased lives where the other does."""
    owner_id = neighbours(registry, PHONE)
    assert flags(registry) == [1, 1]
    registry.accept("registry.owner.erase", {"owner_id": owner_id, "reason": "permintaan_pemilik"}, actor="kadis")
    registry.compared()
    assert flags(registry) == [0, 0]
    assert [fact.data.model_dump()["business"]["possible_duplicates"] for fact in registry.facts[-2:]] == [None, None]


def test_whoever_is_erased_leaves_the_block_and_nothing_by_which_it_was_compared(registry: Registry) -> None:
    """Of twenty-one with one phone at one address nobody is flagged; of twenty all are, though nothing is told of them.
    And the token of phone and address goes with the person."""
    for number in range(21):
        owner = person(nik=generate.nik(Random(1000 + number), regency="12.71"))
        registry.report(trade(name=f"Usaha {number}", address="Jalan Contoh 1"), owner)
    registry.compared()
    assert sum(flags(registry)) == 0
    gone = registry.businesses()[0]
    token = gone.place
    erase = {"owner_id": gone.owner_id, "reason": "permintaan_pemilik"}
    registry.accept("registry.owner.erase", erase, actor="kadis")
    registry.compared()
    assert sorted(flags(registry)) == [0, *[19] * 20]
    assert token is not None
    assert token not in registry.business(gone.business_id).model_dump_json()


def test_a_sign_that_too_many_share_is_not_looked_at(registry: Registry) -> None:
    """An office that writes its own NIB into every row must not have all compared with all."""
    for number in range(22):
        nik = generate.nik(Random(1000 + number), regency="12.71")
        registry.report(trade(name=f"Warung Kita {number}", nib=NIB), person(nik=nik, phone=None))
    registry.compared()
    assert len({one.business_id for one in registry.all(BUSINESSES)}) == 22
    assert not [fact for fact in registry.facts if "duplicate" in fact.type]


@pytest.mark.parametrize("at_once", [True, False])
def test_a_block_that_grows_too_large_loses_its_flags_whenever_it_is_looked_at(
    registry: Registry, at_once: bool
) -> None:
    """Thirty owners with one phone at one address: the first twenty must not keep what the last ones never get."""
    for number in range(30):
        owner = person(nik=generate.nik(Random(1000 + number), regency="12.71"))
        registry.report(trade(name=f"Usaha {number}", address="Jalan Contoh 1"), owner)
        if not at_once:
            registry.compared()
    registry.compared()
    assert not any(one.possible_duplicates for one in registry.all(BUSINESSES))


def test_a_block_that_becomes_small_enough_is_looked_at_again(registry: Registry) -> None:
    """One leaves by another address, one by being merged; the others have not changed, and are flagged all the same."""
    for number in range(22):
        owner = person(nik=generate.nik(Random(1000 + max(number, 1)), regency="12.71"))
        registry.report(trade(name=f"Usaha {number}", address="Jalan Contoh 1", agency_ref=f"A-{number}"), owner)
    registry.compared()
    first, second, *_, last = registry.all(BUSINESSES)
    assert not any(one.possible_duplicates for one in registry.all(BUSINESSES) if one.owner_id != first.owner_id)
    merge(registry, first.business_id, second.business_id)
    registry.report({"agency_ref": "A-21", "address": "Jalan Lain 2"}, time=SEEN.replace(day=9))
    registry.compared()
    assert {len(one.possible_duplicates) for one in registry.all(BUSINESSES)} == {0, 19}
    assert registry.business(last.business_id).possible_duplicates == ()


def test_whoever_was_flagged_is_found_in_a_block_that_grows_beyond_what_is_read(registry: Registry) -> None:
    """Of a hundred only some are read: those who were flagged when they were twenty are asked for by that."""
    for number in range(100):
        owner = person(nik=generate.nik(Random(1000 + number), regency="12.71"))
        registry.report(trade(name=f"Usaha {number}", address="Jalan Contoh 1"), owner)
        if number == 19:
            registry.compared()
            assert all(len(one.possible_duplicates) == 19 for one in registry.all(BUSINESSES))
    registry.compared()
    assert not any(one.possible_duplicates for one in registry.all(BUSINESSES))


@pytest.mark.parametrize("by_merge", [True, False])
def test_whoever_leaves_a_block_has_it_looked_at(registry: Registry, by_merge: bool) -> None:
    """Nothing stored says any more that the last one was in it: by another NIB, or merged into one that has another."""
    for number in range(21):
        owner = person(nik=generate.nik(Random(1000 + number), regency="12.71"), phone=None)
        registry.report(trade(name=f"Warung Kita {number}", nib=NIB, agency_ref=f"A-{number}"), owner)
    other = generate.nib(Random(99))
    last = person(nik=generate.nik(Random(1020), regency="12.71"))
    registry.report(trade(name="Laundry", nib=other, agency_ref="B"), last, time=SEEN.replace(day=8))
    registry.compared()
    assert not any(one.possible_duplicates for one in registry.all(BUSINESSES))
    if by_merge:
        keep, absorb = (one for one in registry.businesses() if one.owner_id == registry.owner_of(last["nik"]).owner_id)
        keep, absorb = (keep, absorb) if keep.nib == other else (absorb, keep)
        merge(registry, keep.business_id, absorb.business_id)
    else:
        registry.report({"agency_ref": "A-20", "nib": generate.nib(Random(98))}, time=SEEN.replace(day=9))
    registry.compared()
    assert sum(len(one.possible_duplicates) == 19 for one in registry.all(BUSINESSES)) == 20


OWNERS = generate.distinct(lambda rng: generate.nik(rng, regency="12.71"), Random(31), 5)
PHONES = generate.distinct(generate.phone, Random(32), 2)
NIBS = generate.distinct(generate.nib, Random(33), 2)
told = st.fixed_dictionaries(
    {
        "which": st.integers(0, 6),
        "name": st.sampled_from(["Keripik Ubi", "Keripik Ubi", "Laundry Kilat"]),
        "nib": st.sampled_from(NIBS),
        "address": st.sampled_from(["Jalan Contoh 1", "Jalan Contoh 2"]),
        "phone": st.sampled_from(PHONES),
    },
)
pairs = st.tuples(st.sampled_from(["merge", "declare_distinct"]), st.integers(0, 6), st.integers(0, 6))
looks = st.sampled_from(["look once", "look at all"])
happenings = st.lists(st.one_of(told, told, looks, pairs), min_size=10, max_size=30)


@settings(max_examples=150, deadline=None)
@given(happenings, st.integers(1, 5), st.integers(1, 3))
def test_flags_follow_from_the_state(history: list[Any], step: int, most: int) -> None:
    """Whatever happened in whatever order, however often and in steps of whatever size the clock has looked."""
    policies = {sign: Policy(date.min, sign, 85 * (sign != "same_place"), most) for sign in SIGNS}
    with (
        patch.object(duplicate, "policies_on", lambda _: policies),
        patch.object(duplicates, "COMPARED_AT_ONCE", step),
    ):
        registry = Registry()
        for day, happened in enumerate(history):
            live(registry, happened, SEEN + timedelta(days=day))
        registry.compared()
        assert {one.business_id: set(one.possible_duplicates) for one in registry.all(BUSINESSES)} == expected(
            registry, policies
        )


SIGNS = ("same_owner", "same_nib", "same_place")


def live(registry: Registry, happened: Any, time: Any) -> None:
    if happened == "look at all":
        registry.compared()
    elif happened == "look once":
        registry.perform(Task(registry.tick(), duplicates.compare_needs, duplicates.compare))
    elif isinstance(happened, tuple):
        verb, *places = happened
        known = registry.all(BUSINESSES)
        one, other = (known[place].business_id if place < len(known) else "nothing" for place in places)
        names = ("keep", "absorb") if verb == "merge" else ("business_id", "other_id")
        data = dict(zip(names, (one, other), strict=True)) | ({"reason": REASON} if verb == "merge" else {})
        registry.send(f"registry.business.{verb}", data, actor="kadis")
    else:
        which = happened["which"]
        fields = {name: happened[name] for name in ("name", "nib", "address")}
        owner = person(nik=OWNERS[which % len(OWNERS)], phone=happened["phone"])
        registry.report(trade(agency_ref=f"A-{which}", **fields), owner, time=time)


def expected(registry: Registry, policies: dict[str, Policy]) -> dict[str, set[str]]:
    """Every pair, from nothing but what is known of the two and of how many share what."""
    phones = {one.owner_id: one.phone for one in registry.owners()}
    places = ((one, duplicate.place_of(one, phones[one.owner_id], registry.tick())) for one in registry.businesses())
    known = [one.model_copy(update={"place": place}) for one, place in places]
    shared = [tag for one in known for tag in duplicate.blocks(one).values()]
    counted = {tag for tag in shared if shared.count(tag) <= policies["same_nib"].most}
    found: dict[str, set[str]] = {one.business_id: set() for one in known}
    for one, other in combinations(known, 2):
        apart = other.business_id in one.distinct_from or one.business_id in other.distinct_from
        if not apart and duplicate.signs(one, other, policies, counted):
            found[one.business_id].add(other.business_id)
            found[other.business_id].add(one.business_id)
    return found


# --- told apart -------------------------------------------------------------------------------------------------------


def test_what_was_declared_distinct_is_not_suspected_again(registry: Registry) -> None:
    """An official has looked; the next report of either changes nothing about it."""
    keep, double = two(registry)
    told = {"business_id": keep, "other_id": double}
    assert registry.accept("registry.business.declare_distinct", told, actor="kadis")["outcome"] == "declared_distinct"
    registry.report({"agency_ref": "A-2", "name": "Kripik Ubi Mekar 2"}, time=SEEN.replace(day=9))
    registry.compared()
    assert [one.possible_duplicates for one in registry.all(BUSINESSES)] == [(), ()]
    again = registry.accept("registry.business.declare_distinct", told, actor="kadis")
    assert again["outcome"] == "unchanged"


def test_what_was_told_apart_stays_so_when_one_of_the_two_is_merged(registry: Registry) -> None:
    """The third was told apart from the one that goes, and names that one; whichever is looked at says the same."""
    keep, double = two(registry)
    third = registry.recorded(name="Keripik Ubi Mekarr", agency_ref="A-3")
    registry.compared()
    told = {"business_id": double, "other_id": third}
    registry.accept("registry.business.declare_distinct", told, actor="kadis")
    merge(registry, keep, double)
    registry.compared()
    for day, reference in enumerate(("A-3", "A-1")):
        registry.report({"agency_ref": reference, "address": "Jalan Contoh 1"}, time=SEEN.replace(day=9 + day))
        registry.compared()
        assert [one.possible_duplicates for one in registry.all(BUSINESSES)] == [(), (), ()]


# --- merged -----------------------------------------------------------------------------------------------------------


def test_a_merged_record_points_to_the_one_that_lives_on(registry: Registry) -> None:
    """It can be told from the events: the state of the one names the other, and the other way round."""
    keep, double = two(registry, {"workers": 2}, {"needs": ["equipment"]})
    result = merge(registry, keep, double).result
    assert (result["business_id"], result["absorbed"], result["outcome"]) == (keep, double, "merged")
    last = {fact.subject: fact for fact in registry.facts}
    gone, lives = (last[id_].data.model_dump() for id_ in (double, keep))
    assert (gone["business"]["status"], gone["business"]["merged_into"]) == ("digabung", keep)
    assert gone["change"]["reason"] == REASON
    assert last[double].type == "registry.business.merged"
    assert (lives["business"]["absorbed"], lives["business"]["possible_duplicates"]) == ((double,), None)
    assert (lives["business"]["workers"], lives["business"]["needs"]) == (2, ("equipment",))


def test_later_reports_of_the_old_record_land_at_the_one_that_lives_on(registry: Registry) -> None:
    """By its reference, and by its name; and the survivor keeps what it was known by itself."""
    keep, double = two(registry)
    merge(registry, keep, double)
    for number, told in enumerate([{"agency_ref": "A-2"}, {"agency_ref": "A-1"}]):
        decision = registry.report({**told, "workers": number}, time=SEEN.replace(day=9 + number))
        assert decision.result["business_id"] == keep
    for name in (SURVIVOR, DOUBLE):
        assert registry.report(trade(name=name), person(), time=SEEN.replace(day=12)).result["business_id"] == keep
    assert registry.business(double).merged_into == keep


def test_guidance_does_not_end_with_a_double_record(registry: Registry) -> None:
    """The one that goes may have come further: the one that lives on is then as far."""
    keep, double = two(registry)
    registry.brought_to("binaan", double)
    merge(registry, keep, double)
    assert registry.business(keep).status == "binaan"
    assert str(registry.business(keep).status_since) == "2026-02-01"


def test_whoever_was_alike_to_the_old_record_is_compared_with_the_new_one(registry: Registry) -> None:
    """No flag points to a record that is no more."""
    keep, double = two(registry)
    third = registry.recorded(name="Keripik Ubi Mekarr")
    registry.compared()
    assert set(registry.business(third).possible_duplicates) == {keep, double}
    merge(registry, keep, double)
    registry.compared()
    assert registry.business(third).possible_duplicates == (keep,)
    assert registry.business(keep).possible_duplicates == (third,)


def test_a_merged_record_is_merged_for_good(registry: Registry) -> None:
    """Into the last of a chain; nothing can be decided of it any more."""
    keep, double = two(registry)
    third = registry.recorded(name="Keripik Ubi Mekarr")
    merge(registry, keep, double)
    merge(registry, third, keep)
    assert registry.business(third).absorbed == tuple(sorted((keep, double)))
    assert {registry.business(id_).merged_into for id_ in (keep, double)} == {third}
    assert codes(merge(registry, third, double)) == [("business.merged", "data.absorb")]
    assert codes(merge(registry, keep, third)) == [("business.merged", "data.keep")]
    for verb in ("verify", "deactivate", "reactivate", "close", "withdraw"):
        assert codes(registry.decide(verb, double, **({"reason": "ganda"} if verb == "close" else {}))) == [
            ("business.merged", "data.business_id")
        ]


def test_merges_that_make_no_sense_are_refused(registry: Registry) -> None:
    """With itself, of other owners, in other regencies, of what is not there, by whom it does not concern."""
    keep, _ = two(registry)
    others = str(registry.report(trade(name=SURVIVOR), person(nik=OTHER_NIK)).result["business_id"])
    assert codes(merge(registry, keep, keep)) == [("business.merge_itself", "data.absorb")]
    assert codes(merge(registry, keep, others)) == [("business.merge_other_owner", "data.absorb")]
    assert codes(merge(registry, keep, "nothing")) == [("business.not_found", "data.absorb")]
    assert codes(merge(registry, keep, others, account=SIANTAR)) == [("authority.region", "data.keep")]
    reports = [(trade(name=f"Usaha Kaltim {place}", region=place), person(nik=NIK)) for place in ("64.72", "64.07")]
    kaltim = [str(registry.report(*report, KALTIM).result["business_id"]) for report in reports]
    assert codes(merge(registry, *kaltim, account=KALTIM)) == [("business.merge_other_region", "data.absorb")]


def test_nothing_is_changed_by_a_refused_merge(registry: Registry) -> None:
    keep, _ = two(registry)
    before = (dict(registry.stored["businesses"]), len(registry.facts))
    merge(registry, keep, keep)
    assert (dict(registry.stored["businesses"]), len(registry.facts)) == before


def test_a_merge_of_more_than_one_transaction_may_look_at_is_refused(registry: Registry) -> None:
    """Also where it is the survivor that has so many: the same product of both would be there twice."""
    keep, double = two(registry)
    for number in range(MOVED_AT_ONCE):
        registry.accept("registry.product.report", {"business_id": keep, "name": f"Produk {number:03d}"})
    assert codes(merge(registry, keep, double)) == [("business.merge_too_much", "data.absorb")]
