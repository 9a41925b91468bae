"""How much waits in the database.

The guarantee of this file: looking costs little however much there is. Each question walks an index, up to a bound.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass
from typing import Any, get_args

from shared.kernel.held import HELD, Status
from shared.kernel.mongo import Document, Mongo
from shared.kernel.rekeying import Rekeying

COUNT_AT_MOST = 100_000
"""Where more waits than that, the exact number changes nothing for whoever is woken."""
_LOOK_MILLISECONDS = 1500


@dataclass(frozen=True, slots=True)
class Depth:
    """What was found at one look."""

    entries: int
    oldest_seconds: float
    held: dict[str, float]
    outdated: dict[str, float]
    """By collection, what depends on an older key."""


class Depths:
    """Asks the outbox, the held messages and the age of the keys of one service."""

    def __init__(self, mongo: Mongo, rekeying: Rekeying) -> None:
        self._rekeying = rekeying
        self._outbox = mongo.collection("outbox", relaxed=True)  # what the majority has seen lags behind the deletes
        self._held = mongo.collection(HELD.name, relaxed=True)

    async def look(self) -> Depth:
        """All at once. Raises whatever the driver raises."""
        states = get_args(Status)
        (entries, oldest, *held), outdated = await asyncio.gather(
            asyncio.gather(
                _count(self._outbox, {"_id": {"$gt": ""}}, "_id_"),
                self._oldest_seconds(),
                *(_count(self._held, {"tags": f"state:{state}"}, [("tags", 1), ("_id", 1)]) for state in states),
            ),
            self._rekeying.left(limit=COUNT_AT_MOST, maxTimeMS=_LOOK_MILLISECONDS),
        )
        by_state = dict(zip(states, map(float, held), strict=True))
        return Depth(int(entries), oldest, by_state, {name: float(number) for name, number in outdated.items()})

    async def _oldest_seconds(self) -> float:
        """Ids of entries are made in the order of time and hold it. A repeated reply has the id of its first time, so
        it says nothing of how long it has waited here and is passed by."""
        found = self._outbox.find({"again": None}, {"_id": 1}).sort("_id", 1).limit(1).max_time_ms(_LOOK_MILLISECONDS)
        first = await found.to_list(1)
        return _age(first[0]["_id"]) if first else 0.0


async def _count(documents: Any, query: Document, index: Any) -> int:
    found: int = await documents.count_documents(query, hint=index, limit=COUNT_AT_MOST, maxTimeMS=_LOOK_MILLISECONDS)
    return found


def _age(id_: str) -> float:
    """Seconds since a UUIDv7 was made."""
    return max(0.0, time.time() - (uuid.UUID(id_).int >> 80) / 1000)
