"""A row of a sheet as the data of registry.business.report."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli import vocabulary
from services.cli.cells import Report
from services.cli.headings import recognise
from services.cli.report import read
from shared.contracts.registry.businesses import BusinessReport
from shared.reference.invalid import Invalid
from tests.services.cli import sheets

HEADINGS = (
    *sheets.HEADINGS,
    "Modal",
    "KBLI",
    "Pemasaran",
    "Tanggal Berdiri",
    "Tanggal Pendataan",
    "Kode Wilayah",
    "Kota",
)
HOMES = ("12.71", "64", "00", None)
SAVED = datetime(2026, 1, 5, 2, 30, tzinfo=UTC)


def row_of(home: str | None = "12.71", **cells: str) -> Report:
    """A report on one row with these cells by heading."""
    return read(recognise(list(cells)).row(2, list(cells.values())), home)


def business(home: str | None = "12.71", **cells: str) -> dict[str, Any]:
    found = row_of(home, **cells)
    assert found.problems == []
    return dict(found.data["business"])


def refused(home: str | None = "12.71", **cells: str) -> list[tuple[str, str | None]]:
    return [(problem.code, problem.field) for problem in row_of(home, **cells).problems]


def test_a_good_row_becomes_a_report_that_the_contract_takes() -> None:
    found = read(recognise(sheets.HEADINGS).row(2, sheets.row(1)), "12.71")
    data, time = found.finish(SAVED)
    assert found.problems == []
    assert time == "2026-01-05T09:30:00.000+07:00"
    taken = BusinessReport.model_validate(data)
    assert taken.business.region is not None
    assert len(taken.business.region) == len("12.71.01.1001")
    assert taken.owner
    assert taken.owner.nik
    assert taken.owner.nik[4:6] == "99"
    assert taken.business.annual_sales
    assert taken.business.annual_sales.amount == 180_000_000
    assert taken.business.needs == ("equipment",)
    assert data["owner"]["consent"] == {"whatsapp": True, "given_on": "2026-01-05"}


@pytest.mark.parametrize(
    ("cell", "amount"),
    [("180.000.000", 180_000_000), ("Rp 6.111", 6111), ("Rp5.000,-", 5000), ("180000000", 180_000_000)],
)
def test_money_is_read_as_offices_write_it(cell: str, amount: int) -> None:
    """S3-08: "6.111" is six thousand."""
    assert business(Modal=cell)["capital"] == amount


@pytest.mark.parametrize(("cell", "people"), [("3", 3), ("12 orang", 12), ("6.111", 6111), ("3,0", 3)])
def test_people_are_counted_as_offices_write_it(cell: str, people: int) -> None:
    assert business(**{"Jumlah Tenaga Kerja": cell})["workers"] == people


@pytest.mark.parametrize("cell", ["3,000", "12,000 orang", "'250,000"])
def test_people_that_may_be_a_thousand_times_as_many_are_asked_about(cell: str) -> None:
    """An English Excel writes three thousand so; to take it for three people would be a wrong size."""
    (found,) = row_of(**{"Jumlah Tenaga Kerja": cell}).problems
    assert (found.code, found.field) == ("sheet.count", "data.business.workers")
    assert "ribuan atau desimal" in found.text_id


@pytest.mark.parametrize("cell", ["1 Maret 2019", "01/03/2019", "1-3-2019", "2019-03-01"])
def test_dates_are_read_day_first(cell: str) -> None:
    assert business(**{"Tanggal Berdiri": cell})["started_on"] == "2019-03-01"


@pytest.mark.parametrize("cell", ["", "-", "–", "belum ada", "Tidak ada", "N/A", "#N/A", " . "])
def test_what_says_nothing_is_absent(cell: str) -> None:
    """An office without a NIB writes a dash; absent leaves what is known, it does not empty it."""
    assert business(**{"NIB": cell, "Nama Usaha": "Toko"}) == {"name": "Toko"}


def test_numbers_that_a_sheet_has_marked_or_cut_are_mended() -> None:
    found = row_of(**{"NIK": "'1271994107900001 ", "No HP": "81200000001", "NIB": "1234567890123.0"})
    assert found.problems == []
    assert found.data["owner"] == {"nik": "1271994107900001", "phone": "081200000001"}
    assert found.data["business"] == {"nib": "1234567890123"}


@pytest.mark.parametrize("cell", ["1,27E+15", "1.27199E+15", "1271994107900000.0"])
def test_a_nik_that_excel_has_rounded_is_refused_with_what_to_do(cell: str) -> None:
    """Its last digits are gone; nothing can be sent that would not be somebody else's number."""
    found = row_of(NIK=cell)
    assert [(one.code, one.field) for one in found.problems] == [("nik.scientific", "data.owner.nik")]
    assert "format kolom menjadi Teks" in found.problems[0].text_id
    assert "nik" not in found.data["owner"]


