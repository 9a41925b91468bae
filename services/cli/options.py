"""Options that several commands share, and how a command becomes an exit code."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from services.cli.exits import CliError, Exit, wrong_usage
from services.cli.screen import say
from shared.reference import region as regions
from shared.reference.invalid import Invalid

As = Annotated[str, typer.Option("--as", metavar="ACCOUNT", help="The account that speaks, such as dinkop-medan.")]
Actor = Annotated[
    str | None,
    typer.Option("--actor", metavar="OFFICIAL", help="The official who decides, as registered by the agency."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts, nothing else.")]
Patience = Annotated[
    float, typer.Option("--patience", min=0.1, metavar="SECONDS", help="How long to wait when no reply comes at all.")
]


class Group(TyperGroup):
    """Errors as one sentence on stderr and their exit code; Ctrl-C as 130."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except CliError as error:
            say(error.text)
            raise typer.Exit(error.code) from None
        except KeyboardInterrupt:
            raise typer.Exit(Exit.INTERRUPTED) from None


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """JSON on stdout, uncoloured and unwrapped."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=indent))


def region_code(given: str) -> str:
    """The code of a region given with ``--region``. Raises `CliError` 2."""
    try:
        return regions.parse(regions.clean(given)).code
    except Invalid as error:
        raise wrong_usage(f"--region: {error.text_en}") from None
