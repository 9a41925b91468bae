"""Worlds in one broker and one database server are apart, and a service's account sees its own database only."""

import pytest
from pymongo.errors import OperationFailure

from deploy.local.servers import Servers
from deploy.local.world import World
from deploy.mongodb.provision import open_client
from deploy.rabbitmq.provision import verify

pytestmark = pytest.mark.servers


def test_world_is_as_defined(world: World) -> None:
    """What the broker has is what `definitions.json` says."""
    with world.management() as management:
        assert verify(management, world.vhost) == []


def test_verify_names_what_is_missing(servers: Servers) -> None:
    """A queue that somebody has deleted is said, not silently made again."""
    world = servers.world("verify", accounts=())
    try:
        with world.management() as management:
            management.delete("queues", world.vhost, "aid.events")
            problems = verify(management, world.vhost)
        assert any("'aid.events'" in problem and problem.startswith("queue") for problem in problems)
    finally:
        world.remove()


def test_service_may_write_and_index_its_own_database_only(world: World) -> None:
    """One database a service: not even reading is possible in another's."""
    with open_client(world.mongo_url_of("aid")) as client:
        own = client[world.databases["aid"]]
        own["grants"].create_index("beneficiary")
        own["grants"].insert_one({"beneficiary": 1})
        with client.start_session() as session, session.start_transaction():
            own["grants"].insert_one({"beneficiary": 2}, session=session)
        assert own["grants"].count_documents({}) == 2
        foreign = client[world.databases["registry"]]["owners"]
        with pytest.raises(OperationFailure, match="not authorized"):
            foreign.find_one()
        with pytest.raises(OperationFailure, match="not authorized"):
            foreign.insert_one({})
        with pytest.raises(OperationFailure, match="not authorized"):
            client["admin"].command("createUser", "more", pwd="more", roles=["root"])


def test_removed_world_leaves_nothing(servers: Servers) -> None:
    """A test run on given servers must not fill them up."""
    world = servers.world("gone", accounts=())
    world.remove()
    with servers.management() as management, servers.mongo() as mongo:
        assert not management.exists("vhosts", world.vhost)
        assert not [name for name in mongo.list_database_names() if name.startswith(world.name)]
        assert mongo["admin"]["system.users"].count_documents({"db": {"$in": list(world.databases.values())}}) == 0
