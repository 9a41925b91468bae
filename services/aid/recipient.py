"""What a person has been given or is to be given, by anybody: the one place that knows it.

A person is an ``owner_id``, a ``cooperative_id``, a region's code, or the keyed token of somebody who is not recorded
(``registry.person.match``). One document stands for a person, whatever businesses there are; other ids that turn out to
be the same person lead to it. Every decision that gives something reads that document, guarded, and changes it, so two
that give to one person in one instant conflict, and one of them is taken again and sees the other (S1-24).

Where the ids lead is told by registry, in any order. An intervention keeps the id under which it came: when an id turns
out to lead elsewhere, what came under it goes along, and nothing else does.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.decision import Cause

Stage = Literal["planned", "approved", "handed_over", "cancelled"]
Origin = Literal["grant", "external"]

GIVEN = frozenset({"approved", "handed_over"})
"""What is decided: it counts as received, and what conflicts with it conflicts hard."""
SAME_GRANT = "same_grant"
_OWNER_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PAIRS = uuid.UUID("0c1b8e9a-6a0f-5b53-9d0e-3c1f5d1f7b42")


class Intervention(BaseModel):
    """Something given or planned, by a grant of ours or as another office has reported it.

    ``person_id`` is the id under which it came, ``form`` the form of aid (hibah, bansos …) where it is known,
    ``purpose`` the topic of a programme or the class of an item, ``region`` where the beneficiary's business is, ``on``
    the day of the stage it is in, ``value`` whole rupiah.
    """

    model_config = ConfigDict(frozen=True)

    intervention_id: str
    person_id: str
    origin: Origin
    agency: str
    programme_id: str | None = None
    kind: str
    form: str | None = None
    purpose: str | None = None
    business_id: str | None = None
    cooperative_id: str | None = None
    region: str
    fiscal_year: int
    on: date
    stage: Stage
    value: int = 0


class Following(BaseModel):
    """The person's businesses are still to be judged again, on whose account."""

    model_config = ConfigDict(frozen=True)

    due: AwareDatetime
    cause: Cause


class Recipient(BaseModel):
    """A person, or an id that leads to one: then ``joined_into`` is the next id on the way, and all else is there.

    ``links`` are the ids that lead here, each with the next on its way; ``heard`` is the sequence of the event that
    last said where this id leads; ``settled`` says of pairs of interventions (``pair_id``) what an official
    has found: that they may stand together (``complementary``), or are one that was told of twice (``same_grant``).
    """

    model_config = ConfigDict(frozen=True)

    recipient_id: str
    interventions: tuple[Intervention, ...] = ()
    joined_into: str | None = None
    heard: int = 0
    links: Mapping[str, str] = {}
    settled: Mapping[str, str] = {}
    following: Following | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """Every id of this person, the one that stands first."""
        return (self.recipient_id, *self.links)


def is_token(person_id: str) -> bool:
    """Whether an id is that of somebody who is not recorded: an owner's is a UUID (docs/decisions/0100)."""
    return _OWNER_ID.fullmatch(person_id) is None


def pair_id(one: str, other: str) -> str:
    """The id of a pair of interventions, whichever came first."""
    return str(uuid.uuid5(_PAIRS, "/".join(sorted((one, other)))))


def served(recipient: Recipient | None) -> int:
    """How often the person has received something: what is decided or handed over, by anybody (S1-24). A grant that was
    told of twice counts once."""
    if recipient is None:
        return 0
    given = [one.intervention_id for one in recipient.interventions if one.stage in GIVEN]
    return sum(
        1
        for place, one in enumerate(given)
        if all(recipient.settled.get(pair_id(one, earlier)) != SAME_GRANT for earlier in given[:place])
    )


def with_intervention(recipient: Recipient, intervention: Intervention) -> Recipient:
    """With this intervention, in the place of what was known of it before. Raises ``ValueError`` for an id that leads
    elsewhere: what is written there would be seen by nobody."""
    if recipient.joined_into is not None:
        raise ValueError("an intervention belongs to the id that stands")
    others = [one for one in recipient.interventions if one.intervention_id != intervention.intervention_id]
    return _holding(recipient, [*others, intervention])


def to_follow(before: Recipient, after: Recipient, cause: Cause, now: datetime) -> Recipient:
    """What was changed, with the person's businesses to be judged again if it says anything new about what the person
    has been given, or of whom that is."""
    if (before.interventions, before.ids, before.settled) == (after.interventions, after.ids, after.settled):
        return after
    return after.model_copy(update={"following": Following(due=now, cause=cause)})


def followed(recipient: Recipient) -> Recipient:
    """The person's businesses have been judged again."""
    return recipient.model_copy(update={"following": None})


def led(
    one: Recipient, to_id: str, heard: int, standing: Recipient, target: Recipient
) -> tuple[Recipient, Recipient, Recipient]:
    """An id turns out to lead to another: the id, what stood for it before, and what stands for it now.

    ``standing`` and ``target`` are the documents that stand for the id and for ``to_id`` until now, which may be one
    and the same. Where the id is one that stands, it is given as ``standing`` too.
    """
    leading = one.model_copy(update={"joined_into": to_id, "heard": heard})
    here = {one.recipient_id: to_id}
    if standing.recipient_id == target.recipient_id:
        after = target.model_copy(update={"links": _sorted({**target.links, **here})})
        return leading, after, after
    moving = _behind(one.recipient_id, standing.links)
    links = {id_: to for id_, to in standing.links.items() if id_ in moving and id_ != one.recipient_id}
    gone = [each for each in standing.interventions if each.person_id in moving]
    kept = [each for each in standing.interventions if each.person_id not in moving]
    left = {id_: to for id_, to in standing.links.items() if id_ not in moving}
    after = _holding(target, [*target.interventions, *gone]).model_copy(
        update={
            "links": _sorted({**target.links, **links, **here}),
            "settled": _sorted({**target.settled, **standing.settled}),
        }
    )
    if standing.recipient_id == one.recipient_id:
        leading = leading.model_copy(update={"interventions": (), "links": {}, "settled": {}, "following": None})
        return leading, leading, after
    before = _holding(standing, kept).model_copy(update={"links": left})
    return leading, before, after


def _behind(id_: str, links: Mapping[str, str]) -> set[str]:
    """An id and all that lead to it."""
    found = {id_}
    while more := {one for one, to in links.items() if to in found} - found:
        found |= more
    return found


def _holding(recipient: Recipient, interventions: Iterable[Intervention]) -> Recipient:
    """In one order, whatever the order in which they came."""
    ordered = tuple(sorted(interventions, key=lambda one: one.intervention_id))
    return recipient.model_copy(update={"interventions": ordered})


def _sorted(found: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted(found.items()))
