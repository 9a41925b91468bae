"""Office sheets for tests: nobody's people, written as offices write them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from random import Random

import xlsxwriter
from python_calamine import CalamineWorkbook

from tests.shared.reference import generate

HEADINGS = (
    "NAMA PEMILIK",
    "NIK",
    "No. HP/WA",
    "Nama Usaha",
    "NIB",
    "Kelurahan",
    "Kecamatan",
    "Omzet per Tahun (Rp)",
    "Tahun Omzet",
    "Jumlah Tenaga Kerja",
    "Jenis (IKM/UKM)",
    "Kebutuhan",
    "Persetujuan WA",
)


def row(number: int, **cells: str) -> list[str]:
    """A good row of Kota Medan; `cells` replaces some by heading, with `_` for what is no letter."""
    rng = Random(number)
    good = {
        "NAMA PEMILIK": f"Contoh Nomor {number}",
        "NIK": generate.nik(rng, regency="12.71", serial=number),
        "No. HP/WA": generate.written_phone(rng, generate.phone(rng)),
        "Nama Usaha": f"Usaha Contoh {number}",
        "NIB": "",
        "Kelurahan": "Aur",
        "Kecamatan": "Medan Maimun",
        "Omzet per Tahun (Rp)": "180.000.000",
        "Tahun Omzet": "2025",
        "Jumlah Tenaga Kerja": "3",
        "Jenis (IKM/UKM)": "IKM",
        "Kebutuhan": "Peralatan",
        "Persetujuan WA": "Ya",
    }
    return list({**good, **cells}.values())


def text(rows: Sequence[Sequence[str]], *, headings: Sequence[str] = HEADINGS, delimiter: str = ";") -> str:
    """A sheet as text."""
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter).writerows([headings, *rows])
    return file.getvalue()


def write(path: Path, rows: Sequence[Sequence[str]], *, headings: Sequence[str] = HEADINGS) -> Path:
    """A sheet as a file."""
    path.write_text(text(rows, headings=headings), encoding="utf-8", newline="")
    return path


def read(path: Path, delimiter: str = ";") -> list[dict[str, str]]:
    """The rows of a returned sheet by heading."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def workbook(path: Path, rows: Sequence[Sequence[str]], *, headings: Sequence[str] = HEADINGS) -> Path:
    """A sheet as an `.xlsx`, every cell a text."""
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        sheet = book.add_worksheet("Data")
        for number, cells in enumerate([headings, *rows]):
            for column, cell in enumerate(cells):
                sheet.write_string(number, column, cell)
    return path


def cells(path: Path, sheet: str | None = None) -> list[list[str]]:
    """The rows of one of a workbook's sheets as text, of the first if none is named."""
    book = CalamineWorkbook.from_path(path)
    found = book.get_sheet_by_name(sheet or book.sheet_names[0])
    return [[str(cell) for cell in row] for row in found.to_python(skip_empty_area=False)]


def names(path: Path) -> list[str]:
    """A workbook's sheets."""
    return CalamineWorkbook.from_path(path).sheet_names
