"""What notify keeps, and how it is looked up.

The rule for guards: what lets a message go on is looked at again before it is sent, so it needs none; what holds a
message back must be guarded, because nobody would look again if it changed in that moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from services.notify.audience import OPEN, Business, Eligibility, Programme
from services.notify.contact import SEALED, Contact, reach
from services.notify.message import UNSETTLED, Message
from shared.agencies import AGENCIES
from shared.kernel.state import ById, ByTag, Collection, Lookup, WorkingSet

S = TypeVar("S", bound=BaseModel)

SENDING = "sending"


def _message_tags(message: Message) -> Iterator[str]:
    if message.state in UNSETTLED:
        yield f"owner:{message.owner_id}"
    if message.state == "sending":
        yield SENDING


CONTACTS: Collection[Contact] = Collection(
    name="contacts", model=Contact, id_of=lambda one: one.owner_id, sealed=SEALED
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
COLLECTIONS = (CONTACTS, BUSINESSES, PROGRAMMES, ELIGIBILITIES, MESSAGES, AGENCIES)


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


CONTACT: Rechecked[Contact] = Rechecked(CONTACTS, lambda one: reach(one).channel is not None)
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
