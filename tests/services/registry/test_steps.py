"""What officials decide on businesses: terdata → terverifikasi → binaan → mandiri, nonaktif and back."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from shared.contracts.authority import official_id
from tests.services.registry.memory import KALTIM, MEDAN, SIANTAR, Registry, codes, person, trade

DECREE = {"number": "SK-12/2026", "date": "2026-02-01"}
DATA: dict[str, dict[str, Any]] = {"designate": {"decree": DECREE}, "close": {"reason": "bangkrut"}}


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def business_id(registry: Registry) -> str:
    return registry.recorded(annual_sales={"year": 2025, "amount": 1})


def test_verifying_says_how(registry: Registry, business_id: str) -> None:
    """The method is public, the note is not: it may say anything about the owner."""
    decision = registry.decide("verify", business_id, actor="kabid", method="field_visit", note="Rumahnya di belakang")
    assert decision.result == {**decision.result, "business_id": business_id, "sequence": 2, "outcome": "verified"}
    event = registry.facts[-1].data.model_dump()
    assert event["business"]["status"] == "terverifikasi"
    assert {name: value for name, value in event["change"].items() if value is not None} == {
        "status_before": "terdata",
        "method": "field_visit",
    }
    assert registry.business().status_note == "Rumahnya di belakang"


def test_a_business_is_binaan_from_the_date_of_the_decree(registry: Registry, business_id: str) -> None:
    """S0-08: "binaan dari Dinas" with a start date; the contract's own example."""
    registry.brought_to("terverifikasi", business_id)
    registry.decide("designate", business_id, decree=DECREE, mentor="pendamping.7")
    event = registry.facts[-1].data.model_dump(mode="json")
    assert registry.facts[-1].type == "registry.business.designated"
    assert (event["business"]["status"], event["business"]["status_since"]) == ("binaan", "2026-02-01")
    assert (event["change"]["status_before"], event["change"]["decree"]) == ("terverifikasi", DECREE)


def test_a_mentor_is_an_opaque_id(registry: Registry, business_id: str) -> None:
    """The handle is the agency's; the world sees an id, and the agency can make it again."""
    registry.brought_to("terverifikasi", business_id)
    registry.decide("designate", business_id, decree=DECREE, mentor="pendamping.7")
    assert registry.business().mentor == official_id(MEDAN, "pendamping.7")
    assert "pendamping.7" not in repr(registry.facts[-1])


def test_release_makes_a_business_mandiri_and_ends_the_mentor(registry: Registry, business_id: str) -> None:
    """S2-04: tangguh dan mandiri."""
    registry.brought_to("terverifikasi", business_id)
    registry.decide("designate", business_id, decree=DECREE, mentor="pendamping.7")
    registry.decide("release", business_id)
    business = registry.business()
    assert (business.status, business.mentor, business.status_since) == ("mandiri", None, date(2026, 3, 2))


@pytest.mark.parametrize("status", ["terdata", "terverifikasi", "binaan", "mandiri"])
def test_any_business_can_become_inactive_and_comes_back_as_recorded(
    registry: Registry, business_id: str, status: str
) -> None:
    """Back to terdata, not to where it was: it must be verified anew."""
    registry.brought_to(status, business_id)
    registry.decide("deactivate", business_id, reason="closed")
    assert registry.facts[-1].data.model_dump()["change"]["reason"] == "closed"
    assert registry.business().status == "nonaktif"
    registry.decide("reactivate", business_id)
    assert registry.business().status == "terdata"
    assert registry.told()[-2:] == ["business.deactivated", "business.reactivated"]


def test_a_business_leaves_guidance_at_its_own_wish_and_comes_back(registry: Registry, business_id: str) -> None:
    """It is as verified as before; its mentor is gone, and a new decree takes it in again."""
    registry.brought_to("terverifikasi", business_id)
    registry.decide("designate", business_id, decree=DECREE, mentor="pendamping.7")
    registry.decide("withdraw", business_id, reason="pindah_usaha", note="Ingin sendiri")
    assert (registry.business().status, registry.business().mentor) == ("terverifikasi", None)
    told = registry.facts[-1]
    assert told.type == "registry.business.withdrawn"
    assert told.data.model_dump()["change"]["reason"] == "pindah_usaha"
    assert "Ingin sendiri" not in repr(told)
    registry.decide("designate", business_id, decree={"number": "SK-13/2026", "date": "2026-02-20"})
    assert registry.business().status == "binaan"


def test_a_closed_business_stays_recorded_and_a_mistake_is_mended(registry: Registry, business_id: str) -> None:
    """Closing says why; what was closed by mistake begins again as terdata."""
    registry.brought_to("binaan", business_id)
    registry.decide("close", business_id, reason="bangkrut")
    assert registry.business().status == "tutup"
    assert registry.facts[-1].type == "registry.business.closed"
    registry.decide("reactivate", business_id)
    assert registry.business().status == "terdata"


