"""Scale by law: bounds, which figure counts, and moving up or down (naik kelas)."""

from datetime import date, timedelta
from typing import Any

import pytest

from services.registry.scale import BY_CAPITAL, BY_SALES, Figure, derive, policy_on, steps_up
from tests.services.registry.memory import SEEN, Registry, person, trade

NOW = date(2026, 3, 2)
MILLION, BILLION = 1_000_000, 1_000_000_000


@pytest.mark.parametrize(
    ("amount", "scale"),
    [
        (0, "mikro"),
        (2 * BILLION, "mikro"),
        (2 * BILLION + 1, "kecil"),
        (15 * BILLION, "kecil"),
        (15 * BILLION + 1, "menengah"),
        (50 * BILLION, "menengah"),
        (50 * BILLION + 1, "besar"),
    ],
)
def test_bounds_of_annual_sales_are_inclusive(amount: int, scale: str) -> None:
    """PP 7/2021 art. 35(5): "sampai dengan paling banyak" and "lebih dari"."""
    derived = derive(Figure(2025, amount), None, NOW)
    assert derived is not None
    assert (derived.name, derived.basis.criterion, derived.basis.year) == (scale, BY_SALES, 2025)


@pytest.mark.parametrize(
    ("amount", "scale"),
    [
        (1 * BILLION, "mikro"),
        (1 * BILLION + 1, "kecil"),
        (5 * BILLION, "kecil"),
        (5 * BILLION + 1, "menengah"),
        (10 * BILLION, "menengah"),
        (10 * BILLION + 1, "besar"),
    ],
)
def test_bounds_of_capital_are_inclusive(amount: int, scale: str) -> None:
    """PP 7/2021 art. 35(3)."""
    derived = derive(None, Figure(2026, amount), NOW)
    assert derived is not None
    assert (derived.name, derived.basis.criterion, derived.basis.year) == (scale, BY_CAPITAL, 2026)


def test_sales_count_where_both_are_known() -> None:
    """Art. 35(4): sales are for businesses that run; capital is for new ones."""
    derived = derive(Figure(2025, 3 * BILLION), Figure(2026, 1), NOW)
    assert derived is not None
    assert derived.name == "kecil"


def test_without_a_figure_there_is_no_scale() -> None:
    """Unknown is unknown, never mikro by default: half of the audit's findings were not micro."""
    assert derive(None, None, NOW) is None


@pytest.mark.parametrize(
    ("on", "scale"),
    [(date(2008, 7, 3), None), (date(2008, 7, 4), "kecil"), (date(2021, 2, 1), "kecil"), (date(2021, 2, 2), "mikro")],
)
def test_each_law_counts_from_its_first_day(on: date, scale: str | None) -> None:
    """400 million a year: kecil by UU 20/2008 art. 6, mikro by PP 7/2021, nothing before either."""
    derived = derive(Figure(2020, 400 * MILLION), None, on)
    assert (derived.name if derived else None) == scale


def test_capital_meant_something_else_before_2021() -> None:
    """UU 20/2008 measured net worth, which nobody reports to us."""
    assert policy_on(BY_CAPITAL, date(2021, 2, 1)) is None
    assert derive(None, Figure(2019, 1), date(2021, 2, 1)) is None


def test_every_bound_names_its_law() -> None:
    """Domain: thresholds are dated policy with a source."""
    for criterion in (BY_SALES, BY_CAPITAL):
        policy = policy_on(criterion, NOW)
        assert policy is not None
        assert "PP 7/2021 art. 35" in policy.source
        assert list(policy.bounds) == sorted(policy.bounds)


def test_steps_between_scales_have_a_direction() -> None:
    assert steps_up("mikro", "menengah") == 2
    assert steps_up("besar", "menengah") == -1


# --- naik kelas -------------------------------------------------------------------------------------------------------


def sales(amount: int, year: int = 2025) -> dict[str, Any]:
    return {"annual_sales": {"year": year, "amount": amount}}


@pytest.fixture
def registry() -> Registry:
    """One business with an own reference and sales of a micro business."""
    registry = Registry()
    registry.report(trade(agency_ref="A-1", **sales(BILLION, 2024)), person())
    return registry


