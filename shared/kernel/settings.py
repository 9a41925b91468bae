"""What a service is told by its environment, and refuses to start without."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read from ``BINAAN_…`` variables. Addresses hold passwords: they are never logged."""

    # Pydantic shows what it was given when something is missing.
    model_config = SettingsConfigDict(env_prefix="BINAAN_", hide_input_in_errors=True)

    amqp_url: str
    mongo_url: str
    mongo_database: str
    key_file: Path
    mongo_driver: Literal["pymongo", "motor"] = "pymongo"
    management_url: str | None = None
    """RabbitMQ's management API as this service's own account: without it bindings cannot be checked."""
    http_host: str = "127.0.0.1"
    http_port: int = 8000
    log_format: Literal["json", "console"] | None = None
    """Console on a terminal, JSON otherwise, unless said here."""
