"""Overlaps: two interventions for one person that should not stand together, and what became of them (S1-24, S3-06).

A pair conflicts softly as long as the other is only planned, and hard once it is approved. Every pair that stands
against each other is told of to both offices, once, with its whole state; it is told again when it changes, when an
official settles it, and when its cause has gone: then the overlap is cleared, without anybody's word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Literal

from pydantic import BaseModel, ConfigDict

from services.aid.overlap_rules import Rule, rule_for
from services.aid.recipient import GIVEN, Intervention, Recipient, pair_id, to_follow, with_intervention
from shared.contracts.aid.overlaps import (
    OverlapChange,
    OverlapEvent,
    OverlapResolution,
    OverlapSide,
    OverlapState,
)
from shared.contracts.problem import Problem
from shared.decision import Cause, Fact
from shared.reference import region as regions

# --- conflicts --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Conflict:
    """What stands against an intervention: another one, by a rule. ``hard`` where that one is decided already."""

    overlap_id: str
    other: Intervention
    verdict: str
    hard: bool
    rule: Rule


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
    id_ = pair_id(proposed.intervention_id, other.intervention_id)
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
    """Why nothing can be approved as long as a conflict stands (``blocking``); of any other, its warning."""
    if not blocking([conflict]):
        return warning_of(conflict, field)
    (which_id, which_en), rule = _which(conflict.other), conflict.rule
    return Problem(
        code="overlap.blocked",
        field=field,
        text_id=f"Tumpang tindih dengan bantuan dari {which_id}. {rule.text_id} Selesaikan dahulu dengan instansi itu "
        "(aid.overlap.resolve), atau batalkan.",
        text_en=f"It overlaps with what was given by {which_en}. {rule.text_en} Settle it with that agency first "
        "(aid.overlap.resolve), or cancel.",
    )


def warning_of(conflict: Conflict, field: str) -> Problem:
    """What an office is told of a conflict when nothing is refused for it."""
    (which_id, which_en), rule = _which(conflict.other), conflict.rule
    return Problem(
        code="overlap.found",
        field=field,
        text_id=f"Tumpang tindih dengan bantuan dari {which_id}. {rule.text_id} Hubungi instansi itu.",
        text_en=f"It overlaps with what is given by {which_en}. {rule.text_en} Talk to that agency.",
    )


def _which(other: Intervention) -> tuple[str, str]:
    stage_id, stage_en = _STAGES[other.stage]
    day = other.on.isoformat()
    return f"{other.agency} ({other.kind}, {stage_id} {day})", f"{other.agency} ({other.kind}, {stage_en} {day})"


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
        return pair_id(one.intervention_id, other.intervention_id)

    @property
    def hard(self) -> bool:
        return any(one.stage in GIVEN for one in self.sides)


def pairs(recipient: Recipient) -> Iterator[Pair]:
    """All that stand against each other now, settled or not."""
    for one, other in combinations(recipient.interventions, 2):
        rule = _stands_against(one, other)
        if rule is not None:
            yield Pair((one, other), rule)


def conflicts_open(recipient: Recipient) -> list[Pair]:
    """Those that no official has settled yet."""
    return [pair for pair in pairs(recipient) if pair.overlap_id not in recipient.settled]


def possible(some: Iterable[str], others: Iterable[str]) -> set[str]:
    """The ids of all pairs of one intervention with another, whether they conflict or not: of what may be known."""
    others = list(others)
    return {pair_id(one, other) for one in some for other in others if one != other}


# --- what is told -----------------------------------------------------------------------------------------------------

Status = Literal["open", "resolved", "cleared"]


class Overlap(BaseModel):
    """A pair as last told of. It stays when its cause has gone, so that its events go on being counted if it is back.

    ``sides`` are in the order of their ids; ``source`` and the sentences are those of the rule.
    """

    model_config = ConfigDict(frozen=True)

    overlap_id: str
    sequence: int
    status: Status
    verdict: str
    source: str
    text_id: str
    text_en: str
    sides: tuple[Intervention, Intervention]
    resolution: OverlapResolution | None = None

    @property
    def hard(self) -> bool:
        return any(one.stage in GIVEN for one in self.sides)

    @property
    def agencies(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.agency for one in self.sides))

    @property
    def regions(self) -> tuple[str, ...]:
        """Where it is told of, each once: an office hears of its own region."""
        return tuple(sorted({regions.regency_or_above(one.region) for one in self.sides}))

    def published(self) -> OverlapState:
        return OverlapState(
            overlap_id=self.overlap_id,
            status=self.status,
            verdict=self.verdict,
            hard=self.hard,
            agencies=self.agencies,
            sides=tuple(OverlapSide.model_validate(one.model_dump()) for one in self.sides),
            source=self.source,
            text_id=self.text_id,
            text_en=self.text_en,
            resolution=self.resolution,
        )


@dataclass(frozen=True, slots=True)
class Recorded:
    """What follows from an intervention that is recorded: the person and the overlaps as they are then, what is told,
    and what stands against it."""

    recipient: Recipient
    overlaps: tuple[Overlap, ...]
    facts: tuple[Fact, ...]
    conflicts: tuple[Conflict, ...]

    @property
    def changes(self) -> tuple[BaseModel, ...]:
        return (self.recipient, *self.overlaps)


def recorded(
    before: Recipient, intervention: Intervention, known: Mapping[str, Overlap], cause: Cause, now: datetime
) -> Recorded:
    """An intervention is planned, decided, handed over or given up. ``before`` is who stands for the person; ``known``
    are the overlaps of it with anything else of the person, by id (``possible``)."""
    after = with_intervention(before, intervention)
    scope = possible([intervention.intervention_id], [one.intervention_id for one in before.interventions])
    overlaps, facts = reviewed([after], scope, known)
    return Recorded(
        to_follow(before, after, cause, now), tuple(overlaps), tuple(facts), conflicts(before, intervention)
    )


def reviewed(
    people: Iterable[Recipient], scope: Iterable[str], known: Mapping[str, Overlap]
) -> tuple[list[Overlap], list[Fact]]:
    """Each pair of ``scope`` as it stands with these people now, and what is told of those that have changed."""
    people = list(people)
    standing = {pair.overlap_id: pair for one in people for pair in pairs(one)}
    now = {one.intervention_id: one for person in people for one in person.interventions}
    overlaps, facts = list[Overlap](), list[Fact]()
    for id_ in sorted(scope):
        after = _as_it_stands(id_, standing.get(id_), known.get(id_), now)
        if after is not None:
            numbered, told = _told(known.get(id_), after)
            overlaps.append(numbered)
            facts += told
    return overlaps, facts


def _as_it_stands(
    id_: str, pair: Pair | None, before: Overlap | None, now: Mapping[str, Intervention]
) -> Overlap | None:
    """The overlap after a change; None where there is none, or none that has changed."""
    if pair is not None:
        after = _made(id_, pair, before)
    elif before is not None:
        one, other = (now.get(side.intervention_id, side) for side in before.sides)
        after = before.model_copy(update={"status": "cleared", "sides": (one, other)})
    else:
        return None
    unchanged = before is not None and before.published() == after.published()
    cleared = before is not None and before.status == after.status == "cleared"
    return None if unchanged or cleared else after


def _made(id_: str, pair: Pair, before: Overlap | None) -> Overlap:
    resolution = before.resolution if before is not None else None
    return Overlap(
        overlap_id=id_,
        sequence=before.sequence if before is not None else 0,
        status="open" if resolution is None else "resolved",
        verdict=pair.rule.verdict,
        source=pair.rule.source,
        text_id=pair.rule.text_id,
        text_en=pair.rule.text_en,
        sides=pair.sides,
        resolution=resolution,
    )


def _told(before: Overlap | None, after: Overlap) -> tuple[Overlap, list[Fact]]:
    """One event for each region of the two, so that either office hears of it where it listens."""
    kind = "aid.overlap.detected" if after.status == "open" else "aid.overlap.resolved"
    change = OverlapChange(
        status_before=before.status if before is not None else None,
        hard_before=before.hard if before is not None else None,
    )
    event, first = OverlapEvent(overlap=after.published(), change=change), after.sequence + 1
    facts = [
        Fact(type=kind, subject=after.overlap_id, region=region, sequence=number, data=event)
        for number, region in enumerate(after.regions, start=first)
    ]
    return after.model_copy(update={"sequence": after.sequence + len(facts)}), facts


# --- what officials decide --------------------------------------------------------------------------------------------


def own_interest(overlap: Overlap, agency: str) -> bool:
    """Whether an office would only lift what stops its own grant: the other one is decided, and its own is not."""
    own = [one.stage in GIVEN for one in overlap.sides if one.agency == agency]
    return overlap.hard and own == [False]


def resolved(
    overlap: Overlap, resolution: OverlapResolution, recipient: Recipient, cause: Cause, now: datetime
) -> Recorded:
    """An official has said that the two may stand together, or that they are one and the same grant."""
    after = overlap.model_copy(update={"status": "resolved", "resolution": resolution})
    numbered, facts = _told(overlap, after)
    settled = dict(sorted({**recipient.settled, overlap.overlap_id: resolution.resolution}.items()))
    following = to_follow(recipient, recipient.model_copy(update={"settled": settled}), cause, now)
    return Recorded(following, (numbered,), tuple(facts), ())
