"""The shell that every service lives in: start, wait for what is missing, work, say how it is, stop.

The guarantee of this file: a service can be started before its dependencies, outlives them, and stops after finishing
what it holds.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

import structlog
import uvicorn
import uvloop
from faststream.rabbit import RabbitBroker
from pydantic import ValidationError

from shared.contracts.envelope import CONTACTS, EVENTS, INTAKE
from shared.decision import Decision
from shared.kernel import held as holding
from shared.kernel import log as logs
from shared.kernel.codec import Codec, Outgoing, new_message_id
from shared.kernel.consumer import Consumer
from shared.kernel.dependency import Dependency
from shared.kernel.depths import Depths
from shared.kernel.docs import Docs
from shared.kernel.doors import Door, Doors
from shared.kernel.health import Health
from shared.kernel.held import HELD, HeldMessage
from shared.kernel.inbox import Inbox
from shared.kernel.keys import KeyFileError, Keyring
from shared.kernel.lease import Lease
from shared.kernel.log import describe
from shared.kernel.metrics import RETRIED, Exposition, Metrics
from shared.kernel.mongo import Mongo
from shared.kernel.outbox import Outbox, Relay
from shared.kernel.rekeying import Rekeying
from shared.kernel.routes import Decide, Needs, Routes, Run, Worker
from shared.kernel.runtime import collect_seldom
from shared.kernel.settings import Settings
from shared.kernel.state import Collection, Due, WorkingSet
from shared.kernel.store import Store
from shared.kernel.topology import Bindings
from shared.kernel.tracing import Tracing
from shared.kernel.unit_of_work import Item, UnitOfWork
from shared.kernel.watch import Watch, WatchedPublisher
from shared.kernel.workers import Workers, end

GIVE_BACK_AFTER_SECONDS = 600
"""The broker closes a channel whose deliveries stay open for thirty minutes; they are given back long before."""
_GRACEFUL_SECONDS = 20
_SUPERVISE_SECONDS = 1
_HELD_AT_ONCE = 50
_REKEYING_SECONDS = 10
"""When nothing was left under an older key, look again after this: replicas get their files one after another."""
_COMMITTED_BATCHES = 4
"""Batches that may wait to be published before the next one has to wait: memory, not correctness."""

_EXCHANGES = {"intake": INTAKE, "events": EVENTS, "contacts": CONTACTS}

log = structlog.get_logger()


def utc_now() -> datetime:
    return datetime.now(UTC)


class Service:
    """One service: its routes, its collections, its workers, and its queues ``<name>.<intake|events|contacts>``."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        *,
        routes: Routes,
        collections: Iterable[Collection[Any]],
        workers: Sequence[Worker] = (),
        queues: Sequence[str] = ("intake",),
        doors: Mapping[str, Door] | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.name, self.settings, self._clock = name, settings, clock or utc_now
        self._instance = f"{name}@{socket.gethostname()}/{os.getpid()}"
        keyring = Keyring.load(settings.key_file)
        holding.register(routes, name)
        self._mongo = Mongo(settings.mongo_url, settings.mongo_database, settings.mongo_driver)
        self._codec = Codec(name, keyring)
        self._store = Store(self._mongo, keyring, [*collections, HELD])
        # Not the instance alone: in a container that starts again it is the same, and what the one before has left
        # unsent is not this process's own.
        writer = f"{self._instance}/{new_message_id()}"
        self._outbox = Outbox(self._mongo, keyring, writer=writer)
        self._inbox = Inbox(self._mongo, keyring)
        self._rekeying = Rekeying(keyring, self._store, self._outbox, self._inbox)
        own = (
            Worker("held", self._retry_held, nudged=False),
            Worker("sweeper", self._sweep, nudged=False),
            Worker("rekeying", self._rekeying.step, every=_REKEYING_SECONDS, nudged=False),
        )
        workers = [*workers, *own]
        names = [f"{name}.{kind}" for kind in queues]
        self._watch = Watch(
            Metrics(names, [worker.name for worker in workers]), Tracing.from_environment(name, self._instance)
        )
        self._publisher = WatchedPublisher(settings.amqp_url, self._instance, self._watch)
        self._relay = Relay(self._outbox, self._publisher)
        self._unit_of_work = UnitOfWork(
            self._mongo, keyring, self._store, self._outbox, self._inbox, self._codec, routes, self._watch.metrics
        )
        self.database = Dependency("mongodb", self._mongo.ping)
        self.broker = Dependency("rabbitmq", self._ping_broker)
        self._bindings = Bindings(settings.management_url, settings.amqp_url, names)
        self._consumers = [self._consumer(kind) for kind in queues]
        self._lease = Lease(self._mongo, "workers", writer)
        self._workers = Workers(
            self._lease, self.database, self._run, workers, self._watch.metrics, pressed=self._pressed
        )
        self._committed: asyncio.Queue[Sequence[Outgoing]] = asyncio.Queue(_COMMITTED_BATCHES)
        self._rabbit: RabbitBroker | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.health = Health([self.database, self.broker], self._bindings)
        self.docs = Docs(name)
        self.doors = Doors(doors or {}, self._run, lambda: self.health.working, self._watch.metrics.answered)
        if doors:
            self._watch.metrics.opened(doors)
        depths = Depths(self._mongo, self._rekeying)
        exposition = Exposition(self._watch.metrics, depths, (self.database, self.broker), self._bindings)
        self.health.pages["/metrics"] = exposition.page

    def _consumer(self, kind: str) -> Consumer:
        return Consumer(
            f"{self.name}.{kind}",
            _EXCHANGES[kind],
            codec=self._codec,
            unit_of_work=self._unit_of_work,
            database=self.database,
            committed=self._put,
            clock=self._clock,
            watch=self._watch,
        )

    # --- life ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Wait for the dependencies, prepare, and work. Returns when everything runs."""
        await self.database.back_after_check()
        await self._insist(self.database, self._prepare)
        await self._insist(self.broker, self._publisher.connect)
        await self._insist(self.broker, self._consume)
        self._tasks = [
            asyncio.create_task(self._publish(), name="publish"),
            *(asyncio.create_task(consumer.run(), name=consumer.queue) for consumer in self._consumers),
            asyncio.create_task(self._workers.run(), name="workers"),
            asyncio.create_task(self._supervise(), name="supervise"),
        ]
        for task in self._tasks:
            task.add_done_callback(_end_process_if_failed)
        self.health.working = True
        log.info("working", queues=[consumer.queue for consumer in self._consumers])

    async def stop(self) -> None:
        """Take nothing more, finish what is held, publish what is committed, then go."""
        self.health.working = False
        log.info("stopping")
        if self._rabbit is not None:
            await _stop(self._rabbit)  # waits for what is in flight, up to the graceful time
        await self._workers.finish()
        try:
            async with asyncio.timeout(_GRACEFUL_SECONDS):
                await self._committed.join()
        except TimeoutError:
            log.info("some messages are left in the outbox; the next process sends them")
        await end(self._tasks)
        await self._publisher.close()
        await self._mongo.close()
        await self._watch.close()
        log.info("stopped")

    async def _insist(self, dependency: Dependency, attempt: Callable[[], Any]) -> None:
        """Try until it works: a service may be started before what it needs."""
        while True:
            try:
                await attempt()
            except KeyFileError:
                raise  # no waiting mends that
            except Exception as error:  # noqa: BLE001 - said once, shown in /readyz, tried again
                dependency.lost(error)
                await asyncio.sleep(1)
            else:
                dependency.found()
                return

    async def _prepare(self) -> None:
        for part in (self._store, self._outbox, self._inbox, self._lease):
            await part.ensure()
        await self._rekeying.check()

    async def _consume(self) -> None:
        rabbit = RabbitBroker(
            self.settings.amqp_url,
            logger=None,  # its log lines repeat what a message held
            apply_types=False,
            graceful_timeout=_GRACEFUL_SECONDS,
            reconnect_interval=1,
        )
        for consumer in self._consumers:
            consumer.attach(rabbit)
        try:
            await rabbit.start()
        except BaseException:
            await _stop(rabbit)
            raise
        self._rabbit = rabbit

    async def _supervise(self) -> None:
        """Notice what is gone; while the database is away for long, hold no deliveries."""
        while True:
            await asyncio.sleep(_SUPERVISE_SECONDS)
            await self.database.check()
            await self.broker.check()
            if self.database.gone_for > GIVE_BACK_AFTER_SECONDS and self._rabbit is not None:
                log.warning("giving deliveries back to the broker until the database is there")
                for consumer in self._consumers:
                    await consumer.give_back()
                rabbit, self._rabbit = self._rabbit, None
                await _stop(rabbit)
                await self.database.back()
                await self._insist(self.broker, self._consume)

    async def _ping_broker(self) -> None:
        if self._rabbit is None or not await self._rabbit.ping(timeout=1) or not self._publisher.connected:
            raise ConnectionError("not connected")

    # --- work ------------------------------------------------------------------------------------------------------

    async def _put(self, outgoing: Sequence[Outgoing]) -> None:
        self._workers.nudge()
        self._relay.expect(outgoing)
        try:
            await self._committed.put(outgoing)
        except asyncio.CancelledError:
            self._relay.forget(outgoing)
            raise

    async def _publish(self) -> None:
        """Publish batches in the order they were committed, while the next one is being decided."""
        while True:
            outgoing = await self._committed.get()
            try:
                await self._relay.send(outgoing)
            finally:
                self._committed.task_done()

    async def _run(self, needs: Needs, decide: Decide) -> Decision:
        decision, outgoing = await self._unit_of_work.run(needs, decide, self._clock)
        if outgoing:
            await self._put(outgoing)
        return decision

    def _pressed(self) -> bool:
        return any(consumer.waiting for consumer in self._consumers)

    def at(self, path: str) -> Any:
        """Who answers there over HTTP, as an ASGI application."""
        if self.doors.serves(path):
            return self.doors
        return self.docs if Docs.serves(path) else self.health

    async def _sweep(self, _: Run) -> bool:
        return await self._relay.sweep()

    async def _retry_held(self, run: Run) -> bool:
        """Try again what is due, the oldest first; each by itself, so that one failure is one message's."""
        due: list[HeldMessage] = []

        def look(message: Any, state: WorkingSet, _: datetime) -> Decision:
            due.extend(state.all(_due(message)))
            return Decision()

        await run(lambda message, _: [_due(message)], look)
        for message in sorted(due, key=lambda one: one.held_id):
            items = [Item(self._codec.read(message.reopened(), self._clock()), message.held_id)]
            with self._watch.handling(RETRIED, items):
                await self._unit_of_work.process(items, self._put)
        return bool(due)


