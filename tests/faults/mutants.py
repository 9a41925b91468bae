"""The kernel, or the sender of notify, without one of its guarantees. A fault test that does not notice proves nothing.

Each takes one guard or one step of the outbox away, in the process that calls it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

from shared.kernel.codec import Outgoing
from shared.kernel.consumer import Consumer
from shared.kernel.inbox import Inbox
from shared.kernel.outbox import Outbox, Relay
from shared.kernel.store import Changes, Store


async def _nothing(*_: Any, **__: Any) -> None:
    return None


async def _never(*_: Any, **__: Any) -> bool:
    return False


def no_inbox() -> None:
    """What was answered is not remembered."""
    Inbox.remember = _nothing  # type: ignore[method-assign]


def no_outbox() -> None:
    """Events and replies are published, and not written down with the state they tell of."""
    Outbox.insert = _nothing  # type: ignore[method-assign]


def no_sweeper() -> None:
    """What a crash has left in the outbox stays there."""
    Relay.sweep = _never  # type: ignore[method-assign]


def no_guards() -> None:
    """What a decision has only looked at may be changed by another one in the same moment."""
    Changes.rely = lambda *_: None  # type: ignore[method-assign]
    Store._guard = _nothing  # type: ignore[method-assign]


def acknowledged_first() -> None:
    """A delivery is acknowledged before what comes of it is committed."""
    process = Consumer._process

    async def hasty(self: Consumer, items: Sequence[Any]) -> None:
        await self._batcher.settle(self._inflight)
        await process(self, items)

    Consumer._process = hasty  # type: ignore[method-assign]


def deleted_first() -> None:
    """An entry of the outbox is forgotten before the broker has confirmed it."""
    publish = Relay._publish

    async def hasty(self: Relay, outgoing: Sequence[Outgoing], *, relaxed: bool = True) -> int:
        await self._outbox.delete([one.id for one in outgoing], relaxed=relaxed)
        return await publish(self, outgoing, relaxed=relaxed)

    Relay._publish = hasty  # type: ignore[method-assign]


def outbox_apart() -> None:
    """The outbox is written beside the transaction, not in it."""
    insert = Outbox.insert

    async def apart(self: Outbox, outgoing: Sequence[Outgoing], session: Any) -> None:
        await insert(self, outgoing, None)

    Outbox.insert = apart  # type: ignore[method-assign]


async def _none(*_: Any, **__: Any) -> list[Any]:
    return []


def others_overtaken() -> None:
    """What another process has committed before and not sent is left to the sweeper."""
    Outbox.left_by_others = _none  # type: ignore[method-assign]


def no_doubt() -> None:
    """A commit without an answer is taken for none."""
    Outbox.doubt = lambda self: None  # type: ignore[method-assign]


def sent_again() -> None:
    """What a crash has left half sent goes back to the queue, as if the provider had never seen it."""
    vendors = importlib.import_module("services.notify.vendors")
    vendors.HttpProvider.ask = _none


MUTANTS: dict[str, Callable[[], None]] = {
    one.__name__: one
    for one in (
        no_inbox,
        no_outbox,
        no_sweeper,
        no_guards,
        acknowledged_first,
        deleted_first,
        outbox_apart,
        others_overtaken,
        no_doubt,
        sent_again,
    )
}
