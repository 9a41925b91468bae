"""Things to tell notify about; nobody in here exists."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from services.notify.provider import Outcome, Outgoing
from shared.contracts.aid.eligibilities import EligibilityEvent, EligibilityState
from shared.contracts.aid.programmes import ProgrammeEvent, ProgrammeState, PublishedBudgetLine
from shared.contracts.registry.agencies import AgencyEvent
from shared.contracts.registry.businesses import BusinessEvent, BusinessState
from shared.contracts.registry.cooperatives import CooperativeEvent, CooperativeState
from shared.contracts.registry.owners import Contact, ContactConsent, ContactEvent
from tests import samples

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
NAME, PHONE = "Contoh Tidak Nyata", "+6281100001234"
AGENCY_NAME = "Dinas Koperasi dan UMKM Kota Medan"


def contact(owner_id: str = "owner", **changes: Any) -> ContactEvent:
    consent = ContactConsent(
        whatsapp=changes.pop("whatsapp", True), sms=changes.pop("sms", True), given_on=date(2026, 1, 5)
    )
    fields = {"owner_id": owner_id, "name": NAME, "phone": PHONE, "consent": consent} | changes
    return ContactEvent(contact=Contact(**fields))


def business(business_id: str = "business", owner_id: str = "owner", **changes: Any) -> BusinessEvent:
    fields = {
        "business_id": business_id,
        "owner_id": owner_id,
        "name": f"Keripik {business_id}",
        "region": "12.71.01.1001",
        "agency": "dinkop-medan",
        "status": "binaan",
        "status_since": date(2026, 2, 1),
        "recorded_on": date(2026, 1, 5),
    } | changes
    return BusinessEvent(business=BusinessState(**fields))


def programme(programme_id: str = "programme", **changes: Any) -> ProgrammeEvent:
    fields = {
        "programme_id": programme_id,
        "name": f"Pelatihan {programme_id}",
        "kind": "training",
        "aid_form": "kegiatan",
        "agency": "dinkop-medan",
        "region": "12.71",
        "fiscal_year": 2026,
        "budget": (PublishedBudgetLine(source="apbd", version="murni", pagu=150_000_000),),
        "unit_cost": 1_500_000,
        "quota": 100,
        "announce": "on_eligible",
        "beneficiary": "business",
        "criteria": (),
        "status": "open",
    } | changes
    return ProgrammeEvent(programme=ProgrammeState(**fields))


def cooperative(cooperative_id: str = "coop", **changes: Any) -> CooperativeEvent:
    fields = {
        "cooperative_id": cooperative_id,
        "agency": "dinkop-medan",
        "name": "Koperasi Maju Bersama",
        "form": "primer",
        "region": "12.71.01.1001",
        "membership_area": "12.71",
        "supervision": "kabkota",
        "rat_due": date(2026, 6, 30),
        "status": "aktif",
        "status_since": date(2020, 1, 1),
        "recorded_on": date(2026, 1, 5),
    } | changes
    return CooperativeEvent(cooperative=CooperativeState(**fields))


def agency(name: str = AGENCY_NAME) -> AgencyEvent:
    return samples.agency(name=name)


def eligibility(programme_id: str = "programme", business_id: str = "business", **changes: Any) -> EligibilityEvent:
    eligible = changes.pop("eligible", True)
    fields = {
        "eligibility_id": f"{programme_id}/{business_id}",
        "programme_id": programme_id,
        "programme_kind": "training",
        "beneficiary_id": business_id,
        "verdict": "eligible" if eligible else "ineligible",
        "eligible": eligible,
        "criteria": (),
        "prior_interventions": 0,
        "assessed_from_sequence": "00000000000000000001",
    } | changes
    return EligibilityEvent(eligibility=EligibilityState(**fields))


class Ledger:
    """A provider that keeps what it was given in memory, once each, as a spool does."""

    name = "ledger"
    at_once = 200

    def __init__(self) -> None:
        self.taken: list[Outgoing] = []

    async def send(self, messages: Any) -> list[Outcome]:
        held = {one.message_id for one in self.taken}
        self.taken += [one for one in messages if one.message_id not in held]
        return [Outcome(message_id=one.message_id, state="delivered") for one in messages]

    async def ask(self, message_ids: Any) -> list[Outcome]:
        held = {one.message_id for one in self.taken}
        return [Outcome(message_id=one, state="delivered") for one in message_ids if one in held]
