"""Under which ids the rows of a sheet were sent, so that sending them again is asking again, not doing again.

An intake id must be the same when a command is repeated after Ctrl-C, and another one when the office has corrected the
row (the same id with other content is refused). It also travels into public events, and whoever knows the rest of a row
could try all NIKs against a plain hash of it: so rows are hashed with a random salt of the sheet's own, kept in
`.binaan-<sheet>.json` beside it, readable by its owner only. Without that file the rows go out as new messages, which
registry recognises as businesses it knows.

Three things are remembered of each row: its key (the keyed hash), the time at which the sheet was saved when the row
was sent (its observation, and the start of its id, by which the contract decides between two reports of equal time),
and how often it was refused: the reply to a refused id is for ever the same, so what may succeed after the cause is
gone (an agency registered, a business verified) needs another id.

Besides, what the sheet last said, row by row: a row that says again what it said before a correction is a new
observation, later than the correction, or the corrected value would stay; and what an exported register said
(services/cli/exported.py).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from services.cli.exits import wrong_usage
from services.cli.exported import Exported
from services.cli.sheet import base_name, replacing

_VERSION = 1
_STAMP = "%Y%m%dT%H%M%S.%f"
_KEY_LETTERS = 32  # 128 bits


@dataclass(slots=True)
class Ledger:
    """The memory of one sheet. Changed in memory; `save` writes it, whole or not at all.

    What happens in a run counts from the next one on: within one, two rows that are the same have one id.
    """

    path: Path
    salt: bytes
    _sent: dict[str, tuple[str, int]] = field(default_factory=dict)
    exported: Exported = field(default_factory=lambda: Exported(b""))
    """Of a register that was exported: what it said then."""
    _said: dict[int, str] = field(default_factory=dict)
    """Row → key, as of the last pass; of one that was stopped, as far as it came, the others as before."""
    _next: dict[str, tuple[str, int]] = field(default_factory=dict)
    _passed: dict[int, str] = field(default_factory=dict)
    _complete: bool = False
    _standing: frozenset[str] = frozenset()
    _newest: str = ""

    def __post_init__(self) -> None:
        self._standing = frozenset(self._said.values())
        self._newest = max((self._sent[key][0] for key in self._standing if key in self._sent), default="")

    @classmethod
    def of(cls, sheet: Path) -> Ledger:
        """The ledger beside a sheet (all its returned forms share it), or a new one. Raises `CliError` 2."""
        path = sheet.with_name(f".binaan-{base_name(sheet)}.json")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            sent = {str(key): (str(stamp), int(refusals)) for key, (stamp, refusals) in content["sent"].items()}
            said = {int(number): str(key) for number, key in content.get("said", {}).items()}
            salt = bytes.fromhex(content["salt"])
            return cls(path, salt, sent, Exported.of(salt, content.get("exported", {})), said)
        except FileNotFoundError:
            salt = secrets.token_bytes(32)
            return cls(path, salt, exported=Exported(salt))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise wrong_usage(
                f"{path} cannot be read. It keeps ids from being used twice; put it back, or delete it to start anew."
            ) from None

    def key_of_row(self, account: str, content: Mapping[str, Any]) -> str:
        """The keyed hash of what a row says, whoever sends it."""
        text = json.dumps([account, content], sort_keys=True, ensure_ascii=False)
        return hmac.new(self.salt, text.encode(), hashlib.sha256).hexdigest()[:_KEY_LETTERS]

    def says(self, key: str) -> bool:
        """Whether the sheet said so when it was last sent."""
        return key in self._standing

    def has_sent(self, key: str) -> bool:
        """Whether that was ever sent."""
        return key in self._sent

    def stamp(self, number: int, key: str, saved: str, *, again: bool = False) -> str:
        """What to send a row with, in a sheet that was saved then: what it was sent with, as long as the sheet says it.

        What was taken back and is said again is later than all that has been said since, also where the office has
        put back an older copy of the file. `again` says that something else was told of it before, under another key.
        """
        stamp = saved
        if again or key in self._sent:
            stamp = self._sent[key][0] if self.says(key) else max(saved, _after(self._newest))
        self._passed[number] = key
        return self._next.setdefault(key, (stamp, self._refusals(key, stamp)))[0]

    def complete(self) -> None:
        """The sheet has been read to its end: what it said in other rows before, it says no more.

        Decisions are taken on the rows of a sheet and say nothing of what stands in them.
        """
        self._complete = bool(self._passed)

    def intake_id(self, key: str, stamp: str) -> str:
        """The id under which to send it now."""
        refusals = self._refusals(key, stamp)
        again = f"-{refusals}" if refusals else ""
        return f"{stamp}-{key}{again}"

    def settle(self, key: str, stamp: str, *, refused: bool) -> None:
        """Remember that a reply has come."""
        self._next[key] = (stamp, self._refusals(key, stamp) + refused)

    def _refusals(self, key: str, stamp: str) -> int:
        sent, refusals = self._sent.get(key, (stamp, 0))
        return refusals if sent == stamp else 0

    def save(self) -> None:
        """Raises `CliError` 2 when the folder cannot be written to."""
        said = self._passed if self._complete else {**self._said, **self._passed}
        content: dict[str, Any] = {"version": _VERSION, "salt": self.salt.hex()}
        content |= {"sent": {**self._sent, **self._next}, "said": said}
        if self.exported.rows:
            content["exported"] = self.exported.content()
        with replacing(self.path) as draft:
            draft.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")
            os.chmod(draft, 0o600)


def key_of_decision(*parts: str | None) -> str:
    """The key of a decision: account, verb, business, decree … say it wholly, and nothing in it is personal.

    No salt, so that the same decision has the same id from every machine.
    """
    text = json.dumps(parts, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:_KEY_LETTERS]


def stamp_of(seconds: float, now: datetime) -> str:
    """The time at which a sheet was saved, as the beginning of an id, in UTC to the millisecond; never later than now.

    Fine enough that a sheet corrected and saved at once is later than before.
    """
    return _written(min(datetime.fromtimestamp(seconds, UTC), now))


def _written(instant: datetime) -> str:
    return f"{instant.strftime(_STAMP)[:-3]}Z"


def _after(stamp: str) -> str:
    return _written(time_of(stamp) + timedelta(milliseconds=1)) if stamp else ""


def time_of(stamp: str) -> datetime:
    """The instant that a stamp stands for."""
    return datetime.strptime(stamp[:-1], _STAMP).replace(tzinfo=UTC)
