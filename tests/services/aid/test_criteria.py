"""What each criterion says of a business, in three values and in words."""

from __future__ import annotations

import itertools
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from services.aid.business import Business, places
from services.aid.candidate import Candidate
from services.aid.criteria import all_of, any_of, contradictions, judge, opposite, plain, singles
from services.aid.recipient import Recipient, with_intervention
from services.aid.wording import assessed as worded
from services.aid.wording import describe
from shared.contracts.aid.criteria import Criterion
from shared.contracts.aid.eligibilities import AssessedCriterion, Verdict
from shared.contracts.registry.businesses import BusinessState
from tests.services.aid.interventions import intervention
from tests.services.aid.memory import business as told

TODAY = date(2026, 3, 2)
_CRITERION: TypeAdapter[Criterion] = TypeAdapter(Criterion)


def criterion(raw: dict[str, Any]) -> Criterion:
    return _CRITERION.validate_python(raw)


def business(prior: int = 0, **facts: Any) -> Candidate:
    state = BusinessState.model_validate(told(**facts))
    copy = Business(business_id=state.business_id, sequence=1, state=state)
    recipient = Recipient(recipient_id=state.owner_id)
    for number in range(prior):
        recipient = with_intervention(recipient, intervention(f"grant-{number}"))
    return Candidate(copy=copy, on=TODAY, recipient=recipient)


def assessed(one: Criterion, of: Candidate) -> AssessedCriterion:
    return worded(one, judge(one, of))


# --- three values -----------------------------------------------------------------------------------------------------

NO, WAIT, YES = "ineligible", "waiting", "eligible"

_AND = {(NO, NO): NO, (NO, WAIT): NO, (NO, YES): NO, (WAIT, WAIT): WAIT, (WAIT, YES): WAIT, (YES, YES): YES}
_OR = {(NO, NO): NO, (NO, WAIT): WAIT, (NO, YES): YES, (WAIT, WAIT): WAIT, (WAIT, YES): YES, (YES, YES): YES}


@pytest.mark.parametrize(("pair", "expected"), _AND.items())
def test_all_is_as_weak_as_its_weakest(pair: tuple[Verdict, Verdict], expected: Verdict) -> None:
    """Kleene's table: one certain no decides, whatever is still unknown."""
    assert all_of(pair) == all_of(pair[::-1]) == expected


@pytest.mark.parametrize(("pair", "expected"), _OR.items())
def test_any_is_as_strong_as_its_strongest(pair: tuple[Verdict, Verdict], expected: Verdict) -> None:
    """Kleene's table: one certain yes decides, whatever is still unknown."""
    assert any_of(pair) == any_of(pair[::-1]) == expected


@pytest.mark.parametrize(("verdict", "expected"), [(NO, YES), (WAIT, WAIT), (YES, NO)])
def test_not_leaves_the_unknown_unknown(verdict: Verdict, expected: Verdict) -> None:
    """ "Not known to be micro" must not become "known not to be micro"."""
    assert opposite(verdict) == expected


def test_a_programme_without_criteria_is_for_everybody() -> None:
    """All of nothing is yes; an any of nothing would be no, and the contract does not let one be sent."""
    assert all_of([]) == YES
    assert any_of([]) == NO


STATUSES = ("terdata", "terverifikasi", "binaan", "mandiri", "nonaktif")
SCALES = ("mikro", "kecil", "menengah", "besar")
REGIONS = ("00", "12", "12.71", "12.71.01", "12.72", "64")
CODES = ("10794", "10710", "47111", "96200")

