"""Criteria of a programme: what each means for a candidate, in three-valued logic. In words: ``wording``.

A fact that nobody has reported yet is unknown, not false: the criterion is then ``waiting``, and all|any|not carry that
through as Kleene's logic does (``waiting`` lies between ``ineligible`` and ``eligible``; not swaps the ends). So an
office is never told "no" where the truth is "not yet known", and a decision that waits blocks an approval.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import combinations
from typing import Any

from services.aid.business import Business
from services.aid.candidate import Candidate, Population
from services.aid.cooperative import Cooperative
from services.aid.recipient import GIVEN, Intervention
from shared.contracts.aid.criteria import (
    AgeAtLeast,
    AllOf,
    AnyOf,
    CertificateHeld,
    CooperativeStatusIs,
    Criterion,
    HealthIs,
    KbliIn,
    MembersAtLeast,
    NeedIs,
    NeverReceived,
    Not,
    PriorAidAtMost,
    RatHeld,
    RegionWithin,
    RoleIs,
    ScaleIn,
    SectorIn,
    StatusIs,
)
from shared.contracts.aid.eligibilities import Verdict
from shared.contracts.registry.businesses import BusinessState
from shared.contracts.registry.cooperatives import CooperativeState
from shared.reference import kbli as kblis
from shared.reference import region as regions

MAX_CRITERIA = 50
"""Single criteria in one programme: every answer repeats them in words, on every event."""
_SCALES = frozenset({"mikro", "kecil", "menengah", "besar"})
"""PP 7/2021 art. 35; any other value is one that this service does not know."""

# --- truth ------------------------------------------------------------------------------------------------------------

_RANK: Mapping[Verdict, int] = {"ineligible": 0, "waiting": 1, "eligible": 2}
_OPPOSITE: Mapping[Verdict, Verdict] = {"ineligible": "eligible", "waiting": "waiting", "eligible": "ineligible"}


def all_of(verdicts: Iterable[Verdict]) -> Verdict:
    """The weakest verdict; of nothing, ``eligible``."""
    return min(verdicts, key=_RANK.__getitem__, default="eligible")


def any_of(verdicts: Iterable[Verdict]) -> Verdict:
    """The strongest verdict; of nothing, ``ineligible``."""
    return max(verdicts, key=_RANK.__getitem__, default="ineligible")


def opposite(verdict: Verdict) -> Verdict:
    return _OPPOSITE[verdict]


def judge(criterion: Criterion, candidate: Candidate) -> Verdict:
    """What a criterion, composed or single, says of a candidate."""
    match criterion:
        case AllOf():
            return all_of(judge(one, candidate) for one in criterion.criteria)
        case AnyOf():
            return any_of(judge(one, candidate) for one in criterion.criteria)
        case Not():
            return opposite(judge(criterion.criterion, candidate))
        case _:
            return _verdict(_holds(criterion, candidate))


def _verdict(holds: bool | None) -> Verdict:
    if holds is None:
        return "waiting"
    return "eligible" if holds else "ineligible"


def _holds(criterion: Criterion, candidate: Candidate) -> bool | None:
    """Whether a single criterion is true of a candidate; None where the fact is not known."""
    return _RULES[type(criterion)](criterion, candidate)


def _of_business(rule: Callable[[Any, BusinessState], bool | None]) -> Callable[[Any, Candidate], bool | None]:
    """A rule about a business; of nobody else anything is known by it."""

    def judged(criterion: Any, candidate: Candidate) -> bool | None:
        return rule(criterion, candidate.business) if candidate.business is not None else None

    return judged


def _of_cooperative(rule: Callable[[Any, CooperativeState], bool | None]) -> Callable[[Any, Candidate], bool | None]:
    """As ``_of_business``, about a cooperative."""

    def judged(criterion: Any, candidate: Candidate) -> bool | None:
        return rule(criterion, candidate.cooperative) if candidate.cooperative is not None else None

    return judged


def _is_status(criterion: StatusIs, business: BusinessState) -> bool:
    return business.status == criterion.value


def _is_role(criterion: RoleIs, business: BusinessState) -> bool:
    # No role is a known fact too: a laundry is neither IKM nor UKM (contract, "The main chain").
    return business.role == criterion.value


def _of_scale(criterion: ScaleIn, business: BusinessState) -> bool | None:
    return business.scale in criterion.values if business.scale in _SCALES else None


def _of_kbli(criterion: KbliIn, business: BusinessState) -> bool | None:
    """KBLI 2025 renumbers 2020 n:m (sources §0), so a code of another version says nothing."""
    kbli = business.kbli
    if kbli is None or kbli.version != criterion.version:
        return None
    return kbli.code.startswith(criterion.values)


def _of_sector(criterion: SectorIn, business: BusinessState) -> bool | None:
    kbli = business.kbli
    category = kblis.category(kbli.code, kbli.version) if kbli is not None else None
    return category in criterion.values if category is not None else None


def _in_region(criterion: RegionWithin, candidate: Candidate) -> bool:
    return regions.within(candidate.region, criterion.value)


def _needs(criterion: NeedIs, business: BusinessState) -> bool:
    return criterion.value in business.needs


def _certified(criterion: CertificateHeld, candidate: Candidate) -> bool:
    """What nobody has told of a certificate is that there is none: it is the applicant who shows it."""
    held = candidate.certificates.of(criterion.values) if candidate.certificates is not None else []
    return any(one.valid(candidate.on) for one in held)


def _old_enough(criterion: AgeAtLeast, candidate: Candidate) -> bool | None:
    began = candidate.business.started_on if candidate.business is not None else None
    return None if began is None else months_after(began, criterion.months) <= candidate.on


def _never_received(_: NeverReceived, candidate: Candidate) -> bool:
    return candidate.prior_interventions == 0


def _received_little(criterion: PriorAidAtMost, candidate: Candidate) -> bool:
    return len(list(counted(criterion, candidate))) <= criterion.count


def counted(criterion: PriorAidAtMost, candidate: Candidate) -> Iterator[Intervention]:
    """What the person has been given that a criterion speaks of."""
    for one in candidate.interventions:
        meant = (criterion.kinds is None or one.kind in criterion.kinds) and (
            criterion.agencies is None or one.agency in criterion.agencies
        )
        recent = criterion.months is None or candidate.on < months_after(one.on, criterion.months)
        if one.stage in GIVEN and meant and recent:
            yield one


def _is_cooperative_status(criterion: CooperativeStatusIs, cooperative: CooperativeState) -> bool:
    return cooperative.status in criterion.values


def _held_rat(criterion: RatHeld, candidate: Candidate) -> bool | None:
    rat = candidate.cooperative.last_rat if candidate.cooperative is not None else None
    return None if rat is None else rat.book_year >= candidate.on.year - criterion.years_back


def _is_healthy(criterion: HealthIs, candidate: Candidate) -> bool | None:
    """S1-13. An assessment that has run out says nothing any more: a new one is awaited."""
    health = candidate.cooperative.health if candidate.cooperative is not None else None
    if health is None or health.valid_until < candidate.on:
        return None
    return health.health_class in criterion.values


def _large_enough(criterion: MembersAtLeast, cooperative: CooperativeState) -> bool | None:
    told = cooperative.members.count if cooperative.members is not None else None
    known = [count for count in (told, cooperative.listed_members) if count is not None]
    return max(known) >= criterion.count if known else None


_RULES: Mapping[type, Callable[[Any, Candidate], bool | None]] = {
    StatusIs: _of_business(_is_status),
    ScaleIn: _of_business(_of_scale),
    RoleIs: _of_business(_is_role),
    KbliIn: _of_business(_of_kbli),
    SectorIn: _of_business(_of_sector),
    RegionWithin: _in_region,
    NeedIs: _of_business(_needs),
    CertificateHeld: _certified,
    AgeAtLeast: _old_enough,
    NeverReceived: _never_received,
    PriorAidAtMost: _received_little,
    CooperativeStatusIs: _of_cooperative(_is_cooperative_status),
    RatHeld: _held_rat,
    HealthIs: _is_healthy,
    MembersAtLeast: _of_cooperative(_large_enough),
}

APPLIES: Mapping[type, frozenset[str]] = {
    **dict.fromkeys(
        (StatusIs, ScaleIn, RoleIs, KbliIn, SectorIn, NeedIs, CertificateHeld, AgeAtLeast), frozenset({"business"})
    ),
    **dict.fromkeys((CooperativeStatusIs, RatHeld, HealthIs, MembersAtLeast), frozenset({"cooperative"})),
    **dict.fromkeys((RegionWithin, NeverReceived, PriorAidAtMost), frozenset({"business", "cooperative", "region"})),
}
"""Of whom a single criterion can say anything."""


_DISSOLVED = frozenset({"dibubarkan", "batal"})


def judge_active(candidate: Candidate) -> Verdict | None:
    """What no programme needs to say: a business that is not active receives nothing, nor does a cooperative that is no
    more. Of a region there is nothing to say."""
    match candidate.copy:
        case Business():
            return _verdict(candidate.copy.is_active)
        case Cooperative():
            return _verdict(candidate.copy.state.status not in _DISSOLVED)
        case _:
            return None


# --- the calendar -----------------------------------------------------------------------------------------------------


def months_after(day: date, months: int) -> date:
    """The same day so many calendar months later, or the last of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def turns_on(criteria: Iterable[Criterion], candidate: Candidate) -> date | None:
    """The next day on which one of these may say something else though nothing is told: an age is reached, a
    certificate or an assessment runs out, what was given lies far enough back."""
    days = (day for one in singles(criteria) for day in _turns(one, candidate))
    return min((day for day in days if day > candidate.on), default=None)


