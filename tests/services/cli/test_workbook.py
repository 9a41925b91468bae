"""Workbooks as offices have them: what a cell says, which sheet is meant, what is refused before anything is sent."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.cli import container
from services.cli.cells import Report
from services.cli.exits import CliError, Exit
from services.cli.grid import Cell
from services.cli.report import REQUIRED, read
from services.cli.sheet import Result, Sheet, open_sheet, replacing, result_path, write_results
from services.cli.workbook import WorkbookGrid, text_of
from tests.services.cli import sheets
from tests.shared.reference import generate

HEADINGS = ("NIK", "Nama Usaha", "Kelurahan", "Tanggal Pendataan", "Omzet", "Tahun Omzet", "No HP")
GOOD: tuple[Cell, ...] = ("1271994107900001", "Usaha Contoh", "Aur", "05/01/2026", 180000000, 2025, "081234567890")


NAIVE = datetime(2026, 1, 5, 9, 30)  # noqa: DTZ001 - a cell knows no zone


def good(**cells: Cell) -> list[Cell]:
    return list(
        {**dict(zip(HEADINGS, GOOD, strict=True)), **{key.replace("_", " "): v for key, v in cells.items()}}.values()
    )


def made(path: Path, rows: Sequence[Sequence[Cell]], name: str = "Data", **options: Any) -> Path:
    with xlsxwriter.Workbook(str(path), options) as book:
        fill(book, book.add_worksheet(name), rows)
    return path


def fill(book: Any, sheet: Any, rows: Sequence[Sequence[Cell]], top: int = 0) -> None:
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    for number, row in enumerate(rows, start=top):
        for column, cell in enumerate(row):
            if isinstance(cell, date):
                sheet.write_datetime(number, column, cell, day)
            elif isinstance(cell, str):
                sheet.write_string(number, column, cell)
            else:
                sheet.write(number, column, cell)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "umkm.xlsx"


def reports(path: Path, wanted: str | None = None) -> list[Report]:
    return [read(row, "12.71") for row in open_sheet(path, REQUIRED, wanted).rows()]


def one(path: Path) -> Report:
    (report,) = reports(path)
    return report


def codes(report: Report) -> set[str]:
    return {problem.code for problem in report.problems}


def names(sheet: Sheet) -> list[str]:
    return [row.cells["business.name"] for row in sheet.rows()]


# -- cells -------------------------------------------------------------------------------------------------------------


def test_a_workbook_says_what_the_same_csv_says(path: Path) -> None:
    """Which program the office uses does not change its register, nor send a row anew."""
    table = [list(map(str, good())), list(map(str, good(Nama_Usaha="Kedua")))]
    text = sheets.write(path.with_suffix(".csv"), table, headings=HEADINGS)
    made(path, [HEADINGS, good(), good(Nama_Usaha="Kedua")])
    assert [(one.data, one.surveyed_on) for one in reports(path)] == [
        (one.data, one.surveyed_on) for one in reports(text)
    ]


@pytest.mark.parametrize("number", [1271994107900010, 1271994107900000, 9171014107900003, 1.27199410790000e15])
def test_a_nik_that_may_have_been_rounded_is_refused_with_the_advice(path: Path, number: float) -> None:
    """Excel keeps 15 digits and makes the 16th a 0; beyond 2**53 (Papua's 91 … 96) no program keeps every number."""
    made(path, [HEADINGS, good(NIK=number)])
    report = one(path)
    assert codes(report) == {"nik.scientific"}
    assert "ubah format kolom menjadi Teks" in report.problems[0].text_id


def test_a_nik_as_an_exact_number_is_taken(path: Path) -> None:
    """LibreOffice and other systems keep all 16 digits, and a last digit other than 0 shows it."""
    made(path, [HEADINGS, good(NIK=1271994107900001)])
    assert one(path).data["owner"]["nik"] == "1271994107900001"


@given(st.integers(0, 10**18))
def test_no_number_is_read_as_another_one(number: int) -> None:
    """The cell holds a double; either it was that very number, or it is refused as rounded."""
    text = text_of(float(number))
    assert text == str(number) or "E+" in text or int(text) == int(float(number)) != number
    if number % 10 and number < 2**53:
        assert text == str(number)
    if number >= 2**53:
        assert "E+" in text


def test_a_phone_that_lost_its_zero_has_it_again(path: Path) -> None:
    made(path, [HEADINGS, good(No_HP=81234567890)])
    assert one(path).data["owner"]["phone"] == "081234567890"


def test_a_leading_apostrophe_is_no_part_of_a_number(path: Path) -> None:
    made(path, [HEADINGS, good(NIK="'1271994107900001", No_HP="'081234567890")])
    assert one(path).data["owner"] == {"nik": "1271994107900001", "phone": "081234567890"}


@pytest.mark.parametrize("cell", [date(2026, 1, 5), NAIVE, 46027, "5 Januari 2026", "05/01/2026"])
def test_a_date_is_read_however_excel_holds_it(path: Path, cell: Cell) -> None:
    """As a date, as one with a time, as the bare day count of a column that lost its format, or as text."""
    made(path, [HEADINGS, good(Tanggal_Pendataan=cell)])
    report = one(path)
    assert (report.surveyed_on, codes(report)) == (date(2026, 1, 5), set())


def test_a_bare_day_count_of_a_calendar_from_1904_is_refused(path: Path) -> None:
    """The same number is four years later there; formatted dates are read rightly."""
    made(path, [HEADINGS, good(Tanggal_Pendataan=44565)], date_1904=True)
    assert codes(one(path)) == {"date.serial"}
    made(path, [HEADINGS, good(Tanggal_Pendataan=date(2026, 1, 5))], date_1904=True)
    assert one(path).surveyed_on == date(2026, 1, 5)


@pytest.mark.parametrize(("cell", "amount"), [("6.111", 6111), (6111, 6111), (6111.0, 6111), ("Rp 6.111", 6111)])
def test_thousands_are_read_with_their_dots(path: Path, cell: Cell, amount: int) -> None:
    made(path, [HEADINGS, good(Omzet=cell)])
    assert one(path).data["business"]["annual_sales"] == {"year": 2025, "amount": amount}


def test_a_number_that_an_english_excel_took_for_a_fraction_is_refused(path: Path) -> None:
    """6.111 typed there is six and a bit, or was meant as six thousand: a question is better than a guess."""
    made(path, [HEADINGS, good(Omzet=6.111)])
    assert codes(one(path)) == {"rupiah.ambiguous"}


def test_a_formula_is_read_as_its_result_and_told_when_it_has_none(path: Path) -> None:
    """Some programs write formulas without calculating them; a blank would be taken for 'not known'."""
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        fill(book, sheet, [HEADINGS, good(), good(), good(), good()])
        sheet.write_formula("E2", "=90000000*2", None, 180000000)
        sheet.write_formula("E3", "=MISSING", None, 777)
        sheet.write_formula("E4", "=1/0", None, "#DIV/0!")
        sheet.write_formula("B5", '=IF(A1="","",A1)', None, "dari rumus")
    replaced(path, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b"<v>777</v>", b""))
    calculated, missing, failed, text = reports(path)
    assert calculated.data["business"]["annual_sales"]["amount"] == 180000000
    assert codes(missing) == codes(failed) == {"sheet.formula"}
    assert missing.problems[0].field == "data.business.annual_sales.amount"
    assert text.data["business"]["name"] == "dari rumus"


