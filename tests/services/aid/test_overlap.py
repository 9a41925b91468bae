"""What stands against what, by the policy matrix: a pure function of two interventions."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.aid.overlap import blocking, conflicts, pairs, problem_of
from services.aid.overlap_rules import rule_for
from services.aid.recipient import Intervention, Recipient, Stage, pair_id, with_intervention
from shared.contracts.aid.programmes import ProgrammeKind
from tests.services.aid.interventions import intervention

DAY = date(2026, 3, 2)


def recipient(*known: Intervention, **state: Any) -> Recipient:
    found = Recipient(recipient_id="owner-a", **state)
    for one in known:
        found = with_intervention(found, one)
    return found


def verdict(one: Intervention, other: Intervention) -> str:
    rule = rule_for(one, other)
    return rule.verdict if rule is not None else "allow"


@pytest.mark.parametrize(
    ("kinds", "purposes", "expected"),
    [
        (("equipment", "equipment"), ("packaging", "packaging"), "block"),
        (("equipment", "equipment"), ("packaging", None), "block"),
        (("equipment", "equipment"), ("packaging", "transport"), "warn"),
        (("training", "training"), ("packaging", "packaging"), "block"),
        (("training", "training"), ("packaging", "digital"), "allow"),
        (("capital", "capital"), ("stock", "tools"), "block"),
        (("capital", "credit_referral"), (None, None), "warn"),
        (("equipment", "training"), ("packaging", "packaging"), "allow"),
        (("marketing", "marketing"), ("bazaar", "bazaar"), "allow"),
        (("mentoring", "licensing"), (None, None), "allow"),
    ],
)
def test_the_matrix_says_block_warn_or_allow(
    kinds: tuple[str, str], purposes: tuple[str | None, str | None], expected: str
) -> None:
    """S1-24; some pairs are meant to go together, and a purpose that nobody has told may be the same."""
    one, other = (
        intervention(f"grant-{number}", kind=kind, purpose=purpose)
        for number, (kind, purpose) in enumerate(zip(kinds, purposes, strict=True))
    )
    assert verdict(one, other) == verdict(other, one) == expected


@pytest.mark.parametrize(
    ("given_on", "planned_on", "expected"),
    [
        ("2026-03-02", "2026-03-02", "block"),
        ("2024-03-02", "2026-03-01", "block"),
        ("2024-03-02", "2026-03-02", "allow"),
        ("2024-02-29", "2026-02-27", "block"),
        ("2024-02-29", "2026-02-28", "allow"),
    ],
)
def test_a_window_is_so_many_calendar_months(given_on: str, planned_on: str, expected: str) -> None:
    """Twenty-four months (domain rules, S1-24), whichever of the two is told first."""
    one, other = intervention("grant-1", on=given_on), intervention("grant-2", on=planned_on)
    assert verdict(one, other) == verdict(other, one) == expected


def test_before_the_policy_was_made_nothing_is_an_overlap() -> None:
    """A rule is of its day."""
    assert verdict(intervention("grant-1", on="2019-03-02"), intervention("grant-2", on="2019-04-02")) == "allow"


def test_a_plan_conflicts_softly_and_what_is_approved_hard() -> None:
    """The same pair: as long as the other is planned it is told of, once it is approved it blocks."""
    proposed = intervention("mine", agency="dinkop-siantar")
    soft, hard = (
        conflicts(recipient(intervention("theirs", stage=stage)), proposed) for stage in ("planned", "approved")
    )
    assert [(one.verdict, one.hard) for one in (*soft, *hard)] == [("block", False), ("block", True)]
    assert not blocking(soft)
    assert blocking(hard) == hard
    assert problem_of(soft[0], "data.grant_id").code == "overlap.found"
    refused = problem_of(hard[0], "data.grant_id")
    assert refused.code == "overlap.blocked"
    assert "dinkop-medan" in refused.text_id


def test_what_was_cancelled_or_settled_or_is_the_same_stands_against_nothing() -> None:
    """A flag goes when its cause goes; an official's word lets two stand together."""
    mine = intervention("mine")
    assert not conflicts(recipient(intervention("theirs", stage="cancelled")), mine)
    assert not conflicts(recipient(mine), mine)
    pair = pair_id("theirs", "mine")
    assert not conflicts(recipient(intervention("theirs"), settled={pair: "complementary"}), mine)
    assert not conflicts(None, mine)


def test_one_office_that_gives_the_same_twice_is_told_too() -> None:
    """Nobody may receive twice, from one office no more than from two."""
    assert blocking(conflicts(recipient(intervention("first")), intervention("second")))


interventions = st.builds(
    intervention,
    intervention_id=st.sampled_from([f"grant-{number}" for number in range(6)]),
    kind=st.sampled_from(get_args(ProgrammeKind)),
    purpose=st.sampled_from([None, "packaging", "transport"]),
    stage=st.sampled_from(get_args(Stage)),
    on=st.integers(0, 2000).map(lambda days: DAY - timedelta(days=days)),
)


@given(st.lists(interventions, max_size=6), interventions)
def test_what_conflicts_with_a_proposal_is_what_would_stand_against_it_once_it_is_known(
    known: list[Intervention], proposed: Intervention
) -> None:
    """What is asked before an approval and what is flagged after it cannot differ."""
    before = recipient(*known)
    after = with_intervention(before, proposed)
    flagged = {pair.overlap_id for pair in pairs(after) if proposed in pair.sides}
    assert {one.overlap_id for one in conflicts(before, proposed)} == flagged


@given(st.lists(interventions, max_size=6, unique_by=lambda one: one.intervention_id), st.randoms())
def test_what_is_flagged_does_not_depend_on_who_was_first(known: list[Intervention], random: Any) -> None:
    """Whichever office reports first, the same pairs are told of."""
    shuffled = list(known)
    random.shuffle(shuffled)
    assert list(pairs(recipient(*known))) == list(pairs(recipient(*shuffled)))
