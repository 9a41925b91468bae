"""Bad input at the door: what an agency's system may do wrong, and what it is told.

Each wrong message is sent to running services through RabbitMQ. For each: the code and the place are right, the
sentence is Indonesian, nothing has changed and no event stems from it (a witness looks, see ``stage.Witness``), no
value of it is repeated in the reply, in a log or among the held messages, and what could not be read is kept.
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aio_pika
import pytest

from shared.contracts.envelope import CONTENT_TYPE, MAX_ID_LENGTH, MAX_MESSAGE_BYTES
from tests.end_to_end.stage import Person, Stage, Witness, in_queue, now, programme
from tests.samples import DECREE
from tests.support import History, Json, Party, until

pytestmark = pytest.mark.servers

REPORT, VERIFY, DESIGNATE = "registry.business.report", "registry.business.verify", "registry.business.designate"
OPEN = "aid.programme.open"
INDONESIAN = re.compile(
    r"\b(dan|tidak|harus|ini|yang|boleh|wajib|belum|sudah|atau|pada|dengan|lebih|ada|di|dalam|atas|hanya|periksa|isi|lihat|bukan)\b"
)
"""Words of which any sentence in Indonesian has one, and none in English."""


# --- looking ----------------------------------------------------------------------------------------------------------


def problems_of(reply: Json) -> list[tuple[str, str | None]]:
    """Code and field of each problem of a rejection, having looked at its sentences."""
    assert reply["type"].endswith(".reply.rejected.v1"), reply
    problems = reply["data"]["problems"]
    assert problems
    assert all(in_two_languages(one) for one in problems), problems
    return [(one["code"], one.get("field")) for one in problems]


def warnings_of(reply: Json) -> list[tuple[str, str | None]]:
    """Code and field of each warning of a message that was taken."""
    assert reply["type"].endswith(".reply.accepted.v1"), reply
    assert all(in_two_languages(one) for one in reply["data"]["warnings"])
    return [(one["code"], one.get("field")) for one in reply["data"]["warnings"]]


def in_two_languages(problem: Json) -> bool:
    indonesian, english = (bool(INDONESIAN.search(problem[text])) for text in ("text_id", "text_en"))
    return indonesian and not english and bool(problem["text_en"])


class Held:
    """What a service holds as unreadable, and what has been added since the last look."""

    def __init__(self, administrator: Party, service: str) -> None:
        self._administrator, self._service = administrator, service
        self._known: set[str] = set()

    async def added(self) -> list[Json]:
        found: list[Json] = []
        question: Json = {"state": "unreadable", "limit": 100}
        while True:
            reply = await self._administrator.ask(f"{self._service}.held.request", question)
            found += reply["data"]["answer"]["held"]
            if reply["data"].get("next") is None:
                break
            question["after"] = reply["data"]["next"]
        fresh = [one for one in found if one["held_id"] not in self._known]
        self._known |= {one["held_id"] for one in fresh}
        return fresh


@pytest.fixture(scope="module")
def held(administrator: Party) -> Held:
    return Held(administrator, "registry")


def assert_names_nobody(stage: Stage, person: Person, *texts: object) -> None:
    """No value of a person stands in the services' logs, nor in what is given (replies, held messages)."""
    said = stage.logged() + "".join(json.dumps(text, ensure_ascii=False) for text in texts)
    assert not [secret for secret in (*person.secrets, person.ref) if secret in said]


# --- what cannot be read ----------------------------------------------------------------------------------------------

Change = Callable[[Json], Any]
"""From a message that is right to one that is not: another envelope, or the bytes themselves."""


@dataclass(frozen=True)
class Wrong:
    """One way to be unreadable: what is done to a good report, and what the sender is told."""

    code: str
    place: str | None = None
    change: Change = lambda envelope: envelope
    key: str = REPORT
    properties: Json = field(default_factory=dict)

    def bytes_of(self, envelope: Json) -> bytes:
        changed = self.change(envelope)
        return changed if isinstance(changed, bytes) else json.dumps(changed).encode()


def having(**attributes: Any) -> Change:
    return lambda envelope: {**envelope, **attributes}


def without(name: str) -> Change:
    return lambda envelope: {key: value for key, value in envelope.items() if key != name}


def nested(depth: int) -> Change:
    """A message whose data holds objects in one another, so many deep."""
    return lambda envelope: (
        json.dumps({**envelope, "data": "@"}).replace('"@"', '{"a":' * depth + "1" + "}" * depth).encode()
    )


BINARY = {"headers": {"cloudEvents:specversion": "1.0", "cloudEvents:type": f"id.binaan.{REPORT}.v1"}}

