"""Sends what is due: claimed in one unit of work, handed to a provider, recorded in another.

The guarantee of this file: a claimed message is handed over at most once, also when the process dies at any point
between. What is found claimed and is not under way here was left by a crash: its provider is asked; what it has is
recorded, what it has never seen goes back to the queue, and where it cannot say, the message is ``uncertain`` and is
never sent again by itself.

Claims and answers go side by side: a provider that hangs holds up what it was given, and nothing else.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from services.notify import message as messages
from services.notify.cooperative import Meeting
from services.notify.desk import Desk, matter_needs, matter_of, outcome_needs, parts_needs
from services.notify.message import Circumstances, Message, Step
from services.notify.occasion import PRIORITIES, PROGRAMME_ELIGIBLE, SEVERAL_ELIGIBLE, occasion_on
from services.notify.policy import Policy, policy_on
from services.notify.provider import Form, Outcome, Outgoing
from services.notify.refusal import ALARMING
from services.notify.store import BUSINESSES, CONTACT, MESSAGES, SENDING, lane, waiting_for
from services.notify.switchboard import REFUSED_IN_A_ROW, Line, Switchboard
from services.notify.template import LONGEST, Digest, Invitation, Reminder, TextError, Values, form, render
from shared.contracts.envelope import Received
from shared.decision import Decision
from shared.kernel.routes import Decide, Needs, Run
from shared.kernel.state import ById, ByTag, Due, Lookup, WorkingSet

SENT_AT_ONCE = 200
"""Messages of one step: each tells two facts when it is recorded."""
_IDLE_SECONDS = 0.25
"""How long new messages may wait while answers are awaited."""
_BREATH_SECONDS = 0.1
"""How long to let a provider's limit allow more, so that a step is worth its transaction."""

_LONGEST_BREATH_SECONDS = 1.0
_BEFORE_NIGHT = timedelta(seconds=10)
"""What is claimed waits a moment for its provider's limit, and on its way to a phone a few more."""

_LEFT = ByTag(MESSAGES, SENDING, guard=False)  # only the one process that holds the workers' lease moves these


class Ready(NamedTuple):
    """A message that is claimed, the line it goes by, and when: an instant by the clock of the switchboard."""

    line: Line
    goes_at: float
    message: Outgoing


