"""Who is a member of which cooperative is told to notify alone, by the door of contacts, so that members can be
reminded (S4-12, S4-13)."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from services.registry.store import MEMBERS
from shared.contracts.catalogue import TYPES, Kind
from tests.services.registry.cooperative_samples import Cooperatives
from tests.services.registry.memory import SIANTAR, person, trade
from tests.shared.reference import generate


@pytest.fixture
def registry() -> Cooperatives:
    return Cooperatives()


def told(registry: Cooperatives, owner_id: str) -> dict[str, str] | None:
    """The roles of a person by cooperative, as the last contact says; None for one that says nothing of the person."""
    contacts = [fact for fact in registry.facts if fact.subject == owner_id and TYPES[fact.type].kind is Kind.CONTACT]
    contact = contacts[-1].data.model_dump(mode="json")["contact"]
    if contact["erased"]:
        return None
    return {one["cooperative_id"]: one["role"] for one in contact["cooperatives"] or ()}


def enroll(registry: Cooperatives, id_: str, *members: Any, verb: str = "enroll", **role: Any) -> str:
    data = {"cooperative_id": id_, "members": [{**one, **role} for one in members]}
    return str(registry.accept(f"registry.cooperative.{verb}", data, SIANTAR)["outcome"])


def test_founders_and_members_are_told_by_the_door_of_contacts_alone(registry: Cooperatives) -> None:
    """What the public is told is how many there are."""
    people, id_ = registry.persons(10), registry.forming()
    registry.founded(id_, [{**people[0], "role": "pengurus"}, *people[1:9]])
    enroll(registry, id_, people[9])
    assert told(registry, people[0]["owner_id"]) == {id_: "pengurus"}
    assert {told(registry, one["owner_id"])[id_] for one in people[1:]} == {"anggota"}  # type: ignore[index]
    public = [fact.data.model_dump_json() for fact in registry.facts if TYPES[fact.type].kind is Kind.EVENT]
    named = [one for one in people if any(one["owner_id"] in text and id_ in text for text in public)]
    assert named == []


def test_a_member_gets_another_role_by_being_named_again(registry: Cooperatives) -> None:
    """A board is elected by the RAT; the list of members stays as long as it is."""
    people, id_ = registry.persons(9), registry.forming()
    registry.founded(id_, people)
    assert enroll(registry, id_, people[0], role="pengurus") == "updated"
    assert enroll(registry, id_, people[0], role="pengurus") == "unchanged"
    assert enroll(registry, id_, people[0]) == "unchanged"
    assert told(registry, people[0]["owner_id"]) == {id_: "pengurus"}
    assert (registry.cooperative(id_).listed_members, len(registry.all(MEMBERS))) == (9, 9)


def test_who_resigns_is_no_member_to_notify_either(registry: Cooperatives) -> None:
    people, first = registry.persons(9), registry.forming()
    second = registry.forming()
    registry.founded(first, people)
    registry.founded(second, people)
    enroll(registry, first, people[0], verb="resign")
    assert told(registry, people[0]["owner_id"]) == {second: "anggota"}
    assert set(told(registry, people[1]["owner_id"]) or ()) == {first, second}


def test_a_record_that_is_joined_takes_its_memberships_along(registry: Cooperatives) -> None:
    """The old id is forgotten by notify; the owner is a member now."""
    people, id_ = registry.persons(9), registry.forming()
    registry.founded(id_, people)
    trade_of = {"name": "Anyaman Rotan", "region": "12.72.01.1001", "agency_ref": "A-1"}
    record = registry.report(trade(**trade_of), {"name": "Pemilik Contoh"}, SIANTAR).result
    enroll(registry, id_, {"owner_id": str(record["owner_id"]), "business_id": str(record["business_id"])})
    nik = generate.nik(Random(7), regency="12.72")
    owner = registry.report(trade(name="Kopi", region="12.72.01.1001"), person(nik=nik), SIANTAR).result["owner_id"]
    assert told(registry, str(owner)) == {}
    registry.report(trade(**trade_of), person(nik=nik), SIANTAR)
    registry.work()
    assert told(registry, str(record["owner_id"])) is None
    assert told(registry, str(owner)) == {id_: "anggota"}
    enroll(registry, id_, {"owner_id": str(record["owner_id"])}, verb="resign")
    assert told(registry, str(owner)) == {}
