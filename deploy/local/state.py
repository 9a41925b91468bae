"""What a local stack remembers between runs: its ports and its secrets, each in one file under its root."""

import base64
import fcntl
import hashlib
import hmac
import json
import os
import random
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from deploy.local.processes import LocalError, wait_until

# Below the range from which the kernel takes ports for outgoing connections, so that none of those can sit on ours.
PORTS = range(20_000, 32_000)


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return True
    except OSError:
        return False


def write_private(path: Path, content: str, mode: int = 0o600) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def derived_password(administrator_password: str, account: str) -> str:
    """The password of one of our accounts on a local or test server.

    It follows from the administrator's random one, so that whoever may administer a broker can run tests on it as
    every account without changing a password that a running service uses. Deployments set their own passwords.
    """
    return hmac.new(administrator_password.encode(), account.encode(), hashlib.sha256).hexdigest()[:40]


class State:
    """The files `state.json` (ports), `secrets.json` and `keys/` of one root. Created when first asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._ports_file = root / "state.json"
        self._secrets_file = root / "secrets.json"

    def port(self, name: str) -> int:
        """The remembered port, or a free one that is remembered from now on."""
        return self.known_port(name) or self.new_port(name)

    def usable_port(self, name: str, seconds: float = 5.0) -> int:
        """The remembered port, if nobody else sits on it; a new one otherwise.

        A killed process is gone from sight before the system has closed its sockets; a server that moved for that
        would never be found again by who knows its address.
        """
        port = self.port(name)
        return port if wait_until(lambda: port_is_free(port), seconds) else self.new_port(name)

    def known_port(self, name: str) -> int | None:
        return self._ports().get(name)

    def new_port(self, name: str) -> int:
        """A free port instead of the remembered one."""
        ports = self._ports()
        free = (port for port in random.sample(PORTS, len(PORTS)) if port not in ports.values() and port_is_free(port))
        ports[name] = next(free)
        write_private(self._ports_file, json.dumps(ports, indent=1))
        return ports[name]

    def secret(self, name: str) -> str:
        """A random secret that stays the same for this root."""
        known: dict[str, str] = _read(self._secrets_file)
        if name not in known:
            known[name] = secrets.token_hex(24)
            write_private(self._secrets_file, json.dumps(known, indent=1))
        return known[name]

    def password(self, account: str) -> str:
        """The password of `binaan` is random, those of the services follow from it."""
        administrator = self.secret("binaan")
        return administrator if account == "binaan" else derived_password(administrator, account)

    def key_file(self, service: str) -> Path:
        """The file with the keys a service protects personal data with."""
        path = self._root / "keys" / f"{service}.json"
        if not path.exists():
            key = base64.b64encode(secrets.token_bytes(32)).decode()
            write_private(path, json.dumps({"current": "k1", "keys": {"k1": key}}))
        return path

    def _ports(self) -> dict[str, int]:
        return _read(self._ports_file)

    @contextmanager
    def lock(self, seconds: float = 180.0) -> Iterator[None]:
        """One command at a time changes a root. The kernel frees the lock when its holder dies."""
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._root / "lock").open("a") as file:

            def taken() -> bool:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return False
                return True

            if not wait_until(taken, seconds):
                raise LocalError(f"another command has been working on {self._root} for {seconds:.0f} s")
            yield


def _read(path: Path) -> dict[str, Any]:
    try:
        return cast("dict[str, Any]", json.loads(path.read_text()))
    except FileNotFoundError:
        return {}
