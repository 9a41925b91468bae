"""Telling the world, after the fact.

The guarantee of this file: what was committed is published at least once, each subject in the order of its sequence,
and nothing is published that was not committed. The direct publish after a commit is only for speed; the sweeper alone
would be enough.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import aio_pika
import structlog
from aio_pika.abc import AbstractRobustConnection
from aiormq import Channel
from aiormq.exceptions import AMQPError, DeliveryError
from pydantic import BaseModel
from pymongo import ReplaceOne, UpdateOne

from shared.contracts.envelope import CONTACTS, CONTENT_TYPE, EVENTS, INTAKE
from shared.decision import Forgotten
from shared.kernel import failpoints, frames
from shared.kernel.codec import Outgoing, saying, without_answer
from shared.kernel.keys import Keyring
from shared.kernel.log import describe
from shared.kernel.mongo import Document, Mongo, is_gone

WINDOW = 64
"""Publishes whose confirms are awaited together: measured, more gains nothing."""
_WINDOW_BYTES = 1024 * 1024
ORDERED = frozenset({EVENTS, CONTACTS})
"""Exchanges on which the order of a subject's messages matters; each reply stands for itself."""
_CONFIRM_SECONDS = 30
_SWEEP = 1000
_DOUBT_SECONDS = 60
"""Longer than any transaction lives (deploy/mongodb), and than the sweeper takes to come by twice."""

log = structlog.get_logger()


def forgetting(one: Outgoing, instead: Mapping[str, BaseModel]) -> Outgoing:
    """What is not sent yet, without the data of these persons."""
    if instead.keys() & one.about:
        return replace(one, body=without_answer(one.body), about=())
    if one.exchange == CONTACTS and one.subject in instead:
        return replace(one, body=saying(one.body, instead[one.subject]))
    return one


