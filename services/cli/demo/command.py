"""The command `demo`: brings the stack up, tells the story, and ends with figures that agree, or with exit code 1."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import string
import sys
from collections import Counter
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.padding import Padding
from rich.table import Table

from deploy.local.processes import LocalError
from deploy.local.stack import Stack, default_root
from deploy.mongodb.provision import ProvisionError as MongoError
from deploy.rabbitmq.management import ProvisionError as RabbitError
from services.cli.client import Door, opened
from services.cli.connection import find, stack_root
from services.cli.demo import exhibit as exhibits
from services.cli.demo.exhibit import Exhibit
from services.cli.demo.feed import PATIENCE_SECONDS, Feed
from services.cli.demo.figures import NAMES, Figures, Run, count, disagreements, untrue
from services.cli.demo.offices import FILES, OFFICES, TRUTH
from services.cli.demo.phone import Phone
from services.cli.demo.screen import Screen
from services.cli.demo.story import Story, shown
from services.cli.demo.view import View
from services.cli.exits import Exit, unreachable, wrong_usage
from services.cli.screen import say
from services.cli.seed import seed
from shared.contracts.envelope import ADMINISTRATOR

OBSERVER = "kemenumkm"
"""Whose eyes the figures are counted with: an outsider who may read the whole history."""

_MEANINGS = {
    "rows": "rows in the file",
    "recorded": "recorded",
    "refused": "refused with reasons",
    "binaan": "binaan",
    "assessed": "assessed",
    "eligible": "eligible",
    "told": "told",
}
_REASONS = {
    "no_consent": "have not agreed to messages",
    "no_phone": "have no phone",
    "no_mobile_phone": "have only a landline",
}


def demo(
    *,
    files: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the office files and what is known of them are.", hidden=True)
    ] = FILES,
    folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the returned sheets go; .local/demo if not given.")
    ] = None,
    record: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write what is shown here as plain text, too.")
    ] = None,
) -> None:
    """Run the main job on real servers, from an office's file to the message on an owner's phone.

    Starts the local stack if it is not up and leaves it up. With BINAAN_AMQP_URL set, it runs on that broker instead
    and starts nothing. May be repeated: it sets back what it did before, and tells the story again.

    The exit code is 1 when the figures do not agree with one another or with what is known of the files.

    Example: `binaan demo --record demo.txt`
    """
    screen = Screen(recorded=record is not None)
    screen.print("Binaan: from an office's file to the message on an owner's phone, on RabbitMQ and MongoDB.")
    with _stopping_well() as started:
        _bring_up(screen, started)
        story = asyncio.run(_told(screen, files, folder or default_root().parent / "demo"))
    agreed = _show(screen, story, _truth(files))
    if record is not None:
        screen.save(record)
    raise typer.Exit(Exit.DONE if agreed else Exit.REFUSED)


# -- the stack ---------------------------------------------------------------------------------------------------------


def _bring_up(screen: Screen, started: list[Stack]) -> None:
    """The local stack up, or the given broker's demo agencies known. `started` gets the stack if nothing of it ran."""
    if os.environ.get("BINAAN_AMQP_URL"):
        seed(os.environ)
        return
    stack = Stack(stack_root(os.environ), say=screen.line)
    with screen.step("The stack: RabbitMQ, MongoDB, registry, aid, notify"):
        if all(part.state == "stopped" for part in stack.status()):
            started.append(stack)
        try:
            stack.up()
        except (LocalError, RabbitError, MongoError) as error:
            raise unreachable(str(error)) from error


