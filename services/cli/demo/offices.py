"""The two offices of the demo, their files, and the programme that each opens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import deploy.demo

FILES = Path(deploy.demo.__file__).parent
TRUTH = "truth.json"
MENTOR = "petugas-lapangan"
_APPLY_WITHIN = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Office:
    """`designated` is how many businesses it takes under guidance: the first ones of its file that are in order."""

    account: str
    city: str
    region: str
    file: str
    designated: int
    quota: int

    def programme(self, today: date) -> dict[str, Any]:
        """A training for binaan of micro and small scale, which announces itself to who is eligible."""
        return {
            "name": "Pelatihan kemasan dan digitalisasi",
            "kind": "training",
            "aid_form": "kegiatan",
            "topic": "packaging_digital",
            "agency": self.account,
            "region": self.region,
            "fiscal_year": today.year,
            "budget": [{"source": "apbd", "version": "murni", "pagu": 1_500_000 * self.quota}],
            "unit_cost": 1_500_000,
            "quota": self.quota,
            "announce": "on_eligible",
            "beneficiary": "business",
            "criteria": [
                {"type": "status_is", "value": "binaan"},
                {"type": "scale_in", "values": ["mikro", "kecil"]},
            ],
            "apply_until": (today + _APPLY_WITHIN).isoformat(),
            "how_to_apply": "datang ke loket UMKM di kantor dinas dengan membawa KTP",
        }

    def decree(self, label: str, today: date) -> Mapping[str, str]:
        """The decision on paper that the list of designated businesses is attached to."""
        return {"number": f"518/SK-DEMO-{label.upper()}/{today.year}", "date": today.isoformat()}


OFFICES = (
    Office("dinkop-medan", "Kota Medan", "12.71", "umkm-medan.csv", designated=70, quota=60),
    Office("dinkop-siantar", "Kota Pematangsiantar", "12.72", "umkm-siantar.csv", designated=30, quota=20),
)
