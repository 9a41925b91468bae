"""What the exit codes of `binaan` mean, and the error that carries one to the top."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Part of the command's interface: scripts decide by them."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    UNREACHABLE = 3
    NO_REPLY = 4
    INTERRUPTED = 130


MEANINGS = """Exit codes:

* `0` done
* `1` some rows or messages were refused
* `2` wrong usage, or a file that cannot be read
* `3` the broker or the local stack cannot be reached, or does not let this account do it
* `4` no reply in time
* `130` stopped with Ctrl-C"""


class CliError(Exception):
    """One clear sentence for the terminal, and the exit code that goes with it."""

    def __init__(self, code: Exit, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def wrong_usage(text: str) -> CliError:
    """Nothing has been sent: the command, or the file given to it, is not as it must be."""
    return CliError(Exit.USAGE, text)


def unreachable(text: str) -> CliError:
    """The broker is not there, went away, or does not let this account do what was asked."""
    return CliError(Exit.UNREACHABLE, text)


def no_reply(text: str) -> CliError:
    """What was sent is safe with the broker, but nobody has answered in time."""
    return CliError(Exit.NO_REPLY, text)
