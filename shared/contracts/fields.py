"""The kinds of field that messages are made of, each checked where it is read, each with its data class.

The data class says where a field may appear (UU PDP 27/2022 art. 4): ``Public`` may stand in an event, ``Personal``
and ``Specific`` (personal finance, art. 4(2)) never. Every field of every message carries exactly one, and a test walks
the public events.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from shared.reference import dates, kbli, nib, nik, npwp, phone, region
from shared.reference.invalid import Invalid
from shared.reference.personal import find_personal


class DataClass(StrEnum):
    """How far a field may travel."""

    PUBLIC = "public"
    PERSONAL = "personal"
    SPECIFIC = "specific"


T = TypeVar("T")
Public = Annotated[T, DataClass.PUBLIC]
Personal = Annotated[T, DataClass.PERSONAL]
Specific = Annotated[T, DataClass.SPECIFIC]


class Payload(BaseModel):
    """What somebody sends us: unknown members are kept aside (to warn about), never an error."""

    model_config = ConfigDict(frozen=True, extra="allow", str_strip_whitespace=True)


class Published(BaseModel):
    """What we publish. Enumerations are open strings: a reader must survive a value it does not know yet."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def _nik(value: str) -> str:
    return nik.parse(value).number


def _npwp(value: str) -> str:
    return npwp.parse(value).number


def _nib(value: str) -> str:
    return nib.parse(value)


def _phone(value: str) -> str:
    return phone.parse(value).e164


def _region(value: str) -> str:
    return region.parse(value).code


def _regency_or_deeper(value: str) -> str:
    if region.parse(value).level in {"nation", "province"}:
        raise Invalid(
            "region.too_wide",
            "Wilayah harus sampai kabupaten/kota, kecamatan atau desa/kelurahan.",
            "The region must be a regency or city, a district or a village.",
        )
    return value


def _kbli_code(value: str) -> str:
    if not re.fullmatch(r"[0-9]{5}", value):
        raise Invalid("kbli.format", "Kode KBLI terdiri atas 5 angka.", "A KBLI code has 5 digits.")
    return value


def _kbli_version(value: str) -> str:
    if value not in kbli.VERSIONS:
        raise Invalid("kbli.version", "Versi KBLI tidak dikenal.", "This KBLI version is not known.")
    return value


def _one_line(value: str) -> str:
    if not value.isprintable():
        raise Invalid(
            "text.control_character",
            "Teks ini memuat karakter yang tidak terlihat (misalnya ganti baris); tulis dalam satu baris biasa.",
            "This text holds characters that cannot be seen (a line break, say); write one plain line.",
        )
    return value


def _impersonal(value: str) -> str:
    if find_personal(unicodedata.normalize("NFKC", value)):
        raise Invalid(
            "text.personal_data",
            "Teks ini dipublikasikan dan tidak boleh memuat NIK atau nomor telepon; hapus dari teks.",
            "This text is published and must not hold a NIK or a phone number; take it out.",
        )
    return value


def _whole_number(value: Any) -> Any:
    """JSON does not tell 180000000 from 180000000.0; it does tell a fraction, and text is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Invalid("number.type", "Isian ini harus angka, bukan teks.", "This must be a number, not text.")
    if isinstance(value, float):
        if not value.is_integer():
            raise Invalid("number.fractional", "Angka ini harus bulat, tanpa pecahan.", "This must be a whole number.")
        return int(value)
    return value


def _money(value: Any) -> Any:
    try:
        amount = _whole_number(value)
    except Invalid as error:
        raise Invalid(error.code.replace("number", "money"), error.text_id, error.text_en) from None
    if amount < 0:
        raise Invalid("money.negative", "Nilai rupiah tidak boleh negatif.", "An amount of rupiah cannot be negative.")
    return amount


def _strict_date(value: Any) -> Any:
    """Only ``YYYY-MM-DD``: pydantic would also take a number of seconds, which no office means."""
    if isinstance(value, date):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise Invalid(
            "date.format",
            "Tanggal harus ditulis TTTT-BB-HH dan memang ada dalam kalender.",
            "A date is written YYYY-MM-DD and must exist in the calendar.",
        )
    return value


def _instant(value: Any) -> Any:
    """Only RFC 3339 with its zone: pydantic would also take a number of seconds, and a time of nowhere."""
    return value if isinstance(value, datetime) else dates.parse_time(value if isinstance(value, str) else "")


def _shown_as(pattern: str) -> WithJsonSchema:
    """What the exported schemas say of a text: its form, and nothing that a validator has to look up."""
    return WithJsonSchema({"type": "string", "pattern": pattern})


_REGION_FORM = r"^[0-9]{2}(\.[0-9]{2}(\.[0-9]{2}(\.[0-9]{4})?)?)?$"

Nik = Annotated[str, AfterValidator(_nik), _shown_as("^[0-9]{16}$")]
Nib = Annotated[str, AfterValidator(_nib), _shown_as("^[0-9]{13}$")]
Npwp = Annotated[str, AfterValidator(_npwp), _shown_as("^[0-9]{15,16}$")]
Phone = Annotated[str, AfterValidator(_phone)]
Region = Annotated[str, AfterValidator(_region), _shown_as(_REGION_FORM)]
BusinessRegion = Annotated[str, AfterValidator(_regency_or_deeper), _shown_as(_REGION_FORM)]
KbliCode = Annotated[str, AfterValidator(_kbli_code), _shown_as("^[0-9]{5}$")]
KbliVersion = Annotated[str, AfterValidator(_kbli_version)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_one_line)]
LongText = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
PublicText = Annotated[Text, AfterValidator(_impersonal)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$"), AfterValidator(_impersonal)]
Account = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{2,39}$")]
Handle = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9.-]{1,39}$"), AfterValidator(_impersonal)]
"""How an agency names an official or a mentor: never a NIP or a person's name, since ids are made from it."""
Reference = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9./_-]{0,79}$"), AfterValidator(_impersonal)
]
"""Where an office keeps a paper, by its own number or shelf mark; no sentence, and no number of a person."""
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Day = Annotated[date, BeforeValidator(_strict_date)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
Count = Annotated[int, BeforeValidator(_whole_number), Field(ge=0, le=1_000_000_000)]
Year = Annotated[int, BeforeValidator(_whole_number), Field(ge=1945, le=2200)]
Rupiah = Annotated[int, BeforeValidator(_money), Field(ge=0, le=10**15)]
"""Whole rupiah. The bound (one quadrillion) is above the state budget and below what 64 bits and JavaScript hold."""
