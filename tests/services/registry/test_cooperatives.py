"""Cooperatives: reported, formed and founded, living or not by their yearly meetings, assessed, dissolved."""

import json
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from services.registry.cooperative_rules import rule
from services.registry.store import MEMBERS
from shared.reference.personal import find_personal
from tests.services.registry.cooperative_samples import LEGAL, Cooperatives, coop
from tests.services.registry.memory import KALTIM, MEDAN, NIK, NOW, SEEN, SIANTAR, codes, person, trade
from tests.shared.reference import generate

DRIVE = {
    "name": "Enam koperasi sektor riil",
    "region": "12.72",
    "target_cooperatives": 6,
    "members_each": 9,
    "deadline": "2026-12-31",
}


@pytest.fixture
def registry() -> Cooperatives:
    return Cooperatives()


# --- reported ---------------------------------------------------------------------------------------------------------


def test_an_existing_cooperative_is_recorded_with_its_legal_act_and_no_founders(registry: Cooperatives) -> None:
    """S2-08, S3-08: offices have lists of thousands, long founded."""
    told = coop(jenis="konsumen", kelompok="ksu", members={"count": 71, "as_of": "2025-12-31"})
    decision = registry.tell(told)
    assert (decision.result["outcome"], decision.result["status"]) == ("created", "aktif")
    (fact,) = registry.facts
    public = fact.data.model_dump(mode="json")["cooperative"]
    assert fact.type == "registry.cooperative.recorded"
    assert public["members"] == {"count": 71, "qualifier": "exact", "source": None, "as_of": "2025-12-31"}
    assert (public["sektor_riil"], public["supervision"], public["membership_area"]) == (True, "kabkota", "12.71")


def test_a_new_one_needs_name_place_and_legal_act(registry: Cooperatives) -> None:
    decision = registry.tell({"agency_ref": "K-1"})
    assert codes(decision) == [("field.required", f"data.cooperative.{field}") for field in ("name", "region", "legal")]


@pytest.mark.parametrize(
    "names",
    [
        {"agency_ref": "K-1"},
        {"cooperative_number": "1271030010001"},
        {"legal": {"number": "518/23/bh/ 2010", "date": "2010-05-01"}},
    ],
)
def test_a_cooperative_is_recognised_by_whatever_number_it_has(registry: Cooperatives, names: dict[str, Any]) -> None:
    """By the office's own number, the cooperative number, or the legal act however it is written."""
    known = registry.known(agency_ref="K-1", cooperative_number="1271030010001")
    decision = registry.tell({**names, "kelompok": "kud"}, time=SEEN + timedelta(days=1))
    assert (decision.result["cooperative_id"], decision.result["outcome"]) == (known, "updated")
    assert len(registry.cooperatives()) == 1


def test_a_number_of_another_is_refused(registry: Cooperatives) -> None:
    """Two cooperatives with one number would be one to every system that reads it."""
    registry.known(cooperative_number="1271030010001")
    other = coop(legal={"number": "1/BH", "date": "2011-01-01"}, agency_ref="K-2")
    registry.tell(other)
    decision = registry.tell({"agency_ref": "K-2", "cooperative_number": "1271030010001"})
    assert codes(decision) == [("cooperative.number_taken", "data.cooperative")]


def test_the_number_of_a_person_is_no_cooperative_number() -> None:
    """NIK of a person and *NIK koperasi* share a name; the latter is public."""
    with pytest.raises(ValueError, match="NIK"):
        Cooperatives().tell(coop(cooperative_number=NIK))


def test_an_older_report_changes_nothing_that_was_told_later(registry: Cooperatives) -> None:
    known = registry.known(agency_ref="K-1", kelompok="ksu")
    registry.tell({"agency_ref": "K-1", "kelompok": "kud", "jenis": "produsen"}, time=SEEN - timedelta(days=9))
    one = registry.cooperative(known)
    assert (one.kelompok, one.jenis) == ("ksu", "produsen")


