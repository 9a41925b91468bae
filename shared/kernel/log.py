"""Logs for machines (JSON) or for a person at a terminal, with what is being handled bound to every line.

Nothing personal is ever logged: an exception is named by its type and place, since its text may repeat a value.
"""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any, Literal

import structlog


def configure(service: str, log_format: Literal["json", "console"] | None) -> None:
    """Set up structlog for one process; other libraries speak from warnings on, through the same door."""
    console = log_format == "console" or (log_format is None and sys.stderr.isatty())
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _without_values], processors=[_strip_meta, render]
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    for noisy in ("aio_pika", "aiormq"):
        # They tell every failed attempt to reconnect; the kernel says once that the broker is gone.
        logging.getLogger(noisy).setLevel(logging.CRITICAL)


def _strip_meta(logger: Any, name: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    return structlog.stdlib.ProcessorFormatter.remove_processors_meta(logger, name, event)


def _without_values(_logger: Any, _name: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """A library's traceback may print what it was given; the place of the error is enough."""
    failure = event.pop("exc_info", None)
    if isinstance(failure, tuple):
        failure = failure[1]
    if isinstance(failure, BaseException):
        event.update(describe(failure))
    return event


def describe(error: BaseException) -> dict[str, Any]:
    """An error as it may be logged and stored: its type and where it was raised, none of its values."""
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "error": type(error).__name__,
        "at": [f"{frame.filename.rsplit('/', 3)[-1]}:{frame.lineno} {frame.name}" for frame in frames[-4:]],
    }
