"""Opening and closing a programme: who may, what is refused, what is taken with a warning, what is told."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.aid.programme import Act, open_programme, pagu_in_force
from services.aid.store import ASSESSMENTS, PROGRAMMES
from shared.contracts.aid.programmes import BudgetLine, ProgrammeEvent, ProgrammeOpen
from shared.contracts.authority import official_id
from shared.contracts.registry.agencies import AgencyEvent, AgencyState
from shared.decision import Decision
from tests.samples import MEDAN, programme
from tests.services.aid.memory import Memory, business

TODAY = date(2026, 3, 2)


@pytest.fixture
def aid() -> Memory:
    memory = Memory()
    memory.know_agency()
    memory.know_agency("disperindagkop-kaltim", "64")
    return memory


def opened(**fields: Any) -> Decision:
    act = Act(MEDAN, official_id(MEDAN, "kadis"), TODAY)
    return open_programme(ProgrammeOpen.model_validate(programme(**fields)), "programme-1", act, known_items=())


def codes(decision: Decision) -> list[tuple[str, str | None]]:
    return [(one.code, one.field) for one in decision.problems]


def warned(decision: Decision) -> list[tuple[str, str | None]]:
    return [(one.code, one.field) for one in decision.warnings]


# --- opening ----------------------------------------------------------------------------------------------------------


def test_an_opened_programme_is_told_with_its_whole_state(aid: Memory) -> None:
    """Contract, "Events carry state": a reader works from the state, number 1 of its subject."""
    decision = aid.send("aid.programme.open", programme(apply_until="2026-06-30", how_to_apply="Loket Dinas, lantai 2"))
    fact, _ = decision.facts  # the other is of its budget line
    assert isinstance(fact.data, ProgrammeEvent)
    assert (fact.type, fact.sequence, fact.region) == ("aid.programme.opened", 1, "12.71")
    state = fact.data.programme.model_dump(mode="json", exclude_none=True)
    assert state.pop("programme_id") == fact.subject == decision.result["programme_id"]
    assert state.pop("status") == "open"
    assert state == programme(apply_until="2026-06-30", how_to_apply="Loket Dinas, lantai 2")
    assert decision.result == {"programme_id": fact.subject, "sequence": 1, "outcome": "opened"}
    assert decision.warnings == []


def test_two_programmes_may_have_one_name(aid: Memory) -> None:
    """S1-09: offices repeat a programme every year."""
    assert aid.open() != aid.open()


def test_a_programme_may_be_for_a_part_of_the_agencys_region(aid: Memory) -> None:
    """S3-06: a province acts in its regencies, a city in its kecamatan."""
    assert not aid.send("aid.programme.open", programme(region="12.71.01")).problems


@pytest.mark.parametrize(
    ("account", "actor", "fields", "expected"),
    [
        (MEDAN, "kadis", {"region": "12.72"}, [("authority.region", "data.region")]),
        (MEDAN, "kadis", {"region": "12"}, [("authority.region", "data.region")]),
        (MEDAN, "kabid", {}, [("actor.role", "actor")]),
        (MEDAN, None, {}, [("actor.required", "actor")]),
        (MEDAN, "walikota", {}, [("actor.unknown", "actor")]),
        ("dinkop-nowhere", "kadis", {}, [("authority.agency_unknown", "source")]),
        (
            MEDAN,
            "kadis",
            {"agency": "disperindagkop-kaltim"},
            [("programme.agency_differs", "data.agency")],
        ),
        (MEDAN, "kadis", {"apply_until": "2026-03-01"}, [("programme.apply_until_past", "data.apply_until")]),
        (
            MEDAN,
            "kadis",
            {"criteria": [{"type": "any", "criteria": [{"type": "never_received"}] * 17}] * 3},
            [("criteria.too_many", "data.criteria")],
        ),
    ],
)
def test_what_may_not_be_opened_changes_nothing(
    aid: Memory, account: str, actor: str | None, fields: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    """Each refusal with its stable code and where it stands; nothing is stored and nothing told."""
    decision = aid.send("aid.programme.open", programme(**fields), account, actor)
    assert codes(decision) == expected
    assert not aid.facts
    assert not aid.all(PROGRAMMES)


def test_an_agency_that_is_not_permitted_opens_nothing(aid: Memory) -> None:
    """What an agency may send is said when it is registered."""
    state = AgencyState(
        agency="opd-medan", name="OPD", level="opd", region="12.71", permitted=("registry.#",), status="active"
    )
    aid.hear("registry.agency.registered", AgencyEvent(agency=state), 1)
    decision = aid.send("aid.programme.open", programme(agency="opd-medan"), "opd-medan")
    assert codes(decision) == [("authority.type_not_permitted", "type")]


def test_all_that_is_wrong_is_said_at_once() -> None:
    """An official should not have to send four times to learn of four mistakes."""
    decision = opened(agency="dinkop-siantar", apply_until="2020-01-01")
    assert [one.code for one in decision.problems] == ["programme.agency_differs", "programme.apply_until_past"]


def test_the_last_day_to_apply_is_a_day_of_the_region(aid: Memory) -> None:
    """At 17:30 UTC it is still the second in Medan (WIB) and already the third in Samarinda (WITA)."""
    aid.now = datetime(2026, 3, 2, 16, 30, tzinfo=UTC)
    assert not aid.send("aid.programme.open", programme(apply_until="2026-03-02")).problems
    kaltim = programme(agency="disperindagkop-kaltim", region="64.72", apply_until="2026-03-02")
    decision = aid.send("aid.programme.open", kaltim, "disperindagkop-kaltim")
    assert codes(decision) == [("programme.apply_until_past", "data.apply_until")]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"quota": 100, "unit_cost": 1_500_000}, []),
        ({"quota": 101}, [("programme.budget_short", "data.budget")]),
        ({"fiscal_year": 2027}, []),
        ({"fiscal_year": 2025}, [("programme.fiscal_year", "data.fiscal_year")]),
        ({"fiscal_year": 2028}, [("programme.fiscal_year", "data.fiscal_year")]),
        (
            {"criteria": [{"type": "status_is", "value": "binaan"}, {"type": "status_is", "value": "mandiri"}]},
            [("criteria.contradiction", "data.criteria")],
        ),
    ],
)
def test_what_is_odd_is_taken_with_a_warning(fields: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """A plan may run ahead of its budget until P-APBD (S1-03): the office decides, we only say so."""
    decision = opened(**fields)
    assert not decision.problems
    assert warned(decision) == expected
    assert decision.result["outcome"] == "opened"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([("apbd", "murni", 100)], 100),
        ([("apbd", "murni", 100), ("apbd", "murni", 50)], 150),
        ([("apbd", "murni", 100), ("apbd", "perubahan", 70)], 70),
        ([("apbd", "murni", 100), ("apbd", "perubahan", 70), ("csr", "murni", 30)], 100),
    ],
)
def test_a_revised_budget_takes_the_place_of_the_original(lines: list[tuple[str, str, int]], expected: int) -> None:
    """Sources §4, S1-17: P-APBD (the DPPA) replaces the DPA of its source, it does not add to it."""
    budget = [BudgetLine.model_validate({"source": a, "version": b, "pagu": c}) for a, b, c in lines]
    assert pagu_in_force(budget) == expected


def test_members_that_nobody_checked_are_not_published(aid: Memory) -> None:
    """Unknown members are taken with a warning; published they could carry anything, such as a NIK."""
    secret = "1271994107990001"
    fields = programme(
        note=secret,
        budget=[{"source": "apbd", "pagu": 150_000_000, "note": secret}],
        criteria=[{"type": "not", "criterion": {"type": "never_received", "note": secret}}],
    )
    decision = aid.send("aid.programme.open", fields)
    assert not decision.problems
    assert all(secret not in fact.data.model_dump_json() for fact in decision.facts)
    assert all(secret not in one.model_dump_json() for one in decision.changes)


def test_no_problem_or_warning_repeats_a_value() -> None:
    """Contract, "Replies": they stand in logs and in other people's mailboxes."""
    marked = "Pelatihan Rahasia"
    for decision in (
        opened(name=marked, agency="dinkop-siantar", apply_until="2020-01-01"),
        opened(name=marked, quota=999, fiscal_year=1999, criteria=[{"type": "region_within", "value": "12.72"}]),
    ):
        said = " ".join(f"{one.text_id} {one.text_en}" for one in (*decision.problems, *decision.warnings))
        assert said
        for value in (marked, "siantar", "999", "1999", "12.72", "2020"):
            assert value not in said


