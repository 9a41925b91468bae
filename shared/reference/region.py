"""Regions by their Kemendagri code: what exists, what lies in what, what time it is there, what an office calls it.

Codes are strings (`33.10` is not 33.1) of two, five, eight or thirteen characters: province, kab/kota, kecamatan,
desa/kelurahan; `00` is the nation. They are not BPS codes: Kemendagri 12.73 is Sibolga, BPS 1273 is Pematangsiantar
(sources §5).
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from shared.reference import _region_table, _spreadsheet
from shared.reference.invalid import Invalid

Level = Literal["nation", "province", "regency", "district", "village"]
Zone = Literal["WIB", "WITA", "WIT"]

NATION = "00"

_SHAPE = re.compile(r"[0-9]{2}(?:\.[0-9]{2}(?:\.[0-9]{2}(?:\.[0-9]{4})?)?)?")
_UNDOTTED = re.compile(r"[0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{10}")
_LEVELS: dict[int, Level] = {2: "province", 5: "regency", 8: "district", 13: "village"}

# Keppres 41/1987; the Papuan provinces of 2022 (93–96) were cut out of 91 and 92 and keep their time.
_PROVINCES_BY_ZONE: dict[Zone, str] = {
    "WIB": "11 12 13 14 15 16 17 18 19 21 31 32 33 34 35 36 61 62",
    "WITA": "51 52 53 63 64 65 71 72 73 74 75 76",
    "WIT": "81 82 91 92 93 94 95 96",
}
_ZONES = {province: zone for zone, provinces in _PROVINCES_BY_ZONE.items() for province in provinces.split()}
# What the nation does, it does by the capital's clock.
_ZONES[NATION] = "WIB"
_CLOCKS: dict[Zone, ZoneInfo] = {
    "WIB": ZoneInfo("Asia/Jakarta"),
    "WITA": ZoneInfo("Asia/Makassar"),
    "WIT": ZoneInfo("Asia/Jayapura"),
}


@dataclass(frozen=True, slots=True)
class Region:
    """A region that exists today. `parent` is the code above it, None for the nation."""

    code: str
    name: str
    level: Level
    parent: str | None
    timezone: ZoneInfo


def parse(code: str) -> Region:
    """Read a dotted code (`12.71`, `12.71.01.1001`, `64`, `00`) and look it up.

    Raises `Invalid`: `region.format`, `region.unknown`. Source: Kepmendagri 300.2.2-2138/2025.
    """
    _require_shape(code)
    return _known(code)


def clean(text: str) -> str:
    """A code out of a spreadsheet cell, for `parse`: dots put in (`1271` → `12.71`), an apostrophe taken off.

    A lost zero (`33.1` for 33.10) is not put back, as it could be 33.01 just as well. Never raises.
    """
    inner = _spreadsheet.bare(text).rstrip(".").replace(" ", "")
    if not _UNDOTTED.fullmatch(inner):
        return inner
    return ".".join(part for part in (inner[:2], inner[2:4], inner[4:6], inner[6:]) if part)


def within(code: str, ancestor: str) -> bool:
    """Whether a code lies in another or is it: `12.71` in `12` and `00`; `12.71` not in `12.7`. Looks nothing up."""
    return ancestor in (NATION, code) or code.startswith(f"{ancestor}.")


def ancestry(code: str) -> tuple[str, ...]:
    """A code and all above it, the nation first: `00`, `12`, `12.71`, `12.71.01`. Looks nothing up."""
    words = [] if code == NATION else code.split(".")
    return (NATION, *(".".join(words[:end]) for end in range(1, len(words) + 1)))


def regency_or_above(code: str) -> str:
    """The code cut to kab/kota, else province, else `00`: what routing keys and the header `region` carry.

    Raises `Invalid`: `region.format`. Looks nothing up. Source: contract, "Routing keys".
    """
    _require_shape(code)
    return code[:5]


def zone(code: str) -> Zone:
    """WIB (UTC+7), WITA (+8) or WIT (+9), by the province; the nation's is WIB.

    Raises `Invalid`: `region.format`, `region.unknown`. Source: Keppres 41/1987.
    """
    _require_shape(code)
    found = _ZONES.get(code[:2])
    if found is None:
        raise _unknown()
    return found


def timezone(code: str) -> ZoneInfo:
    """The zone of a code as Python's; errors as `zone`."""
    return _CLOCKS[zone(code)]


