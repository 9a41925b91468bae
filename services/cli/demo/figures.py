"""The figures of a run, counted from events, and whether they agree with the replies and with the files' truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from services.cli.demo.offices import Office
from services.cli.demo.passes import Answer
from services.cli.demo.view import State, View, state_of
from services.cli.events import Event

_UNDER_WAY = frozenset({"queued", "sending"})
_TOLD = frozenset({"sent", "delivered"})


@dataclass(slots=True)
class Run:
    """What one office has done in this run, and what it was answered."""

    office: Office
    decree: Mapping[str, str] = field(default_factory=dict)
    programme_id: str = ""
    imported: list[Answer] = field(default_factory=list)
    verified: list[Answer] = field(default_factory=list)
    designated: list[Answer] = field(default_factory=list)

    @property
    def businesses(self) -> frozenset[str]:
        """Those of the office's file."""
        return frozenset(one.business_id for one in self.imported if one.accepted)

    @property
    def taken(self) -> frozenset[str]:
        """Those that were designated."""
        return frozenset(one.business_id for one in self.designated if one.accepted)


@dataclass(frozen=True, slots=True)
class Figures:
    """Counted from events, but for `rows` and `refused`, which only the office was told."""

    rows: int
    recorded: int
    refused: int
    binaan: int
    assessed: int
    eligible: int
    told: int
    not_told: Mapping[str, int]


NAMES = ("rows", "recorded", "refused", "binaan", "assessed", "eligible", "told")


class Told:
    """The messages about one programme. A message is known by the answer that gave reason for it."""

    def __init__(self, view: View, run: Run) -> None:
        self.messages = [one for one in view.events("message") if _programme_of(view, one) == run.programme_id]
        self._view = view

    @property
    def sent(self) -> list[State]:
        return [state for state in map(state_of, self.messages) if state.get("state") in _TOLD]

    @property
    def withdrawn(self) -> Mapping[str, int]:
        """How many were not sent, by reason."""
        left = (one for one in self.messages if state_of(one).get("state") not in _TOLD)
        return dict(Counter(str((one.data.get("change") or {}).get("reason")) for one in left))

    @property
    def settled_owners(self) -> set[str]:
        """Owners whose message has come to an end."""
        ended = (one for one in map(state_of, self.messages) if one.get("state") not in _UNDER_WAY)
        return {owner_of(self._view, str(one.get("beneficiary_id"))) for one in ended}


def _programme_of(view: View, message: Event) -> str | None:
    return view.answered_for.get(str(state_of(message).get("caused_by")))


def owner_of(view: View, business_id: str) -> str:
    return str(view.state("business", business_id).get("owner_id"))


def answers(view: View, run: Run) -> dict[str, State]:
    """What the programme says of each business of the file, by business."""
    businesses = run.businesses
    found = ((str(one.get("beneficiary_id")), one) for one in _answers_of(view, run.programme_id))
    return {business: state for business, state in found if business in businesses}


def answered(view: View, programme_id: str) -> set[str]:
    """Every business that a programme has said something of."""
    return {str(one.get("beneficiary_id")) for one in _answers_of(view, programme_id)}


def _answers_of(view: View, programme_id: str) -> Iterator[State]:
    return (one for one in view.states("eligibility") if one.get("programme_id") == programme_id)


def eligible_of(view: View, run: Run) -> set[str]:
    return {business for business, state in answers(view, run).items() if state.get("eligible")}


def count(view: View, run: Run) -> Figures:
    told = Told(view, run)
    return Figures(
        rows=len(run.imported),
        recorded=len(run.businesses & view.recorded),
        refused=sum(1 for one in run.imported if one.problems and not one.accepted),
        binaan=sum(1 for one in run.businesses if view.state("business", one).get("status") == "binaan"),
        assessed=len(answers(view, run)),
        eligible=len(eligible_of(view, run)),
        told=len(told.sent),
        not_told=told.withdrawn,
    )


def is_settled(view: View, run: Run) -> bool:
    """Whether every consequence of the run is in the history: each business answered for, those designated as they
    now are, and the message to each eligible owner at its end."""
    found = answers(view, run)
    if not run.businesses <= found.keys():
        return False
    sequences = {one: str(view.newest["business"][one].envelope.get("sequence")) for one in run.taken}
    if any(str(found[one].get("assessed_from_sequence")) < sequence for one, sequence in sequences.items()):
        return False
    owners = {owner_of(view, one) for one in eligible_of(view, run)}
    return owners <= Told(view, run).settled_owners


# -- agreement ---------------------------------------------------------------------------------------------------------


def disagreements(view: View, run: Run, spooled: Counter[str] | None) -> Iterator[str]:
    """What does not fit together among rows, replies, events and, where it can be read, the messages written."""
    figures, told = count(view, run), Told(view, run)
    eligible = eligible_of(view, run)
    owners = {owner_of(view, one) for one in eligible}
    equal = (
        ("rows = recorded + refused", figures.rows, figures.recorded + figures.refused),
        ("accepted reports = businesses recorded in events", len(run.businesses), figures.recorded),
        ("accepted verifications = accepted designations", _accepted(run.verified), _accepted(run.designated)),
        ("accepted designations = binaan in events", len(run.taken), figures.binaan),
        ("assessed = recorded", figures.assessed, figures.recorded),
        ("owners of eligible businesses = told + not told", len(owners), len(told.messages)),
        ("eligible businesses that are not binaan = 0", len(eligible - run.taken), 0),
    )
    yield from (f"{what}: {left} and {right}" for what, left, right in equal if left != right)
    if spooled is not None:
        wrong = [one for one in told.sent if spooled[str(one["message_id"])] != 1]
        yield from [f"messages told in events but not written exactly once: {len(wrong)}"] if wrong else []


def untrue(run: Run, figures: Figures, truth: Mapping[str, Any]) -> Iterator[str]:
    """Where the figures, or the reasons of a refused row, are not what is known of the file."""
    counted = asdict(figures)
    for name in (*NAMES, "not_told"):
        if counted[name] != truth[name]:
            yield f"{name}: counted {counted[name]}, known {truth[name]}"
    known = {int(one["row"]): sorted(one["problems"]) for one in truth["wrong"]}
    found = {one.row: _reasons(one) for one in run.imported if not one.accepted}
    for row in sorted(known.keys() | found.keys()):
        if known.get(row) != found.get(row):
            yield f"row {row}: answered {found.get(row, 'nothing')}, known {known.get(row, 'nothing wrong')}"


def _reasons(answer: Answer) -> list[str]:
    return sorted(" ".join(filter(None, (one.get("code"), one.get("field")))) for one in answer.problems)


def _accepted(found: Sequence[Answer]) -> int:
    return sum(1 for one in found if one.accepted)
