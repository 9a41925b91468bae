"""The words of office sheets and what they are in the contract: legal forms, needs, ways of selling, yes and no; and of
cooperatives their kinds, groupings and standing."""

from __future__ import annotations

import re
from collections.abc import Mapping

from services.cli.columns import squeezed
from shared.reference.invalid import Invalid

_BLANKS = frozenset({"", "-", "--", "---", "–", "—", ".", "_", "#n/a", "n/a", "na", "null", "nihil", "kosong"})
_NOT_YET = frozenset({"belum ada", "tidak ada", "belum punya", "tidak punya", "belum", "tdk ada", "blm ada"})
_LIST = re.compile(r"\s*(?:[,;/|+&\n]|\bdan\b)\s*", re.IGNORECASE)
_SLUG = re.compile(r"[a-z][a-z0-9_]{0,39}")


def _table(words: Mapping[str, str]) -> dict[str, str]:
    return {squeezed(word): code for code, spellings in words.items() for word in (code, *spellings.split("|"))}


_LEGAL_FORMS = _table(
    {
        "perseorangan": "perorangan|usaha perseorangan|usaha perorangan|orang perseorangan|ud|usaha dagang|pribadi",
        "pt_perorangan": "pt perseorangan|perseroan perorangan|perseroan perseorangan",
        "pt": "perseroan terbatas|perseroan",
        "cv": "persekutuan komanditer",
        "firma": "fa",
        "persekutuan_perdata": "persekutuan perdata",
        "koperasi": "kop",
        "yayasan": "yys",
        "bumdes": "bum desa|badan usaha milik desa",
        "lainnya": "lain-lain|lain",
    }
)
_NEEDS = _table(
    {
        "equipment": "peralatan|alat|alat produksi|mesin|bantuan peralatan|bantuan alat|peralatan produksi"
        "|peralatan kerja|alat kerja|bantuan mesin",
        "packaging_training": "pelatihan kemasan|kemasan|packaging|pelatihan packaging|pengemasan",
        "digital_training": "pelatihan digital|digitalisasi|pelatihan digitalisasi|pemasaran digital|digital marketing"
        "|pelatihan pemasaran digital|pelatihan digital marketing",
        "training": "pelatihan|bimtek|bimbingan teknis",
        "mentoring": "pendampingan|pembinaan|konsultasi",
        "capital": "modal|permodalan|modal usaha|bantuan modal|tambahan modal|pembiayaan|kredit|kur",
        "marketing": "pemasaran|bantuan pemasaran|promosi|pameran|akses pasar",
        "licensing": "perizinan|izin|izin usaha|legalitas|nib|pirt|p-irt|pengurusan izin",
        "halal_certificate": "halal|sertifikat halal|sertifikasi halal",
        "raw_materials": "bahan baku",
        "premises": "tempat usaha|lokasi usaha|kios|lapak",
    }
)
_CHANNELS = _table(
    {
        "offline": "luring|toko sendiri|langsung|warung|rumah|di rumah|jual langsung|toko",
        "online": "daring|internet",
        "bazar": "bazaar",
        "pameran": "expo",
        "pasar": "pasar tradisional",
        "pasar_modern": "swalayan|supermarket|minimarket|ritel modern",
        "grab": "grabfood|grab food|grabmart",
        "gojek": "gofood|go food|go-food|gomart",
        "shopee": "shopeefood|shopee food",
        "tokopedia": "toped",
        "tiktok": "tiktok shop|tik tok",
        "instagram": "ig",
        "facebook": "fb|marketplace facebook|facebook marketplace",
        "whatsapp": "wa|whatsapp business|wa bisnis",
        "titip_jual": "konsinyasi|titip|titip warung",
        "reseller": "agen|distributor",
    }
)
_YES = frozenset(
    {"ya", "y", "iya", "setuju", "bersedia", "1", "true", "v", "ada", "yes", "x", "boleh", "\u2713", "\u2714"}
)
_NO = frozenset({"tidak", "t", "tdk", "tidaksetuju", "tidakbersedia", "0", "false", "no", "n", "menolak", "tolak"})


def is_blank(text: str) -> bool:
    """Whether a cell only says that there is nothing: empty, a dash, *belum ada*."""
    plain = " ".join(text.lower().split())
    return plain in _BLANKS or plain in _NOT_YET


def yes_or_no(text: str) -> bool:
    """Read a cell that agrees or does not. Raises `Invalid`: `sheet.yes_no`."""
    word = squeezed(text) or text.strip()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise Invalid("sheet.yes_no", "Isi dengan Ya atau Tidak.", "Enter Ya (yes) or Tidak (no).")


