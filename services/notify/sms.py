"""How many SMS a text takes, as operators count and charge: 3GPP TS 23.038 and 23.040.

A text of characters of the GSM 7-bit alphabet has 160 of them in one SMS and 153 in each of several; any other
character makes it UCS-2, with 70 and 67 code units. Characters of the extension table take two places.
"""

from __future__ import annotations

from dataclasses import dataclass

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")


@dataclass(frozen=True, slots=True)
class Length:
    """``units`` are septets (GSM-7) or UTF-16 code units (UCS-2); ``segments`` is how many SMS it takes."""

    encoding: str
    units: int
    segments: int


def measure(text: str) -> Length:
    """The length of a text as SMS. An empty text takes one."""
    if all(one in _BASIC or one in _EXTENDED for one in text):
        places = [2 if one in _EXTENDED else 1 for one in text]
        return Length("GSM-7", sum(places), _segments(places, 160, 153))
    places = [len(one.encode("utf-16-be")) // 2 for one in text]
    return Length("UCS-2", sum(places), _segments(places, 70, 67))


def _segments(places: list[int], whole: int, part: int) -> int:
    """A character of two places is never cut in two: it goes whole into the next SMS."""
    if sum(places) <= whole:
        return 1
    segments, used = 1, 0
    for one in places:
        if used + one > part:
            segments, used = segments + 1, 0
        used += one
    return segments
