"""Where the broker is, and as whom to speak to it.

`BINAAN_AMQP_URL` names it; without it, the local stack that is running. An account's password comes from
`BINAAN_PASSWORD`, except that the account in the URL has the URL's. On this machine's own stack a demo account's
password is its name (docs/contract.md, "Local stack"); nowhere else is a password ever guessed.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit

import aio_pika
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import AMQPError, AuthenticationError, ProbableAuthenticationError

from services.cli.exits import CliError, unreachable, wrong_usage
from shared.contracts.envelope import ADMINISTRATOR

VHOST = "binaan"
CONNECT_SECONDS = 10.0
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Address:
    """A broker, and the account to be there. `where` can be shown; `url` holds the password and cannot."""

    account: str
    where: str
    url: str = field(repr=False)


def find(account: str = ADMINISTRATOR, env: Mapping[str, str] = os.environ) -> Address:
    """The broker's address for an account.

    Raises `CliError`: 2 for a URL that is none or a missing password, 3 when no stack runs and no URL is given.
    """
    base = _parsed(env.get("BINAAN_AMQP_URL") or stack_environment(env)["BINAAN_AMQP_URL"])
    login = f"{quote(account, safe='')}:{quote(_password(account, base, env), safe='')}"
    server = base.netloc.rpartition("@")[2]
    path = base.path if base.path.strip("/") else f"/{VHOST}"
    query = f"?{base.query}" if base.query else ""
    return Address(account, server, f"{base.scheme}://{login}@{server}{path}{query}")


def _parsed(text: str) -> SplitResult:
    try:
        url = urlsplit(text)
        valid = url.scheme in {"amqp", "amqps"} and url.hostname and url.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise wrong_usage("BINAAN_AMQP_URL is not an address of the form amqps://account:password@host:port/binaan.")
    return url


def _password(account: str, base: SplitResult, env: Mapping[str, str]) -> str:
    if account == unquote(base.username or "") and base.password:
        return unquote(base.password)
    if password := env.get("BINAAN_PASSWORD"):
        return password
    if base.hostname in _LOOPBACK and account != ADMINISTRATOR:
        return account
    raise wrong_usage(f"The password of {account} is not known: set BINAAN_PASSWORD.")


def stack_environment(env: Mapping[str, str]) -> dict[str, str]:
    """What the local stack's clients are given. Raises `CliError` 3 when none runs."""
    # Only here, since it takes the database driver along, and most commands are given a URL.
    from deploy.local.processes import LocalError  # noqa: PLC0415
    from deploy.local.stack import Stack  # noqa: PLC0415

    try:
        return Stack(stack_root(env)).env()
    except LocalError:
        raise unreachable(
            "There is no broker: BINAAN_AMQP_URL is not set and no local stack is running. "
            "Start one with `binaan stack up`."
        ) from None


def stack_root(env: Mapping[str, str]) -> Path | None:
    """The local stack's own folder, where it is not the usual one."""
    return Path(env["BINAAN_STACK_ROOT"]) if env.get("BINAAN_STACK_ROOT") else None


@asynccontextmanager
async def connected(address: Address) -> AsyncIterator[AbstractConnection]:
    """A connection, closed at the end. Raises `CliError` 3 when the broker is not there or refuses the account."""
    try:
        connection = await aio_pika.connect(address.url, timeout=CONNECT_SECONDS)
    except (OSError, TimeoutError, AMQPError) as error:
        raise _not_connected(address, error) from None
    try:
        yield connection
    finally:
        await connection.close()


def _not_connected(address: Address, error: Exception) -> CliError:
    if isinstance(error, AuthenticationError | ProbableAuthenticationError) or "NOT_ALLOWED" in str(error):
        return unreachable(f"The broker at {address.where} does not let {address.account} in: look at the password.")
    if "Connection.Close" in str(error):
        # It was let in and sent away at once: it may open no virtual host, or no connection.
        return unreachable(
            f"The broker at {address.where} has closed the account {address.account}, or never opened it."
        )
    return unreachable(f"The broker at {address.where} cannot be reached.")
