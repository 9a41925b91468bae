"""The road for facts about people: who knows a NIK learns which owner that is, and nobody else ever sees the NIK.

A source of facts (a bank, another office) asks ``registry.person.match`` and is told, alone, the ``owner_id``; for
somebody who is not recorded, a keyed token, the same every time. When that person is recorded, an event joins the two.
So facts travel under opaque names. How much an account may ask is dated policy (``matching.csv`` beside this file),
counted in the database, so that it holds however many replicas there are.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib import resources
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.registry.problems import problem
from shared.contracts.envelope import Received
from shared.contracts.problem import Problem, from_invalid
from shared.contracts.registry.persons import PersonEvent, PersonMatch, PersonState
from shared.decision import Fact
from shared.reference import nik
from shared.reference import region as regions
from shared.reference.invalid import Invalid

# --- how much may be asked --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Limit:
    """How many ``questions`` or ``niks`` an account may send in one ``window``: a minute of the clock, or a day of
    western Indonesia."""

    valid_from: date
    window: str
    what: str
    most: int


def limits_on(day: date) -> Mapping[tuple[str, str], Limit]:
    """The limits in force on a day, by window and what is counted."""
    in_force = (one for one in sorted(_limits(), key=lambda one: one.valid_from) if one.valid_from <= day)
    return {(one.window, one.what): one for one in in_force}


@cache
def _limits() -> tuple[Limit, ...]:
    with resources.files(__package__).joinpath("matching.csv").open(encoding="utf-8") as rows:
        return tuple(
            Limit(date.fromisoformat(row["valid_from"]), row["window"], row["what"], int(row["most"]))
            for row in csv.DictReader(rows)
        )


class Window(BaseModel):
    """What was asked since a window opened."""

    model_config = ConfigDict(frozen=True)

    opened: AwareDatetime
    questions: int = 0
    niks: int = 0

    def until(self, opened: datetime, niks: int) -> Window:
        """With one more question. A replica whose clock is behind counts into the window that is open already."""
        counted = self if self.opened >= opened else Window(opened=opened)
        return Window(opened=counted.opened, questions=counted.questions + 1, niks=counted.niks + niks)


class Usage(BaseModel):
    """How much an account has asked, by window."""

    model_config = ConfigDict(frozen=True)

    account: str
    windows: Mapping[str, Window] = {}


def counted(before: Usage, niks: int, now: datetime) -> Usage:
    """The usage with one more question of so many NIK."""
    local = now.astimezone(regions.timezone(regions.NATION))
    opened = {
        "minute": local.replace(second=0, microsecond=0),
        "day": local.replace(hour=0, minute=0, second=0, microsecond=0),
    }
    windows = {name: before.windows.get(name, Window(opened=at)).until(at, niks) for name, at in opened.items()}
    return before.model_copy(update={"windows": windows})


def too_much(usage: Usage, now: datetime) -> list[Problem]:
    """What is told to whoever asks more than policy allows."""
    over = {
        window
        for (window, what), limit in limits_on(regions.local_date(now, regions.NATION)).items()
        if window in usage.windows and getattr(usage.windows[window], what) > limit.most
    }
    if "day" in over:
        return [problem("match.too_many_today", "data.niks")]
    return [problem("match.too_many", "data.niks")] if over else []


# --- who is who -------------------------------------------------------------------------------------------------------


class Person(BaseModel):
    """Somebody who was asked about and not recorded then, under the token that was given: nothing else is known.

    ``waiting`` until the person is recorded; ``sequence`` counts the events that said so.
    """

    model_config = ConfigDict(frozen=True)

    token: str
    waiting: bool = True
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """One position of a question: the NIK if it is one, or what is wrong with it."""

    number: str | None
    problem: Problem | None = None


def read(message: Received[PersonMatch]) -> tuple[Asked, ...]:
    """Each position by itself."""
    return tuple(_asked(position, text) for position, text in enumerate(message.data.niks))


def _asked(position: int, text: str) -> Asked:
    try:
        return Asked(nik.parse(text).number)
    except Invalid as error:
        return Asked(None, from_invalid(error, f"data.niks.{position}"))


def tokens(message: Received[Any], number: str) -> tuple[str, ...]:
    """What a person who is not recorded is called outside, by the key of today and then by older ones that are held.
    Not the token that registry finds its owners by."""
    return message.tokens("person", number)


def recognised(persons: Iterable[Person], owner_id: str, region: str) -> tuple[list[Person], list[Fact]]:
    """What is told when people who were asked about are recorded: the token that was given, and the owner."""
    known, facts = list[Person](), list[Fact]()
    for one in persons:
        if one.waiting:
            after = Person(token=one.token, waiting=False, sequence=one.sequence + 1)
            event = PersonEvent(person=PersonState(token=one.token, owner_id=owner_id))
            known.append(after)
            facts.append(Fact("registry.person.matched", one.token, region, after.sequence, event))
    return known, facts


def asked_about(known: Sequence[Person], today: str) -> Person:
    """The person under the token that was given before, or under today's: waiting to be recorded."""
    before = known[0] if known else Person(token=today)
    return before if before.waiting else before.model_copy(update={"waiting": True})
