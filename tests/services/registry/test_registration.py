"""Registration of agencies and officials: who may say what, and what changes when it is said again."""

from typing import Any

import pytest

from shared.agencies import AGENCIES
from shared.contracts.authority import official_id
from tests.services.registry.memory import MEDAN, SIANTAR, Registry, codes

AGENCY = {
    "agency": "dinkop-bengkalis",
    "name": "Dinas Koperasi dan UKM",
    "level": "kabkota",
    "region": "14.03",
    "permitted": ["registry.business.*"],
}
OFFICIAL: dict[str, Any] = {"official": "sekretaris", "role": "kabid", "valid_from": "2026-01-01"}


@pytest.fixture
def registry() -> Registry:
    return Registry()


def test_an_agency_is_registered_updated_and_left_alone(registry: Registry) -> None:
    """An upsert: the administrator repeats the whole list, and only what differs is told."""
    outcomes = [
        registry.accept("registry.agency.register", AGENCY, "binaan"),
        registry.accept("registry.agency.register", AGENCY, "binaan"),
        registry.accept("registry.agency.register", {**AGENCY, "level": "province", "region": "14"}, "binaan"),
    ]
    assert [(one["agency"], one["outcome"], one["sequence"]) for one in outcomes] == [
        ("dinkop-bengkalis", "created", 1),
        ("dinkop-bengkalis", "unchanged", 1),
        ("dinkop-bengkalis", "updated", 2),
    ]
    assert [(fact.subject, fact.region, fact.sequence) for fact in registry.facts] == [
        ("dinkop-bengkalis", "14.03", 1),
        ("dinkop-bengkalis", "14", 2),
    ]
    assert registry.facts[0].data.model_dump(mode="json")["agency"] == {**AGENCY, "status": "active"}


def test_only_the_administrator_registers_agencies(registry: Registry) -> None:
    decision = registry.send("registry.agency.register", {**AGENCY, "agency": MEDAN, "region": "00"}, MEDAN)
    assert codes(decision) == [("authority.administrator_only", "source")]


@pytest.mark.parametrize("account", ["binaan", "registry", "aid", "notify"])
def test_our_own_accounts_are_no_agencies(registry: Registry, account: str) -> None:
    """What our own services may do is not for a registration to say."""
    decision = registry.send("registry.agency.register", {**AGENCY, "agency": account}, "binaan")
    assert codes(decision) == [("agency.reserved", "data.agency")]


def test_a_pattern_that_permits_nothing_is_kept_with_a_warning(registry: Registry) -> None:
    """Most likely misspelt; but types are added over time."""
    about = {**AGENCY, "permitted": ["registry.business.*", "registri.business.*"]}
    decision = registry.send("registry.agency.register", about, "binaan")
    assert [(one.code, one.field) for one in decision.warnings] == [("agency.permitted_unknown", "data.permitted.1")]
    assert decision.result["outcome"] == "created"


def test_an_agency_names_its_own_officials(registry: Registry) -> None:
    """Under an opaque id; the handle is not published."""
    first = registry.accept("registry.official.register", OFFICIAL)
    again = registry.accept("registry.official.register", OFFICIAL)
    moved = registry.accept("registry.official.register", {**OFFICIAL, "role": "kadis"})
    assert [one["outcome"] for one in (first, again, moved)] == ["created", "unchanged", "updated"]
    assert first["official_id"] == official_id(MEDAN, "sekretaris")
    assert [(fact.subject, fact.region, fact.sequence) for fact in registry.facts] == [
        (first["official_id"], "12.71", 1),
        (first["official_id"], "12.71", 2),
    ]
    assert "sekretaris" not in repr(registry.facts)


@pytest.mark.parametrize(
    ("account", "about", "expected"),
    [
        (MEDAN, {"agency": SIANTAR}, ("official.other_agency", "data.agency")),
        ("binaan", {}, ("field.required", "data.agency")),
        ("binaan", {"agency": "entah-siapa"}, ("agency.unknown", "data.agency")),
        ("entah-siapa", {}, ("authority.agency_unknown", "source")),
        (MEDAN, {"valid_until": "2025-12-31"}, ("official.term_reversed", "data.valid_until")),
        (MEDAN, {"acting": True}, ("official.acting_needs_end", "data.valid_until")),
    ],
)
def test_a_registration_of_an_official_is_refused(
    registry: Registry, account: str, about: dict[str, Any], expected: tuple[str, str]
) -> None:
    """S0-03, S4-10: whose official, and from when until when."""
    assert codes(registry.send("registry.official.register", {**OFFICIAL, **about}, account)) == [expected]


def test_the_administrator_names_officials_of_any_agency(registry: Registry) -> None:
    result = registry.accept("registry.official.register", {**OFFICIAL, "agency": SIANTAR}, "binaan")
    assert result["official_id"] == official_id(SIANTAR, "sekretaris")


def test_a_term_may_be_one_day(registry: Registry) -> None:
    """A deputy for the day of a leave."""
    assert not registry.send("registry.official.register", {**OFFICIAL, "valid_until": "2026-01-01"}).problems


def test_an_acting_head_may_decide_until_the_last_day(registry: Registry) -> None:
    """S4-10: a term ends at the end of its last day."""
    term = {"role": "kadis", "acting": True, "valid_from": "2026-03-01", "valid_until": "2026-03-02"}
    registry.accept("registry.official.register", {"official": "plt", **term})
    assert not registry.decide("verify", registry.recorded(), actor="plt").problems


def test_an_agency_may_send_only_what_it_is_permitted(registry: Registry) -> None:
    """Contract, "Who is speaking": permitted intake types."""
    registry.accept(
        "registry.agency.register",
        {**AGENCY, "agency": "bank-contoh", "level": "bank", "permitted": ["registry.business.verify"]},
        "binaan",
    )
    decision = registry.send("registry.official.register", OFFICIAL, "bank-contoh")
    assert codes(decision) == [("authority.type_not_permitted", "type")]


def test_agencies_are_stored_under_their_account(registry: Registry) -> None:
    """Authority is looked up by the account that the broker vouches for."""
    assert {one.agency for one in registry.all(AGENCIES)} >= {MEDAN, SIANTAR}
