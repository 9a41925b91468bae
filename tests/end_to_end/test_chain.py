"""The main chain as an agency and an integrator see it: report, verify, designate, assessed, told.

One story is played on running services; the tests look at what went over the wire. An administrator's tap holds a
copy of every message on the four exchanges.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from pymongo import AsyncMongoClient

from shared.contracts.asyncapi import INTEGRATORS, documents
from shared.contracts.authority import official_id
from shared.contracts.catalogue import BY_NAME, Kind
from shared.contracts.envelope import CONTACTS, EVENTS, INTAKE, REPLIES
from shared.contracts.schema import schema_of
from tests.documents import headers, message_at, payload
from tests.end_to_end.stage import VILLAGE, Person, Stage, Tap, now, programme
from tests.samples import DECREE
from tests.support import History, Json, Party, Reader, Seen, until

pytestmark = pytest.mark.servers

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OURS = ("binaan.replies", "binaan.events", "binaan.contacts")


@dataclass
class Story:
    """What was sent, by whom, about whom; ``tap`` and ``ministry`` hold what came of it."""

    stage: Stage
    medan: Party
    tap: Tap
    ministry: Reader
    people: dict[str, Person] = field(default_factory=dict)
    businesses: dict[str, str] = field(default_factory=dict)
    """Name in the story → business_id."""
    owners: dict[str, str] = field(default_factory=dict)
    programmes: dict[str, str] = field(default_factory=dict)
    intake: dict[str, str] = field(default_factory=dict)
    """What was sent → its id."""

    async def report(self, who: str, person: Person, **business: Any) -> None:
        self.people[who] = person
        reply = await self._accepted("registry.business.report", f"report {who}", person.report(**business), time=now())
        self.businesses[who], self.owners[who] = reply["business_id"], reply["owner_id"]

    async def designate(self, who: str) -> None:
        await self.decide("verify", who, actor="kabid")
        await self.decide("designate", who, decree=DECREE)

    async def decide(self, verb: str, who: str, actor: str = "kadis", **data: Any) -> None:
        about = {"business_id": self.businesses[who], **data}
        await self._accepted(f"registry.business.{verb}", f"{verb} {who}", about, actor=actor, traceparent=TRACE)

    async def open(self, programme_name: str, **changes: Any) -> None:
        reply = await self._accepted(
            "aid.programme.open", f"open {programme_name}", programme(**changes), actor="kadis"
        )
        self.programmes[programme_name] = reply["programme_id"]

    async def close(self, name: str) -> None:
        about = {"programme_id": self.programmes[name], "reason": "kuota penuh"}
        await self._accepted("aid.programme.close", f"close {name}", about, actor="kadis")

    async def _accepted(self, key: str, name: str, data: Json, **attributes: Any) -> Json:
        reply = await self.medan.ask(key, data, **attributes)
        self.intake[name] = reply["data"]["intake_id"]
        assert "result" in reply["data"], reply["data"]
        return dict(reply["data"]["result"])

    def assessed(self, who: str, programme_name: str = "training") -> list[Json]:
        """The answers for a business and a programme, in the order of arrival at the ministry."""
        wanted = (self.businesses[who], self.programmes[programme_name])
        return [
            one.body
            for one in self.ministry.of("aid.eligibility.assessed")
            if (one.body["data"]["eligibility"]["beneficiary_id"], one.body["data"]["eligibility"]["programme_id"])
            == wanted
        ]

    def verdicts(self, who: str, programme_name: str = "training") -> list[str]:
        return [one["data"]["eligibility"]["verdict"] for one in self.assessed(who, programme_name)]

    def messages(self, who: str) -> list[Json]:
        """What the ministry was told of messages to the owner of a business, by any of the owner's businesses."""
        owned = {self.businesses[other] for other, owner in self.owners.items() if owner == self.owners[who]}
        return [
            one.body
            for one in self.ministry.seen
            if one.body["type"].startswith("id.binaan.notify.message.")
            and one.body["data"]["message"]["beneficiary_id"] in owned
        ]

    def states(self, who: str) -> list[str]:
        return [one["data"]["message"]["state"] for one in self.messages(who)]

    def texts_to(self, who: str) -> list[str]:
        return [one["text"] for one in self.stage.told() if one["to"] == self.people[who].phone]

    async def until_told(self, who: str) -> None:
        await until(lambda: "delivered" in self.states(who), what=f"the owner of {who} was told")


