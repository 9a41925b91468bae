"""A private RabbitMQ node: own data, own ports, own cookie, own port mapper, on loopback only.

The scripts of the RabbitMQ package are called directly. Debian's `rabbitmq-server` in `/usr/sbin` is a wrapper that
switches to the system's account and the system's node.
"""

import os
import shutil
import subprocess
from pathlib import Path

import httpx

from deploy.local.processes import LocalError, Processes, tail, wait_until
from deploy.local.state import State, listens, write_private

PORTS = ("amqp", "management", "epmd", "distribution")
ADMINISTRATOR = "binaan"


def find_scripts() -> Path:
    """The directory with the real `rabbitmq-server` script. Raises LocalError where there is none."""
    places = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin"), reverse=True)
    on_path = shutil.which("rabbitmq-server")
    if on_path:
        places.append(Path(on_path).resolve().parent)
    for place in places:
        if (place / "rabbitmq-env").exists() and (place / "rabbitmq-server").exists():
            return place
    raise LocalError("RabbitMQ is not installed; `make setup` installs it")


class RabbitServer:
    """One RabbitMQ node under `<root>/rabbitmq`."""

    name = "rabbitmq"

    def __init__(self, root: Path) -> None:
        self._home = root.resolve() / "rabbitmq"
        self._state = State(root)
        self._processes = Processes(root)

    @property
    def running(self) -> bool:
        return self._processes.pid("rabbitmq") is not None

    @property
    def amqp_url(self) -> str:
        """As administrator, without a virtual host."""
        return f"amqp://{self._login}@127.0.0.1:{self._state.port('amqp')}"

    @property
    def management_url(self) -> str:
        return f"http://{self._login}@127.0.0.1:{self._state.port('management')}"

    @property
    def _login(self) -> str:
        return f"{ADMINISTRATOR}:{self._state.password(ADMINISTRATOR)}"

    def start(self) -> None:
        """Start the node and its port mapper, without waiting. Ports that others have taken meanwhile are replaced."""
        scripts = find_scripts()
        self.stop()  # a port mapper or a helper that a crash has left
        for port in PORTS:
            self._state.usable_port(port)
        if not self.complete.exists():
            shutil.rmtree(self._home / "data", ignore_errors=True)
        self._write_configuration()
        env = self._environment()
        self._processes.start("epmd", [_epmd(), "-address", "127.0.0.1", "-port", env["ERL_EPMD_PORT"]], env)
        self._wait_for_port_mapper()
        self._processes.start("rabbitmq", [str(scripts / "rabbitmq-server")], env)

    def wait(self, seconds: float = 120.0) -> None:
        """Until the node listens for AMQP and lets the administrator in. Raises LocalError with the log's end."""
        if not wait_until(lambda: not self.running or self._answers(), seconds) or not self.running:
            log = self._processes.log("rabbitmq")
            raise LocalError(f"RabbitMQ did not start within {seconds:.0f} s. The end of {log}:\n{tail(log)}")
        self.complete.touch()

    def stop(self) -> None:
        """Orderly, which takes the management plugin of 3.10 five seconds."""
        self._processes.stop("rabbitmq")
        self._processes.stop("epmd")

    def kill(self) -> None:
        """At once; what was confirmed is on disk all the same."""
        self._processes.kill("rabbitmq", "epmd")

    def control(self, *arguments: str) -> str:
        """`rabbitmqctl` with these arguments on the running node; its output. Raises LocalError."""
        command = [str(find_scripts() / "rabbitmqctl"), *arguments]
        done = subprocess.run(command, env=self._environment(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise LocalError(f"rabbitmqctl {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    @property
    def complete(self) -> Path:
        """Says that the node was ready once. Data of a first start that was cut off is half made and thrown away."""
        return self._home / "complete"

    def _answers(self) -> bool:
        if not listens(self._state.port("management")):
            return False
        check = f"/api/health/checks/port-listener/{self._state.port('amqp')}"
        try:
            response = httpx.get(self.management_url + check, timeout=2.0, trust_env=False)
        except httpx.HTTPError:
            return False
        if response.status_code == httpx.codes.UNAUTHORIZED:
            raise LocalError("RabbitMQ's data is from other secrets than secrets.json; `binaan stack down --purge`")
        return response.status_code == httpx.codes.OK

    def _wait_for_port_mapper(self) -> None:
        port = self._state.port("epmd")
        if not wait_until(lambda: listens(port), 10.0):
            log = self._processes.log("epmd")
            raise LocalError(f"Erlang's port mapper did not start. The end of {log}:\n{tail(log)}")

    def _write_configuration(self) -> None:
        self._home.mkdir(parents=True, exist_ok=True)
        cookie = self._home / ".erlang.cookie"
        if not cookie.exists():
            write_private(cookie, self._state.secret("erlang cookie"), 0o400)
        write_private(self._home / "enabled_plugins", "[rabbitmq_management,rabbitmq_consistent_hash_exchange].\n")
        write_private(self._home / "rabbitmq-env.conf", "")
        write_private(self._home / "rabbitmq.conf", self._configuration())

    def _configuration(self) -> str:
        return "\n".join(
            (
                f"listeners.tcp.local = 127.0.0.1:{self._state.port('amqp')}",
                "management.tcp.ip = 127.0.0.1",
                f"management.tcp.port = {self._state.port('management')}",
                f"default_user = {ADMINISTRATOR}",
                f"default_pass = {self._state.password(ADMINISTRATOR)}",
                "default_user_tags.administrator = true",
                # What 4.x has by default: a message above our own limit still arrives and is refused with reasons.
                "max_message_size = 16777216",
                "vm_memory_high_watermark.absolute = 1GB",
                "disk_free_limit.absolute = 200MB",
                "raft.wal_max_size_bytes = 67108864",
                "log.console.level = info",
                "log.connection.level = warning",
                "",
            )
        )

    def _environment(self) -> dict[str, str]:
        home, port = self._home, self._state.port
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "LANG": "C.UTF-8",
            "HOME": str(home),
            # The script then becomes the node instead of watching over it: its pid is the node's pid.
            "RUNNING_UNDER_SYSTEMD": "true",
            "ERL_EPMD_PORT": str(port("epmd")),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"binaan-{self._state.secret('node name')[:8]}@localhost",
            "RABBITMQ_DIST_PORT": str(port("distribution")),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false",
            # The package's "none" makes loading the node's many modules two to three times slower.
            "RABBITMQ_SCHEDULER_BUSY_WAIT_THRESHOLD": "very_short",
            "RABBITMQ_CONF_ENV_FILE": str(home / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(home / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(home),
            "RABBITMQ_MNESIA_DIR": str(home / "data"),
            "RABBITMQ_FEATURE_FLAGS_FILE": str(home / "feature_flags"),
            "RABBITMQ_PID_FILE": str(home / "node.pid"),
            "RABBITMQ_LOG_BASE": str(home),
            "RABBITMQ_LOGS": "-",
        }


def _epmd() -> str:
    """The port mapper; on Debian on PATH, elsewhere in Erlang's own directory."""
    found = shutil.which("epmd")
    if found:
        return found
    beside = sorted(Path("/usr/lib/erlang").glob("erts-*/bin/epmd"))
    if beside:
        return str(beside[-1])
    raise LocalError("Erlang's port mapper `epmd` was not found; is the package erlang-base whole?")
