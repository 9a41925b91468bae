"""Which column of an office's sheet is which: headings in any order, any case and many spellings.

No two offices write the same headings, and each is sure that theirs are the usual ones. What is not known here is
left alone and named, never guessed at. Which columns there are stands in `columns.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count

from services.cli.columns import BUSINESSES, Columns, squeezed
from services.cli.exits import wrong_usage
from services.cli.grid import Cell

RESULT_HEADINGS = ("ID Binaan", "Hasil", "Keterangan")
"""What a returned sheet has more than the office's own."""
OVERFLOW = "(lebih)"
"""Heads the cells of rows that have more of them than there are headings, so that our own columns stand beyond."""

_BARE_NAME = "nama"


@dataclass(frozen=True, slots=True)
class Row:
    """A row below the headings. `number` is what a spreadsheet shows beside it; `cells` are by column key."""

    number: int
    cells: Mapping[str, str]
    extra: bool = False
    """Whether it has more filled cells than there are headings: a delimiter inside a cell without quotes."""

    @property
    def empty(self) -> bool:
        return not self.extra and not any(self.cells.values())


@dataclass(frozen=True)
class Headings:
    """The row of headings. `record` is as the office wrote it."""

    record: tuple[str, ...]
    known: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Column key → positions, in the order in which they count."""
    years: Mapping[str, str] = field(default_factory=dict)
    """Years that stand in a heading: `Omzet 2025` → `sales.year`."""
    columns: Columns = BUSINESSES

    def row(self, number: int, record: Sequence[str]) -> Row:
        """A row's cells by column key."""
        cells = {key: self._first(record, positions) for key, positions in self.known.items()}
        if any(cells.values()):
            cells |= {key: year for key, year in self.years.items() if not cells.get(key)}
        return Row(number, cells, any(record[at].strip() for at in self._overflow(record)))

    def _overflow(self, record: Sequence[str]) -> Iterator[int]:
        """Positions of a row that are under no heading of the office's."""
        return (at for at in range(len(record)) if at >= len(self.record) or self.record[at] == OVERFLOW)

    def widened(self, width: int) -> Headings:
        """The same for rows of up to `width` cells."""
        return replace(self, record=(*self.record, *[OVERFLOW] * (width - len(self.record))))

    @staticmethod
    def _first(record: Sequence[str], positions: Sequence[int]) -> str:
        filled = (record[at].strip() for at in positions if at < len(record) and record[at].strip())
        return next(filled, "")

    def shown(self, key: str) -> str | None:
        """The office's own heading of a column, or None."""
        positions = self.known.get(key)
        return " ".join(self.record[positions[0]].split()) if positions else None

    def positions(self, keys: Iterable[str]) -> frozenset[int]:
        """Where some columns stand."""
        return frozenset(at for key in keys for at in self.known.get(key, ()))

    @cached_property
    def unknown(self) -> list[str]:
        """Headings that are left alone, as written."""
        taken = {at for positions in self.known.values() for at in positions} | {*self._result_positions}
        left = [" ".join(text.split()) for at, text in enumerate(self.record) if at not in taken and text != OVERFLOW]
        return [text for text in left if text]

    def require_unambiguous(self, name: str) -> None:
        """Raises `CliError` 2 when two columns say the same thing and nobody can know which one counts."""
        for key, positions in self.known.items():
            if len(positions) > 1 and key not in self.columns.repeated:
                both = " and ".join(f"“{self.record[at].strip()}”" for at in positions[:2])
                raise wrong_usage(f"{name} has two columns for the same thing, {both}; rename or delete one.")

    # -- the columns of a returned sheet ---------------------------------------------------------------------------

    @cached_property
    def _result_positions(self) -> tuple[int | None, int | None, int | None]:
        """Where an earlier run has put its columns; None where they are not.

        Hasil and Keterangan are ours only as a pair beside the id or at the end: offices have columns of these names.
        """
        names = [squeezed(text) for text in self.record]
        own, outcome, remark = (squeezed(text) for text in RESULT_HEADINGS)
        at = names.index(own) if own in names else None
        for start in ([at + 1] if at is not None else []) + [len(names) - 2]:
            if at is not None and names[start : start + 2] == [outcome, remark]:
                return at, start, start + 1
        return at, None, None

    @cached_property
    def results(self) -> frozenset[int]:
        """Where our columns stand in the sheet that is given back."""
        new = count(len(self.record))
        return frozenset(next(new) if at is None else at for at in self._result_positions)

    def kept(self, record: Sequence[Cell]) -> list[Cell]:
        """A row that this run leaves alone: as it was, with blanks under columns that are new."""
        return [*self._fitted(record), *[""] * self._result_positions.count(None)]

    def headed(self) -> list[Cell]:
        """The row of headings of the returned sheet."""
        return self.placed(self.record, RESULT_HEADINGS)

    def placed(self, record: Sequence[Cell], result: Sequence[str]) -> list[Cell]:
        """A row with its result in the columns of an earlier run, or in new ones at the end.

        Nothing of the office's own is ever written over.
        """
        cells = self._fitted(record)
        for at, text in zip(self._result_positions, result, strict=True):
            if at is None:
                cells.append(text)
            else:
                cells[at] = text
        return cells

    def _fitted(self, record: Sequence[Cell]) -> list[Cell]:
        """As many cells as there are headings; what is cut off is blank (see `widened`)."""
        width = len(self.record)
        return [*record[:width], *[""] * (width - len(record))]


def recognise(record: Sequence[str], columns: Columns = BUSINESSES) -> Headings:
    """Read a row as headings; a row of something else knows none or few."""
    known: dict[str, list[int]] = defaultdict(list)
    years: dict[str, str] = {}
    for at, text in enumerate(record):
        key, year = columns.key_of(text)
        if key:
            known[key].append(at)
        years.update(year)
    _add_bare_name(known, record, columns.names)
    if "owner.phone" in known:
        known["owner.phone"].sort(key=lambda at: "wa" not in squeezed(record[at]))
    return Headings(tuple(record), {key: tuple(positions) for key, positions in known.items()}, years, columns)


_HEADINGS_AT_LEAST = 3
"""A row of data may say *Modal* and *Desa*; a row of headings says little else."""


def headed_again(record: Sequence[str], columns: Columns = BUSINESSES) -> Headings | None:
    """A row further down as headings, if it is one. Looked at closely only where something in it is one to the letter:
    there may be a hundred thousand rows."""
    if not any(text.strip().casefold() in columns.written for text in record):
        return None
    found = recognise(record, columns)
    filled = sum(1 for text in record if text.strip())
    return found if len(found.known) >= max(_HEADINGS_AT_LEAST, (filled + 1) // 2) else None


def _add_bare_name(known: dict[str, list[int]], record: Sequence[str], names: Sequence[str]) -> None:
    """A column that is only called Nama is the owner's beside a Nama Usaha, the business's beside a Nama Pemilik."""
    bare = [at for at, text in enumerate(record) if squeezed(text) == _BARE_NAME]
    missing = [key for key in names if key not in known]
    if len(bare) == 1 and len(missing) == 1:
        known[missing[0]].append(bare[0])
