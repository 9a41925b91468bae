"""Histories of owners: recorded with and without a number, joined, corrected, doubled, in any order: one register."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.registry.store import OWNERS
from shared.contracts.catalogue import TYPES, Kind
from shared.reference.personal import find_personal
from tests.services.registry.memory import MEDAN, SEEN, Registry, trade
from tests.shared.reference import generate

DAY = timedelta(days=1)
PEOPLE = generate.distinct(lambda rng: generate.nik(rng, regency="12.71"), Random(7), 2)
NUMBERS = generate.distinct(generate.phone, Random(8), 3)
NAMES = ("Ibu Satu", "Ibu Dua", "Ibu Tiga")
OWNER_OF = (0, 0, 0, 1)
"""Whose each business is."""

Word = tuple[str, int, bool, str, str | None, int]
words: st.SearchStrategy[Word] = st.tuples(
    st.sampled_from(["report", "report", "report", "correct", "stop"]),
    st.integers(0, len(OWNER_OF) - 1),
    st.booleans(),
    st.sampled_from(NAMES),
    st.none() | st.sampled_from(NUMBERS),
    st.integers(0, 4),
)
histories = st.lists(words, min_size=1, max_size=9)


def say(registry: Registry, word: Word, id_: str) -> None:
    """A report with or without the NIK, or the owner's own word on what is recorded."""
    kind, which, numbered, name, phone, days = word
    at = SEEN + days * DAY
    if kind == "report":
        owner: dict[str, Any] = {"name": name} | ({"phone": phone} if phone else {})
        owner |= {"nik": PEOPLE[OWNER_OF[which]]} if numbered else {}
        owner |= {"consent": {"whatsapp": True}} if phone else {}
        decision = registry.report(trade(agency_ref=f"A-{which}", name=f"Usaha {which}"), owner, time=at, id=id_)
    else:
        (business,) = (one for one in registry.businesses() if one.agency_refs[MEDAN] == f"A-{which}")
        about = {"owner_id": business.owner_id}
        if kind == "correct":
            about |= {"name": name} | ({"phone": phone} if phone else {})
            decision = registry.send("registry.owner.correct", about, actor="kadis", time=at, id=id_)
        else:
            about |= {"channels": ["whatsapp"]}  # type: ignore[dict-item]
            decision = registry.send("registry.consent.withdraw", about, "notify", time=at, id=id_)
    assert not decision.problems, decision.problems


def lived(told: list[tuple[Word, str]]) -> Registry:
    """A register in which all businesses are known, without numbers, when it begins."""
    registry = Registry()
    for which in range(len(OWNER_OF)):
        registry.report(
            trade(agency_ref=f"A-{which}", name=f"Usaha {which}"),
            {"name": "Belum Ada"},
            time=SEEN - DAY,
            id=f"0-{which}",
        )
    for word, id_ in told:
        say(registry, word, id_)
    registry.work()
    return registry


def end_state(registry: Registry) -> list[Any]:
    """Which businesses have one owner, and what is known of each owner; ids and counters aside."""
    counters = {"owner_id", "sequence", "told", "joined", "joined_into"}
    owners = {one.owner_id: one for one in registry.owners() if one.joined_into is None}
    of_owner: dict[str, list[str]] = {owner_id: [] for owner_id in owners}
    for one in registry.businesses():
        of_owner[one.owner_id].append(one.agency_refs[MEDAN])
    return sorted(
        (sorted(refs), json.dumps(owners[owner_id].model_dump(mode="json", exclude=counters), sort_keys=True))
        for owner_id, refs in of_owner.items()
    )


@settings(max_examples=80, deadline=None)
@given(histories, st.randoms(use_true_random=False))
def test_owners_end_alike_in_whatever_order_the_words_come(history: list[Word], rng: Any) -> None:
    """The NIK first or the records first, a correction before or after the list it corrects, twice or once."""
    numbered = [(word, f"w-{place}") for place, word in enumerate(history)]
    shuffled = numbered * 2
    rng.shuffle(shuffled)
    assert end_state(lived(shuffled)) == end_state(lived(numbered))


@settings(max_examples=60, deadline=None)
@given(histories)
def test_one_number_has_one_owner_and_every_business_has_one_that_is_there(history: list[Word]) -> None:
    """S1-24: however a person's records came about; an id that is left over leads to an owner in one step."""
    registry = lived([(word, f"w-{place}") for place, word in enumerate(history)])
    owners = {one.owner_id: one for one in registry.owners()}
    numbers = Counter(number for one in owners.values() for number in one.numbers.values())
    assert all(count == 1 for count in numbers.values())
    assert all(owners[one.owner_id].joined_into is None for one in registry.businesses())
    for one in owners.values():
        if one.joined_into is not None:
            assert owners[one.joined_into].joined_into is None
            assert (one.name, one.phone, one.seen, one.tokens) == (None, None, {}, {})


@settings(max_examples=60, deadline=None)
@given(histories)
def test_notify_and_the_public_can_follow_by_the_last_word_on_each_id(history: list[Word]) -> None:
    """The last contact of an owner is what is known; that of a record that was joined is a tombstone; and no event
    names anybody."""
    registry = lived([(word, f"w-{place}") for place, word in enumerate(history)])
    contacts: dict[str, Any] = {}
    for fact in registry.facts:
        if TYPES[fact.type].kind is Kind.CONTACT:
            contacts[fact.subject] = fact.data.model_dump()["contact"]
        else:
            wire = fact.data.model_dump_json()
            assert find_personal(wire) is None
            assert not any(secret in wire for secret in (*PEOPLE, *NUMBERS, *NAMES))
    for one in registry.all(OWNERS):
        told = contacts[one.owner_id]
        assert told["erased"] == (one.joined_into is not None)
        assert (told["name"], told["phone"]) == (one.name, one.phone)
        joined = [
            fact for fact in registry.facts if fact.type == "registry.owner.joined" and fact.subject == one.owner_id
        ]
        assert bool(joined) == (one.joined_into is not None)
