"""What is known about a person from outside: population register, death, civil service, KUR, credit.

Such facts are personal and financial (UU PDP 27/2022 art. 4), so they are stored sealed, they come under an owner's id
or a keyed token, and on an event they are one criterion, ``administrative_check``, without a word of which it was. Only
the agency that decides on a programme is told the reasons.

What each check means, and who may answer it, is a dated table (``checks.csv``): ``bars`` is the answer that stands in
the way; ``each_agency`` marks what everybody answers for itself (a bank knows its own credits, so another bank's "no"
does not undo its "yes"); what is barred ``always`` stands in the way whatever a programme asks for.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.aid.problems import problem
from shared.contracts.aid.eligibilities import Verdict
from shared.contracts.aid.exclusions import CheckedFact, ExclusionReport
from shared.contracts.problem import Problem

_EASTERNMOST = timedelta(hours=9)
"""WIT, where a day begins first: a fact of today's date there is not of tomorrow."""


@dataclass(frozen=True, slots=True)
class Check:
    """A row of the table, as of ``valid_from``."""

    check: str
    valid_from: date
    bars: bool
    each_agency: bool
    always: bool
    levels: frozenset[str]


@cache
def _rows() -> tuple[Check, ...]:
    with resources.files(__package__).joinpath("checks.csv").open(encoding="utf-8") as lines:
        return tuple(
            Check(
                check=row["check"],
                valid_from=date.fromisoformat(row["valid_from"]),
                bars=row["bars"] == "yes",
                each_agency=row["each_agency"] == "yes",
                always=row["always"] == "yes",
                levels=frozenset(row["levels"].split()),
            )
            for row in csv.DictReader(lines)
        )


@cache
def policy(on: date) -> Mapping[str, Check]:
    """What each check means on a day: of several rows the latest that is in force."""
    in_force = [row for row in _rows() if row.valid_from <= on]
    return {row.check: row for row in sorted(in_force, key=lambda row: row.valid_from)}


# --- what is known ----------------------------------------------------------------------------------------------------


class Answer(BaseModel):
    """What an agency says of one check: ``value`` is whether it is so (registered, dead, in service, in debt).

    ``person_id`` is the id under which it came, ``observed_on`` the day it was true, ``told_at`` when the agency said
    so.
    """

    model_config = ConfigDict(frozen=True)

    person_id: str
    check: str
    value: bool
    agency: str
    source: str
    observed_on: date
    told_at: AwareDatetime
    intake_id: str

    @property
    def age(self) -> tuple[date, datetime, str]:
        """The newest observation stands; of one day the later told, and of one instant the higher id."""
        return self.observed_on, self.told_at, self.intake_id