UNREADABLE = {
    "not JSON": Wrong("envelope.not_json", change=lambda envelope: json.dumps(envelope).encode()[:-1]),
    "Latin-1 bytes": Wrong("envelope.not_json", change=lambda envelope: json.dumps(envelope).encode() + b'"\xe9"'),
    "nothing at all": Wrong("envelope.not_json", change=lambda _: b""),
    "a list": Wrong("envelope.not_object", change=lambda envelope: [envelope]),
    "a text": Wrong("envelope.not_object", change=json.dumps),
    "nested 300 deep": Wrong("envelope.too_deep", change=nested(300)),
    "nested 900 deep": Wrong("envelope.too_deep", change=nested(900)),
    "nested 100,000 deep": Wrong("envelope.not_json", change=nested(100_000)),
    "no envelope": Wrong("envelope.specversion", "specversion", change=lambda envelope: envelope["data"]),
    "another specversion": Wrong("envelope.specversion", "specversion", having(specversion="0.3")),
    "specversion as a number": Wrong("envelope.specversion", "specversion", having(specversion=1.0)),
    "no id": Wrong("envelope.id", "id", without("id")),
    "id as a number": Wrong("envelope.id", "id", having(id=17)),
    "an empty id": Wrong("envelope.id", "id", having(id="")),
    "an id too long": Wrong("envelope.id", "id", having(id="x" * (MAX_ID_LENGTH + 1))),
    "no type": Wrong("envelope.type", "type", without("type")),
    "no data": Wrong("envelope.data", "data", without("data")),
    "data null": Wrong("envelope.data", "data", having(data=None)),
    "data as a text": Wrong("envelope.data", "data", lambda envelope: {**envelope, "data": json.dumps(envelope)}),
    "data in base64": Wrong(
        "envelope.data", "data", lambda envelope: {**without("data")(envelope), "data_base64": "e30="}
    ),
    "an unknown type": Wrong("envelope.unknown_type", "type", having(type="id.binaan.registry.business.abolish.v1")),
    "a version to come": Wrong("envelope.unknown_type", "type", having(type=f"id.binaan.{REPORT}.v2")),
    "a type of another service": Wrong("envelope.unknown_type", "type", having(type=f"id.binaan.{OPEN}.v1")),
    "one of our events": Wrong(
        "envelope.unknown_type", "type", having(type="id.binaan.registry.business.designated.v1")
    ),
    "key and type apart": Wrong("envelope.key_mismatch", "type", key=VERIFY),
    "a longer key": Wrong("envelope.key_mismatch", "type", key=f"{REPORT}.now"),
    "binary mode": Wrong(
        "envelope.binary_mode",
        change=lambda envelope: envelope["data"],
        properties={**BINARY, "content_type": "application/json"},
    ),
    "binary mode and an envelope": Wrong("envelope.binary_mode", properties=BINARY),
    "binary mode as for Kafka": Wrong("envelope.binary_mode", properties={"headers": {"ce_type": "x"}}),
    "plain JSON by its content type": Wrong("envelope.content_type", properties={"content_type": "application/json"}),
    "a batch by its content type": Wrong(
        "envelope.content_type", properties={"content_type": "application/cloudevents-batch+json"}
    ),
    "no content type": Wrong("envelope.content_type", properties={"content_type": None}),
    "2 MiB": Wrong("envelope.too_large", change=having(padding="x" * (2 * MAX_MESSAGE_BYTES))),
    "15 MiB": Wrong("envelope.too_large", change=having(padding="x" * (15 * MAX_MESSAGE_BYTES))),
}


@pytest.mark.parametrize("wrong", UNREADABLE.values(), ids=list(UNREADABLE))
async def test_what_cannot_be_read_is_refused_with_its_reason_and_kept(
    wrong: Wrong, stage: Stage, medan: Party, witness: Witness, held: Held
) -> None:
    """Nothing is dropped: the sender learns why by the AMQP message id, and an operator finds the message."""
    person, message_id = witness.person, f"amqp-{uuid.uuid4()}"
    await held.added()
    envelope = json.loads(medan.body(REPORT, person.report(name="Nama Lain"), message_id, time=now()))
    properties = {"content_type": CONTENT_TYPE, **wrong.properties}
    await medan.publish(wrong.key, wrong.bytes_of(envelope), message_id=message_id, **properties)
    reply = await medan.reply_to(message_id)
    assert problems_of(reply)[0] == (wrong.code, wrong.place)
    assert reply["data"]["intake_id"] == message_id
    await witness.saw_nothing(message_id)
    (kept,) = await held.added()
    assert (kept["state"], kept["account"], kept["reasons"][0]) == ("unreadable", "dinkop-medan", wrong.code)
    assert_names_nobody(stage, person, reply, kept)
    assert len(medan.replies[message_id]) == 1


async def test_an_unreadable_message_that_names_no_id_is_answered_without_one(
    stage: Stage, administrator: Party
) -> None:
    """`intake_id` is the AMQP message id, or null. Sent by HTTP, as AMQP's client libraries add an id themselves."""
    before = len(administrator.replies[None])
    message = {
        "routing_key": REPORT,
        "properties": {"user_id": "binaan", "content_type": CONTENT_TYPE, "delivery_mode": 2},
        "payload": "?",
        "payload_encoding": "string",
    }
    with stage.world.management() as management:
        management.post("exchanges", stage.world.vhost, "binaan.intake", "publish", body=message)
    reply = await administrator.reply_to(None, count=before + 1)
    assert problems_of(reply) == [("envelope.not_json", None)]
    assert administrator.properties[-1].correlation_id == reply["correlationid"] == reply["id"]


