"""The generators themselves: seeded, well-formed, nobody's."""

from itertools import islice
from random import Random

from hypothesis import given

from shared.reference import kbli, nib, nik, npwp, phone, region
from tests.shared.reference import generate
from tests.shared.reference.strategies import randoms


def test_the_same_seed_gives_the_same_values() -> None:
    """A failing run is repeated by its seed; the demo's file is committed."""
    assert list(islice(generate.stream(generate.nik, 7), 20)) == list(islice(generate.stream(generate.nik, 7), 20))
    assert generate.distinct(generate.nik, Random(7), 5) != generate.distinct(generate.nik, Random(8), 5)


@given(randoms)
def test_generated_values_are_good_and_nobodys(rng: Random) -> None:
    """Kecamatan 99 exists nowhere, subscriber block 0000 is given to nobody."""
    number = generate.nik(rng)
    assert nik.parse(number).notes == ()
    assert not region.is_known_district(f"{number[:2]}.{number[2:4]}.{number[4:6]}")
    assert phone.parse(generate.phone(rng)).e164[6:10] == "0000"
    assert nib.parse(generate.nib(rng))
    assert npwp.parse(generate.npwp(rng, digits=16)).notes == ()
    assert kbli.parse(generate.kbli(rng), "2020").title
    assert region.parse(generate.village(rng, "12.72")).level == "village"


def test_as_many_as_asked_for_and_all_different() -> None:
    """Owners are told apart by NIK."""
    assert len(set(generate.distinct(generate.nik, Random(1), 2_000))) == 2_000


def test_kecamatan_99_exists_nowhere() -> None:
    """Should the ministry ever make one, the fixtures need another."""
    assert not any(code.endswith(".99") for code in region.below("00", "district"))
