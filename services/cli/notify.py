"""`binaan notify`: how messages to owners read, how far they have come, and what became of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from services.cli.asking import collect, tell
from services.cli.client import PATIENCE_SECONDS
from services.cli.exits import wrong_usage
from services.cli.filing import Csv, Xlsx, save
from services.cli.options import Json, Patience, print_json, region_code
from services.cli.screen import out
from services.cli.tables import show
from shared.contracts.envelope import ADMINISTRATOR

app = typer.Typer(
    help="Messages to owners: how they read, how far they have come, and what became of each.", no_args_is_help=True
)

As = Annotated[
    str, typer.Option("--as", metavar="ACCOUNT", help="An agency is told of its own programmes' messages only.")
]
Beneficiary = Annotated[str, typer.Argument(metavar="BENEFICIARY", help="The id of a business.", show_default=False)]

_WIDTH = 64
_LOOK_EVERY_SECONDS = 1.0
_STATES = {
    "read": ("dibaca", "bright_green"),
    "delivered": ("sampai", "green"),
    "sent": ("dikirim", "cyan"),
    "queued": ("menunggu", "blue"),
    "uncertain": ("tidak pasti", "yellow"),
    "suppressed": ("tidak dikirim", "bright_black"),
    "expired": ("kedaluwarsa", "magenta"),
    "failed": ("gagal", "red"),
}
"""The states of a message, the best first: what officials call them, and their colour."""
_MESSAGES = (
    "message_id",
    "beneficiary_id",
    "programme_id",
    "template",
    "channel",
    "state",
    "reason",
    "attempt",
    "since",
)
_MOVES = ("at", "state", "reason", "channel", "provider", "message_id")
_UNCERTAIN = ("message_id", "beneficiary_id", "region", "channel", "provider", "attempt", "reason")


# --- how messages read ------------------------------------------------------------------------------------------------


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
    asked = {"template": template} if template else {}
    found = collect(ADMINISTRATOR, "notify.template.request", asked, patience)
    if json:
        print_json(found)
        return
    for one in found:
        _show_template(one)


@app.command()
def causes(json: Json = False, xlsx: Xlsx = None, csv: Csv = None, patience: Patience = PATIENCE_SECONDS) -> None:
    """Show which event causes which message, to whom, and whether it needs the owner's consent.

    Example: `binaan notify causes --xlsx pesan.xlsx`
    """
    found = collect(ADMINISTRATOR, "notify.template.request", {}, patience)
    rows = [{"template": one["template"], **cause} for one in found for cause in one["causes"]]
    columns = ("template", "event", "when", "to", "category", "priority", "valid_from")
    show(rows, columns, json=json, nothing="Nothing causes a message.", xlsx=xlsx, csv=csv)


# --- what became of them ----------------------------------------------------------------------------------------------


@app.command()
def status(
    beneficiary: Beneficiary,
    *,
    account: As = ADMINISTRATOR,
    json: Json = False,
    xlsx: Xlsx = None,
    csv: Csv = None,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Show where the messages about a business stand: never to which number, never the text.

    Example: `binaan notify status 9ddd0d28-132b-81f3-b2d5-94d78db6e1c2 --as dinkop-medan`
    """
    found = _about(beneficiary, account, patience)
    _show_messages(found, json=json, xlsx=xlsx, csv=csv)


