"""`binaan budget`: how much of the money of each budget line is left, how far it is used up, and whether it adds up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer

from services.cli.asking import collect, tell
from services.cli.client import PATIENCE_SECONDS
from services.cli.exits import CliError, Exit
from services.cli.filing import Csv, Xlsx, save
from services.cli.options import As, Json, Patience, print_json, region_code
from services.cli.screen import say
from services.cli.tables import show

COLUMNS = (
    "budget_id",
    "instansi",
    "tahun",
    "sumber",
    "baris",
    "versi",
    "pagu",
    "dicadangkan",
    "ditetapkan",
    "realisasi",
    "sisa",
    "dilepas",
    "serapan_persen",
    "perkiraan_persen",
    "sisa_bulan",
    "perlu_per_bulan",
    "seharusnya_persen",
)
_SHOWN = (
    "budget_id",
    "instansi",
    "sumber",
    "pagu",
    "dicadangkan",
    "ditetapkan",
    "realisasi",
    "sisa",
    "serapan_persen",
    "perkiraan_persen",
    "seharusnya_persen",
)
ENTRY_COLUMNS = ("entry_id", "on", "kind", "amount", "taken_from", "put_into", "grant_id")
_BALANCES = ("reserved", "committed", "realised")


def budget(
    *,
    account: As,
    agency: Annotated[str | None, typer.Option(metavar="ACCOUNT", help="Of one agency; of all in the region.")] = None,
    region: Annotated[str | None, typer.Option(metavar="CODE", help="A region within one's own; one's own.")] = None,
    year: Annotated[int | None, typer.Option(metavar="YEAR", help="The fiscal year; this one.")] = None,
    entries: Annotated[
        str | None, typer.Option(metavar="BUDGET_ID", help="Every movement of one line, added up and compared.")
    ] = None,
    json: Json = False,
    xlsx: Xlsx = None,
    csv: Csv = None,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Show how much is left of each budget line: ceiling, reserved, committed, realised, and how its year will end.

    `serapan_persen` is what is realised of the ceiling, `perkiraan_persen` where it ends at the pace of the months that
    are over, `seharusnya_persen` where it should be by now, if it is not.

    Example: `binaan budget --as dinkop-medan`

    Example: `binaan budget --agency dinkop-medan --year 2026 --xlsx anggaran.xlsx --as disperindagkop-kaltim`
    """
    if entries is not None:
        _show_entries(account, entries, patience, json=json, xlsx=xlsx, csv=csv)
        return
    asked = {"agency": agency, "region": region_code(region) if region else None, "fiscal_year": year, "limit": 200}
    sent = {name: value for name, value in asked.items() if value is not None}
    found = collect(account, "aid.budget.request", sent, patience)
    rows = [row_of(one) for one in found]
    save(rows, COLUMNS, xlsx=xlsx, csv=csv)
    if json:
        print_json(found)
    else:
        show(rows, _SHOWN, json=False, nothing="There are no budget lines.")


def row_of(one: Mapping[str, Any]) -> dict[str, Any]:
    """A line as an office reads it; money is whole rupiah."""
    line, ahead = one["budget"], one["absorption"]
    return {
        "budget_id": line["budget_id"],
        "instansi": line["agency"],
        "tahun": line["fiscal_year"],
        "sumber": line["source"],
        "baris": line["line"],
        "versi": line["version"],
        "pagu": line["pagu"],
        "dicadangkan": line["reserved"],
        "ditetapkan": line["committed"],
        "realisasi": line["realised"],
        "sisa": one["available"],
        "dilepas": line["released"],
        "serapan_persen": ahead["percent"],
        "perkiraan_persen": ahead.get("percent_by_year_end"),
        "sisa_bulan": ahead["months_left"],
        "perlu_per_bulan": ahead.get("needed_each_month"),
        "seharusnya_persen": line.get("behind"),
    }


# --- the movements of one line ----------------------------------------------------------------------------------------


def _show_entries(account: str, budget_id: str, patience: float, **where: Any) -> None:
    line, found = _entries(account, budget_id, patience)
    json = where.pop("json")
    show(found, ENTRY_COLUMNS, json=json, nothing="There are no entries.", **where)
    if not (wrong := differences(line, found)):
        say("The balances are the sum of the entries.")
        return
    raise CliError(Exit.REFUSED, f"The balances are not the sum of the entries: {', '.join(wrong)}.")


def _entries(account: str, budget_id: str, patience: float) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The line and its entries of one moment: again from the start where it has moved between two pages."""
    while True:
        found: list[dict[str, Any]] = []
        sequences, after = set(), None
        while True:
            data = {"budget_id": budget_id, "limit": 500, **({"after": after} if after else {})}
            reply = tell(account, "aid.budget.request", data, patience).data
            found += reply["answer"]["entries"]
            sequences.add(reply["answer"]["sequence"])
            after = reply.get("next")
            if after is None:
                break
        if len(sequences) == 1:
            return dict(reply["answer"]["budget"]), sorted(found, key=lambda one: (one["on"], one["entry_id"]))


def differences(line: Mapping[str, Any], entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """The balances of a line that its entries do not add up to."""
    sums = dict.fromkeys((*_BALANCES, "pagu", "released"), 0)
    for one in entries:
        for name, amount in ((one["taken_from"], -one["amount"]), (one["put_into"], one["amount"])):
            if name in _BALANCES:
                sums[name] += amount
            elif name == "pagu":
                sums["pagu"] -= amount
        sums["released"] += one["amount"] if one["kind"] == "release" else 0
    return [name for name, amount in sums.items() if line[name] != amount]
