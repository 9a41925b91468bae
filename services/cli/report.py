"""A row of an office's sheet as the data of `registry.business.report`.

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
from services.cli.grid import UNCALCULATED
from services.cli.headings import Row
from shared.contracts.problem import Problem, from_invalid
from shared.reference import dates, nib, nik, phone, region, rupiah
from shared.reference.invalid import Invalid

REQUIRED = (("business.name",), ("business.region", "place.village", "place.district"))
"""Columns without which no row could become a business, each a choice."""

PATHS: Mapping[str, str] = {
    "consent.whatsapp": "data.owner.consent.whatsapp",
    "consent.sms": "data.owner.consent.sms",
    "consent.given_on": "data.owner.consent.given_on",
    "sales.amount": "data.business.annual_sales.amount",
    "sales.year": "data.business.annual_sales.year",
    "place.village": "data.business.region",
    "place.district": "data.business.region",
    "place.regency": "data.business.region",
    "business_id": "data.business.business_id",
    "surveyed_on": "time",
}
"""Where a column stands in the message, if that is not `data.` and its key."""


def path_of(key: str) -> str:
    """Where the value of a column stands in the message."""
    return PATHS.get(key, f"data.{key}")


@dataclass(slots=True)
class Report:
    """A row, read. `data` is complete but for what depends on the time of observation, and for the business it names;
    see `finish`."""

    data: dict[str, Any]
    surveyed_on: date | None
    zone: str
    business_id: str | None = None
    """Its ID Binaan, in a sheet that was given back or exported."""
    clear: tuple[str, ...] = ()
    """Paths of what was emptied in a register that was exported; elsewhere a blank cell says nothing."""
    problems: list[Problem] = field(default_factory=list)

    def finish(self, observed: datetime, *, named: bool = False) -> tuple[dict[str, Any], str]:
        """The data and the time (RFC 3339) to send, when the sheet was last changed at `observed`; with the business
        that the row names, if so wished.

        A consent without a date of its own was given when the business was visited.
        """
        instant = self._instant(observed)
        owner = dict(self.data["owner"])
        consent = owner.get("consent", {})
        if True in consent.values() and "given_on" not in consent:
            owner["consent"] = {**consent, "given_on": instant.date().isoformat()}
        business = {"business_id": self.business_id} if named else {}
        parts = {"owner": owner, "business": {**business, **self.data["business"]}}
        data: dict[str, Any] = {name: part for name, part in parts.items() if part}
        if self.clear:
            data["clear"] = list(self.clear)
        return data, instant.isoformat(timespec="milliseconds")

    def _instant(self, observed: datetime) -> datetime:
        zone = region.timezone(self.zone)
        if self.surveyed_on is None:
            return observed.astimezone(zone)
        return datetime.combine(self.surveyed_on, time(), tzinfo=zone)


def read(row: Row, home: str | None) -> Report:
    """Read one row. `home` is the region in which place names are looked up, where the row does not say.

    Never raises: what cannot be read is among the report's problems, each under its path in the message.
    """
    cells = {key: text for key, text in row.cells.items() if not vocabulary.is_blank(text)}
    reader = _Reader(cells, _extra(row))
    owner = {
        "nik": reader.value("owner.nik", _nik),
        "name": reader.value("owner.name", _text),
        "phone": reader.value("owner.phone", _phone),
        "consent": _consent(reader),
    }
    business = {
        "agency_ref": reader.value("business.agency_ref", _text),
        "name": reader.value("business.name", _text),
        "nib": reader.value("business.nib", _nib),
        "legal_form": reader.value("business.legal_form", vocabulary.legal_form),
        "region": _region(reader, home),
        "address": reader.value("business.address", _text),
        "role": reader.value("business.role", vocabulary.role),
        "kbli": _kbli(reader),
        "annual_sales": _sales(reader),
        "capital": reader.value("business.capital", rupiah.parse),
        "workers": reader.value("business.workers", _count),
        "started_on": reader.value("business.started_on", _date),
        "needs": reader.value("business.needs", vocabulary.needs),
        "channels": reader.value("business.channels", vocabulary.channels),
    }
    surveyed_on = reader.value("surveyed_on", dates.parse)
    data = {"owner": _present(owner), "business": _present(business)}
    business_id = reader.value("business_id", _text)
    zone = _zone_of(business["region"], home)
    return Report(data, surveyed_on, zone, business_id, problems=reader.problems)


class _Reader:
    """Reads cells one by one and gathers what is wrong with them."""

    def __init__(self, cells: Mapping[str, str], problems: list[Problem]) -> None:
        self.cells = cells
        self.problems = problems

    def value(self, key: str, parse: Callable[[str], Any]) -> Any:
        """The value of a cell, or None when it is blank or wrong."""
        text = self.cells.get(key)
        if text is None:
            return None
        if _BROKEN.fullmatch(text):
            self.problems.append(_no_result(path_of(key)))
            return None
        try:
            return parse(text)
        except Invalid as error:
            self.problems.append(from_invalid(error, path_of(key)))
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


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


# -- cells -------------------------------------------------------------------------------------------------------------


def _text(text: str) -> str:
    return " ".join(text.split())


def _nik(text: str) -> str:
    number = nik.clean(text)
    _refuse_rounded(number, nik.parse)
    return number


def _nib(text: str) -> str:
    number = nib.clean(text)
    _refuse_rounded(number, nib.parse)
    return number


def _phone(text: str) -> str:
    number = phone.clean(text)
    _refuse_rounded(number, phone.parse)
    return number


def _refuse_rounded(number: str, parse: Callable[[str], object]) -> None:
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


def _count(text: str) -> int:
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


def _date(text: str) -> str:
    return dates.parse(text).isoformat()


def _year(text: str) -> int:
    found = re.fullmatch(r"((?:19|20)[0-9]{2})(?:[.,]0)?", text)
    if found:
        return int(found[1])
    raise Invalid("sheet.year", "Isi tahun dengan empat angka, misalnya 2025.", "Enter the year with four digits.")


def _kbli_code(text: str) -> str:
    """Five digits, also before a title: `10794 - Industri Kerupuk`."""
    return re.split(r"[\s\-–:]", text.strip("'’ "), maxsplit=1)[0]


def _kbli_version(text: str) -> str:
    found = re.search(r"20[0-9]{2}", text)
    return found[0] if found else text


# -- groups of cells ---------------------------------------------------------------------------------------------------


def _consent(reader: _Reader) -> dict[str, Any] | None:
    whatsapp = reader.value("consent.whatsapp", vocabulary.yes_or_no)
    sms = reader.value("consent.sms", vocabulary.yes_or_no)
    given_on = reader.value("consent.given_on", _date)
    if whatsapp is None and sms is None:
        return None
    return _present({"whatsapp": whatsapp, "sms": sms, "given_on": given_on})


def _kbli(reader: _Reader) -> dict[str, str] | None:
    code = reader.value("business.kbli.code", _kbli_code)
    version = reader.value("business.kbli.version", _kbli_version) or _CURRENT_KBLI
    return {"code": code, "version": version} if code else None


_CURRENT_KBLI = "2020"
"""What offices write without an edition: KBLI 2020, until their lists are turned to 2025 (sources §0)."""


def _sales(reader: _Reader) -> dict[str, int] | None:
    amount = reader.value("sales.amount", rupiah.parse)
    if amount is None:
        return None
    if "sales.year" not in reader.cells:
        reader.problems.append(_NO_YEAR)
        return None
    year = reader.value("sales.year", _year)
    return {"year": year, "amount": amount} if year else None


_NO_YEAR = Problem(
    code="sheet.sales_year",
    field="data.business.annual_sales.year",
    text_id="Omzet harus disertai tahunnya; isi kolom Tahun Omzet.",
    text_en="Sales need their year; fill the column Tahun Omzet.",
)


def _region(reader: _Reader, home: str | None) -> str | None:
    """The code if there is one; else the place by its names, each looked up in the one above it."""
    code: str | None = reader.value("business.region", region.clean)
    if code is not None:
        reader.problems += _elsewhere(reader.cells, code)
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


def _elsewhere(cells: Mapping[str, str], code: str) -> list[Problem]:
    """A place whose name was corrected beside a code that was not: by the code alone nothing would change."""
    for key, level, length, above in _BELOW_REGENCY:
        if key in cells and len(code) >= length:
            found = _place(cells[key], code[:above], level) or _place(cells[key], code[:5], level)
            if found not in {None, code[:length]}:
                return [_CODE_ELSEWHERE]
    return []


_BELOW_REGENCY: Sequence[tuple[str, region.Level, int, int]] = (
    ("place.district", "district", 8, 5),
    ("place.village", "village", 13, 8),
)
"""Column, level, and how many letters its code and the one above it have."""


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


def _zone_of(code: str | None, home: str | None) -> str:
    """A code whose clock is known: the row's, else the office's, else the capital's."""
    for candidate in (code, home):
        try:
            region.zone(candidate or "")
        except Invalid:
            continue
        return candidate or region.NATION
    return region.NATION
