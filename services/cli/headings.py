"""Which column of an office's sheet is which: headings in any order, any case and many spellings.

No two offices write the same headings, and each is sure that theirs are the usual ones. What is not known here is
left alone and named, never guessed at. A bare running number ("No.") is not taken as the office's own register
number: it starts at 1 in every file, and would make different businesses one.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count

from services.cli.exits import wrong_usage
from services.cli.grid import Cell

RESULT_HEADINGS = ("ID Binaan", "Hasil", "Keterangan")
"""What a returned sheet has more than the office's own."""
OVERFLOW = "(lebih)"
"""Heads the cells of rows that have more of them than there are headings, so that our own columns stand beyond."""

# Column key → spellings, the first as it is shown when the column is missing. Keys with a path are that path below
# `data`; the others are turned into something else on the way.
_SPELLINGS: Mapping[str, str] = {
    "owner.name": "Nama Pemilik|Nama Pelaku Usaha|Nama Pemilik Usaha|Nama Pengusaha|Nama Lengkap|Pemilik|Pelaku Usaha"
    "|Nama Lengkap Pemilik|Nama Pelaku UMKM|Nama KTP|Nama Sesuai KTP",
    "owner.nik": "NIK|No NIK|Nomor NIK|NIK Pemilik|No KTP|Nomor KTP|No KTP NIK|NIK KTP|Nomor Induk Kependudukan"
    "|Nomor Induk Kependudukan NIK|NIK Pelaku Usaha",
    "owner.phone": "No HP WA|No WA|Nomor WA|No WhatsApp|Nomor WhatsApp|WhatsApp|WA|No HP|Nomor HP|HP|No Handphone"
    "|Nomor Handphone|Handphone|No Telepon|Nomor Telepon|Telepon|No Telp|Telp|No Telp HP|No HP Telp|No HP WhatsApp"
    "|Nomor HP WA|Kontak|No Kontak|HP WA|Telepon HP|Nomor Telepon HP",
    "consent.whatsapp": "Persetujuan WA|Persetujuan WhatsApp|Setuju WA|Setuju Dihubungi WA|Bersedia Dihubungi WA"
    "|Izin WA|Bersedia WA|Persetujuan Pesan WA",
    "consent.sms": "Persetujuan SMS|Setuju SMS|Setuju Dihubungi SMS|Bersedia Dihubungi SMS|Izin SMS|Bersedia SMS",
    "consent.given_on": "Tanggal Persetujuan|Tgl Persetujuan",
    "business.agency_ref": "No Urut No Reg|No Reg|No Registrasi|Nomor Registrasi|No Register|Nomor Register"
    "|No Reg UMKM|ID UMKM|Kode UMKM|No Induk UMKM|Nomor Induk UMKM|No Reg No Urut|No Urut Reg|Nomor Reg"
    "|Kode Registrasi",
    "business.name": "Nama Usaha|Nama UMKM|Nama Toko|Nama Perusahaan|Nama IKM|Nama UKM|Nama IKM UKM|Usaha|Nama Merek"
    "|Nama Usaha Merek|Merek Usaha|Nama Brand",
    "business.nib": "NIB|No NIB|Nomor NIB|Nomor Induk Berusaha|Nomor Induk Berusaha NIB",
    "business.legal_form": "Bentuk Usaha|Bentuk Badan Usaha|Badan Usaha|Badan Hukum|Bentuk Badan Hukum|Bentuk Hukum",
    "business.region": "Kode Wilayah|Kode Desa|Kode Kelurahan|Kode Desa Kelurahan|Kode Kelurahan Desa"
    "|Kode Kemendagri|Kode Wilayah Kemendagri|Kode Kecamatan|Kode Daerah",
    "place.village": "Kelurahan|Desa|Desa Kelurahan|Kelurahan Desa|Desa Kel|Kel Desa|Nama Kelurahan|Nama Desa|Kel",
    "place.district": "Kecamatan|Kec|Nama Kecamatan|Kecamatan Usaha",
    "place.regency": "Kabupaten Kota|Kab Kota|Kota Kabupaten|Kota Kab|Kabupaten|Kota",
    "business.address": "Alamat|Alamat Usaha|Alamat Lengkap|Alamat Tempat Usaha|Jalan",
    "business.role": "Jenis IKM UKM|IKM UKM|Jenis IKM atau UKM|Jenis|Peran|Kelompok IKM UKM",
    "business.kbli.code": "KBLI|Kode KBLI|No KBLI|KBLI 5 Digit|Nomor KBLI",
    "business.kbli.version": "Versi KBLI|Tahun KBLI|Edisi KBLI",
    "sales.amount": "Omzet per Tahun|Omzet Tahunan|Omzet|Omzet Setahun|Omzet 1 Tahun|Omset per Tahun|Omset Tahunan"
    "|Omset|Omset Setahun|Penjualan Tahunan|Hasil Penjualan Tahunan|Penjualan per Tahun|Hasil Penjualan",
    "sales.year": "Tahun Omzet|Tahun Omset|Tahun Penjualan|Omzet Tahun ke",
    "business.capital": "Modal|Modal Usaha|Jumlah Modal|Modal Awal",
    "business.workers": "Jumlah Tenaga Kerja|Tenaga Kerja|Jumlah TK|Jml Tenaga Kerja|Jumlah Karyawan|Karyawan"
    "|Jumlah Pekerja|Pekerja|TK|Jml TK|Jml Karyawan",
    "business.started_on": "Tanggal Berdiri|Tgl Berdiri|Tanggal Mulai Usaha|Tgl Mulai Usaha|Mulai Usaha"
    "|Tanggal Mulai|Berdiri Sejak|Tanggal Pendirian",
    "business.needs": "Kebutuhan|Kebutuhan Usaha|Kebutuhan Pembinaan|Bantuan yang Dibutuhkan|Kebutuhan Bantuan",
    "business.channels": "Pemasaran|Saluran Pemasaran|Media Pemasaran|Tempat Pemasaran|Cara Pemasaran",
    "business_id": "ID Binaan",
    "surveyed_on": "Tanggal Pendataan|Tgl Pendataan|Tanggal Data|Tanggal Survei|Tgl Survei|Tanggal Survey"
    "|Tgl Survey|Tanggal Kunjungan|Tgl Pendaftaran|Tanggal Pendaftaran",
}
DATES = frozenset({"surveyed_on", "business.started_on", "consent.given_on"})
TEXTS = frozenset(
    {"owner.nik", "owner.phone", "business.nib", "business.agency_ref", "business.region", "business.kbli.code"}
)
"""Numbers that are names: a workbook given back keeps what is typed there from being rounded."""
# Two sheets in one hand: an office may have a number for calls and one for WhatsApp. The first filled one counts.
_MAY_REPEAT = frozenset({"owner.phone"})
_BARE_NAME = "nama"
_UNITS = re.compile(r"(dalam)?(rupiah|rp|orang|org|ddmmyyyy|hhbbtttt|ya|yt|yatidak|tidak|16digit|13digit|5digit)+$")
_SALES_OF_YEAR = re.compile(r"(?:omzet|omset|penjualan|hasilpenjualan)(?:pertahun|tahunan|tahun)?((?:19|20)[0-9]{2})")
_KBLI_OF_YEAR = re.compile(r"(?:kode)?kbli(2015|2017|2020|2025)")


