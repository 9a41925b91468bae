"""Records that may be one business: how they are found, flagged, told apart and merged.

Nothing is merged by itself. A clock looks, whenever a business's name, NIB, address or owner's phone has changed, at
the others of its owner, of its NIB and of its phone with its address; those that are alike are flagged on both sides,
and those that no longer are lose the flag, so that the flags follow from the state and not from the order of reports.
An official then merges two or declares them distinct. A block of too many is not looked at: a phone that stands with
half a regency says nothing, and comparing all with all would take a day. Where a block grows too large, or becomes
small enough, those in it are looked at again.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib import resources
from typing import Any

from rapidfuzz import fuzz

from services.registry import business as businesses
from services.registry import certificate as certificates
from services.registry import product as products
from services.registry.business import OBSERVED, Business, Former
from services.registry.certificate import Certificate
from services.registry.observation import newer
from services.registry.problems import problem
from services.registry.product import Product
from services.registry.report import normalised
from shared.contracts.envelope import Received
from shared.contracts.problem import Problem
from shared.contracts.registry.businesses import BusinessChange, Likeness
from shared.decision import Decision, Fact, reject
from shared.reference import region as regions

# --- what counts as alike ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Policy:
    """For one sign: how alike two names must be, in percent, and how many may share the sign before it says nothing."""

    valid_from: date
    sign: str
    name_ratio: int
    most: int


def policies_on(day: date) -> Mapping[str, Policy]:
    """The policy of each sign in force on a day."""
    return {one.sign: one for one in sorted(_policies(), key=lambda one: one.valid_from) if one.valid_from <= day}


@cache
def _policies() -> tuple[Policy, ...]:
    with resources.files(__package__).joinpath("duplicates.csv").open(encoding="utf-8") as rows:
        return tuple(
            Policy(date.fromisoformat(row["valid_from"]), row["sign"], int(row["name_ratio"]), int(row["most"]))
            for row in csv.DictReader(rows)
        )


def blocks(business: Business) -> dict[str, str]:
    """What a business shares with those it is compared with, by sign: the tags that it is found by."""
    if not comparable(business):
        return {}
    shared = {"same_owner": business.owner_id, "same_nib": business.nib, "same_place": business.place}
    return {sign: f"{sign}:{value}" for sign, value in shared.items() if value is not None}


def tags(business: Business) -> tuple[str, ...]:
    """All that a business is found by here: its owner, its blocks, and where it may have to lose a flag."""
    counted = [by_flag(tag) for tag in blocks(business).values() if business.compared.get(tag)]
    flags = counted if business.possible_duplicates else []
    return (of_owner(business.owner_id), *blocks(business).values(), *flags)


def by_flag(block: str) -> str:
    """The tag of those in a block that were flagged when it was small enough to say something."""
    return f"flagged:{block}"


def of_owner(owner_id: str) -> str:
    """The tag of all businesses of an owner, of merged ones too."""
    return f"owner:{owner_id}"


def most(block: str, policies: Mapping[str, Policy]) -> int:
    """How many may be in a block before it says nothing: nobody, where no policy is in force."""
    policy = policies.get(block.partition(":")[0])
    return policy.most if policy is not None else 0


def small(
    due: Sequence[Business], members: Mapping[str, Iterable[Business]], policies: Mapping[str, Policy]
) -> dict[str, bool]:
    """Whether each block says something, by its tag. ``members`` are those stored in it, ``due`` as they are now."""
    mine = {one.business_id: frozenset(blocks(one).values()) for one in due}
    sizes = {
        tag: len({one.business_id for one in stored if one.business_id not in mine})
        + sum(tag in tags for tags in mine.values())
        for tag, stored in members.items()
    }
    return {tag: size <= most(tag, policies) for tag, size in sizes.items()}


def crossed(business: Business, small: Mapping[str, bool]) -> bool:
    """Whether a block of a business has grown too large, or become small enough, since it was last compared."""
    return any(tag in small and business.compared.get(tag) is not small[tag] for tag in blocks(business).values())


def signs(one: Business, other: Business, policies: Mapping[str, Policy], counted: Iterable[str]) -> tuple[str, ...]:
    """Why two businesses may be one. A place counts between owners only: one owner's two trades share it honestly."""
    mine, theirs = blocks(one), blocks(other)
    ratio = fuzz.token_sort_ratio(normalised(one.known_as), normalised(other.known_as))
    return tuple(
        sign
        for sign in mine
        if mine[sign] == theirs.get(sign)
        and mine[sign] in counted
        and ratio >= policies[sign].name_ratio
        and not (sign == "same_place" and one.owner_id == other.owner_id)
    )


