"""Cooperatives and drives to form them: what is reported and decided of them, and what the world sees.

Members are persons; the world is told how many there are, never who.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from shared.contracts.fields import (
    BusinessRegion,
    Count,
    Day,
    Identifier,
    Payload,
    Public,
    PublicText,
    Published,
    Reference,
    Region,
    Rupiah,
    Slug,
    Text,
    Year,
)
from shared.contracts.registry.businesses import Decree, PublishedDecree
from shared.reference.invalid import Invalid
from shared.reference.personal import find_personal

Jenis = Literal["konsumen", "produsen", "jasa", "pemasaran", "simpan_pinjam"]
"""The five kinds of the law (Permenkop 9/2018 art. 66–67); KSU, KPRI, KUD and the like are a *kelompok*."""
Form = Literal["primer", "sekunder"]
Role = Literal["pengurus", "pengawas", "anggota"]
"""What a member is in the cooperative: on the board, on the supervisory board, or neither (UU 25/1992 art. 21)."""
Qualifier = Literal["exact", "sekitar", "lebih_dari", "kurang_dari"]
"""How a figure came: offices and the press say "sekitar 350", "lebih dari 10.000" (S2-08)."""
HealthClass = Literal["sehat", "cukup_sehat", "dalam_pengawasan", "dalam_pengawasan_khusus"]
"""The outcome of the assessment by Permenkop 9/2020."""


def _not_a_persons(value: str) -> str:
    if find_personal(value, strict_region=True) is not None:
        raise Invalid(
            "cooperative.number_personal",
            "Nomor ini berbentuk NIK atau nomor HP orang; isi nomor induk koperasi, bukan nomor pengurusnya.",
            "This is written like a person's NIK or phone; give the cooperative's number, not one of its officers'.",
        )
    return value


CooperativeNumber = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9./-]{0,19}$"), AfterValidator(_not_a_persons)
]
"""*Nomor induk koperasi* (Permenkop 10/2016): its layout was not found, so it is a text of up to 20."""


def _score(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Invalid("number.type", "Isian ini harus angka, bukan teks.", "This must be a number, not text.")
    return value


def _whole(value: Any) -> Any:
    """JSON does not tell 180000000 from 180000000.0."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid("money.type", "Isian ini harus angka, bukan teks.", "This must be a number, not text.")
    return value


Surplus = Annotated[int, BeforeValidator(_whole), Field(ge=-(10**15), le=10**15)]
"""Whole rupiah, of a body and not of a person; below nought where there was a loss."""

Score = Annotated[float, BeforeValidator(_score), Field(ge=0, le=100)]


class Legal(Payload):
    """The act by which a cooperative is a legal body (*badan hukum*)."""

    number: Public[PublicText]
    date: Public[Day]


class MemberCount(Payload):
    """How many members an office says there are, and where it has that from."""

    count: Public[Count]
    qualifier: Public[Qualifier] = "exact"
    source: Public[PublicText | None] = None
    as_of: Public[Day]


class HeldRat(Payload):
    """A yearly meeting of members (*rapat anggota tahunan*) about the books of a calendar year."""

    book_year: Public[Year]
    held_on: Public[Day]


class ReportedCooperative(Payload):
    cooperative_id: Public[Identifier | None] = None
    agency_ref: Public[Reference | None] = None
    cooperative_number: Public[CooperativeNumber | None] = None
    name: Public[PublicText | None] = None
    legal: Public[Legal | None] = None
    form: Public[Form | None] = None
    region: Public[BusinessRegion | None] = None
    """Where its seat is."""
    membership_area: Public[Region | None] = None
    """Where its members are; by this it is supervised. Without it, the kab/kota of its seat."""
    jenis: Public[Jenis | None] = None
    kelompok: Public[Slug | None] = None
    members: Public[MemberCount | None] = None
    last_rat: Public[HeldRat | None] = None
    standing: Public[Literal["aktif", "tidak_aktif"] | None] = None
    """What the office holds it for, where it does not know when the last RAT was."""