async def _stop(rabbit: RabbitBroker) -> None:
    """A connection that is broken already cannot be closed in order; the broker has everything back by then."""
    try:
        await rabbit.stop()
    except Exception as error:  # noqa: BLE001 - an exception group too
        log.info("the connection was not closed in order", error=type(error).__name__)


def _due(message: Any) -> Due[HeldMessage]:
    return Due(HELD, until=message.received_at, limit=_HELD_AT_ONCE, guard=False)


def _end_process_if_failed(task: asyncio.Task[None]) -> None:
    """A part that dies of a bug must not leave the rest looking alive: end, and be started again."""
    if task.cancelled() or (error := task.exception()) is None:
        return
    if isinstance(error, KeyFileError):
        log.critical("cannot start", reason=str(error))
        os._exit(78)
    log.critical("a part of the service has died", part=task.get_name(), **describe(error))
    os._exit(70)


# --- process --------------------------------------------------------------------------------------------------------


class _Application:
    """The process as an ASGI application: uvicorn serves health and docs, and turns signals into start and stop."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._starting: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await self._service.at(scope["path"])(scope, receive, send)
            return
        await receive()
        self._starting = asyncio.create_task(self._service.start(), name="start")
        self._starting.add_done_callback(_end_process_if_failed)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await end([self._starting])
        await self._service.stop()
        await send({"type": "lifespan.shutdown.complete"})


def _refuse(error: KeyFileError | ValidationError) -> NoReturn:
    """End with 78 (EX_CONFIG). Of settings, what is wrong with which is said, and no value."""
    if isinstance(error, ValidationError):
        found = error.errors(include_input=False, include_url=False, include_context=False)
        reason = "; ".join(f"BINAAN_{'.'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in found)
    else:
        reason = str(error)
    log.critical("cannot start", reason=reason)
    sys.exit(78)


def main(build: Callable[[Settings], Service]) -> None:
    """Run a service until SIGTERM or SIGINT. Exits with 78 when its settings or its key file are not usable."""
    try:
        settings = Settings()
    except ValidationError as error:
        logs.configure("binaan", None)
        _refuse(error)
    logs.configure(settings.mongo_database, settings.log_format)
    collect_seldom()

    async def serve() -> None:
        service = build(settings)
        structlog.contextvars.bind_contextvars(service=service.name)
        config = uvicorn.Config(
            _Application(service),
            host=settings.http_host,
            port=settings.http_port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=2,
        )
        await uvicorn.Server(config).serve()

    # uvicorn raises the signal again when it has stopped; by then there is nothing left to interrupt.
    signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve())
    except (KeyFileError, ValidationError) as error:
        _refuse(error)
    except KeyboardInterrupt:
        sys.exit(0)
