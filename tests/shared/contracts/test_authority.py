"""Who may do what is a table, checked the same way in every service."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from shared.contracts.authority import (
    RIGHTS,
    SELF,
    WITHIN,
    Right,
    check_actor,
    check_administrator,
    check_agency,
    check_region,
    levels_sending,
    matches,
    official_id,
    reach_of,
    rights_of,
    roles_deciding,
)
from shared.contracts.catalogue import TYPES, Kind
from shared.contracts.problem import Problem

TODAY = date(2026, 3, 2)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Agency:
    level: str = "kabkota"
    region: str = "12.71"
    permitted: tuple[str, ...] = ("registry.business.*", "aid.programme.open")
    status: str = "active"


@dataclass(frozen=True)
class Official:
    role: str = "kadis"
    valid_from: date = TODAY
    valid_until: date | None = TODAY
    status: str | None = None


def codes(problems: list[Problem]) -> list[tuple[str, str | None]]:
    return [(one.code, one.field) for one in problems]


# --- officials --------------------------------------------------------------------------------------------------------

DECISIONS = sorted(key for key, one in TYPES.items() if one.decision)
_MONEY = {"aid.budget.allot", "aid.budget.revise", "aid.stock.count"}
_OUTSIDE = {f"aid.grant.{verb}" for verb in ("hand_over", "report", "monitor")}
_DRAFTS = {"aid.grant.propose", "aid.grant.submit"}
_CHECKS = {"aid.grant.verify", "aid.grant.endorse", "aid.grant.reject", "aid.stock.count"}
_HEADS = (
    "registry.business.",
    "registry.cooperative.",
    "registry.drive.",
    "registry.statistics.",
    "aid.programme.",
    "aid.overlap.",
    "aid.grant.",
)
DECIDES: dict[str, set[str]] = {
    "kadis": {*(key for key in DECISIONS if key.startswith(_HEADS)), *_MONEY},
    "kabid": {
        "registry.business.verify",
        "registry.cooperative.record_rat",
        "registry.cooperative.assess",
        "aid.programme.propose",
        *_DRAFTS,
        *_CHECKS,
        *_OUTSIDE,
    },
    "petugas": {*_DRAFTS, *_OUTSIDE},
}
ANSWERS = {"registry.owner.correct", "registry.owner.erase", "registry.census.open"}
OWN = {**DECIDES, "kadis": DECIDES["kadis"] | ANSWERS, "kabid": DECIDES["kabid"] | {"registry.owner.correct"}}
MAY: dict[str, dict[str, set[str]]]
MAY = {
    "kabkota": OWN,
    "province": OWN,
    "ministry": DECIDES,
    "opd": {},
    "bank": {},
}
"""Said a second time, so that a change of the table is a decision that somebody takes twice (S1-07, S2-03, S3-06)."""
ROLES = sorted(DECIDES)
LEVELS = list(MAY)


def test_the_table_speaks_of_the_levels_and_roles_that_can_be_registered() -> None:
    """A level that is not in the table may nothing; one that cannot be registered is a slip of the pen."""
    level = TYPES["registry.agency.register"].model.model_json_schema()["properties"]["level"]
    role = TYPES["registry.official.register"].model.model_json_schema()["properties"]["role"]
    assert {right.level for right in RIGHTS} == set(level["enum"]) == set(LEVELS)
    assert {right.role for right in RIGHTS} - {""} <= set(role["enum"]) == set(ROLES)
    assert {right.reach for right in RIGHTS} == {SELF, WITHIN}


@pytest.mark.parametrize("right", RIGHTS, ids=lambda right: f"{right.level}-{right.role or 'system'}-{right.type}")
def test_every_row_has_a_source_and_says_truly_whether_its_types_exist(right: Right) -> None:
    """A row for what is not built yet is marked; when it is built the mark goes (and this test says so)."""
    assert right.why
    assert all(re.match(r"S[0-4]-[0-9]{2}$|(UU|PP|Permenkop) [0-9]+/[0-9]{4}", one) for one in right.source.split("; "))
    exists = any(matches(right.type, key) for key in SENT)
    assert exists is not right.planned, "take the mark off" if exists else "no type like this: mark it planned"


SENT = [one.key for one in TYPES.values() if one.kind is Kind.INTAKE and not one.administrator]


@pytest.mark.parametrize("key", SENT)
def test_every_type_that_is_not_the_administrators_is_somebodys(key: str) -> None:
    """Whoever adds a type says in the table who may send it, and a decision has somebody who may take it."""
    assert levels_sending(key)
    assert roles_deciding(key) or not TYPES[key].decision


@pytest.mark.parametrize("key", DECISIONS)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("level", LEVELS)
def test_a_role_decides_what_the_table_gives_it(level: str, role: str, key: str) -> None:
    """The head of the agency approves (S1-07); a head of division verifies; a clerk decides nothing."""
    expected = [] if key in MAY[level].get(role, ()) else [("actor.role", "actor")]
    assert codes(check_actor(level, Official(role=role), "someone", key, TODAY)) == expected


@pytest.mark.parametrize("key", DECISIONS)
@pytest.mark.parametrize("level", ["opd", "bank"])
def test_other_offices_and_banks_decide_nothing_whatever_they_were_permitted(level: str, key: str) -> None:
    """They ask, report and answer (S1-23, S0-15); to verify and to designate is the duty of dinas and province."""
    agency = Agency(level=level, permitted=("#",))
    assert rights_of(level, key) == ()
    assert codes(check_agency(agency, key)) == [("authority.level", "type")]
    assert codes(check_region(agency, key, agency.region, "data.region")) == [("authority.region", "data.region")]


def test_what_is_not_built_yet_is_granted_as_written() -> None:
    """A type that comes later has its authority already: the bidang prepares what the head opens (S2-02)."""
    assert reach_of("bank", "registry.person.match") == WITHIN
    assert roles_deciding("aid.programme.propose") == ("kadis", "kabid")


def test_a_role_that_the_table_does_not_know_decides_nothing() -> None:
    """A newer registry may tell an older service of a role it has never heard of."""
    problems = check_actor("province", Official(role="bendahara"), "someone", "registry.business.verify", TODAY)
    assert codes(problems) == [("actor.role", "actor")]


@pytest.mark.parametrize(
    ("valid_from", "valid_until", "in_office"),
    [
        (TODAY, TODAY, True),
        (TODAY, None, True),
        (TODAY - 400 * DAY, TODAY, True),
        (TODAY + DAY, None, False),
        (TODAY - 400 * DAY, TODAY - DAY, False),
    ],
)
def test_an_official_decides_from_the_first_to_the_last_day_in_office(
    valid_from: date, valid_until: date | None, in_office: bool
) -> None:
    """Acting heads (Plt.) have an end date, the day itself included (S0-03, S4-10)."""
    problems = check_actor(
        "kabkota", Official("kadis", valid_from, valid_until), "plt", "registry.business.designate", TODAY
    )
    assert codes(problems) == ([] if in_office else [("actor.not_in_office", "actor")])


def test_a_term_that_was_ended_at_once_is_over_whatever_its_dates_say() -> None:
    """Its last day is today, and today it is over already."""
    ended = Official("kadis", TODAY - DAY, TODAY, "ended")
    problems = check_actor("kabkota", ended, "kadis", "registry.business.designate", TODAY)
    assert codes(problems) == [("actor.not_in_office", "actor")]


def test_a_decision_without_an_official_or_by_an_unknown_one_is_refused() -> None:
    """They are told apart: the first is an omission, the second somebody to be registered."""
    assert codes(check_actor("kabkota", None, None, "registry.business.verify", TODAY)) == [("actor.required", "actor")]
    assert codes(check_actor("kabkota", Official(), None, "registry.business.verify", TODAY)) == [
        ("actor.required", "actor")
    ]
    assert codes(check_actor("kabkota", None, "someone", "registry.business.verify", TODAY)) == [
        ("actor.unknown", "actor")
    ]


def test_an_official_is_somebody_in_one_agency_only_and_the_same_everywhere() -> None:
    """Two agencies may both have a ``kadis``; every service must make the same opaque id of one, for good."""
    assert official_id("dinkop-medan", "kadis") != official_id("dinkop-siantar", "kadis")
    assert official_id("dinkop-medan", "kadis") == "720bebe2-d454-53dd-8705-0022985431c6"


# --- agencies ---------------------------------------------------------------------------------------------------------


def test_an_agency_sends_what_it_is_permitted_while_it_is_active() -> None:
    """Unknown, suspended and not permitted are three answers, in that order."""
    agency = Agency()
    assert check_agency(agency, "registry.business.report") == []
    assert check_agency(agency, "aid.programme.open") == []
    assert codes(check_agency(agency, "aid.programme.close")) == [("authority.type_not_permitted", "type")]
    assert codes(check_agency(agency, "registry.businesses.report")) == [("authority.type_not_permitted", "type")]
    assert codes(check_agency(Agency(permitted=()), "registry.business.report")) == [
        ("authority.type_not_permitted", "type")
    ]
    suspended = Agency(status="suspended")
    assert codes(check_agency(suspended, "aid.programme.close")) == [("authority.agency_suspended", "source")]
    assert codes(check_agency(None, "registry.business.report")) == [("authority.agency_unknown", "source")]


@pytest.mark.parametrize(
    ("own", "code", "allowed"),
    [
        ("12.71", "12.71", True),
        ("12.71", "12.71.01", True),
        ("12.71", "12.71.01.1001", True),
        ("12.71", "12.72", False),
        ("12.71", "12.72.01.1001", False),
        ("12.71", "12", False),
        ("12.71", "00", False),
        ("12", "12.71.01.1001", True),
        ("12", "14.03", False),
        ("64", "64", True),
        ("00", "12.71.01.1001", True),
        ("00", "00", True),
    ],
)
def test_an_agency_speaks_for_its_own_region_and_what_lies_within(own: str, code: str, allowed: bool) -> None:
    """Neither for its neighbour nor for its province (S3-06); the nation's for all."""
    expected = [] if allowed else [("authority.region", "data.region")]
    agency = Agency(region=own)
    assert codes(check_region(agency, "registry.business.report", code, "data.region")) == expected


def test_a_type_about_the_agency_itself_reaches_no_place() -> None:
    """An office asks how it is known; of its neighbours it learns nothing, and a province of those below (S3-06)."""
    key = "registry.agency.request"
    assert codes(check_region(Agency(), key, "12.71", "data.agency")) == [("authority.region", "data.agency")]
    assert check_region(Agency(level="province", region="12"), key, "12.71", "data.agency") == []


def test_only_the_administrator_is_the_administrator() -> None:
    """By the account that the broker vouched for."""
    assert check_administrator("binaan", "binaan") == []
    for account in ("dinkop-medan", "registry", "binaan-2", ""):
        assert codes(check_administrator(account, "binaan")) == [("authority.administrator_only", "source")]
