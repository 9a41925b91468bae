"""The local stack comes up, goes down and mends itself, and what is not its own it leaves alone."""

import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Timer

import httpx
import pytest

from deploy.docker import provision
from deploy.local.processes import LocalError, Processes, wait_until
from deploy.local.stack import SERVERS, Stack
from deploy.local.state import State, port_is_free
from deploy.mongodb.provision import open_client, service_url
from deploy.rabbitmq.accounts import SERVICES
from deploy.rabbitmq.management import Management

pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif("BINAAN_AMQP_URL" in os.environ, reason="servers were given; none is started here"),
]

COMMAND = [sys.executable, "-m", "services.cli.stack"]
CLIENT = {**os.environ, "COLUMNS": "120"}


class Other(socketserver.TCPServer):
    """Another program on a port that was ours."""

    allow_reuse_address = True


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Running servers for the tests that only look."""
    stack = Stack(tmp_path_factory.mktemp("running") / "stack")
    stack.up(servers_only=True)
    yield stack
    stack.down(purge=True)
    assert Processes(stack.root).pids() == []


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A directory for a stack, which is gone afterwards whatever the test did."""
    directory = tmp_path / "stack"
    yield directory
    if directory.exists():
        Stack(directory).down(purge=True)
    assert Processes(directory).pids() == []


def command(*arguments: str, root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments, "--root", str(root)],
        env=CLIENT,
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )


def states(root: Path) -> dict[str, str]:
    return {part.name: part.state for part in Stack(root).status()}


def both(state: str) -> dict[str, str]:
    return {"rabbitmq": state, "mongodb": state, "registry": "stopped", "aid": "stopped", "notify": "stopped"}


def remember(env: dict[str, str]) -> None:
    """Leave something in both servers."""
    with Management(env["BINAAN_MANAGEMENT_URL"]) as management:
        body = {
            "properties": {"delivery_mode": 2},
            "routing_key": "lost",
            "payload": "{}",
            "payload_encoding": "string",
        }
        management.post("exchanges", "binaan", "binaan.intake", "publish", body=body)
    with open_client(env["BINAAN_MONGO_URL"]) as mongo:
        mongo["binaan_aid"]["things"].insert_one({"_id": 1})


def assert_remembered(env: dict[str, str]) -> None:
    with Management(env["BINAAN_MANAGEMENT_URL"]) as management:
        kept = management.post(
            "queues", "binaan", "binaan.unrouted", "get",
            body={"count": 5, "ackmode": "ack_requeue_true", "encoding": "auto"},
        )  # fmt: skip
        assert [message["routing_key"] for message in kept] == ["lost"]
    with open_client(env["BINAAN_MONGO_URL"]) as mongo:
        assert mongo["binaan_aid"]["things"].count_documents({"_id": 1}) == 1


def test_life_of_a_stack(root: Path) -> None:
    """Up twice, down, up again with the data still there, and purged to nothing: as people do it, by the command."""
    first = command("up", "--servers-only", root=root)
    assert first.returncode == 0, first.stderr
    assert states(root) == both("ready")
    remember(Stack(root).env())
    again = command("up", "--servers-only", root=root)
    assert (again.returncode, "Already up" in again.stderr) == (0, True)

    exports = subprocess.run(
        ["sh", "-c", f'eval "$({" ".join(COMMAND)} env --root {root})"; env'],
        env=CLIENT, text=True, capture_output=True, check=True,
    )  # fmt: skip
    for name, value in Stack(root).env().items():
        assert f"{name}={value}\n" in exports.stdout
    assert command("logs", "mongodb", root=root).stdout.count("\n") >= 20

    assert command("down", root=root).returncode == 0
    assert states(root) == both("stopped")
    assert Processes(root).pids() == []
    assert command("status", root=root).returncode == 1
    refused = command("env", root=root)
    assert (refused.returncode, refused.stdout) == (1, "")

    assert_remembered(Stack(root).up(servers_only=True))
    assert command("down", "--purge", root=root).returncode == 0
    assert [entry.name for entry in root.iterdir()] == ["lock"]


