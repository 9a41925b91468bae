"""Every message type has examples that are kept for good: what was once published must still be read.

A golden file is written once and never changed; a new one is added beside it. It is one whole message,
``<key>.v<version>[.<what is special>].json``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel, ValidationError

from shared.contracts.catalogue import TYPES, Kind, MessageType, _models_in
from shared.contracts.envelope import CONTENT_TYPE
from shared.contracts.problem import from_validation
from shared.contracts.schema import schema_of
from shared.kernel.codec import Codec, Delivery
from shared.kernel.keys import Keyring
from shared.reference import dates, personal
from tests.shared.kernel.toy import NOW

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.json"))
RING = Keyring("k1", {"k1": b"k" * 32})


def message(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


@cache
def type_of(path: Path) -> MessageType:
    found = re.fullmatch(r"(.+)\.v([0-9]+)(?:\.[a-z_]+)?", path.stem)
    assert found, path.name
    kind = TYPES[found[1]]
    assert kind.version == int(found[2])
    return kind


def of_type(kind: MessageType) -> list[dict[str, Any]]:
    return [message(path) for path in FILES if type_of(path) is kind]


def name(path: Path) -> str:
    return path.stem


PUBLISHED = [path for path in FILES if type_of(path).kind is not Kind.INTAKE]
STATED = [path for path in FILES if type_of(path).kind in {Kind.EVENT, Kind.CONTACT}]


# --- they are there, and whole ----------------------------------------------------------------------------------------


def reachable(model: type[BaseModel]) -> set[type[BaseModel]]:
    """A model and all that stand within it, at any depth."""
    found, waiting = {model}, [model]
    while waiting:
        for info in waiting.pop().model_fields.values():
            inside = set(_models_in(info.annotation)) - found
            found |= inside
            waiting += inside
    return found


def shown(value: Any) -> Iterator[tuple[type[BaseModel], str]]:
    """The fields that an example has given a value to, wherever they stand in it."""
    if isinstance(value, BaseModel):
        for field in value.model_fields_set & type(value).model_fields.keys():
            yield type(value), field
            yield from shown(getattr(value, field))
    elif isinstance(value, tuple):
        for inner in value:
            yield from shown(inner)


@cache
def all_shown() -> set[tuple[type[BaseModel], str]]:
    """The fields of all examples."""
    return {one for path in FILES for one in shown(type_of(path).model.model_validate(message(path)["data"]))}


MODELS = sorted({inner for kind in TYPES.values() for inner in reachable(kind.model)}, key=lambda one: one.__qualname__)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__qualname__)
def test_every_field_of_every_model_is_shown_by_an_example(model: type[BaseModel]) -> None:
    """A field that no example shows could change or disappear unnoticed."""
    assert {field for owner, field in all_shown() if owner is model} == model.model_fields.keys()


@pytest.mark.parametrize("path", FILES, ids=name)
def test_an_example_is_told_apart_and_holds_nobody(path: Path) -> None:
    """No fixture of ours holds a person: kecamatan 99 in every NIK, and public events hold no number of a person."""
    content = message(path)
    assert content["type"] == type_of(path).name
    assert content["dataschema"] == type_of(path).schema_id
    if type_of(path).kind is Kind.EVENT:
        assert personal.find_personal(json.dumps(content), strict_region=True) is None
    owner = content["data"].get("owner", {})
    assert owner.get("nik", "1271990000000000")[4:6] == "99"


# --- they are read ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=name)
def test_an_example_is_read_by_the_service_it_is_for(path: Path) -> None:
    """The current models, and the whole of the door with them."""
    kind = type_of(path)
    received = Codec(kind.service, RING).read(delivery(path), NOW)
    if kind.kind is Kind.REPLY:
        kind.model.model_validate(message(path)["data"])
        return
    assert [(one.code, one.field) for one in (*received.problems, *received.warnings)] == []
    assert received.received is not None
    assert not received.keep


def delivery(path: Path) -> Delivery:
    kind, content = type_of(path), message(path)
    account = content["source"].rsplit("/", 1)[-1]
    body = path.read_bytes()
    return Delivery(kind.exchange, kind.key, body, account, content["id"], CONTENT_TYPE)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_an_example_is_valid_by_the_published_schema(path: Path) -> None:
    """What integrators generate their code from says the same as what we read with."""
    validator(type_of(path)).validate(message(path))


@cache
def validator(kind: MessageType) -> jsonschema.Draft202012Validator:
    schema = schema_of(kind)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


@pytest.mark.parametrize("path", PUBLISHED, ids=name)
def test_an_example_of_ours_comes_out_as_it_went_in(path: Path) -> None:
    """Nothing that was published once is dropped or renamed by the current model."""
    kind, data = type_of(path), message(path)["data"]
    assert kind.model.model_validate(data).model_dump(mode="json", exclude_none=True) == data


# --- and would not be, if ... -----------------------------------------------------------------------------------------


def without_each(model: type[BaseModel], data: dict[str, Any], path: str = "data") -> Iterator[tuple[str, Any]]:
    """Copies of a payload, each lacking one required field, and the path of that field."""
    for field, info in model.model_fields.items():
        here, value = f"{path}.{field}", data.get(field)
        if info.is_required():
            yield here, {name: inner for name, inner in data.items() if name != field}
        inner_model = next(iter(_models_in(info.annotation)), None)
        if inner_model is not None and isinstance(value, dict):
            for where, changed in without_each(inner_model, value, here):
                yield where, {**data, field: changed}


@pytest.mark.parametrize("path", FILES, ids=name)
def test_an_example_without_a_required_field_is_refused_at_that_field(path: Path) -> None:
    """By what we read with, by its path, and by the published schema."""
    kind, content = type_of(path), message(path)
    schema = validator(kind)
    for where, changed in without_each(kind.model, content["data"]):
        with pytest.raises(ValidationError) as refused:
            kind.model.model_validate(changed)
        assert [(one.code, one.field) for one in from_validation(refused.value, changed, "data")] == [
            ("field.required", where)
        ]
        assert not schema.is_valid({**content, "data": changed})


@pytest.mark.parametrize("path", PUBLISHED, ids=name)
def test_members_and_values_that_are_not_known_yet_do_no_harm(path: Path) -> None:
    """Readers of events ignore members and enum values they do not know; ours are readers too."""
    kind, data = type_of(path), message(path)["data"]
    known = kind.model.model_validate(data)
    grown = with_more(data)
    assert grown != data
    assert kind.model.model_validate(grown) == known
    validator(kind).validate({**message(path), "data": grown, "laterattribute": "1"})
    changed = with_other_words(kind.model, data)
    assert changed != data
    kind.model.model_validate(changed)


FREE = ("result", "answer", "programme.criteria")
"""Fields that hold what is no model's business."""


