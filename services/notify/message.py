"""One message to one owner about one matter, a programme or the yearly meeting (RAT) of a cooperative: from the reason
to tell, to what became of it.

There is one for each owner and matter, however many of the owner's businesses are eligible (issue 7: five
businesses, one message). Until it is sent it follows what is true: lost eligibility, a closed programme, a missing
number or withdrawn consent suppress it, and it is queued again when the reason has gone. Once sent, nothing more,
unless the provider says that it has not arrived and will not: then it is queued again for another way or another day.

The guarantee of this file: what became of an attempt moves only forward, so receipts that come late, swapped or
doubled end in the same state; and a message of which nobody knows whether it was taken is never sent again by itself.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict

from services.notify import contact as contacts
from services.notify.audience import Business, Eligibility, Programme
from services.notify.contact import Contact
from services.notify.cooperative import Meeting
from services.notify.occasion import PROGRAMME_ELIGIBLE, RAT_DUE, SEVERAL_ELIGIBLE, occasion_on
from services.notify.policy import Policy, policy_on
from services.notify.provider import ARRIVED, Outcome
from shared.contracts.notify import MessageChange, MessageEvent, MessageState
from shared.decision import Cause, Fact
from shared.reference import region as regions

Matter = Programme | Meeting
"""What a message is about: the agency that stands behind it, where it is, its last day, and whether it still holds."""
State = Literal["queued", "sending", "sent", "delivered", "read", "failed", "uncertain", "suppressed", "expired"]
Status = Literal["claimed", "released", "uncertain", "sent", "failed", "delivered", "read"]
RANK: Mapping[str, int] = {
    "claimed": 0,
    "released": 0,
    "uncertain": 1,
    "sent": 2,
    "failed": 3,
    "delivered": 4,
    "read": 5,
}
"""How much is known of an attempt. A provider may say ``failed`` of one phone and ``delivered`` of another of the same
person, in any order; that it has arrived outweighs."""
PUBLIC_STATES: tuple[str, ...] = tuple(one for one in get_args(State) if one != "sending")
UNSETTLED: frozenset[State] = frozenset({"queued", "suppressed"})
"""States in which a message still follows what is true of its owner and programme."""
TOLD: frozenset[State] = frozenset({"sending", "sent", "uncertain", "delivered", "read"})
"""States in which the owner has been told, or may have been."""

NEXT: Mapping[State, frozenset[State]] = {
    "queued": frozenset({"sending", "suppressed", "expired", "failed", "sent"}),
    "sending": frozenset({"queued", "sent", "failed", "uncertain"}),
    "suppressed": frozenset({"queued", "sent"}),
    "expired": frozenset({"sent"}),
    "sent": frozenset({"delivered", "failed", "queued"}),
    "uncertain": frozenset({"sent", "failed", "queued"}),
    "delivered": frozenset({"read"}),
    "read": frozenset(),
    "failed": frozenset({"sent"}),
}
"""Which state may follow which. ``sent`` may follow what was withdrawn or has failed: if a provider says that it has
taken a message from a process that stood still meanwhile, then that is what happened, and the books say so."""

_FAMILY = uuid.UUID("0b5c1f0e-3f5a-5d0e-9f0c-9a4b6d1c2e70")


class Beneficiary(BaseModel):
    """One of the owner's businesses that is eligible."""

    model_config = ConfigDict(frozen=True)

    business_id: str
    recorded_on: date


class Part(BaseModel):
    """An attempt at another message that goes within one of this message: what becomes of the one is true of both."""

    model_config = ConfigDict(frozen=True)

    message_id: str
    number: int


class Attempt(BaseModel):
    """One handing over to one provider, and the furthest that is known of it. ``parts`` are what it carries besides the
    message itself; ``carried_by`` is the message in which it goes as such a part, ``template`` the words it goes in
    then."""

    model_config = ConfigDict(frozen=True)

    number: int
    channel: str | None
    provider: str | None
    status: Status = "claimed"
    code: str | None = None
    counts: bool = True
    """Whether it uses up one of the attempts that there are: not where the provider was to blame, or never had it."""
    parts: tuple[Part, ...] = ()
    carried_by: str | None = None
    template: str | None = None