def test_members_that_fall_by_half_are_taken_and_said_to_be_doubtful(registry: Cooperatives) -> None:
    """A digit lost in a sheet looks like that; a split of the cooperative too."""
    known = registry.known(agency_ref="K-1", members={"count": 100, "as_of": "2025-06-30"})
    later = {"agency_ref": "K-1", "members": {"count": 50, "qualifier": "sekitar", "as_of": "2025-12-31"}}
    decision = registry.tell(later, time=SEEN + timedelta(days=1))
    assert [one.code for one in decision.warnings] == ["members.fallen"]
    members = registry.cooperative(known).members
    assert members is not None
    assert (members.count, members.qualifier) == (50, "sekitar")


def test_a_grouping_that_the_table_does_not_know_is_taken(registry: Cooperatives) -> None:
    """S3-08: 47 of them, of which the source names four."""
    decision = registry.tell(coop(kelompok="becak_motor"))
    assert [one.code for one in decision.warnings] == ["cooperative.kelompok_unknown"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"membership_area": "12.72"}, ("cooperative.area_elsewhere", "membership_area")),
        ({"legal": {"number": "1", "date": "2027-01-01"}}, ("cooperative.legal_in_future", "legal.date")),
        ({"members": {"count": 1, "as_of": "2027-01-01"}}, ("members.as_of_in_future", "members.as_of")),
        ({"last_rat": {"book_year": 2009, "held_on": "2010-02-01"}}, ("rat.before_founding", "last_rat.held_on")),
        ({"last_rat": {"book_year": 2025, "held_on": "2025-12-30"}}, ("rat.year_open", "last_rat.book_year")),
        ({"last_rat": {"book_year": 2025, "held_on": "2026-09-01"}}, ("rat.in_future", "last_rat.held_on")),
        ({"region": "12.72"}, ("authority.region", "region")),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_place(
    registry: Cooperatives, fields: dict[str, Any], expected: tuple[str, str]
) -> None:
    decision = registry.tell(coop(**fields))
    code, field = expected
    assert codes(decision) == [(code, f"data.cooperative.{field}")]
    assert not registry.cooperatives()


def test_a_report_does_not_revive_a_dissolved_cooperative(registry: Cooperatives) -> None:
    """Last year's list still has it."""
    known = registry.known(agency_ref="K-1")
    assert registry.official("dissolve", known, reason="rapat_anggota").result["status"] == "dibubarkan"
    assert codes(registry.tell({"agency_ref": "K-1", "kelompok": "kud"})) == [
        ("cooperative.dissolved", "data.cooperative")
    ]
    assert codes(registry.rat(known, 2025)) == [("cooperative.dissolved", "data.cooperative_id")]
    assert codes(registry.official("dissolve", known, reason="lain")) == [
        ("cooperative.already_dissolved", "data.cooperative_id")
    ]


# --- supervised -------------------------------------------------------------------------------------------------------


def test_one_of_several_regencies_is_for_the_province_to_decide_about(registry: Cooperatives) -> None:
    """Permenkop 9/2020, S4-15: the area of its members says who supervises it, not the town of its seat."""
    registry.know_agency("dinkop-samarinda", "64.72")
    known = registry.known("dinkop-samarinda", region="64.72.01", membership_area="64")
    assert registry.facts[-1].data.model_dump()["cooperative"]["supervision"] == "province"
    told = {"book_year": 2025, "held_on": "2026-02-01"}
    assert codes(registry.official("record_rat", known, "dinkop-samarinda", **told)) == [
        ("authority.region", "data.cooperative_id")
    ]
    assert not registry.official("record_rat", known, KALTIM, **told).problems


# --- formed and founded -----------------------------------------------------------------------------------------------


def test_nine_found_a_cooperative_and_eight_do_not(registry: Cooperatives) -> None:
    """S0-01, UU 11/2020: nine is the least, and exactly what Siantar plans with."""
    people, id_ = registry.persons(9), registry.forming()
    assert codes(registry.founded(id_, people[:8])) == [("founders.too_few_primer", "data.founders")]
    decision = registry.founded(id_, people)
    assert (decision.result["outcome"], decision.result["status"]) == ("founded", "aktif")
    assert registry.cooperative(id_).listed_members == 9


