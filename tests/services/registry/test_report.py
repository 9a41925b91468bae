"""Reports on businesses: what is recorded, what is told to the world, what is refused and why."""

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest

from services.registry.problems import TEXTS
from services.registry.report import candidate_names, reclaimed
from services.registry.store import BUSINESSES, OWNERS
from tests.services.registry.memory import (
    KALTIM,
    MEDAN,
    NIB,
    NIK,
    NOW,
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

LATER, EARLIER = SEEN + timedelta(days=1), SEEN - timedelta(days=1)
LATEST = SEEN + timedelta(days=2)


@pytest.fixture
def registry() -> Registry:
    return Registry()


# --- recording --------------------------------------------------------------------------------------------------------


def test_a_business_seen_for_the_first_time_is_recorded(registry: Registry) -> None:
    """The contract's own example: one event with the whole public state, sequence 1, and the owner's contact."""
    decision = registry.report(
        trade(
            agency_ref="UMKM-00123",
            nib=NIB,
            legal_form="perseorangan",
            role="ikm",
            kbli={"code": "10794", "version": "2020"},
            annual_sales={"year": 2025, "amount": 180_000_000},
            capital=25_000_000,
            workers=3,
            started_on="2019-03-01",
            needs=["equipment", "packaging_training"],
            channels=["shopee", "bazar"],
            address="Jalan Contoh 1",
        ),
        person(consent={"whatsapp": True, "sms": True, "given_on": "2026-01-05"}),
    )
    business = registry.business()
    assert decision.result == {
        "business_id": business.business_id,
        "owner_id": registry.owner().owner_id,
        "sequence": 1,
        "outcome": "created",
    }
    contact, recorded = registry.facts
    assert (recorded.type, recorded.subject, recorded.region) == (
        "registry.business.recorded",
        business.business_id,
        "12.71.01.1001",
    )
    assert recorded.data.model_dump(mode="json")["business"] == {
        "business_id": business.business_id,
        "owner_id": registry.owner().owner_id,
        "name": "Keripik Ubi Mekar",
        "nib": NIB,
        "region": "12.71.01.1001",
        "agency": MEDAN,
        "legal_form": "perseorangan",
        "role": "ikm",
        "scale": "mikro",
        "scale_basis": {"criterion": "annual_sales", "year": 2025},
        "kbli": {"code": "10794", "version": "2020"},
        "workers": 3,
        "started_on": "2019-03-01",
        "status": "terdata",
        "status_since": "2026-03-02",
        "mentor": None,
        "needs": ["equipment", "packaging_training"],
        "channels": ["shopee", "bazar"],
        "recorded_on": "2026-03-02",
        "possible_duplicates": None,
        "merged_into": None,
        "absorbed": None,
    }
    assert contact.data.model_dump(mode="json") == {
        "contact": {
            "owner_id": registry.owner().owner_id,
            "name": "Pemilik Contoh",
            "phone": PHONE,
            "language": "id",
            "consent": {"whatsapp": True, "sms": True, "given_on": "2026-01-05"},
            "cooperatives": None,
            "erased": False,
        }
    }


def test_what_is_known_of_a_first_report_may_be_little(registry: Registry) -> None:
    """An owner, a name and a place are enough (S1-22: registration comes before everything else)."""
    registry.report(trade(), {"nik": NIK, "name": "Pemilik Contoh"})
    assert registry.business().scale is None
    assert registry.owner().phone is None


def test_an_owner_without_a_number_has_a_contact_all_the_same(registry: Registry) -> None:
    """notify must know that there is nobody to reach, rather than wait for a contact to come."""
    registry.report(trade(), {"nik": NIK, "name": "Pemilik Contoh"})
    assert registry.told() == ["contact.changed", "business.recorded"]


@pytest.mark.parametrize(("account", "region", "day"), [(KALTIM, "64.72", 3), (MEDAN, "12.71", 2)])
def test_dates_of_the_record_are_those_where_the_business_is(
    registry: Registry, account: str, region: str, day: int
) -> None:
    """At 16:30 UTC it is already tomorrow in Samarinda (WITA), and still today in Medan (WIB)."""
    registry.now = datetime(2026, 3, 2, 16, 30, tzinfo=UTC)
    registry.recorded(account, region=region)
    assert registry.business().recorded_on == registry.business().status_since == date(2026, 3, day)


@pytest.mark.parametrize(
    ("owner", "business", "missing"),
    [
        (None, {}, ["data.owner.name", "data.business.name", "data.business.region"]),
        ({"nik": NIK}, {"name": "Warung"}, ["data.owner.name", "data.business.region"]),
    ],
)
def test_a_new_business_needs_owner_name_and_place_and_all_that_is_missing_is_said_at_once(
    registry: Registry, owner: Any, business: Any, missing: list[str]
) -> None:
    """A clerk who learns of one missing column at a time sends the sheet four times."""
    assert codes(registry.report(business, owner)) == [("field.required", field) for field in missing]


def test_two_businesses_of_one_person_in_one_batch_have_one_owner(registry: Registry) -> None:
    """The audit's double payments began with one NIK as two people (S1-24)."""
    registry.batch(
        [
            registry.report_message(trade(), person()),
            registry.report_message(trade(name="Laundry Kilat"), person()),
        ]
    )
    owner_ids = {one.owner_id for one in registry.all(BUSINESSES)}
    assert owner_ids == {registry.owner().owner_id}
    assert registry.told() == ["contact.changed", "business.recorded", "business.recorded"]


# --- recognition ------------------------------------------------------------------------------------------------------


def test_the_agency_s_own_reference_recognises_before_all_else(registry: Registry) -> None:
    """Even when name and NIB are new: that is how a business changes its name."""
    business_id = registry.recorded(agency_ref="A-1", nib=NIB)
    decision = registry.report(trade(agency_ref="A-1", name="Keripik Ubi Jaya"), time=LATER)
    assert decision.result["business_id"] == business_id
    assert registry.business().name == "Keripik Ubi Jaya"


def test_a_reference_is_the_sender_s_alone(registry: Registry) -> None:
    """Two offices number their lists alike; A-1 of one is not A-1 of the other."""
    registry.know_agency("dinas-lain", "12.71")
    first = registry.recorded(agency_ref="A-1")
    other = registry.report(trade(agency_ref="A-1", name="Laundry Kilat"), person(), "dinas-lain")
    assert other.result["outcome"] == "created"
    assert other.result["business_id"] != first


@pytest.mark.parametrize(
    "written", ["KERIPIK  UBI MEKAR", "keripik ubi mekar", "“Keripik Ubi” Mekar.", "ＫＥＲＩＰＩＫ ubi-mekar"]
)
def test_nib_and_name_recognise_however_the_name_is_written(registry: Registry, written: str) -> None:
    """Offices write one name in many ways; the owner part need not be repeated."""
    business_id = registry.recorded(nib=NIB)
    assert registry.report({"name": written, "nib": NIB}, time=LATER).result["business_id"] == business_id


def test_one_nib_may_cover_several_businesses(registry: Registry) -> None:
    """A NIB belongs to the owner (OSS), so another name under it is another business."""
    first = registry.recorded(nib=NIB)
    second = registry.recorded(nib=NIB, name="Laundry Kilat")
    assert first != second


def test_owner_and_name_recognise_where_there_is_no_nib(registry: Registry) -> None:
    """Most micro businesses have no NIB yet."""
    business_id = registry.recorded()
    decision = registry.report(trade(workers=3), person(), time=LATER)
    assert decision.result == {**decision.result, "business_id": business_id, "outcome": "updated"}


def test_a_business_that_got_its_nib_is_the_same_business(registry: Registry) -> None:
    """Reported without a NIB, then with one: found by owner and name, and from then on by NIB and name."""
    business_id = registry.recorded()
    assert registry.report(trade(nib=NIB), person(), time=LATER).result["business_id"] == business_id
    assert registry.report({"name": "Keripik Ubi Mekar", "nib": NIB}).result["business_id"] == business_id


def test_names_of_nothing_but_signs_do_not_all_fall_together(registry: Registry) -> None:
    """A name that loses everything when it is normalised is compared as it stands."""
    assert registry.recorded(name="!!!") != registry.recorded(name="???")


def test_a_rename_onto_another_business_takes_nothing_from_it(registry: Registry) -> None:
    """Both stay; a report by owner and name still means the one that was named so first."""
    first = registry.recorded(agency_ref="A-1")
    second = registry.recorded(agency_ref="A-2", name="Laundry Kilat")
    renamed = registry.report(trade(agency_ref="A-2"), time=LATER)
    assert renamed.result["business_id"] == second
    assert registry.business(second).name == registry.business(first).name
    assert registry.report(trade(workers=2), person(), time=LATER).result["business_id"] == first


def test_a_name_that_became_free_can_be_claimed(registry: Registry) -> None:
    """The first gives the name up; the next report of the second claims it."""
    registry.recorded(agency_ref="A-1")
    second = registry.recorded(agency_ref="A-2", name="Laundry Kilat")
    registry.report(trade(agency_ref="A-2"), time=LATER)
    registry.report({"agency_ref": "A-1", "name": "Keripik Ubi Jaya"}, time=LATER)
    registry.report({"agency_ref": "A-2", "workers": 2}, time=LATER)
    assert registry.report(trade(), person()).result["business_id"] == second


def test_references_are_not_stored_where_they_can_be_read(registry: Registry) -> None:
    """Some offices number businesses by the owner's NIK: it must not stand in a key."""
    registry.recorded(agency_ref=NIK)
    assert not any(NIK in claim for claim in registry.business().claims)
    assert registry.report({"agency_ref": NIK, "workers": 1}).result["outcome"] == "updated"


def test_no_name_stands_in_a_claim(registry: Registry) -> None:
    """A trade name is often its owner's, as he gave it: claims are looked up, never read."""
    registry.recorded(agency_ref="A-1", nib=NIB, name="Warung Contoh")
    (business,) = registry.all(BUSINESSES)
    assert len(business.claims) == 3
    assert not any(word in claim for claim in business.claims for word in ("warung", "contoh", NIB))


# --- when the key of the tokens changes -------------------------------------------------------------------------------


def test_what_was_recorded_under_an_older_token_key_is_recognised_and_claims_under_the_new_one(
    registry: Registry,
) -> None:
    """By reference, by NIB and name, by owner and name: whatever stands in the database already is the same thing."""
    business_id = registry.recorded(agency_ref="A-1", nib=NIB)
    before = registry.business().claims
    registry.token_keys = ["newer", "a key"]
    for told in ({"agency_ref": "A-1"}, {"nib": NIB, "name": "Keripik Ubi Mekar"}):
        assert registry.report({**told, "workers": 5}, time=LATER).result["business_id"] == business_id
    assert registry.report(trade(workers=6), person(), time=LATEST).result["business_id"] == business_id
    assert len(registry.all(OWNERS)) == 1
    after = registry.business().claims
    assert len(after) == len(before)
    assert not set(after) & set(before)


def test_a_name_claimed_under_an_older_key_is_not_claimed_by_another(registry: Registry) -> None:
    """Two businesses of one name, the second reported after a new key came: it takes nothing from the first."""
    first = registry.recorded(agency_ref="A-1")
    second = registry.recorded(agency_ref="A-2", name="Laundry Kilat")
    registry.token_keys = ["newer", "a key"]
    registry.report(trade(agency_ref="A-2"), time=LATER)
    assert registry.report(trade(workers=2), person(), time=LATER).result["business_id"] == first
    assert registry.business(second).name == registry.business(first).name


def test_claims_are_remade_under_the_new_key_and_no_other_is_added(registry: Registry) -> None:
    """So that the older key can go; whatever another business claims stays with it."""
    registry.recorded(agency_ref="A-1")
    second = registry.recorded(agency_ref="A-2", name="Laundry Kilat")
    registry.report(trade(agency_ref="A-2"), time=LATER)
    before = registry.business(second).claims
    registry.token_keys = ["newer", "a key"]
    remade = reclaimed(registry.business(second), registry.tick())
    assert len(remade.claims) == len(before) == 1
    registry.token_keys = ["newer"]
    assert candidate_names(registry.business(second), registry.tick())[0] == remade.claims


# --- the newest observation of each field -----------------------------------------------------------------------------


def test_a_late_report_overwrites_nothing_newer_and_fills_what_nobody_told(registry: Registry) -> None:
    """Last year's list, sent today: its name is old, its number of workers is news."""
    registry.recorded(agency_ref="A-1", name="Keripik Ubi Jaya")
    registry.report({"agency_ref": "A-1", "name": "Keripik Ubi Lama", "workers": 4}, time=EARLIER)
    business = registry.business()
    assert (business.name, business.workers) == ("Keripik Ubi Jaya", 4)


def test_of_two_observations_at_one_time_the_higher_intake_id_stands(registry: Registry) -> None:
    """Which arrives first must not matter."""
    for ids in (("m-1", "m-2"), ("m-2", "m-1")):
        fresh = Registry()
        fresh.recorded(agency_ref="A-1")
        for id_ in ids:
            fresh.report({"agency_ref": "A-1", "workers": int(id_[-1])}, time=LATER, id=id_)
        assert fresh.business().workers == 2


def test_the_same_told_again_later_is_remembered_as_seen_later(registry: Registry) -> None:
    """Confirmed in March, so what was seen in February does not count, though it arrives last."""
    registry.recorded(agency_ref="A-1", workers=3)
    again = registry.report({"agency_ref": "A-1", "workers": 3}, time=LATER + timedelta(days=30))
    registry.report({"agency_ref": "A-1", "workers": 9}, time=LATER)
    assert again.result["outcome"] == "unchanged"
    assert registry.business().workers == 3


def test_nothing_new_is_unchanged_and_tells_nobody(registry: Registry) -> None:
    """An import repeated every night must not wake every subscriber."""
    registry.recorded(agency_ref="A-1")
    told = len(registry.facts)
    decision = registry.report(trade(agency_ref="A-1"), person(), time=LATER)
    assert (decision.result["outcome"], decision.result["sequence"]) == ("unchanged", 1)
    assert len(registry.facts) == told


@pytest.mark.parametrize(
    "told",
    [
        {"address": "Jalan Contoh 2"},
        {"annual_sales": {"year": 2025, "amount": 181_000_000}},
        {"agency_ref": "A-9"},
    ],
)
def test_what_the_public_does_not_see_is_updated_and_moves_no_sequence(
    registry: Registry, told: dict[str, Any]
) -> None:
    """An event for each change of address would say that there was one (contract, "Events carry state")."""
    registry.recorded(agency_ref="A-1", annual_sales={"year": 2025, "amount": 180_000_000})
    decision = registry.report(trade(**told), person(), time=LATER)
    assert (decision.result["outcome"], decision.result["sequence"]) == ("updated", 1)
    assert registry.told() == ["contact.changed", "business.recorded"]


def test_a_public_change_says_which_fields_changed(registry: Registry) -> None:
    """``change`` is for people; the state beside it is whole."""
    registry.recorded(agency_ref="A-1")
    registry.report({"agency_ref": "A-1", "workers": 3, "needs": ["equipment"]}, time=LATER)
    assert registry.facts[-1].type == "registry.business.updated"
    assert registry.facts[-1].data.model_dump()["change"]["fields"] == ("workers", "needs")


# --- emptying fields --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "field", "empty"),
    [("nib", "nib", None), ("business.needs", "needs", ()), ("annual_sales", "scale", None)],
)
def test_clear_empties_a_field(registry: Registry, path: str, field: str, empty: Any) -> None:
    """``null`` means absent, so emptying needs a word of its own."""
    full = trade(agency_ref="A-1", nib=NIB, needs=["equipment"], annual_sales={"year": 2025, "amount": 1})
    registry.report(full, person())
    registry.report({"agency_ref": "A-1"}, clear=[path], time=LATER)
    assert getattr(registry.business(), field) == empty


