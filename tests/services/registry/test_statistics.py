"""Statistics: figures that are kept ready, equal a recount, add up, and let nobody be found."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.registry import counting, statistics
from services.registry import indicators as indicator_policy
from services.registry.cooperative import Cooperative
from services.registry.counting import Figures, Movement
from services.registry.handlers.statistics import fold, fold_needs
from services.registry.indicators import Indicator, in_force
from services.registry.store import BUSINESSES, COOPERATIVES, FIGURES, MOVEMENTS, PAST_FIGURES
from shared.contracts.registry.cooperatives import PublishedMembers
from shared.contracts.registry.statistics import OutsideFigure, StatisticsState
from shared.decision import Cause
from tests.memory import Task
from tests.services.registry.cooperative_samples import Cooperatives
from tests.services.registry.memory import KALTIM, MEDAN, SEEN, SIANTAR, codes, person, trade
from tests.services.registry.test_histories import full_reports

DAY = date(2013, 9, 11)
NOBODY = Cause(correlation_id="list-2012", causation_id="list-2012")


def fold_all(registry: Cooperatives) -> None:
    while registry.perform(Task(registry.tick(), fold_needs, fold)).changes:
        pass


@pytest.fixture
def registry() -> Cooperatives:
    return Cooperatives()


# --- S3: the figures of Kalimantan Timur ------------------------------------------------------------------------------

REGENCIES = ("64.01", "64.02", "64.03", "64.07", "64.08", "64.09", "64.71", "64.74")
KELOMPOK = {"ksu": 3097, "karyawan": 447, "pegawai_negeri": 421, "lainnya": 385, None: 1761}
SAMARINDA, ELSEWHERE = 106_002, 436_068 - 106_002


def kaltim() -> list[Cooperative]:
    """6,111 cooperatives with the members of S3: a sixth of them in Samarinda, with 106,002 members."""
    groups = [kelompok for kelompok, count in KELOMPOK.items() for _ in range(count)]
    town = [number % 6 == 0 for number in range(len(groups))]
    shares = {True: _spread(SAMARINDA, sum(town)), False: _spread(ELSEWHERE, len(town) - sum(town))}
    return [
        Cooperative(
            cooperative_id=f"k-{number:05d}",
            agency=KALTIM,
            name="Koperasi Contoh",
            region="64.72" if in_town else REGENCIES[number % len(REGENCIES)],
            kelompok=kelompok,
            members=PublishedMembers(count=shares[in_town].pop(), qualifier="exact", as_of=date(2012, 12, 31)),
            status="aktif",
            status_since=DAY,
            recorded_on=DAY,
            cause=NOBODY,
            sequence=1,
        )
        for number, (kelompok, in_town) in enumerate(zip(groups, town, strict=True))
    ]


def _spread(whole: int, parts: int) -> list[int]:
    return [whole // parts + (place < whole % parts) for place in range(parts)]


def figures_of(ones: list[Cooperative], region: str) -> Figures:
    at = datetime(2013, 9, 11, 3, tzinfo=UTC)
    movements = [one for each in ones if (one := counting.moved(None, each, at)) is not None]
    known = {one.region: one for one in counting.folded([], movements).figures}
    return known[region]


def test_kalimantan_timur_has_the_figures_of_its_source() -> None:
    """S3-08, S3-09: the four kinds that are named make 4,350 of 6,111; the rest is said to be *tidak dirinci*."""
    table = statistics.state(figures_of(kaltim(), "64"), [], "kelompok", DAY, None)
    assert (table.count, table.members, table.members_qualifier) == (6111, 436_068, "exact")
    assert [(row.key, row.count, row.share) for row in table.rows] == [
        ("ksu", 3097, 50.68),
        ("karyawan", 447, 7.31),
        ("pegawai_negeri", 421, 6.89),
        ("lainnya", 385, 6.3),
        ("tidak_dirinci", 1761, 28.82),
    ]
    assert sum(row.count or 0 for row in table.rows) == table.count


def test_a_quarter_of_the_members_are_in_samarinda() -> None:
    """S3-10: 106,002 of 436,068."""
    table = statistics.state(figures_of(kaltim(), "64"), [], "region", DAY, None)
    samarinda = next(row for row in table.rows if row.key == "64.72")
    assert (samarinda.members, samarinda.members_share, samarinda.name) == (106_002, 24.31, "Kota Samarinda")
    assert sum(row.members or 0 for row in table.rows) == 436_068


@pytest.mark.parametrize(
    ("qualifiers", "expected"),
    [
        (["exact", "exact"], "exact"),
        (["exact", "lebih_dari"], "lebih_dari"),
        (["exact", None], "lebih_dari"),
        (["exact", "kurang_dari"], "kurang_dari"),
        (["kurang_dari", None], "sekitar"),
        (["sekitar", "exact"], "sekitar"),
        ([None, None], None),
    ],
)
def test_a_sum_is_as_exact_as_its_least_exact_part(qualifiers: list[str | None], expected: str | None) -> None:
    """S2-08: 350 active cooperatives with *lebih dari* 10,000 members; who tells nothing adds some."""
    first, *_ = kaltim()
    told = [
        first.model_copy(
            update={
                "cooperative_id": f"k-{number}",
                "members": None
                if qualifier is None
                else PublishedMembers(count=29, qualifier=qualifier, as_of=date(2020, 1, 27)),
            }
        )
        for number, qualifier in enumerate(qualifiers * 175)
    ]
    table = statistics.state(figures_of(told, "64"), [], "status", date(2020, 1, 27), None)
    assert [(row.key, row.count) for row in table.rows] == [("aktif", 350)]
    assert table.members_qualifier == expected


# --- through the door -------------------------------------------------------------------------------------------------


def ask(registry: Cooperatives, account: str = MEDAN, **about: Any) -> Any:
    return registry.send("registry.statistics.request", {"of": "businesses", **about}, account)


def test_what_is_registered_is_held_against_what_the_census_says(registry: Cooperatives) -> None:
    """S2-14, "sekitar 40.000": coverage, with the source and its qualifier beside it."""
    registry.persons(4, MEDAN, "12.71.01.1001")
    fold_all(registry)
    outside = {"value": 40_000, "qualifier": "sekitar", "source": "BPS"}
    answer = ask(registry, outside=outside).answer
    assert (answer["count"], answer["coverage"], answer["outside"]) == (4, 0.01, outside)


def test_businesses_are_counted_down_to_the_desa_by_each_word(registry: Cooperatives) -> None:
    """S2-11; what nobody has said more about is *tidak dirinci*, so that the parts add up."""
    registry.persons(4, MEDAN, "12.71.01.1001")
    registry.persons(5, MEDAN, "12.71.01.1002")
    registry.persons(6, MEDAN, "12.71")
    fold_all(registry)
    rows = ask(registry, by="region").answer["rows"]
    assert [(row["key"], row["count"]) for row in rows] == [("12.71.01", 9), ("tidak_dirinci", 6)]
    rows = ask(registry, by="region", region="12.71.01").answer["rows"]
    assert [(row["key"], row["count"]) for row in rows] == [("12.71.01.1002", 5), ("12.71.01.1001", 4)]
    assert ask(registry, by="scale").answer["rows"] == [
        {"key": "tidak_dirinci", "count": 15, "share": 100.0, "workers": 0, "suppressed": False}
    ]


def test_figures_of_a_day_stay_what_they_were(registry: Cooperatives) -> None:
    """As of a date: what was known at the end of it."""
    registry.persons(4, MEDAN)
    registry.persons(4, SIANTAR)
    fold_all(registry)
    registry.now += timedelta(days=10)
    registry.persons(5, SIANTAR)
    fold_all(registry)
    days = ("2026-03-02", "2026-03-11", "2026-03-12")
    assert [ask(registry, SIANTAR, as_of=day).answer["count"] for day in days] == [4, 4, 9]
    assert codes(ask(registry, SIANTAR, as_of="2026-03-01")) == [("statistics.before_first_record", "data.as_of")]
    assert codes(ask(registry, SIANTAR, as_of="2026-03-13")) == [("statistics.as_of_in_future", "data.as_of")]


def test_what_moves_or_ends_is_counted_where_and_as_what_it_is(registry: Cooperatives) -> None:
    """Closed is no longer there; another scale is another cell; a founding and a dissolution count as well."""
    people = registry.persons(9, SIANTAR)
    id_ = registry.forming()
    fold_all(registry)
    assert ask(registry, SIANTAR, of="cooperatives").answer["count"] == 0
    registry.founded(id_, people)
    registry.decide("close", people[0]["business_id"], SIANTAR, reason="bangkrut")
    fold_all(registry)
    assert ask(registry, SIANTAR).answer["count"] == 8
    answer = ask(registry, SIANTAR, of="cooperatives", by="sektor").answer
    assert [(row["key"], row["count"], row["members"]) for row in answer["rows"]] == [("riil", 1, 9)]
    registry.day("2028-07-01")
    fold_all(registry)
    answer = ask(registry, SIANTAR, of="cooperatives", by="status").answer
    assert [(row["key"], row["count"]) for row in answer["rows"]] == [("tidak_aktif", 1)]
    assert registry.all(MOVEMENTS) == []


def test_figures_of_elsewhere_and_by_what_there_is_not_are_refused(registry: Cooperatives) -> None:
    assert codes(ask(registry, region="12.72")) == [("authority.region", "data.region")]
    assert codes(ask(registry, by="jenis")) == [("statistics.by", "data.by")]
    assert ask(registry).answer["count"] == 0
    with pytest.raises(ValueError, match="region"):
        ask(registry, region="99.99")


def test_an_official_publishes_figures_for_everybody(registry: Cooperatives) -> None:
    """The same table is the same subject, each time with the next sequence."""
    registry.persons(4, MEDAN)
    fold_all(registry)
    for number in (1, 2):
        told = {"of": "businesses", "by": "status"}
        result = registry.accept("registry.statistics.publish", told, actor="kadis")
        assert (result["sequence"], result["outcome"]) == (number, "published")
    (first, second) = [fact for fact in registry.facts if fact.type == "registry.statistics.published"]
    assert first.subject == second.subject
    assert second.data.model_dump()["statistics"]["rows"][0]["count"] == 4
    refused = registry.send("registry.statistics.publish", {"of": "businesses"}, actor="kabid")
    assert codes(refused) == [("actor.role", "actor")]


# --- what a province is measured by -----------------------------------------------------------------------------------


def indicators(registry: Cooperatives, account: str = SIANTAR, **about: Any) -> dict[str, dict[str, Any]]:
    answer = ask(registry, account, of="cooperatives", by="indicator", **about).answer
    return {row["key"]: row for row in answer["rows"]}


def test_a_region_is_measured_by_what_is_kept_ready(registry: Cooperatives) -> None:
    """S3-01, S0-12, S2-10: shares of what there is, sums of what was told of last year, targets with their day."""
    for number in range(4):
        legal = {"number": f"{number}/BH", "date": "2011-01-01"}
        id_ = registry.known(
            SIANTAR, region="12.72.01", legal=legal, jenis="simpan_pinjam" if number else "jasa",
            members={"count": 25, "as_of": "2025-12-31"}, cooperative_number=f"N-{number}" if number else None,
        )  # fmt: skip
        told = {"cooperative_id": id_, "year": 2025, "turnover": 1000, "surplus": -5 + number}
        if number < 3:
            registry.send("registry.cooperative.report_outcome", told, SIANTAR, time=SEEN)
        if number < 2:
            registry.official("record_rat", id_, SIANTAR, book_year=2025, held_on="2026-02-01")
    fold_all(registry)
    found = indicators(registry)
    assert {key: row.get("value") for key, row in found.items()} == {
        "koperasi": 4,
        "aktif": 4,
        "berisiko": 0,
        "tidak_aktif": 0,
        "rat": 2,
        "bernomor_induk": 3,
        "anggota": 100,
        "produksi": 0,
        "volume_usaha": 3000,
        "shu": -12,
        "aktif_persen": 100.0,
        "rat_persen": 50.0,
        "sehat_persen": 0.0,
        "riil_persen": 25.0,
        "bernomor_induk_persen": 75.0,
        "anggota_per_koperasi": 25.0,
    }
    assert [found[key].get("met") for key in ("aktif_persen", "rat_persen", "anggota")] == [True, False, None]
    assert (found["rat_persen"]["target"], found["rat_persen"]["due"]) == (60.0, "2026-12-31")
    assert (found["shu"]["count"], found["shu"]["qualifier"], found["rat"]["qualifier"]) == (3, "sekitar", "exact")


def test_kalimantan_timur_has_71_members_a_cooperative() -> None:
    """S3-08, S3-10: 436,068 of 6,111."""
    table = statistics.state(figures_of(kaltim(), "64"), [], "indicator", DAY, None)
    values = {row.key: row.value for row in table.rows}
    assert (values["anggota_per_koperasi"], values["aktif_persen"], values["koperasi"]) == (71.36, 100.0, 6111)


def test_members_who_are_too_few_are_not_told_by_an_indicator_either(registry: Cooperatives) -> None:
    """A breakdown with one member in a cell: of a cooperative its number is public, who is in it is not."""
    registry.known(SIANTAR, region="12.72.01", members={"count": 1, "as_of": "2025-12-31"})
    registry.known(
        SIANTAR,
        region="12.72.02",
        legal={"number": "2/BH", "date": "2011-01-01"},
        members={"count": 40, "as_of": "2025-12-31"},
    )
    fold_all(registry)
    rows = ask(registry, SIANTAR, of="cooperatives", by="region").answer["rows"]
    assert [(row["key"], row["count"], row.get("members")) for row in rows] == [
        ("12.72.01", 1, None),
        ("12.72.02", 1, None),
    ]
    one = indicators(registry, region="12.72.01")
    assert [(one[key].get("value"), one[key]["suppressed"]) for key in ("koperasi", "anggota")] == [
        (1, False),
        (None, True),
    ]
    assert "value" not in one["anggota_per_koperasi"]


def test_an_indicator_of_a_province_stands_above_that_of_all_and_the_newer_above_the_older() -> None:
    """Policy is dated and the region's own (S3-01: what Kaltim means to reach by the end of its year)."""

    def row(valid_from: str, region: str, target: str) -> Indicator:
        told = {"indicator": "aktif", "name": "", "figure": "count total", "per": "", "unit": "", "due": ""}
        return indicator_policy._parsed({**told, "valid_from": valid_from, "region": region, "target": target})

    table = tuple(
        row(*one)
        for one in (
            ("2007-01-01", "", "1"),
            ("2013-01-01", "64", "2"),
            ("2020-01-01", "", "3"),
            ("2027-01-01", "64", "4"),
        )
    )
    cases = {
        ("12.71", "2010-01-01"): 1,
        ("12.71", "2026-01-01"): 3,
        ("64.72", "2026-01-01"): 2,
        ("64", "2027-01-01"): 4,
    }
    for (region, day), target in cases.items():
        (one,) = in_force(table, region, date.fromisoformat(day))
        assert one.target == target
    assert in_force(table, "64", date(2006, 1, 1)) == []


