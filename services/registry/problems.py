"""What registry can find wrong with a message, beyond what every service finds: code, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping

from shared.contracts import problem as common
from shared.contracts.problem import Problem

TEXTS: Mapping[str, tuple[str, str]] = {
    "agency.reserved": (
        "Nama akun ini dipakai oleh Binaan sendiri; pilih akun lain untuk instansi.",
        "This account belongs to Binaan itself; choose another one for the agency.",
    ),
    "agency.unknown": (
        "Instansi ini belum terdaftar; daftarkan instansinya lebih dahulu.",
        "This agency is not registered; register it first.",
    ),
    "agency.region_level": (
        "Wilayah ini tidak sesuai dengan tingkat instansi: kabkota memakai kode kabupaten/kota, province kode "
        "provinsi, ministry kode 00.",
        "This region does not go with the agency's level: kabkota has a regency or city, province a province, "
        "ministry 00.",
    ),
    "agency.still_suspended": (
        "Instansi ini sedang dibekukan dan tetap dibekukan; untuk mengaktifkannya kirim registry.agency.reinstate.",
        "This agency is suspended and stays so; registry.agency.reinstate lets it speak again.",
    ),
    "agency.permitted_level": (
        "Pola ini hanya memuat jenis pesan yang bukan wewenang instansi setingkat ini; lihat tabel kewenangan.",
        "This pattern holds only types for which an agency of this level has no authority; see the table of authority.",
    ),
    "agency.permitted_unknown": (
        "Pola ini tidak cocok dengan satu pun jenis pesan yang ada; periksa ejaannya.",
        "This pattern matches no message type there is; look at its spelling.",
    ),
    "official.other_agency": (
        "Instansi hanya dapat mendaftarkan dan mengakhiri pejabatnya sendiri; hapus isian agency.",
        "An agency registers and ends only its own officials; leave agency out.",
    ),
    "official.unknown": (
        "Pejabat ini belum didaftarkan oleh instansi tersebut; periksa official dan agency.",
        "That agency has registered no such official; look at official and agency.",
    ),
    "official.last_day_past": (
        "Hari terakhir sudah lewat; isi hari ini atau sesudahnya, atau kosongkan untuk mengakhiri saat ini juga.",
        "The last day has passed; give today or later, or none to end the term at once.",
    ),
    "official.end_later": (
        "Masa tugas pejabat ini berakhir lebih dahulu; untuk memperpanjangnya daftarkan kembali.",
        "The term ends before that day; to make it longer, register the official again.",
    ),
    "official.term_reversed": (
        "Akhir masa tugas mendahului awalnya; periksa kedua tanggal.",
        "The term ends before it begins; look at both dates.",
    ),
    "official.acting_needs_end": (
        "Pejabat pelaksana tugas (Plt.) harus punya akhir masa tugas; isi valid_until.",
        "An acting official (Plt.) has an end of term; fill in valid_until.",
    ),
    "clear.unknown_field": (
        "Ada isian pada clear yang tidak dikenal atau tidak boleh dikosongkan; lihat daftarnya pada kontrak.",
        "clear names a field that is not known or cannot be emptied; see the contract.",
    ),
    "clear.also_given": (
        "Isian yang sama diisi dan sekaligus dikosongkan; pilih salah satu.",
        "The same field is both given and emptied; choose one.",
    ),
    "report.outranked": (
        "Isian ini dipegang sumber yang lebih berwenang, misalnya OSS; nilai dari laporan ini tidak dipakai.",
        "A source that stands above yours, such as OSS, has told this field; the value of this report does not stand.",
    ),
    "report.same_business_again": (
        "Baris sebelumnya dalam pesan ini mengubah nama atau NIB usaha yang sama; kirim baris ini dalam pesan lain.",
        "An earlier row of this message changes the name or NIB of this business; send this row in another message.",
    ),
    "business.started_in_future": (
        "Tanggal mulai usaha belum tiba; periksa tanggalnya.",
        "The business starts in the future; look at the date.",
    ),
    "consent.given_in_future": (
        "Tanggal persetujuan belum tiba; periksa tanggalnya.",
        "Consent was given in the future; look at the date.",
    ),
    "consent.withdrawn_since": (
        "Pemilik sudah menarik persetujuan ini setelah tanggal pemberiannya; catat persetujuan baru bila ada.",
        "The owner has withdrawn this consent since it was given; record a new one if there is one.",
    ),
    "match.not_permitted": (
        "Hak ini harus disebut dengan namanya saat instansi didaftarkan; minta administrator.",
        "This right must be named as such in the registration of the agency; ask the administrator.",
    ),
    "match.too_many": (
        "Terlalu banyak pertanyaan dalam satu menit; tunggu menit berikutnya, lalu kirim lagi dengan id baru.",
        "Too many questions in one minute; wait for the next and send again with a new id.",
    ),
    "match.too_many_today": (
        "Jatah pertanyaan untuk hari ini habis; lanjutkan besok dengan id baru.",
        "The questions for today are used up; go on tomorrow with a new id.",
    ),
    "owner.numbers_differ": (
        "Nomor-nomor ini milik pemilik yang berbeda; cocokkan kembali satu per satu.",
        "These numbers are of different owners; compare them one by one.",
    ),
    "owner.person_or_entity": (
        "Pemilik adalah orang (NIK) atau badan (bentuk badan dengan NPWP atau NIB), tidak keduanya; pilih salah satu.",
        "An owner is a person (NIK) or an entity (legal form with NPWP or NIB), not both; choose one.",
    ),
    "owner.npwp_of_a_person": (
        "NPWP ini adalah NIK seseorang, bukan NPWP badan; isi NPWP badan, atau laporkan orang itu dengan NIK.",
        "This NPWP is a person's NIK and not an entity's; give the entity's, or report the person by NIK.",
    ),
    "owner.number_corrected": (
        "Nomor ini sudah dikoreksi pada data pemilik; pakai nomor yang benar.",
        "This number has been corrected in the owner's record; use the right one.",
    ),
    "owner.provisional": (
        "Pemilik dicatat sementara tanpa NIK; lengkapi NIK pada laporan berikutnya.",
        "The owner is recorded provisionally, without a NIK; give it with the next report.",
    ),
    "business.not_recognisable": (
        "Tanpa NIK, NIB atau nomor usaha dari instansi, laporan berikutnya akan tercatat sebagai usaha lain.",
        "Without a NIK, a NIB or a number of the agency's own, the next report will be taken for another business.",
    ),
    "owner.not_found": (
        "Pemilik ini tidak ada; periksa owner_id yang diterima saat melapor.",
        "There is no such owner; look at the owner_id that the report was answered with.",
    ),
    "sales.year_in_future": (
        "Tahun penjualan belum tiba; isi tahun yang sudah berjalan.",
        "The year of sales has not come yet; give one that has.",
    ),
    "business.owner_differs": (
        "Usaha ini sudah tercatat dengan pemilik ber-NIK lain; cocokkan NIK, atau laporkan sebagai usaha lain.",
        "This business is recorded with an owner of another NIK; compare the NIK, or report it as another business.",
    ),
    "owner.too_many_businesses": (
        "Pemilik ini sudah tercatat dengan sangat banyak usaha; periksa apakah nomornya benar milik pemilik usaha ini.",
        "This owner is recorded with very many businesses; see whether the number is really this business's owner's.",
    ),
    "owner.erased": (
        "Data pemilik ini sudah dihapus atas permintaannya; pemilik yang kembali dilaporkan sebagai pemilik baru.",
        "This owner was erased by request; an owner who comes back is reported as a new one.",
    ),
    "business.name_initials": (
        "Nama usaha ini memuat nama pemiliknya; yang dipublikasikan hanya inisial pemilik.",
        "This business's name holds its owner's; what is published shows the owner by initials.",
    ),
    "text.owner_name": (
        "Teks ini dipublikasikan dan tidak boleh memuat nama pemilik usaha; hapus dari teks.",
        "This text is published and must not hold the name of the business's owner; take it out.",
    ),
    "business.not_found": (
        "Usaha ini tidak ada; periksa business_id yang diterima saat melapor.",
        "There is no such business; look at the business_id that the report was answered with.",
    ),
    "business.not_verified": (
        "Usaha ini belum diverifikasi; verifikasi lebih dahulu.",
        "This business has not been verified; verify it first.",
    ),
    "business.already_verified": (
        "Usaha ini sudah diverifikasi; tidak perlu diulang.",
        "This business is verified already; there is nothing to repeat.",
    ),
    "business.already_binaan": (
        "Usaha ini sudah menjadi binaan; tidak perlu diulang.",
        "This business is binaan already; there is nothing to repeat.",
    ),
    "business.already_mandiri": (
        "Usaha ini sudah mandiri; untuk dibina lagi, nonaktifkan, aktifkan kembali, lalu verifikasi.",
        "This business is mandiri already; to guide it again, deactivate, reactivate and verify it.",
    ),
    "business.not_binaan": (
        "Usaha ini bukan binaan, sehingga tidak dapat dilepas atau mengundurkan diri.",
        "This business is not binaan, so it cannot be released and cannot withdraw.",
    ),
    "business.inactive": (
        "Usaha ini nonaktif; aktifkan kembali lebih dahulu.",
        "This business is inactive; reactivate it first.",
    ),
    "business.already_inactive": (
        "Usaha ini sudah nonaktif; tidak perlu diulang.",
        "This business is inactive already; there is nothing to repeat.",
    ),
    "business.closed": (
        "Usaha ini sudah tutup; jika keliru, aktifkan kembali lebih dahulu.",
        "This business is closed; if that is a mistake, reactivate it first.",
    ),
    "business.merged": (
        "Usaha ini sudah digabung ke usaha lain; pakai business_id yang tercantum pada merged_into.",
        "This business was merged into another; use the business_id that stands in merged_into.",
    ),
    "business.merge_itself": (
        "Usaha tidak dapat digabung atau dibedakan dengan dirinya sendiri; isi dua business_id yang berlainan.",
        "A business cannot be merged with itself or told apart from itself; give two different business_ids.",
    ),
    "business.merge_other_owner": (
        "Kedua usaha punya pemilik yang berbeda; pastikan pemiliknya satu orang dan gabungkan datanya lebih dahulu.",
        "The two businesses have different owners; make sure that it is one person and join the owners first.",
    ),
    "business.merge_other_region": (
        "Kedua usaha berada di kabupaten/kota yang berbeda; laporkan dahulu wilayah yang benar.",
        "The two businesses lie in different regencies; report the right region first.",
    ),
    "business.not_inactive": (
        "Usaha ini tidak nonaktif, sehingga tidak perlu diaktifkan kembali.",
        "This business is not inactive, so there is nothing to reactivate.",
    ),
    "business.besar": (
        "Menurut angkanya usaha ini usaha besar, bukan sasaran pembinaan; periksa angka penjualan atau modalnya.",
        "By its figures this business is large (besar), which is not served; look at its sales or capital.",
    ),
    "request.region_too_wide": (
        "Wilayah ini terlalu luas untuk sekali tanya; sebutkan provinsi atau kabupaten/kota pada region.",
        "This region is too wide to be asked about at once; name a province or a regency in region.",
    ),
    "business.merge_too_much": (
        "Produk salah satu usaha, atau sertifikat yang digabung, terlalu banyak; coba gabungkan ke arah sebaliknya.",
        "One of the two has too many products, or the one to merge too many certificates; try the other way round.",
    ),
    "product.supplier_unknown": (
        "Usaha pemasok ini tidak ada; catat dahulu usahanya, lalu isi business_id-nya.",
        "There is no such supplying business; record it first and give its business_id.",
    ),
    "product.supplied_by_itself": (
        "Usaha tidak dapat menjadi pemasok bagi dirinya sendiri; kosongkan supplied_by.",
        "A business does not supply itself; leave supplied_by out.",
    ),
    "product.supplier_role": (
        "Pemasok belum tercatat sebagai IKM (produsen); periksa perannya.",
        "The supplier is not recorded as an IKM (producer); look at its role.",
    ),
    "certificate.pirt_number": (
        "Nomor P-IRT terdiri atas sedikitnya 15 angka, misalnya 2061271010001-26; periksa kembali.",
        "A P-IRT number has at least 15 digits, such as 2061271010001-26; look at it again.",
    ),
    "certificate.pirt_year": (
        "Tahun pada akhir nomor P-IRT berbeda dengan tanggal berakhirnya; periksa keduanya.",
        "The year at the end of the P-IRT number differs from the last day; look at both.",
    ),
    "certificate.kind_unknown": (
        "Jenis sertifikat ini belum ada di daftar; dicatat, periksa ejaannya.",
        "This kind of certificate is not in our list; it is recorded, look at its spelling.",
    ),
    "certificate.issued_in_future": (
        "Tanggal terbit sertifikat belum tiba; periksa tanggalnya.",
        "The certificate is issued in the future; look at the date.",
    ),
    "certificate.expires_before_issued": (
        "Sertifikat berakhir sebelum diterbitkan; periksa kedua tanggal.",
        "The certificate ends before it was issued; look at both dates.",
    ),
    "certificate.other_business": (
        "Nomor sertifikat ini sudah tercatat pada usaha lain; periksa nomornya, atau gabungkan kedua usaha.",
        "This certificate number is recorded with another business; look at it, or merge the two businesses.",
    ),
    "need.unknown": (
        "Kebutuhan ini belum ada di daftar; dicatat, periksa ejaannya.",
        "This need is not in our list; it is recorded, look at its spelling.",
    ),
    "channel.unknown": (
        "Saluran pemasaran ini belum ada di daftar; dicatat, periksa ejaannya.",
        "This sales channel is not in our list; it is recorded, look at its spelling.",
    ),
    "cooperative.not_found": (
        "Koperasi ini tidak ada; periksa cooperative_id yang diterima saat melapor.",
        "There is no such cooperative; look at the cooperative_id that the report was answered with.",
    ),
    "cooperative.dissolved": (
        "Koperasi ini sudah bubar atau batal dibentuk; laporan tentangnya tidak menghidupkannya kembali.",
        "This cooperative was dissolved or given up; no report brings it back to life.",
    ),
    "cooperative.already_dissolved": (
        "Koperasi ini sudah bubar atau batal dibentuk; tidak perlu diulang.",
        "This cooperative was dissolved or given up already; there is nothing to repeat.",
    ),
    "cooperative.not_founded": (
        "Koperasi ini masih dibentuk; dirikan dahulu dengan registry.cooperative.found.",
        "This cooperative is still being formed; found it first with registry.cooperative.found.",
    ),
    "cooperative.already_founded": (
        "Koperasi ini sudah didirikan; laporkan perubahannya dengan registry.cooperative.report.",
        "This cooperative was founded already; report what has changed with registry.cooperative.report.",
    ),
    "cooperative.founded_in_future": (
        "Tanggal pendirian belum tiba; kirim lagi pada atau sesudah tanggal itu.",
        "The day of founding lies in the future; send again on or after it.",
    ),
    "cooperative.legal_in_future": (
        "Tanggal badan hukum belum tiba; periksa tanggalnya.",
        "The date of the legal act lies in the future; look at the date.",
    ),
    "cooperative.legal_before_founding": (
        "Tanggal badan hukum mendahului pendirian; periksa kedua tanggal.",
        "The legal act is dated before the founding; look at both dates.",
    ),
    "cooperative.number_taken": (
        "Nomor badan hukum, nomor induk, atau nomor rujukan ini sudah dipakai koperasi lain; periksa nomornya.",
        "This legal number, cooperative number or reference belongs to another cooperative; look at the number.",
    ),
    "cooperative.area_elsewhere": (
        "Wilayah keanggotaan tidak mencakup tempat kedudukan koperasi; periksa keduanya.",
        "The area of membership does not hold the seat of the cooperative; look at both.",
    ),
    "cooperative.kelompok_unknown": (
        "Kelompok koperasi ini belum ada dalam tabel; diterima apa adanya, periksa penulisannya.",
        "This grouping is not in the table yet; it was taken as it is, look at its spelling.",
    ),
    "members.as_of_in_future": (
        "Tanggal jumlah anggota belum tiba; periksa tanggalnya.",
        "The count of members is dated in the future; look at the date.",
    ),
    "members.fallen": (
        "Jumlah anggota turun tajam dari laporan sebelumnya; diterima, tetapi periksa angkanya.",
        "There are far fewer members than were reported before; it was taken, but look at the figure.",
    ),
    "rat.before_founding": (
        "RAT tidak mungkin diadakan sebelum koperasi berdiri; periksa tahun buku dan tanggalnya.",
        "A RAT cannot be held before the cooperative exists; look at the book year and the date.",
    ),
    "rat.in_future": (
        "Tanggal RAT belum tiba; kirim lagi setelah RAT diadakan.",
        "The RAT lies in the future; send again when it has been held.",
    ),
    "rat.year_open": (
        "Tahun buku ini belum ditutup saat RAT diadakan; periksa tahun bukunya.",
        "The books of this year were still open when the RAT was held; look at the book year.",
    ),
    "rat.already_held": (
        "RAT untuk tahun buku ini sudah tercatat; satu tahun buku hanya punya satu RAT.",
        "The RAT about this book year is recorded already; a book year has one.",
    ),
    "rat.late": (
        "RAT diadakan sesudah batas waktunya; diterima.",
        "The RAT was held after its last day; it was taken.",
    ),
    "health.without_rat": (
        "Kesehatan hanya dinilai untuk tahun buku yang RAT-nya tercatat; catat RAT-nya dahulu.",
        "Health is assessed for a book year whose RAT is recorded; record the RAT first.",
    ),
    "health.assessed_on": (
        "Tanggal penilaian harus sesudah RAT tahun buku itu dan tidak di masa depan; periksa tanggalnya.",
        "The assessment comes after the RAT about that year and not in the future; look at the date.",
    ),
    "health.newer_known": (
        "Penilaian yang lebih baru sudah tercatat; penilaian ini tidak mengubahnya.",
        "A newer assessment is recorded; this one changes nothing.",
    ),
    "outcome.year_open": (
        "Tahun ini belum selesai; laporkan hasilnya setelah tahun berakhir.",
        "This year is not over; report what it brought when it is.",
    ),
    "outcome.before_founding": (
        "Koperasi ini belum berdiri pada tahun itu; periksa tahunnya.",
        "The cooperative did not exist in that year; look at the year.",
    ),
    "founders.too_few_primer": (
        "Jumlah pendiri kurang dari syarat koperasi primer pada tanggal itu (9 orang, sebelum UU 11/2020 20 orang).",
        "A primer cooperative of that day needs more founders (nine, before UU 11/2020 twenty).",
    ),
    "founders.too_few_sekunder": (
        "Koperasi sekunder didirikan oleh sekurang-kurangnya tiga koperasi; lengkapi pendirinya.",
        "A secondary cooperative is founded by at least three cooperatives; add founders.",
    ),
    "founder.twice": (
        "Orang atau koperasi ini sudah disebut dalam daftar yang sama; hapus salah satu.",
        "This person or cooperative stands in the list already; take one out.",
    ),
    "founder.not_found": (
        "Orang atau koperasi ini tidak ada; periksa owner_id atau cooperative_id.",
        "There is no such person or cooperative; look at owner_id or cooperative_id.",
    ),
    "founder.wrong_form": (
        "Anggota koperasi primer adalah orang, anggota koperasi sekunder adalah koperasi; periksa daftarnya.",
        "Members of a primer are persons, of a secondary cooperatives; look at the list.",
    ),
    "founder.itself": (
        "Koperasi tidak dapat menjadi anggota dirinya sendiri; hapus dari daftar.",
        "A cooperative cannot be a member of itself; take it out of the list.",
    ),
    "founder.dissolved": (
        "Koperasi ini sudah bubar atau belum berdiri, sehingga tidak dapat menjadi anggota; hapus dari daftar.",
        "This cooperative was dissolved or is not founded yet, so it cannot be a member; take it out of the list.",
    ),
    "founder.not_a_person": (
        "Pemilik ini badan usaha; anggota koperasi primer adalah orang.",
        "This owner is a legal entity; members of a primer cooperative are persons.",
    ),
    "founder.business_of_another": (
        "Usaha ini tidak ada atau milik orang lain; periksa business_id dan owner_id.",
        "There is no such business, or it is another's; look at business_id and owner_id.",
    ),
    "founder.business_ended": (
        "Usaha ini sudah tutup atau digabung; hapus business_id atau pakai usaha yang masih ada.",
        "This business is closed or merged; leave business_id out, or give one that exists.",
    ),
    "drive.not_found": (
        "Program pembentukan ini tidak ada; periksa drive_id.",
        "There is no such drive; look at drive_id.",
    ),
    "drive.elsewhere": (
        "Wilayah koperasi di luar wilayah program pembentukan ini; periksa drive_id dan wilayahnya.",
        "The cooperative lies outside the region of this drive; look at drive_id and region.",
    ),
    "drive.deadline_past": (
        "Batas waktu program sudah lewat; isi hari ini atau sesudahnya.",
        "The deadline has passed; give today or later.",
    ),
    "census.not_found": (
        "Pendataan ini tidak ada; periksa census_id.",
        "There is no such census; look at census_id.",
    ),
    "census.over": (
        "Pendataan ini sudah selesai; buka pendataan baru.",
        "This census is over; open a new one.",
    ),
    "census.workers_of_closed": (
        "Usaha yang tutup tidak punya tenaga kerja; kosongkan workers atau periksa hasil kunjungannya.",
        "A business that is closed has no workers; leave workers out, or look at the verdict.",
    ),
    "census.deadline_past": (
        "Hari terakhir pendataan sudah lewat; isi hari ini atau sesudahnya.",
        "The last day of the census has passed; give today or later.",
    ),
    "census.elsewhere": (
        "Wilayah ini di luar wilayah pendataan; periksa wilayahnya.",
        "This lies outside the region of the census; look at the region.",
    ),
    "census.target_twice": (
        "Wilayah ini beririsan dengan sasaran lain; setiap tempat hanya punya satu sasaran.",
        "This region overlaps another target; each place has one.",
    ),
    "statistics.by": (
        "Rincian ini tidak ada untuk yang dihitung; lihat daftar rincian pada kontrak.",
        "What is counted is not broken down by this; see the list in the contract.",
    ),
    "statistics.as_of_in_future": (
        "Tanggal angka belum tiba; isi hari ini atau sebelumnya.",
        "The figures are asked for a day that has not come; give today or earlier.",
    ),
    "statistics.before_first_record": (
        "Pada tanggal ini belum ada yang tercatat di wilayah ini; isi tanggal yang lebih baru.",
        "On that day nothing was recorded in this region yet; give a later day.",
    ),
    "decree.date_in_future": (
        "Tanggal surat keputusan belum tiba; kirim lagi pada atau sesudah tanggal itu.",
        "The decree is dated in the future; send again on or after that date.",
    ),
}


def problem(code: str, field: str | None = None) -> Problem:
    """A problem with one of the codes above, or of the table that all services share."""
    if code not in TEXTS:
        return common.problem(code, field)
    text_id, text_en = TEXTS[code]
    return Problem(code=code, field=field, text_id=text_id, text_en=text_en)


def required(*fields: str) -> list[Problem]:
    """One problem for each field that is missing."""
    return [problem("field.required", field) for field in fields]