@pytest.fixture(scope="module")
async def story(stage: Stage, medan: Party, history: History) -> AsyncIterator[Story]:
    """All of it, once."""
    async with Tap(stage.world) as tap, Reader(stage.world, "kemenumkm", "kemenumkm.events") as ministry:
        made = Story(stage, medan, tap, ministry)
        await _play(made)
        yield made


async def _play(story: Story) -> None:
    await story.report("early", Person(1))
    await story.report("never binaan", Person(2))
    await story.designate("early")
    await story.open("training")
    await story.until_told("early")
    await story.report("late", Person(3))
    await story.designate("late")
    await story.until_told("late")
    await _five_of_one_owner(story)
    await _lost_before_sending(story)
    await story.close("training")
    await story.open("second", announce="never", name="Fasilitasi NIB", kind="licensing")
    await story.report("after closing", Person(6))
    await story.designate("after closing")
    await until(lambda: story.verdicts("after closing", "second")[-1:] == ["eligible"], what="the second answer")


async def _five_of_one_owner(story: Story) -> None:
    owner = Person(4)
    names = [f"five {number}" for number in range(1, 6)]
    for name in names:
        await story.report(name, owner, name=f"Usaha {name}", agency_ref=f"REF-{name}", nib=None)
    for name in names:
        await story.designate(name)
    await until(lambda: all(story.verdicts(name)[-1:] == ["eligible"] for name in names), what="five answers")
    await story.until_told("five 1")
    # notify reads its events in order: when somebody later is told, whatever these five gave reason for was too.
    await story.report("after five", Person(5))
    await story.designate("after five")
    await story.until_told("after five")


async def _lost_before_sending(story: Story) -> None:
    """While the provider is stuck with somebody else's message, a business becomes eligible and is lost again."""
    await story.report("in the way", Person(7))
    await story.report("lost", Person(8))
    with story.stage.nothing_sent():
        await story.designate("in the way")
        await until(lambda: _in_providers_hands(story.stage), what="the provider has taken a message")
        await story.designate("lost")
        await until(lambda: "queued" in story.states("lost"), what="there is reason to tell")
        await story.decide("deactivate", "lost", reason="closed_down")
        await until(lambda: "suppressed" in story.states("lost"), what="the message is withdrawn")
    await story.until_told("in the way")


async def _in_providers_hands(stage: Stage) -> bool:
    """Not public: only to know when the next step of the story may begin."""
    async with AsyncMongoClient[Json](stage.world.mongo_url) as client:
        messages = client[stage.world.databases["notify"]]["messages"]
        return await messages.find_one({"s.state": "sending"}) is not None


# --- the chain --------------------------------------------------------------------------------------------------------


async def test_a_ministry_reads_who_became_binaan_and_who_is_eligible(story: Story) -> None:
    """The two events of the first step, with their whole state, in the ministry's own queue."""
    (designated,) = story.ministry.of("registry.business.designated", subject=story.businesses["early"])
    business, change = designated.body["data"]["business"], designated.body["data"]["change"]
    assert (business["status"], business["scale"], business["region"]) == ("binaan", "mikro", VILLAGE)
    assert change == {"status_before": "terverifikasi", "decree": DECREE}
    (assessed,) = story.assessed("early")
    eligibility = assessed["data"]["eligibility"]
    assert (eligibility["verdict"], eligibility["eligible"], eligibility["programme_kind"]) == (
        "eligible",
        True,
        "training",
    )
    assert [one["verdict"] for one in eligibility["criteria"]] == ["eligible"] * len(eligibility["criteria"])
    assert all(one["text_id"] and one["text_en"] for one in eligibility["criteria"])
    assert eligibility["assessed_from_sequence"] == designated.body["sequence"]


