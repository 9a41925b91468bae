"""The commands `grant`: which grants there are, and everything about one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from services.cli.asking import collect
from services.cli.client import PATIENCE_SECONDS
from services.cli.exits import CliError, Exit
from services.cli.filing import Csv, Xlsx, save
from services.cli.options import As, Json, Patience, print_json, region_code
from services.cli.screen import out
from services.cli.tables import show, table

app = typer.Typer(help="Grants: one beneficiary's share of a programme, and what became of it.", no_args_is_help=True)

COLUMNS = (
    "grant_id",
    "status",
    "status_since",
    "fiscal_year",
    "programme_kind",
    "aid_form",
    "beneficiary_id",
    "region",
    "value",
    "delivered",
    "short",
    "decree",
    "agreement",
    "receipts",
    "programme_id",
    "budget_id",
    "agency",
    "reason",
)
_SHOWN = ("grant_id", "status", "status_since", "aid_form", "beneficiary_id", "value", "delivered", "short", "decree")


@app.command("list")
def list_(
    *,
    account: As,
    programme: Annotated[str | None, typer.Option(metavar="PROGRAMME_ID", help="Of one programme.")] = None,
    beneficiary: Annotated[str | None, typer.Option(metavar="BENEFICIARY_ID", help="Of one beneficiary.")] = None,
    status: Annotated[
        str | None, typer.Option(metavar="WORD", help="draft, submitted, verified, decided, handed_over …")
    ] = None,
    region: Annotated[str | None, typer.Option(metavar="CODE", help="A region within one's own; one's own.")] = None,
    json: Json = False,
    xlsx: Xlsx = None,
    csv: Csv = None,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """List grants: for whom, of what worth, how far they are, and what never came (`short`).

    Example: `binaan grant list --status decided --as dinkop-medan`

    Example: `binaan grant list --xlsx bantuan.xlsx --as disperindagkop-kaltim`
    """
    asked = {
        "programme_id": programme,
        "beneficiary_id": beneficiary,
        "status": status,
        "region": region_code(region) if region else None,
        "limit": 200,
    }
    sent = {name: value for name, value in asked.items() if value is not None}
    found = [one["grant"] for one in collect(account, "aid.grant.request", sent, patience)]
    rows = [row_of(one) for one in found]
    save(rows, COLUMNS, xlsx=xlsx, csv=csv)
    if json:
        print_json(found)
    else:
        show(rows, _SHOWN, json=False, nothing="There are no such grants.")


@app.command("show")
def show_one(
    grant_id: Annotated[str, typer.Argument(metavar="GRANT_ID", help="As the proposal was answered.")],
    *,
    account: As,
    json: Json = False,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Show all of one grant: its papers, its hand-overs, who did what by opaque ids.

    Example: `binaan grant show 5b0f6c1e-3a6b-8c7d-9e21-7a3f0c9d1e55 --as dinkop-medan`
    """
    found = collect(account, "aid.grant.request", {"grant_id": grant_id}, patience)
    if not found:
        raise CliError(Exit.REFUSED, "There is no such grant in the region of this agency.")
    grant = found[0]["grant"]
    if json:
        print_json(grant)
        return
    for name, value in row_of(grant).items():
        if value not in (None, "", 0):
            out().print(f"{name}: {value}", markup=False)
    for title, columns, rows in _parts(grant):
        if rows:
            out().print("", title, table(rows, columns, columns[0]))


def _parts(grant: Mapping[str, Any]) -> list[tuple[str, tuple[str, ...], list[dict[str, Any]]]]:
    handed = [{**one, **one["receipt"]} for one in grant.get("hand_overs", ())]
    return [
        ("items", ("item", "quantity", "unit_value", "from_stock"), list(grant.get("items", ()))),
        ("hand-overs (BAST)", ("number", "date", "signer_role", "value", "items"), handed),
        ("visits", ("visited_on", "finding", "by"), list(grant.get("visits", ()))),
        ("documents", ("kind", "number", "step", "location", "sha256"), list(grant.get("documents", ()))),
    ]


def row_of(grant: Mapping[str, Any]) -> dict[str, Any]:
    """A grant as one row; papers by their numbers, money in whole rupiah."""
    papers = {name: (grant.get(name) or {}).get("number") for name in ("decree", "agreement")}
    receipts = [one["receipt"]["number"] for one in grant.get("hand_overs", ())]
    return {name: grant.get(name) for name in COLUMNS} | papers | {"receipts": ", ".join(receipts)}
