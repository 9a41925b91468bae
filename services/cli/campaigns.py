"""`binaan census` and `binaan drive`: how far a campaign of an office has come, and whom it has not reached yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from services.cli.asking import pages
from services.cli.client import PATIENCE_SECONDS
from services.cli.filing import Csv, Xlsx
from services.cli.options import As, Json, Patience, print_json
from services.cli.screen import out
from services.cli.tables import show, table

_BUSINESS = ("business_id", "name", "region")
_PART = ("region", "target", "found", "moved", "closed", "new", "workers", "workers_told")
_PROGRESS = ("status", "founded", "forming", "target_cooperatives", "members_each")


def census(
    census_id: Annotated[str, typer.Argument(metavar="CENSUS", help="As the reply to its opening said.")],
    *,
    account: As,
    json: Json = False,
    xlsx: Xlsx = None,
    csv: Csv = None,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Show how far a census has come in each kelurahan, and list the businesses that nobody has visited.

    A file holds those businesses.

    Example: `binaan census 9b1f1f0a-2f0e-8d1c-9a55-0b8f0d3c1a74 --xlsx belum-didatangi.xlsx --as dinkop-siantar`
    """
    found = pages(account, "registry.census.request", {"census_id": census_id, "limit": 100}, patience)
    state, left = found[-1]["census"], _left(found, "never_visited")
    if json:
        print_json({"state": state, "never_visited": left})
        return
    said = f"{state['name']}: {state['visited']} of {state['target']} visited, until {state['deadline']}"
    _show(said, table(state["parts"], _PART, "region"), left, xlsx=xlsx, csv=csv)


def drive(
    drive_id: Annotated[str, typer.Argument(metavar="DRIVE", help="As the reply to its opening said.")],
    *,
    account: As,
    json: Json = False,
    xlsx: Xlsx = None,
    csv: Csv = None,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Show how far a drive to form cooperatives has come, and list the businesses that belong to none yet.

    A file holds those businesses.

    Example: `binaan drive 7d0f2f06-55ab-87c2-a8f4-0a3be45a7c12 --as dinkop-siantar`
    """
    found = pages(account, "registry.drive.request", {"drive_id": drive_id, "limit": 100}, patience)
    state, left = found[-1]["drive"], _left(found, "without_cooperative")
    if json:
        print_json({"state": state, "without_cooperative": left})
        return
    said = f"{state['name']}: {state['founded']} of {state['target_cooperatives']} founded, until {state['deadline']}"
    _show(said, table([state], _PROGRESS, "status"), left, xlsx=xlsx, csv=csv)


def _left(found: Sequence[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    """Those whom all pages name."""
    return [one for page in found for one in page[name]]


def _show(
    said: str, progress: Table, left: Sequence[Mapping[str, Any]], *, xlsx: Path | None, csv: Path | None
) -> None:
    out().print(said, markup=False)
    out().print(progress, "")
    show(left, _BUSINESS, json=False, nothing="Nobody is left.", xlsx=xlsx, csv=csv)