def test_what_registry_judges_is_sent_as_it_stands() -> None:
    """Every door must give the same answer: a NIK of 15 digits is registry's to refuse."""
    found = row_of(**{"NIK": "127199410790000", "No HP": "12", "KBLI": "999", "Kode Wilayah": "1275"})
    assert found.problems == []
    assert found.data["owner"] == {"nik": "127199410790000", "phone": "12"}
    assert found.data["business"]["kbli"] == {"code": "999", "version": "2020"}
    assert found.data["business"]["region"] == "12.75"


@pytest.mark.parametrize(
    ("heading", "cell", "code", "field"),
    [
        ("Modal", "banyak", "rupiah.format", "data.business.capital"),
        ("Modal", "6,111", "rupiah.ambiguous", "data.business.capital"),
        ("Modal", "-5000", "rupiah.negative", "data.business.capital"),
        ("Jumlah Tenaga Kerja", "tiga", "sheet.count", "data.business.workers"),
        ("Tanggal Berdiri", "43525", "date.serial", "data.business.started_on"),
        ("Tanggal Berdiri", "31/02/2019", "date.impossible", "data.business.started_on"),
        ("Tanggal Pendataan", "1/2/26", "date.short_year", "time"),
        ("Jenis (IKM/UKM)", "Mikro", "sheet.role", "data.business.role"),
        ("Bentuk Usaha", "apa saja", "sheet.legal_form", "data.business.legal_form"),
        ("Kebutuhan", "modal, hubungi Bu Contoh", "sheet.needs", "data.business.needs"),
        ("Pemasaran", "telepon 081200001234 saja", "sheet.channels", "data.business.channels"),
        ("Persetujuan WA", "mungkin", "sheet.yes_no", "data.owner.consent.whatsapp"),
        ("Kelurahan", "Tidakada Sekali", "region.not_found", "data.business.region"),
    ],
)
def test_what_cannot_be_read_is_said_and_the_row_kept_back(heading: str, cell: str, code: str, field: str) -> None:
    assert refused(**{heading: cell}) == [(code, field)]


def test_no_problem_repeats_what_stood_in_the_cell() -> None:
    """Returned sheets are passed on; so are the reasons of a summary."""
    found = row_of(Modal="rahasia-777", Kebutuhan="rahasia-777", Kelurahan="rahasia-777")
    assert len(found.problems) == 3
    assert not any("777" in text for one in found.problems for text in (one.text_id, one.text_en, one.code))


def test_every_problem_of_a_row_is_said_at_once() -> None:
    assert len(refused(**{"Modal": "x", "Jumlah Tenaga Kerja": "y", "NIK": "1,2E+15"})) == 3


def test_sales_without_a_year_are_refused() -> None:
    """The scale of a business is derived from the sales of a year; a guessed year would make it wrong."""
    assert refused(Omzet="5.000.000") == [("sheet.sales_year", "data.business.annual_sales.year")]
    assert business(**{"Omzet 2025": "5.000.000"})["annual_sales"] == {"year": 2025, "amount": 5_000_000}
    assert "annual_sales" not in business(**{"Omzet 2025": "-", "Nama Usaha": "Toko"})


def test_a_row_with_too_many_cells_is_refused() -> None:
    found = read(recognise(["Nama Usaha", "NIB"]).row(2, ["Toko", "", "Maju"]), None)
    assert [one.code for one in found.problems] == ["sheet.too_many_cells"]


# -- places ------------------------------------------------------------------------------------------------------------


def test_a_place_is_found_by_its_names_within_the_offices_region() -> None:
    """Sukaraja is a kelurahan in many kecamatan of the nation."""
    found = business(Kelurahan="Kel. Sukaraja", Kecamatan="Kec. Medan Maimun")["region"]
    assert found.startswith("12.71.")
    assert len(found) == 13
    assert business(Kecamatan="medan maimun")["region"] == found[:8]


def test_a_code_counts_more_than_names() -> None:
    assert business(**{"Kode Wilayah": "12.71.01.1001", "Kelurahan": "Tidakada Sekali"})["region"] == "12.71.01.1001"
    assert business(**{"Kode Wilayah": "1271011001"})["region"] == "12.71.01.1001"


