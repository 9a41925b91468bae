"""Who may do what is a table, checked the same way in every service."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from shared.contracts.authority import (
    ROLES,
    check_actor,
    check_administrator,
    check_agency,
    check_region,
    official_id,
)
from shared.contracts.catalogue import TYPES
from shared.contracts.problem import Problem

TODAY = date(2026, 3, 2)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Agency:
    region: str = "12.71"
    permitted: tuple[str, ...] = ("registry.business.*", "aid.programme.open")
    status: str = "active"


@dataclass(frozen=True)
class Official:
    role: str = "kadis"
    valid_from: date = TODAY
    valid_until: date | None = TODAY


def codes(problems: list[Problem]) -> list[tuple[str, str | None]]:
    return [(one.code, one.field) for one in problems]


# --- officials --------------------------------------------------------------------------------------------------------

DECISIONS = sorted(key for key, one in TYPES.items() if one.decision)
MAY = {
    "kadis": {*(key for key in DECISIONS if key.startswith(("registry.business.", "aid.programme.")))},
    "kabid": {"registry.business.verify"},
    "petugas": set(),
}
"""Said a second time, so that a change of the table is a decision that somebody takes twice (S1-07, S2-03)."""


def test_every_role_that_can_be_registered_is_in_the_table() -> None:
    """And no other: what is not in the table may nothing."""
    schema = TYPES["registry.official.register"].model.model_json_schema()
    assert set(schema["properties"]["role"]["enum"]) == ROLES.keys() == MAY.keys()


@pytest.mark.parametrize("key", DECISIONS)
@pytest.mark.parametrize("role", MAY)
def test_a_role_decides_what_the_table_gives_it(role: str, key: str) -> None:
    """The head of the agency approves (S1-07); a head of division verifies; a clerk decides nothing."""
    expected = [] if key in MAY[role] else [("actor.role", "actor")]
    assert codes(check_actor(Official(role=role), "someone", key, TODAY)) == expected


def test_a_role_that_the_table_does_not_know_decides_nothing() -> None:
    """A newer registry may tell an older service of a role it has never heard of."""
    problems = check_actor(Official(role="bendahara"), "someone", "registry.business.verify", TODAY)
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
    problems = check_actor(Official("kadis", valid_from, valid_until), "plt", "registry.business.designate", TODAY)
    assert codes(problems) == ([] if in_office else [("actor.not_in_office", "actor")])


def test_a_decision_without_an_official_or_by_an_unknown_one_is_refused() -> None:
    """They are told apart: the first is an omission, the second somebody to be registered."""
    assert codes(check_actor(None, None, "registry.business.verify", TODAY)) == [("actor.required", "actor")]
    assert codes(check_actor(Official(), None, "registry.business.verify", TODAY)) == [("actor.required", "actor")]
    assert codes(check_actor(None, "someone", "registry.business.verify", TODAY)) == [("actor.unknown", "actor")]


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
    assert codes(check_region(Agency(region=own), code, "data.region")) == expected


def test_only_the_administrator_is_the_administrator() -> None:
    """By the account that the broker vouched for."""
    assert check_administrator("binaan", "binaan") == []
    for account in ("dinkop-medan", "registry", "binaan-2", ""):
        assert codes(check_administrator(account, "binaan")) == [("authority.administrator_only", "source")]
