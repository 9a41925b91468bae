"""What services share about agencies and officials: copies by sequence, authority, and the question who is known."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from itertools import permutations
from typing import Any

import pytest
from pydantic import BaseModel

from shared.agencies import (
    AGENCIES,
    OFFICIALS,
    AgencyRecord,
    OfficialRecord,
    authority_needs,
    check_authority,
    register_copies,
    register_question,
)
from shared.contracts.authority import official_id
from shared.contracts.common import AgencyRequest
from shared.contracts.envelope import Received
from shared.contracts.registry import AgencyRegistered, AgencyState, OfficialRegistered, OfficialState
from shared.decision import Decision
from shared.kernel.routes import Routes
from shared.kernel.state import ById, ByTag, Lookup, Page, WorkingSet

NOW = datetime(2026, 3, 2, 16, 30, tzinfo=UTC)
MEDAN, KALTIM = "dinkop-medan", "disperindagkop-kaltim"


def agency(account: str = MEDAN, **fields: Any) -> AgencyState:
    about = {"agency": account, "name": account, "level": "kabkota", "region": "12.71", "status": "active"}
    return AgencyState.model_validate({**about, "permitted": ["registry.business.*"], **fields})


def official(account: str = MEDAN, handle: str = "kadis", **fields: Any) -> OfficialState:
    about = {"official_id": official_id(account, handle), "agency": account, "role": "kadis", "acting": False}
    return OfficialState.model_validate({**about, "valid_from": "2020-01-01", **fields})


def message(
    kind: str, account: str = MEDAN, actor: str | None = None, data: Any = None, sequence: int = 0
) -> Received[Any]:
    return Received(
        account=account,
        id="m-1",
        type=kind,
        data=data if data is not None else AgencyRequest(),
        new_id=lambda *parts: "/".join(parts),
        token=lambda *parts: "/".join(parts),
        received_at=NOW,
        actor=actor,
        sequence=sequence,
    )


class Kept:
    """States in memory, and decisions over them as the kernel takes them."""

    def __init__(self, *states: BaseModel) -> None:
        self.states = list(states)

    def load(self, lookups: Iterable[Lookup], working: WorkingSet) -> None:
        for lookup in lookups:
            found = [one for one in self.states if type(one) is lookup.collection.model and _matches(lookup, one)]
            found.sort(key=lookup.collection.id_of)
            found = found[: lookup.limit] if isinstance(lookup, Page) else found
            for one in found:
                working.add(lookup.collection, one)
            working.loaded(lookup, [lookup.collection.id_of(one) for one in found])

    def handle(self, routes: Routes, received: Received[Any]) -> Decision:
        route, working = routes.find(received.type), WorkingSet()
        assert route is not None
        while missing := working.missing(list(route.needs(received, working))):
            self.load(missing, working)
        decision = route.decide(received, working, NOW)
        for change in decision.changes:
            self.states = [one for one in self.states if _name(one) != _name(change)] + [change]
        return decision


def _matches(lookup: Lookup, one: BaseModel) -> bool:
    id_, tags = lookup.collection.id_of(one), lookup.collection.tags(one)
    if isinstance(lookup, ById):
        return bool(id_ == lookup.id)
    assert isinstance(lookup, ByTag | Page)
    return lookup.tag in tags and (isinstance(lookup, ByTag) or id_ > lookup.after)


def _name(one: BaseModel) -> tuple[type, Any]:
    return type(one), getattr(one, "official_id", None) or getattr(one, "agency", None)


# --- authority --------------------------------------------------------------------------------------------------------


def refused(received: Received[Any], region: str | None = None, *states: BaseModel) -> list[str]:
    """The codes for which a message is refused; the agency and its head are known unless others are given."""
    known = states or (AgencyRecord(**agency().model_dump(), sequence=1), _record(official()))
    working = WorkingSet()
    Kept(*known).load(authority_needs(received), working)
    return [one.code for one in check_authority(received, working, NOW, region, "data.region")]


def _record(state: OfficialState) -> OfficialRecord:
    return OfficialRecord(**state.model_dump(), sequence=1)


def test_an_agency_speaks_for_its_region_and_what_is_within() -> None:
    """S3-06. What begins alike is not within: 12.71 is not in 12.7."""
    report = message("registry.business.report")
    assert refused(report, "12.71.01.1001") == []
    assert refused(report, "12.71") == []
    assert refused(report, "12.72") == ["authority.region"]
    assert refused(report, "12") == ["authority.region"]
    assert refused(report, None) == []


def test_an_agency_must_be_known_active_and_permitted() -> None:
    report = message("registry.business.report")
    assert refused(message("registry.business.report", "entah-siapa"), "12.71") == ["authority.agency_unknown"]
    suspended = AgencyRecord(**agency(status="suspended").model_dump(), sequence=2)
    assert refused(report, "12.71", suspended) == ["authority.agency_suspended"]
    assert refused(message("aid.programme.open", actor="kadis"), "12.71") == ["authority.type_not_permitted"]


def test_a_decision_needs_an_official_of_that_agency() -> None:
    """Region and official are both said: neither waits for the other to be mended."""
    assert refused(message("registry.business.verify", actor="kadis"), "12.71") == []
    assert refused(message("registry.business.verify"), "12.72") == ["authority.region", "actor.required"]
    assert refused(message("registry.business.verify", actor="entah"), "12.71") == ["actor.unknown"]


def test_a_report_needs_no_official() -> None:
    """An import is no decision; whoever is named is not looked at."""
    assert refused(message("registry.business.report", actor="entah"), "12.71") == []


@pytest.mark.parametrize(("region", "in_office"), [("12.71", True), ("64", False)])
def test_a_term_ends_by_the_clock_of_the_agency(region: str, in_office: bool) -> None:
    """16:30 UTC on 2 March: still 2 March in Medan, already 3 March in Kalimantan Timur."""
    here = AgencyRecord(**agency(region=region).model_dump(), sequence=1)
    head = _record(official(valid_until=date(2026, 3, 2)))
    problems = refused(message("registry.business.verify", actor="kadis"), region, here, head)
    assert problems == ([] if in_office else ["actor.not_in_office"])


def test_what_only_the_administrator_may_send_needs_no_agency() -> None:
    assert refused(message("registry.agency.register", "binaan")) == []
    assert refused(message("registry.agency.register")) == ["authority.administrator_only"]


def test_authority_makes_no_writer_wait_for_another() -> None:
    """Agencies are reference data: a guard on one would put all its messages in one row."""
    needs = authority_needs(message("registry.business.verify", actor="kadis"))
    assert [(lookup.collection.name, lookup.guard) for lookup in needs] == [("agencies", False), ("officials", False)]


# --- copies -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def routes() -> Routes:
    made = Routes()
    register_copies(made)
    register_question(made, "aid.agency.request")
    return made


def told(state: AgencyState | OfficialState, sequence: int) -> Received[Any]:
    data = AgencyRegistered(agency=state) if isinstance(state, AgencyState) else OfficialRegistered(official=state)
    kind = "agency" if isinstance(state, AgencyState) else "official"
    return message(f"registry.{kind}.registered", "registry", data=data, sequence=sequence)


@pytest.mark.parametrize("order", list(permutations([1, 2, 2, 3])))
def test_a_copy_ends_alike_however_events_arrive(routes: Routes, order: tuple[int, ...]) -> None:
    """Level, not edge: doubled, late and swapped events end in the state of the highest sequence."""
    kept = Kept()
    for sequence in order:
        kept.handle(routes, told(agency(name=f"name {sequence}"), sequence))
        kept.handle(routes, told(official(unit=f"unit {sequence}"), sequence))
    assert {(type(one), one.model_dump()["sequence"]) for one in kept.states} == {
        (AgencyRecord, 3),
        (OfficialRecord, 3),
    }
    assert "name 3" in repr(kept.states)
    assert "unit 3" in repr(kept.states)


def test_a_known_event_changes_nothing(routes: Routes) -> None:
    """Nothing to write means no transaction to conflict."""
    kept = Kept()
    kept.handle(routes, told(agency(), 1))
    assert kept.handle(routes, told(agency(), 1)).changes == ()


def test_what_is_published_is_what_was_kept(routes: Routes) -> None:
    """The public state, without our own count."""
    kept = Kept()
    kept.handle(routes, told(agency(), 7))
    (record,) = kept.states
    assert isinstance(record, AgencyRecord)
    assert record.published() == agency()
    assert _record(official()).published() == official()


def test_copies_are_found_by_what_authority_looks_for() -> None:
    assert AGENCIES.id_of(AgencyRecord(**agency().model_dump(), sequence=1)) == MEDAN
    assert OFFICIALS.id_of(_record(official())) == official_id(MEDAN, "kadis")


# --- the question -----------------------------------------------------------------------------------------------------


def test_the_answer_names_agencies_with_their_officials_page_by_page(routes: Routes) -> None:
    """An operator compares two services' answers, sequences and all."""
    kept = Kept()
    for account in (KALTIM, MEDAN):
        kept.handle(routes, told(agency(account), 2))
    kept.handle(routes, told(official(), 5))
    first = kept.handle(routes, message("aid.agency.request", "binaan", data=AgencyRequest(limit=1)))
    second = kept.handle(routes, message("aid.agency.request", "binaan", data=AgencyRequest(limit=1, after=first.next)))
    assert first.next == MEDAN
    assert second.next is None
    assert first.answer == [
        {
            **agency().model_dump(mode="json"),
            "sequence": 2,
            "officials": [{**official().model_dump(mode="json"), "sequence": 5}],
        }
    ]
    assert [one["agency"] for one in second.answer] == [KALTIM]


def test_nobody_else_may_ask(routes: Routes) -> None:
    decision = Kept().handle(routes, message("aid.agency.request", MEDAN))
    assert [one.code for one in decision.problems] == ["authority.administrator_only"]


def test_an_empty_service_answers_with_nothing(routes: Routes) -> None:
    decision = Kept().handle(routes, message("aid.agency.request", "binaan"))
    assert (decision.answer, decision.next) == ([], None)
