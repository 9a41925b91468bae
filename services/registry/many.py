"""Many reports in one message: each is checked and decided as if it had come alone, in the order of the rows.

A row that is wrong changes nothing and harms no other; each has its verdict in the one reply. A row sees what the rows
before it have changed, as a later message would.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from services.registry.identity import told_numbers
from shared.contracts.door import MAX_PROBLEMS
from shared.contracts.envelope import Received
from shared.contracts.problem import Problem
from shared.contracts.registry.businesses import BusinessReport, BusinessReportMany, ReportRow, UnreadRow
from shared.decision import Decision

MAX_IN_REPLY = 2000
"""Problems and warnings in one reply, shared out evenly: of about 350 bytes each they stay below 1 MiB."""

Row = Received[BusinessReport] | UnreadRow


def rows(message: Received[BusinessReportMany]) -> tuple[Row, ...]:
    """Each row as a message of its own. Its id is the message's with the row's number, so that of two rows observed
    at one time the later one stands, and so that what it makes has an id of its own; an owner's comes from the first
    row that names its number, so that the names of all its businesses can be looked up at once."""
    owners: dict[tuple[str, ...], str] = {}
    return tuple(
        _alone(message, row, f"{position:03d}", owners) if isinstance(row, ReportRow) else row
        for position, row in enumerate(message.data.reports)
    )


def _alone(
    message: Received[BusinessReportMany], row: ReportRow, number: str, owners: dict[tuple[str, ...], str]
) -> Received[BusinessReport]:
    # An owner without a number is known by its business alone: each row has its own.
    of_owner = owners.setdefault(tuple(told_numbers(row.owner).values()) or (number,), number)
    return replace(
        cast(Received[Any], message),
        data=row,
        id=f"{message.id}/{number}",
        time=row.time or message.time,
        new_id=lambda kind, *parts: message.new_id(kind, of_owner if kind == "owner" else number, *parts),
    )


def verdicts(decisions: Sequence[Decision]) -> list[dict[str, Any]]:
    """What is said of each row, in order; fields are paths into the message (``data.reports.3.owner.nik``)."""
    speaking = sum(1 for one in decisions if one.problems or one.warnings) or 1
    most = min(MAX_PROBLEMS, MAX_IN_REPLY // speaking)
    return [_verdict(position, one, most) for position, one in enumerate(decisions)]


def _verdict(position: int, decision: Decision, most: int) -> dict[str, Any]:
    if decision.problems:
        return {"row": position, "outcome": "rejected", "problems": _placed(decision.problems, position, most)}
    warnings = {"warnings": _placed(decision.warnings, position, most)} if decision.warnings else {}
    return {"row": position, **decision.result, **warnings}


def _placed(problems: Sequence[Problem], position: int, most: int) -> list[Mapping[str, Any]]:
    return [
        problem.model_copy(update={"field": _path(problem.field, position)}).model_dump() for problem in problems[:most]
    ]


def _path(field: str | None, position: int) -> str:
    row = f"data.reports.{position}"
    inner = (field or "").removeprefix("data").removeprefix(".")
    return f"{row}.{inner}" if inner else row
