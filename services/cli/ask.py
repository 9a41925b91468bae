"""`binaan ask`: any question of the contract, all its pages, as one table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from services.cli.asking import pages
from services.cli.client import PATIENCE_SECONDS
from services.cli.exits import wrong_usage
from services.cli.filing import Csv, Xlsx
from services.cli.messages import known_key, parsed
from services.cli.options import As, Json, Patience
from services.cli.tables import show
from shared.contracts.catalogue import TYPES


def ask(
    kind: Annotated[str, typer.Argument(metavar="QUESTION", help="registry.product.request, or any other …request.")],
    payload: Annotated[str, typer.Argument(metavar="[JSON]", help="What is asked about; see the contract.")] = "{}",
    *,
    account: As,
    json: Json = False,
    xlsx: Xlsx = None,
    csv: Csv = None,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Ask a question and show the whole answer, however many pages it has, as a table.

    Whose personal data is read is recorded by registry, with the `purpose` that is given.

    Example: `binaan ask registry.business.request '{"suspected": true}' --as dinkop-medan --xlsx ganda.xlsx`

    Example: `binaan ask registry.access.request '{"owner_id": "0198…"}' --as dinkop-medan`
    """
    key = known_key(kind)
    if not TYPES[key].question:
        raise wrong_usage(f"{key} is no question; it changes something, and is sent with `binaan send`.")
    rows = [flat(row) for page in pages(account, key, parsed(payload.encode()), patience) for row in rows_of(page)]
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    show(rows, columns, json=json, nothing="There are none.", xlsx=xlsx, csv=csv)


def rows_of(answer: Any) -> list[Mapping[str, Any]]:
    """The rows of a page: it is a list of things, or one thing with such a list in it."""
    if isinstance(answer, Mapping):
        lists = (part for part in answer.values() if isinstance(part, list))
        return next((part for part in lists if all(isinstance(one, Mapping) for one in part)), [answer])
    return list(answer)


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """`{"business": {"name": …}}` → `{"business.name": …}`."""
    return dict(_flat(row, ""))


def _flat(part: Mapping[str, Any], before: str) -> Iterator[tuple[str, Any]]:
    for name, value in part.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value
