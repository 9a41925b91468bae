"""An office's file as it is: CSV or a workbook, title rows above the headings, several sheets.

Everything that makes a file unusable is found before anything is sent, and said in one sentence. A sheet is walked row
by row, twice (once to check and count, once to send) and once more to write the result.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from services.cli import container, delimited, workbook
from services.cli.columns import BUSINESSES, Columns
from services.cli.container import Kind
from services.cli.exits import CliError, wrong_usage
from services.cli.grid import Cell, Grid, Look, RowKind
from services.cli.headings import Headings, Row, headed_again, recognise

_HEAD_ROWS = 40
"""How far down the headings may stand: below titles, logos and the name of the office."""
_CHUNK = 1 << 16
Required = Sequence[Sequence[str]]
"""Columns by key, each entry a choice of which one must be there."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet that can be read: which columns it has, how many filled rows."""

    path: Path
    grid: Grid
    headings: Headings
    header_number: int
    count: int
    stamp: tuple[int, int]
    """Size and time of change in nanoseconds, to notice that somebody saves it meanwhile."""
    origin: Path
    """What its ledger and its returned forms are named after: its path, or that with the name of a wanted sheet."""
    repeats: frozenset[int] = frozenset()
    """Rows that say the headings again, as on every page of a list that was made to be printed."""

    @property
    def changed_at(self) -> float:
        """When the office last saved it, in seconds since the epoch."""
        return self.stamp[1] / 1e9

    def rows(self) -> Iterator[Row]:
        """The filled rows below the headings. Raises `CliError` when the file has changed."""
        return (row for row in self._rows_and_blanks() if not row.empty)

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Every row of the sheet as text, with its number, titles and blank rows included."""
        self._require_unchanged()
        yield from enumerate(self.grid.records(self.headings.positions(self.headings.columns.dates)), start=1)
        self._require_unchanged()

    def cells(self) -> Iterator[tuple[int, Sequence[Cell]]]:
        """The same as the file has them."""
        self._require_unchanged()
        yield from enumerate(self.grid.cells(), start=1)
        self._require_unchanged()

    def _rows_and_blanks(self) -> Iterator[Row]:
        for number, record in self.records():
            if number > self.header_number and number not in self.repeats:
                yield self.headings.row(number, record)

    def _require_unchanged(self) -> None:
        if _stamp(self.path) != self.stamp:
            raise wrong_usage(f"{self.path.name} was changed while it was being read; run the command again.")


def open_sheet(path: Path, required: Required = (), wanted: str | None = None, columns: Columns = BUSINESSES) -> Sheet:
    """Look a file over. `wanted` names a sheet of a workbook; without it the one sheet with headings is taken.

    Raises `CliError` 2, and then nothing has been sent: no file, a folder, what is no sheet or is protected, damaged
    or too large, unreadable bytes, broken quotes, no headings, a missing column, no rows, several sheets that are
    meant.
    """
    stamp = _stamp(path)
    layout = _layout(path, required, wanted, columns)
    layout.headings.require_unambiguous(path.name)
    layout.require(path, required)
    origin = path if wanted is None else _of_sheet(path, layout.grid.name or wanted)
    sheet = Sheet(path, layout.grid, layout.headings, layout.number, 0, stamp, origin)
    below = ((number, record) for number, record in sheet.records() if number > layout.number)
    width, repeats = _look_over(path, layout.headings, below)
    sheet = replace(sheet, headings=layout.headings.widened(width), repeats=repeats)
    count = sum(1 for _ in sheet.rows())
    if not count:
        raise wrong_usage(f"{path.name} has headings but no rows below them.")
    return replace(sheet, count=count)


def _look_over(path: Path, headings: Headings, rows: Iterable[tuple[int, Sequence[str]]]) -> tuple[int, frozenset[int]]:
    """How wide the rows below the headings are, and which of them say the headings again.

    Raises `CliError` 2 for a second table with its columns in another order: read by the headings of the first, its
    rows would say what nobody has written.
    """
    width, repeats = 0, set[int]()
    for number, record in rows:
        width = max(width, _width(record))
        again = headed_again(record, headings.columns)
        if again is not None and (again.known, again.years) != (headings.known, headings.years):
            raise wrong_usage(
                f"{path.name} has a second table with headings of its own in row {number}; "
                "give each table a sheet or a file of its own."
            )
        if again is not None:
            repeats.add(number)
    return width, frozenset(repeats)


def _width(record: Sequence[str]) -> int:
    """How many cells a row has up to its last filled one; 0 for a blank row."""
    return max((at for at, cell in enumerate(record, start=1) if cell.strip()), default=0)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        if path.is_dir():
            raise wrong_usage(f"{path} is a folder; give the file itself.")
        found = path.stat()
    except OSError as error:
        raise _unopened(path, error) from None
    return found.st_size, found.st_mtime_ns


def _unopened(path: Path, error: OSError) -> CliError:
    reason = os.strerror(error.errno).lower() if error.errno else "it cannot be opened"
    return wrong_usage(f"{path} cannot be read: {reason}.")


def _kind(path: Path) -> Kind:
    try:
        with path.open("rb") as file:
            start = file.read(_CHUNK)
    except OSError as error:
        raise _unopened(path, error) from None
    if not start.strip(b"\xef\xbb\xbf \r\n\t"):
        raise wrong_usage(f"{path.name} is empty.")
    return container.kind_of(path, start)


# -- where the table is ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Layout:
    """A sheet and the row in it under which the most headings are known."""

    grid: Grid
    number: int
    headings: Headings

    @property
    def known(self) -> int:
        return len(self.headings.known)

    def has(self, required: Required) -> bool:
        return self.headed and not list(self._lacking(required))

    @property
    def headed(self) -> bool:
        return self.known > 1 or "id" in self.headings.known

    def require(self, path: Path, required: Required) -> None:
        """Raises `CliError` 2."""
        if not self.headed:
            raise wrong_usage(
                f"{path.name} has no row of headings that are known here, such as {self.headings.columns.usual}."
            )
        for choice in self._lacking(required):
            names = " or ".join(f"“{self.headings.columns.example(key)}”" for key in choice)
            raise wrong_usage(f"{path.name} lacks a column {names}.")

    def _lacking(self, required: Required) -> Iterator[Sequence[str]]:
        return (choice for choice in required if not any(key in self.headings.known for key in choice))


def _layout(path: Path, required: Required, wanted: str | None, columns: Columns) -> _Layout:
    kind = _kind(path)
    if kind is not Kind.DELIMITED:
        return _one(path, required, (_headed(grid, columns) for grid in workbook.grids(path, kind, wanted)))
    if wanted is not None:
        raise wrong_usage(f"{path.name} is CSV and has no sheets; leave out --sheet.")
    return max((_headed(grid, columns) for grid in delimited.grids(path)), key=lambda one: (one.known, -one.number))


def _headed(grid: Grid, columns: Columns) -> _Layout:
    """The first of the rows with the most known headings."""
    best = _Layout(grid, _HEAD_ROWS + 1, Headings((), columns=columns))
    try:
        for number, record in enumerate(islice(grid.records(), _HEAD_ROWS), start=1):
            headings = recognise(record, columns)
            if len(headings.known) > best.known:
                best = _Layout(grid, number, headings)
    except CliError:
        pass  # broken by this delimiter; the rows before it count, and the right one is checked to the end
    return best


def _one(path: Path, required: Required, layouts: Iterable[_Layout]) -> _Layout:
    """The sheet that is meant: the only one with the columns that are needed, else the nearest to it, to say why not.

    Two such sheets are usual (one a kecamatan), and taking the first would lose the others without a word.
    """
    meant: list[_Layout] = []
    nearest: _Layout | None = None
    for one in layouts:
        if one.has(required):
            meant.append(one)
        elif nearest is None or one.known > nearest.known:
            nearest = one
    if len(meant) > 1:
        names = ", ".join(f"“{one.grid.name}”" for one in meant)
        raise wrong_usage(f"{path.name} has {len(meant)} sheets that can be read, {names}; name one with --sheet.")
    chosen = meant[0] if meant else nearest
    if chosen is None:
        raise wrong_usage(f"{path.name} has no sheet that can be seen.")
    return chosen


# -- results -----------------------------------------------------------------------------------------------------------


REFUSED = "ditolak"


@dataclass(frozen=True, slots=True)
class Result:
    """What stands beside a row in the returned sheet. An empty `id` leaves what was there."""

    id: str
    outcome: str
    remark: str = ""


def result_path(sheet: Sheet, suffix: str) -> Path:
    """`umkm.csv` → `umkm.hasil.csv`, `umkm.xls` → `umkm.hasil.xlsx`; a returned sheet keeps its first name."""
    family = "csv" if sheet.grid.name is None else "xlsx"
    return sheet.origin.with_name(f"{base_name(sheet.origin)}.{suffix}.{family}")


def base_name(path: Path) -> str:
    """A sheet's name without its ending and without what returned sheets have appended to it."""
    ending = r"(\.(hasil|periksa|verifikasi|binaan))*(\.(csv|txt|xlsx|xlsm|xls|ods))?$"
    return re.sub(ending, "", path.name, flags=re.IGNORECASE) or path.stem


