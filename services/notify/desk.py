"""Follows eligibilities one after another on the working set, so that a message touched twice is changed once.

The glue between what was looked up and the pure rules of ``message``; every handler and worker that may change a
message goes through here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from pydantic import BaseModel

from services.notify import message as messages
from services.notify.audience import Business, Eligibility, Programme
from services.notify.contact import CHANNELS, Contact
from services.notify.cooperative import Meeting
from services.notify.message import Circumstances, Matter, Message, Step
from services.notify.provider import Outcome
from services.notify.store import (
    AGENCY,
    BUSINESSES,
    CONTACT,
    CONTACTS,
    COOPERATIVE,
    MESSAGES,
    PROGRAMME,
    messages_to,
)
from shared.contracts.registry.owners import ConsentWithdraw
from shared.decision import Decision, Fact
from shared.kernel.state import ById, Lookup, WorkingSet
from shared.reference import region as regions

# --- what must be looked up -------------------------------------------------------------------------------------------


def programme_needs(state: WorkingSet, programme_id: str) -> Iterator[Lookup]:
    """A programme and the name of its agency."""
    yield from PROGRAMME.needs(state, programme_id)
    free = ById(PROGRAMME.collection, programme_id, guard=False)
    programme = None if state.missing([free]) else state.get(free)
    if programme is not None:
        yield from AGENCY.needs(state, programme.agency)


def matter_needs(state: WorkingSet, message: Message) -> Iterator[Lookup]:
    """What a message is about, and the name of the agency behind it."""
    if message.programme_id is not None:
        yield from programme_needs(state, message.programme_id)
    elif message.cooperative_id is not None:
        yield from cooperative_needs(state, message.cooperative_id)


def cooperative_needs(state: WorkingSet, cooperative_id: str) -> Iterator[Lookup]:
    """A cooperative and the name of its agency."""
    yield from COOPERATIVE.needs(state, cooperative_id)
    free = ById(COOPERATIVE.collection, cooperative_id, guard=False)
    cooperative = None if state.missing([free]) else state.get(free)
    if cooperative is not None:
        yield from AGENCY.needs(state, cooperative.agency)


def matter_of(state: WorkingSet, message: Message) -> Matter | None:
    """What a message is about; None while that is not known here."""
    if message.programme_id is not None:
        return PROGRAMME.get(state, message.programme_id)
    if message.cooperative_id is None or message.rat_due is None:
        return None
    cooperative = COOPERATIVE.get(state, message.cooperative_id)
    return None if cooperative is None else Meeting(cooperative, message.rat_due)


def member_needs(state: WorkingSet, meeting: Meeting, contact: Contact) -> Iterator[Lookup]:
    """What ``Desk.remind`` looks at."""
    yield ById(MESSAGES, messages.reminder_id(meeting.cooperative.cooperative_id, meeting.due, contact.owner_id))
    yield from CONTACT.needs(state, contact.owner_id)
    yield from AGENCY.needs(state, meeting.agency)


def message_needs(state: WorkingSet, programme_id: str, owner_id: str) -> Iterator[Lookup]:
    """One owner's message about one programme, and all that decides on it."""
    yield ById(MESSAGES, messages.message_id(programme_id, owner_id))
    yield from CONTACT.needs(state, owner_id)
    yield from programme_needs(state, programme_id)


def former_needs(programme_id: str, business: Business) -> Iterator[Lookup]:
    """What was sent for one programme to records that have been joined into the owner's."""
    yield from (ById(MESSAGES, messages.message_id(programme_id, one)) for one in business.formerly)


def follow_needs(state: WorkingSet, programme_id: str, business_id: str) -> Iterator[Lookup]:
    """What ``Desk.follow`` looks at."""
    lookup = ById(BUSINESSES, business_id)
    yield lookup
    business = None if state.missing([lookup]) else state.get(lookup)
    if business is not None:
        yield from message_needs(state, programme_id, business.owner_id)
        yield from former_needs(programme_id, business)
    else:
        yield from PROGRAMME.needs(state, programme_id)


def refusal_needs(state: WorkingSet, owner_id: str) -> Iterator[Lookup]:
    """What ``Desk.refuse`` looks at."""
    told = messages_to(owner_id)
    yield from (ById(CONTACTS, owner_id), told)
    for one in () if state.missing([told]) else state.all(told):
        yield from matter_needs(state, one)


def outcome_needs(state: WorkingSet, outcome: Outcome) -> Iterator[Lookup]:
    """What ``Desk.hear`` looks at."""
    yield from parts_needs(state, outcome.message_id, outcome.attempt)
    message = _loaded(state, outcome.message_id)
    if outcome.consequence == "stopped" and message is not None:
        yield from refusal_needs(state, message.owner_id)


def parts_needs(state: WorkingSet, message_id: str, number: int | None = None) -> Iterator[Lookup]:
    """A message, and what goes within an attempt at it."""
    yield ById(MESSAGES, message_id)
    message = _loaded(state, message_id)
    if message is not None:
        yield from (ById(MESSAGES, part.message_id) for part in messages.parts_of(message, number))


