"""Budget lines: allotted, revised and asked for; and the clock that looks at how far they are used up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from datetime import date, datetime
from typing import Any

from services.aid import absorption, ledger, store
from services.aid.ledger import Account, Entry
from services.aid.problems import problem
from shared.agencies import agency_lookup, authority_needs, check_authority
from shared.contracts.aid.budgets import BudgetAllot, BudgetRequest, BudgetRevise
from shared.contracts.envelope import Received
from shared.decision import Decision, reject
from shared.kernel.routes import Routes, Worker, stepping
from shared.kernel.state import ById, Due, Lookup, Page, WorkingSet
from shared.reference import region as regions

routes = Routes()
_LOOKED_AT = 100


def _allot_needs(message: Received[BudgetAllot], _: WorkingSet) -> Iterable[Lookup]:
    return [*authority_needs(message), _own_line(message)]


def _own_line(message: Received[BudgetAllot]) -> ById[Account]:
    data = message.data
    return store.account(ledger.budget_id(message.account, data.fiscal_year, data.source, data.line))


@routes.on("aid.budget.allot", _allot_needs)
def allot(message: Received[BudgetAllot], state: WorkingSet, now: datetime) -> Decision:
    region = _home(message.account, state)
    if problems := check_authority(message, state, now, region, "data.line"):
        return reject(*problems)
    holder = _holder(message, message.data.fiscal_year, region, regions.local_date(now, region))
    return ledger.allot(message.data, state.get(_own_line(message)), holder)


def _holder(message: Received[Any], fiscal_year: int, region: str, today: date) -> ledger.Holder:
    return ledger.Holder(message.account, region, fiscal_year, message.cause, today)


def _home(agency: str, state: WorkingSet) -> str:
    """An agency's own region; of nobody, the nation, for which nobody unknown may speak."""
    known = state.get(agency_lookup(agency))
    return known.region if known is not None else regions.NATION


def _revise_needs(message: Received[BudgetRevise], _: WorkingSet) -> Iterable[Lookup]:
    return [*authority_needs(message), store.account(message.data.budget_id)]


@routes.on("aid.budget.revise", _revise_needs)
def revise(message: Received[BudgetRevise], state: WorkingSet, now: datetime) -> Decision:
    account = state.get(store.account(message.data.budget_id))
    region = account.region if account else None
    if problems := check_authority(message, state, now, region, "data.budget_id"):
        return reject(*problems)
    if account is None:
        return reject(problem("budget.unknown", "data.budget_id"))
    if account.agency != message.account:
        return reject(problem("budget.agency_differs", "data.budget_id"))
    return ledger.revise(message.data, account, regions.local_date(now, account.region))


# --- the lines of a programme -----------------------------------------------------------------------------------------


def lines_needed(programme: ledger.Budgeted, programme_id: str) -> Iterator[Lookup]:
    """What ``allotting`` will look at."""
    return (store.account(one.budget_id) for one in ledger.lines_of(programme, programme_id))


def allotting(opened: Decision, message: Received[Any], programme: ledger.Budgeted, state: WorkingSet) -> Decision:
    """The opening of a programme, with the budget lines that it brings into being."""
    if opened.rejected:
        return opened
    lines = ledger.lines_of(programme, str(opened.result["programme_id"]))
    region = _home(message.account, state)
    holder = _holder(message, programme.fiscal_year, region, regions.local_date(message.received_at, region))
    posted = ledger.allotted(lines, [state.get(store.account(one.budget_id)) for one in lines], holder)
    return replace(
        opened,
        changes=[*opened.changes, *(change for one in posted for change in one.changes)],
        facts=[*opened.facts, *(fact for one in posted for fact in one.facts)],
    )


# --- how much is left -------------------------------------------------------------------------------------------------


def _request_needs(message: Received[BudgetRequest], state: WorkingSet) -> Iterator[Lookup]:
    asker, line = agency_lookup(message.account), _line(message)
    yield from (*authority_needs(message), *([line] if line else []))
    if message.data.agency is not None:
        yield agency_lookup(message.data.agency)
    if message.data.budget_id is not None:
        yield _entries(message, message.data.budget_id)
    elif not state.missing([asker]):
        yield _lines(message, state)


def _line(message: Received[BudgetRequest]) -> ById[Account] | None:
    id_ = message.data.budget_id
    return None if id_ is None else ById(store.ACCOUNTS, id_, guard=False)


def _region(message: Received[BudgetRequest], state: WorkingSet) -> str:
    """Which region is asked about: that of the line, of the agency, the one named, or the asker's own."""
    line = _line(message)
    account = state.get(line) if line else None
    if account is not None:
        return account.region
    if message.data.agency is not None:
        return _home(message.data.agency, state)
    return message.data.region or _home(message.account, state)


# One more than asked for in both, to know whether there is a next page.


def _entries(message: Received[BudgetRequest], budget_id: str) -> Page[Entry]:
    after, limit = message.data.after or "", message.data.limit + 1
    return Page(store.ENTRIES, f"of:{budget_id}", after=after, limit=limit, guard=False)


def _lines(message: Received[BudgetRequest], state: WorkingSet) -> Page[Account]:
    data, home = message.data, _home(message.account, state)
    where = f"of:{data.agency}" if data.agency is not None else f"in:{data.region or home}"
    year = data.fiscal_year or regions.local_date(message.received_at, home).year
    return Page(store.ACCOUNTS, f"{where}:{year}", after=data.after or "", limit=data.limit + 1, guard=False)


@routes.on("aid.budget.request", _request_needs)
def answer(message: Received[BudgetRequest], state: WorkingSet, now: datetime) -> Decision:
    """Lines with how far they are used up, or the entries of one."""
    named = message.data.agency or message.data.budget_id or message.data.region
    region = _region(message, state)
    if problems := check_authority(message, state, now, region if named else None, "data.region"):
        return reject(*problems)
    line = _line(message)
    account = state.get(line) if line else None
    if line is not None and account is None:
        return reject(problem("budget.unknown", "data.budget_id"))
    limit = message.data.limit
    if account is not None:
        entries = state.all(_entries(message, account.budget_id))
        told = [one.published().model_dump(mode="json") for one in entries[:limit]]
        following = entries[limit - 1].entry_id if len(entries) > limit else None
        return Decision(answer={**_described(account, now), "entries": told}, next=following)
    found = state.all(_lines(message, state))
    following = found[limit - 1].budget_id if len(found) > limit else None
    return Decision(answer=[_described(one, now) for one in found[:limit]], next=following)


def _described(account: Account, now: datetime) -> dict[str, Any]:
    today = regions.local_date(now, account.region)
    ahead = absorption.forecast(account.pagu, account.realised_by_month, account.fiscal_year, today)
    return {
        "budget": account.published().model_dump(mode="json"),
        "sequence": account.sequence,
        "available": account.available,
        "absorption": asdict(ahead),
    }


# --- the clock --------------------------------------------------------------------------------------------------------


def _due(now: datetime) -> Due[Account]:
    return Due(store.ACCOUNTS, until=now, limit=_LOOKED_AT)


def _look_needs(message: Received[Any], _: WorkingSet) -> Iterable[Lookup]:
    return [_due(message.received_at)]


def _look(_: Received[Any], state: WorkingSet, now: datetime) -> Decision:
    looked = [ledger.looked_at(one, regions.local_date(now, one.region)) for one in state.all(_due(now))]
    return Decision(
        changes=[change for one in looked for change in one.changes],
        facts=[fact for one in looked for fact in one.facts],
    )


worker = Worker("budgets", stepping(_look_needs, _look), every=60.0, nudged=False)
