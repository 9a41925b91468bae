"""Money of a budget line moves by entries, adds up, and is never more than there is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.aid import ledger
from services.aid.absorption import forecast
from services.aid.ledger import COMMITTED, RESERVED, Account, Holder, Line, Posted
from services.aid.store import ACCOUNTS, ENTRIES
from shared.decision import Cause, Decision
from shared.kernel.state import WorkingSet
from tests import samples
from tests.samples import MEDAN, SIANTAR
from tests.services.aid.memory import Memory

TODAY = date(2026, 3, 2)
CAUSE = Cause(correlation_id="chain", causation_id="message")
DECREE = {"number": "DPPA-7/2026", "date": "2026-02-20"}


def line(pagu: int) -> Posted:
    (posted,) = ledger.allotted(
        [Line("line", "apbd", "2.17.05", "murni", pagu)], [None], Holder(MEDAN, "12.71", 2026, CAUSE, TODAY)
    )
    return posted


# --- movements --------------------------------------------------------------------------------------------------------


def test_the_published_payments_come_out_to_the_rupiah() -> None:
    """Issue 6: payments of 1, 2 … 1,002 rupiah add up to 502,503; with one cancelled 501,502 is paid: that of 1,001."""
    total, paid = sum(range(1, 1003)), 501_502
    cancelled = total - paid
    posted = line(total)
    for amount in range(1, 1003):
        posted = posted.reserve(f"grant-{amount}", amount, TODAY).commit(f"grant-{amount}", amount, TODAY)
    assert (posted.account.committed, posted.account.available) == (502_503, 0)
    for amount in range(1, 1003):
        if amount == cancelled:
            posted = posted.release(f"grant-{amount}", amount, COMMITTED, TODAY)
        else:
            posted = posted.realise(f"grant-{amount}", 1, amount, TODAY)
    assert (cancelled, total) == (1001, 502_503)
    assert ledger.balances(posted.account) == ledger.derived(posted.entries)
    assert ledger.balances(posted.account) == {
        "pagu": 502_503,
        "reserved": 0,
        "committed": 0,
        "realised": 501_502,
        "released": 1001,
    }


def test_the_last_rupiah_can_be_reserved_and_not_one_more() -> None:
    account = line(100).reserve("grant-1", 99, TODAY).account
    assert ledger.affords(account, 1)
    assert not ledger.affords(account, 2)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda posted: posted.reserve("grant-2", 41, TODAY),
        lambda posted: posted.commit("grant-1", 61, TODAY),
        lambda posted: posted.realise("grant-1", 1, 1, TODAY),
        lambda posted: posted.release("grant-1", 61, RESERVED, TODAY),
        lambda posted: posted.release("grant-1", 1, COMMITTED, TODAY),
        lambda posted: posted.reserve("grant-2", -1, TODAY),
        lambda posted: posted.ceiling("revise", 59, TODAY, "revised"),
    ],
)
def test_what_the_ledger_cannot_bear_is_an_error_whoever_asks(wrong: Any) -> None:
    """Refusals come before; should one be missing, the message is held and nothing is committed."""
    with pytest.raises(ValueError, match="cannot bear"):
        wrong(line(100).reserve("grant-1", 60, TODAY))


def test_every_movement_is_named_by_the_grant_and_by_what_happened() -> None:
    """So that it cannot be entered twice: the id of the entry is taken."""
    posted = line(100).reserve("g", 60, TODAY).commit("g", 60, TODAY).realise("g", 1, 20, TODAY)
    posted = posted.realise("g", 2, 30, TODAY).release("g", 10, COMMITTED, TODAY)
    names = [one.entry_id for one in posted.entries[1:]]
    assert names == ["g:reserve", "g:commit", "g:realise:1", "g:realise:2", "g:release"]
    assert [one.number for one in posted.entries] == [1, 2, 3, 4, 5, 6]
    assert [fact.sequence for fact in posted.facts] == [1, 2, 3, 4, 5, 6]


# --- histories --------------------------------------------------------------------------------------------------------


@dataclass
class Bookkeeper:
    """Grants of one line and where their money is, kept in another way than the ledger keeps it."""

    pagu: int
    money: dict[str, tuple[str, int]] = field(default_factory=dict)
    paid: int = 0
    released: int = 0

    def held(self, where: str) -> int:
        return sum(amount for place, amount in self.money.values() if place == where)

    @property
    def free(self) -> int:
        return self.pagu - self.held(RESERVED) - self.held(COMMITTED) - self.paid

    def balances(self) -> dict[str, int]:
        held = {name: self.held(name) for name in (RESERVED, COMMITTED)}
        return {"pagu": self.pagu, **held, "realised": self.paid, "released": self.released}


ACTS = st.tuples(st.sampled_from(["reserve", "commit", "pay", "release", "revise"]), st.integers(0, 11), st.integers(0))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 500), st.lists(ACTS, max_size=40))
def test_the_ledger_adds_up_after_every_step_of_every_history(pagu: int, acts: list[tuple[str, int, int]]) -> None:
    """Reserved, committed and realised are never above the ceiling, and the balances are the sum of the entries."""
    posted, books = line(pagu), Bookkeeper(pagu)
    for what, which, amount in acts:
        posted = act(posted, books, what, f"grant-{which}", amount)
        assert ledger.balances(posted.account) == books.balances() == ledger.derived(posted.entries)
        assert 0 <= posted.account.claimed <= posted.account.pagu
        assert sum(posted.account.realised_by_month) == posted.account.realised
    assert len({one.entry_id for one in posted.entries}) == len(posted.entries)


def act(posted: Posted, books: Bookkeeper, what: str, grant: str, amount: int) -> Posted:
    """One step, if it is one that a decision would take."""
    place, held = books.money.get(grant, ("", 0))
    if what == "reserve" and grant not in books.money and ledger.affords(posted.account, amount % 200):
        books.money[grant] = (RESERVED, amount % 200)
        return posted.reserve(grant, amount % 200, TODAY)
    if what == "commit" and place == RESERVED:
        books.money[grant] = (COMMITTED, held)
        return posted.commit(grant, held, TODAY)
    if what == "pay" and place == COMMITTED:
        part = amount % (held + 1)
        books.paid += part
        books.released += held - part
        books.money[grant] = ("paid", 0)
        return posted.realise(grant, 1, part, TODAY).release(grant, held - part, COMMITTED, TODAY)
    if what == "release" and place in {RESERVED, COMMITTED}:
        books.released += held
        books.money[grant] = ("released", 0)
        return posted.release(grant, held, place, TODAY)
    if what == "revise" and amount % 700 >= books.pagu - books.free:
        books.pagu = amount % 700
        return posted.ceiling("revise", amount % 700, TODAY, "revised")
    return posted


# --- lines of programmes and of agencies ------------------------------------------------------------------------------


@pytest.fixture
def memory() -> Memory:
    made = Memory()
    made.know_agency()
    return made


def only_line(memory: Memory) -> Account:
    (account,) = memory.all(ACCOUNTS)
    return account


def test_opening_a_programme_allots_its_lines(memory: Memory) -> None:
    """One for each source; the revised figure of a source takes the place of the original (S1-03, S1-17)."""
    budget = [
        {"source": "apbd", "version": "murni", "pagu": 100},
        {"source": "apbd", "version": "perubahan", "pagu": 150},
        {"source": "csr", "version": "murni", "pagu": 7},
        {"source": "apbd", "version": "murni", "line": "2.17.05", "pagu": 20},
    ]
    programme_id = memory.open(budget=budget)
    found = {(one.source, one.line): (one.version, one.pagu) for one in memory.all(ACCOUNTS)}
    assert found == {
        ("apbd", programme_id): ("perubahan", 150),
        ("csr", programme_id): ("murni", 7),
        ("apbd", "2.17.05"): ("murni", 20),
    }
    assert {fact.type for fact in memory.facts if fact.type.startswith("aid.budget.")} == {"aid.budget.allotted"}


def test_two_programmes_share_a_line_that_has_a_name(memory: Memory) -> None:
    """One ceiling for both, not the sum: the second pays from the line as it is."""
    for _ in range(2):
        memory.open(budget=[{"source": "apbd", "line": "2.17.05", "pagu": 100}])
    assert only_line(memory).pagu == 100


def test_a_line_is_allotted_once(memory: Memory) -> None:
    data = {"fiscal_year": 2026, "source": "apbd", "line": "2.17.05", "pagu": 100}
    assert memory.send("aid.budget.allot", data).result["outcome"] == "allotted"
    refused = memory.send("aid.budget.allot", data)
    assert [(one.code, one.field) for one in refused.problems] == [("budget.exists", "data.line")]


def revised(memory: Memory, pagu: int, **changes: Any) -> Any:
    data = {"budget_id": only_line(memory).budget_id, "pagu": pagu, "decree": DECREE, **changes}
    return memory.send("aid.budget.revise", data)


def test_a_ceiling_is_revised_once_a_year_up_or_down(memory: Memory) -> None:
    """P-APBD (S1-03); once more only in an emergency, which is flagged for everybody to see."""
    memory.open()
    assert revised(memory, 200_000_000).result["outcome"] == "revised"
    assert only_line(memory).version == "perubahan"
    again = revised(memory, 100_000_000)
    assert [one.code for one in again.problems] == ["budget.revised_already"]
    urgent = revised(memory, 100_000_000, emergency=True)
    assert [one.code for one in urgent.warnings] == ["budget.emergency"]
    assert [(one.pagu_before, one.pagu, one.emergency) for one in only_line(memory).revisions] == [
        (150_000_000, 200_000_000, False),
        (200_000_000, 100_000_000, True),
    ]
    assert ledger.derived(memory.all(ENTRIES)) == ledger.balances(only_line(memory))


def test_the_same_ceiling_again_changes_nothing(memory: Memory) -> None:
    memory.open()
    assert revised(memory, 150_000_000).result["outcome"] == "unchanged"
    assert only_line(memory).version == "murni"


@pytest.mark.parametrize(
    ("pagu", "code"), [(59, "budget.below_committed"), (99, "budget.below_reserved"), (100, None), (101, None)]
)
def test_a_ceiling_does_not_go_below_what_is_promised(memory: Memory, pagu: int, code: str | None) -> None:
    """Not in an emergency either: what is decided is owed."""
    memory.open()
    account = only_line(memory)
    posted = Posted(account).reserve("a", 60, TODAY).commit("a", 60, TODAY).reserve("b", 40, TODAY)
    memory.commit(Decision(changes=posted.changes, facts=posted.facts), WorkingSet())
    refused = revised(memory, pagu, emergency=True)
    assert [one.code for one in refused.problems] == ([code] if code else [])


def test_another_agency_and_a_decree_of_tomorrow_change_no_ceiling(memory: Memory) -> None:
    memory.know_agency(SIANTAR, "12.72")
    memory.open()
    tomorrow = {**DECREE, "date": "2026-03-03"}
    assert [one.code for one in revised(memory, 1, decree=tomorrow).problems] == ["decree.date_in_future"]
    data = {"budget_id": only_line(memory).budget_id, "pagu": 1, "decree": DECREE}
    refused = memory.send("aid.budget.revise", data, SIANTAR)
    assert [one.code for one in refused.problems] == ["authority.region"]
    unknown = memory.send("aid.budget.revise", {**data, "budget_id": "none"})
    assert [(one.code, one.field) for one in unknown.problems] == [("budget.unknown", "data.budget_id")]


def test_a_year_that_is_over_is_not_revised(memory: Memory) -> None:
    memory.open()
    memory.later(days=310)
    assert [one.code for one in revised(memory, 1).problems] == ["budget.year_over"]


# --- how far it is used up --------------------------------------------------------------------------------------------


def test_four_months_are_left_on_the_first_of_september() -> None:
    """S1-06: "Di empat bulan yang tersisa di tahun ini"."""
    ahead = forecast(1000, [50] * 8 + [0] * 4, 2026, date(2026, 9, 1))
    assert (ahead.months_left, ahead.percent) == (4, 40.0)
    assert (ahead.realised_by_year_end, ahead.percent_by_year_end, ahead.needed_each_month) == (600, 60.0, 150)


@pytest.mark.parametrize(
    ("on", "by_month", "ending"),
    [
        (date(2026, 1, 20), [90] + [0] * 11, None),
        (date(2026, 2, 20), [90, 10] + [0] * 10, 1000),
        (date(2026, 11, 1), [10] * 10 + [0] * 2, 120),
        (date(2026, 11, 9), [10] * 10 + [70, 0], 180),
        (date(2027, 3, 1), [10] * 12, 120),
        (date(2025, 12, 1), [0] * 12, None),
    ],
)
def test_the_year_ends_as_the_months_that_are_over_went(on: date, by_month: list[int], ending: int | None) -> None:
    """Never above the ceiling; without a month that is over there is no pace to go by."""
    assert forecast(1000, by_month, 2026, on).realised_by_year_end == ending


def test_a_line_that_lags_is_told_of_once_for_each_month_that_is_looked_at(memory: Memory) -> None:
    """S0-17. After a downtime only the latest month counts; a line that keeps up is left alone."""
    memory.open()
    memory.work()
    assert memory.told("aid.budget.lagging") == []
    memory.now = datetime(2026, 3, 31, 17, 0, tzinfo=UTC)  # midnight in Medan
    memory.work()
    memory.work()
    (told,) = memory.told("aid.budget.lagging")
    assert told.data.model_dump()["budget"]["behind"] == 15
    assert told.cause is not None
    memory.now = datetime(2026, 10, 5, tzinfo=UTC)
    memory.work()
    assert [fact.data.model_dump()["budget"]["behind"] for fact in memory.told("aid.budget.lagging")] == [15, 65]
    memory.later(days=400)
    memory.work()
    assert only_line(memory).look_on is None


def test_a_line_that_catches_up_lags_no_more() -> None:
    """A flag goes when its cause goes."""
    lagging = ledger.looked_at(line(100).account, date(2026, 4, 1)).account
    paid = Posted(lagging).reserve("a", 20, TODAY).commit("a", 20, TODAY).realise("a", 1, 14, TODAY)
    assert paid.account.behind == 15
    assert paid.realise("a", 2, 1, TODAY).account.behind is None


def test_a_line_that_keeps_up_is_not_told_of() -> None:
    paid = line(100).reserve("a", 15, TODAY).commit("a", 15, TODAY).realise("a", 1, 15, TODAY)
    looked = ledger.looked_at(paid.account, date(2026, 4, 1))
    assert (looked.facts, looked.account.behind, looked.account.look_on) == ((), None, date(2026, 7, 1))


# --- questions --------------------------------------------------------------------------------------------------------


def asked(memory: Memory, account: str = MEDAN, **data: Any) -> Any:
    return memory.send("aid.budget.request", data, account, None)


def test_an_agency_asks_how_much_is_left(memory: Memory) -> None:
    """Its own region's lines of this year, with how far they are used up."""
    memory.open()
    (found,) = asked(memory).answer
    assert (found["budget"]["pagu"], found["available"]) == (150_000_000, 150_000_000)
    assert found["absorption"]["months_left"] == 10
    assert asked(memory, fiscal_year=2025).answer == []
    assert asked(memory, agency=MEDAN).answer == [found]


