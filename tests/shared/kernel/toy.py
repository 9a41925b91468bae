"""A small domain of the tests' own, and the kernel's parts put together around it on a real database.

Accounts that transfer to one another (no transfer may get lost), duties that somebody must keep (no two decisions may
each rely on what the other changes), members with a name that is theirs alone, and things that hold whatever they are
given. Its message types stand in the catalogue only while these tests run.
"""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any, Literal, cast

import orjson
from pydantic import BaseModel, ConfigDict

from shared.contracts import catalogue
from shared.contracts.catalogue import Kind, MessageType
from shared.contracts.envelope import CONTENT_TYPE, EVENTS, INTAKE, REPLIES, Received
from shared.contracts.fields import Payload, Public, Published
from shared.contracts.problem import Problem
from shared.decision import Decision, Fact, reject
from shared.kernel import held as holding
from shared.kernel.codec import Codec, Delivery, Outgoing
from shared.kernel.held import HELD, HeldMessage
from shared.kernel.inbox import Inbox
from shared.kernel.keys import Keyring
from shared.kernel.mongo import Mongo
from shared.kernel.outbox import Outbox
from shared.kernel.rekeying import Rekeying
from shared.kernel.routes import Routes
from shared.kernel.state import ById, ByKey, ByTag, Collection, Due, Lookup, WorkingSet
from shared.kernel.store import Store
from shared.kernel.unit_of_work import Item, UnitOfWork

Driver = Literal["pymongo", "motor"]
DRIVERS: tuple[Driver, ...] = ("pymongo", "motor")
USUAL: Driver = "motor" if os.environ.get("BINAAN_MONGO_DRIVER") == "motor" else "pymongo"
"""What replicas use where a test asks for neither: the same as services do."""
NOW = datetime.now(UTC).replace(microsecond=0)
"""Not of a day long past: by its own clock MongoDB would forget what was answered then, in the middle of a test."""
DATABASE = f"toy_{secrets.token_hex(6)}"
SERVICE, MEDAN, ADMINISTRATOR = "toy", "dinkop-medan", "binaan"


# --- what is kept -----------------------------------------------------------------------------------------------------


class State(BaseModel):
    model_config = ConfigDict(frozen=True)


class Account(State):
    account_id: str
    balance: int
    sequence: int = 1


class Duty(State):
    """Somebody of a ward is on duty or not; the rule is that somebody always is."""

    duty_id: str
    on: bool


class Member(State):
    member_id: str
    name: str
    circle: str = "everybody"


class Thing(State):
    """Holds whatever it is given, also what a database cannot store; ``secret`` is sealed."""

    thing_id: str
    value: Any = None
    times: int = 1
    secret: str | None = None
    due: datetime | None = None


ACCOUNTS = Collection(name="accounts", model=Account, id_of=lambda one: one.account_id)
DUTIES = Collection(name="duties", model=Duty, id_of=lambda one: one.duty_id)
MEMBERS = Collection(
    name="members",
    model=Member,
    id_of=lambda one: one.member_id,
    keys=lambda one: (f"name:{one.name}",),
    tags=lambda one: (f"circle:{one.circle}",),
)
THINGS = Collection(
    name="things",
    model=Thing,
    id_of=lambda one: one.thing_id,
    due=lambda one: one.due,
    sealed=frozenset({"secret"}),
)
COLLECTIONS: tuple[Collection[Any], ...] = (ACCOUNTS, DUTIES, MEMBERS, THINGS)


# --- what is said -----------------------------------------------------------------------------------------------------


class OpenAccount(Payload):
    account_id: Public[str]
    balance: Public[int] = 0
    unless: Public[str | None] = None
    """Another account that must not be there."""


class Transfer(Payload):
    source: Public[str]
    target: Public[str]
    amount: Public[int]


class LeaveDuty(Payload):
    leaving: Public[str]
    staying: Public[str]


class Join(Payload):
    name: Public[str]
    unless: Public[str | None] = None
    """Another name that must not be taken."""


class Rename(Payload):
    member_id: Public[str]
    name: Public[str]


class Leave(Payload):
    member_id: Public[str]