@dataclass(slots=True)
class _Call:
    """A call under way: ``since`` is when it really began."""

    line: Line
    message_ids: tuple[str, ...]
    since: float


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a claim came to: messages ``left`` by a crash by provider, or else those to send.
    ``more``: something was looked at; ``made_way``: some of it does not go now, and took the place of what may."""

    left: Mapping[str | None, tuple[str, ...]]
    outgoing: tuple[Ready, ...] = ()
    more: bool = False
    made_way: bool = False


class Sender:
    """The worker's steps. ``only_to`` are the numbers that may be written to in a test; None in earnest."""

    def __init__(
        self,
        board: Switchboard,
        only_to: Sequence[str] | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        alarm: Callable[[str, str], None] = lambda _provider, _code: None,
    ) -> None:
        self._board, self._pause, self._alarm = board, pause, alarm
        self._only_to = None if only_to is None else frozenset(only_to)
        self._calls: dict[asyncio.Task[list[Outcome]], _Call] = {}
        self._unrecorded: list[Outcome] = []
        """What was answered and is not written down yet."""
        self._errors: list[BaseException] = []
        self._knows_all = False
        """Whether everything that is claimed is under way here: not in a new process, nor after an error, which may
        have come after a commit, nor once the lease was lost."""

    async def step(self, run: Run) -> bool:
        """Record what has been answered and send what may go now. What a provider raises is raised; its messages are
        then found as left over, and it is asked for them."""
        try:
            return await self._step(run)
        except BaseException:
            self._knows_all = False
            raise

    async def _step(self, run: Run) -> bool:
        self._collect()
        rooms = {channel: min(SENT_AT_ONCE, self._board.room(channel)) for channel in self._board.channels}
        claimed = await self._claim(run, rooms)
        if claimed.left:
            await self._look_after(run, claimed.left)
            return True
        self._start(claimed.outgoing)
        if self._is_busy():
            await self._record(run, 0 if claimed.made_way else _BREATH_SECONDS if claimed.more else _IDLE_SECONDS)
            return True
        if claimed.more and not (claimed.outgoing or claimed.made_way):
            await self._pause(min(max(self._board.opens_in(), _BREATH_SECONDS), _LONGEST_BREATH_SECONDS))
        return claimed.more

    async def finish(self, run: Run) -> None:
        """Wait for the answers that are under way and record them: nothing that is known here is left uncertain."""
        self._knows_all = False
        while self._is_busy():
            await self._record(run, _IDLE_SECONDS)

    def _is_busy(self) -> bool:
        return bool(self._calls or self._unrecorded or self._errors)

    # --- calls -----------------------------------------------------------------------------------------------------

    def _start(self, outgoing: Sequence[Ready]) -> None:
        by_line: dict[str, list[Ready]] = defaultdict(list)
        for one in outgoing:
            by_line[one.line.provider.name].append(one)
        for ready in by_line.values():
            size = ready[0].line.provider.at_once
            for start in range(0, len(ready), size):
                part = ready[start : start + size]
                call = _Call(part[0].line, tuple(one.message.message_id for one in part), part[-1].goes_at)
                self._board.began(call.line)
                sent = self._send(call, [one.message for one in part])
                self._calls[asyncio.ensure_future(sent)] = call

    async def _send(self, call: _Call, part: Sequence[Outgoing]) -> list[Outcome]:
        """Hand over when the provider's limit allows it."""
        early = call.since - self._board.clock()
        if early > 0:
            await self._pause(early)
        call.since = self._board.clock()
        return await call.line.provider.send(part)

    async def _record(self, run: Run, seconds: float) -> None:
        """Write down what the calls that have ended have brought. Up to so long it waits for half of those that are
        under way: a transaction for every few answers would cost more than the calls, and one for all of them would
        leave the provider idle meanwhile."""
        await self._until_half_ended(seconds)
        self._collect()
        if outcomes := list(self._unrecorded):
            await run(recording_needs(outcomes), recording(outcomes))
            self._unrecorded = self._unrecorded[len(outcomes) :]
        if self._errors:
            error, self._errors = self._errors[0], []
            raise error

    async def _until_half_ended(self, seconds: float) -> None:
        ended, left = asyncio.Event(), (len(self._calls) + 1) // 2

        def one_ended(_: object) -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                ended.set()

        for call in self._calls:
            call.add_done_callback(one_ended)
        if left and seconds:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await ended.wait()
        for call in self._calls:
            call.remove_done_callback(one_ended)

    def _collect(self) -> None:
        """Take in the answers that are there."""
        for call in [one for one in self._calls if one.done()]:
            made = self._calls.pop(call)
            line = made.line
            error = asyncio.CancelledError() if call.cancelled() else call.exception()
            found = [] if error is not None else call.result()
            well = error is None and all(one.state not in ("uncertain", "unsent") for one in found)
            well = self._takes_any(line, found) and well
            self._board.ended(line, self._board.clock() - made.since, len(made.message_ids), well=well)
            self._heed(line, found)
            self._unrecorded += found
            self._errors += [error] if error is not None else []

    def _takes_any(self, line: Line, outcomes: Sequence[Outcome]) -> bool:
        """False for one that refuses message after message for good: it would refuse the whole campaign."""
        for one in outcomes:
            final = one.state == "failed" and one.consequence in ("never", "template")
            line.refused = line.refused + 1 if final else 0
            if line.refused == REFUSED_IN_A_ROW:
                self._alarm(line.provider.name, one.reason or "")
        return line.refused < REFUSED_IN_A_ROW

    def _heed(self, line: Line, outcomes: Sequence[Outcome]) -> None:
        for one in outcomes:
            self.heed(line.provider.name, one)

    def heed(self, provider: str | None, outcome: Outcome) -> None:
        """A refusal that says something of the provider itself, in an answer or in a receipt."""
        if outcome.state != "failed":
            return
        line = self._board.line_of(provider)
        if outcome.consequence in ("provider", "later") and line is not None:
            self._board.rest(line)
        if outcome.consequence in ALARMING:
            self._alarm(provider or "", outcome.reason or "")

    def _under_way(self) -> set[str]:
        known = {one.message_id for one in self._unrecorded}
        return known | {id_ for call in self._calls.values() for id_ in call.message_ids}

    # --- what a crash has left -------------------------------------------------------------------------------------

    async def _look_after(self, run: Run, left: Mapping[str | None, tuple[str, ...]]) -> None:
        for name, ids in left.items():
            line = self._board.line_of(name)
            if line is None:  # a provider that is no longer in the file cannot be asked
                asked = [Outcome(one, "uncertain", "interrupted") for one in ids]
            else:
                asked = await line.provider.ask(ids)
            await run(_these(asked, ids), recording(asked, ids))

    # --- claiming --------------------------------------------------------------------------------------------------

    async def _claim(self, run: Run, rooms: Mapping[str, int]) -> Claimed:
        under_way, taken = self._under_way(), _Taken(self._board)

        def decide(_: Received[Any], state: WorkingSet, now: datetime) -> Decision:
            taken.undo()  # a transaction that is run again decides again
            left: dict[str | None, tuple[str, ...]] = defaultdict(tuple)
            for message in () if self._knows_all else state.all(_LEFT):
                if message.message_id not in under_way:
                    left[message.provider] += (message.message_id,)
            if left:
                return Decision(answer=Claimed(left=dict(left)))
            return self._take_due(state, rooms, now, taken)

        try:
            together = self._board.digest_seconds > 0
            decision = await run(claim_needs(rooms, left=not self._knows_all, together=together), decide)
        except BaseException:
            taken.undo()
            raise
        claimed: Claimed = decision.answer
        self._knows_all = not claimed.left
        return claimed

    def _take_due(self, state: WorkingSet, rooms: Mapping[str, int], now: datetime, taken: _Taken) -> Decision:
        desk = Desk(state, now)
        looked_at = 0
        for due in _due(rooms, now):
            for found in state.all(due):
                looked_at += 1
                message = desk.message(found.message_id) or found  # it may have joined another one just now
                matter = matter_of(state, message)
                desk.settle(message, matter)
                if matter is not None and _is_ready(desk.message(message.message_id), now):
                    self._one(_Case(desk, message.message_id, desk.given(matter, message.owner_id)), state, now, taken)
        decision = desk.decision()
        made_way = any(isinstance(one, Message) and one.state != "sending" for one in decision.changes)
        claimed = Claimed(left={}, outgoing=tuple(taken.outgoing), more=looked_at > 0, made_way=made_way)
        return Decision(changes=decision.changes, facts=decision.facts, answer=claimed)

    def _one(self, case: _Case, state: WorkingSet, now: datetime, taken: _Taken) -> None:
        """Postpone a message, or write its text and claim it; a text that cannot be written fails before it is sent."""
        desk, message_id, given = case
        message, contact = desk.message(message_id), given.contact
        if message is None or contact is None or contact.phone is None or message.via is None:
            raise ValueError("a message that is ready has somewhere to go")
        if self._only_to is not None and contact.phone not in self._only_to:
            desk.take(messages.withhold(message, "test_mode", now))
            return
        if message.via not in self._board.channels:
            desk.take(Step(messages.bar(message, message.via, now)))
            return
        policy = policy_on(now.date())
        until = _by_day(policy, now, message.region) if self._board.wakes(message.via) else now
        wait = self._board.must_wait(contact.phone)
        until = max(until, now + timedelta(seconds=wait), self._window_of(message))
        if until > now:
            desk.take(Step(messages.postpone(message, until)))
            return
        try:
            written = _written(message, given, state)
        except TextError as error:
            desk.take(messages.fail(message, f"text_{error.code}", now))
            return
        line = taken.take(message.via, contact.phone)
        if line is None:
            return
        others = self._others(case, message, state, now) if self._board.digest_seconds > 0 else []
        self._claim_for(line, case, [written, *others], now, taken)

    def _window_of(self, message: Message) -> datetime:
        """Until when an invitation waits for others to the same owner; nothing urgent does, nor what was on its way."""
        waits = message.occasion == PROGRAMME_ELIGIBLE and message.priority != "urgent" and not message.attempts
        seconds = self._board.digest_seconds if waits else 0.0
        return message.queued_at + timedelta(seconds=seconds)

    @staticmethod
    def _others(case: _Case, lead: Message, state: WorkingSet, now: datetime) -> list[_Written]:
        """What goes in one with a message that is about to go. What cannot be written stays, and fails by itself."""
        found: list[_Written] = []
        most = policy_on(now.date()).digest_parts - 1
        for each in state.all(waiting_for(lead.owner_id)):
            matter = matter_of(state, each)
            if matter is None or len(found) == most:
                continue
            case.desk.settle(case.desk.message(each.message_id) or each, matter)
            other = case.desk.message(each.message_id)
            if other is not None and messages.may_join(lead, other, now):
                with suppress(TextError):
                    found.append(_written(other, case.desk.given(matter, lead.owner_id), state))
        return found

    @staticmethod
    def _claim_for(line: Line, case: _Case, written: list[_Written], now: datetime, taken: _Taken) -> None:
        """Claim a message, with those that go in one with it as far as there is room for them, and hand it out."""
        words, told = _in_one(written, now)
        lead, others = written[0].message, [one.message for one in written[1:told]]
        claimed = messages.claim_together(lead, others, line.provider.name, now)
        for one in claimed:
            case.desk.take(Step(one))
        to = str(case.given.contact.phone) if case.given.contact else ""
        attempt, via = claimed[0].attempt, str(lead.via)
        out = Outgoing(lead.message_id, now, via, to, words.text, attempt, words.form)
        taken.outgoing.append(Ready(line, line.goes_at, out))


