"""A programme of aid or training: what it offers, to whom, from which money, and whether it is open.

The agency that runs it opens and closes it; whom it may serve is said by its criteria (``criteria``), who does is
found out by ``eligibility``. Two programmes may have one name: offices repeat a programme every year (S1-09).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.aid import items
from services.aid.candidate import Population, population
from services.aid.criteria import MAX_CRITERIA, contradictions, inapplicable, plain, singles
from services.aid.problems import problem
from shared.contracts.aid.criteria import Criterion
from shared.contracts.aid.programmes import (
    CLEARABLE_PROGRAMME,
    Announce,
    BudgetLine,
    ProgrammeAmend,
    ProgrammeChange,
    ProgrammeClose,
    ProgrammeEvent,
    ProgrammeOpen,
    ProgrammePause,
    ProgrammePropose,
    ProgrammeState,
    PublishedBudgetLine,
    PublishedItem,
    Status,
)
from shared.contracts.envelope import format_sequence
from shared.contracts.problem import Problem
from shared.decision import Decision, Fact, reject
from shared.reference import region as regions

MAX_HISTORY = 200
"""Steps that are kept with a programme; the events have them all."""


class Step(BaseModel):
    """What an official has done to a programme: opened, amended, paused it … (``what`` is the verb's participle)."""

    model_config = ConfigDict(frozen=True)

    what: str
    on: date
    official: str | None = None
    fields: tuple[str, ...] = ()
    reason: str | None = None


class Programme(BaseModel):
    """A programme as it stands. ``sequence`` is that of its latest public event; money is whole rupiah.

    ``history`` is for those who ask, the newest last. ``overdue_told``: it has been told that the planned start has
    passed.
    """

    model_config = ConfigDict(frozen=True)

    programme_id: str
    sequence: int
    name: str
    kind: str
    aid_form: str
    topic: str | None
    agency: str
    region: str
    fiscal_year: int
    budget: tuple[PublishedBudgetLine, ...]
    unit_cost: int
    quota: int
    announce: Announce
    beneficiary: str
    funder: str | None = None
    items: tuple[PublishedItem, ...] = ()
    criteria: tuple[Criterion, ...]
    required_checks: tuple[str, ...] = ()
    priority: bool = False
    planned_start: date | None = None
    apply_until: date | None
    how_to_apply: str | None
    status: Status
    history: tuple[Step, ...] = ()
    overdue_told: bool = False

    @property
    def population(self) -> Population:
        """Who is assessed."""
        return population(self.beneficiary)

    @property
    def proposed_by(self) -> str | None:
        """Who prepared it, who may not be the one to start it."""
        return next((step.official for step in self.history if step.what == "proposed"), None)

    def published(self) -> ProgrammeState:
        state = self.model_dump(mode="json", exclude={"history", "overdue_told"})
        # What is nothing is absent, as it was before there was such a field.
        empty = {name: None for name in ("required_checks", "items", "priority") if not state[name]}
        return ProgrammeState.model_validate({**state, **empty})


@dataclass(frozen=True, slots=True)
class Act:
    """An official acts: the account of the agency, the official's opaque id, the day in the programme's region."""

    account: str
    official: str | None
    today: date

    def step(self, what: str, **about: Any) -> Step:
        return Step(what=what, on=self.today, official=self.official, **about)


# --- opening ----------------------------------------------------------------------------------------------------------


def open_programme(data: ProgrammeOpen, programme_id: str, act: Act, known_items: Container[str]) -> Decision:
    """Open a programme, or, where ``data`` is a proposal, put it down as a draft. ``known_items`` are those of its
    items that were registered beside the standard ones.

    Problems: ``programme.agency_differs``, ``programme.apply_until_past``, ``programme.announce``,
    ``programme.item_unknown``, ``criteria.too_many``, ``criteria.not_applicable``. Warnings, since an office may know
    better: ``programme.budget_short``, ``programme.fiscal_year``, ``criteria.contradiction``.
    """
    draft = isinstance(data, ProgrammePropose)
    programme = _made(data, programme_id, "draft" if draft else "open")
    if problems := [*_not_the_agency(data.agency, act.account, "data.agency"), *_refused(programme, act, known_items)]:
        return reject(*problems)
    what = "proposed" if draft else "opened"
    return _done(programme, act.step(what), ProgrammeChange(), list(_doubts(programme, act.today)))


def _made(data: ProgrammeOpen, programme_id: str, status: Status) -> Programme:
    # Field by field: members that we do not know were never checked and must not reach a public event.
    known = {name: _plain(name, getattr(data, name)) for name in ProgrammeOpen.model_fields}
    return Programme(**known, programme_id=programme_id, sequence=0, status=status)


def _plain(name: str, value: Any) -> Any:
    """A field as it is kept, without members that we do not know."""
    match name:
        case "budget":
            return tuple(PublishedBudgetLine.model_validate(line.model_dump()) for line in value)
        case "items":
            return tuple(PublishedItem.model_validate(item.model_dump()) for item in value)
        case "criteria":
            return tuple(plain(one) for one in value)
        case _:
            return value


def _too_late(programme: Programme, act: Act) -> Iterator[Problem]:
    if programme.apply_until is not None and programme.apply_until < act.today:
        yield Problem(
            code="programme.apply_until_past",
            field="data.apply_until",
            text_id="Batas pendaftaran sudah lewat; isi tanggal hari ini atau sesudahnya.",
            text_en="The last day to apply has passed; give today or a later date.",
        )


def _refused(programme: Programme, act: Act, known_items: Container[str]) -> Iterator[Problem]:
    yield from _too_late(programme, act)
    if sum(1 for _ in singles(programme.criteria)) > MAX_CRITERIA:
        yield Problem(
            code="criteria.too_many",
            field="data.criteria",
            text_id=f"Syarat program lebih dari {MAX_CRITERIA}; gabungkan atau kurangi.",
            text_en=f"The programme has more than {MAX_CRITERIA} criteria; combine or drop some.",
        )
    if programme.announce != "never" and programme.population != "business":
        yield problem("programme.announce", "data.announce")
    for path in inapplicable(programme.criteria, programme.population, "data.criteria"):
        yield problem("criteria.not_applicable", path)
    for place, one in enumerate(programme.items):
        if one.item not in items.STANDARD and one.item not in known_items:
            yield problem("programme.item_unknown", f"data.items.{place}.item")


def _doubts(programme: Programme, today: date) -> Iterator[Problem]:
    if programme.unit_cost * programme.quota > pagu_in_force(programme.budget):
        yield Problem(
            code="programme.budget_short",
            field="data.budget",
            text_id="Biaya satuan kali kuota melebihi pagu; kurangi kuota atau siapkan perubahan anggaran.",
            text_en="Unit cost times quota exceeds the budget; lower the quota or prepare a budget revision.",
        )
    if programme.fiscal_year not in {today.year, today.year + 1}:
        yield Problem(
            code="programme.fiscal_year",
            field="data.fiscal_year",
            text_id="Tahun anggaran bukan tahun ini atau tahun depan; periksa kembali.",
            text_en="The fiscal year is neither this year nor the next; check it.",
        )
    for path in contradictions(programme.criteria, programme.region, "data.criteria"):
        yield Problem(
            code="criteria.contradiction",
            field=path,
            text_id="Syarat-syarat ini saling bertentangan sehingga tidak ada yang dapat memenuhinya; periksa.",
            text_en="These criteria contradict one another, so that nobody can meet them; check them.",
        )


def pagu_in_force(budget: Iterable[BudgetLine | PublishedBudgetLine]) -> int:
    """Whole rupiah: of each source the revised lines (P-APBD, the DPPA) where there are any, else the original ones
    (S1-03, S1-17; sources §4: a revision takes the place of the original)."""
    by_source: dict[str, dict[str, int]] = {}
    for line in budget:
        versions = by_source.setdefault(line.source, {})
        versions[line.version] = versions.get(line.version, 0) + line.pagu
    return sum(versions.get("perubahan", versions.get("murni", 0)) for versions in by_source.values())


# --- what becomes of it -----------------------------------------------------------------------------------------------


def start_programme(programme: Programme | None, act: Act) -> Decision:
    """Open a draft (S2-07): by another official than the one who has prepared it.

    Problems: those of ``_in_status`` and ``programme.maker``; ``programme.apply_until_past``.
    """
    if programme is None:
        return reject(unknown())
    if problems := _in_status(programme, act, "draft"):
        return reject(*problems)
    if act.official is not None and act.official == programme.proposed_by:
        return reject(problem("programme.maker", "actor"))
    if problems := [*_too_late(programme, act)]:
        return reject(*problems)
    return _moved(programme, "open", act.step("opened"))


def pause_programme(programme: Programme | None, data: ProgrammePause, act: Act) -> Decision:
    """Nobody is assessed for it and nothing approved until it is resumed; what was handed over stays."""
    if programme is None:
        return reject(unknown())
    if problems := _in_status(programme, act, "open"):
        return reject(*problems)
    return _moved(programme, "paused", act.step("paused", reason=data.reason))


def resume_programme(programme: Programme | None, act: Act) -> Decision:
    """Open again: everybody is assessed anew, since much may have been told meanwhile."""
    if programme is None:
        return reject(unknown())
    if problems := _in_status(programme, act, "paused"):
        return reject(*problems)
    return _moved(programme, "open", act.step("resumed"))


def amend_programme(
    programme: Programme | None, data: ProgrammeAmend, act: Act, known_items: Container[str], committed: int
) -> Decision:
    """Change what a programme offers, and keep what was. ``committed`` is the money of its own budget lines that is
    committed or realised: an offer that is worth less is refused. The money itself is changed by its budget line.

    Problems: ``programme.amended_nothing``, ``programme.below_committed``, and those of opening.
    """
    if programme is None:
        return reject(unknown())
    if problems := _in_status(programme, act, "draft", "open", "paused"):
        return reject(*problems)
    after = programme.model_copy(update=_amended(data))
    fields = tuple(name for name in _AMENDABLE if getattr(after, name) != getattr(programme, name))
    if problems := [
        *(problem("programme.clear_unknown", "data.clear") for name in data.clear if name not in CLEARABLE_PROGRAMME),
        *([] if fields else [problem("programme.amended_nothing", "data")]),
        *_below_committed(after, fields, committed),
        *(one for one in _refused(after, act, known_items) if (one.field or "").split(".")[1] in fields),
    ]:
        return reject(*problems)
    step = act.step("amended", fields=fields, reason=data.reason)
    again = {"overdue_told": programme.overdue_told and after.planned_start == programme.planned_start}
    change = ProgrammeChange(fields=fields, reason=data.reason)
    return _done(after.model_copy(update=again), step, change, list(_doubts(after, act.today)))


def _below_committed(after: Programme, fields: Iterable[str], committed: int) -> Iterator[Problem]:
    changed = [name for name in ("quota", "unit_cost") if name in fields]
    if changed and after.unit_cost * after.quota < committed:
        yield problem("programme.below_committed", f"data.{changed[0]}")


_AMENDABLE = tuple(name for name in ProgrammeAmend.model_fields if name not in {"programme_id", "reason", "clear"})


def _amended(data: ProgrammeAmend) -> dict[str, Any]:
    given = {name: _plain(name, getattr(data, name)) for name in _AMENDABLE if getattr(data, name) is not None}
    return {**given, **dict.fromkeys(CLEARABLE_PROGRAMME.intersection(data.clear))}


def close_programme(programme: Programme | None, data: ProgrammeClose, act: Act) -> Decision:
    """Close a programme: nobody is assessed for it any more. What was assessed stays as it is, as the record of who
    could have been served while it was open.

    Problems: ``programme.unknown``, ``programme.agency_differs``. Closing twice changes nothing and is warned of with
    ``programme.already_closed``: the second office has got what it wanted.
    """
    if programme is None:
        return reject(unknown())
    if problems := _not_the_agency(programme.agency, act.account, "data.programme_id"):
        return reject(*problems)
    if programme.status == "closed":
        return Decision(result=_result(programme, "unchanged"), warnings=[_already_closed()])
    return _moved(programme, "closed", act.step("closed", reason=data.reason))


def _in_status(programme: Programme, act: Act, *statuses: Status) -> list[Problem]:
    if problems := _not_the_agency(programme.agency, act.account, "data.programme_id"):
        return problems
    return [] if programme.status in statuses else [problem("programme.status", "data.programme_id")]


def _moved(programme: Programme, status: Status, step: Step) -> Decision:
    change = ProgrammeChange(status_before=programme.status, reason=step.reason)
    return _done(programme.model_copy(update={"status": status}), step, change)


def _done(programme: Programme, step: Step, change: ProgrammeChange, warnings: Sequence[Problem] = ()) -> Decision:
    after = programme.model_copy(
        update={"sequence": programme.sequence + 1, "history": (*programme.history, step)[-MAX_HISTORY:]}
    )
    fact = _fact(f"aid.programme.{step.what}", after, change)
    return Decision(changes=[after], facts=[fact], result=_result(after, step.what), warnings=warnings)


# --- overdue ----------------------------------------------------------------------------------------------------------


def overdue_at(programme: Programme) -> datetime | None:
    """When a draft is late (S2-07): the first midnight of its region after the day on which it was to begin."""
    if programme.status != "draft" or programme.planned_start is None or programme.overdue_told:
        return None
    return datetime.combine(programme.planned_start + timedelta(days=1), time(), regions.timezone(programme.region))


def overdue(programme: Programme) -> tuple[Programme, Fact]:
    after = programme.model_copy(update={"sequence": programme.sequence + 1, "overdue_told": True})
    return after, _fact("aid.programme.overdue", after, ProgrammeChange())


def described(programme: Programme) -> dict[str, Any]:
    """A programme for those who ask, with its history."""
    history = [step.model_dump(mode="json", exclude_none=True) for step in programme.history]
    return {**stated(programme), "history": history}


def stated(programme: Programme) -> dict[str, Any]:
    state = programme.published().model_dump(mode="json", exclude_none=True)
    return {"programme": state, "sequence": format_sequence(programme.sequence)}


def _fact(kind: str, programme: Programme, change: ProgrammeChange) -> Fact:
    return Fact(
        type=kind,
        subject=programme.programme_id,
        region=programme.region,
        sequence=programme.sequence,
        data=ProgrammeEvent(programme=programme.published(), change=change),
    )


def already_open(programme: Programme) -> Decision:
    """The opening of a programme that is known: its message came before the inbox forgot it."""
    return Decision(result=_result(programme, "unchanged"))


def _result(programme: Programme, outcome: str) -> dict[str, str | int]:
    return {"programme_id": programme.programme_id, "sequence": programme.sequence, "outcome": outcome}


def _not_the_agency(agency: str, account: str, field: str) -> list[Problem]:
    if agency == account:
        return []
    return [
        Problem(
            code="programme.agency_differs",
            field=field,
            text_id="Program hanya boleh dibuka dan ditutup oleh instansi penyelenggaranya sendiri.",
            text_en="Only the agency that runs a programme may open and close it.",
        )
    ]


def unknown() -> Problem:
    return Problem(
        code="programme.unknown",
        field="data.programme_id",
        text_id="Program ini tidak dikenal; pakai programme_id dari balasan saat program dibuka.",
        text_en="This programme is not known; use the programme_id of the reply to its opening.",
    )


def _already_closed() -> Problem:
    return Problem(
        code="programme.already_closed",
        field="data.programme_id",
        text_id="Program ini sudah ditutup sebelumnya; tidak ada yang berubah.",
        text_en="This programme was closed before; nothing has changed.",
    )
