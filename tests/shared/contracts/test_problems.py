"""What is wrong is said with a code and a place that the sender knows, and never with the value that stood there."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts.catalogue import TYPES, Kind
from shared.contracts.envelope import CONTENT_TYPE, INTAKE
from shared.contracts.problem import _PYDANTIC_CODES, _TEXTS, problem
from shared.decision import Decision, reject
from shared.kernel.codec import Codec, Delivery, Reading
from shared.kernel.keys import Keyring
from tests.shared.contracts.test_golden import FILES, GOLDEN, message, type_of
from tests.shared.kernel.toy import NOW

RING = Keyring("k1", {"k1": b"k" * 32})
INTAKES = [path for path in FILES if type_of(path).kind is Kind.INTAKE]


@cache
def codec_of(service: str) -> Codec:
    return Codec(service, RING)


def read(content: dict[str, Any]) -> Reading:
    key = content["type"].removeprefix("id.binaan.").removesuffix(".v1")
    account = content["source"].rsplit("/", 1)[-1]
    body = json.dumps(content).encode()
    return codec_of(TYPES[key].service).read(Delivery(INTAKE, key, body, account, None, CONTENT_TYPE), NOW)


def told(content: dict[str, Any]) -> set[tuple[str, str | None]]:
    return {(one.code, one.field) for one in read(content).problems}


def changed(key: str, where: str, value: Any) -> dict[str, Any]:
    """An example with another value at a place in its data (``...`` takes it away)."""
    content = message(GOLDEN / f"{key}.v1.json")
    *above, last = [int(step) if step.isdigit() else step for step in where.split(".")]
    parent: Any = content["data"]
    for step in above:
        parent = parent[step]
    if value is ...:
        del parent[last]
    else:
        parent[last] = value
    return content


# --- where it stood ---------------------------------------------------------------------------------------------------

REPORT, OPEN = "registry.business.report", "aid.programme.open"
PLACES: list[tuple[str, str, Any, set[tuple[str, str | None]]]] = [
    (REPORT, "owner.nik", "1271993202900001", {("nik.invalid_date", "data.owner.nik")}),
    (REPORT, "owner.nik", "0000000000000000", {("nik.placeholder", "data.owner.nik")}),
    (REPORT, "owner.nik", "127199410790000", {("nik.length", "data.owner.nik")}),
    (REPORT, "owner.phone", "x", {("phone.format", "data.owner.phone")}),
    (REPORT, "owner.consent.given_on", 7, {("date.format", "data.owner.consent.given_on")}),
    (REPORT, "owner.consent.given_on", "2026-02-30", {("date.format", "data.owner.consent.given_on")}),
    (REPORT, "owner.language", "xx", {("field.not_allowed", "data.owner.language")}),
    (REPORT, "owner", [], {("field.type", "data.owner")}),
    (REPORT, "business", ..., {("field.required", "data.business")}),
    (REPORT, "business.nib", "12", {("nib.length", "data.business.nib")}),
    (REPORT, "business.region", "12", {("region.too_wide", "data.business.region")}),
    (REPORT, "business.region", "99.99.99.9999", {("region.unknown", "data.business.region")}),
    (REPORT, "business.capital", -1, {("money.negative", "data.business.capital")}),
    (REPORT, "business.capital", 1.5, {("money.fractional", "data.business.capital")}),
    (REPORT, "business.capital", "1000", {("money.type", "data.business.capital")}),
    (REPORT, "business.capital", True, {("money.type", "data.business.capital")}),
    (REPORT, "business.capital", 10**16, {("number.too_large", "data.business.capital")}),
    (REPORT, "business.workers", -1, {("number.too_small", "data.business.workers")}),
    (REPORT, "business.annual_sales.year", ..., {("field.required", "data.business.annual_sales.year")}),
    (REPORT, "business.annual_sales.amount", 0.5, {("money.fractional", "data.business.annual_sales.amount")}),
    (REPORT, "business.kbli.code", "1", {("kbli.format", "data.business.kbli.code")}),
    (REPORT, "business.kbli.version", "1999", {("kbli.version", "data.business.kbli.version")}),
    (REPORT, "business.needs.1", "Not A Slug", {("field.format", "data.business.needs.1")}),
    (REPORT, "business.needs.0", 7, {("field.type", "data.business.needs.0")}),
    (REPORT, "business.needs", "equipment", {("field.type", "data.business.needs")}),
    (REPORT, "business.name", "", {("field.too_short", "data.business.name")}),
    (REPORT, "business.name", "x" * 201, {("field.too_long", "data.business.name")}),
    (REPORT, "business.name", "HP 081200000007", {("text.personal_data", "data.business.name")}),
    (OPEN, "criteria.0.value", "?", {("field.not_allowed", "data.criteria.0.value")}),
    (OPEN, "criteria.0.value", ..., {("field.required", "data.criteria.0.value")}),
    (OPEN, "criteria.1.values.1", "raksasa", {("field.not_allowed", "data.criteria.1.values.1")}),
    (OPEN, "criteria.1.values", [], {("field.too_short", "data.criteria.1.values")}),
    (OPEN, "criteria.2.type", "??", {("field.not_allowed", "data.criteria.2")}),
    (OPEN, "criteria.2.type", ..., {("field.required", "data.criteria.2")}),
    (OPEN, "criteria.2", "role_is", {("field.type", "data.criteria.2")}),
    (OPEN, "criteria.3.criteria.0.values.1", "x", {("field.format", "data.criteria.3.criteria.0.values.1")}),
    (
        OPEN,
        "criteria.4.criteria.1.criterion.value",
        7,
        {("field.not_allowed", "data.criteria.4.criteria.1.criterion.value")},
    ),
    (OPEN, "budget.0.pagu", 0, {("number.too_small", "data.budget.0.pagu")}),
    (OPEN, "budget", [], {("field.too_short", "data.budget")}),
    (OPEN, "agency", "Dinas", {("field.format", "data.agency")}),
    (OPEN, "apply_until", "30/06/2026", {("date.format", "data.apply_until")}),
]


@pytest.mark.parametrize(
    ("key", "where", "value", "expected"), PLACES, ids=[f"{one[1]}={one[2]!r}"[:60] for one in PLACES]
)
def test_a_problem_stands_where_the_sender_wrote_it(
    key: str, where: str, value: Any, expected: set[tuple[str, str | None]]
) -> None:
    """Not where pydantic has it, which puts the tag of a union into the path; lists count from 0."""
    assert told(changed(key, where, value)) == expected


def test_criteria_nested_too_deep_are_refused_as_such() -> None:
    """Before pydantic recurses into what a stranger has sent."""
    criterion: dict[str, Any] = {"type": "status_is", "value": "binaan"}
    for _ in range(10):
        criterion = {"type": "not", "criterion": criterion}
    assert told(changed(OPEN, "criteria.0", criterion)) == {("criteria.too_deep", "data")}


def test_all_that_is_wrong_is_told_at_once() -> None:
    """Each under its own path."""
    content = changed(REPORT, "owner.nik", "x")
    content["data"]["business"] |= {"nib": "x", "capital": -1, "needs": ["ok", "N O", "also ok?"]}
    assert told(content) == {
        ("nik.length", "data.owner.nik"),
        ("nib.length", "data.business.nib"),
        ("money.negative", "data.business.capital"),
        ("field.format", "data.business.needs.1"),
        ("field.format", "data.business.needs.2"),
    }


def test_every_code_has_its_words_in_both_languages() -> None:
    """Codes are for machines; a clerk reads Indonesian, and is told what to do."""
    for code in {*_TEXTS, *_PYDANTIC_CODES.values()}:
        one = problem(code, "data")
        assert one.text_id.endswith(".")
        assert one.text_en.endswith(".")
        assert one.text_id != one.text_en


# --- never what stood there -------------------------------------------------------------------------------------------


def leaves(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of a message at which a value can be put, members and elements of lists alike."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in inside:
        yield (*above, step)
        yield from leaves(inner, (*above, step))


def placed(content: dict[str, Any], where: tuple[Any, ...], value: Any) -> dict[str, Any]:
    result = copy.deepcopy(content)
    parent: Any = result
    for step in where[:-1]:
        parent = parent[step]
    parent[where[-1]] = value
    return result


SECRETS = (
    # Begins as no word of ours does: Hypothesis also tries the words that it finds in the code.
    st.text("abcdefghijklmnopqrstuvwxyz ABC'\"\\{}<>%é", min_size=4, max_size=40).map(lambda text: f"Qzx{text.strip()}")
    | st.integers(10**9, 10**18).map(str)
    | st.from_regex(r"\A1271994[1-7]0[1-9]9[0-9]0[0-9]{3}\Z")
)


def shapes(secret: str) -> Iterator[tuple[Any, str]]:
    """A value with the secret in it, and how the secret would be recognised."""
    for value in (
        secret,
        [secret],
        {"a": secret},
        {"type": secret},
        [{"type": "all", "criteria": secret}],
        f"x{secret}",
    ):
        yield value, secret
    if secret.isdigit():
        yield int(secret), secret
        yield -int(secret), secret
        yield float(secret) / 1e3, secret[:8]


@pytest.mark.parametrize("path", INTAKES, ids=lambda path: path.stem)
@settings(max_examples=4)
@given(secret=SECRETS)
def test_no_problem_ever_repeats_a_value(path: Path, secret: str) -> None:
    """Whatever is put wherever in a message, its problems, warnings and reply say where it was and not what it was.

    They are read by others, kept for days, and may stand in a log. Every place of every message is tried; a few secrets
    for each are many for all.
    """
    content = message(path)
    for where in leaves(content):
        if where not in {("id",), ("type",), ("source",)}:
            for value, trace in shapes(secret):
                says_nothing_of(trace, read(placed(content, where, value)), codec_of(type_of(path).service))


def says_nothing_of(trace: str, reading: Reading, codec: Codec) -> None:
    said = [*reading.problems, *reading.warnings]
    words = json.dumps([one.model_dump() for one in said], ensure_ascii=False)
    assert trace not in words
    assert json.dumps(trace)[1:-1] not in words
    decision = reject(*reading.problems) if reading.problems else Decision()
    reply = codec.reply(reading, decision, NOW)
    assert reply is not None
    assert json.dumps(trace)[1:-1] not in reply.body.decode()


@given(SECRETS)
def test_not_even_what_stands_in_the_place_of_the_envelope(secret: str) -> None:
    """Source and type are attributes of a stranger's making too."""
    content = message(GOLDEN / f"{REPORT}.v1.json")
    for name in ("source", "type", "specversion", "datacontenttype"):
        body = json.dumps({**content, name: secret}).encode()
        reading = Codec("registry", RING).read(Delivery(INTAKE, REPORT, body, "dinkop-medan", None, CONTENT_TYPE), NOW)
        words = json.dumps([one.model_dump() for one in (*reading.problems, *reading.warnings)], ensure_ascii=False)
        assert secret not in words
