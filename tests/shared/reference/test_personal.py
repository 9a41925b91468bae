"""Finding what looks like a NIK or a phone number, and leaving alone what does not."""

import timeit
from datetime import UTC, datetime
from itertools import pairwise
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.reference import region
from shared.reference.personal import find_personal
from tests.shared.reference import generate
from tests.shared.reference.strategies import nibs, niks, phones, randoms, written_phones

WORDS = st.sampled_from(["", "NIK ", "NIK:", "hubungi ", "no. ", "(", "a/n Ibu, ", "_", "SK-12/2026 ", "RT 03/"])
AFTER = st.sampled_from(["", ".", ")", ", terima kasih", " ya", "/", "\n"])
SEPARATORS = st.sampled_from([" ", ".", "-", " - ", "\u00a0"])


@given(niks, WORDS, AFTER, st.booleans())
def test_a_nik_is_found_wherever_it_stands(number: str, before: str, after: str, strict: bool) -> None:
    """Free text that is bound for an event is refused with it (contract, "Events carry state")."""
    assert find_personal(before + number + after, strict_region=strict) == "nik"


@given(niks, SEPARATORS, st.sampled_from([(2, 4, 6, 12), (4, 8, 12), (6, 12)]))
def test_a_nik_in_groups_is_found(number: str, separator: str, cuts: tuple[int, ...]) -> None:
    """As people write long numbers."""
    edges = (0, *cuts, 16)
    groups = [number[start:end] for start, end in pairwise(edges)]
    assert find_personal(f"atas nama {separator.join(groups)} saja") == "nik"


def test_an_old_region_is_found_in_text_and_not_in_ids() -> None:
    """In a text a doubt means finding; in a message id it would refuse an honest system."""
    assert find_personal("1499994107900001") == "nik"
    assert find_personal("1499994107900001", strict_region=True) is None


@given(st.sampled_from(region.below("00", "regency")), randoms)
def test_niks_of_every_regency_are_found(regency: str, rng: Random) -> None:
    """Also of Bengkulu and Lampung, whose numbers look like today's clock in microseconds."""
    number = generate.nik(rng, regency=regency)
    assert find_personal(number) == find_personal(number, strict_region=True) == "nik"


@given(written_phones, st.sampled_from(["", "HP ", "HP", "wa:", "Telp. ", "(", "no "]), AFTER)
def test_a_mobile_number_is_found_in_every_spelling(number: str, before: str, after: str) -> None:
    """With and without a word glued to it."""
    assert find_personal(before + number + after) == "phone"


@given(phones)
def test_a_number_beside_other_numbers_is_found(number: str) -> None:
    """Prices, times and house numbers stand next to it with only a blank between."""
    local = "0" + number.removeprefix("+62")
    assert find_personal(f"Jl. Merdeka 12 {local} 10.30 WIB") == "phone"
    assert find_personal(f"1. {local}") == "phone"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Keripik Ubi Mekar",
        "SK-12/2026",
        "518/1234/KOP/2026",
        "188.44/0812/K/2026",
        "2026-01-05T09:30:00.123456+07:00",
        "2026-01-05 09:30:00",
        "20260105T093000Z",
        "tanggal 08-12-2026 10.30.45",
        "08/12/2026 081",
        "1234567890123",
        "0812000001234",
        "00000000000000000001",
        "00000000001271994107",
        "12719941079000011234",
        "1767584400",
        "1767584400123",
        "1767584400123456789",
        "Rp 628.123.456.789",
        "Rp1.271.994.107.900.001",
        "(061) 4521234",
        "medan-2026-000123",
        "20260105-093000-123456",
        "550e8400-e29b-41d4-a716-446655440000",
        "12719941-0790-4001-8123-081200000001",
        "c0812000000001f",
        "id.binaan.registry.business.report.v1",
        "12.71.01.1001",
    ],
)
def test_what_is_no_person_is_left_alone(text: str) -> None:
    """A false alarm refuses an honest message."""
    assert find_personal(text) is None
    assert find_personal(text, strict_region=True) is None


@given(st.uuids())
def test_uuids_are_left_alone(value: object) -> None:
    """The commonest message id of all."""
    assert find_personal(str(value)) is None


@given(nibs)
def test_nibs_are_left_alone(number: str) -> None:
    """Thirteen digits that begin with a day, the eighth among them."""
    assert find_personal(number) is None


@given(st.integers(0, 4_070_908_800))
def test_timestamps_are_left_alone(seconds: int) -> None:
    """In every form that systems make ids of, but for the clock in microseconds (next test)."""
    utc = datetime.fromtimestamp(seconds, UTC)
    for text in (utc.isoformat(), f"{utc:%Y%m%dT%H%M%S}", f"{utc:%Y-%m-%d %H:%M:%S}", str(seconds)):
        assert find_personal(text) is None


def test_clocks_in_microseconds_are_left_alone_but_for_one_in_a_thousand() -> None:
    """Sixteen digits, and from 2026 on some begin like Bengkulu and Lampung: no rule parts all of them."""
    rng = Random(20260105)
    clocks = [str(rng.randrange(1_704_000_000_000_000, 2_083_000_000_000_000)) for _ in range(20_000)]
    assert sum(find_personal(clock, strict_region=True) is not None for clock in clocks) < 20


@given(st.text(alphabet="0123456789", min_size=17, max_size=40))
def test_a_longer_run_of_digits_is_no_nik(number: str) -> None:
    """Exactly sixteen."""
    assume(len(number) > 16)
    assert find_personal(number) is None


def test_ordinary_texts_cost_next_to_nothing() -> None:
    """It looks at every name and id on the hot path; a few microseconds even on a busy machine."""
    text = "Pelatihan kemasan dan digitalisasi untuk pelaku usaha di Kota Medan"
    assert min(timeit.repeat(lambda: find_personal(text), number=2_000, repeat=5)) / 2_000 < 5e-6
