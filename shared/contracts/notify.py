"""What notify tells: what became of each message to an owner, never the number and never the text."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared.contracts.fields import Count, Identifier, Payload, Public, Published, Region

State = Literal["queued", "sent", "delivered", "read", "failed", "uncertain", "suppressed", "expired"]


class MessageRequest(Payload):
    """Messages by id: all that are or were about a beneficiary; or those about a programme that stand in a ``state``;
    or, of one region or all, those of which nobody knows whether a provider has taken them. The last are never sent
    again by themselves: an official asks the owner, or lets it be. An agency is told of its own programmes' messages.
    """

    beneficiary_id: Public[Identifier | None] = None
    programme_id: Public[Identifier | None] = None
    state: Public[State] = "uncertain"
    region: Public[Region | None] = None
    after: Public[Identifier | None] = None
    limit: Public[Annotated[Count, Field(gt=0, le=500)]] = 100


class CampaignRequest(Payload):
    """How far the messages about a programme have come."""

    programme_id: Public[Identifier]


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
