"""`binaan stack`: RabbitMQ, MongoDB and the three services on this machine, without Docker."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from deploy.local.processes import LocalError
from deploy.local.stack import Stack, Status, as_exports, default_root
from deploy.mongodb.provision import ProvisionError as MongoError
from deploy.rabbitmq.management import ProvisionError as RabbitError

app = typer.Typer(
    help="Run RabbitMQ, MongoDB and the services on this machine, beside whatever else runs.", no_args_is_help=True
)

Root = Annotated[
    Path | None,
    typer.Option(
        "--root", envvar="BINAAN_STACK_ROOT", help="Where the stack keeps everything; .local/stack if not given."
    ),
]


@app.command()
def up(
    root: Root = None,
    servers_only: Annotated[
        bool, typer.Option("--servers-only", help="RabbitMQ and MongoDB with everything in them, but no service.")
    ] = False,
) -> None:
    """Start everything and wait until it is ready. May be repeated: it starts what is missing."""
    with _failures_said():
        stack = Stack(root, say=_say)
        stack.up(servers_only=servers_only)
    _print(stack.status())
    _say('For clients: eval "$(binaan stack env)". To end it: binaan stack down')


@app.command()
def down(
    root: Root = None,
    purge: Annotated[bool, typer.Option("--purge", help="Delete the data, secrets and logs as well.")] = False,
) -> None:
    """Stop everything. The data stays, unless --purge is given."""
    with _failures_said():
        Stack(root, say=_say).down(purge=purge)
    _say("Nothing of the stack is running." + (" Its data is deleted." if purge else ""))


@app.command()
def status(root: Root = None) -> None:
    """What runs, and where. The exit code is 0 if all parts are ready, else 1."""
    parts = Stack(root).status()
    _print(parts)
    raise typer.Exit(0 if all(part.state == "ready" for part in parts) else 1)


@app.command()
def env(root: Root = None) -> None:
    """Print `export` lines with the administrator's URLs, for: eval "$(binaan stack env)"."""
    with _failures_said():
        typer.echo(as_exports(Stack(root).env()))


@app.command()
def logs(
    names: Annotated[
        list[str] | None, typer.Argument(help="rabbitmq, mongodb, registry, aid, notify; all if none is given.")
    ] = None,
    root: Root = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as the logs grow; end with Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines to show.")] = 20,
) -> None:
    """Show the end of the logs."""
    stack = Stack(root)
    known = [part.name for part in stack.status()]
    unknown = sorted(set(names or ()) - set(known))
    if unknown:
        raise typer.BadParameter(f"no such part: {', '.join(unknown)} (there are {', '.join(known)})")
    files = [str(stack.log(name)) for name in names or known if stack.log(name).exists()]
    if not files:
        _say(f"There are no logs under {root or default_root()}.")
        raise typer.Exit(1)
    tail = ["tail", "-n", str(lines), *(["-F"] if follow else []), *files]
    os.execvp(tail[0], tail)  # noqa: S606 - tail becomes this process, and gets Ctrl-C itself


@contextmanager
def _failures_said() -> Iterator[None]:
    """Errors of this machine as one text and exit code 1; Ctrl-C, a closed terminal and SIGTERM clean up as well."""
    before = {number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    except (LocalError, RabbitError, MongoError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as interrupt:
        typer.echo("Interrupted; what this command had started is stopped.", err=True)
        raise typer.Exit(130) from interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _print(parts: list[Status]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("part", "state", "pid", "address"):
        table.add_column(heading)
    for part in parts:
        table.add_row(part.name, part.state, str(part.pid or ""), part.address or "")
    Console().print(table)


def _say(text: str) -> None:
    typer.echo(text, err=True)


if __name__ == "__main__":
    app()
