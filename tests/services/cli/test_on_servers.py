"""The command line with the real services: what an office does, from its sheet to its binaan, as it does it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from typer.testing import CliRunner

from deploy.local.world import World
from services.cli.agencies import DEMO_AGENCIES
from services.cli.exits import Exit
from services.cli.main import app
from services.cli.seed import seed
from shared.reference import region as regions
from tests.samples import MEDAN, programme
from tests.services.cli import sheets
from tests.support import PATIENCE_SECONDS, PROJECT, History, ServiceProcess, until

pytestmark = pytest.mark.servers

DECREE = ("--decree", "SK-12/2026", "--date", "1 Februari 2026")


class Office:
    """A folder and a terminal."""

    def __init__(self, world: World, folder: Path) -> None:
        self.env = {"BINAAN_AMQP_URL": world.amqp_url}
        self.folder = folder

    def sheet(self, *rows: Sequence[str], name: str = "umkm.csv") -> Path:
        return sheets.write(self.folder / name, list(rows))

    async def run(self, *arguments: object, exits: Exit = Exit.DONE, text: str | None = None) -> str:
        """A command's stdout; it must end with the given code."""
        ended = await asyncio.to_thread(CliRunner().invoke, app, list(map(str, arguments)), input=text, env=self.env)
        assert ended.exit_code == exits, f"{ended.output}\n{ended.exception!r}"
        return ended.stdout

    async def json(self, *arguments: object, exits: Exit = Exit.DONE) -> Any:
        return json.loads(await self.run(*arguments, "--json", exits=exits))

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """The same as a process of its own, for what is done to processes."""
        code = "from services.cli.start import main; main()"
        return subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=PROJECT,
            env={**os.environ, **self.env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture(scope="module")
async def services(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[None]:
    """registry and aid, knowing the demo agencies."""
    root = tmp_path_factory.mktemp("services")
    running = [ServiceProcess(world, name, root).launch() for name in ("registry", "aid")]
    try:
        for one in running:
            await one.ready()
        await asyncio.to_thread(seed, {"BINAAN_AMQP_URL": world.amqp_url})
        yield
    finally:
        for one in running:
            one.kill()


@pytest.fixture
def office(world: World, services: None, tmp_path: Path) -> Office:
    return Office(world, tmp_path)


@pytest.fixture
async def told(world: World) -> AsyncIterator[History]:
    async with History(world) as found:
        yield found


# -- the main chain ----------------------------------------------------------------------------------------------------


async def test_an_offices_sheet_becomes_binaan(office: Office, told: History) -> None:
    """Import, verify and designate by one decree with the list attached (S1-20), each from the sheet before."""
    path = office.sheet(
        sheets.row(1),
        sheets.row(2, NIK="127199410790000"),
        sheets.row(3, **{"Jumlah Tenaga Kerja": "tiga"}),
        sheets.row(4),
    )
    summary = await office.json("import", path, "--as", MEDAN, exits=Exit.REFUSED)
    assert summary["outcomes"] == {"diterima": 2, "ditolak": 2}
    assert summary["not_sent"] == 1
    assert summary["sheet"] == str(office.folder / "umkm.hasil.csv")
    good, refused, unread, also = sheets.read(office.folder / "umkm.hasil.csv")
    assert (good["Hasil"], good["Keterangan"]) == ("diterima", "")
    assert (refused["ID Binaan"], refused["Hasil"]) == ("", "ditolak")
    assert refused["Keterangan"].startswith("NIK: NIK harus tepat 16 angka")
    assert unread["Keterangan"].startswith("Jumlah Tenaga Kerja: Isi jumlah orang")

    verified = await office.json("verify", summary["sheet"], "--as", MEDAN, "--actor", "kabid")
    assert (verified["outcomes"], verified["skipped"]) == ({"terverifikasi": 2}, 2)
    decided = await office.json(
        "designate", verified["sheet"], "--as", MEDAN, "--actor", "kadis", *DECREE, "--limit", "1"
    )
    assert (decided["outcomes"], decided["skipped"]) == ({"binaan": 1}, 3)
    assert [row["Hasil"] for row in sheets.read(office.folder / "umkm.binaan.csv")] == [
        "binaan",
        "ditolak",
        "ditolak",
        "terverifikasi",
    ]
    await until(lambda: told.of_type("registry.business.designated"))
    event = told.of_type("registry.business.designated")[0]
    assert event["subject"] == good["ID Binaan"] != also["ID Binaan"]
    assert event["data"]["change"]["decree"] == {"number": "SK-12/2026", "date": "2026-02-01"}


async def test_the_same_command_twice_is_done_once(office: Office, told: History) -> None:
    """The second time every row is given the reply of the first, and nothing happens."""
    path = office.sheet(sheets.row(11), sheets.row(12))
    first = await office.json("import", path, "--as", MEDAN)
    once = (office.folder / "umkm.hasil.csv").read_bytes()
    verify = ("verify", first["sheet"], "--as", MEDAN, "--actor", "kabid")
    verified = await office.json(*verify)
    assert verified["outcomes"] == {"terverifikasi": 2}
    assert await office.json(*verify) == verified
    ids = {row["ID Binaan"] for row in sheets.read(office.folder / "umkm.hasil.csv")}
    assert await office.json("import", path, "--as", MEDAN) == first
    assert (office.folder / "umkm.hasil.csv").read_bytes() == once
    await office.json("import", office.sheet(sheets.row(13), name="later.csv"), "--as", MEDAN)
    await until(lambda: any(one["data"]["business"]["name"] == "Usaha Contoh 13" for one in about_businesses(told)))
    for business in ids:
        assert [one["type"].split(".")[-2] for one in told.by_subject()[business]] == ["recorded", "verified"]


def about_businesses(told: History) -> list[dict[str, Any]]:
    return [one for one in told.events if "business" in one["data"]]


async def test_a_returned_sheet_is_corrected_and_imported_again(office: Office) -> None:
    """What was refused is new, what was changed is an update that wins, and the rest is what it was."""
    path = office.sheet(sheets.row(21, NIK="127199410790000"), sheets.row(22), sheets.row(23))
    os.utime(path, (path.stat().st_mtime - 3600,) * 2)
    await office.json("import", path, "--as", MEDAN, exits=Exit.REFUSED)
    returned = office.folder / "umkm.hasil.csv"
    before = sheets.read(returned)
    good_nik = sheets.row(21)[1]
    text = returned.read_text("utf-8-sig").replace("127199410790000;", f"{good_nik};").replace(";3;IKM", ";4;IKM", 2)
    returned.write_text(text, "utf-8-sig", newline="")
    summary = await office.json("import", returned, "--as", MEDAN)
    after = sheets.read(returned)
    assert [row["Hasil"] for row in after] == ["diterima", "diperbarui", "diterima"]
    assert summary["sheet"] == str(returned)
    assert [row["ID Binaan"] for row in after[1:]] == [row["ID Binaan"] for row in before[1:]]


async def test_a_wrong_correction_is_taken_back_by_correcting_it_again(office: Office) -> None:
    """3 → 9 → 3: registry has the three again, though the office has sent that row before; then all is as it was."""
    said = []
    for workers in ("3", "9", "3", "3"):
        path = office.sheet(sheets.row(7301, **{"Jumlah Tenaga Kerja": workers}), sheets.row(7302))
        await office.json("import", path, "--as", MEDAN)
        first, beside = sheets.read(office.folder / "umkm.hasil.csv")
        asked = json.dumps({"business_ids": [first["ID Binaan"]]})
        (known,) = (await office.json("send", "registry.business.request", asked, "--as", MEDAN))["data"]["answer"]
        said.append((first["Hasil"], beside["Hasil"], known["business"]["workers"]))
    assert said == [("diterima", "diterima", 3), ("diperbarui", "diterima", 9), *[("diperbarui", "diterima", 3)] * 2]


async def test_a_workbook_is_corrected_where_it_was_given_back(office: Office) -> None:
    """What an office does with Excel: only the corrected row is new, and verifying takes the workbook as it is."""
    rows = [sheets.row(24, NIK="127199410790000"), sheets.row(25), sheets.row(26)]
    path = sheets.workbook(office.folder / "umkm.xlsx", rows)
    summary = await office.json("import", path, "--as", MEDAN, exits=Exit.REFUSED)
    assert (summary["outcomes"], summary["sheet"]) == (
        {"diterima": 2, "ditolak": 1},
        str(office.folder / "umkm.hasil.xlsx"),
    )
    returned = sheets.cells(Path(summary["sheet"]))
    assert [row[-2] for row in returned] == ["Hasil", "ditolak", "diterima", "diterima"]
    returned[1][1] = sheets.row(24)[1]
    corrected = sheets.workbook(Path(summary["sheet"]), returned[1:], headings=returned[0])
    assert (await office.json("import", corrected, "--as", MEDAN))["outcomes"] == {"diterima": 3}
    again = sheets.cells(corrected)
    assert [row[-3] for row in again[2:]] == [row[-3] for row in returned[2:]]
    verified = await office.json("verify", corrected, "--as", MEDAN, "--actor", "kabid")
    assert verified["sheet"] == str(office.folder / "umkm.verifikasi.xlsx")
    assert verified["outcomes"] == {"terverifikasi": 3}


async def test_what_was_refused_can_succeed_when_the_cause_is_gone(office: Office) -> None:
    """The sheet is right and the office was early: designated before verified."""
    path = office.sheet(sheets.row(31))
    returned = (await office.json("import", path, "--as", MEDAN))["sheet"]
    designate = ("designate", returned, "--as", MEDAN, "--actor", "kadis", *DECREE)
    assert (await office.json(*designate, exits=Exit.REFUSED))["outcomes"] == {"ditolak": 1}
    assert sheets.read(office.folder / "umkm.binaan.csv")[0]["Keterangan"]
    await office.json("verify", returned, "--as", MEDAN, "--actor", "kabid")
    assert (await office.json(*designate))["outcomes"] == {"binaan": 1}


async def test_an_official_without_the_role_is_refused_row_by_row(office: Office) -> None:
    returned = (await office.json("import", office.sheet(sheets.row(41)), "--as", MEDAN))["sheet"]
    summary = await office.json("designate", returned, "--as", MEDAN, "--actor", "kabid", *DECREE, exits=Exit.REFUSED)
    assert list(summary["reasons"]) == ["Jabatan pejabat ini tidak berwenang atas keputusan ini."]


async def test_rows_that_are_the_same_are_one_business(office: Office) -> None:
    """A row pasted twice is told to the clerk, not counted twice."""
    path = office.sheet(sheets.row(51), sheets.row(52), sheets.row(51))
    await office.json("import", path, "--as", MEDAN)
    first, _, same = sheets.read(office.folder / "umkm.hasil.csv")
    assert first["ID Binaan"] == same["ID Binaan"]
    assert same["Keterangan"] == "Baris ini sama persis dengan baris 2."


async def test_ctrl_c_in_the_middle_and_again_loses_and_doubles_nothing(office: Office, told: History) -> None:
    """An import of thousands is stopped because somebody sees a mistake, or the laptop's lid is closed."""
    rows = [sheets.row(number, **{"Nama Usaha": f"Usaha Terputus {number}"}) for number in range(1000, 1700)]
    path = office.sheet(*rows)

    def recorded() -> list[str]:
        names = (one["data"]["business"]["name"] for one in told.of_type("registry.business.recorded"))
        return [name for name in names if name.startswith("Usaha Terputus")]

    stopped = office.start("import", path, "--as", MEDAN)
    await until(recorded)
    stopped.send_signal(signal.SIGINT)
    _, said = await asyncio.to_thread(stopped.communicate, timeout=PATIENCE_SECONDS)
    assert stopped.returncode == Exit.INTERRUPTED, said
    assert "Running the same command again is safe" in said
    assert "Traceback" not in said
    assert not (office.folder / "umkm.hasil.csv").exists()

    summary = await office.json("import", path, "--as", MEDAN)
    assert summary["outcomes"] == {"diterima": 700}
    await until(lambda: len(recorded()) >= 700)
    assert sorted(recorded()) == sorted(row[3] for row in rows)


async def test_a_large_workbook_goes_many_rows_a_message_and_stopped_in_the_middle_loses_and_doubles_nothing(
    office: Office, told: History
) -> None:
    """Issue 4, "Show" 2, small: every row answered, all events in the history; `make bench-import` runs forty times it.

    Corrected and imported again, one row is new and nothing else happens.
    """
    rows = [sheets.row(number, **{"Nama Usaha": f"Usaha Banyak {number}"}) for number in range(2000, 2999)]
    rows.append(sheets.row(2999, **{"Nama Usaha": "Usaha Banyak 2999", "NIK": "127199410790000"}))
    path = sheets.workbook(office.folder / "umkm.xlsx", rows)

    def events() -> list[dict[str, Any]]:
        return [one for one in about_businesses(told) if one["data"]["business"]["name"].startswith("Usaha Banyak")]

    stopped = office.start("import", path, "--as", MEDAN)
    await until(events)
    stopped.send_signal(signal.SIGINT)
    _, said = await asyncio.to_thread(stopped.communicate, timeout=PATIENCE_SECONDS)
    assert stopped.returncode == Exit.INTERRUPTED, said
    assert "Traceback" not in said

    summary = await office.json("import", path, "--as", MEDAN, exits=Exit.REFUSED)
    assert summary["outcomes"].pop("ditolak") == 1
    assert sum(summary["outcomes"].values()) == 999
    returned = sheets.cells(Path(summary["sheet"]))
    assert len({row[-3] for row in returned[1:1000]}) == 999
    assert returned[1000][-1].startswith("NIK: NIK harus tepat 16 angka")
    await until(lambda: len(events()) >= 999)
    assert sorted(one["data"]["business"]["name"] for one in events()) == sorted(row[3] for row in rows[:-1])

    returned[1000][1] = sheets.row(2999)[1]
    returned[1][9] = "8"
    corrected = sheets.workbook(Path(summary["sheet"]), returned[1:], headings=returned[0])
    again = await office.json("import", corrected, "--as", MEDAN)
    assert again["outcomes"]["diperbarui"] == 1
    assert sum(again["outcomes"].values()) == 1000
    await until(lambda: len(events()) >= 1001)
    assert len(events()) == 1001


# -- export ------------------------------------------------------------------------------------------------------------


async def test_an_exported_register_can_be_imported_and_changes_only_what_was_changed(office: Office) -> None:
    """The register goes out to Excel and comes back; and who has read the owners' data can be asked."""
    rows = [sheets.row(number, Kelurahan="Lalang", Kecamatan="Medan Sunggal") for number in (7001, 7002)]
    await office.json("import", office.sheet(*rows), "--as", MEDAN)
    path = office.folder / "register.xlsx"
    place = regions.find("Medan Sunggal", "12.71", level="district").code
    await office.run("export", path, "--as", MEDAN, "--region", place)
    assert path.stat().st_mode & 0o777 == 0o600
    headings, *exported = sheets.cells(path)
    by_name = {row[headings.index("Nama Usaha")]: dict(zip(headings, row, strict=True)) for row in exported}
    assert sorted(by_name) == ["Usaha Contoh 7001", "Usaha Contoh 7002"]
    one = by_name["Usaha Contoh 7001"]
    assert (one["NIK"], one["Kelurahan"], one["Status"]) == (rows[0][1], "Lalang", "terdata")
    assert (one["Omzet per Tahun"], one["Tahun Omzet"]) == ("180000000.0", "2025.0")

    assert (await office.json("import", path, "--as", MEDAN))["outcomes"] == {"tetap": 2}
    workers = headings.index("Jumlah Tenaga Kerja")
    exported[0][workers] = "5"
    corrected = sheets.workbook(office.folder / "ubah.xlsx", exported, headings=headings)
    assert (await office.json("import", corrected, "--as", MEDAN))["outcomes"] == {"diperbarui": 1, "tetap": 1}
    await office.run("export", path, "--as", MEDAN, "--region", place)
    assert sorted(row[workers] for row in sheets.cells(path)[1:]) == ["3.0", "5.0"]


KOPERASI = ("Nama Koperasi", "No. BH", "Tgl BH", "Kecamatan", "Jumlah Anggota", "No Reg", "Status")


async def test_a_list_of_cooperatives_comes_in_is_corrected_and_goes_round(office: Office, told: History) -> None:
    """Like one of businesses: each row has its result, only what was changed is changed, and our own export of them
    can be imported and changes nothing."""
    rows = [
        [f"KSU Contoh {number}", f"{number}/BH/XVI", "1 Mei 2010", "Medan Maimun", members, f"K-{number}", "Aktif"]
        for number, members in ((1, "6.111"), (2, "sekitar 350"), (3, "banyak"))
    ]
    path = sheets.write(office.folder / "koperasi.csv", rows, headings=KOPERASI)
    dry = await office.json("import", path, "--of", "cooperatives", "--as", MEDAN, "--dry-run", exits=Exit.REFUSED)
    assert dry["outcomes"] == {"dapat dikirim": 2, "ditolak": 1}
    first = await office.json("import", path, "--of", "cooperatives", "--as", MEDAN, exits=Exit.REFUSED)
    assert first["outcomes"] == {"diterima": 2, "ditolak": 1}
    back = office.folder / "koperasi.hasil.csv"
    one, _, wrong = sheets.read(back)
    assert wrong["Keterangan"].startswith("Jumlah Anggota: Isi jumlah orang")
    back.write_text(back.read_text(encoding="utf-8-sig").replace("banyak", "70").replace("350", "360"), "utf-8")
    again = await office.json("import", back, "--of", "cooperatives", "--as", MEDAN)
    assert again["outcomes"] == {"diterima": 2, "diperbarui": 1}
    file = office.folder / "ods.xlsx"
    await office.run("cooperatives", "--as", MEDAN, "--xlsx", file)
    round_ = await office.json("import", file, "--of", "cooperatives", "--as", MEDAN)
    assert round_["outcomes"] == {"tetap": 3}
    await until(lambda: len(told.of_type("registry.cooperative.updated")) == 1)
    recorded = told.of_type("registry.cooperative.recorded")
    assert {event["subject"] for event in recorded} >= {one["ID Binaan"]}
    members = {event["data"]["cooperative"]["name"]: event["data"]["cooperative"]["members"] for event in recorded}
    assert (members["KSU Contoh 1"]["count"], members["KSU Contoh 2"]["qualifier"]) == (6111, "sekitar")


async def test_a_public_export_holds_nothing_about_people(office: Office) -> None:
    rows = [sheets.row(7101, Kelurahan="Kampung Baru", Kecamatan="Medan Maimun")]
    await office.json("import", office.sheet(*rows), "--as", MEDAN)
    path = office.folder / "register.csv"
    await office.run("export", path, "--as", MEDAN, "--public")
    text = path.read_text("utf-8-sig")
    assert "Usaha Contoh 7101" in text
    assert rows[0][1] not in text
    assert "Contoh Nomor 7101" not in text
    assert "180000000" not in text


async def test_sidt_has_its_seven_blocks(office: Office) -> None:
    await office.json("import", office.sheet(sheets.row(7201)), "--as", MEDAN)
    path = office.folder / "sidt.xlsx"
    await office.run("export", path, "--as", MEDAN, "--format", "sidt")
    blocks = ["Identitas", "Pemasaran", "Produksi", "Keuangan", "Organisasi", "Logistik", "SDM"]
    assert sheets.names(path) == blocks
    first = [[row[0] for row in sheets.cells(path, block)] for block in blocks]
    assert all(ids == first[0] and len(ids) > 1 for ids in first)
    csv = office.folder / "sidt.csv"
    await office.run("export", csv, "--as", MEDAN, "--format", "sidt", exits=Exit.USAGE)
    assert not csv.exists()


async def test_of_each_field_it_can_be_asked_who_said_it_and_when(office: Office) -> None:
    """Two observations of one business; and that somebody has asked is on the owner's record."""
    path = office.sheet(sheets.row(7401, **{"Nama Usaha": "Usaha Ditanya"}))
    await office.json("import", path, "--as", MEDAN)
    (row,) = sheets.read(office.folder / "umkm.hasil.csv")
    known = {"business": {"business_id": row["ID Binaan"], "workers": 7}}
    later = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    await office.run("send", "registry.business.report", json.dumps(known), "--as", MEDAN, "--time", later)
    shown = await office.json("business", row["ID Binaan"], "--as", MEDAN)
    fields = {one["isian"]: one for one in shown}
    assert shown[0] == {"isian": "workers", "nilai": 7, "menurut": MEDAN, "pada": shown[0]["pada"]}
    assert datetime.fromisoformat(shown[0]["pada"]) == datetime.fromisoformat(later)
    assert (fields["name"]["nilai"], fields["annual_sales"]["nilai"]) == (
        "Usaha Ditanya",
        {"year": 2025, "amount": 180_000_000},
    )
    assert datetime.fromisoformat(fields["name"]["pada"]) < datetime.fromisoformat(later)
    file = office.folder / "usaha.xlsx"
    await office.run("business", row["ID Binaan"], "--as", MEDAN, "--xlsx", file)
    assert sheets.cells(file)[0] == ["isian", "nilai", "menurut", "pada"]
    await office.run("business", "b-1", "--as", MEDAN, exits=Exit.REFUSED)


async def test_a_question_is_answered_whole_whatever_its_pages(office: Office) -> None:
    place = {"Kelurahan": "Tegal Rejo", "Kecamatan": "Medan Perjuangan"}
    await office.json("import", office.sheet(*(sheets.row(at, **place) for at in range(7411, 7414))), "--as", MEDAN)
    region = regions.find("Medan Perjuangan", "12.71", level="district").code
    question = json.dumps({"region": region, "limit": 1})
    file = office.folder / "usaha.xlsx"
    shown = await office.json("ask", "registry.business.request", question, "--as", MEDAN, "--xlsx", file)
    assert sorted(one["business.name"] for one in shown) == [f"Usaha Contoh {at}" for at in range(7411, 7414)]
    assert len(sheets.cells(file)) == 4
    await office.run("ask", "registry.business.verify", "{}", "--as", MEDAN, exits=Exit.USAGE)


# -- messages ----------------------------------------------------------------------------------------------------------


async def test_send_prints_the_reply_and_its_exit_code_says_what_came_of_it(office: Office) -> None:
    owner = {"nik": sheets.row(91)[1], "name": "Contoh"}
    report = {"owner": owner, "business": {"name": "Usaha Kirim", "region": "12.71.01.1001"}}
    sent = ("send", "registry.business.report", "--as", MEDAN, "--id", "send-1")
    reply = json.loads(
        await office.run(*sent, "--time", "2026-01-05T09:30:00+07:00", "--data", "-", text=json.dumps(report))
    )
    again = json.loads(await office.run(*sent, json.dumps(report), "--time", "2026-01-05T09:30:00+07:00"))
    assert reply == again
    assert reply["data"]["intake_id"] == "send-1"
    assert reply["data"]["result"]["outcome"] == "created"
    other = await office.json(*sent, "{}", exits=Exit.REFUSED)
    assert other["data"]["problems"]


async def test_send_raw_shows_what_the_door_refuses(office: Office) -> None:
    """An integrator tries what their own system might do wrong."""
    refused = await office.json(
        "send", "registry.business.report", "not JSON", "--raw", "--as", MEDAN, exits=Exit.REFUSED
    )
    assert refused["data"]["problems"][0]["code"] == "envelope.not_json"


async def test_tail_shows_what_has_happened_to_who_may_see_it(office: Office) -> None:
    await office.json("import", office.sheet(sheets.row(61)), "--as", MEDAN)
    wanted = ("--from-start", "--type", "registry.business.recorded", "--region", "12.71", "--count", "1")
    assert "Kota Medan" in await office.run("tail", "--as", "kemenumkm", *wanted)
    event = json.loads(await office.run("tail", *wanted, "--json"))
    assert event["type"] == "id.binaan.registry.business.recorded.v1"
    refused = await office.run("tail", "--as", MEDAN, *wanted, exits=Exit.UNREACHABLE)
    assert refused == ""


async def test_tail_shows_events_as_they_happen(office: Office) -> None:
    listening = office.start("tail", "--type", "registry.business.recorded", "--count", "1", "--timeout", "60")
    assert listening.stderr
    await asyncio.to_thread(listening.stderr.readline)
    await office.json("import", office.sheet(sheets.row(62, **{"Nama Usaha": "Usaha Langsung"})), "--as", MEDAN)
    shown, _ = await asyncio.to_thread(listening.communicate, timeout=PATIENCE_SECONDS)
    assert listening.returncode == Exit.DONE
    assert "Usaha Langsung tercatat" in shown


# -- operators ---------------------------------------------------------------------------------------------------------


async def test_unreadable_messages_are_listed_shown_and_given_up(office: Office) -> None:
    """Nothing is dropped: what cannot be read is refused, and kept for an operator to see."""
    await office.run("send", "registry.business.report", "[broken", "--raw", "--as", MEDAN, exits=Exit.REFUSED)
    found = await office.json("parked", "list", "--service", "registry", "--state", "unreadable")
    held = next(one for one in found if one["account"] == MEDAN)
    shown = await office.json("parked", "show", held["held_id"], "--service", "registry")
    assert shown["state"] == "unreadable"
    assert "broken" not in json.dumps(shown)
    assert held["held_id"] in await office.run("parked", "list", "--service", "registry")
    for one in found:
        await office.run("parked", "discard", one["held_id"], "--service", "registry", "--reason", "tried out")
    assert await office.json("parked", "list", "--service", "registry") == []
    await office.run("parked", "requeue", held["held_id"], "--service", "registry", exits=Exit.REFUSED)


async def test_a_service_that_is_down_does_not_hide_what_the_others_hold(office: Office) -> None:
    """Here notify does not run; an operator looks when something is down."""
    await office.run("send", "aid.programme.open", "[broken", "--raw", "--as", MEDAN, exits=Exit.REFUSED)
    found = await office.json("parked", "list", "--patience", "10", exits=Exit.NO_REPLY)
    assert [one["service"] for one in found] == ["aid"]
    await office.run("parked", "discard", found[0]["held_id"], "--service", "aid", "--reason", "tried out")


async def test_seeding_again_changes_nothing(office: Office, told: History) -> None:
    """`stack up` does it every time."""
    await until(lambda: len(told.of_type("registry.official.registered")) == 2 * len(DEMO_AGENCIES))
    await asyncio.to_thread(seed, office.env)
    await office.json("import", office.sheet(sheets.row(71)), "--as", MEDAN)
    await until(lambda: any(one["data"]["business"]["name"] == "Usaha Contoh 71" for one in about_businesses(told)))
    assert len(told.of_type("registry.agency.registered")) == len(DEMO_AGENCIES)
    assert len(told.of_type("registry.official.registered")) == 2 * len(DEMO_AGENCIES)


# -- an integrator's first hour ----------------------------------------------------------------------------------------


async def test_ten_lines_with_nothing_of_ours_read_who_became_binaan_and_who_is_eligible(
    office: Office, world: World, told: History
) -> None:
    """docs/integrators/first_events.py, as the ministry's account; issue 2, "Show" 2."""
    await office.run("send", "aid.programme.open", "--as", MEDAN, "--actor", "kadis", json.dumps(programme()))
    environment = {**os.environ, "BINAAN_AMQP_URL": world.amqp_url_of("kemenumkm")}
    script = PROJECT / "docs" / "integrators" / "first_events.py"
    reading = await asyncio.create_subprocess_exec(
        sys.executable, script, cwd="/", env=environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        returned = (await office.json("import", office.sheet(sheets.row(81)), "--as", MEDAN))["sheet"]
        await office.json("verify", returned, "--as", MEDAN, "--actor", "kabid")
        await office.json("designate", returned, "--as", MEDAN, "--actor", "kadis", *DECREE)
        business = sheets.read(Path(returned))[0]["ID Binaan"]
        async with asyncio.timeout(PATIENCE_SECONDS):
            await _read_until_eligible(reading, business)
    finally:
        reading.terminate()
        await reading.wait()


async def _read_until_eligible(reading: asyncio.subprocess.Process, business: str) -> None:
    assert reading.stdout
    designated = False
    async for line in reading.stdout:
        kind, subject, _, data = line.decode().split(" ", 3)
        designated |= (kind, subject) == ("id.binaan.registry.business.designated.v1", business)
        answer = json.loads(data).get("eligibility", {})
        if designated and answer.get("beneficiary_id") == business and answer["verdict"] == "eligible":
            return
    raise AssertionError("the client has ended")


async def test_every_event_is_read_by_the_cloudevents_library(told: History, services: None) -> None:
    """Issue 2, "Show" 2: whoever uses the standard's own library needs nothing of ours."""
    await until(lambda: told.events)
    for event in told.events:
        parsed = JSONFormat().read(CloudEvent, json.dumps(event))
        assert (parsed.get_id(), parsed.get_type(), parsed.get_data()) == (event["id"], event["type"], event["data"])
