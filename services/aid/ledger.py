"""The ledger: the money of each budget line, which moves by entries and by nothing else.

A line is an agency, a fiscal year, a source and the line of its budget. Whatever runs at the same time, ``reserved +
committed + realised`` is never above ``pagu``: a movement is decided on the line's own document, which is guarded, and
one that does not fit is refused before anything changes. Each movement is an entry of its own, named by the grant and
what happened to it, so that it cannot be entered twice; the balances are the sum of the entries (``derived``).

Money is whole rupiah. Budgets of regions are revised once a year, by P-APBD, except in an emergency (S1-03; Permendagri
77/2020; sources §4).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from services.aid import absorption
from services.aid.problems import problem
from shared.contracts.aid.budgets import (
    BudgetAllot,
    BudgetChange,
    BudgetEntry,
    BudgetEvent,
    BudgetRevise,
    BudgetState,
    Revision,
)
from shared.contracts.problem import Problem
from shared.contracts.registry.businesses import PublishedDecree
from shared.decision import Cause, Decision, Fact, reject
from shared.reference import region as regions

_BUDGETS = uuid.UUID("0d1a4a0e-5b4a-5a0c-8f0e-6a6f0f3f2b11")
OUTSIDE, AVAILABLE, RESERVED, COMMITTED, REALISED = "pagu", "available", "reserved", "committed", "realised"
CLAIMS = (RESERVED, COMMITTED, REALISED)
"""What together must never be above the ceiling."""


def budget_id(agency: str, fiscal_year: int, source: str, line: str) -> str:
    """A UUIDv5 of public names: whoever knows the line knows its id."""
    return str(uuid.uuid5(_BUDGETS, f"{agency}/{fiscal_year}/{source}/{line}"))


class Entry(BaseModel):
    """One movement. ``number`` counts the entries of its line."""

    model_config = ConfigDict(frozen=True)

    entry_id: str
    budget_id: str
    number: int
    kind: str
    amount: int
    taken_from: str
    put_into: str
    grant_id: str | None
    on: date

    def published(self) -> BudgetEntry:
        return BudgetEntry.model_validate(self.model_dump())


class Account(BaseModel):
    """A budget line as it stands. ``entries`` counts what has been entered; ``look_on`` is the day on which its
    absorption is looked at next, in the agency's zone."""

    model_config = ConfigDict(frozen=True)

    budget_id: str
    sequence: int = 0
    agency: str
    region: str
    fiscal_year: int
    source: str
    line: str
    version: str
    pagu: int = 0
    reserved: int = 0
    committed: int = 0
    realised: int = 0
    released: int = 0
    realised_by_month: tuple[int, ...] = (0,) * absorption.MONTHS
    revisions: tuple[Revision, ...] = ()
    behind: int | None = None
    entries: int = 0
    look_on: date | None = None
    cause: Cause

    @property
    def claimed(self) -> int:
        return self.reserved + self.committed + self.realised

    @property
    def available(self) -> int:
        return self.pagu - self.claimed

    def published(self) -> BudgetState:
        return BudgetState(**{name: getattr(self, name) for name in BudgetState.model_fields})


def due(account: Account) -> datetime | None:
    """When its absorption must be looked at."""
    if account.look_on is None:
        return None
    return datetime.combine(account.look_on, time(), regions.timezone(account.region))


