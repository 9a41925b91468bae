"""The catalogue: every message type there is, with its model, owner, exchange, version and rules of the door.

One place knows them all; the codec, the documents and the tests read it here.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from shared.contracts import common, notify
from shared.contracts.aid import (
    budgets,
    eligibilities,
    exclusions,
    external_grants,
    grants,
    overlaps,
    programmes,
    recipients,
)
from shared.contracts.envelope import CONTACTS, EVENTS, INTAKE, REPLIES
from shared.contracts.fields import DataClass
from shared.contracts.registry import (
    agencies,
    businesses,
    censuses,
    cooperatives,
    owners,
    persons,
    products,
    statistics,
)

SERVICES = ("registry", "aid", "notify")


class Kind(StrEnum):
    INTAKE = "intake"
    EVENT = "event"
    CONTACT = "contact"
    REPLY = "reply"


_EXCHANGES: Mapping[Kind, str] = {
    Kind.INTAKE: INTAKE,
    Kind.EVENT: EVENTS,
    Kind.CONTACT: CONTACTS,
    Kind.REPLY: REPLIES,
}


@dataclass(frozen=True, slots=True)
class MessageType:
    """One type of message. ``key`` is its short name and, on intake, its routing key: ``registry.business.report``.

    ``observed``: the sender must say when (``time``). ``decision``: an official stands behind it (``actor``).
    ``administrator``: only our own administrator may send it. ``question``: it changes nothing and is answered.
    """

    key: str
    kind: Kind
    model: type[BaseModel]
    summary: str
    version: int = 1
    observed: bool = False
    decision: bool = False
    administrator: bool = False
    question: bool = False

    @property
    def name(self) -> str:
        return f"id.binaan.{self.key}.v{self.version}"

    @property
    def schema_id(self) -> str:
        return f"urn:binaan:schema:{self.name}"

    @property
    def service(self) -> str:
        return self.key.split(".", 1)[0]

    @property
    def exchange(self) -> str:
        return _EXCHANGES[self.kind]


def _intake(key: str, model: type[BaseModel], summary: str, **rules: bool) -> MessageType:
    return MessageType(key=key, kind=Kind.INTAKE, model=model, summary=summary, **rules)


def _decision(key: str, model: type[BaseModel], summary: str) -> MessageType:
    return _intake(key, model, summary, decision=True)


def _event(key: str, model: type[BaseModel], summary: str) -> MessageType:
    return MessageType(key=key, kind=Kind.EVENT, model=model, summary=summary)


def _of_every_service(service: str) -> Iterator[MessageType]:
    yield _intake(
        f"{service}.held.request", common.HeldRequest, "What is held here?", administrator=True, question=True
    )
    yield _intake(f"{service}.held.requeue", common.HeldRequeue, "Try a held message again.", administrator=True)
    yield _intake(f"{service}.held.discard", common.HeldDiscard, "Give up a held message for good.", administrator=True)
    yield _event(f"{service}.held.requeued", common.HeldEvent, "A held message is tried again.")
    yield _event(f"{service}.held.discarded", common.HeldEvent, "A held message was given up for good.")
    for verb, model, summary in (
        ("accepted", common.Accepted, "The message was accepted; what came of it."),
        ("rejected", common.Rejected, "The message was rejected; why."),
        ("answered", common.Answered, "The answer to a question."),
    ):
        yield MessageType(key=f"{service}.reply.{verb}", kind=Kind.REPLY, model=model, summary=summary)


def _agencies() -> Iterator[MessageType]:
    agency, official = agencies.AgencyEvent, agencies.OfficialEvent
    yield _intake(
        "registry.agency.register", agencies.AgencyRegister, "Make an account known as an agency.", administrator=True
    )
    yield _intake(
        "registry.agency.suspend", agencies.AgencySuspend, "Stop an agency: it is heard no more.", administrator=True
    )
    yield _intake(
        "registry.agency.reinstate", agencies.AgencyReinstate, "Let a suspended agency speak again.", administrator=True
    )
    yield _intake("registry.agency.request", common.AgencyRequest, "Which agencies are known?", question=True)
    yield _intake("registry.official.register", agencies.OfficialRegister, "Name an official of an agency.")
    yield _intake("registry.official.end", agencies.OfficialEnd, "End the term of an official.")
    yield _intake("registry.official.request", agencies.OfficialRequest, "Which officials are known?", question=True)
    yield _event("registry.agency.registered", agency, "An agency is known or has changed.")
    yield _event("registry.agency.suspended", agency, "An agency is heard no more.")
    yield _event("registry.agency.reinstated", agency, "A suspended agency is heard again.")
    yield _event("registry.official.registered", official, "An official is known or has changed.")
    yield _event("registry.official.ended", official, "The term of an official has ended or will end.")


def _owners() -> Iterator[MessageType]:
    yield _intake(
        "registry.consent.record", owners.ConsentRecord, "Record that an owner agrees to messages.", observed=True
    )
    yield _intake(
        "registry.consent.withdraw", owners.ConsentWithdraw, "An owner agrees to messages no more.", observed=True
    )
    yield _decision("registry.owner.correct", owners.OwnerCorrect, "Put right what is recorded of an owner.")
    yield _intake("registry.owner.request", owners.OwnerRequest, "Who are these owners?", question=True)
    yield _intake("registry.access.request", owners.AccessRequest, "Who has read an owner's data?", question=True)
    yield _intake("registry.person.match", persons.PersonMatch, "Which owners are these people, by NIK?")
    yield _event("registry.person.matched", persons.PersonEvent, "Somebody who was asked about is an owner now.")
    yield _decision("registry.owner.erase", owners.OwnerErase, "Erase all that is known of a person.")
    yield _event("registry.owner.identified", owners.OwnerEvent, "A provisional owner is known by a number now.")
    yield _event("registry.owner.joined", owners.OwnerEvent, "A record turned out to be of another owner.")
    yield _event("registry.owner.erased", owners.OwnerEvent, "A person was erased; the id is all that is left.")
    for verb, summary in (("changed", "How to reach an owner."), ("erased", "An owner's contact is gone for good.")):
        yield MessageType(key=f"registry.contact.{verb}", kind=Kind.CONTACT, model=owners.ContactEvent, summary=summary)


def _businesses() -> Iterator[MessageType]:
    business = businesses.BusinessEvent
    yield _intake(
        "registry.business.report", businesses.BusinessReport, "Tell what is known of a business.", observed=True
    )
    yield _intake(
        "registry.business.report_many",
        businesses.BusinessReportMany,
        "Tell what is known of up to 500 businesses, with a verdict for each.",
        observed=True,
    )
    yield _intake("registry.business.request", businesses.BusinessRequest, "Which businesses are known?", question=True)
    yield _decision("registry.business.verify", businesses.BusinessVerify, "Confirm that a business is as recorded.")
    yield _decision(
        "registry.business.designate", businesses.BusinessDesignate, "Take a business under guidance (binaan)."
    )
    yield _decision(
        "registry.business.release", businesses.BusinessRelease, "Release a business as independent (mandiri)."
    )
    yield _decision(
        "registry.business.deactivate", businesses.BusinessDeactivate, "Record that a business is inactive."
    )
    yield _decision("registry.business.reactivate", businesses.BusinessReactivate, "Record that a business is back.")
    yield _decision(
        "registry.business.withdraw", businesses.BusinessWithdraw, "Let a business leave guidance at its own wish."
    )
    yield _decision("registry.business.close", businesses.BusinessClose, "Record that a business has ceased for good.")
    yield _decision("registry.business.merge", businesses.BusinessMerge, "Declare two records to be one business.")
    yield _decision(
        "registry.business.declare_distinct",
        businesses.BusinessDeclareDistinct,
        "Declare two businesses that look alike to be two.",
    )
    yield _event("registry.business.recorded", business, "A business was seen for the first time.")
    yield _event("registry.business.updated", business, "The public state of a business changed.")
    yield _event("registry.business.verified", business, "An official confirmed a business.")
    yield _event("registry.business.designated", business, "A business became binaan.")
    yield _event("registry.business.released", business, "A business became mandiri.")
    yield _event("registry.business.deactivated", business, "A business became nonaktif.")
    yield _event("registry.business.reactivated", business, "A business came back to terdata.")
    yield _event("registry.business.withdrawn", business, "A business left guidance at its own wish.")
    yield _event("registry.business.closed", business, "A business ceased for good (tutup).")
    yield _event(
        "registry.business.duplicate_suspected", business, "A business may be the same as others; nothing is merged."
    )
    yield _event("registry.business.declared_distinct", business, "Two businesses that look alike were declared two.")
    yield _event("registry.business.merged", business, "A business was merged into another (digabung).")
    yield _event("registry.business.scale_raised", business, "A verified business moved up in scale (naik kelas).")
    yield _event("registry.business.scale_lowered", business, "A verified business moved down in scale.")


def _products() -> Iterator[MessageType]:
    yield _intake(
        "registry.product.report", products.ProductReport, "Tell what a business makes or sells.", observed=True
    )
    yield _intake(
        "registry.certificate.report",
        products.CertificateReport,
        "Tell of a certificate of a business (P-IRT, halal, merek, SNI).",
        observed=True,
    )
    yield _intake(
        "registry.product.request", products.OfBusinessRequest, "What does this business make or sell?", question=True
    )
    yield _intake(
        "registry.certificate.request",
        products.OfBusinessRequest,
        "Which certificates has this business?",
        question=True,
    )
    yield _event("registry.product.recorded", products.ProductEvent, "A product was seen for the first time.")
    yield _event("registry.product.updated", products.ProductEvent, "The public state of a product changed.")
    for what, summary in (
        ("recorded", "A certificate was seen for the first time."),
        ("updated", "The public state of a certificate changed."),
        ("expiring", "A certificate ends in 90, 30 or 7 days."),
        ("expired", "A certificate is over."),
    ):
        yield _event(f"registry.certificate.{what}", products.CertificateEvent, summary)


def _cooperatives() -> Iterator[MessageType]:
    cooperative, drive = cooperatives.CooperativeEvent, cooperatives.DriveEvent
    yield _intake(
        "registry.cooperative.report",
        cooperatives.CooperativeReport,
        "Tell what is known of a cooperative that exists.",
        observed=True,
    )
    yield _intake("registry.cooperative.form", cooperatives.CooperativeForm, "Begin to form a cooperative.")
    yield _intake("registry.cooperative.enroll", cooperatives.CooperativeEnroll, "List members of a cooperative.")
    yield _intake("registry.cooperative.resign", cooperatives.CooperativeResign, "Take members off the list.")
    yield _decision("registry.cooperative.found", cooperatives.CooperativeFound, "Found a cooperative.")
    yield _decision(
        "registry.cooperative.record_rat",
        cooperatives.CooperativeRecordRat,
        "Record the yearly meeting of a cooperative (RAT).",
    )
    yield _decision(
        "registry.cooperative.assess", cooperatives.CooperativeAssess, "Record the health class of a cooperative."
    )
    yield _decision("registry.cooperative.dissolve", cooperatives.CooperativeDissolve, "Dissolve a cooperative.")
    yield _intake(
        "registry.cooperative.report_outcome",
        cooperatives.CooperativeReportOutcome,
        "Tell what a cooperative has brought about in a year.",
        observed=True,
    )
    yield _intake(
        "registry.cooperative.request", cooperatives.CooperativeRequest, "Which cooperatives are there?", question=True
    )
    yield _decision("registry.drive.open", cooperatives.DriveOpen, "Open a drive to form cooperatives.")
    yield _intake(
        "registry.drive.request",
        cooperatives.DriveRequest,
        "How far is a drive, and whom could it win?",
        question=True,
    )
    for verb, summary in (
        ("recorded", "A cooperative was seen for the first time."),
        ("updated", "The public state of a cooperative changed."),
        ("formation_started", "A cooperative is being formed."),
        ("founded", "A cooperative was founded."),
        ("rat_recorded", "A cooperative has held its yearly meeting (RAT)."),
        ("rat_due", "The RAT of a cooperative is due soon."),
        ("status_changed", "A cooperative became aktif, berisiko or tidak aktif."),
        ("assessed", "The health class of a cooperative was assessed."),
        ("dissolved", "A cooperative was dissolved, or its forming given up."),
    ):
        yield _event(f"registry.cooperative.{verb}", cooperative, summary)
    for verb, summary in (
        ("opened", "A drive to form cooperatives was opened."),
        ("progressed", "A cooperative of a drive is being formed, was founded or was given up."),
        ("achieved", "A drive has met its target."),
        ("lapsed", "The deadline of a drive passed and its target was not met."),
    ):
        yield _event(f"registry.drive.{verb}", drive, summary)


def _censuses() -> Iterator[MessageType]:
    yield _decision("registry.census.open", censuses.CensusOpen, "Open a census of businesses (pendataan ulang).")
    yield _intake(
        "registry.census.record", censuses.CensusRecord, "Tell what a visit to a business has found.", observed=True
    )
    yield _intake(
        "registry.census.request",
        censuses.CensusRequest,
        "How far is a census, whom did it miss?",
        question=True,
    )
    yield _event("registry.census.opened", censuses.CensusEvent, "A census of businesses was opened.")
    yield _event("registry.census.closed", censuses.CensusEvent, "The last day of a census has passed.")


def _statistics() -> Iterator[MessageType]:
    yield _intake(
        "registry.statistics.request", statistics.StatisticsRequest, "How many are there, by what?", question=True
    )
    yield _decision("registry.statistics.publish", statistics.StatisticsPublish, "Publish how many there are.")
    yield _event("registry.statistics.published", statistics.StatisticsEvent, "Figures of a region were published.")


def _aid() -> Iterator[MessageType]:
    yield _intake(
        "aid.agency.request", common.AgencyRequest, "Which agencies are known?", administrator=True, question=True
    )
    yield _decision("aid.programme.open", programmes.ProgrammeOpen, "Open a programme of aid or training.")
    yield _decision("aid.programme.close", programmes.ProgrammeClose, "Close a programme.")
    yield _event("aid.programme.opened", programmes.ProgrammeEvent, "A programme was opened.")
    yield _event("aid.programme.closed", programmes.ProgrammeEvent, "A programme was closed.")
    yield _event(
        "aid.eligibility.assessed",
        eligibilities.EligibilityEvent,
        "The answer for a beneficiary and a programme is new or changed.",
    )


def _aid_money() -> Iterator[MessageType]:
    yield _decision("aid.budget.allot", budgets.BudgetAllot, "Enter a line of the agency's budget.")
    yield _decision("aid.budget.revise", budgets.BudgetRevise, "Change the ceiling of a budget line (P-APBD).")
    yield _intake("aid.budget.request", budgets.BudgetRequest, "How much of the money is left?", question=True)
    for verb, summary in (
        ("allotted", "A budget line has its first ceiling."),
        ("revised", "A budget line has another ceiling."),
        ("entered", "Money of a budget line was reserved, committed, realised or released."),
        ("lagging", "Less of a budget line is realised than should be by now."),
    ):
        yield _event(f"aid.budget.{verb}", budgets.BudgetEvent, summary)


def _aid_grants() -> Iterator[MessageType]:
    yield _decision("aid.grant.propose", grants.GrantPropose, "Draft a grant for a beneficiary.")
    yield _decision("aid.grant.submit", grants.GrantSubmit, "Hand in a draft to be checked.")
    yield _decision("aid.grant.verify", grants.GrantVerify, "Confirm that a grant is in order; its money is reserved.")
    yield _decision("aid.grant.endorse", grants.GrantEndorse, "Stand for a hibah in a second year running.")
    yield _decision("aid.grant.decide", grants.GrantDecide, "Decide a grant by decree (SK).")
    yield _decision("aid.grant.agree", grants.GrantAgree, "Record the agreement of a grant (NPHD).")
    yield _decision("aid.grant.hand_over", grants.GrantHandOver, "Record what was handed over (BAST).")
    yield _decision("aid.grant.report", grants.GrantReport, "Record the beneficiary's report.")
    yield _decision("aid.grant.monitor", grants.GrantMonitor, "Record what was found at a visit.")
    yield _decision("aid.grant.reject", grants.GrantReject, "Refuse a grant that was handed in.")
    yield _decision("aid.grant.cancel", grants.GrantCancel, "Give up a grant; its money is released.")
    yield _intake("aid.grant.request", grants.GrantRequest, "Which grants are there?", question=True)
    for verb, summary in (
        ("proposed", "A grant was drafted."),
        ("submitted", "A grant was handed in to be checked."),
        ("verified", "A grant is in order and its money reserved."),
        ("endorsed", "A second approver stands for a hibah in a second year running."),
        ("decided", "A grant was decided by decree (SK)."),
        ("agreed", "The agreement of a grant was made (NPHD)."),
        ("handed_over", "A grant, or an instalment of it, was handed over (BAST)."),
        ("reported", "The beneficiary has reported on a grant."),
        ("monitored", "Somebody has looked what became of a grant."),
        ("rejected", "A grant was refused."),
        ("cancelled", "A grant was given up."),
    ):
        yield _event(f"aid.grant.{verb}", grants.GrantEvent, summary)
    yield _intake("aid.stock.receive", grants.StockReceive, "Goods have come into stock.")
    yield _decision("aid.stock.count", grants.StockCount, "Record how many goods were counted.")
    yield _intake("aid.stock.request", grants.StockRequest, "What is in stock?", question=True)
    for verb, summary in (
        ("received", "Goods have come into stock."),
        ("counted", "Goods in stock were counted."),
        ("moved", "Goods in stock were promised to a grant, handed out or set free."),
    ):
        yield _event(f"aid.stock.{verb}", grants.StockEvent, summary)


def _aid_programmes() -> Iterator[MessageType]:
    programme = programmes.ProgrammeEvent
    yield _decision("aid.programme.propose", programmes.ProgrammePropose, "Prepare a programme for another to start.")
    yield _decision("aid.programme.start", programmes.ProgrammeStart, "Open a programme that was proposed.")
    yield _decision("aid.programme.pause", programmes.ProgrammePause, "Stop a programme for a while.")
    yield _decision("aid.programme.resume", programmes.ProgrammeResume, "Go on with a programme that was paused.")
    yield _decision("aid.programme.amend", programmes.ProgrammeAmend, "Change what a programme offers, and to whom.")
    yield _intake("aid.programme.request", programmes.ProgrammeRequest, "Which programmes are there?", question=True)
    yield _intake(
        "aid.eligibility.request", eligibilities.EligibilityRequest, "Who may be served, and why?", question=True
    )
    yield _intake("aid.item.register", programmes.ItemRegister, "Add an item that programmes hand out.")
    yield _intake(
        "aid.exclusion.report",
        exclusions.ExclusionReport,
        "Tell what stands in people's way: register, death, service, credit.",
        observed=True,
    )
    for verb, summary in (
        ("proposed", "A programme was prepared."),
        ("paused", "A programme was stopped for a while."),
        ("resumed", "A programme goes on."),
        ("amended", "What a programme offers, or to whom, has changed."),
        ("overdue", "A programme that was proposed should have begun."),
    ):
        yield _event(f"aid.programme.{verb}", programme, summary)
    yield _event("aid.item.registered", programmes.ItemEvent, "An item can be handed out.")


def _aid_overlaps() -> Iterator[MessageType]:
    grant, overlap = external_grants.ExternalGrantEvent, overlaps.OverlapEvent
    yield _intake(
        "aid.external_grant.report",
        external_grants.ExternalGrantReport,
        "Tell what an office gives or plans by itself.",
        observed=True,
    )
    yield _intake(
        "aid.external_grant.withdraw",
        external_grants.ExternalGrantWithdraw,
        "Take back what was told of a grant.",
        observed=True,
    )
    yield _event("aid.external_grant.reported", grant, "An office has told of a grant of its own.")
    yield _event("aid.external_grant.withdrawn", grant, "An office has taken back what it told of a grant.")
    yield _decision("aid.overlap.resolve", overlaps.OverlapResolve, "Settle an overlap between two grants.")
    yield _intake("aid.overlap.request", overlaps.OverlapRequest, "Which overlaps are there?", question=True)
    yield _event("aid.overlap.detected", overlap, "Two grants for one person should not stand together.")
    yield _event("aid.overlap.resolved", overlap, "An overlap was settled, or its cause has gone.")
    yield _intake(
        "aid.recipient.request", recipients.RecipientRequest, "What has this beneficiary been given?", question=True
    )
    yield _intake(
        "aid.never_served.request", recipients.NeverServedRequest, "Who was never given anything?", question=True
    )


def _notify() -> Iterator[MessageType]:
    yield _intake(
        "notify.message.request",
        notify.MessageRequest,
        "What has become of messages to owners?",
        question=True,
    )
    yield _intake(
        "notify.campaign.request", notify.CampaignRequest, "How far is the telling about a programme?", question=True
    )
    yield _intake(
        "notify.template.request",
        notify.TemplateRequest,
        "How do our messages read, and what causes them?",
        administrator=True,
        question=True,
    )
    for verb, summary in (
        ("queued", "There is reason to tell an owner."),
        ("sent", "A provider has taken the message."),
        ("delivered", "The provider says it has arrived."),
        ("read", "The provider says it was read."),
        ("failed", "It could not be sent."),
        ("uncertain", "Whether the provider took it cannot be known."),
        ("suppressed", "It was withdrawn before it was sent."),
        ("expired", "It waited too long and was not sent."),
    ):
        yield _event(f"notify.message.{verb}", notify.MessageEvent, summary)


TYPES: Mapping[str, MessageType] = {
    one.key: one
    for one in (
        *_agencies(),
        *_owners(),
        *_businesses(),
        *_products(),
        *_cooperatives(),
        *_censuses(),
        *_statistics(),
        *_aid(),
        *_aid_money(),
        *_aid_grants(),
        *_aid_programmes(),
        *_aid_overlaps(),
        *_notify(),
        *(each for service in SERVICES for each in _of_every_service(service)),
    )
}
"""By key."""

BY_NAME: Mapping[str, MessageType] = {one.name: one for one in TYPES.values()}
"""By full type name, version included."""


def data_classes(model: type[BaseModel], prefix: str = "") -> dict[str, DataClass]:
    """The data class of every field of a model and of the models within, by dotted path.

    Raises ``LookupError`` for a field that carries none: a field that nobody has thought about must not be published.
    """
    found: dict[str, DataClass] = {}
    _walk(model, prefix, found, ())
    return found


def _walk(model: type[BaseModel], prefix: str, found: dict[str, DataClass], above: tuple[type[BaseModel], ...]) -> None:
    for name, info in model.model_fields.items():
        path = f"{prefix}{name}"
        marks = [mark for mark in info.metadata if isinstance(mark, DataClass)]
        if len(marks) != 1:
            raise LookupError(f"{model.__name__}.{name} has no data class")
        found[path] = marks[0]
        for inner in _models_in(info.annotation):
            if inner not in (*above, model):
                _walk(inner, f"{path}.", found, (*above, model))


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _models_in(get_args(annotation)[0])
    elif origin in {Union, types.UnionType, tuple, list, dict}:
        for argument in get_args(annotation):
            yield from _models_in(argument)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