class Outbox:
    """The collection of what has been decided and not yet confirmed by the broker."""

    def __init__(self, mongo: Mongo, keyring: Keyring, writer: str) -> None:
        self._entries, self._relaxed = mongo.collection("outbox"), mongo.collection("outbox", relaxed=True)
        self._keyring, self._writer = keyring, writer
        self._doubtful_until = 0.0

    def doubt(self) -> None:
        """Say that something may be committed here of which nobody in this process knows: a commit without an answer, a
        worker cancelled after its commit. For a while nothing of a subject is sent before what is older."""
        self._doubtful_until = time.monotonic() + _DOUBT_SECONDS

    @property
    def doubtful(self) -> bool:
        return time.monotonic() < self._doubtful_until

    async def ensure(self) -> None:
        await self._entries.create_index([("subject", 1), ("sequence", 1)])
        await self._entries.create_index("about", sparse=True)

    async def forget(self, persons: Sequence[Forgotten], session: Any) -> None:
        """Take these persons' data out of what is not sent yet. Sequences stay, so a reader misses nothing."""
        instead = {one.subject: one.instead for one in persons}
        ids = list(instead)
        contacts = {"subject": {"$in": ids}, "exchange": CONTACTS}
        for query in (contacts, {"about": {"$in": ids}}):
            for entry in await self._entries.find(query, session=session).to_list(None):
                one = forgetting(self._outgoing(entry), instead)
                change = {"$set": self._kept(one), "$unset": {"about": ""}}
                await self._entries.update_one({"_id": one.id}, change, session=session)

    async def insert(self, outgoing: Sequence[Outgoing], session: Any) -> None:
        """In the transaction of what they tell."""
        if outgoing:
            await self._entries.insert_many(self._documents(outgoing), ordered=False, session=session)

    async def insert_again(self, outgoing: Sequence[Outgoing], session: Any) -> None:
        """What was sent before and is asked for again; it may still be here."""
        if outgoing:
            again = [one | {"again": True} for one in self._documents(outgoing)]
            writes = [ReplaceOne({"_id": one["_id"]}, one, upsert=True) for one in again]
            await self._entries.bulk_write(writes, ordered=False, session=session)

    def _documents(self, outgoing: Iterable[Outgoing]) -> list[Document]:
        """As stored. Contacts and replies may hold personal data, so only public events are stored in the clear."""
        return [
            {
                "_id": one.id,
                "exchange": one.exchange,
                "key": one.key,
                "type": one.type,
                "subject": one.subject,
                "sequence": one.sequence,
                "region": one.region,
                "correlation": one.correlation_id,
                "at": one.at,
                "writer": self._writer,
                **self._kept(one),
            }
            for one in outgoing
        ]

    def _kept(self, one: Outgoing) -> Document:
        if one.exchange == EVENTS:
            return {"body": one.body}
        about = {"about": list(one.about)} if one.about else {}
        return {"body": self._keyring.seal(one.body, f"outbox/{one.id}"), "k": self._keyring.current, **about}

    def _outgoing(self, document: Document) -> Outgoing:
        id_, exchange, body = document["_id"], document["exchange"], document["body"]
        return Outgoing(
            id_,
            exchange,
            document["key"],
            document["type"],
            document["subject"],
            document["sequence"],
            document["region"],
            document["correlation"],
            document["at"],
            body if exchange == EVENTS else self._keyring.open(body, f"outbox/{id_}"),
            tuple(document.get("about", ())),
        )

    async def left_by_others(self, outgoing: Sequence[Outgoing]) -> list[Outgoing]:
        """What other writers have committed before these, and not sent yet, in order. It may be asked for as soon as
        these are decided: who decides on a sequence has seen the one before, so that is committed. What the majority
        sees lags behind what a transaction sees; so this is read as the primary has it now."""
        return await self.older(outgoing, {"writer": {"$ne": self._writer}})

    async def older(self, outgoing: Sequence[Outgoing], of: Document | None = None) -> list[Outgoing]:
        """What is unsent of the same subjects with lower sequences than the last of these, and not one of them."""
        last = {one.subject: one.sequence for one in outgoing if one.exchange in ORDERED}
        if not last:
            return []
        known = {one.id for one in outgoing}
        cursor = self._relaxed.find({"subject": {"$in": list(last)}, **(of or {})})
        found = [self._outgoing(one) for one in await cursor.sort([("subject", 1), ("sequence", 1)]).to_list(None)]
        return [one for one in found if one.sequence < last[one.subject] and one.id not in known]

    async def unsent(self, after: str = "") -> list[Outgoing]:
        """Up to a thousand entries of the subjects that follow ``after``, each subject in the order of its sequence."""
        query = {"subject": {"$gt": after}}
        cursor = self._entries.find(query).sort([("subject", 1), ("sequence", 1)]).limit(_SWEEP)
        return [self._outgoing(document) for document in await cursor.to_list(None)]

    async def still_there(self, outgoing: Sequence[Outgoing]) -> list[Outgoing]:
        """Those that have not been deleted by now: what the majority has seen may lag behind a relaxed delete."""
        if not outgoing:
            return []
        found = self._relaxed.find({"_id": {"$in": [one.id for one in outgoing]}}, {"_id": 1})
        present = {document["_id"] for document in await found.to_list(None)}
        return [one for one in outgoing if one.id in present]

    # --- the age of keys: along the ids, for an index that only a rotation needs would be paid by every message ------

    async def stamps(self) -> list[str]:
        """By which keys bodies are sealed."""
        steps = [{"$match": {"_id": {"$gt": ""}, "k": {"$gt": ""}}}, {"$group": {"_id": "$k"}}]
        cursor = self._entries.aggregate(steps, hint="_id_")
        cursor = await cursor if inspect.isawaitable(cursor) else cursor
        return [found["_id"] for found in await cursor.to_list(None)]

    async def count_outdated(self, **bounds: Any) -> int:
        found: int = await self._entries.count_documents(self._outdated(), hint="_id_", **bounds)
        return found

    async def reseal(self, limit: int) -> int:
        """Bring some under the key of today; how many there were. What is sent meanwhile is gone, and left."""
        found = await self._entries.find(self._outdated()).hint("_id_").limit(limit).to_list(None)
        writes = [
            UpdateOne({"_id": one["_id"], "body": one["body"]}, {"$set": self._kept(self._outgoing(one))})
            for one in found
        ]
        if writes:
            await self._entries.bulk_write(writes, ordered=False)
        return len(found)

    def _outdated(self) -> Document:
        return {"_id": {"$gt": ""}, "k": {"$gt": "", "$nin": self._keyring.settled}}

    async def delete(self, ids: Iterable[str], *, relaxed: bool = True) -> None:
        """Forget what is confirmed. Losing this write only publishes once more, with the same id."""
        entries = self._relaxed if relaxed else self._entries
        await entries.delete_many({"_id": {"$in": list(ids)}})