def test_a_province_finds_its_regencies_first() -> None:
    """Kaltim's sheet has rows of every kab/kota (S3-06)."""
    found = business("64", **{"Kabupaten/Kota": "Kota Samarinda", "Kecamatan": "Samarinda Ulu"})["region"]
    assert found.startswith("64.72.")


def test_a_regency_column_beside_the_offices_own_regency_only_repeats_it() -> None:
    assert business("12.71", Kota="Medan", Kecamatan="Medan Maimun")["region"].startswith("12.71.")


def test_without_a_region_nothing_is_guessed() -> None:
    assert refused(None, Kecamatan="Medan Maimun") == [("sheet.region_unclear", "data.business.region")]
    assert business(None, **{"Kab/Kota": "Kota Medan", "Kecamatan": "Medan Maimun"})["region"].startswith("12.71.")


# -- time --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("home", "zone"), [("12.71", "+07:00"), ("64.72", "+08:00"), (None, "+07:00")])
def test_the_day_of_the_visit_is_a_day_of_the_region(home: str | None, zone: str) -> None:
    """Dates are in the region's own zone: WIB in Medan, WITA in Samarinda."""
    found = row_of(home, **{"Tanggal Pendataan": "5 Januari 2026", "Persetujuan WA": "ya"})
    data, time = found.finish(SAVED)
    assert time == f"2026-01-05T00:00:00.000{zone}"
    assert data["owner"]["consent"]["given_on"] == "2026-01-05"


def test_without_a_day_of_visit_it_was_seen_when_the_sheet_was_saved() -> None:
    assert row_of("64.72", **{"Nama Usaha": "Toko"}).finish(SAVED) == (
        {"business": {"name": "Toko"}},
        "2026-01-05T10:30:00.000+08:00",
    )


def test_a_refusal_of_messages_has_no_day_on_which_consent_was_given() -> None:
    data, _ = row_of(**{"Persetujuan WA": "Tidak", "Tanggal Pendataan": "05/01/2026"}).finish(SAVED)
    assert data["owner"]["consent"] == {"whatsapp": False}


@given(st.dictionaries(st.sampled_from(list(HEADINGS)), st.text(max_size=40), min_size=1), st.sampled_from(HOMES))
def test_no_cell_whatever_it_holds_stops_an_import(cells: dict[str, str], home: str | None) -> None:
    """One row of forty thousand must not cost the others."""
    found = read(recognise(list(cells)).row(2, list(cells.values())), home)
    data, time = found.finish(SAVED)
    json.dumps(data)
    assert datetime.fromisoformat(time).tzinfo


# -- words -------------------------------------------------------------------------------------------------------------


def test_several_needs_and_channels_stand_in_one_cell() -> None:
    """S1-11, S1-14 to S1-16."""
    found = business(Kebutuhan="Alat, pelatihan kemasan / Modal", Pemasaran="Shopee, bazar dan Berastagi Buah")
    assert found["needs"] == ["equipment", "packaging_training", "capital"]
    assert found["channels"] == ["shopee", "bazar", "berastagi_buah"]


@pytest.mark.parametrize(
    ("text", "agrees"), [("Ya", True), ("✓", True), ("setuju", True), ("TIDAK", False), ("t", False)]
)
def test_consent_is_read_and_never_assumed(text: str, agrees: bool) -> None:
    """UU PDP art. 22: silence is no consent, and an unreadable word is asked about."""
    assert vocabulary.yes_or_no(text) is agrees
    assert "consent" not in row_of(**{"Persetujuan WA": "", "Nama Usaha": "x"}).data["owner"]
    with pytest.raises(Invalid):
        vocabulary.yes_or_no("belum tahu")


def test_a_place_whose_name_was_corrected_and_not_its_code_is_refused() -> None:
    """In an exported register both stand; the code alone would say that nothing has changed."""
    place = {"Kode Wilayah": "12.71.01.1001", "Nama Usaha": "Kopi"}
    assert business(**place, Kecamatan="Medan Kota", Kelurahan="Pasar Baru")["region"] == "12.71.01.1001"
    assert business(**place, Kecamatan="Kec. Medan Kota", Kelurahan="Lingkungan IV")["region"] == "12.71.01.1001"
    for moved in ({"Kecamatan": "Medan Tembung"}, {"Kelurahan": "Pandau Hulu I"}, {"Kelurahan": "Aur"}):
        assert refused(**place, **moved) == [("sheet.region_differs", "data.business.region")]
