"""Many reports in one message: each row as if it had come alone, and no row at another's cost."""

import json
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.registry.store import BUSINESSES, OWNERS
from shared.contracts.envelope import MAX_MESSAGE_BYTES
from tests.services.registry.memory import KALTIM, NIB, NIK, OTHER_NIK, SEEN, SIANTAR, Registry, codes, person, trade
from tests.services.registry.test_histories import full_reports
from tests.shared.reference import generate

MANY = "registry.business.report_many"


def rows_of(registry: Registry, reports: list[Any], **about: Any) -> list[dict[str, Any]]:
    result = registry.accept(MANY, {"reports": reports}, **{"time": SEEN, **about})
    assert result["outcome"] == "reported"
    verdicts: list[dict[str, Any]] = result["reports"]
    assert [one["row"] for one in verdicts] == list(range(len(reports)))
    return verdicts


def wrong(verdict: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["code"], one["field"]) for one in verdict["problems"]]


def test_each_row_has_its_verdict_and_a_bad_one_harms_no_neighbour() -> None:
    """A sheet of an office has wrong rows; the right ones are recorded, and each wrong one says where."""
    registry = Registry()
    verdicts = rows_of(
        registry,
        [
            {"owner": person(), "business": trade()},
            {"owner": person(nik="127199010190"), "business": trade()},
            {"owner": person(), "business": {"region": "12.71"}},
            "not a row",
            {"owner": person(nik=OTHER_NIK), "business": trade(name="Laundry", region="64.72")},
            {"owner": person(nik=OTHER_NIK), "business": trade(name="Batik"), "time": "2026-03-03T00:00:00Z"},
            {"owner": person(nik=OTHER_NIK), "business": trade(name="Batik")},
        ],
    )
    assert [one["outcome"] for one in verdicts] == ["created", *["rejected"] * 5, "created"]
    assert wrong(verdicts[1]) == [("nik.length", "data.reports.1.owner.nik")]
    assert wrong(verdicts[2]) == [("field.required", "data.reports.2.business.name")]
    assert wrong(verdicts[3]) == [("field.type", "data.reports.3")]
    assert wrong(verdicts[4]) == [("authority.region", "data.reports.4.business.region")]
    assert wrong(verdicts[5]) == [("time.in_future", "data.reports.5.time")]
    assert {one.business_id for one in registry.all(BUSINESSES)} == {
        verdicts[0]["business_id"],
        verdicts[6]["business_id"],
    }
    assert len(registry.all(OWNERS)) == 2


def test_a_warning_stands_with_its_row() -> None:
    """What is taken and should be looked at is said where it is."""
    old_region = NIK.replace("1271", "1299", 1)
    verdicts = rows_of(
        Registry(), [{"owner": person(), "business": trade()}, {"owner": person(nik=old_region), "business": trade()}]
    )
    assert "warnings" not in verdicts[0]
    assert [(one["code"], one["field"]) for one in verdicts[1]["warnings"]] == [
        ("nik.unknown_region", "data.reports.1.owner.nik")
    ]


def test_a_row_sees_the_rows_before_it() -> None:
    """The same business twice, and a second business of an owner whom the message itself has brought."""
    registry = Registry()
    first, again, second = rows_of(
        registry,
        [
            {"owner": person(), "business": trade(agency_ref="A-1", workers=1)},
            {"business": {"agency_ref": "A-1", "workers": 2}},
            {"owner": person(), "business": trade(name="Laundry Kilat")},
        ],
    )
    assert (first["business_id"], again["outcome"], again["sequence"]) == (again["business_id"], "updated", 2)
    assert first["owner_id"] == second["owner_id"]
    assert registry.business(first["business_id"]).workers == 2


def test_a_row_has_its_own_time_or_the_messages() -> None:
    """An office's sheet holds surveys of many days."""
    registry = Registry()
    rows_of(
        registry,
        [
            {"owner": person(), "business": trade(workers=3), "time": "2026-01-10T00:00:00+07:00"},
            {"owner": person(), "business": trade(workers=1)},
        ],
    )
    assert registry.business().workers == 3
    assert registry.business().seen["workers"].at.isoformat() == "2026-01-10T00:00:00+07:00"


def test_a_name_that_nobody_has_looked_up_waits_for_another_message() -> None:
    """Two rows give one business a name and a NIB that come together only here: the second is told to come again."""
    registry = Registry()
    reports = [
        {"owner": person(), "business": trade(agency_ref="A-1", nib=NIB)},
        {"business": {"agency_ref": "A-1", "name": "Nama Baru"}},
    ]
    first, second = rows_of(registry, reports)
    assert wrong(second) == [("report.same_business_again", "data.reports.1.business")]
    (alone,) = rows_of(registry, reports[1:])
    assert (alone["business_id"], alone["outcome"]) == (first["business_id"], "updated")


def test_the_whole_is_refused_only_where_no_row_could_be_taken() -> None:
    registry = Registry()
    row = {"owner": person(), "business": trade()}
    assert codes(registry.send(MANY, {"reports": [row]}, "dinkop-nowhere", time=SEEN)) == [
        ("authority.agency_unknown", "source")
    ]
    outside = registry.accept(MANY, {"reports": [row]}, SIANTAR, time=SEEN)
    assert [one["outcome"] for one in outside["reports"]] == ["rejected"]
    assert not registry.facts


def test_a_reply_fits_into_a_message_however_much_is_wrong() -> None:
    """500 rows, each wrong in every field it has."""
    row = {
        "owner": {"nik": 1, "name": "", "phone": "x"},
        "business": {"name": 1, "nib": "1", "region": "x", "role": "x"},
    }
    verdicts = rows_of(Registry(), [row] * 500)
    assert all(1 <= len(one["problems"]) <= 4 for one in verdicts)
    assert len(json.dumps(verdicts)) < MAX_MESSAGE_BYTES
    assert len(rows_of(Registry(), [row])[0]["problems"]) > 4


