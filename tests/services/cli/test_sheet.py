"""Offices' files as they are: every way of writing is read, and what cannot be read is said before anything is sent."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from services.cli.delimited import DELIMITERS, Delimited
from services.cli.exits import CliError, Exit
from services.cli.report import REQUIRED
from services.cli.sheet import Result, Sheet, base_name, open_sheet, replacing, result_path, write_results
from tests.services.cli import sheets


def opened(path: Path, content: str | bytes) -> Sheet:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return open_sheet(path, REQUIRED)


def names(sheet: Sheet) -> list[str]:
    return [row.cells["business.name"] for row in sheet.rows()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "umkm.csv"


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_the_delimiter_is_found(path: Path, delimiter: str) -> None:
    """An Indonesian Excel writes semicolons, an English one commas, and both call it CSV."""
    sheet = opened(path, sheets.text([sheets.row(1), sheets.row(2)], delimiter=delimiter))
    assert isinstance(sheet.grid, Delimited)
    assert sheet.grid.delimiter == delimiter
    assert names(sheet) == ["Usaha Contoh 1", "Usaha Contoh 2"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "latin-1", "utf-16"])
def test_the_encoding_is_found(path: Path, encoding: str) -> None:
    """The same file from Excel, LibreOffice, an old system and "Unicode Text"."""
    content = sheets.text([sheets.row(1, **{"Nama Usaha": "Kopi Café Ñandú"})])
    assert names(opened(path, content.encode(encoding))) == ["Kopi Café Ñandú"]


def test_titles_above_the_headings_are_skipped(path: Path) -> None:
    """Offices put the name of the list and of the office above it, and Excel a line `sep=;`."""
    content = "sep=;\nDAFTAR UMKM KOTA MEDAN;;\nDinas Koperasi, UKM dan Perdagangan\n\n" + sheets.text([sheets.row(1)])
    sheet = opened(path, content)
    assert names(sheet) == ["Usaha Contoh 1"]
    assert next(iter(sheet.rows())).number == 6


def test_headings_that_are_said_again_are_no_row(path: Path) -> None:
    """A list made to be printed says them on every page."""
    head, first, second = sheets.text([sheets.row(1), sheets.row(2)]).splitlines()
    sheet = opened(path, "\n".join((head, first, "", head, second)))
    assert [row.number for row in sheet.rows()] == [2, 5]


@pytest.mark.parametrize("of_year", [False, True])
def test_a_second_table_with_its_own_columns_is_refused(path: Path, of_year: bool) -> None:
    """Read by the headings of the first, its rows would swap names or tell the sales of another year."""
    head, first, second = (line.split(";") for line in sheets.text([sheets.row(1), sheets.row(2)]).splitlines())
    other = [text.replace("Omzet per Tahun (Rp)", "Omzet 2024") for text in head] if of_year else head[::-1]
    lines = (head, first, ["Kecamatan Medan Baru"], other, second if of_year else second[::-1])
    with pytest.raises(CliError, match="second table with headings of its own in row 4") as caught:
        opened(path, "\n".join(";".join(line) for line in lines))
    assert caught.value.code == Exit.USAGE


def test_a_row_of_words_that_are_headings_elsewhere_is_a_row(path: Path) -> None:
    """*Modal* is a need and a heading, *Desa* a name of a place and a heading."""
    sheet = opened(path, sheets.text([sheets.row(1, Kebutuhan="Modal", Kelurahan="Desa", Kecamatan="Kota")]))
    assert names(sheet) == ["Usaha Contoh 1"]


def test_blank_lines_are_no_rows_and_keep_the_numbering(path: Path) -> None:
    """The number said to a clerk must be the one that the spreadsheet shows."""
    good = sheets.text([sheets.row(1)]).splitlines()
    sheet = opened(path, "\n".join([*good, "", ";;;;", good[1]]) + "\n")
    assert sheet.count == 2
    assert [row.number for row in sheet.rows()] == [2, 5]


def test_columns_may_come_in_any_order_and_case(path: Path) -> None:
    headings = ["nama  usaha", "KELURAHAN ", "kecamatan", "nik"]
    sheet = opened(path, sheets.text([["Toko", "Aur", "Medan Maimun", "1"]], headings=headings))
    assert next(iter(sheet.rows())).cells == {
        "business.name": "Toko",
        "place.village": "Aur",
        "place.district": "Medan Maimun",
        "owner.nik": "1",
    }


def test_a_cell_with_a_delimiter_in_quotes_is_one_cell(path: Path) -> None:
    sheet = opened(path, sheets.text([sheets.row(1, **{"Nama Usaha": 'Toko "Maju; Jaya"\nCabang 2'})]))
    assert names(sheet) == ['Toko "Maju; Jaya"\nCabang 2']


def test_a_row_with_more_cells_than_headings_is_marked(path: Path) -> None:
    """A semicolon inside an unquoted cell shifts all that follows; such a row must not be believed."""
    sheet = opened(path, sheets.text([[*sheets.row(1), "lebih"], sheets.row(2)]))
    assert [row.extra for row in sheet.rows()] == [True, False]


def test_two_columns_for_one_thing_are_refused_except_phones(path: Path) -> None:
    """Nobody can know which of two NIKs counts; of two numbers the one for WhatsApp does."""
    twice = ["NIK", "No KTP", "Nama Usaha", "Kelurahan"]
    with pytest.raises(CliError, match="two columns for the same thing, “NIK” and “No KTP”"):
        opened(path, sheets.text([["1", "2", "Toko", "Aur"]], headings=twice))
    phones = ["No HP", "No WA", "Nama Usaha", "Kelurahan"]
    sheet = opened(path, sheets.text([["1", "2", "A", "Aur"], ["3", "", "B", "Aur"]], headings=phones))
    assert [row.cells["owner.phone"] for row in sheet.rows()] == ["2", "3"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\r\n \r\n", "is empty"),
        (b"PK\x03\x04 rest", "is damaged"),
        (b"\xd0\xcf\x11\xe0 rest", "is damaged"),
        (b"%PDF-1.7", "is a PDF"),
        (b"NIK;Nama Usaha\n\x00\x00\x00;x\n", "bytes that are no text"),
        (b"NIK;Nama Usaha;Kelurahan\n1;Toko \x81;Aur\n", "bytes that are no text"),
        (b"hello\nworld\n", "no row of headings"),
        (sheets.text([]).encode(), "has headings but no rows"),
        (b"NIK;Nama Usaha;Kelurahan;Catatan\n;;;Kepala Dinas\n", "has headings but no rows"),
        (b"NIK;NAMA PEMILIK\n1;x\n", "lacks a column “Nama Usaha”"),
        (b"NIK;Nama Usaha\n1;x\n", "lacks a column “Kode Wilayah” or “Kelurahan” or “Kecamatan”"),
        (b'NIK;Nama Usaha;Kelurahan\n1;"Toko;Aur\n2;Toko;Aur\n', "cannot be read at line 3: a quotation mark"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_unusable_file_is_refused_in_one_sentence(path: Path, content: bytes, said: str) -> None:
    """Before anything is sent: half an import is worse than none."""
    with pytest.raises(CliError, match=said) as caught:
        opened(path, content)
    assert caught.value.code == Exit.USAGE
    assert "\n" not in caught.value.text


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="no such file"):
        open_sheet(tmp_path / "none.csv")
    with pytest.raises(CliError, match="is a folder"):
        open_sheet(tmp_path)


def test_a_file_saved_while_it_is_read_is_noticed(path: Path) -> None:
    """The rows of two versions must not be mixed in one returned sheet."""
    sheet = opened(path, sheets.text([sheets.row(1)]))
    path.write_text(sheets.text([sheets.row(1), sheets.row(2)]))
    with pytest.raises(CliError, match="was changed"):
        list(sheet.rows())


# -- the sheet given back ----------------------------------------------------------------------------------------------


def given_back(sheet: Sheet, results: dict[int, Result]) -> Path:
    target = result_path(sheet, "hasil")
    with replacing(target) as draft:
        write_results(sheet, results, draft)
    return target


def test_the_returned_sheet_is_the_offices_own_with_three_columns_more(path: Path) -> None:
    """Same delimiter, columns, rows and order, titles and blanks included, with the mark by which Excel knows UTF-8."""
    content = "DAFTAR UMKM\n\n" + sheets.text([sheets.row(1, **{"Nama Usaha": "Café"}), sheets.row(2)])
    sheet = opened(path, content.encode("cp1252"))
    back = given_back(sheet, {4: Result("id-1", "diterima"), 5: Result("", "ditolak", "NIK: salah; periksa")})
    raw = back.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfDAFTAR UMKM\r\n\r\n")
    lines = raw.decode("utf-8-sig").split("\r\n")
    assert lines[2].endswith(";Persetujuan WA;ID Binaan;Hasil;Keterangan")
    assert lines[3].startswith("Contoh Nomor 1;")
    assert "Café" in lines[3]
    assert lines[3].endswith(";id-1;diterima;")
    assert lines[4].endswith(';;ditolak;"NIK: salah; periksa"')


def test_a_returned_sheet_can_be_returned_again(path: Path) -> None:
    """Its three columns are written anew and never doubled; a business that had an id keeps it when refused."""
    first = given_back(opened(path, sheets.text([sheets.row(1)])), {2: Result("id-1", "diterima")})
    again = open_sheet(first, REQUIRED)
    assert "Hasil" not in again.headings.unknown
    assert result_path(again, "hasil") == first
    given_back(again, {2: Result("", "ditolak", "NIK: salah")})
    (row,) = sheets.read(first)
    assert (row["ID Binaan"], row["Hasil"], row["Keterangan"]) == ("id-1", "ditolak", "NIK: salah")
    assert list(row) == [*sheets.HEADINGS, "ID Binaan", "Hasil", "Keterangan"]


def test_an_offices_own_column_keterangan_is_not_written_over(path: Path) -> None:
    """Many sheets have remarks under that very name."""
    own = (*sheets.HEADINGS, "Keterangan")
    back = given_back(
        opened(path, sheets.text([[*sheets.row(1), "tutup Senin"]], headings=own)), {2: Result("i", "tetap")}
    )
    assert back.read_text("utf-8-sig").splitlines()[1].endswith(";tutup Senin;i;tetap;")


def test_rows_left_alone_keep_what_an_earlier_run_has_written(path: Path) -> None:
    first = given_back(opened(path, sheets.text([sheets.row(1)])), {2: Result("id-1", "ditolak", "NIK: salah")})
    before = first.read_bytes()
    given_back(open_sheet(first), {})
    assert first.read_bytes() == before


def test_a_failed_pass_leaves_the_earlier_sheet_as_it_was(tmp_path: Path) -> None:
    """It holds ids that nothing else holds."""
    target = tmp_path / "umkm.hasil.csv"
    target.write_text("before")

    def fail_halfway() -> None:
        with replacing(target) as draft:
            draft.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert [entry.name for entry in tmp_path.iterdir()] == ["umkm.hasil.csv"]
    assert target.read_text() == "before"


def test_a_folder_that_cannot_be_written_to_is_noticed_at_once(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="cannot be written") as caught, replacing(tmp_path / "none" / "umkm.hasil.csv"):
        pass
    assert caught.value.code == Exit.USAGE


CELLS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)
TABLES = st.lists(st.lists(CELLS, min_size=3, max_size=5), min_size=1, max_size=6).filter(
    lambda rows: any(cell.strip() for row in rows for cell in row)
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TABLES, st.sampled_from(DELIMITERS), st.sets(st.integers(2, 8)))
def test_whatever_an_office_has_written_comes_back_as_it_was(
    path: Path, rows: list[list[str]], delimiter: str, answered: set[int]
) -> None:
    """The sheet is theirs: no cell may be changed, lost or moved by a pass, nor by a second one over its result."""
    own = sheets.text(rows, headings=["NIK", "Nama Usaha", "Kelurahan"], delimiter=delimiter)
    path.write_text(own, encoding="utf-8", newline="")
    results = {number: Result(f"id-{number}", "diterima", "catatan; |,") for number in answered}
    try:
        sheet = open_sheet(path)
    except CliError as error:
        assume("has headings but no rows" not in error.text)
        raise
    back = given_back(sheet, results)
    once = back.read_bytes()
    given_back(open_sheet(back), results)
    assert back.read_bytes() == once
    with back.open(encoding="utf-8-sig", newline="") as file:
        returned = list(csv.reader(file, delimiter=delimiter))
    for written, found in zip(rows, returned[1:], strict=True):
        assert found[: _filled(written)] == written[: _filled(written)]


def _filled(cells: list[str]) -> int:
    return max((at for at, cell in enumerate(cells, start=1) if cell.strip()), default=0)


def test_a_row_with_too_many_cells_is_no_better_after_it_was_returned(path: Path) -> None:
    """What stood too far right must not be taken for an id, nor go unnoticed the second time."""
    sheet = opened(path, sheets.text([[*sheets.row(1), "lebih"], sheets.row(2)]))
    back = given_back(sheet, {2: Result("", "ditolak", "terlalu banyak sel"), 3: Result("id-2", "diterima")})
    again = open_sheet(back)
    assert [(row.extra, row.cells["id"]) for row in again.rows()] == [(True, ""), (False, "id-2")]
    assert again.headings.unknown == []


def test_columns_without_a_heading_are_left_alone(path: Path) -> None:
    """Excel writes as many delimiters in the row of headings as the widest row has."""
    sheet = opened(path, sheets.text([[*sheets.row(1), "catatan"]], headings=(*sheets.HEADINGS, "")))
    assert [row.extra for row in sheet.rows()] == [False]


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("umkm.csv", "umkm"),
        ("umkm.hasil.csv", "umkm"),
        ("UMKM 2026.HASIL.CSV", "UMKM 2026"),
        ("umkm.hasil.verifikasi.csv", "umkm"),
        ("data.v2.csv", "data.v2"),
        ("data.txt", "data"),
    ],
)
def test_returned_sheets_share_the_name_of_the_first(name: str, base: str) -> None:
    """By it they share the file that keeps their ids."""
    assert base_name(Path(name)) == base
