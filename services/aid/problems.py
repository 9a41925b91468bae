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
    "budget.exhausted": (
        "Sisa pagu tidak cukup untuk bantuan ini; tunggu dana yang dilepas atau perubahan anggaran.",
        "What is left of the ceiling does not cover this grant; wait for money to be released or for a revision.",
    ),
    "grant.unknown": (
        "Bantuan ini tidak dikenal; pakai grant_id dari balasan saat diusulkan.",
        "This grant is not known; use the grant_id of the reply to its proposal.",
    ),
    "grant.agency_differs": (
        "Bantuan hanya boleh diproses oleh instansi penyelenggara programnya.",
        "Only the agency that runs the programme may act on its grants.",
    ),
    "grant.programme_unknown": (
        "Program ini tidak dikenal; pakai programme_id dari balasan saat program dibuka.",
        "This programme is not known; use the programme_id of the reply to its opening.",
    ),
    "grant.programme_not_open": (
        "Program ini tidak sedang dibuka; usulan hanya untuk program yang dibuka.",
        "This programme is not open; grants are proposed for open programmes.",
    ),
    "grant.programme_paused": (
        "Program ini sedang dihentikan sementara; lanjutkan programnya lebih dahulu.",
        "This programme is paused; let it go on first.",
    ),
    "grant.beneficiary_unknown": (
        "Penerima ini belum dikenal; daftarkan lebih dahulu (S1-22) atau periksa beneficiary_id.",
        "This beneficiary is not known; record it first (S1-22), or look at beneficiary_id.",
    ),
    "grant.budget_choice": (
        "Program ini dibiayai dari beberapa baris anggaran; isi budget_id.",
        "This programme is paid from several budget lines; give budget_id.",
    ),
    "grant.budget_differs": (
        "Baris anggaran ini bukan milik program; pilih salah satu baris programnya.",
        "This budget line is not one of the programme's; choose one of those.",
    ),
    "grant.value_differs": (
        "Nilai tidak sama dengan jumlah harga barangnya; perbaiki salah satu.",
        "The value is not the sum of its items; put one of them right.",
    ),
    "grant.value_zero": (
        "Nilai bantuan nol, padahal program ini punya biaya satuan; isi nilainya.",
        "The grant is worth nothing, but the programme has a unit cost; give its value.",
    ),
    "grant.above_unit_cost": (
        "Nilai bantuan melebihi biaya satuan program; periksa kembali.",
        "The grant is worth more than one costs by the programme; look at it again.",
    ),
    "grant.form_recipient": (
        "Bentuk bantuan ini tidak boleh diberikan kepada penerima seperti ini: hibah hanya untuk badan hukum dan "
        "pemerintah; untuk usaha perseorangan pakai bansos atau barang yang diserahkan.",
        "This form of aid is not for such a beneficiary: hibah is for legal bodies and governments; use bansos or "
        "goods handed to the public for a person's business.",
    ),
    "grant.status": (
        "Langkah ini tidak sesuai dengan status bantuan saat ini; lihat statusnya dengan aid.grant.request.",
        "This step does not follow the status of the grant; look at it with aid.grant.request.",
    ),
    "grant.maker_checks": (
        "Pengusul tidak boleh memeriksa atau menetapkan usulannya sendiri; mintalah pejabat lain.",
        "Who made a proposal may not check or decide it; let another official do so.",
    ),
    "grant.paper_missing": (
        "Dokumen yang disyaratkan bentuk bantuan ini belum lengkap (misalnya usulan, pakta integritas); lampirkan.",
        "Papers that this form of aid asks for are missing (usulan, pakta_integritas); attach them.",
    ),
    "grant.ineligible": (
        "Penerima tidak memenuhi syarat program:",
        "The beneficiary does not meet the criteria of the programme:",
    ),
    "grant.waiting": (
        "Penerima belum dapat dinilai karena data belum lengkap:",
        "The beneficiary cannot be judged yet for lack of data:",
    ),
    "grant.consecutive_hibah": (
        "Penerima sudah mendapat hibah tahun lalu; perlu dasar hukum dan persetujuan pejabat kedua: aid.grant.endorse.",
        "The beneficiary had a hibah last year; it takes a legal basis and a second approver (aid.grant.endorse).",
    ),
    "grant.endorser_decides": (
        "Pejabat kedua yang menyetujui tidak boleh sekaligus menetapkan; mintalah pejabat lain.",
        "The second approver may not decide as well; let another official do so.",
    ),
    "grant.agreement_not_needed": (
        "Bentuk bantuan ini tidak memakai NPHD; lanjutkan ke serah terima.",
        "This form of aid has no agreement (NPHD); go on to the hand-over.",
    ),
    "grant.agreement_missing": (
        "Bantuan ini memerlukan NPHD sebelum diserahkan; catat dengan aid.grant.agree.",
        "This grant needs its agreement (NPHD) before it is handed over; record it with aid.grant.agree.",
    ),
    "grant.not_decided": (
        "Bantuan ini belum ditetapkan dengan SK; tidak boleh diserahkan.",
        "This grant has not been decided by a decree (SK); it must not be handed over.",
    ),
    "grant.already_handed_over": (
        "Bantuan ini sudah diserahkan seluruhnya; tidak boleh diserahkan dua kali.",
        "This grant was handed over in whole; it is not handed over twice.",
    ),
    "grant.before_decree": (
        "Tanggal ini mendahului tanggal SK; periksa kedua tanggal.",
        "This date is before that of the decree; look at both.",
    ),
    "grant.before_hand_over": (
        "Tanggal ini mendahului serah terima; periksa kedua tanggal.",
        "This date is before the hand-over; look at both.",
    ),
    "grant.date_in_future": (
        "Tanggal ini belum tiba; kirim lagi pada atau sesudah tanggal itu.",
        "This date lies in the future; send again on or after it.",
    ),
    "grant.year_over": (
        "Tanggal ini di luar tahun anggaran bantuan; dana tahun yang berakhir tidak dapat dipakai lagi.",
        "This lies outside the fiscal year of the grant; money of a year that is over is spent no more.",
    ),
    "grant.item_not_approved": (
        "Barang ini tidak termasuk yang ditetapkan; periksa daftarnya.",
        "This item is not among those approved; look at the list.",
    ),
    "grant.items_missing": (
        "Bantuan ini berupa barang; sebut barang yang diserahkan, jumlah dan nilainya.",
        "This grant is of goods; name those handed over, how many and of what value.",
    ),
    "grant.item_twice": (
        "Barang yang sama tercantum dua kali; gabungkan jumlahnya.",
        "The same item is listed twice; add up the quantities.",
    ),
    "grant.more_than_approved": (
        "Yang diserahkan melebihi yang ditetapkan; periksa jumlah dan nilainya.",
        "More is handed over than was approved; look at quantity and value.",
    ),
    "grant.delivered_short": (
        "Yang diserahkan kurang dari yang ditetapkan; selisihnya dicatat dan dananya dilepas.",
        "Less was handed over than was approved; the difference is recorded and its money released.",
    ),
    "stock.short": (
        "Persediaan barang ini tidak cukup; periksa persediaan atau catat penerimaan barang.",
        "There is not enough of this item in stock; look at it, or record what has come in.",
    ),
    "stock.unknown": (
        "Barang ini belum ada dalam persediaan; catat penerimaannya dengan aid.stock.receive.",
        "This item is not in stock; record it with aid.stock.receive when it comes in.",
    ),
    "decree.date_in_future": (
        "Tanggal surat keputusan belum tiba; kirim lagi pada atau sesudah tanggal itu.",
        "The decree is dated in the future; send again on or after that date.",
    ),
    "beneficiary.unknown": (
        "Penerima ini tidak dikenal; periksa beneficiary_id.",
        "This beneficiary is not known; look at beneficiary_id.",
    ),
    "criteria.not_applicable": (
        "Syarat ini tidak dapat dinilai untuk penerima program ini; hapus, atau ubah penerimanya.",
        "This criterion says nothing about those who receive here; take it out, or change the beneficiary.",
    ),
    "programme.announce": (
        "Pengumuman hanya sampai kepada pemilik usaha; isi announce dengan never untuk penerima lain.",
        "Announcements reach owners of businesses only; for other beneficiaries announce is never.",
    ),
    "programme.item_unknown": (
        "Barang ini belum ada dalam daftar; daftarkan dengan aid.item.register, atau periksa ejaannya.",
        "This item is not in the list; register it with aid.item.register, or look at its spelling.",
    ),
    "programme.status": (
        "Tindakan ini tidak berlaku pada status program saat ini; lihat status programnya.",
        "This cannot be done in the programme's present status; look at it.",
    ),
    "programme.maker": (
        "Program dibuka oleh pejabat lain daripada yang mengusulkannya.",
        "A programme is started by another official than the one who proposed it.",
    ),
    "programme.amended_nothing": (
        "Perubahan ini tidak mengubah apa pun; isi yang hendak diubah.",
        "This amendment changes nothing; give what is to change.",
    ),
    "programme.clear_unknown": (
        "Isian ini tidak dapat dikosongkan; lihat daftarnya pada kontrak.",
        "This field cannot be emptied; see the list in the contract.",
    ),
    "programme.below_committed": (
        "Biaya satuan kali kuota kurang dari yang sudah ditetapkan dan direalisasikan; batalkan dahulu yang berlebih.",
        "Unit cost times quota is below what is committed and realised already; cancel what is too much first.",
    ),
    "item.standard": (
        "Barang ini sudah ada dalam daftar baku; pakai langsung.",
        "This item is in the standard list already; just use it.",
    ),
    "item.of_another": (
        "Barang ini didaftarkan instansi lain; pakai langsung, atau daftarkan dengan nama lain.",
        "This item was registered by another agency; just use it, or register yours under another name.",
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
    "business.unknown": (
        "Usaha ini tidak dikenal di sini; periksa business_id, atau kirim lagi sebentar lagi bila baru dicatat.",
        "This business is not known here; check business_id, or send again in a moment if it was only just recorded.",
    ),
    "cooperative.unknown": (
        "Koperasi ini tidak dikenal di sini; periksa cooperative_id, atau kirim lagi sebentar lagi bila baru dicatat.",
        "This cooperative is not known here; check cooperative_id, or send again in a moment if only just recorded.",
    ),
    "external_grant.in_future": (
        "Bantuan yang sudah disetujui atau diserahkan tidak mungkin bertanggal setelah hari ini; periksa tanggalnya.",
        "What was approved or handed over cannot be of a later day than today; check the date.",
    ),
    "external_grant.known": (
        "Bantuan ini sudah dilaporkan dengan isi yang sama; tidak ada yang berubah.",
        "This grant was reported before and says the same; nothing has changed.",
    ),
    "external_grant.other_beneficiary": (
        "Nomor ini sudah dipakai untuk bantuan kepada penerima lain; pakai nomor lain, atau tarik dahulu yang lama.",
        "This reference stands for a grant to somebody else; use another one, or withdraw the old one first.",
    ),
    "external_grant.outdated": (
        "Keadaan yang lebih baru sudah dilaporkan; laporan ini tidak mengubahnya.",
        "A newer state was reported; this one does not change it.",
    ),
    "external_grant.too_far_ahead": (
        "Rencana ini melewati tahun depan; laporkan paling jauh untuk tahun anggaran berikutnya.",
        "This plan lies beyond next year; report plans for the next fiscal year at most.",
    ),
    "external_grant.unknown": (
        "Bantuan dengan nomor ini belum pernah dilaporkan oleh instansi ini; periksa reference.",
        "This agency has reported no grant with this reference; check it.",
    ),
    "overlap.cleared": (
        "Tumpang tindih ini sudah tidak ada karena salah satu bantuan dibatalkan; tidak ada yang perlu diselesaikan.",
        "This overlap is no more, since one of the two was given up; there is nothing to settle.",
    ),
    "overlap.own_interest": (
        "Instansi yang bantuannya tertahan tidak dapat menyelesaikannya sendiri; minta instansi yang bantuannya sudah "
        "disetujui, atau pemerintah di atas keduanya.",
        "An agency cannot lift by itself what stops its own grant; ask the one whose grant is approved, or one that "
        "both lie within.",
    ),
    "overlap.unknown": (
        "Tumpang tindih ini tidak dikenal; pakai overlap_id dari peristiwa aid.overlap.detected.",
        "This overlap is not known; use the overlap_id of the event aid.overlap.detected.",
    ),
    "person.unknown": (
        "Orang ini tidak dikenal di sini; pakai owner_id atau token dari registry.person.match, atau kirim lagi "
        "sebentar lagi bila baru dicatat.",
        "This person is not known here; use the owner_id or the token of registry.person.match, or send again in a "
        "moment if only just recorded.",
    ),
}


def problem(code: str, field: str | None = None) -> Problem:
    """A problem with one of the codes above, or of the table that all services share."""
    if code not in TEXTS:
        return common.problem(code, field)
    text_id, text_en = TEXTS[code]
    return Problem(code=code, field=field, text_id=text_id, text_en=text_en)
