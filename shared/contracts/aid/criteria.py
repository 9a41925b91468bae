"""Whom a programme may serve, as data: criteria that are typed and can be put together."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from shared.contracts.fields import Account, Count, Payload, Public, Region, Slug


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


class SectorIn(Payload):
    """Categories of KBLI by their letters (a maker is of C); of a code whose category is not known it says nothing."""

    type: Public[Literal["sector_in"]]
    values: Public[Annotated[tuple[Annotated[str, Field(pattern=r"^[A-U]$")], ...], Field(min_length=1, max_length=21)]]


class CertificateHeld(Payload):
    """One of these certificates, valid on the day (S1-14)."""

    type: Public[Literal["certificate_held"]]
    values: Public[Annotated[tuple[Slug, ...], Field(min_length=1, max_length=10)]]


class AgeAtLeast(Payload):
    """A business that began so many calendar months ago."""

    type: Public[Literal["age_at_least"]]
    months: Public[Annotated[Count, Field(gt=0, le=1200)]]


class PriorAidAtMost(Payload):
    """At most so many interventions, of these kinds and agencies (of all where none is named), that were given within
    so many calendar months (ever, where none are named): S1-09, S1-24."""

    type: Public[Literal["prior_aid_at_most"]]
    count: Public[Annotated[Count, Field(le=1000)]] = 0
    kinds: Public[Annotated[tuple[Slug, ...], Field(min_length=1, max_length=20)] | None] = None
    agencies: Public[Annotated[tuple[Account, ...], Field(min_length=1, max_length=50)] | None] = None
    months: Public[Annotated[Count, Field(gt=0, le=1200)] | None] = None


class CooperativeStatusIs(Payload):
    type: Public[Literal["cooperative_status_is"]]
    values: Public[
        Annotated[
            tuple[Literal["dalam_pembentukan", "aktif", "berisiko", "tidak_aktif"], ...],
            Field(min_length=1, max_length=4),
        ]
    ]


class RatHeld(Payload):
    """The yearly meeting about a book year that lies at most so many years back (S4-13); 1 is last year's."""

    type: Public[Literal["rat_held"]]
    years_back: Public[Annotated[Count, Field(gt=0, le=5)]] = 1


class HealthIs(Payload):
    """A health class that is valid on the day: "koperasi yang benar-benar sehat" (S1-13) is ``sehat`` alone."""

    type: Public[Literal["health_is"]]
    values: Public[
        Annotated[
            tuple[Literal["sehat", "cukup_sehat", "dalam_pengawasan", "dalam_pengawasan_khusus"], ...],
            Field(min_length=1, max_length=4),
        ]
    ]


class MembersAtLeast(Payload):
    type: Public[Literal["members_at_least"]]
    count: Public[Annotated[Count, Field(gt=0)]]


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
    StatusIs
    | ScaleIn
    | RoleIs
    | KbliIn
    | SectorIn
    | RegionWithin
    | NeedIs
    | CertificateHeld
    | AgeAtLeast
    | NeverReceived
    | PriorAidAtMost
    | CooperativeStatusIs
    | RatHeld
    | HealthIs
    | MembersAtLeast
    | AllOf
    | AnyOf
    | Not,
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
