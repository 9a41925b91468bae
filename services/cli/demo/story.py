"""The story in its order: what an earlier run has left is set back, programmes open, files come in, officials decide,
and everything that follows of itself is waited for.

A run changes nothing outside the demo's own businesses and programmes, deletes nothing, and can be repeated: what was
decided last time is taken back through the door first, as an office would (docs/decisions/0020-demo.md).
"""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from services.cli import deciding, report
from services.cli.agencies import IN_OFFICE_SINCE
from services.cli.client import Door, Intake, Reply
from services.cli.deciding import Decider
from services.cli.demo.feed import PATIENCE_SECONDS, Feed
from services.cli.demo.figures import Run, answered, is_settled
from services.cli.demo.offices import MENTOR, OFFICES, Office
from services.cli.demo.passes import Answer, SheetPass
from services.cli.demo.phone import Phone
from services.cli.demo.screen import Screen
from services.cli.demo.view import State, View
from services.cli.exits import CliError, Exit, no_reply
from services.cli.importing import Importer
from services.cli.ledger import Ledger
from services.cli.rounds import Message
from services.cli.sheet import base_name, open_sheet
from shared.contracts.authority import official_id
from shared.reference import region as regions

PREFIX = "demo-"
"""How the ids of the demo's own messages begin."""
_POLL_SECONDS = 0.1


