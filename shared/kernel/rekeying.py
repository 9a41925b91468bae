"""Bringing what is stored under the keys of today.

The guarantee of this file: at whatever instant it is interrupted, everything opens and is found with the keys that are
held; nothing that the world is told changes; and where nothing is left to bring over, nothing depends on an older key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import structlog

from shared.contracts.envelope import Received
from shared.decision import Decision
from shared.kernel.inbox import Inbox
from shared.kernel.keys import KeyFileError, Keyring
from shared.kernel.outbox import Outbox
from shared.kernel.routes import Run
from shared.kernel.state import Collection, Lookup, Outdated, WorkingSet
from shared.kernel.store import Store

AT_ONCE = 100
"""Documents of one step: a transaction stays short, and others hardly meet it."""

log = structlog.get_logger()


class Rekeying:
    """The worker's step over all that a service keeps, and how much is left."""

    def __init__(self, keyring: Keyring, store: Store, outbox: Outbox, inbox: Inbox) -> None:
        self._keyring, self._store, self._outbox, self._inbox = keyring, store, outbox, inbox
        self._before: dict[str, tuple[str, ...]] = {}
        """What the last step has brought over, by collection."""

    async def check(self) -> None:
        """Raises ``KeyFileError`` when something is stored under a key that the file does not hold."""
        kept = {collection.name: self._store.stamps(collection) for collection in self._store.protected}
        kept |= {"outbox": self._outbox.stamps(), "inbox": self._inbox.stamps()}
        stamps = dict(zip(kept, await asyncio.gather(*kept.values()), strict=True))
        missing = {name: sorted(self._keyring.missing(found)) for name, found in stamps.items()}
        if any(missing.values()):
            names = sorted({key for keys in missing.values() for key in keys})
            where = ", ".join(name for name, keys in missing.items() if keys)
            raise KeyFileError(f"the key file lacks {', '.join(names)}, on which data depends ({where}); put it back")

    async def left(self, **bounds: Any) -> dict[str, int]:
        """How much depends on an older key, by collection. Raises whatever the driver raises."""
        names = [*(collection.name for collection in self._store.protected), "outbox", "inbox"]
        if not self._keyring.rotating:
            return dict.fromkeys(names, 0)
        counts = [self._store.count_outdated(collection, **bounds) for collection in self._store.protected]
        counts += [kept.count_outdated(**bounds) for kept in (self._outbox, self._inbox)]
        return dict(zip(names, await asyncio.gather(*counts), strict=True))

    async def step(self, run: Run) -> bool:
        """Bring some of everything over. True while there is more."""
        if not self._keyring.rotating:
            return False
        done = [await self._collection(run, collection) for collection in self._store.protected]
        done += [await kept.reseal(AT_ONCE) > 0 for kept in (self._outbox, self._inbox)]
        return any(done)

    async def _collection(self, run: Run, collection: Collection[Any]) -> bool:
        """As a change of each that changes nothing: under its version, guarded, and stored as it would be today."""
        lookup = Outdated(collection, AT_ONCE)
        found: list[Any] = []

        def decide(message: Received[Any], state: WorkingSet, _: object) -> Decision:
            found[:] = state.all(lookup)
            if self._before.get(collection.name) == self._ids(collection, found):
                return Decision()
            again = collection.rekeyed
            return Decision(changes=[again(one, message, state) if again else one for one in found])

        def needs(_: object, state: WorkingSet) -> Iterator[Lookup]:
            yield lookup
            for one in () if state.missing([lookup]) else state.all(lookup):
                yield from collection.rekey_needs(one)

        decision = await run(needs, decide)
        self._before[collection.name] = self._ids(collection, found)
        if found and not decision.changes:
            log.error("some documents stay under an older key", collection=collection.name, number=len(found))
            self._before.pop(collection.name)
        return bool(decision.changes)

    @staticmethod
    def _ids(collection: Collection[Any], found: list[Any]) -> tuple[str, ...]:
        return tuple(collection.id_of(one) for one in found)
