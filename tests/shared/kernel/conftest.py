"""The toy domain's types, and replicas of it on the real database."""

from collections.abc import AsyncIterator, Iterator

import pytest

from deploy.local.servers import Servers
from tests.shared.kernel.toy import DATABASE, DRIVERS, Driver, Toy, in_catalogue, toys


@pytest.fixture(scope="package", autouse=True)
def _toy_types() -> Iterator[None]:
    with in_catalogue():
        yield


@pytest.fixture(scope="package")
def mongo_url(servers: Servers) -> Iterator[str]:
    """Where the toy's database is; nothing of it is left on servers that were given."""
    yield servers.mongo_url
    with servers.mongo() as client:
        client.drop_database(DATABASE)


@pytest.fixture
async def toy(mongo_url: str) -> AsyncIterator[Toy]:
    """One replica on an empty database."""
    async with toys(mongo_url) as (one,):
        yield one


@pytest.fixture
async def pair(mongo_url: str) -> AsyncIterator[list[Toy]]:
    """Two replicas on one empty database."""
    async with toys(mongo_url, 2) as two:
        yield two


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> Driver:
    chosen: Driver = request.param
    return chosen


@pytest.fixture
async def on_either_driver(mongo_url: str, driver: Driver) -> AsyncIterator[list[Toy]]:
    """Two replicas on one empty database, with either driver."""
    async with toys(mongo_url, 2, driver) as two:
        yield two
