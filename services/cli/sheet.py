"""An office's CSV as it is: any delimiter, any common encoding, title rows above the headings.

Everything that makes a file unusable is found before anything is sent, and said in one sentence. A sheet is read row by
row, twice (once to check and count, once to send) and once more to write the result, so that its size does not matter.
"""

from __future__ import annotations

import codecs
import csv
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from services.cli.exits import CliError, wrong_usage
from services.cli.headings import Headings, Row, recognise

DELIMITERS = ";,\t|"
_HEAD_ROWS = 40
"""How far down the headings may stand: below titles, logos and the name of the office."""
_CHUNK = 1 << 16
_SIGNATURES = {
    b"PK\x03\x04": "an Excel workbook (.xlsx)",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls)",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a compressed file",
}
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file that can be read: how it is written, which columns it has, how many filled rows."""

    path: Path
    encoding: str
    delimiter: str
    headings: Headings
    header_number: int
    count: int
    stamp: tuple[int, int]
    """Size and time of change in nanoseconds, to notice that somebody saves it meanwhile."""

    @property
    def changed_at(self) -> float:
        """When the office last saved it, in seconds since the epoch."""
        return self.stamp[1] / 1e9

    def rows(self) -> Iterator[Row]:
        """The filled rows below the headings. Raises `CliError` when the file has changed."""
        return (row for row in self._rows_and_blanks() if not row.empty)

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Every line of the file as cells, with its number, titles and blank lines included."""
        self._require_unchanged()
        yield from enumerate(_records(self.path, self.encoding, self.delimiter), start=1)
        self._require_unchanged()

    def _rows_and_blanks(self) -> Iterator[Row]:
        for number, record in self.records():
            if number > self.header_number:
                yield self.headings.row(number, record)

    def _require_unchanged(self) -> None:
        if _stamp(self.path) != self.stamp:
            raise wrong_usage(f"{self.path.name} was changed while it was being read; run the command again.")


def open_sheet(path: Path, required: Iterable[Sequence[str]] = ()) -> Sheet:
    """Look a file over. `required` names columns by key, each entry a choice of which one must be there.

    Raises `CliError` 2, and then nothing has been sent: no file, a folder, an Excel workbook, unreadable bytes, broken
    quotes, no headings, a missing column, no rows.
    """
    stamp = _stamp(path)
    encoding = _encoding(path)
    delimiter, header_number, headings = _layout(path, encoding)
    _require_columns(path, headings, required)
    sheet = Sheet(path, encoding, delimiter, headings, header_number, 0, stamp)
    widths = [_width(record) for number, record in sheet.records() if number > header_number]
    sheet = replace(sheet, headings=headings.widened(max(widths, default=0)))
    count = sum(1 for _ in sheet.rows())
    if not count:
        raise wrong_usage(f"{path.name} has headings but no rows below them.")
    return replace(sheet, count=count)


def _width(record: Sequence[str]) -> int:
    """How many cells a row has up to its last filled one; 0 for a blank row."""
    return max((at for at, cell in enumerate(record, start=1) if cell.strip()), default=0)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        if path.is_dir():
            raise wrong_usage(f"{path} is a folder; give the CSV file itself.")
        found = path.stat()
    except OSError as error:
        raise _unopened(path, error) from None
    return found.st_size, found.st_mtime_ns


def _unopened(path: Path, error: OSError) -> CliError:
    reason = os.strerror(error.errno).lower() if error.errno else "it cannot be opened"
    return wrong_usage(f"{path} cannot be read: {reason}.")


# -- encoding --------------------------------------------------------------------------------------------------------


