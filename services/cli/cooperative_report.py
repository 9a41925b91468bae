"""A row of an office's list of cooperatives as the data of `registry.cooperative.report`."""

from __future__ import annotations

import re
from typing import Any

from services.cli import vocabulary
from services.cli.cells import Data, Reader, Report, count_of, date_of, present, region_of, text_of, year_of, zone_of
from services.cli.columns import COOPERATIVES
from services.cli.filing import OUR_SOURCE
from services.cli.headings import Row
from shared.contracts.problem import Problem
from shared.reference import dates
from shared.reference import region as regions
from shared.reference.invalid import Invalid

REQUIRED = (("cooperative.name",), ("cooperative.region", "place.village", "place.district", "place.regency"))
"""Columns without which no row could become a cooperative, each a choice."""


def read(row: Row, home: str | None) -> Report:
    """Read one row. `home` is the region in which place names are looked up, where the row does not say.

    Never raises: what cannot be read is among the report's problems, each under its path in the message.
    """
    reader = Reader(row, COOPERATIVES)
    region = region_of(reader, "cooperative", home)
    cooperative = {
        "agency_ref": reader.value("cooperative.agency_ref", text_of),
        "cooperative_number": reader.value("cooperative.cooperative_number", _number),
        "name": reader.value("cooperative.name", text_of),
        "legal": _legal(reader),
        "form": reader.value("cooperative.form", vocabulary.cooperative_form),
        "region": region,
        "membership_area": reader.value("area", lambda text: _area(text, region)),
        "jenis": reader.value("cooperative.jenis", vocabulary.jenis),
        "kelompok": reader.value("cooperative.kelompok", vocabulary.kelompok),
        "members": _members(reader),
        "last_rat": _rat(reader),
        "standing": reader.value("cooperative.standing", vocabulary.standing),
    }
    surveyed_on = reader.value("surveyed_on", dates.parse)
    zone, id_ = zone_of(region, home), reader.value("id", text_of)
    data = {"cooperative": present(cooperative)}
    return Report(data, surveyed_on, zone, _as_of, "cooperative", id_, problems=reader.problems)


def _as_of(data: Data, day: str) -> Data:
    """Members without a day of their own were counted when the list was made."""
    members = data["cooperative"].get("members")
    if members is None or "as_of" in members:
        return data
    return {"cooperative": {**data["cooperative"], "members": {**members, "as_of": day}}}


def _number(text: str) -> str:
    """*Nomor induk koperasi*, unless a spreadsheet has rounded it."""
    number = "".join(text.strip("'’ ").split())
    if re.fullmatch(r"[0-9][.,][0-9]+[eE]\+?[0-9]+", number):
        raise Invalid(
            "sheet.number_rounded",
            "Nomor ini dibulatkan oleh Excel; ubah kolomnya menjadi Teks dan ketik ulang nomornya.",
            "Excel has rounded this number; make the column Text and type the number again.",
        )
    return number


def _area(text: str, region: str | None) -> str | None:
    """Where its members are: a code, or how wide, around its seat."""
    if any(letter.isdigit() for letter in text):
        return regions.clean(text)
    level = vocabulary.area(text)
    if level == "nation":
        return regions.NATION
    if region is None or level == "kabkota":
        return None
    return region[:2]


# -- groups of cells ---------------------------------------------------------------------------------------------------


def _legal(reader: Reader) -> dict[str, Any] | None:
    number, day = reader.value("legal.number", text_of), reader.value("legal.date", date_of)
    if "legal.number" in reader.cells and "legal.date" not in reader.cells:
        reader.problems.append(_NO_DATE)
    if "legal.date" in reader.cells and "legal.number" not in reader.cells:
        reader.problems.append(_NO_NUMBER)
    return {"number": number, "date": day} if number and day else None


def _rat(reader: Reader) -> dict[str, Any] | None:
    """A year without a day says nothing: it may stand in the heading, over many who held none."""
    year, day = reader.value("rat.book_year", year_of), reader.value("rat.held_on", date_of)
    if "rat.held_on" in reader.cells and "rat.book_year" not in reader.cells:
        reader.problems.append(_NO_BOOK_YEAR)
    return {"book_year": year, "held_on": day} if year and day else None


def _lacking(field: str, text_id: str, text_en: str) -> Problem:
    return Problem(code="sheet.incomplete", field=f"data.cooperative.{field}", text_id=text_id, text_en=text_en)


_NO_DATE = _lacking(
    "legal.date",
    "Nomor badan hukum harus disertai tanggalnya; isi kolom Tanggal Badan Hukum.",
    "The number of the legal act needs its date; fill the column Tanggal Badan Hukum.",
)
_NO_NUMBER = _lacking(
    "legal.number",
    "Tanggal badan hukum harus disertai nomornya; isi kolom Nomor Badan Hukum.",
    "The date of the legal act needs its number; fill the column Nomor Badan Hukum.",
)
_NO_BOOK_YEAR = _lacking(
    "last_rat.book_year",
    "Tanggal RAT harus disertai tahun bukunya; isi kolom Tahun Buku RAT.",
    "The day of a RAT needs the book year that it was about; fill the column Tahun Buku RAT.",
)


def _members(reader: Reader) -> dict[str, Any] | None:
    counted = reader.value("members.count", _counted)
    source = reader.value("members.source", text_of)
    told = reader.value("members.qualifier", vocabulary.qualifier)
    as_of = reader.value("members.as_of", date_of)
    # A file of ours that comes back brings no news of what we have counted ourselves.
    if counted is None or source == OUR_SOURCE:
        return None
    qualifier, count = counted
    return present({"count": count, "qualifier": told or qualifier, "source": source, "as_of": as_of})


def _counted(text: str) -> tuple[str | None, int]:
    qualifier, figure = vocabulary.qualified(text)
    return qualifier, count_of(figure)