class Move(BaseModel):
    """One change that the public has seen, and when it was known here."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    state: str
    reason: str | None = None
    channel: str | None = None
    provider: str | None = None


class Message(BaseModel):
    """The intent and its state. It holds no name, no number and no text.

    ``beneficiary_id`` is one of ``beneficiaries``: the first recorded, and kept as long as it is eligible, so that an
    event never changes unseen. ``region`` stays as it was at first: who reads one region's events misses none of it.
    ``due_at`` is set while queued: the instant at which to send, or to give up waiting. ``via`` is the channel it is to
    go by, once that is known; by the channels in ``barred`` it could not be delivered; ``not_before`` is when a
    provider may be asked again; ``told_already`` says that another record of the same owner, now joined into this one,
    has had its message.
    """

    model_config = ConfigDict(frozen=True)

    message_id: str
    programme_id: str | None = None
    cooperative_id: str | None = None
    rat_due: date | None = None
    owner_id: str
    occasion: str = PROGRAMME_ELIGIBLE
    template: str
    region: str
    beneficiary_id: str
    beneficiaries: tuple[Beneficiary, ...]
    state: State = "queued"
    reason: str | None = None
    channel: str | None = None
    provider: str | None = None
    attempts: tuple[Attempt, ...] = ()
    moves: tuple[Move, ...] = ()
    via: str | None = None
    barred: tuple[str, ...] = ()
    priority: str = "campaign"
    not_before: datetime | None = None
    told_already: bool = False
    sequence: int = 0
    caused_by: str
    cause: Cause
    queued_at: datetime
    due_at: datetime | None = None

    @property
    def attempt(self) -> int:
        """The number of the last attempt; 0 before the first."""
        return self.attempts[-1].number if self.attempts else 0

    @property
    def matter_id(self) -> str:
        """What it is about: a programme, or a cooperative."""
        return self.programme_id or self.cooperative_id or ""

    @property
    def is_carried(self) -> bool:
        """Whether it goes, or went last, as a part of another message."""
        return bool(self.attempts) and self.attempts[-1].carried_by is not None

    @property
    def seen_as(self) -> str:
        """The state that the public sees: a message in a provider's hands at this moment is still queued."""
        return "queued" if self.state == "sending" else self.state

    def published(self) -> MessageState:
        """The public state."""
        return MessageState(
            message_id=self.message_id,
            beneficiary_id=self.beneficiary_id,
            template=(self.attempts[-1].template if self.attempts else None) or self.template,
            channel=self.channel,
            provider=self.provider,
            attempt=self.attempt,
            state=self.seen_as,
            caused_by=self.caused_by,
        )


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What decides whether a message may go: ``matter`` is what it is about, ``agency`` the agency's name, ``contact``
    None while unknown."""

    matter: Matter
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

    state: Literal["queued", "suppressed", "expired", "failed"]
    reason: str | None = None
    waiting: bool = False
    via: str | None = None


def reminder_id(cooperative_id: str, due: date, owner_id: str) -> str:
    """One for each member and meeting."""
    return str(uuid.uuid5(_FAMILY, f"rat_due/{cooperative_id}/{due}/{owner_id}"))


def message_id(programme_id: str, owner_id: str) -> str:
    """The same for every copy, order and version of the template, so that nobody is told the same thing twice."""
    return str(uuid.uuid5(_FAMILY, f"programme_eligible/{programme_id}/{owner_id}"))


# --- what ought to be -------------------------------------------------------------------------------------------------


def standing(message: Message, given: Circumstances, now: datetime) -> Standing:
    """Where this message ought to be as things are; the first reason found is the one told."""
    if reason := _withdrawn(message, given):
        return Standing("suppressed", reason)
    if given.matter.is_over(now):
        return Standing("expired", "apply_until_passed" if message.programme_id else "rat_due_passed")
    if given.contact is None:
        return _waiting(message, now, "no_contact")
    if now >= message.queued_at + policy_on(now.date()).keep:
        return Standing("expired", "not_sent_in_time")
    return _reaching(message, given, given.contact, now)


def _reaching(message: Message, given: Circumstances, contact: Contact, now: datetime) -> Standing:
    """By which channel it may go, if by any."""
    found = contacts.reach(contact, occasion_on(message.occasion, now.date()).category)
    if found.reason:
        return Standing("suppressed", found.reason)
    via = next((one for one in found.channels if one not in message.barred), None)
    if via is None:
        return Standing("failed", message.attempts[-1].code if message.attempts else "undeliverable")
    return Standing("queued", via=via) if given.agency is not None else _waiting(message, now, "agency_unknown")


def _withdrawn(message: Message, given: Circumstances) -> str | None:
    if not message.beneficiaries:
        return "eligibility_lost"
    if reason := given.matter.withdrawn:
        return reason
    if message.cooperative_id is not None and _has_left(message.cooperative_id, given.contact):
        return "membership_ended"
    return "told_already" if message.told_already else None


def _has_left(cooperative_id: str, contact: Contact | None) -> bool:
    return contact is not None and not contact.erased and contact.role_in(cooperative_id) is None


def _waiting(message: Message, now: datetime, reason: str) -> Standing:
    if message.state == "queued" and now >= message.queued_at + policy_on(now.date()).wait:
        return Standing("expired", reason)
    return Standing("queued", reason, waiting=True)


# --- from what is to what ought to be ---------------------------------------------------------------------------------


def follow(
    message: Message | None,
    eligibility: Eligibility,
    business: Business,
    given: Circumstances,
    now: datetime,
    *,
    told_already: bool = False,
) -> Step | None:
    """Take one eligibility of one business into the owner's message; None where there is nothing to tell.

    ``told_already``: a message to another record of the same owner has gone out for this programme.
    """
    if message is None:
        return _begin(eligibility, business, given, now, told_already=told_already)
    if told_already:
        message = message.model_copy(update={"told_already": True})
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
        return _queue(message, ought, given.matter, now)
    if ought.state == message.state:
        return Step(message.model_copy(update={"reason": ought.reason}))
    if ought.state not in NEXT[message.state]:
        return Step(message)
    return _move(message, ought.state, now, reason=ought.reason)


def _begin(
    eligibility: Eligibility, business: Business, given: Circumstances, now: datetime, *, told_already: bool
) -> Step | None:
    matter = given.matter
    if not eligibility.eligible or matter.withdrawn or matter.is_over(now):
        return None
    fresh = Message(
        message_id=message_id(eligibility.programme_id, business.owner_id),
        programme_id=eligibility.programme_id,
        owner_id=business.owner_id,
        template=occasion_on(PROGRAMME_ELIGIBLE, now.date()).template,
        region=business.region,
        beneficiary_id=business.business_id,
        beneficiaries=(_beneficiary(business),),
        caused_by=eligibility.event_id,
        cause=eligibility.cause,
        queued_at=now,
        told_already=told_already,
    )
    return _begun(fresh, given, now)


def remind(contact: Contact, meeting: Meeting, given: Circumstances, now: datetime) -> Step | None:
    """Tell a member of the cooperative's meeting; None where there is nothing to tell (S4-13)."""
    one = meeting.cooperative
    if meeting.withdrawn or meeting.is_over(now) or contact.role_in(one.cooperative_id) is None or one.cause is None:
        return None
    fresh = Message(
        message_id=reminder_id(one.cooperative_id, meeting.due, contact.owner_id),
        cooperative_id=one.cooperative_id,
        rat_due=meeting.due,
        owner_id=contact.owner_id,
        occasion=RAT_DUE,
        template=occasion_on(RAT_DUE, now.date()).template,
        region=one.region,
        beneficiary_id=one.cooperative_id,
        beneficiaries=(Beneficiary(business_id=one.cooperative_id, recorded_on=one.recorded_on),),
        caused_by=str(one.told_by),
        cause=one.cause,
        queued_at=now,
    )
    return _begun(fresh, given, now)


