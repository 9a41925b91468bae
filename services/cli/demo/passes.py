"""One pass over an office's sheet, as `import`, `verify` and `designate` make it, with every reply kept.

The rows are read, sent and given back by the commands' own code; what is kept besides is what the demo counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.cli.client import Door, Intake, Reply
from services.cli.ledger import Ledger
from services.cli.rounds import Message, Prepare, Refusal, remark, result_of
from services.cli.sheet import REFUSED, Result, Sheet, replacing, result_path, write_results

Problem = Mapping[str, Any]


@dataclass(slots=True)
class Answer:
    """What became of one row: it was refused here, or sent and answered."""

    row: int
    intake: Intake | None = None
    reply: Reply | None = None
    sent_at: datetime | None = None
    problems: Sequence[Problem] = ()

    @property
    def accepted(self) -> bool:
        return self.reply is not None and not self.reply.rejected

    @property
    def business_id(self) -> str:
        return str(self.reply.result.get("business_id", "")) if self.accepted and self.reply else ""

    @property
    def outcome(self) -> str:
        return str(self.reply.result.get("outcome", "")) if self.accepted and self.reply else ""


class SheetPass:
    """Sends the rows of a sheet and keeps what became of each. Rows that are left alone have no answer."""

    def __init__(self, sheet: Sheet, ledger: Ledger, prepare: Prepare) -> None:
        self._sheet = sheet
        self._ledger = ledger
        self._prepare = prepare
        self._sent: dict[str, tuple[Message, Answer]] = {}
        self.answers: list[Answer] = []

    async def run(self, door: Door, suffix: str) -> Path:
        """The path of the returned sheet. Raises `CliError` 3, or 4 when a row was not answered."""
        target = result_path(self._sheet, suffix)
        with replacing(target) as draft:
            self._ledger.save()
            async for intake, reply in door.converse(self._intakes()):
                if reply is None:
                    raise door.unanswered()
                self._settle(intake.id, reply)
            self._ledger.save()
            write_results(self._sheet, {one.row: self._result(one) for one in self.answers}, draft)
        return target

    def _intakes(self) -> Iterator[Intake]:
        for row in self._sheet.rows():
            prepared = self._prepare(row)
            if isinstance(prepared, Refusal):
                problems = [problem.model_dump() for problem in prepared.problems]
                self.answers.append(Answer(row.number, problems=problems))
            elif isinstance(prepared, Message):
                answer = Answer(row.number, prepared.intake, sent_at=datetime.now(UTC))
                self._sent[prepared.intake.id] = (prepared, answer)
                self.answers.append(answer)
                yield prepared.intake
        self._ledger.complete()

    def _settle(self, intake_id: str, reply: Reply) -> None:
        message, answer = self._sent[intake_id]
        self._ledger.settle(message.key, message.stamp, refused=reply.rejected)
        answer.reply = reply
        if reply.rejected:
            answer.problems = reply.problems

    def _result(self, answer: Answer) -> Result:
        if answer.reply is None:
            return Result("", REFUSED, remark(self._sheet.headings, answer.problems))
        return result_of(self._sheet.headings, answer.reply)
