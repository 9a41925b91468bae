"""`binaan stats` without a broker: what an answer becomes for people and for portals."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli import stats
from services.cli.client import Reply
from services.cli.exits import Exit
from services.cli.main import app

runner = CliRunner()
ANSWER: dict[str, Any] = {
    "statistics_id": "b6ff19d1",
    "of": "cooperatives",
    "region": "64",
    "region_name": "Kalimantan Timur",
    "as_of": "2026-03-01",
    "by": "region",
    "count": 6111,
    "members": 436_068,
    "members_qualifier": "sekitar",
    "suppressed": False,
    "rows": [
        {"key": "64.72", "count": 1000, "share": 16.36, "members": 106_002, "members_share": 24.31},
        {"key": "64.11", "count": 2, "share": 0.03, "suppressed": True},
        {"key": "tidak_dirinci", "count": 5109, "share": 83.6, "members": 330_000, "suppressed": False},
    ],
    "outside": {"value": 6111, "qualifier": "exact", "source": "Disperindagkop"},
    "coverage": 100.0,
}  # fmt: skip


@pytest.fixture(autouse=True)
def answered(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was asked; the answer is that of the registry's own tests."""
    asked: list[dict[str, Any]] = []

    def tell(account: str, key: str, data: dict[str, Any], patience: float) -> Reply:
        asked.append({"account": account, "key": key, **data})
        return Reply("answered", {"answer": ANSWER}, {})

    monkeypatch.setattr(stats, "tell", tell)
    return asked


def run(*arguments: str) -> Any:
    return runner.invoke(app, ["stats", "cooperatives", "--as", "disperindagkop-kaltim", *arguments])


def test_a_table_shows_figures_with_what_they_are_held_against() -> None:
    """And a dash where a figure is left out."""
    shown = run("--by", "region").stdout
    for text in ("6111", "436068 (sekitar)", "100.0 % of 6111 (exact, Disperindagkop)", "24.31", "–", "tidak_dirinci"):
        assert text in shown


def test_satu_data_has_a_row_for_every_figure_with_source_day_and_qualifier(tmp_path: Path) -> None:
    """Sources §7; a figure that is left out is a row without it, so that nobody takes it for nought."""
    file = tmp_path / "koperasi.csv"
    assert run("--csv", str(file)).exit_code == Exit.DONE
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig")), delimiter=";"))
    assert tuple(rows[0]) == stats.SATU_DATA
    assert [(row["kode_wilayah"], row["rincian"], row["satuan"], row["data"], row["status"]) for row in rows] == [
        ("64", "", "koperasi", "6111", "tersedia"),
        ("64", "", "orang", "436068", "tersedia"),
        ("64.72", "64.72", "koperasi", "1000", "tersedia"),
        ("64.72", "64.72", "orang", "106002", "tersedia"),
        ("64.11", "64.11", "koperasi", "2", "tersedia"),
        ("64.11", "64.11", "orang", "", "disamarkan"),
        ("64", "tidak_dirinci", "koperasi", "5109", "tersedia"),
        ("64", "tidak_dirinci", "orang", "330000", "tersedia"),
    ]
    assert {row["kualifikasi"] for row in rows} == {"exact", "sekitar"}
    assert {(row["periode"], row["sumber"]) for row in rows} == {("2026-03-01", "Binaan registry")}
    assert len({row["_id"] for row in rows}) == len(rows)


INDICATORS: dict[str, Any] = {
    **{name: ANSWER[name] for name in ("statistics_id", "of", "region", "region_name", "as_of", "count")},
    "by": "indicator",
    "rows": [
        {"key": "koperasi", "name": "Jumlah koperasi", "count": 6111, "value": 6111, "unit": "koperasi",
         "qualifier": "exact", "suppressed": False},
        {"key": "anggota", "name": "Jumlah anggota", "count": 6111, "unit": "orang", "suppressed": True},
        {"key": "shu", "name": "SHU", "count": 9, "value": -12, "unit": "rupiah", "qualifier": "sekitar",
         "suppressed": False},
        {"key": "rat_persen", "name": "Koperasi ber-RAT", "count": 2, "value": 50.0, "unit": "persen",
         "qualifier": "exact", "target": 60.0, "due": "2026-12-31", "met": False, "suppressed": False},
    ],
}  # fmt: skip


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was asked of a registry that answers by what is asked."""
    asked: list[dict[str, Any]] = []

    def tell(account: str, key: str, data: dict[str, Any], patience: float) -> Reply:
        asked.append(data)
        answer = {**INDICATORS, "region": data.get("region", "64")} if data.get("by") == "indicator" else ANSWER
        return Reply("answered", {"answer": answer}, {})

    monkeypatch.setattr(stats, "tell", tell)
    return asked


def test_indicators_are_shown_with_their_target_and_its_day(measured: list[dict[str, Any]], tmp_path: Path) -> None:
    """S3-01; in a file each is a figure of Satu Data in its unit."""
    file = tmp_path / "indikator.csv"
    shown = run("--by", "indicator", "--csv", str(file)).stdout
    for text in ("Koperasi ber-RAT", "50.0", "60.0", "2026-12-31", "no", "–"):
        assert text in shown
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig")), delimiter=";"))
    assert [(row["rincian"], row["satuan"], row["data"], row["status"], row["kualifikasi"]) for row in rows[1:]] == [
        ("koperasi", "koperasi", "6111", "tersedia", "exact"),
        ("anggota", "orang", "", "disamarkan", ""),
        ("shu", "rupiah", "-12", "tersedia", "sekitar"),
        ("rat_persen", "persen", "50.0", "tersedia", "exact"),
    ]
    assert len({row["_id"] for row in rows}) == len(rows)


def test_ods_has_a_row_for_the_region_and_each_part_of_it(measured: list[dict[str, Any]], tmp_path: Path) -> None:
    """Sources §3; what is not known is empty, and a loss is one."""
    file = tmp_path / "ods.csv"
    assert run("--ods", str(file)).exit_code == Exit.DONE
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig")), delimiter=";"))
    assert tuple(rows[0]) == stats.ODS_COLUMNS
    assert [row["kode_wilayah"] for row in rows] == ["64", "64.11", "64.72"]
    names = ("koperasi", "anggota", "manajer", "shu", "kualifikasi_shu", "tahun_hasil", "per_tanggal", "sumber")
    assert [rows[0][name] for name in names] == [
        "6111", "", "", "-12", "sekitar", "2025", "2026-03-01", "Binaan registry"
    ]  # fmt: skip


def test_what_was_typed_is_asked(answered: list[dict[str, Any]]) -> None:
    run("--region", "6472", "--as-of", "1/3/2026", "--by", "jenis", "--against", "9", "--source", "BPS")
    assert answered == [
        {
            "account": "disperindagkop-kaltim",
            "key": "registry.statistics.request",
            "of": "cooperatives",
            "region": "64.72",
            "as_of": "2026-03-01",
            "by": "jenis",
            "outside": {"value": 9, "qualifier": "exact", "source": "BPS"},
        }
    ]


@pytest.mark.parametrize("wrong", [["--region", "99"], ["--as-of", "gestern"], ["--against", "9"]])
def test_what_cannot_be_meant_is_said_before_anything_is_sent(wrong: list[str], answered: list[dict[str, Any]]) -> None:
    assert run(*wrong).exit_code == Exit.USAGE
    assert answered == []
