"""What a sheet is, however its file is written: rows of cells to read as text, and a way to give them back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from pathlib import Path
from typing import Protocol

Cell = str | int | float | bool | date | datetime | time | timedelta
"""As the file has it. An empty string is a blank cell."""
UNCALCULATED = "=?"
"""The text of a formula whose result is missing or an error."""


class RowKind(Enum):
    """What a row that is given back is, so that it can look like it."""

    PLAIN = "plain"
    TITLE = "title"
    HEADINGS = "headings"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Look:
    """What a workbook can show beyond its cells. Positions of columns, from 0."""

    texts: frozenset[int] = frozenset()
    """Columns of numbers that are names (NIK, phone): what is typed there must stay text."""
    results: frozenset[int] = frozenset()
    """Our own columns."""


Write = Callable[[Sequence[Cell], RowKind], object]
"""Write the next row."""


class Grid(Protocol):
    """A sheet of a file. Every walk begins at its first row, and blank rows are rows."""

    @property
    def name(self) -> str | None:
        """The sheet's name in a workbook; None for a file that is one sheet."""

    def records(self, dates: frozenset[int] = frozenset()) -> Iterator[list[str]]:
        """The rows as text. `dates` are the columns in which a number is the day count of a spreadsheet."""

    def cells(self) -> Iterator[Sequence[Cell]]:
        """The rows as the file has them."""

    def writing(self, draft: Path, look: Look) -> AbstractContextManager[Write]:
        """A file of the same family, written row by row."""
