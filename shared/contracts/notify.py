"""What notify tells: what became of each message to an owner, never the number and never the text."""

from __future__ import annotations

from shared.contracts.fields import Public, Published


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
