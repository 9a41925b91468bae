"""The commands `official`: who decides in an agency, from when until when."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import typer

from services.cli.asking import collect, tell
from services.cli.client import PATIENCE_SECONDS
from services.cli.exits import wrong_usage
from services.cli.filing import Csv, Xlsx
from services.cli.options import Json, Patience, print_json
from services.cli.screen import say
from services.cli.tables import show
from shared.contracts.envelope import ADMINISTRATOR
from shared.reference import dates
from shared.reference.invalid import Invalid

app = typer.Typer(help="Officials: name those who decide in an agency, end a term, list them.", no_args_is_help=True)

Official = Annotated[
    str, typer.Argument(metavar="OFFICIAL", help="A handle of the agency's choosing, such as kadis; nobody's name.")
]
Speaker = Annotated[
    str, typer.Option("--as", metavar="ACCOUNT", help="The agency itself; the administrator if not given.")
]
Agency = Annotated[
    str | None, typer.Option(metavar="ACCOUNT", help="Whose official it is, where the administrator speaks.")
]
_COLUMNS = ("handle", "role", "unit", "acting", "valid_from", "valid_until", "in_office", "official_id")


@app.command()
def add(
    official: Official,
    *,
    role: Annotated[str, typer.Option(metavar="ROLE", help="kadis, kabid or petugas.")],
    account: Speaker = ADMINISTRATOR,
    agency: Agency = None,
    unit: Annotated[str | None, typer.Option(metavar="TEXT", help="The bidang or UPT.")] = None,
    acting: Annotated[
        bool, typer.Option("--acting", help="Plt.: acts in another's place, and has a last day.")
    ] = False,
    since: Annotated[str | None, typer.Option("--from", metavar="DATE", help="First day; today if not given.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Last day, included.")] = None,
    json: Json = False,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Name an official of an agency, or change what was said of one.

    Example: `binaan official add plt --role kadis --acting --from 2026-03-01 --until 2026-05-31 --as dinkop-medan`
    """
    first = _day("--from", since) if since else date.today().isoformat()  # noqa: DTZ011 - of whoever types
    data: dict[str, Any] = {"official": official, "role": role, "acting": acting, "valid_from": first}
    data |= {"unit": unit} if unit else {}
    data |= {"valid_until": _day("--until", until)} if until else {}
    _tell("register", account, agency, data, json=json, patience=patience)


@app.command()
def end(
    official: Official,
    *,
    account: Speaker = ADMINISTRATOR,
    agency: Agency = None,
    last_day: Annotated[
        str | None, typer.Option(metavar="DATE", help="A last day still in office; at once if not given.")
    ] = None,
    json: Json = False,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """End the term of an official, at once or with a last day.

    Example: `binaan official end kadis --as dinkop-medan --last-day 2026-05-31`
    """
    data = {"official": official, **({"last_day": _day("--last-day", last_day)} if last_day else {})}
    _tell("end", account, agency, data, json=json, patience=patience)


@app.command("list")
def list_(
    *,
    account: Speaker = ADMINISTRATOR,
    agency: Agency = None,
    json: Json = False,
    xlsx: Xlsx = None,
    csv: Csv = None,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """List the officials of an agency.

    Example: `binaan official list --as dinkop-medan`
    """
    found = collect(account, "registry.official.request", _whose(account, agency), patience)
    nothing = "The agency has named no official."
    show(found, _COLUMNS, json=json, nothing=nothing, whole="official_id", xlsx=xlsx, csv=csv)


def _tell(verb: str, account: str, agency: str | None, data: dict[str, Any], *, json: bool, patience: float) -> None:
    reply = tell(account, f"registry.official.{verb}", {**data, **_whose(account, agency)}, patience)
    if json:
        print_json(reply.data)
    else:
        say(f"{data['official']}: {reply.result['outcome']}.")


def _whose(account: str, agency: str | None) -> dict[str, Any]:
    if account == ADMINISTRATOR and agency is None:
        raise wrong_usage("Say whose official it is: --agency ACCOUNT, or --as ACCOUNT to speak as the agency itself.")
    return {"agency": agency} if agency else {}


def _day(option: str, text: str) -> str:
    try:
        return dates.parse(text).isoformat()
    except Invalid as error:
        raise wrong_usage(f"{option}: {error.text_en}") from None