async def test_businesses_known_before_and_after_a_programme_opens_are_both_assessed(story: Story) -> None:
    """Whichever is known first: nobody is left out for having come early or late (S1-24)."""
    for who in ("early", "late"):
        assert story.verdicts(who)[-1] == "eligible", who
    assert story.verdicts("never binaan") == ["ineligible"]


async def test_who_is_eligible_is_told_once_and_promised_nothing(story: Story) -> None:
    """In Indonesian, by the owner's name; being eligible is not yet receiving."""
    for who in ("early", "late", "after five"):
        (text,) = story.texts_to(who)
        assert story.people[who].name in text
        assert "belum tentu menerima" in text
        assert story.states(who) == ["queued", "sent", "delivered"]
    assert story.texts_to("never binaan") == []


async def test_an_owner_of_five_businesses_gets_one_message(story: Story) -> None:
    """Five messages would be four too many, and cost five times."""
    assert len({story.owners[f"five {number}"] for number in range(1, 6)}) == 1
    assert len(story.texts_to("five 1")) == 1
    assert len({one["subject"] for one in story.messages("five 1")}) == 1


async def test_eligibility_lost_before_sending_withdraws_the_message(story: Story) -> None:
    """Nobody is invited to what is not for them any more."""
    assert story.verdicts("lost")[-2:] == ["eligible", "ineligible"]
    assert story.states("lost") == ["queued", "suppressed"]
    assert story.messages("lost")[-1]["data"]["change"]["reason"] == "eligibility_lost"
    assert story.texts_to("lost") == []
    assert len(story.texts_to("in the way")) == 1


async def test_a_closed_programme_assesses_nobody(story: Story) -> None:
    (closed,) = story.ministry.of("aid.programme.closed")
    assert (closed.body["data"]["programme"]["status"], closed.body["data"]["change"]) == (
        "closed",
        {"status_before": "open", "reason": "kuota penuh"},
    )
    assert story.assessed("after closing", "training") == []
    assert story.verdicts("after closing", "second") == ["ineligible", "eligible"]


async def test_each_subjects_sequence_has_no_gap_and_comes_in_order(story: Story, history: History) -> None:
    """In normal running; a reader that counts knows that it has missed nothing."""
    numbers: dict[tuple[str, str], list[int]] = defaultdict(list)
    for one in story.tap.seen:
        if "sequence" in one.body:
            numbers[one.exchange, one.body["subject"]].append(int(one.body["sequence"]))
    assert len(numbers) > 40
    assert {key: found for key, found in numbers.items() if found != list(range(1, len(found) + 1))} == {}
    ids = {one.body["id"] for one in story.tap.seen if one.exchange == "binaan.events"}
    await until(lambda: ids <= {event["id"] for event in history.events}, what="all of it is in the history")


async def test_every_message_has_one_reply(story: Story) -> None:
    replies = [one.body["data"]["intake_id"] for one in story.tap.seen if one.exchange == "binaan.replies"]
    sent = [one.body["id"] for one in story.tap.seen if one.exchange == "binaan.intake"]
    assert sorted(replies) == sorted(sent)
    assert set(story.intake.values()) <= set(sent)


# --- what stands on each message --------------------------------------------------------------------------------------


@cache
def _validator(type_: str) -> Draft202012Validator:
    schema = schema_of(BY_NAME[type_])
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker())


