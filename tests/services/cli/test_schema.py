"""The exported schemas take what the contract shows and refuse what it forbids."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from shared.contracts.catalogue import TYPES, Kind, data_classes
from shared.contracts.schema import DATA_CLASS, schema_of

CONTRACT = Path(__file__).parents[3] / "docs" / "contract.md"


def validator(key: str) -> Draft202012Validator:
    return Draft202012Validator(schema_of(TYPES[key]), format_checker=FormatChecker())


def examples() -> list[dict[str, Any]]:
    """The JSON blocks of the contract, as written."""
    blocks = re.findall(r"```json\n(.*?)```", CONTRACT.read_text(encoding="utf-8"), re.DOTALL)
    return [json.loads(block) for block in blocks]


def report() -> dict[str, Any]:
    return next(copy.deepcopy(one) for one in examples() if one.get("type") == "id.binaan.registry.business.report.v1")


def event() -> dict[str, Any]:
    """An event around the contract's example of a business."""
    data = next(
        copy.deepcopy(one.get("data", one))
        for one in examples()
        if "business" in one.get("data", one) and "change" in one.get("data", one)
    )
    kind = TYPES["registry.business.designated"]
    return {
        "specversion": "1.0",
        "id": "01890000-0000-7000-8000-000000000000",
        "source": "/binaan/registry",
        "type": kind.name,
        "time": "2026-02-01T02:30:00Z",
        "subject": "b",
        "sequence": "00000000000000000003",
        "partitionkey": "b",
        "region": "12.71.01.1001",
        "correlationid": "c",
        "causationid": "c",
        "datacontenttype": "application/json",
        "dataschema": kind.schema_id,
        "data": data,
    }


def programme() -> dict[str, Any]:
    return next(copy.deepcopy(one) for one in examples() if one.get("kind") == "training")


def test_the_contracts_own_examples_are_valid() -> None:
    validator("registry.business.report").validate(report())
    validator("registry.business.designated").validate(event())
    opening = {
        "specversion": "1.0",
        "id": "p-1",
        "source": "/agency/dinkop-medan",
        "type": "id.binaan.aid.programme.open.v1",
        "actor": "kadis",
        "data": programme(),
    }
    validator("aid.programme.open").validate(opening)


def test_null_means_absent() -> None:
    """Java clients send it by default."""
    message = report()
    message["data"]["business"] |= {"nib": None, "kbli": None, "needs": None}
    message["data"]["owner"]["phone"] = None
    message |= {"actor": None, "subject": None}
    validator("registry.business.report").validate(message)


def test_members_that_nobody_knows_yet_are_taken() -> None:
    """On intake with a warning; on events readers ignore them, so a schema that forbids them breaks every reader."""
    sent, told = report(), event()
    sent["data"]["business"]["colour"] = "red"
    sent["extension"] = "x"
    told["data"]["business"]["colour"] = "red"
    told["extension"] = "x"
    validator("registry.business.report").validate(sent)
    validator("registry.business.designated").validate(told)


def test_no_event_schema_forbids_members_or_names_all_values_of_a_state() -> None:
    """A new state of a business must not break who validates."""
    for one in TYPES.values():
        if one.kind is Kind.INTAKE:
            continue
        found = list(walk(schema_of(one)))
        assert not any(part.get("additionalProperties") is False for part in found), one.key
        assert not any("enum" in part for part in found), one.key


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("specversion", "0.3"),
        ("id", ""),
        ("id", "x" * 129),
        ("source", "/binaan/registry"),
        ("type", "id.binaan.registry.business.report.v2"),
        ("time", None),
        ("data", None),
        ("data.business", None),
        ("data.business.role", "mikro"),
        ("data.business.kbli", {"code": "10794"}),
        ("data.business.capital", "25000000"),
        ("data.business.capital", 1.5),
        ("data.business.capital", -1),
        ("data.business.workers", -1),
        ("data.business.needs", ["Bantuan Modal"]),
        ("data.owner.nik", 1271994107900001),
        ("data.owner.nik", "127199410790000"),
        ("data.business.nib", "12"),
        ("data.business.region", "1271"),
        ("data.owner.consent", {"whatsapp": "ya"}),
    ],
)
def test_a_broken_report_is_refused(path: str, value: object) -> None:
    message = report()
    *parents, last = path.split(".")
    here = message
    for step in parents:
        here = here[step]
    here[last] = value
    assert not validator("registry.business.report").is_valid(message)


@pytest.mark.parametrize("missing", ["id", "source", "type", "time", "data", "specversion"])
def test_a_report_without_a_required_attribute_is_refused(missing: str) -> None:
    message = report()
    del message[missing]
    assert not validator("registry.business.report").is_valid(message)


def test_a_decision_needs_its_official() -> None:
    message = {
        "specversion": "1.0",
        "id": "v-1",
        "source": "/agency/dinkop-medan",
        "type": "id.binaan.registry.business.verify.v1",
        "data": {"business_id": "b"},
    }
    assert not validator("registry.business.verify").is_valid(message)
    validator("registry.business.verify").validate({**message, "actor": "kabid"})


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("sequence", "3"), ("source", "/binaan/aid"), ("dataschema", "urn:x"), ("region", "1271"), ("time", 5)],
)
def test_a_broken_event_is_refused(attribute: str, value: object) -> None:
    assert not validator("registry.business.designated").is_valid({**event(), attribute: value})


def test_every_bound_is_named_as_json_schema_names_it() -> None:
    """A validator passes over words it does not know, and a bound in such a word binds nobody."""
    for one in TYPES.values():
        for part in walk(schema_of(one)):
            assert not {"ge", "gt", "le", "lt"} & part.keys(), one.key


def test_every_field_says_how_far_it_may_travel() -> None:
    """UU PDP art. 4; a schema is what an integrator's own register of processing is made from."""
    data = schema_of(TYPES["registry.business.report"])
    defined = data["$defs"]
    assert defined["ReportedOwner"]["properties"]["nik"][DATA_CLASS] == "personal"
    assert defined["AnnualSales"]["properties"]["amount"][DATA_CLASS] == "specific"
    assert defined["ReportedBusiness"]["properties"]["name"][DATA_CLASS] == "public"
    for one in TYPES.values():
        if one.kind is Kind.REPLY:
            continue  # a reply goes to one account alone
        schema = schema_of(one)
        marked = {part[DATA_CLASS] for part in walk(schema) if DATA_CLASS in part}
        assert marked == {mark.value for mark in data_classes(one.model).values()}, one.key
        if one.kind is Kind.EVENT:
            assert marked <= {"public"}, one.key


def walk(schema: object) -> Iterator[dict[str, Any]]:
    """Every object of a schema."""
    if isinstance(schema, dict):
        yield schema
        for inner in schema.values():
            yield from walk(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from walk(inner)
