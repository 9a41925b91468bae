"""`binaan demo` tells the whole story on real servers, again and again, and fails when its figures do not agree."""

import asyncio
import json
import os
import re
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.local.processes import Processes
from deploy.local.stack import Stack
from services.cli.client import Intake, Reply
from services.cli.demo.figures import Figures, Run, count, disagreements, is_settled, untrue
from services.cli.demo.offices import FILES, OFFICES, TRUTH
from services.cli.demo.passes import Answer
from services.cli.demo.view import View
from services.cli.events import Event
from tests.end_to_end.stage import Stage
from tests.support import until

BINAAN = str(Path(sys.executable).with_name("binaan"))
ON_ITS_WAY = "Each office opens a training programme"
FIGURES = {
    "rows in the file": "600",
    "recorded": "560",
    "refused with reasons": "40",
    "binaan": "100",
    "assessed": "560",
    "eligible": "88",
    "told": "67",
}
"""Together, as `deploy/demo/truth.json` knows them; tests/deploy/test_office_file.py counts them anew."""


@dataclass(frozen=True)
class Told:
    code: int | None
    out: str
    err: str

    @property
    def table(self) -> dict[str, tuple[str, str, str]]:
        """By name: counted together, known, and the verdict."""
        found = re.findall(r"^ {3}(\w[\w ]*?) +\d+ +\d+ +(\d+) +(\d+) +(agrees|DIFFERS) *$", self.out, re.MULTILINE)
        return {name: (together, known, verdict) for name, together, known, verdict in found}

    @property
    def commands(self) -> list[str]:
        after = self.out.partition("What to try next:")[2]
        return re.findall(r"^ +\$ (.+)$", after, re.MULTILINE)


AGREED = {name: (figure, figure, "agrees") for name, figure in FIGURES.items()}


