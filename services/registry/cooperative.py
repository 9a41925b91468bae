"""Cooperatives: what is known of each, where it stands by the calendar, and what the world sees of it.

An existing one enters by report; a new one is formed, then founded by as many as the law of that day asks for. From
then on its status follows from its yearly meetings (RAT): aktif, berisiko, tidak aktif, and back by a RAT. Nobody sets
it: what offices tell are meetings, or, where they know of none, what they hold it for. The world sees how many members
there are, never who.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.registry import cooperative_rules as rules
from services.registry.cooperative_rules import TIDAK_AKTIF
from services.registry.observation import Seen, merge
from services.registry.problems import problem, required
from shared.contracts.envelope import Received
from shared.contracts.problem import Problem
from shared.contracts.registry.businesses import PublishedDecree
from shared.contracts.registry.cooperatives import (
    CLEARABLE_COOPERATIVE,
    CooperativeAssess,
    CooperativeChange,
    CooperativeDissolve,
    CooperativeEvent,
    CooperativeForm,
    CooperativeFound,
    CooperativeRecordRat,
    CooperativeReport,
    CooperativeReportOutcome,
    CooperativeState,
    Legal,
    PublishedHealth,
    PublishedLegal,
    PublishedMembers,
    PublishedOutcome,
    PublishedRat,
    ReportedCooperative,
)
from shared.decision import Cause, Decision, Fact, reject
from shared.reference import region as regions

FORMING, DISSOLVED, GIVEN_UP = "dalam_pembentukan", "dibubarkan", "batal"
ENDED = (DISSOLVED, GIVEN_UP)
OBSERVED = tuple(
    name for name in ReportedCooperative.model_fields if name not in {"cooperative_id", "agency_ref", "last_rat"}
)
"""Fields that reports tell, the newest observation of each standing; meetings are added to those known."""
SUPERVISION: Mapping[regions.Level, str] = {"nation": "ministry", "province": "province"}


class Rat(BaseModel):
    model_config = ConfigDict(frozen=True)

    book_year: int
    held_on: date


class Cooperative(BaseModel):
    model_config = ConfigDict(frozen=True)

    cooperative_id: str
    agency: str
    """The account that recorded it, or began to form it."""
    name: str
    region: str
    form: str = "primer"
    membership_area: str | None = None
    jenis: str | None = None
    kelompok: str | None = None
    cooperative_number: str | None = None
    legal: PublishedLegal | None = None
    founded_on: date | None = None
    """The day of founding, of those that were founded here."""
    members: PublishedMembers | None = None
    listed_members: int | None = None
    standing: str | None = None
    rats: tuple[Rat, ...] = ()
    """By book year, one each."""
    health: PublishedHealth | None = None
    outcomes: tuple[PublishedOutcome, ...] = ()
    """By year, one each."""
    status: str
    status_since: date
    drive_id: str | None = None
    agency_refs: Mapping[str, str] = {}
    seen: Mapping[str, Seen] = {}
    recorded_on: date
    reminded_of: int = 0
    """The book year of the last RAT that it was reminded of."""
    look_again: AwareDatetime | None = None
    cause: Cause
    """What a clock's doing is traced to: the last message about it."""
    sequence: int = 0

    @property
    def area(self) -> str:
        """Where its members are: by this it is supervised, and its officials decide."""
        return self.membership_area or regions.regency_or_above(self.region)

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def sektor_riil(self) -> bool | None:
        """Whether it does other business than saving and lending (S0-05)."""
        return None if self.jenis is None else self.jenis != "simpan_pinjam"


# --- the calendar -----------------------------------------------------------------------------------------------------


def held(one: Cooperative) -> int:
    """The last book year that counts as done: of the last RAT, else the one before it was founded or recorded; and what
    was due before an office vouched for it is not held against it."""
    if one.rats:
        done = one.rats[-1].book_year
    elif one.founded_on is not None:
        done = one.founded_on.year - 1
    else:
        done = rules.first_counted(one.recorded_on) - 1
    if one.standing == rules.AKTIF:
        done = max(done, rules.first_counted(_vouched_on(one)) - 1)
    return done


def _vouched_on(one: Cooperative) -> date:
    return regions.local_date(one.seen["standing"].at, one.region)


