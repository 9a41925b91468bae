"""Peer: Celery with the same guarantee: acknowledged late, given back when its worker is lost, one transaction a
message with PyMongo, outputs published by Kombu with confirms. One worker: a pool of threads or of one process."""

from __future__ import annotations

from typing import Any

from celery import Celery, signals
from kombu.entity import Exchange, Queue
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from benchmarks.contestants.office import Change, Document, Report, Writer
from benchmarks.contestants.settings import Settings, load
from shared.contracts.envelope import CONTENT_TYPE, INTAKE, REPLIES
from shared.kernel.keys import Keyring
from shared.kernel.runtime import collect_seldom

TASK = "registry.business.report"


def application(amqp_url: str, queue: str, concurrency: int, prefetch: int) -> Celery:
    """Celery as its manual says for quorum queues and for work that must not be lost."""
    app = Celery("peer", broker=amqp_url)
    app.conf.update(
        task_queues=[
            Queue(  # type: ignore[no-untyped-call]
                queue,
                Exchange(INTAKE, "topic", no_declare=True),  # type: ignore[no-untyped-call]
                routing_key=TASK,
                queue_arguments={"x-queue-type": "quorum"},
                no_declare=True,
            )
        ],
        task_default_queue=queue,
        task_default_exchange=INTAKE,
        task_default_routing_key=TASK,
        task_default_queue_type="quorum",
        worker_detect_quorum_queues=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_acks_on_failure_or_timeout=False,
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        worker_prefetch_multiplier=max(1, prefetch // concurrency),
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        broker_transport_options={"confirm_publish": True},
        broker_pool_limit=concurrency + 2,
        broker_connection_retry_on_startup=True,
        task_default_delivery_mode="persistent",
    )
    return app


class Peer:
    """One message, one transaction; made in the process that works."""

    def __init__(self, app: Celery, settings: Settings) -> None:
        self._app = app
        self._keyring, self._writer = Keyring.load(settings.key_file), Writer(settings.outputs)
        self._client: MongoClient[Document] = MongoClient(settings.mongo_url, maxPoolSize=settings.concurrency + 2)
        majority = self._client.get_database(settings.mongo_database, write_concern=WriteConcern("majority"))
        self._inbox, self._outbox = majority["inbox"], majority["outbox"]
        self._owners, self._businesses = majority["owners"], majority["businesses"]
        self._forgetting = self._outbox.with_options(write_concern=WriteConcern(1))
        for collection in (self._inbox, self._outbox):
            collection.create_index("at")

    def handle(self, body: bytes) -> None:
        report = Report(body, self._keyring)
        try:
            change = self._commit(report)
        except DuplicateKeyError:
            return  # answered before; its outputs are in the outbox or sent
        self._publish(change)
        self._forgetting.delete_many({"_id": {"$in": change.ids}})

    def _commit(self, report: Report) -> Change:
        with self._client.start_session() as session:
            return session.with_transaction(
                lambda session: self._transact(report, session),
                read_concern=ReadConcern("snapshot"),
                write_concern=WriteConcern("majority"),
            )

    def _transact(self, report: Report, session: ClientSession) -> Change:
        known = self._businesses.find_one({"keys": {"$in": report.keys}}, session=session)
        business = report.business_after(known)
        before = self._owners.find_one_and_update(
            {"_id": report.owner_id}, report.owner_change(), upsert=True, session=session
        )
        if known is None:
            self._businesses.insert_one(business, session=session)
        else:
            self._businesses.replace_one({"_id": business["_id"]}, business, session=session)
        change = Change(report, self._writer.messages(report, business, contact=report.contact_changed(before)))
        self._outbox.insert_many(change.outbox, session=session)
        reply = next(one.body for one in change.messages if one.exchange == REPLIES)
        self._inbox.insert_one({"_id": report.identity, "reply": reply}, session=session)
        return change

    def _publish(self, change: Change) -> None:
        """Kombu waits for each confirm; the threads wait side by side."""
        with self._app.producer_pool.acquire(block=True) as producer:
            for one in change.messages:
                producer.publish(
                    one.body,
                    exchange=one.exchange,
                    routing_key=one.key,
                    delivery_mode=2,
                    content_type=CONTENT_TYPE,
                    content_encoding="binary",
                    message_id=one.id,
                    type=one.type,
                )


def main() -> None:
    settings = load()
    app = application(settings.amqp_url, settings.queue, settings.concurrency, settings.prefetch)
    peers: list[Peer] = []

    @app.task(name=TASK)  # type: ignore[untyped-decorator]
    def report(body: str) -> None:
        peers[0].handle(body.encode())

    def begin(**_: Any) -> None:
        peers.append(Peer(app, settings))

    # A forked child must open its own connections; threads share those of the worker.
    collect_seldom()
    signal = signals.worker_process_init if settings.pool == "prefork" else signals.worker_init
    signal.connect(begin, weak=False)
    worker = ["worker", f"--pool={settings.pool}", f"--concurrency={settings.concurrency}", "--loglevel=WARNING"]
    app.worker_main([*worker, "--without-gossip", "--without-mingle", "--without-heartbeat"])


def send(amqp_url: str, queue: str, bodies: list[bytes]) -> None:
    """Put reports into the queue as Celery's messages: Celery consumes nothing else."""
    app = application(amqp_url, queue, 1, 1)
    with app.producer_pool.acquire(block=True) as producer:
        for body in bodies:
            app.send_task(TASK, args=(body.decode(),), producer=producer, exchange=INTAKE, routing_key=TASK)


if __name__ == "__main__":
    main()