class Publisher:
    """Publishes to the broker on a connection of its own, confirms pipelined in windows."""

    def __init__(self, amqp_url: str, name: str) -> None:
        self._url, self._name, self._account = amqp_url, name, name.split("@", 1)[0]
        self._connection: AbstractRobustConnection | None = None
        self._channel: aio_pika.abc.AbstractChannel | None = None

    async def connect(self) -> None:
        self._connection = await aio_pika.connect_robust(
            self._url, client_properties={"connection_name": f"{self._name} publisher"}, reconnect_interval=1
        )
        self._channel = await self._connection.channel(publisher_confirms=True)

    @property
    def connected(self) -> bool:
        return self._connection is not None and self._connection.connected.is_set()

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def publish(self, outgoing: Sequence[Outgoing]) -> list[str]:
        """Publish in the order given; the ids that the broker has confirmed are returned.

        A subject stops at its first negative confirm. What was in flight behind it counts as unsent, though it may have
        arrived: it is sent again after the one that did not, so that the last to arrive is the newest.
        """
        confirmed: list[str] = []
        stopped: set[str] = set()
        for part in _windows(outgoing):
            window = [one for one in part if one.subject not in stopped]
            for one, failure in zip(window, await self._window(window), strict=True):
                if isinstance(failure, DeliveryError | ValueError | OverflowError):  # refused, or cannot be a message
                    if not isinstance(failure, DeliveryError):
                        log.error("a message cannot be put on the wire", type=one.type, **describe(failure))
                    stopped.add(one.subject)
                elif failure is not None:
                    raise PublishInterruptedError(confirmed) from failure
                elif one.subject not in stopped:
                    confirmed.append(one.id)
        return confirmed

    async def _window(self, window: Sequence[Outgoing]) -> list[BaseException | None]:
        try:
            async with asyncio.timeout(_CONFIRM_SECONDS):
                publications = [_publication(one, self._account) for one in window]
                return await frames.publish(await self._ready(), publications)
        except (AMQPError, ConnectionError, RuntimeError, TimeoutError) as error:
            return [error] * len(window)

    async def _ready(self) -> Channel:
        if self._channel is None or not self.connected:
            raise ConnectionError("not connected")
        return cast(Channel, await self._channel.get_underlay_channel())


def _windows(outgoing: Sequence[Outgoing]) -> Iterator[list[Outgoing]]:
    """As many as are awaited together, and not more bytes than a slow connection should be handed at once."""
    window: list[Outgoing] = []
    size = 0
    for one in outgoing:
        if window and (len(window) == WINDOW or size + len(one.body) > _WINDOW_BYTES):
            yield window
            window, size = [], 0
        window.append(one)
        size += len(one.body)
    if window:
        yield window


class PublishInterruptedError(Exception):
    """The connection broke in the middle. ``confirmed`` are the ids known to have arrived."""

    def __init__(self, confirmed: list[str]) -> None:
        super().__init__("publishing was interrupted")
        self.confirmed = confirmed


def _publication(one: Outgoing, account: str) -> frames.Publication:
    return frames.Publication(
        exchange=one.exchange,
        routing_key=one.key,
        body=one.body,
        content_type=CONTENT_TYPE,
        region=one.region,
        correlation_id=_short(one.correlation_id),
        message_id=one.id,
        message_type=one.type,
        app_id=f"binaan-{account}",
        timestamp=one.at,
        user_id=account if one.exchange == INTAKE else None,
    )


def _short(text: str) -> str:
    """What an AMQP property can carry: 255 bytes. An id of 128 characters may be longer; the body has it whole."""
    return text.encode()[:255].decode(errors="ignore")


