"""Which message goes to which decision."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pytest

from shared.contracts.authority import matches
from shared.contracts.envelope import Received
from shared.decision import Decision
from shared.kernel.routes import Decide, Needs, Routes, stepping
from shared.kernel.state import Lookup, WorkingSet
from tests.shared.kernel.toy import Account


def nothing(_: Received[Any], __: WorkingSet) -> Iterable[Lookup]:
    return ()


def decide(_: Received[Any], __: WorkingSet, ___: datetime) -> Decision:
    return Decision()


def test_an_exact_route_comes_before_a_pattern_and_patterns_in_their_order() -> None:
    """A service may handle one event of a thing apart from all others of it."""
    routes = Routes()
    for pattern in ("registry.#", "registry.business.*", "registry.business.recorded"):
        routes.on(pattern, nothing)(decide)
    found = {key: routes.find(key) for key in ("registry.business.recorded", "registry.business.updated", "aid.x.y")}
    assert [route.pattern if route else None for route in found.values()] == [
        "registry.business.recorded",
        "registry.#",
        None,
    ]


def test_the_parts_of_a_service_are_one_and_no_type_goes_two_ways() -> None:
    """Each thing has a module of its own; which of two would decide is not left to the order of imports."""
    one, other = Routes(), Routes()
    one.on("registry.business.report", nothing)(decide)
    other.on("registry.owner.*", nothing)(decide)
    whole = Routes.of(one, other)
    assert whole.find("registry.business.report") is not None
    assert whole.find("registry.owner.erase") is not None
    with pytest.raises(ValueError, match=r"registry\.business\.report"):
        Routes.of(one, whole)


@pytest.mark.parametrize(
    ("pattern", "key", "expected"),
    [
        ("registry.business.*", "registry.business.report", True),
        ("registry.business.*", "registry.business", False),
        ("registry.business.*", "registry.business.report.now", False),
        ("registry.#", "registry", True),
        ("registry.#", "registry.business.report", True),
        ("#.72", "registry.business.recorded.64.72", True),
        ("#", "", True),
        ("*.business.#.12", "registry.business.12", True),
        ("registry.business", "registry.businesses", False),
    ],
)
def test_patterns_match_as_the_broker_matches(pattern: str, key: str, expected: bool) -> None:
    """``*`` is one word, ``#`` any number, none included (FastStream's own test broker gets the last one wrong)."""
    assert matches(pattern, key) is expected


async def test_a_step_goes_on_as_long_as_it_changes_something() -> None:
    """A worker that only decides is called again at once while there is work."""
    decisions = [Decision(changes=[Account(account_id="a", balance=1)]), Decision()]

    async def run(needs: Needs, decide: Decide) -> Decision:
        return decisions.pop(0)

    step = stepping(nothing, decide)
    assert [await step(run), await step(run)] == [True, False]
