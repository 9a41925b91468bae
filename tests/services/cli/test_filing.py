"""Tables as files: what stands in them was typed by others, and may name people."""

from __future__ import annotations

import csv
import stat
from pathlib import Path

import pytest

from services.cli.exits import CliError
from services.cli.exporting import Format, columns
from services.cli.filing import Table, filing, save
from services.cli.headings import recognise
from tests.services.cli import sheets

ROWS = [{"name": "Dinas Koperasi", "events": ["a.#", "b.#"], "closed": False, "note": None, "more": {"x": 1}}]


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
def test_a_table_is_written_as_it_is_shown_and_readable_by_its_owner_only(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"agencies.{ending}"
    save(
        ROWS,
        ("name", "events", "closed", "note"),
        xlsx=path if ending == "xlsx" else None,
        csv=path if ending == "csv" else None,
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = sheets.cells(path) if ending == "xlsx" else list(csv.reader(path.open(encoding="utf-8-sig"), delimiter=";"))
    assert found == [["name", "events", "closed", "note"], ["Dinas Koperasi", "a.#, b.#", "False", ""]]


def test_no_text_of_a_csv_begins_to_act_in_a_spreadsheet(tmp_path: Path) -> None:
    """OWASP, "CSV Injection"; a workbook says of each cell that it is text."""
    path = tmp_path / "x.csv"
    with filing(path, [Table("Data", ("a", "b", "c"))]) as (write,):
        write(["=HYPERLINK(1)", "+62812", -5])
    assert path.read_text("utf-8-sig").splitlines()[1] == "'=HYPERLINK(1);'+62812;-5"


def test_an_ended_command_leaves_no_half_of_a_table(tmp_path: Path) -> None:
    def fail() -> None:
        with filing(tmp_path / "x.xlsx", [Table("Data", ("a",))]) as (write,):
            write(["b"])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="cannot be written"):
        save(ROWS, ("name",), xlsx=tmp_path / "none" / "x.xlsx", csv=None)


# -- what an export holds ----------------------------------------------------------------------------------------------

PERSONAL = frozenset({"Nama Pemilik", "NIK", "No HP WA", "No HP", "Alamat", "Omzet per Tahun", "Modal", "No Reg"})


@pytest.mark.parametrize("format_", Format)
def test_a_public_export_has_no_column_about_people_or_their_money(format_: Format) -> None:
    headings = {one.heading for one in columns(format_, public=True)}
    assert headings
    assert not headings & PERSONAL
    assert headings < {one.heading for one in columns(format_)}


def test_import_knows_the_headings_of_an_exported_register() -> None:
    """What an office edits must be read where it stood."""
    headings = recognise([one.heading for one in columns(Format.REGISTER)])
    assert {
        "owner.nik",
        "owner.name",
        "owner.phone",
        "business.name",
        "business.nib",
        "business.region",
    } <= headings.known.keys()
    assert {
        "sales.amount",
        "sales.year",
        "business.workers",
        "business.needs",
        "business.channels",
    } <= headings.known.keys()
    assert all(len(at) == 1 for at in headings.known.values())
    assert not {"consent.whatsapp", "consent.sms", "surveyed_on"} & headings.known.keys()


@pytest.mark.parametrize(
    ("kbli", "said"),
    [
        ({"code": "10794", "version": "2020"}, "Industri Kerupuk, Keripik, Peyek dan Sejenisnya"),
        ({"code": "10794", "version": "2025"}, ""),
        (None, ""),
    ],
)
def test_an_activity_is_named_by_the_list_of_its_edition(kbli: dict[str, str] | None, said: str) -> None:
    """A code of another edition is another activity, or none that we know."""
    (column,) = (one for one in columns(Format.REGISTER) if one.heading == "Uraian KBLI")
    assert column.cell({"business": {"kbli": kbli} if kbli else {}}) == said