def _held_inactive(one: Cooperative) -> bool:
    """An office holds it for inactive, and no meeting has been held since."""
    return one.standing == TIDAK_AKTIF and not any(rat.held_on > _vouched_on(one) for rat in one.rats)


def where(one: Cooperative, today: date) -> rules.Standing:
    """Where it stands today, while it is neither being formed nor ended."""
    if _held_inactive(one):
        return rules.Standing(TIDAK_AKTIF, _vouched_on(one), rules.missed_years(held(one), today), None)
    return rules.standing(held(one), today)


def by_calendar(one: Cooperative, today: date) -> Cooperative:
    """The cooperative as of today: its status, since when, and when to look again."""
    if one.ended or one.status == FORMING:
        return one.model_copy(update={"look_again": None})
    now = where(one, today)
    # Of the calendar where it has a day, so that a meeting that is told of late moves it, whatever came first.
    since = now.since or (one.status_since if now.status == one.status else today)
    again = _next_look(one, now, today)
    return one.model_copy(update={"status": now.status, "status_since": since, "look_again": again})


def _next_look(one: Cooperative, now: rules.Standing, today: date) -> datetime | None:
    """When its calendar day begins, where it is."""
    if now.look_again is None:
        return None
    day = now.look_again
    if (due := due_year(one, today)) is not None and one.reminded_of < due:
        day = min(day, max(today, rules.reminder_day(due)))
    return datetime.combine(day, time(), regions.timezone(one.region))


def due_year(one: Cooperative, today: date) -> int | None:
    """The book year whose RAT is the next to be held in time, if it is not inactive."""
    now = where(one, today)
    return None if now.status == TIDAK_AKTIF else held(one) + now.missed + 1


def passed(one: Cooperative, today: date) -> tuple[Cooperative, list[Fact]]:
    """What the calendar does to it by itself: a reminder once for each RAT, a change of status once, however long
    nobody has looked."""
    facts: list[Fact] = []
    after = by_calendar(one, today)
    if after.status != one.status:
        after, facts = _status_changed(one, after, today)
    due = due_year(after, today)
    if due is not None and after.reminded_of < due and rules.reminder_day(due) <= today:
        after = by_calendar(after.model_copy(update={"reminded_of": due}), today)
        after, reminder = announced(after, "rat_due", CooperativeChange(missed_years=where(after, today).missed))
        facts = [*facts, *reminder]
    return after, facts


def _status_changed(before: Cooperative, after: Cooperative, today: date) -> tuple[Cooperative, list[Fact]]:
    change = CooperativeChange(status_before=before.status, missed_years=where(after, today).missed)
    return announced(after, "status_changed", change)


# --- reports ----------------------------------------------------------------------------------------------------------


def names_of(told: ReportedCooperative, account: str) -> tuple[str, ...]:
    """What a report recognises a cooperative by besides its id, the surest first."""
    ref = (_ref_key(account, told.agency_ref),) if told.agency_ref is not None else ()
    number = (_number_key(told.cooperative_number),) if told.cooperative_number is not None else ()
    return (*ref, *number, *((legal_key(told.legal),) if told.legal is not None else ()))


def claims(one: Cooperative) -> tuple[str, ...]:
    """The numbers that are its own and no other's."""
    refs = tuple(_ref_key(account, ref) for account, ref in sorted(one.agency_refs.items()))
    number = (_number_key(one.cooperative_number),) if one.cooperative_number is not None else ()
    return (*refs, *number, *((legal_key(one.legal),) if one.legal is not None else ()))


def _ref_key(account: str, ref: str) -> str:
    return f"ref:{account}|{ref}"


def _number_key(number: str) -> str:
    return f"number:{number.casefold()}"


def legal_key(legal: Legal | PublishedLegal) -> str:
    """Its legal act belongs to one cooperative; an old number alone may have been given in two provinces."""
    return f"legal:{''.join(legal.number.casefold().split())}|{legal.date}"


