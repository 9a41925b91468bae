"""What an account may do on the broker, and all that it must not be able to do (docs/contract.md, "Accounts")."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aio_pika
import aiormq
import httpx
import pytest
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import ChannelAccessRefused, ChannelPreconditionFailed, DeliveryError

from deploy.local.processes import wait_until
from deploy.local.servers import Servers
from deploy.local.world import World
from deploy.rabbitmq.accounts import RESERVED, SERVICES, add_account, set_user
from deploy.rabbitmq.management import ProvisionError
from tests.support import PATIENCE_SECONDS

pytestmark = pytest.mark.servers

AGENCY = "dinkop-medan"
OTHER = "dinkop-siantar"
MINISTRY = "kemenumkm"

Action = Callable[[AbstractChannel], Awaitable[Any]]


@asynccontextmanager
async def channel_of(world: World, account: str) -> AsyncIterator[AbstractChannel]:
    connection = await aio_pika.connect(world.amqp_url_of(account))
    try:
        yield await connection.channel()
    finally:
        await connection.close()


def message(user_id: str | None = AGENCY, **properties: Any) -> aio_pika.Message:
    return aio_pika.Message(b"{}", delivery_mode=2, user_id=user_id, **properties)


async def publish(channel: AbstractChannel, exchange: str, key: str, user_id: str | None = AGENCY) -> None:
    """Publish with a confirm; a return or a refusal raises."""
    target = await channel.get_exchange(exchange, ensure=False)
    await target.publish(message(user_id), key, mandatory=True)


async def take(channel: AbstractChannel, queue: str) -> aio_pika.abc.AbstractIncomingMessage:
    """The next message of a queue, by a consumer."""
    arrived: asyncio.Future[aio_pika.abc.AbstractIncomingMessage] = asyncio.get_running_loop().create_future()

    async def on_message(incoming: aio_pika.abc.AbstractIncomingMessage) -> None:
        await incoming.ack()
        if not arrived.done():
            arrived.set_result(incoming)

    await channel.set_qos(prefetch_count=1)
    source = await channel.get_queue(queue, ensure=False)
    tag = await source.consume(on_message)
    try:
        return await asyncio.wait_for(arrived, PATIENCE_SECONDS)
    finally:
        await source.cancel(tag)


def declare_queue(name: str, **options: Any) -> Action:
    return lambda channel: channel.declare_queue(name, **options)


def declare_exchange(name: str) -> Action:
    return lambda channel: channel.declare_exchange(name, "topic", durable=True)


def bind(queue: str, exchange: str, key: str) -> Action:
    async def action(channel: AbstractChannel) -> None:
        target = await channel.get_queue(queue, ensure=False)
        await target.bind(exchange, key)

    return action


def unbind(queue: str, exchange: str, key: str) -> Action:
    async def action(channel: AbstractChannel) -> None:
        target = await channel.get_queue(queue, ensure=False)
        await target.unbind(exchange, key)

    return action


def bind_exchange(destination: str, source: str) -> Action:
    async def action(channel: AbstractChannel) -> None:
        target = await channel.get_exchange(destination, ensure=False)
        await target.bind(source, "#")

    return action


def publishing(exchange: str, key: str) -> Action:
    return lambda channel: publish(channel, exchange, key)


def consume(queue: str) -> Action:
    return lambda channel: take(channel, queue)


def get(queue: str) -> Action:
    async def action(channel: AbstractChannel) -> None:
        source = await channel.get_queue(queue, ensure=False)
        await source.get(fail=False)

    return action


def purge(queue: str) -> Action:
    async def action(channel: AbstractChannel) -> None:
        target = await channel.get_queue(queue, ensure=False)
        await target.purge()

    return action


def delete_queue(queue: str) -> Action:
    return lambda channel: channel.queue_delete(queue)


def delete_exchange(exchange: str) -> Action:
    return lambda channel: channel.exchange_delete(exchange)


FORBIDDEN: dict[str, Action] = {
    "declare a queue under its own name": declare_queue(f"{AGENCY}.more", durable=True),
    "declare a queue that blocks our publishers": declare_queue(
        f"{AGENCY}.full", arguments={"x-max-length": 0, "x-overflow": "reject-publish"}
    ),
    "declare a queue that dead-letters into intake": declare_queue(
        f"{AGENCY}.pump", arguments={"x-message-ttl": 0, "x-dead-letter-exchange": "binaan.intake"}
    ),
    "declare a queue named by the broker": declare_queue("", exclusive=True),
    "declare a foreign queue": declare_queue("registry.more"),
    "declare an exchange": declare_exchange(f"{AGENCY}.exchange"),
    "bind its own queue to all events": bind(f"{AGENCY}.replies", "binaan.events", "#"),
    "bind its own queue to another's replies": bind(f"{AGENCY}.replies", "binaan.replies", f"{OTHER}.*"),
    "bind its own queue to contacts": bind(f"{AGENCY}.replies", "binaan.contacts", "#"),
    "bind its own queue to intake": bind(f"{AGENCY}.replies", "binaan.intake", "#"),
    "unbind its own queue": unbind(f"{AGENCY}.replies", "binaan.replies", f"{AGENCY}.*"),
    "unbind a service's queue": unbind("registry.intake", "binaan.intake", "registry.#"),
    "bind intake to the events": bind_exchange("binaan.intake", "binaan.events"),
    "publish an event": publishing("binaan.events", "registry.business.designated.12.71"),
    "publish a reply": publishing("binaan.replies", f"{OTHER}.accepted"),
    "publish a contact": publishing("binaan.contacts", "registry.contact.changed"),
    "publish to the unrouted": publishing("binaan.unrouted", ""),
    "publish to the dead letters": publishing("binaan.dead", ""),
    "publish straight into a service's queue": publishing("", "registry.intake"),
    "publish straight into another's queue": publishing("", f"{OTHER}.replies"),
    "publish straight into its own queue": publishing("", f"{AGENCY}.replies"),
    "publish through the broker's own exchange": publishing("amq.topic", "registry.business.report"),
    "publish to the broker's log": publishing("amq.rabbitmq.log", "info"),
    "consume another's replies": consume(f"{OTHER}.replies"),
    "consume a service's intake": consume("registry.intake"),
    "consume the contacts": consume("notify.contacts"),
    "consume the dead letters": consume("binaan.dead"),
    "consume the history": consume("binaan.history"),
    "get from a service's intake": get("aid.intake"),
    "get from the history": get("binaan.history"),
    "purge another's replies": purge(f"{OTHER}.replies"),
    "purge a service's intake": purge("registry.intake"),
    "delete its own queue": delete_queue(f"{AGENCY}.replies"),
    "delete a service's queue": delete_queue("registry.intake"),
    "delete an exchange": delete_exchange("binaan.events"),
}


@pytest.mark.parametrize("name", FORBIDDEN)
async def test_outside_account_must_not(world: World, name: str) -> None:
    """The broker itself refuses (403), whatever our services would make of it."""
    async with channel_of(world, AGENCY) as channel:
        with pytest.raises(ChannelAccessRefused):
            await FORBIDDEN[name](channel)


async def test_forged_user_id_is_refused(world: World) -> None:
    """Who speaks is what the broker vouches for (406 to everybody else)."""
    async with channel_of(world, AGENCY) as channel:
        with pytest.raises(ChannelPreconditionFailed):
            await publish(channel, "binaan.intake", "registry.business.report", user_id=OTHER)


async def test_nobody_may_forge_a_user_id(world: World) -> None:
    """Neither a service nor the administrator may speak for an agency."""
    for account in ("notify", "binaan"):
        async with channel_of(world, account) as channel:
            with pytest.raises(ChannelPreconditionFailed):
                await publish(channel, "binaan.intake", "registry.consent.withdraw", user_id=AGENCY)


async def test_other_virtual_host_is_closed(world: World, servers: Servers) -> None:
    """An account has rights in one virtual host, and sees neither `/` nor another."""
    other = servers.world("closed", accounts=())
    try:
        for vhost in (other.vhost, "%2F"):
            url = world.amqp_url_of(AGENCY).rpartition("/")[0]
            # aiormq's words for a connection that the broker closes instead of opening the virtual host
            with pytest.raises(aiormq.exceptions.InvalidFrameError, match=r"Connection\.Close"):
                await aio_pika.connect(f"{url}/{vhost}")
    finally:
        other.remove()


async def test_wrong_password_is_refused(world: World) -> None:
    """A name alone opens nothing."""
    url = world.amqp_url_of(AGENCY).replace(f":{AGENCY}@", ":other@")
    with pytest.raises((aiormq.exceptions.AuthenticationError, aiormq.exceptions.ProbableAuthenticationError)):
        await aio_pika.connect(url)


def api_of(world: World, account: str) -> httpx.Client:
    """The management API as that account."""
    base = f"http://{world.management_url.rpartition('@')[2]}/api/"
    login = (account, world.password_of(account))
    # A busy broker is slow with this API, and drops connections that are kept open.
    once = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(base_url=base, auth=login, trust_env=False, timeout=60, limits=once)


@pytest.mark.parametrize("account", [AGENCY, MINISTRY])
def test_outside_account_has_no_management(world: World, account: str) -> None:
    """It neither reads nor changes anything by the HTTP API, not even what is its own."""
    with api_of(world, account) as api:
        for path in ("whoami", "overview", "queues", f"queues/{world.vhost}/{account}.replies", "definitions"):
            assert api.get(path).status_code == 401, path
        assert api.put("vhosts/mine", json={}).status_code == 401


@pytest.mark.parametrize("service", SERVICES)
def test_service_only_looks_by_management(world: World, service: str) -> None:
    """It sees whether its queues are bound, and can change nothing and read no message that is not its own."""
    foreign = "notify.intake" if service == "registry" else "registry.intake"
    fetch = {"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"}
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    with api_of(world, service) as api:
        assert api.get(f"queues/{world.vhost}/{service}.intake/bindings").status_code == 200
        refused = {
            "another virtual host": api.get("queues/%2F"),
            "accounts": api.get("users"),
            "definitions": api.get("definitions"),
            "a foreign message": api.post(f"queues/{world.vhost}/{foreign}/get", json=fetch),
            "deleting a queue": api.delete(f"queues/{world.vhost}/{foreign}"),
            "emptying a queue": api.delete(f"queues/{world.vhost}/{foreign}/contents"),
            "deleting a policy": api.delete(f"policies/{world.vhost}/work"),
            "more rights": api.put(f"permissions/{world.vhost}/{service}", json=everything),
            "more tags": api.put(f"users/{service}", json={"password": "other", "tags": "administrator"}),
            "a virtual host": api.put("vhosts/mine", json={}),
        }
    allowed = [what for what, answer in refused.items() if answer.status_code not in {400, 401, 403}]
    assert allowed == []


async def test_outside_account_publishes_intake_and_reads_its_replies(world: World) -> None:
    """The one thing it may do, without declaring anything."""
    async with channel_of(world, AGENCY) as agency, channel_of(world, "registry") as registry:
        await publish(agency, "binaan.intake", "registry.business.report")
        assert (await take(registry, "registry.intake")).user_id == AGENCY
        await publish(registry, "binaan.replies", f"{AGENCY}.accepted", user_id="registry")
        assert (await take(agency, f"{AGENCY}.replies")).routing_key == f"{AGENCY}.accepted"


async def test_wrong_key_is_kept_as_unrouted(world: World) -> None:
    """A key that no service owns is confirmed and kept; the sender alone is told nothing."""
    async with channel_of(world, AGENCY) as agency, channel_of(world, "binaan") as administrator:
        await publish(agency, "binaan.intake", "regsitry.business.report")
        kept = await take(administrator, "binaan.unrouted")
    assert (kept.routing_key, kept.user_id) == ("regsitry.business.report", AGENCY)


async def test_ministry_reads_events_and_history(world: World) -> None:
    """Its queue has what happens, the stream what has happened, from the beginning."""
    key = "registry.business.designated.12.71"
    async with channel_of(world, "registry") as registry, channel_of(world, MINISTRY) as ministry:
        await publish(registry, "binaan.events", key, user_id="registry")
        assert (await take(ministry, f"{MINISTRY}.events")).routing_key == key
        await ministry.set_qos(prefetch_count=10)
        history = await ministry.get_queue("binaan.history", ensure=False)
        arrived: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

        async def on_message(incoming: aio_pika.abc.AbstractIncomingMessage) -> None:
            await incoming.ack()
            if not arrived.done():
                arrived.set_result(incoming.routing_key)

        await history.consume(on_message, arguments={"x-stream-offset": "first"})
        assert await asyncio.wait_for(arrived, 5.0) == key


async def test_ministry_writes_no_history(world: World) -> None:
    """Reading all events is not writing them."""
    async with channel_of(world, MINISTRY) as channel:
        with pytest.raises(ChannelAccessRefused):
            await publish(channel, "", "binaan.history", user_id=MINISTRY)


@pytest.mark.parametrize("service", ["aid", "notify"])
async def test_only_registry_publishes_contacts(world: World, service: str) -> None:
    """Personal data has one home and one way out."""
    async with channel_of(world, service) as channel:
        with pytest.raises(ChannelAccessRefused):
            await publish(channel, "binaan.contacts", "registry.contact.changed", user_id=service)
    async with channel_of(world, "registry") as channel:
        await publish(channel, "binaan.contacts", "registry.contact.changed", user_id="registry")


async def test_notify_tells_registry_of_a_consent_withdrawn_and_orders_nothing_else(world: World) -> None:
    """What an owner answers goes in by the door. A service that is broken into must not erase or report anybody."""
    async with channel_of(world, "notify") as channel, channel_of(world, "registry") as registry:
        await publish(channel, "binaan.intake", "registry.consent.withdraw", user_id="notify")
        assert (await take(registry, "registry.intake")).user_id == "notify"
    for key in ("registry.consent.record", "registry.owner.erase", "aid.programme.open", "registry.consent.withdraw.x"):
        async with channel_of(world, "notify") as channel:
            with pytest.raises(ChannelAccessRefused):
                await publish(channel, "binaan.intake", key, user_id="notify")


@pytest.mark.parametrize("service", ["registry", "aid"])
async def test_a_service_that_orders_nothing_may_send_nothing_by_the_door(world: World, service: str) -> None:
    """Neither of them sends any intake message."""
    async with channel_of(world, service) as channel:
        with pytest.raises(ChannelAccessRefused):
            await publish(channel, "binaan.intake", "registry.consent.withdraw", user_id=service)


@pytest.mark.parametrize(("service", "queue"), [("aid", "registry.intake"), ("aid", "notify.contacts")])
async def test_service_reads_its_own_queues_only(world: World, service: str, queue: str) -> None:
    """A service that is broken into is one service."""
    async with channel_of(world, service) as channel:
        with pytest.raises(ChannelAccessRefused):
            await take(channel, queue)


@pytest.mark.parametrize("service", SERVICES)
async def test_service_declares_nothing_but_may_look(world: World, service: str) -> None:
    """Structure is made here alone; a passive declaration is how a service checks that its queues exist."""
    async with channel_of(world, service) as channel:
        await channel.declare_queue(f"{service}.intake", passive=True)
        await channel.declare_exchange("binaan.events", "topic", passive=True)
        with pytest.raises(ChannelAccessRefused):
            await channel.declare_queue(f"{service}.more", durable=True)


async def test_regional_account_gets_its_region_only(world: World) -> None:
    """Limits on regions are bindings that only we make, and taking one away takes effect."""
    keys = ["registry.business.*.12.#", "#.00"]
    world.add_account("bank-medan", events_bindings=keys)
    async with channel_of(world, "registry") as registry, channel_of(world, "bank-medan") as bank:
        for key in ("registry.business.recorded.14.03", "registry.business.recorded.12.71"):
            await publish(registry, "binaan.events", key, user_id="registry")
        assert (await take(bank, "bank-medan.events")).routing_key == "registry.business.recorded.12.71"
        world.add_account("bank-medan", events_bindings=["#.00"])
        for key in ("registry.business.recorded.12.71", "aid.programme.opened.00"):
            await publish(registry, "binaan.events", key, user_id="registry")
        assert (await take(bank, "bank-medan.events")).routing_key == "aid.programme.opened.00"


async def test_history_right_can_be_taken_away(world: World) -> None:
    """An account is brought to exactly the rights given, not to more and more."""
    world.add_account("dashboard", events_bindings=["#"], history=True)
    world.add_account("dashboard", events_bindings=["#"])
    async with channel_of(world, "dashboard") as channel:
        with pytest.raises(ChannelAccessRefused):
            await get("binaan.history")(channel)


async def test_account_whose_name_begins_with_another_s(world: World) -> None:
    """`dinkop` is not `dinkop-medan`."""
    world.add_account("dinkop")
    async with channel_of(world, "dinkop") as channel:
        with pytest.raises(ChannelAccessRefused):
            await take(channel, f"{AGENCY}.replies")


@pytest.mark.parametrize(
    "name", [*sorted(RESERVED), "Dinkop", "dk", "d" * 41, "dinkop.medan", "9dinkop", "dinkop\n", ".*"]
)
def test_account_name_is_refused(world: World, name: str) -> None:
    """One of ours would get our rights; one with a dot or a star would get others' queues."""
    with world.management() as management, pytest.raises(ValueError, match="account"):
        add_account(management, world.vhost, name, "password")