async def test_an_unreadable_message_that_comes_again_is_kept_once(medan: Party, held: Held) -> None:
    """The broker may deliver twice what the sender sent once; the reply is the same, byte for byte."""
    await held.added()
    message_id = f"again-{uuid.uuid4()}"
    for count in (1, 2):
        await medan.publish(REPORT, b"{", message_id=message_id)
        await medan.reply_to(message_id, count=count)
    first, second = medan.replies[message_id]
    assert first == second
    assert len(await held.added()) == 1


@pytest.mark.parametrize("service", ["aid", "notify"])
async def test_every_service_refuses_and_keeps_what_it_cannot_read(
    service: str, administrator: Party, medan: Party
) -> None:
    """One kernel for all: the first word of the key decides who keeps it."""
    message_id = f"{service}-{uuid.uuid4()}"
    await medan.publish(f"{service}.anything.at-all", b"no", message_id=message_id)
    reply = await medan.reply_to(message_id)
    assert reply["source"] == f"/binaan/{service}"
    assert problems_of(reply) == [("envelope.not_json", None)]
    (kept,) = await Held(administrator, service).added()
    assert kept["reasons"] == ["envelope.not_json"]


@pytest.mark.parametrize(
    "content_type",
    [f"{CONTENT_TYPE}; charset=utf-8", f"{CONTENT_TYPE};charset=UTF-8", "Application/CloudEvents+JSON"],
)
async def test_a_content_type_with_parameters_is_taken(content_type: str, medan: Party, witness: Witness) -> None:
    """Client libraries add a charset by themselves."""
    id_ = f"charset-{uuid.uuid4()}"
    body = medan.body(VERIFY, {"business_id": "nobody"}, id_, actor="kadis")
    await medan.publish(VERIFY, body, content_type=content_type)
    assert problems_of(await medan.reply_to(id_)) == [("business.not_found", "data.business_id")]


# --- who speaks -------------------------------------------------------------------------------------------------------


async def test_a_forged_user_id_is_refused_by_the_broker(stage: Stage, history: History, witness: Witness) -> None:
    """The broker vouches for the account: nobody else's name passes the door."""
    id_ = f"forged-{uuid.uuid4()}"
    async with await aio_pika.connect(stage.world.amqp_url_of("dinkop-siantar")) as connection:
        channel = await connection.channel()
        intake = await channel.get_exchange("binaan.intake", ensure=False)
        body = Party(stage.world, "dinkop-medan").body(REPORT, witness.person.report(name="Lain"), id_, time=now())
        message = aio_pika.Message(body, content_type=CONTENT_TYPE, user_id="dinkop-medan")
        with pytest.raises(aio_pika.exceptions.ChannelPreconditionFailed):
            await intake.publish(message, REPORT)
    await witness.saw_nothing(id_)


async def test_a_message_without_user_id_is_kept_and_answered_to_nobody(
    medan: Party, witness: Witness, held: Held
) -> None:
    """Without the broker's word there is nobody to answer; an address in the body is no address."""
    await held.added()
    id_ = f"nobody-{uuid.uuid4()}"
    await medan.publish(REPORT, medan.body(REPORT, witness.person.report(name="Lain"), id_, time=now()), user_id=None)
    await witness.saw_nothing(id_)
    (kept,) = await held.added()
    assert (kept["account"], kept["reasons"]) == (None, ["envelope.user_id"])
    assert id_ not in medan.replies


SOURCES = {
    "of another agency": ("/agency/dinkop-siantar", "envelope.source_mismatch"),
    "of one of ours": ("/binaan/registry", "envelope.source_mismatch"),
    "of another shape": ("dinkop-medan", "envelope.source_mismatch"),
    "missing": (..., "envelope.source"),
    "null": (None, "envelope.source"),
    "a number": (7, "envelope.source"),
}


@pytest.mark.parametrize(("source", "code"), SOURCES.values(), ids=list(SOURCES))
async def test_a_source_that_is_not_the_sender_is_refused(
    source: Any, code: str, medan: Party, siantar: Party, witness: Witness
) -> None:
    """`source` must name the same account; the reply goes to the account the broker vouched for."""
    report = witness.person.report(name="Nama Lain")
    id_ = await medan.send(REPORT, report, time=now(), source=source)
    assert problems_of(await medan.reply_to(id_)) == [(code, "source")]
    await witness.saw_nothing(id_)
    assert id_ not in siantar.replies


async def test_replies_go_to_the_sender_and_to_no_address_it_names(
    medan: Party, siantar: Party, witness: Witness
) -> None:
    """`reply_to` is ignored: nobody can have replies, with what they hold, sent elsewhere."""
    id_ = f"elsewhere-{uuid.uuid4()}"
    body = medan.body(VERIFY, {"business_id": "nobody"}, id_, actor="kadis")
    await medan.publish(VERIFY, body, reply_to="dinkop-siantar.replies", correlation_id="mine")
    await medan.reply_to(id_)
    # Siantar's queue is read in order: what had been put there before its own reply would be here by now.
    await siantar.ask(VERIFY, {"business_id": "nobody"}, actor="kadis")
    assert len(medan.replies[id_]) == 1
    assert id_ not in siantar.replies
    assert {message.routing_key for message in siantar.properties} <= {
        f"dinkop-siantar.{verb}" for verb in ("accepted", "rejected", "answered")
    }


