"""Criteria of a programme: what each means for a candidate, in three-valued logic and in words.

A fact that nobody has reported yet is unknown, not false: the criterion is then ``waiting``, and all|any|not carry that
through as Kleene's logic does (``waiting`` lies between ``ineligible`` and ``eligible``; not swaps the ends). So an
office is never told "no" where the truth is "not yet known", and a decision that waits blocks an approval.

The words are a function of the criterion and its verdict alone: the same answer always reads the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from services.aid.candidate import Candidate
from shared.contracts.aid.criteria import (
    AllOf,
    AnyOf,
    Criterion,
    KbliIn,
    NeedIs,
    NeverReceived,
    Not,
    RegionWithin,
    RoleIs,
    ScaleIn,
    StatusIs,
)
from shared.contracts.aid.eligibilities import AssessedCriterion, Verdict
from shared.reference import region as regions
from shared.reference.invalid import Invalid

MAX_CRITERIA = 50
"""Single criteria in one programme: every answer repeats them in words, on every event."""
_LISTED_CODES = 8
_SCALES = frozenset({"mikro", "kecil", "menengah", "besar"})
"""PP 7/2021 art. 35; any other value is one that this service does not know."""

# --- truth ------------------------------------------------------------------------------------------------------------

_RANK: Mapping[Verdict, int] = {"ineligible": 0, "waiting": 1, "eligible": 2}
_OPPOSITE: Mapping[Verdict, Verdict] = {"ineligible": "eligible", "waiting": "waiting", "eligible": "ineligible"}


def all_of(verdicts: Iterable[Verdict]) -> Verdict:
    """The weakest verdict; of nothing, ``eligible``."""
    return min(verdicts, key=_RANK.__getitem__, default="eligible")


def any_of(verdicts: Iterable[Verdict]) -> Verdict:
    """The strongest verdict; of nothing, ``ineligible``."""
    return max(verdicts, key=_RANK.__getitem__, default="ineligible")


def opposite(verdict: Verdict) -> Verdict:
    return _OPPOSITE[verdict]


def judge(criterion: Criterion, candidate: Candidate) -> Verdict:
    """What a criterion, composed or single, says of a candidate."""
    match criterion:
        case AllOf():
            return all_of(judge(one, candidate) for one in criterion.criteria)
        case AnyOf():
            return any_of(judge(one, candidate) for one in criterion.criteria)
        case Not():
            return opposite(judge(criterion.criterion, candidate))
        case _:
            return _verdict(_holds(criterion, candidate))


def _verdict(holds: bool | None) -> Verdict:
    if holds is None:
        return "waiting"
    return "eligible" if holds else "ineligible"


def _holds(criterion: Criterion, candidate: Candidate) -> bool | None:
    """Whether a single criterion is true of a candidate; None where the fact is not known."""
    return _RULES[type(criterion)](criterion, candidate)


def _is_status(criterion: StatusIs, candidate: Candidate) -> bool:
    return candidate.copy.state.status == criterion.value


def _is_role(criterion: RoleIs, candidate: Candidate) -> bool:
    # No role is a known fact too: a laundry is neither IKM nor UKM (contract, "The main chain").
    return candidate.copy.state.role == criterion.value


def _of_scale(criterion: ScaleIn, candidate: Candidate) -> bool | None:
    scale = candidate.copy.state.scale
    return scale in criterion.values if scale in _SCALES else None


def _of_kbli(criterion: KbliIn, candidate: Candidate) -> bool | None:
    """KBLI 2025 renumbers 2020 n:m (sources §0), so a code of another version says nothing."""
    kbli = candidate.copy.state.kbli
    if kbli is None or kbli.version != criterion.version:
        return None
    return kbli.code.startswith(criterion.values)


def _in_region(criterion: RegionWithin, candidate: Candidate) -> bool:
    return regions.within(candidate.copy.state.region, criterion.value)


def _needs(criterion: NeedIs, candidate: Candidate) -> bool:
    return criterion.value in candidate.copy.state.needs


def _never_received(_: NeverReceived, candidate: Candidate) -> bool:
    return candidate.prior_interventions == 0


_RULES: Mapping[type, Callable[..., bool | None]] = {
    StatusIs: _is_status,
    ScaleIn: _of_scale,
    RoleIs: _is_role,
    KbliIn: _of_kbli,
    RegionWithin: _in_region,
    NeedIs: _needs,
    NeverReceived: _never_received,
}


# --- words ------------------------------------------------------------------------------------------------------------


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


def assessed(criterion: Criterion, verdict: Verdict) -> AssessedCriterion:
    """What became of one criterion, with a sentence for the applicant; ``code`` is the criterion's type."""
    return _said(criterion.type, verdict, _sentence(criterion, verdict))


