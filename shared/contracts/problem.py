"""What is wrong with a message, said twice: a stable code for machines, a sentence in Indonesian for people.

No problem repeats a value, only where it stood: a reply, a log and a stored error must never carry a NIK.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.reference.invalid import Invalid, Note


class Problem(BaseModel):
    """One reason, as it stands in a reply. ``field`` is a dotted path into the message (``data.owner.nik``)."""

    model_config = ConfigDict(frozen=True)

    code: str
    field: str | None = None
    text_id: str
    text_en: str


_TEXTS: Mapping[str, tuple[str, str]] = {
    "field.required": (
        "Isian ini wajib ada; lengkapi lalu kirim lagi.",
        "This field is required; add it and send again.",
    ),
    "field.type": (
        "Jenis isian ini tidak sesuai; lihat contoh pada kontrak.",
        "This field has the wrong type; see the contract.",
    ),
    "field.not_allowed": (
        "Nilai ini tidak termasuk pilihan yang diperbolehkan; lihat daftar pilihan pada kontrak.",
        "This value is not one of those allowed; see the list in the contract.",
    ),
    "field.format": (
        "Penulisan isian ini tidak sesuai pola; lihat contoh pada kontrak.",
        "This field does not match its pattern; see the contract.",
    ),
    "field.too_long": ("Isian ini terlalu panjang; persingkat.", "This field is too long; shorten it."),
    "field.too_short": (
        "Isian ini kosong atau terlalu pendek; lengkapi.",
        "This field is empty or too short; complete it.",
    ),
    "field.unknown": ("Isian ini tidak dikenal dan diabaikan.", "This member is not known and was ignored."),
    "number.too_small": (
        "Angka ini lebih kecil dari yang diperbolehkan; periksa kembali.",
        "This number is below the lowest allowed.",
    ),
    "number.too_large": (
        "Angka ini lebih besar dari yang diperbolehkan; periksa kembali.",
        "This number is above the highest allowed.",
    ),
}

_PYDANTIC_CODES: Mapping[str, str] = {
    "missing": "field.required",
    "literal_error": "field.not_allowed",
    "enum": "field.not_allowed",
    "union_tag_invalid": "field.not_allowed",
    "union_tag_not_found": "field.required",
    "string_pattern_mismatch": "field.format",
    "date_from_datetime_parsing": "date.format",
    "date_parsing": "date.format",
    "date_type": "date.format",
    "string_too_long": "field.too_long",
    "string_too_short": "field.too_short",
    "too_long": "field.too_long",
    "too_short": "field.too_short",
    "greater_than": "number.too_small",
    "greater_than_equal": "number.too_small",
    "less_than": "number.too_large",
    "less_than_equal": "number.too_large",
}

_DATE_TEXTS = (
    "Tanggal harus ditulis TTTT-BB-HH dan memang ada dalam kalender.",
    "A date is written YYYY-MM-DD and must exist in the calendar.",
)


def problem(code: str, field: str | None = None, text_id: str = "", text_en: str = "") -> Problem:
    """A problem with a code of the common table above, or with texts of its own."""
    if not text_id:
        text_id, text_en = _DATE_TEXTS if code == "date.format" else _TEXTS[code]
    return Problem(code=code, field=field, text_id=text_id, text_en=text_en)


def from_invalid(error: Invalid | Note, field: str | None) -> Problem:
    """The problem (or warning) that a reference value raised about itself."""
    return Problem(code=error.code, field=field, text_id=error.text_id, text_en=error.text_en)


def from_validation(error: ValidationError, raw: object, prefix: str) -> list[Problem]:
    """Every problem pydantic found in ``raw``, each under its path below ``prefix``; values are left out."""
    found = error.errors(include_url=False, include_input=False)
    return [
        _from_details(details["type"], details.get("ctx", {}), _path(details["loc"], raw, prefix))
        for details in found
        if details["type"] != "too_short" or not any(_is_within(other["loc"], details["loc"]) for other in found)
    ]


def _is_within(loc: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    """A list is also called too short by pydantic when what it holds is wrong, since it counts what is right."""
    return len(loc) > len(outer) and loc[: len(outer)] == outer


def _from_details(kind: str, context: Mapping[str, Any], field: str) -> Problem:
    cause = context.get("error")
    if isinstance(cause, Invalid):
        return from_invalid(cause, field)
    return problem(_PYDANTIC_CODES.get(kind, "field.type"), field)


def _path(loc: Iterable[int | str], raw: object, prefix: str) -> str:
    """Pydantic puts the tag of a union into the path; a sender only knows the path in the message sent."""
    parts, here, steps = [prefix], raw, list(loc)
    for position, step in enumerate(steps):
        inside = step in here if isinstance(here, Mapping) else isinstance(here, list) and step in range(len(here))
        if inside:
            here = here[step]  # type: ignore[index]  # it is inside one or the other
        elif position < len(steps) - 1:
            continue
        parts.append(str(step))
    return ".".join(part for part in parts if part)
