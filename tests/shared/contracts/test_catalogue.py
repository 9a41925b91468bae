"""One catalogue knows every message type; what it calls public holds nothing that is not."""

from __future__ import annotations

import re
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from shared.contracts import common
from shared.contracts.catalogue import BY_NAME, SERVICES, TYPES, Kind, MessageType, data_classes
from shared.contracts.envelope import CONTACTS, EVENTS, INTAKE, REPLIES
from shared.contracts.fields import DataClass, Payload, Personal, Public, Published, Specific

INTAKES = [one for one in TYPES.values() if one.kind is Kind.INTAKE]
EVENTS_OF_OURS = [one for one in TYPES.values() if one.kind is Kind.EVENT]
CONTACTS_OF_OURS = [one for one in TYPES.values() if one.kind is Kind.CONTACT]
REPLIES_OF_OURS = [one for one in TYPES.values() if one.kind is Kind.REPLY]

# Names that would tell of a person wherever they stood; "name" is a business's or a programme's trade name by decision.
PERSONAL_NAMES = re.compile(r"nik|npwp|phone|address|birth|sales|capital|owner_name|email|consent|disab|death|credit")


def key(one: MessageType) -> str:
    return one.key


# --- what is public ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", EVENTS_OF_OURS, ids=key)
def test_every_field_of_every_public_event_is_public(one: MessageType) -> None:
    """Public events carry no personal data (UU PDP 27/2022 art. 4); integrators get all of them."""
    classes = data_classes(one.model)
    assert set(classes.values()) == {DataClass.PUBLIC}
    assert not [path for path in classes if PERSONAL_NAMES.search(path)]


@pytest.mark.parametrize("one", TYPES.values(), ids=key)
def test_every_field_of_every_message_has_been_thought_about(one: MessageType) -> None:
    """Exactly one data class each; replies name problems, which repeat no value and carry no class of their own."""
    if one.kind is Kind.REPLY:
        assert {name: info.metadata for name, info in one.model.model_fields.items() if not info.metadata} == {}
    else:
        assert data_classes(one.model)


@pytest.mark.parametrize("one", CONTACTS_OF_OURS, ids=key)
def test_contacts_name_persons_and_say_so(one: MessageType) -> None:
    """They travel on an exchange of their own, to notify alone."""
    classes = data_classes(one.model)
    assert {path for path, mark in classes.items() if mark is DataClass.PERSONAL} >= {"contact.name", "contact.phone"}
    assert one.exchange == CONTACTS


class Nested(Published):
    phone: Personal[str]


class Leaking(Published):
    """Each field a way in which something could slip through."""

    plain: Public[str]
    inside: Public[Nested]


class LeakingInATuple(Published):
    several: Public[tuple[Nested, ...]]


class LeakingInAUnion(Published):
    perhaps: Public[Nested | None] = None


class LeakingInADictionary(Published):
    named: Public[dict[str, Nested]]


class LeakingDeeply(Published):
    deep: Public[Annotated[list[Annotated[Nested, "mark"] | int] | None, "mark"]] = None


class Finances(Published):
    sales: Specific[int]


@pytest.mark.parametrize(
    "model", [Leaking, LeakingInATuple, LeakingInAUnion, LeakingInADictionary, LeakingDeeply, Finances]
)
def test_the_walk_finds_what_is_not_public_however_deep(model: type[BaseModel]) -> None:
    """That the walk above can fail: a wrong model is found out."""
    assert set(data_classes(model).values()) != {DataClass.PUBLIC}


class Forgotten(Published):
    thought_of: Public[str]
    forgotten: str


class ForgottenInside(Published):
    inside: Public[tuple[Forgotten, ...]]


class Twice(Published):
    both: Annotated[str, DataClass.PUBLIC, DataClass.PERSONAL]


@pytest.mark.parametrize("model", [Forgotten, ForgottenInside, Twice])
def test_a_field_without_a_class_or_with_two_is_refused(model: type[BaseModel]) -> None:
    """A field that nobody has thought about must not be published."""
    with pytest.raises(LookupError):
        data_classes(model)


