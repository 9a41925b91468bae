"""One message to one owner about one programme: from the reason to tell, to what became of it.

There is one for each owner and programme, however many of the owner's businesses are eligible (issue 7: five
businesses, one message). Until it is sent it follows what is true: lost eligibility, a closed programme, a missing
number or withdrawn consent suppress it, and it is queued again when the reason has gone. Once sent, nothing more.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from services.notify import contact as contacts
from services.notify.audience import Business, Eligibility, Programme
from services.notify.contact import Contact
from services.notify.provider import Outcome
from shared.contracts.notify import MessageChange, MessageEvent, MessageState
from shared.decision import Cause, Fact

TEMPLATE = "programme_eligible_id_v1"
WAIT = timedelta(hours=24)
"""How long a message waits for the owner's contact (or the agency's name): by policy, issue 2."""

State = Literal["queued", "sending", "sent", "delivered", "failed", "uncertain", "suppressed", "expired"]
UNSETTLED: frozenset[State] = frozenset({"queued", "suppressed"})
"""States in which a message still follows what is true of its owner and programme."""

NEXT: Mapping[State, frozenset[State]] = {
    "queued": frozenset({"sending", "suppressed", "expired", "failed", "sent"}),
    "sending": frozenset({"queued", "sent", "failed", "uncertain"}),
    "suppressed": frozenset({"queued", "sent"}),
    "expired": frozenset({"sent"}),
    "sent": frozenset({"delivered"}),
    "uncertain": frozenset({"sent"}),
    "delivered": frozenset(),
    "failed": frozenset(),
}
"""Which state may follow which. ``sent`` may follow what was withdrawn: if a provider says that it has taken a message
from a process that stood still meanwhile, then that is what happened, and the books say so."""

_FAMILY = uuid.UUID("0b5c1f0e-3f5a-5d0e-9f0c-9a4b6d1c2e70")


class Beneficiary(BaseModel):
    """One of the owner's businesses that is eligible."""

    model_config = ConfigDict(frozen=True)

    business_id: str
    recorded_on: date


class Message(BaseModel):
    """The intent and its state. It holds no name, no number and no text.

    ``beneficiary_id`` is one of ``beneficiaries``: the first recorded, and kept as long as it is eligible, so that an
    event never changes unseen. ``region`` stays as it was at first: who reads one region's events misses none of it.
    ``due_at`` is set while queued: the instant at which to send, or to give up waiting.
    """

    model_config = ConfigDict(frozen=True)

    message_id: str
    programme_id: str
    owner_id: str
    template: str
    region: str
    beneficiary_id: str
    beneficiaries: tuple[Beneficiary, ...]
    state: State = "queued"
    reason: str | None = None
    channel: str | None = None
    provider: str | None = None
    attempt: int = 0
    sequence: int = 0
    caused_by: str
    cause: Cause
    queued_at: datetime
    due_at: datetime | None = None

    def published(self) -> MessageState:
        """The public state. That a message is in a provider's hands at this moment is nobody's business yet."""
        return MessageState(
            message_id=self.message_id,
            beneficiary_id=self.beneficiary_id,
            template=self.template,
            channel=self.channel,
            provider=self.provider,
            attempt=self.attempt,
            state="queued" if self.state == "sending" else self.state,
            caused_by=self.caused_by,
        )


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What decides whether a message may go: ``agency`` is the agency's name, ``contact`` None while unknown."""

    programme: Programme
    contact: Contact | None
    agency: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """A message after a decision, and what there is to tell of it."""

    message: Message
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a message ought to be. ``waiting`` is a queued one that lacks a piece."""

    state: Literal["queued", "suppressed", "expired"]
    reason: str | None = None
    waiting: bool = False


def message_id(programme_id: str, owner_id: str) -> str:
    """The same for every copy, order and version of the template, so that nobody is told the same thing twice."""
    return str(uuid.uuid5(_FAMILY, f"programme_eligible/{programme_id}/{owner_id}"))


# --- what ought to be -------------------------------------------------------------------------------------------------


def standing(message: Message, given: Circumstances, now: datetime) -> Standing:
    """Where this message ought to be as things are; the first reason found is the one told."""
    if reason := _withdrawn(message, given):
        return Standing("suppressed", reason)
    if given.programme.is_over(now):
        return Standing("expired", "apply_until_passed")
    if given.contact is None:
        return _waiting(message, now, "no_contact")
    if reason := contacts.reach(given.contact).reason:
        return Standing("suppressed", reason)
    return Standing("queued") if given.agency is not None else _waiting(message, now, "agency_unknown")


def _withdrawn(message: Message, given: Circumstances) -> str | None:
    if not message.beneficiaries:
        return "eligibility_lost"
    return None if given.programme.inviting else "programme_closed"


def _waiting(message: Message, now: datetime, reason: str) -> Standing:
    if message.state == "queued" and now >= message.queued_at + WAIT:
        return Standing("expired", reason)
    return Standing("queued", reason, waiting=True)


# --- from what is to what ought to be ---------------------------------------------------------------------------------


def follow(
    message: Message | None, eligibility: Eligibility, business: Business, given: Circumstances, now: datetime
) -> Step | None:
    """Take one eligibility of one business into the owner's message; None where there is nothing to tell."""
    if message is None:
        return _begin(eligibility, business, given, now)
    return settle(_counting(message, business, counts=eligibility.eligible), given, now)


