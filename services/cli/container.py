"""What a file really is, and whether it may be opened: looked at before a library takes it into memory.

A workbook is a ZIP of XML, and calamine reads a sheet whole, as a rectangle: a file of some kilobytes can ask for all
the memory there is, by what its entries unpack to or by one filled cell in the last row and column. So every part is
unpacked here first, piece by piece and up to a bound, and of each sheet is found how far it reaches. On the way the
formulas are found whose result nobody has calculated, which calamine gives as blank cells.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from xml.parsers import expat

from services.cli.exits import CliError, wrong_usage

MAX_ROWS = 100_000
"""The last filled row of a sheet. More are two files: their rows wait side by side for one reply each."""
MAX_CELLS = 4_000_000
"""Rows times columns, at some 32 bytes each in calamine."""
MAX_UNPACKED_BYTES = 256 << 20
"""All XML of a workbook together."""
MAX_OLD_BYTES = 64 << 20
"""An `.xls`, which can hold 65,536 rows only and is read whole."""
_CHUNK = 1 << 16


class Kind(Enum):
    """What can be read."""

    DELIMITED = "csv"
    XLSX = "xlsx"
    XLS = "xls"
    ODS = "ods"


Position = tuple[int, int]
"""Row and column, from 0."""


@dataclass(slots=True)
class Extent:
    """How far a sheet reaches and which of its formulas have no result. Counts, not indices."""

    rows: int = 0
    columns: int = 0
    uncalculated: set[Position] = field(default_factory=set)

    def reach(self, row: int, column: int) -> None:
        """Take a filled cell into account; both from 1. Raises `_TooLargeError`."""
        self.rows = max(self.rows, row)
        self.columns = max(self.columns, column)
        if self.rows > MAX_ROWS or self.rows * self.columns > MAX_CELLS:
            raise _TooLargeError


class _TooLargeError(Exception):
    pass


# -- what it is --------------------------------------------------------------------------------------------------------


def kind_of(path: Path, start: bytes) -> Kind:
    """By its first bytes, not by its name. Raises `CliError` 2 for what cannot be read here, saying what it is."""
    if start.startswith(b"PK\x03\x04"):
        return _kind_of_zip(path)
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        return _require_open_xls(path)
    for signature, name in _OTHERS.items():
        if start.lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith(signature):
            raise wrong_usage(f"{path.name} is {name}; open it in Excel or LibreOffice and save it as .xlsx.")
    return Kind.DELIMITED


_OTHERS = {
    b"%pdf": "a PDF, not a sheet",
    b"\x1f\x8b": "a compressed file, not a sheet",
    b"rar!": "a compressed file, not a sheet",
    b"<": "a web page or XML, whatever its name says",
    b"<\x00": "a web page or XML, whatever its name says",
    b"\xff\xfe<\x00": "a web page or XML, whatever its name says",
    b"mime-version:": "a saved web page, whatever its name says",
}


def _kind_of_zip(path: Path) -> Kind:
    with _opened(path) as archive:
        names = set(archive.namelist())
        if any(entry.flag_bits & 1 for entry in archive.infolist()) or _is_encrypted(archive, names):
            raise protected(path)
        if "xl/workbook.xml" in names:
            return Kind.XLSX
        if "content.xml" in names and b"spreadsheet" in _small(archive, "mimetype", names):
            return Kind.ODS
    if "xl/workbook.bin" in names:
        raise wrong_usage(f"{path.name} is a binary workbook (.xlsb); save it as .xlsx.")
    raise wrong_usage(f"{path.name} is a ZIP file and no workbook; unpack it and give the sheet that is in it.")


def _is_encrypted(archive: zipfile.ZipFile, names: set[str]) -> bool:
    return b"encryption-data" in _small(archive, "META-INF/manifest.xml", names)


def _small(archive: zipfile.ZipFile, name: str, names: set[str]) -> bytes:
    """The beginning of an entry; nothing if it is not there."""
    if name not in names:
        return b""
    with archive.open(name) as entry:
        return entry.read(1 << 20)


def _require_open_xls(path: Path) -> Kind:
    if path.stat().st_size > MAX_OLD_BYTES:
        raise wrong_usage(f"{path.name} is larger than {MAX_OLD_BYTES >> 20} MB; save it as .xlsx.")
    if "EncryptedPackage".encode("utf-16-le") in path.read_bytes():
        raise protected(path)
    return Kind.XLS


def protected(path: Path) -> CliError:
    """A workbook that asks for a password."""
    return wrong_usage(f"{path.name} is protected by a password; save it without one.")


def damaged(path: Path) -> CliError:
    """A workbook that no program could read whole."""
    return wrong_usage(f"{path.name} is damaged or was not wholly copied; get it again, or open and save it in Excel.")


class _Archive:
    """A ZIP whose every fault is one sentence."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> zipfile.ZipFile:
        try:
            self._archive = zipfile.ZipFile(self._path)
        except (OSError, zipfile.BadZipFile):
            raise damaged(self._path) from None
        return self._archive

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._archive.close()
        if isinstance(error, _FAULTS):
            raise damaged(self._path) from None