@pytest.mark.parametrize("key", [REPORT, DESIGNATE, OPEN])
async def test_an_account_that_is_not_registered_is_told_so(key: str, stage: Stage, witness: Witness) -> None:
    """An account at the broker is not yet an agency: the administrator registers it."""
    data = {
        REPORT: witness.person.report(name="Lain"),
        DESIGNATE: {"business_id": witness.business_id, "decree": DECREE},
        OPEN: programme(agency="dinkop-bengkalis", region="14.03"),
    }[key]
    async with Party(stage.world, "dinkop-bengkalis") as stranger:
        reply = await stranger.ask(key, data, time=now(), actor="kadis")
        assert problems_of(reply) == [("authority.agency_unknown", "source")]
        await witness.saw_nothing(reply["data"]["intake_id"])


ADMINISTRATIVE = {
    "registry.agency.register": {
        "agency": "dinkop-medan",
        "name": "Dinas",
        "level": "ministry",
        "region": "00",
        "permitted": ["#"],
    },
    "registry.agency.suspend": {"agency": "dinkop-siantar", "reason": "x"},
    "registry.agency.reinstate": {"agency": "dinkop-siantar"},
    "aid.agency.request": {},
    "registry.held.request": {},
    "registry.held.discard": {"held_id": "x", "reason": "x"},
    "aid.held.requeue": {"held_id": "x"},
    "notify.held.request": {},
}


@pytest.mark.parametrize("key", list(ADMINISTRATIVE))
async def test_only_the_administrator_may_do_what_is_the_administrators(key: str, medan: Party) -> None:
    """Nobody gives themselves a region, and held messages may hold what others sent."""
    reply = await medan.ask(key, ADMINISTRATIVE[key])
    assert problems_of(reply) == [("authority.administrator_only", "source")]


async def test_a_type_that_was_not_permitted_is_refused(administrator: Party, stage: Stage, person: Person) -> None:
    """A bank may be allowed to ask and not to report."""
    stage.world.add_account("bank-contoh")
    bank = {"agency": "bank-contoh", "name": "Bank", "level": "bank", "region": "00", "permitted": ["aid.programme.*"]}
    await administrator.ask("registry.agency.register", bank)
    async with Party(stage.world, "bank-contoh") as party:
        reply = await party.ask(REPORT, person.report(), time=now())
    assert problems_of(reply) == [("authority.type_not_permitted", "type")]


# --- the same message again -------------------------------------------------------------------------------------------


async def test_the_same_id_with_other_content_is_refused_and_the_first_stands(
    medan: Party, witness: Witness, person: Person
) -> None:
    """Whoever counts ids anew each year learns of it at once."""
    first = await medan.ask(REPORT, person.report(), time="2026-01-05T09:30:00+07:00")
    id_ = first["data"]["intake_id"]
    for count in (2, 3):
        await medan.send(REPORT, person.report(name="Nama Lain"), id_=id_, time="2026-01-05T09:30:00+07:00")
        assert problems_of(await medan.reply_to(id_, count=count)) == [("id.reused", "id")]
    assert medan.replies[id_][1] == medan.replies[id_][2]
    again = await medan.ask(REPORT, person.report(), time="2026-01-05T09:30:00+07:00")
    assert again["data"]["result"] == {**first["data"]["result"], "outcome": "unchanged"}


async def test_the_same_content_written_otherwise_is_the_same_message(medan: Party, person: Person) -> None:
    """A gateway may lay out JSON anew, order members otherwise, fill in nulls or start another trace."""
    id_ = f"layout-{uuid.uuid4()}"
    envelope = json.loads(medan.body(REPORT, person.report(), id_, time="2026-01-05T09:30:00+07:00"))
    trace = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    spellings = (
        json.dumps(envelope),
        json.dumps(envelope, indent=4, sort_keys=True),
        json.dumps(dict(reversed(envelope.items())), ensure_ascii=False),
        json.dumps({**envelope, "subject": None, "data": {**envelope["data"], "clear": None}}),
        json.dumps({**envelope, **trace}),
    )
    for count, spelling in enumerate(spellings, start=1):
        await medan.publish(REPORT, spelling.encode())
        await medan.reply_to(id_, count=count)
    assert len(set(medan.replies[id_])) == 1
    assert json.loads(medan.replies[id_][0])["data"]["result"]["outcome"] == "created"


async def test_two_agencies_may_use_the_same_id(medan: Party, siantar: Party) -> None:
    """Identity is account *and* id: every office counts 1, 2, 3 …"""
    id_ = f"same-{uuid.uuid4()}"
    for party in (medan, siantar):
        reply = await party.ask(VERIFY, {"business_id": party.account}, id_=id_, actor="kadis")
        assert problems_of(reply) == [("business.not_found", "data.business_id")]


@pytest.mark.parametrize("letter", ["x", "é", "字", "\U0001f9fa"])
async def test_an_id_of_128_characters_is_taken_whatever_its_letters(
    letter: str, medan: Party, witness: Witness
) -> None:
    """AMQP's own correlation id holds 255 bytes; the reply's body names the whole id."""
    id_ = (str(uuid.uuid4()) + letter * MAX_ID_LENGTH)[:MAX_ID_LENGTH]
    await medan.publish(VERIFY, medan.body(VERIFY, {"business_id": "nobody"}, id_, actor="kadis"))
    reply = await medan.reply_to(id_)
    assert problems_of(reply) == [("business.not_found", "data.business_id")]
    assert id_.startswith(medan.properties[-1].correlation_id or "?")
    await witness.saw_nothing(id_)