def judge_active(candidate: Candidate) -> Verdict:
    """What no programme needs to say: only a business that is active receives anything."""
    return _verdict(candidate.copy.is_active)


ACTIVE = "business_active"
"""The code of ``judge_active``."""


def assessed_active(verdict: Verdict) -> AssessedCriterion:
    """As ``assessed``, for ``judge_active``."""
    if verdict == "eligible":
        return _said(ACTIVE, verdict, Phrase("usaha masih aktif", "the business is active"))
    return _said(
        ACTIVE, verdict, Phrase("usaha tercatat nonaktif atau berskala besar", "the business is inactive or large")
    )


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
}


# --- what an official wrote -------------------------------------------------------------------------------------------


def plain(criterion: Criterion) -> Criterion:
    """The criterion without members we do not know: they were never checked and must not reach a public event."""
    match criterion:
        case AllOf():
            return AllOf(type="all", criteria=tuple(plain(one) for one in criterion.criteria))
        case AnyOf():
            return AnyOf(type="any", criteria=tuple(plain(one) for one in criterion.criteria))
        case Not():
            return Not(type="not", criterion=plain(criterion.criterion))
        case _:
            model = type(criterion)
            return model(**{name: getattr(criterion, name) for name in model.model_fields})


def singles(criteria: Iterable[Criterion]) -> Iterator[Criterion]:
    """Every single criterion within, however deep."""
    for one in criteria:
        match one:
            case AllOf() | AnyOf():
                yield from singles(one.criteria)
            case Not():
                yield from singles((one.criterion,))
            case _:
                yield one


def contradictions(criteria: Sequence[Criterion], region: str, path: str) -> list[str]:
    """Where criteria that must hold together obviously cannot (two statuses, two regions apart): the paths of those
    lists. Only what a slip of the pen makes is looked for; that nothing is found proves nothing."""
    found = [path] if _impossible(list(_conjuncts(criteria)), region) else []
    for position, one in enumerate(criteria):
        found += _contradictions_in(one, region, f"{path}.{position}", conjunctive=True)
    return found


def _contradictions_in(criterion: Criterion, region: str, path: str, *, conjunctive: bool) -> list[str]:
    match criterion:
        case AllOf() if not conjunctive:
            return contradictions(criterion.criteria, region, f"{path}.criteria")
        case AllOf() | AnyOf():
            still = conjunctive and isinstance(criterion, AllOf)
            return [
                where
                for position, one in enumerate(criterion.criteria)
                for where in _contradictions_in(one, region, f"{path}.criteria.{position}", conjunctive=still)
            ]
        case Not():
            return _contradictions_in(criterion.criterion, region, f"{path}.criterion", conjunctive=False)
        case _:
            return []


def _conjuncts(criteria: Iterable[Criterion]) -> Iterator[Criterion]:
    """What must hold together: an ``all`` within an ``all`` adds its own."""
    for one in criteria:
        if isinstance(one, AllOf):
            yield from _conjuncts(one.criteria)
        else:
            yield one


def _impossible(together: Sequence[Criterion], region: str) -> bool:
    statuses = {one.value for one in together if isinstance(one, StatusIs)}
    roles = {one.value for one in together if isinstance(one, RoleIs)}
    scales = [set(one.values) for one in together if isinstance(one, ScaleIn)]
    places = {region, *(one.value for one in together if isinstance(one, RegionWithin))}
    denied = [one.criterion for one in together if isinstance(one, Not)]
    return (
        len(statuses) > 1
        or "nonaktif" in statuses
        or len(roles) > 1
        or bool(scales and not set.intersection(*scales))
        or any(not (regions.within(a, b) or regions.within(b, a)) for a, b in combinations(places, 2))
        or any(one in together for one in denied)
    )
