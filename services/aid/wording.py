"""Criteria in words: what each demands, and what became of it, for an official, an auditor and the applicant.

The words are a function of the criterion, its verdict and who is assessed: the same answer always reads the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.aid.candidate import Population
from shared.contracts.aid.criteria import (
    AgeAtLeast,
    AllOf,
    AnyOf,
    CertificateHeld,
    CooperativeStatusIs,
    Criterion,
    HealthIs,
    KbliIn,
    MembersAtLeast,
    NeedIs,
    NeverReceived,
    Not,
    PriorAidAtMost,
    RatHeld,
    RegionWithin,
    RoleIs,
    ScaleIn,
    SectorIn,
    StatusIs,
)
from shared.contracts.aid.eligibilities import AssessedCriterion, Verdict
from shared.reference import region as regions
from shared.reference.invalid import Invalid

_LISTED_CODES = 8


@dataclass(frozen=True, slots=True)
class Phrase:
    """The same clause in both languages, without capital and full stop."""

    id: str
    en: str

    def joined(self, others: Sequence[Phrase], conjunction: tuple[str, str]) -> Phrase:
        return Phrase(
            f" {conjunction[0]} ".join(each.id for each in (self, *others)),
            f" {conjunction[1]} ".join(each.en for each in (self, *others)),
        )

    def bracketed(self) -> Phrase:
        return Phrase(f"({self.id})", f"({self.en})")


@dataclass(frozen=True, slots=True)
class _Words:
    """What is said where a single criterion is true, where it is false, and where nobody knows."""

    true: Phrase
    false: Phrase
    unknown: Phrase | None = None


_OTHERS: Mapping[Population, Phrase] = {
    "cooperative": Phrase("koperasi ", "the cooperative "),
    "region": Phrase("daerah ", "the region "),
}
"""What is said in the place of "usaha" and "the business" where somebody else is assessed."""


def assessed(criterion: Criterion, verdict: Verdict, of: Population = "business") -> AssessedCriterion:
    """What became of one criterion, with a sentence for the applicant; ``code`` is the criterion's type."""
    phrase, other = _sentence(criterion, verdict), _OTHERS.get(of)
    if other is not None:
        phrase = Phrase(phrase.id.replace("usaha ", other.id), phrase.en.replace("the business ", other.en))
    return _said(criterion.type, verdict, phrase)


_ACTIVE: Mapping[str, tuple[Phrase, Phrase]] = {
    "business_active": (
        Phrase("usaha masih aktif", "the business is active"),
        Phrase("usaha tercatat nonaktif atau berskala besar", "the business is inactive or large"),
    ),
    "cooperative_active": (
        Phrase("koperasi tidak bubar", "the cooperative exists"),
        Phrase("koperasi sudah dibubarkan atau batal dibentuk", "the cooperative was dissolved or never founded"),
    ),
}


def active_code(of: Population) -> str:
    """The code of ``judge_active``."""
    return f"{of}_active"


def assessed_active(verdict: Verdict, of: Population = "business") -> AssessedCriterion:
    """As ``assessed``, for ``judge_active``."""
    code = active_code(of)
    return _said(code, verdict, _ACTIVE[code][verdict != "eligible"])


ADMINISTRATIVE = "administrative_check"
"""The code of what is known about people (``exclusion``): never which fact it was."""

_ADMINISTRATIVE: Mapping[Verdict, Phrase] = {
    "eligible": Phrase("pemeriksaan administrasi terpenuhi", "the administrative check is passed"),
    "ineligible": Phrase(
        "pemeriksaan administrasi tidak terpenuhi; tanyakan alasannya kepada dinas penyelenggara",
        "the administrative check is not passed; ask the agency that runs the programme for the reason",
    ),
    "waiting": Phrase(
        "pemeriksaan administrasi belum selesai; menunggu jawaban instansi yang berwenang",
        "the administrative check is not finished; an answer is awaited from those who know",
    ),
}


def assessed_administrative(verdict: Verdict) -> AssessedCriterion:
    """As ``assessed``, for what is known about the person."""
    return _said(ADMINISTRATIVE, verdict, _ADMINISTRATIVE[verdict])


