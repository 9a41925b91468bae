"""Indonesian phone numbers, however an office writes them, as E.164.

A message goes to a mobile number only; a landline is taken, because it is what the owner gave, and marked as such.
Several small businesses often share one family phone: a number identifies nobody (sources §6).
"""

import re
from dataclasses import dataclass

from shared.reference import _spreadsheet
from shared.reference.invalid import Invalid, Note

_WRITTEN = re.compile(r"\(?\+?[0-9 .()\-\u00a0\u2010-\u2014]+")
_PUNCTUATION = re.compile(r"[^0-9+]")
_COUNTRY = re.compile(r"\+62|0062|62")
_LOST_ZERO = re.compile(r"8[1-9][0-9]{7,10}")
_MOBILE = re.compile(r"8[1-9]")  # 080x is toll-free and shared-cost

# National digits without the leading 0. Mobile 10–13 with it (sources §6); landlines down to a 2-digit area code with
# a 5-digit number, as small exchanges still have.
_MOBILE_LENGTH = range(9, 13)
_LANDLINE_LENGTH = range(7, 12)

# Prefix without the leading 0 → the operator it was given to; numbers are not portable in Indonesia, so it still is.
# Source: lokal-id 0.7.2 (sources §6). New prefixes appear: an unknown one is a note, never an error.
_OPERATORS = {
    prefix: operator
    for operator, prefixes in {
        "Telkomsel": "811 812 813 821 822 823 851 852 853",
        "Indosat": "814 815 816 855 856 857 858",
        "Tri": "895 896 897 898 899",
        "XL": "817 818 819 859 877 878",
        "Axis": "831 832 833 838",
        "Smartfren": "881 882 883 884 885 886 887 888 889",
    }.items()
    for prefix in prefixes.split()
}


@dataclass(frozen=True, slots=True)
class Phone:
    """A possible Indonesian number. Only a `mobile` one can be written to; `operator` is None where it is not known."""

    e164: str
    mobile: bool
    operator: str | None
    notes: tuple[Note, ...] = ()

    def __repr__(self) -> str:
        return f"Phone(mobile={self.mobile}, operator={self.operator!r})"


def parse(text: str) -> Phone:
    """Read a number that begins with 0, 62 or +62, with blanks, dots, dashes or parentheses between its groups.

    Raises `Invalid`: `phone.scientific`, `phone.format`, `phone.not_indonesian`, `phone.too_short`, `phone.too_long`,
    `phone.placeholder`. Notes: `phone.unknown_prefix`. Source: ITU E.164, sources §6.
    """
    national = _national(text)
    mobile = _MOBILE.match(national) is not None
    _require_length(national, _MOBILE_LENGTH if mobile else _LANDLINE_LENGTH)
    _require_real(national)
    operator = _OPERATORS.get(national[:3])
    return Phone(f"+62{national}", mobile, operator, () if operator or not mobile else (_UNKNOWN_PREFIX,))


def clean(text: str) -> str:
    """The number out of a spreadsheet cell, for `parse`; a leading 0 that the spreadsheet has eaten is put back.

    Never raises.
    """
    inner = _spreadsheet.bare(text)
    whole = _spreadsheet.digits(inner)
    return f"0{whole}" if _LOST_ZERO.fullmatch(whole) else (inner if inner[:1] == "+" else whole)


_UNKNOWN_PREFIX = Note(
    "phone.unknown_prefix",
    "Awalan nomor HP ini belum dikenal; pastikan nomornya benar.",
    "The prefix of this mobile number is not known yet; make sure that the number is right.",
)


def is_known_mobile_prefix(prefix: str) -> bool:
    """Whether four digits (`0812`) are a prefix given to a mobile operator."""
    return prefix[:1] == "0" and prefix[1:] in _OPERATORS


def _national(text: str) -> str:
    """The digits after the country code or the leading 0."""
    inner = text.strip()
    if _spreadsheet.is_scientific(inner):
        raise Invalid(
            "phone.scientific",
            "Nomor telepon sudah dibulatkan oleh lembar kerja; ubah format kolom menjadi Teks, lalu isi ulang.",
            "The spreadsheet has rounded this phone number; format the column as text and enter it again.",
        )
    if not _WRITTEN.fullmatch(inner):
        raise _malformed()
    number = _PUNCTUATION.sub("", inner)
    country = _COUNTRY.match(number)
    if country:
        # "+62 (0)812…" and "+62 0812…" are common; the 0 is not part of the international number.
        return number[country.end() :].removeprefix("0")
    if number.startswith("+"):
        raise Invalid(
            "phone.not_indonesian",
            "Nomor ini dari negara lain; isi nomor Indonesia yang diawali 08 atau +62.",
            "This number is of another country; enter an Indonesian one that begins with 08 or +62.",
        )
    if not number.startswith("0"):
        raise _malformed()
    return number[1:]


def _malformed() -> Invalid:
    return Invalid(
        "phone.format",
        "Nomor telepon harus diawali 0, 62 atau +62 dan hanya berisi angka; isi satu nomor saja.",
        "A phone number begins with 0, 62 or +62 and holds only digits; enter one number only.",
    )


def _require_length(national: str, allowed: range) -> None:
    if len(national) < allowed.start:
        raise Invalid(
            "phone.too_short",
            "Nomor telepon kurang angka; nomor HP 10–13 angka termasuk 0 di depan.",
            "The phone number lacks digits; a mobile number has 10 to 13 with its leading 0.",
        )
    if len(national) >= allowed.stop:
        raise Invalid(
            "phone.too_long",
            "Nomor telepon kelebihan angka; nomor HP 10–13 angka termasuk 0 di depan, isi satu nomor saja.",
            "The phone number has too many digits; a mobile number has 10 to 13 with its leading 0; enter one only.",
        )


def _require_real(national: str) -> None:
    """Refuse `0812 0000 0000` and `0888 8888 8888`; counting up is let through, such numbers are sold as pretty."""
    if len(set(national[3:])) == 1:
        raise Invalid(
            "phone.placeholder",
            "Nomor telepon ini hanya angka pengisi; isi nomor yang bisa dihubungi atau kosongkan.",
            "This phone number is a filler; enter one that can be reached or leave it out.",
        )
    if national[0] in "01":  # no area and no operator: 01 are carrier codes, 00 is the way abroad
        raise _malformed()
