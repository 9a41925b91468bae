"""What notify tells: what became of each message to an owner, never the number and never the text."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.contracts.fields import Count, Identifier, Payload, Public, Published, Region


class MessageRequest(Payload):
    """The messages of which nobody knows whether a provider has taken them, by id; of one region, or all. They are
    never sent again by themselves: an official asks the owner, or lets it be."""

    region: Public[Region | None] = None
    after: Public[Identifier | None] = None
    limit: Public[Annotated[Count, Field(gt=0, le=500)]] = 100


class TemplateRequest(Payload):
    """All templates with invented values, or one."""

    template: Public[Identifier | None] = None


class MessageState(Published):
    message_id: Public[str]
    beneficiary_id: Public[str]
    template: Public[str]
    channel: Public[str | None] = None
    provider: Public[str | None] = None
    attempt: Public[int]
    state: Public[str]
    caused_by: Public[str]
    """The id of the event that first gave reason for the message."""


class MessageChange(Published):
    state_before: Public[str | None] = None
    reason: Public[str | None] = None


class MessageEvent(Published):
    message: Public[MessageState]
    change: Public[MessageChange] = MessageChange()