@contextmanager
def _stopping_well() -> Iterator[list[Stack]]:
    """Ctrl-C, a closed terminal and SIGTERM: say how to go on, and stop a stack that this command has started."""
    started: list[Stack] = []
    before = {number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield started
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C does not keep us from stopping
        for stack in started:
            stack.down()
        left = "The stack that it started is stopped, its data is kept." if started else "The stack is as it was."
        say(f"Stopped in the middle. {left} Running the demo again is safe: it begins anew.")
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


# -- the story ---------------------------------------------------------------------------------------------------------


async def _told(screen: Screen, files: Path, folder: Path) -> Story:
    view = View()
    feed = Feed(view, screen)
    async with AsyncExitStack() as stack:
        doors = {one.account: await _door(stack, one.account) for one in OFFICES}
        administrator = await _door(stack, ADMINISTRATOR)
        story = Story(screen, feed, view, doors, administrator, files, folder, _label(), Phone(view, _spool()))
        await _while_reading(feed.read(find(OBSERVER)), story.tell())
    return story


async def _door(stack: AsyncExitStack, account: str) -> Door:
    return await stack.enter_async_context(opened(find(account), PATIENCE_SECONDS))


async def _while_reading(reading: Coroutine[Any, Any, None], telling: Coroutine[Any, Any, None]) -> None:
    """Until the story is told. What stops the reading stops the story."""
    reader, teller = asyncio.create_task(reading), asyncio.create_task(telling)
    try:
        await asyncio.wait((reader, teller), return_when=asyncio.FIRST_COMPLETED)
        if reader.done():
            reader.result()
        await teller
    finally:
        for task in (reader, teller):
            task.cancel()
        await asyncio.gather(reader, teller, return_exceptions=True)


def _label() -> str:
    """Letters only: digits in a decree's number could look like somebody's phone."""
    return "".join(random.choices(string.ascii_lowercase, k=5))  # noqa: S311 - a name, not a secret


def _truth(files: Path) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads((files / TRUTH).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise wrong_usage(f"{files / TRUTH} cannot be read; `python -m deploy.demo.generate` writes it.") from None
    return found


# -- the end -----------------------------------------------------------------------------------------------------------


def _show(screen: Screen, story: Story, truth: Mapping[str, Any]) -> bool:
    """The figures and whether they agree; then one chain, and what to try next."""
    spool = _spool()
    figures = {run.office.account: count(story.view, run) for run in story.runs}
    screen.heading("What came of it, counted from public events and from replies")
    screen.print(_table(story.runs, figures, truth))
    _show_not_told(screen, figures)
    _show_refusals(screen, story, truth)
    wrong = list(_differences(story, figures, truth, Counter(_ids(spool)) if spool else None))
    if wrong:
        for one in wrong:
            say(one)
        say("The figures do not agree. If somebody else works on this stack, `binaan stack down --purge` begins anew.")
        return False
    chosen = exhibits.choose(story.view, story.runs, story.phone.message_id)
    if chosen is not None:
        _show_exhibit(screen, story, chosen, spool)
        _show_next(screen, story, chosen)
    return True


def _ids(spool: Path) -> Iterator[str]:
    return (str(one["message_id"]) for one in exhibits.written_messages(spool))


def _spool() -> Path | None:
    """Where the local provider writes, if that is a file we can read."""
    if given := os.environ.get("BINAAN_SPOOL_FILE"):
        return Path(given)
    spool = Stack(stack_root(os.environ)).spool
    return spool if spool.exists() else None


def _differences(
    story: Story, figures: Mapping[str, Figures], truth: Mapping[str, Any], spooled: Counter[str] | None
) -> Iterator[str]:
    for run in story.runs:
        account = run.office.account
        for one in disagreements(story.view, run, spooled):
            yield f"{account}: these do not agree: {one}"
        for one in untrue(run, figures[account], truth[account]):
            yield f"{account}: {one}"


def _table(runs: Sequence[Run], figures: Mapping[str, Figures], truth: Mapping[str, Any]) -> Padding:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", *(run.office.city for run in runs), "together", "known", ""):
        table.add_column(heading, justify="right" if heading else "left")
    for name in NAMES:
        counted = [int(getattr(figures[run.office.account], name)) for run in runs]
        known = [int(truth[run.office.account][name]) for run in runs]
        verdict = "agrees" if counted == known else "DIFFERS"
        table.add_row(_MEANINGS[name], *map(str, counted), str(sum(counted)), str(sum(known)), verdict)
    return Padding(table, (0, 0, 0, 3), expand=False)


def _show_not_told(screen: Screen, figures: Mapping[str, Figures]) -> None:
    eligible, told = (sum(getattr(one, name) for one in figures.values()) for name in ("eligible", "told"))
    reasons: Counter[str] = Counter()
    for one in figures.values():
        reasons.update(one.not_told)
    said = [f"{number} {_REASONS.get(reason, reason)}" for reason, number in reasons.most_common()]
    if family := eligible - told - reasons.total():
        said.append(f"{family} are further businesses of an owner who was told once for all of them")
    screen.line(f"Eligible but without a message of their own: {eligible - told}. {'; '.join(said)}.")


def _show_refusals(screen: Screen, story: Story, truth: Mapping[str, Any]) -> None:
    """A few of the refused rows, as the office reads them in its returned sheet."""
    screen.line("Some of the refused rows, as the office finds them in its sheet:")
    for run in story.runs:
        ways = {int(one["row"]): one["way"] for one in truth[run.office.account]["wrong"]}
        refused = [one for one in run.imported if not one.accepted]
        for answer in refused[:: max(1, len(refused) // 2)][:2]:
            reasons = " ".join(str(one.get("text_id")) for one in answer.problems)
            screen.line(f"· {run.office.file} row {answer.row}, {ways.get(answer.row, '?')}: {reasons}")


def _show_exhibit(screen: Screen, story: Story, chosen: Exhibit, spool: Path | None) -> None:
    name = story.view.state("business", chosen.answer.business_id).get("name")
    screen.heading(f"One chain whole: {name}, one of {chosen.run.office.designated} that were sent together")
    screen.line(f"correlation id {chosen.correlation}")
    screen.print(exhibits.chain_table(exhibits.steps(story.view, chosen)))
    screen.line("Its owner reads:")
    screen.print(Phone(story.view, spool, chosen.message_id))
    if spool is None:
        screen.line("the text stands in the outbox of the machine on which notify runs")


def _show_next(screen: Screen, story: Story, chosen: Exhibit) -> None:
    screen.print()
    screen.print("What to try next:")
    for command, what in _commands(story, chosen):
        screen.line(f"# {what}", "dim")
        screen.command(command)
    screen.print()
    if not os.environ.get("BINAAN_AMQP_URL"):
        screen.print(f"The stack is left up. To stop it: {_program()} stack down")


def _commands(story: Story, chosen: Exhibit) -> list[tuple[str, str]]:
    binaan = _program()
    sheet = shown(story.folder / "umkm-siantar.hasil.csv")
    business = json.dumps({"business_id": chosen.answer.business_id})
    account = chosen.run.office.account
    return [
        (f"{binaan} tail --from-start --region 12.72 --type 'aid.#' --count 5", "events of one region, from the first"),
        (f"{binaan} outbox | tail -n 8", "what owners were told last"),
        (f"{binaan} notify campaign {chosen.run.programme_id} --as {account}", "how many owners were reached"),
        (f"{binaan} import {sheet} --as dinkop-siantar", "mend some refused rows in that sheet, then import it again"),
        (f"{binaan} send registry.business.release '{business}' --as {account} --actor kadis", "release it: mandiri"),
        (f"{binaan} parked list", "what a service could not handle: nothing, one hopes"),
    ]


def _program() -> str:
    """How the user has called us, if `binaan` is not on the path."""
    if shutil.which("binaan") or Path(sys.argv[0]).name != "binaan":
        return "binaan"
    return shown(Path(sys.argv[0]))
