"""Make a MongoDB node ready for Binaan: a replica set of one, the administrator, an account for each service.

A service's account lives in the service's own database and may read and write there, indexes included, and nowhere
else. Everything here can be repeated.
"""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, OperationFailure

ADMINISTRATOR = "binaan"
REPLICA_SET = "binaan"

UNAUTHORIZED = 13
AUTHENTICATION_FAILED = 18
ALREADY_INITIALIZED = 23
NOT_YET_INITIALIZED = 94
USER_EXISTS = 51003

POLL_SECONDS = 0.03

Client = MongoClient[dict[str, Any]]


class ProvisionError(Exception):
    """The server is not, and cannot be made, what the services need."""


def administrator_url(address: str, password: str) -> str:
    return f"mongodb://{ADMINISTRATOR}:{quote(password, safe='')}@{address}/?replicaSet={REPLICA_SET}&authSource=admin"


def service_url(administrator: str, database: str, service: str, password: str) -> str:
    """The URL of a service's account, on the server of the administrator's URL."""
    parts = urlsplit(administrator)
    hosts = parts.netloc.rpartition("@")[2]
    query = "&".join([part for part in parts.query.split("&") if part and not part.startswith("authSource=")])
    login = f"{quote(service, safe='')}:{quote(password, safe='')}"
    return f"mongodb://{login}@{hosts}/{database}?{query}{'&' if query else ''}authSource={database}"


def open_client(url: str) -> Client:
    """A client that gives up after ten seconds without a server; close it."""
    return MongoClient(url, serverSelectionTimeoutMS=10_000)


def prepare_server(address: str, password: str, *, advertised: str | None = None, seconds: float = 30.0) -> None:
    """Make the node at `address` a writable replica set of one with an administrator.

    `advertised` is the address by which clients know the node, if it is another. The first call on an empty server
    uses MongoDB's localhost exception, unless the administrator is already there.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return _prepare(address, password, advertised or address, deadline)
        except ConnectionFailure:  # a node that changes its state closes its connections
            if time.monotonic() > deadline:
                raise


def ensure_services(administrator: Client, databases: Mapping[str, str], passwords: Mapping[str, str]) -> None:
    """An account for each service of `databases` (service → database), with the given passwords."""
    for service, database in databases.items():
        definition: dict[str, Any] = {"pwd": passwords[service], "roles": [{"role": "readWrite", "db": database}]}
        try:
            administrator[database].command("createUser", service, **definition)
        except OperationFailure as error:
            if error.code != USER_EXISTS:
                raise
            administrator[database].command("updateUser", service, **definition)


def remove_databases(administrator: Client, databases: Mapping[str, str]) -> None:
    """Drop the databases and the accounts in them."""
    for database in databases.values():
        administrator[database].command("dropAllUsersFromDatabase")
        administrator.drop_database(database)


def _prepare(address: str, password: str, advertised: str, deadline: float) -> None:
    with _open(address) as anonymous, _open(address, password) as administrator:
        _ensure_replica_set(anonymous, administrator, advertised)
        _wait_for_primary(anonymous, deadline)
        _ensure_administrator(anonymous, administrator, password)


def _open(address: str, password: str | None = None) -> Client:
    return MongoClient(
        f"mongodb://{address}/",
        username=ADMINISTRATOR if password else None,
        password=password,
        directConnection=True,
        serverSelectionTimeoutMS=5_000,
    )


def _ensure_replica_set(anonymous: Client, administrator: Client, host: str) -> None:
    """Initiate the set; or, where the node has come back under another port, tell it its new address."""
    config = {"_id": REPLICA_SET, "members": [{"_id": 0, "host": host}]}
    for client in (anonymous, administrator):
        try:
            client.admin.command("replSetInitiate", config)
        except OperationFailure as error:
            if error.code == ALREADY_INITIALIZED:
                break
            if error.code not in {UNAUTHORIZED, AUTHENTICATION_FAILED}:
                raise
        else:
            return
    _correct_address(administrator, host)


def _correct_address(administrator: Client, host: str) -> None:
    try:
        config = administrator.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code == AUTHENTICATION_FAILED:  # initiated, but the administrator was not made any more
            return
        raise
    if len(config["members"]) > 1 or config["members"][0]["host"] == host:
        return
    config["members"][0]["host"] = host
    config["version"] += 1
    administrator.admin.command("replSetReconfig", config, force=True)


def _wait_for_primary(client: Client, deadline: float) -> None:
    while not client.admin.command("hello").get("isWritablePrimary"):
        if time.monotonic() > deadline:
            raise ProvisionError("MongoDB has not become primary of its replica set")
        time.sleep(POLL_SECONDS)


def _ensure_administrator(anonymous: Client, administrator: Client, password: str) -> None:
    try:
        administrator.admin.command("ping")
    except OperationFailure as error:
        if error.code != AUTHENTICATION_FAILED:
            raise
    else:
        return
    try:
        anonymous.admin.command("createUser", ADMINISTRATOR, pwd=password, roles=[{"role": "root", "db": "admin"}])
    except OperationFailure as error:
        if error.code in {UNAUTHORIZED, USER_EXISTS}:
            raise ProvisionError("MongoDB's data is from another administrator password than the one given") from error
        raise