def place_of(business: Business, phone: str | None, message: Received[Any]) -> str | None:
    """Keyed token of phone and address: neither may be stored as it is."""
    if phone is None or business.address is None:
        return None
    return message.token("place", f"{phone}|{normalised(business.address)}")


def placed(business: Business, place: str | None) -> Business:
    """The same under another token for the same place."""
    before, after = (f"same_place:{token}" for token in (business.place, place))
    compared = {after if tag == before else tag: says for tag, says in business.compared.items()}
    return business.model_copy(update={"place": place, "compared": compared})


# --- looking ----------------------------------------------------------------------------------------------------------


def comparable(business: Business) -> bool:
    return business.merged_into is None


def flagged(
    due: Sequence[Business], others: Iterable[Business], small: Mapping[str, bool], policies: Mapping[str, Policy]
) -> Decision:
    """Flag on both sides what is alike now, and take the flag from what no longer is.

    ``others`` are all that share a small block with one of ``due``, and all that are flagged with one; ``small`` says
    it of each block of ``due``.
    """
    counted = frozenset(tag for tag, says in small.items() if says)
    known = {one.business_id: one for one in (*others, *due)}
    members = _by_block(known.values(), counted)
    found = {one.business_id: _likes(one, members, policies, counted) for one in due}
    flags = {id_: set(one.possible_duplicates) for id_, one in known.items()}
    news: dict[str, dict[str, tuple[str, ...]]] = {id_: {} for id_ in known}
    for id_, likes in found.items():
        for other in flags[id_] - likes.keys():
            flags.get(other, set()).discard(id_)
        for other, why in likes.items():
            for mine, theirs in ((id_, other), (other, id_)):
                if theirs not in known[mine].possible_duplicates:
                    news[mine][theirs] = why
                flags[mine].add(theirs)
        flags[id_] = set(likes)
    changes, facts = [], list[Fact]()
    for id_, before in known.items():
        after, told = _with_flags(before, flags[id_], news[id_], small if id_ in found else None)
        changes += [after] if after is not before else []
        facts += told
    return Decision(changes=changes, facts=facts)


def _by_block(known: Iterable[Business], counted: frozenset[str]) -> Mapping[str, Sequence[Business]]:
    """Who is in each block that counts."""
    members: dict[str, list[Business]] = {tag: [] for tag in counted}
    for one in known:
        for tag in counted.intersection(blocks(one).values()):
            members[tag].append(one)
    return members


def _likes(
    one: Business,
    members: Mapping[str, Sequence[Business]],
    policies: Mapping[str, Policy],
    counted: frozenset[str],
) -> dict[str, tuple[str, ...]]:
    if not comparable(one):
        return {}
    others = {other.business_id: other for tag in blocks(one).values() for other in members.get(tag, ())}
    # Either says so: who was merged into one of the two had been told apart from the other.
    candidates = (
        other
        for other in others.values()
        if other.business_id != one.business_id
        and comparable(other)
        and other.business_id not in one.distinct_from
        and one.business_id not in other.distinct_from
    )
    found = {other.business_id: signs(one, other, policies, counted) for other in candidates}
    return {id_: why for id_, why in found.items() if why}


