"""The AsyncAPI documents say what catalogue, routes and the broker's definitions say, and no more to outsiders."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from typing import Any

import pytest

from deploy.rabbitmq.provision import definitions
from shared.contracts.asyncapi import INTEGRATORS, READS, documents
from shared.contracts.authority import matches
from shared.contracts.catalogue import SERVICES, TYPES, Kind, MessageType
from shared.contracts.page import page
from shared.contracts.schema import DATA_CLASS
from tests.documents import Json, message_at, parts, payload, reached
from tests.shared.contracts.test_golden import FILES, message, name, type_of

DOCUMENTS = documents()
OUTSIDERS = DOCUMENTS[INTEGRATORS]
each_document = pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)


# --- channels and operations ------------------------------------------------------------------------------------------


@each_document
def test_every_parameter_of_an_address_is_declared_and_shown(document: Json) -> None:
    """A tool that fills in addresses must know each part of them; one that is declared and in no address is a lie."""
    used = set[str]()
    for channel in document["channels"].values():
        names = set(re.findall(r"\{(\w+)\}", channel["address"]))
        assert set(channel.get("parameters", {})) == names, channel["address"]
        used |= names
    declared = document["components"]["parameters"]
    assert set(declared) == used
    assert all(one["description"] and one["examples"] for one in declared.values())


@each_document
def test_whatever_is_sent_is_persistent(document: Json) -> None:
    """A client that is generated from the document must not send what a restart of the broker loses."""
    bindings = [one["bindings"]["amqp"] for one in document["operations"].values()]
    assert bindings
    assert {one["deliveryMode"] for one in bindings} == {2}


@each_document
def test_each_type_is_one_message_with_one_operation(document: Json) -> None:
    """Ministries generate one class a type: no message is a union, none stands there twice."""
    messages = document["components"]["messages"]
    names = [one["name"] for one in messages.values()]
    assert sorted(names) == sorted({TYPES[key].name for key in messages})
    operations = [reference["$ref"] for one in document["operations"].values() for reference in one["messages"]]
    in_channels = [
        f"#/channels/{channel}/messages/{key}"
        for channel, one in document["channels"].items()
        for key in one["messages"]
    ]
    assert sorted(operations) == sorted(in_channels)
    assert sorted(one.rpartition("/")[2] for one in in_channels) == sorted(messages)


def test_the_services_documents_hold_all_types_there_are() -> None:
    """Each at its owner, which receives what is told to it and sends the rest."""
    for one in TYPES.values():
        action = "receive" if one.kind is Kind.INTAKE else "send"
        assert DOCUMENTS[one.service]["operations"][f"{action}.{one.key}"]["action"] == action


@each_document
def test_every_reference_leads_somewhere(document: Json) -> None:
    references = [one["$ref"] for one in parts(document) if isinstance(one.get("$ref"), str)]
    assert len(references) > 50
    for reference in references:
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


@each_document
def test_exchanges_are_as_the_broker_has_them(document: Json) -> None:
    """A client that declares what the document says must not be refused by the broker."""
    there = {one["name"]: (one["type"], one["durable"], one["auto_delete"]) for one in definitions()["exchanges"]}
    for channel in document["channels"].values():
        said = channel["bindings"]["amqp"]["exchange"]
        assert (said["type"], said["durable"], said["autoDelete"]) == there[said["name"]]


def published() -> list[MessageType]:
    return [one for one in TYPES.values() if one.kind in {Kind.EVENT, Kind.CONTACT}]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reads_what_its_routes_take(service: str) -> None:
    """The table beside the documents is not code; here it is held against the code."""
    routes = importlib.import_module(f"services.{service}.handlers").routes
    said = {one.key for one in published() if any(matches(pattern, one.key) for pattern in READS[service])}
    assert said == {one.key for one in published() if routes.find(one.key) is not None}
    sends = DOCUMENTS[service]["operations"]
    assert {key.removeprefix("receive.") for key in sends if key.startswith("receive.")} >= said


@pytest.mark.parametrize("service", SERVICES)
def test_what_a_service_reads_comes_into_the_queue_that_is_named(service: str) -> None:
    """From the exchange and the address of the document, by the broker's own bindings."""
    document, bindings = DOCUMENTS[service], definitions()["bindings"]
    received = [one for one in document["operations"].values() if one["action"] == "receive"]
    assert received
    for one in received:
        channel = document["channels"][one["channel"]["$ref"].rpartition("/")[2]]
        exchange, key = channel["bindings"]["amqp"]["exchange"]["name"], channel["address"].replace("{region}", "12.71")
        assert [
            binding
            for binding in bindings
            if (binding["source"], binding["destination"]) == (exchange, one["x-queue"])
            and matches(binding["routing_key"], key)
        ], key


# --- what outsiders see -----------------------------------------------------------------------------------------------


def test_outsiders_see_the_door_their_replies_and_the_events() -> None:
    """Neither contacts nor what only the administrator may send."""
    kinds = [one for one in TYPES.values() if one.kind is not Kind.CONTACT and not one.administrator]
    assert set(OUTSIDERS["components"]["messages"]) == {one.key for one in kinds}
    assert {one["bindings"]["amqp"]["exchange"]["name"] for one in OUTSIDERS["channels"].values()} == {
        "binaan.intake",
        "binaan.replies",
        "binaan.events",
    }
    text = json.dumps(OUTSIDERS)
    assert "contact" not in text.lower()
    assert "binaan.contacts" in json.dumps(DOCUMENTS["notify"])


