"""`binaan budget` and `binaan grant` without a broker: what an answer becomes for people and for files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli import budget, grants
from services.cli.client import Reply
from services.cli.exits import Exit
from services.cli.main import app
from tests.shared.contracts.test_golden import GOLDEN, message

runner = CliRunner()
ABSORPTION = {"months_left": 10, "percent": 8.0, "percent_by_year_end": 48.0, "needed_each_month": 13_800_000}


def told(key: str) -> dict[str, Any]:
    data: dict[str, Any] = message(GOLDEN / f"{key}.v1.json")["data"]
    return data


def line() -> dict[str, Any]:
    state = told("aid.budget.lagging")["budget"]
    return {"budget": state, "sequence": 6, "available": state["pagu"] - state["realised"], "absorption": ABSORPTION}


def run(*arguments: str) -> Any:
    return runner.invoke(app, [*arguments, "--as", "dinkop-medan"])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was asked; a line that lags, and a grant that came short."""
    found: list[dict[str, Any]] = []

    def collect(_account: str, key: str, data: Mapping[str, Any], _patience: float) -> list[dict[str, Any]]:
        found.append({"key": key, **data})
        if key == "aid.grant.request":
            return [] if data.get("grant_id") == "none" else [{"grant": told("aid.grant.monitored")["grant"]}]
        return [line()]

    for module in (budget, grants):
        monkeypatch.setattr(module, "collect", collect)
    return found


# --- how much is left -------------------------------------------------------------------------------------------------


def test_a_line_is_shown_with_how_far_it_is_used_up(asked: list[dict[str, Any]]) -> None:
    """Realised of the ceiling, where it ends at this pace, where it should be by now (S0-17, S1-06)."""
    shown = budget.row_of(line())
    assert (shown["serapan_persen"], shown["perkiraan_persen"], shown["seharusnya_persen"]) == (8.0, 48.0, 15)
    assert (shown["pagu"], shown["realisasi"], shown["sisa"]) == (150_000_000, 12_000_000, 138_000_000)
    done = run("budget", "--agency", "dinkop-medan", "--year", "2026")
    assert done.exit_code == Exit.DONE
    assert asked == [{"key": "aid.budget.request", "agency": "dinkop-medan", "fiscal_year": 2026, "limit": 200}]


def test_scripts_get_the_answer_as_it_is(asked: list[dict[str, Any]]) -> None:
    assert json.loads(run("budget", "--json").stdout) == [line()]
    assert asked == [{"key": "aid.budget.request", "limit": 200}]


@pytest.mark.usefixtures("asked")
def test_files_hold_every_column(tmp_path: Path) -> None:
    sheet, table = tmp_path / "anggaran.xlsx", tmp_path / "anggaran.csv"
    assert run("budget", "--xlsx", str(sheet), "--csv", str(table)).exit_code == Exit.DONE
    (row,) = csv.DictReader(io.StringIO(table.read_text(encoding="utf-8-sig")), delimiter=";")
    assert tuple(row) == budget.COLUMNS
    assert (row["pagu"], row["baris"]) == ("150000000", "2.17.05")
    assert sheet.stat().st_size > 0


@pytest.mark.usefixtures("asked")
def test_a_region_that_is_none_is_wrong_usage() -> None:
    assert run("budget", "--region", "99.99").exit_code == Exit.USAGE


# --- whether it adds up -----------------------------------------------------------------------------------------------


def entry(entry_id: str, kind: str, amount: int, taken_from: str, put_into: str) -> dict[str, Any]:
    return {
        "entry_id": entry_id,
        "kind": kind,
        "amount": amount,
        "taken_from": taken_from,
        "put_into": put_into,
        "on": "2026-03-02",
    }


ENTRIES = [
    entry("a", "allot", 150_000_000, "pagu", "available"),
    entry("b", "reserve", 12_000_000, "available", "reserved"),
    entry("c", "commit", 12_000_000, "reserved", "committed"),
    entry("d", "realise", 12_000_000, "committed", "realised"),
]


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The entries of a line, two a page; between the first two pages of the first try the line moves."""
    sent: list[dict[str, Any]] = []
    kept = list(ENTRIES)

    def tell(_account: str, key: str, data: Mapping[str, Any], _patience: float) -> Reply:
        sent.append(dict(data))
        start = {None: 0, "b": 2}[data.get("after")]
        page = {**line(), "sequence": 5 if len(sent) == 1 else 6, "entries": kept[start : start + 2]}
        following = "b" if start == 0 else None
        said = {"intake_id": "1", "intake_type": key, "answer": page, "next": following}
        return Reply("answered", said, {})

    monkeypatch.setattr(budget, "tell", tell)
    return sent


def test_entries_are_added_up_and_compared(pages: list[dict[str, Any]]) -> None:
    """Of one moment: what moved between two pages is read again."""
    done = run("budget", "--entries", "line")
    assert done.exit_code == Exit.DONE, done.output
    assert "sum of the entries" in done.output
    assert len(pages) == 4


def test_a_line_that_does_not_add_up_is_found() -> None:
    state = line()["budget"]
    assert budget.differences(state, ENTRIES) == []
    assert budget.differences(state, ENTRIES[:-1]) == ["committed", "realised"]
    assert budget.differences({**state, "pagu": 1}, ENTRIES) == ["pagu"]


# --- grants -----------------------------------------------------------------------------------------------------------


def test_grants_are_listed_with_what_never_came(asked: list[dict[str, Any]], tmp_path: Path) -> None:
    table = tmp_path / "bantuan.csv"
    done = run("grant", "list", "--status", "monitored", "--csv", str(table))
    assert done.exit_code == Exit.DONE
    assert asked == [{"key": "aid.grant.request", "status": "monitored", "limit": 200}]
    (row,) = csv.DictReader(io.StringIO(table.read_text(encoding="utf-8-sig")), delimiter=";")
    assert tuple(row) == grants.COLUMNS
    assert [row[name] for name in ("value", "delivered", "short")] == ["12000000", "2400000", "9600000"]
    assert [row[name] for name in ("decree", "agreement", "receipts")] == ["SK-12/2026", "NPHD-3/2026", "BAST-9/2026"]


@pytest.mark.usefixtures("asked")
def test_one_grant_is_shown_with_its_papers() -> None:
    done = run("grant", "show", "5b0f6c1e-3a6b-8c7d-9e21-7a3f0c9d1e55")
    assert done.exit_code == Exit.DONE
    for shown in ("BAST-9/2026", "kotak_pendingin", "as_intended", "ARSIP/2026/USUL-17"):
        assert shown in done.output
    assert json.loads(run("grant", "show", "g", "--json").stdout)["short"] == 9_600_000


@pytest.mark.usefixtures("asked")
def test_a_grant_that_is_not_there_is_said_so() -> None:
    assert run("grant", "show", "none").exit_code == Exit.REFUSED