def _with_flags(
    before: Business, flags: set[str], news: Mapping[str, tuple[str, ...]], small: Mapping[str, bool] | None
) -> tuple[Business, list[Fact]]:
    """``small`` of those that were looked at."""
    looked = before if small is None else _looked_at(before, small)
    now = tuple(sorted(flags))
    if now == before.possible_duplicates:
        return looked, []
    after = looked.model_copy(update={"possible_duplicates": now})
    told = sorted((id_, why) for id_, why in news.items() if id_ in flags)
    if not told:
        return _told(after, "updated", BusinessChange(fields=("possible_duplicates",)), before)
    suspected = tuple(Likeness(business_id=id_, signs=why) for id_, why in told)
    return _told(after, "duplicate_suspected", BusinessChange(suspected=suspected), before)


def _looked_at(business: Business, small: Mapping[str, bool]) -> Business:
    compared = {tag: small[tag] for tag in blocks(business).values() if tag in small}
    return business.model_copy(update={"comparing": None, "compared": compared})


def _told(after: Business, what: str, change: BusinessChange, before: Business) -> tuple[Business, list[Fact]]:
    numbered, facts = businesses.announced(after, what, change)
    cause = before.comparing.cause if before.comparing is not None else None
    return numbered, [Fact(one.type, one.subject, one.region, one.sequence, one.data, cause) for one in facts]


# --- what officials decide --------------------------------------------------------------------------------------------


def declare_distinct(one: Business, other: Business, reason: str | None) -> Decision:
    """They are two, and are not suspected again; told of each that was flagged or not declared so before."""
    pairs = ((one, other.business_id), (other, one.business_id))
    if all(theirs in mine.distinct_from for mine, theirs in pairs):
        return Decision(result=businesses.result(one, "unchanged"))
    told = [_distinct(mine, theirs, reason) for mine, theirs in pairs]
    return Decision(
        changes=[after for after, _ in told],
        facts=[fact for _, facts in told for fact in facts],
        result=businesses.result(told[0][0], "declared_distinct"),
    )


def _distinct(business: Business, other_id: str, reason: str | None) -> tuple[Business, list[Fact]]:
    after = business.model_copy(
        update={
            "distinct_from": tuple(sorted({*business.distinct_from, other_id})),
            "possible_duplicates": tuple(one for one in business.possible_duplicates if one != other_id),
        }
    )
    return businesses.announced(after, "declared_distinct", BusinessChange(distinct_from=other_id, reason=reason))


def check_pair(found: Mapping[str, Business | None]) -> list[Problem]:
    """What is wrong with two businesses as a pair, by the fields that name them."""
    if missing := [problem("business.not_found", field) for field, business in found.items() if business is None]:
        return missing
    pair = {field: business for field, business in found.items() if business is not None}
    if len({business.business_id for business in pair.values()}) == 1:
        return [problem("business.merge_itself", field) for field in list(pair)[1:]]
    return [problem("business.merged", field) for field, business in pair.items() if not comparable(business)]