def role(text: str) -> str:
    """`IKM` or `UKM` (S0-10). Raises `Invalid`: `sheet.role`."""
    word = squeezed(text)
    if word in {"ikm", "industrikecilmenengah", "produsen"}:
        return "ikm"
    if word in {"ukm", "pedagang", "reseller", "usahakecilmenengah"}:
        return "ukm"
    raise Invalid(
        "sheet.role",
        "Isi IKM (membuat produk), UKM (menjual kembali), atau kosongkan.",
        "Enter IKM (makes things), UKM (resells them) or leave it empty.",
    )


def legal_form(text: str) -> str:
    """Raises `Invalid`: `sheet.legal_form`."""
    found = _LEGAL_FORMS.get(squeezed(text))
    if found:
        return found
    raise Invalid(
        "sheet.legal_form",
        "Bentuk usaha tidak dikenal; isi perseorangan, PT perorangan, PT, CV, firma, koperasi, yayasan, BUMDes atau "
        "lainnya.",
        "The legal form is not known; enter one of perseorangan, PT perorangan, PT, CV, firma, koperasi, yayasan, "
        "BUMDes, lainnya.",
    )


def needs(text: str) -> list[str]:
    """What a business needs, several in one cell. Raises `Invalid`: `sheet.needs`.

    A closed list: these words are published and matched with programmes, and free text could name a person.
    """
    found = [_NEEDS.get(squeezed(part)) for part in parts(text)]
    if None not in found:
        return [code for code in found if code]
    raise Invalid(
        "sheet.needs",
        "Ada kebutuhan yang tidak dikenal; pilih dari: peralatan, pelatihan kemasan, pelatihan digital, pelatihan, "
        "pendampingan, permodalan, pemasaran, perizinan, sertifikat halal, bahan baku, tempat usaha.",
        "A need is not known; choose from the words of the Indonesian text.",
    )


def channels(text: str) -> list[str]:
    """Where a business sells, several in one cell. Raises `Invalid`: `sheet.channels`.

    An open list (S1-15, S1-16: "dan lain-lain"): a name that is not known is taken as it is, if it is a name.
    """
    return [
        _CHANNELS.get(squeezed(part)) or _as_name(part, "sheet.channels", _CHANNELS_ID, _CHANNELS_EN)
        for part in parts(text)
    ]


_CHANNELS_ID = "Tulis nama tempat atau aplikasi pemasarannya saja, dipisah koma, misalnya Shopee, bazar, Indomaret."
_CHANNELS_EN = "Write only the names of places or applications, with commas between: Shopee, bazar, Indomaret."


def parts(text: str) -> list[str]:
    """The entries of a cell: `Shopee, bazar dan pameran` holds three."""
    return [part for part in _LIST.split(text) if part and not is_blank(part)]


def _as_name(text: str, code: str, text_id: str, text_en: str) -> str:
    slug = "_".join(re.findall(r"[a-z0-9]+", text.lower()))
    if _SLUG.fullmatch(slug) and len(slug.split("_")) <= 4 and not re.search(r"[0-9]{5}", slug):
        return slug
    raise Invalid(code, text_id, text_en)


# -- cooperatives ------------------------------------------------------------------------------------------------------