class PutThing(Payload):
    thing_id: Public[str]
    value: Public[Any] = None
    how: Public[Literal["well", "raising", "raising in needs", "unasked", "huge", "beyond 64 bits", "untold"]] = "well"
    secret: Public[str | None] = None


class AccountState(Published):
    account_id: Public[str]
    balance: Public[int]


class AccountEvent(Published):
    account: Public[AccountState]


def _intake(key: str, model: type[BaseModel], *, observed: bool = False) -> MessageType:
    return MessageType(key=f"toy.{key}", kind=Kind.INTAKE, model=model, summary="-", observed=observed)


TYPES = (
    _intake("account.open", OpenAccount),
    _intake("transfer.make", Transfer),
    _intake("duty.leave", LeaveDuty),
    _intake("member.join", Join),
    _intake("member.rename", Rename),
    _intake("member.leave", Leave),
    _intake("thing.put", PutThing),
    _intake("thing.report", PutThing, observed=True),
    _intake("nobody.knows", PutThing),
    MessageType(key="toy.account.changed", kind=Kind.EVENT, model=AccountEvent, summary="-"),
    *catalogue._of_every_service(SERVICE),
)


@contextmanager
def in_catalogue() -> Iterator[None]:
    """Make the toy's types known for as long as the context lasts."""
    by_key = cast(dict[str, MessageType], catalogue.TYPES)
    by_name = cast(dict[str, MessageType], catalogue.BY_NAME)
    for one in TYPES:
        by_key[one.key], by_name[one.name] = one, one
    try:
        yield
    finally:
        for one in TYPES:
            del by_key[one.key], by_name[one.name]


# --- what is decided --------------------------------------------------------------------------------------------------


class BugError(Exception):
    """Our own fault. Its text repeats the value that it met, as errors do."""


class Behaviour:
    """The routes, and what a test wants to know of them or change while they run."""

    def __init__(self) -> None:
        self.routes = Routes()
        self.broken: set[str] = set()
        """Things whose decision raises until they are taken out."""
        self.repaired = False
        """Whether what a message asks to fail at does so no more."""
        self.ids_made: list[str] = []
        self.decided: Counter[str] = Counter()
        """Intake id → how many times it was decided on."""
        self._register()
        holding.register(self.routes, SERVICE)

    def _register(self) -> None:
        on = self.routes.on
        on("toy.account.open", _open_needs)(self._open)
        on("toy.account.changed", _copy_needs)(self._copy)
        on("toy.transfer.make", _transfer_needs)(self._transfer)
        on("toy.duty.leave", _duty_needs)(_leave_duty)
        on("toy.member.join", _join_needs)(_join)
        on("toy.member.rename", _rename_needs)(_rename)
        on("toy.member.leave", _leave_needs)(_leave)
        on("toy.thing.put", self._thing_needs)(self._put)
        on("toy.thing.report", self._thing_needs)(self._put)

    def _open(self, message: Received[OpenAccount], state: WorkingSet, _: datetime) -> Decision:
        data = message.data
        self.decided[message.id] += 1
        self.ids_made.append(message.new_id("account"))
        if state.get(ById(ACCOUNTS, data.account_id)) is not None:
            return reject(refusal("account.exists"))
        if data.unless is not None and state.get(ById(ACCOUNTS, data.unless)) is not None:
            return reject(refusal("account.unless"))
        account = Account(account_id=data.account_id, balance=data.balance)
        return Decision(changes=[account], facts=[changed(account)], result={"outcome": "created"})

    def _transfer(self, message: Received[Transfer], state: WorkingSet, _: datetime) -> Decision:
        data = message.data
        self.decided[message.id] += 1
        source, target = state.get(ById(ACCOUNTS, data.source)), state.get(ById(ACCOUNTS, data.target))
        if source is None or target is None:
            return reject(refusal("account.unknown"))
        if source.balance < data.amount:
            return reject(refusal("account.too_little"))
        changes = [_moved(source, -data.amount), _moved(target, data.amount)]
        return Decision(changes=changes, facts=[changed(one) for one in changes], result={"outcome": "transferred"})

    def _copy(self, message: Received[AccountEvent], state: WorkingSet, _: datetime) -> Decision:
        told = message.data.account
        self.decided[message.id] += 1
        if told.account_id in self.broken:
            raise BugError(told)
        known = state.get(ById(THINGS, told.account_id))
        return Decision(changes=[_next(known, told.account_id, told.balance)])

    def _thing_needs(self, message: Received[PutThing], _: WorkingSet) -> Iterable[Lookup]:
        if message.data.how == "raising in needs" and not self.repaired:
            raise BugError(message.data)
        yield ById(THINGS, message.data.thing_id)

    def _put(self, message: Received[PutThing], state: WorkingSet, _: datetime) -> Decision:
        data = message.data
        self.decided[message.id] += 1
        if data.how == "raising" or data.thing_id in self.broken:
            raise BugError(data)
        if data.how == "unasked":
            state.get(ById(THINGS, f"beside {data.thing_id}"))
        value = {"huge": "x" * 17_000_000, "beyond 64 bits": 2**64}.get(data.how, data.value)
        thing = _next(state.get(ById(THINGS, data.thing_id)), data.thing_id, value, data.secret)
        facts = [Fact("toy.no.such_event", "-", "00", 1, thing)] if data.how == "untold" else []
        return Decision(changes=[thing], facts=facts, result={"thing_id": thing.thing_id, "times": thing.times})


