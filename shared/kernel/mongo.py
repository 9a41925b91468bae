"""The database driver behind one door: PyMongo's asynchronous client by default, Motor on request.

The guarantee of this file: a transaction is committed or it never was, and an error is one of three things: the
database is gone (wait), somebody else was faster (again), or it is our own fault (find the message).
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal

from pymongo import AsyncMongoClient, ReadPreference
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    PyMongoError,
    WaitQueueTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

Document = dict[str, Any]
_DUPLICATE_KEY = 11000
_UNKNOWN_COMMIT = "UnknownTransactionCommitResult"
_TRANSIENT = "TransientTransactionError"
_COMMIT_ATTEMPTS = 5


class ConflictError(Exception):
    """Somebody else has changed what this transaction relied on: load and decide again."""


def is_gone(error: BaseException) -> bool:
    """The database cannot be reached (or not yet again); nothing is wrong with the message."""
    return isinstance(error, ConnectionFailure | ExecutionTimeout | WaitQueueTimeoutError)


def is_unknown(error: BaseException) -> bool:
    """The server has not said whether it has committed."""
    return isinstance(error, PyMongoError) and error.has_error_label(_UNKNOWN_COMMIT)


def is_locked(error: BaseException) -> bool:
    """Another transaction is in the way, or has been since this one began."""
    return isinstance(error, PyMongoError) and error.has_error_label(_TRANSIENT) and not is_gone(error)


def is_taken(error: BaseException) -> bool:
    """A version has moved, or a unique key has been filled by another decision in the meantime."""
    if isinstance(error, BulkWriteError):
        return any(one.get("code") == _DUPLICATE_KEY for one in (error.details or {}).get("writeErrors", ()))
    return isinstance(error, ConflictError | DuplicateKeyError)


async def together(*work: Awaitable[Any]) -> list[Any]:
    """All at once; the first error only after all have ended, so that nobody still uses a session that is given up."""
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


class Mongo:
    """One service's own database. ``collection`` gives majority reads and writes."""

    def __init__(self, url: str, database: str, driver: Literal["pymongo", "motor"] = "pymongo") -> None:
        options: dict[str, Any] = {
            "serverSelectionTimeoutMS": 3000,
            "connectTimeoutMS": 3000,
            "socketTimeoutMS": 30_000,  # a paused server must not hold a batch for ever
            "tz_aware": True,
            "appname": database,
        }
        self.client: Any
        if driver == "motor":
            from motor.motor_asyncio import AsyncIOMotorClient  # noqa: PLC0415 - only who asks for Motor loads it

            self.client = AsyncIOMotorClient(url, **options)
        else:
            self.client = AsyncMongoClient(url, **options)
        self._database = self.client.get_database(
            database, write_concern=WriteConcern("majority"), read_concern=ReadConcern("majority")
        )

    def collection(self, name: str, *, relaxed: bool = False) -> Any:
        """``relaxed`` writes to and reads from one member only: for what may safely happen twice."""
        if relaxed:
            return self._database.get_collection(name, write_concern=WriteConcern(1), read_concern=ReadConcern("local"))
        return self._database.get_collection(name)

    async def ping(self) -> None:
        """Raises when no primary answers."""
        await self._database.command("ping", read_preference=ReadPreference.PRIMARY)

    async def close(self) -> None:
        closing = self.client.close()
        if inspect.isawaitable(closing):
            await closing

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """Everything done with the session given happens at once, or not at all. One snapshot for all its reads."""
        session = self.client.start_session()
        if inspect.isawaitable(session):
            session = await session
        try:
            started = session.start_transaction(
                read_concern=ReadConcern("snapshot"), write_concern=WriteConcern("majority")
            )
            if inspect.isawaitable(started):
                await started
            try:
                yield session
            except BaseException:
                await _abort(session)
                raise
            await _commit(session)
        finally:
            await session.end_session()


async def _abort(session: Any) -> None:
    # If this fails the server aborts by itself; the error that brought us here is the one to tell.
    with suppress(PyMongoError):
        await asyncio.shield(session.abort_transaction())


async def _commit(session: Any) -> None:
    """A commit may be asked for again as long as its outcome is unknown; the server knows whether it was done."""
    for attempt in range(_COMMIT_ATTEMPTS):
        try:
            await session.commit_transaction()
        except PyMongoError as error:
            if not error.has_error_label(_UNKNOWN_COMMIT) or attempt == _COMMIT_ATTEMPTS - 1:
                raise
            await asyncio.sleep(0.1 * (attempt + 1))
        else:
            return
