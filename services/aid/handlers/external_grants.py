"""What other offices report of what they give by themselves, and take back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from services.aid import external_grant, store
from services.aid.external_grant import ExternalGrant, grant_id
from services.aid.handlers.recipients import Named, named, named_needs, recipient_needs, recipient_of, recorded
from services.aid.overlap import warning_of
from services.aid.problems import problem
from services.aid.recipient import is_token
from shared.agencies import authority_needs, check_authority
from shared.contracts.aid.external_grants import ExternalGrantReport, ExternalGrantWithdraw
from shared.contracts.envelope import Received
from shared.contracts.problem import Problem
from shared.decision import Decision, reject
from shared.kernel.routes import Routes
from shared.kernel.state import Lookup, WorkingSet
from shared.reference import region as regions

routes = Routes()


def _id(message: Received[Any]) -> str:
    return grant_id(message.account, message.data.reference)


def _report_needs(message: Received[ExternalGrantReport], state: WorkingSet) -> Iterable[Lookup]:
    yield from authority_needs(message)
    yield from named_needs(message, message.data, state)
    yield from _grant_needs(message, state)
    person = message.data.person or message.data.cooperative_id
    if message.data.business_id is not None:
        lookup = store.business_as_it_is(message.data.business_id)
        business = None if state.missing([lookup]) else state.get(lookup)
        person = business.state.owner_id if business is not None else None
    if person is not None:
        yield from recipient_needs(person, _id(message), state)


def _grant_needs(message: Received[Any], state: WorkingSet) -> Iterable[Lookup]:
    """What was told of it before, and of whom."""
    lookup = store.external_grant(_id(message))
    yield lookup
    known = None if state.missing([lookup]) else state.get(lookup)
    if known is not None:
        yield from recipient_needs(known.person_id, known.external_grant_id, state)


@routes.on("aid.external_grant.report", _report_needs)
def report(message: Received[ExternalGrantReport], state: WorkingSet, now: datetime) -> Decision:
    """What has been given is recorded whatever stands against it, and the office is warned; who approves later is
    stopped."""
    found, problems = named(message, message.data, state, now)
    if found is None:
        return reject(*problems)
    known = state.get(store.external_grant(_id(message)))
    today = regions.local_date(now, found.region)
    if problems := [*external_grant.refused(message.data, today), *_of_another(known, found, state)]:
        return reject(*problems)
    return _heard(known, _as_told(message, found), message, state, now)


def _as_told(message: Received[ExternalGrantReport], found: Named) -> ExternalGrant:
    is_owner = message.data.cooperative_id is None and not is_token(found.person_id)
    return external_grant.reported(
        message.data,
        external_grant_id=_id(message),
        agency=message.account,
        person_id=found.person_id,
        owner_id=found.person_id if is_owner else None,
        region=found.region,
        seen=message.time or message.received_at,
        seen_in=message.id,
    )


def _of_another(known: ExternalGrant | None, found: Named, state: WorkingSet) -> list[Problem]:
    if known is None or _stands(known.person_id, state) == _stands(found.person_id, state):
        return []
    return [problem("external_grant.other_beneficiary", found.field)]


def _stands(person_id: str, state: WorkingSet) -> str:
    return recipient_of(person_id, state).recipient_id


def _withdraw_needs(message: Received[ExternalGrantWithdraw], state: WorkingSet) -> Iterable[Lookup]:
    yield from authority_needs(message)
    yield from _grant_needs(message, state)


@routes.on("aid.external_grant.withdraw", _withdraw_needs)
def withdraw(message: Received[ExternalGrantWithdraw], state: WorkingSet, now: datetime) -> Decision:
    """With it goes every overlap that it was the cause of."""
    known = state.get(store.external_grant(_id(message)))
    region = known.region if known is not None else None
    if problems := check_authority(message, state, now, region, "data.reference"):
        return reject(*problems)
    if known is None:
        return reject(problem("external_grant.unknown", "data.reference"))
    seen = {"seen": message.time or message.received_at, "seen_in": message.id}
    after = known.model_copy(update={"stage": "withdrawn", **seen})
    return _heard(known, after, message, state, now)


def _heard(
    known: ExternalGrant | None, after: ExternalGrant, message: Received[Any], state: WorkingSet, now: datetime
) -> Decision:
    """One more word of an office about a grant: the newest stands."""
    if known is not None and after.age < known.age:
        return Decision(result=_result(known, "unchanged"), warnings=[problem("external_grant.outdated", "time")])
    grant, facts = external_grant.told(known, after, getattr(message.data, "reason", None))
    if not facts:
        return Decision(
            changes=[grant],
            result=_result(grant, "unchanged"),
            warnings=[problem("external_grant.known", "data.reference")],
        )
    written = recorded(recipient_of(grant.person_id, state), grant.intervention(), state, message.cause, now)
    withdrawn = grant.stage == "withdrawn"
    return Decision(
        changes=[grant, *written.changes],
        facts=[*facts, *written.facts],
        result=_result(grant, "withdrawn" if withdrawn else "updated" if known is not None else "created"),
        warnings=[warning_of(one, "data") for one in written.conflicts],
    )


def _result(grant: ExternalGrant, outcome: str) -> dict[str, str | int]:
    return {"external_grant_id": grant.external_grant_id, "sequence": grant.sequence, "outcome": outcome}
