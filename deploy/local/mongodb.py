"""A private MongoDB node: a replica set of one with authentication, on loopback only."""

import os
import shutil
from pathlib import Path

from pymongo.errors import PyMongoError

from deploy.local.processes import LocalError, Processes, tail, wait_until
from deploy.local.state import State, listens, write_private
from deploy.mongodb.provision import (
    ADMINISTRATOR,
    REPLICA_SET,
    ProvisionError,
    administrator_url,
    prepare_server,
)

PROJECT = Path(__file__).resolve().parents[2]
FROM_WHEEL = PROJECT / ".local" / "mongodb" / "fiftyone" / "db" / "bin" / "mongod"


def find_mongod() -> Path:
    """`mongod` from PATH, else the one `make setup` installs. Raises LocalError where there is none."""
    on_path = shutil.which("mongod")
    if on_path:
        return Path(on_path)
    if FROM_WHEEL.exists():
        return FROM_WHEEL
    raise LocalError("MongoDB is not installed; `make setup` installs it")


class MongoServer:
    """One MongoDB node under `<root>/mongodb`."""

    name = "mongodb"

    def __init__(self, root: Path) -> None:
        self._home = root.resolve() / "mongodb"
        self._state = State(root)
        self._processes = Processes(root)

    @property
    def running(self) -> bool:
        return self._processes.pid("mongodb") is not None

    @property
    def url(self) -> str:
        """As administrator."""
        return administrator_url(self._address, self._state.password(ADMINISTRATOR))

    @property
    def _address(self) -> str:
        return f"127.0.0.1:{self._state.port('mongodb')}"

    def start(self) -> None:
        """Start the node without waiting. A port that others have taken meanwhile is replaced."""
        mongod = find_mongod()
        self.stop()
        self._state.usable_port("mongodb")
        if not self.complete.exists():
            shutil.rmtree(self._home / "data", ignore_errors=True)
        (self._home / "data").mkdir(parents=True, exist_ok=True)
        write_private(self._home / "key", self._state.secret("mongodb key"), 0o400)
        env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8", "HOME": str(self._home)}
        self._processes.start("mongodb", [str(mongod), *self._arguments()], env)

    def wait(self, seconds: float = 120.0) -> None:
        """Until the node is primary and lets the administrator in. Raises LocalError with the log's end."""
        if (
            not wait_until(lambda: not self.running or listens(self._state.port("mongodb")), seconds)
            or not self.running
        ):
            raise LocalError(f"MongoDB did not start within {seconds:.0f} s. {self._log_end()}")
        try:
            prepare_server(self._address, self._state.password(ADMINISTRATOR), seconds=seconds)
        except (ProvisionError, PyMongoError) as error:
            raise LocalError(f"MongoDB did not start: {error}. {self._log_end()}") from error
        self.complete.touch()

    def stop(self) -> None:
        self._processes.stop("mongodb")

    def kill(self) -> None:
        """At once; what was committed is on disk all the same."""
        self._processes.kill("mongodb")

    @property
    def complete(self) -> Path:
        """Says that the node was ready once. Data of a first start that was cut off is half made and thrown away."""
        return self._home / "complete"

    def _arguments(self) -> list[str]:
        return [
            *("--replSet", REPLICA_SET),
            *("--keyFile", str(self._home / "key")),
            *("--bind_ip", "127.0.0.1"),
            *("--port", str(self._state.port("mongodb"))),
            *("--dbpath", str(self._home / "data")),
            *("--wiredTigerCacheSizeGB", "0.25"),
            *("--oplogSize", "256"),
            "--nounixsocket",
            "--quiet",
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            # What a killed process held open blocks others for so long, by default a minute. Ours last far below one.
            *("--setParameter", "transactionLifetimeLimitSeconds=15"),
        ]

    def _log_end(self) -> str:
        log = self._processes.log("mongodb")
        return f"The end of {log}:\n{tail(log)}"
