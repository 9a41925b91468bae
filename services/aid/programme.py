"""A programme of aid or training: what it offers, to whom, from which money, and whether it is open.

The agency that runs it opens and closes it; whom it may serve is said by its criteria (``criteria``), who does is
found out by ``eligibility``. Two programmes may have one name: offices repeat a programme every year (S1-09).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict

from services.aid.criteria import MAX_CRITERIA, contradictions, plain, singles
from shared.contracts.aid.criteria import Criterion
from shared.contracts.aid.programmes import (
    Announce,
    BudgetLine,
    ProgrammeChange,
    ProgrammeClose,
    ProgrammeEvent,
    ProgrammeOpen,
    ProgrammeState,
    PublishedBudgetLine,
)
from shared.contracts.problem import Problem
from shared.decision import Decision, Fact, reject


class Programme(BaseModel):
    """A programme as it stands. ``sequence`` is that of its latest public event; money is whole rupiah."""

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
    beneficiary: Literal["business"]
    criteria: tuple[Criterion, ...]
    required_checks: tuple[str, ...] = ()
    apply_until: date | None
    how_to_apply: str | None
    status: Literal["open", "closed"]

    def published(self) -> ProgrammeState:
        return ProgrammeState.model_validate(
            {**self.model_dump(mode="json"), "required_checks": self.required_checks or None}
        )


# --- opening ----------------------------------------------------------------------------------------------------------


def open_programme(data: ProgrammeOpen, account: str, programme_id: str, today: date) -> Decision:
    """Open a programme. ``today`` is the date in the programme's region.

    Problems: ``programme.agency_differs``, ``programme.apply_until_past``, ``criteria.too_many``. Warnings, since an
    office may know better: ``programme.budget_short``, ``programme.fiscal_year``, ``criteria.contradiction``.
    """
    if problems := [*_not_the_agency(data.agency, account, "data.agency"), *_refused(data, today)]:
        return reject(*problems)
    programme = _made(data, programme_id)
    return Decision(
        changes=[programme],
        facts=[_fact("aid.programme.opened", programme, ProgrammeChange())],
        result=_result(programme, "opened"),
        warnings=list(_doubts(data, today)),
    )


def _made(data: ProgrammeOpen, programme_id: str) -> Programme:
    # Field by field: members that we do not know were never checked and must not reach a public event.
    known = {name: getattr(data, name) for name in ProgrammeOpen.model_fields}
    budget = tuple(PublishedBudgetLine.model_validate(line.model_dump()) for line in data.budget)
    criteria = tuple(plain(one) for one in data.criteria)
    return Programme(
        **{**known, "budget": budget, "criteria": criteria}, programme_id=programme_id, sequence=1, status="open"
    )


def _refused(data: ProgrammeOpen, today: date) -> Iterator[Problem]:
    if data.apply_until is not None and data.apply_until < today:
        yield Problem(
            code="programme.apply_until_past",
            field="data.apply_until",
            text_id="Batas pendaftaran sudah lewat; isi tanggal hari ini atau sesudahnya.",
            text_en="The last day to apply has passed; give today or a later date.",
        )
    if sum(1 for _ in singles(data.criteria)) > MAX_CRITERIA:
        yield Problem(
            code="criteria.too_many",
            field="data.criteria",
            text_id=f"Syarat program lebih dari {MAX_CRITERIA}; gabungkan atau kurangi.",
            text_en=f"The programme has more than {MAX_CRITERIA} criteria; combine or drop some.",
        )


def _doubts(data: ProgrammeOpen, today: date) -> Iterator[Problem]:
    if data.unit_cost * data.quota > pagu_in_force(data.budget):
        yield Problem(
            code="programme.budget_short",
            field="data.budget",
            text_id="Biaya satuan kali kuota melebihi pagu; kurangi kuota atau siapkan perubahan anggaran.",
            text_en="Unit cost times quota exceeds the budget; lower the quota or prepare a budget revision.",
        )
    if data.fiscal_year not in {today.year, today.year + 1}:
        yield Problem(
            code="programme.fiscal_year",
            field="data.fiscal_year",
            text_id="Tahun anggaran bukan tahun ini atau tahun depan; periksa kembali.",
            text_en="The fiscal year is neither this year nor the next; check it.",
        )
    for path in contradictions(data.criteria, data.region, "data.criteria"):
        yield Problem(
            code="criteria.contradiction",
            field=path,
            text_id="Syarat-syarat ini saling bertentangan sehingga tidak ada usaha yang dapat memenuhinya; periksa.",
            text_en="These criteria contradict one another, so that no business can meet them; check them.",
        )


def pagu_in_force(budget: Iterable[BudgetLine]) -> int:
    """Whole rupiah: of each source the revised lines (P-APBD, the DPPA) where there are any, else the original ones
    (S1-03, S1-17; sources §4: a revision takes the place of the original)."""
    by_source: dict[str, dict[str, int]] = {}
    for line in budget:
        versions = by_source.setdefault(line.source, {})
        versions[line.version] = versions.get(line.version, 0) + line.pagu
    return sum(versions.get("perubahan", versions.get("murni", 0)) for versions in by_source.values())


# --- closing ----------------------------------------------------------------------------------------------------------


def close_programme(programme: Programme | None, data: ProgrammeClose, account: str) -> Decision:
    """Close a programme: nobody is assessed for it any more. What was assessed stays as it is, as the record of who
    could have been served while it was open.

    Problems: ``programme.unknown``, ``programme.agency_differs``. Closing twice changes nothing and is warned of with
    ``programme.already_closed``: the second office has got what it wanted.
    """
    if programme is None:
        return reject(_unknown())
    if problems := _not_the_agency(programme.agency, account, "data.programme_id"):
        return reject(*problems)
    if programme.status == "closed":
        return Decision(result=_result(programme, "unchanged"), warnings=[_already_closed()])
    closed = programme.model_copy(update={"status": "closed", "sequence": programme.sequence + 1})
    change = ProgrammeChange(status_before=programme.status, reason=data.reason)
    return Decision(
        changes=[closed], facts=[_fact("aid.programme.closed", closed, change)], result=_result(closed, "closed")
    )


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


def _unknown() -> Problem:
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
