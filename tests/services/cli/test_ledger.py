"""Ids that are the same when a command is repeated, and tell nobody whose row it was."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.client import Intake, Reply
from services.cli.deciding import Decider
from services.cli.exits import CliError, Exit
from services.cli.headings import Row
from services.cli.importing import Importer
from services.cli.ledger import Ledger, key_of_decision, stamp_of, time_of
from services.cli.parcels import Packer
from services.cli.rounds import Message, Pass, Refusal
from services.cli.sheet import open_sheet
from shared.contracts.envelope import MAX_ID_LENGTH
from tests.services.cli import sheets

STAMP = "20260105T023000.000Z"
CONTENT = {"owner": {"nik": "1271994107900001"}, "business": {"name": "Usaha Contoh"}}


def id_of(ledger: Ledger, content: object = CONTENT, account: str = "dinkop-medan", stamp: str = STAMP) -> str:
    key = ledger.key_of_row(account, {"row": content})
    return ledger.intake_id(key, ledger.stamp(2, key, stamp))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return sheets.write(tmp_path / "umkm.csv", [sheets.row(1), sheets.row(2)])


def test_the_same_row_has_the_same_id_in_the_next_run(path: Path) -> None:
    """After Ctrl-C, or when somebody types the command twice, nothing may be done twice."""
    first = Ledger.of(path)
    first.save()
    assert id_of(Ledger.of(path)) == id_of(first)


def test_the_same_row_of_another_account_is_another_message(path: Path) -> None:
    ledger = Ledger.of(path)
    assert id_of(ledger, account="dinkop-siantar") != id_of(ledger)


def test_an_id_cannot_be_computed_by_who_knows_the_row(tmp_path: Path) -> None:
    """An id becomes the correlationid of public events; with a plain hash all NIKs of a regency could be tried."""
    one, other = Ledger.of(tmp_path / "a.csv"), Ledger.of(tmp_path / "b.csv")
    assert id_of(one) != id_of(other)
    assert len(one.salt) == 32


def test_the_ledger_can_be_read_by_its_owner_only(path: Path) -> None:
    ledger = Ledger.of(path)
    ledger.save()
    assert stat.S_IMODE(ledger.path.stat().st_mode) == 0o600
    assert ledger.path.name == ".binaan-umkm.json"


def test_a_ledger_holds_nothing_of_the_rows(path: Path) -> None:
    ledger = Ledger.of(path)
    key = ledger.key_of_row("dinkop-medan", CONTENT)
    ledger.settle(key, STAMP, refused=False)
    ledger.save()
    assert "1271994107900001" not in ledger.path.read_text()
    assert "Usaha" not in ledger.path.read_text()


def test_a_row_that_was_sent_keeps_its_first_time_when_the_sheet_is_saved_again(path: Path) -> None:
    """Saved after correcting other rows, it is still the same observation: the same id with the same content."""
    ledger = Ledger.of(path)
    key = ledger.key_of_row("dinkop-medan", CONTENT)
    ledger.settle(key, ledger.stamp(2, key, STAMP), refused=False)
    ledger.save()
    again = Ledger.of(path)
    assert again.stamp(2, key, "20270101T000000.000Z") == STAMP
    assert again.intake_id(key, STAMP) == f"{STAMP}-{key}"


def test_a_corrected_row_has_a_higher_id_than_before(path: Path) -> None:
    """Where two reports have the same observation time the contract takes the higher id: the correction must win."""
    ledger = Ledger.of(path)
    corrected = id_of(ledger, {"corrected": True}, stamp="20260106T010000.000Z")
    assert corrected > id_of(ledger)


def test_a_refused_row_gets_a_new_id_in_the_next_run_only(path: Path) -> None:
    """The reply to an id is for ever the same; what was refused for want of an official can succeed tomorrow."""
    ledger = Ledger.of(path)
    key = ledger.key_of_row("dinkop-medan", CONTENT)
    before = ledger.intake_id(key, STAMP)
    ledger.settle(key, STAMP, refused=True)
    assert ledger.intake_id(key, STAMP) == before
    ledger.save()
    second = Ledger.of(path)
    assert second.intake_id(key, STAMP) == f"{before}-1"
    second.settle(key, STAMP, refused=True)
    second.save()
    assert Ledger.of(path).intake_id(key, STAMP) == f"{before}-2"


def test_returned_sheets_share_the_ledger_of_the_first(path: Path) -> None:
    assert Ledger.of(path.with_name("umkm.hasil.csv")).path == Ledger.of(path).path


@pytest.mark.parametrize("content", ["", "{", "[]", '{"salt": "zz", "sent": {}}', '{"salt": "00", "sent": {"a": 1}}'])
def test_a_broken_ledger_is_not_quietly_replaced(path: Path, content: str) -> None:
    """A new salt would send every row anew."""
    path.with_name(".binaan-umkm.json").write_text(content)
    with pytest.raises(CliError, match="keeps ids from being used twice") as caught:
        Ledger.of(path)
    assert caught.value.code == Exit.USAGE


@given(st.integers(0, 2**43).map(lambda milliseconds: milliseconds / 1000))
def test_a_stamp_is_the_instant_at_which_the_sheet_was_saved_and_never_later_than_now(seconds: float) -> None:
    """A clock set wrong on an office's machine must not make rows observations of the future, which are refused."""
    now = datetime(2026, 1, 5, 2, 30, tzinfo=UTC)
    stamp = stamp_of(seconds, now)
    assert timedelta() <= min(datetime.fromtimestamp(seconds, UTC), now) - time_of(stamp) < timedelta(milliseconds=1)
    assert stamp_of(time_of(stamp).timestamp() + 0.002, now) >= stamp


