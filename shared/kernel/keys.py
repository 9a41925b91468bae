"""Keys from outside the database: sealing what is personal, tokens for what must not be stored, ids nobody can guess.

The guarantee of this file: without the key file, what the database holds names nobody, and a token or an id cannot be
found by trying all the NIK of a regency.
"""

from __future__ import annotations

import base64
import json
import os
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

KEY_BYTES = 32
IDS_BYTES = 64
NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")
"""How a key may be called."""
_NONCE_BYTES = 12
_TOKEN = re.compile(r"(?:([A-Za-z0-9_-]{1,32})\.)?[0-9a-f]{32}\Z")


class KeyFileError(RuntimeError):
    """The key file is missing or not as it must be; a service does not start without it."""


@dataclass(frozen=True, slots=True)
class KeyFile:
    """What a key file says.

    ``keys`` are by name, and ``current`` is the one that new data is protected with. ``ids`` makes ids and recognises
    messages; it is no key of these and stays when they go. Tokens of the key that ``unnamed`` names carry no name:
    those of the time before keys were rotated. A file without ``ids`` is of that time; its first key did it all.
    """

    current: str
    keys: Mapping[str, bytes]
    ids: bytes | None = None
    unnamed: str | None = None

    @classmethod
    def load(cls, path: Path) -> KeyFile:
        """Read ``{"current": "k1", "keys": {"k1": "<base64 of 32 bytes>"}, "ids": "<base64 of 64 bytes>"}``.

        Raises ``KeyFileError``.
        """
        try:
            content = json.loads(path.read_text())
            keys = {name: base64.b64decode(value, validate=True) for name, value in content["keys"].items()}
            ids = base64.b64decode(content["ids"], validate=True) if "ids" in content else None
            found = cls(str(content["current"]), keys, ids, content.get("unnamed"))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise KeyFileError(f"key file {path.name} cannot be read: {type(error).__name__}") from None
        if reason := found.wrong():
            raise KeyFileError(f"key file {path.name}: {reason}")
        return found

    def wrong(self) -> str | None:
        """Why it cannot be used, without a value of it."""
        if self.current not in self.keys or any(len(key) != KEY_BYTES for key in self.keys.values()):
            return f"it needs a current key, and every key must have {KEY_BYTES} bytes"
        if not all(NAME.fullmatch(name) for name in self.keys):
            return "the name of a key is 1 to 32 letters, digits, - or _"
        if self.ids is not None and len(self.ids) != IDS_BYTES:
            return f"ids must have {IDS_BYTES} bytes"
        if self.unnamed is not None and self.unnamed not in self.keys:
            return "unnamed names no key of it"
        return None

    def with_ids(self) -> KeyFile:
        """The same with what the first key was used for besides, written out: it can go then, and its ids stay."""
        if self.ids is not None:
            return self
        first = next(iter(self.keys))
        ids = _derive(self.keys[first], b"id") + _derive(self.keys[first], b"token")
        return KeyFile(self.current, self.keys, ids, first)


