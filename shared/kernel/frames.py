"""Publishing in bulk.

The guarantee of this file: many messages go to the broker in one write, each with the very bytes the AMQP library would
have written for it, and each confirm is awaited as the library awaits its own. One call of the library for each message
costs more processor time than all that decides on it (docs/decisions/0011).
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from aiormq import Channel
from aiormq.abc import ChannelFrame
from pamqp.commands import Basic

_METHOD, _HEADER, _BODY, _END = 1, 2, 3, b"\xce"
_FRAME = struct.Struct(">BHI")
_PUBLISH = struct.pack(">IH", Basic.Publish.index, 0)
_CONTENT = struct.Struct(">HHQH")
_FLAGS = 0b1011_0100_1110_1000
"""Which properties there are, in the order of the protocol: content_type, headers, delivery_mode, correlation_id,
message_id, timestamp, type, app_id; and user_id, before the last, where the broker is to vouch for the sender."""
_VOUCHED = 0b1_0000
_PERSISTENT = b"\x02"
_MAX_SHORT = 255


@dataclass(frozen=True, slots=True)
class Publication:
    """One persistent message. Texts that go into AMQP properties have at most 255 bytes of UTF-8."""

    exchange: str
    routing_key: str
    body: bytes
    content_type: str
    region: str
    """The only header."""
    correlation_id: str
    message_id: str
    message_type: str
    app_id: str
    timestamp: datetime
    user_id: str | None = None


def encode(one: Publication, channel: int, max_body: int) -> bytes:
    """The frames of one message: method, header, and as many bodies as it takes. Raises ``ValueError`` for a text that
    is too long."""
    method = _PUBLISH + _short(one.exchange) + _short(one.routing_key) + b"\0"
    frames = [_frame(_METHOD, channel, method), _frame(_HEADER, channel, _header(one))]
    step = max_body if max_body > 0 else len(one.body) or 1  # 0: the server sets no bound
    frames += [_frame(_BODY, channel, one.body[at : at + step]) for at in range(0, len(one.body), step)]
    return b"".join(frames)


def _header(one: Publication) -> bytes:
    region = one.region.encode()
    headers = b"\x06regionS" + len(region).to_bytes(4, "big") + region
    return b"".join(
        (
            _CONTENT.pack(Basic.frame_id, 0, len(one.body), _FLAGS | (_VOUCHED if one.user_id else 0)),
            _short(one.content_type),
            len(headers).to_bytes(4, "big"),
            headers,
            _PERSISTENT,
            _short(one.correlation_id),
            _short(one.message_id),
            int(one.timestamp.timestamp()).to_bytes(8, "big"),
            _short(one.message_type),
            _short(one.user_id) if one.user_id else b"",
            _short(one.app_id),
        )
    )


def _short(text: str) -> bytes:
    encoded = text.encode()
    if len(encoded) > _MAX_SHORT:
        raise ValueError("a text of more than 255 bytes in an AMQP property")
    return bytes((len(encoded),)) + encoded


def _frame(kind: int, channel: int, payload: bytes) -> bytes:
    return _FRAME.pack(kind, channel, len(payload)) + payload + _END


async def publish(channel: Channel, messages: Sequence[Publication]) -> list[BaseException | None]:
    """Publish all with one write and wait for every confirm: None where the broker has it, else the error.

    Raises ``ConnectionError`` when the channel is closed before anything is sent.
    """
    async with channel.lock:
        if channel.is_closed:
            raise ConnectionError("the channel is closed")
        encoded = [_encoded(one, channel) for one in messages]
        frames = [one for one in encoded if isinstance(one, bytes)]
        before = channel.delivery_tag
        confirms = {before + number: channel.create_future() for number in range(1, len(frames) + 1)}
        channel.delivery_tag += len(frames)
        channel.confirmations.update(confirms)
        try:
            await channel.write_queue.put(ChannelFrame(b"".join(frames), should_close=False))
        except BaseException:
            channel.delivery_tag = before  # the broker has not seen them: their numbers are free again
            for tag, confirm in confirms.items():
                channel.confirmations.pop(tag, None)
                confirm.cancel()
            raise
    results = iter(await asyncio.gather(*confirms.values(), return_exceptions=True))
    outcomes = (next(results) if isinstance(one, bytes) else one for one in encoded)
    return [outcome if isinstance(outcome, BaseException) else None for outcome in outcomes]


def _encoded(one: Publication, channel: Channel) -> bytes | Exception:
    """Its frames; what cannot be a message fails alone."""
    try:
        return encode(one, channel.number, channel.max_content_size)
    except (ValueError, OverflowError) as error:
        return error
