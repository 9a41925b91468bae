"""Three offices that disagree, are late and repeat themselves end in one register, whatever arrives first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.registry.report import normalised
from services.registry.store import BUSINESSES, CERTIFICATES, OWNERS, PRODUCTS
from tests.services.registry.memory import MEDAN, PERMITTED, SEEN, Registry, person, trade
from tests.shared.reference import generate

SUMUT, OSS = "dinkop-sumut", "oss"
OFFICES = (MEDAN, SUMUT, OSS)
PEOPLE = generate.distinct(lambda rng: generate.nik(rng, regency="12.71"), Random(21), 2)
NUMBERS = generate.distinct(generate.phone, Random(22), 3)
NIBS = generate.distinct(generate.nib, Random(23), 3)
NAMES = ("Keripik Ubi Mekar", "Laundry Kilat", "Kripik Ubi Mekar")
"""Of three records; the first and the last are one owner's, and one business when an official says so."""
OWNER_OF = (0, 1, 0)
MILLION = 1_000_000

Step = tuple[str, str, dict[str, Any]]
"""Type, account, and what the message is made with."""

fields = st.fixed_dictionaries(
    {},
    optional={
        "region": st.sampled_from(["12.71", "12.71.01.1001", "12.71.02"]),
        "role": st.sampled_from(["ikm", "ukm"]),
        "legal_form": st.sampled_from(["perseorangan", "cv"]),
        "kbli": st.sampled_from([{"code": "10794", "version": "2020"}, {"code": "10795", "version": "2025"}]),
        "workers": st.integers(0, 5),
        "address": st.sampled_from(["Jalan Contoh 1", "Jalan Contoh 2"]),
        "capital": st.sampled_from([MILLION, 6_000 * MILLION]),
        "annual_sales": st.fixed_dictionaries(
            {"year": st.just(2025), "amount": st.sampled_from([MILLION, 3_000 * MILLION, 60_000 * MILLION])}
        ),
        "needs": st.lists(st.sampled_from(["equipment", "training"]), max_size=2),
        "channels": st.lists(st.sampled_from(["shopee", "bazar", "indomaret"]), max_size=2),
    },
)
contacts = st.fixed_dictionaries(
    {}, optional={"name": st.sampled_from(["Pemilik Satu", "Pemilik Dua"]), "phone": st.sampled_from(NUMBERS)}
)
times = st.integers(-400, 40).map(lambda days: SEEN + timedelta(days=days))
clears = st.lists(st.sampled_from(["workers", "kbli", "annual_sales", "needs", "address"]), max_size=2, unique=True)


@st.composite
def reports(draw: st.DrawFn) -> Step:
    """An office tells of a record, by a name that is written as it likes, under a number of its own or none."""
    which, office = draw(st.integers(0, 2)), draw(st.sampled_from(OFFICES))
    told = trade(name=draw(st.sampled_from([NAMES[which], NAMES[which].upper(), f"{NAMES[which]}."]))) | draw(fields)
    told |= draw(st.sampled_from([{}, {"agency_ref": f"{office}-{which}"}, {"nib": NIBS[which]}]))
    owner = person(nik=PEOPLE[OWNER_OF[which]]) | draw(contacts)
    clear = [name for name in draw(clears) if name not in told]
    return "report", office, {"business": told, "owner": owner, "clear": clear, "time": draw(times)}


@st.composite
def products(draw: st.DrawFn) -> Step:
    which, office = draw(st.integers(0, 2)), draw(st.sampled_from(OFFICES))
    told = draw(
        st.fixed_dictionaries(
            {"name": st.sampled_from(["Sambal", "SAMBAL", "Keripik"])},
            optional={
                "category": st.sampled_from(["makanan", "oleh_oleh"]),
                "channels": st.lists(st.sampled_from(["shopee", "bazar"]), max_size=2, unique=True),
                "discontinued": st.booleans(),
            },
        )
    )
    if "category" not in told and draw(st.booleans()):
        told["clear"] = ["category"]
    return "product", office, {"business": which, "told": told, "time": draw(times)}


@st.composite
def certificates(draw: st.DrawFn) -> Step:
    """A number for each record: one number of two businesses would be a mistake of one of them."""
    which, office = draw(st.integers(0, 2)), draw(st.sampled_from(OFFICES))
    told = draw(
        st.fixed_dictionaries(
            {
                "kind": st.just("pirt"),
                "number": st.sampled_from([f"206127101000{which}-26", f"206127101000{which}-31"]),
            },
            optional={
                "issuer": st.sampled_from(["Dinas Kesehatan", "Dinkes"]),
                "issued_on": st.sampled_from(["2020-05-01", "2021-05-01"]),
                "expires_on": st.sampled_from(["2026-04-01", "2026-12-01", "2031-06-30"]),
            },
        )
    )
    return "certificate", office, {"business": which, "told": told, "time": draw(times)}


