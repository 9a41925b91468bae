"""Forty ways in which a row of an office's sheet is wrong, and what each must be answered with.

A way spoils the cells of a row that would be right. The answer is every problem as `<code> <field>`, without a field
where a problem is about the whole row. The codes are those of the contract; nothing here looks into the services.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from deploy.demo import values
from shared.reference import region

Cells = dict[str, str]
"""A row by column key; `extra` holds a cell too many."""
Spoil = Callable[[Cells, Random], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Way:
    """`name` is for people; `spoil` gives the cells that are otherwise."""

    name: str
    problems: tuple[str, ...]
    spoil: Spoil


def _with(**cells: str) -> Spoil:
    return lambda _cells, _rng: cells


def _elsewhere(village: str) -> Spoil:
    names = {"village_name": region.parse(village).name, "district_name": region.parse(village[:8]).name}
    return _with(village=village, **names)


def _letter_for_zero(cells: Cells, _: Random) -> Mapping[str, str]:
    return {"nik": f"{cells['nik'][:12]}O{cells['nik'][13:]}"}


def _thirty_first_of_february(cells: Cells, _: Random) -> Mapping[str, str]:
    return {"nik": f"{cells['nik'][:6]}3102{cells['nik'][10:]}"}


def _rounded_nik(cells: Cells, _: Random) -> Mapping[str, str]:
    return {"nik": f"{cells['nik'][0]},{cells['nik'][1:6]}E+15"}


def _two_numbers(cells: Cells, rng: Random) -> Mapping[str, str]:
    return {"phone": f"{values.mobile(rng)}/{values.mobile(rng)}"}


def _number_in_name(cells: Cells, rng: Random) -> Mapping[str, str]:
    return {"name": f"{cells['name']} WA {values.mobile(rng)}"}


NIK, NIB, PHONE = "data.owner.nik", "data.business.nib", "data.owner.phone"
SALES, YEAR = "data.business.annual_sales.amount", "data.business.annual_sales.year"
REGION, STARTED, CAPITAL = "data.business.region", "data.business.started_on", "data.business.capital"

SAME_NUMBER = Way("one No. Reg for two owners", (f"business.owner_differs {NIK}",), _with())
"""The generator gives this row the number of another one."""

IN_MEDAN = (
    Way("NIK of 15 digits", (f"nik.length {NIK}",), lambda cells, _: {"nik": cells["nik"][:15]}),
    Way("NIK of zeros", (f"nik.placeholder {NIK}",), _with(nik="0" * 16)),
    Way("NIK born on 31 February", (f"nik.invalid_date {NIK}",), _thirty_first_of_february),
    Way("NIK rounded by Excel", (f"nik.scientific {NIK}",), _rounded_nik),
    Way("NIK with the letter O", (f"nik.not_digits {NIK}",), _letter_for_zero),
    Way("NIK of 17 digits", (f"nik.length {NIK}",), lambda cells, _: {"nik": f"{cells['nik']}0"}),
    Way("NIB of 12 digits", (f"nib.length {NIB}",), lambda cells, _: {"nib": cells["nib"][:12]}),
    Way("NIB rounded by Excel", (f"nib.scientific {NIB}",), _with(nib="1,23457E+12")),
    Way("a village that does not exist", (f"region.unknown {REGION}",), _with(village="12.71.01.1999")),
    Way("a village of Deli Serdang", (f"authority.region {REGION}",), _elsewhere("12.07.26.1019")),
    Way("a province for a place", (f"region.too_wide {REGION}",), _with(village="12")),
    Way("negative sales", (f"rupiah.negative {SALES}",), _with(sales="-5.000.000")),
    Way("sales with half a rupiah", (f"rupiah.fractional {SALES}",), _with(sales="150.000.000,50")),
    Way("sales in words", (f"rupiah.format {SALES}",), _with(sales="kurang lebih 50 juta")),
    Way("sales that can be read in two ways", (f"rupiah.ambiguous {SALES}",), _with(sales="6,111")),
    Way("sales without their year", (f"sheet.sales_year {YEAR}",), _with(year="")),
    Way("sales of the year 2099", (f"sales.year_in_future {YEAR}",), _with(year="2099")),
    Way("a Malaysian phone", (f"phone.not_indonesian {PHONE}",), _with(phone="+60 12-000 0123")),
    Way("a phone that is too short", (f"phone.too_short {PHONE}",), _with(phone="0812-0000")),
    Way("two phones in one cell", (f"phone.format {PHONE}",), _two_numbers),
    Way("KBLI of 4 digits", ("kbli.format data.business.kbli.code",), lambda cells, _: {"kbli": cells["kbli"][:4]}),
    Way("a role that is none", ("sheet.role data.business.role",), _with(role="jasa")),
    Way("a legal form that is none", ("sheet.legal_form data.business.legal_form",), _with(legal_form="keluarga")),
    Way("minus two workers", ("sheet.count data.business.workers",), _with(workers="-2")),
    Way("founded on 31 February", (f"date.impossible {STARTED}",), _with(started="31/02/2019")),
    Way("a phone number in the business's name", ("text.personal_data data.business.name",), _number_in_name),
    SAME_NUMBER,
)

IN_SIANTAR = (
    Way("no name of the business", ("field.required data.business.name",), _with(name="")),
    Way("no name of the owner", ("field.required data.owner.name",), _with(owner="-")),
    Way(
        "a NIK in the business's name, and an impossible phone",
        ("text.personal_data data.business.name", f"phone.placeholder {PHONE}"),
        lambda cells, _: {"name": f"{cells['name']} {cells['nik']}", "phone": "081200000000"},
    ),
    Way("founded in 2099", (f"business.started_in_future {STARTED}",), _with(started="01/03/2099")),
    Way("Excel's day count for a date", (f"date.serial {STARTED}",), _with(started="43525")),
    Way("a need that is none", ("sheet.needs data.business.needs",), _with(needs="truk baru")),
    Way(
        "a sentence for a place of sale",
        ("sheet.channels data.business.channels",),
        _with(channels="dijual keliling kampung setiap hari pasaran saja"),
    ),
    Way("a cell too many", ("sheet.too_many_cells",), _with(extra="bazar")),
    Way("consent that may be", ("sheet.yes_no data.owner.consent.whatsapp",), _with(wa="mungkin")),
    Way("consent given in 2099", ("consent.given_in_future data.owner.consent.given_on",), _with(consent="01/01/2099")),
    Way("capital rounded by Excel", (f"rupiah.scientific {CAPITAL}",), _with(capital="2,5E+07")),
    Way("capital with too many zeros", (f"rupiah.too_large {CAPITAL}",), _with(capital="25.000.000.000.000.000")),
    Way("a code that has lost its zero", (f"region.format {REGION}",), _with(village="12.72.1")),
)
