"""`binaan census` and `binaan drive` without a broker: what the pages of an answer become."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli import campaigns
from services.cli.exits import Exit
from services.cli.main import app
from tests.shared.contracts.test_golden import GOLDEN, message

runner = CliRunner()
KINDS = {"census": ("never_visited", "closed"), "drive": ("without_cooperative", "progressed")}


def businesses(*numbers: int) -> list[dict[str, Any]]:
    return [{"business_id": f"b-{number}", "name": f"Usaha {number}", "region": "12.72.01"} for number in numbers]


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was asked; answered with two pages, of which a page may be empty and not the last."""
    found: list[dict[str, Any]] = []

    def pages(account: str, key: str, data: dict[str, Any], patience: float) -> list[Any]:
        found.append({"account": account, "key": key, **data})
        thing = key.split(".")[1]
        missing, verb = KINDS[thing]
        state = message(GOLDEN / f"registry.{thing}.{verb}.v1.json")["data"][thing]
        return [{thing: state, missing: one} for one in (businesses(1, 2), [], businesses(3))]

    monkeypatch.setattr(campaigns, "pages", pages)
    return found


def run(thing: str, *arguments: str) -> Any:
    return runner.invoke(app, [thing, "id-1", "--as", "dinkop-siantar", *arguments])


@pytest.mark.parametrize("thing", KINDS)
def test_progress_is_shown_and_whoever_was_not_reached_goes_to_a_file(
    thing: str, asked: list[dict[str, Any]], tmp_path: Path
) -> None:
    """S1-20, S0-06: that list is what an office works through."""
    file = tmp_path / "daftar.csv"
    shown = run(thing, "--csv", str(file))
    assert shown.exit_code == Exit.DONE
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig")), delimiter=";"))
    assert [row["business_id"] for row in rows] == ["b-1", "b-2", "b-3"]
    for text in {"census": ("119 of 120 visited", "214"), "drive": ("of 6 founded", "berjalan")}[thing]:
        assert text in shown.stdout
    (question,) = asked
    assert (question["key"], question[f"{thing}_id"]) == (f"registry.{thing}.request", "id-1")


@pytest.mark.parametrize("thing", KINDS)
def test_json_holds_the_state_and_the_list(thing: str) -> None:
    told = json.loads(run(thing, "--json").stdout)
    assert told["state"][f"{thing}_id"]
    assert len(told[KINDS[thing][0]]) == 3