def test_what_the_rows_make_is_the_same_at_every_try() -> None:
    """Ids come from the message and the row: a batch that is run again makes the same things."""
    rng = Random(4)
    reports = [
        {"owner": person(nik=generate.nik(rng, regency="12.71")), "business": trade(name=f"Usaha {n}")}
        for n in range(20)
    ]
    first, second = Registry(), Registry()
    assert rows_of(first, reports, id="m-1") == rows_of(second, reports, id="m-1")
    assert len({one.business_id for one in first.all(BUSINESSES)}) == 20


@settings(max_examples=60, deadline=None)
@given(st.lists(full_reports(), min_size=1, max_size=8))
def test_rows_end_where_single_reports_in_their_order_end(reports: list[dict[str, Any]]) -> None:
    """Recognition, authority, observation and events are those of single reports."""
    alone, together = Registry(), Registry()
    for position, report in enumerate(reports):
        alone.report(**report, id=f"m/{position:03d}")
    rows = [
        {**{name: part for name, part in report.items() if part}, "time": report["time"].isoformat()}
        for report in reports
    ]
    again = rows_of(together, rows, id="m")
    if not any("report.same_business_again" in str(one) for one in again):
        assert register_of(together) == register_of(alone)
        assert [(one.type, one.sequence) for one in together.facts] == [(one.type, one.sequence) for one in alone.facts]


spellings = st.sampled_from(["Siti Aminah", "SITI AMINAH", "Siti  aminah", None])
own_businesses = st.fixed_dictionaries(
    {
        "owner": st.builds(
            lambda nik, name: person(nik=nik, name=name) if name else person(nik=nik),
            st.sampled_from([NIK, OTHER_NIK, None]),
            spellings,
        ),
        "business": st.builds(
            lambda which, name: trade(agency_ref=f"A-{which}", name=f"{name} {which}"),
            st.integers(0, 5),
            st.sampled_from(["Keripik", "UD Siti Aminah"]),
        ),
    }
)


@settings(max_examples=60, deadline=None)
@given(st.lists(own_businesses, min_size=2, max_size=6, unique_by=lambda row: row["business"]["agency_ref"]))
def test_no_row_is_refused_for_how_it_spells_an_owner_whom_the_message_brings(rows: list[dict[str, Any]]) -> None:
    """An office's sheet has one owner's businesses below one another, each typed anew."""
    alone, together = Registry(), Registry()
    for position, row in enumerate(rows):
        assert not alone.report(row["business"], row["owner"], id=f"m/{position:03d}").problems
    assert "rejected" not in {one["outcome"] for one in rows_of(together, rows, id="m")}
    assert register_of(together) == register_of(alone)
    assert [(one.type, one.sequence) for one in together.facts] == [(one.type, one.sequence) for one in alone.facts]


def test_an_owner_whom_the_message_brings_may_be_named_differently_by_a_later_row() -> None:
    """Also where the business says who it is, and the row has no number."""
    registry = Registry()
    verdicts = rows_of(
        registry,
        [
            {"owner": person(name="Siti Aminah"), "business": trade(agency_ref="A-1")},
            {"owner": person(name="SITI AMINAH"), "business": trade(name="Laundry Kilat")},
            {"owner": {"name": "Siti Aminah"}, "business": {"agency_ref": "A-1"}},
        ],
    )
    assert [one["outcome"] for one in verdicts][:2] == ["created", "created"]
    assert verdicts[2]["outcome"] != "rejected"


def register_of(registry: Registry) -> list[Any]:
    """What is known, ids aside."""
    ids = {"business_id", "owner_id", "claims", "comparing"}
    found = [one.model_dump(exclude=ids) for one in (*registry.all(BUSINESSES), *registry.all(OWNERS))]
    return sorted(found, key=lambda one: json.dumps(one, sort_keys=True, default=str))


def test_a_province_tells_of_the_cities_below_it() -> None:
    """S3-06: the rows of one message may lie in many regions."""
    row = {"owner": person(), "business": trade(region="64.72")}
    (verdict,) = rows_of(Registry(), [row], account=KALTIM)
    assert verdict["outcome"] == "created"


def test_a_number_in_every_row_is_nobodys_and_does_not_make_a_town_one_owners() -> None:
    """An office fills down its head's NIK: each row would rename the owner, and with the owner all businesses before
    it. A hundred are taken, the others say what is wrong; those that are known can still be told of."""
    registry = Registry()
    rows = [
        {"owner": person(name=f"Pemilik {number}"), "business": trade(name=f"Usaha {number}")} for number in range(150)
    ]
    verdicts = rows_of(registry, rows[:90])
    verdicts += rows_of(registry, rows[90:], time=SEEN.replace(day=6))
    assert [one["outcome"] for one in verdicts] == ["created"] * 100 + ["rejected"] * 50
    assert {problem["code"] for one in verdicts[100:] for problem in one["problems"]} == {"owner.too_many_businesses"}
    assert len(registry.businesses()) == 100
    again = {"owner": person(), "business": trade(name="Usaha 7", workers=3)}
    assert [one["outcome"] for one in rows_of(registry, [again], time=SEEN.replace(day=7))] == ["updated"]
    alone = registry.report(trade(name="Satu Lagi"), person(), time=SEEN.replace(day=8))
    assert [(one.code, one.field) for one in alone.problems] == [("owner.too_many_businesses", "data.owner")]
