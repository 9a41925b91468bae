"""Many rows in one message: `registry.business.report_many`, for sheets of more than some hundred rows.

Rows are packed by where they stand in the sheet, so that a row that was corrected makes one message new and leaves the
others what they were: an id that registry knows and answers again. A message's id comes from those of its rows, which
come from what they say (services/cli/ledger.py), so that Ctrl-C and running again asks again and does nothing again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from services.cli.client import Intake, Reply

KEY = "registry.business.report_many"
FROM_ROWS = 1000
"""Smaller sheets go row by row: seconds, and every row keeps the reply of its first time."""
ROWS = 250
"""Half of what a message may hold: with its owners, keys and events it fills a transaction."""
IN_FLIGHT = 6
"""Messages without a reply at once: two transactions of registry, and a few megabytes here."""
_MOST_BYTES = 900_000
"""Below the 1 MiB of a message, the envelope included."""
Numbered = tuple[int, Intake]
"""A row's number and its message."""


@dataclass(slots=True)
class Packer:
    """Packs rows below the row of headings, and takes apart what is answered. `name` makes an id of those of the rows.

    Rows must have a time; the latest of them is the message's.
    """

    first: int
    name: Callable[[Sequence[str]], str]
    _packed: dict[str, list[str]] = field(default_factory=dict)

    def pack(self, rows: Iterable[Numbered]) -> Iterator[Intake]:
        for _, window in groupby(rows, key=lambda row: (row[0] - self.first) // ROWS):
            for intakes in _small_enough(intake for _, intake in window):
                yield self._packed_up(intakes)

    def _packed_up(self, intakes: Sequence[Intake]) -> Intake:
        ids = [intake.id for intake in intakes]
        intake_id = self.name(ids)
        self._packed[intake_id] = ids
        reports = [{**intake.data, "time": intake.time} for intake in intakes]
        return Intake(intake_id, KEY, {"reports": reports}, time=max(str(intake.time) for intake in intakes))

    def unpack(self, intake_id: str, reply: Reply | None) -> Iterator[tuple[str, Reply | None]]:
        """Each row's message id with the reply it would have had alone."""
        ids = self._packed.pop(intake_id)
        if reply is None or reply.rejected:
            return ((one, reply) for one in ids)
        verdicts = {verdict["row"]: verdict for verdict in reply.result["reports"]}
        return ((one, _alone(verdicts[at], reply)) for at, one in enumerate(ids))


def _small_enough(intakes: Iterable[Intake]) -> Iterator[list[Intake]]:
    held: list[Intake] = []
    size = 0
    for intake in intakes:
        more = len(json.dumps(intake.data, ensure_ascii=False).encode()) + 64
        if held and size + more > _MOST_BYTES:
            yield held
            held, size = [], 0
        held.append(intake)
        size += more
    if held:
        yield held


def _alone(verdict: Mapping[str, Any], reply: Reply) -> Reply:
    said = {
        name: [_as_alone(one, verdict["row"]) for one in verdict.get(name, ())] for name in ("problems", "warnings")
    }
    verb = "rejected" if verdict["outcome"] == "rejected" else "accepted"
    return Reply(verb, {"result": verdict, **said}, reply.envelope)


def _as_alone(problem: Mapping[str, Any], row: int) -> dict[str, Any]:
    """`data.reports.3.owner.nik` → `data.owner.nik`; `data.reports.3.time` → `time`."""
    inner = str(problem.get("field") or "").removeprefix(f"data.reports.{row}").removeprefix(".")
    path = inner if inner == "time" else ".".join(filter(None, ("data", inner)))
    return {**problem, "field": path}
