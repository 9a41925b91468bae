"""`binaan import`: every row of an office's sheet is reported to registry as a business."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import ValidationError

from services.cli import report
from services.cli.client import Intake
from services.cli.headings import Row
from services.cli.ledger import Ledger, stamp_of, time_of
from services.cli.rounds import Message, Refusal
from services.cli.sheet import Sheet
from shared.contracts.problem import from_validation
from shared.contracts.registry.businesses import BusinessReport

KEY = "registry.business.report"
SUFFIX = "hasil"


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
        stamp = self.ledger.stamp(key, stamp_of(self.sheet.changed_at, datetime.now(UTC)))
        data, time = read.finish(time_of(stamp))
        return Message(key, stamp, Intake(self.ledger.intake_id(key, stamp), KEY, data, time=time))

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
