"""`binaan stats`: how many businesses and cooperatives there are, as a table and as rows for Satu Data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.asking import tell
from services.cli.client import PATIENCE_SECONDS
from services.cli.exits import wrong_usage
from services.cli.filing import OUR_SOURCE, Csv, Xlsx, save
from services.cli.options import As, Json, Patience, print_json, region_code
from services.cli.screen import out
from services.cli.tables import table
from shared.reference import dates
from shared.reference import region as regions
from shared.reference.invalid import Invalid

app = typer.Typer(help="Statistics: how many businesses and cooperatives there are, and by what.", no_args_is_help=True)

Region = Annotated[str | None, typer.Option(metavar="CODE", help="A region within one's own (12.71.01); one's own.")]
AsOf = Annotated[str | None, typer.Option("--as-of", metavar="DATE", help="The end of which day; today.")]
By = Annotated[str | None, typer.Option(metavar="WORD", help="region, status, scale, role, sector …")]
Against = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Somebody else's figure, to say how much of it is covered.")
]
Source = Annotated[str | None, typer.Option(metavar="TEXT", help="Whose figure that is: BPS.")]
Qualifier = Annotated[str, typer.Option(metavar="WORD", help="exact, sekitar, lebih_dari or kurang_dari.")]

_SUBJECT = {"businesses": ("Jumlah UMKM", "usaha"), "cooperatives": ("Jumlah Koperasi", "koperasi")}
_SUMS = {"members": ("Jumlah Anggota Koperasi", "orang"), "workers": ("Jumlah Tenaga Kerja UMKM", "orang")}
_COLUMNS = {
    "businesses": ("key", "name", "count", "share", "workers"),
    "cooperatives": ("key", "name", "count", "share", "members", "members_share"),
}
_INDICATORS = ("key", "name", "value", "unit", "qualifier", "target", "due", "met")
_LEVELS = {
    "nation": "nasional",
    "province": "provinsi",
    "regency": "kabupaten/kota",
    "district": "kecamatan",
    "village": "desa/kelurahan",
}
SATU_DATA = (
    "_id",
    "kode_wilayah",
    "level_wilayah",
    "nama_wilayah",
    "judul",
    "satuan",
    "tahun",
    "periode",
    "data",
    "status",
    "timestamp",
    "rincian",
    "kualifikasi",
    "sumber",
)
"""As portals of Satu Data have it (sources §7), and what every figure of ours says besides."""
ODS: Mapping[str, str] = {
    "koperasi": "koperasi",
    "aktif": "aktif",
    "berisiko": "berisiko",
    "tidak_aktif": "tidak_aktif",
    "rat": "rat",
    "sertifikat_nik": "bernomor_induk",
    "anggota": "anggota",
    "manajer": "",
    "karyawan": "",
    "modal_sendiri": "",
    "modal_luar": "",
    "volume_usaha": "volume_usaha",
    "shu": "shu",
}
"""What ODS sums up of a region (sources §3), and the indicator that says it; managers, employees and capital are not
known here and stay empty. Beside each figure stands its qualifier."""
_QUALIFIED = ("anggota", "volume_usaha", "shu")
ODS_COLUMNS = (
    "kode_wilayah",
    "nama_wilayah",
    "per_tanggal",
    "sumber",
    *(column for name in ODS for column in ((name, f"kualifikasi_{name}") if name in _QUALIFIED else (name,))),
    "tahun_hasil",
)


@app.command()
def businesses(
    *,
    account: As,
    region: Region = None,
    as_of: AsOf = None,
    by: By = None,
    against: Against = None,
    source: Source = None,
    qualifier: Qualifier = "exact",
    json: Json = False,
    xlsx: Xlsx = None,
    csv: Csv = None,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Count businesses: by region, status, scale, role or sector (KBLI category).

    Example: `binaan stats businesses --by scale --as dinkop-medan`

    Example: `binaan stats businesses --against 40000 --qualifier sekitar --source BPS --as dinkop-bengkalis`
    """
    data = _asked("businesses", region, as_of, by, _outside(against, qualifier, source))
    answer = tell(account, "registry.statistics.request", data, patience).data["answer"]
    _show(answer, json=json, xlsx=xlsx, csv=csv)