def squeezed(text: str) -> str:
    """A heading down to its letters and digits: `No. HP/WA ` and `no hp wa` are one."""
    plain = unicodedata.normalize("NFKD", text[:200]).lower()
    return "".join(re.findall(r"[a-z0-9]+", plain))


_KEYS = {squeezed(spelling): key for key, spellings in _SPELLINGS.items() for spelling in spellings.split("|")}


@dataclass(frozen=True, slots=True)
class Row:
    """A row below the headings. `number` is what a spreadsheet shows beside it; `cells` are by column key."""

    number: int
    cells: Mapping[str, str]
    extra: bool = False
    """Whether it has more filled cells than there are headings: a delimiter inside a cell without quotes."""

    @property
    def empty(self) -> bool:
        return not self.extra and not any(self.cells.values())


@dataclass(frozen=True)
class Headings:
    """The row of headings. `record` is as the office wrote it."""

    record: tuple[str, ...]
    known: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Column key → positions, in the order in which they count."""
    years: Mapping[str, str] = field(default_factory=dict)
    """Years that stand in a heading: `Omzet 2025` → `sales.year`."""

    def row(self, number: int, record: Sequence[str]) -> Row:
        """A row's cells by column key."""
        cells = {key: self._first(record, positions) for key, positions in self.known.items()}
        if any(cells.values()):
            cells |= {key: year for key, year in self.years.items() if not cells.get(key)}
        return Row(number, cells, any(record[at].strip() for at in self._overflow(record)))

    def _overflow(self, record: Sequence[str]) -> Iterator[int]:
        """Positions of a row that are under no heading of the office's."""
        return (at for at in range(len(record)) if at >= len(self.record) or self.record[at] == OVERFLOW)

    def widened(self, width: int) -> Headings:
        """The same for rows of up to `width` cells."""
        return replace(self, record=(*self.record, *[OVERFLOW] * (width - len(self.record))))

    @staticmethod
    def _first(record: Sequence[str], positions: Sequence[int]) -> str:
        filled = (record[at].strip() for at in positions if at < len(record) and record[at].strip())
        return next(filled, "")

    def shown(self, key: str) -> str | None:
        """The office's own heading of a column, or None."""
        positions = self.known.get(key)
        return " ".join(self.record[positions[0]].split()) if positions else None

    def positions(self, keys: Iterable[str]) -> frozenset[int]:
        """Where some columns stand."""
        return frozenset(at for key in keys for at in self.known.get(key, ()))

    @staticmethod
    def example(key: str) -> str:
        """How a column is usually headed."""
        return _SPELLINGS[key].split("|", 1)[0]

    @cached_property
    def unknown(self) -> list[str]:
        """Headings that are left alone, as written."""
        taken = {at for positions in self.known.values() for at in positions} | {*self._result_positions}
        left = [" ".join(text.split()) for at, text in enumerate(self.record) if at not in taken and text != OVERFLOW]
        return [text for text in left if text]

    def require_unambiguous(self, name: str) -> None:
        """Raises `CliError` 2 when two columns say the same thing and nobody can know which one counts."""
        for key, positions in self.known.items():
            if len(positions) > 1 and key not in _MAY_REPEAT:
                both = " and ".join(f"“{self.record[at].strip()}”" for at in positions[:2])
                raise wrong_usage(f"{name} has two columns for the same thing, {both}; rename or delete one.")

    # -- the columns of a returned sheet ---------------------------------------------------------------------------

    @cached_property
    def _result_positions(self) -> tuple[int | None, int | None, int | None]:
        """Where an earlier run has put its columns; None where they are not.

        Hasil and Keterangan are ours only as a pair beside the id or at the end: offices have columns of these names.
        """
        names = [squeezed(text) for text in self.record]
        own, outcome, remark = (squeezed(text) for text in RESULT_HEADINGS)
        at = names.index(own) if own in names else None
        for start in ([at + 1] if at is not None else []) + [len(names) - 2]:
            if at is not None and names[start : start + 2] == [outcome, remark]:
                return at, start, start + 1
        return at, None, None

    @cached_property
    def results(self) -> frozenset[int]:
        """Where our columns stand in the sheet that is given back."""
        new = count(len(self.record))
        return frozenset(next(new) if at is None else at for at in self._result_positions)

    def kept(self, record: Sequence[Cell]) -> list[Cell]:
        """A row that this run leaves alone: as it was, with blanks under columns that are new."""
        return [*self._fitted(record), *[""] * self._result_positions.count(None)]

    def headed(self) -> list[Cell]:
        """The row of headings of the returned sheet."""
        return self.placed(self.record, RESULT_HEADINGS)

    def placed(self, record: Sequence[Cell], result: Sequence[str]) -> list[Cell]:
        """A row with its result in the columns of an earlier run, or in new ones at the end.

        Nothing of the office's own is ever written over.
        """
        cells = self._fitted(record)
        for at, text in zip(self._result_positions, result, strict=True):
            if at is None:
                cells.append(text)
            else:
                cells[at] = text
        return cells

    def _fitted(self, record: Sequence[Cell]) -> list[Cell]:
        """As many cells as there are headings; what is cut off is blank (see `widened`)."""
        width = len(self.record)
        return [*record[:width], *[""] * (width - len(record))]


