"""An exported register that is edited and imported again tells what was changed and nothing else."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from services.cli.client import Intake, Reply
from services.cli.importing import Importer
from services.cli.ledger import Ledger
from services.cli.report import read
from services.cli.rounds import Pass
from services.cli.sheet import open_sheet
from shared.contracts.registry.businesses import BusinessReport
from tests.services.cli import sheets

HEADINGS = (*sheets.HEADINGS, "ID Binaan")


class Register:
    """A file as `binaan export` leaves it, with what it said beside it."""

    def __init__(self, path: Path) -> None:
        self.path, self.saved = path, 1_767_600_000
        self.save({})
        ledger, sheet = Ledger.of(path), open_sheet(path)
        for row in sheet.rows():
            found = read(row, "12.71")
            ledger.exported.add(str(found.id), found.data)
        ledger.save()

    def save(self, first: dict[str, str], *, at: int | None = None) -> None:
        """Two businesses, the first with some cells typed over."""
        self.saved += 60
        rows = [[*sheets.row(1, **first), "b-1"], [*sheets.row(2), "b-2"]]
        sheets.write(self.path, rows, headings=HEADINGS)
        os.utime(self.path, (at or self.saved,) * 2)

    def run(self, *, answered: bool = True) -> list[Intake]:
        """What goes out."""
        sheet, ledger = open_sheet(self.path), Ledger.of(self.path)
        current = Pass(sheet, ledger, Importer(sheet, ledger, "dinkop-medan", "12.71").prepare, lambda: None)
        sent = [intake for _, intake in current._intakes()]
        for intake in sent if answered else ():
            current._settle(intake.id, Reply("accepted", {"result": {"outcome": "updated"}}, {}))
        ledger.save()
        self.outcomes = {number: result.outcome for number, result in current.results.items()}
        return sent


@pytest.fixture
def register(tmp_path: Path) -> Register:
    return Register(tmp_path / "register.csv")


def test_what_was_not_changed_is_not_told(register: Register) -> None:
    """It would stand as this office's word of today, above what others have seen."""
    assert register.run() == []
    assert register.outcomes == {2: "tetap", 3: "tetap"}


def test_only_the_changed_cell_is_told_of_the_business_that_the_row_names(register: Register) -> None:
    register.save({"Jumlah Tenaga Kerja": "9"})
    (sent,) = register.run()
    assert sent.data == {"business": {"business_id": "b-1", "workers": 9}}
    assert register.outcomes == {2: "diperbarui", 3: "tetap"}


def test_a_cell_that_is_written_otherwise_and_says_the_same_is_no_change(register: Register) -> None:
    """Excel takes the dots out of thousands, and LibreOffice writes them in."""
    register.save({"Omzet per Tahun (Rp)": "180000000", "Persetujuan WA": "ya"})
    assert register.run() == []


@pytest.mark.parametrize("answered", [True, False])
def test_the_same_edit_imported_twice_is_one_message(register: Register, answered: bool) -> None:
    register.save({"Jumlah Tenaga Kerja": "9", "No. HP/WA": "081200000009"})
    first = register.run(answered=answered)
    assert first[0].data["owner"] == {"phone": "081200000009"}
    register.save({"Jumlah Tenaga Kerja": "9", "No. HP/WA": "081200000009"})
    assert register.run() == first


@pytest.mark.parametrize("copied", [False, True], ids=["typed again", "an older copy put back"])
def test_an_edit_that_is_taken_back_is_told(register: Register, copied: bool) -> None:
    """By what the export said alone there would be nothing to tell, and the edit would stay."""
    first_saved = register.saved
    register.save({"Jumlah Tenaga Kerja": "9"})
    (edit,) = register.run()
    register.save({}, at=first_saved if copied else None)
    (back,) = register.run()
    assert back.data == {"business": {"business_id": "b-1", "workers": 3}}
    assert (str(back.time), back.id) > (str(edit.time), edit.id)
    assert register.run() == [back]


def test_a_cell_that_is_emptied_empties_the_field(register: Register) -> None:
    """Elsewhere a blank cell says nothing; here it is an edit, and filled again it is another."""
    register.save({"No. HP/WA": "", "Omzet per Tahun (Rp)": "", "Tahun Omzet": ""})
    (sent,) = register.run()
    assert sent.data == {"business": {"business_id": "b-1"}, "clear": ["owner.phone", "business.annual_sales"]}
    BusinessReport.model_validate(sent.data)
    assert register.run() == [sent]
    register.save({"No. HP/WA": ""})
    (filled,) = register.run()
    assert filled.data["business"]["annual_sales"] == {"year": 2025, "amount": 180_000_000}
    assert filled.data["clear"] == ["owner.phone"]


@pytest.mark.parametrize("heading", ["NIK", "Nama Usaha", "NAMA PEMILIK"])
def test_what_cannot_be_empty_is_refused_where_it_was_emptied(register: Register, heading: str) -> None:
    register.save({heading: ""})
    assert register.run() == []
    assert register.outcomes == {2: "ditolak", 3: "tetap"}


def test_a_column_that_was_taken_out_empties_nothing(register: Register) -> None:
    rows = [[*sheets.row(1)[:-1], "b-1"], [*sheets.row(2)[:-1], "b-2"]]
    sheets.write(
        register.path, [row[:2] + row[3:] for row in rows], headings=HEADINGS[:2] + HEADINGS[3:-2] + HEADINGS[-1:]
    )
    assert register.run() == []


def test_a_second_export_says_anew_what_need_not_be_told(register: Register) -> None:
    register.save({"Jumlah Tenaga Kerja": "9"})
    register.run()
    ledger = Ledger.of(register.path)
    (row, _) = open_sheet(register.path).rows()
    ledger.exported.add("b-1", read(row, "12.71").data)
    ledger.save()
    assert register.run() == []


def test_what_is_kept_tells_nothing_and_is_left_out_where_fields_have_changed(register: Register) -> None:
    """A hash of few letters under a salt of the file's own; and after an upgrade rows go whole, which is safe."""
    text = Ledger.of(register.path).path.read_text()
    assert sheets.row(1)[1] not in text
    assert "Contoh" not in text
    content = json.loads(text)
    assert len(content["exported"]["rows"]["b-1"]) == 6 * len(content["exported"]["fields"])
    content["exported"]["fields"].append("business.later")
    Ledger.of(register.path).path.write_text(json.dumps(content))
    assert [one.data["business"]["business_id"] for one in register.run()] == ["b-1", "b-2"]
