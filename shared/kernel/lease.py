"""One process at a time.

The guarantee of this file: of all replicas of a service at most one holds the lease, by the clock of the database
server alone; a holder that has died, or hangs, is replaced when its time is over.
"""

from __future__ import annotations

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from shared.kernel.mongo import Mongo

LEASE_SECONDS = 10


class Lease:
    """A named lease of ``LEASE_SECONDS``; ask again well before it is over."""

    def __init__(self, mongo: Mongo, name: str, holder: str) -> None:
        self._leases, self._name, self._holder = mongo.collection("leases"), name, holder

    async def acquire(self) -> bool:
        """Take or keep it. False while somebody else has it."""
        free_or_mine = {"$or": [{"$lt": ["$until", "$$NOW"]}, {"$eq": ["$holder", self._holder]}]}
        until = {"$add": ["$$NOW", LEASE_SECONDS * 1000]}
        try:
            found = await self._leases.find_one_and_update(
                {"_id": self._name, "$expr": free_or_mine},
                [{"$set": {"holder": self._holder, "until": until}}],
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        except DuplicateKeyError:
            return False
        return bool(found["holder"] == self._holder)

    async def release(self) -> None:
        """Let the next one take it at once."""
        await self._leases.delete_one({"_id": self._name, "holder": self._holder})
