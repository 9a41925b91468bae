"""What spreadsheets do to long numbers, and how much of it can be undone.

Excel keeps 15 significant digits and shows long numbers as `1.271E+15`; what it has rounded away cannot be had back,
only the office's own source has it. Apostrophes, blanks and a `.0` are harmless and are taken off.
"""

import re
from itertools import pairwise

_SCIENTIFIC = re.compile(r"\s*[0-9]+(?:[.,][0-9]+)?[eE]\+?[0-9]{1,2}\s*")
_SEPARATORS = re.compile(r"[\s.\-\u2010-\u2015\u200b\ufeff]+")
_WHOLE_FLOAT = re.compile(r"([0-9]+)[.,]0")
_APOSTROPHES = "'\u2018\u2019`\u00b4"
_INVISIBLE = "\u200b\u200e\u200f\ufeff"


def is_scientific(text: str) -> bool:
    """Whether a cell shows a rounded number, as `1.271E+15` or, in an Indonesian Excel, `1,27E+15`."""
    return _SCIENTIFIC.fullmatch(text) is not None


def bare(text: str) -> str:
    """Without surrounding blanks, invisible marks and the apostrophe with which Excel marks a number kept as text."""
    return text.strip().strip(_INVISIBLE).lstrip(_APOSTROPHES).strip()


def digits(text: str) -> str:
    """A number out of a cell: `bare`, then without the blanks, dots and dashes between groups and without a `.0`.

    Scientific notation is left as it is, so that `parse` can name it.
    """
    inner = bare(text)
    if is_scientific(inner):
        return inner
    whole = _WHOLE_FLOAT.fullmatch(inner)
    return whole[1] if whole else _SEPARATORS.sub("", inner)


def is_repeated_or_counted(number: str) -> bool:
    """Whether digits are what people type to get past a field: `0000…`, `1111…`, `0123…`, `9876…` (wrapping at 9-0)."""
    step = (int(number[1]) - int(number[0])) % 10
    if step not in (0, 1, 9):
        return False
    return all((int(after) - int(before)) % 10 == step for before, after in pairwise(number))
