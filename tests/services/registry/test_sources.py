"""Whose word stands: the newest, unless a source that gives the thing out has spoken."""

from datetime import timedelta
from itertools import permutations

import pytest

from services.registry.observation import Seen, merge, ranks_of
from tests.services.registry.memory import MEDAN, NIB, PERMITTED, SEEN, Registry, person, trade

OTHER_NIB = "9120304050607"
DAY = timedelta(days=1)


@pytest.fixture
def registry() -> Registry:
    """With OSS among those who report."""
    registry = Registry()
    about = {"agency": "oss", "name": "OSS", "level": "ministry", "region": "00", "permitted": PERMITTED}
    registry.accept("registry.agency.register", about, "binaan")
    return registry


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_oss_stands_above_offices_for_the_nib_in_any_order(registry: Registry, order: tuple[int, ...]) -> None:
    """It gives the NIB out; of what offices know better, the newest stands."""
    told = [
        (trade(nib=OTHER_NIB, workers=1), MEDAN, SEEN + 2 * DAY),
        (trade(nib=NIB, workers=2), "oss", SEEN),
        (trade(nib=OTHER_NIB, workers=3), MEDAN, SEEN - DAY),
    ]
    for number in order:
        business, account, time = told[number]
        assert not registry.report(business, person(), account, time=time).problems
    assert (registry.business().nib, registry.business().workers) == (NIB, 1)


def test_an_office_is_told_that_its_value_does_not_stand(registry: Registry) -> None:
    """Nothing is lost silently."""
    registry.report(trade(nib=NIB, kbli={"code": "10794", "version": "2020"}), person(), "oss")
    late = registry.report(trade(nib=OTHER_NIB, workers=1), person(), time=SEEN + DAY)
    assert [(one.code, one.field) for one in late.warnings] == [("report.outranked", "data.business.nib")]
    assert registry.report(trade(nib=NIB), person(), time=SEEN + DAY).warnings == []
    newer = registry.report(trade(nib=OTHER_NIB), person(), "oss", time=SEEN + DAY)
    assert (newer.warnings, registry.business().nib) == ([], OTHER_NIB)


def test_a_source_ranks_from_the_day_that_the_table_says() -> None:
    """By when it was observed, not by when it arrives: an old list is judged by the rule of its time."""
    old, new = (Seen(at=SEEN.replace(year=year), intake_id="m", account="oss") for year in (2020, 2026))
    assert ranks_of(old) == {}
    assert ranks_of(new)["nib"] > 0
    assert "workers" not in ranks_of(new)
    assert ranks_of(new.model_copy(update={"account": MEDAN})) == {}
    told = merge({}, {"nib": NIB, "workers": 1}, new, ranks_of(new)).seen
    assert (told["nib"].rank, told["workers"].rank) == (ranks_of(new)["nib"], 0)
