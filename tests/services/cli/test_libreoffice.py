"""Real LibreOffice between us and ourselves: what it saves is read, whatever it saves it as (issue 4, "Show" 5)."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from deploy.local.world import World
from services.cli.exits import Exit
from services.cli.report import REQUIRED, read
from services.cli.sheet import open_sheet
from shared.reference import region as regions
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


_CLERK = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE script:module PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "module.dtd">
<script:module xmlns:script="http://openoffice.org/2000/script" script:name="Module1" script:language="StarBasic">
Sub Edit(url As String, cell As String, text As String)
  Dim plain()
  book = StarDesktop.loadComponentFromURL(url, "_blank", 0, plain())
  book.Sheets.getByIndex(0).getCellRangeByName(cell).setFormula(text)
  book.store()
  book.close(True)
End Sub
</script:module>
"""
"""A clerk: opens a file, types into a cell, saves it under its name."""


def edited(path: Path, cell: str, text: str, folder: Path) -> None:
    """Open a workbook in LibreOffice, type a text into a cell of its first sheet, and save it as what it is."""
    module = folder / "profile/user/basic/Standard/Module1.xba"
    start = [str(SOFFICE), f"-env:UserInstallation=file://{folder}/profile", "--headless", "--norestore"]
    if not module.exists():
        subprocess.run([*start, "macro:///Standard.Module1.Main"], capture_output=True, timeout=SECONDS, check=True)
    module.write_text(_CLERK)
    macro = f"macro:///Standard.Module1.Edit(file://{path},{cell},{text})"
    before = path.stat().st_mtime_ns
    ended = subprocess.run([*start, macro], capture_output=True, text=True, timeout=SECONDS, check=True)
    assert path.stat().st_mtime_ns > before, ended.stderr


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


@pytest.mark.servers
async def test_an_export_goes_round_through_libreoffice(
    world: World, services: None, told: History, tmp_path: Path, folder: Path
) -> None:
    """Exported, one cell typed over in LibreOffice, imported again: that alone has changed, and that alone was told.

    The cell is the name, by which a business is otherwise recognised; another has an owner without a number, and
    nothing but its ID Binaan leads to it.
    """
    office = Office(world, tmp_path)
    place = regions.find("Medan Tembung", "12.71", level="district")
    rows = [sheets.row(7500 + at, Kelurahan="Sidorejo", Kecamatan=place.name) for at in range(3)]
    rows[1][1] = ""
    await office.json("import", office.sheet(*rows), "--as", MEDAN)
    before = await asked(office, place.code)
    assert len(before) == 3

    path = office.folder / "register.xlsx"
    await office.run("export", path, "--as", MEDAN, "--region", place.code)
    cell = cell_of(sheets.cells(path), "Usaha Contoh 7500", "Nama Usaha")
    await asyncio.to_thread(edited, path, cell, "Kopi Baru", folder)

    summary = await office.json("import", path, "--as", MEDAN)
    assert summary["outcomes"] == {"diperbarui": 1, "tetap": 2}
    after = await asked(office, place.code)
    (changed,) = (one for one in before if before[one] != after[one])
    assert after[changed]["business"] == {**before[changed]["business"], "name": "Kopi Baru"}
    told_before, told_after = (one[changed]["detail"]["told"] for one in (before, after))
    assert [field for field in told_after if told_after[field] != told_before[field]] == ["name"]
    await until(lambda: len(told.by_subject()[changed]) == 2)
    assert told.by_subject()[changed][1]["data"]["change"] == {"fields": ["name"]}
    assert all(len(told.by_subject()[one]) == 1 for one in before if one != changed)
    assert (await office.json("import", path, "--as", MEDAN))["outcomes"] == summary["outcomes"]


async def asked(office: Office, region: str) -> dict[str, Any]:
    """All that registry knows of the businesses of a region, by id."""
    question = json.dumps({"region": region, "detail": "full", "purpose": "test"})
    answer = await office.json("send", "registry.business.request", question, "--as", MEDAN)
    return {one["business"]["business_id"]: one for one in answer["data"]["answer"]}


def cell_of(rows: list[list[str]], name: str, heading: str) -> str:
    """Where a spreadsheet shows a value of the business of that name: `J2`."""
    (row,) = (number for number, cells in enumerate(rows, start=1) if name in cells)
    return f"{chr(ord('A') + rows[0].index(heading))}{row}"
