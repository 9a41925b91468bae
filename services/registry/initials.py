"""An owner's name in a text that everybody will read.

A trade name often is its owner's ("UD Siti Aminah"). To refuse it would refuse an honest business; to publish it would
publish a person (UU PDP 27/2022 art. 4). So the public name shows the owner's full name by its initials, and any other
public text that holds it is refused (docs/decisions/0140).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

_TITLES = frozenset(
    {
        *(
            "h",
            "hj",
            "haji",
            "hajjah",
            "kh",
            "ust",
            "ustadz",
            "tn",
            "ny",
            "sdr",
            "sdri",
            "bpk",
            "bapak",
            "ibu",
            "bin",
            "binti",
        ),
        *("dr", "drs", "dra", "drg", "ir", "prof", "r", "rd"),
    }
)
"""Words before or within a name that are no part of who it is; what follows a comma is an academic degree."""
_BETWEEN_WORDS = re.compile(r"[\s.\-_]+")
_NO_LETTERS = re.compile(r"[^A-Za-z]+")
_GLUED_LETTERS = 8
"""A name written as one word is looked for within words if it has so many letters: shorter ones stand in others."""


@dataclass(frozen=True, slots=True)
class _Letter:
    """One letter of a text as it is compared, and where it stands."""

    plain: str
    at: int


def initialled(text: str, name: str | None) -> str:
    """The text with every full occurrence of the person's name shortened to initials: ``UD S. A.``."""
    for start, end, words in reversed(list(_occurrences(text, name))):
        short = " ".join(f"{word[0].upper()}." for word in words)
        glue = " " if text[:start][-1:].isalnum() else ""
        tail = " " if text[end : end + 1].isalnum() else ""
        text = f"{text[:start]}{glue}{short}{tail}{text[end:]}"
    return text


def holds(text: str, name: str | None) -> bool:
    """Whether a text holds the person's full name, in whatever case, order of words and with whatever between them."""
    return next(_occurrences(text, name), None) is not None


def neutral(text: str, name: str | None) -> str:
    """The text without any word of the person's name, for who has been erased: also one alone is shortened."""
    for word in _words(name or ""):
        pattern = re.compile(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])", re.IGNORECASE)
        text = pattern.sub(f"{word[0].upper()}.", text) if len(word) > 2 else text
    return initialled(text, name)


def _occurrences(text: str, name: str | None) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Where a full name (two words or more) stands: start, end, and its words in that order."""
    words = _words(name or "")
    if len(words) < 2:
        return
    plain, orders = _plain(text), [("".join(ordered), ordered) for ordered in (words, words[::-1])]
    if not any(joined in plain for joined, _ in orders):
        return
    letters, done = list(_letters(text)), 0
    for position in range(len(plain)):
        for joined, ordered in orders:
            if position >= done and plain.startswith(joined, position):
                start, end = letters[position].at, letters[position + len(joined) - 1].at + 1
                if _stands_alone(text, start, end, len(joined)):
                    done = position + len(joined)
                    yield start, end, ordered
                    break


def _stands_alone(text: str, start: int, end: int, length: int) -> bool:
    """Between marks, blanks or ends of the text; or, long enough, in one word that is glued to others."""
    if not text[:start][-1:].isalpha() and not _continues(text, end):
        return True
    return length >= _GLUED_LETTERS and text[start:end].isalpha()


def _continues(text: str, end: int) -> bool:
    rest = text[end:].lstrip("".join(chr(mark) for mark in range(0x300, 0x370)))
    return rest[:1].isalpha()


@lru_cache(maxsize=64)
def _words(name: str) -> tuple[str, ...]:
    """The words of a person's name as they are compared: no titles, degrees or initials. One report asks for it ten
    times over."""
    found = map(_plain, _BETWEEN_WORDS.split(name.split(",", maxsplit=1)[0]))
    return tuple(word for word in found if len(word) > 1 and word not in _TITLES)


def _plain(text: str) -> str:
    """All letters of a text as they are compared. Nearly every text holds no name, and need not be looked at closer."""
    if text.isascii():
        return _NO_LETTERS.sub("", text).lower()
    return "".join(letter.plain for letter in _letters(text))


def _letters(text: str) -> Iterable[_Letter]:
    """Only letters, each in its simplest form: full-width, accented and capital ones alike."""
    for at, char in enumerate(text):
        for plain in unicodedata.normalize("NFKD", char).casefold():
            if plain.isalpha():
                yield _Letter(plain, at)
