"""The door on a real broker, where no service runs: what happens when nobody answers, and when others read along."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aio_pika
import pytest
from typer.testing import CliRunner

from deploy.local.world import World
from services.cli import parcels
from services.cli.client import IN_FLIGHT, Door, Intake, opened, pending_replies
from services.cli.connection import Address, find
from services.cli.events import history
from services.cli.exits import CliError, Exit
from services.cli.main import app
from tests.services.cli import sheets
from tests.support import PATIENCE_SECONDS, until

pytestmark = pytest.mark.servers

MEDAN, SIANTAR = "dinkop-medan", "dinkop-siantar"


def address(world: World, account: str = MEDAN) -> Address:
    return find(account, {"BINAAN_AMQP_URL": world.amqp_url})


class Broker:
    """What a test does to the broker beside the door: look at queues, put replies and events into them."""

    def __init__(self, world: World, channel: aio_pika.abc.AbstractChannel) -> None:
        self.world = world
        self.channel = channel

    async def waiting(self, queue: str) -> int:
        """Messages ready in a queue."""
        found = await self.channel.declare_queue(queue, passive=True)
        return found.declaration_result.message_count or 0

    async def publish(self, exchange: str, key: str, envelope: dict[str, Any]) -> None:
        made = aio_pika.Message(
            json.dumps(envelope).encode(), message_id=envelope["id"], delivery_mode=aio_pika.DeliveryMode.PERSISTENT
        )
        await (await self.channel.get_exchange(exchange, ensure=False)).publish(made, key)

    async def reply(self, account: str, intake_id: str, name: str = "r") -> None:
        """What a service would answer to an intake message."""
        data = {"intake_id": intake_id, "intake_type": None, "result": {"outcome": "created"}}
        envelope = {"id": f"{name}-{intake_id}", "type": "id.binaan.registry.reply.accepted.v1", "data": data}
        await self.publish("binaan.replies", f"{account}.accepted", envelope)

    async def take(self, queue: str) -> dict[str, Any]:
        found = await (await self.channel.get_queue(queue, ensure=False)).get()
        await found.ack()
        envelope: dict[str, Any] = json.loads(found.body)
        return envelope

    async def close_connections_of(self, account: str) -> None:
        """As a broker does that is stopped by its operator."""
        with self.world.management() as management:

            def found() -> list[str]:
                everyone = management.get("connections")
                return [one["name"] for one in everyone if one["user"] == account and one["vhost"] == self.world.vhost]

            for name in await until(found, what="the connection's appearance in the management"):
                management.delete("connections", name)


@pytest.fixture
async def broker(world: World) -> AsyncIterator[Broker]:
    """With empty queues."""
    connection = await aio_pika.connect(world.amqp_url)
    async with connection:
        channel = await connection.channel()
        for queue in (f"{MEDAN}.replies", f"{SIANTAR}.replies", "registry.intake", "binaan.unrouted"):
            await (await channel.get_queue(queue, ensure=False)).purge()
        yield Broker(world, channel)


def intake(number: int = 0) -> Intake:
    return Intake(f"i-{number}", "registry.business.report", {"business": {}}, time="2026-01-05T09:30:00+07:00")


async def answers(door: Door, count: int) -> dict[str, str | None]:
    """Converse; which messages were answered, and how."""
    return {
        one.id: reply.verb if reply else None async for one, reply in door.converse(intake(n) for n in range(count))
    }


# -- sending -----------------------------------------------------------------------------------------------------------


async def test_a_message_goes_out_as_the_contract_says(world: World, broker: Broker) -> None:
    """Structured CloudEvents, persistent, with the account that the broker can vouch for."""
    async with opened(address(world), patience=0.2) as door:
        with pytest.raises(CliError) as caught:
            await door.ask(intake())
    assert caught.value.code == Exit.NO_REPLY
    assert door.confirmed == 1
    found = await (await broker.channel.get_queue("registry.intake", ensure=False)).get()
    await found.ack()
    assert found.content_type == "application/cloudevents+json"
    assert found.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert (found.user_id, found.message_id, found.routing_key) == (MEDAN, "i-0", "registry.business.report")
    assert json.loads(found.body) == {
        "specversion": "1.0",
        "id": "i-0",
        "source": f"/agency/{MEDAN}",
        "type": "id.binaan.registry.business.report.v1",
        "time": "2026-01-05T09:30:00+07:00",
        "datacontenttype": "application/json",
        "data": {"business": {}},
    }


async def test_no_more_than_a_bounded_number_waits_for_replies(world: World, broker: Broker) -> None:
    """A file of 40,000 rows must neither fill the memory nor the queue of a service that is slow."""
    async with opened(address(world), patience=5) as door:
        assert await answers(door, IN_FLIGHT + 100) == {f"i-{number}": None for number in range(IN_FLIGHT)}
        assert door.confirmed == IN_FLIGHT
    assert await broker.waiting("registry.intake") == IN_FLIGHT


async def test_every_message_is_given_its_own_reply_in_whatever_order_they_come(world: World, broker: Broker) -> None:
    async with opened(address(world), patience=10) as door:
        asking = asyncio.create_task(answers(door, 50))
        await until(lambda: door.confirmed == 50)
        for number in reversed(range(50)):
            await broker.reply(MEDAN, f"i-{number}")
        assert await asking == {f"i-{number}": "accepted" for number in range(50)}
    assert await broker.waiting(f"{MEDAN}.replies") == 0


async def test_a_reply_delivered_twice_counts_once_and_is_taken_away(world: World, broker: Broker) -> None:
    """Contract, "Replies": possibly delivered more than once."""
    async with opened(address(world), patience=10) as door:
        asking = asyncio.create_task(door.ask(intake()))
        await until(lambda: door.confirmed == 1)
        await broker.reply(MEDAN, "i-0")
        await asking
        await broker.reply(MEDAN, "i-0")
        more = asyncio.create_task(door.ask(intake(1)))
        await broker.reply(MEDAN, "i-1")
        await more
        assert door.answered == 2
    assert await broker.waiting(f"{MEDAN}.replies") == 0


# -- one queue, several programs ---------------------------------------------------------------------------------------


async def test_a_reply_of_another_program_is_given_back(world: World, broker: Broker) -> None:
    """The office's own system shares the queue; its replies must be there when it asks for them."""
    await broker.reply(MEDAN, "of-another")
    async with opened(address(world), patience=10) as door:
        asking = asyncio.create_task(door.ask(intake()))
        await until(lambda: door.confirmed == 1)
        await broker.reply(MEDAN, "i-0")
        await asking
    await until(lambda: broker.waiting(f"{MEDAN}.replies"), what="the other's reply, back in the queue")
    assert (await broker.take(f"{MEDAN}.replies"))["data"]["intake_id"] == "of-another"


