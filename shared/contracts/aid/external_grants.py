"""What other offices have given or plan to give, as they tell it."""

from __future__ import annotations

from typing import Literal

from shared.contracts.aid.programmes import ProgrammeKind
from shared.contracts.aid.recipients import Beneficiary
from shared.contracts.fields import Day, Payload, Public, PublicText, Published, Reference, Rupiah, Slug, Year


class ExternalGrantReport(Beneficiary):
    """What an office gives by itself, and in which stage that is. ``reference`` is the office's own number for it: told
    again it is the same grant. ``on`` is the day on which it is planned, was approved, or was handed over."""

    reference: Public[Reference]
    kind: Public[ProgrammeKind]
    purpose: Public[Slug | None] = None
    stage: Public[Literal["planned", "approved", "handed_over"]]
    on: Public[Day]
    fiscal_year: Public[Year | None] = None
    value: Public[Rupiah | None] = None


class ExternalGrantWithdraw(Payload):
    """It was not given after all, or told of by mistake."""

    reference: Public[Reference]
    reason: Public[PublicText]


class ExternalGrantState(Published):
    """Without ``business_id`` and ``owner_id`` where it is for somebody who is not recorded."""

    external_grant_id: Public[str]
    agency: Public[str]
    reference: Public[str]
    business_id: Public[str | None] = None
    cooperative_id: Public[str | None] = None
    owner_id: Public[str | None] = None
    region: Public[str]
    kind: Public[str]
    purpose: Public[str | None] = None
    stage: Public[str]
    on: Public[Day]
    fiscal_year: Public[int]
    value: Public[int | None] = None


class ExternalGrantChange(Published):
    stage_before: Public[str | None] = None
    reason: Public[str | None] = None


class ExternalGrantEvent(Published):
    external_grant: Public[ExternalGrantState]
    change: Public[ExternalGrantChange] = ExternalGrantChange()
