"""What the agencies of the local stack send, as far as tests of several services send the same."""

from __future__ import annotations

from typing import Any

MEDAN, SIANTAR, KALTIM = "dinkop-medan", "dinkop-siantar", "disperindagkop-kaltim"
REGIONS = {MEDAN: "12.71", SIANTAR: "12.72", KALTIM: "64"}
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
