"""What must be true when all is quiet again, whatever has broken: the books, each with the promise it checks.

``balance`` returns what is wrong, in words, so that a run can say all of it at once.
"""

from __future__ import annotations

import json
import re
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aio_pika
import orjson
from pymongo import AsyncMongoClient

from deploy.local.world import World
from shared.contracts.envelope import EVENTS
from shared.kernel.keys import Keyring
from tests.end_to_end.stage import in_queue
from tests.faults.crew import SERVICES, Crew
from tests.faults.load import IN_WORDS, Agency, Load, leaves, owner_of
from tests.samples import MEDAN
from tests.support import History, Json, Seen, until

_WORK_QUEUES = (
    "registry.intake",
    "aid.intake",
    "aid.events",
    "notify.intake",
    "notify.events",
    "notify.contacts",
    f"{MEDAN}.replies",
)
_NOT_STATE = {"sequence", "recorded_on", "status_since", "seen", "claims", "tokens", "place", "compared"}
"""What a quiet run may have otherwise: counts, instants, and tokens, which its own key makes, with what names them."""
_OTHERS = ("possible_duplicates", "distinct_from", "absorbed")
"""Where a business names others by their ids."""

Tables = dict[str, dict[str, list[Json]]]


@dataclass
class Books:
    """What one run has left behind."""

    world: World
    root: Path
    agency: Agency
    load: Load
    tables: Tables
    """service → collection → documents, sealed parts opened."""
    history: History
    logs: str

    @property
    def told(self) -> list[Json]:
        spool = self.root / "spool.jsonl"
        return [json.loads(line) for line in spool.read_text().splitlines()] if spool.exists() else []


async def rest(crew: Crew, seconds: float = 180) -> None:
    """Until nothing moves any more: no queue holds anything, no outbox, no worker has anything left to do."""
    await until(lambda: _is_quiet(crew), seconds, "quiet after the faults")


async def _is_quiet(crew: Crew) -> bool:
    for _ in range(2):  # what has left one place may not have reached the next when that was looked at
        if not crew.idle or await in_queue(crew.world, *_WORK_QUEUES) or await _unfinished(crew.world):
            return False
    return True


async def _unfinished(world: World) -> bool:
    async with _client(world) as client:
        for name in world.databases.values():
            if await client[name]["outbox"].find_one():
                return True
        registry, aid = client[world.databases["registry"]], client[world.databases["aid"]]
        notify = client[world.databases["notify"]]
        waiting = {"s.state": {"$in": ["queued", "sending", "sent"]}}
        due = {"due": {"$exists": True}}
        return bool(
            await registry["businesses"].find_one({"s.comparing": {"$ne": None}})
            or await registry["owners"].find_one({"s.moving": {"$ne": None}})
            or await aid["assessments"].find_one(due)
            or await aid["businesses"].find_one(due)
            or await aid["cooperatives"].find_one(due)
            or await notify["messages"].find_one(waiting)
            or any([await client[name]["held"].find_one({"s.state": "retrying"}) for name in world.databases.values()])
        )


class _ToTheEnd(History):
    """The history up to a marker that is put behind all there is: what comes last counts too."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.marker = str(uuid.uuid4())
        self.ended = False

    async def mark(self) -> None:
        """No service's queue is bound to its key."""
        body = orjson.dumps({"id": self.marker})
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        exchange = await self._channel.get_exchange(EVENTS, ensure=False)
        await exchange.publish(message, "test.marker.00")

    def take(self, seen: Seen) -> None:
        self.ended = self.ended or seen.body["id"] == self.marker
        if not self.ended:
            super().take(seen)


async def opened(crew: Crew, agency: Agency, load: Load) -> Books:
    """The books of a run that rests."""
    tables = await _tables(crew.world, crew.root)
    wanted = sum(document["s"].get("sequence", 0) for _, _, document in _public(tables))
    async with _ToTheEnd(crew.world) as history:
        await history.mark()
        await until(lambda: history.ended, 60 + wanted / 500, "the end of the history")
    return Books(crew.world, crew.root, agency, load, tables, history, crew.logs())


def _client(world: World) -> AsyncMongoClient[Json]:
    return AsyncMongoClient(world.mongo_url)


async def _tables(world: World, root: Path) -> Tables:
    found: Tables = {service: {} for service in SERVICES}
    async with _client(world) as client:
        for service, database in world.databases.items():
            keyring = Keyring.load(root / f"{service}.keys.json")
            for name in await client[database].list_collection_names():
                documents = await client[database][name].find({}).to_list(None)
                found[service][name] = [_opened(keyring, name, document) for document in documents]
    return found


