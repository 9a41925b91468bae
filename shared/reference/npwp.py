"""NPWP, the tax number: 15 digits until 2024, 16 since (PMK 112/2022).

Of the 16-digit ones, those that begin with 0 are the old number of an entity with a 0 before it; all others are the
NIK of a resident person, and therefore personal data of the kind that a NIK is.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

from shared.reference import _spreadsheet, nik
from shared.reference.invalid import Invalid, Note

_DIGITS = re.compile(r"[0-9]+")
_LENGTHS = (15, 16)
_CHECKED = 9  # of the 15 digits: eight for the payer, one check digit


@dataclass(frozen=True, slots=True)
class Npwp:
    """A well-formed NPWP. `number` is always the 16-digit form; `kind` says how it came about."""

    number: str
    kind: Literal["legacy", "entity", "nik"]
    notes: tuple[Note, ...] = ()

    def __repr__(self) -> str:
        return f"Npwp(kind={self.kind!r})"


def parse(text: str, *, today: date | None = None) -> Npwp:
    """Read an NPWP as it stands on the wire: 15 or 16 digits and nothing else.

    Raises `Invalid`: `npwp.scientific`, `npwp.length`, `npwp.not_digits`, `npwp.placeholder`, and `npwp.not_a_nik`
    for 16 digits that do not begin with 0 and cannot be a NIK. Notes: `npwp.check_digit`, and those of `nik.parse`.
    Source: PMK 112/2022; the check digit is from OECD's TIN description, second-hand, hence only a note.
    """
    _require_digits(text)
    if not text.strip("0") or _spreadsheet.is_repeated_or_counted(text):
        raise Invalid(
            "npwp.placeholder",
            "NPWP ini hanya angka pengisi; isi NPWP yang benar atau kosongkan.",
            "This NPWP is a filler; enter the real one or leave it out.",
        )
    if len(text) == 16 and text[0] != "0":
        return _of_a_person(text, today)
    kind: Literal["legacy", "entity"] = "legacy" if len(text) == 15 else "entity"
    return Npwp(text.rjust(16, "0"), kind, _notes(text[-15:]))


def clean(text: str) -> str:
    """The number out of a spreadsheet cell or the printed form `01.312.166.0-091.000`, for `parse`. Never raises."""
    return _spreadsheet.digits(text)


def _of_a_person(text: str, today: date | None) -> Npwp:
    try:
        person = nik.parse(text, today=today)
    except Invalid as reason:
        raise Invalid(
            "npwp.not_a_nik",
            "NPWP 16 angka yang tidak diawali 0 adalah NIK pemiliknya, tetapi ini bukan NIK yang benar; cocokkan "
            "dengan KTP.",
            "A 16-digit NPWP that does not begin with 0 is its holder's NIK, and this is not a possible NIK; compare "
            "it with the identity card.",
        ) from reason
    return Npwp(text, "nik", person.notes)


def _require_digits(text: str) -> None:
    if _spreadsheet.is_scientific(text):
        raise Invalid(
            "npwp.scientific",
            "NPWP sudah dibulatkan oleh lembar kerja; ubah format kolom menjadi Teks, lalu isi ulang NPWP.",
            "The spreadsheet has rounded this NPWP; format the column as text and enter it again.",
        )
    if len(text) not in _LENGTHS:
        raise Invalid(
            "npwp.length",
            "NPWP harus 15 angka (lama) atau 16 angka; cocokkan kembali dengan kartunya.",
            "An NPWP has 15 digits (old) or 16; compare it with the card.",
        )
    if not _DIGITS.fullmatch(text):
        raise Invalid(
            "npwp.not_digits",
            "NPWP hanya boleh berisi angka 0–9; hapus huruf, titik dan tanda hubung.",
            "An NPWP holds only the digits 0–9; remove letters, dots and dashes.",
        )


def _notes(legacy: str) -> tuple[Note, ...]:
    if _luhn(legacy[:_CHECKED]):
        return ()
    return (
        Note(
            "npwp.check_digit",
            "Angka pemeriksa NPWP tidak cocok; kemungkinan salah ketik, cocokkan dengan kartunya.",
            "The check digit of the NPWP does not fit; it is probably mistyped, compare it with the card.",
        ),
    )


def _luhn(number: str) -> bool:
    doubled = [int(digit) * (2 - index % 2) for index, digit in enumerate(reversed(number), start=1)]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