# --- entries ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Posted:
    """A line after one or more movements, what was entered, and what is told of it."""

    account: Account
    entries: tuple[Entry, ...] = ()
    facts: tuple[Fact, ...] = ()

    def reserve(self, grant_id: str, amount: int, on: date) -> Posted:
        """Money for a grant that has been checked and is to be decided on."""
        return self._entered(self._entry("reserve", amount, (AVAILABLE, RESERVED), on, grant_id))

    def commit(self, grant_id: str, amount: int, on: date) -> Posted:
        """The grant is decided: the agency owes it."""
        return self._entered(self._entry("commit", amount, (RESERVED, COMMITTED), on, grant_id))

    def realise(self, grant_id: str, instalment: int, amount: int, on: date) -> Posted:
        """Paid, or handed over in goods of that value."""
        entry = self._entry("realise", amount, (COMMITTED, REALISED), on, grant_id)
        return self._entered(entry.model_copy(update={"entry_id": f"{entry.entry_id}:{instalment}"}))

    def release(self, grant_id: str, amount: int, held: str, on: date) -> Posted:
        """What was ``reserved`` or ``committed`` for a grant and is not needed any more; at most once for a grant."""
        return self._entered(self._entry("release", amount, (held, AVAILABLE), on, grant_id))

    def ceiling(self, kind: str, pagu: int, on: date, what: str, reason: str | None = None) -> Posted:
        """The line with another ceiling, as ``what`` tells."""
        up = pagu >= self.account.pagu
        way = (OUTSIDE, AVAILABLE) if up else (AVAILABLE, OUTSIDE)
        entry = self._entry(kind, abs(pagu - self.account.pagu), way, on)
        return self._entered(entry, what, reason)

    def _entry(self, kind: str, amount: int, way: tuple[str, str], on: date, grant_id: str | None = None) -> Entry:
        """``way`` is from which balance to which. Its id is the grant and what happened to it; of the line itself, the
        place in its entries."""
        number = self.account.entries + 1
        return Entry(
            entry_id=f"{grant_id}:{kind}" if grant_id else f"{self.account.budget_id}:{number}",
            budget_id=self.account.budget_id,
            number=number,
            kind=kind,
            amount=amount,
            taken_from=way[0],
            put_into=way[1],
            grant_id=grant_id,
            on=on,
        )

    def _entered(self, entry: Entry, what: str = "entered", reason: str | None = None) -> Posted:
        change = BudgetChange(entry=entry.published(), reason=reason)
        return self.with_fact(_applied(self.account, entry), what, change, entry)

    def with_fact(self, account: Account, what: str, change: BudgetChange, *entries: Entry) -> Posted:
        numbered = account.model_copy(update={"sequence": account.sequence + 1})
        fact = Fact(
            type=f"aid.budget.{what}",
            subject=numbered.budget_id,
            region=numbered.region,
            sequence=numbered.sequence,
            data=BudgetEvent(budget=numbered.published(), change=change),
        )
        return Posted(numbered, (*self.entries, *entries), (*self.facts, fact))

    @property
    def changes(self) -> tuple[BaseModel, ...]:
        return (self.account, *self.entries)


def affords(account: Account, amount: int) -> bool:
    """Whether so much can be reserved. Whoever posts has asked this first; posting what does not fit is an error."""
    return amount <= account.available


def _applied(account: Account, entry: Entry) -> Account:
    moved = derived([entry])
    after = account.model_copy(
        update={
            **{name: getattr(account, name) + amount for name, amount in moved.items()},
            "realised_by_month": _by_month(account, moved[REALISED], entry.on),
            "entries": entry.number,
        }
    )
    # The last line of defence: a decision that would break the ledger is held as an error, not committed.
    if entry.amount < 0 or min(getattr(after, name) for name in CLAIMS) < 0 or after.available < 0:
        raise ValueError("an entry that the ledger cannot bear")
    return _caught_up(after)


def _by_month(account: Account, realised: int, on: date) -> tuple[int, ...]:
    """Within the fiscal year; what is booked after it counts as December's."""
    month = on.month if on.year == account.fiscal_year else absorption.MONTHS
    return tuple(one + (realised if number == month else 0) for number, one in enumerate(account.realised_by_month, 1))


def _caught_up(account: Account) -> Account:
    """A line that has come as far as it should have lags no more."""
    if account.behind is None or not absorption.reached(account.realised, account.pagu, account.behind):
        return account
    return account.model_copy(update={"behind": None})


def derived(entries: Iterable[Entry]) -> dict[str, int]:
    """The balances that entries add up to, by name."""
    found = dict.fromkeys((OUTSIDE, *CLAIMS, "released"), 0)
    for entry in entries:
        for name, amount in ((entry.taken_from, -entry.amount), (entry.put_into, entry.amount)):
            if name in CLAIMS:
                found[name] += amount
            elif name == OUTSIDE:
                found[OUTSIDE] -= amount
        found["released"] += entry.amount if entry.kind == "release" else 0
    return found


def balances(account: Account) -> dict[str, int]:
    """The balances as they stand, by the names of ``derived``."""
    return {name: getattr(account, name) for name in (OUTSIDE, *CLAIMS, "released")}


# --- lines ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a budget, as somebody asks for it. ``pagu`` is that of ``version``."""

    budget_id: str
    source: str
    line: str
    version: str
    pagu: int


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose line it is, of which year, and what brings it into being ``on`` a day."""

    agency: str
    region: str
    fiscal_year: int
    cause: Cause
    on: date


def allot(data: BudgetAllot, known: Account | None, holder: Holder) -> Decision:
    """A line of an agency's own budget. Problem: ``budget.exists``, since its ceiling changes by a revision only."""
    if known is not None:
        return reject(problem("budget.exists", "data.line"))
    id_ = budget_id(holder.agency, holder.fiscal_year, data.source, data.line)
    posted = _opened(Line(id_, data.source, data.line, data.version, data.pagu), holder)
    return Decision(changes=posted.changes, facts=posted.facts, result=result(posted.account, "allotted"))


