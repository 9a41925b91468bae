"""What notify keeps, and how it is looked up.

The rule for guards: what lets a message go on is looked at again before it is sent, so it needs none; what holds a
message back must be guarded, because nobody would look again if it changed in that moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from services.notify.audience import OPEN, Business, Eligibility, Programme
from services.notify.contact import SEALED, Contact, reach
from services.notify.message import UNSETTLED, Message
from services.notify.receipt import Stray
from shared.agencies import AGENCIES
from shared.contracts.envelope import Received, Token
from shared.kernel.state import ById, ByTag, Collection, Lookup, WorkingSet

S = TypeVar("S", bound=BaseModel)

SENDING = "sending"
UNCERTAIN = "uncertain"


def lane(channel: str | None, priority: str | None) -> str:
    """The tag of what waits to go by a channel; of what has no way yet without one. Campaigns, of tens of thousands,
    wait in lanes of their own, so that nothing urgent stands behind them."""
    return f"lane:{channel}:{priority}" if channel else "lane:none"


def _message_tags(message: Message) -> Iterator[str]:
    if message.state in UNSETTLED:
        yield f"owner:{message.owner_id}"
    if message.state == "queued":
        yield lane(message.via, message.priority)
    if message.state == "sending":
        yield SENDING
    if message.state == "uncertain":
        yield UNCERTAIN
        yield from (f"{UNCERTAIN}:{message.region[:size]}" for size in (2, 5))  # its province, its kab/kota


def _with_line_of_today(contact: Contact, message: Received[Any], _: WorkingSet) -> Contact:
    line = line_of(message.token, contact.phone) if contact.phone else None
    return contact.model_copy(update={"line": line})


CONTACTS: Collection[Contact] = Collection(
    name="contacts",
    model=Contact,
    id_of=lambda one: one.owner_id,
    tags=lambda one: (f"line:{one.line}",) if one.line else (),
    sealed=SEALED,
    rekeyed=_with_line_of_today,
)
BUSINESSES: Collection[Business] = Collection(name="businesses", model=Business, id_of=lambda one: one.business_id)
PROGRAMMES: Collection[Programme] = Collection(
    name="programmes",
    model=Programme,
    id_of=lambda one: one.programme_id,
    tags=lambda one: (f"agency:{one.agency}",) if one.status == OPEN else (),
    due=lambda one: one.review_at,
)
ELIGIBILITIES: Collection[Eligibility] = Collection(
    name="eligibilities",
    model=Eligibility,
    id_of=lambda one: one.eligibility_id,
    tags=lambda one: (f"of:{one.beneficiary_id}", f"prog:{one.programme_id}"),
)
MESSAGES: Collection[Message] = Collection(
    name="messages", model=Message, id_of=lambda one: one.message_id, tags=_message_tags, due=lambda one: one.due_at
)
STRAYS: Collection[Stray] = Collection(
    name="strays", model=Stray, id_of=lambda one: one.stray_id, tags=lambda one: ("all",)
)
COLLECTIONS = (CONTACTS, BUSINESSES, PROGRAMMES, ELIGIBILITIES, MESSAGES, STRAYS, AGENCIES)


@dataclass(frozen=True, slots=True)
class Rechecked(Generic[S]):
    """Something that is looked at again before a message is sent: guarded only where it does not let it go on."""

    collection: Collection[S]
    lets_go_on: Callable[[S], bool]

    def needs(self, state: WorkingSet, id_: str) -> Iterator[Lookup]:
        free = ById(self.collection, id_, guard=False)
        yield free
        if not state.missing([free]) and not self._is_enough(state.get(free)):
            yield ById(self.collection, id_)

    def get(self, state: WorkingSet, id_: str) -> S | None:
        found = state.get(ById(self.collection, id_, guard=False))
        return found if self._is_enough(found) else state.get(ById(self.collection, id_))

    def _is_enough(self, found: S | None) -> bool:
        return found is not None and self.lets_go_on(found)


CONTACT: Rechecked[Contact] = Rechecked(CONTACTS, lambda one: bool(reach(one).channels))
PROGRAMME: Rechecked[Programme] = Rechecked(PROGRAMMES, lambda one: one.inviting)
AGENCY = Rechecked(AGENCIES, lambda _: True)


def eligibilities_of(business_id: str) -> ByTag[Eligibility]:
    """One business, every programme that was ever checked for it."""
    return ByTag(ELIGIBILITIES, f"of:{business_id}")


def messages_to(owner_id: str) -> ByTag[Message]:
    """Those to one owner that are not settled yet."""
    return ByTag(MESSAGES, f"owner:{owner_id}")


def programmes_of(agency: str) -> ByTag[Programme]:
    """The open programmes of an agency."""
    return ByTag(PROGRAMMES, f"agency:{agency}")


def line_of(token: Token, number: str) -> str:
    """The keyed token of a number in E.164, by which contacts are found without keeping the number in the open."""
    return token("line", number)


def contacts_at(message: Received[Any], number: str) -> list[ByTag[Contact]]:
    """All owners who can be reached at a number (many families share one phone), under today's key and older ones."""
    return [ByTag(CONTACTS, f"line:{line}") for line in message.tokens("line", number)]
