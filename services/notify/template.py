"""The words an owner reads. Templates are files with a version in their name; a version never changes once used.

Strict: a value that is missing, empty or holds control characters is an error before anything is sent, because a
message with a hole in it, or with lines that somebody smuggled into a business's name, cannot be called back.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, UndefinedError

from services.notify.provider import Form

_MONTHS = (
    "Januari",
    "Februari",
    "Maret",
    "April",
    "Mei",
    "Juni",
    "Juli",
    "Agustus",
    "September",
    "Oktober",
    "November",
    "Desember",
)
_FOLDER = Path(__file__).parent / "templates"
_NAMES_SHOWN = 3
_CONTROL = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of writing: what is read is then not what was checked."""


class TextError(ValueError):
    """A text cannot be written. ``code`` says why, without a value of it: ``value_missing``, ``control_character``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Invitation:
    """What ``programme_eligible`` says. ``owner_name`` None is greeted without one; dates are the programme's own."""

    owner_name: str | None
    businesses: tuple[str, ...]
    programme: str
    agency: str
    quota: int
    how_to_apply: str | None = None
    apply_until: date | None = None


@dataclass(frozen=True, slots=True)
class Digest:
    """What ``programmes_eligible`` says: several invitations to one owner, in the order in which they are told."""

    owner_name: str | None
    invitations: tuple[Invitation, ...]


@dataclass(frozen=True, slots=True)
class Reminder:
    """What ``rat_due`` says to a member, by the role that he or she has."""

    owner_name: str | None
    role: str
    cooperative: str
    agency: str
    book_year: int
    due: date


Values = Invitation | Digest | Reminder
LONGEST = 1024
"""Characters that Meta takes in the body of a template, filled in; a digest that would be longer tells of fewer."""


def render(template: str, values: Values) -> str:
    """The text, in one line. Raises ``TextError``; an unknown template is a mistake of ours and raises jinja's own."""
    return _rendered(f"{template}.jinja", values)


def form(template: str, values: Values) -> Form | None:
    """The same for WhatsApp: the approved template and its parameters; None for a template that has no such form.

    Raises as ``render``. Parameters stand one a line in ``<template>.whatsapp.jinja``, the approved words with
    ``{{1}}`` in ``<template>.whatsapp.txt``, and name, language and category in ``templates.csv``.
    """
    name, language, category = _approved()[template]
    if not name:
        return None
    parameters = tuple(one for one in _rendered(f"{template}.whatsapp.jinja", values).split("\n") if one)
    return Form(name, language, category, parameters)


def filled(template: str, parameters: Sequence[str]) -> str:
    """What the owner sees on WhatsApp: the approved words with the parameters put in."""
    words = (_FOLDER / f"{template}.whatsapp.txt").read_text(encoding="utf-8").rstrip("\n")
    return re.sub(r"\{\{(\d+)\}\}", lambda found: parameters[int(found[1]) - 1], words)


def names() -> tuple[str, ...]:
    """All templates there are."""
    return tuple(_approved())


def _rendered(file: str, values: Values) -> str:
    try:
        return _TEMPLATES.get_template(file).render({one.name: getattr(values, one.name) for one in fields(values)})
    except UndefinedError:
        raise TextError("value_missing") from None


@cache
def _approved() -> Mapping[str, tuple[str, str, str]]:
    with (_FOLDER / "templates.csv").open(encoding="utf-8") as rows:
        return {
            row["template"]: (row["whatsapp_name"], row["language"], row["whatsapp_category"])
            for row in csv.DictReader(rows)
        }


def date_in_words(day: date) -> str:
    """`5 Januari 2026`."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def thousands(number: int) -> str:
    """`1.500`, with dots as Indonesian writes them."""
    return f"{number:,}".replace(",", ".")


def listing(names: Sequence[str]) -> str:
    """`A dan B`, `A, B, dan C`; from the fourth on only how many more there are, to keep the message short."""
    if len(names) > _NAMES_SHOWN:
        names = [*names[:_NAMES_SHOWN], f"{len(names) - _NAMES_SHOWN} usaha lainnya"]
    if len(names) <= 2:
        return " dan ".join(names)
    return f"{', '.join(names[:-1])}, dan {names[-1]}"


def _without_full_stop(text: str) -> str:
    return text.rstrip(" .")


def _checked(value: Any) -> Any:
    """Every value on its way into a text passes here, before a filter has seen it and after."""
    if value is None or value in ("", ()):
        raise TextError("value_missing")
    if isinstance(value, tuple):
        return tuple(_checked(one) for one in value)
    if isinstance(value, str) and any(unicodedata.category(one) in _CONTROL or one in _TURNING for one in value):
        raise TextError("control_character")
    return value


_FILTERS: Mapping[str, Callable[[Any], str]] = {
    "tanggal": date_in_words,
    "ribuan": thousands,
    "berderet": listing,
    "tanpa_titik": _without_full_stop,
}


def _strictly(words: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: words(_checked(value))


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        undefined=StrictUndefined,
        finalize=_checked,
        autoescape=False,  # noqa: S701 - WhatsApp and SMS show text as it is; "&amp;" would be shown as "&amp;"
    )
    for name, words in _FILTERS.items():
        made.filters[name] = _strictly(words)
    return made


_TEMPLATES = _environment()
