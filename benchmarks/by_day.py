"""notify as it always runs, by a clock at which it is day everywhere: at night it would rightly send nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shared.kernel import service

_OPENS = 3
"""An hour (UTC): 10:00 WIB, 12:00 WIT."""


def set_clock() -> None:
    """Before notify is imported."""
    now = datetime.now(UTC)
    ahead = (now.replace(hour=_OPENS, minute=0) - now) % timedelta(days=1)
    service.utc_now = lambda: datetime.now(UTC) + ahead


if __name__ == "__main__":
    set_clock()
    from services.notify.app import build

    service.main(build)