CLEARABLE_COOPERATIVE = frozenset({"cooperative_number", "jenis", "kelompok", "members", "standing"})


class CooperativeReport(Payload):
    """What an agency knows of a cooperative that exists already; whatever is absent is left as it is."""

    cooperative: Public[ReportedCooperative]
    clear: Public[Annotated[tuple[Text, ...], Field(max_length=30)]] = ()


class CooperativeForm(Payload):
    """A cooperative is being formed (S0-01); with ``drive_id``, as part of a drive."""

    name: Public[PublicText]
    region: Public[BusinessRegion]
    membership_area: Public[Region | None] = None
    form: Public[Form] = "primer"
    jenis: Public[Jenis]
    kelompok: Public[Slug | None] = None
    drive_id: Public[Identifier | None] = None


class Founder(Payload):
    """A person with a link to his or her business, or, of a *sekunder*, a cooperative."""

    owner_id: Public[Identifier | None] = None
    business_id: Public[Identifier | None] = None
    cooperative_id: Public[Identifier | None] = None
    role: Public[Role | None] = None
    """Of a person; ``anggota`` where nothing is said. Named again with another role, a member has that one."""

    @model_validator(mode="after")
    def _one(self) -> Founder:
        if (self.owner_id is None) == (self.cooperative_id is None):
            raise Invalid(
                "founder.which",
                "Isi owner_id untuk orang, atau cooperative_id untuk koperasi anggota koperasi sekunder.",
                "Give owner_id for a person, or cooperative_id for a cooperative in a secondary one.",
            )
        return self


Members = Annotated[tuple[Founder, ...], Field(min_length=1, max_length=200)]


class CooperativeFound(Payload):
    """A cooperative is founded, with as many founders as the law of that day asks for."""

    cooperative_id: Public[Identifier]
    founded_on: Public[Day]
    legal: Public[Legal]
    founders: Public[Members]


class CooperativeEnroll(Payload):
    """Members by list; of one that is being formed, those who want to found it."""

    cooperative_id: Public[Identifier]
    members: Public[Members]


class CooperativeResign(Payload):
    """Members who are no longer."""

    cooperative_id: Public[Identifier]
    members: Public[Members]


class CooperativeRecordRat(HeldRat):
    cooperative_id: Public[Identifier]
    minutes: Public[Reference | None] = None
    """Where the office keeps the *berita acara*."""


class CooperativeAssess(Payload):
    """A health class as the official has assessed it: cut-offs in force were not found, so none is reckoned here."""

    cooperative_id: Public[Identifier]
    health_class: Public[HealthClass]
    score: Public[Score | None] = None
    book_year: Public[Year]
    assessed_on: Public[Day]


class CooperativeReportOutcome(Payload):
    """What a cooperative has brought about in a year (S0-12, S2-10), in whole rupiah; what is absent stays as it is."""

    cooperative_id: Public[Identifier]
    year: Public[Year]
    production: Public[Rupiah | None] = None
    """The value of what its members have made."""
    turnover: Public[Rupiah | None] = None
    """*Volume usaha*: what was sold through it."""
    surplus: Public[Surplus | None] = None
    """*Sisa hasil usaha* (SHU), negative where there was a loss."""


class CooperativeDissolve(Payload):
    """A cooperative is dissolved; one that was only being formed is given up."""

    cooperative_id: Public[Identifier]
    reason: Public[Slug]
    decree: Public[Decree | None] = None


Limit = Annotated[Count, Field(gt=0, le=100)]


class CooperativeRequest(Payload):
    """Which cooperatives are there in a region, or one of them, or those of a drive? With ``detail``, who are the
    members of one by list: opaque ids, told to who supervises it."""

    cooperative_id: Public[Identifier | None] = None
    detail: Public[Literal["members"] | None] = None
    drive_id: Public[Identifier | None] = None
    region: Public[Region | None] = None
    status: Public[Slug | None] = None
    after: Public[Identifier | None] = None
    limit: Public[Limit] = 50


