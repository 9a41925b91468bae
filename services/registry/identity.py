"""Whose number is whose: by what an owner is recognised, and when two records turn out to be of one owner.

A person is recognised by NIK, a legal entity by NPWP or NIB. An owner without a number is provisional: recognised by
its business alone, until a report brings the number. If nobody has that number the provisional owner becomes real; else
the two are one, and their histories are joined in the one that had it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from services.registry.owner import NUMBERS, Owner
from shared.contracts.registry.owners import ReportedOwner


@dataclass(frozen=True, slots=True)
class Ownership:
    """Whose a business is after a report: an owner there is, or a new one (None), and who turns out to be the same.

    ``differs`` names a number that cannot be of the recorded owner.
    """

    owner: Owner | None
    joining: tuple[Owner, ...] = ()
    differs: str | None = None


def told_numbers(told: ReportedOwner | None) -> dict[str, str]:
    """The numbers by which a report says who the owner is, by kind."""
    return {} if told is None else {kind: number for kind in NUMBERS if (number := getattr(told, kind)) is not None}


def settle(told: Mapping[str, str], recorded: Owner | None, numbered: Sequence[Owner]) -> Ownership:
    """Whose business it is, from the numbers told, the owner it is recorded with, and those who have these numbers.

    The one that remains is known by the surest number; where none is, it is the one there is.
    """
    found = {one.owner_id: one for one in (*([recorded] if recorded is not None else []), *numbered)}.values()
    ranked = sorted(found, key=_certainty)
    if differs := _difference(told, ranked):
        return Ownership(recorded, differs=differs)
    return Ownership(ranked[0], tuple(ranked[1:])) if ranked else Ownership(None)


def _certainty(owner: Owner) -> int:
    return next((place for place, kind in enumerate(NUMBERS) if kind in owner.tokens), len(NUMBERS))


def _difference(told: Mapping[str, str], owners: Sequence[Owner]) -> str | None:
    """The kind of a number that two of these, or one of these and what was told, have differently."""
    for one in owners:
        for kind, number in told.items():
            if not _is_of(one, kind, number):
                return kind
    for one, other in combinations(owners, 2):
        if differing := [kind for kind, number in one.numbers.items() if not _is_of(other, kind, number)]:
            return differing[0]
    return None


def _is_of(owner: Owner, kind: str, number: str) -> bool:
    """Whether a number can be this owner's: it is, or it was until it was corrected, or the owner has none of its kind
    and is not known to be of the other kind (a person has no NPWP or NIB here, an entity no NIK)."""
    own = owner.numbers
    if kind in own:
        return own[kind] == number or number in owner.formerly
    return not own or ("nik" in own) == (kind == "nik")


def newly_told(owner: Owner | None, told: Mapping[str, str]) -> dict[str, str]:
    """The numbers that an owner did not have before."""
    return {kind: number for kind, number in told.items() if owner is None or kind not in owner.numbers}


def corrected_since(owners: Iterable[Owner | None], told: Mapping[str, str]) -> list[str]:
    """The kinds of number told that have been corrected since."""
    known = [one for one in owners if one is not None]
    return [kind for kind, number in told.items() if any(number in one.formerly for one in known)]