def test_an_emptied_field_is_an_observation_like_any_other(registry: Registry) -> None:
    """What was seen before it was emptied does not come back."""
    registry.recorded(agency_ref="A-1")
    registry.report({"agency_ref": "A-1"}, clear=["workers"], time=LATER)
    registry.report({"agency_ref": "A-1", "workers": 4}, time=SEEN)
    assert registry.business().workers is None
    registry.report({"agency_ref": "A-1", "workers": 5}, time=LATER + timedelta(days=1))
    assert registry.business().workers == 5


def test_a_number_taken_back_changes_the_contact(registry: Registry) -> None:
    """Whoever does not want to be called any more is not called."""
    registry.recorded(agency_ref="A-1")
    registry.report({"agency_ref": "A-1"}, clear=["owner.phone"], time=LATER)
    assert registry.facts[-1].type == "registry.contact.changed"
    assert registry.owner().phone is None


@pytest.mark.parametrize("path", ["name", "region", "business.status", "owner.nik", "owner.name", "x", "x.y"])
def test_what_cannot_be_emptied_is_said(registry: Registry, path: str) -> None:
    """A business without a name or a place is none."""
    registry.recorded(agency_ref="A-1")
    decision = registry.report({"agency_ref": "A-1"}, clear=[path], time=LATER)
    assert codes(decision) == [("clear.unknown_field", "data.clear")]