_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    expat.ExpatError,
    EOFError,
    OSError,
    KeyError,
    ValueError,
    NotImplementedError,
)


def _opened(path: Path) -> _Archive:
    return _Archive(path)


# -- whether it may be opened ------------------------------------------------------------------------------------------


def require_bounded(path: Path) -> None:
    """Unpack every part, up to the bound. Raises `CliError` 2.

    The sizes that an archive states are added up first; that they are true is seen in reading, since Python's reader
    goes no further than what is stated and then compares the checksum.
    """
    with _opened(path) as archive:
        parts = [entry for entry in archive.infolist() if entry.filename.endswith((".xml", ".rels"))]
        if sum(entry.file_size for entry in parts) > MAX_UNPACKED_BYTES:
            raise wrong_usage(
                f"{path.name} unpacks to more than {MAX_UNPACKED_BYTES >> 20} MB; "
                "copy the rows into a new workbook, or split it."
            )
        for entry in parts:
            for _ in _chunks(archive, entry.filename):
                pass


def extent_of(path: Path, kind: Kind, sheet: str) -> Extent:
    """How far a sheet reaches. Raises `CliError` 2 when that is further than can be read at once.

    Not looked for in an `.xls`, which ends at row 65,536 and column 256.
    """
    extent = Extent()
    if kind is Kind.XLS:
        return extent
    try:
        with _opened(path) as archive:
            if kind is Kind.XLSX:
                _scan(archive, _parts(archive)[sheet], _XlsxScan(extent))
            else:
                _scan(archive, "content.xml", _OdsScan(extent, sheet))
    except _TooLargeError:
        raise too_large(path, sheet) from None
    return extent


def too_large(path: Path, sheet: str) -> CliError:
    """Says the bound, and what to do."""
    rows, cells = (f"{bound:,}".replace(",", ".") for bound in (MAX_ROWS, MAX_CELLS))
    return wrong_usage(
        f"{path.name}, sheet “{sheet}”, reaches beyond {rows} rows or {cells} cells; "
        "split it, for instance by kecamatan, or save it as CSV."
    )


def uses_1904(path: Path) -> bool:
    """Whether day 0 of an `.xlsx` is 1 January 1904, as in workbooks of old Macintoshes."""
    with _opened(path) as archive, archive.open("xl/workbook.xml") as entry:
        return re.search(rb'\bdate1904="(?:1|true)"', entry.read()) is not None


class _Scan:
    """Sees the elements of a part go by, without their prefix."""

    def start(self, name: str, attributes: Mapping[str, str]) -> None: ...

    def end(self, name: str) -> None: ...

    def text(self, text: str) -> None: ...


