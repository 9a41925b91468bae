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
from services.notify.contact import CHANNELS, Contact
from services.notify.message import Circumstances, Message, Step
from services.notify.provider import Outcome
from services.notify.store import AGENCY, BUSINESSES, CONTACT, CONTACTS, MESSAGES, PROGRAMME, messages_to
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
        yield from programme_needs(state, one.programme_id)


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

    def given(self, programme: Programme, owner_id: str) -> Circumstances:
        agency = AGENCY.get(self._state, programme.agency)
        return Circumstances(
            programme=programme,
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

    def settle(self, message: Message, programme: Programme | None) -> None:
        if programme is not None:
            self.take(messages.settle(message, self.given(programme, message.owner_id), self._now))

    # --- what providers and people say ------------------------------------------------------------------------------

    def hear(self, outcome: Outcome) -> bool:
        """Write down what became of an attempt. False for a message that nobody here knows."""
        message = self.message(outcome.message_id)
        if message is None:
            return False
        step = messages.record(message, outcome, self._now)
        self.take(step)
        if outcome.state == "failed" and step.message != message:
            self.refusals.append((messages.carrier(message, outcome), outcome))
        if outcome.state == "failed" and outcome.consequence == "stopped":
            self.refuse(message.owner_id, (message.channel,) if message.channel else CHANNELS)
        return True

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
            programme = PROGRAMME.get(self._state, one.programme_id)
            if current is not None:
                self.settle(current, programme)
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
