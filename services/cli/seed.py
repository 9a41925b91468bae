"""The agencies and officials of a local stack's demo, told to registry through the front door.

May be repeated: a message's id is made from its content, so that the same is told once, and a later version of this
file tells what it has changed.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.cli.agencies import DEMO_AGENCIES, IN_OFFICE_SINCE, OFFICIALS, PERMITTED
from services.cli.client import Door, Intake, opened
from services.cli.connection import find
from services.cli.exits import CliError, Exit, no_reply
from shared.contracts.authority import official_id
from shared.contracts.envelope import ADMINISTRATOR

DEADLINE_SECONDS = 60.0
_PAGE = 500
_PAUSE_SECONDS = 0.1


def seed(env: Mapping[str, str]) -> None:
    """Register the demo agencies and their officials, and wait until aid knows them.

    Raises `CliError`: 1 when registry refuses, 3 without a broker, 4 when it takes longer than a minute.
    """
    asyncio.run(_seed(env))


async def _seed(env: Mapping[str, str]) -> None:
    async with opened(find(ADMINISTRATOR, env), DEADLINE_SECONDS) as door:
        await _tell(door, list(_agencies()))
        await _tell(door, list(_officials()))
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                await _wait_until_known(door)
        except TimeoutError:
            raise no_reply(f"aid does not know the demo agencies after {DEADLINE_SECONDS:.0f} s.") from None


def _agencies() -> Iterator[Intake]:
    for one in DEMO_AGENCIES:
        data = {"agency": one.account, "name": one.name, "level": one.level, "region": one.region}
        yield _intake("registry.agency.register", {**data, "permitted": list(PERMITTED)})


def _officials() -> Iterator[Intake]:
    for one in DEMO_AGENCIES:
        for handle in OFFICIALS:
            data = {"agency": one.account, "official": handle, "role": handle, "valid_from": IN_OFFICE_SINCE}
            yield _intake("registry.official.register", data)


def _intake(key: str, data: dict[str, Any]) -> Intake:
    digest = hashlib.sha256(json.dumps([key, data], sort_keys=True).encode()).hexdigest()
    return Intake(f"seed-{digest[:32]}", key, data)


async def _tell(door: Door, intakes: Sequence[Intake]) -> None:
    async for intake, reply in door.converse(intakes):
        if reply is None:
            raise door.unanswered()
        if reply.rejected:
            raise CliError(Exit.REFUSED, f"{intake.key} was refused: {reply.texts()}")


async def _wait_until_known(door: Door) -> None:
    while True:
        if await _is_known(door):
            return
        await asyncio.sleep(_PAUSE_SECONDS)


async def _is_known(door: Door) -> bool:
    """Whether aid, whose copies come by events, knows every demo agency with all its officials."""
    reply = await door.ask(Intake(str(uuid.uuid4()), "aid.agency.request", {"limit": _PAGE}))
    if reply.rejected:
        raise CliError(Exit.REFUSED, f"aid.agency.request was refused: {reply.texts()}")
    known = {one["agency"]: {each["official_id"] for each in one["officials"]} for one in reply.data["answer"]}
    return all(
        {official_id(one.account, handle) for handle in OFFICIALS} <= known.get(one.account, set())
        for one in DEMO_AGENCIES
    )