# --- nobody is found --------------------------------------------------------------------------------------------------


def test_one_business_in_a_desa_is_not_shown_there_nor_by_its_neighbours(registry: Cooperatives) -> None:
    """Its neighbour is left out with it, in the table and when asked for by itself."""
    registry.persons(1, MEDAN, "12.71.01.1001")
    registry.persons(5, MEDAN, "12.71.01.1002")
    registry.persons(7, MEDAN, "12.71.01.1003")
    fold_all(registry)
    table = ask(registry, by="region", region="12.71.01").answer
    shown = {row["key"]: row.get("count") for row in table["rows"]}
    assert shown == {"12.71.01.1001": None, "12.71.01.1002": None, "12.71.01.1003": 7}
    for desa, count in shown.items():
        alone = ask(registry, region=desa, by="status").answer
        assert (alone.get("count"), alone["suppressed"]) == (count, count is None)
        assert all(row.get("count") == count for row in alone["rows"])


def test_an_office_sees_the_whole_of_its_region_whatever_its_neighbour_has(registry: Cooperatives) -> None:
    """The province's table leaves both out, so what is published does too; the office itself may list them by name."""
    registry.persons(1, MEDAN)
    registry.persons(9, SIANTAR)
    fold_all(registry)
    assert ask(registry, SIANTAR).answer["count"] == 9
    registry.accept("registry.statistics.publish", {"of": "businesses"}, SIANTAR, actor="kadis")
    state = registry.facts[-1].data.model_dump()["statistics"]
    assert (state["count"], state["suppressed"]) == (None, True)
    assert ask(registry, MEDAN).answer["suppressed"]


