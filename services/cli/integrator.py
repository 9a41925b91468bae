"""The commands `integrator`: an account that reads events and does nothing else."""

from __future__ import annotations

from typing import Annotated

import typer

from deploy.rabbitmq.accounts import Account, Found
from services.cli.agency import rotate_account
from services.cli.broker import Made, checked_events, checked_name, managed
from services.cli.exits import CliError, Exit, wrong_usage
from services.cli.filing import Csv, Xlsx
from services.cli.options import Json, print_json
from services.cli.paste import hand_over
from services.cli.screen import say
from services.cli.tables import show

app = typer.Typer(
    help="Accounts that read events: a ministry's dashboard, a bank, another office.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Small letters, digits, hyphens: dashboard-sumut.")]
_COLUMNS = ("name", "events", "history", "closed")


@app.command()
def add(
    name: Name,
    *,
    events: Annotated[
        list[str],
        typer.Option(metavar="PATTERN", help="Events it is sent: type and region, as a binding key. May be repeated."),
    ],
    history: Annotated[
        bool, typer.Option("--history", help="Let it read the whole history as well; only with --events '#'.")
    ] = False,
    rotate: Annotated[bool, typer.Option("--rotate", help="Give it a new password as well, if it has one.")] = False,
    json: Json = False,
) -> None:
    """Make an account that is sent exactly these events, or bring an existing one to them.

    It declares and binds nothing, publishes nothing, and reads its own queues only. The password is shown once, with a
    first program to paste. Running it again changes the bindings to what is asked and no password.

    Example: `binaan integrator add dashboard-sumut --events 'registry.business.*.12.#' --events 'aid.programme.*.00'`
    """
    bindings = checked_events(events)
    if history and "#" not in bindings:
        raise wrong_usage("--history is for those who may see all events: it goes with --events '#'.")
    with managed() as broker:
        _refuse_senders(broker.find(checked_name(name)), "`binaan agency add … --events` changes what it is sent")
        made = broker.bring(Account(name, bindings, history, sends=()))
        if rotate and made.password is None:
            made = Made(name, f"{made.outcome}, with a new password", broker.rotate(name).password)
        about: dict[str, object] = {"events": bindings, "queues": [f"{name}.events", f"{name}.replies"]}
        hand_over(broker, made, about, reads_events=True, json=json)


@app.command()
def remove(name: Name, *, json: Json = False) -> None:
    """Delete an integrator's account, its connections, and its queues with all that is in them.

    Example: `binaan integrator remove dashboard-sumut`
    """
    with managed() as broker:
        _refuse_senders(broker.find(checked_name(name)), "`binaan agency suspend` closes it")
        broker.remove(name)
    if json:
        print_json({"account": name, "outcome": "removed"})
    else:
        say(f"{name} and its queues are gone.")


@app.command()
def rotate(name: Name, *, json: Json = False) -> None:
    """Give an account a new password and show it once. Whoever is connected stays so until the connection ends.

    Example: `binaan integrator rotate dashboard-sumut`
    """
    rotate_account(name, json=json)


@app.command("list")
def list_(json: Json = False, xlsx: Xlsx = None, csv: Csv = None) -> None:
    """List the accounts that are sent events, agencies among them.

    Example: `binaan integrator list`
    """
    with managed() as broker:
        found = sorted(broker.all().values(), key=lambda one: one.name)
    rows = [
        {"name": one.name, "events": list(one.events_bindings), "history": one.history, "closed": one.closed}
        for one in found
        if one.events_bindings or not one.may_send
    ]
    show(rows, _COLUMNS, json=json, nothing="No account is sent events.", xlsx=xlsx, csv=csv)


def _refuse_senders(found: Found | None, instead: str) -> None:
    """An agency's account is not an integrator's: it would lose the right to send, or its replies."""
    if found is not None and found.may_send:
        raise CliError(Exit.REFUSED, f"{found.name} may send messages, so it is an agency's account; {instead}.")
