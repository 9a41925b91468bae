"""The AsyncAPI documents before AsyncAPI's own parser, and over HTTP from the services as they run."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.contracts.asyncapi import documents
from shared.contracts.catalogue import SERVICES
from tests.end_to_end.stage import Stage
from tests.support import Json

# --- the official parser ----------------------------------------------------------------------------------------------


def parsed(node: Path, given: Mapping[str, Json]) -> dict[str, Json]:
    """What the npm package `@asyncapi/parser` says of each document."""
    done = subprocess.run(
        ["node", "parse.mjs"],
        cwd=node,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    verdicts: dict[str, Json] = json.loads(done.stdout)
    return verdicts


def test_the_official_parser_takes_every_document(node: Path) -> None:
    """What ministries and generators of clients read them with. It may remark that there is a newer AsyncAPI."""
    verdicts = parsed(node, documents())
    for name, one in verdicts.items():
        print(f"{name}.json: AsyncAPI {one['version']}, {one['messages']} messages, {one['counts']}")  # noqa: T201
    assert set(verdicts) == {*SERVICES, "integrators"}
    for name, one in verdicts.items():
        assert one["understood"], one["said"]
        assert (one["counts"]["error"], one["counts"]["warning"]) == (0, 0), one["said"]
        assert one["version"] == "3.0.0"
        assert one["messages"] == len(documents()[name]["components"]["messages"])


def test_the_official_parser_would_have_seen_what_is_wrong(node: Path) -> None:
    """That the test above can fail. An undeclared parameter it lets pass: that is tested beside the catalogue."""
    good = documents()["registry"]
    wrong = {
        "lost schema": _without(good, "components", "schemas", "BusinessState"),
        "lost message": _without(good, "components", "messages", "registry.business.report"),
        "no action": _without(good, "operations", "send.registry.business.recorded", "action"),
    }
    assert {name: one["counts"]["error"] > 0 for name, one in parsed(node, wrong).items()} == dict.fromkeys(wrong, True)


def _without(document: Json, *path: str) -> Json:
    changed = copy.deepcopy(document)
    here: Any = changed
    for step in path[:-1]:
        here = here[step]
    del here[path[-1]]
    return changed


# --- /docs ------------------------------------------------------------------------------------------------------------


async def ask(stage: Stage, service: str, method: str, path: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=10) as client:
        return await client.request(method, f"http://127.0.0.1:{stage.services[service].port}{path}")


@pytest.mark.servers
@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_serves_its_document_and_a_page_to_read_it(stage: Stage, service: str) -> None:
    """Without internet: the page names no other address, and its policy lets a browser fetch none."""
    document = await ask(stage, service, "GET", "/docs/asyncapi.json")
    assert document.status_code == 200
    assert document.headers["content-type"].startswith("application/vnd.aai.asyncapi+json")
    assert document.json() == documents()[service]
    shown = await ask(stage, service, "GET", "/docs")
    assert shown.status_code == 200
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert f"<h1>Binaan {service}</h1>" in shown.text
    assert 'href="docs/asyncapi.json"' in shown.text
    for fetched in ("http://", "https://", "<script", "src=", "url(", "@import", "<form"):
        assert fetched not in shown.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]


@pytest.mark.servers
@pytest.mark.parametrize("path", ["/docs", "/docs/asyncapi.json"])
async def test_nothing_can_be_sent_to_the_docs(stage: Stage, path: str) -> None:
    """Whoever can open a page must not be able to publish with it."""
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        refused = await ask(stage, "registry", method, path)
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD"), method
    whole, head = await ask(stage, "registry", "GET", path), await ask(stage, "registry", "HEAD", path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.content))


@pytest.mark.servers
async def test_there_is_no_other_door_in_the_docs(stage: Stage) -> None:
    """FastStream's own page has one that publishes (`/docs/try`)."""
    for method in ("GET", "POST"):
        assert (await ask(stage, "registry", method, "/docs/try")).status_code == 404
    assert (await ask(stage, "registry", "GET", "/healthz")).json() == {"alive": True}