async def test_replies_of_others_do_not_keep_ours_from_being_seen(world: World, broker: Broker) -> None:
    """A backlog that nobody fetches stands before ours in the queue."""
    for number in range(300):
        await broker.reply(MEDAN, f"of-another-{number}")
    async with opened(address(world), patience=10) as door:
        asking = asyncio.create_task(door.ask(intake()))
        await broker.reply(MEDAN, "i-0")
        assert (await asking).verb == "accepted"

    async def all_back() -> bool:
        return await broker.waiting(f"{MEDAN}.replies") == 300

    await until(all_back, what="all 300, back in the queue")


async def test_a_reply_of_another_program_does_not_go_round_in_circles(world: World, broker: Broker) -> None:
    """Handing it back at once would bring it back at once: thousands of times a second, until the limit drops it."""
    async with opened(address(world), patience=1.2) as door:
        await broker.reply(MEDAN, "of-another")
        with pytest.raises(CliError):
            await door.ask(intake())
    found = await (await broker.channel.get_queue(f"{MEDAN}.replies", ensure=False)).get(timeout=PATIENCE_SECONDS)
    assert int(str((found.headers or {}).get("x-delivery-count", 0))) <= 20
    await found.ack()


async def test_two_commands_at_once_both_get_their_replies(world: World, broker: Broker) -> None:
    """The broker deals a queue's messages out in turns, so each is given half of the other's replies."""

    async def ask(start: int, door: Door) -> int:
        mine = (intake(n) for n in range(start, start + 20))
        return len([1 async for _, reply in door.converse(mine) if reply])

    async with opened(address(world), patience=20) as one, opened(address(world), patience=20) as other:
        asking = [asyncio.create_task(ask(0, one)), asyncio.create_task(ask(100, other))]
        await until(lambda: one.confirmed == other.confirmed == 20)
        for number in (*range(20), *range(100, 120)):
            await broker.reply(MEDAN, f"i-{number}")
        assert await asyncio.gather(*asking) == [20, 20]


