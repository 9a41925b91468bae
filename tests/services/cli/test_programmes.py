"""`binaan programme …` and `binaan explain` without a broker: what is sent, and what an answer becomes for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from typer.testing import CliRunner

from services.cli import programmes
from services.cli.client import Reply
from services.cli.exits import Exit
from services.cli.main import app
from tests.shared.contracts.test_golden import GOLDEN, message

runner = CliRunner()
PROGRAMME = message(GOLDEN / "aid.programme.opened.v1.equipment.json")["data"]["programme"]
ELIGIBILITY = message(GOLDEN / "aid.eligibility.assessed.v1.json")["data"]["eligibility"]
HISTORY = [{"what": "opened", "on": "2026-03-02", "official": "o"}]
ANSWER = {"value": True, "agency": "bank-contoh", "source": "sikp", "observed_on": "2026-03-01", "intake_id": "bank-1"}
EXPLAINED = {
    "verdict": "ineligible",
    "prior_interventions": 0,
    "judged_on": "2026-03-02",
    "criteria": [
        {
            "code": "status_is",
            "verdict": "eligible",
            "text_id": "Usaha berstatus binaan.",
            "text_en": "…",
            "facts": [
                {"fact": "status", "value": "binaan", "subject": "business-1", "sequence": "00000000000000000007"},
                {"fact": "scale", "value": None, "subject": "business-1", "sequence": "00000000000000000007"},
            ],
        },
        {
            "code": "administrative_check",
            "verdict": "ineligible",
            "text_id": "Pemeriksaan administrasi tidak terpenuhi.",
            "text_en": "…",
            "checks": [
                {"check": "kur", "verdict": "ineligible", "answers": [ANSWER]},
                {"check": "death", "verdict": "waiting", "answers": []},
            ],
        },
    ],
}


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was sent and asked."""
    found: list[dict[str, Any]] = []

    def collect(account: str, key: str, data: dict[str, Any], patience: float) -> list[dict[str, Any]]:
        found.append({"account": account, "key": key, **data})
        if key == "aid.programme.request":
            return [{"programme": PROGRAMME, "sequence": "1", "history": HISTORY}]
        return [EXPLAINED] if "beneficiary_id" in data else [{"eligibility": ELIGIBILITY, "sequence": "1"}]

    def tell(account: str, key: str, data: dict[str, Any], patience: float, actor: str | None = None) -> Reply:
        found.append({"account": account, "key": key, "actor": actor, **data})
        result = {"programme_id": "p", "sequence": 1, "outcome": "opened"}
        warning = {"code": "x", "field": "data.budget", "text_id": "Kurang.", "text_en": "Short."}
        return Reply("accepted", {"result": result, "warnings": [warning]}, {})

    monkeypatch.setattr(programmes, "collect", collect)
    monkeypatch.setattr(programmes, "tell", tell)
    return found


def run(*arguments: str) -> Any:
    return runner.invoke(app, [*arguments, "--as", "dinkop-medan"])


@pytest.mark.parametrize(("flag", "key"), [((), "aid.programme.open"), (("--draft",), "aid.programme.propose")])
def test_a_file_becomes_a_programme(
    sent: list[dict[str, Any]], tmp_path: Path, flag: tuple[str, ...], key: str
) -> None:
    """Its id is printed for the next command, and what an office should look at beside it."""
    file = tmp_path / "program.json"
    file.write_text(json.dumps({"name": "Pelatihan"}))
    done = run("programme", "open", str(file), *flag, "--actor", "kadis")
    assert (done.exit_code, done.stdout) == (Exit.DONE, "opened p\n")
    assert "Kurang." in done.stderr
    assert sent == [{"account": "dinkop-medan", "key": key, "actor": "kadis", "name": "Pelatihan"}]


@pytest.mark.parametrize("content", ["{", "[]", None])
def test_a_file_that_is_no_programme_is_wrong_usage(sent: list[dict[str, Any]], tmp_path: Path, content: Any) -> None:
    file = tmp_path / "program.json"
    if content is not None:
        file.write_text(content)
    assert run("programme", "open", str(file), "--actor", "kadis").exit_code == Exit.USAGE
    assert not sent


@pytest.mark.parametrize("verb", ["start", "pause", "resume", "close"])
def test_a_programme_is_moved_by_its_id(sent: list[dict[str, Any]], verb: str) -> None:
    reason = ("--reason", "Menunggu P-APBD") if verb == "pause" else ()
    assert run("programme", verb, "p", *reason, "--actor", "kadis").exit_code == Exit.DONE
    (one,) = sent
    assert (one["key"], one["programme_id"], one.get("reason")) == (
        f"aid.programme.{verb}",
        "p",
        *(reason[1:] or (None,)),
    )


def test_programmes_are_listed_with_their_money(sent: list[dict[str, Any]], tmp_path: Path) -> None:
    file = tmp_path / "program.xlsx"
    done = run("programme", "list", "--region", "12.71", "--status", "open", "--year", "2026", "--xlsx", str(file))
    assert done.exit_code == Exit.DONE
    asked = {"limit": 100, "region": "12.71", "status": "open", "fiscal_year": 2026}
    assert sent == [{"account": "dinkop-medan", "key": "aid.programme.request", **asked}]
    headings, row = CalamineWorkbook.from_path(file).get_sheet_by_index(0).to_python()
    assert row[headings.index("programme_id")] == PROGRAMME["programme_id"]
    assert row[headings.index("pagu")] == sum(line["pagu"] for line in PROGRAMME["budget"])


def test_one_programme_is_shown_with_what_has_become_of_it() -> None:
    done = run("programme", "show", "p")
    assert PROGRAMME["name"] in done.stdout
    assert "opened" in done.stdout
    assert json.loads(run("programme", "show", "p", "--json").stdout)["history"] == HISTORY


def test_who_may_be_served_is_listed_as_it_is_ranked(sent: list[dict[str, Any]]) -> None:
    assert json.loads(run("programme", "eligible", "p", "--json").stdout)[0]["eligibility"] == ELIGIBILITY
    assert sent[0]["verdict"] == "eligible"


def test_each_criterion_is_one_line_with_its_fact_and_where_it_came_from(tmp_path: Path) -> None:
    """S1-24: for an official, an auditor and the applicant."""
    file = tmp_path / "alasan.xlsx"
    done = run("explain", "business-1", "p", "--xlsx", str(file))
    assert done.stdout.startswith("ineligible  (prior interventions: 0; 2026-03-02)")
    _, status, check = CalamineWorkbook.from_path(file).get_sheet_by_index(0).to_python()
    assert status == [
        "eligible",
        "Usaha berstatus binaan.",
        "status: binaan; scale: (belum diketahui)",
        "business-1 #7",
    ]
    assert check[2] == "kur: ya (sikp, 2026-03-01); death: (belum dijawab)"
    assert check[3] == "bank-contoh bank-1"
    assert json.loads(run("explain", "business-1", "p", "--json").stdout) == EXPLAINED
