"""Accounts of agencies and integrators at the broker: what they may send, how they are closed, what is found."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError
from aiormq.exceptions import ChannelAccessRefused
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.world import World
from deploy.rabbitmq.accounts import (
    Account,
    Found,
    accounts,
    add_account,
    close_account,
    end_connections,
    is_operator,
    keys_allowed,
    new_password,
    remove_account,
    reopen_account,
)
from deploy.rabbitmq.management import Management
from shared.contracts.authority import matches

servers = pytest.mark.servers

WORD = st.sampled_from(["registry", "business", "report", "a", "b"])


# --- keys as one expression -------------------------------------------------------------------------------------------


@given(
    patterns=st.lists(st.lists(st.one_of(WORD, st.sampled_from("*#")), min_size=1, max_size=5), min_size=1, max_size=3),
    words=st.lists(WORD, min_size=1, max_size=5),
)
def test_the_broker_allows_the_keys_that_a_binding_would_match(patterns: list[list[str]], words: list[str]) -> None:
    """What is permitted is written as for a binding and must mean the same at the broker's door."""
    sends, key = [".".join(one) for one in patterns], ".".join(words)
    expression = keys_allowed(sends)
    assert expression is not None
    assert bool(re.search(expression, key)) is any(matches(pattern, key) for pattern in sends)


@pytest.mark.parametrize("key", ["registryxbusinessxreport", "registry.business.report.", "xregistry.business.report"])
def test_a_dot_is_a_dot_and_nothing_stands_before_or_after(key: str) -> None:
    expression = keys_allowed(["registry.business.report"])
    assert expression is not None
    assert re.search(expression, "registry.business.report")
    assert not re.search(expression, key)


def test_who_may_send_nothing_and_who_may_send_whatever_is_taken_have_no_expression() -> None:
    """The first may not write to the exchange at all, and the second is left to the services."""
    assert keys_allowed(()) is keys_allowed(None) is None


def test_passwords_are_long_and_need_no_quoting() -> None:
    """They are pasted into URLs and shells."""
    made = {new_password() for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}", one) for one in made)


# --- at the broker ----------------------------------------------------------------------------------------------------


@pytest.fixture
def management(world: World) -> Iterator[Management]:
    with world.management() as made:
        yield made


def bring(management: Management, world: World, account: Account) -> None:
    """As the command line does, with the name as password."""
    bindings, history, sends = account.events_bindings, account.history, account.sends
    add_account(
        management, world.vhost, account.name, account.name, events_bindings=bindings, history=history, sends=sends
    )


@asynccontextmanager
async def connected(world: World, name: str) -> AsyncIterator[AbstractConnection]:
    connection = await aio_pika.connect(world.amqp_url_of(name))
    try:
        yield connection
    finally:
        if not connection.is_closed:
            await connection.close()


def told_of_its_end(connection: AbstractConnection) -> asyncio.Event:
    """Set when the broker has ended the connection."""
    ended = asyncio.Event()
    connection.close_callbacks.add(lambda *_: ended.set())
    return ended


async def publish(channel: AbstractChannel, name: str, key: str, exchange: str = "binaan.intake") -> None:
    target = await channel.get_exchange(exchange, ensure=False)
    await target.publish(aio_pika.Message(b"{}", user_id=name, delivery_mode=2), key)


@servers
async def test_an_account_sends_the_keys_it_was_given(world: World, management: Management) -> None:
    """And no other: neither another type, nor one that no service owns."""
    bring(management, world, Account("dinas-uji", sends=("registry.business.*", "aid.programme.open")))
    async with connected(world, "dinas-uji") as connection:
        allowed = await connection.channel()
        await publish(allowed, "dinas-uji", "registry.business.report")
        await publish(allowed, "dinas-uji", "aid.programme.open")
        for key in ("registry.agency.register", "aid.programme.close", "registry.business", "regsitry.business.report"):
            channel = await connection.channel()
            with pytest.raises(ChannelAccessRefused):
                await publish(channel, "dinas-uji", key)


@servers
async def test_a_reader_sends_nothing(world: World, management: Management) -> None:
    bring(management, world, Account("pembaca-uji", ("#.00",), sends=()))
    async with connected(world, "pembaca-uji") as connection:
        for exchange in ("binaan.intake", "binaan.events", ""):
            channel = await connection.channel()
            with pytest.raises(ChannelAccessRefused):
                await publish(channel, "pembaca-uji", "registry.business.report", exchange)