async def test_what_is_no_reply_is_left_in_the_queue(world: World, broker: Broker) -> None:
    await broker.publish("binaan.replies", f"{MEDAN}.accepted", {"id": "x", "type": "y"})
    async with opened(address(world), patience=0.3) as door:
        with pytest.raises(CliError):
            await door.ask(intake())
    await until(lambda: broker.waiting(f"{MEDAN}.replies"))


async def test_waiting_replies_can_be_taken(world: World, broker: Broker) -> None:
    await broker.reply(MEDAN, "late")
    assert [one.data["intake_id"] async for one in pending_replies(address(world))] == ["late"]
    assert await broker.waiting(f"{MEDAN}.replies") == 0


async def test_the_command_replies_prints_what_was_waiting(world: World, broker: Broker) -> None:
    """A machine that died before it fetched them; they are kept seven days."""
    await broker.reply(MEDAN, "late")
    env = {"BINAAN_AMQP_URL": world.amqp_url}
    shown = await asyncio.to_thread(CliRunner().invoke, app, ["replies", "--as", MEDAN], env=env)
    assert (shown.exit_code, shown.stdout.split()[:2]) == (Exit.DONE, ["accepted", "late"])
    again = await asyncio.to_thread(CliRunner().invoke, app, ["replies", "--as", MEDAN], env=env)
    assert (again.exit_code, again.stdout) == (Exit.DONE, "")


# -- when the broker says no or goes away ------------------------------------------------------------------------------


async def test_a_broker_that_goes_away_ends_it_at_once(world: World, broker: Broker) -> None:
    """Not after a minute of patience: the office must know that it has to start again, and that it may."""
    async with opened(address(world), patience=60) as door:
        asking = asyncio.create_task(door.ask(intake()))
        await until(lambda: door.confirmed == 1)
        await broker.close_connections_of(MEDAN)
        async with asyncio.timeout(50):
            with pytest.raises(CliError, match="again is safe") as caught:
                await asking
    assert caught.value.code == Exit.UNREACHABLE


@pytest.mark.parametrize(
    ("account", "password", "said"),
    [(MEDAN, "wrong", "does not let dinkop-medan in"), ("nobody-at-all", "x", "does not let nobody-at-all in")],
)
async def test_a_wrong_password_is_said(world: World, account: str, password: str, said: str) -> None:
    where = find(account, {"BINAAN_AMQP_URL": world.amqp_url, "BINAAN_PASSWORD": password})
    with pytest.raises(CliError, match=said) as caught:
        async with opened(where):
            pass
    assert caught.value.code == Exit.UNREACHABLE


async def test_a_virtual_host_that_is_not_there_is_said(world: World) -> None:
    where = find(MEDAN, {"BINAAN_AMQP_URL": f"{world.amqp_url}-not"})
    with pytest.raises(CliError) as caught:
        async with opened(where):
            pass
    assert caught.value.code == Exit.UNREACHABLE


