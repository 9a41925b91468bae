"""Give a virtual host everything `definitions.json` says, and check it, over RabbitMQ's HTTP API.

Everything can be repeated and only adds or corrects; no queue is ever deleted here. Limits are policies, because a
queue's own arguments can never be changed again. Accounts are in `accounts`.
"""

import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any

from deploy.rabbitmq.accounts import grant, set_user
from deploy.rabbitmq.management import Json, Management, ProvisionError


def definitions() -> Json:
    """The content of `definitions.json`: exchanges, queues, bindings, policies, permissions of our own accounts.

    `topic_permissions` say which keys an account of ours may write to an exchange at all; without one, any.
    """
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
    for one in wanted["topic_permissions"]:
        body = {key: one[key] for key in ("exchange", "write", "read")}
        management.put("topic-permissions", vhost, one["user"], body=body)
    problems = verify(management, vhost)
    if problems:
        raise ProvisionError("\n".join(problems))


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
        *_missing("topic permission", wanted["topic_permissions"], _topics(management, vhost), _topic_permission),
    ]


_OF_VHOST = ("exchanges", "queues", "bindings", "policies")


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


def _topics(management: Management, vhost: str) -> Iterable[Json]:
    found: Iterable[Json] = management.get("vhosts", vhost, "topic-permissions")
    return found


def _topic_permission(item: Json) -> Json:
    return {key: item[key] for key in ("user", "exchange", "write", "read")}
