"""`binaan export`: an office's register as a workbook, as it would import it, or in the blocks of SIDT-KUMKM.

What is asked of registry is what any agency may ask, a page at a time: the businesses of its region, then their owners.
Registry records each answer about a person with its purpose, for whoever asks later who has read their data (UU PDP
art. 32). Which field stands in which block is a table (`export.csv`); SIDT has no public interface, its seven blocks
are those of its survey (Permenkop 7/2023).
"""

from __future__ import annotations

import asyncio
import csv
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli import report
from services.cli.agencies import home_of
from services.cli.client import PATIENCE_SECONDS, Door, Intake, Reply, opened
from services.cli.connection import Address, find
from services.cli.exits import CliError, Exit, wrong_usage
from services.cli.filing import Table, cell, filing
from services.cli.grid import Cell
from services.cli.ledger import Ledger
from services.cli.options import As, Patience, region_code
from services.cli.screen import progress, say
from services.cli.sheet import open_sheet
from shared.reference import kbli
from shared.reference import region as regions
from shared.reference.invalid import Invalid

PAGE = 50
"""Businesses of one answer that tells all, and so owners of one question."""
Record = Mapping[str, Any]
"""What is known of one business: `business`, `detail`, `owner`."""


class Format(Enum):
    """What the file is for."""

    REGISTER = "register"
    SIDT = "sidt"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file. `source` is a path in a record, or something made of several."""

    sheet: str
    heading: str
    source: str
    kind: str

    def cell(self, record: Record) -> Cell:
        value = _value(record, self.source)
        return date.fromisoformat(value) if self.kind == "date" and value else cell(value)


Tables = Mapping[Table, Sequence[Column]]


@cache
def columns(format_: Format, *, public: bool = False) -> tuple[Column, ...]:
    """The columns of a format in their order; of a public one only those that tell nothing about people."""
    table = resources.files(__package__).joinpath("export.csv").read_text(encoding="utf-8")
    rows = [row for row in csv.DictReader(table.splitlines()) if row["format"] == format_.value]
    found = (Column(row["sheet"], row["heading"], row["source"], row["kind"]) for row in rows)
    return tuple(one for one in found if not public or one.source.partition(".")[0] in _PUBLIC)


_PUBLIC = frozenset({"business", "place", "need", "name", "kbli"})


def _value(record: Record, source: str) -> Any:
    if source in _MADE:
        return _MADE[source](record)
    first, _, rest = source.partition(".")
    if first == "need":
        return "Ya" if rest in record["business"].get("needs", ()) else ""
    value: Any = record
    for name in source.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _place(record: Record, length: int) -> str:
    """The name of the village (13 letters of the code) or district (8) that a business lies in."""
    code = str(record["business"].get("region", ""))
    try:
        return regions.parse(code[:length]).name if len(code) >= length else ""
    except Invalid:
        return ""


def _activity(record: Record) -> str:
    """What the KBLI code stands for, where our list of its edition has it."""
    told = record["business"].get("kbli", {})
    try:
        return kbli.parse(told.get("code", ""), told.get("version", "")).title or ""
    except Invalid:
        return ""


_MADE: Mapping[str, Callable[[Record], Any]] = {
    "name": lambda record: record.get("detail", {}).get("told_name") or record["business"]["name"],
    "agency_ref": lambda record: record.get("detail", {}).get("agency_refs", {}).get(record["asker"], ""),
    "kbli.title": _activity,
    "place.village": lambda record: _place(record, 13),
    "place.district": lambda record: _place(record, 8),
}
"""`name` is as it was told, where the public one shows its owner by initials."""


# -- the command -------------------------------------------------------------------------------------------------------


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write: .xlsx, or .csv for the register.")],
    *,
    account: As,
    region: Annotated[
        str | None, typer.Option(metavar="CODE", help="Only a part of the office's region: 12.71.01.")
    ] = None,
    status: Annotated[str | None, typer.Option(metavar="WORD", help="Only those: terdata, binaan …")] = None,
    format_: Annotated[
        Format, typer.Option("--format", help="As it can be imported, or in the blocks of SIDT-KUMKM.")
    ] = Format.REGISTER,
    public: Annotated[bool, typer.Option("--public", help="Nothing about people and no figures of finances.")] = False,
    purpose: Annotated[str, typer.Option(metavar="WORD", help="What for, for the record of accesses.")] = "export",
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Write the register of an office's region to a workbook.

    The register has the headings that `binaan import` knows: edit it in Excel and import it again; only what was
    changed is told. What it said is kept for that in .binaan-FILE.json beside it, as keyed hashes. The file holds
    people's numbers and names and can be read by its owner only; registry records who has read them, and for what.
    With --public it holds none.

    Example: `binaan export register.xlsx --as dinkop-medan`

    Example: `binaan export sidt.xlsx --as dinkop-medan --format sidt --status binaan`
    """
    tables = _tables(columns(format_, public=public))
    if file.suffix.lower() not in {".xlsx", ".csv"}:
        raise wrong_usage(f"{file.name} must end in .xlsx or .csv.")
    if file.suffix.lower() == ".csv" and len(tables) > 1:
        raise wrong_usage("The blocks of SIDT are several sheets; give a file that ends in .xlsx.")
    asked = {"region": region_code(region) if region is not None else None, "status": status}
    question = Question(account, {name: value for name, value in asked.items() if value}, purpose, public)
    count = asyncio.run(_write(find(account), question, file, tables, patience))
    if count and format_ is Format.REGISTER:
        _remember(file, account)
    say(f"{count} businesses: {file}")