class Relay:
    """From the outbox to the broker: directly after a commit, and by sweeping what a crash has left."""

    def __init__(self, outbox: Outbox, publisher: Publisher) -> None:
        self._outbox, self._publisher = outbox, publisher
        self._turn = asyncio.Lock()
        self._expected: set[str] = set()
        """What has been committed here and waits for its direct publish: not the sweeper's business."""
        self._unsent: set[str] = set()
        """Subjects of which this process has left something unsent."""
        self._after = ""
        self._seen: set[str] = set()
        self._seen_before: set[str] = set()

    def expect(self, outgoing: Sequence[Outgoing]) -> None:
        """Say that ``send`` will come for these."""
        self._expected |= {one.id for one in outgoing}

    def forget(self, outgoing: Sequence[Outgoing]) -> None:
        """Say that ``send`` will not come for these after all: they are the sweeper's."""
        self._expected -= {one.id for one in outgoing}
        self._outbox.doubt()

    async def send(self, outgoing: Sequence[Outgoing]) -> None:
        """Publish what was just committed. A failure leaves it to the sweeper; nothing is lost and nobody waits."""
        async with self._turn:
            self._expected -= {one.id for one in outgoing}
            await failpoints.reached("before_publish", len(outgoing))
            try:
                await self._publish(await self._with_older(outgoing))
            except Exception as error:  # noqa: BLE001 - whatever went wrong, the outbox still has it
                self._unsent |= _ordered(outgoing)
                if not is_gone(error):
                    log.warning("publishing failed; the sweeper will send it", error=type(error).__name__)

    async def sweep(self) -> bool:
        """Look at the next thousand, and send of them what was there when it last came by: nobody is at work on that.

        True when there is more to do at once. No clock decides what is old, since clocks jump. It goes through the
        whole outbox before it begins again, so that a subject that is stopped does not keep it from the others.
        """
        async with self._turn:
            page = await self._outbox.unsent(self._after)
            stuck = await self._stuck(page, self._seen_before - self._expected)
            self._seen |= {one.id for one in page}
            if len(page) == _SWEEP:
                self._after = page[-1].subject
            else:
                self._after, self._seen_before, self._seen = "", self._seen, set()
            try:
                # Deleted for good at once, or the next look, which sees what the majority has, would find it again.
                return await self._publish(stuck, relaxed=False) > 0 or self._after != ""
            except PublishInterruptedError:
                return False  # the broker is gone, which is said elsewhere

    async def _stuck(self, page: Sequence[Outgoing], left: set[str]) -> list[Outgoing]:
        """Those of a page that nobody is at work on. What follows one that somebody is at work on waits for it."""
        if left.isdisjoint(one.id for one in page):
            return []
        stuck: list[Outgoing] = []
        stopped: set[str] = set()
        for one in await self._outbox.still_there(page):
            if one.id in left and one.subject not in stopped:
                stuck.append(one)
            elif one.exchange in ORDERED:
                stopped.add(one.subject)
        return stuck

    async def _with_older(self, outgoing: Sequence[Outgoing]) -> Sequence[Outgoing]:
        """What others have left is among ``outgoing``; what this process has left is looked for after a failure, and
        while there may be something that it does not know of."""
        if not self._outbox.doubtful and self._unsent.isdisjoint(_ordered(outgoing)):
            return outgoing
        return sorted([*await self._outbox.older(outgoing), *outgoing], key=lambda one: one.sequence)

    async def _publish(self, outgoing: Sequence[Outgoing], *, relaxed: bool = True) -> int:
        """The number of those that were confirmed, and are forgotten."""
        if not outgoing:
            return 0
        try:
            confirmed = await self._publisher.publish(outgoing)
        except PublishInterruptedError as error:
            await self._outbox.delete(error.confirmed, relaxed=relaxed)
            self._unsent |= _ordered(outgoing)
            raise
        await failpoints.reached("published" if relaxed else "sweeping", len(confirmed))
        await self._outbox.delete(confirmed, relaxed=relaxed)
        await failpoints.reached("deleted", len(confirmed))
        known = set(confirmed)
        if relaxed:  # the sweeper sends what it has seen before, and knows nothing of what came after
            self._unsent -= _ordered(outgoing)
        self._unsent |= _ordered(one for one in outgoing if one.id not in known)
        return len(confirmed)


def _ordered(outgoing: Iterable[Outgoing]) -> set[str]:
    """The subjects whose messages must keep their order."""
    return {one.subject for one in outgoing if one.exchange in ORDERED}
