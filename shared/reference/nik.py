"""NIK, a person's number in the population register: 16 digits with place, birth date and serial.

Layout (sources §2): province 2, kab/kota 2, kecamatan 2, DDMMYY with 40 added to a woman's day, serial 4 from 0001.
Structure says that a number can be a NIK; that somebody has it, only Dukcapil can say. The place is where the number
was issued, once and for ever: it may be a code that has since been split up, so an unknown one is only worth a note.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from shared.reference import _spreadsheet, region
from shared.reference.invalid import Invalid, Note

_DIGITS = re.compile(r"[0-9]{16}")
# A cell that was a number: 15 digits survived, the last has become 0 whatever it was.
_ROUNDED_FLOAT = re.compile(r"[0-9]{15}0[.,]0")
_WOMAN = 40  # added to the day of birth
_WIB = ZoneInfo("Asia/Jakarta")


@dataclass(frozen=True, slots=True)
class Nik:
    """A well-formed NIK. `region` is the dotted kab/kota of issue (`12.71`); `sex` is L (male) or P (female)."""

    number: str
    region: str
    born: date
    sex: Literal["L", "P"]
    notes: tuple[Note, ...] = ()

    def __repr__(self) -> str:
        # The generated one would put a person's number and birthday into every traceback and log.
        return f"Nik(region={self.region!r})"


def parse(text: str, *, today: date | None = None) -> Nik:
    """Read a NIK as it stands on the wire: 16 digits and nothing else.

    `today` bounds the inferred century: a birth date is the latest possible one that is not after it (the current
    date in western Indonesia if not given).

    Raises `Invalid`: `nik.scientific`, `nik.length`, `nik.not_digits`, `nik.placeholder`, `nik.invalid_date`.
    Notes: `nik.unknown_region`. Source: sources §2, UU 24/2013 on the permanence of the number.
    """
    _require_sixteen_digits(text)
    if text.endswith("0000") or _spreadsheet.is_repeated_or_counted(text):
        raise Invalid(
            "nik.placeholder",
            "NIK ini hanya angka pengisi, bukan NIK seseorang; isi NIK dari KTP atau kosongkan.",
            "This NIK is a filler, nobody's number; take it from the identity card or leave it out.",
        )
    day = int(text[6:8])
    born = _born(day - _WOMAN if day > _WOMAN else day, int(text[8:10]), int(text[10:12]), today or _today())
    place = f"{text[:2]}.{text[2:4]}"
    return Nik(text, place, born, "P" if day > _WOMAN else "L", _notes(place))


def clean(text: str) -> str:
    """The number out of a spreadsheet cell, for `parse`: blanks, dots, dashes and a leading apostrophe taken off.

    Never raises; what was rounded by the spreadsheet is left so that `parse` says `nik.scientific`.
    """
    inner = _spreadsheet.bare(text)
    return inner if _ROUNDED_FLOAT.fullmatch(inner) else _spreadsheet.digits(inner)


def _require_sixteen_digits(text: str) -> None:
    if _DIGITS.fullmatch(text):
        return
    if _spreadsheet.is_scientific(text) or _ROUNDED_FLOAT.fullmatch(text):
        raise Invalid(
            "nik.scientific",
            "NIK sudah dibulatkan oleh lembar kerja sehingga angka belakangnya hilang; ubah format kolom menjadi Teks, "
            "lalu isi ulang NIK dari sumbernya.",
            "The spreadsheet has rounded this NIK and lost its last digits; format the column as text and enter it "
            "again from the source.",
        )
    if len(text) != 16:
        raise Invalid(
            "nik.length",
            "NIK harus tepat 16 angka, tanpa spasi; cocokkan kembali dengan KTP.",
            "A NIK has exactly 16 digits and no blanks; compare it with the identity card.",
        )
    raise Invalid(
        "nik.not_digits",
        "NIK hanya boleh berisi angka 0–9; hapus huruf, spasi dan tanda baca.",
        "A NIK holds only the digits 0–9; remove letters, blanks and punctuation.",
    )


def _today() -> date:
    return datetime.now(_WIB).date()


def _born(day: int, month: int, year: int, today: date) -> date:
    """The latest date with these two year digits that exists and is not in the future."""
    for century in (today.year // 100 * 100, today.year // 100 * 100 - 100):
        try:
            born = date(century + year, month, day)
        except ValueError:
            continue
        if born <= today:
            return born
    raise Invalid(
        "nik.invalid_date",
        "NIK memuat tanggal lahir yang tidak ada; cocokkan angka ke-7 sampai ke-12 dengan KTP.",
        "The NIK holds a birth date that does not exist; compare digits 7 to 12 with the identity card.",
    )


def _notes(place: str) -> tuple[Note, ...]:
    if region.is_known_regency(place):
        return ()
    return (
        Note(
            "nik.unknown_region",
            "Kode wilayah dalam NIK tidak ada di daftar Kemendagri sekarang (mungkin kode lama sebelum pemekaran); "
            "cocokkan empat angka pertama dengan KTP.",
            "The region code in the NIK is not in today's Kemendagri list (it may predate a split); compare the first "
            "four digits with the identity card.",
        ),
    )
