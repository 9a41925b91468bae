"""What aid can find wrong with a message, beyond what every service finds: code, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping

from shared.contracts import problem as common
from shared.contracts.problem import Problem

TEXTS: Mapping[str, tuple[str, str]] = {
    "budget.unknown": (
        "Baris anggaran ini tidak dikenal; pakai budget_id dari aid.budget.request.",
        "This budget line is not known; use the budget_id of aid.budget.request.",
    ),
    "budget.agency_differs": (
        "Baris anggaran hanya boleh diubah oleh instansi pemiliknya.",
        "Only the agency that has a budget line may change it.",
    ),
    "budget.exists": (
        "Baris anggaran ini sudah ada; ubah pagunya dengan aid.budget.revise.",
        "This budget line exists; change its ceiling with aid.budget.revise.",
    ),
    "budget.year_over": (
        "Tahun anggaran ini sudah berakhir; pagunya tidak dapat diubah lagi.",
        "This fiscal year is over; its ceilings change no more.",
    ),
    "budget.revised_already": (
        "Perubahan APBD hanya sekali setahun dan baris ini sudah diubah; isi emergency bila memang keadaan darurat.",
        "A budget is revised once a year and this line was; give emergency if it is one.",
    ),
    "budget.below_committed": (
        "Pagu baru lebih kecil dari yang sudah ditetapkan dan direalisasikan; batalkan bantuan atau naikkan pagu.",
        "The new ceiling is below what is committed and realised; cancel grants or give a higher one.",
    ),
    "budget.below_reserved": (
        "Pagu baru lebih kecil dari yang sudah dicadangkan; tolak atau batalkan usulan yang dicadangkan lebih dahulu.",
        "The new ceiling is below what is reserved; reject or cancel what was only verified first.",
    ),
    "budget.emergency": (
        "Perubahan di luar P-APBD ini dicatat sebagai keadaan darurat dan terlihat oleh semua pihak.",
        "This revision outside of P-APBD is recorded as an emergency, for everybody to see.",
    ),
    "decree.date_in_future": (
        "Tanggal surat keputusan belum tiba; kirim lagi pada atau sesudah tanggal itu.",
        "The decree is dated in the future; send again on or after that date.",
    ),
    "exclusion.level": (
        "Instansi setingkat ini tidak dapat menjawab pemeriksaan ini; kirim hanya yang menjadi data instansi sendiri.",
        "An agency of this level cannot answer this check; send only what your own records say.",
    ),
    "exclusion.not_permitted": (
        "Hak melaporkan pemeriksaan orang harus disebut tersendiri pada pendaftaran instansi; minta administrator.",
        "The right to report checks on people must be named in the agency's registration; ask the administrator.",
    ),
    "exclusion.observed_in_future": (
        "Tanggal pengamatan belum tiba; isi tanggal hari ini atau sebelumnya.",
        "The day of observation has not come; give today or an earlier date.",
    ),
    "exclusion.outranked": (
        "Jawaban instansi ini yang lebih baru sudah tercatat; yang ini tidak mengubahnya.",
        "A newer answer of this agency is recorded; this one changes nothing.",
    ),
}


def problem(code: str, field: str | None = None) -> Problem:
    """A problem with one of the codes above, or of the table that all services share."""
    if code not in TEXTS:
        return common.problem(code, field)
    text_id, text_en = TEXTS[code]
    return Problem(code=code, field=field, text_id=text_id, text_en=text_en)