def test_tags_open_no_more_than_needed(world: World) -> None:
    """A tag is what opens the management API: to the administrator, and for looking to our services."""
    with world.management() as management:
        tags = {user["name"]: user["tags"] for user in management.get("users")}
    assert [tags[account] for account in (AGENCY, MINISTRY)] == [[], []]
    assert [tags[service] for service in SERVICES] == [["management"]] * len(SERVICES)
    assert tags["binaan"] == ["administrator"]


def test_setting_a_password_takes_no_right_away(world: World) -> None:
    """A password can be changed while the account works."""
    with world.management() as management:
        before = management.get("users", MINISTRY, "permissions")
        set_user(management, MINISTRY, MINISTRY)
        assert management.get("users", MINISTRY, "permissions") == before


def test_refusal_of_the_broker_is_an_error(world: World) -> None:
    """What the broker does not take is never passed over in silence."""
    with world.management() as management, pytest.raises(ProvisionError, match="404"):
        management.get("queues", world.vhost, "none")


async def test_intake_needs_no_declared_key(world: World) -> None:
    """A mandatory publish with a wrong key is not returned: the alternate exchange has taken it."""
    async with channel_of(world, AGENCY) as channel:
        try:
            await publish(channel, "binaan.intake", "nobody.knows.this")
        except DeliveryError as error:  # pragma: no cover - the failure this test is about
            pytest.fail(f"returned: {error}")