@pytest.mark.parametrize(("path", "owner"), [("workers", None), ("owner.phone", {"phone": PHONE})])
def test_a_field_both_given_and_emptied_is_refused(registry: Registry, path: str, owner: Any) -> None:
    """Which of the two was meant cannot be known."""
    registry.recorded(agency_ref="A-1")
    decision = registry.report({"agency_ref": "A-1", "workers": 1}, owner, clear=[path], time=LATER)
    assert codes(decision) == [("clear.also_given", "data.clear")]


# --- owners -----------------------------------------------------------------------------------------------------------


def test_another_owner_than_the_recorded_one_is_refused(registry: Registry) -> None:
    """A business is not handed over by a typing error; the answer says nothing of either person."""
    registry.recorded(agency_ref="A-1")
    decision = registry.report(trade(agency_ref="A-1"), person(nik=OTHER_NIK), time=LATER)
    assert codes(decision) == [("business.owner_differs", "data.owner.nik")]
    assert NIK not in repr(decision)
    assert OTHER_NIK not in repr(decision)


def test_an_owner_s_changes_make_a_contact_of_their_own_sequence(registry: Registry) -> None:
    """Contacts and business events count apart, as they go to different readers."""
    registry.recorded(agency_ref="A-1")
    number = generate.phone(Random(5))
    decision = registry.report({"agency_ref": "A-1"}, {"phone": number, "language": "en"}, time=LATER)
    assert decision.result == {**decision.result, "outcome": "updated", "sequence": 1}
    contact = registry.facts[-1]
    assert (contact.type, contact.subject, contact.sequence) == (
        "registry.contact.changed",
        registry.owner().owner_id,
        2,
    )
    told = contact.data.model_dump()["contact"]
    assert (told["phone"], told["language"]) == (number, "en")


