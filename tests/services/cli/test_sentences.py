"""Events as a person reads them in `binaan tail`."""

from __future__ import annotations

from typing import Any

import pytest

from services.cli.events import Event, read_event
from services.cli.messages import line_of
from services.cli.sentences import describe
from shared.contracts.catalogue import TYPES, Kind


def event(key: str, thing: dict[str, Any], change: dict[str, Any] | None = None, **attributes: Any) -> Event:
    data = {key.split(".")[1]: thing, "change": change or {}}
    return Event({"type": f"id.binaan.{key}.v1", "data": data, **attributes})


@pytest.mark.parametrize(
    ("key", "thing", "change", "said"),
    [
        ("registry.business.recorded", {"name": "Keripik"}, {}, "Keripik tercatat"),
        (
            "registry.business.updated",
            {"name": "Keripik"},
            {"fields": ["name", "nib"]},
            "Keripik diperbarui: name, nib",
        ),
        (
            "registry.business.designated",
            {"name": "Keripik"},
            {"decree": {"number": "SK-12/2026"}},
            "Keripik menjadi binaan (SK-12/2026)",
        ),
        (
            "registry.business.scale_raised",
            {"name": "Keripik", "scale": "kecil"},
            {"scale_before": "mikro"},
            "Keripik naik kelas: mikro → kecil",
        ),
        (
            "aid.external_grant.reported",
            {"agency": "dinsos-medan", "kind": "capital", "stage": "approved", "reference": "BA-1"},
            {},
            "dinsos-medan melaporkan bantuan capital disetujui (BA-1)",
        ),
        (
            "aid.external_grant.withdrawn",
            {"agency": "dinsos-medan", "kind": "capital", "stage": "withdrawn", "reference": "BA-1"},
            {},
            "dinsos-medan menarik laporan bantuan capital (BA-1)",
        ),
        (
            "aid.overlap.detected",
            {"status": "open", "agencies": ["dinkop-medan", "dinsos-medan"], "text_id": "Jangan dua kali."},
            {},
            "tumpang tindih: dinkop-medan dan dinsos-medan. Jangan dua kali.",
        ),
        (
            "aid.eligibility.assessed",
            {"verdict": "eligible", "programme_kind": "training"},
            {},
            "memenuhi syarat untuk training",
        ),
        (
            "aid.eligibility.assessed",
            {
                "verdict": "ineligible",
                "programme_kind": "training",
                "criteria": [
                    {"verdict": "eligible", "text_id": "Usaha aktif."},
                    {"verdict": "ineligible", "text_id": "Skala tidak sesuai."},
                ],
            },
            {},
            "tidak memenuhi syarat untuk training: Skala tidak sesuai.",
        ),
        ("registry.product.recorded", {"name": "Sambal"}, {}, "produk Sambal tercatat"),
        ("registry.certificate.expiring", {"kind": "pirt"}, {"days_left": 30}, "sertifikat pirt berakhir 30 hari lagi"),
        ("notify.message.sent", {"channel": "whatsapp"}, {}, "pesan dikirim lewat whatsapp"),
        ("aid.programme.opened", {"name": "Pelatihan", "quota": 100}, {}, "program dibuka: Pelatihan, 100 tempat"),
    ],
)
def test_an_event_is_one_indonesian_sentence(
    key: str, thing: dict[str, Any], change: dict[str, Any], said: str
) -> None:
    assert describe(event(key, thing, change)) == said


@pytest.mark.parametrize("key", [one.key for one in TYPES.values() if one.kind is Kind.EVENT])
def test_every_type_of_event_has_a_sentence(key: str) -> None:
    """A new type that nobody has given words is noticed here."""
    thing = key.split(".")[1]
    assert describe(event(key, {"name": "X", "role": "kabid", "held_id": "1", thing: "x"})).strip()


@pytest.mark.parametrize("data", [None, [], {}, {"business": None}, {"business": []}, {"other": {}}])
def test_what_is_not_as_expected_is_shown_without_falling_over(data: object) -> None:
    """A reader must survive members and types that it does not know yet."""
    assert describe(Event({"type": "id.binaan.registry.business.recorded.v1", "data": data})) == ""
    assert describe(event("registry.novelty.appeared", {"state": "new"})) == "new"


def test_a_line_has_time_type_subject_place_and_words() -> None:
    shown = line_of(
        event(
            "registry.business.recorded",
            {"name": "Keripik"},
            time="2026-01-05T02:30:00Z",
            subject="0198-abcd-12345678",
            region="12.71.01.1001",
        )
    )
    assert "registry.business.recorded" in shown
    assert "…12345678" in shown
    assert "Kota Medan" in shown
    assert shown.endswith("Keripik tercatat")


def test_a_line_survives_attributes_that_are_not_there() -> None:
    assert line_of(Event({"type": "id.binaan.registry.business.recorded.v1", "region": "xx"})).startswith("--:--:--")


@pytest.mark.parametrize(
    ("pattern", "region", "wanted"),
    [
        ("#", None, True),
        ("registry.business.*", None, True),
        ("registry.#", "12.71", True),
        ("#", "12", True),
        ("#", "00", True),
        ("#", "12.72", False),
        ("aid.#", None, False),
    ],
)
def test_only_what_is_asked_for_is_shown(pattern: str, region: str | None, wanted: bool) -> None:
    found = event("registry.business.recorded", {}, region="12.71.01.1001")
    assert found.is_wanted(pattern, region) is wanted


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'"x"'])
def test_what_is_no_event_is_passed_over(body: bytes) -> None:
    assert read_event(body) is None
