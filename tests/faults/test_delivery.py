"""Show 2 of issue 7, short: ``make soak-delivery`` has 2,000 messages and ten kills."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from deploy.local.world import World
from tests.faults.delivery import Campaign

pytestmark = [pytest.mark.servers, pytest.mark.timeout(400)]


async def test_each_message_is_delivered_once_fails_with_a_reason_or_is_uncertain(world: World, tmp_path: Path) -> None:
    """Vendors that fail, stall and answer late, and kill -9 while they hold requests: none lost, none doubled."""
    seed = secrets.randbelow(10**6)
    outcome = await Campaign(seed, messages=150, kills=3, say=print).run(world, tmp_path)
    print(outcome.report())  # noqa: T201
    assert outcome.wrong() == [], f"seed {seed}"
    assert outcome.campaign.killed == 3
    assert outcome.states.keys() >= {"delivered", "failed", "uncertain"}, f"seed {seed}: it has shown too little"
