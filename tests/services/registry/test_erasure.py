"""Who asks to be forgotten is forgotten: what goes, what stays, who may say so, and what comes after."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.registry.business import Business
from services.registry.store import BUSINESSES, OWNERS
from tests.services.registry.memory import NIB, NIK, PHONE, SEEN, SIANTAR, Registry, codes, person, trade

LATER = SEEN + timedelta(days=1)
NAME = "Siti Aminah"
WHY = {"reason": "permintaan_pemilik"}
ALL = {
    "agency_ref": "A-1",
    "nib": NIB,
    "address": "Jalan Contoh 1",
    "annual_sales": {"year": 2025, "amount": 180_000_000},
    "capital": 25_000_000,
}


@pytest.fixture
def registry() -> Registry:
    return Registry()


def recorded(registry: Registry, **business: Any) -> tuple[str, str]:
    """A person with a business; their ids."""
    told = trade(**{"name": "UD Siti Aminah", **ALL, **business})
    decision = registry.report(told, person(name=NAME, consent={"whatsapp": True, "given_on": "2026-01-05"}))
    assert not decision.problems, decision.problems
    return decision.result["owner_id"], decision.result["business_id"]


def erase(registry: Registry, owner_id: str, **about: Any) -> Any:
    return registry.send("registry.owner.erase", {"owner_id": owner_id, **WHY}, **{"actor": "kadis", **about})


def test_all_that_is_known_of_the_person_goes_and_the_audit_core_stays(registry: Registry) -> None:
    """Name, number, NIK, consent, address, references, notes and a sole owner's finances; ids and public state stay."""
    owner_id, business_id = recorded(registry)
    registry.decide("verify", business_id, note="Ibu Siti ada di tempat")
    before = registry.business()
    decision = erase(registry, owner_id)
    assert decision.result == {"owner_id": owner_id, "sequence": 1, "outcome": "erased"}
    kept = f"{registry.owner().model_dump()} {registry.business().model_dump()}"
    assert not [one for one in (NIK, PHONE, NAME, "Siti", "Aminah", "Jalan", "A-1", "180000000") if one in kept]
    after = registry.business()
    assert after.name == "UD S. A."
    assert (after.business_id, after.nib, after.status, after.scale) == (
        before.business_id,
        NIB,
        before.status,
        before.scale,
    )


def test_it_is_told_by_the_id_alone_and_notify_by_a_tombstone(registry: Registry) -> None:
    """A reader of events learns whose records to cut loose, and nothing of whom."""
    owner_id, _ = recorded(registry, name="Warung Bu Siti")
    registry.facts.clear()
    erase(registry, owner_id)
    assert registry.told() == ["contact.erased", "owner.erased", "business.updated"]
    contact, erased, updated = registry.facts
    assert contact.data.model_dump(exclude_defaults=True) == {"contact": {"owner_id": owner_id, "erased": True}}
    assert (contact.sequence, erased.sequence, erased.region) == (2, 1, "12.71")
    assert erased.data.model_dump(exclude_none=True) == {
        "owner": {"owner_id": owner_id, "identified": False, "erased": True},
        "change": WHY,
    }
    assert updated.data.business.name == "Warung Bu S."  # type: ignore[attr-defined]


def test_a_company_keeps_its_finances(registry: Registry) -> None:
    """They are the company's; the person behind it goes all the same."""
    owner_id, _ = recorded(registry, legal_form="cv")
    erase(registry, owner_id)
    assert registry.business().capital == 25_000_000
    assert registry.business().address is None


def test_all_businesses_of_the_person_are_cleared(registry: Registry) -> None:
    """Wherever they lie; the one event names the smallest region that holds them all."""
    owner_id, business_id = recorded(registry)
    registry.decide("verify", business_id)
    registry.report(trade(name="Laundry Kilat", region="12.72.01", address="Jalan Lain"), person(), SIANTAR)
    registry.facts.clear()
    erase(registry, owner_id)
    assert [one.address for one in registry.all(BUSINESSES)] == [None, None]
    assert {fact.region for fact in registry.facts if fact.type == "registry.owner.erased"} == {"12"}


@pytest.mark.parametrize(
    ("about", "code"),
    [
        ({"account": SIANTAR}, "authority.region"),
        ({"actor": "kabid"}, "actor.role"),
        ({"actor": None}, "actor.required"),
    ],
)
def test_only_the_head_of_an_agency_of_that_region_may_ask_for_it(
    registry: Registry, about: dict[str, Any], code: str
) -> None:
    """It cannot be taken back."""
    owner_id, _ = recorded(registry)
    assert code in [one for one, _ in codes(erase(registry, owner_id, **about))]
    assert registry.owner().name == NAME


def test_the_administrator_may_ask_for_it_too(registry: Registry) -> None:
    """A person may turn to Binaan itself."""
    owner_id, _ = recorded(registry)
    assert erase(registry, owner_id, account="binaan", actor=None).result["outcome"] == "erased"


def test_asked_again_nothing_happens_and_of_nobody_there_is_nothing_to_erase(registry: Registry) -> None:
    """The office repeats it to be sure."""
    owner_id, _ = recorded(registry)
    erase(registry, owner_id)
    registry.facts.clear()
    assert erase(registry, owner_id).result["outcome"] == "unchanged"
    assert not registry.facts
    assert codes(erase(registry, "nobody", account="binaan", actor=None)) == [("owner.not_found", "data.owner_id")]


def test_the_reason_must_not_name_the_person(registry: Registry) -> None:
    """It stands in the event that says that nothing is left."""
    owner_id, _ = recorded(registry)
    decision = registry.send("registry.owner.erase", {"owner_id": owner_id, "reason": "siti_aminah"}, actor="kadis")
    assert codes(decision) == [("text.owner_name", "data.reason")]


def test_who_is_reported_again_is_a_new_owner_with_a_new_business(registry: Registry) -> None:
    """To recognise the person we would have to keep what was to be forgotten."""
    owner_id, business_id = recorded(registry)
    erase(registry, owner_id)
    again = registry.report(trade(name="UD Siti Aminah", **ALL), person(name=NAME), time=LATER)
    assert again.result["outcome"] == "created"
    assert (again.result["owner_id"], again.result["business_id"]) != (owner_id, business_id)
    assert len(registry.all(OWNERS)) == 2
    assert [one.name for one in registry.all(OWNERS) if one.owner_id == owner_id] == [None]


def test_nothing_is_written_to_who_was_erased(registry: Registry) -> None:
    """A consent that comes late would make a contact of a tombstone."""
    owner_id, _ = recorded(registry)
    erase(registry, owner_id)
    proof = {"kind": "paper_form", "reference": "Arsip-7"}
    told = {"owner_id": owner_id, "channels": ["sms"], "given_on": "2026-02-01", "proof": proof}
    decision = registry.send("registry.consent.record", told, time=LATER)
    assert codes(decision) == [("owner.erased", "data.owner_id")]


def test_what_an_office_tells_of_the_business_by_its_own_number_finds_nothing(registry: Registry) -> None:
    """Its next list would bring the address back under the old id."""
    owner_id, _ = recorded(registry)
    erase(registry, owner_id)
    told = {"agency_ref": "A-1", "address": "Jalan Contoh 1"}
    refused = registry.report(told, time=LATER)
    assert refused.problems
    assert _only(registry).address is None


def _only(registry: Registry) -> Business:
    (found,) = registry.all(BUSINESSES)
    return found
