"""JSON Schema (2020-12) of every message, made from the models that the services themselves read with.

What a schema cannot say (that a region exists, that a date lies in the past) the service still checks; the service in
turn takes blanks around a number, which a schema does not. Schemas of what we publish never forbid members that are
not known yet.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
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
    data = _data_schema(kind.model)
    definitions = data.pop("$defs", {})
    return {
        "$schema": DIALECT,
        "$id": kind.schema_id,
        "title": kind.name,
        "description": kind.summary,
        "type": "object",
        "required": ["specversion", "type", *_required(kind), "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "type": {"const": kind.name},
            **_attributes(kind),
            "data": data,
        },
        **({"$defs": definitions} if definitions else {}),
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


def _data_schema(model: type[BaseModel]) -> JsonSchemaValue:
    made = model.model_json_schema(schema_generator=_WithDataClass, mode="validation")
    _name_bounds(made)
    return made


# Behind a validator of our own, pydantic leaves its names for bounds where JSON Schema has others.
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}


def _name_bounds(part: Any) -> None:
    if isinstance(part, list):
        for inner in part:
            _name_bounds(inner)
    elif isinstance(part, dict):
        if part.get("type") in ("integer", "number"):  # a property may be called `type`, and is a dict
            for pydantics in _BOUNDS.keys() & part.keys():
                part[_BOUNDS[pydantics]] = part.pop(pydantics)
        for inner in part.values():
            _name_bounds(inner)


def _required(kind: MessageType) -> list[str]:
    if kind.kind is Kind.INTAKE:
        return ["id", "source", *(["time"] if kind.observed else []), *(["actor"] if kind.decision else [])]
    return [*_REQUIRED_ON_OURS, *(_REQUIRED_ON_STATE if kind.kind is not Kind.REPLY else ())]


def _attributes(kind: MessageType) -> dict[str, JsonSchemaValue]:
    if kind.kind is not Kind.INTAKE:
        return _our_attributes(kind)
    demanded: dict[str, JsonSchemaValue] = {}
    if kind.observed:
        demanded["time"] = _INSTANT
    if kind.decision:
        demanded["actor"] = _TEXT
    return {**_INTAKE_ATTRIBUTES, **demanded}


def _our_attributes(kind: MessageType) -> dict[str, JsonSchemaValue]:
    return {
        "id": {"type": "string", "format": "uuid"},
        "source": {"const": f"/binaan/{kind.service}"},
        "time": _INSTANT,
        "datacontenttype": {"const": "application/json"},
        "dataschema": {"const": kind.schema_id},
        "subject": _TEXT,
        "sequence": {"type": "string", "pattern": "^[0-9]{20}$"},
        "partitionkey": _TEXT,
        "region": _REGION,
        "actor": _TEXT,
        "traceparent": _TEXT,
        "correlationid": _TEXT,
        "causationid": _TEXT,
    }
