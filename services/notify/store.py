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
from services.notify.cooperative import AT_WORK, Cooperative
from services.notify.message import PUBLIC_STATES, UNSETTLED, Message
from services.notify.policy import policy_on
from services.notify.receipt import Stray
from shared.agencies import AGENCIES
from shared.contracts.envelope import Received, Token
from shared.kernel.state import ById, ByTag, Collection, Count, Lookup, WorkingSet

S = TypeVar("S", bound=BaseModel)

SENDING = "sending"
UNCERTAIN = "uncertain"


def lane(channel: str | None, priority: str | None) -> str:
    """The tag of what waits to go by a channel; of what has no way yet without one. Campaigns, of tens of thousands,
    wait in lanes of their own, so that nothing urgent stands behind them."""
    return f"lane:{channel}:{priority}" if channel else "lane:none"


def campaign(matter_id: str, state: str) -> str:
    """The tag of all messages about a programme, or a cooperative, that stand in a state, as the public sees it."""
    return f"prog:{matter_id}:{state}"


def told_about(beneficiary_id: str) -> str:
    """The tag of all messages that are, or were, also about a beneficiary."""
    return f"for:{beneficiary_id}"


def _message_tags(message: Message) -> Iterator[str]:
    yield campaign(message.matter_id, message.seen_as)
    yield from (told_about(one) for one in {message.beneficiary_id, *(b.business_id for b in message.beneficiaries)})
    if message.state in UNSETTLED:
        yield f"owner:{message.owner_id}"
    if message.state == "queued":
        yield lane(message.via, message.priority)
    if message.state == "sending" and not message.is_carried:
        yield SENDING
    if message.state == "uncertain":
        yield UNCERTAIN
        yield from (f"{UNCERTAIN}:{message.region[:size]}" for size in (2, 5))  # its province, its kab/kota


def _with_line_of_today(contact: Contact, message: Received[Any], _: WorkingSet) -> Contact:
    line = line_of(message.token, contact.phone) if contact.phone else None
    return contact.model_copy(update={"line": line})


def members_of(cooperative_id: str) -> str:
    """The tag of all who are members of a cooperative."""
    return f"coop:{cooperative_id}"


def _contact_tags(contact: Contact) -> Iterator[str]:
    if contact.line:
        yield f"line:{contact.line}"
    yield from (members_of(one.cooperative_id) for one in contact.cooperatives)


CONTACTS: Collection[Contact] = Collection(
    name="contacts",
    model=Contact,
    id_of=lambda one: one.owner_id,
    tags=_contact_tags,
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
COOPERATIVES: Collection[Cooperative] = Collection(
    name="cooperatives",
    model=Cooperative,
    id_of=lambda one: one.cooperative_id,
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
    name="strays",
    model=Stray,
    id_of=lambda one: one.stray_id,
    tags=lambda one: ("all",),
    due=lambda one: one.received_at + policy_on(one.received_at.date()).strays,
)
COLLECTIONS = (CONTACTS, BUSINESSES, PROGRAMMES, COOPERATIVES, ELIGIBILITIES, MESSAGES, STRAYS, AGENCIES)


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
COOPERATIVE: Rechecked[Cooperative] = Rechecked(COOPERATIVES, lambda one: one.status in AT_WORK)
AGENCY = Rechecked(AGENCIES, lambda _: True)


def eligibilities_of(business_id: str) -> ByTag[Eligibility]:
    """One business, every programme that was ever checked for it."""
    return ByTag(ELIGIBILITIES, f"of:{business_id}")


def counts_of(programme_id: str) -> dict[str, Count[Message]]:
    """How many messages about a programme stand in each state."""
    return {state: Count(MESSAGES, campaign(programme_id, state)) for state in PUBLIC_STATES}


def messages_to(owner_id: str) -> ByTag[Message]:
    """Those to one owner that are not settled yet."""
    return ByTag(MESSAGES, f"owner:{owner_id}")


def waiting_for(owner_id: str) -> ByTag[Message]:
    """The same, to send some of them in one: what is changed of them is changed under its version."""
    return ByTag(MESSAGES, f"owner:{owner_id}", guard=False)


def programmes_of(agency: str) -> ByTag[Programme]:
    """The open programmes of an agency."""
    return ByTag(PROGRAMMES, f"agency:{agency}")


def line_of(token: Token, number: str) -> str:
    """The keyed token of a number in E.164, by which contacts are found without keeping the number in the open."""
    return token("line", number)


def contacts_at(message: Received[Any], number: str) -> list[ByTag[Contact]]:
    """All owners who can be reached at a number (many families share one phone), under today's key and older ones."""
    return [ByTag(CONTACTS, f"line:{line}") for line in message.tokens("line", number)]
