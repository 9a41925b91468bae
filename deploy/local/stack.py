"""The local stack: both servers and the three services as private processes beside whatever else runs.

`up` may be repeated: it starts what is missing and corrects what is not as it should be. When it fails or is
interrupted, what it has started is stopped again. `down` leaves no process behind.
"""

import importlib
import importlib.util
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from deploy.local.mongodb import PROJECT
from deploy.local.processes import LocalError, Processes, tail, wait_until
from deploy.local.servers import LocalServers, Servers
from deploy.local.state import State, listens
from deploy.mongodb.provision import ensure_services, service_url
from deploy.rabbitmq.accounts import DEMO_ACCOUNTS, SERVICES, add_account
from deploy.rabbitmq.provision import apply

VHOST = "binaan"
SERVERS = ("rabbitmq", "mongodb")
READY_SECONDS = 120.0


def default_root() -> Path:
    return PROJECT / ".local" / "stack"


@dataclass(frozen=True)
class Status:
    """One part of the stack. `state` is `stopped`, `starting` (runs, but is not ready) or `ready`."""

    name: str
    state: str
    pid: int | None
    address: str | None


class Stack:
    """The stack under one root directory. `say` is told what is being done, one short sentence at a time."""

    def __init__(self, root: Path | None = None, say: Callable[[str], None] = lambda _: None) -> None:
        self.root = (root or default_root()).resolve()
        self._say = say
        self._state = State(self.root)
        self._processes = Processes(self.root)
        self._servers = LocalServers(self.root)

    def up(self, *, servers_only: bool = False) -> dict[str, str]:
        """Bring everything up and wait until it is ready. Returns `env()`. Raises LocalError."""
        with self._state.lock():
            running = set(self._running())
            try:
                self._up(running, servers_only=servers_only)
            except BaseException:
                self._stop_started(running)
                raise
        return self.env()

    def down(self, *, purge: bool = False) -> None:
        """Stop everything; with `purge` also delete all data, secrets and logs."""
        with self._state.lock():
            if self._processes.pids():
                self._say("Stopping …")
            if purge:
                self._processes.kill(*SERVICES, *SERVERS, "epmd")
                self._delete_everything()
            else:
                self._processes.stop(*SERVICES)
                self._processes.stop(*SERVERS)
                self._processes.stop("epmd")

    def status(self) -> list[Status]:
        return [self._status(name) for name in (*SERVERS, *SERVICES)]

    def env(self) -> dict[str, str]:
        """What a client of the running stack needs, as administrator. Raises LocalError when the servers are down."""
        if not self._servers.rabbitmq.running or not self._servers.mongodb.running:
            raise LocalError("the local stack is not up; `binaan stack up`")
        return {
            "BINAAN_AMQP_URL": f"{self._servers.rabbitmq.amqp_url}/{VHOST}",
            "BINAAN_MONGO_URL": self._servers.mongodb.url,
            "BINAAN_MANAGEMENT_URL": self._servers.rabbitmq.management_url,
        }

    def log(self, name: str) -> Path:
        return self._processes.log(name)

    @property
    def spool(self) -> Path:
        """Where notify's provider `local` appends the messages that it would send."""
        return self.root / "spool" / "messages.jsonl"

    def amqp_url_of(self, account: str) -> str:
        """As one of our accounts or a demo account, on the running stack."""
        password = self._state.password(account) if account in (VHOST, *SERVICES) else account
        return f"amqp://{account}:{password}@127.0.0.1:{self._state.port('amqp')}/{VHOST}"

    def http_url(self, service: str) -> str:
        return f"http://127.0.0.1:{self._state.port(service)}"

    def service_env(self, service: str) -> dict[str, str]:
        """The environment variables a service is started with, beside those of the shell."""
        database = f"binaan_{service}"
        password = self._state.password(service)
        env = {
            "BINAAN_AMQP_URL": self.amqp_url_of(service),
            "BINAAN_MONGO_URL": service_url(self._servers.mongodb.url, database, service, password),
            "BINAAN_MONGO_DATABASE": database,
            "BINAAN_MANAGEMENT_URL": f"http://127.0.0.1:{self._state.port('management')}",
            "BINAAN_KEY_FILE": str(self._state.key_file(service)),
            "BINAAN_HTTP_HOST": "127.0.0.1",
            "BINAAN_HTTP_PORT": str(self._state.port(service)),
            "BINAAN_LOG_FORMAT": "json",
        }
        if service == "notify":
            env["BINAAN_SPOOL_FILE"] = str(self.spool)
        if "BINAAN_MONGO_DRIVER" in os.environ:
            env["BINAAN_MONGO_DRIVER"] = os.environ["BINAAN_MONGO_DRIVER"]
        return env

    def _up(self, running: set[str], *, servers_only: bool) -> None:
        wanted = SERVERS if servers_only else (*SERVERS, *SERVICES)
        if running.issuperset(wanted):
            self._say("Already up.")
        if not running.issuperset(SERVERS):
            self._say("Starting RabbitMQ and MongoDB …")
        self._provision(self._servers.start())
        if servers_only:
            return
        if not running.issuperset(SERVICES):
            self._say(f"Starting {', '.join(SERVICES)} …")
        self._start_services()
        self._seed()

    def _provision(self, servers: Servers) -> None:
        passwords = {service: self._state.password(service) for service in SERVICES}
        with servers.management() as management:
            apply(management, VHOST, passwords)
            for account in DEMO_ACCOUNTS:
                bindings, history = account.events_bindings, account.history
                add_account(management, VHOST, account.name, account.name, events_bindings=bindings, history=history)
        with servers.mongo() as mongo:
            ensure_services(mongo, {service: f"binaan_{service}" for service in SERVICES}, passwords)

    def _start_services(self) -> None:
        self.spool.parent.mkdir(parents=True, exist_ok=True)
        for service in SERVICES:
            if not self._runs_as_wanted(service):
                self._start_service(service)
        for service in SERVICES:
            self._wait_for_service(service)

    def _runs_as_wanted(self, service: str) -> bool:
        """Whether it runs with today's URLs: after a crash of a server and a change of its port it must start anew."""
        environment = self._processes.environment(service)
        return self.service_env(service).items() <= environment.items()

    def _start_service(self, service: str) -> None:
        self._processes.stop(service)
        self._state.usable_port(service)
        shell = {name: value for name, value in os.environ.items() if not name.startswith("BINAAN_")}
        command = [sys.executable, "-P", "-m", f"services.{service}"]
        self._processes.start(service, command, {**shell, **self.service_env(service)})

    def _wait_for_service(self, service: str) -> None:
        def settled() -> bool:
            return self._processes.pid(service) is None or self._is_ready(service)

        if not wait_until(settled, READY_SECONDS) or self._processes.pid(service) is None:
            log = self.log(service)
            raise LocalError(f"{service} did not become ready. The end of {log}:\n{tail(log)}")

    def _is_ready(self, service: str) -> bool:
        if not listens(self._state.port(service)):
            return False
        try:
            response = httpx.get(f"{self.http_url(service)}/readyz", timeout=2.0, trust_env=False)
        except httpx.HTTPError:
            return False
        return response.status_code == httpx.codes.OK

    def _seed(self) -> None:
        """Agencies and officials of the demo, told through the front door like everything else."""
        if importlib.util.find_spec("services.cli.seed") is None:
            return
        importlib.import_module("services.cli.seed").seed(self.env())

    def _running(self) -> list[str]:
        return [name for name in (*SERVERS, *SERVICES) if self._processes.pid(name)]

    def _stop_started(self, before: set[str]) -> None:
        started = [name for name in (*SERVICES, *SERVERS) if name not in before]
        with _undisturbed():
            self._say("Stopping what was started …")
            for server in self._servers.all:
                if server.name not in before and not server.complete.exists():
                    server.kill()  # in the middle of its first start; its data will be thrown away
            self._processes.stop(*started, seconds=8.0)  # in the middle of a start a node is deaf
            if "rabbitmq" not in before:
                self._processes.stop("epmd")

    def _status(self, name: str) -> Status:
        pid = self._processes.pid(name)
        port = self._state.known_port({"rabbitmq": "amqp"}.get(name, name))
        if pid is None:
            return Status(name, "stopped", None, None)
        ready = self._is_ready(name) if name in SERVICES else port is not None and listens(port)
        return Status(name, "ready" if ready else "starting", pid, f"127.0.0.1:{port}")

    def _delete_everything(self) -> None:
        for entry in self.root.iterdir():
            if entry.name == "lock":  # held by us; whoever waits for it waits for this very file
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """A second Ctrl-C does not keep us from stopping what the first one has interrupted."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def as_exports(env: Mapping[str, str]) -> str:
    """Lines for a shell's `eval`."""
    return "\n".join(f"export {name}={_quoted(value)}" for name, value in env.items())


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"