@pytest.mark.parametrize(
    ("status", "verb", "code"),
    [
        ("terverifikasi", "verify", "business.already_verified"),
        ("binaan", "verify", "business.already_verified"),
        ("mandiri", "verify", "business.already_verified"),
        ("nonaktif", "verify", "business.inactive"),
        ("terdata", "designate", "business.not_verified"),
        ("binaan", "designate", "business.already_binaan"),
        ("mandiri", "designate", "business.already_mandiri"),
        ("nonaktif", "designate", "business.inactive"),
        ("terdata", "release", "business.not_binaan"),
        ("terverifikasi", "release", "business.not_binaan"),
        ("mandiri", "release", "business.not_binaan"),
        ("nonaktif", "release", "business.not_binaan"),
        ("nonaktif", "deactivate", "business.already_inactive"),
        ("terdata", "withdraw", "business.not_binaan"),
        ("mandiri", "withdraw", "business.not_binaan"),
        ("tutup", "withdraw", "business.closed"),
        ("tutup", "verify", "business.closed"),
        ("tutup", "designate", "business.closed"),
        ("tutup", "deactivate", "business.closed"),
        ("tutup", "close", "business.closed"),
        ("terdata", "reactivate", "business.not_inactive"),
        ("terverifikasi", "reactivate", "business.not_inactive"),
        ("binaan", "reactivate", "business.not_inactive"),
        ("mandiri", "reactivate", "business.not_inactive"),
    ],
)
def test_no_state_is_reached_without_the_one_before(
    registry: Registry, business_id: str, status: str, verb: str, code: str
) -> None:
    """Contract, "Status of a business": designate before verify, twice, or of what is inactive."""
    registry.brought_to(status, business_id)
    before = registry.business()
    assert codes(registry.decide(verb, business_id, **DATA.get(verb, {}))) == [(code, "data.business_id")]
    assert registry.business() == before


def test_what_does_not_exist_is_said(registry: Registry) -> None:
    assert codes(registry.decide("verify", "entah")) == [("business.not_found", "data.business_id")]


def test_a_decree_of_tomorrow_is_refused_where_the_business_is(registry: Registry, business_id: str) -> None:
    """At 17:30 UTC on 2 March it is 3 March in Medan (WIB), so a decree of that day is in force."""
    registry.brought_to("terverifikasi", business_id)
    tomorrow = {"number": "SK-13/2026", "date": "2026-03-03"}
    assert codes(registry.decide("designate", business_id, decree=tomorrow)) == [
        ("decree.date_in_future", "data.decree.date")
    ]
    registry.now = datetime(2026, 3, 2, 17, 30, tzinfo=UTC)
    assert not registry.decide("designate", business_id, decree=tomorrow).problems


def test_a_business_of_another_region_is_nothing_of_theirs(registry: Registry, business_id: str) -> None:
    """Only that: not whether it is verified, not what it is called."""
    decision = registry.decide("designate", business_id, SIANTAR, decree=DECREE)
    assert codes(decision) == [("authority.region", "data.business_id")]


def test_a_province_decides_within_itself(registry: Registry) -> None:
    """S4-15: kewenangan; Kalimantan Timur decides for Samarinda, and not for Medan."""
    there = registry.report(trade(region="64.72"), person(), KALTIM).result["business_id"]
    assert not registry.decide("verify", str(there), KALTIM).problems


@pytest.mark.parametrize(
    ("actor", "verb", "code"),
    [
        (None, "verify", "actor.required"),
        ("entah", "verify", "actor.unknown"),
        ("kabid", "designate", "actor.role"),
        ("pensiun", "verify", "actor.not_in_office"),
    ],
)
def test_a_decision_needs_an_official_whose_role_allows_it_today(
    registry: Registry, business_id: str, actor: Any, verb: str, code: str
) -> None:
    """S1-07, S0-03: the head designates; the bidang verifies; a term that is over is over."""
    registry.accept(
        "registry.official.register",
        {"official": "pensiun", "role": "kadis", "valid_from": "2020-01-01", "valid_until": "2026-03-01"},
    )
    registry.brought_to("terverifikasi" if verb == "designate" else "terdata", business_id)
    decision = registry.decide(verb, business_id, actor=actor, **DATA.get(verb, {}))
    assert codes(decision) == [(code, "actor")]


def test_an_official_of_one_agency_is_nobody_in_another(registry: Registry, business_id: str) -> None:
    registry.accept(
        "registry.official.register", {"official": "plt.medan", "role": "kadis", "valid_from": "2020-01-01"}
    )
    there = registry.report(trade(region="12.72"), person(name="Lain"), SIANTAR)
    assert codes(there) == [("authority.region", "data.business")]
    other = str(registry.report(trade(region="12.72", name="Lain"), person(), SIANTAR).result["business_id"])
    assert codes(registry.decide("verify", other, SIANTAR, actor="plt.medan")) == [("actor.unknown", "actor")]


def test_a_large_business_is_designated_with_a_warning(registry: Registry) -> None:
    """PP 7/2021 art. 35: besar is recorded and not served; the decree is the official's act all the same."""
    business_id = registry.recorded(annual_sales={"year": 2025, "amount": 51_000_000_000})
    registry.brought_to("terverifikasi", business_id)
    decision = registry.decide("designate", business_id, decree=DECREE)
    assert not decision.problems
    assert [(one.code, one.field) for one in decision.warnings] == [("business.besar", "data.business_id")]