def report(
    message: Received[CooperativeReport], known: Cooperative | None, others: Sequence[Cooperative], today: date
) -> Decision:
    """What a report does, its authority having been checked; ``others`` are those whose numbers it names besides."""
    if problems := _check_report(message, known, others, today):
        return reject(*problems)
    before = known or _blank(message, today)
    after = by_calendar(_observed(before, message), today)
    told = message.data.cooperative
    warnings = [*_kelompok_unknown(told.kelompok), *_members_fallen(known, after, today)]
    if known is None:
        after, facts = announced(after, "recorded", CooperativeChange())
        return Decision(changes=[after], facts=facts, result=result(after, "created"), warnings=warnings)
    if after == before:
        return Decision(result=result(before, "unchanged"), warnings=warnings)
    after = after.model_copy(update={"cause": message.cause})
    fields = changed_fields(before, after)
    facts = []
    if fields:
        after, facts = announced(after, "updated", CooperativeChange(fields=fields))
    if after.status != before.status:
        after, moved = _status_changed(before, after, today)
        facts = [*facts, *moved]
    return Decision(
        changes=[after], facts=facts, result=result(after, "updated" if fields else "unchanged"), warnings=warnings
    )


def _blank(message: Received[CooperativeReport], today: date) -> Cooperative:
    told = message.data.cooperative
    if told.name is None or told.region is None:
        raise ValueError("the report has been checked to hold its name and region")
    return Cooperative(
        cooperative_id=message.new_id("cooperative"),
        agency=message.account,
        name=told.name,
        region=told.region,
        status=rules.AKTIF,
        status_since=today,
        recorded_on=today,
        cause=message.cause,
    )


def _observed(one: Cooperative, message: Received[CooperativeReport]) -> Cooperative:
    told = message.data.cooperative
    by = Seen(at=message.time or message.received_at, intake_id=message.id, account=message.account)
    fields: dict[str, Any] = dict.fromkeys(CLEARABLE_COOPERATIVE.intersection(message.data.clear))
    fields |= {name: getattr(told, name) for name in OBSERVED if getattr(told, name) is not None}
    if told.legal is not None:
        fields["legal"] = PublishedLegal(number=told.legal.number, date=told.legal.date)
    if told.members is not None:
        fields["members"] = PublishedMembers(**told.members.model_dump(include=set(PublishedMembers.model_fields)))
    merged = merge(one.seen, fields, by)
    refs = {message.account: told.agency_ref} if told.agency_ref is not None else {}
    rat = told.last_rat
    return one.model_copy(
        update={
            **merged.won,
            "seen": merged.seen if merged.won else one.seen,
            "agency_refs": {**one.agency_refs, **refs},
            "rats": one.rats if rat is None else _with_rat(one.rats, Rat(book_year=rat.book_year, held_on=rat.held_on)),
        }
    )


def _with_rat(rats: tuple[Rat, ...], rat: Rat) -> tuple[Rat, ...]:
    """One meeting a book year: of two dates told for one the later stands, whatever came first."""
    by_year = {one.book_year: one for one in rats}
    before = by_year.get(rat.book_year)
    by_year[rat.book_year] = rat if before is None or rat.held_on > before.held_on else before
    return tuple(by_year[year] for year in sorted(by_year))


def _check_report(
    message: Received[CooperativeReport], known: Cooperative | None, others: Sequence[Cooperative], today: date
) -> list[Problem]:
    told, at = message.data.cooperative, "data.cooperative"
    if known is not None and known.ended:
        return [problem("cooperative.dissolved", at)]
    if known is not None and known.status == FORMING:
        return [problem("cooperative.not_founded", at)]
    problems = []
    if known is None:
        given = {"name": told.name, "region": told.region, "legal": told.legal}
        problems += required(*(f"{at}.{field}" for field, value in given.items() if value is None))
    if any(known is None or one.cooperative_id != known.cooperative_id for one in others):
        problems.append(problem("cooperative.number_taken", at))
    if not CLEARABLE_COOPERATIVE.issuperset(message.data.clear):
        problems.append(problem("clear.unknown_field", "data.clear"))
    if any(getattr(told, name) is not None for name in CLEARABLE_COOPERATIVE.intersection(message.data.clear)):
        problems.append(problem("clear.also_given", "data.clear"))
    region = told.region or (known.region if known is not None else None)
    problems += _check_area(region, told.membership_area, f"{at}.membership_area")
    if told.legal is not None and told.legal.date > today:
        problems.append(problem("cooperative.legal_in_future", f"{at}.legal.date"))
    if told.members is not None and told.members.as_of > today:
        problems.append(problem("members.as_of_in_future", f"{at}.members.as_of"))
    if told.last_rat is not None:
        founded = _founded(known, told)
        problems += _check_rat(told.last_rat.book_year, told.last_rat.held_on, founded, today, f"{at}.last_rat")
    return problems


