"""What the agencies of the local stack send, and registry tells of them, where tests of several services need it."""

from __future__ import annotations

from typing import Any

from shared.contracts.authority import official_id
from shared.contracts.registry.agencies import AgencyEvent, AgencyState, OfficialEvent, OfficialState

MEDAN, SIANTAR, BENGKALIS, KALTIM = "dinkop-medan", "dinkop-siantar", "dinkop-bengkalis", "disperindagkop-kaltim"
REGIONS = {MEDAN: "12.71", SIANTAR: "12.72", BENGKALIS: "14.03", KALTIM: "64"}
LEVELS = {MEDAN: "kabkota", SIANTAR: "kabkota", BENGKALIS: "kabkota", KALTIM: "province"}
DECREE = {"number": "SK-12/2026", "date": "2026-02-01"}


def programme(**changes: Any) -> dict[str, Any]:
    """A training of Medan for businesses that are binaan, announced to their owners."""
    return {
        "name": "Pelatihan kemasan dan digitalisasi",
        "kind": "training",
        "aid_form": "kegiatan",
        "topic": "packaging_digital",
        "agency": MEDAN,
        "region": REGIONS[MEDAN],
        "fiscal_year": 2026,
        "budget": [{"source": "apbd", "version": "murni", "pagu": 150_000_000}],
        "unit_cost": 1_500_000,
        "quota": 100,
        "announce": "on_eligible",
        "beneficiary": "business",
        "criteria": [{"type": "status_is", "value": "binaan"}],
        **changes,
    }


def agency(account: str = MEDAN, **changes: Any) -> AgencyEvent:
    """What registry tells of an agency."""
    about = {"agency": account, "name": account, "level": "kabkota", "region": REGIONS[MEDAN], "status": "active"}
    permitted = ("registry.business.*", "aid.#")
    return AgencyEvent(agency=AgencyState.model_validate({**about, "permitted": permitted, **changes}))


def official(account: str = MEDAN, role: str = "kadis", **changes: Any) -> OfficialEvent:
    """What registry tells of an official, whose handle is the role."""
    about = {"official_id": official_id(account, role), "agency": account, "role": role, "acting": False}
    state = OfficialState.model_validate({**about, "valid_from": "2020-01-01", **changes})
    return OfficialEvent(official=state)