_FORMS = _table({"primer": "koperasi primer", "sekunder": "koperasi sekunder"})
_JENIS = _table(
    {
        "konsumen": "koperasi konsumen|konsumsi",
        "produsen": "koperasi produsen|produksi",
        "jasa": "koperasi jasa",
        "pemasaran": "koperasi pemasaran",
        "simpan_pinjam": "koperasi simpan pinjam|ksp|kspps|simpan pinjam syariah|usp",
    }
)
_KELOMPOK = _table(
    {
        "ksu": "serba usaha|koperasi serba usaha",
        "karyawan": "kopkar|koperasi karyawan",
        "pegawai_negeri": "kpri|kpn|koperasi pegawai negeri|koperasi pegawai republik indonesia|pegawai negeri",
        "kud": "koperasi unit desa|unit desa",
        "wanita": "kopwan|koperasi wanita",
        "ksp": "koperasi simpan pinjam|kspps|simpan pinjam",
        "pasar": "koppas|koperasi pasar|pedagang pasar|koperasi pedagang pasar",
        "nelayan": "koperasi nelayan|perikanan",
        "pertanian": "koperasi pertanian|koptan|tani",
        "pondok_pesantren": "kopontren|koperasi pondok pesantren|pesantren",
        "mahasiswa": "kopma|koperasi mahasiswa",
        "pensiunan": "koperasi pensiunan|kopen",
        "angkutan": "koperasi angkutan|kopata",
        "lainnya": "lain-lain|lain|jenis usaha lain|lain lain",
    }
)
_STANDINGS = _table({"aktif": "ya|a", "tidak_aktif": "nonaktif|non aktif|pasif|t|ta|tdk aktif|tidak"})
_QUALIFIERS = _table(
    {
        "exact": "pasti|tepat",
        "sekitar": "kurang lebih|kl|kira-kira|perkiraan",
        "lebih_dari": "lebih",
        "kurang_dari": "kurang",
    }
)
_AREAS = _table(
    {
        "kabkota": "kabupaten kota|kab kota|kabupaten|kota|desa|kelurahan|kecamatan",
        "province": "provinsi|propinsi|lintas kabupaten kota|lintas kab kota|antar kabupaten kota",
        "nation": "nasional|lintas provinsi|antar provinsi",
    }
)
_SAID = re.compile(
    r"(?P<sekitar>sekitar|kurang lebih|kira-kira|kl\.|±|\+/-|~)|(?P<lebih_dari>lebih dari|di atas|>)"
    r"|(?P<kurang_dari>kurang dari|di bawah|<)",
    re.IGNORECASE,
)


def cooperative_form(text: str) -> str:
    """Raises `Invalid`: `sheet.cooperative_form`."""
    return _known(_FORMS, text, "sheet.cooperative_form", "Isi Primer atau Sekunder.", "Enter Primer or Sekunder.")


def jenis(text: str) -> str:
    """One of the five kinds of the law. Raises `Invalid`: `sheet.jenis`; which kind a KSU or KUD is, nobody can know
    here (domain: by hand, not automatically)."""
    return _known(
        _JENIS,
        text,
        "sheet.jenis",
        "Isi konsumen, produsen, jasa, pemasaran atau simpan pinjam; KSU, KUD, KPRI dan lain-lain di kolom Kelompok.",
        "Enter konsumen, produsen, jasa, pemasaran or simpan pinjam; KSU, KUD, KPRI and the like belong in Kelompok.",
    )


def kelompok(text: str) -> str:
    """An open table (S3-08: 47 of them): a name that is not known is taken as it is, if it is a name."""
    return _KELOMPOK.get(squeezed(text)) or _as_name(text, "sheet.kelompok", _KELOMPOK_ID, _KELOMPOK_EN)


_KELOMPOK_ID = "Tulis nama kelompok koperasinya saja, misalnya KSU, KUD, Kopkar."
_KELOMPOK_EN = "Write only the name of the grouping: KSU, KUD, Kopkar."


def standing(text: str) -> str:
    """Raises `Invalid`: `sheet.standing`; that one is dissolved is for an official to decide."""
    return _known(
        _STANDINGS,
        text,
        "sheet.standing",
        "Isi Aktif atau Tidak aktif; pembubaran dicatat dengan keputusan pejabat, bukan lewat daftar.",
        "Enter Aktif or Tidak aktif; that one is dissolved is recorded by an official's decision, not by a list.",
    )


def area(text: str) -> str:
    """How wide its members are spread, as a level. Raises `Invalid`: `sheet.area`."""
    return _known(
        _AREAS,
        text,
        "sheet.area",
        "Isi Kabupaten/Kota, Provinsi atau Nasional, atau kode wilayahnya.",
        "Enter Kabupaten/Kota, Provinsi or Nasional, or the code of the region.",
    )


def qualifier(text: str) -> str:
    """Raises `Invalid`: `sheet.qualifier`."""
    return _known(
        _QUALIFIERS,
        text,
        "sheet.qualifier",
        "Isi exact, sekitar, lebih dari atau kurang dari.",
        "Enter exact, sekitar, lebih dari or kurang dari.",
    )


def qualified(text: str) -> tuple[str | None, str]:
    """What a cell says of how exact its figure is, and the figure: `lebih dari 10.000` (S2-08)."""
    found = _SAID.match(text.strip())
    if found is None or found.lastgroup is None:
        return None, text
    return found.lastgroup, text.strip()[found.end() :].strip()


def _known(table: Mapping[str, str], text: str, code: str, text_id: str, text_en: str) -> str:
    found = table.get(squeezed(text))
    if found is None:
        raise Invalid(code, text_id, text_en)
    return found