def test_before_the_law_on_job_creation_it_took_twenty(registry: Cooperatives) -> None:
    """UU 25/1992 art. 6: the minimum is of the day of founding, not of today."""
    people, id_ = registry.persons(19), registry.forming()
    old: dict[str, Any] = {"founded_on": "2020-11-01", "legal": {"number": "AHU-1", "date": "2020-11-20"}}
    assert codes(registry.founded(id_, people, **old)) == [("founders.too_few_primer", "data.founders")]
    assert not registry.founded(id_, people, **{**old, "founded_on": "2020-11-02"}).problems
    assert [rule("founders_primer", date(year, 12, 31)) for year in (1980, 1999, 2019, 2020, 2026)] == [
        20, 20, 20, 9, 9
    ]  # fmt: skip


def test_founders_are_looked_at_one_by_one(registry: Cooperatives) -> None:
    """Each problem with the place in the list; nothing of the founding stays."""
    people, id_ = registry.persons(9), registry.forming()
    closed = people[3]["business_id"]
    registry.decide("close", closed, SIANTAR, reason="bangkrut")
    told = [
        *people[:2],
        people[0],
        people[3],
        {"owner_id": "nobody"},
        {**people[4], "business_id": people[5]["business_id"]},
        {"cooperative_id": id_},
        *people[6:],
    ]
    assert sorted(codes(registry.founded(id_, told))) == sorted(
        [
            ("founder.business_ended", "data.founders.3"),
            ("founder.not_found", "data.founders.4"),
            ("founder.business_of_another", "data.founders.5"),
            ("founder.wrong_form", "data.founders.6"),
            ("founder.twice", "data.founders.2"),
        ]
    )
    assert registry.all(MEMBERS) == []


def test_a_person_who_was_erased_founds_nothing(registry: Cooperatives) -> None:
    """UU 27/2022 art. 42–44: what is left of a person is an id; a membership there was before stays a number."""
    people, id_ = registry.persons(10), registry.forming()
    told = {"owner_id": people[0]["owner_id"], "reason": "permintaan_pemilik"}
    registry.accept("registry.owner.erase", told, SIANTAR, actor="kadis")
    assert codes(registry.founded(id_, people[:9])) == [("founder.not_found", "data.founders.0")]
    assert not registry.founded(id_, people[1:]).problems
    registry.accept("registry.owner.erase", told | {"owner_id": people[1]["owner_id"]}, SIANTAR, actor="kadis")
    assert registry.cooperative(id_).listed_members == 9


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"founded_on": "2026-03-03"}, ("cooperative.founded_in_future", "data.founded_on")),
        ({"legal": {"number": "A", "date": "2026-02-01"}}, ("cooperative.legal_before_founding", "data.legal.date")),
        ({"legal": {"number": "A", "date": "2026-03-03"}}, ("cooperative.legal_in_future", "data.legal.date")),
    ],
)
def test_a_founding_has_its_dates_in_order(
    registry: Cooperatives, fields: dict[str, Any], expected: tuple[str, str]
) -> None:
    """*Founded tomorrow* is an announcement, not a founding."""
    assert expected in codes(registry.founded(registry.forming(), registry.persons(9), **fields))


def test_three_cooperatives_found_a_secondary_one_and_none_of_them_is_dissolved(registry: Cooperatives) -> None:
    """UU 25/1992 art. 6(2)."""
    primers = [
        registry.known(SIANTAR, region="12.72.01", legal={"number": f"{number}/BH", "date": "2011-01-01"})
        for number in range(4)
    ]
    registry.official("dissolve", primers[3], SIANTAR, reason="rapat_anggota")
    id_ = registry.forming(form="sekunder", jenis="jasa")
    told = [{"cooperative_id": one} for one in primers]
    assert codes(registry.founded(id_, told[1:])) == [("founder.dissolved", "data.founders.2")]
    assert codes(registry.founded(id_, told[:2])) == [("founders.too_few_sekunder", "data.founders")]
    assert not registry.founded(id_, told[:3]).problems


