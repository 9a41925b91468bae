"""`binaan cooperatives` without a broker: what an answer becomes for people and for ODS."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli import cooperatives
from services.cli.exits import Exit
from services.cli.main import app
from tests.shared.contracts.test_golden import GOLDEN, message

runner = CliRunner()


def told(verb: str) -> dict[str, Any]:
    """A cooperative as the public is told of one."""
    state: dict[str, Any] = message(GOLDEN / f"registry.cooperative.{verb}.v1.json")["data"]["cooperative"]
    return state


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was asked."""
    found: list[dict[str, Any]] = []

    def collect(account: str, key: str, data: dict[str, Any], patience: float) -> list[dict[str, Any]]:
        found.append({"account": account, "key": key, **data})
        return [told("assessed"), told("founded")]

    monkeypatch.setattr(cooperatives, "collect", collect)
    return found


def run(*arguments: str) -> Any:
    return runner.invoke(app, ["cooperatives", "--as", "dinkop-siantar", *arguments])


def test_a_file_says_of_every_figure_where_it_comes_from(tmp_path: Path) -> None:
    """The office's count with its qualifier, source and day; without one, our own list."""
    file = tmp_path / "koperasi.csv"
    assert run("--csv", str(file)).exit_code == Exit.DONE
    first, second = csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig")), delimiter=";")
    assert tuple(first) == cooperatives.ODS
    names = (
        "nomor_induk_koperasi",
        "jumlah_anggota",
        "kualifikasi",
        "sumber",
        "per_tanggal",
        "kesehatan",
        "sektor_riil",
    )
    assert [first[name] for name in names] == [
        "1272030010001",
        "71",
        "sekitar",
        "ODS Desember 2025",
        "2025-12-31",
        "sehat",
        "ya",
    ]
    assert [second[name] for name in names] == ["", "9", "exact", "Binaan registry", "", "", "ya"]
    assert second["nama_wilayah"]


def test_json_is_the_answer_as_it_came_and_what_was_typed_is_asked(asked: list[dict[str, Any]]) -> None:
    shown = run("--json", "--region", "1272", "--status", "aktif")
    assert json.loads(shown.stdout) == [told("assessed"), told("founded")]
    (question,) = asked
    assert (question["key"], question["region"], question["status"]) == (
        "registry.cooperative.request",
        "12.72",
        "aktif",
    )


def test_a_table_shows_where_each_stands() -> None:
    shown = run().stdout
    assert "Koperasi Maju Bersama" in shown
    assert "aktif" in shown


def test_a_region_that_does_not_exist_is_said_before_anything_is_asked(asked: list[dict[str, Any]]) -> None:
    assert run("--region", "99").exit_code == Exit.USAGE
    assert asked == []
