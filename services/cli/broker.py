"""The accounts of the broker: made, changed and closed over its management API, as the administrator.

`BINAAN_MANAGEMENT_URL` names the API; without it, the local stack that is running. Its login may stand in the URL;
else it is that of the administrator.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote, unquote, urlsplit

from deploy.rabbitmq.accounts import (
    Account,
    Found,
    accounts,
    add_account,
    check_account_name,
    close_account,
    end_connections,
    is_operator,
    new_password,
    remove_account,
    reopen_account,
    set_user,
)
from deploy.rabbitmq.management import Management, ProvisionError
from services.cli.connection import Address, find, stack_environment
from services.cli.exits import CliError, Exit, unreachable, wrong_usage
from shared.contracts.authority import RIGHTS, matches
from shared.contracts.catalogue import TYPES, Kind
from shared.reference import region as regions

_LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class Made:
    """What was done to an account. ``password`` is there once: when it was made or asked for anew."""

    name: str
    outcome: str
    password: str | None = None


class Broker:
    """The accounts of one virtual host. Made by ``managed``, which says what goes wrong as the command line does."""

    def __init__(self, management: Management, address: Address) -> None:
        self._management = management
        self._base = urlsplit(address.url)
        self._vhost = unquote(self._base.path.strip("/"))

    def all(self) -> dict[str, Found]:
        return accounts(self._management, self._vhost)

    def find(self, name: str) -> Found | None:
        return self.all().get(name)

    def check_free(self, name: str) -> None:
        """Raises ``CliError`` for the name of somebody who runs the broker, or whom somebody else has made there."""
        if is_operator(self._management, name):
            raise wrong_usage(f"{name} runs the broker and cannot be an account of Binaan; choose another name.")
        if self._management.exists("users", name) and not self._is_ours(name):
            raise wrong_usage(
                f"{name} is a user of this broker that Binaan has not made, and its password is somebody else's; "
                "choose another name, or delete that user first."
            )

    def _is_ours(self, name: str) -> bool:
        """Whether we made an account, wholly or up to where we were stopped: its queue comes before anything else."""
        return self._management.exists("queues", self._vhost, f"{name}.replies")

    def bring(self, wanted: Account) -> Made:
        """Make an account, or bring it to exactly what is wanted; only a new one is given a password.

        Raises ``CliError`` for a name that is not free.
        """
        self.check_free(wanted.name)
        found, known = self.find(wanted.name), self._management.exists("users", wanted.name)
        if found and found.has(wanted):
            return Made(wanted.name, "unchanged")
        password = None if known else new_password()
        may_connect_on = found is None or found.may_as(wanted)
        add_account(
            self._management,
            self._vhost,
            wanted.name,
            password,
            events_bindings=wanted.events_bindings,
            history=wanted.history,
            sends=wanted.sends,
        )
        if not may_connect_on:
            end_connections(self._management, wanted.name)
        return Made(wanted.name, "changed" if known else "made", password)

    def rotate(self, name: str) -> Made:
        """A new password. Connections stay: whoever is connected is not thrown out in the middle of the day."""
        self._required(name)
        password = new_password()
        set_user(self._management, name, password)
        return Made(name, "given a new password", password)

    def close(self, name: str) -> None:
        close_account(self._management, name)

    def reopen(self, name: str) -> None:
        reopen_account(self._management, name)

    def remove(self, name: str) -> None:
        self._required(name)
        remove_account(self._management, self._vhost, name)

    def _required(self, name: str) -> Found:
        found = self.find(name)
        if found is None:
            raise CliError(Exit.REFUSED, f"There is no account {name} at the broker.")
        return found

    def url_for(self, name: str, password: str) -> str:
        """Where the account connects, as we do."""
        host = self._base.netloc.rpartition("@")[2]
        login = f"{quote(name, safe='')}:{quote(password, safe='')}"
        return f"{self._base.scheme}://{login}@{host}/{quote(self._vhost, safe='')}"


@contextmanager
def managed(env: Mapping[str, str] = os.environ) -> Iterator[Broker]:
    """Raises ``CliError``: 2 without an address, 3 when the API cannot be reached or does not let us do it."""
    address, url = find(env=env), _management_url(env)
    with Management(url) as management:
        try:
            yield Broker(management, address)
        except ProvisionError as error:
            raise _failed(url, error) from None


def _management_url(env: Mapping[str, str]) -> str:
    text = env.get("BINAAN_MANAGEMENT_URL")
    if not text and env.get("BINAAN_AMQP_URL"):
        raise wrong_usage(
            "The broker's management API is not known: set BINAAN_MANAGEMENT_URL, such as https://host:15671."
        )
    url = urlsplit(text or stack_environment(env)["BINAAN_MANAGEMENT_URL"])
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise wrong_usage("BINAAN_MANAGEMENT_URL is not an address of the form https://host:15671.")
    if url.username:
        return url.geturl()
    login = urlsplit(find(env=env).url).netloc.rpartition("@")[0]
    return url._replace(netloc=f"{login}@{url.netloc}").geturl()


def _failed(url: str, error: ProvisionError) -> CliError:
    where = urlsplit(url).netloc.rpartition("@")[2]
    if error.status is None:
        return unreachable(f"The broker's management API at {where} cannot be reached.")
    if error.status in {401, 403}:
        return unreachable(f"The broker's management API at {where} does not let us do this: look at the login.")
    return unreachable(f"The broker's management API at {where} refused: {error}")


# --- what is asked for ------------------------------------------------------------------------------------------------


def checked_name(name: str) -> str:
    """Raises ``CliError`` 2 for what is no account or is ours."""
    try:
        check_account_name(name)
    except ValueError as error:
        raise wrong_usage(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
    return name


def checked_events(patterns: Sequence[str]) -> tuple[str, ...]:
    """Binding keys for events. Raises ``CliError`` 2 for what is no pattern, or one that no event can ever match."""
    events = [one.key for one in TYPES.values() if one.kind is Kind.EVENT]
    for pattern in patterns:
        _check_form(pattern)
        if not any(_may_match(pattern, key) for key in events):
            raise wrong_usage(
                f"--events {pattern} can match no event: a key is the type and the region, such as "
                "registry.business.recorded.12.71 (* is one word, # any number)."
            )
    return tuple(dict.fromkeys(patterns))


def _may_match(pattern: str, key: str) -> bool:
    return any(matches(pattern, f"{key}.{code}") for code in _places())


@cache
def _places() -> tuple[str, ...]:
    """The regions that stand at the end of an event's routing key."""
    nation = regions.NATION
    return (nation, *regions.below(nation, "province"), *regions.below(nation, "regency"))


def checked_permits(patterns: Sequence[str], level: str) -> tuple[str, ...]:
    """Keys of intake types, all that the table gives to the level where none are named. Raises ``CliError`` 2."""
    rows = {right.type for right in RIGHTS if right.level == level}
    granted = tuple(sorted(one for one in rows if not any(matches(other, one) for other in rows - {one})))
    types = [one.key for one in TYPES.values() if one.kind is Kind.INTAKE and not one.administrator]
    for pattern in patterns:
        _check_form(pattern)
        if not any(matches(pattern, key) for key in (*types, *granted)):
            raise wrong_usage(f"--permit {pattern} matches no type there is to send.")
    return tuple(dict.fromkeys(patterns)) or granted


def _check_form(pattern: str) -> None:
    words = pattern.split(".")
    good = all(word in {"*", "#"} or word.replace("_", "a").isalnum() for word in words)
    if not good or not pattern.isascii() or len(pattern) > _LONGEST_KEY:
        raise wrong_usage(f"{pattern!r} is no pattern: words of letters and digits, * or #, with dots between them.")
