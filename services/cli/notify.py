"""`binaan notify`: how messages to owners read, and those of which nobody knows whether they were taken."""

from __future__ import annotations

import asyncio
import uuid
from typing import Annotated, Any

import typer
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from services.cli.client import PATIENCE_SECONDS, Door, Intake, opened
from services.cli.connection import find
from services.cli.exits import CliError, Exit
from services.cli.options import Json, Patience, print_json
from services.cli.screen import out, say
from shared.contracts.envelope import ADMINISTRATOR

app = typer.Typer(help="Messages to owners: how they read, and which are uncertain.", no_args_is_help=True)

_WIDTH = 64


@app.command()
def preview(
    template: Annotated[
        str | None, typer.Argument(metavar="TEMPLATE", help="One template; all if absent.", show_default=False)
    ] = None,
    json: Json = False,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Show how messages read, with invented values: as SMS with their length, and as WhatsApp shows them.

    Example: `binaan notify preview programme_eligible_id_v2`
    """
    found, _ = asyncio.run(_asked("notify.template.request", {"template": template} if template else {}, patience))
    if json:
        print_json(found)
        return
    for one in found:
        _show(one)


@app.command()
def uncertain(
    region: Annotated[
        str | None, typer.Option("--region", metavar="CODE", help="Kemendagri code, such as 12.71; all if absent.")
    ] = None,
    json: Json = False,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """List messages of which nobody knows whether the provider has taken them. They are never sent again by themselves.

    Example: `binaan notify uncertain --region 12.71`
    """
    found = asyncio.run(_all_uncertain({"region": region} if region else {}, patience))
    if json:
        print_json(found)
    elif found:
        out().print(_table(found))
    else:
        say("Nothing is uncertain.")


async def _all_uncertain(data: dict[str, Any], patience: float) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        page, after = await _asked("notify.message.request", {**data, **({"after": after} if after else {})}, patience)
        found += page
    return found


async def _asked(key: str, data: dict[str, Any], patience: float) -> tuple[list[dict[str, Any]], str | None]:
    async with opened(find(ADMINISTRATOR), patience) as door:
        return await _ask(door, key, data)


async def _ask(door: Door, key: str, data: dict[str, Any]) -> tuple[list[dict[str, Any]], str | None]:
    reply = await door.ask(Intake(str(uuid.uuid4()), key, data))
    if reply.rejected:
        raise CliError(Exit.REFUSED, reply.texts())
    return list(reply.data["answer"]), reply.data.get("next")


def _show(one: dict[str, Any]) -> None:
    sms, form = one["sms"], one["whatsapp"]
    length = f"{sms['segments']} SMS, {sms['encoding']}, {sms['units']} of {160 if sms['encoding'] == 'GSM-7' else 70}"
    out().print(_bubble(one["text"], f"SMS · {one['template']}", length, "blue"), soft_wrap=False)
    if form is not None:
        about = f"{form['name']} · {form['language']} · {form['category']}"
        out().print(_bubble(form["text"], f"WhatsApp · {one['template']}", about, "green"), soft_wrap=False)
    for cause in one["causes"]:
        text = f"  {cause['event']} → {cause['to']} ({cause['category']}, {cause['priority']}): {cause['when']}"
        out().print(text, markup=False)


def _bubble(text: str, title: str, below: str, colour: str) -> Panel:
    shown = Text(text, no_wrap=False, overflow="fold")
    return Panel(shown, title=title, title_align="left", subtitle=below, width=_WIDTH, border_style=colour)


def _table(found: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    columns = ("message_id", "beneficiary_id", "region", "channel", "provider", "attempt", "reason")
    for column in columns:
        table.add_column(column, no_wrap=column.endswith("_id"))
    for one in found:
        table.add_row(*(str(one.get(column) if one.get(column) is not None else "") for column in columns))
    return table