def refusal(code: str) -> Problem:
    return Problem(code=code, text_id="-", text_en="-")


def changed(account: Account) -> Fact:
    told = AccountState(account_id=account.account_id, balance=account.balance)
    return Fact("toy.account.changed", account.account_id, "12.71", account.sequence, AccountEvent(account=told))


def _moved(account: Account, amount: int) -> Account:
    return account.model_copy(update={"balance": account.balance + amount, "sequence": account.sequence + 1})


def _next(known: Thing | None, thing_id: str, value: Any, secret: str | None = None) -> Thing:
    return Thing(thing_id=thing_id, value=value, times=known.times + 1 if known else 1, secret=secret)


def _open_needs(message: Received[OpenAccount], _: WorkingSet) -> Iterable[Lookup]:
    yield ById(ACCOUNTS, message.data.account_id)
    if message.data.unless is not None:
        yield ById(ACCOUNTS, message.data.unless)


def _copy_needs(message: Received[AccountEvent], _: WorkingSet) -> Iterable[Lookup]:
    yield ById(THINGS, message.data.account.account_id)


def _transfer_needs(message: Received[Transfer], _: WorkingSet) -> Iterable[Lookup]:
    yield ById(ACCOUNTS, message.data.source)
    yield ById(ACCOUNTS, message.data.target)


def _duty_needs(message: Received[LeaveDuty], _: WorkingSet) -> Iterable[Lookup]:
    yield ById(DUTIES, message.data.leaving)
    yield ById(DUTIES, message.data.staying)


def _leave_duty(message: Received[LeaveDuty], state: WorkingSet, _: datetime) -> Decision:
    staying = state.get(ById(DUTIES, message.data.staying))
    if staying is None or not staying.on:
        return reject(refusal("duty.nobody_left"))
    return Decision(changes=[Duty(duty_id=message.data.leaving, on=False)], result={"outcome": "left"})


def _join_needs(message: Received[Join], _: WorkingSet) -> Iterable[Lookup]:
    yield ByKey(MEMBERS, f"name:{message.data.name}")
    if message.data.unless is not None:
        yield ByKey(MEMBERS, f"name:{message.data.unless}")


def _join(message: Received[Join], state: WorkingSet, _: datetime) -> Decision:
    wanted, unless = message.data.name, message.data.unless
    if state.get(ByKey(MEMBERS, f"name:{wanted}")) is not None:
        return reject(refusal("name.taken"))
    if unless is not None and state.get(ByKey(MEMBERS, f"name:{unless}")) is not None:
        return reject(refusal("name.unless"))
    member = Member(member_id=message.new_id("member"), name=wanted)
    return Decision(changes=[member], result={"member_id": member.member_id, "outcome": "joined"})


def _rename_needs(message: Received[Rename], _: WorkingSet) -> Iterable[Lookup]:
    yield ById(MEMBERS, message.data.member_id)
    yield ByKey(MEMBERS, f"name:{message.data.name}")