parts = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 12), max_size=8)


@settings(deadline=None)
@given(parts, st.integers(2, 6))
def test_what_is_left_out_cannot_be_reckoned_from_the_rest(sizes: dict[str, int], smallest: int) -> None:
    """Whoever knows the total and all that is shown knows only a sum that is large enough, of at least two parts."""
    left_out = statistics.hidden(sizes, smallest)
    assert not any(0 < size < smallest for name, size in sizes.items() if name not in left_out)
    assert not any(sizes[name] == 0 for name in left_out)
    if left_out and sum(sizes.values()) >= smallest and sum(1 for size in sizes.values() if size) > 1:
        assert len(left_out) > 1
        assert sum(sizes[name] for name in left_out) >= smallest


# --- equal to a recount -----------------------------------------------------------------------------------------------


def recount(registry: Cooperatives, of: str, place: str) -> dict[tuple[str, str], tuple[int, int]]:
    """All things of a region looked at one by one, as the figures never are."""
    counted = [counting.of_business(one) for one in registry.all(BUSINESSES)]
    if of == "cooperatives":
        counted = [counting.of_cooperative(one) for one in registry.all(COOPERATIVES)]
    counts: Counter[tuple[str, str]] = Counter()
    sums: Counter[tuple[str, str]] = Counter()
    for one in counted:
        if one is None or not (place == "00" or one.region == place or one.region.startswith(f"{place}.")):
            continue
        for cell in ((counting.TOTAL, ""), *one.words.items()):
            counts[cell] += 1
            sums[cell] += one.amount
        for name, year, amount in one.sums:
            counts[name, year] += 1
            sums[name, year] += amount
    return {cell: (count, sums[cell]) for cell, count in counts.items()}