def test_members_come_and_go_by_list_and_the_world_learns_their_number(registry: Cooperatives) -> None:
    """Listed twice is listed once; who it is stays here."""
    people, id_ = registry.persons(11), registry.forming()
    registry.founded(id_, people[:9])
    told = {"cooperative_id": id_, "members": people[7:]}
    assert registry.accept("registry.cooperative.enroll", told, SIANTAR)["outcome"] == "enrolled"
    assert registry.accept("registry.cooperative.enroll", told, SIANTAR)["outcome"] == "unchanged"
    assert registry.cooperative(id_).listed_members == 11
    gone = {"cooperative_id": id_, "members": [people[0], people[10]]}
    assert registry.accept("registry.cooperative.resign", gone, SIANTAR)["outcome"] == "resigned"
    assert registry.cooperative(id_).listed_members == len(registry.all(MEMBERS)) == 9
    wire = json.dumps([fact.data.model_dump(mode="json") for fact in registry.facts if "cooperative" in fact.type])
    assert not any(one[name] in wire for one in people for name in ("owner_id", "business_id"))
    assert find_personal(wire) is None


@pytest.mark.parametrize("by", ["record", "owner"])
def test_a_member_whose_records_were_joined_is_one_member_by_either_id(registry: Cooperatives, by: str) -> None:
    """Listed before the office knew the NIK, and again afterwards under the owner's own id."""
    (rest, id_) = (registry.persons(9), registry.forming())
    registry.founded(id_, rest)
    trade_of = {"name": "Anyaman Rotan", "region": "12.72.01.1001", "agency_ref": "A-1"}
    record = registry.report(trade(**trade_of), {"name": "Pemilik Contoh"}, SIANTAR).result
    business = str(record["business_id"])
    told = {"cooperative_id": id_, "members": [{"owner_id": str(record["owner_id"]), "business_id": business}]}
    registry.accept("registry.cooperative.enroll", told, SIANTAR)
    nik = generate.nik(Random(7), regency="12.72")
    owner = registry.report(trade(name="Kopi", region="12.72.01.1001"), person(nik=nik), SIANTAR).result["owner_id"]
    registry.report(trade(**trade_of), person(nik=nik), SIANTAR)
    registry.work()
    ids = {"record": str(record["owner_id"]), "owner": str(owner)}
    assert len(set(ids.values())) == 2
    again = {"cooperative_id": id_, "members": [{"owner_id": ids[by], "business_id": business}]}
    assert registry.accept("registry.cooperative.enroll", again, SIANTAR)["outcome"] == "unchanged"
    assert registry.cooperative(id_).listed_members == 10
    registry.accept("registry.cooperative.resign", again, SIANTAR)
    assert registry.cooperative(id_).listed_members == len(registry.all(MEMBERS)) == 9


# --- the calendar -----------------------------------------------------------------------------------------------------


def told_of(registry: Cooperatives, id_: str) -> list[tuple[str, str]]:
    """What was told of a cooperative, each with its status."""
    return [
        (fact.type.removeprefix("registry.cooperative."), fact.data.model_dump()["cooperative"]["status"])
        for fact in registry.facts
        if fact.subject == id_
    ]


def test_rat_deadlines_come_and_go_and_statuses_follow(registry: Cooperatives) -> None:
    """S4-13 and domain §3: reminded once, then berisiko, after two years tidak aktif; a RAT brings it back."""
    id_ = registry.known(last_rat={"book_year": 2024, "held_on": "2025-04-01"})
    for day in ("2026-05-01", "2026-05-02", "2026-06-30", "2026-07-01", "2026-07-02", "2027-05-02", "2027-07-01"):
        registry.day(day)
    assert told_of(registry, id_) == [
        ("recorded", "aktif"),
        ("rat_due", "aktif"),
        ("status_changed", "berisiko"),
        ("rat_due", "berisiko"),
        ("status_changed", "tidak_aktif"),
    ]
    assert registry.cooperative(id_).status_since == date(2027, 7, 1)
    assert registry.rat(id_, 2026, "2027-07-01").result["status"] == "aktif"
    assert told_of(registry, id_)[-2:] == [("rat_recorded", "aktif"), ("status_changed", "aktif")]


