"""Who may be served, and why: lists for an office, the whole truth for the agency that decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from services.aid import store
from services.aid.candidate import Beneficiary, Place
from services.aid.eligibility import Eligibility, told
from services.aid.explaining import explained
from services.aid.handlers.judging import candidate_needs, candidate_of, whom
from services.aid.problems import problem
from services.aid.programme import Programme, unknown
from shared.agencies import authority_needs, check_authority
from shared.contracts.aid.eligibilities import EligibilityRequest
from shared.contracts.envelope import Received
from shared.decision import Decision, reject
from shared.kernel.routes import Routes
from shared.kernel.state import Lookup, Page, WorkingSet
from shared.reference import region as regions

routes = Routes()
Asked = Received[EligibilityRequest]


def _needs(message: Asked, state: WorkingSet) -> Iterable[Lookup]:
    yield from authority_needs(message)
    data = message.data
    if data.programme_id is None:
        yield store.answers_for(data.beneficiary_id or "")
        return
    programme = store.programme_as_it_stands(data.programme_id)
    yield programme
    if data.beneficiary_id is None:
        yield from _pages(message)
        return
    yield store.answer(data.programme_id, data.beneficiary_id)
    known = None if state.missing([programme]) else state.get(programme)
    if known is not None:
        yield from _copy_needs(data.beneficiary_id, known, state)


def _copy_needs(beneficiary_id: str, programme: Programme, state: WorkingSet) -> Iterator[Lookup]:
    copies = (store.business_as_it_is(beneficiary_id), store.cooperative_as_it_is(beneficiary_id))
    yield from copies
    copy = None if state.missing(copies) else _copy(beneficiary_id, programme, state)
    if copy is not None:
        yield from candidate_needs(whom(copy), [programme], state)


def _copy(beneficiary_id: str, programme: Programme, state: WorkingSet) -> Beneficiary | None:
    match programme.population:
        case "business":
            return state.get(store.business_as_it_is(beneficiary_id))
        case "cooperative":
            return state.get(store.cooperative_as_it_is(beneficiary_id))
        case "region":
            return Place(beneficiary_id) if regions.is_known_regency(beneficiary_id) else None


@routes.on("aid.eligibility.request", _needs)
def request(message: Asked, state: WorkingSet, now: datetime) -> Decision:
    if message.data.programme_id is None:
        return _of_beneficiary(message, state, now)
    programme = state.get(store.programme_as_it_stands(message.data.programme_id))
    if message.data.beneficiary_id is not None:
        return _why(message, programme, state, now)
    region = programme.region if programme is not None else None
    if problems := check_authority(message, state, now, region, "data.programme_id"):
        return reject(*problems)
    return _ranked(message, state) if programme is not None else reject(unknown())


def _of_beneficiary(message: Asked, state: WorkingSet, now: datetime) -> Decision:
    """What somebody may have, by all programmes that have looked at it."""
    answers = state.all(store.answers_for(message.data.beneficiary_id or ""))
    region = answers[0].region if answers else None
    if problems := check_authority(message, state, now, region, "data.beneficiary_id"):
        return reject(*problems)
    return Decision(answer=[told(one) for one in sorted(answers, key=lambda one: one.programme_id)])


def _why(message: Asked, programme: Programme | None, state: WorkingSet, now: datetime) -> Decision:
    """One answer, judged on what is known now; the reasons about the person go to the deciding agency alone, and with
    the person they are forgotten."""
    data = message.data
    copy = _copy(data.beneficiary_id or "", programme, state) if programme is not None else None
    region = whom(copy).region if copy is not None else None
    if problems := check_authority(message, state, now, region, "data.beneficiary_id"):
        return reject(*problems)
    if programme is None or (programme.status == "draft" and programme.agency != message.account):
        return reject(unknown())
    if copy is None:
        return reject(problem("beneficiary.unknown", "data.beneficiary_id"))
    published = state.get(store.answer(programme.programme_id, data.beneficiary_id or ""))
    full = programme.agency == message.account
    candidate = candidate_of(copy, [programme], state, now)
    answer = {
        "programme_id": programme.programme_id,
        "beneficiary_id": data.beneficiary_id,
        **explained(candidate, programme, full=full),
        "published": told(published) if published is not None else None,
    }
    return Decision(answer=[answer], persons=(whom(copy).person,) if full else ())


# --- ranked -----------------------------------------------------------------------------------------------------------


def _pages(message: Asked) -> list[Page[Eligibility]]:
    """What is left of the rank that was come to, and of those behind it."""
    data = message.data
    rank, _, id_ = (data.after or "0:").partition(":")
    first = int(rank) if rank.isdigit() else 0
    return [
        store.ranked(data.programme_id or "", data.verdict, each, after=id_ if each == first else "", limit=data.limit)
        for each in range(first, store.RANKS)
    ]


def _ranked(message: Asked, state: WorkingSet) -> Decision:
    """Those whom nobody has served come first, then those with one intervention, two, and more (S1-24)."""
    found = [(rank, one) for page in _pages(message) for rank, one in _found(page, state)]
    shown = found[: message.data.limit]
    more = len(found) > len(shown) or any(len(state.all(page)) == message.data.limit for page in _pages(message))
    last = f"{shown[-1][0]}:{shown[-1][1].eligibility_id}" if shown and more else None
    return Decision(answer=[told(one) for _, one in shown], next=last)


def _found(page: Page[Eligibility], state: WorkingSet) -> Iterator[tuple[int, Eligibility]]:
    return ((store.rank_of(one), one) for one in state.all(page))
