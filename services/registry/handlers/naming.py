"""Whose name a public text about a business must not hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from services.registry import initials
from services.registry import owner as owners
from services.registry.business import Business
from services.registry.owner import Owner
from services.registry.problems import problem
from services.registry.store import BUSINESSES, OWNERS
from shared.contracts.problem import Problem
from shared.kernel.state import ById, Lookup, WorkingSet


def owner_needs(business: Business | None) -> Iterator[Lookup]:
    """The owner, as far as the business is known by now. Not guarded: a name that is corrected meanwhile was told as it
    was."""
    if business is not None:
        yield ById(OWNERS, business.owner_id, guard=False)


def owners_needs(business_ids: Iterable[str], state: WorkingSet) -> Iterator[Lookup]:
    """The owners of businesses that the decision looks up itself."""
    for lookup in (ById(BUSINESSES, id_) for id_ in business_ids):
        yield from owner_needs(None if state.missing([lookup]) else state.get(lookup))


def problems(texts: Mapping[str, str | None], state: WorkingSet, *businesses: Business) -> list[Problem]:
    """Which texts, by field, hold the name of one of these businesses' owners."""
    return held(texts, *(state.get(ById(OWNERS, one.owner_id, guard=False)) for one in businesses))


def held(texts: Mapping[str, str | None], *persons: Owner | None) -> list[Problem]:
    """Which texts, by field, hold the name of one of these."""
    names = [owners.personal_name(one) for one in persons]
    return [
        problem("text.owner_name", field)
        for field, text in texts.items()
        if text is not None and any(initials.holds(text, name) for name in names)
    ]