def test_two_months_of_downtime_change_nothing_about_what_is_told(registry: Cooperatives) -> None:
    """The status is of the day it came about, not of the day somebody looked."""
    id_ = registry.known(last_rat={"book_year": 2024, "held_on": "2025-04-01"})
    registry.day("2026-09-01")
    assert told_of(registry, id_)[1:] == [("status_changed", "berisiko")]
    assert registry.cooperative(id_).status_since == date(2026, 7, 1)
    registry.day("2030-01-01")
    registry.day("2030-01-02")
    assert told_of(registry, id_)[2:] == [("status_changed", "tidak_aktif")]
    assert registry.cooperative(id_).status_since == date(2027, 7, 1)


def days(first: str, last: str) -> list[str]:
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    return [(begin + timedelta(days=number)).isoformat() for number in range((end - begin).days + 1)]


YEAR = days("2026-03-03", "2027-03-02")
DOWN = {
    "never": set[str](),
    "over the deadline": {*days("2026-06-15", "2026-08-15")},
    "over the reminder": {*days("2026-04-10", "2026-06-10")},
}


@pytest.mark.parametrize("down", DOWN)
def test_a_year_passes_and_each_thing_is_told_once_also_after_two_months_of_downtime(
    registry: Cooperatives, down: str
) -> None:
    """S4-13, S0-02, S1-20: the clock looks every day of a year, or is away for two months of it. Deadlines of RAT, a
    drive and a census come and go; what is told, with its status and since when, is the same."""
    names = ("late", "held", "stopped")
    late, held, stopped = (
        registry.known(
            legal={"number": f"{number}/BH", "date": "2011-01-01"},
            last_rat={"book_year": year, "held_on": f"{year + 1}-04-01"},
        )
        for number, year in enumerate((2024, 2024, 2023))
    )
    census = {"name": "Pendataan", "region": "12.71", "deadline": "2026-06-30"}
    told = {**census, "targets": [{"region": "12.71.01", "target": 1}]}
    census_id = str(registry.accept("registry.census.open", told, MEDAN, actor="kadis")["census_id"])
    drive_id = drive(registry)
    begun = len(registry.facts)
    for day in YEAR:
        if day not in DOWN[down]:
            registry.day(day)
        if day == "2026-06-12":
            registry.rat(held, 2025, "2026-06-11")
    things = {late: "late", held: "held", stopped: "stopped", census_id: "census", drive_id: "drive"}
    since = {name: registry.cooperative(id_).status_since for id_, name in things.items() if name in names}
    found = sorted(
        (things[fact.subject], fact.type.rsplit(".", 1)[1], next(iter(fact.data.model_dump().values()))["status"])
        for fact in registry.facts[begun:]
    )
    assert found == [
        ("census", "closed", "selesai"),
        ("drive", "lapsed", "lewat"),
        ("held", "rat_due", "aktif"),
        ("held", "rat_recorded", "aktif"),
        ("late", "rat_due", "aktif"),
        ("late", "status_changed", "berisiko"),
        ("stopped", "rat_due", "berisiko"),
        ("stopped", "status_changed", "tidak_aktif"),
    ]
    assert since["late"] == since["stopped"] == date(2026, 7, 1)


def test_what_the_clock_does_is_traced_to_what_was_last_told(registry: Cooperatives) -> None:
    id_ = str(registry.tell(coop(), id="list-2026").result["cooperative_id"])
    registry.day("2027-08-01")
    (last,) = [fact for fact in registry.facts if fact.type.endswith("status_changed")]
    assert last.cause is not None
    assert (last.subject, last.cause.causation_id) == (id_, "list-2026")


