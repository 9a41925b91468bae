"""Who may be written to, by which channel, and what an erasure leaves."""

from __future__ import annotations

from typing import Any

import pytest

from services.notify.contact import SEALED, Contact, Reach, copy_of, reach
from shared.contracts.catalogue import data_classes
from shared.contracts.fields import DataClass
from shared.contracts.registry.owners import Contact as ToldContact
from tests.services.notify import samples


def _copy(**changes: Any) -> Contact:
    return copy_of(samples.contact(**changes).contact, 1, erased=False)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Reach(("whatsapp", "sms"))),
        ({"sms": False}, Reach(("whatsapp",))),
        ({"whatsapp": False}, Reach(("sms",))),
        ({"whatsapp": False, "sms": False}, Reach(reason="no_consent")),
        ({"phone": None}, Reach(reason="no_phone")),
        ({"phone": "+62614561234"}, Reach(reason="no_mobile_phone")),
        ({"phone": "+60123456789"}, Reach(reason="no_mobile_phone")),
        ({"phone": "tidak ada"}, Reach(reason="no_mobile_phone")),
        ({"phone": "+6281100001234/+6281100005678"}, Reach(reason="no_mobile_phone")),
    ],
)
def test_an_invitation_goes_only_where_the_owner_has_agreed(changes: dict[str, Any], expected: Reach) -> None:
    """Consent by channel (UU PDP art. 22–24; issue 7: an invitation counts as "others"), to a mobile number only."""
    assert reach(_copy(**changes)) == expected


@pytest.mark.parametrize("by_type", [True, False])
def test_an_erasure_keeps_nothing_of_a_person(by_type: bool) -> None:
    """A tombstone is the id and the sequence, even if the message still carries a name (UU PDP art. 42–44)."""
    told = samples.contact(erased=not by_type).contact
    copy = copy_of(told, 2, erased=by_type)
    assert copy == Contact(owner_id="owner", sequence=2, erased=True)
    assert reach(copy) == Reach(reason="contact_erased")


def test_everything_personal_is_sealed() -> None:
    """What the contract calls personal is stored encrypted; a new personal field must be added to SEALED."""
    classes = data_classes(ToldContact)
    personal = {name for name, kind in classes.items() if kind is not DataClass.PUBLIC and "." not in name}
    assert personal == SEALED
    assert set(Contact.model_fields) >= SEALED
