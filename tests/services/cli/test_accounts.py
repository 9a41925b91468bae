"""The commands `agency`, `official` and `integrator`: from an office that nobody knows to one that is stopped."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from aio_pika.exceptions import AMQPError
from typer.testing import CliRunner, Result

from deploy.local.world import World
from deploy.rabbitmq.accounts import add_account
from services.cli.broker import checked_events, checked_permits
from services.cli.exits import CliError, Exit
from services.cli.main import app
from shared.contracts.authority import RIGHTS, matches
from tests.support import ServiceProcess, until

LANGKAT = ("dinkop-langkat", "--name", "Dinas Koperasi Langkat", "--level", "kabkota", "--region", "12.05")


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{probe.getsockname()[1]}"


# --- what is refused before anything is done --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["integrator", "add", "binaan", "--events", "#"], "our own"),
        (["integrator", "add", "guest", "--events", "#"], "not for others"),
        (["integrator", "add", "Dinas", "--events", "#"], "letters"),
        (["integrator", "add", "dinas-uji"], "--events"),
        (["integrator", "add", "dinas-uji", "--events", "registry.busines.#"], "can match no event"),
        (["integrator", "add", "dinas-uji", "--events", "registry.business.*.99.#"], "can match no event"),
        (["integrator", "add", "dinas-uji", "--events", "registry..#"], "no pattern"),
        (["integrator", "add", "dinas-uji", "--events", "#.00", "--history"], "--events '#'"),
        (["agency", "add", *LANGKAT[:-1], "99"], "--region"),
        (["agency", "add", *LANGKAT, "--level", "kota"], "--level"),
        (["agency", "add", *LANGKAT, "--permit", "registry.busines.*"], "matches no type"),
        (["agency", "add", *LANGKAT, "--events", "kota"], "can match no event"),
        (["official", "add", "kadis", "--role", "kadis"], "--agency"),
        (["official", "add", "kadis", "--role", "kadis", "--as", "dinas-uji", "--until", "31/02/2026"], "--until"),
        (["official", "end", "kadis", "--as", "dinas-uji", "--last-day", "besok"], "--last-day"),
    ],
    ids=lambda value: " ".join(value[:4]) if isinstance(value, list) else "",
)
def test_wrong_usage_is_said_before_anything_is_reached(arguments: list[str], said: str, nobody: str) -> None:
    """With a broker that is not there: had it been asked, the code would be another."""
    env = {"BINAAN_AMQP_URL": f"amqp://binaan:x@{nobody}/binaan", "BINAAN_MANAGEMENT_URL": f"http://{nobody}"}
    ended = CliRunner().invoke(app, arguments, env=env)
    assert ended.exit_code == Exit.USAGE, ended.output
    assert said in ended.stderr


def test_a_management_api_that_is_away_is_said(nobody: str) -> None:
    amqp = f"amqp://binaan:x@{nobody}/binaan"
    env = {"BINAAN_AMQP_URL": amqp, "BINAAN_MANAGEMENT_URL": f"http://binaan:geheim@{nobody}"}
    ended = CliRunner().invoke(app, ["integrator", "list"], env=env)
    assert ended.exit_code == Exit.UNREACHABLE
    assert nobody in ended.stderr
    assert "geheim" not in ended.output


def test_a_management_api_that_nobody_has_named_is_asked_for(nobody: str) -> None:
    env = {"BINAAN_AMQP_URL": f"amqp://binaan:x@{nobody}/binaan", "BINAAN_MANAGEMENT_URL": ""}
    ended = CliRunner().invoke(app, ["integrator", "list"], env=env)
    assert ended.exit_code == Exit.USAGE
    assert "BINAAN_MANAGEMENT_URL" in ended.stderr


@pytest.mark.parametrize(
    "pattern", ["#", "registry.business.*.12.#", "#.00", "aid.*.*.64", "registry.#.12.71", "*.*.*.#"]
)
def test_a_pattern_that_some_event_matches_is_taken(pattern: str) -> None:
    assert checked_events([pattern, pattern]) == (pattern,)


@pytest.mark.parametrize(
    "pattern", ["registry.business.report", "aid.#.12.71.01", "binaan.#", "registry.business.recorded"]
)
def test_a_pattern_that_no_event_can_match_is_refused(pattern: str) -> None:
    """An intake type, a kecamatan, an exchange's name, a key without its region: each would wait for ever."""
    with pytest.raises(CliError):
        checked_events([pattern])


@pytest.mark.parametrize("level", sorted({right.level for right in RIGHTS}))
def test_what_an_agency_may_send_is_what_its_level_may_if_nothing_is_said(level: str) -> None:
    """No pattern twice, nor one that another says already."""
    permitted = checked_permits((), level)
    rows = [right.type for right in RIGHTS if right.level == level]
    assert all(any(matches(pattern, row) for pattern in permitted) for row in rows)
    assert not [one for one in permitted for other in permitted if one != other and matches(other, one)]


# --- on servers -------------------------------------------------------------------------------------------------------