class Keyring:
    """Keys by name. New data is sealed with ``current``, older data is opened with the key it names; tokens are made
    with one key and found with every key that is held."""

    def __init__(
        self, current: str, keys: Mapping[str, bytes], *, ids: bytes | None = None, unnamed: str | None = None
    ) -> None:
        file = KeyFile(current, keys, ids, unnamed)
        whole = file.with_ids()
        self.current = current
        self.token_key = current if file.ids is not None else next(iter(keys))
        """The name of the key that new tokens are made with."""
        self._unnamed = whole.unnamed
        self._ciphers = {name: AESGCM(_derive(key, b"seal")) for name, key in keys.items()}
        finding = [self.token_key, *(name for name in keys if name != self.token_key)] if file.ids else [self.token_key]
        self._tokens = {name: (self._mark(name), HMAC(_derive(keys[name], b"token"), SHA256())) for name in finding}
        ids = whole.ids or b""
        self._ids, self._digests = HMAC(ids[:KEY_BYTES], SHA256()), HMAC(ids[KEY_BYTES:], SHA256())

    @classmethod
    def load(cls, path: Path) -> Keyring:
        """The keys of a file, as ``KeyFile`` reads it. Raises ``KeyFileError``."""
        file = KeyFile.load(path)
        return cls(file.current, file.keys, ids=file.ids, unnamed=file.unnamed)

    # --- sealing ---------------------------------------------------------------------------------------------------

    def seal(self, plain: bytes, context: str) -> bytes:
        """Encrypt and authenticate; ``context`` (whose data it is) must be given again to open."""
        nonce = os.urandom(_NONCE_BYTES)
        name = self.current.encode()
        return bytes([len(name)]) + name + nonce + self._ciphers[self.current].encrypt(nonce, plain, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """The plain bytes. Raises ``KeyFileError`` when the key is not ours or the data was altered or moved."""
        end = 1 + (sealed[0] if sealed else 0)
        cipher = self._ciphers.get(sealed[1:end].decode(errors="replace"))
        if cipher is None:
            raise KeyFileError("sealed with a key that the key file does not hold")
        try:
            return cipher.decrypt(sealed[end : end + _NONCE_BYTES], sealed[end + _NONCE_BYTES :], context.encode())
        except (InvalidTag, ValueError):
            raise KeyFileError("sealed data was altered, or belongs to something else") from None

    # --- tokens ----------------------------------------------------------------------------------------------------

    def token(self, kind: str, value: str) -> str:
        """A keyed token of 128 bits, ``k1.`` and 32 hexadecimal digits: equal for equal values as long as the key is
        the same, meaningless without it."""
        return self._token(self.token_key, kind, value)

    def tokens(self, kind: str, value: str) -> tuple[str, ...]:
        """The token, and after it those that were made of the same value with the other keys that are held."""
        return tuple(self._token(name, kind, value) for name in self._tokens)

    def _token(self, name: str, kind: str, value: str) -> str:
        mark, tokens = self._tokens[name]
        return mark + _digest(tokens, kind, value.encode()).hex()

    def _mark(self, name: str) -> str:
        return "" if name == self._unnamed else f"{name}."

    # --- what data depends on --------------------------------------------------------------------------------------

    def stamp(self, found_by: Iterable[str]) -> str:
        """The names of all keys that a document depends on, which is sealed now and found by these tokens."""
        found = (_TOKEN.search(name) for name in found_by)
        names = {one[1] or self._unnamed or "" for one in found if one is not None}
        return " ".join(sorted({self.current, *names}))

    @property
    def rotating(self) -> bool:
        """Whether a key is held that stands before the current one, so that data may depend on an older key."""
        return next(iter(self._ciphers)) != self.current

    @property
    def settled(self) -> list[str]:
        """The stamps of documents that need not be brought over: they depend on ``current`` or on a newer key, which
        another replica may use already."""
        names = list(self._ciphers)
        newer = names[names.index(self.current) :]
        return sorted({" ".join(sorted({seal, token})) for seal in newer for token in (*newer, self.token_key)})

    def missing(self, stamps: Iterable[str]) -> set[str]:
        """The names of keys that data depends on and this file does not hold."""
        return {name for stamp in stamps for name in stamp.split()} - self._ciphers.keys()

    # --- ids -------------------------------------------------------------------------------------------------------

    def digest(self, kind: str, value: bytes) -> bytes:
        """By what a message is recognised: 16 bytes, equal for equal values whatever key is current."""
        return _digest(self._digests, kind, value)

    def new_id(self, *parts: str) -> str:
        """An id made from what caused it (a rerun makes the same), which nobody can guess from it (UUIDv8)."""
        raw = bytearray(_keyed(self._ids, "\0".join(parts).encode())[:16])
        raw[6] = raw[6] & 0x0F | 0x80
        raw[8] = raw[8] & 0x3F | 0x80
        return str(uuid.UUID(bytes=bytes(raw)))


def _derive(key: bytes, purpose: bytes) -> bytes:
    return _keyed(HMAC(key, SHA256()), b"binaan:" + purpose)


def _digest(keyed: HMAC, kind: str, value: bytes) -> bytes:
    return _keyed(keyed, kind.encode() + b"\0" + value)[:16]


def _keyed(keyed: HMAC, value: bytes) -> bytes:
    """HMAC-SHA256; a copy of one that has its key already is three times as fast (docs/decisions/0017)."""
    one = keyed.copy()
    one.update(value)
    return one.finalize()
