"""What notify is told by its environment besides what every service is told."""

from __future__ import annotations

from pathlib import Path

from shared.kernel.settings import Settings


class NotifySettings(Settings):
    """``BINAAN_SPOOL_FILE`` is where the provider ``local`` writes messages; it holds names and numbers."""

    spool_file: Path