def test_the_entries_of_a_line_come_page_by_page_and_add_up(memory: Memory) -> None:
    """Whoever asks can derive the balances."""
    memory.open()
    revised(memory, 200_000_000)
    id_ = only_line(memory).budget_id
    first = asked(memory, budget_id=id_, limit=1)
    second = asked(memory, budget_id=id_, limit=1, after=first.next)
    assert second.next is None
    entries = [*first.answer["entries"], *second.answer["entries"]]
    assert {one["kind"]: one["amount"] for one in entries} == {"allot": 150_000_000, "revise": 50_000_000}
    assert asked(memory, budget_id="none").problems[0].code == "budget.unknown"


def test_pages_of_lines_follow_one_another(memory: Memory) -> None:
    for _ in range(3):
        memory.open()
    first = asked(memory, limit=2)
    second = asked(memory, limit=2, after=first.next)
    found = [one["budget"]["budget_id"] for one in (*first.answer, *second.answer)]
    assert (len(first.answer), second.next) == (2, None)
    assert sorted(found) == sorted(one.budget_id for one in memory.all(ACCOUNTS))


def test_a_neighbour_is_told_nothing_and_a_province_everything_within(memory: Memory) -> None:
    """S3-06."""
    memory.know_agency(SIANTAR, "12.72")
    sumut = samples.agency("dinkop-sumut", region="12", level="province")
    memory.hear("registry.agency.registered", sumut, 1)
    memory.open()
    assert asked(memory, SIANTAR).answer == []
    assert [one.code for one in asked(memory, SIANTAR, agency=MEDAN).problems] == ["authority.region"]
    assert [one.code for one in asked(memory, SIANTAR, region="12.71").problems] == ["authority.region"]
    id_ = only_line(memory).budget_id
    assert [one.code for one in asked(memory, SIANTAR, budget_id=id_).problems] == ["authority.region"]
    assert len(asked(memory, "dinkop-sumut").answer) == 1


def test_the_year_of_a_region_begins_at_its_own_midnight(memory: Memory) -> None:
    """2027 has begun in Medan when it has not in Greenwich."""
    memory.now = datetime(2026, 12, 31, 17, 30, tzinfo=UTC)
    memory.open(fiscal_year=2027)
    assert len(asked(memory).answer) == 1
    memory.now -= timedelta(hours=1)
    assert asked(memory).answer == []
