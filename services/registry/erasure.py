"""Erasing a person: what goes, what stays, and what is told (UU PDP 27/2022 art. 42–44; docs/decisions/0141).

What stays is the audit core, which names nobody: the ids, and the public state of the businesses. Whoever comes back is
a new owner: to know the person again, something of the person would have to stay.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.registry import business as businesses
from services.registry import initials
from services.registry import owner as owners
from services.registry.business import Business
from services.registry.owner import Owner
from shared.contracts.envelope import Received
from shared.contracts.registry.owners import Contact, ContactEvent, OwnerErase
from shared.decision import Decision, Forgotten
from shared.reference import region as regions

_SOLE = {None, "perseorangan"}
"""Legal forms under which a business's finances are the owner's own (*data keuangan pribadi*, art. 4(2))."""


def decide(owner: Owner, of_owner: Sequence[Business], message: Received[OwnerErase]) -> Decision:
    """Erase an owner who is known, with all of ``of_owner``, the owner's businesses."""
    reason, name = message.data.reason, owners.personal_name(owner)
    after, facts = owners.erased(owner, common_region([one.region for one in of_owner]), reason)
    told = [businesses.reported(one, _unlike(without_person(one, name), message)) for one in of_owner]
    return Decision(
        changes=[after, *(one for one, _ in told)],
        facts=[*facts, *(fact for _, each in told for fact in each)],
        result={"owner_id": owner.owner_id, "sequence": after.told, "outcome": "erased"},
        forgotten=[Forgotten(id_, _gone(id_)) for id_ in (owner.owner_id, *owner.joined)],
    )


def without_person(business: Business, name: str | None) -> Business:
    """The business without what is its owner's: where it can be found, what an office noted, and, of a sole owner, its
    finances. Nothing recognises it any more, or the next list would bring its owner back under the old id."""
    finances = {"annual_sales": None, "capital": None} if business.legal_form in _SOLE else {}
    return business.model_copy(
        update={
            "name": initials.neutral(business.known_as, name),
            "told_name": None,
            "address": None,
            "place": None,
            "status_note": None,
            "agency_refs": {},
            "formerly": (),
            "claims": (),
            **finances,
        }
    )


def _unlike(business: Business, message: Received[OwnerErase]) -> Business:
    """A flag, and the token by which it was last compared, may say who lives or telephones where: the clock takes both
    away, and looks at those whom it leaves, who may be few enough now to say something of one another."""
    return businesses.to_compare(business, message.cause, message.received_at)


def common_region(places: Sequence[str]) -> str:
    """The smallest region that holds all of these, down to kab/kota: an event has one, a person may have several."""
    cut = {regions.regency_or_above(place) for place in places}
    provinces = {place[:2] for place in cut}
    return cut.pop() if len(cut) == 1 else provinces.pop() if len(provinces) == 1 else regions.NATION


def _gone(owner_id: str) -> ContactEvent:
    return ContactEvent(contact=Contact(owner_id=owner_id, erased=True))


def result_again(owner: Owner) -> dict[str, object]:
    """What is said when there was nothing left to erase."""
    return {"owner_id": owner.owner_id, "sequence": owner.told, "outcome": "unchanged"}
