"""A sheet of a workbook (`.xlsx`, `.xlsm`, `.xls`, `.ods`), read with calamine and given back with XlsxWriter.

A cell that is a number has no longer the text that somebody typed. What can be known is turned back into it; what
cannot is written as what it is, a rounded number or a fraction, so that the row is refused with the advice that belongs
to it (docs/decisions/0021-what-a-workbook-says.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import xlsxwriter
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetMetadata,
    SheetTypeEnum,
    SheetVisibleEnum,
)
from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from services.cli import container
from services.cli.container import Kind
from services.cli.exits import wrong_usage
from services.cli.grid import UNCALCULATED, Cell, Look, RowKind, Write

_SIXTEEN_DIGITS = 10**15
_EXACT = 2**53
"""Below it a double holds every whole number."""
_SERIALS = range(10_000, 100_000)
"""Day counts from 1927 to 2173; a year is shorter."""
_DAY_ZERO = date(1899, 12, 30)


@dataclass(frozen=True)
class WorkbookGrid:
    """One sheet, in memory. `serials` says whether a bare number can be the day count of the usual calendar."""

    name: str
    sheet: CalamineSheet
    uncalculated: frozenset[tuple[int, int]]
    serials: bool

    def records(self, dates: frozenset[int] = frozenset()) -> Iterator[list[str]]:
        counted = dates if self.serials else frozenset()
        for cells in self.cells():
            yield [text_of(cell, at in counted) for at, cell in enumerate(cells)]

    def cells(self) -> Iterator[list[Cell]]:
        """With what stands in a cell merged over several rows in each of them, and `=?` for a formula without result.

        One NIK beside three businesses is the NIK of all three; and under a heading that is merged over two rows, the
        second one is then the whole row of headings.
        """
        carried: dict[int, tuple[int, Cell]] = {}
        for row, cells in enumerate(self._rows()):
            for column in self._without_result.get(row, ()):
                cells[column] = UNCALCULATED
            carried |= {column: (bottom, cells[column]) for column, bottom in self._spans.get(row, ())}
            if any(cell != "" for cell in cells):
                for column, (bottom, value) in carried.items():
                    cells[column] = value if row <= bottom else cells[column]
            yield cells

    def _rows(self) -> Iterator[list[Cell]]:
        """From the first row and column of the sheet on, each as wide as the sheet."""
        left = (self.sheet.start or (0, 0))[1]
        for found in self.sheet.iter_rows():  # which leaves out blank columns at the left, and no blank rows
            cells: list[Cell] = [*[""] * left, *found]
            yield cells + [""] * (self._width - len(cells))

    @property
    def _width(self) -> int:
        last = (self.sheet.end or (0, 0))[1]
        return 1 + max(last, max((column for _, column in self.uncalculated), default=0))

    @cached_property
    def _without_result(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for row, column in self.uncalculated:
            found.setdefault(row, []).append(column)
        return found

    @cached_property
    def _spans(self) -> dict[int, list[tuple[int, int]]]:
        """First row → columns of cells that are merged over several rows, with the last of these rows."""
        found: dict[int, list[tuple[int, int]]] = {}
        for (top, left), (bottom, right) in self.sheet.merged_cell_ranges or ():
            if left == right < self._width:
                found.setdefault(top, []).append((left, bottom))
        return found

    @contextmanager
    def writing(self, draft: Path, look: Look) -> Iterator[Write]:
        """A workbook of this sheet alone: what its cells say, not how they look. Rows go to disk as they come."""
        with written(draft, self.name) as (sheet,):
            sheet.looks(look)
            yield sheet.row


# -- reading -----------------------------------------------------------------------------------------------------------


def grids(path: Path, kind: Kind, wanted: str | None) -> Iterator[WorkbookGrid]:
    """The sheets one after the other, each when it is asked for: those that are not hidden, or the one that is wanted.

    Raises `CliError` 2: damaged, protected, larger than can be read, or without a sheet of that name.
    """
    if kind is not Kind.XLS:
        container.require_bounded(path)
    serials = kind is Kind.XLSX and not container.uses_1904(path)
    try:
        with CalamineWorkbook.from_path(path) as workbook:
            for name in _chosen(path, workbook.sheets_metadata, wanted):
                extent = container.extent_of(path, kind, name)
                sheet = workbook.get_sheet_by_name(name)
                yield WorkbookGrid(name, sheet, frozenset(extent.uncalculated), serials)
    except PasswordError:
        raise container.protected(path) from None
    except (CalamineError, OSError):
        raise container.damaged(path) from None


def _chosen(path: Path, sheets: Sequence[SheetMetadata], wanted: str | None) -> list[str]:
    """A sheet that an office has hidden is meant only when it is named."""
    tables = [one for one in sheets if one.typ is SheetTypeEnum.WorkSheet]
    if wanted is None:
        return [one.name for one in tables if one.visible is SheetVisibleEnum.Visible]
    found = [one.name for one in tables if one.name.strip().casefold() == wanted.strip().casefold()]
    if not found:
        names = ", ".join(f"“{one.name}”" for one in tables)
        raise wrong_usage(f"{path.name} has no sheet “{wanted}”; it has {names}.")
    return found[:1]


def text_of(cell: Cell, as_date: bool = False) -> str:
    """What somebody has typed into a cell, as far as it can be known.

    A number of 16 digits and more is taken only if no program can have rounded it: below 2**53, and not ending in 0,
    which Excel makes of the 16th digit. A fraction has a comma, as in Indonesia: 6.111 may be six thousand, typed into
    an English Excel, or six and a bit, and is refused as what can be read in two ways.
    """
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, int | float):
        return _number(cell, as_date)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if as_date else cell.isoformat(" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell)


def _number(number: int | float, as_date: bool) -> str:
    if not float(number).is_integer():
        return f"{number:.15g}".replace(".", ",")
    whole = int(number)
    if as_date and whole in _SERIALS:
        return (_DAY_ZERO + timedelta(days=whole)).isoformat()
    rounded = abs(whole) >= _EXACT or (abs(whole) >= _SIXTEEN_DIGITS and whole % 10 == 0)
    return f"{whole:.14E}" if rounded else str(whole)


# -- writing -----------------------------------------------------------------------------------------------------------


_WIDEST = 60
_MEASURED_ROWS = 500


@contextmanager
def written(draft: Path, *names: str) -> Iterator[list[Writing]]:
    """A new workbook, its sheets in this order, written row by row and complete when all has gone well.

    What XlsxWriter keeps on disk meanwhile lies beside the draft and goes with it, since it may be personal.
    """
    with TemporaryDirectory(prefix=".binaan-", dir=draft.parent) as folder:
        options = {"constant_memory": True, "tmpdir": folder, "nan_inf_to_errors": True}
        book = xlsxwriter.Workbook(str(draft), options)
        sheets = [Writing(book, book.add_worksheet(name)) for name in names]
        yield sheets
        for sheet in sheets:
            sheet.finish()
        book.close()


class Writing:
    """A sheet that is being written."""

    def __init__(self, book: Workbook, sheet: Worksheet) -> None:
        self._sheet = sheet
        self._formats = _Formats(book)
        self._look = Look()
        self._row = 0
        self._widths: dict[int, int] = {}

    def looks(self, look: Look) -> None:
        """How the rows from here on look."""
        self._look = look

    def row(self, cells: Sequence[Cell], kind: RowKind = RowKind.PLAIN) -> None:
        """The next row."""
        for column, cell in enumerate(cells):
            if cell != "":
                self._write(column, cell, kind)
        if kind is RowKind.HEADINGS:
            self._sheet.freeze_panes(self._row + 1, 0)
        if self._row < _MEASURED_ROWS and kind is not RowKind.TITLE:
            self._measure(cells)
        self._row += 1

    def finish(self) -> None:
        """Set the widths of columns, and which of them hold text."""
        for column in self._look.texts | self._widths.keys():
            width = min(max(self._widths.get(column, 0) + 2, 10), _WIDEST)
            self._sheet.set_column(column, column, width, self._formats.text if column in self._look.texts else None)

    def _measure(self, cells: Sequence[Cell]) -> None:
        for column, cell in enumerate(cells):
            self._widths[column] = max(self._widths.get(column, 0), len(str(cell)))

    def _write(self, column: int, cell: Cell, kind: RowKind) -> None:
        at = self._row, column
        style = self._style(column, kind)
        if isinstance(cell, bool):
            self._sheet.write_boolean(*at, cell, style)
        elif isinstance(cell, int | float):
            self._write_number(at, cell, style)
        elif isinstance(cell, date | time | timedelta) and getattr(cell, "year", 1900) >= 1900:
            self._sheet.write_datetime(*at, cell, self._formats.of(cell))
        else:
            self._sheet.write_string(*at, str(cell), style)

    def _write_number(self, at: tuple[int, int], number: float, style: Format | None) -> None:
        """In a column of texts as its digits, unless they were rounded: then it stays the number that it was."""
        text = text_of(number)
        if at[1] in self._look.texts and text.isdigit():
            self._sheet.write_string(*at, text, style)
        else:
            self._sheet.write_number(*at, number, style)

    def _style(self, column: int, kind: RowKind) -> Format | None:
        if kind is RowKind.HEADINGS:
            return self._formats.heading
        if kind is RowKind.REFUSED and column in self._look.results:
            return self._formats.refused
        return self._formats.text if column in self._look.texts else None


class _Formats:
    """What cells look like; day first, as in Indonesia."""

    def __init__(self, book: Workbook) -> None:
        self.heading = book.add_format({"bold": True, "bottom": 1})
        self.text = book.add_format({"num_format": 49})
        self.refused = book.add_format({"bg_color": "#FCE4E4"})
        self._date = book.add_format({"num_format": "dd/mm/yyyy"})
        self._instant = book.add_format({"num_format": "dd/mm/yyyy hh:mm:ss"})
        self._time = book.add_format({"num_format": "hh:mm:ss"})

    def of(self, moment: date | time | timedelta) -> Format:
        if isinstance(moment, datetime):
            return self._instant
        return self._date if isinstance(moment, date) else self._time
