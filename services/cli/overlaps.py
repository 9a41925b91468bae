"""`binaan overlap list` and `binaan never-served`: who would receive twice, and who has never received (S1-24)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from services.cli.asking import collect
from services.cli.client import PATIENCE_SECONDS
from services.cli.filing import Csv, Xlsx, save
from services.cli.options import As, Json, Patience, print_json, region_code
from services.cli.tables import show

app = typer.Typer(help="Overlaps: two offices that give the same to one person.", no_args_is_help=True)

_OVERLAP = (
    "overlap_id",
    "status",
    "verdict",
    "hard",
    "kind",
    "agency",
    "stage",
    "on",
    "other_kind",
    "other_agency",
    "other_stage",
    "other_on",
    "resolution",
    "reason",
)
_NEVER_SERVED = ("business_id", "name", "region", "status", "scale", "role", "needs", "recorded_on", "owner_id")


@app.command("list")
def list_(
    *,
    account: As,
    region: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="All that touch a region of one's own; one's own grants' if none."),
    ] = None,
    status: Annotated[str, typer.Option(metavar="WORD", help="open, resolved or cleared.")] = "open",
    json: Json = False,
    xlsx: Xlsx = None,
    csv: Csv = None,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """List what stands against each other: both sides, what the rule says, and how it was settled.

    Example: `binaan overlap list --as dinkop-medan`

    Example: `binaan overlap list --region 64 --status resolved --xlsx selesai.xlsx --as disperindagkop-kaltim`
    """
    asked: dict[str, Any] = {"status": status, "limit": 200}
    asked |= {"region": region_code(region)} if region else {}
    found = collect(account, "aid.overlap.request", asked, patience)
    rows = [overlap_row(one) for one in found]
    save(rows, _OVERLAP, xlsx=xlsx, csv=csv)
    if json:
        print_json(found)
    else:
        show(rows, _OVERLAP, json=False, nothing="Nothing overlaps.")


def overlap_row(one: Mapping[str, Any]) -> dict[str, Any]:
    """An overlap in one line; the reason is the rule's, or that of its resolution."""
    side, other = one["sides"]
    resolution = one.get("resolution") or {}
    names = ("kind", "agency", "stage", "on")
    return {
        **{name: one[name] for name in ("overlap_id", "status", "verdict", "hard")},
        **{name: side[name] for name in names},
        **{f"other_{name}": other[name] for name in names},
        "resolution": resolution.get("resolution"),
        "reason": resolution.get("reason") or one["text_id"],
    }


def never_served(
    *,
    account: As,
    region: Annotated[
        str | None, typer.Option(metavar="CODE", help="A region within one's own (12.71.01); one's own if none.")
    ] = None,
    json: Json = False,
    xlsx: Xlsx = None,
    csv: Csv = None,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """List the active businesses whose owner nobody has ever given anything: no office, in no programme.

    Example: `binaan never-served --as dinkop-medan`

    Example: `binaan never-served --region 12.71.01 --xlsx belum-pernah.xlsx --as dinkop-medan`
    """
    asked: dict[str, Any] = {"region": region_code(region)} if region else {}
    found = collect(account, "aid.never_served.request", asked, patience)
    show(found, _NEVER_SERVED, json=json, nothing="Everybody has been served.", xlsx=xlsx, csv=csv)