def _rename(message: Received[Rename], state: WorkingSet, _: datetime) -> Decision:
    member = state.get(ById(MEMBERS, message.data.member_id))
    if member is None or state.get(ByKey(MEMBERS, f"name:{message.data.name}")) is not None:
        return reject(refusal("name.taken"))
    return Decision(changes=[member.model_copy(update={"name": message.data.name})], result={"outcome": "renamed"})


def _leave_needs(message: Received[Leave], _: WorkingSet) -> Iterable[Lookup]:
    yield ById(MEMBERS, message.data.member_id)


def _leave(message: Received[Leave], state: WorkingSet, _: datetime) -> Decision:
    member = state.get(ById(MEMBERS, message.data.member_id))
    return Decision(removals=[member]) if member else reject(refusal("member.unknown"))


# --- how it is said ---------------------------------------------------------------------------------------------------


def envelope(key: str, data: Any, id_: str, account: str = MEDAN, **attributes: Any) -> dict[str, Any]:
    about = {"specversion": "1.0", "id": id_, "source": f"/agency/{account}", "type": f"id.binaan.{key}.v1"}
    return {**about, "data": data, **attributes}


def delivery(key: str, data: Any, id_: str, account: str | None = MEDAN, **attributes: Any) -> Delivery:
    """An intake message as the broker hands it over."""
    body = orjson.dumps(envelope(key, data, id_, account or MEDAN, **attributes))
    return Delivery(INTAKE, key, body, account, f"amqp-{id_}", CONTENT_TYPE)


def event(account_id: str, balance: int, sequence: int, id_: str) -> Delivery:
    """``toy.account.changed`` as another process of ours has published it."""
    data = {"account": {"account_id": account_id, "balance": balance}}
    attributes = {
        "source": "/binaan/toy",
        "time": "2026-03-02T09:30:00Z",
        "subject": account_id,
        "sequence": f"{sequence:020d}",
        "correlationid": id_,
        "causationid": id_,
    }
    body = orjson.dumps(envelope("toy.account.changed", data, id_, **attributes))
    return Delivery(EVENTS, "toy.account.changed.12.71", body, "toy", id_, CONTENT_TYPE)


def transfer(source: str, target: str, amount: int, id_: str) -> Delivery:
    return delivery("toy.transfer.make", {"source": source, "target": target, "amount": amount}, id_)


def put(thing_id: str, id_: str, how: str = "well", **more: Any) -> Delivery:
    return delivery("toy.thing.put", {"thing_id": thing_id, "how": how, **more}, id_)


def replies(outgoing: Sequence[Outgoing]) -> dict[str | None, list[bytes]]:
    """The bytes of the replies, by the intake message they answer."""
    found: dict[str | None, list[bytes]] = {}
    for one in outgoing:
        if one.exchange == REPLIES:
            found.setdefault(orjson.loads(one.body)["data"]["intake_id"], []).append(one.body)
    return found


def verdict(body: bytes) -> tuple[str, Any]:
    """``accepted`` with the result, ``rejected`` with the codes, ``answered`` with the answer."""
    reply = orjson.loads(body)
    verb, data = reply["type"].rsplit(".", 2)[1], reply["data"]
    return verb, [one["code"] for one in data["problems"]] if verb == "rejected" else data.get("result", data)


def verdicts(outgoing: Sequence[Outgoing]) -> dict[str | None, tuple[str, Any]]:
    return {id_: verdict(bodies[0]) for id_, bodies in replies(outgoing).items()}


# --- the kernel around it ---------------------------------------------------------------------------------------------


class CountingUnitOfWork(UnitOfWork):
    """Knows how many transactions it took."""

    attempts = 0

    async def _attempt(self, items: Sequence[Item], broken: Exception | None) -> tuple[int, list[Outgoing]]:
        self.attempts += 1
        return await super()._attempt(items, broken)