def reported(registry: Registry, days: int = 1, clear: tuple[str, ...] = (), **fields: Any) -> list[str]:
    """What a further report is followed by."""
    before = len(registry.facts)
    registry.report({"agency_ref": "A-1", **fields}, clear=clear, time=SEEN + timedelta(days=days))
    return registry.told()[before:]


@pytest.mark.parametrize("status", ["terverifikasi", "binaan", "mandiri"])
def test_a_verified_business_whose_sales_cross_a_bound_has_moved_up(registry: Registry, status: str) -> None:
    """S1-02: a second event with a number of its own; both carry the same state."""
    registry.brought_to(status, registry.business().business_id)
    assert reported(registry, **sales(3 * BILLION)) == ["business.updated", "business.scale_raised"]
    updated, raised = registry.facts[-2:]
    assert raised.sequence == updated.sequence + 1 == registry.business().sequence
    assert raised.data.model_dump()["business"] == updated.data.model_dump()["business"]
    assert raised.data.model_dump()["change"]["scale_before"] == "mikro"


def test_a_move_down_is_told_too(registry: Registry) -> None:
    """Domain: record down-moves too."""
    registry.brought_to("binaan", registry.business().business_id)
    reported(registry, 1, **sales(16 * BILLION))
    assert reported(registry, 2, **sales(3 * BILLION)) == ["business.updated", "business.scale_lowered"]


def test_the_reply_names_the_last_of_both_numbers(registry: Registry) -> None:
    """A sender that waits for the event of its reply's sequence then has seen both."""
    registry.brought_to("terverifikasi", registry.business().business_id)
    decision = registry.report({"agency_ref": "A-1", **sales(3 * BILLION)}, time=SEEN + timedelta(days=1))
    assert decision.result["sequence"] == registry.facts[-1].sequence == 4


@pytest.mark.parametrize("status", ["terdata", "nonaktif"])
def test_figures_that_nobody_verified_raise_nobody(registry: Registry, status: str) -> None:
    """Only "when verified figures cross a bound"."""
    registry.brought_to(status, registry.business().business_id)
    assert reported(registry, **sales(3 * BILLION)) == ["business.updated"]


def test_a_move_within_a_scale_is_no_move(registry: Registry) -> None:
    registry.brought_to("binaan", registry.business().business_id)
    assert reported(registry, **sales(2 * BILLION, 2024)) == []


def test_first_sales_after_capital_are_not_a_move(registry: Registry) -> None:
    """Capital and sales are different measures; mikro by one and kecil by the other is not naik kelas."""
    fresh = Registry()
    fresh.report(trade(agency_ref="A-1", capital=MILLION), person())
    fresh.brought_to("terverifikasi", fresh.business().business_id)
    assert reported(fresh, 1, **sales(3 * BILLION)) == ["business.updated"]
    assert reported(fresh, 2, **sales(16 * BILLION)) == ["business.updated", "business.scale_raised"]


def test_a_move_is_not_lost_by_way_of_an_empty_field(registry: Registry) -> None:
    """Sales cleared and told anew: measured against the scale last known by sales, not against nothing."""
    registry.brought_to("binaan", registry.business().business_id)
    assert reported(registry, 1, ("annual_sales",)) == ["business.updated"]
    assert reported(registry, 2, **sales(3 * BILLION)) == ["business.updated", "business.scale_raised"]


def test_verifying_anew_measures_anew(registry: Registry) -> None:
    """What grew while it was inactive was verified as it stood then."""
    business_id = registry.business().business_id
    registry.brought_to("terverifikasi", business_id)
    registry.decide("deactivate", business_id)
    reported(registry, 1, **sales(3 * BILLION))
    registry.decide("reactivate", business_id)
    registry.decide("verify", business_id)
    assert reported(registry, 2, **sales(4 * BILLION)) == []


def test_capital_is_of_the_year_it_was_observed_where_the_business_is() -> None:
    """17:30 UTC on 31 December is the new year in Medan."""
    fresh = Registry()
    seen = SEEN.replace(year=2025, month=12, day=31, hour=17, minute=30)
    fresh.report(trade(capital=MILLION), person(), time=seen)
    basis = fresh.business().scale_basis
    assert basis is not None
    assert (basis.criterion, basis.year) == (BY_CAPITAL, 2026)
