"""The demo's office files and what is known to be true of them: `python -m deploy.demo.generate [DIR]`.

Two offices, each with its own headings: 400 rows of Kota Medan, 200 of Kota Pematangsiantar; together the 600 that
Pematangsiantar's office had on its books (S0-07), forty of them wrong in forty ways. The truth is counted from what
was meant while writing, not by reading the files or by Binaan's code, so that Binaan can be held against it. The same
bytes come out every time.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

from deploy.demo import values
from deploy.demo.wrong import IN_MEDAN, IN_SIANTAR, SAME_NUMBER, Cells, Way
from shared.reference import region

HERE = Path(__file__).parent
SEED = 20220824  # the date of S0-07

SCALES: Mapping[str, tuple[int, int] | None] = {
    "mikro": (12, 900),
    "kecil": (2_100, 14_500),
    "menengah": (15_500, 48_000),
    "besar": (52_000, 120_000),
    "unknown": None,
}
"""Annual sales in millions of rupiah, well within the bounds of PP 7/2021 art. 35(5)."""
NEW_BUSINESS_CAPITAL = (5, 800)
"""Millions of rupiah; what has no sales yet is graded by its capital: mikro (art. 35(3))."""
ELIGIBLE_SCALES = ("mikro", "kecil")

UNREACHED = {"no phone": "no_phone", "landline": "no_mobile_phone", "no consent": "no_consent"}
"""How an owner cannot be told → the reason that is given for it."""


@dataclass(frozen=True, slots=True)
class Office:
    """One office and its file. `columns` are heading and column key, in the office's own order."""

    account: str
    region: str
    area: str
    file: str
    register: str
    titles: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    rows: int
    designated: int
    families: tuple[int, ...]
    """Owners with several businesses among the designated, by how many."""
    ways: tuple[Way, ...]
    newline: str
    mark: bool


MEDAN = Office(
    account="dinkop-medan",
    region="12.71",
    area="061",
    file="umkm-medan.csv",
    register="MDN",
    titles=(
        "PEMERINTAH KOTA MEDAN",
        "DINAS KOPERASI DAN UKM",
        "DAFTAR USAHA IKM DAN UKM",
        "Keadaan per 31 Desember 2024 (contoh; tidak ada orang atau usaha yang nyata)",
        "",
    ),
    columns=(
        ("No.", "no"),
        ("No. Reg", "ref"),
        ("Nama Pemilik", "owner"),
        ("NIK", "nik"),
        ("No. HP/WA", "phone"),
        ("Setuju WA (Ya/Tidak)", "wa"),
        ("Setuju SMS", "sms"),
        ("Tgl Persetujuan", "consent"),
        ("Nama Usaha", "name"),
        ("NIB", "nib"),
        ("Bentuk Usaha", "legal_form"),
        ("Kode Kelurahan", "village"),
        ("Kelurahan", "village_name"),
        ("Kecamatan", "district_name"),
        ("Alamat Usaha", "address"),
        ("Jenis (IKM/UKM)", "role"),
        ("KBLI", "kbli"),
        ("Omzet per Tahun (Rp)", "sales"),
        ("Tahun Omzet", "year"),
        ("Modal Usaha (Rp)", "capital"),
        ("Tenaga Kerja (orang)", "workers"),
        ("Mulai Usaha", "started"),
        ("Kebutuhan", "needs"),
        ("Pemasaran", "channels"),
    ),
    rows=400,
    designated=70,
    families=(5, 2),
    ways=IN_MEDAN,
    newline="\r\n",
    mark=True,
)
SIANTAR = Office(
    account="dinkop-siantar",
    region="12.72",
    area="0622",
    file="umkm-siantar.csv",
    register="PS",
    titles=(
        "DATA BASE PELAKU USAHA KOTA PEMATANGSIANTAR",
        "Dinas Koperasi, UKM dan Perdagangan - TA 2024 (contoh; tidak ada orang atau usaha yang nyata)",
    ),
    columns=(
        ("NO. URUT / NO. REG", "ref"),
        ("NAMA UMKM", "name"),
        ("NAMA PELAKU USAHA", "owner"),
        ("NOMOR KTP", "nik"),
        ("KODE WILAYAH", "village"),
        ("KECAMATAN", "district_name"),
        ("ALAMAT LENGKAP", "address"),
        ("NOMOR INDUK BERUSAHA", "nib"),
        ("BADAN HUKUM", "legal_form"),
        ("IKM / UKM", "role"),
        ("KODE KBLI 2020", "kbli"),
        ("MODAL (Rp)", "capital"),
        ("OMSET 2024 (Rp)", "sales"),
        ("JML TK", "workers"),
        ("TANGGAL BERDIRI", "started"),
        ("BANTUAN YANG DIBUTUHKAN", "needs"),
        ("MEDIA PEMASARAN", "channels"),
        ("NO. HP", "phone"),
        ("BERSEDIA DIHUBUNGI WA", "wa"),
        ("BERSEDIA DIHUBUNGI SMS", "sms"),
        ("TANGGAL PERSETUJUAN", "consent"),
        ("KETERANGAN KANTOR", "remark"),
    ),
    rows=200,
    designated=30,
    families=(2, 2),
    ways=IN_SIANTAR,
    newline="\n",
    mark=False,
)
OFFICES = (MEDAN, SIANTAR)


