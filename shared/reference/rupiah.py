"""Rupiah amounts as offices write them: dots between thousands, a comma before decimals that nobody needs.

Money is a whole number of rupiah everywhere (contract, "The envelope"). What can be read in two ways is refused: a
budget that is wrong by a factor of a thousand is worse than a question.
"""

import re

from shared.reference import _spreadsheet
from shared.reference.invalid import Invalid

# "Rp 180.000.000,-", "IDR 180000000,00", "-Rp.5.000": minus, currency, digits with marks, and the dash for "no sen".
# Accountants put what is below zero into parentheses.
_AMOUNT = re.compile(
    r"(?P<minus>[-\u2212]?)\s*(?:(?:Rp|IDR)\.?)?\s*(?P<digits>[0-9][0-9.,]*?)(?:[.,][-=\u2013]+)?", re.IGNORECASE
)
_BRACKETED = re.compile(r"\((.*)\)")
_INDONESIAN = re.compile(r"(?P<whole>[1-9][0-9]{0,2}(?:\.[0-9]{3})+|[0-9]+)(?:,(?P<sen>[0-9]+))?")
# English grouping only where it can be nothing else: two commas, or a comma and then a dot.
_ENGLISH = re.compile(
    r"(?P<whole>[1-9][0-9]{0,2}(?:,[0-9]{3}){2,}|[1-9][0-9]{0,2},[0-9]{3}(?=\.)|[0-9]+)(?:\.(?P<sen>[0-9]+))?"
)
_TWO_WAYS = re.compile(r"[0-9]{1,3},[0-9]{3}")

LARGEST = 10**15
"""Amounts above this many rupiah (a thousand trillion, a quarter of the state budget) are typing errors."""


def parse(text: str) -> int:
    """Read an amount in whole rupiah: `Rp 180.000.000`, `180.000.000,00`, `Rp5.000,-`, `6.111` (= 6111), `180000000`.

    Raises `Invalid`: `rupiah.scientific`, `rupiah.format`, `rupiah.negative`, `rupiah.ambiguous` (`6,111`),
    `rupiah.fractional`, `rupiah.too_large`. Source: PUEBI on numbers; S3-08 ("6.111 unit") and S2-08 ("10.000 orang").
    """
    inner = _spreadsheet.bare(text)
    if _spreadsheet.is_scientific(inner):
        raise Invalid(
            "rupiah.scientific",
            "Jumlah uang sudah dibulatkan oleh lembar kerja; ubah format kolom menjadi Angka tanpa desimal.",
            "The spreadsheet has rounded this amount; format the column as a number without decimals.",
        )
    bracketed = _BRACKETED.fullmatch(inner)
    written = _AMOUNT.fullmatch(bracketed[1] if bracketed else inner)
    if written is None:
        raise _malformed()
    amount = _whole(written["digits"])
    if (bracketed or written["minus"]) and amount:
        raise Invalid(
            "rupiah.negative",
            "Jumlah uang tidak boleh kurang dari nol; periksa tanda minus atau kurung.",
            "An amount cannot be below zero; look at the minus sign or the parentheses.",
        )
    return amount


def format_rupiah(amount: int) -> str:
    """An amount in whole rupiah as official letters write it, without a blank (PUEBI): 180000000 → `Rp180.000.000`."""
    grouped = f"{abs(amount):,}".replace(",", ".")
    return f"-Rp{grouped}" if amount < 0 else f"Rp{grouped}"


def _whole(digits: str) -> int:
    if _TWO_WAYS.fullmatch(digits):
        raise Invalid(
            "rupiah.ambiguous",
            "Tanda koma di sini bisa berarti ribuan atau desimal; tulis ribuan dengan titik, misalnya Rp180.000.",
            "The comma may mean thousands or decimals here; write thousands with dots, as in Rp180.000.",
        )
    read = _INDONESIAN.fullmatch(digits) or _ENGLISH.fullmatch(digits)
    if read is None:
        raise _malformed()
    if (read["sen"] or "").strip("0"):
        raise Invalid(
            "rupiah.fractional",
            "Jumlah uang harus rupiah bulat, tanpa sen; tulis ribuan dengan titik, misalnya Rp180.000.",
            "An amount is a whole number of rupiah, without cents; write thousands with dots, as in Rp180.000.",
        )
    return _bounded(re.sub(r"[.,]", "", read["whole"]))


def _bounded(digits: str) -> int:
    significant = digits.lstrip("0") or "0"
    # The length first: Python refuses to turn thousands of digits into a number, with an error of its own.
    if len(significant) > len(str(LARGEST)) or int(significant) > LARGEST:
        raise Invalid(
            "rupiah.too_large",
            "Jumlah uang terlalu besar untuk benar; periksa jumlah nol.",
            "The amount is too large to be true; count the zeros.",
        )
    return int(significant)


def _malformed() -> Invalid:
    return Invalid(
        "rupiah.format",
        "Jumlah uang tidak terbaca; tulis dengan angka saja, misalnya Rp180.000.000.",
        "The amount cannot be read; write it in digits, as in Rp180.000.000.",
    )
