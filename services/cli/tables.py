"""Tables of the command line: the one place that turns rows into what is shown."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from services.cli.filing import save
from services.cli.options import print_json
from services.cli.screen import out, say

Row = Mapping[str, Any]


def show(
    rows: Sequence[Row],
    columns: Sequence[str],
    *,
    json: bool,
    nothing: str,
    whole: str | None = None,
    xlsx: Path | None = None,
    csv: Path | None = None,
) -> None:
    """Some columns of the rows as a table, or the rows as they are as JSON; ``nothing`` is said where there are none.

    The table goes to the files that are given as well. ``whole`` is the column that is not broken, since it is typed
    into the next command; the first one if not given.
    """
    save(rows, columns, xlsx=xlsx, csv=csv)
    if json:
        print_json(list(rows))
    elif rows:
        out().print(table(rows, columns, whole or columns[0]))
    else:
        say(nothing)


def table(rows: Sequence[Row], columns: Sequence[str], whole: str) -> Table:
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, no_wrap=column == whole)
    for row in rows:
        made.add_row(*(cell(row.get(column)) for column in columns))
    return made


def cell(value: Any) -> str:
    """A value as it stands in a table: lists joined, nothing for what is not there."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return jsonlib.dumps(value) if isinstance(value, dict) else str(value if value is not None else "")
