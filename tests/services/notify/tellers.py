"""registry and aid as far as notify can see, for tests on real servers."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel

from deploy.local.world import World
from shared.contracts.catalogue import TYPES
from tests.samples import MEDAN
from tests.services.notify import samples
from tests.support import Teller


class Tellers:
    """registry and aid, as far as notify can see."""

    def __init__(self, world: World) -> None:
        self._tellers = {service: Teller(world, service) for service in ("registry", "aid")}

    async def __aenter__(self) -> Self:
        for one in self._tellers.values():
            await one.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        for one in self._tellers.values():
            await one.__aexit__()

    async def tell(self, key: str, data: BaseModel, subject: str, sequence: int = 1, times: int = 1) -> None:
        await self._tellers[TYPES[key].service].tell(key, data, subject, sequence, times=times)

    async def contact(self, owner: str, sequence: int = 1, **changes: Any) -> None:
        await self.tell("registry.contact.changed", samples.contact(owner, **changes), owner, sequence)

    async def business(self, business: str, owner: str) -> None:
        await self.tell("registry.business.designated", samples.business(business, owner), business)

    async def programme(self, programme: str, sequence: int = 1, **changes: Any) -> None:
        key = "aid.programme.closed" if changes.get("status") == "closed" else "aid.programme.opened"
        await self.tell(key, samples.programme(programme, **changes), programme, sequence)

    async def eligibility(self, programme: str, business: str, sequence: int = 1, **changes: Any) -> None:
        data = samples.eligibility(programme, business, **changes)
        await self.tell("aid.eligibility.assessed", data, f"{programme}/{business}", sequence, times=2)

    async def agency(self) -> None:
        await self.tell("registry.agency.registered", samples.agency(), MEDAN)
