"""Cells of an office's sheet, read: counts, dates, years, places, and what is wrong with them.

Only what can be known here is judged here: a number that cannot be read, a word that means nothing, a place that is
not found. Everything else is sent as it stands and judged by registry, so that every door gives the same answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from services.cli import vocabulary
from services.cli.columns import Columns
from services.cli.grid import UNCALCULATED
from services.cli.headings import Row
from shared.contracts.problem import Problem, from_invalid
from shared.reference import dates, region
from shared.reference.invalid import Invalid

Data = dict[str, Any]
Dated = Callable[[Data, str], Data]
"""The data of a message with what depends on the day (`YYYY-MM-DD`) on which it was observed."""


@dataclass(slots=True)
class Report:
    """A row, read. `data` is complete but for what depends on the time of observation, and for the thing it names; see
    `finish`."""

    data: Data
    surveyed_on: date | None
    zone: str
    dated: Dated
    thing: str
    """What the row is about: a `business`, or a `cooperative`."""
    id: str | None = None
    """Its ID Binaan, in a sheet that was given back or exported."""
    clear: tuple[str, ...] = ()
    """Paths of what was emptied in a register that was exported; elsewhere a blank cell says nothing."""
    problems: list[Problem] = field(default_factory=list)

    def finish(self, observed: datetime, *, named: bool = False) -> tuple[Data, str]:
        """The data and the time (RFC 3339) to send, when the sheet was last changed at `observed`; with the thing that
        the row names, if so wished."""
        instant = self._instant(observed)
        parts = self.dated(self.data, instant.date().isoformat())
        name = {f"{self.thing}_id": self.id} if named else {}
        parts = {**parts, self.thing: {**name, **parts[self.thing]}}
        data: Data = {name: part for name, part in parts.items() if part}
        if self.clear:
            data["clear"] = list(self.clear)
        return data, instant.isoformat(timespec="milliseconds")

    def _instant(self, observed: datetime) -> datetime:
        zone = region.timezone(self.zone)
        if self.surveyed_on is None:
            return observed.astimezone(zone)
        return datetime.combine(self.surveyed_on, time(), tzinfo=zone)


class Reader:
    """Reads cells one by one and gathers what is wrong with them."""

    def __init__(self, row: Row, columns: Columns) -> None:
        self.cells: Mapping[str, str] = {key: text for key, text in row.cells.items() if not vocabulary.is_blank(text)}
        self.problems = _extra(row)
        self.path_of = columns.path_of

    def value(self, key: str, parse: Callable[[str], Any]) -> Any:
        """The value of a cell, or None when it is blank or wrong."""
        text = self.cells.get(key)
        if text is None:
            return None
        if _BROKEN.fullmatch(text):
            self.problems.append(_no_result(self.path_of(key)))
            return None
        try:
            return parse(text)
        except Invalid as error:
            self.problems.append(from_invalid(error, self.path_of(key)))
            return None


_BROKEN = re.compile(rf"{re.escape(UNCALCULATED)}|#(REF!|VALUE!|NAME\?|DIV/0!|NULL!|NUM!)")
"""A formula without a result, and what Excel shows for one that has failed."""


def _no_result(path: str) -> Problem:
    text_id = "Sel ini berisi rumus tanpa hasil; buka berkas di Excel atau LibreOffice, perbaiki rumusnya, lalu simpan."
    text_en = "This cell holds a formula without a result; open the file in Excel or LibreOffice, mend it, and save."
    return Problem(code="sheet.formula", field=path, text_id=text_id, text_en=text_en)


def _extra(row: Row) -> list[Problem]:
    if not row.extra:
        return []
    text_id = "Baris ini berisi lebih banyak sel daripada judul kolom; beri tanda kutip pada isian yang memuat pemisah."
    text_en = "This row has more cells than there are headings; put quotes around a cell that holds the delimiter."
    return [Problem(code="sheet.too_many_cells", field=None, text_id=text_id, text_en=text_en)]


def present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def text_of(text: str) -> str:
    return " ".join(text.split())


def refuse_rounded(number: str, parse: Callable[[str], object]) -> None:
    """What a spreadsheet has rounded is refused here, with the advice that belongs to sheets; the rest is sent."""
    try:
        parse(number)
    except Invalid as error:
        if error.code.endswith(".scientific"):
            raise


_COUNT = re.compile(
    r"([0-9]{1,3}(?:\.[0-9]{3})+|[0-9]{1,9})(?:[.,]0+)?\s*(?:orang|org|pekerja|karyawan)?\.?", re.IGNORECASE
)


_TWO_WAYS = re.compile(r"[0-9]{1,3},[0-9]{3}\b.*")


def count_of(text: str) -> int:
    """`3`, `12 orang`, `6.111`; `3,000` is three or three thousand and is refused, as for money."""
    bare = text.strip("'’ ")
    found = _COUNT.fullmatch(bare)
    if found and _TWO_WAYS.fullmatch(bare):
        raise Invalid(
            "sheet.count",
            "Tanda koma di sini bisa berarti ribuan atau desimal; tulis ribuan dengan titik, misalnya 3.000.",
            "The comma may mean thousands or decimals here; write thousands with dots, as in 3.000.",
        )
    if found:
        return int(found[1].replace(".", ""))
    raise Invalid("sheet.count", "Isi jumlah orang dengan angka, misalnya 3.", "Enter the number of people in digits.")


def date_of(text: str) -> str:
    return dates.parse(text).isoformat()


def year_of(text: str) -> int:
    found = re.fullmatch(r"((?:19|20)[0-9]{2})(?:[.,]0)?", text)
    if found:
        return int(found[1])
    raise Invalid("sheet.year", "Isi tahun dengan empat angka, misalnya 2025.", "Enter the year with four digits.")


def region_of(reader: Reader, thing: str, home: str | None) -> str | None:
    """The code if there is one; else the place by its names, each looked up in the one above it."""
    code: str | None = reader.value(f"{thing}.region", region.clean)
    if code is not None:
        reader.problems += _elsewhere(reader, f"{thing}.region", code)
        return code
    here = home if home != region.NATION else None
    levels = ("place.regency", "regency"), ("place.district", "district"), ("place.village", "village")
    for key, level in levels:
        if key not in reader.cells:
            continue
        found = reader.value(key, _finder(here, level))
        if found is None:
            return None
        here = found
    return here if any(key in reader.cells for key, _ in levels) else None


def _elsewhere(reader: Reader, key: str, code: str) -> list[Problem]:
    """A place whose name was corrected beside a code that was not: by the code alone nothing would change. A code that
    does not exist is for registry to refuse."""
    if not _exists(code):
        return []
    for place, level, length, above in _BELOW_REGENCY:
        if place in reader.cells and len(code) >= length:
            name = reader.cells[place]
            found = _place(name, code[:above], level) or _place(name, code[:5], level)
            if found not in {None, code[:length]}:
                return [_CODE_ELSEWHERE.model_copy(update={"field": reader.path_of(key)})]
    return []


_BELOW_REGENCY: Sequence[tuple[str, region.Level, int, int]] = (
    ("place.district", "district", 8, 5),
    ("place.village", "village", 13, 8),
)
"""Column, level, and how many letters its code and the one above it have."""


def _exists(code: str) -> bool:
    try:
        region.parse(code)
    except Invalid:
        return False
    return True


def _place(name: str, above: str, level: region.Level) -> str | None:
    """The code of a name, or None where it is not found: offices spell some names in ways of their own."""
    try:
        return region.find(name, above, level=level).code
    except Invalid:
        return None


_CODE_ELSEWHERE = Problem(
    code="sheet.region_differs",
    field="data.business.region",
    text_id="Kode Wilayah dan nama kelurahan atau kecamatan menunjuk tempat yang berbeda; perbaiki kodenya.",
    text_en="The code and the name of the place mean different places; mend the code.",
)


def _finder(above: str | None, level: Any) -> Callable[[str], str]:
    def find(name: str) -> str:
        if level == "regency":
            # Beside an office's own regency the column only repeats it; another's is for registry to refuse.
            return region.find(name, above if above and len(above) == 2 else None, level=level).code
        if above is None:
            raise Invalid(
                "sheet.region_unclear",
                "Kabupaten/kota tidak diketahui; isi kolom Kode Wilayah atau Kabupaten/Kota.",
                "The regency is not known; fill Kode Wilayah or Kabupaten/Kota, or import with --region.",
            )
        return region.find(name, above, level=level).code

    return find


def zone_of(code: str | None, home: str | None) -> str:
    """A code whose clock is known: the row's, else the office's, else the capital's."""
    for candidate in (code, home):
        try:
            region.zone(candidate or "")
        except Invalid:
            continue
        return candidate or region.NATION
    return region.NATION
