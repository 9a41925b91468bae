"""Follows eligibilities one after another on the working set, so that a message touched twice is changed once.

The glue between what was looked up and the pure rules of ``message``; every handler and worker that may change a
message goes through here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pydantic import BaseModel

from services.notify import message as messages
from services.notify.audience import Business, Eligibility, Programme
from services.notify.contact import Contact
from services.notify.message import Circumstances, Message, Step
from services.notify.store import AGENCY, BUSINESSES, CONTACT, MESSAGES, PROGRAMME
from shared.decision import Decision, Fact
from shared.kernel.state import ById, Lookup, WorkingSet

# --- what must be looked up -------------------------------------------------------------------------------------------


def programme_needs(state: WorkingSet, programme_id: str) -> Iterator[Lookup]:
    """A programme and the name of its agency."""
    yield from PROGRAMME.needs(state, programme_id)
    free = ById(PROGRAMME.collection, programme_id, guard=False)
    programme = None if state.missing([free]) else state.get(free)
    if programme is not None:
        yield from AGENCY.needs(state, programme.agency)


def message_needs(state: WorkingSet, programme_id: str, owner_id: str) -> Iterator[Lookup]:
    """One owner's message about one programme, and all that decides on it."""
    yield ById(MESSAGES, messages.message_id(programme_id, owner_id))
    yield from CONTACT.needs(state, owner_id)
    yield from programme_needs(state, programme_id)


def follow_needs(state: WorkingSet, programme_id: str, business_id: str) -> Iterator[Lookup]:
    """What ``Desk.follow`` looks at."""
    lookup = ById(BUSINESSES, business_id)
    yield lookup
    business = None if state.missing([lookup]) else state.get(lookup)
    if business is not None:
        yield from message_needs(state, programme_id, business.owner_id)
    else:
        yield from PROGRAMME.needs(state, programme_id)


# --- what comes of it -------------------------------------------------------------------------------------------------


class Desk:
    """Collects the changes and facts of one decision. ``contact`` is one that this decision has just learnt."""

    def __init__(self, state: WorkingSet, now: datetime, contact: Contact | None = None) -> None:
        self._state = state
        self._now = now
        self._contact = contact
        self._messages: dict[str, Message] = {}
        self._others: list[BaseModel] = []
        self._facts: list[Fact] = []

    def keep(self, aggregate: BaseModel) -> None:
        """A change of something else than a message."""
        self._others.append(aggregate)

    def given(self, programme: Programme, owner_id: str) -> Circumstances:
        agency = AGENCY.get(self._state, programme.agency)
        return Circumstances(
            programme=programme,
            contact=self._contact or CONTACT.get(self._state, owner_id),
            agency=None if agency is None else agency.name,
        )

    def follow(self, eligibility: Eligibility, business: Business | None, programme: Programme | None) -> None:
        """Take one eligibility into its owner's message. Where a piece is missing, its arrival comes here again."""
        if business is None or programme is None:
            return
        message = self.message(messages.message_id(programme.programme_id, business.owner_id))
        given = self.given(programme, business.owner_id)
        step = messages.follow(message, eligibility, business, given, self._now)
        if step is not None:
            self.take(step)

    def forget(self, eligibility: Eligibility, owner_id: str, programme: Programme | None) -> None:
        """Take one business out of the message to its former owner."""
        message = self.message(messages.message_id(eligibility.programme_id, owner_id))
        if message is not None and programme is not None:
            given = self.given(programme, owner_id)
            self.take(messages.forget(message, eligibility.beneficiary_id, given, self._now))

    def settle(self, message: Message, programme: Programme | None) -> None:
        if programme is not None:
            self.take(messages.settle(message, self.given(programme, message.owner_id), self._now))

    def message(self, message_id: str) -> Message | None:
        """As it stands, with what this decision has changed already."""
        return self._messages.get(message_id) or self._state.get(ById(MESSAGES, message_id))

    def take(self, step: Step) -> None:
        self._messages[step.message.message_id] = step.message
        self._facts += step.facts

    def decision(self) -> Decision:
        return Decision(changes=[*self._others, *self._changed()], facts=self._facts)

    def _changed(self) -> Iterator[Message]:
        for id_, message in self._messages.items():
            if self._state.get(ById(MESSAGES, id_)) != message:
                yield message
