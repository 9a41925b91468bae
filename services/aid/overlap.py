"""Overlaps: two interventions for one person that should not stand together, and what became of them (S1-24, S3-06).

Which pairs those are is a dated policy matrix (``overlaps.csv`` beside this file): kind by kind, within so many months,
for the same purpose or another, ``block``, ``warn`` or ``allow``. Of the rows that apply the strictest counts, and what
no row speaks of is allowed. A purpose that is not known counts as the same: it cannot be shown to be another one.

A pair conflicts softly as long as the other is only planned, and hard once it is approved. What is told of a pair
follows from the two interventions and the policy of the later day alone, so it does not matter who reported first.
"""

from __future__ import annotations

import csv
import uuid
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from itertools import combinations

from services.aid.recipient import GIVEN, Intervention, Recipient
from shared.contracts.problem import Problem

_PAIRS = uuid.UUID("0c1b8e9a-6a0f-5b53-9d0e-3c1f5d1f7b42")
_STRICT = ("allow", "warn", "block")


# --- policy -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rule:
    """What the matrix says of two kinds, as of ``valid_from``: for interventions of the ``same`` purpose, of ``other``
    purposes, or of ``any``, that lie less than so many calendar ``months`` apart."""

    valid_from: date
    kinds: frozenset[str]
    purpose: str
    months: int
    verdict: str
    source: str
    text_id: str
    text_en: str

    def speaks_of(self, one: Intervention, other: Intervention) -> bool:
        return self.purpose in ("any", _purposes(one, other)) and _apart(one.on, other.on, self.months)


def rule_for(one: Intervention, other: Intervention) -> Rule | None:
    """The strictest row in force on the later of the two days that speaks of this pair; None where none does."""
    kinds = frozenset({one.kind, other.kind})
    speaking = [rule for rule in _in_force(kinds, max(one.on, other.on)) if rule.speaks_of(one, other)]
    return max(speaking, key=lambda rule: _STRICT.index(rule.verdict), default=None)


def _in_force(kinds: frozenset[str], on: date) -> Iterable[Rule]:
    """Of several rows for the same kinds and purpose the latest that is in force."""
    rules = (rule for rule in _rules() if rule.kinds == kinds and rule.valid_from <= on)
    return {rule.purpose: rule for rule in sorted(rules, key=lambda rule: rule.valid_from)}.values()


@cache
def _rules() -> tuple[Rule, ...]:
    with resources.files(__package__).joinpath("overlaps.csv").open(encoding="utf-8") as rows:
        return tuple(
            Rule(
                valid_from=date.fromisoformat(row["valid_from"]),
                kinds=frozenset({row["kind"], row["other_kind"]}),
                purpose=row["purpose"],
                months=int(row["months"]),
                verdict=row["verdict"],
                source=row["source"],
                text_id=row["text_id"],
                text_en=row["text_en"],
            )
            for row in csv.DictReader(rows)
        )


def _purposes(one: Intervention, other: Intervention) -> str:
    known = one.purpose is not None and other.purpose is not None
    return "other" if known and one.purpose != other.purpose else "same"


def _apart(one: date, other: date, months: int) -> bool:
    """Whether two days lie less than so many calendar months apart: what was given on 31 January is a month old on the
    last of February."""
    earlier, later = sorted((one, other))
    year, month = divmod(earlier.year * 12 + earlier.month - 1 + months, 12)
    return (later.year, later.month, later.day) < (year, month + 1, min(earlier.day, monthrange(year, month + 1)[1]))


# --- conflicts --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Conflict:
    """What stands against an intervention: another one, by a rule. ``hard`` where that one is decided already."""

    overlap_id: str
    other: Intervention
    verdict: str
    hard: bool
    rule: Rule


def overlap_id(one: str, other: str) -> str:
    """The id of a pair of interventions, whichever came first."""
    return str(uuid.uuid5(_PAIRS, "/".join(sorted((one, other)))))


def conflicts(recipient: Recipient | None, proposed: Intervention) -> tuple[Conflict, ...]:
    """What the person has been given or is to be given that stands against a further intervention, or against this one
    itself; without what an official has said may stand together."""
    known = recipient.interventions if recipient is not None else ()
    settled = recipient.settled if recipient is not None else ()
    against = (_conflict(proposed, one) for one in known if one.intervention_id != proposed.intervention_id)
    return tuple(one for one in against if one is not None and one.overlap_id not in settled)


def _conflict(proposed: Intervention, other: Intervention) -> Conflict | None:
    rule = _stands_against(proposed, other)
    if rule is None:
        return None
    id_ = overlap_id(proposed.intervention_id, other.intervention_id)
    return Conflict(id_, other, rule.verdict, other.stage in GIVEN, rule)


def _stands_against(one: Intervention, other: Intervention) -> Rule | None:
    if "cancelled" in (one.stage, other.stage):
        return None
    rule = rule_for(one, other)
    return rule if rule is not None and rule.verdict != "allow" else None


def blocking(found: Iterable[Conflict]) -> tuple[Conflict, ...]:
    """Those for which nothing more may be approved or handed over: ``block``, and the other one is decided."""
    return tuple(one for one in found if one.hard and one.verdict == "block")


def problem_of(conflict: Conflict, field: str) -> Problem:
    """What an office is told of a conflict: ``overlap.blocked``, as a refusal, or ``overlap.found``, as a warning."""
    other, rule = conflict.other, conflict.rule
    which_id = f"{other.agency} ({other.kind}, {_STAGES[other.stage][0]} {other.on.isoformat()})"
    which_en = f"{other.agency} ({other.kind}, {_STAGES[other.stage][1]} {other.on.isoformat()})"
    if blocking([conflict]):
        return Problem(
            code="overlap.blocked",
            field=field,
            text_id=f"Tumpang tindih dengan bantuan dari {which_id}. {rule.text_id} Selesaikan dahulu dengan instansi "
            "itu (aid.overlap.resolve), atau batalkan.",
            text_en=f"It overlaps with what was given by {which_en}. {rule.text_en} Settle it with that agency first "
            "(aid.overlap.resolve), or cancel.",
        )
    return Problem(
        code="overlap.found",
        field=field,
        text_id=f"Mungkin tumpang tindih dengan bantuan dari {which_id}. {rule.text_id} Hubungi instansi itu.",
        text_en=f"It may overlap with what is given by {which_en}. {rule.text_en} Talk to that agency.",
    )


_STAGES: Mapping[str, tuple[str, str]] = {
    "planned": ("direncanakan", "planned"),
    "approved": ("disetujui", "approved"),
    "handed_over": ("diserahkan", "handed over"),
}


# --- pairs ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pair:
    """Two interventions of one person that stand against each other, in the order of their ids."""

    sides: tuple[Intervention, Intervention]
    rule: Rule

    @property
    def overlap_id(self) -> str:
        one, other = self.sides
        return overlap_id(one.intervention_id, other.intervention_id)

    @property
    def hard(self) -> bool:
        return any(one.stage in GIVEN for one in self.sides)


def pairs(recipient: Recipient) -> Iterator[Pair]:
    """All that stand against each other now, settled or not."""
    for one, other in combinations(recipient.interventions, 2):
        rule = _stands_against(one, other)
        if rule is not None:
            yield Pair((one, other), rule)


def possible(interventions: Sequence[Intervention], others: Sequence[Intervention]) -> set[str]:
    """The ids of all pairs of one with another, whether they conflict or not: what may be known of them."""
    return {
        overlap_id(one.intervention_id, other.intervention_id)
        for one in interventions
        for other in others
        if one.intervention_id != other.intervention_id
    }