def _opened(keyring: Keyring, collection: str, document: Json) -> Json:
    if "x" in document:
        plain = orjson.loads(keyring.open(document["x"], f"{collection}/{document['_id']}"))
        return {**document, "opened": plain}
    if collection == "inbox":
        return {**document, "opened": keyring.open(document["reply"], f"inbox/{document['_id'].hex()}")}
    return document


def _public(tables: Tables) -> Iterator[tuple[str, str, Json]]:
    """Everything whose every change has its public event: service, collection, document."""
    for service, collections in (
        ("registry", ("businesses",)),
        ("aid", ("programmes", "eligibilities")),
        ("notify", ("messages",)),
    ):
        for collection in collections:
            for document in tables[service].get(collection, ()):
                yield service, collection, document


# --- the checks -------------------------------------------------------------------------------------------------------


def balance(books: Books, quiet: Books | None = None) -> list[str]:
    """What is wrong. With the books of a quiet run of the same messages, also where the state differs from its; without
    them it is a quiet run itself, in which a subject's events come in order."""
    wrong = [
        *_replies(books),
        *_inbox(books),
        *_history(books),
        *_copies(books),
        *_left_over(books),
        *_told(books),
        *_personal(books),
    ]
    return [*wrong, *(_differences(books, quiet) if quiet else _disorder(books))]


def _replies(books: Books) -> Iterator[str]:
    """One reply to each message, of equal bytes however often it comes."""
    for id_ in books.load.sent:
        different = len(set(books.agency.replies[id_]))
        if different != 1:
            yield f"{id_} has {different} different replies"


def _inbox(books: Books) -> Iterator[str]:
    """What was answered is remembered with the very bytes that were sent, once for each message."""
    stored = Counter(
        one["opened"] for service in SERVICES for one in books.tables[service].get("inbox", ()) if one["opened"]
    )
    for id_ in books.load.sent:
        for reply in set(books.agency.replies[id_]):
            if stored[reply] != 1:
                yield f"the inbox has the reply to {id_} {stored[reply]} times"


def _history(books: Books) -> Iterator[str]:
    """Every committed event at least once and always with the same id, no gap in a sequence, ending in the state."""
    ids: dict[tuple[str, int], set[str]] = defaultdict(set)
    for event in books.history.events:
        ids[event["subject"], int(event["sequence"])].add(event["id"])
    for (subject, sequence), found in ids.items():
        if len(found) != 1:
            yield f"{subject} has {len(found)} events with sequence {sequence}"
    last = Counter(subject for subject, _ in ids)
    for service, collection, document in _public(books.tables):
        sequence = document["s"].get("sequence", 0)
        missing = [n for n in range(1, sequence + 1) if (document["_id"], n) not in ids]
        if missing or last[document["_id"]] != sequence:
            known = last[document["_id"]]
            yield f"{service}.{collection}/{document['_id']} counts {sequence}, history {known}, missing {missing[:5]}"


def _disorder(books: Books) -> Iterator[str]:
    """In normal running a subject's events arrive in the order of their sequence (contract, "Events carry state")."""
    last: dict[str, int] = defaultdict(int)
    for event in books.history.events:
        subject, sequence = event["subject"], int(event["sequence"])
        if sequence > last[subject] + 1:
            yield f"{subject}: sequence {sequence} came after {last[subject]}"
        last[subject] = max(last[subject], sequence)


def _copies(books: Books) -> Iterator[str]:
    """aid and notify have every business, and notify every owner, as the register has it."""
    businesses = {one["_id"]: one["s"]["sequence"] for one in books.tables["registry"]["businesses"]}
    for service in ("aid", "notify"):
        copies = {one["_id"]: one["s"]["sequence"] for one in books.tables[service].get("businesses", ())}
        if copies != businesses:
            apart = [id_ for id_ in {*copies, *businesses} if copies.get(id_) != businesses.get(id_)]
            yield f"{len(apart)} businesses are otherwise in {service}, e.g. {apart[:2]}"
    owners = {one["_id"]: one["s"]["sequence"] for one in books.tables["registry"]["owners"]}
    contacts = {one["_id"]: one["s"]["sequence"] for one in books.tables["notify"].get("contacts", ())}
    if owners != contacts:
        yield f"notify has {len(contacts)} contacts of {len(owners)} owners, or others"