def _begun(fresh: Message, given: Circumstances, now: datetime) -> Step:
    # That there is reason to tell is said even if it is withdrawn in the same breath: an office wants to know how
    # many could not be told.
    queued = _told(fresh, now, before=None)
    settled = settle(queued.message, given, now)
    return Step(settled.message, (*queued.facts, *settled.facts))


def _queue(message: Message, ought: Standing, matter: Matter, now: datetime) -> Step:
    if message.state != "queued":
        message = message.model_copy(update={"queued_at": now, "due_at": None})
    due_at = message.queued_at + policy_on(now.date()).wait if ought.waiting else min(message.due_at or now, now)
    if not ought.waiting and message.not_before is not None:
        due_at = max(due_at, message.not_before)
    changes: dict[str, Any] = {"due_at": due_at, "via": ought.via, "priority": _priority(message, matter, now)}
    if message.state == "queued":
        return Step(message.model_copy(update=changes))
    return _move(message, "queued", now, **changes)


def _priority(message: Message, matter: Matter, now: datetime) -> str:
    """What can soon no longer be acted on goes before all others."""
    day = regions.local_date(now, matter.region)
    last = matter.last_day
    if last is not None and last - day <= timedelta(days=policy_on(now.date()).urgent_days):
        return "urgent"
    return occasion_on(message.occasion, now.date()).priority


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


