"""One owner's story: the chain of a designation step by step, to the message that the owner has got."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from services.cli.demo.figures import Run, owner_of
from services.cli.demo.passes import Answer
from services.cli.demo.view import View, happened_at, state_of
from services.cli.sentences import describe


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A designation whose owner has been told, and the message's id."""

    run: Run
    answer: Answer
    message_id: str

    @property
    def correlation(self) -> str:
        return self.answer.intake.id if self.answer.intake else ""


def choose(view: View, runs: Sequence[Run], watched: str | None = None) -> Exhibit | None:
    """The first designation that has led to a message on its own, by WhatsApp if there is one; the one that was watched
    if it has."""
    found = [one for run in runs for one in _candidates(view, run)]
    if seen := [one for one in found if one.message_id == watched]:
        return seen[0]
    by_whatsapp = (one for one in found if view.state("message", one.message_id).get("channel") == "whatsapp")
    return next(by_whatsapp, found[0] if found else None)


def _candidates(view: View, run: Run) -> Iterator[Exhibit]:
    owners = Counter(owner_of(view, one) for one in run.taken)
    by_chain = {one.envelope.get("correlationid"): one for one in view.seen if one.key == "notify.message.delivered"}
    for answer in run.designated:
        delivered = by_chain.get(answer.intake.id) if answer.intake else None
        if delivered is not None and owners[owner_of(view, answer.business_id)] == 1:
            yield Exhibit(run, answer, str(state_of(delivered).get("message_id")))


def steps(view: View, exhibit: Exhibit) -> list[tuple[int, str, str]]:
    """Milliseconds since the message was sent, what happened, and what it says; in order."""
    answer, run = exhibit.answer, exhibit.run
    found = [(happened_at(event), event.key, describe(event)) for event in view.chain(exhibit.correlation)]
    if answer.reply is not None:
        replied = datetime.fromisoformat(str(answer.reply.envelope.get("time")))
        found.append((replied, "reply", f"{answer.reply.verb}: {answer.outcome}"))
    sent = answer.sent_at or min(found)[0]
    asked = f"{run.office.account}, kadis, {run.decree['number']}"
    ordered = sorted(found, key=lambda one: one[0])
    first = (0, "registry.business.designate", asked)
    return [first, *((round((at - sent).total_seconds() * 1000), what, says) for at, what, says in ordered)]


def chain_table(rows: Sequence[tuple[int, str, str]]) -> Padding:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("ms", justify="right")
    table.add_column("message")
    table.add_column("", overflow="fold")
    for milliseconds, what, says in rows:
        table.add_row(str(milliseconds), what, Text(says))
    return Padding(table, (0, 0, 0, 3), expand=False)


def written_messages(spool: Path) -> Iterator[Mapping[str, Any]]:
    """What the local provider has written, one message a line; a torn line is none."""
    if not spool.exists():
        return
    with spool.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict) and "message_id" in found:
                yield found
