"""The demo's office files are what their generator writes, belong to nobody, and are wrong where the truth says so.

What is known to be true of them is counted by the generator while writing; here it is counted again by reading.
"""

import csv
import io
import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.generate import HERE, OFFICES, Office, files
from deploy.demo.wrong import IN_MEDAN, IN_SIANTAR
from services.cli.importing import Importer
from services.cli.ledger import Ledger
from services.cli.report import REQUIRED
from services.cli.rounds import Message
from services.cli.sheet import open_sheet
from shared.reference import region
from shared.reference.phone import parse as parse_phone

ONLY_REGISTRY_KNOWS = {
    "authority.region",
    "business.owner_differs",
    "business.started_in_future",
    "consent.given_in_future",
    "field.required",
    "sales.year_in_future",
}
"""Reasons that need the clock, the sender's region or what is recorded already."""

every_office = pytest.mark.parametrize("office", OFFICES, ids=lambda office: office.account)


@cache
def truth(office: Office) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / "truth.json").read_text())[office.account]
    return found


def wrong_rows(office: Office) -> dict[int, dict[str, Any]]:
    return {one["row"]: one for one in truth(office)["wrong"]}


@cache
def importer(office: Office) -> Importer:
    path = HERE / office.file
    return Importer(open_sheet(path, REQUIRED), Ledger(path, b"0" * 32), office.account, office.region)


@cache
def right(office: Office) -> list[dict[str, Any]]:
    """What the rows that are in order report, in the order of the file."""
    rows = (row for row in importer(office).sheet.rows() if row.number not in wrong_rows(office))
    prepared = [importer(office).prepare(row) for row in rows]
    return [one.intake.data for one in prepared if isinstance(one, Message)]


def test_files_are_what_the_generator_writes() -> None:
    """Byte by byte, truth included: what is committed can be made again, and nobody mends it by hand."""
    made = dict(files())
    assert {name: (HERE / name).read_bytes() == content for name, content in made.items()} == dict.fromkeys(made, True)


def test_six_hundred_rows_are_wrong_in_forty_ways() -> None:
    """600 is what Pematangsiantar's office had on its books (S0-07)."""
    assert sum(truth(office)["rows"] for office in OFFICES) == 600
    ways = [one["way"] for office in OFFICES for one in truth(office)["wrong"]]
    assert len(ways) == len(set(ways)) == 40
    assert len(IN_MEDAN) + len(IN_SIANTAR) == 40