@pytest.fixture(scope="module")
def env(stage: Stage) -> dict[str, str]:
    """As somebody has it who works with a given broker and sees the file that stands in for WhatsApp."""
    given = {"BINAAN_AMQP_URL": stage.world.amqp_url, "BINAAN_SPOOL_FILE": str(stage.root / "spool.jsonl")}
    return {**os.environ, **given, "PATH": f"{Path(BINAAN).parent}:{os.environ['PATH']}"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sheets")


async def start(*arguments: str, env: Mapping[str, str]) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(BINAAN, "demo", *arguments, env=env, stdout=pipe, stderr=pipe)


async def ended(process: asyncio.subprocess.Process, seconds: float = 120) -> Told:
    out, err = await asyncio.wait_for(process.communicate(), seconds)
    return Told(process.returncode, out.decode(), err.decode())


async def run(*arguments: str, env: Mapping[str, str]) -> Told:
    return await ended(await start(*arguments, env=env))


async def read_until(process: asyncio.subprocess.Process, text: str) -> str:
    """What it has printed up to a line that holds the text."""
    assert process.stdout is not None
    read = ""
    while text not in read:
        line = await asyncio.wait_for(process.stdout.readline(), 90)
        assert line, read
        read += line.decode()
    return read


@pytest.fixture(scope="module")
async def first(env: dict[str, str], folder: Path) -> Told:
    return await run("--folder", str(folder), "--record", str(folder / "seen.txt"), env=env)


@pytest.fixture(scope="module")
async def tried(first: Told, env: dict[str, str], folder: Path) -> list[tuple[int | None, bool]]:
    """Every command that was offered: its exit code, and whether it said anything."""
    assert len(first.commands) == 6
    found = []
    for command in first.commands:
        shell = await asyncio.create_subprocess_shell(
            f"set -o pipefail; {command}", executable="/bin/bash", env=env, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await asyncio.wait_for(shell.communicate(), 60)
        found.append((shell.returncode, bool(out) or "parked" in command))
    return found


@pytest.fixture(scope="module")
async def tampered(
    tried: list[tuple[int | None, bool]], env: dict[str, str], folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Told:
    """Run again, after all that was offered was tried, with a truth that says one eligible more and another reason for
    one row."""
    files = tmp_path_factory.mktemp("tampered") / "demo"
    shutil.copytree(FILES, files)
    truth = json.loads((files / TRUTH).read_text())
    truth["dinkop-medan"]["eligible"] += 1
    truth["dinkop-siantar"]["wrong"][0]["problems"] = ["nik.length data.owner.nik"]
    (files / TRUTH).write_text(json.dumps(truth))
    return await run("--folder", str(folder), "--files", str(files), env=env)


# -- on real servers ---------------------------------------------------------------------------------------------------


async def test_story_ends_in_figures_that_agree(first: Told) -> None:
    """Counted from events and replies, and known of the files: one and the same, or the demo fails."""
    assert (first.code, first.err) == (0, "")
    assert first.table == AGREED


async def test_feed_shows_what_happens_in_indonesian(first: Told) -> None:
    """The public sees names of businesses and what became of them, nothing about their owners (S1-02)."""
    feed = "\n".join(line for line in first.out.splitlines() if line.startswith("   │"))
    for said in ("program dibuka", "tercatat", "terverifikasi", "menjadi binaan", "memenuhi syarat", "pesan sampai"):
        assert said in feed, said
    assert not re.search(r"[0-9]{16}|\+62", feed)


async def test_one_chain_is_shown_from_the_decree_to_the_message(first: Told) -> None:
    """One correlation id through three services, with milliseconds since the first step that never go back."""
    chain = first.out.partition("One chain whole")[2].partition("Its owner reads:")[0]
    steps = re.findall(r"^ +(\d+)  ([a-z]+(?:\.[a-z]+)*) ", chain, re.MULTILINE)
    assert [name for _, name in steps if name != "reply"] == [
        "registry.business.designate",
        "registry.business.designated",
        "aid.eligibility.assessed",
        "notify.message.queued",
        "notify.message.sent",
        "notify.message.delivered",
    ]
    times = [int(milliseconds) for milliseconds, _ in steps]
    assert times == sorted(times)
    assert [name for _, name in steps].count("reply") == 1


async def test_message_does_not_promise(first: Told, stage: Stage) -> None:
    """Whoever is told may still not receive: the text says so, and stands in the outbox as it is shown."""
    bubble = " ".join(re.findall(r"│ (.*?) +│", first.out.partition("Its owner reads:")[2]))
    assert "belum tentu menerima" in bubble
    assert bubble in {told["text"] for told in stage.told()}


async def test_sheets_come_back_with_every_row_answered(first: Told, folder: Path) -> None:
    """What the office gets to work with: nothing is written anywhere else."""
    results = Counter[str]()
    for office in OFFICES:
        for row in (folder / office.file.replace(".csv", ".hasil.csv")).read_text("utf-8-sig").splitlines():
            results.update(re.findall(r";(diterima|ditolak);", row))
    assert results == {"diterima": 560, "ditolak": 40}


async def test_record_is_what_was_shown(first: Told, folder: Path) -> None:
    """docs/demo.txt is made this way, so it must be the picture of a run and not another text."""
    shown = [line.rstrip() for line in first.out.strip().splitlines()]
    assert (folder / "seen.txt").read_text().strip().splitlines() == shown


async def test_what_to_try_next_works(tried: list[tuple[int | None, bool]]) -> None:
    """Each command that is offered does what it says."""
    refused = (1, True)  # the rows that nobody has mended yet
    assert tried == [(0, True), (0, True), (0, True), refused, (0, True), (0, True)]


async def test_tampered_truth_is_found_out(tampered: Told) -> None:
    """A demo that cannot fail shows nothing: one figure and one reason changed, and it says which and exits with 1."""
    assert tampered.code == 1
    assert "dinkop-medan: eligible: counted 64, known 65" in tampered.err
    assert re.search(r"dinkop-siantar: row \d+: answered \['field\.required .*known \['nik\.length", tampered.err)
    assert tampered.err.count("\n") == 3
    assert tampered.table == {**AGREED, "eligible": ("88", "89", "DIFFERS")}


async def test_story_is_told_whole_again(tampered: Told) -> None:
    """A second run shows the same story, though registry has known every business since the first, and a newcomer has
    changed some with the commands that were offered: they are set back."""
    assert "373 known already and unchanged" in tampered.out
    assert tampered.out.count("2 programmes closed, 100 businesses are terdata again") == 1
    assert "menjadi binaan" in tampered.out
    assert "pesan sampai" in tampered.out


async def test_interruption_says_how_to_go_on(first: Told, env: dict[str, str], folder: Path) -> None:
    """Ctrl-C in the middle: no traceback, nothing left running, and the next run begins anew."""
    process = await start("--folder", str(folder), env=env)
    await read_until(process, ON_ITS_WAY)
    process.send_signal(signal.SIGINT)
    told = await ended(process, 30)
    assert told.code == 130
    assert (
        told.err == "Stopped in the middle. The stack is as it was. Running the demo again is safe: it begins anew.\n"
    )


async def test_broker_that_goes_away_is_said_in_a_sentence(
    first: Told, stage: Stage, env: dict[str, str], folder: Path
) -> None:
    """The connection breaks in the middle, as when the broker is killed: exit code 3, and what to do."""
    process = await start("--folder", str(folder), env=env)
    await read_until(process, ON_ITS_WAY)
    with stage.world.management() as management:

        def of_the_ministry() -> list[str]:
            found = management.get("vhosts", stage.world.vhost, "connections")
            return [one["name"] for one in found if one.get("user") == "kemenumkm"]

        for name in await until(of_the_ministry, what="the demo's connection"):
            management.delete("connections", name)
    told = await ended(process, 30)
    assert told.code == 3
    assert re.fullmatch(r"The broker at \S+ went away\.[^\n]*\n", told.err), told.err


@pytest.mark.servers
@pytest.mark.skipif("BINAAN_AMQP_URL" in os.environ, reason="servers were given; none is started here")
async def test_interruption_stops_a_stack_that_it_has_started(tmp_path: Path) -> None:
    """Whoever ends the demo in the middle has not asked for servers that stay; at its end it says that they do."""
    root = tmp_path / "stack"
    env = {**os.environ, "BINAAN_STACK_ROOT": str(root)}
    try:
        process = await start("--folder", str(tmp_path / "sheets"), env=env)
        await read_until(process, ON_ITS_WAY)
        assert Processes(root).pids()
        process.send_signal(signal.SIGINT)
        told = await ended(process, 60)
        assert (told.code, "The stack that it started is stopped" in told.err) == (130, True)
        assert Processes(root).pids() == []
    finally:
        Stack(root).down(purge=True)


# -- what would be found out -------------------------------------------------------------------------------------------


def event(key: str, subject: str, sequence: int, state: dict[str, Any], **change: Any) -> Event:
    """An event as it stands on the wire, as far as the demo looks at it."""
    thing = key.split(".")[1]
    at = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(seconds=sequence)
    data = {thing: state, "change": change}
    envelope = {"id": f"{key}-{subject}-{sequence}", "type": f"id.binaan.{key}.v1", "subject": subject, "data": data}
    return Event({**envelope, "sequence": f"{sequence:020d}", "time": at.isoformat(), "correlationid": "c"})


BUSINESS = {"business_id": "b", "owner_id": "o", "name": "Keripik", "status": "binaan"}
ANSWER = {"programme_id": "p", "beneficiary_id": "b", "eligible": True, "assessed_from_sequence": f"{3:020d}"}
REASON = "aid.eligibility.assessed-e-2"
MESSAGE = {"message_id": "m", "beneficiary_id": "b", "caused_by": REASON, "state": "delivered"}
EVENTS = (
    event("registry.business.recorded", "b", 1, {**BUSINESS, "status": "terdata"}),
    event("registry.business.designated", "b", 3, BUSINESS),
    event("aid.eligibility.assessed", "e", 2, ANSWER),
    event("notify.message.delivered", "m", 3, MESSAGE),
)
WRITTEN = Counter({"m": 1})


def accepted(row: int) -> Answer:
    reply = Reply("accepted", {"intake_id": "i", "result": {"business_id": "b", "outcome": "created"}}, {})
    return Answer(row, Intake("i", "registry.business.report"), reply)


def one_run() -> Run:
    """An office with one business, which was recorded, designated and told."""
    return Run(OFFICES[0], {}, "p", [accepted(1)], [accepted(1)], [accepted(1)])


def seen(*events: Event) -> View:
    view = View()
    for one in events:
        view.take(one, now_running=True)
    return view


def test_events_doubled_and_late_change_no_figure() -> None:
    """At least once and in any order is all that the contract promises of events."""
    plain, shaken = seen(*EVENTS), seen(*EVENTS[::-1], *EVENTS)
    assert count(plain, one_run()) == count(shaken, one_run()) == Figures(1, 1, 0, 1, 1, 1, 1, {})
    assert list(disagreements(shaken, one_run(), WRITTEN)) == []
    assert is_settled(shaken, one_run())


@pytest.mark.parametrize("missing", EVENTS, ids=lambda one: one.key)
def test_event_that_is_missing_is_noticed(missing: Event) -> None:
    """Every figure hangs on events: the lack of any one of them must show."""
    view = seen(*(one for one in EVENTS if one is not missing))
    assert list(disagreements(view, one_run(), WRITTEN))


@pytest.mark.parametrize("written", [Counter(), Counter({"m": 2})], ids=["not written", "written twice"])
def test_message_not_written_exactly_once_is_noticed(written: Counter[str]) -> None:
    """An owner who is told twice, or never though the events say so, is what the project must not do."""
    assert len(list(disagreements(seen(*EVENTS), one_run(), written))) == 1


def test_message_on_its_way_is_waited_for() -> None:
    """Counting before everything has come to its end would be counting at random."""
    queued = event("notify.message.queued", "m", 3, {**MESSAGE, "state": "queued"})
    assert not is_settled(seen(*EVENTS[:3], queued), one_run())
    stale = event("aid.eligibility.assessed", "e", 2, {**ANSWER, "assessed_from_sequence": f"{1:020d}"})
    assert not is_settled(seen(*EVENTS[:2], stale, EVENTS[3]), one_run())


@pytest.mark.parametrize("name", ["rows", "recorded", "refused", "binaan", "assessed", "eligible", "told"])
def test_every_figure_is_held_against_the_truth(name: str) -> None:
    """None of the seven may be shown without being checked."""
    figures = count(seen(*EVENTS), one_run())
    known: dict[str, Any] = {**{one: getattr(figures, one) for one in Figures.__slots__}, "wrong": []}
    assert list(untrue(one_run(), figures, known)) == []
    other = replace(figures, **{name: getattr(figures, name) + 1})
    assert [one.partition(":")[0] for one in untrue(one_run(), other, known)] == [name]