def test_what_an_office_knows_of_no_meeting_it_can_say_itself(registry: Cooperatives) -> None:
    """Lists say *aktif* and *tidak aktif* (S2-08); a meeting held since is stronger than the word."""
    id_ = registry.known(agency_ref="K-1", standing="tidak_aktif")
    assert registry.cooperative(id_).status == "tidak_aktif"
    assert registry.rat(id_, 2025, "2026-03-01").result["status"] == "aktif"
    registry.day("2026-07-01")
    assert registry.cooperative(id_).status == "aktif"


def test_a_catching_up_meeting_does_half_the_way(registry: Cooperatives) -> None:
    """The books of 2024 in 2027: the year 2025 is still owed."""
    id_ = registry.known(last_rat={"book_year": 2023, "held_on": "2024-04-01"})
    registry.day("2026-12-01")
    assert registry.cooperative(id_).status == "tidak_aktif"
    decision = registry.rat(id_, 2024, "2026-12-01")
    assert ([one.code for one in decision.warnings], decision.result["status"]) == (["rat.late"], "berisiko")


@pytest.mark.parametrize(
    ("book_year", "held_on", "expected"),
    [
        (2024, "2025-04-02", ("rat.already_held", "data.book_year")),
        (2025, "2025-12-31", ("rat.year_open", "data.book_year")),
        (2026, "2026-03-01", ("rat.year_open", "data.book_year")),
        (2025, "2026-03-03", ("rat.in_future", "data.held_on")),
        (2009, "2010-02-02", ("rat.before_founding", "data.held_on")),
    ],
)
def test_a_meeting_that_cannot_be_is_refused(
    registry: Cooperatives, book_year: int, held_on: str, expected: tuple[str, str]
) -> None:
    """Before founding, twice for a year, about a year still open, tomorrow."""
    id_ = registry.known(last_rat={"book_year": 2024, "held_on": "2025-04-01"})
    assert codes(registry.rat(id_, book_year, held_on)) == [expected]


def test_one_that_is_being_formed_holds_no_rat(registry: Cooperatives) -> None:
    told = {"book_year": 2025, "held_on": "2026-02-01"}
    decision = registry.official("record_rat", registry.forming(), SIANTAR, **told)
    assert codes(decision) == [("rat.before_founding", "data.cooperative_id")]


# --- health -----------------------------------------------------------------------------------------------------------

SEHAT = {"health_class": "sehat", "score": 82.5, "book_year": 2025, "assessed_on": "2026-03-02"}


def test_health_is_assessed_for_a_year_with_its_rat_and_lasts_by_policy(registry: Cooperatives) -> None:
    """S1-13, Permenkop 9/2020; who has assessed is an opaque id."""
    id_ = registry.known()
    assert codes(registry.official("assess", id_, **SEHAT)) == [("health.without_rat", "data.book_year")]
    registry.rat(id_, 2025, "2026-03-01")
    early = {**SEHAT, "assessed_on": "2026-02-28"}
    assert codes(registry.official("assess", id_, **early)) == [("health.assessed_on", "data.assessed_on")]
    assert registry.official("assess", id_, actor="kabid", **SEHAT).result["outcome"] == "assessed"
    health = registry.facts[-1].data.model_dump(mode="json")["cooperative"]["health"]
    assert (health["health_class"], health["score"], health["valid_until"]) == ("sehat", 82.5, "2026-12-31")
    assert "kabid" not in health["assessor"]


def test_health_is_not_for_everybody_to_assess(registry: Cooperatives) -> None:
    """A clerk is no assessor (Bad input of the issue)."""
    id_ = registry.known()
    named = {"agency": MEDAN, "official": "petugas", "role": "petugas", "valid_from": "2020-01-01"}
    registry.accept("registry.official.register", named, "binaan")
    registry.rat(id_, 2025, "2026-03-01")
    assert codes(registry.official("assess", id_, actor="petugas", **SEHAT)) == [("actor.role", "actor")]