def replaced(path: Path, part: str, change: Callable[[bytes], bytes]) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    before = parts[part]
    parts[part] = change(before)
    assert parts[part] != before
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


# -- where the table is ------------------------------------------------------------------------------------------------


def test_titles_above_and_blank_columns_beside_the_table_are_skipped(path: Path) -> None:
    """The number said to a clerk is the one that Excel shows."""
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        sheet.merge_range("C2:I2", "DAFTAR UMKM KOTA MEDAN")
        fill(book, sheet, [["", "", *HEADINGS], ["", "", *good()]], top=3)
    (row,) = open_sheet(path, REQUIRED).rows()
    assert (row.number, row.cells["owner.nik"]) == (5, "1271994107900001")


def test_a_cell_merged_over_several_rows_says_the_same_in_each(path: Path) -> None:
    """One owner beside three businesses. It does not make rows of the blank ones below."""
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        fill(book, sheet, [HEADINGS, good(), *[["", *good(Nama_Usaha=name)[1:]] for name in ("Dua", "Tiga")]])
        sheet.merge_range("A2:A8", "1271994107900001")
    found = reports(path)
    assert [one.data["owner"]["nik"] for one in found] == ["1271994107900001"] * 3


def test_headings_merged_over_two_rows_are_one_row_of_headings(path: Path) -> None:
    """ "Alamat" above "Kelurahan" and "Kecamatan", all others over both rows."""
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        sheet.merge_range("A1:A2", "NIK")
        sheet.merge_range("B1:B2", "Nama Usaha")
        sheet.merge_range("C1:D1", "Lokasi Usaha")
        fill(
            book,
            sheet,
            [["", "", "Kelurahan", "Kecamatan"], ["1271994107900001", "Usaha", "Aur", "Medan Maimun"]],
            top=1,
        )
    (report,) = reports(path)
    assert report.data["business"] == {"name": "Usaha", "region": "12.71.14.1005"} or not report.problems


