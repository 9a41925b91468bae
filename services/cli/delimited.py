"""CSV as offices have it: any delimiter, any common encoding, read row by row so that its size does not matter."""

from __future__ import annotations

import codecs
import csv
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.cli.exits import wrong_usage
from services.cli.grid import Cell, Look, Write

DELIMITERS = ";,\t|"
_CHUNK = 1 << 16
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")


@dataclass(frozen=True, slots=True)
class Delimited:
    """A file, and how it is written."""

    path: Path
    encoding: str
    delimiter: str
    name: str | None = None

    def records(self, _dates: frozenset[int] = frozenset()) -> Iterator[list[str]]:
        """Raises `CliError` 2 where a quotation mark is open or misplaced."""
        with self.path.open(encoding=self.encoding, newline="") as file:
            reader = csv.reader(file, delimiter=self.delimiter, strict=True)
            try:
                yield from reader
            except csv.Error:
                raise wrong_usage(
                    f"{self.path.name} cannot be read at line {reader.line_num}: "
                    "a quotation mark is open or misplaced there."
                ) from None

    def cells(self) -> Iterator[Sequence[Cell]]:
        return self.records()

    @contextmanager
    def writing(self, draft: Path, _look: Look) -> Iterator[Write]:
        """UTF-8 with a mark at its start, by which Excel knows it, and the same delimiter."""
        with draft.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file, delimiter=self.delimiter)
            yield lambda cells, _kind: writer.writerow(cells)


def grids(path: Path) -> Iterator[Delimited]:
    """The file by every delimiter. Raises `CliError` 2 for bytes that are no text."""
    encoding = _encoding(path)
    return (Delimited(path, encoding, delimiter) for delimiter in DELIMITERS)


def _encoding(path: Path) -> str:
    """UTF-8 or, when the bytes are none, the Western code page of Windows, of which Latin-1 is a part."""
    with path.open("rb") as file:
        start = file.read(4)
    wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if wide else ("utf-8-sig", "cp1252"):
        if _decodes(path, encoding):
            return encoding
    raise wrong_usage(f"{path.name} holds bytes that are no text in UTF-8 or Windows-1252; save it as CSV UTF-8.")


def _decodes(path: Path, encoding: str) -> bool:
    try:
        with path.open(encoding=encoding, newline="") as file:
            while chunk := file.read(_CHUNK):
                if _CONTROL.search(chunk):
                    return False
    except UnicodeError:
        return False
    return True


csv.field_size_limit(min(sys.maxsize, 1 << 20))
