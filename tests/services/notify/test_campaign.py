"""Show 3 of issue 7, short: ``python -m tests.services.notify.campaign`` has 40,000 messages at 80 a second."""

from __future__ import annotations

from tests.services.notify.campaign import WINDOW_SECONDS, Campaign, run


def test_a_campaign_keeps_the_limit_and_the_night_and_lets_what_is_urgent_pass() -> None:
    """Three time zones and a night: the limit within 1 %, both ways; an urgent message within 2 s; nobody is woken."""
    outcomes = run(Campaign(seed=7, messages=2000, urgent=18, per_second=20))
    print(outcomes.report())  # noqa: T201
    assert outcomes.wrong() == []
    assert len(outcomes.sustained) == 4, "an evening, and a morning in each zone"
    assert outcomes.busiest > 0.9 * outcomes.campaign.per_second, f"no {WINDOW_SECONDS} s were full: it shows nothing"
