"""`binaan import`: every row of an office's sheet is reported to registry as a business."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import ValidationError

from services.cli import report
from services.cli.client import Intake
from services.cli.headings import Row
from services.cli.ledger import Ledger, stamp_of, time_of
from services.cli.parcels import FROM_ROWS, Packer
from services.cli.rounds import Message, Refusal, Tally, remark
from services.cli.sheet import REFUSED, Result, Sheet, replacing, result_path, write_results
from shared.contracts.problem import from_validation
from shared.contracts.registry.businesses import BusinessReport

KEY = "registry.business.report"
SUFFIX = "hasil"
CHECKED_SUFFIX = "periksa"
SENDABLE = "dapat dikirim"
_SHOWN_ROWS = 50


@dataclass(frozen=True, slots=True)
class Importer:
    """Makes the message of each row. `home` is the office's region."""

    sheet: Sheet
    ledger: Ledger
    account: str
    home: str | None

    def prepare(self, row: Row) -> Message | Refusal:
        """A row's message, or what keeps it from being sent."""
        read = report.read(row, self.home)
        if read.problems:
            return Refusal(read.problems)
        key = self._key(read)
        stamp = self.ledger.stamp(row.number, key, stamp_of(self.sheet.changed_at, datetime.now(UTC)))
        data, time = read.finish(time_of(stamp))
        return Message(key, stamp, Intake(self.ledger.intake_id(key, stamp), KEY, data, time=time))

    def packer(self) -> Packer | None:
        """For a sheet of many rows; None for one whose rows go singly."""
        if self.sheet.count < FROM_ROWS:
            return None
        return Packer(self.sheet.header_number + 1, self._name)

    def _name(self, ids: Sequence[str]) -> str:
        """Of the ids of rows, each a stamp and a key: the latest stamp and the key of all together."""
        stamp = max(one.partition("-")[0] for one in ids)
        return self.ledger.intake_id(self.ledger.key_of_row(self.account, {"rows": list(ids)}), stamp)

    def check(self, row: Row) -> Refusal | None:
        """What is wrong with a row as far as that can be known without asking anybody; None if nothing is."""
        prepared = self.prepare(row)
        if isinstance(prepared, Refusal):
            return prepared
        try:
            BusinessReport.model_validate(prepared.intake.data)
        except ValidationError as error:
            return Refusal(from_validation(error, prepared.intake.data, "data"))
        return None

    def _key(self, read: report.Report) -> str:
        surveyed = read.surveyed_on.isoformat() if read.surveyed_on else None
        return self.ledger.key_of_row(self.account, {**read.data, "surveyed_on": surveyed})


@dataclass(slots=True)
class Checked:
    """What a dry run finds, and the sheet that says it row by row."""

    importer: Importer
    tally: Tally = field(default_factory=Tally)
    refused: list[tuple[int, str]] = field(default_factory=list)
    """The first rows that are wrong, and why, to be shown at once."""

    def write(self, advance: Callable[[], None]) -> str:
        """Check every row and write `FILE.periksa`; its path. Raises `CliError` 2."""
        sheet = self.importer.sheet
        target = result_path(sheet, CHECKED_SUFFIX)
        with replacing(target) as draft:
            results = {row.number: self._check(row, advance) for row in sheet.rows()}
            write_results(sheet, results, draft)
        return str(target)

    def _check(self, row: Row, advance: Callable[[], None]) -> Result:
        refusal = self.importer.check(row)
        problems = refusal.problems if refusal else []
        outcome = REFUSED if refusal else SENDABLE
        self.tally.outcomes[outcome] += 1
        self.tally.reasons.update({problem.text_id for problem in problems})
        advance()
        said = remark(self.importer.sheet.headings, (problem.model_dump() for problem in problems))
        if refusal and len(self.refused) < _SHOWN_ROWS:
            self.refused.append((row.number, said))
        return Result("", outcome, said)
