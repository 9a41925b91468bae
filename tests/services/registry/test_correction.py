"""What a person asks to have put right is put right at once, and old lists do not undo it (UU PDP art. 30)."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import pytest

from shared.decision import Decision
from tests.services.registry.memory import NIK, OTHER_NIK, PHONE, SEEN, SIANTAR, Registry, codes, person, trade
from tests.shared.reference import generate

CORRECT = "registry.owner.correct"
DAY = timedelta(days=1)
NPWP = generate.npwp(Random(1), digits=16)


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.report(trade(agency_ref="A-1"), person())
    return registry


def correct(registry: Registry, actor: str = "kabid", account: str = "dinkop-medan", **told: Any) -> Decision:
    (business,) = (one for one in registry.businesses() if one.agency_refs.get("dinkop-medan") == "A-1")
    data = {"owner_id": business.owner_id, **told}
    return registry.send(CORRECT, data, account, actor=actor, time=SEEN + 2 * DAY)


def test_name_and_number_are_put_right_and_notify_is_told(registry: Registry) -> None:
    other = generate.phone(Random(9))
    result = correct(registry, name="Nama Benar", phone=other).result
    assert result == {"owner_id": registry.owner().owner_id, "outcome": "corrected"}
    contact = registry.facts[-1].data.model_dump(mode="json")["contact"]
    assert (contact["name"], contact["phone"]) == ("Nama Benar", other)
    assert correct(registry, name="Nama Benar", phone=other).result["outcome"] == "unchanged"


def test_reports_of_before_do_not_undo_it_and_those_of_after_do(registry: Registry) -> None:
    """Also one of the same instant; a list observed later is news."""
    correct(registry, name="Nama Benar")
    registry.report({"agency_ref": "A-1"}, {"name": "Nama Lama"}, time=SEEN + DAY)
    registry.report({"agency_ref": "A-1"}, {"name": "Nama Lama"}, time=SEEN + 2 * DAY, id="zzz")
    assert registry.owner().name == "Nama Benar"
    registry.report({"agency_ref": "A-1"}, {"name": "Nama Baru"}, time=SEEN + 3 * DAY)
    assert registry.owner().name == "Nama Baru"


def test_a_wrong_nik_is_replaced_and_the_owner_keeps_its_id(registry: Registry) -> None:
    before = registry.owner()
    assert correct(registry, nik=OTHER_NIK).result["outcome"] == "corrected"
    after = registry.owner()
    assert (after.owner_id, after.nik, after.formerly) == (before.owner_id, OTHER_NIK, (NIK,))
    registry.report(trade(name="Lain"), {"nik": OTHER_NIK, "name": "Pemilik"})
    assert len(registry.owners()) == 1


def test_a_list_that_still_has_the_wrong_nik_finds_its_owner_and_is_told(registry: Registry) -> None:
    """By the business; the wrong number comes back nowhere, and is free for whose it is."""
    correct(registry, nik=OTHER_NIK)
    late = registry.report(trade(agency_ref="A-1", workers=4), person(), time=SEEN + 5 * DAY)
    assert [(one.code, one.field) for one in late.warnings] == [("owner.number_corrected", "data.owner.nik")]
    assert registry.owner().nik == OTHER_NIK
    registry.report(trade(name="Usaha Orang Lain"), person(name="Orang Lain"))
    assert len(registry.owners()) == 2
    again = registry.report({"agency_ref": "A-1", "workers": 5}, {"nik": NIK}, time=SEEN + 6 * DAY)
    assert codes(again) == [("business.owner_differs", "data.owner.nik")]


def test_if_the_right_nik_has_an_owner_the_two_are_joined(registry: Registry) -> None:
    registry.report(trade(name="Laundry Kilat"), person(nik=OTHER_NIK, name="Nama Benar"), time=SEEN + DAY)
    right = registry.owner_of(OTHER_NIK).owner_id
    assert correct(registry, nik=OTHER_NIK).result == {"owner_id": right, "outcome": "joined"}
    registry.work()
    assert {one.owner_id for one in registry.businesses()} == {right}
    owner = registry.owner_of(OTHER_NIK)
    assert (owner.name, owner.phone, owner.formerly) == ("Nama Benar", PHONE, (NIK,))
    assert not any(one.nik == NIK for one in registry.owners())


def test_an_official_may_give_a_number_to_who_has_none(registry: Registry) -> None:
    registry.report(trade(agency_ref="A-1", name="Keripik Lain"), None, time=SEEN)
    fresh = Registry()
    fresh.report(trade(agency_ref="A-1"), {"name": "Ibu"})
    correct(fresh, nik=NIK)
    assert fresh.owner().nik == NIK
    assert "owner.identified" in fresh.told()


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, ("field.required", "data.name")),
        ({"legal_form": "pt"}, ("owner.person_or_entity", "data")),
        ({"npwp": NPWP, "legal_form": "pt"}, ("owner.person_or_entity", "data")),
    ],
)
def test_what_cannot_be_is_refused(registry: Registry, told: dict[str, Any], expected: tuple[str, str]) -> None:
    assert codes(correct(registry, **told)) == [expected]


def test_only_officials_of_the_place_correct(registry: Registry) -> None:
    assert codes(correct(registry, account=SIANTAR, name="X"))[0] == ("authority.region", "data.owner_id")
    assert codes(correct(registry, actor="petugas", name="X")) == [("actor.unknown", "actor")]
