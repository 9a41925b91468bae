"""Keys from outside the database: sealing what is personal, tokens for what must not be stored, ids nobody can guess.

The guarantee of this file: without the key file, what the database holds names nobody, and a token or an id cannot be
found by trying all the NIK of a regency.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import uuid
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_KEY_BYTES = 32


class KeyFileError(RuntimeError):
    """The key file is missing or not as it must be; a service does not start without it."""


class Keyring:
    """Keys by id. New data is sealed with ``current``; older data is opened with the key it names.

    Tokens and ids are made with the first key of the file, so that they stay equal while sealing keys rotate.
    """

    def __init__(self, current: str, keys: dict[str, bytes]) -> None:
        self._current = current
        self._ciphers = {name: AESGCM(_derive(key, b"seal")) for name, key in keys.items()}
        first = next(iter(keys.values()))
        self._token_key, self._id_key = _derive(first, b"token"), _derive(first, b"id")

    @classmethod
    def load(cls, path: Path) -> Keyring:
        """Read ``{"current": "k1", "keys": {"k1": "<base64 of 32 bytes>"}}``. Raises ``KeyFileError``."""
        try:
            content = json.loads(path.read_text())
            keys = {name: base64.b64decode(value, validate=True) for name, value in content["keys"].items()}
            current = str(content["current"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise KeyFileError(f"key file {path.name} cannot be read: {type(error).__name__}") from None
        if current not in keys or any(len(key) != _KEY_BYTES for key in keys.values()):
            raise KeyFileError(f"key file {path.name} needs a current key, and every key must have {_KEY_BYTES} bytes")
        return cls(current, keys)

    def seal(self, plain: bytes, context: str) -> bytes:
        """Encrypt and authenticate; ``context`` (whose data it is) must be given again to open."""
        nonce = os.urandom(_NONCE_BYTES)
        name = self._current.encode()
        return bytes([len(name)]) + name + nonce + self._ciphers[self._current].encrypt(nonce, plain, context.encode())

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

    def token(self, kind: str, value: str) -> str:
        """A keyed token of 128 bits, 32 hexadecimal digits: equal for equal values, meaningless without the key."""
        return self.digest(kind, value.encode()).hex()

    def digest(self, kind: str, value: bytes) -> bytes:
        """The same as 16 raw bytes."""
        return hmac.digest(self._token_key, kind.encode() + b"\0" + value, "sha256")[:16]

    def new_id(self, *parts: str) -> str:
        """An id made from what caused it (a rerun makes the same), which nobody can guess from it (UUIDv8)."""
        raw = bytearray(hmac.digest(self._id_key, "\0".join(parts).encode(), "sha256")[:16])
        raw[6] = raw[6] & 0x0F | 0x80
        raw[8] = raw[8] & 0x3F | 0x80
        return str(uuid.UUID(bytes=bytes(raw)))


def _derive(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, b"binaan:" + purpose, hashlib.sha256)
