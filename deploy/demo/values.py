"""Values of people and businesses that do not exist, for the demo's office files.

Every NIK carries kecamatan 99, which no regency has; every mobile number lies in the subscriber block 0000, every
landline begins with 000, which no operator gives out. The same `Random` gives the same values.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from random import Random

NOBODYS_DISTRICT = "99"
_PREFIXES = (811, 812, 813, 821, 822, 852, 853, 814, 815, 856, 857, 895, 896, 817, 818, 877, 831, 838, 881, 882)


def _words(text: str, between: str | None = None) -> tuple[str, ...]:
    return tuple(text.split(between))


_MONTHS = _words("Januari Februari Maret April Mei Juni Juli Agustus September Oktober November Desember")

WOMEN = _words(
    "Siti Ayu Dewi Rina Lestari Ratna Maria Rosmawati Nurhayati Sri Yanti Fitri Wati Dian Indah Erni Lina Mei Novita "
    "Rosita Tiur Duma Hotma Masniari Kartini Halimah Zubaidah Aminah Linda Susi Yuni Wulan Farida Hasnah Ida Juliana"
)
MEN = _words(
    "Ahmad Budi Agus Rudi Hendra Joko Slamet Rahmat Iwan Dedi Eko Fajar Gunawan Hasan Irfan Jonni Kurnia Luhut Mangasi "
    "Parlin Poltak Ridwan Saut Togar Usman Victor Wahyu Yusuf Zainal Bambang Charles Darwin Edward Ferry Harun Ismail"
)
FAMILIES = _words(
    "Siregar Nasution Harahap Lubis Simanjuntak Sitorus Sinaga Purba Saragih Damanik Girsang Tarigan Sembiring Ginting "
    "Pasaribu Hutagalung Manurung Situmorang Silalahi Batubara Rangkuti Daulay Hasibuan Pohan Santoso Wibowo Saputra "
    "Lestari Handayani Kurniawan Wijaya Halim Tanjung Chaniago Hutabarat Panjaitan"
)

KINDS: Mapping[str, tuple[str, str]] = {
    "Keripik": ("10794", "IKM"),
    "Tempe": ("10391", "IKM"),
    "Tahu": ("10392", "IKM"),
    "Roti": ("10710", "IKM"),
    "Gula Aren": ("10722", "IKM"),
    "Kopi Bubuk": ("10761", "IKM"),
    "Kecap": ("10771", "IKM"),
    "Bumbu Masak": ("10772", "IKM"),
    "Kue Basah": ("10792", "IKM"),
    "Dodol": ("10796", "IKM"),
    "Minuman Jahe": ("11040", "IKM"),
    "Batik": ("13134", "IKM"),
    "Konveksi": ("14111", "IKM"),
    "Penjahit": ("14120", "IKM"),
    "Bordir": ("14302", "IKM"),
    "Anyaman Rotan": ("16291", "IKM"),
    "Ukiran Kayu": ("16293", "IKM"),
    "Percetakan": ("18111", "IKM"),
    "Mebel": ("31001", "IKM"),
    "Kedai Sembako": ("47112", "UKM"),
    "Toko Beras": ("47241", "UKM"),
    "Toko Pakaian": ("47711", "UKM"),
    "Warung Nasi": ("56102", ""),
    "Kedai Kopi": ("56303", ""),
    "Katering": ("56210", ""),
    "Bengkel Motor": ("45407", ""),
    "Studio Foto": ("74201", ""),
    "Vermak Pakaian": ("95291", ""),
    "Binatu": ("96200", ""),
}
"""What a business does → its KBLI 2020, and IKM if it makes things, UKM if it resells them, neither for a laundry."""
SECOND_NAMES = _words(
    "Mekar|Jaya|Berkah|Sejahtera|Lestari|Maju Bersama|Sumber Rezeki|Cahaya|Harapan|Melati|Kenanga|Mawar|Anggrek"
    "|Sinar Pagi|Tiga Saudara|Sari Rasa|Dua Putri|Karya Mandiri|Usaha Baru|Tunas Muda|Bintang|Mutiara|Permata"
    "|Rezeki Halal|Tanah Deli|Bukit Barisan|Pelangi|Sahabat|Kasih Ibu|Nusa Indah",
    "|",
)
STREETS = _words("Melur|Cempaka|Bakti|Sehati|Karya|Pertiwi|Teladan|Gotong Royong|Sentosa|Pelita", "|")


def person(rng: Random) -> tuple[str, bool]:
    """A name that was put together by chance, and whether it is a woman's."""
    woman = rng.random() < 0.6  # most owners of micro businesses are women
    return f"{rng.choice(WOMEN if woman else MEN)} {rng.choice(FAMILIES)}", woman


def nik(rng: Random, regency: str, *, woman: bool) -> str:
    """A well-formed NIK of nobody, issued in a kab/kota (dotted code)."""
    born = date(1955, 1, 1) + timedelta(days=rng.randrange(17_000))
    day = born.day + (40 if woman else 0)
    return f"{regency.replace('.', '')}{NOBODYS_DISTRICT}{day:02d}{born:%m%y}{rng.randint(1, 9999):04d}"


def nib(rng: Random) -> str:
    """A NIB as OSS-RBA gives them: the day of issue, then a number; 13 digits."""
    issued = date(2021, 8, 4) + timedelta(days=rng.randrange(1200))
    return f"{issued:%d%m%y}{rng.randint(1, 9_999_999):07d}"


def mobile(rng: Random) -> str:
    """A mobile number that nobody has, as people write it: 0812…"""
    return f"0{rng.choice(_PREFIXES)}0000{rng.randint(1, 9999):04d}"


def landline(rng: Random, area: str) -> str:
    """A number of the fixed network that nobody has: (061) 0001234."""
    return f"({area}) 000{rng.randint(1001, 9998):04d}"


def written_mobile(rng: Random, number: str) -> str:
    """The same number as one of the many spellings of an office's sheet; the last is what Excel makes of it."""
    local = number[1:]
    groups = (local[:3], local[3:7], local[7:])
    return rng.choice(
        (
            number,
            "0{}-{}-{}".format(*groups),
            "0{} {} {}".format(*groups),
            "+62 {}-{}-{}".format(*groups),
            "62{}{}{}".format(*groups),
            local,
        )
    )


def written_money(rng: Random, amount: int) -> str:
    """Whole rupiah with dots between thousands, as one office hand or the other writes them."""
    dotted = f"{amount:,}".replace(",", ".")
    return rng.choice((dotted, dotted, f"Rp {dotted}", f"Rp{dotted},-", f"{dotted},00"))


def written_date(rng: Random, day: date) -> str:
    """Day first, in digits or with the month in words."""
    words = f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
    return rng.choice((f"{day:%d/%m/%Y}", f"{day:%d/%m/%Y}", f"{day.day}-{day.month}-{day.year}", words))


def some_day(rng: Random, first: date, last: date) -> date:
    return first + timedelta(days=rng.randrange((last - first).days + 1))
