"""Tables as files: what a command prints, as a workbook or as CSV, for those who go on in Excel.

The file is whole or not there, and readable by its owner only: a table may name people.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.grid import Cell, Look, RowKind
from services.cli.sheet import replacing
from services.cli.workbook import written

Xlsx = Annotated[Path | None, typer.Option("--xlsx", metavar="FILE", help="Write the table to a workbook as well.")]
Csv = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the table to a CSV file as well.")]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table. `texts` are headings of numbers that are names (NIK, NIB) and must not be taken for numbers."""

    name: str
    headings: Sequence[str]
    rows: Iterable[Sequence[Cell]]
    texts: frozenset[str] = field(default=frozenset())


def save(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, xlsx: Path | None, csv: Path | None) -> None:
    """Some columns of the rows, to the files that are wanted. Raises `CliError` 2 where one cannot be written."""
    table = Sheet("Data", columns, [[cell(row.get(column)) for column in columns] for row in rows])
    if xlsx is not None:
        save_workbook(xlsx, [table])
    if csv is not None:
        save_csv(csv, table)


def save_workbook(path: Path, sheets: Sequence[Sheet]) -> None:
    """Raises `CliError` 2 where it cannot be written."""
    with replacing(path) as draft, written(draft, *(sheet.name for sheet in sheets)) as made:
        for sheet, target in zip(sheets, made, strict=True):
            target.looks(Look(frozenset(at for at, name in enumerate(sheet.headings) if name in sheet.texts)))
            target.row(list(sheet.headings), RowKind.HEADINGS)
            for row in sheet.rows:
                target.row(row)


def save_csv(path: Path, sheet: Sheet) -> None:
    """Semicolons and UTF-8 with its mark, as an Indonesian Excel opens it. Raises `CliError` 2."""
    with replacing(path) as draft, draft.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(sheet.headings)
        writer.writerows(_harmless(row) for row in sheet.rows)


def cell(value: Any) -> Cell:
    """A value of a reply as it stands in a cell: lists joined, nothing for what is not there."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value


def _harmless(row: Sequence[Cell]) -> list[Cell]:
    """A text that a spreadsheet would run as a formula is marked as text by an apostrophe, which our import takes off.

    What stands here was typed by others. (OWASP, "CSV Injection".)
    """
    return [f"'{one}" if isinstance(one, str) and one[:1] in _STARTS else one for one in row]


_STARTS = frozenset("=+-@\t\r")
