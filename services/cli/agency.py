"""The commands `agency`: an office is made known and given an account, stopped, let back in, listed."""

from __future__ import annotations

from typing import Annotated, Any, get_args

import typer

from deploy.rabbitmq.accounts import Account, Found
from services.cli.asking import collect, tell
from services.cli.broker import Broker, checked_events, checked_name, checked_permits, managed
from services.cli.client import PATIENCE_SECONDS
from services.cli.exits import CliError, Exit, wrong_usage
from services.cli.filing import Csv, Xlsx
from services.cli.options import Json, Patience, print_json, region_code
from services.cli.paste import hand_over
from services.cli.screen import say
from services.cli.tables import show
from shared.contracts.envelope import ADMINISTRATOR
from shared.contracts.registry.agencies import AgencyLevel

app = typer.Typer(
    help="Agencies: make one known and give it an account, stop it, let it back in.", no_args_is_help=True
)

AccountName = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Small letters, digits, hyphens: dinkop-langkat.")]
Speaker = Annotated[str, typer.Option("--as", metavar="ACCOUNT", help="Who asks; the administrator if not given.")]
_LEVELS = ", ".join(get_args(AgencyLevel))
_COLUMNS = ("agency", "name", "level", "region", "status", "account", "officials", "permitted")


@app.command()
def add(
    account: AccountName,
    *,
    name: Annotated[str, typer.Option(metavar="TEXT", help="As it is called where it is.")],
    level: Annotated[str, typer.Option(metavar="LEVEL", help=f"One of {_LEVELS}.")],
    region: Annotated[
        str, typer.Option(metavar="CODE", help="Its region: 12.05, 12 for a province, 00 for the nation.")
    ],
    permit: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="What it may send; what its level may, if not given. May be repeated."),
    ] = None,
    events: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Events it is sent as well; as they were, if not given. May be repeated."),
    ] = None,
    json: Json = False,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Make an agency known to Binaan and give it an account of the broker with exactly these rights.

    The password is shown once, with what to paste. Running it again changes what differs and never a password.

    Example: `binaan agency add dinkop-langkat --name "Dinas Koperasi dan UKM Kabupaten Langkat" --level kabkota
    --region 12.05`
    """
    sends = checked_permits(permit or (), _level(level))
    data = {"agency": checked_name(account), "name": name, "level": level, "region": region_code(region)}
    bindings = None if events is None else checked_events(events)
    with managed() as broker:
        broker.check_free(account)
        known = broker.find(account)
        told = tell(ADMINISTRATOR, "registry.agency.register", {**data, "permitted": sends}, patience)
        if bindings is None:
            bindings = known.events_bindings if known else ()
        made = broker.bring(Account(account, bindings, history=known is not None and known.history, sends=sends))
        about: dict[str, object] = {"agency": told.result["outcome"], "may send": sends, "events": bindings}
        _warn(told.texts(), json=json)
        hand_over(broker, made, about, reads_events=bool(bindings), json=json)


@app.command()
def suspend(
    account: AccountName,
    *,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it stays on the audit trail and names nobody.")],
    json: Json = False,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Stop an agency at once: its account is closed, its connections end, every service refuses what it sends.

    Example: `binaan agency suspend dinkop-langkat --reason "kata sandi bocor"`
    """
    with managed() as broker:
        known = broker.find(checked_name(account))
        _close(broker, known)
        try:
            told = tell(ADMINISTRATOR, "registry.agency.suspend", {"agency": account, "reason": reason}, patience)
        except CliError as error:
            raise _half_done(broker, known, error) from None
        _close(broker, known)  # also what was on its way in when the account was closed
    _told(told.result, "closed" if known else "none", json=json)


@app.command()
def reinstate(
    account: AccountName,
    *,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why; it stays on the audit trail.")] = None,
    json: Json = False,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Let a suspended agency speak again, with the rights, queues and password it had.

    Example: `binaan agency reinstate dinkop-langkat --reason "kata sandi telah diganti"`
    """
    data = {"agency": checked_name(account), **({"reason": reason} if reason else {})}
    with managed() as broker:
        known = broker.find(account)
        told = tell(ADMINISTRATOR, "registry.agency.reinstate", data, patience)
        if known:
            broker.reopen(account)
    _told(told.result, "open" if known else "none", json=json)


@app.command()
def rotate(account: AccountName, *, json: Json = False) -> None:
    """Give an account a new password and show it once. Whoever is connected stays so until the connection ends.

    Example: `binaan agency rotate dinkop-langkat`
    """
    rotate_account(account, json=json)


@app.command("list")
def list_(
    *,
    account: Speaker = ADMINISTRATOR,
    json: Json = False,
    xlsx: Xlsx = None,
    csv: Csv = None,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """List the agencies: all for the administrator, for others themselves and those they answer for.

    Example: `binaan agency list`
    """
    found = collect(account, "registry.agency.request", {}, patience)
    rows = [{**one, "officials": len(one["officials"])} for one in found]
    if account == ADMINISTRATOR:
        with managed() as broker:
            accounts = broker.all()
        rows = [{**row, "account": _state(accounts.get(row["agency"]))} for row in rows]
    show(rows, _COLUMNS, json=json, nothing="No agency is known.", xlsx=xlsx, csv=csv)


def rotate_account(name: str, *, json: bool) -> None:
    """As `agency rotate` and `integrator rotate` do."""
    with managed() as broker:
        broker.check_free(checked_name(name))
        hand_over(broker, broker.rotate(name), {}, reads_events=False, json=json)


def _state(found: Found | None) -> str:
    return "none" if found is None else "closed" if found.closed else "open"


def _close(broker: Broker, known: Found | None) -> None:
    if known:
        broker.close(known.name)


def _half_done(broker: Broker, known: Found | None, error: CliError) -> CliError:
    """What registry refuses is undone; what it has not answered is not: the account was to be stopped."""
    if error.code == Exit.REFUSED:
        if known and not known.closed:
            broker.reopen(known.name)
        return error
    if known:
        return CliError(error.code, f"The account {known.name} is closed, but registry was not told. {error.text}")
    return error


def _told(result: Any, account: str, *, json: bool) -> None:
    if json:
        print_json({**result, "account": account})
    else:
        say(f"{result['agency']}: {result['outcome']}; its account at the broker: {account}.")


def _warn(text: str, *, json: bool) -> None:
    if text and not json:
        say(text)


def _level(given: str) -> str:
    if given not in get_args(AgencyLevel):
        raise wrong_usage(f"--level is one of {_LEVELS}, not {given}.")
    return given
