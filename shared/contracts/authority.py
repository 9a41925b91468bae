"""Who may do what: agencies by account, region and permitted types; officials by role and dates.

What each role may do is the table below, not code. An official of one agency is nobody in another.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

from shared.contracts.problem import Problem
from shared.reference import region as regions

ROLES: Mapping[str, tuple[str, ...]] = {
    "kadis": ("registry.business.*", "aid.programme.*"),
    "kabid": ("registry.business.verify", "aid.programme.propose"),
    "petugas": (),
}
"""Types that an official of each role may decide (S1-07: the head of the agency approves; S2-03: bidang and UPT)."""

_OFFICIALS = uuid.UUID("6f1f3a53-6c39-5f0a-9a7e-0d6d3f5f8f10")


class Agency(Protocol):
    @property
    def region(self) -> str: ...
    @property
    def permitted(self) -> Sequence[str]: ...
    @property
    def status(self) -> str: ...


class Official(Protocol):
    @property
    def role(self) -> str: ...
    @property
    def valid_from(self) -> date: ...
    @property
    def valid_until(self) -> date | None: ...


def official_id(agency: str, handle: str) -> str:
    """The opaque id of an official: the same in every service, since it is made from public handles alone."""
    return str(uuid.uuid5(_OFFICIALS, f"{agency}/{handle}"))


def matches(pattern: str, key: str) -> bool:
    """Whether a routing key matches a topic pattern (``*`` is one word, ``#`` is any number of words)."""
    return _match(pattern.split("."), key.split("."))


def _match(pattern: Sequence[str], words: Sequence[str]) -> bool:
    if not pattern:
        return not words
    if pattern[0] == "#":
        return any(_match(pattern[1:], words[start:]) for start in range(len(words) + 1))
    return bool(words) and pattern[0] in {"*", words[0]} and _match(pattern[1:], words[1:])


def check_agency(agency: Agency | None, key: str) -> list[Problem]:
    """May this agency send this type of message at all?"""
    if agency is None:
        return [
            Problem(
                code="authority.agency_unknown",
                field="source",
                text_id="Instansi ini belum terdaftar; minta administrator mendaftarkannya.",
                text_en="This agency is not registered; ask the administrator to register it.",
            )
        ]
    if agency.status != "active":
        return [
            Problem(
                code="authority.agency_suspended",
                field="source",
                text_id="Instansi ini sedang dibekukan; hubungi administrator.",
                text_en="This agency is suspended; contact the administrator.",
            )
        ]
    if not any(matches(pattern, key) for pattern in agency.permitted):
        return [
            Problem(
                code="authority.type_not_permitted",
                field="type",
                text_id="Instansi ini tidak diberi hak untuk jenis pesan ini.",
                text_en="This agency is not permitted to send this type of message.",
            )
        ]
    return []


def check_region(agency: Agency, code: str, field: str | None) -> list[Problem]:
    """An agency speaks only for its own region and what lies within (S3-06)."""
    if regions.within(code, agency.region):
        return []
    return [
        Problem(
            code="authority.region",
            field=field,
            text_id="Wilayah ini di luar wilayah kerja instansi pengirim.",
            text_en="This region lies outside the region of the sending agency.",
        )
    ]


def check_actor(official: Official | None, actor: str | None, key: str, today: date) -> list[Problem]:
    """May this official take this decision today? ``today`` is the date in the agency's own zone."""
    if actor is None:
        return [
            Problem(
                code="actor.required",
                field="actor",
                text_id="Keputusan harus menyebut pejabat yang memutuskan (actor).",
                text_en="A decision must name the official who takes it (actor).",
            )
        ]
    if official is None:
        return [
            Problem(
                code="actor.unknown",
                field="actor",
                text_id="Pejabat ini belum didaftarkan oleh instansi pengirim.",
                text_en="This official has not been registered by the sending agency.",
            )
        ]
    if today < official.valid_from or (official.valid_until is not None and today > official.valid_until):
        return [
            Problem(
                code="actor.not_in_office",
                field="actor",
                text_id="Masa tugas pejabat ini tidak mencakup hari ini.",
                text_en="This official is not in office today.",
            )
        ]
    if not any(matches(pattern, key) for pattern in ROLES.get(official.role, ())):
        return [
            Problem(
                code="actor.role",
                field="actor",
                text_id="Jabatan pejabat ini tidak berwenang atas keputusan ini.",
                text_en="The role of this official does not cover this decision.",
            )
        ]
    return []


def check_administrator(account: str, administrator: str) -> list[Problem]:
    """Some messages only the administrator of Binaan may send."""
    if account == administrator:
        return []
    return [
        Problem(
            code="authority.administrator_only",
            field="source",
            text_id="Pesan ini hanya boleh dikirim oleh administrator Binaan.",
            text_en="Only the administrator of Binaan may send this message.",
        )
    ]