def test_consent_is_one_thing_and_the_newest_stands_whole(registry: Registry) -> None:
    """UU PDP art. 40: consent withdrawn must not come back with an older list."""
    registry.report(trade(), person(consent={"whatsapp": True, "sms": True, "given_on": "2026-01-05"}))
    registry.report(trade(), person(consent={"whatsapp": False}), time=LATER)
    registry.report(trade(), person(consent={"whatsapp": True, "sms": True}), time=EARLIER)
    assert registry.owner().consent.model_dump() == {"whatsapp": False, "sms": False, "given_on": None}


def test_a_second_business_brings_the_owner_s_contact_up_to_date(registry: Registry) -> None:
    """One owner, one contact, whichever of the businesses it came with."""
    registry.recorded()
    number = generate.phone(Random(6))
    registry.report(trade(name="Laundry Kilat"), person(phone=number), time=LATER)
    assert registry.owner().phone == number
    assert registry.told()[2:] == ["contact.changed", "business.recorded"]


# --- what is refused, and what is taken with a warning ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("business", "owner", "expected"),
    [
        ({"started_on": "2026-03-03"}, {}, ("business.started_in_future", "data.business.started_on")),
        (
            {"annual_sales": {"year": 2027, "amount": 1}},
            {},
            ("sales.year_in_future", "data.business.annual_sales.year"),
        ),
        (
            {},
            {"consent": {"whatsapp": True, "given_on": "2026-03-03"}},
            ("consent.given_in_future", "data.owner.consent.given_on"),
        ),
    ],
)
def test_what_has_not_come_yet_is_refused(
    registry: Registry, business: dict[str, Any], owner: dict[str, Any], expected: tuple[str, str]
) -> None:
    """Dates are held against the calendar where the business is."""
    assert codes(registry.report(trade(**business), person(**owner))) == [expected]


