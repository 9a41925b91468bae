"""A row of an office's list of cooperatives as the data of registry.cooperative.report."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.cells import Report
from services.cli.columns import COOPERATIVES
from services.cli.cooperative_report import read
from services.cli.cooperatives import ODS, ods_row
from services.cli.exits import CliError
from services.cli.headings import recognise
from services.cli.importing import COOPERATIVES as LISTING
from services.cli.importing import Checked, Importer
from services.cli.ledger import Ledger
from services.cli.sheet import open_sheet
from shared.contracts.registry.cooperatives import CooperativeReport
from tests.services.cli import sheets
from tests.services.cli.test_cooperatives import told as published

SAVED = datetime(2026, 1, 5, 2, 30, tzinfo=UTC)
GOOD = {
    "Nama Koperasi": "KSU Maju Bersama",
    "No. Badan Hukum": "518/23/BH/2010",
    "Tgl. Badan Hukum": "1 Mei 2010",
    "Kecamatan": "Medan Maimun",
    "Kelurahan": "Aur",
}


def row_of(home: str | None = "12.71", **cells: str) -> Report:
    whole = {**GOOD, **cells}
    return read(recognise(list(whole), COOPERATIVES).row(2, list(whole.values())), home)


def cooperative(home: str | None = "12.71", **cells: str) -> dict[str, Any]:
    found = row_of(home, **cells)
    assert found.problems == []
    data, _ = found.finish(SAVED)
    CooperativeReport.model_validate(data)
    return dict(data["cooperative"])


def refused(**cells: str) -> list[tuple[str, str | None]]:
    return [(problem.code, problem.field) for problem in row_of(**cells).problems]


def test_a_row_becomes_a_report_that_the_contract_takes() -> None:
    """S3-08: what an office's list says of one of its thousands."""
    told = cooperative(
        **{
            "NIK Koperasi": "1271030010001",
            "Jenis Koperasi": "Konsumen",
            "Kelompok": "Koperasi Serba Usaha",
            "Jumlah Anggota": "6.111 orang",
            "Sumber Data": "ODS",
            "Per Tanggal": "31/12/2025",
            "Tanggal RAT": "12 Maret 2025",
            "Tahun Buku RAT": "2024",
            "Bentuk": "PRIMER",
            "Status": "Aktif",
        }
    )
    assert told == {
        "cooperative_number": "1271030010001",
        "name": "KSU Maju Bersama",
        "legal": {"number": "518/23/BH/2010", "date": "2010-05-01"},
        "form": "primer",
        "region": "12.71.15.1001",
        "jenis": "konsumen",
        "kelompok": "ksu",
        "members": {"count": 6111, "source": "ODS", "as_of": "2025-12-31"},
        "last_rat": {"book_year": 2024, "held_on": "2025-03-12"},
        "standing": "aktif",
    }


@pytest.mark.parametrize(
    ("heading", "key"),
    [
        ("NAMA KOPERASI", "cooperative.name"),
        ("Nama", "cooperative.name"),
        ("No. BH", "legal.number"),
        ("TGL BADAN HUKUM", "legal.date"),
        ("Nomor Induk Koperasi (NIK)", "cooperative.cooperative_number"),
        ("Jml. Anggota (orang)", "members.count"),
        ("RAT Tahun Buku", "rat.book_year"),
        ("Tgl RAT", "rat.held_on"),
        ("Kab/Kota", "place.regency"),
        ("RAT Tahun Buku 2024", "rat.held_on"),
        ("Wilayah Keanggotaan", "area"),
    ],
)
def test_headings_are_known_as_offices_write_them(heading: str, key: str) -> None:
    assert list(recognise([heading], COOPERATIVES).known) == [key]


@pytest.mark.parametrize(
    ("cell", "count", "qualifier"),
    [
        ("350", 350, None),
        ("sekitar 350", 350, "sekitar"),
        ("± 350 orang", 350, "sekitar"),
        ("lebih dari 10.000", 10_000, "lebih_dari"),
        ("> 10.000", 10_000, "lebih_dari"),
        ("kurang dari 20", 20, "kurang_dari"),
    ],
)
def test_members_come_with_the_qualifier_that_they_were_told_with(cell: str, count: int, qualifier: str | None) -> None:
    """S2-08: *sekitar 350 koperasi*, *lebih dari 10.000 orang*; without a day of its own it is that of the list."""
    members = cooperative(**{"Jumlah Anggota": cell})["members"]
    assert (members["count"], members.get("qualifier"), members["as_of"]) == (count, qualifier, "2026-01-05")


def test_a_year_that_stands_in_the_heading_is_that_of_the_meeting() -> None:
    """And of a row without a day it says nothing."""
    told = cooperative(**{"RAT 2024": "12/03/2025"})
    assert told["last_rat"] == {"book_year": 2024, "held_on": "2025-03-12"}
    assert "last_rat" not in cooperative(**{"RAT 2024": "-"})