def test_hidden_rows_are_rows(path: Path) -> None:
    """A filter hides them, and nobody means to leave them out of the register by looking at others."""
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        fill(book, sheet, [HEADINGS, good(), good(Nama_Usaha="Tersembunyi")])
        sheet.set_row(2, None, None, {"hidden": True})
    assert names(open_sheet(path, REQUIRED)) == ["Usaha Contoh", "Tersembunyi"]


def several(path: Path, **contents: Sequence[Sequence[Cell]]) -> Path:
    with xlsxwriter.Workbook(str(path)) as book:
        for name, rows in contents.items():
            sheet = book.add_worksheet(name)
            fill(book, sheet, rows)
            if name.startswith("Arsip"):
                sheet.hide()
    return path


def test_the_sheet_with_headings_is_found_among_others(path: Path) -> None:
    """Behind a cover, before a list of codes, and not in a sheet that the office has hidden."""
    several(
        path,
        Sampul=[["DINAS KOPERASI"]],
        Data=[HEADINGS, good()],
        Kode=[["Kecamatan", "Kode"]],
        Arsip=[HEADINGS, good()],
    )
    sheet = open_sheet(path, REQUIRED)
    assert (sheet.grid.name, sheet.origin) == ("Data", path)


def test_several_sheets_that_can_be_meant_are_named_and_not_chosen_from(path: Path) -> None:
    """One a kecamatan is usual; taking the first would lose the others without a word."""
    several(path, Aur=[HEADINGS, good()], Sei=[HEADINGS, good(Nama_Usaha="Kedua")])
    with pytest.raises(CliError, match="2 sheets that can be read, “Aur”, “Sei”; name one with --sheet"):
        open_sheet(path, REQUIRED)
    sheet = open_sheet(path, REQUIRED, "sei ")
    assert names(sheet) == ["Kedua"]
    assert result_path(sheet, "hasil").name == "umkm.Sei.hasil.xlsx"
    with pytest.raises(CliError, match="has no sheet “Mandau”; it has “Aur”, “Sei”"):
        open_sheet(path, REQUIRED, "Mandau")


def test_csv_has_no_sheets(path: Path) -> None:
    with pytest.raises(CliError, match="leave out --sheet"):
        open_sheet(sheets.write(path.with_suffix(".csv"), [sheets.row(1)]), REQUIRED, "Data")


# -- what is refused ---------------------------------------------------------------------------------------------------


def refused(path: Path, said: str) -> None:
    with pytest.raises(CliError, match=said) as caught:
        open_sheet(path, REQUIRED)
    assert caught.value.code == Exit.USAGE
    assert "\n" not in caught.value.text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<html><table><tr><td>NIK</td></tr></table></html>", "is a web page"),
        (b"\xef\xbb\xbf\r\n<!DOCTYPE html>", "is a web page"),
        ("<html>".encode("utf-16"), "is a web page"),
        (b'<?xml version="1.0"?><Workbook/>', "is a web page or XML"),
        (b"MIME-Version: 1.0\r\n", "is a saved web page"),
        (b"%PDF-1.7", "is a PDF"),
        (b"\x1f\x8b\x08", "is a compressed file"),
        (b"", "is empty"),
    ],
)
def test_what_is_no_workbook_whatever_its_name_is_refused(path: Path, content: bytes, said: str) -> None:
    """Portals export web pages under the name .xls, and Excel opens them without a word."""
    path = path.with_suffix(".xls")
    path.write_bytes(content)
    refused(path, said)