merges: st.SearchStrategy[Step] = st.just(("merge", MEDAN, {}))
histories = st.lists(st.one_of(reports(), reports(), products(), certificates(), merges), min_size=1, max_size=12)


def registered() -> Registry:
    """A registry with three offices that all may speak of Medan."""
    registry = Registry()
    for account, level, region in ((SUMUT, "province", "12"), (OSS, "ministry", "00")):
        about = {"agency": account, "name": account, "level": level, "region": region, "permitted": PERMITTED}
        registry.accept("registry.agency.register", about, "binaan")
    return registry


def lived(steps: Sequence[tuple[str, Step]]) -> Registry:
    """A registry after three records that everybody has heard of, and then a history; ``steps`` have their ids."""
    registry = registered()
    ids = [
        first(registry, trade(name=name), person(nik=PEOPLE[owner]))
        for name, owner in zip(NAMES, OWNER_OF, strict=True)
    ]
    for id_, step in steps:
        perform(registry, ids, id_, step)
    registry.compared()
    return registry


def first(registry: Registry, business: dict[str, Any], owner: dict[str, Any]) -> str:
    """The id of a record that is there before all else."""
    told = registry.report(business, owner, time=SEEN - timedelta(days=500), id=f"first-{business['name']}")
    return str(told.result["business_id"])


def perform(registry: Registry, ids: Sequence[str], id_: str, step: Step) -> None:
    kind, account, about = step
    if kind == "report":
        assert not registry.report(**about, account=account, id=id_).problems
    elif kind == "merge":
        data = {"keep": ids[0], "absorb": ids[2], "reason": "Satu usaha"}
        registry.send("registry.business.merge", data, account, actor="kadis", id=id_)  # again, it is refused
    else:
        data = {"business_id": ids[about["business"]], **about["told"]}
        registry.accept(f"registry.{kind}.report", data, account, time=about["time"], id=id_)


_BOOKKEEPING = {
    "business_id",
    "owner_id",
    "agency",
    "claims",
    "formerly",
    "comparing",
    "compared",
    "sequence",
    "possible_duplicates",
}
"""Ids and counters, who came first, and by what a record is found, which a merge writes down as of its day."""


def register_of(registry: Registry) -> str:
    """All that is known, ids aside. Of a record that was merged only that it was, and of what into which."""
    names = {one.business_id: normalised(one.name) for one in registry.all(BUSINESSES)}
    owners = {one.owner_id: one for one in registry.all(OWNERS)}
    living = [
        {
            **one.model_dump(mode="json", exclude=_BOOKKEEPING),
            "absorbed": len(one.absorbed),
            "suspected": sorted(names[id_] for id_ in one.possible_duplicates),
            "owner": owners[one.owner_id].model_dump(mode="json", exclude={"owner_id", "sequence"}),
        }
        for one in registry.all(BUSINESSES)
        if one.merged_into is None
    ]
    made = [
        {**one.model_dump(mode="json", exclude={"product_id", "business_id", "sequence"}), "of": names[one.business_id]}
        for one in registry.all(PRODUCTS)
        if one.merged_into is None
    ]
    hidden = {"certificate_id", "business_id", "sequence", "cause", "region"}
    papers = [
        {
            **one.model_dump(mode="json", exclude=hidden),
            "of": names[one.business_id],
        }
        for one in registry.all(CERTIFICATES)
    ]
    found = (living, made, papers, [one.status for one in registry.all(BUSINESSES) if one.merged_into is not None])
    ordered = [sorted(part, key=lambda one: json.dumps(one, sort_keys=True)) for part in found]
    return json.dumps(ordered, sort_keys=True, indent=1)


@settings(max_examples=60, deadline=None)
@given(histories, st.randoms(use_true_random=False))
def test_any_order_and_any_repetition_end_in_one_register(history: list[Step], rng: Any) -> None:
    """Issue 4, show 1: sources that outrank others, emptied fields, products, certificates and a merge included."""
    numbered = [(f"m-{position:02d}", step) for position, step in enumerate(history)]
    shuffled = [*numbered, *rng.sample(numbered, rng.randint(0, len(numbered)))]
    rng.shuffle(shuffled)
    assert register_of(lived(shuffled)) == register_of(lived(numbered))


@settings(max_examples=40, deadline=None)
@given(st.lists(reports(), min_size=1, max_size=10), st.randoms(use_true_random=False))
def test_whoever_comes_first_the_register_is_the_same(history: list[Step], rng: Any) -> None:
    """Also where nobody has heard of the businesses before: which office records one does not matter."""
    numbered = [(f"m-{position:02d}", step) for position, step in enumerate(history)]
    shuffled = numbered * 2
    rng.shuffle(shuffled)

    def recorded(steps: Sequence[tuple[str, Step]]) -> str:
        registry = registered()
        for id_, step in steps:
            perform(registry, (), id_, step)
        registry.compared()
        return register_of(registry)

    assert recorded(shuffled) == recorded(numbered)