singles_raw = st.one_of(
    st.builds(lambda value: {"type": "status_is", "value": value}, st.sampled_from(STATUSES)),
    st.builds(
        lambda values: {"type": "scale_in", "values": values},
        st.lists(st.sampled_from(SCALES[:3]), min_size=1, max_size=3),
    ),
    st.builds(lambda value: {"type": "role_is", "value": value}, st.sampled_from(["ikm", "ukm"])),
    st.builds(
        lambda values, version: {"type": "kbli_in", "values": values, "version": version},
        st.lists(st.sampled_from(["10", "107", "47111", "96"]), min_size=1, max_size=3),
        st.sampled_from(["2020", "2025"]),
    ),
    st.builds(lambda value: {"type": "region_within", "value": value}, st.sampled_from(REGIONS)),
    st.builds(lambda value: {"type": "need_is", "value": value}, st.sampled_from(["equipment", "capital"])),
    st.just({"type": "never_received"}),
    st.sampled_from(
        [
            {"type": "sector_in", "values": ["C"]},
            {"type": "certificate_held", "values": ["halal"]},
            {"type": "age_at_least", "months": 12},
            {"type": "prior_aid_at_most", "kinds": ["equipment"], "months": 24},
            {"type": "cooperative_status_is", "values": ["aktif"]},
            {"type": "rat_held"},
            {"type": "health_is", "values": ["sehat"]},
            {"type": "members_at_least", "count": 9},
        ]
    ),
)
criteria_raw = st.recursive(
    singles_raw,
    lambda inner: st.one_of(
        st.builds(
            lambda kind, many: {"type": kind, "criteria": many},
            st.sampled_from(["all", "any"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        st.builds(lambda one: {"type": "not", "criterion": one}, inner),
    ),
    max_leaves=8,
)
criteria = criteria_raw.map(criterion)
facts: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "status": st.sampled_from(STATUSES),
        "region": st.sampled_from(["12.71.01.1001", "12.72.01.1001", "64.72"]),
        "scale": st.none() | st.sampled_from(SCALES),
        "role": st.none() | st.sampled_from(["ikm", "ukm"]),
        "needs": st.lists(st.sampled_from(["equipment", "capital"]), unique=True),
        "kbli": st.none()
        | st.builds(
            lambda code, version: {"code": code, "version": version},
            st.sampled_from(CODES),
            st.sampled_from(["2020", "2025"]),
        ),
        "prior": st.integers(0, 2),
    }
)
businesses = facts.map(lambda known: business(**known))


@given(criteria, businesses)
def test_a_double_negation_says_what_it_negates(one: Criterion, of: Candidate) -> None:
    """Holds in three values as in two."""
    twice = criterion({"type": "not", "criterion": {"type": "not", "criterion": one.model_dump()}})
    assert judge(twice, of) == judge(one, of)
    assert describe(twice) == describe(one)


@given(st.lists(criteria, min_size=1, max_size=4), businesses)
def test_all_and_any_bound_their_parts_and_mirror_each_other(many: list[Criterion], of: Candidate) -> None:
    """The bounds and De Morgan's law, which the sentences rely on too."""
    rank = [NO, WAIT, YES].index
    raw = [one.model_dump() for one in many]
    denied = [{"type": "not", "criterion": one} for one in raw]
    every = judge(criterion({"type": "all", "criteria": raw}), of)
    some = judge(criterion({"type": "any", "criteria": raw}), of)
    parts = [judge(one, of) for one in many]
    assert rank(every) <= min(map(rank, parts)) <= max(map(rank, parts)) <= rank(some)
    assert {every, some} <= set(parts)
    assert opposite(every) == judge(criterion({"type": "any", "criteria": denied}), of)


@given(criteria, facts, st.sampled_from(SCALES), st.sampled_from(CODES), st.sampled_from(["2020", "2025"]))
def test_learning_a_fact_never_turns_an_answer_round(
    one: Criterion, known: dict[str, Any], scale: str, code: str, version: str
) -> None:
    """A yes or no that was given in spite of an unknown fact stands, whatever the fact turns out to be: that is what
    makes ``waiting`` honest. (Kleene's logic is monotone in what is known.)"""
    nothing: dict[str, Any] = {**known, "scale": None, "kbli": None}
    before = judge(one, business(**nothing))
    something: dict[str, Any] = {**known, "scale": scale, "kbli": {"code": code, "version": version}}
    after = judge(one, business(**something))
    assert before in {WAIT, after}


@given(criteria, businesses)
def test_every_verdict_comes_with_a_sentence_in_both_languages(one: Criterion, of: Candidate) -> None:
    """An official, an auditor and the applicant read the same answer."""
    answer = assessed(one, of)
    assert answer.code == one.type
    assert answer.verdict == judge(one, of)
    for text in (answer.text_id, answer.text_en):
        assert text[0].isupper()
        assert text.endswith(".")
        assert "  " not in text
    assert answer.text_id != answer.text_en


@given(criteria)
def test_no_two_verdicts_on_one_criterion_read_the_same(one: Criterion) -> None:
    """The sentence alone must say which of the answers it is."""
    everything = itertools.product((None, *SCALES), (None, "10794", "47111"), ("binaan", "terdata"), (0, 1))
    said: dict[str, str] = {}
    for scale, code, status, prior in everything:
        kbli = {"code": code, "version": "2020"} if code else None
        answer = assessed(one, business(prior, scale=scale, kbli=kbli, status=status))
        assert said.setdefault(answer.text_id, answer.verdict) == answer.verdict


# --- what each says ---------------------------------------------------------------------------------------------------

STATUS = {"type": "status_is", "value": "binaan"}
SCALE = {"type": "scale_in", "values": ["mikro", "kecil"]}
ROLE = {"type": "role_is", "value": "ikm"}
KBLI = {"type": "kbli_in", "values": ["107", "47111"], "version": "2020"}
REGION = {"type": "region_within", "value": "12.71"}
NEED = {"type": "need_is", "value": "equipment"}
NEVER = {"type": "never_received"}

CASES: list[tuple[dict[str, Any], dict[str, Any], str, str, str]] = [
    (STATUS, {"status": "binaan"}, YES, "Usaha berstatus binaan.", "The business has the status binaan."),
    (
        STATUS,
        {"status": "terverifikasi"},
        NO,
        "Usaha belum berstatus binaan.",
        "The business does not yet have the status binaan.",
    ),
    (
        STATUS,
        {"status": "a_status_of_tomorrow"},
        NO,
        "Usaha belum berstatus binaan.",
        "The business does not yet have the status binaan.",
    ),
    (
        SCALE,
        {"scale": "kecil"},
        YES,
        "Usaha berskala mikro atau kecil.",
        "The scale of the business is mikro or kecil.",
    ),
    (
        SCALE,
        {"scale": "besar"},
        NO,
        "Usaha tidak berskala mikro atau kecil.",
        "The scale of the business is not mikro or kecil.",
    ),
    (
        SCALE,
        {"scale": None},
        WAIT,
        "Skala usaha belum diketahui; laporkan hasil penjualan tahunan atau modal usahanya.",
        "The scale of the business is not known yet; report its annual sales or its capital.",
    ),
    (
        SCALE,
        {"scale": "a_scale_of_tomorrow"},
        WAIT,
        "Skala usaha belum diketahui; laporkan hasil penjualan tahunan atau modal usahanya.",
        "The scale of the business is not known yet; report its annual sales or its capital.",
    ),
    (
        ROLE,
        {"role": "ikm"},
        YES,
        "Usaha tercatat sebagai IKM (pembuat).",
        "The business is recorded as a maker.",
    ),
    (
        ROLE,
        {"role": None},
        NO,
        "Usaha tidak tercatat sebagai IKM (pembuat).",
        "The business is not recorded as a maker.",
    ),
    (
        KBLI,
        {"kbli": {"code": "10794", "version": "2020"}},
        YES,
        "Bidang usaha termasuk KBLI 2020 107, 47111.",
        "The activity is within KBLI 2020 107, 47111.",
    ),
    (
        KBLI,
        {"kbli": {"code": "96200", "version": "2020"}},
        NO,
        "Bidang usaha di luar KBLI 2020 107, 47111.",
        "The activity is outside KBLI 2020 107, 47111.",
    ),
    (
        KBLI,
        {"kbli": {"code": "10794", "version": "2025"}},
        WAIT,
        "Kode KBLI 2020 usaha belum diketahui; laporkan kode menurut versi itu.",
        "The KBLI 2020 code of the business is not known yet; report its code in that version.",
    ),
    (
        KBLI,
        {"kbli": None},
        WAIT,
        "Kode KBLI 2020 usaha belum diketahui; laporkan kode menurut versi itu.",
        "The KBLI 2020 code of the business is not known yet; report its code in that version.",
    ),
    (REGION, {"region": "12.71.01.1001"}, YES, "Usaha berada di Kota Medan.", "The business is in Kota Medan."),
    (
        REGION,
        {"region": "12.72.01.1001"},
        NO,
        "Usaha berada di luar Kota Medan.",
        "The business is outside Kota Medan.",
    ),
    (NEED, {"needs": ["equipment"]}, YES, "Usaha membutuhkan peralatan.", "The business needs equipment."),
    (
        NEED,
        {"needs": ["capital"]},
        NO,
        "Usaha tidak mencatat kebutuhan peralatan.",
        "The business has recorded no need for equipment.",
    ),
    (
        NEVER,
        {"prior": 0},
        YES,
        "Usaha belum pernah menerima bantuan atau pelatihan.",
        "The business has never received aid or training.",
    ),
    (
        NEVER,
        {"prior": 1},
        NO,
        "Usaha sudah pernah menerima bantuan atau pelatihan.",
        "The business has received aid or training before.",
    ),
]


@pytest.mark.parametrize(("raw", "known", "verdict", "text_id", "text_en"), CASES)
def test_each_criterion_answers_and_says_why(
    raw: dict[str, Any], known: dict[str, Any], verdict: str, text_id: str, text_en: str
) -> None:
    """S1-24 for never_received, S0-10 for the role, PP 7/2021 art. 35 for the scale, sources §0 for KBLI versions."""
    answer = assessed(criterion(raw), business(**known))
    assert (answer.code, answer.verdict, answer.text_id, answer.text_en) == (raw["type"], verdict, text_id, text_en)


def test_composed_criteria_read_as_one_sentence() -> None:
    """Brackets only where they are needed."""
    either = {"type": "any", "criteria": [STATUS, {"type": "all", "criteria": [SCALE, ROLE]}]}
    answer = assessed(criterion(either), business(status="binaan"))
    assert answer.text_id == (
        "Terpenuhi: usaha berstatus binaan atau (usaha berskala mikro atau kecil dan usaha tercatat sebagai IKM "
        "(pembuat))."
    )
    assert assessed(criterion(either), business(status="terdata", role="ikm")).text_en == (
        "Cannot be judged yet for lack of data: the business has the status binaan or (the scale of the business is "
        "mikro or kecil and the business is recorded as a maker)."
    )


def test_a_negation_is_said_as_people_say_it() -> None:
    """Carried down to what can be denied: "not (A and B)" reads "not A or not B"."""
    neither = {"type": "not", "criterion": {"type": "all", "criteria": [STATUS, NEED]}}
    answer = assessed(criterion(neither), business(status="binaan", needs=["equipment"]))
    assert answer.verdict == NO
    assert answer.text_id == (
        "Belum terpenuhi: usaha belum berstatus binaan atau usaha tidak mencatat kebutuhan peralatan."
    )


def test_a_long_list_of_codes_is_cut_in_words_only() -> None:
    """500 codes may be sent; every answer repeats the sentence."""
    codes = [f"{number:05d}" for number in range(10000, 10500)]
    answer = assessed(
        criterion({"type": "kbli_in", "values": codes}), business(kbli={"code": "10499", "version": "2020"})
    )
    assert answer.verdict == YES
    assert "dan 492 kode lain" in answer.text_id
    assert len(answer.text_id) < 200


# --- what an official wrote -------------------------------------------------------------------------------------------


@given(criteria_raw)
def test_members_that_nobody_checked_do_not_come_along(raw: dict[str, Any]) -> None:
    """Criteria are published; an unknown member could hold anything, such as a NIK."""

    def with_extra(one: dict[str, Any]) -> dict[str, Any]:
        inner = {**one, "note": "1271994107990001"}
        if "criteria" in one:
            inner["criteria"] = [with_extra(each) for each in one["criteria"]]
        if "criterion" in one:
            inner["criterion"] = with_extra(one["criterion"])
        return inner

    kept = plain(criterion(with_extra(raw)))
    assert "1271994107990001" not in kept.model_dump_json()
    assert kept == criterion(raw)


def test_single_criteria_are_counted_however_deep() -> None:
    """The bound on a programme is on these."""
    deep = {
        "type": "not",
        "criterion": {"type": "any", "criteria": [STATUS, {"type": "all", "criteria": [NEED, ROLE]}]},
    }
    assert len(list(singles([criterion(deep), criterion(NEVER)]))) == 4


def _all(*inner: dict[str, Any]) -> dict[str, Any]:
    return {"type": "all", "criteria": list(inner)}


def _any(*inner: dict[str, Any]) -> dict[str, Any]:
    return {"type": "any", "criteria": list(inner)}


def _not(inner: dict[str, Any]) -> dict[str, Any]:
    return {"type": "not", "criterion": inner}


MANDIRI = {"type": "status_is", "value": "mandiri"}
TOP = "data.criteria"


@pytest.mark.parametrize(
    ("many", "where"),
    [
        ([STATUS, MANDIRI], [TOP]),
        ([STATUS, _all(NEED, MANDIRI)], [TOP]),
        ([ROLE, {"type": "role_is", "value": "ukm"}], [TOP]),
        ([SCALE, {"type": "scale_in", "values": ["menengah"]}], [TOP]),
        ([{"type": "status_is", "value": "nonaktif"}], [TOP]),
        ([{"type": "region_within", "value": "12.72"}], [TOP]),
        ([NEED, _not(NEED)], [TOP]),
        ([NEED, _any(ROLE, _all(STATUS, MANDIRI))], [f"{TOP}.1.criteria.1.criteria"]),
        ([_all(NEED, _any(NEVER, _all(STATUS, MANDIRI)))], [f"{TOP}.0.criteria.1.criteria.1.criteria"]),
        ([_not(_all(STATUS, MANDIRI))], [f"{TOP}.0.criterion.criteria"]),
        ([STATUS, STATUS], []),
        ([_any(STATUS, MANDIRI)], []),
        ([STATUS, _not(MANDIRI)], []),
        ([SCALE, {"type": "scale_in", "values": ["kecil", "menengah"]}], []),
        ([{"type": "region_within", "value": "12.71.01"}, {"type": "region_within", "value": "12"}], []),
        ([], []),
    ],
)
def test_obvious_contradictions_are_found_where_they_stand(many: list[dict[str, Any]], where: list[str]) -> None:
    """The path is the list whose members cannot all hold, as the sender wrote it."""
    assert contradictions([criterion(one) for one in many], "12.71", TOP) == where


@given(st.lists(criteria, min_size=1, max_size=3), businesses)
def test_whoever_meets_everything_proves_there_is_no_contradiction(many: list[Criterion], of: Candidate) -> None:
    """A warning that a possible programme is impossible would teach officials to ignore warnings."""
    serves = of.region.startswith("12.71") and of.business is not None and of.business.status != "nonaktif"
    if serves and all_of(judge(one, of) for one in many) == YES:
        assert TOP not in contradictions(many, "12.71", TOP)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("00", ("00",)),
        ("64", ("00", "64")),
        ("12.71", ("00", "12", "12.71")),
        ("12.71.01.1001", ("00", "12", "12.71", "12.71.01", "12.71.01.1001")),
    ],
)
def test_a_place_lies_in_all_the_regions_above_it(code: str, expected: tuple[str, ...]) -> None:
    """A programme of the province or the nation reaches a village (S3-06)."""
    assert places(code) == expected
