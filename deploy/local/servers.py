"""RabbitMQ and MongoDB to work against: servers of our own on this machine, or any that were given by URL."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from deploy.local.mongodb import MongoServer
from deploy.local.rabbitmq import RabbitServer
from deploy.local.world import World
from deploy.mongodb.provision import Client, open_client
from deploy.rabbitmq.accounts import DEMO_ACCOUNTS, Account
from deploy.rabbitmq.management import Management


@dataclass(frozen=True)
class Servers:
    """Running servers, whoever runs them. All three URLs hold the administrator's name and password.

    `amqp_url` may end in a virtual host; tests make their own.
    """

    amqp_url: str
    mongo_url: str
    management_url: str

    @property
    def administrator_password(self) -> str:
        return urlsplit(self.amqp_url).password or ""

    def management(self) -> Management:
        return Management(self.management_url)

    def mongo(self) -> Client:
        return open_client(self.mongo_url)

    def world(self, name: str = "world", accounts: tuple[Account, ...] = DEMO_ACCOUNTS) -> World:
        """A virtual host and databases that nobody else uses, with all queues and accounts. `World.remove` ends it."""
        return World.create(self.amqp_url, self.mongo_url, self.management_url, name, accounts)


class LocalServers:
    """A private RabbitMQ and a private MongoDB under one root directory."""

    def __init__(self, root: Path) -> None:
        self.rabbitmq = RabbitServer(root)
        self.mongodb = MongoServer(root)

    @property
    def all(self) -> tuple[RabbitServer | MongoServer, ...]:
        return self.rabbitmq, self.mongodb

    @property
    def urls(self) -> Servers:
        return Servers(f"{self.rabbitmq.amqp_url}/", self.mongodb.url, self.rabbitmq.management_url)

    def start(self) -> Servers:
        """Start what does not run, both at once, and wait for both. Raises LocalError when one does not come up."""
        for server in self.all:
            if not server.running:
                server.start()
        self.mongodb.wait()
        self.rabbitmq.wait()
        return self.urls

    def stop(self) -> None:
        for server in self.all:
            server.stop()

    def kill(self) -> None:
        """Stop at once, for servers whose data is thrown away."""
        for server in self.all:
            server.kill()
