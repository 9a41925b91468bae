"""Histories of reports and decisions: whatever comes in whatever order, these things hold."""

from datetime import timedelta
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.registry.business import public
from services.registry.store import BUSINESSES, OWNERS
from shared.contracts.catalogue import TYPES, Kind
from shared.reference.personal import find_personal
from tests.services.registry.memory import MEDAN, SEEN, Registry, person, trade
from tests.shared.reference import generate

PEOPLE = generate.distinct(lambda rng: generate.nik(rng, regency="12.71"), Random(7), 4)
NUMBERS = generate.distinct(generate.phone, Random(8), 4)
NIBS = generate.distinct(generate.nib, Random(9), 3)
NAMES = ("Keripik Ubi Mekar", "Laundry Kilat", "Batik Tulis Siantar")
MILLION = 1_000_000

details = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(NAMES),
        "nib": st.sampled_from(NIBS),
        "region": st.sampled_from(["12.71", "12.71.01.1001", "12.71.02"]),
        "role": st.sampled_from(["ikm", "ukm"]),
        "workers": st.integers(0, 5),
        "address": st.sampled_from(["Jalan Contoh 1", "Jalan Contoh 2"]),
        "capital": st.sampled_from([MILLION, 6_000 * MILLION]),
        "annual_sales": st.fixed_dictionaries(
            {"year": st.just(2025), "amount": st.sampled_from([MILLION, 3_000 * MILLION, 60_000 * MILLION])}
        ),
        "needs": st.lists(st.sampled_from(["equipment", "training"]), max_size=2),
    },
)
contact = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["Pemilik Satu", "Pemilik Dua"]),
        "phone": st.sampled_from(NUMBERS),
        "consent": st.fixed_dictionaries({"whatsapp": st.booleans(), "sms": st.booleans()}),
    },
)
times = st.integers(0, 4).map(lambda days: SEEN + timedelta(days=days))
clears = st.lists(st.sampled_from(["workers", "nib", "annual_sales", "capital", "owner.phone"]), max_size=1)


@st.composite
def full_reports(draw: st.DrawFn, businesses: int = 3) -> dict[str, Any]:
    """A report that names its reference, and could also be the first. Names and NIBs of one business come up with
    another, so one may be recognised as the other, and refused because of its owner."""
    which = draw(st.integers(0, businesses - 1))
    told = trade(name=NAMES[which]) | draw(details) | {"agency_ref": f"A-{which}"}
    owner = person(nik=PEOPLE[which], phone=NUMBERS[which]) | draw(contact)
    cleared = [path for path in draw(clears) if path.removeprefix("owner.") not in {**told, **owner}]
    return {"business": told, "owner": owner, "clear": cleared, "time": draw(times)}


@st.composite
def independent_reports(draw: st.DrawFn) -> dict[str, Any]:
    """The same of businesses that have nothing in common: who is who does not depend on which is known first."""
    report = draw(full_reports())
    told = report["business"]
    which = int(told["agency_ref"].removeprefix("A-"))
    own = {"name": f"{told['name']} {which}"} | ({"nib": NIBS[which]} if "nib" in told else {})
    return {**report, "business": told | own}


