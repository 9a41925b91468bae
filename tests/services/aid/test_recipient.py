"""One document a person, whatever the order in which it is told where ids lead."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.aid.recipient import Intervention, Recipient, led, served, with_intervention
from tests.services.aid.interventions import intervention


class People:
    """Recipients as a service keeps them, and told where ids lead as registry tells it."""

    def __init__(self) -> None:
        self.kept: dict[str, Recipient] = {}

    def of(self, id_: str) -> Recipient:
        return self.kept.get(id_) or Recipient(recipient_id=id_)

    def standing(self, id_: str) -> Recipient:
        one = self.of(id_)
        return one if one.joined_into is None else self.standing(one.joined_into)

    def give(self, one: Intervention) -> None:
        self.keep(with_intervention(self.standing(one.person_id), one))

    def lead(self, id_: str, to: str, heard: int) -> None:
        if heard > self.of(id_).heard:
            self.keep(*led(self.of(id_), to, heard, self.standing(id_), self.standing(to)))

    def keep(self, *documents: Recipient) -> None:
        self.kept |= {one.recipient_id: one for one in documents}

    def given_to(self, id_: str) -> list[str]:
        return [one.intervention_id for one in self.standing(id_).interventions]


def test_what_is_decided_counts_as_received_and_what_is_planned_or_cancelled_does_not() -> None:
    """S1-24: never served is who nobody has decided to give anything."""
    recipient = Recipient(recipient_id="owner-a")
    for number, stage in enumerate(("planned", "approved", "handed_over", "cancelled")):
        recipient = with_intervention(recipient, intervention(f"grant-{number}", stage=stage))
    assert served(recipient) == 2
    assert served(None) == 0


def test_an_intervention_replaces_what_was_known_of_it() -> None:
    """The stages of one grant are one intervention."""
    recipient = with_intervention(Recipient(recipient_id="owner-a"), intervention("grant-1", stage="planned"))
    recipient = with_intervention(recipient, intervention("grant-1", stage="approved"))
    assert [one.stage for one in recipient.interventions] == ["approved"]


def test_nothing_is_written_under_an_id_that_leads_elsewhere() -> None:
    """It would be seen by nobody: a mistake of ours, not of a sender."""
    with pytest.raises(ValueError, match="id that stands"):
        with_intervention(Recipient(recipient_id="token", joined_into="owner-a"), intervention("grant-1"))


def test_an_id_that_leads_elsewhere_takes_along_what_came_under_it_and_nothing_else() -> None:
    """A token was recorded with a wrong number, and the right person is recorded later (registry.person.matched)."""
    people = People()
    people.give(intervention("told-by-a-bank", "token"))
    people.give(intervention("our-grant", "owner-a"))
    people.lead("token", "owner-a", 1)
    assert people.given_to("owner-a") == ["our-grant", "told-by-a-bank"]
    people.lead("token", "owner-b", 2)
    assert people.given_to("owner-a") == ["our-grant"]
    assert people.given_to("token") == people.given_to("owner-b") == ["told-by-a-bank"]


# --- any order --------------------------------------------------------------------------------------------------------

Told = tuple[str, str, int] | Intervention

OWNERS = [f"owner-{number}" for number in range(5)]
TOKENS = [f"token-{number}" for number in range(2)]


@st.composite
def registers(draw: st.DrawFn) -> list[tuple[str, str, int]]:
    """Everything that a registry tells of where ids lead: records are joined one after the other, each time into one
    that stands, and all that led to the one that goes are told of anew; a token is matched, perhaps anew."""
    leads, told = dict[str, str](), dict[str, list[str]]()

    def tell(id_: str, to: str) -> None:
        leads[id_] = to
        told.setdefault(id_, []).append(to)

    for going in draw(st.permutations(OWNERS))[: draw(st.integers(0, len(OWNERS) - 1))]:
        into = draw(st.sampled_from([one for one in OWNERS if one not in leads and one != going]))
        for id_ in (going, *(one for one, to in list(leads.items()) if to == going and one in OWNERS)):
            tell(id_, into)
        for token in TOKENS:
            if draw(st.booleans()):
                tell(token, draw(st.sampled_from([one for one in OWNERS if one not in leads])))
    return [(id_, to, number) for id_, all_ in told.items() for number, to in enumerate(all_, start=1)]


def _finally(register: list[tuple[str, str, int]]) -> Mapping[str, str]:
    newest = {id_: to for id_, to, _ in sorted(register, key=lambda one: one[2])}

    def end(id_: str) -> str:
        return end(newest[id_]) if id_ in newest else id_

    return {id_: end(id_) for id_ in (*OWNERS, *TOKENS)}


@given(st.data())
def test_in_any_order_and_told_twice_each_person_has_what_came_under_any_of_its_ids(data: st.DataObject) -> None:
    """Nothing slips through by a second record, a new number or a token, and nothing is anybody else's."""
    register = data.draw(registers())
    ids = data.draw(st.lists(st.sampled_from([*OWNERS, *TOKENS]), max_size=6))
    gifts = [intervention(f"grant-{number}", id_) for number, id_ in enumerate(ids)]
    all_told: list[Told] = [*register, *gifts]
    again = data.draw(st.lists(st.sampled_from(all_told), max_size=5)) if all_told else []
    events = data.draw(st.permutations([*all_told, *again]))
    people = People()
    for event in events:
        people.give(event) if isinstance(event, Intervention) else people.lead(*event)
    stands = _finally(register)
    for id_, end in stands.items():
        assert people.standing(id_).recipient_id == end
    for end in set(stands.values()):
        mine = sorted(one.intervention_id for one in gifts if stands[one.person_id] == end)
        assert people.given_to(end) == mine
        assert set(people.standing(end).ids) == {id_ for id_, to in stands.items() if to == end}


def test_the_day_of_an_intervention_is_kept_as_a_day() -> None:
    """What is stored comes back as it was."""
    recipient = with_intervention(Recipient(recipient_id="owner-a"), intervention("grant-1"))
    again = Recipient.model_validate(recipient.model_dump(mode="json"))
    assert again == recipient
    assert again.interventions[0].on == date(2026, 3, 2)