@settings(max_examples=40, deadline=None)
@given(st.lists(full_reports(), min_size=1, max_size=10), st.data())
def test_figures_equal_a_recount_however_they_came_about(reports: list[dict[str, Any]], data: st.DataObject) -> None:
    """Reports that move a business, correct it, close it; folded now and then, in parts, or only at the end."""
    registry = Cooperatives()
    for report in reports:
        registry.report(**report)
        if data.draw(st.booleans()):
            fold_all(registry)
        if data.draw(st.integers(0, 4)) == 0:
            registry.decide("close", registry.businesses()[0].business_id, reason="bangkrut")
    fold_all(registry)
    for one in registry.all(FIGURES):
        kept = {(name, word): (count, amount) for name, word, count, amount in one.cells if name != counting.REGION}
        assert kept == recount(registry, one.of, one.region)
        assert sum(count for count, _ in one.by(counting.REGION).values()) == one.total[0]


def test_many_reports_in_one_message_count_once_each(registry: Cooperatives) -> None:
    """Two rows of one business are one business."""
    rows = [{"owner": person(), "business": trade(workers=2)}, {"owner": person(), "business": trade(workers=5)}]
    registry.accept("registry.business.report_many", {"reports": rows}, time=SEEN)
    fold_all(registry)
    (figures,) = [one for one in registry.all(FIGURES) if one.region == "12.71"]
    assert figures.total == (1, 5)


