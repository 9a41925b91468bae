"""Agencies and officials: what their registration must hold, and the public state it leads to.

Every region names its own agency (S0-03), so nothing here knows a name. Officials are known by a handle of the
agency's choosing; the world sees an opaque id.
"""

from __future__ import annotations

from services.registry.problems import problem, required
from shared.contracts.authority import matches, official_id
from shared.contracts.catalogue import SERVICES, TYPES, Kind
from shared.contracts.envelope import ADMINISTRATOR
from shared.contracts.problem import Problem
from shared.contracts.registry.agencies import AgencyRegister, AgencyState, OfficialRegister, OfficialState


def agency_state(told: AgencyRegister) -> AgencyState:
    """The public state of an agency as the administrator registers it."""
    return AgencyState(
        agency=told.agency,
        name=told.name,
        level=told.level,
        region=told.region,
        permitted=told.permitted,
        status="active",
    )


def check_agency(told: AgencyRegister) -> list[Problem]:
    """Our own accounts are no agencies: what they may do is not for a registration to say."""
    return [problem("agency.reserved", "data.agency")] if told.agency in {ADMINISTRATOR, *SERVICES} else []


def agency_warnings(told: AgencyRegister) -> list[Problem]:
    """A pattern that permits nothing is most likely misspelt; it is kept, as types are added over time."""
    types = [one.key for one in TYPES.values() if one.kind is Kind.INTAKE]
    return [
        problem("agency.permitted_unknown", f"data.permitted.{position}")
        for position, pattern in enumerate(told.permitted)
        if not any(matches(pattern, key) for key in types)
    ]


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


def check_speaker(account: str, told: OfficialRegister) -> list[Problem]:
    """An agency names its own officials; the administrator says whose."""
    if account == ADMINISTRATOR:
        return required("data.agency") if told.agency is None else []
    return [] if told.agency in {None, account} else [problem("official.other_agency", "data.agency")]


def check_term(told: OfficialRegister) -> list[Problem]:
    """A term ends after it begins, and an acting head's (Plt.) ends at all (S0-03, S4-10)."""
    if told.valid_until is None:
        return [problem("official.acting_needs_end", "data.valid_until")] if told.acting else []
    return [problem("official.term_reversed", "data.valid_until")] if told.valid_until < told.valid_from else []