def _founded(known: Cooperative | None, told: ReportedCooperative) -> date | None:
    if told.legal is not None:
        return told.legal.date
    return founding_day(known) if known is not None else None


def founding_day(one: Cooperative) -> date | None:
    return one.founded_on or (one.legal.date if one.legal is not None else None)


def _check_area(region: str | None, area: str | None, field: str) -> list[Problem]:
    if region is None or area is None or regions.within(region, area):
        return []
    return [problem("cooperative.area_elsewhere", field)]


def _check_rat(book_year: int, held_on: date, founded: date | None, today: date, at: str) -> list[Problem]:
    if founded is not None and (held_on < founded or book_year < founded.year):
        return [problem("rat.before_founding", f"{at}.held_on")]
    if held_on > today:
        return [problem("rat.in_future", f"{at}.held_on")]
    return [problem("rat.year_open", f"{at}.book_year")] if held_on.year <= book_year else []


def _kelompok_unknown(kelompok: str | None) -> list[Problem]:
    known = kelompok is None or kelompok in rules.kelompok()
    return [] if known else [problem("cooperative.kelompok_unknown", "data.cooperative.kelompok")]


def _members_fallen(before: Cooperative | None, after: Cooperative, today: date) -> list[Problem]:
    if before is None or before.members is None or after.members is None:
        return []
    fell = rules.fallen(before.members.count, after.members.count, today)
    return [problem("members.fallen", "data.cooperative.members.count")] if fell else []


# --- formed and founded -----------------------------------------------------------------------------------------------


def form(message: Received[CooperativeForm], today: date) -> Decision:
    """A cooperative that is being formed: a name, a place and a purpose, and no members yet."""
    told = message.data
    if problems := _check_area(told.region, told.membership_area, "data.membership_area"):
        return reject(*problems)
    one = Cooperative(
        cooperative_id=message.new_id("cooperative"),
        agency=message.account,
        name=told.name,
        region=told.region,
        membership_area=told.membership_area,
        form=told.form,
        jenis=told.jenis,
        kelompok=told.kelompok,
        listed_members=0,
        status=FORMING,
        status_since=today,
        drive_id=told.drive_id,
        recorded_on=today,
        cause=message.cause,
    )
    after, facts = announced(one, "formation_started", CooperativeChange())
    return Decision(changes=[after], facts=facts, result=result(after, "formation_started"))


def check_founding(one: Cooperative, told: CooperativeFound, today: date) -> list[Problem]:
    """What a founding itself must hold; its founders are looked at one by one besides (UU 25/1992 art. 6)."""
    if one.ended:
        return [problem("cooperative.dissolved", "data.cooperative_id")]
    if one.status != FORMING:
        return [problem("cooperative.already_founded", "data.cooperative_id")]
    problems = []
    if told.founded_on > today:
        problems.append(problem("cooperative.founded_in_future", "data.founded_on"))
    if told.legal.date > today:
        problems.append(problem("cooperative.legal_in_future", "data.legal.date"))
    if told.legal.date < told.founded_on:
        problems.append(problem("cooperative.legal_before_founding", "data.legal.date"))
    if len(told.founders) < rules.rule(f"founders_{one.form}", told.founded_on):
        problems.append(problem(f"founders.too_few_{one.form}", "data.founders"))
    return problems


def found(one: Cooperative, message: Received[CooperativeFound], listed: int, today: date) -> Decision:
    """The cooperative after its founding, which has been checked; ``listed`` is how many members that makes."""
    told = message.data
    legal = PublishedLegal(number=told.legal.number, date=told.legal.date)
    founded = one.model_copy(
        update={
            "founded_on": told.founded_on,
            "legal": legal,
            "listed_members": listed,
            "status": rules.AKTIF,
            "status_since": told.legal.date,
            "cause": message.cause,
        }
    )
    change = CooperativeChange(status_before=one.status)
    after, facts = announced(by_calendar(founded, today), "founded", change)
    return Decision(changes=[after], facts=facts, result=result(after, "founded"))


def listing(one: Cooperative, message: Received[Any], listed: int, outcome: str) -> Decision:
    """The cooperative with another number of listed members."""
    if listed == one.listed_members:
        return Decision(result=result(one, "unchanged"))
    told = one.model_copy(update={"listed_members": listed, "cause": message.cause})
    after, facts = announced(told, "updated", CooperativeChange(fields=("listed_members",)))
    return Decision(changes=[after], facts=facts, result=result(after, outcome))


