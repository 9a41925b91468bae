"""Input: reports on businesses as an office's system sends them, one for each number, always the same bytes.

People and businesses do not exist: every NIK carries kecamatan 99, every phone number the subscriber block 0000, as in
the demo's files. No two numbers share an owner or a business.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from deploy.demo import values
from shared.contracts.catalogue import TYPES

ACCOUNT = "dinkop-medan"
REGION = "12.71"
KEY = "registry.business.report"
VILLAGES = ("12.71.01.1001", "12.71.02.1002", "12.71.03.1003", "12.71.04.1001")
FIRST_TIME = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
_SERIALS = 9999
_BORN = date(1955, 1, 1)
_KINDS = tuple(values.KINDS)


def intake_id(number: int, generation: int = 0) -> str:
    """The id of a report; the generations of one number tell of the same business."""
    return f"laporan-{generation}-{number:07d}"


def body(number: int, generation: int = 0) -> bytes:
    """A CloudEvent, about a kilobyte. A later generation changes the number of workers and the annual sales."""
    kind = TYPES[KEY]
    envelope = {
        "specversion": "1.0",
        "id": intake_id(number, generation),
        "source": f"/agency/{ACCOUNT}",
        "type": kind.name,
        "time": (FIRST_TIME + timedelta(days=generation)).isoformat(),
        "datacontenttype": "application/json",
        "data": data(number, generation),
    }
    return json.dumps(envelope).encode()


def data(number: int, generation: int = 0) -> dict[str, Any]:
    """What an office knows of one business and its owner."""
    rng = Random(number)
    name, woman = values.person(rng)
    kind = _KINDS[number % len(_KINDS)]
    return {
        "owner": {
            "nik": nik(number, woman=woman),
            "name": name,
            "phone": values.mobile(rng),
            "consent": {"whatsapp": True, "sms": True, "given_on": "2025-11-03"},
        },
        "business": {
            "agency_ref": f"MDN-{number:07d}",
            "name": f"{kind} {rng.choice(values.SECOND_NAMES)} {number}",
            "nib": f"030123{number:07d}",
            "legal_form": "perseorangan",
            "region": rng.choice(VILLAGES),
            "address": f"Jl. {rng.choice(values.STREETS)} No. {rng.randint(1, 180)}; Lingkungan III",
            "role": "ikm",
            "kbli": {"code": values.KINDS[kind][0], "version": "2020"},
            "annual_sales": {"year": 2025, "amount": 500_000 * (rng.randint(24, 1_800) + generation)},
            "capital": 25_000_000,
            "workers": 1 + (rng.randrange(8) + generation) % 19,
            "started_on": "2014-03-17",
            "needs": ["equipment", "packaging_training"],
            "channels": ["shopee", "bazar"],
        },
    }


def nik(number: int, *, woman: bool) -> str:
    """A NIK of nobody, another one for each number."""
    born = _BORN + timedelta(days=number // _SERIALS)
    day = born.day + (40 if woman else 0)
    serial = number % _SERIALS + 1
    return f"{REGION.replace('.', '')}{values.NOBODYS_DISTRICT}{day:02d}{born:%m%y}{serial:04d}"