def test_today_where_the_business_is_is_not_the_future(registry: Registry) -> None:
    """17:30 UTC on 2 March is 3 March in Medan."""
    registry.now = datetime(2026, 3, 2, 17, 30, tzinfo=UTC)
    assert not registry.report(trade(started_on="2026-03-03"), person()).problems
    registry.now = datetime(2026, 3, 2, 16, 30, tzinfo=UTC)
    assert registry.report({**trade(name="Lain"), "started_on": "2026-03-03"}, person()).problems


def test_an_agency_reports_only_for_its_own_region(registry: Registry) -> None:
    """S3-06: a province and what is within it; a city only itself."""
    elsewhere = registry.report(trade(region="12.72.01.1001"), person())
    assert codes(elsewhere) == [("authority.region", "data.business.region")]
    assert not registry.report(trade(region="64.72"), person(), KALTIM).problems


def test_nobody_takes_over_a_business_of_another_region_by_its_nib(registry: Registry) -> None:
    """Recognised, but recorded elsewhere: refused, and nothing of it is said, not even whose it is."""
    registry.recorded(nib=NIB)
    decision = registry.report(trade(nib=NIB, region="12.72"), person(nik=OTHER_NIK), SIANTAR, time=LATER)
    assert codes(decision) == [("authority.region", "data.business")]
    assert registry.business().region == "12.71.01.1001"


