"""The steps of docs/operators/keys.md as an operator takes them, while two replicas work and an office reports."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest
from pymongo import MongoClient

from deploy.local.servers import Servers
from deploy.local.world import World
from shared.kernel.keyfile import main as keyfile
from tests.samples import MEDAN
from tests.services.registry.test_on_servers import OBSERVED, REPORT
from tests.shared.kernel.shop import new_keys
from tests.shared.reference import generate
from tests.support import PROJECT, History, Json, Party, ServiceProcess, register, until

pytestmark = pytest.mark.servers

_RANDOM = Random(4)
PEOPLE = tuple(generate.nik(_RANDOM, regency="12.71") for _ in range(150))


class Load:
    """An office that goes on reporting: each person's first business, and later a second and the first again."""

    def __init__(self, party: Party) -> None:
        self.party, self.sent, self._on = party, list[str](), True

    def report(self, number: int) -> Json:
        person, again = number % len(PEOPLE), number // len(PEOPLE)
        name = f"Warung {('Satu', 'Dua')[again % 2]} {person}"
        owner = {"nik": PEOPLE[person], "name": f"Pemilik Contoh {person}", "phone": f"+62821000{person + 3210:05d}"}
        return {"owner": owner, "business": {"name": name, "region": "12.71.01.1001", "workers": again}}

    async def __call__(self) -> None:
        while self._on:
            id_ = f"rotation-{len(self.sent)}"
            await self.party.send(REPORT, self.report(len(self.sent)), id_=id_, time=OBSERVED)
            self.sent.append(id_)
            # No more under way than two replicas hold, so that each step of the operator meets work.
            await until(lambda: len(self.sent) - len(self.party.replies) < 40, what="replies")

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        going = asyncio.create_task(self())
        try:
            yield
        finally:
            self._on = False
            await going

    async def more(self, count: int = 60) -> None:
        """Wait until so many more are answered."""
        wanted = len(self.party.replies) + count
        await until(lambda: len(self.party.replies) >= wanted, what=f"{count} more replies")


class Replica(ServiceProcess):
    """One of two, with a key file of its own, as on two machines."""

    def change(self, step: str, name: str) -> None:
        assert keyfile([step, str(self._key_file()), name]) == 0

    def copy_from(self, other: Replica) -> None:
        shutil.copy(other._key_file(), self._key_file())

    async def again(self) -> None:
        """Stop and start, as after a change of its file."""
        assert self.stop() == 0
        await self.start()

    async def left_none(self) -> bool:
        """Whether its page says that nothing depends on an older key; absent is not 0."""
        return (await self.metrics()).get("binaan_older_key_documents") == 0


def documents(world: World) -> dict[str, list[Json]]:
    with MongoClient[Json](world.mongo_url_of("registry")) as client:
        database = client[world.databases["registry"]]
        return {name: list(database[name].find()) for name in database.list_collection_names()}


@pytest.fixture
async def replicas(world: World, tmp_path: Path) -> AsyncIterator[tuple[Replica, Replica]]:
    """Two replicas with the same key file of the time before keys were rotated."""
    one, two = Replica(world, "registry", tmp_path / "one"), Replica(world, "registry", tmp_path / "two")
    new_keys(one._key_file())
    two.copy_from(one)
    async with one, two:
        await register(world, (MEDAN,))
        yield one, two


async def test_a_key_is_replaced_under_load_and_everything_stays_what_it_was(
    world: World, replicas: tuple[Replica, Replica]
) -> None:
    """Added everywhere, used everywhere, brought over, dropped: nobody is recorded twice, every message has its one
    reply, and in the end nothing is under the old key."""
    one, two = replicas
    async with Party(world, MEDAN) as party:
        load = Load(party)
        async with load.going_on():
            await load.more()
            one.change("add", "k2")
            two.copy_from(one)
            await one.again()
            await load.more()
            await two.again()
            await load.more()
            one.change("use", "k2")
            await one.again()
            await load.more(2 * len(PEOPLE))  # one with the old key current, one with the new
            two.copy_from(one)
            await two.again()
            await load.more()
            await until(one.left_none, what="nothing under the old key")
            one.change("drop", "k1")
            two.copy_from(one)
            await one.again()
            await two.again()
            await load.more()
        await until(lambda: len(party.replies) == len(load.sent), what="all replies")
        refused = [one.body["data"] for one in party.seen if "result" not in one.body["data"]]
        assert not refused
        found = documents(world)
        assert {document["k"] for kept in found.values() for document in kept if "k" in document} == {"k2"}
        keys = [key for name in ("owners", "businesses") for one_ in found[name] for key in one_["keys"]]
        assert keys
        assert all(key.partition(":")[2].startswith("k2.") for key in keys)
        assert len(found["owners"]) == len(set(PEOPLE))
        assert Counter(one_["s"]["owner_id"] for one_ in found["businesses"]) == dict.fromkeys(
            (one_["_id"] for one_ in found["owners"]), 2
        )
        # Each was answered once; sent again, also what was answered under the old key alone, it gets the same bytes.
        assert {len(bodies) for bodies in party.replies.values()} == {1}
        for number in (0, 1, len(load.sent) // 2):
            await party.send(REPORT, load.report(number), id_=f"rotation-{number}", time=OBSERVED)
            await party.reply_to(f"rotation-{number}", count=2)
            assert len(set(party.replies[f"rotation-{number}"])) == 1
    async with History(world) as history:
        told = sum(one_["s"]["sequence"] for one_ in found["businesses"])
        await until(lambda: sum(len(chain) for chain in _of_businesses(history).values()) >= told, what="all events")
        for chain in _of_businesses(history).values():
            assert [int(event["sequence"]) for event in chain] == list(range(1, len(chain) + 1))


def _of_businesses(history: History) -> dict[str, list[Json]]:
    return {key: chain for key, chain in history.by_subject().items() if ".registry.business." in chain[0]["type"]}


async def test_a_service_whose_key_was_dropped_too_early_says_so_and_ends(servers: Servers, tmp_path: Path) -> None:
    """With 78, as for every key file that cannot be used, naming the key and the collections, and no value."""
    world = servers.world("dropped")
    try:
        async with Replica(world, "registry", tmp_path) as process:
            await register(world, (MEDAN,))
        path = process._key_file()
        content = json.loads(path.read_text())
        path.write_text(json.dumps({"current": "k9", "keys": {"k9": content["keys"]["k1"]}}))
        process.launch()
        await until(lambda: process.exit_code is not None, what="the end of the process")
        assert process.exit_code == 78
        (said,) = [line for line in process.logged() if line["event"] == "cannot start"]
        assert said["reason"] == "the key file lacks k1, on which data depends (inbox); put it back"
    finally:
        process.kill()
        world.remove()


def test_the_command_runs_as_the_page_says(tmp_path: Path) -> None:
    """``python -m shared.kernel.keyfile``."""
    path = new_keys(tmp_path / "keys.json")
    done = subprocess.run(
        [sys.executable, "-m", "shared.kernel.keyfile", "show", path],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "k1  in use\n"
