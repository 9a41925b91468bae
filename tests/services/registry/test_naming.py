"""An owner's name does not get out by a text that is published, whoever types it, now or once it is known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from services.registry.store import OWNERS
from tests.services.registry.memory import NIB, NIK, OTHER_NIK, PHONE, SEEN, Registry, codes, person, trade

LATER = SEEN + timedelta(days=1)
NAME = "Siti Aminah"
WARNED = ("business.name_initials", "data.business.name")


@pytest.fixture
def registry() -> Registry:
    return Registry()


def warned(registry: Registry, told: Mapping[str, Any], owner: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    decision = registry.report(told, owner, time=LATER)
    assert not decision.problems, decision.problems
    return [(one.code, one.field) for one in decision.warnings]


def test_a_business_that_bears_its_owners_name_is_published_by_initials(registry: Registry) -> None:
    """It is recorded as it is called, its sender is told what others will see, and it is found by its name."""
    decision = registry.report(trade(name="UD Siti Aminah", nib=NIB), person(name=NAME))
    assert [(one.code, one.field) for one in decision.warnings] == [WARNED]
    assert registry.facts[-1].data.business.name == registry.business().name == "UD S. A."  # type: ignore[attr-defined]
    again = registry.report(trade(name="UD Siti Aminah", workers=4), person(name=NAME), time=LATER)
    assert again.result["outcome"] == "updated"
    assert registry.business().workers == 4
    assert NAME not in str([fact.data for fact in registry.facts if fact.type.startswith("registry.business")])


def test_the_name_as_it_was_told_is_stored_sealed(registry: Registry) -> None:
    """Only encrypted: what stands in the clear is what everybody may read."""
    registry.report(trade(name="UD Siti Aminah"), person(name=NAME))
    kept = registry.business()
    sealed = registry.collection_of(kept).sealed
    assert NAME not in str({name: value for name, value in kept.model_dump().items() if name not in sealed})


def test_names_follow_when_the_owners_is_corrected(registry: Registry) -> None:
    """Recorded under a wrong name, the businesses stood in the open; corrected, each follows with an event."""
    first = registry.report(trade(name="UD Siti Aminah", agency_ref="A-1"), person(name="Belum Diketahui"))
    second = registry.report(trade(name="Laundry Kilat", agency_ref="A-2"), person(name="Belum Diketahui"))
    registry.facts.clear()
    assert warned(registry, {"agency_ref": "A-2"}, {"nik": NIK, "name": NAME}) == []
    names = {
        one: registry.business(str(one)).name for one in (first.result["business_id"], second.result["business_id"])
    }
    assert list(names.values()) == ["UD S. A.", "Laundry Kilat"]
    assert registry.told() == ["contact.changed", "business.updated"]
    registry.report({"agency_ref": "A-2"}, {"nik": NIK, "name": "Rahmat Hidayat"}, time=LATER + timedelta(days=1))
    assert registry.business(str(first.result["business_id"])).name == "UD Siti Aminah"


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"needs": ["equipment", "siti_aminah"]}, "data.business.needs"),
        ({"channels": ["toko_sitiaminah"]}, "data.business.channels"),
    ],
)
def test_other_public_text_of_a_report_is_refused(registry: Registry, told: dict[str, Any], field: str) -> None:
    """It has no reason to hold a name; the owner's name may be in this very report or known already."""
    assert codes(registry.report(trade(**told), person(name=NAME))) == [("text.owner_name", field)]
    registry.report(trade(agency_ref="A-1"), person(name=NAME))
    assert codes(registry.report({"agency_ref": "A-1", **told})) == [("text.owner_name", field)]
    assert len(registry.all(OWNERS)) == 1


def test_a_message_whose_id_is_the_owners_name_is_refused(registry: Registry) -> None:
    """The id goes along the whole chain of events, as the NIK that it must not be either."""
    decision = registry.report(trade(), person(name=NAME), id="siti-aminah-001")
    assert codes(decision) == [("text.owner_name", "id")]


@pytest.mark.parametrize(
    ("verb", "data", "field"),
    [
        ("verify", {"method": "kunjungan_siti_aminah"}, "data.method"),
        ("deactivate", {"reason": "siti_aminah_pindah"}, "data.reason"),
        ("withdraw", {"reason": "siti_aminah_pindah"}, "data.reason"),
        ("close", {"reason": "siti_aminah_pindah"}, "data.reason"),
        ("designate", {"decree": {"number": "SK/Siti Aminah/2026", "date": "2026-02-01"}}, "data.decree.number"),
        ("release", {"decree": {"number": "SK SITI AMINAH", "date": "2026-02-01"}}, "data.decree.number"),
    ],
)
def test_an_officials_public_words_must_not_name_the_owner(
    registry: Registry, verb: str, data: dict[str, Any], field: str
) -> None:
    """Decree, method and reason are in the event; a note is sealed and may name whom it is about."""
    business_id = str(registry.report(trade(), person(name=NAME)).result["business_id"])
    assert codes(registry.decide(verb, business_id, **data)) == [("text.owner_name", field)]
    assert not registry.decide("verify", business_id, note="Ibu Siti Aminah ada di tempat").problems


def test_another_owners_name_is_a_name_like_any_other(registry: Registry) -> None:
    """Whoever trades under somebody else's name does not make it known to us whose it is."""
    registry.report(trade(name="Laundry Kilat"), person(name=NAME))
    registry.report(trade(name="Toko Siti Aminah"), person(nik=OTHER_NIK, name="Rahmat Hidayat"))
    assert sorted(fact.data.business.name for fact in registry.facts if "business" in fact.type) == [  # type: ignore[attr-defined]
        "Laundry Kilat",
        "Toko Siti Aminah",
    ]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("owner.correct", {"phone": PHONE}),
        ("owner.correct", {"name": "Rahmat Hidayat"}),
        ("owner.erase", {"reason": "permintaan_pemilik"}),
        ("consent.withdraw", {"channels": ["sms"]}),
        (
            "consent.record",
            {
                "channels": ["sms"],
                "given_on": "2026-01-05",
                "proof": {"kind": "paper_form", "reference": "ARSIP/2026/0117"},
            },
        ),
    ],
)
def test_the_id_of_what_is_told_of_an_owner_names_nobody(
    registry: Registry, kind: str, told: Mapping[str, Any]
) -> None:
    """The id is published as the cause of what follows: a join, an erasure, a name that is corrected."""
    registry.report(trade(), person(name=NAME))
    about = {"owner_id": registry.owner().owner_id, **told}
    refused = registry.send(f"registry.{kind}", about, actor="kadis", id="untuk-siti-aminah")
    assert codes(refused) == [("text.owner_name", "id")]
    assert not registry.send(f"registry.{kind}", about, actor="kadis", id="untuk-pemilik").problems


def test_nor_does_the_id_of_a_correction_hold_the_name_that_is_right(registry: Registry) -> None:
    """The one that is told, or that the record has with which this one is joined."""
    registry.report(trade(name="Laundry Kilat"), person(nik=OTHER_NIK, name=NAME))
    registry.report(trade(), person(name="Belum Diketahui"))
    about = {"owner_id": registry.owner_of(NIK).owner_id}
    for told in ({"name": NAME}, {"nik": OTHER_NIK}):
        refused = registry.send("registry.owner.correct", {**about, **told}, actor="kadis", id="untuk-siti-aminah")
        assert codes(refused) == [("text.owner_name", "id")]
