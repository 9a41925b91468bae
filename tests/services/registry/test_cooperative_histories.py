"""Histories of cooperatives: whatever order messages come in and however often clocks look, these things hold."""

from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.registry import cooperative_rules as rules
from services.registry.cooperative import public
from shared.contracts.catalogue import TYPES
from shared.reference.personal import find_personal
from tests.services.registry.cooperative_samples import Cooperatives, coop
from tests.services.registry.memory import MEDAN, SEEN

years = st.integers(1990, 2060)
days = st.dates(date(1990, 1, 1), date(2060, 12, 31))

# --- the calendar -----------------------------------------------------------------------------------------------------


@given(years, days)
def test_missed_years_are_the_deadlines_that_have_passed(held: int, today: date) -> None:
    """Counted one by one, which is slower and cannot be wrong."""
    passed = [year for year in range(held + 1, 2062) if rules.rat_deadline(year) < today]
    assert rules.missed_years(held, today) == len(passed)


@given(years, days)
def test_nothing_changes_until_the_day_that_was_said(held: int, today: date) -> None:
    """The clock sleeps until then; if it slept too long, a status would be late."""
    now = rules.standing(held, today)
    if now.look_again is None:
        assert now.status == rules.TIDAK_AKTIF
        return
    assert now.look_again > today
    assert rules.standing(held, now.look_again - timedelta(days=1)).status == now.status
    assert rules.standing(held, now.look_again).status != now.status


@given(days)
def test_what_was_due_before_is_not_held_against_whom_we_have_only_just_met(today: date) -> None:
    first = rules.first_counted(today)
    assert rules.rat_deadline(first) >= today > rules.rat_deadline(first - 1)
    assert rules.standing(first - 1, today).status == rules.AKTIF


# --- histories --------------------------------------------------------------------------------------------------------

told = st.fixed_dictionaries(
    {"agency_ref": st.sampled_from(["K-0", "K-1", "K-2"])},
    optional={
        "name": st.sampled_from(["Koperasi Satu", "Koperasi Dua"]),
        "jenis": st.sampled_from(["konsumen", "simpan_pinjam"]),
        "kelompok": st.sampled_from(["ksu", "kud"]),
        "members": st.fixed_dictionaries({"count": st.integers(0, 90), "as_of": st.just("2025-12-31")}),
        "last_rat": st.integers(2021, 2025).flatmap(
            lambda year: st.fixed_dictionaries(
                {"book_year": st.just(year), "held_on": st.sampled_from([f"{year + 1}-01-09", f"{year + 1}-02-01"])}
            )
        ),
        "standing": st.sampled_from(["aktif", "tidak_aktif"]),
    },
)
reports = st.tuples(told, st.integers(0, 4).map(lambda number: SEEN + timedelta(days=number)))


def whole(report: dict[str, Any]) -> dict[str, Any]:
    """A report that could also be the first of its cooperative."""
    number = report["agency_ref"]
    return coop(**{"legal": {"number": f"{number}/BH", "date": "2010-05-01"}, **report})


def end_state(numbered: list[tuple[str, tuple[dict[str, Any], Any]]]) -> list[Any]:
    registry = Cooperatives()
    for id_, (report, seen) in numbered:
        assert not registry.tell(whole(report), id=id_, time=seen).problems
    registry.day("2026-07-01")
    ignored = {"cooperative_id", "sequence", "cause", "status_since"}
    return sorted((one.agency_refs[MEDAN], one.model_dump(exclude=ignored)) for one in registry.cooperatives())


@settings(max_examples=60, deadline=None)
@given(st.lists(reports, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_reports_in_any_order_and_doubled_end_in_one_state(sent: list[Any], rng: Any) -> None:
    """Per field the newest observation wins, meetings are added up, and the status follows from both."""
    numbered = [(f"m-{place}", one) for place, one in enumerate(sent)]
    shuffled = numbered * 2
    rng.shuffle(shuffled)
    assert end_state(shuffled) == end_state(numbered)


looks = st.lists(st.dates(date(2026, 3, 3), date(2030, 12, 31)), max_size=8)


def lived(sent: list[Any], looked: list[date]) -> Cooperatives:
    registry = Cooperatives()
    for report, seen in sent:
        registry.tell(whole(report), time=seen)
    for day in sorted(looked):
        registry.day(day.isoformat())
    return registry


@settings(max_examples=60, deadline=None)
@given(st.lists(reports, min_size=1, max_size=4), looks, looks)
def test_however_often_the_clock_looks_the_status_is_the_same(
    sent: list[Any], one: list[date], other: list[date]
) -> None:
    """Downtime is a clock that looks seldom. Since when is the same too: it is of the calendar, not of the look."""
    ends = []
    for looked in (one, other):
        registry = lived(sent, [*looked, date(2031, 1, 1)])
        ends.append(
            sorted((each.agency_refs[MEDAN], each.status, each.status_since) for each in registry.cooperatives())
        )
        told_so_far = len(registry.facts)
        registry.day("2031-01-01")
        assert len(registry.facts) == told_so_far, "a clock that looks again tells nothing new"
    assert ends[0] == ends[1]


@settings(max_examples=40, deadline=None)
@given(st.lists(reports, min_size=1, max_size=4), looks)
def test_the_last_event_of_each_cooperative_carries_its_state_and_nobody(sent: list[Any], looked: list[date]) -> None:
    """Level, not edge; sequences without gaps (the memory holds them); no personal data."""
    registry = lived(sent, looked)
    for one in registry.cooperatives():
        own = [fact for fact in registry.facts if fact.subject == one.cooperative_id]
        assert [fact.sequence for fact in own] == list(range(1, one.sequence + 1))
        assert own[-1].data.model_dump()["cooperative"] == public(one).model_dump()
    for fact in registry.facts:
        assert find_personal(fact.data.model_dump_json()) is None
        assert fact.type in TYPES
