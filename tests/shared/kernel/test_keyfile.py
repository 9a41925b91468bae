"""What an operator does to a key file, one command after another."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from shared.kernel.keyfile import main
from shared.kernel.keys import Keyring
from tests.shared.kernel.shop import new_keys


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file as ``binaan stack up`` makes it."""
    made = new_keys(tmp_path / "keys.json")
    made.chmod(0o600)
    return made


def test_a_key_is_replaced_in_three_steps_and_ids_stay(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Added, used, and, when nothing depends on it any more, the old one dropped."""
    rings = [Keyring.load(path)]
    for step in (["add", str(path), "k2"], ["use", str(path), "k2"], ["drop", str(path), "k1"]):
        assert main(step) == 0
        rings.append(Keyring.load(path))
    assert [ring.token("nik", "1").partition(".")[0] for ring in rings[2:]] == ["k2", "k2"]
    assert rings[1].token("nik", "1") == rings[0].token("nik", "1")
    assert len({ring.new_id("a") for ring in rings}) == 1
    assert len({ring.digest("intake", b"a") for ring in rings}) == 1
    content = json.loads(path.read_text())
    assert set(content) == {"current", "keys", "ids"}
    said = capsys.readouterr().out
    assert "k2  in use" in said
    assert not any(value in said for value in (*content["keys"].values(), content["ids"]))


def test_the_file_keeps_its_mode_and_is_never_half_written(path: Path) -> None:
    """Who may read it is the operator's decision; a full disk must not cost the keys."""
    path.chmod(0o640)
    assert main(["add", str(path), "k2"]) == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [one.name for one in path.parent.iterdir()] == ["keys.json"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["use", "k2"], "no key called k2"),
        (["use", "k1"], "add a key first"),
        (["add", "k1"], "already"),
        (["add", "k 2"], "letters"),
        (["drop", "k1"], "in use"),
        (["drop", "k9"], "no key called k9"),
    ],
)
def test_what_would_leave_a_file_that_no_service_can_use_is_refused(
    path: Path, arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the file stays as it was."""
    before = path.read_bytes()
    assert main([arguments[0], str(path), arguments[1]]) == 1
    assert reason in capsys.readouterr().err
    assert path.read_bytes() == before


def test_what_is_not_understood_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """No file is touched on a guess."""
    assert main([]) == 2
    assert "add|use|drop|show" in capsys.readouterr().err
