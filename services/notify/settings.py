"""What notify is told by its environment besides what every service is told."""

from __future__ import annotations

from pathlib import Path

from pydantic_settings import SettingsConfigDict

from shared.kernel.settings import Settings


class NotifySettings(Settings):
    """``BINAAN_SPOOL_FILE`` is where the provider ``local`` writes messages; it holds names and numbers."""

    # Pydantic shows what it was given when something is missing, and addresses hold passwords.
    model_config = SettingsConfigDict(env_prefix="BINAAN_", hide_input_in_errors=True)

    spool_file: Path
