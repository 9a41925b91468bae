"""What is told of owners by themselves: what they agree to, and that they do not any more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from services.registry import consent as consents
from services.registry import owner as owners
from services.registry.consent import WITHDRAWN, Agreement
from services.registry.observation import Seen
from services.registry.problems import problem
from services.registry.store import OWNERS, businesses_of
from shared.agencies import agency_lookup, authority_needs, check_authority
from shared.contracts.envelope import Received
from shared.contracts.problem import Problem
from shared.contracts.registry.owners import ConsentRecord, ConsentWithdraw
from shared.decision import Decision, reject
from shared.kernel.routes import Routes
from shared.kernel.state import ById, Lookup, WorkingSet
from shared.reference import region as regions

routes = Routes()

HEARS_REFUSALS = "notify"
"""Our service that people answer: a STOP from a phone is the owner's own word, and needs no agency to repeat it."""


# --- who may speak for an owner ---------------------------------------------------------------------------------------


def owner_needs(message: Received[Any], _: WorkingSet) -> Iterable[Lookup]:
    """The owner, and the businesses that say where the owner is."""
    owner_id = message.data.owner_id
    return [*authority_needs(message), ById(OWNERS, owner_id), businesses_of(owner_id)]


def region_of(owner_id: str, message: Received[Any], state: WorkingSet) -> str:
    """Where the owner is, as far as it concerns the sender: in a place of the sender's, if a business lies there."""
    places = sorted(one.region for one in state.all(businesses_of(owner_id)))
    agency = state.get(agency_lookup(message.account))
    own = (place for place in places if agency is not None and regions.within(place, agency.region))
    return next(own, places[0] if places else regions.NATION)


# --- consent ----------------------------------------------------------------------------------------------------------


@routes.on("registry.consent.record", owner_needs)
def record_consent(message: Received[ConsentRecord], state: WorkingSet, now: datetime) -> Decision:
    region = region_of(message.data.owner_id, message, state)
    if problems := check_authority(message, state, now, region, "data.owner_id"):
        return reject(*problems)
    if message.data.given_on > regions.local_date(now, region):
        return reject(problem("consent.given_in_future", "data.given_on"))
    agreed = consents.agreement(message.data.given_on, message.data.proof)
    return _agreed(message, state, agreed, region, "recorded")


@routes.on("registry.consent.withdraw", owner_needs)
def withdraw_consent(message: Received[ConsentWithdraw], state: WorkingSet, now: datetime) -> Decision:
    region = region_of(message.data.owner_id, message, state)
    if problems := _may_withdraw(message, state, now, region):
        return reject(*problems)
    return _agreed(message, state, WITHDRAWN, region, "withdrawn")


def _may_withdraw(message: Received[Any], state: WorkingSet, now: datetime, region: str) -> list[Problem]:
    if message.account == HEARS_REFUSALS:
        return []
    return check_authority(message, state, now, region, "data.owner_id")


def _agreed(
    message: Received[ConsentRecord] | Received[ConsentWithdraw],
    state: WorkingSet,
    word: Agreement,
    region: str,
    outcome: str,
) -> Decision:
    known = state.get(ById(OWNERS, message.data.owner_id))
    if known is None:
        return reject(problem("owner.not_found", "data.owner_id"))
    told: Mapping[str, Agreement] = dict.fromkeys(message.data.channels, word)
    by = Seen(
        at=message.time or message.received_at, intake_id=message.id, account=message.account, firm=not word.given
    )
    heard = owners.observed(known, told, by)
    after, facts = owners.announced(known, heard, region)
    return Decision(
        changes=[after] if after is not known else [],
        facts=facts,
        result={"owner_id": known.owner_id, "outcome": outcome if facts else "unchanged"},
        warnings=owners.unheard(told, by, heard, "data.channels"),
    )
