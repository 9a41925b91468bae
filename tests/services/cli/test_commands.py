"""The command line without a broker: help, exit codes, what is refused before anything is sent."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from deploy.local.processes import wait_until
from services.cli.exits import Exit
from services.cli.main import app
from shared.contracts.asyncapi import documents
from shared.contracts.catalogue import TYPES
from tests.services.cli import sheets

runner = CliRunner()
COMMANDS = ("import", "verify", "designate", "send", "replies", "tail", "outbox", "cooperatives")
NESTED = (
    *(("parked", verb) for verb in ("list", "show", "requeue", "discard")),
    *(("agency", verb) for verb in ("add", "suspend", "reinstate", "rotate", "list")),
    *(("official", verb) for verb in ("add", "end", "list")),
    *(("integrator", verb) for verb in ("add", "remove", "rotate", "list")),
    *(("stats", verb) for verb in ("businesses", "cooperatives")),
    ("contract", "export"),
)


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    return sheets.write(tmp_path / "umkm.csv", [sheets.row(1), sheets.row(2, **{"Jumlah Tenaga Kerja": "tiga"})])


@pytest.mark.parametrize("command", [*((one,) for one in COMMANDS), *NESTED], ids=" ".join)
def test_the_help_of_every_command_has_an_example(command: tuple[str, ...]) -> None:
    """An example teaches more than a list of options."""
    shown = runner.invoke(app, [*command, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == Exit.DONE
    assert f"Example: binaan {' '.join(command)}" in shown.stdout


def test_the_help_says_what_the_exit_codes_mean() -> None:
    shown = runner.invoke(app, ["--help"]).stdout
    for code in Exit:
        assert f" {code.value} " in shown
    for part in ("stack", "import", "parked", "contract"):
        assert part in shown


def test_interrupted_while_it_is_being_loaded_it_ends_without_a_traceback() -> None:
    """Whoever has mistyped is quick; loading takes a second, and a traceback looks like a crash."""
    code = "from services.cli.start import main; main()"
    # A shell that runs the tests in the background has them ignore Ctrl-C.
    command = ["env", "--default-signal=INT", sys.executable, "-c", code, "tail", "--help"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    maps = Path(f"/proc/{process.pid}/maps")
    assert wait_until(lambda: "pydantic_core" in maps.read_text(), 30)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "")


def test_the_version_is_printed() -> None:
    assert runner.invoke(app, ["--version"]).stdout.strip()


# -- wrong usage -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["import", "none.csv", "--as", "dinkop-medan"],
        ["import", ".", "--as", "dinkop-medan"],
        ["import", "none.csv"],
        ["verify", "none.csv", "--as", "dinkop-medan", "--actor", "kabid"],
        ["send", "registry.business.reprot", "{}", "--as", "dinkop-medan"],
        ["send", "registry.business.report", "{", "--as", "dinkop-medan"],
        ["send", "registry.business.report", "--as", "dinkop-medan"],
        ["send", "registry.business.report", "{}", "--data", "x", "--as", "dinkop-medan"],
        ["send", "registry.business.report", "--data", "none.json", "--as", "dinkop-medan"],
        ["tail", "--region", "99.99"],
        ["parked", "show", "id", "--service", "none"],
        ["nonsense"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_two(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = runner.invoke(app, arguments)
    assert ended.exit_code == Exit.USAGE, ended.output
    assert "Traceback" not in ended.output


def test_a_mistyped_type_is_answered_with_those_that_are_near() -> None:
    said = runner.invoke(app, ["send", "registry.business.reprot", "{}", "--as", "dinkop-medan"]).stderr
    assert "registry.business.report" in said


def test_a_wrong_region_or_date_is_wrong_usage(sheet: Path) -> None:
    said = runner.invoke(app, ["import", str(sheet), "--as", "x-y-z", "--region", "12.99"])
    assert said.exit_code == Exit.USAGE
    assert "--region" in said.stderr
    decide = ["designate", str(sheet), "--as", "x-y-z", "--actor", "kadis", "--decree", "SK", "--date", "31/02/2026"]
    assert "--date" in runner.invoke(app, decide).stderr


def test_a_sheet_without_ids_cannot_be_decided_on(sheet: Path) -> None:
    """It has not been imported, or it is the office's own and not the one given back."""
    ended = runner.invoke(app, ["verify", str(sheet), "--as", "dinkop-medan", "--actor", "kabid"])
    assert ended.exit_code == Exit.USAGE
    assert "ID Binaan" in ended.stderr


# -- unreachable -------------------------------------------------------------------------------------------------------