async def test_an_account_without_a_queue_is_said(world: World) -> None:
    """`kemenumkm` is a subscriber; an account of ours that no one has given a queue of replies is another."""
    where = Address("none", "here", world.amqp_url)
    with pytest.raises(CliError, match=r"There is no queue none\.replies"):
        async with opened(where):
            pass


# -- events ------------------------------------------------------------------------------------------------------------


async def test_the_history_is_read_from_its_start_and_by_many(world: World, broker: Broker) -> None:
    """A stream takes nothing away from anybody, however often it is read."""
    for number in range(3):
        event = {"id": f"e-{number}", "type": "id.binaan.registry.business.recorded.v1", "region": "12.71", "data": {}}
        await broker.publish("binaan.events", "registry.business.recorded.12.71", event)

    async def first_three() -> list[str]:
        found: list[str] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for event in history(address(world, "kemenumkm"), "first"):
                found.append(str(event.envelope["id"]))
                if len(found) == 3:
                    break
        return found

    assert await first_three() == await first_three() == ["e-0", "e-1", "e-2"]


async def test_an_account_that_may_not_see_all_events_is_refused_the_history(world: World) -> None:
    with pytest.raises(CliError, match=r"may not read binaan\.history") as caught:
        async for _ in history(address(world, MEDAN), "first"):
            pass
    assert caught.value.code == Exit.UNREACHABLE


# -- commands ----------------------------------------------------------------------------------------------------------


def test_tail_ends_with_four_when_too_little_comes_in_time(world: World) -> None:
    ended = CliRunner().invoke(
        app, ["tail", "--count", "1", "--timeout", "0.5"], env={"BINAAN_AMQP_URL": world.amqp_url}
    )
    assert ended.exit_code == Exit.NO_REPLY
    assert "Listening" in ended.stderr


def test_an_import_that_nobody_answers_gives_the_sheet_back_and_ends_with_four(world: World, tmp_path: Any) -> None:
    """What was confirmed will be handled; the same command fetches the results later."""
    path = sheets.write(tmp_path / "umkm.csv", [sheets.row(1), sheets.row(2)])
    ended = CliRunner().invoke(
        app, ["import", str(path), "--as", MEDAN, "--patience", "0.5"], env={"BINAAN_AMQP_URL": world.amqp_url}
    )
    assert ended.exit_code == Exit.NO_REPLY
    assert [row["Hasil"] for row in sheets.read(tmp_path / "umkm.hasil.csv")] == ["belum dijawab"] * 2


@pytest.mark.parametrize(
    ("rows", "sent"), [(IN_FLIGHT + 40, IN_FLIGHT), (1540, parcels.IN_FLIGHT * parcels.ROWS)], ids=["singly", "packed"]
)
def test_of_a_row_that_was_never_sent_nothing_else_is_said(world: World, tmp_path: Any, rows: int, sent: int) -> None:
    """Nobody answers and the rest is kept back: an office that reads that all is in the queue would not run it again.

    The last row says what the first says, which has gone out.
    """
    path = sheets.write(tmp_path / "umkm.csv", [*map(sheets.row, range(rows)), sheets.row(0)])
    ended = CliRunner().invoke(
        app, ["import", str(path), "--as", MEDAN, "--patience", "2"], env={"BINAAN_AMQP_URL": world.amqp_url}
    )
    assert ended.exit_code == Exit.NO_REPLY
    assert "not sent yet" in ended.stdout
    *found, last = sheets.read(tmp_path / "umkm.hasil.csv")
    assert [row["Hasil"] for row in found] == ["belum dijawab"] * sent + ["belum dikirim"] * (rows - sent)
    assert {row["Keterangan"] for row in found[sent:]} == {
        "Baris ini belum dikirim; jalankan perintah yang sama lagi untuk mengirimnya."
    }
    assert last["Hasil"] == "belum dijawab"