@every_office
def test_file_has_the_rows_that_the_truth_counts(office: Office) -> None:
    """By a plain CSV reader: titles and headings above, and nothing else but the rows."""
    text = (HERE / office.file).read_text(encoding="utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))
    assert len(rows) == len(office.titles) + 1 + truth(office)["rows"]
    assert importer(office).sheet.count == truth(office)["rows"] == truth(office)["recorded"] + truth(office)["refused"]


@every_office
def test_nik_belongs_to_nobody(office: Office) -> None:
    """Kecamatan 99 exists nowhere, so no number in the file can be a person's, not in a wrong cell either."""
    text = (HERE / office.file).read_text(encoding="utf-8-sig")
    numbers = [one for one in re.findall(r"[0-9O]{14,16}", text) if one.strip("0")]
    assert len(numbers) > truth(office)["recorded"] - 1
    assert {one[4:6] for one in numbers} == {"99"}


@every_office
def test_phone_numbers_belong_to_nobody(office: Office) -> None:
    """Mobile numbers lie in the subscriber block 0000, landlines begin with 000: no operator gives them out."""
    numbers = [data["owner"]["phone"] for data in right(office) if "phone" in data["owner"]]
    national = [parse_phone(number).e164.removeprefix("+62") for number in numbers]
    area = len(office.area) - 1
    assert national
    assert all(one[3:7] == "0000" if one.startswith("8") else one[area : area + 3] == "000" for one in national)


@every_office
def test_rows_in_order_are_taken_by_the_import(office: Office) -> None:
    """All that can be checked without asking anybody: every other reason to refuse is one of the forty."""
    refused = {row.number for row in importer(office).sheet.rows() if importer(office).check(row)}
    assert refused <= wrong_rows(office).keys()


@every_office
def test_wrong_rows_have_the_problems_that_the_truth_names(office: Office) -> None:
    """What registry alone can know is left to the demo itself, which holds its replies against the same list."""
    for row in importer(office).sheet.rows():
        if row.number in wrong_rows(office):
            refusal = importer(office).check(row)
            found = [f"{one.code} {one.field or ''}".strip() for one in refusal.problems] if refusal else []
            known = wrong_rows(office)[row.number]["problems"]
            assert sorted(found) == [one for one in known if one.split()[0] not in ONLY_REGISTRY_KNOWS], row.number


@every_office
def test_villages_are_of_the_region_table(office: Office) -> None:
    """Codes as Kemendagri has them, in the office's own city."""
    for data in right(office):
        found = region.parse(data["business"]["region"])
        assert found.level == "village"
        assert region.within(found.code, office.region)


def test_files_hold_what_real_ones_hold() -> None:
    """Owners with several businesses, one NIB over two of them, both roles and neither (S0-10), every scale, owners
    without a number or consent."""
    reports = [data for office in OFFICES for data in right(office)]
    owners = Counter(data["owner"]["nik"] for data in reports)
    assert max(owners.values()) == 5
    nibs = Counter(data["business"]["nib"] for data in reports if "nib" in data["business"])
    assert max(nibs.values()) == 2
    assert {data["business"].get("role") for data in reports} == {"ikm", "ukm", None}
    assert {scale_of(data) for data in reports} == {"mikro", "kecil", "menengah", "besar", None}
    assert {reach_of(data) for data in reports} == {"told", "no_phone", "no_mobile_phone", "no_consent"}


def test_names_tell_businesses_apart() -> None:
    """The demo finds its own businesses in the history by name and place."""
    names = Counter(data["business"]["name"] for one in OFFICES for data in right(one))
    assert set(names.values()) == {1}


@every_office
def test_truth_can_be_counted_again(office: Office) -> None:
    """By reading the file and the bounds of PP 7/2021 art. 35, without the generator's own notes."""
    reports = right(office)
    listed = reports[: office.designated]
    eligible = [data for data in listed if scale_of(data) in {"mikro", "kecil"}]
    owners = {data["owner"]["nik"]: reach_of(data) for data in eligible}
    reached = Counter(owners.values())
    known = truth(office)
    told = reached.pop("told")
    assert (len(reports), len(listed), len(reports), len(eligible), told, dict(reached)) == (
        known["recorded"],
        known["binaan"],
        known["assessed"],
        known["eligible"],
        known["told"],
        known["not_told"],
    )


def test_demo_takes_the_same_businesses_as_the_truth() -> None:
    """Offices are named twice, for writing the files and for telling the story: both mean the same."""
    from services.cli.demo import offices as story

    written = {(office.account, office.region, office.file, office.designated) for office in OFFICES}
    assert {(one.account, one.region, one.file, one.designated) for one in story.OFFICES} == written
    assert Path(story.FILES) == HERE


def scale_of(data: dict[str, Any]) -> str | None:
    """In millions of rupiah: art. 35(5) by sales, art. 35(3) by capital where there are no sales yet."""
    business = data["business"]
    if "annual_sales" in business:
        amount, bounds = business["annual_sales"]["amount"], (2_000, 15_000, 50_000)
    elif "capital" in business:
        amount, bounds = business["capital"], (1_000, 5_000, 10_000)
    else:
        return None
    above = sum(amount > bound * 1_000_000 for bound in bounds)
    return ("mikro", "kecil", "menengah", "besar")[above]


def reach_of(data: dict[str, Any]) -> str:
    owner = data["owner"]
    if "phone" not in owner:
        return "no_phone"
    if not parse_phone(owner["phone"]).mobile:
        return "no_mobile_phone"
    consent = owner.get("consent", {})
    return "told" if consent.get("whatsapp") or consent.get("sms") else "no_consent"