@dataclass(frozen=True, slots=True)
class Owner:
    """`reach` is `whatsapp`, `sms` or a key of UNREACHED."""

    name: str
    nik: str
    phone: str
    consent: str
    reach: str


@dataclass(slots=True)
class Line:
    """One row: its cells, and what was meant by them."""

    cells: Cells
    owner: Owner
    scale: str
    way: Way | None = None
    number: int = 0


@dataclass(slots=True)
class Maker:
    """Makes the rows of both files; no two businesses have one name, no two owners one NIK."""

    rng: Random
    _names: list[str] = field(default_factory=list)
    _niks: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._names = [f"{kind} {second}" for kind in values.KINDS for second in values.SECOND_NAMES]
        self.rng.shuffle(self._names)

    def lines(self, office: Office) -> list[Line]:
        """The rows of an office in their order, each with the number that a spreadsheet shows beside it."""
        right = self._right(office)
        wrong = [self._wrong(office, way) for way in office.ways]
        lines = _spread(right, wrong)
        for at, line in enumerate(lines, start=1):
            line.number = len(office.titles) + 1 + at
            twin = line.way is SAME_NUMBER
            line.cells |= {"no": str(at), "ref": right[10].cells["ref"] if twin else f"{office.register}-{at:04d}"}
        return lines

    def _right(self, office: Office) -> list[Line]:
        """First those who will be designated, some of each kind, then everybody else."""
        total = office.rows - len(office.ways)
        listed = self._businesses(office, _plan_of_designated(office))
        self.rng.shuffle(listed)
        rest = self._businesses(office, self._plan_of_others(total - len(listed)))
        self.rng.shuffle(rest)
        return [*listed, *rest]

    def _plan_of_others(self, count: int) -> list[tuple[str, str]]:
        """Anything goes; every scale occurs, `besar` too, and an owner with three businesses."""
        family = [("mikro", "whatsapp"), ("kecil", "same"), ("unknown", "same")]
        scales = self.rng.choices(list(SCALES), (70, 14, 6, 3, 7), k=count - len(family))
        reaches = self.rng.choices(["whatsapp", "sms", *UNREACHED], (65, 10, 9, 4, 12), k=count - len(family))
        return [*family, *zip(scales, reaches, strict=True)]

    def _businesses(self, office: Office, plan: Sequence[tuple[str, str]]) -> list[Line]:
        """One business for each entry of the plan. Entries with the reach `same` belong to the owner before them and,
        if the first two, stand under one NIB."""
        lines: list[Line] = []
        owner, nib, several = self._owner(office, "whatsapp"), "", 0
        for scale, reach in plan:
            several = several + 1 if reach == "same" else 0
            if reach != "same":
                owner, nib = self._owner(office, reach), values.nib(self.rng)
            own_nib = nib if several < 2 else values.nib(self.rng)
            lines.append(self._line(office, owner, scale, own_nib if several or self.rng.random() < 0.8 else ""))
            if several == 1:
                lines[-2].cells["nib"] = nib
        return lines

    def _wrong(self, office: Office, way: Way) -> Line:
        """A row that would be right, with all its cells filled, spoilt in one way."""
        line = self._line(office, self._owner(office, "whatsapp"), "kecil", values.nib(self.rng))
        line.cells |= way.spoil(line.cells, self.rng)
        line.way = way
        return line

    def _owner(self, office: Office, reach: str) -> Owner:
        name, woman = values.person(self.rng)
        nik = values.nik(self.rng, office.region, woman=woman)
        while nik in self._niks:
            nik = values.nik(self.rng, office.region, woman=woman)
        self._niks.add(nik)
        phone = {"no phone": "", "landline": values.landline(self.rng, office.area)}.get(reach)
        if phone is None:
            phone = values.written_mobile(self.rng, values.mobile(self.rng))
        given = values.written_date(self.rng, values.some_day(self.rng, date(2023, 1, 2), date(2024, 12, 20)))
        return Owner(name, nik, phone, given, reach)

    def _line(self, office: Office, owner: Owner, scale: str, nib: str) -> Line:
        rng = self.rng
        name = self._names.pop()
        kbli, role = values.KINDS[next(kind for kind in values.KINDS if name.startswith(f"{kind} "))]
        village = rng.choice(region.below(office.region, "village"))
        cells = {
            "owner": owner.name,
            "nik": rng.choice((owner.nik, owner.nik, owner.nik, f"'{owner.nik}")),
            "phone": owner.phone,
            **_consent(owner),
            "name": name,
            "nib": nib,
            "legal_form": rng.choice(("Perseorangan", "perorangan", "UD", "CV", "PT Perorangan", "")),
            "village": village,
            "village_name": region.parse(village).name,
            "district_name": region.parse(village[:8]).name,
            "address": self._address(),
            "role": role,
            "kbli": kbli,
            **self._money(scale),
            "workers": rng.choice(("1", "2", "3", "4 orang", "6", "12 orang")),
            "started": values.written_date(rng, values.some_day(rng, date(2004, 1, 5), date(2023, 11, 30))),
            "needs": rng.choice(("peralatan", "pelatihan kemasan", "modal", "pemasaran, digitalisasi", "izin", "-")),
            "channels": rng.choice(("bazar", "Shopee, bazar", "WA dan Facebook", "pasar", "titip warung", "")),
        }
        return Line(cells, owner, scale)

    def _address(self) -> str:
        street, number = self.rng.choice(values.STREETS), self.rng.randint(1, 180)
        # A delimiter inside a cell, as it happens: quoted, so it is no mistake.
        return self.rng.choice((f"Jl. {street} No. {number}", f"Jl. {street} No. {number}; Lingkungan III"))

    def _money(self, scale: str) -> dict[str, str]:
        bounds = SCALES[scale]
        if bounds is None:
            return {"sales": "", "year": "", "capital": ""}
        new = scale == "mikro" and self.rng.random() < 0.1
        if new:
            return {"sales": "", "year": "", "capital": self._millions(NEW_BUSINESS_CAPITAL)}
        capital = self._millions(NEW_BUSINESS_CAPITAL) if self.rng.random() < 0.5 else ""
        return {"sales": self._millions(bounds), "year": "2024", "capital": capital}

    def _millions(self, bounds: tuple[int, int]) -> str:
        return values.written_money(self.rng, self.rng.randint(2 * bounds[0], 2 * bounds[1]) * 500_000)


