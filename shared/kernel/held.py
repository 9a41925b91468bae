"""What could not be handled is kept, in order, and tried again.

The guarantee of this file: nothing that was delivered is lost or answered wrongly because of a bug of ours. A message
that fails is held with all that is needed to read it again; later messages about the same thing queue behind it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from shared.contracts.authority import check_administrator
from shared.contracts.common import HeldChange, HeldDiscard, HeldEvent, HeldRequest, HeldRequeue, HeldState
from shared.contracts.envelope import ADMINISTRATOR, MAX_MESSAGE_BYTES, Received
from shared.contracts.problem import Problem
from shared.decision import Decision, Fact, reject
from shared.kernel.codec import Delivery, Reading, new_message_id
from shared.kernel.log import describe
from shared.kernel.routes import Routes
from shared.kernel.state import ById, ByTag, Collection, Lookup, Page, WorkingSet

RETRY_AFTER = (timedelta(seconds=1), timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=5))
"""The waits between tries; after the last one a message is parked for an operator."""

KEPT_BYTES = MAX_MESSAGE_BYTES + 1
"""How much of a body is kept. What is larger is too large a message, and is that still when it is read again."""

Status = Literal["retrying", "parked", "unreadable"]


class SealedDelivery(BaseModel):
    """A delivery as it came, sealed in the database: its body may hold anything."""

    model_config = ConfigDict(frozen=True)

    exchange: str
    routing_key: str
    body: str
    message_id: str | None = None
    content_type: str | None = None
    binary_mode: bool = False


class HeldMessage(BaseModel):
    """One message that waits. ``held_id`` is a UUIDv7, so ids are in the order of arrival.

    ``lanes`` name what the message is about; ``error`` says where it failed, without any of its values.
    """

    model_config = ConfigDict(frozen=True)

    held_id: str
    state: Status
    account: str | None
    type: str | None
    identity: str
    digest: str | None = None
    lanes: tuple[str, ...] = ()
    attempts: int = 0
    due: datetime | None = None
    since: datetime
    reasons: tuple[str, ...] = ()
    error: dict[str, Any] | None = None
    sequence: int = 0
    delivery: SealedDelivery

    def reopened(self) -> Delivery:
        """The delivery, to be read and decided on again, with the account that the broker vouched for."""
        kept = self.delivery
        return Delivery(
            exchange=kept.exchange,
            routing_key=kept.routing_key,
            body=base64.b64decode(kept.body),
            account=self.account,
            message_id=kept.message_id,
            content_type=kept.content_type,
            binary_mode=kept.binary_mode,
        )


HELD = Collection(
    name="held",
    model=HeldMessage,
    id_of=lambda held: held.held_id,
    keys=lambda held: [f"seen:{held.identity}"],
    tags=lambda held: ["all", f"state:{held.state}", *(f"lane:{lane}" for lane in held.lanes)],
    due=lambda held: held.due,
    sealed=frozenset({"delivery"}),
)


def hold(reading: Reading, lanes: Iterable[str], error: BaseException | None, now: datetime) -> HeldMessage:
    """A message to keep: behind others (no error yet), because it failed, or because it cannot be read."""
    delivery = reading.delivery
    return HeldMessage(
        held_id=new_message_id(),
        state="unreadable" if reading.keep else "retrying",
        account=delivery.account,
        type=reading.type.name if reading.type else None,
        identity=reading.identity.hex(),
        digest=reading.digest.hex(),
        lanes=tuple(sorted(lanes)),
        attempts=1 if error else 0,
        due=None if reading.keep else now + RETRY_AFTER[0],
        since=now,
        reasons=tuple(one.code for one in reading.problems),
        error=describe(error) if error else None,
        delivery=SealedDelivery(
            exchange=delivery.exchange,
            routing_key=delivery.routing_key,
            body=base64.b64encode(delivery.body[:KEPT_BYTES]).decode(),
            message_id=delivery.message_id,
            content_type=delivery.content_type,
            binary_mode=delivery.binary_mode,
        ),
    )


def unreadable_still(held: HeldMessage, reading: Reading) -> HeldMessage:
    """Tried again, and not readable (any more): it is kept, and no clock looks at it again."""
    reasons = tuple(one.code for one in reading.problems)
    return held.model_copy(
        update={"state": "unreadable", "due": None, "attempts": held.attempts + 1, "reasons": reasons}
    )


def readable_now(held: HeldMessage, reading: Reading, lanes: Iterable[str]) -> HeldMessage:
    """What was kept as unreadable is from now on known as the message that it is."""
    return held.model_copy(
        update={
            "type": reading.type.name if reading.type else None,
            "identity": reading.identity.hex(),
            "digest": reading.digest.hex(),
            "lanes": tuple(sorted(lanes)),
            "reasons": (),
        }
    )


def failed_again(held: HeldMessage, error: BaseException, now: datetime) -> HeldMessage:
    """Wait longer than last time; give up for an operator when all waits are used."""
    update: dict[str, Any] = {"attempts": held.attempts + 1, "error": describe(error)}
    if held.attempts >= len(RETRY_AFTER):
        return held.model_copy(update={**update, "state": "parked", "due": None})
    return held.model_copy(update={**update, "due": now + RETRY_AFTER[held.attempts]})


def still_behind(held: HeldMessage, now: datetime) -> HeldMessage:
    """Something older about the same thing is not done yet; the longer that lasts, the more seldom it is tried."""
    pause = min(max((now - held.since) / 4, RETRY_AFTER[0]), RETRY_AFTER[-1])
    return held.model_copy(update={"due": now + pause})


def discarded() -> Problem:
    """What the sender of a message is told when an operator has given it up."""
    return Problem(
        code="held.discarded",
        text_id="Pesan ini tidak dapat diproses dan telah dihapus oleh operator; kirim lagi dengan id baru.",
        text_en="This message could not be handled and an operator has discarded it; send it again with a new id.",
    )


# --- what an operator asks and decides (the same in every service) ----------------------------------------------------


def register(routes: Routes, service: str) -> None:
    """Add the routes ``<service>.held.request|requeue|discard``, for the administrator only."""

    def page(message: Received[HeldRequest]) -> Page[HeldMessage]:
        wanted = message.data
        tag = f"state:{wanted.state}" if wanted.state else "all"
        return Page(HELD, tag, after=wanted.after or "", limit=wanted.limit, guard=False)

    def request_needs(message: Received[HeldRequest], _: WorkingSet) -> Iterable[Lookup]:
        return [ById(HELD, message.data.held_id, guard=False) if message.data.held_id else page(message)]

    @routes.on(f"{service}.held.request", request_needs)
    def request(message: Received[HeldRequest], state: WorkingSet, _: datetime) -> Decision:
        if problems := check_administrator(message.account, ADMINISTRATOR):
            return reject(*problems)
        if message.data.held_id:
            held = state.get(ById(HELD, message.data.held_id, guard=False))
            return Decision(answer={"held": [_described(held)]}) if held else reject(_unknown())
        found = state.all(page(message))
        following = found[-1].held_id if len(found) == message.data.limit else None
        return Decision(answer={"held": [_described(held) for held in found]}, next=following)

    def one_needs(message: Received[HeldRequeue | HeldDiscard], _: WorkingSet) -> Iterable[Lookup]:
        return [ById(HELD, message.data.held_id)]

    @routes.on(f"{service}.held.requeue", one_needs)
    def requeue(message: Received[HeldRequeue], state: WorkingSet, now: datetime) -> Decision:
        if problems := check_administrator(message.account, ADMINISTRATOR):
            return reject(*problems)
        held = state.get(ById(HELD, message.data.held_id))
        if held is None:
            return reject(_unknown())
        again = held.model_copy(
            update={"state": "retrying", "due": now, "attempts": 0, "sequence": held.sequence + 1, "error": None}
        )
        fact = _fact(f"{service}.held.requeued", again, message.data.reason)
        result = {"held_id": held.held_id, "sequence": again.sequence, "outcome": "requeued"}
        return Decision(changes=[again], facts=[fact], result=result)

    @routes.on(f"{service}.held.discard", one_needs)
    def discard(message: Received[HeldDiscard], state: WorkingSet, _: datetime) -> Decision:
        if problems := check_administrator(message.account, ADMINISTRATOR):
            return reject(*problems)
        held = state.get(ById(HELD, message.data.held_id))
        if held is None:
            return reject(_unknown())
        last = held.model_copy(update={"sequence": held.sequence + 1})
        fact = _fact(f"{service}.held.discarded", last, message.data.reason)
        result = {"held_id": held.held_id, "sequence": last.sequence, "outcome": "discarded"}
        return Decision(removals=[held], facts=[fact], result=result)


def about(collection: Collection[Any], id_: str) -> ByTag[HeldMessage]:
    """The held messages about one thing. They are looked up in no lane: who asks does not wait behind them."""
    return ByTag(HELD, f"lane:{collection.name}:{id_}")


def given_up(service: str, held: HeldMessage, reason: str) -> Fact:
    """What is told of a held message that a decision removes; its sender has its reply besides."""
    return _fact(f"{service}.held.discarded", held.model_copy(update={"sequence": held.sequence + 1}), reason)


def _fact(kind: str, held: HeldMessage, reason: str | None) -> Fact:
    state = HeldState(held_id=held.held_id, state=held.state, account=held.account or "")
    return Fact(kind, held.held_id, "00", held.sequence, HeldEvent(held=state, change=HeldChange(reason=reason)))


def _described(held: HeldMessage) -> Mapping[str, Any]:
    """All but the message itself: whoever may see that has other means."""
    return held.model_dump(mode="json", exclude={"delivery", "identity", "lanes", "sequence"})


def _unknown() -> Problem:
    return Problem(
        code="held.not_found",
        field="data.held_id",
        text_id="Pesan tertahan dengan nomor ini tidak ada (mungkin sudah selesai diproses).",
        text_en="There is no held message with this id; it may have been handled by now.",
    )