def test_an_unknown_agency_is_refused_before_anything_else_is_looked_at(registry: Registry) -> None:
    """Whoever is nobody here learns nothing."""
    assert codes(registry.report({}, None, "entah-siapa")) == [("authority.agency_unknown", "source")]


def test_doubtful_values_are_taken_with_a_warning_where_they_stand(registry: Registry) -> None:
    """An old region code in a NIK and a new mobile prefix may be right; a KBLI code without a title is no doubt."""
    old_nik = f"9901{NIK[4:]}"
    owner = person(nik=old_nik, phone="+6286000001234")
    decision = registry.report(trade(kbli={"code": "99999", "version": "2025"}), owner)
    assert not decision.problems
    assert [(one.code, one.field) for one in decision.warnings] == [
        ("nik.unknown_region", "data.owner.nik"),
        ("phone.unknown_prefix", "data.owner.phone"),
    ]


def test_every_problem_says_what_is_wrong_in_both_languages() -> None:
    """A code without a text would reach a clerk as nothing."""
    for code, (text_id, text_en) in TEXTS.items():
        assert "." in code
        assert text_id.endswith(".")
        assert text_en.endswith(".")
        assert text_id != text_en


def test_states_show_nobody_in_a_traceback(registry: Registry) -> None:
    """Logs and held errors must never carry a person (UU PDP)."""
    registry.report(trade(address="Jalan Contoh 1"), person())
    shown = f"{registry.owner()!r} {registry.owner()} {registry.business()!r} {registry.business()}"
    assert not any(value in shown for value in (NIK, PHONE, "Pemilik Contoh", "Jalan Contoh"))


def test_a_report_is_read_at_the_time_it_was_observed_not_received(registry: Registry) -> None:
    """An import of January's survey in March is January's observation."""
    registry.recorded(agency_ref="A-1")
    assert registry.business().seen["name"].at == SEEN != NOW