def check_merge(keep: Business, absorb: Business) -> list[Problem]:
    """Merging takes one owner, and one regency: a business stands in one place, and a move is reported first."""
    problems = []
    if keep.owner_id != absorb.owner_id:
        problems.append(problem("business.merge_other_owner", "data.absorb"))
    if regions.regency_or_above(keep.region) != regions.regency_or_above(absorb.region):
        problems.append(problem("business.merge_other_region", "data.absorb"))
    return problems


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records to be merged, those that are flagged as alike to the one that goes, those that were merged into it
    before, what it has, and the products of the one that lives on."""

    keep: Business
    absorb: Business
    likes: Sequence[Business] = ()
    older: Sequence[Business] = ()
    products: Sequence[Product] = ()
    certificates: Sequence[Certificate] = ()
    own_products: Sequence[Product] = ()


def merge(pair: Pair, reason: str, message: Received[Any], now: datetime) -> Decision:
    """One record lives on with the newest of what either was told, with what either was recognised by, and with the
    further status; the other points to it. So a report that names the old record ends where it would have ended before
    the merge."""
    keep, absorb = pair.keep, pair.absorb
    if problems := check_merge(keep, absorb):
        return reject(*problems)
    today = regions.local_date(now, keep.region)
    survivor = businesses.to_compare(businesses.scaled(_united(keep, absorb), today), message.cause, now)
    survivor, told = businesses.reported(keep, survivor)
    # It leaves its blocks, which may be small enough now.
    leaving = businesses.to_compare(absorb, message.cause, now)
    gone, farewell = _absorbed(leaving, keep.business_id, reason, today)
    moved = [
        *(_without(one, absorb.business_id) for one in pair.likes if one.business_id != keep.business_id),
        *(_repointed(one, keep.business_id) for one in pair.older),
        *(certificates.moved(one, survivor) for one in pair.certificates),
        *products.moved(pair.products, pair.own_products, keep.business_id, survivor.region),
    ]
    return Decision(
        changes=[gone, survivor, *(after for after, _ in moved)],
        facts=[*farewell, *told, *(fact for _, facts in moved for fact in facts)],
        result={**businesses.result(survivor, "merged"), "absorbed": absorb.business_id},
    )


def _united(keep: Business, absorb: Business) -> Business:
    seen = newer(absorb.seen, keep.seen)
    fields = {field: getattr(absorb, field) for field in OBSERVED if field in seen}
    fields |= {"told_name": absorb.told_name} if "name" in fields else {}
    refs = {account: ref for account, ref in absorb.agency_refs.items() if f"agency_ref:{account}" in seen}
    both = {keep.business_id, absorb.business_id}
    united = {
        **fields,
        **_further(keep, absorb),
        "agency_refs": {**keep.agency_refs, **refs},
        "seen": {**keep.seen, **seen},
        "absorbed": tuple(sorted({*keep.absorbed, *absorb.absorbed, absorb.business_id})),
        "formerly": _formerly(keep, absorb),
        "claims": tuple(dict.fromkeys((*keep.claims, *absorb.claims))),
        "recorded_on": min(keep.recorded_on, absorb.recorded_on),
        "distinct_from": tuple(sorted({*keep.distinct_from, *absorb.distinct_from} - both)),
        "possible_duplicates": tuple(sorted({*keep.possible_duplicates} - both)),
    }
    return keep.model_copy(update=united)


_ORDER = ("digabung", "tutup", "nonaktif", "terdata", "terverifikasi", "binaan", "mandiri")


def _further(keep: Business, absorb: Business) -> dict[str, Any]:
    """What was decided of the one that goes, if it had come further: guidance does not end with a double record."""
    if _ORDER.index(absorb.status) <= _ORDER.index(keep.status):
        return {}
    return {name: getattr(absorb, name) for name in ("status", "status_since", "status_note", "mentor", "graded")}


def _formerly(keep: Business, absorb: Business) -> tuple[Former, ...]:
    now = [Former(name=one.known_as, nib=one.nib, agency_refs=one.agency_refs) for one in (keep, absorb)]
    distinct: list[Former] = []
    for one in (*keep.formerly, *absorb.formerly, *now):
        if one not in distinct:
            distinct.append(one)
    return tuple(distinct)


def _absorbed(absorb: Business, into: str, reason: str, today: date) -> tuple[Business, list[Fact]]:
    after = absorb.model_copy(
        update={
            "status": "digabung",
            "status_since": today,
            "mentor": None,
            "graded": None,
            "merged_into": into,
            "claims": (),
            "possible_duplicates": (),
        }
    )
    return businesses.announced(after, "merged", BusinessChange(status_before=absorb.status, reason=reason))


def _repointed(business: Business, into: str) -> tuple[Business, list[Fact]]:
    """Each points to the one that lives on, and not to one that is no more."""
    after = business.model_copy(update={"merged_into": into})
    return businesses.announced(after, "updated", BusinessChange(fields=("merged_into",)))


def _without(business: Business, gone: str) -> tuple[Business, list[Fact]]:
    likes = tuple(one for one in business.possible_duplicates if one != gone)
    after = business.model_copy(update={"possible_duplicates": likes})
    return businesses.announced(after, "updated", BusinessChange(fields=("possible_duplicates",)))