def _said(code: str, verdict: Verdict, phrase: Phrase) -> AssessedCriterion:
    return AssessedCriterion(
        code=code, verdict=verdict, text_id=_as_sentence(phrase.id), text_en=_as_sentence(phrase.en)
    )


def _as_sentence(clause: str) -> str:
    return f"{clause[:1].upper()}{clause[1:]}."


_COMPOSED: Mapping[Verdict, tuple[str, str]] = {
    "eligible": ("terpenuhi: ", "met: "),
    "ineligible": ("belum terpenuhi: ", "not met: "),
    "waiting": ("belum dapat dinilai karena datanya belum lengkap: ", "cannot be judged yet for lack of data: "),
}


def _sentence(criterion: Criterion, verdict: Verdict) -> Phrase:
    if isinstance(criterion, AllOf | AnyOf | Not):
        clause, (before_id, before_en) = describe(criterion), _COMPOSED[verdict]
        return Phrase(before_id + clause.id, before_en + clause.en)
    words = _words(criterion)
    if verdict == "waiting" and words.unknown is not None:
        return words.unknown
    return words.true if verdict == "eligible" else words.false


def describe(criterion: Criterion, *, negated: bool = False) -> Phrase:
    """What a criterion demands, as a clause. A negation is carried down to the single criteria (De Morgan), where
    both languages have a natural way to say it."""
    match criterion:
        case AllOf():
            return _join(criterion.criteria, negated=negated, conjunctive=not negated)
        case AnyOf():
            return _join(criterion.criteria, negated=negated, conjunctive=negated)
        case Not():
            return describe(criterion.criterion, negated=not negated)
        case _:
            words = _words(criterion)
            return words.false if negated else words.true


def _join(criteria: Sequence[Criterion], *, negated: bool, conjunctive: bool) -> Phrase:
    phrases = [_inner(one, negated=negated) for one in criteria]
    return phrases[0].joined(phrases[1:], ("dan", "and") if conjunctive else ("atau", "or"))


def _inner(criterion: Criterion, *, negated: bool) -> Phrase:
    clause = describe(criterion, negated=negated)
    within = criterion
    while isinstance(within, Not):
        within = within.criterion
    return clause.bracketed() if isinstance(within, AllOf | AnyOf) and len(within.criteria) > 1 else clause


def _words(criterion: Criterion) -> _Words:
    return _WORDS[type(criterion)](criterion)


def _status_words(criterion: StatusIs) -> _Words:
    value = criterion.value
    # A status that a business grows into is "not yet", the others are "not".
    yet = ("belum", "not yet") if value in {"terverifikasi", "binaan", "mandiri"} else ("tidak", "not")
    return _Words(
        Phrase(f"usaha berstatus {value}", f"the business has the status {value}"),
        Phrase(f"usaha {yet[0]} berstatus {value}", f"the business does {yet[1]} have the status {value}"),
    )


def _scale_words(criterion: ScaleIn) -> _Words:
    scales = tuple(dict.fromkeys(criterion.values))
    in_id, in_en = " atau ".join(scales), " or ".join(scales)
    return _Words(
        Phrase(f"usaha berskala {in_id}", f"the scale of the business is {in_en}"),
        Phrase(f"usaha tidak berskala {in_id}", f"the scale of the business is not {in_en}"),
        Phrase(
            "skala usaha belum diketahui; laporkan hasil penjualan tahunan atau modal usahanya",
            "the scale of the business is not known yet; report its annual sales or its capital",
        ),
    )


_ROLES: Mapping[str, Phrase] = {"ikm": Phrase("IKM (pembuat)", "a maker"), "ukm": Phrase("UKM (penjual)", "a reseller")}
"""As S0-10 defines them."""


def _role_words(criterion: RoleIs) -> _Words:
    role = _ROLES[criterion.value]
    return _Words(
        Phrase(f"usaha tercatat sebagai {role.id}", f"the business is recorded as {role.en}"),
        Phrase(f"usaha tidak tercatat sebagai {role.id}", f"the business is not recorded as {role.en}"),
    )


