"""Finding what looks like a NIK or a mobile number in a text that is bound for others.

Free text that goes into an event, and message ids that go into logs, must not carry either (contract, "Events carry
state"). This is a net for accidents, not for someone who hides a number on purpose. It errs towards finding in free
text, and towards letting through in ids, where a false alarm would refuse an honest system's message.
"""

import re
from typing import Literal, NamedTuple

from shared.reference import phone, region

Kind = Literal["nik", "phone"]

# The cheap question first: sixteen digits, or 08 or 62 8 and seven more, with at most three marks between neighbours.
# Everything else is looked at only if it says yes. It begins with one set of characters, so that the engine skips
# what is no digit without entering it: an ordinary text costs less than a microsecond.
_PERHAPS = re.compile(
    r"[0-9](?:(?:_[0-9]){15}|(?<=0)8(?:_[0-9]){7}|(?<=6)2_(?:0_)?8(?:_[0-9]){7})".replace("_", "[^0-9A-Za-z]{0,3}")
)

# What is full of digits and is something else: UUIDs, and money, whose thousands look like groups.
_OTHER = re.compile(
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\bRp\.? ?[1-9][0-9]{0,2}(?:\.[0-9]{3})+",
    re.IGNORECASE,
)
_RUN = re.compile(r"[0-9]+(?:[ _.()\-\u00a0\u2010-\u2014]{1,3}[0-9]+)*")
_GROUP = re.compile(r"[0-9]+")

_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
# Sixteen digits that are also a clock in microseconds, 2024 to 2036.
_CLOCK = range(1_704_000_000_000_000, 2_083_000_000_000_000)
# Fixtures carry this kecamatan, which nobody's NIK has.
_NOBODYS_DISTRICT = "99"

_CALLED = ("hp", "wa", "no", "tel", "telp", "tlp", "phone")
"""Words that people glue to a phone number; any other letter beside it makes it part of a code or a digest."""


class _Group(NamedTuple):
    digits: str
    start: int
    end: int


def find_personal(text: str, *, strict_region: bool = False) -> Kind | None:
    """Say whether a text holds something that looks like a NIK or else an Indonesian mobile number; never which.

    A NIK: exactly 16 digits, in one or in groups with blanks, dots or dashes between, that begin with a province and
    hold a possible birth date. `strict_region` also wants a kab/kota that exists today: for message ids, which other
    systems make of clocks and counters. A phone number: 08…, 62 8… or +62 8…, with separators, of a possible length.
    Never raises.
    """
    if len(text) < 10 or not _PERHAPS.search(text):
        return None
    # A mark that is no separator, of the same length, so that neighbours stay apart.
    rest = _OTHER.sub("|", text)
    runs = [_groups(run) for run in _RUN.finditer(rest)]
    if any(_is_nik(number, strict_region) for run in runs for number in _joined(run, 16)):
        return "nik"
    return "phone" if any(_is_phone(run, index, rest) for run in runs for index in range(len(run))) else None


def _groups(run: re.Match[str]) -> list[_Group]:
    return [
        _Group(found[0], run.start() + found.start(), run.start() + found.end()) for found in _GROUP.finditer(run[0])
    ]


def _joined(run: list[_Group], length: int) -> list[str]:
    """Every sequence of whole neighbouring groups that has this many digits together."""
    found = []
    for first in range(len(run)):
        number = ""
        for group in run[first:]:
            number += group.digits
            if len(number) >= length:
                break
        if len(number) == length:
            found.append(number)
    return found


def _is_nik(number: str, strict_region: bool) -> bool:
    if not region.is_known_province(number[:2]) or not _has_birth_date(number):
        return False
    if int(number) in _CLOCK and not _is_rather_a_nik(number):
        return False
    return not strict_region or region.is_known_regency(f"{number[:2]}.{number[2:4]}")


def _has_birth_date(number: str) -> bool:
    day, month, year = int(number[6:8]) % 40, int(number[8:10]), int(number[10:12])
    if int(number[6:8]) > 71 or not 1 <= month <= 12 or not 1 <= day <= _DAYS[month - 1]:
        return False
    return (day, month) != (29, 2) or year % 4 == 0


def _is_rather_a_nik(number: str) -> bool:
    """Of the numbers that are a clock too, one in twenty has a birth date; nearly none has a real place and a serial
    as low as they really are."""
    if number[4:6] == _NOBODYS_DISTRICT:
        return region.is_known_regency(f"{number[:2]}.{number[2:4]}")
    place = f"{number[:2]}.{number[2:4]}.{number[4:6]}"
    return 0 < int(number[12:]) < 1000 and region.is_known_district(place)


def _is_phone(run: list[_Group], first: int, text: str) -> bool:
    """Whether a mobile number begins with this group and ends with it or a later one."""
    if not _begins_a_phone(run, first) or not _stands_alone(text, run[first].start):
        return False
    number = ""
    for group in run[first:]:
        number += group.digits
        national = _national(number)
        if len(national) > 13:
            return False
        if _is_mobile(national) and not text[group.end : group.end + 1].isalpha():
            return True
    return False


def _begins_a_phone(run: list[_Group], first: int) -> bool:
    # At least the first three digits together, or a date such as 08-12-2026 10.30 would be a number.
    head = run[first].digits
    if head in ("62", "0062"):
        following = next((group.digits for group in run[first + 1 :] if group.digits != "0"), "")
        return following[:1] == "8" or following[:2] == "08"
    return (head[:2] == "08" and len(head) > 2) or head.startswith(("628", "6208", "00628"))


def _stands_alone(text: str, start: int) -> bool:
    word = re.search(r"[A-Za-z]*\Z", text[max(0, start - 8) : start])
    return word is None or not word[0] or word[0].lower() in _CALLED


def _national(number: str) -> str:
    """With its leading 0, as people know it: the lengths of the law of habit are about this form."""
    bare = number.removeprefix("00")
    return "0" + bare[2:].removeprefix("0") if bare.startswith("62") else number


def _is_mobile(national: str) -> bool:
    if not 10 <= len(national) <= 13 or national[:2] != "08" or national[2] == "0":
        return False
    # Only the 088x and 089x operators hand out 13 digits. A NIB has 13 too and begins with its day: 08 12 22 ….
    return len(national) < 13 or (national[2] in "89" and phone.is_known_mobile_prefix(national[:4]))
