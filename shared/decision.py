"""What a pure decision gives back: the new states, the facts to tell the world, and the answer to who asked.

A decision has the shape ``decide(state, message, policy, now) -> Decision``. It does no input or output, so it can be
tested without a broker or a database; the kernel commits what it returns in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict

from shared.contracts.problem import Problem


class Cause(BaseModel):
    """Where a fact comes from. A thing that acts later, by a clock, keeps the cause it was made by in its state."""

    model_config = ConfigDict(frozen=True)

    correlation_id: str
    causation_id: str
    traceparent: str | None = None
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that has happened, to be published on the exchange that the catalogue names for its type.

    ``type`` is the short type name (``registry.business.recorded``); ``sequence`` counts the facts of ``subject`` on
    that exchange 1, 2, 3 … without gaps; ``region`` is a Kemendagri code, which the routing key cuts to kab/kota.
    ``cause`` is set where it is not the message being decided on.
    """

    type: str
    subject: str
    region: str
    sequence: int
    data: BaseModel
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A person whose data go from what has been said already: unsent contacts of ``subject`` say ``instead``, and
    stored answers that hold the person's data (``Decision.persons``) say that they were erased."""

    subject: str
    instead: BaseModel


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of one message. Exactly one of ``problems``, ``answer`` and ``result`` speaks to the sender."""

    changes: Sequence[BaseModel] = ()
    removals: Sequence[BaseModel] = ()
    facts: Sequence[Fact] = ()
    result: Mapping[str, Any] = field(default_factory=dict)
    warnings: Sequence[Problem] = ()
    problems: Sequence[Problem] = ()
    answer: Any = None
    next: str | None = None
    persons: Sequence[str] = ()
    """Whose personal data ``answer`` holds, by the ids under which they can be forgotten."""
    forgotten: Sequence[Forgotten] = ()

    @property
    def rejected(self) -> bool:
        return bool(self.problems)


def reject(*problems: Problem) -> Decision:
    """Refuse a message: nothing changes, and the sender is told why."""
    return Decision(problems=problems)
