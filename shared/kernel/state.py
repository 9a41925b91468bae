"""What a service keeps: collections of aggregates, the lookups a decision may ask for, and the set it works on.

The guarantee of this file: a decision sees the database as the decisions before it in the batch have left it, and
everything it relied on is known, so that the unit of work can guard it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar, cast

from pydantic import BaseModel

from shared.contracts.envelope import Received

S = TypeVar("S", bound=BaseModel)


def _nothing(_: Any) -> Iterable[str]:
    return ()


def _never(_: Any) -> datetime | None:
    return None


@dataclass(frozen=True, slots=True, eq=False)
class Collection(Generic[S]):
    """Aggregates of one kind. ``model`` belongs to one collection of a service only.

    ``keys`` are claims that no other aggregate of the collection may hold (a unique index); ``tags`` are names that
    many may share; ``due`` is the instant (aware) at which a clock must look at the aggregate again. The fields in
    ``sealed`` are stored together as one encrypted blob.

    ``reference``: looked at by nearly every decision and changed by few. Without a guard it is looked up as it is now,
    beside the transaction, and so not in its snapshot; whoever changes it does so under the version that was read.

    ``rekeyed``: where ``keys`` or ``tags`` hold keyed tokens, the aggregate with those of today (``Received.token``);
    ``rekey_needs`` is what it looks at.
    """

    name: str
    model: type[S]
    id_of: Callable[[S], str]
    keys: Callable[[S], Iterable[str]] = _nothing
    tags: Callable[[S], Iterable[str]] = _nothing
    due: Callable[[S], datetime | None] = _never
    sealed: frozenset[str] = frozenset()
    reference: bool = False
    rekeyed: Callable[[S, Received[Any], WorkingSet], S] | None = None
    rekey_needs: Callable[[S], Iterable[Lookup]] = lambda _: ()

    @property
    def protected(self) -> bool:
        """Whether what is stored depends on keys from outside the database."""
        return bool(self.sealed) or self.rekeyed is not None


@dataclass(frozen=True, slots=True)
class ById(Generic[S]):
    """The aggregate with this id. ``guard=False`` is for reference data read by everyone (an agency): a decision
    that relies on it is in order as of its snapshot, and guarding it would make every writer wait for every other."""

    collection: Collection[S]
    id: str
    guard: bool = True


@dataclass(frozen=True, slots=True)
class ByKey(Generic[S]):
    """The aggregate that claims this key, or the certainty that none does."""

    collection: Collection[S]
    key: str
    guard: bool = True


@dataclass(frozen=True, slots=True)
class ByTag(Generic[S]):
    """All aggregates that carry this tag: only where they are few. Those found are guarded; one that is given the tag
    meanwhile is not seen (docs/decisions/0002)."""

    collection: Collection[S]
    tag: str
    guard: bool = True


@dataclass(frozen=True, slots=True)
class Page(Generic[S]):
    """The next aggregates with this tag, by id: how a large set is worked through in steps."""

    collection: Collection[S]
    tag: str
    after: str = ""
    limit: int = 500
    guard: bool = True


@dataclass(frozen=True, slots=True)
class AtMost(Generic[S]):
    """So many of the aggregates with this tag, in no order: which they are, or that they are too many to look at.
    As they are now, beside the transaction, and never guarded."""

    collection: Collection[S]
    tag: str
    limit: int
    guard: bool = field(default=False, init=False)


@dataclass(frozen=True, slots=True)
class Count(Generic[S]):
    """How many aggregates carry this tag, none of them loaded: a figure to show. As it is now, beside the transaction,
    and never guarded."""

    collection: Collection[S]
    tag: str
    guard: bool = field(default=False, init=False)


@dataclass(frozen=True, slots=True)
class Due(Generic[S]):
    """The aggregates whose time has come, the oldest first; with a ``tag``, of those that carry it."""

    collection: Collection[S]
    until: datetime
    limit: int = 200
    guard: bool = True
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Outdated(Generic[S]):
    """Aggregates that are stored under an older key than today's."""

    collection: Collection[S]
    limit: int = 100
    guard: bool = True


One = ById[S] | ByKey[S]
Many = ByTag[S] | Page[S] | AtMost[S] | Due[S] | Outdated[S]
Lookup = ById[Any] | ByKey[Any] | ByTag[Any] | Page[Any] | AtMost[Any] | Count[Any] | Due[Any] | Outdated[Any]


class NotLoadedError(LookupError):
    """A decision asked for something that was not loaded for it. The unit of work loads again and decides again."""