# --- drives -------------------------------------------------------------------------------------------------------


class DriveOpen(Payload):
    """An office means to bring about so many cooperatives of so many businesses each by a day (S0-01, S0-02)."""

    name: Public[PublicText]
    region: Public[BusinessRegion]
    target_cooperatives: Public[Annotated[Count, Field(gt=0, le=10_000)]]
    members_each: Public[Annotated[Count, Field(gt=0, le=10_000)]]
    deadline: Public[Day]


class DriveRequest(Payload):
    """How far is a drive, and which businesses of its region belong to no cooperative yet (S0-06)?"""

    drive_id: Public[Identifier]
    after: Public[Identifier | None] = None
    limit: Public[Limit] = 50


# --- what has happened --------------------------------------------------------------------------------------------


class PublishedLegal(Published):
    number: Public[str]
    date: Public[Day]


class PublishedMembers(Published):
    count: Public[int]
    qualifier: Public[str]
    source: Public[str | None] = None
    as_of: Public[Day]


class PublishedRat(Published):
    book_year: Public[int]
    held_on: Public[Day]


class PublishedHealth(Published):
    health_class: Public[str]
    score: Public[float | None] = None
    book_year: Public[int]
    assessed_on: Public[Day]
    assessor: Public[str]
    """The official, as an opaque id."""
    valid_until: Public[Day]


class PublishedOutcome(Published):
    year: Public[int]
    production: Public[int | None] = None
    turnover: Public[int | None] = None
    surplus: Public[int | None] = None


class CooperativeState(Published):
    """The whole public state of a cooperative. Its members are counted and not named."""

    cooperative_id: Public[str]
    agency: Public[str]
    name: Public[str]
    form: Public[str]
    region: Public[str]
    membership_area: Public[str]
    supervision: Public[str]
    """The level that supervises it by its membership area (Permenkop 9/2020): kabkota, province or ministry."""
    jenis: Public[str | None] = None
    kelompok: Public[str | None] = None
    sektor_riil: Public[bool | None] = None
    """Whether it does other business than saving and lending (S0-05); unknown with its jenis."""
    cooperative_number: Public[str | None] = None
    legal: Public[PublishedLegal | None] = None
    founded_on: Public[Day | None] = None
    members: Public[PublishedMembers | None] = None
    """As an office says."""
    listed_members: Public[int | None] = None
    """As counted in the list of members."""
    last_rat: Public[PublishedRat | None] = None
    rat_due: Public[Day | None] = None
    """The last day for the next RAT."""
    health: Public[PublishedHealth | None] = None
    outcomes: Public[tuple[PublishedOutcome, ...] | None] = None
    """By year, the last five told: before and after can be held against each other."""
    status: Public[str]
    status_since: Public[Day]
    drive_id: Public[str | None] = None
    recorded_on: Public[Day]


class CooperativeChange(Published):
    fields: Public[tuple[str, ...] | None] = None
    status_before: Public[str | None] = None
    missed_years: Public[int | None] = None
    rat: Public[PublishedRat | None] = None
    decree: Public[PublishedDecree | None] = None
    reason: Public[str | None] = None


class CooperativeEvent(Published):
    cooperative: Public[CooperativeState]
    change: Public[CooperativeChange] = CooperativeChange()


class DriveState(Published):
    """A drive, with how far it has come."""

    drive_id: Public[str]
    agency: Public[str]
    name: Public[str]
    region: Public[str]
    target_cooperatives: Public[int]
    members_each: Public[int]
    deadline: Public[Day]
    forming: Public[int]
    founded: Public[int]
    status: Public[str]
    opened_on: Public[Day]


class DriveChange(Published):
    status_before: Public[str | None] = None
    cooperative_id: Public[str | None] = None


class DriveEvent(Published):
    drive: Public[DriveState]
    change: Public[DriveChange] = DriveChange()