def _turns(criterion: Criterion, candidate: Candidate) -> Iterator[date]:
    business, cooperative = candidate.business, candidate.cooperative
    match criterion:
        case AgeAtLeast() if business is not None and business.started_on is not None:
            yield months_after(business.started_on, criterion.months)
        case CertificateHeld() if candidate.certificates is not None:
            held = candidate.certificates.of(criterion.values)
            yield from (one.expires_on + timedelta(days=1) for one in held if one.expires_on is not None)
        case PriorAidAtMost() if criterion.months is not None:
            yield from (months_after(one.on, criterion.months) for one in counted(criterion, candidate))
        case HealthIs() if cooperative is not None and cooperative.health is not None:
            yield cooperative.health.valid_until + timedelta(days=1)
        case RatHeld() if cooperative is not None and cooperative.last_rat is not None:
            yield date(cooperative.last_rat.book_year + criterion.years_back + 1, 1, 1)
        case _:
            return


# --- what an official wrote -------------------------------------------------------------------------------------------


def plain(criterion: Criterion) -> Criterion:
    """The criterion without members we do not know: they were never checked and must not reach a public event."""
    match criterion:
        case AllOf():
            return AllOf(type="all", criteria=tuple(plain(one) for one in criterion.criteria))
        case AnyOf():
            return AnyOf(type="any", criteria=tuple(plain(one) for one in criterion.criteria))
        case Not():
            return Not(type="not", criterion=plain(criterion.criterion))
        case _:
            model = type(criterion)
            return model(**{name: getattr(criterion, name) for name in model.model_fields})


