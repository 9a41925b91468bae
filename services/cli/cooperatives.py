"""`binaan cooperatives`: the cooperatives of a region as a table, or as the rows that ODS asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from services.cli.asking import collect
from services.cli.client import PATIENCE_SECONDS
from services.cli.filing import OUR_SOURCE, Csv, Xlsx, save
from services.cli.options import As, Json, Patience, print_json, region_code
from services.cli.tables import show
from shared.reference import region as regions

_SHOWN = (
    "cooperative_id",
    "nama_koperasi",
    "kelompok",
    "kode_wilayah",
    "jumlah_anggota",
    "tahun_buku_rat",
    "status_binaan",
)
ODS = (
    "nomor_induk_koperasi",
    "nama_koperasi",
    "nomor_badan_hukum",
    "tanggal_badan_hukum",
    "bentuk",
    "jenis",
    "kelompok",
    "sektor_riil",
    "kode_wilayah",
    "nama_wilayah",
    "jumlah_anggota",
    "kualifikasi",
    "sumber",
    "per_tanggal",
    "tahun_buku_rat",
    "tanggal_rat",
    "batas_rat",
    "kesehatan",
    "skor",
    "tahun_buku_kesehatan",
    "tanggal_penilaian",
    "penilai",
    "produksi",
    "volume_usaha",
    "shu",
    "tahun_hasil",
    "kualifikasi_hasil",
    "sumber_hasil",
    "status_binaan",
    "status_sejak",
    "cooperative_id",
)
"""What ODS keeps of a cooperative (sources §7), each figure with its source, its day or year and its qualifier; the
layout of ODS itself is not known. `binaan import --of cooperatives` reads such a file. What we have reckoned is headed
otherwise than what an office says, so that our status does not come back as an office's word."""


def cooperatives(
    *,
    account: As,
    region: Annotated[
        str | None, typer.Option(metavar="CODE", help="Where their seat is (12.71, 64); one's own region.")
    ] = None,
    status: Annotated[
        str | None, typer.Option(metavar="WORD", help="aktif, berisiko, tidak_aktif, dibubarkan, dalam_pembentukan.")
    ] = None,
    json: Json = False,
    xlsx: Xlsx = None,
    csv: Csv = None,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """List cooperatives: who they are, how many members they have, when their last RAT was, where they stand.

    A file holds what ODS asks for, each figure with its source, its day and its qualifier.

    Example: `binaan cooperatives --status berisiko --as dinkop-medan`

    Example: `binaan cooperatives --csv koperasi.csv --as disperindagkop-kaltim`
    """
    asked: dict[str, Any] = {"limit": 100}
    asked |= {"region": region_code(region)} if region else {}
    asked |= {"status": status} if status else {}
    found = collect(account, "registry.cooperative.request", asked, patience)
    rows = [ods_row(one) for one in found]
    save(rows, ODS, xlsx=xlsx, csv=csv)
    if json:
        print_json(found)
    else:
        show(rows, _SHOWN, json=False, nothing="There are no such cooperatives.")


def ods_row(one: Mapping[str, Any]) -> dict[str, Any]:
    """A cooperative as ODS has it. Its members are those an office has counted, else those on our list."""
    legal, rat, health = (one.get(name) or {} for name in ("legal", "last_rat", "health"))
    members = one.get("members") or _listed(one)
    outcome = (one.get("outcomes") or [{}])[-1]
    riil = one.get("sektor_riil")
    return {
        "nomor_induk_koperasi": one.get("cooperative_number"),
        "nama_koperasi": one["name"],
        "nomor_badan_hukum": legal.get("number"),
        "tanggal_badan_hukum": legal.get("date"),
        "bentuk": one.get("form"),
        "jenis": one.get("jenis"),
        "kelompok": one.get("kelompok"),
        "sektor_riil": None if riil is None else "ya" if riil else "tidak",
        "kode_wilayah": one["region"],
        "nama_wilayah": regions.parse(one["region"]).name,
        "jumlah_anggota": members.get("count"),
        "kualifikasi": members.get("qualifier"),
        "sumber": members.get("source"),
        "per_tanggal": members.get("as_of"),
        "tahun_buku_rat": rat.get("book_year"),
        "tanggal_rat": rat.get("held_on"),
        "batas_rat": one.get("rat_due"),
        "kesehatan": health.get("health_class"),
        "skor": health.get("score"),
        "tahun_buku_kesehatan": health.get("book_year"),
        "tanggal_penilaian": health.get("assessed_on"),
        "penilai": health.get("assessor"),
        "produksi": outcome.get("production"),
        "volume_usaha": outcome.get("turnover"),
        "shu": outcome.get("surplus"),
        "tahun_hasil": outcome.get("year"),
        "kualifikasi_hasil": "exact" if outcome else None,
        "sumber_hasil": one["agency"] if outcome else None,
        "status_binaan": one["status"],
        "status_sejak": one["status_since"],
        "cooperative_id": one["cooperative_id"],
    }


def _listed(one: Mapping[str, Any]) -> dict[str, Any]:
    if one.get("listed_members") is None:
        return {}
    return {"count": one["listed_members"], "qualifier": "exact", "source": OUR_SOURCE}
