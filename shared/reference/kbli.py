"""KBLI, the national classification of business activities: five digits of one edition.

A code means nothing without its edition: 2025 (Peraturan BPS 7/2025) renumbers 2020 (Peraturan BPS 2/2020), 1:n and
n:1, and offices will hold both for years. Titles come from `kbli_2020.csv` beside this file, a short list of what
small businesses do; an edition gets more when somebody puts `kbli_<edition>.csv` there.
"""

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from shared.reference.invalid import Invalid, Note

VERSIONS = ("2015", "2017", "2020", "2025")
"""Editions that a code may be of."""

_CODE = re.compile(r"[0-9]{5}")

# First and last two-digit division of each category; the same in the three editions that follow ISIC rev. 4.
_CATEGORIES = {
    "A": (1, 3),
    "B": (5, 9),
    "C": (10, 33),
    "D": (35, 35),
    "E": (36, 39),
    "F": (41, 43),
    "G": (45, 47),
    "H": (49, 53),
    "I": (55, 56),
    "J": (58, 63),
    "K": (64, 66),
    "L": (68, 68),
    "M": (69, 75),
    "N": (77, 82),
    "O": (84, 84),
    "P": (85, 85),
    "Q": (86, 88),
    "R": (90, 93),
    "S": (94, 96),
    "T": (97, 98),
    "U": (99, 99),
}
_ISIC4 = ("2015", "2017", "2020")


@dataclass(frozen=True, slots=True)
class Kbli:
    """A code of an edition. `title` is None where we do not have it; `category` (A–U) is None for 2025 and for
    divisions that the edition does not have."""

    code: str
    version: str
    title: str | None
    category: str | None
    notes: tuple[Note, ...] = ()


def parse(code: str, version: str) -> Kbli:
    """Read a five-digit code of an edition (`2015`, `2017`, `2020`, `2025`).

    Raises `Invalid`: `kbli.format`, `kbli.version`. Notes: `kbli.unknown`, which says only that our list does not
    have it. Source: Peraturan BPS 2/2020, 7/2025 (sources §0).
    """
    if version not in VERSIONS:
        raise Invalid(
            "kbli.version",
            "Tahun KBLI harus salah satu dari 2015, 2017, 2020 atau 2025.",
            "The KBLI edition is one of 2015, 2017, 2020 or 2025.",
        )
    if not _CODE.fullmatch(code):
        raise Invalid(
            "kbli.format",
            "Kode KBLI harus tepat 5 angka; angka 0 di depan jangan hilang (format kolom sebagai Teks).",
            "A KBLI code has exactly 5 digits; keep a leading 0 (format the column as text).",
        )
    title = _titles(version).get(code)
    return Kbli(code, version, title, category(code, version), () if title else (_UNKNOWN,))


def category(code: str, version: str) -> str | None:
    """The category letter of a code by its first two digits; C is manufacturing (*industri pengolahan*).

    None for 2025, whose categories A–V are cut differently, and for what is no code or of no division.
    """
    if version not in _ISIC4 or not _CODE.fullmatch(code):
        return None
    division = int(code[:2])
    return next((letter for letter, (first, last) in _CATEGORIES.items() if first <= division <= last), None)


_UNKNOWN = Note(
    "kbli.unknown",
    "Kode KBLI ini belum ada di daftar kami; cocokkan dengan NIB atau oss.go.id.",
    "This KBLI code is not in our list yet; compare it with the NIB or oss.go.id.",
)


@cache
def _titles(version: str) -> dict[str, str]:
    table = resources.files(__package__).joinpath(f"kbli_{version}.csv")
    if not table.is_file():
        return {}
    return {row["code"]: row["title"] for row in csv.DictReader(table.read_text(encoding="utf-8").splitlines())}