def _remember(file: Path, account: str) -> None:
    """What the register says, as an import will read it."""
    try:
        sheet = open_sheet(file)
    except CliError as error:
        say(f"Written, but too large to be imported again: {error.text}")
        return
    ledger = Ledger.of(sheet.origin)
    ledger.exported.rows.clear()
    for row in sheet.rows():
        read = report.read(row, home_of(account))
        if read.id is not None and not read.problems:
            ledger.exported.add(read.id, read.data)
    ledger.save()


def _tables(wanted: Iterable[Column]) -> Tables:
    sheets: dict[str, list[Column]] = {}
    for column in wanted:
        sheets.setdefault(column.sheet, []).append(column)
    return {
        Table(name, tuple(one.heading for one in of), frozenset(one.heading for one in of if one.kind == "text")): of
        for name, of in sheets.items()
    }


async def _write(address: Address, question: Question, file: Path, tables: Tables, patience: float) -> int:
    """Page by page to disk, so that the size of the register does not matter."""
    count = 0
    with filing(file, list(tables)) as writers, progress(file.name, None) as advance:
        async with opened(address, patience) as door:
            async for record in question.records(door):
                count += 1
                advance()
                for wanted, write in zip(tables.values(), writers, strict=True):
                    write([one.cell(record) for one in wanted])
    return count


# -- what is asked -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Question:
    """Which businesses, and whether with their people."""

    account: str
    which: Mapping[str, str]
    purpose: str
    public: bool

    async def records(self, door: Door) -> AsyncIterator[Record]:
        """Every business in the order of ids. Raises `CliError`: 1 refused, 3 unreachable, 4 no reply."""
        data: dict[str, Any] = {**self.which, "limit": PAGE}
        if not self.public:
            data |= {"detail": "full", "purpose": self.purpose}
        while True:
            reply = await _ask(door, "registry.business.request", data)
            page = reply.data["answer"]
            owners = await self._owners(door, page)
            for one in page:
                yield {**one, "owner": owners.get(one["business"]["owner_id"], {}), "asker": self.account}
            if not reply.data.get("next"):
                return
            data["after"] = reply.data["next"]

    async def _owners(self, door: Door, page: Sequence[Record]) -> dict[str, Any]:
        ids = sorted({one["business"]["owner_id"] for one in page})
        if self.public or not ids:
            return {}
        data = {"owner_ids": ids, "purpose": self.purpose, "limit": len(ids)}
        reply = await _ask(door, "registry.owner.request", data)
        return {one["owner_id"]: one for one in reply.data["answer"]}


async def _ask(door: Door, key: str, data: Mapping[str, Any]) -> Reply:
    reply = await door.ask(Intake(str(uuid.uuid4()), key, data))
    if reply.rejected:
        raise CliError(Exit.REFUSED, reply.texts())
    return reply