@dataclass(slots=True)
class Story:
    """`doors` are by account, the administrator's among them; `label` tells this run from others; on `phone` the first
    owner's message is seen to arrive."""

    screen: Screen
    feed: Feed
    view: View
    doors: Mapping[str, Door]
    administrator: Door
    files: Path
    folder: Path
    label: str
    phone: Phone
    runs: list[Run] = field(default_factory=lambda: [Run(office) for office in OFFICES])

    async def tell(self) -> None:
        """Raises `CliError`: 1 when something is refused that should not be, 3 without a broker, 4 without replies."""
        await self._look_back()
        await self._open_programmes()
        await self._import()
        await self._verify()
        await self._designate()
        await self._settle()

    # -- what was before -----------------------------------------------------------------------------------------------

    async def _look_back(self) -> None:
        """Know all that has happened here before, and set back what an earlier run has decided."""
        _prepare_folder(self.folder, self.files)
        with self.screen.step("What has happened here before is read from the history"):
            await self._know_everything_so_far("")
            self.screen.line(f"{self.view.count} events")
        closing = [one for one in self.view.states("programme") if self._is_left_open(one)]
        decided = [one for run in self.runs for one in self._decided_before(run.office)]
        if not closing and not decided:
            return
        with self.screen.step("An earlier run is set back: its programmes close, its businesses are terdata again"):
            self.feed.live = True
            await self._do(self._closing(closing))
            active = [one for one in decided if one["status"] != "nonaktif"]
            await self._do(self._moving("deactivate", active, {"reason": "demo_ulang"}))
            await self._do(self._moving("reactivate", decided, {}))
            self.screen.line(f"{len(closing)} programmes closed, {len(decided)} businesses are terdata again")
            await self._know_everything_so_far("-2")

    async def _know_everything_so_far(self, suffix: str) -> None:
        """Name the mentors anew, and wait until the history and aid have come to that event: both know then all that
        was told before it."""
        unit = f"Bidang UMKM (demo {self.label}{suffix})"
        await self._do(
            (run.office.account, self._intake(run.office, f"mentor{suffix}", "registry.official.register", None, data))
            for run in self.runs
            for data in [{"official": MENTOR, "role": "petugas", "unit": unit, "valid_from": IN_OFFICE_SINCE}]
        )
        mentors = {official_id(run.office.account, MENTOR) for run in self.runs}
        await self.feed.until(lambda: mentors <= _named(self.view, unit), "the history is behind")
        await self._wait_for_aid(mentors, unit)

    async def _wait_for_aid(self, mentors: set[str], unit: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    if mentors <= await self._named_to_aid(unit):
                        return
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise no_reply(f"aid has not heard of what registry told {PATIENCE_SECONDS:.0f} s ago.") from None

    async def _named_to_aid(self, unit: str) -> set[str]:
        reply = await self.administrator.ask(Intake(str(uuid.uuid4()), "aid.agency.request", {"limit": 500}))
        agencies: list[dict[str, Any]] = _accepted("aid.agency.request", reply).data.get("answer") or []
        officials = (official for agency in agencies for official in agency["officials"])
        return {official["official_id"] for official in officials if official.get("unit") == unit}

    def _is_left_open(self, programme: State) -> bool:
        mine = self.view.opened_by.get(str(programme.get("programme_id")), "").startswith(PREFIX)
        return mine and programme.get("status") == "open"

    def _decided_before(self, office: Office) -> list[State]:
        """The businesses of the file that somebody has decided on, known by name and place."""
        theirs = {(one["name"], one["region"]) for one in self._reported(office) if "name" in one}
        return [
            one
            for one in self.view.states("business")
            if one.get("agency") == office.account
            and one.get("status") != "terdata"
            and (one.get("name"), one.get("region")) in theirs
        ]

    def _reported(self, office: Office) -> Iterator[Mapping[str, Any]]:
        importer = self._importer(office)
        for row in importer.sheet.rows():
            prepared = importer.prepare(row)
            if isinstance(prepared, Message):
                yield prepared.intake.data["business"]

    def _closing(self, programmes: Iterable[State]) -> Iterator[tuple[str, Intake]]:
        for one in programmes:
            data = {"programme_id": one["programme_id"], "reason": "demo diulang"}
            yield str(one["agency"]), Intake(str(uuid.uuid4()), "aid.programme.close", data, actor="kadis")

    def _moving(self, verb: str, businesses: Iterable[State], more: Mapping[str, str]) -> Iterator[tuple[str, Intake]]:
        for one in businesses:
            id_ = f"{PREFIX}{self.label}-{verb}-{one['business_id']}"
            data = {"business_id": one["business_id"], **more}
            yield str(one["agency"]), Intake(id_, f"registry.business.{verb}", data, actor="kadis")

    # -- the main job --------------------------------------------------------------------------------------------------

    async def _open_programmes(self) -> None:
        with self.screen.step("Each office opens a training programme: for binaan of scale mikro or kecil"):
            self.feed.live = True
            for run in self.runs:
                data = run.office.programme(_today(run.office))
                intake = self._intake(run.office, "open", "aid.programme.open", "kadis", data)
                reply = _accepted(intake.key, await self.doors[run.office.account].ask(intake))
                run.programme_id = str(reply.result["programme_id"])
            known = {run.programme_id: set(self._known_in(run.office.region)) for run in self.runs}
            await self.feed.until(
                lambda: all(known[one] <= answered(self.view, one) for one in known),
                "not every known business has been assessed for the new programmes",
            )

    def _known_in(self, region: str) -> Iterator[str]:
        """Businesses that are there already when a programme opens."""
        for one in self.view.states("business"):
            if regions.within(str(one.get("region")), region):
                yield str(one["business_id"])

    async def _import(self) -> None:
        with self.screen.step("Each office reports what is in its file"):
            for run in self.runs:
                self.screen.command(f"binaan import {shown(self.folder / run.office.file)} --as {run.office.account}")
                importer = self._importer(run.office)
                run.imported = await self._pass(run, importer, "hasil")
                self._say_outcomes(run)
            reported = {run.programme_id: run.businesses for run in self.runs}
            await self.feed.until(
                lambda: all(reported[one] <= answered(self.view, one) for one in reported),
                "not every business has been assessed",
            )

    async def _verify(self) -> None:
        with self.screen.step(f"{self._designated} businesses are verified, by the head of the section (kabid)"):
            for run in self.runs:
                sheet = _returned(run.office, "hasil")
                who = f"--as {run.office.account} --actor kabid --limit {run.office.designated}"
                self.screen.command(f"binaan verify {shown(self.folder / sheet)} {who}")
                # The same decision has the same id, and is done once; a new run is a new visit.
                data = {"method": "site_visit", "note": f"Kunjungan lapangan, demo {self.label}"}
                run.verified = await self._decide(run, sheet, "verify", "kabid", data)
            await self._reach("terverifikasi")

    async def _designate(self) -> None:
        with self.screen.step("They become binaan: in each office by one decree of its head (kadis)"):
            for run in self.runs:
                sheet = _returned(run.office, "verifikasi")
                run.decree = run.office.decree(self.label, _today(run.office))
                who = f"--as {run.office.account} --actor kadis --limit {run.office.designated}"
                paper = f"--decree {run.decree['number']} --date {run.decree['date']}"
                self.screen.command(f"binaan designate {shown(self.folder / sheet)} {who} {paper}")
                data = {"decree": run.decree, "mentor": MENTOR}
                run.designated = await self._decide(run, sheet, "designate", "kadis", data)
            await self._reach("binaan")

    async def _settle(self) -> None:
        title = "What follows of itself: aid assesses them anew, notify tells their owners"
        with self.screen.step(title, watching=self.phone):
            await self.feed.until(
                lambda: all(is_settled(self.view, run) for run in self.runs), "not all owners are told"
            )

    # -- parts ---------------------------------------------------------------------------------------------------------

    @property
    def _designated(self) -> int:
        return sum(run.office.designated for run in self.runs)

    def _importer(self, office: Office) -> Importer:
        path = self.folder / office.file
        return Importer(open_sheet(path, report.REQUIRED), Ledger.of(path), office.account, office.region)

    async def _pass(self, run: Run, importer: Importer, suffix: str) -> list[Answer]:
        current = SheetPass(importer.sheet, importer.ledger, importer.prepare)
        await current.run(self.doors[run.office.account], suffix)
        return current.answers

    async def _decide(self, run: Run, file: str, verb: str, actor: str, data: Mapping[str, Any]) -> list[Answer]:
        path, account = self.folder / file, run.office.account
        ledger = Ledger.of(path)
        decider = Decider(ledger, account, verb, actor, data, run.office.designated)
        current = SheetPass(open_sheet(path, deciding.REQUIRED), ledger, decider.prepare)
        await current.run(self.doors[account], {"verify": "verifikasi", "designate": "binaan"}[verb])
        for one in current.answers:
            if one.reply is not None:
                _accepted(f"registry.business.{verb}", one.reply)
        return current.answers

    async def _reach(self, status: str) -> None:
        """Wait until the history says so of every business decided on."""
        decided = {one.business_id for run in self.runs for one in (run.designated or run.verified)}
        await self.feed.until(
            lambda: all(self.view.state("business", one).get("status") == status for one in decided),
            f"not all are {status} in the history",
        )

    async def _do(self, asked: Iterable[tuple[str, Intake]]) -> None:
        """Send messages, each by its account, and insist that they are accepted."""
        by_account: dict[str, list[Intake]] = {}
        for account, intake in asked:
            by_account.setdefault(account, []).append(intake)
        for account, intakes in by_account.items():
            async for intake, reply in self.doors[account].converse(intakes):
                if reply is None:
                    raise self.doors[account].unanswered()
                _accepted(intake.key, reply)

    def _intake(self, office: Office, what: str, key: str, actor: str | None, data: Mapping[str, Any]) -> Intake:
        return Intake(f"{PREFIX}{self.label}-{what}-{office.account}", key, data, actor=actor)

    def _say_outcomes(self, run: Run) -> None:
        outcomes = Counter(one.outcome or "refused" for one in run.imported)
        said = ", ".join(f"{number} {_OUTCOMES.get(outcome, outcome)}" for outcome, number in outcomes.most_common())
        sheet = self.folder / _returned(run.office, "hasil")
        self.screen.line(f"{len(run.imported)} rows: {said}; each row's result is in {shown(sheet)}")


_OUTCOMES = {
    "created": "recorded (diterima)",
    "unchanged": "known already and unchanged (tetap)",
    "updated": "updated (diperbarui)",
    "refused": "refused (ditolak)",
}


def _named(view: View, unit: str) -> set[str]:
    return {str(one["official_id"]) for one in view.states("official") if one.get("unit") == unit}


def _accepted(key: str, reply: Reply) -> Reply:
    if reply.rejected:
        raise CliError(Exit.REFUSED, f"{key} was refused: {reply.texts()}")
    return reply


def _today(office: Office) -> date:
    return regions.local_date(datetime.now(UTC), office.region)


def _returned(office: Office, suffix: str) -> str:
    return f"{base_name(Path(office.file))}.{suffix}.csv"


def _prepare_folder(folder: Path, files: Path) -> None:
    """Every run starts from the files as they were given: what an earlier one has left beside them goes."""
    folder.mkdir(parents=True, exist_ok=True)
    for office in OFFICES:
        name = base_name(Path(office.file))
        for old in (*folder.glob(f"{name}*.csv"), folder / f".binaan-{name}.json"):
            old.unlink(missing_ok=True)
        shutil.copyfile(files / office.file, folder / office.file)


def shown(path: Path) -> str:
    """A path as one types it here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