def test_an_answer_examines_one_document_for_each_region_above() -> None:
    """Over any number of businesses: the region's own figures and those it could be reckoned from, here three."""
    registry = Cooperatives()
    message = registry.message(MEDAN, "registry.statistics.request", {"of": "businesses", "by": "status"})
    task = registry.task(message)
    registry.persons(4, MEDAN)
    fold_all(registry)
    working = registry.load([task])
    task.decide(message, working, registry.now)
    assert len(working.of(FIGURES)) == 3
    assert not working.of(PAST_FIGURES)
    assert not working.of(BUSINESSES)


def test_figures_of_many_days_are_one_document_a_day() -> None:
    """The index runs backwards: the first past figures found after a day are the latest before it."""
    at = datetime(2026, 1, 1, 3, tzinfo=UTC)
    movements = [
        Movement(
            movement_id=f"b-{number}:1",
            of="businesses",
            at=at + timedelta(days=number // 2),
            after=counting.Counted(region="12.71", words={"status": "terdata"}, amount=0),
        )
        for number in range(20)
    ]
    after = counting.folded([], movements)
    of_nation = sorted((one.past_id, one.day, one.total[0]) for one in after.past if one.region == "00")
    assert [count for _, _, count in of_nation] == list(range(18, 0, -2))
    asked = counting.just_before("businesses", "00", date(2026, 1, 4))
    assert next(day for id_, day, _ in of_nation if id_ > asked) == date(2026, 1, 4)


def test_a_coverage_is_not_told_of_a_figure_that_is_not() -> None:
    """It would tell the count to whoever can multiply."""
    one = counting.Counted(region="12.71.01", words={"status": "terdata"}, amount=0)
    movement = Movement(movement_id="b:1", of="businesses", at=datetime(2026, 1, 1, tzinfo=UTC), after=one)
    (figures,) = [each for each in counting.folded([], [movement]).figures if each.region == "12.71"]
    told: StatisticsState = statistics.state(figures, [], None, DAY, OutsideFigure(value=100, source="BPS"))
    assert (told.count, told.coverage, told.workers) == (None, None, None)
