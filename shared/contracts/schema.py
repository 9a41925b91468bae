"""JSON Schema (2020-12) of every message, made from the models that the services themselves read with.

What a schema cannot say (that a region exists, that a date lies in the past) the service still checks; the service in
turn takes blanks around a number, which a schema does not. Schemas of what we publish never forbid members that are
not known yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from shared.contracts.catalogue import TYPES, Kind, MessageType
from shared.contracts.envelope import MAX_ID_LENGTH
from shared.contracts.fields import DataClass

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DATA_CLASS = "x-data-class"

_TEXT = {"type": "string", "minLength": 1}
_INSTANT = {"type": "string", "format": "date-time"}
_REGION = {"type": "string", "pattern": r"^[0-9]{2}(\.[0-9]{2}(\.[0-9]{2}(\.[0-9]{4})?)?)?$"}
_INTAKE_ATTRIBUTES: dict[str, JsonSchemaValue] = {
    "id": {**_TEXT, "maxLength": MAX_ID_LENGTH},
    "source": {"type": "string", "pattern": "^/agency/[a-z][a-z0-9-]{2,39}$"},
    "subject": {"type": ["string", "null"]},
    "time": {"type": ["string", "null"], "format": "date-time"},
    "actor": {"type": ["string", "null"]},
    "region": {"anyOf": [_REGION, {"type": "null"}]},
    "traceparent": {"type": ["string", "null"]},
}
_OUR_ATTRIBUTES: dict[str, JsonSchemaValue] = {
    "id": {"type": "string", "format": "uuid"},
    "source": {"type": "string", "pattern": "^/binaan/[a-z]+$"},
    "time": _INSTANT,
    "datacontenttype": {"const": "application/json"},
    "dataschema": _TEXT,
    "subject": _TEXT,
    "sequence": {"type": "string", "pattern": "^[0-9]{20}$"},
    "partitionkey": _TEXT,
    "region": _REGION,
    "actor": _TEXT,
    "traceparent": _TEXT,
    "correlationid": _TEXT,
    "causationid": _TEXT,
}
_MEANING = {
    "specversion": "The version of CloudEvents.",
    "id": "Unique for its source, and the same whenever the message comes again.",
    "source": "Who says it: `/agency/<account>` or `/binaan/<service>`.",
    "type": "What it says, with its version.",
    "time": "When it was observed or has happened.",
    "datacontenttype": "What `data` is.",
    "dataschema": "The name of the type's schema.",
    "subject": "The id of the thing it is about.",
    "sequence": "Counts the public events of one subject: 1, 2, 3 … in 20 digits. The higher is the newer state.",
    "partitionkey": "The subject: what has the same must be read in order.",
    "region": "Where: a Kemendagri code, as deep as is known; `00` is the nation.",
    "actor": "The official behind it: on intake a handle, on events an opaque id.",
    "traceparent": "W3C trace context, from the intake message to the last event it causes.",
    "correlationid": "The `id` at the start of the chain.",
    "causationid": "The `id` of the message that directly caused this one.",
    "data": "What is said.",
}
_REQUIRED_ON_INTAKE = ("id", "source")
_REQUIRED_ON_OURS = ("id", "source", "time", "datacontenttype", "dataschema")
_REQUIRED_ON_STATE = ("subject", "sequence", "partitionkey", "region", "correlationid", "causationid")


class _WithDataClass(GenerateJsonSchema):
    """Says at each field how far it may travel (UU PDP 27/2022 art. 4)."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        fields: Any = schema["cls"].model_fields
        for name, member in made.get("properties", {}).items():
            marks = [mark for mark in fields[name].metadata if isinstance(mark, DataClass)]
            if marks:
                member[DATA_CLASS] = marks[0].value
        return made


def schema_of(kind: MessageType) -> JsonSchemaValue:
    """The schema of a whole message of one type, envelope and data."""
    references, definitions = data_schemas([kind], "#/$defs/{model}")
    envelope, own = envelope_of(kind.kind), particular_of(kind, references[kind.key])
    return {
        "$schema": DIALECT,
        "$id": kind.schema_id,
        "title": kind.name,
        "description": kind.summary,
        "type": "object",
        "required": [*envelope["required"], *own["required"]],
        "properties": {
            name: {**one, **own["properties"].get(name, {})} for name, one in envelope["properties"].items()
        },
        "$defs": definitions,
    }


def data_schemas(
    kinds: Iterable[MessageType], ref_template: str
) -> tuple[dict[str, JsonSchemaValue], dict[str, JsonSchemaValue]]:
    """Of the data of several types: a reference for each by key, and what the references lead to, each model once."""
    kinds = list(kinds)
    models = dict.fromkeys(kind.model for kind in kinds)
    made, found = models_json_schema(
        [(model, "validation") for model in models], schema_generator=_WithDataClass, ref_template=ref_template
    )
    definitions = found["$defs"]
    _name_bounds(definitions)
    return {kind.key: made[kind.model, "validation"] for kind in kinds}, definitions


def envelope_of(kind: Kind) -> JsonSchemaValue:
    """What stands around the data on every message of a kind."""
    attributes = _INTAKE_ATTRIBUTES if kind is Kind.INTAKE else _OUR_ATTRIBUTES
    properties: dict[str, JsonSchemaValue] = {"specversion": {"const": "1.0"}, "type": _TEXT, **attributes, "data": {}}
    return {
        "type": "object",
        "required": ["specversion", "type", *_required(kind), "data"],
        "properties": {name: {**one, "description": _MEANING[name]} for name, one in properties.items()},
    }


def particular_of(kind: MessageType, data: JsonSchemaValue) -> JsonSchemaValue:
    """What a type demands beyond the envelope of its kind."""
    demanded = _demanded(kind)
    return {
        "type": "object",
        "required": [name for name in demanded if name not in _required(kind.kind)],
        "properties": {"type": {"const": kind.name}, **demanded, "data": data},
    }


def index() -> list[dict[str, Any]]:
    """All types, for whoever looks for one."""
    return [
        {
            "type": one.name,
            "key": one.key,
            "kind": one.kind.value,
            "exchange": one.exchange,
            "version": one.version,
            "summary": one.summary,
            "schema": f"{one.name}.json",
        }
        for one in TYPES.values()
    ]


# Behind a validator of our own, pydantic leaves its names for bounds where JSON Schema has others.
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}


def _name_bounds(part: Any) -> None:
    if isinstance(part, list):
        for inner in part:
            _name_bounds(inner)
    elif isinstance(part, dict):
        if part.get("type") in ("integer", "number"):  # a property may be called `type`, and is a dict
            for pydantics in [name for name in _BOUNDS if name in part]:
                part[_BOUNDS[pydantics]] = part.pop(pydantics)
        for inner in part.values():
            _name_bounds(inner)


def _required(kind: Kind) -> tuple[str, ...]:
    if kind is Kind.INTAKE:
        return _REQUIRED_ON_INTAKE
    return _REQUIRED_ON_OURS if kind is Kind.REPLY else (*_REQUIRED_ON_OURS, *_REQUIRED_ON_STATE)


def _demanded(kind: MessageType) -> dict[str, JsonSchemaValue]:
    if kind.kind is not Kind.INTAKE:
        return {"source": {"const": f"/binaan/{kind.service}"}, "dataschema": {"const": kind.schema_id}}
    demanded: dict[str, JsonSchemaValue] = {}
    if kind.observed:
        demanded["time"] = _INSTANT
    if kind.decision:
        demanded["actor"] = _TEXT
    return demanded