# --- values -----------------------------------------------------------------------------------------------------------


def at(path: str, value: Any) -> Callable[[Person], Json]:
    """A report in which one value is wrong."""

    def report(person: Person) -> Json:
        data = person.report(name="Nama Lain")
        *parents, name = path.split(".")[1:]
        here = data
        for parent in parents:
            here = here[parent]
        here[name] = value(person) if callable(value) else value
        return data

    return report


def impossible_date(person: Person) -> str:
    return f"{person.nik[:6]}310299{person.nik[12:]}"


VALUES = {
    "a NIK with a date that does not exist": ("data.owner.nik", impossible_date, "nik.invalid_date"),
    "a NIK of zeros": ("data.owner.nik", "0" * 16, "nik.placeholder"),
    "a NIK of 15 digits": ("data.owner.nik", lambda person: person.nik[:15], "nik.length"),
    "a NIK as a number": ("data.owner.nik", lambda person: int(person.nik), "field.type"),
    "a NIK rounded by a spreadsheet": ("data.owner.nik", "1,27199E+15", "nik.scientific"),
    "a phone number of three digits": ("data.owner.phone", "112", "phone.format"),
    "a region that does not exist": ("data.business.region", "12.99", "region.unknown"),
    "a region by its statistics code": ("data.business.region", "1271", "region.format"),
    "a whole province": ("data.business.region", "12", "region.too_wide"),
    "negative capital": ("data.business.capital", -25_000_000, "money.negative"),
    "fractional capital": ("data.business.capital", 25_000_000.5, "money.fractional"),
    "capital as a text": ("data.business.capital", "25.000.000", "money.type"),
    "capital as true": ("data.business.capital", True, "money.type"),
    "negative sales": ("data.business.annual_sales.amount", -1, "money.negative"),
    "fractional sales": ("data.business.annual_sales.amount", 0.1, "money.fractional"),
    "more than the state has": ("data.business.capital", 10**16, "number.too_large"),
    "sales of a year to come": ("data.business.annual_sales.year", 2099, "sales.year_in_future"),
    "a start that has not come": ("data.business.started_on", "2099-01-01", "business.started_in_future"),
    "a date that does not exist": ("data.business.started_on", "2026-02-30", "date.format"),
    "a date as offices write it": ("data.business.started_on", "05/01/2026", "date.format"),
    "a legal form nobody knows": ("data.business.legal_form", "warung", "field.not_allowed"),
    "a NIB of 12 digits": ("data.business.nib", "123456789012", "nib.length"),
    "a NIK in the trade name": ("data.business.name", lambda person: f"Toko {person.nik}", "text.personal_data"),
    "a phone number in the trade name": (
        "data.business.name",
        lambda person: f"Bakso WA {person.phone}",
        "text.personal_data",
    ),
    "a phone number among the needs": (
        "data.business.needs",
        lambda person: [f"hp_0{person.phone.removeprefix('+62')}"],
        "text.personal_data",
    ),
    "a name with nothing in it": ("data.business.name", "   ", "field.too_short"),
    "an object instead of a list": ("data.business.needs", {"equipment": True}, "field.type"),
}


@pytest.mark.parametrize(("path", "value", "code"), VALUES.values(), ids=list(VALUES))
async def test_a_wrong_value_is_named_by_its_place_and_never_repeated(
    path: str, value: Any, code: str, stage: Stage, medan: Party, witness: Witness
) -> None:
    """A reply is read by many eyes: it says where and what to do, not what stood there (UU PDP 27/2022)."""
    person = witness.person
    reply = await medan.ask(REPORT, at(path, value)(person), time=now())
    assert [(found, place.split(".0")[0]) for found, place in problems_of(reply) if place] == [(code, path)]
    await witness.saw_nothing(reply["data"]["intake_id"])
    assert_names_nobody(stage, person, reply)
    wrong = value(person) if callable(value) else value
    if isinstance(wrong, str) and wrong.strip():
        assert wrong not in json.dumps(reply["data"]["problems"])


async def test_everything_that_is_wrong_is_said_at_once(medan: Party, person: Person) -> None:
    """An officer mends a row once, not five times."""
    data = person.report(region="99.99", capital=-1, kbli={"code": "1", "version": "2020"})
    data["owner"]["nik"] = impossible_date(person)
    assert set(problems_of(await medan.ask(REPORT, data, time=now()))) == {
        ("nik.invalid_date", "data.owner.nik"),
        ("region.unknown", "data.business.region"),
        ("money.negative", "data.business.capital"),
        ("kbli.format", "data.business.kbli.code"),
    }


async def test_a_nik_from_a_region_that_is_no_more_is_taken_with_a_warning(medan: Party, person: Person) -> None:
    """A NIK keeps the place of its issue for ever; regions are split up and renamed (sources §2)."""
    data = person.report()
    data["owner"]["nik"] = f"5401{person.nik[4:]}"
    reply = await medan.ask(REPORT, data, time=now())
    assert warnings_of(reply) == [("nik.unknown_region", "data.owner.nik")]
    assert reply["data"]["result"]["outcome"] == "created"


