"""Who may do what: agencies by level, account, region and permitted types; officials by role and dates.

What each level and role may do is a table, not code: ``authority.csv`` beside this file has a row for each, with where
it comes from (docs/sources.md). A type that no row gives to a level, no agency of that level may send, whatever it was
permitted; a decision needs an official of a role that has a row for it. ``reach`` says about whom: ``self`` is the
agency itself, ``within`` its region and what lies within. A ``planned`` row is for a type that is not built yet.

An official of one agency is nobody in another.
"""

from __future__ import annotations

import csv
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Protocol

from shared.contracts.problem import Problem
from shared.reference import region as regions

SELF, WITHIN = "self", "within"
ACTIVE, SUSPENDED, ENDED = "active", "suspended", "ended"


@dataclass(frozen=True, slots=True)
class Right:
    """A row of the table. ``role`` is empty where the agency's own system may act without an official."""

    level: str
    role: str
    type: str
    reach: str
    planned: bool
    source: str
    why: str


def _read() -> tuple[Right, ...]:
    with resources.files(__package__).joinpath("authority.csv").open(encoding="utf-8") as rows:
        return tuple(
            Right(
                level=row["level"],
                role=row["role"],
                type=row["type"],
                reach=row["reach"],
                planned=bool(row["planned"]),
                source=row["source"],
                why=row["why"],
            )
            for row in csv.DictReader(rows)
        )


RIGHTS = _read()

_OFFICIALS = uuid.UUID("6f1f3a53-6c39-5f0a-9a7e-0d6d3f5f8f10")


class Agency(Protocol):
    @property
    def level(self) -> str: ...
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
    @property
    def status(self) -> str | None: ...


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


@cache
def rights_of(level: str, key: str) -> tuple[Right, ...]:
    """The rows that give a type to a level, whoever decides."""
    return tuple(right for right in RIGHTS if right.level == level and matches(right.type, key))


def reach_of(level: str, key: str) -> str | None:
    """How far an agency of a level reaches with a type: ``within``, ``self``, or None for not at all."""
    reaches = {right.reach for right in rights_of(level, key)}
    return WITHIN if WITHIN in reaches else SELF if reaches else None


def levels_sending(key: str) -> tuple[str, ...]:
    """The levels that may send a type, in the order of the table."""
    return tuple(dict.fromkeys(right.level for right in RIGHTS if matches(right.type, key)))


def roles_deciding(key: str) -> tuple[str, ...]:
    """The roles that may decide a type in some level, in the order of the table."""
    return tuple(dict.fromkeys(right.role for right in RIGHTS if right.role and matches(right.type, key)))


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
    if agency.status != ACTIVE:
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
    if reach_of(agency.level, key) is None:
        return [
            Problem(
                code="authority.level",
                field="type",
                text_id="Instansi setingkat ini tidak berwenang atas jenis pesan ini; lihat tabel kewenangan.",
                text_en="An agency of this level has no authority for this type; see the table of authority.",
            )
        ]
    return []


def check_region(agency: Agency, key: str, code: str, field: str | None) -> list[Problem]:
    """An agency speaks only for its own region and what lies within, if the table lets it reach so far (S3-06)."""
    if reach_of(agency.level, key) == WITHIN and regions.within(code, agency.region):
        return []
    return [
        Problem(
            code="authority.region",
            field=field,
            text_id="Wilayah ini di luar wilayah kerja instansi pengirim.",
            text_en="This region lies outside the region of the sending agency.",
        )
    ]


def check_actor(level: str, official: Official | None, actor: str | None, key: str, today: date) -> list[Problem]:
    """May this official of an agency of this level decide this today, which is the date in the agency's own zone?"""
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
    if not in_office(official, today):
        return [
            Problem(
                code="actor.not_in_office",
                field="actor",
                text_id="Masa tugas pejabat ini tidak mencakup hari ini.",
                text_en="This official is not in office today.",
            )
        ]
    if official.role not in {right.role for right in rights_of(level, key) if right.role}:
        return [
            Problem(
                code="actor.role",
                field="actor",
                text_id="Jabatan pejabat ini tidak berwenang atas keputusan ini.",
                text_en="The role of this official does not cover this decision.",
            )
        ]
    return []


def in_office(official: Official, today: date) -> bool:
    """From the first to the last day of the term, both included, unless it was ended at once."""
    if official.status == ENDED or today < official.valid_from:
        return False
    return official.valid_until is None or today <= official.valid_until


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
