"""Budget lines: the ceiling (*pagu*) of each, every movement of its money, and what is left."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared.contracts.fields import (
    Account,
    Count,
    Day,
    Identifier,
    Payload,
    Public,
    PublicText,
    Published,
    Reference,
    Region,
    Rupiah,
    Year,
)
from shared.contracts.registry.businesses import Decree, PublishedDecree

Source = Literal["apbd", "apbn", "csr", "bank"]
Version = Literal["murni", "perubahan"]


class BudgetAllot(Payload):
    """A line of the agency's own budget (DPA), from which several programmes may pay. Money is whole rupiah."""

    fiscal_year: Public[Year]
    source: Public[Source]
    line: Public[Reference]
    """Its code in the budget (``2.17.05``), or whatever the office calls it by."""
    version: Public[Version] = "murni"
    pagu: Public[Annotated[Rupiah, Field(gt=0)]]


class BudgetRevise(Payload):
    """Another ceiling for a line, up or down: P-APBD, which comes once a year except in an emergency."""

    budget_id: Public[Identifier]
    pagu: Public[Rupiah]
    decree: Public[Decree]
    """The DPPA, or the decision that stands behind an emergency."""
    emergency: Public[bool] = False
    reason: Public[PublicText | None] = None


class BudgetRequest(Payload):
    """How much is left: of the lines of the asker's region or of one agency, page by page; or, with ``budget_id``, one
    line with its entries page by page, from which its balances follow."""

    budget_id: Public[Identifier | None] = None
    agency: Public[Account | None] = None
    region: Public[Region | None] = None
    fiscal_year: Public[Year | None] = None
    """This year, unless it says another."""
    after: Public[Identifier | None] = None
    limit: Public[Annotated[Count, Field(gt=0, le=500)]] = 100


class Revision(Published):
    version: Public[str]
    pagu_before: Public[int]
    pagu: Public[int]
    decree: Public[PublishedDecree]
    emergency: Public[bool]
    on: Public[Day]


class BudgetState(Published):
    """A line as it stands. ``reserved + committed + realised`` is never above ``pagu``; ``released`` is what was
    reserved or committed and came back. ``behind`` is the absorption in percent that the line should have reached and
    has not, None while it keeps up."""

    budget_id: Public[str]
    agency: Public[str]
    region: Public[str]
    fiscal_year: Public[int]
    source: Public[str]
    line: Public[str]
    version: Public[str]
    pagu: Public[int]
    reserved: Public[int]
    committed: Public[int]
    realised: Public[int]
    released: Public[int]
    realised_by_month: Public[tuple[int, ...]]
    """Twelve numbers, January first."""
    revisions: Public[tuple[Revision, ...]] = ()
    behind: Public[int | None] = None


class BudgetEntry(Published):
    """One movement of money, entered once: ``amount`` left ``taken_from`` and went to ``put_into``. What is ``pagu``
    there comes from outside; ``available`` is what nobody has a claim on."""

    entry_id: Public[str]
    kind: Public[str]
    amount: Public[int]
    taken_from: Public[str]
    put_into: Public[str]
    grant_id: Public[str | None] = None
    on: Public[Day]


class BudgetChange(Published):
    entry: Public[BudgetEntry | None] = None
    reason: Public[str | None] = None


class BudgetEvent(Published):
    budget: Public[BudgetState]
    change: Public[BudgetChange] = BudgetChange()