@pytest.mark.parametrize(
    ("cell", "area"),
    [("Kabupaten/Kota", None), ("Provinsi", "12"), ("Lintas Provinsi", "00"), ("12.71", "12.71"), ("12", "12")],
)
def test_where_its_members_are_is_a_level_around_its_seat_or_a_code(cell: str, area: str | None) -> None:
    assert cooperative(**{"Wilayah Keanggotaan": cell}).get("membership_area") == area


@pytest.mark.parametrize(
    ("heading", "cell", "code", "field"),
    [
        ("Jenis Koperasi", "KSU", "sheet.jenis", "data.cooperative.jenis"),
        ("Kelompok", "kelompok yang sangat panjang sekali namanya", "sheet.kelompok", "data.cooperative.kelompok"),
        ("Jumlah Anggota", "banyak", "sheet.count", "data.cooperative.members.count"),
        ("Jumlah Anggota", "6,111", "sheet.count", "data.cooperative.members.count"),
        ("Tgl. Badan Hukum", "", "sheet.incomplete", "data.cooperative.legal.date"),
        ("Tgl. Badan Hukum", "31 Februari 2010", "date.impossible", "data.cooperative.legal.date"),
        ("Tanggal RAT", "12/03/2025", "sheet.incomplete", "data.cooperative.last_rat.book_year"),
        ("Status", "Bubar", "sheet.standing", "data.cooperative.standing"),
        ("Bentuk", "CV", "sheet.cooperative_form", "data.cooperative.form"),
        ("NIK Koperasi", "1,27103E+15", "sheet.number_rounded", "data.cooperative.cooperative_number"),
        ("Wilayah Keanggotaan", "Sumatera", "sheet.area", "data.cooperative.membership_area"),
        ("Kualifikasi", "entah", "sheet.qualifier", "data.cooperative.members.qualifier"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(heading: str, cell: str, code: str, field: str) -> None:
    assert refused(**{heading: cell}) == [(code, field)]


@given(
    cells=st.dictionaries(
        st.sampled_from([text.split("|")[0] for text in COOPERATIVES.spellings.values()]), st.text(max_size=20)
    ),
    home=st.sampled_from(["12.71", "64", "00", None]),
)
def test_no_cell_whatever_it_holds_stops_an_import(cells: dict[str, str], home: str | None) -> None:
    read(recognise(list(cells), COOPERATIVES).row(2, list(cells.values())), home).finish(SAVED)


def test_a_file_of_ours_can_be_read_and_our_own_findings_are_no_office_s_word() -> None:
    """What was told comes back as it was; the status by the calendar and the count of our list do not."""
    for state in (published("assessed"), published("founded")):
        row = {name: "" if value is None else str(value) for name, value in ods_row(state).items()}
        assert tuple(row) == ODS
        found = read(recognise(list(row), COOPERATIVES).row(2, list(row.values())), None)
        assert found.problems == []
        data, _ = found.finish(SAVED)
        told = data["cooperative"]
        CooperativeReport.model_validate(data)
        assert "standing" not in told
        assert (told["name"], told["region"], told["legal"]) == (state["name"], state["region"], state["legal"])
        assert told.get("members") == state.get("members")


def test_a_dry_run_says_of_each_row_what_is_wrong_and_sends_nothing(tmp_path: Path) -> None:
    """Also what registry's own form of a message would refuse, with the office's heading before it."""
    rows = [[*GOOD.values(), "2024"], [*GOOD.values(), "12"], ["", *list(GOOD.values())[1:], ""]]
    path = sheets.write(tmp_path / "koperasi.csv", rows, headings=[*GOOD, "Nomor Induk Koperasi"])
    path.write_text(path.read_text().replace(";12\n", ";12 34!\n"), encoding="utf-8")
    sheet = open_sheet(path, LISTING.required, columns=LISTING.columns)
    checked = Checked(Importer(sheet, Ledger.of(path), "dinkop-medan", "12.71", LISTING))
    result = Path(checked.write(lambda: None))
    assert dict(checked.tally.outcomes) == {"dapat dikirim": 2, "ditolak": 1}
    said = sheets.read(result)
    assert said[1]["Keterangan"].startswith("Nomor Induk Koperasi: ")
    assert [row["Hasil"] for row in said] == ["dapat dikirim", "ditolak", "dapat dikirim"]


def test_a_list_of_businesses_is_no_list_of_cooperatives(tmp_path: Path) -> None:
    path = sheets.write(tmp_path / "umkm.csv", [sheets.row(1)])
    with pytest.raises(CliError, match="Nama Koperasi"):
        open_sheet(path, LISTING.required, columns=LISTING.columns)
