"""A decision sees what earlier ones of its batch have left, and asking for what nobody loaded is an error."""

from __future__ import annotations

import pytest

from shared.kernel.held import HELD
from shared.kernel.state import ById, ByKey, ByTag, Collection, Due, Lookup, NotLoadedError, Page, WorkingSet
from tests.shared.kernel.toy import MEMBERS, NOW, Member

ANA, BUDI = Member(member_id="1", name="ana"), Member(member_id="2", name="budi")
ONE, TWO, NAMED = ById(MEMBERS, "1"), ById(MEMBERS, "2"), ByKey(MEMBERS, "name:ana")
CIRCLE = ByTag(MEMBERS, "circle:everybody")


def loaded(*members: Member, lookups: tuple[Lookup, ...] = ()) -> WorkingSet:
    working = WorkingSet()
    for member in members:
        working.add(MEMBERS, member)
    for lookup in lookups:
        working.loaded(lookup, ())
    return working


@pytest.mark.parametrize("lookup", [ONE, NAMED])
def test_none_is_an_answer_only_after_looking(lookup: ById[Member] | ByKey[Member]) -> None:
    """ "There is none" must come from the database, not from a forgotten ``needs``."""
    with pytest.raises(NotLoadedError):
        WorkingSet().get(lookup)
    assert loaded(lookups=(lookup,)).get(lookup) is None


def test_one_that_is_there_for_another_reason_needs_no_look_of_its_own() -> None:
    """Loaded by its key, it is also known by its id; a set is complete only when it was asked for."""
    working = loaded(ANA, lookups=(NAMED,))
    assert working.get(ONE) == ANA
    with pytest.raises(NotLoadedError):
        working.all(CIRCLE)


@pytest.mark.parametrize("lookup", [CIRCLE, Page(MEMBERS, "circle:everybody"), Due(MEMBERS, until=NOW)])
def test_sets_must_have_been_asked_for(lookup: ByTag[Member] | Page[Member] | Due[Member]) -> None:
    """Also when members of it happen to be there."""
    with pytest.raises(NotLoadedError):
        loaded(ANA).all(lookup)


def test_a_change_is_found_under_its_new_names_only() -> None:
    """A renamed member frees its name, for those decided later in the batch."""
    working = loaded(ANA, BUDI, lookups=(NAMED, CIRCLE))
    before = working.put(MEMBERS, Member(member_id="1", name="cici", circle="few"))
    assert before == ANA
    assert working.get(NAMED) is None
    assert working.found(ByKey(MEMBERS, "name:cici")) == ("1",)
    assert working.all(CIRCLE) == [BUDI]


def test_a_name_taken_over_within_the_batch_stays_with_the_taker() -> None:
    """When the former holder is changed again afterwards, it must not take the name with it."""
    working = loaded(ANA, BUDI, lookups=(NAMED,))
    working.put(MEMBERS, Member(member_id="1", name="cici"))
    working.put(MEMBERS, Member(member_id="2", name="ana"))
    working.put(MEMBERS, Member(member_id="1", name="dodi"))
    found = working.get(NAMED)
    assert found is not None
    assert found.member_id == "2"


def test_what_is_removed_is_gone_and_may_come_again() -> None:
    """Removal is seen by later decisions of the batch."""
    working = loaded(ANA, lookups=(ONE, NAMED, CIRCLE))
    working.remove(MEMBERS, ANA)
    assert (working.get(ONE), working.get(NAMED), working.all(CIRCLE)) == (None, None, [])
    working.put(MEMBERS, ANA)
    assert (working.get(ONE), working.all(CIRCLE)) == (ANA, [ANA])


def test_loading_never_overwrites_what_the_batch_has_changed() -> None:
    """A second round of loading brings the aggregate again, as it stands in the database."""
    working = loaded(ANA)
    working.put(MEMBERS, Member(member_id="1", name="cici"))
    working.add(MEMBERS, ANA)
    assert working.get(ONE) == Member(member_id="1", name="cici")


def test_pages_are_what_they_were_when_loaded_with_the_members_as_they_are_now() -> None:
    """A worker goes through a page it has read; a change made meanwhile in the batch is seen."""
    page = Page(MEMBERS, "circle:everybody", limit=2)
    working = loaded(ANA, BUDI)
    working.loaded(page, ["1", "2"])
    working.put(MEMBERS, Member(member_id="2", name="cici", circle="few"))
    assert [one.name for one in working.all(page)] == ["ana", "cici"]


def test_what_is_missing_is_what_has_not_been_looked_up() -> None:
    """The loading rounds end when nothing is missing any more."""
    working = loaded(ANA, lookups=(ONE,))
    assert working.missing([ONE, TWO, CIRCLE]) == {TWO, CIRCLE}


def test_what_is_used_is_known() -> None:
    """The unit of work guards what a decision looked at, also what it found to be absent."""
    working = loaded(ANA, lookups=(ONE, TWO))
    working.get(ONE)
    working.get(TWO)
    assert working.used == {ONE, TWO}


def test_collections_are_told_apart_by_identity_and_lookups_by_content() -> None:
    """Lookups are kept in sets: equal ones are one, with and without guard are two."""
    assert len({ById(MEMBERS, "1"), ById(MEMBERS, "1"), ById(MEMBERS, "1", guard=False), ById(HELD, "1")}) == 3
    twin = Collection(name="members", model=Member, id_of=lambda one: one.member_id)
    assert ById(twin, "1") != ById(MEMBERS, "1")