# --- what officials decide --------------------------------------------------------------------------------------------


def record_rat(one: Cooperative, message: Received[CooperativeRecordRat], today: date) -> Decision:
    """A RAT is recorded; it brings back to aktif what was not (S4-13)."""
    told = message.data
    if problems := _rat_problems(one, told, today):
        return reject(*problems)
    rat = Rat(book_year=told.book_year, held_on=told.held_on)
    with_it = one.model_copy(update={"rats": _with_rat(one.rats, rat), "cause": message.cause})
    after = by_calendar(with_it, today)
    change = CooperativeChange(
        rat=PublishedRat(book_year=rat.book_year, held_on=rat.held_on),
        status_before=one.status if after.status != one.status else None,
    )
    late = rat.held_on > rules.rat_deadline(rat.book_year)
    after, facts = announced(after, "rat_recorded", change)
    if after.status != one.status:
        after, moved = _status_changed(one, after, today)
        facts = [*facts, *moved]
    warnings = [problem("rat.late", "data.held_on")] if late else []
    return Decision(changes=[after], facts=facts, result=result(after, "rat_recorded"), warnings=warnings)


def _rat_problems(one: Cooperative, told: CooperativeRecordRat, today: date) -> list[Problem]:
    if one.ended:
        return [problem("cooperative.dissolved", "data.cooperative_id")]
    if one.status == FORMING:
        return [problem("rat.before_founding", "data.cooperative_id")]
    if any(rat.book_year == told.book_year for rat in one.rats):
        return [problem("rat.already_held", "data.book_year")]
    return _check_rat(told.book_year, told.held_on, founding_day(one), today, "data")


def assess(one: Cooperative, message: Received[CooperativeAssess], assessor: str, today: date) -> Decision:
    """A health class is recorded as the official has assessed it (Permenkop 9/2020). Of two for one book year the later
    stands; one of an earlier year changes nothing."""
    told = message.data
    if problems := _health_problems(one, told, today):
        return reject(*problems)
    health = PublishedHealth(
        health_class=told.health_class,
        score=told.score,
        book_year=told.book_year,
        assessed_on=told.assessed_on,
        assessor=assessor,
        valid_until=date(told.book_year + rules.rule("health_valid_years", told.assessed_on), 12, 31),
    )
    if one.health is not None and _order(one.health) >= _order(health):
        return Decision(result=result(one, "unchanged"), warnings=[problem("health.newer_known", "data.book_year")])
    told_of = one.model_copy(update={"health": health, "cause": message.cause})
    after, facts = announced(told_of, "assessed", CooperativeChange(fields=("health",)))
    return Decision(changes=[after], facts=facts, result=result(after, "assessed"))


def _order(health: PublishedHealth) -> tuple[int, date, str, float]:
    return health.book_year, health.assessed_on, health.health_class, health.score or 0


def _health_problems(one: Cooperative, told: CooperativeAssess, today: date) -> list[Problem]:
    if one.ended:
        return [problem("cooperative.dissolved", "data.cooperative_id")]
    rat = next((rat for rat in one.rats if rat.book_year == told.book_year), None)
    if rat is None:
        return [problem("health.without_rat", "data.book_year")]
    if not rat.held_on <= told.assessed_on <= today:
        return [problem("health.assessed_on", "data.assessed_on")]
    return []


def report_outcome(one: Cooperative, message: Received[CooperativeReportOutcome], today: date) -> Decision:
    """What it has brought about in a year (S0-12). For each figure the newest observation stands."""
    told = message.data
    if problems := _outcome_problems(one, told.year, today):
        return reject(*problems)
    by = Seen(at=message.time or message.received_at, intake_id=message.id, account=message.account)
    figures = {name: value for name in FIGURES if (value := getattr(told, name)) is not None}
    merged = merge(one.seen, {f"{name}:{told.year}": value for name, value in figures.items()}, by)
    won = {field.partition(":")[0]: value for field, value in merged.won.items()}
    by_year = {outcome.year: outcome for outcome in one.outcomes}
    by_year[told.year] = by_year.get(told.year, PublishedOutcome(year=told.year)).model_copy(update=won)
    outcomes = tuple(by_year[year] for year in sorted(by_year))
    if not won:
        return Decision(result=result(one, "unchanged"))
    # The same figure told anew is a newer observation: what comes late must not stand against it.
    after = one.model_copy(update={"outcomes": outcomes, "seen": merged.seen, "cause": message.cause})
    facts: list[Fact] = []
    if fields := changed_fields(one, after):
        after, facts = announced(after, "updated", CooperativeChange(fields=fields))
    said = "unchanged" if outcomes == one.outcomes else "updated"
    return Decision(changes=[after], facts=facts, result=result(after, said))


