"""Dates as offices write them, and instants as RFC 3339 demands them.

An Indonesian office puts the day first: 05/01/2026 is the fifth of January. Two-digit years, day serials of Excel and
dates that do not exist are refused with what to do, not guessed at.
"""

import re
from datetime import date, datetime

from shared.reference import _spreadsheet
from shared.reference.invalid import Invalid

_ISO = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_YEAR_FIRST = re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})")
_DAY_FIRST = re.compile(r"([0-9]{1,2})\s*([-/. ])\s*([0-9]{1,2})\s*\2\s*([0-9]{2,4})")
_NAMED_MONTH = re.compile(r"([0-9]{1,2})[\s./-]*([A-Za-z]{3,9})[\s./-]*([0-9]{2,4})")
_MIDNIGHT = re.compile(r"[T ]00[:.]00(?:[:.]00(?:\.0+)?)?\Z")  # what an export adds to a date
_SERIAL = re.compile(r"[0-9]{5}(?:[.,]0)?")

_YEARS = range(1900, 2201)
"""Years that can be meant. It also keeps every instant within what can be turned into UTC."""

# Month by the first letters that tell it apart. Old (Nopember, Pebruari), short (Agt, Ags) and English spellings come
# from office files and from Excel in English.
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "januari january jan",
            "februari february pebruari feb peb",
            "maret march mar mrt",
            "april apr",
            "mei may",
            "juni june jun",
            "juli july jul",
            "agustus august agu agt ags agust aug",
            "september sep sept",
            "oktober october okt oct",
            "november nopember nov nop",
            "desember december des dec",
        ),
        start=1,
    )
    for name in names.split()
}

# RFC 3339 §5.6; lower-case t and z and a blank for T are allowed there.
_TIME = re.compile(
    r"([0-9]{4})-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?P<zone>[Zz]|[+-][0-9]{2}:[0-9]{2})?"
)


def parse(text: str) -> date:
    """Read an office's date, day first: `05/01/2026`, `1-3-2019`, `5 Januari 2026`, `5 Agt 2026`, or ISO.

    Raises `Invalid`: `date.format`, `date.serial` (Excel's day count), `date.short_year`, `date.impossible`,
    `date.out_of_range` (years outside 1900–2200).
    """
    inner = _MIDNIGHT.sub("", _spreadsheet.bare(text))
    if found := _YEAR_FIRST.fullmatch(inner):
        return _date(int(found[1]), int(found[2]), int(found[3]))
    if found := _DAY_FIRST.fullmatch(inner):
        return _date(_year(found[4]), int(found[3]), int(found[1]))
    found = _NAMED_MONTH.fullmatch(inner)
    if found and (month := _MONTHS.get(found[2].lower())):
        return _date(_year(found[3]), month, int(found[1]))
    if _SERIAL.fullmatch(inner):
        raise Invalid(
            "date.serial",
            "Tanggal ini masih berupa bilangan Excel; ubah format kolom menjadi Tanggal, lalu simpan lagi.",
            "This date is still Excel's day count; format the column as a date and save again.",
        )
    raise _malformed()


def parse_iso(text: str) -> date:
    """Read a date as it stands on the wire, `YYYY-MM-DD` and nothing else.

    Raises `Invalid`: `date.format`, `date.impossible`, `date.out_of_range`. Source: contract, "The envelope".
    """
    found = _ISO.fullmatch(text)
    if found is None:
        raise _malformed()
    return _date(int(found[1]), int(found[2]), int(found[3]))


def parse_time(text: str) -> datetime:
    """Read an RFC 3339 instant with its zone; the zone is kept as written, digits below a microsecond are cut off.

    Raises `Invalid`: `time.format`, `time.zone_missing`, `time.out_of_range` (years outside 1900–2200). Strict
    first, because `datetime.fromisoformat` takes much more than RFC 3339 (week dates, no seconds, no separators).
    """
    found = _TIME.fullmatch(text)
    if found is None:
        raise _malformed_time()
    if found["zone"] is None:
        raise Invalid(
            "time.zone_missing",
            "Waktu harus memuat zona, misalnya +07:00 untuk WIB, +08:00 untuk WITA, +09:00 untuk WIT.",
            "A time needs its zone, such as +07:00 (WIB), +08:00 (WITA), +09:00 (WIT) or Z.",
        )
    try:
        instant = datetime.fromisoformat(text.upper())
    except ValueError:
        raise _malformed_time() from None
    if instant.year not in _YEARS:
        raise Invalid(
            "time.out_of_range",
            "Tahun pada waktu ini tidak mungkin; periksa jam pada sistem pengirim.",
            "The year of this time cannot be meant; look at the clock of the sending system.",
        )
    return instant


def _year(written: str) -> int:
    if len(written) == 4:
        return int(written)
    raise Invalid(
        "date.short_year",
        "Tulis tahun dengan empat angka, misalnya 2026.",
        "Write the year with four digits, as in 2026.",
    )


def _date(year: int, month: int, day: int) -> date:
    if year not in _YEARS:
        raise Invalid(
            "date.out_of_range",
            "Tahun pada tanggal ini tidak mungkin; periksa kembali.",
            "The year of this date cannot be meant; look at it again.",
        )
    try:
        return date(year, month, day)
    except ValueError:
        raise Invalid(
            "date.impossible",
            "Tanggal ini tidak ada; tulis hari dahulu, lalu bulan, lalu tahun, misalnya 05/01/2026 untuk 5 Januari.",
            "This date does not exist; write day, month, year: 05/01/2026 is the fifth of January.",
        ) from None


def _malformed() -> Invalid:
    return Invalid(
        "date.format",
        "Tanggal tidak terbaca; tulis misalnya 05/01/2026, 5 Januari 2026 atau 2026-01-05.",
        "The date cannot be read; write it as 05/01/2026 (day first), 5 Januari 2026 or 2026-01-05.",
    )


def _malformed_time() -> Invalid:
    return Invalid(
        "time.format",
        "Waktu harus ditulis menurut RFC 3339, misalnya 2026-01-05T09:30:00+07:00.",
        "A time is written as RFC 3339 says, for example 2026-01-05T09:30:00+07:00.",
    )
