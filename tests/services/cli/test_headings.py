"""Headings as offices write them."""

from __future__ import annotations

import pytest

from services.cli.headings import Headings, recognise

# What the offices of S0–S4 and the issue write, and what it is.
WRITTEN = {
    "NAMA PEMILIK": "owner.name",
    "Nama Pelaku Usaha": "owner.name",
    "NIK": "owner.nik",
    "No. KTP": "owner.nik",
    "No. HP/WA": "owner.phone",
    "Nomor Telepon": "owner.phone",
    "Nama Usaha": "business.name",
    "NAMA  UMKM": "business.name",
    "NIB": "business.nib",
    "Kelurahan": "place.village",
    "Desa/Kelurahan": "place.village",
    "KECAMATAN": "place.district",
    "Kab./Kota": "place.regency",
    "Kode Wilayah": "business.region",
    "Alamat": "business.address",
    "Omzet per Tahun (Rp)": "sales.amount",
    "Omset Tahunan (dalam Rupiah)": "sales.amount",
    "Tahun Omzet": "sales.year",
    "Modal": "business.capital",
    "Modal Usaha (Rp.)": "business.capital",
    "Jumlah Tenaga Kerja": "business.workers",
    "Jml. Tenaga Kerja (orang)": "business.workers",
    "Jenis (IKM/UKM)": "business.role",
    "KBLI": "business.kbli.code",
    "Kebutuhan": "business.needs",
    "Pemasaran": "business.channels",
    "Tanggal Berdiri": "business.started_on",
    "No. Urut/No Reg": "business.agency_ref",
    "No. Registrasi": "business.agency_ref",
    "Persetujuan WA": "consent.whatsapp",
    "Persetujuan WA (Ya/Tidak)": "consent.whatsapp",
    "Tanggal Pendataan": "surveyed_on",
    "ID Binaan": "id",
}


@pytest.mark.parametrize(("heading", "key"), WRITTEN.items())
def test_a_heading_is_known_however_it_is_written(heading: str, key: str) -> None:
    for text in (heading, heading.lower(), f"  {heading.upper()} ", heading.replace(" ", "\n")):
        assert list(recognise([text]).known) == [key]


@pytest.mark.parametrize("heading", ["No", "No.", "No. Urut", "Nomor", "Omzet per Bulan", "Status", "Email", ""])
def test_what_is_not_meant_is_left_alone(heading: str) -> None:
    """A running number starts at 1 in every file, and monthly sales are not yearly ones: a guess would do harm."""
    found = recognise([heading])
    assert not found.known
    assert found.unknown == ([heading] if heading else [])


def test_a_year_in_the_heading_is_the_year_of_its_cells() -> None:
    """`Omzet Tahun 2025 (Rp)` needs no column for the year; one that is filled counts more."""
    headings = recognise(["Omzet Tahun 2025 (Rp)", "KBLI 2020", "Tahun Omzet"])
    assert headings.row(2, ["5", "10794", ""]).cells == {
        "sales.amount": "5",
        "business.kbli.code": "10794",
        "sales.year": "2025",
        "business.kbli.version": "2020",
    }
    assert headings.row(2, ["5", "10794", "2024"]).cells["sales.year"] == "2024"
    assert headings.row(3, ["", "", ""]).empty


@pytest.mark.parametrize(
    ("row", "key"),
    [(["Nama", "Nama Usaha"], "owner.name"), (["Nama Pemilik", "NAMA"], "business.name")],
)
def test_a_bare_name_is_the_one_that_is_missing(row: list[str], key: str) -> None:
    assert recognise(row).known[key] == (row.index("Nama") if "Nama" in row else row.index("NAMA"),)


def test_a_bare_name_alone_is_not_guessed() -> None:
    assert not recognise(["Nama", "NIK"]).known.get("owner.name")


def test_an_empty_row_of_headings_knows_nothing() -> None:
    assert Headings(()).known == recognise([]).known == {}