# --- a business named by its id ---------------------------------------------------------------------------------------


def test_a_business_that_is_named_is_the_one_whatever_else_is_told_of_it(registry: Registry) -> None:
    """An office corrects the name in the sheet that was given back: it is the same business, not a second one."""
    named = registry.recorded()
    decision = registry.report(trade(business_id=named, name="Keripik Ubi Mekar Jaya"), person(), time=LATER)
    assert decision.result["outcome"] == "updated"
    assert (registry.business().business_id, registry.business().name) == (named, "Keripik Ubi Mekar Jaya")


def test_a_business_whose_owner_has_no_number_is_found_by_its_id(registry: Registry) -> None:
    """Nothing else would find it again, where the office has no number of its own for it either."""
    named = str(registry.report(trade(), {"name": "Pemilik Contoh"}).result["business_id"])
    decision = registry.report(trade(business_id=named, workers=4), {"name": "Pemilik Contoh"}, time=LATER)
    assert decision.result["business_id"] == named
    assert registry.business().workers == 4


def test_only_what_has_changed_need_be_told_of_a_business_that_is_named(registry: Registry) -> None:
    named = registry.recorded()
    registry.report({"business_id": named, "workers": 4}, {"phone": "+6281200000009"}, time=LATER)
    assert (registry.business().workers, registry.business().name) == (4, "Keripik Ubi Mekar")
    assert (registry.owner().phone, registry.owner().nik) == ("+6281200000009", NIK)


def test_an_id_that_is_no_business_is_refused_and_makes_none(registry: Registry) -> None:
    decision = registry.report(trade(business_id="b-1"), person())
    assert codes(decision) == [("business.not_found", "data.business.business_id")]
    assert registry.businesses() == []


def test_naming_a_business_gives_no_right_to_it(registry: Registry) -> None:
    """Ids stand in public events: whoever reads one may not write by it, nor make it another person's."""
    named = registry.recorded()
    elsewhere = registry.report(trade(business_id=named, region="12.72.01.1001"), person(), SIANTAR, time=LATER)
    assert [code for code, _ in codes(elsewhere)] == ["authority.region"]
    another = registry.report(trade(business_id=named), person(nik=OTHER_NIK), time=LATER)
    assert codes(another) == [("business.owner_differs", "data.owner.nik")]


def test_the_id_of_a_record_that_was_merged_leads_to_the_one_that_lives_on(registry: Registry) -> None:
    keep, absorb = registry.recorded(), registry.recorded(name="Keripik Ubi Mekar II")
    merging = {"keep": keep, "absorb": absorb, "reason": "usaha yang sama"}
    registry.accept("registry.business.merge", merging, actor="kadis")
    decision = registry.report(trade(business_id=absorb, workers=9), person(), time=LATER)
    assert decision.result["business_id"] == keep
    assert registry.business(keep).workers == 9


def test_the_id_of_an_erased_owners_business_does_not_lead_to_who_comes_back(registry: Registry) -> None:
    """The office's old sheet still has it; it would say that the new owner is the person who was erased (0141)."""
    named = registry.recorded()
    erase = {"owner_id": registry.owner().owner_id, "reason": "permintaan_pemilik"}
    registry.accept("registry.owner.erase", erase, actor="kadis")
    decision = registry.report(trade(business_id=named), person(), time=LATER)
    assert codes(decision) == [("owner.erased", "data.business.business_id")]


def test_a_row_among_many_may_name_what_the_row_before_it_has_renamed(registry: Registry) -> None:
    named = registry.recorded()
    reports = [
        {"owner": person(), "business": trade(business_id=named, name="Nama Baru")},
        {"owner": person(), "business": trade(business_id=named, name="Nama Baru", workers=5)},
    ]
    result = registry.accept("registry.business.report_many", {"reports": reports}, time=LATER)
    assert [one["outcome"] for one in result["reports"]] == ["updated", "updated"]
    assert (registry.business().name, registry.business().workers) == ("Nama Baru", 5)
