"""One process at a time.

The guarantee of this file: of all replicas of a service at most one holds the lease, by the clock of the database
server alone; a holder that has died, or hangs, is replaced when its time is over.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from pymongo.errors import DuplicateKeyError

from shared.kernel.mongo import Mongo

LEASE_SECONDS = 10


class Lease:
    """A named lease of ``LEASE_SECONDS``; ask again well before it is over."""

    def __init__(self, mongo: Mongo, name: str, holder: str) -> None:
        self._leases, self._name, self._holder = mongo.collection("leases"), name, holder

    async def ensure(self) -> None:
        """Make the lease, long over, if there is none: an upsert may not ask the server for its clock."""
        with suppress(DuplicateKeyError):
            await self._leases.insert_one({"_id": self._name, "holder": None, "until": datetime.fromtimestamp(0, UTC)})

    async def acquire(self) -> bool:
        """Take or keep it. False while somebody else has it."""
        until = {"$add": ["$$NOW", LEASE_SECONDS * 1000]}
        # One that ends far later than a new one would was given before the clock was set back. Only far later: what
        # had to wait for another replica's request still has the instant at which it began itself.
        absurd = {"$add": ["$$NOW", 10 * LEASE_SECONDS * 1000]}
        over = [{"$lt": ["$until", "$$NOW"]}, {"$gt": ["$until", absurd]}]
        free_or_mine = {"$or": [*over, {"$eq": ["$holder", self._holder]}]}
        found = await self._leases.find_one_and_update(
            {"_id": self._name, "$expr": free_or_mine}, [{"$set": {"holder": self._holder, "until": until}}]
        )
        return found is not None

    async def release(self) -> None:
        """Let the next one take it at once."""
        over = {"$set": {"until": datetime.fromtimestamp(0, UTC)}}
        await self._leases.update_one({"_id": self._name, "holder": self._holder}, over)