def test_every_message_on_the_wire_is_as_its_schema_says(story: Story) -> None:
    """What we publish about our messages is what they are, intake included."""
    wrong = [
        (one.body["type"], error.json_path, error.validator)
        for one in story.tap.seen
        for error in _validator(one.body["type"]).iter_errors(one.body)
    ]
    assert wrong == []
    assert {BY_NAME[one.body["type"]].exchange for one in story.tap.seen} == {one.exchange for one in story.tap.seen}
    assert len({one.body["type"] for one in story.tap.seen}) >= 18


def test_every_message_on_the_wire_is_in_the_documents(story: Story) -> None:
    """Whoever generates a client from a document gets what comes: at its address, with its headers and payload; in the
    owner's document, and in that for integrators unless it is no outsider's business."""
    found, seen = documents(), Counter[str]()
    for one in story.tap.seen:
        kind = BY_NAME[one.body["type"]]
        for document in (found[kind.service], found[INTEGRATORS]):
            outside = document is found[INTEGRATORS] and (kind.kind is Kind.CONTACT or kind.administrator)
            promised = message_at(document, one.exchange, str(one.wire.routing_key), kind.name)
            assert promised == (None if outside else kind.key)
            if promised:
                assert not list(payload(document, promised).iter_errors(one.body)), promised
                assert not list(headers(document, promised).iter_errors(dict(one.wire.headers))), promised
                assert one.wire.content_type == document["components"]["messages"][promised]["contentType"]
        assert one.wire.delivery_mode == 2
        seen[one.exchange] += 1
    print(f"validated against the documents: {seen.total()} messages, {dict(seen)}")  # noqa: T201
    assert set(seen) == {INTAKE, REPLIES, EVENTS, CONTACTS}
    assert seen.total() == len(story.tap.seen) > 100


def test_no_event_names_a_person(story: Story) -> None:
    """Public events carry no personal data at all; logs and replies neither (UU PDP 27/2022)."""
    public = "".join(json.dumps(one.body, ensure_ascii=False) for one in story.tap.seen if one.exchange == OURS[1])
    replies = "".join(json.dumps(one.body, ensure_ascii=False) for one in story.tap.seen if one.exchange == OURS[0])
    for person in story.people.values():
        for secret in (*person.secrets, "180000000", "25000000"):
            assert secret not in public
            assert secret not in replies
            assert secret not in story.stage.logged()
    assert "kadis" not in public
    assert "kabid" not in public
    for secret in (story.people["early"].phone, story.people["early"].name):
        assert secret in "".join(json.dumps(one.body) for one in story.tap.of("registry.contact.changed"))


def test_contacts_are_not_among_the_events(story: Story) -> None:
    """They have an exchange of their own, and notify alone reads it."""
    assert {one.exchange for one in story.tap.of("registry.contact.changed")} == {"binaan.contacts"}
    assert not story.ministry.of("registry.contact.changed")


def test_an_event_carries_every_attribute_of_the_table(story: Story) -> None:
    """The envelope of the contract, attribute by attribute, on a designation."""
    business_id, intake_id = story.businesses["early"], story.intake["designate early"]
    (event,) = story.tap.of("registry.business.designated", subject=business_id)
    attributes = {name: value for name, value in event.body.items() if name != "data"}
    assert uuid.UUID(attributes.pop("id")).version == 7
    time = datetime.fromisoformat(attributes.pop("time"))
    assert time.utcoffset() == timedelta(0)
    assert attributes == {
        "specversion": "1.0",
        "source": "/binaan/registry",
        "type": "id.binaan.registry.business.designated.v1",
        "subject": business_id,
        "actor": official_id("dinkop-medan", "kadis"),
        "datacontenttype": "application/json",
        "dataschema": "urn:binaan:schema:id.binaan.registry.business.designated.v1",
        "sequence": "00000000000000000003",
        "partitionkey": business_id,
        "region": VILLAGE,
        "traceparent": TRACE,
        "correlationid": intake_id,
        "causationid": intake_id,
    }


