"""A row of an office's list of businesses as the data of `registry.business.report`."""

from __future__ import annotations

import re
from typing import Any

from services.cli import vocabulary
from services.cli.cells import (
    Data,
    Reader,
    Report,
    count_of,
    date_of,
    present,
    refuse_rounded,
    region_of,
    text_of,
    year_of,
    zone_of,
)
from services.cli.columns import BUSINESSES
from services.cli.headings import Row
from shared.contracts.problem import Problem
from shared.reference import dates, nib, nik, phone, rupiah

REQUIRED = (("business.name",), ("business.region", "place.village", "place.district"))
"""Columns without which no row could become a business, each a choice."""


def read(row: Row, home: str | None) -> Report:
    """Read one row. `home` is the region in which place names are looked up, where the row does not say.

    Never raises: what cannot be read is among the report's problems, each under its path in the message.
    """
    reader = Reader(row, BUSINESSES)
    owner = {
        "nik": reader.value("owner.nik", _nik),
        "name": reader.value("owner.name", text_of),
        "phone": reader.value("owner.phone", _phone),
        "consent": _consent(reader),
    }
    business = {
        "agency_ref": reader.value("business.agency_ref", text_of),
        "name": reader.value("business.name", text_of),
        "nib": reader.value("business.nib", _nib),
        "legal_form": reader.value("business.legal_form", vocabulary.legal_form),
        "region": region_of(reader, "business", home),
        "address": reader.value("business.address", text_of),
        "role": reader.value("business.role", vocabulary.role),
        "kbli": _kbli(reader),
        "annual_sales": _sales(reader),
        "capital": reader.value("business.capital", rupiah.parse),
        "workers": reader.value("business.workers", count_of),
        "started_on": reader.value("business.started_on", date_of),
        "needs": reader.value("business.needs", vocabulary.needs),
        "channels": reader.value("business.channels", vocabulary.channels),
    }
    surveyed_on = reader.value("surveyed_on", dates.parse)
    data = {"owner": present(owner), "business": present(business)}
    zone, id_ = zone_of(business["region"], home), reader.value("id", text_of)
    return Report(data, surveyed_on, zone, _consented, "business", id_, problems=reader.problems)


def _consented(data: Data, day: str) -> Data:
    """A consent without a date of its own was given when the business was visited."""
    consent = data.get("owner", {}).get("consent", {})
    if True in consent.values() and "given_on" not in consent:
        return {**data, "owner": {**data["owner"], "consent": {**consent, "given_on": day}}}
    return data


# -- cells -------------------------------------------------------------------------------------------------------------


def _nik(text: str) -> str:
    number = nik.clean(text)
    refuse_rounded(number, nik.parse)
    return number


def _nib(text: str) -> str:
    number = nib.clean(text)
    refuse_rounded(number, nib.parse)
    return number


def _phone(text: str) -> str:
    number = phone.clean(text)
    refuse_rounded(number, phone.parse)
    return number


def _kbli_code(text: str) -> str:
    """Five digits, also before a title: `10794 - Industri Kerupuk`."""
    return re.split(r"[\s\-–:]", text.strip("'’ "), maxsplit=1)[0]


def _kbli_version(text: str) -> str:
    found = re.search(r"20[0-9]{2}", text)
    return found[0] if found else text


# -- groups of cells ---------------------------------------------------------------------------------------------------


def _consent(reader: Reader) -> dict[str, Any] | None:
    whatsapp = reader.value("consent.whatsapp", vocabulary.yes_or_no)
    sms = reader.value("consent.sms", vocabulary.yes_or_no)
    given_on = reader.value("consent.given_on", date_of)
    if whatsapp is None and sms is None:
        return None
    return present({"whatsapp": whatsapp, "sms": sms, "given_on": given_on})


def _kbli(reader: Reader) -> dict[str, str] | None:
    code = reader.value("business.kbli.code", _kbli_code)
    version = reader.value("business.kbli.version", _kbli_version) or _CURRENT_KBLI
    return {"code": code, "version": version} if code else None


_CURRENT_KBLI = "2020"
"""What offices write without an edition: KBLI 2020, until their lists are turned to 2025 (sources §0)."""


def _sales(reader: Reader) -> dict[str, int] | None:
    amount = reader.value("sales.amount", rupiah.parse)
    if amount is None:
        return None
    if "sales.year" not in reader.cells:
        reader.problems.append(_NO_YEAR)
        return None
    year = reader.value("sales.year", year_of)
    return {"year": year, "amount": amount} if year else None


_NO_YEAR = Problem(
    code="sheet.sales_year",
    field="data.business.annual_sales.year",
    text_id="Omzet harus disertai tahunnya; isi kolom Tahun Omzet.",
    text_en="Sales need their year; fill the column Tahun Omzet.",
)
