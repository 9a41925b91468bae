"""Which provider takes the next message: weights, limits, rest and return. Time is a number that the test turns."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.switchboard import LONGEST_REST_SECONDS, REST_SECONDS, SICK_AFTER, Bucket, Line, Switchboard
from tests.services.notify.samples import Ledger

SMS = frozenset({"sms"})


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def line(name: str, **about: Any) -> Line:
    provider = Ledger()
    provider.name = name
    return Line(provider, SMS, **about)


def carry(board: Switchboard, time: Time, messages: int, **how: Any) -> Counter[str]:
    """So many messages one after the other, each answered in a tenth of a second."""
    carried: Counter[str] = Counter()
    for _ in range(messages):
        taken = board.take("sms")
        if taken is not None:
            carried[taken.provider.name] += 1
            board.ended(taken, 0.1, well=how.get(taken.provider.name, True))
        time.now += 0.1
    return carried


def test_providers_share_by_weight() -> None:
    """3 : 1, exactly, however many there are."""
    time = Time()
    board = Switchboard([line("zenziva", weight=3), line("twilio", weight=1)], time)
    assert carry(board, time, 400) == {"zenziva": 300, "twilio": 100}


def test_what_takes_one_call_at_a_time_is_given_nothing_meanwhile() -> None:
    """What comes while the file of a laptop is being written is not claimed, and may yet be withdrawn."""
    board = Switchboard([line("local", most_at_once=200, serial=True)], Time())
    together = [board.take("sms"), board.take("sms")]
    (one,) = {id(taken): taken for taken in together if taken is not None}.values()
    board.began(one)
    assert (board.room("sms"), board.take("sms")) == (0, None)
    board.ended(one, 0.1, 2, well=True)
    assert board.room("sms") == 200


def test_one_that_errs_is_left_alone_and_used_again_when_it_is_well() -> None:
    """Automatic shift and return; what the others carried meanwhile is not made up for in a burst."""
    time = Time()
    board = Switchboard([line("zenziva", weight=3), line("twilio", weight=1)], time)
    ill = carry(board, time, 200, zenziva=False)
    assert SICK_AFTER <= ill["zenziva"] <= SICK_AFTER + 4
    assert ill["twilio"] >= 180
    time.now += LONGEST_REST_SECONDS
    well = carry(board, time, 400)
    assert 290 <= well["zenziva"] <= 310


def test_one_that_is_slow_is_as_good_as_ill() -> None:
    """What takes longer than a person waits is moved elsewhere, though it succeeds."""
    board = Switchboard([slow := line("slow", slow_seconds=5.0)], Time())
    for _ in range(SICK_AFTER):
        assert (taken := board.take("sms")) is slow
        board.ended(slow, 6.0, well=True)
    assert taken is slow
    assert board.take("sms") is None


def test_one_that_comes_back_is_tried_with_single_messages() -> None:
    """After a rest, one at a time until one has gone well; each time the rest is longer."""
    time = Time()
    board = Switchboard([one := line("one", most_at_once=50)], time)
    board.rest(one)
    assert board.room("sms") == 0
    time.now += REST_SECONDS
    assert board.room("sms") == 1
    assert board.take("sms") is one
    assert board.room("sms") == 0
    board.ended(one, 0.1, well=False)
    time.now += REST_SECONDS
    assert board.room("sms") == 0, "the second rest is longer"
    time.now += REST_SECONDS
    assert board.take("sms") is one
    board.ended(one, 0.1, well=True)
    assert board.room("sms") == 50


def test_many_that_fail_together_are_one_lesson() -> None:
    """Fifty calls that were under way when it fell do not make the rest fifty times longer."""
    time = Time()
    board = Switchboard([one := line("one")], time)
    for _ in range(50):
        assert board.take("sms") is one
    for _ in range(50):
        board.ended(one, 0.1, well=False)
    assert one.rests_until == time.now + REST_SECONDS


@given(st.lists(st.floats(0, 0.3), min_size=1, max_size=200), st.floats(1, 100))
def test_a_limit_is_never_exceeded_and_what_waits_uses_it(pauses: list[float], rate: float) -> None:
    """However seldom somebody looks: two messages are never nearer to each other than the limit says."""
    time = Time()
    board = Switchboard([one := line("one", most_at_once=10_000, bucket=Bucket(rate, max(1.0, rate / 5)))], time)
    begun, instants = time.now, []
    for pause in pauses:
        time.now += pause
        while board.take("sms"):
            instants.append(max(one.goes_at, time.now))
            assert one.goes_at <= time.now + max(0.2, 1 / rate) + 1e-6, "it is not claimed long before it goes"
        assert len(instants) <= (time.now - begun) * rate + 1e-5
    assert all(later - earlier >= 1 / rate - 1e-6 for earlier, later in pairwise(instants))
    if max(pauses) < 0.19 and rate > 5:
        assert len(instants) >= (time.now - begun) * rate - 1, "no instant passes unused"


def test_a_new_process_begins_as_if_all_were_used_up() -> None:
    """Else ten restarts in a second would send ten bursts."""
    assert Switchboard([line("one", bucket=Bucket(80, 8))], Time()).take("sms") is None


def test_what_was_not_committed_is_given_back() -> None:
    """A transaction that is run again takes again."""
    time = Time()
    board = Switchboard([line("one", most_at_once=2, bucket=Bucket(1, 2))], time)
    time.now += 2
    first = board.take("sms")
    assert first is not None
    board.give_back(first)
    assert board.room("sms") == 2


def test_a_person_is_not_written_to_twice_within_seconds() -> None:
    """Meta: one message to one number in six seconds."""
    time = Time()
    board = Switchboard([line("one")], time, recipient_seconds=6)
    board.wrote_to("+62811")
    time.now += 5
    assert board.must_wait("+62811") == pytest.approx(1)
    assert board.must_wait("+62812") == 0
    time.now += 1
    assert board.must_wait("+62811") == 0