class Console:
    """The administrator's terminal."""

    def __init__(self, world: World) -> None:
        self.env = {"BINAAN_AMQP_URL": world.amqp_url, "BINAAN_MANAGEMENT_URL": world.management_url}

    async def run(self, *arguments: str, exits: Exit = Exit.DONE, env: Mapping[str, str] | None = None) -> Result:
        ended = await asyncio.to_thread(CliRunner().invoke, app, list(arguments), env={**self.env, **(env or {})})
        assert ended.exit_code == exits, f"{ended.output}\n{ended.exception!r}"
        return ended

    async def json(self, *arguments: str, env: Mapping[str, str] | None = None) -> Any:
        return json.loads((await self.run(*arguments, "--json", env=env)).stdout)


@pytest.fixture(scope="module")
async def services(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """registry and aid."""
    root = tmp_path_factory.mktemp("services")
    running = [ServiceProcess(world, name, root).launch() for name in ("registry", "aid")]
    try:
        for one in running:
            await one.ready()
        yield root
    finally:
        for one in running:
            one.kill()


@pytest.fixture(scope="module")
def console(world: World, services: Path) -> Console:
    return Console(world)


@pytest.fixture(scope="module")
async def langkat(console: Console) -> dict[str, str]:
    """An agency with its head: the environment that was shown when it was added."""
    added = await console.json("agency", "add", *LANGKAT)
    assert (added["agency"], added["outcome"]) == ("created", "made")
    environment: dict[str, str] = added["environment"]
    # As the agency itself, with nothing but what was shown.
    head = ("kadis", "--role", "kadis", "--from", "2020-01-01", "--as", LANGKAT[0])
    await console.run("official", "add", *head, env=environment)
    return environment


@pytest.mark.servers
async def test_an_office_that_was_added_speaks_with_what_was_shown(console: Console, langkat: dict[str, str]) -> None:
    """And asks how it is known, and who decides."""
    (known,) = await console.json("agency", "list", "--as", LANGKAT[0], env=langkat)
    assert (known["agency"], known["level"], known["region"], known["officials"]) == (LANGKAT[0], "kabkota", "12.05", 1)
    (head,) = await console.json("official", "list", "--as", LANGKAT[0], env=langkat)
    assert (head["handle"], head["role"], head["in_office"]) == ("kadis", "kadis", True)
    await console.run("integrator", "list", exits=Exit.USAGE, env=langkat)  # not the administrator


@pytest.mark.servers
async def test_adding_an_office_again_changes_what_differs_and_no_password(
    console: Console, langkat: dict[str, str]
) -> None:
    again = await console.json("agency", "add", *LANGKAT)
    assert (again["agency"], again["outcome"], again["environment"]) == ("unchanged", "unchanged", {})
    more = await console.json("agency", "add", *LANGKAT, "--events", "registry.business.#.12.05")
    assert (more["agency"], more["outcome"], more["environment"]) == ("unchanged", "changed", {})
    kept = await console.json("agency", "add", *LANGKAT)
    assert (kept["outcome"], kept["events"]) == ("unchanged", ["registry.business.#.12.05"])
    await (await aio_pika.connect(langkat["BINAAN_AMQP_URL"])).close()
    shown = await console.run("agency", "add", *LANGKAT)
    assert shown.stdout == ""
    assert "not shown again" in shown.stderr


@pytest.mark.servers
async def test_a_suspended_office_is_out_at_once_everywhere_and_comes_back_as_it_was(
    console: Console, langkat: dict[str, str]
) -> None:
    """The account at the broker, its connections, registry, aid's copy; and the way back."""
    await until(lambda: aid_knows(console, "active"), what="aid knows of the agency")
    connection = await aio_pika.connect(langkat["BINAAN_AMQP_URL"])
    ended = asyncio.Event()
    connection.close_callbacks.add(lambda *_: ended.set())
    stopped = await console.json("agency", "suspend", LANGKAT[0], "--reason", "kata sandi bocor")
    assert (stopped["outcome"], stopped["account"]) == ("suspended", "closed")
    await asyncio.wait_for(ended.wait(), 30)
    said = await console.run("agency", "list", "--as", LANGKAT[0], exits=Exit.UNREACHABLE, env=langkat)
    assert "has closed the account" in said.stderr
    await until(lambda: aid_knows(console, "suspended"), what="aid knows of the suspension")
    shown = {one["agency"]: one for one in await console.json("agency", "list")}[LANGKAT[0]]
    assert (shown["status"], shown["account"]) == ("suspended", "closed")
    back = await console.json("agency", "reinstate", LANGKAT[0])
    assert (back["outcome"], back["account"]) == ("reinstated", "open")
    (known,) = await console.json("agency", "list", "--as", LANGKAT[0], env=langkat)
    assert known["status"] == "active"
    await until(lambda: aid_knows(console, "active"), what="aid knows of the way back")


async def aid_knows(console: Console, status: str) -> bool:
    """Whether aid's own copy of the agency has this status."""
    reply = await console.json("send", "aid.agency.request", "{}", "--as", "binaan")
    return any(one["agency"] == LANGKAT[0] and one["status"] == status for one in reply["data"]["answer"])


@pytest.mark.servers
async def test_a_suspension_that_registry_refuses_leaves_the_account_open(console: Console, world: World) -> None:
    """Nobody is shut out by a name that was mistyped."""
    world.add_account("bukan-instansi")
    await console.run("agency", "suspend", "bukan-instansi", "--reason", "x", exits=Exit.REFUSED)
    await (await aio_pika.connect(world.amqp_url_of("bukan-instansi"))).close()


@pytest.mark.servers
async def test_a_suspension_holds_at_the_broker_also_while_registry_is_silent(console: Console, world: World) -> None:
    """The door is shut first: what services are told of it can wait for them."""
    world.add_account("dinkop-diam")
    with world.management() as management:
        management.delete("bindings", world.vhost, "e", "binaan.intake", "q", "registry.intake", "registry.%23")
        try:
            ended = await console.run(
                "agency", "suspend", "dinkop-diam", "--reason", "x", "--patience", "1", exits=Exit.NO_REPLY
            )
        finally:
            body: dict[str, Any] = {"routing_key": "registry.#", "arguments": {}}
            management.post("bindings", world.vhost, "e", "binaan.intake", "q", "registry.intake", body=body)
    assert "is closed, but registry was not told" in ended.stderr
    with pytest.raises(AMQPError):
        await aio_pika.connect(world.amqp_url_of("dinkop-diam"))


@pytest.mark.servers
async def test_what_registry_refuses_makes_no_account(console: Console, world: World) -> None:
    """A city that claims a province: nothing is left behind at the broker."""
    wrong = ["dinkop-luas", *LANGKAT[1:-1], "12"]
    ended = await console.run("agency", "add", *wrong, exits=Exit.REFUSED)
    assert "level" in ended.stderr
    with world.management() as management:
        assert not management.exists("users", "dinkop-luas")
        assert not management.exists("queues", world.vhost, "dinkop-luas.replies")


@pytest.mark.servers
async def test_a_term_is_given_and_ended(console: Console, langkat: dict[str, str]) -> None:
    """By the administrator for the agency; an acting head without a last day is refused."""
    whose = ("--agency", LANGKAT[0])
    refused = await console.run("official", "add", "plt", "--role", "kadis", "--acting", *whose, exits=Exit.REFUSED)
    assert "end of term" in refused.stderr
    await console.run("official", "add", "plt", "--role", "kadis", "--acting", "--until", "31 Desember 2099", *whose)
    await console.run("official", "end", "plt", *whose)
    officials = {one["handle"]: one for one in await console.json("official", "list", *whose)}
    assert (officials["plt"]["in_office"], officials["kadis"]["in_office"]) == (False, True)


@pytest.mark.servers
async def test_an_agencys_account_is_no_integrators(console: Console, langkat: dict[str, str]) -> None:
    """It would lose what it may send, or its replies."""
    for arguments in (("add", LANGKAT[0], "--events", "#"), ("remove", LANGKAT[0])):
        ended = await console.run("integrator", *arguments, exits=Exit.REFUSED)
        assert "agency" in ended.stderr
    await (await aio_pika.connect(langkat["BINAAN_AMQP_URL"])).close()


@pytest.mark.servers
async def test_whoever_runs_the_broker_is_never_made_an_account(console: Console, world: World) -> None:
    """An operator's login would lose its rights and be shown to others."""
    with world.management() as management:
        management.put("users", "operator-uji", body={"password": "x", "tags": "monitoring"})
        try:
            ended = await console.run("integrator", "add", "operator-uji", "--events", "#.00", exits=Exit.USAGE)
            assert "runs the broker" in ended.stderr
            assert management.get("users", "operator-uji")["tags"] == ["monitoring"]
        finally:
            management.delete("users", "operator-uji")


@pytest.mark.servers
async def test_a_user_of_the_broker_that_somebody_else_made_is_not_taken_over(console: Console, world: World) -> None:
    """Whoever knows its password would read what the new account is sent. Stopped half-way, we may go on with ours."""
    with world.management() as management:
        management.put("users", "luar-uji", body={"password": "x", "tags": ""})
        try:
            for arguments in (
                ("integrator", "add", "luar-uji", "--events", "#.00"),
                ("agency", "add", "luar-uji", *LANGKAT[1:]),
            ):
                ended = await console.run(*arguments, exits=Exit.USAGE)
                assert "Binaan has not made" in ended.stderr
            assert management.get("users", "luar-uji", "permissions") == []
            add_account(management, world.vhost, "luar-uji", None, sends=())
            management.delete("permissions", world.vhost, "luar-uji")
            assert (await console.json("integrator", "add", "luar-uji", "--events", "#.00"))["outcome"] == "changed"
        finally:
            management.delete("users", "luar-uji")


@pytest.mark.servers
async def test_a_wrong_login_of_the_management_api_is_said(console: Console, world: World) -> None:
    url = console.env["BINAAN_MANAGEMENT_URL"]
    wrong = f"http://binaan:wrong@{url.rpartition('@')[2]}"
    ended = await console.run("integrator", "list", exits=Exit.UNREACHABLE, env={"BINAAN_MANAGEMENT_URL": wrong})
    assert "look at the login" in ended.stderr
