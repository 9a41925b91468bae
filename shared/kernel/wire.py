"""What a stranger may write into the properties of a message.

The guarantee of this file: no property that the broker lets through can break our connection. The decoder of the AMQP
library raises for text that is not UTF-8 and for instants beyond the calendar; the broker checks neither. The
connection would end, the message would come again, and nothing behind it would ever be read.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from typing import Any

from pamqp import decode

_EPOCH = datetime.fromtimestamp(0, UTC)


def install() -> None:
    """Read properties as what they are, or else as something harmless. May be called again."""
    readers: dict[str, Any] = decode.METHODS
    readers["shortstr"], readers["timestamp"], readers["table"] = _text, _instant, _table


def _text(value: bytes) -> tuple[int, str]:
    end = 1 + value[0]
    return end, value[1:end].decode(errors="replace")


def _instant(value: bytes) -> tuple[int, datetime]:
    try:
        return decode.timestamp(value)
    except (ValueError, OverflowError, OSError):
        return 8, _EPOCH


def _table(value: bytes) -> tuple[int, Any]:
    """Headers; of those that cannot be read there are none."""
    try:
        return decode.field_table(value)
    except (ValueError, OSError, ArithmeticError, LookupError, RecursionError, struct.error):
        return 4 + int.from_bytes(value[:4], "big"), {}
