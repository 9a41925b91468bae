"""Which database driver a service works with, as MongoDB sees it: PyMongo's own, or Motor for whoever asks for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from deploy.local.world import World
from tests.support import ServiceProcess

pytestmark = pytest.mark.servers

DRIVERS = ("pymongo", "motor")


def driver_of(world: World, service: str) -> str:
    """The driver behind the connections of a service, idle ones too; it names itself, as in "PyMongo|c|Motor"."""
    with MongoClient[dict[str, Any]](world.mongo_url) as client:
        stages: list[dict[str, Any]] = [
            {"$currentOp": {"allUsers": True, "idleConnections": True}},
            {"$match": {"appName": world.databases[service]}},
        ]
        names = {one["clientMetadata"]["driver"]["name"] for one in client.admin.aggregate(stages)}
    assert names
    return "motor" if any(name.endswith("|Motor") for name in names) else "pymongo"


@pytest.mark.parametrize("driver", DRIVERS)
async def test_a_service_works_with_the_driver_it_was_told(driver: str, world: World, tmp_path: Path) -> None:
    """It becomes ready with either."""
    async with ServiceProcess(world, "notify", tmp_path, BINAAN_MONGO_DRIVER=driver):
        assert driver_of(world, "notify") == driver


async def test_services_of_a_test_run_use_the_driver_that_the_run_was_told(world: World, tmp_path: Path) -> None:
    """`make test-motor` is about Motor: the variable gets through to the processes that tests start."""
    usual = os.environ.get("BINAAN_MONGO_DRIVER", "pymongo")
    async with ServiceProcess(world, "registry", tmp_path):
        assert driver_of(world, "registry") == usual
