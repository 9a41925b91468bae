"""Whom a programme may serve, as data: criteria that are typed and can be put together."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from shared.contracts.fields import Payload, Public, Region, Slug


class StatusIs(Payload):
    type: Public[Literal["status_is"]]
    value: Public[Literal["terdata", "terverifikasi", "binaan", "mandiri", "nonaktif"]]


class ScaleIn(Payload):
    type: Public[Literal["scale_in"]]
    values: Public[Annotated[tuple[Literal["mikro", "kecil", "menengah"], ...], Field(min_length=1)]]


class RoleIs(Payload):
    type: Public[Literal["role_is"]]
    value: Public[Literal["ikm", "ukm"]]


class KbliIn(Payload):
    """Codes of one version, or their first digits; a code of another version is unknown, not false."""

    type: Public[Literal["kbli_in"]]
    values: Public[
        Annotated[tuple[Annotated[str, Field(pattern=r"^[0-9]{2,5}$")], ...], Field(min_length=1, max_length=500)]
    ]
    version: Public[Literal["2015", "2017", "2020", "2025"]] = "2020"


class RegionWithin(Payload):
    type: Public[Literal["region_within"]]
    value: Public[Region]


class NeedIs(Payload):
    type: Public[Literal["need_is"]]
    value: Public[Slug]


class NeverReceived(Payload):
    """S1-24: those who never received anything."""

    type: Public[Literal["never_received"]]


class AllOf(Payload):
    type: Public[Literal["all"]]
    criteria: Public[Annotated[tuple[Criterion, ...], Field(min_length=1, max_length=20)]]


class AnyOf(Payload):
    type: Public[Literal["any"]]
    criteria: Public[Annotated[tuple[Criterion, ...], Field(min_length=1, max_length=20)]]


class Not(Payload):
    type: Public[Literal["not"]]
    criterion: Public[Criterion]


Criterion = Annotated[
    StatusIs | ScaleIn | RoleIs | KbliIn | RegionWithin | NeedIs | NeverReceived | AllOf | AnyOf | Not,
    Field(discriminator="type"),
]
MAX_DEPTH = 6


def depth_of(criterion: Any) -> int:
    """How deep raw criteria are nested; read before pydantic recurses into what a stranger sent."""
    deepest, stack = 0, [(criterion, 1)]
    while stack:
        here, depth = stack.pop()
        deepest = max(deepest, depth)
        if depth > MAX_DEPTH or not isinstance(here, dict):
            continue
        inner = here.get("criteria")
        stack += [(child, depth + 1) for child in inner] if isinstance(inner, list) else []
        if "criterion" in here:
            stack.append((here["criterion"], depth + 1))
    return deepest


AllOf.model_rebuild()
AnyOf.model_rebuild()
Not.model_rebuild()
