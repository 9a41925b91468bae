"""The provider ``local``: for a laptop, a demonstration and tests, messages go to a file instead of to people.

The file (``BINAAN_SPOOL_FILE``, mode 0600, as it holds names and numbers) has one JSON object a line, in UTF-8:

    {"message_id": "…", "at": "2026-01-05T02:30:00+00:00", "channel": "whatsapp", "to": "+62…", "text": "…"}

``message_id`` is that of the ``notify.message.*`` events and occurs once; ``at`` is RFC 3339; ``channel`` is
``whatsapp`` or ``sms``; ``to`` is E.164; ``text`` is what the owner reads. After the days of policy ``to`` and
``text`` are taken out of a line, which keeps its length. A reader skips every line that is not such
an object: a crash in the middle of a write leaves a torn line, and the next write begins on a line of its own.

The guarantee of this file: a message stands in the spool once, whoever writes it how often.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from services.notify.provider import Outcome, Outgoing

_CHUNK = 1024 * 1024
_KEPT = ("message_id", "at", "channel")
"""What stays of a line for good."""


class Spool:
    """The file, and which messages it holds. All access is under a lock on the file, so processes do not mix lines.

    The index is built once and kept in step by reading what has come since; it outlives a file that is taken away.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: set[str] = set()
        self._file: tuple[int, int] | None = None
        self._read_to = 0
        """Up to where whole lines have been read."""
        self._rest = b""
        """What stands after the last line end: torn, or a whole line that lacks only its end."""

    def append(self, messages: Sequence[Outgoing]) -> None:
        """Write those that are not there yet, with one write, and see them onto the disk. Raises ``OSError``."""
        with self._locked() as descriptor:
            self._catch_up(descriptor)
            fresh = {one.message_id: one for one in messages if one.message_id not in self._written}
            if not fresh:
                return
            heal = b"\n" if self._rest else b""
            _write(descriptor, heal + b"".join(_line(one) for one in fresh.values()))
            os.fsync(descriptor)
            self._catch_up(descriptor)

    def holds(self, message_ids: Sequence[str]) -> list[str]:
        """Those of the messages that stand in the file. Raises ``OSError``."""
        with self._locked() as descriptor:
            self._catch_up(descriptor)
            # What a reader can see may not have reached the disk; nothing is called sent before it has.
            os.fsync(descriptor)
        return [one for one in message_ids if one in self._written]

    def forget(self, before: datetime) -> None:
        """Take number and text out of what was written before an instant; that it was written stays. Lines keep their
        length, so that whoever reads on keeps the place. Raises ``OSError``."""
        if not self._path.exists():
            return
        with self._locked(), self._path.open("r+b") as file:  # the descriptor of the lock only appends
            position, edits = 0, list[tuple[int, bytes]]()
            for line in file:
                if (kept := _without_person(line, before)) is not None:
                    edits.append((position, kept.ljust(len(line.rstrip(b"\n")))))
                position += len(line)
            for at, kept in edits:
                file.seek(at)
                file.write(kept)
            file.flush()
            os.fsync(file.fileno())

    @contextmanager
    def _locked(self) -> Iterator[int]:
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = not self._path.exists()
        descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        os.fchmod(descriptor, 0o600)
        if new:
            _sync_folder(self._path.parent)
        return descriptor

    def _catch_up(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        if self._file != (status.st_dev, status.st_ino) or status.st_size < self._read_to:
            self._file, self._read_to, self._rest = (status.st_dev, status.st_ino), 0, b""
        position, pending = self._read_to, b""
        while chunk := os.pread(descriptor, _CHUNK, position):
            position += len(chunk)
            *lines, pending = (pending + chunk).split(b"\n")
            self._written.update(found for line in lines if (found := _id_in(line)))
        self._read_to, self._rest = position - len(pending), pending
        if found := _id_in(pending):
            self._written.add(found)


class LocalProvider:
    """Writes to the spool, which counts as delivered: whoever opens the file reads it. It can be asked."""

    name = "local"
    at_once = 200

    def __init__(self, path: Path) -> None:
        self._spool = Spool(path)

    async def send(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        """Raises ``OSError`` (disk full, no permission); some may have been written then."""
        if not messages:
            return []
        await asyncio.to_thread(self._spool.append, messages)
        return _delivered([one.message_id for one in messages])

    async def ask(self, message_ids: Sequence[str]) -> list[Outcome]:
        return _delivered(await asyncio.to_thread(self._spool.holds, message_ids))


def _delivered(message_ids: Sequence[str]) -> list[Outcome]:
    return [Outcome(message_id=one, state="delivered") for one in message_ids]


def _line(message: Outgoing) -> bytes:
    fields = {
        "message_id": message.message_id,
        "at": message.at.isoformat(),
        "channel": message.channel,
        "to": message.to,
        "text": message.text,
    }
    return json.dumps(fields, ensure_ascii=False).encode() + b"\n"


def _without_person(line: bytes, before: datetime) -> bytes | None:
    """What stays of a line that is old enough; None for one that is not, or holds nobody any more."""
    try:
        fields: Any = json.loads(line)
        old = "to" in fields and datetime.fromisoformat(fields["at"]) < before
    except (ValueError, TypeError, KeyError):
        return None
    return json.dumps({name: fields[name] for name in _KEPT if name in fields}).encode() if old else None


def _id_in(line: bytes) -> str | None:
    """The message a line holds; None for a torn or foreign one."""
    try:
        fields: Any = json.loads(line)
    except ValueError:
        return None
    found = fields.get("message_id") if isinstance(fields, dict) else None
    return found if isinstance(found, str) else None


def _write(descriptor: int, data: bytes) -> None:
    """One write in practice; the rest follows where the system takes only a part."""
    while data:
        data = data[os.write(descriptor, data) :]


def _sync_folder(folder: Path) -> None:
    """A new file's name must survive a power cut as its lines do."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
