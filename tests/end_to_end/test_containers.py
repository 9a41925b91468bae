"""`docker-compose.yml` raised as an operator would, and the main chain through its AMQPS port, certificates checked.

It needs a Docker engine with the compose plugin and the three images (`make images`); without, it is skipped.
"""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aio_pika
import pytest
from aiormq.exceptions import AMQPConnectionError

from deploy.docker.provision import VHOST
from deploy.local.state import derived_password, port_is_free
from deploy.local.world import World
from deploy.rabbitmq.accounts import ADMINISTRATOR, SERVICES
from tests.containers import MONGODB, PYTHON, RABBITMQ
from tests.end_to_end.stage import Person, now, programme
from tests.samples import DECREE, MEDAN
from tests.support import PROJECT, History, Json, Party, Reader, known_to, register, until

PORTS = (5671, 15672, 8001, 8002, 8003)
MINISTRY = "kemenumkm"


class Raised:
    """A copy of the project in a folder of its own, its secrets, and the containers made from it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.project = f"binaan-test-{secrets.token_hex(4)}"
        for folder in ("deploy", "services", "shared"):
            ignored = shutil.ignore_patterns("certs", "secrets", "__pycache__")
            shutil.copytree(PROJECT / folder, root / folder, ignore=ignored)
        for file in ("docker-compose.yml", ".dockerignore"):
            shutil.copy(PROJECT / file, root / file)
        subprocess.run(["sh", "deploy/docker/make-secrets.sh"], cwd=root, check=True)

    @property
    def ca(self) -> Path:
        return self.root / "deploy" / "docker" / "certs" / "ca.pem"

    def compose(self, *arguments: str, seconds: float = 60) -> str:
        command = ["docker", "compose", "--project-name", self.project, *arguments]
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True, timeout=seconds, check=False)
        if done.returncode:
            raise AssertionError(f"{' '.join(arguments)}: {done.stderr[-3000:]}")
        return done.stdout

    def up(self) -> None:
        """Returns when all are healthy."""
        try:
            self.compose("up", "--build", "--detach", "--wait", "--wait-timeout", "240", seconds=600)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.compose('logs', '--tail', '30')}") from error

    def states(self) -> dict[str, Json]:
        lines = self.compose("ps", "--all", "--format", "json").splitlines()
        return {one["Service"]: one for one in map(json.loads, lines)}

    def left(self) -> str:
        """What the engine still has of it: containers, networks, volumes."""
        mine = ("--quiet", "--filter", f"label=com.docker.compose.project={self.project}")
        kinds = (["ps", "--all"], ["network", "ls"], ["volume", "ls"])
        return "".join(docker(*kind, *mine).stdout for kind in kinds)

    def world(self) -> World:
        """What an outsider needs, and the administrator to make outsiders."""
        lines = dict(line.split("=") for line in (self.root / ".env").read_text().splitlines())
        login = f"{ADMINISTRATOR}:{lines['BINAAN_ADMIN_PASSWORD']}"
        databases = {service: f"binaan_{service}" for service in SERVICES}
        amqp = f"amqps://{login}@localhost:5671/?cafile={self.ca}"
        return Outside(VHOST, f"http://{login}@127.0.0.1:15672", databases, amqp, "")


class Outside(World):
    """The port is open to other machines as long as this lasts: nobody's password is a name."""

    def password_of(self, account: str) -> str:
        administrator = super().password_of(ADMINISTRATOR)
        return administrator if account == ADMINISTRATOR else derived_password(administrator, account)


def docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=60, check=False)


def _missing() -> str:
    """Why nothing can be raised here; empty when it can."""
    if shutil.which("docker") is None or docker("info").returncode:
        return "no Docker engine"
    if docker("compose", "version").returncode:
        return "the docker client has no compose plugin"
    if docker("image", "inspect", PYTHON, RABBITMQ, MONGODB).returncode:
        return "images are missing; `make images` gets or makes them"
    taken = [port for port in PORTS if not port_is_free(port)]
    return f"something listens on {taken}" if taken else ""


@pytest.fixture(scope="module")
def raised(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Raised]:
    if missing := _missing():
        pytest.skip(missing)
    made = Raised(tmp_path_factory.mktemp("raised") / "binaan")
    try:
        made.up()
        yield made
    finally:
        made.compose("down", "--volumes", seconds=180)
    assert made.left() == ""


