"""How a reader uses an AsyncAPI document: finds the channel of what has come, and holds it against its message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft7Validator, FormatChecker

from shared.contracts.page import resolve

Json = dict[str, Any]

_FORMS = {"region": r"[0-9]{2}(?:\.[0-9]{2})?", "account": r"[a-z][a-z0-9-]{2,39}", "outcome": r"[a-z]+"}


def validator(document: Json, schema: str) -> Draft7Validator:
    """Of the schema at a path of the document. AsyncAPI's own dialect is draft-07 and more."""
    return Draft7Validator({**document, "$ref": schema}, format_checker=FormatChecker())


def payload(document: Json, key: str) -> Draft7Validator:
    return validator(document, f"#/components/messages/{key}/payload")


def headers(document: Json, key: str) -> Draft7Validator:
    return validator(document, document["components"]["messages"][key]["headers"]["$ref"])


def message_at(document: Json, exchange: str, routing_key: str, name: str) -> str | None:
    """The key of the message of this name that the document promises at an address, if it does."""
    found = [
        key
        for channel in document["channels"].values()
        if channel["bindings"]["amqp"]["exchange"]["name"] == exchange
        and re.fullmatch(_form(channel["address"]), routing_key)
        for key, reference in channel["messages"].items()
        if resolve(document, reference)["name"] == name
    ]
    assert len(found) <= 1, found
    return found[0] if found else None


def _form(address: str) -> str:
    parts = re.split(r"\{(\w+)\}", address)
    return "".join(_FORMS[part] if number % 2 else re.escape(part) for number, part in enumerate(parts))


def parts(content: Any) -> Iterator[Json]:
    """Every object within, at any depth."""
    if isinstance(content, dict):
        yield content
    for inner in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        yield from parts(inner)


def reached(document: Json, start: Json) -> Iterator[Json]:
    """Every object within ``start`` and within what its references lead to."""
    waiting, seen = [start], set[str]()
    while waiting:
        for part in parts(waiting.pop()):
            yield part
            target = part.get("$ref")
            if isinstance(target, str) and target not in seen:
                seen.add(target)
                waiting.append(resolve(document, part))
