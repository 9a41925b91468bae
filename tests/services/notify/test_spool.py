"""The spool on real files: a message stands in it once, whoever died writing it."""

from __future__ import annotations

import json
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from services.notify import spool as spool_module
from services.notify.policy import policy_on
from services.notify.provider import Outgoing
from services.notify.receipt import Stray
from services.notify.retention import Retention
from services.notify.spool import LocalProvider, Spool
from tests.services.notify.memory import Memory
from tests.services.notify.samples import NOW, PHONE


def _messages(ids: Iterable[object]) -> list[Outgoing]:
    return [Outgoing(f"m{one}", NOW, "whatsapp", PHONE, f"Yth. Bapak/Ibu, pesan ke-{one} – “uji”") for one in ids]


def _read(path: Path) -> list[str]:
    """What any reader makes of the file by the rules in the module's description."""
    found = []
    for line in path.read_bytes().split(b"\n"):
        try:
            found.append(json.loads(line)["message_id"])
        except ValueError:
            continue
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "spool.jsonl"


async def test_lines_are_as_described(path: Path) -> None:
    """Other programs read this file (`binaan outbox`): five members, RFC 3339, text as it is."""
    outcomes = await LocalProvider(path).send(_messages([1]))
    assert [(one.message_id, one.state) for one in outcomes] == [("m1", "delivered")]
    (line,) = path.read_text("utf-8").splitlines()
    assert json.loads(line) == {
        "message_id": "m1",
        "at": "2026-03-02T03:00:00+00:00",
        "channel": "whatsapp",
        "to": PHONE,
        "text": "Yth. Bapak/Ibu, pesan ke-1 – “uji”",
    }
    assert "–" in line, "readable without a decoder"


@pytest.mark.parametrize("mask", [0o000, 0o022])
def test_nobody_else_may_read_it(path: Path, mask: int) -> None:
    """It holds names and numbers; whatever the umask and whoever made the file before."""
    path.parent.mkdir()
    path.touch(mode=0o666)
    before = os.umask(mask)
    try:
        Spool(path).append(_messages([1]))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Who can put a link there must not choose which file gets the messages."""
    (tmp_path / "elsewhere").touch()
    (tmp_path / "spool").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"symbolic|ELOOP"):
        Spool(tmp_path / "spool").append(_messages([1]))


async def test_the_same_message_is_written_once(path: Path) -> None:
    """Also within a batch, by another instance, and after a restart."""
    await LocalProvider(path).send(_messages([1, 1, 2]))
    outcomes = await LocalProvider(path).send(_messages([2, 3]))
    assert [one.message_id for one in outcomes] == ["m2", "m3"]
    assert _read(path) == ["m1", "m2", "m3"]


async def test_it_can_be_asked(path: Path) -> None:
    """After a crash only what it holds counts as sent."""
    provider = LocalProvider(path)
    assert await provider.ask(["m1"]) == []
    await LocalProvider(path).send(_messages([1, 2]))
    assert [one.message_id for one in await provider.ask(["m1", "m9", "m2"])] == ["m1", "m2"]


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_a_torn_line_heals(path: Path, cut: int) -> None:
    """A crash in the middle of a write: the torn line is ignored and the next begins on its own, wherever it tore."""
    Spool(path).append(_messages([1, 2]))
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    spool = Spool(path)
    was_there = spool.holds(["m2"])
    spool.append(_messages([2, 3]))
    assert _read(path) == ["m1", "m2", "m3"]
    assert was_there == (["m2"] if cut == 1 else []), "a line that lacks only its end is whole"
    assert Spool(path).holds(["m1", "m2", "m3"]) == ["m1", "m2", "m3"]


def test_a_tear_inside_a_letter_heals(path: Path) -> None:
    """UTF-8 letters have several bytes; half of one is not text."""
    Spool(path).append(_messages([1]))
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index("–".encode()) + 1])
    spool = Spool(path)
    spool.append(_messages([1]))
    assert path.read_bytes().endswith(b"\n" + whole)
    assert spool.holds(["m1"]) == ["m1"]


def test_foreign_lines_are_left_alone(path: Path) -> None:
    """Somebody's note in the file is neither a message nor a reason to stop."""
    path.parent.mkdir()
    path.write_bytes(b'\n[1]\n"m1"\n{"message_id": 7}\n{"message_id": "m5"}\nnull\n')
    spool = Spool(path)
    assert spool.holds(["m1", "m5"]) == ["m5"]
    spool.append(_messages([1, 5]))
    assert path.read_bytes().count(b"m5") == 1
    assert path.read_bytes().startswith(b"\n[1]\n")


