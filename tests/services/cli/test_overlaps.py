"""`binaan overlap list` and `binaan never-served` without a broker: what an answer becomes for people and for files."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from typer.testing import CliRunner

from services.cli import overlaps
from services.cli.exits import Exit
from services.cli.main import app
from tests.shared.contracts.test_golden import GOLDEN, message

runner = CliRunner()

BUSINESS = {"business_id": "business-1", "name": "Keripik", "region": "12.71", "needs": ["equipment", "capital"]}


def told(verb: str) -> dict[str, Any]:
    """An overlap as it is told of."""
    state: dict[str, Any] = message(GOLDEN / f"aid.overlap.{verb}.v1.json")["data"]["overlap"]
    return state


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was asked."""
    found: list[dict[str, Any]] = []

    def collect(account: str, key: str, data: dict[str, Any], patience: float) -> list[dict[str, Any]]:
        found.append({"account": account, "key": key, **data})
        return [told("detected"), told("resolved")] if key == "aid.overlap.request" else [BUSINESS]

    monkeypatch.setattr(overlaps, "collect", collect)
    return found


def run(*arguments: str) -> Any:
    return runner.invoke(app, [*arguments, "--as", "dinkop-medan"])


def test_an_overlap_is_one_line_with_both_offices_and_why(asked: list[dict[str, Any]], tmp_path: Path) -> None:
    """The rule's reason as long as it is open, the official's once it is settled."""
    file = tmp_path / "tumpang-tindih.csv"
    assert run("overlap", "list", "--region", "12.71", "--csv", str(file)).exit_code == Exit.DONE
    assert asked == [
        {"account": "dinkop-medan", "key": "aid.overlap.request", "region": "12.71", "status": "open", "limit": 200}
    ]
    first, second = csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig")), delimiter=";")
    assert {first["agency"], first["other_agency"]} == {"dinkop-medan", "dinsos-medan"}
    assert (first["verdict"], first["hard"], first["reason"]) == ("block", "True", told("detected")["text_id"])
    assert (second["status"], second["resolution"]) == ("resolved", "complementary")
    assert second["reason"] == told("resolved")["resolution"]["reason"]


def test_scripts_get_the_answers_as_they_are(asked: list[dict[str, Any]]) -> None:
    """With --json; without a region the asker's own is meant, which the service knows."""
    assert json.loads(run("overlap", "list", "--json").stdout) == [told("detected"), told("resolved")]
    assert json.loads(run("never-served", "--json").stdout) == [BUSINESS]
    assert asked[1] == {"account": "dinkop-medan", "key": "aid.never_served.request"}


def test_the_never_served_go_into_a_workbook(tmp_path: Path) -> None:
    """S1-24: the list that an office works through."""
    file = tmp_path / "belum-pernah.xlsx"
    assert run("never-served", "--region", "12.71", "--xlsx", str(file)).exit_code == Exit.DONE
    heading, row = CalamineWorkbook.from_path(str(file)).get_sheet_by_index(0).to_python()
    assert dict(zip(heading, row, strict=True))["needs"] == "equipment, capital"


def test_a_region_that_is_none_is_said_before_anything_is_asked(asked: list[dict[str, Any]]) -> None:
    """Exit code 2, as everywhere."""
    assert run("never-served", "--region", "99.99").exit_code == Exit.USAGE
    assert not asked