@pytest.fixture
def nobody() -> str:
    """An address at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"amqp://binaan:x@127.0.0.1:{probe.getsockname()[1]}/binaan"


@pytest.mark.parametrize(
    "arguments",
    [
        ["send", "registry.business.report", "{}", "--as", "dinkop-medan"],
        ["replies", "--as", "dinkop-medan"],
        ["tail"],
        ["parked", "list"],
    ],
    ids=" ".join,
)
def test_a_broker_that_is_not_there_ends_with_three(arguments: list[str], nobody: str) -> None:
    ended = runner.invoke(app, arguments, env={"BINAAN_AMQP_URL": nobody})
    assert ended.exit_code == Exit.UNREACHABLE
    assert "cannot be reached" in ended.stderr
    assert "Traceback" not in ended.output


def test_an_import_without_a_broker_leaves_no_half_made_sheet(sheet: Path, nobody: str) -> None:
    ended = runner.invoke(app, ["import", str(sheet), "--as", "dinkop-medan"], env={"BINAAN_AMQP_URL": nobody})
    assert ended.exit_code == Exit.UNREACHABLE
    assert {one.name for one in sheet.parent.iterdir()} == {"umkm.csv", ".binaan-umkm.json"}


# -- dry run -----------------------------------------------------------------------------------------------------------


def test_a_dry_run_checks_and_sends_nothing(sheet: Path, nobody: str) -> None:
    ended = runner.invoke(
        app, ["import", str(sheet), "--as", "dinkop-medan", "--dry-run"], env={"BINAAN_AMQP_URL": nobody}
    )
    assert ended.exit_code == Exit.REFUSED
    assert "baris 3: Jumlah Tenaga Kerja:" in ended.stdout
    assert {one.name for one in sheet.parent.iterdir()} == {"umkm.csv", "umkm.periksa.csv"}
    assert [row["Hasil"] for row in sheets.read(sheet.parent / "umkm.periksa.csv")] == ["dapat dikirim", "ditolak"]


def test_a_dry_run_says_what_the_contract_would_refuse(tmp_path: Path) -> None:
    """A NIK of 15 digits is registry's to refuse; before sending, the contract's own model says the same."""
    path = sheets.write(tmp_path / "umkm.csv", [sheets.row(1, NIK="127199410790000")])
    ended = runner.invoke(app, ["import", str(path), "--as", "dinkop-medan", "--dry-run"])
    assert "baris 2: NIK: NIK harus tepat 16 angka" in ended.stdout


def test_a_dry_run_in_json_is_json_alone(sheet: Path) -> None:
    ended = runner.invoke(app, ["import", str(sheet), "--as", "dinkop-medan", "--dry-run", "--json"])
    assert json.loads(ended.stdout)["outcomes"] == {"dapat dikirim": 1, "ditolak": 1}


# -- outbox ------------------------------------------------------------------------------------------------------------


def test_the_outbox_shows_messages_and_skips_torn_lines(tmp_path: Path) -> None:
    """A crash in the middle of a write leaves half a line; the message is written again after it."""
    told = {"message_id": "m1", "at": "2026-01-05T02:30:00+00:00", "channel": "whatsapp", "to": "+620", "text": "Halo"}
    spool = tmp_path / "messages.jsonl"
    spool.write_text(f'{{"message_id": "m0", "at\n{json.dumps(told)}\n{{"message_id": "half"')
    env = {"BINAAN_SPOOL_FILE": str(spool)}
    shown = runner.invoke(app, ["outbox"], env=env)
    assert shown.exit_code == Exit.DONE
    assert "whatsapp → +620" in shown.stdout
    assert "Halo" in shown.stdout
    as_json = runner.invoke(app, ["outbox", "--json"], env=env)
    assert [json.loads(line) for line in as_json.stdout.splitlines()] == [told]


def test_an_outbox_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    ended = runner.invoke(app, ["outbox"], env={"BINAAN_SPOOL_FILE": str(tmp_path / "none")})
    assert ended.exit_code == Exit.DONE
    assert ended.stdout == ""


# -- contract export ---------------------------------------------------------------------------------------------------


def test_every_type_is_exported_and_listed(tmp_path: Path) -> None:
    assert runner.invoke(app, ["contract", "export", str(tmp_path / "new" / "schemas")]).exit_code == Exit.DONE
    folder = tmp_path / "new" / "schemas"
    listed = json.loads((folder / "index.json").read_text())
    assert {one["key"] for one in listed} == set(TYPES)
    for one in listed:
        schema = json.loads((folder / one["schema"]).read_text())
        Draft202012Validator.check_schema(schema)
        assert schema["$id"] == f"urn:binaan:schema:{one['type']}"
        assert one["exchange"] in {"binaan.intake", "binaan.events", "binaan.replies", "binaan.contacts"}


def test_asyncapi_documents_are_exported_with_pages(tmp_path: Path) -> None:
    """Beside the schemas, the same each time: whoever keeps them sees only what has changed."""
    for time in ("one", "two"):
        assert runner.invoke(app, ["contract", "export", str(tmp_path / time)]).exit_code == Exit.DONE
    folder = tmp_path / "one" / "asyncapi"
    for name, document in documents().items():
        assert json.loads((folder / f"{name}.json").read_text()) == document
        assert f'href="{name}.json"' in (folder / f"{name}.html").read_text()
    for path in sorted((tmp_path / "one").rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


def test_a_folder_that_cannot_be_made_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert runner.invoke(app, ["contract", "export", str(tmp_path / "file" / "x")]).exit_code == Exit.USAGE
