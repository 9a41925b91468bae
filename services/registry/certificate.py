"""Certificates of businesses: P-IRT, halal, merek, SNI and others; their numbers, and the days on which they end.

A clock tells once for each step (90, 30 and 7 days before the last day, by a dated table) and once when it is over,
by the calendar of the place where the business is. After a downtime it tells the step that it has come to and not
those that were missed. Another last day begins anew.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib import resources
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.registry.business import Business
from services.registry.observation import Seen, merge
from services.registry.problems import problem
from shared.contracts.problem import Problem
from shared.contracts.registry.products import (
    CERTIFICATE_CLEARABLE,
    CertificateChange,
    CertificateEvent,
    CertificateReport,
    CertificateState,
)
from shared.decision import Cause, Fact
from shared.reference import region as regions

OBSERVED = ("number", "issuer", "issued_on", "expires_on")
SEALED = frozenset({"seen"})
_ENDED = ("nonaktif", "tutup", "digabung")
"""Businesses whose certificates concern nobody, unless they come back."""
_LATER = timedelta(days=1)
_PIRT_DIGITS, _PIRT_LASTING = 15, 13


class Certificate(BaseModel):
    model_config = ConfigDict(frozen=True)

    certificate_id: str
    business_id: str
    region: str
    """Of the business, by whose calendar it ends."""
    kind: str
    number: str
    issuer: str | None = None
    issued_on: date | None = None
    expires_on: date | None = None
    status: str = "valid"
    noticed: int | None = None
    """The last step told, for this last day."""
    due: AwareDatetime | None = None
    cause: Cause
    seen: Mapping[str, Seen] = {}
    sequence: int = 0


# --- numbers ----------------------------------------------------------------------------------------------------------


def identity(kind: str, number: str) -> str:
    """What of a number makes it this certificate: letters and digits; of a P-IRT, all but the year in which it ends."""
    plain = "".join(re.findall(r"[^\W_]+", number)).casefold()
    if kind == "pirt":
        plain = re.sub(r"\D", "", plain)[:_PIRT_LASTING] or plain
    return f"{kind}|{plain}"


def key(kind: str, number: str) -> str:
    return f"certificate:{identity(kind, number)}"


def check(told: CertificateReport, known: Certificate | None, today: date) -> list[Problem]:
    """Everything that is wrong with a report of a certificate; ``today`` is the date where the business is."""
    problems = [*_check_clear(told), *_check_number(told)]
    if told.issued_on is not None and told.issued_on > today:
        problems.append(problem("certificate.issued_in_future", "data.issued_on"))
    issued, expires = (
        getattr(told, name) or (getattr(known, name) if known is not None and name not in told.clear else None)
        for name in ("issued_on", "expires_on")
    )
    if issued is not None and expires is not None and expires < issued:
        problems.append(problem("certificate.expires_before_issued", "data.expires_on"))
    return problems


def _check_clear(told: CertificateReport) -> list[Problem]:
    if not CERTIFICATE_CLEARABLE.issuperset(told.clear):
        return [problem("clear.unknown_field", "data.clear")]
    given = any(getattr(told, name) is not None for name in told.clear)
    return [problem("clear.also_given", "data.clear")] if given else []


def _check_number(told: CertificateReport) -> list[Problem]:
    """P-IRT: at least 15 digits (BPOM 22/2018, domain §2). No source gives a form for the others."""
    digits = re.sub(r"[^\w]", "", told.number.upper().replace("P-IRT", "").replace("PIRT", ""))
    wrong = told.kind == "pirt" and (not digits.isascii() or not digits.isdigit() or len(digits) < _PIRT_DIGITS)
    return [problem("certificate.pirt_number", "data.number")] if wrong else []


def warnings(told: CertificateReport, today: date) -> list[Problem]:
    """What is taken and somebody should look at: a kind that the table does not name; a P-IRT whose number says
    another year than its last day, or a place that is none."""
    found = []
    if told.kind not in {one.kind for one in policies_on(today)}:
        found.append(problem("certificate.kind_unknown", "data.kind"))
    if told.kind == "pirt":
        digits = re.sub(r"\D", "", told.number)
        if told.expires_on is not None and digits[13:15] != f"{told.expires_on.year % 100:02d}":
            found.append(problem("certificate.pirt_year", "data.expires_on"))
    return found


# --- the dated table --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Policy:
    valid_from: date
    kind: str
    notices: tuple[int, ...]
    """Days before the last day, the furthest first."""


def policies_on(day: date) -> tuple[Policy, ...]:
    return tuple(one for one in _policies() if one.valid_from <= day)


def notices_for(kind: str, day: date) -> tuple[int, ...]:
    """By the newest row for the kind; one that the table does not name is told of as any other."""
    rows = policies_on(day)
    mine = [one for one in rows if one.kind == kind] or list(rows)
    return max(mine, key=lambda one: one.valid_from).notices if mine else ()


@cache
def _policies() -> tuple[Policy, ...]:
    with resources.files(__package__).joinpath("certificates.csv").open(encoding="utf-8") as rows:
        return tuple(
            Policy(
                date.fromisoformat(row["valid_from"]),
                row["kind"],
                tuple(sorted(map(int, row["notices"].split(";")), reverse=True)),
            )
            for row in csv.DictReader(rows)
        )


# --- what is told -----------------------------------------------------------------------------------------------------


def told_fields(told: CertificateReport) -> dict[str, Any]:
    cleared = dict.fromkeys(CERTIFICATE_CLEARABLE & set(told.clear))
    return cleared | {name: value for name in OBSERVED if (value := getattr(told, name)) is not None}


def observed(
    known: Certificate | None, blank: Certificate, told: Mapping[str, Any], by: Seen, now: datetime
) -> Certificate:
    """The certificate after a report; ``blank`` is what it begins as when it is not known."""
    before = known or blank
    merged = merge(before.seen, told, by)
    if not merged.won and before.business_id == blank.business_id:
        return before
    after = before.model_copy(
        update={**merged.won, "seen": merged.seen, "business_id": blank.business_id, "region": blank.region}
    )
    return _begun(after, now) if known is None or after.expires_on != before.expires_on else _timed(after, now)


def _begun(certificate: Certificate, now: datetime) -> Certificate:
    """With nothing told yet of this last day; one that is over already when it is first heard of needs no notice."""
    over = certificate.expires_on is not None and certificate.expires_on < _today(certificate, now)
    return _timed(certificate.model_copy(update={"status": "expired" if over else "valid", "noticed": None}), now)


def _today(certificate: Certificate, now: datetime) -> date:
    return regions.local_date(now, certificate.region)


def _timed(certificate: Certificate, now: datetime) -> Certificate:
    """With the instant of the next step: the first midnight of its place on which there is something to tell."""
    return certificate.model_copy(update={"due": _next(certificate, now)})


def _next(certificate: Certificate, now: datetime) -> datetime | None:
    last = certificate.expires_on
    if last is None or certificate.status == "expired":
        return None
    notices = notices_for(certificate.kind, _today(certificate, now))
    left = [days for days in notices if certificate.noticed is None or days < certificate.noticed]
    day = last - timedelta(days=left[0]) if left else last + timedelta(days=1)
    return datetime.combine(day, time(), regions.timezone(certificate.region)).astimezone(UTC)


# --- the clock --------------------------------------------------------------------------------------------------------


def looked_at(certificate: Certificate, business: Business | None, now: datetime) -> tuple[Certificate, list[Fact]]:
    """What the clock makes of a certificate that is due: the one step it has come to, and the instant of the next;
    nothing as long as the business is no more."""
    if certificate.expires_on is None or business is None:
        return certificate.model_copy(update={"due": None}), []
    if business.status in _ENDED:
        return certificate.model_copy(update={"due": now + _LATER}), []
    here = certificate.model_copy(update={"region": business.region})
    today = _today(here, now)
    days_left = (certificate.expires_on - today).days
    if days_left < 0:
        return _told(here.model_copy(update={"status": "expired"}), "expired", CertificateChange(), now)
    reached = [days for days in notices_for(here.kind, today) if days_left <= days]
    if not reached or (here.noticed is not None and reached[-1] >= here.noticed):
        return _timed(here, now), []
    after = here.model_copy(update={"status": "expiring", "noticed": reached[-1]})
    return _told(after, "expiring", CertificateChange(days_left=days_left, notice=reached[-1]), now)


def _told(after: Certificate, what: str, change: CertificateChange, now: datetime) -> tuple[Certificate, list[Fact]]:
    timed = _timed(after, now)
    return announced(timed, what, change, timed.cause)


# --- what the world sees ----------------------------------------------------------------------------------------------


def public(certificate: Certificate) -> CertificateState:
    return CertificateState(**{name: getattr(certificate, name) for name in CertificateState.model_fields})


def reported(before: Certificate | None, after: Certificate) -> tuple[Certificate, list[Fact]]:
    """With its next sequence and its event, if anything public has changed."""
    if before is None:
        return announced(after, "recorded", CertificateChange())
    old, new = public(before), public(after)
    fields = tuple(name for name in CertificateState.model_fields if getattr(old, name) != getattr(new, name))
    return announced(after, "updated", CertificateChange(fields=fields)) if fields else (after, [])


def announced(
    certificate: Certificate, what: str, change: CertificateChange, cause: Cause | None = None
) -> tuple[Certificate, list[Fact]]:
    numbered = certificate.model_copy(update={"sequence": certificate.sequence + 1})
    event = CertificateEvent(certificate=public(numbered), change=change)
    kind = f"registry.certificate.{what}"
    return numbered, [Fact(kind, numbered.certificate_id, numbered.region, numbered.sequence, event, cause)]


def moved(certificate: Certificate, business: Business) -> tuple[Certificate, list[Fact]]:
    """At the business that lives on after a merge."""
    update = {"business_id": business.business_id, "region": business.region}
    return reported(certificate, certificate.model_copy(update=update))
