"""Sends what is due: claimed in one unit of work, handed to the provider, recorded in a second.

The guarantee of this file: a claimed message is sent once, also when the process dies at any point between. Whatever
is found claimed at the beginning of a step was left by a crash: its provider is asked, what it has is recorded and
what it has never seen goes back to the queue.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.notify import message as messages
from services.notify.contact import reach
from services.notify.desk import Desk, programme_needs
from services.notify.message import Circumstances, Message, Step
from services.notify.provider import Outcome, Outgoing, Provider
from services.notify.store import BUSINESSES, CONTACT, MESSAGES, PROGRAMME, SENDING
from services.notify.template import Invitation, TextError, render
from shared.contracts.envelope import Received
from shared.decision import Decision
from shared.kernel.routes import Decide, Needs, Run
from shared.kernel.state import ById, ByTag, Due, Lookup, WorkingSet

SENT_AT_ONCE = 200
"""Messages of one step: each tells two facts when it is recorded."""

_LEFT = ByTag(MESSAGES, SENDING, guard=False)  # only the one process that holds the workers' lease moves these


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a claim came to: messages ``left`` by a crash, or else those to send now."""

    left: tuple[str, ...] = ()
    outgoing: tuple[Outgoing, ...] = ()


@dataclass(frozen=True, slots=True)
class Sender:
    """The worker's step."""

    provider: Provider

    async def step(self, run: Run) -> bool:
        """Send up to ``SENT_AT_ONCE`` messages. What the provider raises is raised; the next step finds out more."""
        decision = await run(claim_needs, self._claim)
        claimed: Claimed = decision.answer
        if claimed.left:
            asked = await self.provider.ask(claimed.left)
            await run(_these(claimed.left), self._recording(asked, claimed.left))
            return True
        if claimed.outgoing:
            outcomes = await self.provider.send(claimed.outgoing)
            await run(_these([one.message_id for one in outcomes]), self._recording(outcomes))
        return bool(decision.changes)

    def _claim(self, _: Received[Any], state: WorkingSet, now: datetime) -> Decision:
        left = state.all(_LEFT)
        if left:
            return Decision(answer=Claimed(left=tuple(one.message_id for one in left)))
        desk, outgoing = Desk(state, now), []
        for message in state.all(_due(now)):
            programme = PROGRAMME.get(state, message.programme_id)
            desk.settle(message, programme)
            if programme is not None and _is_ready(desk.message(message.message_id), now):
                step, ready = self._take(message, desk.given(programme, message.owner_id), state, now)
                desk.take(step)
                outgoing += ready
        decision = desk.decision()
        return Decision(changes=decision.changes, facts=decision.facts, answer=Claimed(outgoing=tuple(outgoing)))

    def _take(
        self, message: Message, given: Circumstances, state: WorkingSet, now: datetime
    ) -> tuple[Step, list[Outgoing]]:
        """Write the text and claim the message; a text that cannot be written fails before anything is sent."""
        contact = given.contact
        channel = None if contact is None else reach(contact).channel
        if contact is None or contact.phone is None or channel is None:
            raise ValueError("a message that is ready has somewhere to go")
        try:
            text = render(message.template, _invitation(message, given, state))
        except TextError as error:
            return messages.fail(message, f"text_{error.code}"), []
        step = Step(messages.claim(message, channel, self.provider.name))
        return step, [Outgoing(message.message_id, at=now, channel=channel, to=contact.phone, text=text)]

    def _recording(self, outcomes: Sequence[Outcome], asked_for: Sequence[str] = ()) -> Decide:
        """Write down the outcomes; what was asked for and has none goes back to the queue."""
        by_id = {one.message_id: one for one in outcomes}

        def decide(_: Received[Any], state: WorkingSet, now: datetime) -> Decision:
            desk = Desk(state, now)
            for id_ in dict.fromkeys((*asked_for, *by_id)):
                message = state.get(ById(MESSAGES, id_))
                if message is None:
                    continue
                if id_ in by_id:
                    desk.take(messages.record(message, by_id[id_], self.provider.name))
                elif message.state == "sending":
                    desk.take(Step(messages.release(message, now)))
            return desk.decision()

        return decide


def claim_needs(message: Received[Any], state: WorkingSet) -> Iterator[Lookup]:
    """What is claimed already, else what is due and all that decides on it."""
    due = _due(message.received_at)
    yield from (_LEFT, due)
    for one in () if state.missing([due]) else state.all(due):
        yield from CONTACT.needs(state, one.owner_id)
        yield from programme_needs(state, one.programme_id)
        yield from (ById(BUSINESSES, each.business_id, guard=False) for each in one.beneficiaries)


def _these(message_ids: Sequence[str]) -> Needs:
    lookups = [ById(MESSAGES, one) for one in message_ids]
    return lambda message, state: lookups


def _due(now: datetime) -> Due[Message]:
    return Due(MESSAGES, until=now, limit=SENT_AT_ONCE, guard=False)


def _is_ready(message: Message | None, now: datetime) -> bool:
    return message is not None and message.state == "queued" and message.due_at is not None and message.due_at <= now


def _invitation(message: Message, given: Circumstances, state: WorkingSet) -> Invitation:
    found = (state.get(ById(BUSINESSES, one.business_id, guard=False)) for one in message.beneficiaries)
    return Invitation(
        owner_name=given.contact.name if given.contact else None,
        businesses=tuple(one.name for one in found if one is not None),
        programme=given.programme.name,
        agency=given.agency or "",
        quota=given.programme.quota,
        how_to_apply=given.programme.how_to_apply,
        apply_until=given.programme.apply_until,
    )
