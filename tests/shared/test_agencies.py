"""What services share about agencies and officials: copies by sequence, authority, and the question who is known."""

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
from shared.contracts.registry.agencies import AgencyEvent, AgencyState, OfficialEvent, OfficialState
from shared.decision import Decision
from shared.kernel.routes import Routes
from shared.kernel.state import WorkingSet
from tests import samples
from tests.memory import ServiceInMemory, Task
from tests.samples import KALTIM, MEDAN

NOW = datetime(2026, 3, 2, 16, 30, tzinfo=UTC)


def agency(account: str = MEDAN, **changes: Any) -> AgencyState:
    return samples.agency(account, **{"permitted": ["registry.business.*"], **changes}).agency


def official(account: str = MEDAN, **changes: Any) -> OfficialState:
    return samples.official(account, **changes).official


def message(kind: str, account: str = MEDAN, actor: str | None = None) -> Received[Any]:
    """One of which only the envelope matters."""
    return Received(
        account=account,
        id="m-1",
        type=kind,
        data=AgencyRequest(),
        new_id=lambda *parts: "/".join(parts),
        token=lambda *parts: "/".join(parts),
        received_at=NOW,
        actor=actor,
    )


class Kept(ServiceInMemory):
    """A service that keeps copies of agencies and officials, and answers the question."""

    def __init__(self, *states: BaseModel) -> None:
        routes = Routes()
        register_copies(routes)
        register_question(routes, "aid.agency.request")
        super().__init__("aid", routes, (AGENCIES, OFFICIALS), NOW)
        self.commit(Decision(changes=states), WorkingSet())

    @property
    def states(self) -> list[BaseModel]:
        return [*self.all(AGENCIES), *self.all(OFFICIALS)]

    def told(self, state: AgencyState | OfficialState, sequence: int) -> Decision:
        data = AgencyEvent(agency=state) if isinstance(state, AgencyState) else OfficialEvent(official=state)
        kind = "agency" if isinstance(state, AgencyState) else "official"
        return self.handle(self.message("registry", f"registry.{kind}.registered", data, sequence=sequence))

    def asked(self, account: str = "binaan", **page: Any) -> Decision:
        return self.handle(self.message(account, "aid.agency.request", page))


# --- authority --------------------------------------------------------------------------------------------------------


def refused(received: Received[Any], region: str | None = None, *states: BaseModel) -> list[str]:
    """The codes for which a message is refused; the agency and its head are known unless others are given."""
    known = states or (AgencyRecord(**agency().model_dump(), sequence=1), _record(official()))
    task = Task(received, lambda message, _: authority_needs(message), lambda *_: Decision())
    working = Kept(*known).load([task])
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


def test_a_copy_knows_of_a_suspension_from_its_event_and_of_the_way_back() -> None:
    """Every service refuses by what it was told itself; events that come late or twice change nothing."""
    kept = Kept()
    order = (("registered", 1, "active"), ("suspended", 2, "suspended"), ("registered", 1, "active"))
    for verb, sequence, status in order:
        told = AgencyEvent(agency=agency(status=status))
        kept.handle(kept.message("registry", f"registry.agency.{verb}", told, sequence=sequence))
    (record,) = kept.states
    assert isinstance(record, AgencyRecord)
    assert refused(message("registry.business.report"), "12.71", record) == ["authority.agency_suspended"]
    back = AgencyEvent(agency=agency())
    kept.handle(kept.message("registry", "registry.agency.reinstated", back, sequence=3))
    (record,) = kept.states
    assert refused(message("registry.business.report"), "12.71", record) == []


def test_a_copy_knows_of_the_end_of_a_term() -> None:
    """Also by aid no programme is opened by somebody who has left."""
    kept = Kept()
    kept.told(official(), 1)
    ended = OfficialEvent(official=official(status="ended", valid_until="2026-03-02"))
    kept.handle(kept.message("registry", "registry.official.ended", ended, sequence=2))
    here = AgencyRecord(**agency(permitted=["aid.programme.*"]).model_dump(), sequence=1)
    opening = message("aid.programme.open", actor="kadis")
    assert refused(opening, "12.71", here, *kept.states) == ["actor.not_in_office"]


def test_an_agency_of_a_level_without_authority_is_refused_whatever_it_was_permitted() -> None:
    """S0-13: banks take part and decide nothing."""
    bank = AgencyRecord(**agency(level="bank", permitted=["#"]).model_dump(), sequence=1)
    assert refused(message("registry.business.verify", actor="kadis"), "12.71", bank) == ["authority.level"]


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


@pytest.mark.parametrize("order", list(permutations([1, 2, 2, 3])))
def test_a_copy_ends_alike_however_events_arrive(order: tuple[int, ...]) -> None:
    """Level, not edge: doubled, late and swapped events end in the state of the highest sequence."""
    kept = Kept()
    for sequence in order:
        kept.told(agency(name=f"name {sequence}"), sequence)
        kept.told(official(unit=f"unit {sequence}"), sequence)
    assert {(type(one), one.model_dump()["sequence"]) for one in kept.states} == {
        (AgencyRecord, 3),
        (OfficialRecord, 3),
    }
    assert "name 3" in repr(kept.states)
    assert "unit 3" in repr(kept.states)


def test_a_known_event_changes_nothing() -> None:
    """Nothing to write means no transaction to conflict."""
    kept = Kept()
    kept.told(agency(), 1)
    assert kept.told(agency(), 1).changes == ()


def test_what_is_published_is_what_was_kept() -> None:
    """The public state, without our own count."""
    kept = Kept()
    kept.told(agency(), 7)
    (record,) = kept.states
    assert isinstance(record, AgencyRecord)
    assert record.published() == agency()
    assert _record(official()).published() == official()


def test_copies_are_found_by_what_authority_looks_for() -> None:
    assert AGENCIES.id_of(AgencyRecord(**agency().model_dump(), sequence=1)) == MEDAN
    assert OFFICIALS.id_of(_record(official())) == official_id(MEDAN, "kadis")


# --- the question -----------------------------------------------------------------------------------------------------


def test_the_answer_names_agencies_with_their_officials_page_by_page() -> None:
    """An operator compares two services' answers, sequences and all."""
    kept = Kept()
    for account in (KALTIM, MEDAN):
        kept.told(agency(account), 2)
    kept.told(official(), 5)
    first = kept.asked(limit=1)
    second = kept.asked(limit=1, after=first.next)
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


def test_nobody_else_may_ask() -> None:
    decision = Kept().asked(MEDAN)
    assert [one.code for one in decision.problems] == ["authority.administrator_only"]


def test_an_empty_service_answers_with_nothing() -> None:
    decision = Kept().asked()
    assert (decision.answer, decision.next) == ([], None)