def _left_over(books: Books) -> Iterator[str]:
    """Nothing waits in an outbox, nothing is held, nobody has written a guard that stayed."""
    for service, tables in books.tables.items():
        for name in ("outbox", "held", "guards"):
            if tables.get(name):
                yield f"{len(tables[name])} left in {service}.{name}"


def _told(books: Books) -> Iterator[str]:
    """Nobody is written to twice, and nobody is left out."""
    counts = Counter(one["message_id"] for one in books.told)
    yield from (f"message {id_} was sent {count} times" for id_, count in counts.items() if count > 1)
    sent = {one["_id"] for one in books.tables["notify"].get("messages", ()) if one["s"]["state"] == "delivered"}
    if sent != set(counts):
        yield f"{len(sent)} messages are called delivered, {len(counts)} were sent"


def _personal(books: Books) -> Iterator[str]:
    """No NIK, phone number, name or address in an event, a log or a document that is not sealed."""
    places = {
        "the history": "\n".join(json.dumps(one) for one in books.history.events),
        "a log": books.logs,
        "a database in the clear": "\n".join(
            repr({name: value for name, value in one.items() if name != "opened"})
            for tables in books.tables.values()
            for documents in tables.values()
            for one in documents
        ),
    }
    numbers = {number for n in range(1, books.load.businesses + 1) for number in owner_of(n).numbers}
    for place, text in places.items():
        # All runs of digits: to look for each number in the whole text would take hours.
        found = numbers & set(re.findall(r"[0-9]{9,}", text))
        if found or any(words in text for words in IN_WORDS):
            yield f"personal data in {place}: {len(found)} numbers, or a name or an address"


# --- against a quiet run ----------------------------------------------------------------------------------------------


def _differences(books: Books, quiet: Books) -> Iterator[str]:
    """The same messages must end in the same state; ids, instants and sequences aside."""
    ours, theirs = _state(books), _state(quiet)
    for table in {*ours, *theirs}:
        here, there = ours.get(table, {}), theirs.get(table, {})
        apart = sorted(key for key in {*here, *there} if here.get(key) != there.get(key))
        if apart:
            example = _apart(here.get(apart[0]), there.get(apart[0]))
            yield f"{table}: {len(apart)} otherwise than in a quiet run, e.g. {apart[0]}: {example}"


def _apart(here: object, there: object) -> str:
    if isinstance(here, dict) and isinstance(there, dict):
        names = {name for name in {*here, *there} if here.get(name) != there.get(name)}
        return str({name: (here.get(name), there.get(name)) for name in names})
    return f"{here} instead of {there}"


def _state(books: Books) -> dict[str, Json]:
    """What is kept, by names that do not depend on ids."""
    businesses = {one["_id"]: one["s"]["name"] for one in books.tables["registry"]["businesses"]}
    programmes = {one["_id"]: one["s"] for one in books.tables["aid"].get("programmes", ())}
    return {
        "businesses": {
            one["s"]["name"]: _plain({**one["s"], **one["opened"], **_named(one["s"], businesses)})
            for one in books.tables["registry"]["businesses"]
        },
        "owners": {one["opened"]["nik"]: _plain(one["opened"]) for one in books.tables["registry"]["owners"]},
        "programmes": {one["name"]: _plain(one) for one in programmes.values()},
        "verdicts": {
            f"{programmes[one['programme_id']]['name']}/{businesses.get(one['beneficiary_id'])}": one["verdict"]
            for one in (document["s"] for document in books.tables["aid"].get("eligibilities", ()))
            if programmes[one["programme_id"]]["status"] == "open"
        },
        "told": _addressees(books),
    }


def _named(state: Json, businesses: Json) -> Json:
    return {name: sorted(businesses[id_] for id_ in state.get(name) or ()) for name in _OTHERS}


def _plain(state: Json) -> Json:
    """Without ids, instants and what counts them."""
    return {
        name: value
        for name, value in state.items()
        if name not in _NOT_STATE and not name.endswith(("_id", "token", "_at"))
    }


def _addressees(books: Books) -> Json:
    """How often each number was written to; not those whose eligibility came and went, who were told or not."""
    uncertain = {owner_of(n).phone for n in range(1, books.load.businesses + 1) if leaves(n)}
    return dict(Counter(one["to"] for one in books.told if one["to"] not in uncertain))
