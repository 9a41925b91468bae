"""Give a virtual host everything `definitions.json` says, and make and check accounts, over RabbitMQ's HTTP API.

Everything can be repeated and only adds or corrects; no queue is ever deleted here. Limits are policies, because a
queue's own arguments can never be changed again. Outside accounts declare and bind nothing themselves: what they may
see is decided by bindings that only we make (see docs/contract.md, "Accounts").
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx

ADMINISTRATOR = "binaan"
SERVICES = ("registry", "aid", "notify")
OURS = frozenset({ADMINISTRATOR, *SERVICES})
ACCOUNT_NAME = re.compile(r"[a-z][a-z0-9-]{2,39}")

Json = dict[str, Any]


class ProvisionError(Exception):
    """The broker refused something, or is not as it should be."""


class Management:
    """RabbitMQ's HTTP API at a URL with the administrator's name and password in it."""

    def __init__(self, url: str, seconds: float = 30.0) -> None:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self._http = httpx.Client(
            base_url=f"{parts.scheme}://{host}/api/",
            auth=(parts.username or "", parts.password or ""),
            timeout=seconds,
            limits=httpx.Limits(max_keepalive_connections=0),  # a busy broker drops those that are kept open
            trust_env=False,  # a proxy in the environment must not see what is meant for this broker
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, *path: str) -> Any:
        return self._request("GET", path).json()

    def put(self, *path: str, body: Json | None = None) -> None:
        self._request("PUT", path, body or {})

    def post(self, *path: str, body: Json) -> Any:
        response = self._request("POST", path, body)
        return response.json() if response.content else None

    def delete(self, *path: str) -> None:
        """Delete; what is not there is no error."""
        self._request("DELETE", path, accept=(httpx.codes.NOT_FOUND,))

    def exists(self, *path: str) -> bool:
        return self._request("GET", path, accept=(httpx.codes.NOT_FOUND,)).is_success

    def _request(
        self, method: str, path: Sequence[str], body: Json | None = None, accept: tuple[int, ...] = ()
    ) -> httpx.Response:
        url = "/".join(quote(part, safe="") for part in path)
        try:
            response = self._http.request(method, url, json=body)
        except httpx.HTTPError as error:
            raise ProvisionError(f"{method} {url}: {error or type(error).__name__}") from error
        if not response.is_success and response.status_code not in accept:
            raise ProvisionError(f"{method} {url}: {response.status_code} {response.text[:500]}")
        return response


@dataclass(frozen=True)
class Account:
    """An outside account: which events it is sent (binding keys), and whether it may read the whole history."""

    name: str
    events_bindings: tuple[str, ...] = ()
    history: bool = False


DEMO_ACCOUNTS = (
    Account("dinkop-medan"),
    Account("dinkop-siantar"),
    Account("dinkop-bengkalis"),
    Account("disperindagkop-kaltim"),
    Account("kemenumkm", events_bindings=("#",), history=True),
)


def definitions() -> Json:
    """The content of `definitions.json`: exchanges, queues, bindings, policies, permissions of our own accounts."""
    content: Json = json.loads((files(__package__) / "definitions.json").read_text())
    return content


def apply(management: Management, vhost: str, passwords: Mapping[str, str]) -> None:
    """Make the virtual host as defined, with our own accounts, and check that it is.

    `passwords` has those of the accounts to be made or changed. An account not in it must exist already and keeps its
    password, as the administrator does who is just connected.
    """
    wanted = definitions()
    management.put("vhosts", vhost)
    for user, password in passwords.items():
        set_user(management, user, password)
    management.post("definitions", vhost, body={key: wanted[key] for key in _OF_VHOST})
    for permission in wanted["permissions"]:
        grant(management, vhost, permission["user"], permission)
    problems = verify(management, vhost)
    if problems:
        raise ProvisionError("\n".join(problems))


def set_user(management: Management, name: str, password: str) -> None:
    """Make an account or set its password. Outside accounts may not use the management API."""
    # Our services may ask the management API about their own virtual host: whether their queues are bound.
    tags = "administrator" if name == ADMINISTRATOR else "management" if name in SERVICES else ""
    management.put("users", name, body={"password": password, "tags": tags})


def grant(management: Management, vhost: str, name: str, permission: Mapping[str, str]) -> None:
    rights = {right: permission[right] for right in ("configure", "write", "read")}
    management.put("permissions", vhost, name, body=rights)


def add_account(
    management: Management,
    vhost: str,
    name: str,
    password: str | None,
    *,
    events_bindings: Sequence[str] = (),
    history: bool = False,
) -> None:
    """Make an outside account with its queues, or bring an existing one to exactly these rights.

    `password` None leaves that of an existing user. Bindings that are no longer in `events_bindings` are removed, the
    events already in the queue are not. Raises ValueError for a name that is not allowed or is one of ours.
    """
    check_account_name(name)
    if password is not None:
        set_user(management, name, password)
    replies = {"binaan.replies": [f"{name}.*"]}
    _queue_with_bindings(management, vhost, f"{name}.replies", replies)
    if events_bindings or management.exists("queues", vhost, f"{name}.events"):
        _queue_with_bindings(management, vhost, f"{name}.events", {"binaan.events": events_bindings})
    grant(management, vhost, name, account_permission(name, history=history))


def check_account_name(name: str) -> None:
    if not ACCOUNT_NAME.fullmatch(name):
        raise ValueError(f"an account is a letter and 2 to 39 letters a-z, digits or hyphens, not {name!r}")
    if name in OURS:
        raise ValueError(f"{name!r} is one of our own accounts")


def account_permission(name: str, *, history: bool) -> dict[str, str]:
    own = rf"{re.escape(name)}\..*"
    read = rf"^({own}|binaan\.history)$" if history else f"^{own}$"
    return {"configure": "^$", "write": r"^binaan\.intake$", "read": read}


def remove_vhost(management: Management, vhost: str) -> None:
    """Delete a virtual host with all that is in it. Accounts stay; without it they can open nothing."""
    management.delete("vhosts", vhost)


def verify(management: Management, vhost: str) -> list[str]:
    """What is missing or otherwise than defined, a sentence each; empty when all is well."""
    wanted = definitions()
    return [
        *_missing("exchange", wanted["exchanges"], management.get("exchanges", vhost), _exchange),
        *_missing("queue", wanted["queues"], management.get("queues", vhost), _queue),
        *_missing("binding", wanted["bindings"], management.get("bindings", vhost), _binding),
        *_missing("policy", wanted["policies"], management.get("policies", vhost), _policy),
        *_missing("permission", wanted["permissions"], management.get("vhosts", vhost, "permissions"), _permission),
    ]


_OF_VHOST = ("exchanges", "queues", "bindings", "policies")


def _queue_with_bindings(management: Management, vhost: str, queue: str, bindings: Mapping[str, Iterable[str]]) -> None:
    """A quorum queue with exactly these bindings (exchange → keys)."""
    management.put(
        "queues", vhost, queue, body={"durable": True, "auto_delete": False, "arguments": {"x-queue-type": "quorum"}}
    )
    wanted = {(exchange, key) for exchange, keys in bindings.items() for key in keys}
    existing = {
        (binding["source"], binding["routing_key"]): binding["properties_key"]
        for binding in management.get("queues", vhost, queue, "bindings")
        if binding["source"]
    }
    for exchange, key in sorted(wanted - existing.keys()):
        management.post("bindings", vhost, "e", exchange, "q", queue, body={"routing_key": key, "arguments": {}})
    for exchange, key in sorted(existing.keys() - wanted):
        management.delete("bindings", vhost, "e", exchange, "q", queue, existing[exchange, key])


def _missing(what: str, wanted: Iterable[Json], actual: Iterable[Json], essence: Any) -> list[str]:
    there = [essence(item) for item in actual]
    return [f"{what} missing or different: {essence(item)}" for item in wanted if essence(item) not in there]


def _exchange(item: Json) -> Json:
    return {key: item[key] for key in ("name", "type", "durable", "arguments")}


def _queue(item: Json) -> Json:
    return {"name": item["name"], "durable": item["durable"], "type": item["arguments"].get("x-queue-type")}


def _binding(item: Json) -> Json:
    return {key: item[key] for key in ("source", "destination", "routing_key")}


def _policy(item: Json) -> Json:
    return {key: item[key] for key in ("name", "pattern", "priority", "definition")}


def _permission(item: Json) -> Json:
    return {key: item[key] for key in ("user", "configure", "write", "read")}
