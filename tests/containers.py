"""RabbitMQ and MongoDB as containers, where a Docker engine answers and already has the images."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from pymongo.errors import PyMongoError

from deploy.local.processes import LocalError, wait_until
from deploy.local.rabbitmq import ADMINISTRATOR
from deploy.local.servers import Servers
from deploy.mongodb.provision import REPLICA_SET, prepare_server
from deploy.rabbitmq.management import ProvisionError

PYTHON = "python:3.11-slim"
RABBITMQ = "rabbitmq:4-management"
MONGODB = "mongo:8"

START_MONGODB = (
    "head -c 32 /dev/urandom | base64 > /tmp/key && chmod 400 /tmp/key && chown mongodb /tmp/key && "
    f"exec docker-entrypoint.sh mongod --replSet {REPLICA_SET} --keyFile /tmp/key --bind_ip_all "
    "--setParameter transactionLifetimeLimitSeconds=15"
)


@contextmanager
def containers() -> Iterator[Servers | None]:
    """Servers in containers for as long as the context lasts; None without an engine or without the images."""
    if not _engine_with_images():
        yield None
        return
    with ExitStack() as stack:
        yield _start(stack)


def _engine_with_images() -> bool:
    import docker  # type: ignore[import-untyped]

    try:
        client = docker.from_env(timeout=3)
        tags = {tag for image in client.images.list() for tag in image.tags}
    except docker.errors.DockerException:
        return False
    return {RABBITMQ, MONGODB} <= tags


def _start(stack: ExitStack) -> Servers:
    # Its clean-up helper is one more image; the context ends what it has started.
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    from testcontainers.core.container import DockerContainer

    password = secrets.token_hex(16)
    rabbitmq = stack.enter_context(
        DockerContainer(RABBITMQ)
        .with_env("RABBITMQ_DEFAULT_USER", ADMINISTRATOR)
        .with_env("RABBITMQ_DEFAULT_PASS", password)
        .with_exposed_ports(5672, 15672)
    )
    mongodb = stack.enter_context(
        DockerContainer(MONGODB)
        .with_env("MONGO_INITDB_ROOT_USERNAME", ADMINISTRATOR)
        .with_env("MONGO_INITDB_ROOT_PASSWORD", password)
        .with_kwargs(entrypoint=["bash", "-c", START_MONGODB])
        .with_exposed_ports(27017)
    )
    amqp = f"{rabbitmq.get_container_host_ip()}:{rabbitmq.get_exposed_port(5672)}"
    management = f"{rabbitmq.get_container_host_ip()}:{rabbitmq.get_exposed_port(15672)}"
    mongo = f"{mongodb.get_container_host_ip()}:{mongodb.get_exposed_port(27017)}"
    servers = Servers(
        f"amqp://{ADMINISTRATOR}:{password}@{amqp}/",
        # Direct: the set knows its node by an address that is only valid inside the container.
        f"mongodb://{ADMINISTRATOR}:{password}@{mongo}/?directConnection=true&authSource=admin",
        f"http://{ADMINISTRATOR}:{password}@{management}",
    )
    _wait("RabbitMQ", lambda: _rabbitmq_ready(servers))
    _wait("MongoDB", lambda: _mongodb_ready(mongo, password))
    return servers


def _wait(what: str, ready: Callable[[], bool]) -> None:
    if not wait_until(ready, 120.0):
        raise LocalError(f"the container of {what} did not become ready")


def _rabbitmq_ready(servers: Servers) -> bool:
    try:
        with servers.management() as management:
            return management.exists("health", "checks", "port-listener", "5672")
    except ProvisionError:
        return False


def _mongodb_ready(address: str, password: str) -> bool:
    try:
        prepare_server(address, password, advertised="127.0.0.1:27017")
    except PyMongoError:
        return False
    return True
