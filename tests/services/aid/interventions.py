"""Interventions to give in tests: equipment from one office, unless said otherwise."""

from __future__ import annotations

from typing import Any

from services.aid.recipient import Intervention
from tests.samples import MEDAN


def intervention(intervention_id: str = "grant-1", person_id: str = "owner-a", **facts: Any) -> Intervention:
    known = {
        "origin": "grant",
        "agency": MEDAN,
        "kind": "equipment",
        "purpose": "packaging",
        "business_id": "business-1",
        "region": "12.71.01.1001",
        "fiscal_year": 2026,
        "on": "2026-03-02",
        "stage": "approved",
        "value": 5_000_000,
    }
    return Intervention.model_validate({**known, "intervention_id": intervention_id, "person_id": person_id, **facts})