@app.command()
def cooperatives(
    *,
    account: As,
    region: Region = None,
    as_of: AsOf = None,
    by: By = None,
    against: Against = None,
    source: Source = None,
    qualifier: Qualifier = "exact",
    ods: Annotated[
        Path | None,
        typer.Option("--ods", metavar="FILE", help="Write the region and each part of it as ODS sums them up."),
    ] = None,
    json: Json = False,
    xlsx: Xlsx = None,
    csv: Csv = None,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Count cooperatives and their members: by region, status, jenis, kelompok, form, sektor, health, rat (book year),
    cooperative_number, or indicator: what a *provinsi penggerak koperasi* is measured by, with targets and their day.

    A file has the layout of Satu Data, every figure with its source, its day and its qualifier; with --ods (.xlsx or
    .csv) it has a row for each region, as ODS sums up cooperatives.

    Example: `binaan stats cooperatives --by kelompok --csv koperasi.csv --as disperindagkop-kaltim`

    Example: `binaan stats cooperatives --by indicator --as disperindagkop-kaltim`
    """
    data = _asked("cooperatives", region, as_of, by, _outside(against, qualifier, source))
    if ods is not None:
        _save_ods(ods, account, {**data, "by": "indicator"}, patience)
    answer = tell(account, "registry.statistics.request", data, patience).data["answer"]
    _show(answer, json=json, xlsx=xlsx, csv=csv)


def _asked(
    of: str, region: str | None, as_of: str | None, by: str | None, outside: Mapping[str, Any] | None
) -> dict[str, Any]:
    told = {
        "of": of,
        "region": region_code(region) if region is not None else None,
        "as_of": _day(as_of),
        "by": by,
        "outside": outside,
    }
    return {name: value for name, value in told.items() if value is not None}


def _outside(value: int | None, qualifier: str, source: str | None) -> dict[str, Any] | None:
    if (value is None) != (source is None):
        raise wrong_usage("--against and --source belong together: a figure means nothing without whose it is.")
    return None if value is None else {"value": value, "qualifier": qualifier, "source": source}


def _day(text: str | None) -> str | None:
    try:
        return None if text is None else dates.parse(text).isoformat()
    except Invalid as error:
        raise wrong_usage(f"--as-of: {error.text_en}") from None


def _save_ods(file: Path, account: str, data: Mapping[str, Any], patience: float) -> None:
    """One question for each region: each is answered from what registry keeps ready."""

    def ask(**about: str) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = tell(account, "registry.statistics.request", {**data, **about}, patience).data
        return dict(answer["answer"])

    parts = sorted(row["key"] for row in ask(by="region")["rows"] if row["key"][0].isdigit())
    rows = [ods_row(answer) for answer in (ask(), *(ask(region=part) for part in parts))]
    is_csv = file.suffix.lower() == ".csv"
    save(rows, ODS_COLUMNS, xlsx=None if is_csv else file, csv=file if is_csv else None)


def ods_row(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The indicators of a region as ODS sums it up."""
    told = {row["key"]: row for row in answer["rows"]}
    figures = {name: told.get(indicator, {}) for name, indicator in ODS.items()}
    return {
        "kode_wilayah": answer["region"],
        "nama_wilayah": answer["region_name"],
        "per_tanggal": answer["as_of"],
        "sumber": OUR_SOURCE,
        **{name: figure.get("value") for name, figure in figures.items()},
        **{f"kualifikasi_{name}": figures[name].get("qualifier") for name in _QUALIFIED},
        "tahun_hasil": int(answer["as_of"][:4]) - 1,
    }


# --- what is shown ----------------------------------------------------------------------------------------------------


def _show(answer: Mapping[str, Any], *, json: bool, xlsx: Path | None, csv: Path | None) -> None:
    save(list(satu_data_rows(answer)), SATU_DATA, xlsx=xlsx, csv=csv)
    if json:
        print_json(answer)
    else:
        _show_table(answer)


def _show_table(answer: Mapping[str, Any]) -> None:
    out().print(f"{answer['region_name']} ({answer['region']}), {answer['as_of']}", markup=False)
    for text in _totals(answer):
        out().print(text, markup=False)
    if answer.get("rows"):
        columns = _INDICATORS if answer.get("by") == "indicator" else _COLUMNS[answer["of"]]
        shown = [{name: row.get(name, _hidden(row, name)) for name in columns} for row in answer["rows"]]
        out().print("", table(shown, columns, "key"))


def _hidden(row: Mapping[str, Any], name: str) -> str:
    return "–" if row.get("suppressed") and name != "name" else ""


def _totals(answer: Mapping[str, Any]) -> Iterator[str]:
    yield f"{answer['of']}: {answer.get('count', 'not shown, too few')}"
    for name in _SUMS:
        if name in answer:
            qualifier = answer.get(f"{name}_qualifier")
            yield f"{name}: {answer[name]}{f' ({qualifier})' if qualifier else ''}"
    if "coverage" in answer:
        outside = answer["outside"]
        yield f"that is {answer['coverage']} % of {outside['value']} ({outside['qualifier']}, {outside['source']})"


def satu_data_rows(answer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every figure of an answer as a row of its own, the totals first; what is not shown has no ``data``."""
    yield from _figures(answer, answer, "", answer["region"])
    if answer.get("by") == "indicator":
        yield from (_indicator(answer, row) for row in answer["rows"])
        return
    for row in answer.get("rows", ()):
        is_place = answer.get("by") == "region" and row["key"][0].isdigit()
        yield from _figures(answer, row, row["key"], row["key"] if is_place else answer["region"])


def _figures(answer: Mapping[str, Any], part: Mapping[str, Any], key: str, region: str) -> Iterator[dict[str, Any]]:
    sums = [name for name in _SUMS if name in answer]
    for name in ("count", *sums):
        title, unit = _SUBJECT[answer["of"]] if name == "count" else _SUMS[name]
        yield {
            **_about(answer, region, f"{key or 'total'}:{name}"),
            "judul": f"{title} menurut {answer['by']}" if key else title,
            "satuan": unit,
            "data": part.get(name, ""),
            "status": "tersedia" if name in part else "disamarkan",
            "rincian": key,
            "kualifikasi": answer.get(f"{name}_qualifier", "exact"),
        }


def _indicator(answer: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **_about(answer, answer["region"], row["key"]),
        "judul": row["name"],
        "satuan": row["unit"],
        "data": row.get("value", ""),
        "status": "disamarkan" if row.get("suppressed") else "tersedia" if "value" in row else "belum ada",
        "rincian": row["key"],
        "kualifikasi": row.get("qualifier", ""),
    }


def _about(answer: Mapping[str, Any], region: str, figure: str) -> dict[str, Any]:
    """What every figure says of itself."""
    place = regions.parse(region)
    return {
        "_id": f"{answer['statistics_id']}:{figure}",
        "kode_wilayah": region,
        "level_wilayah": _LEVELS[place.level],
        "nama_wilayah": place.name,
        "tahun": answer["as_of"][:4],
        "periode": answer["as_of"],
        "timestamp": answer["as_of"],
        "sumber": OUR_SOURCE,
    }
