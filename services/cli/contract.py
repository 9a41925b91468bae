"""The command `contract`: the published language as files for other systems."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from services.cli.exits import wrong_usage
from services.cli.screen import say
from shared.contracts.catalogue import TYPES
from shared.contracts.schema import index, schema_of

app = typer.Typer(help="The public contract as files.", no_args_is_help=True)


@app.callback()
def _contract() -> None:
    """The public contract as files."""


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write; made if it is not there.")],
) -> None:
    """Write a JSON Schema (2020-12) for every type of message, and index.json that lists them.

    Example: `binaan contract export schemas`
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for one in TYPES.values():
            _write(folder / f"{one.name}.json", schema_of(one))
        _write(folder / "index.json", index())
    except OSError as error:
        raise wrong_usage(f"{folder} cannot be written: {(error.strerror or 'no').lower()}.") from None
    say(f"{len(TYPES)} schemas and index.json are in {folder}.")


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