def local_date(instant: datetime, code: str) -> date:
    """The calendar date of an instant where the region is; contract dates are in the region's own zone.

    Raises `Invalid` as `zone`, and `ValueError` for an instant without a zone, which is a mistake of ours.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant needs its zone")
    return instant.astimezone(timezone(code)).date()


def is_known_province(code: str) -> bool:
    """Whether two digits are a province today; the nation is none. Never raises."""
    return code != NATION and code in _ZONES


def is_known_regency(code: str) -> bool:
    """Whether a dotted kab/kota code exists today. Never raises."""
    return code in _regencies()


def is_known_district(code: str) -> bool:
    """Whether a dotted kecamatan code exists today. Never raises."""
    return _SHAPE.fullmatch(code) is not None and _region_table.upper().name(code) is not None


def below(code: str, level: Level) -> tuple[str, ...]:
    """The codes of one level inside a region, in code order: all kab/kota of `64`, all villages of `12.71`.

    Raises `Invalid`: `region.format`, `region.unknown`.
    """
    parse(code)
    return tuple(found for found, _ in _rows(code, level))


# -- look-up -------------------------------------------------------------------------------------------------------


def _require_shape(code: str) -> None:
    if not _SHAPE.fullmatch(code):
        raise Invalid(
            "region.format",
            "Kode wilayah harus kode Kemendagri bertitik, misalnya 12.71 atau 12.71.01.1001; format kolom sebagai "
            "Teks supaya angka 0 tidak hilang.",
            "A region is a dotted Kemendagri code such as 12.71 or 12.71.01.1001; format the column as text so that "
            "no zero is lost.",
        )


def _unknown() -> Invalid:
    return Invalid(
        "region.unknown",
        "Kode wilayah ini tidak ada di daftar Kemendagri; periksa kembali, dan jangan memakai kode BPS.",
        "This region code is not in the Kemendagri list; look it up again, and do not use BPS codes.",
    )


# The regions of the agencies at work, not the nation: a few hundred bytes each.
@lru_cache(maxsize=4096)
def _known(code: str) -> Region:
    if code == NATION:
        return Region(NATION, "Indonesia", "nation", None, timezone(NATION))
    level = _LEVELS[len(code)]
    name = (_region_table.villages() if level == "village" else _region_table.upper()).name(code)
    if name is None:
        raise _unknown()
    return Region(code, name, level, code.rpartition(".")[0] or NATION, timezone(code))


@lru_cache(maxsize=1)
def _regencies() -> frozenset[str]:
    return frozenset(code for code, _ in _rows(NATION, "regency"))


def _rows(ancestor: str, level: Level) -> Iterator[tuple[str, str]]:
    table = _region_table.villages() if level == "village" else _region_table.upper()
    return (row for row in table.below(ancestor) if _LEVELS[len(row[0])] == level)


# -- by name -------------------------------------------------------------------------------------------------------

# What people write and the table does not: short names, old names, press spellings (sources §1). Keys as `_squeezed`.
_ALIASES = {
    "siantar": "12.72",
    "pemangsiantar": "12.72",
    "tobasamosir": "12.12",
    "labura": "12.23",
    "labusel": "12.22",
    "sergai": "12.18",
    "madina": "12.13",
    "kukar": "64.02",
    "kubar": "64.07",
    "kutim": "64.08",
    "ppu": "64.09",
    "pasir": "64.01",
    "mahulu": "64.11",
    "ujungpandang": "73.71",
    "jogja": "34.71",
    "nad": "11",
    "sumut": "12",
    "sumbar": "13",
    "sumsel": "16",
    "babel": "19",
    "kepri": "21",
    "dki": "31",
    "dkijakarta": "31",
    "jakarta": "31",
    "dkj": "31",
    "jabar": "32",
    "jateng": "33",
    "diy": "34",
    "diyogyakarta": "34",
    "jatim": "35",
    "ntb": "52",
    "ntt": "53",
    "kalbar": "61",
    "kalteng": "62",
    "kalsel": "63",
    "kaltim": "64",
    "kaltara": "65",
    "sulut": "71",
    "sulteng": "72",
    "sulsel": "73",
    "sultra": "74",
    "sulbar": "76",
    "malut": "82",
}

# A word before the name that says what kind is meant.
_KINDS: dict[str, tuple[Level, str]] = {
    "provinsi": ("province", ""),
    "prov": ("province", ""),
    "propinsi": ("province", ""),
    "kabupaten": ("regency", "Kabupaten "),
    "kab": ("regency", "Kabupaten "),
    "kota": ("regency", "Kota "),
    "kotamadya": ("regency", "Kota "),
    "kodya": ("regency", "Kota "),
    "pemko": ("regency", "Kota "),
    "pemkab": ("regency", "Kabupaten "),
    "kecamatan": ("district", ""),
    "kec": ("district", ""),
    "kelurahan": ("village", ""),
    "kel": ("village", ""),
    "desa": ("village", ""),
    "ds": ("village", ""),
}
_ADMINISTRATIVE = ("administrasi", "adm")  # the kota of Jakarta
_OFFICIAL_KIND = re.compile(r"(?:Kabupaten|Kota) (?:Administrasi )?")
_ALIKE = 0.86
"""How alike two squeezed names must be (0–1, difflib). Lets one or two slips through in a name of ten letters."""


def find(name: str, within: str | None = None, *, level: Level | None = None) -> Region:
    """The one region that an office means by a name: `Pematang Siantar`, `Medan`, `Kab. Bengkalis`, `Kaltim`.

    Looked for are provinces and kab/kota of the nation; inside a province, its kab/kota and kecamatan; inside a
    kab/kota or kecamatan, what is below it to the village. `level` asks for that level only. An exact name beats an
    alias, an alias a near spelling, and the higher region a lower one of the same name.

    Raises `Invalid`: `region.not_found`, `region.ambiguous` (Bandung is a kota and a kabupaten; a village needs at
    least its province), and as `parse` for `within`. Source: sources §1 (name variants in S0).
    """
    return _found(name, parse(within or NATION).code, level)


@lru_cache(maxsize=2048)
def _found(name: str, ancestor: str, level: Level | None) -> Region:
    kind, wanted = _split_kind(name)
    if not wanted:
        raise _not_found()
    levels = _levels_of(ancestor, level or (kind and kind[0]))
    prefix = kind[1] if kind else ""
    rows = [[row for row in _names(ancestor, rank) if row.official.startswith(prefix)] for rank in levels]
    for of_level in rows:
        if exact := [row.code for row in of_level if row.squeezed == wanted]:
            return _only(exact)
    alias = _ALIASES.get(wanted, "")
    if any(row.code == alias for of_level in rows for row in of_level):
        return _known(alias)
    return _nearest(wanted, [row for of_level in rows for row in of_level])


class _Name(NamedTuple):
    code: str
    official: str
    squeezed: str


@lru_cache(maxsize=64)
def _names(ancestor: str, level: Level) -> tuple[_Name, ...]:
    return tuple(_Name(code, official, _squeezed(official)) for code, official in _rows(ancestor, level))


def _split_kind(name: str) -> tuple[tuple[Level, str] | None, str]:
    """`Kab. Bengkalis` → what kind is meant, and the name squeezed to its letters and digits."""
    words = re.findall(r"[a-z0-9]+", _plain(name))
    kind = _KINDS.get(words[0]) if len(words) > 1 else None
    if kind:
        words = words[2:] if words[1] in _ADMINISTRATIVE else words[1:]
    return kind, "".join(words)


def _plain(name: str) -> str:
    # Apostrophes belong to words (Ma'rang, Koto Alam's), accents are noise.
    decomposed = unicodedata.normalize("NFKD", name[:200]).replace("'", "").replace("\u2019", "")
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).lower()


def _squeezed(official: str) -> str:
    return "".join(re.findall(r"[a-z0-9]+", _plain(_OFFICIAL_KIND.sub("", official, count=1))))


def _levels_of(ancestor: str, level: Level | None) -> tuple[Level, ...]:
    if level == "village" and ancestor == NATION:
        raise _ambiguous()
    if level:
        return (level,)
    defaults: dict[Level, tuple[Level, ...]] = {
        "nation": ("province", "regency"),
        "province": ("regency", "district"),
        "regency": ("district", "village"),
        "district": ("village",),
        "village": (),
    }
    return defaults[_known(ancestor).level]


def _nearest(wanted: str, rows: list[_Name]) -> Region:
    scored = sorted(((_alike(wanted, row.squeezed), row.code) for row in rows), reverse=True)
    if not scored or scored[0][0] < _ALIKE:
        raise _not_found()
    return _only([code for score, code in scored if score == scored[0][0]])


def _alike(wanted: str, official: str) -> float:
    matcher = SequenceMatcher(None, official, wanted, autojunk=False)
    # Two cheap upper bounds first; the true ratio is quadratic.
    if matcher.real_quick_ratio() < _ALIKE or matcher.quick_ratio() < _ALIKE:
        return 0.0
    return matcher.ratio()


def _only(codes: list[str]) -> Region:
    if len(codes) > 1:
        raise _ambiguous()
    return _known(codes[0])


def _ambiguous() -> Invalid:
    return Invalid(
        "region.ambiguous",
        "Nama wilayah ini dipakai lebih dari satu wilayah; tulis Kota atau Kabupaten di depannya, atau isi kodenya.",
        "More than one region has this name; write Kota or Kabupaten before it, or enter the code.",
    )


def _not_found() -> Invalid:
    return Invalid(
        "region.not_found",
        "Nama wilayah ini tidak ditemukan; periksa ejaannya atau isi kode Kemendagri.",
        "No region of this name was found; look at the spelling or enter the Kemendagri code.",
    )