class _Case(NamedTuple):
    """One message that is ready to go, and what decides on it."""

    desk: Desk
    message_id: str
    given: Circumstances


class _Words(NamedTuple):
    """What the owner reads."""

    text: str
    form: Form | None


class _Written(NamedTuple):
    """A message with its words, as it goes by itself."""

    message: Message
    values: Invitation | Reminder
    words: _Words


class _Taken:
    """What one decision has taken from the switchboard, so that it can be given back when it is decided again."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self._lines: list[tuple[Line, str]] = []
        self.outgoing: list[Ready] = []

    def take(self, channel: str, recipient: str) -> Line | None:
        line = self._board.take(channel)
        if line is not None:
            self._lines.append((line, recipient))
            self._board.wrote_to(recipient)
        return line

    def undo(self) -> None:
        for line, recipient in self._lines:
            self._board.give_back(line)
            self._board.unwritten(recipient)
        self._lines.clear()
        self.outgoing.clear()


def recording(outcomes: Sequence[Outcome], asked_for: Sequence[str] = ()) -> Decide:
    """Write down outcomes; what was asked for and has none goes back to the queue. Ids of nothing change nothing."""

    def decide(_: Received[Any], state: WorkingSet, now: datetime) -> Decision:
        desk = Desk(state, now)
        told = {one.message_id for one in outcomes}
        for id_ in asked_for:
            if id_ not in told:
                desk.give_back(id_)
        for outcome in outcomes:
            desk.hear(outcome)
        return desk.decision()

    return decide


def recording_needs(outcomes: Sequence[Outcome]) -> Needs:
    """The messages with what goes within them, and the contacts of those who want nothing more."""

    def needs(_: Received[Any], state: WorkingSet) -> Iterator[Lookup]:
        for outcome in outcomes:
            yield from outcome_needs(state, outcome)

    return needs


def claim_needs(rooms: Mapping[str, int], *, left: bool, together: bool = False) -> Needs:
    """What is due by each channel in the order of its priority, and all that decides on it; what is claimed already,
    where something may have been ``left``; and ``together`` what else waits for the same owners."""

    def needs(message: Received[Any], state: WorkingSet) -> Iterator[Lookup]:
        due = _due(rooms, message.received_at)
        if left:
            yield _LEFT
        yield from due
        for lookup in due:
            for one in () if state.missing([lookup]) else state.all(lookup):
                yield from _text_needs(state, one)
                yield from _together_needs(state, one.owner_id) if together else ()

    return needs


def _text_needs(state: WorkingSet, message: Message) -> Iterator[Lookup]:
    yield from CONTACT.needs(state, message.owner_id)
    yield from matter_needs(state, message)
    if message.programme_id is not None:
        yield from (ById(BUSINESSES, each.business_id, guard=False) for each in message.beneficiaries)


def _together_needs(state: WorkingSet, owner_id: str) -> Iterator[Lookup]:
    waiting = waiting_for(owner_id)
    yield waiting
    for one in () if state.missing([waiting]) else state.all(waiting):
        yield from _text_needs(state, one)


def _these(asked: Sequence[Outcome], message_ids: Sequence[str]) -> Needs:
    known = recording_needs(asked)

    def needs(message: Received[Any], state: WorkingSet) -> Iterator[Lookup]:
        yield from known(message, state)
        for one in message_ids:
            yield from parts_needs(state, one)

    return needs


def _due(rooms: Mapping[str, int], now: datetime) -> list[Due[Message]]:
    """What has no way yet, or none that there is room for, is looked at too: it may have to be given up."""
    found = [Due(MESSAGES, until=now, limit=SENT_AT_ONCE, guard=False, tag=lane(None, None))]
    for priority in PRIORITIES:
        for channel in ("whatsapp", "sms"):
            # One at least: whether anything waits must be known also while there is no room for it.
            room = max(1, rooms.get(channel, SENT_AT_ONCE))
            found.append(Due(MESSAGES, until=now, limit=room, guard=False, tag=lane(channel, priority)))
    return found


def _is_ready(message: Message | None, now: datetime) -> bool:
    return message is not None and message.state == "queued" and message.due_at is not None and message.due_at <= now


def _by_day(policy: Policy, now: datetime, region: str) -> datetime:
    """The first instant from now on at which a message may be handed over, so that it does not ring in the night."""
    begun = policy.allowed(now, region)
    ends = begun + _BEFORE_NIGHT
    return begun if (allowed := policy.allowed(ends, region)) == ends else allowed


def _written(message: Message, given: Circumstances, state: WorkingSet) -> _Written:
    """A message by itself. Raises ``TextError``."""
    values = _values(message, given, state)
    return _Written(message, values, _words(message.template, values))


def _words(template: str, values: Values) -> _Words:
    return _Words(render(template, values), form(template, values))


def _in_one(written: Sequence[_Written], now: datetime) -> tuple[_Words, int]:
    """The words for as many of these as one message has room for, and how many that are."""
    template, name = occasion_on(SEVERAL_ELIGIBLE, now.date()).template, written[0].values.owner_name
    invitations = tuple(one.values for one in written if isinstance(one.values, Invitation))
    for number in range(len(invitations), 1, -1):
        words = _words(template, Digest(name, invitations[:number]))
        if len(words.text) <= LONGEST:
            return words, number
    return written[0].words, 1


def _values(message: Message, given: Circumstances, state: WorkingSet) -> Invitation | Reminder:
    contact, matter = given.contact, given.matter
    name, agency = (contact.name if contact else None), given.agency or ""
    if isinstance(matter, Meeting):
        one = matter.cooperative
        role = (contact.role_in(one.cooperative_id) if contact else None) or ""
        return Reminder(name, role, one.name, agency, matter.book_year, matter.due)
    found = (state.get(ById(BUSINESSES, one.business_id, guard=False)) for one in message.beneficiaries)
    return Invitation(
        owner_name=name,
        businesses=tuple(one.name for one in found if one is not None),
        programme=matter.name,
        agency=agency,
        quota=matter.quota,
        how_to_apply=matter.how_to_apply,
        apply_until=matter.apply_until,
    )