# -- through the sheet -------------------------------------------------------------------------------------------------


def messages(path: Path) -> list[Message]:
    sheet = open_sheet(path)
    ledger = Ledger.of(path)
    ledger.save()
    importer = Importer(sheet, ledger, "dinkop-medan", "12.71")
    prepared = [importer.prepare(row) for row in sheet.rows()]
    return [one for one in prepared if isinstance(one, Message)]


def test_only_a_changed_row_becomes_a_new_message(path: Path) -> None:
    before = [one.intake.id for one in messages(path)]
    assert len(set(before)) == 2
    assert all(len(one) <= MAX_ID_LENGTH for one in before)
    rows = [sheets.row(1), sheets.row(2, **{"Nama Usaha": "Nama Baru"})]
    saved = path.stat().st_mtime_ns
    sheets.write(path, rows)
    os.utime(path, ns=(saved, saved))
    after = [one.intake.id for one in messages(path)]
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_how_a_row_is_written_does_not_matter_only_what_it_says(path: Path) -> None:
    """Columns moved and thousands dots taken out by Excel are no corrections."""
    before = [one.intake.id for one in messages(path)]
    saved = path.stat().st_mtime_ns
    rows = [list(reversed(sheets.row(n, **{"Omzet per Tahun (Rp)": "Rp180000000"}))) for n in (1, 2)]
    sheets.write(path, rows, headings=sheets.HEADINGS[::-1])
    os.utime(path, ns=(saved, saved))
    assert [one.intake.id for one in messages(path)] == before


class Office:
    """Imports one sheet, again and again. `rows` are the names of the businesses, each a row of its own."""

    def __init__(self, path: Path) -> None:
        self.path, self.saved = path, 1_767_600_000

    def save(self, *names: str, at: int | None = None) -> None:
        self.saved += 60
        rows = [sheets.row(number, **{"Nama Usaha": name}) for number, name in enumerate(names)]
        sheets.write(self.path, rows)
        os.utime(self.path, (at or self.saved,) * 2)

    def run(self, *, stopped_after: int | None = None, answered: bool = True) -> list[Intake]:
        """What goes out, until it is stopped."""
        sheet, ledger = open_sheet(self.path), Ledger.of(self.path)
        importer = Importer(sheet, ledger, "dinkop-medan", "12.71")
        current = Pass(sheet, ledger, importer.prepare, lambda: None)
        sent = [intake for _, intake in islice(current._intakes(), stopped_after)]
        for intake in sent if answered else ():
            current._settle(intake.id, Reply("accepted", {"result": {"outcome": "updated"}}, {}))
        ledger.save()
        return sent


@pytest.fixture
def office(path: Path) -> Office:
    return Office(path)


def wins(one: Intake, over: Intake) -> bool:
    """Whether an observation stands against another (contract, "The main chain" 1)."""
    return (datetime.fromisoformat(str(one.time)), one.id) > (datetime.fromisoformat(str(over.time)), over.id)


