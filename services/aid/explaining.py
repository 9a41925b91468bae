"""Why an answer is what it is: each criterion with the facts it was judged on, and where each fact came from.

A fact that registry has told is as of the event that the copy was made from (``subject`` and ``sequence``); what the
person has been given is known by its intervention, what others have said of the person by the message they sent it in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from services.aid.candidate import Candidate
from services.aid.criteria import counted, singles
from services.aid.eligibility import judge_now
from services.aid.exclusion import reasons
from services.aid.programme import Programme
from services.aid.recipient import GIVEN, Intervention
from services.aid.wording import ADMINISTRATIVE
from shared.contracts.aid.criteria import (
    AgeAtLeast,
    CertificateHeld,
    CooperativeStatusIs,
    Criterion,
    HealthIs,
    KbliIn,
    MembersAtLeast,
    NeedIs,
    NeverReceived,
    PriorAidAtMost,
    RatHeld,
    RoleIs,
    ScaleIn,
    SectorIn,
    StatusIs,
)
from shared.contracts.envelope import format_sequence

Fact = dict[str, Any]
"""``{"fact", "value", "subject", "sequence"}``, or with ``intervention_id`` in the place of the last two."""

_FIELDS: dict[type, tuple[str, ...]] = {
    StatusIs: ("status", "status_since"),
    ScaleIn: ("scale", "scale_basis"),
    RoleIs: ("role",),
    KbliIn: ("kbli",),
    SectorIn: ("kbli",),
    NeedIs: ("needs",),
    AgeAtLeast: ("started_on",),
    CooperativeStatusIs: ("status", "status_since"),
    RatHeld: ("last_rat",),
    HealthIs: ("health",),
    MembersAtLeast: ("members", "listed_members"),
}
"""What of the public state a single criterion looks at; any other looks at the region."""


def explained(candidate: Candidate, programme: Programme, *, full: bool) -> dict[str, Any]:
    """The answer as of now, criterion by criterion. ``full`` adds what is known about the person: for the agency that
    decides, and nobody else."""
    judged = judge_now(candidate, programme)
    own = iter(programme.criteria)
    criteria: list[dict[str, Any]] = []
    common = len(judged.criteria) - len(programme.criteria)
    checked = judged.criteria[-1].code == ADMINISTRATIVE
    before = common - checked
    for place, one in enumerate(judged.criteria):
        said = one.model_dump(mode="json")
        if one.code == ADMINISTRATIVE and place == len(judged.criteria) - 1:
            checks = reasons(candidate.standing, programme.required_checks, candidate.on)
            criteria.append({**said, "checks": checks} if full else said)
        elif place < before:
            criteria.append({**said, "facts": list(_of_state(("region",) if place == 0 else ("status",), candidate))})
        else:
            criteria.append({**said, "facts": list(_facts(next(own), candidate))})
    return {
        "verdict": judged.verdict,
        "prior_interventions": judged.prior_interventions,
        "judged_on": candidate.on.isoformat(),
        "criteria": criteria,
    }


def _facts(criterion: Criterion, candidate: Candidate) -> Iterator[Fact]:
    for one in dict.fromkeys(singles((criterion,))):
        match one:
            case NeverReceived():
                yield from map(_of_intervention, (each for each in candidate.interventions if each.stage in GIVEN))
            case PriorAidAtMost():
                yield from map(_of_intervention, counted(one, candidate))
            case CertificateHeld():
                yield from _of_certificates(one, candidate)
            case _:
                yield from _of_state(_FIELDS.get(type(one), ("region",)), candidate)


def _of_state(names: tuple[str, ...], candidate: Candidate) -> Iterator[Fact]:
    state = candidate.business or candidate.cooperative
    if state is None:
        yield {"fact": "region", "value": candidate.region}
        return
    known = state.model_dump(mode="json", exclude_none=True)
    for name in names:
        source = {"subject": candidate.beneficiary_id, "sequence": format_sequence(candidate.sequence)}
        yield {"fact": name, "value": known.get(name), **source}


def _of_intervention(one: Intervention) -> Fact:
    value = one.model_dump(mode="json", include={"agency", "kind", "purpose", "on", "stage"}, exclude_none=True)
    return {"fact": "intervention", "value": value, "intervention_id": one.intervention_id}


def _of_certificates(criterion: CertificateHeld, candidate: Candidate) -> Iterator[Fact]:
    held = candidate.certificates.by_id.items() if candidate.certificates is not None else ()
    for id_, one in held:
        if one.kind in criterion.values:
            value = {"kind": one.kind, "expires_on": one.expires_on.isoformat() if one.expires_on else None}
            yield {"fact": "certificate", "value": value, "subject": id_, "sequence": format_sequence(one.sequence)}
