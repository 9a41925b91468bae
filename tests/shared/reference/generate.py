"""Values of the field that belong to nobody, from a seed: for tests, the demo's office file and the benchmarks.

Every NIK carries kecamatan 99, which no regency has; every phone number lies in the subscriber block 0000, which no
operator gives out. The same `random.Random` gives the same values. Standard library only.
"""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from random import Random
from typing import Literal

from shared.reference import region

DEMO_REGENCIES = ("12.71", "12.72", "14.03", "64.02", "64.07", "64.09", "64.72")
"""The kab/kota of the source documents S0–S4."""

NOBODYS_DISTRICT = "99"

_OLDEST, _YOUNGEST = date(1950, 1, 1), date(2007, 12, 31)  # grown-up owners at any date of the tests
_PREFIXES = (811, 812, 813, 821, 822, 852, 853, 814, 815, 856, 857, 895, 896, 817, 818, 877, 831, 838, 881, 882)
_KBLI_2020 = (
    "10391",
    "10392",
    "10710",
    "10761",
    "10792",
    "10794",
    "13134",
    "14111",
    "14120",
    "16291",
    "47112",
    "56102",
)


def nik(
    rng: Random,
    *,
    regency: str | None = None,
    born: date | None = None,
    sex: Literal["L", "P"] | None = None,
    serial: int | None = None,
) -> str:
    """A well-formed NIK of nobody, issued in a kab/kota (dotted code; one of the demo's if not given)."""
    place = (regency or rng.choice(DEMO_REGENCIES)).replace(".", "")
    day = born or birthday(rng)
    # Most owners of micro businesses are women.
    shift = 40 if (sex == "P" if sex else rng.random() < 0.6) else 0
    number = serial or rng.randint(1, 9999)
    return f"{place}{NOBODYS_DISTRICT}{day.day + shift:02d}{day:%m%y}{number:04d}"


def birthday(rng: Random) -> date:
    """A birth date of an adult."""
    return _OLDEST + timedelta(days=rng.randrange((_YOUNGEST - _OLDEST).days + 1))


def nib(rng: Random) -> str:
    """A NIB as OSS-RBA gives them since 2021: the day of issue, then a number; 13 digits."""
    issued = date(2021, 8, 4) + timedelta(days=rng.randrange(1600))
    return f"{issued:%d%m%y}{rng.randint(1, 9_999_999):07d}"


def phone(rng: Random) -> str:
    """A mobile number in E.164 that nobody has."""
    return f"+62{rng.choice(_PREFIXES)}0000{rng.randint(1, 9999):04d}"


def written_phone(rng: Random, e164: str) -> str:
    """The same number as one of the many spellings of an office's sheet."""
    local = e164.removeprefix("+62")
    groups = (local[:3], local[3:7], local[7:])
    spellings = (
        f"0{local}",
        f"62{local}",
        e164,
        "0{}-{}-{}".format(*groups),
        "0{} {} {}".format(*groups),
        "0{}.{}.{}".format(*groups),
        "+62 {}-{}-{}".format(*groups),
        "+62 (0){} {} {}".format(*groups),
        "(0{}) {} {}".format(*groups),
        "62 {} {} {}".format(*groups),
    )
    return rng.choice(spellings)


def npwp(rng: Random, *, digits: Literal[15, 16] = 15) -> str:
    """An entity's NPWP with a fitting check digit, in the old or the new length."""
    payer = f"{rng.randint(1, 99):02d}{rng.randint(1, 999_999):06d}"
    check = next(digit for digit in "0123456789" if _luhn(payer + digit))
    return f"{payer}{check}{rng.randint(1, 999):03d}000".rjust(digits, "0")


def kbli(rng: Random) -> str:
    """A common code of KBLI 2020."""
    return rng.choice(_KBLI_2020)


def village(rng: Random, within: str = "12.71") -> str:
    """A real desa/kelurahan code inside a region."""
    return rng.choice(region.below(within, "village"))


def distinct(make: Callable[[Random], str], rng: Random, count: int) -> list[str]:
    """`count` different values of a generator, in the order in which they came."""
    found: dict[str, None] = {}
    while len(found) < count:
        found[make(rng)] = None
    return list(found)


def stream(make: Callable[[Random], str], seed: int) -> Iterator[str]:
    """Values of a generator without end, the same for the same seed."""
    rng = Random(seed)
    while True:
        yield make(rng)


def _luhn(number: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