def _encoding(path: Path) -> str:
    """UTF-8 or, when the bytes are none, the Western code page of Windows, of which Latin-1 is a part."""
    start = _start(path)
    if not start.strip(b"\xef\xbb\xbf \r\n\t"):
        raise wrong_usage(f"{path.name} is empty.")
    for signature, name in _SIGNATURES.items():
        if start.startswith(signature):
            raise wrong_usage(f"{path.name} is {name}, not CSV; in Excel choose Save As, CSV UTF-8.")
    wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if wide else ("utf-8-sig", "cp1252"):
        if _decodes(path, encoding):
            return encoding
    raise wrong_usage(f"{path.name} holds bytes that are no text in UTF-8 or Windows-1252; save it as CSV UTF-8.")


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_CHUNK)
    except OSError as error:
        raise _unopened(path, error) from None


def _decodes(path: Path, encoding: str) -> bool:
    try:
        with path.open(encoding=encoding, newline="") as file:
            while chunk := file.read(_CHUNK):
                if _CONTROL.search(chunk):
                    return False
    except UnicodeError:
        return False
    return True


# -- delimiter and headings --------------------------------------------------------------------------------------------


def _layout(path: Path, encoding: str) -> tuple[str, int, Headings]:
    """The delimiter and the row under which the most headings are known; the delimiter of one is that of all."""
    found = [
        (len(headings.known), -number, delimiter, headings)
        for delimiter in DELIMITERS
        for number, headings in _candidates(path, encoding, delimiter)
    ]
    known, negative, delimiter, headings = max(found, key=lambda one: one[:2], default=(0, 0, "", Headings(())))
    if known < 2 and "business_id" not in headings.known:
        raise wrong_usage(
            f"{path.name} has no row of headings that are known here, such as NAMA PEMILIK, NIK, Nama Usaha, Kelurahan."
        )
    headings.require_unambiguous(path.name)
    return delimiter, -negative, headings


def _candidates(path: Path, encoding: str, delimiter: str) -> Iterator[tuple[int, Headings]]:
    try:
        for number, record in enumerate(islice(_records(path, encoding, delimiter), _HEAD_ROWS), start=1):
            yield number, recognise(record)
    except CliError:
        return  # broken by this delimiter; the rows before it count, and the right one is checked to the end


def _require_columns(path: Path, headings: Headings, required: Iterable[Sequence[str]]) -> None:
    for choice in required:
        if not any(key in headings.known for key in choice):
            names = " or ".join(f"“{headings.example(key)}”" for key in choice)
            raise wrong_usage(f"{path.name} lacks a column {names}.")


def _records(path: Path, encoding: str, delimiter: str) -> Iterator[list[str]]:
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            yield from reader
        except csv.Error:
            raise wrong_usage(
                f"{path.name} cannot be read at line {reader.line_num}: a quotation mark is open or misplaced there."
            ) from None


# -- results -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Result:
    """What stands beside a row in the returned sheet. An empty `business_id` leaves what was there."""

    business_id: str
    outcome: str
    remark: str = ""


def result_path(path: Path, suffix: str) -> Path:
    """`umkm.csv` → `umkm.hasil.csv`; a sheet that was returned keeps its first name: `umkm.hasil.csv` → the same."""
    return path.with_name(f"{base_name(path)}.{suffix}.csv")


def base_name(path: Path) -> str:
    """A sheet's name without `.csv` and without what returned sheets have appended to it."""
    return re.sub(r"(\.(hasil|verifikasi|binaan))*(\.csv|\.txt)?$", "", path.name, flags=re.IGNORECASE) or path.stem


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
    """The office's own sheet with three columns more. UTF-8 with a mark at its start, by which Excel knows it."""
    with draft.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=sheet.delimiter)
        for number, record in sheet.records():
            writer.writerow(_with_result(sheet, number, record, results.get(number)))


def _with_result(sheet: Sheet, number: int, record: list[str], result: Result | None) -> list[str]:
    if number == sheet.header_number:
        return sheet.headings.headed()
    if number < sheet.header_number or not any(cell.strip() for cell in record):
        return record
    if result is None:
        return sheet.headings.kept(record)
    known = sheet.headings.row(number, record).cells.get("business_id", "")
    return sheet.headings.placed(record, (result.business_id or known, result.outcome, result.remark))


csv.field_size_limit(min(sys.maxsize, 1 << 20))