@servers
async def test_a_closed_account_is_out_at_once_and_stays_out(world: World, management: Management) -> None:
    """Its connections end, new ones are refused; opened again it is as it was, with its password and its queues."""
    bring(management, world, Account("bocor-uji", sends=("registry.business.*",)))
    connection = await aio_pika.connect(world.amqp_url_of("bocor-uji"))
    channel, ended = await connection.channel(), told_of_its_end(connection)
    close_account(management, "bocor-uji")
    await asyncio.wait_for(ended.wait(), 30)
    with pytest.raises((AMQPError, ChannelInvalidStateError)):
        await publish(channel, "bocor-uji", "registry.business.report")
    with pytest.raises(AMQPError):
        await aio_pika.connect(world.amqp_url_of("bocor-uji"))
    assert accounts(management, world.vhost)["bocor-uji"].closed
    reopen_account(management, "bocor-uji")
    async with connected(world, "bocor-uji") as again:
        await publish(await again.channel(), "bocor-uji", "registry.business.report")


@servers
async def test_ended_connections_may_come_back(world: World, management: Management) -> None:
    """Rights that were taken hold for a channel that was open before, too: it is gone."""
    bring(management, world, Account("susut-uji", sends=("registry.business.*",)))
    connection = await aio_pika.connect(world.amqp_url_of("susut-uji"))
    ended = told_of_its_end(connection)
    await publish(await connection.channel(), "susut-uji", "registry.business.report")
    bring(management, world, Account("susut-uji", sends=("registry.official.*",)))
    end_connections(management, "susut-uji")
    await asyncio.wait_for(ended.wait(), 30)
    async with connected(world, "susut-uji") as again:
        channel = await again.channel()
        with pytest.raises(ChannelAccessRefused):
            await publish(channel, "susut-uji", "registry.business.report")


@servers
@pytest.mark.parametrize(
    "account",
    [
        Account("temu-uji", ("#",), history=True, sends=()),
        Account("temu-uji", ("registry.business.*.12.#", "#.00"), sends=("registry.business.*", "aid.#")),
        Account("temu-uji", sends=("#",)),
        Account("temu-uji"),
    ],
    ids=["reader", "agency", "agency that may send all", "demo"],
)
def test_what_is_found_is_what_was_made(world: World, management: Management, account: Account) -> None:
    """So that running it again changes nothing, and anything else is seen."""
    bring(management, world, account)
    found = accounts(management, world.vhost)["temu-uji"]
    assert found.has(account)
    assert not found.closed
    for other in (
        Account("temu-uji", ("aid.#",), account.history, account.sends),
        Account("temu-uji", account.events_bindings, not account.history, account.sends),
        Account("temu-uji", account.events_bindings, account.history, ("notify.#",)),
    ):
        assert not found.has(other)
    assert found.may_as(Account("temu-uji", ("aid.#",), account.history, account.sends))


@servers
def test_our_own_accounts_are_not_among_those_found(world: World, management: Management) -> None:
    found = accounts(management, world.vhost)
    assert found.keys() & {"binaan", "registry", "aid", "notify"} == set()
    assert found["kemenumkm"] == Found("kemenumkm", ("#",), history=True, may_send=True)


@servers
def test_a_removed_account_leaves_nothing(world: World, management: Management) -> None:
    """Neither a login nor a queue that fills up for nobody."""
    bring(management, world, Account("hapus-uji", ("#.00",), sends=()))
    remove_account(management, world.vhost, "hapus-uji")
    assert not management.exists("users", "hapus-uji")
    assert not management.exists("queues", world.vhost, "hapus-uji.events")
    assert not management.exists("queues", world.vhost, "hapus-uji.replies")
    assert "hapus-uji" not in accounts(management, world.vhost)


@servers
def test_who_runs_the_broker_is_known_by_a_tag(world: World, management: Management) -> None:
    """An account must not take over somebody's login and its rights with it."""
    assert is_operator(management, "binaan")
    assert not is_operator(management, "dinkop-medan")
    assert not is_operator(management, "nobody-uji")