@pytest.mark.parametrize("copied", [False, True], ids=["typed again", "an older copy put back"])
def test_a_correction_that_is_taken_back_is_a_new_observation(office: Office, copied: bool) -> None:
    """Wrongly corrected: under the old id it would be answered as done, and the wrong value would stay."""
    office.save("Lama", "Lain")
    before, beside = office.run()
    first_saved = office.saved
    office.save("Baru", "Lain")
    corrected, _ = office.run()
    office.save("Lama", "Lain", at=first_saved if copied else None)
    back, unchanged = office.run()
    assert back.data == before.data
    assert wins(back, corrected)
    assert wins(corrected, before)
    assert unchanged == beside
    assert office.run() == [back, unchanged]


@pytest.mark.parametrize("answered", [True, False])
def test_a_correction_that_is_taken_back_in_a_run_that_is_stopped_goes_out_once(office: Office, answered: bool) -> None:
    """After Ctrl-C the same command asks again and does nothing again; also where the file has been saved since."""
    for name in ("Lama", "Baru"):
        office.save(name, "Lain", "Ketiga")
        office.run()
    office.save("Lama", "Lain", "Ketiga")
    stopped = office.run(stopped_after=2, answered=answered)
    office.save("Lama", "Lain", "Ketiga")
    again = office.run()
    assert again[:2] == stopped
    assert office.run() == again


def test_a_correction_whose_run_was_stopped_can_be_taken_back(office: Office) -> None:
    """It may have gone out, whatever is known of its answer; the rows behind it stay what they were."""
    office.save("Lama", "Lain", "Ketiga")
    whole = office.run()
    office.save("Baru", "Lain", "Ketiga")
    (corrected,) = office.run(stopped_after=1, answered=False)
    office.save("Lama", "Lain", "Ketiga")
    back, *others = office.run()
    assert wins(back, corrected)
    assert others == whole[1:]


def test_a_decision_leaves_what_the_sheet_says_as_it_was(office: Office) -> None:
    """Verifying the returned sheet uses the same ledger; the next import must not send every row anew."""
    office.save("Lama", "Lain")
    sent = office.run()
    ledger = Ledger.of(office.path)
    ledger.settle("a decision", "verify", refused=False)
    ledger.complete()
    ledger.save()
    office.save("Lama", "Lain")
    assert office.run() == sent


def test_a_row_that_has_moved_up_before_it_is_taken_back_is_not_found_where_it_was(office: Office) -> None:
    """A shorter sheet says nothing any more in the rows that it has not."""
    office.save("Lain", "Lama")
    office.run()
    office.save("Baru")
    (corrected,) = office.run()
    office.save("Lain", "Lama")
    _, back = office.run()
    assert wins(back, corrected)


def test_rows_that_are_sorted_otherwise_are_no_news(office: Office) -> None:
    office.save("Satu", "Dua")
    before = office.run()
    rows = office.path.read_text().splitlines()
    office.path.write_text("\n".join((rows[0], *reversed(rows[1:]))) + "\n")
    assert office.run() == before[::-1]


def test_a_packed_row_that_is_taken_back_has_a_later_time_and_its_neighbour_its_own(office: Office) -> None:
    """In a message of many each row has its time; the message's id must be higher too, for equal times."""

    def packed() -> Intake:
        importer = Importer(open_sheet(office.path), Ledger.of(office.path), "dinkop-medan", "12.71")
        (one,) = Packer(2, importer._name).pack(enumerate(office.run(), start=2))
        return one

    parcels = []
    for name in ("Lama", "Baru", "Lama"):
        office.save(name, "Lain")
        parcels.append(packed())
    times = [[report["time"] for report in one.data["reports"]] for one in parcels]
    assert times[0][0] < times[1][0] < times[2][0]
    assert len({one[1] for one in times}) == 1
    assert parcels[0].id < parcels[1].id < parcels[2].id


# -- sheets that name their businesses ---------------------------------------------------------------------------------


class Returned(Office):
    """The same office with the sheet that it was given back: ids of businesses stand in it."""

    def save(self, *names: str, at: int | None = None) -> None:
        self.saved += 60
        rows = [[*sheets.row(number, **{"Nama Usaha": name}), f"b-{number}"] for number, name in enumerate(names)]
        sheets.write(self.path, rows, headings=(*sheets.HEADINGS, "ID Binaan"))
        os.utime(self.path, (at or self.saved,) * 2)


def named(intake: Intake) -> str | None:
    return intake.data["business"].get("business_id")  # type: ignore[no-any-return]


