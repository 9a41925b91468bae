"""A world of its own inside running servers: one virtual host, one database a service, all accounts.

Tests make one, and may do in it what they like; worlds never meet.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from deploy.local.state import derived_password
from deploy.mongodb.provision import ensure_services, open_client, remove_databases, service_url
from deploy.rabbitmq.accounts import ADMINISTRATOR, OURS, SERVICES, Account, add_account
from deploy.rabbitmq.management import Management
from deploy.rabbitmq.provision import apply, remove_vhost


def without_login(url: str) -> str:
    """The address alone: a service asks with its own account."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


@dataclass(frozen=True)
class World:
    """Where to connect, and as whom. `name` is the virtual host and the beginning of every database's name."""

    name: str
    management_url: str
    databases: dict[str, str]
    """service → its database"""
    _amqp: str = field(repr=False)
    _mongo: str = field(repr=False)

    @classmethod
    def create(cls, amqp: str, mongo: str, management: str, name: str, accounts: Sequence[Account]) -> "World":
        readable = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[-30:]
        unique = f"t_{readable}_{secrets.token_hex(4)}"
        world = cls(unique, management, {service: f"{unique}_{service}" for service in SERVICES}, amqp, mongo)
        world._provision(accounts)
        return world

    @property
    def vhost(self) -> str:
        return self.name

    @property
    def amqp_url(self) -> str:
        """As administrator."""
        return self.amqp_url_of(ADMINISTRATOR)

    @property
    def mongo_url(self) -> str:
        """As administrator."""
        return self._mongo

    def amqp_url_of(self, account: str) -> str:
        """As one of our accounts or an outside account, in this virtual host."""
        parts = urlsplit(self._amqp)
        host = parts.netloc.rpartition("@")[2]
        login = f"{quote(account, safe='')}:{quote(self.password_of(account), safe='')}"
        query = f"?{parts.query}" if parts.query else ""  # where the certificates are, with amqps
        return f"{parts.scheme}://{login}@{host}/{quote(self.vhost, safe='')}{query}"

    def mongo_url_of(self, service: str) -> str:
        """As a service's account, which can open only that service's database."""
        return service_url(self._mongo, self.databases[service], service, self.password_of(service))

    def password_of(self, account: str) -> str:
        administrator = urlsplit(self._amqp).password or ""
        if account == ADMINISTRATOR:
            return administrator
        return derived_password(administrator, account) if account in OURS else account

    def management(self) -> Management:
        return Management(self.management_url)

    def add_account(self, name: str, *, events_bindings: Sequence[str] = (), history: bool = False) -> None:
        """An outside account whose password is its name, or other rights for an existing one."""
        with self.management() as management:
            self._add_account(management, Account(name, tuple(events_bindings), history))

    def service_env(self, service: str, *, http_port: int, key_file: Path) -> dict[str, str]:
        """The environment of a service in this world, without what the caller adds (PATH, spool file)."""
        return {
            "BINAAN_AMQP_URL": self.amqp_url_of(service),
            "BINAAN_MONGO_URL": self.mongo_url_of(service),
            "BINAAN_MONGO_DATABASE": self.databases[service],
            "BINAAN_MANAGEMENT_URL": without_login(self.management_url),
            "BINAAN_KEY_FILE": str(key_file),
            "BINAAN_HTTP_HOST": "127.0.0.1",
            "BINAAN_HTTP_PORT": str(http_port),
            "BINAAN_LOG_FORMAT": "json",
        }

    def remove(self) -> None:
        """Delete the virtual host and the databases with all that is in them."""
        with self.management() as management:
            remove_vhost(management, self.vhost)
        with open_client(self._mongo) as client:
            remove_databases(client, self.databases)

    def _provision(self, accounts: Sequence[Account]) -> None:
        with self.management() as management:
            apply(management, self.vhost, self._new_users(management, SERVICES))
            for account in accounts:
                self._add_account(management, account)
        with open_client(self._mongo) as client:
            ensure_services(client, self.databases, {service: self.password_of(service) for service in SERVICES})

    def _add_account(self, management: Management, account: Account) -> None:
        password = self._new_users(management, [account.name]).get(account.name)
        bindings, history = account.events_bindings, account.history
        add_account(management, self.vhost, account.name, password, events_bindings=bindings, history=history)

    def _new_users(self, management: Management, names: Sequence[str]) -> dict[str, str]:
        """Users belong to the whole broker: a password that something else may be using is never changed here."""
        return {name: self.password_of(name) for name in names if not management.exists("users", name)}
