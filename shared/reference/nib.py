"""NIB, the business registration number from OSS: 13 digits, one for each business actor.

No public check digit is known (sources §2), so only length, digits and obvious fillers can be judged. One NIB belongs
to the owner and may cover several businesses: it identifies no business by itself.
"""

import re

from shared.reference import _spreadsheet
from shared.reference.invalid import Invalid

_DIGITS = re.compile(r"[0-9]{13}")


def parse(text: str) -> str:
    """Read a NIB as it stands on the wire: 13 digits and nothing else; returned as they are.

    Raises `Invalid`: `nib.scientific`, `nib.length`, `nib.not_digits`, `nib.placeholder`. Source: OSS-RBA integration
    guide 4.3.22, `nib` string(13).
    """
    _require_thirteen_digits(text)
    # Counting up is let through: examples and OSS sandboxes use 1234567890123, and it can be somebody's.
    if len(set(text)) == 1:
        raise Invalid(
            "nib.placeholder",
            "NIB ini hanya angka pengisi; isi NIB dari dokumen OSS atau kosongkan.",
            "This NIB is a filler; take it from the OSS document or leave it out.",
        )
    return text


def clean(text: str) -> str:
    """The number out of a spreadsheet cell, for `parse`. Never raises."""
    return _spreadsheet.digits(text)


def _require_thirteen_digits(text: str) -> None:
    if _DIGITS.fullmatch(text):
        return
    if _spreadsheet.is_scientific(text):
        raise Invalid(
            "nib.scientific",
            "NIB sudah dibulatkan oleh lembar kerja; ubah format kolom menjadi Teks, lalu isi ulang NIB.",
            "The spreadsheet has rounded this NIB; format the column as text and enter it again.",
        )
    if len(text) != 13:
        raise Invalid(
            "nib.length",
            "NIB harus tepat 13 angka, tanpa spasi; cocokkan kembali dengan dokumen OSS.",
            "A NIB has exactly 13 digits and no blanks; compare it with the OSS document.",
        )
    raise Invalid(
        "nib.not_digits",
        "NIB hanya boleh berisi angka 0–9; hapus huruf, spasi dan tanda baca.",
        "A NIB holds only the digits 0–9; remove letters, blanks and punctuation.",
    )
