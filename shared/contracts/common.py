"""What every service answers alike: replies, questions about agencies, and the care of held messages."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from shared.contracts.fields import Count, Identifier, Payload, Public, PublicText, Published
from shared.contracts.problem import Problem


class Accepted(Published):
    intake_id: Public[str | None]
    intake_type: Public[str | None]
    result: Public[dict[str, Any]]
    warnings: Public[tuple[Problem, ...]] = ()


class Rejected(Published):
    intake_id: Public[str | None]
    intake_type: Public[str | None]
    problems: Public[tuple[Problem, ...]]


class Answered(Published):
    intake_id: Public[str | None]
    intake_type: Public[str | None]
    answer: Public[Any]
    next: Public[str | None] = None


class AgencyRequest(Payload):
    """Which agencies and officials does this service know, and since which sequence."""

    after: Public[str | None] = None
    limit: Public[Annotated[Count, Field(gt=0, le=500)]] = 100


class HeldRequest(Payload):
    """What is held: ``retrying``, ``parked`` (given up, an operator must decide) or ``unreadable``."""

    held_id: Public[Identifier | None] = None
    state: Public[Literal["retrying", "parked", "unreadable"] | None] = None
    after: Public[Identifier | None] = None
    limit: Public[Annotated[Count, Field(gt=0, le=100)]] = 50


class HeldRequeue(Payload):
    held_id: Public[Identifier]
    reason: Public[PublicText | None] = None


class HeldDiscard(Payload):
    held_id: Public[Identifier]
    reason: Public[PublicText]


class HeldState(Published):
    held_id: Public[str]
    state: Public[str]
    account: Public[str]


class HeldChange(Published):
    reason: Public[str | None] = None


class HeldEvent(Published):
    held: Public[HeldState]
    change: Public[HeldChange] = HeldChange()
