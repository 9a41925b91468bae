"""The entry point of the command `binaan`: Ctrl-C ends it with 130 also while its modules are being loaded."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command. Loading what it needs takes a second, so that happens in here."""
    try:
        from services.cli.main import app  # noqa: PLC0415

        app()
    except KeyboardInterrupt:
        sys.exit(130)