def _kbli_words(criterion: KbliIn) -> _Words:
    codes = tuple(dict.fromkeys(criterion.values))
    listed, rest = ", ".join(codes[:_LISTED_CODES]), len(codes) - _LISTED_CODES
    more_id, more_en = (f" dan {rest} kode lain", f" and {rest} more codes") if rest > 0 else ("", "")
    name = f"KBLI {criterion.version}"
    return _Words(
        Phrase(f"bidang usaha termasuk {name} {listed}{more_id}", f"the activity is within {name} {listed}{more_en}"),
        Phrase(f"bidang usaha di luar {name} {listed}{more_id}", f"the activity is outside {name} {listed}{more_en}"),
        Phrase(
            f"kode {name} usaha belum diketahui; laporkan kode menurut versi itu",
            f"the {name} code of the business is not known yet; report its code in that version",
        ),
    )


def _region_words(criterion: RegionWithin) -> _Words:
    name = _name_of(criterion.value)
    return _Words(
        Phrase(f"usaha berada di {name}", f"the business is in {name}"),
        Phrase(f"usaha berada di luar {name}", f"the business is outside {name}"),
    )


def _name_of(region: str) -> str:
    try:
        return regions.parse(region).name
    except Invalid:
        # A code that a later edition of the table has dropped still says where.
        return region


_NEEDS: Mapping[str, Phrase] = {
    "equipment": Phrase("peralatan", "equipment"),
    "packaging_training": Phrase("pelatihan kemasan", "training in packaging"),
    "digital_training": Phrase("pelatihan digital", "digital training"),
    "capital": Phrase("permodalan", "capital"),
    "marketing": Phrase("pemasaran", "marketing"),
    "licensing": Phrase("perizinan", "licensing"),
    "mentoring": Phrase("pendampingan", "mentoring"),
}
"""Needs that offices write most (S0-16, S1-08, S1-11, S3-14); any other is said as it was written."""


def _need_words(criterion: NeedIs) -> _Words:
    plain = criterion.value.replace("_", " ")
    need = _NEEDS.get(criterion.value, Phrase(plain, plain))
    return _Words(
        Phrase(f"usaha membutuhkan {need.id}", f"the business needs {need.en}"),
        Phrase(f"usaha tidak mencatat kebutuhan {need.id}", f"the business has recorded no need for {need.en}"),
    )


def _sector_words(criterion: SectorIn) -> _Words:
    listed = ", ".join(dict.fromkeys(criterion.values))
    return _Words(
        Phrase(f"bidang usaha termasuk kategori KBLI {listed}", f"the activity is of the KBLI categories {listed}"),
        Phrase(
            f"bidang usaha di luar kategori KBLI {listed}", f"the activity is of none of the KBLI categories {listed}"
        ),
        Phrase(
            "kategori bidang usaha belum diketahui; laporkan kode KBLI usaha",
            "the category of the activity is not known yet; report the KBLI code of the business",
        ),
    )


_CERTIFICATES: Mapping[str, str] = {"pirt": "P-IRT", "halal": "halal", "merek": "merek", "sni": "SNI"}


def _certificate_words(criterion: CertificateHeld) -> _Words:
    kinds = [_CERTIFICATES.get(kind, kind.replace("_", " ")) for kind in dict.fromkeys(criterion.values)]
    in_id, in_en = " atau ".join(kinds), " or ".join(kinds)
    return _Words(
        Phrase(f"usaha memiliki sertifikat {in_id} yang berlaku", f"the business holds a valid certificate {in_en}"),
        Phrase(
            f"usaha tidak memiliki sertifikat {in_id} yang berlaku", f"the business holds no valid certificate {in_en}"
        ),
    )


def _age_words(criterion: AgeAtLeast) -> _Words:
    months = criterion.months
    return _Words(
        Phrase(f"usaha sudah berjalan {months} bulan atau lebih", f"the business is {months} months old or more"),
        Phrase(f"usaha belum berjalan {months} bulan", f"the business is less than {months} months old"),
        Phrase(
            "tanggal mulai usaha belum diketahui; laporkan kapan usaha dimulai",
            "it is not known yet when the business began; report it",
        ),
    )