async def test_unknown_members_are_taken_with_a_warning_that_names_the_path(
    stage: Stage, medan: Party, history: History, person: Person
) -> None:
    """A newer client may send more than this version knows; what is not known is never published."""
    data = {**person.report(), "nama_ibu": person.name}
    data["owner"]["email"] = "x"
    data["business"]["kbli"]["title"] = "x"
    reply = await medan.ask(REPORT, data, time=now())
    assert sorted(warnings_of(reply), key=str) == [
        ("field.unknown", "data.business.kbli.title"),
        ("field.unknown", "data.nama_ibu"),
        ("field.unknown", "data.owner.email"),
    ]
    id_ = reply["data"]["intake_id"]
    (event,) = await until(lambda: [one for one in history.events if one["correlationid"] == id_])
    assert "nama_ibu" not in json.dumps(event)
    assert_names_nobody(stage, person, reply, event)


async def test_a_member_whose_name_is_a_number_of_a_person_is_not_named(medan: Party, person: Person) -> None:
    """Some systems key objects by NIK; a warning must not carry it on."""
    reply = await medan.ask(REPORT, {**person.report(), person.nik: True}, time=now())
    assert warnings_of(reply) == [("field.unknown", "data")]
    assert person.nik not in json.dumps(reply)


@pytest.mark.parametrize(
    "data",
    [{f"m{number}": 1 for number in range(50_000)}, {"x" * 900_000: 1}],
    ids=["50,000 members", "a name of 900 kB"],
)
async def test_a_reply_stays_small_however_much_is_wrong(data: Json, medan: Party, person: Person) -> None:
    """No message of ours is larger than 1 MiB, also the reply to one that is wrong in 50,000 places."""
    reply = await medan.ask(REPORT, {**person.report(), **data}, time=now())
    warnings = warnings_of(reply)
    assert 0 < len(warnings) <= 100
    assert len(medan.replies[reply["data"]["intake_id"]][0]) < 100_000


async def test_nulls_mean_absent(medan: Party, history: History, person: Person) -> None:
    """Java clients send null for whatever they do not fill."""
    data: Json = person.report()
    data["owner"] |= {"language": None, "phone": None, "consent": None}
    data["business"] |= dict.fromkeys(("nib", "legal_form", "role", "kbli", "capital", "workers", "needs"))
    data["clear"] = None
    nothing = dict.fromkeys(("subject", "actor", "region", "traceparent", "dataschema", "datacontenttype"))
    reply = await medan.ask(REPORT, data, time=now(), **nothing)
    assert warnings_of(reply) == []
    id_ = reply["data"]["intake_id"]
    (event,) = await until(lambda: [one for one in history.events if one["correlationid"] == id_])
    assert "nib" not in event["data"]["business"]


async def test_what_is_required_may_not_be_null(medan: Party, witness: Witness, person: Person) -> None:
    data = person.report(name=None, region=None)
    data["owner"] = None
    assert set(problems_of(await medan.ask(REPORT, data, time=now()))) == {
        ("field.required", f"data.{path}") for path in ("owner.name", "business.name", "business.region")
    }


TIMES = {
    "of 2099": ("2099-01-01T00:00:00+07:00", "time.in_future"),
    "without a zone": ("2026-01-05T09:30:00", "time.zone_missing"),
    "without a time": ("2026-01-05", "time.format"),
    "that does not exist": ("2026-02-30T09:30:00+07:00", "time.format"),
    "as a number": (1767580200, "envelope.time"),
    "that is missing": (..., "time.required"),
    "that is null": (None, "time.required"),
}


@pytest.mark.parametrize(("time", "code"), TIMES.values(), ids=list(TIMES))
async def test_a_report_needs_a_time_of_observation(time: Any, code: str, medan: Party, witness: Witness) -> None:
    """The newest observation wins, so a clock that is wrong would win for years."""
    id_ = await medan.send(REPORT, witness.person.report(name="Nama Lain"), time=time)
    assert problems_of(await medan.reply_to(id_)) == [(code, "time")]
    await witness.saw_nothing(id_)


@pytest.mark.parametrize("kind", ["NIK", "phone"])
@pytest.mark.parametrize("as_message_id", [True, False], ids=["in both ids", "in the envelope only"])
async def test_an_id_that_names_a_person_is_refused(
    kind: str, as_message_id: bool, stage: Stage, medan: Party, witness: Witness
) -> None:
    """The id goes along the chain into public events as `correlationid`."""
    person = witness.person
    value = person.nik if kind == "NIK" else f"0{person.phone.removeprefix('+62')}"
    message_id = f"plain-{uuid.uuid4()}"
    id_ = f"{message_id}-{value}"
    body = medan.body(REPORT, person.report(name="Nama Lain"), id_, time=now())
    expected = None if as_message_id else message_id
    before = len(medan.replies[expected])
    await medan.publish(REPORT, body, message_id=id_ if as_message_id else message_id)
    reply = await medan.reply_to(expected, count=before + 1)
    assert problems_of(reply) == [("envelope.id_personal", "id")]
    await witness.saw_nothing(id_)
    assert_names_nobody(stage, person, reply)
    assert value not in (medan.properties[-1].correlation_id or "")