@pytest.fixture(scope="module")
async def outside(raised: Raised) -> World:
    """Two accounts, one of which is an agency with officials."""
    world = raised.world()
    world.add_account(MEDAN)
    world.add_account(MINISTRY, events_bindings=["#"], history=True)
    await register(world)
    return world


@pytest.fixture(scope="module")
async def medan(outside: World) -> AsyncIterator[Party]:
    async with Party(outside, ADMINISTRATOR) as administrator:
        await known_to(administrator, "aid", [MEDAN])
    async with Party(outside, MEDAN) as party:
        yield party


async def play(party: Party, world: World, person: Person) -> list[Json]:
    """A business is reported, verified and designated, until its owner has been told; the events of it."""
    async with Reader(world, MINISTRY, f"{MINISTRY}.events") as ministry:
        reported = await party.accepted("registry.business.report", person.report(), time=now())
        about = {"business_id": reported["business_id"]}
        await party.accepted("registry.business.verify", about, actor="kabid")
        await party.accepted("registry.business.designate", {**about, "decree": DECREE}, actor="kadis")

        def delivered() -> bool:
            messages = [one.body["data"]["message"] for one in ministry.of("notify.message.delivered")]
            return any(one["beneficiary_id"] == about["business_id"] for one in messages)

        await until(delivered, what="the owner was told")
        return [one.body for one in ministry.seen]


def test_all_are_healthy(raised: Raised) -> None:
    """By their own health checks; the job that prepares broker and database has ended well."""
    states = raised.states()
    assert {name for name, one in states.items() if one["Health"] == "healthy"} == {"rabbitmq", "mongodb", *SERVICES}
    assert (states["provision"]["State"], states["provision"]["ExitCode"]) == ("exited", 0)


async def test_main_chain_through_the_published_port(raised: Raised, outside: World, medan: Party) -> None:
    """report, verify, designate, assessed, told: as an agency and a ministry on other machines see it."""
    await medan.accepted("aid.programme.open", programme(), actor="kadis")
    person = Person(1)
    events = await play(medan, outside, person)
    assessed = [one["data"]["eligibility"] for one in events if one["type"] == "id.binaan.aid.eligibility.assessed.v1"]
    assert assessed[-1]["verdict"] == "eligible"
    spool = raised.compose("exec", "--no-TTY", "notify", "cat", "/var/spool/binaan/messages.jsonl")
    assert [one["to"] for one in map(json.loads, spool.splitlines())] == [person.phone]


async def test_certificate_is_checked(outside: World) -> None:
    """Only whoever trusts the CA gets in, only under the broker's name, and nobody without TLS."""
    url = outside.amqp_url
    assert not await refusal(url)
    assert "self-signed certificate in certificate chain" in await refusal(url.partition("?")[0])
    assert "not valid for '127.0.0.1'" in await refusal(url.replace("@localhost:", "@127.0.0.1:"))
    assert await refusal(url.replace("amqps://", "amqp://"))


async def refusal(url: str) -> str:
    """Why one does not get in; empty when one does."""
    try:
        async with await aio_pika.connect(url, timeout=10):
            return ""
    except (OSError, AMQPConnectionError) as error:
        return repr(error)


def test_image_has_no_secret(raised: Raised) -> None:
    """Keys are mounted into the container that needs them; what is built is the same for everybody."""
    within = raised.compose("exec", "--no-TTY", "registry", "find", "/app", "/run/secrets", "-type", "f").splitlines()
    assert [path for path in within if path.endswith((".key", ".pem", "keys.json", "mongodb-key"))] == []
    assert [path for path in within if path.startswith("/run/secrets/")] == ["/run/secrets/keys"]


async def test_it_goes_on_after_down_and_up(raised: Raised, outside: World) -> None:
    """All services end by themselves when told to; what they knew is there again, and the chain goes on."""
    raised.compose("stop", seconds=180)
    states = raised.states()
    assert [states[service]["ExitCode"] for service in SERVICES] == [0, 0, 0]
    raised.compose("down", seconds=180)
    raised.up()
    async with History(outside) as history, Party(outside, MEDAN) as party:
        await until(lambda: history.of_type("registry.business.designated"), what="the history of before")
        events = await play(party, outside, Person(2))
    assert [one for one in events if one["type"] == "id.binaan.registry.business.designated.v1"]