def recognise(record: Sequence[str]) -> Headings:
    """Read a row as headings; a row of something else knows none or few."""
    known: dict[str, list[int]] = defaultdict(list)
    years: dict[str, str] = {}
    for at, text in enumerate(record):
        key, year = _key_of(squeezed(text))
        if key:
            known[key].append(at)
        if year:
            years.update(year)
    _add_bare_name(known, record)
    if "owner.phone" in known:
        known["owner.phone"].sort(key=lambda at: "wa" not in squeezed(record[at]))
    return Headings(tuple(record), {key: tuple(positions) for key, positions in known.items()}, years)


_WRITTEN = frozenset(spelling.casefold() for spellings in _SPELLINGS.values() for spelling in spellings.split("|"))
_HEADINGS_AT_LEAST = 3
"""A row of data may say *Modal* and *Desa*; a row of headings says little else."""


def headed_again(record: Sequence[str]) -> Headings | None:
    """A row further down as headings, if it is one. Looked at closely only where something in it is one to the letter:
    there may be a hundred thousand rows."""
    if not any(text.strip().casefold() in _WRITTEN for text in record):
        return None
    found = recognise(record)
    filled = sum(1 for text in record if text.strip())
    return found if len(found.known) >= max(_HEADINGS_AT_LEAST, (filled + 1) // 2) else None


def _key_of(name: str) -> tuple[str | None, dict[str, str]]:
    if found := _SALES_OF_YEAR.fullmatch(_UNITS.sub("", name)):
        return "sales.amount", {"sales.year": found[1]}
    if found := _KBLI_OF_YEAR.fullmatch(name):
        return "business.kbli.code", {"business.kbli.version": found[1]}
    return _KEYS.get(name) or _KEYS.get(_UNITS.sub("", name)), {}


def _add_bare_name(known: dict[str, list[int]], record: Sequence[str]) -> None:
    """A column that is only called Nama is the owner's beside a Nama Usaha, the business's beside a Nama Pemilik."""
    bare = [at for at, text in enumerate(record) if squeezed(text) == _BARE_NAME]
    missing = [key for key in ("owner.name", "business.name") if key not in known]
    if len(bare) == 1 and len(missing) == 1:
        known[missing[0]].append(bare[0])
