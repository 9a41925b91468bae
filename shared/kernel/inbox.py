"""Knowing what has been answered.

The guarantee of this file: an intake message, however often it comes and however the process died in between, has one
reply, and every repetition of it within 90 days gets the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bson import Binary
from pymongo import UpdateOne

from shared.kernel.codec import without_answer
from shared.kernel.keys import KeyFileError, Keyring
from shared.kernel.mongo import Document, Mongo

REMEMBERED = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Answered:
    """What was answered before: to which content, and how."""

    digest: bytes
    reply: bytes | None
    """None when it cannot be opened with the keys there are."""
    about: tuple[str, ...] = ()
    """Whose personal data it holds."""


class Inbox:
    """Rows are found by a keyed token of account and id, since an id may be anything; replies are stored sealed."""

    def __init__(self, mongo: Mongo, keyring: Keyring) -> None:
        self._rows, self._keyring = mongo.collection("inbox"), keyring

    async def ensure(self) -> None:
        await self._rows.create_index("at", expireAfterSeconds=int(REMEMBERED.total_seconds()))
        await self._rows.create_index("k")
        await self._rows.create_index("about", sparse=True)

    async def recognise(self, identities: Iterable[bytes]) -> dict[bytes, Answered]:
        """Those that have been answered, by identity, as of now. In no transaction: who answers one in this moment
        collides with whoever answers it again, since both write its row."""
        wanted = [Binary(identity) for identity in identities]
        if not wanted:
            return {}
        rows = await self._rows.find({"_id": {"$in": wanted}}).to_list(None)
        return {bytes(row["_id"]): self._answered(row) for row in rows}

    def _answered(self, row: Document) -> Answered:
        try:
            reply = self._keyring.open(row["reply"], f"inbox/{row['_id'].hex()}")
        except KeyFileError:
            reply = None
        return Answered(bytes(row["digest"]), reply, tuple(row.get("about", ())))

    async def remember(self, answers: dict[bytes, Answered], now: datetime, session: Any) -> None:
        """Written in the transaction that the answers speak of."""
        if answers:
            rows = [
                {
                    "_id": Binary(identity),
                    "digest": Binary(one.digest),
                    "reply": Binary(self._keyring.seal(one.reply or b"", f"inbox/{identity.hex()}")),
                    "at": now,
                    "k": self._keyring.current,
                    **({"about": list(one.about)} if one.about else {}),
                }
                for identity, one in answers.items()
            ]
            await self._rows.insert_many(rows, ordered=False, session=session)

    async def forget(self, persons: Sequence[str], session: Any) -> None:
        """Let the answers that hold these persons' data say only that they were erased, also when asked for again."""
        rows = await self._rows.find({"about": {"$in": list(persons)}}, session=session).to_list(None)
        for row in rows:
            context = f"inbox/{row['_id'].hex()}"
            reply = self._keyring.seal(without_answer(self._keyring.open(row["reply"], context)), context)
            change = {"$set": {"reply": Binary(reply), "k": self._keyring.current}, "$unset": {"about": ""}}
            await self._rows.update_one({"_id": row["_id"]}, change, session=session)

    # --- the age of keys -------------------------------------------------------------------------------------------

    async def stamps(self) -> list[str]:
        """By which keys replies are sealed."""
        found: list[str] = await self._rows.distinct("k", {"k": {"$gt": ""}})
        return found

    async def count_outdated(self, **bounds: Any) -> int:
        found: int = await self._rows.count_documents(self._outdated(), hint="k_1", **bounds)
        return found

    async def reseal(self, limit: int) -> int:
        """Bring some under the key of today; how many there were. A row that is gone or changed meanwhile is left."""
        rows = await self._rows.find(self._outdated()).hint("k_1").limit(limit).to_list(None)
        writes = [UpdateOne({"_id": row["_id"], "reply": row["reply"]}, {"$set": self._resealed(row)}) for row in rows]
        if writes:
            await self._rows.bulk_write(writes, ordered=False)
        return len(rows)

    def _resealed(self, row: Document) -> Document:
        context = f"inbox/{row['_id'].hex()}"
        reply = self._keyring.seal(self._keyring.open(row["reply"], context), context)
        return {"reply": Binary(reply), "k": self._keyring.current}

    def _outdated(self) -> Document:
        return {"k": {"$nin": self._keyring.settled}}