FIGURES = ("production", "turnover", "surplus")
SHOWN_OUTCOMES = 5
"""The last years that the world is told of, and that are summed."""


def _outcome_problems(one: Cooperative, year: int, today: date) -> list[Problem]:
    if one.ended:
        return [problem("cooperative.dissolved", "data.cooperative_id")]
    if one.status == FORMING:
        return [problem("cooperative.not_founded", "data.cooperative_id")]
    if year >= today.year:
        return [problem("outcome.year_open", "data.year")]
    founded = founding_day(one)
    return [problem("outcome.before_founding", "data.year")] if founded is not None and year < founded.year else []


def dissolve(one: Cooperative, message: Received[CooperativeDissolve], today: date) -> Decision:
    """A cooperative is dissolved, or its forming given up; what comes later of it is refused."""
    told = message.data
    if one.ended:
        return reject(problem("cooperative.already_dissolved", "data.cooperative_id"))
    if told.decree is not None and told.decree.date > today:
        return reject(problem("decree.date_in_future", "data.decree.date"))
    ended = one.model_copy(
        update={
            "status": GIVEN_UP if one.status == FORMING else DISSOLVED,
            "status_since": told.decree.date if told.decree is not None else today,
            "look_again": None,
            "cause": message.cause,
        }
    )
    decree = told.decree
    change = CooperativeChange(
        status_before=one.status,
        reason=told.reason,
        decree=PublishedDecree(number=decree.number, date=decree.date) if decree is not None else None,
    )
    after, facts = announced(ended, "dissolved", change)
    return Decision(changes=[after], facts=facts, result=result(after, "dissolved"))


# --- what the world sees ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Derived:
    """What the public state holds and is not kept."""

    supervision: str
    last_rat: PublishedRat | None
    rat_due: date | None


def _derived(one: Cooperative) -> _Derived:
    last = one.rats[-1] if one.rats else None
    at_work = not one.ended and one.status != FORMING
    # Of one that is inactive, the oldest that is owed.
    due = rules.rat_deadline(held(one) + 1) if at_work else None
    return _Derived(
        supervision=SUPERVISION.get(regions.parse(one.area).level, "kabkota"),
        last_rat=PublishedRat(book_year=last.book_year, held_on=last.held_on) if last is not None else None,
        rat_due=due,
    )


def public(one: Cooperative) -> CooperativeState:
    """The whole public state."""
    derived = _derived(one)
    own = {name: getattr(one, name) for name in CooperativeState.model_fields if name in Cooperative.model_fields}
    return CooperativeState(
        **own
        | {
            "membership_area": one.area,
            "supervision": derived.supervision,
            "sektor_riil": one.sektor_riil,
            "last_rat": derived.last_rat,
            "rat_due": derived.rat_due,
            "outcomes": one.outcomes[-SHOWN_OUTCOMES:] or None,
        }
    )


def changed_fields(before: Cooperative, after: Cooperative) -> tuple[str, ...]:
    """The public fields in which two states differ."""
    old, new = public(before), public(after)
    return tuple(name for name in CooperativeState.model_fields if getattr(old, name) != getattr(new, name))


def announced(one: Cooperative, what: str, change: CooperativeChange) -> tuple[Cooperative, list[Fact]]:
    """The cooperative with its next sequence, and the event that carries its whole public state under that number."""
    numbered = one.model_copy(update={"sequence": one.sequence + 1})
    event = CooperativeEvent(cooperative=public(numbered), change=change)
    fact = Fact(f"registry.cooperative.{what}", numbered.cooperative_id, numbered.region, numbered.sequence, event)
    return numbered, [fact]


def result(one: Cooperative, outcome: str) -> dict[str, Any]:
    return {
        "cooperative_id": one.cooperative_id,
        "sequence": one.sequence,
        "status": one.status,
        "outcome": outcome,
    }