@app.command()
def history(
    beneficiary: Beneficiary,
    *,
    account: As = ADMINISTRATOR,
    json: Json = False,
    xlsx: Xlsx = None,
    csv: Csv = None,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Show how the messages about a business came to where they stand, step by step.

    Example: `binaan notify history 9ddd0d28-132b-81f3-b2d5-94d78db6e1c2 --as dinkop-medan`
    """
    moves = [
        {"message_id": one["message_id"], **move}
        for one in _about(beneficiary, account, patience)
        for move in one["history"]
    ]
    rows = sorted(moves, key=lambda move: move["at"])
    if not json:
        rows = [{**one, "at": _clock(one["at"])} for one in rows]
    show(rows, _MOVES, json=json, nothing=_NO_MESSAGES, xlsx=xlsx, csv=csv)


@app.command()
def campaign(
    programme: Annotated[str, typer.Argument(metavar="PROGRAMME", help="The id of a programme.", show_default=False)],
    *,
    account: As = ADMINISTRATOR,
    state: Annotated[
        str | None, typer.Option("--state", metavar="STATE", help=f"List those: {', '.join(_STATES)}.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until nothing waits any more.")] = False,
    json: Json = False,
    xlsx: Xlsx = None,
    csv: Csv = None,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Show how far the messages about a programme have come; with --state, list those that stand there.

    Example: `binaan notify campaign 4ae97f8f-441d-83eb-bfdf-22c7b0e3fdcd --follow --as dinkop-medan`

    Example: `binaan notify campaign 4ae97f8f-441d-83eb-bfdf-22c7b0e3fdcd --state failed --xlsx gagal.xlsx`
    """
    if state is not None:
        asked = {"programme_id": programme, "state": _state(state), "limit": 500}
        listed = collect(account, "notify.message.request", asked, patience)
        _show_messages(listed, json=json, xlsx=xlsx, csv=csv)
        return

    def look() -> Mapping[str, Any]:
        answer: Mapping[str, Any] = tell(account, "notify.campaign.request", {"programme_id": programme}, patience).data
        return dict(answer["answer"])

    found = _followed(look) if follow and not json else look()
    rows = [{"state": one, "messages": found["states"][one]} for one in _STATES if one in found["states"]]
    save(rows, ("state", "messages"), xlsx=xlsx, csv=csv)
    if json:
        print_json(found)
    elif not follow:
        out().print(progress_of(found))


@app.command()
def uncertain(
    *,
    region: Annotated[
        str | None, typer.Option("--region", metavar="CODE", help="Kemendagri code, such as 12.71; all if absent.")
    ] = None,
    account: As = ADMINISTRATOR,
    json: Json = False,
    xlsx: Xlsx = None,
    csv: Csv = None,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """List messages of which nobody knows whether the provider has taken them. They are never sent again by themselves.

    Example: `binaan notify uncertain --region 12.71`
    """
    asked = {"region": region_code(region)} if region else {}
    found = collect(account, "notify.message.request", asked, patience)
    show(found, _UNCERTAIN, json=json, nothing="Nothing is uncertain.", xlsx=xlsx, csv=csv)


_NO_MESSAGES = "There is no message about this business that this account may know of."


def _about(beneficiary: str, account: str, patience: float) -> list[dict[str, Any]]:
    return collect(account, "notify.message.request", {"beneficiary_id": beneficiary}, patience)


def _state(given: str) -> str:
    if given not in _STATES:
        raise wrong_usage(f"--state is one of {', '.join(_STATES)}.")
    return given


def _followed(look: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """The bar as it grows, until nothing waits; into a pipe, only its end."""
    found = look()
    with Live(progress_of(found), console=out(), refresh_per_second=4, transient=False) as live:
        while found["looking"] or found["states"].get("queued"):
            time.sleep(_LOOK_EVERY_SECONDS)
            found = look()
            live.update(progress_of(found))
    return found


# --- what is shown ----------------------------------------------------------------------------------------------------


def progress_of(found: Mapping[str, Any]) -> Group:
    """A campaign: its name, a bar of what has come to an end, and how many owners stand where."""
    total, states = int(found["total"]), found["states"]
    done = total - int(states.get("queued", 0))
    bar = Table.grid(padding=(0, 2))
    percent = f"{done * 100 // total} %" if total else "nobody yet"
    bar.add_row(ProgressBar(total=max(1, total), completed=done, width=40), f"{done} / {total}", percent)
    table = Table(box=None, pad_edge=False, show_header=False)
    for column in ("", "", "", ""):
        table.add_column(column, justify="right" if column == "" else "left")
    for state, (word, colour) in _STATES.items():
        if number := int(states.get(state, 0)):
            part = ProgressBar(total=total, completed=number, width=24, complete_style=colour, finished_style=colour)
            table.add_row(Text(state, style=colour), Text(word), str(number), part)
    looking = [Text("not all who may be eligible have been looked at yet", style="dim")] if found["looking"] else []
    until = f", apply until {found['apply_until']}" if found.get("apply_until") else ""
    title = Text(f"{found['programme']} ({found['agency']}, {found['status']}{until})", style="bold")
    return Group(title, bar, table, *looking)


def _show_messages(found: Sequence[Mapping[str, Any]], **about: Any) -> None:
    rows = [dict(one) for one in found]
    if not about["json"]:
        rows = [{**one, "since": _clock(one["history"][-1]["at"]) if one["history"] else ""} for one in rows]
    show(rows, _MESSAGES, nothing=_NO_MESSAGES, **about)


def _clock(instant: str) -> str:
    """As a person reads it, by the clock of this machine."""
    return f"{datetime.fromisoformat(instant).astimezone():%Y-%m-%d %H:%M:%S}"


def _show_template(one: dict[str, Any]) -> None:
    for panel in _bubbles(one):
        out().print(panel, soft_wrap=False)
    for cause in one["causes"]:
        text = f"  {cause['event']} → {cause['to']} ({cause['category']}, {cause['priority']}): {cause['when']}"
        out().print(text, markup=False)


def _bubbles(one: dict[str, Any]) -> Iterator[Panel]:
    sms, form = one["sms"], one["whatsapp"]
    length = f"{sms['segments']} SMS, {sms['encoding']}, {sms['units']} of {160 if sms['encoding'] == 'GSM-7' else 70}"
    yield _bubble(one["text"], f"SMS · {one['template']}", length, "blue")
    if form is not None:
        about = f"{form['name']} · {form['language']} · {form['category']}"
        yield _bubble(form["text"], f"WhatsApp · {one['template']}", about, "green")


def _bubble(text: str, title: str, below: str, colour: str) -> Panel:
    shown = Text(text, no_wrap=False, overflow="fold")
    return Panel(shown, title=title, title_align="left", subtitle=below, width=_WIDTH, border_style=colour)