class Standing(BaseModel):
    """A person's answers: of each id, check and agency the newest. ``names`` are the other ids that lead here (tokens,
    and owners whose records were joined), each with the sequence of the event that said so: a token leads elsewhere
    when a wrong NIK is put right, and what was told of it goes along."""

    model_config = ConfigDict(frozen=True)

    person_id: str
    names: Mapping[str, int] = {}
    answers: tuple[Answer, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        return (self.person_id, *self.names)

    def of(self, check: str) -> list[Answer]:
        """What each agency says last of one check, the newest first."""
        newest = {one.agency: one for one in sorted(self.answers, key=lambda one: one.age) if one.check == check}
        return sorted(newest.values(), key=lambda one: one.age, reverse=True)


def heard(standing: Standing, answer: Answer) -> Standing:
    """With one answer more; an older one than the agency has given changes nothing."""
    return _with_answers(standing, (*standing.answers, answer))


def led(name: str, heard_as: int, before: Standing | None, into: Standing) -> tuple[Standing | None, Standing] | None:
    """An id turns out to lead to a person: what stood for the id until now, as it is left (None if it goes), and the
    person's standing. None where that is known, or something newer is.

    Where the id stood for itself, all that led to it goes along; where it led elsewhere, it goes alone.
    """
    if name == into.person_id or (before is not None and before.names.get(name, 0) >= heard_as):
        return None
    if before is None or before.person_id == name:
        moving = before or Standing(person_id=name)
        names = {**into.names, **moving.names, name: heard_as}
        return None, _with_answers(_named(into, names), (*into.answers, *moving.answers))
    if before.person_id == into.person_id:
        return before, _named(into, {**into.names, name: heard_as})
    gone = [one for one in before.answers if one.person_id == name]
    left = _named(before, {id_: at for id_, at in before.names.items() if id_ != name})
    left = _with_answers(left, [one for one in before.answers if one.person_id != name])
    return left, _with_answers(_named(into, {**into.names, name: heard_as}), (*into.answers, *gone))


def forgotten(standing: Standing) -> Standing:
    """A person was erased: only where the ids lead remains."""
    return standing.model_copy(update={"answers": ()})


def _named(standing: Standing, names: Mapping[str, int]) -> Standing:
    return standing.model_copy(update={"names": dict(sorted(names.items()))})


def _with_answers(standing: Standing, answers: Iterable[Answer]) -> Standing:
    newest: dict[tuple[str, str, str], Answer] = {}
    for one in sorted(answers, key=lambda answer: answer.age):
        newest[one.check, one.agency, one.person_id] = one
    kept = tuple(newest[key] for key in sorted(newest))
    return standing if kept == standing.answers else standing.model_copy(update={"answers": kept})


# --- what follows -----------------------------------------------------------------------------------------------------


def verdict_on(standing: Standing | None, required: Sequence[str], on: date) -> Verdict | None:
    """The criterion ``administrative_check`` on a day; None where a programme asks for no check and nothing is in the
    way. A check that nobody has answered is ``waiting``: neither yes nor no."""
    answers = {one.check: barred(standing, one, on) for one in policy(on).values()}
    counted = [value for check, value in answers.items() if check in required or policy(on)[check].always]
    if any(counted):
        return "ineligible"
    if any(answers.get(check) is None for check in required):
        return "waiting"
    return "eligible" if required else None


def barred(standing: Standing | None, check: Check, on: date) -> bool | None:
    """Whether a check stands in a person's way; None where nobody has answered it."""
    found = standing.of(check.check) if standing is not None else []
    if not found:
        return None
    return any(one.value == check.bars for one in (found if check.each_agency else found[:1]))


def reasons(standing: Standing | None, required: Sequence[str], on: date) -> list[dict[str, object]]:
    """Which check says what and from whom, for the agency that decides and nobody else: those that the programme asks
    for, and whatever else stands in the way."""
    found: list[dict[str, object]] = []
    for check in policy(on).values():
        state = barred(standing, check, on)
        if check.check in required or (check.always and state):
            found.append(
                {
                    "check": check.check,
                    "verdict": "waiting" if state is None else "ineligible" if state else "eligible",
                    "answers": [
                        one.model_dump(mode="json", include={"value", "agency", "source", "observed_on", "intake_id"})
                        for one in (standing.of(check.check) if standing is not None else [])
                    ],
                }
            )
    return found


# --- what an agency reports -------------------------------------------------------------------------------------------


def answers_of(report: ExclusionReport, account: str, told_at: datetime, intake_id: str) -> list[Answer]:
    return [_answer(one, report.source, account, told_at, intake_id) for one in report.facts]


def _answer(fact: CheckedFact, source: str, account: str, told_at: datetime, intake_id: str) -> Answer:
    return Answer(
        person_id=fact.person,
        check=fact.check,
        value=fact.value,
        agency=account,
        source=source,
        observed_on=fact.observed_on,
        told_at=told_at,
        intake_id=intake_id,
    )


def refused(report: ExclusionReport, level: str, now: datetime) -> Iterator[Problem]:
    """``exclusion.level``: this kind of agency cannot know it. ``exclusion.observed_in_future``."""
    latest = (now + _EASTERNMOST).date()
    for place, fact in enumerate(report.facts):
        check = policy(latest).get(fact.check)
        if check is not None and level not in check.levels:
            yield problem("exclusion.level", f"data.facts.{place}.check")
        if fact.observed_on > latest:
            yield problem("exclusion.observed_in_future", f"data.facts.{place}.observed_on")
