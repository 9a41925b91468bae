"""What an account of the broker is: our own, and those of agencies and integrators (docs/contract.md, "Accounts").

Outside accounts declare and bind nothing themselves: what they may see is decided by bindings that only we make.
Everything can be repeated and brings an account to exactly what is asked; a password is set only where one is given.
"""

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from deploy.rabbitmq.management import Json, Management

ADMINISTRATOR = "binaan"
SERVICES = ("registry", "aid", "notify")
OURS = frozenset({ADMINISTRATOR, *SERVICES})
RESERVED = OURS | {"guest"}
"""`guest` is what every new broker has, with all rights."""
ACCOUNT_NAME = re.compile(r"[a-z][a-z0-9-]{2,39}")

INTAKE, EVENTS, REPLIES, HISTORY = "binaan.intake", "binaan.events", "binaan.replies", "binaan.history"
NOTHING = "^$"
_CONNECTIONS = "max-connections"


@dataclass(frozen=True)
class Account:
    """An outside account: which events it is sent (binding keys), whether it may read the whole history, and what it
    may send: the keys of intake types, as in a binding; none at all; or, where None, whatever the services take."""

    name: str
    events_bindings: tuple[str, ...] = ()
    history: bool = False
    sends: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Found:
    """An account as it stands at the broker. `keys` is the expression that its routing keys must match, if any must."""

    name: str
    events_bindings: tuple[str, ...] = ()
    history: bool = False
    may_send: bool = False
    keys: str | None = None
    closed: bool = False

    def has(self, account: Account) -> bool:
        """Whether it is what is asked, with nothing to bring about."""
        return set(self.events_bindings) == set(account.events_bindings) and self.may_as(account)

    def may_as(self, account: Account) -> bool:
        """Whether it may send and read what is asked, bindings aside."""
        wanted = (account.history, account.sends != (), keys_allowed(account.sends))
        return (self.history, self.may_send, self.keys) == wanted


DEMO_ACCOUNTS = (
    Account("dinkop-medan"),
    Account("dinkop-siantar"),
    Account("dinkop-bengkalis"),
    Account("disperindagkop-kaltim"),
    Account("kemenumkm", events_bindings=("#",), history=True),
)


# --- making -----------------------------------------------------------------------------------------------------------


def new_password() -> str:
    """192 random bits, in letters that need no quoting in a URL or a shell."""
    return secrets.token_urlsafe(24)


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
    sends: Sequence[str] | None = None,
) -> None:
    """Make an outside account with its queues, or bring an existing one to exactly these rights.

    `password` None leaves that of an existing user. Bindings that are no longer in `events_bindings` are removed, the
    events already in the queue are not. The broker remembers what it has allowed an open channel: where rights were
    taken, `end_connections`. Raises ValueError for a name that is not allowed or is one of ours.
    """
    check_account_name(name)
    replies = {REPLIES: [f"{name}.*"]}
    _queue_with_bindings(management, vhost, f"{name}.replies", replies)
    if events_bindings or management.exists("queues", vhost, f"{name}.events"):
        _queue_with_bindings(management, vhost, f"{name}.events", {EVENTS: events_bindings})
    if password is not None:  # after the queues: whoever has a password finds them
        set_user(management, name, password)
    _limit_keys(management, vhost, name, sends)
    grant(management, vhost, name, account_permission(name, history=history, sends=sends))


def check_account_name(name: str) -> None:
    if not ACCOUNT_NAME.fullmatch(name):
        raise ValueError(f"an account is a letter and 2 to 39 letters a-z, digits or hyphens, not {name!r}")
    if name in RESERVED:
        raise ValueError(f"{name!r} is not for others: it is one of our own accounts")


def account_permission(name: str, *, history: bool, sends: Sequence[str] | None = None) -> dict[str, str]:
    own = rf"{re.escape(name)}\..*"
    read = rf"^({own}|{re.escape(HISTORY)})$" if history else f"^{own}$"
    write = NOTHING if sends is not None and not sends else rf"^{re.escape(INTAKE)}$"
    return {"configure": NOTHING, "write": write, "read": read}


def _limit_keys(management: Management, vhost: str, name: str, sends: Sequence[str] | None) -> None:
    """The broker itself refuses a routing key that is not among what the account may send."""
    if keys := keys_allowed(sends):
        body = {"exchange": INTAKE, "write": keys, "read": NOTHING}
        management.put("topic-permissions", vhost, name, body=body)
    else:
        management.delete("topic-permissions", vhost, name)


def keys_allowed(sends: Sequence[str] | None) -> str | None:
    """Binding patterns as one expression for routing keys; None where keys are not looked at."""
    return f"^({'|'.join(map(_expression, sorted(set(sends))))})$" if sends else None


def _expression(pattern: str) -> str:
    words = pattern.split(".")
    first = next((place for place, word in enumerate(words) if word != "#"), None)
    if first is None:
        return ".*"
    before = r"([^.]+\.)*" if first else ""
    after = (r"(\.[^.]+)*" if word == "#" else rf"\.{_word(word)}" for word in words[first + 1 :])
    return "".join((before, _word(words[first]), *after))


def _word(word: str) -> str:
    return "[^.]+" if word == "*" else re.escape(word)


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


# --- closing and removing ---------------------------------------------------------------------------------------------


def close_account(management: Management, name: str) -> None:
    """Let an account connect no more, and end the connections it has. Its rights and queues stay as they are."""
    management.put("user-limits", name, _CONNECTIONS, body={"value": 0})
    end_connections(management, name)


def end_connections(management: Management, name: str) -> None:
    """End the connections that an account has now; it may connect again."""
    management.delete("connections", "username", name)


def reopen_account(management: Management, name: str) -> None:
    management.delete("user-limits", name, _CONNECTIONS)


def remove_account(management: Management, vhost: str, name: str) -> None:
    """Delete an outside account, its connections, and its queues with all that is in them."""
    check_account_name(name)
    close_account(management, name)
    management.delete("users", name)
    for queue in ("replies", "events"):
        management.delete("queues", vhost, f"{name}.{queue}")


# --- looking ----------------------------------------------------------------------------------------------------------


def is_operator(management: Management, name: str) -> bool:
    """Whether the name is that of somebody who may use the management API, and so no account to be made or changed."""
    return management.exists("users", name) and bool(management.get("users", name)["tags"])


def accounts(management: Management, vhost: str) -> dict[str, Found]:
    """The outside accounts of a virtual host, by name."""
    bindings: dict[str, list[str]] = {}
    for one in management.get("exchanges", vhost, EVENTS, "bindings", "source"):
        bindings.setdefault(one["destination"], []).append(one["routing_key"])
    keys = {one["user"]: one["write"] for one in _of(vhost, management.get("topic-permissions")) if _on_intake(one)}
    closed = {one["user"] for one in management.get("user-limits") if one["value"].get(_CONNECTIONS) == 0}
    return {
        one["user"]: Found(
            name=one["user"],
            events_bindings=tuple(sorted(bindings.get(f"{one['user']}.events", ()))),
            history=re.escape(HISTORY) in one["read"],
            may_send=one["write"] != NOTHING,
            keys=keys.get(one["user"]),
            closed=one["user"] in closed,
        )
        for one in management.get("vhosts", vhost, "permissions")
        if one["user"] not in RESERVED
    }


def _of(vhost: str, found: Iterable[Json]) -> list[Json]:
    return [one for one in found if one["vhost"] == vhost]


def _on_intake(permission: Json) -> bool:
    return bool(permission["exchange"] == INTAKE)
