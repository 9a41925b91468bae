"""What a provider's refusal means for the message: ``refusals.csv``, from the vendors' lists of error codes.

The consequences:

- ``other_channel``: this channel cannot reach the person; the next one is tried
- ``later``: the provider is asked again after a pause
- ``capped``: not again to this person for a day (Meta's cap on marketing)
- ``stopped``: the person has refused; registry is told, and nothing more goes
- ``provider``: the provider cannot be used until somebody has mended it; another one is tried
- ``template``: it would be refused again and again; it fails at once, and operators are told
- ``never``: it fails
"""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources
from typing import Literal, cast

Consequence = Literal["other_channel", "later", "capped", "stopped", "provider", "template", "never"]
ALARMING: frozenset[Consequence] = frozenset({"provider", "template"})
"""What an operator must hear of at once."""


def consequence_of(kind: str, code: str) -> Consequence:
    """Of a refusal by a provider of a kind (``whatsapp``, ``twilio``, ``zenziva``); what is not listed is final."""
    if known := _table().get((kind, code)) or _table().get(("*", code)):
        return known
    if kind == "whatsapp" and code.startswith("132"):
        return "template"
    if kind == "whatsapp" and code.isdigit() and 200 <= int(code) <= 299:
        return "provider"
    if kind == "zenziva":
        return "provider"  # it documents few: a refusal that nobody understands must not fail a whole campaign
    return "never"


@cache
def _table() -> dict[tuple[str, str], Consequence]:
    with resources.files(__package__).joinpath("refusals.csv").open(encoding="utf-8") as rows:
        return {(row["kind"], row["code"]): cast(Consequence, row["consequence"]) for row in csv.DictReader(rows)}
