"""``python -m benchmarks.importing``: a regency's whole list through `binaan import`, against bare publishing.

    python -m benchmarks.importing               40,000 rows: as many micro businesses as Bengkalis has (S2-14)
    python -m benchmarks.importing --rows 2000   fewer

An office's workbook goes through the command, registry, aid and notify, all as processes of their own on one machine.
Beside it, in the same run, bare aio-pika publishes as many messages as that has caused, of the same size, into the same
exchanges with the same bindings, with a confirm window of 64. Then the same import is stopped with Ctrl-C in the middle
and run again. Exits with 1 when a row is unanswered, an event is missing or there twice.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, cast

import aio_pika
import uvloop
import xlsxwriter
from aiormq import Channel
from pamqp.commands import Basic
from python_calamine import CalamineWorkbook

from benchmarks.chain import Services
from benchmarks.ground import ROOT, Ground, key_file
from benchmarks.office import Office, accepted
from benchmarks.process import PROJECT
from deploy.demo import values
from deploy.local.world import World
from deploy.rabbitmq.accounts import Account
from services.cli.connection import find
from services.cli.events import history
from shared.contracts.envelope import ADMINISTRATOR, CONTENT_TYPE, EVENTS
from shared.reference import region as regions

ACCOUNT, REGION = "dinkop-bengkalis", "14.03"
ROWS = 40_000
RATIO, MEMORY_MEBIBYTES = 3.0, 300.0
CONFIRM_WINDOW = 64
RECORDED = "id.binaan.registry.business.recorded.v1"
HEADINGS = (
    "NAMA PEMILIK",
    "NIK",
    "No. HP/WA",
    "Nama Usaha",
    "Kode Wilayah",
    "Alamat",
    "Omzet 2025",
    "Jumlah TK",
    "Kebutuhan",
)
_SETTLING_SECONDS = 120


@dataclass(frozen=True)
class Run:
    """One run of the command."""

    seconds: float
    mebibytes: float
    code: int
    said: dict[str, Any]


# --- what goes in -----------------------------------------------------------------------------------------------------


def workbook(path: Path, rows: int) -> Path:
    """As many businesses of as many owners, with a title above and the amounts and phones as numbers."""
    rng = Random(20261124)
    villages = regions.below(REGION, "village")
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        sheet = book.add_worksheet("Data UMKM")
        sheet.write_string(0, 0, "DATA PELAKU USAHA MIKRO KABUPATEN BENGKALIS")
        sheet.write_row(2, 0, HEADINGS)
        for number in range(rows):
            for column, cell in enumerate(_row(rng, number, villages[number % len(villages)])):
                sheet.write(number + 3, column, cell)
    return path


def _row(rng: Random, number: int, village: str) -> Sequence[str | int]:
    name, _ = values.person(rng)
    born = f"{number // 9999 % 28 + 1:02d}{number // (9999 * 28) % 12 + 1:02d}71"
    nik = f"{REGION.replace('.', '')}99{born}{number % 9999 + 1:04d}"
    sales = rng.randrange(20, 280) * 1_000_000
    return (
        name,
        nik,
        int(values.mobile(rng).removeprefix("+62").removeprefix("0")),
        business(number),
        village,
        f"Jalan Contoh {number % 300} No. {number}",  # two at one phone and place would be told of once more, as alike
        sales,
        rng.randrange(1, 6),
        "Peralatan",
    )


def business(number: int) -> str:
    return f"Usaha Bengkalis {number}"


# --- the command ------------------------------------------------------------------------------------------------------


def _started(world: World, path: Path) -> subprocess.Popen[str]:
    code = "from services.cli.start import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, "import", str(path), "--as", ACCOUNT, "--region", REGION, "--json"],
        cwd=PROJECT,
        env={**os.environ, "BINAAN_AMQP_URL": world.amqp_url_of(ACCOUNT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def _ended(process: subprocess.Popen[str], since: float) -> Run:
    """Wait for it; its memory is what the kernel says of this process alone."""
    assert process.stdout
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    summary = json.loads(said) if said.strip() else {}
    return Run(time.monotonic() - since, usage.ru_maxrss / 1024, process.returncode, summary)


async def run_whole(world: World, path: Path) -> Run:
    since = time.monotonic()
    return await asyncio.to_thread(_ended, _started(world, path), since)


async def stop_and_run_again(world: World, path: Path, rows: int) -> tuple[int, Run]:
    """The events there were when it was stopped, and the second run."""
    process = _started(world, path)
    since = time.monotonic()
    seen = await _events(world, rows // 4)
    process.send_signal(signal.SIGINT)
    stopped = await asyncio.to_thread(_ended, process, since)
    if stopped.code != 130:
        raise RuntimeError(f"it was not stopped in the middle: it ended with {stopped.code}")
    return sum(seen.values()), await run_whole(world, path)


# --- what came of it --------------------------------------------------------------------------------------------------


async def _events(world: World, at_least: int) -> Counter[str]:
    """How often each business was recorded, read from the first event on until there are so many."""
    found: Counter[str] = Counter()
    async with (
        asyncio.timeout(_SETTLING_SECONDS + at_least / 50),
        aclosing(history(_administrator(world), "first")) as told,
    ):
        async for event in told:
            if event.envelope["type"] == RECORDED:
                found[event.data["business"]["name"]] += 1
            if sum(found.values()) >= at_least:
                break
    return found


async def _all_events(world: World, rows: int) -> tuple[Counter[str], int]:
    """The same with all that came after, up to an event that is known to come last; and the mean size."""
    marker = f"Penanda {time.monotonic_ns()}"
    async with Office.of(world, ACCOUNT) as office:
        report = {"business": {"name": marker, "region": f"{REGION}.01.1001"}, "owner": {"name": "Contoh"}}
        await office.ask("registry.business.report", report, time="2026-01-05T09:30:00+07:00")
    found: Counter[str] = Counter()
    size = 0
    async with (
        asyncio.timeout(_SETTLING_SECONDS + rows / 50),
        aclosing(history(_administrator(world), "first")) as told,
    ):
        async for event in told:
            name = event.data.get("business", {}).get("name")
            if name == marker:
                break
            if event.envelope["type"].startswith("id.binaan.registry.business."):
                found[name] += 1
                size += len(json.dumps(event.envelope, separators=(",", ":")))
    return found, size // max(1, sum(found.values()))


def _administrator(world: World) -> Any:
    return find(ADMINISTRATOR, {"BINAAN_AMQP_URL": world.amqp_url})


def problems(run: Run, told: Counter[str], rows: int) -> list[str]:
    """What is not as it must be; empty when all is."""
    returned = CalamineWorkbook.from_path(run.said["sheet"]).get_sheet_by_index(0).to_python(skip_empty_area=False)[3:]
    ids = {row[-3] for row in returned if row[-3]}
    checks = {
        f"ended with {run.code}": run.code == 0,
        f"{len(ids)} of {rows} rows have a business of their own": len(ids) == rows,
        f"{len(told)} of {rows} businesses are in the history": set(told) == set(map(business, range(rows))),
        f"{sum(told.values()) - len(told)} events too many": sum(told.values()) == len(told),
    }
    return [what for what, good in checks.items() if not good]


# --- the floor --------------------------------------------------------------------------------------------------------


async def publish_barely(world: World, messages: int, size: int) -> float:
    """Seconds for so many messages of that size, confirmed, 64 at a time, where registry publishes its events."""
    body = b'{"' + b"x" * max(0, size - 6) + b'":1}'
    window = asyncio.Semaphore(CONFIRM_WINDOW)
    async with await aio_pika.connect(world.amqp_url_of("registry")) as connection:
        channel = cast(Channel, await (await connection.channel(publisher_confirms=True)).get_underlay_channel())
        properties = Basic.Properties(content_type=CONTENT_TYPE, delivery_mode=2, user_id="registry")

        async def put() -> None:
            try:
                await channel.basic_publish(
                    body,
                    exchange=EVENTS,
                    routing_key=f"registry.business.recorded.{REGION}",
                    properties=properties,
                    wait=False,
                )
            finally:
                window.release()

        since = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for _ in range(messages):
                await window.acquire()
                group.create_task(put())
        return time.monotonic() - since


# --- all of it --------------------------------------------------------------------------------------------------------


async def _open(world: World) -> None:
    async with Office.of(world, ADMINISTRATOR) as administrator:
        agency = {
            "agency": ACCOUNT,
            "name": "Dinas Koperasi, UKM Kabupaten Bengkalis",
            "level": "kabkota",
            "region": REGION,
        }
        permitted = ["registry.business.*"]
        await accepted(administrator.ask("registry.agency.register", {**agency, "permitted": permitted}))


async def measure(rows: int, folder: Path) -> list[str]:
    """Print the figures; what was not as it must be."""
    keys = key_file(ROOT)
    path = workbook(folder / "umkm-bengkalis.xlsx", rows)
    print(f"{rows} rows, {path.stat().st_size / 2**20:.1f} MiB, {os.cpu_count()} processors")
    wrong: list[str] = []
    with Ground.raised() as ground:
        accounts = (Account(ACCOUNT),)
        world = ground.servers.world("bench_import", accounts)
        async with Services.running(world, keys):
            await _open(world)
            run = await run_whole(world, path)
            told, size = await _all_events(world, rows)
        wrong += problems(run, told, rows)
        world.remove()

        # A reply and a message in for each parcel, an event for each business and a contact for each owner.
        messages = 2 * (rows // 250) + sum(told.values()) + rows
        world = ground.servers.world("bench_bare", accounts)
        bare = await publish_barely(world, messages, size)
        world.remove()
        print(f"import          {run.seconds:8.1f} s   {rows / run.seconds:8.0f} rows/s")
        print(f"bare publishing {bare:8.1f} s   {messages / bare:8.0f} messages/s of {size} bytes, {messages} of them")
        ratio = run.seconds / bare
        print(f"ratio           {ratio:8.2f}     wanted ≤ {RATIO:.0f}: {'met' if ratio <= RATIO else 'missed'}")
        print(
            f"memory          {run.mebibytes:8.0f} MiB wanted ≤ {MEMORY_MEBIBYTES:.0f}: "
            f"{'met' if run.mebibytes <= MEMORY_MEBIBYTES else 'missed'}"
        )

        again = folder / "again"
        again.mkdir()
        path = path.rename(again / path.name)
        world = ground.servers.world("bench_again", accounts)
        async with Services.running(world, keys):
            await _open(world)
            before, run = await stop_and_run_again(world, path, rows)
            told, _ = await _all_events(world, rows)
        wrong += problems(run, told, rows)
        world.remove()
        print(
            f"stopped after {before} events, run again in {run.seconds:.1f} s: {run.said['outcomes']}, "
            f"{sum(told.values())} events of {len(told)} businesses"
        )
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.importing", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=ROWS)
    rows = parser.parse_args().rows
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it, and children would too
    with TemporaryDirectory(prefix="binaan-import-") as folder:
        wrong = uvloop.run(measure(rows, Path(folder)))
    for what in wrong:
        print(what, file=sys.stderr)
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