def test_a_corrected_row_names_its_business_and_the_others_are_what_they_were(office: Office) -> None:
    """By its new name alone registry would not find it; and a row that names what it did not before is news."""
    office.save("Lama", "Lain")
    _, beside = office.run()
    returned = Returned(office.path)
    returned.save("Baru", "Lain")
    corrected, unchanged = returned.run()
    assert (named(corrected), named(unchanged)) == ("b-0", None)
    assert unchanged == beside
    assert returned.run() == [corrected, unchanged]


@pytest.mark.parametrize("copied", [False, True], ids=["typed again", "an older copy put back"])
def test_a_corrected_name_that_is_taken_back_names_its_business(office: Office, copied: bool) -> None:
    """By the name of before registry does not find it any more."""
    office.save("Lama", "Lain")
    office.run()
    returned = Returned(office.path)
    returned.save("Lama", "Lain")
    returned.run()
    first_saved = returned.saved
    returned.save("Baru", "Lain")
    corrected, _ = returned.run()
    returned.save("Lama", "Lain", at=first_saved if copied else None)
    back, _ = returned.run()
    assert named(back) == "b-0"
    assert wins(back, corrected)


def test_a_row_that_was_copied_with_its_id_and_changed_is_refused(path: Path) -> None:
    """It would turn the business that it was copied from into another; the same row twice is one, as ever."""
    rows = [[*sheets.row(1), "b-1"], [*sheets.row(1, **{"Nama Usaha": "Usaha Kedua"}), "b-1"], [*sheets.row(2), "b-2"]]
    sheets.write(path, [*rows, rows[2]], headings=(*sheets.HEADINGS, "ID Binaan"))
    sheet = open_sheet(path)
    importer = Importer(sheet, Ledger.of(path), "dinkop-medan", "12.71")
    first, copied, *same = (importer.prepare(row) for row in sheet.rows())
    assert isinstance(first, Refusal)
    assert isinstance(copied, Refusal)
    assert [(one.code, one.field) for one in copied.problems] == [("sheet.business_twice", "data.business.business_id")]
    assert "baris 2" in copied.problems[0].text_id
    assert all(isinstance(one, Message) for one in same)


# -- decisions ---------------------------------------------------------------------------------------------------------


def decide(path: Path, business: str = "b-1", **changes: object) -> Message | None:
    decree = {"number": "SK-1", "date": "2026-02-01"}
    given = {"account": "dinkop-medan", "verb": "designate", "actor": "kadis", "data": {"decree": decree}, **changes}
    return Decider(Ledger.of(path), **given).prepare(Row(2, {"id": business}))  # type: ignore[arg-type]


def test_a_decision_has_the_same_id_from_every_machine(path: Path, tmp_path: Path) -> None:
    """Account, verb, business and decree say it wholly, and nothing of them is personal."""
    one, other = decide(path), decide(tmp_path / "elsewhere.csv")
    assert one
    assert other
    assert one.intake == other.intake
    assert one.intake.actor == "kadis"
    assert one.intake.data == {"business_id": "b-1", "decree": {"number": "SK-1", "date": "2026-02-01"}}


@pytest.mark.parametrize(
    "change",
    [
        {"business": "b-2"},
        {"account": "dinkop-siantar"},
        {"verb": "verify"},
        {"actor": "plt"},
        {"occasion": "20260105T023000.000Z"},
        {"data": {"decree": {"number": "SK-2", "date": "2026-02-01"}}},
        {"data": {"decree": {"number": "SK-1", "date": "2026-02-02"}}},
        {"data": {"decree": {"number": "SK-1", "date": "2026-02-01"}, "mentor": "m1"}},
    ],
)
def test_another_decision_has_another_id(path: Path, change: dict[str, str]) -> None:
    """The same id with other content is refused."""
    one, other = decide(path), decide(path, **change)
    assert one
    assert other
    assert one.intake.id != other.intake.id


def test_the_parts_of_a_decision_do_not_run_together() -> None:
    assert key_of_decision("ab", "c") != key_of_decision("a", "bc")


def test_a_limit_counts_businesses_and_rows_without_id_are_left_alone(path: Path) -> None:
    decider = Decider(Ledger.of(path), "dinkop-medan", "verify", "kabid", {}, limit=2)
    rows = ["a", "", "b", "a", "c"]
    sent = [decider.prepare(Row(n, {"id": one})) is not None for n, one in enumerate(rows)]
    assert sent == [True, False, True, True, False]
