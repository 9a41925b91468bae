"""What the documents for other systems say is what the code does: examples, tables of types, table of error codes.

No servers: the examples were taken off the wire, and are held here against schemas, models and routing keys.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from shared.contracts.authority import RIGHTS, levels_sending, matches, roles_deciding
from shared.contracts.catalogue import BY_NAME, TYPES, Kind, MessageType
from shared.contracts.door import UNREADABLE, attribute_problems, unknown_members
from shared.contracts.schema import schema_of
from tests.support import PROJECT

CONTRACT = PROJECT / "docs" / "contract.md"
GUIDE = PROJECT / "docs" / "integrators" / "README.md"
CODES = PROJECT / "docs" / "integrators" / "error-codes.md"
_EXAMPLE = re.compile(r"`(binaan\.\w+)`, routing key `([^`]+)`[^\n]*:\n\n```json\n(.*?)\n```", re.DOTALL)


# --- examples ---------------------------------------------------------------------------------------------------------


def examples() -> list[tuple[str, str, dict[str, Any]]]:
    """Exchange, routing key and message of each complete example of the contract."""
    return [(exchange, key, json.loads(body)) for exchange, key, body in _EXAMPLE.findall(CONTRACT.read_text())]


def test_there_is_a_complete_example_for_each_exchange() -> None:
    assert {exchange for exchange, _, _ in examples()} == {
        "binaan.intake",
        "binaan.replies",
        "binaan.events",
        "binaan.contacts",
    }


@pytest.mark.parametrize(("exchange", "key", "message"), examples(), ids=[key for _, key, _ in examples()])
def test_an_example_is_a_message_as_it_stands_on_the_wire(exchange: str, key: str, message: dict[str, Any]) -> None:
    """Whoever copies it sends or reads something real."""
    kind = BY_NAME[message["type"]]
    assert kind.exchange == exchange
    assert key == routing_key(kind, message)
    errors = Draft202012Validator(schema_of(kind), format_checker=FormatChecker()).iter_errors(message)
    assert [error.json_path for error in errors] == []
    read = kind.model.model_validate(message["data"])
    assert not read.model_extra


def routing_key(kind: MessageType, message: dict[str, Any]) -> str:
    if kind.kind is Kind.INTAKE:
        return kind.key
    if kind.kind is Kind.REPLY:
        return f"dinkop-medan.{kind.key.rsplit('.', 1)[-1]}"
    return f"{kind.key}.{message['region'][:5]}"


@pytest.mark.parametrize("path", [CONTRACT, GUIDE])
def test_every_nik_in_a_document_is_nobodys(path: Any) -> None:
    """Kecamatan 99 exists nowhere."""
    found = re.findall(r"(?<![0-9-])[0-9]{16}(?![0-9])", path.read_text())
    assert [number for number in found if number[4:6] != "99"] == []


def test_examples_of_events_name_nobody() -> None:
    people = json.dumps([body for exchange, _, body in examples() if exchange in {"binaan.intake", "binaan.contacts"}])
    secrets = set(re.findall(r'"(?:nik|phone|address)": "([^"]+)"', people))
    assert len(secrets) >= 3
    public = json.dumps([body for exchange, _, body in examples() if exchange in {"binaan.events", "binaan.replies"}])
    assert [secret for secret in secrets if secret in public] == []


# --- all types --------------------------------------------------------------------------------------------------------


_OTHER_SENDERS = {
    "registry.agency.request": "binaan",
    "registry.official.*": "binaan",
    "registry.consent.withdraw": "notify",
    "registry.owner.erase": "binaan",
    "notify.message.request": "binaan",
    "notify.campaign.request": "binaan",
}
"""Our own accounts, beside the agencies of the table."""


def table_of_intake() -> str:
    rows = [
        f"| `{one.key}` | {_sender(one)} | {'required' if one.observed else ''} | {_actor(one)} | {one.summary} |"
        for one in TYPES.values()
        if one.kind is Kind.INTAKE
    ]
    return "\n".join(["| key | who may send it | `time` | `actor` | what it says |", "|---|---|---|---|---|", *rows])


def _sender(kind: MessageType) -> str:
    if kind.administrator:
        return "`binaan`"
    others = [account for pattern, account in _OTHER_SENDERS.items() if matches(pattern, kind.key)]
    return " ".join(f"`{one}`" for one in (*levels_sending(kind.key), *others))


def _actor(kind: MessageType) -> str:
    return " or ".join(f"`{role}`" for role in roles_deciding(kind.key)) if kind.decision else ""


def table_of_what_we_send() -> str:
    rows = [
        f"| `{one.key}` | `{one.exchange}` | {one.summary} |" for one in TYPES.values() if one.kind is not Kind.INTAKE
    ]
    return "\n".join(["| key | exchange | what has happened |", "|---|---|---|", *rows])


def table_of_authority() -> str:
    rows = [
        f"| `{one.level}` | {f'`{one.role}`' if one.role else ''} | `{one.type}`{' (planned)' if one.planned else ''} "
        f"| {_REACH[one.reach]} | {one.why} | {one.source} |"
        for one in RIGHTS
    ]
    return "\n".join(["| level | official | types | about whom | why | source |", "|---|---|---|---|---|---|", *rows])


_REACH = {"self": "itself", "within": "its region and within"}


@pytest.mark.parametrize("table", [table_of_intake, table_of_what_we_send, table_of_authority])
def test_the_contract_lists_all_types_there_are(table: Any) -> None:
    """In the words of the catalogue, and what each level and role may do with them. When this fails, put the expected
    table into docs/contract.md."""
    assert table() in CONTRACT.read_text(), f"expected:\n\n{table()}\n"


# --- error codes ------------------------------------------------------------------------------------------------------

_SOURCES = ("shared", "services/registry", "services/aid", "services/notify")
_NOT_FROM_THE_DOOR = re.compile(r"rupiah\.|npwp\.|region\.(ambiguous|not_found)|date\.(?!format)")
"""Of cells of spreadsheets, which the command line reads before it sends anything."""
_MAKERS = frozenset({"Problem", "problem", "Invalid", "Note"})


def test_every_error_code_of_the_source_is_documented() -> None:
    """Codes are stable and documented. When this fails, put the expected table into error-codes.md."""
    assert table_of_codes() in CODES.read_text(), f"expected:\n\n{table_of_codes()}\n"


def table_of_codes() -> str:
    rows = [f"| `{code}` | {english} | {indonesian} |" for code, (indonesian, english) in sorted(codes().items())]
    return "\n".join(["| code | what it says | in Indonesian |", "|---|---|---|", *rows])


@cache
def codes() -> dict[str, tuple[str, str]]:
    """Code → its sentences, found where the source makes a problem of them; what is put together shows as …."""
    found: dict[str, tuple[str, str]] = {}
    for folder in _SOURCES:
        for path in sorted((PROJECT / folder).rglob("*.py")):
            for code, texts in _codes_in(ast.parse(path.read_text())):
                assert found.setdefault(code, texts)[1], f"{code} has no sentence"
    found.update(UNREADABLE)
    for one in attribute_problems({"subject": 1, "actor": 1, "time": 1}):
        found[one.code] = (one.text_id, one.text_en)
    for name in ("fractional", "type"):
        # Money says "money" where other numbers say "number" (shared/contracts/fields.py).
        found[f"money.{name}"] = found[f"number.{name}"]
    return {code: texts for code, texts in found.items() if not _NOT_FROM_THE_DOOR.match(code)}


def _codes_in(tree: ast.AST) -> Iterator[tuple[str, tuple[str, str]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if _is_code(key) and isinstance(value, ast.Tuple) and len(value.elts) == 2:
                    yield _text(key), (_text(value.elts[0]), _text(value.elts[1]))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _MAKERS:
            yield from _made(node)


def _made(call: ast.Call) -> Iterator[tuple[str, tuple[str, str]]]:
    named = {one.arg: one.value for one in call.keywords}
    code = named.get("code") or (call.args[0] if call.args else None)
    texts = [named[name] for name in ("text_id", "text_en") if name in named] or call.args[-2:]
    if _is_code(code) and len(texts) == 2 and all(isinstance(one, ast.Constant | ast.JoinedStr) for one in texts):
        sentences = (_text(texts[0]), _text(texts[1]))
        if " " in sentences[0]:
            yield _text(code), sentences


def _is_code(node: ast.AST | None) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"[a-z]+\.[a-z_]+", node.value) is not None
    )


def _text(node: ast.AST | None) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(one.value) if isinstance(one, ast.Constant) else "…" for one in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else ""


def test_codes_that_a_decision_names_have_a_sentence() -> None:
    """Every text that looks like a code where problems are made is one of the documented."""
    named = {
        node.value
        for folder in _SOURCES
        for path in (PROJECT / folder).rglob("*.py")
        if "reference" not in path.parts
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in {*_MAKERS, "UnreadableError"}
        for node in call.args[:1]
        if isinstance(node, ast.Constant) and _is_code(node)
    }
    assert len(named) > 20
    assert named - codes().keys() == set()


# --- the guide --------------------------------------------------------------------------------------------------------


def test_the_guide_shows_the_client_that_is_tested() -> None:
    """What a newcomer copies from the page is what `test_integrator` runs and `binaan integrator add` prints."""
    client = (CODES.parent / "first_events.py").read_text()
    (shown,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert shown.strip() in client


def test_the_guides_data_is_what_the_contract_takes() -> None:
    """The files that a newcomer sends are good, down to the last member."""
    for name, key in (("report.json", "registry.business.report"), ("programme.json", "aid.programme.open")):
        read = TYPES[key].model.model_validate_json((GUIDE.parent / name).read_text())
        assert not list(unknown_members(read, "data"))


def test_the_guides_validator_tells_right_from_wrong(tmp_path: Path) -> None:
    """With the schemas that the command line exports."""
    schemas = tmp_path / "schemas"
    schemas.mkdir()
    for one in TYPES.values():
        (schemas / f"{one.name}.json").write_text(json.dumps(schema_of(one)))
    events = [message for exchange, _, message in examples() if exchange == "binaan.events"]
    assert _validated(schemas, events) == (0, "")
    code, said = _validated(schemas, [{**events[0], "sequence": "1"}])
    assert code == 1
    assert "$.sequence" in said


def _validated(schemas: Path, events: list[dict[str, Any]]) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, str(GUIDE.parent / "validate.py"), str(schemas)],
        input="\n".join(json.dumps(one) for one in events),
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr
    return done.returncode, done.stdout


def test_every_link_of_the_guide_leads_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", GUIDE.read_text()):
        assert (GUIDE.parent / target).exists(), target


# --- the README -------------------------------------------------------------------------------------------------------


def test_the_picture_in_the_readme_is_of_the_recorded_run() -> None:
    """A newcomer must be shown what was seen: an excerpt of docs/demo.txt, which `binaan demo --record` wrote."""
    readme = (PROJECT / "README.md").read_text()
    picture = re.search(r"<!-- demo -->\n```text\n(.*?)\n```", readme, re.DOTALL)
    assert picture
    assert picture[1] in (PROJECT / "docs" / "demo.txt").read_text()


def test_every_file_that_a_document_points_to_is_there() -> None:
    """A link into nothing is a promise broken."""
    documents = [PROJECT / "README.md", *(PROJECT / "docs").rglob("*.md")]
    missing = [
        f"{document.name}: {target}"
        for document in documents
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text())
        if not (document.parent / target).exists()
    ]
    assert missing == []


# --- the sources ------------------------------------------------------------------------------------------------------

SOURCES = PROJECT / "docs" / "sources.md"
_KINDS = {".py", ".csv", ".md", ".toml", ".yml", ".json", ".jinja"}


_CITATION = re.compile(r"\b(S[0-4]-[0-9]{2})\b|\b(?:[Ss]ources|[Dd]omain) (§[0-9])")


def cited() -> Iterator[tuple[str, str]]:
    """Where a source is cited, and as what: an id, or a section of the page."""
    folders = ("services", "shared", "deploy", "tests", "benchmarks", "docs")
    for path in (one for folder in folders for one in (PROJECT / folder).rglob("*")):
        if path.suffix in _KINDS and "node_modules" not in path.parts and path != SOURCES:
            for words in _CITATION.findall(path.read_text()):
                yield path.name, "".join(words)


def test_every_source_that_is_cited_stands_on_the_page_of_sources() -> None:
    """Whoever asks why the code does so finds who has asked for it."""
    page = SOURCES.read_text()
    known = {*re.findall(r"^\| (S[0-4]-[0-9]{2}) \|", page, re.M), *re.findall(r"^### (§[0-9]) ", page, re.M)}
    found = list(cited())
    assert len({source for _, source in found}) > 30
    assert [one for one in found if one[1] not in known] == []
