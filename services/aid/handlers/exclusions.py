"""Facts about people: what an agency reports, which ids are one person, and who is judged again for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from services.aid import exclusion, store
from services.aid.eligibility import Assessed
from services.aid.exclusion import Standing, answers_of, heard
from services.aid.handlers.judging import beneficiaries_of, reassessed, reassessment_of_person_needs
from services.aid.problems import problem
from shared.agencies import agency_lookup, authority_needs, check_authority
from shared.contracts.aid.exclusions import ExclusionReport
from shared.contracts.envelope import Received
from shared.contracts.problem import Problem
from shared.decision import Decision, Forgotten, reject
from shared.kernel.routes import Routes
from shared.kernel.state import Lookup, WorkingSet

routes = Routes()


# --- a person, by whatever id -----------------------------------------------------------------------------------------


def _person_needs(person: str, state: WorkingSet) -> Iterator[Lookup]:
    """What is known of a person, and every business or cooperative that is judged by it."""
    lookup = store.standing(person)
    yield lookup
    yield from reassessment_of_person_needs(person, state)
    known = None if state.missing([lookup]) else state.get(lookup)
    for id_ in known.ids if known is not None else ():
        yield from reassessment_of_person_needs(id_, state)


def _judged_again(persons: Iterable[Standing], state: WorkingSet, now: datetime) -> Assessed:
    """The answers of everybody of whom something else is known now; ``state`` has that already."""
    ids = dict.fromkeys(id_ for one in persons for id_ in one.ids)
    found = Assessed()
    for copy in beneficiaries_of(ids, state):
        found += reassessed(copy, state, now)
    return found


# --- what an agency reports -------------------------------------------------------------------------------------------


def _report_needs(message: Received[ExclusionReport], state: WorkingSet) -> Iterable[Lookup]:
    yield from authority_needs(message)
    for person in {one.person for one in message.data.facts}:
        yield from _person_needs(person, state)


@routes.on("aid.exclusion.report", _report_needs)
def report(message: Received[ExclusionReport], state: WorkingSet, now: datetime) -> Decision:
    """All facts of a report are taken or none, so that an office can mend it and send it again."""
    if problems := [*_not_permitted(message, state, now)]:
        return reject(*problems)
    told_at = message.time or message.received_at
    after, warnings = state.draft(), list[Problem]()
    changed: dict[str, Standing] = {}
    for place, answer in enumerate(answers_of(message.data, message.account, told_at, message.id)):
        known = after.get(store.standing(answer.person_id)) or Standing(person_id=answer.person_id)
        standing = heard(known, answer)
        if answer not in standing.answers:
            warnings.append(problem("exclusion.outranked", f"data.facts.{place}"))
        elif standing is not known:
            after.put(store.STANDINGS, standing)
            changed[standing.person_id] = standing
    found = _judged_again(changed.values(), after, now)
    return Decision(
        changes=[*changed.values(), *found.changes],
        facts=found.facts,
        result={"outcome": "recorded" if changed else "unchanged", "facts": len(message.data.facts) - len(warnings)},
        warnings=warnings,
    )


def _not_permitted(message: Received[ExclusionReport], state: WorkingSet, now: datetime) -> Iterator[Problem]:
    """A right of its own, as ``registry.person.match`` is: no pattern gives it, the registration must name it."""
    problems = check_authority(message, state, now, None, None)
    yield from problems
    agency = state.get(agency_lookup(message.account))
    if problems or agency is None:
        return
    if message.type not in agency.permitted:
        yield problem("exclusion.not_permitted", "type")
    yield from exclusion.refused(message.data, agency.level, now)


# --- which ids are one person -----------------------------------------------------------------------------------------


def leading_needs(name: str, to: str, state: WorkingSet) -> Iterator[Lookup]:
    yield from _person_needs(name, state)
    yield from _person_needs(to, state)


def leads(name: str, to: str, heard_at: int, state: WorkingSet, now: datetime) -> Decision:
    """What was said of a name is said of the person it leads to, as of the event with this sequence."""
    before = state.get(store.standing(name))
    into = state.get(store.standing(to)) or Standing(person_id=to)
    after = exclusion.led(name, heard_at, before, into)
    if after is None:
        return Decision()
    left, stands = after
    gone = before if left is None else None
    return _changed([stands, *([left] if left is not None and left is not before else [])], gone, state, now)


def erasing_needs(person: str, state: WorkingSet) -> Iterator[Lookup]:
    return _person_needs(person, state)


def erased(person: str, state: WorkingSet, now: datetime) -> Decision:
    """Nothing that was said of a person stays when the person is erased, nor in answers that told it."""
    known = state.get(store.standing(person))
    if known is None or not known.answers:
        return Decision()
    after = exclusion.forgotten(known)
    forgotten = [Forgotten(subject=id_, instead=after) for id_ in known.ids]
    return replace(_changed([after], None, state, now), forgotten=forgotten)


def _changed(standings: list[Standing], gone: Standing | None, state: WorkingSet, now: datetime) -> Decision:
    after = state.draft()
    if gone is not None:
        after.remove(store.STANDINGS, gone)
    for one in standings:
        after.put(store.STANDINGS, one)
    found = _judged_again(standings, after, now)
    return Decision(changes=[*standings, *found.changes], removals=[] if gone is None else [gone], facts=found.facts)
