"""Facts about people: who may tell them, what they mean, and that no order of telling lets one slip through."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.aid.candidate import Candidate
from services.aid.eligibility import judge_now
from services.aid.exclusion import Answer, Standing, heard, led, policy, reasons, verdict_on
from services.aid.store import BUSINESSES, ELIGIBILITIES, PROGRAMMES, STANDINGS
from shared.contracts.aid.eligibilities import EligibilityEvent
from shared.contracts.registry.owners import OwnerEvent
from shared.contracts.registry.persons import PersonEvent
from shared.decision import Decision
from tests import samples
from tests.services.aid.memory import Memory, business

BANK, DUKCAPIL = "bank-contoh", "dukcapil-medan"
TODAY = date(2026, 3, 2)
CHECKS = ["population_register", "death", "kur"]
CLEAR = {"population_register": True, "death": False, "civil_servant": False, "kur": False, "bank_credit": False}
"""The answer to each check that lets a person through."""


@pytest.fixture
def aid() -> Memory:
    return known()


def known() -> Memory:
    memory = Memory()
    memory.know_agency()
    for account, level in ((BANK, "bank"), ("bank-lain", "bank"), (DUKCAPIL, "opd")):
        agency = samples.agency(account, level=level, permitted=("aid.exclusion.report",))
        memory.hear("registry.agency.registered", agency, 1)
    return memory


def tell(
    memory: Memory, check: str, value: bool, person: str = "owner-of-business-1", by: str = "", on: str = "2026-03-01"
) -> Decision:
    account = by or (BANK if check in {"kur", "bank_credit"} else DUKCAPIL)
    fact = {"person": person, "check": check, "value": value, "observed_on": on}
    about = {"source": "sikp", "facts": [fact]}
    return memory.send("aid.exclusion.report", about, account, actor=None, time=memory.now)


def clear(memory: Memory, person: str = "owner-of-business-1", checks: Any = tuple(CHECKS)) -> None:
    for check in checks:
        tell(memory, check, CLEAR[check], person)


def match(memory: Memory, token: str, owner_id: str, sequence: int = 1) -> None:
    event = PersonEvent.model_validate({"person": {"token": token, "owner_id": owner_id}})
    memory.hear("registry.person.matched", event, sequence)


def join(memory: Memory, owner_id: str, into: str) -> None:
    event = OwnerEvent.model_validate({"owner": {"owner_id": owner_id, "identified": False, "joined_into": into}})
    memory.hear("registry.owner.joined", event, 1)


def verdict(memory: Memory, business_id: str = "business-1") -> str:
    (found,) = (one.verdict for one in memory.all(ELIGIBILITIES) if one.beneficiary_id == business_id)
    return found


# --- what a check means -----------------------------------------------------------------------------------------------


def answer(check: str, value: bool, agency: str = BANK, on: date = TODAY, id_: str = "1", person: str = "p") -> Answer:
    return Answer(
        person_id=person,
        check=check,
        value=value,
        agency=agency,
        source="sikp",
        observed_on=on,
        told_at=datetime(2026, 3, 2, 3, 0, tzinfo=UTC),
        intake_id=id_,
    )


def standing(*answers: Answer) -> Standing:
    return Standing(person_id="p", answers=answers)


@pytest.mark.parametrize("check", sorted(CLEAR))
def test_each_check_lets_through_bars_and_waits(check: str) -> None:
    """S1-24 and the audit of 2020: register, death, service, KUR, other credit."""
    assert verdict_on(None, [check], TODAY) == "waiting"
    assert verdict_on(standing(answer(check, CLEAR[check])), [check], TODAY) == "eligible"
    assert verdict_on(standing(answer(check, not CLEAR[check])), [check], TODAY) == "ineligible"


def test_what_bars_always_bars_also_where_no_programme_asks() -> None:
    """The dead, and who stands in no population register, receive nothing; credit is a matter of the programme."""
    assert verdict_on(standing(answer("death", True)), [], TODAY) == "ineligible"
    assert verdict_on(standing(answer("population_register", False)), [], TODAY) == "ineligible"
    assert verdict_on(standing(answer("kur", True)), [], TODAY) is None
    assert verdict_on(None, [], TODAY) is None


def test_a_credit_that_is_paid_off_stands_in_nobodys_way() -> None:
    """Of one bank the newest observation counts, in whatever order it tells them."""
    paid, owed = answer("kur", False, on=date(2026, 2, 1)), answer("kur", True, on=date(2025, 2, 1))
    for first, second in ((paid, owed), (owed, paid)):
        assert verdict_on(heard(heard(Standing(person_id="p"), first), second), ["kur"], TODAY) == "eligible"


def test_a_bank_does_not_answer_for_the_credits_of_another() -> None:
    """It says what it has lent itself: a later no of somebody else does not undo a yes."""
    known = standing(answer("kur", True, "bank-a", date(2026, 1, 1)), answer("kur", False, "bank-b", TODAY))
    assert verdict_on(known, ["kur"], TODAY) == "ineligible"


def test_of_what_anybody_may_know_the_newest_word_stands() -> None:
    """A register that had somebody for dead is put right by the next answer, whoever passes it on."""
    known = standing(answer("death", True, "opd-a", date(2026, 1, 1)), answer("death", False, "opd-b", TODAY))
    assert verdict_on(known, ["death"], TODAY) == "eligible"


def test_the_deciding_agency_is_told_which_check_it_was_and_from_whom() -> None:
    """And of those that nobody asked for only what stands in the way."""
    known = standing(answer("death", True, DUKCAPIL), answer("kur", False), answer("bank_credit", True))
    told = {one["check"]: one["verdict"] for one in reasons(known, ["kur", "civil_servant"], TODAY)}
    assert told == {"death": "ineligible", "kur": "eligible", "civil_servant": "waiting"}


def test_every_check_of_the_table_is_one_that_can_be_sent() -> None:
    assert set(policy(TODAY)) == set(CLEAR)


ANSWERS = st.builds(
    answer,
    st.sampled_from(sorted(CLEAR)),
    st.booleans(),
    st.sampled_from([BANK, DUKCAPIL]),
    st.dates(date(2026, 1, 1), date(2026, 1, 3)),
    st.sampled_from(["1", "2", "3"]),
    st.sampled_from(["p", "q"]),
)


@given(st.lists(ANSWERS, max_size=8, unique_by=lambda one: (one.check, one.agency, one.age)), st.randoms())
def test_what_stands_does_not_depend_on_when_the_ids_turn_out_to_be_one(answers: list[Answer], random: Any) -> None:
    """Facts come before, between and after the joins of ids."""
    before, after = Standing(person_id="q"), Standing(person_id="p")
    join_at = random.randrange(len(answers) + 1)
    shuffled = random.sample(answers, len(answers))
    for one in shuffled[:join_at]:
        if one.person_id == "q":
            before = heard(before, one)
        else:
            after = heard(after, one)
    found = led("q", 1, before, after)
    assert found is not None
    left, whole = found
    assert left is None
    for one in (*shuffled[join_at:], *shuffled):
        whole = heard(whole, one)
    expected = Standing(person_id="p", names={"q": 1})
    for one in answers:
        expected = heard(expected, one)
    assert whole == expected
    assert led("q", 1, whole, whole) is None


def test_a_token_that_leads_elsewhere_takes_its_facts_along(aid: Memory) -> None:
    """A NIK was recorded wrongly and is put right: the dead person is another one, and the owner is not punished for
    what an office has mistyped; an older word does not bring it back."""
    aid.open(criteria=[])
    aid.hear_of(business("a", owner_id="a"), 1)
    aid.hear_of(business("b", owner_id="b"), 1)
    tell(aid, "death", True, "token")
    tell(aid, "kur", True, "a")
    match(aid, "token", "a", 1)
    assert (verdict(aid, "a"), verdict(aid, "b")) == ("ineligible", "eligible")
    match(aid, "token", "b", 2)
    assert (verdict(aid, "a"), verdict(aid, "b")) == ("eligible", "ineligible")
    match(aid, "token", "a", 1)
    assert {one.person_id: one.ids for one in aid.all(STANDINGS)} == {"a": ("a",), "b": ("b", "token")}
    assert [one.check for kept in aid.all(STANDINGS) if kept.person_id == "a" for one in kept.answers] == ["kur"]


# --- who may say so ---------------------------------------------------------------------------------------------------


def refusals(decision: Decision) -> list[tuple[str, str | None]]:
    return [(one.code, one.field) for one in decision.problems]


def test_a_bank_says_nothing_about_deaths(aid: Memory) -> None:
    assert refusals(tell(aid, "death", True, by=BANK)) == [("exclusion.level", "data.facts.0.check")]
    assert not aid.all(STANDINGS)


def test_a_day_that_has_not_come_is_refused_and_nothing_of_the_report_is_taken(aid: Memory) -> None:
    facts = [{"person": "p", "check": "kur", "value": True, "observed_on": on} for on in ("2026-03-01", "2026-04-01")]
    about = {"source": "sikp", "facts": facts}
    decision = aid.send("aid.exclusion.report", about, BANK, actor=None, time=aid.now)
    assert refusals(decision) == [("exclusion.observed_in_future", "data.facts.1.observed_on")]
    assert not aid.all(STANDINGS)


def test_the_right_must_be_named(aid: Memory) -> None:
    """Who was given ``aid.*.*`` was not given this by the way."""
    aid.hear("registry.agency.registered", samples.agency("bank-c", level="bank", permitted=("aid.#",)), 1)
    assert refusals(tell(aid, "kur", True, by="bank-c")) == [("exclusion.not_permitted", "type")]


def test_an_older_answer_changes_nothing_and_is_told_so(aid: Memory) -> None:
    tell(aid, "kur", False, on="2026-02-01")
    decision = tell(aid, "kur", True, on="2026-01-01")
    assert [(one.code, one.field) for one in decision.warnings] == [("exclusion.outranked", "data.facts.0")]
    assert (decision.result["outcome"], decision.changes) == ("unchanged", [])


# --- what follows for who is assessed ---------------------------------------------------------------------------------


def test_nobody_is_eligible_before_the_required_checks_are_answered(aid: Memory) -> None:
    """Neither eligible nor refused; the answers decide, and no event says which of them it was."""
    aid.open(criteria=[], required_checks=CHECKS)
    aid.hear_of(business(), 1)
    assert verdict(aid) == "waiting"
    clear(aid)
    assert verdict(aid) == "eligible"
    tell(aid, "death", True, on="2026-03-02")
    assert verdict(aid) == "ineligible"
    said = [fact.data for fact in aid.told("aid.eligibility.assessed") if isinstance(fact.data, EligibilityEvent)]
    assert [one.eligibility.criteria[-1].code for one in said] == ["administrative_check"] * 3
    public = " ".join(one.model_dump_json() for one in said)
    assert not [word for word in ("death", "meninggal", 'kur"', "population", "owner-of") if word in public]


def test_a_fact_about_an_owner_reaches_every_business_of_the_owner(aid: Memory) -> None:
    aid.open(criteria=[])
    for one in ("business-1", "business-2"):
        aid.hear_of(business(one, owner_id="owner"), 1)
    tell(aid, "death", True, "owner")
    assert {verdict(aid, one) for one in ("business-1", "business-2")} == {"ineligible"}
    tell(aid, "death", False, "owner", on="2026-03-02")
    assert {verdict(aid, one) for one in ("business-1", "business-2")} == {"eligible"}


def test_a_person_who_is_erased_takes_the_facts_along(aid: Memory) -> None:
    """UU PDP 27/2022: and is then as unknown as before."""
    aid.open(criteria=[], required_checks=["kur"])
    aid.hear_of(business(), 1)
    tell(aid, "kur", False)
    erased = OwnerEvent.model_validate(
        {"owner": {"owner_id": "owner-of-business-1", "identified": False, "erased": True}}
    )
    aid.hear("registry.owner.erased", erased, 1)
    assert [one.answers for one in aid.all(STANDINGS)] == [()]
    assert verdict(aid) == "waiting"


def test_a_fact_that_comes_while_a_business_appears_is_not_missed(aid: Memory) -> None:
    """The decision about the business was taken before the fact was told, and committed after it: the second look
    meets it."""
    aid.open(criteria=[])
    aid.work()
    aid.delay = True
    aid.hear_of(business(), 1)
    aid.delay = False
    tell(aid, "death", True)
    aid.commit_oldest()
    assert verdict(aid) == "eligible"
    aid.later(seconds=3)
    aid.work()
    assert verdict(aid) == "ineligible"


ACTS: dict[str, Callable[[Memory], Any]] = {
    "business": lambda memory: memory.hear_of(business(owner_id="old"), 1),
    "moves": lambda memory: memory.hear_of(business(owner_id="owner"), 2),
    "second": lambda memory: memory.hear_of(business("business-2", owner_id="owner"), 1),
    "dead": lambda memory: tell(memory, "death", True, "token"),
    "registered": lambda memory: tell(memory, "population_register", True, "old"),
    "matched": lambda memory: match(memory, "token", "old"),
    "joined": lambda memory: join(memory, "old", "owner"),
    "open": lambda memory: memory.open(criteria=[], required_checks=["population_register"]),
}


@settings(max_examples=200, deadline=None)
@given(st.permutations(sorted(ACTS)), st.lists(st.sampled_from(sorted(ACTS.keys() - {"open"})), max_size=4), st.data())
def test_a_fact_finds_its_person_in_whatever_order_everything_becomes_known(
    order: list[str], again: list[str], data: st.DataObject
) -> None:
    """A token, a provisional record and the owner it turned out to be are one person; nothing slips through, neither
    the reason against nor the one that was awaited, also when every event comes twice."""
    memory = known()
    for act in (*order, *again):
        memory.later(seconds=1)
        memory.delay = data.draw(st.booleans())
        ACTS[act](memory)
        memory.delay = False
        if data.draw(st.booleans()):
            memory.commit_oldest()
        if data.draw(st.booleans()):
            memory.work(1)
    while memory.pending:
        memory.commit_oldest()
    memory.later(seconds=10)
    memory.work()
    (only,) = memory.all(STANDINGS)
    assert set(only.ids) == {"token", "old", "owner"}
    (programme,) = memory.all(PROGRAMMES)
    for one in memory.all(BUSINESSES):
        now = judge_now(Candidate(copy=one, on=TODAY, standing=only), programme)
        assert (verdict(memory, one.business_id), now.verdict) == ("ineligible", "ineligible")