def test_a_chain_is_held_together_from_the_decision_to_the_message(story: Story) -> None:
    """One correlation, each causation the message before, the trace and the official carried to the end."""
    intake_id = story.intake["designate late"]
    (designated,) = story.tap.of("registry.business.designated", correlationid=intake_id)
    (assessed,) = story.tap.of("aid.eligibility.assessed", correlationid=intake_id)
    told = [story.tap.of(f"notify.message.{what}", correlationid=intake_id) for what in ("queued", "sent", "delivered")]
    assert [len(found) for found in told] == [1, 1, 1]
    assert designated.body["causationid"] == intake_id
    assert assessed.body["causationid"] == designated.body["id"]
    assert {found[0].body["causationid"] for found in told} == {assessed.body["id"]}
    assert told[0][0].body["data"]["message"]["caused_by"] == assessed.body["id"]
    chain = [designated, assessed, *(found[0] for found in told)]
    assert {one.body["traceparent"] for one in chain} == {TRACE}
    assert {one.body["actor"] for one in chain} == {official_id("dinkop-medan", "kadis")}
    assert len({one.body["id"] for one in chain}) == len(chain)


def test_an_opened_programme_is_the_cause_of_what_it_finds(story: Story) -> None:
    """A clock does the work, and yet the chain begins with the official who opened the programme."""
    (assessed,) = story.assessed("never binaan")
    assert assessed["correlationid"] == story.intake["open training"]
    assert assessed["actor"] == official_id("dinkop-medan", "kadis")


def test_amqp_properties_repeat_what_routers_need(story: Story) -> None:
    """A router that reads no JSON can still tell messages apart, find duplicates and match replies."""
    for one in story.tap.seen:
        if one.exchange not in OURS:
            continue
        wire, body = one.wire, one.body
        assert wire.content_type == "application/cloudevents+json"
        assert (wire.message_id, wire.type) == (body["id"], body["type"])
        assert wire.delivery_mode == 2
        assert wire.app_id
        assert wire.timestamp is not None
        assert abs(wire.timestamp - datetime.fromisoformat(body["time"])) < timedelta(seconds=1)
        is_reply = one.exchange == "binaan.replies"
        assert wire.correlation_id == (body["data"]["intake_id"] if is_reply else body["correlationid"])
        assert wire.headers["region"] == ("00" if is_reply else body["region"][:5])
        assert wire.reply_to is None


def test_routing_keys_are_the_types_with_the_region_cut_to_the_regency(story: Story) -> None:
    """`registry.business.designated.12.71`: a reader of one regency binds `#.12.71`."""
    events = [one for one in story.tap.seen if one.exchange == "binaan.events"]
    for one in events:
        kind = one.body["type"].removeprefix("id.binaan.").removesuffix(".v1")
        assert one.wire.routing_key == f"{kind}.{one.body['region'][:5]}"
    assert {one.wire.routing_key for one in story.tap.of("registry.business.designated")} == {
        "registry.business.designated.12.71"
    }
    replies = {one.wire.routing_key for one in _replies(story)}
    assert replies == {"dinkop-medan.accepted"}


def test_a_reply_names_what_it_answers(story: Story) -> None:
    """Subject, cause and correlation of a reply are the intake id; its result names the thing by its own name."""
    intake_id = story.intake["designate early"]
    (reply,) = [one.body for one in _replies(story) if one.body["data"]["intake_id"] == intake_id]
    assert reply["type"] == "id.binaan.registry.reply.accepted.v1"
    assert reply["correlationid"] == reply["causationid"] == intake_id
    assert reply["data"] == {
        "intake_id": intake_id,
        "intake_type": "id.binaan.registry.business.designate.v1",
        "result": {
            "business_id": story.businesses["early"],
            "owner_id": story.owners["early"],
            "sequence": 3,
            "outcome": "designated",
        },
        "warnings": [],
    }


def _replies(story: Story) -> list[Seen]:
    return [one for one in story.tap.seen if one.exchange == "binaan.replies"]
