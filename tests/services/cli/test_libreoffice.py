"""Real LibreOffice between us and ourselves: what it saves is read, whatever it saves it as (issue 4, "Show" 5)."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter

from deploy.local.world import World
from services.cli.exits import Exit
from services.cli.report import REQUIRED, read
from services.cli.sheet import open_sheet
from tests.samples import MEDAN
from tests.services.cli import sheets
from tests.services.cli.test_on_servers import Office, services
from tests.support import History, until

__all__ = ["services"]

SOFFICE = shutil.which("soffice") or shutil.which("libreoffice")
pytestmark = pytest.mark.skipif(
    SOFFICE is None, reason="LibreOffice is not installed (apt-get install libreoffice-calc)"
)
SECONDS = 120


def saved_as(path: Path, ending: str, folder: Path) -> Path:
    """What LibreOffice makes of a file when somebody opens it and saves it as another kind."""
    profile = f"-env:UserInstallation=file://{folder}/profile"
    command = [str(SOFFICE), profile, "--headless", "--convert-to", ending, "--outdir", str(folder), str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
    made = folder / f"{path.stem}.{ending}"
    assert made.exists(), ended.stderr
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "saved"
    made.mkdir()
    return made


@pytest.mark.parametrize("ending", ["xlsx", "xls", "ods"])
def test_what_libreoffice_saves_says_what_it_was_given(tmp_path: Path, folder: Path, ending: str) -> None:
    """Texts, a NIK with all its digits, an amount, a date, a formula, a merged cell, each in the kind's own way."""
    path = tmp_path / "umkm.xlsx"
    headings = ("NIK", "Nama Usaha", "Kelurahan", "Tanggal Pendataan", "Omzet 2025", "No HP", "Jumlah TK")
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("Data UMKM")
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        sheet.merge_range("A1:G1", "DAFTAR UMKM KOTA MEDAN")
        sheet.write_row("A3", headings)
        for row, name in enumerate(("Kopi Café", "Keripik"), start=3):
            sheet.write_row(row, 0, ["1271994107900001", name, "Aur"])
            sheet.write_datetime(row, 3, date(2026, 1, 5), day)
            sheet.write_formula(row, 4, "=90000000*2", None, 180_000_000)
            sheet.write_row(row, 5, [81234567890, 3])
        sheet.write_number(4, 0, 1271994107900000)
    good, rounded = open_sheet(saved_as(path, ending, folder), REQUIRED).rows()
    report = read(good, "12.71")
    assert (good.number, report.problems, report.surveyed_on) == (4, [], date(2026, 1, 5))
    assert report.data["owner"] == {"nik": "1271994107900001", "phone": "081234567890"}
    business = report.data["business"]
    assert (business["name"], business["workers"]) == ("Kopi Café", 3)
    assert business["annual_sales"] == {"year": 2025, "amount": 180_000_000}
    assert [problem.code for problem in read(rounded, "12.71").problems] == ["nik.scientific"]


@pytest.fixture
async def told(world: World) -> AsyncIterator[History]:
    async with History(world) as found:
        yield found


@pytest.mark.servers
async def test_a_workbook_goes_round_through_libreoffice(
    world: World, services: None, told: History, tmp_path: Path, folder: Path
) -> None:
    """Imported, given back, corrected and saved in LibreOffice, imported again: the corrected row is new, no other."""
    office = Office(world, tmp_path)
    rows = [sheets.row(5001, NIK="127199410790000"), sheets.row(5002), sheets.row(5003)]
    first = sheets.workbook(tmp_path / "bolak.xlsx", rows)
    returned = Path((await office.json("import", first, "--as", MEDAN, exits=Exit.REFUSED))["sheet"])
    before = sheets.cells(returned)

    flat = await asyncio.to_thread(saved_as, returned, "fods", folder)
    text = flat.read_text()
    assert text.count("127199410790000<") == 1
    flat.write_text(re.sub("127199410790000<", f"{sheets.row(5001)[1]}<", text))
    corrected = await asyncio.to_thread(saved_as, flat, "xlsx", folder)
    shutil.copy(corrected, returned)

    summary = await office.json("import", returned, "--as", MEDAN)
    assert summary["outcomes"] == {"diterima": 3}
    after = sheets.cells(returned)
    assert [row[-3] for row in after[2:]] == [row[-3] for row in before[2:]]
    ids = {row[-3] for row in after[1:]}
    await until(lambda: ids <= told.by_subject().keys())
    assert all(len(told.by_subject()[one]) == 1 for one in ids)
