"""Histories of cooperatives: whatever order messages come in and however often clocks look, these things hold."""

from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.registry import cooperative_rules as rules
from services.registry.cooperative import public
from services.registry.store import MEMBERS
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
    ignored = {"cooperative_id", "sequence", "cause"}
    return sorted((one.agency_refs[MEDAN], one.model_dump(exclude=ignored)) for one in registry.cooperatives())


@settings(max_examples=60, deadline=None)
@given(st.lists(reports, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_reports_in_any_order_and_doubled_end_in_one_state(sent: list[Any], rng: Any) -> None:
    """Per field the newest observation wins, meetings are added up, and the status follows from both."""
    numbered = [(f"m-{place}", one) for place, one in enumerate(sent)]
    shuffled = numbered * 2
    rng.shuffle(shuffled)
    assert end_state(shuffled) == end_state(numbered)


# --- all messages -----------------------------------------------------------------------------------------------------

verbs = st.one_of(
    st.tuples(st.just("tell"), told),
    st.integers(2021, 2025).map(lambda year: ("record_rat", {"book_year": year, "held_on": f"{year + 1}-02-03"})),
    st.tuples(st.integers(2024, 2025), st.sampled_from(["sehat", "cukup_sehat"]), st.integers(0, 3)).map(
        lambda one: (
            "assess",
            {
                "book_year": one[0],
                "health_class": one[1],
                "score": 70 + one[2],
                "assessed_on": f"2026-02-0{one[2] + 4}",
            },
        )
    ),
    st.tuples(st.integers(2020, 2025), st.sampled_from(["turnover", "surplus"]), st.integers(0, 9)).map(
        lambda one: ("report_outcome", {"year": one[0], one[1]: one[2]})
    ),
    st.tuples(st.sampled_from(["enroll", "resign"]), st.integers(0, 3)),
    st.just(("dissolve", {"reason": "rapat_anggota"})),
)
steps = st.tuples(st.sampled_from(["K-0", "K-1", "K-2"]), verbs, st.integers(0, 4))


class Office(Cooperatives):
    """Three cooperatives, and people who may be members of them."""

    def __init__(self) -> None:
        super().__init__()
        self.people = self.persons(4, MEDAN)
        legal = {name: {"number": f"{name}/BH", "date": "2010-05-01"} for name in ("K-0", "K-1", "K-2")}
        self.ids = {name: self.known(agency_ref=name, legal=legal[name]) for name in legal}

    def take(self, number: int, step: tuple[str, tuple[str, Any], int]) -> None:
        """One message, which may be refused: what is refused changes nothing."""
        name, (verb, about), day = step
        id_, at, cooperative_id = f"m-{number}", SEEN + timedelta(days=day), self.ids[name]
        if verb == "tell":
            self.tell({**about, "agency_ref": name}, id=id_, time=at)
            return
        data = {"members": [self.people[about]]} if verb in {"enroll", "resign"} else about
        actor = "kadis" if verb in {"record_rat", "assess", "dissolve"} else None
        told = {"cooperative_id": cooperative_id, **data}
        self.send(f"registry.cooperative.{verb}", told, id=id_, time=at, actor=actor)

    def end(self) -> list[Any]:
        self.day("2026-07-01")
        ignored = {"sequence", "cause", "recorded_on"}
        states = [(self.cooperative(id_).model_dump(exclude=ignored)) for id_ in self.ids.values()]
        return [states, sorted(one.member_id for one in self.all(MEMBERS))]


@settings(max_examples=40, deadline=None)
@given(st.lists(steps, min_size=1, max_size=14), st.randoms(use_true_random=False))
def test_messages_of_cooperatives_in_any_order_among_each_other_and_doubled_end_in_one_state(
    sent: list[Any], rng: Any
) -> None:
    """What is told of one comes in its order, as the channel of one office brings it; what is told of others comes
    between, in any way. Each message comes twice, the second time at once or after more of the same."""
    straight, mixed = Office(), Office()
    for number, step in enumerate(sent):
        straight.take(number, step)
    lanes = {name: [(number, step) for number, step in enumerate(sent) if step[0] == name] for name in straight.ids}
    while any(lanes.values()):
        name = rng.choice([name for name, left in lanes.items() if left])
        for _ in range(2):
            mixed.take(*lanes[name][0])
        del lanes[name][0]
    assert mixed.end() == straight.end()


def is_observed(step: tuple[str, tuple[str, Any], int]) -> bool:
    """Not what officials decide; and of a meeting, by one word, since a second one of the same year is refused."""
    _, (verb, about), _ = step
    return verb in {"tell", "record_rat", "report_outcome"} and "last_rat" not in about


@settings(max_examples=40, deadline=None)
@given(st.lists(steps.filter(is_observed), max_size=10), st.randoms(use_true_random=False))
def test_what_is_observed_of_a_cooperative_may_come_in_any_order(sent: list[Any], rng: Any) -> None:
    """Reports, meetings and outcomes each have their time or their year: whatever order they come in, and doubled, they
    end in one state."""
    numbered = list(enumerate(sent))
    shuffled = numbered * 2
    rng.shuffle(shuffled)
    straight, mixed = Office(), Office()
    for number, step in numbered:
        straight.take(number, step)
    for number, step in shuffled:
        mixed.take(number, step)
    assert mixed.end() == straight.end()


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
