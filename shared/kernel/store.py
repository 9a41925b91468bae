"""Aggregates in MongoDB: loaded with one query a collection, written with their version.

The guarantee of this file: a write succeeds only on the version that was read, and relying on something, even on its
absence, makes every transaction that changes it conflict with this one.

A document is ``{_id, v: version, g: guard count, keys, tags, due, s: state, x: sealed part of the state, k: the keys
from outside that it depends on}``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import orjson
from bson import Binary
from pydantic import BaseModel
from pymongo import DeleteOne, InsertOne, ReplaceOne, UpdateOne

from shared.kernel.keys import Keyring
from shared.kernel.mongo import ConflictError, Document, Mongo, together
from shared.kernel.state import AtMost, ById, ByKey, ByTag, Collection, Count, Due, Lookup, Outdated, Page, WorkingSet

_DELETE, _GIVE_UP, _REPLACE, _INSERT = range(4)
"""The order of writes to one collection: what gives up a key comes before what may claim it."""
_BY_TAG = [("tags", 1), ("_id", 1)]
_DUE_BY_TAG = [("tags", 1), ("due", 1)]
_BY_AGE_OF_KEY = [("k", 1)]
_HIDDEN = ["g", "keys", "tags", "due", "k"]
_VISIBLE = dict.fromkeys(_HIDDEN, 0)


class Store:
    """The collections of one service."""

    def __init__(self, mongo: Mongo, keyring: Keyring, collections: Iterable[Collection[Any]]) -> None:
        self._mongo, self._keyring = mongo, keyring
        self._collections = {collection.name: collection for collection in collections}
        self._by_model = {collection.model: collection for collection in self._collections.values()}
        self._guards = mongo.collection("guards")

    async def ensure(self) -> None:
        """Make collections and indexes before the first transaction needs them."""
        for name in self._collections:
            documents = self._mongo.collection(name)
            await documents.create_index("keys", unique=True, sparse=True)
            await documents.create_index(_BY_TAG, sparse=True)
            await documents.create_index("due", sparse=True)
            await documents.create_index(_DUE_BY_TAG, partialFilterExpression={"due": {"$exists": True}})
            if self._collections[name].protected:
                await documents.create_index(_BY_AGE_OF_KEY)
        await self._guards.create_index("_id")  # makes it: made within a transaction, it would lock all others out
        await self._guards.delete_many({})

    def collection_of(self, aggregate: BaseModel) -> Collection[Any]:
        return self._by_model[type(aggregate)]

    # --- loading ---------------------------------------------------------------------------------------------------

    async def load(self, lookups: Iterable[Lookup], working: WorkingSet, versions: Versions, session: Any) -> None:
        """Look up all at once: one query for each collection, one for each page or count, and one for all that is
        bounded."""
        ranges: list[_Range] = []
        counts: list[Count[Any]] = []
        bounded: dict[str, list[AtMost[Any]]] = defaultdict(list)
        inside: dict[str, list[Lookup]] = defaultdict(list)
        beside: dict[str, list[Lookup]] = defaultdict(list)
        for lookup in lookups:
            if isinstance(lookup, Page | Due | Outdated):
                ranges.append(lookup)
            elif isinstance(lookup, AtMost):
                bounded[lookup.collection.name].append(lookup)
            elif isinstance(lookup, Count):
                counts.append(lookup)
            elif lookup.collection.reference and not lookup.guard:
                beside[lookup.collection.name].append(lookup)
            else:
                inside[lookup.collection.name].append(lookup)
        await together(
            self._load_in_turn(ranges, inside.values(), working, versions, session),
            *(self._load_named(group, working, versions, None) for group in beside.values()),
            *(self._load_bounded(group, working, versions) for group in bounded.values()),
            *(self._count(lookup, working) for lookup in counts),
        )

    async def _count(self, lookup: Count[Any], working: WorkingSet) -> None:
        documents = self._mongo.collection(lookup.collection.name)
        working.counted(lookup, await documents.count_documents({"tags": lookup.tag}, hint=_BY_TAG))

    async def _load_in_turn(
        self,
        ranges: Iterable[_Range],
        groups: Iterable[list[Lookup]],
        working: WorkingSet,
        versions: Versions,
        session: Any,
    ) -> None:
        """What a transaction reads, it reads one after the other."""
        for lookup in ranges:
            await self._load_range(lookup, working, versions, session)
        for group in groups:
            await self._load_named(group, working, versions, session)

    async def _load_named(self, group: list[Lookup], working: WorkingSet, versions: Versions, session: Any) -> None:
        collection = group[0].collection
        documents = self._mongo.collection(collection.name).find(_query(group), _VISIBLE, session=session)
        self._take(collection, await documents.to_list(None), working, versions)
        for lookup in group:
            working.loaded(lookup, ())

    async def _load_bounded(self, lookups: list[AtMost[Any]], working: WorkingSet, versions: Versions) -> None:
        """Many bounded sets in one command, each tag read no further than to its own limit. No transaction takes such a
        command; what is written after all is written under the version that was read here."""
        collection = lookups[0].collection
        documents = self._mongo.collection(collection.name)
        first, *others = [
            [{"$match": {"tags": one.tag}}, {"$limit": one.limit}, {"$set": {"n": number}}, {"$unset": _HIDDEN}]
            for number, one in enumerate(lookups)
        ]
        unions = [{"$unionWith": {"coll": collection.name, "pipeline": other}} for other in others]
        cursor = await documents.aggregate([*first, *unions])
        found: list[list[Document]] = [[] for _ in lookups]
        for document in await cursor.to_list(None):
            found[document["n"]].append(document)
        for one, each in zip(lookups, found, strict=True):
            self._take(collection, each, working, versions)
            working.loaded(one, [document["_id"] for document in each])

    async def _load_range(self, lookup: _Range, working: WorkingSet, versions: Versions, session: Any) -> None:
        documents = self._mongo.collection(lookup.collection.name)
        if isinstance(lookup, Page):
            cursor = documents.find({"tags": lookup.tag, "_id": {"$gt": lookup.after}}, _VISIBLE, session=session)
            # By id alone: an index on a list gives no order by it, and all that follows would be read and sorted.
            cursor = cursor.sort("_id", 1).hint(_BY_TAG).limit(lookup.limit)
        elif isinstance(lookup, Outdated):
            cursor = documents.find(self._outdated(), _VISIBLE, session=session)
            cursor = cursor.hint(_BY_AGE_OF_KEY).limit(lookup.limit)
        else:
            tagged = {} if lookup.tag is None else {"tags": lookup.tag}
            cursor = documents.find({**tagged, "due": {"$lte": lookup.until}}, _VISIBLE, session=session)
            cursor = cursor.hint(_DUE_BY_TAG if tagged else [("due", 1)]).sort("due", 1).limit(lookup.limit)
        found = await cursor.to_list(None)
        self._take(lookup.collection, found, working, versions)
        working.loaded(lookup, [document["_id"] for document in found])

    # --- the age of keys -------------------------------------------------------------------------------------------

    @property
    def protected(self) -> list[Collection[Any]]:
        """The collections that depend on keys from outside."""
        return [collection for collection in self._collections.values() if collection.protected]

    async def stamps(self, collection: Collection[Any]) -> list[str]:
        """On which keys documents of a collection depend."""
        found: list[str] = await self._mongo.collection(collection.name).distinct("k", {"k": {"$gt": ""}})
        return found

    async def count_outdated(self, collection: Collection[Any], **bounds: Any) -> int:
        documents = self._mongo.collection(collection.name)
        found: int = await documents.count_documents(self._outdated(), hint=_BY_AGE_OF_KEY, **bounds)
        return found

    def _outdated(self) -> Document:
        return {"k": {"$nin": self._keyring.settled}}

    # --- what is there ---------------------------------------------------------------------------------------------

    async def any_tagged(self, collection: Collection[Any], tag: str) -> bool:
        """Whether there is one now: one look at an index, in no transaction."""
        return await self._mongo.collection(collection.name).find_one({"tags": tag}, {"_id": 1}) is not None

    async def oldest_by_tag(self, collection: Collection[Any], tags: set[str], session: Any) -> dict[str, str]:
        """The lowest id that carries each of these tags."""
        query = {"tags": {"$in": list(tags)}}
        documents = self._mongo.collection(collection.name).find(query, {"tags": 1}, session=session).sort("_id", -1)
        return {tag: one["_id"] for one in await documents.to_list(None) for tag in one["tags"] if tag in tags}

    def _take(
        self, collection: Collection[Any], found: list[Document], working: WorkingSet, versions: Versions
    ) -> None:
        for document in found:
            versions.setdefault((collection.name, document["_id"]), document["v"])
            working.add(collection, self._decode(collection, document))

    def _decode(self, collection: Collection[Any], document: Document) -> BaseModel:
        state = document["s"]
        if "x" in document:
            state = state | orjson.loads(self._keyring.open(document["x"], f"{collection.name}/{document['_id']}"))
        aggregate: BaseModel = collection.model.model_validate(state)
        return aggregate

    # --- writing ---------------------------------------------------------------------------------------------------

    def _encode(self, collection: Collection[Any], aggregate: BaseModel, version: int) -> Document:
        id_, state = collection.id_of(aggregate), aggregate.model_dump(mode="json")
        document: Document = {"_id": id_, "v": version, "g": 0, "s": state}
        if collection.sealed:
            private = {name: state.pop(name) for name in collection.sealed}
            document["x"] = Binary(self._keyring.seal(orjson.dumps(private), f"{collection.name}/{id_}"))
        if keys := list(collection.keys(aggregate)):
            document["keys"] = keys
        if tags := list(collection.tags(aggregate)):
            document["tags"] = tags
        if collection.protected:
            document["k"] = self._keyring.stamp((*keys, *tags) if collection.rekeyed else ())
        if (due := collection.due(aggregate)) is not None:
            document["due"] = due
        return document

    async def write(self, changes: Changes, versions: Versions, session: Any) -> None:
        """Write what changed and guard what was relied on. Raises ``ConflictError`` when a version has moved."""
        writes: dict[str, list[tuple[int, Any]]] = defaultdict(list)
        for name, id_ in changes.relied_on - changes.aggregates.keys():
            guard = UpdateOne({"_id": id_, "v": versions[name, id_]}, {"$inc": {"g": 1}})
            writes[name].append((_REPLACE, guard))
        for (name, id_), aggregate in changes.aggregates.items():
            version = versions.get((name, id_))
            if aggregate is not None or version is not None:  # else it came and went within the batch
                writes[name].append(self._write_one(self._collections[name], id_, aggregate, version, changes))
        for name, ranked in writes.items():
            # In order, so that a key is given up before somebody else claims it.
            operations = [operation for _, operation in sorted(ranked, key=lambda one: one[0])]
            result = await self._mongo.collection(name).bulk_write(operations, ordered=True, session=session)
            if result.inserted_count + result.matched_count + result.deleted_count != len(operations):
                raise ConflictError(name)
        await self._guard(changes.absences | set(self._new_names(changes, versions)), session)

    def _write_one(
        self,
        collection: Collection[Any],
        id_: str,
        aggregate: BaseModel | None,
        version: int | None,
        changes: Changes,
    ) -> tuple[int, Any]:
        if aggregate is None:
            return _DELETE, DeleteOne({"_id": id_, "v": version})
        if version is None:
            return _INSERT, InsertOne(self._encode(collection, aggregate, 1))
        gives_up = changes.keys_before.get((collection.name, id_), frozenset()) - set(collection.keys(aggregate))
        replace = ReplaceOne({"_id": id_, "v": version}, self._encode(collection, aggregate, version + 1))
        return _GIVE_UP if gives_up else _REPLACE, replace

    def _new_names(self, changes: Changes, versions: Versions) -> Iterable[str]:
        """The names under which something can now be found and could not before."""
        for (name, id_), aggregate in changes.aggregates.items():
            if aggregate is None:
                continue
            if (name, id_) not in versions:
                yield f"{name}:id:{id_}"
            before = changes.keys_before.get((name, id_), frozenset())
            for key in self._collections[name].keys(aggregate):
                if key not in before:
                    yield f"{name}:key:{key}"

    async def _guard(self, names: set[str], session: Any) -> None:
        """Whoever relies on there being none, and whoever makes one, both write here: one of the two has to rerun.

        The guards are inserted and deleted in the one transaction: the conflict is in the snapshots, nothing remains.
        """
        if names:
            ordered = sorted(names)
            await self._guards.insert_many([{"_id": name} for name in ordered], ordered=False, session=session)
            await self._guards.delete_many({"_id": {"$in": ordered}}, session=session)


_Range = Page[Any] | Due[Any] | Outdated[Any]

Versions = dict[tuple[str, str], int]
"""(collection, id) → version as read."""


class Changes:
    """What one transaction will write: aggregates (None to delete), what it relied on, and what it found absent."""

    def __init__(self) -> None:
        self.aggregates: dict[tuple[str, str], BaseModel | None] = {}
        self.keys_before: dict[tuple[str, str], frozenset[str]] = {}
        self.relied_on: set[tuple[str, str]] = set()
        self.absences: set[str] = set()

    def __len__(self) -> int:
        return len(self.aggregates) + len(self.relied_on) + len(self.absences)

    def record(self, collection: Collection[Any], aggregate: BaseModel, before: BaseModel | None) -> None:
        """Note a changed aggregate; ``before`` is what stood there, None for a new one."""
        place = (collection.name, collection.id_of(aggregate))
        if place not in self.aggregates and before is not None:
            self.keys_before[place] = frozenset(collection.keys(before))
        self.aggregates[place] = aggregate

    def drop(self, collection: Collection[Any], aggregate: BaseModel) -> None:
        """Note an aggregate to be deleted."""
        self.aggregates[collection.name, collection.id_of(aggregate)] = None

    def rely(self, used: Iterable[Lookup], working: WorkingSet, versions: Versions) -> None:
        """Note what a decision looked at, so that no other decision can change it unseen."""
        for lookup in used:
            if not lookup.guard:
                continue
            found = working.found(lookup)
            name = lookup.collection.name
            self.relied_on |= {(name, id_) for id_ in found if (name, id_) in versions}
            if not found and isinstance(lookup, ById):
                self.absences.add(f"{name}:id:{lookup.id}")
            elif not found and isinstance(lookup, ByKey):
                self.absences.add(f"{name}:key:{lookup.key}")


def _query(lookups: Iterable[Lookup]) -> Document:
    wanted: dict[str, list[str]] = defaultdict(list)
    for lookup in lookups:
        if isinstance(lookup, ById):
            wanted["_id"].append(lookup.id)
        elif isinstance(lookup, ByKey):
            wanted["keys"].append(lookup.key)
        elif isinstance(lookup, ByTag):
            wanted["tags"].append(lookup.tag)
    clauses = [{field: {"$in": values}} for field, values in wanted.items()]
    return clauses[0] if len(clauses) == 1 else {"$or": clauses}
