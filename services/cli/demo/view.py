"""What an outsider knows who reads every public event: the newest state of each thing, and the way it came about.

Level, not edge: of each subject the event with the highest `sequence` counts, so doubled and late ones change nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.cli.events import Event

State = Mapping[str, Any]


@dataclass(slots=True)
class View:
    """`newest` is by thing and subject; `seen` holds this run's events in the order they came, each once."""

    newest: dict[str, dict[str, Event]] = field(default_factory=dict)
    recorded: set[str] = field(default_factory=set)
    """Businesses that were told of as seen for the first time."""
    answered_for: dict[str, str] = field(default_factory=dict)
    """The id of each event that tells an answer → the programme it is about."""
    opened_by: dict[str, str] = field(default_factory=dict)
    """Programme → the message that opened it."""
    seen: list[Event] = field(default_factory=list)
    _ids: set[str] = field(default_factory=set)

    def take(self, event: Event, *, now_running: bool) -> bool:
        """Take an event in; False for a repetition."""
        if (id_ := str(event.envelope.get("id"))) in self._ids:
            return False
        self._ids.add(id_)
        if now_running:
            self.seen.append(event)
        thing, subject = thing_of(event), subject_of(event)
        known = self.newest.setdefault(thing, {}).get(subject)
        if known is None or _sequence(known) < _sequence(event):
            self.newest[thing][subject] = event
        if event.key == "registry.business.recorded":
            self.recorded.add(subject)
        if event.key == "aid.eligibility.assessed":
            self.answered_for[id_] = str(state_of(event).get("programme_id"))
        if event.key == "aid.programme.opened":
            self.opened_by[subject] = str(event.envelope.get("correlationid"))
        return True

    @property
    def count(self) -> int:
        """How many different events there have been."""
        return len(self._ids)

    def events(self, thing: str) -> Iterable[Event]:
        """The newest event of each subject: `business`, `programme`, `eligibility`, `message`, `official`."""
        return self.newest.get(thing, {}).values()

    def states(self, thing: str) -> Iterable[State]:
        return (state_of(event) for event in self.events(thing))

    def state(self, thing: str, subject: str) -> State:
        """A subject's newest public state; empty while it is not known."""
        event = self.newest.get(thing, {}).get(subject)
        return state_of(event) if event else {}

    def chain(self, correlation: str) -> list[Event]:
        """Everything that this run's message with that id has brought about, in the order in which it happened."""
        found = [event for event in self.seen if event.envelope.get("correlationid") == correlation]
        return sorted(found, key=happened_at)


def thing_of(event: Event) -> str:
    return event.key.split(".")[1] if event.key.count(".") > 1 else ""


def subject_of(event: Event) -> str:
    return str(event.envelope.get("subject"))


def state_of(event: Event) -> State:
    found = event.data.get(thing_of(event))
    return found if isinstance(found, Mapping) else {}


def happened_at(event: Event) -> datetime:
    return datetime.fromisoformat(str(event.envelope.get("time")))


def _sequence(event: Event) -> str:
    return str(event.envelope.get("sequence"))
