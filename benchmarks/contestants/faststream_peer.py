"""Peer: FastStream with one transaction a message and the same guarantee: state, inbox and outbox commit together,
then the outputs are published, confirmed and forgotten, then the message is acknowledged. So many handlers side by
side as turned out best."""

from __future__ import annotations

import asyncio
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from benchmarks.contestants.faststream_floor import broker, exchange, publish, subscriber
from benchmarks.contestants.office import Change, Document, Message, Report, Writer
from benchmarks.contestants.running import run
from benchmarks.contestants.settings import Settings, load
from shared.contracts.envelope import CONTACTS, EVENTS, REPLIES
from shared.kernel.keys import Keyring


async def main(stop: asyncio.Event) -> None:
    settings = load()
    client: AsyncMongoClient[Document] = AsyncMongoClient(settings.mongo_url, maxPoolSize=settings.concurrency + 2)
    consuming, publishing = broker(settings), broker(settings)
    peer = Peer(settings, client, publishing)
    subscriber(consuming, settings)(peer.handle)
    await peer.prepare()
    await publishing.start()
    await consuming.start()
    await stop.wait()
    await consuming.stop()
    await publishing.stop()
    await client.close()


class Peer:
    """One message, one transaction."""

    def __init__(self, settings: Settings, client: AsyncMongoClient[Document], publishing: Any) -> None:
        self._client, self._publishing = client, publishing
        self._keyring, self._writer = Keyring.load(settings.key_file), Writer(settings.outputs)
        self._turns, self._window = asyncio.Semaphore(settings.concurrency), asyncio.Semaphore(settings.window)
        majority = client.get_database(settings.mongo_database, write_concern=WriteConcern("majority"))
        self._inbox, self._outbox = majority["inbox"], majority["outbox"]
        self._owners, self._businesses = majority["owners"], majority["businesses"]
        self._forgetting = self._outbox.with_options(write_concern=WriteConcern(1))
        self._exchanges = {name: exchange(name) for name in (EVENTS, REPLIES, CONTACTS)}

    async def prepare(self) -> None:
        """Collections are not made within a transaction."""
        for collection in (self._inbox, self._outbox):
            await collection.create_index("at")
        await self._client.admin.command("ping")

    async def handle(self, body: bytes) -> None:
        async with self._turns:
            report = Report(body, self._keyring)
            try:
                change = await self._commit(report)
            except DuplicateKeyError:
                return  # answered before; its outputs are in the outbox or sent
            for message in change.messages:  # other handlers publish meanwhile
                await self._publish(message)
            await self._forgetting.delete_many({"_id": {"$in": change.ids}})

    async def _commit(self, report: Report) -> Change:
        async with self._client.start_session() as session:
            return await session.with_transaction(
                lambda session: self._transact(report, session),
                read_concern=ReadConcern("snapshot"),
                write_concern=WriteConcern("majority"),
            )

    async def _transact(self, report: Report, session: AsyncClientSession) -> Change:
        known = await self._businesses.find_one({"keys": {"$in": report.keys}}, session=session)
        business = report.business_after(known)
        before = await self._owners.find_one_and_update(
            {"_id": report.owner_id}, report.owner_change(), upsert=True, session=session
        )
        if known is None:
            await self._businesses.insert_one(business, session=session)
        else:
            await self._businesses.replace_one({"_id": business["_id"]}, business, session=session)
        change = Change(report, self._writer.messages(report, business, contact=report.contact_changed(before)))
        await self._outbox.insert_many(change.outbox, session=session)
        reply = next(one.body for one in change.messages if one.exchange == REPLIES)
        await self._inbox.insert_one({"_id": report.identity, "reply": reply}, session=session)
        return change

    async def _publish(self, message: Message) -> None:
        async with self._window:
            to = self._exchanges[message.exchange]
            await publish(self._publishing, to, message.key, message.type, message.body)


if __name__ == "__main__":
    run(main)
