"""Tables as files: what a command prints, as a workbook or as CSV, for those who go on in Excel.

The file is whole or not there, and readable by its owner only: a table may name people.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from services.cli.grid import Cell, Look, RowKind
from services.cli.sheet import replacing
from services.cli.workbook import written

OUR_SOURCE = "Binaan registry"
"""Whose figures are those that we have counted ourselves, where a file says so."""
Xlsx = Annotated[Path | None, typer.Option("--xlsx", metavar="FILE", help="Write the table to a workbook as well.")]
Csv = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the table to a CSV file as well.")]


@dataclass(frozen=True, slots=True)
class Table:
    """What is the same in all rows. `texts` are headings of numbers that are names and no numbers, such as NIK."""

    name: str
    headings: Sequence[str]
    texts: frozenset[str] = frozenset()


class Write(Protocol):
    """Takes the next row of a table."""

    def __call__(self, row: Sequence[Cell], /) -> object: ...


def save(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, xlsx: Path | None, csv: Path | None) -> None:
    """Some columns of the rows, to the files that are wanted. Raises `CliError` 2 where one cannot be written."""
    table = Table("Data", columns)
    for path, write_to in ((xlsx, _workbook), (csv, _csv)):
        if path is None:
            continue
        with write_to(path, [table]) as (write,):
            for row in rows:
                write([cell(row.get(column)) for column in columns])


@contextmanager
def filing(path: Path, tables: Sequence[Table]) -> Iterator[Sequence[Write]]:
    """A file by its ending, for each of its tables a way to write the next row. Raises `CliError` 2."""
    with _csv(path, tables) if path.suffix.lower() == ".csv" else _workbook(path, tables) as writers:
        yield writers


@contextmanager
def _workbook(path: Path, tables: Sequence[Table]) -> Iterator[Sequence[Write]]:
    with replacing(path) as draft, written(draft, *(table.name for table in tables)) as sheets:
        for table, sheet in zip(tables, sheets, strict=True):
            sheet.looks(Look(frozenset(at for at, name in enumerate(table.headings) if name in table.texts)))
            sheet.row(list(table.headings), RowKind.HEADINGS)
        yield [sheet.row for sheet in sheets]


@contextmanager
def _csv(path: Path, tables: Sequence[Table]) -> Iterator[Sequence[Write]]:
    """The one table, with semicolons and UTF-8 with its mark, as an Indonesian Excel opens it."""
    (table,) = tables
    with replacing(path) as draft, draft.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(table.headings)
        yield [partial(_write_row, writer)]


def _write_row(writer: Any, row: Sequence[Cell]) -> None:
    """A text that a spreadsheet would run as a formula is marked as text by an apostrophe, which our import takes off:
    what stands here was typed by others (OWASP, "CSV Injection")."""
    writer.writerow(f"'{one}" if isinstance(one, str) and one[:1] in _STARTS else one for one in row)


_STARTS = frozenset("=+-@\t\r")


def cell(value: Any) -> Cell:
    """A value of a reply as it stands in a cell: lists joined, nothing for what is not there."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
