"""A key is replaced while work goes on: all stays readable, nothing is told twice, nothing stays under the old one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.decision import Decision
from shared.kernel.keys import KeyFile, KeyFileError, Keyring
from shared.kernel.rekeying import AT_ONCE
from shared.kernel.routes import Decide, Needs
from shared.kernel.state import ById
from tests.shared.kernel.toy import DATABASE, NOW, THINGS, Thing, Toy, put, verdicts

pytestmark = pytest.mark.servers

OLD, NEW = b"o" * 32, b"n" * 32
FIRST = KeyFile("k1", {"k1": OLD}).with_ids()
ONLY_OLD = Keyring("k1", {"k1": OLD})
ADDED = Keyring("k1", {"k1": OLD, "k2": NEW}, ids=FIRST.ids, unnamed="k1")
USED = Keyring("k2", {"k1": OLD, "k2": NEW}, ids=FIRST.ids, unnamed="k1")
ONLY_NEW = Keyring("k2", {"k2": NEW}, ids=FIRST.ids)


def replica(like: Toy, keyring: Keyring) -> Toy:
    return Toy(like.url, DATABASE, keyring=keyring, writer=f"{keyring.current}@test/{len(keyring.settled)}")


@pytest.fixture
async def old(toy: Toy) -> AsyncIterator[Toy]:
    """A replica with the key file of before, in an empty database."""
    made = replica(toy, ONLY_OLD)
    yield made
    await made.mongo.close()


@pytest.fixture
async def new(toy: Toy) -> AsyncIterator[Toy]:
    """A replica whose current key is the new one."""
    made = replica(toy, USED)
    yield made
    await made.mongo.close()


async def brought_over(toy: Toy) -> int:
    """Let the worker come to its end; the number of its steps."""

    async def run(needs: Needs, decide: Decide) -> Decision:
        decision, outgoing = await toy.unit_of_work.run(needs, decide, lambda: NOW)
        assert not outgoing, "nothing is told"
        return decision

    steps = 1
    while await toy.rekeying.step(run):
        steps += 1
    return steps


async def everything(toy: Toy) -> list[dict[str, Any]]:
    return [one for name in ("things", "held", "inbox", "outbox") for one in await toy.raw(name)]


async def test_all_that_is_sealed_is_brought_under_the_new_key_and_says_the_same(old: Toy, new: Toy) -> None:
    """State, replies, what is not sent yet, and what is held: in steps, and to its end."""
    old.behaviour.broken.add("bad")
    await old.process(*(put(f"t-{number}", f"m-{number}", secret="s") for number in range(AT_ONCE + 20)))
    await old.process(put("bad", "m-bad"))
    unsent = {one.id: one for one in await old.outbox.unsent()}
    held = await old.held()
    left = await new.rekeying.left()
    assert {name: left[name] > 0 for name in ("things", "held", "inbox", "outbox")} == dict.fromkeys(left, True)
    assert await brought_over(new) == 3

    assert not any((await new.rekeying.left()).values())
    alone = replica(new, ONLY_NEW)
    await alone.rekeying.check()
    assert {one.id: one for one in await alone.outbox.unsent()} == unsent
    assert [one.delivery for one in await alone.held()] == [one.delivery for one in held]
    assert (await alone.get(ById(THINGS, "t-7"))) == (await old_thing(new))
    again = await alone.process(put("t-3", "m-3", secret="s"))
    assert verdicts(again)["m-3"][0] == "accepted"
    assert not [one for one in await everything(alone) if "k1" in str(one.get("k"))]
    await alone.mongo.close()


async def old_thing(toy: Toy) -> Thing | None:
    return await toy.thing("t-7")


async def test_who_decides_on_the_old_version_while_it_is_brought_over_decides_again(old: Toy, new: Toy) -> None:
    """Bringing over is a change like any other: it takes no decision back, and is not taken back by one."""
    await old.process(put("t", "m-1", secret="s"))
    before = (await old.raw("things"))[0]
    await brought_over(new)
    after = (await old.raw("things"))[0]
    assert after["v"] == before["v"] + 1
    assert after["s"] == before["s"]


async def test_a_replica_with_the_new_key_in_second_place_undoes_nothing(old: Toy, new: Toy) -> None:
    """While replicas are given their files one after another, whoever has the workers' lease must not go backwards."""
    await new.process(put("t", "m-1", secret="s"))
    added = replica(old, ADDED)
    assert not any((await added.rekeying.left()).values())
    assert (await added.thing("t")) is not None
    await brought_over(added)
    assert {one["k"] for one in await everything(added) if "k" in one} == {"k2"}
    await added.mongo.close()


async def test_a_message_is_recognised_under_every_key_file(old: Toy, new: Toy) -> None:
    """Its sender sends it again months later: the same bytes, from whichever replica."""
    (first,) = [one.body for one in await old.process(put("t", "m-1")) if one.type.endswith("accepted.v1")]
    for keyring in (ADDED, USED):
        other = replica(new, keyring)
        assert first in [one.body for one in await other.process(put("t", "m-1"))]
        await other.mongo.close()


async def test_a_service_whose_file_lacks_a_key_says_which_and_where_and_does_not_work(old: Toy, new: Toy) -> None:
    """Its tokens would not be found and everybody would be recorded twice; so it ends before it takes a message."""
    await old.process(put("t", "m-1", secret="s"))
    alone = replica(new, ONLY_NEW)
    with pytest.raises(KeyFileError, match=r"lacks k1, .*\(things, outbox, inbox\)"):
        await alone.rekeying.check()
    await alone.mongo.close()


async def test_what_cannot_be_brought_over_does_not_keep_the_worker_busy(
    old: Toy, new: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug in a collection's tokens is said once a pass, and the rest goes on."""
    await old.process(put("t", "m-1", secret="s"))
    monkeypatch.setattr(Keyring, "stamp", lambda *_: "k1")
    assert await brought_over(new) <= 3
    assert (await new.rekeying.left())["things"] == 1