def end_state(reports: list[tuple[str, dict[str, Any]]]) -> tuple[Any, ...]:
    """What is known after reports, ids and counters aside."""
    registry = Registry()
    for id_, report in reports:
        assert not registry.report(**report, id=id_).problems
    owners = {one.owner_id: one for one in registry.all(OWNERS)}
    return (
        sorted(
            (
                one.agency_refs[MEDAN],
                one.model_dump(exclude={"business_id", "owner_id", "claims", "sequence", "comparing"}),
                owners[one.owner_id].model_dump(exclude={"owner_id", "sequence"}),
            )
            for one in registry.all(BUSINESSES)
        ),
        len(owners),
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(independent_reports(), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_reports_in_any_order_and_doubled_end_in_one_state(reports: list[dict[str, Any]], rng: Any) -> None:
    """Contract, "The main chain" 1: the newest observation wins, not the last to arrive."""
    numbered = [(f"m-{position}", report) for position, report in enumerate(reports)]
    shuffled = numbered * 2
    rng.shuffle(shuffled)
    assert end_state(shuffled) == end_state(numbered)


@settings(max_examples=60, deadline=None)
@given(st.lists(full_reports(businesses=1), min_size=2, max_size=6), details, contact)
def test_a_late_report_never_overwrites_a_newer_one(
    reports: list[dict[str, Any]], late: dict[str, Any], late_contact: dict[str, Any]
) -> None:
    """Whatever was told with a time stays; only what nobody told is filled."""
    registry = Registry()
    for report in reports:
        registry.report(**report)
    business, owner = registry.business(), registry.owner()
    registry.report({"agency_ref": "A-0", **late}, late_contact, time=SEEN - timedelta(days=1))
    for before, after in ((business, registry.business()), (owner, registry.owner())):
        for name in before.seen:
            assert after.seen[name] == before.seen[name]
            assert getattr(after, name, None) == getattr(before, name, None)


decisions = st.sampled_from(["verify", "designate", "release", "deactivate", "reactivate"])
steps = st.lists(st.one_of(full_reports(), st.tuples(decisions, st.integers(0, 2))), min_size=1, max_size=14)


def lived(history: list[Any]) -> Registry:
    """A registry after a history; the memory itself holds each sequence, key and event model."""
    registry = Registry()
    for step in history:
        if isinstance(step, dict):
            registry.report(**step)
            continue
        verb, which = step
        known = registry.all(BUSINESSES)
        if which < len(known):
            data: dict[str, Any] = (
                {"decree": {"number": "SK-1/2026", "date": "2026-02-01"}} if verb == "designate" else {}
            )
            registry.decide(verb, known[which].business_id, **data)
    return registry


@settings(max_examples=60, deadline=None)
@given(steps)
def test_the_last_event_of_each_business_carries_its_state(history: list[Any]) -> None:
    """Level, not edge: a reader that has only the highest sequence knows all the public may know; no gap before it."""
    registry = lived(history)
    for business in registry.all(BUSINESSES):
        own = [fact for fact in registry.facts if fact.subject == business.business_id]
        assert [fact.sequence for fact in own] == list(range(1, business.sequence + 1))
        assert own[-1].data.model_dump()["business"] == public(business).model_dump()


@settings(max_examples=60, deadline=None)
@given(steps)
def test_public_events_name_nobody(history: list[Any]) -> None:
    """Five ideas, 5: no NIK, number, name, address or figure of anybody's finances in any event."""
    figures = ("3000000000", "60000000000", "6000000000")
    for fact in lived(history).facts:
        if TYPES[fact.type].kind is not Kind.EVENT:
            continue
        wire = fact.data.model_dump_json()
        assert find_personal(wire) is None
        assert not any(secret in wire for secret in (*PEOPLE, *NUMBERS, "Pemilik", "Jalan", *figures))


@settings(max_examples=60, deadline=None)
@given(steps)
def test_no_state_of_a_business_is_reached_without_its_cause(history: list[Any]) -> None:
    """Contract, "Status of a business": each event's state follows from the one before by the rules."""
    allowed = {
        "verified": ("terdata", "terverifikasi"),
        "designated": ("terverifikasi", "binaan"),
        "released": ("binaan", "mandiri"),
        "reactivated": ("nonaktif", "terdata"),
    }
    status: dict[str, str] = {}
    for fact in lived(history).facts:
        verb = fact.type.removeprefix("registry.business.")
        if verb == fact.type:
            continue
        before, after = status.get(fact.subject), fact.data.model_dump()["business"]["status"]
        if verb in allowed:
            assert (before, after) == allowed[verb]
        elif verb == "deactivated":
            assert after == "nonaktif" != before
        else:
            assert after == (before or "terdata")
        status[fact.subject] = after


@settings(max_examples=40, deadline=None)
@given(st.lists(full_reports(), min_size=1, max_size=8))
def test_a_batch_ends_where_its_messages_one_by_one_end(reports: list[dict[str, Any]]) -> None:
    """Design, "The life of a message": decisions of a batch see what the earlier ones have left."""
    alone, together = Registry(), Registry()
    for position, report in enumerate(reports):
        alone.report(**report, id=f"m-{position}")
    together.batch([together.report_message(**report, id=f"m-{place}") for place, report in enumerate(reports)])
    assert together.stored == alone.stored
    assert together.facts == alone.facts
