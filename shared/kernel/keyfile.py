"""Changing a key file: ``python -m shared.kernel.keyfile add|use|drop|show FILE [NAME]`` (docs/operators/keys.md).

A file is replaced whole, with the mode and the owner it had, and only by one that a service could start with. What it
holds is never shown but for the names of its keys.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from shared.kernel.keys import KEY_BYTES, NAME, KeyFile, KeyFileError


def add(file: KeyFile, name: str) -> KeyFile:
    """With one more key, which nothing is protected with yet: it comes last."""
    if name in file.keys:
        raise KeyFileError(f"there is a key called {name} already; choose another name")
    if not NAME.fullmatch(name):
        raise KeyFileError("the name of a key is 1 to 32 letters, digits, - or _")
    return replace(file.with_ids(), keys={**file.keys, name: secrets.token_bytes(KEY_BYTES)})


def use(file: KeyFile, name: str) -> KeyFile:
    """With this key for all that is new."""
    _known(file, name)
    if file.ids is None:
        raise KeyFileError("add a key first")
    return replace(file, current=name)


def drop(file: KeyFile, name: str) -> KeyFile:
    """Without this key. Whether anything still depends on it is not to be seen from here."""
    _known(file, name)
    if name == file.current:
        raise KeyFileError(f"{name} is in use; use another key first")
    keys = {one: key for one, key in file.keys.items() if one != name}
    return replace(file.with_ids(), keys=keys, unnamed=None if file.with_ids().unnamed == name else file.unnamed)


def _known(file: KeyFile, name: str) -> None:
    if name not in file.keys:
        raise KeyFileError(f"there is no key called {name}; there are {', '.join(file.keys)}")


CHANGES: Mapping[str, Callable[[KeyFile, str], KeyFile]] = {"add": add, "use": use, "drop": drop}


def save(file: KeyFile, path: Path) -> None:
    """Replace a key file, whole or not at all."""
    before, draft = path.stat(), path.with_name(f"{path.name}.new")
    content = {
        "current": file.current,
        "keys": {name: base64.b64encode(key).decode() for name, key in file.keys.items()},
        **({"ids": base64.b64encode(file.ids).decode()} if file.ids is not None else {}),
        **({"unnamed": file.unnamed} if file.unnamed is not None else {}),
    }
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(json.dumps(content))
        os.fchmod(opened.fileno(), before.st_mode & 0o777)
        if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(opened.fileno(), before.st_uid, before.st_gid)
        opened.flush()
        os.fsync(opened.fileno())
    KeyFile.load(draft)
    draft.replace(path)


def show(file: KeyFile) -> str:
    """The names of the keys, the one in use marked."""
    return "\n".join(f"{name}  in use" if name == file.current else name for name in file.keys)


def main(arguments: list[str]) -> int:
    """0 done, 1 refused, 2 not understood."""
    match arguments:
        case ["show", path]:
            pass
        case [change, path, name] if change in CHANGES:
            pass
        case _:
            print(__doc__, file=sys.stderr)  # noqa: T201 - this is a command
            return 2
    try:
        file = KeyFile.load(Path(path))
        if arguments[0] in CHANGES:
            file = CHANGES[arguments[0]](file, name)
            save(file, Path(path))
    except (KeyFileError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    print(show(file))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