def test_killed_servers_come_back_also_on_other_ports(root: Path) -> None:
    """After kill -9 (or a power cut) `status` says so and `up` starts them with what was confirmed.

    Another program may have taken the ports meanwhile, and the data knows the old ones.
    """
    stack, state, processes = Stack(root), State(root), Processes(root)
    remember(stack.up(servers_only=True))
    for name in SERVERS:
        pid = processes.pid(name)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: states(root) == both("stopped"), 5.0)
    processes.kill("epmd")
    taken = {name: state.port(name) for name in ("amqp", "management", "epmd", "mongodb")}
    with ExitStack() as others:
        for port in taken.values():
            other = others.enter_context(Other(("127.0.0.1", port), socketserver.BaseRequestHandler))
            threading.Thread(target=other.serve_forever, args=(0.05,), daemon=True).start()
            others.callback(other.shutdown)
        assert_remembered(stack.up(servers_only=True))
    assert states(root) == both("ready")
    assert all(state.port(name) != port for name, port in taken.items())


def test_interrupted_start_leaves_no_process(root: Path) -> None:
    """Ctrl-C in the middle of `up`, each time deeper; the last `up` gets over what is half made."""
    processes = Processes(root)
    deeper: list[Callable[[], bool]] = [
        lambda: processes.pid("epmd") is not None,
        lambda: processes.pid("mongodb") is not None,
        (root / "mongodb" / "complete").exists,  # and RabbitMQ is in the middle
    ]
    for begun in deeper:
        # A shell that runs the tests in the background has them ignore Ctrl-C.
        starting = subprocess.Popen(
            ["env", "--default-signal=INT", *COMMAND, "up", "--servers-only", "--root", str(root)],
            env=CLIENT, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert wait_until(begun, 60.0)
        starting.send_signal(signal.SIGINT)
        assert starting.wait(60) == 130
        assert processes.pids() == []
    Stack(root).up(servers_only=True)
    assert states(root) == both("ready")


def test_two_ups_at_once_make_one_stack(root: Path) -> None:
    """The second waits for the first and finds everything there."""
    argv = [*COMMAND, "up", "--servers-only", "--root", str(root)]
    both_ups = [subprocess.Popen(argv, env=CLIENT, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [up.wait(120) for up in both_ups] == [0, 0]
    names = [Path(f"/proc/{pid}/comm").read_text().strip() for pid in Processes(root).pids()]
    assert (names.count("beam.smp"), names.count("mongod"), names.count("epmd")) == (1, 1, 1)


def test_two_stacks_side_by_side(running: Stack, root: Path) -> None:
    """Own ports, names and data: one going down does not touch the other."""
    here = running.env()
    there = Stack(root).up(servers_only=True)
    assert set(here.values()).isdisjoint(there.values())
    remember(here)
    with open_client(there["BINAAN_MONGO_URL"]) as mongo:
        assert mongo["binaan_aid"]["things"].count_documents({}) == 0
    Stack(root).down()
    assert states(running.root) == both("ready")


def test_failed_start_shows_the_log_and_stops_the_rest(root: Path) -> None:
    """A server that cannot come up says why, and the other is not left running."""
    data = root / "mongodb" / "data"
    data.mkdir(parents=True)
    (root / "mongodb" / "complete").touch()
    (data / "storage.bson").write_text("not a database")
    with pytest.raises(LocalError, match=r"(?s)MongoDB did not start.*mongodb\.log"):
        Stack(root).up(servers_only=True)
    assert Processes(root).pids() == []


def test_only_loopback_is_listened_on(running: Stack) -> None:
    """Plain TCP and demo passwords are for this machine alone."""
    inodes = set()
    for pid in Processes(running.root).pids():
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            target = os.readlink(descriptor)
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    listening = [
        fields[1]
        for table in ("tcp", "tcp6")
        for fields in (line.split() for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:])
        if fields[3] == "0A" and fields[9] in inodes
    ]
    loopback = ("0100007F:", "00000000000000000000000001000000:")
    assert len(listening) >= 5
    assert [address for address in listening if not address.startswith(loopback)] == []


def test_secrets_are_readable_by_their_owner_only(running: Stack) -> None:
    """Passwords, cookie and keys, also those inside the servers' configuration."""
    root = running.root
    key_file = Path(running.service_env("registry")["BINAAN_KEY_FILE"])
    private = ["secrets.json", "rabbitmq/rabbitmq.conf", "rabbitmq/.erlang.cookie", "mongodb/key"]
    for path in [*(root / name for name in private), key_file]:
        assert path.stat().st_mode & 0o077 == 0, path
    assert root.stat().st_mode & 0o077 == 0


def test_foreign_process_is_never_stopped(root: Path) -> None:
    """A pid file from before a restart of the machine may hold the number of anybody's process."""
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        (root / "run").mkdir(parents=True)
        (root / "run" / "rabbitmq.pid").write_text(str(stranger.pid))
        assert states(root) == both("stopped")
        Stack(root).down()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_process_is_found_in_the_instant_of_its_exec(root: Path) -> None:
    """It has no environment to be known by for some microseconds; who takes it for dead then starts a second one."""
    processes = Processes(root)
    root.mkdir()
    endless = root / "endless"
    endless.write_text('#!/bin/sh\nexec "$0"\n')
    endless.chmod(0o700)
    processes.start("endless", [str(endless)], {"PATH": os.environ["PATH"]})
    try:
        assert [seen for seen in range(2000) if processes.pid("endless") is None] == []
    finally:
        processes.kill("endless")


def test_process_without_a_pid_file_is_found(root: Path) -> None:
    """Whoever deletes the pid files still gets everything stopped."""
    processes = Processes(root)
    root.mkdir()
    processes.start("mongodb", ["sleep", "60"], {"PATH": os.environ["PATH"]})
    (root / "run" / "mongodb.pid").unlink()
    assert processes.pid("mongodb") is not None
    processes.stop("mongodb")
    assert processes.pids() == []


def test_process_that_ignores_the_request_to_stop_is_killed(root: Path) -> None:
    """`down` ends, whatever a process does."""
    processes = Processes(root)
    root.mkdir()
    processes.start(
        "mongodb", ["sh", "-c", "trap '' TERM; echo ready; sleep 60 & wait; wait"], {"PATH": "/usr/bin:/bin"}
    )
    assert wait_until(lambda: "ready" in processes.log("mongodb").read_text(), 5.0)
    processes.stop("mongodb", seconds=0.3)
    assert processes.pids() == []


def test_ports_are_remembered_and_differ(root: Path) -> None:
    """A port once chosen is the same tomorrow, and no other part gets it."""
    state = State(root)
    ports = [state.port(name) for name in ("amqp", "management", "epmd", "registry", "aid", "notify")]
    assert len(set(ports)) == len(ports)
    assert [State(root).port(name) for name in ("amqp", "management")] == ports[:2]
    assert all(port_is_free(port) for port in ports)


def test_a_port_is_kept_while_its_last_holder_is_dying_and_given_up_for_a_stranger(root: Path) -> None:
    """A killed server is out of sight before its sockets are closed; who has its address must find the next one."""
    state = State(root)
    port = state.port("mongodb")
    dying = socket.create_server(("127.0.0.1", port))
    closing = Timer(0.3, dying.close)
    closing.start()
    assert state.usable_port("mongodb") == port
    closing.join()
    with socket.create_server(("127.0.0.1", port)):
        moved = state.usable_port("mongodb", seconds=0.2)
    assert moved != port
    assert state.port("mongodb") == moved


def test_management_api_refuses_a_stranger(running: Stack) -> None:
    """The administrator's password is random; RabbitMQ's well-known guest does not exist."""
    host = running.env()["BINAAN_MANAGEMENT_URL"].rpartition("@")[2]
    for login in (("guest", "guest"), ("binaan", "binaan")):
        assert httpx.get(f"http://{host}/api/overview", auth=login, trust_env=False).status_code == 401


def test_job_of_the_containers_prepares_the_same(running: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `docker compose up` runs once, on real servers; twice, because it runs at every start."""
    state, env = State(running.root), running.env()
    monkeypatch.setenv("BINAAN_MANAGEMENT_URL", env["BINAAN_MANAGEMENT_URL"])
    monkeypatch.setenv("BINAAN_MONGO_ADDRESS", f"127.0.0.1:{state.port('mongodb')}")
    monkeypatch.setenv("BINAAN_ADMIN_PASSWORD", state.password("binaan"))
    for service in SERVICES:
        monkeypatch.setenv(f"BINAAN_{service.upper()}_PASSWORD", "changed")
    assert [provision.main(), provision.main()] == [0, 0]
    with open_client(service_url(env["BINAAN_MONGO_URL"], "binaan_aid", "aid", "changed")) as mongo:
        mongo["binaan_aid"]["things"].insert_one({})
    running.up(servers_only=True)
    with open_client(running.service_env("aid")["BINAAN_MONGO_URL"]) as mongo:
        assert mongo["binaan_aid"]["things"].find_one() is not None
