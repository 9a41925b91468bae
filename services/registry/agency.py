"""Agencies and officials: what their registration must hold, and the public state it leads to.

Every region names its own agency (S0-03), so nothing here knows a name. Officials are known by a handle of the
agency's choosing; the world sees an opaque id.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from services.registry.problems import problem, required
from shared.contracts.authority import ACTIVE, ENDED, RIGHTS, SUSPENDED, matches, official_id, reach_of
from shared.contracts.catalogue import SERVICES, TYPES, Kind
from shared.contracts.envelope import ADMINISTRATOR
from shared.contracts.problem import Problem
from shared.contracts.registry.agencies import (
    AgencyRegister,
    AgencyState,
    OfficialEnd,
    OfficialRegister,
    OfficialState,
)
from shared.reference import region as regions

_PLACE: Mapping[str, regions.Level] = {"kabkota": "regency", "province": "province", "ministry": "nation"}
"""How large the region of an agency is by its level; other OPDs and banks may have any."""


# --- agencies ---------------------------------------------------------------------------------------------------------


def agency_state(told: AgencyRegister, known: AgencyState | None) -> AgencyState:
    """The public state of an agency as the administrator registers it. One that is suspended stays so: a list that is
    sent again by habit must not let anybody back in."""
    return AgencyState(
        agency=told.agency,
        name=told.name,
        level=told.level,
        region=told.region,
        permitted=told.permitted,
        status=known.status if known else ACTIVE,
    )


def check_agency(told: AgencyRegister) -> list[Problem]:
    """Our own accounts are no agencies: what they may do is not for a registration to say. A kab/kota that was given a
    province, or the nation, by a slip would have authority over all of it."""
    if told.agency in {ADMINISTRATOR, *SERVICES}:
        return [problem("agency.reserved", "data.agency")]
    place = _PLACE.get(told.level)
    return (
        [problem("agency.region_level", "data.region")] if place not in {None, regions.parse(told.region).level} else []
    )


def agency_warnings(told: AgencyRegister, state: AgencyState) -> list[Problem]:
    """What is kept as it was told and most likely meant otherwise."""
    patterns = enumerate(told.permitted)
    codes = ((f"data.permitted.{position}", _doubt(pattern, told.level)) for position, pattern in patterns)
    doubts = [problem(code, field) for field, code in codes if code]
    return [*doubts, problem("agency.still_suspended", "data.agency")] if state.status == SUSPENDED else doubts


def _doubt(pattern: str, level: str) -> str | None:
    """A pattern may be misspelt, or permit only what agencies of this level have no authority for. Neither is refused:
    types are added over time, and authority is asked each time whatever was permitted."""
    found = [one.key for one in TYPES.values() if one.kind is Kind.INTAKE and matches(pattern, one.key)]
    meant = {right.level for right in RIGHTS if matches(pattern, right.type) or matches(right.type, pattern)}
    if not found and not meant:
        return "agency.permitted_unknown"
    allowed = level in meant or any(reach_of(level, key) for key in found)
    return None if allowed else "agency.permitted_level"


# --- officials --------------------------------------------------------------------------------------------------------


def official_state(agency: str, told: OfficialRegister) -> OfficialState:
    """The public state of an official: under an opaque id, without the handle."""
    return OfficialState(
        official_id=official_id(agency, told.official),
        agency=agency,
        role=told.role,
        unit=told.unit,
        acting=told.acting,
        valid_from=told.valid_from,
        valid_until=told.valid_until,
    )


def check_speaker(account: str, told: OfficialRegister | OfficialEnd) -> list[Problem]:
    """An agency names its own officials and ends their terms; the administrator says whose."""
    if account == ADMINISTRATOR:
        return required("data.agency") if told.agency is None else []
    return [] if told.agency in {None, account} else [problem("official.other_agency", "data.agency")]


def check_term(told: OfficialRegister) -> list[Problem]:
    """A term ends after it begins, and an acting head's (Plt.) ends at all (S0-03, S4-10)."""
    if told.valid_until is None:
        return [problem("official.acting_needs_end", "data.valid_until")] if told.acting else []
    return [problem("official.term_reversed", "data.valid_until")] if told.valid_until < told.valid_from else []


def check_end(known: OfficialState, last_day: date | None, today: date) -> list[Problem]:
    """An end lies ahead, within the term, and makes no term longer: that is for a new registration to say."""
    if last_day is None:
        return []
    if last_day < today:
        return [problem("official.last_day_past", "data.last_day")]
    if last_day < known.valid_from:
        return [problem("official.term_reversed", "data.last_day")]
    if known.valid_until is not None and last_day > known.valid_until:
        return [problem("official.end_later", "data.last_day")]
    return []


def ended_state(known: OfficialState, last_day: date | None, today: date) -> OfficialState:
    """The state after a term was ended: on a last day, or at once. A term that is over already stays as it was.

    Ended at once, what was decided earlier that day stays in order: the day is still of the term, only the status says
    that it is over.
    """
    if known.status == ENDED or (known.valid_until is not None and known.valid_until < today):
        return known
    if last_day is not None:
        return known.model_copy(update={"valid_until": last_day})
    begun = known.valid_from <= today
    return known.model_copy(update={"status": ENDED, "valid_until": today if begun else known.valid_until})