def with_more(value: Any, path: str = "") -> Any:
    """The same with a member more in every object that a model of ours reads."""
    if isinstance(value, list):
        return [with_more(inner, path) for inner in value]
    if not isinstance(value, dict) or path in FREE:
        return value
    inside = {name: with_more(inner, f"{path}.{name}" if path else name) for name, inner in value.items()}
    return {**inside, "later_member": {"a": [1]}}


def with_other_words(model: type[BaseModel], data: dict[str, Any]) -> dict[str, Any]:
    """The same with a word that nobody knows in the place of every text that is not a date."""
    changed = dict(data)
    for field, info in model.model_fields.items():
        value = data.get(field)
        inner = next(iter(_models_in(info.annotation)), None)
        if isinstance(value, dict) and inner is not None:
            changed[field] = with_other_words(inner, value)
        elif isinstance(value, str) and "datetime.date" not in str(info.annotation):
            changed[field] = "not_known_yet"
    return changed


@pytest.mark.parametrize("path", STATED, ids=name)
def test_a_service_reads_an_event_that_has_grown(path: Path) -> None:
    """The whole way, not the model alone."""
    content = message(path)
    sent = delivery(path)
    body = json.dumps({**content, "data": with_more(content["data"]), "laterattribute": "1"}).encode()
    reading = Codec("aid", RING).read(
        Delivery(sent.exchange, sent.routing_key, body, sent.account, sent.message_id), NOW
    )
    assert reading.received is not None
    assert reading.received.sequence == int(content["sequence"])
    assert reading.received.time == dates.parse_time(content["time"])


def test_every_file_belongs_to_a_type() -> None:
    """A type that is gone leaves its examples behind: they are still out there, so the type must not be gone."""
    assert {type_of(path).key for path in FILES} == TYPES.keys()