def _prior_words(criterion: PriorAidAtMost) -> _Words:
    kinds = " / ".join(dict.fromkeys(criterion.kinds or ())).replace("_", " ")
    agencies = ", ".join(dict.fromkeys(criterion.agencies or ()))
    what_id = "bantuan" + (f" {kinds}" if kinds else "") + (f" dari {agencies}" if agencies else "")
    what_en = "aid" + (f" of the kind {kinds}" if kinds else "") + (f" from {agencies}" if agencies else "")
    if criterion.months is not None:
        what_id += f" dalam {criterion.months} bulan terakhir"
        what_en += f" within the last {criterion.months} months"
    count = criterion.count
    return _Words(
        Phrase(
            f"usaha menerima paling banyak {count} {what_id}", f"the business has had at most {count} times {what_en}"
        ),
        Phrase(
            f"usaha menerima lebih dari {count} {what_id}", f"the business has had more than {count} times {what_en}"
        ),
    )


def _listed(values: Iterable[str], conjunction: str) -> str:
    return f" {conjunction} ".join(one.replace("_", " ") for one in dict.fromkeys(values))


def _cooperative_status_words(criterion: CooperativeStatusIs) -> _Words:
    in_id, in_en = _listed(criterion.values, "atau"), _listed(criterion.values, "or")
    return _Words(
        Phrase(f"koperasi berstatus {in_id}", f"the status of the cooperative is {in_en}"),
        Phrase(f"koperasi tidak berstatus {in_id}", f"the status of the cooperative is not {in_en}"),
    )


def _rat_words(criterion: RatHeld) -> _Words:
    back = criterion.years_back
    return _Words(
        Phrase(
            f"koperasi telah mengadakan RAT untuk tahun buku paling lama {back} tahun yang lalu",
            f"the cooperative has held the RAT of a book year at most {back} years back",
        ),
        Phrase(
            f"RAT terakhir koperasi untuk tahun buku lebih dari {back} tahun yang lalu",
            f"the last RAT of the cooperative was about a book year more than {back} years back",
        ),
        Phrase("RAT koperasi belum tercatat; catat RAT-nya", "no RAT of the cooperative is recorded yet; record it"),
    )


def _health_words(criterion: HealthIs) -> _Words:
    in_id, in_en = _listed(criterion.values, "atau"), _listed(criterion.values, "or")
    return _Words(
        Phrase(
            f"kesehatan koperasi dinilai {in_id} dan penilaiannya berlaku",
            f"the health of the cooperative is assessed as {in_en}, and the assessment is valid",
        ),
        Phrase(
            f"kesehatan koperasi tidak dinilai {in_id}", f"the health of the cooperative is not assessed as {in_en}"
        ),
        Phrase(
            "kesehatan koperasi belum dinilai atau penilaiannya sudah tidak berlaku; nilai kembali",
            "the health of the cooperative is not assessed or no longer valid; assess it anew",
        ),
    )


def _members_words(criterion: MembersAtLeast) -> _Words:
    count = criterion.count
    return _Words(
        Phrase(f"anggota koperasi {count} orang atau lebih", f"the cooperative has {count} members or more"),
        Phrase(f"anggota koperasi kurang dari {count} orang", f"the cooperative has fewer than {count} members"),
        Phrase(
            "jumlah anggota koperasi belum diketahui; laporkan jumlahnya",
            "it is not known yet how many members the cooperative has; report it",
        ),
    )


def _received_words(_: NeverReceived) -> _Words:
    return _Words(
        Phrase("usaha belum pernah menerima bantuan atau pelatihan", "the business has never received aid or training"),
        Phrase(
            "usaha sudah pernah menerima bantuan atau pelatihan", "the business has received aid or training before"
        ),
    )


_WORDS: Mapping[type, Callable[..., _Words]] = {
    StatusIs: _status_words,
    ScaleIn: _scale_words,
    RoleIs: _role_words,
    KbliIn: _kbli_words,
    RegionWithin: _region_words,
    NeedIs: _need_words,
    NeverReceived: _received_words,
    SectorIn: _sector_words,
    CertificateHeld: _certificate_words,
    AgeAtLeast: _age_words,
    PriorAidAtMost: _prior_words,
    CooperativeStatusIs: _cooperative_status_words,
    RatHeld: _rat_words,
    HealthIs: _health_words,
    MembersAtLeast: _members_words,
}
