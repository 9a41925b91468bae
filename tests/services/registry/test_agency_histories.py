"""Histories of agencies and officials: whatever is said of them in whatever order, one rule says who is heard."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.agencies import AGENCIES, OFFICIALS
from shared.contracts.authority import official_id
from tests.services.registry.memory import MEDAN, NOW, PERMITTED, Registry, codes

TODAY = NOW.date()
"""The memory's clock stands at ten in the morning in Medan."""
SUSPENDED = ("authority.agency_suspended", "source")
NOT_IN_OFFICE = ("actor.not_in_office", "actor")


# --- suspension -------------------------------------------------------------------------------------------------------

words = st.one_of(
    st.tuples(st.just("register"), st.sampled_from(["Dinas Satu", "Dinas Dua"])),
    st.tuples(st.sampled_from(["suspend", "reinstate"]), st.just("alasan")),
)


@given(history=st.lists(words, max_size=8))
def test_an_agency_is_heard_unless_the_last_word_was_to_stop_it(history: list[tuple[str, str]]) -> None:
    """Registrations in between change nothing about it; each change is one event and one number (the memory counts)."""
    registry = Registry()
    stopped = False
    for verb, said in history:
        registry.accept(f"registry.agency.{verb}", _about(verb, said), "binaan")
        stopped = {"suspend": True, "reinstate": False}.get(verb, stopped)
        refused = codes(registry.send("registry.official.request", {}))
        assert refused == ([SUSPENDED] if stopped else [])
    (known,) = (one for one in registry.all(AGENCIES) if one.agency == MEDAN)
    assert known.status == ("suspended" if stopped else "active")
    assert known.sequence == 1 + len(registry.facts)


def _about(verb: str, said: str) -> dict[str, Any]:
    if verb == "register":
        return {"agency": MEDAN, "name": said, "level": "kabkota", "region": "12.71", "permitted": PERMITTED}
    return {"agency": MEDAN, "reason": said}


# --- terms ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Term:
    """A term, said a second time and more simply than the code says it."""

    first: date
    last: date | None
    ended: bool = False

    def covers(self, day: date) -> bool:
        return not self.ended and self.first <= day and (self.last is None or day <= self.last)

    def is_over(self, day: date) -> bool:
        return self.ended or (self.last is not None and self.last < day)

    def after_end(self, last_day: date | None, day: date) -> Term:
        if last_day is None:
            return self if self.is_over(day) else replace(self, ended=True)
        fits = day <= last_day and self.first <= last_day and (self.last is None or last_day <= self.last)
        return replace(self, last=last_day) if fits and not self.is_over(day) else self


days = st.integers(-3, 3).map(lambda distance: TODAY + timedelta(days=distance))
registrations = st.tuples(st.just("register"), days, st.none() | days)
ends = st.tuples(st.just("end"), st.none() | days, st.none())
pauses = st.tuples(st.just("wait"), st.integers(0, 2), st.none())


@given(history=st.lists(st.one_of(registrations, ends, pauses), max_size=8))
def test_an_official_decides_on_the_days_of_the_term_and_on_no_other(history: list[tuple[Any, ...]]) -> None:
    """S0-03, S4-10: whatever was registered, ended and registered again, and however the days have gone by."""
    registry = Registry()
    term = Term(date(2020, 1, 1), None)
    business_id = registry.recorded()
    for verb, first, second in history:
        today = registry.now.date()
        if verb == "wait":
            registry.now += timedelta(days=first)
        elif verb == "end":
            registry.send("registry.official.end", {"official": "kadis", **_if("last_day", first)})
            term = term.after_end(first, today)
        elif second is None or first <= second:
            said = {"official": "kadis", "role": "kadis", "valid_from": first.isoformat(), **_if("valid_until", second)}
            registry.accept("registry.official.register", said)
            term = Term(first, second)
        refused = codes(registry.decide("verify", business_id))
        assert (NOT_IN_OFFICE in refused) is not term.covers(registry.now.date())
    (known,) = (one for one in registry.all(OFFICIALS) if one.official_id == official_id(MEDAN, "kadis"))
    told = [fact for fact in registry.facts if fact.subject == known.official_id]
    assert known.sequence == 1 + len(told)


def _if(name: str, day: date | None) -> dict[str, str]:
    return {} if day is None else {name: day.isoformat()}