# --- closing ----------------------------------------------------------------------------------------------------------


def test_closing_is_told_and_numbered(aid: Memory) -> None:
    """The second event of its subject, with what was before and why."""
    programme_id = aid.open()
    decision = aid.send("aid.programme.close", {"programme_id": programme_id, "reason": "Kuota penuh"})
    (fact,) = decision.facts
    assert isinstance(fact.data, ProgrammeEvent)
    assert (fact.type, fact.subject, fact.sequence) == ("aid.programme.closed", programme_id, 2)
    assert fact.data.programme.status == "closed"
    assert fact.data.change.model_dump(exclude_none=True) == {"status_before": "open", "reason": "Kuota penuh"}
    assert decision.result == {"programme_id": programme_id, "sequence": 2, "outcome": "closed"}


def test_closing_twice_changes_nothing_and_says_so(aid: Memory) -> None:
    """The second office wanted what is already so."""
    programme_id = aid.open()
    aid.close(programme_id)
    told = len(aid.facts)
    again = aid.send("aid.programme.close", {"programme_id": programme_id})
    assert again.result == {"programme_id": programme_id, "sequence": 2, "outcome": "unchanged"}
    assert warned(again) == [("programme.already_closed", "data.programme_id")]
    assert len(aid.facts) == told


def test_what_does_not_exist_cannot_be_closed(aid: Memory) -> None:
    """Nor does the answer say more than that."""
    decision = aid.send("aid.programme.close", {"programme_id": "never-opened"})
    assert codes(decision) == [("programme.unknown", "data.programme_id")]


