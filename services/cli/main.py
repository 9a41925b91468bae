"""`binaan`, the command line. It speaks the public contract over AMQP like any other system, and nothing else."""

from __future__ import annotations

import logging
from importlib.metadata import version
from typing import Annotated

import typer

from services.cli import (
    agency,
    ask,
    budget,
    business,
    campaigns,
    contract,
    cooperatives,
    exporting,
    grants,
    integrator,
    messages,
    notify,
    office,
    official,
    operators,
    overlaps,
    programmes,
    stats,
)
from services.cli.demo.command import demo
from services.cli.exits import MEANINGS
from services.cli.options import Group
from services.cli.stack import app as stack

HELP = f"""Binaan: which businesses exist, who may receive what, who has been told.

The main job, on a local stack:

* `binaan stack up`
* `binaan import umkm-medan.xlsx --as dinkop-medan`
* `binaan verify umkm-medan.hasil.xlsx --as dinkop-medan --actor kabid`
* `binaan designate umkm-medan.verifikasi.xlsx --decree SK-12/2026 --date 2026-02-01 --as dinkop-medan --actor kadis`
* `binaan tail --region 12.71`

The broker is the local stack's, or BINAAN_AMQP_URL. An account's password is BINAAN_PASSWORD; on the local stack a demo
account's password is its name.

{MEANINGS}
"""

app = typer.Typer(
    cls=Group,
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="markdown",  # which joins the lines of a paragraph
)
app.add_typer(stack, name="stack")
app.command("import")(office.import_)
app.command()(office.verify)
app.command()(office.designate)
app.command()(exporting.export)
app.command()(business.business)
app.command()(ask.ask)
app.command()(demo)
app.command()(messages.send)
app.command()(messages.replies)
app.command()(messages.tail)
app.command()(operators.outbox)
app.add_typer(operators.parked, name="parked", no_args_is_help=True)
app.add_typer(agency.app, name="agency")
app.add_typer(official.app, name="official")
app.add_typer(integrator.app, name="integrator")
app.command()(cooperatives.cooperatives)
app.command()(campaigns.census)
app.command()(campaigns.drive)
app.command()(budget.budget)
app.add_typer(grants.app, name="grant")
app.add_typer(stats.app, name="stats")
app.add_typer(programmes.app, name="programme", no_args_is_help=True)
app.command()(programmes.explain)
app.add_typer(overlaps.app, name="overlap")
app.command("never-served")(overlaps.never_served)
app.add_typer(contract.app, name="contract")
app.add_typer(notify.app, name="notify")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("binaan"))
        raise typer.Exit


@app.callback()
def _binaan(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    # What these libraries log, they also raise; a person at a terminal is told once.
    for library in ("aio_pika", "aiormq"):
        logging.getLogger(library).setLevel(logging.CRITICAL + 1)
