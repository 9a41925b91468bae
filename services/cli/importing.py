"""`binaan import`: every row of an office's sheet is reported to registry, as a business or as a cooperative."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ValidationError

from services.cli import columns, cooperative_report, report
from services.cli.cells import Report
from services.cli.client import Intake
from services.cli.columns import Columns
from services.cli.headings import Row
from services.cli.ledger import Ledger, stamp_of, time_of
from services.cli.parcels import FROM_ROWS, Packer
from services.cli.rounds import Kept, Message, Refusal, Tally, remark
from services.cli.sheet import REFUSED, Required, Result, Sheet, replacing, result_path, write_results
from shared.contracts.problem import Problem, from_validation
from shared.contracts.registry.businesses import CLEARABLE, BusinessReport
from shared.contracts.registry.cooperatives import CooperativeReport
from shared.contracts.registry.owners import CLEARABLE_OWNER

SUFFIX = "hasil"
CHECKED_SUFFIX = "periksa"
SENDABLE = "dapat dikirim"
_SHOWN_ROWS = 50


@dataclass(frozen=True, slots=True)
class Listing:
    """What the rows of a sheet are: their columns, and the message that each becomes."""

    key: str
    model: type[BaseModel]
    columns: Columns
    required: Required
    read: Callable[[Row, str | None], Report]
    many: bool = False
    """Whether registry takes many of them in one message."""


BUSINESSES = Listing(
    "registry.business.report", BusinessReport, columns.BUSINESSES, report.REQUIRED, report.read, many=True
)
COOPERATIVES = Listing(
    "registry.cooperative.report",
    CooperativeReport,
    columns.COOPERATIVES,
    cooperative_report.REQUIRED,
    cooperative_report.read,
)


@dataclass(frozen=True)
class Importer:
    """Makes the message of each row. `home` is the office's region."""

    sheet: Sheet
    ledger: Ledger
    account: str
    home: str | None
    listing: Listing = BUSINESSES

    def prepare(self, row: Row) -> Message | Refusal | Kept:
        """A row's message, or what keeps it from being sent.

        A row that is new or was corrected since it was sent names its business where it can, so that also its name can
        be corrected; one that still says what it said is sent as it was, and answered as it was. Of an exported
        register only what was changed is told.
        """
        read = self.listing.read(row, self.home)
        if read.problems:
            return Refusal(read.problems)
        if read.id in self.ledger.exported.rows:
            return self._changed(row, read, read.id)
        plain = self._key(read)
        named = read.id is not None and not self.ledger.says(plain)
        if named and (problems := self._copied(row)):
            return Refusal(problems)
        key = self._key(read, read.id) if named else plain
        return self._message(row, read, key, named=named, again=self.ledger.has_sent(plain))

    def _changed(self, row: Row, read: Report, business_id: str) -> Message | Refusal | Kept:
        exported = self.ledger.exported
        changed = exported.changed(business_id, read.data)
        emptied = [one for one in exported.emptied(business_id, read.data) if self._has_column(one)]
        if not any(changed.values()) and not emptied:
            return Kept()
        if problems := [*self._copied(row), *(_not_emptied(one) for one in emptied if one not in _CLEARABLE)]:
            return Refusal(problems)
        again = exported.tells(business_id, changed, emptied)
        only = replace(read, data=changed, clear=tuple(emptied))
        return self._message(row, only, self._key(only, business_id), named=True, again=again)

    def _message(self, row: Row, read: Report, key: str, *, named: bool, again: bool) -> Message:
        saved = stamp_of(self.sheet.changed_at, datetime.now(UTC))
        stamp = self.ledger.stamp(row.number, key, saved, again=again)
        data, time = read.finish(time_of(stamp), named=named)
        return Message(key, stamp, Intake(self.ledger.intake_id(key, stamp), self.listing.key, data, time=time))

    def _has_column(self, path: str) -> bool:
        """A column that was taken out of the sheet says nothing; a cell that was emptied does."""
        paths = (self.listing.columns.path_of(key).removeprefix("data.") for key in self.sheet.headings.known)
        return any(one == path or one.startswith(f"{path}.") for one in paths)

    def _copied(self, row: Row) -> list[Problem]:
        """A row that was copied with its ID Binaan and then changed would make another business what it says."""
        named = self._rows_of.get(row.cells["id"], {})
        others = [number for number, said in named.items() if said != _said(row)]
        if not others:
            return []
        rows = ", ".join(map(str, others[:3]))
        text_id = (
            f"ID Binaan ini juga ada di baris {rows}; kosongkan bila ini usaha lain, hapus salah satu bila usaha sama."
        )
        text_en = (
            f"This ID Binaan also stands in row {rows}; leave it blank if this is another business, delete one of the "
            "rows if it is the same."
        )
        return [
            Problem(
                code="sheet.business_twice", field=self.listing.columns.path_of("id"), text_id=text_id, text_en=text_en
            )
        ]

    @cached_property
    def _rows_of(self) -> dict[str, dict[int, int]]:
        """The rows of each business that several rows name, and for each whether it says the same as another."""
        found: dict[str, dict[int, int]] = {}
        for row in self.sheet.rows() if "id" in self.sheet.headings.known else ():
            found.setdefault(row.cells["id"], {})[row.number] = _said(row)
        return {business_id: rows for business_id, rows in found.items() if len(rows) > 1}

    def packer(self) -> Packer | None:
        """For a sheet of many rows; None for one whose rows go singly."""
        if self.sheet.count < FROM_ROWS or not self.listing.many:
            return None
        return Packer(self.sheet.header_number + 1, self._name)

    def _name(self, ids: Sequence[str]) -> str:
        """Of the ids of rows, each a stamp and a key: the latest stamp and the key of all together."""
        stamp = max(one.partition("-")[0] for one in ids)
        return self.ledger.intake_id(self.ledger.key_of_row(self.account, {"rows": list(ids)}), stamp)

    def check(self, row: Row) -> Refusal | None:
        """What is wrong with a row as far as that can be known without asking anybody; None if nothing is."""
        prepared = self.prepare(row)
        if not isinstance(prepared, Message):
            return prepared if isinstance(prepared, Refusal) else None
        try:
            self.listing.model.model_validate(prepared.intake.data)
        except ValidationError as error:
            return Refusal(from_validation(error, prepared.intake.data, "data"))
        return None

    def _key(self, read: Report, business_id: str | None = None) -> str:
        surveyed = read.surveyed_on.isoformat() if read.surveyed_on else None
        more: dict[str, Any] = {"business_id": business_id} if business_id is not None else {}
        more |= {"clear": read.clear} if read.clear else {}
        return self.ledger.key_of_row(self.account, {**read.data, "surveyed_on": surveyed, **more})


_CLEARABLE = {f"owner.{name}" for name in CLEARABLE_OWNER} | {f"business.{name}" for name in CLEARABLE}


def _not_emptied(path: str) -> Problem:
    text_id = "Isian ini tidak dapat dikosongkan; isi kembali seperti semula, atau dengan yang benar."
    text_en = "This cannot be emptied; put back what stood there, or what is right."
    return Problem(code="sheet.not_emptied", field=f"data.{path}", text_id=text_id, text_en=text_en)


def _said(row: Row) -> int:
    """The same for rows that say the same."""
    return hash(tuple(row.cells.items()))


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
