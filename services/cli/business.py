"""`binaan business`: what is known of one business, each field with who said it and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from services.cli.asking import collect
from services.cli.client import PATIENCE_SECONDS
from services.cli.exits import CliError, Exit
from services.cli.filing import Csv, Xlsx
from services.cli.options import As, Json, Patience
from services.cli.tables import show

_COLUMNS = ("isian", "nilai", "menurut", "pada")
_REFERENCE = "agency_ref:"


def business(
    business_id: Annotated[str, typer.Argument(metavar="ID", help="Its ID Binaan.", show_default=False)],
    *,
    account: As,
    purpose: Annotated[str, typer.Option(metavar="WORD", help="What for, for the record of accesses.")] = "lookup",
    json: Json = False,
    xlsx: Xlsx = None,
    csv: Csv = None,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Show a business field by field: what stands, which account said it, and when that was observed.

    Of each field the observation that stands is shown: the newest, or that of a source above others (OSS for NIB and
    KBLI). Registry records that it was read, and for what.

    Example: `binaan business 9ddd0d28-132b-81f3-b2d5-94d78db6e1c2 --as dinkop-medan`
    """
    asked = {"business_ids": [business_id], "detail": "full", "purpose": purpose}
    found = collect(account, "registry.business.request", asked, patience)
    if not found:
        raise CliError(Exit.REFUSED, "There is no such business in this office's region.")
    rows = [row for one in found for row in told(one)]
    show(rows, _COLUMNS, json=json, nothing="Nothing is known of it.", xlsx=xlsx, csv=csv)


def told(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The fields of an answered business that somebody has told, the latest first."""
    detail = answer["detail"]
    known = {**answer["business"], **detail, "name": detail.get("told_name") or answer["business"]["name"]}
    known |= {f"{_REFERENCE}{account}": ref for account, ref in detail.get("agency_refs", {}).items()}
    rows = [
        {"isian": field, "nilai": known.get(field), "menurut": one["account"], "pada": one["at"]}
        for field, one in detail["told"].items()
    ]
    # Each observer has told the time by its own zone.
    return sorted(rows, key=lambda row: (datetime.fromisoformat(row["pada"]), row["isian"]), reverse=True)
