"""Consent: agreed to with a date and a proof, withdrawn as easily, and not brought back by an old list."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.decision import Decision
from tests.services.registry.memory import MEDAN, SEEN, SIANTAR, Registry, codes, person, trade

DAY = timedelta(days=1)
PROOF = {"kind": "paper_form", "reference": "ARSIP/2026/0117"}


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.report(trade(), person())
    return registry


def record(registry: Registry, channels: Sequence[str] = ("whatsapp",), **about: Any) -> Decision:
    given_on = about.pop("given_on", "2026-01-05")
    data = {"owner_id": registry.owner().owner_id, "channels": channels, "given_on": given_on, "proof": PROOF}
    return registry.send("registry.consent.record", data, **{"time": SEEN + DAY, **about})


def withdraw(registry: Registry, channels: Sequence[str] = ("whatsapp",), **about: Any) -> Decision:
    data = {"owner_id": registry.owner().owner_id, "channels": channels}
    return registry.send("registry.consent.withdraw", data, **{"time": SEEN + DAY, **about})


def agreed(registry: Registry) -> tuple[bool, bool]:
    return registry.owner().whatsapp.given, registry.owner().sms.given


def test_consent_is_recorded_with_date_and_proof_and_told_to_notify(registry: Registry) -> None:
    """UU PDP art. 22–24: it must be provable; the proof stays here, notify needs the fact and the date."""
    assert record(registry, ["whatsapp", "sms"]).result["outcome"] == "recorded"
    assert registry.owner().sms.model_dump(mode="json") == {"given": True, "given_on": "2026-01-05", "proof": PROOF}
    contact = registry.facts[-1].data.model_dump(mode="json")["contact"]
    assert contact["consent"] == {"whatsapp": True, "sms": True, "given_on": "2026-01-05"}
    assert "ARSIP" not in str(contact)


def test_a_channel_is_withdrawn_without_the_other(registry: Registry) -> None:
    """UU PDP art. 40: withdrawn as easily, without date, proof or reason; who stops SMS has not stopped WhatsApp."""
    record(registry, ["whatsapp", "sms"])
    assert withdraw(registry, ["sms"], time=SEEN + 2 * DAY).result["outcome"] == "withdrawn"
    assert agreed(registry) == (True, False)
    assert registry.facts[-1].type == "registry.contact.changed"


@pytest.mark.parametrize("order", [("consent", "stop"), ("stop", "consent")])
def test_a_withdrawal_and_a_consent_of_one_instant_are_a_withdrawal(registry: Registry, order: tuple[str, str]) -> None:
    """Who is not sure what a person wants does not write to them; whichever of the two came first, or is named last."""
    for word in order:
        if word == "consent":
            record(registry, given_on="2026-01-06", id="z")
        else:
            withdraw(registry, id="a")
    assert agreed(registry) == (False, False)


def test_a_list_sent_again_does_not_bring_back_what_was_withdrawn(registry: Registry) -> None:
    """An office sends its whole sheet every month, with the consent of January in it; that is no new consent."""
    listed = person(consent={"whatsapp": True, "given_on": "2026-01-05"})
    registry.report(trade(), listed)
    withdraw(registry, time=SEEN + 3 * DAY)
    again = registry.report(trade(), listed, time=SEEN + 30 * DAY)
    assert [(one.code, one.field) for one in again.warnings] == [
        ("consent.withdrawn_since", "data.owner.consent"),
    ]
    assert agreed(registry) == (False, False)


def test_a_consent_given_after_a_withdrawal_stands(registry: Registry) -> None:
    withdraw(registry)
    assert not record(registry, given_on="2026-01-20", time=SEEN + 20 * DAY).warnings
    assert agreed(registry) == (True, False)


def test_a_late_withdrawal_counts_by_when_it_was_said(registry: Registry) -> None:
    """A STOP that lay in a queue for a day does not undo what the person has agreed to since, nor does it get lost."""
    record(registry, given_on="2026-01-10", time=SEEN + 6 * DAY)
    assert withdraw(registry, time=SEEN + 2 * DAY).result["outcome"] == "unchanged"
    assert agreed(registry) == (True, False)


def test_a_refusal_from_the_phone_needs_no_agency(registry: Registry) -> None:
    """notify hears the STOP; it may withdraw for anybody and record for nobody."""
    record(registry, ["sms"])
    assert withdraw(registry, ["sms"], account="notify", time=SEEN + 2 * DAY).result["outcome"] == "withdrawn"
    assert codes(record(registry, ["sms"], account="notify")) == [("authority.agency_unknown", "source")]


def test_only_agencies_of_a_place_where_the_owner_has_a_business_speak_for_the_owner(registry: Registry) -> None:
    assert codes(withdraw(registry, account=SIANTAR)) == [("authority.region", "data.owner_id")]
    registry.report(trade(name="Cabang", region="12.72"), person(), SIANTAR)
    assert not withdraw(registry, account=SIANTAR).problems
    assert not record(registry, account=MEDAN).problems


def test_what_cannot_be_is_refused(registry: Registry) -> None:
    """An owner that is not there; a consent of tomorrow."""
    nobody = {"owner_id": "nobody", "channels": ["sms"]}
    assert codes(registry.send("registry.consent.withdraw", nobody, "notify")) == [("owner.not_found", "data.owner_id")]
    assert codes(record(registry, given_on="2026-03-03")) == [("consent.given_in_future", "data.given_on")]


words = st.tuples(
    st.sampled_from(["record", "withdraw", "report"]),
    st.lists(st.sampled_from(["whatsapp", "sms"]), min_size=1, max_size=2, unique=True),
    st.integers(0, 3),
    st.integers(0, 3),
)


def say(registry: Registry, word: tuple[str, list[str], int, int], id_: str) -> None:
    kind, channels, days, before = word
    at = SEEN + days * DAY
    given_on = (at - before * DAY).date().isoformat()
    if kind == "record":
        record(registry, channels, time=at, given_on=given_on, id=id_)
    elif kind == "withdraw":
        withdraw(registry, channels, time=at, id=id_)
    else:
        consent = {**dict.fromkeys(channels, True), "given_on": given_on}
        registry.report(trade(), person(consent=consent), time=at, id=id_)


@settings(max_examples=80, deadline=None)
@given(st.lists(words, max_size=6), st.randoms(use_true_random=False))
def test_words_in_any_order_and_doubled_end_in_one_consent(history: list[Any], rng: Any) -> None:
    """Queues deliver late and twice; what a person has said last is what counts."""
    ends = []
    numbered = [(word, f"w-{place}") for place, word in enumerate(history)]
    shuffled = numbered * 2
    rng.shuffle(shuffled)
    for told in (numbered, shuffled):
        registry = Registry()
        registry.report(trade(), person(), time=SEEN - DAY)
        for word, id_ in told:
            say(registry, word, id_)
        ends.append(registry.owner().model_dump(exclude={"sequence"}))
    assert ends[0] == ends[1]


@settings(max_examples=80, deadline=None)
@given(st.lists(words, max_size=6))
def test_notify_is_told_of_every_change_and_of_nothing_else(history: list[Any]) -> None:
    """The last contact is what stands, and no contact is told twice."""
    registry = Registry()
    registry.report(trade(), person(), time=SEEN - DAY)
    for place, word in enumerate(history):
        say(registry, word, f"w-{place}")
    told = [fact.data.model_dump()["contact"] for fact in registry.facts if fact.type == "registry.contact.changed"]
    assert told[-1]["consent"] == registry.owner().consent.model_dump()
    assert all(before != after for before, after in itertools.pairwise(told))