class Toy:
    """One replica: the kernel's parts on one database. Replicas of one database share their keyring."""

    def __init__(
        self,
        url: str,
        database: str,
        driver: Driver = USUAL,
        keyring: Keyring | None = None,
        store: type[Store] = Store,
        writer: str = "toy@test/1",
    ) -> None:
        self.url, self.database, self.behaviour = url, database, Behaviour()
        self.keyring = keyring or Keyring("k1", {"k1": secrets.token_bytes(32)})
        self.mongo = Mongo(url, database, driver)
        self.codec = Codec(SERVICE, self.keyring)
        self.store = store(self.mongo, self.keyring, [*COLLECTIONS, HELD])
        self.outbox = Outbox(self.mongo, self.keyring, writer)
        self.inbox = Inbox(self.mongo, self.keyring)
        self.rekeying = Rekeying(self.keyring, self.store, self.outbox, self.inbox)
        self.unit_of_work = CountingUnitOfWork(
            self.mongo, self.keyring, self.store, self.outbox, self.inbox, self.codec, self.behaviour.routes
        )

    async def ensure(self) -> None:
        for part in (self.store, self.outbox, self.inbox):
            await part.ensure()

    def items(self, deliveries: Iterable[Delivery], now: datetime = NOW) -> list[Item]:
        return [Item(self.codec.read(one, now)) for one in deliveries]

    async def process(self, *deliveries: Delivery, now: datetime = NOW) -> list[Outgoing]:
        """One batch, as the consumer hands it over."""
        return await self.unit_of_work.process(self.items(deliveries, now))

    async def ask(self, key: str, data: Any, id_: str, account: str = MEDAN, now: datetime = NOW) -> tuple[str, Any]:
        """One message by itself; its verdict."""
        return verdicts(await self.process(delivery(key, data, id_, account), now=now))[id_]

    async def retry(self, now: datetime) -> list[Outgoing]:
        """Try again what is due, the oldest first, as the worker of the service does."""
        outgoing: list[Outgoing] = []
        for message in sorted(await self.held(due=now), key=lambda one: one.held_id):
            item = Item(self.codec.read(message.reopened(), now), message.held_id)
            outgoing += await self.unit_of_work.process([item])
        return outgoing

    # --- looking -----------------------------------------------------------------------------------------------------

    async def held(self, due: datetime | None = None) -> list[HeldMessage]:
        """What is held, in the order of arrival; with ``due`` only what is to be tried again by then."""
        lookup: Due[HeldMessage] | ByTag[HeldMessage] = Due(HELD, until=due) if due else ByTag(HELD, "all")
        async with self.mongo.transaction() as session:
            working = WorkingSet()
            await self.store.load([lookup], working, {}, session)
        return sorted(working.all(lookup), key=lambda one: one.held_id)

    async def get(self, lookup: ById[Any] | ByKey[Any]) -> Any:
        async with self.mongo.transaction() as session:
            working = WorkingSet()
            await self.store.load([lookup], working, {}, session)
        return working.get(lookup)

    async def thing(self, thing_id: str) -> Thing | None:
        return cast(Thing | None, await self.get(ById(THINGS, thing_id)))

    async def balances(self) -> dict[str, int]:
        return {one["_id"]: one["s"]["balance"] for one in await self.raw("accounts")}

    async def raw(self, collection: str) -> list[dict[str, Any]]:
        """The documents as they are stored; also what no majority has seen yet."""
        found: list[dict[str, Any]] = await self.mongo.client[self.database][collection].find({}).to_list(None)
        return found

    async def count(self, collection: str) -> int:
        return len(await self.raw(collection))

    async def put_states(self, *states: State) -> None:
        """Lay the table, without a message."""
        collection = self.store.collection_of(states[0])
        documents = [self.store._encode(collection, state, 1) for state in states]
        await self.mongo.collection(collection.name).insert_many(documents)


@asynccontextmanager
async def toys(
    url: str, number: int = 1, driver: Driver = USUAL, store: type[Store] = Store
) -> AsyncIterator[list[Toy]]:
    """Replicas on an empty database that nobody else uses meanwhile.

    The database is made once in a process, since making its indexes takes longer than most tests.
    """
    keyring = Keyring("k1", {"k1": secrets.token_bytes(32)})
    made = [Toy(url, DATABASE, driver, keyring, store, f"toy@test/{one}") for one in range(number)]
    try:
        await made[0].ensure()
        for name in await made[0].mongo.client[DATABASE].list_collection_names():
            await made[0].mongo.collection(name).delete_many({})
        yield made
    finally:
        for one in made:
            await one.mongo.close()