def _scan(archive: zipfile.ZipFile, name: str, scan: _Scan) -> None:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda element, attributes: scan.start(element.rpartition(":")[2], attributes)
    parser.EndElementHandler = lambda element: scan.end(element.rpartition(":")[2])
    parser.CharacterDataHandler = scan.text
    parser.EntityDeclHandler = _no_entities
    for chunk in _chunks(archive, name):
        parser.Parse(chunk)
    parser.Parse(b"", True)


def _no_entities(*_: object) -> None:
    """No office program declares any; they are only good for asking for memory."""
    raise ValueError


def _chunks(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    with archive.open(name) as entry:
        while chunk := entry.read(_CHUNK):
            yield chunk


# -- .xlsx -------------------------------------------------------------------------------------------------------------


class _Attributes(_Scan):
    """Gathers what some elements say."""

    def __init__(self, element: str, take: Callable[[Mapping[str, str]], None]) -> None:
        self._element = element
        self._take = take

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == self._element:
            self._take(attributes)


def _parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """Name of a sheet → the part that holds it (ECMA-376 part 1, 18.2.20 and part 2 on relationships)."""
    targets: dict[str, str] = {}
    sheets: dict[str, str] = {}

    def target(attributes: Mapping[str, str]) -> None:
        targets[attributes["Id"]] = attributes["Target"]

    def sheet(attributes: Mapping[str, str]) -> None:
        sheets[attributes["name"]] = next(value for name, value in attributes.items() if name.endswith(":id"))

    _scan(archive, "xl/_rels/workbook.xml.rels", _Attributes("Relationship", target))
    _scan(archive, "xl/workbook.xml", _Attributes("sheet", sheet))
    return {name: _absolute(targets[relation]) for name, relation in sheets.items() if relation in targets}


def _absolute(target: str) -> str:
    return target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")


_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]+)")


class _XlsxScan(_Scan):
    def __init__(self, extent: Extent) -> None:
        self._extent = extent
        self._row = self._column = 0
        self._type = ""
        self._formula = self._filled = self._said = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "c":
            self._column = _column(attributes["r"]) if "r" in attributes else self._column + 1
            self._type = attributes.get("t", "")
            self._formula = self._filled = self._said = False
        elif name == "row":
            self._row = int(attributes["r"]) if "r" in attributes else self._row + 1
            self._column = 0
        elif name == "f":
            self._formula = True
        elif name in {"v", "is"}:
            self._filled = True

    def text(self, text: str) -> None:
        self._said = self._filled

    def end(self, name: str) -> None:
        if name != "c" or not (self._filled or self._formula):
            return
        self._extent.reach(self._row, self._column)
        # A text may be empty and calculated; a number may not.
        if self._formula and (self._type == "e" or not (self._said or self._type == "str")):
            self._extent.uncalculated.add((self._row - 1, self._column - 1))


def _column(reference: str) -> int:
    """`A1` → 1, `AA7` → 27."""
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise ValueError
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    return column


# -- .ods --------------------------------------------------------------------------------------------------------------


class _OdsScan(_Scan):
    """Rows and cells may stand for many alike; blank ones reach to the end of every sheet and count only in between."""

    def __init__(self, extent: Extent, sheet: str) -> None:
        self._extent = extent
        self._sheet = sheet
        self._inside = False
        self._row = self._rows = self._column = 0

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "table":
            self._inside = attributes.get("table:name") == self._sheet
        elif not self._inside:
            return
        elif name == "table-row":
            self._rows = int(attributes.get("table:number-rows-repeated", 1))
            self._column = 0
        elif name in {"table-cell", "covered-table-cell"}:
            self._cell(attributes)

    def _cell(self, attributes: Mapping[str, str]) -> None:
        columns = int(attributes.get("table:number-columns-repeated", 1))
        if "office:value-type" in attributes:
            self._extent.reach(self._row + self._rows, self._column + columns)
        elif "table:formula" in attributes:
            self._extent.reach(self._row + self._rows, self._column + columns)
            self._extent.uncalculated.add((self._row, self._column))
        self._column += columns

    def end(self, name: str) -> None:
        if self._inside and name == "table-row":
            self._row += self._rows