# --- what it knows of each type ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", TYPES.values(), ids=key)
def test_names_follow_the_contract(one: MessageType) -> None:
    """``id.binaan.<service>.<thing>.<verb>.v1``, the routing key being the middle of it; nobody owns two names."""
    assert re.fullmatch(r"(registry|aid|notify)(\.[a-z][a-z_]*){2}", one.key)
    assert one.name == f"id.binaan.{one.key}.v{one.version}"
    assert one.schema_id == f"urn:binaan:schema:{one.name}"
    assert BY_NAME[one.name] is one
    assert one.service in SERVICES
    assert one.summary.endswith((".", "?"))
    expected = {Kind.INTAKE: INTAKE, Kind.EVENT: EVENTS, Kind.CONTACT: CONTACTS, Kind.REPLY: REPLIES}[one.kind]
    assert one.exchange == expected


@pytest.mark.parametrize("one", INTAKES, ids=key)
def test_rules_of_the_door_do_not_contradict_one_another(one: MessageType) -> None:
    """A question changes nothing, so no official decides it; what only the administrator sends needs no official."""
    assert not (one.question and (one.decision or one.observed))
    assert not (one.administrator and one.decision)
    assert one.question == one.key.endswith(".request")
    assert issubclass(one.model, Payload)


@pytest.mark.parametrize("one", [*EVENTS_OF_OURS, *CONTACTS_OF_OURS, *REPLIES_OF_OURS], ids=key)
def test_what_we_publish_is_open_for_what_comes(one: MessageType) -> None:
    """Schemas of ours never forbid members, and events have the thing and its change."""
    assert issubclass(one.model, Published)
    assert one.model.model_config["extra"] == "ignore"
    if one.kind is Kind.EVENT:
        thing = one.key.split(".")[1]
        assert list(one.model.model_fields) == [thing, "change"]


def test_every_service_answers_and_lets_its_held_messages_be_cared_for() -> None:
    """The same three replies and the same three doors for an operator everywhere."""
    for service in SERVICES:
        verbs = {one.key.split(".", 1)[1] for one in TYPES.values() if one.service == service}
        assert verbs >= {"reply.accepted", "reply.rejected", "reply.answered"}
        assert verbs >= {"held.request", "held.requeue", "held.discard", "held.requeued", "held.discarded"}
        assert all(TYPES[f"{service}.held.{verb}"].administrator for verb in ("request", "requeue", "discard"))
    assert TYPES["aid.held.requeued"].model is common.HeldEvent


def test_the_main_chain_is_there() -> None:
    """Contract, "The main chain"; and what stands behind a decision is a decision."""
    decisions = {one.key for one in INTAKES if one.decision}
    business = {f"registry.business.{verb}" for verb in ("verify", "designate", "release", "deactivate", "reactivate")}
    business |= {f"registry.business.{verb}" for verb in ("withdraw", "close", "merge", "declare_distinct")}
    owner = {"registry.owner.correct", "registry.owner.erase"}
    cooperative = {f"registry.cooperative.{verb}" for verb in ("found", "record_rat", "assess", "dissolve")}
    cooperative |= {"registry.drive.open", "registry.statistics.publish", "registry.census.open"}
    programme = {f"aid.programme.{verb}" for verb in ("propose", "open", "start", "pause", "resume", "amend", "close")}
    aid = programme | {"aid.overlap.resolve"}
    aid |= {"aid.budget.allot", "aid.budget.revise", "aid.stock.count"}
    steps = ("propose", "submit", "verify", "endorse", "decide", "agree", "hand_over", "report", "monitor", "reject")
    aid |= {f"aid.grant.{step}" for step in (*steps, "cancel")}
    assert decisions == business | owner | cooperative | aid
    assert {one.key for one in INTAKES if one.observed} == {
        "registry.business.report",
        "registry.business.report_many",
        "registry.product.report",
        "registry.certificate.report",
        "registry.consent.record",
        "registry.consent.withdraw",
        "registry.cooperative.report",
        "registry.cooperative.report_outcome",
        "registry.census.record",
        "aid.exclusion.report",
        "aid.external_grant.report",
        "aid.external_grant.withdraw",
    }
    told = {"registry.business.recorded", "registry.business.updated", "registry.business.verified"}
    told |= {"registry.business.designated", "aid.eligibility.assessed", "aid.programme.opened"}
    told |= {f"notify.message.{verb}" for verb in ("queued", "sent", "delivered", "failed", "uncertain")}
    assert told <= {one.key for one in EVENTS_OF_OURS}


def test_a_model_that_contains_itself_is_walked_once() -> None:
    """Criteria stand within criteria; the walk must end, and still see each field."""
    classes: dict[str, Any] = data_classes(TYPES["aid.programme.open"].model)
    assert "criteria.criterion" in classes
    assert all(mark is DataClass.PUBLIC for mark in classes.values())