# --- officials and their decisions ------------------------------------------------------------------------------------

ACTORS = {
    "nobody knows": ("kepala-lain", "actor.unknown"),
    "whose role does not cover it": ("kabid", "actor.role"),
    "out of office": ("plt-lama", "actor.not_in_office"),
    "not in office yet": ("kadis-baru", "actor.not_in_office"),
    "missing": (..., "actor.required"),
    "null": (None, "actor.required"),
    "by a person's name": ("Ibu Kepala Dinas", "envelope.actor"),
}


@pytest.fixture(scope="module")
async def terms(medan: Party) -> None:
    """An acting head whose term is over, and a head whose term has not begun."""
    acting = {"official": "plt-lama", "role": "kadis", "acting": True, "valid_from": "2020-01-01"}
    await medan.ask("registry.official.register", {**acting, "valid_until": "2020-12-31"})
    await medan.ask(
        "registry.official.register", {"official": "kadis-baru", "role": "kadis", "valid_from": "2099-01-01"}
    )


@pytest.mark.parametrize(("actor", "code"), ACTORS.values(), ids=list(ACTORS))
async def test_a_decision_needs_an_official_who_may_take_it(
    actor: Any, code: str, medan: Party, witness: Witness, terms: None
) -> None:
    """Who may decide is what the agency has registered: role and dates (S0-03, S1-07, S4-10)."""
    data = {"business_id": witness.business_id, "decree": DECREE}
    id_ = await medan.send(DESIGNATE, data, actor=actor)
    assert problems_of(await medan.reply_to(id_)) == [(code, "actor")]
    await witness.saw_nothing(id_)


async def test_a_business_is_verified_before_it_is_designated(medan: Party, witness: Witness) -> None:
    reply = await medan.ask(DESIGNATE, {"business_id": witness.business_id, "decree": DECREE}, actor="kadis")
    assert problems_of(reply) == [("business.not_verified", "data.business_id")]
    await witness.saw_nothing(reply["data"]["intake_id"])


@pytest.mark.parametrize("key", [VERIFY, DESIGNATE])
async def test_what_does_not_exist_cannot_be_decided_on(key: str, medan: Party, witness: Witness) -> None:
    data = {"business_id": str(uuid.uuid4()), "decree": DECREE}
    reply = await medan.ask(key, data, actor="kadis")
    assert problems_of(reply) == [("business.not_found", "data.business_id")]
    await witness.saw_nothing(reply["data"]["intake_id"])


@pytest.mark.parametrize(
    ("key", "code"), [(VERIFY, "business.already_verified"), (DESIGNATE, "business.already_binaan")]
)
async def test_a_second_decision_of_the_same_kind_is_refused(
    key: str, code: str, medan: Party, designated: Witness
) -> None:
    """Two officers work through the same list: the second learns that it is done."""
    reply = await medan.ask(key, {"business_id": designated.business_id, "decree": DECREE}, actor="kadis")
    assert problems_of(reply) == [(code, "data.business_id")]
    await designated.saw_nothing(reply["data"]["intake_id"])


@pytest.mark.parametrize("kind", ["NIK", "phone"])
async def test_a_decree_number_that_names_a_person_is_refused(
    kind: str, stage: Stage, medan: Party, designated: Witness
) -> None:
    """The decree's number is published with the designation."""
    person = designated.person
    value = person.nik if kind == "NIK" else person.phone
    data = {"business_id": designated.business_id, "decree": {"number": f"SK/{value}", "date": "2026-02-01"}}
    reply = await medan.ask(DESIGNATE, data, actor="kadis")
    assert problems_of(reply) == [("text.personal_data", "data.decree.number")]
    await designated.saw_nothing(reply["data"]["intake_id"])
    assert_names_nobody(stage, person, reply)


# --- regions ----------------------------------------------------------------------------------------------------------


async def test_an_agency_reports_only_within_its_region(medan: Party, witness: Witness, person: Person) -> None:
    """S3-06: every office answers for its own region."""
    reply = await medan.ask(REPORT, person.report(region="12.72.01.1001"), time=now())
    assert problems_of(reply) == [("authority.region", "data.business.region")]
    await witness.saw_nothing(reply["data"]["intake_id"])


@pytest.mark.parametrize("key", [VERIFY, DESIGNATE])
async def test_an_agency_decides_only_within_its_region(key: str, siantar: Party, witness: Witness) -> None:
    data = {"business_id": witness.business_id, "decree": DECREE}
    reply = await siantar.ask(key, data, actor="kadis")
    assert problems_of(reply) == [("authority.region", "data.business_id")]
    await witness.saw_nothing(reply["data"]["intake_id"])


async def test_an_agency_takes_over_no_business_of_another_by_its_nib(siantar: Party, witness: Witness) -> None:
    """Recognised by NIB and name, it is still the other's: both places must be the agency's own."""
    reply = await siantar.ask(REPORT, witness.person.report(region="12.72.01.1001"), time=now())
    assert problems_of(reply) == [("authority.region", "data.business")]
    await witness.saw_nothing(reply["data"]["intake_id"])


# --- programmes -------------------------------------------------------------------------------------------------------


