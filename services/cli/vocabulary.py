"""The words of office sheets and what they are in the contract: legal forms, needs, ways of selling, yes and no."""

from __future__ import annotations

import re
from collections.abc import Mapping

from services.cli.headings import squeezed
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
    return [_CHANNELS.get(squeezed(part)) or _as_name(part) for part in parts(text)]


def parts(text: str) -> list[str]:
    """The entries of a cell: `Shopee, bazar dan pameran` holds three."""
    return [part for part in _LIST.split(text) if part and not is_blank(part)]


def _as_name(text: str) -> str:
    slug = "_".join(re.findall(r"[a-z0-9]+", text.lower()))
    if _SLUG.fullmatch(slug) and len(slug.split("_")) <= 4 and not re.search(r"[0-9]{5}", slug):
        return slug
    raise Invalid(
        "sheet.channels",
        "Tulis nama tempat atau aplikasi pemasarannya saja, dipisah koma, misalnya Shopee, bazar, Indomaret.",
        "Write only the names of places or applications, with commas between: Shopee, bazar, Indomaret.",
    )
