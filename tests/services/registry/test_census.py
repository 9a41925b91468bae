"""Censuses (S1-20): targets by kelurahan, one verdict for each business, and the list of those never visited."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.registry.store import CENSUSES, VISITS
from shared.contracts.authority import official_id
from tests.services.registry.cooperative_samples import Cooperatives
from tests.services.registry.memory import MEDAN, SEEN, SIANTAR, codes

TARGETS = [{"region": "12.72.01.1001", "target": 3}, {"region": "12.72.02", "target": 2}]
OPEN = {"name": "Pendataan ulang 2026", "region": "12.72", "deadline": "2026-06-30", "targets": TARGETS}


@pytest.fixture
def registry() -> Cooperatives:
    return Cooperatives()


def opened(registry: Cooperatives) -> str:
    return str(registry.accept("registry.census.open", OPEN, SIANTAR, actor="kadis")["census_id"])


def visit(registry: Cooperatives, census_id: str, business: dict[str, str], verdict: str, **about: Any) -> Any:
    account, told = about.pop("account", SIANTAR), {"census_id": census_id, "verdict": verdict}
    told |= {"workers": workers} if (workers := about.pop("workers", None)) is not None else {}
    told |= {"business_id": business["business_id"], "enumerator": "petugas-7"}
    return registry.send("registry.census.record", told, account, **{"time": SEEN, **about})


def answer(registry: Cooperatives, census_id: str, **about: Any) -> Any:
    return registry.send("registry.census.request", {"census_id": census_id, **about}, SIANTAR)


def parts(told: Any) -> dict[str, tuple[int, ...]]:
    rows = told["census"]["parts"]
    return {row["region"]: tuple(row[name] for name in ("target", "found", "moved", "closed", "new")) for row in rows}


def test_progress_is_by_kelurahan_and_those_never_visited_are_named(registry: Cooperatives) -> None:
    """S1-20, S1-24: who has never been seen is the point of it."""
    census_id = opened(registry)
    here, there, elsewhere = (
        registry.persons(number, SIANTAR, region)
        for number, region in ((3, "12.72.01.1001"), (2, "12.72.02.1001"), (1, "12.72.03"))
    )
    for business, verdict in zip((*here[:2], there[0], *elsewhere), ("found", "closed", "new", "moved"), strict=True):
        assert visit(registry, census_id, business, verdict).result["outcome"] == "recorded"
    told = answer(registry, census_id).answer
    assert parts(told) == {
        "12.72.01.1001": (3, 1, 0, 1, 0),
        "12.72.02": (2, 0, 0, 0, 1),
        "tidak_dirinci": (0, 0, 1, 0, 0),
    }
    assert (told["census"]["target"], told["census"]["visited"]) == (5, 4)
    missed = {one["business_id"] for one in told["never_visited"]}
    assert missed == {here[2]["business_id"], there[1]["business_id"]}
    first = answer(registry, census_id, limit=4)
    rest = answer(registry, census_id, limit=4, after=first.next)
    assert {one["business_id"] for page in (first, rest) for one in page.answer["never_visited"]} == missed
    assert {one.enumerator for one in registry.all(VISITS)} == {official_id(SIANTAR, "petugas-7")}


def test_a_census_counts_who_lives_from_the_businesses(registry: Cooperatives) -> None:
    """S4-05: of those that told, and how many those are; of two words the newer counts, and a closed one has none."""
    census_id, people = opened(registry), registry.persons(4, SIANTAR, "12.72.01.1001")
    for place, workers in enumerate((3, 0, None)):
        visit(registry, census_id, people[place], "found", workers=workers)
    visit(registry, census_id, people[0], "moved", workers=5, time=SEEN + timedelta(days=1))
    assert codes(visit(registry, census_id, people[3], "closed", workers=2)) == [
        ("census.workers_of_closed", "data.workers")
    ]
    census = answer(registry, census_id).answer["census"]
    assert (census["visited"], census["workers"], census["workers_told"]) == (3, 5, 2)
    (part, _) = census["parts"]
    assert (part["found"], part["moved"], part["workers"], part["workers_told"]) == (2, 1, 5, 2)


def test_a_visit_changes_nothing_about_the_business(registry: Cooperatives) -> None:
    """That it is closed is for an official to decide."""
    census_id, (business,) = opened(registry), registry.persons(1)
    visit(registry, census_id, business, "closed")
    assert registry.business(business["business_id"]).status == "terdata"


def test_a_census_is_over_after_its_last_day_and_says_so_once(registry: Cooperatives) -> None:
    census_id, (business,) = opened(registry), registry.persons(1)
    visit(registry, census_id, business, "found")
    for day in (1, 1, 2):
        registry.day(f"2026-07-{day:02d}")
    told = [fact.type for fact in registry.facts if fact.subject == census_id]
    assert told == ["registry.census.opened", "registry.census.closed"]
    state = registry.facts[-1].data.model_dump()["census"]
    assert (state["status"], state["visited"], state["target"]) == ("selesai", 1, 5)
    assert codes(visit(registry, census_id, business, "moved")) == [("census.over", "data.census_id")]


def test_what_cannot_be_is_refused_with_its_place(registry: Cooperatives) -> None:
    census_id, (business,), (medan,) = opened(registry), registry.persons(1), registry.persons(1, MEDAN)
    assert codes(visit(registry, "no", business, "found")) == [("census.not_found", "data.census_id")]
    assert codes(visit(registry, census_id, medan, "found")) == [("census.elsewhere", "data.business_id")]
    assert codes(visit(registry, census_id, {"business_id": "no"}, "found")) == [
        ("business.not_found", "data.business_id")
    ]
    assert codes(visit(registry, census_id, business, "found", account=MEDAN)) == [
        ("authority.region", "data.census_id")
    ]
    overlapping = [*TARGETS, {"region": "12.72.02.1001", "target": 1}, {"region": "12.71.01", "target": 1}]
    told = {**OPEN, "deadline": "2026-03-01", "targets": overlapping}
    assert codes(registry.send("registry.census.open", told, SIANTAR, actor="kadis")) == [
        ("census.deadline_past", "data.deadline"),
        ("census.target_twice", "data.targets.2.region"),
        ("census.elsewhere", "data.targets.3.region"),
    ]
    assert len(registry.all(CENSUSES)) == 1


visits = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["found", "moved", "closed", "new"]), st.integers(0, 3)),
    min_size=1,
    max_size=10,
)


@settings(max_examples=40, deadline=None)
@given(visits, st.randoms(use_true_random=False))
def test_visits_in_any_order_and_doubled_end_in_one_count(told: list[tuple[int, str, int]], rng: Any) -> None:
    """Enumerators send when they have a signal; the newest observation of a business stands, each counts once."""
    numbered = [(f"v-{place}", one) for place, one in enumerate(told)]
    shuffled = numbered * 2
    rng.shuffle(shuffled)
    ends = []
    for sent in (numbered, shuffled):
        registry = Cooperatives()
        census_id, people = opened(registry), registry.persons(3, SIANTAR, "12.72.01.1001")
        for id_, (which, verdict, day) in sent:
            visit(registry, census_id, people[which], verdict, id=id_, time=SEEN + timedelta(days=day))
        census = answer(registry, census_id).answer["census"]
        assert census["visited"] == len({which for which, _, _ in told}) == len(registry.all(VISITS))
        ends.append(census["parts"])
    assert ends[0] == ends[1]