@dataclass(slots=True)
class WorkingSet:
    """The aggregates of one batch, as loaded and as changed so far."""

    _aggregates: dict[tuple[str, str], BaseModel] = field(default_factory=dict)
    _ids_by_key: dict[tuple[str, str], str] = field(default_factory=dict)
    _ids_by_tag: dict[tuple[str, str], dict[str, None]] = field(default_factory=dict)
    _found: dict[Lookup, tuple[str, ...]] = field(default_factory=dict)
    _counts: dict[Lookup, int] = field(default_factory=dict)
    used: set[Lookup] = field(default_factory=set)

    def get(self, lookup: ById[S] | ByKey[S]) -> S | None:
        """The one aggregate asked for, or None. Raises ``NotLoadedError`` when nobody has looked."""
        found: list[S] = list(self._resolve(lookup))
        return found[0] if found else None

    def all(self, lookup: Many[S]) -> list[S]:
        """All aggregates asked for. Raises ``NotLoadedError`` when nobody has looked."""
        return list(self._resolve(lookup))

    def count(self, lookup: Count[Any]) -> int:
        """How many there are. Raises ``NotLoadedError`` when nobody has looked."""
        if lookup not in self._counts:
            raise NotLoadedError(lookup.collection.name)
        return self._counts[lookup]

    def _resolve(self, lookup: Any) -> Iterator[Any]:
        self.used.add(lookup)
        known = self.found(lookup)
        # One aggregate may be in the set for another reason; many are complete only when they were asked for.
        if lookup not in self._found and not (known and isinstance(lookup, ById | ByKey)):
            raise NotLoadedError(lookup.collection.name)
        for id_ in known:
            yield self._aggregates[lookup.collection.name, id_]

    def of(self, collection: Collection[S]) -> list[S]:
        """All of a collection that are in the set, for whatever reason."""
        return [cast(S, one) for (name, _), one in self._aggregates.items() if name == collection.name]

    def found(self, lookup: Lookup) -> Sequence[str]:
        """The ids that a lookup stands for, as far as this set knows."""
        name = lookup.collection.name
        if isinstance(lookup, ById):
            return (lookup.id,) if (name, lookup.id) in self._aggregates else ()
        if isinstance(lookup, ByKey):
            holder = self._ids_by_key.get((name, lookup.key))
            return (holder,) if holder is not None else ()
        if isinstance(lookup, ByTag):
            return tuple(self._ids_by_tag.get((name, lookup.tag), ()))
        return self._found.get(lookup, ())

    def missing(self, lookups: Iterable[Lookup]) -> set[Lookup]:
        """Those of ``lookups`` that have not been looked up yet."""
        return {lookup for lookup in lookups if lookup not in self._found}

    def loaded(self, lookup: Lookup, ids: Iterable[str]) -> None:
        """Remember what a lookup found; the aggregates themselves come by ``add``."""
        self._found[lookup] = tuple(ids)

    def counted(self, lookup: Count[Any], number: int) -> None:
        """Remember how many there are."""
        self._found[lookup], self._counts[lookup] = (), number

    def add(self, collection: Collection[Any], aggregate: BaseModel) -> None:
        """Take in an aggregate as it stands in the database, unless the batch already has it."""
        if (collection.name, collection.id_of(aggregate)) not in self._aggregates:
            self._index(collection, aggregate)

    def put(self, collection: Collection[Any], aggregate: BaseModel) -> BaseModel | None:
        """Take in a changed aggregate; what stood there before is given back."""
        before = self._aggregates.get((collection.name, collection.id_of(aggregate)))
        if before is not None:
            self._unindex(collection, before)
        self._index(collection, aggregate)
        return before

    def remove(self, collection: Collection[Any], aggregate: BaseModel) -> None:
        """Take an aggregate out of the set."""
        self._unindex(collection, aggregate)
        self._aggregates.pop((collection.name, collection.id_of(aggregate)), None)

    def draft(self) -> WorkingSet:
        """The same set, to decide several things in turn within one decision: what is put there stays there, and what
        is looked at counts as looked at here."""
        return WorkingSet(
            dict(self._aggregates),
            dict(self._ids_by_key),
            {tag: dict(ids) for tag, ids in self._ids_by_tag.items()},
            self._found,
            self._counts,
            self.used,
        )

    def _index(self, collection: Collection[Any], aggregate: BaseModel) -> None:
        name, id_ = collection.name, collection.id_of(aggregate)
        self._aggregates[name, id_] = aggregate
        for key in collection.keys(aggregate):
            self._ids_by_key[name, key] = id_
        for tag in collection.tags(aggregate):
            self._ids_by_tag.setdefault((name, tag), {})[id_] = None

    def _unindex(self, collection: Collection[Any], aggregate: BaseModel) -> None:
        name, id_ = collection.name, collection.id_of(aggregate)
        for key in collection.keys(aggregate):
            if self._ids_by_key.get((name, key)) == id_:
                del self._ids_by_key[name, key]
        for tag in collection.tags(aggregate):
            self._ids_by_tag.get((name, tag), {}).pop(id_, None)
