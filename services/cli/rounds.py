"""One pass over a sheet: a message a row, the replies awaited, the sheet given back with what came of each row."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.cli import parcels
from services.cli.client import Door, Intake, Reply, opened
from services.cli.connection import Address
from services.cli.exits import CliError, Exit
from services.cli.headings import Headings, Row
from services.cli.ledger import Ledger
from services.cli.parcels import Packer
from services.cli.sheet import REFUSED, Result, Sheet, replacing, result_path, write_results
from shared.contracts.problem import Problem

UNANSWERED = "belum dijawab"
UNSENT = "belum dikirim"
OUTCOMES: Mapping[str, str] = {
    "created": "diterima",
    "updated": "diperbarui",
    "unchanged": "tetap",
    "verified": "terverifikasi",
    "designated": "binaan",
}
"""What a reply calls an outcome, and what the column Hasil calls it."""
_NOT_SENT = Result("", UNSENT, "Baris ini belum dikirim; jalankan perintah yang sama lagi untuk mengirimnya.")
"""Of a row whose turn had not come when patience ended."""
_MOST_HEADINGS = 3
"""A place by its names has three; a problem with more columns than that is about the whole row."""


@dataclass(frozen=True, slots=True)
class Message:
    """A row's message. `key` and `stamp` are what the ledger knows it by."""

    key: str
    stamp: str
    intake: Intake


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that is not sent, and why."""

    problems: list[Problem]


@dataclass(frozen=True, slots=True)
class Kept:
    """A row that has nothing to tell: it says what registry said."""


Prepare = Callable[[Row], Message | Refusal | Kept | None]
"""What to do with a row; None leaves it as it is."""


@dataclass(slots=True)
class Tally:
    """What a pass came to."""

    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    not_sent: int = 0
    skipped: int = 0
    confirmed: int = 0
    answered: int = 0

    @property
    def exit(self) -> Exit:
        if self.outcomes[UNANSWERED] or self.outcomes[UNSENT]:
            return Exit.NO_REPLY
        return Exit.REFUSED if self.outcomes[REFUSED] else Exit.DONE

    def progress(self) -> str:
        """For somebody whose command has stopped in the middle."""
        return (
            f"{self.confirmed} messages were confirmed by the broker and will be handled, {self.answered} were "
            f"answered. Running the same command again is safe: nothing is done twice."
        )


@dataclass(slots=True)
class _Sent:
    """What is kept of a message until its reply comes: not what it says, of which there may be forty thousand."""

    key: str
    stamp: str
    rows: list[int]


class Pass:
    """The state of one pass. Rows that say exactly the same share one message and its result."""

    def __init__(
        self,
        sheet: Sheet,
        ledger: Ledger,
        prepare: Prepare,
        advance: Callable[[], None],
        packer: Packer | None = None,
    ) -> None:
        self.sheet = sheet
        self.tally = Tally()
        self.results: dict[int, Result] = {}
        self._ledger = ledger
        self._prepare = prepare
        self._advance = advance
        self._packer = packer
        self._sent: dict[str, _Sent] = {}

    async def send(self, address: Address, patience: float) -> None:
        """Send every row and settle every reply. What has been settled is remembered, however it ends."""
        self._ledger.save()  # before anything goes out, or a crash would take the salt of its ids along
        try:
            async with opened(address, patience) as door:
                await self._converse(door)
        finally:
            self._ledger.save()

    async def _converse(self, door: Door) -> None:
        try:
            if self._packer is None:
                await self._converse_singly(door)
            else:
                await self._converse_packed(door, self._packer)
        finally:
            self.tally.confirmed, self.tally.answered = door.confirmed, door.answered

    async def _converse_singly(self, door: Door) -> None:
        intakes = (intake for _, intake in self._intakes())
        async for intake, reply in door.converse(intakes):
            self._settle(intake.id, reply)
        for intake in intakes:
            self._conclude(intake.id, _NOT_SENT)

    async def _converse_packed(self, door: Door, packer: Packer) -> None:
        sendable = packer.pack(self._intakes())
        async for parcel, reply in door.converse(sendable, parcels.IN_FLIGHT):
            for intake_id, alone in packer.unpack(parcel.id, reply):
                self._settle(intake_id, alone)
        for parcel in sendable:
            for intake_id, _ in packer.unpack(parcel.id, None):
                self._conclude(intake_id, _NOT_SENT)

    def _intakes(self) -> Iterator[tuple[int, Intake]]:
        for row in self.sheet.rows():
            prepared = self._prepare(row)
            if isinstance(prepared, Message):
                yield from ((row.number, intake) for intake in self._new(row.number, prepared))
            elif isinstance(prepared, Refusal):
                self._refuse(row.number, prepared)
            elif isinstance(prepared, Kept):
                self._record(row.number, Result("", OUTCOMES["unchanged"]))
            else:
                self.tally.skipped += 1
                self._advance()
        self._ledger.complete()

    def _new(self, number: int, message: Message) -> Iterable[Intake]:
        """The message, unless a row above has said the same."""
        known = self._sent.get(message.intake.id)
        if known is None:
            self._sent[message.intake.id] = _Sent(message.key, message.stamp, [number])
            return [message.intake]
        first = known.rows[0]
        known.rows.append(number)
        if first in self.results:
            self._record(number, self._repeated(self.results[first], first))
        return []

    def _refuse(self, number: int, refusal: Refusal) -> None:
        self.tally.not_sent += 1
        self.tally.reasons.update({problem.text_id for problem in refusal.problems})
        self._record(number, Result("", REFUSED, remark(self.sheet.headings, map(_as_dict, refusal.problems))))

    def _settle(self, intake_id: str, reply: Reply | None) -> None:
        sent = self._sent[intake_id]
        if reply is not None:
            self._ledger.settle(sent.key, sent.stamp, refused=reply.rejected)
            if reply.rejected:
                self.tally.reasons.update({str(problem.get("text_id")) for problem in reply.problems})
        self._conclude(intake_id, result_of(self.sheet.headings, reply))

    def _conclude(self, intake_id: str, result: Result) -> None:
        sent = self._sent[intake_id]
        first = sent.rows[0]
        for number in sent.rows:
            self._record(number, result if number == first else self._repeated(result, first))

    def _record(self, number: int, result: Result) -> None:
        self.results[number] = result
        self.tally.outcomes[result.outcome] += 1
        self._advance()

    @staticmethod
    def _repeated(result: Result, first: int) -> Result:
        same = f"Baris ini sama persis dengan baris {first}."
        return Result(result.id, result.outcome, f"{same} {result.remark}".strip())


def run(current: Pass, address: Address, suffix: str, patience: float) -> str:
    """Carry a pass out and write the returned sheet; its path. Raises `CliError`, `KeyboardInterrupt`.

    The place of the returned sheet is taken first, so that a full disk or a read-only folder stops it before it starts.
    """
    target = result_path(current.sheet, suffix)
    with replacing(target) as draft:
        try:
            asyncio.run(current.send(address, patience))
        except CliError as error:
            told = f" {current.tally.progress()}" if current.tally.confirmed else ""
            raise CliError(error.code, f"{error.text}{told}") from error
        write_results(current.sheet, current.results, draft)
    return str(target)


def result_of(headings: Headings, reply: Reply | None) -> Result:
    """A reply in the words of the returned sheet."""
    if reply is None:
        return Result("", UNANSWERED, "Belum ada jawaban; jalankan perintah yang sama lagi untuk hasilnya.")
    said = remark(headings, reply.problems)
    if reply.rejected:
        return Result("", REFUSED, said)
    outcome = str(reply.result.get("outcome", ""))
    id_ = str(reply.result.get(f"{headings.columns.thing}_id", ""))
    return Result(id_, OUTCOMES.get(outcome, outcome), said and f"Catatan: {said}")


def remark(headings: Headings, problems: Iterable[Mapping[str, Any]]) -> str:
    """Every problem in Indonesian, each with the office's own heading before it."""
    return " | ".join(_one_remark(headings, problem) for problem in problems)


def _one_remark(headings: Headings, problem: Mapping[str, Any]) -> str:
    where = heading_of(headings, problem.get("field"))
    text = str(problem.get("text_id") or problem.get("code"))
    return f"{where}: {text}" if where else text


def heading_of(headings: Headings, path: str | None) -> str:
    """The office's heading of what stands at a path of the message; empty where the sheet has no such column."""
    if not path:
        return ""
    path_of = headings.columns.path_of
    keys = [key for key in headings.known if path_of(key) == path or path_of(key).startswith(f"{path}.")]
    shown = dict.fromkeys(filter(None, map(headings.shown, keys)))
    return "/".join(shown) if len(shown) <= _MOST_HEADINGS else ""


def _as_dict(problem: Problem) -> dict[str, Any]:
    return problem.model_dump()