def _of_sheet(path: Path, name: str) -> Path:
    """`umkm.xlsx`, sheet `Kec. Mandau` → `umkm.Kec-Mandau.xlsx`, so that no sheet takes another's place."""
    plain = re.sub(r"[^\w]+", "-", name).strip("-") or "sheet"
    return path.with_name(f"{base_name(path)}.{plain}{path.suffix}")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A draft beside a file, readable by its owner only, that takes the file's place when all has gone well.

    It is made at once: that a folder cannot be written to is known before anything is sent. Raises `CliError` 2.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    except OSError as error:
        raise wrong_usage(f"{path} cannot be written: {os.strerror(error.errno or 0).lower()}.") from None
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_results(sheet: Sheet, results: Mapping[int, Result], draft: Path) -> None:
    """The office's own sheet with three columns more."""
    look = Look(sheet.headings.positions(sheet.headings.columns.texts), sheet.headings.results)
    with sheet.grid.writing(draft, look) as write:
        for number, cells in sheet.cells():
            write(_with_result(sheet, number, cells, results.get(number)), _kind_of(sheet, number, results))


def _kind_of(sheet: Sheet, number: int, results: Mapping[int, Result]) -> RowKind:
    if number == sheet.header_number:
        return RowKind.HEADINGS
    if number < sheet.header_number:
        return RowKind.TITLE
    return RowKind.REFUSED if number in results and results[number].outcome == REFUSED else RowKind.PLAIN


def _with_result(sheet: Sheet, number: int, cells: Sequence[Cell], result: Result | None) -> Sequence[Cell]:
    if number == sheet.header_number:
        return sheet.headings.headed()
    if number < sheet.header_number or not any(str(cell).strip() for cell in cells):
        return cells
    if result is None:
        return sheet.headings.kept(cells)
    known = sheet.headings.row(number, [str(cell) for cell in cells]).cells.get("id", "")
    return sheet.headings.placed(cells, (result.id or known, result.outcome, result.remark))