def budget(pagu: Any) -> Json:
    return {"budget": [{"source": "apbd", "pagu": pagu}]}


PROGRAMMES = {
    "a region of another agency": ({"region": "12.72"}, "authority.region", "data.region"),
    "a region above its own": ({"region": "12"}, "authority.region", "data.region"),
    "another agency's name": ({"agency": "dinkop-siantar"}, "programme.agency_differs", "data.agency"),
    "negative money": (budget(-1), "money.negative", "data.budget.0.pagu"),
    "fractional money": (budget(0.5), "money.fractional", "data.budget.0.pagu"),
    "money as a text": (budget("150jt"), "money.type", "data.budget.0.pagu"),
    "no money": ({"budget": []}, "field.too_short", "data.budget"),
    "a quota of none": ({"quota": 0}, "number.too_small", "data.quota"),
    "a criterion nobody knows": ({"criteria": [{"type": "is_nice"}]}, "field.not_allowed", "data.criteria.0"),
    "a phone number in how to apply": (
        {"how_to_apply": "WA 0812-0000-1234"},
        "text.personal_data",
        "data.how_to_apply",
    ),
    "a last day that has passed": ({"apply_until": "2020-01-01"}, "programme.apply_until_past", "data.apply_until"),
}


@pytest.mark.parametrize(("changes", "code", "path"), PROGRAMMES.values(), ids=list(PROGRAMMES))
async def test_a_wrong_programme_is_not_opened(
    changes: Json, code: str, path: str, medan: Party, history: History
) -> None:
    """aid checks by its own copy of agencies and officials, and asks nobody."""
    reply = await medan.ask(OPEN, programme(**changes), actor="kadis")
    assert (code, path) in problems_of(reply)
    after = await medan.ask(OPEN, programme(), actor="kadis")
    opened = after["data"]["result"]["programme_id"]
    await until(lambda: any(event["subject"] == opened for event in history.events))
    assert not [one for one in history.events if one["correlationid"] == reply["data"]["intake_id"]]


@pytest.mark.parametrize(
    ("actor", "code"), [("kabid", "actor.role"), ("siapa", "actor.unknown"), (..., "actor.required")]
)
async def test_a_programme_is_opened_by_an_official_who_may(actor: Any, code: str, medan: Party) -> None:
    reply = await medan.ask(OPEN, programme(), actor=actor)
    assert problems_of(reply) == [(code, "actor")]


async def test_criteria_nested_without_end_are_refused(medan: Party) -> None:
    """Read before anything recurses into what a stranger sent."""
    criterion: Json = {"type": "never_received"}
    for _ in range(20):
        criterion = {"type": "not", "criterion": criterion}
    reply = await medan.ask(OPEN, programme(criteria=[criterion]), actor="kadis")
    assert problems_of(reply) == [("criteria.too_deep", "data")]


# --- nothing is dropped -----------------------------------------------------------------------------------------------


async def test_a_message_with_a_wrong_key_is_kept_and_seen(stage: Stage, medan: Party, witness: Witness) -> None:
    """The alternate exchange of `binaan.intake`: a misspelt key is found by an operator, not lost."""
    body = medan.body(REPORT, witness.person.report(name="Nama Lain"), f"misspelt-{uuid.uuid4()}", time=now())
    await medan.publish("regsitry.business.report", body)
    await medan.publish("", body)
    async with await aio_pika.connect(stage.world.amqp_url) as connection:
        channel = await connection.channel()
        queue = await channel.get_queue("binaan.unrouted")
        found = [await until(lambda: queue.get(fail=False), what="an unrouted message") for _ in range(2)]
        assert [message.body for message in found] == [body, body]
        assert [message.user_id for message in found] == ["dinkop-medan"] * 2
        for message in found:
            await message.ack()
    await witness.saw_nothing()


async def test_nothing_is_dropped(stage: Stage, medan: Party, witness: Witness, person: Person) -> None:
    """Good, bad and repeated messages in one flood: each has its reply, and no queue holds a remainder."""
    sent = [f"flood-{uuid.uuid4()}" for _ in range(60)]
    for number, id_ in enumerate(sent):
        good = medan.body(REPORT, person.report(workers=number), id_, time=now())
        body = (good, good[:-1], good.replace(b"12.71.01", b"12.99.01"), good)[number % 4]
        for _ in range(1 + number % 2):
            await medan.publish(REPORT, body, message_id=id_)
    for id_ in sent:
        await medan.reply_to(id_)
    await witness.saw_nothing()
    # Copies that are decided in one batch are one message; later ones are answered again, byte for byte.
    assert {len(set(medan.replies[id_])) for id_ in sent} == {1}
    waiting = ("registry.intake", "aid.intake", "aid.events", "notify.events", "notify.contacts", "binaan.dead")

    async def empty() -> bool:
        return await in_queue(stage.world, *waiting) == 0

    await until(empty, what="every queue is empty")


async def test_messages_of_a_stranger_stop_nobody(stage: Stage, medan: Party, person: Person) -> None:
    """After all that was sent here the services are ready, and have not been started again."""
    assert all([await process.is_ready() for process in stage.services.values()])
    reply = await asyncio.wait_for(medan.ask(REPORT, person.report(), time=now()), 10)
    assert reply["data"]["result"]["outcome"] == "created"
