"""Frames written in bulk are those that the AMQP library writes one by one."""

from __future__ import annotations

from datetime import UTC, datetime

import pamqp.frame
import pytest
from aiormq.abc import ChannelFrame
from hypothesis import given
from hypothesis import strategies as st
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from shared.kernel.frames import Publication, encode

short = st.text(min_size=1, max_size=60)
publications = st.builds(
    Publication,
    exchange=st.sampled_from(("binaan.events", "binaan.replies")),
    routing_key=st.from_regex(r"[a-z]{1,20}(\.[a-z0-9]{1,20}){0,4}", fullmatch=True),
    body=st.binary(max_size=2000),
    content_type=short,
    region=short,
    correlation_id=short,
    message_id=short,
    message_type=short,
    app_id=short,
    timestamp=st.integers(1, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
)


def by_the_library(one: Publication, channel: int, max_body: int) -> bytes:
    properties = Basic.Properties(
        content_type=one.content_type,
        headers={"region": one.region},
        delivery_mode=2,
        correlation_id=one.correlation_id,
        message_id=one.message_id,
        timestamp=one.timestamp,
        message_type=one.message_type,
        app_id=one.app_id,
    )
    parts = [one.body[at : at + max_body] for at in range(0, len(one.body), max_body)]
    method = Basic.Publish(exchange=one.exchange, routing_key=one.routing_key)
    header = ContentHeader(properties=properties, body_size=len(one.body))
    return ChannelFrame.marshall(channel, [method, header, *map(ContentBody, parts)]).payload


@given(publications, st.integers(1, 65535), st.integers(1, 700))
def test_the_bytes_are_those_of_the_library(one: Publication, channel: int, max_body: int) -> None:
    """Whatever the broker and other clients understand of the library's messages, they understand of ours."""
    assert encode(one, channel, max_body) == by_the_library(one, channel, max_body)


@given(publications)
def test_they_can_be_read_back(one: Publication) -> None:
    """The first frame is a publish, the second says how long the body is."""
    data = encode(one, 7, 1 << 17)
    length, channel, method = pamqp.frame.unmarshal(data)
    _, _, header = pamqp.frame.unmarshal(data[length:])
    assert isinstance(method, Basic.Publish)
    assert isinstance(header, ContentHeader)
    assert (channel, method.exchange, header.body_size) == (7, one.exchange, len(one.body))


def test_a_text_that_does_not_fit_is_refused() -> None:
    """Its length has one byte; cut without a word it would break the frames that follow."""
    long = Publication("e", "k", b"", "c", "12", "x" * 256, "m", "t", "a", datetime.now(UTC))
    with pytest.raises(ValueError, match="255"):
        encode(long, 1, 1 << 17)
