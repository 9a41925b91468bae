"""The commands an office works with: `import`, `verify`, `designate`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli import deciding, importing
from services.cli.agencies import home_of
from services.cli.client import PATIENCE_SECONDS
from services.cli.connection import find
from services.cli.deciding import Decider
from services.cli.exits import wrong_usage
from services.cli.importing import Checked, Importer, Listing
from services.cli.ledger import Ledger, stamp_of
from services.cli.options import As, Json, Patience, print_json
from services.cli.rounds import Pass, Tally, run
from services.cli.screen import as_json, out, progress, say, show_tally
from services.cli.sheet import open_sheet
from shared.reference import dates
from shared.reference import region as regions
from shared.reference.invalid import Invalid

File = Annotated[Path, typer.Argument(metavar="FILE", help="The sheet: .xlsx, .xls, .ods or .csv.", show_default=False)]
Wanted = Annotated[
    str | None,
    typer.Option("--sheet", metavar="NAME", help="Which sheet of a workbook; the one with headings if absent."),
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="Only the first N businesses.")]
Decides = Annotated[
    str, typer.Option("--actor", metavar="OFFICIAL", help="The official who decides, as registered by the agency.")
]


class Of(Enum):
    """What an office keeps lists of."""

    BUSINESSES = "businesses"
    COOPERATIVES = "cooperatives"


_LISTINGS: Mapping[Of, Listing] = {Of.BUSINESSES: importing.BUSINESSES, Of.COOPERATIVES: importing.COOPERATIVES}


def import_(
    file: File,
    *,
    account: As,
    region: Annotated[
        str | None,
        typer.Option(
            metavar="CODE", help="The office's region (12.71), in which names of desa and kecamatan are found."
        ),
    ] = None,
    of: Annotated[Of, typer.Option("--of", help="What the rows are.")] = Of.BUSINESSES,
    wanted: Wanted = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only check what can be checked here and send nothing; see FILE.periksa."),
    ] = False,
    json: Json = False,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Report every row of an office's own sheet as a business, or as a cooperative.

    Any order of columns, many spellings of headings, titles above the headings; workbooks of Excel and LibreOffice,
    or CSV with any delimiter, in UTF-8 or Windows text. Rows with mistakes do not keep the others back. FILE comes
    back as FILE.hasil.xlsx (FILE.hasil.csv for CSV) with three columns more: ID Binaan, Hasil (diterima, diperbarui,
    tetap, ditolak, belum dijawab, belum dikirim) and Keterangan. Correct it there and import it again: only corrected
    rows count as new.

    The time of observation is the column Tanggal Pendataan, else when the file was last saved. A file .binaan-FILE.json
    beside the sheet keeps ids from being used twice; leave it there.

    Example: `binaan import umkm-medan.xlsx --as dinkop-medan`

    Example: `binaan import koperasi-kaltim.xlsx --of cooperatives --as disperindagkop-kaltim`
    """
    listing = _LISTINGS[of]
    home = _home(region, account)
    sheet = open_sheet(file, listing.required, wanted, listing.columns)
    if sheet.headings.unknown and not json:
        say(f"Columns left alone: {', '.join(sheet.headings.unknown)}")
    importer = Importer(sheet, Ledger.of(sheet.origin), account, home, listing)
    if dry_run:
        checked = Checked(importer)
        with progress(sheet.path.name, sheet.count) as advance:
            result = checked.write(advance)
        for number, said in checked.refused if not json else ():
            out().print(f"baris {number}: {said}", markup=False)
        _finish(checked.tally, result, json=json)
    with progress(sheet.path.name, sheet.count) as advance:
        current = Pass(sheet, importer.ledger, importer.prepare, advance, importer.packer())
        result = _run(current, account, importing.SUFFIX, patience)
    _finish(current.tally, result, json=json)


def verify(
    file: File,
    *,
    account: As,
    actor: Decides,
    method: Annotated[
        str | None, typer.Option(metavar="WORD", help="How it was verified: site_visit, document_check …")
    ] = None,
    limit: Limit = None,
    json: Json = False,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Confirm the businesses of a returned sheet: an official has seen that they are as recorded.

    Takes the rows with an ID Binaan. The result comes back as FILE.verifikasi.xlsx or .csv. Doing it twice does it
    once.

    Example: `binaan verify umkm-medan.hasil.xlsx --as dinkop-medan --actor kabid --method site_visit`
    """
    data = {"method": method} if method else {}

    def make(ledger: Ledger) -> Decider:
        saved = stamp_of(file.stat().st_mtime, datetime.now(UTC))
        return Decider(ledger, account, "verify", actor, data, limit, occasion=saved)

    _decide(file, make, "verifikasi", json=json, patience=patience)


def designate(
    file: File,
    *,
    account: As,
    actor: Decides,
    decree: Annotated[str, typer.Option(metavar="NUMBER", help="The number of the decree (SK) the list belongs to.")],
    date: Annotated[str, typer.Option(metavar="DATE", help="The date of the decree: 2026-02-01 or 1 Februari 2026.")],
    mentor: Annotated[str | None, typer.Option(metavar="HANDLE", help="The mentor of all of them.")] = None,
    limit: Limit = None,
    json: Json = False,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Take the businesses of a returned sheet under guidance: by one decree they become binaan.

    Takes the rows with an ID Binaan, which must be verified. The result comes back as FILE.binaan.xlsx or .csv.

    Example: `binaan designate umkm-medan.verifikasi.xlsx --as dinkop-medan --actor kadis --decree SK-12/2026
    --date 2026-02-01`
    """
    data: dict[str, Any] = {"decree": {"number": decree, "date": _day(date)}}
    if mentor:
        data["mentor"] = mentor

    def make(ledger: Ledger) -> Decider:
        return Decider(ledger, account, "designate", actor, data, limit)

    _decide(file, make, "binaan", json=json, patience=patience)


def _decide(file: Path, make: Callable[[Ledger], Decider], suffix: str, *, json: bool, patience: float) -> None:
    sheet = open_sheet(file, deciding.REQUIRED)
    decider = make(Ledger.of(sheet.origin))
    with progress(sheet.path.name, sheet.count) as advance:
        current = Pass(sheet, decider.ledger, decider.prepare, advance)
        result = _run(current, decider.account, suffix, patience)
    _finish(current.tally, result, json=json)


def _run(current: Pass, account: str, suffix: str, patience: float) -> str:
    try:
        return run(current, find(account), suffix, patience)
    except KeyboardInterrupt:
        say(f"Stopped. {current.tally.progress()}")
        raise


def _finish(tally: Tally, result: str | None, *, json: bool) -> None:
    if json:
        print_json(as_json(tally, result))
    else:
        show_tally(tally, result)
    raise typer.Exit(tally.exit)


def _home(given: str | None, account: str) -> str | None:
    if given is None:
        return home_of(account)
    try:
        return regions.parse(regions.clean(given)).code
    except Invalid as error:
        raise wrong_usage(f"--region: {error.text_en}") from None


def _day(text: str) -> str:
    try:
        return dates.parse(text).isoformat()
    except Invalid as error:
        raise wrong_usage(f"--date: {error.text_en}") from None
