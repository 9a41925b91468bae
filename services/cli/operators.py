"""The commands of those who run Binaan: `parked` and `outbox`."""

from __future__ import annotations

import asyncio
import json as jsonlib
import os
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from services.cli.client import PATIENCE_SECONDS, Door, Intake, Reply, opened
from services.cli.connection import find, stack_root
from services.cli.exits import CliError, Exit, no_reply, wrong_usage
from services.cli.filing import Csv, Xlsx, save
from services.cli.options import Json, Patience, print_json
from services.cli.screen import out, say
from services.cli.tables import cell, table
from shared.contracts.catalogue import SERVICES
from shared.contracts.envelope import ADMINISTRATOR

_POLL_SECONDS = 0.3
_TOLD = ("at", "channel", "to", "text")
_STAYS = ("at", "channel")
_REMOVED = "(removed when its days were over)"
_COLUMNS = ("service", "held_id", "state", "account", "type", "attempts", "since", "reasons")

parked = typer.Typer(help="Messages that a service could not handle: see them, try them again, give them up.")

Service = Annotated[
    str | None, typer.Option("--service", metavar="NAME", help="registry, aid or notify; all if absent.")
]
OneService = Annotated[str, typer.Option("--service", metavar="NAME", help="registry, aid or notify.")]
HeldId = Annotated[str, typer.Argument(metavar="HELD_ID", help="As `binaan parked list` shows it.")]


@parked.command("list")
def list_(
    service: Service = None,
    state: Annotated[
        str | None, typer.Option(metavar="STATE", help="parked, retrying or unreadable; all if absent.")
    ] = None,
    *,
    json: Json = False,
    xlsx: Xlsx = None,
    csv: Csv = None,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """List held messages: parked ones wait for an operator, unreadable ones were refused and kept.

    Example: `binaan parked list --state parked`
    """
    found, silent = asyncio.run(_held(_services(service), {"state": state} if state else {}, patience))
    save(found, _COLUMNS, xlsx=xlsx, csv=csv)
    if json:
        print_json(found)
    elif found:
        out().print(table(found, _COLUMNS, whole="held_id"))
    elif not silent:
        say("Nothing is held.")
    if silent:
        raise no_reply(f"No reply within {patience:.0f} s from {', '.join(silent)}.")


@parked.command()
def show(held_id: HeldId, service: OneService, json: Json = False, patience: Patience = PATIENCE_SECONDS) -> None:
    """Show one held message: who sent it, why it is held, how often it was tried. Never what it said.

    Example: `binaan parked show 0198… --service aid`
    """
    answered, silent = asyncio.run(_held(_services(service), {"held_id": held_id}, patience))
    if silent:
        raise no_reply(f"No reply within {patience:.0f} s from {service}.")
    found = answered[0]
    if json:
        print_json(found)
        return
    shown = Table(box=None, pad_edge=False, show_header=False)
    for name, value in found.items():
        shown.add_row(name, cell(value))
    out().print(shown)


@parked.command()
def requeue(
    held_id: HeldId,
    service: OneService,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="For the audit trail.")] = None,
    json: Json = False,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Try a held message again, when what was wrong has been mended.

    Example: `binaan parked requeue 0198… --service aid --reason "mended in 1.2.1"`
    """
    data = {"held_id": held_id, **({"reason": reason} if reason else {})}
    _act("requeue", service, data, json=json, patience=patience)


@parked.command()
def discard(
    held_id: HeldId,
    service: OneService,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it stays on the audit trail.")],
    json: Json = False,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Give up a held message for good. It cannot be had back.

    Example: `binaan parked discard 0198… --service notify --reason "sent by hand"`
    """
    _act("discard", service, {"held_id": held_id, "reason": reason}, json=json, patience=patience)


def outbox(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as messages are written.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the lines as they are: one JSON object a message.")
    ] = False,
    xlsx: Xlsx = None,
    csv: Csv = None,
) -> None:
    """Show what owners were told by the local provider: a file stands in for WhatsApp and SMS.

    The file is that of the local stack, or BINAAN_SPOOL_FILE.

    Example: `binaan outbox --follow`

    Example: `binaan outbox --xlsx terkirim.xlsx`
    """
    path = _spool()
    if follow and (xlsx or csv):
        raise wrong_usage("A table has an end: leave out --follow, or --xlsx and --csv.")
    save(list(_told(path)), _TOLD, xlsx=xlsx, csv=csv)
    if not follow and not path.exists():
        say("Nobody has been told anything yet.")
        return
    for line in _lines(path, follow=follow):
        _show_message(line, json=json)


