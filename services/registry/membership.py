"""Who is a member of which cooperative: a person with a link to a business, or a cooperative in a secondary one.

The businesses of S0-01 are, by law, their owners: a primer cooperative has persons as members (UU 25/1992 art. 18).
None of this is ever told to the world; a cooperative only has a number of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from services.registry import cooperative as cooperatives
from services.registry import cooperative_rules as rules
from services.registry.business import Business
from services.registry.cooperative import Cooperative
from services.registry.owner import Owner
from services.registry.problems import problem
from shared.contracts.problem import Problem
from shared.contracts.registry.cooperatives import Founder

ORDINARY = "anggota"


class Member(BaseModel):
    """One membership, of a person or a cooperative (``holder_id``)."""

    model_config = ConfigDict(frozen=True)

    cooperative_id: str
    holder_id: str
    business_id: str | None = None
    founder: bool = False
    role: str = ORDINARY

    @property
    def member_id(self) -> str:
        return member_id(self.cooperative_id, self.holder_id)


def member_id(cooperative_id: str, holder_id: str) -> str:
    return f"{cooperative_id}:{holder_id}"


def as_business(business_id: str) -> str:
    """The tag of the memberships that a business stands behind."""
    return f"as:{business_id}"


def of_cooperative(cooperative_id: str) -> str:
    """The tag of the memberships of a cooperative."""
    return f"in:{cooperative_id}"


def tags(one: Member) -> tuple[str, ...]:
    business = (as_business(one.business_id),) if one.business_id is not None else ()
    return (of_cooperative(one.cooperative_id), f"of:{one.holder_id}", *business)


@dataclass(frozen=True, slots=True)
class Known:
    """Who is meant by those that a message names, by their ids; those that are not there are missing."""

    owners: Mapping[str, Owner]
    businesses: Mapping[str, Business]
    cooperatives: Mapping[str, Cooperative]

    def holder(self, told: Founder) -> str | None:
        """The id under which a membership is kept: of a record that was joined with another, the other's.
        A person who was erased is nobody any more."""
        if told.cooperative_id is not None:
            return told.cooperative_id if told.cooperative_id in self.cooperatives else None
        owner = self.owners.get(told.owner_id or "")
        return (owner.joined_into or owner.owner_id) if owner is not None and not owner.erased else None

    def holders(self, told: Founder) -> tuple[str, ...]:
        """All ids under which a membership of this one may be kept: it may have been told before the records of one
        person were joined."""
        holder, owner = self.holder(told), self.owners.get(told.owner_id or "")
        if holder is None or owner is None:
            return () if holder is None else (holder,)
        return tuple(dict.fromkeys((holder, owner.owner_id, *owner.joined)))


def check(one: Cooperative, told: Sequence[Founder], known: Known, field: str) -> list[Problem]:
    """What is wrong with each of those named, by its place in the list."""
    problems = []
    for place, member in enumerate(told):
        code = _wrong(one, member, known)
        if code is not None:
            problems.append(problem(code, f"{field}.{place}"))
    named = [known.holder(member) or f"{place}" for place, member in enumerate(told)]
    return [*problems, *(problem("founder.twice", f"{field}.{place}") for place in rules.twice(named))]


def _wrong(one: Cooperative, told: Founder, known: Known) -> str | None:
    if (told.cooperative_id is not None) != (one.form == "sekunder"):
        return "founder.wrong_form"
    if known.holder(told) is None:
        return "founder.not_found"
    return _wrong_cooperative(one, told, known) if told.cooperative_id is not None else _wrong_person(told, known)


def _wrong_cooperative(one: Cooperative, told: Founder, known: Known) -> str | None:
    other = known.cooperatives[told.cooperative_id or ""]
    if other.cooperative_id == one.cooperative_id:
        return "founder.itself"
    return "founder.dissolved" if other.ended or other.status == cooperatives.FORMING else None


def _wrong_person(told: Founder, known: Known) -> str | None:
    owner = known.owners[told.owner_id or ""]
    if owner.legal_form is not None:
        return "founder.not_a_person"
    if told.business_id is None:
        return None
    business = known.businesses.get(told.business_id)
    if business is None or business.owner_id not in {owner.owner_id, owner.joined_into}:
        return "founder.business_of_another"
    return "founder.business_ended" if business.gone else None


def members(one: Cooperative, told: Sequence[Founder], known: Known, *, founder: bool) -> list[Member]:
    """The memberships of those named, who have been checked."""
    return [
        Member(
            cooperative_id=one.cooperative_id,
            holder_id=holder,
            business_id=member.business_id,
            founder=founder,
            role=member.role or ORDINARY,
        )
        for member in told
        if (holder := known.holder(member)) is not None
    ]
