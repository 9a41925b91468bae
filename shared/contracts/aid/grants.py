"""Grants: one beneficiary's share of a programme, from the draft to what became of it; and goods in stock."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from shared.contracts.fields import (
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
    Slug,
)
from shared.contracts.registry.businesses import Decree, PublishedDecree
from shared.reference.invalid import Invalid

Quantity = Annotated[Count, Field(gt=0)]
GrantStatus = Literal[
    "draft",
    "submitted",
    "verified",
    "decided",
    "agreed",
    "partly_handed_over",
    "handed_over",
    "reported",
    "monitored",
    "rejected",
    "cancelled",
]
Finding = Literal["as_intended", "not_in_use", "sold", "not_found"]


class Document(Payload):
    """A paper that stands behind a step: never its content, but what it is, its digest, and where it is kept."""

    kind: Public[Slug]
    """``usulan``, ``pakta_integritas``, ``nphd``, ``bast``, ``foto``, ``kuitansi`` …"""
    number: Public[Reference | None] = None
    sha256: Public[Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None] = None
    location: Public[Reference]


Documents = Annotated[tuple[Document, ...], Field(max_length=20)]


class Item(Payload):
    """Goods by the word of the catalogue; ``unit_value`` is whole rupiah."""

    item: Public[Slug]
    quantity: Public[Quantity]
    unit_value: Public[Rupiah]
    from_stock: Public[bool] = False
    """Taken from what the agency has in stock."""


Items = Annotated[tuple[Item, ...], Field(max_length=50)]


def _each_once(items: tuple[Item, ...]) -> None:
    if len({one.item for one in items}) != len(items):
        raise Invalid(
            "grant.item_twice",
            "Barang yang sama tercantum dua kali; gabungkan jumlahnya.",
            "The same item is listed twice; add up the quantities.",
        )


class GrantPropose(Payload):
    """A draft. ``value`` is the unit cost of the programme, or of its ``items``, unless it says another."""

    programme_id: Public[Identifier]
    beneficiary_id: Public[Identifier]
    budget_id: Public[Identifier | None] = None
    """Which line pays; needed where the programme has several."""
    value: Public[Rupiah | None] = None
    items: Public[Items] = ()
    instalments: Public[Annotated[Count, Field(gt=0, le=12)]] = 1
    documents: Public[Documents] = ()

    @model_validator(mode="after")
    def _items_once(self) -> GrantPropose:
        _each_once(self.items)
        return self


class GrantSubmit(Payload):
    grant_id: Public[Identifier]
    documents: Public[Documents] = ()


class GrantVerify(Payload):
    """Somebody else than who made it has looked at it; its money is reserved."""

    grant_id: Public[Identifier]
    documents: Public[Documents] = ()


class GrantEndorse(Payload):
    """A second approver stands for a hibah to somebody who received one in the year before."""

    grant_id: Public[Identifier]
    legal_basis: Public[PublicText]
    documents: Public[Documents] = ()


class GrantDecide(Payload):
    grant_id: Public[Identifier]
    decree: Public[Decree]
    documents: Public[Documents] = ()


class GrantAgree(Payload):
    """The agreement (NPHD), where the form of the aid asks for one."""

    grant_id: Public[Identifier]
    agreement: Public[Decree]
    documents: Public[Documents] = ()


class GrantHandOver(Payload):
    """What was handed over, by the minutes (BAST). ``items`` at the value they really have; without items ``value``,
    without either all that is left. ``final``: nothing more will come, also where fewer than all instalments did."""

    grant_id: Public[Identifier]
    receipt: Public[Decree]
    signer_role: Public[Slug]
    """Who signed for the beneficiary, by role: ``pemilik``, ``kuasa``, ``ketua``."""
    value: Public[Rupiah | None] = None
    items: Public[Items] = ()
    final: Public[bool] = False
    documents: Public[Documents] = ()

    @model_validator(mode="after")
    def _items_once(self) -> GrantHandOver:
        _each_once(self.items)
        return self


class GrantReport(Payload):
    """The beneficiary's report on what became of it has come in."""

    grant_id: Public[Identifier]
    reported_on: Public[Day]
    documents: Public[Documents] = ()


class GrantMonitor(Payload):
    """Somebody has gone to look."""

    grant_id: Public[Identifier]
    visited_on: Public[Day]
    finding: Public[Finding]
    documents: Public[Documents] = ()


class GrantReject(Payload):
    grant_id: Public[Identifier]
    reason: Public[PublicText]


