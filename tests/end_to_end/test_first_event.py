"""From `binaan integrator add` to the first event, as a script; and all that stays out of the account's reach.

What is run here is what a person runs: the command, its output pasted into a shell, the program that it contains.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aiormq.exceptions import ChannelAccessRefused

from deploy.rabbitmq.accounts import accounts
from tests.end_to_end.stage import Person, Stage, now
from tests.support import PROJECT, Json, Party

pytestmark = pytest.mark.servers

NAME = "dashboard-sumut"
PATTERN = "registry.business.*.12.#"
_SECONDS = 60


@dataclass(frozen=True)
class Terminal:
    """A shell in an empty folder, with the administrator's environment, in which `binaan` can be called."""

    folder: Path
    environment: dict[str, str]

    async def run(self, script: str, **more: str) -> subprocess.CompletedProcess[str]:
        """The end of a script: its exit code, what it printed and what it said."""
        shell = await asyncio.create_subprocess_exec(
            "sh", "-c", script, cwd=self.folder, env={**self.environment, **more}, stdout=PIPE, stderr=PIPE
        )
        out, err = await asyncio.wait_for(shell.communicate(), _SECONDS)
        return subprocess.CompletedProcess(script, shell.returncode or 0, out.decode(), err.decode())

    async def printed(self, script: str) -> str:
        """What a script that must succeed has printed."""
        done = await self.run(script)
        assert done.returncode == 0, done.stderr
        return done.stdout


def terminal_of(stage: Stage, folder: Path) -> Terminal:
    commands = folder / "bin"
    commands.mkdir()
    binaan = commands / "binaan"
    start = f"import sys; sys.path.insert(0, {str(PROJECT)!r}); from services.cli.start import main; main()"
    binaan.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{start}" "$@"\n')
    binaan.chmod(0o755)
    (commands / "python").symlink_to(sys.executable)
    environment = {
        "PATH": f"{commands}:{os.environ.get('PATH', '/usr/bin:/bin')}",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if "site-packages" in path),
        "HOME": str(folder),
        "BINAAN_AMQP_URL": stage.world.amqp_url,
        "BINAAN_MANAGEMENT_URL": stage.world.management_url,
    }
    return Terminal(folder, environment)


@dataclass(frozen=True)
class Reader:
    """An integrator's terminal, with what `binaan integrator add` has printed pasted into it."""

    terminal: Terminal
    pasted: str

    @property
    def url(self) -> str:
        (line,) = (one for one in self.pasted.splitlines() if one.startswith("export BINAAN_AMQP_URL="))
        return line.partition("=")[2].strip("'")


@pytest.fixture(scope="module")
async def reader(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Reader]:
    """The account is made once; two folders, since whoever makes it is not whoever uses it."""
    administrator = terminal_of(stage, tmp_path_factory.mktemp("administrator"))
    pasted = await administrator.printed(f"binaan integrator add {NAME} --events '{PATTERN}'")
    theirs = terminal_of(stage, tmp_path_factory.mktemp("integrator"))
    for name in ("BINAAN_AMQP_URL", "BINAAN_MANAGEMENT_URL"):
        del theirs.environment[name]
    yield Reader(theirs, pasted)
    await administrator.run(f"binaan integrator remove {NAME}")


