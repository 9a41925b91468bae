"""What whoever was given an account pastes into a shell: the environment of a program, and a first program."""

from __future__ import annotations

import shlex
from importlib import resources

import typer

from services.cli.broker import Broker, Made
from services.cli.options import print_json
from services.cli.screen import say


def environment(broker: Broker, made: Made) -> dict[str, str]:
    """Empty where no password was made: one that exists is nobody's to show."""
    if made.password is None:
        return {}
    return {"BINAAN_ACCOUNT": made.name, "BINAAN_AMQP_URL": broker.url_for(made.name, made.password)}


def client() -> str:
    """The program of docs/integrators, which prints each event."""
    return resources.files(__package__).joinpath("first_events.py").read_text(encoding="utf-8")


def hand_over(broker: Broker, made: Made, told: dict[str, object], *, reads_events: bool, json: bool) -> None:
    """Say what was done (stderr), and print once what to paste (stdout)."""
    values = environment(broker, made)
    if json:
        print_json({**told, "account": made.name, "outcome": made.outcome, "environment": values})
        return
    say(f"The account {made.name} at the broker: {made.outcome}.")
    for name, value in told.items():
        if value:
            say(f"  {name}: {', '.join(map(str, value)) if isinstance(value, list | tuple) else value}")
    if not values:
        say("Its password stays as it is and is not shown again; `rotate` gives a new one.")
        return
    say("The password is shown this once. Paste the following into a shell:")
    typer.echo("\n".join(f"export {name}={shlex.quote(value)}" for name, value in values.items()))
    if reads_events:
        typer.echo(f"cat > first_events.py <<'PYTHON'\n{client()}PYTHON")
        typer.echo("# then: python -m pip install aio-pika && python first_events.py")