def test_of_two_assessments_the_one_of_the_newer_year_stands_in_any_order(registry: Cooperatives) -> None:
    id_ = registry.known()
    registry.rat(id_, 2024, "2025-03-01")
    registry.rat(id_, 2025, "2026-03-01")
    registry.official("assess", id_, **SEHAT)
    older = registry.official("assess", id_, **{**SEHAT, "book_year": 2024, "health_class": "cukup_sehat"})
    assert (older.result["outcome"], [one.code for one in older.warnings]) == ("unchanged", ["health.newer_known"])
    health = registry.cooperative(id_).health
    assert health is not None
    assert health.book_year == 2025


# --- what it brings ---------------------------------------------------------------------------------------------------


def outcome(registry: Cooperatives, id_: str, year: int, days: int = 0, **figures: int) -> Any:
    told = {"cooperative_id": id_, "year": year, **figures}
    return registry.send("registry.cooperative.report_outcome", told, time=SEEN + timedelta(days=days))


def test_what_a_cooperative_brings_can_be_compared_year_by_year(registry: Cooperatives) -> None:
    """S0-12, S2-10: production, what was sold through it, SHU; a loss is one. The newest word on each figure stands."""
    id_ = registry.known()
    outcome(registry, id_, 2025, production=900, turnover=700, days=2)
    outcome(registry, id_, 2024, production=600, turnover=400, surplus=-20)
    assert outcome(registry, id_, 2025, turnover=1, days=1).result["outcome"] == "unchanged"
    outcome(registry, id_, 2025, surplus=55, days=1)
    state = registry.facts[-1].data.model_dump()["cooperative"]
    assert [tuple(one.values()) for one in state["outcomes"]] == [(2024, 600, 400, -20), (2025, 900, 700, 55)]
    assert codes(outcome(registry, id_, 2026, surplus=1)) == [("outcome.year_open", "data.year")]
    assert codes(outcome(registry, id_, 2009, surplus=1)) == [("outcome.before_founding", "data.year")]
    for year in range(2015, 2024):
        outcome(registry, id_, year, surplus=1)
    assert registry.facts[-1].data.model_dump()["cooperative"]["outcomes"][0]["year"] == 2021
    assert len(registry.cooperative(id_).outcomes) == 11


# --- drives -----------------------------------------------------------------------------------------------------------


def drive(registry: Cooperatives) -> str:
    return str(registry.accept("registry.drive.open", DRIVE, SIANTAR, actor="kadis")["drive_id"])


def asked(registry: Cooperatives, drive_id: str, **about: Any) -> Any:
    return registry.send("registry.drive.request", {"drive_id": drive_id, **about}, SIANTAR)


def test_six_cooperatives_of_nine_businesses_meet_the_drive_of_siantar(registry: Cooperatives) -> None:
    """S0-01, S0-05: sektor riil each; 54 of those inventoried are members, and the rest are named as candidates."""
    drive_id, people = drive(registry), registry.persons(60)
    for number in range(6):
        id_ = registry.forming(drive_id=drive_id, name=f"Koperasi Riil {number}")
        registry.founded(id_, people[number * 9 : number * 9 + 9])
    told = [fact.type.rsplit(".", 1)[1] for fact in registry.facts if fact.subject == drive_id]
    assert told == ["opened", *["progressed"] * 11, "achieved"]
    answer = asked(registry, drive_id, limit=100).answer
    assert (answer["drive"]["founded"], answer["drive"]["forming"], answer["drive"]["status"]) == (6, 0, "tercapai")
    loose = {one["business_id"] for one in answer["without_cooperative"]}
    assert loose == {one["business_id"] for one in people[54:]}
    assert all(one.sektor_riil for one in registry.cooperatives())
    mine = registry.send("registry.cooperative.request", {"drive_id": drive_id, "limit": 4}, SIANTAR)
    assert len(mine.answer) == 4
    assert mine.next is not None
    assert {one["listed_members"] for one in mine.answer} == {9}


