"""The command `contract`: the published language as files for other systems."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from services.cli.exits import wrong_usage
from services.cli.screen import say
from shared.contracts.asyncapi import documents
from shared.contracts.catalogue import TYPES
from shared.contracts.page import page
from shared.contracts.schema import index, schema_of

app = typer.Typer(help="The public contract as files.", no_args_is_help=True)


@app.callback()
def _contract() -> None:
    """The public contract as files."""


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write; made if it is not there.")],
) -> None:
    """Write what other systems read: a JSON Schema (2020-12) for every type of message, index.json that lists them, and
    in asyncapi/ an AsyncAPI document, with a page to read it, for each service and for integrators.

    Example: `binaan contract export schemas`
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_schemas(folder)
        _write_documents(folder / "asyncapi")
    except OSError as error:
        raise wrong_usage(f"{folder} cannot be written: {(error.strerror or 'no').lower()}.") from None
    say(f"{len(TYPES)} schemas and index.json are in {folder}, AsyncAPI documents in {folder / 'asyncapi'}.")


def _write_schemas(folder: Path) -> None:
    for one in TYPES.values():
        _write(folder / f"{one.name}.json", schema_of(one))
    _write(folder / "index.json", index())


def _write_documents(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name, document in documents().items():
        _write(folder / f"{name}.json", document)
        (folder / f"{name}.html").write_text(page(document, f"{name}.json"), encoding="utf-8")


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