def test_csv_under_the_name_of_a_workbook_is_read(path: Path) -> None:
    """Other portals export that."""
    path.write_text(sheets.text([sheets.row(1)]))
    assert names(open_sheet(path, REQUIRED)) == ["Usaha Contoh 1"]


def test_a_protected_workbook_is_refused(path: Path) -> None:
    """Excel puts the encrypted package into an OLE container, whose directory names it in UTF-16."""
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
    path.write_bytes(header + "EncryptionInfo".encode("utf-16-le") + "EncryptedPackage".encode("utf-16-le"))
    refused(path, "protected by a password")


def test_a_protected_ods_is_refused(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest:encryption-data/>")
        archive.writestr("content.xml", b"\x00\x01")
    refused(path, "protected by a password")


def test_a_zip_that_is_no_workbook_is_refused(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("umkm.xlsx", b"")
    refused(path, "a ZIP file and no workbook")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.bin", b"")
    refused(path, "binary workbook")


@pytest.mark.parametrize("lost", [0.3, 0.9, 0.999])
def test_a_workbook_that_was_cut_off_is_refused(path: Path, lost: float) -> None:
    content = made(path, [HEADINGS, *[good()] * 50]).read_bytes()
    path.write_bytes(content[: int(len(content) * lost)])
    refused(path, "is damaged")


def test_a_workbook_with_a_changed_byte_is_refused(path: Path) -> None:
    """The checksum of the part no longer fits; half a sheet is worse than none."""
    made(path, [HEADINGS, *[good()] * 50])
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo("xl/worksheets/sheet1.xml")
    content = bytearray(path.read_bytes())
    content[entry.header_offset + 80 : entry.header_offset + 84] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    refused(path, "is damaged")


def test_what_would_unpack_to_more_than_the_bound_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ZIP bomb: some kilobytes that become all the memory there is."""
    monkeypatch.setattr(container, "MAX_UNPACKED_BYTES", 1 << 20)
    made(path, [HEADINGS, good()])
    replaced(path, "xl/worksheets/sheet1.xml", lambda xml: xml + b" " * (2 << 20))
    refused(path, "unpacks to more than 1 MB")


def test_a_zip_that_lies_about_its_sizes_is_refused(path: Path) -> None:
    """Python reads no further than the size that is stated, and then the checksum is wrong."""
    made(path, [HEADINGS, good()])
    replaced(path, "xl/worksheets/sheet1.xml", lambda xml: xml + b" " * (1 << 20))
    with zipfile.ZipFile(path) as archive:
        size = struct.pack("<I", archive.getinfo("xl/worksheets/sheet1.xml").file_size)
    path.write_bytes(path.read_bytes().replace(size, struct.pack("<I", 100)))
    refused(path, "is damaged")


def test_one_filled_cell_far_away_does_not_take_all_memory(path: Path) -> None:
    """Sheets are read as rectangles: the last cell of the last row makes seventeen thousand million of two."""
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        fill(book, sheet, [HEADINGS, good()])
        sheet.write_string(1_048_575, 16_383, "x")
    refused(path, r"beyond 100\.000 rows or 4\.000\.000 cells; split it")


def test_more_rows_than_can_be_read_are_refused_naming_the_bound(path: Path) -> None:
    """Two hundred thousand, which no regency has."""
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        fill(book, sheet, [HEADINGS])
        for number in range(1, 200_001):
            sheet.write_string(number, 1, "Usaha")
    refused(path, r"beyond 100\.000 rows")


def test_a_workbook_that_declares_entities_is_refused(path: Path) -> None:
    """Only good for growing in memory."""
    made(path, [HEADINGS, good()])
    declared = b'?>\n<!DOCTYPE x [<!ENTITY a "aaaa">]>'
    replaced(path, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b"?>", declared, 1))
    refused(path, "is damaged")


def test_macros_are_not_minded(path: Path) -> None:
    """An .xlsm is read for its cells; nothing in it is run."""
    macro = path.with_suffix(".xlsm")
    made(path, [HEADINGS, good()]).rename(macro)
    with zipfile.ZipFile(macro, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0")
    assert names(open_sheet(macro, REQUIRED)) == ["Usaha Contoh"]
    assert result_path(open_sheet(macro, REQUIRED), "hasil").name == "umkm.hasil.xlsx"


# -- the workbook given back -------------------------------------------------------------------------------------------


def given_back(sheet: Sheet, results: dict[int, Result]) -> Path:
    target = result_path(sheet, "hasil")
    with replacing(target) as draft:
        write_results(sheet, results, draft)
    return target


def cells_of(path: Path) -> list[list[Cell]]:
    grid = open_sheet(path).grid
    assert isinstance(grid, WorkbookGrid)
    return [list(row) for row in grid.cells()]


def test_the_returned_workbook_is_the_offices_sheet_with_three_columns_more(path: Path) -> None:
    """Titles, order, numbers and dates as they were; readable by its owner only, as it holds people's numbers."""
    made(path, [["DAFTAR UMKM"], [], HEADINGS, good(Tanggal_Pendataan=date(2026, 1, 5)), good()])
    back = given_back(
        open_sheet(path, REQUIRED), {4: Result("id-1", "diterima"), 5: Result("", "ditolak", "NIK: salah")}
    )
    title, blank, headings, first, second = cells_of(back)
    assert (title[0], any(blank)) == ("DAFTAR UMKM", False)
    assert headings == [*HEADINGS, "ID Binaan", "Hasil", "Keterangan"]
    assert first == [*good(Tanggal_Pendataan=date(2026, 1, 5)), "id-1", "diterima", ""]
    assert second == [*good(), "", "ditolak", "NIK: salah"]
    assert stat.S_IMODE(back.stat().st_mode) == 0o600
    assert {one.name for one in path.parent.iterdir()} == {"umkm.xlsx", "umkm.hasil.xlsx"}


def test_what_is_typed_under_nik_in_a_returned_workbook_stays_text(path: Path) -> None:
    """Otherwise the correction of a rounded NIK would be rounded again."""
    back = given_back(
        open_sheet(made(path, [HEADINGS, good(NIK=1271994107900000)]), REQUIRED), {2: Result("", "ditolak")}
    )
    with zipfile.ZipFile(back) as archive:
        styles, sheet = archive.read("xl/styles.xml"), archive.read("xl/worksheets/sheet1.xml")
    assert b'numFmtId="49"' in styles  # text, by ECMA-376 part 1, 18.8.30
    assert b' style="' in sheet.split(b'<col min="1" max="1"')[1].split(b"/>")[0]
    assert codes(one(back)) == {"nik.scientific"}


def test_text_that_looks_like_a_formula_is_given_back_as_text(path: Path) -> None:
    """What an office has typed must not begin to act in another's Excel."""
    back = given_back(open_sheet(made(path, [HEADINGS, good(Nama_Usaha='=HYPERLINK("http://x")')])), {})
    with zipfile.ZipFile(back) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")
    assert cells_of(back)[1][1] == '=HYPERLINK("http://x")'


ANY_CELL = st.one_of(
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cn"], exclude_characters="\ufffe\uffff"),
        max_size=9,
    ),
    st.integers(-(2**40), 2**40),
    st.floats(-1e6, 1e6).map(lambda number: round(number, 3)),
    st.booleans(),
    st.dates(date(1901, 1, 1), date(2199, 12, 31)),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(st.lists(ANY_CELL, min_size=4, max_size=4), min_size=1, max_size=6), st.sets(st.integers(2, 8)))
def test_whatever_an_office_has_written_comes_back_as_it_was(
    path: Path, rows: list[list[Cell]], answered: set[int]
) -> None:
    """No cell may be changed, lost or moved by a pass, nor by a second one over its result."""
    made(path, [["Nama Usaha", "Kelurahan", "Catatan", "Lain"], *[[f"x{at}", *row[1:]] for at, row in enumerate(rows)]])
    results = {number: Result(f"id-{number}", "diterima", "catatan") for number in answered}
    before = cells_of(path)
    back = given_back(open_sheet(path), results)
    once = cells_of(back)
    assert [row[:4] for row in once] == before
    given_back(open_sheet(back), results)
    assert cells_of(back) == once


# -- rows that were generated ------------------------------------------------------------------------------------------


def test_a_workbook_of_good_rows_has_no_problems(path: Path) -> None:
    from random import Random

    rng = Random(7)
    rows = [good(NIK=generate.nik(rng, regency="12.71", serial=number)) for number in range(1, 60)]
    assert not any(report.problems for report in reports(made(path, [HEADINGS, *rows])))
    assert io.BytesIO(path.read_bytes()).read(2) == b"PK"