def may_join(lead: Message, other: Message, now: datetime) -> bool:
    """Whether another message to the same owner may go in one with this one, which is about to: it waits for nothing
    but the hour and its window, and goes the same way."""
    waits_for_provider = other.not_before is not None and other.not_before > now
    if lead.occasion != PROGRAMME_ELIGIBLE:
        return False
    same = (lead.owner_id, lead.via, lead.occasion) == (other.owner_id, other.via, other.occasion)
    return same and other.message_id != lead.message_id and other.state == "queued" and not waits_for_provider


def claim_together(lead: Message, others: Sequence[Message], provider: str, now: datetime) -> list[Message]:
    """Take a message for sending, and with it others to the same owner that go in one; the lead comes first."""
    channel = str(lead.via)
    if not others:
        return [claim(lead, channel, provider)]
    template = occasion_on(SEVERAL_ELIGIBLE, now.date()).template
    parts = tuple(Part(message_id=one.message_id, number=one.attempt + 1) for one in others)
    claimed = [claim(lead, channel, provider, template=template, parts=parts)]
    about = {"template": template, "carried_by": lead.message_id}
    return [*claimed, *(claim(one, channel, provider, **about) for one in others)]


def claim(message: Message, channel: str, provider: str, **about: Any) -> Message:
    """Take a message for sending. It is public only with what comes of it. ``about`` is what else its attempt holds."""
    attempt = Attempt(number=message.attempt + 1, channel=channel, provider=provider, **about)
    return _changed(
        message,
        "sending",
        due_at=None,
        channel=channel,
        provider=provider,
        attempts=(*message.attempts, attempt),
        not_before=None,
        reason=None,
    )


def release(message: Message, now: datetime) -> Message:
    """Give a claimed message back that its provider has never seen; from here it follows what is true again.

    Its attempt keeps its number: a process that stood still may yet make it.
    """
    noted = _uncounted(_noted(message, message.attempt, "released", None))
    released = _changed(noted, "queued", due_at=now, channel=None, provider=None)
    return _with(released, released.beneficiaries)


def postpone(message: Message, until: datetime) -> Message:
    """Not before this instant: quiet hours where the recipient is, or another message to the same person just now."""
    return message.model_copy(update={"due_at": until})


def bar(message: Message, channel: str, now: datetime) -> Message:
    """There is nobody who carries this channel; it goes by the next one, or fails."""
    return message.model_copy(update={"barred": tuple(sorted({*message.barred, channel})), "via": None, "due_at": now})


def withhold(message: Message, reason: str, now: datetime) -> Step:
    """Not to this person, for a reason of ours."""
    return _move(message, "suppressed", now, reason=reason)


def fail(message: Message, reason: str, now: datetime) -> Step:
    """It cannot be sent as it is, and no retry would mend that."""
    return _move(message, "failed", now, reason=reason, due_at=None)


# --- what providers say -----------------------------------------------------------------------------------------------


def record(message: Message, outcome: Outcome, now: datetime) -> Step:
    """Write down what a provider says has become of an attempt, in an answer or in a receipt.

    Told twice, late or in another order it ends the same: an attempt moves only to what is known better. Only what has
    arrived counts for an attempt that is no longer the last one: its refusal says nothing about where the message
    stands now.
    """
    number = outcome.attempt or message.attempt
    is_last = number == message.attempt
    if outcome.state == "unsent":
        return Step(_released_until(message, now) if is_last and message.state == "sending" else message)
    if RANK[outcome.state] <= RANK[_attempt(message, number).status]:
        return Step(message)
    noted = _noted(message, number, outcome.state, outcome.reason)
    if outcome.state in ("delivered", "read") or (outcome.state == "sent" and is_last):
        return _arrived(noted, outcome.state, _attempt(noted, number), now)
    if outcome.state == "uncertain" and is_last and message.state == "sending":
        return _move(noted, "uncertain", now, reason=outcome.reason)
    if outcome.state == "failed" and is_last and message.state in {"sending", "sent", "uncertain"}:
        return _refused(noted, outcome, now)
    return Step(message)


