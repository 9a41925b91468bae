"""What every contestant is told, through one environment variable."""

from __future__ import annotations

import os
from base64 import b64encode
from pathlib import Path

from pydantic import BaseModel

VARIABLE = "BENCHMARK_CONTESTANT"


class Output(BaseModel):
    """A message that a registry hop really sent, for one input: where to, and how many bytes."""

    exchange: str
    key: str
    type: str
    size: int

    def body(self) -> bytes:
        """As many bytes that no compression makes smaller."""
        return b64encode(os.urandom(self.size))[: self.size]


class Settings(BaseModel):
    """``outputs`` are sent for each input, after a POST to ``post_url`` where there is one; ``concurrency`` counts
    handlers, threads or requests where there is a choice."""

    amqp_url: str
    queue: str
    prefetch: int
    window: int
    outputs: tuple[Output, ...] = ()
    mongo_url: str = ""
    mongo_database: str = ""
    key_file: Path = Path()
    concurrency: int = 1
    pool: str = ""
    post_url: str = ""

    def as_environment(self) -> dict[str, str]:
        return {VARIABLE: self.model_dump_json()}


def load() -> Settings:
    return Settings.model_validate_json(os.environ[VARIABLE])