# -- held messages -----------------------------------------------------------------------------------------------------


def _services(given: str | None) -> list[str]:
    if given is not None and given not in SERVICES:
        raise wrong_usage(f"There is no service {given}; there are {', '.join(SERVICES)}.")
    return [given] if given else list(SERVICES)


_Question = tuple[str, dict[str, Any]]
"""A service and what to ask it."""


async def _held(services: list[str], data: dict[str, Any], patience: float) -> tuple[list[dict[str, Any]], list[str]]:
    """The held messages of some services, page after page, and which services have not answered.

    An operator looks when something is down: the others' messages must be seen all the same.
    """
    found: list[dict[str, Any]] = []
    silent: list[str] = []
    asked = [(service, data) for service in services]
    async with opened(find(ADMINISTRATOR), patience) as door:
        while asked:
            answers = [one async for one in _ask_all(door, asked)]
            silent += [service for service, _, reply in answers if reply is None]
            replies = [(service, what, _accepted(reply).data) for service, what, reply in answers if reply]
            found += [{"service": service, **one} for service, _, data in replies for one in data["answer"]["held"]]
            asked = [(service, {**what, "after": data["next"]}) for service, what, data in replies if data.get("next")]
    return found, sorted(silent)


async def _ask_all(door: Door, asked: list[_Question]) -> AsyncIterator[tuple[str, dict[str, Any], Reply | None]]:
    questions = {str(uuid.uuid4()): question for question in asked}
    intakes = [Intake(one, f"{service}.held.request", what) for one, (service, what) in questions.items()]
    async for intake, reply in door.converse(intakes):
        yield *questions[intake.id], reply


def _act(verb: str, service: str, data: dict[str, Any], *, json: bool, patience: float) -> None:
    async def ask() -> Reply:
        async with opened(find(ADMINISTRATOR), patience) as door:
            return await door.ask(Intake(str(uuid.uuid4()), f"{_services(service)[0]}.held.{verb}", data))

    reply = _accepted(asyncio.run(ask()))
    if json:
        print_json(reply.data)
    else:
        say(f"Done: {reply.result.get('outcome', verb)}.")


def _accepted(reply: Reply) -> Reply:
    if reply.rejected:
        raise CliError(Exit.REFUSED, reply.texts())
    return reply


# -- what owners were told ---------------------------------------------------------------------------------------------


def _spool() -> Path:
    if given := os.environ.get("BINAAN_SPOOL_FILE"):
        return Path(given)
    from deploy.local.stack import Stack  # noqa: PLC0415 - takes the database driver along

    return Stack(stack_root(os.environ)).spool


def _lines(path: Path, *, follow: bool) -> Iterator[str]:
    """The whole lines of a file that may still grow, or not be there yet."""
    position = 0
    while True:
        if path.exists():
            with path.open("rb") as file:
                file.seek(position)
                for line in file:
                    if line.endswith(b"\n"):
                        position += len(line)
                        yield line.decode(errors="replace")
        if not follow:
            return
        time.sleep(_POLL_SECONDS)


def _told(path: Path) -> Iterator[dict[str, Any]]:
    return filter(None, map(_read, _lines(path, follow=False)))


def _read(line: str) -> dict[str, Any] | None:
    """A message, or None for a line torn by a crash; what it was to hold is written again."""
    try:
        told = jsonlib.loads(line)
        return {name: str(told[name] if name in _STAYS else told.get(name, _REMOVED)) for name in _TOLD}
    except (ValueError, KeyError, TypeError):
        return None


def _show_message(line: str, *, json: bool) -> None:
    told = _read(line)
    if told is None:
        return
    if json:
        typer.echo(line.rstrip("\n"))
    else:
        title = f"{told['channel']} → {told['to']}  {told['at']}"
        shown = Text(told["text"], no_wrap=False, overflow="fold")
        out().print(Panel(shown, title=title, title_align="left", width=72, border_style="green"), soft_wrap=False)