WORK = {
    "delivery-limit": 1000,
    "dead-letter-exchange": "binaan.dead",
    "dead-letter-strategy": "at-least-once",
    "overflow": "reject-publish",
}


@pytest.mark.parametrize(
    ("queue", "kind", "policy"),
    [
        *((queue, "quorum", WORK) for queue in ("registry.intake", "aid.intake", "aid.events", "notify.intake")),
        *((queue, "quorum", WORK) for queue in ("notify.events", "notify.contacts")),
        *(
            (f"{name}.replies", "quorum", {"message-ttl": 604_800_000, "overflow": "drop-head"})
            for name in ("binaan", AGENCY)
        ),
        (f"{MINISTRY}.events", "quorum", {"overflow": "drop-head", "max-length": 1_000_000}),
        ("binaan.unrouted", "quorum", {"overflow": "reject-publish"}),
        ("binaan.dead", "quorum", {"overflow": "reject-publish"}),
        ("binaan.history", "stream", {"max-age": "1Y", "stream-max-segment-size-bytes": 52_428_800}),
    ],
)
def test_queue_has_type_and_limits(world: World, queue: str, kind: str, policy: dict[str, Any]) -> None:
    """One effective policy a queue, and it is the intended one."""
    with world.management() as management:

        def there() -> Any:
            return management.get("queues", world.vhost, queue)

        # The API shows a new queue's type at once, its policy with the next of the statistics (every 5 s).
        assert wait_until(lambda: "effective_policy_definition" in there(), 15.0)
        found = there()
    assert found["durable"]
    assert (found["type"], found["arguments"]) == (kind, {"x-queue-type": kind})
    assert policy.items() <= found["effective_policy_definition"].items()
    if not queue.startswith(SERVICES):
        assert "dead-letter-exchange" not in found["effective_policy_definition"]


async def test_rejected_work_is_kept_as_dead_letter(world: World) -> None:
    """Services never reject for good; should one do it all the same, the message is not lost."""
    async with channel_of(world, OTHER) as agency, channel_of(world, "aid") as aid:
        await publish(agency, "binaan.intake", "aid.programme.open", user_id=OTHER)
        queue = await aid.get_queue("aid.intake", ensure=False)
        rejected = await queue.get(timeout=PATIENCE_SECONDS)
        await rejected.reject(requeue=False)
    async with channel_of(world, "binaan") as administrator:
        kept = await take(administrator, "binaan.dead")
    assert (kept.routing_key, kept.user_id) == ("aid.programme.open", OTHER)
