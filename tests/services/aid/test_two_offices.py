"""Two offices that give to one person: who was first, at the same instant, and by whatever record of the person."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.aid.store import GRANTS, OVERLAPS
from shared.contracts.registry.owners import OwnerEvent
from shared.contracts.registry.persons import PersonEvent
from shared.decision import Decision
from tests.samples import MEDAN, SIANTAR
from tests.services.aid.granting import Office
from tests.services.aid.memory import NOW, Memory

OPD = "dinsos-medan"
OWNER, OTHER = "00000000-0000-8000-8000-00000000000a", "00000000-0000-8000-8000-00000000000b"
TOKEN = "k1.0123456789abcdef0123456789abcdef"


class Offices:
    """Medan and Siantar, each with a programme of carts and a business of the same owner, and an OPD that reports."""

    def __init__(self, other_owner: str = OWNER) -> None:
        self.memory = Memory()
        self.medan, self.siantar = Office(self.memory), Office(self.memory, SIANTAR, "12.72")
        self.memory.know_agency(OPD, level="opd")
        self.medan.know("stall", owner_id=OWNER)
        self.siantar.know("kitchen", owner_id=other_owner, region="12.72.01.1001")
        self.programmes = {
            MEDAN: self.medan.open(criteria=[]),
            SIANTAR: self.siantar.open(criteria=[], region="12.72"),
        }
        self.memory.work()

    def verified(self) -> tuple[str, str]:
        """A grant of either, ready to be decided."""
        one = self.medan.verified(self.programmes[MEDAN], "stall")
        return one, self.siantar.verified(self.programmes[SIANTAR], "kitchen")

    def report(self, stage: str = "approved", **changes: object) -> Decision:
        told = {"business_id": "stall", "reference": "BA-1", "kind": "equipment", "purpose": "gerobak"}
        data = {**told, "stage": stage, "on": "2026-02-20", **changes}
        return self.memory.send("aid.external_grant.report", data, OPD, None, time=NOW)

    def withdraw(self) -> None:
        data, later = {"reference": "BA-1", "reason": "batal"}, NOW + timedelta(seconds=1)
        assert not self.memory.send("aid.external_grant.withdraw", data, OPD, None, time=later).problems

    def decided(self) -> list[str]:
        return [one.agency for one in self.memory.all(GRANTS) if one.status == "decided"]


def codes(decision: Decision) -> list[str]:
    return [one.code for one in decision.problems]


def test_the_second_approval_is_refused_and_both_were_told_before_it() -> None:
    """S1-24: found when both have asked, hard once one is approved."""
    offices = Offices()
    one, other = offices.verified()
    assert [fact.region for fact in offices.memory.told("aid.overlap.detected")] == ["12.71", "12.72"]
    assert not codes(offices.medan.decide(one))
    assert codes(offices.siantar.decide(other)) == ["overlap.blocked"]
    last = offices.memory.told("aid.overlap.detected")[-1].data.model_dump(mode="json")["overlap"]
    assert (last["hard"], set(last["agencies"])) == (True, {MEDAN, SIANTAR})


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_approvals_in_one_instant_one_wins(first: int) -> None:
    """Each was decided without the other in sight; the one that is written later is decided again, and sees it."""
    offices = Offices()
    one, other = offices.verified()
    offices.memory.delay = True
    taken = [offices.medan.decide(one), offices.siantar.decide(other)]
    assert [codes(decision) for decision in taken] == [[], []]
    pending = offices.memory.pending
    assert not codes(pending[first].commit())
    assert codes(pending[1 - first].commit()) == ["overlap.blocked"]
    assert offices.decided() == [(MEDAN, SIANTAR)[first]]


def test_one_that_gives_up_lets_the_other_give() -> None:
    """A flag goes when its cause goes."""
    offices = Offices()
    one, other = offices.verified()
    offices.medan.decide(one)
    offices.medan.take("cancel", one, "kadis", reason="Penerima mundur")
    assert [known.status for known in offices.memory.all(OVERLAPS)] == ["cleared"]
    assert not codes(offices.siantar.decide(other))


def test_what_another_office_has_given_blocks_until_it_is_settled_or_taken_back() -> None:
    """A plan only warns; what is approved blocks a decree and a hand-over; an official of neither is not asked."""
    offices = Offices()
    one, _ = offices.verified()
    offices.report("planned")
    offices.report(on="2026-02-21")
    assert codes(offices.medan.decide(one)) == ["overlap.blocked"]
    offices.withdraw()
    assert not codes(offices.medan.decide(one))


def test_what_another_office_has_approved_before_the_hand_over_stops_it() -> None:
    """A fact that was accepted before the hand-over counts; settled by an official, it does not."""
    offices = Offices()
    one = offices.medan.decided(offices.programmes[MEDAN], "stall")
    offices.report()
    assert codes(offices.medan.hand_over(one)) == ["overlap.blocked"]
    (known,) = offices.memory.all(OVERLAPS)
    data = {"overlap_id": known.overlap_id, "resolution": "complementary", "reason": "Gerobak kedua"}
    assert not codes(offices.memory.send("aid.overlap.resolve", data))
    assert not codes(offices.medan.hand_over(one))


def test_a_second_record_or_a_token_lets_nobody_through() -> None:
    """One person with two records, and one whom an office knew before registry did (a new NIK, registry.owner.joined,
    registry.person.matched)."""
    offices = Offices(other_owner=OTHER)
    one, other = offices.verified()
    assert not codes(offices.medan.decide(one))
    joined = {"owner": {"owner_id": OTHER, "identified": True, "joined_into": OWNER}}
    offices.memory.hear("registry.owner.joined", OwnerEvent.model_validate(joined), 1)
    assert codes(offices.siantar.decide(other)) == ["overlap.blocked"]

    offices = Offices(other_owner=OTHER)
    _, other = offices.verified()
    offices.report(business_id=None, person=TOKEN)
    matched = {"person": {"token": TOKEN, "owner_id": OTHER}}
    offices.memory.hear("registry.person.matched", PersonEvent.model_validate(matched), 1)
    assert codes(offices.siantar.decide(other)) == ["overlap.blocked"]