def _loaded(state: WorkingSet, message_id: str) -> Message | None:
    lookup = ById(MESSAGES, message_id)
    return None if state.missing([lookup]) else state.get(lookup)


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
        self._refused: dict[str, Contact] = {}
        self.refusals: list[tuple[str | None, Outcome]] = []
        """Attempts that were refused, as far as that is news, and by which provider."""

    def keep(self, aggregate: BaseModel) -> None:
        """A change of something else than a message."""
        self._others.append(aggregate)

    def keep_once(self, aggregate: BaseModel) -> None:
        """The same, of what one decision may come upon more than once."""
        if aggregate not in self._others:
            self._others.append(aggregate)

    def given(self, matter: Matter, owner_id: str) -> Circumstances:
        agency = AGENCY.get(self._state, matter.agency)
        return Circumstances(
            matter=matter,
            contact=self._contact or self._refused.get(owner_id) or CONTACT.get(self._state, owner_id),
            agency=None if agency is None else agency.name,
        )

    def follow(self, eligibility: Eligibility, business: Business | None, programme: Programme | None) -> None:
        """Take one eligibility into its owner's message. Where a piece is missing, its arrival comes here again."""
        if business is None or programme is None:
            return
        message = self.message(messages.message_id(programme.programme_id, business.owner_id))
        given = self.given(programme, business.owner_id)
        told = any(self._has_gone(programme.programme_id, one) for one in business.formerly)
        step = messages.follow(message, eligibility, business, given, self._now, told_already=told)
        if step is not None:
            self.take(step)

    def _has_gone(self, programme_id: str, owner_id: str) -> bool:
        message = self.message(messages.message_id(programme_id, owner_id))
        return message is not None and (message.state in messages.TOLD or message.told_already)

    def forget(self, eligibility: Eligibility, owner_id: str, programme: Programme | None) -> None:
        """Take one business out of the message to its former owner."""
        message = self.message(messages.message_id(eligibility.programme_id, owner_id))
        if message is not None and programme is not None:
            given = self.given(programme, owner_id)
            self.take(messages.forget(message, eligibility.beneficiary_id, given, self._now))

    def remind(self, contact: Contact, meeting: Meeting) -> None:
        """Tell one member of a cooperative's meeting, once."""
        id_ = messages.reminder_id(meeting.cooperative.cooperative_id, meeting.due, contact.owner_id)
        if self.message(id_) is None:
            step = messages.remind(contact, meeting, self.given(meeting, contact.owner_id), self._now)
            if step is not None:
                self.take(step)

    def settle(self, message: Message, matter: Matter | None) -> None:
        if matter is not None:
            self.take(messages.settle(message, self.given(matter, message.owner_id), self._now))

    # --- what providers and people say ------------------------------------------------------------------------------

    def hear(self, outcome: Outcome) -> bool:
        """Write down what became of an attempt, and of what went within it. False for a message that nobody here
        knows."""
        message = self.message(outcome.message_id)
        if message is None:
            return False
        self._hear(message, outcome)
        for part in messages.parts_of(message, outcome.attempt):
            if (other := self.message(part.message_id)) is not None:
                self.take(messages.record(other, self._of(part, outcome), self._now))
        return True

    @staticmethod
    def _of(part: messages.Part, outcome: Outcome) -> Outcome:
        return replace(outcome, message_id=part.message_id, attempt=part.number)

    def _hear(self, message: Message, outcome: Outcome) -> None:
        step = messages.record(message, outcome, self._now)
        self.take(step)
        if outcome.state == "failed" and step.message != message:
            self.refusals.append((messages.carrier(message, outcome), outcome))
        if outcome.state == "failed" and outcome.consequence == "stopped":
            self.refuse(message.owner_id, (message.channel,) if message.channel else CHANNELS)

    def give_back(self, message_id: str) -> None:
        """A claimed message that its provider has never seen, and what would have gone within it."""
        message = self.message(message_id)
        if message is None or message.state != "sending":
            return
        self.take(Step(messages.release(message, self._now)))
        for part in messages.parts_of(message, None):
            other = self.message(part.message_id)
            if other is not None and other.state == "sending":
                self.take(Step(messages.release(other, self._now)))

    def refuse(self, owner_id: str, channels: tuple[str, ...]) -> bool:
        """The owner wants nothing more: it holds at once, and registry is told, by the door that anybody uses.

        False where that is known already.
        """
        contact = self._refused.get(owner_id) or self._state.get(ById(CONTACTS, owner_id))
        if contact is None or (refused := contact.refuse(channels)) == contact:
            return False
        self._refused[owner_id] = refused
        self._facts.append(
            Fact(
                type="registry.consent.withdraw",
                subject=owner_id,
                region=regions.NATION,
                sequence=refused.refusals,
                data=ConsentWithdraw.model_validate({"owner_id": owner_id, "channels": list(channels)}),
            )
        )
        for one in self._state.all(messages_to(owner_id)):
            current = self.message(one.message_id)
            if current is not None:
                self.settle(current, matter_of(self._state, one))
        return True

    def message(self, message_id: str) -> Message | None:
        """As it stands, with what this decision has changed already."""
        return self._messages.get(message_id) or self._state.get(ById(MESSAGES, message_id))

    def take(self, step: Step) -> None:
        self._messages[step.message.message_id] = step.message
        self._facts += step.facts

    def decision(self) -> Decision:
        return Decision(changes=[*self._others, *self._refused.values(), *self._changed()], facts=self._facts)

    def _changed(self) -> Iterator[Message]:
        for id_, message in self._messages.items():
            if self._state.get(ById(MESSAGES, id_)) != message:
                yield message