def test_another_agency_cannot_close_a_programme(aid: Memory) -> None:
    """Neither one from elsewhere nor, in its own region, the province above."""
    programme_id = aid.open()
    elsewhere = aid.send("aid.programme.close", {"programme_id": programme_id}, "disperindagkop-kaltim")
    assert codes(elsewhere) == [("authority.region", "data.programme_id")]
    aid.know_agency("dinkop-sumut", "12")
    above = aid.send("aid.programme.close", {"programme_id": programme_id}, "dinkop-sumut")
    assert codes(above) == [("programme.agency_differs", "data.programme_id")]


def test_closing_stops_the_work_that_opening_began(aid: Memory) -> None:
    """Nobody is told of a programme that is no longer there."""
    for number in range(3):
        aid.hear_of(business(f"business-{number}"), 1)
    programme_id = aid.open()
    aid.close(programme_id)
    assert [one.due for one in aid.all(ASSESSMENTS)] == [None]
    assert aid.work() == 0
    assert not aid.told("aid.eligibility.assessed")


# --- who is known -----------------------------------------------------------------------------------------------------


def test_the_administrator_can_ask_which_agencies_aid_knows(aid: Memory) -> None:
    """An operator compares copies; nobody else may."""
    decision = aid.send("aid.agency.request", {}, "binaan", None)
    assert [one["agency"] for one in decision.answer] == [MEDAN, "disperindagkop-kaltim"]
    assert {one["official_id"] for one in decision.answer[0]["officials"]} == {
        official_id(MEDAN, "kadis"),
        official_id(MEDAN, "kabid"),
    }
    refused = aid.send("aid.agency.request", {}, MEDAN, None)
    assert codes(refused) == [("authority.administrator_only", "source")]