def singles(criteria: Iterable[Criterion]) -> Iterator[Criterion]:
    """Every single criterion within, however deep."""
    for one in criteria:
        match one:
            case AllOf() | AnyOf():
                yield from singles(one.criteria)
            case Not():
                yield from singles((one.criterion,))
            case _:
                yield one


def inapplicable(criteria: Sequence[Criterion], of: Population, path: str) -> list[str]:
    """Where a criterion says nothing about who is assessed, so that it would wait for ever: the paths."""
    return [where for place, one in enumerate(criteria) for where in _inapplicable_in(one, of, f"{path}.{place}")]


def _inapplicable_in(criterion: Criterion, of: Population, path: str) -> list[str]:
    match criterion:
        case AllOf() | AnyOf():
            return inapplicable(criterion.criteria, of, f"{path}.criteria")
        case Not():
            return _inapplicable_in(criterion.criterion, of, f"{path}.criterion")
        case _:
            return [] if of in APPLIES[type(criterion)] else [path]


def contradictions(criteria: Sequence[Criterion], region: str, path: str) -> list[str]:
    """Where criteria that must hold together obviously cannot (two statuses, two regions apart): the paths of those
    lists. Only what a slip of the pen makes is looked for; that nothing is found proves nothing."""
    found = [path] if _impossible(list(_conjuncts(criteria)), region) else []
    for position, one in enumerate(criteria):
        found += _contradictions_in(one, region, f"{path}.{position}", conjunctive=True)
    return found


def _contradictions_in(criterion: Criterion, region: str, path: str, *, conjunctive: bool) -> list[str]:
    match criterion:
        case AllOf() if not conjunctive:
            return contradictions(criterion.criteria, region, f"{path}.criteria")
        case AllOf() | AnyOf():
            still = conjunctive and isinstance(criterion, AllOf)
            return [
                where
                for position, one in enumerate(criterion.criteria)
                for where in _contradictions_in(one, region, f"{path}.criteria.{position}", conjunctive=still)
            ]
        case Not():
            return _contradictions_in(criterion.criterion, region, f"{path}.criterion", conjunctive=False)
        case _:
            return []


def _conjuncts(criteria: Iterable[Criterion]) -> Iterator[Criterion]:
    """What must hold together: an ``all`` within an ``all`` adds its own."""
    for one in criteria:
        if isinstance(one, AllOf):
            yield from _conjuncts(one.criteria)
        else:
            yield one


def _impossible(together: Sequence[Criterion], region: str) -> bool:
    statuses = {one.value for one in together if isinstance(one, StatusIs)}
    roles = {one.value for one in together if isinstance(one, RoleIs)}
    alternatives = [
        [set(one.values) for one in together if isinstance(one, kind)]
        for kind in (ScaleIn, SectorIn, CooperativeStatusIs, HealthIs)
    ]
    places = {region, *(one.value for one in together if isinstance(one, RegionWithin))}
    denied = [one.criterion for one in together if isinstance(one, Not)]
    return (
        len(statuses) > 1
        or "nonaktif" in statuses
        or len(roles) > 1
        or any(sets and not set.intersection(*sets) for sets in alternatives)
        or _kbli_apart(together)
        or any(not (regions.within(a, b) or regions.within(b, a)) for a, b in combinations(places, 2))
        or any(one in together for one in denied)
    )


def _kbli_apart(together: Sequence[Criterion]) -> bool:
    """Two lists of codes of one version, no code of which begins as one of the other does."""
    lists = [one for one in together if isinstance(one, KbliIn)]
    return any(
        one.version == other.version
        and not any(a.startswith(b) or b.startswith(a) for a in one.values for b in other.values)
        for one, other in combinations(lists, 2)
    )