def parts_of(message: Message, number: int | None) -> tuple[Part, ...]:
    """What goes, or went, within an attempt at a message; within the last one if no number is given."""
    return _attempt(message, number or message.attempt).parts


def carrier(message: Message, outcome: Outcome) -> str | None:
    """The provider of the attempt that an outcome is about."""
    return _attempt(message, outcome.attempt or message.attempt).provider


def _arrived(message: Message, state: str, attempt: Attempt, now: datetime) -> Step:
    """Every step on the way up to ``state`` is told once."""
    facts: tuple[Fact, ...] = ()
    for rung in ARRIVED[: ARRIVED.index(state) + 1]:
        if rung in NEXT[message.state]:
            by = {"channel": attempt.channel or message.channel, "provider": attempt.provider or message.provider}
            step = _move(message, rung, now, **by)
            message, facts = step.message, (*facts, *step.facts)
    return Step(message, facts)


def _refused(message: Message, outcome: Outcome, now: datetime) -> Step:
    """What a refusal leads to (``refusals.csv``)."""
    policy = policy_on(now.date())
    again = _again(message, outcome, policy, now)
    no_fault = outcome.consequence in ("provider", "later")
    if no_fault:
        message = _uncounted(message)
    if again is None or (not no_fault and sum(one.counts for one in message.attempts) >= policy.attempts):
        return _move(message, "failed", now, reason=outcome.reason, due_at=None)
    if message.seen_as == "queued":
        back = _changed(message, "queued", reason=outcome.reason, channel=None, provider=None, **again)
        return Step(_with(back, back.beneficiaries))
    since = message.queued_at if no_fault else now  # what nobody counts must end by the time that it may be kept
    anew = {"channel": None, "provider": None, "queued_at": since, **again}
    return _move(message, "queued", now, reason=outcome.reason, **anew)


def _again(message: Message, outcome: Outcome, policy: Policy, now: datetime) -> dict[str, Any] | None:
    """How it goes on after a refusal; None if it does not."""
    match outcome.consequence:
        case "other_channel":
            barred = tuple(sorted({*message.barred, str(message.channel)}))
            return {"barred": barred, "due_at": now, "via": None}
        case "later" | "provider":
            until = now + policy.backoff(message.attempt)
            return {"not_before": until, "due_at": until}
        case "capped":
            return {"not_before": now + policy.capped, "due_at": now + policy.capped}
    return None


def _released_until(message: Message, now: datetime) -> Message:
    """It never reached the provider, which is gone; the next try is a little later, so that it can come back."""
    until = now + policy_on(now.date()).backoff(message.attempt) / 10
    return release(message, now).model_copy(update={"due_at": until, "not_before": until})


def _uncounted(message: Message) -> Message:
    """The last attempt is no reason to give the message up; ``keep_hours`` is."""
    *before, last = message.attempts
    return message.model_copy(update={"attempts": (*before, last.model_copy(update={"counts": False}))})


def _attempt(message: Message, number: int) -> Attempt:
    """An attempt by its number; one that was never noted is one of a process that stood still."""
    made = next((one for one in message.attempts if one.number == number), None)
    return made or Attempt(number=number, channel=message.channel, provider=message.provider)


def _noted(message: Message, number: int, status: str, code: str | None) -> Message:
    now = _attempt(message, number).model_copy(update={"status": status, "code": code})
    others = (one for one in message.attempts if one.number != number)
    return message.model_copy(update={"attempts": tuple(sorted((*others, now), key=lambda one: one.number))})


# --- every move -------------------------------------------------------------------------------------------------------


def _changed(message: Message, state: State, **changes: Any) -> Message:
    if state not in NEXT[message.state]:
        raise ValueError(f"a message cannot go from {message.state} to {state}")
    return message.model_copy(update={"state": state, **changes})


def _move(message: Message, state: State, now: datetime, *, reason: str | None = None, **changes: Any) -> Step:
    """A change that the public sees: one more in the sequence, one fact."""
    if state != "queued":
        changes.setdefault("due_at", None)
    before = message.seen_as
    return _told(_changed(message, state, reason=reason, **changes), now, before=before)


def _told(message: Message, now: datetime, before: str | None) -> Step:
    move = Move(at=now, state=message.state, reason=message.reason, channel=message.channel, provider=message.provider)
    counted = message.model_copy(update={"sequence": message.sequence + 1, "moves": (*message.moves, move)})
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