class Part(Protocol):
    """A line of a programme's budget, as it was sent or as it is kept."""

    @property
    def source(self) -> str: ...
    @property
    def line(self) -> str | None: ...
    @property
    def version(self) -> str: ...
    @property
    def pagu(self) -> int: ...


class Budgeted(Protocol):
    """A programme, as it was sent or as it is kept."""

    @property
    def agency(self) -> str: ...
    @property
    def fiscal_year(self) -> int: ...
    @property
    def budget(self) -> Sequence[Part]: ...


def lines_of(programme: Budgeted, programme_id: str) -> tuple[Line, ...]:
    """The lines that a programme is paid from, each once: of revised and original figures of one line the revised stand
    (P-APBD takes the place of the original). What has no name of its own is the programme's."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for one in programme.budget:
        versions = found.setdefault((one.source, one.line or programme_id), {})
        versions[one.version] = versions.get(one.version, 0) + one.pagu
    return tuple(
        Line(
            budget_id(programme.agency, programme.fiscal_year, source, line),
            source,
            line,
            *max(versions.items(), key=lambda version: version[0] == "perubahan"),
        )
        for (source, line), versions in found.items()
    )


def allotted(lines: Sequence[Line], known: Sequence[Account | None], holder: Holder) -> tuple[Posted, ...]:
    """The lines that the opening of a programme brings into being; from those that are ``known`` it pays as they
    are."""
    return tuple(_opened(line, holder) for line, account in zip(lines, known, strict=True) if account is None)


def _opened(line: Line, holder: Holder) -> Posted:
    account = Account(
        budget_id=line.budget_id,
        agency=holder.agency,
        region=holder.region,
        fiscal_year=holder.fiscal_year,
        source=line.source,
        line=line.line,
        version=line.version,
        look_on=absorption.first_look(holder.fiscal_year, holder.on),
        cause=holder.cause,
    )
    return Posted(account).ceiling("allot", line.pagu, holder.on, "allotted")


def revise(data: BudgetRevise, account: Account, today: date) -> Decision:
    """Another ceiling.

    Problems: ``budget.year_over``, ``budget.revised_already`` (once a year, except in an emergency),
    ``budget.below_committed`` and ``budget.below_reserved`` (what is promised must be paid; what is only reserved can
    be given up first), ``decree.date_in_future``. Warning: ``budget.emergency``, which is flagged in ``revisions``.
    """
    if problems := list(_against(data, account, today)):
        return reject(*problems)
    if data.pagu == account.pagu:
        return Decision(result=result(account, "unchanged"))
    revision = Revision(
        version="perubahan",
        pagu_before=account.pagu,
        pagu=data.pagu,
        decree=PublishedDecree(number=data.decree.number, date=data.decree.date),
        emergency=data.emergency,
        on=today,
    )
    revised = account.model_copy(update={"version": "perubahan", "revisions": (*account.revisions, revision)})
    posted = Posted(revised).ceiling("revise", data.pagu, today, "revised", data.reason)
    warnings = [problem("budget.emergency", "data.emergency")] if data.emergency else []
    return Decision(
        changes=posted.changes, facts=posted.facts, result=result(posted.account, "revised"), warnings=warnings
    )


def _against(data: BudgetRevise, account: Account, today: date) -> Iterable[Problem]:
    if data.decree.date > today:
        yield problem("decree.date_in_future", "data.decree.date")
    if today.year > account.fiscal_year:
        yield problem("budget.year_over", "data.budget_id")
    if not data.emergency and account.version == "perubahan":
        yield problem("budget.revised_already", "data.budget_id")
    if data.pagu < account.committed + account.realised:
        yield problem("budget.below_committed", "data.pagu")
    elif data.pagu < account.claimed:
        yield problem("budget.below_reserved", "data.pagu")


def result(account: Account, outcome: str) -> dict[str, str | int]:
    return {"budget_id": account.budget_id, "sequence": account.sequence, "outcome": outcome}


# --- the clock --------------------------------------------------------------------------------------------------------


def looked_at(account: Account, today: date) -> Posted:
    """A month of the table is over: a line that lags is told of, once for each such month."""
    following = absorption.first_look(account.fiscal_year, today)
    target = absorption.target_on(account.fiscal_year, today)
    moved = account.model_copy(update={"look_on": following})
    if target is None or absorption.reached(account.realised, account.pagu, target.percent):
        return Posted(moved)
    lagging = moved.model_copy(update={"behind": target.percent})
    posted = Posted(moved).with_fact(lagging, "lagging", BudgetChange())
    return replace(posted, facts=tuple(replace(fact, cause=account.cause) for fact in posted.facts))