class GrantCancel(Payload):
    grant_id: Public[Identifier]
    reason: Public[PublicText]


class GrantRequest(Payload):
    """Which grants are there: one, those of a programme or beneficiary, or those of the asker's region."""

    grant_id: Public[Identifier | None] = None
    programme_id: Public[Identifier | None] = None
    beneficiary_id: Public[Identifier | None] = None
    status: Public[GrantStatus | None] = None
    region: Public[Region | None] = None
    after: Public[Identifier | None] = None
    limit: Public[Annotated[Count, Field(gt=0, le=200)]] = 100


# --- what has happened to grants --------------------------------------------------------------------------------------


class PublishedDocument(Published):
    kind: Public[str]
    number: Public[str | None] = None
    sha256: Public[str | None] = None
    location: Public[str]
    step: Public[str]
    """At which step it came: ``propose``, ``decide``, ``hand_over`` …"""


class PublishedItem(Published):
    item: Public[str]
    quantity: Public[int]
    unit_value: Public[int]
    from_stock: Public[bool] = False


class Endorsement(Published):
    by: Public[str]
    legal_basis: Public[str]
    on: Public[Day]


class HandOver(Published):
    """One instalment: what the minutes (BAST) say."""

    receipt: Public[PublishedDecree]
    signer_role: Public[str]
    value: Public[int]
    items: Public[tuple[PublishedItem, ...]] = ()
    by: Public[str]


class Visit(Published):
    visited_on: Public[Day]
    finding: Public[str]
    by: Public[str]


class GrantState(Published):
    """A grant as it stands. Who did what is told by opaque ids of officials. ``delivered`` is the value handed over so
    far; ``short`` is by how much less than ``value`` was handed over in the end, 0 for a grant that came whole."""

    grant_id: Public[str]
    programme_id: Public[str]
    programme_kind: Public[str]
    aid_form: Public[str]
    agency: Public[str]
    region: Public[str]
    fiscal_year: Public[int]
    budget_id: Public[str]
    beneficiary_id: Public[str]
    recipient_id: Public[str]
    value: Public[int]
    items: Public[tuple[PublishedItem, ...]] = ()
    instalments: Public[int]
    status: Public[str]
    status_since: Public[Day]
    proposed_by: Public[str]
    submitted_by: Public[str | None] = None
    verified_by: Public[str | None] = None
    endorsement: Public[Endorsement | None] = None
    decided_by: Public[str | None] = None
    decree: Public[PublishedDecree | None] = None
    agreement: Public[PublishedDecree | None] = None
    hand_overs: Public[tuple[HandOver, ...]] = ()
    delivered: Public[int] = 0
    short: Public[int] = 0
    reported_on: Public[Day | None] = None
    visits: Public[tuple[Visit, ...]] = ()
    documents: Public[tuple[PublishedDocument, ...]] = ()
    reason: Public[str | None] = None


class Shortfall(Published):
    """What was approved and what came."""

    approved: Public[int]
    delivered: Public[int]
    percent: Public[int]


class GrantChange(Published):
    status_before: Public[str | None] = None
    shortfall: Public[Shortfall | None] = None


class GrantEvent(Published):
    grant: Public[GrantState]
    change: Public[GrantChange] = GrantChange()


# --- goods in stock ---------------------------------------------------------------------------------------------------


class StockReceive(Payload):
    """Goods have come in."""

    item: Public[Slug]
    quantity: Public[Quantity]
    documents: Public[Documents] = ()


class StockCount(Payload):
    """Somebody has counted (*stok opname*): so many are there."""

    item: Public[Slug]
    quantity: Public[Count]
    reason: Public[PublicText]


class StockRequest(Payload):
    """What is in stock: the asker's own goods, or those of an agency of its region."""

    agency: Public[Identifier | None] = None
    after: Public[Identifier | None] = None
    limit: Public[Annotated[Count, Field(gt=0, le=500)]] = 100


class StockState(Published):
    """``promised`` are those that decided grants wait for."""

    stock_id: Public[str]
    agency: Public[str]
    region: Public[str]
    item: Public[str]
    on_hand: Public[int]
    promised: Public[int]
    received: Public[int]
    handed_out: Public[int]
    missing: Public[int]
    """What was not there when it was counted, in all; negative where more was found than should be there."""


class StockChange(Published):
    quantity: Public[int]
    grant_id: Public[str | None] = None
    reason: Public[str | None] = None
    documents: Public[tuple[PublishedDocument, ...]] = ()


class StockEvent(Published):
    stock: Public[StockState]
    change: Public[StockChange]