def forget(message: Message, business_id: str, given: Circumstances, now: datetime) -> Step:
    """The business belongs to somebody else now, who has a message of their own."""
    return settle(_with(message, _others(message, business_id)), given, now)


def settle(message: Message, given: Circumstances, now: datetime) -> Step:
    """Bring a message to where it ought to be. What is being sent or has ended stays as it is."""
    if message.state not in UNSETTLED:
        return Step(message)
    ought = standing(message, given, now)
    if ought.state == "queued":
        return _queue(message, ought, now)
    if ought.state == message.state:
        return Step(message.model_copy(update={"reason": ought.reason}))
    if ought.state not in NEXT[message.state]:
        return Step(message)
    return _move(message, ought.state, reason=ought.reason)


def _begin(eligibility: Eligibility, business: Business, given: Circumstances, now: datetime) -> Step | None:
    programme = given.programme
    if not eligibility.eligible or not programme.inviting or programme.is_over(now):
        return None
    fresh = Message(
        message_id=message_id(programme.programme_id, business.owner_id),
        programme_id=programme.programme_id,
        owner_id=business.owner_id,
        template=TEMPLATE,
        region=business.region,
        beneficiary_id=business.business_id,
        beneficiaries=(_beneficiary(business),),
        caused_by=eligibility.event_id,
        cause=eligibility.cause,
        queued_at=now,
    )
    # That there is reason to tell is said even if it is withdrawn in the same breath: an office wants to know how
    # many could not be told.
    queued = _told(fresh, before=None)
    settled = settle(queued.message, given, now)
    return Step(settled.message, (*queued.facts, *settled.facts))


def _queue(message: Message, ought: Standing, now: datetime) -> Step:
    if message.state != "queued":
        message = message.model_copy(update={"queued_at": now, "due_at": None})
    due_at = message.queued_at + WAIT if ought.waiting else min(message.due_at or now, now)
    if message.state == "queued":
        return Step(message.model_copy(update={"due_at": due_at}))
    return _move(message, "queued", due_at=due_at)


def _beneficiary(business: Business) -> Beneficiary:
    return Beneficiary(business_id=business.business_id, recorded_on=business.recorded_on)


def _others(message: Message, business_id: str) -> tuple[Beneficiary, ...]:
    return tuple(one for one in message.beneficiaries if one.business_id != business_id)


def _counting(message: Message, business: Business, *, counts: bool) -> Message:
    others = _others(message, business.business_id)
    return _with(message, (*others, _beneficiary(business)) if counts else others)


def _with(message: Message, beneficiaries: tuple[Beneficiary, ...]) -> Message:
    """The message for these businesses, the first recorded first."""
    ordered = tuple(sorted(beneficiaries, key=lambda one: (one.recorded_on, one.business_id)))
    ids = [one.business_id for one in ordered]
    lead = message.beneficiary_id
    if ids and lead not in ids and message.state in UNSETTLED:
        lead = ids[0]
    return message.model_copy(update={"beneficiaries": ordered, "beneficiary_id": lead})


# --- sending ----------------------------------------------------------------------------------------------------------


def claim(message: Message, channel: str, provider: str) -> Message:
    """Take a message for sending. It is public only with what comes of it."""
    return _changed(
        message, "sending", due_at=None, channel=channel, provider=provider, attempt=message.attempt + 1, reason=None
    )


def release(message: Message, now: datetime) -> Message:
    """Give a claimed message back that its provider has never seen; from here it follows what is true again."""
    released = _changed(message, "queued", due_at=now, channel=None, provider=None)
    return _with(released, released.beneficiaries)


def fail(message: Message, reason: str) -> Step:
    """It cannot be sent as it is, and no retry would mend that."""
    return _move(message, "failed", reason=reason, due_at=None)


def record(message: Message, outcome: Outcome, provider: str) -> Step:
    """Write down what a provider says has become of a message; told twice it changes nothing.

    Only what has arrived counts for a message that is no longer being sent: a refusal of an earlier attempt says
    nothing about where it stands now.
    """
    path: tuple[State, ...] = ("sent", "delivered") if outcome.state == "delivered" else (outcome.state,)
    if message.state != "sending" and path[0] != "sent":
        return Step(message)
    facts: tuple[Fact, ...] = ()
    for state in path:
        if state in NEXT[message.state]:
            step = _move(message, state, reason=outcome.reason, provider=provider, due_at=None)
            message, facts = step.message, (*facts, *step.facts)
    return Step(message, facts)


# --- every move -------------------------------------------------------------------------------------------------------


def _changed(message: Message, state: State, **changes: Any) -> Message:
    if state not in NEXT[message.state]:
        raise ValueError(f"a message cannot go from {message.state} to {state}")
    return message.model_copy(update={"state": state, **changes})


def _move(message: Message, state: State, *, reason: str | None = None, **changes: Any) -> Step:
    """A change that the public sees: one more in the sequence, one fact."""
    if state != "queued":
        changes.setdefault("due_at", None)
    before = message.published().state
    return _told(_changed(message, state, reason=reason, **changes), before=before)


def _told(message: Message, before: str | None) -> Step:
    counted = message.model_copy(update={"sequence": message.sequence + 1})
    fact = Fact(
        type=f"notify.message.{counted.state}",
        subject=counted.message_id,
        region=counted.region,
        sequence=counted.sequence,
        data=MessageEvent(
            message=counted.published(), change=MessageChange(state_before=before, reason=counted.reason)
        ),
        cause=counted.cause,
    )
    return Step(counted, (fact,))
