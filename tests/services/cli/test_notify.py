"""`binaan notify` without a broker: what answers become for an official at a terminal and in a workbook."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli import notify
from services.cli.exits import Exit
from services.cli.main import app

runner = CliRunner()
MESSAGE = {
    "message_id": "9749f6fe-0da3-809a-91c8-ed68d914e4d0",
    "beneficiary_id": "14478b05-5459-8905-9593-0997ee1f4b42",
    "programme_id": "4ae97f8f-441d-83eb-bfdf-22c7b0e3fdcd",
    "template": "programme_eligible_id_v2",
    "channel": "sms",
    "provider": "zenziva",
    "state": "failed",
    "attempt": 2,
    "reason": "zenziva_status_6",
    "history": [
        {"at": "2026-03-02T03:00:00Z", "state": "queued"},
        {"at": "2026-03-02T03:00:05Z", "state": "failed", "reason": "zenziva_status_6", "channel": "sms"},
    ],
}


def campaign(**states: int) -> dict[str, Any]:
    return {
        "programme": "Pelatihan kemasan",
        "agency": "dinkop-medan",
        "status": "open",
        "looking": False,
        "total": sum(states.values()),
        "states": states,
    }


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was asked; a list is answered with one message, a campaign with what it is each time."""
    found: list[dict[str, Any]] = []
    campaigns = [campaign(queued=2, delivered=1), campaign(queued=1, delivered=2), campaign(delivered=2, failed=1)]

    def collect(account: str, key: str, data: dict[str, Any], _: float) -> list[dict[str, Any]]:
        found.append({"account": account, "key": key, **data})
        return [MESSAGE]

    def tell(account: str, key: str, data: dict[str, Any], _: float) -> Any:
        found.append({"account": account, "key": key, **data})
        return SimpleNamespace(data={"answer": campaigns.pop(0)})

    monkeypatch.setattr(notify, "collect", collect)
    monkeypatch.setattr(notify, "tell", tell)
    monkeypatch.setattr(notify, "_LOOK_EVERY_SECONDS", 0.0)
    return found


def run(*arguments: str) -> str:
    result = runner.invoke(app, ["notify", *arguments])
    assert result.exit_code == Exit.DONE, result.output
    return result.stdout


def test_status_says_where_a_message_stands_and_why(asked: list[dict[str, Any]]) -> None:
    """As the agency that asks, about one business."""
    said = run("status", "14478b05", "--as", "dinkop-medan")
    assert "failed" in said
    assert "zenziva_status_6" in said
    assert asked == [{"account": "dinkop-medan", "key": "notify.message.request", "beneficiary_id": "14478b05"}]


def test_history_says_every_step_in_its_order(asked: list[dict[str, Any]]) -> None:
    steps = json.loads(run("history", "14478b05", "--json"))
    assert [one["state"] for one in steps] == ["queued", "failed"]
    assert asked[0]["account"] == "binaan"


def test_a_campaign_is_a_bar_with_its_figures(asked: list[dict[str, Any]]) -> None:
    """What waits is not done; every state says how many owners."""
    said = run("campaign", "p0")
    assert "1 / 3" in said
    assert "33 %" in said
    assert "menunggu" in said
    assert asked == [{"account": "binaan", "key": "notify.campaign.request", "programme_id": "p0"}]


def test_a_campaign_is_followed_until_nothing_waits(asked: list[dict[str, Any]]) -> None:
    said = run("campaign", "p0", "--follow")
    assert "3 / 3" in said
    assert len(asked) == 3


def test_those_in_one_state_go_to_a_workbook(asked: list[dict[str, Any]], tmp_path: Path) -> None:
    """An office calls up whom no message has reached."""
    file = tmp_path / "gagal.csv"
    run("campaign", "p0", "--state", "failed", "--csv", str(file))
    assert "zenziva_status_6" in file.read_text(encoding="utf-8-sig")
    assert asked[0]["state"] == "failed"
    assert runner.invoke(app, ["notify", "campaign", "p0", "--state", "lost"]).exit_code == Exit.USAGE


def test_causes_are_a_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Officials read which event causes which message; the table can go to a workbook."""
    cause = {"event": "aid.eligibility.assessed", "when": "eligible", "to": "owner", "category": "offer"}
    found = [{"template": "programme_eligible_id_v2", "causes": [{**cause, "priority": "campaign"}]}]
    monkeypatch.setattr(notify, "collect", lambda *_: found)
    file = tmp_path / "pesan.csv"
    assert "aid.eligibility.assessed" in run("causes", "--csv", str(file))
    assert "programme_eligible_id_v2;aid.eligibility.assessed" in file.read_text(encoding="utf-8-sig")