def test_a_drive_that_misses_its_deadline_is_said_to_once(registry: Cooperatives) -> None:
    """S0-02: *menjelang berakhirnya tahun*."""
    drive_id = drive(registry)
    given_up = registry.forming(drive_id=drive_id)
    registry.official("dissolve", given_up, SIANTAR, reason="batal")
    for day in ("2026-12-31", "2027-01-01", "2027-01-02"):
        registry.day(day)
    facts = [fact for fact in registry.facts if fact.subject == drive_id]
    assert [fact.type.rsplit(".", 1)[1] for fact in facts] == ["opened", "progressed", "progressed", "lapsed"]
    state = facts[-1].data.model_dump()["drive"]
    assert (state["forming"], state["founded"], state["status"]) == (0, 0, "lewat")


def test_a_drive_takes_cooperatives_of_its_region_only(registry: Cooperatives) -> None:
    drive_id = drive(registry)
    told = {"name": "Koperasi Medan", "region": "12.71.01", "jenis": "jasa"}
    assert codes(registry.send("registry.cooperative.form", {**told, "drive_id": drive_id})) == [
        ("drive.elsewhere", "data.drive_id")
    ]
    assert codes(registry.send("registry.cooperative.form", {**told, "drive_id": "no"})) == [
        ("drive.not_found", "data.drive_id")
    ]
    late = registry.send("registry.drive.open", {**DRIVE, "deadline": "2026-03-01"}, SIANTAR, actor="kadis")
    assert codes(late) == [("drive.deadline_past", "data.deadline")]


# --- asked ------------------------------------------------------------------------------------------------------------


def test_cooperatives_are_listed_by_region_and_status_in_pages(registry: Cooperatives) -> None:
    ids = sorted(
        registry.known(legal={"number": f"{number}/BH", "date": "2011-01-01"}, agency_ref=f"K-{number}")
        for number in range(5)
    )
    registry.official("dissolve", ids[0], reason="lain")
    first = registry.send("registry.cooperative.request", {"limit": 3})
    rest = registry.send("registry.cooperative.request", {"limit": 3, "after": first.next})
    assert [one["cooperative_id"] for one in (*first.answer, *rest.answer)] == ids
    assert rest.next is None
    gone = registry.send("registry.cooperative.request", {"region": "12", "status": "dibubarkan"})
    assert [one["cooperative_id"] for one in gone.answer] == [ids[0]]
    (one,) = registry.send("registry.cooperative.request", {"cooperative_id": ids[1]}).answer
    assert one["legal"]["date"] == "2011-01-01"
    assert registry.send("registry.cooperative.request", {"region": "64"}).answer == []


def test_who_is_a_member_is_told_to_who_supervises_it_page_by_page(registry: Cooperatives) -> None:
    """Opaque ids, which `registry.owner.request` resolves for whom they concern; nobody else is told."""
    people, id_ = registry.persons(9), registry.forming()
    registry.founded(id_, people)
    told = {"cooperative_id": id_, "detail": "members", "limit": 5}
    first = registry.send("registry.cooperative.request", told, SIANTAR)
    rest = registry.send("registry.cooperative.request", {**told, "after": first.next}, SIANTAR)
    found = [*first.answer, *rest.answer]
    assert sorted((one["owner_id"], one["business_id"]) for one in found) == sorted(
        (one["owner_id"], one["business_id"]) for one in people
    )
    assert (len(first.answer), rest.next, {one["founder"] for one in found}) == (5, None, {True})
    assert codes(registry.send("registry.cooperative.request", told, MEDAN)) == [
        ("authority.region", "data.cooperative_id")
    ]
    assert codes(registry.send("registry.cooperative.request", {"detail": "members"}, SIANTAR)) == [
        ("field.required", "data.cooperative_id")
    ]
    unknown = registry.send("registry.cooperative.request", {**told, "cooperative_id": "no"}, SIANTAR)
    assert codes(unknown) == [("cooperative.not_found", "data.cooperative_id")]


def test_the_clock_of_the_test_is_before_the_deadline() -> None:
    """What the samples rest on: on this day the RAT about 2025 is still to come."""
    assert NOW.date() < date(2026, 6, 30)
    assert LEGAL["date"] < "2026"
