"""Decide, then commit once.

The guarantee of this file: state, outbox and inbox of a batch change together or not at all, as if its messages had
been decided one after the other; a message that fails harms no neighbour, and is held.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import accumulate
from typing import Any

import structlog

from shared.contracts.envelope import NO_CAUSE, Received
from shared.contracts.problem import Problem
from shared.decision import Decision, Forgotten, reject
from shared.kernel import failpoints
from shared.kernel import held as holding
from shared.kernel.codec import Codec, Delivery, Outgoing, Reading, without_answer
from shared.kernel.held import HELD, HeldMessage
from shared.kernel.inbox import Answered, Inbox
from shared.kernel.keys import KeyFileError, Keyring
from shared.kernel.log import describe
from shared.kernel.metrics import Metrics
from shared.kernel.mongo import Mongo, is_gone, is_locked, is_taken, is_unknown, together
from shared.kernel.outbox import Outbox, forgetting
from shared.kernel.routes import Decide, Needs, Routes
from shared.kernel.state import ById, ByKey, Lookup, NotLoadedError, WorkingSet
from shared.kernel.store import Changes, Store, Versions

MAX_WRITES = 2000
_TOGETHER_BYTES = 1024 * 1024
"""Bodies in one transaction: of messages that each hold hundreds of reports one fills it, and whatever is loaded for
those that do not fit would be loaded again."""
_ROUNDS = 5
_TAKEN_TRIES = 20
_HOPELESS_SECONDS = 5
_LOCKED_SECONDS = 90
_REPEATS = 2

_NO_DELIVERY = Delivery(exchange="", routing_key="", body=b"")

log = structlog.get_logger()


class GoneError(Exception):
    """The database is gone: wait with what is held, and try the same again, but for the first ``done`` messages."""

    done = 0


Committed = Callable[[Sequence[Outgoing]], Awaitable[None]]


async def _nothing(_: Sequence[Outgoing]) -> None:
    return None


@dataclass(slots=True, eq=False)
class Item:
    """One message of a batch; ``held_id`` when it is tried again from among the held ones."""

    reading: Reading
    held_id: str | None = None
    outcome: str = "ignored"
    """What came of it, one of ``metrics.OUTCOMES``: of the last attempt, so it stands when that is committed."""


@dataclass(slots=True)
class _Batch:
    """All that one attempt gathers; a new attempt starts from nothing."""

    seen: dict[bytes, Answered] = field(default_factory=dict)
    queues: dict[str, str] = field(default_factory=dict)
    """Lane → the oldest held message in it."""
    working: WorkingSet = field(default_factory=WorkingSet)
    versions: Versions = field(default_factory=dict)
    changes: Changes = field(default_factory=Changes)
    outgoing: list[Outgoing] = field(default_factory=list)
    repeated: dict[str, Outgoing] = field(default_factory=dict)
    answers: dict[bytes, Answered] = field(default_factory=dict)
    forgotten: list[Forgotten] = field(default_factory=list)
    failed: dict[int, Exception] = field(default_factory=dict)
    decided: int = 0


class UnitOfWork:
    """Turns readings into committed changes and messages to publish."""

    def __init__(  # noqa: PLR0917 - its parts, made once
        self,
        mongo: Mongo,
        keyring: Keyring,
        store: Store,
        outbox: Outbox,
        inbox: Inbox,
        codec: Codec,
        routes: Routes,
        metrics: Metrics | None = None,
    ) -> None:
        self._mongo, self._keyring, self._store, self._outbox = mongo, keyring, store, outbox
        self._inbox, self._codec, self._routes = inbox, codec, routes
        self._metrics = metrics or Metrics()

    async def process(self, items: Sequence[Item], committed: Committed = _nothing) -> list[Outgoing]:
        """Decide and commit all of them, in as many transactions as it takes. Raises ``GoneError``.

        ``committed`` is given what each transaction leaves to be published as soon as it is committed, so that nobody
        else in this process comes between; it is all returned as well, and waits in the outbox.
        """
        outgoing: list[Outgoing] = []
        remaining, suspects = list(items), 0
        while remaining:
            try:
                done, sent, suspects = await self._transact(remaining[: suspects or _fitting(remaining)])
            except GoneError as error:
                error.done = len(items) - len(remaining)
                raise
            if sent:
                await committed(sent)
            outgoing += sent
            remaining = remaining[done:]
        return outgoing

    async def _transact(self, items: list[Item]) -> tuple[int, list[Outgoing], int]:
        """One transaction for as many of the first items as it takes. An error that repeats itself halves them until
        the one bad message is found: among so many of those that follow, as the last number says (0: nothing is known).
        """
        errors, patience = 0, _Patience()
        failing = len(items)
        broken: Exception | None = None
        while True:
            try:
                with self._doubting():
                    done, sent = await self._attempt(items, broken)
            except Exception as error:
                if is_gone(error):
                    raise GoneError from error
                if await patience.lasts(error):
                    self._metrics.conflicted()
                    continue
                errors += 1
                if errors < _REPEATS:
                    continue
                log.error("a batch fails again and again", messages=len(items), **describe(error))
                if broken is not None:
                    # It is not the message: nothing can be committed at all, and more tries in a second help nobody.
                    await asyncio.sleep(_HOPELESS_SECONDS)
                if len(items) == 1:
                    broken = error
                failing = len(items)
                # A taken key has been waited for long enough: one by one, or the search itself would take minutes.
                items, errors = items[: 1 if is_taken(error) else max(1, len(items) // 2)], 0
                patience = _Patience(0 if is_taken(error) else _TAKEN_TRIES)
            else:
                return done, sent, failing - done

    async def _attempt(self, items: Sequence[Item], broken: Exception | None) -> tuple[int, list[Outgoing]]:
        watch = self._metrics.stopwatch()
        async with self._mongo.transaction() as session:
            batch = _Batch(failed={} if broken is None else {0: broken})
            # Two looks need not be of this snapshot, and go side by side. They may be older than it, never newer: what
            # is answered meanwhile is found out when the same row is written again, and what is held meanwhile was not
            # yet ahead of anybody; but who is refused for what a later state allows is refused for good.
            batch.seen, anybody_waits = await together(self._recognise(items), self._store.any_tagged(HELD, "all"))
            await self._load(batch, items, session)
            if anybody_waits:
                await self._load_held(batch, items, session)
            for position, item in enumerate(items):
                if not self._one(batch, position, item) or len(batch.changes) >= MAX_WRITES:
                    break
            watch.decided()
            older, _ = await together(
                self._left_by_others(batch), self._write(batch, items[0].reading.read_at, session)
            )
            await failpoints.reached("before_commit", batch.decided)
        watch.committed()
        return batch.decided, [*older, *batch.repeated.values(), *batch.outgoing]

    async def _left_by_others(self, batch: _Batch) -> list[Outgoing]:
        """What must go first. What cannot be opened here is the sweeper's to tell, and no message's fault."""
        try:
            return await self._outbox.left_by_others(batch.outgoing)
        except KeyFileError as error:
            log.error("an older message cannot be opened", **describe(error))
            return []

    async def _write(self, batch: _Batch, now: datetime, session: Any) -> None:
        await self._store.write(batch.changes, batch.versions, session)
        if batch.forgotten:
            await self._outbox.forget(batch.forgotten, session)
            await self._inbox.forget([one.subject for one in batch.forgotten], session)
        await self._outbox.insert(batch.outgoing, session)
        await self._outbox.insert_again(list(batch.repeated.values()), session)
        await self._inbox.remember(batch.answers, now, session)

    # --- loading ---------------------------------------------------------------------------------------------------

    async def _recognise(self, items: Sequence[Item]) -> dict[bytes, Answered]:
        readings = [item.reading for item in items if item.reading.is_intake]
        seen = await self._inbox.recognise({reading.identity for reading in readings})
        reused = {
            self._reused(reading)
            for reading in readings
            if reading.identity in seen and seen[reading.identity].digest != reading.digest
        }
        return seen | await self._inbox.recognise(reused) if reused else seen

    async def _load(self, batch: _Batch, items: Sequence[Item], session: Any) -> None:
        """Everything the batch needs: one query for each collection and round, until nothing new is asked."""
        asking = [(position, item) for position, item in enumerate(items) if position not in batch.failed]
        for _ in range(_ROUNDS):
            wanted = [self._wanted(batch, position, item) for position, item in asking]
            # Who has all that it asks for will ask for the same again.
            asking = [one for one, missing in zip(asking, wanted, strict=True) if missing]
            if not asking:
                return
            await self._store.load(set().union(*wanted), batch.working, batch.versions, session)

    async def _load_held(self, batch: _Batch, items: Sequence[Item], session: Any) -> None:
        """Who waits in front of these messages, if anybody does at all."""
        lookups: set[Lookup] = {_held_lookup(item.reading) for item in items}
        lookups |= {ById(HELD, item.held_id) for item in items if item.held_id is not None}
        await self._store.load(lookups, batch.working, batch.versions, session)
        batch.seen |= await self._recognise_others(batch, items)
        lanes = {f"lane:{lane}" for item in items for lane in self._lanes_of(batch, item.reading)}
        oldest = await self._store.oldest_by_tag(HELD, lanes, session)
        batch.queues = {tag.removeprefix("lane:"): held_id for tag, held_id in oldest.items()}

    async def _recognise_others(self, batch: _Batch, items: Sequence[Item]) -> dict[bytes, Answered]:
        """Refusals of other content under the id of a message that is held, and so has no answer yet; and answers to
        copies of what is held, since it may be discarded here."""
        held = [(item.reading, self._waiting(batch, item.reading, None)) for item in items if item.reading.is_intake]
        others = {self._reused(reading) for reading, waiting in held if waiting and _is_other(waiting, reading)}
        others |= {bytes.fromhex(one.identity) for one in batch.working.of(HELD)}
        return await self._inbox.recognise(others - batch.seen.keys())

    def _wanted(self, batch: _Batch, position: int, item: Item) -> set[Lookup]:
        try:
            return batch.working.missing(self._needs(item.reading, batch.working))
        except Exception as error:  # noqa: BLE001 - a bug in one message's needs is that message's alone
            batch.failed[position] = error
            return set()

    def _needs(self, reading: Reading, working: WorkingSet) -> list[Lookup]:
        route = self._routes.find(reading.received.type) if reading.received is not None else None
        if route is None or reading.received is None:
            return []
        return ask(route.needs, reading.received, working)

    # --- deciding --------------------------------------------------------------------------------------------------

    def _one(self, batch: _Batch, position: int, item: Item) -> bool:
        """Decide one message. False when something must be loaded first that an earlier one has brought up."""
        received, started = item.reading.received, time.perf_counter()
        if received is not None:
            structlog.contextvars.bind_contextvars(
                message=received.id,
                correlation=received.cause.correlation_id,
                type=received.type,
                subject=received.subject,
            )
        try:
            item.outcome = self._settle(batch, position, item)
        except NotLoadedError:
            if batch.decided:
                return False
            raise
        finally:
            structlog.contextvars.unbind_contextvars("message", "correlation", "type", "subject")
            self._metrics.decided(item.reading.type, started)
        batch.decided += 1
        return True

    def _settle(self, batch: _Batch, position: int, item: Item) -> str:
        """What came of it."""
        held = self._held(batch, item)
        if item.held_id is not None and held is None:
            return "discarded"  # by an operator, meanwhile
        if held is not None and item.reading.keep:
            self._keep(batch, item.reading, held)
            return "held"
        try:
            reading = self._unanswered(batch, item.reading, held)
        except KeyFileError as error:
            return self._fail(batch, item.reading, held, error)
        if reading is None or reading.ignored:
            self._release(batch, held)
            return "repeated" if reading is None else "ignored"
        if reading.problems or reading.received is None:
            return self._refuse(batch, reading, held)
        return self._decide(batch, position, reading, held)

    def _unanswered(self, batch: _Batch, reading: Reading, held: HeldMessage | None) -> Reading | None:
        """None for what is answered already (again, byte for byte); a refusal for other content under the same id."""
        if not reading.is_intake:
            return reading
        here = batch.answers.get(reading.identity)
        before = here or batch.seen.get(reading.identity)
        waiting = self._waiting(batch, reading, held)
        if (before and before.digest != reading.digest) or (waiting and _is_other(waiting, reading)):
            # The same wrong repetition gets the same refusal: it is known by its own content.
            reused = replace(reading, identity=self._reused(reading), problems=[_id_reused()], received=None)
            return self._unanswered(batch, reused, held)
        if before is None:
            return reading
        if before.reply is None:
            raise KeyFileError("the reply was sealed with a key that the key file does not hold")
        if here is None and reading.delivery.account is not None:
            reply = self._codec.stored_reply(before.reply, reading.delivery.account, before.about)
            batch.repeated[reply.id] = reply
        return None

    def _reused(self, reading: Reading) -> bytes:
        return self._keyring.digest("reused", reading.identity + reading.digest)

    def _decide(self, batch: _Batch, position: int, reading: Reading, held: HeldMessage | None) -> str:
        if self._is_behind(batch, reading, held):
            return self._hold(batch, reading, held, None)
        if position in batch.failed:
            return self._fail(batch, reading, held, batch.failed[position])
        try:
            decision = self._decision(batch, reading)
            self._apply(batch, decision, reading)
        except NotLoadedError:
            raise
        except Exception as error:  # noqa: BLE001 - our bug on one message: it is held
            return self._fail(batch, reading, held, error)
        self._release(batch, held)
        return _outcome(reading, decision)

    def _fail(self, batch: _Batch, reading: Reading, held: HeldMessage | None, error: Exception) -> str:
        log.error("a message is held", **describe(error))
        return self._hold(batch, reading, held, error)

    def _decision(self, batch: _Batch, reading: Reading) -> Decision:
        received = reading.received
        route = self._routes.find(received.type) if received is not None else None
        if received is None or route is None:
            if reading.is_intake:
                raise LookupError("a type in the catalogue has no route")
            return Decision()
        batch.working.used.clear()
        decision = route.decide(received, batch.working, reading.read_at)
        if decision.changes or decision.removals or decision.facts:
            batch.changes.rely(batch.working.used, batch.working, batch.versions)
        return decision

    def _apply(self, batch: _Batch, decision: Decision, reading: Reading) -> None:
        """Encode first: what cannot be encoded must not leave half a decision behind."""
        cause = reading.received.cause if reading.received is not None else NO_CAUSE
        outgoing = [self._codec.write(fact, cause, reading.read_at) for fact in decision.facts]
        reply = self._codec.reply(reading, decision, reading.read_at) if reading.is_intake else None
        for aggregate in decision.changes:
            collection = self._store.collection_of(aggregate)
            batch.changes.record(collection, aggregate, batch.working.put(collection, aggregate))
        for aggregate in decision.removals:
            collection = self._store.collection_of(aggregate)
            batch.working.remove(collection, aggregate)
            batch.changes.drop(collection, aggregate)
        if decision.forgotten:
            self._forget(batch, decision.forgotten)
        batch.outgoing += outgoing
        self._answer(batch, reading, reply)
        for aggregate in decision.removals:
            if isinstance(aggregate, HeldMessage):
                self._tell_discarded(batch, aggregate, reading.read_at)

    @staticmethod
    def _forget(batch: _Batch, forgotten: Sequence[Forgotten]) -> None:
        """Also what this very batch has said before; what is stored already goes when all is written."""
        batch.forgotten += forgotten
        instead = {one.subject: one.instead for one in forgotten}
        batch.outgoing = [forgetting(one, instead) for one in batch.outgoing]
        batch.repeated = {id_: forgetting(one, instead) for id_, one in batch.repeated.items()}
        for identity, one in batch.answers.items():
            if one.reply and instead.keys() & one.about:
                batch.answers[identity] = Answered(one.digest, without_answer(one.reply))

    def _refuse(self, batch: _Batch, reading: Reading, held: HeldMessage | None) -> str:
        """Theirs: rejected with reasons at once, and what cannot be read at all is kept besides."""
        if reading.keep:
            self._hold(batch, reading, held, None)
        else:
            self._release(batch, held)
        if reading.is_intake:
            self._answer(batch, reading, self._codec.reply(reading, reject(*reading.problems), reading.read_at))
        return "rejected" if reading.is_intake else "held"

    def _answer(self, batch: _Batch, reading: Reading, reply: Outgoing | None) -> None:
        if reply is not None:
            batch.outgoing.append(reply)
        if reading.is_intake:
            about = reply.about if reply else ()
            batch.answers[reading.identity] = Answered(reading.digest, reply.body if reply else b"", about)

    # --- holding ---------------------------------------------------------------------------------------------------

    def _held(self, batch: _Batch, item: Item) -> HeldMessage | None:
        if item.held_id is None or not batch.working.found(ById(HELD, item.held_id)):
            return None
        return batch.working.get(ById(HELD, item.held_id))

    def _lanes_of(self, batch: _Batch, reading: Reading) -> set[str]:
        """What a message is about: the names under which it looks things up, and the things found there."""
        lanes: set[str] = set()
        try:
            lookups = self._needs(reading, batch.working)
        except Exception:  # noqa: BLE001 - said when it is decided on
            return lanes
        for lookup in lookups:
            if lookup.guard and isinstance(lookup, ById | ByKey) and lookup.collection is not HELD:
                name = lookup.collection.name
                lanes.add(f"{name}:{lookup.id}" if isinstance(lookup, ById) else f"{name}:{lookup.key}")
                lanes |= {f"{name}:{id_}" for id_ in batch.working.found(lookup)}
        return lanes

    def _is_behind(self, batch: _Batch, reading: Reading, held: HeldMessage | None) -> bool:
        if not batch.queues:
            return False
        ahead = [batch.queues[lane] for lane in self._lanes_of(batch, reading) if lane in batch.queues]
        return any(held is None or oldest < held.held_id for oldest in ahead)

    def _keep(self, batch: _Batch, reading: Reading, held: HeldMessage) -> None:
        """A held message that cannot be read, still or any more. Its sender was told when it was first kept, or now."""
        again = holding.unreadable_still(held, reading)
        batch.changes.record(HELD, again, batch.working.put(HELD, again))
        if not held.reasons and reading.is_intake and self._unanswered(batch, reading, held) is not None:
            self._answer(batch, reading, self._codec.reply(reading, reject(*reading.problems), reading.read_at))

    def _waiting(self, batch: _Batch, reading: Reading, held: HeldMessage | None) -> HeldMessage | None:
        """A held message of the same identity, other than the one that is being tried again."""
        lookup = _held_lookup(reading)
        other = batch.working.get(lookup) if batch.working.found(lookup) else None
        return None if other is None or (held is not None and other.held_id == held.held_id) else other

    def _hold(self, batch: _Batch, reading: Reading, held: HeldMessage | None, error: Exception | None) -> str:
        now = reading.read_at
        if self._waiting(batch, reading, held) is not None:
            self._release(batch, held)  # a copy of it waits already
            return "repeated"
        if held is not None:
            if held.identity != reading.identity.hex():
                held = holding.readable_now(held, reading, self._lanes_of(batch, reading))
            again = holding.failed_again(held, error, now) if error else holding.still_behind(held, now)
        else:
            again = holding.hold(reading, self._lanes_of(batch, reading), error, now)
        batch.changes.record(HELD, again, batch.working.put(HELD, again))
        for lane in again.lanes:
            batch.queues.setdefault(lane, again.held_id)
        return "held"

    def _tell_discarded(self, batch: _Batch, held: HeldMessage, now: datetime) -> None:
        """A message that is given up has its one reply as well, unless it has had one: a refusal when it was kept, or
        whatever a copy of it was answered."""
        reading = self._codec.read(held.reopened(), now)
        told = bool(held.reasons) or reading.identity in batch.seen or reading.identity in batch.answers
        if reading.is_intake and not reading.keep and not told:
            self._answer(batch, reading, self._codec.reply(reading, reject(holding.discarded()), now))

    def _release(self, batch: _Batch, held: HeldMessage | None) -> None:
        if held is not None:
            batch.changes.drop(HELD, held)
            batch.working.remove(HELD, held)

    @contextmanager
    def _doubting(self) -> Iterator[None]:
        """Whoever is cancelled or gets no answer may have committed without knowing it."""
        try:
            yield
        except BaseException as error:
            if not isinstance(error, Exception) or is_gone(error) or is_unknown(error):
                self._outbox.doubt()
            raise

    # --- workers ---------------------------------------------------------------------------------------------------

    async def run(self, needs: Needs, decide: Decide, clock: Callable[[], datetime]) -> tuple[Decision, list[Outgoing]]:
        """One step of a worker, in a transaction of its own. Raises ``GoneError``, and whatever ``decide`` raises."""
        patience = _Patience()
        while True:
            try:
                with self._doubting():
                    return await self._step(needs, decide, clock())
            except Exception as error:
                if is_gone(error):
                    raise GoneError from error
                if not await patience.lasts(error):
                    raise

    async def _step(self, needs: Needs, decide: Decide, now: datetime) -> tuple[Decision, list[Outgoing]]:
        tick = self._codec.tick(now)
        async with self._mongo.transaction() as session:
            batch = _Batch()
            for _ in range(_ROUNDS):
                wanted = batch.working.missing(ask(needs, tick, batch.working))
                if not wanted:
                    break
                await self._store.load(wanted, batch.working, batch.versions, session)
            batch.working.used.clear()
            decision = decide(tick, batch.working, now)
            if not (decision.changes or decision.facts or decision.removals):
                return decision, []
            batch.changes.rely(batch.working.used, batch.working, batch.versions)
            self._apply(batch, decision, Reading(_NO_DELIVERY, now, received=tick))
            older, _ = await together(self._left_by_others(batch), self._write(batch, now, session))
            await failpoints.reached("before_commit")
        return decision, [*older, *batch.outgoing]


class _Patience:
    """How often and how long to try again what others have got in the way of.

    Locks and snapshots resolve by themselves, but what a killed process held open only when the server ends its
    transaction (a minute, unless it is told otherwise). A key that is taken is free or found at the next try; if it
    never is, that is a bug of ours.
    """

    def __init__(self, taken_tries: int = _TAKEN_TRIES) -> None:
        self._tries, self._taken_tries = 0, taken_tries
        self._until = time.monotonic() + _LOCKED_SECONDS

    async def lasts(self, error: Exception) -> bool:
        """Wait a little, at random and longer each time, so that two writers who have met do not meet again."""
        self._tries += 1
        await asyncio.sleep(random.uniform(0, min(0.5, 0.005 * 2**self._tries)))  # noqa: S311
        return (is_locked(error) and time.monotonic() < self._until) or (
            is_taken(error) and self._tries <= self._taken_tries
        )


def _fitting(items: Sequence[Item]) -> int:
    """How many of the first messages go into one transaction by their size: at least one."""
    sizes = accumulate(len(item.reading.delivery.body) for item in items)
    return max(1, sum(1 for size in sizes if size <= _TOGETHER_BYTES))


def _outcome(reading: Reading, decision: Decision) -> str:
    if not reading.is_intake:
        return "event"
    if decision.rejected:
        return "rejected"
    return "answered" if reading.type is not None and reading.type.question else "accepted"


def _is_other(waiting: HeldMessage, reading: Reading) -> bool:
    """Whether a held message of the same identity has other content."""
    return waiting.digest is not None and waiting.digest != reading.digest.hex()


def _held_lookup(reading: Reading) -> ByKey[HeldMessage]:
    return ByKey(HELD, f"seen:{reading.identity.hex()}")


def _id_reused() -> Problem:
    return Problem(
        code="id.reused",
        field="id",
        text_id="id ini sudah dipakai untuk pesan dengan isi lain; beri id baru.",
        text_en="This id was used for a message with other content; give it a new id.",
    )


def ask(needs: Needs, received: Received[Any], working: WorkingSet) -> list[Lookup]:
    """What a decision will look at, as far as can be said by now."""
    wanted: list[Lookup] = []
    try:
        for lookup in needs(received, working):
            wanted.append(lookup)  # noqa: PERF402 - those asked for before the error count
    except NotLoadedError:
        if not working.missing(wanted):
            raise
    return wanted