def _plan_of_designated(office: Office) -> list[tuple[str, str]]:
    """Scale and reach of those who will be designated: chosen so that eligible is less than binaan, told less than
    eligible, for every reason there is."""
    plan = [("unknown", "whatsapp")] * 3 + [("menengah", "sms")] * 3
    plan += [("mikro", "no consent")] * 4 + [("kecil", "no phone")] * 2 + [("mikro", "landline")]
    for businesses in office.families:
        plan += [("mikro", "whatsapp")] + [("mikro", "same")] * (businesses - 1)
    left = office.designated - len(plan)
    return [*plan, *[("kecil", "sms")] * (left // 5), *[("mikro", "whatsapp")] * (left - left // 5)]


def _consent(owner: Owner) -> dict[str, str]:
    """An owner without a number may well have agreed; one without consent says no, or nothing."""
    if owner.reach == "no consent":
        return {"wa": "Tidak", "sms": "", "consent": ""}
    wa = "" if owner.reach == "sms" else "Ya"
    return {"wa": wa, "sms": "Ya", "consent": owner.consent}


def _spread(right: Sequence[Line], wrong: Sequence[Line]) -> list[Line]:
    """The wrong rows at even distances among the right ones, none before the tenth row."""
    every = len(right) // (len(wrong) + 1)
    lines = list(right)
    for at, line in enumerate(wrong):
        lines.insert((at + 1) * (every + 1), line)
    return lines


# -- the files ---------------------------------------------------------------------------------------------------------


def sheet(office: Office, lines: Sequence[Line]) -> bytes:
    """An office's file as it comes out of Excel."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator=office.newline)
    for title in office.titles:
        writer.writerow([title] + [""] * (len(office.columns) - 1))
    writer.writerow([heading for heading, _ in office.columns])
    for line in lines:
        row = [line.cells.get(key, "") for _, key in office.columns]
        writer.writerow([*row, *([line.cells["extra"]] if "extra" in line.cells else [])])
    return text.getvalue().encode("utf-8-sig" if office.mark else "utf-8")


def truth(office: Office, lines: Sequence[Line]) -> dict[str, Any]:
    """What is true of an office's file when its first businesses are designated for the demo's programme."""
    right = [line for line in lines if line.way is None]
    listed = right[: office.designated]
    eligible = [line for line in listed if line.scale in ELIGIBLE_SCALES]
    owners = {line.owner.nik: line.owner for line in eligible}
    withdrawn = Counter(UNREACHED[one.reach] for one in owners.values() if one.reach in UNREACHED)
    return {
        "file": office.file,
        "rows": len(lines),
        "recorded": len(right),
        "refused": len(lines) - len(right),
        "binaan": len(listed),
        "assessed": len(right),
        "eligible": len(eligible),
        "told": len(owners) - withdrawn.total(),
        "not_told": dict(sorted(withdrawn.items())),
        "wrong": [
            {"row": line.number, "way": line.way.name, "problems": sorted(line.way.problems)}
            for line in lines
            if line.way is not None
        ],
    }


def files() -> Iterator[tuple[str, bytes]]:
    """Every generated file by name."""
    maker = Maker(Random(SEED))  # noqa: S311 - nothing here is a secret
    known: dict[str, Any] = {}
    for office in OFFICES:
        lines = maker.lines(office)
        known[office.account] = truth(office, lines)
        yield office.file, sheet(office, lines)
    yield "truth.json", (json.dumps(known, indent=1) + "\n").encode()


def main(folder: Path = HERE) -> None:
    for name, content in files():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
