"""What the form of an aid asks for: papers, who may receive, and whether two years running are allowed.

A hibah goes to governments, companies of the state and bodies with legal standing (UU 23/2014 art. 298(5)), so a
sole trader mostly cannot have one; it needs an agreement (NPHD) and is not given year after year (Permendagri 77/2020).
Businesses of persons get goods that are handed to the public, or bansos; training is an activity and a referral to a
bank costs nothing (sources §4). The rules are dated policy: ``forms.csv`` beside this file.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources

PERSON, LEGAL_BODY, REGION = "person", "legal_body", "region"
_LEGAL_FORMS = frozenset({"pt", "pt_perorangan", "koperasi", "yayasan", "bumdes", "perkumpulan"})
"""Forms of law that are persons before it; a CV or a firma is its partners (KUHD art. 16, 19)."""


@dataclass(frozen=True, slots=True)
class Form:
    """``papers`` are the kinds of document that must be there when it is decided."""

    valid_from: date
    form: str
    agreement: bool
    recipients: frozenset[str]
    not_consecutive: bool
    papers: frozenset[str]


def recipient_kind(legal_form: str | None) -> str:
    """Which kind of recipient a business is by its form of law; one that has told none is its owner."""
    return LEGAL_BODY if legal_form in _LEGAL_FORMS else PERSON


def form_on(form: str, on: date) -> Form:
    """The rules of a form in force on a day. Raises ``LookupError`` for a form that the table does not have."""
    in_force = [one for one in _forms() if one.form == form and one.valid_from <= on]
    if not in_force:
        raise LookupError("no rule for this form of aid")
    return max(in_force, key=lambda one: one.valid_from)


@cache
def _forms() -> tuple[Form, ...]:
    with resources.files(__package__).joinpath("forms.csv").open(encoding="utf-8") as rows:
        return tuple(
            Form(
                valid_from=date.fromisoformat(row["valid_from"]),
                form=row["form"],
                agreement=row["agreement"] == "yes",
                recipients=frozenset(row["recipients"].split()),
                not_consecutive=row["not_consecutive"] == "yes",
                papers=frozenset(row["papers"].split()),
            )
            for row in csv.DictReader(rows)
        )
