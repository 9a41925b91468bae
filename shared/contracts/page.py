"""An AsyncAPI document as a page to read: HTML with its style in it, and nothing that has to be fetched or can be sent.

The page is rendered from the document alone, so it says what the document says. It has no script, no form and no
address of another machine, and therefore works without internet and cannot publish.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, Template
from markupsafe import Markup, escape

Json = dict[str, Any]

_CODE = re.compile(r"`([^`]+)`")
_EMPHASIS = re.compile(r"\*([^*\n]+)\*")


def page(document: Json, source: str) -> str:
    """The page of a document; ``source`` is where, from the page, the document itself is found."""
    operations = [_looked_up(document, one) for one in document["operations"].values()]
    return _template().render(
        document=document,
        source=source,
        parts=[(title, [one for one in operations if one["action"] == action]) for action, title in _PARTS],
        schemas=document["components"]["schemas"],
    )


_PARTS = (("receive", "Receives"), ("send", "Sends"))


def _looked_up(document: Json, operation: Json) -> Json:
    """An operation with its channel and its one message in the place of their references."""
    (message,) = operation["messages"]
    return {
        **operation,
        "channel": resolve(document, operation["channel"]),
        "message": resolve(document, resolve(document, message)),
        "replies": [_last(one) for one in operation.get("reply", {}).get("messages", ())],
    }


def resolve(document: Json, part: Json) -> Json:
    """What a ``$ref`` leads to; anything else as it is."""
    if "$ref" not in part:
        return part
    found: Any = document
    for step in part["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return dict(found)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader(__package__, "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"prose": _prose, "last": _last}
    return environment.get_template("page.html.jinja")


def _prose(text: str) -> Markup:
    """The little Markdown that descriptions use: paragraphs, code, emphasis."""
    paragraphs = (_inline(one) for one in re.split(r"\n\s*\n", text.strip()))
    return Markup("").join(Markup("<p>{}</p>").format(one) for one in paragraphs)


def _inline(text: str) -> Markup:
    safe = str(escape(text))
    safe = _CODE.sub(r"<code>\1</code>", safe.replace("``", "`"))
    return Markup(_EMPHASIS.sub(r"<em>\1</em>", safe))  # noqa: S704 - escaped just above


def _last(reference: Json) -> str:
    return str(reference["$ref"]).rpartition("/")[2]