def test_lines_longer_than_a_chunk_are_read_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index reads in pieces; a line may lie across any number of them."""
    monkeypatch.setattr(spool_module, "_CHUNK", 7)
    Spool(path).append(_messages(range(20)))
    assert len(Spool(path).holds([f"m{one}" for one in range(20)])) == 20


def test_a_full_disk_loses_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system takes half a line and refuses the rest: raised, and healed by the next write."""
    spool, write = Spool(path), os.write
    spool.append(_messages([1]))

    def full(descriptor: int, data: bytes) -> int:
        write(descriptor, data[: len(data) // 2 + 5])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            spool.append(_messages([2, 3, 4]))
    spool.append(_messages([2, 3, 4]))
    assert sorted(_read(path)) == ["m1", "m2", "m3", "m4"]


def test_a_short_write_is_continued(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system may take less than it is given without an error."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:11]))
    Spool(path).append(_messages([1, 2]))
    assert _read(path) == ["m1", "m2"]


def test_a_file_that_was_taken_away_is_begun_anew(path: Path) -> None:
    """Who clears the spool does not cause messages to be sent again by the running service."""
    spool = Spool(path)
    spool.append(_messages([1]))
    path.unlink()
    spool.append(_messages([1, 2]))
    assert _read(path) == ["m2"]
    path.write_bytes(b"")
    spool.append(_messages([2, 3]))
    assert _read(path) == ["m3"]


def test_a_second_writer_waits_for_the_first(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has lost its lease without knowing writes beside its successor, at the worst moment there is:
    when the other has seen what is missing and has not written it yet."""
    write = os.write
    second = threading.Thread(target=lambda: Spool(path).append(_messages([1, 2, 3])))

    def at_the_worst_moment(descriptor: int, data: bytes) -> int:
        if second.ident is None:
            second.start()
            second.join(0.3)
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", at_the_worst_moment)
    Spool(path).append(_messages([1, 2]))
    second.join()
    assert _read(path) == ["m1", "m2", "m3"]


_WRITER = """
import sys
from pathlib import Path
from tests.services.notify.test_spool import _messages
from services.notify.spool import Spool
spool = Spool(Path(sys.argv[1]))
print("ready", flush=True)
for start in range(0, 4000, 40):
    spool.append(_messages(range(start, start + 40)))
print("done", flush=True)
"""


def test_killed_while_writing_each_message_stands_once(path: Path) -> None:
    """kill -9 at moments drawn from a printed seed, until a writer gets through."""
    seed = int(time.time())
    print(f"seed {seed}")  # noqa: T201
    drawn = random.Random(seed)
    kills = 0
    while True:
        writer = subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        if kills < 4:
            try:
                writer.wait(drawn.uniform(0.001, 0.05))
            except subprocess.TimeoutExpired:
                writer.send_signal(signal.SIGKILL)
                kills += 1
        writer.wait()
        finished = writer.stdout.read() == b"done\n"
        writer.stdout.close()
        if finished:
            break
    assert sorted(_read(path)) == sorted(f"m{one}" for one in range(4000))


async def test_numbers_and_texts_go_after_their_days_and_the_fact_stays(path: Path) -> None:
    """Issue 7, retention: what was sent to whom is forgotten; that it was sent is not, so it is never sent again."""
    spool = Spool(path)
    old, new = _messages([1]), [replace(one, at=NOW + timedelta(days=20)) for one in _messages([2])]
    spool.append([*old, *new])
    with path.open("ab") as file:
        file.write(b'{"message_id": "torn')
    size = path.stat().st_size
    spool.forget(NOW + timedelta(days=10))
    spool.forget(NOW + timedelta(days=10))
    first, second, _ = path.read_text("utf-8").split("\n")
    assert json.loads(first) == {"message_id": "m1", "at": NOW.isoformat(), "channel": "whatsapp"}
    assert json.loads(second)["to"] == PHONE
    assert path.stat().st_size == size
    for reader in (spool, Spool(path)):
        reader.append(old)
        assert reader.holds(["m1", "m2"]) == ["m1", "m2"]
    assert _read(path) == ["m1", "m2"]


async def test_a_spool_that_is_not_there_is_not_made_to_be_forgotten(path: Path) -> None:
    """Where messages really go out there is none."""
    Spool(path).forget(NOW)
    assert not path.exists()


async def test_the_clock_forgets_by_the_days_of_policy_and_gives_up_strays(path: Path) -> None:
    """Both on the day after, not on the day before."""
    memory, spool = Memory(NOW), Spool(path)
    spool.append(_messages([1]))
    stray = Stray(stray_id="s1", kind="whatsapp", status="sent", received_at=NOW)
    memory.stored["strays"]["s1"] = stray
    policy, retention = policy_on(NOW.date()), Retention(spool)
    for ahead, texts, strays in (
        (policy.bodies, 1, 1),
        (policy.bodies + timedelta(seconds=1), 0, 1),
        (policy.strays, 0, 0),
    ):
        memory.now = NOW + ahead
        await retention.step(memory.run)
        assert (path.read_text("utf-8").count(PHONE), len(memory.stored["strays"])) == (texts, strays)
