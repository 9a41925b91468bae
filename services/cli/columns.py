"""Which columns a list of an office may have: of businesses, and of cooperatives.

No two offices write the same headings, and each is sure that theirs are the usual ones. A bare running number ("No.")
is not taken as the office's own register number: it starts at 1 in every file, and would make different things one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property


def squeezed(text: str) -> str:
    """A heading down to its letters and digits: `No. HP/WA ` and `no hp wa` are one."""
    plain = unicodedata.normalize("NFKD", text[:200]).lower()
    return "".join(re.findall(r"[a-z0-9]+", plain))


@dataclass(frozen=True)
class Columns:
    """The columns of one kind of list.

    `spellings`: key → spellings, the first as it is shown when the column is missing. Keys with a path are that path
    below `data`; the others are turned into something else on the way, and `paths` says where they end.
    """

    thing: str
    """What a row is about: its id is `<thing>_id` in replies."""
    usual: str
    """Some headings, for who has none that are known."""
    spellings: Mapping[str, str]
    paths: Mapping[str, str]
    names: tuple[str, ...]
    """Columns that may be headed *Nama* alone, where the others of these are headed in full."""
    dates: frozenset[str]
    texts: frozenset[str]
    """Numbers that are names: a workbook given back keeps what is typed there from being rounded."""
    repeated: frozenset[str] = frozenset()
    """Columns of which a list may have two, as a number for calls and one for WhatsApp. The first filled one counts."""
    dated: Mapping[re.Pattern[str], tuple[str, str]] = field(default_factory=dict)
    """Headings that hold a year, with their column and that of the year: `Omzet 2025`."""

    @cached_property
    def written(self) -> frozenset[str]:
        """All spellings, to the letter."""
        return frozenset(text.casefold() for texts in self.spellings.values() for text in texts.split("|"))

    @cached_property
    def _keys(self) -> Mapping[str, str]:
        return {squeezed(text): key for key, texts in self.spellings.items() for text in texts.split("|")}

    def key_of(self, heading: str) -> tuple[str | None, Mapping[str, str]]:
        """Which column a heading means, or None; and the years that stand in it, by their column."""
        name = squeezed(heading)
        bare = _UNITS.sub("", name)
        for pattern, (key, year) in self.dated.items():
            if found := pattern.fullmatch(bare) or pattern.fullmatch(name):
                return key, {year: found[1]}
        return self._keys.get(name) or self._keys.get(bare), {}

    def path_of(self, key: str) -> str:
        """Where the value of a column stands in the message."""
        return self.paths.get(key, f"data.{key}")

    def example(self, key: str) -> str:
        """How a column is usually headed."""
        return self.spellings[key].split("|", 1)[0]


_UNITS = re.compile(r"(dalam)?(rupiah|rp|orang|org|ddmmyyyy|hhbbtttt|ya|yt|yatidak|tidak|16digit|13digit|5digit)+$")
_ID = {"id": "ID Binaan"}
_PLACE = {
    "place.village": "Kelurahan|Desa|Desa Kelurahan|Kelurahan Desa|Desa Kel|Kel Desa|Nama Kelurahan|Nama Desa|Kel",
    "place.district": "Kecamatan|Kec|Nama Kecamatan|Kecamatan Usaha",
    "place.regency": "Kabupaten Kota|Kab Kota|Kota Kabupaten|Kota Kab|Kabupaten|Kota",
}
_REGION = (
    "Kode Wilayah|Kode Desa|Kode Kelurahan|Kode Desa Kelurahan|Kode Kelurahan Desa|Kode Kemendagri"
    "|Kode Wilayah Kemendagri|Kode Kecamatan|Kode Daerah"
)
_SURVEYED = (
    "Tanggal Pendataan|Tgl Pendataan|Tanggal Data|Tanggal Survei|Tgl Survei|Tanggal Survey|Tgl Survey"
    "|Tanggal Kunjungan|Tgl Pendaftaran|Tanggal Pendaftaran"
)
_BUSINESS: Mapping[str, str] = {
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
    "business.region": _REGION,
    **_PLACE,
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
    **_ID,
    "surveyed_on": _SURVEYED,
}
BUSINESSES = Columns(
    thing="business",
    usual="NAMA PEMILIK, NIK, Nama Usaha, Kelurahan",
    spellings=_BUSINESS,
    paths={
        "consent.whatsapp": "data.owner.consent.whatsapp",
        "consent.sms": "data.owner.consent.sms",
        "consent.given_on": "data.owner.consent.given_on",
        "sales.amount": "data.business.annual_sales.amount",
        "sales.year": "data.business.annual_sales.year",
        **dict.fromkeys(_PLACE, "data.business.region"),
        "id": "data.business.business_id",
        "surveyed_on": "time",
    },
    names=("owner.name", "business.name"),
    dates=frozenset({"surveyed_on", "business.started_on", "consent.given_on"}),
    texts=frozenset(
        {"owner.nik", "owner.phone", "business.nib", "business.agency_ref", "business.region", "business.kbli.code"}
    ),
    repeated=frozenset({"owner.phone"}),
    dated={
        re.compile(r"(?:omzet|omset|penjualan|hasilpenjualan)(?:pertahun|tahunan|tahun)?((?:19|20)[0-9]{2})"): (
            "sales.amount",
            "sales.year",
        ),
        re.compile(r"(?:kode)?kbli(2015|2017|2020|2025)"): ("business.kbli.code", "business.kbli.version"),
    },
)

_COOPERATIVE: Mapping[str, str] = {
    "cooperative.name": "Nama Koperasi|Koperasi|Nama Koperasi Lengkap|Nama Kop",
    "cooperative.agency_ref": "No Reg|No Registrasi|Nomor Registrasi|No Register|Nomor Register|ID Koperasi"
    "|Kode Koperasi|No Reg Koperasi|No Register Koperasi|No Urut No Reg|No Reg No Urut",
    "cooperative.cooperative_number": "Nomor Induk Koperasi|NIK Koperasi|No NIK Koperasi|Nomor NIK Koperasi"
    "|No Induk Koperasi|Nomor Induk Koperasi NIK|NIK|No NIK|NIK Kop|Sertifikat NIK|No Sertifikat NIK"
    "|Nomor Sertifikat NIK",
    "legal.number": "Nomor Badan Hukum|No Badan Hukum|No BH|Nomor BH|BH|Badan Hukum|No Tgl Badan Hukum"
    "|Nomor Akta|No Akta|Nomor Akta Pendirian|No Akta Pendirian|No SK Badan Hukum|Nomor SK Badan Hukum"
    "|Nomor Badan Hukum Pendirian|No Badan Hukum Koperasi|Nomor Pengesahan",
    "legal.date": "Tanggal Badan Hukum|Tgl Badan Hukum|Tgl BH|Tanggal BH|Tanggal Akta|Tgl Akta|Tanggal Akta Pendirian"
    "|Tgl Akta Pendirian|Tanggal SK Badan Hukum|Tanggal Pengesahan|Tgl Pengesahan|Tanggal Badan Hukum Pendirian",
    "cooperative.form": "Bentuk|Bentuk Koperasi|Primer Sekunder|Tingkat|Tingkat Koperasi|Primer atau Sekunder",
    "cooperative.region": _REGION,
    **_PLACE,
    "area": "Wilayah Keanggotaan|Keanggotaan|Cakupan Keanggotaan|Lingkup Keanggotaan|Daerah Kerja|Wilayah Kerja"
    "|Cakupan Wilayah|Skala Koperasi",
    "cooperative.jenis": "Jenis Koperasi|Jenis|Jenis Kop",
    "cooperative.kelompok": "Kelompok Koperasi|Kelompok|Kelompok Kop|Golongan Koperasi|Jenis Usaha Koperasi",
    "members.count": "Jumlah Anggota|Anggota|Jml Anggota|Total Anggota|Jumlah Anggota Koperasi|Jumlah Anggota Aktif"
    "|Banyak Anggota",
    "members.qualifier": "Kualifikasi|Kualifikasi Anggota|Kualifikasi Jumlah Anggota",
    "members.source": "Sumber|Sumber Data|Sumber Data Anggota",
    "members.as_of": "Per Tanggal|Per Tgl|Anggota per Tanggal|Tanggal Data Anggota|Keadaan per|Data per",
    "rat.book_year": "Tahun Buku RAT|RAT Tahun Buku|Tahun Buku|RAT TB|Tahun Buku RAT Terakhir|RAT Terakhir Tahun Buku",
    "rat.held_on": "Tanggal RAT|Tgl RAT|Tanggal RAT Terakhir|Tgl RAT Terakhir|RAT Terakhir|Pelaksanaan RAT"
    "|Tanggal Pelaksanaan RAT",
    "cooperative.standing": "Status|Status Koperasi|Status Keaktifan|Keaktifan|Aktif Tidak Aktif|Status Aktif",
    **_ID,
    "surveyed_on": _SURVEYED,
}
_MEMBERS, _LEGAL, _RAT = (f"data.cooperative.{name}" for name in ("members", "legal", "last_rat"))
COOPERATIVES = Columns(
    thing="cooperative",
    usual="Nama Koperasi, No Badan Hukum, Tgl Badan Hukum, Kecamatan",
    spellings=_COOPERATIVE,
    paths={
        "legal.number": f"{_LEGAL}.number",
        "legal.date": f"{_LEGAL}.date",
        "area": "data.cooperative.membership_area",
        **{f"members.{name}": f"{_MEMBERS}.{name}" for name in ("count", "qualifier", "source", "as_of")},
        **{f"rat.{name}": f"{_RAT}.{name}" for name in ("book_year", "held_on")},
        **dict.fromkeys(_PLACE, "data.cooperative.region"),
        "id": "data.cooperative.cooperative_id",
        "surveyed_on": "time",
    },
    names=("cooperative.name",),
    dates=frozenset({"surveyed_on", "legal.date", "members.as_of", "rat.held_on"}),
    texts=frozenset({"cooperative.cooperative_number", "cooperative.agency_ref", "legal.number", "cooperative.region"}),
    dated={
        re.compile(r"(?:tanggal|tgl)?rat(?:tahunbuku|tb|tahun)?((?:19|20)[0-9]{2})"): ("rat.held_on", "rat.book_year")
    },
)