@pytest.fixture(scope="module")
def administrator(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    return terminal_of(stage, tmp_path_factory.mktemp("again"))


@pytest.fixture(scope="module")
async def channel(reader: Reader) -> AsyncIterator[Callable[[], Awaitable[AbstractChannel]]]:
    """A new channel of the integrator's, since each refusal ends one."""
    connection = await aio_pika.connect(reader.url)
    yield connection.channel
    await connection.close()


# --- the first event --------------------------------------------------------------------------------------------------


async def test_from_the_command_to_the_first_event(reader: Reader, medan: Party) -> None:
    """Pasted as it was printed: the environment, the program, and its first line when an office reports."""
    await reader.terminal.printed(reader.pasted)
    assert (reader.terminal.folder / "first_events.py").exists()
    script = "\n".join((reader.pasted, "exec python first_events.py"))
    program = await asyncio.create_subprocess_exec(
        "sh", "-c", script, cwd=reader.terminal.folder, env=reader.terminal.environment, stdout=PIPE, stderr=PIPE
    )
    try:
        business_id = await reported(medan, Person(7001))
        kind, subject, sequence, data = await asyncio.wait_for(first_line(program), _SECONDS)
    finally:
        program.terminate()
        await program.wait()
    assert (kind, subject) == ("id.binaan.registry.business.recorded.v1", business_id)
    assert sequence == f"{1:020}"
    assert data["business"]["region"].startswith("12.71")


async def reported(medan: Party, person: Person) -> str:
    result = await medan.accepted("registry.business.report", person.report(), time=now())
    return str(result["business_id"])


async def first_line(program: asyncio.subprocess.Process) -> tuple[str, str, str, Json]:
    assert program.stdout is not None
    assert program.stderr is not None
    line = (await program.stdout.readline()).decode()
    assert line, (await program.stderr.read()).decode()
    kind, subject, sequence, data = line.split(" ", 3)
    return kind, subject, sequence, json.loads(data)


# --- again ------------------------------------------------------------------------------------------------------------


async def test_running_it_again_changes_nothing_and_shows_no_password(reader: Reader, administrator: Terminal) -> None:
    """It says so, and the password that was shown still opens the queue."""
    again = await administrator.run(f"binaan integrator add {NAME} --events '{PATTERN}'")
    assert (again.returncode, again.stdout) == (0, "")
    assert "unchanged" in again.stderr
    await (await aio_pika.connect(reader.url)).close()


async def test_running_it_with_other_events_changes_the_bindings_alone(
    reader: Reader, administrator: Terminal, stage: Stage
) -> None:
    """Exactly what is asked, not more and more; and back."""
    for patterns in (["registry.agency.#", "#.00"], [PATTERN]):
        asked = " ".join(f"--events '{one}'" for one in patterns)
        done = await administrator.run(f"binaan integrator add {NAME} {asked}")
        assert (done.returncode, done.stdout) == (0, "")
        assert "changed" in done.stderr
        with stage.world.management() as management:
            found = accounts(management, stage.world.vhost)[NAME]
        assert set(found.events_bindings) == set(patterns)
    await (await aio_pika.connect(reader.url)).close()


async def test_a_new_password_is_shown_when_it_is_asked_for(administrator: Terminal) -> None:
    """And the old one is good for nothing from then on."""
    name = "dashboard-lain"
    first = json.loads(await administrator.printed(f"binaan integrator add {name} --events '#.00' --json"))
    second = json.loads(await administrator.printed(f"binaan integrator rotate {name} --json"))
    old, new = (one["environment"]["BINAAN_AMQP_URL"] for one in (first, second))
    assert old != new
    await (await aio_pika.connect(new)).close()
    with pytest.raises(aio_pika.exceptions.AMQPError):
        await aio_pika.connect(old)
    listed = json.loads(await administrator.printed("binaan integrator list --json"))
    assert {"name": name, "events": ["#.00"], "history": False, "closed": False} in listed
    await administrator.printed(f"binaan integrator remove {name}")
    with pytest.raises(aio_pika.exceptions.AMQPError):
        await aio_pika.connect(new)


async def test_the_history_goes_with_all_events_and_is_taken_away_with_them(
    stage: Stage, administrator: Terminal
) -> None:
    """Who is sent everything may be given the stream as well; an account is brought to what is asked, not beyond."""
    name = "dashboard-nasional"
    made = json.loads(await administrator.printed(f"binaan integrator add {name} --events '#' --history --json"))
    url = made["environment"]["BINAAN_AMQP_URL"]
    async with await aio_pika.connect(url) as connection:
        await reading("binaan.history")(await connection.channel())
    less = f"binaan integrator add {name} --events '#' --rotate --json"
    again = json.loads(await administrator.printed(less))
    assert again["outcome"] == "changed, with a new password"
    async with await aio_pika.connect(again["environment"]["BINAAN_AMQP_URL"]) as connection:
        channel = await connection.channel()
        with pytest.raises(ChannelAccessRefused):
            await reading("binaan.history")(channel)
    await administrator.printed(f"binaan integrator remove {name}")


# --- what was not given -----------------------------------------------------------------------------------------------

Action = Callable[[AbstractChannel], Awaitable[Any]]


def declaring(queue: str) -> Action:
    return lambda channel: channel.declare_queue(queue, durable=True)


def binding(queue: str, exchange: str, key: str) -> Action:
    async def bind(channel: AbstractChannel) -> None:
        await (await channel.get_queue(queue, ensure=False)).bind(exchange, key)

    return bind


def unbinding(queue: str, exchange: str, key: str) -> Action:
    async def unbind(channel: AbstractChannel) -> None:
        await (await channel.get_queue(queue, ensure=False)).unbind(exchange, key)

    return unbind


def reading(queue: str) -> Action:
    async def read(channel: AbstractChannel) -> None:
        await channel.set_qos(prefetch_count=1)
        source = await channel.get_queue(queue, ensure=False)
        await source.consume(_leave)

    return read


async def _leave(_: AbstractIncomingMessage) -> None:
    """What matters is whether one may read at all."""


def publishing(exchange: str, key: str) -> Action:
    async def publish(channel: AbstractChannel) -> None:
        target = await channel.get_exchange(exchange, ensure=False)
        await target.publish(aio_pika.Message(b"{}", user_id=NAME), key)

    return publish


def deleting(queue: str) -> Action:
    return lambda channel: channel.queue_delete(queue)


REACH: dict[str, Action] = {
    "more events into its own queue": binding(f"{NAME}.events", "binaan.events", "#"),
    "contacts into its own queue": binding(f"{NAME}.events", "binaan.contacts", "#"),
    "others' replies into its own queue": binding(f"{NAME}.replies", "binaan.replies", "#"),
    "intake into its own queue": binding(f"{NAME}.events", "binaan.intake", "#"),
    "taking its own binding away": unbinding(f"{NAME}.events", "binaan.events", PATTERN),
    "the history": reading("binaan.history"),
    "the ministry's events": reading("kemenumkm.events"),
    "an agency's replies": reading("dinkop-medan.replies"),
    "a service's intake": reading("registry.intake"),
    "notify's contacts": reading("notify.contacts"),
    "publishing an event": publishing("binaan.events", "registry.business.recorded.12.71"),
    "publishing a reply": publishing("binaan.replies", "dinkop-medan.accepted"),
    "publishing a contact": publishing("binaan.contacts", "registry.contact.changed.12.71"),
    "sending intake": publishing("binaan.intake", "registry.business.report"),
    "a message straight into a queue": publishing("", "registry.intake"),
    "declaring a queue": declaring(f"{NAME}.more"),
    "declaring a queue of another name": declaring("queue"),
    "declaring an exchange": lambda channel: channel.declare_exchange("exchange", "topic", durable=True),
    "deleting its own queue": deleting(f"{NAME}.events"),
    "deleting another's queue": deleting("registry.intake"),
}


@pytest.mark.parametrize("what", REACH)
async def test_what_was_not_given_stays_out_of_reach(
    what: str, channel: Callable[[], Awaitable[AbstractChannel]]
) -> None:
    """By the broker itself: an account is as wide as the bindings that Binaan has made for it."""
    with pytest.raises(ChannelAccessRefused):
        await REACH[what](await channel())


async def test_another_regions_events_do_not_arrive(
    stage: Stage, administrator: Terminal, reader: Reader, medan: Party, siantar: Party
) -> None:
    """An account of one city is told of nothing but that city: what happens elsewhere stands in no queue of its."""
    name = "dashboard-medan"
    made = json.loads(
        await administrator.printed(f"binaan integrator add {name} --events 'registry.business.#.12.71' --json")
    )
    elsewhere = Person(7101).report(region="12.72.01.1001")
    await siantar.accepted("registry.business.report", elsewhere, time=now())
    here = await reported(medan, Person(7102))
    connection = await aio_pika.connect(made["environment"]["BINAAN_AMQP_URL"])
    async with connection:
        queue = await (await connection.channel()).get_queue(f"{name}.events", ensure=False)
        async with queue.iterator(timeout=_SECONDS) as messages:
            message = await anext(messages)
            await message.ack()
            # One queue is in order: had the other city's event been sent here, it would have come first.
            assert json.loads(message.body)["subject"] == here
    await administrator.printed(f"binaan integrator remove {name}")