def marks(document: Json, key: str) -> set[str]:
    """How far the fields of a message may travel, wherever they stand in it."""
    start = document["components"]["messages"][key]["payload"]
    return {one[DATA_CLASS] for one in reached(document, start) if isinstance(one.get(DATA_CLASS), str)}


def test_no_event_has_a_field_that_is_not_public() -> None:
    """UU PDP 27/2022 art. 4, through all references; and the walk finds what is personal where it may stand."""
    events = [one.key for one in TYPES.values() if one.kind is Kind.EVENT]
    assert {key: found for key in events if (found := marks(OUTSIDERS, key)) != {"public"}} == {}
    assert marks(OUTSIDERS, "registry.business.report") == {"public", "personal", "specific"}
    assert "personal" in marks(DOCUMENTS["notify"], "registry.contact.changed")


@each_document
def test_no_machine_is_named(document: Json) -> None:
    """A document is handed on: it must hold nobody's address, and nothing that a reader's tool would fetch."""
    text = json.dumps(document)
    assert re.findall(r"https?://|localhost|\b\d+\.\d+\.\d+\.\d+\b|@", text) == []
    (server,) = document["servers"].values()
    assert (server["host"], server["variables"]["host"]["default"]) == ("{host}", "bus.example")


# --- payloads ---------------------------------------------------------------------------------------------------------


def holders(kind: MessageType) -> list[Json]:
    return [one for one in DOCUMENTS.values() if kind.key in one["components"]["messages"]]


@pytest.mark.parametrize("path", FILES, ids=name)
def test_golden_examples_are_valid_in_every_document_that_has_them(path: Any) -> None:
    kind, example = type_of(path), message(path)
    assert holders(kind)
    for document in holders(kind):
        assert [error.json_path for error in payload(document, kind.key).iter_errors(example)] == []


@pytest.mark.parametrize("path", FILES, ids=name)
def test_what_is_broken_is_refused(path: Any) -> None:
    """In the envelope and in the data: a schema whose references lead nowhere takes everything."""
    kind, example = type_of(path), message(path)
    document = DOCUMENTS[kind.service]
    data = dict(example["data"])
    required = document["components"]["schemas"][kind.model.__name__].get("required", [])
    for broken in (
        {**example, "type": "id.binaan.registry.business.report.v9"},
        {**example, "source": "/somebody/else"},
        {**example, "data": "text"},
        *({**example, "data": {key: value for key, value in data.items() if key != one}} for one in required),
    ):
        assert not payload(document, kind.key).is_valid(broken)


def test_beside_a_reference_stands_nothing() -> None:
    """In draft-07 it would not count: a bound that is lost there binds nobody."""
    for document in DOCUMENTS.values():
        schemas = [document["components"]["schemas"], *(one["payload"] for one in messages_of(document))]
        found = [part for schema in schemas for part in parts(schema) if isinstance(part.get("$ref"), str)]
        assert [part for part in found if len(part) > 1] == []
        assert not [part for schema in schemas for part in parts(schema) if "discriminator" in part or "$defs" in part]


def messages_of(document: Json) -> list[Json]:
    return list(document["components"]["messages"].values())


def test_an_address_is_found_only_where_it_is() -> None:
    """That what the end-to-end tests look messages up with can fail."""
    registered = "id.binaan.registry.business.recorded.v1"
    assert message_at(OUTSIDERS, "binaan.events", "registry.business.recorded.12.71", registered)
    for exchange, key, type_ in (
        ("binaan.intake", "registry.business.recorded.12.71", registered),
        ("binaan.events", "registry.business.recorded.12.71.01", registered),
        ("binaan.events", "registry.business.recorded", registered),
        ("binaan.events", "registry.business.recorded.12.71", "id.binaan.registry.business.updated.v1"),
    ):
        assert message_at(OUTSIDERS, exchange, key, type_) is None


# --- what is written --------------------------------------------------------------------------------------------------


def test_documents_are_the_same_in_every_process() -> None:
    """They are kept under version control by others: what has not changed must not differ."""
    command = "import json; from shared.contracts.asyncapi import documents; print(json.dumps(documents()))"
    made = [
        subprocess.run(
            [sys.executable, "-c", command],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    assert made == [json.dumps(DOCUMENTS)] * 2


class Elements(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def values(self, attribute: str) -> list[str]:
        return [attributes[attribute] or "" for _, attributes in self.found if attribute in attributes]


ACTIVE = {"script", "form", "input", "button", "iframe", "object", "embed", "img", "video", "audio", "base", "svg"}


@each_document
def test_a_page_shows_every_message_and_fetches_and_sends_nothing(document: Json) -> None:
    """It is read on machines without internet, beside services that must not be published to from a browser."""
    text = page(document, "asyncapi.json")
    elements = Elements(text)
    assert not {tag for tag, _ in elements.found} & ACTIVE
    assert "://" not in text
    assert "url(" not in text
    assert "@import" not in text
    assert {target for target in elements.values("href") if not target.startswith("#")} == {"data:,", "asyncapi.json"}
    assert {target[1:] for target in elements.values("href") if target.startswith("#")} <= set(elements.values("id"))
    assert elements.values("src") == []
    for one in messages_of(document):
        assert f"<code>{one['name']}</code>" in text


def test_a_page_shows_text_as_text() -> None:
    """Whatever a description holds."""
    document = json.loads(json.dumps(OUTSIDERS))
    document["info"]["description"] = "<script>alert(1)</script> `<b>` *&*"
    text = page(document, "asyncapi.json")
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; <code>&lt;b&gt;</code> <em>&amp;</em>" in text
